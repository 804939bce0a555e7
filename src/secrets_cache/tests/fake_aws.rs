//! AWS, with secrets that are rotated and outages, on a clock that tests move.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;

use crate::secrets_cache::{
    CallResult, CallScope, FetchedValue, OutageReason, ReadFailure, ReadItem, ReadingRole,
    SessionState, Upstream, UpstreamFailure,
};
use roles_anywhere_client::aws::get_secret_value::{
    SecretId, SecretRequest, SecretValue, SecretVersion,
};
use roles_anywhere_client::aws::parameter::{Parameter, ParameterId, SECRET_REFERENCE};
use roles_anywhere_client::aws::secret_description::SecretDescription;
use roles_anywhere_client::region::Region;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::time::Timer as _;
use roles_anywhere_test_support::clock::ManualClock;

/// How AWS answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Behaviour {
    Answers,
    /// It fails at once.
    Fails(OutageReason),
    /// It does not answer.
    Hangs,
}

/// The failure that readers are told of an outage.
pub(super) fn failure_of(reason: OutageReason) -> ReadFailure {
    match reason {
        OutageReason::Throttled => service("ThrottlingException"),
        OutageReason::ServiceFailure => service("InternalServiceError"),
        OutageReason::Session => service("ExpiredTokenException"),
        OutageReason::Connection => ReadFailure::Interrupted,
        OutageReason::Timeout => ReadFailure::Timeout,
        _ => ReadFailure::Unreachable,
    }
}

/// Returns an error of AWS.
pub(super) fn service(code: &str) -> ReadFailure {
    ReadFailure::Service { status: 400, code: code.into(), message: "no".into() }
}

/// A secret: the number of its current version, of which the one before is `AWSPREVIOUS`.
#[derive(Clone, Debug)]
pub(super) struct FakeSecret {
    pub(super) arn: String,
    pub(super) version: u32,
    /// Why its value is refused, if it is.
    pub(super) refusal: Option<&'static str>,
    /// How often it was refused so far, by [`FakeAws::refuse`].
    pub(super) refusals: u32,
    /// Further members of its description.
    pub(super) details: &'static str,
}

/// AWS.
pub(super) struct FakeAws {
    clock: ManualClock,
    pub(super) behaviour: Cell<Behaviour>,
    /// The operations that hang.
    pub(super) hanging: RefCell<Vec<&'static str>>,
    /// The time before and after AWS reads its state.
    pub(super) delays: Cell<(Duration, Duration)>,
    pub(super) secrets: RefCell<BTreeMap<String, FakeSecret>>,
    pub(super) parameters: RefCell<BTreeMap<String, u32>>,
    /// The operations that the role may not use.
    pub(super) denied: RefCell<Vec<&'static str>>,
    pub(super) session: RefCell<Option<ReadFailure>>,
    /// How often it was asked whether there is a session.
    pub(super) session_checks: Cell<usize>,
    /// The calls: the operation, and what it asks for.
    pub(super) calls: RefCell<Vec<String>>,
    in_flight: RefCell<Vec<String>>,
    /// Whether there is one call of a kind at a time: an entry that is removed may be read twice.
    pub(super) is_strict: Cell<bool>,
}

pub(super) const ACCOUNT: &str = "123456789012";

/// Returns the id of a version.
pub(super) fn version_id(number: u32) -> String {
    format!("version-{number}")
}

/// Returns the number of a version.
pub(super) fn number_of(version: &str) -> u32 {
    version.strip_prefix("version-").unwrap_or(version).parse().unwrap()
}

/// What a refusal adds to the time of later values.
const REFUSAL: i64 = 1_000_000;

/// Returns how often a secret was refused before AWS returned it.
pub(super) fn refusals_before(secret: &SecretVersion) -> u32 {
    u32::try_from(secret.created.unwrap() / REFUSAL).unwrap()
}

/// Returns the ARN of a secret that was made for the `nth` time.
pub(super) fn secret_arn(name: &str, nth: u32) -> String {
    format!("arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:{name}-AAAA{nth:02}")
}

impl FakeAws {
    pub(super) fn new(clock: &ManualClock, names: &[&str]) -> Rc<Self> {
        let aws = Self {
            clock: clock.clone(),
            behaviour: Cell::new(Behaviour::Answers),
            hanging: RefCell::default(),
            delays: Cell::default(),
            secrets: RefCell::default(),
            parameters: RefCell::default(),
            denied: RefCell::default(),
            session: RefCell::default(),
            session_checks: Cell::default(),
            calls: RefCell::default(),
            in_flight: RefCell::default(),
            is_strict: Cell::new(true),
        };
        names.iter().for_each(|name| aws.create(name, 1));
        Rc::new(aws)
    }

    /// Makes a secret for the `nth` time.
    pub(super) fn create(&self, name: &str, nth: u32) {
        let arn = secret_arn(name, nth);
        let secret = FakeSecret { arn, version: 1, refusal: None, refusals: 0, details: "" };
        self.secrets.borrow_mut().insert(name.to_owned(), secret);
    }

    pub(super) fn change(&self, name: &str, change: impl FnOnce(&mut FakeSecret)) {
        change(self.secrets.borrow_mut().get_mut(name).unwrap());
    }

    /// Refuses a secret from now on. The message of the refusal is how many there were, and the values after
    /// it tell it too: see [`refusals_before`].
    pub(super) fn refuse(&self, name: &str, code: &'static str) {
        self.change(name, |secret| {
            secret.refusals += 1;
            secret.refusal = Some(code);
        });
    }

    pub(super) fn rotate(&self, name: &str) {
        self.change(name, |secret| secret.version += 1);
    }

    pub(super) fn version(&self, name: &str) -> u32 {
        self.secrets.borrow()[name].version
    }

    /// Returns the calls since the last time.
    pub(super) fn take_calls(&self) -> Vec<String> {
        self.calls.take()
    }

    /// Answers a call after the delays, as AWS is in between.
    async fn call<T>(
        &self,
        operation: &'static str,
        subject: String,
        answer: impl FnOnce() -> CallResult<T>,
    ) -> CallResult<T> {
        let call = format!("{operation} {subject}");
        self.calls.borrow_mut().push(call.clone());
        // Two versions of a secret are described by the same call.
        let is_twice = operation.starts_with("Get") && self.in_flight.borrow().contains(&call);
        assert!(!is_twice || !self.is_strict.get(), "two calls at once: {call}");
        self.in_flight.borrow_mut().push(call.clone());
        let _end = OnEnd(|| self.in_flight.borrow_mut().retain(|other| *other != call));
        let (before, after) = self.delays.get();
        self.wait(before).await;
        let hangs = self.hanging.borrow().contains(&operation);
        let result = match self.behaviour.get() {
            _ if hangs => std::future::pending().await,
            Behaviour::Answers if self.denied.borrow().contains(&operation) => {
                Err(UpstreamFailure::Refused(service("AccessDeniedException")))
            }
            Behaviour::Answers => answer(),
            Behaviour::Fails(reason) => Err(UpstreamFailure::Outage(reason, failure_of(reason))),
            Behaviour::Hangs => std::future::pending().await,
        };
        self.wait(after).await;
        result
    }

    async fn wait(&self, time: Duration) {
        if !time.is_zero() {
            self.clock.sleep(time).await;
        }
    }

    fn find(&self, id: &SecretId) -> CallResult<(String, FakeSecret)> {
        let secrets = self.secrets.borrow();
        let found = secrets.iter().find(|(name, secret)| id.is_of(&secret.arn, name));
        let missing = || UpstreamFailure::Refused(service("ResourceNotFoundException"));
        found.map(|(name, secret)| (name.clone(), secret.clone())).ok_or_else(missing)
    }

    fn value(&self, request: &SecretRequest) -> CallResult<SecretVersion> {
        let (name, secret) = self.find(&request.secret)?;
        if let Some(code) = secret.refusal {
            let mut failure = service(code);
            if let (ReadFailure::Service { message, .. }, 1..) = (&mut failure, secret.refusals) {
                *message = secret.refusals.to_string().into();
            }
            return Err(UpstreamFailure::Refused(failure));
        }
        let current = secret.version;
        let number = match (&request.version_id, request.version_stage.as_deref()) {
            (Some(id), _) => number_of(id),
            (None, None | Some("AWSCURRENT")) => current,
            (None, Some(_)) => current - 1,
        };
        if number == 0 || number > current {
            return Err(UpstreamFailure::NoVersion(service("ResourceNotFoundException")));
        }
        let stages = stages(number, current);
        Ok(SecretVersion {
            arn: secret.arn,
            name: name.clone(),
            version_id: Some(version_id(number)),
            version_stages: stages.into_iter().map(str::to_owned).collect(),
            created: Some(i64::from(number) + REFUSAL * i64::from(secret.refusals)),
            value: SecretValue::Text(Secret::new(format!("value {number} of {name}"))),
        })
    }

    /// Returns a description; the map of labels has the name that an operation gives it.
    fn description(name: &str, secret: &FakeSecret, map: &str) -> SecretDescription {
        let FakeSecret { arn, version, details, .. } = secret;
        let versions = (version.saturating_sub(1).max(1)..=*version).map(|number| {
            let stages = serde_json::to_string(&stages(number, *version)).unwrap();
            format!(r#""{}":{stages}"#, version_id(number))
        });
        let versions = versions.collect::<Vec<_>>().join(",");
        let text = format!(r#"{{"ARN":"{arn}","Name":"{name}","{map}":{{{versions}}}{details}}}"#);
        serde_json::from_str(&text).unwrap()
    }
}

fn stages(number: u32, current: u32) -> Vec<&'static str> {
    match current - number {
        0 => vec!["AWSCURRENT"],
        1 => vec!["AWSPREVIOUS"],
        _ => Vec::new(),
    }
}

struct OnEnd<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnEnd<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

pub(super) fn role() -> Rc<ReadingRole> {
    Rc::new(ReadingRole {
        id: "app".into(),
        arn: format!("arn:aws:iam::{ACCOUNT}:role/app").into(),
        account: ACCOUNT.into(),
        region: Region::parse("us-east-1").unwrap(),
    })
}

impl Upstream for FakeAws {
    fn role(&self, role: Option<&str>) -> Option<Rc<ReadingRole>> {
        role.is_none_or(|name| name == "app" || name.ends_with(":role/app")).then(self::role)
    }

    fn session(&self, _: &ReadingRole) -> SessionState {
        self.session_checks.set(self.session_checks.get() + 1);
        self.session.borrow().clone().map_or(SessionState::Usable, SessionState::Refused)
    }

    fn get<'a>(
        &'a self,
        _: &'a CallScope,
        item: &'a ReadItem,
        _: Duration,
    ) -> LocalBoxFuture<'a, CallResult<FetchedValue>> {
        match item {
            ReadItem::Secret(request) => {
                let stage = request.version_id.as_ref().or(request.version_stage.as_ref());
                let subject = format!(
                    "{}{}",
                    request.secret,
                    stage.map_or(String::new(), |it| format!(" {it}"))
                );
                Box::pin(self.call("GetSecretValue", subject, || {
                    self.value(request).map(FetchedValue::Secret)
                }))
            }
            ReadItem::Parameter(request, _) => {
                Box::pin(self.call("GetParameter", request.to_string(), || {
                    let name = match &request.parameter {
                        ParameterId::Name(name) => name.clone(),
                        ParameterId::Arn(arn) => {
                            arn.to_string().rsplit_once(":parameter").unwrap().1.to_owned()
                        }
                    };
                    if let Some(id) = name.strip_prefix(SECRET_REFERENCE) {
                        let current = SecretRequest::current(id.parse().unwrap());
                        return Ok(FetchedValue::Parameter(referred(&name, self.value(&current)?)));
                    }
                    let missing = || UpstreamFailure::Refused(service("ParameterNotFound"));
                    let number = *self.parameters.borrow().get(&name).ok_or_else(missing)?;
                    Ok(FetchedValue::Parameter(parameter(&name, number)))
                }))
            }
        }
    }

    fn describe<'a>(
        &'a self,
        _: &'a CallScope,
        secret: &'a SecretId,
        _: Duration,
    ) -> LocalBoxFuture<'a, CallResult<SecretDescription>> {
        Box::pin(self.call("DescribeSecret", secret.to_string(), || {
            let (name, secret) = self.find(secret)?;
            Ok(Self::description(&name, &secret, "VersionIdsToStages"))
        }))
    }

    fn batch_get<'a>(
        &'a self,
        _: &'a CallScope,
        secrets: &'a [SecretId],
        _: Duration,
    ) -> LocalBoxFuture<'a, CallResult<Vec<CallResult<SecretVersion>>>> {
        assert!(secrets.len() <= 20);
        Box::pin(self.call("BatchGetSecretValue", secrets.len().to_string(), || {
            Ok(secrets.iter().map(|id| self.value(&SecretRequest::current(id.clone()))).collect())
        }))
    }

    fn list_secrets<'a>(
        &'a self,
        _: &'a CallScope,
        prefix: Option<&'a str>,
        _: Duration,
    ) -> LocalBoxFuture<'a, CallResult<Vec<SecretDescription>>> {
        let prefix = prefix.unwrap_or_default();
        Box::pin(self.call("ListSecrets", prefix.to_owned(), move || {
            let secrets = self.secrets.borrow();
            let secrets = secrets.iter().filter(|(name, _)| name.starts_with(prefix));
            let describe = |(name, secret): (&String, &FakeSecret)| {
                Self::description(name, secret, "SecretVersionsToStages")
            };
            Ok(secrets.map(describe).collect())
        }))
    }

    fn parameters_below<'a>(
        &'a self,
        _: &'a CallScope,
        path: &'a str,
        _: Duration,
    ) -> LocalBoxFuture<'a, CallResult<Vec<Parameter>>> {
        Box::pin(self.call("GetParametersByPath", path.to_owned(), move || {
            let parameters = self.parameters.borrow();
            let below = parameters.iter().filter(|(name, _)| name.starts_with(path));
            Ok(below.map(|(name, number)| parameter(name, *number)).collect())
        }))
    }
}

/// Returns a secret as the Parameter Store does.
fn referred(name: &str, secret: SecretVersion) -> Parameter {
    let version = secret.version_id.unwrap();
    let source = format!(r#"{{"ARN":"{}","VersionId":"{version}"}}"#, secret.arn);
    Parameter {
        version: Some(0),
        source_result: Some(Secret::new(source)),
        arn: Some(secret.arn),
        value: Secret::new(format!("value of {version}")),
        ..parameter(name, 0)
    }
}

fn parameter(name: &str, number: u32) -> Parameter {
    Parameter {
        name: name.to_owned(),
        kind: "SecureString".to_owned(),
        value: Secret::new(format!("value {number} of {name}")),
        version: Some(number.into()),
        selector: None,
        source_result: None,
        last_modified: None,
        arn: Some(format!("arn:aws:ssm:us-east-1:{ACCOUNT}:parameter{name}")),
        data_type: None,
    }
}
