//! A fresh PKI: the trust anchors, good leaves of every kind of key, leaves that are broken in one
//! way each, and the emulator's own TLS certificate. Everything runs from 2026 to 2046.

mod authority;
mod broken;
mod leaf;
mod openssl;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, thread};

use thiserror::Error;

use crate::os;
use authority::{Authorities, Authority};

pub use authority::TlsIdentity;

/// Every file of the PKI but those of TLS, in memory.
#[derive(Debug)]
pub struct Pki {
    files: Vec<PkiFile>,
    notes: Vec<String>,
    /// Issues the emulator's own TLS certificate.
    tls_ca: Authority,
}

/// One file of the PKI.
#[derive(Debug, Clone)]
struct PkiFile {
    /// Relative to the directory, with slashes.
    path: String,
    pem: String,
    /// A key: 0600.
    private: bool,
}

/// Why a PKI cannot be made or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PkiError {
    /// A certificate cannot be made.
    #[error("cannot make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// A key cannot be written in its other forms.
    #[error("cannot write the key of `{0}` in its older form")]
    KeyForm(String),
    /// A file of the PKI is not there.
    #[error("the PKI has no `{0}`")]
    Missing(String),
    /// The OpenSSL command failed, and not by being absent.
    #[error("`openssl {command}` failed: {stderr}")]
    OpenSsl {
        /// Its first argument.
        command: String,
        /// What it wrote.
        stderr: String,
    },
    /// A file cannot be written.
    #[error("cannot write `{path}`")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A thread that made keys died.
    #[error("a thread that made keys ended unexpectedly")]
    Thread,
}

/// Which RSA keys to make: they are slow to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// None: the keys of RSA are the same in every PKI, and the rest is new.
    FixedRsa,
    /// New ones, without RSA-8192.
    Usual,
    /// RSA-8192 too, if the OpenSSL command is there; takes a while.
    WithRsa8192,
}

impl Pki {
    /// Makes one.
    pub fn generate(extent: Extent) -> Result<Self, PkiError> {
        let (authorities, mut pki) = Self::with_authorities()?;
        let slow = thread::spawn(move || match extent {
            Extent::FixedRsa | Extent::Usual => Ok(None),
            Extent::WithRsa8192 => openssl::rsa8192(),
        });
        leaf::generate(&authorities, &mut pki, extent)?;
        broken::generate(&authorities, &mut pki)?;
        match (extent, slow.join().map_err(|_| PkiError::Thread)??) {
            (Extent::WithRsa8192, Some(key)) => {
                let key =
                    rcgen::KeyPair::from_pkcs8_pem_and_sign_algo(&key, &rcgen::PKCS_RSA_SHA256)?;
                leaf::issue(&authorities, "rsa8192", &key, &mut pki)?;
            }
            (Extent::WithRsa8192, None) => pki.skip("leaf/rsa8192"),
            (Extent::FixedRsa | Extent::Usual, _) => {}
        }
        Ok(pki)
    }

    /// Makes the CAs only, which is fast.
    pub(crate) fn authorities() -> Result<Self, PkiError> {
        Self::with_authorities().map(|(_, pki)| pki)
    }

    fn with_authorities() -> Result<(Authorities, Self), PkiError> {
        let authorities = Authorities::generate()?;
        let tls_ca = Authority::of_tls()?;
        let mut pki = Self { files: authorities.files(), notes: Vec::new(), tls_ca };
        pki.add("tls-ca.pem", pki.tls_ca.certificate.pem());
        Ok((authorities, pki))
    }

    /// Returns the one PKI that every emulator of this process has.
    ///
    /// Its RSA keys are fixed, as new ones take seconds at every start. Nothing trusts them but an
    /// emulator: the CAs are new, and what `pki` writes has new keys.
    pub fn shared() -> Result<Arc<Self>, PkiError> {
        static SHARED: Mutex<Option<Arc<Pki>>> = Mutex::new(None);
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pki) = shared.as_ref() {
            return Ok(Arc::clone(pki));
        }
        let pki = Arc::new(Self::generate(Extent::FixedRsa)?);
        *shared = Some(Arc::clone(&pki));
        Ok(pki)
    }

    /// Returns what was left out and why, a line each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Issues a TLS certificate for DNS names and IP addresses.
    pub fn tls(&self, names: Vec<String>) -> Result<TlsIdentity, PkiError> {
        TlsIdentity::issue(&self.tls_ca.issuer, names)
    }

    /// Writes every file below a directory that exists.
    pub fn write(&self, directory: &Path, tls: &TlsIdentity) -> Result<(), PkiError> {
        for file in self.files.iter().chain(&tls.files()) {
            let path = directory.join(&file.path);
            let parent = path.parent().unwrap_or(directory);
            os::create_directory(parent, false)
                .and_then(|()| os::write(&path, file.pem.as_bytes(), file.private))
                .map_err(|source| PkiError::Write { path, source })?;
        }
        Ok(())
    }

    /// Returns the DER of the one block in a file such as `anchor/root.pem`.
    pub(crate) fn der(&self, path: &str) -> Result<Vec<u8>, PkiError> {
        self.files
            .iter()
            .find(|file| file.path == path)
            .and_then(|file| pem::parse(&file.pem).ok())
            .map(pem::Pem::into_contents)
            .ok_or_else(|| PkiError::Missing(path.to_owned()))
    }

    /// Returns the names of the files with certificates.
    #[cfg(test)]
    pub(crate) fn certificates(&self) -> impl Iterator<Item = &str> {
        let certificates = self.files.iter().filter(|file| file.pem.contains("BEGIN CERTIFICATE"));
        certificates.map(|file| file.path.as_str())
    }

    /// Returns the DER of a good leaf.
    #[cfg(test)]
    pub(crate) fn leaf(&self, name: &str) -> Result<Vec<u8>, PkiError> {
        self.der(&format!("leaf/{name}.pem"))
    }

    fn add(&mut self, path: impl Into<String>, pem: impl Into<String>) {
        self.files.push(PkiFile { path: path.into(), pem: pem.into(), private: false });
    }

    fn add_key(&mut self, path: impl Into<String>, pem: impl Into<String>) {
        self.files.push(PkiFile { path: path.into(), pem: pem.into(), private: true });
    }

    fn skip(&mut self, name: &str) {
        self.notes.push(format!("left out `{name}`: it needs the openssl command"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::Certificate;

    #[test]
    fn serials_differ_and_fit_twenty_octets() {
        let pki = Pki::shared().unwrap();
        let mut serials: Vec<_> = pki
            .files
            .iter()
            .filter(|file| !file.private && file.pem.contains("BEGIN CERTIFICATE"))
            .filter(|file| !file.path.ends_with(".chain.pem") && file.path != "leaf/rsa2048.pem")
            .map(|file| Certificate::parse(&pki.der(&file.path).unwrap()).unwrap().serial)
            .collect();
        assert!(serials.iter().all(|serial| (1..=20).contains(&serial.len())));
        let count = serials.len();
        serials.sort();
        serials.dedup();
        assert_eq!(serials.len(), count);
    }

    #[test]
    fn keys_are_private_and_written_in_their_older_forms_too() {
        let directory = tempfile::tempdir().unwrap();
        let pki = Pki::shared().unwrap();
        let tls = pki.tls(vec!["localhost".to_owned()]).unwrap();
        pki.write(directory.path(), &tls).unwrap();
        let text = |path: &str| os::read_text(&directory.path().join(path)).unwrap();
        assert!(text("leaf/p256.key.pem").starts_with("-----BEGIN PRIVATE KEY-----"));
        assert!(text("leaf/p256.sec1.pem").starts_with("-----BEGIN EC PRIVATE KEY-----"));
        assert!(text("leaf/rsa2048.pkcs1.pem").starts_with("-----BEGIN RSA PRIVATE KEY-----"));
        assert_eq!(text("leaf/p256.chain.pem").matches("BEGIN CERTIFICATE").count(), 2);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let key = directory.path().join("leaf/p256.key.pem");
            assert_eq!(std::fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
