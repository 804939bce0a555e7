//! Who may read a parameter: the role's permissions, what limits the session, and the policy by which
//! a parameter is shared.
//!
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html>

use super::selector::{Target, arn};
use super::store::{Parameter, ParameterType, ParameterVersion};
use crate::account::Resources;
use crate::json_call::JsonCall;
use crate::kms::{KeyFailure, KeyUse};
use crate::policy::Context;
use crate::refusal::Refusal;
use crate::resource_access::ResourceAccess;

/// Refuses a call to a parameter that the session may not make. One to a parameter that does not
/// exist is judged first and not found afterwards.
pub(super) fn check(
    resources: &Resources,
    call: &JsonCall<'_>,
    action: &str,
    target: &Target,
    context: Context,
) -> Result<(), Refusal> {
    let found = resources.parameters.find(target, &call.location);
    let arn = match (found, target) {
        (Some(parameter), _) => parameter.arn.clone(),
        (None, Target::Arn(arn)) => arn.clone(),
        (None, Target::Name(name)) => arn(&call.location, name),
        (None, Target::Secret(id)) => {
            arn(&call.location, &format!("aws/reference/secretsmanager/{id}"))
        }
    };
    let tags = found.into_iter().flat_map(|parameter| &parameter.tags);
    let context = tags.fold(context, |context, (key, value)| {
        context
            .with(&format!("aws:ResourceTag/{key}"), value.as_str())
            .with(&format!("ssm:resourceTag/{key}"), value.as_str())
    });
    ResourceAccess {
        caller: call.caller,
        action,
        resource: arn.as_str(),
        account: arn.account(),
        called: arn.as_str(),
        policy: found.and_then(|parameter| parameter.resource_policy.as_ref()),
        context,
    }
    .check(resources)
}

/// Refuses a SecureString whose KMS key the session may not use, or that cannot be decrypted.
pub(super) fn check_key(
    resources: &Resources,
    call: &JsonCall<'_>,
    action: &str,
    parameter: &Parameter,
    version: &ParameterVersion,
) -> Result<(), Refusal> {
    const DENIED: &str = "The ciphertext refers to a customer master key that does not exist, does \
                          not exist in this region, or you are not allowed to access.";
    if version.kind != ParameterType::SecureString {
        return Ok(());
    }
    match parameter.failure {
        Some(KeyFailure::KmsDenied) => return Err(denied_by_kms(DENIED)),
        Some(KeyFailure::BrokenKey) => {
            let message = "The KMS key of the parameter is disabled or pending deletion.";
            return Err(Refusal::new(400, "InvalidKeyId", message, "decryption"));
        }
        None => {}
    }
    let Some(key) = parameter.kms_key(version) else { return Ok(()) };
    let service = format!("ssm.{}.amazonaws.com", call.location.region);
    let context = call
        .context()
        .with("kms:ViaService", service)
        .with("kms:EncryptionContext:PARAMETER_ARN", parameter.arn.as_str());
    KeyUse { caller: call.caller, action, key: &key, context }.check(resources).map_err(|refusal| {
        let explanation = refusal.explanation;
        Refusal { explanation, ..denied_by_kms(&refusal.message) }
    })
}

/// Returns the error of KMS as Parameter Store passes it on.
fn denied_by_kms(message: &str) -> Refusal {
    let id = crate::uuid::random();
    let message = format!(
        "{message} (Service: AWSKMS; Status Code: 400; Error Code: AccessDeniedException; Request \
         ID: {id}; Proxy: null)"
    );
    Refusal::new(400, "AccessDeniedException", message, "kms")
}
