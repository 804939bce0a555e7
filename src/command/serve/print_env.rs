//! `--print-env`: the environment variables for SDKs.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::server::{CONTAINER_PATH, Offer, RemoteAccess};

/// What is served, for [`print_env`].
#[derive(Clone, Debug)]
pub(super) struct PrintedRoles<'a> {
    /// Whether a role is served as instance metadata.
    pub(super) has_imds: bool,
    /// The name of that role, if it has one.
    pub(super) imds: Option<&'a str>,
    /// The tokens of container credentials.
    pub(super) tokens: Vec<PrintedToken<'a>>,
}

/// The token of a route of container credentials.
#[derive(Clone, Copy, Debug)]
pub(super) struct PrintedToken<'a> {
    /// The role in the path of the route.
    pub(super) name: Option<&'a str>,
    /// The name of the role that it serves.
    pub(super) role: Option<&'a str>,
    /// The token file.
    pub(super) path: &'a Path,
}

/// The secrets endpoint, for [`print_secrets`].
#[derive(Clone, Debug)]
pub(super) struct PrintedSecrets {
    /// The address for clients.
    pub(super) address: SocketAddr,
    /// The tokens.
    pub(super) tokens: Vec<PrintedSecretsToken>,
}

/// A token for secrets.
#[derive(Clone, Debug)]
pub(super) struct PrintedSecretsToken {
    /// Its name in the log; `None` for the one that this process makes.
    pub(super) name: Option<String>,
    /// The token file; `None` if the token is in a variable.
    pub(super) path: Option<PathBuf>,
}

/// Returns the environment variables for clients of AWS's agent and of its Lambda extension as lines of a
/// shell. A token itself is not printed.
pub(super) fn print_secrets(PrintedSecrets { address, tokens }: &PrintedSecrets) -> String {
    let mut lines = String::from(
        "# Secrets and parameters: clients of AWS's agent and of its Lambda extension.\n",
    );
    export(&mut lines, "", "AWS_SECRETS_MANAGER_AGENT_ENDPOINT", &format!("http://{address}"));
    let port = address.port().to_string();
    export(&mut lines, "", "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", &port);
    let mut comment = "";
    for PrintedSecretsToken { name, path } in tokens {
        let named = name.as_ref().map_or_else(String::new, |name| format!(" {name}"));
        let Some(path) = path else {
            let _ =
                writeln!(lines, "# The token{named} is in a variable, so it is not printed here.");
            continue;
        };
        let Some(path) = path.to_str() else {
            let words = "# The name of the token file is not UTF-8, so it is not printed here.";
            let _ = writeln!(lines, "{words}");
            continue;
        };
        if !comment.is_empty() {
            let _ = writeln!(lines, "# Or with the token{named}:");
        }
        export(&mut lines, comment, "AWS_TOKEN", &format!("file://{path}"));
        comment = "# ";
    }
    if !comment.is_empty() {
        lines.push_str(
            "# Clients that do not read the file, such as asm-exec, need what is in it as AWS_TOKEN.\n",
        );
    }
    lines
}

/// Returns the environment variables for SDKs as lines of a shell, with a comment before each kind of
/// credentials.
pub(super) fn print_env(
    (remote, offer): (RemoteAccess, Offer),
    addresses: &[SocketAddr],
    roles: &PrintedRoles<'_>,
) -> String {
    // A listener on all addresses is reached by loopback too, but is not a loopback address.
    let loopback = addresses.iter().find(|address| address.ip().is_loopback());
    let imds = loopback.or_else(|| addresses.first().filter(|_| remote == RemoteAccess::Imds));
    let imds = imds.map(|address| reachable(*address));
    let addresses: Vec<SocketAddr> = addresses.iter().map(|address| reachable(*address)).collect();
    let local = addresses.iter().find(|address| address.ip().is_loopback());
    let mut lines = String::new();
    if let Some(address) = imds.filter(|_| offer.has_imds() && roles.has_imds) {
        let of = of_role(roles.imds);
        let _ = writeln!(lines, "# Instance metadata (IMDSv2){of}: every AWS SDK and the AWS CLI.");
        let endpoint = format!("http://{address}");
        export(&mut lines, "", "AWS_EC2_METADATA_SERVICE_ENDPOINT", &endpoint);
    }
    if let Some(address) = local.or_else(|| addresses.first()).filter(|_| !roles.tokens.is_empty())
    {
        print_container(&mut lines, *address, roles);
    }
    lines
}

/// Prints the variables of container credentials: those of `/credentials` to be set, and those of other
/// roles as comments, since a program has one role.
fn print_container(lines: &mut String, address: SocketAddr, roles: &PrintedRoles<'_>) {
    let start = if lines.is_empty() { "Container" } else { "Or container" };
    let main = roles.tokens.iter().find(|token| token.name.is_none());
    let of = of_role(main.and_then(|token| token.role));
    let _ = writeln!(
        lines,
        "# {start} credentials{of}, for those who can read the token: the AWS CLI and the SDKs that take a\n\
         # token file (Python, JavaScript v3, Rust, .NET; Go, Java and others in newer versions)."
    );
    for PrintedToken { name, role, path } in &roles.tokens {
        let mut uri = format!("http://{address}{CONTAINER_PATH}");
        let mut comment = "";
        if let Some(name) = name {
            // The role of `/credentials` has the same credentials at its own path.
            if main.is_some_and(|main| main.role == *role) {
                continue;
            }
            uri = format!("{uri}/{name}");
            let _ = writeln!(lines, "# For the role {name}:");
            comment = "# ";
        }
        export(lines, comment, "AWS_CONTAINER_CREDENTIALS_FULL_URI", &uri);
        match path.to_str() {
            Some(path) => export(lines, comment, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path),
            None => {
                let words = "# The name of the token file is not UTF-8, so it is not printed here.";
                let _ = writeln!(lines, "{words}");
            }
        }
    }
    if !address.ip().is_loopback() {
        let _ = writeln!(
            lines,
            "# SDKs take such an address over plain HTTP only if it is 169.254.170.2, 169.254.170.23 or [fd00:ec2::23]."
        );
    }
}

fn of_role(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!(" of the role {name}"))
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

fn export(lines: &mut String, comment: &str, name: &str, value: &str) {
    let _ = writeln!(lines, "{comment}export {name}='{}'", value.replace('\'', r"'\''"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_one_role(token: Option<&str>) -> PrintedRoles<'_> {
        let token =
            token.map(|path| PrintedToken { path: Path::new(path), name: None, role: None });
        PrintedRoles { has_imds: true, imds: None, tokens: token.into_iter().collect() }
    }

    fn exports(remote: RemoteAccess, addresses: &[&str], token: Option<&str>) -> Vec<String> {
        let addresses: Vec<_> = addresses.iter().map(|it| it.parse().unwrap()).collect();
        let text = print_env((remote, Offer::Both), &addresses, &of_one_role(token));
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
        let roles = of_one_role(Some("/token"));
        let text = print_env((RemoteAccess::Refused, Offer::Container), &address, &roles);
        assert!(!text.contains("METADATA"), "{text}");
        assert!(text.contains("_FULL_URI='http://127.0.0.1:1/credentials'"), "{text}");
        assert!(!text.contains("# Or "), "{text}");
        assert_eq!(
            exports(RemoteAccess::Imds, &["192.0.2.1:80"], None),
            ["AWS_EC2_METADATA_SERVICE_ENDPOINT='http://192.0.2.1:80'"]
        );
    }

    #[test]
    fn secrets_have_an_endpoint_and_the_files_of_their_tokens() {
        let token = |name: Option<&str>, path: Option<&str>| PrintedSecretsToken {
            name: name.map(str::to_owned),
            path: path.map(PathBuf::from),
        };
        let printed = |tokens| {
            print_secrets(&PrintedSecrets { address: "127.0.0.1:2773".parse().unwrap(), tokens })
        };
        insta::assert_snapshot!(printed(vec![token(None, Some("/run/it's/token"))]), @r"
        # Secrets and parameters: clients of AWS's agent and of its Lambda extension.
        export AWS_SECRETS_MANAGER_AGENT_ENDPOINT='http://127.0.0.1:2773'
        export PARAMETERS_SECRETS_EXTENSION_HTTP_PORT='2773'
        export AWS_TOKEN='file:///run/it'\''s/token'
        # Clients that do not read the file, such as asm-exec, need what is in it as AWS_TOKEN.
        ");
        insta::assert_snapshot!(printed(vec![token(Some("AWS_TOKEN"), None)]), @r"
        # Secrets and parameters: clients of AWS's agent and of its Lambda extension.
        export AWS_SECRETS_MANAGER_AGENT_ENDPOINT='http://127.0.0.1:2773'
        export PARAMETERS_SECRETS_EXTENSION_HTTP_PORT='2773'
        # The token AWS_TOKEN is in a variable, so it is not printed here.
        ");
        let tokens = vec![
            token(Some("batch"), None),
            token(Some("web"), Some("/run/web")),
            token(Some("db"), Some("/run/db")),
        ];
        insta::assert_snapshot!(printed(tokens), @r"
        # Secrets and parameters: clients of AWS's agent and of its Lambda extension.
        export AWS_SECRETS_MANAGER_AGENT_ENDPOINT='http://127.0.0.1:2773'
        export PARAMETERS_SECRETS_EXTENSION_HTTP_PORT='2773'
        # The token batch is in a variable, so it is not printed here.
        export AWS_TOKEN='file:///run/web'
        # Or with the token db:
        # export AWS_TOKEN='file:///run/db'
        # Clients that do not read the file, such as asm-exec, need what is in it as AWS_TOKEN.
        ");
    }

    #[test]
    fn other_roles_are_comments() {
        let token = |name, role, path| PrintedToken { name, role, path: Path::new(path) };
        let address = ["127.0.0.1:9911".parse().unwrap()];
        let main = token(None, Some("backup"), "/run/token");
        let backup = token(Some("backup"), Some("backup"), "/run/token-backup");
        let reader = token(Some("reader"), Some("reader"), "/run/token-reader");
        let printed = |has_imds, tokens: &[PrintedToken<'static>]| {
            let imds = Some("reader").filter(|_| has_imds);
            let roles = PrintedRoles { has_imds, imds, tokens: tokens.to_vec() };
            print_env((RemoteAccess::Refused, Offer::Both), &address, &roles)
        };
        insta::assert_snapshot!(printed(true, &[main, backup, reader]), @r"
        # Instance metadata (IMDSv2) of the role reader: every AWS SDK and the AWS CLI.
        export AWS_EC2_METADATA_SERVICE_ENDPOINT='http://127.0.0.1:9911'
        # Or container credentials of the role backup, for those who can read the token: the AWS CLI and the SDKs that take a
        # token file (Python, JavaScript v3, Rust, .NET; Go, Java and others in newer versions).
        export AWS_CONTAINER_CREDENTIALS_FULL_URI='http://127.0.0.1:9911/credentials'
        export AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE='/run/token'
        # For the role reader:
        # export AWS_CONTAINER_CREDENTIALS_FULL_URI='http://127.0.0.1:9911/credentials/reader'
        # export AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE='/run/token-reader'
        ");
        insta::assert_snapshot!(printed(false, &[backup, reader]), @r"
        # Container credentials, for those who can read the token: the AWS CLI and the SDKs that take a
        # token file (Python, JavaScript v3, Rust, .NET; Go, Java and others in newer versions).
        # For the role backup:
        # export AWS_CONTAINER_CREDENTIALS_FULL_URI='http://127.0.0.1:9911/credentials/backup'
        # export AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE='/run/token-backup'
        # For the role reader:
        # export AWS_CONTAINER_CREDENTIALS_FULL_URI='http://127.0.0.1:9911/credentials/reader'
        # export AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE='/run/token-reader'
        ");
    }
}
