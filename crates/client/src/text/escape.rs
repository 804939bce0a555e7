//! Escapes characters in foreign text that are invisible, or that change how other characters appear.
//!
//! Certificates, file names and responses hold text that others chose. A change of direction
//! (U+202E) makes one name look like another, a line separator forges a line, and tags (U+E0000 …)
//! hide a whole text. Secret values and the output that the official helper defines are not text
//! for a reader and stay as they are.

use std::borrow::Cow;
use std::fmt::Write as _;

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Returns whether a reader cannot see `character`, or sees something else because of it: controls,
/// formats, line and paragraph separators, every blank but U+0020, what Unicode lets a display
/// ignore, and what it has not assigned or leaves to private agreement.
pub fn is_invisible(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    let category = CodePointMapData::<GeneralCategory>::new().get(character);
    GeneralCategoryGroup::Other.contains(category)
        || GeneralCategoryGroup::Separator.contains(category)
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character)
        || BLANK.contains(&character)
}

/// What shows as a blank, or not at all, and is a symbol, a letter or a mark to Unicode: braille
/// without a dot, the place of an object, blanks of hieroglyphs, a filler of Khitan, a note without
/// a head.
const BLANK: [char; 6] =
    ['\u{2800}', '\u{fffc}', '\u{13441}', '\u{13442}', '\u{16fe4}', '\u{1d159}'];

/// Returns a character in backticks, or its code point if it cannot be seen.
pub fn character(character: char) -> String {
    match character {
        ' ' => "a space".to_owned(),
        _ if is_invisible(character) => format!("U+{:04X}", u32::from(character)),
        _ => format!("`{character}`"),
    }
}

/// Returns `text` as one line: what is invisible, line breaks too, as `\n` or `\u{202e}`.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, is_invisible, for_reader)
}

/// Returns a text of several lines with what is invisible as `\t` or `\u{202e}`; line feeds stay.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c != '\n' && is_invisible(c), for_reader)
}

/// Returns JSON with what is invisible as `\u202e`, beyond U+FFFF as a surrogate pair, which JSON
/// reads as the same.
///
/// JSON itself is ASCII, so such characters are in its strings only; those below U+0020 were escaped
/// by the serializer, and a line feed stands between two members.
pub fn json(json: &str) -> Cow<'_, str> {
    escaped(
        json,
        |c| c != '\n' && is_invisible(c),
        |text, character| {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        },
    )
}

fn for_reader(text: &mut String, character: char) {
    text.extend(character.escape_default());
}

fn escaped(
    text: &str,
    is_escaped: impl Fn(char) -> bool,
    escape: impl Fn(&mut String, char),
) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match is_escaped(character) {
            true => escape(&mut escaped, character),
            false => escaped.push(character),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cc, Cf, Zl, Zp, Zs, Cn, Co, and letters and marks that do not show.
    const INVISIBLE: &str = "\u{0}\t\u{1b}\u{7f}\u{85}\u{9b}\u{a0}\u{ad}\u{34f}\u{61c}\u{115f}\
        \u{180e}\u{200b}\u{200d}\u{200f}\u{2028}\u{2029}\u{202e}\u{2066}\u{3000}\u{3164}\u{e000}\
        \u{fe0f}\u{feff}\u{ffa0}\u{fff9}\u{2800}\u{fffc}\u{13441}\
        \u{16fe4}\u{1d159}\u{e0001}\u{e0041}\u{e0100}\u{f0000}\u{10ffff}";

    #[test]
    fn escapes_what_does_not_show() {
        for character in INVISIBLE.chars() {
            assert!(is_invisible(character), "{character:?}");
        }
        assert_eq!(line("a\u{202e}b\n\u{e0041}"), "a\\u{202e}b\\n\\u{e0041}");
        assert_eq!(lines("a\n\u{2028}\tb"), "a\n\\u{2028}\\tb");
        for text in [line(INVISIBLE), json(INVISIBLE)] {
            assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text}");
        }
    }

    #[test]
    fn leaves_what_shows_as_it_is() {
        for text in ["Müller & Söhne", "密码 €", "עברית", "עִבְרִית", "हिन्दी", "😀 a \\ \"b\"", ""]
        {
            assert!(matches!(line(text), Cow::Borrowed(same) if same == text), "{text}");
            assert!(matches!(json(text), Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn json_means_the_same() {
        let value = serde_json::Value::from(INVISIBLE);
        let written = json(&value.to_string()).into_owned();
        assert!(written.contains("\\udb40\\udc41"), "{written}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), value);
    }
}
