//! Writes variables in a format, for the tests that read them back with other programs.
//!
//! `variable_formats FORMAT < variables.json` takes an array of names and values, and prints an array
//! with the text of each variable, or null if the format refuses it.

use std::io::{Read as _, Write as _};

use roles_anywhere::output::formats::{VariableFormat, github, render};
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::system::SystemEntropy;

#[expect(clippy::disallowed_methods, reason = "it is a program of the tests")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let name = std::env::args().nth(1).ok_or("expected the name of a format")?;
    let format = VariableFormat::from_name(&name);
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input)?;
    let variables: Vec<(String, Secret)> = serde_json::from_str(&input)?;
    let mut texts = Vec::new();
    for (name, value) in &variables {
        let variable = [(name.as_str(), value)];
        let text = match format {
            Some(format) => render(format, &variable),
            None => github::render(&variable, &SystemEntropy),
        };
        texts.push(text.ok().map(|text| String::from_utf8_lossy(text.expose()).into_owned()));
    }
    Ok(std::io::stdout().write_all(&serde_json::to_vec(&texts)?)?)
}
