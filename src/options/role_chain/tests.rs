//! Hops as options give them.

use std::any::Any;

use crate::command::credential_process::CredentialProcess;
use crate::command::{ALL, PlanInputs, plan};
use crate::test_support::FakeConfigFiles;
use roles_anywhere_client::aws::assume_role::AssumeRole;
use roles_anywhere_client::ports::Environment;

const BASE: [(&str, &str); 4] = [
    ("ROLES_ANYWHERE_CERTIFICATE", "cert.pem"),
    (
        "ROLES_ANYWHERE_TRUST_ANCHOR_ARN",
        "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a",
    ),
    ("ROLES_ANYWHERE_PROFILE_ARN", "arn:aws:rolesanywhere:eu-central-1:123456789012:profile/p"),
    ("ROLES_ANYWHERE_ROLE_ARN", "arn:aws:iam::123456789012:role/R"),
];
const ASSUME: (&str, &str) =
    ("ROLES_ANYWHERE_ASSUME_ROLE_ARN", "arn:aws:iam::210987654321:role/Reader");

fn planned(variables: &[(&str, &str)]) -> Result<CredentialProcess, String> {
    let line = ["roles-anywhere", "credential-process"].map(str::to_owned);
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let environment = Environment::new(BASE.iter().chain(variables).map(owned));
    let plan =
        plan(ALL, &line, &PlanInputs::of(&environment)).map_err(|error| error.to_string())?;
    let plan: Box<dyn Any> = plan;
    Ok(*plan.downcast().expect("it is the plan of `credential-process`"))
}

fn hops(variables: &[(&str, &str)]) -> Result<Vec<AssumeRole>, String> {
    planned(variables).map(|plan| plan.session.provider.hops)
}

#[test]
fn options_name_one_hop() {
    assert_eq!(hops(&[]).unwrap(), []);
    let hops = hops(&[ASSUME, ("ROLES_ANYWHERE_EXTERNAL_ID", "x:y/z")]).unwrap();
    let [hop] = &hops[..] else { panic!("{hops:?}") };
    assert_eq!(hop.role.to_string(), ASSUME.1);
    assert_eq!(hop.external_id.as_ref().map(|id| id.as_str()), Some("x:y/z"));
    assert_eq!((hop.duration.seconds(), &hop.session_name), (3_600, &None));
    assert_eq!(hop.sts.endpoint.to_string(), "https://sts.eu-central-1.amazonaws.com");
    assert_eq!(hop.sts.region.as_str(), "eu-central-1");
}

/// `--role-arn` names the role whose credentials are expected.
#[test]
fn role_of_an_option_has_no_hops_of_the_file() {
    let files = FakeConfigFiles::one(
        "/home/u/.config/roles-anywhere/config.toml",
        r#"
        [identity.host]
        certificate = "/file.pem"
        [role.one]
        trust-anchor-arn = "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a"
        profile-arn = "arn:aws:rolesanywhere:eu-central-1:123456789012:profile/a"
        role-arn = "arn:aws:iam::123456789012:role/One"
        assume = [{ role-arn = "arn:aws:iam::210987654321:role/Reader" }]
        "#,
    );
    let environment = Environment::new([("HOME".to_owned(), "/home/u".to_owned())]);
    let inputs = PlanInputs { config_files: &files, ..PlanInputs::of(&environment) };
    let hops = |option: &str| {
        let line = ["roles-anywhere", "credential-process", "--role=one", option];
        let plan: Box<dyn Any> = plan(ALL, &line.map(str::to_owned), &inputs).unwrap();
        let provider = plan.downcast::<CredentialProcess>().unwrap().session.provider;
        let hops = provider.hops.iter().map(|hop| hop.role.to_string());
        (provider.session.role.to_string(), hops.collect::<Vec<_>>())
    };
    let [one, other] =
        ["One", "Other"].map(|name| format!("arn:aws:iam::123456789012:role/{name}"));
    let reader = "arn:aws:iam::210987654321:role/Reader".to_owned();
    assert_eq!(hops("--session-duration=900"), (one.clone(), vec![reader]));
    assert_eq!(hops(&format!("--role-arn={other}")), (other.clone(), Vec::new()));
    assert_eq!(hops(&format!("--assume-role-arn={other}")), (one, vec![other]));
}

#[test]
fn endpoint_of_sts_is_found_like_that_of_an_aws_sdk() {
    let endpoint = |variables: &[(&str, &str)]| {
        let all: Vec<_> = [ASSUME].iter().chain(variables).copied().collect();
        planned(&all).map(|plan| plan.session.endpoints.last().unwrap().to_string())
    };
    let (own, all) = ("https://sts.example", "https://all.example");
    let rows: [(&[(&str, &str)], &str); 5] = [
        (&[("AWS_ENDPOINT_URL_STS", own), ("AWS_ENDPOINT_URL", all)], own),
        (&[("AWS_ENDPOINT_URL", all)], all),
        (&[("ROLES_ANYWHERE_ENDPOINT", all)], "https://sts.eu-central-1.amazonaws.com"),
        (&[("AWS_USE_FIPS_ENDPOINT", "true")], "https://sts-fips.eu-central-1.amazonaws.com"),
        (&[("AWS_USE_DUALSTACK_ENDPOINT", "true")], "https://sts.eu-central-1.api.aws"),
    ];
    for (variables, expected) in rows {
        assert_eq!(endpoint(variables).as_deref(), Ok(expected), "{variables:?}");
    }
    let ignored = [("AWS_ENDPOINT_URL_STS", own), ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")];
    assert_eq!(endpoint(&ignored).as_deref(), Ok("https://sts.eu-central-1.amazonaws.com"));
    let both = [("AWS_ENDPOINT_URL_STS", own), ("AWS_USE_FIPS_ENDPOINT", "true")];
    assert_eq!(
        endpoint(&both).unwrap_err(),
        "`AWS_ENDPOINT_URL_STS` and `AWS_USE_FIPS_ENDPOINT` cannot be used together"
    );
    assert!(endpoint(&[("AWS_ENDPOINT_URL_STS", "http://a")]).is_err());
    // A wrong one does not matter without a hop.
    assert!(planned(&[("AWS_ENDPOINT_URL_STS", "http://a")]).is_ok());
}

#[test]
fn wrong_hops_are_refused_without_their_external_id() {
    let rows: [(&[(&str, &str)], &str); 4] = [
        (
            &[ASSUME, ("ROLES_ANYWHERE_EXTERNAL_ID", "hunter2 ")],
            "invalid value for `ROLES_ANYWHERE_EXTERNAL_ID`: expected 2 to 1224 characters, each a letter, a digit or one of `_+=,.@:/-`",
        ),
        (
            &[("ROLES_ANYWHERE_EXTERNAL_ID", "hunter2")],
            "missing required option `--assume-role-arn`",
        ),
        (
            &[("ROLES_ANYWHERE_ASSUME_ROLE_ARN", "arn:aws-cn:iam::210987654321:role/Reader")],
            "`--role-arn` is in the partition aws, but `ROLES_ANYWHERE_ASSUME_ROLE_ARN` is in aws-cn",
        ),
        (
            &[("ROLES_ANYWHERE_ASSUME_ROLE_ARN", "arn:aws:iam::210987654321:user/Reader")],
            "invalid value `arn:aws:iam::210987654321:user/Reader` for `ROLES_ANYWHERE_ASSUME_ROLE_ARN`",
        ),
    ];
    for (variables, expected) in rows {
        let error = hops(variables).unwrap_err();
        assert_eq!(error, expected, "{variables:?}");
        assert!(!error.contains("hunter2"));
    }
}
