//! The status line of a daemon of several roles, which its supervisor shows.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Supervisor;
use crate::output::error::one_line;

/// The status of each role, and what the supervisor is told of all.
#[expect(missing_debug_implementations, reason = "holds a port")]
pub struct StatusLine {
    supervisor: Arc<dyn Supervisor>,
    parts: Mutex<StatusParts>,
}

#[derive(Debug, Default)]
struct StatusParts {
    /// The roles in their order, and their statuses; empty at first.
    roles: Vec<(Arc<str>, String)>,
    /// Why the changed configuration file was refused, if it was.
    refused: Option<String>,
}

impl StatusLine {
    /// Returns the line of no roles.
    pub fn new(supervisor: Arc<dyn Supervisor>) -> Self {
        Self { supervisor, parts: Mutex::default() }
    }

    /// Sets the roles; those that were there before keep their statuses.
    pub fn set_roles(&self, names: impl Iterator<Item = Arc<str>>) {
        let mut parts = self.parts();
        let mut before = std::mem::take(&mut parts.roles);
        parts.roles.extend(names.map(|name| {
            let at = before.iter().position(|(known, _)| *known == name);
            at.map_or_else(|| (name, String::new()), |at| before.swap_remove(at))
        }));
    }

    /// Sets why the changed configuration file was refused, and tells the supervisor.
    pub fn set_refused(&self, refused: Option<String>) {
        let mut parts = self.parts();
        if parts.refused != refused {
            parts.refused = refused;
            self.supervisor.status(&parts.render());
        }
    }

    fn set(&self, role: &str, status: &str) {
        let mut parts = self.parts();
        // A role that has ended may still report.
        if let Some((_, known)) = parts.roles.iter_mut().find(|(name, _)| **name == *role) {
            status.clone_into(known);
            self.supervisor.status(&parts.render());
        }
    }

    fn parts(&self) -> MutexGuard<'_, StatusParts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StatusParts {
    fn render(&self) -> String {
        let refused = self.refused.as_ref().map(|why| {
            format!("the changed configuration file is refused, and the previous one stays in use: {why}")
        });
        let roles = self.roles.iter().filter(|(_, status)| !status.is_empty());
        let roles = roles.map(|(name, status)| format!("{name}: {status}"));
        one_line(&refused.into_iter().chain(roles).collect::<Vec<_>>().join("; "))
    }
}

/// The supervisor as one role sees it: its status is a part of the line.
pub(super) struct RoleSupervisor {
    pub(super) line: Arc<StatusLine>,
    pub(super) role: Arc<str>,
}

impl Supervisor for RoleSupervisor {
    fn ready(&self) {
        self.line.supervisor.ready();
    }

    fn reloading(&self) {
        self.line.supervisor.reloading();
    }

    fn stopping(&self) {
        self.line.supervisor.stopping();
    }

    fn status(&self, status: &str) {
        self.line.set(&self.role, status);
    }

    fn watchdog(&self) {
        self.line.supervisor.watchdog();
    }

    fn watchdog_interval(&self) -> Option<Duration> {
        self.line.supervisor.watchdog_interval()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::RecordingSupervisor;

    #[test]
    fn line_holds_the_statuses_of_all_roles() {
        let supervisor = RecordingSupervisor::default();
        let line = Arc::new(StatusLine::new(Arc::new(supervisor.clone())));
        let of = |role: &str| RoleSupervisor { line: Arc::clone(&line), role: role.into() };
        let names = |names: &[&str]| names.iter().map(|name| Arc::from(*name)).collect::<Vec<_>>();
        line.set_roles(names(&["a", "b"]).into_iter());
        of("b").status("two");
        of("a").status("one");
        line.set_refused(Some("no".to_owned()));
        line.set_refused(Some("no".to_owned()));
        line.set_roles(names(&["c", "a"]).into_iter());
        of("b").status("ended");
        line.set_refused(None);
        of("c").status("three");
        let refused =
            "the changed configuration file is refused, and the previous one stays in use: no";
        let expected = [
            "b: two",
            "a: one; b: two",
            &format!("{refused}; a: one; b: two"),
            "a: one",
            "c: three; a: one",
        ];
        assert_eq!(supervisor.statuses(), expected);
    }
}
