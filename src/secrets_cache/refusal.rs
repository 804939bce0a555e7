//! What AWS refuses, and what is dropped for it.

mod late;

pub(super) use late::{LateRefusals, TooOld};

use std::rc::Rc;

use super::SecretsCache;
use super::decision::LastFailure;
use super::entry::ValueEntry;
use super::key::EntryKey;
use super::outcome::CallTimes;
use super::policy::PROBE_INTERVAL;
use super::read::{ReadFailure, ReadItem};
use super::upstream::{CallScope, ReadingRole};
use super::value::FetchedValue;
use roles_anywhere_client::aws::get_secret_value::{SecretId, SecretRequest};
use roles_anywhere_client::aws::parameter::{
    Decryption, ParameterId, ParameterRequest, SECRET_REFERENCE,
};

/// What is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RefusedPart {
    /// The secret or the parameter.
    Whole,
    /// A version of it.
    Version,
}

impl SecretsCache {
    /// Takes the refusal of `item`, which an entry was asked for: drops the value, and of the whole secret
    /// or parameter all that the role has read of it.
    pub(super) fn refuse(
        &self,
        entry: &Rc<ValueEntry>,
        (item, part): (&ReadItem, RefusedPart),
        failure: ReadFailure,
        times: CallTimes,
    ) -> LastFailure {
        let at = self.ports.clock.uptime();
        let failure = LastFailure { at, outage: None, failure };
        let arn = entry.arn();
        let mut keys = entry.state.borrow().names.clone();
        keys.push(EntryKey::of(&entry.scope.role, &entry.scope.region, item));
        if part == RefusedPart::Whole {
            keys.extend(whole_keys(&entry.scope, item, arn.as_deref()));
            let refused = RefusedItem { scope: &entry.scope, item, arn: arn.as_deref() };
            self.drop_whole(&refused);
        }
        self.late_refusals.borrow_mut().remember(&keys, times.span.ended, &failure);
        self.remove_copy(&entry.scope, item, part);
        self.entries.borrow_mut().keep_only_name(entry, item);
        drop_value(entry);
        let mut state = entry.state.borrow_mut();
        state.failure = Some(Box::new(failure.clone()));
        state.next_check = at + PROBE_INTERVAL;
        failure
    }

    /// Drops all that was read with a role of which AWS refuses the session.
    pub(super) fn drop_role(&self, role: &ReadingRole) {
        self.entries.borrow_mut().remove_role(role);
        if let Some(copies) = self.offline_copies() {
            copies.remove_role(&role.arn);
        }
    }

    /// Drops all versions of a secret or a parameter. They are asked for again by those who want them.
    fn drop_whole(&self, refused: &RefusedItem<'_>) {
        for entry in self.entries.borrow().all() {
            match refused.effect_on(entry) {
                RefusalEffect::None => {}
                RefusalEffect::Drop => drop_value(entry),
                RefusalEffect::Check => {
                    let mut state = entry.state.borrow_mut();
                    state.next_check = self.ports.clock.uptime();
                }
            }
        }
    }

    /// Returns what an answer for `entry` becomes if what it holds was refused by a later call.
    pub(super) fn refused_since(
        &self,
        entry: &ValueEntry,
        fetched: &FetchedValue,
        times: CallTimes,
    ) -> Option<TooOld> {
        let keys = || {
            let state = entry.state.borrow();
            let by_id = |id: &str| EntryKey::with_id(&entry.scope, &state.item, id);
            let mut keys = state.names.clone();
            keys.extend(fetched.arn().map(by_id));
            keys.extend(whole_keys(&entry.scope, &state.item, fetched.arn()));
            if is_at_home(&entry.scope, fetched.arn()) {
                keys.push(by_id(fetched.name()));
                let whole = whole_item(&state.item);
                keys.push(EntryKey::with_id(&entry.scope, &whole, fetched.name()));
            }
            keys.extend(keys_of_reference(&entry.scope, fetched));
            keys
        };
        self.late_refusals.borrow().since(times.span.began, keys)
    }
}

/// What AWS refused to a role.
struct RefusedItem<'a> {
    scope: &'a CallScope,
    item: &'a ReadItem,
    /// The ARN, if it was read before.
    arn: Option<&'a str>,
}

/// What becomes of a value when another one is refused.
#[derive(Debug, Eq, PartialEq)]
enum RefusalEffect {
    None,
    Drop,
    /// AWS is asked soon.
    Check,
}

impl RefusedItem<'_> {
    fn effect_on(&self, entry: &ValueEntry) -> RefusalEffect {
        let state = entry.state.borrow();
        let Some(held) = &state.held else { return RefusalEffect::None };
        if entry.scope.role.id != self.scope.role.id {
            return RefusalEffect::None;
        }
        let found = held.value.content();
        match (self.item, found) {
            (ReadItem::Secret(request), _) if self.is_secret(request, found, &entry.scope) => {
                RefusalEffect::Drop
            }
            (ReadItem::Parameter(request, _), FetchedValue::Parameter(_))
                if self.is_parameter(request, found, &entry.scope) =>
            {
                RefusalEffect::Drop
            }
            // The role may read it as a secret, though not as a parameter.
            (ReadItem::Parameter(..), FetchedValue::Secret(secret))
                if self.arn == Some(&secret.arn) =>
            {
                RefusalEffect::Check
            }
            _ => RefusalEffect::None,
        }
    }

    fn is_secret(&self, request: &SecretRequest, found: &FetchedValue, scope: &CallScope) -> bool {
        let Some(arn) = found.arn() else { return false };
        let is_named = match &request.secret {
            SecretId::Arn(_) => request.secret.is_of(arn, ""),
            SecretId::Name(name) => {
                scope.region == self.scope.region
                    && is_at_home(scope, Some(arn))
                    && secret_name(found) == Some(name)
            }
        };
        is_named || self.arn == Some(arn)
    }

    fn is_parameter(
        &self,
        request: &ParameterRequest,
        found: &FetchedValue,
        scope: &CallScope,
    ) -> bool {
        let is_named = match &request.parameter {
            ParameterId::Arn(arn) => found.arn() == Some(&arn.to_string()),
            ParameterId::Name(name) => {
                scope.region == self.scope.region
                    && is_at_home(scope, found.arn())
                    && found.name() == name
            }
        };
        is_named || self.arn.is_some() && self.arn == found.arn()
    }
}

/// Drops the value of an entry that AWS refuses.
fn drop_value(entry: &ValueEntry) {
    entry.state.borrow_mut().held = None;
    entry.changed.notify_waiters();
}

impl ValueEntry {
    /// Returns the ARN of what it holds.
    fn arn(&self) -> Option<String> {
        let state = self.state.borrow();
        state.held.as_ref().and_then(|held| held.value.content().arn()).map(str::to_owned)
    }
}

/// Returns whether something is of the account of a role and in the Region of its calls, where its name is
/// that of no other one.
fn is_at_home(CallScope { role, region }: &CallScope, arn: Option<&str>) -> bool {
    arn.is_none_or(|arn| {
        let mut parts = arn.split(':').skip(3);
        (parts.next(), parts.next()) == (Some(region.as_str()), Some(&role.account))
    })
}

/// Returns the name of a secret, also if it was read as a parameter.
fn secret_name(found: &FetchedValue) -> Option<&str> {
    match found {
        FetchedValue::Secret(secret) => Some(&secret.name),
        FetchedValue::Parameter(parameter) => parameter.name.strip_prefix(SECRET_REFERENCE),
    }
}

/// Returns the secret or the parameter without its version.
fn whole_item(item: &ReadItem) -> ReadItem {
    match item {
        ReadItem::Secret(request) => {
            ReadItem::Secret(SecretRequest::current(request.secret.clone()))
        }
        ReadItem::Parameter(request, _) => {
            let latest = ParameterRequest::latest(request.parameter.clone());
            ReadItem::Parameter(latest, Decryption::Decrypted)
        }
    }
}

/// Returns the keys of a secret or a parameter without its version: of what is asked for, and of the ARN.
fn whole_keys(scope: &CallScope, item: &ReadItem, arn: Option<&str>) -> Vec<EntryKey> {
    let whole = whole_item(item);
    let mut keys = vec![EntryKey::of(&scope.role, &scope.region, &whole)];
    if let Some(arn) = arn {
        keys.push(EntryKey::with_id(scope, &whole, arn));
        // It may have been asked for without its suffix.
        if let (ReadItem::Secret(_), Some((partial, _))) = (&whole, arn.rsplit_once('-')) {
            keys.push(EntryKey::with_id(scope, &whole, partial));
        }
    }
    keys
}

/// Returns the keys of the secret that was read as a parameter.
fn keys_of_reference(scope: &CallScope, fetched: &FetchedValue) -> Vec<EntryKey> {
    let (FetchedValue::Parameter(_), Some(name)) = (fetched, secret_name(fetched)) else {
        return Vec::new();
    };
    let item = ReadItem::Secret(SecretRequest::current(SecretId::Name(name.to_owned())));
    whole_keys(scope, &item, fetched.arn())
}
