//! Amazon Resource Names: of trust anchor, profile and role, of a secret and of a parameter.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>

use std::fmt;
use std::str::FromStr;

use crate::region::{Partition, Region};
use crate::text::escape;

/// The ARN of a Roles Anywhere trust anchor; the session is created in its Region.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrustAnchorArn(Arn, Region);

/// The ARN of a Roles Anywhere profile.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProfileArn(Arn, Region);

/// The ARN of an IAM role.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RoleArn(Arn);

/// The ARN of a Secrets Manager secret, with or without its six random characters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SecretArn(Arn, Region);

/// The ARN of a parameter of the Parameter Store.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ParameterArn(Arn, Region);

impl TrustAnchorArn {
    /// Returns the id of the trust anchor, the last part of its ARN.
    pub fn id(&self) -> &str {
        self.0.text.rsplit('/').next().unwrap_or_default()
    }

    /// Returns the account that holds it, twelve digits.
    pub fn account(&self) -> &str {
        self.0.account()
    }

    /// Returns the Region that holds the trust anchor.
    pub fn region(&self) -> &Region {
        &self.1
    }

    /// Returns the partition.
    pub fn partition(&self) -> Partition {
        self.0.partition
    }
}

impl ProfileArn {
    /// Returns the id of the profile, the last part of its ARN.
    pub fn id(&self) -> &str {
        self.0.text.rsplit('/').next().unwrap_or_default()
    }

    /// Returns the account that holds it, twelve digits.
    pub fn account(&self) -> &str {
        self.0.account()
    }

    /// Returns the Region that holds the profile.
    pub fn region(&self) -> &Region {
        &self.1
    }

    /// Returns the partition.
    pub fn partition(&self) -> Partition {
        self.0.partition
    }
}

impl RoleArn {
    /// Returns the name of the role, without its path.
    pub fn name(&self) -> &str {
        self.0.text.rsplit('/').next().unwrap_or_default()
    }

    /// Returns the account that holds the role, twelve digits.
    pub fn account(&self) -> &str {
        self.0.account()
    }

    /// Returns the partition.
    pub fn partition(&self) -> Partition {
        self.0.partition
    }
}

impl SecretArn {
    /// Returns the Region that holds the secret.
    pub fn region(&self) -> &Region {
        &self.1
    }

    /// Returns the partition.
    pub fn partition(&self) -> Partition {
        self.0.partition
    }

    /// Returns the account that holds the secret, twelve digits.
    pub fn account(&self) -> &str {
        self.0.account()
    }
}

impl ParameterArn {
    /// Returns the Region that holds the parameter.
    pub fn region(&self) -> &Region {
        &self.1
    }

    /// Returns the partition.
    pub fn partition(&self) -> Partition {
        self.0.partition
    }

    /// Returns the account that holds the parameter, twelve digits.
    pub fn account(&self) -> &str {
        self.0.account()
    }
}

impl FromStr for TrustAnchorArn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        Arn::regional(text, &TRUST_ANCHOR).map(|(arn, region)| Self(arn, region))
    }
}

impl FromStr for ProfileArn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        Arn::regional(text, &PROFILE).map(|(arn, region)| Self(arn, region))
    }
}

impl FromStr for RoleArn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        match Arn::parse(text, &ROLE)? {
            (arn, "") => Ok(Self(arn)),
            (_, region) => Err(ArnError::GlobalResource { region: region.to_owned() }),
        }
    }
}

impl FromStr for SecretArn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        Arn::regional(text, &SECRET).map(|(arn, region)| Self(arn, region))
    }
}

impl FromStr for ParameterArn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        Arn::regional(text, &PARAMETER).map(|(arn, region)| Self(arn, region))
    }
}

impl fmt::Display for TrustAnchorArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Display for ProfileArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Display for SecretArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Display for ParameterArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

/// A text is not the expected ARN.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ArnError {
    /// It does not have six parts, or the first is not `arn`.
    #[error("not an ARN: expected `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`")]
    Malformed,
    /// It is longer than any ARN that the service takes.
    #[error("it is longer than 1011 characters, the limit of the service")]
    TooLong,
    /// Its partition is not one of the eight.
    #[error("`{0}` is not an AWS partition")]
    Partition(String),
    /// It names another kind of resource.
    #[error("expected the ARN of {expected}, got that of `{found}`")]
    Kind {
        /// What it is, e.g. `iam role/App`.
        found: String,
        /// What was expected, e.g. `a trust anchor (rolesanywhere trust-anchor/…)`.
        expected: &'static str,
    },
    /// Nothing follows the kind of the resource.
    #[error("the name or ID after `{0}` is missing")]
    NoResource(&'static str),
    /// The account is not twelve digits.
    #[error("`{0}` is not an account ID of 12 digits")]
    Account(String),
    /// The Region is missing or malformed.
    #[error("`{0}` is not a Region")]
    Region(String),
    /// The Region lies in another partition than the ARN.
    #[error("the Region `{region}` is not in the partition `{partition}`")]
    RegionPartition {
        /// The Region.
        region: String,
        /// The partition that the ARN names.
        partition: &'static str,
    },
    /// A Region in the ARN of a global resource.
    #[error("the ARN of a role has no Region, but this one has `{region}`")]
    GlobalResource {
        /// The Region that should not be there.
        region: String,
    },
    /// A character that no ARN has: a space, a control character, a quote.
    #[error("an ARN cannot contain {}", escape::character(*.0))]
    Character(char),
}

/// The length of an account ID.
const ACCOUNT_DIGITS: usize = 12;

struct Shape {
    service: &'static str,
    prefix: &'static str,
    expected: &'static str,
}

const TRUST_ANCHOR: Shape = Shape {
    service: "rolesanywhere",
    prefix: "trust-anchor/",
    expected: "a trust anchor (`rolesanywhere trust-anchor/…`)",
};
const PROFILE: Shape = Shape {
    service: "rolesanywhere",
    prefix: "profile/",
    expected: "a profile (`rolesanywhere profile/…`)",
};
const ROLE: Shape = Shape { service: "iam", prefix: "role/", expected: "a role (`iam role/…`)" };
const SECRET: Shape = Shape {
    service: "secretsmanager",
    prefix: "secret:",
    expected: "a secret (`secretsmanager secret:…`)",
};
const PARAMETER: Shape =
    Shape { service: "ssm", prefix: "parameter/", expected: "a parameter (`ssm parameter/…`)" };

#[derive(Clone, Debug, Eq, PartialEq)]
struct Arn {
    text: Box<str>,
    partition: Partition,
    /// Where the account begins in the text.
    account: usize,
}

impl Arn {
    /// Returns the ARN, and what it has for a Region.
    fn parse<'a>(text: &'a str, shape: &Shape) -> Result<(Self, &'a str), ArnError> {
        if text.len() > 1011 {
            return Err(ArnError::TooLong);
        }
        let strange = |c: &char| !c.is_ascii_graphic() || matches!(c, '"' | '\'' | '\\');
        if let Some(character) = text.chars().find(strange) {
            return Err(ArnError::Character(character));
        }
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, service, region, account, resource] = parts[..] else {
            return Err(ArnError::Malformed);
        };
        let partition =
            Partition::parse(partition).ok_or_else(|| ArnError::Partition(partition.to_owned()))?;
        if service != shape.service || !resource.starts_with(shape.prefix) {
            let found = format!("{service} {resource}");
            return Err(ArnError::Kind { found, expected: shape.expected });
        }
        if resource.len() == shape.prefix.len() {
            return Err(ArnError::NoResource(shape.prefix));
        }
        if account.len() != ACCOUNT_DIGITS || !account.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(ArnError::Account(account.to_owned()));
        }
        // `:` is before the resource.
        let begin = text.len() - resource.len() - 1 - account.len();
        Ok((Self { text: text.into(), partition, account: begin }, region))
    }

    fn regional(text: &str, shape: &Shape) -> Result<(Self, Region), ArnError> {
        let (arn, name) = Self::parse(text, shape)?;
        let region = Region::parse(name).ok_or_else(|| ArnError::Region(name.to_owned()))?;
        if region.partition() != arn.partition {
            let partition = arn.partition.as_str();
            return Err(ArnError::RegionPartition { region: name.to_owned(), partition });
        }
        Ok((arn, region))
    }

    fn account(&self) -> &str {
        &self.text[self.account..][..ACCOUNT_DIGITS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANCHOR: &str = "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a-b";

    #[test]
    fn reads_the_region_and_the_account() {
        let anchor: TrustAnchorArn = ANCHOR.parse().unwrap();
        assert_eq!(anchor.region().as_str(), "eu-central-1");
        assert_eq!(anchor.to_string(), ANCHOR);
        let role: RoleArn = "arn:aws-cn:iam::123456789012:role/a/b/c".parse().unwrap();
        assert_eq!(role.account(), "123456789012");
        assert_eq!(role.name(), "c");
        assert_eq!(role.partition(), Partition::AwsCn);
        let secret: SecretArn =
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:a/b-AbCdEf".parse().unwrap();
        assert_eq!(secret.region().as_str(), "us-east-1");
        let parameter: ParameterArn =
            "arn:aws:ssm:us-east-1:123456789012:parameter/prod/url".parse().unwrap();
        assert_eq!(
            (parameter.region().as_str(), parameter.account()),
            ("us-east-1", "123456789012")
        );
    }

    #[test]
    fn a_role_is_not_a_trust_anchor() {
        let error = "arn:aws:iam::123456789012:role/r".parse::<TrustAnchorArn>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected the ARN of a trust anchor (`rolesanywhere trust-anchor/…`), got that of `iam role/r`"
        );
    }

    #[test]
    fn malformed_arns_are_refused() {
        let refused = |text: &str| text.parse::<TrustAnchorArn>().unwrap_err();
        assert_eq!(refused(""), ArnError::Malformed);
        assert_eq!(refused("arn:aws:rolesanywhere"), ArnError::Malformed);
        assert_eq!(refused(&"a".repeat(1012)), ArnError::TooLong);
        assert_eq!(refused(&ANCHOR.replace("aws", "azure")), ArnError::Partition("azure".into()));
        assert_eq!(refused(&ANCHOR.replace("123", "")), ArnError::Account("456789012".into()));
        assert_eq!(refused(&ANCHOR.replace("a-b", "")), ArnError::NoResource("trust-anchor/"));
        assert_eq!(refused(&ANCHOR.replace("eu-central-1", "")), ArnError::Region(String::new()));
        assert_eq!(refused(&ANCHOR.replace("a-b", "a b")), ArnError::Character(' '));
    }

    #[test]
    fn refuses_a_region_of_another_partition() {
        let text = ANCHOR.replace("eu-central-1", "cn-north-1");
        assert_eq!(
            text.parse::<TrustAnchorArn>().unwrap_err().to_string(),
            "the Region `cn-north-1` is not in the partition `aws`"
        );
    }

    #[test]
    fn refuses_a_region_in_the_arn_of_a_role() {
        let error = "arn:aws:iam:us-east-1:123456789012:role/r".parse::<RoleArn>().unwrap_err();
        assert_eq!(error, ArnError::GlobalResource { region: "us-east-1".to_owned() });
    }
}
