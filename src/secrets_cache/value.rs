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
    /// The number of a parameter's version.
    number: Option<Box<str>>,
    /// The body of the format in which it was sent more than once.
    body: OnceCell<(BodyFormat, Bytes)>,
    /// Whether it was sent.
    was_sent: Cell<bool>,
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
        let number = match &mut content {
            FetchedValue::Secret(secret) => {
                secret.version_stages.shrink_to_fit();
                None
            }
            FetchedValue::Parameter(parameter) => parameter.version.map(|it| it.to_string().into()),
        };
        Self { content, number, body: OnceCell::new(), was_sent: Cell::default() }
    }

    /// Returns what AWS returned.
    pub fn content(&self) -> &FetchedValue {
        &self.content
    }

    /// Returns the id of the version, or the number of that of a parameter.
    pub fn version(&self) -> Option<&str> {
        match &self.content {
            FetchedValue::Secret(secret) => secret.version_id.as_deref(),
            FetchedValue::Parameter(_) => self.number.as_deref(),
        }
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
