//! Directories and entries that cannot be used, none of which is fatal.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

use super::{
    DEBUG, SECRET, age, directory, entry, files, made, make_directory, own_by_nobody, set_mode,
};
use crate::environment::{Program, TestEnvironment, emulator};

/// Checks that the program does without a cache in a directory that cannot be used.
#[track_caller]
fn does_without(env: &TestEnvironment, cache: &str) {
    let path = env.path(cache);
    let place = format!("--cache-dir {}", path.display());
    env.vend(&place);
    let outcome = env.run(&format!("{DEBUG} {place}"));
    assert!(outcome.stderr.contains("not cached: "), "{outcome}");
    assert!(outcome.stderr.contains(&format!("`{}`", path.display())), "{outcome}");
    let secret = env.run(&format!("{} {place}", SECRET.join(" ")));
    assert_eq!((secret.code, secret.stderr.as_str()), (0, ""), "{secret}");
    assert_eq!(made(env.emulator()), 3);
}

#[test]
fn a_file_in_place_of_the_cache_is_not_fatal() {
    does_without(&TestEnvironment::new().cached().file("file", ""), "file");
}

#[test]
fn a_file_above_the_cache_is_not_fatal() {
    does_without(&TestEnvironment::new().cached().file("file", ""), "file/below");
}

#[test]
fn a_cache_that_others_may_enter_is_not_fatal() {
    let env = TestEnvironment::new().cached();
    make_directory(&env.path("open"), 0o755);
    does_without(&env, "open");
    assert_eq!(files(&env.path("open")), Vec::<String>::new());
}

#[test]
fn a_link_to_the_cache_is_not_fatal() {
    let env = TestEnvironment::new().cached();
    make_directory(&env.path("own"), 0o700);
    symlink("own", env.path("link")).unwrap();
    does_without(&env, "link");
    assert_eq!(files(&env.path("own")), Vec::<String>::new());
}

#[test]
fn makes_a_missing_directory() {
    let emulator = emulator();
    let tool = Program::new(&emulator).cached();
    let path = emulator.directory().join("one/two/three");
    let place = ["--cache-dir", path.to_str().unwrap()];
    let first = tool.vend(&place);
    assert_eq!(tool.vend(&place), first);
    assert_eq!(made(&emulator), 1);
    for directory in [path.parent().unwrap().parent().unwrap(), path.parent().unwrap(), &path] {
        assert_eq!(directory.metadata().unwrap().mode() & 0o7777, 0o700, "{directory:?}");
    }
}

#[test]
fn keeps_nothing_in_the_directory_of_another_user() {
    let emulator = emulator();
    let tool = Program::new(&emulator).cached();
    let run = emulator.directory().join("run");
    own_by_nobody(&run);
    if fs::metadata(&run).unwrap().uid() == fs::metadata("/proc/self").unwrap().uid() {
        return;
    }
    tool.vend(&[]);
    let outcome = tool.run(&["credential-process", "--debug"]);
    assert!(outcome.stderr.contains("above it belongs to uid 65534 (mode 0"), "{outcome}");
    assert_eq!((made(&emulator), files(&run)), (2, Vec::new()));
}

#[test]
fn a_full_disk_is_not_fatal_and_leaves_no_file() {
    let emulator = emulator();
    let tool = Program::new(&emulator).cached();
    // No file may grow, as on a full disk; what goes into a pipe is no file.
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" credential-process";
    let program = env!("CARGO_BIN_EXE_roles-anywhere");
    for _ in 0..2 {
        let outcome = tool.clone().called(Path::new("/bin/sh")).run(&["-c", script, program]);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome}");
    }
    assert_eq!(made(&emulator), 2);
    let left = files(&directory(&emulator));
    assert!(left.len() == 1 && left[0].ends_with(".lock"), "{left:?}");
}

#[test]
fn a_read_only_cache_still_serves_its_sessions() {
    let emulator = emulator();
    let (tool, _folder) = Program::new(&emulator).cached().reachable();
    let tool = tool.for_nobody();
    open_to_nobody(emulator.directory());
    let run = emulator.directory().join("run");
    own_by_nobody(&run);
    let first = tool.vend(&[]);
    let place = directory(&emulator);
    set_mode(&place, 0o500);
    assert_eq!(tool.vend(&[]), first);
    tool.vend(&["--session-duration", "900"]);
    assert_eq!(made(&emulator), 2);
    assert_eq!(files(&place).len(), 2, "an entry and its lock");
    // What is due is refreshed now and then, though it cannot be kept.
    age(&emulator, 3_000);
    let refreshed = tool.vend(&[])["AccessKeyId"].clone();
    assert_ne!(refreshed, first["AccessKeyId"]);
    assert_eq!(tool.vend(&[])["AccessKeyId"], first["AccessKeyId"]);
    assert_eq!(made(&emulator), 3);
    set_mode(&place, 0o700);
}

/// Checks that an entry that was spoilt is replaced, and that its successor is served.
#[track_caller]
fn replaces_a_spoilt_entry(spoil: impl FnOnce(&Path, &TestEnvironment)) {
    let env = TestEnvironment::new().cached();
    let first = env.vend("")["AccessKeyId"].clone();
    spoil(&entry(env.emulator()).0, &env);
    let next = env.vend("")["AccessKeyId"].clone();
    assert_ne!(next, first);
    assert_eq!(env.vend("")["AccessKeyId"], next);
}

#[test]
fn replaces_an_empty_entry() {
    replaces_a_spoilt_entry(|path, _| fs::write(path, b"").unwrap());
}

#[test]
fn replaces_an_entry_that_is_cut() {
    replaces_a_spoilt_entry(|path, _| {
        let whole = fs::read(path).unwrap();
        fs::write(path, &whole[..whole.len() - 1]).unwrap();
    });
}

#[test]
fn replaces_an_entry_with_a_flipped_bit() {
    replaces_a_spoilt_entry(|path, _| {
        let mut flipped = fs::read(path).unwrap();
        flipped[200] ^= 1;
        fs::write(path, &flipped).unwrap();
    });
}

#[test]
fn replaces_an_entry_that_others_may_read() {
    replaces_a_spoilt_entry(|path, _| set_mode(path, 0o640));
}

#[test]
fn replaces_an_entry_that_is_a_link() {
    replaces_a_spoilt_entry(|path, env| {
        fs::rename(path, env.path("elsewhere")).unwrap();
        symlink(env.path("elsewhere"), path).unwrap();
    });
}

/// Only root can give an entry away.
#[test]
fn replaces_an_entry_of_another_user() {
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        replaces_a_spoilt_entry(|path, _| own_by_nobody(path));
    }
}

/// Lets the user nobody read what the tests of root have made.
fn open_to_nobody(directory: &Path) {
    let status = std::process::Command::new("chmod").arg("-R").arg("a+rX").arg(directory).status();
    assert!(status.unwrap().success());
}
