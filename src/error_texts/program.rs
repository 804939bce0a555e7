//! Another program that cannot be run.

use std::path::PathBuf;

use rustix::io::Errno;

use super::{Page, variants};
use crate::output::error::Error;
use crate::output::program::ProgramError;

variants!(ProgramError: Missing NothingToFollow NotInPath NotFound NoInterpreter Directory Refused);

#[test]
fn errors_of_programs_have_these_texts() {
    let mut page = Page::default();
    let path = || PathBuf::from("/usr/local/bin/backup");
    let refused = |errno: Errno| ProgramError::Refused { path: path(), source: errno.into() };
    let examples = vec![
        ProgramError::NotInPath { name: "backup".into() },
        ProgramError::Missing,
        ProgramError::NothingToFollow,
        ProgramError::NotInPath { name: "aws s3 ls".into() },
        ProgramError::NotInPath { name: "DEBUG=1".into() },
        // It may be a password after an option that takes none.
        ProgramError::NotInPath { name: "aB3dEfGh1jKlMn0pQrStUvWxYz".into() },
        ProgramError::NotFound { path: path() },
        ProgramError::NoInterpreter { path: path() },
        ProgramError::Directory { path: path() },
        refused(Errno::ACCESS),
        refused(Errno::TOOBIG),
        refused(Errno::NOEXEC),
    ];
    page.add_all(examples, Error::from);
    page.compare("program");
}
