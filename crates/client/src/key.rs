//! Private keys in files: their kind, and the signer made from them.

mod encrypted;
pub(crate) mod pbe;
pub mod signer;
mod software;

pub(crate) use encrypted::check_cost;

use crate::encoding::Encoding;
use crate::key::signer::Signer;
use crate::password::{PasswordError, Passwords};
use crate::secret::SecretBytes;

/// A private key as it is in a file, not yet decrypted.
#[derive(Debug)]
pub enum KeyMaterial {
    /// `PrivateKeyInfo` (RFC 5208, RFC 5958).
    Pkcs8(SecretBytes),
    /// `RSAPrivateKey` (RFC 8017, A.1.2).
    Pkcs1(SecretBytes),
    /// `ECPrivateKey` (RFC 5915), and the `EC PARAMETERS` block before it.
    Sec1(SecretBytes, Option<SecretBytes>),
    /// `EncryptedPrivateKeyInfo` (RFC 5958).
    EncryptedPkcs8(SecretBytes),
    /// A PEM block encrypted as OpenSSL did before PKCS#8 (`Proc-Type: 4,ENCRYPTED`).
    LegacyEncrypted,
    /// A PEM block with another label that ends in `PRIVATE KEY`.
    Labelled(String),
    /// A DSA key.
    Dsa,
    /// A key wrapped by a TPM, which only that TPM can use.
    Tpm,
}

impl KeyMaterial {
    /// Returns the key in `contents`, or `None` if `encoding` is not that of a private key;
    /// `parameters` come from the `EC PARAMETERS` block before it.
    pub fn of(
        encoding: Encoding,
        contents: SecretBytes,
        parameters: Option<SecretBytes>,
    ) -> Option<Self> {
        Some(match encoding {
            Encoding::Pkcs8 => Self::Pkcs8(contents),
            Encoding::Pkcs1 => Self::Pkcs1(contents),
            Encoding::Sec1 => Self::Sec1(contents, parameters),
            Encoding::EncryptedPkcs8 => Self::EncryptedPkcs8(contents),
            Encoding::Dsa => Self::Dsa,
            Encoding::Tpm => Self::Tpm,
            _ => return None,
        })
    }

    /// Opens the key; the password request names `file_name`.
    pub fn open(
        &self,
        file_name: &str,
        passwords: &dyn Passwords,
    ) -> Result<Box<dyn Signer>, KeyError> {
        match self {
            Self::Pkcs8(der) => software::from_pkcs8(der.expose()),
            Self::Pkcs1(der) => software::from_pkcs1(der.expose()),
            Self::Sec1(der, parameters) => {
                software::from_sec1(der.expose(), parameters.as_ref().map(SecretBytes::expose))
            }
            Self::EncryptedPkcs8(der) => {
                let decrypted = encrypted::decrypt(der.expose(), file_name, passwords)?;
                software::from_pkcs8(&decrypted)
            }
            Self::LegacyEncrypted => Err(KeyError::LegacyEncryption),
            Self::Labelled(label) if label == OPENSSH => Err(KeyError::OpenSsh),
            Self::Labelled(label) => Err(KeyError::Label(label.clone())),
            Self::Dsa => Err(KeyError::Algorithm("DSA".to_owned())),
            Self::Tpm => Err(KeyError::Tpm),
        }
    }
}

/// The label of keys that OpenSSH writes.
const OPENSSH: &str = "OPENSSH PRIVATE KEY";

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A key as OpenSSH writes it.
    #[error("the key format `{OPENSSH}` is not supported")]
    OpenSsh,
    /// A key block of another kind that is not read.
    #[error("PEM blocks labelled `{0}` are not supported")]
    Label(String),
    /// The contents of the block do not match its label.
    #[error("the private key is damaged or incomplete")]
    Damaged,
    /// A kind of key for which Roles Anywhere has no signing algorithm.
    #[error("the key algorithm {0} is not supported")]
    Algorithm(String),
    /// A curve other than P-256, P-384 and P-521.
    #[error("the curve {0} is not supported")]
    Curve(String),
    /// The EC key describes its curve by its parameters instead of its name.
    #[error("the EC key contains the parameters of its curve instead of the curve's name")]
    ExplicitCurve,
    /// The EC key does not name its curve.
    #[error("the EC key does not name its curve")]
    NoCurve,
    /// An RSA key outside 2048 to 8192 bits, or one that contradicts itself.
    #[error("the RSA key is not valid: {0}")]
    Rsa(String),
    /// It is wrapped by a TPM.
    #[error("the private key is in a TPM, and TPM keys are not supported yet")]
    Tpm,
    /// Encrypted as OpenSSL did before PKCS#8: the key derivation is a single MD5.
    #[error(
        "the private key uses OpenSSL's legacy encryption (`Proc-Type: 4,ENCRYPTED`), which is not supported"
    )]
    LegacyEncryption,
    /// Encrypted by a scheme that is not read.
    #[error("the private key is encrypted with {0}, which is not supported")]
    Encryption(String),
    /// Deriving the key from the password would cost more than is allowed.
    #[error("the key derivation of the password takes {cost}, more than the limit of {cap}")]
    TooCostly {
        /// The cost.
        cost: String,
        /// The limit.
        cap: &'static str,
    },
    /// There is no password.
    #[error("the private key is encrypted")]
    Password(#[from] PasswordError),
    /// The password does not open it.
    #[error("the password is wrong, or the file is damaged")]
    WrongPassword,
}
