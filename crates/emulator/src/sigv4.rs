//! Verifies plain Signature Version 4 against the credentials that were vended, and the access keys
//! of users.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use time::OffsetDateTime;

use crate::arn::partition;
use crate::authorization::{self, Authorization};
use crate::caller::Caller;
use crate::canonical::{Equals, canonical_request, declares_another_body, string_to_sign};
use crate::date::{self, Skew};
use crate::iam::{self, users::KeyStatus};
use crate::message::Request;
use crate::refusal::{Protocol, Refusal};
use crate::state::State;

/// Who signed a request, with which access key, and for which Region.
#[derive(Debug)]
pub(crate) struct SignedBy {
    pub(crate) caller: Caller,
    pub(crate) access_key_id: String,
    pub(crate) region: String,
}

/// What is known of an access key that can be used.
struct KnownKey<'a> {
    secret_access_key: &'a str,
    /// Of a session only.
    session_token: Option<&'a str>,
    expiration: Option<OffsetDateTime>,
    caller: Caller,
    partition: &'a str,
}

/// Returns who signed a request to `service`, or why that is not known.
pub(crate) fn authenticate(
    state: &State,
    request: &Request,
    service: &str,
    protocol: Protocol,
) -> Result<SignedBy, Refusal> {
    let words = Words(protocol);
    let header = request.header("authorization").ok_or_else(|| words.missing())?;
    let authorization =
        authorization::parse(header).map_err(|error| words.incomplete(&error.to_string()))?;
    if authorization.algorithm != "AWS4-HMAC-SHA256" {
        return Err(words.incomplete("Unsupported algorithm"));
    }
    // As at STS, which refuses a wrong scope before an unknown key.
    check_scope(state, &authorization, service, words)?;
    let now = state.clock.now();
    let key = known_key(state, &authorization.credential.id, now)
        .map_err(|reason| words.unknown_key(reason))?;
    // Keys are known in their own partition only.
    if partition(&authorization.credential.region) != key.partition {
        return Err(words.unknown_key("partition"));
    }
    let date = request.header("x-amz-date").unwrap_or_default();
    check_date(&authorization, date, now, words)?;
    check_signed_headers(&authorization, request, words)?;
    if request.header("x-amz-security-token") != key.session_token {
        return Err(words.unknown_key("session-token"));
    }
    if declares_another_body(request) {
        return Err(words.mismatch("content-sha256"));
    }
    let canonical = canonical_request(request, &authorization.signed_headers, Equals::Encoded)
        .map_err(|_| words.mismatch("signed-headers"))?;
    let text = string_to_sign(&authorization, date, &canonical);
    if !verify(key.secret_access_key, &authorization, &text) {
        return Err(words.mismatch("signature"));
    }
    if key.expiration.is_some_and(|expiration| now >= expiration) {
        return Err(words.expired());
    }
    let authorization::Credential { id, region, .. } = authorization.credential;
    Ok(SignedBy { caller: key.caller, access_key_id: id, region })
}

/// Returns the key of an id, or the reason why it cannot be used.
fn known_key<'a>(
    state: &'a State,
    id: &str,
    now: OffsetDateTime,
) -> Result<KnownKey<'a>, &'static str> {
    if let Some(session) = state.sessions.get(id) {
        return Ok(KnownKey {
            secret_access_key: &session.secret_access_key,
            session_token: Some(&session.session_token),
            expiration: Some(session.expiration),
            caller: Caller::from(session.clone()),
            partition: session.role_arn.partition(),
        });
    }
    let (user, key) = state.resources.users.key(id).ok_or("access-key")?;
    if now < key.known_from {
        return Err("access-key-propagation");
    }
    if key.status != KeyStatus::Active {
        return Err("access-key-inactive");
    }
    Ok(KnownKey {
        secret_access_key: &key.secret,
        session_token: None,
        expiration: None,
        caller: Caller::User(user.arn.clone()),
        partition: user.arn.partition(),
    })
}

fn check_scope(
    state: &State,
    authorization: &Authorization,
    service: &str,
    words: Words,
) -> Result<(), Refusal> {
    let credential = &authorization.credential;
    let service_message = format!("Credential should be scoped to correct service: '{service}'. ");
    let is_valid = match service {
        "iam" => credential.region == iam::signing_region(partition(&credential.region)),
        // The global endpoint of STS is in us-east-1, whatever Regions are used.
        "sts" if credential.region == "us-east-1" => true,
        _ => state.resources.regions.contains(&credential.region),
    };
    let checks = [
        (is_valid, "Credential should be scoped to a valid region. ", "scope-region"),
        (credential.service == service, &service_message, "scope-service"),
        (
            credential.terminator == "aws4_request",
            "Credential should be scoped with a valid terminator: 'aws4_request'. ",
            "scope-terminator",
        ),
    ];
    let wrong: Vec<_> = checks.into_iter().filter(|(right, ..)| !right).collect();
    // The texts are joined, and each ends with a space.
    let message: String = wrong.iter().map(|(_, message, _)| *message).collect();
    match wrong.first() {
        Some((.., reason)) => Err(words.refuse(&message, reason)),
        None => Ok(()),
    }
}

fn check_date(
    authorization: &Authorization,
    date: &str,
    now: OffsetDateTime,
    words: Words,
) -> Result<(), Refusal> {
    let signed = date::parse_amz(date).ok_or_else(|| {
        words.incomplete("Authorization header requires existence of a valid 'X-Amz-Date' header.")
    })?;
    if !date.starts_with(&authorization.credential.date) || authorization.credential.date.len() != 8
    {
        return Err(words.refuse("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.", "scope-date"));
    }
    let (now_text, limit) = (date::format_amz(now), date::MOST_SKEW);
    match date::skew(signed, now) {
        Skew::Within => Ok(()),
        Skew::Behind => {
            let earliest = date::format_amz(now - limit);
            let message = format!(
                "Signature expired: {date} is now earlier than {earliest} ({now_text} - 15 min.)"
            );
            Err(words.refuse(&message, "date-skew"))
        }
        Skew::Ahead => {
            let latest = date::format_amz(now + limit);
            let message = format!(
                "Signature not yet current: {date} is still later than {latest} ({now_text} + 15 min.)"
            );
            Err(words.refuse(&message, "date-skew"))
        }
    }
}

/// Refuses a request whose host, date, token or target is not signed; the host must be even if it
/// was not sent.
fn check_signed_headers(
    authorization: &Authorization,
    request: &Request,
    words: Words,
) -> Result<(), Refusal> {
    let signed = |name: &str| authorization.signed_headers.iter().any(|header| header == name);
    if !signed("host") {
        let message = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";
        return Err(words.refuse(message, "signed-headers"));
    }
    let required = ["x-amz-date", "x-amz-security-token", "x-amz-target"];
    match required.iter().find(|name| request.header(name).is_some() && !signed(name)) {
        Some(_) => Err(words.mismatch("signed-headers")),
        None => Ok(()),
    }
}

fn verify(secret_access_key: &str, authorization: &Authorization, text: &str) -> bool {
    let credential = &authorization.credential;
    let parts = [&credential.date, &credential.region, &credential.service, &credential.terminator];
    let key =
        parts.into_iter().fold(format!("AWS4{secret_access_key}").into_bytes(), |key, part| {
            hmac(&key, part).finalize().into_bytes().to_vec()
        });
    hmac(&key, text).verify_slice(&authorization.signature).is_ok()
}

fn hmac(key: &[u8], text: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac
}

/// The same refusals as the two kinds of service word them.
#[derive(Clone, Copy)]
struct Words(Protocol);

impl Words {
    fn pick(
        self,
        json: (u16, &str),
        query: (u16, &str),
        message: &str,
        reason: &'static str,
    ) -> Refusal {
        let (status, code) = if self.0.is_query() { query } else { json };
        Refusal::new(status, code, message, reason)
    }

    fn missing(self) -> Refusal {
        let message = if self.0.is_query() {
            "Request is missing Authentication Token"
        } else {
            "Missing Authentication Token"
        };
        self.pick(
            (400, "MissingAuthenticationTokenException"),
            (403, "MissingAuthenticationToken"),
            message,
            "authorization-missing",
        )
    }

    fn incomplete(self, message: &str) -> Refusal {
        self.pick(
            (400, "IncompleteSignatureException"),
            (400, "IncompleteSignature"),
            message,
            "authorization-malformed",
        )
    }

    fn unknown_key(self, reason: &'static str) -> Refusal {
        self.pick(
            (400, "UnrecognizedClientException"),
            (403, "InvalidClientTokenId"),
            "The security token included in the request is invalid.",
            reason,
        )
    }

    fn expired(self) -> Refusal {
        self.pick(
            (400, "ExpiredTokenException"),
            (403, "ExpiredToken"),
            "The security token included in the request is expired",
            "session-expired",
        )
    }

    fn mismatch(self, reason: &'static str) -> Refusal {
        self.refuse(
            "The request signature we calculated does not match the signature you provided. Check \
             your AWS Secret Access Key and signing method. Consult the service documentation for \
             details.",
            reason,
        )
    }

    fn refuse(self, message: &str, reason: &'static str) -> Refusal {
        self.pick(
            (400, "InvalidSignatureException"),
            (403, "SignatureDoesNotMatch"),
            message,
            reason,
        )
    }
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;
    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
    use aws_sigv4::sign::v4;
    use time::Duration;

    use super::*;
    use crate::account::{REGION, ROLE_ARN};
    use crate::arn::Arn;
    use crate::iam::users::AccessKey;
    use crate::session::{self, Session};
    use crate::state::Strictness;

    /// A state with one session, and a request that the aws-sigv4 crate has signed with it.
    struct Case {
        state: State,
        session: Session,
        region: &'static str,
        service: &'static str,
        skew: Duration,
    }

    impl Case {
        fn new() -> Self {
            let mut state = State::built_in(Strictness::Documented);
            let session = Session {
                access_key_id: session::access_key_id(),
                secret_access_key: session::secret_access_key(),
                session_token: session::session_token(),
                issued: OffsetDateTime::UNIX_EPOCH,
                expiration: state.clock.now() + Duration::hours(1),
                duration_seconds: 3600,
                role_arn: Arn::parse(ROLE_ARN).unwrap(),
                role_session_name: "job".to_owned(),
                source_identity: "CN=job".to_owned(),
                tags: std::collections::BTreeMap::new(),
                transitive_tag_keys: std::collections::BTreeSet::new(),
                session_policies: Vec::new(),
            };
            state.sessions.insert(session.access_key_id.clone(), session.clone());
            Self { state, session, region: REGION, service: "secretsmanager", skew: Duration::ZERO }
        }

        fn request(&self) -> Request {
            let mut headers = vec![
                ("host".to_owned(), "127.0.0.1:1234".to_owned()),
                ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
                ("x-amz-target".to_owned(), "secretsmanager.GetSecretValue".to_owned()),
                ("x-test".to_owned(), "  a   b ".to_owned()),
            ];
            let body = br#"{"SecretId":"prod/plain"}"#;
            let identity = Credentials::new(
                &self.session.access_key_id,
                &self.session.secret_access_key,
                Some(self.session.session_token.clone()).filter(|token| !token.is_empty()),
                None,
                "test",
            )
            .into();
            let params = v4::SigningParams::builder()
                .identity(&identity)
                .region(self.region)
                .name(self.service)
                .time((self.state.clock.now() + self.skew).into())
                .settings(SigningSettings::default())
                .build()
                .unwrap()
                .into();
            let signable = SignableRequest::new(
                "POST",
                "https://127.0.0.1:1234/a%20b?z=1&a=x%2Fy&a=%3D",
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())),
                SignableBody::Bytes(body),
            )
            .unwrap();
            let (instructions, _) = sign(signable, &params).unwrap().into_parts();
            let signed = instructions.headers();
            headers.extend(signed.map(|(name, value)| (name.to_owned(), value.to_owned())));
            Request {
                method: "POST".to_owned(),
                path: "/a%20b".to_owned(),
                query: "z=1&a=x%2Fy&a=%3D".to_owned(),
                headers,
                body: body.to_vec(),
                ..Request::default()
            }
        }

        fn refusal(&self, request: &Request, protocol: Protocol) -> (u16, String, &'static str) {
            let refusal =
                authenticate(&self.state, request, "secretsmanager", protocol).unwrap_err();
            (refusal.status, refusal.code, refusal.reason)
        }
    }

    fn set(request: &mut Request, name: &str, value: &str) {
        request.headers.retain(|(header, _)| header != name);
        request.headers.push((name.to_owned(), value.to_owned()));
    }

    #[test]
    fn what_the_aws_sigv4_crate_signs_verifies() {
        let case = Case::new();
        let request = case.request();
        let caller =
            authenticate(&case.state, &request, "secretsmanager", Protocol::Json11).unwrap();
        assert_eq!(caller.access_key_id, case.session.access_key_id);
        assert_eq!(caller.region, REGION);
    }

    #[test]
    fn accepts_a_new_key_once_the_clock_has_reached_it() {
        let mut case = Case::new();
        let key = AccessKey::create(case.state.clock.now(), Duration::HOUR);
        (case.session.access_key_id, case.session.secret_access_key) =
            (key.id.clone(), key.secret.clone());
        case.session.session_token.clear();
        let account = case.session.role_arn.account().to_owned();
        let users = &mut case.state.resources.users;
        users.find_mut(&account, "legacy-app").unwrap().keys.push(key);
        let unknown = (400, "UnrecognizedClientException".to_owned(), "access-key-propagation");
        assert_eq!(case.refusal(&case.request(), Protocol::Json11), unknown);
        case.state.clock.advance(3599);
        assert_eq!(case.refusal(&case.request(), Protocol::Json11), unknown);
        case.state.clock.advance(2);
        let request = case.request();
        let signed_by =
            authenticate(&case.state, &request, "secretsmanager", Protocol::Json11).unwrap();
        assert_eq!(signed_by.caller.arn(), crate::account::USER_ARN);
    }

    #[test]
    fn refuses_what_was_changed_after_signing() {
        let case = Case::new();
        let mut changed = [case.request(), case.request(), case.request(), case.request()];
        changed[0].body.push(b' ');
        changed[1].query.push('1');
        changed[2].path.push('x');
        set(&mut changed[3], "x-amz-target", "secretsmanager.DescribeSecret");
        for request in changed {
            let expected = (400, "InvalidSignatureException".to_owned(), "signature");
            assert_eq!(case.refusal(&request, Protocol::Json11), expected);
            let expected = (403, "SignatureDoesNotMatch".to_owned(), "signature");
            assert_eq!(case.refusal(&request, Protocol::Query), expected);
        }
    }

    #[test]
    fn refuses_a_session_that_it_does_not_know() {
        let mut case = Case::new();
        let mut request = case.request();
        set(&mut request, "x-amz-security-token", "other");
        assert_eq!(
            case.refusal(&request, Protocol::Json11),
            (400, "UnrecognizedClientException".to_owned(), "session-token")
        );
        case.state.sessions.clear();
        assert_eq!(
            case.refusal(&case.request(), Protocol::Query),
            (403, "InvalidClientTokenId".to_owned(), "access-key")
        );
    }

    #[test]
    fn refuses_a_session_of_another_partition() {
        let mut case = Case::new();
        case.region = "cn-north-1";
        case.state.resources.regions.insert(case.region.to_owned());
        let expected = (400, "UnrecognizedClientException".to_owned(), "partition");
        assert_eq!(case.refusal(&case.request(), Protocol::Json11), expected);
    }

    #[test]
    fn refuses_a_session_that_has_ended() {
        let mut case = Case::new();
        case.state.clock.advance(3601);
        let request = case.request();
        let expired = |code: &str, status| (status, code.to_owned(), "session-expired");
        assert_eq!(case.refusal(&request, Protocol::Json11), expired("ExpiredTokenException", 400));
        assert_eq!(case.refusal(&request, Protocol::Query), expired("ExpiredToken", 403));
    }

    #[test]
    fn refuses_another_scope() {
        let mut case = Case::new();
        case.region = "eu-west-1";
        assert_eq!(case.refusal(&case.request(), Protocol::Json11).2, "scope-region");
        case.service = "sts";
        let request = case.request();
        let refusal =
            authenticate(&case.state, &request, "secretsmanager", Protocol::Query).unwrap_err();
        assert_eq!((refusal.status, &*refusal.code), (403, "SignatureDoesNotMatch"));
        assert_eq!(
            refusal.message,
            "Credential should be scoped to a valid region. Credential should be scoped to correct \
             service: 'secretsmanager'. "
        );
        case.region = REGION;
        assert_eq!(case.refusal(&case.request(), Protocol::Json11).2, "scope-service");
        // A wrong scope is told before an unknown key.
        case.state.sessions.clear();
        assert_eq!(case.refusal(&case.request(), Protocol::Json11).2, "scope-service");
    }

    #[test]
    fn the_global_endpoint_of_sts_is_in_one_region() {
        let mut case = Case::new();
        case.state.resources.regions = ["eu-central-1".to_owned()].into();
        assert_eq!(case.refusal(&case.request(), Protocol::Json11).2, "scope-region");
        case.service = "sts";
        assert!(authenticate(&case.state, &case.request(), "sts", Protocol::Query).is_ok());
        case.region = "eu-west-1";
        let refused = authenticate(&case.state, &case.request(), "sts", Protocol::Query);
        assert_eq!(refused.unwrap_err().reason, "scope-region");
    }

    #[test]
    fn refuses_a_date_that_is_more_than_fifteen_minutes_off() {
        let mut case = Case::new();
        for minutes in [-16, 16] {
            case.skew = Duration::minutes(minutes);
            assert_eq!(case.refusal(&case.request(), Protocol::Json11).2, "date-skew");
        }
        case.skew = Duration::minutes(-14);
        let request = case.request();
        assert!(authenticate(&case.state, &request, "secretsmanager", Protocol::Json11).is_ok());
    }

    /// Takes a name out of the list and signs what is left, as a holder of the secret key can.
    fn sign_without(case: &Case, name: &str) -> Request {
        let mut request = case.request();
        let header = request.header("authorization").unwrap().to_owned();
        let mut authorization = authorization::parse(&header).unwrap();
        authorization.signed_headers.retain(|signed| signed != name);
        let date = request.header("x-amz-date").unwrap().to_owned();
        let canonical =
            canonical_request(&request, &authorization.signed_headers, Equals::Encoded).unwrap();
        let text = string_to_sign(&authorization, &date, &canonical);
        let credential = &authorization.credential;
        let key = ["us-east-1", "secretsmanager", "aws4_request"].iter().fold(
            hmac_bytes(format!("AWS4{}", case.session.secret_access_key).as_bytes(), &date[..8]),
            |key, part| hmac_bytes(&key, part),
        );
        let signature = authorization::encode_hex(&hmac_bytes(&key, &text));
        let value = format!(
            "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={signature}",
            credential.id,
            credential.scope(),
            authorization.signed_headers.join(";"),
        );
        set(&mut request, "authorization", &value);
        request
    }

    fn hmac_bytes(key: &[u8], text: &str) -> Vec<u8> {
        hmac(key, text).finalize().into_bytes().to_vec()
    }

    #[test]
    fn incomplete_signatures_are_refused() {
        let case = Case::new();
        let request = sign_without(&case, "x-test");
        assert!(authenticate(&case.state, &request, "secretsmanager", Protocol::Json11).is_ok());
        for name in ["host", "x-amz-date", "x-amz-security-token", "x-amz-target"] {
            let request = sign_without(&case, name);
            assert_eq!(case.refusal(&request, Protocol::Json11).2, "signed-headers", "{name}");
        }
    }

    #[test]
    fn refuses_a_payload_that_is_not_signed() {
        let case = Case::new();
        let mut request = case.request();
        set(&mut request, "x-amz-content-sha256", "UNSIGNED-PAYLOAD");
        request.body.push(b' ');
        assert_eq!(case.refusal(&request, Protocol::Json11).2, "content-sha256");
    }

    #[test]
    fn refuses_the_hash_of_another_body_and_a_year_with_a_sign() {
        let case = Case::new();
        let mut request = case.request();
        let own = crate::canonical::sha256_hex(&request.body);
        set(&mut request, "x-amz-content-sha256", &own);
        assert!(authenticate(&case.state, &request, "secretsmanager", Protocol::Json11).is_ok());
        set(&mut request, "x-amz-content-sha256", &own.replace(['a', '0'], "1"));
        assert_eq!(case.refusal(&request, Protocol::Json11).2, "content-sha256");
        let mut request = case.request();
        let date = format!("+{}", request.header("x-amz-date").unwrap());
        set(&mut request, "x-amz-date", &date);
        assert_eq!(case.refusal(&request, Protocol::Json11).2, "authorization-malformed");
    }

    #[test]
    fn refuses_the_token_of_another_session() {
        let mut case = Case::new();
        let other = Session {
            access_key_id: session::access_key_id(),
            session_token: session::session_token(),
            ..case.session.clone()
        };
        case.state.sessions.insert(other.access_key_id.clone(), other.clone());
        case.session.session_token = other.session_token;
        assert_eq!(case.refusal(&case.request(), Protocol::Json11).2, "session-token");
    }

    #[test]
    fn refuses_a_request_without_a_signature() {
        let case = Case::new();
        let mut request = case.request();
        request.headers.retain(|(name, _)| name != "authorization");
        assert_eq!(
            case.refusal(&request, Protocol::Json11),
            (400, "MissingAuthenticationTokenException".to_owned(), "authorization-missing")
        );
        assert_eq!(
            case.refusal(&request, Protocol::Query),
            (403, "MissingAuthenticationToken".to_owned(), "authorization-missing")
        );
        set(&mut request, "authorization", "AWS4-HMAC-SHA256 nonsense");
        assert_eq!(case.refusal(&request, Protocol::Json11).2, "authorization-malformed");
    }
}
