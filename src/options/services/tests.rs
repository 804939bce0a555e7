//! The endpoints of IAM and STS as options give them.

use super::*;
use crate::command::ALL;
use crate::options::command_line::parse;
use crate::output::Stdout;
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::text::disclosure::PathExists;

/// Returns the endpoint of `service` and its Region for a trust anchor in `region` of `partition`.
fn endpoint(
    find: impl Fn(&Settings<'_>, &SessionOptions) -> Result<RegionalEndpoint, UsageError>,
    (partition, region): (&str, &str),
    variables: &[(&str, &str)],
) -> Result<String, String> {
    let arn = |service: &str, region: &str, name: &str| {
        format!("arn:{partition}:{service}:{region}:123456789012:{name}")
    };
    let session = [
        ("ROLES_ANYWHERE_CERTIFICATE", "cert.pem".to_owned()),
        ("ROLES_ANYWHERE_TRUST_ANCHOR_ARN", arn("rolesanywhere", region, "trust-anchor/a")),
        ("ROLES_ANYWHERE_PROFILE_ARN", arn("rolesanywhere", region, "profile/p")),
        ("ROLES_ANYWHERE_ROLE_ARN", arn("iam", "", "role/R")),
    ];
    let variables = variables.iter().map(|(name, value)| (*name, (*value).to_owned()));
    let pairs = session.into_iter().chain(variables);
    let environment = Environment::new(pairs.map(|(name, value)| (name.to_owned(), value)));
    let commands: Vec<_> = ALL.iter().map(|entry| *entry.spec()).collect();
    let words = ["roles-anywhere", "credential-process"].map(str::to_owned);
    let (_, typed) = parse(&commands, &words).unwrap();
    let settings = Settings {
        program: "roles-anywhere",
        typed: &typed,
        environment: &environment,
        commands: &commands,
        stdout: Stdout::Terminal,
        paths: PathExists(&|_| false),
        ignored: &[],
        layers: None,
        roles: &[],
        are_roles_named: false,
        default_role: None,
        config: None,
    };
    let session = SessionOptions::resolve(&settings).unwrap();
    let found = find(&settings, &session).map_err(|error| error.to_string())?;
    Ok(format!("{} {}", found.endpoint, found.region))
}

const GERMANY: (&str, &str) = ("aws", "eu-central-1");

#[test]
fn iam_is_that_of_the_partition() {
    for (place, expected) in [
        (GERMANY, "https://iam.amazonaws.com us-east-1"),
        (("aws-cn", "cn-northwest-1"), "https://iam.cn-north-1.amazonaws.com.cn cn-north-1"),
        (("aws-us-gov", "us-gov-east-1"), "https://iam.us-gov.amazonaws.com us-gov-west-1"),
    ] {
        assert_eq!(endpoint(iam, place, &[]).as_deref(), Ok(expected));
    }
    let fips = [("AWS_USE_FIPS_ENDPOINT", "true")];
    let expected = "https://iam-fips.amazonaws.com us-east-1";
    assert_eq!(endpoint(iam, GERMANY, &fips).as_deref(), Ok(expected));
}

#[test]
fn sts_is_that_of_the_region() {
    let expected = "https://sts.eu-central-1.amazonaws.com eu-central-1";
    assert_eq!(endpoint(sts, GERMANY, &[]).as_deref(), Ok(expected));
    let given = [("AWS_ENDPOINT_URL_STS", "https://sts.example")];
    let expected = "https://sts.example eu-central-1";
    assert_eq!(endpoint(sts, GERMANY, &given).as_deref(), Ok(expected));
}

#[test]
fn endpoint_of_iam_is_found_like_that_of_an_aws_sdk() {
    let (own, all) = ("https://iam.example", "https://all.example");
    let both = [("AWS_ENDPOINT_URL_IAM", own), ("AWS_ENDPOINT_URL", all)];
    for (variables, expected) in [
        (&both[..], "https://iam.example us-east-1"),
        (&both[1..], "https://all.example us-east-1"),
        (&[("ROLES_ANYWHERE_ENDPOINT", all)][..], "https://iam.amazonaws.com us-east-1"),
    ] {
        assert_eq!(endpoint(iam, GERMANY, variables).as_deref(), Ok(expected));
    }
    let ignored = [("AWS_ENDPOINT_URL_IAM", own), ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")];
    let expected = "https://iam.amazonaws.com us-east-1";
    assert_eq!(endpoint(iam, GERMANY, &ignored).as_deref(), Ok(expected));
    let fips = [("AWS_ENDPOINT_URL_IAM", own), ("AWS_USE_FIPS_ENDPOINT", "true")];
    assert_eq!(
        endpoint(iam, GERMANY, &fips).unwrap_err(),
        "`AWS_ENDPOINT_URL_IAM` and `AWS_USE_FIPS_ENDPOINT` cannot be used together"
    );
    assert!(endpoint(iam, GERMANY, &[("AWS_ENDPOINT_URL_IAM", "http://a")]).is_err());
}
