//! What to try if a file of certificates or keys cannot be used.

use super::source_hint;
use roles_anywhere_client::encoding::{Encoding, EncodingError};
use roles_anywhere_client::identity::bundle::BundleError;
use roles_anywhere_client::key::KeyError;
use roles_anywhere_client::password::PasswordError;
use roles_anywhere_client::x509::CertificateError;

/// Returns what to do about a file that cannot be read for certificates and keys.
pub(super) fn bundle_hint(error: &BundleError) -> String {
    match error {
        BundleError::Encoding(EncodingError::Other(Encoding::Utf16)) => "save it as UTF-8 or ASCII".to_owned(),
        BundleError::Encoding(EncodingError::Unread(Encoding::JavaKeystore)) => {
            "convert it: `keytool -importkeystore -srckeystore FILE -destkeystore FILE.p12 -deststoretype PKCS12`".to_owned()
        }
        BundleError::Encoding(EncodingError::Unread(_)) => {
            "pass the private key that belongs to the public key".to_owned()
        }
        BundleError::Encoding(EncodingError::Other(_)) => {
            "pass a file in PEM (with `-----BEGIN …-----` lines), DER, PKCS#12 or PKCS#7".to_owned()
        }
        BundleError::Encoding(_) => {
            "copy the file again, with its `-----BEGIN` and `-----END` lines".to_owned()
        }
        BundleError::Mislabelled { .. } => {
            "check that the files are not mixed up; if it is the right file, correct the label in its `-----BEGIN` and `-----END` lines".to_owned()
        }
        BundleError::Certificate(CertificateError::Serial(_)) => {
            "issue the certificate again with a serial number of at most 20 bytes, the limit of RFC 5280".to_owned()
        }
        BundleError::Certificate(CertificateError::TrailingBytes(_)) => {
            "export the certificate again: the file must end where the certificate ends".to_owned()
        }
        BundleError::Certificate(CertificateError::NotX509) => {
            "check the certificate with `openssl x509 -noout -text -in FILE`".to_owned()
        }
        BundleError::Pkcs7 => "check the bundle with `openssl pkcs7 -print_certs -in FILE`".to_owned(),
        BundleError::Pkcs12(KeyError::Encryption(_) | KeyError::TooCostly { .. }) => {
            "convert it: `(umask 077; openssl pkcs12 -legacy -in FILE -out FILE.pem)` asks for the old password and for a new one".to_owned()
        }
        BundleError::DamagedPkcs12 => {
            "export the file again; `openssl pkcs12 -info -noout -in FILE` checks it".to_owned()
        }
        BundleError::Pkcs12(error) => key_hint(error),
        BundleError::MultiplePkcs12 => "keep only the one that contains the key".to_owned(),
    }
}

/// Returns what to do about a private key that cannot be used.
pub(super) fn key_hint(error: &KeyError) -> String {
    match error {
        KeyError::LegacyEncryption => {
            "convert it: `(umask 077; openssl pkcs8 -topk8 -in FILE -out FILE.pem)` asks for the old password and for a new one"
        }
        KeyError::Encryption(_) => {
            "convert it: `(umask 077; openssl pkcs8 -topk8 -provider legacy -provider default -in FILE -out FILE.pem)` asks for the old password and for a new one (without the two `-provider` options for OpenSSL 1)"
        }
        KeyError::TooCostly { .. } => {
            "encrypt the key again with fewer iterations: `(umask 077; openssl pkcs8 -topk8 -iter 600000 -in FILE -out FILE.pem)`"
        }
        KeyError::Password(PasswordError::Unreadable(error)) => return source_hint(error),
        KeyError::Password(PasswordError::NotText(_)) => "save the password as UTF-8",
        KeyError::Password(_) => {
            "pass the password with `--key-password-file`, `--key-password-env` or `--key-password-fd`"
        }
        KeyError::WrongPassword => "check the password, including any space or line break at its end",
        KeyError::Tpm => "pass a key that is stored in a file",
        KeyError::Algorithm(_) | KeyError::Curve(_) => {
            "use an RSA key (2048 to 8192 bits) or a P-256, P-384, P-521 or ML-DSA key"
        }
        KeyError::Rsa(_) => "use an intact RSA key of 2048 to 8192 bits with two primes; `openssl pkey -check -noout -in FILE` checks a key",
        KeyError::ExplicitCurve => {
            "convert it to a named curve: `(umask 077; openssl ec -in FILE -param_enc named_curve -out FILE.pem)`"
        }
        KeyError::NoCurve => "export the key again as PKCS#8, which includes the name of the curve",
        KeyError::OpenSsh => {
            "convert a copy of the file: `ssh-keygen -p -m PKCS8 -f FILE`"
        }
        KeyError::Label(_) => "pass a private key in PKCS#8, PKCS#1 or SEC1",
        KeyError::Damaged => {
            "check it with `openssl pkey -check -noout -in FILE`; expected PKCS#8, PKCS#1 or SEC1"
        }
    }
    .to_owned()
}
