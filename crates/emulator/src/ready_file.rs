//! The ready file: written once the emulator listens, with the variables for clients.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::environment::{LAST_VARIABLE, exports};
use crate::error::Error;
use crate::os;

/// More than the variables of any emulator.
const MOST_BYTES: u64 = 1 << 20;

/// A file that is there while the emulator listens. It is removed with the value.
#[derive(Debug)]
pub(crate) struct ReadyFile(PathBuf);

impl ReadyFile {
    /// Removes what an emulator that was killed has left, so that no one takes it for ours. Any
    /// other file is someone's, or a device.
    pub(crate) fn new(path: PathBuf) -> Result<Self, Error> {
        match is_left(&path) {
            Ok(true) => {}
            Ok(false) => return Err(Error::NotReadyFile(path)),
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(Self(path)),
            Err(source) => return Err(Error::File { action: "read", path, source }),
        }
        match os::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(Error::File { action: "remove", path, source })
            }
            _ => Ok(Self(path)),
        }
    }

    /// Writes the file whole: a reader finds all of the variables or no file.
    pub(crate) fn write(&self, variables: &[(String, OsString)]) -> Result<(), Error> {
        os::replace(&self.0, text(&self.0, variables).as_bytes()).map_err(|source| Error::File {
            action: "write",
            path: self.0.clone(),
            source,
        })
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        let _ = os::remove_file(&self.0);
    }
}

/// Returns whether a file is one of an emulator, or empty as `mktemp` makes it.
fn is_left(path: &Path) -> io::Result<bool> {
    let metadata = path.symlink_metadata()?;
    if !metadata.is_file() || metadata.len() > MOST_BYTES {
        return Ok(false);
    }
    let contents = os::read(path)?;
    let mark = LAST_VARIABLE.as_bytes();
    Ok(contents.is_empty() || contents.windows(mark.len()).any(|part| part == mark))
}

/// Returns the variables as one JSON object if the name of the file ends in `.json`, which a test
/// in any language reads, and otherwise as lines for a shell to source.
fn text(path: &Path, variables: &[(String, OsString)]) -> String {
    if !path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
        return exports(variables);
    }
    let value = |value: &OsString| Value::from(value.to_string_lossy());
    let variables: Map<_, _> =
        variables.iter().map(|(name, text)| (name.clone(), value(text))).collect();
    format!("{:#}\n", Value::from(variables))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_json_or_for_a_shell() {
        let variables = [("A".to_owned(), OsString::from("it's")), ("B".to_owned(), "".into())];
        let json = text(Path::new("x/ready.JSON"), &variables);
        assert_eq!(json, "{\n  \"A\": \"it's\",\n  \"B\": \"\"\n}\n");
        for name in ["ready", "ready.env", "json"] {
            let shell = text(Path::new(name), &variables);
            assert_eq!(shell, "export A='it'\\''s'\nexport B=''\n", "{name}");
        }
    }

    #[test]
    fn the_ready_file_exists_until_it_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ready");
        os::write(&path, b"export EMULATOR_DIR='/left'\n", false).unwrap();
        let file = ReadyFile::new(path.clone()).unwrap();
        assert!(!path.exists());
        file.write(&[("A".to_owned(), "1".into())]).unwrap();
        assert_eq!(os::read_text(&path).unwrap(), "export A='1'\n");
        assert_eq!(directory.path().read_dir().unwrap().count(), 1);
        drop(file);
        assert!(!path.exists());
        let error = ReadyFile::new(path.join("no/directory")).unwrap().write(&[]).unwrap_err();
        assert!(error.to_string().starts_with("cannot write `"), "{error}");
    }

    #[test]
    fn a_foreign_file_is_not_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        os::write(&path("key.pem"), b"a key", false).unwrap();
        os::write(&path("empty"), b"", false).unwrap();
        std::os::unix::fs::symlink(path("empty"), path("link")).unwrap();
        for name in ["key.pem", "link", "."] {
            let error = ReadyFile::new(path(name)).unwrap_err();
            assert!(matches!(error, Error::NotReadyFile(_)), "{name}: {error}");
            assert!(path(name).symlink_metadata().is_ok(), "{name}");
        }
        ReadyFile::new(path("empty")).unwrap();
        assert!(!path("empty").exists());
    }
}
