//! What keeps references from being resolved: all of it in one error.

use std::fmt;
use std::sync::Arc;

use crate::output::error::{Detail, Error, Kind, one_line};
use crate::secrets::reference::{NamedReference, Notation, Part, Reference};
use crate::secrets_cache::ReadFailure;
use roles_anywhere_client::aws::get_secret_value::SecretId;
use roles_anywhere_client::provider::ErrorKind;

/// References are not resolved, or secrets not read: at least one failure.
#[derive(Debug)]
pub struct ResolveErrors {
    failures: Vec<ResolveFailure>,
    /// The number of all references or secrets.
    total: usize,
    wanted: Wanted,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wanted {
    References,
    /// Secrets by their names.
    Secrets,
}

impl Wanted {
    fn verb(self) -> &'static str {
        match self {
            Self::References => "resolve",
            Self::Secrets => "read",
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::References => "references",
            Self::Secrets => "secrets",
        }
    }
}

/// A failure, of one reference or of several.
#[derive(Debug)]
pub struct ResolveFailure {
    references: Vec<usize>,
    /// The same as they are shown, each with what it is for.
    shown: Vec<String>,
    cause: FailureCause,
}

/// Why references are not resolved.
#[derive(Debug)]
enum FailureCause {
    /// A role, of which there is no session.
    Session(Option<Box<str>>, Box<Error>),
    /// A call, which can be that of several references.
    Call(Arc<Error>),
    /// The reference, or what was read.
    Value(Box<Error>),
}

impl FailureCause {
    fn error(&self) -> &Error {
        match self {
            Self::Session(_, error) | Self::Value(error) => error,
            Self::Call(error) => error,
        }
    }

    fn is_same_call(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Call(one), Self::Call(other)) if Arc::ptr_eq(one, other))
    }
}

impl ResolveFailure {
    /// Returns the references, by their index; none if a role has no session.
    pub fn references(&self) -> &[usize] {
        &self.references
    }

    /// Returns the error.
    pub fn error(&self) -> &Error {
        self.cause.error()
    }

    /// Returns what is not resolved.
    fn subject(&self) -> String {
        match &self.cause {
            FailureCause::Session(Some(role), _) => format!("the references of role `{role}`"),
            FailureCause::Session(None, _) => "the references".to_owned(),
            _ => self.shown.join(", "),
        }
    }

    /// Returns it in the list of several failures.
    fn detail(&self) -> Detail {
        let (subject, error) = (one_line(&self.subject()), self.error());
        let reasons = error.reasons();
        let line = format!("{subject}: {}", reasons.join(": "));
        let causes = reasons.iter().map(|reason| format!("\n  caused by: {reason}"));
        let hints = error.printed_hints();
        let shown = hints.iter().map(|hint| format!("\n  hint: {hint}"));
        Detail { block: subject + &causes.chain(shown).collect::<String>(), line, hints }
    }
}

impl ResolveErrors {
    /// Returns one without failures, for a number of references.
    pub fn of(total: usize) -> Self {
        Self { failures: Vec::new(), total, wanted: Wanted::References }
    }

    /// Returns one without failures, for a number of secrets.
    pub fn of_secrets(total: usize) -> Self {
        Self { failures: Vec::new(), total, wanted: Wanted::Secrets }
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.failures.is_empty()
    }

    /// Returns the failures: those of sessions, then those of references in their order.
    pub fn failures(&self) -> &[ResolveFailure] {
        &self.failures
    }

    /// Adds that a role has no session.
    pub fn add_session(&mut self, role: Option<&str>, error: Error) {
        let cause = FailureCause::Session(role.map(Into::into), Box::new(error));
        self.failures.push(ResolveFailure { references: Vec::new(), shown: Vec::new(), cause });
    }

    /// Adds that a reference is not valid, or what was read is not what it stands for.
    pub fn add(&mut self, (index, named): (usize, &NamedReference), error: Error) {
        self.add_cause((index, shown(named)), FailureCause::Value(Box::new(error)));
    }

    /// Adds that the call for a reference failed: one failure for all references of the call.
    pub fn add_call(&mut self, (index, named): (usize, &NamedReference), error: &Arc<Error>) {
        self.add_cause((index, shown(named)), FailureCause::Call(Arc::clone(error)));
    }

    /// Adds that the call for a secret failed: one failure for all secrets of the call.
    pub fn add_secret(&mut self, (index, secret): (usize, &SecretId), error: Arc<Error>) {
        let shown = format!("`{}`", secret.shown());
        self.add_cause((index, shown), FailureCause::Call(error));
    }

    /// Changes the errors of sessions.
    pub fn map_session_errors(&mut self, change: impl Fn(Option<&str>, Error) -> Error) {
        let failures = std::mem::take(&mut self.failures).into_iter();
        let changed = failures.map(|failure| match failure.cause {
            FailureCause::Session(role, error) => {
                let error = Box::new(change(role.as_deref(), *error));
                ResolveFailure { cause: FailureCause::Session(role, error), ..failure }
            }
            _ => failure,
        });
        self.failures = changed.collect();
    }

    fn add_cause(&mut self, (index, shown): (usize, String), cause: FailureCause) {
        match self.failures.iter_mut().find(|known| known.cause.is_same_call(&cause)) {
            Some(known) => {
                known.references.push(index);
                known.shown.push(shown);
            }
            None => {
                let (references, shown) = (vec![index], vec![shown]);
                self.failures.push(ResolveFailure { references, shown, cause });
            }
        }
    }
}

fn shown(named: &NamedReference) -> String {
    let reference = named.reference.shown();
    match &named.name {
        Some(name) => format!("`{reference}` ({name})"),
        None => format!("`{reference}`"),
    }
}

/// One failure is an error of its own, and that of a session is reported as for any other command.
/// Several are listed, each with its hints; all of them are printed.
impl From<ResolveErrors> for Error {
    fn from(errors: ResolveErrors) -> Self {
        let ResolveErrors { mut failures, total, wanted } = errors;
        if failures.len() > 1 {
            return several(&failures, total, wanted);
        }
        match failures.pop() {
            Some(ResolveFailure { cause: FailureCause::Session(role, error), .. }) => match role {
                Some(role) => error.of_role(&role),
                None => *error,
            },
            // The only secret that is asked for needs no name.
            Some(ResolveFailure { cause: FailureCause::Call(error), references, shown })
                if total == 1 && wanted == Wanted::Secrets =>
            {
                Arc::try_unwrap(error).unwrap_or_else(|error| {
                    let cause = FailureCause::Call(error);
                    one(&ResolveFailure { references, shown, cause }, wanted)
                })
            }
            Some(failure) => one(&failure, wanted),
            None => several(&[], total, wanted),
        }
    }
}

fn one(failure: &ResolveFailure, wanted: Wanted) -> Error {
    let error = failure.error();
    let causes = error.reasons().into_iter().rev();
    let cause = causes.fold(None, |source, text| Some(Box::new(Reason { text, source })));
    let text = format!("cannot {} {}", wanted.verb(), failure.subject());
    let unresolved = Error::new(error.kind(), Reason { text, source: cause });
    let hints = error.hints().iter().cloned();
    hints
        .fold(unresolved, Error::hint)
        .with_time_limit(error.time_limit())
        .with_request_id(error.request_id().map(str::to_owned))
}

fn several(failures: &[ResolveFailure], total: usize, wanted: Wanted) -> Error {
    let of_session = |failure: &ResolveFailure| matches!(failure.cause, FailureCause::Session(..));
    let count: usize = failures.iter().map(|failure| failure.references.len()).sum();
    let (verb, noun) = (wanted.verb(), wanted.noun());
    let message = match failures.iter().any(of_session) {
        true => format!("cannot {verb} {total} {noun}"),
        false => format!("cannot {verb} {count} of {total} {noun}"),
    };
    let kind = failures.first().map_or(Kind::Run(ErrorKind::Internal), |it| it.error().kind());
    let details = failures.iter().map(ResolveFailure::detail).collect();
    Error::detailed(kind, message, details, 0).unabridged()
}

/// What failed, and why, as text that is printed.
#[derive(Debug)]
struct Reason {
    text: String,
    source: Option<Box<Self>>,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Reason {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// Why what was read holds no such value. No message quotes a value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ValueError {
    /// The secret is binary, and a text or a member is expected.
    #[error("the secret is binary")]
    Binary,
    /// The value is not a JSON object.
    #[error("the value is not a JSON object")]
    NotAnObject,
    /// There is no such member.
    #[error("there is no member `{key}` (the object has {count} members)")]
    NoMember {
        /// Its name, as it may be shown.
        key: String,
        /// The number of members.
        count: usize,
    },
    /// The object has no members.
    #[error("the object has no members")]
    NoMembers,
    /// The value is empty.
    #[error("the value is empty")]
    Empty,
    /// Members are empty or `null`.
    #[error("{} empty or `null`: {}", plural(.0, "the member is", "these members are"), list(.0))]
    EmptyMembers(Vec<String>),
    /// The value contains a NUL byte.
    #[error("the value contains a NUL byte")]
    Nul,
    /// Members contain a NUL byte.
    #[error("{} a NUL byte: {}", plural(.0, "the member contains", "these members contain"), list(.0))]
    NulInMembers(Vec<String>),
    /// Members are strings that are not Unicode.
    #[error("{} not valid Unicode: {}", plural(.0, "the member is", "these members are"), list(.0))]
    NotUnicode(Vec<String>),
    /// `{{resolve:ssm:…}}` of a SecureString.
    #[error("the parameter is a SecureString, which `{{{{resolve:ssm:…}}}}` does not read")]
    SecureString,
    /// `{{resolve:ssm-secure:…}}` of another type.
    #[error("the parameter is not a SecureString, which `{{{{resolve:ssm-secure:…}}}}` expects")]
    NotSecureString,
}

impl ValueError {
    /// Returns what to do about a reference.
    fn hint(&self, reference: &Reference) -> &'static str {
        // The other notations have no options.
        let is_uri = reference.notation() == Notation::Uri;
        match self {
            Self::Binary => "a binary secret can be read as a whole with `sm://NAME`, into a file",
            Self::NotAnObject if *reference.part() == Part::AllMembers => {
                "`--from` and `#*` need a JSON object: use the whole value, for example with `--env NAME=REF`"
            }
            Self::NotAnObject => "remove the key to use the whole value",
            Self::NoMember { .. } if is_uri => {
                "check the key, which is case-sensitive, or add `?optional` or `?default=TEXT`"
            }
            Self::NoMember { .. } => {
                "check the key, which is case-sensitive, or write `sm://…` or `ssm://…`, which can have `?optional`"
            }
            Self::NoMembers | Self::EmptyMembers(_) if *reference.part() == Part::AllMembers => {
                "if that is intended, add `?optional`"
            }
            Self::NoMembers | Self::Empty | Self::EmptyMembers(_) if !is_uri => {
                "if that is intended, write `sm://…` or `ssm://…`, which can have `?optional`"
            }
            Self::NoMembers | Self::Empty | Self::EmptyMembers(_) => {
                "if that is intended, add `?optional` or `?default=`"
            }
            Self::Nul | Self::NulInMembers(_) => {
                "no variable can hold a NUL byte: store the value as a binary secret"
            }
            Self::NotUnicode(_) => "correct the JSON of the secret: it has half a surrogate pair",
            Self::SecureString => "use `{{resolve:ssm-secure:…}}` or `ssm://…`",
            Self::NotSecureString => "use `{{resolve:ssm:…}}` or `ssm://…`",
        }
    }

    /// Returns the error of a reference that stands for no such value.
    pub fn of(self, reference: &Reference) -> Error {
        let hint = self.hint(reference);
        Error::new(ErrorKind::Refused, self).hint(hint)
    }

    /// Returns whether a fallback stands for the value: it is missing or empty.
    pub fn is_missing(&self) -> bool {
        matches!(
            self,
            Self::NoMember { .. } | Self::NoMembers | Self::Empty | Self::EmptyMembers(_)
        )
    }
}

/// A value that is followed cannot be read again. The whole error is that of a command which reads once.
impl From<ReadFailure> for Error {
    fn from(failure: ReadFailure) -> Self {
        let kind = match &failure {
            ReadFailure::Service { status, .. } if *status < 500 => ErrorKind::Refused,
            ReadFailure::NoSession { .. } => ErrorKind::Refused,
            ReadFailure::Service { .. }
            | ReadFailure::Timeout
            | ReadFailure::Unreachable
            | ReadFailure::Interrupted
            | ReadFailure::Unreadable
            | ReadFailure::Inconsistent
            | ReadFailure::TooManyReads => ErrorKind::Unreachable,
            ReadFailure::UnknownRole | ReadFailure::Internal => ErrorKind::Internal,
        };
        Self::new(kind, failure).hint("`roles-anywhere resolve` with the reference says more")
    }
}

fn plural(names: &[String], one: &'static str, several: &'static str) -> &'static str {
    if names.len() == 1 { one } else { several }
}

fn list(names: &[String]) -> String {
    const MOST: usize = 8;
    let shown = names.iter().take(MOST).map(|name| format!("`{name}`")).collect::<Vec<_>>();
    match names.len().saturating_sub(MOST) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// One of several values cannot be printed in a line of its own.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PrintedLineError {
    /// It has several lines.
    #[error("the value of `{reference}` has several lines")]
    SeveralLines {
        /// The reference, as it may be shown.
        reference: String,
    },
    /// It is binary.
    #[error("the value of `{reference}` is binary")]
    Binary {
        /// The reference, as it may be shown.
        reference: String,
    },
}

impl From<PrintedLineError> for Error {
    fn from(error: PrintedLineError) -> Self {
        Self::new(Kind::Usage, error)
            .hint("pass `--output json`, or resolve this reference by itself")
    }
}
