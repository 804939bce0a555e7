//! The values of references, as they are printed.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::command::resolve::{ReferenceFormat, Resolve};
use crate::output::Stdout;
use crate::output::json::pretty;
use crate::output::references::PrintedLineError;
use crate::secrets::reference::Reference;
use crate::secrets::value::{Resolved, ResolvedValue};
use roles_anywhere_client::secret::{Secret, SecretBytes};

/// Returns what is printed: the only value as it is, several each in a line of its own.
pub(super) fn render(
    resolve: &Resolve,
    resolved: &[Resolved],
) -> Result<SecretBytes, PrintedLineError> {
    let references: Vec<&Reference> = resolve.references.iter().map(|it| &it.reference).collect();
    if resolve.format == ReferenceFormat::Json {
        return Ok(json(&references, resolved));
    }
    if let [only] = resolved {
        return Ok(alone(&only.value, resolve.stdout));
    }
    let mut lines = Vec::with_capacity(resolved.iter().map(size).sum());
    for (reference, resolved) in references.into_iter().zip(resolved) {
        line(&mut lines, &resolved.value, || reference.shown())?;
    }
    Ok(SecretBytes::new(lines))
}

/// Returns at least the size of a value in JSON: a buffer that grows would not be wiped.
fn size(resolved: &Resolved) -> usize {
    const AROUND: usize = 4_096;
    let text = |text: &Secret| 6 * text.expose().len();
    AROUND
        + match &resolved.value {
            ResolvedValue::Text(value) => text(value),
            ResolvedValue::Binary(bytes) => 2 * bytes.expose().len(),
            ResolvedValue::Members(members) => {
                members.iter().map(|(name, value)| 64 + 6 * name.len() + text(value)).sum()
            }
            ResolvedValue::Absent => 0,
        }
}

fn alone(value: &ResolvedValue, stdout: Stdout) -> SecretBytes {
    let text = match value {
        ResolvedValue::Binary(bytes) => return bytes.clone(),
        ResolvedValue::Absent => return SecretBytes::default(),
        ResolvedValue::Members(members) => {
            return SecretBytes::new([object(members).expose(), b"\n"].concat());
        }
        ResolvedValue::Text(text) => text.expose(),
    };
    let end = if stdout == Stdout::Terminal && !text.ends_with('\n') { "\n" } else { "" };
    SecretBytes::new([text, end].concat().into_bytes())
}

fn line(
    lines: &mut Vec<u8>,
    value: &ResolvedValue,
    shown: impl Fn() -> String,
) -> Result<(), PrintedLineError> {
    match value {
        ResolvedValue::Text(text) if text.expose().contains(['\n', '\r']) => {
            return Err(PrintedLineError::SeveralLines { reference: shown() });
        }
        ResolvedValue::Binary(_) => return Err(PrintedLineError::Binary { reference: shown() }),
        ResolvedValue::Text(text) => lines.extend_from_slice(text.expose().as_bytes()),
        ResolvedValue::Members(members) => lines.extend_from_slice(object(members).expose()),
        ResolvedValue::Absent => {}
    }
    lines.push(b'\n');
    Ok(())
}

/// Returns members as one line of JSON.
fn object(members: &[(String, Secret)]) -> SecretBytes {
    let size = members.iter().map(|(name, text)| 64 + 6 * (name.len() + text.expose().len()));
    let mut json = Vec::with_capacity(64 + size.sum::<usize>());
    let object: BTreeMap<&str, &str> =
        members.iter().map(|(name, text)| (name.as_str(), text.expose())).collect();
    serde_json::to_writer(&mut json, &object).expect("strings serialize");
    SecretBytes::new(json)
}

fn json(references: &[&Reference], resolved: &[Resolved]) -> SecretBytes {
    let encoded: Vec<Option<Secret>> = resolved
        .iter()
        .map(|resolved| match &resolved.value {
            ResolvedValue::Binary(bytes) => Some(Secret::new(STANDARD.encode(bytes.expose()))),
            _ => None,
        })
        .collect();
    let entries = references.iter().zip(resolved).zip(&encoded);
    let entries = entries.map(|((reference, resolved), binary)| {
        let (mut value, mut members) = (None, None);
        match &resolved.value {
            ResolvedValue::Text(text) => value = Some(text.expose()),
            ResolvedValue::Members(of_object) => {
                let of_object = of_object.iter().map(|(name, text)| (name.as_str(), text.expose()));
                members = Some(of_object.collect());
            }
            ResolvedValue::Binary(_) | ResolvedValue::Absent => {}
        }
        PrintedReference {
            reference: reference.to_string(),
            value,
            binary: binary.as_ref().map(Secret::expose),
            members,
            version: resolved.version.as_deref(),
        }
    });
    let entries: Vec<PrintedReference<'_>> = entries.collect();
    pretty(&entries, resolved.iter().map(size).sum())
}

/// A reference in the list of `--output json`. One that is optional and does not exist has no value.
#[derive(Serialize)]
struct PrintedReference<'a> {
    reference: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    binary: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<BTreeMap<&'a str, &'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
}
