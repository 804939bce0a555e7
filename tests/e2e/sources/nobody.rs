//! As a user without privileges. A process that may not be dumped finds its own `/proc/self/fd`
//! belonging to root, and cannot open a pipe that root made a second time.
//!
//! Only root can become another user: the tests say that they were skipped for any other.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::chown;

use tempfile::TempDir;

use super::SUBSTITUTED;
use crate::environment::form;
use crate::identity_files::{
    Given, IdentityFiles, PARTS, PASSWORD, Part, assert_vends, each_part, pipe,
};

use Part::PrivateKey;

const NOBODY: u32 = 65_534;

each_part! {
    stdin_is_read
    pipe_of_root_is_read
    file_of_root_is_read
}

/// Returns files of the user nobody, read by a copy of the program that nobody can reach, which is
/// in the folder; nothing, if the tests do not run as root.
fn files_of_nobody() -> Option<(IdentityFiles, TempDir)> {
    let files = IdentityFiles::new();
    let folder = files.folder.path().to_owned();
    // The emulator's directory is closed to nobody.
    let bundle = folder.join("ca.pem");
    fs::copy(files.env.path("tls-ca.pem"), &bundle).unwrap();
    let (program, reachable) = files.program.clone().for_nobody().reachable();
    let paths = PARTS.map(|part| files.path(part));
    if !rustix::process::geteuid().is_root() {
        let _ = writeln!(std::io::stderr(), "skipped: only root becomes the user nobody");
        return None;
    }
    paths
        .iter()
        .chain([&bundle, &folder])
        .for_each(|path| chown(path, Some(NOBODY), None).unwrap());
    let files = files.map(|_| {
        program.set("AWS_CA_BUNDLE", &bundle).set("SSL_CERT_FILE", &bundle).set("HOME", &folder)
    });
    Some((files, reachable))
}

#[test]
fn files_are_read() {
    let Some((files, _reachable)) = files_of_nobody() else { return };
    files.vends(&["--strict-permissions"]);
}

fn stdin_is_read(part: Part) {
    let Some((files, _reachable)) = files_of_nobody() else { return };
    files.reading(part, Given::stdin(pipe(part.contents()))).vends(&[]);
}

/// What a supervisor passes on to the service that it starts.
fn pipe_of_root_is_read(part: Part) {
    let Some((files, _reachable)) = files_of_nobody() else { return };
    files.reading(part, Given::descriptor(pipe(part.contents()))).vends(&[]);
}

fn file_of_root_is_read(part: Part) {
    let Some((files, _reachable)) = files_of_nobody() else { return };
    chown(files.path(part), Some(0), None).unwrap();
    let file = File::open(files.path(part)).unwrap();
    files.reading(part, Given::descriptor(file)).vends(&[]);
}

#[test]
fn password_of_a_pipe_of_root_is_read() {
    let Some((files, _reachable)) = files_of_nobody() else { return };
    let key = fs::read(form("pbes2-hmacWithSHA256-aes256.key.pem")).unwrap();
    fs::write(files.path(PrivateKey), key).unwrap();
    files.giving(Given::descriptor(pipe(PASSWORD))).vends(&["--key-password-fd", "7"]);
}

/// The shell runs as nobody, too.
#[test]
fn process_substitution_is_read() {
    let Some((files, _reachable)) = files_of_nobody() else { return };
    let paths = PARTS.map(|part| files.path(part).to_str().unwrap().to_owned());
    let program = files.program.clone().launched_by(SUBSTITUTED);
    assert_vends(&program.run(&paths.each_ref().map(String::as_str)));
}

#[test]
fn key_of_root_is_refused_with_its_owner() {
    let Some((files, _reachable)) = files_of_nobody() else { return };
    let path = files.path(PrivateKey);
    chown(&path, Some(0), None).unwrap();
    let text = files.refuses(3, &[]);
    assert!(text.contains(&format!("cannot read `{}`", path.display())), "{text}");
    let owner = "it belongs to uid 0 (mode 0600), and this process runs as uid";
    assert!(text.contains(&format!("permission denied: {owner}")), "{text}");
}
