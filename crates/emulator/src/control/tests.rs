//! The control API without sockets.

use super::*;
use crate::account::{PROFILE_ARN, TRUST_ANCHOR_ARN};
use crate::log::{Entry, Verdict};
use crate::parameters::selector::Target;
use crate::parameters::store::ParameterType;
use crate::pki::Pki;
use crate::secrets::store::SecretId;
use crate::secrets::versions::Material;
use crate::state::Strictness;

fn shared() -> Shared {
    Shared::new(State::built_in(Strictness::Documented))
}

fn request(method: &str, target: &str, body: &str) -> Request {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        body: body.as_bytes().to_vec(),
        ..Request::default()
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

fn reply(shared: &Shared, method: &str, target: &str, body: &str) -> Reply {
    run(answer(shared, &request(method, target, body)))
}

fn call(shared: &Shared, method: &str, target: &str, body: &Value) -> (u16, Value) {
    let reply = reply(shared, method, target, &body.to_string());
    (reply.status, serde_json::from_slice(&reply.body).unwrap())
}

/// Returns status, message and field of an error.
fn refused(shared: &Shared, method: &str, target: &str, body: &Value) -> (u16, String, Value) {
    let (status, error) = call(shared, method, target, body);
    (status, error["message"].as_str().unwrap().to_owned(), error["field"].clone())
}

fn log(shared: &Shared, operation: &str, verdict: Verdict, reason: Option<&'static str>) {
    let mut entry = Entry::new(&Request::default(), operation);
    (entry.verdict, entry.reason, entry.status) = (verdict, reason, Some(200));
    shared.lock().log.push(entry, time::OffsetDateTime::UNIX_EPOCH);
}

#[test]
fn faults_are_added_listed_and_forgotten() {
    let shared = shared();
    let (status, left) = call(&shared, "POST", "/faults", &json!([{"status": 503}]));
    assert_eq!((status, &left[0]["status"]), (200, &json!(503)));
    assert_eq!(call(&shared, "GET", "/faults", &Value::Null).1, left);
    assert_eq!(call(&shared, "DELETE", "/faults", &Value::Null), (200, json!([])));
}

#[test]
fn switches_and_settings_reach_the_state() {
    let shared = shared();
    let off = |arn: &str| json!({"arn": arn, "enabled": false});
    assert_eq!(call(&shared, "POST", "/profiles", &off(PROFILE_ARN)).0, 200);
    assert_eq!(call(&shared, "POST", "/trust-anchors", &off(TRUST_ANCHOR_ARN)).0, 200);
    let (_, state) = call(&shared, "GET", "/state", &Value::Null);
    assert_eq!(state["profiles"][0]["enabled"], false);
    assert_eq!(state["trust_anchors"][0]["enabled"], false);
    let end = |seconds| call(&shared, "POST", "/sessions", &json!({"end_after_seconds": seconds}));
    assert_eq!(end(Some(5)).1, json!({"end_after_seconds": 5}));
    assert_eq!(shared.lock().end_after_seconds, Some(5));
    end(None);
    assert_eq!(shared.lock().end_after_seconds, None);
    call(&shared, "POST", "/clock", &json!({"advance_seconds": 60}));
    assert_eq!(call(&shared, "GET", "/clock", &Value::Null).1["advanced_seconds"], 60);
}

#[test]
fn a_certificate_is_revoked_by_serial_or_by_pem() {
    let shared = shared();
    let (_, revoked) = call(&shared, "POST", "/revoke", &json!({"serial": "0291"}));
    assert_eq!(revoked, json!({"serial": "291"}));
    let der = Pki::shared().unwrap().leaf("p256").unwrap();
    let certificate = pem::encode(&pem::Pem::new("CERTIFICATE", der.clone()));
    call(&shared, "POST", "/revoke", &json!({"certificate": certificate}));
    let serial = Certificate::parse(&der).unwrap().serial_decimal;
    let revoked = &shared.lock().revoked;
    assert!(revoked.contains("291") && revoked.contains(&serial));
}

#[test]
fn a_trust_anchor_gets_another_certificate() {
    let shared = shared();
    let der = Pki::shared().unwrap().der("anchor/intermediate.pem").unwrap();
    let certificate = pem::encode(&pem::Pem::new("CERTIFICATE", der.clone()));
    let body = json!({"arn": TRUST_ANCHOR_ARN, "certificate": certificate});
    let (status, answer) = call(&shared, "POST", "/trust-anchors", &body);
    assert_eq!((status, &answer["enabled"]), (200, &json!(true)));
    assert_eq!(shared.lock().resources.trust_anchors[0].certificates, [der]);
}

#[test]
fn a_secret_gets_another_value_and_keeps_the_one_before() {
    let shared = shared();
    let put = |body: Value| call(&shared, "POST", "/secrets", &body);
    let (status, answer) = put(json!({"name": "prod/plain", "value": "hush"}));
    assert_eq!((status, answer.to_string().contains("hush")), (200, false));
    assert_eq!(put(json!({"name": "new", "value": {"a": 1}})).0, 200);
    let state = shared.lock();
    let location = &state.resources.home;
    let value = |id, stage| {
        let secret = state.resources.secrets.find(SecretId { id, location }).unwrap();
        secret.version(None, stage).unwrap().material.clone().unwrap()
    };
    assert_eq!(value("prod/plain", None), Material::Text("hush".to_owned()));
    assert_eq!(value("prod/plain", Some("AWSPREVIOUS")), Material::Text("s3cr3t".to_owned()));
    assert_eq!(value("new", None), Material::Text(r#"{"a":1}"#.to_owned()));
}

#[test]
fn a_parameter_gets_another_version() {
    let shared = shared();
    let put = |body: Value| call(&shared, "POST", "/parameters", &body);
    let (status, answer) = put(json!({"name": "/prod/db/password", "value": "hush"}));
    assert_eq!((status, answer.to_string().contains("hush")), (200, false));
    assert_eq!(answer["version"], 2);
    let (_, answer) = put(json!({"name": "/new", "value": "a,b", "type": "StringList"}));
    assert_eq!(answer["version"], 1);
    let state = shared.lock();
    let value = |name: &str| {
        let target = Target::Name(name.to_owned());
        let found = state.resources.parameters.find(&target, &state.resources.home);
        let version = found.unwrap().version(None).unwrap();
        (version.kind, version.value.0.clone())
    };
    assert_eq!(value("/prod/db/password"), (ParameterType::SecureString, "hush".to_owned()));
    assert_eq!(value("/new"), (ParameterType::StringList, "a,b".to_owned()));
}

#[test]
fn what_cannot_be_used_is_named_and_not_repeated() {
    let shared = shared();
    for (path, body, field, message) in [
        ("/faults", json!([{}, {"stauts": 1}]), "faults[1].stauts", "did you mean `status`?"),
        ("/faults", json!([{"delay_ms": "hush"}]), "faults[0].delay_ms", "number of milliseconds"),
        ("/clock", json!({}), "advance_seconds", "missing: expected a whole number of seconds"),
        ("/sessions", json!({"end_after_seconds": -1}), "end_after_seconds", "or null"),
        ("/profiles", json!({"arn": "a", "enabled": "yes"}), "enabled", "true or false"),
        ("/trust-anchors", json!({"arn": TRUST_ANCHOR_ARN}), "enabled", "or a `certificate`"),
        (
            "/trust-anchors",
            json!({"arn": TRUST_ANCHOR_ARN, "certificate": "hush"}),
            "certificate",
            "expected a certificate in PEM",
        ),
        ("/revoke", json!({"serial": "0x1"}), "serial", "in decimal"),
        ("/revoke", json!({"serial": "-1"}), "serial", "in decimal"),
        ("/revoke", json!({"serial": ""}), "serial", "in decimal"),
        ("/revoke", json!({}), "serial", "expected either it or `certificate`"),
        ("/secrets", json!({"name": "n"}), "value", "missing"),
        ("/secrets", json!({"name": "n", "value": 5}), "value", "expected text"),
        ("/secrets", json!({"name": "prod/deleted", "value": "hush"}), "name", "deletion"),
        ("/secrets", json!({"name": "n", "value": "hush", "region": "x"}), "region", "a Region"),
        ("/parameters", json!({"name": "a b", "value": "hush"}), "name", "the name of a parameter"),
        ("/parameters", json!({"name": "n", "value": ""}), "value", "1 to 8192 bytes"),
        (
            "/parameters",
            json!({"name": "n", "value": "hush", "type": "hush"}),
            "type",
            "StringList",
        ),
        (
            "/parameters",
            json!({"name": "plain", "value": "hush", "type": "SecureString"}),
            "type",
            "changing",
        ),
    ] {
        let (status, error, named) = refused(&shared, "POST", path, &body);
        assert_eq!((status, &named), (400, &json!(field)), "{path} {body}: {error}");
        assert!(error.starts_with(&format!("{field}: ")) && error.contains(message), "{error}");
        assert!(!error.contains("hush"), "{error}");
    }
    for path in ["/profiles", "/trust-anchors"] {
        let body = json!({"arn": "x", "enabled": true});
        assert_eq!(refused(&shared, "POST", path, &body).0, 404);
    }
    let not_json = reply(&shared, "POST", "/secrets", "{\"name\": hush}");
    let text = String::from_utf8(not_json.body).unwrap();
    assert_eq!(not_json.status, 400);
    assert!(text.contains("the body is not JSON (line 1, column 10)"), "{text}");
}

#[test]
fn a_route_says_which_methods_it_has() {
    let shared = shared();
    let allow = |method: &str, path: &str| {
        let reply = reply(&shared, method, path, "");
        let allow = reply.headers.iter().find(|(name, _)| name == "allow");
        (reply.status, allow.map(|(_, value)| value.clone()))
    };
    let faults = Some("GET, POST, DELETE, HEAD, OPTIONS".to_owned());
    assert_eq!(allow("PUT", "/faults"), (405, faults.clone()));
    assert_eq!(allow("OPTIONS", "/faults"), (204, faults));
    assert_eq!(allow("GET", "/revoke"), (405, Some("POST, OPTIONS".to_owned())));
    assert_eq!(allow("HEAD", "/faults"), (200, None));
    assert_eq!(
        refused(&shared, "GET", "/request", &Value::Null),
        (404, "there is no route `/request`; did you mean `/requests`?".to_owned(), Value::Null)
    );
    for route in ROUTES {
        for method in route.methods() {
            let path = route.path;
            assert_ne!(reply(&shared, method, path, "{}").status, 405, "{method} {path}");
        }
    }
}

#[test]
fn requests_are_filtered_by_verdict() {
    let shared = shared();
    log(&shared, "CreateSession", Verdict::Accepted, None);
    log(&shared, "GetSecretValue", Verdict::Refused, Some("policy"));
    log(&shared, "GetSecretValue", Verdict::Refused, Some("signature"));
    for (query, found) in [
        ("", 3),
        ("operation=GetSecretValue", 2),
        ("operation=GetSecretValue&operation=CreateSession", 3),
        ("verdict=refused&reason=policy", 1),
        ("verdict=accepted&verdict=fault", 1),
        ("status=200", 3),
        ("status=500&wait=0.01", 0),
    ] {
        let (status, requests) = call(&shared, "GET", &format!("/requests?{query}"), &Value::Null);
        assert_eq!((status, requests.as_array().unwrap().len()), (200, found), "{query}");
    }
    for (query, field) in [
        ("operation=GetSecretvalue", "operation"),
        ("verdict=denied", "verdict"),
        ("status=ok", "status"),
        ("count=-1", "count"),
        ("wait=forever", "wait"),
        ("wait=NaN", "wait"),
        ("wait=3601", "wait"),
        ("opertion=x", "opertion"),
        ("exactly=1", "exactly"),
    ] {
        let (status, error, named) =
            refused(&shared, "GET", &format!("/requests?{query}"), &Value::Null);
        assert_eq!((status, named), (400, json!(field)), "{error}");
    }
}

#[test]
fn waiting_for_a_request_does_not_block_others() {
    let shared = shared();
    let waiting = request("GET", "/requests?operation=GetSecretValue&count=2&wait=3600", "");
    let come = async {
        for _ in 0..2 {
            log(&shared, "CreateSession", Verdict::Accepted, None);
            log(&shared, "GetSecretValue", Verdict::Accepted, None);
            tokio::task::yield_now().await;
            assert_eq!(answer(&shared, &request("GET", "/clock", "")).await.status, 200);
        }
    };
    let (reply, ()) = run(async { tokio::join!(answer(&shared, &waiting), come) });
    let found: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(found.as_array().unwrap().len(), 2);
}

#[test]
fn a_failed_assertion_lists_the_requests() {
    let shared = shared();
    log(&shared, "GetSecretValue", Verdict::Refused, Some("policy"));
    log(&shared, "GetSecretValue", Verdict::Refused, Some("policy"));
    let assert = |query: &str| {
        let (status, body) =
            call(&shared, "GET", &format!("/requests/assert?{query}"), &Value::Null);
        (status, body)
    };
    assert_eq!(assert("operation=GetSecretValue&count=2").0, 200);
    assert_eq!(assert("reason=policy&exactly=2").0, 200);
    assert_eq!(assert("operation=CreateSession&exactly=0").0, 200);
    // More than exactly so many will not become fewer.
    assert_eq!(assert("exactly=1&wait=3600").0, 409);
    let (status, body) = assert("operation=GetSecretValue&verdict=accepted");
    assert_eq!(status, 409);
    assert_eq!(
        body,
        json!({
            "message": "expected at least 1 with operation=GetSecretValue, verdict=accepted; \
                        found 0 among 2 requests",
            "matched": 0,
            "seen": [{
                "count": 2,
                "operation": "GetSecretValue",
                "verdict": "refused",
                "reason": "policy",
                "status": 200,
                "explanation": null,
            }],
        })
    );
}
