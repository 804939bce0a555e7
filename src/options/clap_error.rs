//! The error for a command line that clap rejects. Clap's own message is printed only if it quotes
//! nothing that may be secret, since any argument may be a key.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::options::command_line::{CommandSpec, options_of_called};
use crate::options::table::OptionSpec;
use crate::output::error::Error;
use crate::output::usage::{CommandLinePart, UsageError};
use roles_anywhere_client::text::disclosure::{
    DisplayValue, KeyMaterialKind, PathExists, Sensitivity, shown, shown_flag,
};
use roles_anywhere_client::text::escape;

/// The most bytes that are printed.
const MAX_LENGTH: usize = 3_900;

/// Returns the message for a command line that clap rejects.
pub fn message(
    error: &clap::Error,
    line: &[String],
    commands: &[CommandSpec],
    paths: PathExists<'_>,
) -> String {
    if let Some(detached) = detached(error, line) {
        return Error::from(detached).to_string();
    }
    match hidden(error, line, commands, paths) {
        None => {
            let text = error.render().to_string();
            let text = escape::lines(text.trim_end());
            text[..text.floor_char_boundary(MAX_LENGTH)].to_owned()
        }
        Some((part, contents)) => Error::from(UsageError::Hidden { part, contents }).to_string(),
    }
}

/// Returns the part of the command line that must not be shown, if there is one.
fn hidden(
    error: &clap::Error,
    line: &[String],
    commands: &[CommandSpec],
    paths: PathExists<'_>,
) -> Option<(CommandLinePart, Option<KeyMaterialKind>)> {
    let value = |kind| match error.get(kind) {
        Some(ContextValue::String(value)) => Some(value.as_str()),
        _ => None,
    };
    let own = value(ContextKind::InvalidArg).unwrap_or_default();
    let judged = |value: &str, holds| shown(value, holds, || paths.exists(value));
    let (part, shown) = match error.kind() {
        ErrorKind::UnknownArgument if own.starts_with("--") => {
            (CommandLinePart::Argument, shown_flag(own, Sensitivity::Public))
        }
        // After the options of a command it may be the second word of a password without quotes.
        ErrorKind::UnknownArgument => {
            let has_flag = |option: &OptionSpec| option.name.starts_with("--");
            let holds = match options_of_called(commands, line).is_some_and(|mut o| o.any(has_flag))
            {
                true => Sensitivity::Password,
                false => Sensitivity::Public,
            };
            (CommandLinePart::Argument, judged(own, holds))
        }
        ErrorKind::InvalidSubcommand => {
            let name = value(ContextKind::InvalidSubcommand).unwrap_or_default();
            (CommandLinePart::Command, judged(name, Sensitivity::Public))
        }
        _ => {
            let value = value(ContextKind::InvalidValue)?;
            let name = own.split(['=', ' ', '[']).next().unwrap_or_default();
            let option = options_of_called(commands, line)
                .and_then(|mut options| options.find(|option| option.name == name));
            let holds = match option.map(|option| option.sensitivity) {
                None | Some(Sensitivity::Public) => Sensitivity::Public,
                _ => Sensitivity::Password,
            };
            (CommandLinePart::Value(own.to_owned()), judged(value, holds))
        }
    };
    match shown {
        DisplayValue::Value(_) => None,
        DisplayValue::Hidden(contents) => Some((part, contents)),
    }
}

/// Returns the error for a value that follows its option after a space instead of `=`. Only options
/// that require `=` leave such an argument over.
fn detached(error: &clap::Error, line: &[String]) -> Option<UsageError> {
    let Some(ContextValue::String(own)) = error.get(ContextKind::InvalidArg) else { return None };
    let at = line.iter().position(|word| word == own)?.checked_sub(1)?;
    let (option, before) = (&line[at], &line[at.checked_sub(1)?]);
    // After another option it may be the value of that option. One with `=` has its value, which may
    // be a password.
    let has_value = option.contains('=');
    if error.kind() != ErrorKind::UnknownArgument || before.starts_with("--") || has_value {
        return None;
    }
    let option =
        shown_flag(option, Sensitivity::Public).value().filter(|it| it.starts_with("--"))?.into();
    // Nothing else is shown, as it may be a secret.
    let value = ["imds", "container", "true", "false"].into_iter().find(|value| value == own);
    Some(UsageError::Detached { option, value: value.unwrap_or("VALUE") })
}
