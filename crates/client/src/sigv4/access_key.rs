//! Plain Signature Version 4 with temporary credentials, by AWS's own `aws-sigv4`.

use aws_credential_types::Credentials as SdkCredentials;
use aws_sigv4::http_request::{self, SignableBody, SignableRequest, SigningError, SigningSettings};
use aws_sigv4::sign::v4::SigningParams;

use crate::credentials::Credentials;
use crate::http::Request;
use crate::region::Region;
use crate::time::Timestamp;

/// Signs `request` for `service` in `region` as of `now`, with the session token in a header.
pub fn sign(
    mut request: Request,
    region: &Region,
    service: &str,
    now: Timestamp,
    credentials: &Credentials,
) -> Result<Request, AccessKeyError> {
    request.headers.push(("host".to_owned(), request.endpoint.authority()));
    let identity = SdkCredentials::new(
        &credentials.access_key_id,
        credentials.secret_access_key.expose(),
        Some(credentials.session_token.expose().to_owned()),
        None,
        "roles-anywhere",
    )
    .into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(region.as_str())
        .name(service)
        .time(now.system_time())
        .settings(SigningSettings::default())
        .build()
        .expect("every parameter is set above")
        .into();

    let url = request.endpoint.url(request.path, &request.query);
    let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let body = SignableBody::Bytes(&request.body);
    let signable = SignableRequest::new(request.method, url.as_str(), headers, body)?;
    let (instructions, _signature) = http_request::sign(signable, &params)?.into_parts();
    let added: Vec<(String, String)> =
        instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    request.headers.extend(added);
    Ok(request)
}

/// The request could not be signed with an access key.
#[derive(Debug, thiserror::Error)]
#[error("cannot sign the request with the session's credentials")]
pub struct AccessKeyError(#[from] SigningError);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Endpoint;
    use crate::secret::Secret;

    #[test]
    fn signs_the_session_token_and_names_the_scope() {
        let credentials = Credentials {
            access_key_id: "ASIAEXAMPLE".to_owned(),
            secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned()),
            session_token: Secret::new("token".to_owned()),
            expiration: Timestamp::from_unix(1_440_941_760),
            account_id: "123456789012".to_owned(),
            role_session_name: None,
        };
        let request = Request {
            method: "POST",
            endpoint: Endpoint::parse("https://secretsmanager.us-east-1.amazonaws.com").unwrap(),
            path: "/",
            query: String::new(),
            headers: vec![("x-amz-target".to_owned(), "secretsmanager.GetSecretValue".to_owned())],
            body: b"{}".to_vec(),
        };
        let region = Region::parse("us-east-1").unwrap();
        let now = Timestamp::from_unix(1_440_938_160);
        let signed = sign(request, &region, "secretsmanager", now, &credentials).unwrap();
        let header = |name: &str| {
            signed.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
        };
        assert_eq!(header("x-amz-date"), Some("20150830T123600Z"));
        assert_eq!(header("x-amz-security-token"), Some("token"));
        let authorization = header("authorization").unwrap();
        assert!(
            authorization.starts_with(
                "AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/20150830/us-east-1/secretsmanager/aws4_request, \
                 SignedHeaders=host;x-amz-date;x-amz-security-token;x-amz-target, Signature="
            ),
            "{authorization}"
        );
    }
}
