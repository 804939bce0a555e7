//! `--error-format`, which also counts for a command line that cannot be parsed.

use crate::options::command_line::{CommandSpec, called, own_words};
use crate::options::settings::Settings;
use crate::options::table::errors::ERROR_FORMAT;
use crate::output::report::ErrorFormat;
use crate::output::usage::UsageError;
use roles_anywhere_client::ports::Environment;

/// Refuses a value that is no format. What it says is read if there is an error.
pub fn check(settings: &Settings<'_>, command: &CommandSpec) -> Result<(), UsageError> {
    if !has_option(command) {
        return Ok(());
    }
    given(settings).map(|_| ())
}

/// Returns the format that a command with this option is given.
pub fn given(settings: &Settings<'_>) -> Result<ErrorFormat, UsageError> {
    let setting = settings.required(&ERROR_FORMAT)?;
    parse(setting.value).ok_or_else(|| setting.refuse("`text` or `json`"))
}

/// Returns the format of the error of a command line, by its last flag, else by the variable. The words
/// are not parsed, as they may be what is wrong; the first one is the program.
pub fn error_format(
    commands: &[CommandSpec],
    words: &[String],
    environment: &Environment,
) -> ErrorFormat {
    let words = match called(commands, words) {
        Some(command) if !has_option(command) => return ErrorFormat::Text,
        Some(command) => own_words(command.name, command.option_groups, words),
        None => words,
    };
    let variable = || ERROR_FORMAT.variables().find_map(|name| environment.get(name));
    flag(words).or_else(variable).and_then(parse).unwrap_or_default()
}

fn has_option(command: &CommandSpec) -> bool {
    command.options().any(|option| *option == ERROR_FORMAT)
}

/// Returns the last value of the flag; an empty one counts as not given.
fn flag(words: &[String]) -> Option<&str> {
    let words = words.split(|word| word == "--").next().unwrap_or_default();
    let value = |at: usize| match words[at].strip_prefix(ERROR_FORMAT.name)? {
        "" => words.get(at + 1).map(String::as_str),
        joined => joined.strip_prefix('='),
    };
    (0..words.len()).rev().find_map(value).filter(|value| !value.is_empty())
}

fn parse(value: &str) -> Option<ErrorFormat> {
    match value {
        "text" => Some(ErrorFormat::Text),
        "json" => Some(ErrorFormat::Json),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::ALL;

    fn format(line: &str, variable: &str) -> ErrorFormat {
        let commands: Vec<CommandSpec> = ALL.iter().map(|command| *command.spec()).collect();
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let variable = ("ROLES_ANYWHERE_ERROR_FORMAT".to_owned(), variable.to_owned());
        error_format(&commands, &words, &Environment::new([variable]))
    }

    #[test]
    fn is_read_from_a_line_that_cannot_be_parsed() {
        for (line, variable) in [
            ("a credential-process --error-format json", ""),
            ("a credential-process --frobnicate --error-format=json", "text"),
            ("a update --error-format=text --error-format=json --", ""),
            ("a credentials --error-format=json", ""),
            ("a cache --error-format json", ""),
            ("a secret get a --error-format=", "json"),
            ("a exec --error-format json b --error-format text", ""),
            ("a exec --role b --error-format=json --static c", ""),
            ("a exec --role", "json"),
            ("a version", "json"),
        ] {
            assert_eq!(format(line, variable), ErrorFormat::Json, "{line}");
        }
        for (line, variable) in [
            ("a version", ""),
            ("a version --error-format=xml", "json"),
            ("a version --error-format", ""),
            ("a version --error-format=json --error-format text", "json"),
            ("a version --error-formats=json", ""),
            ("a exec b --error-format=json", ""),
            ("a exec --role b --static c --error-format json", ""),
            ("a exec -- --error-format=json", ""),
            ("a secret get -- --error-format=json", ""),
            ("a serve --error-format=json", "json"),
            ("a completion", "json"),
        ] {
            assert_eq!(format(line, variable), ErrorFormat::Text, "{line}");
        }
    }
}
