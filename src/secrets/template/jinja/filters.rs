//! The filters and tests of templates: those that a configuration file needs, and no more. All of
//! minijinja's would make the program 300 kB larger.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::{Environment, Error, ErrorKind, Value};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::values::{BinaryValue, boolean, is_undefined};

/// The names of the filters.
pub(in crate::secrets::template) const FILTERS: [&str; 6] =
    ["json", "b64", "urlencode", "shquote", "replace", "default"];
/// The names of the tests.
pub(in crate::secrets::template) const TESTS: [&str; 2] = ["defined", "undefined"];

/// Adds all to an environment.
pub(super) fn add(environment: &mut Environment<'_>) {
    environment.add_filter("json", |value: &Value| text(value).map(|text| json(&text)));
    environment.add_filter("b64", b64);
    environment.add_filter("urlencode", |value: &Value| text(value).map(|text| urlencode(&text)));
    environment.add_filter("shquote", |value: &Value| text(value).map(|text| shquote(&text)));
    environment.add_filter("replace", |value: &Value, from: &str, to: &str| {
        text(value).map(|text| text.replace(from, to))
    });
    environment.add_filter("default", |value: Value, other: Value| match is_undefined(&value) {
        true => other,
        false => value,
    });
    environment.add_test("defined", |value: &Value| !is_undefined(value));
    environment.add_test("undefined", is_undefined);
}

/// What is written as it is in a URL (RFC 3986, 2.3), so that a value can be any part of one.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Returns a string of JSON.
fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Returns the base64 of a text, or of a binary secret.
fn b64(value: &Value) -> Result<String, Error> {
    match value.downcast_object_ref::<BinaryValue>() {
        Some(binary) => Ok(STANDARD.encode(binary.bytes())),
        None => text(value).map(|text| STANDARD.encode(text.as_bytes())),
    }
}

fn urlencode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// Returns a word of a POSIX shell.
fn shquote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn text(value: &Value) -> Result<Cow<'_, str>, Error> {
    if is_undefined(value) {
        return Err(ErrorKind::UndefinedError.into());
    }
    if let Some(boolean) = boolean(value) {
        return Ok(boolean.into());
    }
    Ok(value.as_str().map_or_else(|| value.to_string().into(), Cow::Borrowed))
}
