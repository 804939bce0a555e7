//! The two commands that look at a key and a certificate without AWS.

use super::setting::Settings;
use super::{Command, Plan, identity};
use crate::cli::{ReadCertificateDataArgs, SessionArgs, SignStringArgs};
use crate::command::read_certificate_data::{Output, ReadCertificateData};
use crate::command::sign_string::{Format, SignString};
use crate::signer::Digest;
use crate::usage::UsageError;
use crate::world::Environment;

pub(super) fn sign_string(
    args: SignStringArgs,
    environment: &Environment,
) -> Result<Plan, UsageError> {
    let format = match given(&args.format) {
        None | Some("json") => Format::Json,
        Some("text") => Format::Text,
        Some("bin") => Format::Bin,
        Some(other) => return Err(refuse("--format", other, "`json`, `text` or `bin`")),
    };
    let digest = match given(&args.digest).map(str::to_ascii_uppercase).as_deref() {
        None | Some("SHA256") => Digest::Sha256,
        Some("SHA384") => Digest::Sha384,
        Some("SHA512") => Digest::Sha512,
        Some(other) => return Err(refuse("--digest", other, "`SHA256`, `SHA384` or `SHA512`")),
    };
    let session = SessionArgs { identity: args.identity, ..SessionArgs::default() };
    let settings = Settings { args: &session, environment };
    let command = SignString {
        private_key: identity::private_key(&settings)?,
        permissions: identity::permissions(&settings)?,
        format,
        digest,
    };
    Ok(Plan { command: Command::SignString(command), password: identity::password(&settings)? })
}

pub(super) fn read_certificate_data(
    args: ReadCertificateDataArgs,
    environment: &Environment,
) -> Result<Plan, UsageError> {
    let output = match given(&args.output) {
        None | Some("json") => Output::Official,
        Some("text") => Output::Text,
        Some("full") => Output::Full,
        Some(other) => return Err(refuse("--output", other, "`json`, `text` or `full`")),
    };
    let session = SessionArgs { identity: args.identity, ..SessionArgs::default() };
    let settings = Settings { args: &session, environment };
    let certificate = identity::certificate(&settings)?;
    let command = Command::ReadCertificateData(ReadCertificateData { certificate, output });
    Ok(Plan { command, password: identity::password(&settings)? })
}

fn given(value: &Option<String>) -> Option<&str> {
    value.as_deref().filter(|value| !value.is_empty())
}

fn refuse(flag: &str, value: &str, wanted: &'static str) -> UsageError {
    UsageError::Value { origin: flag.to_owned(), value: value.to_owned(), wanted }
}
