//! What rcgen cannot make: a leaf signed with SHA-1, one of version 1, an RSA key of 8192 bits.
//! Made by the `openssl` command where it is there.

use std::io;
use std::path::Path;
use std::process::Command;

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, SerialNumber};

use super::PkiError;
use super::authority::serial;
use crate::authorization::encode_hex;
use crate::os;

/// What is to be unlike every other leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Sha1,
    Version1,
}

/// A certificate and its key, in PEM.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) certificate: String,
    pub(super) key: String,
}

const EXTENSIONS: &str = "basicConstraints=CA:FALSE\n\
                          keyUsage=critical,digitalSignature\n\
                          extendedKeyUsage=clientAuth\n";

/// Issues a leaf, or returns `None` where there is no `openssl`.
///
/// It is valid from today on, unlike the others: `openssl x509` cannot be told otherwise.
pub(super) fn issue(
    name: &str,
    form: Form,
    issuer: &str,
    issuer_key: &KeyPair,
) -> Result<Option<Issued>, PkiError> {
    let directory = os::temporary_directory()
        .map_err(|source| PkiError::Write { path: "a temporary directory".into(), source })?;
    let file = |name: &str, contents: &str| {
        let path = directory.path().join(name);
        os::write(&path, contents.as_bytes(), true)
            .map_err(|source| PkiError::Write { path, source })
    };
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    file("key.pem", &key.serialize_pem())?;
    file("ca.pem", issuer)?;
    file("ca.key.pem", &issuer_key.serialize_pem())?;
    file("extensions", EXTENSIONS)?;
    let subject = format!("/C=US/O=Example/CN={name}");
    let request = ["req", "-new", "-key", "key.pem", "-subj", &subject, "-out", "request.pem"];
    if openssl(directory.path(), &request)?.is_none() {
        return Ok(None);
    }
    let serial = hex(&serial());
    let mut arguments = vec![
        "x509",
        "-req",
        "-in",
        "request.pem",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key.pem",
        "-set_serial",
        &serial,
        "-days",
        "6900",
    ];
    arguments.extend(match form {
        Form::Sha1 => &["-sha1", "-extfile", "extensions"][..],
        Form::Version1 => &["-sha256"],
    });
    let certificate = openssl(directory.path(), &arguments)?;
    Ok(certificate.map(|certificate| Issued { certificate, key: key.serialize_pem() }))
}

/// Makes an RSA key of 8192 bits in PKCS#8, or returns `None` where there is no `openssl`.
pub(super) fn rsa8192() -> Result<Option<String>, PkiError> {
    let arguments = ["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:8192"];
    openssl(Path::new("."), &arguments)
}

/// Runs the command and returns what it writes to stdout, or `None` where it is not there.
fn openssl(directory: &Path, arguments: &[&str]) -> Result<Option<String>, PkiError> {
    let failed = |stderr: String| PkiError::OpenSsl {
        command: arguments.first().map(|first| (*first).to_owned()).unwrap_or_default(),
        stderr,
    };
    match Command::new("openssl").args(arguments).current_dir(directory).output() {
        Ok(output) if output.status.success() => {
            Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned()))
        }
        Ok(output) => Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error.to_string())),
    }
}

fn hex(serial: &SerialNumber) -> String {
    format!("0x{}", encode_hex(&serial.to_bytes()))
}
