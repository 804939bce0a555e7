//! Our canonical request against AWS's own `aws-sigv4`: the same request, signed by HMAC over ours
//! and by theirs, has the same signature.

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, sign,
};
use aws_sigv4::sign::v4::{self, SigningParams};
use proptest::prelude::*;
use roles_anywhere_client::http::{Endpoint, Request};
use roles_anywhere_client::region::Region;
use roles_anywhere_client::sigv4::CanonicalRequest;
use roles_anywhere_client::sigv4::Scope;
use roles_anywhere_client::time::Timestamp;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

proptest! {
    #[test]
    fn agrees_with_aws_sigv4(
        headers in prop::collection::btree_map("x-[a-z]{1,8}", "[!-~]([ -~]{0,20}[!-~])?", 0..6),
        query in prop::collection::btree_map("[a-zA-Z]{1,6}", "[a-zA-Z0-9._~-]{0,12}", 0..4),
        body in prop::collection::vec(any::<u8>(), 0..64),
        seconds in 0i64..4_000_000_000,
    ) {
        let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = Request {
            method: "POST",
            endpoint: Endpoint::parse("https://rolesanywhere.eu-central-1.amazonaws.com").unwrap(),
            path: "/sessions",
            query: query.join("&"),
            headers: headers.into_iter().collect(),
            body,
        };
        let now = Timestamp::from_unix(seconds);
        prop_assert_eq!(ours(request.clone(), now), theirs(&request, now));
    }
}

fn ours(mut request: Request, now: Timestamp) -> String {
    let region = Region::parse("eu-central-1").unwrap();
    let scope = Scope::new(now, &region, "rolesanywhere");
    request.headers.push(("host".to_owned(), request.endpoint.authority()));
    request.headers.push(("x-amz-date".to_owned(), now.amz_date()));
    let hash = CanonicalRequest::new(&request).hash();
    let string_to_sign = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{hash}", now.amz_date());
    let key = v4::generate_signing_key(SECRET, now.system_time(), "eu-central-1", "rolesanywhere");
    v4::calculate_signature(key, string_to_sign.as_bytes())
}

fn theirs(request: &Request, now: Timestamp) -> String {
    let identity = Credentials::new("AKID", SECRET, None, None, "test").into();
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    let params = SigningParams::builder()
        .identity(&identity)
        .region("eu-central-1")
        .name("rolesanywhere")
        .time(now.system_time())
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let url = request.endpoint.url(request.path, &request.query);
    let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let signable =
        SignableRequest::new("POST", url.as_str(), headers, SignableBody::Bytes(&request.body));
    let (_, signature) = sign(signable.unwrap(), &params).unwrap().into_parts();
    signature
}
