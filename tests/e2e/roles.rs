//! Roles of a configuration file, as commands use them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use insta::assert_snapshot;
use roles_anywhere_emulator::{PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN};
use serde_json::Value;

use crate::environment::TestEnvironment;

/// The file of the user in an environment.
const FILE: &str = "xdg/roles-anywhere/config.toml";

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
session-duration = 1800

[role.reader]
identity = "robot"
role-arn = "{ROLE_ARN}"
session-duration = 900
"#
    )
}

/// Returns an environment with a file in the directory of the user, and no variables for an identity.
fn with_file(text: &str) -> TestEnvironment {
    let env = TestEnvironment::new().without_role_variables();
    env.write_config(FILE, text);
    let config = env.path("xdg");
    env.var("XDG_CONFIG_HOME", config)
}

#[test]
fn each_role_has_its_identity_and_its_duration() {
    let env = with_file(&file());
    for (role, subject, duration) in [("backup", "CN=p256", 1800), ("reader", "CN=rsa2048", 900)] {
        env.vend(&format!("--role {role}"));
        let request = env.emulator().requests().pop().unwrap();
        assert_eq!(request["session"]["source_identity"], subject);
        let body: Value = serde_json::from_str(request["body"].as_str().unwrap()).unwrap();
        assert_eq!(body["durationSeconds"], duration);
    }
    let shown = env.run("read-certificate-data --role reader --output text").text();
    assert!(shown.contains("CN=rsa2048"), "{shown}");
}

/// The file could not even be parsed, and others can write it: it is not opened.
#[test]
fn a_full_command_line_opens_no_file() {
    let env = TestEnvironment::new();
    let hostile = env.write(FILE, "hunter2 = [\n");
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
    let env = env.without_role_variables();
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
    assert!(error.contains("config.toml:24: expected 900 to 43200 (seconds)"), "{error}");
}

#[test]
fn refused_value_is_found_in_the_file() {
    let unknown = TRUST_ANCHOR_ARN.replace("1111", "2222");
    let env = with_file(&file().replace(TRUST_ANCHOR_ARN, &unknown));
    let error = env.fails("credential-process --role backup").stderr;
    let hints: Vec<_> = error.lines().filter_map(|line| line.strip_prefix("  hint: ")).collect();
    let file = env.path("xdg/roles-anywhere/config.toml").display().to_string();
    let expected = [
        format!("check `--trust-anchor-arn`: there is no {unknown} in us-east-1"),
        format!("the value is from `defaults.trust-anchor-arn` in {file}:13"),
    ];
    assert_eq!(hints, expected);
}

#[test]
fn show_names_where_each_value_comes_from() {
    let proxy = "\n[role.proxied]\nidentity = \"host\"\nproxy = \"http://hunter2@proxy:3128\"\n";
    // How wide a column is depends on the paths.
    let env = with_file(&(file() + proxy)).filter(" {2,}", "  ");
    let env = env.var("AWS_USE_FIPS_ENDPOINT", "true");
    assert_snapshot!(env.run("config show --role proxied --timeout 7"), @"
    $ env -u ROLES_ANYWHERE_CERTIFICATE -u ROLES_ANYWHERE_PRIVATE_KEY -u ROLES_ANYWHERE_INTERMEDIATES -u ROLES_ANYWHERE_TRUST_ANCHOR_ARN -u ROLES_ANYWHERE_PROFILE_ARN -u ROLES_ANYWHERE_ROLE_ARN XDG_CONFIG_HOME=DIR/xdg AWS_USE_FIPS_ENDPOINT=true roles-anywhere config show --role proxied --timeout 7
    exit code: 0
    ----- stdout -----
    role proxied (DIR/xdg/roles-anywhere/config.toml:26)
      certificate  DIR/xdg/roles-anywhere/../../leaf/p256.pem  DIR/xdg/roles-anywhere/config.toml:3 [identity.host]
      private-key  DIR/xdg/roles-anywhere/../../leaf/p256.key.pem  DIR/xdg/roles-anywhere/config.toml:4 [identity.host]
      intermediates  DIR/xdg/roles-anywhere/../../anchor/intermediate.pem  DIR/xdg/roles-anywhere/config.toml:5 [identity.host]
      identity  host  DIR/xdg/roles-anywhere/config.toml:27 [role.proxied]
      trust-anchor-arn  arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555  DIR/xdg/roles-anywhere/config.toml:13 [defaults]
      profile-arn  arn:aws:rolesanywhere:us-east-1:123456789012:profile/66666666-7777-4888-8999-000000000000  DIR/xdg/roles-anywhere/config.toml:14 [defaults]
      role-session-name  (the serial number of the certificate)  default
      session-duration  3600  default
      region  (the Region of the trust anchor)  default
      endpoint  https://127.0.0.1:PORT  AWS_ENDPOINT_URL_ROLESANYWHERE
      proxy  (not shown)  DIR/xdg/roles-anywhere/config.toml:28 [role.proxied]
      ca-bundle  DIR/tls-ca.pem  AWS_CA_BUNDLE
      timeout  7  --timeout
      fips  true  AWS_USE_FIPS_ENDPOINT
    ----- stderr -----
    ");
    let shown = env.run("config show --output json").json();
    assert_eq!(shown["roles"][1]["name"], "reader");
    let values = &shown["roles"][1]["values"];
    assert_eq!(values["session-duration"]["value"], 900);
    assert_eq!(values["session-duration"]["table"], "role.reader");
    // A command line from before there was a file reads none.
    let alone = env.run("config show --certificate /a.pem --output json").json();
    assert_eq!((&alone["file"], &alone["roles"][0]["name"]), (&Value::Null, &Value::Null));
    assert_eq!(alone["roles"][0]["values"]["certificate"]["option"], "--certificate");
}

#[test]
fn roles_are_listed_with_their_certificates_and_cached_sessions() {
    let unreadable = format!(
        "\n[identity.none]\ncertificate = \"./no-such-file.pem\"\n[role.none]\nidentity = \"none\"\nrole-arn = \"{ROLE_ARN}\"\nassume = [{{ role-arn = \"arn:aws:iam::210987654321:role/Reader\" }}]\n"
    );
    let env = with_file(&(file() + &unreadable)).cached();
    env.run("credential-process --role backup").json();
    let listed = env.run("roles --output json").json();
    let [backup, reader, none] = &listed["roles"].as_array().unwrap()[..] else {
        panic!("{listed}")
    };
    assert_eq!((&backup["name"], &backup["identity"]), (&"backup".into(), &"host".into()));
    assert_eq!((&backup["role_arn"], &backup["default"]), (&ROLE_ARN.into(), &false.into()));
    assert!(backup["certificate"]["days_left"].as_i64().is_some_and(|days| days > 300));
    let left = backup["session"]["seconds_left"].as_i64();
    assert!(left.is_some_and(|left| (1_700..=1_800).contains(&left)), "{left:?}");
    assert_eq!(reader["session"], Value::Null);
    assert_eq!((&none["account"], &none["session"]), (&"210987654321".into(), &Value::Null));
    let error = none["certificate"]["error"].as_str().unwrap();
    assert!(error.contains("No such file"), "{error}");
    let text = env.run("roles").text();
    let names: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, ["NAME", "backup", "reader", "none"], "{text}");
}

#[test]
fn a_stanza_runs_this_program_with_the_role_and_the_file() {
    let env = with_file(&file());
    let named = |options: &str| env.run(options).text();
    let stanzas = named("roles --stanza --role reader");
    let program = crate::environment::program().display().to_string();
    assert_eq!(
        stanzas,
        format!(
            "[profile reader]\ncredential_process = {program} credential-process --role reader\n"
        )
    );
    let text = file().replace("../../", &format!("{}/", env.path("").display()));
    let file = env.write_config("it's a dir/config.toml", &text);
    let output = env.run_args(&[
        "roles",
        "--stanza",
        "--role",
        "reader",
        "--config",
        &file.display().to_string(),
    ]);
    let quoted = file.display().to_string().replace('\'', r#"'"'"'"#);
    assert!(output.text().ends_with(&format!("--role reader --config '{quoted}'\n")));
}
