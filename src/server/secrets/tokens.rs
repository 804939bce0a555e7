//! The tokens of the endpoint: those that the user gave, or else one of this process.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use futures_util::future::{Either, join_all, select};
use hyper::header::{HeaderMap, HeaderName};
use tokio::sync::oneshot;

use super::{AccessRules, PlannedToken, TokenSource};
use crate::output::error::Error;
use crate::output::log::Reasons;
use crate::output::log::events::{SECRETS_TOKEN_RENEWAL_FAILED, SECRETS_TOKEN_RENEWED};
use crate::output::run::RunError;
use crate::server::RouteToken;
use crate::server::audit::Audit;
use roles_anywhere_client::input_source::{FileError, Files, InputSource};
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::secret::{Secret, SecretBytes};
use roles_anywhere_client::time::{Clock, Timer};

/// The tokens.
#[derive(Debug)]
pub struct SecretsTokens {
    tokens: Vec<Rc<SecretsToken>>,
    /// When their files may be read again for a token that is not known.
    next_reload: Cell<Duration>,
}

/// A token, and what its holders may read.
pub struct SecretsToken {
    name: Rc<str>,
    access: AccessRules,
    value: TokenValue,
}

enum TokenValue {
    Fixed(Secret),
    File(Box<FileToken>),
    Own(Box<RouteToken>),
}

/// A token in a file of the user.
struct FileToken {
    source: InputSource,
    current: RefCell<SecretBytes>,
    /// The token before it, and until when it is accepted.
    previous: RefCell<Option<(SecretBytes, Duration)>>,
    /// Whether it was logged that the file cannot be read.
    is_unreadable: Cell<bool>,
}

/// The time between two checks of the files.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// The least time between two checks for tokens that are not known.
const RELOAD_INTERVAL: Duration = Duration::from_secs(1);
/// How long a request waits for such a check: a file system may hang.
const RELOAD_LIMIT: Duration = Duration::from_millis(400);
/// How long a token is accepted after another one has replaced it in its file.
const GRACE: Duration = Duration::from_secs(60);

impl SecretsTokens {
    /// Takes the tokens.
    pub fn new(tokens: Vec<SecretsToken>) -> Self {
        Self::of(tokens.into_iter().map(Rc::new).collect())
    }

    /// Takes tokens that may be in use.
    pub(super) fn of(tokens: Vec<Rc<SecretsToken>>) -> Self {
        Self { tokens, next_reload: Cell::default() }
    }

    /// Returns whether there are no several tokens.
    pub(super) fn is_only_one(&self) -> bool {
        self.tokens.len() <= 1
    }

    /// Returns the token of this process, if it made one.
    pub(super) fn own(&self) -> Option<Rc<SecretsToken>> {
        self.tokens.iter().find(|token| matches!(token.value, TokenValue::Own(_))).cloned()
    }

    /// Returns the token in a file that is the one that is planned.
    pub(super) fn unchanged(&self, planned: &PlannedToken) -> Option<Rc<SecretsToken>> {
        let is_it = |token: &&Rc<SecretsToken>| match (&token.value, &planned.source) {
            (TokenValue::File(file), TokenSource::File(source)) => {
                file.source.location == source.location
                    && (&*token.name, &token.access) == (&*planned.name, &planned.access)
            }
            _ => false,
        };
        self.tokens.iter().find(is_it).cloned()
    }

    /// Returns the token that one of the headers `names` has. Of a repeated header, the first counts.
    pub(super) fn find(
        &self,
        headers: &HeaderMap,
        names: &[HeaderName],
        clock: &dyn Clock,
    ) -> Option<&SecretsToken> {
        let given = names.iter().filter_map(|name| headers.get(name));
        let mut given = given.map(|value| value.as_bytes());
        given.find_map(|given| {
            self.tokens.iter().find(|token| token.accepts(given, clock)).map(|token| &**token)
        })
    }

    /// Writes this process's token file again if it is missing or changed, and reads the files of the other
    /// tokens.
    pub(super) async fn check(&self, ports: &Ports, audit: &Audit) {
        for token in &self.tokens {
            if let TokenValue::Own(own) = &token.value {
                own.restore(audit);
            }
        }
        self.reload(ports, audit).await;
    }

    /// Reads the files again, as a client has a token that is not known.
    pub(super) async fn reload_if_due(&self, ports: &Ports, audit: &Audit) {
        let now = ports.clock.uptime();
        if now >= self.next_reload.get() && self.files().next().is_some() {
            self.next_reload.set(now + RELOAD_INTERVAL);
            self.reload(ports, audit).await;
        }
    }

    fn files(&self) -> impl Iterator<Item = (&str, &FileToken)> {
        self.tokens.iter().filter_map(|token| match &token.value {
            TokenValue::File(file) => Some((&*token.name, &**file)),
            TokenValue::Fixed(_) | TokenValue::Own(_) => None,
        })
    }

    async fn reload(&self, ports: &Ports, audit: &Audit) {
        join_all(self.files().map(|(name, file)| file.reload(name, ports, audit))).await;
    }
}

impl SecretsToken {
    /// Opens a token that the user gave. An error if its file cannot be read, or if it is empty.
    pub fn open(planned: PlannedToken, files: &dyn Files) -> Result<Self, Error> {
        match &planned.source {
            TokenSource::Value(value) if value.expose().is_empty() => {
                Err(RunError::EmptyToken(planned.name).into())
            }
            TokenSource::Value(value) => {
                let value = TokenValue::Fixed(value.clone());
                Ok(Self { name: planned.name.into(), access: planned.access, value })
            }
            TokenSource::File(source) => Self::of_file(&planned, source, &files.read(source)?),
        }
    }

    /// Takes a token from the contents of its file. An error if it is empty.
    pub(super) fn of_file(
        planned: &PlannedToken,
        source: &InputSource,
        contents: &SecretBytes,
    ) -> Result<Self, Error> {
        let PlannedToken { name, access, .. } = planned.clone();
        let Some(token) = trimmed(contents) else { return Err(RunError::EmptyToken(name).into()) };
        let file = FileToken {
            source: source.clone(),
            current: RefCell::new(token),
            previous: RefCell::default(),
            is_unreadable: Cell::default(),
        };
        Ok(Self { name: name.into(), access, value: TokenValue::File(Box::new(file)) })
    }

    /// Returns the token of this process, all of whose holders may read what the endpoint allows.
    pub fn own(token: RouteToken) -> Self {
        let value = TokenValue::Own(Box::new(token));
        Self { name: "own".into(), access: AccessRules::default(), value }
    }

    /// Returns its name in the log.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns its name, to keep it.
    pub(super) fn shared_name(&self) -> &Rc<str> {
        &self.name
    }

    /// Returns what its holders may read.
    pub(super) fn access(&self) -> &AccessRules {
        &self.access
    }

    /// Removes the file of the token, if this process made it.
    pub(super) fn withdraw(&self, audit: &Audit) {
        if let TokenValue::Own(own) = &self.value {
            own.withdraw(audit);
        }
    }

    fn accepts(&self, given: &[u8], clock: &dyn Clock) -> bool {
        // An empty token is never accepted.
        let is = |known: &[u8]| !known.is_empty() && verify_slices_are_equal(known, given).is_ok();
        match &self.value {
            TokenValue::Fixed(token) => is(token.expose().as_bytes()),
            TokenValue::Own(token) => token.accepts(given) == Some(true),
            TokenValue::File(file) => {
                let previous = file.previous.borrow();
                is(file.current.borrow().expose())
                    || previous
                        .as_ref()
                        .is_some_and(|(token, until)| is(token.expose()) && clock.uptime() < *until)
            }
        }
    }
}

impl FileToken {
    /// Reads the file again. If it cannot be read or is empty, the token stays.
    async fn reload(&self, name: &str, ports: &Ports, audit: &Audit) {
        let (sender, read) = oneshot::channel();
        let (files, source) = (Arc::clone(&ports.files), self.source.clone());
        // After the limit, the result has no receiver.
        ports.blocking.run(Box::new(move || drop(sender.send(files.read(&source)))));
        let Some(read) = within(read, &*ports.timer).await else { return };
        let failure = match read {
            Ok(contents) => match trimmed(&contents) {
                Some(token) => {
                    self.is_unreadable.set(false);
                    if self.replace(token, &*ports.clock) {
                        audit.event(&SECRETS_TOKEN_RENEWED, &[("token", &name)]);
                    }
                    return;
                }
                None => vec!["the file of the token is empty".to_owned()],
            },
            Err(error) => reasons(&error),
        };
        if !self.is_unreadable.replace(true) {
            let reason = Reasons::new(failure, None);
            let fields: [crate::output::log::Field<'_>; 2] =
                [("reason", &reason), ("token", &name)];
            audit.event(&SECRETS_TOKEN_RENEWAL_FAILED, &fields);
        }
    }

    /// Makes `token` the current one; returns whether it was another one.
    fn replace(&self, token: SecretBytes, clock: &dyn Clock) -> bool {
        if self.current.borrow().expose() == token.expose() {
            return false;
        }
        let before = self.current.replace(token);
        self.previous.replace(Some((before, clock.uptime() + GRACE)));
        true
    }
}

async fn within<T>(result: oneshot::Receiver<T>, timer: &dyn Timer) -> Option<T> {
    match select(pin!(result), timer.sleep(RELOAD_LIMIT)).await {
        Either::Left((result, _)) => result.ok(),
        Either::Right(_) => None,
    }
}

fn reasons(error: &FileError) -> Vec<String> {
    let error: &dyn std::error::Error = error;
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect()
}

/// Returns the token in a file: without white space around it, and not empty.
fn trimmed(contents: &SecretBytes) -> Option<SecretBytes> {
    let token = contents.expose().trim_ascii();
    (!token.is_empty()).then(|| SecretBytes::new(token.to_vec()))
}

impl fmt::Debug for SecretsToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<token {}>", self.name)
    }
}

#[cfg(test)]
mod tests;
