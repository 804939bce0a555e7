//! JSON that is indented by four spaces, as by the AWS CLI.

use serde::Serialize;
use serde_json::ser::PrettyFormatter;

use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::text::escape;

/// Returns a document that may have secrets, with a newline. It has at most `size` bytes: a buffer left
/// behind by growth would not be wiped.
pub fn pretty(document: &impl Serialize, size: usize) -> SecretBytes {
    let mut json = Vec::with_capacity(size);
    write(document, &mut json);
    SecretBytes::new(json)
}

/// Returns a document without secrets, with a newline. What a terminal would interpret is escaped.
pub fn pretty_text(document: &impl Serialize) -> String {
    let mut json = Vec::new();
    write(document, &mut json);
    let json = String::from_utf8(json).expect("JSON is UTF-8");
    escape::json(&json).into_owned()
}

fn write(document: &impl Serialize, json: &mut Vec<u8>) {
    let four_spaces = PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut *json, four_spaces);
    document.serialize(&mut serializer).expect("strings and numbers serialize");
    json.push(b'\n');
}
