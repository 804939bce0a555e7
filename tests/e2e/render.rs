//! `render`: templates with secrets and parameters.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use insta::assert_snapshot;
use serde_json::json;

use crate::environment::TestEnvironment;

const CONF: &str = "user = {{resolve:secretsmanager:prod/db-credentials:SecretString:username}}\n\
    url = {{resolve:secretsmanager:prod/plain}}\n";

fn environment() -> TestEnvironment {
    TestEnvironment::new().file("app.conf.tmpl", CONF)
}

/// Renders `app.conf.tmpl` with these options.
fn render(env: &TestEnvironment, options: &str) -> crate::environment::CommandOutput {
    let template = env.path("app.conf.tmpl").display().to_string();
    env.run(&format!("render {template} {options}"))
}

#[test]
fn prints_a_template_with_its_values() {
    let outcome = render(&environment(), "");
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome}");
    assert_eq!(outcome.text(), "user = app\nurl = s3cr3t\n");
}

#[test]
fn reads_each_service_once() {
    let env = environment().file(
        "b.j2",
        "{{ secret('prod/db-credentials').password | urlencode }} {{ secret('prod/plain') }} \
         {{ parameter('/prod/db/password') }}\n",
    );
    let template = env.path("b.j2").display().to_string();
    let outcome = env.run(&format!("render {template}"));
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(outcome.text().starts_with("correct%20horse%20battery%20staple "), "{outcome}");
    assert!(outcome.text().ends_with(" s3cr3t tr0ub4dor\n"), "{outcome}");
    // One call for the session, one for all secrets, one for all parameters.
    assert_eq!(env.emulator().requests().len(), 3);
}

/// The source of a template is never written as a configuration.
#[test]
fn a_template_of_the_other_syntax_is_refused() {
    let env = environment()
        .file("pgpass.tmpl", "{% set db = secret(\"prod/db-credentials\") -%}\n{{ db.host }}\n")
        .file("pgpass", "before");
    let (template, out) = (env.path("pgpass.tmpl"), env.path("pgpass"));
    let words = format!("render {} --out {}", template.display(), out.display());
    let outcome = env.run(&words);
    assert_eq!(outcome.code, 2, "{outcome}");
    assert!(outcome.stderr.contains("this is Jinja: pass `--syntax jinja`"), "{outcome}");
    assert_eq!(fs::read_to_string(&out).unwrap(), "before");
    assert_eq!(env.emulator().requests().len(), 0);
    assert_eq!(env.run(&format!("{words} --syntax jinja")).code, 0);
    assert_eq!(fs::read_to_string(&out).unwrap(), "db.internal\n");
}

#[test]
fn writes_a_file_only_if_it_changes() {
    let env = environment();
    let out = env.path("app.conf");
    let options = format!("--out {}", out.display());
    let inode = || fs::metadata(&out).unwrap().ino();
    assert_eq!(render(&env, &options).code, 0);
    assert_eq!(fs::read_to_string(&out).unwrap(), "user = app\nurl = s3cr3t\n");
    assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o7777, 0o400);
    let first = inode();
    assert_eq!(render(&env, &options).code, 0);
    assert_eq!(inode(), first);
    assert_eq!(render(&env, &format!("{options} --mode 640")).code, 0);
    assert_ne!(inode(), first);
    assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o7777, 0o640);
}

#[test]
fn a_check_exits_with_one_and_shows_no_values() {
    let env = environment();
    let out = env.path("app.conf");
    let check = format!("--out {} --check", out.display());
    let lines = |outcome: crate::environment::CommandOutput| {
        assert_eq!(outcome.stderr, "", "{outcome}");
        (outcome.code, outcome.text().replace(&out.display().to_string(), "OUT"))
    };
    assert_eq!(lines(render(&env, &check)), (1, "`OUT`: does not exist\n".to_owned()));
    assert!(!out.exists());
    env.write("app.conf", "user = other\n");
    assert_eq!(lines(render(&env, &check)), (1, "`OUT`: the contents differ\n".to_owned()));
    assert_eq!(fs::read_to_string(&out).unwrap(), "user = other\n");
    assert_eq!(render(&env, &format!("--out {}", out.display())).code, 0);
    assert_eq!(lines(render(&env, &check)), (0, String::new()));
}

#[test]
fn files_of_a_directory_change_together() {
    let env = environment().file("b.tmpl", "{{resolve:secretsmanager:prod/plain}}");
    let dir = env.path("out");
    let (a, b) = (env.path("app.conf.tmpl"), env.path("b.tmpl"));
    let line = format!("render {} {} --out-dir {}", a.display(), b.display(), dir.display());
    assert_eq!(env.run(&line).code, 0);
    assert_eq!(fs::read_to_string(dir.join("b")).unwrap(), "s3cr3t");
    let first = fs::read_link(dir.join("..data")).unwrap();
    assert_eq!(env.run(&line).code, 0);
    assert_eq!(fs::read_link(dir.join("..data")).unwrap(), first);
    assert_eq!(env.run(&format!("{line} --check")).code, 0);
    env.write("b.tmpl", "{{resolve:secretsmanager:prod/plain}}!");
    let check = env.run(&format!("{line} --check"));
    assert_eq!((check.code, check.text().lines().count()), (1, 1), "{check}");
    assert_eq!(env.run(&line).code, 0);
    assert_ne!(fs::read_link(dir.join("..data")).unwrap(), first);
    assert_eq!(fs::read_to_string(dir.join("b")).unwrap(), "s3cr3t!");
}

#[test]
fn nothing_is_written_if_a_reference_is_not_resolved() {
    let env = environment()
        .file(
            "app.conf.tmpl",
            "{{resolve:secretsmanager:prod/plain}} {{resolve:secretsmanager:absent-1}} {{resolve:secretsmanager:absent-2}}",
        )
        .file("app.conf", "before");
    let out = env.path("app.conf");
    let outcome = render(&env, &format!("--out {}", out.display()));
    assert_eq!(outcome.code, 4, "{outcome}");
    for words in ["{{resolve:secretsmanager:absent-1}}", "{{resolve:secretsmanager:absent-2}}"] {
        assert!(outcome.stderr.contains(words), "{outcome}");
    }
    assert_eq!(fs::read_to_string(&out).unwrap(), "before");
}

/// The secrets would take the place of the references, and the next run would find none.
#[test]
fn a_template_is_not_replaced_by_what_is_made_of_it() {
    let env = environment();
    let template = env.path("app.conf.tmpl");
    std::os::unix::fs::symlink(&template, env.path("link")).unwrap();
    for out in ["app.conf.tmpl", "link"] {
        let outcome = render(&env, &format!("--out {}", env.path(out).display()));
        assert_eq!(outcome.code, 2, "{outcome}");
        assert!(outcome.stderr.contains("pass another file"), "{outcome}");
    }
    assert_eq!(fs::read_to_string(&template).unwrap(), CONF);
    assert!(env.emulator().requests().is_empty());
}

#[test]
fn mistakes_in_templates_cost_no_request() {
    let env = environment()
        .file("a.j2", "{{ secret(name) }}\n{{ secret('a') | upper }}\n")
        .file("b.j2", "{% if %}");
    let (a, b) = (env.path("a.j2"), env.path("b.j2"));
    let dir = env.path("out");
    let line = format!("render {} {} --out-dir {}", a.display(), b.display(), dir.display());
    let outcome = env.run(&line);
    assert_eq!(outcome.code, 2, "{outcome}");
    assert!(!dir.exists());
    assert_eq!(env.emulator().requests().len(), 0);
    let folder = a.parent().unwrap().display().to_string();
    assert_snapshot!(outcome.stderr.replace(&folder, "FOLDER"), @"
    error: the templates have 3 mistakes
      `FOLDER/a.j2`, line 1: `secret` expects one name in quotes, because all values are read before anything is rendered
      `FOLDER/a.j2`, line 2: there is no filter `upper`: there are `json`, `b64`, `urlencode`, `shquote`, `replace`, `default`
      `FOLDER/b.j2`, line 1: unexpected end of block
    ");
}

#[test]
fn an_undefined_member_is_an_error_with_its_line() {
    let env = environment().file(
        "a.j2",
        "\n{% set db = secret('prod/db-credentials') %}{{ db.passwort }}\n{{ db.password }}",
    );
    let template = env.path("a.j2");
    let outcome = env.run(&format!("render {}", template.display()));
    assert_eq!(outcome.code, 6, "{outcome}");
    assert!(!outcome.stderr.contains("correct horse"), "{outcome}");
    let folder = template.parent().unwrap().display().to_string();
    assert_snapshot!(outcome.stderr.replace(&folder, "FOLDER"), @r#"
    error: `FOLDER/a.j2`, line 2: a value is undefined
      hint: check the names of the members; `default("…")` replaces one that is undefined
    "#);
}

#[test]
fn variables_are_written_in_each_format() {
    let env = TestEnvironment::new()
        .var("KEPT", "of the caller")
        .file("app.env", "# comment\nURL='https://a?b=c'\nDB_HOST=other\nKEPT\nABSENT\nB=file\n");
    let file = env.path("app.env").display().to_string();
    let text = |format: &str| {
        let words = [
            "render",
            "--format",
            format,
            "--env",
            "B=x-{{resolve:secretsmanager:prod/plain}}",
            "--env",
            "NONE=sm://absent?optional",
            "--env-file",
            &file,
            "--from",
            "sm://prod/db-credentials",
            "--prefix",
            "DB_",
        ];
        let outcome = env.run_args(&words);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome}");
        outcome.text()
    };
    assert_snapshot!(text("dotenv"), @"
    B=x-s3cr3t
    DB_HOST=other
    DB_PASSWORD='correct horse battery staple'
    DB_PORT=5432
    DB_USERNAME=app
    KEPT='of the caller'
    URL='https://a?b=c'
    ");
    assert_snapshot!(text("properties"), @"
    B=x-s3cr3t
    DB_HOST=other
    DB_PASSWORD=correct horse battery staple
    DB_PORT=5432
    DB_USERNAME=app
    KEPT=of the caller
    URL=https://a?b=c
    ");
    let json: serde_json::Value = serde_json::from_str(&text("json")).unwrap();
    let expected = json!({
        "B": "x-s3cr3t",
        "DB_HOST": "other",
        "DB_PASSWORD": "correct horse battery staple",
        "DB_PORT": "5432",
        "DB_USERNAME": "app",
        "KEPT": "of the caller",
        "URL": "https://a?b=c",
    });
    assert_eq!(json, expected);
}

#[test]
fn variables_are_written_to_a_file_as_templates_are() {
    let env = TestEnvironment::new();
    let out = env.path("app.properties");
    let line = format!(
        "render --format properties --env spring.password=sm://prod/db-credentials#password --out {}",
        out.display()
    );
    let check = env.run(&format!("{line} --check"));
    assert_eq!(check.code, 1, "{check}");
    assert!(!out.exists());
    assert_eq!(env.run(&format!("{line} --mode 0440")).code, 0);
    assert_eq!(fs::read_to_string(&out).unwrap(), "spring.password=correct horse battery staple\n");
    assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o7777, 0o440);
    let inode = fs::metadata(&out).unwrap().ino();
    assert_eq!(env.run(&format!("{line} --mode 0440")).code, 0);
    assert_eq!(fs::metadata(&out).unwrap().ino(), inode);
    let check = env.run(&format!("{line} --check --mode 0440"));
    assert_eq!((check.code, check.text().as_str()), (0, ""), "{check}");
}

#[test]
fn variables_that_a_format_cannot_hold_write_nothing() {
    let env = TestEnvironment::new().file("out.env", "before");
    let out = env.path("out.env");
    let outcome = env.run_args(&[
        "render",
        "--format=dotenv",
        "--env=a.b=hunter2",
        "--env=B=sm://prod/plain",
        "--out",
        &out.display().to_string(),
    ]);
    assert_snapshot!(format!("{}\n{}", outcome.code, outcome.stderr), @"
    2
    error: the format `dotenv` cannot hold `a.b` (its name may have only letters, digits and `_`)
      hint: use another name for the variable
    ");
    assert_eq!(fs::read_to_string(&out).unwrap(), "before");
    let requests = env.emulator().requests().len();
    let outcome = env.run("render --format json --env A=sm://a#b#c --env 1=x --prefix A_");
    assert_snapshot!(format!("{}\n{}", outcome.code, outcome.stderr), @"
    2
    error: the variables have 2 mistakes
      `--prefix` has no `--from` before it
      invalid variable name `1` in `--env`: expected a letter or `_`, then letters, digits, `_`, `.` and `-`
    ");
    assert_eq!(env.emulator().requests().len(), requests);
}

#[test]
fn a_refused_session_writes_nothing() {
    let env = environment()
        .fault(json!({"status": 403, "code": "AccessDeniedException", "times": 0}))
        .file("app.conf", "before");
    let out = env.path("app.conf");
    assert_eq!(render(&env, &format!("--out {}", out.display())).code, 4);
    assert_eq!(fs::read_to_string(&out).unwrap(), "before");
}

#[test]
fn a_template_from_standard_input_is_rendered() {
    let env = TestEnvironment::new().stdin("{{resolve:secretsmanager:prod/plain}}\n");
    assert_eq!(env.run("render -").text(), "s3cr3t\n");
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    let lines = [
        "render",
        "render a b",
        "render a --check",
        "render a --owner root",
        "render a --out b --out-dir c",
        "render a/x.conf b/x.conf --out-dir c",
        "render - --out-dir c",
        "render a --out b --mode 888",
        "render a --out b --owner :x",
        "render a --syntax erb",
    ];
    assert_snapshot!(refused(&lines), @"
    $ render
    error: missing required argument `TEMPLATE`
      hint: pass `TEMPLATE` after the command
    $ render a b
    error: missing required option `--out-dir`
      hint: pass `--out-dir`
    $ render a --check
    error: missing required option `--out`
      hint: pass `--out`
    $ render a --owner root
    error: missing required option `--out`
      hint: pass `--out`
    $ render a --out b --out-dir c
    error: `--out` and `--out-dir` cannot be used together
      hint: pass `--out` for one file, or `--out-dir` for a directory of files
    $ render a/x.conf b/x.conf --out-dir c
    error: `TEMPLATE` and `--out-dir` cannot be used together
      hint: two templates have the same name: rename one of them
    $ render - --out-dir c
    error: `TEMPLATE` and `--out-dir` cannot be used together
      hint: the name of a file in the directory comes from the name of its template
    $ render a --out b --mode 888
    error: invalid value `888` for `--mode`: expected three or four octal digits from 0400 to 0777
    $ render a --out b --owner :x
    error: invalid value `:x` for `--owner`: expected USER or USER:GROUP
    $ render a --syntax erb
    error: invalid value `erb` for `--syntax`: expected `cloudformation` or `jinja`
    ");
}

#[test]
fn variables_and_templates_do_not_go_together() {
    let lines = [
        "render a --format json --env A=b",
        "render a --env A=b",
        "render --env A=b",
        "render --format json",
        "render --format yaml --env A=b",
        "render --format json --env A=b --out-dir c",
        "render --format json --env A=b --syntax jinja",
        "render --format json --env A=b --check",
    ];
    assert_snapshot!(refused(&lines), @"
    $ render a --format json --env A=b
    error: `TEMPLATE` and `--format` cannot be used together
      hint: remove one of them: `--format` writes variables without a template
    $ render a --env A=b
    error: `TEMPLATE` and `--env` cannot be used together
      hint: pass `--format` in place of a template: a template has references of its own
    $ render --env A=b
    error: missing required option `--format`
      hint: pass `--format`
    $ render --format json
    error: missing required option `--env`
      hint: pass `--env`
    $ render --format yaml --env A=b
    error: invalid value `yaml` for `--format`: expected `dotenv`, `json` or `properties`
    $ render --format json --env A=b --out-dir c
    error: `--out-dir` and `--format` cannot be used together
      hint: pass `--out`: variables are written to one file
    $ render --format json --env A=b --syntax jinja
    error: `--syntax` and `--format` cannot be used together
      hint: remove one of them: only a template has a syntax
    $ render --format json --env A=b --check
    error: missing required option `--out`
      hint: pass `--out`
    ");
}

/// Returns what is printed for command lines that are not valid.
fn refused(lines: &[&str]) -> String {
    let env = TestEnvironment::new();
    let printed = lines.iter().map(|line| {
        let outcome = env.run(line);
        assert_eq!(outcome.code, 2, "{outcome}");
        format!("$ {line}\n{}", outcome.stderr)
    });
    printed.collect()
}
