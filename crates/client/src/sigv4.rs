//! Signature Version 4 with a certificate: turns a request into a signed request, without any I/O.
//!
//! [`sign`] reads from top to bottom as the specification does: canonical request, string to
//! sign, signature, `Authorization` header. Plain SigV4, for everything that is called with the
//! credentials afterwards, is [`access_key`].
//!
//! <https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-sign-process.html>

pub mod access_key;
mod canonical;
mod scope;
mod x509;

use crate::hex;
use crate::http::Request;
use crate::identity::Identity;
use crate::key::signer::SignError;
use crate::time::Timestamp;
pub use canonical::CanonicalRequest;
pub use scope::Scope;

/// A signed request, with the intermediate values of the specification.
#[derive(Clone, Debug)]
pub struct SignedRequest {
    /// The request, ready to be sent.
    pub request: Request,
    /// The canonical request (SigV4).
    pub canonical_request: CanonicalRequest,
    /// What the key signed.
    pub string_to_sign: String,
}

/// Signs `request` as of `now` with the identity's key. All headers are signed.
pub fn sign(
    mut request: Request,
    scope: &Scope,
    now: Timestamp,
    identity: &Identity,
) -> Result<SignedRequest, SignError> {
    let algorithm = identity.signer().algorithm().as_str();
    request.headers.push(("host".to_owned(), request.endpoint.authority()));
    request.headers.push(("x-amz-date".to_owned(), now.amz_date()));
    request.headers.extend(x509::headers(identity));

    let canonical_request = CanonicalRequest::new(&request);
    let string_to_sign =
        format!("{algorithm}\n{}\n{scope}\n{}", now.amz_date(), canonical_request.hash());
    let signature = identity.signer().sign(string_to_sign.as_bytes())?;

    let authorization = format!(
        "{algorithm} Credential={}/{scope}, SignedHeaders={}, Signature={}",
        identity.certificate().serial(),
        canonical_request.signed_headers(),
        hex::encode(&signature.0),
    );
    request.headers.push(("authorization".to_owned(), authorization));
    Ok(SignedRequest { request, canonical_request, string_to_sign })
}
