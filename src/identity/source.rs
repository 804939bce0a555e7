//! Where an identity is read from, and how certificate, chain and key are joined into one.

use crate::bundle::Bundle;
use crate::certificate::Certificate;
use crate::certificate::chain::Chain;
use crate::files::{Files, Source};
use crate::identity::{Identity, IdentityError};
use crate::password::Passwords;
use crate::signer::Signer;
use crate::time::Timestamp;

/// Where to find an identity, as the user wrote it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IdentitySource {
    /// The end-entity certificate, alone or among others.
    pub certificate: Source,
    /// The private key, which may stand with the certificate.
    pub private_key: Source,
    /// A bundle of CA certificates to build the chain from.
    pub intermediates: Option<Source>,
    /// What is done about a key that others than its owner can read.
    pub permissions: Permissions,
}

/// What is done about a key that others than its owner can read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Permissions {
    /// It is used all the same.
    #[default]
    Lenient,
    /// It is refused.
    Strict,
}

impl IdentitySource {
    /// Returns the places of certificate, key and intermediates, in this order; one that holds both
    /// certificate and key comes twice.
    pub fn places(&self) -> impl Iterator<Item = &Source> {
        [&self.certificate, &self.private_key].into_iter().chain(&self.intermediates)
    }

    /// Reads certificate, key and intermediates, and joins them.
    ///
    /// Of several certificates of the key, one that is valid at `now` is taken, the longest lived.
    pub fn open(
        &self,
        files: &dyn Files,
        passwords: &dyn Passwords,
        now: Timestamp,
    ) -> Result<Identity, IdentityError> {
        let opened = |source| open_bundle(source, files, passwords);
        let (mut certificates, signer) = if self.certificate == self.private_key {
            let bundle = opened(&self.certificate)?;
            let signer = self.signer(&bundle, files, passwords)?;
            (certificates_of(&self.certificate, bundle)?, signer)
        } else {
            let certificates = certificates_of(&self.certificate, opened(&self.certificate)?)?;
            (certificates, self.signer(&opened(&self.private_key)?, files, passwords)?)
        };
        let own = |at: &usize| certificates[*at].public_key() == signer.public_key();
        let rank = |at: &usize| (certificates[*at].is_valid_at(now), certificates[*at].not_after());
        let Some(at) = (0..certificates.len()).filter(own).max_by_key(rank) else {
            return Err(self.mismatch(&certificates));
        };
        let leaf = certificates.remove(at);
        if let Some(source) = &self.intermediates {
            certificates.extend(certificates_of(source, opened(source)?)?);
        }
        let chain = Chain::new(&leaf, certificates, now);
        Identity::new(leaf, chain, signer).map_err(|leaf| self.mismatch(&[*leaf]))
    }

    fn signer(
        &self,
        bundle: &Bundle,
        files: &dyn Files,
        passwords: &dyn Passwords,
    ) -> Result<Box<dyn Signer>, IdentityError> {
        open_key(&self.private_key, bundle, self.permissions, files, passwords)
    }

    fn mismatch(&self, certificates: &[Certificate]) -> IdentityError {
        IdentityError::KeyMismatch {
            key: self.private_key.clone(),
            certificate: self.certificate.clone(),
            subject: certificates.first().map_or_else(String::new, |c| c.subject().to_string()),
            count: certificates.len(),
        }
    }
}

/// Reads the certificates of `source` alone, in their order.
pub fn read_certificates(
    source: &Source,
    files: &dyn Files,
    passwords: &dyn Passwords,
) -> Result<Vec<Certificate>, IdentityError> {
    certificates_of(source, open_bundle(source, files, passwords)?)
}

/// Reads the private key of `source` alone, without a certificate to prove it by.
pub fn read_key(
    source: &Source,
    permissions: Permissions,
    files: &dyn Files,
    passwords: &dyn Passwords,
) -> Result<Box<dyn Signer>, IdentityError> {
    let bundle = open_bundle(source, files, passwords)?;
    open_key(source, &bundle, permissions, files, passwords)
}

fn open_bundle(
    source: &Source,
    files: &dyn Files,
    passwords: &dyn Passwords,
) -> Result<Bundle, IdentityError> {
    let bytes = files.read(source)?;
    Bundle::open(bytes.expose(), &source.to_string(), passwords)
        .map_err(|error| IdentityError::Bundle { place: source.clone(), source: error })
}

fn certificates_of(source: &Source, bundle: Bundle) -> Result<Vec<Certificate>, IdentityError> {
    if bundle.certificates.is_empty() {
        let (place, contents) = (source.clone(), bundle.contents);
        return Err(IdentityError::NoCertificate { place, contents });
    }
    Ok(bundle.certificates)
}

fn open_key(
    source: &Source,
    bundle: &Bundle,
    permissions: Permissions,
    files: &dyn Files,
    passwords: &dyn Passwords,
) -> Result<Box<dyn Signer>, IdentityError> {
    let place = || source.clone();
    if permissions == Permissions::Strict
        && let Some(mode) = files.readable_by_others(source)
    {
        return Err(IdentityError::Readable { place: place(), mode });
    }
    match bundle.keys.as_slice() {
        [] => Err(IdentityError::NoKey { place: place(), contents: bundle.contents.clone() }),
        [key] => key
            .open(&source.to_string(), passwords)
            .map_err(|source| IdentityError::Key { place: place(), source }),
        several => Err(IdentityError::SeveralKeys { place: place(), count: several.len() }),
    }
}
