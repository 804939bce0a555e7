//! Where Secrets Manager, the Parameter Store, IAM and STS are, and in which Region.

use crate::options::cache::cache;
use crate::options::session::{EndpointOptions, SessionOptions};
use crate::options::session_plan::SessionPlan;
use crate::options::settings::Settings;
use crate::options::table::secrets::{NO_DECRYPT, PARAMETERS_ENDPOINT, SECRETS_ENDPOINT};
use crate::options::table::session::{
    AWS_ENDPOINT_URL_IAM, AWS_ENDPOINT_URL_SECRETS_MANAGER, AWS_ENDPOINT_URL_SSM,
    AWS_ENDPOINT_URL_STS, REGION, ROLE_ARN,
};
use crate::options::table::{OptionSpec, Origin};
use crate::output::usage::UsageError;
use crate::secrets::endpoints::ServiceEndpoints;
use roles_anywhere_client::aws::endpoint::{RegionalEndpoint, Service};
use roles_anywhere_client::aws::parameter::Decryption;
use roles_anywhere_client::http::Endpoint;
use roles_anywhere_client::region::Region;

/// The options that name the endpoint of Secrets Manager.
const SECRETS_MANAGER: EndpointOptions = EndpointOptions {
    service: Service::SecretsManager,
    own: &SECRETS_ENDPOINT,
    aws: &AWS_ENDPOINT_URL_SECRETS_MANAGER,
};

/// The options that name the endpoint of Systems Manager.
const SYSTEMS_MANAGER: EndpointOptions = EndpointOptions {
    service: Service::Ssm,
    own: &PARAMETERS_ENDPOINT,
    aws: &AWS_ENDPOINT_URL_SSM,
};

/// Returns how the session of a command for people is made that calls one service with it; and what `call`
/// returns beside the service: what the command asks of it. What is missing is named with all of `required`.
pub fn session_and_call<T>(
    settings: &Settings<'_>,
    required: &[&'static OptionSpec],
    call: impl FnOnce(&SessionOptions) -> Result<(RegionalEndpoint, T), UsageError>,
) -> Result<(SessionPlan, RegionalEndpoint, T), UsageError> {
    let calls = |session: &SessionOptions| {
        let (at, call) = call(session)?;
        Ok((vec![at.endpoint.clone()], (at, call)))
    };
    let (session, (at, call)) = session_and_calls(settings, required, calls)?;
    Ok((session, at, call))
}

/// As [`session_and_call`], for calls of several endpoints, the first of which is always called.
pub fn session_and_calls<T>(
    settings: &Settings<'_>,
    required: &[&'static OptionSpec],
    calls: impl FnOnce(&SessionOptions) -> Result<(Vec<Endpoint>, T), UsageError>,
) -> Result<(SessionPlan, T), UsageError> {
    let given =
        SessionOptions::resolve(settings).and_then(|session| Ok((calls(&session)?, session)));
    let ((endpoints, calls), session) = given.map_err(|error| match error {
        UsageError::Missing { .. } => settings.missing(required),
        error => error,
    })?;
    let plan = SessionPlan::before_calls(settings, session, &endpoints, cache(settings)?)?;
    let plan = SessionPlan { called: endpoints.into_iter().take(1).collect(), ..plan };
    Ok((plan.with_waiting_line(settings)?, calls))
}

/// Returns Secrets Manager in `region`.
pub fn secrets_manager(
    settings: &Settings<'_>,
    session: &SessionOptions,
    region: Region,
) -> Result<RegionalEndpoint, UsageError> {
    service(settings, session, SECRETS_MANAGER, region)
}

/// Refuses an endpoint of Secrets Manager that is typed and not valid, also if nothing is read there.
pub fn check_typed_secrets_endpoint(
    settings: &Settings<'_>,
    session: &SessionOptions,
) -> Result<(), UsageError> {
    match settings.flag(&SECRETS_ENDPOINT)? {
        Some(_) => session.given_endpoint_of(settings, SECRETS_MANAGER).map(drop),
        None => Ok(()),
    }
}

/// Returns where the services are that references are read from, in any Region.
pub fn endpoints(
    settings: &Settings<'_>,
    session: &SessionOptions,
) -> Result<ServiceEndpoints, UsageError> {
    Ok(ServiceEndpoints {
        secrets_manager: session.given_endpoint_of(settings, SECRETS_MANAGER)?,
        parameter_store: session.given_endpoint_of(settings, SYSTEMS_MANAGER)?,
        variant: session.endpoint_variant(),
    })
}

/// Returns the Region of what is named without one: that of `--region`, or that of the trust anchor.
pub fn default_region(
    settings: &Settings<'_>,
    session: &SessionOptions,
) -> Result<Region, UsageError> {
    region((&REGION, None), settings, session)
}

/// Returns the Parameter Store in `region`.
pub fn parameter_store(
    settings: &Settings<'_>,
    session: &SessionOptions,
    region: Region,
) -> Result<RegionalEndpoint, UsageError> {
    service(settings, session, SYSTEMS_MANAGER, region)
}

/// Returns IAM in the partition of the trust anchor, with the Region that it is signed for.
pub fn iam(
    settings: &Settings<'_>,
    session: &SessionOptions,
) -> Result<RegionalEndpoint, UsageError> {
    session.endpoint_by_variable(settings, (Service::Iam, &AWS_ENDPOINT_URL_IAM))
}

/// Returns STS in the Region of the trust anchor.
pub fn sts(
    settings: &Settings<'_>,
    session: &SessionOptions,
) -> Result<RegionalEndpoint, UsageError> {
    session.endpoint_by_variable(settings, (Service::Sts, &AWS_ENDPOINT_URL_STS))
}

/// Returns whether SecureStrings are decrypted.
pub fn decryption(settings: &Settings<'_>) -> Result<Decryption, UsageError> {
    Ok(match settings.is_on(&NO_DECRYPT)? {
        true => Decryption::Encrypted,
        false => Decryption::Decrypted,
    })
}

fn service(
    settings: &Settings<'_>,
    session: &SessionOptions,
    options: EndpointOptions,
    region: Region,
) -> Result<RegionalEndpoint, UsageError> {
    Ok(RegionalEndpoint { endpoint: session.endpoint_of(settings, options, &region)?, region })
}

/// Returns the Region of what `named` names: that of its ARN, `--region`, or that of the trust anchor.
pub fn region(
    (named, of_arn): (&'static OptionSpec, Option<&Region>),
    settings: &Settings<'_>,
    session: &SessionOptions,
) -> Result<Region, UsageError> {
    let asked = settings.region()?.map(|region| region.without_fips().unwrap_or(region));
    let region = match (of_arn, asked) {
        (Some(region), Some(asked)) if *region != asked => {
            return Err(UsageError::Regions {
                first: settings.origin(named),
                first_region: region.to_string().into(),
                second: settings.origin(&REGION),
                second_region: asked.to_string().into(),
                why: "remove `--region`: the ARN contains the Region",
            });
        }
        (Some(region), _) => region.clone(),
        (None, Some(asked)) => asked,
        (None, None) => session.request.region.clone(),
    };
    let second = match of_arn {
        Some(_) => named,
        None => &REGION,
    };
    check_partition(&region, || settings.origin(second), settings, session)?;
    Ok(region)
}

/// Refuses a Region of another partition than that of the role.
fn check_partition(
    region: &Region,
    origin: impl FnOnce() -> Origin,
    settings: &Settings<'_>,
    session: &SessionOptions,
) -> Result<(), UsageError> {
    let role = session.request.role.partition();
    if region.partition() == role {
        return Ok(());
    }
    Err(UsageError::Partitions {
        first: settings.origin(&ROLE_ARN),
        first_partition: role.as_str(),
        second: origin(),
        second_partition: region.partition().as_str(),
    })
}

#[cfg(test)]
mod tests;
