//! Options that name files, each with what may be wrong with a file: the error names the option, and
//! whose the file is if the system refuses it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, lchown, symlink};
use std::path::{Path, PathBuf};

use roles_anywhere_emulator as aws;

use crate::environment::{CommandOutput, Program, emulator};

/// What is wrong with a file, or with the place of one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fault {
    /// There is none, and no directory for it.
    Missing,
    /// A directory.
    Directory,
    /// Neither text nor a certificate.
    Garbage,
    /// A link to nothing.
    Dangling,
    /// A file that only its owner may read, who is another user.
    Unreadable,
    /// A file that may be read only, in a directory that nothing can be made in.
    ReadOnly,
    /// A directory that this user may not enter.
    Closed,
    /// No file, in a directory that nothing can be made in.
    Unmakeable,
}

use Fault::{Closed, Dangling, Directory, Garbage, Missing, ReadOnly, Unmakeable, Unreadable};

/// An option as it is passed: a flag, a variable, or the variable of a default, with the path from
/// its value to the file.
#[derive(Clone, Copy)]
struct Named {
    command: &'static [&'static str],
    by: &'static str,
    below: &'static str,
    /// What the error says of it.
    origin: &'static str,
}

const fn named(
    command: &'static [&'static str],
    by: &'static str,
    below: &'static str,
    origin: &'static str,
) -> Named {
    Named { command, by, below, origin }
}

const UPDATE: &[&str] = &["update", "--once", "--profile", "a"];
const DAEMON: &[&str] = &["update", "--fail-fast", "--profile", "a"];
const PROCESS: &[&str] = &["credential-process"];
const PROCESS_DEBUG: &[&str] = &["credential-process", "--debug", "--no-cache=false"];
const SHOW: &[&str] = &["cache", "show"];
const CLEAR: &[&str] = &["cache", "clear"];
const SERVE: &[&str] = &["serve", "--port", "0"];
const SERVE_CONTAINER: &[&str] = &["serve", "--port", "0", "--no-imds"];
const SECRET: &[&str] = &["secret", "get", "prod/plain"];

const CREDENTIALS_FILE: [Named; 5] = [
    named(UPDATE, "--credentials-file", "", "(from --credentials-file)"),
    named(UPDATE, "AWS_SHARED_CREDENTIALS_FILE", "", "(from AWS_SHARED_CREDENTIALS_FILE)"),
    named(UPDATE, "ROLES_ANYWHERE_CREDENTIALS_FILE", "", "(from ROLES_ANYWHERE_CREDENTIALS_FILE)"),
    named(UPDATE, "HOME", ".aws/credentials", "(the default of --credentials-file)"),
    named(DAEMON, "--credentials-file", "", "(from --credentials-file)"),
];
const CACHE: [Named; 5] = [
    named(SHOW, "--cache-dir", "", "(from --cache-dir)"),
    named(CLEAR, "--cache-dir", "", "(from --cache-dir)"),
    named(SHOW, "ROLES_ANYWHERE_CACHE_DIR", "", "(from ROLES_ANYWHERE_CACHE_DIR)"),
    named(SHOW, "XDG_RUNTIME_DIR", "roles-anywhere", "(from XDG_RUNTIME_DIR)"),
    named(CLEAR, "RUNTIME_DIRECTORY", "roles-anywhere", "(from RUNTIME_DIRECTORY)"),
];
const PROCESS_CACHE: [Named; 2] = [
    named(PROCESS_DEBUG, "--cache-dir", "", "(from --cache-dir)"),
    named(PROCESS_DEBUG, "XDG_RUNTIME_DIR", "roles-anywhere", "(from XDG_RUNTIME_DIR)"),
];
const READ: [Named; 7] = [
    named(PROCESS, "--ca-bundle", "", "(from --ca-bundle)"),
    named(PROCESS, "AWS_CA_BUNDLE", "", "(from AWS_CA_BUNDLE)"),
    named(PROCESS, "SSL_CERT_FILE", "", "(from SSL_CERT_FILE)"),
    named(PROCESS, "--certificate", "", "(from --certificate)"),
    named(PROCESS, "--private-key", "", "(from --private-key)"),
    named(PROCESS, "--intermediates", "", "(from --intermediates)"),
    named(PROCESS, "--key-password-file", "", "(from --key-password-file)"),
];
const SYSTEMD: [Named; 1] = [named(
    PROCESS,
    "CREDENTIALS_DIRECTORY",
    "roles-anywhere-key-password",
    "(from CREDENTIALS_DIRECTORY)",
)];
const WRITTEN: [Named; 3] = [
    named(SECRET, "--out", "", "(from --out)"),
    named(SERVE, "--token-file", "", "(from --token-file)"),
    named(SERVE, "ROLES_ANYWHERE_TOKEN_FILE", "", "(from ROLES_ANYWHERE_TOKEN_FILE)"),
];
const OWN_TOKEN: [Named; 2] = [
    named(SERVE_CONTAINER, "XDG_RUNTIME_DIR", "roles-anywhere", "(from XDG_RUNTIME_DIR)"),
    named(SERVE_CONTAINER, "RUNTIME_DIRECTORY", "roles-anywhere", "(from RUNTIME_DIRECTORY)"),
];

/// The program as the user nobody, with an identity that this user can read.
struct FileFixture {
    tool: Program,
    user: u32,
    folder: tempfile::TempDir,
    _emulator: aws::Emulator,
}

impl FileFixture {
    fn new() -> Self {
        let emulator = emulator();
        let (tool, folder) = Program::new(&emulator).for_nobody().for_a_minute().reachable();
        let own = fs::metadata("/proc/self").unwrap().uid();
        let user = if own == 0 { 65_534 } else { own };
        let copy = |from: PathBuf| {
            let to = folder.path().join(from.file_name().unwrap());
            fs::copy(from, &to).unwrap();
            lchown(&to, Some(user), None).unwrap();
            to
        };
        let at = |name: &str| emulator.directory().join(name);
        let certificate = copy(at("leaf/p256.pem"));
        let key = copy(at("leaf/p256.key.pem"));
        copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("certs/forms/scrypt.key.pem"));
        let tool = tool
            .certificate(certificate)
            .key(key)
            .set("ROLES_ANYWHERE_INTERMEDIATES", copy(at("anchor/intermediate.pem")))
            .set("AWS_CA_BUNDLE", copy(at("tls-ca.pem")))
            .unset("SSL_CERT_FILE")
            .unset("XDG_RUNTIME_DIR")
            .unset("AWS_SHARED_CREDENTIALS_FILE");
        Self { tool, user, folder, _emulator: emulator }
    }

    /// Runs the command of an option with a file that has a fault; returns the file's path, the
    /// owner and mode of what refuses it if the system does, and the outcome.
    fn run(&self, named: Named, fault: Fault) -> (PathBuf, Option<(u32, u32)>, CommandOutput) {
        let folder = tempfile::tempdir_in(self.folder.path()).unwrap();
        mode(folder.path(), 0o755);
        lchown(folder.path(), Some(self.user), None).unwrap();
        let (value, file) = match named.below {
            "" => (folder.path().join("one/file"), folder.path().join("one/file")),
            below => (folder.path().join("one"), folder.path().join("one").join(below)),
        };
        let above = file.parent().unwrap();
        let refusing = self.make(fault, &file, above);
        let value = value.to_str().unwrap();
        let mut tool = self.tool.clone();
        if ["--key-password-file", "CREDENTIALS_DIRECTORY"].contains(&named.by) {
            tool = tool.key(self.folder.path().join("scrypt.key.pem"));
        }
        if named.by == "SSL_CERT_FILE" {
            tool = tool.unset("AWS_CA_BUNDLE");
        }
        let outcome = match named.by.starts_with("--") {
            true => tool.run(&[named.command, &[named.by, value]].concat()),
            false => tool.set(named.by, value).run(named.command),
        };
        let refusing = refusing.map(|path| {
            let metadata = path.metadata().unwrap();
            (metadata.uid(), metadata.mode() & 0o7777)
        });
        // What is closed cannot be removed, unless by root.
        let _ = fs::set_permissions(above, Permissions::from_mode(0o755));
        (file, refusing, outcome)
    }

    /// Makes a file with a fault; returns what the system refuses.
    fn make(&self, fault: Fault, file: &Path, above: &Path) -> Option<PathBuf> {
        if fault == Missing {
            return None;
        }
        fs::create_dir_all(above).unwrap();
        lchown(above, Some(self.user), None).unwrap();
        match fault {
            Missing => {}
            Directory => fs::create_dir(file).unwrap(),
            Garbage => fs::write(file, b"\xff\xfe[\0a\0").unwrap(),
            Dangling => symlink("nothing", file).unwrap(),
            Unreadable | Closed | ReadOnly => fs::write(file, "").unwrap(),
            Unmakeable => {}
        }
        if file.is_file() {
            let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(9_999);
            fs::File::options().write(true).open(file).unwrap().set_modified(long_ago).unwrap();
        }
        match fault {
            Unreadable => mode(file, 0o000),
            Closed => mode(above, 0o000),
            ReadOnly => {
                mode(file, 0o444);
                mode(above, 0o555);
            }
            Unmakeable => mode(above, 0o555),
            _ => {}
        }
        match fault {
            Unreadable | ReadOnly => Some(file.to_owned()),
            Closed | Unmakeable => Some(above.to_owned()),
            _ => None,
        }
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Checks each option with each fault, and returns what is not as it should be.
fn offences(options: &[Named], faults: &[Fault]) -> Vec<String> {
    let fixture = FileFixture::new();
    let mut offences = Vec::new();
    for (named, fault) in options.iter().flat_map(|named| faults.iter().map(move |f| (named, *f))) {
        let (file, refusing, outcome) = fixture.run(*named, fault);
        // The token is in a file of its directory; of the default, the directory is made first.
        let file =
            if fault == Missing && named.by == "HOME" { file.parent().unwrap() } else { &file };
        let is_path_named = outcome.stderr.contains(&format!("`{}", file.display()));
        let facts = refusing.is_none_or(|(owner, mode)| {
            let user = fixture.user;
            outcome.stderr.contains(&format!(
                "belongs to uid {owner} (mode {mode:04o}), and this process runs as uid {user}"
            ))
        });
        let is_silent = outcome.stdout.is_empty();
        let is_refused = matches!(outcome.code, 3 | 6);
        let is_named = outcome.stderr.contains(named.origin);
        if !(is_path_named && facts && is_silent && is_refused && is_named) {
            offences.push(format!("{} {} {fault:?}: {outcome}", named.command[0], named.by));
        }
    }
    offences
}

fn check(options: &[Named], faults: &[Fault]) {
    let offences = offences(options, faults);
    assert!(offences.is_empty(), "{}", offences.join("\n\n"));
}

#[test]
fn credentials_file_error_names_the_option() {
    let faults = [Directory, Garbage, Dangling, Unreadable, ReadOnly, Closed, Unmakeable];
    check(&CREDENTIALS_FILE, &faults);
    // Of the default the directory is made.
    check(&CREDENTIALS_FILE[3..4], &[Missing]);
}

#[test]
fn cache_dir_error_names_the_option() {
    check(&CACHE, &[Garbage, Dangling, Closed]);
}

/// It is no error: a session is made without the cache.
#[test]
fn debug_names_the_option_of_an_unusable_cache() {
    let fixture = FileFixture::new();
    for named in PROCESS_CACHE {
        for fault in [Closed, Unmakeable] {
            let (_, refusing, outcome) = fixture.run(named, fault);
            let (owner, mode) = refusing.unwrap();
            let owner = format!("belongs to uid {owner} (mode {mode:04o}), and this process runs");
            assert_eq!(outcome.code, 0, "{outcome}");
            assert!(outcome.stderr.contains(named.origin), "{outcome}");
            assert!(outcome.stderr.contains(&owner), "{outcome}");
        }
    }
}

#[test]
fn input_file_error_names_the_option() {
    check(&READ, &[Missing, Directory, Garbage, Dangling, Unreadable, Closed]);
    // Without this file, a terminal is asked.
    check(&SYSTEMD, &[Directory, Garbage, Unreadable, Closed]);
}

#[test]
fn output_file_error_names_the_option() {
    check(&WRITTEN, &[Missing, Directory, Dangling, Closed, Unmakeable]);
    check(&OWN_TOKEN, &[Garbage, Dangling, Closed, Unmakeable]);
}
