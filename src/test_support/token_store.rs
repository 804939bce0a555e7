//! The file of the container token in memory.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::server::{TokenState, TokenStore};
use roles_anywhere_client::input_source::{Action, FileError, InputSource};

/// One file, on a disk that may be full. Copies share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct FakeTokenStore {
    contents: Rc<RefCell<Option<Vec<u8>>>>,
    is_full: Rc<Cell<bool>>,
}

impl FakeTokenStore {
    /// Makes it take no token, or take them again.
    pub(crate) fn set_full(&self, is_full: bool) {
        self.is_full.set(is_full);
    }

    /// Replaces the file, as another program may, or removes it.
    pub(crate) fn put(&self, contents: Option<&[u8]>) {
        *self.contents.borrow_mut() = contents.map(<[u8]>::to_vec);
    }

    /// Returns what is in the file, if there is one.
    pub(crate) fn contents(&self) -> Option<Vec<u8>> {
        self.contents.borrow().clone()
    }
}

impl TokenStore for FakeTokenStore {
    fn write(&self, token: &[u8]) -> Result<(), FileError> {
        if self.is_full.get() {
            let source = std::io::ErrorKind::StorageFull.into();
            let place = InputSource::file("token").name(true);
            return Err(FileError { action: Action::Write, place, source });
        }
        self.put(Some(token));
        Ok(())
    }

    fn restore(&self, token: &[u8]) -> Result<(), FileError> {
        self.write(token)
    }

    fn state(&self, token: &[u8]) -> TokenState {
        match self.contents.borrow().as_deref() {
            Some(contents) if contents == token => TokenState::Token,
            Some(_) => TokenState::Changed,
            None => TokenState::Missing,
        }
    }

    fn clear(&self, is_ours: &dyn Fn(&[u8]) -> bool) -> Result<(), FileError> {
        let mut contents = self.contents.borrow_mut();
        *contents = contents.take().filter(|contents| !is_ours(contents));
        Ok(())
    }
}
