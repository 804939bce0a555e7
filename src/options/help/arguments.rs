//! From rows of the table to what the help shows of them.

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Arg, ArgAction, ValueHint};

use crate::options::command_line::CommandSpec;
use crate::options::table::roles::ROLE;
use crate::options::table::{Choice, Heading, Help, Necessity, OptionSpec, Syntax, ValueType};

/// Returns the options of a command, in the order of their headings.
pub(super) fn arguments(command: &CommandSpec) -> impl Iterator<Item = Arg> {
    let mut rows: Vec<&'static OptionSpec> = command.options().collect();
    rows.retain(|row| matches!(row.help, Help::Shown { .. }));
    rows.sort_by_key(|row| row.heading);
    let required = command.required;
    // There are several rows of this name, with other descriptions.
    let has_roles = rows.iter().any(|row| row.name == ROLE.name);
    let necessity = move |row: &'static OptionSpec| match required.contains(&row) {
        true if has_roles && row.heading.is_of_role() => Necessity::OfRole,
        true => Necessity::Required,
        false => Necessity::Optional,
    };
    rows.into_iter().map(move |row| argument(row, necessity(row)))
}

fn argument(row: &'static OptionSpec, necessity: Necessity) -> Arg {
    let arg = Arg::new(row.id()).help(row.summary(necessity)).long_help(row.explanation(necessity));
    match row.syntax {
        Syntax::Positional { is_repeated: true, .. } => {
            let is_required = necessity == Necessity::Required;
            return with_value(arg, row).action(ArgAction::Append).required(is_required);
        }
        Syntax::Positional { .. } | Syntax::None => return with_value(arg, row).required(true),
        Syntax::Trailing { .. } => {
            let arg = arg.value_name(row.value_name()).num_args(0..).trailing_var_arg(true);
            return arg.value_hint(ValueHint::CommandWithArguments);
        }
        _ => {}
    }
    let heading = (row.heading != Heading::Options).then(|| row.heading.as_str());
    let arg = arg.long(row.id()).short(row.short).help_heading(heading);
    match row.syntax {
        // It takes `=true` and `=false` too, for the sake of the official helper.
        Syntax::OptionalValue { .. } if row.value_type == ValueType::Boolean => {
            arg.action(ArgAction::SetTrue)
        }
        Syntax::OptionalValue { .. } => with_value(arg, row).num_args(0..=1).require_equals(true),
        Syntax::Repeated => with_value(arg, row).action(ArgAction::Append),
        _ => with_value(arg, row),
    }
}

fn with_value(arg: Arg, row: &'static OptionSpec) -> Arg {
    let arg = arg.value_name(row.value_name());
    match row.choices {
        [] => arg.value_hint(hint(row.value_type)),
        choices => arg.value_parser(PossibleValuesParser::new(choices.iter().map(value))),
    }
}

/// Returns what a shell completes a value by. `Url` would be the names of files in bash.
fn hint(value_type: ValueType) -> ValueHint {
    match value_type {
        ValueType::Source | ValueType::File => ValueHint::FilePath,
        ValueType::Directory => ValueHint::DirPath,
        _ => ValueHint::Other,
    }
}

fn value((value, help): &Choice) -> PossibleValue {
    let shown = PossibleValue::new(*value);
    if help.is_empty() { shown } else { shown.help(*help) }
}
