//! References that are resolved at an AWS in memory, which can deny batches and rotate a secret between
//! two calls.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::output::error::Error;
use crate::secrets::lookup::Scope;
use crate::secrets::value::ResolvedValue;
use roles_anywhere_client::http::Request;
use roles_anywhere_client::provider::RolesAnywhere;
use roles_anywhere_client::region::Region;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::time::Timestamp;
use roles_anywhere_test_support::clock::ManualClock;
use roles_anywhere_test_support::files::FakeFiles;
use roles_anywhere_test_support::ports::FakePorts;
use roles_anywhere_test_support::session::{ANSWER, request, source};
use roles_anywhere_test_support::transport::{Reply, ScriptedTransport};

/// A time at which the certificate is valid.
const NOW: Timestamp = Timestamp::from_unix(1_780_000_000);

/// What AWS does.
#[derive(Clone, Copy, Default)]
struct Behaviour {
    denies_batches: bool,
    /// Denies `GetSecretValue` of `secret`, and `GetParameters` with `/secret`.
    denies_one: bool,
    throttles: bool,
    refuses_session: bool,
    /// The number of the call from which on the secret `db` has its second version.
    rotates_at: Option<usize>,
}

fn arn(name: &str) -> String {
    format!("arn:aws:secretsmanager:us-east-1:123456789012:secret:{name}-AbCdEf")
}

impl Behaviour {
    /// Returns the secret with this name or ARN.
    fn secret(self, id: &str, stage: Option<&str>, call: usize) -> Option<Value> {
        let name = match id.split(':').next_back()? {
            of_arn if id.starts_with("arn:") => of_arn.strip_suffix("-AbCdEf")?,
            name => name,
        };
        let is_rotated = name == "db" && self.rotates_at.is_some_and(|at| call >= at);
        let version = match (name, stage) {
            ("gone", _) | (_, Some("NONE")) => return None,
            (_, Some("AWSPREVIOUS")) => 0,
            _ => 1 + i32::from(is_rotated),
        };
        let text =
            json!({"user": format!("u{version}"), "password": format!("p{version}"), "empty": ""});
        Some(json!({"ARN": arn(name), "Name": name, "VersionId": format!("v{version}"),
            "CreatedDate": 1.5e9 + f64::from(version), "SecretString": text.to_string()}))
    }

    fn answer(self, request: &Request, call: usize) -> Reply {
        let target = request.headers.iter().find(|(name, _)| name == "x-amz-target");
        let Some((_, target)) = target else {
            let end = NOW.after(3_600).to_string();
            return Reply::status(201, &ANSWER.replace("2015-08-30T12:36:00Z", &end));
        };
        let refuse =
            |code: &str| Reply::status(400, &json!({"__type": code, "message": "no"}).to_string());
        let found = |body: &Value| Reply::status(200, &body.to_string());
        let input: Value = serde_json::from_slice(&request.body).unwrap();
        let texts = |value: &Value| -> Vec<String> {
            value.as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect()
        };
        match target.as_str() {
            _ if self.refuses_session => refuse("ExpiredTokenException"),
            _ if self.throttles => refuse("ThrottlingException"),
            "secretsmanager.GetSecretValue" => {
                let id = input["SecretId"].as_str().unwrap();
                match self.secret(id, input["VersionStage"].as_str(), call) {
                    _ if self.denies_one && id == "secret" => refuse("AccessDeniedException"),
                    Some(secret) => found(&secret),
                    None => refuse("ResourceNotFoundException"),
                }
            }
            "secretsmanager.BatchGetSecretValue" if self.denies_batches => {
                refuse("AccessDeniedException")
            }
            "secretsmanager.BatchGetSecretValue" => {
                let (mut values, mut errors) = (Vec::new(), Vec::new());
                for id in texts(&input["SecretIdList"]) {
                    match self.secret(&id, None, call) {
                        Some(secret) => values.push(secret),
                        None => errors.push(json!({"SecretId": id, "Message": "no",
                            "ErrorCode": "ResourceNotFoundException"})),
                    }
                }
                found(&json!({"SecretValues": values, "Errors": errors}))
            }
            "AmazonSSM.GetParameters" => {
                let names = texts(&input["Names"]);
                if self.denies_one && names.iter().any(|name| name == "/secret") {
                    return refuse("AccessDeniedException");
                }
                let (there, gone): (Vec<String>, Vec<String>) =
                    names.into_iter().partition(|name| !name.contains("gone"));
                let there = there.into_iter().map(|name| {
                    let (name, selector) = name.split_once(':').map_or((&*name, None), |(n, s)| (n, Some(s)));
                    json!({"Name": name, "Type": "String", "Value": format!("value of {name}"), "Version": 3,
                        "Selector": selector.map(|it| format!(":{it}"))})
                });
                found(&json!({"Parameters": there.collect::<Vec<_>>(), "InvalidParameters": gone}))
            }
            other => panic!("{other}"),
        }
    }
}

/// Resolves references, and returns the values or the error, and the calls.
fn resolve_all(behaviour: Behaviour, texts: &[&str]) -> (Result<Vec<String>, Error>, Vec<String>) {
    let transport = ScriptedTransport::new(move |request, call| behaviour.answer(request, call));
    let clock = ManualClock::at(NOW);
    clock.pass_sleeps(Duration::MAX);
    let fake =
        FakePorts { clock, files: FakeFiles::of_repository(""), transport, ..FakePorts::default() };
    let named =
        |text: &&str| NamedReference { name: None, reference: Reference::parse(text).unwrap() };
    let references: Vec<NamedReference> = texts.iter().map(named).collect();
    let region = Region::parse("us-east-1").unwrap();
    let plan = LookupPlan::new(references.iter().map(|it| &it.reference), |role| Scope {
        role: role.map(Into::into),
        region: region.clone(),
    });
    let provider = RolesAnywhere::new(source(), request());
    let (sessions, endpoints) = (SessionCache::disabled(&provider), ServiceEndpoints::default());
    let (ports, deadline) = (fake.ports(), Deadline::new(Duration::ZERO, Duration::from_secs(20)));
    let roles: Vec<RoleAccess<'_>> = plan
        .roles()
        .into_iter()
        .map(|role| RoleAccess {
            role,
            sessions: &sessions,
            endpoints: &endpoints,
            ports: &ports,
            deadline,
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let resolved = runtime.block_on(resolve(&references, &plan, &roles));
    let values = resolved.map(|it| it.values.iter().map(shown).collect()).map_err(Error::from);
    let requests = fake.transport.requests();
    let target = |request: &Request| {
        let target = request.headers.iter().find(|(name, _)| name == "x-amz-target");
        target.map_or_else(
            || "CreateSession".to_owned(),
            |(_, target)| target.split('.').next_back().unwrap_or_default().to_owned(),
        )
    };
    (values, requests.iter().map(target).collect())
}

fn shown(resolved: &Resolved) -> String {
    let version = resolved.version.as_deref().unwrap_or("-");
    match &resolved.value {
        ResolvedValue::Text(text) => format!("{} {version}", text.expose()),
        ResolvedValue::Binary(_) => "bytes".to_owned(),
        ResolvedValue::Members(members) => format!("{} members {version}", members.len()),
        ResolvedValue::Absent => "absent".to_owned(),
    }
}

fn values(behaviour: Behaviour, texts: &[&str]) -> Vec<String> {
    resolve_all(behaviour, texts).0.unwrap_or_else(|error| panic!("{error}"))
}

fn error(behaviour: Behaviour, texts: &[&str]) -> String {
    resolve_all(behaviour, texts).0.expect_err("a reference is not resolved").to_string()
}

const MIXED: [&str; 20] = [
    "sm://db#user",
    "sm://db#password",
    "{{resolve:secretsmanager:db:SecretString:password}}",
    "sm://a#user",
    "sm://b#user",
    "sm://c#user",
    "sm://d#user",
    "sm://e#*?optional",
    "sm://f",
    "sm://g?optional",
    "sm://db?stage=AWSPREVIOUS",
    "ssm:///p/1",
    "ssm:///p/2",
    "{{resolve:ssm:/p/1}}",
    "ssm:///p/3?version=3",
    "ssm:///p/4",
    "ssm:///p/5",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:h-AbCdEf:user::",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:h-AbCdEf:password::",
    "sm://gone?default=d",
];

#[test]
fn twenty_mixed_references_cost_four_calls() {
    let (values, calls) = resolve_all(Behaviour::default(), &MIXED);
    let values = values.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(values[..4], ["u1 v1", "p1 v1", "p1 v1", "u1 v1"]);
    assert_eq!((&*values[7], &*values[19]), ("2 members v1", "d -"));
    assert!(values[10].contains("p0"), "{}", values[10]);
    assert_eq!((&*values[13], &*values[14]), ("value of /p/1 3", "value of /p/3 3"));
    assert_eq!((&*values[17], &*values[18]), ("u1 v1", "p1 v1"));
    assert_eq!(calls, ["CreateSession", "BatchGetSecretValue", "GetSecretValue", "GetParameters"]);
}

#[test]
fn nothing_is_called_for_no_reference() {
    let (values, calls) = resolve_all(Behaviour::default(), &[]);
    assert!(values.unwrap().is_empty() && calls.is_empty());
}

#[test]
fn a_denied_batch_is_read_one_by_one() {
    let denied = Behaviour { denies_batches: true, ..Behaviour::default() };
    let texts = ["sm://db#user", "sm://db#password", "sm://a#user", "sm://gone?optional"];
    let (values, calls) = resolve_all(denied, &texts);
    assert_eq!(values.unwrap(), ["u1 v1", "p1 v1", "u1 v1", "absent"]);
    let singles = ["GetSecretValue"; 3];
    assert_eq!(calls[..2], ["CreateSession", "BatchGetSecretValue"]);
    assert_eq!(calls[2..], singles);
}

#[test]
fn a_rotation_between_two_calls_tears_no_pair() {
    let of_arn = format!("sm://{}#password", arn("db"));
    // By name and by ARN, in different calls: the batch is denied, and the secret is rotated after the
    // first single call.
    for rotates_at in 2..7 {
        for denies_batches in [false, true] {
            let behaviour =
                Behaviour { denies_batches, rotates_at: Some(rotates_at), ..Behaviour::default() };
            let texts = ["sm://db#user", "sm://a#user", &of_arn, "sm://db#password", "sm://db"];
            let values = values(behaviour, &texts);
            let version = values[0].chars().nth(1).unwrap();
            assert_eq!(values[0], format!("u{version} v{version}"), "{rotates_at}");
            assert_eq!(values[2], format!("p{version} v{version}"), "{rotates_at}");
            assert_eq!(values[3], format!("p{version} v{version}"), "{rotates_at}");
        }
    }
}

#[test]
fn two_roles_get_one_version() {
    let behaviour = Behaviour { rotates_at: Some(4), ..Behaviour::default() };
    let texts = ["sm://db#user", "sm://db#password?role=other"];
    let (values, calls) = resolve_all(behaviour, &texts);
    assert_eq!(values.unwrap(), ["u2 v2", "p2 v2"]);
    assert_eq!(calls.iter().filter(|call| *call == "GetSecretValue").count(), 2);
}

#[test]
fn every_failure_is_listed_at_once() {
    let behaviour = Behaviour { denies_one: true, ..Behaviour::default() };
    let text = error(
        behaviour,
        &[
            "sm://db#user",
            "sm://db#nothing",
            "sm://db#empty",
            "sm://gone#a",
            "sm://gone#b",
            "sm://db?stage=NONE",
            "sm://secret?version=x",
            "ssm:///fine",
            "ssm:///gone",
            "ssm:///secret",
        ],
    );
    insta::assert_snapshot!(text, @r"
    error: cannot resolve 8 of 10 references

    `sm://db#nothing`
      caused by: there is no member `nothing` (the object has 3 members)
      hint: check the key, which is case-sensitive, or add `?optional` or `?default=TEXT`

    `sm://db#empty`
      caused by: the member is empty or `null`: `empty`
      hint: if that is intended, add `?optional` or `?default=`

    `sm://gone#a`, `sm://gone#b`
      caused by: AWS refused BatchGetSecretValue: ResourceNotFoundException
      caused by: no
      hint: there is no `gone` in us-east-1 and account 123456789012: check name and Region (`--region`, `?region=`); for another account's secret, pass its ARN

    `sm://db?stage=NONE`
      caused by: AWS refused GetSecretValue: 400 ResourceNotFoundException
      caused by: no
      hint: check the name and the version: `aws secretsmanager list-secret-version-ids --region us-east-1 --secret-id db` lists the versions of the secret

    `sm://secret?version=x`
      caused by: AWS refused GetSecretValue: 400 AccessDeniedException
      caused by: no
      hint: a policy of arn:aws:iam::123456789012:role/path/R must allow secretsmanager:GetSecretValue on arn:aws:secretsmanager:us-east-1:123456789012:secret:secret-??????, and the profile's session policy and the secret's resource policy must not deny it

    `ssm:///gone`
      caused by: AWS has no parameter `/gone`
      hint: there is no `/gone` in us-east-1 and account 123456789012: check name, its first slash and Region (`--region`, `?region=`); for another account's parameter, pass its ARN

    `ssm:///secret`
      caused by: AWS refused GetParameters: 400 AccessDeniedException
      caused by: no
      hint: a policy of arn:aws:iam::123456789012:role/path/R must allow ssm:GetParameters on arn:aws:ssm:us-east-1:123456789012:parameter/secret, and the profile's session policy must not deny it
    ");
}

#[test]
fn one_failure_is_an_error_of_its_own() {
    let text = error(Behaviour::default(), &["sm://db#user", "sm://db#nothing"]);
    insta::assert_snapshot!(text, @r"
    error: cannot resolve `sm://db#nothing`
      caused by: there is no member `nothing` (the object has 3 members)
      hint: check the key, which is case-sensitive, or add `?optional` or `?default=TEXT`
    ");
}

#[test]
fn one_failed_call_is_one_failure() {
    let throttled = Behaviour { throttles: true, ..Behaviour::default() };
    let text = error(throttled, &["sm://a", "sm://b", "sm://b#c"]);
    insta::assert_snapshot!(text, @r"
    error: cannot resolve `sm://a`, `sm://b`, `sm://b#c`
      caused by: AWS refused BatchGetSecretValue: 400 ThrottlingException
      caused by: no
      hint: call AWS less often, or request a higher quota
    ");
}

#[test]
fn a_new_session_that_is_refused_is_not_replaced() {
    let refused = Behaviour { refuses_session: true, ..Behaviour::default() };
    let (result, calls) = resolve_all(refused, &["sm://a", "sm://b", "ssm://c"]);
    assert!(result.is_err());
    assert_eq!(calls, ["CreateSession", "BatchGetSecretValue", "GetParameters"]);
}

#[test]
fn no_value_is_in_an_error_or_in_debug() {
    let text =
        error(Behaviour::default(), &["sm://gone?default=hunter2", "sm://db#empty", "sm://db#no"]);
    for secret in ["hunter2", "u1", "p1"] {
        assert!(!text.contains(secret), "{text}");
    }
    let resolved = Resolved {
        value: ResolvedValue::Members(vec![(
            "password".to_owned(),
            Secret::new("hunter2".to_owned()),
        )]),
        is_json: false,
        version: Some("v1".to_owned()),
    };
    assert!(!format!("{resolved:?}").contains("hunter2"));
}
