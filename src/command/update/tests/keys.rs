//! `update --from-secret`: a profile with the access key of a secret that is rotated, second by second.

use std::sync::Mutex;

use futures_util::future::LocalBoxFuture;

use super::*;
use crate::command::update::key_reader::KeySource;
use crate::credentials_file::key_comment::KeyComment;
use crate::output::run::RunError;
use crate::secrets::access_key::SecretAccessKey;
use roles_anywhere_client::credentials::Session;

const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/legacy-AbCdEf";

/// A secret, which the test rotates.
#[derive(Clone, Default)]
struct FakeSecret(Arc<Mutex<FakeSecretState>>);

#[derive(Default)]
struct FakeSecretState {
    /// The id of its key; none if it cannot be read.
    key_id: Option<String>,
    /// Whether a read has no end.
    hangs: bool,
    reads: u32,
}

impl FakeSecret {
    fn holding(key_id: &str) -> Self {
        let secret = Self::default();
        secret.rotate(Some(key_id));
        secret
    }

    fn rotate(&self, key_id: Option<&str>) {
        self.0.lock().unwrap().key_id = key_id.map(str::to_owned);
    }

    fn hang(&self, hangs: bool) {
        self.0.lock().unwrap().hangs = hangs;
    }

    fn reads(&self) -> u32 {
        self.0.lock().unwrap().reads
    }
}

impl KeySource for FakeSecret {
    fn read<'a>(&'a self, _: &'a Session) -> LocalBoxFuture<'a, Result<SecretAccessKey, Error>> {
        let mut state = self.0.lock().unwrap();
        state.reads += 1;
        let key = state.key_id.clone().map(|id| SecretAccessKey {
            key: AccessKey { id, secret: Secret::new("wJalr".to_owned()), session_token: None },
            expiration: None,
            account_id: None,
            secret_arn: ARN.to_owned(),
        });
        if state.hangs {
            return Box::pin(std::future::pending());
        }
        let missing = RunError::WaitTimedOut { limit: Duration::from_secs(7) };
        Box::pin(std::future::ready(key.ok_or_else(|| missing.into())))
    }
}

fn section(key_id: &str) -> String {
    let comment = KeyComment { key_id, secret_arn: ARN };
    format!("[a]\n{comment}\naws_access_key_id = {key_id}\naws_secret_access_key = wJalr\n")
}

fn play_secret(file: &FakeCredentialsFile, secret: &FakeSecret, act: impl FnOnce(&mut Play<'_>)) {
    let (simulation, recorder) = (Simulation::new(), DaemonRecorder::default());
    let plan = plan(OnStartupFailure::KeepTrying);
    let key = KeyReader::new(secret.clone());
    let updating = Box::pin(keep_with_key(&plan, &simulation, &recorder, (file, Some(key))));
    let mut play = Play { simulation: &simulation, recorder: &recorder, updating };
    play.pass(0);
    act(&mut play);
}

fn count(play: &Play<'_>, event: &str) -> usize {
    play.recorder.log.events().iter().filter(|it| *it == event).count()
}

#[test]
fn profile_has_a_new_key_within_a_minute_of_a_rotation() {
    let file = FakeCredentialsFile::holding("[b]\nx = 1\n");
    let secret = FakeSecret::holding("AKIA0");
    play_secret(&file, &secret, |play| {
        play.pass(1);
        assert_eq!(file.text(), format!("[b]\nx = 1\n\n{}", section("AKIA0")));
        for rotation in 1..=20 {
            // At another moment between two reads each time.
            play.pass(100 + 7 * rotation);
            let key_id = format!("AKIA{rotation}");
            secret.rotate(Some(&key_id));
            play.pass(60);
            assert_eq!(file.text(), format!("[b]\nx = 1\n\n{}", section(&key_id)));
        }
        assert_eq!(count(play, "access_key_read"), 21);
        // The session has been renewed meanwhile, and the secret was not read more often than it has to be.
        assert!(play.simulation.fetches() > 1 && secret.reads() < 5_000 / 30 + 30);
    });
}

#[test]
fn key_stays_while_the_secret_cannot_be_read() {
    let (file, secret) = (FakeCredentialsFile::holding(""), FakeSecret::holding("AKIA0"));
    play_secret(&file, &secret, |play| {
        play.pass(1);
        secret.rotate(None);
        play.pass(3_000);
        assert_eq!(file.text(), section("AKIA0"));
        assert_eq!(count(play, "access_key_read_failed"), 1);
        // It can be read again, with the same key.
        secret.rotate(Some("AKIA0"));
        play.pass(60);
        assert_eq!(count(play, "access_key_read"), 2);
        // Also without a session, a key of a secret is valid.
        play.simulation.turn(AwsBehaviour::Lost, 0);
        play.pass(8_000);
        file.put("");
        play.pass(10);
        assert_eq!(file.text(), section("AKIA0"));
    });
}

#[test]
fn id_that_may_be_a_secret_is_not_logged() {
    let id = "wJalrXUtnFEMIK7MDENGabPxRfiCYEXAMPLEKEYX";
    let (file, secret) = (FakeCredentialsFile::holding(""), FakeSecret::holding(id));
    play_secret(&file, &secret, |play| {
        play.pass(1);
        assert_eq!(file.text(), section(id));
        // A failed write and its recovery change the status.
        file.put("");
        file.obstruct(io::ErrorKind::PermissionDenied);
        play.pass(60);
        file.obstruct(None);
        play.pass(60);
        let said = [play.recorder.log.lines(), play.recorder.supervisor.statuses()].concat();
        assert!(said.iter().any(|line| line.contains("holds the access key (not shown)")));
        assert!(!said.iter().any(|line| line.contains(id)), "{said:#?}");
    });
}

#[test]
fn key_of_someone_else_is_not_replaced() {
    let (file, secret) = (FakeCredentialsFile::holding(""), FakeSecret::holding("AKIA0"));
    play_secret(&file, &secret, |play| {
        play.pass(1);
        let other = section("AKIA0").replace("id = AKIA0", "id = AKIAMINE");
        file.put(&other);
        secret.rotate(Some("AKIA1"));
        play.pass(200);
        assert_eq!(file.text(), other);
        assert_eq!(count(play, "profile_write_failed"), 1);
        file.put(&section("AKIA0"));
        play.pass(10);
        assert_eq!(file.text(), section("AKIA1"));
    });
}

#[test]
fn reload_reads_the_secret_at_once() {
    let (file, secret) = (FakeCredentialsFile::holding(""), FakeSecret::holding("AKIA0"));
    let (simulation, recorder) = (Simulation::new(), DaemonRecorder::default());
    let (context, ports) = (recorder.context(), simulation.ports());
    let refresher = context.refresher_of(Arc::new(simulation.clone()), Arc::default(), &ports);
    let channel = Arc::clone(refresher.channel());
    let key = Some(KeyReader::new(secret.clone()));
    let target = Target::new(plan(OnStartupFailure::KeepTrying), channel, key, context.clone());
    let (refreshers, targets) = (RefresherSet::default(), Targets::default());
    targets.replace(vec![Rc::new(target)]);
    let _running = refreshers.add(refresher);
    let updating =
        Box::pin(keep((&targets, &refreshers), &context, &ports, &file, &no_configuration));
    let mut play = Play { simulation: &simulation, recorder: &recorder, updating };
    play.pass(5);
    secret.rotate(Some("AKIA1"));
    play.pass(5);
    assert_eq!(file.text(), section("AKIA0"), "it is not read every few seconds");
    targets.read_keys_now();
    play.pass(3);
    assert_eq!(file.text(), section("AKIA1"));
    // A new configuration with the same role ends the read that the reload began.
    secret.rotate(Some("AKIA2"));
    secret.hang(true);
    targets.read_keys_now();
    play.pass(1);
    secret.hang(false);
    targets.replace(targets.all());
    play.pass(3);
    assert_eq!(file.text(), section("AKIA2"));
}

#[test]
fn fail_fast_goes_on_after_a_reload_at_startup() {
    let (file, secret) = (FakeCredentialsFile::holding(""), FakeSecret::holding("AKIA0"));
    let (simulation, recorder) = (Simulation::new(), DaemonRecorder::default());
    let (context, ports) = (recorder.context(), simulation.ports());
    let source = Arc::new(simulation.clone());
    let refresher = context.refresher_of(source, Arc::default(), &ports);
    let channel = Arc::clone(refresher.channel());
    let (plan, key) = (plan(OnStartupFailure::Exit), Some(KeyReader::new(secret)));
    let with_key = Rc::new(Target::new(plan.clone(), channel, key, context.clone()));
    // Its refresher is not run, so it has no session.
    let silent = context.refresher_of(Arc::new(simulation.clone()), Arc::default(), &ports);
    let other = Update { profile: "b".parse().unwrap(), ..plan };
    let silent = Target::new(other, Arc::clone(silent.channel()), None, context.clone());
    let (refreshers, targets) = (RefresherSet::default(), Targets::default());
    targets.replace(vec![Rc::clone(&with_key), Rc::new(silent)]);
    let _running = refreshers.add(refresher);
    let updating =
        Box::pin(keep((&targets, &refreshers), &context, &ports, &file, &no_configuration));
    let mut play = Play { simulation: &simulation, recorder: &recorder, updating };
    play.pass(5);
    assert_eq!(file.text(), "", "it waits for the first session of each");
    targets.replace(vec![with_key]);
    play.pass(5);
    assert_eq!(file.text(), section("AKIA0"));
}

#[test]
fn fail_fast_ends_at_the_first_read() {
    let (simulation, file) = (Simulation::new(), FakeCredentialsFile::default());
    let (recorder, secret) = (DaemonRecorder::default(), FakeSecret::default());
    let plan = plan(OnStartupFailure::Exit);
    let key = KeyReader::new(secret);
    let mut updating = pin!(keep_with_key(&plan, &simulation, &recorder, (&file, Some(key))));
    let mut poll = || updating.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    let ended = (0..8).map(|_| poll()).find(Poll::is_ready);
    let Some(Poll::Ready(Err(error))) = ended else { panic!("it goes on") };
    assert!(error.to_string().contains("within 7 s"), "{error}");
}

/// Returns whether a text may be edited with a key of the secret `ARN`, before and after it was read.
fn accepts(text: &str, secret_id: &str, key_id: &str) -> (bool, bool) {
    let id = secret_id.parse().unwrap();
    let region = roles_anywhere_client::region::Region::parse("us-east-1").unwrap();
    let endpoint = roles_anywhere_client::http::Endpoint::parse("https://localhost").unwrap();
    let at = roles_anywhere_client::aws::endpoint::RegionalEndpoint { endpoint, region };
    let from_secret = Some(crate::secrets::access_key::AccessKeySecret { id, at });
    let update = Update { from_secret, ..plan(OnStartupFailure::KeepTrying) };
    let key = AccessKey {
        id: key_id.to_owned(),
        secret: Secret::new("s".to_owned()),
        session_token: None,
    };
    let credentials = ProfileCredentials { key, secret_arn: Some(ARN.to_owned()) };
    let edited = update.edit(text.as_bytes(), &credentials, false);
    (update.check_text(text.as_bytes()).is_ok(), edited.is_ok())
}

#[test]
fn long_lived_key_is_replaced_only_below_the_comment_of_the_same_secret() {
    let other_arn = "arn:aws:secretsmanager:us-east-1:210987654321:secret:prod/legacy-GhIjKl";
    let without = "[a]\naws_access_key_id = AKIA0\naws_secret_access_key = s\n";
    let of_other_account = section("AKIA0").replace(ARN, other_arn);
    let of_other_secret = section("AKIA0").replace("prod/legacy", "prod/other");
    let of_session =
        "[a]\naws_access_key_id = ASIA0\naws_secret_access_key = s\naws_session_token = t\n";
    let rows = [
        ("", "prod/legacy", (true, true)),
        (of_session, "prod/legacy", (true, true)),
        (&section("AKIA0"), "prod/legacy", (true, true)),
        (&section("AKIA0"), ARN, (true, true)),
        (without, "prod/legacy", (false, false)),
        (&of_other_secret, "prod/legacy", (false, false)),
        // The name is the same: only the answer tells that it is another secret.
        (&of_other_account, "prod/legacy", (true, false)),
        (&of_other_account, ARN, (false, false)),
        (&section("AKIA0").replace("id = AKIA0", "id = AKIAMINE"), "prod/legacy", (false, false)),
    ];
    for (text, secret, expected) in rows {
        assert_eq!(accepts(text, secret, "AKIA1"), expected, "{secret}: {text}");
    }
    // Also if it is the same key: the comment alone says that the secret has it.
    assert_eq!(accepts(without, "prod/legacy", "AKIA0"), (false, false));
}
