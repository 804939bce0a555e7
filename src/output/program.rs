//! Why a program cannot be run in place of this one.

use std::io;
use std::path::{Path, PathBuf};

use crate::output::error::{Error, Kind};
use roles_anywhere_client::input_source::FileError;
use roles_anywhere_client::text::disclosure::{Sensitivity, quoted};

/// A program cannot be run in place of this one. The exit code is the one that a shell ends with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// Its name is empty, or there is nothing after `--`.
    #[error("the program is missing")]
    Missing,
    /// It is to be followed, and gets no secret or parameter.
    #[error(
        "`--on-rotate` has nothing to follow: no variable, file or argument refers to a secret or a parameter"
    )]
    NothingToFollow,
    /// No directory of `PATH` has a program of this name.
    #[error("cannot find the program{} in `PATH`", named(name))]
    NotInPath {
        /// The name, as it was typed.
        name: PathBuf,
    },
    /// There is no file of this path.
    #[error("cannot find the program{}", named(path))]
    NotFound {
        /// The path.
        path: PathBuf,
    },
    /// The file exists, but not the program that runs it.
    #[error("cannot run the program{}: its interpreter does not exist", named(path))]
    NoInterpreter {
        /// The path.
        path: PathBuf,
    },
    /// It is a directory.
    #[error("cannot run the program{}: it is a directory", named(path))]
    Directory {
        /// The path.
        path: PathBuf,
    },
    /// The system does not run it.
    #[error("cannot run the program{}", named(path))]
    Refused {
        /// The path.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

impl ProgramError {
    fn kind(&self) -> Kind {
        match self {
            Self::NotInPath { .. } | Self::NotFound { .. } | Self::NoInterpreter { .. } => {
                Kind::ProgramNotFound
            }
            Self::Missing | Self::NothingToFollow => Kind::Usage,
            Self::Directory { .. } | Self::Refused { .. } => Kind::ProgramNotExecutable,
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::NotInPath { name } => not_in_path_hint(&name.to_string_lossy()),
            Self::Missing => {
                "name it after `--`, or leave out `--` for a shell; a variable in its place may be empty"
            }
            Self::NothingToFollow => {
                "add a reference such as `--env NAME=sm://SECRET`, or remove `--on-rotate`"
            }
            Self::NotFound { .. } => "check the path of the program",
            Self::NoInterpreter { .. } => {
                "check the first line of the script, or install the dynamic loader of the program"
            }
            Self::Directory { .. } => "pass the path of a program",
            Self::Refused { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => {
                    "make it executable with `chmod +x`, unless its file system is mounted with `noexec`"
                }
                io::ErrorKind::ArgumentListTooLong => {
                    "pass fewer or shorter arguments and environment variables"
                }
                _ => "check that the program was made for this system",
            },
        }
    }
}

/// Returns what to do if no program has a name, which may be a line of a shell.
fn not_in_path_hint(name: &str) -> &'static str {
    if name.contains(char::is_whitespace) {
        return "pass the program and its arguments without quotes around all of them, or use `sh -c '…'`";
    }
    if name.contains('=') {
        return "set a variable of the program with `env NAME=value PROGRAM`";
    }
    "check the name, or pass the path of the program; pass built-ins and aliases of a shell by `sh -c '…'`, and a role by `--role NAME`"
}

impl From<ProgramError> for Error {
    fn from(error: ProgramError) -> Self {
        let hint = error.hint();
        Self::new(error.kind(), error).hint(hint)
    }
}

/// The file of AWS's configuration that a program gets in place of the user's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConfigurationFile {
    /// A copy of that without other credentials.
    Copy,
    /// One that reads the key of a secret.
    OfSecret,
}

/// Adds to the error of a file that cannot be written how the program is run without it.
pub fn not_written(error: Error, file: ConfigurationFile) -> Error {
    error.hint(match file {
        ConfigurationFile::Copy => {
            "pass `--keep-aws-files` if the program may read the files of the user"
        }
        ConfigurationFile::OfSecret => "pass `--static`, which gives the program the key itself",
    })
}

/// Returns the error of a program that gets nothing that changes. `reads_key` is whether it reads the key of a secret
/// by itself.
pub fn nothing_to_follow(reads_key: bool) -> Error {
    let error = Error::from(ProgramError::NothingToFollow);
    match reads_key {
        true => error.hint(
            "the program reads the key of `--from-secret` again by itself: `--refresh-after` says how often",
        ),
        false => error,
    }
}

/// Returns the error of a program that has the name of a role.
pub fn role_meant(error: Error, role: &str) -> Error {
    error.hint(format!("to use the role `{role}`, pass `--role {role}`"))
}

/// Returns the error of a configuration file of AWS of which the program cannot be given a copy.
pub fn unreadable_aws_config(error: FileError) -> Error {
    Error::from(error).hint("pass `--keep-aws-files` if the program should read it itself")
}

/// Returns a path in backticks after a space, if it may be shown.
fn named(path: &Path) -> String {
    let name = path.to_string_lossy();
    match quoted(&name, Sensitivity::Public, "") {
        shown if shown.is_empty() || name.is_empty() => String::new(),
        shown => format!(" {shown}"),
    }
}
