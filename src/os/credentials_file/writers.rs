//! Processes that have a file open for writing, from `/proc`. Those of other users are visible to root
//! only, those of other containers not at all.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, StatxFlags, statx};

/// Returns the id of another process that has `file` open for writing.
pub(super) fn writer_of(file: &Metadata) -> Option<u32> {
    let own = std::process::id();
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    let mut ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.find(|id| *id != own && writes(*id, file))
}

fn writes(process: u32, file: &Metadata) -> bool {
    let descriptors = std::fs::read_dir(format!("/proc/{process}/fd"));
    descriptors.into_iter().flatten().flatten().any(|entry| {
        // The mode of the link shows how the file was opened.
        let link = entry.path().symlink_metadata();
        link.is_ok_and(|link| link.mode() & 0o200 != 0) && leads_to(&entry.path(), file)
    })
}

/// Returns whether `descriptor` is one of `file`. `STATX_DONT_SYNC` does not ask a file server, which
/// may not respond.
fn leads_to(descriptor: &Path, file: &Metadata) -> bool {
    let found =
        statx(CWD, descriptor, AtFlags::STATX_DONT_SYNC, StatxFlags::TYPE | StatxFlags::INO);
    found.is_ok_and(|found| {
        let device = rustix::fs::makedev(found.stx_dev_major, found.stx_dev_minor);
        FileType::from_raw_mode(found.stx_mode.into()).is_file()
            && (device, found.stx_ino) == (file.dev(), file.ino())
    })
}
