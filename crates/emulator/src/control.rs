//! The control API: JSON over plain HTTP, for tests and people. Every body and answer is JSON; an
//! error is `{"message", "field"}`, where `field` names what cannot be used, or is `null`.
//!
//! | route | what it does |
//! | --- | --- |
//! | `GET /faults` | the faults that are left |
//! | `POST /faults` | adds a fault, or an array of them: [`crate::fault::Fault`] has the fields |
//! | `DELETE /faults` | removes them |
//! | `GET /clock` | `{"now", "advanced_seconds"}` |
//! | `POST /clock` | `{"advance_seconds"}`: moves the clock on, or back by a negative number |
//! | `GET /sessions` | `{"end_after_seconds"}` |
//! | `POST /sessions` | `{"end_after_seconds"}`: ends later sessions so soon; `null` undoes it |
//! | `GET /key-propagation` | `{"delay_seconds"}` |
//! | `POST /key-propagation` | `{"delay_seconds"}`: access keys that are created later are accepted after so long |
//! | `POST /revoke` | `{"serial"}` in decimal or `{"certificate"}` in PEM: revokes a certificate |
//! | `POST /profiles` | `{"arn", "enabled"}`: enables or disables a profile |
//! | `POST /trust-anchors` | `{"arn", "enabled", "certificate"}`: enables or disables a trust anchor, or gives it another certificate, in PEM |
//! | `POST /secrets` | `{"name", "value", "account", "region"}`: puts a value in, as a rotation does; `value` is text, an object, or `{"SecretBinary": base64}`; account and Region are the first by default |
//! | `POST /parameters` | `{"name", "value", "type", "account", "region"}`: the same for a parameter, whose `value` is text |
//! | `GET /requests` | the log of requests: [`crate::log::Entry`] has the fields, [`requests::answer`] the parameters |
//! | `GET /requests/assert` | the same, or 409 if there are too few or too many |
//! | `DELETE /requests` | clears the log |
//! | `GET /state` | the resources: trust anchors, profiles, roles, users, the names of secrets, and the settings above |

mod access_keys;
mod error;
mod requests;
mod stores;

use serde_json::{Value, json};

use crate::date::format_iso;
use crate::fields::{FieldError, Fields, text};
use crate::message::{Reply, Request};
use crate::nearest::{did_you_mean, nearest};
use crate::show::Overview;
use crate::state::{Shared, State};
use crate::x509::Certificate;
use error::ControlError;
#[cfg(test)]
pub(crate) use requests::PARAMETERS;
use requests::Purpose;

/// A path, and what answers each of its methods.
pub(crate) struct Route {
    pub(crate) path: &'static str,
    methods: &'static [(&'static str, Handler)],
}

/// What answers a method of a route.
#[derive(Clone, Copy)]
enum Handler {
    /// Reads or changes the state, which is locked meanwhile.
    Locked(fn(&mut State, &Request) -> Result<Value, ControlError>),
    /// Reads the log of requests, and may wait for more of them.
    Waiting(Purpose),
}

use Handler::{Locked, Waiting};

/// The routes.
pub(crate) const ROUTES: [Route; 12] = [
    Route { path: "/clock", methods: &[("GET", Locked(clock)), ("POST", Locked(advance_clock))] },
    Route {
        path: "/faults",
        methods: &[
            ("GET", Locked(faults)),
            ("POST", Locked(add_faults)),
            ("DELETE", Locked(clear_faults)),
        ],
    },
    Route {
        path: "/key-propagation",
        methods: &[
            ("GET", Locked(access_keys::key_propagation)),
            ("POST", Locked(access_keys::delay_keys)),
        ],
    },
    Route { path: "/parameters", methods: &[("POST", Locked(stores::put_parameter))] },
    Route { path: "/profiles", methods: &[("POST", Locked(enable_profile))] },
    Route {
        path: "/requests",
        methods: &[("GET", Waiting(Purpose::Read)), ("DELETE", Locked(clear_requests))],
    },
    Route { path: "/requests/assert", methods: &[("GET", Waiting(Purpose::Assert))] },
    Route { path: "/revoke", methods: &[("POST", Locked(revoke))] },
    Route { path: "/secrets", methods: &[("POST", Locked(stores::put_secret))] },
    Route {
        path: "/sessions",
        methods: &[("GET", Locked(sessions)), ("POST", Locked(limit_sessions))],
    },
    Route { path: "/state", methods: &[("GET", Locked(overview))] },
    Route { path: "/trust-anchors", methods: &[("POST", Locked(change_trust_anchor))] },
];

impl Route {
    /// Returns the names of the methods.
    pub(crate) fn methods(&self) -> impl Iterator<Item = &'static str> + Clone {
        self.methods.iter().map(|(method, _)| *method)
    }
}

/// Answers a request of the control API. The state is not locked while the answer is waited for.
pub(crate) async fn answer(shared: &Shared, request: &Request) -> Reply {
    let reply = match handler(request) {
        Err(reply) => reply,
        Ok(Waiting(purpose)) => requests::answer(shared, request, purpose).await,
        Ok(Locked(handle)) => handle(&mut shared.lock(), request).map(|body| json_reply(&body)),
    };
    reply.unwrap_or_else(|error| error.reply())
}

fn json_reply(body: &Value) -> Reply {
    Reply::new(200, "application/json", format!("{body}\n"))
}

/// Returns what answers a request that there is a route for; the reply to any other.
fn handler(request: &Request) -> Result<Handler, Result<Reply, ControlError>> {
    let path = request.path.as_str();
    let Some(route) = ROUTES.iter().find(|route| route.path == path) else {
        let hint = did_you_mean(nearest(path, ROUTES.iter().map(|route| route.path)));
        return Err(Err(ControlError::Route { path: path.to_owned(), hint }));
    };
    // What HEAD leaves out is left out by the server.
    let method = if request.method == "HEAD" { "GET" } else { &*request.method };
    if let Some((_, handler)) = route.methods.iter().find(|(name, _)| *name == method) {
        return Ok(*handler);
    }
    let head = route.methods().any(|name| name == "GET").then_some("HEAD");
    let allow: Vec<_> = route.methods().chain(head).chain(["OPTIONS"]).collect();
    let allow = allow.join(", ");
    if method == "OPTIONS" {
        return Err(Ok(Reply { status: 204, ..Reply::default() }.with("allow", allow)));
    }
    Err(Err(ControlError::Method { path: path.to_owned(), allow }))
}

/// Returns the body, whatever JSON it is.
fn body(request: &Request) -> Result<Value, ControlError> {
    Ok(serde_json::from_slice(&request.body)?)
}

/// Returns the body, which is an object of these fields.
fn fields(request: &Request, known: &'static [&'static str]) -> Result<Fields, ControlError> {
    Ok(Fields::read(body(request)?, "", known)?)
}

fn clock(state: &mut State, _: &Request) -> Result<Value, ControlError> {
    Ok(clock_json(state))
}

fn clock_json(state: &State) -> Value {
    json!({
        "now": format_iso(state.clock.now()),
        "advanced_seconds": state.clock.advanced(),
    })
}

fn advance_clock(state: &mut State, request: &Request) -> Result<Value, ControlError> {
    let fields = fields(request, &["advance_seconds"])?;
    let seconds = "a whole number of seconds";
    state.clock.advance(fields.required("advance_seconds", seconds, Value::as_i64)?);
    Ok(clock_json(state))
}

fn faults(state: &mut State, _: &Request) -> Result<Value, ControlError> {
    Ok(json!(state.faults.left()))
}

fn add_faults(state: &mut State, request: &Request) -> Result<Value, ControlError> {
    state.faults.add(body(request)?)?;
    Ok(json!(state.faults.left()))
}

fn clear_faults(state: &mut State, _: &Request) -> Result<Value, ControlError> {
    state.faults.clear();
    Ok(json!(state.faults.left()))
}

fn clear_requests(state: &mut State, _: &Request) -> Result<Value, ControlError> {
    state.log.clear();
    Ok(json!(state.log))
}

fn sessions(state: &mut State, _: &Request) -> Result<Value, ControlError> {
    Ok(json!({ "end_after_seconds": state.end_after_seconds }))
}

fn limit_sessions(state: &mut State, request: &Request) -> Result<Value, ControlError> {
    let fields = fields(request, &["end_after_seconds"])?;
    let seconds = "a whole number of seconds, or null";
    state.end_after_seconds = fields.optional("end_after_seconds", seconds, Value::as_u64)?;
    sessions(state, request)
}

fn enable_profile(state: &mut State, request: &Request) -> Result<Value, ControlError> {
    let fields = fields(request, &["arn", "enabled"])?;
    let arn = fields.required("arn", "the ARN of a profile", text)?;
    let enabled = fields.required("enabled", "true or false", Value::as_bool)?;
    if state.enable_profile(&arn, enabled) {
        Ok(json!({ "arn": arn, "enabled": enabled }))
    } else {
        Err(ControlError::NotFound { field: "arn", what: "profile" })
    }
}

fn change_trust_anchor(state: &mut State, request: &Request) -> Result<Value, ControlError> {
    let fields = fields(request, &["arn", "enabled", "certificate"])?;
    let arn = fields.required("arn", "the ARN of a trust anchor", text)?;
    let enabled = fields.optional("enabled", "true or false", Value::as_bool)?;
    let replacement = fields.optional("certificate", "a certificate in PEM", certificate)?;
    if enabled.is_none() && replacement.is_none() {
        let problem = "missing: expected true or false, or a `certificate` in PEM";
        return Err(FieldError::new("enabled", problem).into());
    }
    let mut found = enabled.is_none_or(|enabled| state.enable_trust_anchor(&arn, enabled));
    if let Some(replacement) = replacement {
        found &= state.replace_trust_anchor(&arn, replacement.der);
    }
    if !found {
        return Err(ControlError::NotFound { field: "arn", what: "trust anchor" });
    }
    let mut anchors = state.resources.trust_anchors.iter();
    let is_enabled = anchors.any(|anchor| anchor.arn.as_str() == arn && anchor.enabled);
    Ok(json!({ "arn": arn, "enabled": is_enabled }))
}

fn revoke(state: &mut State, request: &Request) -> Result<Value, ControlError> {
    let fields = fields(request, &["serial", "certificate"])?;
    let by_serial = fields.optional("serial", "a serial number in decimal, as text", serial)?;
    let by_certificate = fields.optional("certificate", "a certificate in PEM", certificate)?;
    let serial = match (by_serial, by_certificate) {
        (Some(serial), None) => serial,
        (None, Some(certificate)) => certificate.serial_decimal,
        _ => {
            let problem = "expected either it or `certificate`";
            return Err(FieldError::new("serial", problem).into());
        }
    };
    state.revoked.insert(serial.clone());
    Ok(json!({ "serial": serial }))
}

fn serial(value: &Value) -> Option<String> {
    let serial = value.as_str().filter(|text| !text.is_empty())?;
    if !serial.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits = serial.trim_start_matches('0');
    Some(if digits.is_empty() { "0" } else { digits }.to_owned())
}

fn certificate(value: &Value) -> Option<Certificate> {
    Certificate::parse(pem::parse(value.as_str()?).ok()?.contents()).ok()
}

/// Returns what is there, as `show` does, and what the control API has changed.
fn overview(state: &mut State, request: &Request) -> Result<Value, ControlError> {
    let mut overview = json!(Overview::new(&state.resources));
    overview["revoked"] = json!(state.revoked);
    overview["end_after_seconds"] = json!(state.end_after_seconds);
    overview["key_propagation"] = access_keys::key_propagation(state, request)?;
    overview["clock"] = clock_json(state);
    overview["faults"] = json!(state.faults.left());
    Ok(overview)
}

#[cfg(test)]
mod tests;
