//! Offline copies for a command that reads references once: they are made of what AWS returns, and stand in for
//! what cannot be read in an outage.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::offline_copy::CopiesOnDisk;
use crate::options::reference_roles::{NamedRoles, ReferenceRole};
use crate::output::error::Error;
use crate::output::log::events::LogEvent;
use crate::output::log::{Field, Level, Log, LogNotWritten};
use crate::secrets::lookup::{Lookup, LookupItem, LookupPlan};
use crate::secrets::resolver::{CallFailure, Found, LookupResults};
use crate::secrets_cache::failure::of_refresh;
use crate::secrets_cache::{
    CallScope, FetchedValue, OfflineCopies as _, OutageReason, ReadItem, ReadingRole, RefusedPart,
    UpstreamFailure,
};
use crate::server::secrets::OfflinePlan;
use roles_anywhere_client::aws::parameter::Decryption;
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::provider::ErrorKind;
use roles_anywhere_client::time::{Clock as _, Timestamp};

/// The copies, and the roles that read what is copied.
pub(super) struct OfflineLookups<'a> {
    app: &'a App,
    copies: CopiesOnDisk,
    roles: &'a NamedRoles<'a>,
}

/// Why there is no value.
enum NoValue {
    Outage(OutageReason),
    Refused(RefusedPart),
    /// Neither: a mistake of the user, for example.
    Other,
}

impl App {
    /// Opens the copies, whose warnings go to standard error. That they cannot be used is one, too: AWS may
    /// answer.
    pub(super) fn offline_copies_or_warning(
        &self,
        plan: &OfflinePlan,
        ports: &Ports,
    ) -> Option<CopiesOnDisk> {
        let opened = self.open_offline_copies(plan, ports, Arc::new(WarningsOnStderr));
        let warn = |error: Error| {
            let reasons = error.reasons().join(": ");
            self.report(&format!("warning: no offline copies are used: {reasons}"));
        };
        opened.map_err(warn).ok()
    }
}

impl<'a> OfflineLookups<'a> {
    /// Opens the copies, if they can be used.
    pub(super) fn open(
        app: &'a App,
        plan: &OfflinePlan,
        roles: &'a NamedRoles<'a>,
        ports: &Ports,
    ) -> Option<Self> {
        let copies = app.offline_copies_or_warning(plan, ports)?;
        Some(Self { app, copies, roles })
    }

    /// Copies what AWS returned, removes what it refused, and puts copies in the place of what failed in an
    /// outage, each with a warning. A role without a session is no error any more if there is a copy of all
    /// that it was to read, unless the session itself is needed.
    pub(super) fn apply(
        &self,
        plan: &LookupPlan,
        results: &mut LookupResults<'_>,
        needs_session: bool,
    ) {
        let LookupResults { found, session_errors, .. } = results;
        for (lookup, found) in plan.lookups().iter().zip(found.iter_mut()) {
            let name = lookup.scope.role.as_deref();
            let failure = match found {
                Some(Ok(found)) => {
                    self.store(lookup, found);
                    continue;
                }
                Some(Err(CallFailure { failure, .. })) => match failure {
                    UpstreamFailure::Outage(reason, _) => NoValue::Outage(*reason),
                    UpstreamFailure::Refused(_) => NoValue::Refused(RefusedPart::Whole),
                    UpstreamFailure::NoVersion(_) => NoValue::Refused(RefusedPart::Version),
                },
                None => session_errors
                    .iter()
                    .find(|(role, _)| *role == name)
                    .map_or(NoValue::Other, |(_, error)| of_session(error)),
            };
            if let Some(copy) = self.stand_in(lookup, &failure, found.is_none()) {
                *found = Some(Ok(copy));
            }
        }
        session_errors.retain(|(role, _)| {
            let is_read = |(lookup, found): (&Lookup, &Option<_>)| {
                lookup.scope.role.as_deref() != *role || matches!(found, Some(Ok(_)))
            };
            needs_session && role.is_none() || !plan.lookups().iter().zip(&*found).all(is_read)
        });
        self.copies.flush();
    }

    fn store(&self, lookup: &Lookup, found: &Found) {
        let Some(scope) = self.scope(lookup) else { return };
        let value = match found {
            Found::Secret(secret) => FetchedValue::Secret(secret.clone()),
            Found::Parameter(parameter) => FetchedValue::Parameter(parameter.clone()),
        };
        self.copies.store(&scope, &item(lookup), &value, self.now());
    }

    /// Returns the copy of what cannot be read, or removes that of what AWS refuses.
    fn stand_in(
        &self,
        lookup: &Lookup,
        failure: &NoValue,
        is_without_session: bool,
    ) -> Option<Found> {
        let (scope, item) = (self.scope(lookup)?, item(lookup));
        match failure {
            NoValue::Outage(reason) => {
                let copy = self.copies.load(&scope, &item)?;
                self.warn(&copy.value, copy.age, *reason);
                Some(match copy.value {
                    FetchedValue::Secret(secret) => Found::Secret(secret),
                    FetchedValue::Parameter(parameter) => Found::Parameter(parameter),
                })
            }
            NoValue::Refused(_) if is_without_session => {
                self.copies.remove_role(&scope.role.arn);
                None
            }
            NoValue::Refused(part) => {
                self.copies.remove(&scope, &item, *part);
                None
            }
            NoValue::Other => None,
        }
    }

    fn warn(&self, value: &FetchedValue, age: Duration, reason: OutageReason) {
        let seconds = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
        let (name, confirmed, reason) = (value.name(), self.now().after(-seconds), reason.name());
        self.app.report(&format!(
            "warning: `{name}` is an offline copy, which AWS confirmed at {confirmed}: AWS cannot be asked now ({reason})"
        ));
    }

    fn now(&self) -> Timestamp {
        self.app.clock().now()
    }

    fn scope(&self, lookup: &Lookup) -> Option<CallScope> {
        let role = self.roles.role(lookup.scope.role.as_deref()).ok()?;
        let ReferenceRole { session, region, .. } = role;
        let role = session.provider.role();
        let arn = role.to_string();
        let role = ReadingRole {
            id: arn.as_str().into(),
            account: role.account().into(),
            arn: arn.into(),
            region: region.clone(),
        };
        Some(CallScope { role: Rc::new(role), region: lookup.scope.region.clone() })
    }
}

fn item(lookup: &Lookup) -> ReadItem {
    match &lookup.item {
        LookupItem::Secret(request) => ReadItem::Secret(request.clone()),
        LookupItem::Parameter(request) => {
            ReadItem::Parameter(request.clone(), Decryption::Decrypted)
        }
    }
}

/// Returns why there is no session.
fn of_session(error: &Error) -> NoValue {
    match error.provider_error() {
        Some(error) if error.is_final_refusal() => NoValue::Refused(RefusedPart::Whole),
        Some(error) => NoValue::Outage(of_refresh(error)),
        // Another process has found out, or waits.
        None if error.kind() == ErrorKind::Unreachable => NoValue::Outage(OutageReason::Connection),
        None => NoValue::Other,
    }
}

/// Prints the events that are warnings.
struct WarningsOnStderr;

impl Log for WarningsOnStderr {
    fn event(&self, event: &'static LogEvent, fields: &[Field<'_>]) {
        if event.level == Level::Info {
            return;
        }
        let mut text = format!("warning: {}", event.message);
        for (_, value) in fields {
            text.push_str(&format!(": {value}"));
        }
        crate::os::stdio::write_stderr(&text);
    }

    fn record(&self, event: &'static LogEvent, fields: &[Field<'_>]) -> Result<(), LogNotWritten> {
        self.event(event, fields);
        Ok(())
    }
}
