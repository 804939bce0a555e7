//! What each module's error becomes at the edge: whose it is to fix, and what to try. Errors of the
//! client become one of the user through `ProviderError`.

mod key_files;
mod refusals;
mod transport;

use std::sync::Arc;

use crate::credentials_file::port::ProfileFileError;
use crate::credentials_file::{ProfileError, SyntaxError};
use crate::output::error::{Error, Kind};
use crate::output::run::{RunError, SecretSelectionError};
use crate::output::usage::UsageError;
use key_files::{bundle_hint, key_hint};
use refusals::refusal_hints;
use roles_anywhere_client::aws::create_session::SessionResponseError;
use roles_anywhere_client::aws::get_secret_value::SecretResponseError;
use roles_anywhere_client::aws::retry::RequestError;
use roles_anywhere_client::identity::{CertificateRole, IdentityError};
use roles_anywhere_client::input_source::{Action, FileError, InputSourceKind};
use roles_anywhere_client::provider::secrets_manager::GetSecretError;
use roles_anywhere_client::provider::{ClockFinding, ErrorKind, ProviderError};
use transport::request_hint;

impl From<UsageError> for Error {
    fn from(error: UsageError) -> Self {
        let hint = error.hint();
        Self::new(Kind::Usage, error).hint(hint)
    }
}

impl From<RunError> for Error {
    fn from(error: RunError) -> Self {
        let (kind, hints) = (error.kind(), error.hints());
        hints.into_iter().fold(Self::new(kind, error), Self::hint)
    }
}

impl From<SecretSelectionError> for Error {
    fn from(error: SecretSelectionError) -> Self {
        Self::new(ErrorKind::Refused, error)
            .hint("leave out `--key` to get the whole secret; names of members are case-sensitive")
    }
}

impl From<&Arc<ProviderError>> for Error {
    fn from(error: &Arc<ProviderError>) -> Self {
        let bare = Self::new(error.kind(), Arc::clone(error)).with_time_limit(error.time_limit());
        provider_hints(error).into_iter().fold(bare, Self::hint)
    }
}

impl From<ProviderError> for Error {
    fn from(error: ProviderError) -> Self {
        Self::from(&Arc::new(error))
    }
}

impl From<IdentityError> for Error {
    fn from(error: IdentityError) -> Self {
        ProviderError::from(error).into()
    }
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        ProviderError::from(error).into()
    }
}

fn provider_hints(error: &ProviderError) -> Vec<String> {
    match error {
        ProviderError::Identity { source, clock } => {
            std::iter::once(identity_hint(source)).chain(clock.map(clock_hint)).collect()
        }
        ProviderError::Request(error) => vec![request_hint(error)],
        ProviderError::Refused { source, .. } => refusal_hints(source),
        ProviderError::Response(error) => vec![answer_hint(error).to_owned()],
        _ => Vec::new(),
    }
}

fn clock_hint(finding: ClockFinding) -> String {
    match finding {
        ClockFinding::OutOfDateByAws { local } => format!(
            "that time is the `Date` of AWS's answer; this machine's clock says {local}: if it is right, check what is between here and AWS"
        ),
        ClockFinding::TlsOutOfDate { local } => format!(
            "AWS's TLS certificate is out of date by this machine's clock too, which says {local}: set the clock"
        ),
    }
}

fn identity_hint(error: &IdentityError) -> String {
    match error {
            IdentityError::Unreadable(error) => source_hint(error),
            IdentityError::Bundle { source, .. } => bundle_hint(source),
            IdentityError::NoCertificate { expected: CertificateRole::Intermediates, contents, .. }
                if contents.has_key() =>
            {
                "this option takes CA certificates, and the file holds a private key".to_owned()
            }
            IdentityError::NoCertificate { contents, .. } if contents.has_key() => {
                "this is a key; were `--certificate` and `--private-key` swapped?".to_owned()
            }
            IdentityError::NoCertificate { .. } => "a file with a certificate is wanted".to_owned(),
            IdentityError::NoKey { contents, .. } if contents.has_certificate() => {
                "pass its key by `--private-key`; where both are given, were they swapped?".to_owned()
            }
            IdentityError::NoKey { .. } => "a file with one private key is wanted".to_owned(),
            IdentityError::SeveralKeys { contents, .. } if contents.has_pkcs12() => {
                "take one entry out: `keytool -importkeystore -srckeystore FILE -srcalias NAME -destkeystore ONE.p12 -deststoretype PKCS12`".to_owned()
            }
            IdentityError::SeveralKeys { .. } => "leave one private key in the file".to_owned(),
            IdentityError::Key { source, .. } => key_hint(source),
            IdentityError::Readable { place, .. } => format!("`chmod go= {}`, or leave out `--strict-permissions`", place.value.as_deref().unwrap_or("FILE")),
            IdentityError::TooSlow { .. } => "check the file system or the process that it is read from; a daemon that goes on reads it in the background, and uses it when it is done".to_owned(),
            IdentityError::Sign { .. } => "try the key with `openssl pkey -check`".to_owned(),
            IdentityError::KeyMismatch { .. } => {
                "pass the key that the certificate was requested with; in the middle of a rotation, wait until both files are new".to_owned()
            }
            IdentityError::Expired { .. } => {
                "renew the certificate; if it is not that old, set this machine's clock".to_owned()
            }
            IdentityError::NotYetValid { .. } => {
                "check this machine's clock and time zone, then the certificate's dates".to_owned()
            }
        }
}

/// Returns what to do about a source that could not be read, by the kind of its place.
fn source_hint(error: &FileError) -> String {
    let place = &error.place;
    let origin = place.origin.as_deref().unwrap_or("the option");
    let missing = error.source.kind() == std::io::ErrorKind::NotFound;
    match (place.kind, &place.value) {
        (InputSourceKind::Variable, Some(name)) => {
            format!("set {name} and export it, or name another variable by `{origin}`")
        }
        (InputSourceKind::Variable, None) => {
            format!("`{origin}` takes the name of a variable, which has to be set and exported")
        }
        (InputSourceKind::Descriptor, Some(number)) => {
            format!("open file descriptor {number} for this process, as `{number}< FILE` does in a shell")
        }
        (InputSourceKind::Descriptor, None) => {
            format!("`{origin}` takes the number of a file descriptor that is open: `3` with `3< FILE`")
        }
        (InputSourceKind::File, _) if missing && place.unexpanded => {
            "`~` and `$HOME` are not expanded here, nor in a `credential_process` line: write the whole path".to_owned()
        }
        (InputSourceKind::File, None) if missing => {
            format!("its value is not shown, as it may be secret: `{origin}` takes the path of a file")
        }
        (InputSourceKind::File, Some(path)) if missing && place.origin.is_some() => {
            format!("there is no `{path}`: correct `{origin}`")
        }
        _ => file_hint(error).to_owned(),
    }
}

fn file_hint(error: &FileError) -> &'static str {
    use std::io::ErrorKind;
    match (error.action, error.source.kind()) {
        (Action::Write, ErrorKind::AlreadyExists) => "name another file, or remove this one",
        (Action::Write, ErrorKind::Unsupported) => {
            "name a regular file, in a directory that no other user can write to"
        }
        (Action::Write, ErrorKind::NotADirectory) => {
            "make the directory, or name a file in another one"
        }
        (Action::Write, ErrorKind::TimedOut) => "start the process that reads from it first",
        (Action::Write | Action::Remove, _) => {
            "check the folder, its permissions and the space left"
        }
        (Action::Read, ErrorKind::FileTooLarge) => {
            "this is no certificate and no key; check the path"
        }
        (Action::Read, ErrorKind::TimedOut) => "check what should write to it",
        (Action::Read, _) => "check the path and its permissions",
    }
}

fn answer_hint(error: &SessionResponseError) -> &'static str {
    match error {
        SessionResponseError::Expired { .. } => "check this machine's clock",
        _ => {
            "something other than AWS may answer at that endpoint; check `--endpoint` and any proxy"
        }
    }
}

impl From<GetSecretError> for Error {
    fn from(error: GetSecretError) -> Self {
        match error {
            GetSecretError::Request(error) => error.into(),
            GetSecretError::SessionRefused(source) | GetSecretError::Refused(source) => {
                ProviderError::Refused { source, retry_after: None }.into()
            }
            GetSecretError::Response(error) => error.into(),
        }
    }
}

impl From<SecretResponseError> for Error {
    fn from(error: SecretResponseError) -> Self {
        Self::new(ErrorKind::Unreachable, error).hint(
            "something other than AWS may answer at that endpoint; check `--secrets-endpoint` and any proxy",
        )
    }
}

impl From<FileError> for Error {
    fn from(error: FileError) -> Self {
        let hint = file_hint(&error);
        Self::new(ErrorKind::Local, error).hint(hint)
    }
}

impl From<ProfileFileError> for Error {
    fn from(error: ProfileFileError) -> Self {
        let hint = match &error {
            ProfileFileError::Busy { .. } => {
                "try again; if it lasts, look for what holds the file with `lsof` or `fuser`"
            }
            ProfileFileError::NotSettled { .. } => {
                "run it again when the other program has finished; `lsof` or `fuser` find it"
            }
            ProfileFileError::ForeignOwner { .. } => {
                "run `update` as that user, or name a file of your own by `--credentials-file`"
            }
            ProfileFileError::Read { .. } => "check the path and its permissions",
            ProfileFileError::Write { .. } => {
                "check the permissions of the file and of its directory, and the space left; `--credentials-file` names another"
            }
            ProfileFileError::Directory { .. } => {
                "make the directory above it, or name another file by `--credentials-file`"
            }
            ProfileFileError::NotRegular { .. } | ProfileFileError::TooLarge { .. } => {
                "check the path: the AWS credentials file is wanted"
            }
            ProfileFileError::Dangling { .. } => {
                "make the file that it leads to, or remove the link"
            }
            ProfileFileError::ForeignLink { .. } => {
                "remove the link, or name the file that it leads to by `--credentials-file`"
            }
            ProfileFileError::InTheWay { .. } => {
                "remove it, once nothing writes the credentials file"
            }
            ProfileFileError::Text { source: ProfileError::Utf16, .. } => "save it as UTF-8",
            ProfileFileError::Text {
                source: ProfileError::Syntax(SyntaxError::ByteOrderMark),
                ..
            } => "save it as UTF-8 without a byte-order mark",
            ProfileFileError::Text { source: ProfileError::Syntax(_), .. } => {
                "correct that line; `aws configure list-profiles` tells whether the AWS CLI can read the file"
            }
            ProfileFileError::Text { source: ProfileError::LongLived(key), .. }
                if key.is_temporary() =>
            {
                "if it is not needed, pass `--force` to replace it; else `--profile NAME`"
            }
            ProfileFileError::Text { source: ProfileError::LongLived(_), .. } => {
                "AWS cannot show that key again: pass `--profile NAME` to write another profile, or `--force` to replace it"
            }
            ProfileFileError::Text { source: ProfileError::Value(_), .. } => {
                "something other than AWS may answer at that endpoint; check `--endpoint` and any proxy"
            }
        };
        Self::new(ErrorKind::Local, error).hint(hint)
    }
}
