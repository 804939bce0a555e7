//! The passwords of the keys of the roles of a process.

use std::cell::RefCell;
use std::sync::{Arc, Weak};

use crate::app::session::SessionClient;
use crate::options::session_plan::SessionPlan;
use crate::os::password::KeyPassword;
use roles_anywhere_client::password::Passwords as _;

/// The passwords that are typed at a prompt, each with a plan whose key it opens. They are those of running
/// roles: the password of a role that has ended is wiped.
#[derive(Default)]
pub(super) struct KeyPasswords(RefCell<Vec<(SessionPlan, Weak<KeyPassword>)>>);

impl KeyPasswords {
    /// Returns `client` with the password of a running role that has the same key, if there is one, so
    /// that it is typed once.
    pub(super) fn share<'a>(&self, client: SessionClient<'a>) -> SessionClient<'a> {
        // Other sources are read for each role, which reports on its own that no password was needed.
        if !client.passwords().prompts() {
            return client;
        }
        let mut typed = self.0.borrow_mut();
        typed.retain(|(_, passwords)| passwords.strong_count() > 0);
        let known = typed.iter().find(|(plan, _)| plan.has_the_key_of(client.plan));
        match known.and_then(|(_, passwords)| passwords.upgrade()) {
            Some(passwords) => client.with_passwords(passwords),
            None => {
                typed.push((client.plan.clone(), Arc::downgrade(client.passwords())));
                client
            }
        }
    }
}
