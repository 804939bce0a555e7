//! Requests that AWS refused, with their likely causes.

use super::identity::now;
use super::{Page, access_keys, hops, parameters, variants};
use crate::output::error::Error;
use roles_anywhere_client::aws::create_session::{SessionDuration, SessionRequest};
use roles_anywhere_client::aws::error_response::ServiceError;
use roles_anywhere_client::aws::get_secret_value::SecretId;
use roles_anywhere_client::aws::json_protocol::JsonOperation;
use roles_anywhere_client::aws::query_protocol::QueryOperation;
use roles_anywhere_client::diagnosis::{
    CaExtensions, Cause, CertificateCause, ClockComparison, ConfigurationCause, Operation, Refusal,
    SecretCause, SecretChangeCause,
};
use roles_anywhere_client::provider::ProviderError;
use roles_anywhere_client::region::Region;
use roles_anywhere_client::x509::requirements::Violation;
use roles_anywhere_client::x509::{DistinguishedName, LeftOut};
use roles_anywhere_test_support::cert_builder::{CN, CertBuilder, name, rdn};
use roles_anywhere_test_support::session::request;

variants!(Cause:
    Throttled AnotherServer ServiceFailure ClockOffset AlteredRequest InvalidRequest Certificate
    Configuration Secret SecretChange Parameter SessionNotAccepted Hop AccessKey Unknown
);
variants!(CertificateCause:
    Revoked Violations NoViolation NotACa IntermediateOutOfDate IssuerNotGiven PathEnds ChainSent
);
variants!(ConfigurationCause:
    DifferentAccounts NoSuchTrustAnchor TrustAnchorDisabled NoSuchProfile ProfileDisabled
    RoleNotInProfile SessionNameNotAccepted DurationTooLong TrustPolicy UnmappedAttributes
    NoSuchResource
);
variants!(SecretCause:
    NoSuchSecret NoSuchVersion Denied OperationDenied KmsKeyDenied ScheduledForDeletion NotReadable
    VersionsDiffer
);
variants!(SecretChangeCause: NotWritable VersionExists StageElsewhere);
variants!(Violation:
    Version Ca NoKeyUsage NoDigitalSignature NoClientAuth WeakDigest EmptySubject Key Expired
    NotYetValid LongCommonName
);
variants!(CaExtensions: BasicConstraints KeyCertSign Both);
variants!(LeftOut: Root Leaf Outdated Unrelated NoRoom);
variants!(ClockComparison: Agree Differ NotPossible);

/// Returns the error for a refusal with one cause.
pub(super) fn refused(
    operation: Operation,
    (status, code, message): Answer<'_>,
    cause: Cause,
) -> Error {
    let service_error = ServiceError {
        status,
        code: (!code.is_empty()).then(|| code.to_owned()),
        message: message.to_owned(),
        request_id: (!code.is_empty()).then(|| "a1b2c3d4-5678-90ab-cdef-EXAMPLE11111".to_owned()),
        date: None,
    };
    let source = Box::new(Refusal { operation, service_error, causes: vec![cause] });
    ProviderError::Refused { source, retry_after: None }.into()
}

/// Status, error code and message of AWS.
pub(super) type Answer<'a> = (u16, &'a str, &'a str);

pub(super) const DENIED: &str = "AccessDeniedException";
const UNTRUSTED: Answer<'_> = (403, DENIED, "Untrusted certificate. Insufficient certificate");

#[test]
fn refusals_of_any_cause_have_these_texts() {
    let mut page = Page::default();
    let (operation, session) = (Operation::CreateSession, request());
    let signature: Answer<'_> = (403, DENIED, "Invalid signature");
    let offset = |seconds_behind| Cause::ClockOffset {
        seconds_behind,
        local: now(),
        aws: now().after(seconds_behind),
    };
    let altered = |clocks| Cause::AlteredRequest { region: session.region.clone(), clocks };
    let rows = [
        ((429, "ThrottlingException", "Rate exceeded"), Cause::Throttled),
        ((502, "", ""), Cause::AnotherServer),
        ((503, "ServiceUnavailableException", ""), Cause::ServiceFailure),
        (signature, offset(1_860)),
        (signature, offset(-7_200)),
        (signature, altered(ClockComparison::Agree)),
        (
            (400, "ValidationException", "durationSeconds must be at most 43200"),
            Cause::InvalidRequest,
        ),
        (UNTRUSTED, Cause::Certificate(CertificateCause::NoViolation)),
        (
            (403, DENIED, "Profile is disabled"),
            Cause::Configuration(ConfigurationCause::ProfileDisabled(session.profile.clone())),
        ),
        ((403, DENIED, "Something new"), Cause::Unknown),
    ];
    for (answer, cause) in rows {
        let heading = page.see(&cause);
        page.add(&heading, &refused(operation.clone(), answer, cause));
    }
    for (operation, answer, cause) in of_services() {
        let heading = page.see(&cause);
        page.add(&heading, &refused(Operation::Json(operation), answer, cause));
    }
    let hop = Cause::Hop(hops::causes().remove(0));
    let heading = page.see(&hop);
    page.add(&heading, &refused(hops::operation(), (403, "AccessDenied", "x"), hop));
    let access_key = Cause::AccessKey(access_keys::causes().remove(0));
    let heading = page.see(&access_key);
    let operation_of_iam = Operation::Query(QueryOperation::ListAccessKeys);
    page.add(&heading, &refused(operation_of_iam, (404, "NoSuchEntity", "x"), access_key));
    let change = Cause::SecretChange(secret_changes().remove(0));
    let heading = page.see(&change);
    let operation_of_change = Operation::Json(JsonOperation::PutSecretValue);
    page.add(&heading, &refused(operation_of_change, (400, LABELS.1, "x"), change));
    page.check_has_all::<Cause>();
    let clocks =
        vec![ClockComparison::Agree, ClockComparison::Differ, ClockComparison::NotPossible];
    page.add_all(clocks, |clocks| refused(operation.clone(), signature, altered(clocks)));
    page.compare("refusals");
}

/// Returns refusals of Secrets Manager and of the Parameter Store.
fn of_services() -> Vec<(JsonOperation, Answer<'static>, Cause)> {
    let (session, call) = (request().region, Region::parse("eu-central-1").unwrap());
    let not_accepted = Cause::SessionNotAccepted { session, call };
    let unknown = (400, "InvalidNextTokenException", "The token is not valid");
    let parameter = Cause::Parameter(parameters::causes().remove(0));
    vec![
        (JsonOperation::GetSecretValue, unknown, Cause::Unknown),
        (JsonOperation::GetSecretValue, LABELS, Cause::Secret(SecretCause::NotReadable)),
        (JsonOperation::GetSecretValue, NOT_ACCEPTED, not_accepted.clone()),
        (JsonOperation::GetParameter, NOT_ACCEPTED, not_accepted),
        (JsonOperation::GetParameters, (502, "", ""), Cause::AnotherServer),
        (JsonOperation::GetParameter, (400, "ParameterNotFound", ""), parameter),
        (JsonOperation::BatchGetSecretValue, (200, DENIED, "x"), Cause::Unknown),
    ]
}

pub(super) const KMS_KEY: &str =
    "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";

const NOT_ACCEPTED: Answer<'_> =
    (400, "UnrecognizedClientException", "The security token in the request is invalid.");

const LABELS: Answer<'_> =
    (400, "InvalidRequestException", "You can't perform this operation on the secret");

fn named(common_name: &str) -> DistinguishedName {
    let subject = name(&[rdn(&[(CN, common_name)])]);
    CertBuilder { subject, ..CertBuilder::default() }.build().subject().clone()
}

#[test]
fn refusals_of_the_certificate_have_these_texts() {
    let mut page = Page::default();
    let error = |cause| {
        let answer = match cause {
            CertificateCause::Revoked { .. } => (403, DENIED, "Certificate revoked"),
            CertificateCause::Violations(_) | CertificateCause::NoViolation => UNTRUSTED,
            _ => (403, DENIED, "Untrusted signing certificate"),
        };
        refused(Operation::CreateSession, answer, Cause::Certificate(cause))
    };
    page.add_all(certificate_causes(), error);
    let violations = vec![
        Violation::Version,
        Violation::Ca,
        Violation::NoKeyUsage,
        Violation::NoDigitalSignature,
        Violation::NoClientAuth,
        Violation::WeakDigest,
        Violation::EmptySubject,
        Violation::Key,
        Violation::Expired(now()),
        Violation::NotYetValid(now()),
        Violation::LongCommonName(70),
    ];
    page.add_all(violations, |one| error(CertificateCause::Violations(vec![one])));
    let extensions =
        vec![CaExtensions::BasicConstraints, CaExtensions::KeyCertSign, CaExtensions::Both];
    page.add_all(extensions, |lacks| {
        error(CertificateCause::NotACa { subject: named("Example Issuing CA"), lacks })
    });
    let reasons =
        vec![LeftOut::Root, LeftOut::Leaf, LeftOut::Outdated, LeftOut::Unrelated, LeftOut::NoRoom];
    page.add_all(reasons, |reason| {
        let left_out = vec![(named("Example Root CA"), reason)];
        error(CertificateCause::ChainSent { sent: Vec::new(), left_out })
    });
    page.compare("refusals_of_certificates");
}

fn certificate_causes() -> Vec<CertificateCause> {
    let trust_anchor = || request().trust_anchor;
    let (issuing, root) = (|| named("Example Issuing CA"), || named("Example Root CA"));
    vec![
        CertificateCause::Revoked { serial: "4711".to_owned(), trust_anchor: trust_anchor() },
        CertificateCause::Violations(vec![Violation::Ca, Violation::NoDigitalSignature]),
        CertificateCause::NoViolation,
        CertificateCause::NotACa { subject: issuing(), lacks: CaExtensions::KeyCertSign },
        CertificateCause::IntermediateOutOfDate {
            subject: issuing(),
            not_before: now().after(-172_800),
            not_after: now().after(-86_400),
        },
        CertificateCause::IssuerNotGiven { issuer: issuing(), trust_anchor: trust_anchor() },
        CertificateCause::PathEnds { sent: 0, issuers: vec![root()], trust_anchor: trust_anchor() },
        CertificateCause::PathEnds {
            sent: 2,
            issuers: vec![root(), issuing()],
            trust_anchor: trust_anchor(),
        },
        CertificateCause::ChainSent {
            sent: vec![issuing()],
            left_out: vec![(root(), LeftOut::Root)],
        },
    ]
}

#[test]
fn refusals_of_the_configuration_have_these_texts() {
    let mut page = Page::default();
    page.add_all(configuration_causes(), |cause| {
        let message = match cause {
            ConfigurationCause::NoSuchTrustAnchor { .. } => "Specified Trust Anchor wasn't found.",
            ConfigurationCause::TrustAnchorDisabled(_) => "Trust anchor is disabled",
            ConfigurationCause::NoSuchProfile { .. } => "Invalid or empty profile provided.",
            ConfigurationCause::ProfileDisabled(_) => "Profile is disabled",
            ConfigurationCause::DifferentAccounts { .. }
            | ConfigurationCause::RoleNotInProfile { .. } => {
                "Requested Role isn't one of those listed in the Profile."
            }
            ConfigurationCause::SessionNameNotAccepted(_) => {
                "Not authorized to set roleSessionName."
            }
            ConfigurationCause::DurationTooLong { .. } => {
                "Unable to assume role: The requested DurationSeconds exceeds the MaxSessionDuration"
            }
            ConfigurationCause::TrustPolicy { .. } => "Unable to assume role for the given ARN",
            ConfigurationCause::UnmappedAttributes => {
                "Unable to assume role: x509Subject/O failed to be mapped into session tags"
            }
            ConfigurationCause::NoSuchResource { .. } => "",
        };
        let (status, code) = match cause {
            ConfigurationCause::NoSuchResource { .. } => (404, "ResourceNotFoundException"),
            _ => (403, DENIED),
        };
        let cause = Cause::Configuration(cause);
        refused(Operation::CreateSession, (status, code, message), cause)
    });
    page.compare("refusals_of_configuration");
}

fn configuration_causes() -> Vec<ConfigurationCause> {
    let SessionRequest { trust_anchor, profile, role, region, .. } = request();
    let too_long =
        |requested| ConfigurationCause::DurationTooLong { requested, role: role.clone() };
    vec![
        ConfigurationCause::DifferentAccounts {
            trust_anchor: "123456789012".to_owned(),
            profile: "123456789012".to_owned(),
            role: "999999999999".to_owned(),
        },
        ConfigurationCause::NoSuchTrustAnchor {
            trust_anchor: trust_anchor.clone(),
            region: region.clone(),
        },
        ConfigurationCause::TrustAnchorDisabled(trust_anchor.clone()),
        ConfigurationCause::NoSuchProfile { profile: profile.clone(), region: region.clone() },
        ConfigurationCause::ProfileDisabled(profile.clone()),
        ConfigurationCause::RoleNotInProfile {
            role: role.clone(),
            profile: profile.clone(),
            region: region.clone(),
        },
        ConfigurationCause::SessionNameNotAccepted(profile),
        too_long(SessionDuration::Seconds(43_200)),
        too_long(SessionDuration::OfProfile),
        ConfigurationCause::TrustPolicy {
            role: role.clone(),
            trust_anchor: trust_anchor.clone(),
            common_name: None,
        },
        ConfigurationCause::TrustPolicy {
            role: role.clone(),
            trust_anchor,
            common_name: Some("host-1.example".to_owned()),
        },
        ConfigurationCause::UnmappedAttributes,
        ConfigurationCause::NoSuchResource { region },
    ]
}

#[test]
fn refusals_of_secrets_have_these_texts() {
    let mut page = Page::default();
    page.add_all(secret_causes(), |cause| {
        let (code, message) = match cause {
            SecretCause::NoSuchSecret { .. } | SecretCause::NoSuchVersion { .. } => {
                ("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
            }
            SecretCause::Denied { .. } | SecretCause::OperationDenied { .. } => {
                (DENIED, "User is not authorized to perform: secretsmanager:GetSecretValue")
            }
            SecretCause::KmsKeyDenied { .. } => (DENIED, "Access to KMS is not allowed"),
            SecretCause::ScheduledForDeletion { .. } => {
                (LABELS.1, "You can't perform this operation: it was marked for deletion")
            }
            SecretCause::NotReadable => (LABELS.1, LABELS.2),
            SecretCause::VersionsDiffer => ("InvalidParameterException", "Invalid version"),
        };
        let operation = Operation::Json(match cause {
            SecretCause::Denied { operation, .. }
            | SecretCause::KmsKeyDenied { operation, .. }
            | SecretCause::OperationDenied { operation, .. } => operation,
            _ => JsonOperation::GetSecretValue,
        });
        refused(operation, (400, code, message), Cause::Secret(cause))
    });
    page.add_all(secret_changes(), |cause| {
        let (operation, code, message) = match cause {
            SecretChangeCause::NotWritable { .. } => {
                (JsonOperation::PutSecretValue, LABELS.1, LABELS.2)
            }
            SecretChangeCause::VersionExists { .. } => (
                JsonOperation::PutSecretValue,
                "ResourceExistsException",
                "You can't use ClientRequestToken because that value is already in use for a version of the secret.",
            ),
            SecretChangeCause::StageElsewhere { .. } => (
                JsonOperation::UpdateSecretVersionStage,
                "InvalidParameterException",
                "The parameter RemoveFromVersionId can't be empty. Staging label AWSPENDING is currently attached to version b.",
            ),
        };
        refused(Operation::Json(operation), (400, code, message), Cause::SecretChange(cause))
    });
    page.compare("refusals_of_secrets");
}

fn secret_changes() -> Vec<SecretChangeCause> {
    let secret = || SecretId::Name("prod/db".to_owned());
    let version = || "01234567-89ab-4def-8123-456789abcdef".to_owned();
    let elsewhere = |expected| SecretChangeCause::StageElsewhere {
        secret: secret(),
        stage: "AWSPENDING".to_owned(),
        expected,
    };
    vec![
        SecretChangeCause::NotWritable { secret: secret(), region: request().region },
        SecretChangeCause::VersionExists { secret: secret(), version: version() },
        elsewhere(None),
        elsewhere(Some(version())),
    ]
}

fn secret_causes() -> Vec<SecretCause> {
    let SessionRequest { role, region, .. } = request();
    let account = || "123456789012".to_owned();
    let named = || SecretId::Name("prod/db".to_owned());
    let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-a1b2c3";
    let by_arn = SecretId::Arn(arn.parse().unwrap());
    let of_other_account =
        SecretId::Arn(arn.replace("123456789012", "999999999999").parse().unwrap());
    let denied = |operation, secret| SecretCause::Denied {
        operation,
        secret,
        role: role.clone(),
        region: region.clone(),
    };
    let missing =
        |secret| SecretCause::NoSuchSecret { secret, region: region.clone(), account: account() };
    vec![
        missing(named()),
        missing(by_arn.clone()),
        SecretCause::NoSuchVersion { secret: named(), region: region.clone() },
        denied(JsonOperation::GetSecretValue, named()),
        denied(JsonOperation::DescribeSecret, by_arn),
        denied(JsonOperation::GetSecretValue, of_other_account.clone()),
        SecretCause::OperationDenied { operation: JsonOperation::ListSecrets, role: role.clone() },
        denied(JsonOperation::PutSecretValue, named()),
        SecretCause::OperationDenied {
            operation: JsonOperation::GetRandomPassword,
            role: role.clone(),
        },
        SecretCause::KmsKeyDenied {
            operation: JsonOperation::PutSecretValue,
            role: role.clone(),
            secret: named(),
            key: None,
        },
        SecretCause::KmsKeyDenied {
            operation: JsonOperation::GetSecretValue,
            role: role.clone(),
            secret: of_other_account,
            key: Some(KMS_KEY.to_owned()),
        },
        SecretCause::ScheduledForDeletion { secret: named(), region: region.clone() },
        SecretCause::NotReadable,
        SecretCause::VersionsDiffer,
    ]
}
