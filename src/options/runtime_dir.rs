//! Where files are kept: those that end with the login or the service, and those that stay.

use std::path::PathBuf;

use crate::options::table::cache::{RUNTIME_DIRECTORY, XDG_RUNTIME_DIR};
use crate::options::table::offline::STATE_DIRECTORY;
use crate::options::table::{OptionSpec, Origin};
use crate::private_dir::{ConfiguredDir, ParentOwner};
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::text::path;

const OWN: &str = "roles-anywhere";

/// Returns our directory in memory. Systemd makes its directory for others to enter, if not told
/// otherwise, so ours is one in it.
pub fn runtime_dir(environment: &Environment) -> Option<ConfiguredDir> {
    let (above, origin) =
        service_directory(environment).or_else(|| login_directory(environment))?;
    Some(ConfiguredDir { path: above.join(OWN), origin, parent_owner: ParentOwner::ThisUser })
}

/// Returns a directory in memory of the user `uid` on a system that made none for the login or the service.
pub fn shared_memory_dir(uid: u32) -> ConfiguredDir {
    ConfiguredDir {
        path: format!("/dev/shm/{OWN}-{uid}").into(),
        origin: Origin::Default(&XDG_RUNTIME_DIR),
        parent_owner: ParentOwner::AnyUser,
    }
}

/// Returns the place in memory that systemd made for this service, and the variable that names it.
fn service_directory(environment: &Environment) -> Option<(PathBuf, Origin)> {
    // It lists several separated by colons.
    absolute(&RUNTIME_DIRECTORY, environment.get(RUNTIME_DIRECTORY.name)?.split(':').next()?)
}

/// Returns the place in memory that was made for the programs of this user, and the variable that
/// names it.
fn login_directory(environment: &Environment) -> Option<(PathBuf, Origin)> {
    absolute(&XDG_RUNTIME_DIR, environment.get(XDG_RUNTIME_DIR.name)?)
}

/// Returns the directory of offline copies in the one that systemd made for the state of this service.
pub fn state_dir(environment: &Environment) -> Option<ConfiguredDir> {
    let first = environment.get(STATE_DIRECTORY.name)?.split(':').next()?;
    let (above, origin) = absolute(&STATE_DIRECTORY, first)?;
    let path = above.join("offline");
    Some(ConfiguredDir { path, origin, parent_owner: ParentOwner::ThisUser })
}

fn absolute(variable: &'static OptionSpec, path: &str) -> Option<(PathBuf, Origin)> {
    Some((path::path(path), Origin::variable(variable))).filter(|(path, _)| path.is_absolute())
}
