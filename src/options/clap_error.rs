//! The error for a command line that clap rejects, in our words. It quotes nothing that may be secret,
//! since any argument may be a key.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::options::command_line::{CommandSpec, called, options, options_of_called};
use crate::options::suggestion::nearest;
use crate::options::table::OptionSpec;
use crate::options::table::identity::NOT_YET;
use crate::output::usage::{ArgumentError, CommandLinePart, Meant};
use roles_anywhere_client::text::disclosure::{
    DisplayValue, KeyMaterialKind, PathExists, Sensitivity, shown, shown_flag,
};

/// Returns the error for a command line that clap rejects.
pub fn argument_error(
    error: &clap::Error,
    line: &[String],
    commands: &[CommandSpec],
    paths: PathExists<'_>,
) -> ArgumentError {
    if let Some(detached) = detached(error, line) {
        return detached;
    }
    match hidden(error, line, commands, paths) {
        Some((part, contents)) => ArgumentError::Hidden { part, contents },
        None => in_our_words(error, line, commands),
    }
}

/// Returns the error; all parts of it may be shown.
fn in_our_words(error: &clap::Error, line: &[String], commands: &[CommandSpec]) -> ArgumentError {
    let argument = text(error, ContextKind::InvalidArg).unwrap_or_default();
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let meant = meant(argument, line, commands);
            ArgumentError::Unexpected { argument: argument.to_owned(), meant }
        }
        ErrorKind::InvalidSubcommand => {
            let command = text(error, ContextKind::InvalidSubcommand).unwrap_or_default();
            ArgumentError::UnknownCommand {
                command: command.to_owned(),
                nearest: nearest_command(command, line, commands),
                commands: full_names(commands),
            }
        }
        ErrorKind::MissingRequiredArgument => {
            let missing = texts(error, ContextKind::InvalidArg).first();
            ArgumentError::Missing {
                argument: missing.map(|argument| name(argument)).unwrap_or_default(),
                command: called(commands, line).map(CommandSpec::full_name),
            }
        }
        ErrorKind::InvalidValue => match text(error, ContextKind::InvalidValue) {
            Some(value) if !value.is_empty() => ArgumentError::Choice {
                argument: name(argument),
                value: value.to_owned(),
                expected: texts(error, ContextKind::ValidValue).to_vec(),
            },
            _ => ArgumentError::NoValue { option: name(argument) },
        },
        // A value for `--help` or `--version`: no other kind is left.
        _ => ArgumentError::UnexpectedValue { option: name(argument) },
    }
}

/// Returns what an unexpected argument was probably meant to be.
fn meant(argument: &str, line: &[String], commands: &[CommandSpec]) -> Meant {
    let flag = argument.split('=').next().unwrap_or_default();
    if !flag.starts_with('-') {
        return Meant::PartOfValue;
    }
    let Some(own) = options_of_called(commands, line) else {
        return match options(commands).any(|option| option.name == flag) {
            true => Meant::AfterCommand,
            false => Meant::NoCommand(full_names(commands)),
        };
    };
    let has_flag = |command: &&CommandSpec| command.options().any(|option| option.name == flag);
    if let Some(other) = commands.iter().find(has_flag) {
        return Meant::OptionOf(other.full_name());
    }
    let own: Vec<_> = own.collect();
    if let Some(nearest) = nearest(flag, own.iter().map(|option| option.name)) {
        return Meant::Option(nearest);
    }
    if is_letter(flag) {
        let letters = own.iter().filter_map(|option| option.short).chain(['h']);
        return Meant::NoLetterOf(letters.map(|letter| format!("-{letter}")).collect());
    }
    let works = own.iter().filter(|option| !NOT_YET.contains(option));
    let flags = works.map(|option| option.name).filter(|name| name.starts_with("--"));
    Meant::NoneOf(flags.chain(["--help"]).collect())
}

/// Returns the whole name of the command that was probably meant, or its first word if several begin with that.
fn nearest_command(typed: &str, line: &[String], commands: &[CommandSpec]) -> Option<String> {
    let words = || commands.iter().flat_map(|command| command.name).map(|(word, _)| *word);
    let nearest = nearest(typed, words())?;
    if commands.iter().any(|command| command.name.first().is_some_and(|it| it.0 == nearest)) {
        return Some(nearest.to_owned());
    }
    let has_word = |command: &&CommandSpec| command.name.iter().any(|it| it.0 == nearest);
    let mut found: Vec<&CommandSpec> = commands.iter().filter(has_word).collect();
    if found.len() > 1 {
        let is_typed = |first: &str| line.iter().any(|word| word == first);
        found.retain(|command| command.name.first().is_some_and(|it| is_typed(it.0)));
    }
    match found.as_slice() {
        [command] => Some(command.full_name()),
        _ => None,
    }
}

fn full_names(commands: &[CommandSpec]) -> Vec<String> {
    commands.iter().map(CommandSpec::full_name).collect()
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind) {
        Some(ContextValue::String(value)) => Some(value),
        _ => None,
    }
}

fn texts(error: &clap::Error, kind: ContextKind) -> &[String] {
    match error.get(kind) {
        Some(ContextValue::Strings(values)) => values,
        _ => &[],
    }
}

/// Returns the name of an argument that clap describes, such as `--region <REGION>` or `<SHELL>`.
fn name(described: &str) -> String {
    let name = described.split(['=', ' ', '[']).next().unwrap_or_default();
    name.trim_matches(['<', '>']).to_owned()
}

/// Returns the part of the command line that must not be shown, if there is one.
fn hidden(
    error: &clap::Error,
    line: &[String],
    commands: &[CommandSpec],
    paths: PathExists<'_>,
) -> Option<(CommandLinePart, Option<KeyMaterialKind>)> {
    let own = text(error, ContextKind::InvalidArg).unwrap_or_default();
    let judged = |value: &str, holds| shown(value, holds, || paths.exists(value));
    let (part, shown) = match error.kind() {
        ErrorKind::UnknownArgument if own.starts_with("--") || is_letter(own) => {
            (CommandLinePart::Argument, shown_flag(own, Sensitivity::Public))
        }
        ErrorKind::UnknownArgument => {
            (CommandLinePart::Argument, judged(own, sensitivity_of_word(line, commands)))
        }
        ErrorKind::InvalidSubcommand => {
            let name = text(error, ContextKind::InvalidSubcommand).unwrap_or_default();
            (CommandLinePart::Command(full_names(commands)), judged(name, Sensitivity::Public))
        }
        _ => {
            let value = text(error, ContextKind::InvalidValue)?;
            let (name, expected) = (name(own), texts(error, ContextKind::ValidValue).to_vec());
            let holds = sensitivity_of_value(&name, line, commands);
            (CommandLinePart::Value { name, expected }, judged(value, holds))
        }
    };
    match shown {
        DisplayValue::Value(_) => None,
        DisplayValue::Hidden(contents) => Some((part, contents)),
    }
}

/// Returns how sensitive a word is that belongs to no option. After the options of a command it may be
/// the second word of a password without quotes.
fn sensitivity_of_word(line: &[String], commands: &[CommandSpec]) -> Sensitivity {
    let is_flag = |option: &OptionSpec| option.name.starts_with("--");
    let has_flags = options_of_called(commands, line).is_some_and(|mut all| all.any(is_flag));
    if has_flags { Sensitivity::Password } else { Sensitivity::Public }
}

/// Returns how sensitive the value of an option is. A path may be a password that was typed by mistake.
fn sensitivity_of_value(name: &str, line: &[String], commands: &[CommandSpec]) -> Sensitivity {
    let option = options_of_called(commands, line)
        .and_then(|mut options| options.find(|option| option.name == name));
    match option.map(|option| option.sensitivity) {
        None | Some(Sensitivity::Public) => Sensitivity::Public,
        Some(Sensitivity::Sensitive | Sensitivity::Password) => Sensitivity::Password,
    }
}

/// Returns whether an argument is a hyphen and a letter, which is too short to be a secret.
fn is_letter(argument: &str) -> bool {
    argument.len() == 2 && argument.starts_with('-')
}

/// Returns the error for a value that follows its option after a space instead of `=`. Only options
/// that require `=` leave such an argument over.
fn detached(error: &clap::Error, line: &[String]) -> Option<ArgumentError> {
    let Some(ContextValue::String(own)) = error.get(ContextKind::InvalidArg) else { return None };
    let at = line.iter().position(|word| word == own)?.checked_sub(1)?;
    let (option, before) = (&line[at], &line[at.checked_sub(1)?]);
    // After another option it may be the value of that option. One with `=` has its value, which may
    // be a password.
    let has_value = option.contains('=');
    let is_value = !own.starts_with("--") && !has_value && !before.starts_with("--");
    if error.kind() != ErrorKind::UnknownArgument || !is_value {
        return None;
    }
    let option =
        shown_flag(option, Sensitivity::Public).value().filter(|it| it.starts_with("--"))?.into();
    // Nothing else is shown, as it may be a secret.
    let value = ["imds", "container", "true", "false"].into_iter().find(|value| value == own);
    Some(ArgumentError::Detached { option, value: value.unwrap_or("VALUE") })
}
