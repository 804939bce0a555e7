//! The identity and the session that are asked for.

use std::path::PathBuf;
use std::str::FromStr;

use super::setting::{Setting, Settings};
use crate::arn::ArnError;
use crate::aws::create_session::{RoleSessionName, SessionDuration, SessionRequest};
use crate::aws::endpoint::{self, Service, Variant};
use crate::cli::SessionArgs;
use crate::http::Endpoint;
use crate::identity::IdentitySource;
use crate::provider::RolesAnywhere;
use crate::region::{Partition, Region};
use crate::usage::UsageError;

/// What the flags of a session mean.
pub(super) struct Session {
    pub(super) source: IdentitySource,
    pub(super) request: SessionRequest,
    pub(super) variant: Variant,
}

impl Session {
    pub(super) fn resolve(settings: &Settings<'_>) -> Result<Self, UsageError> {
        refuse_what_does_not_work_yet(settings.args)?;
        let source = identity_source(settings)?;
        let request = request(settings)?;
        let variant = variant(settings)?;
        let endpoint = endpoint(
            settings,
            Service::RolesAnywhere,
            settings.text("endpoint", |args| &args.endpoint)?.map(|s| s.value).as_deref(),
            variant,
            &request.region,
        )?;
        Ok(Self { source, request: SessionRequest { endpoint, ..request }, variant })
    }

    /// Refuses a `--region` that is not the trust anchor's: no session could be made there.
    pub(super) fn check_own_region(&self, settings: &Settings<'_>) -> Result<(), UsageError> {
        let Some(asked) = settings.region()? else { return Ok(()) };
        let asked = asked.without_fips().unwrap_or(asked);
        let own = &self.request.region;
        if asked == *own {
            return Ok(());
        }
        Err(UsageError::Regions {
            first: "--trust-anchor-arn",
            first_region: own.to_string(),
            second: "--region",
            second_region: asked.to_string(),
            why: ONE_REGION,
        })
    }

    pub(super) fn into_provider(self) -> RolesAnywhere {
        RolesAnywhere { source: self.source, session: self.request }
    }
}

const ONE_REGION: &str =
    "a session is made in the Region of its trust anchor: take all of them from one Region";

fn identity_source(settings: &Settings<'_>) -> Result<IdentitySource, UsageError> {
    let certificate = settings.required("--certificate", |args| &args.certificate)?;
    let private_key = settings.required("--private-key", |args| &args.private_key)?;
    let intermediates = settings.text("intermediates", |args| &args.intermediates)?;
    Ok(IdentitySource {
        certificate: path(certificate)?,
        private_key: path(private_key)?,
        intermediates: intermediates.map(path).transpose()?,
    })
}

/// Takes a path, and refuses what the official helper takes for something else.
fn path(setting: Setting) -> Result<PathBuf, UsageError> {
    let foreign = ["pkcs11:", "handle:"].iter().any(|scheme| setting.value.starts_with(scheme));
    if foreign {
        // A PKCS#11 URI may hold a PIN: only its scheme is repeated.
        let scheme = setting.value.split(':').next().unwrap_or_default();
        let what = format!("{} {scheme}:…", setting.origin);
        return Err(UsageError::NotYet { what, instead: "pass the path of a PEM file" });
    }
    Ok(PathBuf::from(setting.value))
}

fn request(settings: &Settings<'_>) -> Result<SessionRequest, UsageError> {
    let trust_anchor: crate::arn::TrustAnchorArn =
        arn(settings.required("--trust-anchor-arn", |args| &args.trust_anchor_arn)?)?;
    let profile: crate::arn::ProfileArn =
        arn(settings.required("--profile-arn", |args| &args.profile_arn)?)?;
    let role: crate::arn::RoleArn = arn(settings.required("--role-arn", |args| &args.role_arn)?)?;

    let anchor = ("--trust-anchor-arn", trust_anchor.partition());
    same_partition(anchor, ("--profile-arn", profile.partition()))?;
    same_partition(anchor, ("--role-arn", role.partition()))?;
    if trust_anchor.region() != profile.region() {
        return Err(UsageError::Regions {
            first: "--trust-anchor-arn",
            first_region: trust_anchor.region().to_string(),
            second: "--profile-arn",
            second_region: profile.region().to_string(),
            why: ONE_REGION,
        });
    }
    let region = trust_anchor.region().clone();
    let endpoint = endpoint::of(Service::RolesAnywhere, &region, Variant::default());
    Ok(SessionRequest {
        duration: duration(settings)?,
        role_session_name: role_session_name(settings)?,
        trust_anchor,
        profile,
        role,
        endpoint,
        region,
    })
}

fn arn<T: FromStr<Err = ArnError>>(setting: Setting) -> Result<T, UsageError> {
    setting.value.parse().map_err(|source| UsageError::Arn {
        origin: setting.origin,
        value: shortened(&setting.value),
        source,
    })
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(200) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

fn same_partition(
    (first, first_partition): (&'static str, Partition),
    (second, second_partition): (&'static str, Partition),
) -> Result<(), UsageError> {
    if first_partition == second_partition {
        return Ok(());
    }
    Err(UsageError::Partitions {
        first,
        first_partition: first_partition.as_str(),
        second,
        second_partition: second_partition.as_str(),
    })
}

fn duration(settings: &Settings<'_>) -> Result<SessionDuration, UsageError> {
    let Some(setting) = settings.text("session-duration", |args| &args.session_duration)? else {
        return Ok(SessionDuration::Seconds(3_600));
    };
    if setting.value == "profile" {
        return Ok(SessionDuration::OfProfile);
    }
    let seconds = setting.value.parse().ok().and_then(SessionDuration::from_seconds);
    seconds.ok_or_else(|| setting.refuse("900 to 43200 seconds, or `profile`,"))
}

fn role_session_name(settings: &Settings<'_>) -> Result<Option<RoleSessionName>, UsageError> {
    let setting = settings.text("role-session-name", |args| &args.role_session_name)?;
    let Some(setting) = setting else { return Ok(None) };
    let name = RoleSessionName::parse(&setting.value);
    name.map(Some).ok_or_else(|| setting.refuse("a name of 2 to 64 letters, digits and `_+=,.@-`"))
}

fn variant(settings: &Settings<'_>) -> Result<Variant, UsageError> {
    let pseudo_region = settings.region()?.is_some_and(|region| region.without_fips().is_some());
    let fips = settings.flag_or("fips", |args| &args.fips, "AWS_USE_FIPS_ENDPOINT")?;
    let dual = "AWS_USE_DUALSTACK_ENDPOINT";
    let dual_stack = settings.flag_or("dual-stack", |args| &args.dual_stack, dual)?;
    Ok(Variant { fips: fips || pseudo_region, dual_stack })
}

/// Returns where `service` is: by its flag (`given`), the variables of the AWS SDKs, or its Region.
pub(super) fn endpoint(
    settings: &Settings<'_>,
    service: Service,
    given: Option<&str>,
    variant: Variant,
    region: &Region,
) -> Result<Endpoint, UsageError> {
    let (flag, ours, aws) = match service {
        Service::RolesAnywhere => {
            ("--endpoint", "ROLES_ANYWHERE_ENDPOINT", "AWS_ENDPOINT_URL_ROLESANYWHERE")
        }
        Service::SecretsManager => (
            "--secrets-endpoint",
            "ROLES_ANYWHERE_SECRETS_ENDPOINT",
            "AWS_ENDPOINT_URL_SECRETS_MANAGER",
        ),
    };
    let ignored = settings.environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    let aws_variables: &[&str] = match ignored {
        Some(value) if value.eq_ignore_ascii_case("true") => &[],
        _ => &[aws, "AWS_ENDPOINT_URL"],
    };
    let flagged = given.map(|value| Setting { origin: flag.to_owned(), value: value.to_owned() });
    let chosen = flagged
        .or_else(|| settings.variable(ours))
        .or_else(|| aws_variables.iter().find_map(|name| settings.variable(name)));
    let Some(setting) = chosen else { return Ok(endpoint::of(service, region, variant)) };
    if !variant.is_plain() {
        let second = if variant.fips { "--fips" } else { "--dual-stack" };
        return Err(UsageError::Conflict {
            first: setting.origin,
            second: second.to_owned(),
            why: "an endpoint of your own is what it is; leave one of them out",
        });
    }
    Endpoint::parse(&setting.value)
        .map_err(|source| UsageError::Endpoint { origin: setting.origin, source })
}

fn refuse_what_does_not_work_yet(args: &SessionArgs) -> Result<(), UsageError> {
    let flags = &args.not_yet;
    let rows = [
        ("--cert-selector", &flags.cert_selector),
        ("--system-store-name", &flags.system_store_name),
        ("--use-latest-expiring-certificate", &flags.use_latest_expiring_certificate),
        ("--pkcs11-lib", &flags.pkcs11_lib),
        ("--reuse-pin", &flags.reuse_pin),
        ("--tpm-key-password", &flags.tpm_key_password),
        ("--no-tpm-key-password", &flags.no_tpm_key_password),
        ("--pkcs8-password", &flags.pkcs8_password),
    ];
    let off = |value: &str| value.is_empty() || value.eq_ignore_ascii_case("false");
    let given = rows.into_iter().find(|(_, value)| value.as_deref().is_some_and(|v| !off(v)));
    match given {
        None => Ok(()),
        Some((flag, _)) => Err(UsageError::NotYet {
            what: flag.to_owned(),
            instead: "pass an unencrypted PEM key by `--private-key` and its certificate by `--certificate`",
        }),
    }
}
