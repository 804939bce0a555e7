//! The members of a value that is a JSON object, as `secret get` and `parameter get` print them.

use super::member::{MemberValue, Object};
use super::reference::shown_word;
use crate::output::references::ValueError;
use crate::output::run::KeyOptionError;
use roles_anywhere_client::secret::{Secret, SecretBytes};

/// Returns the member `key` of a JSON object, or the member that `key` is the path of: a string decoded,
/// anything else as it is written.
pub fn selected_member(text: &Secret, key: &str) -> Result<SecretBytes, KeyOptionError> {
    let object = Object::parse(text.expose()).ok_or(KeyOptionError(ValueError::NotAnObject))?;
    let key_shown = || shown_word(key).to_owned();
    match object.at_path(key) {
        Some(MemberValue::Text(text) | MemberValue::Json(text)) => Ok(bytes(text.expose())),
        Some(MemberValue::Null) => Ok(bytes("null")),
        Some(MemberValue::NotUnicode) => {
            Err(KeyOptionError(ValueError::NotUnicode(vec![key_shown()])))
        }
        None => Err(KeyOptionError(ValueError::NoMember { key: key_shown(), count: object.len() })),
    }
}

fn bytes(text: &str) -> SecretBytes {
    SecretBytes::new(text.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(text: &str, key: &str) -> Result<String, KeyOptionError> {
        let member = selected_member(&Secret::new(text.to_owned()), key)?;
        Ok(String::from_utf8(member.expose().to_vec()).unwrap())
    }

    #[test]
    fn picks_one_member() {
        let object = r#"{"user":"a\"b","port":5432,"tls":{"on":true},"none":null}"#;
        for (key, value) in [
            ("user", "a\"b"),
            ("port", "5432"),
            ("tls", r#"{"on":true}"#),
            ("tls.on", "true"),
            ("none", "null"),
        ] {
            assert_eq!(selected(object, key).unwrap(), value);
        }
        assert_eq!(
            selected(object, "User").unwrap_err(),
            KeyOptionError(ValueError::NoMember { key: "User".to_owned(), count: 4 })
        );
    }

    #[test]
    fn refuses_members_of_what_has_none() {
        for value in ["hunter2", "[1]", "1"] {
            assert_eq!(selected(value, "a"), Err(KeyOptionError(ValueError::NotAnObject)));
        }
    }
}
