//! What flags and variables mean together.

mod help;
mod options;
mod rejected;

use std::any::Any;
use std::path::PathBuf;

use super::credential_process::CredentialProcess;
use super::secret_get::SecretGetPlan;
use super::update::UpdatePlan;
use super::*;
use crate::command::sign_string::SignString;
use crate::options::session_plan::SessionPlan;
use crate::options::table::Origin;
use crate::options::table::cache::{CACHE_DIR, RUNTIME_DIRECTORY, XDG_RUNTIME_DIR};
use crate::output::waiting::WaitDisplay;
use crate::private_dir::{ConfiguredDir, ParentOwner};
use crate::session_cache::CacheLocation;
use roles_anywhere_client::aws::endpoint::RegionalEndpoint;
use roles_anywhere_client::http::Trust;
use roles_anywhere_client::input_source::InputSource;
use roles_anywhere_client::password::PasswordSource;
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::text::disclosure::Sensitivity;

const ANCHOR: &str = "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a";
const PROFILE: &str = "arn:aws:rolesanywhere:eu-central-1:123456789012:profile/p";
const ROLE: &str = "arn:aws:iam::123456789012:role/R";

fn base() -> Vec<(&'static str, &'static str)> {
    vec![
        ("ROLES_ANYWHERE_CERTIFICATE", "cert.pem"),
        ("ROLES_ANYWHERE_PRIVATE_KEY", "key.pem"),
        ("ROLES_ANYWHERE_TRUST_ANCHOR_ARN", ANCHOR),
        ("ROLES_ANYWHERE_PROFILE_ARN", PROFILE),
        ("ROLES_ANYWHERE_ROLE_ARN", ROLE),
    ]
}

fn resolved(words: &[&str], variables: &[(&str, &str)]) -> Result<Box<dyn Plan>, String> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let environment = Environment::new(base().iter().chain(variables).map(owned));
    plan(ALL, &line(words), &PlanInputs::of(&environment)).map_err(|error| error.to_string())
}

fn line(words: &[&str]) -> Vec<String> {
    ["roles-anywhere"].iter().chain(words).map(|word| (*word).to_owned()).collect()
}

/// Returns the plan of a command, which is a `T`.
fn planned<T: Plan>(words: &[&str], variables: &[(&str, &str)]) -> Result<T, String> {
    let plan: Box<dyn Any> = resolved(words, variables)?;
    Ok(*plan.downcast().expect("it is the plan of this command"))
}

fn process(words: &[&str], variables: &[(&str, &str)]) -> Result<SessionPlan, String> {
    let words = [&["credential-process"], words].concat();
    planned(&words, variables).map(|CredentialProcess { session, .. }| session)
}

fn get(words: &[&str], variables: &[(&str, &str)]) -> Result<RegionalEndpoint, String> {
    let words = [&["secret", "get"], words].concat();
    planned(&words, variables).map(|plan: SecretGetPlan| plan.at)
}

#[test]
fn takes_flags_before_variables_and_the_last_of_a_repeated_flag() {
    let plan = process(
        &["--certificate", "a", "--certificate=b", "--session-duration", "900", "--debug"],
        &[("ROLES_ANYWHERE_SESSION_DURATION", "1800"), ("ROLES_ANYWHERE_DEBUG", "0")],
    )
    .unwrap();
    assert_eq!(
        plan.provider.source.certificate,
        InputSource::parse("b").named_by("--certificate", Sensitivity::Sensitive)
    );
    assert_eq!(plan.provider.session.duration.seconds(), Some(900));
    assert!(plan.debug);
}

#[test]
fn takes_an_empty_value_for_not_given() {
    let plan = process(&["--certificate=", "--intermediates", "", "--debug="], &[]).unwrap();
    let variable = "ROLES_ANYWHERE_CERTIFICATE";
    let certificate = InputSource::parse("cert.pem").named_by(variable, Sensitivity::Sensitive);
    assert_eq!(plan.provider.source.certificate, certificate);
    assert_eq!(plan.provider.source.intermediates, None);
    assert!(!plan.debug);
}

#[test]
fn reads_booleans_as_the_official_helper_does() {
    for (value, debug) in [("true", true), ("1", true), ("false", false), ("F", false)] {
        assert_eq!(process(&[&format!("--debug={value}")], &[]).unwrap().debug, debug);
        assert_eq!(process(&[], &[("ROLES_ANYWHERE_DEBUG", value)]).unwrap().debug, debug);
    }
    assert_eq!(
        process(&[], &[("ROLES_ANYWHERE_DEBUG", "yes")]).unwrap_err(),
        "invalid value for `ROLES_ANYWHERE_DEBUG`: expected `true` or `false`"
    );
    assert_eq!(
        process(&["--key-password-fd", "hunter2"], &[]).unwrap_err(),
        "invalid value for `--key-password-fd`: expected the number of an open file descriptor"
    );
    assert!(
        process(&["--debug", "false"], &[]).unwrap_err().contains("unexpected argument 'false'")
    );
}

#[test]
fn sees_a_flag_that_swallowed_the_next() {
    let error = process(&["--certificate", "--private-key", "--debug"], &[]).unwrap_err();
    assert_eq!(error, "`--certificate` has no value: the next argument is `--private-key`");
}

#[test]
fn names_what_is_missing() {
    let error = process(&[], &[("ROLES_ANYWHERE_ROLE_ARN", "")]).unwrap_err();
    assert_eq!(error, "missing required option `--role-arn`");
}

#[test]
fn a_misspelled_variable_has_the_nearest_one() {
    let names =
        ["PROFIL_ARN", "TRUST_ANCHOR", "ROLE_ARN", "WHATEVER", "PROFILE", "BIN_DIR", "A=\n"];
    let set = names.map(|name| (format!("ROLES_ANYWHERE_{name}"), "a".to_owned()));
    let unknown = unknown_variables(&specs(ALL), &Environment::new(set));
    let found: Vec<_> = unknown.iter().map(|it| (&*it.name, it.nearest)).collect();
    assert_eq!(
        found,
        [
            ("ROLES_ANYWHERE_PROFIL_ARN", Some("ROLES_ANYWHERE_PROFILE_ARN")),
            ("ROLES_ANYWHERE_TRUST_ANCHOR", Some("ROLES_ANYWHERE_TRUST_ANCHOR_ARN")),
            ("ROLES_ANYWHERE_WHATEVER", None),
        ]
    );
}

#[test]
fn refuses_what_is_in_other_regions_and_partitions() {
    let elsewhere = PROFILE.replace("eu-central-1", "us-east-1");
    assert_eq!(
        process(&["--profile-arn", &elsewhere], &[]).unwrap_err(),
        "`--trust-anchor-arn` is in the Region eu-central-1, but `--profile-arn` is in us-east-1"
    );
    assert_eq!(
        process(&["--region", "us-east-1"], &[]).unwrap_err(),
        "`--trust-anchor-arn` is in the Region eu-central-1, but `--region` is in us-east-1"
    );
    assert_eq!(
        process(&["--role-arn", &ROLE.replace("aws", "aws-cn")], &[]).unwrap_err(),
        "`--trust-anchor-arn` is in the partition aws, but `--role-arn` is in aws-cn"
    );
}

#[test]
fn finds_the_endpoint_by_flag_variable_and_region() {
    let endpoint = |words: &[&str], variables: &[(&str, &str)]| {
        process(words, variables).map(|plan| plan.provider.session.endpoint.to_string())
    };
    let ours = ("AWS_ENDPOINT_URL_ROLESANYWHERE", "https://b.example");
    let all = ("AWS_ENDPOINT_URL", "https://c.example");
    assert_eq!(endpoint(&[], &[]).unwrap(), "https://rolesanywhere.eu-central-1.amazonaws.com");
    assert_eq!(
        endpoint(&["--endpoint", "https://a.example"], &[ours]).unwrap(),
        "https://a.example"
    );
    assert_eq!(endpoint(&[], &[ours, all]).unwrap(), "https://b.example");
    assert_eq!(endpoint(&[], &[all]).unwrap(), "https://c.example");
    let ignore = ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
    assert!(endpoint(&[], &[all, ignore]).unwrap().contains("amazonaws"));
    assert_eq!(
        endpoint(&["--fips"], &[]).unwrap(),
        "https://rolesanywhere-fips.eu-central-1.amazonaws.com"
    );
    assert_eq!(
        endpoint(&[], &[("AWS_USE_DUALSTACK_ENDPOINT", "true")]).unwrap(),
        "https://rolesanywhere.eu-central-1.api.aws"
    );
    assert_eq!(
        endpoint(&["--region", "eu-central-1-fips"], &[]).unwrap(),
        "https://rolesanywhere-fips.eu-central-1.amazonaws.com"
    );
    assert_eq!(
        endpoint(&["--fips"], &[all]).unwrap_err(),
        "`AWS_ENDPOINT_URL` and `--fips` cannot be used together"
    );
    assert_eq!(
        endpoint(&["--endpoint", "http://a.example"], &[]).unwrap_err(),
        "invalid value for `--endpoint`"
    );
}

#[test]
fn replaces_the_trusted_roots_by_the_first_that_is_given() {
    let trust = |words: &[&str], variables: &[(&str, &str)]| {
        process(words, variables).unwrap().transport.trust
    };
    let file = |origin: &'static str, path: &str| Trust::File {
        origin: origin.into(),
        path: PathBuf::from(path),
    };
    let aws = ("AWS_CA_BUNDLE", "b");
    let ssl = ("SSL_CERT_FILE", "c");
    assert_eq!(trust(&["--ca-bundle", "a"], &[aws, ssl]), file("--ca-bundle", "a"));
    assert_eq!(trust(&[], &[aws, ssl]), file("AWS_CA_BUNDLE", "b"));
    assert_eq!(trust(&[], &[ssl]), file("SSL_CERT_FILE", "c"));
    assert_eq!(trust(&[], &[]), Trust::System);
    assert_eq!(trust(&["--no-verify-ssl"], &[aws]), Trust::Unverified);
}

#[test]
fn takes_the_proxy_of_the_environment_unless_told() {
    let proxy = |words: &[&str], variables: &[(&str, &str)]| {
        process(words, variables).map(|plan| plan.transport.proxy.map(|proxy| proxy.to_string()))
    };
    let https = ("HTTPS_PROXY", "p:3128");
    let shown = |text: &str| Some(text.to_owned());
    assert_eq!(proxy(&[], &[https]).unwrap(), shown("http://p:3128 (from HTTPS_PROXY)"));
    assert_eq!(
        proxy(&["--proxy", "http://q:1"], &[https]).unwrap(),
        shown("http://q:1 (from --proxy)")
    );
    assert_eq!(proxy(&["--proxy", "none"], &[https]).unwrap(), None);
    assert_eq!(proxy(&["--with-proxy"], &[]).unwrap(), None);
    assert_eq!(proxy(&["--with-proxy=false"], &[https]).unwrap(), None);
    let unusable = ("HTTPS_PROXY", "socks4://p");
    assert_eq!(proxy(&[], &[unusable, ("NO_PROXY", "*")]).unwrap(), None);
    assert!(proxy(&[], &[unusable]).is_err());
    assert!(proxy(&["--with-proxy", "--proxy", "none"], &[]).is_err());
    assert_eq!(proxy(&[], &[unusable]).unwrap_err(), "invalid value for `HTTPS_PROXY`");
}

#[test]
fn refuses_what_the_official_helper_has_and_we_do_not_yet() {
    let rows: [&[&str]; 6] = [
        &["--cert-selector", "x"],
        &["--pkcs11-lib=hunter2"],
        &["--no-tpm-key-password"],
        &["--reuse-pin"],
        &["--certificate", "pkcs11:token=t;pin-value=1234"],
        &["--private-key", "handle:0x81000001"],
    ];
    for words in rows {
        let error = process(words, &[]).unwrap_err();
        assert!(error.contains("is not supported yet"), "{error}");
        assert!(!error.contains("hunter2") && !error.contains("1234"), "{error}");
    }
    assert!(process(&["--reuse-pin=false", "--cert-selector="], &[]).is_ok());
}

#[test]
fn asks_for_the_secret_where_it_is() {
    let arn = "arn:aws:secretsmanager:us-west-2:123456789012:secret:n-AbCdEf";
    assert_eq!(get(&["n"], &[]).unwrap().region.as_str(), "eu-central-1");
    assert_eq!(get(&["n", "--region", "us-west-2"], &[]).unwrap().region.as_str(), "us-west-2");
    assert_eq!(get(&[arn], &[]).unwrap().region.as_str(), "us-west-2");
    assert_eq!(
        get(&[arn, "--region", "us-east-1"], &[]).unwrap_err(),
        "`NAME|ARN` is in the Region us-west-2, but `--region` is in us-east-1"
    );
    assert_eq!(
        get(&["n", "--region", "cn-north-1"], &[]).unwrap_err(),
        "`--role-arn` is in the partition aws, but `--region` is in aws-cn"
    );
    assert!(get(&[""], &[]).unwrap_err().contains("the name or the ARN of a secret"));
}

#[test]
fn keeps_the_endpoints_of_session_and_secret_apart() {
    let words = ["secret", "get", "n", "--endpoint", "https://a.example", "--region", "us-west-2"];
    let SecretGetPlan { session, at, .. } = planned(&words, &[]).unwrap();
    assert_eq!(session.provider.session.endpoint.to_string(), "https://a.example");
    assert_eq!(session.provider.session.region.as_str(), "eu-central-1");
    let own = "https://secretsmanager.us-west-2.amazonaws.com";
    assert_eq!(at.endpoint.to_string(), own);
    let called = session.endpoints.iter().chain(&session.called);
    let called: Vec<String> = called.map(ToString::to_string).collect();
    assert_eq!(called, ["https://a.example", own]);
    let flag = ["n", "--secrets-endpoint", "https://b.example"];
    let variable = [("AWS_ENDPOINT_URL_SECRETS_MANAGER", "https://c.example")];
    assert_eq!(get(&flag, &variable).unwrap().endpoint.to_string(), "https://b.example");
    assert_eq!(get(&["n"], &variable).unwrap().endpoint.to_string(), "https://c.example");
}

#[test]
fn refuses_a_member_of_a_json_document() {
    let error = get(&["n", "--key", "k", "--output", "json"], &[]).unwrap_err();
    assert_eq!(error, "`--key` and `--output json` cannot be used together");
    assert!(get(&["n", "--output", "yaml"], &[]).is_err());
}

#[test]
fn refuses_empty_values_of_options_that_narrow_what_is_handed_out() {
    for flag in ["--key", "--out", "--version-id", "--version-stage", "--output"] {
        assert!(
            get(&["n", flag, ""], &[])
                .unwrap_err()
                .starts_with(&format!("`{flag}` is empty: expected "))
        );
        let swallowed = get(&["n", flag, "--debug"], &[]).unwrap_err();
        assert!(swallowed.contains("has no value: the next argument is `--debug`"), "{swallowed}");
    }
}

#[test]
fn refuses_a_variable_that_is_not_text() {
    let environment =
        Environment::new([("HTTPS_PROXY".to_owned(), "http://\u{10fffc}".to_owned())]);
    let words = line(&["version"]);
    let outcome = plan(ALL, &words, &PlanInputs::of(&environment));
    let Err(CommandLineError::Usage(error)) = outcome else { panic!("it is accepted") };
    assert_eq!(error, UsageError::NotUtf8("HTTPS_PROXY".to_owned()));
    let error = process(&["--pkcs8-password", "\u{10fffc}"], &[]).unwrap_err();
    assert!(error.contains("the value of `--pkcs8-password` is not valid UTF-8"), "{error}");
    assert!(get(&["\u{10fffc}"], &[]).unwrap_err().contains("is not valid UTF-8"));
}

#[test]
#[cfg(unix)]
fn takes_paths_that_are_not_text() {
    use std::os::unix::ffi::OsStrExt;
    let trust = |words: &[&str], variables: &[(&str, &str)]| {
        process(words, variables).unwrap().transport.trust
    };
    let name = "schl\u{10fffc}ssel";
    let path = std::path::Path::new(std::ffi::OsStr::from_bytes(b"schl\xfcssel"));
    let file = |origin: &'static str| Trust::File { origin: origin.into(), path: path.to_owned() };
    assert_eq!(trust(&["--ca-bundle", name], &[]), file("--ca-bundle"));
    assert_eq!(trust(&[], &[("SSL_CERT_FILE", name)]), file("SSL_CERT_FILE"));
    assert_eq!(InputSource::parse(name), InputSource::file(path));
}

#[test]
fn takes_the_password_from_one_place() {
    let words = ["--key-password-file", "f", "--pkcs8-password", "hunter2"];
    let error = process(&words, &[]).unwrap_err();
    assert_eq!(error, "`--key-password-file` and `--pkcs8-password` cannot be used together");
    let variables = [("CREDENTIALS_DIRECTORY", "/run/credentials/a")];
    let plan: SignString = planned(&["sign-string", "--private-key", "k"], &variables).unwrap();
    let PasswordSource::Default { credential: Some(place) } = plan.password else {
        panic!("{:?}", plan.password)
    };
    let path = "/run/credentials/a/roles-anywhere-key-password";
    assert_eq!(
        place,
        InputSource::parse(path).named_by("CREDENTIALS_DIRECTORY", Sensitivity::Public)
    );
}

#[test]
fn bounds_the_timeout() {
    assert_eq!(process(&[], &[]).unwrap().timeout.as_secs(), 20);
    assert_eq!(process(&["--timeout", "3"], &[]).unwrap().timeout.as_secs(), 3);
    for value in ["0", "601", "-1", "soon"] {
        assert!(process(&["--timeout", value], &[]).is_err());
    }
}

#[test]
fn keeps_sessions_where_they_are_this_users_alone_unless_told_otherwise() {
    let run = ("XDG_RUNTIME_DIR", "/run/user/1");
    let service = ("RUNTIME_DIRECTORY", "/run/a:/run/b");
    let no_cache = ("ROLES_ANYWHERE_NO_CACHE", "1");
    let cache_dir = ("ROLES_ANYWHERE_CACHE_DIR", "/c");
    let directory = |path: &str, origin, parent_owner| {
        CacheLocation::Dir(ConfiguredDir { path: path.into(), origin, parent_owner })
    };
    let flag = || Origin::Flag(&CACHE_DIR);
    let variable = Origin::variable(&CACHE_DIR);
    let at = |path: &str, origin| directory(path, origin, ParentOwner::AnyUser);
    let within = |path: &str, row| directory(path, Origin::variable(row), ParentOwner::ThisUser);
    type Row<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], CacheLocation);
    let rows: [Row<'_>; 11] = [
        (&[], &[], CacheLocation::Disabled),
        (&[], &[run], within("/run/user/1/roles-anywhere", &XDG_RUNTIME_DIR)),
        (&[], &[run, service], within("/run/a/roles-anywhere", &RUNTIME_DIRECTORY)),
        (&[], &[("XDG_RUNTIME_DIR", "relative")], CacheLocation::Disabled),
        (&[], &[run, cache_dir], at("/c", variable)),
        (&["--cache-dir", "d"], &[run, cache_dir], at("d", flag())),
        (&["--no-cache"], &[run], CacheLocation::Disabled),
        (
            &["--no-cache=false"],
            &[run, no_cache],
            within("/run/user/1/roles-anywhere", &XDG_RUNTIME_DIR),
        ),
        (&[], &[run, no_cache], CacheLocation::Disabled),
        (&["--no-cache"], &[cache_dir], CacheLocation::Disabled),
        (&["--cache-dir", "d"], &[no_cache], at("d", flag())),
    ];
    for (words, variables, wanted) in rows {
        assert_eq!(process(words, variables).unwrap().cache, wanted, "{words:?} {variables:?}");
    }
    assert!(process(&["--no-cache", "--cache-dir", "d"], &[]).is_err());
    assert!(process(&[], &[no_cache, cache_dir]).is_err());
}

#[test]
fn takes_socks_proxies_from_https_proxy_and_ignores_them_in_all_proxy() {
    let proxy = |variables: &[(&str, &str)]| {
        let shown = |plan: SessionPlan| plan.transport.proxy.map(|proxy| proxy.to_string());
        process(&[], variables).map(shown)
    };
    for value in ["socks://127.0.0.1:1080/", "SOCKS5://p:1080", "socks5h://p", "socks4a://p"] {
        for name in ["ALL_PROXY", "all_proxy"] {
            assert_eq!(proxy(&[(name, value)]), Ok(None), "{name}={value}");
        }
    }
    let rows = [
        ("socks5://me:hunter2@p:1081", "socks5://p:1081 (from HTTPS_PROXY)"),
        ("socks5h://p", "socks5h://p:1080 (from HTTPS_PROXY)"),
    ];
    for (value, shown) in rows {
        let variables = [("HTTPS_PROXY", value), ("ALL_PROXY", "socks://q")];
        assert_eq!(proxy(&variables), Ok(Some(shown.to_owned())));
    }
    assert!(proxy(&[("HTTPS_PROXY", "socks://p:1080")]).is_err());
    assert_eq!(
        proxy(&[("ALL_PROXY", "http://p")]),
        Ok(Some("http://p:80 (from ALL_PROXY)".to_owned()))
    );
}

/// The file that `update` writes.
fn written(words: &[&str], variables: &[(&str, &str)]) -> Result<PathBuf, String> {
    let plan = planned(&[&["update"], words].concat(), variables);
    plan.map(|plan: UpdatePlan| plan.roles[0].plan.update.file.clone())
}

#[test]
fn expands_the_home_directory_where_sdks_do() {
    let shared = "AWS_SHARED_CREDENTIALS_FILE";
    let home = ("HOME", "/home/me");
    assert_eq!(written(&[], &[(shared, "~/c"), home]), Ok(PathBuf::from("/home/me/c")));
    assert_eq!(written(&[], &[(shared, "~//c"), home]), Ok(PathBuf::from("/home/me//c")));
    assert_eq!(written(&[], &[home]), Ok(PathBuf::from("/home/me/.aws/credentials")));
    let named = written(&["--credentials-file", "./~/c"], &[home]);
    assert_eq!(named, Ok(PathBuf::from("./~/c")));
}

/// It would become a file or a directory of that name where the process runs.
#[test]
fn creates_nothing_under_a_name_that_a_shell_would_have_expanded() {
    let shared = "AWS_SHARED_CREDENTIALS_FILE";
    let refusal = |origin: &str, prefix: &str| {
        format!("invalid value for `{origin}`: the `{prefix}` at its start was not expanded")
    };
    for (value, prefix) in [
        ("~/c", "~"),
        ("~", "~"),
        ("~me/c", "~"),
        ("$HOME/c", "$"),
        ("${XDG_RUNTIME_DIR}/c", "$"),
        ("$(pwd)/c", "$"),
    ] {
        assert_eq!(written(&[], &[(shared, value)]), Err(refusal(shared, prefix)), "{value}");
        for (command, option) in [
            ("update", "--credentials-file"),
            ("serve", "--token-file"),
            ("credential-process", "--cache-dir"),
        ] {
            let outcome = resolved(&[command, option, value], &[("HOME", "/home/me")]);
            assert_eq!(outcome.err(), Some(refusal(option, prefix)), "{option} {value}");
        }
        let outcome = resolved(&["secret", "get", "s", "--out", value], &[]);
        assert_eq!(outcome.err(), Some(refusal("--out", prefix)), "{value}");
        let variable = "ROLES_ANYWHERE_CACHE_DIR";
        let outcome = resolved(&["cache", "clear"], &[(variable, value)]);
        assert_eq!(outcome.err(), Some(refusal(variable, prefix)), "{value}");
    }
    assert_eq!(written(&["--credentials-file", "$1"], &[]), Ok(PathBuf::from("$1")));
}

#[test]
fn only_commands_for_people_show_a_line_while_they_wait() {
    let json = ("ROLES_ANYWHERE_ERROR_FORMAT", "json");
    let debug = ("ROLES_ANYWHERE_DEBUG", "1");
    let once = ["update", "--once", "--credentials-file=a"];
    let get = ["secret", "get", "a"];
    let shown = |words: &[&str], variables: &[(&str, &str)]| {
        let session = match words {
            ["secret", ..] => planned(words, variables).map(|plan: SecretGetPlan| plan.session),
            _ => {
                planned(words, variables).map(|plan: UpdatePlan| plan.roles[0].plan.session.clone())
            }
        };
        session.unwrap().waiting == WaitDisplay::Line
    };
    for words in [&once[..], &get] {
        assert!(shown(words, &[("TERM", "xterm")]) && shown(words, &[]), "{words:?}");
        assert!(!shown(words, &[json]) && !shown(words, &[debug]), "{words:?}");
        assert!(!shown(words, &[("TERM", "dumb")]), "{words:?}");
        assert!(!shown(&[words, &["--error-format=json"]].concat(), &[]), "{words:?}");
        assert!(!shown(&[words, &["--debug"]].concat(), &[]), "{words:?}");
    }
    assert!(!shown(&[&once[..], &["--quiet"]].concat(), &[]));
    assert!(!shown(&["update", "--credentials-file=a"], &[]));
    assert_eq!(process(&[], &[]).unwrap().waiting, WaitDisplay::Nothing);
}
