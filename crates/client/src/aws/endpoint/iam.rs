//! The endpoints of IAM: one for each partition, by the rule set of botocore.

use super::Variant;
use crate::http::Endpoint;
use crate::region::{Partition, Region};

/// Returns the endpoint in `partition`.
pub(super) fn endpoint(partition: Partition, variant: Variant) -> Endpoint {
    let suffix = match variant.dual_stack {
        true => partition.dual_stack_dns_suffix(),
        false => partition.dns_suffix(),
    };
    // GovCloud's ordinary hosts are the FIPS ones.
    let fips = match variant.fips && partition != Partition::AwsUsGov {
        true => "-fips",
        false => "",
    };
    let label = label(partition, variant).map(|label| format!("{label}."));
    Endpoint::parse(&format!("https://iam{fips}.{}{suffix}", label.unwrap_or_default()))
        .expect("every part of the host name is one of ours")
}

/// Returns the label between the service and the suffix.
fn label(partition: Partition, Variant { fips, dual_stack }: Variant) -> Option<&'static str> {
    match (partition, fips, dual_stack) {
        (Partition::AwsUsGov, ..) => Some("us-gov"),
        (Partition::Aws, _, true) | (Partition::AwsCn, false, true) => Some("global"),
        (Partition::Aws, ..) | (_, _, true) => None,
        (Partition::AwsIso | Partition::AwsIsoB, true, false) => Some(home(partition)),
        (_, true, false) => None,
        (_, false, false) => Some(home(partition)),
    }
}

/// Returns the Region that requests are signed for.
pub(super) fn signing_region(partition: Partition, variant: Variant) -> Region {
    let region = match partition {
        Partition::AwsCn if variant.fips => "cn-northwest-1",
        _ => home(partition),
    };
    Region::parse(region).expect("it is the name of a Region")
}

/// Returns the Region that IAM of a partition is in.
fn home(partition: Partition) -> &'static str {
    match partition {
        Partition::Aws => "us-east-1",
        Partition::AwsCn => "cn-north-1",
        Partition::AwsUsGov => "us-gov-west-1",
        Partition::AwsEusc => "eusc-de-east-1",
        Partition::AwsIso => "us-iso-east-1",
        Partition::AwsIsoB => "us-isob-east-1",
        Partition::AwsIsoE => "eu-isoe-west-1",
        Partition::AwsIsoF => "us-isof-south-1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of each partition: plain, FIPS, dual-stack and both, as botocore 1.43's
    /// `EndpointProvider` resolves them.
    #[test]
    fn resolves_every_partition() {
        let variants = [(false, false), (true, false), (false, true), (true, true)];
        for (partition, expected) in ROWS {
            for ((fips, dual_stack), expected) in variants.into_iter().zip(expected) {
                let variant = Variant { fips, dual_stack };
                let endpoint = endpoint(partition, variant);
                let found = format!("{} {}", endpoint.host(), signing_region(partition, variant));
                assert_eq!(found, expected);
            }
        }
    }

    const ROWS: [(Partition, [&str; 4]); 8] = [
        (
            Partition::Aws,
            [
                "iam.amazonaws.com us-east-1",
                "iam-fips.amazonaws.com us-east-1",
                "iam.global.api.aws us-east-1",
                "iam-fips.global.api.aws us-east-1",
            ],
        ),
        (
            Partition::AwsCn,
            [
                "iam.cn-north-1.amazonaws.com.cn cn-north-1",
                "iam-fips.amazonaws.com.cn cn-northwest-1",
                "iam.global.api.amazonwebservices.com.cn cn-north-1",
                "iam-fips.api.amazonwebservices.com.cn cn-northwest-1",
            ],
        ),
        (
            Partition::AwsUsGov,
            [
                "iam.us-gov.amazonaws.com us-gov-west-1",
                "iam.us-gov.amazonaws.com us-gov-west-1",
                "iam.us-gov.api.aws us-gov-west-1",
                "iam.us-gov.api.aws us-gov-west-1",
            ],
        ),
        (
            Partition::AwsEusc,
            [
                "iam.eusc-de-east-1.amazonaws.eu eusc-de-east-1",
                "iam-fips.amazonaws.eu eusc-de-east-1",
                "iam.api.amazonwebservices.eu eusc-de-east-1",
                "iam-fips.api.amazonwebservices.eu eusc-de-east-1",
            ],
        ),
        (
            Partition::AwsIso,
            [
                "iam.us-iso-east-1.c2s.ic.gov us-iso-east-1",
                "iam-fips.us-iso-east-1.c2s.ic.gov us-iso-east-1",
                "iam.api.aws.ic.gov us-iso-east-1",
                "iam-fips.api.aws.ic.gov us-iso-east-1",
            ],
        ),
        (
            Partition::AwsIsoB,
            [
                "iam.us-isob-east-1.sc2s.sgov.gov us-isob-east-1",
                "iam-fips.us-isob-east-1.sc2s.sgov.gov us-isob-east-1",
                "iam.api.aws.scloud us-isob-east-1",
                "iam-fips.api.aws.scloud us-isob-east-1",
            ],
        ),
        (
            Partition::AwsIsoE,
            [
                "iam.eu-isoe-west-1.cloud.adc-e.uk eu-isoe-west-1",
                "iam-fips.cloud.adc-e.uk eu-isoe-west-1",
                "iam.api.cloud-aws.adc-e.uk eu-isoe-west-1",
                "iam-fips.api.cloud-aws.adc-e.uk eu-isoe-west-1",
            ],
        ),
        (
            Partition::AwsIsoF,
            [
                "iam.us-isof-south-1.csp.hci.ic.gov us-isof-south-1",
                "iam-fips.csp.hci.ic.gov us-isof-south-1",
                "iam.api.aws.hci.ic.gov us-isof-south-1",
                "iam-fips.api.aws.hci.ic.gov us-isof-south-1",
            ],
        ),
    ];
}
