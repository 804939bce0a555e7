//! A directory of copies, in memory.

use std::rc::Rc;

use futures_util::FutureExt as _;

use super::*;
use crate::secrets_cache::{
    CallScope, OfflineCopies as _, OfflineStatistics, ReadItem, RefusedPart,
};
use crate::test_support::{FakeStore, RecordingLog, StoreAction};
use roles_anywhere_client::aws::get_secret_value::{SecretRequest, SecretValue, SecretVersion};
use roles_anywhere_client::region::Region;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::time::{Clock as _, Timestamp};
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

    /// Returns the last line of the log that begins so; an empty one if there is none.
    fn logged(&self, start: &str) -> String {
        let lines = self.log.lines().into_iter();
        lines.rev().find(|line| line.starts_with(start)).unwrap_or_default()
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
    // The clock may be wrong until AWS has answered.
    let copies = machine.open(1, &["sm://prod/*"]);
    copies.flush();
    assert_eq!((machine.files().len(), copies.statistics().failures), (1, 0));
    let reason = "reason=AWS last confirmed it longer ago than `max-age`";
    assert!(machine.logged("warning: offline_copy_ignored").ends_with(reason));
    store(&machine, &copies, "test/db", "v1");
    copies.flush();
    assert_eq!(machine.files(), [""; 0]);
    let removed = machine.logged("info: offline_copy_removed secret=prod/db");
    assert!(removed.ends_with("reason=too_old"), "{removed}");
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
        (&changed, "it was changed or renamed"),
        (&other, "it was changed or renamed"),
        (&one[..one.len() / 2], "it was changed or renamed"),
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
    // They were removed before they were written.
    for number in 5..10 {
        machine.clock.advance(Duration::from_secs(1));
        store(&machine, &copies, &format!("more{number}"), "v1");
        copies.flush();
        let removed = machine.logged(&format!("info: offline_copy_removed secret=db{number} "));
        assert!(removed.ends_with("reason=too_many"), "{removed}");
    }
    assert_eq!(machine.files().len(), super::super::index::MAX_COPIES);
}

/// What fails on a file system that is read-only.
const READ_ONLY: [StoreAction; 3] =
    [StoreAction::Write, StoreAction::Remove, StoreAction::Truncate];

#[test]
fn a_failed_write_of_another_value_removes_the_copy_before() {
    let machine = Machine::new();
    let copies = machine.open(1, &["*"]);
    store(&machine, &copies, "db", "v1");
    copies.flush();
    machine.store.fail(&[StoreAction::Write]);
    store(&machine, &copies, "db", "v2");
    copies.flush();
    assert_eq!((machine.files().len(), loaded(&copies, "db")), (0, None));
    let failed = machine.logged("warning: offline_copy_failed action=write file=copy-");
    assert!(failed.ends_with("reason=read-only filesystem or storage medium"), "{failed}");
    assert!(
        machine.logged("info: offline_copy_removed secret=db").ends_with("reason=out_of_date"),
        "{:?}",
        machine.log.lines()
    );
    // The next confirmation makes it again.
    machine.store.fail(&[]);
    store(&machine, &copies, "db", "v2");
    copies.flush();
    let copies = machine.open(1, &["*"]);
    assert_eq!(loaded(&copies, "db"), Some(("v2".to_owned(), Duration::ZERO)));
}

#[test]
fn an_older_value_is_not_served_after_a_failed_write_whatever_else_fails() {
    let machine = Machine::new();
    let copies = machine.open(1, &["*"]);
    store(&machine, &copies, "db", "v1");
    copies.flush();
    machine.store.fail(&READ_ONLY);
    store(&machine, &copies, "db", "v2");
    copies.flush();
    assert_eq!((machine.files().len(), loaded(&copies, "db")), (1, None));
    // A refusal finds nothing to remove that is known, and the file is removed when that is possible.
    copies.remove(&scope("app"), &item("db", None), RefusedPart::Whole);
    assert!(copies.keep().now_or_never().is_none());
    assert_eq!(machine.files().len(), 1);
    machine.store.fail(&[]);
    machine.clock.advance(RETRY_INTERVAL);
    assert!(copies.keep().now_or_never().is_none());
    assert_eq!(machine.files(), [""; 0]);
}

#[test]
fn a_failed_write_of_the_same_value_keeps_the_copy() {
    let machine = Machine::new();
    let copies = machine.open(1, &["*"]);
    store(&machine, &copies, "db", "v1");
    copies.flush();
    machine.pass(5);
    machine.store.fail(&[StoreAction::Write]);
    store(&machine, &copies, "db", "v1");
    copies.flush();
    let expected = Some(("v1".to_owned(), Duration::from_hours(5)));
    assert_eq!(loaded(&copies, "db"), expected);
    assert_eq!(loaded(&machine.open(1, &["*"]), "db"), expected);
    // A refusal finds it.
    copies.remove(&scope("app"), &item("db", None), RefusedPart::Whole);
    copies.flush();
    assert_eq!(machine.files(), [""; 0]);
}

#[test]
fn a_removal_that_failed_is_tried_again_and_logged_once_it_is_made() {
    let machine = Machine::new();
    let copies = machine.open(1, &["*"]);
    store(&machine, &copies, "db", "v1");
    copies.flush();
    machine.store.fail(&READ_ONLY);
    copies.remove(&scope("app"), &item("db", None), RefusedPart::Whole);
    assert!(copies.keep().now_or_never().is_none());
    assert_eq!((machine.files().len(), loaded(&copies, "db")), (1, None));
    let failed = machine.logged("warning: offline_copy_failed");
    assert!(failed.contains("action=remove secret=db file=copy-"), "{failed}");
    assert_eq!(machine.logged("info: offline_copy_removed"), "");
    machine.store.fail(&[]);
    // Other changes do not bring it forward, as each of them would be logged while it fails.
    store(&machine, &copies, "web", "v1");
    assert!(copies.keep().now_or_never().is_none());
    assert_eq!(machine.files().len(), 2);
    machine.clock.advance(RETRY_INTERVAL);
    assert!(copies.keep().now_or_never().is_none());
    assert_eq!(machine.files().len(), 1);
    assert!(machine.logged("info: offline_copy_removed secret=db").ends_with("reason=refused"));
}

#[test]
fn a_removal_that_failed_is_tried_again_at_the_end() {
    for failing in [&READ_ONLY[..], &[StoreAction::Sync]] {
        let machine = Machine::new();
        let copies = machine.open(1, &["*"]);
        store(&machine, &copies, "db", "v1");
        copies.flush();
        machine.store.fail(failing);
        copies.remove(&scope("app"), &item("db", None), RefusedPart::Whole);
        copies.flush();
        let events = machine.log.events();
        assert_eq!(events.iter().filter(|event| *event == "offline_copy_failed").count(), 1);
        assert_eq!(machine.logged("info: offline_copy_removed"), "", "{failing:?}");
        machine.store.fail(&[]);
        copies.flush();
        assert_eq!(machine.files(), [""; 0]);
        assert_ne!(machine.logged("info: offline_copy_removed"), "", "{failing:?}");
    }
}

#[test]
fn a_file_that_cannot_be_removed_is_emptied() {
    let machine = Machine::new();
    let copies = machine.open(1, &["*"]);
    store(&machine, &copies, "db", "v1");
    copies.flush();
    machine.store.fail(&[StoreAction::Remove, StoreAction::Write]);
    copies.remove(&scope("app"), &item("db", None), RefusedPart::Whole);
    copies.flush();
    assert_ne!(machine.logged("info: offline_copy_removed secret=db"), "");
    let files = machine.files();
    assert_eq!(machine.store.read(&files[0]).unwrap().unwrap().expose(), b"");
    // The next start removes it without a warning.
    machine.store.fail(&[]);
    let copies = machine.open(1, &["*"]);
    copies.flush();
    assert_eq!((copies.statistics(), machine.files().len()), (OfflineStatistics::default(), 0));
}

#[test]
fn a_refusal_removes_the_copies_of_other_processes() {
    let machine = Machine::new();
    let copies = machine.open(1, &["*"]);
    let other_process = machine.open(1, &["*"]);
    for name in ["db", "web", "log"] {
        store(&machine, &other_process, name, "v1");
    }
    let role = scope("other");
    other_process.store(&role, &item("db", None), &value("db", "v1"), machine.clock.now());
    other_process.flush();
    let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf";
    copies.remove(&scope("app"), &item(arn, None), RefusedPart::Whole);
    assert!(copies.keep().now_or_never().is_none());
    assert_eq!(machine.files().len(), 3);
    assert!(machine.logged("info: offline_copy_removed secret=db").ends_with("reason=refused"));
    copies.remove_role(&scope("app").role.arn);
    copies.flush();
    assert_eq!(machine.files().len(), 1);
    // A process that has such a copy in memory does not serve it any more.
    assert_eq!(loaded(&other_process, "web"), None);
    assert!(other_process.load(&role, &item("db", None)).is_some());
}

#[test]
fn a_refusal_removes_a_file_that_cannot_be_read() {
    let machine = Machine::new();
    let copies = machine.open(1, &["*"]);
    store(&machine, &copies, "db", "v1");
    store(&machine, &copies, "web", "v1");
    copies.flush();
    for name in machine.files() {
        machine.store.write(&name, b"damaged").unwrap();
    }
    let copies = machine.open(1, &["*"]);
    copies.remove(&scope("app"), &item("db", None), RefusedPart::Whole);
    copies.flush();
    assert_eq!(machine.files().len(), 1);
}

#[test]
fn the_directory_is_searched_once_for_a_refusal_that_is_repeated() {
    let machine = Machine::new();
    let copies = machine.open(1, &["*"]);
    for expected in [1, 1, 2] {
        copies.remove_role(&scope("app").role.arn);
        assert!(copies.keep().now_or_never().is_none());
        assert_eq!(machine.blocking.started(), expected);
        machine.clock.advance(Duration::from_secs(40));
    }
}

#[test]
fn a_copy_that_another_process_removed_is_made_again_when_aws_confirms_it() {
    let machine = Machine::new();
    let copies = machine.open(1, &["*"]);
    store(&machine, &copies, "db", "v1");
    copies.flush();
    let name = machine.files().remove(0);
    machine.store.remove(&name).unwrap();
    store(&machine, &copies, "db", "v1");
    copies.flush();
    assert_eq!(machine.files(), [name.as_str()]);
    machine.store.remove(&name).unwrap();
    assert_eq!(loaded(&copies, "db"), None);
    store(&machine, &copies, "db", "v1");
    copies.flush();
    assert_eq!(machine.files(), [name]);
}
