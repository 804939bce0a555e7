//! All entries, by each of their names; the least recently used are removed first.

mod limits;

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use super::entry::ValueEntry;
use super::key::{EntryKey, stage};
use super::policy::{CachePolicy, FAILURE_TTL};
use super::read::ReadItem;
use super::upstream::{CallScope, ReadingRole};
use super::value::FetchedValue;
use limits::EntryLimits;
use roles_anywhere_client::arn::{ParameterArn, SecretArn};
use roles_anywhere_client::aws::get_secret_value::{SecretId, SecretRequest};
use roles_anywhere_client::aws::parameter::{ParameterId, ParameterRequest};

/// All entries.
#[derive(Default)]
pub(super) struct EntryTable {
    names: HashMap<EntryKey, Rc<ValueEntry>>,
    entries: Vec<Rc<ValueEntry>>,
    removed_values: u64,
    limits: EntryLimits,
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
        entry.position.set(Some(self.entries.len()));
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
        if !has(entry) {
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
            self.take_out(entry);
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
        if !has(entry) {
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
        self.remove_if(|entry| entry.scope.role.id == role.id);
    }

    /// Removes what is of no use at `now`, unless it is being read.
    pub(super) fn remove_useless(&mut self, policy: &CachePolicy, now: Duration) {
        // Also for a cheap check, an older value is not worth to be kept.
        let kept_for = policy.ttl + policy.max_stale.max(2 * policy.ttl);
        self.remove_if(|entry| {
            let state = entry.state.borrow();
            let failed = state.failure.as_ref().map(|failure| failure.at);
            let is_of_no_use = match &state.held {
                Some(held) => held.age(now) > kept_for,
                None => failed.is_none_or(|at| now.saturating_sub(at) >= FAILURE_TTL),
            };
            is_of_no_use && state.call.is_none()
        });
    }

    /// Removes the least recently used entries beyond the limits, now that a call for `entry` has ended.
    /// What is being read stays.
    pub(super) fn shrink_after(&mut self, entry: &ValueEntry, policy: &CachePolicy) {
        if self.limits.may_be_exceeded_with(entry) {
            self.shrink(policy);
        }
    }

    /// Removes the least recently used entries beyond the limits. What is being read stays.
    pub(super) fn shrink(&mut self, policy: &CachePolicy) {
        let excess = self.limits.excess(&self.entries, policy);
        excess.iter().for_each(|entry| self.remove(entry));
    }

    /// Returns how many entries were examined for their limits.
    #[cfg(test)]
    pub(super) fn examined(&self) -> usize {
        self.limits.examined
    }

    /// Removes an entry of which nothing is known and that is not being read.
    pub(super) fn remove_if_empty(&mut self, entry: &Rc<ValueEntry>) {
        let is_empty = {
            let state = entry.state.borrow();
            state.held.is_none() && state.failure.is_none() && state.call.is_none()
        };
        if is_empty {
            self.remove(entry);
        }
    }

    fn remove_if(&mut self, is_removed: impl Fn(&ValueEntry) -> bool) {
        let removed = self.entries.iter().filter(|entry| is_removed(entry)).map(Rc::clone);
        let removed: Vec<_> = removed.collect();
        removed.iter().for_each(|entry| self.remove(entry));
    }

    /// Removes an entry, if it is one.
    fn remove(&mut self, entry: &Rc<ValueEntry>) {
        if self.take_out(entry) {
            self.withdraw(entry);
        }
    }

    /// Takes an entry out of all entries, but not its names; returns whether it was one.
    fn take_out(&mut self, entry: &ValueEntry) -> bool {
        let Some(position) = entry.position.take() else { return false };
        self.entries.swap_remove(position);
        if let Some(moved) = self.entries.get(position) {
            moved.position.set(Some(position));
        }
        true
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
                self.take_out(&before);
                before.changed.notify_waiters();
            }
        }
        let mut state = entry.state.borrow_mut();
        if !state.names.contains(&key) {
            state.names.push(key);
        }
    }
}

/// Returns whether it is an entry. One that was removed may still have readers.
fn has(entry: &ValueEntry) -> bool {
    entry.position.get().is_some()
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
