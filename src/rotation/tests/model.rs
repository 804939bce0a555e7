//! Secrets Manager with one secret, IAM with one user, STS, and a database, in memory. A call can be the last
//! one of its process, lose its answer, or be the moment at which something else happens.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::pending;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::output::error::Error;
use crate::output::log::Field;
use crate::output::log::events::LogEvent;
use crate::output::rotation::{CommandFailure, Ending, RotationError};
use crate::rotation::calls::{FailureKind, IamUser, RotationCallError, RotationCalls, RunCommand};
use crate::rotation::value::KeyInSecret;
use crate::rotation::{RotationSettings, rotate};
use roles_anywhere_client::aws::get_access_key_last_used::LastUsed;
use roles_anywhere_client::aws::get_caller_identity::CallerIdentity;
use roles_anywhere_client::aws::get_random_password::PasswordRules;
use roles_anywhere_client::aws::get_secret_value::{SecretValue, SecretVersion};
use roles_anywhere_client::aws::list_access_keys::{AccessKeyMetadata, KeyStatus};
use roles_anywhere_client::aws::secret_description::SecretDescription;
use roles_anywhere_client::credentials::AccessKey;
use roles_anywhere_client::secret::{Secret, SecretBytes};
use roles_anywhere_client::time::Timestamp;

pub(super) const USER: &str = "app";
pub(super) const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/key-a1b2c3";
const START: i64 = 1_780_000_000;

/// The account.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) now: i64,
    /// The seconds by which the clock of a machine is ahead.
    pub(super) clock_error: i64,
    pub(super) versions: BTreeMap<String, (String, i64)>,
    /// Which version has a label.
    pub(super) labels: BTreeMap<String, String>,
    pub(super) keys: Vec<Key>,
    pub(super) created_keys: usize,
    pub(super) rotation_enabled: bool,
    /// Whether the secret names the user of its key.
    pub(super) is_user_named: bool,
    /// How long AWS does not accept a new key.
    pub(super) propagation: i64,
    /// The password of the database, and those that it ever had.
    pub(super) database: Vec<String>,
    pub(super) is_test_failing: bool,
    /// Whether a policy denies CreateAccessKey.
    pub(super) is_create_denied: bool,
    pub(super) numbers: u64,
    pub(super) events: Vec<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) is_active: bool,
    pub(super) created: i64,
    pub(super) last_used: Option<i64>,
}

pub(super) type Shared = Rc<RefCell<Account>>;

/// Returns an account whose secret has this value.
pub(super) fn account(value: &str) -> Shared {
    let first = "11111111-1111-4111-8111-111111111111".to_owned();
    Rc::new(RefCell::new(Account {
        now: START,
        clock_error: 0,
        versions: [(first.clone(), (value.to_owned(), START - 100 * 86_400))].into(),
        labels: [("AWSCURRENT".to_owned(), first)].into(),
        keys: vec![key(0, START - 100 * 86_400)],
        created_keys: 0,
        rotation_enabled: false,
        is_user_named: true,
        propagation: 0,
        database: vec!["old".to_owned()],
        is_test_failing: false,
        is_create_denied: false,
        numbers: 1,
        events: Vec::new(),
    }))
}

pub(super) fn key(number: usize, created: i64) -> Key {
    Key {
        id: format!("AKIA0000000000000{number:03}"),
        secret: format!("secret-{number}"),
        is_active: true,
        created,
        last_used: None,
    }
}

/// Returns the JSON of a key.
pub(super) fn secret_of(key: &Key) -> String {
    let Key { id, secret, .. } = key;
    format!(
        r#"{{"UserName":"{USER}","AccessKeyId":"{id}", "SecretAccessKey" : "{secret}","x":1.0}}"#
    )
}

impl Account {
    /// Returns the value of the version with a label.
    pub(super) fn value(&self, label: &str) -> Option<&str> {
        Some(&*self.versions.get(self.labels.get(label)?)?.0)
    }

    /// Returns the JSON of a key, as the secret has it.
    pub(super) fn secret_of(&self, key: &Key) -> String {
        let named = secret_of(key);
        if self.is_user_named { named } else { named.replace("UserName", "note") }
    }

    pub(super) fn current_key(&self) -> &Key {
        let value = self.value("AWSCURRENT").unwrap();
        self.keys.iter().find(|key| self.secret_of(key) == value).expect("the current key exists")
    }

    /// What must be true at every moment.
    fn check(&self) {
        if self.value("AWSCURRENT").unwrap().contains("AccessKeyId") {
            let key = self.current_key();
            assert!(key.is_active, "{self:#?}");
            assert!(key.created + self.propagation <= self.now, "{self:#?}");
        }
    }
}

/// What happens at one call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Interruption {
    /// The process is killed after this call, before the next one.
    KillAfter(usize),
    /// The same, after this call of those that change something.
    KillAfterChange(usize),
    /// The call is carried out, and its answer is lost.
    LoseAnswer(usize),
    /// The call is carried out twice, as its first answer is lost.
    Repeat(usize),
    /// The call is not carried out, and fails.
    Fail(usize),
    /// Nothing.
    Never,
}

type Meanwhile<'a> = Box<dyn FnOnce(&Shared) + 'a>;

/// One process that uses the account.
pub(super) struct Process<'a> {
    account: &'a Shared,
    calls: Cell<usize>,
    changes: Cell<usize>,
    interruption: Interruption,
    /// What happens before this call.
    meanwhile: RefCell<Option<(usize, Meanwhile<'a>)>>,
}

impl<'a> Process<'a> {
    pub(super) fn new(account: &'a Shared) -> Self {
        Self::interrupted(account, Interruption::Never)
    }

    pub(super) fn interrupted(account: &'a Shared, interruption: Interruption) -> Self {
        let (calls, changes) = (Cell::new(0), Cell::new(0));
        Self { account, calls, changes, interruption, meanwhile: RefCell::new(None) }
    }

    pub(super) fn meanwhile(self, at: usize, what: impl FnOnce(&Shared) + 'a) -> Self {
        *self.meanwhile.borrow_mut() = Some((at, Box::new(what)));
        self
    }

    /// Runs the process; `None` if it was killed.
    pub(super) fn run(&self, settings: &RotationSettings) -> Option<Result<Ending, Error>> {
        let mut context = Context::from_waker(Waker::noop());
        match pin!(rotate(self, settings)).poll(&mut context) {
            Poll::Ready(outcome) => Some(outcome),
            Poll::Pending => None,
        }
    }

    /// Returns the number of calls that may have changed something.
    pub(super) fn changes(&self) -> usize {
        self.changes.get()
    }

    /// Returns the number of calls that were made.
    pub(super) fn made(&self) -> usize {
        self.calls.get()
    }

    async fn change<T>(
        &self,
        work: impl Fn(&mut Account) -> Result<T, FailureKind>,
    ) -> Result<T, RotationCallError> {
        self.changes.set(self.changes.get() + 1);
        let outcome = self.call(work).await;
        match self.interruption {
            Interruption::KillAfterChange(when) if when == self.changes.get() => pending().await,
            _ => outcome,
        }
    }

    async fn call<T>(
        &self,
        work: impl Fn(&mut Account) -> Result<T, FailureKind>,
    ) -> Result<T, RotationCallError> {
        let at = self.calls.get() + 1;
        self.calls.set(at);
        let due = self.meanwhile.borrow_mut().take_if(|(when, _)| *when == at);
        if let Some((_, what)) = due {
            what(self.account);
        }
        match self.interruption {
            Interruption::Fail(when) if when == at => return Err(failure(FailureKind::Other)),
            _ => {}
        }
        let outcome = {
            let mut account = self.account.borrow_mut();
            let mut outcome = work(&mut account);
            account.check();
            if self.interruption == Interruption::Repeat(at) {
                outcome = work(&mut account);
            }
            outcome
        };
        match self.interruption {
            Interruption::KillAfter(when) if when == at => pending().await,
            Interruption::LoseAnswer(when) if when == at => {
                return Err(failure(FailureKind::OutcomeUnknown));
            }
            _ => {}
        }
        outcome.map_err(failure)
    }
}

fn failure(kind: FailureKind) -> RotationCallError {
    RotationCallError { kind, error: RotationError::NoCurrentValue.into() }
}

fn metadata(key: &Key) -> AccessKeyMetadata {
    AccessKeyMetadata {
        id: key.id.clone(),
        status: if key.is_active { KeyStatus::Active } else { KeyStatus::Inactive },
        created: Timestamp::from_unix(key.created),
    }
}

/// Refuses what IAM would refuse: a caller whose key it does not accept, a session that names no user.
fn authorize(account: &Account, user: IamUser<'_>) -> Result<(), FailureKind> {
    match user.caller {
        None if user.name == Some(USER) => Ok(()),
        None => Err(FailureKind::NotFound),
        Some(caller) => {
            let is_accepted = |key: &&Key| {
                key.id == caller.id && key.secret == caller.secret.expose() && key.is_active
            };
            let found = account.keys.iter().find(is_accepted);
            found.map(drop).ok_or(FailureKind::KeyNotAccepted)
        }
    }
}

impl RotationCalls for Process<'_> {
    fn now(&self) -> Timestamp {
        let account = self.account.borrow();
        Timestamp::from_unix(account.now + account.clock_error)
    }

    fn random(&self) -> u64 {
        let mut account = self.account.borrow_mut();
        account.numbers += 1;
        account.numbers.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    async fn sleep(&self, duration: Duration) {
        self.account.borrow_mut().now += i64::try_from(duration.as_secs()).unwrap();
    }

    fn report(&self, event: &'static LogEvent, _: &[Field<'_>]) {
        self.account.borrow_mut().events.push(event.name.to_owned());
    }

    async fn describe(&self) -> Result<SecretDescription, RotationCallError> {
        self.call(|account| {
            let mut stages: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for (label, version) in &account.labels {
                stages.entry(version).or_default().push(label);
            }
            let json = serde_json::json!({
                "ARN": ARN,
                "Name": "prod/key",
                "RotationEnabled": account.rotation_enabled,
                "VersionIdsToStages": stages,
            });
            Ok(serde_json::from_value(json).unwrap())
        })
        .await
    }

    async fn version(&self, id: &str) -> Result<SecretVersion, RotationCallError> {
        self.call(|account| {
            let (text, created) = account.versions.get(id).ok_or(FailureKind::NotFound)?;
            Ok(SecretVersion {
                arn: ARN.to_owned(),
                name: "prod/key".to_owned(),
                version_id: Some(id.to_owned()),
                version_stages: Vec::new(),
                created: Some(created * 1_000_000),
                value: SecretValue::Text(Secret::new(text.clone())),
            })
        })
        .await
    }

    async fn put(
        &self,
        id: &str,
        value: &SecretValue,
        label: &str,
    ) -> Result<(), RotationCallError> {
        self.change(|account| {
            let SecretValue::Text(text) = value else { return Err(FailureKind::Other) };
            let now = account.now;
            let stored = account.versions.entry(id.to_owned());
            let stored = stored.or_insert_with(|| (text.expose().to_owned(), now));
            if stored.0 != text.expose() {
                return Err(FailureKind::Other);
            }
            account.labels.insert(label.to_owned(), id.to_owned());
            Ok(())
        })
        .await
    }

    async fn move_label(
        &self,
        label: &str,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<(), RotationCallError> {
        self.change(|account| {
            if account.labels.get(label).map(String::as_str) != from {
                return Err(FailureKind::LabelElsewhere);
            }
            if to.is_some_and(|to| !account.versions.contains_key(to)) {
                return Err(FailureKind::NotFound);
            }
            match to {
                Some(to) => account.labels.insert(label.to_owned(), to.to_owned()),
                None => account.labels.remove(label),
            };
            if let (true, Some(from)) = (label == "AWSCURRENT", from) {
                account.labels.insert("AWSPREVIOUS".to_owned(), from.to_owned());
            }
            Ok(())
        })
        .await
    }

    async fn random_password(&self, _: &PasswordRules) -> Result<Secret, RotationCallError> {
        self.change(|account| {
            account.numbers += 1;
            Ok(Secret::new(format!("password-{}", account.numbers)))
        })
        .await
    }

    async fn list_access_keys(
        &self,
        user: IamUser<'_>,
    ) -> Result<Vec<AccessKeyMetadata>, RotationCallError> {
        self.call(|account| {
            authorize(account, user)?;
            Ok(account.keys.iter().map(metadata).collect())
        })
        .await
    }

    async fn create_access_key(&self, user: IamUser<'_>) -> Result<AccessKey, RotationCallError> {
        self.change(|account| {
            authorize(account, user)?;
            if account.is_create_denied {
                return Err(FailureKind::Refused);
            }
            if account.keys.len() == 2 {
                return Err(FailureKind::TooManyKeys);
            }
            account.created_keys += 1;
            let new = key(account.created_keys, account.now);
            account.keys.push(new.clone());
            let secret = Secret::new(new.secret);
            Ok(AccessKey { id: new.id, secret, session_token: None })
        })
        .await
    }

    async fn deactivate_access_key(
        &self,
        user: IamUser<'_>,
        id: &str,
    ) -> Result<(), RotationCallError> {
        self.change(|account| {
            authorize(account, user)?;
            let key = account.keys.iter_mut().find(|key| key.id == id);
            key.ok_or(FailureKind::NotFound)?.is_active = false;
            Ok(())
        })
        .await
    }

    async fn delete_access_key(
        &self,
        user: IamUser<'_>,
        id: &str,
    ) -> Result<(), RotationCallError> {
        self.change(|account| {
            authorize(account, user)?;
            let count = account.keys.len();
            account.keys.retain(|key| key.id != id);
            if account.keys.len() == count { Err(FailureKind::NotFound) } else { Ok(()) }
        })
        .await
    }

    async fn last_used(&self, user: IamUser<'_>, id: &str) -> Result<LastUsed, RotationCallError> {
        self.call(|account| {
            if user.caller.is_some() {
                authorize(account, user)?;
            }
            let key = account.keys.iter().find(|key| key.id == id);
            let last_used = key.ok_or(FailureKind::NotFound)?.last_used;
            let last_used = last_used.map(Timestamp::from_unix);
            Ok(LastUsed { user_name: Some(USER.to_owned()), last_used })
        })
        .await
    }

    async fn caller_identity(&self, key: &AccessKey) -> Result<CallerIdentity, RotationCallError> {
        self.call(|account| {
            let caller = IamUser { caller: Some(key), name: None };
            authorize(account, caller)?;
            let found = account.keys.iter().find(|it| it.id == key.id).unwrap();
            if found.created + account.propagation > account.now || account.is_test_failing {
                return Err(FailureKind::KeyNotAccepted);
            }
            Ok(CallerIdentity {
                account: "123456789012".to_owned(),
                arn: format!("arn:aws:iam::123456789012:user/{USER}"),
                user_id: "AIDA".to_owned(),
            })
        })
        .await
    }

    async fn run_command(&self, command: &RunCommand<'_>) -> Result<SecretBytes, Error> {
        let input: serde_json::Value = serde_json::from_slice(command.input.expose()).unwrap();
        let outcome = self.change(|account| match command.option {
            "--create" => {
                account.numbers += 1;
                Ok(format!("{{\"password\":\"created-{}\"}}\n", account.numbers))
            }
            "--set" => {
                account.database.push(input["pending"]["password"].as_str().unwrap().to_owned());
                Ok(String::new())
            }
            _ => {
                let password = input["pending"]["password"].as_str();
                let works = account.database.last().map(String::as_str) == password;
                let works = works && !account.is_test_failing;
                if works { Ok(String::new()) } else { Err(FailureKind::Other) }
            }
        });
        let refused = |_| {
            let (option, failure) = (command.option, CommandFailure::Exit(1));
            Error::from(RotationError::Command { option, failure })
        };
        let output = outcome.await.map_err(refused)?;
        Ok(SecretBytes::new(output.into_bytes()))
    }
}

/// Returns the key in a value.
pub(super) fn key_id(value: &str) -> String {
    let value = SecretValue::Text(Secret::new(value.to_owned()));
    KeyInSecret::parse(&value).unwrap().key.id
}
