//! Texts that are not references, and were surely meant to be: they are errors, as a program would get
//! the text in the place of the secret.

use super::{ReferenceError, uri};
use crate::options::suggestion::nearest;

/// Returns what is wrong with a value that begins like a reference: the scheme is in capitals, has one
/// slash, or follows a quote or a space.
pub(super) fn of_value(text: &str) -> Option<ReferenceError> {
    let text = text.trim_start_matches([' ', '\t', '"', '\'']);
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = ["sm", "ssm"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    (is_scheme && rest.starts_with('/')).then_some(ReferenceError::Scheme)
}

/// Returns where a text first holds `sm://` or `ssm://`, as a word.
pub fn uri_in_text(text: &str) -> Option<usize> {
    let starts = text.match_indices(uri::SECRET).map(|(at, _)| match text[..at].ends_with('s') {
        true => at - 1,
        false => at,
    });
    let is_of_word = |c: char| c.is_alphanumeric() || "+-._".contains(c);
    starts.into_iter().find(|start| !text[..*start].ends_with(is_of_word))
}

/// Returns whether a text that begins with `{{` begins like `{{resolve:`: with a space, in capitals or
/// misspelled.
pub(super) fn is_like_resolve(text: &str) -> bool {
    let Some(inside) = text.strip_prefix("{{") else { return false };
    let inside = inside.trim_start_matches([' ', '\t']);
    let end = inside.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(inside.len());
    let (word, rest) = inside.split_at(end);
    let Some(rest) = rest.trim_start_matches([' ', '\t']).strip_prefix(':') else { return false };
    let service = rest.trim_start_matches([' ', '\t']).to_ascii_lowercase();
    let is_service = service.starts_with("secretsmanager") || service.starts_with("ssm");
    word.eq_ignore_ascii_case("resolve")
        || is_service && nearest(word, ["resolve"].into_iter()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_begins_like_a_reference_is_found() {
        for text in ["sm:/a", "SM://a", "ssm:/a/b", "Ssm:///a", "\"sm://a\"", " sm://a", "'ssm:/a"]
        {
            assert_eq!(of_value(text), Some(ReferenceError::Scheme), "{text}");
        }
        for text in ["", "sm", "sm:", "sm:a", "asm:/a", "https://a", "10:/a", "s m:/a"] {
            assert_eq!(of_value(text), None, "{text}");
        }
    }

    #[test]
    fn a_uri_in_a_text_is_found() {
        let rows = [
            ("postgres://app:sm://prod/db@h/", Some(15)),
            ("--password=ssm:///a", Some(11)),
            ("sm://a", Some(0)),
            ("ssm://a", Some(0)),
            ("prism://a sm://b", Some(10)),
            ("prism://a", None),
            ("assm://a", None),
            ("sm:/a", None),
        ];
        for (text, at) in rows {
            assert_eq!(uri_in_text(text), at, "{text}");
        }
    }

    #[test]
    fn what_begins_like_resolve_is_found() {
        for text in [
            "{{ resolve:ssm:/x }}",
            "{{Resolve:ssm:/x}}",
            "{{reslove:ssm:/x}}",
            "{{resolve :ssm:/x}}",
            "{{resolv:secretsmanager:x}}",
            "{{RESOLVE:x}}",
        ] {
            assert!(is_like_resolve(text), "{text}");
        }
        for text in
            ["{{", "{{ x }}", "{{{resolve:x}}}", "{{reslove:x}}", "{{ resolve x }}", "{{a:ssm}}"]
        {
            assert!(!is_like_resolve(text), "{text}");
        }
    }
}
