//! Variables in the format of a file.

use crate::app::App;
use crate::command::render::RenderPlan;
use crate::output::error::Error;
use crate::output::formats::{self, FormatError, RefusedVariable, Unwritable, VariableFormat};
use crate::secrets::variables::{
    AssignedVariables, EnvName, VariableLimits, VariableSources, WantedValue, WantedVariables,
};
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::secret::{Secret, SecretBytes};
use roles_anywhere_client::text::path;

impl RenderPlan {
    /// Returns the text of variables. Nothing is resolved if one of them has a mistake.
    pub(super) fn render_variables(
        &self,
        sources: &VariableSources,
        format: VariableFormat,
        app: &App,
    ) -> Result<SecretBytes, Error> {
        let wanted = sources.read(&**app.files(), app.environment())?.wanted()?;
        let kept = kept(&wanted, app.environment());
        let values = app.resolve_references(&self.roles, &wanted.references())?;
        let values = values.into_iter().map(|resolved| resolved.value);
        let assigned = wanted.assigned(values, &VariableLimits::default())?;
        Ok(text(assigned, kept, format)?)
    }
}

/// Returns the caller's values of the variables that a file of variables names without a value.
fn kept(wanted: &WantedVariables, caller: &Environment) -> Vec<(EnvName, SecretBytes)> {
    let is_kept = wanted.variables.iter().filter(|(_, it)| matches!(it.value, WantedValue::Kept));
    let values = is_kept.filter_map(|(name, _)| {
        let empty = caller.is_empty(name.as_str()).then_some("");
        let value = path::path(caller.get(name.as_str()).or(empty)?);
        let value = value.into_os_string().into_encoded_bytes();
        Some((name.clone(), SecretBytes::new(value)))
    });
    values.collect()
}

/// Returns the variables in a format, in the order of their names.
fn text(
    assigned: AssignedVariables,
    kept: Vec<(EnvName, SecretBytes)>,
    format: VariableFormat,
) -> Result<SecretBytes, FormatError> {
    let (mut variables, mut refused) = (Vec::new(), Vec::new());
    for (name, value) in assigned.set.into_iter().chain(kept) {
        match std::str::from_utf8(value.expose()) {
            Ok(value) => variables.push((name, Secret::new(value.to_owned()))),
            Err(_) => {
                let why = Unwritable::Character("bytes that are not UTF-8");
                refused.push(RefusedVariable { name: name.as_str().to_owned(), why });
            }
        }
    }
    if !refused.is_empty() {
        return Err(FormatError { format: format.name(), refused });
    }
    variables.sort_by(|(a, _), (b, _)| a.cmp(b));
    let variables: Vec<(&str, &Secret)> =
        variables.iter().map(|(name, value)| (name.as_str(), value)).collect();
    formats::render(format, &variables)
}
