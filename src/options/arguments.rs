//! From rows of the table to the arguments that clap parses.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::options::table::{OptionSpec, Syntax};

/// The options of a command: groups of rows, in the order of `--help`.
pub type OptionGroups = [&'static [&'static OptionSpec]];

/// Adds options to the description of a command for the parser. It has no texts: all but a few runs
/// need none, and `help::describe` has them.
pub fn describe(command: Command, groups: &OptionGroups) -> Command {
    command.args(groups.iter().copied().flatten().map(|option| argument(option)))
}

/// Returns the argument for an option. Every value is a text: the official helper takes an empty one for
/// not given, and any text may start with a hyphen.
fn argument(option: &'static OptionSpec) -> Arg {
    let arg = Arg::new(option.id()).value_name(option.value_name());
    let arg = arg.short(option.short).aliases(option.aliases);
    match option.syntax {
        Syntax::Value => arg.long(option.id()).allow_hyphen_values(true),
        Syntax::OptionalValue { missing } => arg
            .long(option.id())
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value(missing),
        Syntax::Repeated | Syntax::Once => {
            arg.long(option.id()).action(ArgAction::Append).allow_hyphen_values(true)
        }
        Syntax::Positional { is_repeated: true, .. } => arg.action(ArgAction::Append),
        Syntax::Trailing { .. } => arg.num_args(0..).trailing_var_arg(true),
        // Named with all else that is missing, which clap does not know.
        Syntax::Positional { .. } | Syntax::None if option.choices.is_empty() => arg,
        Syntax::Positional { .. } | Syntax::None => {
            let values = option.choices.iter().map(|(value, _)| *value);
            arg.required(true).value_parser(PossibleValuesParser::new(values))
        }
    }
}

/// Returns the value of an option as it was typed. The command must have the option.
pub fn typed<'a>(matches: &'a ArgMatches, option: &OptionSpec) -> Option<&'a str> {
    matches.get_one::<String>(option.id()).map(String::as_str)
}

/// Returns the values of an option that may be repeated, each with its place on the command line: a greater
/// number is behind a lesser one, whatever the options are. The command must have the option.
pub fn all_typed_with_indices<'a>(
    matches: &'a ArgMatches,
    option: &OptionSpec,
) -> impl Iterator<Item = (usize, &'a str)> {
    let indices = matches.indices_of(option.id()).into_iter().flatten();
    indices.zip(all_typed(matches, option))
}

/// Returns the values of an option that may be repeated, as they were typed. The command must have the
/// option.
pub fn all_typed<'a>(
    matches: &'a ArgMatches,
    option: &OptionSpec,
) -> impl Iterator<Item = &'a str> {
    matches.get_many::<String>(option.id()).into_iter().flatten().map(String::as_str)
}
