//! Jinja, by minijinja: no value is escaped, and one that is undefined is an error.

mod calls;
mod filters;
mod values;

use std::sync::Arc;

use minijinja::machinery::{ast::Stmt, parse as parse_ast};
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value};

pub(super) use filters::{FILTERS, TESTS};

use super::{Parsed, RenderProblem, TemplateProblem};
use crate::secrets::value::Resolved;
use calls::{Calls, Use};
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::text::escape;
use values::TemplateValues;
use zeroize::Zeroizing;

/// The functions of a template.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Function {
    /// Returns a secret.
    Secret,
    /// Returns a parameter.
    Parameter,
}

impl Function {
    const ALL: [Self; 2] = [Self::Secret, Self::Parameter];

    fn name(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Parameter => "parameter",
        }
    }
}

/// A template of Jinja.
pub(super) struct JinjaTemplate {
    text: Zeroizing<String>,
    /// What is read, and its first line; each stands for the reference at its place.
    uses: Vec<(Use, usize)>,
}

/// Returns the template and its references, or what is wrong with it, with its lines.
pub(super) fn parse(text: &SecretBytes) -> Parsed<JinjaTemplate> {
    let text = std::str::from_utf8(text.expose()).map_err(|error| {
        let before = text.expose().get(..error.valid_up_to()).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        vec![(line, TemplateProblem::NotUtf8)]
    })?;
    let ast = parse_ast(text, "", syntax()).and_then(|ast| {
        // What is found only when a template is compiled.
        Environment::empty().template_from_str(text)?;
        Ok(ast)
    });
    let calls = match &ast {
        Ok(Stmt::Template(template)) => Calls::of(template),
        Ok(_) => Calls::default(),
        Err(error) => return Err(vec![syntax_error(error)]),
    };
    if !calls.problems.is_empty() {
        return Err(calls.problems);
    }
    let uses = calls.uses.into_iter();
    let (uses, references) =
        uses.map(|(read, (line, reference))| ((read, line), reference)).unzip();
    Ok((JinjaTemplate { text: Zeroizing::new(text.to_owned()), uses }, references))
}

/// Returns the line and the words of an error of the parser, which knows no values. It quotes names of
/// the template, but none of its strings.
fn syntax_error(error: &minijinja::Error) -> (usize, TemplateProblem) {
    let words = error.detail().unwrap_or("this is not Jinja");
    (error.line().unwrap_or(1), TemplateProblem::Syntax(escape::line(words).into_owned()))
}

impl JinjaTemplate {
    /// Returns the text with the values of its references, which are in their order.
    pub(super) fn render(
        &self,
        values: &[Resolved],
    ) -> Result<SecretBytes, (usize, RenderProblem)> {
        let values = Arc::new(TemplateValues::new(&self.uses, values));
        let mut environment = Environment::empty();
        environment.set_syntax(syntax());
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_formatter(values::write);
        filters::add(&mut environment);
        for function in Function::ALL {
            let values = Arc::clone(&values);
            environment
                .add_function(function.name(), move |name: &str| values.call(function, name));
        }
        let template = environment.template_from_str(&self.text);
        let rendered = template.and_then(|template| template.render(Value::UNDEFINED));
        let text = rendered.map(|text| SecretBytes::new(text.into_bytes()));
        match (values.refused(), text) {
            (Some(refused), _) => Err(refused),
            (None, Ok(text)) => Ok(text),
            (None, Err(error)) => Err((error.line().unwrap_or(0), problem(error.kind()))),
        }
    }
}

/// The details of an error may quote values, so only its kind is shown.
fn problem(kind: ErrorKind) -> RenderProblem {
    match kind {
        ErrorKind::UndefinedError => RenderProblem::Undefined,
        ErrorKind::UnknownMethod => RenderProblem::Operation("a value has no such method"),
        ErrorKind::TooManyArguments => RenderProblem::Operation("too many arguments"),
        ErrorKind::MissingArgument => RenderProblem::Operation("an argument is missing"),
        ErrorKind::CannotUnpack => RenderProblem::Operation("a value cannot be unpacked"),
        _ => RenderProblem::Operation("a value does not fit the operation"),
    }
}

/// Jinja's own syntax; the newline at the end of a file is kept.
fn syntax() -> SyntaxConfig {
    let mut builder = SyntaxConfig::builder();
    builder.keep_trailing_newline(true);
    builder.build().unwrap_or_default()
}

/// Returns names for a message.
pub(super) fn listed(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
