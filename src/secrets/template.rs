//! Templates: texts with references, and the same texts with the values in their place.

mod dynamic;
mod jinja;
mod meant;
mod mistake;

use std::fmt;

pub use mistake::{RenderError, RenderProblem, TemplateMistake, TemplateMistakes, TemplateProblem};

use super::reference::Reference;
use super::value::Resolved;
use roles_anywhere_client::secret::SecretBytes;

/// How references are written in a template.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TemplateSyntax {
    /// `{{resolve:…}}`, as in CloudFormation; all else is text.
    CloudFormation,
    /// Jinja, with the functions `secret` and `parameter`.
    Jinja,
}

/// A template. All its references are known before one is resolved.
pub struct Template {
    name: String,
    body: TemplateBody,
    references: Vec<Reference>,
}

enum TemplateBody {
    CloudFormation(Vec<dynamic::Piece>),
    Jinja(jinja::JinjaTemplate),
}

/// A template and its references; or what is wrong, with the lines.
type Parsed<T> = Result<(T, Vec<Reference>), Vec<(usize, TemplateProblem)>>;

impl Template {
    /// Parses a template, which is in the file that messages call `name`.
    pub fn parse(
        name: &str,
        text: &SecretBytes,
        syntax: TemplateSyntax,
    ) -> Result<Self, Vec<TemplateMistake>> {
        let meant = meant::problems(text, syntax);
        let parsed = match syntax {
            TemplateSyntax::CloudFormation => dynamic::parse(text)
                .map(|(pieces, references)| (TemplateBody::CloudFormation(pieces), references)),
            TemplateSyntax::Jinja => jinja::parse(text)
                .map(|(template, references)| (TemplateBody::Jinja(template), references)),
        };
        let mut problems = match parsed {
            Ok((body, references)) if meant.is_empty() => {
                return Ok(Self { name: name.to_owned(), body, references });
            }
            // What the parser finds in the wrong syntax follows from that.
            Err(problems) if !meant.iter().any(|(_, problem)| problem.is_of_syntax()) => problems,
            _ => Vec::new(),
        };
        problems.extend(meant);
        problems.sort_by_key(|(line, _)| *line);
        let mistake = |(line, problem)| TemplateMistake { file: name.to_owned(), line, problem };
        Err(problems.into_iter().map(mistake).collect())
    }

    /// Returns the references. One can be there more than once.
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// Returns the text with the values of [`Self::references`], which are in their order.
    pub fn render(&self, values: &[Resolved]) -> Result<SecretBytes, RenderError> {
        let rendered = match &self.body {
            TemplateBody::CloudFormation(pieces) => dynamic::render(pieces, values),
            TemplateBody::Jinja(template) => template.render(values),
        };
        rendered.map_err(|(line, problem)| RenderError { file: self.name.clone(), line, problem })
    }
}

/// Shows nothing of its text.
impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.name, self.references)
    }
}

#[cfg(test)]
mod tests;
