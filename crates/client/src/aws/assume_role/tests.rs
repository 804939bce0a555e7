//! The request and the response of AssumeRole.

use serde_json::Value;
use url::form_urlencoded;

use super::*;
use crate::secret::SecretBytes;

/// Requests as botocore writes them.
const VECTORS: &str = include_str!("../../../../../tests/vectors/assume-role/requests.json");

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Returns the request of a vector, and the name of its session.
fn hop(input: &Value) -> (AssumeRole, RoleSessionName) {
    let list = |name: &str| input[name].as_array().cloned().unwrap_or_default();
    let tags = list("Tags").iter().map(|tag| (text(&tag["Key"]), text(&tag["Value"]))).collect();
    let transitive = list("TransitiveTagKeys").iter().map(text).collect();
    let seconds = u32::try_from(input["DurationSeconds"].as_u64().unwrap()).unwrap();
    let role = text(&input["RoleArn"]).parse().unwrap();
    let hop = AssumeRole {
        external_id: input["ExternalId"].as_str().map(|id| ExternalId::parse(id).unwrap()),
        duration: HopDuration::from_seconds(seconds).unwrap(),
        tags: SessionTags::new(tags, transitive).unwrap(),
        policy: input["Policy"].as_str().map(|text| SessionPolicy::parse(text).unwrap()),
        ..AssumeRole::new(role, Region::parse("eu-central-1").unwrap())
    };
    (hop, RoleSessionName::parse(&text(&input["RoleSessionName"])).unwrap())
}

#[test]
fn form_holds_what_botocore_sends() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let pairs = |form: &[u8]| {
        let mut pairs: Vec<(String, String)> = form_urlencoded::parse(form).into_owned().collect();
        pairs.sort_unstable();
        pairs
    };
    for vector in vectors.as_array().unwrap() {
        let (hop, name) = hop(&vector["input"]);
        let request = hop.to_http(&name);
        assert_eq!(request.path, vector["path"]);
        assert_eq!(request.headers[0].1, vector["contentType"]);
        let expected = text(&vector["body"]);
        assert_eq!(pairs(&request.body), pairs(expected.as_bytes()), "{}", vector["case"]);
    }
}

#[test]
fn form_has_no_reserved_character_unescaped() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let (hop, name) = hop(&vectors[1]["input"]);
    let body = String::from_utf8(hop.to_http(&name).body.clone()).unwrap();
    let legal = |c: char| c.is_ascii_alphanumeric() || "*-._%+&=".contains(c);
    assert!(body.chars().all(legal), "{body}");
    assert!(!body.contains("SourceIdentity"), "{body}");
}

const ANSWER: &str = r#"<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleResult>
    <AssumedRoleUser>
      <AssumedRoleId>AROAEXAMPLE:job</AssumedRoleId>
      <Arn>arn:aws:sts::210987654321:assumed-role/Reader/job</Arn>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>ASIAEXAMPLEEXAMPLE00</AccessKeyId>
      <SecretAccessKey>s3/+&#x26;</SecretAccessKey>
      <SessionToken>
        t0
      </SessionToken>
      <Expiration>2015-08-30T12:36:00Z</Expiration>
    </Credentials>
    <PackedPolicySize>6</PackedPolicySize>
  </AssumeRoleResult>
  <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>
</AssumeRoleResponse>"#;

fn parse(body: &str) -> Result<Credentials, SessionResponseError> {
    let role = "arn:aws:iam::210987654321:role/team/Reader".parse().unwrap();
    let body = SecretBytes::new(body.as_bytes().to_vec());
    let response = Response { status: 200, headers: Vec::new(), body };
    AssumeRole::new(role, Region::parse("eu-central-1").unwrap())
        .parse(&response, Timestamp::from_unix(1_440_930_000))
}

#[test]
fn reads_the_documented_response() {
    let credentials = parse(ANSWER).unwrap();
    assert_eq!(credentials.access_key_id, "ASIAEXAMPLEEXAMPLE00");
    assert_eq!(credentials.secret_access_key.expose(), "s3/+&");
    assert_eq!(credentials.session_token.expose(), "t0");
    assert_eq!(credentials.expiration, Timestamp::from_unix(1_440_938_160));
    assert_eq!(credentials.account_id, "210987654321");
    assert_eq!(credentials.role_session_name, RoleSessionName::parse("job"));
    let declared = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{ANSWER}");
    assert!(parse(&declared).is_ok());
}

#[test]
fn implausible_responses_are_refused() {
    let refused = |from: &str, to: &str| {
        assert!(ANSWER.contains(from), "{from}");
        parse(&ANSWER.replace(from, to)).unwrap_err()
    };
    for (from, to) in
        [("</AssumeRoleResult>", ""), ("<Credentials>", "<Credentials"), ("job", "\0")]
    {
        assert!(matches!(refused(from, to), SessionResponseError::NotXml), "{from}");
    }
    let doctype = format!("<!DOCTYPE a [<!ENTITY b \"c\">]>{ANSWER}");
    assert!(matches!(parse(&doctype), Err(SessionResponseError::NotXml)));
    assert!(matches!(parse("{}"), Err(SessionResponseError::NotXml)));
    assert!(matches!(refused("AssumeRoleResult", "Other"), SessionResponseError::Empty));
    assert!(matches!(refused("AssumeRoleResponse", "Other"), SessionResponseError::Empty));
    for other in ["arn:aws:sts::210987654321:assumed-role/Writer/job", "x"] {
        let user = "arn:aws:sts::210987654321:assumed-role/Reader/job";
        assert!(matches!(refused(user, other), SessionResponseError::OtherRole { .. }), "{other}");
    }
    for (from, to, member) in [
        ("<AccessKeyId>", "<AccessKeyId><a/>", "AccessKeyId"),
        ("ASIAEXAMPLEEXAMPLE00", "short", "AccessKeyId"),
        ("s3", "s 3", "SecretAccessKey"),
        ("s3/+&#x26;", "", "SecretAccessKey"),
        ("t0", "t&#10;0", "SessionToken"),
        ("2015-08", "x", "Expiration"),
    ] {
        let error = refused(from, to);
        assert!(matches!(error, SessionResponseError::Blank(name) if name == member), "{error}");
    }
    assert!(matches!(refused("2015-08", "2014-08"), SessionResponseError::Expired { .. }));
}

#[test]
fn malformed_response_is_not_quoted() {
    let error = parse(&ANSWER.replace("<Credentials>", "<hunter2>")).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}
