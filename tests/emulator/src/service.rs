//! One request to its answer: which operation it is, whether a fault strikes, what the operation
//! says, and the line in the log.

use std::time::Duration;

use crate::create_session::create_session;
use crate::fault::{Ending, Fault};
use crate::log::{Entry, SessionEntry, Verdict};
use crate::message::{Reply, Request};
use crate::refusal::{Protocol, Refusal};
use crate::session::{self, Session};
use crate::state::State;
use crate::{secrets, sigv4, sts};

/// A reply, and how it goes over the wire.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) reply: Reply,
    pub(crate) delay: Duration,
    pub(crate) skew_seconds: i64,
    pub(crate) ending: Ending,
}

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Operation {
    CreateSession,
    GetCallerIdentity,
    Secrets(String),
    Unknown(Protocol),
}

/// Answers a request and logs it.
pub(crate) fn answer(state: &mut State, request: &Request) -> Answer {
    let operation = Operation::of(request);
    let protocol = operation.protocol();
    let request_id = session::request_id();
    let mut entry = Entry::new(request, operation.name());
    let fault = state.faults.take(operation.name());
    let scripted = fault.as_ref().and_then(|fault| fault.reply(protocol, &request_id));
    let reply = match scripted {
        Some(reply) => {
            entry.verdict = Verdict::Fault;
            reply
        }
        None => match perform(state, &operation, request, &request_id, &mut entry) {
            Ok(reply) => reply,
            Err(refusal) => {
                entry.verdict = Verdict::Refused;
                entry.reason = Some(refusal.reason);
                protocol.error(refusal.status, &refusal.code, &refusal.message, &request_id)
            }
        },
    };
    let ending = fault.as_ref().map(Fault::ending).unwrap_or_default();
    if ending != Ending::Kept {
        entry.verdict = Verdict::Fault;
    }
    entry.status = (ending != Ending::Cut).then_some(reply.status);
    state.log.push(entry);
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
    match operation {
        Operation::CreateSession => {
            let created = create_session(state, request)?;
            entry.session = Some(SessionEntry::from(&created.session));
            entry.tolerated = created.tolerated;
            state.sessions.insert(created.session.access_key_id.clone(), created.session);
            Ok(created.reply.with("x-amzn-requestid", request_id))
        }
        Operation::GetCallerIdentity => {
            let session = authenticate(state, request, "sts", Protocol::Query, entry)?;
            Ok(sts::caller_identity(&session, request_id))
        }
        Operation::Secrets(name) => {
            let session = authenticate(state, request, "secretsmanager", Protocol::Json11, entry)?;
            let now = state.clock.now();
            let reply = secrets::perform(&mut state.secrets, name, &session, request, now)?;
            Ok(reply.with("x-amzn-requestid", request_id))
        }
        Operation::Unknown(Protocol::Query) => Err(Refusal::new(
            400,
            "InvalidAction",
            "Could not find operation for version 2011-06-15",
            "operation",
        )),
        Operation::Unknown(_) => {
            Err(Refusal::new(404, "UnknownOperationException", "Unknown operation", "operation"))
        }
    }
}

fn authenticate(
    state: &State,
    request: &Request,
    service: &str,
    protocol: Protocol,
    entry: &mut Entry,
) -> Result<Session, Refusal> {
    let session = sigv4::authenticate(state, request, service, protocol)?;
    entry.session = Some(SessionEntry::from(session));
    Ok(session.clone())
}

impl Operation {
    fn of(request: &Request) -> Self {
        if request.method != "POST" {
            return Self::Unknown(Protocol::RestJson);
        }
        if request.path == "/sessions" {
            return Self::CreateSession;
        }
        if request.path != "/" {
            return Self::Unknown(Protocol::RestJson);
        }
        if let Some(target) = request.header("x-amz-target") {
            return match target.strip_prefix("secretsmanager.") {
                Some(name) if secrets::OPERATIONS.contains(&name) => Self::Secrets(name.to_owned()),
                _ => Self::Unknown(Protocol::Json11),
            };
        }
        match sts::parameter(request, "Action").as_deref() {
            Some("GetCallerIdentity") => Self::GetCallerIdentity,
            Some(_) => Self::Unknown(Protocol::Query),
            None => Self::Unknown(Protocol::RestJson),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::CreateSession => "CreateSession",
            Self::GetCallerIdentity => "GetCallerIdentity",
            Self::Secrets(name) => name,
            Self::Unknown(_) => "Unknown",
        }
    }

    fn protocol(&self) -> Protocol {
        match self {
            Self::CreateSession => Protocol::RestJson,
            Self::GetCallerIdentity => Protocol::Query,
            Self::Secrets(_) => Protocol::Json11,
            Self::Unknown(protocol) => *protocol,
        }
    }
}
