//! A parameter of the Parameter Store: how it is requested, and how it is returned.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::arn::{ArnError, ParameterArn};
use crate::aws::json_protocol::microseconds;
use crate::region::Region;
use crate::secret::Secret;
use crate::text::disclosure::{DisplayValue, Sensitivity, may_be_repeated, shown};

/// The prefix of the names by which the Parameter Store returns secrets of Secrets Manager.
pub const SECRET_REFERENCE: &str = "/aws/reference/secretsmanager/";

/// A parameter as the user names it. `Debug` shows no name that may be a secret value.
#[derive(Clone, Eq, PartialEq)]
pub enum ParameterId {
    /// By its ARN, which holds its Region.
    Arn(ParameterArn),
    /// By its name, in the Region of the request.
    Name(String),
}

impl ParameterId {
    /// Returns the Region in its ARN.
    pub fn region(&self) -> Option<&Region> {
        match self {
            Self::Arn(arn) => Some(arn.region()),
            Self::Name(_) => None,
        }
    }

    /// Returns its name for messages, or `NAME` if it may not be shown.
    pub fn shown(&self) -> String {
        match shown(&self.to_string(), Sensitivity::Public, || false) {
            DisplayValue::Value(name) => name,
            DisplayValue::Hidden(_) => "NAME".to_owned(),
        }
    }

    /// Returns its name if it must not be shown, even if AWS repeats it.
    pub fn hidden(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name.as_str()).filter(|name| !may_be_repeated(name)),
            Self::Arn(_) => None,
        }
    }

    /// Returns whether it is a name by which the Parameter Store returns a secret.
    pub fn is_secret_reference(&self) -> bool {
        matches!(self, Self::Name(name) if name.starts_with(SECRET_REFERENCE))
    }
}

impl fmt::Debug for ParameterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl fmt::Display for ParameterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arn(arn) => arn.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// A version of a parameter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ParameterSelector {
    /// By its number.
    Version(u64),
    /// By a label, which does not start with a digit.
    Label(String),
}

impl fmt::Display for ParameterSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(number) => number.fmt(f),
            Self::Label(label) => f.write_str(label),
        }
    }
}

/// A request for a parameter, in one of its versions.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ParameterRequest {
    /// Its name or ARN.
    pub parameter: ParameterId,
    /// The version; the latest without one.
    pub selector: Option<ParameterSelector>,
}

impl ParameterRequest {
    /// Returns the request for the latest version.
    pub fn latest(parameter: ParameterId) -> Self {
        Self { parameter, selector: None }
    }

    /// Reads a name or an ARN, and after a colon a version or a label, as AWS does.
    pub fn parse(text: &str) -> Result<Self, ArnError> {
        let is_arn = text.starts_with("arn:");
        // The name in an ARN is its sixth part, and holds no colon either.
        let colons = if is_arn { 5 } else { 0 };
        let (id, selector) = match text.match_indices(':').nth(colons) {
            Some((at, _)) => (&text[..at], Some(&text[at + 1..])),
            None => (text, None),
        };
        let parameter =
            if is_arn { ParameterId::Arn(id.parse()?) } else { ParameterId::Name(id.to_owned()) };
        let selector = selector.map(|selector| match selector.parse() {
            Ok(number) => ParameterSelector::Version(number),
            Err(_) => ParameterSelector::Label(selector.to_owned()),
        });
        Ok(Self { parameter, selector })
    }

    /// Returns whether `parameter` is what is requested.
    pub fn is_for(&self, parameter: &Parameter) -> bool {
        let id = self.parameter.to_string();
        // A shared parameter has its ARN as its name, too.
        let named = parameter.name == id
            || matches!(self.parameter, ParameterId::Arn(_))
                && parameter.arn.as_deref() == Some(&id);
        let selector = parameter.selector.as_deref().map(|it| it.trim_start_matches(':'));
        named
            && match &self.selector {
                None => selector.unwrap_or_default().is_empty(),
                Some(asked) => selector == Some(&asked.to_string()),
            }
    }

    /// Returns it for messages, with `NAME` for a name and without a label that may not be shown.
    pub fn shown(&self) -> String {
        let name = self.parameter.shown();
        match &self.selector {
            Some(ParameterSelector::Label(label)) if !may_be_repeated(label) => name,
            Some(selector) => format!("{name}:{selector}"),
            None => name,
        }
    }

    /// Returns the values that must not be shown, even if AWS repeats them.
    pub fn hidden(&self) -> Vec<&str> {
        let label = match &self.selector {
            Some(ParameterSelector::Label(label)) => Some(label.as_str()),
            _ => None,
        };
        let label = label.filter(|label| !may_be_repeated(label));
        self.parameter.hidden().into_iter().chain(label).collect()
    }
}

impl FromStr for ParameterRequest {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        Self::parse(text)
    }
}

/// Renders it as AWS expects it: the name or the ARN, and after a colon the version.
impl fmt::Display for ParameterRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.selector {
            Some(selector) => write!(f, "{}:{selector}", self.parameter),
            None => self.parameter.fmt(f),
        }
    }
}

/// Whether the values of SecureStrings are decrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decryption {
    /// They are returned as plaintext.
    Decrypted,
    /// They are returned as ciphertext.
    Encrypted,
}

/// A parameter, as the service returned it.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name; of a parameter of another account, its ARN.
    pub name: String,
    /// `String`, `StringList` or `SecureString`.
    pub kind: String,
    /// The value.
    pub value: Secret,
    /// The number of the version.
    pub version: Option<i64>,
    /// The version or the label that was requested, after a colon.
    pub selector: Option<String>,
    /// What another service returned, for a parameter that refers to one.
    pub source_result: Option<Secret>,
    /// When the parameter was last changed, in microseconds since the Unix epoch.
    pub last_modified: Option<i64>,
    /// The ARN.
    pub arn: Option<String>,
    /// The data type, such as `text`.
    pub data_type: Option<String>,
}

impl Parameter {
    /// Returns the number of its version. Of a secret that was read as a parameter, all have the number 0:
    /// returns the id of the secret's version, if AWS returned it.
    pub fn version_id(&self) -> Option<String> {
        match &self.source_result {
            Some(source) => {
                let source: Option<SourceVersion<'_>> = serde_json::from_str(source.expose()).ok();
                source.and_then(|source| source.version_id).map(Cow::into_owned)
            }
            None => self.version.filter(|number| *number > 0).map(|number| number.to_string()),
        }
    }
}

/// What is needed of a secret as the Parameter Store returns it.
#[derive(Deserialize)]
struct SourceVersion<'a> {
    #[serde(alias = "VersionId", rename = "versionId", borrow)]
    version_id: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ParameterMembers {
    name: String,
    #[serde(default)]
    r#type: String,
    value: Secret,
    version: Option<i64>,
    selector: Option<String>,
    source_result: Option<Secret>,
    last_modified_date: Option<f64>,
    #[serde(rename = "ARN")]
    arn: Option<String>,
    data_type: Option<String>,
}

impl From<ParameterMembers> for Parameter {
    fn from(members: ParameterMembers) -> Self {
        Self {
            name: members.name,
            kind: members.r#type,
            value: members.value,
            version: members.version,
            selector: members.selector,
            source_result: members.source_result,
            last_modified: members.last_modified_date.map(microseconds),
            arn: members.arn,
            data_type: members.data_type,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:ssm:us-east-1:123456789012:parameter/prod/url";

    #[test]
    fn a_version_follows_the_name_after_a_colon() {
        let name = |name: &str| ParameterId::Name(name.to_owned());
        let label = |label: &str| Some(ParameterSelector::Label(label.to_owned()));
        let rows = [
            ("/prod/url", name("/prod/url"), None),
            ("/prod/url:3", name("/prod/url"), Some(ParameterSelector::Version(3))),
            ("url:blue", name("url"), label("blue")),
            (ARN, ParameterId::Arn(ARN.parse().unwrap()), None),
            (
                &format!("{ARN}:12"),
                ParameterId::Arn(ARN.parse().unwrap()),
                Some(ParameterSelector::Version(12)),
            ),
        ];
        for (text, parameter, selector) in rows {
            let request = ParameterRequest::parse(text).unwrap();
            assert_eq!(request, ParameterRequest { parameter, selector }, "{text}");
            assert_eq!(request.to_string(), text);
        }
        assert!(ParameterRequest::parse("arn:aws:s3:::bucket").is_err());
    }

    #[test]
    fn the_version_of_a_secret_is_its_id() {
        let parameter = |version, source: Option<&str>| Parameter {
            name: "/aws/reference/secretsmanager/db".to_owned(),
            kind: "SecureString".to_owned(),
            value: Secret::new("v".to_owned()),
            version: Some(version),
            selector: None,
            source_result: source.map(|source| Secret::new(source.to_owned())),
            last_modified: None,
            arn: None,
            data_type: None,
        };
        let version_id = |version, source| parameter(version, source).version_id();
        assert_eq!(version_id(3, None).as_deref(), Some("3"));
        assert_eq!(version_id(0, None), None);
        let source = r#"{"aRN":"arn","name":"db","versionId":"one","secretString":"\u0076"}"#;
        assert_eq!(version_id(0, Some(source)).as_deref(), Some("one"));
        assert_eq!(version_id(0, Some(r#"{"VersionId":"two"}"#)).as_deref(), Some("two"));
        for source in ["{}", "", "[]", r#"{"versionId":1}"#] {
            assert_eq!(version_id(0, Some(source)), None, "{source}");
        }
    }

    #[test]
    fn a_response_is_matched_by_name_or_arn_and_by_version() {
        let parameter = |selector: Option<&str>| Parameter {
            name: "/prod/url".to_owned(),
            kind: "String".to_owned(),
            value: Secret::new("v".to_owned()),
            version: Some(3),
            selector: selector.map(str::to_owned),
            source_result: None,
            last_modified: None,
            arn: Some(ARN.to_owned()),
            data_type: None,
        };
        let is_for = |text: &str, selector| {
            ParameterRequest::parse(text).unwrap().is_for(&parameter(selector))
        };
        assert!(is_for("/prod/url", None) && is_for(ARN, None));
        assert!(is_for("/prod/url:3", Some(":3")) && is_for(&format!("{ARN}:3"), Some(":3")));
        assert!(!is_for("/prod/url", Some(":3")) && !is_for("/prod/url:3", None));
        assert!(!is_for("/prod/ur", None) && !is_for("/prod/url:4", Some(":3")));
    }
}
