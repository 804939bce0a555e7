//! The copies of secrets on the real disk, and their key.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::app::App;
use crate::offline_copy::sealing::MAX_FILE_SIZE;
use crate::offline_copy::{CopiesOnDisk, CopyKey, CopyRules};
use crate::os::files::foreign_owner;
use crate::os::private_dir::PrivateDir;
use crate::output::error::Error;
use crate::output::log::Log;
use crate::output::run::RunError;
use crate::server::secrets::{OfflineKey, OfflinePlan};
use roles_anywhere_client::input_source::{Files, Location};
use roles_anywhere_client::ports::Ports;

/// The most files that are listed. Those of an earlier key stay beside the others for up to `max-age`.
const MAX_FILES: usize = 2_048;

impl App {
    /// Reads the key and the copies, and creates their directory if it does not exist.
    pub fn open_offline_copies(
        &self,
        plan: &OfflinePlan,
        ports: &Ports,
        log: Arc<dyn Log>,
    ) -> Result<CopiesOnDisk, Error> {
        let key = read_key(&plan.key, &*ports.files)?;
        let directory = PrivateDir::new(&plan.directory).with_limits(MAX_FILE_SIZE, MAX_FILES);
        let failed = |source: io::Error| RunError::OfflineCopies {
            dir: shown(&plan.directory.path, &plan.directory.origin.to_string()),
            source,
        };
        directory.create().map_err(failed)?;
        let setup = (key, rules(plan));
        let copies = CopiesOnDisk::open(Arc::new(directory), setup, ports.clone(), log);
        Ok(copies.map_err(failed)?)
    }
}

/// Returns what is kept, and for how long.
pub fn rules(plan: &OfflinePlan) -> CopyRules {
    CopyRules { keep: plan.keep.clone(), max_age: plan.max_age }
}

fn shown(path: &Path, origin: &str) -> String {
    format!("`{}` (from {origin})", path.display())
}

/// Reads the key. A file that systemd made is only for the service; another one is refused if other users
/// can read it, or one of them owns it.
fn read_key(key: &OfflineKey, files: &dyn Files) -> Result<CopyKey, Error> {
    let file = || key.source.name(true).to_string();
    let mode = files.readable_by_others(&key.source).filter(|_| !key.is_credential);
    if let Some(mode) = mode {
        return Err(RunError::OfflineKeyMode { file: file(), mode }.into());
    }
    if let Location::File(path) = &key.source.location
        && let Some(owner) = foreign_owner(path).filter(|_| !key.is_credential)
    {
        return Err(RunError::OfflineKeyOwner { file: file(), owner }.into());
    }
    let contents = files.read(&key.source)?;
    let key = CopyKey::new(contents.expose());
    Ok(key.map_err(|source| RunError::OfflineKeyLength { file: file(), length: source.0 })?)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "they make the files of keys")]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, chown};

    use super::*;
    use roles_anywhere_client::input_source::InputSource;

    #[test]
    fn only_a_file_of_32_bytes_that_others_cannot_read_is_a_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("offline-key");
        let app = App::start();
        let files = app.files();
        let of = |is_credential| OfflineKey { source: InputSource::file(&path), is_credential };
        let error = |is_credential| read_key(&of(is_credential), &**files).unwrap_err().to_string();
        assert!(error(false).starts_with("error: cannot read `"), "{}", error(false));
        let write = |length: usize, mode| {
            fs::write(&path, vec![7; length]).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        };
        for length in [0, 31, 33, 64] {
            write(length, 0o600);
            let error = error(false);
            assert!(error.contains(&format!("has {length} bytes")), "{error}");
        }
        for (mode, is_credential, is_refused) in [
            (0o600, false, false),
            (0o400, false, false),
            (0o640, false, true),
            (0o604, false, true),
            (0o440, true, false),
        ] {
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            write(32, mode);
            let refused = read_key(&of(is_credential), &**files).is_err();
            assert_eq!(refused, is_refused, "{mode:o}");
        }
        // Only root can change the owner.
        fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        if chown(&path, Some(65_534), None).is_ok() {
            assert!(error(false).contains("belongs to another user (uid 65534)"));
            assert!(read_key(&of(true), &**files).is_ok());
        }
    }
}
