//! References whose values come from a running `serve`.

mod answer;
mod client;

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{LocalBoxFuture, select_all};

use super::source::{FollowedValues, ReferenceSource};
use crate::output::error::Error;
use crate::output::references::ResolveErrors;
use crate::secrets::reference::NamedReference;
use client::{AskFailure, KnownVersions, Pause, ServeClient, sent_text};
pub use client::{ServeAccess, ServeToken};
use roles_anywhere_client::ports::Ports;

/// References whose values come from a running `serve`.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct ServedReferences {
    references: Vec<NamedReference>,
    /// Those that are asked for in one request.
    lists: Vec<Range<usize>>,
    client: Rc<ServeClient>,
    /// What was read last.
    known: RefCell<Option<FollowedValues>>,
    next: Cell<NextRead>,
    /// When the last request that waits was sent.
    waited_at: Cell<Option<Duration>>,
}

/// What is known about the next read.
#[derive(Clone, Copy, Debug, Default)]
enum NextRead {
    /// Nothing.
    #[default]
    Unknown,
    /// Its result is what was read last: `serve` has just said so.
    Known,
    /// It is not to be made before this time has passed.
    After(Pause),
}

/// The most references of a request.
const MOST: usize = 200;
/// The most bytes of its references, of 64 KiB that a request may have in all.
const MOST_BYTES: usize = 40 << 10;
/// What a version takes beside its reference.
const VERSION_BYTES: usize = 64;
/// The longest time to wait in a request.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// The shortest time between two requests that wait, whatever listens there.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
/// The longest answer that is read, in bytes: each reference of a request may stand for 64 KiB.
pub const LONGEST_ANSWER: usize = MOST * (100 << 10);

impl Pause {
    fn duration(self) -> Duration {
        match self {
            Self::Short => Duration::from_secs(2),
            Self::Long => Duration::from_secs(10),
        }
    }
}

impl ServedReferences {
    /// Returns references, to be read by `access`.
    pub fn new(references: &[NamedReference], access: ServeAccess, ports: Ports) -> Self {
        Self::by(Rc::new(ServeClient::new(access, ports)), references)
    }

    /// Returns other references, to be read in the same way.
    #[must_use]
    pub fn other(&self, references: &[NamedReference]) -> Self {
        Self::by(Rc::clone(&self.client), references)
    }

    fn by(client: Rc<ServeClient>, references: &[NamedReference]) -> Self {
        Self {
            references: references.to_vec(),
            lists: lists(references),
            client,
            known: RefCell::default(),
            next: Cell::default(),
            waited_at: Cell::default(),
        }
    }

    async fn read_all(&self) -> Result<FollowedValues, Error> {
        if let (NextRead::Known, Some(known)) = (self.next.take(), &*self.known.borrow()) {
            return Ok(known.clone());
        }
        let mut values = Vec::with_capacity(self.references.len());
        let mut failures = ResolveErrors::of(self.references.len());
        for list in &self.lists {
            match self.client.ask(&self.references[list.clone()], None).await {
                Ok(answered) => values.extend(answered.into_iter().flatten()),
                Err(AskFailure::References(refused)) => {
                    for (index, refusal) in refused {
                        let index = list.start + index;
                        failures.add((index, &self.references[index]), refusal.into());
                    }
                }
                Err(AskFailure::Whole { error, pause }) => {
                    self.next.set(NextRead::After(pause));
                    return Err(error);
                }
            }
        }
        if !failures.is_empty() {
            self.next.set(NextRead::After(Pause::Long));
            return Err(failures.into());
        }
        let values = FollowedValues { values };
        self.known.replace(Some(values.clone()));
        Ok(values)
    }

    /// Completes when a value has another version than the one that was read last, or after about `limit`.
    async fn wait(&self, limit: Duration) {
        let known = self.known.borrow().as_ref().map(versions);
        let pause = match (self.next.take(), &known) {
            (NextRead::After(pause), _) => Some(pause),
            (_, None) => Some(Pause::Short),
            _ => None,
        };
        if let Some(pause) = pause {
            return self.sleep(pause.duration().min(limit)).await;
        }
        let end = self.client.ports.clock.uptime() + limit;
        self.sleep(self.until_next_wait().min(limit)).await;
        let now = self.client.ports.clock.uptime();
        let limit = end.saturating_sub(now);
        // A request waits for whole seconds.
        let wait = Duration::from_secs(limit.min(LONGEST_WAIT).as_secs());
        match known {
            Some(known) if !wait.is_zero() && !self.lists.is_empty() => {
                self.waited_at.set(Some(now));
                self.wait_for_change(&known, wait).await;
            }
            _ => self.sleep(limit).await,
        }
    }

    /// Returns how long it is until a change may be waited for again.
    fn until_next_wait(&self) -> Duration {
        let now = self.client.ports.clock.uptime();
        let next = self.waited_at.get().map_or(now, |at| at + SHORTEST_INTERVAL);
        next.saturating_sub(now)
    }

    async fn sleep(&self, time: Duration) {
        if !time.is_zero() {
            self.client.ports.timer.sleep(time).await;
        }
    }

    async fn wait_for_change(&self, known: &[Option<String>], wait: Duration) {
        let asked = self.lists.iter().map(|list| {
            let condition = KnownVersions { versions: &known[list.clone()], wait };
            Box::pin(self.client.ask(&self.references[list.clone()], Some(condition)))
        });
        let (answered, index, _) = select_all(asked).await;
        let pause = match answered {
            Ok(None) => {
                self.set_known(None);
                // One that comes before its time is not asked for again at once.
                Some(Pause::Short)
            }
            Ok(Some(values)) => {
                let values = FollowedValues { values };
                let is_same = versions(&values) == known[self.lists[index].clone()];
                self.set_known(Some(values));
                // What has no version is answered at once.
                is_same.then_some(Pause::Long)
            }
            Err(AskFailure::Whole { pause, .. }) => Some(pause),
            Err(AskFailure::References(_)) => Some(Pause::Short),
        };
        if let Some(pause) = pause {
            self.sleep(pause.duration().min(wait)).await;
        }
    }

    /// Keeps an answer for the next read, if it is that to all references. Without values, nothing has changed.
    fn set_known(&self, values: Option<FollowedValues>) {
        if self.lists.len() == 1 {
            if values.is_some() {
                self.known.replace(values);
            }
            self.next.set(NextRead::Known);
        }
    }
}

fn versions(values: &FollowedValues) -> Vec<Option<String>> {
    values.values.iter().map(|value| value.version.clone()).collect()
}

/// Returns which references are asked for in one request.
fn lists(references: &[NamedReference]) -> Vec<Range<usize>> {
    let mut lists: Vec<Range<usize>> = Vec::new();
    let mut bytes = 0;
    for (index, named) in references.iter().enumerate() {
        let size = sent_text(&named.reference).expose().len() + VERSION_BYTES;
        match lists.last_mut() {
            Some(list) if list.len() < MOST && bytes + size <= MOST_BYTES => {
                list.end = index + 1;
                bytes += size;
            }
            _ => {
                lists.push(index..index + 1);
                bytes = size;
            }
        }
    }
    lists
}

impl ReferenceSource for ServedReferences {
    fn read(&self) -> LocalBoxFuture<'_, Result<FollowedValues, Error>> {
        Box::pin(self.read_all())
    }

    fn changed(&self, limit: Duration) -> LocalBoxFuture<'_, ()> {
        Box::pin(self.wait(limit))
    }
}

#[cfg(test)]
mod tests;
