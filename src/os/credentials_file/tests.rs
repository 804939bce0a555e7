//! Real files: what stays, what is refused, and what others see meanwhile.

#![expect(clippy::disallowed_methods, reason = "tests look at real files")]

use std::fs::{self, File, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::*;
use crate::credentials_file::ProfileError;
use crate::credentials_file::port::ReplaceObstacle;

const NOBODY: u32 = 65_534;
/// A test that takes longer is stuck, most likely on a lock.
const DEADLINE: Duration = Duration::from_secs(60);

/// A directory that every user can reach, with a credentials file of the text `old`.
struct Home {
    folder: TempDir,
    path: PathBuf,
}

impl Home {
    fn new() -> Self {
        let home = Self::empty();
        fs::write(&home.path, "old").unwrap();
        home
    }

    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        set_mode(folder.path(), 0o755);
        Self { path: folder.path().join("credentials"), folder }
    }

    fn temporary(&self) -> PathBuf {
        self.folder.path().join(".credentials.roles-anywhere.tmp")
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.path).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// Changes the owner of the directory and the file to `nobody`; the tests run as root then.
    fn give_away(&self) {
        if is_root() {
            for path in [self.folder.path(), &self.path] {
                std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
    }
}

/// Replaces the whole text.
fn write(path: &Path, text: &str) -> Result<WriteMethod, ProfileFileError> {
    try_edit(path, &mut |_| Ok(SecretBytes::new(text.as_bytes().to_vec())))
}

/// Edits the file as it is now.
fn try_edit(path: &Path, edit: &mut Edit<'_>) -> Result<WriteMethod, ProfileFileError> {
    let snapshot = CredentialsFile.read(path)?;
    CredentialsFile.try_edit(path, snapshot.stamp, edit).map(|edited| edited.written)
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn make_pipe(path: &Path) {
    use rustix::fs::{CWD, FileType, mknodat};
    mknodat(CWD, path, FileType::Fifo, 0o600.into(), 0).unwrap();
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs `action` as a user whom permissions restrict: as `nobody` if the tests run as root.
fn unprivileged<T: Send>(action: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        scope
            .spawn(|| {
                if is_root() {
                    use rustix::thread::{set_thread_gid, set_thread_groups, set_thread_uid};
                    set_thread_groups(&[]).unwrap();
                    set_thread_gid(rustix::process::Gid::from_raw(NOBODY)).unwrap();
                    set_thread_uid(rustix::process::Uid::from_raw(NOBODY)).unwrap();
                }
                action()
            })
            .join()
            .unwrap()
    })
}

#[test]
fn creates_the_file_and_its_directory_for_their_owner_only() {
    let home = Home::empty();
    let folder = home.folder.path().join(".aws");
    let path = folder.join("credentials");
    assert_eq!(write(&path, "new").unwrap(), WriteMethod::Whole);
    assert_eq!((mode(&folder), mode(&path)), (0o700, 0o600));
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
fn creates_one_missing_directory_only() {
    let home = Home::empty();
    let folder = home.folder.path().join("home/.aws");
    let error = write(&folder.join("credentials"), "new").unwrap_err();
    assert!(matches!(error, ProfileFileError::Directory { path, .. } if path == folder));
    assert_eq!(home.names(), [""; 0]);
}

#[test]
fn keeps_the_mode_and_leaves_nothing_else() {
    for wanted in [0o600, 0o400, 0o640, 0o644, 0o666] {
        let home = Home::new();
        set_mode(&home.path, wanted);
        assert_eq!(write(&home.path, "new").unwrap(), WriteMethod::Whole);
        assert_eq!((mode(&home.path), home.text().as_str()), (wanted, "new"));
        assert_eq!(home.names(), ["credentials"]);
    }
}

#[test]
fn keeps_owner_and_group() {
    if !is_root() {
        return;
    }
    let home = Home::new();
    set_mode(&home.path, 0o640);
    std::os::unix::fs::chown(home.folder.path(), Some(NOBODY), None).unwrap();
    std::os::unix::fs::chown(&home.path, Some(NOBODY), Some(12)).unwrap();
    assert_eq!(write(&home.path, "new").unwrap(), WriteMethod::Whole);
    let metadata = home.path.metadata().unwrap();
    assert_eq!((metadata.uid(), metadata.gid(), mode(&home.path)), (NOBODY, 12, 0o640));
}

#[test]
fn keeps_extended_attributes_and_the_access_list() {
    use rustix::fs::{XattrFlags, getxattr, setxattr};
    // Version 2: the owner rw, nobody r, the group nothing, the mask r, others nothing.
    let entries = [(1, 6, u32::MAX), (2, 4, NOBODY), (4, 0, u32::MAX), (16, 4, u32::MAX)];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries.into_iter().chain([(32_u16, 0_u16, u32::MAX)]) {
        list.extend([tag.to_le_bytes(), permissions.to_le_bytes()].concat());
        list.extend(id.to_le_bytes());
    }
    for (name, value) in [("user.note", b"mine".to_vec()), ("system.posix_acl_access", list)] {
        let home = Home::new();
        if setxattr(&home.path, name, &value, XattrFlags::empty()).is_err() {
            continue;
        }
        let before = mode(&home.path);
        assert_eq!(write(&home.path, "new").unwrap(), WriteMethod::Whole);
        let mut found = vec![0; 1_000];
        let length = getxattr(&home.path, name, &mut found).unwrap();
        assert_eq!((&found[..length], mode(&home.path)), (value.as_slice(), before));
    }
}

#[test]
fn symbolic_link_stays_a_link() {
    let (home, elsewhere) = (Home::empty(), Home::new());
    let between = home.folder.path().join("between");
    symlink(&elsewhere.path, &between).unwrap();
    symlink("between", &home.path).unwrap();
    assert_eq!(write(&home.path, "new").unwrap(), WriteMethod::Whole);
    assert_eq!(home.path.read_link().unwrap(), Path::new("between"));
    assert_eq!(
        (elsewhere.text().as_str(), elsewhere.names()),
        ("new", vec!["credentials".to_owned()])
    );
    assert_eq!(home.names().len(), 2);
}

#[test]
fn refuses_a_dangling_link() {
    let home = Home::empty();
    symlink("nowhere", &home.path).unwrap();
    let error = write(&home.path, "new").unwrap_err();
    assert!(matches!(error, ProfileFileError::Dangling { path } if path == home.path));
    assert_eq!(home.names(), ["credentials"]);
}

#[test]
fn follows_a_link_of_another_user_to_their_own_file_only() {
    if !is_root() {
        return;
    }
    let (home, elsewhere) = (Home::empty(), Home::new());
    let give = |path: &Path, owner| {
        std::os::unix::fs::lchown(path, Some(owner), Some(owner)).unwrap();
    };
    set_mode(&elsewhere.path, 0o644);
    let last = home.folder.path().join("last");
    symlink(&elsewhere.path, &last).unwrap();
    symlink("last", &home.path).unwrap();
    let give_target_to = |owner| {
        give(&elsewhere.path, owner);
        give(elsewhere.folder.path(), owner);
    };
    for foreign in [&home.path, &last] {
        give_target_to(0);
        give(foreign, NOBODY);
        let error = write(&home.path, "new").unwrap_err();
        assert!(
            matches!(&error, ProfileFileError::ForeignLink { path, owner: NOBODY } if path == foreign),
            "{error}"
        );
        assert_eq!((elsewhere.text().as_str(), elsewhere.names().len()), ("old", 1));

        give_target_to(NOBODY - 1);
        assert!(matches!(write(&home.path, "new"), Err(ProfileFileError::ForeignLink { .. })));
        give_target_to(NOBODY);
        assert_eq!(write(&home.path, "new").unwrap(), WriteMethod::Whole);
        fs::write(&elsewhere.path, "old").unwrap();
        give(foreign, 0);
    }
    give_target_to(NOBODY - 1);
    give(&last, NOBODY);
    set_mode(&elsewhere.path, 0o666);
    let error = unprivileged(|| write(&home.path, "new")).unwrap_err();
    assert!(matches!(error, ProfileFileError::ForeignOwner { owner, .. } if owner == NOBODY - 1));
}

#[test]
fn refuses_a_file_of_another_user() {
    if !is_root() {
        return;
    }
    let home = Home::new();
    set_mode(&home.path, 0o666);
    let give = |path: &Path, owner| std::os::unix::fs::chown(path, Some(owner), None).unwrap();
    give(&home.path, NOBODY - 1);
    let is_refused = |outcome: Result<WriteMethod, ProfileFileError>| matches!(outcome, Err(ProfileFileError::ForeignOwner { owner, .. }) if owner == NOBODY - 1);
    assert!(is_refused(unprivileged(|| write(&home.path, "new"))));
    assert!(is_refused(write(&home.path, "new")));
    assert!(matches!(CredentialsFile.read(&home.path), Err(ProfileFileError::ForeignOwner { .. })));
    assert_eq!(home.text(), "old");
    // A user's own directory: root may update the file.
    give(home.folder.path(), NOBODY - 1);
    assert_eq!(write(&home.path, "new").unwrap(), WriteMethod::Whole);
    assert_eq!(home.path.metadata().unwrap().uid(), NOBODY - 1);
    assert!(is_refused(unprivileged(|| write(&home.path, "newer"))));
}

#[test]
fn writes_a_file_with_several_hard_links_in_place() {
    let home = Home::new();
    let other = home.folder.path().join("other");
    fs::hard_link(&home.path, &other).unwrap();
    assert_eq!(write(&home.path, "new").unwrap(), WriteMethod::InPlace(ReplaceObstacle::HardLinks));
    assert_eq!(fs::read_to_string(&other).unwrap(), "new");
    assert_eq!(home.names().len(), 2);
}

#[test]
fn temporary_file_of_another_process_is_not_reused() {
    let home = Home::new();
    fs::write(home.temporary(), "left").unwrap();
    set_mode(&home.temporary(), 0o666);
    let mut left = File::options().read(true).write(true).open(home.temporary()).unwrap();
    assert_eq!(write(&home.path, "new").unwrap(), WriteMethod::Whole);
    let mut text = String::new();
    left.read_to_string(&mut text).unwrap();
    assert_eq!((text.as_str(), home.text().as_str()), ("left", "new"));
    assert_ne!(left.metadata().unwrap().ino(), home.path.metadata().unwrap().ino());
}

#[test]
fn edits_only_the_version_that_was_read() {
    let home = Home::new();
    let stamp = CredentialsFile.read(&home.path).unwrap().stamp;
    fs::write(&home.path, "other").unwrap();
    let mut edit = |_: &[u8]| Ok(SecretBytes::new(b"new".to_vec()));
    for expected in [stamp, None] {
        let outcome = CredentialsFile.try_edit(&home.path, expected, &mut edit);
        assert!(matches!(outcome, Err(ProfileFileError::Busy { .. })), "{outcome:?}");
    }
    fs::remove_file(&home.path).unwrap();
    let outcome = CredentialsFile.try_edit(&home.path, stamp, &mut edit);
    assert!(matches!(outcome, Err(ProfileFileError::Busy { .. })), "{outcome:?}");
    assert_eq!(home.names(), Vec::<String>::new());
}

#[test]
fn returns_the_replaced_file_open() {
    let home = Home::new();
    let mut writer = File::options().write(true).open(&home.path).unwrap();
    let stamp = CredentialsFile.read(&home.path).unwrap().stamp;
    let mut edit = |_: &[u8]| Ok(SecretBytes::new(b"new".to_vec()));
    let edited = CredentialsFile.try_edit(&home.path, stamp, &mut edit).unwrap();
    let (file, base) = edited.replaced.unwrap();
    assert_eq!((base.stamp, base.text.expose()), (stamp, b"old".as_slice()));
    assert_eq!(file.read().unwrap().stamp, stamp);
    writer.write_all(b"theirs").unwrap();
    assert_eq!((file.read().unwrap().text.expose(), home.text().as_str()), (&b"theirs"[..], "new"));
}

#[test]
fn keeps_a_file_that_was_created_meanwhile() {
    let home = Home::empty();
    let outcome = try_edit(&home.path, &mut |_| {
        fs::write(&home.path, "other").unwrap();
        Ok(SecretBytes::new(b"new".to_vec()))
    });
    assert!(matches!(outcome, Err(ProfileFileError::Busy { .. })), "{outcome:?}");
    assert_eq!((home.text().as_str(), home.names().len()), ("other", 1));
}

#[test]
fn sees_a_process_that_has_the_file_open_for_writing() {
    use std::process::{Command, Stdio};
    let home = Home::new();
    assert_eq!(CredentialsFile.writer(&home.path), None);
    for (redirection, is_writer) in [("<", false), (">>", true)] {
        let mut child = Command::new("sh")
            .args(["-c", &format!("exec 3{redirection}\"$0\"; echo open; read line")])
            .arg(&home.path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut open = [0; 5];
        child.stdout.take().unwrap().read_exact(&mut open).unwrap();
        let seen = CredentialsFile.writer(&home.path);
        assert_eq!(seen, is_writer.then_some(child.id()), "{redirection}");
        drop(child.stdin.take());
        child.wait().unwrap();
    }
    assert_eq!(CredentialsFile.writer(&home.path), None);
}

#[test]
fn refuses_a_path_that_is_not_a_credentials_file() {
    let home = Home::new();
    let error = write(home.folder.path(), "new").unwrap_err();
    assert!(matches!(error, ProfileFileError::NotRegular { .. }), "{error}");
    let pipe = home.folder.path().join("pipe");
    make_pipe(&pipe);
    assert!(matches!(write(&pipe, "new"), Err(ProfileFileError::NotRegular { .. })));
    assert!(matches!(write(&home.path.join("x"), "new"), Err(ProfileFileError::Read { .. })));

    let large = "x".repeat(1 + usize::try_from(MAX_SIZE).unwrap());
    assert!(matches!(write(&home.path, &large), Err(ProfileFileError::TooLarge { .. })));
    assert_eq!(home.text(), "old");
    fs::write(&home.path, &large).unwrap();
    assert!(matches!(write(&home.path, "new"), Err(ProfileFileError::TooLarge { .. })));
    assert_eq!(home.path.metadata().unwrap().len(), 1 + MAX_SIZE);
}

#[test]
fn touches_nothing_if_nothing_changes() {
    let home = Home::new();
    let stamp = |path: &Path| {
        let metadata = path.metadata().unwrap();
        (metadata.ino(), metadata.mtime_nsec(), metadata.ctime_nsec())
    };
    let before = (stamp(&home.path), stamp(home.folder.path()));
    assert_eq!(write(&home.path, "old").unwrap(), WriteMethod::Unchanged);
    assert_eq!((stamp(&home.path), stamp(home.folder.path())), before);
}

#[test]
fn touches_nothing_if_the_text_cannot_be_edited() {
    let home = Home::new();
    let mut calls = 0;
    let mut edit = |old: &[u8]| {
        calls += 1;
        // Noticed only under the lock.
        if calls == 2 {
            Err(ProfileError::Utf16)
        } else {
            Ok(SecretBytes::new([old, b"x"].concat()))
        }
    };
    let error = try_edit(&home.path, &mut edit).unwrap_err();
    assert!(matches!(error, ProfileFileError::Text { source: ProfileError::Utf16, .. }));
    assert_eq!((home.text().as_str(), home.names()), ("old", vec!["credentials".to_owned()]));
}

#[test]
fn replaces_the_temporary_file_of_a_killed_run() {
    let home = Home::new();
    fs::write(home.temporary(), "much longer than what is new").unwrap();
    set_mode(&home.temporary(), 0o644);
    assert_eq!(write(&home.path, "new").unwrap(), WriteMethod::Whole);
    assert_eq!((home.text().as_str(), home.names()), ("new", vec!["credentials".to_owned()]));

    fs::write(home.temporary(), "left").unwrap();
    fs::remove_file(&home.path).unwrap();
    set_mode(&home.temporary(), 0o644);
    assert_eq!(write(&home.path, "new").unwrap(), WriteMethod::Whole);
    assert_eq!((home.text().as_str(), mode(&home.path)), ("new", 0o600));
}

/// The run is killed after the owner was changed and before the rename.
#[test]
fn replaces_the_temporary_file_whose_owner_was_changed() {
    if !is_root() {
        return;
    }
    let home = Home::new();
    home.give_away();
    fs::write(home.temporary(), "left").unwrap();
    std::os::unix::fs::chown(home.temporary(), Some(NOBODY), Some(NOBODY)).unwrap();
    assert_eq!(write(&home.path, "new").unwrap(), WriteMethod::Whole);
    assert_eq!(home.path.metadata().unwrap().uid(), NOBODY);
}

#[test]
fn refuses_a_foreign_file_with_the_temporary_name() {
    let home = Home::new();
    let other = home.folder.path().join("other");
    fs::write(&other, "other").unwrap();
    let temporary = home.temporary();
    type Obstruct<'a> = &'a dyn Fn();
    let obstacles: [Obstruct<'_>; 4] = [
        &|| symlink(&other, &temporary).unwrap(),
        &|| fs::hard_link(&other, &temporary).unwrap(),
        &|| fs::create_dir(&temporary).unwrap(),
        &|| make_pipe(&temporary),
    ];
    for obstruct in obstacles {
        obstruct();
        let error = write(&home.path, "new").unwrap_err();
        assert!(matches!(error, ProfileFileError::InTheWay { path } if path == temporary));
        assert_eq!((home.text().as_str(), fs::read(&other).unwrap()), ("old", b"other".to_vec()));
        fs::remove_file(&temporary).or_else(|_| fs::remove_dir(&temporary)).unwrap();
    }
}

#[test]
fn is_busy_while_another_process_edits() {
    let home = Home::new();
    let file = File::options().append(true).create(true).open(home.temporary()).unwrap();
    file.lock().unwrap();
    assert!(matches!(write(&home.path, "new"), Err(ProfileFileError::Busy { .. })));
    assert_eq!(home.text(), "old");
    drop(file);
    assert_eq!(write(&home.path, "new").unwrap(), WriteMethod::Whole);
}

#[test]
fn lock_of_a_reader_does_not_block() {
    let home = Home::new();
    let file = File::open(&home.path).unwrap();
    file.lock().unwrap();
    assert_eq!(write(&home.path, "new").unwrap(), WriteMethod::Whole);
    assert_eq!(home.text(), "new");
}

#[test]
fn writes_in_place_only_under_the_lock_of_the_file() {
    let home = Home::new();
    home.give_away();
    set_mode(home.folder.path(), 0o555);
    let file = File::open(&home.path).unwrap();
    file.lock().unwrap();
    let held = unprivileged(|| write(&home.path, "new"));
    let text = home.text();
    drop(file);
    let free = unprivileged(|| write(&home.path, "new"));
    set_mode(home.folder.path(), 0o755);
    assert!(matches!(held, Err(ProfileFileError::Busy { .. })));
    assert_eq!((text.as_str(), home.text().as_str()), ("old", "new"));
    assert!(matches!(free, Ok(WriteMethod::InPlace(ReplaceObstacle::Directory))));
}

/// What was written in place is lost if the file is replaced meanwhile.
#[test]
fn is_busy_if_the_file_it_wrote_in_place_was_replaced() {
    let home = Home::new();
    let old = existing::ExistingFile::open(&home.path).unwrap().unwrap();
    let other = home.folder.path().join("other");
    fs::write(&other, "other").unwrap();
    fs::rename(other, &home.path).unwrap();
    let outcome = old.overwrite(&home.path, &SecretBytes::new(b"new".to_vec()));
    assert!(matches!(outcome, Err(ProfileFileError::Busy { .. })));
    assert_eq!(home.text(), "other");
}

/// Two writes within one tick of the file system's clock have the same stamp.
#[test]
fn notices_another_text_with_the_same_stamp() {
    let home = Home::new();
    let old = existing::ExistingFile::open(&home.path).unwrap().unwrap();
    assert!(old.is_unchanged(&home.path));
    fs::write(&home.path, "two").unwrap();
    let writable = File::options().write(true).open(&home.path).unwrap();
    writable.set_modified(old.metadata.modified().unwrap()).unwrap();
    assert!(!old.is_unchanged(&home.path));
}

#[test]
fn overwrites_nothing_that_was_written_meanwhile() {
    let home = Home::new();
    let (by_editor, by_rename) = (b"in place".as_slice(), b"renamed!".as_slice());
    for intruder in [by_editor, by_rename] {
        let mut calls = 0;
        let outcome = try_edit(&home.path, &mut |old| {
            calls += 1;
            if calls == 2 && intruder == by_editor {
                fs::write(&home.path, intruder).unwrap();
            } else if calls == 2 {
                let other = home.folder.path().join("other");
                fs::write(&other, intruder).unwrap();
                fs::rename(other, &home.path).unwrap();
            }
            Ok(SecretBytes::new([old, b"x"].concat()))
        });
        assert!(matches!(outcome, Err(ProfileFileError::Busy { .. })));
        assert_eq!(home.text().as_bytes(), intruder);
    }
    assert_eq!(home.names(), ["credentials"]);
}

#[test]
fn writes_in_place_if_its_directory_is_not_writable() {
    let home = Home::new();
    home.give_away();
    set_mode(home.folder.path(), 0o555);
    let inode = home.path.metadata().unwrap().ino();
    for text in ["a longer text than before", "short", "short, and longer again"] {
        let written = unprivileged(|| write(&home.path, text));
        assert_eq!(written.unwrap(), WriteMethod::InPlace(ReplaceObstacle::Directory));
        assert_eq!(home.text(), text);
    }
    assert_eq!(home.path.metadata().unwrap().ino(), inode);
    assert_eq!(home.names(), ["credentials"]);

    set_mode(&home.path, 0o444);
    let error = unprivileged(|| write(&home.path, "new")).unwrap_err();
    assert!(matches!(error, ProfileFileError::Write { .. }), "{error}");
    fs::remove_file(&home.path)
        .or_else(|_| {
            set_mode(home.folder.path(), 0o755);
            fs::remove_file(&home.path)
        })
        .unwrap();
    set_mode(home.folder.path(), 0o555);
    let error = unprivileged(|| write(&home.path, "new")).unwrap_err();
    let ProfileFileError::Write { source, .. } = error else { panic!("{error}") };
    assert_eq!(source.kind(), io::ErrorKind::PermissionDenied);
    let words = format!("permission denied: the directory `{}`", home.folder.path().display());
    assert!(source.to_string().starts_with(&words), "{source}");
    assert!(source.to_string().contains("(mode 0555), and this process runs as uid"), "{source}");
    set_mode(home.folder.path(), 0o755);
}

#[test]
fn writes_in_place_if_the_owner_cannot_be_kept() {
    if !is_root() {
        return;
    }
    let home = Home::new();
    home.give_away();
    std::os::unix::fs::chown(&home.path, Some(0), Some(0)).unwrap();
    set_mode(&home.path, 0o666);
    let written = unprivileged(|| write(&home.path, "new"));
    assert_eq!(written.unwrap(), WriteMethod::InPlace(ReplaceObstacle::Owner));
    assert_eq!((home.text().as_str(), home.path.metadata().unwrap().uid()), ("new", 0));
    assert_eq!(home.names(), ["credentials"]);
}

/// Two threads count up a profile each, while a third one reads.
fn count_up(home: &Home, turns: usize) -> Vec<String> {
    fs::write(&home.path, "[a]\nn = 0\n[b]\nn = 0\n").unwrap();
    let over = AtomicBool::new(false);
    let deadline = Instant::now() + DEADLINE;
    let count = |heading: &str| {
        for _ in 0..turns {
            let mut edit = |old: &[u8]| {
                let text = String::from_utf8(old.to_vec()).unwrap();
                let at = text.find(heading).unwrap() + heading.len();
                let (head, tail) = text.split_at(at);
                let (value, tail) = tail.split_once('\n').unwrap();
                let value = value.parse::<usize>().unwrap() + 1;
                Ok(SecretBytes::new(format!("{head}{value}\n{tail}").into_bytes()))
            };
            while let Err(error) = try_edit(&home.path, &mut edit) {
                assert!(matches!(error, ProfileFileError::Busy { .. }), "{error:?}");
                assert!(Instant::now() < deadline, "it is busy for ever");
                thread::yield_now();
            }
        }
    };
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = Vec::new();
            while !over.load(Ordering::Relaxed) {
                seen.push(home.text());
                thread::yield_now();
            }
            seen
        });
        let counters =
            ["[a]\nn = ", "[b]\nn = "].map(|heading| scope.spawn(move || count(heading)));
        let counted = counters.map(|counter| counter.join());
        // Set even if a counter failed, or the reader would never end.
        over.store(true, Ordering::Relaxed);
        counted.into_iter().for_each(|counter| counter.unwrap());
        reader.join().unwrap()
    })
}

#[test]
fn loses_nothing_and_shows_no_partial_file() {
    let home = Home::new();
    let seen = count_up(&home, 100);
    assert_eq!(home.text(), "[a]\nn = 100\n[b]\nn = 100\n");
    assert_eq!(home.names(), ["credentials"]);
    for text in seen {
        assert!(
            text.starts_with("[a]\nn = ") && text.contains("\n[b]\nn = ") && text.ends_with('\n')
        );
        assert_eq!(text.lines().count(), 4);
    }
}

#[test]
fn loses_nothing_in_place() {
    let home = Home::new();
    home.give_away();
    set_mode(home.folder.path(), 0o555);
    let seen = unprivileged(|| count_up(&home, 30));
    set_mode(home.folder.path(), 0o755);
    assert_eq!(home.text(), "[a]\nn = 30\n[b]\nn = 30\n");
    assert!(seen.iter().all(|text| !text.is_empty()));
}

/// Long and short texts alternate, so that the file grows and shrinks.
#[test]
fn is_never_empty_while_it_is_written_in_place() {
    const HEAD: &str = "[a]\n";
    let texts = [300 << 10, 900 << 10].map(|length| HEAD.to_owned() + &"#".repeat(length));
    let home = Home::new();
    fs::write(&home.path, &texts[0]).unwrap();
    home.give_away();
    set_mode(home.folder.path(), 0o555);
    let over = AtomicBool::new(false);
    let (outcomes, seen) = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut shortest, mut looks) = (u64::MAX, 0);
            while !over.load(Ordering::Relaxed) {
                let mut head = [0; HEAD.len()];
                let mut file = File::open(&home.path).unwrap();
                let read = file.read(&mut head).unwrap();
                shortest = shortest.min(file.metadata().unwrap().len());
                assert_eq!(&head[..read], HEAD.as_bytes());
                looks += 1;
            }
            (shortest, looks)
        });
        let outcomes = unprivileged(|| {
            let turns = texts.iter().rev().cycle().take(40);
            turns.map(|text| write(&home.path, text)).collect::<Vec<_>>()
        });
        over.store(true, Ordering::Relaxed);
        (outcomes, reader.join())
    });
    set_mode(home.folder.path(), 0o755);
    for outcome in outcomes {
        assert_eq!(outcome.unwrap(), WriteMethod::InPlace(ReplaceObstacle::Directory));
    }
    let (shortest, looks) = seen.unwrap();
    assert!(shortest >= texts[0].len() as u64, "{shortest}");
    assert!(looks > 40, "{looks}");
}
