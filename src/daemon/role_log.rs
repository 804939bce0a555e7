//! The log of one role of a daemon.

use std::sync::Arc;

use crate::output::log::events::LogEvent;
use crate::output::log::{Field, Log, LogNotWritten};

/// Adds the name of a role to each event.
pub(super) struct RoleLog {
    pub(super) log: Arc<dyn Log>,
    pub(super) role: Arc<str>,
}

impl RoleLog {
    fn with_role<T>(&self, fields: &[Field<'_>], write: impl FnOnce(&[Field<'_>]) -> T) -> T {
        let role = &*self.role;
        let fields: Vec<Field<'_>> =
            fields.iter().copied().chain([("role_name", &role as _)]).collect();
        write(&fields)
    }
}

impl Log for RoleLog {
    fn event(&self, event: &'static LogEvent, fields: &[Field<'_>]) {
        self.with_role(fields, |fields| self.log.event(event, fields));
    }

    fn record(&self, event: &'static LogEvent, fields: &[Field<'_>]) -> Result<(), LogNotWritten> {
        self.with_role(fields, |fields| self.log.record(event, fields))
    }
}
