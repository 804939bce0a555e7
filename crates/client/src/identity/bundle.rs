//! The certificates and keys in a file, in any supported encoding.

use crate::encoding::ber;
use crate::encoding::{
    self, Block, Blocks, Encoding, EncodingError, PKCS7_LABELS, PemOrDer, Position,
};
use crate::identity::FileContents;
use crate::identity::pkcs7;
use crate::identity::pkcs12;
use crate::key::{KeyError, KeyMaterial};
use crate::password::Passwords;
use crate::secret::SecretBytes;
use crate::x509::{Certificate, CertificateError};

/// The certificates and keys of one file, in their order.
#[derive(Debug, Default)]
pub struct Bundle {
    /// Every certificate.
    pub certificates: Vec<Certificate>,
    /// Every private key, not yet decrypted.
    pub keys: Vec<KeyMaterial>,
    /// What the file holds, for errors.
    pub contents: FileContents,
    /// Parts that could not be read; reported only if no certificate or key was found.
    defects: Vec<Defect>,
}

/// A part of a file that could not be read.
#[derive(Debug)]
struct Defect {
    part: Part,
    error: BundleError,
}

/// The parts that an identity is made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    Key,
    Certificate,
}

impl Bundle {
    /// Opens `bytes`; a password, the one for `file_name`, is requested only for PKCS#12.
    ///
    /// The other blocks of a PEM file are read if one is damaged.
    pub fn open(
        bytes: &[u8],
        file_name: &str,
        passwords: &dyn Passwords,
    ) -> Result<Self, BundleError> {
        let mut bundle = Self::default();
        match encoding::open(bytes)? {
            PemOrDer::Pem(blocks) => bundle.add_blocks(blocks, file_name, passwords)?,
            PemOrDer::Der(encoding, contents) => {
                bundle.contents = FileContents::Der(encoding);
                bundle.add(encoding, contents, file_name, passwords)?;
            }
        }
        Ok(bundle)
    }

    /// Removes and returns the error of a damaged certificate.
    pub fn certificate_defect(&mut self) -> Option<BundleError> {
        self.take_defect(Part::Certificate)
    }

    /// Removes and returns the error of a damaged private key.
    pub fn key_defect(&mut self) -> Option<BundleError> {
        self.take_defect(Part::Key)
    }

    fn take_defect(&mut self, part: Part) -> Option<BundleError> {
        let at = self.defects.iter().position(|defect| defect.part == part)?;
        Some(self.defects.swap_remove(at).error)
    }

    fn add_blocks(
        &mut self,
        blocks: Blocks,
        file_name: &str,
        passwords: &dyn Passwords,
    ) -> Result<(), BundleError> {
        let labels = blocks.sound.iter().map(|block| block.label.clone());
        self.contents = FileContents::Pem(labels.collect());
        for damage in blocks.damaged {
            for part in [Part::Key, Part::Certificate] {
                if could_hold(&damage.label, part) {
                    let error = EncodingError::Damaged(damage.clone()).into();
                    self.defects.push(Defect { part, error });
                }
            }
        }
        let mut parameters = None;
        let mut has_pkcs12 = false;
        for block in blocks.sound {
            match block.label.as_str() {
                "EC PARAMETERS" => parameters = Some(block.contents),
                "PKCS12" if has_pkcs12 => return Err(BundleError::MultiplePkcs12),
                "PKCS12" => {
                    has_pkcs12 = true;
                    self.add(Encoding::Pkcs12, block.contents, file_name, passwords)?;
                }
                label if label.ends_with("PRIVATE KEY") => {
                    let added = key(block, &mut parameters).map(|key| self.keys.push(key));
                    self.record_defect(Part::Key, added);
                }
                label if PKCS7_LABELS.contains(&label) => {
                    let added = self.add_pkcs7(block.contents.expose());
                    self.record_defect(Part::Certificate, added);
                }
                label if label.ends_with("CERTIFICATE") => {
                    let added = certificate(&block).map(|one| self.certificates.push(one));
                    self.record_defect(Part::Certificate, added);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn record_defect(&mut self, part: Part, added: Result<(), BundleError>) {
        self.defects.extend(added.err().map(|error| Defect { part, error }));
    }

    fn add(
        &mut self,
        encoding: Encoding,
        contents: SecretBytes,
        file_name: &str,
        passwords: &dyn Passwords,
    ) -> Result<(), BundleError> {
        match encoding {
            Encoding::Certificate => {
                self.certificates.push(Certificate::from_der(contents.expose())?);
            }
            Encoding::Pkcs7 => self.add_pkcs7(contents.expose())?,
            Encoding::Pkcs12 => {
                let archive = pkcs12::open(contents.expose(), file_name, passwords);
                let archive = archive.map_err(|error| match error {
                    KeyError::Damaged => BundleError::DamagedPkcs12,
                    error => BundleError::Pkcs12(error),
                })?;
                for der in &archive.certificates {
                    self.certificates.push(Certificate::from_der(der)?);
                }
                self.keys.extend(archive.keys.into_iter().map(KeyMaterial::Pkcs8));
            }
            encoding => self.keys.extend(KeyMaterial::of(encoding, contents, None)),
        }
        Ok(())
    }

    fn add_pkcs7(&mut self, der: &[u8]) -> Result<(), BundleError> {
        for der in pkcs7::certificates(der).ok_or(BundleError::Pkcs7)? {
            self.certificates.push(Certificate::from_der(&der)?);
        }
        Ok(())
    }
}

/// Returns the DER of the certificates in a bundle of CA certificates: PEM, DER or PKCS#7.
pub fn ca_certificates(bytes: &[u8]) -> Result<Vec<Vec<u8>>, BundleError> {
    let of_pkcs7 = |der: &[u8]| pkcs7::certificates(der).ok_or(BundleError::Pkcs7);
    match encoding::open(bytes)? {
        PemOrDer::Der(Encoding::Certificate, der) => Ok(vec![der.expose().to_vec()]),
        PemOrDer::Der(Encoding::Pkcs7, der) => of_pkcs7(der.expose()),
        PemOrDer::Der(..) => Ok(Vec::new()),
        PemOrDer::Pem(blocks) => {
            let mut certificates = Vec::new();
            for block in &blocks.sound {
                let der = block.contents.expose();
                match block.label.as_str() {
                    label if label.ends_with("CERTIFICATE") => {
                        certificates.push(without_trust_settings(label, der).to_vec());
                    }
                    label if PKCS7_LABELS.contains(&label) => {
                        certificates.extend(of_pkcs7(der)?);
                    }
                    _ => {}
                }
            }
            match blocks.damaged.into_iter().next() {
                Some(damage) if certificates.is_empty() => {
                    Err(EncodingError::Damaged(damage).into())
                }
                _ => Ok(certificates),
            }
        }
    }
}

/// Returns whether a damaged block labelled `label` may have held `part`.
fn could_hold(label: &str, part: Part) -> bool {
    match part {
        _ if label.is_empty() || label == "PKCS12" => true,
        Part::Key => label.ends_with("PRIVATE KEY"),
        Part::Certificate => ["CERTIFICATE", "PKCS", "CMS"].iter().any(|word| label.contains(word)),
    }
}

/// Returns a certificate without the trust settings that OpenSSL appends to a `TRUSTED CERTIFICATE`.
fn without_trust_settings<'a>(label: &str, der: &'a [u8]) -> &'a [u8] {
    match ber::next(&mut { der }) {
        Some(first) if label.starts_with("TRUSTED") => first.whole,
        _ => der,
    }
}

fn certificate(block: &Block) -> Result<Certificate, BundleError> {
    let der = without_trust_settings(&block.label, block.contents.expose());
    Certificate::from_der(der).map_err(|error| mislabelled(block).unwrap_or_else(|| error.into()))
}

/// Returns the key in a block. Its type comes from the contents, not from the label, because tools and
/// users write any of these labels.
fn key(block: Block, parameters: &mut Option<SecretBytes>) -> Result<KeyMaterial, BundleError> {
    if block.encrypted {
        return Ok(KeyMaterial::LegacyEncrypted);
    }
    if let Some(error) = mislabelled(&block) {
        return Err(error);
    }
    let encoding = match (block.label.as_str(), Encoding::of(block.contents.expose())) {
        ("TSS2 PRIVATE KEY", _) => Encoding::Tpm,
        ("DSA PRIVATE KEY", _) => Encoding::Dsa,
        // Unknown structure: the parser for the label reports the error.
        ("RSA PRIVATE KEY", Encoding::Unknown) => Encoding::Pkcs1,
        ("EC PRIVATE KEY", Encoding::Unknown) => Encoding::Sec1,
        ("PRIVATE KEY", Encoding::Unknown) => Encoding::Pkcs8,
        ("ENCRYPTED PRIVATE KEY", Encoding::Unknown) => Encoding::EncryptedPkcs8,
        ("RSA PRIVATE KEY" | "EC PRIVATE KEY", encoding) => encoding,
        ("PRIVATE KEY" | "ENCRYPTED PRIVATE KEY", encoding) => encoding,
        _ => Encoding::Unknown,
    };
    let label = block.label;
    let parameters = if encoding == Encoding::Sec1 { parameters.take() } else { None };
    let key = KeyMaterial::of(encoding, block.contents, parameters);
    Ok(key.unwrap_or(KeyMaterial::Labelled(label)))
}

/// Returns an error if a block labelled as a key holds a certificate, or the reverse.
fn mislabelled(block: &Block) -> Option<BundleError> {
    let encoding = Encoding::of(block.contents.expose());
    let is_wrong = match block.label.ends_with("PRIVATE KEY") {
        true => {
            matches!(
                encoding,
                Encoding::Certificate | Encoding::PublicKey | Encoding::Pkcs7 | Encoding::Pkcs12
            )
        }
        false => encoding.is_key() || encoding == Encoding::PublicKey,
    };
    let Block { position, label, .. } = block;
    is_wrong.then(|| BundleError::Mislabelled {
        position: *position,
        label: label.clone(),
        encoding,
    })
}

/// A file cannot be read for certificates and keys.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It is neither PEM nor DER of a known kind.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// A certificate in it is damaged.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The contents of a block do not match its label.
    #[error("{position} is labelled `{label}` but contains {encoding}")]
    Mislabelled {
        /// The position of the block.
        position: Position,
        /// Its label.
        label: String,
        /// The encoding of its contents.
        encoding: Encoding,
    },
    /// It is PKCS#7 and damaged.
    #[error("the PKCS#7 bundle is damaged")]
    Pkcs7,
    /// It is PKCS#12 and damaged.
    #[error("the PKCS#12 file is damaged or incomplete")]
    DamagedPkcs12,
    /// It is PKCS#12 and cannot be opened.
    #[error(transparent)]
    Pkcs12(KeyError),
    /// It holds more than one PKCS#12; the total cost of their key derivations is not limited.
    #[error("the file contains more than one PKCS#12 structure")]
    MultiplePkcs12,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::files;
    use crate::test_support::password::FixedPassword;

    const NO_PASSWORD: FixedPassword = FixedPassword::none();

    fn committed(name: &str) -> String {
        String::from_utf8(files::committed(&format!("certs/{name}"))).unwrap()
    }

    fn open(text: &str) -> Bundle {
        Bundle::open(text.as_bytes(), "it", &NO_PASSWORD).unwrap()
    }

    #[test]
    fn only_one_pkcs12_of_a_file_is_read() {
        use base64::Engine as _;
        let keystore = files::committed("certs/forms/null-password.p12");
        let text = base64::prelude::BASE64_STANDARD.encode(keystore);
        let block = format!("-----BEGIN PKCS12-----\n{text}\n-----END PKCS12-----\n");
        assert_eq!(open(&block).keys.len(), 1);
        // The total cost of their key derivations is not limited.
        let error = Bundle::open(block.repeat(2).as_bytes(), "it", &NO_PASSWORD).unwrap_err();
        assert!(matches!(error, BundleError::MultiplePkcs12), "{error}");
    }

    #[test]
    fn key_type_comes_from_contents_not_label() {
        let files = ["leaf/p256.key.pem", "leaf/p256.sec1.pem", "leaf/rsa2048.pkcs1.pem"];
        for file in files {
            let text = committed(file);
            let label = text.split("-----").nth(1).unwrap().strip_prefix("BEGIN ").unwrap();
            for other in
                ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"]
            {
                let text = text.replace(&format!(" {label}-"), &format!(" {other}-"));
                let bundle = open(&text);
                assert!(bundle.keys[0].open("it", &NO_PASSWORD).is_ok(), "{file}: {other}");
            }
        }
        let encrypted = committed("forms/scrypt.key.pem").replace("ENCRYPTED ", "");
        assert!(matches!(open(&encrypted).keys[..], [KeyMaterial::EncryptedPkcs8(_)]));
    }

    #[test]
    fn a_damaged_block_does_not_hide_the_others() {
        let (leaf, key) = (committed("leaf/p256.pem"), committed("leaf/p256.key.pem"));
        let damaged = |text: &str| text.replacen('\n', "\n***", 1);
        let cut = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        let pgp = "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQ\n=njUN\n-----END PGP PRIVATE KEY BLOCK-----\n";
        for beside in [damaged(&leaf), damaged(&key), cut.to_owned(), pgp.to_owned()] {
            for text in [format!("{beside}{leaf}{key}"), format!("{leaf}{key}{beside}")] {
                let bundle = open(&text);
                assert_eq!((bundle.certificates.len(), bundle.keys.len()), (1, 1), "{text}");
            }
        }
        let mut bundle = open(&format!("{}{cut}{key}", damaged(&leaf)));
        let words = bundle.certificate_defect().unwrap().to_string();
        assert!(words.contains("PEM block 1 (line 1)"), "{words}");
        assert!(bundle.key_defect().is_none());
    }

    #[test]
    fn mislabelled_block_is_reported() {
        let leaf = committed("leaf/p256.pem").replace("CERTIFICATE", "PRIVATE KEY");
        let words = open(&leaf).key_defect().unwrap().to_string();
        assert_eq!(
            words,
            "PEM block 1 (line 1) is labelled `PRIVATE KEY` but contains a certificate in DER"
        );
        let key = committed("leaf/p256.key.pem").replace("PRIVATE KEY", "CERTIFICATE");
        let words = open(&key).certificate_defect().unwrap().to_string();
        assert_eq!(
            words,
            "PEM block 1 (line 1) is labelled `CERTIFICATE` but contains a PKCS#8 key in DER"
        );
    }

    #[test]
    fn unsupported_keys_are_named() {
        let refused =
            |text: &str| open(text).keys[0].open("it", &NO_PASSWORD).unwrap_err().to_string();
        let dsa = "-----BEGIN DSA PRIVATE KEY-----\nMBICAQACAQUCAQUCAQUCAQUCAQU=\n-----END DSA PRIVATE KEY-----";
        assert_eq!(refused(dsa), "the key algorithm DSA is not supported");
        assert_eq!(refused(&dsa.replace("DSA ", "")), "the key algorithm DSA is not supported");
        let tpm = dsa.replace("DSA", "TSS2");
        assert_eq!(
            refused(&tpm),
            "the private key is in a TPM, and TPM keys are not supported yet"
        );
    }

    #[test]
    fn ca_bundle_is_read_in_any_encoding() {
        let pem = committed("anchor/root.pem");
        let one_line = pem.replace('\n', " ");
        let trusted = pem.replace("CERTIFICATE", "TRUSTED CERTIFICATE");
        let der = ca_certificates(pem.as_bytes()).unwrap();
        assert_eq!(der.len(), 1);
        for bytes in [
            format!("\u{feff}{pem}").into_bytes(),
            one_line.into_bytes(),
            trusted.into_bytes(),
            der[0].clone(),
            [&der[0][..], b"\r\n"].concat(),
            format!("{}{pem}", pem.replacen('\n', "\n***", 1)).into_bytes(),
        ] {
            assert_eq!(ca_certificates(&bytes).unwrap(), der);
        }
        let both = committed("forms/chain.p7b");
        assert_eq!(ca_certificates(both.as_bytes()).unwrap().len(), 2);
        let damaged = pem.replacen('\n', "\n***", 1);
        let words = ca_certificates(damaged.as_bytes()).unwrap_err().to_string();
        assert_eq!(words, "PEM block 1 (line 1) has characters other than base64 in line 2");
    }
}
