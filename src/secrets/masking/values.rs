//! The values that are masked, and their names.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::encodings::forms;
use super::finder::Finder;
use crate::secrets::member::leaves;
use crate::secrets::reference::NamedReference;
use crate::secrets::value::{Resolved, ResolvedValue};
use crate::secrets::variables::EnvName;
use roles_anywhere_client::secret::{Secret, SecretBytes};
use roles_anywhere_client::text::disclosure::may_be_repeated;

/// The fewest characters of a value that is masked without further ado: shorter ones are in any text by chance.
const SHORTEST: usize = 8;

/// A value that is masked.
#[derive(Clone, Debug)]
pub struct MaskedValue {
    /// What stands in its place, between asterisks.
    pub name: String,
    /// The value.
    pub value: SecretBytes,
}

/// Whether values of fewer than 8 characters are masked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ShortValues {
    /// They are.
    Masked,
    /// They are left as they are.
    Shown,
}

/// What is to be masked.
#[derive(Clone, Debug)]
pub struct MasksRequest {
    /// The values.
    pub values: Vec<MaskedValue>,
    /// What becomes of short ones.
    pub short: ShortValues,
}

/// The values that are masked, in all their forms.
#[derive(Clone)]
pub struct Masks {
    finder: Arc<Finder>,
    shown: Vec<String>,
}

impl fmt::Debug for Masks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Masks without {:?}", self.shown)
    }
}

impl Masks {
    /// Returns the forms of values: whole and without white space around them, each line of several, and in
    /// base64, URLs and JSON. The strings and numbers of a value that is JSON are values themselves.
    pub fn new(request: &MasksRequest) -> Self {
        let mut texts = Vec::new();
        let mut shown = BTreeSet::new();
        for MaskedValue { name, value } in request.values.iter().flat_map(with_leaves) {
            let bytes = value.expose();
            let is_short = characters(bytes.trim_ascii()) < SHORTEST;
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            if is_short && request.short == ShortValues::Shown {
                shown.insert(name);
                continue;
            }
            let mask: Box<[u8]> = format!("***{name}***").into_bytes().into();
            let mut add = |forms: Vec<SecretBytes>| {
                texts.extend(forms.into_iter().map(|form| (form, mask.clone())));
            };
            add(forms(bytes));
            if bytes.trim_ascii() != bytes {
                add(forms(bytes.trim_ascii()));
            }
            add(lines(bytes).map(|line| SecretBytes::new(line.to_vec())).collect());
        }
        Self { finder: Arc::new(Finder::new(texts)), shown: shown.into_iter().collect() }
    }

    /// Returns the names of the values that are too short to be masked, each once.
    pub fn too_short(&self) -> &[String] {
        &self.shown
    }

    #[cfg(test)]
    pub(super) fn of(finder: Finder) -> Self {
        Self { finder: Arc::new(finder), shown: Vec::new() }
    }

    pub(super) fn finder(&self) -> Arc<Finder> {
        Arc::clone(&self.finder)
    }
}

impl MasksRequest {
    /// Adds what references stand for, named by their variables, else as they are written. `values` are in the
    /// order of `references`.
    pub fn add_references(&mut self, references: &[NamedReference], values: &[Resolved]) {
        for (named, resolved) in references.iter().zip(values) {
            let name = name_of(named);
            match &resolved.value {
                ResolvedValue::Text(text) => self.add(name, text),
                ResolvedValue::Binary(value) => {
                    self.values.push(MaskedValue { name, value: value.clone() });
                }
                ResolvedValue::Members(members) => {
                    members
                        .iter()
                        .for_each(|(member, text)| self.add(member_name(&name, member), text));
                }
                ResolvedValue::Absent => {}
            }
        }
    }

    /// Adds a text.
    pub fn add(&mut self, name: String, text: &Secret) {
        let value = SecretBytes::new(text.expose().as_bytes().to_vec());
        self.values.push(MaskedValue { name, value });
    }
}

/// Returns the name of a reference: the variable that gets its value, else the reference without its scheme
/// and its options.
fn name_of(named: &NamedReference) -> String {
    // In backticks, for messages.
    let variable = named.name.as_deref().map(|name| name.trim_matches('`'));
    if let Some(name) = variable.and_then(EnvName::parse) {
        return name.shown().unwrap_or("VARIABLE").to_owned();
    }
    let shown = named.reference.shown();
    let name = shown.strip_prefix("sm://").or_else(|| shown.strip_prefix("ssm://"));
    let name = name.unwrap_or(&shown);
    let name = name.split_once('?').map_or(name, |(name, _)| name);
    name.strip_suffix("#*").unwrap_or(name).to_owned()
}

fn member_name(name: &str, member: &str) -> String {
    let member = if may_be_repeated(member) { member } else { "…" };
    let mark = if name.contains('#') { '.' } else { '#' };
    format!("{name}{mark}{member}")
}

/// Returns a value, and those inside of it if it is JSON.
fn with_leaves(value: &MaskedValue) -> Vec<MaskedValue> {
    let mut all = vec![value.clone()];
    if let Ok(text) = std::str::from_utf8(value.value.expose()) {
        all.extend(leaves(text).into_iter().map(|(path, leaf)| MaskedValue {
            name: member_name(&value.name, &path),
            value: SecretBytes::new(leaf.expose().as_bytes().to_vec()),
        }));
    }
    all
}

/// Returns the lines of a value of several that are long enough, without the white space around them and without
/// those that PEM has around any key.
fn lines(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_several = value.trim_ascii().contains(&b'\n');
    let lines = value.split(|byte| *byte == b'\n').filter(move |_| is_several);
    lines.map(<[u8]>::trim_ascii).filter(|line| {
        characters(line) >= SHORTEST
            && !line.starts_with(b"-----BEGIN ")
            && !line.starts_with(b"-----END ")
    })
}

/// Returns the number of characters; of bytes if it is not UTF-8.
fn characters(value: &[u8]) -> usize {
    std::str::from_utf8(value).map_or(value.len(), |text| text.chars().count())
}
