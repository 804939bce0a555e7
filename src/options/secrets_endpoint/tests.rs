//! What the options and `[secrets]` mean together.

mod offline;

use std::any::Any;
use std::fmt::Write as _;
use std::time::Duration;

use insta::assert_snapshot;

use super::*;
use crate::command::serve::ServePlan;
use crate::command::{ALL, CommandLineError, PlanInputs, plan};
use crate::options::config_file::ConfigError;
use crate::test_support::FakeConfigFiles;
use roles_anywhere_client::ports::Environment;

const FILE: &str = "/etc/roles-anywhere/config.toml";

const ROLES: &str = r#"
[identity.host]
certificate = "/etc/pki/host.pem"
[defaults]
trust-anchor-arn = "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a"
profile-arn = "arn:aws:rolesanywhere:eu-central-1:123456789012:profile/p"
[role.app]
role-arn = "arn:aws:iam::123456789012:role/App"
[role.other]
role-arn = "arn:aws:iam::123456789012:role/Other"
"#;

/// Returns the plan of `serve` with a file, or what is refused, each in one line.
fn planned(words: &str, text: &str, variables: &[(&str, &str)]) -> Result<ServePlan, String> {
    let line = ["roles-anywhere", "serve"].into_iter().chain(words.split_whitespace());
    let line: Vec<String> = line.map(str::to_owned).collect();
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let environment = Environment::new(variables.iter().map(owned));
    let files = FakeConfigFiles::one(FILE, &format!("{ROLES}{text}"));
    let inputs = PlanInputs { config_files: &files, ..PlanInputs::of(&environment) };
    let plan: Box<dyn Any> = plan(ALL, &line, &inputs).map_err(|error| match error {
        CommandLineError::Config(ConfigError::Mistakes(mistakes)) => mistakes
            .lines()
            .map(|line| {
                line.replace(&format!("{FILE}:"), "").replace("/etc/roles-anywhere/", "") + "\n"
            })
            .collect(),
        error => error.to_string(),
    })?;
    Ok(*plan.downcast().expect("it is the plan of `serve`"))
}

const RUNTIME: (&str, &str) = ("XDG_RUNTIME_DIR", "/run/user/1");

fn secrets(
    words: &str,
    text: &str,
    variables: &[(&str, &str)],
) -> Result<Option<SecretsPlan>, String> {
    let all: Vec<_> = variables.iter().copied().chain([RUNTIME]).collect();
    planned(words, text, &all).map(|plan| plan.serve.secrets)
}

fn served(words: &str, text: &str, variables: &[(&str, &str)]) -> SecretsPlan {
    secrets(words, text, variables).unwrap().expect("secrets are served")
}

/// Returns the tokens of a plan: name, source, rules.
fn tokens(plan: &SecretsPlan) -> String {
    let mut text = String::new();
    for PlannedToken { name, source, access } in &plan.tokens {
        let source = match source {
            TokenSource::Value(value) => format!("value {}", value.expose().len()),
            TokenSource::File(source) => format!("{source:?}"),
        };
        let _ = writeln!(text, "{name}: {source} {access:?}");
    }
    text
}

#[test]
fn secrets_are_served_if_they_are_configured() {
    assert!(secrets("", "", &[]).unwrap().is_none());
    assert!(secrets("", "[secrets]\n", &[]).unwrap().is_some());
    assert!(secrets("--secrets", "", &[]).unwrap().is_some());
    assert!(secrets("", "", &[("ROLES_ANYWHERE_SECRETS", "1")]).unwrap().is_some());
    assert!(secrets("--secrets=false", "[secrets]\n", &[]).unwrap().is_none());
    // Only secrets.
    let alone = secrets("--no-imds --no-container", "[secrets]\n", &[]);
    assert!(alone.unwrap().is_some());
    assert!(secrets("--no-imds --no-container", "", &[]).is_err());
}

#[test]
fn flags_without_effect_are_refused() {
    for flag in ["--secrets-port 2774", "--secrets-token-file ./token"] {
        let error = secrets(flag, "", &[]).unwrap_err();
        assert!(error.contains("--secrets"), "{error}");
    }
    let variable = ("ROLES_ANYWHERE_SECRETS_PORT", "2774");
    assert!(secrets("", "", &[variable]).unwrap().is_none());
}

#[test]
fn defaults_are_those_of_the_agent() {
    let plan = served("", "[secrets]\n", &[]);
    assert_eq!(plan.port, 2773);
    assert_eq!(plan.cache, CachePolicy::default());
    assert_eq!(plan.policy.path_prefix, "/v1/");
    assert_eq!(plan.policy.connections, 800);
    assert!(plan.policy.access.is_unlimited() && plan.policy.roles.is_none());
    assert!(plan.tokens.is_empty() && plan.prefetch.is_empty());
    assert!(matches!(plan.own_token, TokenFile::SecretsIn(_)));
}

const ALL_KEYS: &str = r#"
[secrets]
allow = ["prod/*", "sm://web", "arn:aws:secretsmanager:*"]
deny = ["ssm:///prod/root"]
prefetch = [
  { secret = "prod/db" },
  { parameter = "/prod/url", role = "other" },
  { tag = "Team", tag-value = "web" },
  { tag = "Any" },
  { path = "/prod/", role = "arn:aws:iam::123456789012:role/App" },
]
ttl = 60
max-stale = 0
cache-size = 10
port = 2774
path-prefix = "/secrets/"
max-connections = 5
allowed-roles = ["app"]
token-file = "./token"
token-headers = ["X-Vault-Token"]
token-variables = ["MY_TOKEN"]
"#;

#[test]
fn all_keys_are_read() {
    let plan = served("", ALL_KEYS, &[("AWS_TOKEN", "not of these")]);
    assert_eq!(
        format!("{:?}", plan.policy.access),
        "AccessRules { allow: [prod/*, sm://web, arn:aws:secretsmanager:*], deny: [ssm:///prod/root] }"
    );
    assert_eq!((plan.port, plan.policy.connections, plan.cache.max_entries), (2774, 5, 10));
    assert_eq!((plan.cache.ttl, plan.cache.max_stale), (Duration::from_secs(60), Duration::ZERO));
    assert_eq!(plan.policy.path_prefix, "/secrets/");
    assert_eq!(plan.policy.token_headers, ["x-vault-token"]);
    let roles = plan.policy.roles.unwrap();
    assert_eq!(
        roles.iter().map(|it| &**it).collect::<Vec<_>>(),
        ["app", "arn:aws:iam::123456789012:role/App"]
    );
    assert!(matches!(plan.own_token, TokenFile::At { ref path, .. } if path.ends_with("token")));
    let prefetch = plan.prefetch.iter().map(|it| format!("{it:?}\n")).collect::<String>();
    assert_snapshot!(prefetch, @r#"
    Prefetch { role: None, items: Secret(prod/db) }
    Prefetch { role: Some("other"), items: Parameter(/prod/url) }
    Prefetch { role: None, items: Tag { key: "Team", value: Some("web") } }
    Prefetch { role: None, items: Tag { key: "Any", value: None } }
    Prefetch { role: Some("arn:aws:iam::123456789012:role/App"), items: Path("/prod/") }
    "#);
}

#[test]
fn a_role_may_be_named_by_its_arn() {
    let text = "[secrets]\nallowed-roles = ['arn:aws:iam::123456789012:role/Other', 'arn:aws:iam::123456789012:role/Gone']\n";
    let roles = served("", text, &[]).policy.roles.unwrap();
    let roles: Vec<&str> = roles.iter().map(|it| &**it).collect();
    assert_eq!(
        roles,
        ["arn:aws:iam::123456789012:role/Gone", "arn:aws:iam::123456789012:role/Other", "other"]
    );
    assert_eq!(served("", "[secrets]\nallowed-roles = []\n", &[]).policy.roles.unwrap().len(), 0);
}

#[test]
fn a_flag_precedes_the_file() {
    let plan = served("--secrets-port 2775 --secrets-token-file ./other", ALL_KEYS, &[]);
    assert_eq!(plan.port, 2775);
    assert!(matches!(plan.own_token, TokenFile::At { ref path, .. } if path.ends_with("other")));
    let plan = served("", ALL_KEYS, &[("ROLES_ANYWHERE_SECRETS_PORT", "0")]);
    assert_eq!(plan.port, 0);
}

#[test]
fn the_first_variable_that_is_set_has_the_token() {
    let set = [
        ("AWS_TOKEN", ""),
        ("AWS_SESSION_TOKEN", "file:///run/token"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "hunter2"),
    ];
    let of = |from: usize| {
        let plan = served("", "[secrets]\n", &set[from..]);
        assert!(matches!(plan.own_token, TokenFile::Disabled));
        tokens(&plan)
    };
    assert_snapshot!(of(0), @"AWS_SESSION_TOKEN: `/run/token` (from AWS_SESSION_TOKEN) AccessRules { allow: [], deny: [] }");
    assert_snapshot!(of(2), @"AWS_CONTAINER_AUTHORIZATION_TOKEN: value 7 AccessRules { allow: [], deny: [] }");
    let own = [("MY_TOKEN", "a"), ("AWS_TOKEN", "bb")];
    let own = served("", "[secrets]\ntoken-variables = ['UNSET', 'MY_TOKEN']\n", &own);
    assert_snapshot!(tokens(&own), @"MY_TOKEN: value 1 AccessRules { allow: [], deny: [] }");
}

const TOKENS: &str = r#"
[secrets.token.web]
file = "/run/tokens/web"
allow = ["prod/web/*"]
[secrets.token.batch]
env = "BATCH_TOKEN"
deny = ["prod/root"]
[secrets.token.ci]
env = "CI_TOKEN"
"#;

#[test]
fn each_token_has_its_own_rules() {
    let variables =
        [("BATCH_TOKEN", "hunter2"), ("CI_TOKEN", "file:///run/ci"), ("AWS_TOKEN", "not this one")];
    let plan = served("", TOKENS, &variables);
    assert_snapshot!(tokens(&plan), @r"
    web: `/run/tokens/web` (from secrets.token.web.file in /etc/roles-anywhere/config.toml:13) AccessRules { allow: [prod/web/*], deny: [] }
    batch: value 7 AccessRules { allow: [], deny: [prod/root] }
    ci: `/run/ci` (from secrets.token.ci.env in /etc/roles-anywhere/config.toml:19) AccessRules { allow: [], deny: [] }
    ");
    assert!(matches!(plan.own_token, TokenFile::Disabled));
    let error = secrets("", TOKENS, &variables[..1]).unwrap_err();
    assert_snapshot!(error, @"invalid value for `secrets.token.ci.env` in /etc/roles-anywhere/config.toml:19: expected the name of a variable that is set");
    let flag = secrets("--secrets-token-file ./token", TOKENS, &variables).unwrap_err();
    assert_snapshot!(flag, @"`--secrets-token-file` and `secrets.token.web.file` in /etc/roles-anywhere/config.toml:13 cannot be used together");
}

#[test]
fn a_place_for_the_own_token_is_needed() {
    assert_snapshot!(planned("--secrets", "", &[]).unwrap_err(), @"missing required variable `AWS_TOKEN`");
    assert!(planned("--secrets", "", &[("AWS_TOKEN", "a")]).is_ok());
    assert!(planned("--secrets --secrets-token-file ./token", "", &[]).is_ok());
}

#[test]
fn all_wrong_values_are_reported() {
    let text = r#"
[secrets]
allow = ["prod/*", "a b", ""]
deny = ["sm://"]
prefetch = [
  { secret = "arn:aws:iam::1:x" },
  { parameter = "/prod/url:3", role = "arn:x" },
  { path = "/pr od/" },
]
ttl = 3601
max-stale = -1
cache-size = 0
port = 70000
path-prefix = "v1"
max-connections = 1001
allowed-roles = ["arn:aws:s3:::x"]
token-file = "${UNSET}/token"
token-headers = ["X Token"]
token-variables = ["9A"]
[secrets.token.web]
env = "hunter2 hunter2"
allow = ["c d"]
"#;
    assert_snapshot!(secrets("", text, &[]).unwrap_err(), @r"
    13:1: invalid value `a b` for `secrets.allow` in 13: expected a name, a path or an ARN, in which `*` stands for any characters
    13:1: `secrets.allow` in 13 is empty: expected a name, a path or an ARN, in which `*` stands for any characters
    14:1: invalid value `sm://` for `secrets.deny` in 14: expected a name, a path or an ARN, in which `*` stands for any characters
    16:5: invalid value `arn:aws:iam::1:x` for `secrets.prefetch[0].secret` in 16: expected the ARN of a secret (`secretsmanager secret:…`), got that of `iam x`; check that the ARNs of the trust anchor, the profile and the role are not swapped
    17:5: invalid value `/prod/url:3` for `secrets.prefetch[1].parameter` in 17: expected a name or an ARN without a version
    17:32: invalid value `arn:x` for `secrets.prefetch[1].role` in 17: not an ARN: expected `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`; copy the ARN from the AWS console or the AWS CLI
    18:5: invalid value `/pr od/` for `secrets.prefetch[2].path` in 18: expected a path such as `/prod/`
    20:1: invalid value `3601` for `secrets.ttl` in 20: expected 0 to 3600 (seconds)
    21:1: invalid value `-1` for `secrets.max-stale` in 21: expected 0 to 604800 (seconds)
    22:1: invalid value `0` for `secrets.cache-size` in 22: expected 1 to 10000
    23:1: invalid value `70000` for `secrets.port` in 23: expected a port from 0 to 65535
    24:1: invalid value `v1` for `secrets.path-prefix` in 24: expected a path that begins with `/`, such as `/v1/`
    25:1: invalid value `1001` for `secrets.max-connections` in 25: expected 1 to 1000
    26:1: invalid value `arn:aws:s3:::x` for `secrets.allowed-roles` in 26: expected the ARN of a role (`iam role/…`), got that of `s3 x`; check that the ARNs of the trust anchor, the profile and the role are not swapped
    27:1: invalid value for `token-file`: the variable `UNSET` is not set: set it, or write the path in full
    28:1: invalid value for `secrets.token-headers` in 28: expected the name of a header
    29:1: invalid value for `secrets.token-variables` in 29: expected the name of a variable
    31:1: invalid value for `secrets.token.web.env` in 31: expected the name of a variable
    32:1: invalid value `c d` for `secrets.token.web.allow` in 32: expected a name, a path or an ARN, in which `*` stands for any characters
    ");
    let both = "[secrets]\ntoken-file = '/run/token'\n[secrets.token.a]\nfile = '/run/a'\n";
    assert_snapshot!(secrets("", both, &[]).unwrap_err(), @"14:1: `secrets.token-file` in 12 and `secrets.token.a.file` in 14 cannot be used together: remove one of them: no token is made if there is one");
    // Of no use to a command that does not serve secrets.
    assert!(secrets("--secrets=false", &text.replace("ttl = 3601", ""), &[]).unwrap().is_none());
}
