//! Lines and columns of a text.

/// Where the lines of a text begin.
pub(super) struct LineIndex<'a> {
    text: &'a str,
    starts: Vec<usize>,
    /// Whether each character is one byte.
    is_ascii: bool,
}

impl<'a> LineIndex<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let feeds = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(feeds.map(|(at, _)| at + 1)).collect();
        Self { text, starts, is_ascii: text.is_ascii() }
    }

    /// Returns line and column of an offset, both from 1; columns are in characters.
    pub(super) fn position(&self, offset: usize) -> (u32, u32) {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line - 1];
        let before = self.text.get(start..offset).unwrap_or_default();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let characters = if self.is_ascii { before.len() } else { before.chars().count() };
        (number(line), number(characters + 1))
    }

    /// Returns the line that an offset is in, without its line feed.
    pub(super) fn line(&self, offset: usize) -> &'a str {
        let line = self.starts.partition_point(|start| *start <= offset);
        let end = self.starts.get(line).map_or(self.text.len(), |next| next - 1);
        let line = self.text.get(self.starts[line - 1]..end).unwrap_or_default();
        line.trim_end_matches('\r')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_lines_and_characters() {
        let index = LineIndex::new("ab\r\nüü = 1\n\nlast");
        let rows =
            [(0, (1, 1), "ab"), (2, (1, 3), "ab"), (4, (2, 1), "üü = 1"), (8, (2, 3), "üü = 1")];
        for (offset, position, line) in rows {
            assert_eq!((index.position(offset), index.line(offset)), (position, line), "{offset}");
        }
        assert_eq!((index.position(13), index.line(13)), ((3, 1), ""));
        assert_eq!((index.position(99), index.line(99)), ((4, 1), "last"));
    }
}
