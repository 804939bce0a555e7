//! Every mistake in the values of a file is reported, whatever else is wrong.

use insta::assert_snapshot;

use crate::command::{ALL, CommandLineError, PlanInputs, plan};
use crate::options::config_file::ConfigError;
use crate::test_support::FakeConfigFiles;
use roles_anywhere_client::ports::Environment;

/// Returns a role of the identity `host` with these lines.
fn role(name: &str, lines: &str) -> String {
    format!(
        r#"
[role.{name}]
identity = "host"
trust-anchor-arn = "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a"
profile-arn = "arn:aws:rolesanywhere:eu-central-1:123456789012:profile/a"
role-arn = "arn:aws:iam::123456789012:role/One"
{lines}
"#
    )
}

/// Returns the mistakes in a file that begins with `text`. A role after it is refused, so that a run
/// with that role checks the whole file.
fn mistakes(text: &str) -> String {
    let refused = role("refused", "timeout = 700");
    let text = format!("{text}{refused}[identity.host]\ncertificate = \"/file.pem\"\n");
    let files = FakeConfigFiles::one("/home/u/.config/roles-anywhere/config.toml", &text);
    let environment = Environment::new([("HOME".to_owned(), "/home/u".to_owned())]);
    let line = ["roles-anywhere", "credential-process", "--role=refused"].map(str::to_owned);
    let inputs = PlanInputs { config_files: &files, ..PlanInputs::of(&environment) };
    let error = plan(ALL, &line, &inputs).err().unwrap();
    let CommandLineError::Config(ConfigError::Mistakes(mistakes)) = error else {
        panic!("{error}");
    };
    let lines = mistakes.lines().map(|line| line.replace("/home/u/.config/roles-anywhere/", ""));
    let (expected, others): (Vec<_>, Vec<_>) =
        lines.partition(|line| line.contains("`role.refused.timeout`"));
    assert_eq!(expected.len(), 1);
    others.join("\n")
}

#[test]
fn all_mistakes_of_all_hops_are_reported() {
    let lines = r#"[[role.chain.assume]]
role-arn = "arn:aws:sts::123456789012:role/Two"
external-id = "x"
session-duration = 7200
tags = { Team = "o<s", team = "ops" }
transitive-tags = ["Cost", "team", "Team"]
[[role.chain.assume]]
role-arn = "arn:aws-cn:iam::123456789012:role/Three"
role-session-name = "?"
policy = "not JSON"
[[role.chain.assume]]
role-arn = "x"
"#;
    assert_snapshot!(mistakes(&role("chain", lines)), @r#"
    config.toml:8:1: invalid value `arn:aws:sts::123456789012:role/Two` for `role.chain.assume[0].role-arn` in config.toml:8: expected the ARN of a role (`iam role/…`), got that of `sts role/Two`; check that the ARNs of the trust anchor, the profile and the role are not swapped
    config.toml:9:1: invalid value for `role.chain.assume[0].external-id` in config.toml:9: expected 2 to 1224 characters, each a letter, a digit or one of `_+=,.@:/-`
    config.toml:10:1: invalid value `7200` for `role.chain.assume[0].session-duration` in config.toml:10: expected 900 to 3600 (seconds): AWS allows an hour for a role that another one assumes
    config.toml:11:1: invalid value for `role.chain.assume[0].tags` in config.toml:11: expected a value of at most 256 letters, digits, spaces and `_.:/=+-@`
    config.toml:11:1: invalid value for `role.chain.assume[0].tags` in config.toml:11: expected each name once (upper and lower case are the same)
    config.toml:12:1: invalid value `Cost` for `role.chain.assume[0].transitive-tags` in config.toml:12: expected the name of one of the `tags`
    config.toml:12:1: invalid value `Team` for `role.chain.assume[0].transitive-tags` in config.toml:12: expected each name once (upper and lower case are the same)
    config.toml:14:1: `role.chain.role-arn` in config.toml:6 is in the partition aws, but `role.chain.assume[1].role-arn` in config.toml:14 is in aws-cn: use ARNs and Regions of one partition
    config.toml:15:1: invalid value `?` for `role.chain.assume[1].role-session-name` in config.toml:15: expected 2 to 64 characters, each a letter, a digit or one of `_+=,.@-`
    config.toml:16:1: invalid value for `role.chain.assume[1].policy` in config.toml:16: expected a JSON object of at most 2048 characters
    config.toml:18:1: invalid value `x` for `role.chain.assume[2].role-arn` in config.toml:18: not an ARN: expected `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`; copy the ARN from the AWS console or the AWS CLI
    "#);
}

#[test]
fn all_mistakes_of_all_fallbacks_are_reported() {
    let lines = r#"endpoint = "http://a.example"
[[role.regions.fallback]]
trust-anchor-arn = "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/b"
profile-arn = "arn:aws:rolesanywhere:eu-west-1:123456789012:profile/b"
endpoint = "http://b.example"
[[role.regions.fallback]]
trust-anchor-arn = "arn:aws:rolesanywhere:eu-west-1:123456789012:profile/b"
profile-arn = "x"
[[role.regions.fallback]]
trust-anchor-arn = "arn:aws-cn:rolesanywhere:cn-north-1:123456789012:trust-anchor/b"
profile-arn = "arn:aws-cn:rolesanywhere:cn-north-1:123456789012:profile/b"
"#;
    assert_snapshot!(mistakes(&role("regions", lines)), @r#"
    config.toml:7:1: invalid value for `role.regions.endpoint` in config.toml:7: `http` to another machine would send the credentials unencrypted; write it as `https://HOST[:PORT]`; `http://` is accepted for a loopback address only
    config.toml:9:1: `role.regions.trust-anchor-arn` in config.toml:4 and `role.regions.fallback[0].trust-anchor-arn` in config.toml:9 cannot be used together: use a trust anchor of another Region: a fallback is for when a Region does not answer
    config.toml:10:1: `role.regions.fallback[0].trust-anchor-arn` in config.toml:9 is in the Region eu-central-1, but `role.regions.fallback[0].profile-arn` in config.toml:10 is in eu-west-1: use a trust anchor and a profile of one Region in each fallback
    config.toml:11:1: invalid value for `role.regions.fallback[0].endpoint` in config.toml:11: `http` to another machine would send the credentials unencrypted; write it as `https://HOST[:PORT]`; `http://` is accepted for a loopback address only
    config.toml:13:1: invalid value `arn:aws:rolesanywhere:eu-west-1:123456789012:profile/b` for `role.regions.fallback[1].trust-anchor-arn` in config.toml:13: expected the ARN of a trust anchor (`rolesanywhere trust-anchor/…`), got that of `rolesanywhere profile/b`; check that the ARNs of the trust anchor, the profile and the role are not swapped
    config.toml:14:1: invalid value `x` for `role.regions.fallback[1].profile-arn` in config.toml:14: not an ARN: expected `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`; copy the ARN from the AWS console or the AWS CLI
    config.toml:16:1: `role.regions.trust-anchor-arn` in config.toml:4 is in the partition aws, but `role.regions.fallback[2].trust-anchor-arn` in config.toml:16 is in aws-cn: use ARNs and Regions of one partition
    "#);
}

#[test]
fn values_that_no_role_uses_are_read() {
    let text = r#"
[defaults]
timeout = 0
trust-anchor-arn = "arn:aws:rolesanywhere:eu-central-1:123456789012:role/a"
fips = true
endpoint = "https://a.example"
[identity.old]
certificate = "/file.pem"
private-key = """-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMG
"""
key-password-fd = 3
key-password-env = "PW"
[identity.older]
certificate = "~bob/file.pem"
[identity.oldest]
private-key = "/file.key"
"#;
    assert_snapshot!(mistakes(text), @r#"
    config.toml:3:1: invalid value `0` for `defaults.timeout` in config.toml:3: expected 1 to 600 (seconds)
    config.toml:4:1: invalid value `arn:aws:rolesanywhere:eu-central-1:123456789012:role/a` for `defaults.trust-anchor-arn` in config.toml:4: expected the ARN of a trust anchor (`rolesanywhere trust-anchor/…`), got that of `rolesanywhere role/a`; check that the ARNs of the trust anchor, the profile and the role are not swapped
    config.toml:5:1: `defaults.endpoint` in config.toml:6 and `defaults.fips` in config.toml:5 cannot be used together: remove one of them: a given endpoint has no FIPS or dual-stack variant
    config.toml:9:1: invalid value for `identity.old.private-key` in config.toml:9: expected the path of a file, got a private key: write the key to a file and pass its path, or pass `--private-key env:NAME`
    config.toml:12:1: `identity.old.key-password-env` in config.toml:13 and `identity.old.key-password-fd` in config.toml:12 cannot be used together: pass the password in one way only
    config.toml:15:1: invalid value for `certificate`: `~` is not followed by `/`: write the home directory of another user in full
    config.toml:16:11: missing key `certificate` in `[identity.NAME]`
    "#);
}

/// Each role replaces one of two values that do not go together.
#[test]
fn defaults_that_no_role_uses_together_are_no_mistake() {
    let text = r#"
[defaults]
trust-anchor-arn = "arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/a"
profile-arn = "arn:aws:rolesanywhere:eu-north-1:123456789012:profile/a"
[role.one]
identity = "host"
profile-arn = "arn:aws:rolesanywhere:eu-west-1:123456789012:profile/a"
role-arn = "arn:aws:iam::123456789012:role/One"
"#;
    assert_eq!(mistakes(text), "");
}

#[test]
fn one_profile_of_two_roles_is_a_mistake() {
    let role = |name, profile| role(name, &format!("aws-profile = \"{profile}\""));
    assert_eq!(mistakes(&[role("a", "one"), role("b", "two")].concat()), "");
    let reported = mistakes(&[role("a", "one"), role("b", "two"), role("c", "one")].concat());
    assert_eq!(
        reported,
        "config.toml:21:1: `role.a.aws-profile` in config.toml:7 and `role.c.aws-profile` in \
         config.toml:21 cannot be used together: they name the same profile, which holds the \
         credentials of one role: change one of them, or pass `--role`"
    );
}

#[test]
fn mistakes_in_the_variables_of_programs_are_reported() {
    let text = r#"[exec.web.env]
PORT = "80"
DB_PASSWORD = "sm://"
"1A" = "hunter2"
hunter2hunter2hunter2X = "{{resolve:x}}"
TLS = "x"
[exec.web.files]
TLS = "sm://tls"
CERT = "/etc/hunter2.pem"
"#;
    let text = mistakes(text);
    assert!(!text.contains("hunter2"), "{text}");
    assert_snapshot!(text, @r"
    config.toml:3:1: `DB_PASSWORD`: invalid reference: the name is missing
    config.toml:4:1: invalid variable name `1A`: expected a letter or `_`, then letters, digits, `_`, `.` and `-`
    config.toml:5:1: a variable (not shown): invalid reference: expected `secretsmanager`, `ssm` or `ssm-secure` after `{{resolve:`
    config.toml:8:1: `TLS` is in `env` and in `files`
    config.toml:9:1: `CERT`: expected `sm://…`, `ssm://…`, `{{resolve:…}}`, or the ARN of a secret or a parameter
    ");
}
