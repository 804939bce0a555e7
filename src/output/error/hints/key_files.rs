//! What to try if a file of certificates or keys cannot be used.

use super::source_hint;
use roles_anywhere_client::encoding::{Encoding, EncodingError};
use roles_anywhere_client::identity::bundle::BundleError;
use roles_anywhere_client::key::KeyError;
use roles_anywhere_client::password::PasswordError;

/// Returns what to do about a file that cannot be read for certificates and keys.
pub(super) fn bundle_hint(error: &BundleError) -> String {
    match error {
        BundleError::Encoding(EncodingError::Other(Encoding::Utf16)) => "save it as UTF-8 or ASCII".to_owned(),
        BundleError::Encoding(EncodingError::Unread(Encoding::JavaKeystore)) => {
            "convert it: `keytool -importkeystore -srckeystore FILE -destkeystore FILE.p12 -deststoretype PKCS12`".to_owned()
        }
        BundleError::Encoding(EncodingError::Unread(_)) => {
            "pass the private key that belongs to it".to_owned()
        }
        BundleError::Encoding(EncodingError::Other(_)) => {
            "PEM (with `-----BEGIN …-----` lines), DER, PKCS#12 or PKCS#7 is wanted".to_owned()
        }
        BundleError::Encoding(_) => {
            "copy the file again, with its `-----BEGIN` and `-----END` lines".to_owned()
        }
        BundleError::Mislabelled { .. } => {
            "check which file is which: `openssl asn1parse -in FILE` shows what is inside".to_owned()
        }
        BundleError::Certificate(_) => {
            "look at it with `openssl x509 -noout -text -in FILE`".to_owned()
        }
        BundleError::Pkcs7 => "look at it with `openssl pkcs7 -print_certs -in FILE`".to_owned(),
        BundleError::Pkcs12(KeyError::Encryption(_) | KeyError::TooCostly { .. }) => {
            "take it apart: `(umask 077; openssl pkcs12 -legacy -in FILE -out FILE.pem)` asks for the old password and for a new one".to_owned()
        }
        BundleError::Pkcs12(error) => key_hint(error),
        BundleError::MultiplePkcs12 => "keep the one that holds the key".to_owned(),
    }
}

/// Returns what to do about a private key that cannot be used.
pub(super) fn key_hint(error: &KeyError) -> String {
    match error {
        KeyError::LegacyEncryption => {
            "convert it: `(umask 077; openssl pkcs8 -topk8 -in FILE -out FILE.pem)` asks for the old password and for a new one"
        }
        KeyError::Encryption(_) => {
            "convert it: `(umask 077; openssl pkcs8 -topk8 -provider legacy -provider default -in FILE -out FILE.pem)` asks for the old password and for a new one (OpenSSL 1 goes without the providers)"
        }
        KeyError::TooCostly { .. } => {
            "encrypt it anew with less: `(umask 077; openssl pkcs8 -topk8 -iter 600000 -in FILE -out FILE.pem)`"
        }
        KeyError::Password(PasswordError::Unreadable(error)) => return source_hint(error),
        KeyError::Password(_) => {
            "pass the password by `--key-password-file`, `--key-password-env` or `--key-password-fd`"
        }
        KeyError::WrongPassword => "check the password, and whether it ends in a blank or a line break",
        KeyError::Tpm => "keys of a TPM do not work yet; pass a key that is in a file",
        KeyError::Algorithm(_) | KeyError::Curve(_) => {
            "use a key of RSA (2048 to 8192 bits), P-256, P-384, P-521 or ML-DSA"
        }
        KeyError::Rsa(_) => "use an RSA key of 2048 to 8192 bits, as it came from its maker",
        KeyError::ExplicitCurve => {
            "name the curve: `(umask 077; openssl ec -in FILE -param_enc named_curve -out FILE.pem)`"
        }
        KeyError::NoCurve => "export the key anew as PKCS#8, which names its curve",
        KeyError::OpenSsh => {
            "convert a copy of it: `ssh-keygen -p -m PKCS8 -f FILE`"
        }
        KeyError::Label(_) | KeyError::Damaged => {
            "look at it with `openssl pkey -noout -text -in FILE`; PKCS#8, PKCS#1 or SEC1 is wanted"
        }
    }
    .to_owned()
}
