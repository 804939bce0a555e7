//! The upper floor: one bare POST, with the HTTP library and the TLS configuration of the tool, and
//! its trust roots from one CA file. `floor-post URL CA-FILE`
//!
//! What the tool takes beyond this is its own: flags, PEM, the proof that certificate and key match,
//! hashing, signing, JSON.

use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// About as many bytes as CreateSession takes, headers and body.
const BODY: usize = 1600;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(ca_file)) = (arguments.next(), arguments.next()) else {
        return Err("usage: floor-post URL CA-FILE".into());
    };
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls_configuration(&ca_file)?)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .http1_only()
        .no_proxy()
        .build()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(async {
        let request = client.post(url).header("content-type", "application/json");
        request.body(vec![b'x'; BODY]).send().await?.bytes().await
    })?;
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(&answer)?;
    stdout.flush()?;
    Ok(())
}

fn tls_configuration(ca_file: &str) -> Result<ClientConfig, Box<dyn Error>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca_file)? {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
