//! `valueFrom` of a container definition of ECS.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html>
//!
//! The parts behind the name of a secret are read as the ECS agent reads them: one position before those
//! of CloudFormation, as there is no `SecretString`.

use std::fmt;

use super::{
    Fallback, Notation, ParameterTypes, ParameterVersion, Part, Reference, ReferenceError,
    ReferenceTarget, SecretVersionSelector, Written, name,
};
use roles_anywhere_client::aws::get_secret_value::SecretId;
use roles_anywhere_client::aws::parameter::ParameterId;

/// Returns whether a text is an ARN that ECS takes, right or wrong: that of a secret or a parameter.
pub(super) fn is_arn(text: &str) -> bool {
    let mut parts = text.splitn(6, ':');
    let (Some("arn"), Some(_), Some(service)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let resource = parts.nth(2).unwrap_or_default();
    match service {
        "secretsmanager" => resource.starts_with("secret:"),
        "ssm" => resource.starts_with("parameter/"),
        _ => false,
    }
}

/// Parses an ARN or the name of a parameter.
pub(super) fn parse(text: &str) -> Result<Reference, ReferenceError> {
    if text.starts_with("arn:") {
        return arn(text);
    }
    Ok(reference(parameter(ParameterId::Name(name::parameter_name(text)?)), Part::Whole))
}

/// Parses an ARN.
pub(super) fn arn(text: &str) -> Result<Reference, ReferenceError> {
    let parts: Vec<&str> = text.split(':').collect();
    if parts.get(2) == Some(&"ssm") {
        let arn = name::parameter_arn(text)?;
        return Ok(reference(parameter(ParameterId::Arn(arn)), Part::Whole));
    }
    let (id, [key, stage, version]) = match &parts[..] {
        id @ [_, _, _, _, _, _, _] => (id, [""; 3]),
        [id @ .., key, stage, version] if id.len() == 7 => (id, [*key, *stage, *version]),
        _ => return Err(ReferenceError::ValueFromParts),
    };
    let id = SecretId::Arn(name::secret_arn(&id.join(":"))?);
    let label = |text: &str, of| (!text.is_empty()).then(|| name::label(text, of)).transpose();
    let version = SecretVersionSelector::new(label(stage, "stage")?, label(version, "version")?);
    let part = match key {
        "" => Part::Whole,
        key => Part::Member(key.to_owned()),
    };
    Ok(reference(ReferenceTarget::Secret { id, version }, part))
}

fn parameter(name: ParameterId) -> ReferenceTarget {
    ReferenceTarget::Parameter {
        name,
        version: ParameterVersion::Latest,
        types: ParameterTypes::Any,
    }
}

fn reference(target: ReferenceTarget, part: Part) -> Reference {
    let (region, role, fallback) = (None, None, Fallback::None);
    Reference { target, part, region, role, fallback, notation: Notation::Ecs }
}

pub(super) fn write(written: &Written<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (id, version) = match &written.reference.target {
        ReferenceTarget::Parameter { name, .. } => return f.write_str(&written.parameter(name)),
        ReferenceTarget::Secret { id, version } => (id, version),
    };
    f.write_str(&written.secret(id))?;
    let key = match &written.reference.part {
        Part::Member(key) | Part::Path(key) => written.word(key),
        Part::Whole | Part::AllMembers => "",
    };
    let text = |text: &Option<String>| text.as_deref().map_or("", |it| written.word(it)).to_owned();
    let (stage, id) = (text(&version.stage), text(&version.id));
    if key.is_empty() && stage.is_empty() && id.is_empty() {
        return Ok(());
    }
    write!(f, ":{key}:{stage}:{id}")
}
