//! Whose TLS certificates are believed, read on a thread while the connection is made.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::certificate::Certificate;
use crate::http::{Presented, Reason, TransportError, Trust};

/// What the trust roots were read into, or why they could not be.
type Roots = Result<Arc<WebPkiServerVerifier>, (String, Reason)>;

/// A verifier that waits for its roots only once a server has presented itself.
#[derive(Debug)]
pub(super) struct Verifier {
    provider: Arc<CryptoProvider>,
    source: Source,
    presented: Mutex<Option<Presented>>,
}

#[derive(Debug)]
enum Source {
    Everybody,
    Roots { loading: Mutex<Option<JoinHandle<Roots>>>, loaded: OnceLock<Roots> },
}

impl Verifier {
    /// Begins to read the roots of `trust`.
    pub(super) fn new(trust: &Trust) -> Self {
        let source = match trust.clone() {
            Trust::Everybody => Source::Everybody,
            trust => Source::Roots {
                loading: Mutex::new(Some(std::thread::spawn(move || load(&trust)))),
                loaded: OnceLock::new(),
            },
        };
        Self {
            provider: Arc::new(aws_lc_rs::default_provider()),
            source,
            presented: Mutex::default(),
        }
    }

    /// Returns whose certificate was presented last and not believed.
    pub(super) fn presented(&self) -> Option<Presented> {
        self.presented.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns why the roots could not be read, where they were needed.
    pub(super) fn trouble(&self) -> Option<TransportError> {
        let Source::Roots { loaded, .. } = &self.source else { return None };
        match loaded.get() {
            Some(Err((origin, reason))) => {
                Some(TransportError::TrustStore { origin: origin.clone(), source: reason.clone() })
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
        let Source::Roots { loading, loaded } = &self.source else {
            return Ok(ServerCertVerified::assertion());
        };
        let roots = loaded.get_or_init(|| joined(loading));
        let Ok(verifier) = roots else {
            return Err(Error::General("no trust roots".to_owned()));
        };
        let verdict =
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        if verdict.is_err() {
            let mut presented = self.presented.lock().unwrap_or_else(PoisonError::into_inner);
            *presented = Certificate::from_der(end_entity).ok().map(|certificate| Presented {
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
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn joined(loading: &Mutex<Option<JoinHandle<Roots>>>) -> Roots {
    let handle = loading.lock().unwrap_or_else(PoisonError::into_inner).take();
    let outcome = handle.and_then(|handle| handle.join().ok());
    outcome.unwrap_or_else(|| {
        let reason = Reason("the thread that read them ended early".to_owned());
        Err(("the system".to_owned(), reason))
    })
}

fn load(trust: &Trust) -> Roots {
    let (origin, found) = match trust {
        Trust::File { origin, path } => {
            let name = format!("`{}` (from {origin})", path.display());
            (name, rustls_native_certs::load_certs_from_paths(Some(path), None))
        }
        Trust::System | Trust::Everybody => ("the system".to_owned(), system()),
    };
    if found.certs.is_empty() {
        let why = found.errors.first().map_or_else(|| "there are none".to_owned(), words);
        return Err((origin, Reason(why)));
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    let provider = Arc::new(aws_lc_rs::default_provider());
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| (origin, Reason(error.to_string())))
}

fn words(error: &rustls_native_certs::Error) -> String {
    match &error.kind {
        rustls_native_certs::ErrorKind::Io { inner, .. } => inner.to_string(),
        rustls_native_certs::ErrorKind::Pem(error) => error.to_string(),
        _ => error.to_string(),
    }
}

/// Reads the one bundle that the system keeps, and its directory of single files only where there
/// is no bundle: reading both, as is usual, costs two milliseconds.
#[cfg(all(unix, not(target_os = "macos")))]
fn system() -> rustls_native_certs::CertificateResult {
    let probed = openssl_probe::probe();
    let directory = match &probed.cert_file {
        Some(_) => None,
        None => probed.cert_dir.first().map(std::path::PathBuf::as_path),
    };
    let file: Option<&Path> = probed.cert_file.as_deref();
    rustls_native_certs::load_certs_from_paths(file, directory)
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
fn system() -> rustls_native_certs::CertificateResult {
    rustls_native_certs::load_native_certs()
}
