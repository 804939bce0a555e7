//! References in every notation: what is printed is read again as it was, and messages show no default.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roles_anywhere::secrets::reference::{Fallback, Reference, shown_text};
use roles_anywhere_fuzz::check_line;

fuzz_target!(|text: &str| {
    if let Some(reference) = checked(Reference::parse(text)) {
        assert_printed(&reference, Reference::parse);
    }
    if let Some(reference) = checked(Reference::parse_value_from(text)) {
        assert_printed(&reference, Reference::parse_value_from);
    }
    let mut end = 0;
    for found in Reference::find_in_value(text) {
        assert!(found.range.start >= end, "{text}");
        end = found.range.end;
        let alone = Reference::parse(&text[found.range]);
        assert!(alone.is_ok() || found.reference.is_err(), "{text}");
    }
    let _ = shown_text(text);
});

fn checked<E: std::fmt::Display>(parsed: Result<Reference, E>) -> Option<Reference> {
    match parsed {
        Ok(reference) => Some(reference),
        Err(error) => {
            check_line(&error.to_string());
            None
        }
    }
}

fn assert_printed<E: std::fmt::Debug>(
    reference: &Reference,
    parse: impl Fn(&str) -> Result<Reference, E>,
) {
    let printed = reference.to_string();
    let again = parse(&printed).expect("a printed reference is read");
    assert_eq!(again.to_string(), printed);
    assert_eq!((again.target(), again.part()), (reference.target(), reference.part()));
    assert_eq!((again.region(), again.role()), (reference.region(), reference.role()));
    match (again.fallback(), reference.fallback()) {
        (Fallback::None, Fallback::None) | (Fallback::Absent, Fallback::Absent) => {}
        (Fallback::Text(one), Fallback::Text(other)) => assert_eq!(one.expose(), other.expose()),
        (one, other) => panic!("{one:?} is not {other:?}"),
    }
}
