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
    /// `?`: any character.
    One,
    /// `*`: any characters, or none.
    Any,
    /// `?` in an ARN: any character but a colon.
    OneInSegment,
    /// `*` in an ARN, with more behind it in its segment: any characters but colons.
    AnyInSegment,
}

impl Glyph {
    /// Returns the glyph of a character in a pattern that has wildcards.
    pub(super) const fn with_wildcards(c: char) -> Self {
        match c {
            '*' => Self::Any,
            '?' => Self::One,
            c => Self::Literal(c),
        }
    }

    const fn is_run(self) -> bool {
        matches!(self, Self::Any | Self::AnyInSegment)
    }

    fn takes(self, c: char) -> bool {
        match self {
            Self::Literal(literal) => literal == c,
            Self::One | Self::Any => true,
            Self::OneInSegment | Self::AnyInSegment => c != ':',
        }
    }
}

/// The special syntax that a text may have.
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
            let glyph = if syntax.wildcards { Glyph::with_wildcards(c) } else { Glyph::Literal(c) };
            pieces.push(Piece::Glyph(glyph));
            rest = &rest[c.len_utf8()..];
        }
        Ok(Self { pieces })
    }

    /// Keeps wildcards within the segments of an ARN, as IAM does for resources: only a `*` that
    /// ends its segment also matches what is behind the next colon.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html>
    pub(super) fn in_segments(mut self) -> Self {
        for index in 0..self.pieces.len() {
            let ends_segment = matches!(
                self.pieces.get(index + 1),
                None | Some(Piece::Glyph(Glyph::Literal(':')))
            );
            match &mut self.pieces[index] {
                Piece::Glyph(glyph @ Glyph::One) => *glyph = Glyph::OneInSegment,
                Piece::Glyph(glyph @ Glyph::Any) if !ends_segment => *glyph = Glyph::AnyInSegment,
                _ => {}
            }
        }
        self
    }

    /// Returns how many colons stand before the first variable.
    pub(super) fn colons_before_variables(&self) -> Option<usize> {
        let first = self.pieces.iter().position(|piece| matches!(piece, Piece::Variable { .. }))?;
        let colon = Piece::Glyph(Glyph::Literal(':'));
        Some(self.pieces[..first].iter().filter(|piece| **piece == colon).count())
    }

    /// Returns the condition keys whose values are put in.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable { key, .. } => Some(key.as_str()),
            Piece::Glyph(_) => None,
        })
    }

    /// Puts the values of variables in; `None` if one has no value, or more than one.
    ///
    /// A value is literal: a tag `*` does not become a wildcard.
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
    match inner {
        "*" => return Ok(Piece::Glyph(Glyph::Literal('*'))),
        "?" => return Ok(Piece::Glyph(Glyph::Literal('?'))),
        "$" => return Ok(Piece::Glyph(Glyph::Literal('$'))),
        _ => {}
    }
    let (key, default) = match inner.split_once(',') {
        Some((key, default)) => {
            let default = default
                .trim_start()
                .strip_prefix('\'')
                .and_then(|default| default.strip_suffix('\''))
                .ok_or("a default in single quotes, such as `${aws:username, 'nobody'}`")?;
            (key, Some(default.to_owned()))
        }
        None => (inner, None),
    };
    let is_key = key.split_once(':').is_some_and(|(service, name)| {
        !service.is_empty() && !name.is_empty() && !key.contains(['$', '{', '\''])
    });
    // The keys of tags may hold spaces, but not at their ends.
    if !is_key || key.trim() != key {
        return Err("a variable such as `${aws:username}`");
    }
    Ok(Piece::Variable { key: key.to_owned(), default })
}

/// Returns whether the whole text matches.
pub(super) fn matches(pattern: &[Glyph], text: &str) -> bool {
    // All positions in the pattern that the text so far can lead to: no input makes it slow.
    let mut reached = vec![false; pattern.len() + 1];
    reached[0] = true;
    skip_runs(pattern, &mut reached);
    for c in text.chars() {
        let mut next = vec![false; pattern.len() + 1];
        for (index, glyph) in pattern.iter().enumerate() {
            if reached[index] && glyph.takes(c) {
                next[if glyph.is_run() { index } else { index + 1 }] = true;
            }
        }
        skip_runs(pattern, &mut next);
        reached = next;
    }
    reached[pattern.len()]
}

/// A `*` also matches nothing.
fn skip_runs(pattern: &[Glyph], reached: &mut [bool]) {
    for (index, glyph) in pattern.iter().enumerate() {
        if glyph.is_run() && reached[index] {
            reached[index + 1] = true;
        }
    }
}
