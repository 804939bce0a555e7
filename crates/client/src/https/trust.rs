//! Verifies TLS certificates. Large trust stores are read while the connection is made.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{VerifierBuilderError, WebPkiServerVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature,
    verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::http::{Presented, SourceMessage, TransportError, Trust, bundle_name};
use crate::https::ReadFile;
use crate::identity::bundle::{self, BundleError};
use crate::x509::Certificate;

/// The verifier with its trust roots; or the name of their source, and why it could not be read.
type Roots = Result<Arc<WebPkiServerVerifier>, (String, RootsError)>;

/// Why the trust roots could not be read.
#[derive(Debug, thiserror::Error)]
enum RootsError {
    /// Their file could not be read.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The bundle that the user chose is damaged.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The file or the system has no CA certificates.
    #[error("no CA certificates were found")]
    Missing,
    /// No root can be used.
    #[error(transparent)]
    Verifier(#[from] VerifierBuilderError),
    /// The thread that read them panicked.
    #[error("internal error: the thread that reads them panicked")]
    Thread,
}

/// A verifier that waits for its roots only when a server presents its certificate.
#[derive(Debug)]
pub(super) struct Verifier {
    provider: Arc<CryptoProvider>,
    source: Arc<TrustSource>,
    presented: Mutex<Option<Presented>>,
}

#[derive(Debug)]
enum TrustSource {
    Unverified,
    Roots { loading: Mutex<Option<RootLoad>>, loaded: OnceLock<Roots> },
}

/// Roots that are being read, or that are yet to be read.
#[derive(Debug)]
enum RootLoad {
    /// On a thread, while the connection is made.
    Thread(JoinHandle<Roots>),
    /// When they are needed: reading a small file takes less time than starting a thread.
    Later(Trust, Arc<CryptoProvider>, ReadFile),
}

/// The size in bytes up to which a bundle is read without a thread.
const SMALL: u64 = 16 << 10;

impl RootLoad {
    fn begin(trust: Trust, provider: &Arc<CryptoProvider>, read: ReadFile) -> Self {
        let provider = Arc::clone(provider);
        match &trust {
            Trust::File { path, .. } if path.metadata().is_ok_and(|m| m.len() <= SMALL) => {
                Self::Later(trust, provider, read)
            }
            _ => Self::Thread(std::thread::spawn(move || load(&trust, provider, read))),
        }
    }

    fn end(self) -> Roots {
        match self {
            Self::Later(trust, provider, read) => load(&trust, provider, read),
            Self::Thread(handle) => {
                handle.join().unwrap_or_else(|_| Err(("the system".to_owned(), RootsError::Thread)))
            }
        }
    }
}

impl Verifier {
    /// Begins to read the roots of `trust`.
    pub(super) fn new(trust: &Trust, read: ReadFile) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let source = match trust.clone() {
            Trust::Unverified => TrustSource::Unverified,
            trust => TrustSource::Roots {
                loading: Mutex::new(Some(RootLoad::begin(trust, &provider, read))),
                loaded: OnceLock::new(),
            },
        };
        Self { provider, source: Arc::new(source), presented: Mutex::default() }
    }

    /// Returns a verifier with the same roots, which are read once, that has verified nothing yet.
    pub(super) fn with_same_roots(&self) -> Self {
        let (provider, source) = (Arc::clone(&self.provider), Arc::clone(&self.source));
        Self { provider, source, presented: Mutex::default() }
    }

    /// Returns the cryptographic provider.
    pub(super) fn provider(&self) -> Arc<CryptoProvider> {
        Arc::clone(&self.provider)
    }

    /// Returns the last certificate that was presented and not trusted.
    pub(super) fn presented(&self) -> Option<Presented> {
        self.presented.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs a check of a handshake's signature, unless certificates are not verified at all.
    fn checked(
        &self,
        check: impl FnOnce(&WebPkiSupportedAlgorithms) -> Result<HandshakeSignatureValid, Error>,
    ) -> Result<HandshakeSignatureValid, Error> {
        match *self.source {
            TrustSource::Unverified => Ok(HandshakeSignatureValid::assertion()),
            TrustSource::Roots { .. } => check(&self.provider.signature_verification_algorithms),
        }
    }

    /// Returns why the roots could not be read, if they were needed.
    pub(super) fn roots_error(&self) -> Option<TransportError> {
        let TrustSource::Roots { loaded, .. } = &*self.source else { return None };
        match loaded.get() {
            Some(Err((origin, error))) => {
                let source = SourceMessage(error.to_string());
                Some(TransportError::TrustStore { origin: origin.clone(), source })
            }
            _ => None,
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let TrustSource::Roots { loading, loaded } = &*self.source else {
            return Ok(ServerCertVerified::assertion());
        };
        let roots = loaded.get_or_init(|| ended(loading));
        let Ok(verifier) = roots else {
            return Err(Error::General("no trust roots".to_owned()));
        };
        let verdict =
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        if verdict.is_err() {
            let mut presented = self.presented.lock().unwrap_or_else(PoisonError::into_inner);
            *presented = Certificate::from_der(end_entity).ok().map(|certificate| Presented {
                name: server_name.to_str().into_owned(),
                subject: certificate.subject().to_string(),
                issuer: certificate.issuer().to_string(),
            });
        }
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.checked(|algorithms| {
            verify_tls12_signature(message, certificate, signature, algorithms)
        })
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.checked(|algorithms| {
            verify_tls13_signature(message, certificate, signature, algorithms)
        })
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn ended(loading: &Mutex<Option<RootLoad>>) -> Roots {
    let loading = loading.lock().unwrap_or_else(PoisonError::into_inner).take();
    loading.map_or_else(|| Err(("the system".to_owned(), RootsError::Thread)), RootLoad::end)
}

fn load(trust: &Trust, provider: Arc<CryptoProvider>, read: ReadFile) -> Roots {
    let (origin, found) = match trust {
        Trust::File { origin, path } => {
            (bundle_name(origin, path, path.exists()), chosen(path, read))
        }
        Trust::System | Trust::Unverified => ("the system".to_owned(), system(read)),
    };
    found.and_then(|certificates| verifier(certificates, provider)).map_err(|error| (origin, error))
}

fn verifier(
    certificates: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, RootsError> {
    if certificates.is_empty() {
        return Err(RootsError::Missing);
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates);
    Ok(WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build()?)
}

/// The size of the largest bundle that is read, in bytes.
const MAX_BUNDLE: u64 = 16 << 20;

/// Reads the bundle that the user chose, in any encoding.
fn chosen(path: &Path, read: ReadFile) -> Result<Vec<CertificateDer<'static>>, RootsError> {
    let bytes = read(path, MAX_BUNDLE)?;
    let certificates = bundle::ca_certificates(bytes.expose())?;
    Ok(certificates.into_iter().map(CertificateDer::from).collect())
}

/// Reads the system's bundle, which is PEM; damaged blocks are skipped.
#[cfg(all(unix, not(target_os = "macos")))]
fn system_bundle(path: &Path, read: ReadFile) -> Result<Vec<CertificateDer<'static>>, RootsError> {
    use rustls::pki_types::pem::PemObject;
    let bytes = read(path, MAX_BUNDLE)?;
    Ok(CertificateDer::pem_slice_iter(bytes.expose()).filter_map(Result::ok).collect())
}

/// Reads the bundle of the system, or its directory of single files if there is no bundle. Reading
/// both, as `rustls-native-certs` does, takes two milliseconds more.
#[cfg(all(unix, not(target_os = "macos")))]
fn system(read: ReadFile) -> Result<Vec<CertificateDer<'static>>, RootsError> {
    let probed = openssl_probe::probe();
    match (probed.cert_file, probed.cert_dir.first()) {
        (Some(file), _) => system_bundle(&file, read),
        (None, Some(folder)) => {
            Ok(rustls_native_certs::load_certs_from_paths(None, Some(folder)).certs)
        }
        (None, None) => Ok(Vec::new()),
    }
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
fn system(_read: ReadFile) -> Result<Vec<CertificateDer<'static>>, RootsError> {
    Ok(rustls_native_certs::load_native_certs().certs)
}
