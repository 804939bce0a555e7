//! `GetSecretValue`: the refusals of Secrets Manager.

use super::cause::{Cause, SecretCause};
use super::{clock_offset, general};
use crate::arn::RoleArn;
use crate::aws::error_response::ServiceError;
use crate::aws::get_secret_value::{SecretId, SecretRequest};
use crate::region::Region;
use crate::time::Timestamp;

/// Returns the most likely cause of `service_error`.
///
/// The session is of `role`, made in `session_region`; `received` is when the answer came by this
/// machine's clock.
pub fn get_secret_value(
    service_error: &ServiceError,
    request: &SecretRequest,
    role: &RoleArn,
    session_region: &Region,
    received: Timestamp,
) -> Cause {
    if let Some(cause) = general(service_error) {
        return cause;
    }
    let SecretRequest { secret, region, .. } = request.clone();
    let role = role.clone();
    let message = service_error.message.to_ascii_lowercase();
    Cause::Secret(match service_error.code.as_deref().unwrap_or_default() {
        "ResourceNotFoundException" => not_found(request, &role),
        "DecryptionFailure" => SecretCause::KmsKeyDenied { role, secret },
        "AccessDeniedException" if message.contains("kms") => {
            SecretCause::KmsKeyDenied { role, secret }
        }
        "AccessDeniedException" => SecretCause::Denied { role, secret, region },
        "InvalidRequestException" if message.contains("deletion") => {
            SecretCause::ScheduledForDeletion { secret, region }
        }
        "InvalidRequestException" => SecretCause::NotReadable,
        "InvalidParameterException" => SecretCause::VersionsDiffer,
        "ExpiredTokenException" | "InvalidSignatureException" | "UnrecognizedClientException" => {
            if let Some(offset) = clock_offset(service_error, received) {
                return offset;
            }
            SecretCause::SessionNotAccepted { session: session_region.clone(), secret: region }
        }
        _ => return Cause::Unknown,
    })
}

fn not_found(request: &SecretRequest, role: &RoleArn) -> SecretCause {
    let (secret, region) = (request.secret.clone(), request.region.clone());
    if request.version_id.is_some() || request.version_stage.is_some() {
        return SecretCause::NoSuchVersion { secret, region };
    }
    let account = match &secret {
        SecretId::Arn(arn) => arn.account(),
        SecretId::Name(_) => role.account(),
    };
    SecretCause::NoSuchSecret { account: account.to_owned(), secret, region }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::create_session::SessionRequest;
    use crate::http::Endpoint;
    use crate::test_support::session;

    const RECEIVED: Timestamp = Timestamp::from_unix(1_780_000_000);
    const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:999999999999:secret:db-a1b2c3";

    fn request(secret: SecretId) -> SecretRequest {
        SecretRequest {
            secret,
            version_id: None,
            version_stage: None,
            endpoint: Endpoint::parse("https://a.example").unwrap(),
            region: Region::parse("eu-west-1").unwrap(),
        }
    }

    fn cause(code: &str, message: &str, request: &SecretRequest, date: Option<Timestamp>) -> Cause {
        let (code, message) = (Some(code.to_owned()), message.to_owned());
        let service_error = ServiceError { status: 400, code, message, request_id: None, date };
        let SessionRequest { role, region, .. } = session::request();
        get_secret_value(&service_error, request, &role, &region, RECEIVED)
    }

    #[test]
    fn each_code_has_its_cause() {
        let named = || SecretId::Name("prod/db".to_owned());
        let request = request(named());
        let (secret, region, role) = (named(), request.region.clone(), session::request().role);
        let key = || SecretCause::KmsKeyDenied { role: role.clone(), secret: named() };
        let session = session::request().region;
        let other =
            || SecretCause::SessionNotAccepted { session: session.clone(), secret: region.clone() };
        let rows = [
            ("DecryptionFailure", "", key()),
            ("AccessDeniedException", "Access to KMS is not allowed", key()),
            (
                "AccessDeniedException",
                "not authorized",
                SecretCause::Denied {
                    role: role.clone(),
                    secret: secret.clone(),
                    region: region.clone(),
                },
            ),
            (
                "InvalidRequestException",
                "it was marked for deletion",
                SecretCause::ScheduledForDeletion { secret, region: region.clone() },
            ),
            ("InvalidRequestException", "", SecretCause::NotReadable),
            ("InvalidParameterException", "", SecretCause::VersionsDiffer),
            ("ExpiredTokenException", "", other()),
            ("InvalidSignatureException", "", other()),
            ("UnrecognizedClientException", "", other()),
        ];
        for (code, message, expected) in rows {
            let found = cause(code, message, &request, None);
            assert_eq!(found, Cause::Secret(expected), "{code} {message}");
        }
        assert_eq!(cause("SomethingElse", "", &request, None), Cause::Unknown);
        assert_eq!(cause("SlowDown", "", &request, None), Cause::Throttled);
    }

    #[test]
    fn a_wrong_clock_explains_a_refused_session() {
        let request = request(SecretId::Name("prod/db".to_owned()));
        let aws = RECEIVED.after(61);
        let found = cause("InvalidSignatureException", "", &request, Some(aws));
        assert_eq!(found, Cause::ClockOffset { seconds_behind: 61, local: RECEIVED, aws });
        let agrees = cause("InvalidSignatureException", "", &request, Some(RECEIVED.after(60)));
        assert!(
            matches!(agrees, Cause::Secret(SecretCause::SessionNotAccepted { .. })),
            "{agrees:?}"
        );
    }

    #[test]
    fn a_missing_secret_is_looked_for_in_the_account_of_its_arn_or_the_role() {
        let code = "ResourceNotFoundException";
        let ids = [
            (SecretId::Arn(SECRET.parse().unwrap()), "999999999999"),
            (SecretId::Name("db".to_owned()), "123456789012"),
        ];
        for (secret, account) in ids {
            let request = request(secret.clone());
            let (region, account) = (request.region.clone(), account.to_owned());
            let missing = SecretCause::NoSuchSecret {
                secret: secret.clone(),
                region: region.clone(),
                account,
            };
            assert_eq!(cause(code, "", &request, None), Cause::Secret(missing));
            let stage = Some("AWSPENDING".to_owned());
            let request = SecretRequest { version_stage: stage, ..request };
            let no_version = SecretCause::NoSuchVersion { secret, region };
            assert_eq!(cause(code, "", &request, None), Cause::Secret(no_version));
        }
    }
}
