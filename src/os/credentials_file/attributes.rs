//! Owner, mode and access list of the credentials file, copied to the file that replaces it.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::os::credentials_file::existing::ExistingFile;

/// Gives `new` the owner, group, extended attributes and mode of the old file.
///
/// Fails if an owner, group or access list cannot be set, since others could then read the new file. Any
/// other attribute that cannot be set is left out.
pub(super) fn copy(old: &ExistingFile, new: &File) -> io::Result<()> {
    let (from, to) = (&old.metadata, new.metadata()?);
    if (from.uid(), from.gid()) != (to.uid(), to.gid()) {
        std::os::unix::fs::fchown(new, Some(from.uid()), Some(from.gid()))?;
    }
    #[cfg(target_os = "linux")]
    extended::copy(&old.file, new)?;
    // Last, since a change of the owner may clear bits, and the group bits are the mask of an access list.
    new.set_permissions(Permissions::from_mode(from.mode() & 0o777))
}

#[cfg(target_os = "linux")]
mod extended {
    use std::ffi::CStr;
    use std::fs::File;
    use std::io;

    use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr};

    const ACCESS_LIST: &CStr = c"system.posix_acl_access";

    pub(super) fn copy(old: &File, new: &File) -> io::Result<()> {
        let names = list(old);
        let names: Vec<&CStr> = names
            .split_inclusive(|byte| *byte == 0)
            .filter_map(|name| CStr::from_bytes_with_nul(name).ok())
            .collect();
        for name in names.iter().filter(|name| **name != ACCESS_LIST && is_copied(name)) {
            if let Ok(value) = value(old, name) {
                let _ = fsetxattr(new, *name, &value, XattrFlags::empty());
            }
        }
        match names.contains(&ACCESS_LIST) {
            true => fsetxattr(new, ACCESS_LIST, &value(old, ACCESS_LIST)?, XattrFlags::empty())?,
            // The default access list of a directory applies to every file that is created in it.
            false => drop(fremovexattr(new, ACCESS_LIST)),
        }
        Ok(())
    }

    /// SELinux labels are copied; hashes of the contents are not.
    fn is_copied(name: &CStr) -> bool {
        !name.to_bytes().starts_with(b"security.") || name == c"security.selinux"
    }

    fn list(file: &File) -> Vec<u8> {
        let mut names = vec![0; 64 << 10];
        let length = flistxattr(file, &mut names).unwrap_or(0);
        names.truncate(length);
        names
    }

    fn value(file: &File, name: &CStr) -> rustix::io::Result<Vec<u8>> {
        let mut value = vec![0; 64 << 10];
        let length = fgetxattr(file, name, &mut value)?;
        value.truncate(length);
        Ok(value)
    }
}
