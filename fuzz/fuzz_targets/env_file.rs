//! Files of variables for `exec` and `render`: `GivenVariables::add_env_file`.
//!
//! Two bytes say where a password is written into the text; no message may show a part of it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roles_anywhere::output::error::Error;
use roles_anywhere::output::formats::{VariableFormat, render};
use roles_anywhere::secrets::variables::{GivenValue, GivenVariables};
use roles_anywhere_client::secret::{Secret, SecretBytes};
use roles_anywhere_fuzz::{HIDDEN, check_error, check_hidden};

fuzz_target!(|data: &[u8]| {
    let [high, low, text @ ..] = data else { return };
    let given = read(text.to_vec());
    assert_written(&given);
    report(given);
    let at = usize::from(u16::from_be_bytes([*high, *low])) % (text.len() + 1);
    let (before, after) = text.split_at(at);
    let given = read([before, HIDDEN.as_bytes(), after].concat());
    check_hidden(&format!("{given:?}"));
    let shown = report(given);
    // The words of a reference are no secret, and are shown.
    if !["://", "{{", "arn:"].into_iter().any(|start| contains(text, start)) {
        check_hidden(&shown);
    }
});

fn read(text: Vec<u8>) -> GivenVariables {
    let mut given = GivenVariables::default();
    given.add_env_file("`a.env`", &SecretBytes::new(text));
    given
}

fn contains(text: &[u8], part: &str) -> bool {
    text.windows(part.len()).any(|window| window == part.as_bytes())
}

/// Returns what is shown of variables, or of the mistakes.
fn report(given: GivenVariables) -> String {
    match given.wanted() {
        Ok(wanted) => format!("{wanted:?}"),
        Err(mistakes) => {
            let shown = format!("{mistakes:?}\n{}", Error::from(mistakes.clone()));
            check_error(mistakes);
            shown
        }
    }
}

/// Panics where what we write as a dotenv file is not read again as it was.
fn assert_written(given: &GivenVariables) {
    let write = |variables: &[(&str, &Secret)]| render(VariableFormat::Dotenv, variables).ok();
    let variables = given.variables.iter().filter_map(|variable| match &variable.value {
        GivenValue::Text(value) => Some((variable.name.expose(), value)),
        _ => None,
    });
    let variables: Vec<_> = variables.filter(|it| write(&[*it]).is_some()).collect();
    let written = write(&variables).expect("each of them can be written");
    let again = read(written.expose().to_vec());
    assert!(again.mistakes.is_empty(), "{:?}", again.mistakes);
    assert_eq!(again.variables.len(), variables.len());
    for (variable, (name, value)) in again.variables.iter().zip(variables) {
        assert_eq!(variable.name.expose(), name);
        match &variable.value {
            GivenValue::Text(again) => assert_eq!(again.expose(), value.expose()),
            other => panic!("{other:?}"),
        }
    }
}
