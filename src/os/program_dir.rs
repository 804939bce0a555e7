//! Directories of the programs that `exec` runs, for files that end with them. Each belongs to one
//! program: it is removed when that has ended, or by the next run if that was not possible.
//!
//! The name of a directory tells its program: the process, when it started, and in which namespace its
//! number is valid. A lock in place of that would need a descriptor that the program inherits, or it
//! would be lost with the process that serves the program. What a program has left in the background
//! still has the variables that name the directory, so the directory stays as long as it runs.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::os::private_dir::PrivateDir;
#[cfg(unix)]
use crate::os::process;
use crate::output::error::Error;
use crate::output::run::RunError;
use crate::private_dir::ConfiguredDir;
use roles_anywhere_client::secret::Entropy as _;
use roles_anywhere_client::system::SystemEntropy;

/// What the names of the directories begin with.
const PREFIX: &str = "exec-";
/// What their names begin with before that in a directory where all users may make files.
const AMONG_OTHERS: &str = "roles-anywhere-";

/// The directory of the program that this process becomes. It is removed when this is dropped, so not if
/// this process becomes the program.
#[derive(Debug)]
pub struct ProgramDir(PathBuf);

impl ProgramDir {
    /// Makes a new directory in `parent` that only this user can enter, and removes those whose programs
    /// have ended.
    pub fn create(parent: &ConfiguredDir) -> Result<Self, Error> {
        let failed = |source| RunError::ProgramDir { path: parent.path.clone(), source };
        // It is checked as for the session cache: it belongs to this user only.
        PrivateDir::new(parent).create().map_err(failed)?;
        sweep(&parent.path);
        Self::make(parent.path.join(ProgramId::own().directory_name(SystemEntropy.bits())))
    }

    /// As [`ProgramDir::create`], in a directory where all users may make files: under a random name, which
    /// no other user can take before.
    pub fn create_among_others(above: &Path) -> Result<Self, Error> {
        sweep_among_others(above);
        let name = ProgramId::own().directory_name(SystemEntropy.bits());
        Self::make(above.join(format!("{AMONG_OTHERS}{name}")))
    }

    fn make(path: PathBuf) -> Result<Self, Error> {
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(&path) {
            Ok(()) => Ok(Self(path)),
            Err(source) => {
                let path = path.parent().unwrap_or(&path).to_owned();
                Err(RunError::ProgramDir { path, source }.into())
            }
        }
    }

    /// As [`ProgramDir::create`], on a file system that is in memory and not on a disk.
    pub fn create_in_memory(parent: &ConfiguredDir) -> Result<Self, Error> {
        let dir = Self::create(parent)?;
        match is_in_memory(dir.path()) {
            true => Ok(dir),
            false => Err(RunError::NotInMemory { path: parent.path.clone() }.into()),
        }
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the path of a file.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a new file that only this user can read, and returns its path.
    pub fn write(&self, name: &str, contents: &[u8]) -> Result<PathBuf, Error> {
        let path = self.0.join(name);
        write_new(&path, contents).map_err(|source| self.failed(source))?;
        Ok(path)
    }

    /// Writes new files beside those of their names, which stay as they are until [`NewFiles::put_in_place`].
    pub fn write_beside<'a>(
        &'a self,
        files: impl Iterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<NewFiles<'a>, Error> {
        let mut written = NewFiles { directory: self, names: Vec::new() };
        for (name, contents) in files {
            let new = self.path_beside(name);
            // One of a run that was killed is in the way.
            let _ = fs::remove_file(&new);
            written.names.push(name);
            write_new(&new, contents).map_err(|source| self.failed(source))?;
        }
        Ok(written)
    }

    fn path_beside(&self, name: &str) -> PathBuf {
        self.0.join(format!(".{name}.new"))
    }

    /// Removes a file, if it is there.
    pub fn remove(&self, name: &str) -> Result<(), Error> {
        match fs::remove_file(self.0.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed(error)),
            _ => Ok(()),
        }
    }

    fn failed(&self, source: io::Error) -> Error {
        RunError::ProgramDir { path: self.0.clone(), source }.into()
    }
}

/// Files that are beside those that they replace. They are removed unless they are put in their place.
#[derive(Debug)]
pub struct NewFiles<'a> {
    directory: &'a ProgramDir,
    names: Vec<&'a str>,
}

impl NewFiles<'_> {
    /// Puts them in their place, each as a whole: a reader has all of the one file or of the other. If it fails,
    /// some are in place, and others are not.
    pub fn put_in_place(self) -> Result<(), Error> {
        for name in &self.names {
            let renamed =
                fs::rename(self.directory.path_beside(name), self.directory.path_of(name));
            renamed.map_err(|source| self.directory.failed(source))?;
        }
        Ok(())
    }
}

impl Drop for NewFiles<'_> {
    fn drop(&mut self) {
        for name in &self.names {
            // Those in place are not here any more.
            let _ = fs::remove_file(self.directory.path_beside(name));
        }
    }
}

impl Drop for ProgramDir {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

fn write_new(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o400);
    options.open(path)?.write_all(contents)
}

/// Removes a directory. If that fails, the next run tries it again.
pub fn remove(path: &Path) {
    let _ = fs::remove_dir_all(path);
}

/// Returns whether a directory is in memory. Its pages can still get into the swap space.
#[cfg(target_os = "linux")]
pub(super) fn is_in_memory(path: &Path) -> bool {
    const TMPFS: u64 = 0x0102_1994;
    const RAMFS: u64 = 0x8584_58f6;
    // The type of the number depends on the architecture.
    let kind = rustix::fs::statfs(path).map(|of| u64::try_from(of.f_type).unwrap_or_default());
    kind.is_ok_and(|kind| [TMPFS, RAMFS].contains(&kind))
}

/// Returns whether a directory is in memory: only Linux has such a file system.
#[cfg(not(target_os = "linux"))]
pub(super) fn is_in_memory(_path: &Path) -> bool {
    false
}

/// Removes the directories in `parent`, which belongs to this user, whose programs have ended.
pub fn sweep(parent: &Path) {
    sweep_named(parent, "");
}

/// Removes the directories that [`ProgramDir::create_among_others`] made and whose programs have ended. Those
/// of other users stay.
pub fn sweep_among_others(above: &Path) {
    sweep_named(above, AMONG_OTHERS);
}

fn sweep_named(parent: &Path, before: &str) {
    let namespace = pid_namespace();
    if cfg!(target_os = "linux") && namespace == 0 {
        // Whether another process is of the same namespace is not known: its number may mean another one.
        return;
    }
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_str().and_then(|name| name.strip_prefix(before));
        let program = name.and_then(ProgramId::of_directory);
        let has_ended = |it: ProgramId| it.namespace == namespace && !it.is_running();
        if program.is_some_and(has_ended) && is_own(&entry) && !is_named(&entry.path()) {
            remove(&entry.path());
        }
    }
}

/// Returns whether a variable of a process names a directory, if the system tells. A process that writes a title
/// over its variables does not count.
fn is_named(directory: &Path) -> bool {
    let directory = directory.as_os_str().as_encoded_bytes();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = |process: fs::DirEntry| {
        let is_process = process.file_name().as_encoded_bytes().first()?.is_ascii_digit();
        let variables = is_process.then(|| read_bytes(&process.path().join("environ")))??;
        variables.windows(directory.len()).any(|it| it == directory).then_some(())
    };
    processes.filter_map(names).next().is_some()
}

/// Returns whether this user owns an entry of a directory.
fn is_own(entry: &fs::DirEntry) -> bool {
    #[cfg(unix)]
    return entry
        .metadata()
        .is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == process::user_id());
    #[cfg(not(unix))]
    {
        let _ = entry;
        true
    }
}

/// A process, also among those that had or will have its number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct ProgramId {
    /// Its number.
    pid: i32,
    /// When it started, in the unit of the kernel; 0 if that is not known. It stays the same when the
    /// process becomes another program.
    started: u64,
    /// The namespace in which its number is valid; 0 if that is not known.
    namespace: u64,
}

impl ProgramId {
    fn own() -> Self {
        let pid = i32::try_from(std::process::id()).unwrap_or_default();
        Self { pid, started: start_time(pid).unwrap_or_default(), namespace: pid_namespace() }
    }

    fn directory_name(self, random: u64) -> String {
        let Self { pid, started, namespace } = self;
        format!("{PREFIX}{pid}-{started}-{namespace}-{random:016x}")
    }

    fn of_directory(name: &str) -> Option<Self> {
        let mut parts = name.strip_prefix(PREFIX)?.split('-');
        let mut part = || parts.next();
        let (pid, started, namespace) = (part()?, part()?, part()?);
        let (pid, started) = (pid.parse().ok()?, started.parse().ok()?);
        Some(Self { pid, started, namespace: namespace.parse().ok()? })
    }

    /// Returns whether it runs. A process whose start is not visible counts as the same.
    fn is_running(self) -> bool {
        if !exists(self.pid) {
            return false;
        }
        let started = start_time(self.pid).filter(|_| self.started != 0);
        started.is_none_or(|started| started == self.started)
    }
}

#[cfg(unix)]
fn exists(pid: i32) -> bool {
    use rustix::process::{Pid, test_kill_process};
    let Some(pid) = Pid::from_raw(pid) else { return false };
    // A process of another user, after `sudo`, exists too.
    test_kill_process(pid) != Err(rustix::io::Errno::SRCH)
}

#[cfg(not(unix))]
fn exists(_pid: i32) -> bool {
    true
}

/// Returns when a process started, if the system tells. The files of another namespace, which has other
/// numbers, do not tell it.
pub(super) fn start_time(pid: i32) -> Option<u64> {
    let own = fs::read_link("/proc/self").ok()?;
    if own.to_str() != Some(&std::process::id().to_string()) {
        return None;
    }
    let stat = read(&format!("/proc/{pid}/stat"))?;
    // The name of the program is in parentheses, and may hold spaces and parentheses itself.
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(19)?.parse().ok()
}

/// Returns the number of the PID namespace of this process; 0 if the system has none.
fn pid_namespace() -> u64 {
    let link = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let number = link.to_str().and_then(|text| text.strip_prefix("pid:[")?.strip_suffix(']'));
    number.and_then(|number| number.parse().ok()).unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "a file of the kernel")]
fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

#[expect(clippy::disallowed_methods, reason = "a file of the kernel")]
fn read_bytes(path: &Path) -> Option<Vec<u8>> {
    fs::read(path).ok()
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::io::Read as _;
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::{Command, Stdio};

    use super::*;
    use crate::options::table::Origin;
    use crate::options::table::cache::XDG_RUNTIME_DIR;
    use crate::private_dir::ParentOwner;

    fn parent(folder: &tempfile::TempDir) -> ConfiguredDir {
        ConfiguredDir {
            path: folder.path().join("own"),
            origin: Origin::variable(&XDG_RUNTIME_DIR),
            parent_owner: ParentOwner::ThisUser,
        }
    }

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn only_this_user_can_read_it_and_it_is_removed_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let made = ProgramDir::create(&parent(&folder)).unwrap();
        let file = made.write("config", b"[default]\n").unwrap();
        assert!(made.write("config", b"").is_err(), "it is not replaced");
        assert_eq!((mode(made.path()), mode(&file)), (0o700, 0o400));
        let path = made.path().to_owned();
        drop(made);
        assert!(!path.exists());
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a file of a test")]
    fn a_file_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let made = ProgramDir::create(&parent(&folder)).unwrap();
        let file = made.write("token", b"first").unwrap();
        let before = File::open(&file).unwrap();
        // What an interrupted write has left.
        File::create(made.path().join(".token.new")).unwrap();
        let new = made.write_beside([("token", &b"second"[..])].into_iter()).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"first");
        new.put_in_place().unwrap();
        assert_eq!((fs::read(&file).unwrap(), mode(&file)), (b"second".to_vec(), 0o400));
        assert_eq!(
            io::read_to_string(before).unwrap(),
            "first",
            "the reader of the old one has it"
        );
        let names = fs::read_dir(made.path()).unwrap().map(|it| it.unwrap().file_name());
        assert_eq!(names.collect::<Vec<_>>(), ["token"]);
        made.remove("token").unwrap();
        made.remove("token").unwrap();
        assert!(!file.exists());
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a file of a test")]
    fn no_file_is_replaced_if_one_cannot_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let made = ProgramDir::create(&parent(&folder)).unwrap();
        let key = made.write("key", b"first").unwrap();
        // A directory cannot be removed as a file.
        let blocked = made.path().join(".certificate.new");
        fs::create_dir(&blocked).unwrap();
        let files = [("key", &b"second"[..]), ("certificate", b"second")];
        made.write_beside(files.into_iter()).unwrap_err();
        assert_eq!(fs::read(&key).unwrap(), b"first");
        assert!(!made.path().join(".key.new").exists());
        fs::remove_dir(&blocked).unwrap();
        made.write_beside(files.into_iter()).unwrap().put_in_place().unwrap();
        assert_eq!(fs::read(&key).unwrap(), b"second");
    }

    #[test]
    fn directories_of_programs_that_have_ended_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (parent, own) = (parent(&folder), ProgramId::own());
        drop(ProgramDir::create(&parent).unwrap());
        let mut running = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let pid = i32::try_from(running.id()).unwrap();
        let other = ProgramId { pid, started: start_time(pid).unwrap(), ..own };
        let mut ended = Command::new("true").spawn().unwrap();
        let dead = ProgramId { pid: i32::try_from(ended.id()).unwrap(), ..own };
        ended.wait().unwrap();
        let kept = [
            own.directory_name(0),
            other.directory_name(1),
            ProgramId { started: 0, ..other }.directory_name(2),
            ProgramId { namespace: own.namespace + 1, ..dead }.directory_name(3),
            "exec-x".to_owned(),
            "exec-1-2".to_owned(),
            "session-0".to_owned(),
        ];
        let removed = [
            dead.directory_name(4),
            ProgramId { started: own.started + 1, ..own }.directory_name(5),
        ];
        for name in kept.iter().chain(&removed) {
            let _ = fs::create_dir(parent.path.join(name));
            File::create(parent.path.join(name).join("config")).unwrap();
        }
        let last = ProgramDir::create(&parent).unwrap();
        let mut left: Vec<String> = fs::read_dir(&parent.path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !last.path().ends_with(name))
            .collect();
        left.sort();
        let mut kept = kept.to_vec();
        kept.sort();
        assert_eq!(left, kept);
        running.kill().unwrap();
        running.wait().unwrap();
        drop(ProgramDir::create(&parent).unwrap());
        assert!(!parent.path.join(other.directory_name(1)).exists());
    }

    #[test]
    fn a_directory_stays_while_a_process_in_the_background_has_a_variable_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let (parent, own) = (parent(&folder), ProgramId::own());
        drop(ProgramDir::create(&parent).unwrap());
        let dead = ProgramId { started: own.started + 1, ..own };
        let [used, unused] = [1, 2].map(|number| parent.path.join(dead.directory_name(number)));
        for path in [&used, &unused] {
            fs::create_dir(path).unwrap();
        }
        let mut command = Command::new("cat");
        command.env("AWS_CONFIG_FILE", used.join("config"));
        let mut background = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // This process goes on a moment before the variables of the program can be seen.
        background.stdin.as_mut().unwrap().write_all(b"x").unwrap();
        background.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        drop(ProgramDir::create(&parent).unwrap());
        assert_eq!((used.exists(), unused.exists()), (true, false));
        background.kill().unwrap();
        background.wait().unwrap();
        drop(ProgramDir::create(&parent).unwrap());
        assert!(!used.exists());
    }

    #[test]
    fn directories_among_those_of_others_are_private_and_removed_too() {
        let folder = tempfile::tempdir().unwrap();
        let made = ProgramDir::create_among_others(folder.path()).unwrap();
        assert_eq!(mode(made.path()), 0o700);
        let own = ProgramId::own();
        let dead = ProgramId { started: own.started + 1, ..own }.directory_name(1);
        let dead = folder.path().join(format!("{AMONG_OTHERS}{dead}"));
        fs::create_dir(&dead).unwrap();
        drop(ProgramDir::create_among_others(folder.path()).unwrap());
        assert!(made.path().exists() && !dead.exists());
    }

    #[test]
    fn a_link_is_removed_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (parent, own) = (parent(&folder), ProgramId::own());
        let target = folder.path().join("target");
        fs::create_dir(&target).unwrap();
        File::create(target.join("file")).unwrap();
        drop(ProgramDir::create(&parent).unwrap());
        let dead = ProgramId { started: own.started + 1, ..own };
        let link = parent.path.join(dead.directory_name(1));
        std::os::unix::fs::symlink(&target, &link).unwrap();
        drop(ProgramDir::create(&parent).unwrap());
        assert!(target.join("file").exists());
    }
}
