//! Secrets Manager with one secret, IAM with one user, STS, and a database, in memory. A call can be the last
//! one of its process, lose its answer, or be the moment at which something else happens.

mod calls;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::output::error::Error;
use crate::output::rotation::{Ending, RotationError};
use crate::rotation::calls::{FailureKind, RotationCallError};
use crate::rotation::value::KeyInSecret;
use crate::rotation::{RotationSettings, rotate};
use roles_anywhere_client::aws::get_secret_value::SecretValue;
use roles_anywhere_client::secret::Secret;

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
    /// How many keys and passwords were made or announced.
    pub(super) made_values: usize,
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
        made_values: 0,
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
    /// The process stands still before this call, until it is resumed.
    PauseBefore(usize),
    /// The process is told to stop during this call.
    Stop(usize),
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
    is_resumed: Cell<bool>,
    /// What happens before this call.
    meanwhile: RefCell<Option<(usize, Meanwhile<'a>)>>,
}

impl<'a> Process<'a> {
    pub(super) fn new(account: &'a Shared) -> Self {
        Self::interrupted(account, Interruption::Never)
    }

    pub(super) fn interrupted(account: &'a Shared, interruption: Interruption) -> Self {
        let (calls, changes) = (Cell::new(0), Cell::new(0));
        let (is_resumed, meanwhile) = (Cell::new(false), RefCell::new(None));
        Self { account, calls, changes, interruption, is_resumed, meanwhile }
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

    /// Lets a process go on that stands still.
    pub(super) fn resume(&self) {
        self.is_resumed.set(true);
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
            Interruption::PauseBefore(when) if when == at => {
                let state = |_: &mut Context<'_>| match self.is_resumed.get() {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                };
                poll_fn(state).await;
            }
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

/// Returns the key in a value.
pub(super) fn key_id(value: &str) -> String {
    let value = SecretValue::Text(Secret::new(value.to_owned()));
    KeyInSecret::parse(&value).unwrap().key.id
}
