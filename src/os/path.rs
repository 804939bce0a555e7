//! The directory of a path.

use std::path::Path;

/// Returns the directory that the entry of `path` is in: `.` for a bare name, and the root for the
/// root itself.
///
/// [`Path::parent`] returns an empty path for a bare name, which no system call accepts.
pub(super) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if directory.as_os_str().is_empty() => Path::new("."),
        Some(directory) => directory,
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_a_directory_that_can_be_opened() {
        for (path, directory) in
            [("a", "."), ("./a", "."), ("a/b", "a"), ("/a", "/"), ("/", "/"), ("../a/", "..")]
        {
            assert_eq!(directory_of(Path::new(path)), Path::new(directory), "{path}");
        }
    }
}
