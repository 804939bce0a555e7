//! Lists that are answered when a version differs.

use futures_util::FutureExt as _;
use roles_anywhere_test_support::clock::ManualClock;

use super::fake::{NEXT_VERSION, VERSION};
use super::*;

const RESOLVE: &str = "/roles-anywhere/resolve";

/// Returns the body of a request that waits.
fn waiting(pairs: &[(&str, Option<&str>)], wait: &str) -> String {
    let (references, versions): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
    let body = serde_json::json!({
        "references": references, "if-not-versions": versions, "wait": wait,
    });
    body.to_string()
}

fn post(body: &str) -> Request<RequestBody> {
    let body = RequestBody::Received(Bytes::copy_from_slice(body.as_bytes()));
    request("POST", RESOLVE, &[(HEADER, TOKEN)], body)
}

fn reload(fixture: &Fixture, policy: SecretsPolicy, token: &str) {
    let token = planned("AWS_TOKEN", TokenSource::Value(Secret::new(token.to_owned())));
    let tokens = fixture.endpoint.open_tokens(&[token]).now_or_never().unwrap().unwrap();
    fixture.endpoint.replace(policy, tokens);
}

#[test]
fn a_list_is_answered_as_soon_as_one_version_differs() {
    let fixture = Fixture::with(SecretsPolicy { connections: 1, ..SecretsPolicy::default() });
    let known = [("sm://a", Some(VERSION)), ("ssm://p", Some("3")), ("sm://a", Some(VERSION))];
    let (request, peer) = (post(&waiting(&known, "60s")), peer());
    let mut answer = fixture.begin(&request, &peer);
    assert!(poll(&mut answer).is_pending());
    // It leaves room for others, but not for another one that waits.
    assert_eq!(fixture.get("/v1/a").status(), 200);
    assert_eq!(fixture.send(&request).status(), 429);
    fixture.log.clear();
    fixture.cache.rotate();
    let Poll::Ready(response) = poll(&mut answer) else { panic!("not woken") };
    assert_eq!(response.status(), 200);
    let values = &json(&response)["values"];
    assert_eq!([&values[0]["version"], &values[1]["version"]], [NEXT_VERSION, "3"]);
    assert_eq!(fixture.log.events(), ["secret_read", "secret_read"]);
}

#[test]
fn a_list_without_a_change_is_answered_with_304_in_the_end() {
    let fixture = Fixture::new();
    let known = [("sm://a", Some(VERSION)), ("sm://missing?optional", None)];
    let unchanged = fixture.post(RESOLVE, &waiting(&known, "0"));
    assert_eq!(answer(&unchanged), (304, ""));
    assert!(fixture.log.events().is_empty());
    let known = [("sm://a", Some(VERSION)), ("ssm://p", Some("2"))];
    assert_eq!(fixture.post(RESOLVE, &waiting(&known, "60s")).status(), 200);
    // The client has a version, and now there is none.
    let known = [("sm://missing?optional", Some(VERSION))];
    let gone = fixture.post(RESOLVE, &waiting(&known, "60s"));
    assert_eq!(json(&gone)["values"][0]["version"], serde_json::Value::Null);
    // The same value in two versions: one of them is old.
    let known = [("sm://json#user", Some(VERSION)), ("sm://json#port", Some("old"))];
    assert_eq!(fixture.post(RESOLVE, &waiting(&known, "60s")).status(), 200);
}

#[test]
fn what_cannot_be_read_is_told_at_once_and_logged_once() {
    let fixture = Fixture::with(SecretsPolicy {
        access: AccessRules { allow: Vec::new(), deny: vec!["root".parse().unwrap()] },
        ..SecretsPolicy::default()
    });
    for (reference, status) in
        [("sm://slow", 504), ("sm://root", 400), ("sm://json#x", 400), ("sm://missing", 400)]
    {
        let version = Some(if reference == "sm://json#x" { "old" } else { VERSION });
        let known = [("sm://a", Some(VERSION)), (reference, version)];
        let response = fixture.post(RESOLVE, &waiting(&known, "60s"));
        assert_eq!(response.status(), status, "{reference}");
        assert_eq!(json(&response)["failures"][0]["reference"], reference);
        assert!(!text(&response).contains("hunter2"));
    }
    let failed = "secret_read_failed";
    assert_eq!(fixture.log.events(), [failed, failed, "secret_read", failed]);
    assert!(fixture.log.lines()[1].contains("secret=root status=400"));
}

#[test]
fn it_is_looked_again_for_what_does_not_exist() {
    let clock = ManualClock::default();
    clock.pass_sleeps(Duration::from_secs(30));
    let ports = FakePorts { clock: clock.clone(), ..FakePorts::default() }.ports();
    let token = planned("AWS_TOKEN", TokenSource::Value(Secret::new(TOKEN.to_owned())));
    let fixture = Fixture::on(SecretsPolicy::default(), vec![token], ports);
    let response = fixture.post(RESOLVE, &waiting(&[("sm://missing?optional", None)], "90s"));
    assert_eq!(response.status(), 304);
    // At the start, and every 30 s.
    assert_eq!(fixture.cache.requests.borrow().len(), 4);
    assert!(fixture.log.events().is_empty());
}

#[test]
fn rules_and_tokens_count_after_the_wait() {
    let fixture = Fixture::new();
    let (request, peer) = (post(&waiting(&[("sm://a", Some(VERSION))], "60s")), peer());
    let mut answer = fixture.begin(&request, &peer);
    assert!(poll(&mut answer).is_pending());
    let denying = SecretsPolicy {
        access: AccessRules { allow: Vec::new(), deny: vec!["a".parse().unwrap()] },
        ..SecretsPolicy::default()
    };
    reload(&fixture, denying, TOKEN);
    fixture.cache.rotate();
    let Poll::Ready(response) = poll(&mut answer) else { panic!("not woken") };
    assert_eq!(json(&response)["__type"], "AccessDeniedException");

    let fixture = Fixture::new();
    let mut answer = fixture.begin(&request, &peer);
    assert!(poll(&mut answer).is_pending());
    reload(&fixture, SecretsPolicy::default(), "another token");
    fixture.endpoint.stop_waiting();
    let Poll::Ready(response) = poll(&mut answer) else { panic!("not woken") };
    assert_eq!(response.status(), 403);
}

#[test]
fn a_wait_ends_when_the_process_stops() {
    let fixture = Fixture::new();
    let (request, peer) = (post(&waiting(&[("sm://a", Some(VERSION))], "60s")), peer());
    let mut answer = fixture.begin(&request, &peer);
    assert!(poll(&mut answer).is_pending());
    fixture.endpoint.stop_waiting();
    let Poll::Ready(response) = poll(&mut answer) else { panic!("not woken") };
    assert_eq!(response.status(), 304);
}

#[test]
fn mistakes_are_told() {
    let fixture = Fixture::new();
    for (body, text) in [
        (r#"{"references":["sm://a"],"wait":"60s"}"#, "wait requires if-not-versions"),
        (r#"{"references":["sm://a"],"if-not-versions":["v"]}"#, "if-not-versions requires wait"),
        (
            r#"{"references":["sm://a"],"if-not-versions":["v"],"wait":"6m"}"#,
            "invalid wait value, expected 0s to 300s",
        ),
        (
            r#"{"references":["sm://a"],"if-not-versions":[],"wait":"6s"}"#,
            "if-not-versions has a version, or null, for each reference",
        ),
        (
            r#"{"references":["sm://a"],"if-not-versions":["v"],"wait":"6s","refreshNow":true}"#,
            "refreshNow and if-not-versions exclude each other",
        ),
    ] {
        assert_eq!(answer(&fixture.post(RESOLVE, body)), (400, text), "{body}");
    }
    let none = fixture.post(RESOLVE, &waiting(&[], "60s"));
    assert_eq!(answer(&none), (200, r#"{"values":[]}"#));
}
