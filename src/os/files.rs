//! The `Files` port: files, standard input, inherited descriptors and `env:NAME` sources.

mod append;
mod pipe;

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
#[cfg(not(unix))]
use std::io::Write as _;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::os::access;
use crate::os::descriptor;
use crate::os::path::directory_of;
#[cfg(unix)]
use crate::os::secret_file;
use roles_anywhere_client::input_source::{
    Action, FileError, Files, InputSource, InputSourceName, Location, MAX_SIZE,
};
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::text::disclosure::{Sensitivity, quoted};
use roles_anywhere_client::text::path;

/// Reads and writes files, standard input, inherited descriptors and `env:NAME` sources.
#[derive(Debug)]
pub struct SystemFiles {
    environment: Arc<Environment>,
    /// The sources that can be read only once.
    cached: Mutex<BTreeMap<Location, CachedInput>>,
}

/// The contents of a source that can be read only once, or why it could not be read.
type CachedInput = Result<SecretBytes, (io::ErrorKind, String)>;

impl SystemFiles {
    /// Returns the port; `env:NAME` is read from `environment`.
    pub fn new(environment: Arc<Environment>) -> Self {
        Self { environment, cached: Mutex::default() }
    }

    /// Returns the port with the contents of inputs that can be read only once, and that another process
    /// has read.
    pub fn with_read_once(
        environment: Arc<Environment>,
        inputs: BTreeMap<Location, SecretBytes>,
    ) -> Self {
        let cached = inputs.into_iter().map(|(location, bytes)| (location, Ok(bytes))).collect();
        Self { environment, cached: Mutex::new(cached) }
    }

    /// Returns the contents of the inputs that can be read only once, as far as they were read.
    pub fn read_once(&self) -> BTreeMap<Location, SecretBytes> {
        let cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let read = |(location, bytes): (&Location, &CachedInput)| {
            Some((location.clone(), bytes.as_ref().ok()?.clone()))
        };
        cached.iter().filter_map(read).collect()
    }

    /// Atomically replaces `path` with a file of mode 0600 and these contents.
    ///
    /// A pipe or device of this user or of root is written to, for `limit` at most. A file of another
    /// user is refused, and so is a symbolic link of another user.
    pub fn write(&self, path: &Path, contents: &[u8], limit: Duration) -> Result<(), FileError> {
        write(path, contents, limit).map_err(|source| FileError {
            action: Action::Write,
            place: InputSourceName::of_path(path, path.exists()),
            source,
        })
    }

    /// Adds lines at the end of a file that exists, all or none.
    pub fn append(&self, path: &Path, lines: &[u8]) -> Result<(), FileError> {
        append::append(path, lines).map_err(|source| FileError {
            action: Action::Write,
            place: InputSourceName::of_path(path, path.exists()),
            source,
        })
    }

    fn bytes(&self, source: &InputSource) -> io::Result<SecretBytes> {
        let location = &source.location;
        match location {
            // A pipe can be read only once, and certificate and key may be in the same one.
            Location::File(path) if self.is_read_once(location, path) => {
                self.once(location, || read(path, MAX_SIZE))
            }
            Location::File(path) => read(path, MAX_SIZE),
            Location::Variable(name) => match self.environment.get(name) {
                Some(value) => Ok(SecretBytes::new(path::octets(value))),
                None => Err(io::Error::new(io::ErrorKind::NotFound, "it is unset or empty")),
            },
            #[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
            Location::Stdin => self.once(location, || pipe::read_all(&io::stdin(), MAX_SIZE)),
            Location::Descriptor(number) => self.once(location, || read_descriptor(*number)),
        }
    }

    /// Returns whether `path` is a pipe, or was one whose name is gone, such as `/dev/fd/63` of another
    /// process. A file that has replaced a pipe is read as a file.
    fn is_read_once(&self, location: &Location, path: &Path) -> bool {
        match path.metadata() {
            Ok(metadata) if metadata.is_file() => false,
            Ok(metadata) if pipe::is_pipe(&metadata) => true,
            _ => self.cached.lock().unwrap_or_else(PoisonError::into_inner).contains_key(location),
        }
    }

    fn once(
        &self,
        location: &Location,
        read: impl FnOnce() -> io::Result<SecretBytes>,
    ) -> io::Result<SecretBytes> {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = cached.get(location) {
            return known.clone().map_err(|(kind, words)| io::Error::new(kind, words));
        }
        // An error is cached too: what was read before it cannot be read again, and a pipe without a
        // writer would be waited for once more.
        let bytes = read();
        let result = bytes.as_ref().map(Clone::clone);
        let result = result.map_err(|error| (error.kind(), error.to_string()));
        cached.insert(location.clone(), result);
        bytes
    }
}

impl Files for SystemFiles {
    fn read(&self, source: &InputSource) -> Result<SecretBytes, FileError> {
        self.bytes(source).map_err(|error| FileError {
            action: Action::Read,
            place: source.name(exists(source)),
            source: error,
        })
    }

    fn readable_by_others(&self, source: &InputSource) -> Option<u32> {
        let Location::File(path) = &source.location else { return None };
        readable_by_others(path)
    }
}

/// Returns whether a source is an existing file; used in messages only.
fn exists(source: &InputSource) -> bool {
    matches!(&source.location, Location::File(path) if path.exists())
}

/// Reads an open descriptor, through a copy of it if the kernel supports that.
fn read_descriptor(number: u32) -> io::Result<SecretBytes> {
    match descriptor::copy(number)? {
        Some(file) => pipe::read_all(&file, MAX_SIZE),
        None => read(Path::new(&format!("/dev/fd/{number}")), MAX_SIZE),
    }
}

/// Returns the permissions of a file that others than its owner may read.
#[cfg(unix)]
pub(super) fn readable_by_others(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let mode = path.metadata().ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

/// Returns `None`: not known on this system.
#[cfg(not(unix))]
pub(super) fn readable_by_others(_path: &Path) -> Option<u32> {
    None
}

/// Returns the owner of a file, if that is neither this user nor root.
#[cfg(unix)]
pub fn foreign_owner(path: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    let owner = path.metadata().ok()?.uid();
    let is_trusted = owner == 0 || owner == rustix::process::geteuid().as_raw();
    (!is_trusted).then_some(owner)
}

/// Returns `None`: not known on this system.
#[cfg(not(unix))]
pub fn foreign_owner(_path: &Path) -> Option<u32> {
    None
}

/// Returns whether `own` is the file at `path` itself, not one that a link there leads to.
#[cfg(unix)]
pub(super) fn is_at(own: &Metadata, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let there = path.symlink_metadata();
    there.is_ok_and(|there| (there.dev(), there.ino()) == (own.dev(), own.ino()))
}

/// Returns true: not known on this system.
#[cfg(not(unix))]
pub(super) fn is_at(_own: &Metadata, _path: &Path) -> bool {
    true
}

/// Reads a file of at most `limit` bytes; a pipe for a bounded time.
pub fn read(path: &Path, limit: u64) -> io::Result<SecretBytes> {
    read_plainly(path, limit).map_err(|error| access::explain(path, error))
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that opens files")]
fn read_plainly(path: &Path, limit: u64) -> io::Result<SecretBytes> {
    let metadata = path.metadata()?;
    if metadata.len() > limit {
        return Err(too_large(limit));
    }
    if pipe::is_pipe(&metadata) {
        return pipe::read_all(&pipe::open(path)?, limit);
    }
    let size = usize::try_from(metadata.len()).unwrap_or(0);
    whole(File::open(path)?, size, limit)
}

/// Reads `file` to its end, which is expected after `size` bytes.
pub(super) fn whole(file: impl Read, size: usize, limit: u64) -> io::Result<SecretBytes> {
    // One byte larger than the file, so that the buffer does not grow and leave a copy behind.
    let mut bytes = Vec::with_capacity((size + 1).max(16 << 10));
    let read = file.take(limit + 1).read_to_end(&mut bytes);
    let bytes = SecretBytes::new(bytes);
    read?;
    match bytes.expose().len() as u64 > limit {
        true => Err(too_large(limit)),
        false => Ok(bytes),
    }
}

/// Creates a directory of mode 0700; its parent has to exist.
pub fn make_directory(path: &Path) -> io::Result<()> {
    match private_directory().create(path) {
        Err(error) if !path.is_dir() => Err(error),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn private_directory() -> std::fs::DirBuilder {
    let mut builder = std::fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

#[cfg(not(unix))]
fn private_directory() -> std::fs::DirBuilder {
    std::fs::DirBuilder::new()
}

fn too_large(limit: u64) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {limit} bytes"))
}

/// Returns the error for a file that is not a regular one.
pub(super) fn not_regular(metadata: &Metadata) -> io::Error {
    let what = match metadata.is_dir() {
        true => "it is a directory",
        false if is_device(metadata) => "it is a device",
        false => "it is not a regular file",
    };
    io::Error::new(io::ErrorKind::Unsupported, what)
}

#[cfg(unix)]
fn is_device(metadata: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    let kind = metadata.file_type();
    kind.is_char_device() || kind.is_block_device()
}

#[cfg(not(unix))]
fn is_device(_metadata: &Metadata) -> bool {
    false
}

/// Returns an error that names the directory of `path`, if that is missing.
fn without_directory(path: &Path, error: io::Error) -> io::Error {
    let directory = directory_of(path);
    if error.kind() != io::ErrorKind::NotFound || directory.exists() {
        return error;
    }
    let directory = quoted(&directory.to_string_lossy(), Sensitivity::Public, "above it");
    let words = format!("there is no directory {directory}");
    io::Error::new(io::ErrorKind::NotADirectory, words)
}

/// Replaces a file as a whole; writes to a pipe or a device of this user or of root.
///
/// If `path` is a link, the file that it leads to is replaced and the link stays.
#[cfg(unix)]
fn write(path: &Path, contents: &[u8], limit: Duration) -> io::Result<()> {
    target(path)?.write(contents, limit).map_err(|error| access::explain(path, error))
}

/// Replaces a file as a whole.
#[cfg(not(unix))]
fn write(path: &Path, contents: &[u8], _limit: Duration) -> io::Result<()> {
    replace(path, contents)
}

/// Returns what `path` leads to; the error names a directory that is missing or denies access.
#[cfg(unix)]
pub(super) fn target(path: &Path) -> io::Result<secret_file::ResolvedTarget> {
    secret_file::resolve(path)
        .map_err(|error| access::explain(path, without_directory(path, error)))
}

/// Replaces a regular file as a whole, or creates it; refuses anything else.
#[cfg(unix)]
pub(super) fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    match target(path)? {
        secret_file::ResolvedTarget::File(entry) => entry.replace(contents),
        _ => Err(io::Error::new(io::ErrorKind::Unsupported, "it is not a regular file")),
    }
}

/// Replaces a regular file as a whole, or creates it; refuses anything else.
#[cfg(not(unix))]
pub(super) fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    let target = match path.metadata() {
        Ok(metadata) if metadata.is_file() => path.canonicalize()?,
        Ok(metadata) => return Err(not_regular(&metadata)),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Err(_) => path.to_owned(),
    };
    let directory = directory_of(&target);
    let temporary = tempfile::Builder::new().prefix(".roles-anywhere-").tempfile_in(directory);
    let mut temporary = temporary.map_err(|error| without_directory(path, error))?;
    temporary.write_all(contents)?;
    temporary.as_file().sync_all()?;
    temporary.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(1);

    fn files() -> SystemFiles {
        SystemFiles::new(Arc::default())
    }

    fn read(files: &SystemFiles, path: &Path) -> Result<SecretBytes, FileError> {
        files.read(&InputSource::file(path))
    }

    #[test]
    fn replaced_file_is_readable_by_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        files().write(&path, b"one", LIMIT).unwrap();
        files().write(&path, b"two", LIMIT).unwrap();
        assert_eq!(read(&files(), &path).unwrap().expose(), b"two");
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    #[cfg(unix)]
    fn error_of_a_closed_descriptor_is_repeated() {
        let (files, closed) = (files(), InputSource::from(Location::Descriptor(987)));
        let errors = [(); 2].map(|()| files.read(&closed).unwrap_err().source.to_string());
        assert_eq!(errors[0], errors[1]);
        assert!(errors[0].contains("Bad file descriptor"), "{errors:?}");
    }

    #[test]
    #[cfg(unix)]
    fn symbolic_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        files().write(&real, b"one", LIMIT).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        files().write(&link, b"two", LIMIT).unwrap();
        assert!(link.is_symlink());
        assert_eq!(read(&files(), &real).unwrap().expose(), b"two");
    }

    #[test]
    fn refuses_directories_and_large_files() {
        let folder = tempfile::tempdir().unwrap();
        let error = read(&files(), folder.path()).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::IsADirectory);
        assert!(files().write(folder.path(), b"", LIMIT).is_err());
        let path = folder.path().join("large");
        files().write(&path, &vec![0; 1 + MAX_SIZE as usize], LIMIT).unwrap();
        assert_eq!(read(&files(), &path).unwrap_err().source.kind(), io::ErrorKind::FileTooLarge);
    }
}
