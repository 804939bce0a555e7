//! References, snapshots, pairs and waits.

use super::fake::{NEXT_VERSION, VERSION, throttled};
use super::*;
use crate::secrets_cache::ReadRequest;
use roles_anywhere_test_support::clock::ManualClock;

const RESOLVE: &str = "/roles-anywhere/resolve";

fn one(fixture: &Fixture, query: &str) -> Response {
    fixture.get(&format!("{RESOLVE}?{query}"))
}

#[test]
fn reference_is_resolved_to_its_value() {
    let fixture = Fixture::new();
    for (reference, document) in [
        (
            "sm://a",
            format!(r#"{{"reference":"sm://a","value":"hunter2","version":"{VERSION}","name":"a"}}"#),
        ),
        (
            "sm://json%23password",
            format!(r#"{{"reference":"sm://json#password","value":"p w","version":"{VERSION}","name":"json"}}"#),
        ),
        (
            "sm://json%23*",
            format!(
                r#"{{"reference":"sm://json#*","members":{{"password":"p w","port":"5432","user":"app"}},"version":"{VERSION}","name":"json"}}"#
            ),
        ),
        (
            "sm://binary",
            format!(
                r#"{{"reference":"sm://binary","binary":"AAEC/w==","version":"{VERSION}","name":"binary"}}"#
            ),
        ),
        (
            "sm://missing?optional",
            r#"{"reference":"sm://missing?optional","value":null,"version":null}"#.to_owned(),
        ),
        (
            "sm://missing?default=x",
            r#"{"reference":"sm://missing?default=x","value":"x","version":null}"#.to_owned(),
        ),
        (
            "ssm:///prod/secure",
            r#"{"reference":"ssm:///prod/secure","value":"plaintext","version":"3","name":"/prod/secure"}"#.to_owned(),
        ),
        (
            "%7B%7Bresolve:secretsmanager:a%7D%7D",
            format!(
                r#"{{"reference":"{{{{resolve:secretsmanager:a}}}}","value":"hunter2","version":"{VERSION}","name":"a"}}"#
            ),
        ),
    ] {
        let response = one(&fixture, &format!("reference={reference}"));
        assert_eq!(answer(&response), (200, &*document), "{reference}");
    }
    let response = one(&fixture, "reference=sm://a");
    assert_eq!(header(&response, "etag"), Some(&*format!("\"{VERSION}\"")));
    assert_eq!(header(&response, "age"), Some("17"));
    let versioned = format!("\"{VERSION}\"");
    let headers = [(HEADER, TOKEN), ("if-none-match", &*versioned)];
    let known = fixture.ask("GET", &format!("{RESOLVE}?reference=sm://a"), &headers);
    assert_eq!(answer(&known), (304, ""));
}

/// What a client needs to follow a reference: the version of what was read, its name, and what its text is.
#[test]
fn members_of_a_document_tell_of_what_was_read() {
    let fixture = Fixture::new();
    for (reference, document) in [
        (
            "sm://json%23port",
            format!(
                r#"{{"reference":"sm://json#port","value":"5432","version":"{VERSION}","name":"json","json":true}}"#
            ),
        ),
        // A default stands for the member, and the secret has a version.
        (
            "sm://json%23none?default=x",
            format!(
                r#"{{"reference":"sm://json#none?default=x","value":"x","version":"{VERSION}","name":"json"}}"#
            ),
        ),
    ] {
        let response = one(&fixture, &format!("reference={reference}"));
        assert_eq!(answer(&response), (200, &*document), "{reference}");
    }
}

#[test]
fn mistakes_are_told() {
    let fixture = Fixture::new();
    for (query, text) in [
        ("", "missing parameter reference"),
        ("reference=", "missing parameter reference"),
        ("reference=sm://a&x=y", "unknown parameter: x"),
        ("reference=sm://a&wait=5s", "wait requires if-not-version"),
        ("reference=sm://a&if-not-version=v&wait=301s", "invalid wait value, expected 0s to 300s"),
        ("reference=sm://a&if-not-version=v&wait=6m", "invalid wait value, expected 0s to 300s"),
        ("reference=sm://a&if-not-version=v&wait=-1", "invalid wait value, expected 0s to 300s"),
        (
            "reference=sm://a&if-not-version=v&refreshNow=1",
            "refreshNow and if-not-version exclude each other",
        ),
        ("reference=sm://a&previous=x", "invalid previous value"),
    ] {
        assert_eq!(answer(&one(&fixture, query)), (400, text), "{query}");
    }
    let response = one(&fixture, "reference=prod/db");
    assert_eq!(response.status(), 400);
    assert_eq!(json(&response)["__type"], "InvalidReference");
    assert_eq!(json(&response)["failures"][0]["reference"], "prod/db");
    let member = one(&fixture, "reference=sm://json%23nothing");
    assert_eq!(member.status(), 400);
    assert_eq!(json(&member)["__type"], "UnsuitableValue");
    assert_eq!(json(&member)["message"], "there is no member `nothing` (the object has 3 members)");
    for body in ["", "{", "7", "[7]", r#"{"references":["sm://a"],"x":1}"#, "{}"] {
        let response = fixture.post(RESOLVE, body);
        assert_eq!(response.status(), 400, "{body}");
        assert!(text(&response).starts_with("expected JSON: a list of references"), "{body}");
    }
    let head = request("POST", RESOLVE, &[(HEADER, TOKEN)], RequestBody::Unread);
    assert_eq!(answer(&fixture.send(&head)), (413, "the list of references is too long"));
    assert_eq!(fixture.cache.requests.borrow().len(), 1);
}

#[test]
fn list_is_one_snapshot() {
    let fixture = Fixture::new();
    let body = r#"["sm://json#user","sm://json#password","sm://a","ssm://p"]"#;
    let response = fixture.post(RESOLVE, body);
    assert_eq!(response.status(), 200);
    let values: Vec<_> = json(&response)["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["value"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(values, ["app", "p w", "hunter2", "https://example.com"]);
    assert_eq!(*fixture.cache.snapshots.borrow(), [3]);
    // Each value is logged once.
    assert_eq!(fixture.log.events(), ["secret_read"; 3]);
    assert_eq!(header(&response, "age"), Some("17"));
    let empty = fixture.post(RESOLVE, r#"{"references":[]}"#);
    assert_eq!(answer(&empty), (200, r#"{"values":[]}"#));
    let list = |count| serde_json::to_string(&vec!["sm://a"; count]).unwrap();
    assert_eq!(fixture.post(RESOLVE, &list(200)).status(), 200);
    let too_many = fixture.post(RESOLVE, &list(201));
    assert_eq!(answer(&too_many), (400, "a list has at most 200 references"));
}

#[test]
fn all_failures_of_a_list_are_told_and_no_value() {
    let fixture = Fixture::with(SecretsPolicy {
        access: AccessRules { allow: Vec::new(), deny: vec!["root".parse().unwrap()] },
        ..SecretsPolicy::default()
    });
    let response = fixture.post(RESOLVE, r#"["sm://a","sm://slow","sm://root","sm://json#x"]"#);
    assert_eq!(response.status(), 504);
    let document = json(&response);
    assert_eq!(document["__type"], "TimeoutError");
    let failures = document["failures"].as_array().unwrap();
    let of = |key: &str| failures.iter().map(|it| it[key].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(of("reference"), ["sm://slow", "sm://root", "sm://json#x"]);
    assert_eq!(of("__type"), ["TimeoutError", "AccessDeniedException", "UnsuitableValue"]);
    assert!(!text(&response).contains("hunter2"));
    let read = fixture.cache.requests.borrow();
    assert!(!read.iter().any(|request| format!("{:?}", request.item).contains("root")));
    assert_eq!(fixture.log.events(), ["secret_read_failed", "secret_read_failed", "secret_read"]);
}

#[test]
fn current_and_previous_version_are_in_one_answer() {
    let fixture = Fixture::new();
    let response = one(&fixture, "reference=sm://a&previous=true");
    assert_eq!(json(&response)["previous"], serde_json::Value::Null);
    fixture.cache.rotate();
    let response = one(&fixture, "reference=sm://a&previous=true");
    let document = format!(
        r#"{{"reference":"sm://a","value":"hunter2","version":"{NEXT_VERSION}","name":"a","previous":{{"value":"hunter1","version":"{VERSION}"}}}}"#
    );
    assert_eq!(answer(&response), (200, &*document));
    assert_eq!(*fixture.cache.snapshots.borrow(), [2, 2]);
    let list = fixture.post(RESOLVE, r#"{"references":["sm://a","sm://b"],"previous":true}"#);
    assert_eq!(json(&list)["values"][1]["previous"]["value"], "hunter1");
    assert_eq!(json(&one(&fixture, "reference=sm://a"))["previous"], serde_json::Value::Null);
    for reference in ["ssm://p", "sm://a?stage=AWSPENDING"] {
        let response = one(&fixture, &format!("reference={reference}&previous=1"));
        assert_eq!(response.status(), 400, "{reference}");
        assert_eq!(json(&response)["__type"], "InvalidReference");
    }
}

#[test]
fn client_waits_for_a_change_and_leaves_room_for_others() {
    let fixture = Fixture::with(SecretsPolicy { connections: 1, ..SecretsPolicy::default() });
    let target = format!("{RESOLVE}?reference=sm://a&if-not-version={VERSION}&wait=60s");
    let request = request("GET", &target, &[(HEADER, TOKEN)], RequestBody::Empty);
    let peer = peer();
    let mut waiting = fixture.begin(&request, &peer);
    assert!(poll(&mut waiting).is_pending());
    assert_eq!(fixture.get("/v1/a").status(), 200);
    // As many may wait as may be answered.
    assert_eq!(answer(&fixture.get(&target)), (429, "Connection limit exceeded"));
    fixture.log.clear();
    fixture.cache.rotate();
    let Poll::Ready(response) = poll(&mut waiting) else { panic!("not woken") };
    assert_eq!(response.status(), 200);
    assert_eq!(json(&response)["version"], NEXT_VERSION);
    assert_eq!(fixture.log.events(), ["secret_read"]);
}

#[test]
fn wait_without_a_change_ends_with_304() {
    let fixture = Fixture::new();
    let query = format!("reference=sm://a&if-not-version={VERSION}&wait=0");
    assert_eq!(answer(&one(&fixture, &query)), (304, ""));
    let other = one(&fixture, "reference=sm://a&if-not-version=other&wait=1m");
    assert_eq!(other.status(), 200);
    let missing = one(&fixture, "reference=sm://missing&if-not-version=other&wait=1m");
    assert_eq!(missing.status(), 400);
    assert_eq!(fixture.log.events(), ["secret_read", "secret_read_failed"]);
}

#[test]
fn waits_end_when_the_process_stops() {
    let fixture = Fixture::new();
    let target = format!("{RESOLVE}?reference=sm://a&if-not-version={VERSION}&wait=60s");
    let request = request("GET", &target, &[(HEADER, TOKEN)], RequestBody::Empty);
    let peer = peer();
    let mut waiting = fixture.begin(&request, &peer);
    assert!(poll(&mut waiting).is_pending());
    fixture.endpoint.stop_waiting();
    let Poll::Ready(response) = poll(&mut waiting) else { panic!("not woken") };
    assert_eq!(response.status(), 304);
    assert_eq!(fixture.get(&target).status(), 304);
}

#[test]
fn known_version_is_checked_with_aws() {
    let fixture = Fixture::new();
    let query = format!("reference=sm://a&if-not-version={VERSION}");
    assert_eq!(one(&fixture, &query).status(), 304);
    let freshness = |fixture: &Fixture| {
        let requests = fixture.cache.requests.borrow();
        requests.iter().map(|it| format!("{:?}", it.freshness)).collect::<Vec<_>>()
    };
    assert_eq!(freshness(&fixture), ["Cached", "Now"]);
    fixture.cache.rotate();
    let response = one(&fixture, &query);
    assert_eq!(json(&response)["version"], NEXT_VERSION);
}

#[test]
fn reads_of_a_request_have_one_deadline() {
    let clock = ManualClock::default();
    let ports = FakePorts { clock: clock.clone(), ..FakePorts::default() }.ports();
    let token = planned("AWS_TOKEN", TokenSource::Value(Secret::new(TOKEN.to_owned())));
    let fixture = Fixture::on(SecretsPolicy::default(), vec![token], ports);
    fixture.cache.clock.replace(Some(clock));
    let query = format!("reference=sm://a&if-not-version={VERSION}");
    assert_eq!(one(&fixture, &query).status(), 304);
    let requests = fixture.cache.requests.take();
    let deadlines = |requests: &[ReadRequest]| {
        requests.iter().map(|it| it.deadline.unwrap().as_secs()).collect::<Vec<_>>()
    };
    assert_eq!(deadlines(&requests), [4, 4]);
    assert!(requests.iter().all(|it| it.client.as_deref() == Some("AWS_TOKEN")));
    // After a wait, the answer has its own.
    assert_eq!(one(&fixture, "reference=sm://a&if-not-version=x&wait=60s").status(), 200);
    assert_eq!(deadlines(&fixture.cache.requests.take()), [6, 7]);
}

#[test]
fn staleness_is_in_the_document_too() {
    let fixture = Fixture::new();
    fixture.cache.stale.set(Some(throttled()));
    let response = one(&fixture, "reference=sm://a");
    assert_eq!(json(&response)["stale"], serde_json::json!({"seconds": 90, "reason": "throttled"}));
    let list = fixture.post(RESOLVE, r#"["sm://a","sm://b"]"#);
    assert_eq!(header(&list, "x-roles-anywhere-stale"), Some("90; reason=throttled"));
}

#[test]
fn role_and_region_of_a_reference_are_those_of_the_read() {
    let fixture = Fixture::new();
    let read = |query: &str| {
        assert_eq!(one(&fixture, query).status(), 200, "{query}");
        let request = fixture.cache.requests.borrow_mut().pop().unwrap();
        (request.role.map(|it| it.to_string()), request.region.map(|it| it.to_string()))
    };
    let reader = || Some("reader".to_owned());
    assert_eq!(read("reference=sm://a?role=reader"), (reader(), None));
    let region = Some("eu-west-1".to_owned());
    assert_eq!(read("reference=sm://a?region=eu-west-1"), (None, region));
    let arn = "arn:aws:iam::123456789012:role/Reader";
    assert_eq!(read(&format!("reference=sm://a&roleArn={arn}")), (Some(arn.to_owned()), None));
    assert_eq!(one(&fixture, "reference=sm://a?role=other").status(), 403);
}
