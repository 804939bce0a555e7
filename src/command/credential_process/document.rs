//! The `credential_process` document, version 1.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>

use serde::Serialize;

use roles_anywhere_client::credentials::Credentials;
use roles_anywhere_client::secret::SecretBytes;

/// Renders the one JSON object that AWS SDKs read from standard output, and a newline.
pub fn to_json(credentials: &Credentials) -> SecretBytes {
    let document = CredentialProcessDocument {
        version: 1,
        access_key_id: &credentials.access_key_id,
        secret_access_key: credentials.secret_access_key.expose(),
        session_token: credentials.session_token.expose(),
        expiration: credentials.expiration.to_string(),
        account_id: &credentials.account_id,
    };
    // Large enough not to grow: a buffer left behind by growth would not be wiped.
    let mut json = Vec::with_capacity(512 + 2 * credentials.session_token.expose().len());
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
    session_token: &'a str,
    expiration: String,
    account_id: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;
    use roles_anywhere_client::secret::Secret;
    use roles_anywhere_client::time::Timestamp;

    #[test]
    fn renders_the_documented_shape() {
        let credentials = Credentials {
            access_key_id: "ASIAEXAMPLE".to_owned(),
            secret_access_key: Secret::new(r#"se"cret"#.to_owned()),
            session_token: Secret::new("token".to_owned()),
            expiration: Timestamp::from_unix(1_440_938_160),
            account_id: "123456789012".to_owned(),
            role_session_name: None,
        };
        assert_eq!(
            String::from_utf8_lossy(to_json(&credentials).expose()),
            concat!(
                r#"{"Version":1,"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"se\"cret","#,
                r#""SessionToken":"token","Expiration":"2015-08-30T12:36:00Z","#,
                r#""AccountId":"123456789012"}"#,
                "\n"
            )
        );
    }
}
