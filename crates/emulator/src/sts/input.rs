//! The parameters of AssumeRole, and the constraints of their shape.
//!
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>

use std::collections::BTreeMap;

use crate::arn::Arn;
use crate::query::{Constraints, Parameters, Pattern};
use crate::refusal::Refusal;
use crate::x509::tags::is_tag_text;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AssumeRoleInput {
    pub(super) role_arn: Arn,
    pub(super) role_session_name: String,
    pub(super) duration_seconds: u32,
    /// A session policy, as text.
    pub(super) policy: Option<String>,
    pub(super) policy_arns: Vec<String>,
    /// By key; keys that differ in case only are refused.
    pub(super) tags: BTreeMap<String, String>,
    /// Each is one of `tags`.
    pub(super) transitive_tag_keys: Vec<String>,
    pub(super) external_id: Option<String>,
    pub(super) source_identity: Option<String>,
}

const NAME: Pattern = Pattern { expression: r"[\w+=,.@-]*", punctuation: "+=,.@-" };
const EXTERNAL_ID: Pattern = Pattern { expression: r"[\w+=,.@:\/-]*", punctuation: "+=,.@:/-" };
const SERIAL_NUMBER: Pattern = Pattern { expression: r"[\w+=/:,.@-]*", punctuation: "+=/:,.@-" };
const TAG: &str = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*";

/// The most characters of a session policy and the ARNs of managed ones.
const MOST_POLICY: usize = 2048;

/// Reads the parameters.
pub(super) fn parse(parameters: &Parameters) -> Result<AssumeRoleInput, Refusal> {
    let duration_seconds = duration(parameters)?;
    let mut constraints = Constraints::default();
    let text = |name| parameters.text(name);
    let (role_arn, name) = (text("RoleArn"), text("RoleSessionName"));
    constraints.required(role_arn, "roleArn");
    constraints.length(role_arn, "roleArn", 20..=2048);
    constraints.required(name, "roleSessionName");
    constraints.length(name, "roleSessionName", 2..=64);
    constraints.pattern(name, "roleSessionName", &NAME);
    constraints.range(duration_seconds, "durationSeconds", 900..=43_200);
    let policy = text("Policy");
    constraints.length(policy, "policy", 1..=MOST_POLICY);
    let external_id = text("ExternalId");
    constraints.length(external_id, "externalId", 2..=1224);
    constraints.pattern(external_id, "externalId", &EXTERNAL_ID);
    // AWS documents 64 characters and takes 256.
    let source_identity = text("SourceIdentity");
    constraints.length(source_identity, "sourceIdentity", 2..=256);
    constraints.pattern(source_identity, "sourceIdentity", &NAME);
    let policy_arns = policy_arns(parameters, &mut constraints);
    let tags = tags(parameters, &mut constraints);
    let transitive_tag_keys = transitive_tag_keys(parameters, &mut constraints);
    second_factor(parameters, &mut constraints);
    constraints.check()?;
    let tags = unique(tags)?;
    check_transitive(&tags, &transitive_tag_keys)?;
    check_absent(parameters)?;
    Ok(AssumeRoleInput {
        role_arn: role(role_arn.unwrap_or_default())?,
        role_session_name: name.unwrap_or_default().to_owned(),
        duration_seconds: duration_seconds.and_then(|n| n.try_into().ok()).unwrap_or(3600),
        policy: policy.map(str::to_owned),
        policy_arns,
        tags,
        transitive_tag_keys,
        external_id: external_id.map(str::to_owned),
        source_identity: source_identity.map(str::to_owned),
    })
}

/// Returns a signed number of 32 bits, which may have a sign and zeros in front. The front end
/// refuses anything else, and does not say why.
fn duration(parameters: &Parameters) -> Result<Option<i32>, Refusal> {
    let Some(text) = parameters.text("DurationSeconds") else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        Refusal::new(400, "MalformedInput", "", "parameter")
            .explained("DurationSeconds is not a whole number of 32 bits")
    })
}

fn role(text: &str) -> Result<Arn, Refusal> {
    Arn::parse(text)
        .ok()
        .filter(|arn| arn.service() == "iam" && arn.resource().starts_with("role/"))
        .ok_or_else(|| Refusal::new(400, "ValidationError", "Request ARN is invalid", "role-arn"))
}

fn policy_arns(parameters: &Parameters, constraints: &mut Constraints) -> Vec<String> {
    let arns = parameters.list("PolicyArns", ["arn"]);
    constraints.entries(arns.len(), "policyArns", 10);
    for (index, [arn]) in &arns {
        let member = format!("policyArns.{index}.member.arn");
        constraints.length(*arn, &member, 20..=2048);
    }
    arns.into_iter().filter_map(|(_, [arn])| arn.map(str::to_owned)).collect()
}

fn tags(parameters: &Parameters, constraints: &mut Constraints) -> Vec<(String, String)> {
    let tags = parameters.list("Tags", ["Key", "Value"]);
    constraints.entries(tags.len(), "tags", 50);
    for (index, [key, value]) in &tags {
        let (at_key, at_value) =
            (format!("tags.{index}.member.key"), format!("tags.{index}.member.value"));
        constraints.required(*key, &at_key);
        constraints.length(*key, &at_key, 1..=128);
        constraints.characters(*key, &at_key, &TAG.replace('*', "+"), is_tag_text);
        constraints.required(*value, &at_value);
        constraints.length(*value, &at_value, 0..=256);
        constraints.characters(*value, &at_value, TAG, is_tag_text);
    }
    tags.into_iter()
        .filter_map(|(_, [key, value])| Some((key?.to_owned(), value?.to_owned())))
        .collect()
}

fn transitive_tag_keys(parameters: &Parameters, constraints: &mut Constraints) -> Vec<String> {
    let keys = parameters.list("TransitiveTagKeys", [""]);
    constraints.entries(keys.len(), "transitiveTagKeys", 50);
    for (index, [key]) in &keys {
        let member = format!("transitiveTagKeys.{index}.member");
        constraints.length(*key, &member, 1..=128);
        constraints.characters(*key, &member, &TAG.replace('*', "+"), is_tag_text);
    }
    keys.into_iter().filter_map(|(_, [key])| key.map(str::to_owned)).collect()
}

/// Keys are compared without case.
fn unique(tags: Vec<(String, String)>) -> Result<BTreeMap<String, String>, Refusal> {
    let mut seen = std::collections::BTreeSet::new();
    if tags.iter().all(|(key, _)| seen.insert(key.to_lowercase())) {
        return Ok(tags.into_iter().collect());
    }
    let message = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
    Err(Refusal::new(400, "InvalidParameterValue", message, "tags"))
}

fn check_transitive(tags: &BTreeMap<String, String>, keys: &[String]) -> Result<(), Refusal> {
    let known = |key: &String| tags.keys().any(|tag| tag.to_lowercase() == key.to_lowercase());
    if keys.iter().all(known) {
        return Ok(());
    }
    let message = "The specified transitive tag key must be included in the requested tags.";
    Err(Refusal::new(400, "InvalidParameterValue", message, "tags"))
}

fn second_factor(parameters: &Parameters, constraints: &mut Constraints) {
    let (serial_number, code) = (parameters.text("SerialNumber"), parameters.text("TokenCode"));
    constraints.length(serial_number, "serialNumber", 9..=256);
    constraints.pattern(serial_number, "serialNumber", &SERIAL_NUMBER);
    constraints.length(code, "tokenCode", 6..=6);
    constraints.characters(code, "tokenCode", r"[\d]*", |c| c.is_ascii_digit());
    let contexts = parameters.list("ProvidedContexts", ["ProviderArn", "ContextAssertion"]);
    constraints.entries(contexts.len(), "providedContexts", 5);
    for (index, [provider, assertion]) in &contexts {
        let at = |member: &str| format!("providedContexts.{index}.member.{member}");
        constraints.length(*provider, &at("providerArn"), 20..=2048);
        constraints.length(*assertion, &at("contextAssertion"), 4..=2048);
    }
}

/// Refuses what is well-formed and has nothing here that it could refer to.
fn check_absent(parameters: &Parameters) -> Result<(), Refusal> {
    if parameters.text("SerialNumber").or_else(|| parameters.text("TokenCode")).is_some() {
        let message = "MultiFactorAuthentication failed, unable to validate MFA code.  Please \
                       verify your MFA serial number is valid and associated with this user.";
        return Err(Refusal::new(403, "AccessDenied", message, "mfa")
            .explained("this emulator has no MFA devices, and a role's session has none at AWS"));
    }
    if !parameters.list("ProvidedContexts", ["ProviderArn"]).is_empty() {
        let message = "this emulator has no context providers";
        return Err(Refusal::new(400, "ValidationError", message, "provided-contexts"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Request;

    const ROLE: &str = "RoleArn=arn:aws:iam::123456789012:role/Second";

    fn parsed(query: &str) -> Result<AssumeRoleInput, Refusal> {
        let query = format!("RoleSessionName=job&{query}&{ROLE}");
        parse(&Parameters::of(&Request { query, ..Request::default() }))
    }

    fn message(query: &str) -> String {
        let refusal = parsed(query).unwrap_err();
        assert_eq!((refusal.status, &*refusal.code), (400, "ValidationError"), "{refusal:?}");
        refusal.message
    }

    #[test]
    fn everything_is_read() {
        let input = parsed(
            "DurationSeconds=%2B0900&ExternalId=a:b/c&SourceIdentity=app&Policy=%7B%7D&\
             PolicyArns.member.1.arn=arn:aws:iam::aws:policy/ReadOnlyAccess&\
             Tags.member.1.Key=Project&Tags.member.1.Value=&TransitiveTagKeys.member.1=project&\
             Unknown=ignored",
        )
        .unwrap();
        assert_eq!(input.role_arn.as_str(), "arn:aws:iam::123456789012:role/Second");
        assert_eq!((&*input.role_session_name, input.duration_seconds), ("job", 900));
        assert_eq!(input.policy.as_deref(), Some("{}"));
        assert_eq!(input.policy_arns, ["arn:aws:iam::aws:policy/ReadOnlyAccess"]);
        assert_eq!(input.tags, BTreeMap::from([("Project".to_owned(), String::new())]));
        assert_eq!(input.transitive_tag_keys, ["project"]);
        assert_eq!(input.external_id.as_deref(), Some("a:b/c"));
        assert_eq!(input.source_identity.as_deref(), Some("app"));
        assert_eq!(parsed("").unwrap().duration_seconds, 3600);
        assert!(parsed("Tags=").unwrap().tags.is_empty());
    }

    #[test]
    fn a_violated_constraint_is_worded_as_aws_does() {
        let value = |value: &str, at: &str, constraint: &str| {
            format!(
                "Value '{value}' at '{at}' failed to satisfy constraint: Member must {constraint}"
            )
        };
        for (query, violation) in [
            ("RoleArn=x", value("x", "roleArn", "have length greater than or equal to 20")),
            (
                "DurationSeconds=899",
                value("899", "durationSeconds", "have value greater than or equal to 900"),
            ),
            (
                "DurationSeconds=43201",
                value("43201", "durationSeconds", "have value less than or equal to 43200"),
            ),
            (
                "ExternalId=a%20b",
                value("a b", "externalId", r"satisfy regular expression pattern: [\w+=,.@:\/-]*"),
            ),
            ("Policy=", value("", "policy", "have length greater than or equal to 1")),
            (
                "Tags.member.3.Key=&Tags.member.3.Value=",
                value("", "tags.3.member.key", "have length greater than or equal to 1"),
            ),
        ] {
            assert_eq!(message(query), format!("1 validation error detected: {violation}"));
        }
        assert_eq!(
            message("SourceIdentity=%C3%A9"),
            format!(
                "2 validation errors detected: {}; {}",
                value("é", "sourceIdentity", "have length greater than or equal to 2"),
                value("é", "sourceIdentity", r"satisfy regular expression pattern: [\w+=,.@-]*"),
            )
        );
    }

    #[test]
    fn lengths_count_characters_and_a_source_identity_has_256() {
        let of = |count: usize| format!("SourceIdentity={}", "a".repeat(count));
        assert!(parsed(&of(256)).is_ok());
        assert!(message(&of(257)).contains("less than or equal to 256"));
        let tag = |count: usize| {
            format!("Tags.member.1.Key=k&Tags.member.1.Value={}", "%C3%A9".repeat(count))
        };
        assert!(parsed(&tag(256)).is_ok());
        assert!(message(&tag(257)).contains("tags.1.member.value"));
    }

    #[test]
    fn a_missing_name_is_null() {
        let request = Request { query: ROLE.to_owned(), ..Request::default() };
        assert_eq!(
            parse(&Parameters::of(&request)).unwrap_err().message,
            "1 validation error detected: Value null at 'roleSessionName' failed to satisfy \
             constraint: Member must not be null"
        );
    }

    #[test]
    fn a_duration_that_is_not_a_number_is_malformed_input() {
        for wrong in ["1e3", "3600.0", "abc", "", "2147483648", "0x384"] {
            let refusal = parsed(&format!("DurationSeconds={wrong}")).unwrap_err();
            assert_eq!((&*refusal.code, &*refusal.message), ("MalformedInput", ""), "{wrong}");
        }
        assert!(message("DurationSeconds=-2147483648").contains("greater than or equal to 900"));
    }

    #[test]
    fn tags_are_unique_without_case_and_transitive_ones_are_tags() {
        let two =
            "Tags.member.1.Key=A&Tags.member.1.Value=&Tags.member.2.Key=a&Tags.member.2.Value=";
        for query in [two, "TransitiveTagKeys.member.1=a"] {
            assert_eq!(parsed(query).unwrap_err().code, "InvalidParameterValue", "{query}");
        }
    }

    #[test]
    fn a_user_arn_mfa_and_context_providers_are_refused() {
        assert_eq!(message("RoleArn=arn:aws:iam::123456789012:user/x"), "Request ARN is invalid");
        let second = parsed("SerialNumber=GAHT12345678&TokenCode=123456").unwrap_err();
        assert_eq!((second.status, second.reason), (403, "mfa"));
        let provided = "ProvidedContexts.member.1.ProviderArn=arn:aws:iam::aws:contextProvider/x";
        assert_eq!(message(provided), "this emulator has no context providers");
    }
}
