//! What the fallbacks of a role become, and which are refused.

use std::any::Any;

use crate::command::credential_process::CredentialProcess;
use crate::command::{ALL, CommandLineError, PlanInputs, plan};
use crate::options::config_file::ConfigError;
use crate::options::session_plan::SessionPlan;
use crate::test_support::FakeConfigFiles;
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::region::Region;

/// Returns a file of a role in `eu-central-1` with `role`, more lines of it.
fn file(role: &str) -> FakeConfigFiles {
    let text = format!(
        r#"
        [identity.host]
        certificate = "/file.pem"
        [role.one]
        trust-anchor-arn = "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a"
        profile-arn = "arn:aws:rolesanywhere:eu-central-1:123456789012:profile/a"
        role-arn = "arn:aws:iam::123456789012:role/One"
        role-session-name = "host-1"
        session-duration = 900
        {role}
        "#
    );
    FakeConfigFiles::one("/home/u/.config/roles-anywhere/config.toml", &text)
}

/// Returns one of `fallback`.
fn fallback(partition: &str, anchor: &str, profile: &str, more: &str) -> String {
    format!(
        r#"{{ trust-anchor-arn = "arn:{partition}:rolesanywhere:{anchor}:123456789012:trust-anchor/b", profile-arn = "arn:{partition}:rolesanywhere:{profile}:123456789012:profile/b"{more} }}"#
    )
}

fn in_region(region: &str) -> String {
    fallback("aws", region, region, "")
}

fn planned(role: &str, words: &[&str], variables: &[(&str, &str)]) -> Result<SessionPlan, String> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let environment = Environment::new(variables.iter().chain(&[("HOME", "/home/u")]).map(owned));
    let line = ["roles-anywhere", "credential-process"].iter().chain(words);
    let line: Vec<String> = line.map(|&word| word.to_owned()).collect();
    let files = file(role);
    let inputs = PlanInputs { config_files: &files, ..PlanInputs::of(&environment) };
    let plan: Box<dyn Any> = plan(ALL, &line, &inputs).map_err(text)?;
    Ok(plan.downcast::<CredentialProcess>().expect("it is the plan of this command").session)
}

/// Returns an error, which is about one line of the file.
fn text(error: CommandLineError) -> String {
    match error {
        CommandLineError::Config(ConfigError::Mistakes(mistakes)) => {
            mistakes.all().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        }
        error => error.to_string(),
    }
}

/// Returns the endpoints of the primary trust anchor and of its fallbacks.
fn endpoints(role: &str, words: &[&str], variables: &[(&str, &str)]) -> Vec<String> {
    let plan = planned(role, words, variables).unwrap();
    let requests = std::iter::once(&plan.provider.session).chain(&plan.provider.fallbacks);
    let endpoints: Vec<_> = requests.map(|request| request.endpoint.clone()).collect();
    assert_eq!(plan.endpoints, endpoints);
    endpoints.iter().map(|endpoint| endpoint.to_string().replace("rolesanywhere", "ra")).collect()
}

#[test]
fn fallback_asks_for_the_same_session_in_another_region() {
    let role = format!("fallback = [{}, {}]", in_region("eu-west-1"), in_region("eu-north-1"));
    let provider = planned(&role, &[], &[]).unwrap().provider;
    let primary = &provider.session;
    assert_eq!(provider.fallbacks.len(), 2);
    for (fallback, region) in provider.fallbacks.iter().zip(["eu-west-1", "eu-north-1"]) {
        assert_eq!(fallback.role, primary.role);
        assert_eq!(fallback.role_session_name, primary.role_session_name);
        assert_eq!(fallback.duration, primary.duration);
        assert_eq!(fallback.region.as_str(), region);
        assert_eq!(fallback.trust_anchor.region().as_str(), region);
        assert_eq!(fallback.profile.region().as_str(), region);
    }
}

#[test]
fn hops_call_sts_in_the_region_of_the_fallback() {
    let hop = "arn:aws:iam::210987654321:role/Reader";
    let role =
        format!("assume = [{{ role-arn = '{hop}' }}]\nfallback = [{}]", in_region("eu-west-1"));
    let endpoint = |variables: &[(&str, &str)], region: &str| {
        let plan = planned(&role, &[], variables).unwrap();
        let sts = plan.provider.hops[0].in_region(&Region::parse(region).unwrap()).sts;
        assert!(plan.endpoints.contains(&sts.endpoint));
        (sts.endpoint.host().to_owned(), sts.region.to_string())
    };
    let rows = [
        ("eu-west-1", "sts.eu-west-1.amazonaws.com", "eu-west-1"),
        ("eu-central-1", "sts.eu-central-1.amazonaws.com", "eu-central-1"),
    ];
    for (region, host, signed) in rows {
        assert_eq!(endpoint(&[], region), (host.to_owned(), signed.to_owned()));
    }
    let given = [("AWS_ENDPOINT_URL_STS", "https://sts.example")];
    let given = endpoint(&given, "eu-west-1");
    assert_eq!(given, ("sts.example".to_owned(), "eu-central-1".to_owned()));
}

#[test]
fn endpoint_of_the_role_is_that_of_its_own_trust_anchor() {
    let plain = ["https://ra.eu-central-1.amazonaws.com", "https://ra.eu-west-1.amazonaws.com"];
    let role = format!("fallback = [{}]", in_region("eu-west-1"));
    assert_eq!(endpoints(&role, &[], &[]), plain);
    let own = format!("endpoint = \"https://a.example\"\n{role}");
    assert_eq!(endpoints(&own, &[], &[]), ["https://a.example", plain[1]]);
    let each = fallback("aws", "eu-west-1", "eu-west-1", r#", endpoint = "https://b.example""#);
    let each = format!("endpoint = \"https://a.example\"\nfallback = [{each}]");
    assert_eq!(endpoints(&each, &[], &[]), ["https://a.example", "https://b.example"]);
    // A flag and a variable come before all of the file.
    let all = ["https://c.example"; 2];
    assert_eq!(endpoints(&each, &["--role=one", "--endpoint=https://c.example"], &[]), all);
    let variable = [("AWS_ENDPOINT_URL_ROLESANYWHERE", "https://c.example")];
    assert_eq!(endpoints(&each, &[], &variable), all);
    let fips = format!("fips = true\n{role}");
    let hosts =
        ["https://ra-fips.eu-central-1.amazonaws.com", "https://ra-fips.eu-west-1.amazonaws.com"];
    assert_eq!(endpoints(&fips, &[], &[]), hosts);
}

#[test]
fn trust_anchor_or_profile_of_a_flag_has_no_fallbacks() {
    let role = format!("fallback = [{}]", in_region("eu-west-1"));
    for flag in [
        "--trust-anchor-arn=arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/c",
        "--profile-arn=arn:aws:rolesanywhere:eu-central-1:123456789012:profile/c",
    ] {
        assert_eq!(endpoints(&role, &["--role=one", flag], &[]).len(), 1, "{flag}");
    }
    assert_eq!(endpoints(&role, &["--role=one", "--session-duration=3600"], &[]).len(), 2);
}

#[test]
fn incoherent_fallbacks_are_refused() {
    let refused = |fallbacks: &[String]| {
        planned(&format!("fallback = [{}]", fallbacks.join(", ")), &[], &[]).unwrap_err()
    };
    let rows = [
        refused(&[in_region("eu-central-1")]),
        refused(&[in_region("eu-west-1"), in_region("eu-west-1")]),
        refused(&[fallback("aws", "eu-west-1", "eu-north-1", "")]),
        refused(&[fallback("aws-cn", "cn-north-1", "cn-north-1", "")]),
        refused(&[fallback("aws", "eu-west-1", "eu-west-1", r#", endpoint = "http://b.example""#)]),
        refused(&[in_region("eu-west-1").replace(":trust-anchor/b", ":profile/b")]),
    ];
    insta::assert_snapshot!(rows.join("\n"), @r"
    `role.one.trust-anchor-arn` in /home/u/.config/roles-anywhere/config.toml:5 and `role.one.fallback[0].trust-anchor-arn` in /home/u/.config/roles-anywhere/config.toml:10 cannot be used together
    `role.one.fallback[0].trust-anchor-arn` in /home/u/.config/roles-anywhere/config.toml:10 and `role.one.fallback[1].trust-anchor-arn` in /home/u/.config/roles-anywhere/config.toml:10 cannot be used together
    `role.one.fallback[0].trust-anchor-arn` in /home/u/.config/roles-anywhere/config.toml:10 is in the Region eu-west-1, but `role.one.fallback[0].profile-arn` in /home/u/.config/roles-anywhere/config.toml:10 is in eu-north-1
    `role.one.trust-anchor-arn` in /home/u/.config/roles-anywhere/config.toml:5 is in the partition aws, but `role.one.fallback[0].trust-anchor-arn` in /home/u/.config/roles-anywhere/config.toml:10 is in aws-cn
    invalid value for `role.one.fallback[0].endpoint` in /home/u/.config/roles-anywhere/config.toml:10
    invalid value `arn:aws:rolesanywhere:eu-west-1:123456789012:profile/b` for `role.one.fallback[0].trust-anchor-arn` in /home/u/.config/roles-anywhere/config.toml:10
    ");
}
