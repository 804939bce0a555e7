//! What is wrong, in one word of a fixed vocabulary: for callers who may not read the error itself.

use crate::aws::create_session::AnswerError;
use crate::aws::retry::CallError;
use crate::diagnosis::Refusal;
use crate::http::TransportError;
use crate::identity::IdentityError;
use crate::key::KeyError;
use crate::output::error::{Error, Kind};

impl Kind {
    /// Returns the word for it. A usage error is one of this machine too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Usage | Self::Local => "local",
            Self::Internal => "internal",
        }
    }
}

impl Error {
    /// Returns a word of ours for what is wrong, such as `expired` or `dns`. No text of a file, an
    /// answer, a variable or a library gets into it.
    pub fn code(&self) -> &'static str {
        let source = &*self.source;
        if let Some(error) = source.downcast_ref() {
            return identity(error);
        }
        if let Some(error) = source.downcast_ref() {
            return call(error);
        }
        if let Some(error) = source.downcast_ref() {
            return refusal(error);
        }
        match self.kind {
            _ if source.is::<AnswerError>() => "bad_answer",
            Kind::Internal => "defect",
            _ => "other",
        }
    }
}

fn identity(error: &IdentityError) -> &'static str {
    match error {
        IdentityError::Unreadable(_) => "unreadable",
        IdentityError::Bundle { .. } => "malformed",
        IdentityError::NoCertificate { .. } => "no_certificate",
        IdentityError::NoKey { .. } => "no_key",
        IdentityError::SeveralKeys { .. } => "several_keys",
        IdentityError::Key { source: KeyError::Password(_) | KeyError::WrongPassword, .. } => {
            "password"
        }
        IdentityError::Key { .. } => "unusable_key",
        IdentityError::Readable { .. } => "permissions",
        IdentityError::KeyMismatch { .. } => "mismatch",
        IdentityError::Sign { .. } => "cannot_sign",
        IdentityError::Expired { .. } => "expired",
        IdentityError::NotYetValid { .. } => "not_yet_valid",
    }
}

fn call(error: &CallError) -> &'static str {
    match error {
        CallError::Sign(_) => "cannot_sign",
        CallError::AccessKey(_) => "defect",
        CallError::Timeout { .. } => "timeout",
        CallError::Transport { source, .. } => match source {
            TransportError::Connect { .. } => "connect",
            TransportError::Resolve { .. } => "dns",
            TransportError::Untrusted { .. } | TransportError::Handshake { .. } => "tls",
            TransportError::Proxy { .. } => "proxy",
            TransportError::Interrupted { .. } => "interrupted",
            TransportError::TooLarge { .. } => "bad_answer",
            TransportError::TrustStore { .. } => "trust_store",
        },
    }
}

fn refusal(refusal: &Refusal) -> &'static str {
    let fault = &refusal.fault;
    if fault.is_throttle() {
        return "throttled";
    }
    match fault.code.as_deref() {
        None => "bad_answer",
        Some(_) if fault.is_transient() => "aws_failure",
        Some("AccessDeniedException") => "access_denied",
        Some("ResourceNotFoundException") => "not_found",
        Some("ValidationException") => "validation",
        Some(_) => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::error_response::Fault;
    use crate::http::Reason;
    use crate::input_source::{Action, FileError, Source};

    fn refused(status: u16, code: Option<&str>) -> Error {
        let code = code.map(str::to_owned);
        let message = "-----BEGIN SECRET".to_owned();
        let fault = Fault { status, code, message, request_id: None, date: None };
        Refusal::new("CreateSession", fault, Vec::new()).into()
    }

    #[test]
    fn every_error_has_a_kind_and_a_code_of_ours() {
        let reason = || Reason("-----BEGIN SECRET".to_owned());
        let host = || "-----BEGIN SECRET".to_owned();
        let place = || Source::parse("env:-----BEGIN SECRET").name(false);
        let lost = |source| Error::from(CallError::Transport { source, attempt: 1 });
        let unreadable =
            FileError { action: Action::Read, place: place(), source: std::io::Error::other("x") };
        let rows = [
            (IdentityError::Unreadable(unreadable).into(), "identity unreadable"),
            (
                IdentityError::Key { place: place(), source: KeyError::WrongPassword }.into(),
                "identity password",
            ),
            (
                IdentityError::Key { place: place(), source: KeyError::Label(host()) }.into(),
                "identity unusable_key",
            ),
            (refused(403, Some("AccessDeniedException")), "refused access_denied"),
            (refused(403, Some("-----BEGIN SECRET")), "refused other"),
            (refused(429, Some("x")), "unreachable throttled"),
            (refused(503, Some("x")), "unreachable aws_failure"),
            (refused(403, None), "unreachable bad_answer"),
            (AnswerError::Empty.into(), "unreachable bad_answer"),
            (
                lost(TransportError::Resolve { host: host(), for_socks: false, source: reason() }),
                "unreachable dns",
            ),
            (
                lost(TransportError::TrustStore { origin: host(), source: reason() }),
                "local trust_store",
            ),
            (Error::new(Kind::Usage, reason()), "local other"),
            (Error::new(Kind::Internal, reason()), "internal defect"),
        ];
        for (error, words) in rows {
            assert_eq!(format!("{} {}", error.kind().name(), error.code()), words, "{error}");
        }
    }
}
