//! Writes a configuration file: identities, then roles.

use std::fmt::Write as _;

use super::Import;
use super::command_line::{ImportedKey, ImportedLine, ImportedValue};
use crate::config::name::{TableName, in_heading, is_name_character};
use crate::config::paths::is_other_source;
use crate::options::table::ValueType;
use crate::options::table::identity::{CERTIFICATE, KEY_PASSWORD_FILE, PKCS8_PASSWORD};
use roles_anywhere_client::text::disclosure::{may_be_repeated, profile_name};

/// Collects identities and roles.
#[derive(Debug, Default)]
pub(super) struct ConfigWriter {
    /// Names and keys.
    identities: Vec<(String, Vec<ImportedKey>)>,
    /// Names, the profiles that they come from, the identities, and the lines.
    roles: Vec<(String, String, String, ImportedLine)>,
    /// Comments for profiles that were not imported.
    skipped: Vec<String>,
    notes: Vec<String>,
}

impl ConfigWriter {
    /// Adds a profile that is not imported.
    pub(super) fn note(&mut self, profile: &str, why: &str) {
        let note = format!("profile {}: not imported, as {why}", profile_name(profile));
        self.skipped.push(note.clone());
        self.notes.push(note);
    }

    /// Adds a role, and its identity unless there is an equal one.
    pub(super) fn role(&mut self, profile: &str, mut line: ImportedLine) {
        let taken: Vec<&str> = self.roles.iter().map(|(name, ..)| name.as_str()).collect();
        let name = unique(&name_of(profile, "role"), &taken);
        for note in &line.notes {
            let profile = profile_name(profile);
            self.notes.push(format!("profile {profile}: not imported: {note}"));
        }
        let keys = std::mem::take(&mut line.identity);
        let placeholders = keys
            .iter()
            .chain(&line.hop)
            .filter(|key| matches!(key.value, ImportedValue::Placeholder(_)));
        for key in placeholders {
            let profile = profile_name(profile);
            self.notes.push(format!("profile {profile}: fill in `{}`", key_name(key)));
        }
        let identity = match self.identities.iter().find(|(_, known)| is_same(known, &keys)) {
            Some((name, _)) => name.clone(),
            None => {
                let taken: Vec<&str> = self.identities.iter().map(|(it, _)| it.as_str()).collect();
                let name = unique(&identity_name(&keys), &taken);
                self.identities.push((name.clone(), keys));
                name
            }
        };
        self.roles.push((name, profile.to_owned(), identity, line));
    }

    pub(super) fn finish(self) -> Import {
        let mut toml = String::new();
        for (name, keys) in &self.identities {
            let _ = writeln!(toml, "[identity.{}]", in_heading(name));
            keys.iter().for_each(|key| write_key(&mut toml, key));
            toml.push('\n');
        }
        for (name, profile, identity, line) in &self.roles {
            if may_be_repeated(profile) && profile != name {
                let _ = writeln!(toml, "# from the profile {}", profile.escape_debug());
            }
            let _ = writeln!(toml, "[role.{}]\nidentity = \"{identity}\"", in_heading(name));
            line.role.iter().for_each(|key| write_key(&mut toml, key));
            write_hop(&mut toml, &line.hop);
            for note in &line.notes {
                let _ = writeln!(toml, "# not imported: {note}");
            }
            toml.push('\n');
        }
        for note in &self.skipped {
            let _ = writeln!(toml, "# {}", note.escape_debug());
        }
        toml.truncate(toml.trim_end().len());
        toml.push('\n');
        Import { toml, notes: self.notes, roles: self.roles.len() }
    }
}

/// Returns whether two identities are the same. A placeholder is the same as none: which password it
/// stands for is not kept.
fn is_same(one: &[ImportedKey], other: &[ImportedKey]) -> bool {
    let has_placeholder = |keys: &[ImportedKey]| {
        keys.iter().any(|key| matches!(key.value, ImportedValue::Placeholder(_)))
    };
    one.len() == other.len() && one.iter().all(|key| other.contains(key)) && !has_placeholder(one)
}

fn key_name(key: &ImportedKey) -> &'static str {
    if key.option == &PKCS8_PASSWORD { KEY_PASSWORD_FILE.id() } else { key.option.id() }
}

fn write_key(toml: &mut String, key: &ImportedKey) {
    let name = key_name(key);
    let _ = match &key.value {
        ImportedValue::Placeholder(why) => {
            writeln!(toml, "# {why}\n{name} = \"./FILE_TO_FILL_IN\"")
        }
        ImportedValue::Toml(value) => {
            let is_path = matches!(key.option.value_type, ValueType::Source | ValueType::File);
            match is_path && is_relative(value.trim_matches('"')) {
                // Without `./`, the name of a file could be taken for a secret.
                true => writeln!(toml, "{RELATIVE}{name} = \"./{}", &value[1..]),
                false => writeln!(toml, "{name} = {value}"),
            }
        }
    };
}

/// Writes the role that is assumed with the session, if there is one.
fn write_hop(toml: &mut String, keys: &[ImportedKey]) {
    if keys.is_empty() {
        return;
    }
    let of = |key: &ImportedKey| match &key.value {
        ImportedValue::Placeholder(_) => format!("{} = \"FILL_IN\"", key.option.id()),
        ImportedValue::Toml(value) => format!("{} = {value}", key.option.id()),
    };
    let keys: Vec<String> = keys.iter().map(of).collect();
    let _ = writeln!(toml, "assume = [{{ {} }}]", keys.join(", "));
}

const RELATIVE: &str = "# relative to this file; it was relative to the working directory\n";

fn is_relative(path: &str) -> bool {
    !path.starts_with('/') && !is_other_source(path)
}

/// Returns a name for an identity: that of its certificate file.
fn identity_name(keys: &[ImportedKey]) -> String {
    let certificate = keys.iter().find(|key| key.option == &CERTIFICATE).map(|key| &key.value);
    let Some(ImportedValue::Toml(path)) = certificate else { return "identity".to_owned() };
    let file = path.trim_matches('"').rsplit('/').next().unwrap_or_default();
    name_of(file.rsplit_once('.').map_or(file, |(stem, _)| stem), "identity")
}

/// Returns a text as a name, or `instead` if nothing of it can be in one.
fn name_of(text: &str, instead: &str) -> String {
    let name: String =
        text.chars().take(60).map(|c| if is_name_character(c) { c } else { '-' }).collect();
    let name = name.trim_matches(['-', '.']);
    match TableName::parse(name) {
        Some(name) if may_be_repeated(name.as_str()) => name.as_str().to_owned(),
        _ => instead.to_owned(),
    }
}

/// Returns a name with a number behind it, if it is taken.
fn unique(name: &str, taken: &[&str]) -> String {
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names.find(|name| !taken.contains(&name.as_str())).unwrap_or_default()
}
