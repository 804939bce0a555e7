//! How long `update --once` watches the file for concurrent writes of other programs.

use std::time::Duration;

use crate::command::update::{WATCH, WRITER_TIMEOUT};
use crate::credentials_file::reconcile::{NotSettled, ReconcileStep};

/// How long it is watched if a known process may still write to it.
const LONG_WATCH: Duration = Duration::from_secs(6);

/// Decides how long `update --once` watches the file.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SettleWatch {
    /// When the file was last written.
    pub(super) written: Option<Duration>,
    /// Since when a write is due but not possible.
    waiting: Option<Duration>,
    /// Whether no process had the file open for writing at the last check. One step more is needed
    /// after that, to find what such a process wrote before.
    is_closed: bool,
}

/// What `update --once` does next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NextAction {
    Wait,
    /// The profile is written. Another program may still write to the replaced file.
    End(Option<NotSettled>),
    /// The profile is not written.
    GiveUp(NotSettled),
}

impl SettleWatch {
    /// Returns the next action after a step. `is_unfinished`: a process that is not visible to us may
    /// still write to the replaced file.
    pub(super) fn after(
        &mut self,
        step: ReconcileStep,
        now: Duration,
        is_unfinished: bool,
        writer: impl FnOnce() -> Option<u32>,
    ) -> NextAction {
        let since = |start: Duration| now.saturating_sub(start);
        let was_closed = std::mem::take(&mut self.is_closed);
        match step {
            ReconcileStep::Written(_) => {
                *self = Self { written: Some(now), ..Self::default() };
                NextAction::Wait
            }
            ReconcileStep::Waiting(reason) => {
                match since(*self.waiting.get_or_insert(now)) >= WRITER_TIMEOUT {
                    true => NextAction::GiveUp(reason),
                    false => NextAction::Wait,
                }
            }
            ReconcileStep::Watching(reason) => {
                self.waiting = None;
                let limit = match reason {
                    NotSettled::Open(_) => LONG_WATCH,
                    _ => WRITER_TIMEOUT,
                };
                match self.written.is_none_or(|written| since(written) >= limit) {
                    true => NextAction::End(Some(reason)),
                    false => NextAction::Wait,
                }
            }
            ReconcileStep::Current => {
                self.waiting = None;
                match self.written.map(since) {
                    None => NextAction::End(None),
                    Some(watched) if watched < WATCH || is_unfinished => NextAction::Wait,
                    Some(_) if was_closed => NextAction::End(None),
                    Some(watched) => match writer() {
                        None => {
                            self.is_closed = true;
                            NextAction::Wait
                        }
                        Some(writer) if watched >= LONG_WATCH => {
                            NextAction::End(Some(NotSettled::Open(writer)))
                        }
                        Some(_) => NextAction::Wait,
                    },
                }
            }
        }
    }
}
