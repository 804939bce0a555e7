//! `[secrets]`.

use insta::assert_snapshot;

use super::*;
use crate::options::table::offline::{KEEP, KEY_FILE};
use crate::options::table::secrets_endpoint::{
    ALLOW, ALLOWED_ROLES, DENY, FILE_OF_TOKEN, PREFETCH_ROLE, PREFETCHED_PATH, TOKEN_FILE, TTL,
};

const TABLE: &str = r#"
[role.app]
[secrets]
ttl = 60
allow = ["prod/*", "sm://web"]
allowed-roles = []
token-file = "token"
prefetch = [{ path = "/prod/", role = "app" }]
[[secrets.other]]
[secrets.token.web]
file = "~/web-token"
deny = ["prod/root"]
[secrets.token.batch]
env = "BATCH_TOKEN"
[secrets.offline]
keep = ["sm://web"]
key-file = "~/key"
"#;

fn lines(text: &str) -> String {
    let mistakes = parse(text).expect_err("the file is broken");
    mistakes.lines().map(|line| line.replace("/etc/roles-anywhere/", "") + "\n").collect()
}

fn all(texts: Option<impl Iterator<Item = FileValue<'static>>>) -> Option<Vec<String>> {
    Some(texts?.map(|text| text.value.to_owned()).collect())
}

#[test]
fn reads_values_lists_and_tokens() {
    let text = TABLE.replace("[[secrets.other]]\n", "").replace("\"token\"", "\"./token\"");
    let config: &'static Config = Box::leak(Box::new(parse(&text).unwrap()));
    let secrets = config.secrets().unwrap();
    let values = secrets.values();
    assert_eq!(values.value(&TTL).unwrap().value, "60");
    assert_eq!(
        values.value(&TTL).unwrap().location.to_string(),
        "secrets.ttl (/etc/roles-anywhere/config.toml:4)"
    );
    assert_eq!(all(values.texts(&ALLOW)).unwrap(), ["prod/*", "sm://web"]);
    assert_eq!(all(values.texts(&DENY)), None);
    assert_eq!(all(values.texts(&ALLOWED_ROLES)).unwrap(), [""; 0]);
    assert_eq!(values.value(&TOKEN_FILE).unwrap().value, "/etc/roles-anywhere/./token");
    let [prefetched] = secrets.prefetch() else { panic!("{:?}", secrets.prefetch()) };
    assert_eq!(prefetched.value(&PREFETCHED_PATH).unwrap().value, "/prod/");
    assert_eq!(prefetched.value(&PREFETCH_ROLE).unwrap().value, "app");
    let [web, batch] = secrets.tokens() else { panic!("{:?}", secrets.tokens()) };
    assert_eq!((web.name().as_str(), batch.name().as_str()), ("web", "batch"));
    assert_eq!(web.values().value(&FILE_OF_TOKEN).unwrap().value, "/home/alice/web-token");
    assert_eq!(all(web.values().texts(&DENY)).unwrap(), ["prod/root"]);
    let offline = secrets.offline().unwrap();
    assert_eq!(all(offline.values().texts(&KEEP)).unwrap(), ["sm://web"]);
    assert_eq!(offline.values().value(&KEY_FILE).unwrap().value, "/home/alice/key");
    assert!(config.check_secrets_paths().is_ok());
}

#[test]
fn all_mistakes_are_reported() {
    assert_snapshot!(lines(
        "[secrets]\nttl = '60'\nallow = []\ndeny = 'a'\nallowed-roles = ['apq', 'arn:x', 1]\ntll = 1\ncache-size = 1.5\n\
         token-headers = [1]\ncertificate = 'a'\n\
         prefetch = [{}, { secret = 'a', path = '/' }, 1, { path = '/', tag-value = 'a', role = 'b', colour = 1 }]\n\
         [secrets.token.'a b']\nfile = '/a'\n[secrets.token.web]\nfile = '/a'\nenv = 'A'\ntoken = 'hunter2'\n\
         [secrets.token.none]\n[secrets.colour]\n[role.app]\n"
    ), @r"
    config.toml:2:1: invalid value for `ttl`: expected an integer, got a string
    config.toml:3:1: the value of `allow` is empty: write a value, or remove the key
    config.toml:4:1: invalid value for `deny`: expected an array of strings, got a string
    config.toml:5:1: invalid value for `allowed-roles`: expected an array of strings, got an integer
    config.toml:5:1: `allowed-roles` names a role that does not exist: expected `app`
    config.toml:6:1: unknown key `tll`: `config schema` prints all keys
    config.toml:7:1: invalid value for `cache-size`: expected an integer, got a float
    config.toml:8:1: invalid value for `token-headers`: expected an array of strings, got an integer
    config.toml:9:1: `certificate` is in the wrong table: it belongs in `[identity.NAME]`
    config.toml:10:1: invalid value for `prefetch`: expected an array of tables, got an integer
    config.toml:10:13: expected exactly one of the keys `secret`, `parameter`, `tag` and `path` in `prefetch`: add one of them
    config.toml:10:17: expected exactly one of the keys `secret`, `parameter`, `tag` and `path` in `prefetch`: remove all but one
    config.toml:10:50: missing key `tag` in `prefetch`
    config.toml:10:81: `role` names a role that does not exist: expected `app`
    config.toml:10:93: unknown key `colour`: `config schema` prints all keys
    config.toml:11:16: invalid token name: expected 1 to 64 characters, each a letter, a digit or one of `_.-`
    config.toml:13:16: expected exactly one of the keys `file` and `env` in `[secrets.token.NAME]`: remove all but one
    config.toml:16:1: unknown key `token`: `config schema` prints all keys
    config.toml:17:16: expected exactly one of the keys `file` and `env` in `[secrets.token.NAME]`: add one of them
    config.toml:18:10: unknown key `colour`: `config schema` prints all keys
    ");
    assert_snapshot!(lines("secrets = 'hunter2'\n"), @"config.toml:1:1: invalid value for `[secrets]`: expected a table, got a string");
    assert_snapshot!(lines("[secrets]\ntoken = 'hunter2'\n"), @"config.toml:2:1: invalid value for `[secrets.token.NAME]`: expected a table, got a string");
    assert_snapshot!(lines("[secrets.token]\nfile = '/hunter2'\n"), @"config.toml:2:1: invalid value for `[secrets.token.NAME]`: expected a table, got a string");
    assert_snapshot!(lines("[role.a]\nttl = 1\n"), @"config.toml:2:1: `ttl` is in the wrong table: it belongs in `[secrets]`");
}

/// A path that cannot be expanded stops only the command that serves secrets.
#[test]
fn wrong_paths_are_no_mistake_of_other_commands() {
    let config = parse(
        "[secrets]\ntoken-file = '${UNSET}/token'\n[secrets.token.web]\nfile = 'wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY'\n",
    );
    let mistakes = config.unwrap().check_secrets_paths().unwrap_err();
    assert_snapshot!(mistakes.blocks().collect::<Vec<_>>().join("\n"), @r"
    invalid value for `token-file`: the variable `UNSET` is not set
     --> /etc/roles-anywhere/config.toml:2:1
      |
    2 | token-file = …
      | ^^^^^^^^^^ set it, or write the path in full
    invalid value for `file`: it may be a secret, as no such file exists and it does not look like a path
     --> /etc/roles-anywhere/config.toml:4:1
      |
    4 | file = …
      | ^^^^ if it is a path, write it in full, or as `./NAME` relative to this file
    ");
}
