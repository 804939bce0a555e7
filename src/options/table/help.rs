//! What the help says of an option.

use super::{DefaultValue, Help, OptionSpec};

/// Whether a command runs without an option.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Necessity {
    /// It does not.
    Required,
    /// Only with a role of the configuration file, which has the value.
    OfRole,
    /// It does.
    Optional,
}

impl OptionSpec {
    /// Returns its line of `-h`. A default that is found out takes more space than a line has, and so
    /// does `Necessity::OfRole`.
    pub fn summary(&self, necessity: Necessity) -> String {
        let text = self.texts().0;
        match (necessity, self.default) {
            (Necessity::Required, _) => format!("{text} [required]"),
            (Necessity::Optional, DefaultValue::Value(value)) => {
                format!("{text} [default: {value}]")
            }
            (Necessity::OfRole | Necessity::Optional, _) => text.to_owned(),
        }
    }

    /// Returns its explanation without the default and the variables.
    pub fn description(&self) -> String {
        let (summary, details) = self.texts();
        if details.is_empty() { format!("{summary}.") } else { details.to_owned() }
    }

    /// Returns its explanation in `--help`: with the default and the variables.
    pub fn explanation(&'static self, necessity: Necessity) -> String {
        let text = self.description();
        let facts: Vec<String> = [
            match necessity {
                Necessity::Required => Some("[required]".to_owned()),
                Necessity::OfRole => {
                    Some("[required without a role of the configuration file]".to_owned())
                }
                Necessity::Optional => self.default_words().map(|it| format!("[default: {it}]")),
            },
            self.variable_names().map(|names| format!("[env: {names}]")),
        ]
        .into_iter()
        .flatten()
        .collect();
        match facts.is_empty() {
            true => text,
            false => format!("{text}\n\n{}", facts.join("\n")),
        }
    }

    /// Returns what it is if it is not given, in the words of the help.
    pub fn default_words(&self) -> Option<&'static str> {
        match self.default {
            DefaultValue::Value(words) | DefaultValue::Described(words) => Some(words),
            DefaultValue::None => None,
        }
    }

    /// Returns the names of the variables that stand for it, in the order of precedence. Their values
    /// are in no help, as they may be secret.
    fn variable_names(&'static self) -> Option<String> {
        let fallbacks = self.fallbacks.iter().flat_map(|row| row.variables());
        let names: Vec<_> = self.variables().chain(fallbacks).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    fn texts(&self) -> (&'static str, &'static str) {
        match self.help {
            Help::Shown { summary, details } => (summary, details),
            Help::Hidden | Help::None => ("", ""),
        }
    }
}
