//! Runs the refreshers of a daemon, and handles what concerns all of them: readiness, signals, changed
//! files, the watchdog.

use std::cell::Cell;
use std::convert::Infallible;
use std::pin::pin;

use futures_util::future::{Either, LocalBoxFuture, pending, select};

use super::{DaemonContext, Event, RefresherSet, Supervisor};
use crate::output::error::Error;
use crate::output::log::events::{RELOAD_REQUESTED, STOPPING};
use roles_anywhere_client::time::Timer;

/// Reads the configuration file again and changes the refreshers accordingly, or does nothing if there is
/// no file.
pub type Reconfigure<'a> = dyn Fn() -> LocalBoxFuture<'a, ()> + 'a;

/// Returns the [`Reconfigure`] of a daemon without a configuration file.
pub fn no_configuration<'a>() -> LocalBoxFuture<'a, ()> {
    Box::pin(std::future::ready(()))
}

/// Runs `refreshers` until a stop event, or until `start` fails.
///
/// When `start` completes, the supervisor hears that the daemon is ready, and the work that `start`
/// returned goes on beside the refreshers.
pub async fn supervise<W: Future<Output = Infallible>>(
    refreshers: &RefresherSet,
    context: &DaemonContext<'_>,
    timer: &dyn Timer,
    reconfigure: &Reconfigure<'_>,
    start: impl Future<Output = Result<W, Error>>,
) -> Result<(), Error> {
    let supervisor = &*context.supervisor;
    let has_started = Cell::new(false);
    let events = pin!(handle_events(refreshers, reconfigure, context, &has_started));
    let working = pin!(async {
        match start.await {
            Ok(work) => {
                has_started.set(true);
                supervisor.ready();
                match work.await {}
            }
            Err(error) => error,
        }
    });
    let refreshing = pin!(refreshers.run());
    let watchdog = pin!(keep_watchdog(supervisor, timer));
    let ended = async {
        match select(events, working).await {
            Either::Left(((), _)) => Ok(()),
            Either::Right((error, _)) => Err(error),
        }
    };
    let ended = match select(pin!(ended), select(refreshing, watchdog)).await {
        Either::Left((ended, _)) => ended,
        Either::Right((Either::Left((never, _)) | Either::Right((never, _)), _)) => match never {},
    };
    supervisor.stopping();
    if ended.is_ok() {
        context.log.event(&STOPPING, &[]);
    }
    ended
}

/// Handles events until one says to stop.
async fn handle_events(
    refreshers: &RefresherSet,
    reconfigure: &Reconfigure<'_>,
    context: &DaemonContext<'_>,
    has_started: &Cell<bool>,
) {
    let mut reloading = None;
    loop {
        let reloaded = pin!(async {
            match &mut reloading {
                Some(reloading) => reloading.await,
                None => pending().await,
            }
        });
        match select(context.events.next(), reloaded).await {
            Either::Left((Event::Stop, _)) => return,
            Either::Left((Event::FilesChanged, _)) => refreshers.files_changed(),
            Either::Left((Event::Reload, _)) => {
                context.supervisor.reloading();
                context.log.event(&RELOAD_REQUESTED, &[]);
                // If a reload has not ended, the supervisor hears of the end of the last one.
                reloading = Some(Box::pin(async {
                    reconfigure().await;
                    refreshers.reload().await;
                }));
            }
            Either::Right(_) => {
                reloading = None;
                // The end of the start is still to come, and to be reported.
                if has_started.get() {
                    context.supervisor.ready();
                }
            }
        }
    }
}

/// Tells the supervisor at intervals that this process goes on, if it wants to know.
async fn keep_watchdog(supervisor: &dyn Supervisor, timer: &dyn Timer) -> Infallible {
    let Some(interval) = supervisor.watchdog_interval() else { return pending().await };
    loop {
        supervisor.watchdog();
        timer.sleep(interval / 2).await;
    }
}

#[cfg(test)]
mod tests;
