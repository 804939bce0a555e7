//! Task definitions of ECS for `exec --ecs`: `GivenVariables::add_task_definition`.
//!
//! A line with the name of a container, then the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roles_anywhere::secrets::variables::{GivenValue, GivenVariables, ValuePiece, WantedValue};
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_fuzz::{HIDDEN, check_error, check_hidden};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let name = std::str::from_utf8(&data[..end]).ok().filter(|name| !name.is_empty());
    let text = &data[end..];
    let given = read(text, name);
    let Ok(mut document) = serde_json::from_slice(text) else {
        assert!(!given.mistakes.is_empty());
        return report(given);
    };
    report(given);
    hide(&mut document);
    let given = read(document.to_string().as_bytes(), name);
    for variable in &given.variables {
        if let GivenValue::Literal(value) = &variable.value {
            assert_eq!(value.expose(), HIDDEN);
        }
    }
    report(given);
});

fn read(text: &[u8], name: Option<&str>) -> GivenVariables {
    let mut given = GivenVariables::default();
    given.add_task_definition("`task.json`", &SecretBytes::new(text.to_vec()), name);
    given
}

/// Checks what is shown of variables, and that none has become something else.
fn report(given: GivenVariables) {
    check_hidden(&format!("{given:?}"));
    match given.wanted() {
        Ok(wanted) => {
            check_hidden(&format!("{wanted:?}"));
            for variable in wanted.variables.values() {
                let WantedValue::Pieces(pieces) = &variable.value else { panic!("{variable:?}") };
                assert_eq!(pieces.len(), 1);
                if let [ValuePiece::Text(text)] = &pieces[..] {
                    assert!(!text.expose().contains('\0'));
                }
            }
        }
        Err(mistakes) => {
            check_hidden(&format!("{mistakes:?}"));
            check_error(mistakes);
        }
    }
}

/// Replaces the values of variables by a password.
fn hide(document: &mut Value) {
    match document {
        Value::Array(elements) => elements.iter_mut().for_each(hide),
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == "value" => *text = HIDDEN.to_owned(),
                    other => hide(other),
                }
            }
        }
        _ => {}
    }
}
