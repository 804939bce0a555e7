//! What a reference stands for, once the secret or the parameter was read.

use super::member::{MemberValue, Object};
use super::reference::{
    Fallback, Notation, ParameterTypes, Part, Reference, ReferenceTarget, shown_word,
};
use crate::output::references::ValueError;
use crate::secrets_cache::FetchedValue;
use roles_anywhere_client::aws::get_secret_value::{SecretValue, SecretVersion};
use roles_anywhere_client::aws::parameter::Parameter;
use roles_anywhere_client::secret::{Secret, SecretBytes};

/// What a reference stands for. It is not scanned for references again.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The value.
    pub value: ResolvedValue,
    /// Whether its text is JSON that is no string: a number, `true`, an object.
    pub is_json: bool,
    /// The id of the version of the secret, or the number of that of the parameter.
    pub version: Option<String>,
}

/// A value that a reference stands for.
#[derive(Clone, Debug)]
pub enum ResolvedValue {
    /// A text without NUL bytes; empty only as a default.
    Text(Secret),
    /// A binary secret, which can hold any bytes.
    Binary(SecretBytes),
    /// The members of a JSON object, sorted by name.
    Members(Vec<(String, Secret)>),
    /// There is no value, and it is optional.
    Absent,
}

impl ResolvedValue {
    /// Returns whether it is the same value.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(text), Self::Text(other)) => text.expose() == other.expose(),
            (Self::Binary(bytes), Self::Binary(other)) => bytes.expose() == other.expose(),
            (Self::Members(members), Self::Members(others)) => {
                let is_same = |((name, text), (other, other_text)): (
                    &(String, Secret),
                    &(String, Secret),
                )| {
                    name == other && text.expose() == other_text.expose()
                };
                members.len() == others.len() && members.iter().zip(others).all(is_same)
            }
            (Self::Absent, Self::Absent) => true,
            _ => false,
        }
    }
}

impl Resolved {
    /// Returns what stands for a value that does not exist; `None` if that is an error.
    pub fn fallback_of(reference: &Reference) -> Option<Self> {
        let value = match reference.fallback() {
            Fallback::None => return None,
            Fallback::Absent => ResolvedValue::Absent,
            Fallback::Text(text) => ResolvedValue::Text(text.clone()),
        };
        Some(Self { value, is_json: false, version: None })
    }
}

/// Returns what `reference` stands for in what was read.
pub fn of_fetched(reference: &Reference, content: &FetchedValue) -> Result<Resolved, ValueError> {
    match content {
        FetchedValue::Secret(secret) => of_secret(reference, secret),
        FetchedValue::Parameter(parameter) => of_parameter(reference, parameter),
    }
}

/// Returns what `reference` stands for in a version of a secret.
pub fn of_secret(reference: &Reference, secret: &SecretVersion) -> Result<Resolved, ValueError> {
    let value = match (&secret.value, reference.part(), reference.notation()) {
        (SecretValue::Text(text), ..) => of_text(reference, text),
        // CloudFormation and ECS read `SecretString` only.
        (SecretValue::Binary(bytes), Part::Whole, Notation::Uri) if bytes.expose().is_empty() => {
            Err(ValueError::Empty)
        }
        (SecretValue::Binary(bytes), Part::Whole, Notation::Uri) => {
            Ok((ResolvedValue::Binary(bytes.clone()), false))
        }
        (SecretValue::Binary(_), ..) => Err(ValueError::Binary),
    };
    with_fallback(reference, value, secret.version_id.clone())
}

/// Returns what `reference` stands for in a parameter.
pub fn of_parameter(reference: &Reference, parameter: &Parameter) -> Result<Resolved, ValueError> {
    let is_secure = parameter.kind == "SecureString";
    match reference.target() {
        ReferenceTarget::Parameter { types: ParameterTypes::Plain, .. } if is_secure => {
            return Err(ValueError::SecureString);
        }
        ReferenceTarget::Parameter { types: ParameterTypes::Secure, .. } if !is_secure => {
            return Err(ValueError::NotSecureString);
        }
        _ => {}
    }
    with_fallback(reference, of_text(reference, &parameter.value), parameter.version_id())
}

fn with_fallback(
    reference: &Reference,
    value: Result<(ResolvedValue, bool), ValueError>,
    version: Option<String>,
) -> Result<Resolved, ValueError> {
    match value {
        Ok((value, is_json)) => Ok(Resolved { value, is_json, version }),
        Err(error) if error.is_missing() => Resolved::fallback_of(reference).ok_or(error),
        Err(error) => Err(error),
    }
}

/// Returns the value, and whether it is JSON that is no string.
fn of_text(reference: &Reference, text: &Secret) -> Result<(ResolvedValue, bool), ValueError> {
    let object = || Object::parse(text.expose()).ok_or(ValueError::NotAnObject);
    let (key, value, count) = match reference.part() {
        Part::Whole => return checked(text.clone()).map(|text| (ResolvedValue::Text(text), false)),
        Part::AllMembers => {
            let is_optional = matches!(reference.fallback(), Fallback::Absent);
            let members = all_members(&object()?, is_optional)?;
            return Ok((ResolvedValue::Members(members), false));
        }
        Part::Member(key) => {
            let object = object()?;
            (key, object.member(key), object.len())
        }
        Part::Path(key) => {
            let object = object()?;
            (key, object.at_path(key), object.len())
        }
    };
    let key = shown_word(key).to_owned();
    let is_json = matches!(value, Some(MemberValue::Json(_)));
    match value {
        None => Err(ValueError::NoMember { key, count }),
        Some(MemberValue::Null) => Err(ValueError::EmptyMembers(vec![key])),
        Some(MemberValue::NotUnicode) => Err(ValueError::NotUnicode(vec![key])),
        Some(MemberValue::Text(text) | MemberValue::Json(text)) => match checked(text) {
            Ok(text) => Ok((ResolvedValue::Text(text), is_json)),
            Err(ValueError::Nul) => Err(ValueError::NulInMembers(vec![key])),
            Err(_) => Err(ValueError::EmptyMembers(vec![key])),
        },
    }
}

fn checked(text: Secret) -> Result<Secret, ValueError> {
    match text.expose() {
        "" => Err(ValueError::Empty),
        value if value.contains('\0') => Err(ValueError::Nul),
        _ => Ok(text),
    }
}

/// Returns all members of a secret, as `sm://NAME#*` does.
pub fn members_of(secret: &SecretVersion) -> Result<Vec<(String, Secret)>, ValueError> {
    match &secret.value {
        SecretValue::Binary(_) => Err(ValueError::Binary),
        SecretValue::Text(text) => {
            let object = Object::parse(text.expose()).ok_or(ValueError::NotAnObject)?;
            all_members(&object, false)
        }
    }
}

/// Returns all members. Empty ones are errors, or are left out if they are optional.
fn all_members(
    object: &Object<'_>,
    is_optional: bool,
) -> Result<Vec<(String, Secret)>, ValueError> {
    let (mut members, mut empty, mut nul, mut not_unicode) = (vec![], vec![], vec![], vec![]);
    for (name, value) in object.members() {
        let shown = || shown_word(name).to_owned();
        match value {
            MemberValue::Null => empty.push(shown()),
            MemberValue::NotUnicode => not_unicode.push(shown()),
            MemberValue::Text(text) | MemberValue::Json(text) => match checked(text) {
                Ok(text) => members.push((name.to_owned(), text)),
                Err(ValueError::Nul) => nul.push(shown()),
                Err(_) => empty.push(shown()),
            },
        }
    }
    match () {
        () if !not_unicode.is_empty() => Err(ValueError::NotUnicode(not_unicode)),
        () if !nul.is_empty() => Err(ValueError::NulInMembers(nul)),
        () if !empty.is_empty() && !is_optional => Err(ValueError::EmptyMembers(empty)),
        () if members.is_empty() => Err(ValueError::NoMembers),
        () => Ok(members),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(reference: &str, value: SecretValue) -> String {
        let secret = SecretVersion {
            arn: "arn:aws:secretsmanager:us-east-1:123456789012:secret:n-AbCdEf".to_owned(),
            name: "n".to_owned(),
            version_id: Some("v".to_owned()),
            version_stages: Vec::new(),
            created: None,
            value,
        };
        shown(of_secret(&Reference::parse(reference).unwrap(), &secret))
    }

    fn of_text(reference: &str, text: &str) -> String {
        resolved(reference, SecretValue::Text(Secret::new(text.to_owned())))
    }

    fn shown(resolved: Result<Resolved, ValueError>) -> String {
        match resolved.map(|resolved| resolved.value) {
            Ok(ResolvedValue::Text(text)) => format!("text {}", text.expose()),
            Ok(ResolvedValue::Binary(bytes)) => format!("bytes {:?}", bytes.expose()),
            Ok(ResolvedValue::Members(members)) => {
                let members =
                    members.iter().map(|(name, text)| format!("{name}={}", text.expose()));
                members.collect::<Vec<_>>().join(" ")
            }
            Ok(ResolvedValue::Absent) => "absent".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_value_is_handed_out_as_it_is() {
        for text in ["hunter2", " a\nb ", "sm://other#key", "{{resolve:ssm:a}}"] {
            assert_eq!(of_text("sm://n", text), format!("text {text}"));
        }
        let object = r#"{"port":5432,"ref":"sm://other","a.b":1,"a":{"b":2}}"#;
        assert_eq!(of_text("sm://n#port", object), "text 5432");
        assert_eq!(of_text("sm://n#ref", object), "text sm://other");
        assert_eq!(of_text("sm://n#a.b", object), "text 1");
        assert_eq!(of_text("sm://n", object), format!("text {object}"));
        let members = r#"a={"b":2} a.b=1 port=5432 ref=sm://other"#;
        assert_eq!(of_text("sm://n#*", object), members);
    }

    #[test]
    fn only_our_own_notation_follows_a_path() {
        let object = r#"{"a":{"b":2}}"#;
        assert_eq!(of_text("sm://n#a.b", object), "text 2");
        let none = "there is no member `a.b` (the object has 1 members)";
        assert_eq!(of_text("{{resolve:secretsmanager:n::a.b}}", object), none);
    }

    #[test]
    fn a_missing_or_an_empty_value_is_an_error_or_has_a_fallback() {
        let object = r#"{"e":"","n":null,"x":"y"}"#;
        let rows = [
            ("", "", "the value is empty"),
            ("#k", r#"{"a":1}"#, "there is no member `k` (the object has 1 members)"),
            ("#e", object, "the member is empty or `null`: `e`"),
            ("#n", object, "the member is empty or `null`: `n`"),
        ];
        for (key, text, expected) in rows {
            assert_eq!(of_text(&format!("sm://n{key}"), text), expected);
            assert_eq!(of_text(&format!("sm://n{key}?optional"), text), "absent");
            assert_eq!(of_text(&format!("sm://n{key}?default=d"), text), "text d");
            assert_eq!(of_text(&format!("sm://n{key}?default="), text), "text ");
        }
        assert_eq!(of_text("sm://n#*", object), "these members are empty or `null`: `e`, `n`");
        assert_eq!(of_text("sm://n#*?optional", object), "x=y");
        assert_eq!(of_text("sm://n#*", "{}"), "the object has no members");
        assert_eq!(of_text("sm://n#*?optional", "{}"), "absent");
        assert_eq!(of_text("sm://n#x?optional", object), "text y");
    }

    #[test]
    fn no_fallback_stands_for_a_value_of_another_kind() {
        let nul = "{\"a\":\"x\\u0000\",\"h\":\"\\ud800\"}";
        let rows = [
            ("", "a\0b", "the value contains a NUL byte"),
            ("#k", "hunter2", "the value is not a JSON object"),
            ("#*", "[1]", "the value is not a JSON object"),
            ("#a", nul, "the member contains a NUL byte: `a`"),
            ("#h", nul, "the member is not valid Unicode: `h`"),
            ("#*", nul, "the member is not valid Unicode: `h`"),
        ];
        for (key, text, expected) in rows {
            for fallback in ["", "?optional"] {
                assert_eq!(of_text(&format!("sm://n{key}{fallback}"), text), expected);
            }
        }
    }

    #[test]
    fn a_binary_secret_is_read_as_a_whole_only() {
        let binary = |bytes: &[u8]| SecretValue::Binary(SecretBytes::new(bytes.to_vec()));
        assert_eq!(resolved("sm://n", binary(&[0, 255])), "bytes [0, 255]");
        assert_eq!(resolved("sm://n?default=d", binary(&[])), "text d");
        let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:n-AbCdEf";
        for reference in ["sm://n#k?optional", "sm://n#*", "{{resolve:secretsmanager:n}}", arn] {
            assert_eq!(resolved(reference, binary(&[1])), "the secret is binary", "{reference}");
        }
    }

    #[test]
    fn cloudformation_tells_secure_strings_apart() {
        let of = |reference: &str, kind: &str| {
            let parameter = Parameter {
                name: "a".to_owned(),
                kind: kind.to_owned(),
                value: Secret::new("v".to_owned()),
                version: Some(3),
                selector: None,
                source_result: None,
                last_modified: None,
                arn: None,
                data_type: None,
            };
            shown(of_parameter(&Reference::parse(reference).unwrap(), &parameter))
        };
        for kind in ["String", "StringList", "SecureString"] {
            assert_eq!(of("ssm://a", kind), "text v");
        }
        assert_eq!(of("{{resolve:ssm:a}}", "StringList"), "text v");
        assert_eq!(of("{{resolve:ssm-secure:a}}", "SecureString"), "text v");
        assert_eq!(
            of("{{resolve:ssm:a}}", "SecureString"),
            "the parameter is a SecureString, which `{{resolve:ssm:…}}` does not read"
        );
        assert_eq!(
            of("{{resolve:ssm-secure:a}}", "String"),
            "the parameter is not a SecureString, which `{{resolve:ssm-secure:…}}` expects"
        );
    }

    #[test]
    fn long_lists_of_members_are_cut() {
        let object: Vec<String> = (0..12).map(|n| format!(r#""m{n}":"""#)).collect();
        let text = of_text("sm://n#*", &format!("{{{}}}", object.join(",")));
        assert!(text.ends_with("`m3`, `m4`, `m5` and 4 more"), "{text}");
    }
}
