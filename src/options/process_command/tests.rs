//! Which words a program runs `credential-process` with.

use std::any::Any;

use super::*;
use crate::command::exec::{CredentialSource, ExecPlan};
use crate::command::{ALL, PlanInputs, plan};
use crate::test_support::FakeConfigFiles;
use roles_anywhere_client::ports::Environment;

const FILE: &str = r#"[identity.host]
certificate = "/file.pem"
private-key = "/file.key"
[role.legacy]
trust-anchor-arn = "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a"
profile-arn = "arn:aws:rolesanywhere:eu-central-1:123456789012:profile/a"
role-arn = "arn:aws:iam::123456789012:role/One"
from-secret = "prod/legacy"
refresh-after = "2h"
"#;

const ARNS: [&str; 3] = [
    "--trust-anchor-arn=arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a",
    "--profile-arn=arn:aws:rolesanywhere:eu-central-1:123456789012:profile/a",
    "--role-arn=arn:aws:iam::123456789012:role/One",
];

fn planned(words: &[&str], variables: &[(&str, &str)]) -> Result<Vec<String>, String> {
    let home = [("HOME", "/home/u")];
    let variables = home.iter().chain(variables);
    let variables = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let environment = Environment::new(variables);
    let line = ["roles-anywhere", "exec"].iter().chain(words).chain(&["--", "true"]);
    let line: Vec<String> = line.map(|&word| word.to_owned()).collect();
    let files = FakeConfigFiles::one("/home/u/.config/roles-anywhere/config.toml", FILE);
    let inputs = PlanInputs { config_files: &files, ..PlanInputs::of(&environment) };
    let plan: Box<dyn Any> = plan(ALL, &line, &inputs).map_err(|error| error.to_string())?;
    let plan = plan.downcast::<ExecPlan>().expect("a plan of exec");
    let CredentialSource::Secret { process: Some(ProcessCommand(words)), .. } = plan.source else {
        return Err("no command".to_owned());
    };
    let words = words.into_iter().map(|word| match word {
        ProcessWord::Text(text) => text,
        ProcessWord::Path(path) => format!("<{}>", path.display()),
    });
    Ok(words.collect())
}

/// Plans a command line with a certificate in a file, and returns the words after the ARNs' first option.
fn of_flags(words: &[&str], variables: &[(&str, &str)]) -> Result<Vec<String>, String> {
    let all = [&["--from-secret=prod/legacy"], &ARNS[..], words].concat();
    let words = planned(&all, variables)?;
    let is_of_arns = |word: &&String| word.starts_with("arn:") || word.ends_with("-arn");
    Ok(words.iter().filter(|word| !is_of_arns(word)).cloned().collect())
}

#[test]
fn a_role_of_the_file_is_named_with_its_file() {
    let words = planned(&["--role=legacy", "--no-cache"], &[("AWS_CA_BUNDLE", "/ca.pem")]);
    let file = "</home/u/.config/roles-anywhere/config.toml>";
    let expected = [
        "--role",
        "legacy",
        "--config",
        file,
        "--no-cache=true",
        "--from-secret",
        "prod/legacy",
        "--refresh-after",
        "7200s",
    ];
    assert_eq!(words.unwrap(), expected);
}

#[test]
fn paths_are_told_apart_and_our_variables_become_options() {
    let variables = [
        ("ROLES_ANYWHERE_CERTIFICATE", "host.pem"),
        ("ROLES_ANYWHERE_PRIVATE_KEY", "env:HOST_KEY"),
        ("ROLES_ANYWHERE_TIMEOUT", "7"),
        ("AWS_CA_BUNDLE", "ca.pem"),
    ];
    let words = of_flags(&["--debug", "--key-password-file=pw", "--fips=false"], &variables);
    let expected = [
        "--certificate",
        "<host.pem>",
        "--private-key",
        "env:HOST_KEY",
        "--key-password-file",
        "<pw>",
        "--timeout",
        "7",
        "--fips=false",
        "--from-secret",
        "prod/legacy",
        "--refresh-after",
        "3600s",
    ];
    assert_eq!(words.unwrap(), expected);
}

#[test]
fn what_a_later_process_cannot_read_is_refused() {
    let certificate = "--certificate=/host.pem";
    let key = "--private-key=/host.key";
    let both =
        |first: &str, second: &str| format!("`{first}` and `{second}` cannot be used together");
    type Row<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);
    let rows: &[Row<'_>] = &[
        (&["--certificate=-", key], &[], "--certificate"),
        (&["--certificate=/dev/fd/3", key], &[], "--certificate"),
        (&[certificate, "--private-key=fd:3"], &[], "--private-key"),
        (&[certificate, "--private-key=env:ROLES_ANYWHERE_KEY"], &[], "--private-key"),
        (&[certificate, key, "--key-password-fd=3"], &[], "--key-password-fd"),
        (&[certificate, key, "--pkcs8-password=hunter2"], &[], "--pkcs8-password"),
        (
            &[certificate, key],
            &[("ROLES_ANYWHERE_PKCS8_PASSWORD", "hunter2")],
            "ROLES_ANYWHERE_PKCS8_PASSWORD",
        ),
        (&[certificate, key, "--keep-aws-files"], &[], "--keep-aws-files"),
        (
            &[certificate, key],
            &[("ROLES_ANYWHERE_PROXY", "http://u:hunter2@proxy:3128")],
            "ROLES_ANYWHERE_PROXY",
        ),
    ];
    for (words, variables, second) in rows {
        let refused = of_flags(words, variables).unwrap_err();
        assert_eq!(refused, both("--from-secret", second), "{words:?}");
        // The program gets the key itself.
        let statics = [words, &["--static"][..]].concat();
        assert_eq!(of_flags(&statics, variables).unwrap_err(), "no command", "{words:?}");
    }
}

#[test]
fn a_time_without_a_secret_is_refused() {
    let refused =
        planned(&[&["--refresh-after=1h"], &ARNS[..], &["--certificate=/c"]].concat(), &[]);
    assert_eq!(refused.unwrap_err(), "missing required option `--from-secret`");
    let of = |time: &str| of_flags(&["--certificate=/c", "--refresh-after", time], &[]);
    for time in ["1m", "60", "12h", "43200s"] {
        assert!(of(time).is_ok(), "{time}");
    }
    for time in ["59s", "0", "13h", "1d", "1.5h", "forever"] {
        let refused = of(time).unwrap_err();
        assert!(refused.contains("expected 1m to 12h"), "{refused}");
    }
}
