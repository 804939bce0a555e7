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
use crate::{form, secrets, sigv4, sts};

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
    /// With what STS says of it.
    UnknownAction(String),
    Unknown(Protocol),
}

/// Returns what an operation may be called in the log and in a fault.
pub(crate) fn operations() -> impl Iterator<Item = &'static str> {
    [CREATE_SESSION, GET_CALLER_IDENTITY].into_iter().chain(secrets::OPERATIONS).chain([UNKNOWN])
}

const CREATE_SESSION: &str = "CreateSession";
const GET_CALLER_IDENTITY: &str = "GetCallerIdentity";
const UNKNOWN: &str = "Unknown";

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
    form::check(request)?;
    match operation {
        Operation::CreateSession => {
            let created = create_session(state, request)?;
            entry.session = Some(SessionEntry::from(&created.session));
            entry.tolerated = created.tolerated;
            state.keep(created.session);
            Ok(created.reply.with("x-amzn-requestid", request_id))
        }
        Operation::GetCallerIdentity => {
            let (session, _) = authenticate(state, request, "sts", Protocol::Query, entry)?;
            Ok(sts::caller_identity(&session, request_id))
        }
        Operation::Secrets(name) => {
            let (session, region) =
                authenticate(state, request, "secretsmanager", Protocol::Json11, entry)?;
            let call = secrets::Call { operation: name, session: &session, region, request };
            let reply = secrets::perform(&mut state.resources, &call, state.clock.now())?;
            Ok(reply.with("x-amzn-requestid", request_id))
        }
        Operation::UnknownAction(message) => {
            Err(Refusal::new(400, "InvalidAction", message, "operation"))
        }
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
) -> Result<(Session, String), Refusal> {
    let caller = sigv4::authenticate(state, request, service, protocol)?;
    entry.session = Some(SessionEntry::from(caller.session));
    Ok((caller.session.clone(), caller.region))
}

impl Operation {
    fn of(request: &Request) -> Self {
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/sessions") => return Self::CreateSession,
            ("POST" | "GET", "/") => {}
            _ => return Self::Unknown(Protocol::RestJson),
        }
        if let Some(target) = request.header("x-amz-target") {
            return match target.strip_prefix("secretsmanager.") {
                Some(name) if speaks_json(request) && secrets::OPERATIONS.contains(&name) => {
                    Self::Secrets(name.to_owned())
                }
                _ => Self::Unknown(Protocol::Json11),
            };
        }
        match sts::action(request) {
            Some(Ok(())) => Self::GetCallerIdentity,
            Some(Err(message)) => Self::UnknownAction(message),
            None => Self::Unknown(Protocol::RestJson),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::CreateSession => CREATE_SESSION,
            Self::GetCallerIdentity => GET_CALLER_IDENTITY,
            Self::Secrets(name) => name,
            Self::UnknownAction(_) | Self::Unknown(_) => UNKNOWN,
        }
    }

    fn protocol(&self) -> Protocol {
        match self {
            Self::CreateSession => Protocol::RestJson,
            Self::GetCallerIdentity | Self::UnknownAction(_) => Protocol::Query,
            Self::Secrets(_) => Protocol::Json11,
            Self::Unknown(protocol) => *protocol,
        }
    }
}

/// Whether a request is one of the JSON protocol, which its content type decides.
fn speaks_json(request: &Request) -> bool {
    let known = ["application/x-amz-json-1.1", "application/x-amz-json-1.0"];
    request.method == "POST" && known.contains(&&*request.media_type())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(method: &str, target: &str, headers: &[(&str, &str)]) -> Operation {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Operation::of(&Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            body: Vec::new(),
        })
    }

    #[test]
    fn method_path_target_and_content_type_make_the_operation() {
        const TARGET: (&str, &str) = ("x-amz-target", "secretsmanager.GetSecretValue");
        let json = |kind| [TARGET, ("content-type", kind)];
        let secret = Operation::Secrets("GetSecretValue".to_owned());
        assert_eq!(operation("POST", "/", &json("application/x-amz-json-1.1")), secret);
        assert_eq!(operation("POST", "/", &json("application/x-amz-json-1.0")), secret);
        let unknown = Operation::Unknown(Protocol::Json11);
        assert_eq!(operation("POST", "/", &json("application/json")), unknown);
        assert_eq!(operation("GET", "/", &json("application/x-amz-json-1.1")), unknown);
        assert_eq!(operation("POST", "/", &[("x-amz-target", "secretsmanager.X")]), unknown);
        assert_eq!(operation("POST", "/sessions", &[]), Operation::CreateSession);
        let unknown = Operation::Unknown(Protocol::RestJson);
        for (method, path) in
            [("GET", "/sessions"), ("POST", "/sessions/"), ("POST", "//sessions"), ("GET", "/")]
        {
            assert_eq!(operation(method, path, &[]), unknown, "{method} {path}");
        }
        let identity = "/?Action=GetCallerIdentity&Version=2011-06-15";
        assert_eq!(operation("GET", identity, &[]), Operation::GetCallerIdentity);
        assert_eq!(operation("POST", identity, &[]), Operation::GetCallerIdentity);
        assert_eq!(
            operation("GET", "/?Action=AssumeRole&Version=2011-06-15", &[]),
            Operation::UnknownAction(
                "Could not find operation AssumeRole for version 2011-06-15".to_owned()
            )
        );
    }
}
