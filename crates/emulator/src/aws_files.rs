//! The files of `--config` and `--trust-anchor`, read into resources.

use std::io;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use crate::account::Resources;
use crate::config::{self, Loaded, Source, TrustAnchors};
use crate::error::Error;
use crate::os;
use crate::pki::Pki;

/// The files that describe the AWS side.
#[derive(Debug, Clone, Default)]
pub struct AwsFiles {
    /// The configuration; without one, AWS holds what is built in.
    pub config: Option<PathBuf>,
    /// PEM files of CAs; each is a trust anchor in the default account and Region.
    pub trust_anchors: Vec<PathBuf>,
}

impl AwsFiles {
    /// Reads the files.
    pub(crate) fn load(&self, pki: &Pki, now: OffsetDateTime) -> Result<Loaded<Resources>, Error> {
        let mut loaded = match &self.config {
            None => Loaded { value: config::built_in(pki, now)?, warnings: Vec::new() },
            Some(path) => {
                let text = os::read_text(path).map_err(|source| unreadable(path, source))?;
                let read_file = |path: &Path| os::read(path);
                let source = Source { path, text: &text, read_file: &read_file, pki, now };
                let trust_anchors = match self.trust_anchors[..] {
                    [] => TrustAnchors::Required,
                    _ => TrustAnchors::Added,
                };
                config::load(&source, trust_anchors)?
            }
        };
        for (index, path) in self.trust_anchors.iter().enumerate() {
            let pem = os::read(path).map_err(|source| unreadable(path, source))?;
            let anchor = config::trust_anchor(path, &pem, &loaded.value.home, now)?;
            loaded.warnings.extend(anchor.warnings);
            let resources = &mut loaded.value;
            if index == 0 {
                resources.exports.trust_anchor = Some(anchor.value.arn.clone());
            }
            // The same CA twice, or one that the configuration has too.
            if resources.trust_anchors.iter().all(|known| known.arn != anchor.value.arn) {
                resources.trust_anchors.push(anchor.value);
            }
        }
        Ok(loaded)
    }
}

fn unreadable(path: &Path, source: io::Error) -> Error {
    Error::File { action: "read", path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn trust_anchors_are_added_once_and_the_first_is_exported() {
        let pki = Pki::shared().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, der: &str| {
            let block = pem::Pem::new("CERTIFICATE", pki.der(der).unwrap());
            let path = folder.path().join(name);
            os::write(&path, pem::encode(&block).as_bytes(), false).unwrap();
            path
        };
        let root = file("root.pem", "anchor/root.pem");
        let issuer = file("issuer.pem", "anchor/intermediate.pem");
        let files = AwsFiles { config: None, trust_anchors: vec![root.clone(), issuer, root] };
        let load = |files: &AwsFiles, now| files.load(&pki, now).unwrap();
        let (early, late) = (OffsetDateTime::UNIX_EPOCH, datetime!(2200-01-01 00:00 UTC));
        let resources = load(&files, early).value;
        let known = load(&AwsFiles::default(), early).value.trust_anchors.len();
        assert_eq!(resources.trust_anchors.len(), known + 2);
        let first = resources.trust_anchors[known].arn.clone();
        assert_eq!(resources.exports.trust_anchor, Some(first));
        for (now, expected) in
            [(early, "is not yet valid (valid from "), (late, "has expired (on ")]
        {
            let warnings = load(&files, now).warnings;
            assert!(warnings.len() == 3 && warnings[0].to_string().contains(expected));
        }
    }
}
