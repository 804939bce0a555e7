//! The one error that reaches the user, and the table that decides how.

use std::fmt::{self, Write as _};

use crate::aws::create_session::AnswerError;
use crate::aws::get_secret_value::SecretAnswerError;
use crate::call::CallError;
use crate::certificate::CertificateError;
use crate::diagnosis::Refusal;
use crate::files::{Action, FileError};
use crate::http::TransportError;
use crate::identity::IdentityError;
use crate::key::KeyError;
use crate::pem::{Form, NotPem};
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
}

/// The most bytes that an error may print: SDKs log all of it.
const MAX_LENGTH: usize = 4_000;

impl Error {
    /// Makes an error without hints.
    pub fn new(kind: Kind, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { kind, source: Box::new(source), hints: Vec::new() }
    }

    /// Adds what to try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Returns who can fix it.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

/// Renders `error: …`, a line `caused by: …` for each cause and a line `hint: …` for each hint,
/// in less than 4,000 bytes, without a final newline.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!("error: {}", self.source);
        let mut cause = self.source.source();
        let mut last = self.source.to_string();
        while let Some(error) = cause {
            let words = error.to_string();
            // Some libraries repeat their cause; once is enough.
            if !last.contains(&words) {
                write!(text, "\n  caused by: {words}")?;
            }
            last = words;
            cause = error.source();
        }
        for hint in &self.hints {
            write!(text, "\n  hint: {hint}")?;
        }
        f.write_str(&text[..text.floor_char_boundary(MAX_LENGTH)])
    }
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
            IdentityError::Unreadable(_) => "check the path and its permissions".to_owned(),
            IdentityError::Certificate { source, .. } => certificate_hint(source),
            IdentityError::Key { path, source } => key_hint(&path.display().to_string(), source),
            IdentityError::KeyMismatch { .. } => {
                "pass the key that the certificate was requested with; in the middle of a rotation, wait until both files are new".to_owned()
            }
            IdentityError::Expired { .. } => "renew the certificate".to_owned(),
            IdentityError::NotYetValid { .. } => {
                "check this machine's clock and time zone, then the certificate's dates".to_owned()
            }
        };
        Self::new(Kind::Identity, error).hint(hint)
    }
}

fn certificate_hint(error: &CertificateError) -> String {
    match error {
        CertificateError::NotPem(NotPem::Other(Form::Certificate)) => {
            "convert it: `openssl x509 -inform DER -in FILE -out FILE.pem`".to_owned()
        }
        CertificateError::NotPem(NotPem::Other(form)) => form_hint(*form),
        CertificateError::NoCertificate { labels } if labels.contains("PRIVATE KEY") => {
            "this is a key; were `--certificate` and `--private-key` swapped?".to_owned()
        }
        CertificateError::NoCertificate { labels } if labels.contains("PKCS7") => {
            form_hint(Form::Pkcs7)
        }
        _ => "a file with `-----BEGIN CERTIFICATE-----` is wanted".to_owned(),
    }
}

fn key_hint(path: &str, error: &KeyError) -> String {
    match error {
        KeyError::NotPem(NotPem::Other(Form::Pkcs8 | Form::Pkcs1 | Form::Sec1)) => {
            "convert it: `openssl pkey -inform DER -in FILE -out FILE.pem`".to_owned()
        }
        KeyError::NotPem(NotPem::Other(form)) => form_hint(*form),
        KeyError::NoKey { labels } if labels.contains("CERTIFICATE") => {
            "this is a certificate; were `--certificate` and `--private-key` swapped?".to_owned()
        }
        KeyError::Encrypted => format!(
            "encrypted keys are not read yet; decrypt it into a file that only this user can read: `(umask 077; openssl pkey -in {path} -out FILE)`"
        ),
        KeyError::Several(_) => "leave one private key in the file".to_owned(),
        KeyError::Algorithm(_) | KeyError::Curve(_) => {
            "use a key of RSA (2048 to 8192 bits), P-256, P-384 or P-521".to_owned()
        }
        KeyError::Rsa(_) => {
            "use an RSA key of 2048 to 8192 bits, as it came from its maker".to_owned()
        }
        KeyError::NoCurve => {
            "convert it to PKCS#8: `openssl pkey -in FILE -out FILE.pem`".to_owned()
        }
        _ => "a file with one `-----BEGIN … PRIVATE KEY-----` block is wanted".to_owned(),
    }
}

fn form_hint(form: Form) -> String {
    match form {
        Form::Pkcs12 => "PKCS#12 is not read yet; take it apart: `(umask 077; openssl pkcs12 -in FILE -nodes -out FILE.pem)`",
        Form::Pkcs7 => "PKCS#7 is not read yet; convert it: `openssl pkcs7 -print_certs -in FILE -out FILE.pem` (`-inform DER` for a binary one)",
        Form::EncryptedPkcs8 => "encrypted keys and DER are not read yet; convert it: `(umask 077; openssl pkcs8 -inform DER -in FILE -out FILE.pem)`",
        Form::Utf16 => "save it as UTF-8 or ASCII",
        Form::Certificate => "this is a certificate; were `--certificate` and `--private-key` swapped?",
        Form::Pkcs8 | Form::Pkcs1 | Form::Sec1 => "this is a key; were `--certificate` and `--private-key` swapped?",
        Form::Empty | Form::Unknown => "a PEM file is wanted, with `-----BEGIN …-----` lines",
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
        TransportError::Untrusted { presented: Some(presented), .. } => format!(
            "it was presented as `{}`, issued by `{}`; where that is your own TLS inspection or endpoint, pass its CA with `--ca-bundle FILE` or AWS_CA_BUNDLE",
            presented.subject, presented.issuer
        ),
        TransportError::Untrusted { .. } => "pass the CA with `--ca-bundle FILE` or AWS_CA_BUNDLE".to_owned(),
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
        let hint = match error.action {
            Action::Read => "check the path and its permissions",
            Action::Write => "check the folder, its permissions and the space left",
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
    fn stays_below_four_kilobytes() {
        let error = Error::new(Kind::Local, Reason("ä".repeat(9_000)));
        assert!(error.to_string().len() <= 4_000);
    }
}
