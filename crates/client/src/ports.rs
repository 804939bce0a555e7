//! The ports: traits for everything outside of this process.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use crate::http::Transport;
use crate::input_source::Files;
use crate::password::Passwords;
use crate::secret::Entropy;
use crate::text::path;
use crate::time::{Clock, Timer};

/// All ports of an exchange. The program passes the real ones, tests pass fakes; a copy shares them.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "nothing but ports")]
pub struct Ports {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Waits.
    pub timer: Arc<dyn Timer>,
    /// Returns random numbers.
    pub entropy: Arc<dyn Entropy>,
    /// Reads certificates and keys.
    pub files: Arc<dyn Files>,
    /// Reads the password of an encrypted key.
    pub passwords: Arc<dyn Passwords>,
    /// Talks to AWS.
    pub transport: Arc<dyn Transport>,
    /// Shows the debug output.
    pub trace: Arc<dyn Trace>,
    /// Runs what would block an event loop.
    pub blocking: Arc<dyn Blocking>,
}

/// Runs work that may block for long beside the event loop: a file system that hangs, an expensive key.
pub trait Blocking: Send + Sync {
    /// Runs `work` on another thread, and returns at once. The process must be able to end before
    /// `work` does, as some never ends.
    fn run(&self, work: Box<dyn FnOnce() + Send>);
}

/// The debug output. A message must not hold a secret.
pub trait Trace: Send + Sync {
    /// Shows one message of a line or more.
    fn show(&self, message: fmt::Arguments<'_>);
}

/// The trace of a run without debug output.
#[derive(Clone, Copy, Debug)]
pub struct NoTrace;

impl Trace for NoTrace {
    fn show(&self, _message: fmt::Arguments<'_>) {}
}

/// The environment variables, read once. The values may be secret, so `Debug` shows none of them.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// Returns an environment of these variables.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { variables: variables.into_iter().collect() }
    }

    /// Returns the names of the variables whose values are not UTF-8.
    pub fn non_utf8_names(&self) -> impl Iterator<Item = &str> {
        let all = self.variables.iter();
        all.filter(|(_, value)| !path::is_utf8(value)).map(|(name, _)| name.as_str())
    }

    /// Returns the variables whose names begin with `prefix`, and their values.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let from = self.variables.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        from.map(|(name, value)| (name.as_str(), value.as_str()))
            .take_while(move |(name, _)| name.starts_with(prefix))
    }

    /// Returns the environment without the variables called `names`.
    #[must_use]
    pub fn without(&self, names: &[String]) -> Self {
        let mut rest = self.clone();
        rest.variables.retain(|name, _| !names.contains(name));
        rest
    }

    /// Returns the value of `name`; `None` if unset or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Returns whether `name` is set, but empty.
    pub fn is_empty(&self, name: &str) -> bool {
        self.variables.get(name).is_some_and(String::is_empty)
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} variables>", self.variables.len())
    }
}
