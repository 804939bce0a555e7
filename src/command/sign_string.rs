//! `sign-string`: signs the fixed string of the official helper, to test a key.

use aws_lc_rs::digest::{SHA256, digest};

use crate::app::App;
use crate::command::{Command, Plan};
use crate::options::arguments::OptionGroups;
use crate::options::command_line::Word;
use crate::options::identity;
use crate::options::settings::Settings;
use crate::options::table::{self, Heading, OptionSpec, ValueType};
use crate::output::Outcome;
use crate::output::error::Error;
use crate::output::usage::UsageError;
use roles_anywhere_client::hex;
use roles_anywhere_client::identity::{IdentityError, KeySource, Permissions};
use roles_anywhere_client::input_source::Files;
use roles_anywhere_client::key::signer::{Digest, Signer, SigningAlgorithm};
use roles_anywhere_client::password::{PasswordSource, Passwords};
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::x509::PublicKey;

static FORMAT: OptionSpec = OptionSpec::new("--format", "FORMAT", ValueType::Text)
    .without_variable()
    .default_value("json")
    .under(Heading::Output)
    .choices(&[
        ("json", "Hexadecimal, in double quotes"),
        ("text", "Hexadecimal"),
        ("bin", "The bytes"),
    ])
    .help("Format: json, text or bin")
    .details("Format of the signature.");

static DIGEST: OptionSpec = OptionSpec::new("--digest", "DIGEST", ValueType::Text)
    .without_variable()
    .default_value("SHA256")
    .under(Heading::Output)
    .choices(&[("SHA256", ""), ("SHA384", ""), ("SHA512", "")])
    .help("Digest to sign")
    .details("Digest that is signed. ML-DSA keys sign the string itself.");

/// The plan of `sign-string`.
#[derive(Clone, Debug)]
pub struct SignString {
    /// The private key.
    pub private_key: KeySource,
    /// The password of an encrypted key.
    pub password: PasswordSource,
    /// What to do about a key file that other users can read.
    pub permissions: Permissions,
    /// The output format.
    pub format: SignatureFormat,
    /// The digest, for keys that sign one.
    pub digest: Digest,
}

impl Command for SignString {
    const NAME: &'static [Word] = &[("sign-string", "Sign a fixed string, to test a private key")];
    const DETAILS: &'static str = "\
Signs the fixed string of aws_signing_helper and prints the signature. No certificate is needed, and the key can also be in the file of `--certificate`.";
    const EXAMPLES: &'static str =
        "roles-anywhere sign-string --private-key host.key --format bin > signature";
    const DOCS: &'static [&'static str] = &["keys.md"];
    const OPTIONS: &'static OptionGroups = &[
        &[&FORMAT, &DIGEST],
        table::identity::IDENTITY,
        table::identity::KEY_ACCESS,
        table::identity::NOT_YET,
        table::errors::ERRORS,
    ];
    const REQUIRED: &'static [&'static OptionSpec] = &[&table::identity::PRIVATE_KEY];

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let format = settings.flag_or_default(&FORMAT)?;
        let format = match format.value {
            "json" => SignatureFormat::Json,
            "text" => SignatureFormat::Text,
            "bin" => SignatureFormat::Bin,
            _ => return Err(format.refuse("`json`, `text` or `bin`")),
        };
        let digest = settings.flag_or_default(&DIGEST)?;
        let digest = match digest.value.to_ascii_uppercase().as_str() {
            "SHA256" => Digest::Sha256,
            "SHA384" => Digest::Sha384,
            "SHA512" => Digest::Sha512,
            _ => return Err(digest.refuse("`SHA256`, `SHA384` or `SHA512`")),
        };
        Ok(Self {
            private_key: identity::private_key(settings)?,
            permissions: identity::permissions(settings)?,
            format,
            digest,
            password: identity::password(settings)?,
        })
    }
}

impl Plan for SignString {
    fn run(&self, app: &App) -> Result<Outcome, Error> {
        Ok(run(self, &**app.files(), &app.passwords(&self.password))?.into())
    }
}

/// The output format of a signature. None ends in a newline, like the output of the official helper.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SignatureFormat {
    /// Lower-case hex in double quotes.
    Json,
    /// Lower-case hex.
    Text,
    /// The bytes.
    Bin,
}

/// Returns the signature to print.
pub fn run(
    plan: &SignString,
    files: &dyn Files,
    passwords: &dyn Passwords,
) -> Result<SecretBytes, Error> {
    let signer = plan.private_key.open(plan.permissions, files, passwords)?;
    let message = fixed_string(&*signer);
    let signature = signer
        .sign_with(plan.digest, &message)
        .map_err(|source| IdentityError::Sign { place: plan.private_key.name(), source })?;
    let printed = match plan.format {
        SignatureFormat::Json => format!("\"{}\"", hex::encode(&signature.0)).into_bytes(),
        SignatureFormat::Text => hex::encode(&signature.0).into_bytes(),
        SignatureFormat::Bin => signature.0.clone(),
    };
    Ok(SecretBytes::new(printed))
}

/// Returns the message that the official helper signs: a text, `1`, and (except for ML-DSA keys) the
/// SHA-256 of `IAM RA` and the public key.
fn fixed_string(signer: &dyn Signer) -> Vec<u8> {
    let mut message = b"AWS Roles Anywhere Credential Helper Signing Test1".to_vec();
    if signer.algorithm() != SigningAlgorithm::MlDsa {
        let PublicKey(key) = signer.public_key();
        message.extend(digest(&SHA256, &[b"IAM RA", key.as_slice()].concat()).as_ref());
    }
    message
}
