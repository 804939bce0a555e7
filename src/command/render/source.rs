//! What is rendered, once it is read: templates, or variables in the format of a file.

use crate::command::render::{RenderInput, TemplateFile};
use crate::output::error::Error;
use crate::output::formats::{self, FormatError, RefusedVariable, Unwritable, VariableFormat};
use crate::secrets::reference::NamedReference;
use crate::secrets::template::{Template, TemplateMistakes};
use crate::secrets::value::Resolved;
use crate::secrets::variables::{
    AssignedVariables, EnvName, VariableLimits, WantedValue, WantedVariables,
};
use roles_anywhere_client::input_source::{Files, InputSource};
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::secret::{Secret, SecretBytes};
use roles_anywhere_client::text::path;

/// What is rendered, without mistakes.
#[derive(Debug)]
pub(super) enum RenderSource {
    /// Templates, each with the name of its file.
    Templates(Vec<(String, Template)>),
    /// Variables.
    Variables {
        /// The variables.
        wanted: WantedVariables,
        /// The values of those that the caller has.
        kept: Vec<(EnvName, SecretBytes)>,
        /// How they are written.
        format: VariableFormat,
    },
}

impl RenderSource {
    /// Reads the files of what is rendered. The error has all mistakes in them.
    pub(super) fn read(
        input: &RenderInput,
        files: &dyn Files,
        caller: &Environment,
    ) -> Result<Self, Error> {
        match input {
            RenderInput::Templates(templates) => read_templates(templates, files),
            RenderInput::Variables { sources, format } => {
                let wanted = sources.read(files, caller)?.wanted()?;
                let kept = kept(&wanted, caller);
                Ok(Self::Variables { wanted, kept, format: *format })
            }
        }
    }

    /// Returns the references. One can be there more than once.
    pub(super) fn references(&self) -> Vec<NamedReference> {
        match self {
            Self::Variables { wanted, .. } => wanted.references(),
            Self::Templates(templates) => {
                let of_template = |(name, template): &(String, Template)| {
                    let references = template.references().iter().cloned();
                    let named = |reference| NamedReference { name: Some(name.clone()), reference };
                    references.map(named).collect::<Vec<_>>()
                };
                templates.iter().flat_map(of_template).collect()
            }
        }
    }

    /// Returns the texts with the values of [`Self::references`], which are in their order.
    pub(super) fn render(&self, values: &[Resolved]) -> Result<Vec<SecretBytes>, Error> {
        match self {
            Self::Variables { wanted, kept, format } => {
                let values = values.iter().map(|resolved| resolved.value.clone());
                let assigned = wanted.clone().assigned(values, &VariableLimits::default())?;
                Ok(vec![text(assigned, kept.clone(), *format)?])
            }
            Self::Templates(templates) => {
                let mut rest = values;
                let mut rendered = Vec::with_capacity(templates.len());
                for (_, template) in templates {
                    let (own, others) = rest.split_at(template.references().len().min(rest.len()));
                    rest = others;
                    rendered.push(template.render(own)?);
                }
                Ok(rendered)
            }
        }
    }
}

/// Parses the templates. The error has the mistakes of all of them.
fn read_templates(templates: &[TemplateFile], files: &dyn Files) -> Result<RenderSource, Error> {
    let (mut parsed, mut mistakes) = (Vec::new(), Vec::new());
    for TemplateFile { file, syntax } in templates {
        // Without the option, which all of them have.
        let name = InputSource { origin: None, ..file.clone() }.name(true).to_string();
        match Template::parse(&name, &files.read(file)?, *syntax) {
            Ok(template) => parsed.push((name, template)),
            Err(found) => mistakes.extend(found),
        }
    }
    match mistakes.is_empty() {
        true => Ok(RenderSource::Templates(parsed)),
        false => Err(TemplateMistakes(mistakes).into()),
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
