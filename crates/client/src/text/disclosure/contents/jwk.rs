//! JSON Web Keys (RFC 7517).

use super::Contents;

/// Returns what `value` is if it is a JWK or a set of them, whole or cut off: JSON with a member
/// `kty`, or `d`, which is the private part of every type.
pub(super) fn of(value: &str) -> Option<Contents> {
    if !value.contains(['"', '\'']) {
        return None;
    }
    // Quotes may be escaped, or those of Python; blanks are of no account.
    let skipped = |c: &char| !c.is_ascii_whitespace() && *c != '\\';
    let as_json = |c: char| if c == '\'' { '"' } else { c };
    let text: String = value.chars().filter(skipped).map(as_json).collect();
    match (text.contains("\"d\":\""), text.contains("\"kty\":")) {
        (true, _) => Some(Contents::PrivateKey),
        (false, true) => Some(Contents::Encoded),
        (false, false) => None,
    }
}
