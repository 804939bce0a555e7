//! `update` beside programs that write the file in place, in simulated time.

use super::*;
use crate::credentials_file::conflicts::long_lived_key;
use crate::credentials_file::{ProfileError, ProfileName, replace};
use crate::test_support::FakeCredentialsFile;
use roles_anywhere_client::credentials::Credentials;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::time::Timestamp;

const OTHERS: &str = "[b]\naws_access_key_id = AKIAB\naws_secret_access_key = s\n";
const OURS: &str =
    "[a]\naws_access_key_id = ASIANEW\naws_secret_access_key = new\naws_session_token = new\n";

fn edit(text: &[u8]) -> Result<SecretBytes, ProfileError> {
    let profile: ProfileName = "a".parse().unwrap();
    if let Some(key) = long_lived_key(text, &profile, &|_| false) {
        return Err(key.into());
    }
    let credentials = Credentials {
        access_key_id: "ASIANEW".to_owned(),
        secret_access_key: Secret::new("new".to_owned()),
        session_token: Secret::new("new".to_owned()),
        expiration: Timestamp::from_unix(1_800_000_000),
        account_id: "123456789012".to_owned(),
        role_session_name: None,
    };
    replace(text, &profile, &(&credentials).into())
}

/// A reconciler that is called ten times a second.
struct ReconcilerFixture<'a> {
    reconciler: Reconciler<'a>,
    now: Duration,
    last: ReconcileStep,
}

impl<'a> ReconcilerFixture<'a> {
    fn of(file: &'a FakeCredentialsFile) -> Self {
        let reconciler = Reconciler::new(file, Path::new("credentials"));
        let mut fixture = Self { reconciler, now: Duration::ZERO, last: ReconcileStep::Current };
        fixture.step();
        fixture
    }

    fn step(&mut self) {
        self.last = self.reconciler.advance(&mut edit, self.now).unwrap();
    }

    fn pass(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds / 100 {
            self.now += Duration::from_millis(100);
            self.step();
        }
    }
}

fn with_ours(others: &str) -> String {
    format!("{others}\n{OURS}")
}

#[test]
fn quiet_file_is_written_at_once() {
    let file = FakeCredentialsFile::holding(OTHERS);
    let mut fixture = ReconcilerFixture::of(&file);
    assert_eq!(
        (fixture.last, file.text()),
        (ReconcileStep::Written(WriteMethod::Whole), with_ours(OTHERS))
    );
    fixture.pass(100);
    assert_eq!(fixture.last, ReconcileStep::Current);
    let absent = FakeCredentialsFile::default();
    assert_eq!(ReconcilerFixture::of(&absent).last, ReconcileStep::Written(WriteMethod::Whole));
    assert_eq!(absent.text(), OURS);
}

#[test]
fn truncated_file_is_not_taken_for_an_empty_one() {
    for stall in [0, 50, 2_000, 5_000] {
        let file = FakeCredentialsFile::holding(OTHERS);
        file.put("");
        let mut fixture = ReconcilerFixture::of(&file);
        assert_eq!(fixture.last, ReconcileStep::Waiting(NotSettled::Empty));
        fixture.pass(stall);
        assert_eq!(file.text(), "", "{stall}");
        file.put(OTHERS);
        fixture.pass(900);
        assert_eq!(
            (fixture.last, file.text().as_str()),
            (ReconcileStep::Waiting(NotSettled::Recent), OTHERS)
        );
        fixture.pass(1_000);
        assert_eq!(file.text(), with_ours(OTHERS), "{stall}");
    }
}

#[test]
fn empty_file_that_is_still_counts_as_empty_unless_a_process_has_it_open() {
    let file = FakeCredentialsFile::default();
    file.put("");
    let mut fixture = ReconcilerFixture::of(&file);
    fixture.pass(5_900);
    assert_eq!(file.text(), "");
    let current = file.current().unwrap();
    file.show_writer(current, 7);
    fixture.pass(60_000);
    assert_eq!(
        (fixture.last, file.text().as_str()),
        (ReconcileStep::Waiting(NotSettled::Open(7)), "")
    );
    file.show_writer(current, None);
    fixture.pass(100);
    assert_eq!(file.text(), OURS);
}

#[test]
fn clock_of_a_file_server_does_not_make_a_file_still() {
    let still = |seconds| {
        let age = Duration::from_secs(seconds);
        let snapshot =
            FileSnapshot { stamp: Some(Stamp::default()), age, ..FileSnapshot::default() };
        StablePeriod::default().of(&snapshot, Duration::ZERO).as_secs()
    };
    assert_eq!([still(10), still(299), still(300), still(10_000)], [0, 0, 300, 10_000]);
}

#[test]
fn file_that_was_removed_or_became_shorter_is_waited_for() {
    let file = FakeCredentialsFile::holding(OTHERS);
    let mut fixture = ReconcilerFixture::of(&file);
    fixture.pass(1_000);
    file.remove();
    fixture.pass(5_000);
    assert_eq!(
        (fixture.last, file.text().as_str()),
        (ReconcileStep::Waiting(NotSettled::Removed), "")
    );
    file.put("[b]\n");
    fixture.pass(1_500);
    assert_eq!(
        (fixture.last, file.text().as_str()),
        (ReconcileStep::Waiting(NotSettled::Shorter), "[b]\n")
    );
    fixture.pass(1_000);
    assert_eq!(file.text(), with_ours("[b]\n"));
}

#[test]
fn keys_that_another_program_dropped_are_restored_within_five_seconds() {
    for text in [OTHERS.to_owned(), format!("{OTHERS}# {}\n", "long".repeat(99))] {
        let file = FakeCredentialsFile::holding(OTHERS);
        let mut fixture = ReconcilerFixture::of(&file);
        fixture.pass(10_000);
        file.put(&text);
        fixture.pass(3_000);
        assert_eq!(file.text(), with_ours(&text));
    }
}

#[test]
fn what_is_written_to_the_replaced_file_is_carried_over() {
    let theirs = format!("{OTHERS}[c]\nx = 1\n");
    for stall in [0, 50, 2_000, 5_000, 35_000] {
        let file = FakeCredentialsFile::holding(OTHERS);
        let old = file.current().unwrap();
        // It is truncated between the last read and the rename.
        file.in_between(move |file| file.write_to(old, ""));
        let mut fixture = ReconcilerFixture::of(&file);
        assert_eq!(file.text(), with_ours(OTHERS));
        fixture.pass(stall);
        assert_eq!(file.text(), with_ours(OTHERS), "{stall}");
        file.write_to(old, &theirs);
        fixture.pass(2_000);
        assert_eq!(
            (fixture.last, file.text()),
            (ReconcileStep::Current, with_ours(&theirs)),
            "{stall}"
        );
        // And once more: it still has the old file open.
        file.write_to(old, &theirs.replace("x = 1", "x = 2"));
        fixture.pass(2_000);
        assert_eq!(file.text(), with_ours(&theirs).replace("x = 1", "x = 2"));
    }
}

#[test]
fn replaced_file_is_reported_while_it_is_being_written() {
    let file = FakeCredentialsFile::holding(OTHERS);
    let old = file.current().unwrap();
    let mut fixture = ReconcilerFixture::of(&file);
    file.write_to(old, "");
    fixture.pass(100);
    assert_eq!(fixture.last, ReconcileStep::Watching(NotSettled::Empty));
    file.write_to(old, "[b");
    file.show_writer(old, 7);
    fixture.pass(3_000);
    assert_eq!(fixture.last, ReconcileStep::Watching(NotSettled::Open(7)));
    assert_eq!(fixture.reconciler.writer(), Some(7));
    assert_eq!(file.text(), with_ours(OTHERS));
}

#[test]
fn half_a_file_without_a_visible_writer_is_watched_until_the_rest_is_there() {
    let file = FakeCredentialsFile::holding(OTHERS);
    let old = file.current().unwrap();
    file.put("[b]\n");
    let mut fixture = ReconcilerFixture::of(&file);
    fixture.pass(1_000);
    assert_eq!(
        (file.text(), fixture.last),
        (with_ours("[b]\n"), ReconcileStep::Written(WriteMethod::Whole))
    );
    assert_eq!(fixture.reconciler.unfinished_until(), Duration::from_secs(6));
    fixture.pass(4_000);
    file.write_to(old, OTHERS);
    fixture.pass(1_100);
    assert_eq!(file.text(), with_ours(OTHERS));
    // A file that was renamed to this name is complete.
    file.rename_over("[b]\nx = 1\n");
    fixture.pass(2_200);
    assert!(file.text().contains("x = 1") && file.text().contains(OURS));
    assert_eq!(fixture.reconciler.unfinished_until(), Duration::from_secs(6));
}

#[test]
fn half_of_the_replaced_file_is_watched_until_the_rest_is_there() {
    let file = FakeCredentialsFile::holding(OTHERS);
    let old = file.current().unwrap();
    let mut fixture = ReconcilerFixture::of(&file);
    file.write_to(old, "[b]\n");
    fixture.pass(1_500);
    assert_eq!(file.text(), with_ours("[b]\n"));
    let until = fixture.reconciler.unfinished_until();
    assert!(until >= Duration::from_millis(6_000), "{until:?}");
    fixture.pass(3_500);
    file.write_to(old, OTHERS);
    fixture.pass(1_500);
    assert_eq!(file.text(), with_ours(OTHERS));
    // A complete file is not waited for.
    assert_eq!(fixture.reconciler.unfinished_until(), until);
}

#[test]
fn both_programs_that_wrote_the_old_and_the_new_file_keep_their_changes() {
    let file = FakeCredentialsFile::holding(OTHERS);
    let old = file.current().unwrap();
    let mut fixture = ReconcilerFixture::of(&file);
    file.write_to(old, &format!("{OTHERS}[c]\nx = 1\n"));
    file.put(&format!("{}[d]\ny = 1\n", with_ours(OTHERS)));
    fixture.pass(3_000);
    assert_eq!(file.text(), format!("{}[d]\ny = 1\n[c]\nx = 1\n\n", with_ours(OTHERS)));
}

#[test]
fn long_lived_key_that_appeared_is_never_written_over() {
    let file = FakeCredentialsFile::holding(OTHERS);
    let mut fixture = ReconcilerFixture::of(&file);
    let theirs = format!("{OTHERS}[a]\naws_access_key_id = AKIAA\naws_secret_access_key = s\n");
    file.put(&theirs);
    for _ in 0..100 {
        fixture.now += Duration::from_millis(100);
        let outcome = fixture.reconciler.advance(&mut edit, fixture.now);
        assert!(!matches!(outcome, Ok(ReconcileStep::Written(_))), "{outcome:?}");
    }
    assert_eq!(file.text(), theirs);
    file.put(OTHERS);
    fixture.pass(3_000);
    assert_eq!(file.text(), with_ours(OTHERS));
}

#[test]
fn long_lived_key_in_the_replaced_file_is_carried_over() {
    let file = FakeCredentialsFile::holding(OTHERS);
    let old = file.current().unwrap();
    let mut fixture = ReconcilerFixture::of(&file);
    let theirs = format!("{OTHERS}[a]\naws_access_key_id = AKIAA\naws_secret_access_key = s\n");
    file.write_to(old, &theirs);
    for _ in 0..30 {
        fixture.now += Duration::from_millis(100);
        let _ = fixture.reconciler.advance(&mut edit, fixture.now);
    }
    assert_eq!(file.text(), theirs);
}

#[test]
fn file_that_cannot_be_edited_is_an_error_once_it_is_settled() {
    let file = FakeCredentialsFile::holding("[b]\nx\n");
    file.put("[b]\nx");
    let mut reconciler = Reconciler::new(&file, Path::new("credentials"));
    let step = reconciler.advance(&mut edit, Duration::ZERO).unwrap();
    assert_eq!(step, ReconcileStep::Waiting(NotSettled::Recent));
    let error = reconciler.advance(&mut edit, Duration::from_secs(1)).unwrap_err();
    assert!(matches!(error, ProfileFileError::Text { .. }), "{error}");
    assert_eq!(file.text(), "[b]\nx");
}
