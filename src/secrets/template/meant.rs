//! What is text in a template, and was surely meant to be a reference.

use super::{TemplateProblem, TemplateSyntax};
use crate::secrets::reference::uri_in_text;
use roles_anywhere_client::secret::SecretBytes;

/// The calls of Jinja, in both kinds of quotes.
const CALLS: [&str; 4] = ["secret(\"", "secret('", "parameter(\"", "parameter('"];

/// What a line that is a comment in most files begins with.
const COMMENTS: [&str; 5] = ["#", ";", "//", "--", "{#"];

/// Returns what was meant, each with its line.
pub(super) fn problems(
    text: &SecretBytes,
    syntax: TemplateSyntax,
) -> Vec<(usize, TemplateProblem)> {
    let lines = text.expose().split(|byte| *byte == b'\n').enumerate();
    let lines =
        lines.filter_map(|(index, line)| Some((index + 1, std::str::from_utf8(line).ok()?)));
    let mut problems = Vec::new();
    let mut is_other_syntax = false;
    for (number, line) in lines {
        let other = match syntax {
            TemplateSyntax::CloudFormation => {
                is_call(line).then_some(TemplateProblem::NotCloudFormation)
            }
            TemplateSyntax::Jinja => {
                line.contains("{{resolve:").then_some(TemplateProblem::NotJinja)
            }
        };
        // The first line says it for all.
        if let Some(other) = other.filter(|_| !is_other_syntax) {
            is_other_syntax = true;
            problems.push((number, other));
        }
        if is_value(line) {
            let instead = match syntax {
                TemplateSyntax::CloudFormation => "{{resolve:…}}",
                TemplateSyntax::Jinja => "{{ secret(\"NAME\") }}",
            };
            problems.push((number, TemplateProblem::Uri(instead)));
        }
    }
    problems
}

/// Returns whether a line calls a function of Jinja.
fn is_call(line: &str) -> bool {
    let start = ["{{", "{%"].iter().filter_map(|brace| line.find(brace)).min();
    start.is_some_and(|start| CALLS.iter().any(|call| line[start..].contains(call)))
}

/// Returns whether a line sets something to a reference: one follows `=` or `:`.
fn is_value(line: &str) -> bool {
    let is_comment = COMMENTS.iter().any(|mark| line.trim_start().starts_with(mark));
    let before = uri_in_text(line).map(|at| line[..at].trim_end_matches([' ', '\t', '"', '\'']));
    !is_comment && before.is_some_and(|before| before.ends_with(['=', ':']))
}
