//! `{{resolve:…}}` of CloudFormation.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html>

use std::fmt;

use super::{
    Fallback, FoundReference, Notation, ParameterTypes, ParameterVersion, Part, Reference,
    ReferenceError, ReferenceTarget, SecretVersionSelector, Written, name, near_miss,
};
use roles_anywhere_client::aws::get_secret_value::SecretId;
use roles_anywhere_client::aws::parameter::ParameterId;

/// What a reference begins with.
pub(super) const START: &str = "{{resolve:";
const END: &str = "}}";
/// The part before the key; it may be empty.
const SECRET_STRING: &str = "SecretString";

/// Finds the references in a text, and what begins like one. Braces that begin nothing of the kind are
/// text.
pub fn dynamic_references(text: &str) -> Vec<FoundReference> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = text[from..].find("{{").map(|at| from + at) {
        if !text[start..].starts_with(START) {
            if near_miss::is_like_resolve(&text[start..]) {
                let reference = Err(ReferenceError::Resolve);
                found.push(FoundReference { range: start..start + 2, reference });
            }
            // The second brace can begin a reference.
            from = start + 1;
            continue;
        }
        // A reference holds no braces and no line break: what follows those is not of it.
        let inside = start + START.len();
        let stop = text[inside..].find(['{', '}', '\n', '\r']).map_or(text.len(), |at| inside + at);
        let (end, reference) = match text[stop..].starts_with(END) {
            true => (stop + END.len(), parse(&text[start..stop + END.len()])),
            false => (stop, Err(ReferenceError::Unclosed)),
        };
        found.push(FoundReference { range: start..end, reference });
        from = end;
    }
    found
}

/// Parses a text that is one reference.
pub(super) fn parse(text: &str) -> Result<Reference, ReferenceError> {
    let inside = text.strip_prefix(START).and_then(|rest| rest.strip_suffix(END));
    let inside = inside.ok_or(ReferenceError::Unclosed)?;
    if inside.contains(|c: char| c.is_whitespace()) {
        return Err(ReferenceError::Space);
    }
    if let Some(c) = inside.chars().find(|c| c.is_control() || matches!(c, '{' | '}')) {
        return Err(ReferenceError::ResolveCharacter(c));
    }
    if inside.ends_with('\\') {
        return Err(ReferenceError::Backslash);
    }
    let parts: Vec<&str> = inside.split(':').collect();
    let (target, part) = match &parts[..] {
        ["secretsmanager", rest @ ..] => secret(rest)?,
        ["ssm", rest @ ..] => (parameter(rest, ParameterTypes::Plain)?, Part::Whole),
        ["ssm-secure", rest @ ..] => (parameter(rest, ParameterTypes::Secure)?, Part::Whole),
        _ => return Err(ReferenceError::Service),
    };
    Ok(Reference {
        target,
        part,
        region: None,
        role: None,
        fallback: Fallback::None,
        notation: Notation::CloudFormation,
    })
}

fn secret(parts: &[&str]) -> Result<(ReferenceTarget, Part), ReferenceError> {
    let of_id = if parts.first() == Some(&"arn") { 7 } else { 1 };
    let (Some(id), Some(rest)) = (parts.get(..of_id), parts.get(of_id..)) else {
        return Err(ReferenceError::SecretParts);
    };
    let [kind, key, stage, version] = match *rest {
        [] => [""; 4],
        [kind] => [kind, "", "", ""],
        [kind, key] => [kind, key, "", ""],
        [kind, key, stage] => [kind, key, stage, ""],
        [kind, key, stage, version] => [kind, key, stage, version],
        _ => return Err(ReferenceError::SecretParts),
    };
    if !["", SECRET_STRING].contains(&kind) {
        return Err(ReferenceError::NotSecretString);
    }
    if !stage.is_empty() && !version.is_empty() {
        return Err(ReferenceError::Exclusive("stage", "version"));
    }
    let id = name::secret(&id.join(":"))?;
    let label = |text: &str, of| (!text.is_empty()).then(|| name::label(text, of)).transpose();
    let version = SecretVersionSelector::new(label(stage, "stage")?, label(version, "version")?);
    let part = match key {
        "" => Part::Whole,
        key => Part::Member(key.to_owned()),
    };
    Ok((ReferenceTarget::Secret { id, version }, part))
}

fn parameter(parts: &[&str], types: ParameterTypes) -> Result<ReferenceTarget, ReferenceError> {
    let (name, version) = match *parts {
        [name] => (name, ParameterVersion::Latest),
        ["arn", ..] => return Err(ReferenceError::ParameterArn),
        [name, version] => (name, ParameterVersion::Number(name::number(version)?)),
        _ => return Err(ReferenceError::ParameterParts),
    };
    let name = ParameterId::Name(name::parameter_name(name)?);
    Ok(ReferenceTarget::Parameter { name, version, types })
}

pub(super) fn write(written: &Written<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match &written.reference.target {
        ReferenceTarget::Secret { id, version } => write_secret(written, id, version, f),
        ReferenceTarget::Parameter { name, version, types } => {
            let service = if *types == ParameterTypes::Secure { "ssm-secure" } else { "ssm" };
            write!(f, "{START}{service}:{}", written.parameter(name))?;
            if let ParameterVersion::Number(number) = version {
                write!(f, ":{number}")?;
            }
            f.write_str(END)
        }
    }
}

fn write_secret(
    written: &Written<'_>,
    id: &SecretId,
    version: &SecretVersionSelector,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    write!(f, "{START}secretsmanager:{}", written.secret(id))?;
    let key = match &written.reference.part {
        Part::Member(key) | Part::Path(key) => written.word(key),
        Part::Whole | Part::AllMembers => "",
    };
    let text = |text: &Option<String>| text.as_deref().map_or("", |it| written.word(it)).to_owned();
    let (stage, id) = (text(&version.stage), text(&version.id));
    let parts = [key, &stage, &id];
    if let Some(last) = parts.iter().rposition(|part| !part.is_empty()) {
        write!(f, ":{SECRET_STRING}:{}", parts[..=last].join(":"))?;
    }
    f.write_str(END)
}
