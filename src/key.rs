//! Private keys in files: which block it is, of what kind, and the signer that it becomes.

mod software;

use crate::pem::{self, Block, Form, NotPem};
use crate::signer::Signer;

/// Reads the one private key of a PEM file: PKCS#8, PKCS#1 or SEC1; RSA, P-256, P-384 or P-521.
///
/// Blocks of other kinds (certificates, EC parameters) are passed over.
pub fn from_pem(bytes: &[u8]) -> Result<Box<dyn Signer>, KeyError> {
    let blocks = pem::blocks(bytes).map_err(KeyError::NotPem)?;
    let (keys, others): (Vec<Block>, Vec<Block>) =
        blocks.into_iter().partition(|block| block.label.ends_with("PRIVATE KEY"));
    match keys.as_slice() {
        [] => {
            let labels: Vec<String> = others.into_iter().map(|block| block.label).collect();
            Err(KeyError::NoKey { labels: labels.join("`, `") })
        }
        [key] => from_block(key),
        several => Err(KeyError::Several(several.len())),
    }
}

fn from_block(block: &Block) -> Result<Box<dyn Signer>, KeyError> {
    if block.encrypted || block.label == "ENCRYPTED PRIVATE KEY" {
        return Err(KeyError::Encrypted);
    }
    match block.label.as_str() {
        "PRIVATE KEY" => software::from_pkcs8(block.contents.expose()),
        "RSA PRIVATE KEY" => software::from_pkcs1(block.contents.expose()),
        "EC PRIVATE KEY" => software::from_sec1(block.contents.expose()),
        other => Err(KeyError::Label(other.to_owned())),
    }
}

/// The file holds no private key that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No PEM block can be read.
    #[error(transparent)]
    NotPem(NotPem),
    /// There are PEM blocks, and none is a private key.
    #[error("it has no private key, only `{labels}`")]
    NoKey {
        /// What is there, joined.
        labels: String,
    },
    /// There is more than one private key.
    #[error("it has {0} private keys")]
    Several(usize),
    /// The key is encrypted.
    #[error("the private key in it is encrypted")]
    Encrypted,
    /// A key block of a kind that is not read, such as `DSA` or `OPENSSH`.
    #[error("`{0}` blocks are not read")]
    Label(String),
    /// The block does not hold what its label says.
    #[error("the private key in it is damaged or incomplete")]
    Damaged,
    /// A kind of key that Roles Anywhere has no algorithm for, or that is not read yet.
    #[error("keys of the algorithm {0} are not read")]
    Algorithm(String),
    /// A curve other than P-256, P-384 and P-521.
    #[error("keys on the curve {0} are not read")]
    Curve(String),
    /// The EC key does not say on which curve it is.
    #[error("the EC key in it does not name its curve")]
    NoCurve,
    /// An RSA key outside 2048 to 8192 bits, or one that contradicts itself.
    #[error("the RSA key in it was rejected: {0}")]
    Rsa(String),
}

impl KeyError {
    /// Returns the form of a file that is recognised and not read.
    pub fn form(&self) -> Option<Form> {
        match self {
            Self::NotPem(NotPem::Other(form)) => Some(*form),
            _ => None,
        }
    }
}
