//! Plain Signature Version 4 with an access key, by AWS's own `aws-sigv4`.

use aws_credential_types::Credentials as SdkCredentials;
use aws_sigv4::http_request::{self, SignableBody, SignableRequest, SigningError, SigningSettings};
use aws_sigv4::sign::v4::SigningParams;

use crate::credentials::AccessKey;
use crate::http::Request;
use crate::region::Region;
use crate::time::Timestamp;

/// Signs `request` for `service` in `region` as of `now`. A session token is sent in a header.
pub fn sign(
    mut request: Request,
    region: &Region,
    service: &str,
    now: Timestamp,
    key: &AccessKey,
) -> Result<Request, AccessKeyError> {
    request.headers.push(("host".to_owned(), request.endpoint.authority()));
    let identity = SdkCredentials::new(
        &key.id,
        key.secret.expose(),
        key.session_token.as_ref().map(|token| token.expose().to_owned()),
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
#[error("cannot sign the request with the access key")]
pub struct AccessKeyError(#[from] SigningError);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Endpoint;
    use crate::secret::Secret;

    fn signed(session_token: Option<&str>) -> Request {
        let key = AccessKey {
            id: "AKIDEXAMPLE".to_owned(),
            secret: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned()),
            session_token: session_token.map(|token| Secret::new(token.to_owned())),
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
        sign(request, &region, "secretsmanager", now, &key).unwrap()
    }

    fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
        request.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn signs_the_session_token_and_names_the_scope() {
        let signed = signed(Some("token"));
        assert_eq!(header(&signed, "x-amz-date"), Some("20150830T123600Z"));
        assert_eq!(header(&signed, "x-amz-security-token"), Some("token"));
        let authorization = header(&signed, "authorization").unwrap();
        assert!(
            authorization.starts_with(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/secretsmanager/aws4_request, \
                 SignedHeaders=host;x-amz-date;x-amz-security-token;x-amz-target, Signature="
            ),
            "{authorization}"
        );
    }

    #[test]
    fn a_long_term_key_sends_no_token() {
        let signed = signed(None);
        assert_eq!(header(&signed, "x-amz-security-token"), None);
        // By botocore's `SigV4Auth`.
        let authorization = header(&signed, "authorization").unwrap();
        assert!(
            authorization.ends_with(
                "SignedHeaders=host;x-amz-date;x-amz-target, \
                 Signature=6e7a23dfac155ad7545bfb6853ef6a6d29f9846804a78d61bae79d5f10f48ca0"
            ),
            "{authorization}"
        );
    }
}
