//! What an entry is found by.

use std::borrow::Borrow;
use std::rc::Rc;

use super::read::ReadItem;
use super::upstream::{CallScope, ReadingRole};
use roles_anywhere_client::aws::get_secret_value::{SecretId, SecretRequest};
use roles_anywhere_client::aws::parameter::{Decryption, ParameterId, ParameterRequest};
use roles_anywhere_client::region::Region;

/// The staging label of the version that is read without another one.
pub(super) const CURRENT: &str = "AWSCURRENT";

/// What an entry is found by: role, Region, name or ARN, version. An entry has several.
#[derive(Clone, Eq, Hash, PartialEq)]
pub(super) struct EntryKey(Rc<str>);

/// Entries are found by the text of their key.
impl Borrow<str> for EntryKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl EntryKey {
    /// Returns the key of `item` for a role in a Region.
    pub(super) fn of(role: &ReadingRole, region: &Region, item: &ReadItem) -> Self {
        Self(Self::text(role, region, item).into())
    }

    /// Returns the text of the key of `item` for a role in a Region.
    pub(super) fn text(role: &ReadingRole, region: &Region, item: &ReadItem) -> String {
        match item {
            ReadItem::Secret(request) => text_of_secret(role, region, request, None),
            ReadItem::Parameter(request, decryption) => {
                let id = match &request.parameter {
                    ParameterId::Name(name) => name,
                    ParameterId::Arn(arn) => &arn.to_string(),
                };
                let selector = request.selector.as_ref().map(ToString::to_string);
                let service = match decryption {
                    Decryption::Decrypted => "d",
                    Decryption::Encrypted => "e",
                };
                joined(
                    [role.id.as_ref(), region.as_str(), service, id],
                    [selector.as_deref(), None],
                )
            }
        }
    }

    /// Returns the key of the same version of the same secret or parameter by another name or ARN.
    pub(super) fn with_id(scope: &CallScope, item: &ReadItem, id: &str) -> Self {
        let CallScope { role, region } = scope;
        match item {
            ReadItem::Secret(request) => {
                Self(text_of_secret(role, region, request, Some(id)).into())
            }
            ReadItem::Parameter(request, decryption) => {
                let parameter = ParameterId::Name(id.to_owned());
                let request = ParameterRequest { parameter, selector: request.selector.clone() };
                Self::of(role, region, &ReadItem::Parameter(request, *decryption))
            }
        }
    }

    /// Returns its bytes.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

fn text_of_secret(
    role: &ReadingRole,
    region: &Region,
    request: &SecretRequest,
    id: Option<&str>,
) -> String {
    let SecretRequest { secret, version_id, .. } = request;
    let arn;
    let id = match (id, secret) {
        (Some(id), _) => id,
        (None, SecretId::Name(name)) => name,
        (None, SecretId::Arn(it)) => {
            arn = it.to_string();
            &arn
        }
    };
    let id = [role.id.as_ref(), region.as_str(), "s", id];
    joined(id, [version_id.as_deref(), stage(request)])
}

/// Joins parts so that no other parts make the same text, whatever they hold. It is made for each read.
fn joined(id: [&str; 4], version: [Option<&str>; 2]) -> String {
    let length: usize = id.iter().map(|part| part.len() + 6).sum();
    let mut text = String::with_capacity(length + 16);
    for part in id.into_iter().map(Some).chain(version) {
        match part {
            Some(part) => {
                push_hex(&mut text, part.len());
                text.push(':');
                text.push_str(part);
            }
            None => text.push('-'),
        }
    }
    text
}

fn push_hex(text: &mut String, mut number: usize) {
    loop {
        // The digits in reverse are as good.
        text.extend(char::from_digit((number % 16).try_into().unwrap_or_default(), 16));
        number /= 16;
        if number == 0 {
            return;
        }
    }
}

/// Returns the staging label of the request; `None` for the current version.
pub(super) fn stage(request: &SecretRequest) -> Option<&str> {
    let is_default = |stage: &&str| request.version_id.is_none() && *stage == CURRENT;
    request.version_stage.as_deref().filter(|stage| !is_default(stage))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREVIOUS: &str = "AWSPREVIOUS";

    fn key(id: &str, version_id: Option<&str>, version_stage: Option<&str>) -> EntryKey {
        let role = ReadingRole {
            id: "app".into(),
            arn: "arn:aws:iam::123456789012:role/app".into(),
            account: "123456789012".into(),
            region: Region::parse("us-east-1").unwrap(),
        };
        let item = ReadItem::Secret(SecretRequest {
            secret: id.parse().unwrap(),
            version_id: version_id.map(str::to_owned),
            version_stage: version_stage.map(str::to_owned),
        });
        EntryKey::of(&role, &role.region, &item)
    }

    #[test]
    fn the_current_version_has_one_key() {
        assert!(key("a", None, None) == key("a", None, Some(CURRENT)));
        assert!(key("a", None, None) != key("a", None, Some(PREVIOUS)));
        assert!(key("a", Some("v"), None) != key("a", Some("v"), Some(CURRENT)));
        assert!(key("a", Some("v"), None) != key("a", None, Some("v")));
        assert!(key("a", None, None) != key("b", None, None));
    }

    #[test]
    fn no_name_imitates_another_key() {
        let rows =
            [("a", Some("b-")), ("a1:b", Some("-")), ("a-", None), ("a", None), ("a1:-", None)];
        for (at, (id, stage)) in rows.iter().enumerate() {
            for (other_id, other_stage) in &rows[at + 1..] {
                assert!(
                    key(id, None, *stage) != key(other_id, None, *other_stage),
                    "{id} {other_id}"
                );
            }
        }
    }
}
