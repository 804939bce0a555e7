//! Where the configuration file gives the values of a session.

use std::sync::Arc;

use crate::config::{ArrayTable, FileValue};
use crate::options::session::SessionOptions;
use crate::options::settings::Settings;
use crate::options::table::config_file::HOP_ROLE_ARN;
use crate::options::table::session::{ASSUME_ROLE_ARN, PROFILE_ARN, TRUST_ANCHOR_ARN};
use crate::options::table::{OptionSpec, Origin};
use crate::output::error::{GivenValues, OF_REQUEST};
use crate::output::usage::UsageError;
use roles_anywhere_client::aws::create_session::SessionRequest;

/// The options of which each fallback has its own values.
const OF_FALLBACK: &[&OptionSpec] = &[&TRUST_ANCHOR_ARN, &PROFILE_ARN];

/// Returns where the configuration file gives the values of `session`.
pub(super) fn of_session(
    settings: &Settings<'_>,
    session: &SessionOptions,
) -> Result<GivenValues, UsageError> {
    let Some(layers) = settings.layers else { return Ok(GivenValues::default()) };
    let mut request = Vec::new();
    for option in OF_REQUEST {
        let origin = settings.text(option)?.map(|setting| setting.origin);
        request.extend(origin.filter(|origin| matches!(origin, Origin::File(..))));
    }
    let shared = request.iter().filter(|origin| !OF_FALLBACK.contains(&origin.option()));
    let of_fallback = |(SessionRequest { region, .. }, table): (&SessionRequest, _)| {
        (region.clone(), own_origins(table).chain(shared.clone().cloned()).collect())
    };
    // There are none beside flags that replace the values that they belong to.
    let fallbacks = session.fallbacks.iter().zip(layers.role().fallbacks()).map(of_fallback);
    let hops = match settings.text(&ASSUME_ROLE_ARN)? {
        Some(_) => &[],
        None => layers.role().hops(),
    };
    let hops =
        session.hops.iter().zip(hops).filter_map(|(_, hop)| hop.table().value(&HOP_ROLE_ARN));
    let hops = hops.map(|FileValue { location, .. }| Arc::clone(location));
    let (fallbacks, hops) = (fallbacks.collect(), hops.collect());
    Ok(GivenValues { request, fallbacks, hops })
}

/// Returns where the values are that only this fallback has.
fn own_origins(table: &ArrayTable) -> impl Iterator<Item = Origin> {
    OF_FALLBACK.iter().filter_map(|option| {
        let FileValue { location, .. } = table.value(option)?;
        Some(Origin::File(option, Arc::clone(location)))
    })
}

#[cfg(test)]
mod tests {
    use std::any::Any;
    use std::time::Duration;

    use super::*;
    use crate::command::credential_process::CredentialProcess;
    use crate::command::{ALL, PlanInputs, plan};
    use crate::options::session_plan::SessionPlan;
    use crate::output::error::Error;
    use crate::test_support::FakeConfigFiles;
    use roles_anywhere_client::aws::error_response::ServiceError;
    use roles_anywhere_client::diagnosis::{
        Cause, ConfigurationCause, HopCause, Operation, Refusal,
    };
    use roles_anywhere_client::ports::Environment;
    use roles_anywhere_client::provider::ProviderError;
    use roles_anywhere_client::provider::fallback::FallbackError;

    const FILE: &str = r#"[identity.host]
certificate = "/file.pem"
[defaults]
trust-anchor-arn = "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a"
[role.one]
profile-arn = "arn:aws:rolesanywhere:eu-central-1:123456789012:profile/a"
role-arn = "arn:aws:iam::123456789012:role/One"
session-duration = 900
assume = [
  { role-arn = "arn:aws:iam::123456789012:role/Two" },
  { role-arn = "arn:aws:iam::123456789012:role/Three" },
]
[[role.one.fallback]]
trust-anchor-arn = "arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/b"
profile-arn = "arn:aws:rolesanywhere:eu-west-1:123456789012:profile/b"
"#;

    fn planned(words: &[&str]) -> SessionPlan {
        let environment = Environment::new([("HOME".to_owned(), "/home/u".to_owned())]);
        let line = ["roles-anywhere", "credential-process"].iter().chain(words);
        let line: Vec<String> = line.map(|&word| word.to_owned()).collect();
        let files = FakeConfigFiles::one("/home/u/.config/roles-anywhere/config.toml", FILE);
        let inputs = PlanInputs { config_files: &files, ..PlanInputs::of(&environment) };
        let plan: Box<dyn Any> = plan(ALL, &line, &inputs).unwrap();
        plan.downcast::<CredentialProcess>().unwrap().session
    }

    fn refused(operation: Operation, cause: Cause) -> ProviderError {
        let (code, message) = (Some("AccessDenied".to_owned()), "no".to_owned());
        let service_error =
            ServiceError { status: 403, code, message, request_id: None, date: None };
        let source = Box::new(Refusal { operation, service_error, causes: vec![cause] });
        ProviderError::Refused { source, retry_after: None }
    }

    /// Returns the hints of `error` that are added for a plan, with the path of the file shortened.
    fn added(words: &[&str], error: impl Fn(&SessionPlan) -> ProviderError) -> Vec<String> {
        let plan = planned(words);
        let error = Error::from(error(&plan));
        let generic = error.hints().len();
        let error = plan.with_origins(error);
        let hints = error.hints()[generic..].iter();
        hints.map(|hint| hint.replace("/home/u/.config/roles-anywhere/", "")).collect()
    }

    fn session_refused(cause: ConfigurationCause) -> ProviderError {
        refused(Operation::CreateSession, Cause::Configuration(cause))
    }

    fn no_trust_anchor(request: &SessionRequest) -> ProviderError {
        let (trust_anchor, region) = (request.trust_anchor.clone(), request.region.clone());
        session_refused(ConfigurationCause::NoSuchTrustAnchor { trust_anchor, region })
    }

    #[test]
    fn refused_values_are_found_in_the_file() {
        let trust_anchor = ["the value is from `defaults.trust-anchor-arn` in config.toml:4"];
        assert_eq!(added(&[], |plan| no_trust_anchor(&plan.provider.session)), trust_anchor);
        let duration = |plan: &SessionPlan| {
            let SessionRequest { duration: requested, role, .. } = plan.provider.session.clone();
            session_refused(ConfigurationCause::DurationTooLong { requested, role })
        };
        let in_file = ["the value is from `role.one.session-duration` in config.toml:8"];
        assert_eq!(added(&[], duration), in_file);
        assert_eq!(added(&["--role=one", "--session-duration=3600"], duration), [""; 0]);
        let all = |plan: &SessionPlan| {
            let region = plan.provider.session.region.clone();
            session_refused(ConfigurationCause::NoSuchResource { region })
        };
        let arns = [
            "from the configuration file are `defaults.trust-anchor-arn` in config.toml:4, `role.one.profile-arn` in config.toml:6, `role.one.role-arn` in config.toml:7",
        ];
        assert_eq!(added(&[], all), arns);
        let disabled = |plan: &SessionPlan| {
            let profile = plan.provider.session.profile.clone();
            session_refused(ConfigurationCause::ProfileDisabled(profile))
        };
        assert_eq!(added(&[], disabled), [""; 0]);
    }

    #[test]
    fn refused_fallback_has_its_own_values() {
        let hints = added(&[], |plan| {
            let request = &plan.provider.fallbacks[0];
            let source = no_trust_anchor(request);
            ProviderError::EveryRegion {
                primary: Box::new(no_trust_anchor(&plan.provider.session)),
                fallbacks: vec![FallbackError { region: request.region.clone(), source }],
                limit: Duration::from_secs(60),
            }
        });
        let expected = [
            "the value is from `defaults.trust-anchor-arn` in config.toml:4",
            "fallback eu-west-1: the value is from `role.one.fallback[0].trust-anchor-arn` in config.toml:14",
        ];
        assert_eq!(hints, expected);
    }

    #[test]
    fn refused_hop_is_found_in_the_file() {
        let hop = |cause: fn() -> Cause| {
            move |plan: &SessionPlan| {
                let (hops, role) = (plan.provider.hops.len(), plan.provider.session.role.clone());
                refused(Operation::AssumeRole { hop: hops, hops, role }, cause())
            }
        };
        let policy = hop(|| Cause::Hop(HopCause::Policy));
        assert_eq!(added(&[], policy), ["this hop is `role.one.assume[1]` in config.toml:11"]);
        assert_eq!(added(&[], hop(|| Cause::Throttled)), [""; 0]);
        let flag = ["--role=one", "--assume-role-arn=arn:aws:iam::123456789012:role/Four"];
        assert_eq!(added(&flag, policy), [""; 0]);
    }
}
