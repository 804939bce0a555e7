//! The `credential_process` document, version 1.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>

use serde::Serialize;

use roles_anywhere_client::credentials::AccessKey;
use roles_anywhere_client::secret::{Secret, SecretBytes};
use roles_anywhere_client::time::Timestamp;

/// Renders the one JSON object that AWS SDKs read from standard output, and a newline.
///
/// It always has an expiration: without one, SDKs never ask again.
pub fn to_json(key: &AccessKey, expiration: Timestamp, account_id: Option<&str>) -> SecretBytes {
    let session_token = key.session_token.as_ref().map(Secret::expose);
    let document = CredentialProcessDocument {
        version: 1,
        access_key_id: &key.id,
        secret_access_key: key.secret.expose(),
        session_token,
        expiration: expiration.to_string(),
        account_id,
    };
    // Large enough not to grow: a buffer left behind by growth would not be wiped.
    let size = 512 + 6 * key.secret.expose().len() + 2 * session_token.map_or(0, str::len);
    let mut json = Vec::with_capacity(size);
    serde_json::to_writer(&mut json, &document).expect("strings and a number serialize");
    json.push(b'\n');
    SecretBytes::new(json)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CredentialProcessDocument<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
    expiration: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(key: &AccessKey, account_id: Option<&str>) -> String {
        let expiration = Timestamp::from_unix(1_440_938_160);
        String::from_utf8_lossy(to_json(key, expiration, account_id).expose()).into_owned()
    }

    #[test]
    fn renders_the_documented_shape() {
        let key = AccessKey {
            id: "ASIAEXAMPLE".to_owned(),
            secret: Secret::new(r#"se"cret"#.to_owned()),
            session_token: Some(Secret::new("token".to_owned())),
        };
        assert_eq!(
            rendered(&key, Some("123456789012")),
            concat!(
                r#"{"Version":1,"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"se\"cret","#,
                r#""SessionToken":"token","Expiration":"2015-08-30T12:36:00Z","#,
                r#""AccountId":"123456789012"}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_long_term_key_has_no_token_and_an_expiration() {
        let key = AccessKey {
            id: "AKIAEXAMPLE".to_owned(),
            secret: Secret::new("secret".to_owned()),
            session_token: None,
        };
        assert_eq!(
            rendered(&key, None),
            concat!(
                r#"{"Version":1,"AccessKeyId":"AKIAEXAMPLE","SecretAccessKey":"secret","#,
                r#""Expiration":"2015-08-30T12:36:00Z"}"#,
                "\n"
            )
        );
    }
}
