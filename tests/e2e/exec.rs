//! `exec`: another program with our credentials, and with nothing else of ours.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::environment::{CommandOutput, TestEnvironment};

/// Runs a script of `sh` by `exec`, which has to succeed.
#[track_caller]
fn script(env: &TestEnvironment, options: &str, script: &str) -> String {
    let options = options.split_whitespace();
    let arguments: Vec<&str> =
        ["exec"].into_iter().chain(options).chain(["--", "sh", "-c", script]).collect();
    let output = env.run_args(&arguments);
    assert_eq!(output.code, 0, "{output}");
    output.text()
}

/// Returns an environment whose user has other credentials in every place.
fn with_other_credentials() -> TestEnvironment {
    let env = TestEnvironment::new();
    env.write(
        "home/.aws/config",
        "[default]\n# AKIAOLD\naws_access_key_id = AKIAOTHER\ncredential_process = /opt/vend\n\
         region = eu-west-1\noutput = json\n[profile a]\nrole_arn = arn:aws:iam::1:role/R\n",
    );
    let home = env.path("home");
    [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SECURITY_TOKEN",
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "BOTO_CONFIG",
    ]
    .into_iter()
    .fold(env, |env, name| env.var(name, "other"))
    .var("HOME", home)
    .without("AWS_CONFIG_FILE")
    .without("AWS_SHARED_CREDENTIALS_FILE")
}

fn value<'a>(environment: &'a str, name: &str) -> Option<&'a str> {
    environment.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
}

#[test]
fn program_gets_these_credentials_and_no_others() {
    let env = with_other_credentials();
    let found = script(&env, "--static", "env");
    let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
    assert!(value(&found, names[0]).unwrap().starts_with("ASIA"));
    assert!(names.iter().all(|name| value(&found, name).is_some_and(|it| it != "other")));
    assert!(value(&found, "AWS_CREDENTIAL_EXPIRATION").unwrap().ends_with('Z'));
    assert!(!found.contains("=other"), "{found}");
    let ours: Vec<_> = found.lines().filter(|it| it.starts_with("ROLES_ANYWHERE_")).collect();
    assert_eq!(ours, ["ROLES_ANYWHERE_EXEC=Workload"]);

    let found = script(&env, "", "env");
    assert!(!found.contains("=other"), "{found}");
    assert!(names.iter().all(|name| value(&found, name).is_none()), "{found}");
    let url = value(&found, "AWS_CONTAINER_CREDENTIALS_FULL_URI").unwrap();
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    assert!(value(&found, "AWS_CONTAINER_AUTHORIZATION_TOKEN").unwrap().len() >= 32);
}

#[test]
fn program_gets_a_copy_of_the_configuration_without_credentials() {
    let env = with_other_credentials();
    for options in ["--static", ""] {
        let found = script(
            &env,
            options,
            r#"cat "$AWS_CONFIG_FILE"; stat -c %a "$AWS_CONFIG_FILE"; echo "$AWS_CONFIG_FILE"
               echo "$AWS_SHARED_CREDENTIALS_FILE""#,
        );
        let (copy, rest) = found.split_at(found.find("400\n").unwrap());
        // The profile `a` had a role: without it, this would answer for it.
        assert_eq!(copy, "[default]\nregion = eu-west-1\noutput = json\n");
        let lines: Vec<&str> = rest.lines().collect();
        assert!(Path::new(lines[1]).starts_with(env.path("run")), "{}", lines[1]);
        assert_eq!((lines.len(), lines[2]), (3, "/dev/null"));
    }
    let kept = script(&env, "--static --keep-aws-files", "env");
    assert_eq!(value(&kept, "AWS_CONFIG_FILE"), None, "{kept}");
    assert_eq!(value(&kept, "AWS_SHARED_CREDENTIALS_FILE"), None);
    assert!(kept.contains("AWS_ACCESS_KEY_ID=ASIA"), "keys win over files: {kept}");
}

#[test]
fn copy_is_removed_by_the_next_run() {
    let env = with_other_credentials();
    let copies = || {
        let entries = fs::read_dir(env.path("run/roles-anywhere")).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.join("aws-config").exists()).collect::<Vec<PathBuf>>()
    };
    script(&env, "--static", "true");
    let first = copies();
    let inner = script(&env, "--static", r#"ls "${AWS_CONFIG_FILE%/*/*}""#);
    let second = copies();
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_ne!(first, second);
    assert!(inner.contains(second[0].file_name().unwrap().to_str().unwrap()), "{inner}");
}

#[test]
fn without_a_configuration_file_there_is_no_copy() {
    let env = TestEnvironment::new().without("AWS_CONFIG_FILE");
    let found = script(&env, "--static", "env");
    assert_eq!(value(&found, "AWS_CONFIG_FILE"), Some("/dev/null"));
    assert_eq!(value(&found, "BOTO_CONFIG"), None);
    env.write("home/.boto", "[Credentials]\naws_access_key_id = AKIAOTHER\n");
    let home = env.path("home");
    let found = script(&env.var("HOME", home), "--static", "env");
    assert_eq!(value(&found, "BOTO_CONFIG"), Some("/dev/null"));
}

#[test]
fn configuration_that_cannot_be_read_is_an_error() {
    let env = TestEnvironment::offline();
    let directory = env.path("home/.aws/config");
    fs::create_dir_all(&directory).unwrap();
    let env = env.var("AWS_CONFIG_FILE", directory);
    assert_snapshot!(env.fails("exec true"), @r"
    $ AWS_CONFIG_FILE=DIR/home/.aws/config roles-anywhere exec true
    exit code: 6
    ----- stdout -----
    ----- stderr -----
    error: cannot read `DIR/home/.aws/config` (from AWS_CONFIG_FILE)
      caused by: Is a directory (os error 21)
      hint: pass the path of a regular file
      hint: pass `--keep-aws-files` if the program should read it itself
    ");
}

#[test]
fn region_of_the_caller_counts() {
    let env = TestEnvironment::new().without("AWS_REGION").without("AWS_DEFAULT_REGION");
    let print = r#"echo "$AWS_REGION $AWS_DEFAULT_REGION""#;
    assert_eq!(script(&env, "--static", print), "us-east-1 us-east-1\n");
    let env = env.var("AWS_DEFAULT_REGION", "eu-west-3");
    assert_eq!(script(&env, "--static", print), "eu-west-3 eu-west-3\n");
}

#[test]
fn words_after_the_program_belong_to_it() {
    let env = TestEnvironment::new();
    for line in [
        "exec --static printf %s| --help --role -- --static=2 -h",
        "exec --static -- printf %s| --help --role -- --static=2 -h",
        "exec --static printf %s| --help --role -- --static=2 -h --error-format=x",
    ] {
        let output = env.run(line);
        let expected = line.split_once("%s|").unwrap().1.trim().replace(' ', "|") + "|";
        assert_eq!((output.code, output.text()), (0, expected), "{output}");
    }
    let output = env.run_args(&["exec", "--static", "--", "printf", "%s|", "", " ", "a\nb"]);
    assert_eq!(output.text(), "| |a\nb|");
}

#[test]
fn arguments_and_variables_are_any_bytes() {
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    let odd = std::ffi::OsString::from_vec(b"\xff=\xf4\x8f\xbf\xbf".to_vec());
    let env = TestEnvironment::new().var("ODD", &odd);
    let script =
        env.write("print", [b"printf %s ", odd.as_bytes(), b" \"$ODD\" \"$1\"\n"].concat());
    let path = env.path(std::ffi::OsStr::from_bytes(b"\xfe"));
    fs::rename(script, &path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    // The program of the test takes text only, so a shell passes these words.
    let env = env.map(|program| {
        program.launched_by(&[
            "sh",
            "-c",
            r#"odd=$ODD; exec "$1" exec --static -- "$2"/* "$odd""#,
            "sh",
        ])
    });
    let folder = env.path("odd");
    fs::create_dir(&folder).unwrap();
    fs::rename(path, folder.join(std::ffi::OsStr::from_bytes(b"\xfe"))).unwrap();
    let output = env.run_args(&[folder.to_str().unwrap()]);
    assert_eq!(output.stdout, [odd.as_bytes(); 3].concat(), "{output}");
}

#[test]
fn variables_keep_their_order() {
    let env = TestEnvironment::new().var("ZZ", "1").var("AWS_PROFILE", "x").var("AA", "2");
    let names = |text: String| {
        text.lines().map(|it| it.split('=').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let after = names(env.run("exec --static env").text());
    let before = names(env.program().clone().called(Path::new("/usr/bin/env")).run(&[]).text());
    let kept: Vec<String> = before.into_iter().filter(|name| after.contains(name)).collect();
    assert!(kept.len() > 5 && after.starts_with(&kept), "{after:?} {kept:?}");
}

/// Limits, ignored and blocked signals, and open files, as the caller may set them.
const CALLER: &[&str] = &[
    "prlimit",
    "--core=4096:8192",
    "--nofile=200:300",
    "env",
    "--ignore-signal=PIPE,XFSZ,HUP",
    "--block-signal=USR1",
];
const PLAIN_CALLER: &[&str] = &["prlimit", "--core=0:8192", "env", "--default-signal"];

#[test]
fn program_runs_as_if_it_was_run_by_the_caller() {
    const SHOW: &str =
        "grep -E '^(Sig(Blk|Ign|Cgt)|Umask|PPid|NoNewPrivs|Threads)' /proc/self/status
        cat /proc/self/limits; ls /proc/self/fd; echo $PPID; pwd; echo \"$0 $1\"";
    let env = TestEnvironment::new();
    let parent = std::process::id().to_string();
    for launcher in [CALLER, PLAIN_CALLER] {
        let run = |program: crate::environment::Program, arguments: &[&str]| {
            let output = program.launched_by(launcher).run(arguments);
            assert_eq!(output.code, 0, "{output}");
            let lines = output.text();
            // The parent of `grep` is the shell, whose number is another one in every run.
            let lines = lines.lines().filter(|line| !line.starts_with("PPid"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let direct = env.program().clone().called(Path::new("/bin/sh"));
        let expected = run(direct, &["-c", SHOW, "zero", "one"]);
        assert!(expected.contains(&parent), "the parent is this process: {expected:?}");
        for options in [&["--static"][..], &[]] {
            let arguments = [&["exec"], options, &["--", "sh", "-c", SHOW, "zero", "one"]].concat();
            assert_eq!(run(env.program().clone(), &arguments), expected, "{options:?}");
        }
    }
}

#[test]
fn program_takes_the_place_of_this_process() {
    // By commands of the shell itself, so that it has no children of its own.
    const SHOW: &str = "read -r list </proc/$$/task/$$/children; echo $$ $list; exit 7";
    let env = TestEnvironment::new();
    for options in [&["--static"][..], &[]] {
        let child = env.program().spawn(&[&["exec"], options, &["sh", "-c", SHOW]].concat());
        let pid = child.id().to_string();
        let output = CommandOutput::of(child);
        let (code, shown) = (output.code, output.text());
        assert_eq!((code, shown.trim_end()), (7, &*pid), "{options:?}: {output}");
    }
}

#[test]
fn program_that_does_not_exist_costs_no_session() {
    let env = TestEnvironment::new().var("ROLES_ANYWHERE_ERROR_FORMAT", "text");
    assert_snapshot!(env.fails("exec --static nosuch --help"), @r"
    $ ROLES_ANYWHERE_ERROR_FORMAT=text roles-anywhere exec --static nosuch --help
    exit code: 127
    ----- stdout -----
    ----- stderr -----
    error: cannot find the program `nosuch` in `PATH`
      hint: check the name, or pass the path of the program; pass built-ins and aliases of a shell by `sh -c '…'`, and a role by `--role NAME`
    ");
    assert_snapshot!(env.fails("exec ./no/such"), @r"
    $ ROLES_ANYWHERE_ERROR_FORMAT=text roles-anywhere exec ./no/such
    exit code: 127
    ----- stdout -----
    ----- stderr -----
    error: cannot find the program `./no/such`
      hint: check the path of the program
    ");
    assert_snapshot!(env.fails_args(&["exec", "--", ""]), @r"
    $ ROLES_ANYWHERE_ERROR_FORMAT=text roles-anywhere exec -- ''
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: the program is missing
      hint: name it after `--`, or leave out `--` for a shell; a variable in its place may be empty
    ");
    assert_eq!(env.emulator().requests(), [Value::Null; 0]);
}

#[test]
fn program_that_cannot_be_executed_ends_as_in_a_shell() {
    let env = TestEnvironment::new();
    let plain = env.write("plain", "");
    let lost = env.write("lost", "#!/no/such/interpreter\n");
    let binary = env.write("binary", b"\x7fELF\0\0\0\0");
    for path in [&lost, &binary] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let run = |path: &Path| env.run_args(&["exec", "--static", path.to_str().unwrap()]);
    assert_snapshot!(run(&plain).failed(), @r"
    $ roles-anywhere exec --static DIR/plain
    exit code: 126
    ----- stdout -----
    ----- stderr -----
    error: cannot run the program `DIR/plain`
      caused by: Permission denied (os error 13)
      hint: make it executable with `chmod +x`, unless its file system is mounted with `noexec`
    ");
    assert_snapshot!(run(&env.path("")).failed(), @r"
    $ roles-anywhere exec --static DIR/
    exit code: 126
    ----- stdout -----
    ----- stderr -----
    error: cannot run the program `DIR/`: it is a directory
      hint: pass the path of a program
    ");
    let output = run(&lost);
    assert_eq!(output.code, 127, "{output}");
    assert!(output.stderr.contains("its interpreter does not exist"), "{output}");
    // The shell that runs a file without `#!` refuses it.
    let output = run(&binary);
    let direct = Command::new("/bin/sh").arg(&binary).output().unwrap();
    assert_eq!(Some(output.code), direct.status.code(), "{output}");
    let (note, rest) = output.stderr.split_once('\n').unwrap();
    assert!(note.starts_with("note: "), "{output}");
    assert_eq!(rest, String::from_utf8_lossy(&direct.stderr));
}

#[test]
fn script_without_an_interpreter_is_run_by_sh() {
    let env = TestEnvironment::new();
    let path = env.write("greet", "echo \"hello $1\"; exit 5\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let output = env.run_args(&["exec", "--static", path.to_str().unwrap(), "--flag"]);
    assert_eq!((output.code, output.text().as_str()), (5, "hello --flag\n"), "{output}");
}

#[test]
fn exit_code_of_a_program_that_is_not_run_stays_without_a_reader_of_errors() {
    let env = TestEnvironment::new();
    let path = env.write("script", "#!/no/such/interpreter\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let mut child = env.program().spawn(&["exec", "--static", path.to_str().unwrap()]);
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(127));
}

#[test]
fn without_a_program_the_shell_is_run() {
    let env = TestEnvironment::new();
    let shell = env.write("shell", "#!/bin/sh\necho \"shell $# $ROLES_ANYWHERE_EXEC\"\n");
    fs::set_permissions(&shell, fs::Permissions::from_mode(0o755)).unwrap();
    for line in ["exec --static", "exec"] {
        let output =
            env.program().clone().set("SHELL", &shell).run(&line.split(' ').collect::<Vec<_>>());
        assert_eq!((output.code, output.text().as_str()), (0, "shell 0 Workload\n"), "{output}");
    }
    let output = env.stdin("echo \"from $0\"\n").run("exec --static");
    assert_eq!((output.code, output.text().as_str()), (0, "from /bin/sh\n"), "{output}");
}

#[test]
fn nested_use_is_an_error() {
    let env = TestEnvironment::new().var("ROLES_ANYWHERE_EXEC", "backup");
    assert_snapshot!(env.fails("exec true"), @r"
    $ ROLES_ANYWHERE_EXEC=backup roles-anywhere exec true
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: this shell or program already runs in `exec`, with the role `backup`
      hint: pass `--nested` to use other credentials inside it, or exit that shell first
    ");
    assert_eq!(script(&env, "--nested --static", "echo $ROLES_ANYWHERE_EXEC"), "Workload\n");
    // No other command takes the variable for a misspelled one.
    let output = env.run("credential-process --region nowhere");
    assert!(!output.stderr.contains("is set, but no option"), "{output}");
    let env = env.var("ROLES_ANYWHERE_PROXYY", "x");
    let output = env.run("credential-process --region nowhere");
    assert_eq!(output.stderr.matches("is set, but no option").count(), 1, "{output}");
}

#[test]
fn role_of_the_configuration_file_marks_the_program() {
    let env = TestEnvironment::new();
    let host = crate::environment::host_identity(env.emulator());
    let role = "[role.backup]\nidentity = \"host\"\n";
    let arns = "trust-anchor-arn = \"ANCHOR\"\nprofile-arn = \"PROFILE\"\nrole-arn = \"ROLE\"\n"
        .replace("ANCHOR", roles_anywhere_emulator::TRUST_ANCHOR_ARN)
        .replace("PROFILE", roles_anywhere_emulator::PROFILE_ARN)
        .replace("ROLE", roles_anywhere_emulator::ROLE_ARN);
    let env = env.config(&format!("{host}{role}{arns}")).without_role_variables();
    for options in ["--role backup --static", "--role backup"] {
        assert_eq!(script(&env, options, "echo $ROLES_ANYWHERE_EXEC"), "backup\n");
    }
    let output = env.run("exec backup -- true");
    assert!(output.code == 127 && output.stderr.contains("`--role backup`"), "{output}");
    let output = env.fails("exec --role arn:aws:iam::123456789012:role/R true");
    assert!(output.stderr.contains("`--role-arn`"), "{output}");
}

#[test]
fn errors_before_the_program_are_ours() {
    let env = TestEnvironment::new().fault(
        json!({"operation": "CreateSession", "status": 403, "code": "AccessDeniedException"}),
    );
    let output = env.run("exec --error-format=json sh -c echo --error-format=text");
    assert_eq!((output.code, output.stdout.len()), (4, 0), "{output}");
    let error: Value = serde_json::from_str(&output.stderr).unwrap();
    assert_eq!(error["kind"], "refused");
}

#[test]
fn static_credentials_come_with_a_note_of_when_they_expire() {
    let env = TestEnvironment::new().filter(r"at \S+Z, in \d+ min", "at TIME, in MINUTES min");
    assert_snapshot!(env.run("exec --static true"), @r"
    $ roles-anywhere exec --static true
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    note: the credentials expire at TIME, in MINUTES min, and are not renewed
    ");
    assert_snapshot!(env.run("exec true"), @r"
    $ roles-anywhere exec true
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    ");
}

#[test]
fn hints_name_what_was_meant() {
    let env = TestEnvironment::new();
    for words in [&["exec", "--"][..], &["exec", "--", ""], &["exec", "--static", "--"]] {
        let output = env.fails_args(words);
        assert!(output.code == 2 && output.stderr.contains("the program is missing"), "{output}");
    }
    let inner = env.without_role_variables().var("ROLES_ANYWHERE_EXEC", "backup");
    let output = inner.fails("credential-process");
    assert!(output.stderr.contains("has removed the `ROLES_ANYWHERE_…` variables"), "{output}");
}
