//! The ready file: written once the emulator listens, with the variables for clients.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::environment::exports;
use crate::error::Error;
use crate::os;

/// A file that is there while the emulator listens. It is removed with the value.
#[derive(Debug)]
pub(crate) struct ReadyFile(PathBuf);

impl ReadyFile {
    /// Removes what an emulator that was killed has left, so that no one takes it for ours.
    pub(crate) fn new(path: PathBuf) -> Result<Self, Error> {
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
    fn the_file_is_there_from_its_writing_to_its_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ready");
        os::write(&path, b"stale", false).unwrap();
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
}
