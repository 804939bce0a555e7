//! Configurations of the agent, and what is made of them.

use insta::assert_snapshot;

use super::*;
use crate::config::tests::parse;

/// Imports a text, and reads the result with our own parser.
fn import(text: &str) -> String {
    let file = Arc::from(Path::new("/etc/agent.toml"));
    match from_agent_config(&file, text) {
        Ok(import) => {
            let mut toml = import.toml;
            let roles = import.roles.iter().map(|role| {
                format!("[role.{}]\n", role.rsplit('/').next().unwrap_or_default().to_lowercase())
            });
            let whole = roles.chain([toml.clone()]).collect::<String>();
            if let Err(mistakes) = parse(&whole) {
                panic!("{:?}\n{whole}", mistakes.lines().collect::<Vec<_>>());
            }
            for role in import.roles {
                toml.push_str(&format!("needs: {role}\n"));
            }
            toml
        }
        Err(mistakes) => {
            mistakes.lines().map(|line| line.replace("/etc/", "") + "\n").collect::<String>()
        }
    }
}

const FLAT: &str = r#"
log_level = "INFO"
log_to_file = false
http_port = "2774"
ttl_seconds = 0x78
cache_size = "500"
ssrf_headers = ["X-Vault-Token"]
ssrf_env_variables = ["MY_TOKEN", "AWS_TOKEN"]
path_prefix = "/custom/"
max_conn = 100
region = "us-east-1"
ignore_transient_errors = false
validate_credentials = false

[prefetch]
filter_tags = [{ key = "Environment" }, { role_arn = "arn:aws:iam::987654321098:role/Tags", key = "Team" }]

[[prefetch.secrets]]
secret_id = "prod/db"
[[prefetch.secrets]]
role_arn = "arn:aws:iam::987654321098:role/Tags"
secret_id = "arn:aws:secretsmanager:us-west-2:123456789012:secret:MySecret-AbCdEf"
"#;

#[test]
fn keys_at_the_top() {
    assert_snapshot!(import(FLAT), @r#"
    [secrets]
    ttl = 120
    max-stale = 0
    cache-size = 500
    port = 2774
    path-prefix = "/custom/"
    max-connections = 100
    token-headers = ["X-Vault-Token"]
    token-variables = ["MY_TOKEN", "AWS_TOKEN"]
    prefetch = [
      { tag = "Environment" },
      { tag = "Team", role = "arn:aws:iam::987654321098:role/Tags" },
      { secret = "prod/db" },
      { secret = "arn:aws:secretsmanager:us-west-2:123456789012:secret:MySecret-AbCdEf", role = "arn:aws:iam::987654321098:role/Tags" },
    ]

    [defaults]
    region = "us-east-1"
    needs: arn:aws:iam::987654321098:role/Tags
    "#);
}

/// The newer form means the same.
#[test]
fn keys_in_tables() {
    let nested = r#"
[logging]
log_level = "info"
log_to_file = false
[capabilities.secrets_manager]
enabled = true
http_port = 2774
path_prefix = "/custom/"
max_conn = 100
region = "us-east-1"
ignore_transient_errors = false
validate_credentials = false
[capabilities.secrets_manager.cache]
ttl_seconds = 120
cache_size = 500
[capabilities.secrets_manager.security]
ssrf_headers = ["X-Vault-Token"]
ssrf_env_variables = ["MY_TOKEN", "AWS_TOKEN"]
"#;
    let prefetch = FLAT.split_once("[prefetch]").unwrap().1;
    let prefetch = prefetch.replace("[[prefetch.", "[[capabilities.secrets_manager.prefetch.");
    let nested = format!("{nested}[capabilities.secrets_manager.prefetch]{prefetch}");
    assert_eq!(import(&nested), import(FLAT));
}

#[test]
fn an_empty_configuration_is_an_empty_table() {
    assert_eq!(import(""), "[secrets]\n");
    assert_eq!(import("ignore_transient_errors = true\n"), "[secrets]\n");
    assert_eq!(import("http_port = 0"), "[secrets]\nport = 0\n");
}

#[test]
fn what_has_no_counterpart_is_named() {
    assert_snapshot!(import(
        "log_level = 'DEBUG'\nlog_to_file = true\nmax_roles = 20\ncredentials_file_path = '/root/.aws/c'\n\
         validate_credentials = true\n[prefetch]\ncache_buffer_ratio = 0.6\nmax_jitter_seconds = 3\n"
    ), @r"
    agent.toml:1:1: `log_level` has no counterpart in `[secrets]`: remove it: the log has no levels
    agent.toml:2:1: `log_to_file` has no counterpart in `[secrets]`: remove it: the log is written to standard error
    agent.toml:3:1: `max_roles` has no counterpart in `[secrets]`: remove it: requests may name the roles of the file, or those in `allowed-roles`
    agent.toml:4:1: `credentials_file_path` has no counterpart in `[secrets]`: remove it: `serve` gets credentials with the certificate
    agent.toml:5:1: `validate_credentials` has no counterpart in `[secrets]`: remove it, and pass `--fail-fast` to `serve`
    agent.toml:7:1: `cache_buffer_ratio` has no counterpart in `[secrets]`: remove it: as many values are read as `cache-size` allows
    agent.toml:8:1: `max_jitter_seconds` has no counterpart in `[secrets]`: remove it: what is read at the start is read at once
    ");
    assert_snapshot!(import(
        "[capabilities.acm]\nenabled = true\n[capabilities.secrets_manager]\nenabled = false\n"
    ), @r"
    agent.toml:1:15: `acm` has no counterpart in `[secrets]`: certificates are not managed here: remove the table
    agent.toml:4:1: `enabled` has no counterpart in `[secrets]`: remove `[secrets]`: without it, `serve` serves no secrets
    ");
}

#[test]
fn both_forms_together_are_refused() {
    assert_snapshot!(import("ttl_seconds = 3\n[capabilities.secrets_manager]\nhttp_port = 2774\n"), @"agent.toml:1:1: keys above the first table cannot be used together with `[logging]` or `[capabilities]`: move it into its table, as the agent requires too");
    assert_snapshot!(import("[prefetch]\n[logging]\nlog_level = 'info'\n"), @"agent.toml:1:2: keys above the first table cannot be used together with `[logging]` or `[capabilities]`: move it into its table, as the agent requires too");
}

#[test]
fn path_prefix_is_one_that_serve_takes() {
    assert_snapshot!(import("path_prefix = '/a b/'\n"), @"agent.toml:1:1: invalid value for `path_prefix`: expected a path that begins with `/`, such as `/v1/`");
    assert_snapshot!(import("path_prefix = '/a-b/c/'\n"), @r#"
    [secrets]
    path-prefix = "/a-b/c/"
    "#);
}

#[test]
fn all_wrong_keys_and_values_are_reported() {
    assert_snapshot!(import(
        "http_port = 65536\nttl_seconds = 3601\ncache_size = '0'\nmax_conn = '8OO'\nssrf_headers = []\n\
         ssrf_env_variables = ['A', '']\npath_prefix = 'v1'\nregion = 'here'\nignore_transient_errors = 1\n\
         ttl = 3\nHunter2 = 3\ncapabilites = 3\n[prefetch]\nsecrets = [{ secret_id = '' }, { role_arn = 'x' }, 1, \
         { secret_id = 'a', roles_arn = 'x', Hunter2 = 1 }]\nfilter_tags = { key = 'a' }\nz = 1\n"
    ), @r"
    agent.toml:1:1: invalid value for `http_port`: expected a port from 0 to 65535
    agent.toml:2:1: invalid value for `ttl_seconds`: expected 0 to 3600
    agent.toml:3:1: invalid value for `cache_size`: expected 1 to 1000
    agent.toml:4:1: invalid value for `max_conn`: expected 1 to 1000
    agent.toml:5:1: invalid value for `ssrf_headers`: expected an array of strings that is not empty
    agent.toml:6:1: invalid value for `ssrf_env_variables`: expected an array of strings that is not empty
    agent.toml:7:1: invalid value for `path_prefix`: expected a path that begins with `/`, such as `/v1/`
    agent.toml:8:1: invalid value for `region`: expected a Region such as `eu-central-1`
    agent.toml:9:1: invalid value for `ignore_transient_errors`: expected `true` or `false`
    agent.toml:10:1: unknown key `ttl` in the configuration of the agent
    agent.toml:11:1: unknown key (not shown, as it may be a secret)
    agent.toml:12:1: unknown key `capabilites` in the configuration of the agent: did you mean `capabilities`?
    agent.toml:14:1: invalid value for `secrets`: expected an array of tables
    agent.toml:14:14: invalid value for `secret_id`: expected a string that is not empty
    agent.toml:14:32: missing key `secret_id`
    agent.toml:14:34: invalid value for `role_arn`: expected the ARN of a role
    agent.toml:14:74: unknown key `roles_arn` in the configuration of the agent: did you mean `role_arn`?
    agent.toml:14:91: unknown key (not shown, as it may be a secret)
    agent.toml:15:1: invalid value for `filter_tags`: expected an array of tables
    agent.toml:16:1: unknown key (not shown, as it may be a secret)
    ");
    assert_snapshot!(import("ttl_seconds = hunter2\n"), @r#"agent.toml:1:15: invalid TOML: write a value; strings are in quotes: `"…"`"#);
    assert_snapshot!(import("capabilities = 1\n[logging]\nlevel = 'info'\n"), @r"
    agent.toml:1:1: invalid value for `capabilities`: expected a table
    agent.toml:3:1: unknown key `level` in the configuration of the agent
    ");
}

/// What stands in the file may be a secret.
#[test]
fn no_value_is_repeated() {
    let keys = "http_port ttl_seconds cache_size max_conn ssrf_headers ssrf_env_variables path_prefix region \
                ignore_transient_errors enabled log_level log_to_file validate_credentials max_roles \
                credentials_file_path prefetch logging capabilities Hunter2";
    for key in keys.split_whitespace() {
        for value in ["'hunter2'", "['hunter2', 1]", "{ hunter2 = 'hunter2' }", "{ Hunter2x = 1 }"]
        {
            let file = Arc::from(Path::new("/etc/agent.toml"));
            let text = format!("{key} = {value}\n");
            if let Err(mistakes) = from_agent_config(&file, &text) {
                let blocks = mistakes.blocks().collect::<String>();
                let shown = format!("{mistakes:?}{blocks}");
                assert!(!shown.contains("unter2x") && !shown.contains("hunter2"), "{text}{shown}");
            }
        }
    }
}
