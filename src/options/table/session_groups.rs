//! The options that commands share which make sessions.

use super::{OptionSpec, cache, errors, identity, roles, session, transport};

/// Those of a command that makes sessions, of one role or of several.
pub static EVERY_SESSION: &[&OptionSpec] = &joined::<{ count(GROUPS) }>(GROUPS);

/// Those of a command that makes the session of one role, caches it, and ends.
pub static ONE_SESSION: &[&OptionSpec] = &joined::<{ count(GROUPS_OF_ONE) }>(GROUPS_OF_ONE);

const GROUPS: &[&[&OptionSpec]] = &[
    identity::IDENTITY,
    session::CHAIN,
    identity::KEY_ACCESS,
    identity::NOT_YET,
    session::SESSION,
    session::ASSUME,
    transport::TRANSPORT,
];

const GROUPS_OF_ONE: &[&[&OptionSpec]] = &[roles::ONE, EVERY_SESSION, cache::CACHE, errors::ERRORS];

const fn count(groups: &[&[&OptionSpec]]) -> usize {
    let (mut count, mut group) = (0, 0);
    while group < groups.len() {
        count += groups[group].len();
        group += 1;
    }
    count
}

/// Returns the rows of `groups` in one array.
const fn joined<const N: usize>(groups: &[&[&'static OptionSpec]]) -> [&'static OptionSpec; N] {
    let mut rows = [&roles::ROLE; N];
    let (mut next, mut group) = (0, 0);
    while group < groups.len() {
        let mut row = 0;
        while row < groups[group].len() {
            rows[next] = groups[group][row];
            next += 1;
            row += 1;
        }
        group += 1;
    }
    rows
}
