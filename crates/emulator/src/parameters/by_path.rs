//! GetParametersByPath: the parameters below a path, page by page.

use serde_json::{Value, json};

use super::filter::ParameterFilters;
use super::input::ParameterInput;
use super::name::{MOST_LEVELS, levels};
use super::selector::Target;
use super::store::Parameter;
use super::{access, get};
use crate::account::Resources;
use crate::json_call::JsonCall;
use crate::refusal::Refusal;

/// Reads the parameters below a path. Who may read the path may read all below it, whatever policies
/// say of the parameters themselves.
pub(super) fn get_parameters_by_path(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    input: &ParameterInput,
) -> Result<Value, Refusal> {
    let members = input.members();
    let path = checked_path(members.required_text("Path", 1..=2048)?)?;
    let recursive = members.flag("Recursive")?;
    let decrypted = input.with_decryption()?;
    let filters = ParameterFilters::parse(input)?;
    let page = input.page()?;
    let context = call.context().with("ssm:Recursive", recursive.to_string());
    let target = Target::Name(path.to_owned());
    access::check(resources, call, "ssm:GetParametersByPath", &target, context)?;
    let prefix = format!("{}/", path.trim_end_matches('/'));
    // A name without slashes is below `/` too.
    let below = |parameter: &'_ Parameter| {
        let name = parameter.name.trim_start_matches('/');
        format!("/{name}").strip_prefix(&*prefix).map(str::to_owned)
    };
    let of_path: Vec<_> = resources
        .parameters
        .iter()
        .filter(|parameter| parameter.arn.location() == call.location)
        .filter_map(|parameter| Some((parameter, below(parameter)?)))
        .collect();
    // What is further below fills pages too, so that those of one level may be empty.
    let (entries, next) = page.of(&of_path);
    let mut parameters = Vec::new();
    for (parameter, rest) in entries {
        if !recursive && rest.contains('/') {
            continue;
        }
        let Some((version, selector)) = filters.select(parameter) else { continue };
        if decrypted {
            access::check_key(resources, call, "kms:Decrypt", parameter, version)?;
        }
        let mut body = get::value(parameter, version, decrypted);
        if let Some(selector) = selector {
            body["Selector"] = json!(selector);
        }
        parameters.push(body);
    }
    let mut body = json!({ "Parameters": parameters });
    if let Some(next) = next {
        body["NextToken"] = json!(next);
    }
    Ok(body)
}

fn checked_path(path: &str) -> Result<&str, Refusal> {
    let path = path.trim();
    let letters = path.chars().all(|c| c.is_ascii_alphanumeric() || "_.-/".contains(c));
    if path.starts_with('/') && letters && !path.contains("//") && levels(path) <= MOST_LEVELS {
        return Ok(path);
    }
    let message = "The parameter doesn't meet the parameter name requirements. The parameter name \
                   must begin with a forward slash \"/\". It can't be prefixed with \"aws\" or \
                   \"ssm\" (case-insensitive). It must use only letters, numbers, or the following \
                   symbols: . (period), - (hyphen), _ (underscore). Special characters are not \
                   allowed. All sub-paths, if specified, must use the forward slash symbol \"/\". \
                   Valid example: /get/parameters2-/by1./path0_.";
    Err(Refusal::new(400, "ValidationException", message, "name"))
}
