//! `cache show` and `cache clear`.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::PathBuf;

use insta::assert_snapshot;
use roles_anywhere_emulator as aws;
use serde_json::json;

use super::{age, directory, entry, files, make_directory, own_by_nobody, set_mode};
use crate::environment::TestEnvironment;

/// Checks what `cache show` or `cache clear` says of a directory that it refuses.
#[track_caller]
fn refuses_directory(env: &TestEnvironment, command: &str, name: &str, reason: &str) {
    let path = env.path(name);
    let outcome = env.run(&format!("cache {command} --cache-dir {}", path.display()));
    assert_eq!((outcome.code, outcome.stdout.len()), (6, 0), "{outcome}");
    assert!(outcome.stderr.contains(reason), "{outcome}");
    assert!(outcome.stderr.contains(path.to_str().unwrap()), "{outcome}");
}

#[test]
fn show_refuses_a_file_in_place_of_the_directory() {
    let env = TestEnvironment::new().file("file", "");
    refuses_directory(&env, "show", "file", "it is a symbolic link or not a directory");
}

#[test]
fn clear_refuses_a_file_in_place_of_the_directory() {
    let env = TestEnvironment::new().file("file", "");
    refuses_directory(&env, "clear", "file", "it is a symbolic link or not a directory");
}

#[test]
fn show_refuses_a_link_to_the_directory() {
    let env = TestEnvironment::new();
    make_directory(&env.path("own"), 0o700);
    symlink("own", env.path("link")).unwrap();
    refuses_directory(&env, "show", "link", "it is a symbolic link or not a directory");
}

#[test]
fn clear_refuses_a_link_to_the_directory() {
    let env = TestEnvironment::new();
    make_directory(&env.path("own"), 0o700);
    symlink("own", env.path("link")).unwrap();
    refuses_directory(&env, "clear", "link", "it is a symbolic link or not a directory");
}

#[test]
fn show_refuses_a_directory_that_others_may_enter() {
    let env = TestEnvironment::new();
    make_directory(&env.path("open"), 0o755);
    refuses_directory(&env, "show", "open", "other users can read or enter it (mode 0755)");
}

#[test]
fn clear_refuses_a_directory_that_others_may_enter() {
    let env = TestEnvironment::new();
    make_directory(&env.path("open"), 0o755);
    refuses_directory(&env, "clear", "open", "other users can read or enter it (mode 0755)");
}

/// Only root can give a directory away.
#[track_caller]
fn refuses_a_directory_of_nobody(command: &str) {
    let env = TestEnvironment::new();
    make_directory(&env.path("theirs"), 0o700);
    own_by_nobody(&env.path("theirs"));
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        let reason = "it belongs to uid 65534 (mode 0700), and this process runs as uid 0";
        refuses_directory(&env, command, "theirs", reason);
    }
}

#[test]
fn show_refuses_the_directory_of_another_user() {
    refuses_a_directory_of_nobody("show");
}

#[test]
fn clear_refuses_the_directory_of_another_user() {
    refuses_a_directory_of_nobody("clear");
}

/// Checks what `cache show` or `cache clear` says of a directory without sessions, which it does not
/// make.
#[track_caller]
fn finds_nothing(command: &str, name: &str, words: &str) {
    let env = TestEnvironment::new();
    make_directory(&env.path("own"), 0o700);
    let path = env.path(name);
    let outcome = env.run(&format!("cache {command} --cache-dir {}", path.display()));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome}");
    assert!(outcome.text().contains(words), "{outcome}");
    assert!(!env.path("absent").exists() && !env.path("a").exists());
}

#[test]
fn show_calls_an_empty_directory_empty() {
    finds_nothing("show", "own", "is empty");
}

#[test]
fn clear_calls_an_empty_directory_empty() {
    finds_nothing("clear", "own", "is empty");
}

#[test]
fn show_calls_a_missing_directory_missing() {
    finds_nothing("show", "absent", "no such directory");
}

#[test]
fn clear_calls_a_missing_directory_missing() {
    finds_nothing("clear", "absent", "no such directory");
}

#[test]
fn show_calls_a_directory_below_a_missing_one_missing() {
    finds_nothing("show", "a/b", "no such");
}

#[test]
fn clear_calls_a_directory_below_a_missing_one_missing() {
    finds_nothing("clear", "a/b", "no such");
}

/// Returns an environment with a cache; its snapshots name no access key id and no digits of a file.
fn cached() -> TestEnvironment {
    TestEnvironment::new()
        .cached()
        .filter(r"ASIA\w+", "ASIAKEYID")
        .filter(r"session-[0-9a-f]{8}", "session-DIGITS")
}

#[test]
fn shows_an_empty_cache() {
    let env = cached();
    assert_snapshot!(env.run("cache show"), @"
    $ roles-anywhere cache show
    exit code: 0
    ----- stdout -----
    no sessions are cached: no such directory: `DIR/run/roles-anywhere`
    ----- stderr -----
    ");
}

#[test]
fn shows_sessions_without_their_secrets() {
    let env = cached();
    let named = ["--role-session-name", "me@plant"];
    env.program().vend(&named);
    age(env.emulator(), 3_000);
    let document = env.program().vend(&named);
    assert_snapshot!(env.run("cache show"), @"
    $ roles-anywhere cache show
    exit code: 0
    ----- stdout -----
    ROLE                                     SESSION NAME  ACCESS KEY ID         LEFT    FILE
    arn:aws:iam::123456789012:role/Workload  me@plant      ASIAKEYID  59 min  session-DIGITS
    ----- stderr -----
    ");
    for member in ["SecretAccessKey", "SessionToken"] {
        assert!(!env.run("cache show").text().contains(document[member].as_str().unwrap()));
    }
}

#[test]
fn lists_sessions_as_json_without_their_secrets() {
    let env = cached();
    assert_snapshot!(env.run("cache show --output json"), @r#"
    $ roles-anywhere cache show --output json
    exit code: 0
    ----- stdout -----
    {
      "directory": "DIR/run/roles-anywhere",
      "sessions": []
    }
    ----- stderr -----
    "#);
    let document = env.program().vend(&["--role-session-name", "me@plant"]);
    let (_, file) = entry(env.emulator());
    let cache = directory(env.emulator());
    fs::write(cache.join(format!("session-{}", "f".repeat(32))), "damaged").unwrap();
    let shown = env.run("cache show --output json").json();
    let (session, damaged) = (&shown["sessions"][0], &shown["sessions"][1]);
    let expected = json!({
        "file": file.to_string(),
        "role_arn": aws::ROLE_ARN,
        "profile_arn": aws::PROFILE_ARN,
        "trust_anchor_arn": aws::TRUST_ANCHOR_ARN,
        "role_session_name": "me@plant",
        "access_key_id": document["AccessKeyId"],
        "expiration": document["Expiration"],
        "seconds_left": session["seconds_left"],
    });
    assert_eq!(*session, expected);
    assert!(matches!(session["seconds_left"].as_i64(), Some(3_500..=3_600)), "{session}");
    assert_eq!(*damaged, json!({ "file": "session-ffffffff" }));
}

#[test]
fn lists_no_sessions_as_json_without_a_cache() {
    let env = TestEnvironment::offline().without("XDG_RUNTIME_DIR");
    let shown = env.run("cache show --output json").json();
    assert_eq!(shown, json!({ "directory": null, "sessions": [] }));
}

/// Puts a session into the cache, another one that is damaged, what a writer left behind, and a file
/// of something else.
fn fill(env: &TestEnvironment) -> PathBuf {
    let named = ["--role-session-name", "me@plant"];
    env.program().vend(&named);
    let cache = directory(env.emulator());
    fs::write(cache.join("container-token"), "kept").unwrap();
    fs::write(cache.join(format!("session-{}", "0".repeat(32))), "damaged").unwrap();
    fs::write(cache.join(format!("session-{}.0f.new", "0".repeat(32))), "left behind").unwrap();
    cache
}

#[test]
fn shows_that_a_session_is_damaged() {
    let env = cached();
    fill(&env);
    let shown = env.run("cache show");
    assert!(shown.text().contains("(damaged"), "{shown}");
}

#[test]
fn clears_all_sessions_and_nothing_else() {
    let env = cached();
    let cache = fill(&env);
    assert_snapshot!(env.run("cache clear"), @"
    $ roles-anywhere cache clear
    exit code: 0
    ----- stdout -----
    removed 2 sessions from `DIR/run/roles-anywhere`
    ----- stderr -----
    ");
    assert_eq!(files(&cache), ["container-token"]);
}

#[test]
fn clears_a_cache_that_is_clear() {
    let env = cached();
    fill(&env);
    env.run("cache clear");
    assert_snapshot!(env.run("cache clear"), @"
    $ roles-anywhere cache clear
    exit code: 0
    ----- stdout -----
    the cache `DIR/run/roles-anywhere` is empty
    ----- stderr -----
    ");
}

#[test]
fn clears_one_session() {
    let env = cached();
    env.program().vend(&[]);
    assert_snapshot!(env.run("cache clear"), @"
    $ roles-anywhere cache clear
    exit code: 0
    ----- stdout -----
    removed one session from `DIR/run/roles-anywhere`
    ----- stderr -----
    ");
}

#[test]
fn shows_nothing_without_a_place_for_a_cache() {
    let env = cached().without("XDG_RUNTIME_DIR");
    assert_snapshot!(env.run("cache show"), @"
    $ env -u XDG_RUNTIME_DIR roles-anywhere cache show
    exit code: 0
    ----- stdout -----
    there is no cache: neither `--cache-dir`, RUNTIME_DIRECTORY nor XDG_RUNTIME_DIR is set
    ----- stderr -----
    ");
}

/// Returns an environment whose cache others may read.
fn open() -> TestEnvironment {
    let env = cached();
    env.program().vend(&[]);
    set_mode(&directory(env.emulator()), 0o750);
    env
}

#[test]
fn shows_no_cache_that_others_may_read() {
    let env = open();
    assert_snapshot!(env.run("cache show"), @"
    $ roles-anywhere cache show
    exit code: 6
    ----- stdout -----
    ----- stderr -----
    error: cannot read the cache `DIR/run/roles-anywhere` (from XDG_RUNTIME_DIR)
      caused by: other users can read or enter it (mode 0750)
      hint: the cache directory must belong to this user and have mode 0700: run `chmod 700 DIR`, or pass another directory with `--cache-dir`
    ");
}

#[test]
fn clears_no_cache_that_others_may_read() {
    let env = open();
    assert_snapshot!(env.run("cache clear"), @"
    $ roles-anywhere cache clear
    exit code: 6
    ----- stdout -----
    ----- stderr -----
    error: cannot clear the cache `DIR/run/roles-anywhere` (from XDG_RUNTIME_DIR)
      caused by: other users can read or enter it (mode 0750)
      hint: the cache directory must belong to this user and have mode 0700: run `chmod 700 DIR`, or pass another directory with `--cache-dir`
    ");
}
