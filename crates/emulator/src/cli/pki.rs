//! `pki`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// The options of `pki`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct WritePki {
    /// The directory, which must be empty or not exist
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
    /// Write into a directory with files; replace those of the same names
    #[arg(long)]
    pub force: bool,
    /// Leave out the RSA-8192 key, which takes long to generate
    #[arg(long)]
    pub no_rsa8192: bool,
}

pub(super) const LONG_ABOUT: &str = "\
Write the test certificates and keys to a directory

Writes trust anchors, certificates for each type of key, certificates with one defect each, and \
the TLS certificate of the emulator.";

const AFTER_HELP: &str = "\
Example:
  roles-anywhere-emulator pki ./certs
  openssl x509 -in ./certs/leaf/p256.pem -noout -text";
