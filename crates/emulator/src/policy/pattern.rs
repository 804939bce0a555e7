//! Texts in policies: wildcards and policy variables.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>

use super::context::Context;

/// A text of a policy, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Glyph(Glyph),
    /// `${key}` or `${key, 'default'}`.
    Variable {
        key: String,
        default: Option<String>,
    },
}

/// One element of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Glyph {
    Literal(char),
    /// `?`
    One,
    /// `*`
    Any,
}

/// What is special in a text, beside itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Syntax {
    /// `*` and `?`.
    pub(super) wildcards: bool,
    /// `${…}`, from version 2012-10-17 on.
    pub(super) variables: bool,
}

impl Template {
    /// Reads a text. The error says what was expected.
    pub(super) fn parse(text: &str, syntax: Syntax) -> Result<Self, &'static str> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if syntax.variables
                && let Some(behind) = rest.strip_prefix("${")
            {
                let (inner, behind) =
                    behind.split_once('}').ok_or("a `}` at the end of the variable")?;
                pieces.push(variable(inner)?);
                rest = behind;
                continue;
            }
            pieces.push(Piece::Glyph(match c {
                '*' if syntax.wildcards => Glyph::Any,
                '?' if syntax.wildcards => Glyph::One,
                c => Glyph::Literal(c),
            }));
            rest = &rest[c.len_utf8()..];
        }
        Ok(Self { pieces })
    }

    /// Puts the values of variables in; `None` if one has no value, or more than one.
    ///
    /// What a value holds is literal: a tag `*` does not become a wildcard.
    pub(super) fn resolve(&self, context: &Context) -> Option<Vec<Glyph>> {
        let mut glyphs = Vec::with_capacity(self.pieces.len());
        for piece in &self.pieces {
            match piece {
                Piece::Glyph(glyph) => glyphs.push(*glyph),
                Piece::Variable { key, default } => {
                    let value = match context.values(key) {
                        [value] => value,
                        [] => default.as_ref()?,
                        _ => return None,
                    };
                    glyphs.extend(value.chars().map(Glyph::Literal));
                }
            }
        }
        Some(glyphs)
    }
}

/// Reads what is between `${` and `}`.
fn variable(inner: &str) -> Result<Piece, &'static str> {
    if let "*" | "?" | "$" = inner {
        return Ok(Piece::Glyph(Glyph::Literal(inner.chars().next().unwrap_or_default())));
    }
    let (key, default) = match inner.split_once(',') {
        Some((key, default)) => {
            let default = default
                .trim_start()
                .strip_prefix('\'')
                .and_then(|default| default.strip_suffix('\''))
                .ok_or("a variable such as `${key, 'default'}`")?;
            (key, Some(default.to_owned()))
        }
        None => (inner, None),
    };
    if key.is_empty() || key.contains(char::is_whitespace) {
        return Err("a variable such as `${aws:username}`");
    }
    Ok(Piece::Variable { key: key.to_owned(), default })
}

/// Returns whether the whole text matches.
pub(super) fn matches(pattern: &[Glyph], text: &str) -> bool {
    // All positions in the pattern that the text so far can lead to: no input makes it slow.
    let mut reached = vec![false; pattern.len() + 1];
    reached[0] = true;
    skip_stars(pattern, &mut reached);
    for c in text.chars() {
        let mut next = vec![false; pattern.len() + 1];
        for (index, glyph) in pattern.iter().enumerate().filter(|(index, _)| reached[*index]) {
            match glyph {
                Glyph::Any => next[index] = true,
                Glyph::One => next[index + 1] = true,
                Glyph::Literal(literal) => next[index + 1] |= *literal == c,
            }
        }
        skip_stars(pattern, &mut next);
        reached = next;
    }
    reached[pattern.len()]
}

/// A `*` also matches nothing.
fn skip_stars(pattern: &[Glyph], reached: &mut [bool]) {
    for (index, glyph) in pattern.iter().enumerate() {
        if *glyph == Glyph::Any && reached[index] {
            reached[index + 1] = true;
        }
    }
}
