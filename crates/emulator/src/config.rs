//! The file for `--config`: TOML in, [`Resources`] out, or all of its mistakes with
//! its file, line and column.
//!
//! `file` says which keys there are, `reader` reads them, `builder` looks up names and makes what
//! the services work with. What is built in is described by a file too.

mod builder;
mod file;
mod inline_policy;
mod problem;
mod reader;
mod resource_arn;

use std::io;
use std::path::Path;

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use serde_json::Value;
use time::OffsetDateTime;
use toml::de::DeTable;

use crate::account::{Resources, TrustAnchor};
use crate::arn::{Arn, Location};
use crate::pki::Pki;
use builder::{Builder, certificates};
use file::ConfigFile;
pub use problem::ConfigErrors;
use problem::{Problem, Problems};
use reader::TableReader;
use resource_arn::{Kind, stable_uuid};

/// Reads a file that the configuration names.
pub(crate) type ReadFile<'a> = &'a dyn Fn(&Path) -> io::Result<Vec<u8>>;

/// A configuration, and what it is read with.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    /// What messages call it; names of other files are relative to its directory.
    pub(crate) path: &'a Path,
    pub(crate) text: &'a str,
    pub(crate) read_file: ReadFile<'a>,
    /// The emulator's own certificates.
    pub(crate) pki: &'a Pki,
    pub(crate) now: OffsetDateTime,
}

/// What a configuration describes, and what in it has no effect.
#[derive(Debug)]
pub(crate) struct Loaded<T> {
    pub(crate) value: T,
    pub(crate) warnings: Vec<Problem>,
}

/// Whether a configuration must be enough to create a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TrustAnchors {
    /// It must have a trust anchor.
    Required,
    /// A trust anchor is added to it.
    Added,
}

/// Reads a configuration.
pub(crate) fn load(
    source: &Source<'_>,
    trust_anchors: TrustAnchors,
) -> Result<Loaded<Resources>, ConfigErrors> {
    let problems = Problems::new(source.path, source.text);
    let (document, errors) = DeTable::parse_recoverable(source.text);
    for error in &errors {
        // Never its `Display`, which shows the line, and that may hold a secret.
        problems.add(&error.span().unwrap_or_default(), error.message());
    }
    if !errors.is_empty() {
        // What else is wrong may follow from it.
        return Err(problems.into_errors());
    }
    let mut reader = TableReader::new(document.get_ref(), &problems);
    let file = ConfigFile::read(&mut reader);
    reader.finish();
    let value = Builder::new(source, &problems).resources(&file, trust_anchors);
    let warnings = problems.finish()?;
    Ok(Loaded { value, warnings })
}

/// Returns what is built in, with the certificates of a PKI.
pub(crate) fn built_in(pki: &Pki, now: OffsetDateTime) -> Result<Resources, ConfigErrors> {
    let path = Path::new("built_in.toml");
    let read_file = |path: &Path| match path.to_str() {
        Some("roles-anywhere.json") => {
            Ok(include_bytes!("config/built_in/roles-anywhere.json").to_vec())
        }
        Some("access-keys.json") => Ok(include_bytes!("config/built_in/access-keys.json").to_vec()),
        Some("own-access-keys.json") => {
            Ok(include_bytes!("config/built_in/own-access-keys.json").to_vec())
        }
        Some("secrets.json") => Ok(include_bytes!("config/built_in/secrets.json").to_vec()),
        Some("keystore") => Ok((0..=u8::MAX).collect()),
        _ => Err(io::ErrorKind::NotFound.into()),
    };
    let text = include_str!("config/built_in.toml");
    let source = Source { path, text, read_file: &read_file, pki, now };
    load(&source, TrustAnchors::Required).map(|loaded| loaded.value)
}

/// Returns a trust anchor of the CA certificates in a PEM file.
///
/// Its ARN is made from the first certificate, so that it is the same in every run.
pub(crate) fn trust_anchor(
    path: &Path,
    pem: &[u8],
    home: &Location,
    now: OffsetDateTime,
) -> Result<Loaded<TrustAnchor>, ConfigErrors> {
    let problems = Problems::new(path, "");
    let read = match certificates::anchor(pem, now) {
        Ok(read) => read,
        Err(message) => {
            problems.add_in(path, None, message);
            return Err(problems.into_errors());
        }
    };
    read.warnings.into_iter().for_each(|warning| problems.warn(None, None, warning));
    let warnings = problems.finish()?;
    let certificates = read.certificates;
    let first = certificates.first().map_or(&[][..], Vec::as_slice);
    let resource = format!("trust-anchor/{}", stable_uuid(Kind::TrustAnchor, first));
    let value = TrustAnchor {
        arn: Arn::new("rolesanywhere", home, &resource),
        description: Some(format!("From {}", path.display())),
        enabled: true,
        certificates,
        crls: Vec::new(),
        is_built_in: false,
    };
    Ok(Loaded { value, warnings })
}

/// Returns the JSON Schema of the file.
pub fn schema() -> String {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<ConfigFile>();
    // A key is there or not: TOML has no null.
    RecursiveTransform(without_null).transform(&mut schema);
    RecursiveTransform(in_one_line).transform(&mut schema);
    format!("{:#}\n", schema.to_value())
}

/// The lines of a doc comment are one text.
fn in_one_line(schema: &mut schemars::Schema) {
    if let Some(Value::String(description)) = schema.get_mut("description") {
        *description = description.replace('\n', " ");
    }
}

fn without_null(schema: &mut schemars::Schema) {
    let null = Value::from("null");
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|kind| *kind != null);
        if let [kind] = &types[..] {
            let kind = kind.clone();
            schema.insert("type".to_owned(), kind);
        }
    }
    if let Some(Value::Array(alternatives)) = schema.get_mut("anyOf") {
        alternatives.retain(|alternative| alternative.get("type") != Some(&null));
        if let [only] = &alternatives[..] {
            let only = only.clone();
            schema.remove("anyOf");
            if let Value::Object(members) = only {
                members.into_iter().for_each(|(name, value)| {
                    schema.insert(name, value);
                });
            }
        }
    }
}

#[cfg(test)]
mod tests;
