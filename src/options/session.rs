//! The options of the identity and the session.

use std::str::FromStr;

use crate::options::settings::{Setting, Settings};
use crate::options::table::identity::CERTIFICATE;
use crate::options::table::session::{
    AWS_ENDPOINT_URL_ROLESANYWHERE, AWS_ENDPOINT_URL_STS, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS,
    ENDPOINT, PROFILE_ARN, REGION, ROLE_ARN, ROLE_SESSION_NAME, SESSION_DURATION, TRUST_ANCHOR_ARN,
};
use crate::options::table::transport::{DUAL_STACK, FIPS};
use crate::options::table::{OptionSpec, Origin};
use crate::options::{fallback, identity, role_chain};
use crate::output::error::GivenEndpoint;
use crate::output::usage::{NamedValue, UsageError};
use roles_anywhere_client::arn::{ArnError, ProfileArn, RoleArn, TrustAnchorArn};
use roles_anywhere_client::aws::assume_role::AssumeRole;
use roles_anywhere_client::aws::create_session::{SessionDuration, SessionRequest};
use roles_anywhere_client::aws::endpoint::{self, RegionalEndpoint, Service, Variant};
use roles_anywhere_client::credentials::RoleSessionName;
use roles_anywhere_client::http::Endpoint;
use roles_anywhere_client::identity::IdentitySource;
use roles_anywhere_client::provider::RolesAnywhere;
use roles_anywhere_client::region::{Partition, Region};
use roles_anywhere_client::text::disclosure::DisplayValue;

/// A service that is called, and the options that name its endpoint.
#[derive(Clone, Copy, Debug)]
pub struct EndpointOptions {
    /// The service.
    pub service: Service,
    /// Our option.
    pub own: &'static OptionSpec,
    /// The variables of the AWS SDKs.
    pub aws: &'static OptionSpec,
}

/// The options that name the endpoint of sessions.
const OWN_ENDPOINT: EndpointOptions = EndpointOptions {
    service: Service::RolesAnywhere,
    own: &ENDPOINT,
    aws: &AWS_ENDPOINT_URL_ROLESANYWHERE,
};

/// The options that a session needs.
const REQUIRED: &[&OptionSpec] = &[&CERTIFICATE, &TRUST_ANCHOR_ARN, &PROFILE_ARN, &ROLE_ARN];

/// The settings of a session.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// The sources of the identity.
    pub source: IdentitySource,
    /// The request for the session.
    pub request: SessionRequest,
    /// The same request at the fallbacks.
    pub fallbacks: Vec<SessionRequest>,
    /// The roles that are assumed with it.
    pub hops: Vec<AssumeRole>,
    /// The endpoints of sessions that an option gives.
    pub given_endpoints: Vec<GivenEndpoint>,
    /// Which kind of endpoints, and which setting asks for another than the plain one.
    variant: (Variant, Option<NamedValue>),
}

impl SessionOptions {
    /// Reads the options of a session.
    pub fn resolve(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let given = identity::source(settings).and_then(|it| Ok((it, arns(settings)?)));
        let (source, (trust_anchor, profile, role)) = given.map_err(|error| match error {
            // All that are missing are named at once.
            UsageError::Missing { .. } => settings.missing(REQUIRED),
            error => error,
        })?;
        let duration = duration(settings)?;
        let role_session_name = role_session_name(settings)?;
        let region = trust_anchor.region().clone();
        let variant = variant(settings)?;
        let own_endpoint =
            OwnEndpoint { given: given_endpoint(settings, OWN_ENDPOINT)?, variant: &variant };
        let in_file = settings.in_file(&ENDPOINT)?;
        let mut origins = vec![own_endpoint.origin(in_file.as_ref())];
        let endpoint = own_endpoint.in_region(in_file, &region)?;
        let request = SessionRequest {
            duration,
            role_session_name,
            trust_anchor,
            profile,
            role,
            endpoint,
            region,
        };
        let primary = (&request, settings.origin(&TRUST_ANCHOR_ARN));
        let fallbacks = fallback::of_role(settings)?;
        origins.extend(fallbacks.iter().map(|it| own_endpoint.origin(it.endpoint.as_ref())));
        let fallbacks = fallback::requests(fallbacks, primary, &own_endpoint)?;
        let hops = hops(settings, (&request, &fallbacks), &variant)?;
        if !hops.is_empty() {
            origins.push(configured(settings, &AWS_ENDPOINT_URL_STS)?.map(|it| it.origin));
        }
        let session =
            Self { source, request, fallbacks, hops, variant, given_endpoints: Vec::new() };
        let given = session.endpoints().zip(origins).filter_map(|(endpoint, origin)| {
            Some(GivenEndpoint { endpoint: endpoint.clone(), origin: origin? })
        });
        Ok(Self { given_endpoints: given.collect(), ..session })
    }

    /// As [`SessionOptions::resolve`]; refuses a `--region` that is not the trust anchor's, as no
    /// session could be made there.
    pub fn of_own_region(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let session = Self::resolve(settings)?;
        session.check_own_region(settings)?;
        Ok(session)
    }

    /// Returns where a service is: as given, by the variables of the AWS SDKs, or by its Region.
    pub fn endpoint_of(
        &self,
        settings: &Settings<'_>,
        options: EndpointOptions,
        region: &Region,
    ) -> Result<Endpoint, UsageError> {
        endpoint(settings, options, &self.variant, region)
    }

    /// Returns the endpoint of a service that is given, if one is.
    pub fn given_endpoint_of(
        &self,
        settings: &Settings<'_>,
        options: EndpointOptions,
    ) -> Result<Option<Endpoint>, UsageError> {
        let given = match given_endpoint(settings, options)? {
            Some(setting) => Some(setting),
            None => settings.in_file(options.own)?,
        };
        given.map(|setting| given_one(setting, &self.variant)).transpose()
    }

    /// Returns where a service is whose endpoint is given by the variable `aws` of the AWS SDKs only. It is in
    /// the Region or in the partition of the trust anchor.
    pub fn endpoint_by_variable(
        &self,
        settings: &Settings<'_>,
        (service, aws): (Service, &'static OptionSpec),
    ) -> Result<RegionalEndpoint, UsageError> {
        let region = &self.request.region;
        let endpoint = chosen(configured(settings, aws)?, service, &self.variant, region)?;
        let region = endpoint::signing_region(service, region, self.variant.0);
        Ok(RegionalEndpoint { endpoint, region })
    }

    /// Returns which of AWS's endpoints are used.
    pub fn endpoint_variant(&self) -> Variant {
        self.variant.0
    }

    fn check_own_region(&self, settings: &Settings<'_>) -> Result<(), UsageError> {
        let Some(asked) = settings.region()? else { return Ok(()) };
        let asked = asked.without_fips().unwrap_or(asked);
        let own = &self.request.region;
        if asked == *own {
            return Ok(());
        }
        Err(UsageError::Regions {
            first: settings.origin(&TRUST_ANCHOR_ARN),
            first_region: own.to_string().into(),
            second: settings.origin(&REGION),
            second_region: asked.to_string().into(),
            why: ONE_REGION,
        })
    }

    /// Returns the request for the session, and those at the fallbacks.
    pub fn requests(&self) -> impl Iterator<Item = &SessionRequest> {
        std::iter::once(&self.request).chain(&self.fallbacks)
    }

    /// Returns the endpoints that sessions are made at: those of the requests, then those of the hops.
    pub fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        // All hops are made at the same endpoints.
        let sts = self.hops.first().into_iter();
        let sts = sts.flat_map(|hop| std::iter::once(&hop.sts).chain(&hop.fallback_sts));
        self.requests().map(|request| &request.endpoint).chain(sts.map(|sts| &sts.endpoint))
    }

    /// Returns the source of the credentials.
    pub fn into_provider(self) -> RolesAnywhere {
        let Self { source, request, fallbacks, hops, .. } = self;
        RolesAnywhere { fallbacks, hops, ..RolesAnywhere::new(source, request) }
    }
}

const ONE_REGION: &str =
    "use one Region for all of them: a session is created in the Region of its trust anchor";

/// Returns the ARNs of the trust anchor, the profile and the role, which are of one Region.
fn arns(settings: &Settings<'_>) -> Result<(TrustAnchorArn, ProfileArn, RoleArn), UsageError> {
    let trust_anchor: TrustAnchorArn = arn(settings.required(&TRUST_ANCHOR_ARN)?)?;
    let profile: ProfileArn = arn(settings.required(&PROFILE_ARN)?)?;
    let role: RoleArn = arn(settings.required(&ROLE_ARN)?)?;

    let anchor = (&TRUST_ANCHOR_ARN, trust_anchor.partition());
    same_partition(settings, anchor, (&PROFILE_ARN, profile.partition()))?;
    same_partition(settings, anchor, (&ROLE_ARN, role.partition()))?;
    if trust_anchor.region() != profile.region() {
        return Err(UsageError::Regions {
            first: settings.origin(&TRUST_ANCHOR_ARN),
            first_region: trust_anchor.region().to_string().into(),
            second: settings.origin(&PROFILE_ARN),
            second_region: profile.region().to_string().into(),
            why: ONE_REGION,
        });
    }
    Ok((trust_anchor, profile, role))
}

/// Reads an ARN. The error quotes parts of it, and so only if all of it may be shown.
pub fn arn<T: FromStr<Err = ArnError>>(setting: Setting<'_>) -> Result<T, UsageError> {
    setting.value.parse().map_err(|source| match setting.shown() {
        DisplayValue::Value(value) => {
            UsageError::Arn { origin: setting.origin, value: shortened(&value), source }
        }
        DisplayValue::Hidden(_) => setting.refuse("an ARN"),
    })
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(200) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

fn same_partition(
    settings: &Settings<'_>,
    (first, first_partition): (&'static OptionSpec, Partition),
    (second, second_partition): (&'static OptionSpec, Partition),
) -> Result<(), UsageError> {
    if first_partition == second_partition {
        return Ok(());
    }
    Err(UsageError::Partitions {
        first: settings.origin(first),
        first_partition: first_partition.as_str(),
        second: settings.origin(second),
        second_partition: second_partition.as_str(),
    })
}

/// Returns the lifetime of the session.
pub fn duration(settings: &Settings<'_>) -> Result<SessionDuration, UsageError> {
    let setting = settings.required(&SESSION_DURATION)?;
    if setting.value == "profile" {
        return Ok(SessionDuration::OfProfile);
    }
    let seconds = setting.value.parse().ok().and_then(SessionDuration::from_seconds);
    seconds.ok_or_else(|| setting.refuse("900 to 43200 (seconds), or `profile`"))
}

/// Returns the name of the session, if one is given.
pub fn role_session_name(settings: &Settings<'_>) -> Result<Option<RoleSessionName>, UsageError> {
    let setting = settings.text(&ROLE_SESSION_NAME)?;
    let Some(setting) = setting else { return Ok(None) };
    session_name(&setting).map(Some)
}

/// Reads the name of a session.
pub(super) fn session_name(setting: &Setting<'_>) -> Result<RoleSessionName, UsageError> {
    RoleSessionName::parse(setting.value).ok_or_else(|| {
        setting.refuse("2 to 64 characters, each a letter, a digit or one of `_+=,.@-`")
    })
}

/// Returns the kind of endpoints that is asked for, and what asks for it.
fn variant(settings: &Settings<'_>) -> Result<(Variant, Option<NamedValue>), UsageError> {
    let region = settings.region()?;
    let pseudo_region = region.filter(|region| region.without_fips().is_some());
    let fips = settings.switched_on(&FIPS)?;
    let dual_stack = settings.switched_on(&DUAL_STACK)?;
    let region =
        pseudo_region.map(|region| NamedValue::new(settings.origin(&REGION), region.as_str()));
    let variant =
        Variant { fips: fips.is_some() || region.is_some(), dual_stack: dual_stack.is_some() };
    Ok((variant, fips.map(Into::into).or(region).or_else(|| dual_stack.map(Into::into))))
}

/// The endpoint of sessions in any Region.
#[derive(Clone, Debug)]
pub struct OwnEndpoint<'a> {
    /// The one that a flag or a variable gives, for all Regions.
    given: Option<Setting<'a>>,
    variant: &'a (Variant, Option<NamedValue>),
}

impl OwnEndpoint<'_> {
    /// Returns where the endpoint comes from for which the configuration file has `in_file`; `None` for
    /// AWS's.
    fn origin(&self, in_file: Option<&Setting<'_>>) -> Option<Origin> {
        self.given.as_ref().or(in_file).map(|setting| setting.origin.clone())
    }

    /// Returns the endpoint in `region`, for which the configuration file has `in_file`.
    pub fn in_region(
        &self,
        in_file: Option<Setting<'_>>,
        region: &Region,
    ) -> Result<Endpoint, UsageError> {
        let given = self.given.clone().or(in_file);
        chosen(given, OWN_ENDPOINT.service, self.variant, region)
    }
}

/// Returns where a service is.
fn endpoint(
    settings: &Settings<'_>,
    options: EndpointOptions,
    variant: &(Variant, Option<NamedValue>),
    region: &Region,
) -> Result<Endpoint, UsageError> {
    let given = match given_endpoint(settings, options)? {
        Some(setting) => Some(setting),
        None => settings.in_file(options.own)?,
    };
    chosen(given, options.service, variant, region)
}

/// Returns the endpoint that a flag or a variable gives. The variables of the AWS SDKs come before the
/// file, like our own.
fn given_endpoint<'a>(
    settings: &Settings<'a>,
    options: EndpointOptions,
) -> Result<Option<Setting<'a>>, UsageError> {
    match settings.typed_or_variable(options.own)? {
        Some(setting) => Ok(Some(setting)),
        None => configured(settings, options.aws),
    }
}

/// Returns the roles that are assumed with the session, all in its Region. An endpoint of STS that is
/// given is called whichever trust anchor makes the session, as it belongs to one Region.
fn hops(
    settings: &Settings<'_>,
    (first, fallbacks): (&SessionRequest, &[SessionRequest]),
    variant: &(Variant, Option<NamedValue>),
) -> Result<Vec<AssumeRole>, UsageError> {
    let hops = role_chain::hop_settings(settings)?;
    if hops.is_empty() {
        return Ok(Vec::new());
    }
    let given = configured(settings, &AWS_ENDPOINT_URL_STS)?;
    let at = |SessionRequest { region, .. }: &SessionRequest| {
        let endpoint = chosen(given.clone(), Service::Sts, variant, region)?;
        Ok(RegionalEndpoint { endpoint, region: region.clone() })
    };
    let sts = at(first)?;
    let fallback_sts = match given {
        Some(_) => Vec::new(),
        None => fallbacks.iter().map(at).collect::<Result<_, UsageError>>()?,
    };
    role_chain::hops(hops, (&settings.origin(&ROLE_ARN), &first.role), (&sts, &fallback_sts))
}

/// Returns the endpoint of sessions that is given.
pub(super) fn endpoint_setting<'a>(
    settings: &Settings<'a>,
) -> Result<Option<Setting<'a>>, UsageError> {
    match given_endpoint(settings, OWN_ENDPOINT)? {
        Some(setting) => Ok(Some(setting)),
        None => settings.in_file(&ENDPOINT),
    }
}

/// Refuses an endpoint of the configuration file that is not valid, or beside FIPS or dual-stack ones.
pub(super) fn check_endpoint(
    settings: &Settings<'_>,
    endpoint: Option<Setting<'_>>,
) -> Result<(), UsageError> {
    let Some(setting) = endpoint else { return Ok(()) };
    given_one(setting, &variant(settings)?).map(drop)
}

/// Returns the endpoint that is given, else AWS's.
fn chosen(
    given: Option<Setting<'_>>,
    service: Service,
    variant: &(Variant, Option<NamedValue>),
    region: &Region,
) -> Result<Endpoint, UsageError> {
    match given {
        Some(setting) => given_one(setting, variant),
        None => Ok(endpoint::of(service, region, variant.0)),
    }
}

/// Returns an endpoint of the user's own, which has no variants.
fn given_one(
    setting: Setting<'_>,
    (_, asked_by): &(Variant, Option<NamedValue>),
) -> Result<Endpoint, UsageError> {
    if let Some(asked_by) = asked_by {
        return Err(UsageError::Conflict {
            first: setting.origin.into(),
            second: asked_by.clone(),
            why: "remove one of them: a given endpoint has no FIPS or dual-stack variant",
        });
    }
    Endpoint::parse(setting.value)
        .map_err(|source| UsageError::Endpoint { origin: setting.origin, source })
}

/// Returns the endpoint that the AWS SDKs would use.
fn configured<'a>(
    settings: &Settings<'a>,
    aws: &'static OptionSpec,
) -> Result<Option<Setting<'a>>, UsageError> {
    let ignored = settings.environment.get(AWS_IGNORE_CONFIGURED_ENDPOINT_URLS.name);
    match ignored.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        true => Ok(None),
        false => settings.variable(aws),
    }
}
