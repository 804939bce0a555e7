//! Parameters as the AWS CLI prints them.

use serde::Serialize;

use super::{iso_8601, render};
use roles_anywhere_client::aws::parameter::Parameter;
use roles_anywhere_client::secret::{Secret, SecretBytes};

/// Renders a parameter as `aws ssm get-parameter` does.
pub fn one(parameter: &Parameter) -> SecretBytes {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct GetParameterDocument<'a> {
        parameter: ParameterDocument<'a>,
    }
    let document = GetParameterDocument { parameter: ParameterDocument::of(parameter) };
    render(&document, length(parameter))
}

/// Renders parameters as `aws ssm get-parameters-by-path` does, or without their values.
pub fn list(parameters: &[Parameter], with_values: bool) -> SecretBytes {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct ParametersDocument<'a> {
        parameters: Vec<ParameterDocument<'a>>,
    }
    let document = |parameter| match with_values {
        true => ParameterDocument::of(parameter),
        false => ParameterDocument {
            value: None,
            source_result: None,
            ..ParameterDocument::of(parameter)
        },
    };
    // The other members are a few hundred bytes.
    let length = parameters.iter().map(|parameter| 100 + length(parameter)).sum();
    render(&ParametersDocument { parameters: parameters.iter().map(document).collect() }, length)
}

fn length(parameter: &Parameter) -> usize {
    let source_result = parameter.source_result.as_ref().map_or(0, |it| it.expose().len());
    parameter.name.len() + parameter.value.expose().len() + source_result
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ParameterDocument<'a> {
    name: &'a str,
    r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    selector: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_result: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modified_date: Option<String>,
    #[serde(rename = "ARN", skip_serializing_if = "Option::is_none")]
    arn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_type: Option<&'a str>,
}

impl<'a> ParameterDocument<'a> {
    fn of(parameter: &'a Parameter) -> Self {
        Self {
            name: &parameter.name,
            r#type: &parameter.kind,
            value: Some(parameter.value.expose()),
            version: parameter.version,
            selector: parameter.selector.as_deref(),
            source_result: parameter.source_result.as_ref().map(Secret::expose),
            last_modified_date: parameter.last_modified.and_then(iso_8601),
            arn: parameter.arn.as_deref(),
            data_type: parameter.data_type.as_deref(),
        }
    }
}
