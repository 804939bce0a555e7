//! What a copy is of: role, Region, account, secret or parameter, and which of its versions is asked for.

use super::record::FieldSink;
use crate::secrets_cache::{CallScope, FetchedValue, ReadItem};
use roles_anywhere_client::arn::{ParameterArn, SecretArn};
use roles_anywhere_client::aws::get_secret_value::{SecretId, SecretRequest};
use roles_anywhere_client::aws::parameter::{Decryption, ParameterId, ParameterRequest};

/// What a copy is of. There is one copy of it, of the version that AWS returned last: a secret that was
/// deleted and made again has the same identity.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CopyIdentity {
    /// The ARN of the role that read it.
    pub role: String,
    /// The Region that holds it.
    pub region: String,
    /// The account that holds it.
    pub account: String,
    /// Its kind.
    pub kind: CopyKind,
    /// Its name.
    pub name: String,
    /// The id of the version that is asked for, if one is.
    pub version_id: Option<String>,
    /// The staging label that is asked for, or a parameter's version or label; `None` for the current
    /// version.
    pub label: Option<String>,
}

/// The kind of what is copied.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CopyKind {
    /// A secret.
    Secret,
    /// A parameter, decrypted.
    Parameter,
    /// A parameter as ciphertext.
    EncryptedParameter,
}

impl CopyKind {
    /// All kinds.
    pub(super) const ALL: [Self; 3] = [Self::Secret, Self::Parameter, Self::EncryptedParameter];

    /// Returns its name in a copy.
    pub(super) fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Secret => b"secret",
            Self::Parameter => b"parameter",
            Self::EncryptedParameter => b"encrypted-parameter",
        }
    }

    fn of(item: &ReadItem) -> Self {
        match item {
            ReadItem::Secret(_) => Self::Secret,
            ReadItem::Parameter(_, Decryption::Decrypted) => Self::Parameter,
            ReadItem::Parameter(_, Decryption::Encrypted) => Self::EncryptedParameter,
        }
    }
}

impl CopyIdentity {
    /// Returns that of `value`, which was read as `item`.
    pub fn of(scope: &CallScope, item: &ReadItem, value: &FetchedValue) -> Self {
        let CallScope { role, region } = scope;
        let (version_id, label) = version_of(item);
        let given = region_and_account(value.arn());
        let (region, account) =
            given.unwrap_or_else(|| (region.as_str().to_owned(), role.account.as_ref().to_owned()));
        Self {
            role: role.arn.as_ref().to_owned(),
            region,
            account,
            kind: CopyKind::of(item),
            name: value.name().to_owned(),
            version_id: version_id.map(str::to_owned),
            label,
        }
    }

    /// Returns that of `item`, if it is asked for by its name.
    pub(super) fn of_name(CallScope { role, region }: &CallScope, item: &ReadItem) -> Option<Self> {
        let name = match item {
            ReadItem::Secret(SecretRequest { secret: SecretId::Name(name), .. }) => name,
            ReadItem::Parameter(ParameterRequest { parameter: ParameterId::Name(name), .. }, _) => {
                name
            }
            ReadItem::Secret(_) | ReadItem::Parameter(..) => return None,
        };
        let (version_id, label) = version_of(item);
        Some(Self {
            role: role.arn.as_ref().to_owned(),
            region: region.as_str().to_owned(),
            account: role.account.as_ref().to_owned(),
            kind: CopyKind::of(item),
            name: name.clone(),
            version_id: version_id.map(str::to_owned),
            label,
        })
    }

    /// Returns whether it is that of `item`; `arn` is the ARN of what was copied, if AWS returned one.
    pub fn is_of(&self, scope: &CallScope, item: &ReadItem, arn: Option<&str>) -> bool {
        let (version_id, label) = version_of(item);
        self.is_about(scope, item, arn)
            && (self.version_id.as_deref(), &self.label) == (version_id, &label)
    }

    /// Returns whether it is of a version of the secret or parameter that `item` is a version of.
    pub fn is_about(&self, scope: &CallScope, item: &ReadItem, arn: Option<&str>) -> bool {
        let CallScope { role, region } = scope;
        let is_own_account =
            self.region == region.as_str() && self.account == role.account.as_ref();
        let is_named = match item {
            ReadItem::Secret(SecretRequest { secret: SecretId::Name(name), .. }) => {
                is_own_account && self.name == *name
            }
            ReadItem::Secret(SecretRequest { secret, .. }) => {
                arn.is_some_and(|arn| secret.is_of(arn, &self.name))
            }
            ReadItem::Parameter(ParameterRequest { parameter, .. }, _) => match parameter {
                ParameterId::Name(name) => is_own_account && self.name == *name,
                // A shared parameter has its ARN as its name, too.
                ParameterId::Arn(asked) => {
                    let asked = asked.to_string();
                    arn == Some(&asked) || self.name == asked
                }
            },
        };
        is_named && self.role == role.arn.as_ref() && self.kind == CopyKind::of(item)
    }

    /// Writes it for a copy, or for the name of its file.
    pub(super) fn write(&self, sink: &mut FieldSink<'_>) {
        for text in [&self.role, &self.region, &self.account] {
            sink.bytes(text.as_bytes());
        }
        sink.bytes(self.kind.as_bytes());
        sink.bytes(self.name.as_bytes());
        sink.optional(self.version_id.as_deref().map(str::as_bytes));
        sink.optional(self.label.as_deref().map(str::as_bytes));
    }
}

/// Returns the id and the label of the version that is asked for.
fn version_of(item: &ReadItem) -> (Option<&str>, Option<String>) {
    match item {
        ReadItem::Secret(SecretRequest { version_id, version_stage, .. }) => {
            let is_default = |stage: &&String| version_id.is_none() && *stage == "AWSCURRENT";
            let stage = version_stage.as_ref().filter(|stage| !is_default(stage));
            (version_id.as_deref(), stage.cloned())
        }
        ReadItem::Parameter(request, _) => {
            (None, request.selector.as_ref().map(ToString::to_string))
        }
    }
}

/// Returns the Region and the account in an ARN.
fn region_and_account(arn: Option<&str>) -> Option<(String, String)> {
    let arn = arn?;
    let of_secret = arn.parse::<SecretArn>().ok();
    let of_secret =
        of_secret.map(|arn| (arn.region().as_str().to_owned(), arn.account().to_owned()));
    of_secret.or_else(|| {
        let arn = arn.parse::<ParameterArn>().ok()?;
        Some((arn.region().as_str().to_owned(), arn.account().to_owned()))
    })
}
