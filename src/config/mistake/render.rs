//! Mistakes with the line that they are in, and a marker.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::{Excerpt, Mistake, Mistakes};
use crate::options::table::FileName;
use roles_anywhere_client::text::escape;

impl Mistakes {
    /// Returns each as a block of several lines: the message, the place, the key with a marker.
    pub fn blocks(&self) -> impl Iterator<Item = String> {
        let file = escape::line(&FileName(&self.file).to_string()).into_owned();
        self.all.iter().map(move |mistake| mistake.block(&file))
    }
}

impl Mistake {
    fn block(&self, file: &str) -> String {
        let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let (source, marker) = self.excerpt.text(number(self.column) - 1);
        let annotation =
            AnnotationKind::Primary.span(marker).label(self.label().map(|label| safe(&label)));
        let snippet = Snippet::source(source).path(file).line_start(number(self.line));
        let title = Level::ERROR.no_name().primary_title(safe(&self.to_string()));
        Renderer::plain().render(&[title.element(snippet.annotation(annotation))])
    }
}

fn safe(text: &str) -> String {
    escape::line(text).into_owned()
}

impl Excerpt {
    /// Returns it as a line whose marked part begins after `indent` characters, and that part.
    fn text(&self, indent: usize) -> (String, Range<usize>) {
        let (before, marked, after) = match self {
            Self::Key(key) => (String::new(), key.as_deref().unwrap_or("…"), " = …"),
            Self::Value { key, column } => {
                let column = usize::try_from(*column).unwrap_or(usize::MAX);
                let key_indent = column.saturating_sub(1).min(indent);
                (format!("{:key_indent$}{key} =", ""), "…", "")
            }
            // An unusual heading, such as `[ role . a ]`, has no room for this one.
            Self::Heading { before, name } if before.len() <= indent => {
                let before = format!("{before:>indent$}");
                (before, name.as_deref().unwrap_or("…"), "]")
            }
            Self::Heading { name, .. } => (String::new(), name.as_deref().unwrap_or("…"), "]"),
            Self::Hidden => (String::new(), "…", ""),
        };
        let before = format!("{before:indent$}");
        let marker = before.len()..before.len() + marked.len();
        (format!("{before}{marked}{after}"), marker)
    }
}
