//! The token of container credentials in its place: written, renewed, missed, taken away.

use crate::server::Endpoints;
use crate::server::token::ContainerToken;
use roles_anywhere_client::input_source::FileError;

/// The file that clients read the token of container credentials from.
pub trait TokenPlace {
    /// Replaces what is there by `token`, whole or not at all, for its owner alone to read; what is
    /// no token may be refused.
    fn write(&self, token: &[u8]) -> Result<(), FileError>;

    /// Replaces what others left of the file by `token`, whatever that is; through a link, as
    /// [`TokenPlace::write`] does.
    fn restore(&self, token: &[u8]) -> Result<(), FileError>;

    /// Returns what is there, where `token` should be.
    fn found(&self, token: &[u8]) -> Found;

    /// Removes the file where `is_ours` says so of its contents; a link stays.
    fn clear(&self, is_ours: &dyn Fn(&[u8]) -> bool) -> Result<(), FileError>;
}

/// What is at the place of a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Found {
    /// The token.
    Token,
    /// Nothing.
    Nothing,
    /// Something else: what others made of the file, or put there instead.
    SomethingElse,
}

impl Endpoints {
    /// Makes a new token for container credentials and writes it to `place`; the one before stays
    /// good until the next time. Where it cannot be written, nothing changes.
    pub fn renew_container_token(&self, place: &dyn TokenPlace) -> Result<(), FileError> {
        let token = ContainerToken::make(&*self.ports.entropy);
        place.write(token.expose().as_bytes())?;
        let before = self.container_token.take();
        *self.container_token.borrow_mut() = Some(ContainerToken::new(token, before));
        Ok(())
    }

    /// As [`Endpoints::renew_container_token`]; the log hears what came of it. Returns whether it
    /// was written.
    pub fn rotate_container_token(&self, place: &dyn TokenPlace) -> bool {
        let renewed = self.renew_container_token(place);
        self.audit.token(renewed.as_ref().err().map(|error| error as _));
        renewed.is_ok()
    }

    /// Writes the token again if its file is gone, or others changed it.
    pub fn restore_container_token(&self, place: &dyn TokenPlace) {
        let token = self.container_token.borrow();
        let Some(token) = &*token else { return };
        let token = token.current().expose().as_bytes();
        match place.found(token) {
            Found::Token => self.audit.token_is_there(),
            found => {
                let written = place.restore(token);
                self.audit.token_was_lost(found, written.as_ref().err().map(|error| error as _));
            }
        }
    }

    /// Takes the token out of use, and its file away unless that is another's by now.
    pub fn withdraw_container_token(&self, place: &dyn TokenPlace) {
        let token = self.container_token.take();
        let is_ours = |contents: &[u8]| token.as_ref().is_some_and(|token| token.accepts(contents));
        if let Err(error) = place.clear(&is_ours) {
            self.audit.token_stays(&error);
        }
    }
}
