//! One version of each secret for all references to it.
//!
//! A secret that is named in two ways, or read by two roles, is read twice, and may have been rotated in
//! between. All references then get the newer version: the user name of one and the password of the other
//! would not go together.

use super::calls::{CallFailure, Found};
use crate::secrets::lookup::{LookupItem, LookupPlan};

/// Replaces what was read of a secret or a parameter by its newest version, if the same was asked for.
pub(super) fn unify(plan: &LookupPlan, found: &mut [Option<Result<Found, CallFailure>>]) {
    for one in 0..found.len() {
        for other in one + 1..found.len() {
            if !is_same_version(&plan.lookups()[one].item, &plan.lookups()[other].item) {
                continue;
            }
            let (before, after) = found.split_at_mut(other);
            let (Some(Ok(one)), Some(Ok(other))) = (&mut before[one], &mut after[0]) else {
                continue;
            };
            match (one, other) {
                (Found::Secret(one), Found::Secret(other)) if one.arn == other.arn => {
                    let is_newer = one.created > other.created;
                    let is_same = one.version_id == other.version_id;
                    keep_newer(one, other, is_newer, is_same);
                }
                (Found::Parameter(one), Found::Parameter(other))
                    if one.arn.is_some() && one.arn == other.arn =>
                {
                    let is_newer = one.version > other.version;
                    let is_same = one.version == other.version;
                    keep_newer(one, other, is_newer, is_same);
                }
                _ => {}
            }
        }
    }
}

fn keep_newer<T: Clone>(one: &mut T, other: &mut T, is_newer: bool, is_same: bool) {
    let (newer, older) = if is_newer { (one, other) } else { (other, one) };
    if !is_same {
        older.clone_from(newer);
    }
}

/// Returns whether two lookups ask for the same version, of whatever secret or parameter.
fn is_same_version(one: &LookupItem, other: &LookupItem) -> bool {
    match (one, other) {
        (LookupItem::Secret(one), LookupItem::Secret(other)) => {
            (&one.version_id, &one.version_stage) == (&other.version_id, &other.version_stage)
        }
        (LookupItem::Parameter(one), LookupItem::Parameter(other)) => {
            one.selector == other.selector
        }
        _ => false,
    }
}
