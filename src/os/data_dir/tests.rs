//! Directories of rendered files, on a real file system.
#![expect(clippy::disallowed_methods, reason = "what is tested is on the file system")]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::PathBuf;

use super::*;
use crate::os::rendered::render_dir;
use crate::secrets::rendered::{FileAccess, FileMode, OnDifference, OwnerName};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn dir(&self) -> PathBuf {
        self.0.path().join("out")
    }

    fn render(
        &self,
        files: &[(&str, &str)],
        on_difference: OnDifference,
    ) -> io::Result<Vec<FileState>> {
        self.render_with(files, "400", on_difference)
    }

    fn render_with(
        &self,
        files: &[(&str, &str)],
        mode: &str,
        on_difference: OnDifference,
    ) -> io::Result<Vec<FileState>> {
        let files: Vec<NamedContents<'_>> =
            files.iter().map(|(name, text)| (OsStr::new(*name), text.as_bytes())).collect();
        let access = FileAccess { mode: FileMode::parse(mode).unwrap(), owner: None };
        render_dir((&self.dir(), Duration::ZERO), &files, &access, on_difference)
    }

    fn write(&self, files: &[(&str, &str)]) -> Vec<FileState> {
        self.render(files, OnDifference::Write).unwrap()
    }

    fn check(&self, files: &[(&str, &str)]) -> Vec<FileState> {
        self.render(files, OnDifference::Report).unwrap()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.dir().join(name)).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.dir()).unwrap();
        let mut names: Vec<_> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn current(&self) -> String {
        fs::read_link(self.dir().join("..data")).unwrap().to_str().unwrap().to_owned()
    }
}

use FileState::{Contents, Extra, Missing, Unchanged};

#[test]
fn files_are_links_into_a_directory_that_is_replaced() {
    let folder = Folder::new();
    assert_eq!(folder.write(&[("a", "1"), ("b", "2")]), [Missing, Missing]);
    let first = folder.current();
    assert_eq!(folder.names(), ["..data", &first, "..data.lock", "a", "b"]);
    assert_eq!((folder.read("a"), folder.read("b")), ("1".to_owned(), "2".to_owned()));
    assert_eq!(fs::read_link(folder.dir().join("a")).unwrap(), Path::new("..data/a"));
    assert_eq!(folder.write(&[("a", "1"), ("b", "3")]), [Unchanged, Contents]);
    let second = folder.current();
    assert_ne!(first, second);
    assert_eq!(folder.names(), ["..data", &second, "..data.lock", "a", "b"]);
    assert_eq!((folder.read("a"), folder.read("b")), ("1".to_owned(), "3".to_owned()));
}

#[test]
fn unchanged_files_are_not_written() {
    let folder = Folder::new();
    folder.write(&[("a", "1"), ("b", "2")]);
    let before = folder.current();
    let inode = |folder: &Folder| fs::metadata(folder.dir().join("a")).unwrap().ino();
    let first = inode(&folder);
    assert_eq!(folder.write(&[("a", "1"), ("b", "2")]), [Unchanged, Unchanged]);
    assert_eq!((folder.current(), inode(&folder)), (before, first));
    // A link that was removed is made again.
    fs::remove_file(folder.dir().join("a")).unwrap();
    assert_eq!(folder.write(&[("a", "1"), ("b", "2")]), [Missing, Unchanged]);
    assert_eq!(folder.read("a"), "1");
}

#[test]
fn files_that_are_no_longer_rendered_are_removed() {
    let folder = Folder::new();
    folder.write(&[("a", "1"), ("b", "2")]);
    fs::write(folder.dir().join("own"), "kept").unwrap();
    assert_eq!(folder.check(&[("a", "1")]), [Unchanged, Extra]);
    assert_eq!(folder.write(&[("a", "1")]), [Unchanged, Extra]);
    assert_eq!(folder.names(), ["..data", &folder.current(), "..data.lock", "a", "own"]);
    assert_eq!(folder.read("own"), "kept");
}

#[test]
fn a_check_writes_nothing() {
    let folder = Folder::new();
    assert_eq!(folder.check(&[("a", "1")]), [Missing]);
    assert!(!folder.dir().exists());
    folder.write(&[("a", "1")]);
    let before = folder.current();
    assert_eq!(folder.check(&[("a", "2"), ("b", "")]), [Contents, Missing]);
    assert_eq!((folder.current(), folder.read("a")), (before, "1".to_owned()));
}

#[test]
fn modes_are_those_that_were_given_and_directories_can_be_entered() {
    let folder = Folder::new();
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    folder.write(&[("a", "1")]);
    assert_eq!(mode(folder.dir().join("a")), 0o400);
    assert_eq!(mode(folder.dir()), 0o700);
    let states = folder.render_with(&[("a", "1")], "640", OnDifference::Write).unwrap();
    assert_eq!(states, [FileState::Mode(0o400)]);
    assert_eq!(mode(folder.dir().join("a")), 0o640);
    assert_eq!(mode(folder.dir().join("..data")), 0o750);
    // One that exists is left as it is.
    assert_eq!(mode(folder.dir()), 0o700);
}

#[test]
fn what_is_not_ours_is_refused_and_kept() {
    let folder = Folder::new();
    fs::create_dir(folder.dir()).unwrap();
    fs::write(folder.dir().join("a"), "own").unwrap();
    let error = folder.render(&[("a", "1")], OnDifference::Write).unwrap_err();
    assert_eq!(error.to_string(), "`a` in it is not a link that `render` made");
    assert_eq!(folder.names(), ["a"]);
    fs::remove_file(folder.dir().join("a")).unwrap();
    for target in ["/etc", "../x", "..data-x/y"] {
        let _ = fs::remove_file(folder.dir().join("..data"));
        symlink(target, folder.dir().join("..data")).unwrap();
        assert!(folder.render(&[("a", "1")], OnDifference::Write).is_err(), "{target}");
    }
}

#[test]
fn what_a_killed_process_left_is_removed() {
    let folder = Folder::new();
    folder.write(&[("a", "1")]);
    let stale = folder.dir().join("..data-0123456789abcdef");
    fs::create_dir(&stale).unwrap();
    fs::write(stale.join("a"), "secret").unwrap();
    symlink("..data-0123456789abcdef", folder.dir().join("..data-0123456789abcdef.link")).unwrap();
    folder.write(&[("a", "2")]);
    assert_eq!(folder.names(), ["..data", &folder.current(), "..data.lock", "a"]);
}

#[test]
fn a_lock_of_others_is_not_waited_for_and_one_of_ours_not_for_ever() {
    let folder = Folder::new();
    folder.render_with(&[("a", "1")], "644", OnDifference::Write).unwrap();
    let file = folder.dir().join("..data.lock");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
    // Every user who can read the directory can hold this one.
    let directory = File::open(folder.dir()).unwrap();
    directory.lock().unwrap();
    folder.write(&[("a", "2")]);
    assert_eq!(folder.read("a"), "2");
    let own = File::open(&file).unwrap();
    own.lock().unwrap();
    let error = folder.render(&[("a", "3")], OnDifference::Write).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
    assert_eq!(folder.read("a"), "2");
    // There is nothing to wait for.
    folder.write(&[("a", "2")]);
    drop(own);
    folder.write(&[("a", "3")]);
    assert_eq!(folder.read("a"), "3");
}

#[test]
fn a_directory_that_the_owner_of_the_files_cannot_enter_is_refused() {
    let folder = Folder::new();
    folder.write(&[("a", "1")]);
    let dir = DataDir::open(&folder.dir()).unwrap().unwrap();
    let own = rustix::process::geteuid().as_raw();
    let refused = |user: u32| {
        dir.refuse_closed(FileAttributes { mode: 0o400, owner: Some((user, 1)) }).is_err()
    };
    assert_eq!([0, own, own + 1].map(refused), [false, false, true]);
    for mode in [0o710, 0o701, 0o755] {
        fs::set_permissions(folder.dir(), fs::Permissions::from_mode(mode)).unwrap();
        assert!(!refused(own + 1), "{mode:o}");
    }
    let nobody = FileAttributes { mode: 0o400, owner: None };
    assert!(dir.refuse_closed(nobody).is_ok());
}

#[test]
fn a_number_that_is_no_user_and_no_group_is_an_error() {
    let folder = Folder::new();
    for (owner, expected) in [
        ("0:4294967295", "there is no group `4294967295`"),
        ("4294967295:0", "there is no user `4294967295`"),
        ("4294967295", "there is no user `4294967295`"),
    ] {
        let owner = OwnerName::parse(owner);
        let access = FileAccess { mode: FileMode::READ_ONLY, owner };
        let place = (&*folder.dir(), Duration::ZERO);
        let error = render_dir(place, &[], &access, OnDifference::Write).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_directory_without_a_parent_is_an_error() {
    let folder = Folder::new();
    fs::remove_dir(folder.0.path()).unwrap();
    let error = folder.render(&[("a", "1")], OnDifference::Write).unwrap_err();
    assert!(error.to_string().contains("there is no directory"), "{error}");
}

/// Also if the files are as they are to be.
#[test]
fn what_killed_processes_left_behind_is_removed() {
    let folder = Folder::new();
    folder.write(&[("a", "1")]);
    let leave = || {
        fs::create_dir(folder.dir().join("..data-0123456789abcdef")).unwrap();
        fs::write(folder.dir().join("..data-0123456789abcdef/a"), "2").unwrap();
        symlink("..data-0123456789abcdef", folder.dir().join("..data-0123456789abcdef.link"))
            .unwrap();
    };
    let before = folder.names();
    leave();
    assert_eq!(folder.check(&[("a", "1")]), [Unchanged]);
    assert_ne!(folder.names(), before);
    let access = FileAccess { mode: FileMode::parse("400").unwrap(), owner: None };
    let dir = DataDir::open(&folder.dir()).unwrap().unwrap();
    let attributes = FileAttributes { mode: access.mode.bits(), owner: None };
    let lock = dir.lock(attributes, Duration::ZERO).unwrap();
    folder.write(&[("a", "1")]);
    assert_ne!(folder.names(), before, "another process may write them");
    drop(lock);
    folder.write(&[("a", "1")]);
    assert_eq!(folder.names(), before);
    leave();
    folder.write(&[("a", "3")]);
    assert_eq!(folder.names().len(), before.len());
    assert_eq!(folder.read("a"), "3");
}
