//! `sign-string`: signs the fixed string of the official helper, to test a key.

use aws_lc_rs::digest::{SHA256, digest};

use crate::app::App;
use crate::command::Plan;
use crate::output::error::Error;
use roles_anywhere_client::hex;
use roles_anywhere_client::identity::{IdentityError, KeySource, Permissions};
use roles_anywhere_client::input_source::Files;
use roles_anywhere_client::key::signer::{Digest, Signer, SigningAlgorithm};
use roles_anywhere_client::password::{PasswordSource, Passwords};
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::x509::PublicKey;

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

impl Plan for SignString {
    fn run(&self, app: &App) -> Result<SecretBytes, Error> {
        run(self, &**app.files(), &app.passwords(&self.password))
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
