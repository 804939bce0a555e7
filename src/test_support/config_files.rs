//! Configuration files in memory.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use crate::config::files::{ConfigFileError, ConfigFiles};

/// Configuration files in memory.
#[derive(Default)]
pub(crate) struct FakeConfigFiles {
    files: Vec<(PathBuf, String)>,
    /// The files that were asked for, in order.
    pub(crate) asked: RefCell<Vec<PathBuf>>,
}

impl FakeConfigFiles {
    /// Returns one file.
    pub(crate) fn one(path: &str, text: &str) -> Self {
        Self::of(&[(path, text)])
    }

    /// Returns files with these paths and texts.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let owned = |(path, text): &(&str, &str)| (path.into(), (*text).to_owned());
        Self { files: files.iter().map(owned).collect(), ..Self::default() }
    }
}

impl ConfigFiles for FakeConfigFiles {
    fn read(&self, path: &Path) -> Result<Option<String>, ConfigFileError> {
        self.asked.borrow_mut().push(path.to_owned());
        let found = self.files.iter().find(|(known, _)| known == path);
        Ok(found.map(|(_, text)| text.clone()))
    }
}
