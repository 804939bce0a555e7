//! Roles of a configuration file, as commands use them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use roles_anywhere_emulator::{PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN};

use crate::environment::TestEnvironment;

const VARIABLES: [&str; 6] = [
    "ROLES_ANYWHERE_CERTIFICATE",
    "ROLES_ANYWHERE_PRIVATE_KEY",
    "ROLES_ANYWHERE_INTERMEDIATES",
    "ROLES_ANYWHERE_TRUST_ANCHOR_ARN",
    "ROLES_ANYWHERE_PROFILE_ARN",
    "ROLES_ANYWHERE_ROLE_ARN",
];

/// Two identities and two roles; paths are relative to the file, which is in `xdg/roles-anywhere`.
fn file() -> String {
    format!(
        r#"
[identity.host]
certificate = "../../leaf/p256.pem"
private-key = "../../leaf/p256.key.pem"
intermediates = "../../anchor/intermediate.pem"

[identity.robot]
certificate = "../../leaf/rsa2048.pem"
private-key = "../../leaf/rsa2048.key.pem"
intermediates = "../../anchor/intermediate.pem"

[defaults]
trust-anchor-arn = "{TRUST_ANCHOR_ARN}"
profile-arn = "{PROFILE_ARN}"

[role.backup]
identity = "host"
role-arn = "{ROLE_ARN}"

[role.reader]
identity = "robot"
role-arn = "{ROLE_ARN}"
session-duration = 900
"#
    )
}

/// Returns an environment with a file in the directory of the user, and no variables for an identity.
fn with_file(text: &str) -> TestEnvironment {
    let env = TestEnvironment::new();
    fs::create_dir_all(env.path("xdg/roles-anywhere")).unwrap();
    env.write("xdg/roles-anywhere/config.toml", text);
    fs::set_permissions(env.path("xdg/roles-anywhere/config.toml"), Permissions::from_mode(0o600))
        .unwrap();
    let config = env.path("xdg");
    VARIABLES.iter().fold(env, |env, name| env.without(name)).var("XDG_CONFIG_HOME", config)
}

#[test]
fn each_role_has_its_identity_and_its_duration() {
    let env = with_file(&file());
    for (role, subject, duration) in [("backup", "CN=p256", 3600), ("reader", "CN=rsa2048", 900)] {
        env.vend(&format!("--role {role}"));
        let request = env.emulator().requests().pop().unwrap();
        assert_eq!(request["session"]["source_identity"], subject);
        assert!(request.to_string().contains(&duration.to_string()), "{request}");
    }
    let shown = env.run("read-certificate-data --role reader --output text").text();
    assert!(shown.contains("CN=rsa2048"), "{shown}");
}

/// The file could not even be parsed, and others can write it: it is not opened.
#[test]
fn a_full_command_line_opens_no_file() {
    let env = TestEnvironment::new();
    fs::create_dir_all(env.path("xdg/roles-anywhere")).unwrap();
    let hostile = env.write("xdg/roles-anywhere/config.toml", "hunter2 = [\n");
    fs::set_permissions(&hostile, Permissions::from_mode(0o666)).unwrap();
    let config = env.path("xdg");
    let env = env.var("XDG_CONFIG_HOME", config);
    env.vend("");
    let path = |name: &str| env.path(name).display().to_string();
    let (certificate, key) = (path("leaf/p256.pem"), path("leaf/p256.key.pem"));
    let intermediates = path("anchor/intermediate.pem");
    let flags = format!(
        "--certificate {certificate} --private-key {key} --intermediates {intermediates} \
         --trust-anchor-arn {TRUST_ANCHOR_ARN} --profile-arn {PROFILE_ARN} --role-arn {ROLE_ARN}"
    );
    let env = VARIABLES.iter().fold(env, |env, name| env.without(name));
    env.vend(&flags);
    let error = env.fails("credential-process --role backup").to_string();
    assert!(error.contains("users other than its owner can write it"), "{error}");
    fs::set_permissions(&hostile, Permissions::from_mode(0o600)).unwrap();
    let error = env.fails("credential-process").to_string();
    assert!(error.contains("config.toml:1:") && !error.contains("hunter2"), "{error}");
}

#[test]
fn a_wrong_value_of_one_role_does_not_stop_another() {
    let text = file().replace("session-duration = 900", "session-duration = 1");
    let env = with_file(&text);
    env.vend("--role backup");
    let error = env.fails("credential-process --role reader").to_string();
    assert!(error.contains("`role.reader.session-duration` in "), "{error}");
    assert!(error.contains("config.toml:23: expected 900 to 43200 (seconds)"), "{error}");
}
