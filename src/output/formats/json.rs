//! An object of JSON.

/// Writes a member, with what separates it from the one before.
pub(super) fn write(text: &mut String, name: &str, value: &str) {
    text.push_str(if text.is_empty() { "\n  " } else { ",\n  " });
    write_string(text, name);
    text.push_str(": ");
    write_string(text, value);
}

/// Puts the braces around the members.
pub(super) fn enclose(text: &mut String) {
    text.insert(0, '{');
    text.push_str("\n}\n");
}

fn write_string(text: &mut String, value: &str) {
    // Of `serde_json`, so that the escapes are those of JSON, into the buffer that is wiped.
    let mut bytes = std::mem::take(text).into_bytes();
    serde_json::to_writer(&mut bytes, value).expect("a string serializes");
    *text = String::from_utf8(bytes).expect("JSON is UTF-8");
}
