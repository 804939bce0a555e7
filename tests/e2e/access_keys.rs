//! `--from-secret`: the access key that a secret holds, as `credential-process`, `exec`, `export` and `update`
//! hand it out.

use std::fs;

use insta::assert_snapshot;
use roles_anywhere_client::time::Timestamp;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::environment::{CommandOutput, Program, TestEnvironment};

const SECRET: &str = "prod/legacy";
const KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// Puts a new version into a secret, as a rotation does.
fn put(env: &TestEnvironment, name: &str, value: &Value) {
    env.control("POST", "/secrets", &json!({ "name": name, "value": value }));
}

fn pair(id: &str) -> Value {
    json!({ "aws_access_key_id": id, "aws_secret_access_key": KEY })
}

/// Returns an environment with the key `id` in the secret.
fn with_key(id: &str) -> TestEnvironment {
    let env = TestEnvironment::new();
    put(&env, SECRET, &pair(id));
    env
}

/// Returns the seconds until the expiration of a document.
fn seconds_left(document: &Value) -> i64 {
    let end = Timestamp::from_rfc3339(document["Expiration"].as_str().unwrap()).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    end.unix() - i64::try_from(now.as_secs()).unwrap()
}

fn members(document: &Value) -> Vec<&str> {
    document.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn credential_process_prints_the_key_with_an_expiration() {
    let env = with_key("AKIA0");
    let document = env.vend("--from-secret prod/legacy");
    // Without an expiration, SDKs would never ask again; without `AccountId`, they make do.
    assert_eq!(members(&document), ["AccessKeyId", "Expiration", "SecretAccessKey", "Version"]);
    assert_eq!(
        (&document["AccessKeyId"], &document["SecretAccessKey"]),
        (&"AKIA0".into(), &KEY.into())
    );
    assert!((3_590..=3_600).contains(&seconds_left(&document)), "{document}");
    assert_eq!(env.operations(), ["CreateSession", "GetSecretValue"]);
    let document = env.vend("--from-secret prod/legacy --refresh-after 90m");
    assert!((5_390..=5_400).contains(&seconds_left(&document)), "{document}");
    // After a rotation, the next run has the new key.
    put(&env, SECRET, &pair("AKIA1"));
    assert_eq!(env.vend("--from-secret prod/legacy")["AccessKeyId"], "AKIA1");
}

#[test]
fn token_expiration_and_account_are_those_of_the_secret() {
    let env = TestEnvironment::new();
    let value = json!({
        "AccessKeyId": "ASIA0", "SecretAccessKey": KEY, "SessionToken": "token+of/session==",
        "AccountId": "210987654321", "Expiration": "2999-01-01T00:00:00Z",
    });
    put(&env, SECRET, &value);
    let document = env.vend("--from-secret prod/legacy");
    assert_eq!(document["SessionToken"], "token+of/session==");
    assert_eq!(document["AccountId"], "210987654321");
    assert!(seconds_left(&document) <= 3_600, "{document}");
}

#[test]
fn cache_has_the_session_and_no_key() {
    let env = with_key("AKIACACHED").cached();
    for _ in 0..3 {
        env.vend("--from-secret prod/legacy");
    }
    let operations = env.operations();
    assert_eq!(operations[..2], ["CreateSession", "GetSecretValue"]);
    assert_eq!(operations[2..], ["GetSecretValue", "GetSecretValue"], "the session is cached");
    let directory = env.path("run/roles-anywhere");
    let mut files = 0;
    for entry in fs::read_dir(&directory).unwrap() {
        let contents = fs::read(entry.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&contents);
        assert!(!text.contains("AKIACACHED") && !text.contains(KEY), "{text}");
        files += 1;
    }
    assert!(files > 0);
}

#[test]
fn cached_session_that_is_refused_is_replaced() {
    let env = with_key("AKIA0").cached();
    env.vend("--from-secret prod/legacy");
    let code = "ExpiredTokenException";
    let fault = json!({"operation": "GetSecretValue", "status": 400, "code": code});
    let env = env.fault(fault);
    assert_eq!(env.vend("--from-secret prod/legacy")["AccessKeyId"], "AKIA0");
    let sessions = env.operations().iter().filter(|it| *it == "CreateSession").count();
    assert_eq!(sessions, 2);
}

#[test]
fn what_is_no_access_key_is_an_error_without_output() {
    let env = TestEnvironment::new();
    assert_snapshot!(env.fails("credential-process --from-secret prod/db-credentials"), @r"
    $ roles-anywhere credential-process --from-secret prod/db-credentials
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: the secret `prod/db-credentials` cannot be used as an access key
      caused by: there is no member with an access key id
      hint: store a JSON object with the members `aws_access_key_id` and `aws_secret_access_key`, or name another secret with `--from-secret`
    ");
    assert_snapshot!(env.fails("credential-process --from-secret prod/keystore"), @r"
    $ roles-anywhere credential-process --from-secret prod/keystore
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: the secret `prod/keystore` cannot be used as an access key
      caused by: the secret is binary
      hint: store a JSON object with the members `aws_access_key_id` and `aws_secret_access_key`, or name another secret with `--from-secret`
    ");
    assert_snapshot!(env.fails("credential-process --from-secret prod/absent"), @r"
    $ roles-anywhere credential-process --from-secret prod/absent
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused GetSecretValue: 400 ResourceNotFoundException
      caused by: Secrets Manager can't find the specified secret. (request id UUID)
      hint: there is no `prod/absent` in us-east-1 and account 123456789012: check name and Region (`--region`, `?region=`); for another account's secret, pass its ARN
    ");
    let old =
        json!({ "accessKey": "AKIA0", "secretKey": KEY, "expiration": "2015-08-30T12:36:00Z" });
    put(&env, SECRET, &old);
    assert_snapshot!(env.fails("export --from-secret prod/legacy"), @r"
    $ roles-anywhere export --from-secret prod/legacy
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: the secret `prod/legacy` cannot be used as an access key
      caused by: the key expired at 2015-08-30T12:36:00Z
      hint: put a new key into the secret; if the key is still valid, check this machine's clock
    ");
}

#[test]
fn options_of_a_secret_are_checked() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credential-process --refresh-after 2h"), @r"
    $ roles-anywhere credential-process --refresh-after 2h
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: missing required option `--from-secret`
      hint: `--refresh-after` is about the access key in a secret: pass `--from-secret` with the name of that, or remove `--refresh-after`
    ");
    assert_snapshot!(env.fails("credential-process --from-secret a --refresh-after 1d"), @r"
    $ roles-anywhere credential-process --from-secret a --refresh-after 1d
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value `1d` for `--refresh-after`: expected 1m to 12h, such as `60m` or `2h`
    ");
    assert_snapshot!(env.fails("credential-process --from-secret arn:aws:iam::1:role/a"), @r"
    $ roles-anywhere credential-process --from-secret arn:aws:iam::1:role/a
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value `arn:aws:iam::1:role/a` for `--from-secret`
      caused by: expected the ARN of a secret (`secretsmanager secret:…`), got that of `iam role/a`
      hint: check that the ARNs of the trust anchor, the profile and the role are not swapped
    ");
    assert_snapshot!(env.fails_args(&["exec", "--from-secret", "a", "--keep-aws-files", "--", "true"]), @r"
    $ roles-anywhere exec --from-secret a --keep-aws-files -- true
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `--from-secret` and `--keep-aws-files` cannot be used together
      hint: the program gets the key by a configuration file of its own: remove `--keep-aws-files`, or pass `--static`
    ");
    let env = env.var("ROLES_ANYWHERE_KEY_PASSWORD_FD", "3");
    assert_snapshot!(env.fails_args(&["exec", "--from-secret", "a", "--", "true"]), @r"
    $ ROLES_ANYWHERE_KEY_PASSWORD_FD=3 roles-anywhere exec --from-secret a -- true
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `--from-secret` and `ROLES_ANYWHERE_KEY_PASSWORD_FD` cannot be used together
      hint: the program reads it again for each new key, and it can be read only once: pass the path of a file, or `--static`
    ");
}

#[test]
fn region_is_that_of_the_secret() {
    let env = with_key("AKIA0");
    let output = env.run("credential-process --from-secret prod/legacy --region eu-west-1");
    assert_eq!(output.code, 4, "{output}");
    assert!(output.stderr.contains("eu-west-1"), "{output}");
    let described = env.run("secret describe prod/legacy --output json").json();
    let arn = described["ARN"].as_str().unwrap();
    let document = env.run_args(&["credential-process", "--from-secret", arn]).json();
    assert_eq!(document["AccessKeyId"], "AKIA0");
}

#[test]
fn export_removes_the_token_of_a_session() {
    let env = with_key("AKIA0");
    assert_eq!(
        env.run("export --from-secret prod/legacy --format sh").text(),
        format!(
            "unset AWS_SESSION_TOKEN\nunset AWS_CREDENTIAL_EXPIRATION\n\
             export AWS_ACCESS_KEY_ID='AKIA0'\nexport AWS_SECRET_ACCESS_KEY='{KEY}'\n\
             export AWS_REGION='us-east-1'\nexport AWS_DEFAULT_REGION='us-east-1'\n"
        )
    );
}

#[test]
fn export_to_files_replaces_the_token_by_an_empty_value() {
    let env = with_key("AKIA0");
    for format in ["dotenv", "docker"] {
        let text = env.run(&format!("export --from-secret prod/legacy --format {format}")).text();
        assert!(text.contains("\nAWS_SESSION_TOKEN=\n"), "{text}");
        assert!(!text.contains("EXPIRATION"), "{text}");
    }
    let text = env.run("export --from-secret prod/legacy --format systemd").text();
    assert!(text.contains("\nAWS_SESSION_TOKEN=\"\"\n"), "{text}");
    let json = env.run("export --from-secret prod/legacy --format json").json();
    let names = [
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ];
    assert_eq!((members(&json), &json["AWS_SESSION_TOKEN"]), (names.to_vec(), &json!("")));
}

#[test]
fn export_to_later_steps_of_github_replaces_the_token_and_warns_of_an_expiration() {
    let env = with_key("AKIA0");
    let file = env.write("github-env", "");
    let env = env.var("GITHUB_ENV", &file);
    let export = "export --from-secret prod/legacy --format github";
    let output = env.run(export);
    assert_eq!((output.code, &*output.stderr), (0, ""), "{output}");
    let written = fs::read_to_string(&file).unwrap();
    let token = written.split("AWS_SESSION_TOKEN<<").nth(1).unwrap();
    let mut lines = token.lines();
    let delimiter = lines.next();
    assert_eq!((lines.next(), lines.next()), (Some(""), delimiter), "{written}");
    let output = env.var("AWS_CREDENTIAL_EXPIRATION", "2026-01-01T00:00:00Z").run(export);
    assert!(output.stderr.starts_with("warning: AWS_CREDENTIAL_EXPIRATION of an"), "{output}");
}

/// Runs a script of `sh` by `exec` with these options.
fn script(env: &TestEnvironment, options: &[&str], script: &str) -> CommandOutput {
    let words = [&["exec"], options, &["--", "sh", "-c", script]].concat();
    let output = env.run_args(&words);
    assert_eq!(output.code, 0, "{output}");
    output
}

#[test]
fn program_gets_the_key_itself_with_static() {
    let env = with_key("AKIA0").var("AWS_SESSION_TOKEN", "other").var("AWS_PROFILE", "other");
    let output = script(&env, &["--from-secret", SECRET, "--static"], "env | grep ^AWS_ | sort");
    assert_eq!(
        output.stderr,
        "note: the access key of `prod/legacy` is not read again: after a rotation it is another one\n"
    );
    let text = output.text();
    let has = |line: &str| text.lines().any(|it| it == line);
    assert!(
        has("AWS_ACCESS_KEY_ID=AKIA0") && has(&format!("AWS_SECRET_ACCESS_KEY={KEY}")),
        "{text}"
    );
    assert!(!text.contains("AWS_SESSION_TOKEN") && !text.contains("EXPIRATION"), "{text}");
}

/// What the program of `exec` does that an SDK does: it runs the line of `[default]` in another directory.
const RUN_PROCESS: &str = r#"cd /; line=$(sed -n 's/^credential_process = //p' "$AWS_CONFIG_FILE" | head -1)
    sh -c "$line""#;

#[test]
fn program_runs_a_credential_process_of_ours() {
    let env = with_key("AKIA0").cached();
    env.write("home/.aws/config", "[default]\nregion = eu-west-1\naws_access_key_id = AKIAOTHER\n");
    let home = env.path("home");
    let env =
        env.var("HOME", home).without("AWS_CONFIG_FILE").var("AWS_ACCESS_KEY_ID", "AKIAOTHER");
    let options = ["--from-secret", SECRET, "--refresh-after", "2h"];
    let output = script(&env, &options, RUN_PROCESS);
    assert_eq!(output.stderr, "");
    let document = output.json();
    assert_eq!(document["AccessKeyId"], "AKIA0");
    assert!((7_190..=7_200).contains(&seconds_left(&document)), "{document}");
    // It is read once before the program runs, so that an error comes first, with one session.
    assert_eq!(env.operations(), ["CreateSession", "GetSecretValue", "GetSecretValue"]);
    let output = script(&env, &options, r#"cat "$AWS_CONFIG_FILE"; env"#).text();
    assert!(output.starts_with("[default]\ncredential_process = /"), "{output}");
    assert!(output.contains("\nregion = eu-west-1\n") && !output.contains("AKIA"), "{output}");
    assert!(!output.contains(KEY) && !output.contains("AWS_CONTAINER_"), "{output}");
    assert!(output.contains("AWS_SHARED_CREDENTIALS_FILE=/dev/null"), "{output}");
}

#[test]
fn error_of_the_secret_comes_before_the_program() {
    let env = TestEnvironment::new();
    let output = env.run_args(&["exec", "--from-secret", "prod/plain", "--", "echo", "run"]);
    assert_eq!((output.code, output.stdout.len()), (4, 0), "{output}");
    assert!(output.stderr.contains("the value is not a JSON object"), "{output}");
    assert!(!output.stderr.contains("s3cr3t"), "{output}");
}

#[test]
fn program_with_secrets_gets_the_key_if_the_command_line_says_so() {
    let env = with_key("AKIA0");
    let values = ["--env", "A=sm://prod/plain"];
    let found =
        script(&env, &[&values[..], &["--from-secret", SECRET, "--static"]].concat(), "env");
    let found = found.text();
    assert!(found.contains("A=s3cr3t") && found.contains("AWS_ACCESS_KEY_ID=AKIA0"), "{found}");
    let both = [&values[..], &["--from-secret", SECRET]].concat();
    let document = script(&env, &both, RUN_PROCESS).json();
    assert_eq!(document["AccessKeyId"], "AKIA0");
}

/// Returns a program that uses the role `legacy` of a configuration file, and the folder of that.
fn with_role(env: &TestEnvironment, lines: &str) -> (Program, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let variables = env.emulator().environment();
    let value = |name: &str| {
        let found = variables.iter().find(|(it, _)| it == name).unwrap();
        found.1.to_str().unwrap().to_owned()
    };
    let tables = format!(
        "[role.legacy]\ntrust-anchor-arn = \"{}\"\nprofile-arn = \"{}\"\nrole-arn = \"{}\"\n{lines}",
        value("ROLES_ANYWHERE_TRUST_ANCHOR_ARN"),
        value("ROLES_ANYWHERE_PROFILE_ARN"),
        value("ROLES_ANYWHERE_ROLE_ARN"),
    );
    let program = Program::with_config(env.emulator(), folder.path(), &tables);
    let aws = variables.iter().filter(|(name, _)| name.starts_with("AWS_"));
    let program = aws.fold(program, |program, (name, value)| program.base(name, value));
    (program.base("XDG_RUNTIME_DIR", folder.path().join("run")), folder)
}

#[test]
fn role_of_the_configuration_file_names_the_secret() {
    let env = with_key("AKIA0");
    let lines = "from-secret = \"prod/legacy\"\nrefresh-after = \"30m\"\naws-profile = \"old\"\n";
    let (program, folder) = with_role(&env, lines);
    let document = program.run(&["credential-process", "--role", "legacy"]).json();
    assert_eq!(document["AccessKeyId"], "AKIA0");
    assert!((1_790..=1_800).contains(&seconds_left(&document)), "{document}");
    let words = ["exec", "--role", "legacy", "--", "sh", "-c", RUN_PROCESS];
    assert_eq!(program.run(&words).json()["AccessKeyId"], "AKIA0");
    let file = folder.path().join("credentials");
    let file = file.to_str().unwrap();
    let output = program.run(&["update", "--once", "--credentials-file", file]);
    assert_eq!(output.code, 0, "{output}");
    let written = fs::read_to_string(file).unwrap();
    assert!(
        written.starts_with("[old]\n# AKIA0 is the access key of the secret arn:"),
        "{written}"
    );
    // A secret is read with the session of the role.
    let secret = program.run(&["secret", "get", "prod/plain", "--role", "legacy"]);
    assert_eq!(secret.text(), "s3cr3t");
    let shown = program.run(&["config", "show", "--role", "legacy"]).text();
    assert!(shown.contains("prod/legacy") && shown.contains("30m"), "{shown}");
    let checked = program.run(&["config", "check"]);
    assert_eq!(checked.code, 0, "{checked}");
}

#[test]
fn program_with_secrets_may_read_the_aws_files_whatever_its_role_names() {
    let env = with_key("AKIA0");
    let (program, _folder) = with_role(&env, "from-secret = \"prod/legacy\"\n");
    let exec = ["exec", "--role", "legacy", "--keep-aws-files"];
    let reference = ["--env", "A=sm://prod/plain", "--", "sh", "-c", "echo $A"];
    let output = program.run(&[&exec[..], &reference].concat());
    assert_eq!((output.code, output.text().trim()), (0, "s3cr3t"), "{output}");
    for more in [&["--", "true"][..], &["--env", "A=text", "--", "true"]] {
        let output = program.run(&[&exec[..], more].concat());
        assert_eq!(output.code, 2, "{output}");
        assert!(output.stderr.contains("and `--keep-aws-files` cannot be used"), "{output}");
    }
}

#[test]
fn configuration_file_is_checked() {
    let env = TestEnvironment::new();
    let (program, _folder) =
        with_role(&env, "from-secret = \"prod/legacy\"\nrefresh-after = \"1d\"\n");
    let checked = program.run(&["config", "check"]);
    assert_eq!(checked.code, 2, "{checked}");
    assert!(checked.stderr.contains("expected 1m to 12h"), "{checked}");
}

/// Returns the words of an `update --once` of the profile `a` in `file`.
fn update(env: &TestEnvironment, more: &[&str]) -> CommandOutput {
    let file = env.path("credentials");
    let file = file.to_str().unwrap();
    let words = ["update", "--once", "--profile", "a", "--credentials-file", file];
    env.run_args(&[&words, more].concat())
}

#[test]
fn update_replaces_its_own_keys_only() {
    let env = with_key("AKIA0");
    let from_secret = ["--from-secret", SECRET];
    let output = update(&env, &from_secret);
    assert_eq!(output.code, 0, "{output}");
    assert!(
        output.stderr.contains("with the access key `AKIA0` of the secret `prod/legacy`"),
        "{output}"
    );
    let first = env.read("credentials");
    assert!(
        first.ends_with(&format!(
            ", written by roles-anywhere update --from-secret\n\
         aws_access_key_id = AKIA0\naws_secret_access_key = {KEY}\n"
        )),
        "{first}"
    );
    // The next key of the same secret takes its place, without `--force`.
    put(&env, SECRET, &pair("AKIA1"));
    assert_eq!(update(&env, &from_secret).code, 0);
    assert_eq!(env.read("credentials"), first.replace("AKIA0", "AKIA1"));
    // Neither that of another secret does, nor a session.
    put(&env, "prod/other", &pair("AKIA2"));
    for (more, operations) in [(&["--from-secret", "prod/other"][..], 0), (&[], 0)] {
        let before = env.operations().len();
        let output = update(&env, more);
        assert_eq!(output.code, 6, "{output}");
        assert!(output.stderr.contains("contains the long-lived access key `AKIA1`"), "{output}");
        assert_eq!(env.operations().len() - before, operations, "refused before AWS is asked");
    }
    // Nor does it replace a key that it did not write.
    let foreign = "[a]\naws_access_key_id = AKIAMINE\naws_secret_access_key = s\n";
    env.write("credentials", foreign);
    assert_eq!(update(&env, &from_secret).code, 6);
    assert_eq!(env.read("credentials"), foreign);
    assert_eq!(update(&env, &["--from-secret", SECRET, "--force"]).code, 0);
    // A session in its place takes the comment away.
    assert_eq!(update(&env, &["--force"]).code, 0);
    assert!(!env.read("credentials").contains("is the access key"));
    assert_eq!(update(&env, &from_secret).code, 0);
    assert!(!env.read("credentials").contains("aws_session_token"));
}

#[test]
fn daemon_follows_the_secret() {
    let env = with_key("AKIA0");
    let file = env.path("credentials");
    let words = ["update", "--profile", "a", "--credentials-file", file.to_str().unwrap()];
    let daemon = Daemon::start(env.program(), &[&words[..], &["--from-secret", SECRET]].concat());
    let written = daemon.wait_for("profile_written");
    assert_eq!(written["access_key_id"], "AKIA0");
    // It is read within a minute: that is for how long events are waited for.
    put(&env, SECRET, &pair("AKIA1"));
    assert_eq!(daemon.wait_for_nth("access_key_read", 2)["access_key_id"], "AKIA1");
    assert_eq!(daemon.wait_for_nth("profile_written", 2)["access_key_id"], "AKIA1");
    let text = env.read("credentials");
    assert!(text.contains("aws_access_key_id = AKIA1") && !text.contains("AKIA0"), "{text}");
    // A reload reads it at once.
    put(&env, SECRET, &pair("AKIA2"));
    daemon.signal(Signal::HUP);
    assert_eq!(daemon.wait_for_nth("profile_written", 3)["access_key_id"], "AKIA2");
}
