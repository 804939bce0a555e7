//! Tests: docs/emulator.md names all that there is.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::log::Entry;
use crate::message::Request;
use crate::{control, fault, policy, service};

const PAGE: &str = include_str!("../../../docs/emulator.md");

/// Returns the part below a heading, up to the next one of any level.
fn section(heading: &str) -> &'static str {
    let start = PAGE.find(&format!("\n{heading}\n")).expect("the page has the heading");
    let text = &PAGE[start + heading.len() + 2..];
    text.find("\n#").map_or(text, |end| &text[..end])
}

/// Returns the names that a text does not have as code.
fn missing<'a>(text: &str, names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    let code: BTreeSet<_> = text.split('`').skip(1).step_by(2).collect();
    names.into_iter().filter(|name| !code.contains(name)).map(str::to_owned).collect()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().map(|map| map.keys().map(String::as_str).collect()).unwrap_or_default()
}

#[test]
fn every_route_is_documented() {
    let routes: Vec<_> = control::ROUTES
        .iter()
        .flat_map(|route| route.methods().map(move |method| format!("{method} {}", route.path)))
        .collect();
    let text = section("## Control API");
    assert_eq!(missing(text, routes.iter().map(String::as_str)), BTreeSet::new());
}

#[test]
fn every_field_of_a_request_is_documented() {
    let entry = json!(Entry::new(&Request::default(), "CreateSession"));
    let names = keys(&entry);
    assert_eq!(missing(section("### Requests"), names), BTreeSet::new());
}

#[test]
fn every_parameter_of_requests_is_documented() {
    let names = control::PARAMETERS;
    assert_eq!(missing(section("### Requests"), names), BTreeSet::new());
}

#[test]
fn every_field_of_a_fault_is_documented() {
    let names = fault::FIELDS.iter().copied();
    assert_eq!(missing(section("## Faults"), names), BTreeSet::new());
}

#[test]
fn every_operation_is_documented() {
    let names = service::operations();
    assert_eq!(missing(section("## Services"), names), BTreeSet::new());
}

#[test]
fn every_condition_key_is_documented() {
    let names: Vec<_> = policy::SET_HERE
        .iter()
        .map(|key| if key.ends_with('/') { format!("{key}…") } else { (*key).to_owned() })
        .collect();
    let text = section("## Policies");
    assert_eq!(missing(text, names.iter().map(String::as_str)), BTreeSet::new());
}
