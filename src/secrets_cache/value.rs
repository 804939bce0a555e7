//! A value in memory.

use std::cell::{Cell, OnceCell};
use std::fmt;

use hyper::body::Bytes;

use roles_anywhere_client::aws::get_secret_value::{SecretValue, SecretVersion};
use roles_anywhere_client::aws::parameter::Parameter;
use roles_anywhere_client::secret::{Secret, SecretBytes};

/// A value that is wiped when its last reader has dropped it. `Debug` does not show it.
pub struct CachedValue {
    content: FetchedValue,
    /// The version of a parameter.
    version: Option<ParameterTag>,
    /// The body of the format in which it was sent more than once.
    body: OnceCell<(BodyFormat, Bytes)>,
    /// Whether it was sent.
    was_sent: Cell<bool>,
}

/// The version of a parameter, as texts.
struct ParameterTag {
    /// The number or the id, and what tells it from that of another parameter that had its name before.
    tag: Box<str>,
    /// The bytes of the number or the id.
    length: usize,
}

/// A version of a secret or a parameter, as AWS returned it.
#[derive(Clone, Debug)]
pub enum FetchedValue {
    /// Of a secret.
    Secret(SecretVersion),
    /// Of a parameter.
    Parameter(Parameter),
}

/// A format in which values are sent to readers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BodyFormat {
    /// That of AWS's agent.
    Agent,
    /// That of the Lambda extension.
    LambdaExtension,
}

/// Rendered bytes, which are wiped when the last copy of them is dropped.
struct WipedBody(SecretBytes);

impl AsRef<[u8]> for WipedBody {
    fn as_ref(&self) -> &[u8] {
        self.0.expose()
    }
}

impl CachedValue {
    /// Takes what AWS returned.
    pub fn new(mut content: FetchedValue) -> Self {
        let version = match &mut content {
            FetchedValue::Secret(secret) => {
                secret.version_stages.shrink_to_fit();
                None
            }
            FetchedValue::Parameter(parameter) => ParameterTag::of(parameter),
        };
        Self { content, version, body: OnceCell::new(), was_sent: Cell::default() }
    }

    /// Returns what AWS returned.
    pub fn content(&self) -> &FetchedValue {
        &self.content
    }

    /// Returns the id of the version, or the number of that of a parameter. Of a secret that was read as a
    /// parameter, the id.
    pub fn version(&self) -> Option<&str> {
        match &self.content {
            FetchedValue::Secret(secret) => secret.version_id.as_deref(),
            FetchedValue::Parameter(_) => {
                let version = self.version.as_ref()?;
                version.tag.get(..version.length)
            }
        }
    }

    /// Returns a text that no other version has, and no other parameter that was made again with the same
    /// name.
    pub fn tag(&self) -> Option<&str> {
        match &self.content {
            FetchedValue::Secret(secret) => secret.version_id.as_deref(),
            FetchedValue::Parameter(_) => self.version.as_ref().map(|version| &*version.tag),
        }
    }

    /// Returns whether a client means this version: by its id or number, or by its tag.
    pub fn is_version(&self, known: &str) -> bool {
        self.version() == Some(known) || self.tag() == Some(known)
    }

    /// Returns it in a format. What is sent more than once is kept; of most secrets, that would be a second
    /// copy that is not needed.
    pub fn body(
        &self,
        format: BodyFormat,
        render: impl FnOnce(&FetchedValue) -> SecretBytes,
    ) -> Bytes {
        if let Some((kept, body)) = self.body.get()
            && *kept == format
        {
            return body.clone();
        }
        let body = Bytes::from_owner(WipedBody(render(&self.content)));
        if self.was_sent.replace(true) {
            // One in another format stays.
            let _ = self.body.set((format, body.clone()));
        }
        body
    }

    /// Returns the bytes that it takes. Until it is rendered, its body counts as long as the value.
    pub(super) fn size(&self) -> usize {
        // Names, dates and the entry itself.
        const OVERHEAD: usize = 1_024;
        let value = self.content.value_bytes().len();
        let source = match &self.content {
            FetchedValue::Parameter(Parameter { source_result: Some(text), .. }) => {
                text.expose().len()
            }
            FetchedValue::Parameter(_) | FetchedValue::Secret(_) => 0,
        };
        let body = self.body.get().map_or(value + source, |(_, body)| body.len());
        OVERHEAD + value + source + body
    }

    /// Returns whether `other` is the same to readers.
    pub(super) fn is_same(&self, other: &FetchedValue) -> bool {
        let is_same_value = self.content.value_bytes() == other.value_bytes();
        is_same_value
            && match (&self.content, other) {
                (FetchedValue::Secret(one), FetchedValue::Secret(other)) => {
                    let of = |it: &SecretVersion| {
                        let is_text = matches!(it.value, SecretValue::Text(_));
                        (it.arn.clone(), it.name.clone(), it.version_id.clone(), is_text)
                    };
                    of(one) == of(other)
                        && one.version_stages == other.version_stages
                        && one.created == other.created
                }
                (FetchedValue::Parameter(one), FetchedValue::Parameter(other)) => {
                    let of = |it: &Parameter| {
                        (it.name.clone(), it.arn.clone(), it.version, it.kind.clone())
                    };
                    let source = |it: &Parameter, other: &Parameter| {
                        it.source_result.as_ref().map(Secret::expose)
                            == other.source_result.as_ref().map(Secret::expose)
                    };
                    of(one) == of(other)
                        && (one.last_modified, &one.data_type)
                            == (other.last_modified, &other.data_type)
                        && source(one, other)
                }
                _ => false,
            }
    }
}

impl ParameterTag {
    fn of(parameter: &Parameter) -> Option<Self> {
        let mut tag = parameter.version_id()?;
        let length = tag.len();
        // An id is of one secret only.
        let modified = parameter.last_modified.filter(|_| parameter.source_result.is_none());
        if let Some(modified) = modified {
            tag.push('-');
            tag.push_str(&modified.to_string());
        }
        Some(Self { tag: tag.into(), length })
    }
}

impl FetchedValue {
    /// Returns the ARN, if AWS returned one.
    pub fn arn(&self) -> Option<&str> {
        match self {
            Self::Secret(secret) => Some(&secret.arn),
            Self::Parameter(parameter) => parameter.arn.as_deref(),
        }
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        match self {
            Self::Secret(secret) => &secret.name,
            Self::Parameter(parameter) => &parameter.name,
        }
    }

    fn value_bytes(&self) -> &[u8] {
        match self {
            Self::Secret(SecretVersion { value: SecretValue::Text(text), .. }) => {
                text.expose().as_bytes()
            }
            Self::Secret(SecretVersion { value: SecretValue::Binary(bytes), .. }) => bytes.expose(),
            Self::Parameter(parameter) => parameter.value.expose().as_bytes(),
        }
    }
}

impl fmt::Debug for CachedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} version {:?}>", self.content.name(), self.version())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(last_modified: i64, source_result: Option<&str>) -> CachedValue {
        CachedValue::new(FetchedValue::Parameter(Parameter {
            name: "/prod/url".to_owned(),
            kind: "String".to_owned(),
            value: Secret::new("v".to_owned()),
            version: Some(if source_result.is_some() { 0 } else { 1 }),
            selector: None,
            source_result: source_result.map(|source| Secret::new(source.to_owned())),
            last_modified: Some(last_modified),
            arn: None,
            data_type: None,
        }))
    }

    #[test]
    fn a_parameter_that_was_made_again_has_another_tag() {
        let (first, second) = (parameter(10, None), parameter(20, None));
        assert_eq!((first.version(), second.version()), (Some("1"), Some("1")));
        assert_ne!(first.tag(), second.tag());
        assert!(first.is_version("1") && first.is_version(first.tag().unwrap()));
        assert!(!second.is_version(first.tag().unwrap()));
    }

    #[test]
    fn a_secret_that_is_read_as_a_parameter_has_the_version_of_the_secret() {
        let of = |id: &str| parameter(10, Some(&format!(r#"{{"versionId":"{id}"}}"#)));
        assert_eq!((of("one").version(), of("one").tag()), (Some("one"), Some("one")));
        assert!(!of("two").is_version("one"));
        assert_eq!(parameter(10, Some("{}")).tag(), None);
    }
}
