//! A cache whose answers follow from the names of what is read.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use tokio::sync::Notify;

use crate::secrets_cache::{
    CacheStatistics, CachedValue, FetchedValue, OutageReason, ReadFailure, ReadItem, ReadRequest,
    ReadSecrets, ReadSource, RequestedFreshness, ServedValue, StaleReason,
};
use roles_anywhere_client::aws::get_secret_value::{SecretRequest, SecretValue, SecretVersion};
use roles_anywhere_client::aws::parameter::{Decryption, Parameter, ParameterRequest};
use roles_anywhere_client::secret::{Secret, SecretBytes};
use roles_anywhere_test_support::clock::ManualClock;

/// The version of each secret, until [`FakeCache::rotate`].
pub(super) const VERSION: &str = "5767290c-d089-49ed-b97c-17086f8c9d79";
/// The version after that.
pub(super) const NEXT_VERSION: &str = "a7c8d1f2-d089-49ed-b97c-17086f8c9d79";

/// The fake.
pub(super) struct FakeCache {
    /// What was read, in order.
    pub(super) requests: RefCell<Vec<ReadRequest>>,
    /// The reads that were asked for as one snapshot.
    pub(super) snapshots: RefCell<Vec<usize>>,
    /// Whether a read hangs.
    pub(super) hangs: Cell<bool>,
    pub(super) stale: Cell<Option<StaleReason>>,
    /// A clock on which each read takes a second.
    pub(super) clock: RefCell<Option<ManualClock>>,
    is_rotated: Cell<bool>,
    rotated: Notify,
}

impl FakeCache {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self {
            requests: RefCell::default(),
            snapshots: RefCell::default(),
            hangs: Cell::default(),
            stale: Cell::default(),
            clock: RefCell::default(),
            is_rotated: Cell::default(),
            rotated: Notify::new(),
        })
    }

    pub(super) fn rotate(&self) {
        self.is_rotated.set(true);
        self.rotated.notify_waiters();
    }

    fn found(&self, request: &ReadRequest) -> Result<ServedValue, ReadFailure> {
        self.requests.borrow_mut().push(request.clone());
        if let Some(clock) = &*self.clock.borrow() {
            clock.advance(Duration::from_secs(1));
        }
        if let Some(role) = &request.role
            && &**role != "arn:aws:iam::123456789012:role/Reader"
            && &**role != "reader"
        {
            return Err(ReadFailure::UnknownRole);
        }
        let content = match &request.item {
            ReadItem::Secret(secret) => FetchedValue::Secret(self.secret(secret)?),
            ReadItem::Parameter(parameter, decryption) => {
                FetchedValue::Parameter(parameter_of(parameter, *decryption)?)
            }
        };
        let stale = self.stale.get();
        let source = match (stale, request.freshness) {
            (Some(_), _) => ReadSource::StaleCache,
            (None, RequestedFreshness::Now) => ReadSource::Aws,
            (None, RequestedFreshness::Cached) => ReadSource::Cache,
        };
        let value = Rc::new(CachedValue::new(content));
        Ok(ServedValue { value, age: Duration::from_secs(17), stale, source })
    }

    fn secret(&self, request: &SecretRequest) -> Result<SecretVersion, ReadFailure> {
        let id = request.secret.to_string();
        failure_of(&id)?;
        let is_previous = request.version_stage.as_deref() == Some("AWSPREVIOUS");
        if is_previous && !self.is_rotated.get() {
            return Err(service(
                400,
                "ResourceNotFoundException",
                "Secrets Manager can't find the specified secret value for staging label: AWSPREVIOUS",
            ));
        }
        let version = if self.is_rotated.get() && !is_previous { NEXT_VERSION } else { VERSION };
        let version = request.version_id.as_deref().unwrap_or(version);
        let stage = request.version_stage.as_deref().unwrap_or("AWSCURRENT");
        let name = id.rsplit_once(":secret:").map_or(&*id, |(_, resource)| {
            resource.rsplit_once('-').map_or(resource, |(name, _)| name)
        });
        let text = match name {
            "unicode" => "hünter2 \u{1f600}",
            "escapes" => "a\"b\\c\n\u{1}",
            "json" => r#"{"user":"app","password":"p w","port":5432}"#,
            _ if is_previous => "hunter1",
            _ => "hunter2",
        };
        let value = match name {
            "binary" => SecretValue::Binary(SecretBytes::new(vec![0, 1, 2, 255])),
            _ => SecretValue::Text(Secret::new(text.to_owned())),
        };
        Ok(SecretVersion {
            arn: format!("arn:aws:secretsmanager:us-west-2:123456789012:secret:{name}-NhBWsc"),
            name: name.to_owned(),
            version_id: (name != "nulls").then(|| version.to_owned()),
            version_stages: match name {
                "two-stages" => vec!["AWSCURRENT".to_owned(), "blue".to_owned()],
                "nulls" => Vec::new(),
                _ => vec![stage.to_owned()],
            },
            created: match name {
                "nulls" => None,
                "whole-second" => Some(1_569_534_789_000_000),
                "microsecond" => Some(1_569_534_789_046_001),
                _ => Some(1_569_534_789_046_000),
            },
            value,
        })
    }
}

fn parameter_of(
    request: &ParameterRequest,
    decryption: Decryption,
) -> Result<Parameter, ReadFailure> {
    let name = request.parameter.to_string();
    failure_of(&name)?;
    let is_secure = name.ends_with("secure");
    let value = match (is_secure, decryption) {
        (true, Decryption::Encrypted) => "AQICAHciphertext",
        (true, Decryption::Decrypted) => "plaintext",
        (false, _) => "https://example.com",
    };
    let is_shown = name != "bare";
    Ok(Parameter {
        kind: if is_secure { "SecureString" } else { "String" }.to_owned(),
        value: Secret::new(value.to_owned()),
        version: Some(3),
        selector: request.selector.as_ref().map(|selector| format!(":{selector}")),
        source_result: None,
        last_modified: is_shown.then_some(1_530_018_761_888_000),
        arn: is_shown.then(|| format!("arn:aws:ssm:us-west-2:123456789012:parameter{name}")),
        data_type: is_shown.then(|| "text".to_owned()),
        name,
    })
}

fn service(status: u16, code: &str, message: &str) -> ReadFailure {
    ReadFailure::Service { status, code: code.into(), message: message.into() }
}

fn failure_of(name: &str) -> Result<(), ReadFailure> {
    let not_found = "Secrets Manager can't find the specified secret.";
    Err(match name.trim_start_matches('/') {
        "missing" => service(400, "ResourceNotFoundException", not_found),
        "no-parameter" => service(400, "ParameterNotFound", "UnknownError"),
        "denied" => service(
            400,
            "AccessDeniedException",
            "User: arn:aws:sts::1:assumed-role/\"R\" is not authorized",
        ),
        "throttled" => service(400, "ThrottlingException", "Rate exceeded"),
        "expired" => service(400, "ExpiredTokenException", "The security token has expired"),
        "failed" => service(500, "InternalServiceError", "An error occurred on the server side."),
        "silent" => service(400, "InvalidRequestException", ""),
        "internal" => service(500, "InternalFailure", "something"),
        "odd-status" => service(1_000, "X", "y"),
        "slow" => ReadFailure::Timeout,
        "unreachable" => ReadFailure::Unreachable,
        "garbled" => ReadFailure::Unreadable,
        "cut" => ReadFailure::Interrupted,
        "no-session" => ReadFailure::NoSession { code: "expired" },
        "torn" => ReadFailure::Inconsistent,
        "defect" => ReadFailure::Internal,
        _ => return Ok(()),
    })
}

impl ReadSecrets for FakeCache {
    fn read<'a>(
        &'a self,
        request: &'a ReadRequest,
    ) -> LocalBoxFuture<'a, Result<ServedValue, ReadFailure>> {
        Box::pin(async move {
            poll_fn(|_| if self.hangs.get() { Poll::Pending } else { Poll::Ready(()) }).await;
            self.found(request)
        })
    }

    fn read_now(&self, _: &ReadRequest) -> Option<ServedValue> {
        None
    }

    fn wait_for_change<'a>(
        &'a self,
        request: &'a ReadRequest,
        known_version: &'a str,
        limit: Duration,
    ) -> LocalBoxFuture<'a, Result<Option<ServedValue>, ReadFailure>> {
        Box::pin(async move {
            loop {
                let served = self.found(request)?;
                if !served.value.is_version(known_version) {
                    return Ok(Some(served));
                }
                if limit.is_zero() {
                    return Ok(None);
                }
                self.rotated.notified().await;
            }
        })
    }

    fn read_snapshot<'a>(
        &'a self,
        requests: &'a [ReadRequest],
    ) -> LocalBoxFuture<'a, Vec<Result<ServedValue, ReadFailure>>> {
        self.snapshots.borrow_mut().push(requests.len());
        Box::pin(async move { requests.iter().map(|request| self.found(request)).collect() })
    }

    fn statistics(&self) -> CacheStatistics {
        CacheStatistics {
            offline: None,
            entries: 2,
            bytes: 4_096,
            expired_entries: 1,
            longest_past_ttl: Duration::from_secs(90),
            seconds_to_next_rotation: Some(-3),
            reads: [("cache", 5), ("stale", 1)].into(),
            calls: [(("GetSecretValue", "ok"), 2), (("DescribeSecret", "throttled"), 1)].into(),
        }
    }
}

/// A value that is stale by 90 s.
pub(super) fn throttled() -> StaleReason {
    StaleReason { past_ttl: Duration::from_millis(90_900), reason: OutageReason::Throttled }
}
