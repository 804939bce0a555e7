//! The fingerprint of an identity.

use aws_lc_rs::digest::{Context, SHA256};

use crate::x509::Certificate;

/// The fingerprint of an identity: a SHA-256 of its certificate and of the intermediates sent with it.
///
/// The public key is in the certificate, and an [`Identity`](crate::identity::Identity) is proof that
/// the private key belongs to it. So two identities with one fingerprint are the same to AWS, whatever
/// file, encoding or password their keys come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(super) fn of(certificate: &Certificate, intermediates: &[Certificate]) -> Self {
        let mut hash = Context::new(&SHA256);
        // DER has its length in it: no two lists of certificates hash the same bytes.
        for certificate in std::iter::once(certificate).chain(intermediates) {
            hash.update(certificate.der());
        }
        Self(hash.finish().as_ref().try_into().expect("a SHA-256 is 32 bytes"))
    }
}
