//! The daemon: keeps the profiles fresh until it is stopped, and takes up the roles of a changed
//! configuration file.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::{Either, LocalBoxFuture, select, select_all, try_join_all};

use crate::app::daemon::SystemDaemon;
use crate::command::update::key_reader::{KeyReader, SecretSource};
use crate::command::update::target::{Target, Targets};
use crate::command::update::writer::Writer;
use crate::command::update::{ProfilePlan, UpdatePlan};
use crate::credentials_file::port::{ProfileFileError, SharedCredentialsFile};
use crate::daemon::{
    Daemon, DaemonContext, Reconfigure, RefresherSet, Role, RoleChanges, RunningRole, StartRole,
    replace_roles, supervise,
};
use crate::options::session_plan::SessionPlan;
use crate::output::error::Error;
use roles_anywhere_client::ports::Ports;

/// The profiles of a running `update`, and the refreshers of their sessions.
#[derive(Default)]
struct RunningProfiles {
    targets: Targets,
    refreshers: RefresherSet,
    running: RefCell<Vec<RunningRole<ProfilePlan, Rc<Target>>>>,
}

/// Keeps the profiles of `roles` fresh until the daemon is told to stop.
pub(super) async fn run(
    roles: &[Role<ProfilePlan>],
    system: &SystemDaemon<'_>,
) -> Result<(), Error> {
    let SystemDaemon { app, context, ports, .. } = system;
    let profiles = RunningProfiles::default();
    profiles.replace(roles.to_vec(), system);
    let reconfigure = || -> LocalBoxFuture<'_, ()> { Box::pin(reload(&profiles, system)) };
    let RunningProfiles { targets, refreshers, .. } = &profiles;
    keep((targets, refreshers), context, ports, &app.credentials_file(), &reconfigure).await
}

/// Keeps the profiles of the configuration file as it is now fresh. If it is refused, all stays as it is.
async fn reload(profiles: &RunningProfiles, system: &SystemDaemon<'_>) {
    profiles.targets.read_keys_now();
    if !profiles.are_named() {
        return;
    }
    match system.plan_again::<UpdatePlan>().await {
        None => {}
        Some(Err(error)) => system.refuse_config(&error),
        Some(Ok(UpdatePlan { roles, .. })) => {
            let changes = profiles.replace(roles, system);
            let plans = profiles.plans();
            system.accept_config(plans.iter().map(|plan| &plan.session), &changes).await;
        }
    }
}

impl RunningProfiles {
    /// Keeps other profiles fresh. Those whose role did not change keep their sessions; what is in the
    /// profile of a role that has ended stays there.
    fn replace(&self, roles: Vec<Role<ProfilePlan>>, system: &SystemDaemon<'_>) -> RoleChanges {
        let SystemDaemon { context, new_refresher, new_ports, .. } = system;
        let mut running = self.running.borrow_mut();
        context.status.set_roles(roles.iter().filter_map(|role| role.name.clone()));
        let start: StartRole<'_, ProfilePlan, Rc<Target>> = &|role, before| {
            let refresher = new_refresher(&role.with_plan(role.plan.session.clone()));
            let (update, channel) = (role.plan.update.clone(), Arc::clone(refresher.channel()));
            let SessionPlan { provider, timeout, .. } = &role.plan.session;
            let key = update.from_secret.clone().map(|secret| {
                let (provider, timeout) = (provider.clone(), *timeout);
                let ports = new_ports(&role.plan.session);
                KeyReader::new(SecretSource { secret, provider, timeout, ports })
            });
            let target = Target::new(update, channel, key, context.of_role(role.name.as_ref()));
            // What was written once is not forced again.
            let is_same = |before: &&Rc<Target>| before.plan.profile == target.plan.profile;
            let has_written = before.filter(is_same).is_some_and(|it| it.has_written.get());
            target.has_written.set(has_written);
            (refresher, Rc::new(target))
        };
        let changes =
            replace_roles(&mut running, roles, &self.refreshers, ProfilePlan::is_same, start);
        self.targets.replace(running.iter().map(|role| Rc::clone(&role.state)).collect());
        changes
    }

    /// Returns whether its roles are of a configuration file.
    fn are_named(&self) -> bool {
        self.running.borrow().iter().all(|role| role.role.name.is_some())
    }

    fn plans(&self) -> Vec<ProfilePlan> {
        self.running.borrow().iter().map(|role| role.role.plan.clone()).collect()
    }
}

impl ProfilePlan {
    /// Returns whether the same sessions are written to the same profile.
    fn is_same(&self, other: &Self) -> bool {
        self.session.makes_the_sessions_of(&other.session)
            && self.update.profile == other.update.profile
            && self.update.from_secret == other.update.from_secret
    }
}

/// Keeps the profiles of `targets` fresh with the sessions of `refreshers` until it is told to stop.
///
/// Returns an error if the file must not be edited at all, or if the first refresh or write fails and
/// the daemon exits on that.
pub(super) async fn keep(
    (targets, refreshers): (&Targets, &RefresherSet),
    context: &DaemonContext<'_>,
    ports: &Ports,
    file: &dyn SharedCredentialsFile,
    reconfigure: &Reconfigure<'_>,
) -> Result<(), Error> {
    let all = targets.all();
    let Some(plan) = all.first().map(|target| target.plan.clone()) else { return Ok(()) };
    for target in &all {
        // Other problems of the file may be temporary.
        if let Err(
            error @ (ProfileFileError::Text { .. }
            | ProfileFileError::NotRegular { .. }
            | ProfileFileError::ForeignOwner { .. }
            | ProfileFileError::ForeignLink { .. }),
        ) = target.plan.check(file, &*ports.clock, &*ports.timer).await
        {
            // A profile that must not be written keeps no other one from being written.
            if all.len() == 1 || !error.is_of_profile() || plan.daemon.fails_fast() {
                return Err(plan.failed(error));
            }
        }
    }
    let start = async {
        first_refreshes(targets, plan.daemon).await?;
        let mut writer = Writer::new(targets, &plan, context, ports, file);
        writer.start().await?;
        Ok(writer.run())
    };
    let supervised = pin!(supervise(refreshers, context, &*ports.timer, reconfigure, start));
    match select(supervised, pin!(targets.read_keys(ports))).await {
        Either::Left((ended, _)) => ended,
        Either::Right((never, _)) => match never {},
    }
}

/// Waits for the first refresh of one of the targets, or of all if the first failure ends the daemon.
async fn first_refreshes(targets: &Targets, daemon: Daemon) -> Result<(), Error> {
    loop {
        let all = targets.all();
        let refreshed = all.iter().map(|target| Box::pin(first_refresh(target, daemon)));
        let refreshed = pin!(async {
            if all.is_empty() || daemon.fails_fast() {
                return try_join_all(refreshed).await.map(drop);
            }
            select_all(refreshed).await.0
        });
        // The refreshers of profiles that were replaced have ended.
        if let Either::Left((ended, _)) = select(refreshed, pin!(targets.replaced())).await {
            return ended;
        }
    }
}

/// Waits for the first session of a target, and for the key that is read with it. A failure is an error only
/// if it is to end the daemon.
async fn first_refresh(target: &Target, daemon: Daemon) -> Result<(), Error> {
    daemon.first_refresh(&target.channel).await?;
    let Some(key) = &target.key else { return Ok(()) };
    if target.channel.status().session.is_none() {
        // Nothing is read before there is one.
        return Ok(());
    }
    match key.first_read().await {
        Err(error) if daemon.fails_fast() => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
