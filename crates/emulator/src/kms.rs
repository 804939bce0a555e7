//! Whether a caller may use the KMS key of a secret or a parameter. There is no KMS here: a key is
//! a name, its policy lets its account decide, and nothing is encrypted.

use schemars::JsonSchema;

use crate::account::Resources;
use crate::arn::{Arn, Location};
use crate::caller::Caller;
use crate::policy::Context;
use crate::refusal::Refusal;
use crate::resource_access::ResourceAccess;

/// Why a key cannot decrypt what it has encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub(crate) enum KeyFailure {
    /// The caller may not use its KMS key: AccessDeniedException.
    KmsDenied,
    /// Its KMS key cannot decrypt it: DecryptionFailure or InvalidKeyId.
    BrokenKey,
}

impl KeyFailure {
    /// Returns what the configuration calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::KmsDenied => "kms-denied",
            Self::BrokenKey => "broken-key",
        }
    }
}

/// What a caller does with a key.
#[derive(Debug)]
pub(crate) struct KeyUse<'a> {
    pub(crate) caller: &'a Caller,
    /// Such as `kms:Decrypt`.
    pub(crate) action: &'a str,
    pub(crate) key: &'a Arn,
    /// With the encryption context.
    pub(crate) context: Context,
}

impl KeyUse<'_> {
    /// Refuses what no policy of the caller allows. The key's own policy counts as one that allows
    /// everyone whose own policies do, in other accounts too.
    pub(crate) fn check(self, resources: &Resources) -> Result<(), Refusal> {
        ResourceAccess {
            caller: self.caller,
            action: self.action,
            resource: self.key.as_str(),
            account: self.caller.account(),
            called: self.key.as_str(),
            policy: None,
            context: self.context,
        }
        .check(resources)
        .map_err(|refusal| Refusal { reason: "kms", ..refusal })
    }
}

/// Returns the ARN of a key, which is given by it, by its id or by an alias; `None` for the key that
/// AWS manages for a service, which everyone in the account may use through that service.
pub(crate) fn key_arn(location: &Location, key: &str) -> Option<Arn> {
    let resource = match key {
        _ if key.starts_with("arn:") => {
            let arn = Arn::parse(key).ok()?;
            return (!arn.resource().starts_with("alias/aws/")).then_some(arn);
        }
        _ if key.starts_with("alias/aws/") => return None,
        _ if key.starts_with("alias/") => key.to_owned(),
        _ => format!("key/{key}"),
    };
    Some(Arn::new("kms", location, &resource))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_an_arn_unless_aws_manages_it() {
        let here =
            Location { account: "123456789012".to_owned(), region: "eu-central-1".to_owned() };
        let arn = |key| key_arn(&here, key).map(|arn| arn.to_string());
        let of = |resource: &str| Some(format!("arn:aws:kms:eu-central-1:123456789012:{resource}"));
        assert_eq!(arn("1234abcd"), of("key/1234abcd"));
        assert_eq!(arn("alias/plant"), of("alias/plant"));
        let whole = "arn:aws:kms:eu-west-1:210987654321:key/1";
        assert_eq!(arn(whole).as_deref(), Some(whole));
        assert_eq!(arn("alias/aws/ssm"), None);
        assert_eq!(arn("arn:aws:kms:eu-west-1:210987654321:alias/aws/secretsmanager"), None);
    }
}
