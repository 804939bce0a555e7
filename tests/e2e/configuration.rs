//! The configuration file, and its documentation.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use insta::assert_snapshot;
use roles_anywhere::config::{KeyType, TableKind, with_keys};
use roles_anywhere::options::table::OptionSpec;

use crate::environment::{TestEnvironment, program};

/// The reference of `docs/configuration.md` is between these lines.
const BEGIN: &str = "says how. -->\n";
const END: &str = "<!-- end -->\n";

/// To write it again: `ROLES_ANYWHERE_WRITE_DOCS=1 cargo test --test e2e configuration`.
#[test]
fn the_reference_is_made_from_the_table_of_options() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    if std::env::var_os("ROLES_ANYWHERE_WRITE_DOCS").is_some() {
        fs::write(path, format!("{before}{BEGIN}{}{END}{after}", reference())).unwrap();
    } else {
        assert_eq!(written, reference());
    }
}

fn reference() -> String {
    let mut text = String::from("\n");
    for table in TableKind::ALL {
        let heading = match table {
            TableKind::Root => "Above the first table",
            TableKind::Hop => "An entry of `assume`",
            TableKind::Fallback => "An entry of `fallback`",
            TableKind::Prefetch => "An entry of `prefetch`",
            named => named.as_str(),
        };
        writeln!(text, "### {heading}\n\n| key | value | meaning |\n| --- | --- | --- |").unwrap();
        for row in table.keys() {
            let value = KeyType::of(row).expected();
            writeln!(text, "| `{}` | {value} | {} |", row.id(), meaning(row, *table)).unwrap();
        }
        text.push('\n');
    }
    text
}

fn meaning(row: &'static OptionSpec, table: TableKind) -> String {
    let summary = row.summary(roles_anywhere::options::table::Necessity::Optional);
    let summary = with_keys(summary.split(" [default").next().unwrap());
    let unit = KeyType::unit(row).map(|unit| format!(" ({unit})")).unwrap_or_default();
    let summary = format!("{summary}{unit}");
    match (row.default_words(), table.required().contains(&row)) {
        (_, true) => format!("{summary}; required"),
        // A line of the page is short.
        (Some(default), _) if default.len() < 60 => {
            format!("{summary}; by default {}", with_keys(default))
        }
        _ => summary,
    }
}

#[test]
fn the_schema_is_printed_as_json() {
    let env = TestEnvironment::offline();
    let schema = env.run("config schema").json();
    assert_eq!(schema, roles_anywhere::config::schema::schema());
}

#[test]
fn import_reads_the_file_of_the_aws_cli() {
    let env = TestEnvironment::new();
    let file = env.write(
        "aws-config",
        "[profile a]\ncredential_process = aws_signing_helper credential-process --certificate /host.pem \
         --pkcs8-password hunter2 --debug\n",
    );
    let env = env.var("AWS_CONFIG_FILE", file);
    assert_snapshot!(env.run("config import --from aws"), @r#"
    $ AWS_CONFIG_FILE=DIR/aws-config roles-anywhere config import --from aws
    exit code: 0
    ----- stdout -----
    [identity.host]
    certificate = "/host.pem"
    # the line holds the password itself: write it to a file that only you can read
    key-password-file = "./FILE_TO_FILL_IN"

    [role.a]
    identity = "host"
    # not imported: `--debug`
    ----- stderr -----
    warning: profile `a`: not imported: `--debug`
    warning: profile `a`: fill in `key-password-file`
    "#);
    assert_snapshot!(env.fails("config import --from azure"), @r"
    $ AWS_CONFIG_FILE=DIR/aws-config roles-anywhere config import --from azure
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value `azure` for `--from`: expected `aws` or `agent`
    ");
    let absent = env.var("AWS_CONFIG_FILE", "absent");
    assert_snapshot!(absent.fails("config import --from aws"), @r"
    $ AWS_CONFIG_FILE=absent roles-anywhere config import --from aws
    exit code: 6
    ----- stdout -----
    ----- stderr -----
    error: cannot read `absent` (from AWS_CONFIG_FILE)
      caused by: No such file or directory (os error 2)
      hint: check the path
    ");
}

/// The example of the help makes a file that is not refused, also if new files can be written by a group.
#[test]
fn example_of_import_makes_a_file_that_can_be_used() {
    let env = TestEnvironment::offline();
    let help = env.run("config import -h").to_string();
    let example = help.lines().find(|line| line.contains("> config.toml")).unwrap();
    let tool = program().display().to_string();
    let script = format!(
        "umask 0002; {}",
        example.replace("roles-anywhere config import", &format!("{tool} config import"))
    );
    let aws_config = env.write(
        "aws-config",
        format!(
            "[default]\ncredential_process = aws_signing_helper credential-process --certificate /host.pem \
             --trust-anchor-arn {TRUST_ANCHOR} --profile-arn {PROFILE} --role-arn arn:aws:iam::123456789012:role/A\n"
        ),
    );
    let folder = env.path("");
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(folder)
        .env("AWS_CONFIG_FILE", aws_config)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    env.run("config check --config config.toml");
}

const TRUST_ANCHOR: &str = "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a1b2c3d4-5678-90ab-cdef-111111111111";
const PROFILE: &str =
    "arn:aws:rolesanywhere:eu-central-1:123456789012:profile/a1b2c3d4-5678-90ab-cdef-222222222222";

#[test]
fn check_accepts_a_good_file() {
    let env = TestEnvironment::offline().config(&format!(
        "[identity.host]\ncertificate = 'no-such-file.pem'\n[role.a]\nidentity = 'host'\n\
         trust-anchor-arn = '{TRUST_ANCHOR}'\nprofile-arn = '{PROFILE}'\nrole-arn = 'arn:aws:iam::123456789012:role/A'\n"
    ));
    assert_snapshot!(env.run("config check"), @r"
    $ ROLES_ANYWHERE_CONFIG=DIR/config.toml roles-anywhere config check
    exit code: 0
    ----- stdout -----
    DIR/config.toml: 1 role, 1 identity, no mistakes
    ----- stderr -----
    ");
}

#[test]
fn commands_that_need_a_file_name_the_searched_paths() {
    let env = TestEnvironment::offline();
    let config = env.path("");
    let env = env.var("XDG_CONFIG_HOME", config);
    assert_snapshot!(env.fails("config check"), @r"
    $ XDG_CONFIG_HOME=DIR/ roles-anywhere config check
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: there is no configuration file
      hint: write `DIR/roles-anywhere/config.toml` or `/etc/roles-anywhere/config.toml`, or pass `--config`
    ");
    assert_snapshot!(env.fails("roles"), @r"
    $ XDG_CONFIG_HOME=DIR/ roles-anywhere roles
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: there is no configuration file
      hint: write `DIR/roles-anywhere/config.toml` or `/etc/roles-anywhere/config.toml`, or pass `--config`
    ");
}

/// AWS refuses them when a session is made, so a command line may have them.
#[test]
fn check_refuses_arns_of_two_accounts() {
    let role = |role_arn: &str, more: &str| {
        format!(
            "trust-anchor-arn = '{TRUST_ANCHOR}'\nprofile-arn = '{PROFILE}'\nrole-arn = '{role_arn}'\n{more}"
        )
    };
    let [own, foreign] =
        ["123456789012", "210987654321"].map(|it| format!("arn:aws:iam::{it}:role/A"));
    let elsewhere = |arn: &str| {
        arn.replace("123456789012", "210987654321").replace("eu-central-1", "eu-west-1")
    };
    let fallback = format!(
        "fallback = [{{ trust-anchor-arn = '{}', profile-arn = '{}' }}]\n",
        elsewhere(TRUST_ANCHOR),
        elsewhere(PROFILE)
    );
    let env = TestEnvironment::offline().config(&format!(
        "[identity.host]\ncertificate = '/host.pem'\n[role.a]\n{}[role.b]\n{}[role.c]\n{}",
        role(&foreign, ""),
        role(&own, &fallback),
        role(&own, &format!("assume = [{{ role-arn = '{foreign}' }}]\n")),
    ));
    assert_snapshot!(env.fails("config check"), @r"
    $ ROLES_ANYWHERE_CONFIG=DIR/config.toml roles-anywhere config check
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: the configuration file `DIR/config.toml` has 2 mistakes

    `role.a.trust-anchor-arn` in DIR/config.toml:4 and `role.a.role-arn` in DIR/config.toml:6 cannot be used together
     --> DIR/config.toml:6:1
      |
    6 | role-arn = …
      | ^^^^^^^^ use ARNs of one account: a role of another account is reached with `assume`

    `role.b.trust-anchor-arn` in DIR/config.toml:8 and `role.b.fallback[0].trust-anchor-arn` in DIR/config.toml:11 cannot be used together
      --> DIR/config.toml:11:15
       |
    11 |               trust-anchor-arn = …
       |               ^^^^^^^^^^^^^^^^ use ARNs of one account: a role of another account is reached with `assume`
    ");
}

/// Returns a file with mistakes in values.
fn broken() -> String {
    format!(
        "[defaults]\ntimeout = 0\n[identity.host]\ncertificate = '/host.pem'\nkey-password-fd = 3\nkey-password-env = 'PW'\n\
             [identity.other]\nprivate-key = '''-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMG\n'''\n\
             [role.a]\nidentity = 'host'\ntrust-anchor-arn = '{TRUST_ANCHOR}'\nprofile-arn = '{TRUST_ANCHOR}'\n\
             role-arn = 'arn:aws:iam::123456789012:role/A'\nrole-session-name = '{}'\nsession-duration = 7\nregion = 'Frankfurt'\n\
             [role.b]\nidentity = 'other'\ntrust-anchor-arn = '{TRUST_ANCHOR}'\n\
             profile-arn = 'arn:aws:rolesanywhere:eu-west-1:123456789012:profile/a1b2c3d4-5678-90ab-cdef-222222222222'\n\
             role-arn = 'arn:aws:iam::123456789012:role/A'\nca-bundle = '${{NO_SUCH_VARIABLE}}/ca.pem'\nproxy = 'ftp://me@proxy'\n",
        "x".repeat(65)
    )
}

#[test]
fn check_reports_all_mistakes_of_all_roles() {
    let env = TestEnvironment::offline().config(&broken());
    let checked = env.fails("config check");
    assert_snapshot!(checked, @r"
    $ ROLES_ANYWHERE_CONFIG=DIR/config.toml roles-anywhere config check
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: the configuration file `DIR/config.toml` has 9 mistakes

    invalid value `0` for `defaults.timeout` in DIR/config.toml:2: expected 1 to 600 (seconds)
     --> DIR/config.toml:2:1
      |
    2 | timeout = …
      | ^^^^^^^

    `identity.host.key-password-env` in DIR/config.toml:6 and `identity.host.key-password-fd` in DIR/config.toml:5 cannot be used together
     --> DIR/config.toml:5:1
      |
    5 | key-password-fd = …
      | ^^^^^^^^^^^^^^^ pass the password in one way only

    invalid value for `identity.other.private-key` in DIR/config.toml:8: expected the path of a file, got a private key
     --> DIR/config.toml:8:1
      |
    8 | private-key = …
      | ^^^^^^^^^^^ write the key to a file and pass its path, or pass `--private-key env:NAME`

    invalid value `arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a1b2c3d4-5678-90ab-cdef-111111111111` for `role.a.profile-arn` in DIR/config.toml:14
      --> DIR/config.toml:14:1
       |
    14 | profile-arn = …
       | ^^^^^^^^^^^ expected the ARN of a profile (`rolesanywhere profile/…`), got that of `rolesanywhere trust-anchor/a1b2c3d4-5678-90ab-cdef-111111111111`; check that the ARNs of the trust anchor, the profile and the role are not swapped

    invalid value for `role.a.role-session-name` in DIR/config.toml:16: expected 2 to 64 characters, each a letter, a digit or one of `_+=,.@-`
      --> DIR/config.toml:16:1
       |
    16 | role-session-name = …
       | ^^^^^^^^^^^^^^^^^

    invalid value `7` for `role.a.session-duration` in DIR/config.toml:17: expected 900 to 43200 (seconds), or `profile`
      --> DIR/config.toml:17:1
       |
    17 | session-duration = …
       | ^^^^^^^^^^^^^^^^

    invalid value `Frankfurt` for `role.a.region` in DIR/config.toml:18: expected a Region such as `eu-central-1`
      --> DIR/config.toml:18:1
       |
    18 | region = …
       | ^^^^^^

    invalid value for `ca-bundle`: the variable `NO_SUCH_VARIABLE` is not set
      --> DIR/config.toml:24:1
       |
    24 | ca-bundle = …
       | ^^^^^^^^^ set it, or write the path in full

    invalid value for `role.b.proxy` in DIR/config.toml:25
      --> DIR/config.toml:25:1
       |
    25 | proxy = …
       | ^^^^^ the proxy scheme is `ftp`, expected `http`, `https`, `socks5` or `socks5h`; write it as `http://HOST:PORT`, or pass `--proxy none`; set a user name and password in `HTTPS_PROXY`, which other users cannot see
    ");
    // A run of one of these roles reports them as well.
    let run = env.without_role_variables().fails("credential-process --role a");
    assert_eq!(run.stderr.lines().next(), checked.stderr.lines().next());
}
