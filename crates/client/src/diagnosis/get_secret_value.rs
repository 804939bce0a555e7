//! `GetSecretValue`: the refusals of Secrets Manager.

use super::{clock_offset, general};
use crate::arn::RoleArn;
use crate::aws::create_session::SessionRequest;
use crate::aws::error_response::ServiceError;
use crate::aws::get_secret_value::{SecretId, SecretRequest};
use crate::time::Timestamp;

/// Returns the likely causes of `service_error`, each with a remedy, the most likely first.
///
/// `received` is when the answer came by this machine's clock.
pub fn get_secret_value(
    service_error: &ServiceError,
    request: &SecretRequest,
    session: &SessionRequest,
    received: Timestamp,
) -> Vec<String> {
    let role = &session.role;
    if let Some(hint) = general(service_error) {
        return vec![hint];
    }
    let message = service_error.message.to_ascii_lowercase();
    let hint = match service_error.code.as_deref().unwrap_or_default() {
        "ResourceNotFoundException" => not_found(request, role),
        "DecryptionFailure" => kms(request, role),
        "AccessDeniedException" if message.contains("kms") => kms(request, role),
        "AccessDeniedException" => denied(request, role),
        "InvalidRequestException" if message.contains("deletion") => format!(
            "`{0}` is scheduled for deletion: `aws secretsmanager restore-secret --secret-id {0}` brings it back",
            request.secret.shown()
        ),
        "InvalidRequestException" => {
            "the secret is not in a state to be read: it may be in rotation, or have no value yet"
                .to_owned()
        }
        "InvalidParameterException" => {
            "check `--version-id` and `--version-stage`: both together must name the same version"
                .to_owned()
        }
        "ExpiredTokenException" | "InvalidSignatureException" | "UnrecognizedClientException" => {
            clock_offset(service_error, received).unwrap_or_else(|| format!(
                "the session was made a moment ago in {}, and the secret was asked for in {}: the secret has to be asked for at AWS itself in the same partition; check `--secrets-endpoint` and proxies that change headers",
                session.region,
                request.region
            ))
        }
        _ => "the words above are AWS's own; `--debug` shows what was asked".to_owned(),
    };
    vec![hint]
}

fn not_found(request: &SecretRequest, role: &RoleArn) -> String {
    let account = role.account();
    match (&request.secret, request.version_id.is_some() || request.version_stage.is_some()) {
        (secret, true) => format!(
            "`{0}` in {1} has no such version, or does not exist: see `aws secretsmanager list-secret-version-ids --secret-id {0}`",
            secret.shown(),
            request.region
        ),
        (name @ SecretId::Name(_), false) => format!(
            "`{}` was looked for in {} and account {account}: check the name, pass `--region`, or name a secret of another account by its ARN",
            name.shown(),
            request.region
        ),
        (SecretId::Arn(arn), false) => format!(
            "there is no such secret in {} and account {}: check the ARN and its last six characters",
            request.region,
            arn.account()
        ),
    }
}

fn denied(request: &SecretRequest, role: &RoleArn) -> String {
    let resource = resource(request, role);
    format!(
        "a policy of {role} must allow secretsmanager:GetSecretValue on {resource}, and the profile's session policy and the secret's resource policy must not take it away"
    )
}

fn kms(request: &SecretRequest, role: &RoleArn) -> String {
    format!(
        "{role} must be allowed kms:Decrypt on the KMS key of `{}`, by its own policy and by the key's policy; the key must be enabled",
        request.secret.shown()
    )
}

/// Returns the resource as a policy would name it.
fn resource(request: &SecretRequest, role: &RoleArn) -> String {
    match &request.secret {
        SecretId::Arn(arn) => arn.to_string(),
        SecretId::Name(_) => format!(
            "arn:{}:secretsmanager:{}:{}:secret:{}-??????",
            role.partition().as_str(),
            request.region,
            role.account(),
            request.secret.shown()
        ),
    }
}
