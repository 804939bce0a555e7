//! The sources of an identity, and how certificate, chain and key are joined.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::encoding::{Encoding, EncodingError};
use crate::identity::bundle::{Bundle, BundleError};
use crate::identity::{CertificateRole, Identity, IdentityError, KeySource};
use crate::input_source::snapshot::Snapshot;
use crate::input_source::{FileError, Files, InputSource, Location};
use crate::key::signer::Signer;
use crate::password::Passwords;
use crate::time::Timestamp;
use crate::x509::Certificate;
use crate::x509::Chain;

/// The sources of an identity, as given by the user.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IdentitySource {
    /// The end-entity certificate; the file may hold others too.
    pub certificate: InputSource,
    /// The private key; it may be in the file of the certificate.
    pub private_key: KeySource,
    /// A bundle of CA certificates to build the chain from.
    pub intermediates: Option<InputSource>,
    /// Whether a key is accepted that others than its owner can read.
    pub permissions: Permissions,
}

/// Whether a key is accepted that others than its owner can read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Permissions {
    /// It is used.
    #[default]
    Lenient,
    /// It is refused.
    Strict,
}

impl IdentitySource {
    /// Returns the identity in these files, which may be the same one.
    pub fn files(certificate: impl Into<PathBuf>, private_key: impl Into<PathBuf>) -> Self {
        Self {
            certificate: InputSource::file(certificate),
            private_key: KeySource::File(InputSource::file(private_key)),
            intermediates: None,
            permissions: Permissions::default(),
        }
    }

    /// Reads all inputs, each once, so that a digest of them and the identity come from the same bytes.
    ///
    /// [`Snapshot::digest`] identifies the sources before anything in them is parsed;
    /// [`Identity::fingerprint`] identifies the identity that they hold.
    pub fn snapshot(&self, files: &Arc<dyn Files>) -> Result<Snapshot, FileError> {
        Snapshot::take(files, self.inputs())
    }

    /// Returns the paths of the files whose changes may change the identity.
    pub fn watched_paths(&self) -> impl Iterator<Item = &Path> {
        self.inputs().filter_map(|input| match &input.location {
            Location::File(path) => Some(path.as_path()),
            Location::Stdin | Location::Descriptor(_) | Location::Variable(_) => None,
        })
    }

    /// Returns the inputs of certificate, key and intermediates, in this order; an input of both
    /// certificate and key is returned twice.
    fn inputs(&self) -> impl Iterator<Item = &InputSource> {
        std::iter::once(&self.certificate)
            .chain(self.private_key.inputs())
            .chain(&self.intermediates)
    }

    /// Reads certificate, key and intermediates, and joins them.
    ///
    /// If several certificates match the key, the one that is valid at `now` and expires last is used.
    pub fn open(
        &self,
        files: &dyn Files,
        passwords: &dyn Passwords,
        now: Timestamp,
    ) -> Result<Identity, IdentityError> {
        let opened = |source| open_bundle(source, files, passwords);
        let mut bundle = opened(&self.certificate)?;
        let key = &self.private_key;
        let in_bundle = key.inputs().find(|input| input.location == self.certificate.location);
        let (mut certificates, signer) = if let Some(input) = in_bundle {
            let signer = open_key(input, &mut bundle, self.permissions, files, passwords)?;
            (certificates_of(&self.certificate, CertificateRole::EndEntity, &mut bundle)?, signer)
        } else {
            let certificates =
                certificates_of(&self.certificate, CertificateRole::EndEntity, &mut bundle)?;
            (certificates, key.open(self.permissions, files, passwords)?)
        };
        let matches_key = |at: &usize| certificates[*at].public_key() == signer.public_key();
        let rank = |at: &usize| (certificates[*at].is_valid_at(now), certificates[*at].not_after());
        let Some(at) = (0..certificates.len()).filter(matches_key).max_by_key(rank) else {
            // The certificate of the key may be a damaged one.
            return Err(match bundle.certificate_defect() {
                Some(defect) => unreadable(&self.certificate, defect),
                None => self.mismatch(&certificates),
            });
        };
        let leaf = certificates.remove(at);
        if let Some(source) = &self.intermediates {
            certificates.extend(intermediates_of(source, opened(source))?);
        }
        let chain = Chain::new(&leaf, certificates, now);
        Identity::new(leaf, chain, signer).map_err(|leaf| self.mismatch(&[*leaf]))
    }

    fn mismatch(&self, certificates: &[Certificate]) -> IdentityError {
        IdentityError::KeyMismatch {
            key: self.private_key.name(),
            certificate: self.certificate.name(true),
            subject: certificates.first().map_or_else(String::new, |c| c.subject().to_string()),
            count: certificates.len(),
        }
    }
}

/// Reads the certificates of `source`, in their order, without its key.
pub fn read_certificates(
    source: &InputSource,
    files: &dyn Files,
    passwords: &dyn Passwords,
) -> Result<Vec<Certificate>, IdentityError> {
    let mut bundle = open_bundle(source, files, passwords)?;
    certificates_of(source, CertificateRole::EndEntity, &mut bundle)
}

pub(super) fn open_bundle(
    source: &InputSource,
    files: &dyn Files,
    passwords: &dyn Passwords,
) -> Result<Bundle, IdentityError> {
    let bytes = files.read(source)?;
    Bundle::open(bytes.expose(), &source.name(true).to_string(), passwords)
        .map_err(|error| unreadable(source, error))
}

fn unreadable(source: &InputSource, error: BundleError) -> IdentityError {
    IdentityError::Bundle { place: source.name(true), source: error }
}

/// Removes and returns the certificates of `bundle`, at least one.
fn certificates_of(
    source: &InputSource,
    expected: CertificateRole,
    bundle: &mut Bundle,
) -> Result<Vec<Certificate>, IdentityError> {
    if !bundle.certificates.is_empty() {
        return Ok(std::mem::take(&mut bundle.certificates));
    }
    if let Some(defect) = bundle.certificate_defect() {
        return Err(unreadable(source, defect));
    }
    let (place, contents) = (source.name(true), bundle.contents.clone());
    Err(IdentityError::NoCertificate { place, expected, contents })
}

/// Returns the intermediates of `source`. An empty file counts as not given: cert-manager
/// writes an empty `ca.crt` if the issuer has no CA certificate.
fn intermediates_of(
    source: &InputSource,
    opened: Result<Bundle, IdentityError>,
) -> Result<Vec<Certificate>, IdentityError> {
    match opened {
        Err(IdentityError::Bundle {
            source: BundleError::Encoding(EncodingError::Other(Encoding::Empty)),
            ..
        }) => Ok(Vec::new()),
        opened => certificates_of(source, CertificateRole::Intermediates, &mut opened?),
    }
}

pub(super) fn open_key(
    source: &InputSource,
    bundle: &mut Bundle,
    permissions: Permissions,
    files: &dyn Files,
    passwords: &dyn Passwords,
) -> Result<Box<dyn Signer>, IdentityError> {
    let place = || source.name(true);
    if permissions == Permissions::Strict
        && let Some(mode) = files.readable_by_others(source)
    {
        return Err(IdentityError::Readable { place: place(), mode });
    }
    match bundle.keys.as_slice() {
        [] => Err(match bundle.key_defect() {
            Some(defect) => unreadable(source, defect),
            None => IdentityError::NoKey { place: place(), contents: bundle.contents.clone() },
        }),
        [key] => key
            .open(&place().to_string(), passwords)
            .map_err(|source| IdentityError::Key { place: place(), source }),
        several => {
            let (count, contents) = (several.len(), bundle.contents.clone());
            Err(IdentityError::SeveralKeys { place: place(), count, contents })
        }
    }
}
