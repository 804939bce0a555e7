//! Errors in the command line, in the form of the emulator's other errors.

use std::error::Error as _;

use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::Arguments;
use crate::printable::printable;

/// Returns the error and its hint, a line each; `None` if clap's own text is to be printed, such as
/// the help.
pub fn usage_error(error: &clap::Error) -> Option<String> {
    let argument = name(one(error, ContextKind::InvalidArg));
    let (message, hint) = match error.kind() {
        ErrorKind::UnknownArgument => {
            let hint = suggestion(error, ContextKind::SuggestedArg);
            (
                format!("unexpected argument `{argument}`"),
                hint.or_else(|| accepted(error, argument)),
            )
        }
        ErrorKind::InvalidSubcommand => {
            let command = one(error, ContextKind::InvalidSubcommand);
            let hint = suggestion(error, ContextKind::SuggestedSubcommand);
            (format!("unknown command `{command}`"), hint.or_else(|| Some(commands())))
        }
        ErrorKind::MissingRequiredArgument => {
            let hint = usage(error).map(|usage| format!("use `{usage}`"));
            (format!("missing required argument `{argument}`"), hint)
        }
        ErrorKind::InvalidValue if one(error, ContextKind::InvalidValue).is_empty() => (
            format!("`{argument}` has no value"),
            Some(format!("pass a value: `{argument} VALUE`")),
        ),
        ErrorKind::InvalidValue => {
            let expected: Vec<_> = all(error, ContextKind::ValidValue)
                .iter()
                .map(|value| format!("`{value}`"))
                .collect();
            (invalid(error, argument, &format!("expected one of {}", expected.join(", "))), None)
        }
        ErrorKind::ValueValidation => {
            let expected = error.source().map(ToString::to_string).unwrap_or_default();
            (invalid(error, argument, &expected), None)
        }
        ErrorKind::ArgumentConflict => {
            let other = name(one(error, ContextKind::PriorArg));
            let hint = Some("remove one of them".to_owned());
            (format!("`{argument}` and `{other}` cannot be used together"), hint)
        }
        _ => return None,
    };
    let hint = hint.map(|hint| format!("  hint: {hint}\n")).unwrap_or_default();
    Some(format!("error: {}\n{hint}", printable(&message)))
}

fn invalid(error: &clap::Error, argument: &str, expected: &str) -> String {
    let value = one(error, ContextKind::InvalidValue);
    format!("invalid value `{value}` for `{argument}`: {expected}")
}

/// Returns what the command takes instead of an argument that it does not know.
fn accepted(error: &clap::Error, argument: &str) -> Option<String> {
    let usage = usage(error)?;
    if !argument.starts_with('-') {
        return Some(format!("use `{usage}`"));
    }
    let root = Arguments::command();
    let Some(command) = usage.split(' ').find_map(|word| root.find_subcommand(word)) else {
        return Some(format!("pass a command first: {}", commands()));
    };
    let options = command.get_arguments().filter_map(|option| option.get_long());
    let options: Vec<_> = options.chain(["help"]).map(|option| format!("`--{option}`")).collect();
    Some(format!("the options of this command are {}", options.join(", ")))
}

fn commands() -> String {
    let root = Arguments::command();
    let shown = root.get_subcommands().filter(|command| !command.is_hide_set());
    let names = shown.map(|command| format!("`{}`", command.get_name()));
    format!("use one of {}", names.collect::<Vec<_>>().join(", "))
}

/// Returns the usage line without its heading.
fn usage(error: &clap::Error) -> Option<String> {
    let usage = error.get(ContextKind::Usage)?.to_string();
    Some(usage.split_once(": ")?.1.trim().to_owned())
}

fn suggestion(error: &clap::Error, kind: ContextKind) -> Option<String> {
    let nearest = Some(one(error, kind)).filter(|nearest| !nearest.is_empty())?;
    Some(format!("did you mean `{nearest}`?"))
}

/// Returns a text, the first one of several; empty if there is none.
fn one(error: &clap::Error, kind: ContextKind) -> &str {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text,
        _ => all(error, kind).first().map_or("", String::as_str),
    }
}

fn all(error: &clap::Error, kind: ContextKind) -> &[String] {
    match error.get(kind) {
        Some(ContextValue::Strings(texts)) => texts,
        _ => &[],
    }
}

/// Returns the name of an argument that clap describes, such as `--port <N>`, `<DIR>` or `<CMD>...`.
fn name(described: &str) -> &str {
    let first = described.split([' ', '=', '[']).next().unwrap_or_default();
    first.trim_end_matches("...").trim_matches(['<', '>'])
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Arguments;

    fn error(arguments: &str) -> Option<String> {
        let words = ["roles-anywhere-emulator"].into_iter().chain(arguments.split(' '));
        usage_error(&Arguments::try_parse_from(words).unwrap_err())
    }

    #[test]
    fn usage_errors_name_the_argument_and_what_is_expected() {
        for (arguments, expected) in [
            ("serve --prot 1", "unexpected argument `--prot`\n  hint: did you mean `--port`?"),
            (
                "serve x",
                "unexpected argument `x`\n  hint: use `roles-anywhere-emulator serve [OPTIONS]`",
            ),
            (
                "completion --xyzzy",
                "unexpected argument `--xyzzy`\n  hint: the options of this command are `--help`",
            ),
            (
                "--xyzzy",
                "unexpected argument `--xyzzy`\n  hint: pass a command first: use one of `run`, `serve`, `pki`, `show`, `schema`, `completion`, `version`",
            ),
            ("sevre", "unknown command `sevre`\n  hint: did you mean `serve`?"),
            (
                "xyzzy",
                "unknown command `xyzzy`\n  hint: use one of `run`, `serve`, `pki`, `show`, `schema`, `completion`, `version`",
            ),
            (
                "pki",
                "missing required argument `DIR`\n  hint: use `roles-anywhere-emulator pki <DIR>`",
            ),
            (
                "run",
                "missing required argument `CMD`\n  hint: use `roles-anywhere-emulator run <CMD>...`",
            ),
            // Not the command that is run.
            (
                "run --confg x -- true",
                "unexpected argument `--confg`\n  hint: did you mean `--config`?",
            ),
            ("serve --port", "`--port` has no value\n  hint: pass a value: `--port VALUE`"),
            (
                "serve --port x",
                "invalid value `x` for `--port`: expected a port from 0 (any free port) to 65535",
            ),
            (
                "serve --session-seconds 1h",
                "invalid value `1h` for `--session-seconds`: expected a whole number of seconds",
            ),
            (
                "show --output yaml",
                "invalid value `yaml` for `--output`: expected one of `text`, `json`",
            ),
            (
                "serve --port 1 --listen 127.0.0.1:1",
                "`--port` and `--listen` cannot be used together\n  hint: remove one of them",
            ),
        ] {
            assert_eq!(error(arguments), Some(format!("error: {expected}\n")), "{arguments}");
        }
        assert_eq!(error("--help"), None);
    }

    #[test]
    fn the_options_of_a_command_that_is_run_are_its_own() {
        for arguments in ["run aws --profile rsa", "run --http -- aws --profile rsa", "run -- -x"] {
            let words = ["roles-anywhere-emulator"].into_iter().chain(arguments.split(' '));
            assert!(Arguments::try_parse_from(words).is_ok(), "{arguments}");
        }
    }

    #[test]
    fn arguments_cannot_control_the_terminal() {
        for (arguments, expected) in [
            ("serve --\u{1b}c", r"unexpected argument `--\u{1b}c`"),
            ("ru\u{7}", r"unknown command `ru\u{7}`"),
            (
                "serve --port \u{202e}1",
                r"invalid value `\u{202e}1` for `--port`: expected a port from 0 (any free port) to 65535",
            ),
        ] {
            let error = error(arguments).unwrap();
            assert_eq!(error.lines().next(), Some(&*format!("error: {expected}")), "{error:?}");
        }
    }
}
