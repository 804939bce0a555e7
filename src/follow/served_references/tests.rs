//! What is asked of `serve`, what its answers mean, and when it is asked again.

use std::pin::pin;

use futures_util::FutureExt as _;
use insta::assert_snapshot;

use super::*;
use crate::secrets::reference::Reference;
use crate::secrets::value::ResolvedValue;
use crate::secrets_cache::OutageReason;
use roles_anywhere_client::http::{Endpoint, Request, SourceMessage, TransportError};
use roles_anywhere_client::input_source::InputSource;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::time::Clock as _;
use roles_anywhere_test_support::clock::ManualClock;
use roles_anywhere_test_support::files::FakeFiles;
use roles_anywhere_test_support::ports::FakePorts;
use roles_anywhere_test_support::transport::{Reply, ScriptedTransport};

const TOKEN_FILE: &str = "/run/token";

struct Fixture {
    served: ServedReferences,
    transport: ScriptedTransport,
    clock: ManualClock,
    files: FakeFiles,
}

impl Fixture {
    fn new(references: &[&str], replies: impl IntoIterator<Item = Reply>) -> Self {
        Self::of(references, ScriptedTransport::replies(replies))
    }

    fn of(references: &[&str], transport: ScriptedTransport) -> Self {
        let clock = ManualClock::default();
        clock.pass_sleeps(Duration::from_secs(10));
        let files = FakeFiles::empty();
        files.put(TOKEN_FILE, "first-token\n");
        let ports = FakePorts {
            clock: clock.clone(),
            files: files.clone(),
            transport: transport.clone(),
            ..FakePorts::default()
        };
        let references = references
            .iter()
            .map(|text| NamedReference { name: None, reference: Reference::parse(text).unwrap() });
        let access = ServeAccess {
            endpoint: Endpoint::parse("http://127.0.0.1:2773").unwrap(),
            token: ServeToken::File(InputSource::file(TOKEN_FILE)),
            timeout: Duration::from_secs(20),
            debug: false,
        };
        let references: Vec<_> = references.collect();
        let served = ServedReferences::new(&references, access, ports.ports());
        Self { served, transport, clock, files }
    }

    fn read(&self) -> Result<FollowedValues, String> {
        let read = self.served.read().now_or_never().expect("it is read at once");
        read.map_err(|error| error.to_string())
    }

    /// Returns the seconds after which a wait has completed.
    fn changed(&self, limit: u64) -> u64 {
        let before = self.clock.uptime();
        let changed = self.served.changed(Duration::from_secs(limit));
        changed.now_or_never().expect("it has completed");
        (self.clock.uptime() - before).as_secs()
    }

    fn bodies(&self) -> Vec<String> {
        let requests = self.transport.requests();
        requests.iter().map(|it| String::from_utf8(it.body.clone()).unwrap()).collect()
    }
}

fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    &request.headers.iter().find(|(known, _)| known == name).unwrap().1
}

fn list(values: &str) -> Reply {
    Reply::status(200, &format!(r#"{{"values":[{values}]}}"#))
}

const ONE: &str = r#"{"reference":"sm://a","value":"hunter2","version":"v1","name":"a"}"#;
const TWO: &str = r#"{"reference":"sm://a","value":"hunter3","version":"v2","name":"a"}"#;

fn text(values: &FollowedValues) -> Vec<String> {
    let shown = |value: &ResolvedValue| match value {
        ResolvedValue::Text(text) => text.expose().to_owned(),
        ResolvedValue::Binary(bytes) => format!("{:?}", bytes.expose()),
        ResolvedValue::Members(members) => {
            let members = members.iter().map(|(name, text)| format!("{name}={}", text.expose()));
            members.collect::<Vec<_>>().join(" ")
        }
        ResolvedValue::Absent => "absent".to_owned(),
    };
    values.values.iter().map(|value| shown(&value.resolved.value)).collect()
}

#[test]
fn values_are_those_of_the_answer() {
    let references =
        ["sm://a?role=app", "sm://b", "sm://c#*", "sm://d?optional", "sm://e#n?default=x"];
    let answer = [
        r#"{"reference":"","value":"hunter2","version":"v1","name":"A","later":1}"#,
        r#"{"reference":"","binary":"AAEC/w==","version":"v","name":"b"}"#,
        r#"{"reference":"","members":{"u":"app","p":"p w"},"version":"v","name":"c"}"#,
        r#"{"reference":"","value":null,"version":null}"#,
        r#"{"reference":"","value":"7","version":"v","name":"e","json":true,"stale":{"seconds":90,"reason":"throttled"}}"#,
    ];
    let fixture = Fixture::new(&references, [list(&answer.join(","))]);
    let values = fixture.read().unwrap();
    assert_eq!(text(&values), ["hunter2", "[0, 1, 2, 255]", "p=p w u=app", "absent", "7"]);
    let names: Vec<_> = values.values.iter().map(|value| &*value.name).collect();
    assert_eq!(names, ["A", "b", "c", "d", "e"]);
    let versions: Vec<_> = values.values.iter().map(|value| value.version.as_deref()).collect();
    assert_eq!(versions, [Some("v1"), Some("v"), Some("v"), None, Some("v")]);
    let last = &values.values[4];
    assert!(last.resolved.is_json && !values.values[0].resolved.is_json);
    let stale = last.stale.unwrap();
    assert_eq!((stale.past_ttl.as_secs(), stale.reason), (90, OutageReason::Throttled));
    let requests = fixture.transport.requests();
    let [request] = &requests[..] else { panic!("{requests:?}") };
    assert_eq!(
        request.endpoint.url(request.path, &request.query).as_str(),
        "http://127.0.0.1:2773/roles-anywhere/resolve"
    );
    assert_eq!(header(request, "x-aws-parameters-secrets-token"), "first-token");
    assert_eq!(
        fixture.bodies(),
        [
            r#"{"references":["sm://a?role=app","sm://b","sm://c#*","sm://d?optional","sm://e#n?default=x"]}"#
        ]
    );
    assert!(!format!("{values:?} {request:?}").contains("hunter"));
}

#[test]
fn a_change_is_waited_for_and_its_answer_read_once() {
    let replies = [list(ONE), Reply::status(304, ""), list(TWO), list(TWO)];
    let fixture = Fixture::new(&["sm://a"], replies);
    fixture.read().unwrap();
    fixture.changed(60);
    // Nothing has changed, so nothing is read.
    assert_eq!(text(&fixture.read().unwrap()), ["hunter2"]);
    assert_eq!(fixture.transport.requests().len(), 2);
    fixture.files.put(TOKEN_FILE, "second-token");
    fixture.changed(7);
    assert_eq!(text(&fixture.read().unwrap()), ["hunter3"]);
    assert_eq!(fixture.transport.requests().len(), 3);
    assert_eq!(text(&fixture.read().unwrap()), ["hunter3"]);
    let waiting = |wait: &str| {
        format!(r#"{{"references":["sm://a"],"if-not-versions":["v1"],"wait":"{wait}"}}"#)
    };
    let bodies = fixture.bodies();
    assert_eq!(bodies[1..3], [waiting("60s"), waiting("7s")]);
    assert_eq!(bodies[0], bodies[3]);
    let tokens = fixture.transport.requests();
    let tokens = tokens.iter().map(|it| header(it, "x-aws-parameters-secrets-token"));
    assert_eq!(
        tokens.collect::<Vec<_>>(),
        ["first-token", "first-token", "second-token", "second-token"]
    );
}

#[test]
fn an_answer_without_values_to_a_plain_read_is_an_error() {
    let fixture = Fixture::new(&["sm://a"], [Reply::status(304, "")]);
    let text = fixture.read().unwrap_err().to_string();
    assert!(text.contains("304"), "{text}");
}

#[test]
fn a_change_is_waited_for_once_a_second_at_most() {
    let versions = (0..4).map(|number| {
        list(&format!(r#"{{"reference":"sm://a","value":"x","version":"{number}","name":"a"}}"#))
    });
    let fixture = Fixture::new(&["sm://a"], versions);
    fixture.read().unwrap();
    let waits = [0; 3].map(|_| {
        let seconds = fixture.changed(60);
        fixture.read().unwrap();
        seconds
    });
    assert_eq!(waits, [0, 1, 1]);
    assert_eq!(fixture.bodies().len(), 4);
    assert!(fixture.bodies()[3].contains(r#""wait":"59s""#));
}

/// Nothing is asked again and again without a pause.
#[test]
fn pauses_follow_what_brings_no_change() {
    let lost = || Reply::lost();
    let refused = || {
        Reply::status(
            400,
            r#"{"__type":"AccessDeniedException","message":"no","failures":[{"__type":"AccessDeniedException","message":"no","reference":"sm://a"}]}"#,
        )
    };
    let too_many = || Reply::status(429, "Connection limit exceeded");
    for (reply, after_read, after_wait) in [
        (&lost as &dyn Fn() -> Reply, 2, 2),
        (&refused, 10, 2),
        (&too_many, 10, 10),
        (&|| Reply::status(403, "Bad Token"), 2, 2),
        (&|| Reply::status(500, "<html>"), 2, 2),
    ] {
        let fixture = Fixture::new(&["sm://a"], [list(ONE), reply(), reply()]);
        fixture.read().unwrap();
        assert_eq!(fixture.changed(60), after_wait);
        fixture.read().unwrap_err();
        assert_eq!(fixture.changed(60), after_read);
        assert_eq!(fixture.transport.requests().len(), 3);
    }
    let fixture = Fixture::new(&["sm://a"], [list(ONE), Reply::status(304, "")]);
    fixture.read().unwrap();
    assert_eq!(fixture.changed(60), 2);
    // What has no version is never unchanged.
    let without = r#"{"reference":"","value":"x","version":null,"name":"a"}"#;
    let fixture = Fixture::new(&["sm://a"], [list(without), list(without)]);
    fixture.read().unwrap();
    assert_eq!(fixture.changed(60), 10);
    // Less than a second is not waited for there.
    let fixture = Fixture::new(&["sm://a"], [list(ONE)]);
    fixture.read().unwrap();
    fixture.served.changed(Duration::from_millis(900)).now_or_never().unwrap();
    assert_eq!(fixture.transport.requests().len(), 1);
}

#[test]
fn a_request_has_a_time_limit() {
    let fixture = Fixture::new(&["sm://a"], [list(ONE), Reply::Silence, Reply::Silence]);
    fixture.read().unwrap();
    // The time to wait, and that of a request.
    fixture.clock.pass_sleeps(Duration::from_secs(80));
    assert_eq!(fixture.changed(60), 82);
    assert_snapshot!(fixture.read().unwrap_err(), @r"
    error: `serve` at http://127.0.0.1:2773 did not answer within 20 s
      hint: check that `serve` listens at this address, or allow more time with `--timeout SECONDS`
    ");
}

#[test]
fn what_is_wrong_has_a_cause_and_a_next_step() {
    let connect = || {
        Reply::Error(TransportError::Connect {
            peer: "127.0.0.1:2773".to_owned(),
            source: SourceMessage("Connection refused (os error 111)".to_owned()),
        })
    };
    let failures = r#"{"__type":"ResourceNotFoundException","message":"m","failures":[
        {"__type":"ResourceNotFoundException","message":"Secrets Manager can't find the specified secret.","reference":"sm://a?default=hunter2"},
        {"__type":"UnsuitableValue","message":"there is no member `k`\u001b","reference":"sm://b#k"}]}"#;
    let audit = r#"{"__type":"ServiceUnavailable","message":"this read cannot be logged, and --require-audit is on"}"#;
    let replies = [
        connect(),
        Reply::status(400, failures),
        Reply::status(503, audit),
        Reply::status(403, "Bad Token"),
        Reply::status(413, "too long"),
        Reply::status(429, "Connection limit exceeded"),
        // Whatever listens there, nothing of it is shown.
        Reply::status(200, r#"{"values":[{"value":"hunter2"}]}"#),
        Reply::status(400, r#"{"__type":"hunter2 x","message":"hunter2"}"#),
        Reply::status(404, "hunter2"),
        Reply::status(400, r#"{"__type":"A","failures":[{"__type":"A","reference":"hunter2"}]}"#),
    ];
    let count = replies.len();
    let fixture = Fixture::new(&["sm://a?default=hunter2", "sm://b#k"], replies);
    let errors: Vec<_> = (0..count).map(|_| fixture.read().unwrap_err()).collect();
    assert!(!errors.concat().contains("hunter2"), "{errors:?}");
    assert_snapshot!(errors.join("\n"), @r"
    error: cannot connect to `serve` at http://127.0.0.1:2773
      caused by: cannot connect to 127.0.0.1:2773
      caused by: Connection refused (os error 111)
      hint: start it with `roles-anywhere serve --secrets`, or check the port: `serve --print-env` prints the address
    error: cannot resolve 2 of 2 references

    `sm://a?default=…`
      caused by: `serve` answered with ResourceNotFoundException: Secrets Manager can't find the specified secret.
      hint: check the name and the Region, or add `?optional` or `?default=TEXT`

    `sm://b#k`
      caused by: `serve` answered with UnsuitableValue: there is no member `k`\u{1b}
      hint: check the key, which is case-sensitive, and what the value is
    error: `serve` answered with ServiceUnavailable: this read cannot be logged, and --require-audit is on
      hint: with `--require-audit`, `serve` gives no value while its log cannot be written: check what reads its standard error
    error: `serve` at http://127.0.0.1:2773 does not accept the token in `/run/token`
      hint: pass the file of its token with `--secrets-token-file`, or set `AWS_TOKEN` to what `serve --print-env` prints
    error: `serve` at http://127.0.0.1:2773 refused 52 bytes of references with the token in `/run/token`
      hint: check the token: `serve` reads 4 KiB with one that it does not know, and 64 KiB at most
    error: `serve` at http://127.0.0.1:2773 has too many requests
      hint: set a greater `max-connections` in `[secrets]` of the file of `serve`, or give each program a token of its own
    error: what listens at http://127.0.0.1:2773 answered with HTTP status 200, and not as `serve` does
      hint: check the port, and that `serve` there is of the same version: `serve --print-env` prints the address
    error: what listens at http://127.0.0.1:2773 answered with HTTP status 400, and not as `serve` does
      hint: check the port, and that `serve` there is of the same version: `serve --print-env` prints the address
    error: what listens at http://127.0.0.1:2773 answered with HTTP status 404, and not as `serve` does
      hint: check the port, and that `serve` there is of the same version: `serve --print-env` prints the address
    error: what listens at http://127.0.0.1:2773 answered with HTTP status 400, and not as `serve` does
      hint: check the port, and that `serve` there is of the same version: `serve --print-env` prints the address
    ");
}

#[test]
fn a_token_that_no_header_can_hold_is_not_sent() {
    let fixture = Fixture::new(&["sm://a"], []);
    for contents in ["", " \n", "two\nlines", "t\u{f6}ken"] {
        fixture.files.put(TOKEN_FILE, contents);
        let error = fixture.read().unwrap_err();
        assert!(error.contains("the token in `/run/token` is"), "{error}");
    }
    assert_eq!(fixture.transport.requests().len(), 0);
}

#[test]
fn more_references_than_a_request_takes_are_several() {
    let references: Vec<String> = (0..450).map(|number| format!("sm://{number}")).collect();
    let references: Vec<&str> = references.iter().map(String::as_str).collect();
    let transport = ScriptedTransport::new(|request, _| {
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let references = body["references"].as_array().unwrap();
        assert!(references.len() <= 200);
        let version = body.get("wait").map_or("v", |_| "w");
        if version == "w" && references[0] != "sm://200" {
            return Reply::Silence;
        }
        let values =
            references.iter().map(|it| serde_json::json!({"value": it, "version": version}));
        list(&values.map(|it| it.to_string()).collect::<Vec<_>>().join(","))
    });
    let fixture = Fixture::of(&references, transport);
    let values = fixture.read().unwrap();
    assert_eq!(text(&values), references);
    assert_eq!(fixture.transport.requests().len(), 3);
    // One answer is enough, and all are read then.
    assert_eq!(fixture.changed(60), 0);
    assert_eq!(fixture.transport.requests().len(), 5);
    fixture.read().unwrap();
    assert_eq!(fixture.transport.requests().len(), 8);
    let long = format!("sm://a?default={}", "x".repeat(30_000));
    let fixture = Fixture::new(&[&long, "sm://b", &long], []);
    assert_eq!(fixture.served.lists, [0..2, 2..3]);
}

#[test]
fn a_bare_name_of_ecs_is_sent_with_its_service() {
    let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf:password::";
    for (text, sent) in [("/prod/url", "ssm:///prod/url"), (arn, arn)] {
        let reference = Reference::parse_value_from(text).unwrap();
        assert_eq!(sent_text(&reference).expose(), sent);
        assert!(Reference::parse(sent).is_ok());
    }
}

#[test]
fn a_token_in_a_variable_is_sent_and_never_shown() {
    let access = ServeAccess {
        endpoint: Endpoint::parse("http://127.0.0.1:2773").unwrap(),
        token: ServeToken::Variable { name: "AWS_TOKEN", value: Secret::new("hunter2".to_owned()) },
        timeout: Duration::from_secs(20),
        debug: true,
    };
    assert!(!format!("{access:?}").contains("hunter2"));
    let transport = ScriptedTransport::replies([Reply::status(403, "Bad Token")]);
    let ports = FakePorts { transport: transport.clone(), ..FakePorts::default() }.ports();
    let named = NamedReference { name: None, reference: Reference::parse("sm://a").unwrap() };
    let served = ServedReferences::new(&[named], access, ports);
    let error = pin!(served.read()).now_or_never().unwrap().unwrap_err();
    assert_eq!(header(&transport.requests()[0], "x-aws-parameters-secrets-token"), "hunter2");
    let error = error.to_string();
    assert!(error.contains("`AWS_TOKEN`") && !error.contains("hunter2"), "{error}");
}
