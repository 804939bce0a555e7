//! The input of CreateSession: both placements of the ARNs, and the constraints of its shape.

use serde_json::{Map, Value};

use crate::arn::Arn;
use crate::json;
use crate::message::Request;
use crate::refusal::Refusal;
use crate::state::Strictness;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CreateSessionInput {
    pub(super) profile_arn: Arn,
    pub(super) role_arn: Arn,
    pub(super) trust_anchor_arn: Arn,
    pub(super) duration_seconds: Option<u32>,
    pub(super) role_session_name: Option<String>,
}

/// Reads query and body, and refuses what the shape does not allow.
///
/// An ARN that differs between query and body is refused. With `--lenient` the query's is used:
/// what AWS does is not known.
pub(super) fn parse(
    request: &Request,
    strictness: Strictness,
) -> Result<CreateSessionInput, Refusal> {
    check_content_type(request)?;
    let body = body(request)?;
    let arn = |name: &'static str, service: &str, resource: &str| {
        let value = member(request, &body, name, strictness)?;
        read_arn(&value, name, service, resource)
    };
    let input = CreateSessionInput {
        profile_arn: arn("profileArn", "rolesanywhere", "profile")?,
        role_arn: arn("roleArn", "iam", "role")?,
        trust_anchor_arn: arn("trustAnchorArn", "rolesanywhere", "trust-anchor")?,
        duration_seconds: duration_seconds(&body)?,
        role_session_name: role_session_name(&body)?,
    };
    check_instance_properties(&body)?;
    Ok(input)
}

fn check_content_type(request: &Request) -> Result<(), Refusal> {
    let media_type = request.media_type();
    if ["application/json", "application/x-amz-json-1.0"].contains(&&*media_type) {
        return Ok(());
    }
    Err(Refusal::new(
        415,
        "UnsupportedMediaTypeException",
        format!("Unsupported content type: `{media_type}`"),
        "content-type",
    ))
}

fn body(request: &Request) -> Result<Map<String, Value>, Refusal> {
    if request.body.is_empty() {
        return Ok(Map::new());
    }
    json::object(&request.body).map_err(|_| {
        Refusal::new(400, "SerializationException", "Body is not a JSON object", "json")
    })
}

fn member(
    request: &Request,
    body: &Map<String, Value>,
    name: &'static str,
    strictness: Strictness,
) -> Result<String, Refusal> {
    let mut in_query = request.parameters(name);
    // A canonical query is sorted: which of two came first is not signed.
    if in_query.len() > 1 {
        return Err(ambiguous(&format!("'{name}' is in the query twice")));
    }
    let in_body = text(body, name)?;
    match (in_query.pop(), in_body) {
        (Some(query), Some(body)) if query != body && strictness == Strictness::Documented => {
            Err(ambiguous(&format!("'{name}' differs between the query and the body")))
        }
        (Some(value), _) | (None, Some(value)) => Ok(value),
        (None, None) => Err(invalid("null", name, "Member must not be null", "missing-member")),
    }
}

/// Returns a member that must be a string where it is there; `null` is not there.
fn text(body: &Map<String, Value>, name: &str) -> Result<Option<String>, Refusal> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(not_a(name, "string")),
    }
}

/// `arn:aws(-[^:]+)?:SERVICE(:.*){2}(:RESOURCE.*)`, at most 1011 characters.
fn read_arn(arn: &str, name: &str, service: &str, resource: &str) -> Result<Arn, Refusal> {
    if arn.chars().count() > 1011 {
        return Err(at_most(arn, name, 1011));
    }
    let well_formed = Arn::parse(arn).ok().filter(|arn| {
        let partition = arn.partition();
        (partition == "aws" || partition.strip_prefix("aws-").is_some_and(|p| !p.is_empty()))
            && arn.service() == service
            && arn.resource().starts_with(resource)
    });
    if let Some(arn) = well_formed {
        return Ok(arn);
    }
    let pattern = format!("arn:aws(-[^:]+)?:{service}(:.*){{2}}(:{resource}.*)");
    Err(invalid(
        &format!("'{arn}'"),
        name,
        &format!("Member must satisfy regular expression pattern: {pattern}"),
        "pattern",
    ))
}

fn duration_seconds(body: &Map<String, Value>) -> Result<Option<u32>, Refusal> {
    let value = match body.get("durationSeconds") {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value.as_i64().ok_or_else(|| not_a("durationSeconds", "integer"))?,
    };
    let out_of_range = |constraint: &str| {
        invalid(&format!("'{value}'"), "durationSeconds", constraint, "duration")
    };
    match u32::try_from(value) {
        Ok(seconds @ 900..=43_200) => Ok(Some(seconds)),
        Ok(43_201..) => Err(out_of_range("Member must have value less than or equal to 43200")),
        _ if value > 43_200 => {
            Err(out_of_range("Member must have value less than or equal to 43200"))
        }
        _ => Err(out_of_range("Member must have value greater than or equal to 900")),
    }
}

/// `[\w+=,.@-]*`, 2 to 64 characters.
fn role_session_name(body: &Map<String, Value>) -> Result<Option<String>, Refusal> {
    let Some(name) = text(body, "roleSessionName")? else { return Ok(None) };
    let constraint = if name.chars().count() < 2 {
        "Member must have length greater than or equal to 2"
    } else if name.chars().count() > 64 {
        return Err(at_most(&name, "roleSessionName", 64));
    } else if !name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)) {
        r"Member must satisfy regular expression pattern: [\w+=,.@-]*"
    } else {
        return Ok(Some(name));
    };
    Err(invalid(&format!("'{name}'"), "roleSessionName", constraint, "role-session-name-shape"))
}

fn check_instance_properties(body: &Map<String, Value>) -> Result<(), Refusal> {
    let properties = match body.get("instanceProperties") {
        None | Some(Value::Null) => return Ok(()),
        Some(value) => value.as_object().ok_or_else(|| not_a("instanceProperties", "map"))?,
    };
    let fits = |text: &str| (1..=200).contains(&text.chars().count());
    let well_formed = properties.len() <= 50
        && properties.iter().all(|(key, value)| fits(key) && value.as_str().is_some_and(fits));
    if well_formed {
        return Ok(());
    }
    let constraint = "Map must have at most 50 keys, keys and values 1 to 200 characters";
    Err(invalid("(map)", "instanceProperties", constraint, "instance-properties"))
}

fn ambiguous(message: &str) -> Refusal {
    Refusal::new(400, "ValidationException", message, "ambiguous")
}

fn not_a(name: &str, kind: &str) -> Refusal {
    Refusal::new(400, "SerializationException", format!("'{name}' is not a {kind}"), "json")
}

fn at_most(value: &str, name: &str, length: usize) -> Refusal {
    let constraint = format!("Member must have length less than or equal to {length}");
    invalid(&format!("'{value}'"), name, &constraint, "length")
}

/// The framework's wording of a violated constraint; `value` comes with its quotes.
fn invalid(value: &str, name: &str, constraint: &str, reason: &'static str) -> Refusal {
    let message = format!(
        "1 validation error detected: Value {value} at '{name}' failed to satisfy constraint: \
         {constraint}"
    );
    Refusal::new(400, "ValidationException", message, reason)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::account::{PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN};

    fn request(query: &str, body: &Value) -> Request {
        Request {
            method: "POST".to_owned(),
            path: "/sessions".to_owned(),
            query: query.to_owned(),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.to_string().into_bytes(),
            ..Request::default()
        }
    }

    fn good() -> Value {
        json!({
            "profileArn": PROFILE_ARN, "roleArn": ROLE_ARN, "trustAnchorArn": TRUST_ANCHOR_ARN,
            "durationSeconds": 900, "roleSessionName": "job-1"
        })
    }

    fn refusal(query: &str, body: &Value) -> Refusal {
        parse(&request(query, body), Strictness::Documented).unwrap_err()
    }

    fn with(name: &str, value: Value) -> Value {
        let mut body = good();
        body[name] = value;
        body
    }

    #[test]
    fn takes_the_arns_from_the_body_or_from_the_query() {
        let in_body = parse(&request("", &good()), Strictness::Documented).unwrap();
        assert_eq!(in_body.duration_seconds, Some(900));
        assert_eq!(in_body.role_session_name.as_deref(), Some("job-1"));
        let query = format!(
            "profileArn={}&roleArn={ROLE_ARN}&trustAnchorArn={TRUST_ANCHOR_ARN}",
            PROFILE_ARN.replace(':', "%3A")
        );
        let in_query =
            parse(&request(&query, &json!({"durationSeconds": 900})), Strictness::Documented);
        assert_eq!(in_query, Ok(CreateSessionInput { role_session_name: None, ..in_body }));
        let mut empty = request(&query, &json!({}));
        empty.body.clear();
        assert!(parse(&empty, Strictness::Documented).is_ok());
    }

    #[test]
    fn refuses_an_arn_that_differs_between_query_and_body() {
        let query = "roleArn=arn:aws:iam::123456789012:role/Other";
        assert_eq!(refusal(query, &good()).reason, "ambiguous");
        let lenient = parse(&request(query, &good()), Strictness::Lenient).unwrap();
        assert_eq!(lenient.role_arn.as_str(), "arn:aws:iam::123456789012:role/Other");
    }

    #[test]
    fn refuses_what_is_there_twice() {
        let other = "arn:aws:iam::123456789012:role/Other";
        let twice = format!("roleArn={ROLE_ARN}&%72oleArn={other}");
        for strictness in [Strictness::Documented, Strictness::Lenient] {
            let refusal = parse(&request(&twice, &good()), strictness).unwrap_err();
            assert_eq!((refusal.status, refusal.reason), (400, "ambiguous"));
        }
        let mut body = good().to_string();
        body.insert_str(1, &format!(r#""roleArn":"{other}","#));
        let twice = Request { body: body.into_bytes(), ..request("", &good()) };
        assert_eq!(parse(&twice, Strictness::Documented).unwrap_err().reason, "json");
    }

    #[test]
    fn refuses_a_member_that_is_missing_or_misshapen() {
        assert_eq!(
            refusal("", &with("profileArn", Value::Null)).message,
            "1 validation error detected: Value null at 'profileArn' failed to satisfy constraint: \
             Member must not be null"
        );
        for (name, value, reason) in [
            ("roleArn", json!("arn:aws:iam::1:user/x"), "pattern"),
            ("roleArn", json!("arn:aws-:iam::1:role/x"), "pattern"),
            ("trustAnchorArn", json!(PROFILE_ARN), "pattern"),
            ("profileArn", json!(format!("{PROFILE_ARN}{}", "x".repeat(1000))), "length"),
            ("profileArn", json!(7), "json"),
            ("durationSeconds", json!(899), "duration"),
            ("durationSeconds", json!(43_201), "duration"),
            ("durationSeconds", json!(-1), "duration"),
            ("durationSeconds", json!("900"), "json"),
            ("roleSessionName", json!("x"), "role-session-name-shape"),
            ("roleSessionName", json!("x".repeat(65)), "length"),
            ("roleSessionName", json!("a b"), "role-session-name-shape"),
            ("instanceProperties", json!({"": "x"}), "instance-properties"),
            ("instanceProperties", json!([]), "json"),
        ] {
            let refusal = refusal("", &with(name, value.clone()));
            assert_eq!((refusal.status, refusal.reason), (400, reason), "{name}: {value}");
        }
    }

    #[test]
    fn refuses_another_content_type_and_what_is_no_json() {
        let mut other = request("", &good());
        other.headers[0].1 = "text/plain".to_owned();
        assert_eq!(parse(&other, Strictness::Documented).unwrap_err().reason, "content-type");
        for known in ["application/x-amz-json-1.0", "Application/JSON;charset=UTF-8"] {
            other.headers[0].1 = known.to_owned();
            assert!(parse(&other, Strictness::Documented).is_ok(), "{known}");
        }
        assert_eq!(refusal("", &json!([])).reason, "json");
    }
}
