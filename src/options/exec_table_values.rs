//! The values of `[exec.NAME]`: what `config show` prints of a program.

use std::sync::Arc;

use crate::config::{ExecTable, FileValue, FileVariable, TableName};
use crate::options::role_values::{OptionValue, ValueContent, VariableValue};
use crate::options::settings::Settings;
use crate::options::table::config_file::{EXEC_COMMAND, EXEC_ENV, EXEC_FILES, EXEC_ROLE};
use crate::options::table::{KeyLocation, OptionSpec, Origin};
use crate::secrets::reference::{FoundReference, Reference};
use roles_anywhere_client::text::disclosure::{Sensitivity, may_be_repeated, shown_flag};

/// The values of one program. What may be a secret is not in there.
#[derive(Clone, Debug)]
pub struct ExecTableValues {
    /// Its name.
    pub name: TableName,
    /// Its location.
    pub location: Arc<KeyLocation>,
    /// The values in the order of the documentation, without those that are not given and have no
    /// default.
    pub values: Vec<OptionValue>,
}

impl ExecTableValues {
    /// Returns the values of the programs of the configuration file, without those that use another
    /// role than the command line names.
    pub fn of_all(settings: &Settings<'_>) -> Vec<Self> {
        let execs = settings.config.into_iter().flat_map(|config| config.execs());
        let is_of_roles = |exec: &&ExecTable| {
            let roles = || settings.roles.iter().map(|layers| layers.role().name());
            let role = exec.role().map(|role| role.value);
            let role = role.or_else(|| settings.default_role.map(TableName::as_str));
            !settings.are_roles_named
                || role.is_none_or(|role| roles().any(|name| name.as_str() == role))
        };
        execs.filter(is_of_roles).map(|exec| Self::of(settings, exec)).collect()
    }

    fn of(settings: &Settings<'_>, exec: &ExecTable) -> Self {
        let values = [
            command(exec),
            role(settings, exec),
            variables(&EXEC_ENV, exec.env(), text_with_references),
            variables(&EXEC_FILES, exec.files(), |text| Some(Reference::parse(text).ok()?.shown())),
        ];
        Self {
            name: exec.name().clone(),
            location: Arc::clone(exec.location()),
            values: values.into_iter().flatten().collect(),
        }
    }
}

fn command(exec: &ExecTable) -> Option<OptionValue> {
    let option = &EXEC_COMMAND;
    let origin = in_file(option, exec.command().next()?);
    let words = exec.command().enumerate().map(|(index, FileValue { value, .. })| {
        // Passwords are given as arguments, too.
        let sensitivity = if index == 0 { Sensitivity::Public } else { Sensitivity::Sensitive };
        let word = shown_flag(value, sensitivity).value().map(str::to_owned);
        text_or_hidden(word.or_else(|| text_with_references(value)))
    });
    let content = ValueContent::Texts(words.collect());
    Some(OptionValue { option, origin, content })
}

/// Returns the role of the program: the one that it names, else the default one.
fn role(settings: &Settings<'_>, exec: &ExecTable) -> Option<OptionValue> {
    let option = &EXEC_ROLE;
    let (name, origin) = match exec.role() {
        Some(role) => (role.value, in_file(option, role)),
        None => (settings.default_role?.as_str(), Origin::Default(option)),
    };
    Some(OptionValue { option, origin, content: ValueContent::Text(name.to_owned()) })
}

/// Returns the variables that a key holds; `shown` returns a value as it may be shown, if it may be.
fn variables<'a>(
    option: &'static OptionSpec,
    variables: impl Iterator<Item = FileVariable<'a>>,
    shown: fn(&str) -> Option<String>,
) -> Option<OptionValue> {
    let all = variables.map(|FileVariable { name, value }| VariableValue {
        name: name.to_owned(),
        content: text_or_hidden(shown(value.value)),
        origin: in_file(option, value),
    });
    let all: Vec<VariableValue> = all.collect();
    let origin = all.first()?.origin.clone();
    let content = match all.iter().all(|variable| may_be_repeated(&variable.name)) {
        true => ValueContent::Variables(all),
        false => ValueContent::Hidden,
    };
    Some(OptionValue { option, origin, content })
}

/// Returns the references of a text, with `…` for the text around them; `None` without a reference: a
/// text that is no reference may be a password.
fn text_with_references(text: &str) -> Option<String> {
    let mut shown = String::new();
    let mut end = 0;
    for FoundReference { range, reference } in Reference::find_in_value(text) {
        if range.start > end {
            shown.push('…');
        }
        shown.push_str(&reference.ok()?.shown());
        end = range.end;
    }
    if shown.is_empty() {
        return None;
    }
    if end < text.len() {
        shown.push('…');
    }
    Some(shown)
}

fn text_or_hidden(text: Option<String>) -> ValueContent {
    text.map_or(ValueContent::Hidden, ValueContent::Text)
}

fn in_file(option: &'static OptionSpec, value: FileValue<'_>) -> Origin {
    Origin::File(option, Arc::clone(value.location))
}
