//! `serve`: hands out credentials to SDKs on this machine until it is stopped.

pub mod daemon;
mod plan;
mod print_env;
mod roles;
mod secrets;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{Either, select};

use crate::app::{self, App};
use crate::command::{Command, Plan};
use crate::daemon::Daemon;
use crate::options::arguments::OptionGroups;
use crate::options::command_line::Word;
use crate::options::roles::RoleUse;
use crate::options::secrets_endpoint::is_served;
use crate::options::session_plan::{DaemonCalls, NamedSession};
use crate::options::settings::Settings;
use crate::options::table::{self, OptionSpec};
use crate::output::Outcome;
use crate::output::error::Error;
use crate::output::log::LogFormat;
use crate::output::usage::UsageError;
use crate::server::secrets::SecretsPlan;
use crate::server::{Endpoints, Listener, RemoteAccess, RouteToken, ServePolicy, TokenFile};
pub use roles::RoleSelection;
use roles_anywhere_client::time::Timer;

/// The plan of `serve`.
#[derive(Clone, Debug)]
pub struct ServePlan {
    /// The roles.
    pub roles: RoleSelection,
    /// What is served, and how.
    pub serve: Serve,
}

impl Command for ServePlan {
    const NAME: &'static [Word] = &[("serve", "Serve credentials over HTTP, as EC2 and ECS do")];
    const DETAILS: &'static str = "\
Serves credentials to the SDKs on this machine until it is stopped: as instance metadata (IMDSv2), as EC2 does, and as container credentials, as ECS and EKS do. Credentials are refreshed in the background.";
    const EXAMPLES: &'static str = "\
# With the certificate and the ARNs in ROLES_ANYWHERE_* variables:
roles-anywhere serve --print-env
export AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:9911
aws sts get-caller-identity";
    const DOCS: &'static [&'static str] =
        &["serve.md", "systemd.md", "kubernetes.md", "logs.md", "errors.md"];
    const OPTIONS: &'static OptionGroups = &[
        plan::SERVE,
        table::daemon::DAEMON,
        table::roles::SEVERAL,
        table::session_groups::EVERY_SESSION,
    ];
    const REQUIRED: &'static [&'static OptionSpec] = table::session::REQUIRED;
    const ROLES: RoleUse = RoleUse::Every;

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let calls = match is_served(settings)? {
            true => DaemonCalls::Services,
            false => DaemonCalls::Nothing,
        };
        let sessions = NamedSession::of_daemon(settings, calls)?;
        let serve = plan::serve(settings, &sessions)?;
        Ok(Self { roles: RoleSelection::of(sessions), serve })
    }
}

impl Plan for ServePlan {
    /// Serves until it is stopped; the output is empty.
    fn run(&self, app: &App) -> Result<Outcome, Error> {
        let Self { roles, serve } = self;
        app::daemon::run(app, ("serve", serve.daemon), &roles.roles, async |system| {
            daemon::run(serve, roles, system).await
        })?;
        Ok(Outcome::default())
    }

    fn is_daemon(&self) -> bool {
        true
    }

    fn log_format(&self) -> LogFormat {
        self.serve.daemon.log_format
    }
}

/// What `serve` serves, and how.
#[derive(Clone, Debug)]
pub struct Serve {
    /// The addresses to listen on, none if only secrets are served; port 0 means a free port.
    pub listen: Vec<SocketAddr>,
    /// What other machines may get.
    pub remote: RemoteAccess,
    /// What is served, and for which hosts.
    pub policy: ServePolicy,
    /// The IP time to live of responses; by default 64 on loopback and 1 elsewhere.
    pub hop_limit: Option<u8>,
    /// Where the container token is stored.
    pub token_file: TokenFile,
    /// The secrets endpoint, if it is served.
    pub secrets: Option<SecretsPlan>,
    /// Whether to print the environment variables for SDKs.
    pub print_env: bool,
    /// How it runs.
    pub daemon: Daemon,
}

/// How long a container token is the current one. It is accepted for as long again after that.
const ROTATION: Duration = Duration::from_secs(6 * 3_600);
/// The time between two checks of the token files.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Serves until `stop` completes and the running requests are answered. The container tokens end then
/// too.
pub async fn run(
    endpoints: Rc<Endpoints>,
    listener: Box<dyn Listener<Endpoints>>,
    timer: &dyn Timer,
    stop: Pin<Box<dyn Future<Output = ()>>>,
) -> Result<(), Error> {
    let serving = listener.serve(Rc::clone(&endpoints), stop);
    let tokens = pin!(keep_tokens(&endpoints, timer));
    let audit = pin!(endpoints.keep_audit());
    let outcome = match select(serving, select(tokens, audit)).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right((Either::Left((never, _)) | Either::Right((never, _)), _)) => match never {},
    };
    endpoints.end_audit();
    outcome
}

/// Keeps the container tokens in their files: renews them at intervals, and writes them again if a file
/// was removed.
async fn keep_tokens(endpoints: &Endpoints, timer: &dyn Timer) -> Infallible {
    let each = |act: &dyn Fn(&RouteToken)| {
        endpoints.roles().container.iter().for_each(|route| act(&route.token));
    };
    loop {
        for _ in 0..ROTATION.as_secs() / CHECK_INTERVAL.as_secs() {
            timer.sleep(CHECK_INTERVAL).await;
            each(&|token| endpoints.restore_token(token));
        }
        each(&|token| endpoints.rotate_token(token));
    }
}
