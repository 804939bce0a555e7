//! Requests, and what AWS's agent answers to the byte; then those of the Lambda extension.

use super::fake::throttled;
use super::*;

const ROLE: &str = "arn:aws:iam::123456789012:role/Reader";

/// What is sent: method and target, and the headers besides a valid token.
#[derive(Clone, Copy)]
enum Headers {
    Token,
    With(&'static [(&'static str, &'static str)]),
    Only(&'static [(&'static str, &'static str)]),
}

use Headers::{Only, Token, With};

/// The body of a secret whose value is `hunter2`.
macro_rules! secret {
    ($name:literal) => {
        secret!($name, "5767290c-d089-49ed-b97c-17086f8c9d79", "AWSCURRENT")
    };
    ($name:literal, $version:literal, $stage:literal) => {
        concat!(
            r#"{"ARN":"arn:aws:secretsmanager:us-west-2:123456789012:secret:"#,
            $name,
            r#"-NhBWsc","Name":""#,
            $name,
            r#"","VersionId":""#,
            $version,
            r#"","SecretString":"hunter2","VersionStages":[""#,
            $stage,
            r#""],"CreatedDate":"1569534789.046"}"#
        )
    };
}

const ARN_TEXT: &str =
    "invalid roleArn format, expected arn:<partition>:iam::<account>:role/<name>";
const NOT_FOUND: &str = r#"{"__type":"ResourceNotFoundException","message":"Secrets Manager can't find the specified secret."}"#;

const ROWS: &[(&str, Headers, u16, &str)] = &[
    // Health.
    ("GET /ping", Only(&[]), 200, "healthy"),
    ("GET /ping", Token, 200, "healthy"),
    ("GET /ping?x=y", Only(&[("x-forwarded-for", "192.0.2.1")]), 200, "healthy"),
    ("GET /ping", Only(&[("host", "evil.example")]), 200, "healthy"),
    ("POST /ping", Only(&[]), 405, "Not allowed"),
    ("HEAD /ping", Only(&[]), 405, "Not allowed"),
    // The order of the checks: forwarded, token, method, route.
    ("GET /secretsmanager/get?secretId=a", With(&[("x-forwarded-for", "")]), 400, "Forwarded"),
    ("GET /v1/a", Only(&[("x-forwarded-for", "127.0.0.1")]), 400, "Forwarded"),
    ("POST /nowhere", Only(&[("x-forwarded-for", "127.0.0.1")]), 400, "Forwarded"),
    ("GET /secretsmanager/get?secretId=a", Only(&[]), 403, "Bad Token"),
    ("GET /v1/a", Only(&[(HEADER, "")]), 403, "Bad Token"),
    ("GET /v1/a", Only(&[(HEADER, "4f1c1d9a7b0e5d3")]), 403, "Bad Token"),
    ("GET /v1/a", Only(&[(HEADER, "4F1C1D9A7B0E5D3C")]), 403, "Bad Token"),
    ("GET /v1/a", Only(&[(HEADER, "4f1c1d9a7b0e5d3c ")]), 403, "Bad Token"),
    ("GET /v1/a", Only(&[("authorization", TOKEN)]), 403, "Bad Token"),
    ("GET /v1/a", Only(&[(HEADER, "x"), (HEADER, TOKEN)]), 403, "Bad Token"),
    ("GET /v1/a", Only(&[(HEADER, TOKEN), (HEADER, "x")]), 200, secret!("a")),
    ("GET /v1/a", Only(&[("x-vault-token", TOKEN)]), 200, secret!("a")),
    ("GET /v1/a", Only(&[(HEADER, "x"), ("x-vault-token", TOKEN)]), 200, secret!("a")),
    ("GET /nowhere", Only(&[]), 403, "Bad Token"),
    ("POST /nowhere", Only(&[]), 403, "Bad Token"),
    ("DELETE /v1/a", Only(&[]), 403, "Bad Token"),
    ("POST /secretsmanager/get?secretId=a", Token, 405, "Not allowed"),
    ("PUT /v1/a", Token, 405, "Not allowed"),
    ("HEAD /v1/a", Token, 405, "Not allowed"),
    ("OPTIONS /v1/a", Token, 405, "Not allowed"),
    ("POST /nowhere", Token, 405, "Not allowed"),
    ("GET /nowhere", Token, 404, "Not found"),
    ("GET /", Token, 404, "Not found"),
    ("GET /v1", Token, 404, "Not found"),
    ("GET /V1/a", Token, 404, "Not found"),
    ("GET /secretsmanager", Token, 404, "Not found"),
    ("GET /secretsmanager/get/x?secretId=a", Token, 404, "Not found"),
    ("GET /SecretsManager/get?secretId=a", Token, 404, "Not found"),
    // By query.
    ("GET /secretsmanager/get?secretId=MyTest", Token, 200, secret!("MyTest")),
    ("GET /secretsmanager/get?secretId=my%2Fsec", Token, 200, secret!("my/sec")),
    ("GET /secretsmanager/get?secretId=my/sec", Token, 200, secret!("my/sec")),
    ("GET /secretsmanager/get?secretId=my%2Bsec", Token, 200, secret!("my+sec")),
    ("GET /secretsmanager/get?secretId=my+sec", Token, 200, secret!("my sec")),
    ("GET /secretsmanager/get?secretId=a&secretId=b", Token, 200, secret!("b")),
    ("GET /secretsmanager/get?&secretId=a&", Token, 200, secret!("a")),
    (
        "GET /secretsmanager/get?secretId=arn:aws:secretsmanager:us-west-2:123456789012:secret:a-NhBWsc",
        Token,
        200,
        secret!("a"),
    ),
    (
        "GET /secretsmanager/get?secretId=a&versionId=v1",
        Token,
        200,
        secret!("a", "v1", "AWSCURRENT"),
    ),
    (
        "GET /secretsmanager/get?secretId=a&versionStage=AWSPENDING",
        Token,
        200,
        secret!("a", "5767290c-d089-49ed-b97c-17086f8c9d79", "AWSPENDING"),
    ),
    (
        "GET /secretsmanager/get?secretId=a&versionId=v1&versionStage=blue",
        Token,
        200,
        secret!("a", "v1", "blue"),
    ),
    ("GET /secretsmanager/get?secretId=a&refreshNow=true", Token, 200, secret!("a")),
    ("GET /secretsmanager/get?secretId=a&refreshNow=FALSE", Token, 200, secret!("a")),
    ("GET /secretsmanager/get?secretId=a&refreshNow=1", Token, 200, secret!("a")),
    ("GET /secretsmanager/get?secretId=a&refreshNow=yes", Token, 400, "invalid refreshNow value"),
    ("GET /secretsmanager/get?secretId=a&refreshNow=", Token, 400, "invalid refreshNow value"),
    ("GET /secretsmanager/get?refreshNow=2", Token, 400, "invalid refreshNow value"),
    ("GET /secretsmanager/get", Token, 400, "missing parameter secretId"),
    ("GET /secretsmanager/get?secretId=", Token, 400, "missing parameter secretId"),
    ("GET /secretsmanager/get?versionId=v1", Token, 400, "missing parameter secretId"),
    ("GET /secretsmanager/get?secretid=a", Token, 400, "unknown parameter: secretid"),
    ("GET /secretsmanager/get?secretId=a&abc=123", Token, 400, "unknown parameter: abc"),
    ("GET /secretsmanager/get?secretId=a&a%20b=1", Token, 400, "unknown parameter: a b"),
    (
        "GET /secretsmanager/get?secretId=a&roleArn=arn:aws:iam::123456789012:role/Reader",
        Token,
        200,
        secret!("a"),
    ),
    ("GET /secretsmanager/get?secretId=a&roleArn=notAnArn", Token, 400, ARN_TEXT),
    (
        "GET /secretsmanager/get?secretId=a&roleArn=arn:aws:iam::123456789012:user/a",
        Token,
        400,
        ARN_TEXT,
    ),
    ("GET /secretsmanager/get?roleArn=notAnArn", Token, 400, "missing parameter secretId"),
    (
        "GET /secretsmanager/get?secretId=a&roleArn=arn:aws:iam::123456789012:role/Other",
        Token,
        403,
        r#"{"__type":"AccessDeniedException","message":"Failed to create caching client from role: arn:aws:iam::123456789012:role/Other"}"#,
    ),
    // By path.
    ("GET /v1/my/sec", Token, 200, secret!("my/sec")),
    ("GET /v1//lead", Token, 200, secret!("/lead")),
    ("GET /v1/x/../y", Token, 200, secret!("y")),
    ("GET /v1/my+sec", Token, 200, secret!("my+sec")),
    (
        "GET /v1/a?versionStage=blue",
        Token,
        200,
        secret!("a", "5767290c-d089-49ed-b97c-17086f8c9d79", "blue"),
    ),
    ("GET /v1/", Token, 400, "missing secret ID"),
    ("GET /v1/?versionId=v1&abc=1", Token, 400, "missing secret ID"),
    ("GET /v1/a?secretId=b", Token, 400, "unknown parameter: secretId"),
    ("GET /v1/a?refreshNow=maybe", Token, 400, "invalid refreshNow value"),
    ("GET /v1/a?roleArn=garbage", Token, 400, ARN_TEXT),
    ("GET /v1/missing", Token, 400, NOT_FOUND),
    // Bodies.
    (
        "GET /v1/binary",
        Token,
        200,
        r#"{"ARN":"arn:aws:secretsmanager:us-west-2:123456789012:secret:binary-NhBWsc","Name":"binary","VersionId":"5767290c-d089-49ed-b97c-17086f8c9d79","SecretBinary":"AAEC/w==","VersionStages":["AWSCURRENT"],"CreatedDate":"1569534789.046"}"#,
    ),
    (
        "GET /v1/unicode",
        Token,
        200,
        "{\"ARN\":\"arn:aws:secretsmanager:us-west-2:123456789012:secret:unicode-NhBWsc\",\"Name\":\"unicode\",\"VersionId\":\"5767290c-d089-49ed-b97c-17086f8c9d79\",\"SecretString\":\"hünter2 \u{1f600}\",\"VersionStages\":[\"AWSCURRENT\"],\"CreatedDate\":\"1569534789.046\"}",
    ),
    (
        "GET /v1/escapes",
        Token,
        200,
        r#"{"ARN":"arn:aws:secretsmanager:us-west-2:123456789012:secret:escapes-NhBWsc","Name":"escapes","VersionId":"5767290c-d089-49ed-b97c-17086f8c9d79","SecretString":"a\"b\\c\n\u0001","VersionStages":["AWSCURRENT"],"CreatedDate":"1569534789.046"}"#,
    ),
    (
        "GET /v1/two-stages",
        Token,
        200,
        r#"{"ARN":"arn:aws:secretsmanager:us-west-2:123456789012:secret:two-stages-NhBWsc","Name":"two-stages","VersionId":"5767290c-d089-49ed-b97c-17086f8c9d79","SecretString":"hunter2","VersionStages":["AWSCURRENT","blue"],"CreatedDate":"1569534789.046"}"#,
    ),
    (
        "GET /v1/nulls",
        Token,
        200,
        r#"{"ARN":"arn:aws:secretsmanager:us-west-2:123456789012:secret:nulls-NhBWsc","Name":"nulls","VersionId":null,"SecretString":"hunter2","CreatedDate":null}"#,
    ),
    (
        "GET /v1/whole-second",
        Token,
        200,
        r#"{"ARN":"arn:aws:secretsmanager:us-west-2:123456789012:secret:whole-second-NhBWsc","Name":"whole-second","VersionId":"5767290c-d089-49ed-b97c-17086f8c9d79","SecretString":"hunter2","VersionStages":["AWSCURRENT"],"CreatedDate":"1569534789"}"#,
    ),
    (
        "GET /v1/microsecond",
        Token,
        200,
        r#"{"ARN":"arn:aws:secretsmanager:us-west-2:123456789012:secret:microsecond-NhBWsc","Name":"microsecond","VersionId":"5767290c-d089-49ed-b97c-17086f8c9d79","SecretString":"hunter2","VersionStages":["AWSCURRENT"],"CreatedDate":"1569534789.046001"}"#,
    ),
    // Errors.
    ("GET /secretsmanager/get?secretId=missing", Token, 400, NOT_FOUND),
    (
        "GET /v1/denied",
        Token,
        400,
        r#"{"__type":"AccessDeniedException","message":"User: arn:aws:sts::1:assumed-role/\"R\" is not authorized"}"#,
    ),
    (
        "GET /v1/throttled",
        Token,
        400,
        r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#,
    ),
    (
        "GET /v1/expired",
        Token,
        400,
        r#"{"__type":"ExpiredTokenException","message":"The security token has expired"}"#,
    ),
    (
        "GET /v1/failed",
        Token,
        500,
        r#"{"__type":"InternalServiceError","message":"An error occurred on the server side."}"#,
    ),
    ("GET /v1/silent", Token, 400, r#"{"__type":"InternalFailure"}"#),
    ("GET /v1/internal", Token, 500, r#"{"__type":"InternalFailure"}"#),
    ("GET /v1/slow", Token, 504, r#"{"__type":"TimeoutError","message":"Timeout"}"#),
    ("GET /v1/unreachable", Token, 502, r#"{"__type":"ConnectionError","message":"Read Error"}"#),
    ("GET /v1/garbled", Token, 502, r#"{"__type":"ConnectionError","message":"Response Error"}"#),
    ("GET /v1/cut", Token, 500, r#"{"__type":"InternalFailure"}"#),
    ("GET /v1/no-session", Token, 500, r#"{"__type":"InternalFailure"}"#),
    ("GET /v1/torn", Token, 500, r#"{"__type":"InternalFailure"}"#),
    ("GET /v1/defect", Token, 500, r#"{"__type":"InternalFailure"}"#),
];

/// What differs from the agent, as its answer helps no client.
const IMPROVED: &[(&str, Headers, u16, &str)] = &[
    ("GET /ping/", Only(&[]), 200, "healthy"),
    ("GET /secretsmanager/get/?secretId=a", Token, 200, secret!("a")),
    ("GET /v1/my%2Bsec", Token, 200, secret!("my+sec")),
    ("GET /v1/my%2Fsec", Token, 200, secret!("my/sec")),
    ("GET http://localhost:2773/v1/a", Token, 200, secret!("a")),
    ("GET /v1/a", With(&[("host", "evil.example")]), 400, "Forwarded"),
    ("GET /v1/a", With(&[("host", "192.0.2.1:2773")]), 400, "Forwarded"),
    ("GET /v1/a", With(&[("host", "[::1]:2773")]), 200, secret!("a")),
    ("GET /v1/a", With(&[("host", "127.0.0.1:2773")]), 200, secret!("a")),
    ("GET /v1/a", With(&[("origin", "http://localhost:2773")]), 400, "Forwarded"),
    ("GET /v1/a", With(&[("via", "1.1 proxy")]), 400, "Forwarded"),
    ("GET /v1/a", With(&[("forwarded", "for=192.0.2.1")]), 400, "Forwarded"),
    ("GET /v1/a", With(&[("x-real-ip", "192.0.2.1")]), 400, "Forwarded"),
    ("GET /v1/a", With(&[("sec-fetch-site", "cross-site")]), 400, "Forwarded"),
    ("GET /healthz", Only(&[]), 200, "alive\n"),
    ("GET /readyz", Only(&[]), 200, "ready\n"),
    ("POST /healthz", Only(&[]), 405, "Not allowed"),
    ("GET /metrics", Only(&[("host", "evil.example")]), 400, "Forwarded"),
    ("GET /v1/odd-status", Token, 502, r#"{"__type":"X","message":"y"}"#),
];

const PARAMETER: &str = r#"{"Parameter":{"ARN":"arn:aws:ssm:us-west-2:123456789012:parameter/prod/url","DataType":"text","LastModifiedDate":"2018-06-26T13:12:41.888Z","Name":"/prod/url","Selector":null,"SourceResult":null,"Type":"String","Value":"https://example.com","Version":3},"ResultMetadata":{}}"#;

const PARAMETERS: &[(&str, Headers, u16, &str)] = &[
    ("GET /systemsmanager/parameters/get?name=%2Fprod%2Furl", Token, 200, PARAMETER),
    ("GET /systemsmanager/parameters/get/?name=%2Fprod%2Furl", Token, 200, PARAMETER),
    (
        "GET /systemsmanager/parameters/get/?name=/prod/url&withDecryption=false",
        Token,
        200,
        PARAMETER,
    ),
    ("GET /systemsmanager/parameters/get?name=/prod/url", Only(&[]), 403, "Bad Token"),
    ("POST /systemsmanager/parameters/get?name=/prod/url", Token, 405, "Not allowed"),
    // AWS gives no message with this code.
    (
        "GET /systemsmanager/parameters/get?name=silent",
        Token,
        400,
        r#"{"__type":"InvalidRequestException"}"#,
    ),
    ("GET /systemsmanager/parameters/get", Token, 400, "missing parameter name"),
    ("GET /systemsmanager/parameters/get?name=", Token, 400, "missing parameter name"),
    ("GET /systemsmanager/parameters/get?name=a&version=x", Token, 400, "invalid version value"),
    (
        "GET /systemsmanager/parameters/get?name=a&withDecryption=maybe",
        Token,
        400,
        "invalid withDecryption value",
    ),
    (
        "GET /systemsmanager/parameters/get?name=a&secretId=b",
        Token,
        400,
        "unknown parameter: secretId",
    ),
    (
        "GET /systemsmanager/parameters/get?name=no-parameter",
        Token,
        400,
        r#"{"__type":"ParameterNotFound","message":"UnknownError"}"#,
    ),
    (
        "GET /systemsmanager/parameters/get?name=bare",
        Token,
        200,
        r#"{"Parameter":{"ARN":null,"DataType":null,"LastModifiedDate":null,"Name":"bare","Selector":null,"SourceResult":null,"Type":"String","Value":"https://example.com","Version":3},"ResultMetadata":{}}"#,
    ),
];

fn answers_are(rows: &[(&str, Headers, u16, &str)]) {
    for (line, headers, status, body) in rows {
        let (method, target) = line.split_once(' ').unwrap();
        let headers = match headers {
            Token => vec![(HEADER, TOKEN)],
            With(more) => [&[(HEADER, TOKEN)], *more].concat(),
            Only(headers) => headers.to_vec(),
        };
        let response = Fixture::new().ask(method, target, &headers);
        assert_eq!(answer(&response), (*status, *body), "{line} {headers:?}");
    }
}

#[test]
fn answers_are_those_of_the_agent() {
    assert!(ROWS.len() >= 60, "{} rows", ROWS.len());
    answers_are(ROWS);
}

#[test]
fn answers_differ_where_that_helps_clients() {
    answers_are(IMPROVED);
}

#[test]
fn answers_about_parameters_are_those_of_the_extension() {
    answers_are(PARAMETERS);
}

#[test]
fn request_without_host_is_answered() {
    let fixture = Fixture::new();
    let request = Request::builder().uri("/v1/a").header(HEADER, TOKEN);
    let response = fixture.send(&request.body(RequestBody::Empty).unwrap());
    assert_eq!(response.status(), 200);
    let twice = Request::builder().uri("/v1/a").header(HEADER, TOKEN);
    let twice = twice.header("host", "localhost").header("host", "localhost");
    let response = fixture.send(&twice.body(RequestBody::Empty).unwrap());
    assert_eq!(answer(&response), (400, "Forwarded"));
}

#[test]
fn query_says_what_is_read() {
    let fixture = Fixture::new();
    let read = |target: &str| {
        fixture.cache.requests.borrow_mut().clear();
        assert_eq!(fixture.get(target).status(), 200, "{target}");
        let request = fixture.cache.requests.borrow_mut().pop().unwrap();
        format!("{:?} {:?} {:?}", request.item, request.freshness, request.role)
    };
    let secret = |id: &str, version: &str, stage: &str, rest: &str| {
        let secret = format!(
            "SecretRequest {{ secret: {id}, version_id: {version}, version_stage: {stage} }}"
        );
        format!("Secret({secret}) {rest}")
    };
    assert_eq!(
        read("/secretsmanager/get?secretId=a&refreshNow=TRUE&versionId=v&versionStage=s"),
        secret("a", "Some(\"v\")", "Some(\"s\")", "Now None")
    );
    let role = format!("Cached Some({ROLE:?})");
    assert_eq!(read(&format!("/v1/a?roleArn={ROLE}")), secret("a", "None", "None", &role));
    for (query, selector) in [
        ("name=p&version=3", "Some(Version(3)) }, Encrypted) Cached None"),
        ("name=p&label=blue&version=3", "Some(Label(\"blue\")) }, Encrypted) Cached None"),
        ("name=p&version=3&label=blue", "Some(Version(3)) }, Encrypted) Cached None"),
        ("name=p:7&withDecryption=true", "Some(Version(7)) }, Decrypted) Cached None"),
        ("name=p&withDecryption=1&refreshNow=1", "None }, Decrypted) Now None"),
    ] {
        let target = format!("/systemsmanager/parameters/get?{query}");
        let expected = format!("Parameter(ParameterRequest {{ parameter: p, selector: {selector}");
        assert_eq!(read(&target), expected, "{query}");
    }
}

#[test]
fn parameter_is_decrypted_on_request_only() {
    let fixture = Fixture::new();
    let value = |query: &str| {
        let response = fixture.get(&format!("/systemsmanager/parameters/get?{query}"));
        json(&response)["Parameter"]["Value"].as_str().unwrap().to_owned()
    };
    assert_eq!(value("name=secure"), "AQICAHciphertext");
    assert_eq!(value("name=secure&withDecryption=true"), "plaintext");
}

#[test]
fn headers_of_a_value_tell_its_type_version_and_age() {
    let fixture = Fixture::new();
    let response = fixture.get("/v1/a");
    assert_eq!(header(&response, "content-type"), Some("application/json"));
    assert_eq!(header(&response, "cache-control"), Some("no-store"));
    let version = r#""5767290c-d089-49ed-b97c-17086f8c9d79""#;
    assert_eq!(header(&response, "etag"), Some(version));
    assert_eq!(header(&response, "age"), Some("17"));
    assert_eq!(header(&response, "x-roles-anywhere-stale"), None);
    let parameter = fixture.get("/systemsmanager/parameters/get?name=p");
    assert_eq!(header(&parameter, "etag"), Some("\"3-1530018761888000\""));
    assert_eq!(header(&fixture.get("/v1/nulls"), "etag"), None);
    fixture.cache.stale.set(Some(throttled()));
    let stale = fixture.get("/v1/a");
    assert_eq!(answer(&stale), answer(&response));
    assert_eq!(header(&stale, "x-roles-anywhere-stale"), Some("90; reason=throttled"));
    for (target, kind) in [("/v1/missing", "application/json"), ("/nowhere", "text/plain")] {
        assert_eq!(header(&fixture.get(target), "content-type"), Some(kind), "{target}");
    }
}

#[test]
fn version_that_the_client_has_is_not_sent_again() {
    let fixture = Fixture::new();
    let get = |tag: &str| fixture.ask("GET", "/v1/a", &[(HEADER, TOKEN), ("if-none-match", tag)]);
    for tag in [
        "\"5767290c-d089-49ed-b97c-17086f8c9d79\"",
        "W/\"5767290c-d089-49ed-b97c-17086f8c9d79\"",
        "\"x\", \"5767290c-d089-49ed-b97c-17086f8c9d79\"",
    ] {
        let response = get(tag);
        assert_eq!(answer(&response), (304, ""), "{tag}");
        assert_eq!(header(&response, "age"), Some("17"));
        assert!(header(&response, "etag").is_some());
    }
    assert!(!fixture.log.events().contains(&"secret_read".to_owned()));
    for tag in ["", "*", "\"x\"", "5767290c-d089-49ed-b97c-17086f8c9d79", "x*"] {
        assert_eq!(get(tag).status(), 200, "{tag}");
    }
}
