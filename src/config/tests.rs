//! Good and broken files.

use insta::assert_snapshot;

use super::*;
use crate::options::table::{OptionSpec, config_file, identity, session, transport};

mod broken;
mod secrets;
mod secrets_table;

/// Reads a file in `/etc/roles-anywhere`, where `site.pem` exists.
pub(super) fn parse(text: &str) -> Result<Config, Mistakes> {
    let variables = [("HOME", "/home/alice"), ("PKI", "/srv/pki"), ("EMPTY", "")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let environment = &Environment::new(variables);
    let file = &Arc::from(Path::new("/etc/roles-anywhere/config.toml"));
    let paths = PathExists(&|path| path.ends_with("site.pem"));
    Config::parse(&ConfigText { file, text, environment, paths })
}

const ISSUE: &str = r#"
default-role = "backup"

[identity.host]
certificate = "/etc/pki/host.pem"
private-key = "/etc/pki/host.key"

[role.backup]
identity = "host"
trust-anchor-arn = "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a"
profile-arn = "arn:aws:rolesanywhere:eu-central-1:123456789012:profile/b"
role-arn = "arn:aws:iam::123456789012:role/Backup"
session-duration = 3600
assume = [{ role-arn = "arn:aws:iam::210987654321:role/Reader", external-id = "x", role-session-name = "n", session-duration = 900, tags = { Team = "ops" }, transitive-tags = ["Team"], policy = "{}" }]
fallback = [{ trust-anchor-arn = "arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/c", profile-arn = "arn:aws:rolesanywhere:eu-west-1:123456789012:profile/d" }]
"#;

/// Returns a value of a role with its table and its line.
fn value(layers: &RoleLayers<'_>, option: &'static OptionSpec) -> Option<String> {
    let FileValue { value, location } = layers.value(option)?;
    Some(format!("{value} ({}:{})", location.table, location.line))
}

#[test]
fn reads_identities_and_roles() {
    let config = parse(ISSUE).unwrap();
    let role = config.role("backup").unwrap();
    assert!(std::ptr::eq(config.default_role().unwrap(), role));
    let layers = config.layers(role).unwrap();
    let rows: [(&'static OptionSpec, _); 5] = [
        (&identity::CERTIFICATE, Some("/etc/pki/host.pem (identity.host:5)")),
        (&session::ROLE_ARN, Some("arn:aws:iam::123456789012:role/Backup (role.backup:12)")),
        (&session::SESSION_DURATION, Some("3600 (role.backup:13)")),
        (&session::REGION, None),
        (&session::INTERMEDIATES, None),
    ];
    for (option, expected) in rows {
        assert_eq!(value(&layers, option).as_deref(), expected, "{option}");
    }
    let [hop] = role.hops() else { panic!("{:?}", role.hops()) };
    let location = hop.table().value(&config_file::HOP_EXTERNAL_ID).unwrap().location;
    assert_eq!(
        location.to_string(),
        "role.backup.assume[0].external-id (/etc/roles-anywhere/config.toml:14)"
    );
    assert_eq!(hop.table().value(&config_file::HOP_SESSION_DURATION).unwrap().value, "900");
    assert_eq!(
        hop.tags().map(|(name, value)| (name, value.value)).collect::<Vec<_>>(),
        [("Team", "ops")]
    );
    assert_eq!(hop.transitive_tags().map(|name| name.value).collect::<Vec<_>>(), ["Team"]);
    let [fallback] = role.fallbacks() else { panic!("{:?}", role.fallbacks()) };
    let profile = fallback.value(&session::PROFILE_ARN).unwrap();
    assert_eq!(profile.value, "arn:aws:rolesanywhere:eu-west-1:123456789012:profile/d");
}

/// The role's own values come before those of its identity, and those before the defaults.
#[test]
fn a_role_overrides_its_identity_and_the_defaults() {
    let config = parse(
        r#"
        [defaults]
        identity = "b"
        strict-permissions = true
        timeout = 0x1e
        fips = true
        fallback = [{ trust-anchor-arn = "t", profile-arn = "p" }]
        [role.own]
        identity = "a"
        fips = false
        fallback = []
        session-duration = "profile"
        [role.default]
        [[role.default.assume]]
        role-arn = "r1"
        [[role.default.assume]]
        role-arn = "r2"
        tags.Team = "ops"
        [identity.a]
        certificate = "/a"
        strict-permissions = false
        key-password-fd = 3
        [identity.b]
        certificate = "/b"
        "#,
    )
    .unwrap();
    assert_eq!(
        config.roles().map(|role| role.name().as_str()).collect::<Vec<_>>(),
        ["own", "default"]
    );
    assert!(config.default_role().is_none());
    let rows: [(&'static OptionSpec, _, _); 6] = [
        (&identity::CERTIFICATE, Some("/a (identity.a:20)"), Some("/b (identity.b:24)")),
        (&identity::STRICT_PERMISSIONS, Some("false (identity.a:21)"), Some("true (defaults:4)")),
        (&identity::KEY_PASSWORD_FD, Some("3 (identity.a:22)"), None),
        (&transport::FIPS, Some("false (role.own:10)"), Some("true (defaults:6)")),
        (&transport::TIMEOUT, Some("30 (defaults:5)"), Some("30 (defaults:5)")),
        (&session::SESSION_DURATION, Some("profile (role.own:12)"), None),
    ];
    let [own, default] = ["own", "default"].map(|name| config.role(name).unwrap());
    for (option, of_own, of_default) in rows {
        assert_eq!(value(&config.layers(own).unwrap(), option).as_deref(), of_own, "{option}");
        assert_eq!(
            value(&config.layers(default).unwrap(), option).as_deref(),
            of_default,
            "{option}"
        );
    }
    assert_eq!((own.fallbacks().len(), default.fallbacks().len()), (0, 1));
    let roles = default.hops().iter().map(|hop| {
        let role = hop.table().value(&config_file::HOP_ROLE_ARN).unwrap();
        (role.value, role.location.line)
    });
    assert_eq!(roles.collect::<Vec<_>>(), [("r1", 15), ("r2", 17)]);
}

#[test]
fn an_empty_file_has_no_roles() {
    let config = parse("# nothing\n").unwrap();
    assert_eq!((config.roles().count(), config.identities().count()), (0, 0));
}

/// The only identity needs no name; without any, flags can give one.
#[test]
fn the_only_identity_needs_no_name() {
    let config = parse("[role.a]\n[identity.x]\ncertificate = '/x'\n").unwrap();
    assert_eq!(config.identity(config.role("a").unwrap()).unwrap().name().as_str(), "x");
    let config = parse("[role.a]\n").unwrap();
    assert!(config.identity(config.role("a").unwrap()).is_none());
}

#[test]
fn paths_are_relative_to_the_file_and_expanded() {
    let rows = [
        ("/a/b", "/a/b"),
        ("a/site.pem", "/etc/roles-anywhere/a/site.pem"),
        ("./key", "/etc/roles-anywhere/./key"),
        ("../key", "/etc/roles-anywhere/../key"),
        ("host.pem", "/etc/roles-anywhere/host.pem"),
        ("~/key", "/home/alice/key"),
        ("~", "/home/alice"),
        ("${PKI}/key", "/srv/pki/key"),
        ("./${PKI}/${HOME}", "/etc/roles-anywhere/.//srv/pki//home/alice"),
        ("-", "-"),
        ("fd:3", "fd:3"),
        ("env:KEY", "env:KEY"),
        ("pkcs11:token=a", "pkcs11:token=a"),
        ("./$HOME", "/etc/roles-anywhere/./$HOME"),
    ];
    for (written, expected) in rows {
        let config =
            parse(&format!("[role.a]\n[identity.b]\nprivate-key = '{written}'\n")).unwrap();
        let role = config.role("a").unwrap();
        let layers = config.layers(role).unwrap();
        assert_eq!(layers.value(&identity::PRIVATE_KEY).unwrap().value, expected, "{written}");
    }
    // In other values, nothing is expanded.
    let config = parse("[role.a]\nproxy = 'http://~:${PKI}'\n").unwrap();
    let layers = config.layers(config.role("a").unwrap()).unwrap();
    assert_eq!(layers.value(&transport::PROXY).unwrap().value, "http://~:${PKI}");
}

/// A path that cannot be expanded is a mistake of the roles that use it.
#[test]
fn a_path_of_another_role_does_not_matter() {
    let config = parse(
        r#"
        [defaults]
        ca-bundle = "${NO_SUCH}/ca.pem"
        [role.good]
        identity = "good"
        ca-bundle = "/ca.pem"
        [role.bad]
        identity = "bad"
        [identity.good]
        certificate = "/host.pem"
        [identity.bad]
        certificate = "~bob/host.pem"
        private-key = "hostkey"
        intermediates = "site.pem"
        key-password-file = "${}"
        "#,
    )
    .unwrap();
    assert!(config.layers(config.role("good").unwrap()).is_ok());
    let mistakes = config.layers(config.role("bad").unwrap()).unwrap_err();
    assert_snapshot!(mistakes.lines().collect::<Vec<_>>().join("\n"), @r"
    /etc/roles-anywhere/config.toml:3:9: invalid value for `ca-bundle`: the variable `NO_SUCH` is not set: set it, or write the path in full
    /etc/roles-anywhere/config.toml:12:9: invalid value for `certificate`: `~` is not followed by `/`: write the home directory of another user in full
    /etc/roles-anywhere/config.toml:13:9: invalid value for `private-key`: it may be a secret, as no such file exists and it does not look like a path: if it is a path, write it in full, or as `./NAME` relative to this file
    /etc/roles-anywhere/config.toml:15:9: invalid value for `key-password-file`: `${` does not begin the name of a variable: write `${VAR}`, where VAR is the name of a variable
    ");
}

/// A fallback of the defaults is in the account of their trust anchor.
#[test]
fn trust_anchor_of_a_role_has_no_fallbacks_of_the_defaults() {
    let count = |own: &str| {
        let config = parse(&format!(
            "[defaults]\ntrust-anchor-arn = 't'\nprofile-arn = 'p'\n\
             fallback = [{{ trust-anchor-arn = 't2', profile-arn = 'p2' }}]\n[role.a]\n{own}\n"
        ))
        .unwrap();
        config.role("a").unwrap().fallbacks().len()
    };
    let own = "fallback = [{ trust-anchor-arn = 't3', profile-arn = 'p3' }]";
    let with_own = format!("trust-anchor-arn = 'o'\n{own}");
    let rows = [
        ("", 1),
        ("role-arn = 'r'", 1),
        ("trust-anchor-arn = 'o'", 0),
        ("profile-arn = 'o'", 0),
        (with_own.as_str(), 1),
    ];
    for (own, expected) in rows {
        assert_eq!(count(own), expected, "{own}");
    }
}

#[test]
fn reads_programs_with_their_variables_and_files() {
    let config = parse(
        r#"
        [role.app]
        [exec.web]
        role = "app"
        command = ["./server", "--port=80"]
        [exec.web.env]
        PORT = "80"
        DB_PASSWORD = "sm://prod/db#password"
        [exec.job]
        env.A = ""
        files = { KEY = "sm://k" }
        "#,
    )
    .unwrap();
    let [web, job] = &config.execs().collect::<Vec<_>>()[..] else { panic!() };
    assert_eq!((web.name().as_str(), web.role().unwrap().value), ("web", "app"));
    assert!(job.role().is_none());
    assert_eq!(web.command().map(|it| it.value).collect::<Vec<_>>(), ["./server", "--port=80"]);
    let shown =
        |it: FileVariable<'_>| format!("{}={} {}", it.name, it.value.value, it.value.location);
    let env: Vec<String> = web.env().map(shown).collect();
    assert_eq!(
        env,
        [
            "PORT=80 exec.web.env (/etc/roles-anywhere/config.toml:7)",
            "DB_PASSWORD=sm://prod/db#password exec.web.env (/etc/roles-anywhere/config.toml:8)"
        ]
    );
    let files: Vec<String> = job.env().chain(job.files()).map(shown).collect();
    assert_eq!(
        files,
        [
            "A= exec.job.env (/etc/roles-anywhere/config.toml:10)",
            "KEY=sm://k exec.job.files (/etc/roles-anywhere/config.toml:11)"
        ]
    );
    assert_eq!(
        format!("{:?}", web.env().next().unwrap()),
        format!("{}", web.env().next().unwrap().value.location)
    );
}
