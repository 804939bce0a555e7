//! Pages of a list, and the opaque token that continues after one.
//!
//! A page holds what matches among the next so many entries. So a page may be empty although another
//! one follows, as at AWS.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The part of a list that a call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    start: usize,
    size: usize,
}

/// The text is not a token of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TokenError;

impl Page {
    /// Returns the page of `size` entries that a token leads to; the first one without a token.
    pub(crate) fn new(token: Option<&str>, size: usize) -> Result<Self, TokenError> {
        let start = match token {
            None => 0,
            Some(token) => position(token).ok_or(TokenError)?,
        };
        Ok(Self { start, size })
    }

    /// Returns the entries of the page, and the token of the next one if there is one.
    pub(crate) fn of<'a, T>(&self, entries: &'a [T]) -> (&'a [T], Option<String>) {
        let rest = entries.get(self.start..).unwrap_or_default();
        match rest.split_at_checked(self.size) {
            Some((page, [_, ..])) => (page, Some(token(self.start + self.size))),
            _ => (rest, None),
        }
    }
}

const PREFIX: &str = "after:";

fn token(position: usize) -> String {
    STANDARD.encode(format!("{PREFIX}{position}"))
}

fn position(token: &str) -> Option<usize> {
    let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    text.strip_prefix(PREFIX)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_until_the_list_ends() {
        let entries = [1, 2, 3, 4, 5];
        let (first, next) = Page::new(None, 2).unwrap().of(&entries);
        assert_eq!(first, [1, 2]);
        let (second, next) = Page::new(next.as_deref(), 2).unwrap().of(&entries);
        assert_eq!(second, [3, 4]);
        let (last, next) = Page::new(next.as_deref(), 2).unwrap().of(&entries);
        assert_eq!((last, next), (&[5][..], None));
        assert_eq!(Page::new(None, 5).unwrap().of(&entries), (&entries[..], None));
        // What the token led to is gone.
        assert_eq!(Page::new(Some(&token(9)), 5).unwrap().of(&entries), (&[][..], None));
    }

    #[test]
    fn refuses_a_token_of_someone_else() {
        for wrong in ["", "2", "!", "YWZ0ZXI6eA=="] {
            assert_eq!(Page::new(Some(wrong), 1), Err(TokenError), "{wrong}");
        }
    }
}
