//! Another program that this process becomes, or runs as a child.

/// The shell of POSIX.
pub const SHELL: &str = "/bin/sh";

#[cfg(unix)]
pub use unix::{ProgramStreams, check_length, find, replace_process, spawn, spawn_quietly};

#[cfg(unix)]
mod unix {
    use std::convert::Infallible;
    use std::ffi::{CStr, CString, OsStr, OsString};
    use std::fs::File;
    use std::io;
    use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    use std::path::{Path, PathBuf};

    use nix::errno::Errno;
    use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
    use nix::unistd::{Pid, execve};
    use rustix::fs::Access;

    use crate::os::process;
    use crate::output::program::ProgramError;

    /// Where programs are if `PATH` is not set, as for glibc's `execvp`.
    const DEFAULT_PATH: &str = "/bin:/usr/bin";
    /// What runs a file without `#!`, as `execvp` does it.
    const SHELL_FILE: &CStr = c"/bin/sh";

    /// Returns the path of a program: a name without a slash is searched in the directories of `path`.
    pub fn find(name: &OsStr, path: Option<&OsStr>) -> Result<PathBuf, ProgramError> {
        if name.is_empty() {
            return Err(ProgramError::Missing);
        }
        if name.as_bytes().contains(&b'/') {
            return check(PathBuf::from(name));
        }
        let mut not_executable = None;
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

    /// Refuses arguments and variables of which the system takes only `limit` bytes together.
    pub fn check_length(
        path: &Path,
        arguments: &[OsString],
        variables: &[(OsString, OsString)],
        limit: usize,
    ) -> Result<(), ProgramError> {
        // Of each: its bytes, a NUL, and a pointer. Some are left for the path, and for what runs a script.
        const EACH: usize = 1 + size_of::<usize>();
        const LEFT: usize = 4 << 10;
        let of_arguments: usize = arguments.iter().map(|it| it.len() + EACH).sum();
        let of_variable =
            |(name, value): &(OsString, OsString)| name.len() + 1 + value.len() + EACH;
        let of_variables: usize = variables.iter().map(of_variable).sum();
        match of_arguments + of_variables + LEFT > limit {
            true => {
                Err(ProgramError::Refused { path: path.to_owned(), source: Errno::E2BIG.into() })
            }
            false => Ok(()),
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
        Strings::new(path, arguments, variables)?.run(
            |file: &CString, arguments: &[CString], variables: &[CString]| {
                execve(file, arguments, variables)
            },
        )
    }

    /// What a child of this process does not have from it.
    #[derive(Clone, Copy, Debug, Default)]
    pub struct ProgramStreams<'a> {
        /// Whether it gets a process group of its own.
        pub is_separate: bool,
        /// Its standard input, output and error; `None` for those of this process.
        pub replaced: [Option<BorrowedFd<'a>>; 3],
    }

    /// Starts a program as a child of this process, and returns its number. All else is as for
    /// [`replace_process`].
    pub fn spawn(
        path: &Path,
        arguments: Vec<OsString>,
        variables: Vec<(OsString, OsString)>,
        streams: &ProgramStreams<'_>,
    ) -> Result<i32, ProgramError> {
        let strings = Strings::new(path, arguments, variables)?;
        // The standard library resets SIGPIPE and sorts the variables.
        strings.run(|file: &CString, arguments: &[CString], variables: &[CString]| {
            let mut attributes = PosixSpawnAttr::init()?;
            if streams.is_separate {
                attributes.set_flags(PosixSpawnFlags::POSIX_SPAWN_SETPGROUP)?;
                attributes.set_pgroup(Pid::from_raw(0))?;
            }
            let mut actions = PosixSpawnFileActions::init()?;
            for (number, stream) in (0..).zip(&streams.replaced) {
                if let Some(stream) = stream {
                    actions.add_dup2(stream.as_raw_fd(), number)?;
                }
            }
            posix_spawn(file.as_c_str(), &actions, &attributes, arguments, variables)
                .map(Pid::as_raw)
        })
    }

    /// As [`spawn`], with nothing to read, with our standard error as its standard output, and with a process group
    /// of its own. The program has the signals and the limits of the caller of this process.
    pub fn spawn_quietly(
        path: &Path,
        arguments: Vec<OsString>,
        variables: Vec<(OsString, OsString)>,
    ) -> Result<i32, ProgramError> {
        let refused = |source| ProgramError::Refused { path: path.to_owned(), source };
        let null = File::options().read(true).open("/dev/null").map_err(refused)?;
        let replaced = [Some(null.as_fd()), Some(rustix::stdio::stderr()), None];
        let streams = ProgramStreams { is_separate: true, replaced };
        process::with_inherited(|| spawn(path, arguments, variables, &streams))
    }

    /// What the system runs a program with.
    struct Strings<'a> {
        path: &'a Path,
        file: CString,
        arguments: Vec<CString>,
        variables: Vec<CString>,
    }

    impl<'a> Strings<'a> {
        fn new(
            path: &'a Path,
            arguments: Vec<OsString>,
            variables: Vec<(OsString, OsString)>,
        ) -> Result<Self, ProgramError> {
            let variables = variables.into_iter().map(|(mut variable, value)| {
                variable.push("=");
                variable.push(value);
                variable
            });
            let strings = || {
                Ok(Self {
                    path,
                    file: c_string(path.as_os_str().to_owned())?,
                    arguments: arguments.into_iter().map(c_string).collect::<io::Result<_>>()?,
                    variables: variables.map(c_string).collect::<io::Result<_>>()?,
                })
            };
            strings().map_err(|source| ProgramError::Refused { path: path.to_owned(), source })
        }

        /// Runs it by `run`; a file without `#!` by the shell.
        fn run<T>(
            self,
            run: impl Fn(&CString, &[CString], &[CString]) -> nix::Result<T>,
        ) -> Result<T, ProgramError> {
            let Self { path, file, mut arguments, variables } = self;
            let mut result = run(&file, &arguments, &variables);
            if matches!(result, Err(Errno::ENOEXEC)) {
                let shell = CString::from(SHELL_FILE);
                arguments.splice(..1, [shell.clone(), file]);
                match run(&shell, &arguments, &variables) {
                    Err(error) if error != Errno::E2BIG => {}
                    by_shell => result = by_shell,
                }
            }
            result.map_err(|error| refusal(path, error.into()))
        }
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

        /// What the system takes in fact, which is more than what is checked.
        #[test]
        #[cfg(target_os = "linux")]
        fn arguments_that_are_too_long_are_found_before_the_start() {
            let limit = process::longest_start().unwrap();
            let run = |count: usize| {
                let value = "x".repeat(64 << 10);
                let variables: Vec<(OsString, OsString)> =
                    (0..count).map(|at| (format!("V{at}").into(), (&value).into())).collect();
                let arguments = vec![OsString::from("true")];
                let path = Path::new("/bin/true");
                let checked = check_length(path, &arguments, &variables, limit).is_ok();
                let mut command = std::process::Command::new(path);
                let started = command.env_clear().envs(variables).status().is_ok();
                (checked, started)
            };
            let most = limit / (64 << 10);
            assert_eq!((run(most - 1), run(most + 1)), ((true, true), (false, false)));
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
            assert!(matches!(result(""), Err(ProgramError::Missing)));
            for below in ["a/y", "a/x/z", "b/y"] {
                let name = folder.path().join(below);
                let result = result(name.to_str().unwrap());
                assert!(matches!(result, Err(ProgramError::NotFound { .. })), "{result:?}");
            }
        }
    }
}

#[cfg(not(unix))]
pub use unsupported::{ProgramStreams, find, replace_process, spawn, spawn_quietly};

#[cfg(not(unix))]
mod unsupported {
    //! Programs are run on Unix only.

    use std::convert::Infallible;
    use std::ffi::{OsStr, OsString};
    use std::path::{Path, PathBuf};

    use crate::output::error::Error;
    use crate::output::run::RunError;

    /// Nothing.
    #[derive(Clone, Copy, Debug, Default)]
    pub struct ProgramStreams {
        /// Not used.
        pub is_separate: bool,
        /// Not used.
        pub replaced: [Option<()>; 3],
    }

    fn unsupported() -> Error {
        let command = "exec".to_owned();
        RunError::UnsupportedSystem { command, system: std::env::consts::OS }.into()
    }

    /// Fails.
    pub fn find(_name: &OsStr, _path: Option<&OsStr>) -> Result<PathBuf, Error> {
        Err(unsupported())
    }

    /// Fails.
    pub fn replace_process(
        _path: &Path,
        _arguments: Vec<OsString>,
        _variables: Vec<(OsString, OsString)>,
    ) -> Result<Infallible, Error> {
        Err(unsupported())
    }

    /// Fails.
    pub fn spawn(
        _path: &Path,
        _arguments: Vec<OsString>,
        _variables: Vec<(OsString, OsString)>,
        _streams: &ProgramStreams,
    ) -> Result<i32, Error> {
        Err(unsupported())
    }

    /// Fails.
    pub fn spawn_quietly(
        _path: &Path,
        _arguments: Vec<OsString>,
        _variables: Vec<(OsString, OsString)>,
    ) -> Result<i32, Error> {
        Err(unsupported())
    }
}
