//! The options of `sign-string` and `read-certificate-data`, which use no network.

use super::identity;
use super::setting::{Setting, Settings};
use crate::command::read_certificate_data::{CertificateFormat, ReadCertificateData};
use crate::command::sign_string::{SignString, SignatureFormat};
use crate::options::{ReadCertificateDataArgs, SessionArgs, SignStringArgs};
use crate::output::usage::UsageError;
use roles_anywhere_client::key::signer::Digest;
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::text::disclosure::PathExists;

pub(super) fn sign_string(
    args: SignStringArgs,
    environment: &Environment,
    paths: PathExists<'_>,
) -> Result<SignString, UsageError> {
    let session = SessionArgs { identity: args.identity, ..SessionArgs::default() };
    let settings = Settings { args: &session, environment, paths };
    let format = match given(&settings, "--format", &args.format)? {
        None => SignatureFormat::Json,
        Some(setting) => match setting.value.as_str() {
            "json" => SignatureFormat::Json,
            "text" => SignatureFormat::Text,
            "bin" => SignatureFormat::Bin,
            _ => return Err(setting.refuse("`json`, `text` or `bin`")),
        },
    };
    let digest = match given(&settings, "--digest", &args.digest)? {
        None => Digest::Sha256,
        Some(setting) => match setting.value.to_ascii_uppercase().as_str() {
            "SHA256" => Digest::Sha256,
            "SHA384" => Digest::Sha384,
            "SHA512" => Digest::Sha512,
            _ => return Err(setting.refuse("`SHA256`, `SHA384` or `SHA512`")),
        },
    };
    Ok(SignString {
        private_key: identity::private_key(&settings)?,
        permissions: identity::permissions(&settings)?,
        format,
        digest,
        password: identity::password(&settings)?,
    })
}

pub(super) fn read_certificate_data(
    args: ReadCertificateDataArgs,
    environment: &Environment,
    paths: PathExists<'_>,
) -> Result<ReadCertificateData, UsageError> {
    let session = SessionArgs { identity: args.identity, ..SessionArgs::default() };
    let settings = Settings { args: &session, environment, paths };
    let output = match given(&settings, "--output", &args.output)? {
        None => CertificateFormat::Official,
        Some(setting) => match setting.value.as_str() {
            "json" => CertificateFormat::Official,
            "text" => CertificateFormat::Text,
            "full" => CertificateFormat::Full,
            _ => return Err(setting.refuse("`json`, `text` or `full`")),
        },
    };
    let certificate = identity::certificate(&settings)?;
    Ok(ReadCertificateData { certificate, output, password: identity::password(&settings)? })
}

/// Returns an option that has no variable; an empty value counts as not given.
fn given<'a>(
    settings: &Settings<'a>,
    flag: &str,
    value: &Option<String>,
) -> Result<Option<Setting<'a>>, UsageError> {
    let value = value.as_ref().filter(|value| !value.is_empty());
    value.map(|value| settings.setting(flag, value)).transpose()
}
