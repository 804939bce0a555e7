//! The environment of a command that runs against the emulator: what it inherits, what it must not,
//! and what is added.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::account::TRUST_ANCHOR_ARN;
use crate::account::{Exports, NO_SECRETS_ROLE_ARN, PROFILE_ARN, ROLE_ARN, Resources};

/// The built-in certificate that is exported.
pub(crate) const EXPORTED_CERTIFICATE: &str = "leaf/p256.pem";
/// The variable that is printed last.
pub(crate) const LAST_VARIABLE: &str = "EMULATOR_DIR";

/// The settings of clients: Region, ARNs and identity.
#[derive(Debug, Clone)]
pub(crate) struct ClientSettings {
    region: String,
    exports: Exports,
    identity: ClientIdentity,
    /// Whether the profiles for the keys and roles that are built in make sense.
    is_built_in: bool,
}

/// The certificate and key that clients use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClientIdentity {
    /// The emulator's own, `leaf/p256.pem`.
    BuiltIn,
    /// The user's: no trust anchor that is exported has issued ours.
    Inherited,
}

/// Where everything is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientEnvironment<'a> {
    pub(crate) settings: &'a ClientSettings,
    pub(crate) directory: &'a Path,
    pub(crate) endpoint: &'a str,
    /// The same for clients that may take no CA: `http://` with `--http`.
    pub(crate) sdk_endpoint: &'a str,
    pub(crate) control_url: &'a str,
}

impl ClientEnvironment<'_> {
    /// Returns the variables for a command, without `PATH`.
    pub(crate) fn variables(&self) -> Vec<(String, OsString)> {
        let path = |name: &str| self.directory.join(name).into_os_string();
        let text = |value: &str| OsString::from(value);
        let trust = path("tls-ca.pem");
        let variables = [
            ("AWS_CONFIG_FILE", path("config")),
            ("AWS_SHARED_CREDENTIALS_FILE", path("credentials")),
            ("AWS_PROFILE", text("default")),
            ("AWS_REGION", text(&self.settings.region)),
            ("AWS_DEFAULT_REGION", text(&self.settings.region)),
            ("AWS_EC2_METADATA_DISABLED", text("true")),
            // The AWS CLI opens a pager on a terminal, which would wait for a key here.
            ("AWS_PAGER", text("")),
            ("AWS_CA_BUNDLE", trust.clone()),
            ("SSL_CERT_FILE", trust.clone()),
            ("NODE_EXTRA_CA_CERTS", trust),
            ("AWS_ENDPOINT_URL", text(self.sdk_endpoint)),
            ("AWS_ENDPOINT_URL_ROLESANYWHERE", text(self.endpoint)),
            ("AWS_ENDPOINT_URL_STS", text(self.sdk_endpoint)),
            ("AWS_ENDPOINT_URL_IAM", text(self.sdk_endpoint)),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", text(self.sdk_endpoint)),
            ("AWS_ENDPOINT_URL_SSM", text(self.sdk_endpoint)),
            ("XDG_RUNTIME_DIR", path("run")),
        ];
        // They have precedence over AWS_ENDPOINT_URL_*; roles-anywhere takes http:// for loopback only.
        let own = ["ROLES_ANYWHERE_SECRETS_ENDPOINT", "ROLES_ANYWHERE_PARAMETERS_ENDPOINT"];
        let own = own.map(|name| (name, text(self.endpoint)));
        let own = (self.sdk_endpoint != self.endpoint).then_some(own);
        let identity = self.settings.identity == ClientIdentity::BuiltIn;
        let identity = identity.then(|| {
            [
                ("ROLES_ANYWHERE_CERTIFICATE", path(EXPORTED_CERTIFICATE)),
                ("ROLES_ANYWHERE_PRIVATE_KEY", path("leaf/p256.key.pem")),
                ("ROLES_ANYWHERE_INTERMEDIATES", path("anchor/intermediate.pem")),
            ]
        });
        let exports = self.settings.arns().map(|(variable, _, arn)| (variable, text(arn)));
        let variables = variables.into_iter().chain(identity.into_iter().flatten());
        // The last: what reads the exports of `serve` waits for it.
        let last = [
            ("EMULATOR_CONTROL", text(self.control_url)),
            (LAST_VARIABLE, self.directory.as_os_str().to_owned()),
        ];
        let variables = variables.chain(exports).chain(own.into_iter().flatten()).chain(last);
        variables.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl ClientSettings {
    /// Returns what follows from the resources; `is_built_in` if no configuration describes them.
    pub(crate) fn new(resources: &Resources, is_built_in: bool) -> Self {
        let exports = resources.exports.clone();
        let identity = if resources.exports_built_in_certificate() {
            ClientIdentity::BuiltIn
        } else {
            ClientIdentity::Inherited
        };
        Self { region: resources.home.region.clone(), exports, identity, is_built_in }
    }

    /// Returns variable, flag and value of each ARN that is exported.
    fn arns(&self) -> impl Iterator<Item = (&'static str, &'static str, &str)> {
        let Exports { trust_anchor, profile, role } = &self.exports;
        [
            ("ROLES_ANYWHERE_TRUST_ANCHOR_ARN", "--trust-anchor-arn", trust_anchor),
            ("ROLES_ANYWHERE_PROFILE_ARN", "--profile-arn", profile),
            ("ROLES_ANYWHERE_ROLE_ARN", "--role-arn", role),
        ]
        .into_iter()
        .filter_map(|(variable, flag, arn)| Some((variable, flag, arn.as_ref()?.as_str())))
    }

    /// Returns whether a command keeps a variable that it inherits: one that would lead it past
    /// the emulator it does not.
    pub(crate) fn inherits(&self, name: &OsStr) -> bool {
        const IDENTITY: [&str; 7] = [
            "ROLES_ANYWHERE_CERTIFICATE",
            "ROLES_ANYWHERE_PRIVATE_KEY",
            "ROLES_ANYWHERE_INTERMEDIATES",
            "ROLES_ANYWHERE_KEY_PASSWORD_FILE",
            "ROLES_ANYWHERE_KEY_PASSWORD_ENV",
            "ROLES_ANYWHERE_KEY_PASSWORD_FD",
            "ROLES_ANYWHERE_PKCS8_PASSWORD",
        ];
        const ARNS: [&str; 3] = [
            "ROLES_ANYWHERE_TRUST_ANCHOR_ARN",
            "ROLES_ANYWHERE_PROFILE_ARN",
            "ROLES_ANYWHERE_ROLE_ARN",
        ];
        let text = name.to_string_lossy();
        let is_of = |names: &[&str]| names.contains(&&*text);
        // Variables that the emulator exports are set afterwards. Inherited ARNs never name what is
        // built in.
        self.identity == ClientIdentity::Inherited && is_of(&IDENTITY)
            || !self.is_built_in && is_of(&ARNS)
            || !is_unclean(name)
    }

    /// Returns the AWS configuration: one profile an identity, each with the flags spelt out.
    pub(crate) fn aws_config(&self, directory: &Path, endpoint: &str, tool: &Path) -> String {
        let profile = |heading: &str, leaf: Option<&str>, arns: &[(&str, &str)]| {
            let path = |name: String| quote(&directory.join(name).to_string_lossy());
            let mut process = vec![quote(&tool.to_string_lossy()), "credential-process".to_owned()];
            if let Some(leaf) = leaf {
                process.extend([
                    format!("--certificate {}", path(format!("leaf/{leaf}.pem"))),
                    format!("--private-key {}", path(format!("leaf/{leaf}.key.pem"))),
                    format!("--intermediates {}", path("anchor/intermediate.pem".to_owned())),
                ]);
            }
            process.extend(arns.iter().map(|(flag, arn)| format!("{flag} {arn}")));
            process.push(format!("--endpoint {endpoint}"));
            format!(
                "[{heading}]\nregion = {}\ncredential_process = {}\n",
                self.region,
                process.join(" ")
            )
        };
        let leaf = (self.identity == ClientIdentity::BuiltIn).then_some("p256");
        let arns: Vec<_> = self.arns().map(|(_, flag, arn)| (flag, arn)).collect();
        let mut profiles = vec![profile("default", leaf, &arns)];
        if self.is_built_in {
            let arns = |role| {
                let anchor = ("--trust-anchor-arn", TRUST_ANCHOR_ARN);
                [anchor, ("--profile-arn", PROFILE_ARN), ("--role-arn", role)]
            };
            profiles.extend([
                profile("profile rsa", Some("rsa2048"), &arns(ROLE_ARN)),
                profile("profile ec", Some("p256"), &arns(ROLE_ARN)),
                profile("profile p384", Some("p384"), &arns(ROLE_ARN)),
                profile("profile no-secrets", Some("p256"), &arns(NO_SECRETS_ROLE_ARN)),
            ]);
        }
        profiles.join("\n")
    }
}

/// Whether a variable would lead a command past the emulator.
fn is_unclean(name: &OsStr) -> bool {
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

/// Puts a word with a space in double quotes, the only quoting that every SDK understands.
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
    use crate::account::TrustAnchor;
    use crate::arn::Arn;
    use crate::pki::Pki;
    use crate::{config, os};

    fn built_in() -> Resources {
        let pki = Pki::shared().unwrap();
        config::built_in(&pki, os::now()).unwrap()
    }

    fn variables(settings: &ClientSettings) -> Vec<String> {
        let environment = ClientEnvironment {
            settings,
            directory: Path::new("/d"),
            endpoint: "https://127.0.0.1:1",
            sdk_endpoint: "https://127.0.0.1:1",
            control_url: "http://127.0.0.1:2",
        };
        let line = |(name, value): (String, OsString)| format!("{name}={}", value.display());
        environment.variables().into_iter().map(line).collect()
    }

    #[test]
    fn variables_of_other_endpoints_are_not_inherited() {
        let settings = ClientSettings::new(&built_in(), true);
        for name in [
            "AWS_PROFILE",
            "ROLES_ANYWHERE_ROLE_ARN",
            "ROLES_ANYWHERE_CERTIFICATE",
            "https_proxy",
            "No_Proxy",
            "SSL_CERT_DIR",
        ] {
            assert!(!settings.inherits(OsStr::new(name)), "{name}");
        }
        for name in ["PATH", "HOME", "AWSOME", "PROXY"] {
            assert!(settings.inherits(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn a_trust_anchor_of_the_user_needs_its_certificate() {
        let mut resources = built_in();
        let own = TrustAnchor {
            arn: Arn::new("rolesanywhere", &resources.home, "trust-anchor/own"),
            is_built_in: false,
            ..resources.trust_anchors[0].clone()
        };
        resources.exports.trust_anchor = Some(own.arn.clone());
        resources.trust_anchors.push(own);
        let settings = ClientSettings::new(&resources, true);
        let variables = variables(&settings);
        let has = |name: &str| variables.iter().any(|line| line.starts_with(name));
        assert!(!has("ROLES_ANYWHERE_CERTIFICATE") && !has("ROLES_ANYWHERE_INTERMEDIATES"));
        assert!(has(
            "ROLES_ANYWHERE_TRUST_ANCHOR_ARN=arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/own"
        ));
        assert!(has(&format!("ROLES_ANYWHERE_ROLE_ARN={ROLE_ARN}")));
        for name in ["ROLES_ANYWHERE_CERTIFICATE", "ROLES_ANYWHERE_KEY_PASSWORD_FILE"] {
            assert!(settings.inherits(OsStr::new(name)), "{name}");
        }
        for name in ["ROLES_ANYWHERE_ROLE_ARN", "ROLES_ANYWHERE_ENDPOINT", "AWS_REGION"] {
            assert!(!settings.inherits(OsStr::new(name)), "{name}");
        }
        let config = settings.aws_config(Path::new("/d"), "https://127.0.0.1:1", Path::new("t"));
        assert!(config.starts_with(
            "[default]\nregion = us-east-1\ncredential_process = t credential-process \
             --trust-anchor-arn arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/own "
        ));
    }

    #[test]
    fn variables_that_are_not_exported_are_inherited() {
        let mut resources = built_in();
        resources.home.region = "eu-central-1".to_owned();
        resources.exports = Exports { profile: resources.exports.profile, ..Exports::default() };
        let settings = ClientSettings::new(&resources, false);
        let variables = variables(&settings);
        let has = |name: &str| variables.iter().any(|line| line.starts_with(name));
        assert!(has("AWS_REGION=eu-central-1") && has("ROLES_ANYWHERE_PROFILE_ARN="));
        assert!(!has("ROLES_ANYWHERE_ROLE_ARN") && !has("ROLES_ANYWHERE_CERTIFICATE"));
        assert!(settings.inherits(OsStr::new("ROLES_ANYWHERE_ROLE_ARN")));
        let config = settings.aws_config(Path::new("/d"), "https://127.0.0.1:1", Path::new("t"));
        assert_eq!(config.matches("credential_process").count(), 1);
    }

    #[test]
    fn quotes_only_what_has_a_space() {
        let settings = ClientSettings::new(&built_in(), true);
        let directory = Path::new("/tmp/a b");
        let config = settings.aws_config(directory, "https://127.0.0.1:1", Path::new("/bin/tool"));
        assert!(config.contains(
            "[default]\nregion = us-east-1\ncredential_process = /bin/tool credential-process \
             --certificate \"/tmp/a b/leaf/p256.pem\" "
        ));
        assert!(config.contains("[profile rsa]"));
        assert_eq!(config.matches("--endpoint https://127.0.0.1:1\n").count(), 5);
    }

    #[test]
    fn quotes_in_exported_values_are_escaped() {
        assert_eq!(export_line("A", OsStr::new("it's")), r"export A='it'\''s'");
    }
}
