//! The headers that carry an identity's public part.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::identity::Identity;

/// Returns `x-amz-x509`, the leaf in base64 of DER, and `x-amz-x509-chain`, the intermediates joined
/// by commas. Without intermediates the chain header is omitted: the service refuses an empty one.
pub(super) fn headers(identity: &Identity) -> Vec<(String, String)> {
    let leaf = STANDARD.encode(identity.certificate().der());
    let chain: Vec<String> =
        identity.intermediates().iter().map(|ca| STANDARD.encode(ca.der())).collect();
    let mut headers = vec![("x-amz-x509".to_owned(), leaf)];
    if !chain.is_empty() {
        headers.push(("x-amz-x509-chain".to_owned(), chain.join(",")));
    }
    headers
}
