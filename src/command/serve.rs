//! `serve`: hand credentials out to the SDKs of this machine until stopped.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{Either, select};

use crate::arn::RoleArn;
use crate::board::Board;
use crate::command::daemon::Daemon;
use crate::error::Error;
use crate::files::Files;
use crate::region::Region;
use crate::serve::{CONTAINER, Endpoints, Listener, Ports, Remote};
use crate::time::Timer;

/// Where to listen, what to hand out, and how it runs.
#[derive(Clone, Debug)]
pub struct Serve {
    /// The addresses, at least one; port 0 is a free one.
    pub listen: Vec<SocketAddr>,
    /// What other machines may ask for.
    pub remote: Remote,
    /// The IP time to live of replies; where it is not said, 64 on loopback and 1 elsewhere.
    pub hop_limit: Option<u8>,
    /// Where the token of the container route is kept; without a place there is no such route.
    pub token_file: Option<PathBuf>,
    /// Whether to print what SDKs need in their environment.
    pub print_env: bool,
    /// The Region to tell.
    pub region: Region,
    /// The role whose credentials are handed out.
    pub role: RoleArn,
    /// How it runs.
    pub daemon: Daemon,
}

/// How long a token of container credentials is the newest; it is accepted as long again.
const ROTATION: Duration = Duration::from_secs(6 * 3_600);

/// Makes the endpoints that hand out what is on `board`, and writes the first token.
pub fn open(
    plan: &Serve,
    board: Rc<Board>,
    ports: Ports,
    files: &dyn Files,
) -> Result<Rc<Endpoints>, Error> {
    let endpoints = Endpoints::new(&plan.role, &plan.region, board, ports);
    if let Some(path) = &plan.token_file {
        endpoints.renew_container_token(files, path)?;
    }
    Ok(Rc::new(endpoints))
}

/// Serves until `stop` completes and the requests that run have come to their end.
pub async fn run(
    plan: &Serve,
    endpoints: Rc<Endpoints>,
    listener: Box<dyn Listener>,
    (files, timer): (&dyn Files, &dyn Timer),
    stop: Pin<Box<dyn Future<Output = ()>>>,
) -> Result<(), Error> {
    let rotation = pin!(async {
        let Some(path) = &plan.token_file else { return std::future::pending().await };
        loop {
            timer.sleep(ROTATION).await;
            endpoints.rotate_container_token(files, path);
        }
    });
    let rotation: Pin<&mut dyn Future<Output = ()>> = rotation;
    match select(listener.serve(Rc::clone(&endpoints), stop), rotation).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(((), serving)) => serving.await,
    }
}

/// Returns what the SDKs are to have in their environment: one way or the other, as lines of a
/// shell with a comment before each way.
pub fn print_env(plan: &Serve, addresses: &[SocketAddr]) -> String {
    let local = addresses.iter().find(|address| address.ip().is_loopback());
    let imds = local.or_else(|| addresses.first().filter(|_| plan.remote == Remote::Imds));
    let mut lines = String::new();
    if let Some(address) = imds {
        let _ = writeln!(lines, "# Instance metadata (IMDSv2): every AWS SDK and the AWS CLI.");
        let endpoint = format!("http://{address}");
        export(&mut lines, "AWS_EC2_METADATA_SERVICE_ENDPOINT", &endpoint);
    }
    if let (Some(path), Some(address)) = (&plan.token_file, local.or_else(|| addresses.first())) {
        let _ = writeln!(
            lines,
            "# Or container credentials, for those who can read the token: the AWS CLI and the SDKs that take a\n\
             # token file (Python, JavaScript v3, Rust, .NET; Go, Java and others in newer versions)."
        );
        let uri = format!("http://{address}{CONTAINER}");
        export(&mut lines, "AWS_CONTAINER_CREDENTIALS_FULL_URI", &uri);
        let path = path.display().to_string();
        export(&mut lines, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &path);
        if !address.ip().is_loopback() {
            let _ = writeln!(
                lines,
                "# SDKs take such an address over plain HTTP only if it is 169.254.170.2, 169.254.170.23 or [fd00:ec2::23]."
            );
        }
    }
    lines
}

fn export(lines: &mut String, name: &str, value: &str) {
    let _ = writeln!(lines, "export {name}='{}'", value.replace('\'', r"'\''"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(remote: Remote, token_file: Option<&str>) -> Serve {
        Serve {
            listen: Vec::new(),
            remote,
            hop_limit: None,
            token_file: token_file.map(PathBuf::from),
            print_env: true,
            region: Region::parse("eu-central-1").unwrap(),
            role: "arn:aws:iam::123456789012:role/R".parse().unwrap(),
            daemon: Daemon::default(),
        }
    }

    fn exports(plan: &Serve, addresses: &[&str]) -> Vec<String> {
        let addresses: Vec<_> = addresses.iter().map(|it| it.parse().unwrap()).collect();
        let text = print_env(plan, &addresses);
        assert!(text.ends_with('\n'), "{text}");
        let exports = text.lines().filter_map(|line| line.strip_prefix("export "));
        exports.map(str::to_owned).collect()
    }

    #[test]
    fn prints_both_ways_for_a_shell() {
        let plan = plan(Remote::Refused, Some("/run/it's/token"));
        assert_eq!(
            exports(&plan, &["127.0.0.1:9911", "[::1]:9911"]),
            [
                "AWS_EC2_METADATA_SERVICE_ENDPOINT='http://127.0.0.1:9911'",
                "AWS_CONTAINER_CREDENTIALS_FULL_URI='http://127.0.0.1:9911/credentials'",
                r"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE='/run/it'\''s/token'",
            ]
        );
    }

    #[test]
    fn prints_only_the_ways_that_there_are() {
        let none = plan(Remote::Refused, None);
        assert_eq!(
            exports(&none, &["[::1]:1"]),
            ["AWS_EC2_METADATA_SERVICE_ENDPOINT='http://[::1]:1'"]
        );
        let container = plan(Remote::Container, Some("/token"));
        assert_eq!(
            exports(&container, &["192.0.2.1:80"])[0],
            "AWS_CONTAINER_CREDENTIALS_FULL_URI='http://192.0.2.1:80/credentials'"
        );
        let imds = plan(Remote::Imds, None);
        assert_eq!(
            exports(&imds, &["192.0.2.1:80"]),
            ["AWS_EC2_METADATA_SERVICE_ENDPOINT='http://192.0.2.1:80'"]
        );
    }
}
