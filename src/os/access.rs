//! Why access to a file is denied: its owner and mode, and the user of this process.

#[cfg(not(unix))]
pub(super) use non_unix::explain;
#[cfg(unix)]
pub(super) use unix::{denied, explain, ownership};

#[cfg(unix)]
mod unix {
    use std::fmt::Octal;
    use std::io;
    use std::os::unix::fs::MetadataExt as _;
    use std::path::Path;

    use rustix::io::Errno;

    use roles_anywhere_client::text::disclosure::path_name;

    /// How many links are followed to find what denies access.
    const MAX_LINKS: usize = 40;

    /// Adds to an error of permission the owner and mode of the file, or of the directory on its path
    /// that denies access; returns other errors as they are.
    // Cold, so that it is not inlined into its many callers and the program stays small.
    #[cold]
    pub(in crate::os) fn explain(path: &Path, error: io::Error) -> io::Error {
        if error.kind() != io::ErrorKind::PermissionDenied {
            return error;
        }
        let mut path = path.to_owned();
        for _ in 0..MAX_LINKS {
            // If a path has no metadata, it is below a directory that denies access, or is to be created
            // in one. Either way that is the last directory that can be read.
            let mut above = path.ancestors().map(named);
            let Some(part) = above.find(|part| part.symlink_metadata().is_ok()) else { break };
            if let Ok(metadata) = part.metadata() {
                let what = match part == path {
                    true => "it".to_owned(),
                    false => format!("the directory {}", path_name(part, true)),
                };
                return denied(&what, metadata.uid(), metadata.mode() & 0o7777, error);
            }
            let Ok(target) = part.read_link() else { break };
            path = part.with_file_name(target);
        }
        error
    }

    /// Adds the owner and mode of `what` to an error of permission; returns other errors as they are.
    #[cold]
    pub(in crate::os) fn denied(
        what: &str,
        owner: u32,
        mode: impl Octal,
        error: io::Error,
    ) -> io::Error {
        let refusal = match Errno::from_io_error(&error) {
            Some(Errno::ACCESS) => "permission denied",
            Some(Errno::PERM) => "operation not permitted",
            _ => return error,
        };
        let words = format!("{refusal}: {}", ownership(what, owner, mode));
        io::Error::new(io::ErrorKind::PermissionDenied, words)
    }

    /// Returns the owner and mode of `what`, and the user of this process, as text.
    pub(in crate::os) fn ownership(what: &str, owner: u32, mode: impl Octal) -> String {
        let own = rustix::process::geteuid().as_raw();
        format!(
            "{what} belongs to uid {owner} (mode {mode:04o}), and this process runs as uid {own}"
        )
    }

    /// Returns `.` for the empty path, the last parent of a relative one.
    fn named(part: &Path) -> &Path {
        if part.as_os_str().is_empty() { Path::new(".") } else { part }
    }
}

#[cfg(not(unix))]
mod non_unix {
    use std::io;
    use std::path::Path;

    /// Returns the error as it is: owner and mode are not known on this system.
    pub(in crate::os) fn explain(_path: &Path, error: io::Error) -> io::Error {
        error
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs::{self, Permissions};
    use std::io;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::explain;

    const EPERM: i32 = 1;
    const EACCES: i32 = 13;
    const EROFS: i32 = 30;

    #[test]
    fn error_names_owner_mode_and_user() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let set_mode = |name, mode| fs::set_permissions(at(name), Permissions::from_mode(mode));
        fs::create_dir_all(at("above/own")).unwrap();
        fs::File::create(at("file")).unwrap();
        symlink("file", at("link")).unwrap();
        symlink("above/own/absent", at("link-to-nothing")).unwrap();
        symlink(at("above/own"), at("link-to-a-directory")).unwrap();
        set_mode("file", 0o640).unwrap();
        set_mode("above/own", 0o710).unwrap();
        let own = rustix::process::geteuid().as_raw();
        let said = |what: &str, mode| {
            format!("{what} belongs to uid {own} (mode {mode}), and this process runs as uid {own}")
        };
        let directory = |name| said(&format!("the directory `{}`", at(name).display()), "0710");
        let rows = [
            ("file", said("it", "0640")),
            ("link", said("it", "0640")),
            ("above/own", said("it", "0710")),
            ("above/own/absent", directory("above/own")),
            ("above/own/absent/file", directory("above/own")),
            ("link-to-nothing", directory("above/own")),
            ("link-to-a-directory/absent", directory("link-to-a-directory")),
        ];
        for (name, words) in rows {
            for (number, refusal) in
                [(EACCES, "permission denied"), (EPERM, "operation not permitted")]
            {
                let error = explain(&at(name), io::Error::from_raw_os_error(number));
                assert_eq!(error.to_string(), format!("{refusal}: {words}"), "{name}");
                assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
            }
        }
    }

    #[test]
    fn other_errors_stay_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let error = explain(folder.path(), io::Error::from_raw_os_error(EROFS));
        assert_eq!(error.raw_os_error(), Some(EROFS));
        let error = explain(folder.path(), io::Error::new(io::ErrorKind::PermissionDenied, "a"));
        assert_eq!(error.to_string(), "a");
    }
}
