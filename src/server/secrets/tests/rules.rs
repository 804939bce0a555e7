//! Who may read what, how many at a time, and what is told about it.

use super::fake::throttled;
use super::*;
use crate::server::AuditPolicy;

fn patterns(texts: &[&str]) -> Vec<AccessPattern> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn rules(allow: &[&str], deny: &[&str]) -> AccessRules {
    AccessRules { allow: patterns(allow), deny: patterns(deny) }
}

const DENIED: &str = r#"{"__type":"AccessDeniedException","message":"this endpoint does not allow this secret or parameter"}"#;
const DENIED_TO_TOKEN: &str = r#"{"__type":"AccessDeniedException","message":"this token does not allow this secret or parameter"}"#;

#[test]
fn denied_secret_is_not_read() {
    let access = rules(&["prod/*", "ssm:///prod/*"], &["prod/root"]);
    let fixture = Fixture::with(SecretsPolicy { access, ..SecretsPolicy::default() });
    assert_eq!(fixture.get("/v1/prod/db").status(), 200);
    fixture.cache.requests.borrow_mut().clear();
    for target in [
        "/v1/prod/root",
        "/v1/test/db",
        "/secretsmanager/get?secretId=prod/root",
        "/systemsmanager/parameters/get?name=/test/url",
        "/systemsmanager/parameters/get?name=/aws/reference/secretsmanager/prod/root",
    ] {
        assert_eq!(answer(&fixture.get(target)), (400, DENIED), "{target}");
    }
    assert!(fixture.cache.requests.borrow().is_empty());
    assert_eq!(fixture.get("/systemsmanager/parameters/get?name=/prod/url").status(), 200);
}

#[test]
fn secret_by_arn_is_denied_by_its_name() {
    let access = rules(&[], &["prod"]);
    let fixture = Fixture::with(SecretsPolicy { access, ..SecretsPolicy::default() });
    let arn = "arn:aws:secretsmanager:us-west-2:123456789012:secret";
    for (id, expected) in [("prod-NhBWsc", 400), ("test-NhBWsc", 200)] {
        let response = fixture.get(&format!("/secretsmanager/get?secretId={arn}:{id}"));
        assert_eq!(response.status(), expected, "{id}");
    }
    assert_eq!(fixture.log.events(), ["secret_read_failed", "secret_read"]);
}

#[test]
fn each_token_has_its_own_rules() {
    let token = |name: &str, value: &str, allow: &[&str]| PlannedToken {
        access: rules(allow, &[]),
        ..planned(name, TokenSource::Value(Secret::new(value.to_owned())))
    };
    let tokens = vec![
        token("web", "token-of-the-web-app", &["web/*"]),
        token("batch", "token-of-the-batch-job", &["batch/*", "web/db"]),
    ];
    let policy = SecretsPolicy { access: rules(&[], &["web/root"]), ..SecretsPolicy::default() };
    let fixture = Fixture::of(policy, tokens);
    let ask = |token: &str, id: &str| {
        let response = fixture.ask("GET", &format!("/v1/{id}"), &[(HEADER, token)]);
        let status = response.status().as_u16();
        (status, text(&response).to_owned())
    };
    assert_eq!(ask("token-of-the-web-app", "web/db").0, 200);
    assert_eq!(ask("token-of-the-batch-job", "web/db").0, 200);
    assert_eq!(ask("token-of-the-batch-job", "batch/db").0, 200);
    assert_eq!(ask("token-of-the-web-app", "batch/db"), (400, DENIED_TO_TOKEN.to_owned()));
    assert_eq!(ask("token-of-the-batch-job", "web/x"), (400, DENIED_TO_TOKEN.to_owned()));
    assert_eq!(ask("token-of-the-web-app", "web/root"), (400, DENIED.to_owned()));
    let lines = fixture.log.lines();
    assert!(lines[0].contains(" token=web "), "{lines:?}");
    assert!(lines[1].contains(" token=batch "), "{lines:?}");
}

#[test]
fn role_must_be_among_those_that_may_be_named() {
    let role = "arn:aws:iam::123456789012:role/Reader";
    let target = format!("/v1/a?roleArn={role}");
    let policy = |roles: &[&str]| SecretsPolicy {
        roles: Some(roles.iter().map(|role| (*role).into()).collect()),
        ..SecretsPolicy::default()
    };
    let fixture = Fixture::with(policy(&[role]));
    assert_eq!(fixture.get(&target).status(), 200);
    let fixture = Fixture::with(policy(&["other"]));
    let refused = format!(
        r#"{{"__type":"AccessDeniedException","message":"Failed to create caching client from role: {role}"}}"#
    );
    assert_eq!(answer(&fixture.get(&target)), (403, &*refused));
    assert!(fixture.cache.requests.borrow().is_empty());
    assert_eq!(fixture.get("/v1/a").status(), 200);
}

#[test]
fn every_read_is_logged_before_the_answer() {
    let fixture = Fixture::new();
    fixture.get("/v1/a");
    fixture.get("/systemsmanager/parameters/get?name=/prod/url");
    fixture.get(
        "/secretsmanager/get?secretId=b&refreshNow=1&roleArn=arn:aws:iam::123456789012:role/Reader",
    );
    fixture.cache.stale.set(Some(throttled()));
    fixture.get("/v1/c");
    fixture.get("/v1/missing");
    let version = fake::VERSION;
    let client = "peer=127.0.0.1:5000 uid=1000 token=AWS_TOKEN";
    assert_eq!(
        fixture.log.lines(),
        [
            format!(
                "info: secret_read route=secret_path {client} secret=a version={version} value=cache"
            ),
            format!(
                "info: secret_read route=parameter {client} parameter=/prod/url version=3 value=cache"
            ),
            format!(
                "info: secret_read route=secret {client} secret=b version={version} value=aws \
                 role=arn:aws:iam::123456789012:role/Reader"
            ),
            format!(
                "info: secret_read route=secret_path {client} secret=c version={version} value=stale \
                 stale_seconds=90 reason=throttled"
            ),
            format!(
                "warning: secret_read_failed route=secret_path {client} secret=missing status=400 \
                 reason=ResourceNotFoundException: Secrets Manager can't find the specified secret."
            ),
        ]
    );
}

#[test]
fn nothing_is_handed_out_that_cannot_be_logged() {
    let fixture =
        Fixture::with(SecretsPolicy { audit: AuditPolicy::Required, ..SecretsPolicy::default() });
    fixture.log.set_full(true);
    let body = r#"{"__type":"ServiceUnavailable","message":"this read cannot be logged, and --require-audit is on"}"#;
    assert_eq!(answer(&fixture.get("/v1/a")), (503, body));
    let body = r#"{"references":["sm://a","sm://b"]}"#;
    assert_eq!(fixture.post("/roles-anywhere/resolve", body).status(), 503);
    fixture.log.set_full(false);
    assert_eq!(fixture.get("/v1/a").status(), 200);
}

#[test]
fn reads_that_are_not_logged_are_counted() {
    let fixture = Fixture::new();
    fixture.log.set_full(true);
    assert_eq!(fixture.get("/v1/a").status(), 200);
    fixture.log.set_full(false);
    fixture.endpoint.end();
    assert_eq!(fixture.log.lines(), ["warning: secret_read_unlogged uid=1000 count=1"]);
    let page = fixture.get("/metrics");
    assert!(text(&page).contains("\nroles_anywhere_secret_unlogged_reads_total 1\n"));
}

#[test]
fn refused_requests_are_logged_without_the_token() {
    let log = |headers: &[(&str, &str)]| {
        let fixture = Fixture::new();
        fixture.ask("GET", "/v1/a", headers);
        fixture.log.lines().remove(0)
    };
    let client = "peer=127.0.0.1:5000 suppressed=0";
    assert_eq!(
        log(&[]),
        format!(
            "warning: request_refused route=secret_path status=403 reason=there is no token {client}"
        )
    );
    assert_eq!(
        log(&[(HEADER, "guessed-token")]),
        format!(
            "warning: request_refused route=secret_path status=403 reason=the token is not valid {client}"
        )
    );
    let foreign = log(&[(HEADER, TOKEN), ("host", "evil.example")]);
    assert!(
        foreign.contains(" status=400 ") && foreign.contains(" host=evil.example "),
        "{foreign}"
    );
}

#[test]
fn too_many_requests_are_refused() {
    let fixture = Fixture::with(SecretsPolicy { connections: 1, ..SecretsPolicy::default() });
    fixture.cache.hangs.set(true);
    let (request, peer) = (request("GET", "/v1/a", &[(HEADER, TOKEN)], RequestBody::Empty), peer());
    let mut running = fixture.begin(&request, &peer);
    assert!(poll(&mut running).is_pending());
    assert_eq!(answer(&fixture.get("/v1/b")), (429, "Connection limit exceeded"));
    assert_eq!(answer(&fixture.ask("GET", "/v1/b", &[])), (429, "Connection limit exceeded"));
    assert_eq!(answer(&fixture.get("/ping")), (200, "healthy"));
    drop(running);
    fixture.cache.hangs.set(false);
    assert_eq!(fixture.get("/v1/b").status(), 200);
}

#[test]
fn metrics_count_reads_calls_and_responses() {
    let fixture = Fixture::new();
    fixture.get("/v1/a");
    fixture.get("/v1/missing");
    fixture.ask("GET", "/v1/a", &[]);
    let page = fixture.ask("GET", "/metrics", &[]);
    assert_eq!(header(&page, "content-type"), Some("text/plain; version=0.0.4"));
    for line in [
        r#"secret_reads_total{result="cache"} 5"#,
        r#"secret_reads_total{result="stale"} 1"#,
        r#"secret_calls_total{operation="GetSecretValue",result="ok"} 2"#,
        r#"secret_calls_total{operation="DescribeSecret",result="throttled"} 1"#,
        "secret_cache_entries 2",
        "secret_cache_bytes 4096",
        "secret_cache_expired_entries 1",
        "secret_staleness_seconds 90",
        "secret_waiting_requests 0",
        "secret_next_rotation_seconds -3",
        "secret_unlogged_reads_total 0",
        r#"secret_denied_requests_total{by="aws"} 0"#,
        r#"secret_denied_requests_total{by="rules"} 0"#,
        r#"secret_denied_requests_total{by="token"} 1"#,
        r#"secret_requests_total{route="secret_path",status="200"} 1"#,
        r#"secret_requests_total{route="secret_path",status="400"} 1"#,
        r#"secret_requests_total{route="secret_path",status="403"} 1"#,
    ] {
        assert!(
            text(&page).contains(&format!("\nroles_anywhere_{line}\n")),
            "{line}\n{}",
            text(&page)
        );
    }
}

#[test]
fn denied_requests_are_counted_by_what_denied_them() {
    let access = rules(&[], &["prod"]);
    let fixture = Fixture::with(SecretsPolicy { access, ..SecretsPolicy::default() });
    let counts = || {
        let page = fixture.get("/metrics");
        ["aws", "rules", "token"].map(|by| {
            let line = format!("\nroles_anywhere_secret_denied_requests_total{{by=\"{by}\"}} ");
            let (_, rest) = text(&page).split_once(&line).unwrap();
            rest.lines().next().unwrap().parse::<u64>().unwrap()
        })
    };
    assert_eq!(counts(), [0, 0, 0]);
    let reference = |name: &str| format!("/roles-anywhere/resolve?reference=sm://{name}");
    let waiting = |name: &str| format!("{}&if-not-version=v&wait=1s", reference(name));
    let arn = "arn:aws:secretsmanager:us-west-2:123456789012:secret:prod-NhBWsc";
    for (target, expected) in [
        ("/v1/a".to_owned(), [0, 0, 0]),
        ("/v1/missing".to_owned(), [0, 0, 0]),
        ("/v1/throttled".to_owned(), [0, 0, 0]),
        ("/v1/denied".to_owned(), [1, 0, 0]),
        (reference("denied"), [2, 0, 0]),
        (waiting("denied"), [3, 0, 0]),
        ("/v1/prod".to_owned(), [3, 1, 0]),
        // By its name, which is known after it was read.
        (format!("/secretsmanager/get?secretId={arn}"), [3, 2, 0]),
        (reference("prod"), [3, 3, 0]),
        (waiting("prod"), [3, 4, 0]),
        ("/v1/a?roleArn=arn:aws:iam::123456789012:role/Other".to_owned(), [3, 5, 0]),
    ] {
        fixture.get(&target);
        assert_eq!(counts(), expected, "{target}");
    }
    fixture.post("/roles-anywhere/resolve", r#"["sm://prod","sm://denied","sm://a"]"#);
    assert_eq!(counts(), [4, 6, 0]);
    fixture.ask("GET", "/v1/a", &[]);
    fixture.ask("GET", "/v1/a", &[(HEADER, "guessed-token")]);
    assert_eq!(counts(), [4, 6, 2]);
    // The log says the same of each.
    let lines = fixture.log.lines();
    let failed = || lines.iter().filter(|line| line.contains(": secret_read_failed "));
    let denied_by = |by: &str| failed().filter(|line| line.contains(&format!(" by={by}"))).count();
    assert_eq!((failed().count(), denied_by("aws"), denied_by("rules")), (12, 4, 6));
    // At most one line a second.
    let refused = fixture.log.events().iter().filter(|event| **event == "request_refused").count();
    assert_eq!(refused, 1);
}

#[test]
fn prefix_and_headers_can_be_others() {
    let fixture = Fixture::with(SecretsPolicy {
        path_prefix: "/secrets/".to_owned(),
        token_headers: vec!["x-my-token".parse().unwrap()],
        ..SecretsPolicy::default()
    });
    let status =
        |target: &str, name: &str| fixture.ask("GET", target, &[(name, TOKEN)]).status().as_u16();
    assert_eq!(status("/secrets/a", "x-my-token"), 200);
    assert_eq!(status("/v1/a", "x-my-token"), 404);
    assert_eq!(status("/secrets/a", HEADER), 403);
}

#[test]
fn only_a_list_of_references_has_a_body() {
    let fixture = Fixture::new();
    let limit = |method: &str, target: &str, headers: &[(&str, &str)]| {
        let (head, _) = request(method, target, headers, RequestBody::Empty).into_parts();
        fixture.endpoint.body_limit(&head)
    };
    let resolve = "/roles-anywhere/resolve";
    assert_eq!(limit("POST", resolve, &[(HEADER, TOKEN)]), MAX_BODY);
    assert_eq!(limit("POST", resolve, &[(HEADER, "other")]), MAX_UNKNOWN_BODY);
    assert_eq!(limit("POST", resolve, &[]), 0);
    assert_eq!(limit("GET", resolve, &[(HEADER, TOKEN)]), 0);
    assert_eq!(limit("POST", "/v1/a", &[(HEADER, TOKEN)]), 0);
}

#[test]
fn debug_output_shows_no_token_and_no_value() {
    let fixture = Fixture::new();
    let shown = format!("{:?}", fixture.endpoint);
    assert!(!shown.contains(TOKEN), "{shown}");
    let source = TokenSource::Value(Secret::new(TOKEN.to_owned()));
    assert!(!format!("{:?}", planned("AWS_TOKEN", source)).contains(TOKEN));
}
