//! Our own requests: references, several at a time, with the version before, and after a change.

mod document;
mod question;
mod waiting;

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use hyper::StatusCode;

use super::SecretsEndpoint;
use super::limit::Place;
use super::read::{ReadingClient, failed};
use super::reply::{self, EarlyResponse, ReadRefusal};
use crate::output::references::ValueError;
use crate::secrets::reference::{Reference, ReferenceError};
use crate::secrets::value::{self, Resolved};
use crate::secrets_cache::{ReadFailure, ReadRequest, RequestedFreshness, ServedValue};
use crate::server::{RequestBody, Response};
use document::{ResolvedAnswer, ResolvedItem};
use question::{Condition, Question};

/// Why a reference is not resolved.
#[derive(Debug)]
pub(super) enum UnresolvedReason {
    /// It is not a reference.
    Invalid(ReferenceError),
    /// The request does not fit it.
    Unsuitable(&'static str),
    /// It cannot be read.
    Read(ReadRefusal),
    /// What was read is not what it stands for.
    Value(ValueError),
}

impl UnresolvedReason {
    /// Returns whether too many reads wait for AWS.
    fn is_too_many(&self) -> bool {
        matches!(self, Self::Read(refusal) if refusal.is_too_many())
    }
}

impl SecretsEndpoint {
    /// Answers `GET /roles-anywhere/resolve?reference=…`.
    pub(super) async fn resolve(
        &self,
        reader: &ReadingClient<'_>,
        query: &str,
        place: &mut Place<'_>,
    ) -> Result<Response, EarlyResponse> {
        let (question, condition) = Question::of_query(query)?;
        let question = question.asked_by(reader);
        if let (Some(Condition { known_version, wait }), Some(request)) =
            (condition, question.first())
        {
            match wait {
                Some(limit) => {
                    self.wait(reader, request, (&known_version, limit), place).await?;
                    let respond = |answer: &ResolvedAnswer<'_>| answer.one(reader.headers);
                    return self.after_wait(reader, question, respond).await;
                }
                None => self.refresh_if_known(reader, request, &known_version).await?,
            }
        }
        let answer = self.answers(reader, &question).await?;
        Ok(answer.one(reader.headers))
    }

    /// Answers `POST /roles-anywhere/resolve` with a list of references.
    pub(super) async fn resolve_list(
        &self,
        reader: &ReadingClient<'_>,
        body: &RequestBody,
        place: &mut Place<'_>,
    ) -> Result<Response, EarlyResponse> {
        let (question, condition) = match body {
            RequestBody::Received(body) => Question::of_body(body)?,
            RequestBody::Empty => Question::of_body(b"")?,
            RequestBody::Unread => {
                let text = "the list of references is too long";
                return Err(reply::plain(StatusCode::PAYLOAD_TOO_LARGE, text).into());
            }
        };
        let question = question.asked_by(reader);
        if let Some(condition) = condition {
            self.wait_for_any(reader, &question, &condition, place).await?;
            let respond = |answer: &ResolvedAnswer<'_>| answer.list();
            return self.after_wait(reader, question, respond).await;
        }
        Ok(self.answers(reader, &question).await?.list())
    }

    /// Answers after a wait: what the client may read may have changed meanwhile.
    async fn after_wait(
        &self,
        reader: &ReadingClient<'_>,
        question: Question,
        respond: impl FnOnce(&ResolvedAnswer<'_>) -> Response,
    ) -> Result<Response, EarlyResponse> {
        let rules = &*self.rules();
        let token = self.authenticate(rules, reader.headers).await?;
        let deadline = self.deadline();
        let reader = &ReadingClient { rules, token, deadline, ..*reader };
        let question = question.asked_by(reader);
        Ok(respond(&self.answers(reader, &question).await?))
    }

    /// Waits until the value has another version, which is read next. The error is the response if it has
    /// not, or if the token is not valid any more.
    async fn wait(
        &self,
        reader: &ReadingClient<'_>,
        request: &ReadRequest,
        (known_version, limit): (&str, Duration),
        place: &mut Place<'_>,
    ) -> Result<(), EarlyResponse> {
        self.check(reader, request).map_err(|it| self.refuse(reader, request, it))?;
        if !place.wait(reader.client(), reader.rules.tokens.is_only_one()) {
            return Err(reply::too_many().into());
        }
        let changed = self.cache.wait_for_change(request, known_version, limit);
        let changed = match select(changed, pin!(self.stopped())).await {
            Either::Left((changed, _)) => changed,
            Either::Right(_) => Ok(None),
        };
        self.authenticate(&self.rules(), reader.headers).await?;
        match changed {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(reply::unchanged().into()),
            Err(failure) => Err(self.refuse(reader, request, failed(request, failure))),
        }
    }

    /// Asks AWS if the value still has the version that the client has, which does not work any more. The
    /// error is the response if it has.
    async fn refresh_if_known(
        &self,
        reader: &ReadingClient<'_>,
        request: &ReadRequest,
        known_version: &str,
    ) -> Result<(), EarlyResponse> {
        let has_it = |served: &ServedValue| served.value.is_version(known_version);
        if !has_it(&self.read(reader, request).await?) {
            return Ok(());
        }
        let now = ReadRequest { freshness: RequestedFreshness::Now, ..request.clone() };
        let served = self.read(reader, &now).await?;
        if has_it(&served) { Err(reply::not_modified(&served).into()) } else { Ok(()) }
    }

    /// Reads all that was asked for, at one time, and logs it.
    async fn answers<'a>(
        &self,
        reader: &ReadingClient<'_>,
        question: &'a Question,
    ) -> Result<ResolvedAnswer<'a>, EarlyResponse> {
        let reads = question.reads();
        let served = self.read_all(reader, reads).await;
        let mut items = Vec::with_capacity(question.items().len());
        let (mut failures, mut described) = (Vec::new(), Vec::new());
        for item in question.items() {
            let of = |index: usize| served[index].as_ref();
            let current = resolved(&item.reference, of(item.current));
            let previous = item.previous.map(|index| match of(index) {
                Err(refusal) if refusal.is_missing() => Ok(None),
                served => resolved(&item.reference, served).map(Some),
            });
            match (current, previous.transpose()) {
                (Ok(current), Ok(previous)) => {
                    let served = served[item.current].clone().ok();
                    items.push(ResolvedItem { text: &item.text, current, previous, served });
                }
                (Err(reason), _) | (_, Err(reason)) => {
                    // What is said of an unsuitable value tells something of it.
                    if let UnresolvedReason::Value(_) = reason {
                        described.extend([Some(item.current), item.previous].into_iter().flatten());
                    }
                    failures.push((&*item.text, reason));
                }
            }
        }
        if failures.iter().any(|(_, reason)| reason.is_too_many()) {
            return Err(reply::too_many().into());
        }
        if !failures.is_empty() {
            for (index, (request, served)) in reads.iter().zip(&served).enumerate() {
                match served {
                    Err(refusal) => self.log_refusal(reader, request, refusal),
                    Ok(served) if described.contains(&index) => {
                        self.audit_read(reader, request, served)?;
                    }
                    Ok(_) => {}
                }
            }
            return Err(document::failed(&failures).into());
        }
        let answer = ResolvedAnswer { items };
        if !answer.is_known(reader.headers) {
            for (request, served) in reads.iter().zip(&served) {
                if let Ok(served) = served {
                    self.audit_read(reader, request, served)?;
                }
            }
        }
        Ok(answer)
    }

    /// Reads the values as they are at one time. What the client may not have is not read.
    async fn read_all(
        &self,
        reader: &ReadingClient<'_>,
        requests: &[ReadRequest],
    ) -> Vec<Result<ServedValue, ReadRefusal>> {
        if let [request] = requests {
            return vec![self.try_read(reader, request).await];
        }
        let checked: Vec<_> = requests.iter().map(|it| self.check(reader, it)).collect();
        let allowed = requests.iter().zip(&checked).filter(|(_, checked)| checked.is_ok());
        let allowed: Vec<_> = allowed.map(|(request, _)| request.clone()).collect();
        let mut served = self.cache.read_snapshot(&allowed).await.into_iter();
        let result = |(request, checked): (&ReadRequest, Result<(), ReadRefusal>)| {
            checked?;
            let served = served.next().unwrap_or(Err(ReadFailure::Internal));
            self.found(reader, request, served)
        };
        let results = requests.iter().zip(checked).map(result);
        results.collect()
    }
}

/// Returns what a reference stands for in what was read.
fn resolved(
    reference: &Reference,
    served: Result<&ServedValue, &ReadRefusal>,
) -> Result<Resolved, UnresolvedReason> {
    match served {
        Ok(served) => {
            value::of_fetched(reference, served.value.content()).map_err(UnresolvedReason::Value)
        }
        Err(refusal) => {
            let fallback = Resolved::fallback_of(reference).filter(|_| refusal.is_missing());
            fallback.ok_or_else(|| UnresolvedReason::Read(refusal.clone()))
        }
    }
}
