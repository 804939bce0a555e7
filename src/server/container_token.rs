//! The life cycle of the token of container credentials, and the port to the file that clients read
//! it from.

use super::Endpoints;
use super::token::ContainerToken;
use roles_anywhere_client::input_source::FileError;

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

impl Endpoints {
    /// Makes a new token for container credentials and writes it to `store`. The previous token stays
    /// valid until the next renewal. If the new one cannot be written, nothing changes.
    pub fn renew_container_token(&self, store: &dyn TokenStore) -> Result<(), FileError> {
        let token = ContainerToken::make(&*self.ports.entropy);
        store.write(token.expose().as_bytes())?;
        let previous = self.container_token.take();
        *self.container_token.borrow_mut() = Some(ContainerToken::new(token, previous));
        Ok(())
    }

    /// Renews the token as [`Endpoints::renew_container_token`] does, and logs the outcome. Returns
    /// whether it was written.
    pub fn rotate_container_token(&self, store: &dyn TokenStore) -> bool {
        let renewed = self.renew_container_token(store);
        self.audit.token(renewed.as_ref().err().map(|error| error as _));
        renewed.is_ok()
    }

    /// Writes the token again if its file is missing or was changed.
    pub fn restore_container_token(&self, store: &dyn TokenStore) {
        let token = self.container_token.borrow();
        let Some(token) = &*token else { return };
        let token = token.current().expose().as_bytes();
        match store.state(token) {
            TokenState::Token => self.audit.token_is_there(),
            state => {
                let written = store.restore(token);
                self.audit.token_was_lost(state, written.as_ref().err().map(|error| error as _));
            }
        }
    }

    /// Ends the token, and removes its file unless the file belongs to another process by now.
    pub fn withdraw_container_token(&self, store: &dyn TokenStore) {
        let token = self.container_token.take();
        let is_ours = |contents: &[u8]| token.as_ref().is_some_and(|token| token.accepts(contents));
        if let Err(error) = store.clear(&is_ours) {
            self.audit.token_stays(&error);
        }
    }
}
