//! Amazon Resource Names, and the partition that a Region is in.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>

use std::fmt;

use thiserror::Error;

/// `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`; Region and account may be empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Arn(String);

/// The text is not an ARN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not an ARN: expected arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE")]
pub(crate) struct ArnError;

impl Arn {
    /// Reads an ARN.
    pub(crate) fn parse(text: &str) -> Result<Self, ArnError> {
        let parts: Vec<_> = text.splitn(6, ':').collect();
        match parts[..] {
            ["arn", partition, service, _, _, resource]
                if [partition, service, resource].iter().all(|part| !part.is_empty()) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(ArnError),
        }
    }

    /// Returns the ARN of a resource of a location.
    pub(crate) fn new(service: &str, location: &Location, resource: &str) -> Self {
        let Location { account, region } = location;
        let partition = partition(region);
        Self(format!("arn:{partition}:{service}:{region}:{account}:{resource}"))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn partition(&self) -> &str {
        self.part(1)
    }

    pub(crate) fn service(&self) -> &str {
        self.part(2)
    }

    pub(crate) fn account(&self) -> &str {
        self.part(4)
    }

    /// Returns what follows the account, such as `role/path/Deep`.
    pub(crate) fn resource(&self) -> &str {
        self.part(5)
    }

    /// Returns what follows the last slash: the name of a role without its path.
    pub(crate) fn name(&self) -> &str {
        self.resource().rsplit('/').next().unwrap_or_default()
    }

    /// Returns account and Region.
    pub(crate) fn location(&self) -> Location {
        Location { account: self.account().to_owned(), region: self.part(3).to_owned() }
    }

    fn part(&self, index: usize) -> &str {
        self.0.splitn(6, ':').nth(index).unwrap_or_default()
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// An account in a Region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Location {
    /// Twelve digits.
    pub(crate) account: String,
    /// Such as `eu-central-1`.
    pub(crate) region: String,
}

/// Returns whether a text is the number of an account.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the partition of a Region, `aws` for one that no prefix is known of.
pub(crate) fn partition(region: &str) -> &'static str {
    const PREFIXES: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("eusc-", "aws-eusc"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-isof-", "aws-iso-f"),
    ];
    let found = PREFIXES.into_iter().find(|(prefix, _)| region.starts_with(prefix));
    found.map_or("aws", |(_, partition)| partition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_read_by_its_parts() {
        let arn = Arn::parse("arn:aws:iam::123456789012:role/path/Deep").unwrap();
        assert_eq!((arn.partition(), arn.service(), arn.account()), ("aws", "iam", "123456789012"));
        assert_eq!((arn.resource(), arn.name()), ("role/path/Deep", "Deep"));
        for wrong in ["", "arn:aws:iam::1", "arn:aws:iam::1:", "arn::iam::1:role/x", "x:a:b:c:d:e"]
        {
            assert_eq!(Arn::parse(wrong), Err(ArnError), "{wrong}");
        }
    }

    #[test]
    fn the_partition_follows_the_region() {
        let location = |region: &str| Location {
            account: "123456789012".to_owned(),
            region: region.to_owned(),
        };
        for (region, expected) in [
            ("eu-central-1", "arn:aws:ssm:eu-central-1:123456789012:x"),
            ("cn-north-1", "arn:aws-cn:ssm:cn-north-1:123456789012:x"),
            ("us-gov-west-1", "arn:aws-us-gov:ssm:us-gov-west-1:123456789012:x"),
            ("us-isob-east-1", "arn:aws-iso-b:ssm:us-isob-east-1:123456789012:x"),
        ] {
            let location = location(region);
            let arn = Arn::new("ssm", &location, "x");
            assert_eq!((arn.as_str(), arn.location()), (expected, location));
        }
    }
}
