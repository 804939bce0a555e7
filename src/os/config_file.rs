//! Configuration files of the system.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::Path;

use crate::config::files::{ConfigFileError, ConfigFileReason, ConfigFiles};
use crate::os::access;
#[cfg(unix)]
use crate::os::secret_file::{self, ResolvedTarget};

/// Reads configuration files.
#[derive(Clone, Copy, Debug)]
pub struct SystemConfigFiles;

/// The largest file that is read, in bytes: a thousand roles take a third of it.
const MAX_SIZE: u64 = 1 << 20;

impl ConfigFiles for SystemConfigFiles {
    fn read(&self, path: &Path) -> Result<Option<String>, ConfigFileError> {
        let error = |source| ConfigFileError { path: path.to_owned(), source };
        match open(path) {
            Ok(file) => text(&file).map(Some).map_err(error),
            Err(absent) if is_absence(&absent) => Ok(None),
            Err(other) => Err(error(match other.kind() {
                io::ErrorKind::IsADirectory => ConfigFileReason::NotRegular,
                io::ErrorKind::Unsupported => ConfigFileReason::Untrusted(other),
                _ => ConfigFileReason::Unreadable(access::explain(path, other)),
            })),
        }
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Opens a file for reading. A link of another user on the path is refused, also in a directory with the
/// sticky bit: the relative paths in the file begin there.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    match secret_file::resolve(path)? {
        ResolvedTarget::File(entry) | ResolvedTarget::Special(entry) => entry.open(),
        // `/dev/stdin`, whose link the kernel follows.
        ResolvedTarget::Descriptor(_) => {
            let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
            Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
        }
    }
}

#[cfg(not(unix))]
#[expect(clippy::disallowed_methods, reason = "the one place that opens configuration files")]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Returns the text of an open file. What is checked is the file that was opened: another user cannot
/// replace it in between.
fn text(file: &File) -> Result<String, ConfigFileReason> {
    let metadata = file.metadata().map_err(ConfigFileReason::Unreadable)?;
    check(&metadata)?;
    let too_large = ConfigFileReason::TooLarge { limit: MAX_SIZE };
    if metadata.len() > MAX_SIZE {
        return Err(too_large);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
    file.take(MAX_SIZE + 1).read_to_end(&mut bytes).map_err(ConfigFileReason::Unreadable)?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(too_large);
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..valid).unwrap_or_default();
        ConfigFileReason::NotUtf8 { line: before.iter().filter(|byte| **byte == b'\n').count() + 1 }
    })
}

#[cfg(unix)]
fn check(metadata: &Metadata) -> Result<(), ConfigFileReason> {
    use std::os::unix::fs::MetadataExt as _;
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    let user = rustix::process::geteuid().as_raw();
    if !metadata.is_file() {
        return Err(ConfigFileReason::NotRegular);
    }
    if owner != 0 && owner != user {
        return Err(ConfigFileReason::ForeignOwner { owner, mode, user });
    }
    match mode & 0o022 {
        0 => Ok(()),
        _ => Err(ConfigFileReason::Writable { owner, mode }),
    }
}

/// Owner and mode are not known on this system.
#[cfg(not(unix))]
fn check(metadata: &Metadata) -> Result<(), ConfigFileReason> {
    if metadata.is_file() { Ok(()) } else { Err(ConfigFileReason::NotRegular) }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs::{self, Permissions};
    use std::io::Write as _;
    use std::os::unix::fs::{PermissionsExt as _, chown, lchown, symlink};

    use super::*;
    use crate::output::error::Error;

    fn write(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) {
        let mut file = File::create(path).unwrap();
        file.write_all(contents.as_ref()).unwrap();
    }

    /// Makes a file of a mode, and reads it.
    fn read(contents: &[u8], mode: u32) -> Result<Option<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        write(&path, contents);
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        reported(&path)
    }

    fn reported(path: &Path) -> Result<Option<String>, String> {
        let folder = path.parent().unwrap().display().to_string();
        let own = format!("uid {}", rustix::process::geteuid().as_raw());
        SystemConfigFiles.read(path).map_err(|error| {
            Error::from(error).to_string().replace(&folder, "DIR").replace(&own, "uid OWN")
        })
    }

    #[test]
    fn reads_a_file_that_only_its_owner_can_write() {
        for mode in [0o400, 0o600, 0o644, 0o755] {
            assert_eq!(read("a = 'ü'".as_bytes(), mode).unwrap().unwrap(), "a = 'ü'");
        }
    }

    #[test]
    fn refuses_a_file_that_others_can_write() {
        insta::assert_snapshot!(read(b"", 0o664).unwrap_err(), @r"
        error: cannot use the configuration file `DIR/config.toml`
          caused by: users other than its owner can write it (uid OWN, mode 0664)
          hint: let only its owner write it, as it decides where requests are sent: `chmod go-w DIR/config.toml`
        ");
        assert!(read(b"", 0o602).unwrap_err().contains("(uid OWN, mode 0602)"));
    }

    #[test]
    fn an_absent_file_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path().join("file"), "");
        for name in ["none", "none/config.toml", "file/config.toml"] {
            assert_eq!(reported(&folder.path().join(name)).unwrap(), None, "{name}");
        }
    }

    #[test]
    fn refuses_what_is_no_text_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("directory")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), rustix::fs::Mode::RWXU).unwrap();
        symlink(at("pipe"), at("link")).unwrap();
        for name in ["directory", "pipe", "link"] {
            let error = reported(&at(name)).unwrap_err();
            assert!(error.contains("it is not a regular file"), "{error}");
        }
        assert!(read(b"a\nb \xff", 0o600).unwrap_err().contains("not valid UTF-8 (line 2)"));
        let large = vec![b'#'; (1 << 20) + 1];
        assert!(read(&large, 0o600).unwrap_err().contains("larger than 1024 KiB"));
    }

    /// Only root can make a link of another user.
    #[test]
    fn refuses_a_link_of_another_user() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::set_permissions(folder.path(), Permissions::from_mode(0o1777)).unwrap();
        fs::create_dir(at("real")).unwrap();
        write(at("real/config.toml"), "a = 1");
        fs::set_permissions(at("real/config.toml"), Permissions::from_mode(0o644)).unwrap();
        for (link, target) in [("file", "real/config.toml"), ("directory", "real")] {
            symlink(target, at(link)).unwrap();
        }
        let paths = [at("file"), at("directory/config.toml")];
        for path in &paths {
            assert_eq!(reported(path).unwrap().unwrap(), "a = 1");
        }
        for link in ["file", "directory"] {
            lchown(at(link), Some(65_534), None).unwrap();
        }
        let errors = paths.map(|path| reported(&path).unwrap_err());
        insta::assert_snapshot!(errors.join("\n\n"), @r"
        error: cannot use the configuration file `DIR/file`
          caused by: the link `DIR/file` belongs to another user (uid 65534)
          hint: a configuration, and each symbolic link on its path, must belong to root or to the user who runs the command

        error: cannot use the configuration file `DIR/config.toml`
          caused by: the link `DIR` belongs to another user (uid 65534)
          hint: a configuration, and each symbolic link on its path, must belong to root or to the user who runs the command
        ");
    }

    /// Only root can make a file of another user.
    #[test]
    fn refuses_a_file_of_another_user() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        write(&path, "");
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        chown(&path, Some(65_534), None).unwrap();
        insta::assert_snapshot!(reported(&path).unwrap_err(), @r"
        error: cannot use the configuration file `DIR/config.toml`
          caused by: it belongs to uid 65534 (mode 0644), and this process runs as uid OWN
          hint: make root its owner: `chown root DIR/config.toml`
        ");
    }
}
