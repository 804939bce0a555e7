//! `exec` with secrets and parameters: in the variables, the files and the arguments of a program.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use roles_anywhere_emulator::{Emulator, Options};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::environment::{CommandOutput, Program, Running, TestEnvironment, host_identity};

const DB: &str = "sm://prod/db-credentials";
const PASSWORD: &str = "correct horse battery staple";

/// Runs a script of `sh` by `exec` with these options.
fn run(env: &TestEnvironment, options: &[&str], script: &str) -> CommandOutput {
    let program = ["--", "sh", "-c", script];
    let words: Vec<&str> = [&["exec"], options, &program].concat();
    env.run_args(&words)
}

#[track_caller]
fn script(env: &TestEnvironment, options: &[&str], script: &str) -> String {
    let output = run(env, options, script);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output}");
    output.text()
}

/// Waits until `condition` holds, which it soon does.
#[track_caller]
fn wait_until(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(30), "it does not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn program_gets_values_and_no_credentials() {
    let env = TestEnvironment::new()
        .var("AWS_PROFILE", "mine")
        .var("AWS_ACCESS_KEY_ID", "AKIAOWN")
        .var("DB_HOST", "inherited")
        .var("SECRET_REFERENCE", "sm://prod/plain");
    let found = script(
        &env,
        &[
            "--env",
            "A=sm://prod/db-credentials#username",
            "--env=B=a b",
            "--from",
            DB,
            "--prefix=DB_",
        ],
        "env",
    );
    let value = |name: &str| {
        found.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
    };
    let expected = [
        ("A", Some("app")),
        ("B", Some("a b")),
        ("DB_HOST", Some("db.internal")),
        ("DB_PASSWORD", Some(PASSWORD)),
        ("DB_PORT", Some("5432")),
        ("SECRET_REFERENCE", Some("sm://prod/plain")),
        ("AWS_PROFILE", Some("mine")),
        ("AWS_ACCESS_KEY_ID", Some("AKIAOWN")),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", None),
        ("AWS_SECRET_ACCESS_KEY", None),
        ("ROLES_ANYWHERE_CERTIFICATE", None),
        ("ROLES_ANYWHERE_EXEC", Some("Workload")),
    ];
    for (name, expected) in expected {
        assert_eq!(value(name).as_deref(), expected, "{name}");
    }
}

/// A service is called once for all references to it.
#[test]
fn parameters_are_read_beside_secrets() {
    let env = TestEnvironment::new();
    let found = script(
        &env,
        &[
            "--env=A=ssm:///prod/db/password",
            "--env=B={{resolve:ssm-secure:/prod/db/password}}:{{resolve:secretsmanager:prod/plain}}",
            "--env=C=ssm:///prod/absent?default=none",
        ],
        "echo \"$A,$B,$C\"",
    );
    assert_eq!(found, "tr0ub4dor,tr0ub4dor:s3cr3t,none\n");
    assert_eq!(env.emulator().requests().len(), 3);
    // Nothing listens there.
    let elsewhere =
        ["--env=A=ssm:///prod/db/password", "--parameters-endpoint", "http://127.0.0.1:1"];
    let output = run(&env, &elsewhere, "true");
    assert_eq!(output.code, 5, "{output}");
}

#[test]
fn credentials_are_given_too_if_they_are_asked_for() {
    let env = TestEnvironment::new().var("AWS_PROFILE", "mine");
    let secret = ["--env", "A=sm://prod/plain"];
    let found = script(&env, &[&secret[..], &["--credentials"]].concat(), "env");
    assert!(found.contains("\nAWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:"), "{found}");
    assert!(found.contains("A=s3cr3t\n") && !found.contains("AWS_PROFILE"), "{found}");
    let output = run(&env, &[&secret[..], &["--static"]].concat(), "env");
    assert!(output.text().contains("\nAWS_ACCESS_KEY_ID=ASIA"), "{output}");
    // A text asks for no secret.
    let found = script(&env, &["--env", "A=text"], "env");
    assert!(found.contains("\nAWS_CONTAINER_CREDENTIALS_FULL_URI="), "{found}");
    assert!(found.contains("A=text\n"), "{found}");
    let refused = ["exec", "--static", "--env", "AWS_PROFILE=x", "--", "true"];
    assert_snapshot!(env.fails_args(&refused), @r"
    $ AWS_PROFILE=mine roles-anywhere exec --static --env AWS_PROFILE=x -- true
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `AWS_PROFILE` in `--env`: the variable cannot be set together with credentials: remove it, or do not pass `--credentials` or `--static`
    ");
}

/// Without a cache, which many containers and jobs of cron do not have.
#[test]
fn program_and_references_have_the_same_session() {
    let env = TestEnvironment::new();
    let options =
        ["--no-cache", "--env", "A=sm://prod/plain", "--env", "B=ssm:///prod/db/password"];
    for more in [&[][..], &["--credentials"], &["--static"]] {
        let before = env.emulator().requests().len();
        let output = run(&env, &[&options[..], more].concat(), "echo $A");
        assert_eq!(output.text(), "s3cr3t\n", "{output}");
        let requests = env.emulator().requests();
        let operations = requests[before..].iter().map(|it| it["operation"].as_str().unwrap());
        let mut operations: Vec<&str> = operations.collect();
        operations.sort_unstable();
        assert_eq!(operations, ["CreateSession", "GetParameters", "GetSecretValue"], "{more:?}");
    }
}

#[test]
fn sources_replace_each_other() {
    let env = TestEnvironment::new().without_role_variables();
    let directory = env.emulator().directory().to_owned();
    let host = host_identity(env.emulator());
    let arns = env.emulator().environment();
    let arn = |name: &str| {
        arns.iter().find(|(it, _)| it == name).map(|(_, value)| value.to_str().unwrap()).unwrap()
    };
    let text = format!(
        "{host}[role.app]\ntrust-anchor-arn = \"{}\"\nprofile-arn = \"{}\"\nrole-arn = \"{}\"\n\
         [exec.web]\nrole = \"app\"\ncommand = [\"sh\", \"-c\", \"env | grep ^V_ | sort; cat $V_F\"]\n\
         env = {{ V_A = \"table\", V_B = \"table\", V_C = \"sm://prod/plain\" }}\n\
         files = {{ V_F = \"sm://prod/plain\" }}\n",
        arn("ROLES_ANYWHERE_TRUST_ANCHOR_ARN"),
        arn("ROLES_ANYWHERE_PROFILE_ARN"),
        arn("ROLES_ANYWHERE_ROLE_ARN"),
    );
    let env = env
        .config(&text)
        .var("V_HOST", "inherited")
        .var("V_E", "{{resolve:secretsmanager:prod/plain}}");
    fs::write(directory.join("app.env"), "# comment\nV_B=file\nV_PORT='80'\nV_K\n").unwrap();
    let file = directory.join("app.env");
    let output = env.run_args(&[
        "exec",
        "--app",
        "web",
        "--env",
        "V_A=typed",
        "--env-file",
        file.to_str().unwrap(),
        "--from",
        DB,
        "--prefix",
        "V_",
        "--resolve-env",
    ]);
    let text = output.text();
    let paths = text.lines().filter(|line| line.starts_with("V_F=/")).count();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("V_F=/")).collect();
    assert_eq!(paths, 1, "{output}");
    assert_eq!(
        lines,
        [
            "V_A=typed",
            "V_B=file",
            "V_C=s3cr3t",
            "V_E=s3cr3t",
            "V_HOST=db.internal",
            "V_PASSWORD=correct horse battery staple",
            "V_PORT=80",
            "V_USERNAME=app",
            "s3cr3t"
        ]
    );
}

#[test]
fn container_of_a_task_definition_gets_its_variables() {
    let env = TestEnvironment::new();
    let arn = env.run("secret get prod/db-credentials --output json").json()["ARN"].clone();
    let arn = arn.as_str().unwrap();
    let task = json!({"containerDefinitions": [{"name": "side"}, {
        "name": "web",
        "environment": [{"name": "V_TEXT", "value": "sm://as-it-is"}],
        "secrets": [
            {"name": "V_KEY", "valueFrom": format!("{arn}:password::")},
            {"name": "V_ALL", "valueFrom": arn},
        ],
    }]});
    let file = env.write("task.json", task.to_string());
    let options = ["--ecs", file.to_str().unwrap(), "--container", "web"];
    let found = script(&env, &options, "env | grep ^V_ | sort");
    let lines: Vec<&str> = found.lines().collect();
    assert!(lines[0].starts_with(r#"V_ALL={"username":"app","#), "{found}");
    let rest = ["V_KEY=correct horse battery staple", "V_TEXT=sm://as-it-is"];
    assert_eq!(lines[1..], rest);
}

#[test]
fn references_in_arguments_are_resolved_only_if_allowed() {
    let env = TestEnvironment::new();
    let words = [
        "--",
        "printf",
        "%s|",
        "sm://prod/plain",
        "sm://prod/none?optional",
        "a{{resolve:secretsmanager:prod/plain}}b",
    ];
    let allowed = env.run_args(&[&["exec", "--allow-args"], &words[..]].concat());
    assert_eq!(allowed.text(), "s3cr3t||as3cr3tb|", "{allowed}");
    let kept = env.run_args(&[&["exec"], &words[..]].concat());
    assert!(kept.text().starts_with("sm://prod/plain|sm://prod/none?optional|a{{"), "{kept}");
}

/// All of them are listed, and the program is not started.
#[test]
fn mistakes_end_the_run_before_the_program() {
    let env = TestEnvironment::new();
    let mark = env.path("started");
    let touch = ["--", "touch", mark.to_str().unwrap()];
    let usage =
        ["exec", "--env", "A=1", "--env=A=2", "--file=B=/etc/hosts", "--prefix=X", "--from=sm://"];
    assert_snapshot!(env.fails_args(&[&usage[..], &touch].concat()), @r"
    $ roles-anywhere exec --env A=1 --env=A=2 --file=B=/etc/hosts --prefix=X --from=sm:// -- touch DIR/started
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: the variables have 4 mistakes
      `--prefix` has no `--from` before it
      invalid value for `--from`: invalid reference: the name is missing
      `A` is given twice in `--env`
      `B` in `--file`: expected `sm://…`, `ssm://…`, `{{resolve:…}}`, or the ARN of a secret or a parameter
    ");
    let missing = [
        "exec",
        "--env=A=sm://prod/none",
        "--env=B=sm://prod/db-credentials#none",
        "--env=C=sm://prod/plain",
    ];
    assert_snapshot!(env.fails_args(&[&missing[..], &touch].concat()), @r"
    $ roles-anywhere exec --env=A=sm://prod/none '--env=B=sm://prod/db-credentials#none' --env=C=sm://prod/plain -- touch DIR/started
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: cannot resolve 2 of 3 references

    `sm://prod/none` (`A`)
      caused by: AWS refused BatchGetSecretValue: ResourceNotFoundException
      caused by: Secrets Manager can't find the specified secret. (request id UUID)
      hint: there is no `prod/none` in us-east-1 and account 123456789012: check name and Region (`--region`, `?region=`); for another account's secret, pass its ARN

    `sm://prod/db-credentials#none` (`B`)
      caused by: there is no member `none` (the object has 4 members)
      hint: check the key, which is case-sensitive, or add `?optional` or `?default=TEXT`
    ");
    let names = ["exec", "--from=sm://prod/db-credentials", "--from=sm://prod/rotated"];
    assert_snapshot!(env.fails_args(&[&names[..], &touch].concat()), @r"
    $ roles-anywhere exec --from=sm://prod/db-credentials --from=sm://prod/rotated -- touch DIR/started
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: the variables have 2 mistakes
      `PASSWORD` is given twice: in member `password` of `sm://prod/db-credentials#*` and in member `password` of `sm://prod/rotated#*`
      `USERNAME` is given twice: in member `username` of `sm://prod/db-credentials#*` and in member `username` of `sm://prod/rotated#*`
    ");
    assert!(!mark.exists());
    let status = run(&env, &["--env=A=sm://prod/plain"], "exit 7");
    assert_eq!(status.code, 7);
    let killed = run(&env, &["--env=A=sm://prod/plain"], "kill -9 $$");
    // By the signal, which no failure of ours is.
    assert_eq!(killed.code, -1, "{killed}");
}

/// Returns the directory of the file in `V`, which the program prints first.
fn started(env: &TestEnvironment, options: &[&str]) -> (Running, PathBuf) {
    let words = [&["exec"], options, &["--", "sh", "-c", "echo $V; exec sleep 600"]].concat();
    let mut running = env.program().clone().spawn(&words);
    let mut line = String::new();
    BufReader::new(running.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let file = PathBuf::from(line.trim());
    (running, file)
}

fn pid(running: &Running) -> i32 {
    i32::try_from(running.id()).unwrap()
}

#[test]
fn file_is_private_in_memory_and_ends_with_the_program() {
    let env = TestEnvironment::new();
    for options in
        [&["--file=V=sm://prod/keystore"][..], &["--file=V=sm://prod/keystore", "--credentials"]]
    {
        let (mut running, file) = started(&env, options);
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o7777;
        let directory = file.parent().unwrap().to_owned();
        assert_eq!((mode(&file), mode(&directory)), (0o400, 0o700));
        assert_eq!(fs::read(&file).unwrap(), (0..=255).collect::<Vec<u8>>());
        assert_eq!(rustix::fs::statfs(&file).unwrap().f_type, 0x0102_1994, "{}", file.display());
        // It has a process of ours that is not its child.
        assert_eq!(children(pid(&running)), [0_i32; 0]);
        kill_process(Pid::from_raw(pid(&running)).unwrap(), Signal::KILL).unwrap();
        running.wait().unwrap();
        wait_until(|| !directory.exists());
    }
}

/// As after a crash of the whole session: the process that removes the directory is killed, too.
#[test]
fn file_is_removed_by_the_next_run() {
    let env = TestEnvironment::new();
    let (mut running, file) = started(&env, &["--file=V=sm://prod/plain"]);
    let keeper = keeper(pid(&running));
    kill_process(Pid::from_raw(keeper).unwrap(), Signal::KILL).unwrap();
    wait_until(|| {
        !Path::new(&format!("/proc/{keeper}/cmdline")).exists() || cmdline(keeper).is_empty()
    });
    kill_process(Pid::from_raw(pid(&running)).unwrap(), Signal::KILL).unwrap();
    running.wait().unwrap();
    assert!(file.exists(), "nothing removes it");
    script(&env, &["--env=A=sm://prod/plain"], "true");
    assert!(!file.exists());
}

fn cmdline(pid: i32) -> String {
    let mut text = Vec::new();
    if let Ok(mut file) = fs::File::open(format!("/proc/{pid}/cmdline")) {
        let _ = file.read_to_end(&mut text);
    }
    String::from_utf8_lossy(&text).replace('\0', " ")
}

/// Returns the numbers of all processes.
fn processes() -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Returns the process that removes the directory of a program.
fn keeper(program: i32) -> i32 {
    let is_keeper =
        |it: &i32| cmdline(*it).trim().ends_with(&format!("private-directory {program}"));
    let keepers: Vec<_> = processes().into_iter().filter(is_keeper).collect();
    assert_eq!(keepers.len(), 1, "{keepers:?}");
    keepers[0]
}

fn children(of: i32) -> Vec<i32> {
    let parent = |pid: i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse::<i32>().ok()
    };
    processes().into_iter().filter(|pid| parent(*pid) == Some(of)).collect()
}

/// Neither in the arguments of any process, nor in the variables of the one that removes the files, nor in
/// what `--debug` prints.
#[test]
fn no_secret_is_in_arguments_in_other_processes_or_in_the_output() {
    let env = TestEnvironment::new();
    let reference = "V=sm://prod/db-credentials#password";
    let (mut running, file) = started(&env, &["--file", reference, "--env", "W=sm://prod/plain"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), PASSWORD);
    for process in processes() {
        let text = cmdline(process);
        assert!(!text.contains(PASSWORD) && !text.contains("s3cr3t"), "{text}");
    }
    let environ = |pid: i32| {
        let bytes = fs::read(format!("/proc/{pid}/environ")).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    // Of the program it is one of its variables.
    assert!(environ(pid(&running)).contains("W=s3cr3t"));
    let of_keeper = environ(keeper(pid(&running)));
    assert!(!of_keeper.contains("s3cr3t") && !of_keeper.contains(PASSWORD), "{of_keeper}");
    running.kill().unwrap();
    running.wait().unwrap();
    let output = run(&env, &["--debug", "--env", reference, "--from", DB], "true");
    assert_eq!(output.code, 0, "{output}");
    assert!(output.stderr.contains("endpoint:"), "{output}");
    assert!(
        !output.stderr.contains(PASSWORD) && !output.stderr.contains("db.internal"),
        "{output}"
    );
}

#[test]
fn five_hundred_variables_and_a_large_value_take_few_calls() {
    // The most that AWS stores in a secret.
    let large = "x".repeat(64 * 1024 - r#"{"text":""}"#.len());
    let mut secrets = serde_json::Map::new();
    for number in 0..50 {
        let members =
            (0..10).map(|member| (format!("k{member}"), json!(format!("{number}-{member}"))));
        secrets.insert(format!("many/{number}"), serde_json::Value::Object(members.collect()));
    }
    secrets.insert("large".to_owned(), json!({ "text": large }));
    let options = Options { secrets: Some(secrets.into()), ..Options::default() };
    let emulator = Emulator::start(options).unwrap();
    let lines = (0..500).map(|at| format!("V{at}=sm://many/{}#k{}\n", at / 10, at % 10));
    let file = emulator.directory().join("many.env");
    fs::write(&file, lines.collect::<String>()).unwrap();
    let program = Program::new(&emulator);
    let script =
        r#"env | grep -c "^V[0-9]*=[0-9]*-[0-9]$"; echo "$V0 $V499"; printf %s "$LARGE" | wc -c"#;
    let words = [
        "exec",
        "--env-file",
        file.to_str().unwrap(),
        "--from=sm://large",
        "--env=LARGE=sm://large",
        "--",
        "sh",
        "-c",
        script,
    ];
    let output = program.run(&words);
    assert_eq!(output.text(), "500\n0-0 49-9\n65536\n", "{output}");
    let requests = emulator.requests();
    let calls = requests.iter().filter(|it| it["operation"] == "BatchGetSecretValue").count();
    // Of 51 secrets, 20 in each.
    assert_eq!(calls, 3, "{requests:?}");
}
