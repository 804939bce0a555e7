//! Templates of `render` in both syntaxes, and what they are with values: `Template::parse`, `render`.
//!
//! A byte says which syntax, then the template.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roles_anywhere::secrets::reference::Part;
use roles_anywhere::secrets::template::{Template, TemplateMistakes, TemplateSyntax};
use roles_anywhere::secrets::value::{Resolved, ResolvedValue};
use roles_anywhere_client::secret::{Secret, SecretBytes};
use roles_anywhere_fuzz::{HIDDEN, check_error, check_hidden, check_line};

fuzz_target!(|data: &[u8]| {
    let [syntax, text @ ..] = data else { return };
    let syntax = match syntax % 2 {
        0 => TemplateSyntax::CloudFormation,
        _ => TemplateSyntax::Jinja,
    };
    let template = match Template::parse("`a.conf`", &SecretBytes::new(text.to_vec()), syntax) {
        Ok(template) => template,
        Err(mistakes) => {
            let lines = 1 + text.iter().filter(|byte| **byte == b'\n').count();
            for mistake in &mistakes {
                assert!((1..=lines).contains(&mistake.line), "{mistake} of {lines}");
                check_line(&mistake.to_string());
            }
            return check_error(TemplateMistakes(mistakes));
        }
    };
    if syntax == TemplateSyntax::Jinja && is_costly(text) {
        return;
    }
    let values: Vec<_> =
        template.references().iter().map(|reference| value(reference.part())).collect();
    match template.render(&values) {
        Ok(rendered) if syntax == TemplateSyntax::CloudFormation => {
            assert_eq!(count(rendered.expose()), count(text) + values.len());
            assert!(!values.is_empty() || rendered.expose() == text);
        }
        Ok(_) => {}
        Err(error) => {
            check_hidden(&format!("{error:?} {error}"));
            check_error(error);
        }
    }
});

fn value(part: &Part) -> Resolved {
    let secret = || Secret::new(HIDDEN.to_owned());
    let value = match part {
        Part::AllMembers => ResolvedValue::Members(vec![("a".to_owned(), secret())]),
        _ => ResolvedValue::Text(secret()),
    };
    Resolved { value, is_json: false, version: None }
}

/// How often the password is in a text.
fn count(text: &[u8]) -> usize {
    text.windows(HIDDEN.len()).filter(|window| *window == HIDDEN.as_bytes()).count()
}

/// Whether a template computes for as long as its author wants: with loops, powers and filters that
/// make a text longer.
fn is_costly(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    text.contains("for") || text.contains('*') || text.matches('|').count() > 4
}
