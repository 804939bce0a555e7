//! Tokens from variables and files, and their swap.

use super::*;
use crate::output::log::Log;
use crate::server::AuditPolicy;
use crate::server::audit::OF_SECRETS;
use crate::test_support::{FakeTokenStore, RecordingLog};
use futures_util::FutureExt as _;
use roles_anywhere_client::text::disclosure::Sensitivity;
use roles_anywhere_test_support::clock::ManualClock;
use roles_anywhere_test_support::files::FakeFiles;
use roles_anywhere_test_support::ports::FakePorts;

const NAMES: [HeaderName; 1] = [HeaderName::from_static("x-vault-token")];
const PATH: &str = "/run/awssmatoken";

struct Fixture {
    clock: ManualClock,
    files: FakeFiles,
    ports: Ports,
    log: RecordingLog,
    audit: Audit,
}

impl Fixture {
    fn new() -> Self {
        let (clock, files) = (ManualClock::default(), FakeFiles::empty());
        let fake = FakePorts { clock: clock.clone(), files: files.clone(), ..FakePorts::default() };
        let (ports, log) = (fake.ports(), RecordingLog::default());
        let taken: Arc<dyn Log> = Arc::new(log.clone());
        let audit = Audit::new(taken, AuditPolicy::Counted, &OF_SECRETS);
        Self { clock, files, ports, log, audit }
    }

    fn open(&self, source: TokenSource) -> Result<SecretsToken, Error> {
        let (name, access) = ("AWS_TOKEN".to_owned(), AccessRules::default());
        SecretsToken::open(PlannedToken { name, source, access }, &self.files)
    }

    fn of_file(&self, contents: &str) -> SecretsTokens {
        self.files.put(PATH, contents);
        SecretsTokens::new(vec![self.open(file()).unwrap()])
    }

    fn accepts(&self, tokens: &SecretsTokens, given: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(NAMES[0].clone(), given.parse().unwrap());
        tokens.find(&headers, &NAMES, &self.clock).is_some()
    }

    fn reload(&self, tokens: &SecretsTokens) {
        tokens.reload(&self.ports, &self.audit).now_or_never().unwrap();
    }
}

fn file() -> TokenSource {
    TokenSource::File(InputSource::file(PATH).named_by("AWS_TOKEN", Sensitivity::Public))
}

fn value(text: &str) -> TokenSource {
    TokenSource::Value(Secret::new(text.to_owned()))
}

#[test]
fn token_of_a_variable_is_taken_as_it_is() {
    let fixture = Fixture::new();
    let tokens = SecretsTokens::new(vec![fixture.open(value("to ken")).unwrap()]);
    assert!(fixture.accepts(&tokens, "to ken"));
    for other in ["", "to", "token", "TO KEN", "to ken!"] {
        assert!(!fixture.accepts(&tokens, other), "{other}");
    }
}

#[test]
fn empty_token_is_never_accepted() {
    let fixture = Fixture::new();
    for (source, contents) in [(value(""), ""), (file(), ""), (file(), " \n")] {
        fixture.files.put(PATH, contents);
        let error = fixture.open(source).unwrap_err();
        assert!(error.to_string().contains("AWS_TOKEN"), "{error}");
    }
    let tokens = fixture.of_file("first\n");
    assert!(!fixture.accepts(&tokens, ""));
    fixture.files.put(PATH, "");
    fixture.reload(&tokens);
    assert!(!fixture.accepts(&tokens, "") && fixture.accepts(&tokens, "first"));
    assert_eq!(
        fixture.log.lines(),
        [
            "warning: secrets_token_renewal_failed reason=the file of the token is empty token=AWS_TOKEN"
        ]
    );
}

#[test]
fn missing_file_is_an_error() {
    let error = Fixture::new().open(file()).unwrap_err();
    assert!(error.to_string().contains(PATH), "{error}");
}

#[test]
fn token_is_swapped_in_its_file() {
    let fixture = Fixture::new();
    let tokens = fixture.of_file("  first\n");
    assert!(fixture.accepts(&tokens, "first"));
    fixture.files.put(PATH, "second\n");
    assert!(!fixture.accepts(&tokens, "second"));
    tokens.reload_if_due(&fixture.ports, &fixture.audit).now_or_never().unwrap();
    assert!(fixture.accepts(&tokens, "second") && fixture.accepts(&tokens, "first"));
    fixture.clock.advance(GRACE);
    assert!(fixture.accepts(&tokens, "second") && !fixture.accepts(&tokens, "first"));
    assert_eq!(fixture.log.lines(), ["info: secrets_token_renewed token=AWS_TOKEN"]);
}

#[test]
fn files_are_read_for_unknown_tokens_once_a_second() {
    let fixture = Fixture::new();
    let tokens = fixture.of_file("first");
    let reload = || tokens.reload_if_due(&fixture.ports, &fixture.audit).now_or_never().unwrap();
    let before = fixture.files.reads().len();
    (0..10).for_each(|_| reload());
    assert_eq!(fixture.files.reads().len(), before + 1);
    fixture.clock.advance(RELOAD_INTERVAL);
    reload();
    assert_eq!(fixture.files.reads().len(), before + 2);
}

#[test]
fn token_stays_while_its_file_cannot_be_read() {
    let fixture = Fixture::new();
    fixture.files.hold(Some("first"));
    let tokens = SecretsTokens::new(vec![fixture.open(file()).unwrap()]);
    fixture.files.hold(None);
    for _ in 0..3 {
        fixture.reload(&tokens);
    }
    assert!(fixture.accepts(&tokens, "first"));
    let lines = fixture.log.lines();
    assert!(lines.len() == 1 && lines[0].contains("secrets_token_renewal_failed"), "{lines:?}");
}

#[test]
fn own_token_ends_with_its_file() {
    let fixture = Fixture::new();
    let store = FakeTokenStore::default();
    let token = RouteToken::new(None, Box::new(store.clone()));
    token.renew(&*fixture.ports.entropy).unwrap();
    let tokens = SecretsTokens::new(vec![SecretsToken::own(token)]);
    let text = String::from_utf8(store.contents().unwrap()).unwrap();
    assert!(fixture.accepts(&tokens, &text));
    tokens.own().unwrap().withdraw(&fixture.audit);
    assert_eq!(store.contents(), None);
    assert!(!fixture.accepts(&tokens, &text) && !fixture.accepts(&tokens, ""));
}
