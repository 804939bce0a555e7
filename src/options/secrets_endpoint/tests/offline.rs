//! `[secrets.offline]`.

use insta::assert_snapshot;

use super::{secrets, served};

const SYSTEMD: [(&str, &str); 2] = [
    ("STATE_DIRECTORY", "/var/lib/roles-anywhere:/var/lib/other"),
    ("CREDENTIALS_DIRECTORY", "/run/credentials/ra.service"),
];

/// Returns the plan in one line.
fn offline(text: &str, variables: &[(&str, &str)]) -> String {
    let plan = served("", text, variables).offline.expect("copies are kept");
    format!(
        "{:?} {:?} {} {:?} {:?}",
        plan.keep,
        plan.max_age,
        plan.key.source.name(true),
        plan.key.is_credential,
        plan.directory.path,
    )
}

#[test]
fn key_and_directory_are_those_that_systemd_passes_unless_they_are_given() {
    assert!(served("", "[secrets]\n", &SYSTEMD).offline.is_none());
    assert_snapshot!(offline("[secrets.offline]\nkeep = [\"sm://prod/*\", \"web\"]\n", &SYSTEMD),
        @r#"[sm://prod/*, web] 86400s `/run/credentials/ra.service/roles-anywhere-offline-key` (from CREDENTIALS_DIRECTORY) true "/var/lib/roles-anywhere/offline""#);
    let text = "[secrets]\nmax-stale = 3600\n[secrets.offline]\nkeep = []\nmax-age = 60\n\
        key-file = \"key\"\ndir = \"/srv/copies\"\n";
    assert_snapshot!(offline(text, &[]),
        @r#"[] 60s `/etc/roles-anywhere/key` (from secrets.offline.key-file in /etc/roles-anywhere/config.toml:16) false "/srv/copies""#);
    // By default, a copy is used as long as a value in memory.
    let text = "[secrets]\nmax-stale = 3600\n[secrets.offline]\nkeep = [\"a\"]\n\
        key-file = \"${CREDENTIALS_DIRECTORY}/k\"\n";
    assert_snapshot!(offline(text, &SYSTEMD),
        @r#"[a] 3600s `/run/credentials/ra.service/k` (from secrets.offline.key-file in /etc/roles-anywhere/config.toml:15) true "/var/lib/roles-anywhere/offline""#);
}

#[test]
fn what_is_wrong_with_the_table_is_said() {
    let text = "[secrets.offline]\nkeep = [\"web\"]\n";
    let mut errors = vec![
        secrets("", text, &SYSTEMD[..1]).unwrap_err(),
        secrets("", text, &SYSTEMD[1..]).unwrap_err(),
    ];
    for text in [
        "[secrets]\noffline = true\n",
        "[secrets.offline]\nmax-age = 60\n",
        "[secrets.offline]\nkeep = \"web\"\nkeys = 1\n",
        "[secrets]\nmax-stale = 0\n[secrets.offline]\nkeep = [\"a\"]\n",
        "[secrets.offline]\nkeep = [\"a\"]\nmax-age = 86401\n",
        "[secrets.offline]\nkeep = [\"a\"]\nmax-age = 59\n",
        "[secrets.offline]\nkeep = [\"\", 1]\n",
    ] {
        errors.push(secrets("", text, &SYSTEMD).unwrap_err());
    }
    assert_snapshot!(errors.join("\n"), @r"
    `secrets.offline.keep` in /etc/roles-anywhere/config.toml:12 needs the variable `CREDENTIALS_DIRECTORY`, which is not set
    `secrets.offline.keep` in /etc/roles-anywhere/config.toml:12 needs the variable `STATE_DIRECTORY`, which is not set
    12:1: invalid value for `[secrets.offline]`: expected a table, got a boolean

    11:10: missing key `keep` in `[secrets.offline]`

    12:1: invalid value for `keep`: expected an array of strings, got a string
    13:1: unknown key `keys`: `config schema` prints all keys

    12:1: invalid value `0` for `secrets.max-stale` in 12: expected at least 60 beside `[secrets.offline]`

    13:1: invalid value `86401` for `secrets.offline.max-age` in 13: expected 60 to `max-stale` (seconds)

    13:1: invalid value `59` for `secrets.offline.max-age` in 13: expected 60 to `max-stale` (seconds)

    12:1: invalid value for `keep`: expected an array of strings, got an integer
    ");
}
