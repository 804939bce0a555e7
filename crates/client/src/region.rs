//! AWS Regions and partitions, as botocore's `partitions.json` lists them.

use std::fmt;
use std::sync::Arc;

/// A Region name such as `eu-central-1`, known to be safe inside a host name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Region(Arc<str>);

impl Region {
    /// Accepts words of lower-case letters and digits, joined by single hyphens, two at least.
    pub fn parse(name: &str) -> Option<Self> {
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let words = || name.split('-');
        let joined = words().all(|word| !word.is_empty() && word.bytes().all(legal));
        (joined && words().count() > 1 && name.len() <= 63).then(|| Self(name.into()))
    }

    /// Returns the Region of a FIPS pseudo-Region (`fips-us-east-1`, `us-gov-west-1-fips`),
    /// whose name must not get into the scope of a signature; `None` for a plain one.
    pub fn without_fips(&self) -> Option<Self> {
        let plain = self.0.strip_prefix("fips-").or_else(|| self.0.strip_suffix("-fips"))?;
        Self::parse(plain)
    }

    /// Returns the name as AWS spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the partition that the Region is in; `aws` for a name of no known pattern.
    pub fn partition(&self) -> Partition {
        let prefixed = |prefix: &str| self.0.starts_with(prefix);
        PREFIXES
            .iter()
            .find(|(prefix, _)| prefixed(prefix))
            .map_or(Partition::Aws, |(_, partition)| *partition)
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const PREFIXES: [(&str, Partition); 7] = [
    ("cn-", Partition::AwsCn),
    ("us-gov-", Partition::AwsUsGov),
    ("eusc-", Partition::AwsEusc),
    ("us-iso-", Partition::AwsIso),
    ("us-isob-", Partition::AwsIsoB),
    ("eu-isoe-", Partition::AwsIsoE),
    ("us-isof-", Partition::AwsIsoF),
];

/// A group of Regions with separate accounts, ARNs and host names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Partition {
    /// The commercial Regions.
    Aws,
    /// China.
    AwsCn,
    /// GovCloud.
    AwsUsGov,
    /// The European Sovereign Cloud.
    AwsEusc,
    /// US ISO.
    AwsIso,
    /// US ISOB.
    AwsIsoB,
    /// EU ISOE.
    AwsIsoE,
    /// US ISOF.
    AwsIsoF,
}

impl Partition {
    /// Reads the partition of an ARN, its second part.
    pub fn parse(name: &str) -> Option<Self> {
        ALL.into_iter().find(|partition| partition.as_str() == name)
    }

    /// Returns the name that ARNs carry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::AwsCn => "aws-cn",
            Self::AwsUsGov => "aws-us-gov",
            Self::AwsEusc => "aws-eusc",
            Self::AwsIso => "aws-iso",
            Self::AwsIsoB => "aws-iso-b",
            Self::AwsIsoE => "aws-iso-e",
            Self::AwsIsoF => "aws-iso-f",
        }
    }

    /// Returns the host name suffix of IPv4 endpoints.
    pub fn dns_suffix(self) -> &'static str {
        match self {
            Self::Aws | Self::AwsUsGov => "amazonaws.com",
            Self::AwsCn => "amazonaws.com.cn",
            Self::AwsEusc => "amazonaws.eu",
            Self::AwsIso => "c2s.ic.gov",
            Self::AwsIsoB => "sc2s.sgov.gov",
            Self::AwsIsoE => "cloud.adc-e.uk",
            Self::AwsIsoF => "csp.hci.ic.gov",
        }
    }

    /// Returns the host name suffix of dual-stack endpoints.
    pub fn dual_stack_dns_suffix(self) -> &'static str {
        match self {
            Self::Aws | Self::AwsUsGov => "api.aws",
            Self::AwsCn => "api.amazonwebservices.com.cn",
            Self::AwsEusc => "api.amazonwebservices.eu",
            Self::AwsIso => "api.aws.ic.gov",
            Self::AwsIsoB => "api.aws.scloud",
            Self::AwsIsoE => "api.cloud-aws.adc-e.uk",
            Self::AwsIsoF => "api.aws.hci.ic.gov",
        }
    }
}

const ALL: [Partition; 8] = [
    Partition::Aws,
    Partition::AwsCn,
    Partition::AwsUsGov,
    Partition::AwsEusc,
    Partition::AwsIso,
    Partition::AwsIsoB,
    Partition::AwsIsoE,
    Partition::AwsIsoF,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_partition_of_each_region() {
        let rows = [
            ("eu-central-1", "aws"),
            ("mx-central-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("eusc-de-east-1", "aws-eusc"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-south-1", "aws-iso-f"),
        ];
        for (region, partition) in rows {
            let found = Region::parse(region).unwrap().partition();
            assert_eq!(found.as_str(), partition, "{region}");
            assert_eq!(Partition::parse(partition), Some(found));
        }
    }

    #[test]
    fn refuses_what_could_leave_the_host_name() {
        for name in [
            "",
            "useast1",
            "-us-1",
            "us-1-",
            "us-east-1.evil.example",
            "us-east-1/",
            "US-1",
            "xn--a",
            "a--b",
        ] {
            assert_eq!(Region::parse(name), None, "{name}");
        }
    }

    #[test]
    fn takes_fips_out_of_a_pseudo_region() {
        let plain = |name| Region::parse(name).unwrap().without_fips().map(|r| r.to_string());
        assert_eq!(plain("us-gov-west-1-fips").as_deref(), Some("us-gov-west-1"));
        assert_eq!(plain("fips-us-east-1").as_deref(), Some("us-east-1"));
        assert_eq!(plain("us-east-1"), None);
    }
}
