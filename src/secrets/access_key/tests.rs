//! Which values of secrets are access keys.

use super::*;
use roles_anywhere_client::http::Endpoint;
use roles_anywhere_client::region::Region;
use roles_anywhere_client::secret::SecretBytes;

const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/legacy-AbCdEf";
const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

fn version(value: SecretValue) -> SecretVersion {
    SecretVersion {
        arn: ARN.to_owned(),
        name: "prod/legacy".to_owned(),
        version_id: Some("v".to_owned()),
        version_stages: Vec::new(),
        created: None,
        value,
    }
}

fn of_text(text: &str) -> Result<SecretAccessKey, UnusableAccessKey> {
    access_key_of(&version(SecretValue::Text(Secret::new(text.to_owned()))))
}

/// Returns the key of a pair with further members.
fn of_pair(more: &str) -> Result<SecretAccessKey, UnusableAccessKey> {
    of_text(&format!(r#"{{"aws_access_key_id":"{ID}","aws_secret_access_key":"{KEY}"{more}}}"#))
}

fn secret() -> AccessKeySecret {
    AccessKeySecret {
        id: "prod/legacy".parse().unwrap(),
        at: RegionalEndpoint {
            endpoint: Endpoint::parse("https://secretsmanager.us-east-1.amazonaws.com").unwrap(),
            region: Region::parse("us-east-1").unwrap(),
        },
    }
}

#[test]
fn members_may_have_any_usual_name() {
    let names = [
        ("aws_access_key_id", "aws_secret_access_key"),
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        ("AccessKeyId", "SecretAccessKey"),
        ("accessKeyId", "secretAccessKey"),
        ("access_key_id", "secret_access_key"),
        ("access-key-id", "secret-access-key"),
        ("awsAccessKeyId", "awsSecretAccessKey"),
        ("access_key", "secret_key"),
        ("ACCESS_KEY", "SECRET_KEY"),
    ];
    for (id, key) in names {
        let found = of_text(&format!(
            r#"{{"{key}":"{KEY}","{id}":"{ID}","UserName":"backup","token":"t"}}"#
        ));
        let found = found.unwrap_or_else(|why| panic!("{id}: {why}"));
        assert_eq!((found.key.id.as_str(), found.key.secret.expose()), (ID, KEY), "{id}");
        assert!(found.key.session_token.is_none() && found.expiration.is_none(), "{id}");
        assert_eq!((found.account_id, found.secret_arn.as_str()), (None, ARN));
    }
}

#[test]
fn token_expiration_and_account_are_taken_if_they_are_there() {
    for token in ["aws_session_token", "SessionToken", "sessionToken", "AWS_SECURITY_TOKEN"] {
        let found = of_pair(&format!(r#","{token}":"t""#)).unwrap();
        assert_eq!(found.key.session_token.unwrap().expose(), "t", "{token}");
    }
    for (name, account) in [
        ("AccountId", r#""123456789012""#),
        ("account_id", "123456789012"),
        ("AWS_ACCOUNT_ID", "123456789012"),
    ] {
        let found = of_pair(&format!(r#","{name}":{account}"#)).unwrap();
        assert_eq!(found.account_id.as_deref(), Some("123456789012"), "{name}");
    }
    let found = of_pair(r#","Expiration":"2030-01-31T12:00:00+00:00""#).unwrap();
    assert_eq!(found.expiration.unwrap().to_string(), "2030-01-31T12:00:00Z");
    let empty = of_pair(r#","SessionToken":null,"Expiration":"","AccountId":null"#).unwrap();
    assert!(empty.key.session_token.is_none() && empty.expiration.is_none());
    assert_eq!(empty.account_id, None);
}

#[test]
fn a_temporary_key_has_a_token() {
    let of = |more: &str| {
        of_text(&format!(r#"{{"AccessKeyId":"ASIAIOSFODNN7EXAMPLE","SecretAccessKey":"s"{more}}}"#))
    };
    assert_eq!(of("").unwrap_err(), UnusableAccessKey::NoSessionToken);
    // As in the documents of container credentials.
    assert_eq!(of(r#","Token":"t""#).unwrap().key.session_token.unwrap().expose(), "t");
}

#[test]
fn what_is_no_key_is_refused_without_its_value() {
    use AccessKeyPart::*;
    use UnusableAccessKey::*;
    let invalid = |part, member: &str| Invalid { part, member: member.to_owned() };
    let id = "aws_access_key_id";
    let rows = [
        ("hunter2", NotAnObject),
        ("[1]", NotAnObject),
        (r#"{"a":"hunter2"}"#, NoMember(Id)),
        (r#"{"accessKeyId":"AKIA1"}"#, NoMember(Secret)),
        (r#"{"secretAccessKey":"hunter2"}"#, NoMember(Id)),
        (r#"{"aws_access_key_id":"","secretAccessKey":"hunter2"}"#, invalid(Id, id)),
        (r#"{"aws_access_key_id":null,"secretAccessKey":"hunter2"}"#, invalid(Id, id)),
        (r#"{"aws_access_key_id":7,"secretAccessKey":"hunter2"}"#, invalid(Id, id)),
        // The two are swapped.
        (r#"{"aws_access_key_id":"a/b+hunter2","secretAccessKey":"AKIA1"}"#, invalid(Id, id)),
        (
            r#"{"accessKeyId":"hunter2","secretKey":"AKIAIOSFODNN7EXAMPLE"}"#,
            invalid(Secret, "secretKey"),
        ),
        (
            r#"{"accessKeyId":"hunter2","secretKey":"ASIAIOSFODNN7EXAMPLE"}"#,
            invalid(Secret, "secretKey"),
        ),
        (r#"{"aws_access_key_id":"AKIA1 ","secretAccessKey":"hunter2"}"#, invalid(Id, id)),
        (r#"{"accessKeyId":"AKIA1","secretKey":"hunter2\n"}"#, invalid(Secret, "secretKey")),
        (r#"{"accessKeyId":"AKIA1","secretKey":"\ud800"}"#, invalid(Secret, "secretKey")),
        (r#"{"accessKeyId":"AKIA1","secretKey":{"a":1}}"#, invalid(Secret, "secretKey")),
        (
            r#"{"accessKeyId":"AKIA1","access_key_id":"AKIA2","secretKey":"hunter2"}"#,
            Ambiguous { part: Id, members: vec!["accessKeyId".into(), "access_key_id".into()] },
        ),
    ];
    for (text, expected) in rows {
        let why = of_text(text).unwrap_err();
        assert_eq!(why, expected, "{text}");
        let error = Error::from(KeyOfSecretError { secret: "prod/legacy".to_owned(), why });
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
    assert_eq!(
        of_pair(r#","Expiration":"tomorrow""#).unwrap_err(),
        invalid(Expiration, "Expiration")
    );
    assert_eq!(of_pair(r#","account_id":"prod""#).unwrap_err(), invalid(AccountId, "account_id"));
    let binary = version(SecretValue::Binary(SecretBytes::new(vec![1])));
    assert_eq!(access_key_of(&binary).unwrap_err(), Binary);
}

#[test]
fn an_id_that_may_be_a_secret_is_not_shown() {
    assert_eq!(of_pair("").unwrap().shown_id(), ID);
    // Another store's secret, in the member of the id.
    let id = "wJalrXUtnFEMIK7MDENGabPxRfiCYEXAMPLEKEYX";
    let swapped = of_text(&format!(r#"{{"accessKey":"{id}","secretKey":"minio"}}"#));
    assert_eq!(swapped.unwrap().shown_id(), "(not shown)");
}

#[test]
fn two_members_with_one_value_are_one() {
    let same = of_pair(&format!(r#","AccessKeyId":"{ID}""#)).unwrap();
    assert_eq!(same.key.id, ID);
}

#[test]
fn a_key_is_kept_no_longer_than_it_is_valid() {
    let now = Timestamp::from_rfc3339("2030-01-31T12:00:00Z").unwrap();
    let hour = Duration::from_secs(3_600);
    assert_eq!(of_pair("").unwrap().kept_until(now, hour), now.after(3_600));
    let ends_at = |end: &str| of_pair(&format!(r#","Expiration":"{end}""#)).unwrap();
    assert_eq!(ends_at("2030-01-31T12:30:00Z").kept_until(now, hour), now.after(1_800));
    assert_eq!(ends_at("2030-02-01T00:00:00Z").kept_until(now, hour), now.after(3_600));
}

#[test]
fn a_key_that_has_expired_is_refused() {
    let now = Timestamp::from_rfc3339("2030-01-31T12:00:00Z").unwrap();
    let text = format!(
        r#"{{"AccessKeyId":"{ID}","SecretAccessKey":"{KEY}","Expiration":"2030-01-31T12:00:00Z"}}"#
    );
    let version = version(SecretValue::Text(Secret::new(text)));
    assert!(secret().key_of(&version, now.after(-1)).is_ok());
    let error = secret().key_of(&version, now).unwrap_err();
    assert_eq!(error.why, UnusableAccessKey::Expired(now));
}

#[test]
fn debug_shows_the_id_only() {
    let shown = format!("{:?}", of_pair(r#","SessionToken":"hunter2""#).unwrap());
    assert!(shown.contains(ID), "{shown}");
    assert!(!shown.contains(KEY) && !shown.contains("hunter2"), "{shown}");
}
