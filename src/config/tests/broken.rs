//! Each mistake as it is reported.

use insta::assert_snapshot;

use super::parse;
use crate::output::error::Error;

/// Returns the mistakes of a file, each with its line.
fn mistakes(text: &str) -> String {
    let mistakes = parse(text).expect_err("the file is broken");
    format!("{mistakes}\n{}\n", mistakes.blocks().collect::<Vec<_>>().join("\n\n"))
}

/// Returns the mistakes of a file, each in one line.
fn lines(text: &str) -> String {
    let mistakes = parse(text).expect_err("the file is broken");
    mistakes.lines().map(|line| line.replace("/etc/roles-anywhere/", "") + "\n").collect()
}

#[test]
fn unknown_keys() {
    assert_snapshot!(lines(
        "colour = 1\ndefault_role = 'a'\n[roles.a]\n[role.a]\ntrust-anchor = 'arn'\ncertificate = '/x'\n\
         Hunter2 = 1\nrole-arn = 'a'\n  sesion-duration = 3600\nassume = [{ role-arn = 'a', externalid = 'b' }]\n\
         [identity.b]\ncert = '/a'\ndefault-role = 'a'\n[defaults]\nrole-arn = 'a'\n"
    ), @r"
    config.toml:1:1: unknown key or table `colour`: `config schema` prints all keys
    config.toml:2:1: unknown key or table `default_role`: did you mean `default-role`?
    config.toml:3:2: unknown key or table `roles`: did you mean `role`?
    config.toml:5:1: unknown key `trust-anchor`: did you mean `trust-anchor-arn`?
    config.toml:6:1: `certificate` is in the wrong table: it belongs in `[identity.NAME]`
    config.toml:7:1: unknown key (not shown, as it may be a secret): `config schema` prints all keys
    config.toml:9:3: unknown key `sesion-duration`: did you mean `session-duration`?
    config.toml:10:29: unknown key `externalid`: did you mean `external-id`?
    config.toml:12:1: unknown key `cert`: did you mean `certificate`?
    config.toml:13:1: `default-role` is in the wrong table: it belongs above the first table
    config.toml:15:1: `role-arn` is in the wrong table: it belongs in `[role.NAME]`
    ");
}

#[test]
fn a_marker_is_below_the_key() {
    assert_snapshot!(mistakes(
        "[roles.a]\n[role.a]\n  sesion-duration = 3600\nHunter2 = 1\nassume = [{ role-arn = 'a', externalid = 'b' }]\n"
    ), @r"
    the configuration file `/etc/roles-anywhere/config.toml` has 4 mistakes
    unknown key or table `roles`
     --> /etc/roles-anywhere/config.toml:1:2
      |
    1 | [roles]
      |  ^^^^^ did you mean `role`?

    unknown key `sesion-duration`
     --> /etc/roles-anywhere/config.toml:3:3
      |
    3 |   sesion-duration = …
      |   ^^^^^^^^^^^^^^^ did you mean `session-duration`?

    unknown key (not shown, as it may be a secret)
     --> /etc/roles-anywhere/config.toml:4:1
      |
    4 | … = …
      | ^ `config schema` prints all keys

    unknown key `externalid`
     --> /etc/roles-anywhere/config.toml:5:29
      |
    5 | ...                   externalid = …
      |                       ^^^^^^^^^^ did you mean `external-id`?
    ");
}

#[test]
fn passwords() {
    assert_snapshot!(mistakes(
        "[identity.b]\npkcs8-password = 'hunter2'\nkey-password = 'hunter2'\npassword = 'hunter2'\n"
    ), @r"
    the configuration file `/etc/roles-anywhere/config.toml` has 3 mistakes
    `pkcs8-password`: the file must not contain passwords
     --> /etc/roles-anywhere/config.toml:2:1
      |
    2 | pkcs8-password = …
      | ^^^^^^^^^^^^^^ use `key-password-file`, `key-password-env` or `key-password-fd`

    `key-password`: the file must not contain passwords
     --> /etc/roles-anywhere/config.toml:3:1
      |
    3 | key-password = …
      | ^^^^^^^^^^^^ use `key-password-file`, `key-password-env` or `key-password-fd`

    `password`: the file must not contain passwords
     --> /etc/roles-anywhere/config.toml:4:1
      |
    4 | password = …
      | ^^^^^^^^ use `key-password-file`, `key-password-env` or `key-password-fd`
    ");
}

#[test]
fn password_of_a_proxy() {
    assert_snapshot!(mistakes("[defaults]\nproxy = 'http://me:hunter2@proxy:3128'\n"), @r"
    the configuration file `/etc/roles-anywhere/config.toml` has a mistake
    `proxy`: the file must not contain passwords
     --> /etc/roles-anywhere/config.toml:2:1
      |
    2 | proxy = …
      | ^^^^^ use the variable `ROLES_ANYWHERE_PROXY` or `HTTPS_PROXY` for a proxy with a password
    ");
    for url in ["me:hunter2@proxy", "socks5://:hunter2@proxy:1080", "http://me:@proxy"] {
        let all = lines(&format!("[role.a]\nproxy = '{url}'\n"));
        assert!(all.contains("`proxy`: the file must not contain passwords"), "{all}");
    }
    for url in ["proxy:3128", "http://me@proxy:3128", "socks5h://[::1]:1080", "none"] {
        assert!(parse(&format!("[role.a]\nproxy = '{url}'\n")).is_ok(), "{url}");
    }
}

#[test]
fn empty_values() {
    assert_snapshot!(mistakes("[defaults]\nprofile-arn = 'p'\n[role.a]\nprofile-arn = ''\n"), @r"
    the configuration file `/etc/roles-anywhere/config.toml` has a mistake
    the value of `profile-arn` is empty
     --> /etc/roles-anywhere/config.toml:4:1
      |
    4 | profile-arn = …
      | ^^^^^^^^^^^ write a value, or remove the key
    ");
    let text = "default-role = ''\n[identity.a]\nprivate-key = \"\"\n[role.a]\nidentity = ''\n\
                assume = [{ role-arn = 'r', external-id = '' }]\n\
                fallback = [{ trust-anchor-arn = '', profile-arn = 'p' }]\n";
    assert_snapshot!(lines(text), @r"
    config.toml:1:1: the value of `default-role` is empty: write a value, or remove the key
    config.toml:3:1: the value of `private-key` is empty: write a value, or remove the key
    config.toml:5:1: the value of `identity` is empty: write a value, or remove the key
    config.toml:6:29: the value of `external-id` is empty: write a value, or remove the key
    config.toml:7:15: the value of `trust-anchor-arn` is empty: write a value, or remove the key
    ");
    // A tag may have an empty value.
    assert!(parse("[role.a]\nassume = [{ role-arn = 'r', tags = { Team = '' } }]\n").is_ok());
}

#[test]
fn types() {
    assert_snapshot!(lines(
        "default-role = 1\n[role.a]\nsession-duration = '3600'\ntimeout = '20'\nfips = 'yes'\nrole-arn = ['a']\n\
         identity = 2.5\nassume = 'arn'\nregion = 1979-05-27\nfallback = [1, {}]\n[role]\nb = true\n[identity.b]\n\
         certificate = true\nkey-password-fd = '3'\n[role.c]\nassume = [{ role-arn = 'a', tags = ['a'], transitive-tags = [1] }, \
         { tags = { a = 1 } }]\n"
    ), @r#"
    config.toml:1:1: invalid value for `default-role`: expected a string, got an integer
    config.toml:3:1: invalid value for `session-duration`: expected an integer, or "profile", got a string
    config.toml:4:1: invalid value for `timeout`: expected an integer, got a string
    config.toml:5:1: invalid value for `fips`: expected `true` or `false`, got a string
    config.toml:6:1: invalid value for `role-arn`: expected a string, got an array
    config.toml:7:1: invalid value for `identity`: expected a string, got a float
    config.toml:8:1: invalid value for `assume`: expected an array of tables, got a string
    config.toml:9:1: invalid value for `region`: expected a string, got a date
    config.toml:10:1: invalid value for `fallback`: expected an array of tables, got an integer
    config.toml:10:16: missing key `trust-anchor-arn` in `fallback`
    config.toml:10:16: missing key `profile-arn` in `fallback`
    config.toml:12:1: invalid value for `[role.NAME]`: expected a table, got a boolean
    config.toml:14:1: invalid value for `certificate`: expected a string, got a boolean
    config.toml:15:1: invalid value for `key-password-fd`: expected an integer, got a string
    config.toml:17:29: invalid value for `tags`: expected a table of strings, got an array
    config.toml:17:43: invalid value for `transitive-tags`: expected an array of strings, got an integer
    config.toml:17:68: missing key `role-arn` in `assume`
    config.toml:17:70: invalid value for `tags`: expected a table of strings, got an integer
    "#);
    assert_snapshot!(lines("defaults = 1\nrole = 'x'\nidentity = []\n"), @r"
    config.toml:1:1: invalid value for `[defaults]`: expected a table, got an integer
    config.toml:2:1: invalid value for `[role.NAME]`: expected a table, got a string
    config.toml:3:1: invalid value for `[identity.NAME]`: expected a table, got an array
    ");
}

#[test]
fn names() {
    assert_snapshot!(mistakes(
        "default-role = 'bakup'\n[identity.host]\n[identity.laptop]\n[role.backup]\nidentity = 'hots'\n\
         [role.other]\n[role.'a b']\n[role.third]\nidentity = 'something'\n[identity.'']\n"
    ), @r"
    the configuration file `/etc/roles-anywhere/config.toml` has 6 mistakes
    `default-role` names a role that does not exist
     --> /etc/roles-anywhere/config.toml:1:1
      |
    1 | default-role = …
      | ^^^^^^^^^^^^ did you mean `backup`?

    `identity` names an identity that does not exist
     --> /etc/roles-anywhere/config.toml:5:1
      |
    5 | identity = …
      | ^^^^^^^^ did you mean `host`?

    missing key `identity` in `[role.NAME]`
     --> /etc/roles-anywhere/config.toml:6:7
      |
    6 | [role.other]
      |       ^^^^^ expected `host` or `laptop`

    invalid role name
     --> /etc/roles-anywhere/config.toml:7:7
      |
    7 | [role.…]
      |       ^ expected 1 to 64 characters, each a letter, a digit or one of `_.-`

    `identity` names an identity that does not exist
     --> /etc/roles-anywhere/config.toml:9:1
      |
    9 | identity = …
      | ^^^^^^^^ expected `host` or `laptop`

    invalid identity name
      --> /etc/roles-anywhere/config.toml:10:11
       |
    10 | [identity.…]
       |           ^ expected 1 to 64 characters, each a letter, a digit or one of `_.-`
    ");
}

#[test]
fn syntax() {
    let rows = [
        "[role.a]\nrole-arn = arn:aws\n",
        "[role.a]\nrole-arn = 'a'\nrole-arn = 'b'\n",
        "[role.a]\n[role.a]\n",
        "[role.a\n",
        "[role.a]\nassume = [{ role-arn = 'a'\n",
        "[role.a]\nrole-arn = \"a\n",
        "[role.a]\nrole-arn =\n",
        "[role.a]\nrole-arn\n",
        "[role.a]\nrole-arn: 'a'\n",
        "[identity.a]\ncertificate = \"C:\\pki\\host.pem\"\n",
        "= 1\n",
        "a b = 1\n",
        "[role.a]\nrole-arn = '''a\n",
        "hunter2\u{0}\n",
    ];
    let all: String = rows.iter().map(|text| lines(text)).collect();
    assert_snapshot!(all, @r#"
    config.toml:2:12: invalid TOML: write a value; strings are in quotes: `"…"`
    config.toml:3:1: invalid TOML: this key or table is in the file twice
    config.toml:2:7: invalid TOML: this key or table is in the file twice
    config.toml:1:8: invalid TOML: a value is missing, or a quote, bracket or brace is not closed
    config.toml:2:27: invalid TOML: a value is missing, or a quote, bracket or brace is not closed
    config.toml:2:14: invalid TOML: a value is missing, or a quote, bracket or brace is not closed
    config.toml:2:11: invalid TOML: write a value; strings are in quotes: `"…"`
    config.toml:2:9: invalid TOML: write `=` and a value after the key
    config.toml:2:11: invalid TOML: write `=` and a value after the key
    config.toml:2:19: invalid TOML: write `\\` for a backslash, or put the string in single quotes
    config.toml:1:1: invalid TOML: a key consists of letters, digits, `-` and `_`, or is in quotes
    config.toml:1:3: invalid TOML: write `=` and a value after the key
    config.toml:3:1: invalid TOML: a value is missing, or a quote, bracket or brace is not closed
    config.toml:1:9: invalid TOML: write `=` and a value after the key
    "#);
    assert_snapshot!(mistakes("[identity.a]\n  certificate = hunter2\n\n[role.\"hunter2"), @r#"
    the configuration file `/etc/roles-anywhere/config.toml` has 2 mistakes
    invalid TOML
     --> /etc/roles-anywhere/config.toml:2:17
      |
    2 |   certificate = …
      |                 ^ write a value; strings are in quotes: `"…"`

    invalid TOML
     --> /etc/roles-anywhere/config.toml:4:15
      |
    4 |               …
      |               ^ a value is missing, or a quote, bracket or brace is not closed
    "#);
}

#[test]
fn at_most_a_hundred_are_listed() {
    let text: String = (0..5_000).map(|at| format!("colour-{at} = 1\n")).collect();
    let mistakes = parse(&text).unwrap_err();
    assert_eq!(mistakes.all().len(), 5_000);
    let error = Error::from(mistakes).unabridged();
    assert_eq!(error.reasons().len(), 101);
    let printed = error.to_string();
    assert!(printed.contains("config.toml` has 5000 mistakes\n"), "{printed}");
    assert_eq!(printed.matches(" --> ").count(), 100);
    assert!(printed.ends_with("\n\n4900 more"), "{printed}");
}

#[test]
fn programs() {
    assert_snapshot!(lines(
        "exec.a = 1\n[exec.b]\nrole = 'x'\ncommand = []\nenv = 'A=1'\nfiles = { KEY = 1, h4Xz9QmP2vL8nR5tY7wK = 2 }\n\
         [exec.c]\ncommand = 'server --port 80'\nenviron = {}\n[exec.'d e']\ncommand = [1]\n[role.y]\n"
    ), @r"
    config.toml:1:6: invalid value for `[exec.NAME]`: expected a table, got an integer
    config.toml:3:1: `role` names a role that does not exist: expected `y`
    config.toml:4:1: the value of `command` is empty: write a value, or remove the key
    config.toml:5:1: invalid value for `env`: expected a table of strings, got a string
    config.toml:6:11: invalid value for `KEY`: expected a string, got an integer
    config.toml:6:20: invalid value for `files`: expected a string, got an integer
    config.toml:8:1: invalid value for `command`: expected an array of strings, got a string
    config.toml:9:1: unknown key `environ`: `config schema` prints all keys
    config.toml:10:7: invalid exec name: expected 1 to 64 characters, each a letter, a digit or one of `_.-`
    ");
}
