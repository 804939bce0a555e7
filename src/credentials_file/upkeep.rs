//! Keeps the credentials file as `update` wants it, beside programs that write it in place.
//!
//! Such a program truncates the file, and writes it a moment or seconds later. So a file that is
//! empty, shorter than before or new is not edited until it has been still for a while and no
//! process that we can see has it open for writing. A program may still open it between the last
//! look and the moment when the new file takes its place; it then writes to the old file, which is
//! kept open, and what it wrote there is merged into the new one.
//!
//! Nothing here waits or reads a clock: [`Upkeep::advance`] is called again and again, with the
//! time that has passed.

use std::path::Path;
use std::time::Duration;

use crate::credentials_file::file::{
    Edit, Look, ProfileFileError, ReplacedFile, SharedCredentialsFile, Stamp, Written,
};
use crate::credentials_file::merge::merge;
use crate::output::log::FieldValue;
use roles_anywhere_client::secret::SecretBytes;

/// How long a file must have been still.
const STILL: Duration = Duration::from_secs(1);
/// How long one that became shorter must have been still.
const STILL_SHORTER: Duration = Duration::from_secs(2);
/// How long one that is empty, or no longer there, must have been still.
const STILL_EMPTY: Duration = Duration::from_secs(6);
/// By how much the clock of a file server may differ from this machine's.
const CLOCKS_DIFFER: Duration = Duration::from_secs(300);
/// How many files that were replaced are kept open: at two sessions an hour, those of hours.
const MOST_REPLACED: usize = 8;

/// What tells that another program may be in the middle of writing a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unsettled {
    /// It is locked by another `update`.
    #[error("another process is writing it")]
    Locked,
    /// It was there, and is not any more.
    #[error("it was removed a moment ago")]
    Removed,
    /// It is empty.
    #[error("it was emptied a moment ago: another program may be about to write it")]
    Empty,
    /// It is shorter than it was.
    #[error("it became shorter a moment ago: another program may be writing it")]
    Shorter,
    /// It was written a moment ago.
    #[error("another program keeps writing it")]
    Recent,
    /// A process has it open for writing.
    #[error("process {0} has it open for writing")]
    Open(u32),
}

impl FieldValue for Unsettled {}

/// What a file is judged by.
#[derive(Clone, Copy, Debug)]
struct Sight {
    /// Its size; `None` if it is not there.
    size: Option<u64>,
    /// Its size when it was last found settled; `None` if it was not there.
    size_before: Option<u64>,
    /// How long it has been as it is.
    still: Duration,
}

impl Sight {
    /// Returns why it cannot be taken for what its last writer wants it to be; whether a process
    /// has it open is asked last, as it takes the longest to find out.
    fn unsettled(self, writer: impl FnOnce() -> Option<u32>) -> Option<Unsettled> {
        let (least, reason) = match (self.size, self.size_before) {
            (None, None) => return None,
            (None, Some(_)) => (STILL_EMPTY, Unsettled::Removed),
            (Some(0), _) => (STILL_EMPTY, Unsettled::Empty),
            (Some(size), Some(before)) if size < before => (STILL_SHORTER, Unsettled::Shorter),
            (Some(_), _) => (STILL, Unsettled::Recent),
        };
        (self.still < least).then_some(reason).or_else(|| writer().map(Unsettled::Open))
    }
}

/// Since when a file has been as it is.
#[derive(Clone, Copy, Debug, Default)]
struct Stillness {
    seen: Option<(Option<Stamp>, Duration)>,
}

impl Stillness {
    /// Takes note of a look at `now`, and returns how long the file has been as it was found.
    fn of(&mut self, look: &Look, now: Duration) -> Duration {
        let since = match self.seen {
            Some((stamp, since)) if stamp == look.stamp => since,
            _ => now,
        };
        self.seen = Some((look.stamp, since));
        // Without a file there is no age, and that of a file on a server is by the server's clock.
        let has_age = look.stamp.is_some() && look.age >= CLOCKS_DIFFER;
        let age = if has_age { look.age } else { Duration::ZERO };
        age.max(now.saturating_sub(since))
    }
}

/// A file that was replaced, and what was taken over from it.
struct Replaced {
    file: Box<dyn ReplacedFile>,
    /// Its text and version when it was last taken over.
    base: Look,
    stillness: Stillness,
}

/// What is going on in a file that was replaced.
enum Disturbance {
    None,
    /// It is being written.
    Some(Unsettled),
    /// Another program has written this.
    Written(Look),
}

impl Replaced {
    fn disturbance(&mut self, now: Duration) -> Disturbance {
        // What cannot be read is of no use to its writer, either.
        let Ok(look) = self.file.look() else { return Disturbance::None };
        let still = self.stillness.of(&look, now);
        if look.stamp == self.base.stamp {
            return Disturbance::None;
        }
        let size = look.stamp.map(|stamp| stamp.size);
        if size == Some(0) {
            return match still < STILL_EMPTY {
                true => Disturbance::Some(Unsettled::Empty),
                false => Disturbance::None,
            };
        }
        let sight = Sight { size, size_before: size, still };
        match sight.unsettled(|| self.file.writer()) {
            Some(reason) => Disturbance::Some(reason),
            None => Disturbance::Written(look),
        }
    }
}

/// The credentials file, and its versions that were replaced.
#[expect(missing_debug_implementations, reason = "holds texts with secrets")]
pub struct Upkeep<'a> {
    file: &'a dyn SharedCredentialsFile,
    path: &'a Path,
    stillness: Stillness,
    /// The size when it was last found settled.
    size: Option<u64>,
    replaced: Vec<Replaced>,
    /// Until when a program that wrote a file in place, which was replaced soon after, may go on.
    unfinished_until: Duration,
}

/// What one step came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// The file is as it should be.
    Current,
    /// The file is as it should be, and a program is writing to one that it replaced.
    Watching(Unsettled),
    /// The file was written.
    Written(Written),
    /// The file has to be written, and another program may be writing it.
    Waiting(Unsettled),
}

impl<'a> Upkeep<'a> {
    /// Takes the file that is to be kept.
    pub fn new(file: &'a dyn SharedCredentialsFile, path: &'a Path) -> Self {
        Self {
            file,
            path,
            stillness: Stillness::default(),
            size: None,
            replaced: Vec::new(),
            unfinished_until: Duration::ZERO,
        }
    }

    /// Returns until when it is worth to wait for a program that we cannot see: one that wrote a
    /// part of a file less than six seconds ago, and has not written the rest.
    pub fn unfinished_until(&self) -> Duration {
        self.unfinished_until
    }

    /// Reads the file, and edits it if that changes something and no other program may be writing
    /// it; carries over what was written to a file that it replaced. `now` is the time that has
    /// passed since some moment.
    ///
    /// An edit that fails is an error only if the file is settled.
    pub fn advance(
        &mut self,
        edit: &mut Edit<'_>,
        now: Duration,
    ) -> Result<Step, ProfileFileError> {
        let look = self.file.look(self.path)?;
        let still = self.stillness.of(&look, now);
        let (late, watching) = self.look_behind(now);
        let base = late.as_ref().map(|(at, theirs)| (&self.replaced[*at].base, theirs));
        let mut make = |text: &[u8]| match base {
            Some((base, theirs)) => Ok(carried_over(&base.text, &theirs.text, text, edit)),
            None => edit(text),
        };
        let made = make(look.text.expose());
        let is_current = made.as_ref().is_ok_and(|made| made.expose() == look.text.expose());
        if is_current {
            self.size = look.stamp.map(|stamp| stamp.size);
            self.take_over(late, now);
            return Ok(watching.map_or(Step::Current, Step::Watching));
        }
        let sight = Sight { size: look.stamp.map(|of| of.size), size_before: self.size, still };
        if let Some(reason) = sight.unsettled(|| self.file.writer(self.path)) {
            return Ok(Step::Waiting(reason));
        }
        let edited = match self.file.try_edit(self.path, look.stamp, &mut make) {
            Err(ProfileFileError::Busy { .. }) => return Ok(Step::Waiting(Unsettled::Locked)),
            edited => edited?,
        };
        self.take_over(late, now);
        if look.in_place && look.stamp.is_some() {
            self.unfinished_until = now + STILL_EMPTY.saturating_sub(still);
        }
        if let Some((file, base)) = edited.replaced {
            self.replaced.push(Replaced { file, base, stillness: Stillness::default() });
            let more = self.replaced.len().saturating_sub(MOST_REPLACED);
            self.replaced.drain(..more);
        }
        if let Ok(made) = made {
            self.size = Some(made.expose().len() as u64);
        }
        Ok(Step::Written(edited.written))
    }

    /// Returns a process that has the file, or one that it replaced, open for writing.
    pub fn writer(&self) -> Option<u32> {
        let replaced = self.replaced.iter().find_map(|replaced| replaced.file.writer());
        replaced.or_else(|| self.file.writer(self.path))
    }

    /// Returns what was written to a file that was replaced, and which one; else what goes on there.
    fn look_behind(&mut self, now: Duration) -> (Option<(usize, Look)>, Option<Unsettled>) {
        let mut watching = None;
        for (at, replaced) in self.replaced.iter_mut().enumerate() {
            match replaced.disturbance(now) {
                Disturbance::None => {}
                Disturbance::Some(reason) => watching = Some(reason),
                Disturbance::Written(look) => return (Some((at, look)), None),
            }
        }
        (None, watching)
    }

    /// Takes what was written to a file that was replaced for its text.
    fn take_over(&mut self, late: Option<(usize, Look)>, now: Duration) {
        let Some((at, look)) = late else { return };
        let size = |look: &Look| look.stamp.map(|stamp| stamp.size);
        if size(&look) < size(&self.replaced[at].base) {
            // It may be a half, and the program that writes the other one out of sight.
            self.unfinished_until = self.unfinished_until.max(now + STILL_EMPTY);
        }
        self.replaced[at].base = look;
    }
}

/// Returns the current text with what was written to an old one, whose text was `base` and is
/// `theirs`, and edited if that can be done.
///
/// Their changes are kept whatever they are: a long-lived key of the same profile, too, and a text
/// that cannot be edited.
fn carried_over(
    base: &SecretBytes,
    theirs: &SecretBytes,
    current: &[u8],
    edit: &mut Edit<'_>,
) -> SecretBytes {
    // What is edited is told apart from what they changed by editing all three.
    let mut edited = |text: &[u8]| edit(text).unwrap_or_else(|_| SecretBytes::new(text.to_vec()));
    let (base, theirs) = (edited(base.expose()), edited(theirs.expose()));
    let texts = [base.expose(), theirs.expose(), current].map(std::str::from_utf8);
    let merged = match texts {
        [Ok(base), Ok(theirs), Ok(current)] => merge(base, theirs, current).into_bytes(),
        _ if current == base.expose() => theirs.expose().to_vec(),
        _ => current.to_vec(),
    };
    let merged = SecretBytes::new(merged);
    edited(merged.expose())
}

#[cfg(test)]
mod tests;
