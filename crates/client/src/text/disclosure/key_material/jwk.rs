//! JSON Web Keys (RFC 7517).

use super::KeyMaterialKind;

/// Returns the kind of a JWK or a set of them, whole or cut off: JSON with a member `kty`, or with
/// `d`, which is the private part in every key type.
pub(super) fn of(value: &str) -> Option<KeyMaterialKind> {
    if !value.contains(['"', '\'']) {
        return None;
    }
    // Quotes may be escaped, or be those of Python; white space does not matter.
    let skipped = |c: &char| !c.is_ascii_whitespace() && *c != '\\';
    let as_json = |c: char| if c == '\'' { '"' } else { c };
    let text: String = value.chars().filter(skipped).map(as_json).collect();
    match (text.contains("\"d\":\""), text.contains("\"kty\":")) {
        (true, _) => Some(KeyMaterialKind::PrivateKey),
        (false, true) => Some(KeyMaterialKind::Encoded),
        (false, false) => None,
    }
}
