//! Another program that this process becomes.

#[cfg(unix)]
pub use unix::{find, replace_process, spawn};

#[cfg(unix)]
mod unix {
    use std::convert::Infallible;
    use std::ffi::{CString, OsStr, OsString};
    use std::io;
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    use std::os::unix::process::CommandExt as _;
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command};

    use nix::errno::Errno;
    use nix::unistd::execve;
    use rustix::fs::Access;

    use crate::options::table::other_programs::POSIX_SHELL;
    use crate::output::program::ProgramError;

    /// Where programs are if `PATH` is not set, as for glibc's `execvp`.
    const DEFAULT_PATH: &str = "/bin:/usr/bin";

    /// Returns the path of a program: a name without a slash is searched in the directories of `path`.
    pub fn find(name: &OsStr, path: Option<&OsStr>) -> Result<PathBuf, ProgramError> {
        if name.as_bytes().contains(&b'/') {
            return check(PathBuf::from(name));
        }
        let mut not_executable = None;
        if !name.is_empty() {
            for dir in std::env::split_paths(path.unwrap_or_else(|| DEFAULT_PATH.as_ref())) {
                let dir = if dir.as_os_str().is_empty() { PathBuf::from(".") } else { dir };
                match check(dir.join(name)) {
                    Ok(path) => return Ok(path),
                    // In a directory that this user cannot search, there is no program for a shell.
                    Err(ProgramError::Refused { path, source }) if path.exists() => {
                        not_executable.get_or_insert(ProgramError::Refused { path, source });
                    }
                    Err(_) => {}
                }
            }
        }
        Err(not_executable.unwrap_or_else(|| ProgramError::NotInPath { name: name.into() }))
    }

    /// Returns the path of a file that may be executed.
    fn check(path: PathBuf) -> Result<PathBuf, ProgramError> {
        match path.metadata() {
            Ok(metadata) if metadata.is_dir() => return Err(ProgramError::Directory { path }),
            Ok(_) => {}
            Err(error) => return Err(missing(path, error)),
        }
        match rustix::fs::access(&path, Access::EXEC_OK) {
            Ok(()) => Ok(path),
            Err(error) => Err(ProgramError::Refused { path, source: error.into() }),
        }
    }

    fn missing(path: PathBuf, error: io::Error) -> ProgramError {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                ProgramError::NotFound { path }
            }
            _ => ProgramError::Refused { path, source: error },
        }
    }

    /// Replaces this process by a program. Returns only if that fails.
    ///
    /// `arguments` begin with the name of the program. The signal mask and the dispositions of signals
    /// stay as they are.
    pub fn replace_process(
        path: &Path,
        arguments: Vec<OsString>,
        variables: Vec<(OsString, OsString)>,
    ) -> Result<Infallible, ProgramError> {
        let refused = |source: io::Error| ProgramError::Refused { path: path.to_owned(), source };
        let strings = || {
            let variables = variables.into_iter().map(|(mut variable, value)| {
                variable.push("=");
                variable.push(value);
                variable
            });
            let path = c_string(path.as_os_str().to_owned())?;
            let arguments = arguments.into_iter().map(c_string).collect::<io::Result<Vec<_>>>()?;
            Ok((path, arguments, variables.map(c_string).collect::<io::Result<Vec<_>>>()?))
        };
        let (file, mut arguments, variables) = strings().map_err(refused)?;
        let Err(mut error) = execve(&file, &arguments, &variables);
        // It has no `#!`: the shell runs it, as by `execvp`.
        if error == Errno::ENOEXEC {
            let shell = c_string(POSIX_SHELL.into()).map_err(refused)?;
            arguments.splice(..1, [shell.clone(), file]);
            let Err(shell_error) = execve(&shell, &arguments, &variables);
            if shell_error == Errno::E2BIG {
                error = shell_error;
            }
        }
        Err(refusal(path, error.into()))
    }

    /// Starts a program as a child of this process, in a process group of its own if it is to be separate.
    /// `arguments` are as for [`replace_process`], and so are the signals. The variables get sorted.
    pub fn spawn(
        path: &Path,
        arguments: &[OsString],
        variables: &[(OsString, OsString)],
        is_separate: bool,
    ) -> Result<Child, ProgramError> {
        let spawn = |file: &Path, name: &OsStr, words: &[OsString]| {
            let variables = variables.iter().map(|(name, value)| (name, value));
            let mut command = Command::new(file);
            command.arg0(name).args(words).env_clear().envs(variables);
            if is_separate {
                command.process_group(0);
            }
            roles_anywhere_inherited_signals::restore_in(&mut command);
            command.spawn()
        };
        let (name, words) = arguments.split_at(arguments.len().min(1));
        let name = name.first().map_or(path.as_os_str(), OsString::as_os_str);
        let spawned = match spawn(path, name, words) {
            Err(error) if error.raw_os_error() == Some(Errno::ENOEXEC as i32) => {
                let words = [&[path.as_os_str().to_owned()], words].concat();
                spawn(Path::new(POSIX_SHELL), OsStr::new(POSIX_SHELL), &words)
            }
            spawned => spawned,
        };
        spawned.map_err(|error| refusal(path, error))
    }

    /// Returns why the system does not run the program at `path`.
    fn refusal(path: &Path, error: io::Error) -> ProgramError {
        if error.raw_os_error() == Some(Errno::ENOENT as i32) && path.exists() {
            return ProgramError::NoInterpreter { path: path.to_owned() };
        }
        missing(path.to_owned(), error)
    }

    fn c_string(text: OsString) -> io::Result<CString> {
        Ok(CString::new(text.into_vec())?)
    }

    #[cfg(test)]
    mod tests {
        use std::fs::{self, Permissions};
        use std::os::unix::fs::PermissionsExt as _;

        use super::*;

        /// Makes directories with files of these modes, and returns them with a `PATH` of all.
        #[expect(clippy::disallowed_methods, reason = "the files of a test")]
        fn path(files: &[(&str, u32)]) -> (tempfile::TempDir, OsString) {
            let folder = tempfile::tempdir().unwrap();
            let mut dirs: Vec<PathBuf> = Vec::new();
            for (name, mode) in files {
                let file = folder.path().join(name);
                let dir = file.parent().unwrap().to_owned();
                fs::create_dir_all(&dir).unwrap();
                fs::write(&file, "").unwrap();
                fs::set_permissions(&file, Permissions::from_mode(*mode)).unwrap();
                if !dirs.contains(&dir) {
                    dirs.push(dir);
                }
            }
            let path = std::env::join_paths(dirs).unwrap();
            (folder, path)
        }

        #[test]
        fn first_executable_file_in_the_path_is_found() {
            let (folder, path) = path(&[("a/x", 0o644), ("b/x", 0o755), ("c/x", 0o755)]);
            let found = find(OsStr::new("x"), Some(&path)).unwrap();
            assert_eq!(found, folder.path().join("b/x"));
            let in_no_dir = find(OsStr::new("sh"), Some(OsStr::new("")));
            assert!(matches!(in_no_dir, Err(ProgramError::NotInPath { .. })), "{in_no_dir:?}");
            let sh = find(OsStr::new("sh"), None).unwrap();
            assert!(sh.ends_with("bin/sh"), "{}", sh.display());
        }

        #[test]
        fn a_directory_is_no_program() {
            let (folder, path) = path(&[("a/sub/x", 0o755), ("a/y", 0o644)]);
            let dir = folder.path().join("a");
            let is_directory = |name: &Path| {
                matches!(find(name.as_os_str(), Some(&path)), Err(ProgramError::Directory { .. }))
            };
            assert!(is_directory(&dir));
            assert!(!is_directory(&dir.join("y")));
            let in_path = find(OsStr::new("sub"), Some(dir.as_os_str()));
            assert!(matches!(in_path, Err(ProgramError::NotInPath { .. })), "{in_path:?}");
        }

        #[test]
        fn what_is_missing_is_told_from_what_is_not_executable() {
            let (folder, path) = path(&[("a/x", 0o644)]);
            let result = |name: &str| find(OsStr::new(name), Some(&path));
            assert!(matches!(result("x"), Err(ProgramError::Refused { .. })));
            assert!(matches!(result("y"), Err(ProgramError::NotInPath { .. })));
            assert!(matches!(result(""), Err(ProgramError::NotInPath { .. })));
            for below in ["a/y", "a/x/z", "b/y"] {
                let name = folder.path().join(below);
                let result = result(name.to_str().unwrap());
                assert!(matches!(result, Err(ProgramError::NotFound { .. })), "{result:?}");
            }
        }
    }
}
