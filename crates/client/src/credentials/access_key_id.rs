//! What the identifier of an access key says of it.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>

/// Returns whether AWS may issue this identifier: STS and IAM document 16 to 128 characters.
pub fn is_possible(id: &str) -> bool {
    let legal = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    (16..=128).contains(&id.len()) && id.bytes().all(legal)
}

/// Returns whether it is of the long-term key of an IAM user.
pub fn is_long_term(id: &str) -> bool {
    id.starts_with("AKIA")
}

/// Returns whether it is of the key of a session.
pub fn is_temporary(id: &str) -> bool {
    id.starts_with("ASIA")
}

/// Returns whether a text has the form of the identifiers that AWS issues today, so that it is hardly anything
/// else.
pub fn is_typical(text: &str) -> bool {
    (is_long_term(text) || is_temporary(text)) && text.len() == 20 && is_possible(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_tells_what_key_it_is_of() {
        let rows = [
            ("AKIAIOSFODNN7EXAMPLE", [true, true, false, true]),
            ("ASIAIOSFODNN7EXAMPLE", [true, false, true, true]),
            ("AKIAIOSFODNN7EXAMPLEX", [true, true, false, false]),
            ("AKIAiosfodnn7example", [false, true, false, false]),
            ("AIDAIOSFODNN7EXAMPLE", [true, false, false, false]),
            ("AKIA", [false, true, false, false]),
        ];
        for (text, expected) in rows {
            let found = [is_possible, is_long_term, is_temporary, is_typical].map(|is| is(text));
            assert_eq!(found, expected, "{text}");
        }
    }
}
