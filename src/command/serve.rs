//! `serve`: hands out credentials to SDKs on this machine until it is stopped.

pub mod daemon;
mod plan;

use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};

use crate::app::session::SessionClient;
use crate::app::{self, App};
use crate::command::{Command, Plan};
use crate::daemon::Daemon;
use crate::options::arguments::OptionGroups;
use crate::options::command_line::Word;
use crate::options::session::SessionOptions;
use crate::options::session_plan::SessionPlan;
use crate::options::settings::Settings;
use crate::options::table::{self, OptionSpec};
use crate::output::error::Error;
use crate::output::log::{Log, LogFormat};
use crate::output::usage::UsageError;
use crate::server::{
    CONTAINER_PATH, Endpoints, Listener, Offer, RemoteAccess, ServePolicy, TokenFile, TokenStore,
};
use crate::session_cache::CacheLocation;
use roles_anywhere_client::arn::RoleArn;
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::refresh::status::StatusChannel;
use roles_anywhere_client::region::Region;
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::time::Timer;

/// The plan of `serve`.
#[derive(Clone, Debug)]
pub struct ServePlan {
    /// The session.
    pub session: SessionPlan,
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
        table::identity::IDENTITY,
        table::session::CHAIN,
        table::identity::KEY_ACCESS,
        table::identity::NOT_YET,
        table::session::SESSION,
        table::transport::TRANSPORT,
    ];
    const REQUIRED: &'static [&'static OptionSpec] = table::session::REQUIRED;

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let session = SessionOptions::of_own_region(settings)?;
        let serve = plan::serve(settings, &session)?;
        let session = SessionPlan::new(settings, session, None, CacheLocation::Disabled)?
            .with_unknown_variables(settings);
        Ok(Self { session, serve })
    }
}

impl Plan for ServePlan {
    /// Serves until it is stopped; the output is empty.
    fn run(&self, app: &App) -> Result<SecretBytes, Error> {
        let client = SessionClient::open(app, &self.session);
        let serve = &self.serve;
        app::daemon::run(&client, "serve", serve.daemon, async |context, refresher, ports| {
            daemon::run(serve, refresher, app, context, ports).await
        })?;
        Ok(SecretBytes::default())
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
    /// The addresses to listen on, at least one; port 0 means a free port.
    pub listen: Vec<SocketAddr>,
    /// What other machines may get.
    pub remote: RemoteAccess,
    /// What is served, and for which hosts.
    pub policy: ServePolicy,
    /// The IP time to live of responses; by default 64 on loopback and 1 elsewhere.
    pub hop_limit: Option<u8>,
    /// Where the container token is stored.
    pub token_file: TokenFile,
    /// Whether to print the environment variables for SDKs.
    pub print_env: bool,
    /// The Region that instance metadata names.
    pub region: Region,
    /// The role of the credentials.
    pub role: RoleArn,
    /// How it runs.
    pub daemon: Daemon,
}

/// How long a container token is the current one. It is accepted for as long again after that.
const ROTATION: Duration = Duration::from_secs(6 * 3_600);
/// The time between two checks of the token file.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Returns the endpoints that hand out the session of `channel`, and the store if the first token was
/// written to it. If a token file that the user did not name cannot be written, that is no error: the
/// container route does not exist then, and the log says why.
pub fn open<P: TokenStore>(
    plan: &Serve,
    store: Option<P>,
    channel: Arc<StatusChannel>,
    ports: Ports,
    log: Arc<dyn Log>,
) -> Result<(Rc<Endpoints>, Option<P>), Error> {
    let policy = plan.policy.clone();
    let credentials = (&plan.role, &plan.region);
    let endpoints = Rc::new(Endpoints::new(credentials, policy, channel, ports, log));
    let Some(store) = store else { return Ok((endpoints, None)) };
    match plan.token_file {
        TokenFile::At { .. } => endpoints.renew_container_token(&store)?,
        // Without a token there would be nothing to serve.
        TokenFile::In(_) if plan.policy.offer == Offer::Container => {
            endpoints.renew_container_token(&store)?;
        }
        _ if !endpoints.rotate_container_token(&store) => return Ok((endpoints, None)),
        _ => {}
    }
    Ok((endpoints, Some(store)))
}

/// Serves until `stop` completes and the running requests are answered. The token of `store` ends
/// then too.
pub async fn run(
    store: Option<&dyn TokenStore>,
    endpoints: Rc<Endpoints>,
    listener: Box<dyn Listener>,
    timer: &dyn Timer,
    stop: Pin<Box<dyn Future<Output = ()>>>,
) -> Result<(), Error> {
    let serving = listener.serve(Rc::clone(&endpoints), stop);
    let token = pin!(async {
        match store {
            Some(store) => keep_token(&endpoints, store, timer).await,
            None => std::future::pending().await,
        }
    });
    let audit = pin!(endpoints.keep_audit());
    let outcome = match select(serving, select(token, audit)).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right((Either::Left((never, _)) | Either::Right((never, _)), _)) => match never {},
    };
    if let Some(store) = store {
        endpoints.withdraw_container_token(store);
    }
    endpoints.end_audit();
    outcome
}

/// Keeps a token in `store`: renews it at intervals, and writes it again if the file was removed.
async fn keep_token(
    endpoints: &Endpoints,
    store: &dyn TokenStore,
    timer: &dyn Timer,
) -> Infallible {
    loop {
        for _ in 0..ROTATION.as_secs() / CHECK_INTERVAL.as_secs() {
            timer.sleep(CHECK_INTERVAL).await;
            endpoints.restore_container_token(store);
        }
        endpoints.rotate_container_token(store);
    }
}

/// Returns the environment variables for SDKs as lines of a shell, with a comment before each kind of
/// credentials.
pub fn print_env(
    (remote, offer): (RemoteAccess, Offer),
    addresses: &[SocketAddr],
    token: Option<&Path>,
) -> String {
    // A listener on all addresses is reached by loopback too, but is not a loopback address.
    let loopback = addresses.iter().find(|address| address.ip().is_loopback());
    let imds = loopback.or_else(|| addresses.first().filter(|_| remote == RemoteAccess::Imds));
    let imds = imds.map(|address| reachable(*address));
    let addresses: Vec<SocketAddr> = addresses.iter().map(|address| reachable(*address)).collect();
    let local = addresses.iter().find(|address| address.ip().is_loopback());
    let mut lines = String::new();
    if let Some(address) = imds.filter(|_| offer.has_imds()) {
        let _ = writeln!(lines, "# Instance metadata (IMDSv2): every AWS SDK and the AWS CLI.");
        let endpoint = format!("http://{address}");
        export(&mut lines, "AWS_EC2_METADATA_SERVICE_ENDPOINT", &endpoint);
    }
    if let (Some(path), Some(address)) = (token, local.or_else(|| addresses.first())) {
        let start = if lines.is_empty() { "Container" } else { "Or container" };
        let _ = writeln!(
            lines,
            "# {start} credentials, for those who can read the token: the AWS CLI and the SDKs that take a\n\
             # token file (Python, JavaScript v3, Rust, .NET; Go, Java and others in newer versions)."
        );
        let uri = format!("http://{address}{CONTAINER_PATH}");
        export(&mut lines, "AWS_CONTAINER_CREDENTIALS_FULL_URI", &uri);
        match path.to_str() {
            Some(path) => export(&mut lines, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path),
            None => {
                let words = "# The name of the token file is not UTF-8, so it is not printed here.";
                let _ = writeln!(lines, "{words}");
            }
        }
        if !address.ip().is_loopback() {
            let _ = writeln!(
                lines,
                "# SDKs take such an address over plain HTTP only if it is 169.254.170.2, 169.254.170.23 or [fd00:ec2::23]."
            );
        }
    }
    lines
}

/// Returns the address that a program on this machine connects to: loopback for `0.0.0.0` and `[::]`.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn export(lines: &mut String, name: &str, value: &str) {
    let _ = writeln!(lines, "export {name}='{}'", value.replace('\'', r"'\''"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exports(remote: RemoteAccess, addresses: &[&str], token: Option<&str>) -> Vec<String> {
        let addresses: Vec<_> = addresses.iter().map(|it| it.parse().unwrap()).collect();
        let text = print_env((remote, Offer::Both), &addresses, token.map(Path::new));
        assert!(text.ends_with('\n'), "{text}");
        let exports = text.lines().filter_map(|line| line.strip_prefix("export "));
        exports.map(str::to_owned).collect()
    }

    #[test]
    fn prints_both_kinds_for_a_shell() {
        let token = Some("/run/it's/token");
        assert_eq!(
            exports(RemoteAccess::Refused, &["127.0.0.1:9911", "[::1]:9911"], token),
            [
                "AWS_EC2_METADATA_SERVICE_ENDPOINT='http://127.0.0.1:9911'",
                "AWS_CONTAINER_CREDENTIALS_FULL_URI='http://127.0.0.1:9911/credentials'",
                r"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE='/run/it'\''s/token'",
            ]
        );
    }

    #[test]
    fn prints_only_what_is_served() {
        assert_eq!(
            exports(RemoteAccess::Refused, &["[::1]:1"], None),
            ["AWS_EC2_METADATA_SERVICE_ENDPOINT='http://[::1]:1'"]
        );
        assert_eq!(
            exports(RemoteAccess::Container, &["192.0.2.1:80"], Some("/token"))[0],
            "AWS_CONTAINER_CREDENTIALS_FULL_URI='http://192.0.2.1:80/credentials'"
        );
        assert_eq!(
            exports(RemoteAccess::Container, &["0.0.0.0:80", "127.0.0.1:1"], None),
            ["AWS_EC2_METADATA_SERVICE_ENDPOINT='http://127.0.0.1:1'"]
        );
        for address in ["0.0.0.0:80", "[::]:80"] {
            let container = exports(RemoteAccess::Container, &[address], Some("/token"));
            assert!(container[0].starts_with("AWS_CONTAINER_"), "{container:?}");
            assert_eq!(exports(RemoteAccess::Imds, &[address], None).len(), 1);
        }
        let address = ["127.0.0.1:1".parse().unwrap()];
        let token = Some(Path::new("/token"));
        let text = print_env((RemoteAccess::Refused, Offer::Container), &address, token);
        assert!(!text.contains("METADATA"), "{text}");
        assert!(text.contains("_FULL_URI='http://127.0.0.1:1/credentials'"), "{text}");
        assert!(!text.contains("# Or "), "{text}");
        assert_eq!(
            exports(RemoteAccess::Imds, &["192.0.2.1:80"], None),
            ["AWS_EC2_METADATA_SERVICE_ENDPOINT='http://192.0.2.1:80'"]
        );
    }
}
