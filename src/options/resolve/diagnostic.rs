//! The options of `sign-string` and `read-certificate-data`, which use no network.

use super::identity;
use crate::command::read_certificate_data::{CertificateFormat, ReadCertificateData};
use crate::command::sign_string::{SignString, SignatureFormat};
use crate::options::settings::Settings;
use crate::options::table::diagnostic::{DIGEST, FORMAT, OUTPUT};
use crate::output::usage::UsageError;
use roles_anywhere_client::key::signer::Digest;

pub(super) fn sign_string(settings: &Settings<'_>) -> Result<SignString, UsageError> {
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
    Ok(SignString {
        private_key: identity::private_key(settings)?,
        permissions: identity::permissions(settings)?,
        format,
        digest,
        password: identity::password(settings)?,
    })
}

pub(super) fn read_certificate_data(
    settings: &Settings<'_>,
) -> Result<ReadCertificateData, UsageError> {
    let output = match settings.flag(&OUTPUT)? {
        None => CertificateFormat::Official,
        Some(setting) => match setting.value {
            "json" => CertificateFormat::Official,
            "text" => CertificateFormat::Text,
            "full" => CertificateFormat::Full,
            _ => return Err(setting.refuse("`json`, `text` or `full`")),
        },
    };
    let certificate = identity::certificate(settings)?;
    Ok(ReadCertificateData { certificate, output, password: identity::password(settings)? })
}
