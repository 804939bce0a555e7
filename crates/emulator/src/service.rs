//! Answers a request: finds its operation, applies a fault or performs the operation, and logs it.

mod json_service;
mod operation;
mod services;

use std::time::Duration;

use crate::arn::Location;
use crate::caller::Caller;
use crate::create_session::create_session;
use crate::date::format_iso;
use crate::fault::{Ending, Fault};
use crate::iam::{IamCall, users::LastUse};
use crate::json_call::JsonCall;
use crate::log::{Entry, SessionEntry, Verdict};
use crate::message::{Reply, Request};
use crate::refusal::{Protocol, Refusal};
use crate::sigv4::SignedBy;
use crate::state::State;
use crate::sts::StsCall;
use crate::{headers, iam, sigv4, sts, uuid};
use operation::Operation;
pub(crate) use operation::operations;

/// A reply, and how it goes over the wire.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) reply: Reply,
    pub(crate) delay: Duration,
    pub(crate) skew_seconds: i64,
    pub(crate) ending: Ending,
}

/// Answers a request and logs it.
pub(crate) fn answer(state: &mut State, request: &Request) -> Answer {
    let operation = Operation::of(request);
    let protocol = operation.protocol();
    let request_id = uuid::random();
    let mut entry = Entry::new(request, operation.name());
    let fault = state.faults.take(operation.name());
    let scripted = fault.as_ref().and_then(|fault| fault.reply(protocol, &request_id));
    let mut performed = || match perform(state, &operation, request, &request_id, &mut entry) {
        Ok(reply) => reply,
        Err(refusal) => {
            entry.refuse(&refusal);
            protocol.error(refusal.status, &refusal.code, &refusal.message, &request_id)
        }
    };
    let reply = match scripted {
        Some(reply) => {
            if fault.as_ref().is_some_and(Fault::performs) {
                performed();
            }
            entry.verdict = Verdict::Fault;
            reply
        }
        None => performed(),
    };
    let ending = fault.as_ref().map(Fault::ending).unwrap_or_default();
    if ending != Ending::Kept {
        entry.verdict = Verdict::Fault;
    }
    entry.status = (ending != Ending::Cut).then_some(reply.status);
    let now = state.clock.now();
    (entry.time, entry.request_id) = (format_iso(now), request_id);
    state.log.push(entry, now);
    Answer {
        reply,
        delay: fault.as_ref().map(Fault::delay).unwrap_or_default(),
        skew_seconds: fault.as_ref().map_or(0, Fault::skew_seconds),
        ending,
    }
}

fn perform(
    state: &mut State,
    operation: &Operation,
    request: &Request,
    request_id: &str,
    entry: &mut Entry,
) -> Result<Reply, Refusal> {
    headers::check(request)?;
    match operation {
        Operation::CreateSession => {
            let created = create_session(state, request)?;
            entry.session = Some(SessionEntry::from(&created.session));
            entry.tolerated = created.tolerated;
            state.keep(created.session);
            Ok(created.reply.with("x-amzn-requestid", request_id))
        }
        Operation::Sts(action) => {
            let (caller, region) = authenticate(state, request, "sts", Protocol::Query, entry)?;
            let (now, end_after_seconds) = (state.clock.now(), state.end_after_seconds);
            let caller = &caller;
            let call = StsCall { caller, region, request, request_id, now, end_after_seconds };
            let answer = sts::perform(&state.resources, *action, &call)?;
            entry.explanation = answer.explanation;
            if let Some(vended) = answer.vended {
                entry.session = Some(SessionEntry::from(&vended));
                state.keep(vended);
            }
            Ok(answer.reply)
        }
        Operation::Iam(action) => {
            let (caller, region) = authenticate(state, request, "iam", Protocol::Iam, entry)?;
            let (caller, now) = (&caller, state.clock.now());
            let call = IamCall { caller, region, request, request_id, now };
            iam::perform(&mut state.resources, *action, &call)
        }
        Operation::Json(service, name) => {
            let signing_name = service.signing_name();
            let (caller, region) =
                authenticate(state, request, signing_name, Protocol::Json11, entry)?;
            let account = caller.account().to_owned();
            let location = Location { account, region };
            let now = state.clock.now();
            let call = JsonCall { caller: &caller, location, request, now };
            let body = service.perform(&mut state.resources, name, &call)?;
            let reply = Reply::new(200, "application/x-amz-json-1.1", body.to_string());
            Ok(reply.with("x-amzn-requestid", request_id))
        }
        Operation::Absent(_, refusal) => Err(refusal.clone()),
    }
}

/// Returns who calls, and for which Region. Notes the caller in the log, and the use of an access key.
fn authenticate(
    state: &mut State,
    request: &Request,
    service: &str,
    protocol: Protocol,
    entry: &mut Entry,
) -> Result<(Caller, String), Refusal> {
    let signed_by = sigv4::authenticate(state, request, service, protocol)?;
    let SignedBy { caller, access_key_id, region } = signed_by;
    entry.session = caller.session().map(SessionEntry::from);
    entry.caller = Some(caller.arn());
    let (service, date) = (service.to_owned(), state.clock.now());
    let last_use = LastUse { date, service, region: region.clone() };
    state.resources.users.note_use(&access_key_id, last_use);
    Ok((caller, region))
}
