//! A directory of copies, in memory.

use std::rc::Rc;

use futures_util::FutureExt as _;

use super::*;
use crate::test_support::{FakeStore, RecordingLog};
use roles_anywhere_client::aws::get_secret_value::{SecretRequest, SecretValue, SecretVersion};
use roles_anywhere_client::region::Region;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::time::Clock as _;
use roles_anywhere_test_support::blocking::FakeBlocking;
use roles_anywhere_test_support::clock::ManualClock;
use roles_anywhere_test_support::entropy::SequenceEntropy;
use roles_anywhere_test_support::ports::FakePorts;

const START: Timestamp = Timestamp::from_unix(1_800_000_000);
const MAX_AGE: Duration = Duration::from_hours(24);

/// A machine: what stays when the process ends.
struct Machine {
    clock: ManualClock,
    store: Arc<FakeStore>,
    log: RecordingLog,
    blocking: FakeBlocking,
}

impl Machine {
    fn new() -> Self {
        let log = RecordingLog::refusing(&["hunter2"]);
        let store = Arc::new(FakeStore::default());
        store.list_as_of(START);
        Self { clock: ManualClock::at(START), store, log, blocking: FakeBlocking::inline() }
    }

    fn open(&self, key: u8, keep: &[&str]) -> CopiesOnDisk {
        let entropy = SequenceEntropy::pseudo_random(1);
        let blocking = self.blocking.clone();
        let ports =
            FakePorts { clock: self.clock.clone(), entropy, blocking, ..FakePorts::default() };
        let store = Arc::clone(&self.store) as _;
        let setup = (CopyKey::new(&[key; 32]).unwrap(), rules(keep));
        CopiesOnDisk::open(store, setup, ports.ports(), Arc::new(self.log.clone())).unwrap()
    }

    fn files(&self) -> Vec<String> {
        let files = self.store.list(|_| true).unwrap().unwrap();
        files.into_iter().map(|file| file.name).collect()
    }

    fn pass(&self, hours: u64) {
        self.clock.advance(Duration::from_hours(hours));
    }
}

fn rules(keep: &[&str]) -> CopyRules {
    let keep = keep.iter().map(|pattern| pattern.parse().unwrap()).collect();
    CopyRules { keep, max_age: MAX_AGE }
}

fn scope(role: &str) -> CallScope {
    let region = Region::parse("us-east-1").unwrap();
    let role = crate::secrets_cache::ReadingRole {
        id: role.into(),
        arn: format!("arn:aws:iam::123456789012:role/{role}").into(),
        account: "123456789012".into(),
        region: region.clone(),
    };
    CallScope { role: Rc::new(role), region }
}

fn item(name: &str, stage: Option<&str>) -> ReadItem {
    let request = SecretRequest::current(name.parse().unwrap());
    ReadItem::Secret(SecretRequest { version_stage: stage.map(str::to_owned), ..request })
}

fn value(name: &str, version: &str) -> FetchedValue {
    FetchedValue::Secret(SecretVersion {
        arn: format!("arn:aws:secretsmanager:us-east-1:123456789012:secret:{name}-AbCdEf"),
        name: name.to_owned(),
        version_id: Some(version.to_owned()),
        version_stages: vec!["AWSCURRENT".to_owned()],
        created: None,
        value: SecretValue::Text(Secret::new(format!("hunter2 {version}"))),
    })
}

fn store(machine: &Machine, copies: &CopiesOnDisk, name: &str, version: &str) {
    let now = machine.clock.now();
    copies.store(&scope("app"), &item(name, None), &value(name, version), now);
}

/// Returns the version and the age of a copy.
fn loaded(copies: &CopiesOnDisk, name: &str) -> Option<(String, Duration)> {
    let copy = copies.load(&scope("app"), &item(name, None))?;
    let FetchedValue::Secret(secret) = copy.value else { unreachable!() };
    assert_eq!(copy.age + copy.usable_for, MAX_AGE);
    Some((secret.version_id.unwrap(), copy.age))
}

#[test]
fn what_another_thread_was_to_write_is_written_at_the_end() {
    let machine = Machine::new();
    machine.blocking.hold(true);
    let copies = machine.open(1, &["sm://prod/*"]);
    store(&machine, &copies, "prod/db", "v1");
    assert!(copies.keep().now_or_never().is_none());
    assert_eq!((machine.blocking.started(), machine.files().len()), (1, 0));
    copies.flush();
    assert_eq!(machine.files().len(), 1);
    // The thread has nothing left to do.
    machine.blocking.run_held();
    assert_eq!(machine.files().len(), 1);
    assert!(loaded(&machine.open(1, &["sm://prod/*"]), "prod/db").is_some());
}

#[test]
fn what_is_to_be_kept_is_there_after_a_restart_until_it_is_too_old() {
    let machine = Machine::new();
    let copies = machine.open(1, &["sm://prod/*"]);
    store(&machine, &copies, "prod/db", "v1");
    store(&machine, &copies, "test/db", "v1");
    assert_eq!(machine.files(), [""; 0]);
    copies.flush();
    assert_eq!(machine.files().len(), 1);
    machine.pass(23);
    let copies = machine.open(1, &["sm://prod/*"]);
    assert_eq!(loaded(&copies, "prod/db"), Some(("v1".to_owned(), Duration::from_hours(23))));
    assert_eq!(loaded(&copies, "test/db"), None);
    machine.pass(1);
    assert!(loaded(&copies, "prod/db").is_some());
    machine.clock.advance(Duration::from_secs(1));
    assert_eq!(loaded(&copies, "prod/db"), None);
    // The next start removes it.
    let copies = machine.open(1, &["sm://prod/*"]);
    copies.flush();
    assert_eq!(machine.files(), [""; 0]);
    let expected = "info: offline_copy_removed secret=prod/db";
    assert!(
        machine.log.lines().iter().any(|line| line.starts_with(expected)),
        "{:?}",
        machine.log.lines()
    );
}

#[test]
fn another_version_replaces_the_copy_and_the_same_one_is_written_seldom() {
    let machine = Machine::new();
    let copies = machine.open(1, &["*"]);
    store(&machine, &copies, "db", "v1");
    copies.flush();
    let contents = |machine: &Machine| {
        let name = machine.files().remove(0);
        machine.store.read(&name).unwrap().unwrap().expose().to_vec()
    };
    let first = contents(&machine);
    machine.pass(1);
    store(&machine, &copies, "db", "v1");
    copies.flush();
    assert_eq!(contents(&machine), first);
    store(&machine, &copies, "db", "v2");
    copies.flush();
    let second = contents(&machine);
    assert_ne!(second, first);
    machine.pass(2);
    store(&machine, &copies, "db", "v2");
    copies.flush();
    assert_ne!(contents(&machine), second);
    assert_eq!(machine.files().len(), 1);
    let copies = machine.open(1, &["*"]);
    assert_eq!(loaded(&copies, "db"), Some(("v2".to_owned(), Duration::ZERO)));
}

#[test]
fn refusals_remove_the_copies() {
    let machine = Machine::new();
    let copies = machine.open(1, &["*"]);
    let app = scope("app");
    for name in ["db", "web"] {
        store(&machine, &copies, name, "v1");
        let previous = item(name, Some("AWSPREVIOUS"));
        copies.store(&app, &previous, &value(name, "v0"), machine.clock.now());
    }
    copies.store(&scope("other"), &item("db", None), &value("db", "v1"), machine.clock.now());
    copies.flush();
    assert_eq!(machine.files().len(), 5);
    // One version only.
    copies.remove(&app, &item("web", Some("AWSPREVIOUS")), RefusedPart::Version);
    copies.flush();
    assert_eq!(machine.files().len(), 4);
    assert!(loaded(&copies, "web").is_some());
    // All versions, by whatever name.
    let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf";
    copies.remove(&app, &item(arn, None), RefusedPart::Whole);
    copies.flush();
    assert_eq!(loaded(&copies, "db"), None);
    assert_eq!(machine.files().len(), 2);
    // The role of the others.
    copies.remove_role(&scope("other").role.arn);
    copies.flush();
    assert_eq!(copies.roles(), [app.role.arn.to_string()]);
    let copies = machine.open(1, &["*"]);
    assert_eq!(copies.statistics(), OfflineStatistics { copies: 1, failures: 0 });
    assert!(loaded(&copies, "web").is_some());
    assert_eq!(loaded(&copies, "db"), None);
}

#[test]
fn what_is_not_to_be_kept_any_more_is_removed() {
    let machine = Machine::new();
    let copies = machine.open(1, &["*"]);
    for name in ["db", "web", "log"] {
        store(&machine, &copies, name, "v1");
    }
    copies.flush();
    let copies = machine.open(1, &["db", "web"]);
    copies.flush();
    assert_eq!(machine.files().len(), 2);
    copies.replace_rules(rules(&["web"]));
    copies.flush();
    assert_eq!(machine.files().len(), 1);
    assert!(loaded(&copies, "db").is_none() && loaded(&copies, "web").is_some());
    store(&machine, &copies, "db", "v1");
    assert!(loaded(&copies, "db").is_none());
    copies.replace_rules(rules(&[]));
    copies.flush();
    assert_eq!(machine.files(), [""; 0]);
}

#[test]
fn files_that_cannot_be_used_are_named_in_the_log_and_not_served() {
    let machine = Machine::new();
    let copies = machine.open(1, &["*"]);
    store(&machine, &copies, "db", "v1");
    store(&machine, &copies, "web", "v1");
    copies.flush();
    let files = machine.files();
    let read = |name: &str| machine.store.read(name).unwrap().unwrap().expose().to_vec();
    let (one, other) = (read(&files[0]), read(&files[1]));
    let mut changed = one.clone();
    *changed.last_mut().unwrap() ^= 1;
    let rows: [(&[u8], &str); 4] = [
        (&changed, "it was changed, or moved from another file"),
        (&other, "it was changed, or moved from another file"),
        (&one[..one.len() / 2], "it was changed, or moved from another file"),
        (&one[..40], "it is not complete"),
    ];
    for (contents, reason) in rows {
        machine.store.write(&files[0], contents).unwrap();
        let copies = machine.open(1, &["*"]);
        let expected = format!("warning: offline_copy_ignored file={} reason={reason}", files[0]);
        assert_eq!(machine.log.lines().iter().rev().nth(1), Some(&expected));
        assert_eq!(copies.statistics(), OfflineStatistics { copies: 1, failures: 1 });
    }
    // The key of another host: nothing is served, and the files stay until they are too old.
    let copies = machine.open(2, &["*"]);
    copies.flush();
    assert_eq!(copies.statistics().copies, 0);
    assert_eq!(machine.files().len(), 2);
    let lines = machine.log.lines();
    assert!(
        lines.iter().any(|line| line.ends_with("reason=it was encrypted with another key")),
        "{lines:?}"
    );
}

#[test]
fn a_clock_that_was_set_back_serves_no_copy() {
    let machine = Machine::new();
    let copies = machine.open(1, &["*"]);
    store(&machine, &copies, "db", "v1");
    copies.flush();
    machine.clock.set_wall(START.after(-301));
    let copies = machine.open(1, &["*"]);
    assert_eq!(loaded(&copies, "db"), None);
    assert!(machine.log.lines().iter().any(|line| line.contains("the clock was set back")));
    // It is not removed: the clock may be corrected.
    copies.flush();
    assert_eq!(machine.files().len(), 1);
    machine.clock.set_wall(START.after(-299));
    assert_eq!(loaded(&copies, "db"), Some(("v1".to_owned(), Duration::ZERO)));
}

#[test]
fn no_more_copies_are_kept_than_fit() {
    let machine = Machine::new();
    let copies = machine.open(1, &["*"]);
    for number in 0..super::super::index::MAX_COPIES + 5 {
        machine.clock.advance(Duration::from_secs(1));
        store(&machine, &copies, &format!("db{number}"), "v1");
    }
    copies.flush();
    assert_eq!(machine.files().len(), super::super::index::MAX_COPIES);
    assert!(loaded(&copies, "db4").is_none() && loaded(&copies, "db5").is_some());
}
