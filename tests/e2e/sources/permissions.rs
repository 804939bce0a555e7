//! `--strict-permissions`, and what `--debug` says of a key that others can read.

use std::os::unix::fs::symlink;

use crate::identity_files::{Given, IdentityFiles, Part, pipe};

use Part::{Certificate, Intermediates, PrivateKey};

const STRICT: &[&str] = &["--strict-permissions"];

fn key_that_others_read(mode: u32) {
    let files = IdentityFiles::new();
    files.set_mode(PrivateKey, mode);
    let (path, mode) = (files.path(PrivateKey).display().to_string(), format!("{mode:04o}"));
    files.vends(&[]);
    let text = files.refuses(3, STRICT);
    assert!(text.contains(&format!("`{path}`")) && text.contains(&mode), "{text}");
    let debug = files.run(&["--debug"]);
    assert_eq!(debug.code, 0, "{debug}");
    let line = debug.stderr.lines().find(|line| line.contains(&mode));
    assert!(line.is_some_and(|line| line.contains(&path)), "{debug}");
}

#[test]
fn key_of_mode_0644_is_refused_if_strict() {
    key_that_others_read(0o644);
}

#[test]
fn key_of_mode_0640_is_refused_if_strict() {
    key_that_others_read(0o640);
}

#[test]
fn key_of_mode_0604_is_refused_if_strict() {
    key_that_others_read(0o604);
}

#[test]
fn key_of_mode_0660_is_refused_if_strict() {
    key_that_others_read(0o660);
}

/// The other files may be read by all.
fn key_that_its_owner_reads(mode: u32) {
    let files = IdentityFiles::new();
    files.set_mode(PrivateKey, mode);
    files.set_mode(Certificate, 0o644);
    files.set_mode(Intermediates, 0o644);
    files.vends(STRICT);
    let debug = files.run(&["--debug"]);
    assert!(debug.code == 0 && !debug.stderr.contains("0644"), "{debug}");
}

#[test]
fn key_of_mode_0600_is_taken_if_strict() {
    key_that_its_owner_reads(0o600);
}

#[test]
fn key_of_mode_0400_is_taken_if_strict() {
    key_that_its_owner_reads(0o400);
}

#[test]
fn mode_of_a_link_is_that_of_its_target() {
    let files = IdentityFiles::new();
    let link = files.folder.path().join("link");
    symlink(files.path(PrivateKey), &link).unwrap();
    let files = files.with(PrivateKey, &link);
    files.vends(STRICT);
    files.set_mode(PrivateKey, 0o644);
    let text = files.refuses(3, STRICT);
    assert!(text.contains("0644"), "{text}");
}

#[test]
fn key_that_is_not_a_file_is_taken_if_strict() {
    let key = Given::stdin(pipe(PrivateKey.contents()));
    IdentityFiles::new().reading(PrivateKey, key).vends(STRICT);
}
