//! `serve` on the real system: sockets, token files, signals.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::{
    Either, LocalBoxFuture, Pending, pending, select, try_join, try_join_all,
};
use tokio::sync::oneshot;

use crate::app::daemon::SystemDaemon;
use crate::command::serve::print_env::{
    PrintedRoles, PrintedSecrets, PrintedToken, print_env, print_secrets,
};
use crate::command::serve::roles::{RoleSelection, RunningRoles};
use crate::command::serve::secrets::{RunningSecrets, SecretsService};
use crate::command::serve::{self, Serve, ServePlan};
use crate::config::TableKind;
use crate::daemon::{Daemon, supervise};
use crate::output::error::Error;
use crate::output::log::events::{LISTENING, SECRETS_RESTART_NEEDED};
use crate::server::secrets::{SecretsPlan, SecretsToken};
use crate::server::{Endpoints, Listener, ServedRoles};

/// Serves the sessions of the roles until the daemon is told to stop.
pub async fn run(
    plan: &Serve,
    selection: &RoleSelection,
    system: &SystemDaemon<'_>,
) -> Result<(), Error> {
    let SystemDaemon { app, context, ports, new_refresher, .. } = system;
    let listener = app.listen(&plan.listen, plan.remote, plan.hop_limit)?;
    let addresses = listener.addresses();
    let (log, policy) = (Arc::clone(&context.log), plan.policy.clone());
    let endpoints = Endpoints::new(ServedRoles::default(), policy, ports.clone(), log);
    let endpoints = Rc::new(endpoints);
    let open_token = |name: Option<&str>| app.token_file(&plan.token_file, &addresses, name);
    let roles = RunningRoles::new(plan, Rc::clone(&endpoints), context, &open_token);
    let secrets = plan.secrets.as_ref();
    let secrets = secrets.map(|secrets| SecretsService::open((plan, secrets), &endpoints, system));
    let secrets = secrets.transpose()?;
    let running_secrets = secrets.as_ref().map(SecretsService::running);
    let ended = async {
        roles.open_tokens(selection)?;
        roles.replace(selection.clone(), new_refresher);
        if let Some(secrets) = &running_secrets {
            secrets.replace_roles(&roles, app);
        }
        let printed = secrets.as_ref().and_then(SecretsService::printed);
        announce(plan, (&addresses, printed), &roles, system)?;
        let services = (endpoints, Box::new(listener) as _, secrets);
        serve_until_stopped(plan, &roles, services, system).await
    };
    let ended = ended.await;
    roles.withdraw_tokens();
    if let Some(secrets) = running_secrets {
        secrets.end();
    }
    ended
}

/// What is served: the credentials, and secrets if they are.
type Services = (Rc<Endpoints>, Box<dyn Listener<Endpoints>>, Option<SecretsService>);

/// Serves until the daemon is told to stop.
async fn serve_until_stopped(
    plan: &Serve,
    roles: &RunningRoles<'_>,
    (endpoints, listener, secrets): Services,
    system: &SystemDaemon<'_>,
) -> Result<(), Error> {
    let (context, timer) = (&system.context, &*system.ports.timer);
    let running_secrets = secrets.as_ref().map(SecretsService::running);
    let (stop, stopped) = oneshot::channel();
    let (stop_secrets, secrets_stopped) = oneshot::channel();
    let refreshing = pin!(async {
        let start = start(plan.daemon, roles);
        let reconfigure = || -> LocalBoxFuture<'_, ()> {
            Box::pin(reload(roles, running_secrets.as_ref(), system))
        };
        let ended = supervise(roles.refreshers(), context, timer, &reconfigure, start).await;
        // The endpoints may have ended already.
        let _ = (stop.send(()), stop_secrets.send(()));
        ended
    });
    let stopped = Box::pin(async move { drop(stopped.await) });
    let credentials = serve::run(endpoints, listener, timer, stopped);
    let secrets = async {
        let stopped = Box::pin(async move { drop(secrets_stopped.await) });
        match secrets {
            Some(secrets) => secrets.serve(stopped).await,
            None => Ok(()),
        }
    };
    let serving = pin!(async { try_join(credentials, secrets).await.map(drop) });
    match select(refreshing, serving).await {
        Either::Left((refreshed, serving)) => serving.await.and(refreshed),
        Either::Right((served, _)) => served,
    }
}

/// Serves the roles of the configuration file as it is now. If it is refused, all stays as it is.
async fn reload(
    roles: &RunningRoles<'_>,
    secrets: Option<&RunningSecrets>,
    system: &SystemDaemon<'_>,
) {
    if !roles.are_named() {
        return;
    }
    match system.plan_again::<ServePlan>().await {
        None => {}
        Some(Err(error)) => system.refuse_config(&error),
        Some(Ok(ServePlan { roles: selection, serve })) => {
            let secrets_change = match secrets_change(secrets, serve.secrets, system).await {
                Ok(change) => change,
                Err(error) => return system.refuse_config(&error),
            };
            let changes = roles.reload(selection, &*system.new_refresher);
            if let Some(secrets) = secrets {
                secrets.replace_roles(roles, system.app);
                if let Some((plan, tokens)) = secrets_change {
                    secrets.replace(plan, tokens);
                }
            }
            system.accept_config(roles.plans().iter(), &changes).await;
        }
    }
}

/// Returns how the secrets endpoint goes on by a plan that was made again. An error if a token cannot be
/// used.
async fn secrets_change(
    running: Option<&RunningSecrets>,
    plan: Option<SecretsPlan>,
    system: &SystemDaemon<'_>,
) -> Result<Option<(SecretsPlan, Vec<Rc<SecretsToken>>)>, Error> {
    let needs_restart = match (running, &plan) {
        (Some(running), Some(plan)) => running.needs_restart(plan),
        (None, None) => Vec::new(),
        _ => vec![TableKind::Secrets.name()],
    };
    for key in needs_restart {
        system.context.log.event(&SECRETS_RESTART_NEEDED, &[("key", &key)]);
    }
    let (Some(running), Some(plan)) = (running, plan) else { return Ok(None) };
    let tokens = running.open_tokens(&plan, system.app).await?;
    Ok(Some((plan, tokens)))
}

/// Completes when the daemon is ready. One that keeps retrying serves from the start, even without
/// credentials; one that exits on a failure is ready only after the first refresh of each role.
async fn start(daemon: Daemon, roles: &RunningRoles<'_>) -> Result<Pending<Infallible>, Error> {
    while daemon.fails_fast() {
        let channels = roles.channels();
        let refreshed = channels.iter().map(|channel| daemon.first_refresh(channel));
        let refreshed = pin!(try_join_all(refreshed));
        // The refreshers of roles that were replaced have ended.
        if let Either::Left((ended, _)) = select(refreshed, pin!(roles.replaced())).await {
            ended?;
            break;
        }
    }
    Ok(pending())
}

/// Logs and prints the addresses of the endpoints and the token files.
fn announce(
    plan: &Serve,
    (addresses, secrets): (&[SocketAddr], Option<PrintedSecrets>),
    roles: &RunningRoles<'_>,
    system: &SystemDaemon<'_>,
) -> Result<(), Error> {
    if plan.print_env {
        let (tokens, served) = (roles.tokens(), roles.served());
        let tokens = tokens.iter().map(|(token, path)| PrintedToken {
            name: token.name(),
            role: served.role_of_route(token.name()),
            path,
        });
        let imds = served.imds.as_deref();
        let printed = PrintedRoles {
            has_imds: imds.is_some(),
            imds: imds.and_then(|role| role.name()),
            tokens: tokens.collect(),
        };
        let mut lines = print_env((plan.remote, plan.policy.offer), addresses, &printed);
        lines.extend(secrets.as_ref().map(print_secrets));
        system.app.print(lines.as_bytes())?;
    }
    for address in addresses {
        system.context.log.event(&LISTENING, &[("address", address)]);
    }
    Ok(())
}
