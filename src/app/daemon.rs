//! Runs a daemon on the real system: with its signals, its supervisor and its log.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};
use tokio::sync::oneshot;

use crate::app::App;
use crate::app::session::{self, SessionClient};
use crate::daemon::{Daemon, DaemonContext, Role, RoleChanges, StatusLine};
use crate::options::session_plan::SessionPlan;
use crate::options::variables::UnknownVariable;
use crate::os::events::SystemEvents;
use crate::os::log::StderrLog;
use crate::os::password;
use crate::os::supervisor::Systemd;
use crate::output::error::Error;
use crate::output::log::events::{
    CONFIG_RELOAD_FAILED, CONFIG_RELOADED, KUBERNETES_VARIABLES_IGNORED, STARTED, UNKNOWN_VARIABLE,
};
use crate::output::log::{Field, Log};
use crate::output::run::RunError;
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::refresh::refresher::Refresher;

/// A daemon on the real system.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct SystemDaemon<'a> {
    /// The real system.
    pub app: &'a App,
    /// What a daemon has of its system.
    pub context: DaemonContext<'a>,
    /// The ports for what is of no role: clock, timer, random numbers.
    pub ports: Ports,
    /// Makes the refresher of a role.
    pub new_refresher: Box<NewRefresher<'a>>,
    /// Returns the ports of a role, for calls with its session.
    pub new_ports: Box<NewPorts<'a>>,
}

impl SystemDaemon<'_> {
    /// Plans the command line again, beside the event loop: a file system may hang. Returns `None` if
    /// there is nothing to plan again.
    pub async fn plan_again<P: 'static>(&self) -> Option<Result<P, Error>> {
        let replan = Arc::clone(self.app.replan()?);
        let (sender, planned) = oneshot::channel();
        // If another reload was requested meanwhile, the result has no receiver.
        self.ports.blocking.run(Box::new(move || drop(sender.send(replan()))));
        match planned.await.ok()? {
            Ok(plan) => plan.downcast().ok().map(|plan: Box<P>| Ok(*plan)),
            Err(error) => Some(Err(error)),
        }
    }

    /// Logs that the changed configuration file is refused, and says so in the status.
    pub fn refuse_config(&self, error: &Error) {
        let (reason, hint) = error.log_fields();
        let fields: [Field<'_>; 2] = [("reason", &reason), ("hint", &hint)];
        self.context.log.event(&CONFIG_RELOAD_FAILED, &fields);
        self.context.status.set_refused(Some(error.summary()));
    }

    /// Follows the files of the identities of `roles`, and logs what a reload changed.
    pub async fn accept_config(
        &self,
        roles: impl Iterator<Item = &SessionPlan>,
        changes: &RoleChanges,
    ) {
        self.context.events.watch(watched_files(roles)).await;
        let RoleChanges { added, changed, removed } = changes;
        let lists = [("added", added), ("changed", changed), ("removed", removed)];
        let lists = lists.map(|(name, roles)| (name, roles.join(" ")));
        let fields = lists.iter().filter(|(_, roles)| !roles.is_empty());
        let fields: Vec<Field<'_>> = fields.map(|(name, roles)| (*name, roles as _)).collect();
        self.context.log.event(&CONFIG_RELOADED, &fields);
        self.context.status.set_refused(None);
    }
}

/// Makes the refresher of a role.
pub type NewRefresher<'a> = dyn Fn(&Role<SessionPlan>) -> Refresher + 'a;

/// Returns the ports of a role.
pub type NewPorts<'a> = dyn Fn(&SessionPlan) -> Ports + 'a;

/// Runs `work` as the daemon `command` of `roles`, if it has any: listens to signals and to changes of
/// the identities' files, and writes the log meanwhile.
pub fn run(
    app: &App,
    (command, daemon): (&str, Daemon),
    roles: &[Role<SessionPlan>],
    work: impl AsyncFnOnce(&SystemDaemon<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let first = roles.first().map(|role| &role.plan);
    roles.iter().for_each(|role| SessionClient::open(app, &role.plan).trace_network());
    let ports = match first {
        Some(plan) => SessionClient::open(app, plan).ports(),
        None => app.ports(false),
    };
    let ended = session::block_on(async {
        if !cfg!(unix) {
            // Systems without Unix signals.
            let (command, system) = (command.to_owned(), std::env::consts::OS);
            return Err(RunError::UnsupportedSystem { command, system }.into());
        }
        let events = SystemEvents::listen(watched_files(roles.iter().map(|role| &role.plan)))
            .await
            .map_err(RunError::System)?;
        let log = Arc::new(StderrLog::new(daemon.log_format, Arc::clone(&ports.clock)));
        log_start(&*log, command, first);
        let supervisor = Arc::new(Systemd::find());
        let status = Arc::new(StatusLine::new(Arc::clone(&supervisor) as _));
        let context =
            DaemonContext { events: &events, supervisor, log: Arc::clone(&log) as _, status };
        let new_refresher = Box::new({
            let context = context.clone();
            move |role: &Role<SessionPlan>| {
                let client = app.key_passwords().share(SessionClient::open(app, &role.plan));
                let SessionPlan { provider, timeout, .. } = &role.plan;
                let context = context.of_role(role.name.as_ref());
                context.refresher(provider, *timeout, Arc::default(), &client.ports())
            }
        });
        let new_ports = Box::new(move |plan: &SessionPlan| SessionClient::open(app, plan).ports());
        let system = SystemDaemon { app, context, ports, new_refresher, new_ports };
        match select(pin!(work(&system)), pin!(log.run())).await {
            Either::Left((ended, _)) => ended,
            Either::Right((never, _)) => match never {},
        }
    });
    // A daemon that is stopped leaves a prompt open, on another thread.
    password::abandon_prompt();
    ended
}

/// Returns the files of the identities, each once.
fn watched_files<'a>(plans: impl Iterator<Item = &'a SessionPlan>) -> Vec<PathBuf> {
    let files = plans.flat_map(|plan| plan.provider.source.watched_paths());
    let mut files: Vec<PathBuf> = files.map(Path::to_owned).collect();
    files.sort();
    files.dedup();
    files
}

/// Logs that the daemon has started, and which variables it does not read.
fn log_start(log: &dyn Log, command: &str, plan: Option<&SessionPlan>) {
    let version = env!("CARGO_PKG_VERSION");
    log.event(&STARTED, &[("command", &command), ("version", &version)]);
    let Some(plan) = plan else { return };
    if !plan.ignored.is_empty() {
        let names = plan.ignored.join(" ");
        log.event(&KUBERNETES_VARIABLES_IGNORED, &[("names", &names)]);
    }
    for UnknownVariable { name, nearest } in &plan.unknown {
        let fields: [Option<Field<'_>>; 2] =
            [Some(("name", name)), nearest.as_ref().map(|nearest| ("nearest", nearest as _))];
        let fields: Vec<Field<'_>> = fields.into_iter().flatten().collect();
        log.event(&UNKNOWN_VARIABLE, &fields);
    }
}
