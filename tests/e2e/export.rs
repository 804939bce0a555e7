//! `export`: credentials as variables of shells and files.

use std::fs;

use insta::assert_snapshot;
use serde_json::Value;

use crate::environment::{Program, TestEnvironment, emulator};

/// The variables.
const NAMES: [&str; 6] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
];

/// Returns the variables by `--format json`, from the cache.
fn variables(env: &TestEnvironment) -> Vec<(String, String)> {
    let json = env.run("export --format json").json();
    let text = |name: &&str| json[*name].as_str().unwrap().to_owned();
    let variables: Vec<_> = NAMES.iter().map(|name| ((*name).to_owned(), text(name))).collect();
    assert_eq!(json.as_object().unwrap().len(), NAMES.len());
    variables
}

#[test]
fn prints_the_session_that_credential_process_prints() {
    let env = TestEnvironment::new().cached();
    let session = env.vend("");
    let values: Vec<_> = variables(&env).into_iter().map(|(_, value)| Value::from(value)).collect();
    assert_eq!(values[0], session["AccessKeyId"]);
    assert_eq!(values[1], session["SecretAccessKey"]);
    assert_eq!(values[2], session["SessionToken"]);
    assert_eq!(values[3], session["Expiration"]);
    assert_eq!(values[4..], ["us-east-1", "us-east-1"]);
}

#[test]
fn each_format_holds_the_same_variables() {
    let env = TestEnvironment::new().cached();
    let variables = variables(&env);
    let lines = |line: &dyn Fn(&str, &str) -> String| {
        variables.iter().map(|(name, value)| line(name, value)).collect::<String>()
    };
    let printed = |format: &str| env.run(&format!("export --format {format}")).text();
    assert_eq!(printed("sh"), lines(&|name, value| format!("export {name}='{value}'\n")));
    assert_eq!(printed("fish"), lines(&|name, value| format!("set -gx {name} '{value}'\n")));
    assert_eq!(printed("powershell"), lines(&|name, value| format!("$Env:{name} = '{value}'\n")));
    assert_eq!(printed("cmd"), lines(&|name, value| format!("set \"{name}={value}\"\r\n")));
    for format in ["dotenv", "docker"] {
        assert_eq!(printed(format), lines(&|name, value| format!("{name}={value}\n")));
    }
    assert_eq!(printed("systemd"), lines(&|name, value| format!("{name}=\"{value}\"\n")));
}

#[test]
fn the_default_is_for_the_login_shell() {
    let of = |shell: &str| {
        let env = TestEnvironment::new().cached().var("SHELL", shell);
        env.run("export").text().split(' ').next().unwrap().to_owned()
    };
    assert_eq!(of("/usr/bin/fish"), "set");
    assert_eq!(of("fish"), "set");
    for shell in ["/bin/bash", "", "/opt/fish/bin/zsh", "/bin/nologin"] {
        assert_eq!(of(shell), "export", "{shell}");
    }
}

#[test]
fn unset_needs_no_session() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.run("export --unset"), @r"
    $ roles-anywhere export --unset
    exit code: 0
    ----- stdout -----
    unset AWS_ACCESS_KEY_ID
    unset AWS_SECRET_ACCESS_KEY
    unset AWS_SESSION_TOKEN
    unset AWS_CREDENTIAL_EXPIRATION
    unset AWS_REGION
    unset AWS_DEFAULT_REGION
    ----- stderr -----
    ");
    let fish = env.run("export --unset --format fish").text();
    assert_eq!(fish, NAMES.map(|name| format!("set -e {name}\n")).concat());
    // Nor a configuration file, which could name several roles or have mistakes.
    let env = env.config("a mistake");
    assert_eq!(env.run("export --unset").code, 0);
}

#[test]
fn file_formats_have_no_opposite() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("export --unset --format docker"), @r"
    $ roles-anywhere export --unset --format docker
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `--unset` and `--format docker` cannot be used together
      hint: remove one of them: only a shell can remove variables
    ");
    assert_snapshot!(env.fails("export --unset --format github"), @r"
    $ roles-anywhere export --unset --format github
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `--unset` and `--format github` cannot be used together
      hint: remove one of them: only a shell can remove variables
    ");
}

#[test]
fn github_gets_a_file_and_masks() {
    let env = TestEnvironment::new().cached();
    let variables = variables(&env);
    let file = env.write("github-env", "EARLIER=1");
    let env = env.var("GITHUB_ENV", &file);
    let masks: String =
        variables[..3].iter().map(|(_, value)| format!("::add-mask::{value}\n")).collect();
    let printed = env.run("export --format github");
    assert_eq!((printed.text(), printed.stderr.as_str()), (format!("\n{masks}"), ""));

    let text = fs::read_to_string(&file).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("EARLIER=1"));
    let mut delimiters = Vec::new();
    for (name, value) in &variables {
        let (found, delimiter) = lines.next().unwrap().split_once("<<").unwrap();
        assert_eq!((found, lines.next()), (name.as_str(), Some(value.as_str())));
        assert_eq!(lines.next(), Some(delimiter));
        assert_eq!(delimiter.len(), "ghadelimiter_".len() + 32);
        delimiters.push(delimiter);
    }
    assert_eq!(lines.next(), None);
    delimiters.sort_unstable();
    delimiters.dedup();
    assert_eq!(delimiters.len(), variables.len());
}

#[test]
fn github_needs_its_file() {
    let env = TestEnvironment::new().cached();
    assert_snapshot!(env.fails("export --format github"), @r"
    $ roles-anywhere export --format github
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `--format github` needs the variable `GITHUB_ENV`, which is not set
      hint: run it in a step of GitHub Actions, or pass another format
    ");
    let env = env.var("GITHUB_ENV", "/nonexistent/github-env");
    let output = env.run("export --format github");
    assert_eq!(output.code, 6, "{output}");
    assert!(output.stderr.contains("cannot write `/nonexistent/github-env`"), "{output}");
}

#[test]
fn the_session_is_that_of_the_cache() {
    let emulator = emulator();
    let tool = Program::new(&emulator).cached();
    let printed = [(); 2].map(|()| tool.run(&["export"]).text());
    assert_eq!(printed[0], printed[1]);
    assert_eq!(emulator.requests().len(), 1);
}
