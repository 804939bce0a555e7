//! The roles that a daemon serves, each with its refresher, while a reload replaces them.

use std::sync::Arc;

use super::{RefresherSet, RunningRefresher};
use roles_anywhere_client::refresh::refresher::Refresher;

/// A role of a daemon.
#[derive(Clone, Debug)]
pub struct Role<P> {
    /// Its name in the configuration file; `None` if it is of the command line alone.
    pub name: Option<Arc<str>>,
    /// How its sessions are made, and what is done with them.
    pub plan: P,
}

impl<P> Role<P> {
    /// Returns the role of this name with another plan.
    pub fn with_plan<Q>(&self, plan: Q) -> Role<Q> {
        Role { name: self.name.clone(), plan }
    }
}

/// A role and its refresher, which ends when this is dropped.
#[derive(Debug)]
pub struct RunningRole<P, S> {
    /// The role.
    pub role: Role<P>,
    /// What the daemon keeps for it.
    pub state: S,
    _refresher: RunningRefresher,
}

/// The names of the roles that a reload concerned.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RoleChanges {
    /// Roles that are new.
    pub added: Vec<String>,
    /// Roles whose sessions are made in another way now.
    pub changed: Vec<String>,
    /// Roles that have ended.
    pub removed: Vec<String>,
}

/// Starts the refresher of a role. It is told what the daemon kept for the role of the same name that it
/// replaces, and returns what to keep for this one.
pub type StartRole<'a, P, S> = &'a dyn Fn(&Role<P>, Option<&S>) -> (Refresher, S);

/// Replaces the running roles by `roles`, which have distinct names. One that `is_same` stays as it is,
/// with its refresher and its session; its new plan is not used.
pub fn replace_roles<P, S>(
    running: &mut Vec<RunningRole<P, S>>,
    roles: Vec<Role<P>>,
    refreshers: &RefresherSet,
    is_same: impl Fn(&P, &P) -> bool,
    start: StartRole<'_, P, S>,
) -> RoleChanges {
    let mut previous = std::mem::take(running);
    let mut changes = RoleChanges::default();
    let shown = |role: &Role<P>| role.name.as_deref().unwrap_or_default().to_owned();
    for role in roles {
        let at = previous.iter().position(|known| known.role.name == role.name);
        let known = at.map(|at| previous.remove(at));
        match known {
            Some(known) if is_same(&known.role.plan, &role.plan) => running.push(known),
            known => {
                let list = if known.is_some() { &mut changes.changed } else { &mut changes.added };
                list.push(shown(&role));
                let (refresher, state) = start(&role, known.as_ref().map(|known| &known.state));
                let refresher = refreshers.add(refresher);
                running.push(RunningRole { role, state, _refresher: refresher });
            }
        }
    }
    changes.removed = previous.iter().map(|known| shown(&known.role)).collect();
    changes
}

#[cfg(test)]
mod tests;
