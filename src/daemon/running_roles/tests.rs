//! Reloads of a daemon whose roles are numbers: equal numbers make equal sessions.

use std::cell::RefCell;

use super::*;
use crate::test_support::DaemonRecorder;
use roles_anywhere_test_support::simulation::Simulation;

/// A daemon; each role keeps the numbers that it and its predecessors had.
#[derive(Default)]
struct Fixture {
    recorder: DaemonRecorder,
    refreshers: RefresherSet,
    running: RefCell<Vec<RunningRole<u8, Vec<u8>>>>,
}

impl Fixture {
    /// Reloads, and returns the added, the changed and the removed roles.
    fn reload(&self, roles: &[(&str, u8)]) -> [String; 3] {
        let roles =
            roles.iter().map(|(name, plan)| Role { name: Some((*name).into()), plan: *plan });
        let context = self.recorder.context();
        let start = |role: &Role<u8>, before: Option<&Vec<u8>>| {
            let simulation = Simulation::new();
            let source = Arc::new(simulation.clone());
            let refresher = context.refresher_of(source, Arc::default(), &simulation.ports());
            let plans = before.into_iter().flatten().copied().chain([role.plan]);
            (refresher, plans.collect())
        };
        let running = &mut *self.running.borrow_mut();
        let is_same = |old: &u8, new: &u8| old == new;
        let changes = replace_roles(running, roles.collect(), &self.refreshers, is_same, &start);
        [changes.added, changes.changed, changes.removed].map(|names| names.join(" "))
    }

    /// Returns the roles in their order.
    fn roles(&self) -> Vec<(String, Vec<u8>)> {
        let running = self.running.borrow();
        let name = |role: &Role<u8>| role.name.as_deref().unwrap().to_owned();
        running.iter().map(|it| (name(&it.role), it.state.clone())).collect()
    }
}

/// The roles, which of them are added, changed and removed, and how many refreshers run then.
type Row<'a> = (&'a [(&'a str, u8)], [&'a str; 3], usize);

#[test]
fn only_what_changed_is_started_or_ended() {
    let fixture = Fixture::default();
    let rows: [Row<'_>; 6] = [
        (&[("a", 1), ("b", 2), ("c", 3)], ["a b c", "", ""], 3),
        (&[("a", 1), ("b", 2), ("c", 3)], ["", "", ""], 3),
        // Only the order changes.
        (&[("c", 3), ("a", 1), ("b", 2)], ["", "", ""], 3),
        (&[("a", 1), ("b", 9), ("d", 3)], ["d", "b", "c"], 3),
        (&[("a", 1)], ["", "", "b d"], 1),
        (&[], ["", "", "a"], 0),
    ];
    for (roles, changes, refreshers) in rows {
        assert_eq!(fixture.reload(roles), changes, "{roles:?}");
        let names = fixture.roles().into_iter().map(|(name, _)| name);
        assert!(names.eq(roles.iter().map(|(name, _)| *name)), "{roles:?}");
        assert_eq!(fixture.refreshers.len(), refreshers, "{roles:?}");
    }
}

#[test]
fn changed_role_is_told_of_the_one_before_and_an_equal_one_is_kept() {
    let fixture = Fixture::default();
    fixture.reload(&[("a", 1), ("b", 1)]);
    fixture.reload(&[("a", 1), ("b", 2)]);
    fixture.reload(&[("b", 3), ("a", 1)]);
    assert_eq!(fixture.roles(), [("b".to_owned(), vec![1, 2, 3]), ("a".to_owned(), vec![1])]);
}
