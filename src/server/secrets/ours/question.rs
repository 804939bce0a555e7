//! What a client asks for: references, and the reads that they need.

use std::collections::BTreeSet;
use std::time::Duration;

use hyper::StatusCode;
use serde::Deserialize;

use super::{UnresolvedReason, document};
use crate::secrets::lookup::LookupItem;
use crate::secrets::reference::Reference;
use crate::secrets_cache::{ReadItem, ReadRequest};
use crate::server::secrets::query::{CommonParameters, InvalidQuery, flag};
use crate::server::secrets::read::ReadingClient;
use crate::server::secrets::reply::{self, EarlyResponse};
use roles_anywhere_client::aws::get_secret_value::SecretRequest;

/// References, and the reads that they need.
#[derive(Debug)]
pub(super) struct Question {
    items: Vec<QuestionItem>,
    reads: Vec<ReadRequest>,
}

/// A reference, and the indices of its reads.
#[derive(Debug)]
pub(super) struct QuestionItem {
    /// As it was written.
    pub(super) text: String,
    /// The reference.
    pub(super) reference: Reference,
    /// What it stands for.
    pub(super) current: usize,
    /// The same in the version before, if that is asked for.
    pub(super) previous: Option<usize>,
}

/// A version that the client has, and does not need again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Condition {
    /// Its id or number.
    pub(super) known_version: String,
    /// How long to wait for another one; without it, AWS is asked.
    pub(super) wait: Option<Duration>,
}

/// The versions that a client has of what it asks for, and how long it waits for another one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct ListCondition {
    /// The id or the number of each, in the order of the references; `None` for what does not exist.
    pub(super) known_versions: Vec<Option<String>>,
    /// How long it waits.
    pub(super) wait: Duration,
}

/// The longest time that a client can wait.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// The most references of a list: they are read as one snapshot, in 4 s.
const MAX_REFERENCES: usize = 200;

/// The label of the version before the current one.
const PREVIOUS: &str = "AWSPREVIOUS";

impl Question {
    /// Reads the query of `GET`.
    pub(super) fn of_query(query: &str) -> Result<(Self, Option<Condition>), EarlyResponse> {
        let (mut text, mut previous) = (None, false);
        let (mut known_version, mut wait) = (None, None);
        let mut common = CommonParameters::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "reference" => text = Some(value.into_owned()),
                "previous" => {
                    previous =
                        flag(&value).ok_or("invalid previous value").map_err(InvalidQuery::from)?;
                }
                "if-not-version" => known_version = Some(value.into_owned()),
                "wait" => wait = Some(duration(&value)?),
                name => common.take(name, &value)?,
            }
        }
        common.check()?;
        let text = text.filter(|text| !text.is_empty());
        let text = text.ok_or("missing parameter reference").map_err(InvalidQuery::from)?;
        let condition = match (known_version, wait) {
            (None, Some(_)) => {
                return Err(InvalidQuery::from("wait requires if-not-version").into());
            }
            (Some(_), _) if common.refresh_now => {
                let text = "refreshNow and if-not-version exclude each other";
                return Err(InvalidQuery::from(text).into());
            }
            (known_version, wait) => {
                known_version.map(|known_version| Condition { known_version, wait })
            }
        };
        Ok((Self::new(&[text], previous, &common)?, condition))
    }

    /// Reads the body of `POST`: a list of references, or an object with one.
    pub(super) fn of_body(body: &[u8]) -> Result<(Self, Option<ListCondition>), EarlyResponse> {
        // The error of the parser may quote a default in a reference.
        let Ok(body) = serde_json::from_slice(body) else {
            return Err(reply::plain(StatusCode::BAD_REQUEST, EXPECTED_BODY).into());
        };
        let body = match body {
            ResolveInput::List(references) => ResolveBody { references, ..ResolveBody::default() },
            ResolveInput::Object(object) => object,
        };
        if body.references.len() > MAX_REFERENCES {
            let text = format!("a list has at most {MAX_REFERENCES} references");
            return Err(InvalidQuery(text).into());
        }
        let condition = body.condition()?;
        let ResolveBody { references, previous, refresh_now, .. } = body;
        let common = CommonParameters { refresh_now, role_arn: None };
        Ok((Self::new(&references, previous, &common)?, condition))
    }

    fn new(
        texts: &[String],
        previous: bool,
        common: &CommonParameters,
    ) -> Result<Self, EarlyResponse> {
        let mut question = Self { items: Vec::with_capacity(texts.len()), reads: Vec::new() };
        let mut failures = Vec::new();
        for text in texts {
            match question.item(text, previous, common) {
                Ok(item) => question.items.push(item),
                Err(reason) => failures.push((&**text, reason)),
            }
        }
        if failures.is_empty() { Ok(question) } else { Err(document::failed(&failures).into()) }
    }

    fn item(
        &mut self,
        text: &str,
        previous: bool,
        common: &CommonParameters,
    ) -> Result<QuestionItem, UnresolvedReason> {
        let reference = Reference::parse(text).map_err(UnresolvedReason::Invalid)?;
        let role = reference.role().or(common.role_arn.as_deref());
        let read = |item| ReadRequest {
            role: role.map(Into::into),
            region: reference.region().cloned(),
            item,
            freshness: common.freshness(),
            client: None,
            deadline: None,
        };
        let item = LookupItem::of(&reference).into_read();
        let older = match (&item, previous) {
            (_, false) => None,
            (
                ReadItem::Secret(SecretRequest { secret, version_id: None, version_stage: None }),
                true,
            ) => Some(ReadItem::Secret(SecretRequest {
                secret: secret.clone(),
                version_id: None,
                version_stage: Some(PREVIOUS.to_owned()),
            })),
            (_, true) => {
                let why = "`previous` is for references to the current version of a secret";
                return Err(UnresolvedReason::Unsuitable(why));
            }
        };
        let (current, older) = (read(item), older.map(read));
        let current = self.index_of(current);
        let previous = older.map(|older| self.index_of(older));
        Ok(QuestionItem { text: text.to_owned(), reference, current, previous })
    }

    /// Returns the index of a read, which is made once for all references to it.
    fn index_of(&mut self, read: ReadRequest) -> usize {
        let same = |other: &ReadRequest| {
            (&other.role, &other.region, &other.item) == (&read.role, &read.region, &read.item)
        };
        self.reads.iter().position(same).unwrap_or_else(|| {
            self.reads.push(read);
            self.reads.len() - 1
        })
    }

    /// Returns it as the question of a client, within the time of its request.
    pub(super) fn asked_by(mut self, reader: &ReadingClient<'_>) -> Self {
        self.reads.iter_mut().for_each(|read| reader.ask(read));
        self
    }

    /// Returns the references.
    pub(super) fn items(&self) -> &[QuestionItem] {
        &self.items
    }

    /// Returns the reads, each once.
    pub(super) fn reads(&self) -> &[ReadRequest] {
        &self.reads
    }

    /// Returns the reads of the current values, each with every version that the client has of it: one, unless its
    /// versions are of several answers.
    pub(super) fn known<'a>(
        &'a self,
        condition: &'a ListCondition,
    ) -> Vec<(&'a ReadRequest, Option<&'a str>)> {
        let versions = condition.known_versions.iter().map(Option::as_deref);
        let known = self.items.iter().map(|item| item.current).zip(versions);
        let known: BTreeSet<(usize, Option<&str>)> = known.collect();
        known.into_iter().map(|(index, version)| (&self.reads[index], version)).collect()
    }

    /// Returns the read of the first reference.
    pub(super) fn first(&self) -> Option<&ReadRequest> {
        self.items.first().map(|item| &self.reads[item.current])
    }
}

/// Reads a number of seconds, or a number with `s` or `m`.
fn duration(text: &str) -> Result<Duration, InvalidQuery> {
    let (digits, factor) = match (text.strip_suffix('s'), text.strip_suffix('m')) {
        (Some(digits), _) => (digits, 1),
        (_, Some(digits)) => (digits, 60),
        (None, None) => (text, 1),
    };
    let seconds = digits.parse::<u32>().ok().filter(|_| !digits.starts_with('+'));
    let wait = seconds.map(|seconds| Duration::from_secs(u64::from(seconds) * factor));
    let wait = wait.filter(|wait| *wait <= LONGEST_WAIT);
    wait.ok_or_else(|| "invalid wait value, expected 0s to 300s".into())
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ResolveInput {
    List(Vec<String>),
    Object(ResolveBody),
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ResolveBody {
    references: Vec<String>,
    #[serde(default)]
    previous: bool,
    #[serde(default)]
    refresh_now: bool,
    #[serde(default, rename = "if-not-versions")]
    known_versions: Option<Vec<Option<String>>>,
    #[serde(default)]
    wait: Option<String>,
}

impl ResolveBody {
    /// Returns what the client has and waits for, if it waits.
    fn condition(&self) -> Result<Option<ListCondition>, InvalidQuery> {
        match (&self.known_versions, &self.wait) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err("wait requires if-not-versions".into()),
            (Some(_), None) => Err("if-not-versions requires wait".into()),
            (Some(_), Some(_)) if self.refresh_now => {
                Err("refreshNow and if-not-versions exclude each other".into())
            }
            (Some(versions), Some(_)) if versions.len() != self.references.len() => {
                Err("if-not-versions has a version, or null, for each reference".into())
            }
            (Some(versions), Some(wait)) => {
                let wait = duration(wait)?;
                Ok(Some(ListCondition { known_versions: versions.clone(), wait }))
            }
        }
    }
}

/// What the body of `POST` has to be.
const EXPECTED_BODY: &str = r#"expected JSON: a list of references, or {"references": [...], "previous": true, "refreshNow": true}, or {"references": [...], "if-not-versions": [...], "wait": "60s"}"#;
