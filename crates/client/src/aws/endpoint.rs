//! The endpoints of AWS services, by the rule sets of botocore.

mod iam;

use crate::http::Endpoint;
use crate::region::{Partition, Region};

/// An AWS service that this library calls.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Service {
    /// IAM, which has one endpoint for each partition.
    Iam,
    /// IAM Roles Anywhere.
    RolesAnywhere,
    /// Secrets Manager.
    SecretsManager,
    /// Systems Manager, whose Parameter Store it is.
    Ssm,
    /// The Security Token Service.
    Sts,
}

impl Service {
    /// Returns the signing name, which is also the prefix of the host name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Iam => "iam",
            Self::RolesAnywhere => "rolesanywhere",
            Self::SecretsManager => "secretsmanager",
            Self::Ssm => "ssm",
            Self::Sts => "sts",
        }
    }
}

/// The kind of a service's endpoint.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Variant {
    /// Its cryptography is validated under FIPS 140.
    pub fips: bool,
    /// It is reachable by IPv4 and IPv6.
    pub dual_stack: bool,
}

impl Variant {
    /// Returns whether it is the plain endpoint.
    pub fn is_plain(self) -> bool {
        self == Self::default()
    }
}

/// An endpoint of a service, and its Region.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RegionalEndpoint {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The Region that requests are signed for.
    pub region: Region,
}

impl RegionalEndpoint {
    /// Returns the public endpoint of `service` in `region`, or in the partition of `region` if that is all
    /// there is.
    pub fn of(service: Service, region: Region) -> Self {
        let variant = Variant::default();
        let endpoint = of(service, &region, variant);
        let region = match service {
            Service::Iam => signing_region(service, &region, variant),
            _ => region,
        };
        Self { endpoint, region }
    }
}

/// Returns the Region that requests to `service` in `region` are signed for.
pub fn signing_region(service: Service, region: &Region, variant: Variant) -> Region {
    match service {
        Service::Iam => iam::signing_region(region.partition(), variant),
        _ => region.clone(),
    }
}

/// Returns the endpoint of `service` in `region`.
pub fn of(service: Service, region: &Region, variant: Variant) -> Endpoint {
    let partition = region.partition();
    if service == Service::Iam {
        return iam::endpoint(partition, variant);
    }
    let has_own_host = variant.fips && !is_always_fips(service, partition, variant);
    let fips = if has_own_host { "-fips" } else { "" };
    let suffix = match (variant.dual_stack, same_host_for_both(service, partition)) {
        (true, false) => partition.dual_stack_dns_suffix(),
        _ => partition.dns_suffix(),
    };
    Endpoint::parse(&format!("https://{}{fips}.{region}.{suffix}", service.name()))
        .expect("a Region holds letters, digits and hyphens alone")
}

/// The ordinary IPv4 hosts of STS and of Systems Manager in GovCloud are the FIPS ones.
fn is_always_fips(service: Service, partition: Partition, variant: Variant) -> bool {
    matches!(service, Service::Sts | Service::Ssm)
        && partition == Partition::AwsUsGov
        && !variant.dual_stack
}

/// Secrets Manager's ordinary hosts are dual-stack in these partitions and have no `api.aws` name.
fn same_host_for_both(service: Service, partition: Partition) -> bool {
    service == Service::SecretsManager
        && matches!(partition, Partition::Aws | Partition::AwsUsGov | Partition::AwsCn)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Variant = Variant { fips: false, dual_stack: false };
    const FIPS: Variant = Variant { fips: true, dual_stack: false };
    const DUAL: Variant = Variant { fips: false, dual_stack: true };
    const BOTH: Variant = Variant { fips: true, dual_stack: true };

    fn host(service: Service, region: &str, variant: Variant) -> String {
        of(service, &Region::parse(region).unwrap(), variant).host().to_owned()
    }

    /// The eight partitions, as botocore 1.43's `EndpointProvider` resolves them.
    #[test]
    fn resolves_roles_anywhere_in_every_partition() {
        let rows = [
            ("us-east-1", PLAIN, "rolesanywhere.us-east-1.amazonaws.com"),
            ("us-east-1", FIPS, "rolesanywhere-fips.us-east-1.amazonaws.com"),
            ("us-east-1", DUAL, "rolesanywhere.us-east-1.api.aws"),
            ("us-east-1", BOTH, "rolesanywhere-fips.us-east-1.api.aws"),
            ("cn-north-1", PLAIN, "rolesanywhere.cn-north-1.amazonaws.com.cn"),
            ("cn-north-1", DUAL, "rolesanywhere.cn-north-1.api.amazonwebservices.com.cn"),
            ("us-gov-west-1", FIPS, "rolesanywhere-fips.us-gov-west-1.amazonaws.com"),
            ("us-gov-west-1", DUAL, "rolesanywhere.us-gov-west-1.api.aws"),
            ("eusc-de-east-1", PLAIN, "rolesanywhere.eusc-de-east-1.amazonaws.eu"),
            ("eusc-de-east-1", DUAL, "rolesanywhere.eusc-de-east-1.api.amazonwebservices.eu"),
            ("us-iso-east-1", PLAIN, "rolesanywhere.us-iso-east-1.c2s.ic.gov"),
            ("us-iso-east-1", DUAL, "rolesanywhere.us-iso-east-1.api.aws.ic.gov"),
            ("us-isob-east-1", PLAIN, "rolesanywhere.us-isob-east-1.sc2s.sgov.gov"),
            ("us-isob-east-1", DUAL, "rolesanywhere.us-isob-east-1.api.aws.scloud"),
            ("eu-isoe-west-1", PLAIN, "rolesanywhere.eu-isoe-west-1.cloud.adc-e.uk"),
            ("eu-isoe-west-1", DUAL, "rolesanywhere.eu-isoe-west-1.api.cloud-aws.adc-e.uk"),
            ("us-isof-south-1", PLAIN, "rolesanywhere.us-isof-south-1.csp.hci.ic.gov"),
            ("us-isof-south-1", DUAL, "rolesanywhere.us-isof-south-1.api.aws.hci.ic.gov"),
        ];
        for (region, variant, expected) in rows {
            assert_eq!(host(Service::RolesAnywhere, region, variant), expected);
        }
    }

    #[test]
    fn resolves_secrets_manager_with_its_own_dual_stack_rule() {
        let rows = [
            ("us-east-1", DUAL, "secretsmanager.us-east-1.amazonaws.com"),
            ("us-gov-west-1", BOTH, "secretsmanager-fips.us-gov-west-1.amazonaws.com"),
            ("cn-north-1", DUAL, "secretsmanager.cn-north-1.amazonaws.com.cn"),
            ("eusc-de-east-1", DUAL, "secretsmanager.eusc-de-east-1.api.amazonwebservices.eu"),
            ("us-iso-east-1", PLAIN, "secretsmanager.us-iso-east-1.c2s.ic.gov"),
        ];
        for (region, variant, expected) in rows {
            assert_eq!(host(Service::SecretsManager, region, variant), expected);
        }
    }

    #[test]
    fn resolves_systems_manager_whose_hosts_in_govcloud_are_the_fips_ones() {
        let rows = [
            ("us-east-1", PLAIN, "ssm.us-east-1.amazonaws.com"),
            ("us-east-1", FIPS, "ssm-fips.us-east-1.amazonaws.com"),
            ("us-east-1", DUAL, "ssm.us-east-1.api.aws"),
            ("us-east-1", BOTH, "ssm-fips.us-east-1.api.aws"),
            ("us-gov-east-1", PLAIN, "ssm.us-gov-east-1.amazonaws.com"),
            ("us-gov-west-1", FIPS, "ssm.us-gov-west-1.amazonaws.com"),
            ("us-gov-west-1", DUAL, "ssm.us-gov-west-1.api.aws"),
            ("us-gov-west-1", BOTH, "ssm-fips.us-gov-west-1.api.aws"),
            ("cn-north-1", FIPS, "ssm-fips.cn-north-1.amazonaws.com.cn"),
            ("cn-north-1", DUAL, "ssm.cn-north-1.api.amazonwebservices.com.cn"),
            ("eusc-de-east-1", BOTH, "ssm-fips.eusc-de-east-1.api.amazonwebservices.eu"),
            ("us-iso-east-1", DUAL, "ssm.us-iso-east-1.api.aws.ic.gov"),
            ("us-isob-east-1", PLAIN, "ssm.us-isob-east-1.sc2s.sgov.gov"),
            ("eu-isoe-west-1", DUAL, "ssm.eu-isoe-west-1.api.cloud-aws.adc-e.uk"),
            ("us-isof-south-1", FIPS, "ssm-fips.us-isof-south-1.csp.hci.ic.gov"),
        ];
        for (region, variant, expected) in rows {
            assert_eq!(host(Service::Ssm, region, variant), expected);
        }
    }

    #[test]
    fn resolves_sts_whose_hosts_in_govcloud_are_the_fips_ones() {
        let rows = [
            ("eu-central-1", PLAIN, "sts.eu-central-1.amazonaws.com"),
            ("us-east-1", FIPS, "sts-fips.us-east-1.amazonaws.com"),
            ("us-east-1", DUAL, "sts.us-east-1.api.aws"),
            ("us-east-1", BOTH, "sts-fips.us-east-1.api.aws"),
            ("us-gov-west-1", PLAIN, "sts.us-gov-west-1.amazonaws.com"),
            ("us-gov-west-1", FIPS, "sts.us-gov-west-1.amazonaws.com"),
            ("us-gov-west-1", DUAL, "sts.us-gov-west-1.api.aws"),
            ("us-gov-west-1", BOTH, "sts-fips.us-gov-west-1.api.aws"),
            ("cn-north-1", DUAL, "sts.cn-north-1.api.amazonwebservices.com.cn"),
            ("eusc-de-east-1", BOTH, "sts-fips.eusc-de-east-1.api.amazonwebservices.eu"),
            ("us-isof-south-1", PLAIN, "sts.us-isof-south-1.csp.hci.ic.gov"),
        ];
        for (region, variant, expected) in rows {
            assert_eq!(host(Service::Sts, region, variant), expected);
        }
    }
}
