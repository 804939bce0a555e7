//! Keeps the credentials of `update` in the file, beside other programs that write it in place.
//!
//! Such a program truncates the file, and writes it a moment or seconds later. So a file that is empty,
//! shorter than before or new is not edited until it has been unchanged for a while and no process that
//! we can see has it open for writing. A program may still open it after the last check and before the
//! rename. It then writes to the replaced file, which is kept open, and its changes are merged into the
//! new one.
//!
//! Nothing here waits or reads a clock: [`Reconciler::advance`] is called periodically with the current time.

use std::path::Path;
use std::time::Duration;

use crate::credentials_file::merge::merge;
use crate::credentials_file::port::{
    Edit, FileSnapshot, ProfileFileError, ReplacedFile, SharedCredentialsFile, Stamp, WriteMethod,
};
use crate::output::log::FieldValue;
use roles_anywhere_client::secret::SecretBytes;

/// How long a file must have been unchanged before it is edited. Editors and SDKs write a file of this
/// size in far less than a second.
const STABLE: Duration = Duration::from_secs(1);
/// The same for a file that became shorter: perhaps half of it is written.
const STABLE_SHORTER: Duration = Duration::from_secs(2);
/// The same for a file that is empty or was removed: its writer may still compute the new text.
const STABLE_EMPTY: Duration = Duration::from_secs(6);
/// By how much the clock of a file server may differ from this machine's.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(300);
/// How many replaced files are kept open: those of four hours, at two sessions an hour.
const MAX_REPLACED: usize = 8;

/// A sign that another program may be in the middle of writing a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotSettled {
    /// It is locked by another `update`.
    #[error("another process is writing it")]
    Locked,
    /// It was removed.
    #[error("it has just been removed")]
    Removed,
    /// It is empty.
    #[error("it has just been emptied: another program may be about to write it")]
    Empty,
    /// It is shorter than it was.
    #[error("it has just become shorter: another program may be writing it")]
    Shorter,
    /// It was written a moment ago.
    #[error("another program keeps writing it")]
    Recent,
    /// A process has it open for writing.
    #[error("process {0} has it open for writing")]
    Open(u32),
}

impl FieldValue for NotSettled {}

/// The facts that decide whether a file may be edited.
#[derive(Clone, Copy, Debug)]
struct Observation {
    /// Its size; `None` if it does not exist.
    size: Option<u64>,
    /// Its size when it was last found settled; `None` if it did not exist.
    size_before: Option<u64>,
    /// How long it has been unchanged.
    stable: Duration,
}

impl Observation {
    /// Returns why its last writer may not have finished; checks last whether a process has it open, since
    /// that takes the longest.
    fn unsettled(self, writer: impl FnOnce() -> Option<u32>) -> Option<NotSettled> {
        let (least, reason) = match (self.size, self.size_before) {
            (None, None) => return None,
            (None, Some(_)) => (STABLE_EMPTY, NotSettled::Removed),
            (Some(0), _) => (STABLE_EMPTY, NotSettled::Empty),
            (Some(size), Some(before)) if size < before => (STABLE_SHORTER, NotSettled::Shorter),
            (Some(_), _) => (STABLE, NotSettled::Recent),
        };
        (self.stable < least).then_some(reason).or_else(|| writer().map(NotSettled::Open))
    }
}

/// Since when a file has been unchanged.
#[derive(Clone, Copy, Debug, Default)]
struct StablePeriod {
    seen: Option<(Option<Stamp>, Duration)>,
}

impl StablePeriod {
    /// Records how the file was read at `now`, and returns how long it has been unchanged.
    fn of(&mut self, snapshot: &FileSnapshot, now: Duration) -> Duration {
        let since = match self.seen {
            Some((stamp, since)) if stamp == snapshot.stamp => since,
            _ => now,
        };
        self.seen = Some((snapshot.stamp, since));
        // A missing file has no age, and the age of a file on a server is that of the server's clock.
        let has_age = snapshot.stamp.is_some() && snapshot.age >= MAX_CLOCK_DIFFERENCE;
        let age = if has_age { snapshot.age } else { Duration::ZERO };
        age.max(now.saturating_sub(since))
    }
}

/// A file that was replaced, and the version of it that was merged last.
struct PreviousFile {
    file: Box<dyn ReplacedFile>,
    /// Its text and version when it was last merged.
    base: FileSnapshot,
    stable_period: StablePeriod,
}

/// A change of a replaced file by another program.
enum ForeignChange {
    None,
    /// It is being written.
    InProgress(NotSettled),
    /// This was written.
    Complete(FileSnapshot),
}

impl PreviousFile {
    fn foreign_change(&mut self, now: Duration) -> ForeignChange {
        // If it cannot be read, there is nothing to merge.
        let Ok(snapshot) = self.file.read() else { return ForeignChange::None };
        let stable = self.stable_period.of(&snapshot, now);
        if snapshot.stamp == self.base.stamp {
            return ForeignChange::None;
        }
        let size = snapshot.stamp.map(|stamp| stamp.size);
        if size == Some(0) {
            return match stable < STABLE_EMPTY {
                true => ForeignChange::InProgress(NotSettled::Empty),
                false => ForeignChange::None,
            };
        }
        let observation = Observation { size, size_before: size, stable };
        match observation.unsettled(|| self.file.writer()) {
            Some(reason) => ForeignChange::InProgress(reason),
            None => ForeignChange::Complete(snapshot),
        }
    }
}

/// The credentials file and its replaced versions.
#[expect(missing_debug_implementations, reason = "holds texts with secrets")]
pub struct Reconciler<'a> {
    file: &'a dyn SharedCredentialsFile,
    path: &'a Path,
    stable_period: StablePeriod,
    /// The size when it was last found settled.
    size: Option<u64>,
    replaced: Vec<PreviousFile>,
    /// Until when a program may continue that wrote the file in place shortly before it was replaced.
    unfinished_until: Duration,
}

/// The outcome of one step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReconcileStep {
    /// The file holds the credentials.
    Current,
    /// The file holds the credentials, but a program is writing to a replaced file.
    Watching(NotSettled),
    /// The file was written.
    Written(WriteMethod),
    /// The file has to be written, but another program may be writing it.
    Waiting(NotSettled),
}

impl<'a> Reconciler<'a> {
    /// Returns the reconciler of the file at `path`.
    pub fn new(file: &'a dyn SharedCredentialsFile, path: &'a Path) -> Self {
        Self {
            file,
            path,
            stable_period: StablePeriod::default(),
            size: None,
            replaced: Vec::new(),
            unfinished_until: Duration::ZERO,
        }
    }

    /// Returns until when to wait for a program that we cannot see: one that wrote a part of a file less
    /// than six seconds ago, and has not written the rest.
    pub fn unfinished_until(&self) -> Duration {
        self.unfinished_until
    }

    /// Reads the file, and edits it if that changes something and no other program may be writing it;
    /// merges what was written to a replaced file. `now` is the time since any fixed moment.
    ///
    /// A failed edit is an error only if the file is settled, as a half-written file may not parse.
    pub fn advance(
        &mut self,
        edit: &mut Edit<'_>,
        now: Duration,
    ) -> Result<ReconcileStep, ProfileFileError> {
        let snapshot = self.file.read(self.path)?;
        let stable = self.stable_period.of(&snapshot, now);
        let (late, watching) = self.check_replaced(now);
        let base = late.as_ref().map(|(at, theirs)| (&self.replaced[*at].base, theirs));
        let mut make = |text: &[u8]| match base {
            Some((base, theirs)) => Ok(merged(&base.text, &theirs.text, text, edit)),
            None => edit(text),
        };
        let made = make(snapshot.text.expose());
        let is_current = made.as_ref().is_ok_and(|made| made.expose() == snapshot.text.expose());
        if is_current {
            self.size = snapshot.stamp.map(|stamp| stamp.size);
            self.record_merged(late, now);
            return Ok(watching.map_or(ReconcileStep::Current, ReconcileStep::Watching));
        }
        let observation =
            Observation { size: snapshot.stamp.map(|of| of.size), size_before: self.size, stable };
        if let Some(reason) = observation.unsettled(|| self.file.writer(self.path)) {
            return Ok(ReconcileStep::Waiting(reason));
        }
        let edited = match self.file.try_edit(self.path, snapshot.stamp, &mut make) {
            Err(ProfileFileError::Busy { .. }) => {
                return Ok(ReconcileStep::Waiting(NotSettled::Locked));
            }
            edited => edited?,
        };
        self.record_merged(late, now);
        if snapshot.in_place && snapshot.stamp.is_some() {
            self.unfinished_until = now + STABLE_EMPTY.saturating_sub(stable);
        }
        if let Some((file, base)) = edited.replaced {
            self.replaced.push(PreviousFile { file, base, stable_period: StablePeriod::default() });
            let more = self.replaced.len().saturating_sub(MAX_REPLACED);
            self.replaced.drain(..more);
        }
        if let Ok(made) = made {
            self.size = Some(made.expose().len() as u64);
        }
        Ok(ReconcileStep::Written(edited.written))
    }

    /// Returns a process that has the file or a replaced one open for writing.
    pub fn writer(&self) -> Option<u32> {
        let replaced = self.replaced.iter().find_map(|replaced| replaced.file.writer());
        replaced.or_else(|| self.file.writer(self.path))
    }

    /// Returns what was written to a replaced file, with its index; if none, whether one is being written.
    fn check_replaced(
        &mut self,
        now: Duration,
    ) -> (Option<(usize, FileSnapshot)>, Option<NotSettled>) {
        let mut watching = None;
        for (at, replaced) in self.replaced.iter_mut().enumerate() {
            match replaced.foreign_change(now) {
                ForeignChange::None => {}
                ForeignChange::InProgress(reason) => watching = Some(reason),
                ForeignChange::Complete(snapshot) => return (Some((at, snapshot)), None),
            }
        }
        (None, watching)
    }

    /// Records that a version of a replaced file was merged.
    fn record_merged(&mut self, late: Option<(usize, FileSnapshot)>, now: Duration) {
        let Some((at, snapshot)) = late else { return };
        let size = |snapshot: &FileSnapshot| snapshot.stamp.map(|stamp| stamp.size);
        if size(&snapshot) < size(&self.replaced[at].base) {
            // It may be half a text, and the program that writes the rest may be invisible to us.
            self.unfinished_until = self.unfinished_until.max(now + STABLE_EMPTY);
        }
        self.replaced[at].base = snapshot;
    }
}

/// Returns the current text, merged with the changes of a replaced file from `base` to `theirs`, and
/// edited if possible.
///
/// Their changes are always kept: also a long-lived key of the same profile, and a text that cannot be
/// edited.
fn merged(
    base: &SecretBytes,
    theirs: &SecretBytes,
    current: &[u8],
    edit: &mut Edit<'_>,
) -> SecretBytes {
    // Base and theirs are edited too, so that our own edit is not taken for one of their changes.
    let mut edited = |text: &[u8]| edit(text).unwrap_or_else(|_| SecretBytes::new(text.to_vec()));
    let (base, theirs) = (edited(base.expose()), edited(theirs.expose()));
    let texts = [base.expose(), theirs.expose(), current].map(std::str::from_utf8);
    let text = match texts {
        [Ok(base), Ok(theirs), Ok(current)] => merge(base, theirs, current).into_bytes(),
        _ if current == base.expose() => theirs.expose().to_vec(),
        _ => current.to_vec(),
    };
    let text = SecretBytes::new(text);
    edited(text.expose())
}

#[cfg(test)]
mod tests;
