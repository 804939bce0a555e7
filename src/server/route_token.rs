//! The token of a route of container credentials, from its first renewal to its end, and the port to the
//! file that clients read it from.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::audit::Audit;
use super::token::ContainerToken;
use roles_anywhere_client::input_source::FileError;
use roles_anywhere_client::secret::{Entropy, Secret};

/// The file that clients read the token of container credentials from.
pub trait TokenStore {
    /// Replaces the file by one with `token`, whole or not at all, that only its owner can read. A
    /// file that does not hold a token may be refused.
    fn write(&self, token: &[u8]) -> Result<(), FileError>;

    /// Replaces the file by one with `token`, whatever others left of it. A symbolic link is followed
    /// as by [`TokenStore::write`].
    fn restore(&self, token: &[u8]) -> Result<(), FileError>;

    /// Returns whether the file still holds `token`.
    fn state(&self, token: &[u8]) -> TokenState;

    /// Removes the file if `is_ours` accepts its contents. A symbolic link stays.
    fn clear(&self, is_ours: &dyn Fn(&[u8]) -> bool) -> Result<(), FileError>;
}

/// A token file that is locked for this process.
#[expect(missing_debug_implementations, reason = "holds a port")]
pub struct OpenTokenFile {
    /// Its path.
    pub path: PathBuf,
    /// What reads and writes it.
    pub store: Box<dyn TokenStore>,
}

/// What the token file holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TokenState {
    /// The token.
    Token,
    /// Nothing: there is no file.
    Missing,
    /// Something else: another program changed or replaced the file.
    Changed,
}

/// The token of a route of container credentials, and its file.
pub struct RouteToken {
    /// The role in the path of the route; `/credentials` has none.
    name: Option<Arc<str>>,
    store: Box<dyn TokenStore>,
    /// Without a token the route does not exist.
    token: RefCell<Option<ContainerToken>>,
    /// Whether it was logged that the token is missing from its file and cannot be written.
    is_lost: Cell<bool>,
}

impl RouteToken {
    /// Returns the token of the route with `name` in its path, which does not exist yet.
    pub fn new(name: Option<Arc<str>>, store: Box<dyn TokenStore>) -> Self {
        Self { name, store, token: RefCell::default(), is_lost: Cell::default() }
    }

    /// Returns a token of `/credentials` that is in no file and never renewed, and its text.
    pub fn of_program(entropy: &dyn Entropy) -> (Self, Secret) {
        let text = ContainerToken::make(entropy);
        let token = Self::new(None, Box::new(NoTokenFile));
        *token.token.borrow_mut() = Some(ContainerToken::new(text.clone(), None));
        (token, text)
    }

    /// Returns the role in the path of the route.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns whether there is a token.
    pub fn exists(&self) -> bool {
        self.token.borrow().is_some()
    }

    /// Returns whether `given` is the token; `None` if there is none.
    pub(super) fn accepts(&self, given: &[u8]) -> Option<bool> {
        self.token.borrow().as_ref().map(|token| token.accepts(given))
    }

    /// Makes a new token and writes it to the file. The previous token stays valid until the next renewal.
    /// If the new one cannot be written, nothing changes.
    pub(super) fn renew(&self, entropy: &dyn Entropy) -> Result<(), FileError> {
        let token = ContainerToken::make(entropy);
        self.store.write(token.expose().as_bytes())?;
        let previous = self.token.take();
        *self.token.borrow_mut() = Some(ContainerToken::new(token, previous));
        Ok(())
    }

    /// Renews the token as [`RouteToken::renew`] does, and logs the outcome.
    pub(super) fn rotate(&self, entropy: &dyn Entropy, audit: &Audit) {
        let renewed = self.renew(entropy);
        audit.token(self.name(), renewed.as_ref().err().map(|error| error as _));
    }

    /// Writes the token again if its file is missing or was changed. If it cannot be written, this is
    /// logged once.
    pub(super) fn restore(&self, audit: &Audit) {
        let token = self.token.borrow();
        let Some(token) = &*token else { return };
        let token = token.current().expose().as_bytes();
        let state = self.store.state(token);
        if state == TokenState::Token {
            self.is_lost.set(false);
            return;
        }
        let written = self.store.restore(token);
        let is_known = self.is_lost.replace(written.is_err());
        match written {
            Err(_) if is_known => {}
            written => {
                let failure = written.as_ref().err().map(|error| error as _);
                audit.token_was_lost(self.name(), state, failure);
            }
        }
    }

    /// Ends the token, and removes its file unless the file belongs to another process by now.
    pub(super) fn withdraw(&self, audit: &Audit) {
        let token = self.token.take();
        let is_ours = |contents: &[u8]| token.as_ref().is_some_and(|token| token.accepts(contents));
        if let Err(error) = self.store.clear(&is_ours) {
            audit.token_stays(self.name(), &error);
        }
    }
}

/// The store of a token that is in no file.
struct NoTokenFile;

impl TokenStore for NoTokenFile {
    fn write(&self, _token: &[u8]) -> Result<(), FileError> {
        Ok(())
    }

    fn restore(&self, _token: &[u8]) -> Result<(), FileError> {
        Ok(())
    }

    fn state(&self, _token: &[u8]) -> TokenState {
        TokenState::Token
    }

    fn clear(&self, _is_ours: &dyn Fn(&[u8]) -> bool) -> Result<(), FileError> {
        Ok(())
    }
}

impl fmt::Debug for RouteToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<token of the route {:?}>", self.name)
    }
}
