//! ListSecrets: the secrets of the caller's account and Region, page by page.

use std::cmp::Reverse;

use serde_json::{Value, json};

use super::describe;
use super::filter::Filters;
use super::input::SecretInput;
use super::store::{Secret, Secrets};
use crate::account::Resources;
use crate::arn::Location;
use crate::json_call::JsonCall;
use crate::refusal::Refusal;

/// The most secrets of a page.
const MOST_ENTRIES: usize = 100;

#[derive(Debug, Clone, Copy)]
enum SortBy {
    Created,
    Accessed,
    Changed,
    Name,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SortOrder {
    Ascending,
    Descending,
}

pub(super) fn list_secrets(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    input: &SecretInput,
) -> Result<Value, Refusal> {
    call.check_service(resources, "secretsmanager:ListSecrets")?;
    let members = input.members();
    let deleted_too = members.flag("IncludePlannedDeletion")?;
    let filters = Filters::parse(input)?;
    let sort_by = members.choice(
        "SortBy",
        &[
            ("created-date", SortBy::Created),
            ("last-accessed-date", SortBy::Accessed),
            ("last-changed-date", SortBy::Changed),
            ("name", SortBy::Name),
        ],
    )?;
    let order = [("asc", SortOrder::Ascending), ("desc", SortOrder::Descending)];
    let order = members.choice("SortOrder", &order)?.unwrap_or(SortOrder::Ascending);
    let page = input.page(MOST_ENTRIES)?;
    let mut secrets: Vec<_> = listed(&resources.secrets, &call.location).collect();
    sort(&mut secrets, sort_by.unwrap_or(SortBy::Created), order);
    let (page, next) = page.of(&secrets);
    let matches = |secret: &Secret| {
        (deleted_too || secret.deletion.is_none())
            && filters.as_ref().is_none_or(|filters| filters.match_secret(secret))
    };
    let entries =
        page.iter().filter(|secret| matches(secret)).map(|secret| describe::entry(secret));
    let mut body = json!({ "SecretList": entries.collect::<Vec<_>>() });
    if let Some(next) = next {
        body["NextToken"] = json!(next);
    }
    Ok(body)
}

/// Returns the secrets of a location in the order of their names.
pub(super) fn listed<'a>(
    secrets: &'a Secrets,
    location: &Location,
) -> impl Iterator<Item = &'a Secret> {
    secrets.iter().filter(move |secret| secret.arn.location() == *location)
}

/// Secrets of the same date stay in the order of their names.
fn sort(secrets: &mut [&Secret], by: SortBy, order: SortOrder) {
    let date = |secret: &Secret| match by {
        SortBy::Created => Some(secret.created),
        SortBy::Accessed => secret.accessed,
        SortBy::Changed => Some(secret.changed),
        SortBy::Name => None,
    };
    match (by, order) {
        (SortBy::Name, SortOrder::Ascending) => {}
        (SortBy::Name, SortOrder::Descending) => secrets.reverse(),
        (_, SortOrder::Ascending) => secrets.sort_by_key(|secret| date(secret)),
        (_, SortOrder::Descending) => secrets.sort_by_key(|secret| Reverse(date(secret))),
    }
}
