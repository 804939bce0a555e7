//! `watch`: says which references stand for other values than before.

mod changes;
mod plan;

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::sync::Notify;

use crate::app::App;
use crate::app::actions::{act_logged, print_beside, run_command};
use crate::app::daemon::{self, SystemDaemon};
use crate::app::reference_reader::FollowedReferences;
use crate::command::{Command, Plan};
use crate::daemon::{Daemon, RefresherSet, no_configuration, supervise};
use crate::follow::follower::{Consumer, FollowPorts, follow};
use crate::follow::schedule::Timing;
use crate::follow::source::FollowedValues;
use crate::options::arguments::OptionGroups;
use crate::options::command_line::Word;
use crate::options::reference_reader::ReferenceReader;
use crate::options::references;
use crate::options::roles::RoleUse;
use crate::options::settings::Settings;
use crate::options::table::{self, OptionSpec};
use crate::output::Outcome;
use crate::output::error::Error;
use crate::output::follow::ActionError;
use crate::output::log::LogFormat;
use crate::output::usage::UsageError;
use crate::secrets::reference::NamedReference;
use crate::secrets_cache::CachePolicy;
use changes::KnownValue;
use roles_anywhere_client::secret::{Secret, SecretBytes};

/// The plan of `watch`.
#[derive(Clone, Debug)]
pub struct WatchPlan {
    /// The references, at least one.
    pub references: Vec<NamedReference>,
    /// How they are read.
    pub reader: ReferenceReader,
    /// The command of a shell that is told of changes, which may hold a password; else they are printed.
    pub command: Option<Secret>,
    /// Whether the first values count as changes.
    pub tells_first: bool,
    /// When.
    pub timing: Timing,
    /// For how long a value is used without asking AWS.
    pub cache: CachePolicy,
    /// How it runs.
    pub daemon: Daemon,
}

impl Command for WatchPlan {
    const NAME: &'static [Word] = &[("watch", "Report changes of secrets and parameters")];
    const DETAILS: &'static str = "\
Reads secrets and parameters again, and prints a line of JSON for each reference that stands for another value than before: with names and versions, never with values. `--exec` runs a command instead, which gets the lines on standard input.";
    const EXAMPLES: &'static str = "\
roles-anywhere watch 'sm://prod/db#password' ssm:///prod/api-url --role app
roles-anywhere watch sm://prod/db --role app --exec 'mail -s rotated root'";
    const DOCS: &'static [&'static str] = &["follow.md", "references.md", "logs.md"];
    const OPTIONS: &'static OptionGroups = &[
        plan::WATCH,
        table::follow::TIMING,
        table::follow::FRESHNESS,
        table::served::SERVED,
        table::session_groups::ONE_SESSION,
    ];
    const REQUIRED: &'static [&'static OptionSpec] = references::REQUIRED;
    const ROLES: RoleUse = RoleUse::OneUnlessGiven { option: &table::served::SECRETS_URL };

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        plan::plan(settings).map_err(|error| references::with_all_missing(settings, error))
    }
}

impl Plan for WatchPlan {
    fn run(&self, app: &App) -> Result<Outcome, Error> {
        let followed = app.followed_references(&self.reader, &self.references, self.cache)?;
        let first = app.read_references(&self.reader, &self.references)?;
        let first = first.into_iter().map(KnownValue::of).map(Some);
        let known = match self.tells_first {
            false => first.collect(),
            true => self.references.iter().map(|_| None).collect(),
        };
        followed.ask_for_passwords()?;
        let role = self.reader.role();
        daemon::run(app, ("watch", self.daemon), role.as_slice(), async |system| {
            let watcher = ChangeTeller {
                plan: self,
                system,
                known: RefCell::new(known),
                failure: Cell::default(),
                has_failed: Notify::new(),
            };
            watcher.run(&followed).await
        })?;
        Ok(Outcome::default())
    }

    fn is_daemon(&self) -> bool {
        true
    }

    fn log_format(&self) -> LogFormat {
        self.daemon.log_format
    }
}

/// A running `watch`.
struct ChangeTeller<'a> {
    plan: &'a WatchPlan,
    system: &'a SystemDaemon<'a>,
    /// What each reference stood for when it was last told.
    known: RefCell<Vec<Option<KnownValue>>>,
    /// Why standard output did not take what was to be printed.
    failure: Cell<Option<Error>>,
    has_failed: Notify,
}

/// Lines about changes, and what each reference stands for now.
struct ChangeReport {
    lines: SecretBytes,
    values: Vec<Option<KnownValue>>,
}

impl ChangeTeller<'_> {
    /// Follows the references until it is stopped, or standard output takes nothing more.
    async fn run(&self, followed: &FollowedReferences<'_>) -> Result<(), Error> {
        let SystemDaemon { context, ports, .. } = self.system;
        let follow_ports =
            FollowPorts { clock: &*ports.clock, entropy: &*ports.entropy, log: &*context.log };
        let start = async {
            let following = follow(followed, self, self.plan.timing, follow_ports);
            Ok(followed.keep_current(&context.log, following))
        };
        let (refreshers, timer) = (RefresherSet::default(), &*ports.timer);
        let supervised = pin!(supervise(&refreshers, context, timer, &no_configuration, start));
        match select(supervised, pin!(self.has_failed.notified())).await {
            Either::Left((ended, _)) => ended,
            Either::Right(((), _)) => self.failure.take().map_or(Ok(()), Err),
        }
    }

    /// Tells of the changes.
    async fn tell(&self, lines: SecretBytes) {
        let Some(command) = &self.plan.command else {
            let printed = print_beside(lines, &*self.system.ports.blocking).await;
            if let Err(error) = printed {
                self.failure.set(Some(error));
                self.has_failed.notify_one();
            }
            return;
        };
        let log = &*self.system.context.log;
        let run = async { Ok(run_command(command, &lines).await.map_err(ActionError::Command)?) };
        act_logged("command", log, run).await;
    }
}

impl Consumer for ChangeTeller<'_> {
    type Change = ChangeReport;

    fn change(&self, values: &FollowedValues) -> Result<Option<ChangeReport>, Error> {
        let known = self.known.borrow();
        let differs = |(new, known)| KnownValue::differs(known, new);
        if !values.values.iter().zip(&*known).any(differs) {
            return Ok(None);
        }
        let lines = changes::lines(&self.plan.references, &known, values);
        let values = values.values.iter().map(|it| Some(KnownValue::of_followed(it))).collect();
        Ok(Some(ChangeReport { lines, values }))
    }

    async fn act(&self, ChangeReport { lines, values }: ChangeReport, _retry_in: Duration) {
        self.known.replace(values);
        self.tell(lines).await;
    }
}
