//! The certificates of the emulator's own PKI, and what each is for.

use serde::Serialize;

/// A certificate of the PKI.
#[derive(Debug, Serialize)]
pub(super) struct PkiEntry {
    /// Relative to EMULATOR_DIR.
    pub(super) file: &'static str,
    pub(super) description: &'static str,
}

const fn entry(file: &'static str, description: &'static str) -> PkiEntry {
    PkiEntry { file, description }
}

/// Every certificate that the emulator writes.
pub(super) const PKI: &[PkiEntry] = &[
    entry("anchor/root.pem", "root CA, a trust anchor"),
    entry("anchor/intermediate.pem", "intermediate CA, a trust anchor; has issued the leaves"),
    entry("leaf/p256.pem", "ECDSA P-256"),
    entry("leaf/p384.pem", "ECDSA P-384"),
    entry("leaf/p521.pem", "ECDSA P-521"),
    entry("leaf/rsa2048.pem", "RSA 2048"),
    entry("leaf/rsa3072.pem", "RSA 3072"),
    entry("leaf/rsa4096.pem", "RSA 4096"),
    entry("leaf/mldsa44.pem", "ML-DSA-44"),
    entry("leaf/mldsa65.pem", "ML-DSA-65"),
    entry("leaf/mldsa87.pem", "ML-DSA-87"),
    entry("broken/expired.pem", "has expired"),
    entry("broken/not-yet-valid.pem", "is not yet valid"),
    entry("broken/no-digital-signature.pem", "keyUsage lacks digitalSignature"),
    entry("broken/no-key-usage.pem", "has no keyUsage"),
    entry("broken/ca.pem", "is a CA"),
    entry("broken/server-auth-only.pem", "extendedKeyUsage lacks clientAuth"),
    entry("broken/no-subject.pem", "has an empty subject"),
    entry("broken/critical-extension.pem", "has an unknown critical extension"),
    entry("broken/other-ca.pem", "is issued by a CA that no trust anchor is"),
    entry("broken/other-ca.root.pem", "that CA, without its key"),
    entry("broken/revoked.pem", "is revoked by anchor/crl.pem"),
    entry("broken/sha1.pem", "is signed with SHA-1; needs the openssl command"),
    entry("broken/v1.pem", "is X.509 version 1; needs the openssl command"),
    entry("tls-ca.pem", "the CA of the emulator's own TLS"),
    entry("tls.pem", "the certificate of the emulator's own TLS"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::pki::Pki;

    #[test]
    fn every_certificate_of_the_pki_is_described() {
        let pki = Pki::shared().unwrap();
        let written: BTreeSet<_> =
            pki.certificates().filter(|path| !path.ends_with(".chain.pem")).collect();
        let described = PKI.iter().map(|entry| entry.file);
        // Those of TLS are made later; two need a command that may not be there.
        let described: BTreeSet<_> = described
            .filter(|file| !file.starts_with("tls") && !file.ends_with("sha1.pem"))
            .filter(|file| !file.ends_with("v1.pem"))
            .collect();
        let optional = ["broken/sha1.pem", "broken/v1.pem", "tls-ca.pem", "tls.pem"];
        let written: BTreeSet<_> =
            written.into_iter().filter(|path| !optional.contains(path)).collect();
        assert_eq!(written, described);
    }
}
