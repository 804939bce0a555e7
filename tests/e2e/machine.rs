//! What the suite asks of the machine: how many rounds, and which tests do not run at the same time.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Returns how many rounds to play: `whole` under `scripts/test --long`, else `some`.
pub(crate) fn rounds(some: usize, whole: usize) -> usize {
    let is_long = std::env::var_os("ROLES_ANYWHERE_LONG").is_some_and(|value| value == "1");
    if is_long { whole } else { some }
}

static CORES: RwLock<()> = RwLock::new(());

/// Held by a test that keeps every core busy for seconds. Several of them may run at once.
pub(crate) fn busy() -> RwLockReadGuard<'static, ()> {
    CORES.read().unwrap_or_else(PoisonError::into_inner)
}

/// Held by a test that fails if the program is slow to answer: no busy test runs meanwhile.
pub(crate) fn timed() -> RwLockWriteGuard<'static, ()> {
    CORES.write().unwrap_or_else(PoisonError::into_inner)
}
