//! All entries, by each of their names; the least recently used are removed first.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use super::entry::ValueEntry;
use super::key::{EntryKey, stage};
use super::policy::{CachePolicy, FAILURE_TTL};
use super::read::ReadItem;
use super::upstream::{CallScope, ReadingRole};
use super::value::FetchedValue;
use roles_anywhere_client::arn::{ParameterArn, SecretArn};
use roles_anywhere_client::aws::get_secret_value::{SecretId, SecretRequest};
use roles_anywhere_client::aws::parameter::{ParameterId, ParameterRequest};

/// The most entries without a value, and the most bytes of their names: each name that AWS refuses is
/// remembered, and must not displace a value.
const MAX_FAILED: (usize, usize) = (1_000, 1 << 20);

/// All entries.
#[derive(Default)]
pub(super) struct EntryTable {
    names: HashMap<EntryKey, Rc<ValueEntry>>,
    entries: Vec<Rc<ValueEntry>>,
    removed_values: u64,
}

impl EntryTable {
    /// Returns the entry whose key has this text.
    pub(super) fn find(&self, key: &str) -> Option<&Rc<ValueEntry>> {
        self.names.get(key)
    }

    /// Returns all entries.
    pub(super) fn all(&self) -> &[Rc<ValueEntry>] {
        &self.entries
    }

    /// Returns how many values were removed so far.
    pub(super) fn removed_values(&self) -> u64 {
        self.removed_values
    }

    /// Adds an entry for `item`.
    pub(super) fn add(
        &mut self,
        key: EntryKey,
        scope: CallScope,
        item: &ReadItem,
    ) -> Rc<ValueEntry> {
        let entry = Rc::new(ValueEntry::new(scope, without_default_stage(item)));
        self.entries.push(Rc::clone(&entry));
        self.name(&entry, key);
        entry
    }

    /// Returns the entry of what `entry` was read as, which has all its names from now on: by another
    /// name, there may be one already.
    pub(super) fn identify(
        &mut self,
        entry: &Rc<ValueEntry>,
        fetched: &FetchedValue,
    ) -> Rc<ValueEntry> {
        if !self.has(entry) {
            return Rc::clone(entry);
        }
        let CallScope { role, region } = &entry.scope;
        let item = entry.state.borrow().item.clone();
        let key = |id: &str| EntryKey::with_id(&entry.scope, &item, id);
        let mut keys: Vec<EntryKey> = fetched.arn().map(key).into_iter().collect();
        let by_arn = item_with_arn(&item, fetched);
        // Elsewhere, the name may be that of another one.
        let is_at_home = match by_arn.as_ref().unwrap_or(&item) {
            ReadItem::Secret(SecretRequest { secret: SecretId::Arn(arn), .. }) => {
                (arn.account(), arn.region()) == (role.account.as_ref(), region)
            }
            ReadItem::Parameter(ParameterRequest { parameter: ParameterId::Arn(arn), .. }, _) => {
                (arn.account(), arn.region()) == (role.account.as_ref(), region)
            }
            ReadItem::Secret(_) | ReadItem::Parameter(..) => true,
        };
        if is_at_home {
            keys.push(key(fetched.name()));
        }
        let known = keys.first().and_then(|key| self.names.get(key));
        let target = Rc::clone(known.unwrap_or(entry));
        if let Some(item) = by_arn {
            target.state.borrow_mut().item = item;
        }
        if !Rc::ptr_eq(&target, entry) {
            keys.extend(std::mem::take(&mut entry.state.borrow_mut().names));
            self.entries.retain(|other| !Rc::ptr_eq(other, entry));
            target.last_read.set(target.last_read.get().max(entry.last_read.get()));
            target.last_use.set(target.last_use.get().max(entry.last_use.get()));
            entry.changed.notify_waiters();
        }
        for key in keys {
            self.name(&target, key);
        }
        target
    }

    /// Forgets the other names of an entry that AWS refuses by the name of `item`.
    ///
    /// A secret that was deleted and made again has another ARN: by its name it is read again.
    pub(super) fn keep_only_name(&mut self, entry: &Rc<ValueEntry>, item: &ReadItem) {
        if !self.has(entry) {
            return;
        }
        let own = EntryKey::of(&entry.scope.role, &entry.scope.region, item);
        for name in std::mem::take(&mut entry.state.borrow_mut().names) {
            if name != own {
                self.names.remove(&name);
            }
        }
        self.name(entry, own);
    }

    /// Removes all that a role has read.
    pub(super) fn remove_role(&mut self, role: &ReadingRole) {
        let (gone, kept) = std::mem::take(&mut self.entries)
            .into_iter()
            .partition::<Vec<_>, _>(|entry| entry.scope.role.id == role.id);
        self.entries = kept;
        gone.iter().for_each(|entry| self.withdraw(entry));
    }

    /// Removes what is of no use at `now`, unless it is being read.
    pub(super) fn remove_useless(&mut self, policy: &CachePolicy, now: Duration) {
        // Also for a cheap check, an older value is not worth to be kept.
        let kept_for = policy.ttl + policy.max_stale.max(2 * policy.ttl);
        self.remove_if(|entry| {
            let state = entry.state.borrow();
            let failed = state.failure.as_ref().map(|failure| failure.at);
            let is_of_no_use = match &state.held {
                Some(held) => now.saturating_sub(held.confirmed) > kept_for,
                None => failed.is_none_or(|at| now.saturating_sub(at) >= FAILURE_TTL),
            };
            is_of_no_use && state.call.is_none()
        });
    }

    /// Removes the least recently used entries beyond the limits. What is being read stays.
    pub(super) fn shrink(&mut self, policy: &CachePolicy) {
        let (values, failed) = self
            .entries
            .iter()
            .map(Rc::clone)
            .partition::<Vec<_>, _>(|entry| entry.state.borrow().held.is_some());
        let mut removed = excess(values, (policy.max_entries, policy.max_bytes));
        removed.extend(excess(failed, MAX_FAILED));
        self.remove_if(|entry| removed.contains(&std::ptr::from_ref(entry)));
    }

    /// Removes an entry of which nothing is known and that is not being read.
    pub(super) fn remove_if_empty(&mut self, entry: &Rc<ValueEntry>) {
        let is_empty = {
            let state = entry.state.borrow();
            state.held.is_none() && state.failure.is_none() && state.call.is_none()
        };
        if is_empty {
            self.remove_if(|other| std::ptr::eq(other, &**entry));
        }
    }

    fn remove_if(&mut self, is_removed: impl Fn(&ValueEntry) -> bool) {
        if !self.entries.iter().any(|entry| is_removed(entry)) {
            return;
        }
        let (gone, kept) = std::mem::take(&mut self.entries)
            .into_iter()
            .partition::<Vec<_>, _>(|entry| is_removed(entry));
        self.entries = kept;
        gone.iter().for_each(|entry| self.withdraw(entry));
    }

    /// Returns whether it is an entry. One that was removed may still have readers.
    fn has(&self, entry: &Rc<ValueEntry>) -> bool {
        self.entries.iter().any(|other| Rc::ptr_eq(other, entry))
    }

    /// Withdraws the names and the value of an entry that is not among the entries any more.
    fn withdraw(&mut self, entry: &Rc<ValueEntry>) {
        let mut state = entry.state.borrow_mut();
        for name in std::mem::take(&mut state.names) {
            self.names.remove(&name);
        }
        self.removed_values += u64::from(state.held.take().is_some());
        entry.changed.notify_waiters();
    }

    /// Makes a name lead to an entry. Another one that had it as its last name is removed: its call goes on
    /// for the readers that wait for it, but it may be older than what is kept.
    fn name(&mut self, entry: &Rc<ValueEntry>, key: EntryKey) {
        if let Some(before) = self.names.insert(key.clone(), Rc::clone(entry))
            && !Rc::ptr_eq(&before, entry)
        {
            before.state.borrow_mut().names.retain(|name| *name != key);
            if before.state.borrow().names.is_empty() {
                self.entries.retain(|other| !Rc::ptr_eq(other, &before));
                before.changed.notify_waiters();
            }
        }
        let mut state = entry.state.borrow_mut();
        if !state.names.contains(&key) {
            state.names.push(key);
        }
    }
}

/// Returns the least recently used of `entries` beyond the limits of their number and bytes.
fn excess(
    mut entries: Vec<Rc<ValueEntry>>,
    (max_entries, max_bytes): (usize, usize),
) -> Vec<*const ValueEntry> {
    let mut bytes: usize = entries.iter().map(|entry| size(entry)).sum();
    let mut count = entries.len();
    let mut removed = Vec::new();
    if count <= max_entries && bytes <= max_bytes {
        return removed;
    }
    entries.sort_by_key(|entry| entry.last_use.get());
    // The last one has just been read.
    entries.pop();
    for entry in entries.iter().filter(|entry| entry.state.borrow().call.is_none()) {
        if count <= max_entries && bytes <= max_bytes {
            break;
        }
        (count, bytes) = (count - 1, bytes - size(entry));
        removed.push(Rc::as_ptr(entry));
    }
    removed
}

/// Returns the bytes of an entry's value; without one, of its names, which may be of any length.
fn size(entry: &ValueEntry) -> usize {
    let state = entry.state.borrow();
    // What AWS is asked for has a name too.
    let names = || 2 * state.names.iter().map(EntryKey::len).sum::<usize>();
    state.held.as_ref().map_or_else(names, |held| held.value.size())
}

fn without_default_stage(item: &ReadItem) -> ReadItem {
    match item {
        ReadItem::Secret(request) => {
            let version_stage = stage(request).map(str::to_owned);
            ReadItem::Secret(SecretRequest { version_stage, ..request.clone() })
        }
        ReadItem::Parameter(..) => item.clone(),
    }
}

/// Returns the same version by its whole ARN, if AWS returned one.
fn item_with_arn(item: &ReadItem, fetched: &FetchedValue) -> Option<ReadItem> {
    let arn = fetched.arn()?;
    Some(match item {
        ReadItem::Secret(request) => {
            let secret = SecretId::Arn(arn.parse::<SecretArn>().ok()?);
            ReadItem::Secret(SecretRequest { secret, ..request.clone() })
        }
        ReadItem::Parameter(request, decryption) => {
            let parameter = ParameterId::Arn(arn.parse::<ParameterArn>().ok()?);
            let selector = request.selector.clone();
            ReadItem::Parameter(ParameterRequest { parameter, selector }, *decryption)
        }
    })
}
