//! Reading parameters by name: GetParameter and GetParameters.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::access;
use super::input::ParameterInput;
use super::selector::{ParameterSelector, Selector, Target};
use super::store::{Parameter, ParameterError, ParameterType, ParameterVersion};
use crate::account::Resources;
use crate::date::epoch;
use crate::json_call::JsonCall;
use crate::refusal::Refusal;
use crate::secrets;

pub(super) fn get_parameter(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    input: &ParameterInput,
) -> Result<Value, Refusal> {
    let selector = input.selector()?;
    let decrypted = input.with_decryption()?;
    access::check(resources, call, "ssm:GetParameter", &selector.target, call.context())?;
    Ok(json!({ "Parameter": read(resources, call, &selector, decrypted)? }))
}

/// Reads several parameters, in the order of their names. Those that do not exist are listed beside
/// them; one that may not be read refuses the call.
pub(super) fn get_parameters(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    input: &ParameterInput,
) -> Result<Value, Refusal> {
    let selectors = input.selectors()?;
    let decrypted = input.with_decryption()?;
    for selector in &selectors {
        let context = call.context();
        access::check(resources, call, "ssm:GetParameters", &selector.target, context)?;
    }
    let (mut parameters, mut invalid) = (Vec::new(), Vec::new());
    for selector in &selectors {
        match read(resources, call, selector, decrypted) {
            Ok(parameter) => parameters.push(parameter),
            Err(refusal) if ["no-parameter", "no-version"].contains(&refusal.reason) => {
                invalid.push(selector.text.as_str());
            }
            Err(refusal) => return Err(refusal),
        }
    }
    parameters.sort_by(|one, other| one["Name"].as_str().cmp(&other["Name"].as_str()));
    Ok(json!({ "Parameters": parameters, "InvalidParameters": invalid }))
}

fn read(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    selector: &ParameterSelector,
    decrypted: bool,
) -> Result<Value, Refusal> {
    if let Target::Secret(id) = &selector.target {
        return read_secret(resources, call, selector, id, decrypted);
    }
    let parameter = resources.parameters.find(&selector.target, &call.location);
    let parameter = parameter.ok_or(ParameterError::NotFound)?;
    let version = parameter.version(selector.selector.as_ref())?;
    if decrypted {
        access::check_key(resources, call, "kms:Decrypt", parameter, version)?;
    }
    let mut body = value(parameter, version, decrypted);
    if let Some(suffix) = selector.suffix() {
        body["Selector"] = json!(suffix);
    }
    Ok(body)
}

/// Returns a version as answers have it.
pub(super) fn value(parameter: &Parameter, version: &ParameterVersion, decrypted: bool) -> Value {
    let value = if version.kind == ParameterType::SecureString && !decrypted {
        ciphertext(parameter, version)
    } else {
        version.value.0.clone()
    };
    json!({
        "Name": parameter.name,
        "Type": version.kind.name(),
        "Value": value,
        "Version": version.number,
        "LastModifiedDate": epoch(version.modified),
        "ARN": parameter.arn.as_str(),
        "DataType": version.data_type,
    })
}

/// Returns what looks like the value encrypted by KMS, and has nothing of it.
fn ciphertext(parameter: &Parameter, version: &ParameterVersion) -> String {
    let seed = format!("{}:{}", parameter.arn, version.number);
    let mut bytes = vec![1, 2, 2, 0, 0x78];
    for block in 0..4 {
        bytes.extend(Sha256::digest(format!("{block}:{seed}")));
    }
    STANDARD.encode(bytes)
}

/// Reads a secret as a parameter. The session must be allowed to read the secret too.
fn read_secret(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    selector: &ParameterSelector,
    id: &str,
    decrypted: bool,
) -> Result<Value, Refusal> {
    if !decrypted {
        let message = "WithDecryption flag must be True for retrieving a Secret Manager secret.";
        return Err(Refusal::new(400, "ValidationException", message, "member"));
    }
    let version = match &selector.selector {
        Some(Selector::Label(label)) => Some(label.as_str()),
        _ => None,
    };
    let secret = secrets::read_as_parameter(resources, call, id, version);
    let secret = secret.map_err(|refusal| {
        if refusal.code != "ResourceNotFoundException" {
            return refusal;
        }
        let message = format!(
            "An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret {} not \
             found.",
            selector.text
        );
        Refusal { message, ..ParameterError::NotFound.into() }
    })?;
    let name = selector.text.strip_suffix(&*selector.suffix().unwrap_or_default());
    let value = secret.get("SecretString").or_else(|| secret.get("SecretBinary"));
    let mut body = json!({
        "Name": name.unwrap_or(&selector.text),
        "Type": ParameterType::SecureString.name(),
        "Value": value,
        "Version": 0,
        "SourceResult": secret.to_string(),
        "LastModifiedDate": secret["CreatedDate"],
        "ARN": secret["ARN"],
        "DataType": "text",
    });
    if let Some(suffix) = selector.suffix() {
        body["Selector"] = json!(suffix);
    }
    Ok(body)
}
