//! Resolving paths among files, links and pipes of several users.

#![expect(clippy::disallowed_methods, reason = "tests make and read files of every kind")]

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};

use super::{ResolvedTarget, resolve};

const NOBODY: u32 = 65_534;
const SECRET: &[u8] = b"a secret";
const SHORT: Duration = Duration::from_millis(60);

fn write(path: &Path) -> io::Result<()> {
    resolve(path)?.write(SECRET, SHORT)
}

fn pipe(path: &Path) -> PathBuf {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    path.to_owned()
}

/// Opens a pipe to read from it, without waiting for a writer.
fn reader(path: &Path) -> File {
    File::from(rustix::fs::open(path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).unwrap())
}

/// Returns whether this process may change the owner of files; prints a note if not.
pub(in crate::os) fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        // Not by `eprintln!`, whose output is shown only if a test fails.
        let _ = writeln!(io::stderr(), "skipped: only root can make files of another user");
    }
    is_root
}

fn refusal(path: &Path) -> String {
    let error = write(path).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Unsupported, "{error}");
    error.to_string()
}

#[test]
fn replaces_or_creates_files_through_own_links() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("real")).unwrap();
    fs::write(at("real/old"), "old").unwrap();
    fs::set_permissions(at("real/old"), fs::Permissions::from_mode(0o644)).unwrap();
    symlink("real", at("folder")).unwrap();
    symlink(at("real/../real/old"), at("link")).unwrap();
    for (path, file) in [("link", "real/old"), ("folder/new", "real/new"), ("real/../x", "x")] {
        write(&at(path)).unwrap();
        assert_eq!(fs::read(at(file)).unwrap(), SECRET, "{path}");
        let mode = at(file).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{path}");
    }
    assert!(at("link").is_symlink());
    assert_eq!(fs::read_dir(at("real")).unwrap().count(), 2, "no temporary file is left");
}

#[test]
fn refuses_directories_sockets_and_dangling_links() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    symlink("absent", at("dangling")).unwrap();
    symlink("round", at("round")).unwrap();
    fs::write(at("file"), "").unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    let rows = [
        ("", io::ErrorKind::IsADirectory),
        ("absent/below", io::ErrorKind::NotFound),
        ("dangling", io::ErrorKind::NotFound),
        ("file/below", io::ErrorKind::NotADirectory),
        ("socket", io::ErrorKind::Unsupported),
    ];
    for (path, kind) in rows {
        assert_eq!(write(&at(path)).unwrap_err().kind(), kind, "{path}");
    }
    assert!(write(&at("round")).is_err());
    assert!(!at("absent").exists());
}

#[test]
fn writes_to_a_pipe_that_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = pipe(&folder.path().join("pipe"));
    let mut reader = reader(&path);
    write(&path).unwrap();
    let mut text = Vec::new();
    reader.read_to_end(&mut text).unwrap();
    assert_eq!(text, SECRET);
    assert!(path.metadata().unwrap().file_type().is_fifo());
}

#[test]
fn gives_up_on_a_pipe_that_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = pipe(&folder.path().join("pipe"));
    let error = write(&path).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
    // Rounded up: of `--timeout 2`, less than 2 s are left when the secret has come.
    assert!(error.to_string().ends_with("within 1 s"), "{error}");
    // A reader that does not read: the pipe is full after 64 KiB.
    let _reader = reader(&path);
    let error = resolve(&path).unwrap().write(&[b'a'; 1 << 20], SHORT).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
}

#[test]
fn recognizes_descriptors_of_this_process() {
    let own = format!("/proc/{}/fd/7", rustix::process::getpid().as_raw_pid());
    let rows = [
        ("/dev/stdout", 1),
        ("/dev/stderr", 2),
        ("/dev/fd/63", 63),
        ("/proc/self/fd/9", 9),
        (own.as_str(), 7),
    ];
    for (path, expected) in rows {
        let found = resolve(Path::new(path)).unwrap();
        assert!(
            matches!(found, ResolvedTarget::Descriptor(n) if n == expected),
            "{path}: {found:?}"
        );
    }
    assert!(matches!(resolve(Path::new("/dev/null")).unwrap(), ResolvedTarget::Special(_)));
}

#[test]
fn writes_to_a_descriptor_at_its_position() {
    use std::os::fd::AsRawFd as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    fs::write(&path, "before\n").unwrap();
    let file = File::options().append(true).open(&path).unwrap();
    write(Path::new(&format!("/dev/fd/{}", file.as_raw_fd()))).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "before\na secret");
}

#[test]
fn refuses_links_of_another_user() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("real")).unwrap();
    fs::write(at("real/file"), "theirs").unwrap();
    symlink("real/file", at("link")).unwrap();
    symlink("real", at("folder")).unwrap();
    // A link of our own may lead to one of another user.
    symlink("link", at("own")).unwrap();
    symlink(at("real/new"), at("dangling")).unwrap();
    for link in ["link", "folder", "dangling"] {
        lchown(at(link), Some(NOBODY), None).unwrap();
    }
    for path in ["link", "folder/file", "folder/new", "own", "dangling"] {
        let refusal = refusal(&at(path));
        assert!(refusal.contains("belongs to another user (uid 65534)"), "{path}: {refusal}");
    }
    assert_eq!(fs::read(at("real/file")).unwrap(), b"theirs");
    assert_eq!(fs::read_dir(at("real")).unwrap().count(), 1);
}

#[test]
fn refuses_pipes_of_another_user() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = pipe(&folder.path().join("pipe"));
    let mut reader = reader(&path);
    chown(&path, Some(NOBODY), None).unwrap();
    assert!(refusal(&path).contains("it belongs to another user (uid 65534)"));
    let mut text = Vec::new();
    reader.read_to_end(&mut text).unwrap();
    assert_eq!(text, b"");
}

#[test]
fn replaces_a_regular_file_of_another_user() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "old").unwrap();
    chown(&path, Some(NOBODY), None).unwrap();
    write(&path).unwrap();
    use std::os::unix::fs::MetadataExt as _;
    assert_eq!((fs::read(&path).unwrap().as_slice(), path.metadata().unwrap().uid()), (SECRET, 0));
}

#[test]
fn temporary_files_of_killed_processes_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let [left, written] = [".roles-anywhere-0123456789abcdef", ".roles-anywhere-fedcba9876543210"];
    let others = [".roles-anywhere-0123", ".roles-anywhere-0123456789abcdeg", "app.conf"];
    for name in others.iter().chain(&[left, written]) {
        fs::write(at(name), "").unwrap();
    }
    // A process that writes a file has it locked.
    let file = File::open(at(written)).unwrap();
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let ResolvedTarget::File(entry) = resolve(&at("app.conf")).unwrap() else { panic!("no file") };
    entry.remove_leftovers();
    assert!(!at(left).exists() && at(written).exists());
    assert!(others.iter().all(|name| at(name).exists()));
    drop(file);
    entry.remove_leftovers();
    assert!(!at(written).exists());
}
