//! The one error that reaches the user, and the table that decides how.

use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::aws::create_session::AnswerError;
use crate::aws::get_secret_value::SecretAnswerError;
use crate::bundle::BundleError;
use crate::call::CallError;
use crate::diagnosis::Refusal;
use crate::files::{Action, FileError};
use crate::http::{Distrust, Presented, TransportError};
use crate::identity::IdentityError;
use crate::key::KeyError;
use crate::pem::{Form, NotPem};
use crate::profile::ProfileError;
use crate::profile::file::ProfileFileError;
use crate::usage::UsageError;

/// Who can fix it. Decides the exit code, and nothing else.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Whoever typed the command or set the environment.
    Usage,
    /// The owner of the certificate and the key.
    Identity,
    /// The owner of the AWS account: AWS answered and refused.
    Refused,
    /// The network, or AWS itself.
    Unreachable,
    /// Whoever runs this machine: files, standard output.
    Local,
    /// We.
    Internal,
}

impl Kind {
    /// Returns the exit code of the process.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::Identity => 3,
            Self::Refused => 4,
            Self::Unreachable => 5,
            Self::Local => 6,
            Self::Internal => 70,
        }
    }
}

/// An error on its way to the user: what failed, why, and what to try.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    source: Box<dyn std::error::Error + Send + Sync>,
    hints: Vec<String>,
    retry_after: Option<Duration>,
}

/// The most bytes that an error may print: SDKs log all of it.
const MAX_LENGTH: usize = 4_000;

impl Error {
    /// Makes an error without hints.
    pub fn new(kind: Kind, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { kind, source: Box::new(source), hints: Vec::new(), retry_after: None }
    }

    /// Adds what to try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds how long AWS asks to be left alone.
    #[must_use]
    pub fn not_again_within(self, retry_after: Option<Duration>) -> Self {
        Self { retry_after, ..self }
    }

    /// Returns how long AWS asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Returns who can fix it.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns what failed, then each cause of it, as they are printed.
    pub fn reasons(&self) -> Vec<String> {
        let mut reasons = vec![legible(&self.source.to_string())];
        let mut cause = self.source.source();
        let mut last = reasons[0].clone();
        while let Some(error) = cause {
            let words = legible(&error.to_string());
            // Some libraries repeat their cause; once is enough.
            if !last.contains(&words) {
                reasons.push(words.clone());
            }
            last = words;
            cause = error.source();
        }
        reasons
    }

    /// Returns what to try.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// Returns whether another process that asks AWS for the same on the same way would fail alike:
    /// AWS refused, failed, or could not be reached, and not because this process had too little time.
    pub fn is_shared(&self) -> bool {
        let late = matches!(self.source.downcast_ref(), Some(CallError::Timeout { .. }));
        matches!(self.kind, Kind::Refused | Kind::Unreachable) && !late
    }
}

/// Renders `error: …`, a line `caused by: …` for each cause and a line `hint: …` for each hint,
/// in less than 4,000 bytes, without a final newline.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!("error: {}", self.reasons().join("\n  caused by: "));
        for hint in &self.hints {
            write!(text, "\n  hint: {}", legible(hint))?;
        }
        f.write_str(&text[..text.floor_char_boundary(MAX_LENGTH)])
    }
}

/// Escapes control characters, which a certificate, a file name or an answer may hold to play with
/// the terminal or to forge a line, and shortens what is longer than 1,000 characters.
pub fn legible(text: &str) -> String {
    let mut legible: String = text.chars().take(1_000).map(escaped).collect();
    if text.chars().nth(1_000).is_some() {
        legible.push('…');
    }
    legible
}

fn escaped(character: char) -> String {
    match character.is_control() {
        true => character.escape_default().to_string(),
        false => character.to_string(),
    }
}

/// Escapes the control characters of a text of several lines.
pub fn legible_lines(text: &str) -> String {
    text.chars().map(|c| if c == '\n' { c.to_string() } else { escaped(c) }).collect()
}

impl From<UsageError> for Error {
    fn from(error: UsageError) -> Self {
        let hint = error.hint();
        Self::new(Kind::Usage, error).hint(hint)
    }
}

impl From<IdentityError> for Error {
    fn from(error: IdentityError) -> Self {
        let hint = match &error {
            IdentityError::Unreadable(error) => file_hint(error).to_owned(),
            IdentityError::Bundle { source, .. } => bundle_hint(source),
            IdentityError::NoCertificate { contents, .. } if contents.contains("KEY") || contents.contains("key") => {
                "this is a key; were `--certificate` and `--private-key` swapped?".to_owned()
            }
            IdentityError::NoCertificate { .. } => "a file with a certificate is wanted".to_owned(),
            IdentityError::NoKey { contents, .. } if contents.contains("CERTIFICATE") || contents.contains("certificate") => {
                "pass its key by `--private-key`; where both are given, were they swapped?".to_owned()
            }
            IdentityError::NoKey { .. } => "a file with one private key is wanted".to_owned(),
            IdentityError::SeveralKeys { .. } => "leave one private key in the file".to_owned(),
            IdentityError::Key { source, .. } => key_hint(source),
            IdentityError::Readable { place, .. } => format!("`chmod go= {}`, or leave out `--strict-permissions`", place.to_string().trim_matches('`')),
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
        };
        Self::new(Kind::Identity, error).hint(hint)
    }
}

fn file_hint(error: &FileError) -> &'static str {
    use std::io::ErrorKind;
    match (error.action, error.source.kind()) {
        (Action::Write, _) => "check the folder, its permissions and the space left",
        (Action::Read, ErrorKind::FileTooLarge) => {
            "this is no certificate and no key; check the path"
        }
        (Action::Read, ErrorKind::TimedOut) => "check what should write to it",
        (Action::Read, _) => "check the path and its permissions",
    }
}

fn bundle_hint(error: &BundleError) -> String {
    match error {
        BundleError::Form(NotPem::Other(Form::Utf16)) => "save it as UTF-8 or ASCII".to_owned(),
        BundleError::Form(NotPem::Other(_)) => {
            "PEM (with `-----BEGIN …-----` lines), DER, PKCS#12 or PKCS#7 is wanted".to_owned()
        }
        BundleError::Form(_) => {
            "copy the file anew, with its `-----BEGIN` and `-----END` lines".to_owned()
        }
        BundleError::Certificate(_) => {
            "look at it with `openssl x509 -noout -text -in FILE`".to_owned()
        }
        BundleError::Pkcs7 => "look at it with `openssl pkcs7 -print_certs -in FILE`".to_owned(),
        BundleError::Pkcs12(KeyError::Encryption(_) | KeyError::TooCostly { .. }) => {
            "take it apart: `(umask 077; openssl pkcs12 -legacy -in FILE -out FILE.pem)` asks for the old password and for a new one".to_owned()
        }
        BundleError::Pkcs12(error) => key_hint(error),
    }
}

fn key_hint(error: &KeyError) -> String {
    match error {
        KeyError::LegacyEncryption => {
            "convert it: `(umask 077; openssl pkcs8 -topk8 -in FILE -out FILE.pem)` asks for the old password and for a new one"
        }
        KeyError::Encryption(_) => {
            "convert it: `(umask 077; openssl pkcs8 -topk8 -provider legacy -provider default -in FILE -out FILE.pem)` asks for the old password and for a new one (OpenSSL 1 goes without the providers)"
        }
        KeyError::TooCostly { .. } => {
            "encrypt it anew with less: `(umask 077; openssl pkcs8 -topk8 -iter 600000 -in FILE -out FILE.pem)`"
        }
        KeyError::Password(_) => {
            "pass the password by `--key-password-file`, `--key-password-env` or `--key-password-fd`"
        }
        KeyError::WrongPassword => "check the password, and whether it ends in a blank or a line break",
        KeyError::Algorithm(_) | KeyError::Curve(_) => {
            "use a key of RSA (2048 to 8192 bits), P-256, P-384, P-521 or ML-DSA"
        }
        KeyError::Rsa(_) => "use an RSA key of 2048 to 8192 bits, as it came from its maker",
        KeyError::ExplicitCurve => {
            "name the curve: `(umask 077; openssl ec -in FILE -param_enc named_curve -out FILE.pem)`"
        }
        KeyError::NoCurve => "export the key anew as PKCS#8, which names its curve",
        KeyError::Label(label) if label.starts_with("OPENSSH") => {
            "convert a copy of it: `ssh-keygen -p -m PKCS8 -f FILE`"
        }
        KeyError::Label(_) | KeyError::Damaged => {
            "look at it with `openssl pkey -noout -text -in FILE`; PKCS#8, PKCS#1 or SEC1 is wanted"
        }
    }
    .to_owned()
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        let (kind, hint) = match &error {
            CallError::Sign(_) => {
                (Kind::Identity, "try the key with `openssl pkey -check`".to_owned())
            }
            CallError::AccessKey(_) => (Kind::Internal, "please report this".to_owned()),
            CallError::Transport { source, .. } => transport_hint(source),
            CallError::Timeout { .. } => (
                Kind::Unreachable,
                "check the network and any proxy to it; `--timeout SECONDS` allows more time"
                    .to_owned(),
            ),
        };
        Self::new(kind, error).hint(hint)
    }
}

fn transport_hint(error: &TransportError) -> (Kind, String) {
    let hint = match error {
        TransportError::Connect { .. } => {
            "check the network, the firewall and HTTPS_PROXY; `--debug` shows which way is taken".to_owned()
        }
        TransportError::Resolve { .. } => {
            "check DNS, the Region and HTTPS_PROXY; not every Region has FIPS or dual-stack endpoints".to_owned()
        }
        TransportError::Untrusted { presented, distrust, .. } => {
            distrust_hint(presented.as_deref(), *distrust)
        }
        TransportError::Handshake { .. } => {
            "TLS 1.2 or 1.3 is wanted on the other side; is something else listening there?".to_owned()
        }
        TransportError::Proxy { .. } => {
            "the proxy must allow CONNECT to that host and port; `--proxy URL` takes another, `--proxy none` goes without".to_owned()
        }
        TransportError::Interrupted { .. } => "try again; a proxy or gateway in between may cut connections".to_owned(),
        TransportError::TooLarge { .. } => "something other than AWS seems to answer there".to_owned(),
        TransportError::TrustStore { .. } => {
            "a PEM file with one CA certificate or more is wanted".to_owned()
        }
    };
    let kind = match error {
        TransportError::TrustStore { .. } => Kind::Local,
        _ => Kind::Unreachable,
    };
    (kind, hint)
}

fn distrust_hint(presented: Option<&Presented>, distrust: Distrust) -> String {
    let who = presented.map_or_else(String::new, |presented| {
        let Presented { subject, issuer, .. } = presented;
        format!("it was presented as `{subject}`, issued by `{issuer}`; ")
    });
    let what = match distrust {
        Distrust::Issuer => {
            "where that is your own TLS inspection or endpoint, pass its CA with `--ca-bundle FILE` or AWS_CA_BUNDLE"
        }
        Distrust::Name => "check the host name of the endpoint, and what answers there",
        Distrust::Time => {
            "check this machine's clock; if it is right, the certificate has to be renewed"
        }
        Distrust::Other => {
            "it has to be replaced by a server certificate of X.509 v3 that a CA issued; `--ca-bundle FILE` names that CA"
        }
    };
    format!("{who}{what}")
}

impl From<Refusal> for Error {
    fn from(mut refusal: Refusal) -> Self {
        let hints = std::mem::take(&mut refusal.hints);
        let foreign = refusal.fault.code.is_none();
        let kind = match foreign || refusal.fault.is_transient() {
            true => Kind::Unreachable,
            false => Kind::Refused,
        };
        hints.into_iter().fold(Self::new(kind, refusal), Self::hint)
    }
}

impl From<AnswerError> for Error {
    fn from(error: AnswerError) -> Self {
        let hint = match &error {
            AnswerError::Expired { .. } => "check this machine's clock",
            _ => {
                "something other than AWS may answer at that endpoint; check `--endpoint` and any proxy"
            }
        };
        Self::new(Kind::Unreachable, error).hint(hint)
    }
}

impl From<SecretAnswerError> for Error {
    fn from(error: SecretAnswerError) -> Self {
        Self::new(Kind::Unreachable, error).hint(
            "something other than AWS may answer at that endpoint; check `--secrets-endpoint` and any proxy",
        )
    }
}

impl From<FileError> for Error {
    fn from(error: FileError) -> Self {
        let hint = file_hint(&error);
        Self::new(Kind::Local, error).hint(hint)
    }
}

impl From<ProfileFileError> for Error {
    fn from(error: ProfileFileError) -> Self {
        let hint = match &error {
            ProfileFileError::Busy { .. } => {
                "try again; if it lasts, look for what holds the file with `lsof` or `fuser`"
            }
            ProfileFileError::Read { .. } => "check the path and its permissions",
            ProfileFileError::Write { .. } => {
                "check the permissions of the file and of its directory, and the space left"
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
            ProfileFileError::Text { source: ProfileError::Value(_), .. } => {
                "something other than AWS may answer at that endpoint; check `--endpoint` and any proxy"
            }
        };
        Self::new(Kind::Local, error).hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Reason;

    #[test]
    fn prints_the_error_its_causes_and_its_hints() {
        let source = TransportError::Connect {
            peer: "a.example:443".to_owned(),
            source: Reason("connection refused".to_owned()),
        };
        let error = Error::from(CallError::Transport { source, attempt: 3 });
        assert_eq!(
            error.to_string(),
            "error: could not connect to a.example:443, tried 3 times\n  \
             caused by: connection refused\n  \
             hint: check the network, the firewall and HTTPS_PROXY; `--debug` shows which way is taken"
        );
        assert_eq!(error.kind().exit_code(), 5);
    }

    #[test]
    fn stays_below_four_kilobytes_and_keeps_its_hint() {
        let error = Error::new(Kind::Local, Reason("ä".repeat(9_000))).hint("this");
        assert!(error.to_string().len() <= 4_000);
        assert!(error.to_string().ends_with("hint: this"));
        let hints = ["a", "b", "c", "d", "e"].map(|hint| hint.repeat(999));
        let error = hints.into_iter().fold(error, Error::hint);
        assert!(error.to_string().len() <= 4_000);
    }

    #[test]
    fn lets_no_control_character_through() {
        let error = Error::new(Kind::Local, Reason("a\u{1b}[2J\nerror: b".to_owned()));
        assert_eq!(error.to_string(), "error: a\\u{1b}[2J\\nerror: b");
    }
}
