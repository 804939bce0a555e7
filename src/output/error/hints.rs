//! What each module's error becomes at the edge: whose it is to fix, and what to try. Errors of the
//! client become one of the user through `ProviderError`.

mod key_files;
mod refusals;
mod service_call;
mod transport;

use std::sync::Arc;

use crate::credentials_file::port::ProfileFileError;
use crate::credentials_file::{ProfileError, SyntaxError};
use crate::output::error::regions::RegionsError;
use crate::output::error::{Error, Kind};
use crate::output::formats::{FormatError, RefusedVariable, Unwritable};
use crate::output::references::ValueError;
use crate::output::run::{KeyOptionError, RunError, VariablesError};
use crate::output::usage::{UsageError, wrong_reference};
use key_files::{bundle_hint, key_hint};
use refusals::refusal_hints;
use roles_anywhere_client::aws::create_session::SessionResponseError;
use roles_anywhere_client::aws::retry::RequestError;
use roles_anywhere_client::identity::{CertificateRole, IdentityError};
use roles_anywhere_client::input_source::{Action, FileError, InputSourceKind};
use roles_anywhere_client::provider::fallback::FallbackError;
use roles_anywhere_client::provider::parameter_store::MissingParameter;
use roles_anywhere_client::provider::{ClockFinding, ErrorKind, ProviderError};
use transport::request_hint;

impl From<UsageError> for Error {
    fn from(error: UsageError) -> Self {
        if let UsageError::References(wrong) = &error {
            return wrong_reference::error(wrong);
        }
        let hints = error.hints();
        hints.into_iter().fold(Self::new(Kind::Usage, error), Self::hint)
    }
}

impl From<RunError> for Error {
    fn from(error: RunError) -> Self {
        let (kind, hints) = (error.kind(), error.hints());
        hints.into_iter().fold(Self::new(kind, error), Self::hint)
    }
}

impl From<KeyOptionError> for Error {
    fn from(error: KeyOptionError) -> Self {
        let hint = match error.0 {
            ValueError::NoMember { .. } => {
                "check the name, which is case-sensitive, or remove `--key` to print the whole value"
            }
            _ => "remove `--key` to print the whole value",
        };
        Self::new(ErrorKind::Refused, error).hint(hint)
    }
}

impl From<VariablesError> for Error {
    fn from(error: VariablesError) -> Self {
        let hint = match error.why {
            // `--env` and `--from` leave such members out if they are optional.
            ValueError::EmptyMembers(_) | ValueError::NoMembers => {
                "use `--output json`, or `render --format dotenv --from 'sm://NAME?optional'`, which leaves out such members"
            }
            _ => "use `--output json`, which holds every value",
        };
        Self::new(ErrorKind::Refused, error).hint(hint)
    }
}

impl From<FormatError> for Error {
    fn from(error: FormatError) -> Self {
        let has_name =
            |it: &RefusedVariable| matches!(it.why, Unwritable::Name | Unwritable::ReservedName);
        let hint = match error.refused.iter().all(has_name) {
            true => "use another name for the variable",
            false => "use the format `json`, which can hold every value",
        };
        Self::new(Kind::Usage, error).hint(hint)
    }
}

impl From<&Arc<ProviderError>> for Error {
    fn from(error: &Arc<ProviderError>) -> Self {
        let kind = error.kind();
        let bare = match &**error {
            ProviderError::EveryRegion { primary, fallbacks, .. } => {
                Self::new(kind, RegionsError::new(primary, fallbacks))
            }
            _ => Self::new(kind, Arc::clone(error)),
        };
        let bare = Self { provider_error: Some(Arc::clone(error)), ..bare }
            .with_time_limit(error.time_limit())
            .with_request_id(request_id(error).map(str::to_owned));
        provider_hints(error).into_iter().fold(bare, Self::hint)
    }
}

fn request_id(error: &ProviderError) -> Option<&str> {
    match error {
        ProviderError::Refused { source, .. } => source.service_error.request_id.as_deref(),
        ProviderError::EveryRegion { primary, .. } => request_id(primary),
        _ => None,
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
        ProviderError::EveryRegion { primary, fallbacks, .. } => {
            let refused = fallbacks.iter().filter(|it| it.source.kind() == ErrorKind::Refused);
            let hints = refused.flat_map(|FallbackError { region, source }| {
                let hints = provider_hints(source).into_iter();
                hints.map(move |hint| format!("fallback {region}: {hint}"))
            });
            provider_hints(primary).into_iter().chain(hints).collect()
        }
        _ => vec!["report this message and the command line as a bug, without secrets".to_owned()],
    }
}

fn clock_hint(finding: ClockFinding) -> String {
    match finding {
        ClockFinding::OutOfDateByAws { local } => format!(
            "the time above is from AWS's response, and this machine's clock says {local}: if this machine is right, check proxies and gateways between it and AWS"
        ),
        ClockFinding::TlsOutOfDate { local } => format!(
            "by this machine's clock ({local}) AWS's TLS certificate is not valid either: set the clock"
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
                "pass a file of CA certificates; this file contains a private key".to_owned()
            }
            IdentityError::NoCertificate { contents, .. } if contents.has_key() => {
                "the file contains a private key: check that `--certificate` and `--private-key` are not swapped".to_owned()
            }
            IdentityError::NoCertificate { contents, .. } if contents.has_certificate() => {
                "pass the certificate that the CA issued for the certificate request".to_owned()
            }
            IdentityError::NoCertificate { .. } => "pass a file that contains a certificate".to_owned(),
            IdentityError::NoKey { contents, .. } if contents.has_certificate() => {
                "pass the key with `--private-key`; if you did, check that it and `--certificate` are not swapped".to_owned()
            }
            IdentityError::NoKey { .. } => "pass a file that contains one private key".to_owned(),
            IdentityError::SeveralKeys { contents, .. } if contents.has_pkcs12() => {
                "export one entry: `keytool -importkeystore -srckeystore FILE -srcalias NAME -destkeystore ONE.p12 -deststoretype PKCS12`".to_owned()
            }
            IdentityError::SeveralKeys { .. } => "keep only one private key in the file".to_owned(),
            IdentityError::Key { source, .. } => key_hint(source),
            IdentityError::Readable { place, .. } => format!("run `chmod go= {}`, or remove `--strict-permissions`", place.value.as_deref().unwrap_or("FILE")),
            IdentityError::TooSlow { .. } => "check the file system, or the process that provides the file; a daemon continues to read it in the background and uses it when it is complete".to_owned(),
            IdentityError::Sign { .. } => "check the key with `openssl pkey -check -noout -in FILE`".to_owned(),
            IdentityError::KeyMismatch { .. } => {
                "pass the key that the certificate was requested with; during a rotation, wait until both files are replaced".to_owned()
            }
            IdentityError::Expired { .. } => {
                "renew the certificate; if it should still be valid, check this machine's clock".to_owned()
            }
            IdentityError::NotYetValid { .. } => {
                "check this machine's clock and time zone, then the validity dates of the certificate".to_owned()
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
            format!("set `{name}` and export it, or pass the name of another variable with `{origin}`")
        }
        (InputSourceKind::Variable, None) => {
            format!("`{origin}` expects the name of a variable that is set and exported")
        }
        (InputSourceKind::Stdin, _) => {
            "check the program that writes to standard input".to_owned()
        }
        (InputSourceKind::Descriptor, Some(number)) => {
            format!("open file descriptor {number} for this process, in a shell with `{number}< FILE`")
        }
        (InputSourceKind::Descriptor, None) => {
            format!("`{origin}` expects the number of an open file descriptor: in a shell, `3` with `3< FILE`")
        }
        (InputSourceKind::File, _) if missing && place.unexpanded => {
            "write the full path: `~` and `$HOME` are expanded neither here nor in a `credential_process` line".to_owned()
        }
        (InputSourceKind::File, None) if missing => {
            format!("`{origin}` expects the path of a file; its value is not shown, as it may be a secret")
        }
        (InputSourceKind::File, Some(path)) if missing && place.origin.is_some() => {
            format!("`{path}` does not exist: check `{origin}`")
        }
        _ => file_hint(error).to_owned(),
    }
}

fn file_hint(error: &FileError) -> &'static str {
    use std::io::ErrorKind;
    match (error.action, error.source.kind()) {
        (Action::Write, ErrorKind::AlreadyExists) => "pass another file, or remove this one",
        (Action::Write, ErrorKind::Unsupported) => {
            "pass a regular file in a directory that no other user can write to"
        }
        (Action::Write, ErrorKind::NotADirectory) => {
            "create the directory, or pass a file in another one"
        }
        (Action::Write, ErrorKind::ResourceBusy) => {
            "see which process holds the lock: `fuser -v DIR/..data.lock`"
        }
        (Action::Write, ErrorKind::TimedOut) => "start the process that reads from it first",
        (Action::Write, ErrorKind::IsADirectory) => "pass the path of a file",
        (Action::Write, ErrorKind::NotFound) => {
            "check the path; if it is a symbolic link, create the file that it points to, or remove the link"
        }
        (Action::Write | Action::Remove, ErrorKind::PermissionDenied) => {
            "let this user write to the file and to its directory, or pass a file in another directory"
        }
        (Action::Write, ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
            "free some space, or pass a file on another disk"
        }
        (Action::Write | Action::Remove, _) => "check the file, its directory and the file system",
        (Action::Read, ErrorKind::FileTooLarge) => {
            "check the path: the file is neither a certificate nor a key"
        }
        (Action::Read, ErrorKind::TimedOut) => "check the process that should write to it",
        (Action::Read, ErrorKind::PermissionDenied) => {
            "let this user read the file, or run as the user who owns it"
        }
        (Action::Read, ErrorKind::Unsupported | ErrorKind::IsADirectory) => {
            "pass the path of a regular file"
        }
        (Action::Read, ErrorKind::NotFound) => "check the path",
        (Action::Read, _) => "check the file and the file system that it is on",
    }
}

fn answer_hint(error: &SessionResponseError) -> &'static str {
    match error {
        SessionResponseError::Expired { .. } => "check this machine's clock",
        _ => "the endpoint may not be AWS: check `--endpoint` and any proxy",
    }
}

impl From<MissingParameter> for Error {
    fn from(error: MissingParameter) -> Self {
        let hint = refusals::parameter::hint(&error.cause);
        Self::new(ErrorKind::Refused, error).hint(hint)
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
                "try again; if the problem remains, find the process that has the file open with `lsof` or `fuser`"
            }
            ProfileFileError::NotSettled { .. } => {
                "run the command again when the other program has finished; `lsof` or `fuser` shows which one it is"
            }
            ProfileFileError::ForeignOwner { .. } => {
                "run `update` as that user, or pass a file of your own with `--credentials-file`"
            }
            ProfileFileError::Read { source, .. }
                if source.kind() == std::io::ErrorKind::PermissionDenied =>
            {
                "let this user read and write the file, or pass another one with `--credentials-file`"
            }
            ProfileFileError::Read { .. } => "check the file and the file system that it is on",
            ProfileFileError::Write { .. } => {
                "check the permissions of the file and of its directory, and the free space, or pass another file with `--credentials-file`"
            }
            ProfileFileError::Directory { .. } => {
                "create the parent directory, or pass another file with `--credentials-file`"
            }
            ProfileFileError::NotRegular { .. } | ProfileFileError::TooLarge { .. } => {
                "check the path: expected the AWS credentials file"
            }
            ProfileFileError::Dangling { .. } => {
                "create the file that the link points to, or remove the link"
            }
            ProfileFileError::ForeignLink { .. } => {
                "remove the link, or pass the file that it points to with `--credentials-file`"
            }
            ProfileFileError::InTheWay { .. } => {
                "remove the file when no program is writing the credentials file"
            }
            ProfileFileError::Text { source: ProfileError::Utf16, .. } => "save it as UTF-8",
            ProfileFileError::Text {
                source: ProfileError::Syntax(SyntaxError::ByteOrderMark),
                ..
            } => "save it as UTF-8 without a byte-order mark",
            ProfileFileError::Text { source: ProfileError::Syntax(_), .. } => {
                "correct that line; `aws configure list-profiles` shows whether the AWS CLI can read the file"
            }
            ProfileFileError::Text { source: ProfileError::LongLived(key), .. }
                if key.is_temporary() =>
            {
                "pass `--force` to replace the key if it is not needed, or `--profile NAME` to write another profile"
            }
            ProfileFileError::Text { source: ProfileError::LongLived(_), .. } => {
                "pass `--profile NAME` to write another profile, or `--force` to replace the key, which AWS cannot show again"
            }
            ProfileFileError::Text { source: ProfileError::OfSecret(_), .. } => {
                "check the value in the secret; `credential-process --from-secret` hands it out as it is"
            }
            ProfileFileError::Text { source: ProfileError::Value(_), .. } => {
                "the endpoint may not be AWS: check `--endpoint` and any proxy"
            }
        };
        Self::new(ErrorKind::Local, error).hint(hint)
    }
}
