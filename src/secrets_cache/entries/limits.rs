//! How many entries there may be, and which are removed.

use std::rc::Rc;

use crate::secrets_cache::entry::ValueEntry;
use crate::secrets_cache::key::EntryKey;
use crate::secrets_cache::policy::CachePolicy;

/// The most entries without a value, and the most bytes of their names: each name that AWS refuses is
/// remembered, and must not displace a value.
const MAX_FAILED: (usize, usize) = (1_000, 1 << 20);

/// The part of a limit by which it may be exceeded before entries are removed: all entries are examined for
/// that.
const LATITUDE: usize = 16;

/// The limits of entries with a value, and of those without.
#[derive(Default)]
pub(super) struct EntryLimits {
    values: Room,
    failed: Room,
    /// How many entries were examined.
    #[cfg(test)]
    pub(super) examined: usize,
}

/// How many entries and bytes may be added before there are clearly too many.
#[derive(Default)]
struct Room {
    entries: usize,
    bytes: usize,
}

impl EntryLimits {
    /// Returns whether there may be too many entries, now that a call for `entry` has ended.
    pub(super) fn may_be_exceeded_with(&mut self, entry: &ValueEntry) -> bool {
        let has_value = entry.state.borrow().held.is_some();
        let room = if has_value { &mut self.values } else { &mut self.failed };
        !room.take(size(entry))
    }

    /// Returns the least recently used of `entries` beyond the limits, without those that are being read.
    pub(super) fn excess(
        &mut self,
        entries: &[Rc<ValueEntry>],
        policy: &CachePolicy,
    ) -> Vec<Rc<ValueEntry>> {
        let has_value = |entry: &Rc<ValueEntry>| entry.state.borrow().held.is_some();
        let (values, others): (Vec<_>, Vec<_>) = entries.iter().map(Rc::clone).partition(has_value);
        // How many calls there are without a value is limited elsewhere.
        let failed = others.into_iter().filter(|entry| entry.state.borrow().call.is_none());
        let mut excess = Vec::new();
        let most = (policy.max_entries, policy.max_bytes);
        self.values = Room::after_removal(values, most, &mut excess);
        self.failed = Room::after_removal(failed.collect(), MAX_FAILED, &mut excess);
        #[cfg(test)]
        {
            self.examined += entries.len();
        }
        excess
    }
}

impl Room {
    /// Takes the room of an entry; returns whether there is enough.
    fn take(&mut self, bytes: usize) -> bool {
        let room = (self.entries.checked_sub(1), self.bytes.checked_sub(bytes));
        let (Some(entries), Some(bytes)) = room else { return false };
        (self.entries, self.bytes) = (entries, bytes);
        true
    }

    /// Adds the least recently used of `entries` beyond the limits to `excess`, and returns what may be
    /// added then.
    fn after_removal(
        mut entries: Vec<Rc<ValueEntry>>,
        (max_entries, max_bytes): (usize, usize),
        excess: &mut Vec<Rc<ValueEntry>>,
    ) -> Self {
        let mut bytes: usize = entries.iter().map(|entry| size(entry)).sum();
        let mut count = entries.len();
        if count > max_entries || bytes > max_bytes {
            entries.sort_by_key(|entry| entry.last_use.get());
            // The last one has just been read.
            entries.pop();
            for entry in entries.into_iter().filter(|entry| entry.state.borrow().call.is_none()) {
                if count <= max_entries && bytes <= max_bytes {
                    break;
                }
                (count, bytes) = (count - 1, bytes - size(&entry));
                excess.push(entry);
            }
        }
        let room = |most: usize, now: usize| (most + most / LATITUDE).saturating_sub(now);
        Self { entries: room(max_entries, count), bytes: room(max_bytes, bytes) }
    }
}

/// Returns the bytes of an entry's value; without one, of its names, which may be of any length.
fn size(entry: &ValueEntry) -> usize {
    let state = entry.state.borrow();
    // What AWS is asked for has a name too.
    let names = || 2 * state.names.iter().map(EntryKey::len).sum::<usize>();
    state.held.as_ref().map_or_else(names, |held| held.value.size())
}
