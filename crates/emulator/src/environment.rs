//! The environment of a command that runs against the emulator: what it inherits, what it must not,
//! and what is added.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::account;

/// Where everything is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientEnvironment<'a> {
    pub(crate) directory: &'a Path,
    pub(crate) endpoint: &'a str,
    /// The same for clients that may take no CA: `http://` with `--http`.
    pub(crate) sdk_endpoint: &'a str,
    pub(crate) control_url: &'a str,
}

impl ClientEnvironment<'_> {
    /// Returns what a command is told, without `PATH`.
    pub(crate) fn variables(&self) -> Vec<(String, OsString)> {
        let path = |name: &str| self.directory.join(name).into_os_string();
        let text = |value: &str| OsString::from(value);
        let trust = path("tls-ca.pem");
        let variables = [
            ("AWS_CONFIG_FILE", path("config")),
            ("AWS_SHARED_CREDENTIALS_FILE", path("credentials")),
            ("AWS_PROFILE", text("default")),
            ("AWS_REGION", text(account::REGION)),
            ("AWS_DEFAULT_REGION", text(account::REGION)),
            ("AWS_EC2_METADATA_DISABLED", text("true")),
            // The AWS CLI opens a pager on a terminal, which would wait for a key here.
            ("AWS_PAGER", text("")),
            ("AWS_CA_BUNDLE", trust.clone()),
            ("SSL_CERT_FILE", trust.clone()),
            ("NODE_EXTRA_CA_CERTS", trust),
            ("AWS_ENDPOINT_URL", text(self.sdk_endpoint)),
            ("AWS_ENDPOINT_URL_ROLESANYWHERE", text(self.endpoint)),
            ("AWS_ENDPOINT_URL_STS", text(self.sdk_endpoint)),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", text(self.sdk_endpoint)),
            ("XDG_RUNTIME_DIR", path("run")),
            ("ROLES_ANYWHERE_CERTIFICATE", path("leaf/p256.pem")),
            ("ROLES_ANYWHERE_PRIVATE_KEY", path("leaf/p256.key.pem")),
            ("ROLES_ANYWHERE_INTERMEDIATES", path("anchor/intermediate.pem")),
            ("ROLES_ANYWHERE_TRUST_ANCHOR_ARN", text(account::TRUST_ANCHOR_ARN)),
            ("ROLES_ANYWHERE_PROFILE_ARN", text(account::PROFILE_ARN)),
            ("ROLES_ANYWHERE_ROLE_ARN", text(account::ROLE_ARN)),
            ("EMULATOR_CONTROL", text(self.control_url)),
            ("EMULATOR_DIR", self.directory.as_os_str().to_owned()),
        ];
        // It has precedence over AWS_ENDPOINT_URL_*; roles-anywhere takes http:// for loopback only.
        let own = ("ROLES_ANYWHERE_SECRETS_ENDPOINT", text(self.endpoint));
        let own = (self.sdk_endpoint != self.endpoint).then_some(own);
        let variables = variables.into_iter().chain(own);
        variables.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// Whether a variable would lead a command past the emulator.
pub(crate) fn is_unclean(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_uppercase();
    const NAMES: [&str; 9] = [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "FTP_PROXY",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
    ];
    name.starts_with("AWS_") || name.starts_with("ROLES_ANYWHERE_") || NAMES.contains(&&*name)
}

/// Returns the AWS configuration: one profile an identity, each with the flags spelt out.
pub(crate) fn aws_config(directory: &Path, endpoint: &str, tool: &Path) -> String {
    let profile = |heading: &str, leaf: &str, role: &str| {
        let path = |name: String| quote(&directory.join(name).to_string_lossy());
        let process = [
            quote(&tool.to_string_lossy()),
            "credential-process".to_owned(),
            format!("--certificate {}", path(format!("leaf/{leaf}.pem"))),
            format!("--private-key {}", path(format!("leaf/{leaf}.key.pem"))),
            format!("--intermediates {}", path("anchor/intermediate.pem".to_owned())),
            format!("--trust-anchor-arn {}", account::TRUST_ANCHOR_ARN),
            format!("--profile-arn {}", account::PROFILE_ARN),
            format!("--role-arn {role}"),
            format!("--endpoint {endpoint}"),
        ];
        format!(
            "[{heading}]\nregion = {}\ncredential_process = {}\n",
            account::REGION,
            process.join(" ")
        )
    };
    [
        profile("default", "p256", account::ROLE_ARN),
        profile("profile rsa", "rsa2048", account::ROLE_ARN),
        profile("profile ec", "p256", account::ROLE_ARN),
        profile("profile p384", "p384", account::ROLE_ARN),
        profile("profile no-secrets", "p256", account::NO_SECRETS_ROLE_ARN),
    ]
    .join("\n")
}

/// Double quotes round what has a space in it: all that every SDK understands.
fn quote(word: &str) -> String {
    if word.contains(' ') { format!("\"{word}\"") } else { word.to_owned() }
}

/// Returns lines of `export NAME='value'`, for a POSIX shell to evaluate.
pub(crate) fn exports(variables: &[(String, OsString)]) -> String {
    variables.iter().map(|(name, value)| export_line(name, value) + "\n").collect()
}

fn export_line(name: &str, value: &OsStr) -> String {
    format!("export {name}='{}'", value.to_string_lossy().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_out_what_would_lead_elsewhere() {
        for name in
            ["AWS_PROFILE", "ROLES_ANYWHERE_ROLE_ARN", "https_proxy", "No_Proxy", "SSL_CERT_DIR"]
        {
            assert!(is_unclean(OsStr::new(name)), "{name}");
        }
        for name in ["PATH", "HOME", "AWSOME", "PROXY"] {
            assert!(!is_unclean(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn quotes_only_what_has_a_space() {
        let config =
            aws_config(Path::new("/tmp/a b"), "https://127.0.0.1:1", Path::new("/bin/tool"));
        assert!(config.contains(
            "[default]\nregion = us-east-1\ncredential_process = /bin/tool credential-process \
             --certificate \"/tmp/a b/leaf/p256.pem\" "
        ));
        assert!(config.contains("[profile rsa]"));
        assert_eq!(config.matches("--endpoint https://127.0.0.1:1\n").count(), 5);
    }

    #[test]
    fn exports_survive_a_quote() {
        assert_eq!(export_line("A", OsStr::new("it's")), r"export A='it'\''s'");
    }
}
