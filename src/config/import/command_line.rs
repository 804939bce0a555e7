//! One `credential_process` line: the values of its flags by the keys of the file.

use super::shell_words;
use crate::config::keys::{KeyType, TableKind};
use crate::options::table::identity::PKCS8_PASSWORD;
use crate::options::table::{OptionSpec, Syntax, ValueType, config_file, session};
use roles_anywhere_client::text::disclosure::KeyMaterialKind;

/// What a line gives.
#[derive(Debug, Default)]
pub(super) struct ImportedLine {
    /// The keys of an identity.
    pub(super) identity: Vec<ImportedKey>,
    /// The keys of a role.
    pub(super) role: Vec<ImportedKey>,
    /// The keys of the role that is assumed with it.
    pub(super) hop: Vec<ImportedKey>,
    /// What was not imported, without values.
    pub(super) notes: Vec<String>,
}

/// A key and its value.
#[derive(Clone, Eq, PartialEq)]
pub(super) struct ImportedKey {
    pub(super) option: &'static OptionSpec,
    pub(super) value: ImportedValue,
}

/// The value of a key.
#[derive(Clone, Eq, PartialEq)]
pub(super) enum ImportedValue {
    /// As TOML.
    Toml(String),
    /// Something to fill in, and why.
    Placeholder(&'static str),
}

impl std::fmt::Debug for ImportedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.option.id())
    }
}

/// Why a line is not imported.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refused {
    /// It runs another program.
    OtherProgram,
    /// It runs another program, and names this one.
    Wrapped,
    /// Its quotes do not match.
    Quotes,
    /// It runs another command than `credential-process`.
    OtherCommand,
    /// It names a role of a configuration file.
    HasRole,
}

impl Refused {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::OtherProgram => "it runs another program",
            Self::Wrapped => {
                "its `credential_process` begins with another program, such as a shell"
            }
            Self::Quotes => "a quote in its `credential_process` is not closed",
            Self::OtherCommand => "its `credential_process` runs another command",
            Self::HasRole => "it uses `--role` already",
        }
    }
}

const PROGRAMS: &[&str] = &["roles-anywhere", "aws_signing_helper"];

impl ImportedLine {
    pub(super) fn parse(line: &str) -> Result<Self, Refused> {
        let names_program = PROGRAMS.iter().any(|program| line.contains(program));
        let Some(words) = shell_words::split(line) else {
            return Err(if names_program { Refused::Quotes } else { Refused::OtherProgram });
        };
        let mut words = words.into_iter();
        let program = words.next().unwrap_or_default();
        let name = program.rsplit(['/', '\\']).next().unwrap_or_default();
        if !PROGRAMS.contains(&name.strip_suffix(".exe").unwrap_or(name)) {
            return Err(if names_program { Refused::Wrapped } else { Refused::OtherProgram });
        }
        if words.next().as_deref() != Some("credential-process") {
            return Err(Refused::OtherCommand);
        }
        let words: Vec<String> = words.collect();
        let mut imported = Self::default();
        let mut rest = words.iter().peekable();
        while let Some(word) = rest.next() {
            let Some(flag) = word.strip_prefix("--") else {
                imported.note("an argument without a flag");
                continue;
            };
            let (flag, attached) = match flag.split_once('=') {
                Some((flag, value)) => (flag, Some(value)),
                None => (flag, None),
            };
            if matches!(flag, "role" | "config") {
                return Err(Refused::HasRole);
            }
            let Some((table, option)) = row(flag) else {
                imported.unknown(flag);
                if attached.is_none() {
                    rest.next_if(|word| !word.starts_with("--"));
                }
                continue;
            };
            let value = match (attached, option.syntax) {
                (Some(value), _) => value,
                (None, Syntax::OptionalValue { missing }) => missing,
                (None, _) => rest.next().map_or("", String::as_str),
            };
            imported.take(table, option, value);
        }
        if !imported.hop.iter().any(|key| key.option == &config_file::HOP_ROLE_ARN) {
            if !imported.hop.is_empty() {
                imported.note("`--external-id`, as there is no `--assume-role-arn`");
            }
            imported.hop.clear();
        }
        Ok(imported)
    }

    fn note(&mut self, text: &str) {
        let text = text.to_owned();
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    /// Notes a flag that the file has no key for. Its name is shown if it looks like one.
    fn unknown(&mut self, flag: &str) {
        let is_word = |b: u8| b.is_ascii_lowercase() || b == b'-' || b.is_ascii_digit();
        match (2..=32).contains(&flag.len()) && flag.bytes().all(is_word) {
            true => self.note(&format!("`--{flag}`")),
            false => self.note("an unknown option"),
        }
    }

    /// Takes a value over. The last one counts, and an empty one counts as not given.
    fn take(&mut self, table: TableKind, option: &'static OptionSpec, value: &str) {
        let keys = match table {
            TableKind::Identity => &mut self.identity,
            TableKind::Hop => &mut self.hop,
            _ => &mut self.role,
        };
        keys.retain(|key| key.option != option);
        if value.is_empty() {
            return;
        }
        let value = if option == &PKCS8_PASSWORD {
            ImportedValue::Placeholder(
                "the line holds the password itself: write it to a file that only you can read",
            )
        } else if KeyMaterialKind::of(value).is_some() {
            ImportedValue::Placeholder("the line holds a key or a certificate: write it to a file")
        } else if option.value_type == ValueType::Url && value.contains('@') {
            self.note(&format!("`--{}`, as it may hold a password", option.id()));
            return;
        } else {
            match toml(option, value) {
                Some(toml) => ImportedValue::Toml(toml),
                None => {
                    self.note(&format!("`--{}`, as its value is not valid", option.id()));
                    return;
                }
            }
        };
        keys.push(ImportedKey { option, value });
    }
}

/// The options for one more role, and its keys in `assume`.
const HOP: &[(&OptionSpec, &OptionSpec)] = &[
    (&session::ASSUME_ROLE_ARN, &config_file::HOP_ROLE_ARN),
    (&session::EXTERNAL_ID, &config_file::HOP_EXTERNAL_ID),
];

/// Returns the row of a flag, and the table that its key is in.
fn row(flag: &str) -> Option<(TableKind, &'static OptionSpec)> {
    if let Some((_, key)) = HOP.iter().find(|(option, _)| is_named(option, flag)) {
        return Some((TableKind::Hop, key));
    }
    let own = [&config_file::IDENTITY_NAME, &config_file::ROLE_AWS_PROFILE, &config_file::ASSUME];
    let is_own =
        |option: &&'static OptionSpec| own.contains(option) || *option == &config_file::FALLBACK;
    let of = |table: TableKind| {
        table.keys().filter(move |option| !is_own(option)).map(move |option| (table, option))
    };
    let all = of(TableKind::Identity).chain(of(TableKind::Role));
    let all = all.chain([(TableKind::Identity, &PKCS8_PASSWORD)]);
    all.into_iter().find(|(_, option)| is_named(option, flag))
}

fn is_named(option: &OptionSpec, flag: &str) -> bool {
    option.id() == flag || option.aliases.contains(&flag)
}

/// Returns a value as TOML; `None` if the key does not take it.
fn toml(option: &'static OptionSpec, value: &str) -> Option<String> {
    match KeyType::of(option) {
        KeyType::Integer => value.parse::<u32>().ok().map(|number| number.to_string()),
        KeyType::IntegerOr(word) if value != word => {
            value.parse::<u32>().ok().map(|number| number.to_string())
        }
        KeyType::Boolean => match value.to_ascii_lowercase().as_str() {
            "1" | "t" | "true" => Some("true".to_owned()),
            "0" | "f" | "false" => Some("false".to_owned()),
            _ => None,
        },
        _ => Some(quoted(value)),
    }
}

/// Returns a string in quotes. The escapes of JSON are those of TOML, which also escapes U+007F.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}
