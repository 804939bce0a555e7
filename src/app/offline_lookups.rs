//! Offline copies for a command that reads references once: they are made of what AWS returns, and stand in for
//! what cannot be read in an outage.

use std::convert::Infallible;
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::offline_copy::{CopiesOnDisk, NoCopy};
use crate::options::reference_roles::{NamedRoles, ReferenceRole};
use crate::options::secrets_endpoint::OfflineSetup;
use crate::output::error::Error;
use crate::output::log::events::{LogEvent, OFFLINE_COPY_FAILED, OFFLINE_COPY_REMOVED};
use crate::output::log::{Field, Level, Log, LogNotWritten};
use crate::secrets::lookup::{Lookup, LookupItem, LookupPlan};
use crate::secrets::resolver::{CallFailure, Found, LookupResults};
use crate::secrets_cache::failure::of_refresh;
use crate::secrets_cache::{
    CallScope, FetchedValue, OfflineCopies as _, OutageReason, ReadItem, ReadingRole, RefusedPart,
    UpstreamFailure,
};
use roles_anywhere_client::aws::parameter::Decryption;
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::provider::ErrorKind;
use roles_anywhere_client::time::{Clock as _, Timestamp};

/// The copies, and the roles that read what is copied.
pub(super) struct OfflineLookups<'a> {
    app: &'a App,
    copies: Rc<CopiesOnDisk>,
    roles: &'a NamedRoles<'a>,
}

/// What the session of the command's own role is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum SessionUse {
    /// For references only.
    References,
    /// Also for something else, so that it is needed although there are copies.
    Credentials,
}

/// Why there is no value.
enum NoValue {
    Outage(OutageReason),
    Refused(RefusedPart),
    /// The session is refused.
    RefusedRole,
    /// Neither: a mistake of the user, for example, or a certificate that cannot be used.
    Other,
}

impl NoValue {
    fn of_outage(reason: OutageReason) -> Self {
        if reason.allows_copies() { Self::Outage(reason) } else { Self::Other }
    }
}

impl App {
    /// Returns the copies of this process, which are opened once. Their warnings go to standard error. That
    /// they cannot be used is one, too: AWS may answer.
    pub(super) fn offline_copies_or_warning(
        &self,
        setup: &OfflineSetup,
        ports: &Ports,
    ) -> Option<Rc<CopiesOnDisk>> {
        let open = || {
            let opened = match setup {
                OfflineSetup::Complete(plan) => {
                    self.open_offline_copies(plan, ports, Arc::new(WarningsOnStderr))
                }
                OfflineSetup::Incomplete(error) => Err((**error).clone().into()),
            };
            let warn = |error: Error| {
                let reasons = error.reasons().join(": ");
                let hints = error.printed_hints().into_iter().map(|it| format!("\n  hint: {it}"));
                let hints: String = hints.collect();
                self.report(&format!("warning: no offline copies are used: {reasons}{hints}"));
            };
            opened.map(Rc::new).map_err(warn).ok()
        };
        self.offline_copies.get_or_init(open).clone()
    }

    /// Keeps the files of the copies current that are opened; never ends.
    pub(super) async fn keep_offline_copies(&self) -> Infallible {
        match self.offline_copies.get() {
            Some(Some(copies)) => copies.keep().await,
            Some(None) | None => pending().await,
        }
    }

    /// Has the events of the copies written to a log, until [`App::flush_offline_copies`].
    pub fn log_offline_copies(&self, log: &Arc<impl Log + 'static>) {
        if let Some(Some(copies)) = self.offline_copies.get() {
            copies.log_to(Arc::clone(log) as _);
        }
    }

    /// Makes the changes of files of copies that are to be made: the next start may be one without network.
    pub fn flush_offline_copies(&self) {
        if let Some(Some(copies)) = self.offline_copies.get() {
            copies.flush();
            // The log is written when its last owner drops it.
            copies.log_to(Arc::new(WarningsOnStderr));
        }
    }
}

impl<'a> OfflineLookups<'a> {
    /// Opens the copies, if they can be used.
    pub(super) fn open(
        app: &'a App,
        setup: &OfflineSetup,
        roles: &'a NamedRoles<'a>,
        ports: &Ports,
    ) -> Option<Self> {
        let copies = app.offline_copies_or_warning(setup, ports)?;
        Some(Self { app, copies, roles })
    }

    /// Copies what AWS returned, removes what it refused, and puts copies in the place of what failed in an
    /// outage, each with a warning. A role without a session is no error any more if there is a copy of all
    /// that it was to read, unless the session itself is needed. Returns why there is no copy of the others.
    pub(super) fn apply(
        &self,
        plan: &LookupPlan,
        results: &mut LookupResults<'_>,
        session_use: SessionUse,
    ) -> Vec<String> {
        let mut missing = Vec::new();
        let LookupResults { found, session_errors, .. } = results;
        for (lookup, found) in plan.lookups().iter().zip(found.iter_mut()) {
            let name = lookup.scope.role.as_deref();
            let failure = match found {
                Some(Ok(found)) => {
                    self.store(lookup, found);
                    continue;
                }
                Some(Err(CallFailure { failure, .. })) => match failure {
                    UpstreamFailure::Outage(reason, _) => NoValue::of_outage(*reason),
                    UpstreamFailure::Refused(_) => NoValue::Refused(RefusedPart::Whole),
                    UpstreamFailure::NoVersion(_) => NoValue::Refused(RefusedPart::Version),
                },
                None => session_errors
                    .iter()
                    .find(|(role, _)| *role == name)
                    .map_or(NoValue::Other, |(_, error)| of_session(error)),
            };
            match self.load_or_remove(lookup, &failure) {
                Some(Ok(copy)) => *found = Some(Ok(copy)),
                Some(Err(why)) => {
                    let name = shown(lookup);
                    missing.push(format!("there is no offline copy of `{name}`: {why}"));
                }
                None => {}
            }
        }
        session_errors.retain(|(role, _)| {
            let is_unread = |(lookup, found): (&Lookup, &Option<_>)| {
                lookup.scope.role.as_deref() == *role && !matches!(found, Some(Ok(_)))
            };
            let is_needed = role.is_none() && session_use == SessionUse::Credentials;
            is_needed || plan.lookups().iter().zip(&*found).any(is_unread)
        });
        self.copies.flush();
        missing
    }

    fn store(&self, lookup: &Lookup, found: &Found) {
        let Some(scope) = self.scope(lookup) else { return };
        let value = match found {
            Found::Secret(secret) => FetchedValue::Secret(secret.clone()),
            Found::Parameter(parameter) => FetchedValue::Parameter(parameter.clone()),
        };
        self.copies.store(&scope, &item(lookup), &value, self.now());
    }

    /// Returns the copy of what cannot be read, or why there is none; or removes that of what AWS refuses.
    fn load_or_remove(&self, lookup: &Lookup, failure: &NoValue) -> Option<Result<Found, NoCopy>> {
        let (scope, item) = (self.scope(lookup)?, item(lookup));
        match failure {
            NoValue::Outage(reason) => {
                let Some(copy) = self.copies.load(&scope, &item) else {
                    return Some(Err(self.copies.why_none(&scope, &item)));
                };
                self.warn(&copy.value, copy.age, *reason);
                Some(Ok(match copy.value {
                    FetchedValue::Secret(secret) => Found::Secret(secret),
                    FetchedValue::Parameter(parameter) => Found::Parameter(parameter),
                }))
            }
            NoValue::RefusedRole => {
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
            "warning: `{name}` is an offline copy, which AWS confirmed at {confirmed}: AWS cannot be reached ({reason})"
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

/// Returns the name or the ARN, as it may be shown.
fn shown(lookup: &Lookup) -> String {
    match &lookup.item {
        LookupItem::Secret(request) => request.secret.shown(),
        LookupItem::Parameter(request) => request.parameter.shown(),
    }
}

/// Returns why there is no session.
fn of_session(error: &Error) -> NoValue {
    match error.provider_error() {
        Some(error) if error.is_final_refusal() => NoValue::RefusedRole,
        Some(error) => NoValue::of_outage(of_refresh(error)),
        // Another process has found out, or waits.
        None if error.kind() == ErrorKind::Unreachable => NoValue::Outage(OutageReason::Connection),
        None => NoValue::Other,
    }
}

/// What to do about a copy that cannot be changed.
const FAILED_HINT: &str = "\n  hint: an old copy may be used while AWS cannot be reached: make the directory writable, or remove the file";

/// Prints the events that are warnings, and the removals.
struct WarningsOnStderr;

impl Log for WarningsOnStderr {
    fn event(&self, event: &'static LogEvent, fields: &[Field<'_>]) {
        if event.level == Level::Info && event.name != OFFLINE_COPY_REMOVED.name {
            return;
        }
        let mut text = format!("warning: {}", event.message);
        for (_, value) in fields {
            text.push_str(&format!(": {value}"));
        }
        if event.name == OFFLINE_COPY_FAILED.name {
            text.push_str(FAILED_HINT);
        }
        crate::os::stdio::write_stderr(&text);
    }

    fn record(&self, event: &'static LogEvent, fields: &[Field<'_>]) -> Result<(), LogNotWritten> {
        self.event(event, fields);
        Ok(())
    }
}
