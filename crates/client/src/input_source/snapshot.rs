//! The contents of several files, read once.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};

use crate::input_source::{FileError, Files, InputSource, Location};
use crate::secret::SecretBytes;

/// The contents of some sources, each read once; other sources are read when they are needed.
///
/// So the digest and the identity come from the same bytes, even if a file is written meanwhile.
#[expect(missing_debug_implementations, reason = "holds a port")]
pub struct Snapshot {
    files: Arc<dyn Files>,
    /// The sources in the given order; one may appear twice.
    places: Vec<Location>,
    contents: BTreeMap<Location, SecretBytes>,
}

impl Snapshot {
    /// Reads each of `sources`.
    pub fn take<'a>(
        files: &Arc<dyn Files>,
        sources: impl IntoIterator<Item = &'a InputSource>,
    ) -> Result<Self, FileError> {
        let (mut locations, mut contents) = (Vec::new(), BTreeMap::new());
        for source in sources {
            if !contents.contains_key(&source.location) {
                contents.insert(source.location.clone(), files.read(source)?);
            }
            locations.push(source.location.clone());
        }
        Ok(Self { files: Arc::clone(files), places: locations, contents })
    }

    /// Returns the digest of the contents, in the order of their sources. The names of the sources are
    /// not part of it.
    pub fn digest(&self) -> InputDigest {
        let mut hash = Context::new(&SHA256);
        for bytes in self.places.iter().filter_map(|place| self.contents.get(place)) {
            // The length comes first, so that bytes cannot move from one file to the next unnoticed.
            hash.update(&(bytes.expose().len() as u64).to_be_bytes());
            hash.update(bytes.expose());
        }
        InputDigest(hash.finish().as_ref().try_into().expect("a SHA-256 is 32 bytes"))
    }
}

/// A SHA-256 of contents that were read and not parsed: two are equal if, and only if, all contents are.
///
/// It costs no parsing, no password and no key derivation. So it is what a cached session is found by,
/// and what tells a daemon whether its files have changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InputDigest([u8; 32]);

impl InputDigest {
    /// Returns its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for InputDigest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl Files for Snapshot {
    fn read(&self, source: &InputSource) -> Result<SecretBytes, FileError> {
        self.contents
            .get(&source.location)
            .map_or_else(|| self.files.read(source), |kept| Ok(kept.clone()))
    }

    fn readable_by_others(&self, source: &InputSource) -> Option<u32> {
        self.files.readable_by_others(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::files::FakeFiles;

    /// Sources that hold their own names, without the `'` that tells two of them apart.
    fn files() -> FakeFiles {
        ["a", "b", "c", "ab", "a'", "b'"].into_iter().fold(FakeFiles::empty(), |files, name| {
            let source = format!("env:{name}");
            files.with(&source, name.trim_end_matches('\'')).with_mode(&source, 0o644)
        })
    }

    fn place(name: &str) -> InputSource {
        Location::Variable(name.to_owned()).into()
    }

    fn digest(names: &[&str]) -> InputDigest {
        let places: Vec<InputSource> = names.iter().map(|name| place(name)).collect();
        Snapshot::take(&(Arc::new(files()) as _), &places).unwrap().digest()
    }

    #[test]
    fn each_source_is_read_once() {
        let files = files();
        let port = Arc::new(files.clone()) as _;
        let snapshot = Snapshot::take(&port, &[place("a"), place("b"), place("a")]).unwrap();
        for name in ["a", "b", "c", "c"] {
            assert_eq!(snapshot.read(&place(name)).unwrap().expose(), name.as_bytes());
        }
        assert_eq!(files.reads(), [place("a"), place("b"), place("c"), place("c")]);
        assert_eq!(snapshot.readable_by_others(&place("a")), Some(0o644));
    }

    #[test]
    fn digest_depends_on_contents_only() {
        assert_eq!(digest(&["a", "b"]), digest(&["a'", "b'"]));
        let different = [&["a", "b"][..], &["b", "a"], &["ab"], &["a", "b", "b"], &["a", "a", "b"]];
        for (at, names) in different.iter().enumerate() {
            for other in &different[at + 1..] {
                assert_ne!(digest(names), digest(other), "{names:?} {other:?}");
            }
        }
    }
}
