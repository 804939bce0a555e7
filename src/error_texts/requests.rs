//! Requests without a response, and responses that cannot be used.

use std::time::Duration;

use super::identity::now;
use super::{Page, variants};
use crate::output::error::Error;
use roles_anywhere_client::aws::create_session::SessionResponseError;
use roles_anywhere_client::aws::error_response::ServiceError;
use roles_anywhere_client::aws::json_protocol::{JsonOperation, JsonResponseError};
use roles_anywhere_client::aws::retry::RequestError;
use roles_anywhere_client::credentials::AccessKey;
use roles_anywhere_client::diagnosis::{Cause, ConfigurationCause, Operation, Refusal};
use roles_anywhere_client::http::{Distrust, Presented, Request, SourceMessage, TransportError};
use roles_anywhere_client::key::signer::SignError;
use roles_anywhere_client::provider::ProviderError;
use roles_anywhere_client::provider::fallback::FallbackError;
use roles_anywhere_client::provider::secrets_manager::ServiceCallError;
use roles_anywhere_client::region::Region;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::sigv4::access_key::{self, AccessKeyError};
use roles_anywhere_test_support::session::request;

variants!(ProviderError: Identity Request Refused Response EveryRegion NoIdentity);
variants!(RequestError: Sign AccessKey Transport Timeout);
variants!(TransportError:
    Connect Resolve Untrusted Handshake Proxy Interrupted TooLarge TrustStore
);
variants!(Distrust: Issuer Name Time Other);
variants!(SignError: Software);
variants!(SessionResponseError: Malformed NotXml Empty OtherRole Blank Expired);
variants!(JsonResponseError: Malformed Base64 NoValue LeftOut RepeatedPage);
variants!(ServiceCallError: Request SessionRefused Refused Response QueryResponse OutcomeUnknown);

const HOST: &str = "rolesanywhere.eu-central-1.amazonaws.com";

fn reason(text: &str) -> SourceMessage {
    SourceMessage(text.to_owned())
}

#[test]
fn errors_of_requests_have_these_texts() {
    let mut page = Page::default();
    page.add_all(request_errors(), Error::from);
    let transport = |source| Error::from(RequestError::Transport { source, attempt: 1 });
    page.add_all(transport_errors(), transport);
    let kinds = [
        (Distrust::Issuer, "it was not issued by a trusted CA"),
        (Distrust::Name, "it is not valid for this host name, only for `a.example`, `127.0.0.1`"),
        (
            Distrust::Time,
            "it has expired (on 2027-01-14T08:00:00Z; it is now 2027-01-15T08:00:00Z)",
        ),
        (Distrust::Other, "it cannot be verified (UnsupportedCertVersion)"),
    ];
    let (kinds, texts): (Vec<_>, Vec<_>) = kinds.into_iter().unzip();
    let mut texts = texts.into_iter();
    page.add_all(kinds, |distrust| {
        let presented = Some(Box::new(presented()));
        let source = reason(texts.next().unwrap());
        transport(TransportError::Untrusted { host: HOST.to_owned(), presented, distrust, source })
    });
    page.compare("requests");
}

fn presented() -> Presented {
    Presented {
        name: HOST.to_owned(),
        subject: "CN=*.amazonaws.com".to_owned(),
        issuer: "CN=Example TLS Inspection".to_owned(),
    }
}

fn request_errors() -> Vec<RequestError> {
    let refused = || TransportError::Connect {
        peer: format!("{HOST}:443"),
        source: reason("Connection refused (os error 111)"),
    };
    let (host, limit) = (HOST.to_owned(), Duration::from_secs(20));
    vec![
        SignError::Software.into(),
        unsignable().into(),
        RequestError::Transport { source: refused(), attempt: 3 },
        RequestError::Timeout { host, limit, attempt: 2 },
    ]
}

/// Returns the error for a request that cannot be signed, as its query is too long.
fn unsignable() -> AccessKeyError {
    let key = AccessKey {
        id: "AKIAEXAMPLEEXAMPLE00".to_owned(),
        secret: Secret::new("wJalrXUtnFEMIEXAMPLEKEY".to_owned()),
        session_token: None,
    };
    let request = Request {
        method: "POST",
        endpoint: request().endpoint,
        path: "/",
        query: "a".repeat(70_000),
        headers: Vec::new(),
        body: Vec::new(),
    };
    let region = Region::parse("us-east-1").unwrap();
    let signed = access_key::sign(request, &region, "secretsmanager", now(), &key);
    signed.unwrap_err()
}

fn transport_errors() -> Vec<TransportError> {
    let host = || HOST.to_owned();
    let resolve = |for_socks| TransportError::Resolve {
        host: host(),
        for_socks,
        source: reason("failed to lookup address information: Name or service not known"),
    };
    let proxy = |login, line| TransportError::Proxy {
        proxy: "proxy.example:3128".to_owned(),
        target: format!("{HOST}:443"),
        transient: false,
        login,
        source: reason(line),
    };
    let interrupted = |plain| TransportError::Interrupted {
        host: host(),
        plain,
        source: reason("connection closed before message completed"),
    };
    let timeout = reason("no connection within 5 s");
    vec![
        TransportError::Connect { peer: format!("{HOST}:443"), source: timeout },
        resolve(false),
        resolve(true),
        TransportError::Untrusted {
            host: host(),
            presented: None,
            distrust: Distrust::Issuer,
            source: reason("it was not issued by a trusted CA"),
        },
        TransportError::Handshake {
            host: host(),
            source: reason("the server's response is not TLS"),
        },
        proxy(true, "HTTP/1.1 407 Proxy Authentication Required"),
        proxy(false, "HTTP/1.1 403 Forbidden"),
        interrupted(true),
        interrupted(false),
        TransportError::TooLarge { host: host(), limit: 8 << 20 },
        TransportError::TrustStore {
            origin: "`/etc/pki/ca.pem` (from --ca-bundle)".to_owned(),
            source: reason("no CA certificates were found"),
        },
    ]
}

#[test]
fn errors_of_several_regions_have_these_texts() {
    let fallback =
        |region: &str, source| FallbackError { region: Region::parse(region).unwrap(), source };
    let service_error = ServiceError {
        status: 403,
        code: Some("AccessDeniedException".to_owned()),
        message: "Profile is disabled".to_owned(),
        request_id: Some("a1b2c3d4-5678-90ab-cdef-EXAMPLE11111".to_owned()),
        date: None,
    };
    let cause = ConfigurationCause::ProfileDisabled(request().profile);
    let causes = vec![Cause::Configuration(cause)];
    let refusal = Refusal { operation: Operation::CreateSession, service_error, causes };
    let refused = ProviderError::Refused { source: Box::new(refusal), retry_after: None };
    let (host, limit) =
        ("rolesanywhere.eu-north-1.amazonaws.com".to_owned(), Duration::from_millis(2_500));
    let late = RequestError::Timeout { host, limit, attempt: 2 };
    let lost = request_errors().swap_remove(2);
    let fallbacks = vec![fallback("eu-west-1", refused), fallback("eu-north-1", late.into())];
    let (primary, limit) = (Box::new(lost.into()), Duration::from_secs(20));
    let error = ProviderError::EveryRegion { primary, fallbacks, limit };
    let mut page = Page::default();
    let heading = page.see(&error);
    page.add(&heading, &error.into());
    page.compare("regions");
}

#[test]
fn errors_of_responses_have_these_texts() {
    use serde_json::error::Category;
    let mut page = Page::default();
    let (expiration, role) = (now().after(-60), request().role);
    let examples = vec![
        SessionResponseError::Malformed(Category::Syntax),
        SessionResponseError::Malformed(Category::Eof),
        SessionResponseError::Malformed(Category::Data),
        SessionResponseError::NotXml,
        SessionResponseError::Empty,
        SessionResponseError::OtherRole { role: Some(role) },
        SessionResponseError::OtherRole { role: None },
        SessionResponseError::Blank("sessionToken"),
        SessionResponseError::Expired { expiration, now: now() },
    ];
    page.add_all(examples, |error| ProviderError::from(error).into());
    let examples = vec![
        JsonResponseError::Malformed(JsonOperation::GetSecretValue),
        JsonResponseError::Base64,
        JsonResponseError::NoValue,
        JsonResponseError::LeftOut(JsonOperation::GetParameters),
        JsonResponseError::RepeatedPage(JsonOperation::GetParametersByPath),
    ];
    page.add_all(examples, |error| ServiceCallError::from(error).into());
    let error = ProviderError::NoIdentity;
    let heading = page.see(&error);
    page.add(&heading, &error.into());
    page.compare("responses");
}
