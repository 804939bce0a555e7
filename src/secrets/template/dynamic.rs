//! Texts with `{{resolve:…}}`. Their other bytes are kept as they are, in any encoding that contains
//! ASCII.

use super::{Parsed, RenderProblem, TemplateProblem};
use crate::secrets::reference::{FoundReference, dynamic_references};
use crate::secrets::value::{Resolved, ResolvedValue};
use roles_anywhere_client::secret::SecretBytes;

/// A part of a text.
pub(super) enum Piece {
    /// Bytes as they are.
    Bytes(SecretBytes),
    /// The value of the next reference, and its line.
    Reference(usize),
}

/// Returns the parts of a text and its references, or what is wrong with these, with its lines.
pub(super) fn parse(text: &SecretBytes) -> Parsed<Vec<Piece>> {
    let (mut pieces, mut references, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    let bytes = |bytes: &[u8]| Piece::Bytes(SecretBytes::new(bytes.to_vec()));
    let mut line = 1;
    for chunk in text.expose().utf8_chunks() {
        let valid = chunk.valid();
        let mut end = 0;
        for FoundReference { range, reference } in dynamic_references(valid) {
            let before = &valid[end..range.start];
            line += before.matches('\n').count();
            pieces.push(bytes(before.as_bytes()));
            match reference {
                Ok(reference) => {
                    pieces.push(Piece::Reference(line));
                    references.push(reference);
                }
                Err(error) => problems.push((line, TemplateProblem::Reference(error))),
            }
            end = range.end;
        }
        let rest = &valid[end..];
        line += rest.matches('\n').count();
        pieces.push(bytes(rest.as_bytes()));
        pieces.push(bytes(chunk.invalid()));
    }
    if problems.is_empty() { Ok((pieces, references)) } else { Err(problems) }
}

/// Returns the text with the values in the place of the references.
pub(super) fn render(
    pieces: &[Piece],
    values: &[Resolved],
) -> Result<SecretBytes, (usize, RenderProblem)> {
    let mut values = values.iter();
    let mut parts: Vec<&[u8]> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match piece {
            Piece::Bytes(bytes) => parts.push(bytes.expose()),
            Piece::Reference(line) => match values.next().map(|resolved| &resolved.value) {
                Some(ResolvedValue::Text(text)) => parts.push(text.expose().as_bytes()),
                Some(ResolvedValue::Binary(_)) => return Err((*line, RenderProblem::Binary)),
                Some(ResolvedValue::Members(_) | ResolvedValue::Absent) | None => {
                    return Err((*line, RenderProblem::Undefined));
                }
            },
        }
    }
    // In one step: a text that grows would leave parts behind.
    Ok(SecretBytes::new(parts.concat()))
}
