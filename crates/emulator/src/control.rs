//! The control API: faults, clock, sessions, revocation, switches and the log, in JSON.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thiserror::Error;

use crate::fault::FaultError;
use crate::message::{Reply, Request};
use crate::state::State;
use crate::x509::Certificate;

/// Why the control API turns a request down.
#[derive(Debug, Error)]
enum ControlError {
    #[error("the body is not what this route takes: {0}")]
    Body(#[from] serde_json::Error),
    #[error(transparent)]
    Fault(#[from] FaultError),
    #[error("give `serial` in decimal, or `certificate` in PEM")]
    Serial,
    #[error("give `enabled`, or `certificate` in PEM")]
    Anchor,
    #[error("there is none of that ARN")]
    Arn,
    #[error("there is no such route")]
    Route,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    end_after_seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoke {
    serial: Option<String>,
    certificate: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Anchor {
    arn: String,
    enabled: Option<bool>,
    certificate: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    arn: String,
    enabled: bool,
}

/// Answers a request of the control API.
pub(crate) fn answer(state: &mut State, request: &Request) -> Reply {
    let (status, body) = match route(state, request) {
        Ok(body) => (200, body),
        Err(error @ (ControlError::Route | ControlError::Arn)) => {
            (404, json!({ "message": error.to_string() }))
        }
        Err(error) => (400, json!({ "message": error.to_string() })),
    };
    Reply::new(status, "application/json", format!("{body}\n"))
}

fn route(state: &mut State, request: &Request) -> Result<Value, ControlError> {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/faults") => {}
        ("POST", "/faults") => state.faults.add(body(request)?)?,
        ("DELETE", "/faults") => state.faults.clear(),
        ("GET", "/clock") => return Ok(clock(state)),
        ("POST", "/clock") => {
            state.clock.advance(body::<Advance>(request)?.advance_seconds);
            return Ok(clock(state));
        }
        ("POST", "/sessions") => {
            state.end_after_seconds = body::<End>(request)?.end_after_seconds;
            return Ok(json!({ "end_after_seconds": state.end_after_seconds }));
        }
        ("POST", "/revoke") => {
            let serial = serial(body(request)?)?;
            state.revoked.insert(serial.clone());
            return Ok(json!({ "serial": serial }));
        }
        ("POST", "/profiles") => {
            let switch: Switch = body(request)?;
            let found = state.enable_profile(&switch.arn, switch.enabled);
            return switched(found, &switch);
        }
        ("POST", "/trust-anchors") => {
            return trust_anchor(state, &body(request)?);
        }
        ("GET", "/requests") => return Ok(json!(state.log)),
        ("DELETE", "/requests") => {
            state.log.clear();
            return Ok(json!(state.log));
        }
        _ => return Err(ControlError::Route),
    }
    Ok(json!(state.faults.left()))
}

fn body<T: DeserializeOwned>(request: &Request) -> Result<T, ControlError> {
    Ok(serde_json::from_slice(&request.body)?)
}

fn clock(state: &State) -> Value {
    json!({
        "now": crate::date::format_iso(state.clock.now()),
        "advanced_seconds": state.clock.advanced(),
    })
}

fn serial(revoke: Revoke) -> Result<String, ControlError> {
    match (revoke.serial, revoke.certificate) {
        (Some(serial), None)
            if !serial.is_empty() && serial.bytes().all(|b| b.is_ascii_digit()) =>
        {
            let digits = serial.trim_start_matches('0');
            Ok(if digits.is_empty() { "0" } else { digits }.to_owned())
        }
        (None, Some(pem)) => {
            certificate(&pem).map(|own| own.serial_decimal).ok_or(ControlError::Serial)
        }
        _ => Err(ControlError::Serial),
    }
}

fn certificate(pem: &str) -> Option<Certificate> {
    Certificate::parse(pem::parse(pem).ok()?.contents()).ok()
}

fn trust_anchor(state: &mut State, anchor: &Anchor) -> Result<Value, ControlError> {
    let Anchor { arn, enabled, certificate: pem } = anchor;
    let replacement = match pem {
        Some(pem) => Some(certificate(pem).ok_or(ControlError::Anchor)?),
        None if enabled.is_none() => return Err(ControlError::Anchor),
        None => None,
    };
    let mut found = state.resources.trust_anchors.iter().any(|a| a.arn.as_str() == arn);
    if let Some(enabled) = enabled {
        found &= state.enable_trust_anchor(arn, *enabled);
    }
    if let Some(replacement) = replacement {
        found &= state.replace_trust_anchor(arn, replacement.der);
    }
    let mut anchors = state.resources.trust_anchors.iter();
    let is_enabled = anchors.any(|anchor| anchor.arn.as_str() == arn && anchor.enabled);
    if found { Ok(json!({ "arn": arn, "enabled": is_enabled })) } else { Err(ControlError::Arn) }
}

fn switched(found: bool, switch: &Switch) -> Result<Value, ControlError> {
    if found {
        Ok(json!({ "arn": switch.arn, "enabled": switch.enabled }))
    } else {
        Err(ControlError::Arn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{PROFILE_ARN, TRUST_ANCHOR_ARN};
    use crate::pki::Pki;
    use crate::state::Strictness;

    fn state() -> State {
        State::new(&Pki::shared().unwrap(), Strictness::Documented).unwrap()
    }

    fn call(state: &mut State, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            body: body.to_string().into_bytes(),
            ..Request::default()
        };
        let reply = answer(state, &request);
        (reply.status, serde_json::from_slice(&reply.body).unwrap())
    }

    #[test]
    fn faults_are_added_listed_and_forgotten() {
        let mut state = state();
        let (status, left) = call(&mut state, "POST", "/faults", &json!([{"status": 503}]));
        assert_eq!((status, &left[0]["status"]), (200, &json!(503)));
        assert_eq!(call(&mut state, "GET", "/faults", &Value::Null).1, left);
        assert_eq!(call(&mut state, "DELETE", "/faults", &Value::Null), (200, json!([])));
        let (status, error) = call(&mut state, "POST", "/faults", &json!({"stauts": 1}));
        assert_eq!(status, 400);
        assert!(error["message"].as_str().unwrap().contains("stauts"), "{error}");
    }

    #[test]
    fn switches_and_settings_reach_the_state() {
        let mut state = state();
        let off = |arn: &str| json!({"arn": arn, "enabled": false});
        assert_eq!(call(&mut state, "POST", "/profiles", &off(PROFILE_ARN)).0, 200);
        assert_eq!(call(&mut state, "POST", "/trust-anchors", &off(TRUST_ANCHOR_ARN)).0, 200);
        assert!(!state.resources.profiles[0].enabled && !state.resources.trust_anchors[0].enabled);
        assert_eq!(call(&mut state, "POST", "/profiles", &off("x")).0, 404);
        call(&mut state, "POST", "/sessions", &json!({"end_after_seconds": 5}));
        assert_eq!(state.end_after_seconds, Some(5));
        call(&mut state, "POST", "/sessions", &json!({"end_after_seconds": null}));
        assert_eq!(state.end_after_seconds, None);
        call(&mut state, "POST", "/clock", &json!({"advance_seconds": 60}));
        assert_eq!(call(&mut state, "GET", "/clock", &Value::Null).1["advanced_seconds"], 60);
        assert_eq!(call(&mut state, "GET", "/elsewhere", &Value::Null).0, 404);
    }

    #[test]
    fn a_certificate_is_revoked_by_serial_or_by_pem() {
        let mut state = state();
        let (_, revoked) = call(&mut state, "POST", "/revoke", &json!({"serial": "0291"}));
        assert_eq!(revoked, json!({"serial": "291"}));
        let der = Pki::shared().unwrap().leaf("p256").unwrap();
        let certificate = pem::encode(&pem::Pem::new("CERTIFICATE", der.clone()));
        call(&mut state, "POST", "/revoke", &json!({"certificate": certificate}));
        let serial = Certificate::parse(&der).unwrap().serial_decimal;
        assert!(state.revoked.contains("291") && state.revoked.contains(&serial));
        for wrong in ["0x1", "", "-1"] {
            assert_eq!(call(&mut state, "POST", "/revoke", &json!({"serial": wrong})).0, 400);
        }
    }

    #[test]
    fn a_trust_anchor_gets_another_certificate() {
        let mut state = state();
        let der = Pki::shared().unwrap().der("anchor/intermediate.pem").unwrap();
        let certificate = pem::encode(&pem::Pem::new("CERTIFICATE", der.clone()));
        let body = json!({"arn": TRUST_ANCHOR_ARN, "certificate": certificate});
        let (status, answer) = call(&mut state, "POST", "/trust-anchors", &body);
        assert_eq!((status, &answer["enabled"]), (200, &json!(true)));
        assert_eq!(state.resources.trust_anchors[0].certificates, [der]);
        let call = |state: &mut State, body: &Value| call(state, "POST", "/trust-anchors", body).0;
        assert_eq!(call(&mut state, &json!({"arn": TRUST_ANCHOR_ARN})), 400);
        let text = json!({"arn": TRUST_ANCHOR_ARN, "certificate": "text"});
        assert_eq!(call(&mut state, &text), 400);
        assert_eq!(call(&mut state, &json!({"arn": "x", "certificate": certificate})), 404);
    }
}
