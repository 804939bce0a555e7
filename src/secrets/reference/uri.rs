//! `sm://NAME-OR-ARN[#KEY][?OPTIONS]` and `ssm://NAME-OR-ARN[#KEY][?OPTIONS]`.
//!
//! KEY and the values of options are percent-decoded; `+` is a plus. `*` means all members as long as it
//! is not encoded.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{
    Fallback, Notation, ParameterTypes, ParameterVersion, Part, Reference, ReferenceError,
    ReferenceTarget, SecretVersionSelector, Written, name,
};
use roles_anywhere_client::aws::get_secret_value::SecretId;
use roles_anywhere_client::aws::parameter::ParameterId;
use roles_anywhere_client::region::Region;
use roles_anywhere_client::secret::Secret;

/// What a reference to a secret begins with.
pub(super) const SECRET: &str = "sm://";
/// What a reference to a parameter begins with.
pub(super) const PARAMETER: &str = "ssm://";

/// What is encoded in a key or in the value of an option: all but what needs it nowhere.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/')
    .remove(b':')
    .remove(b'@')
    .remove(b',')
    .remove(b'+')
    .remove(b'=');

/// Parses what follows `sm://`.
pub(super) fn secret(text: &str) -> Result<Reference, ReferenceError> {
    let (name, part, options) = split(text)?;
    let id = name::secret(name)?;
    let mut given = Given::read(options, &part, &["stage", "version"])?;
    let version = SecretVersionSelector::new(given.take("stage"), given.take("version"));
    if version.stage.is_some() && version.id.is_some() {
        return Err(ReferenceError::Exclusive("stage", "version"));
    }
    let region = match &id {
        SecretId::Arn(arn) => given.region_beside(arn.region())?,
        SecretId::Name(_) => given.region,
    };
    let target = ReferenceTarget::Secret { id, version };
    let (role, fallback) = (given.role, given.fallback);
    Ok(Reference { target, part, region, role, fallback, notation: Notation::Uri })
}

/// Parses what follows `ssm://`.
pub(super) fn parameter(text: &str) -> Result<Reference, ReferenceError> {
    let (name, part, options) = split(text)?;
    let name = name::parameter(name)?;
    let mut given = Given::read(options, &part, &["label", "version"])?;
    let version = match (given.take("version"), given.take("label")) {
        (Some(_), Some(_)) => return Err(ReferenceError::Exclusive("label", "version")),
        (Some(version), None) => ParameterVersion::Number(name::number(&version)?),
        (None, Some(label)) => ParameterVersion::Label(label),
        (None, None) => ParameterVersion::Latest,
    };
    let region = match &name {
        ParameterId::Arn(arn) => given.region_beside(arn.region())?,
        ParameterId::Name(_) => given.region,
    };
    let target = ReferenceTarget::Parameter { name, version, types: ParameterTypes::Any };
    let (role, fallback) = (given.role, given.fallback);
    Ok(Reference { target, part, region, role, fallback, notation: Notation::Uri })
}

/// Returns the name, the part and the options.
fn split(text: &str) -> Result<(&str, Part, Option<&str>), ReferenceError> {
    if let Some(control) = text.chars().find(|c| c.is_control()) {
        return Err(ReferenceError::Control(control));
    }
    let (path, options) = match text.split_once('?') {
        Some((path, options)) => (path, Some(options)),
        None => (text, None),
    };
    if options.is_some_and(|options| options.contains('#')) {
        return Err(ReferenceError::KeyAfterOptions);
    }
    let (name, part) = match path.split_once('#') {
        None => (path, Part::Whole),
        Some((_, "")) => return Err(ReferenceError::NoKey),
        Some((name, "*")) => (name, Part::AllMembers),
        Some((name, key)) => (name, Part::Path(decoded(key)?)),
    };
    Ok((name, part, options))
}

/// The options of a reference.
struct Given {
    /// Those that are of one service only.
    versions: Vec<(&'static str, String)>,
    region: Option<Region>,
    role: Option<Box<str>>,
    fallback: Fallback,
}

/// All options, for the error of an unknown one.
pub(super) const OPTIONS: [&str; 7] =
    ["stage", "version", "label", "region", "role", "optional", "default"];

impl Given {
    fn read(
        options: Option<&str>,
        part: &Part,
        versions: &[&'static str],
    ) -> Result<Self, ReferenceError> {
        let mut given =
            Self { versions: Vec::new(), region: None, role: None, fallback: Fallback::None };
        let mut seen: Vec<&'static str> = Vec::new();
        for option in options.into_iter().flat_map(|options| options.split('&')) {
            let (typed, value) = match option.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (option, None),
            };
            let Some(name) = OPTIONS.into_iter().find(|name| *name == typed) else {
                return Err(match typed {
                    _ if seen.contains(&"default") => ReferenceError::AfterDefault,
                    "" => ReferenceError::NoOption,
                    typed => ReferenceError::unknown_option(typed),
                });
            };
            if seen.contains(&name) {
                return Err(ReferenceError::Repeated(name));
            }
            seen.push(name);
            match (name, value) {
                ("optional", None) => given.add_fallback(Fallback::Absent)?,
                ("optional", Some(_)) => return Err(ReferenceError::ValueOfOptional),
                (_, None) => return Err(ReferenceError::EmptyOption(name)),
                ("default", Some(_)) if *part == Part::AllMembers => {
                    return Err(ReferenceError::DefaultOfAll);
                }
                ("default", Some(text)) => {
                    let text = decoded(text)?;
                    if text.contains('\0') {
                        return Err(ReferenceError::NulInDefault);
                    }
                    given.add_fallback(Fallback::Text(Secret::new(text)))?;
                }
                ("region", Some(region)) => given.region = Some(name::region(&decoded(region)?)?),
                ("role", Some(role)) => given.role = Some(name::role(&decoded(role)?)?),
                (_, Some(value)) if versions.contains(&name) => {
                    given.versions.push((name, name::label(&decoded(value)?, name)?));
                }
                _ => return Err(ReferenceError::OtherService { option: name }),
            }
        }
        Ok(given)
    }

    fn add_fallback(&mut self, fallback: Fallback) -> Result<(), ReferenceError> {
        match self.fallback {
            Fallback::None => self.fallback = fallback,
            _ => return Err(ReferenceError::Exclusive("optional", "default")),
        }
        Ok(())
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.versions.iter().position(|(given, _)| *given == name)?;
        Some(self.versions.swap_remove(at).1)
    }

    /// Refuses another Region than that of an ARN, which says it already.
    fn region_beside(&self, of_arn: &Region) -> Result<Option<Region>, ReferenceError> {
        match &self.region {
            Some(region) if region != of_arn => {
                Err(ReferenceError::RegionOfArn { arn: of_arn.clone(), option: region.clone() })
            }
            _ => Ok(None),
        }
    }
}

fn decoded(text: &str) -> Result<String, ReferenceError> {
    let is_hex = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    if text.split('%').skip(1).any(|rest| !is_hex(rest)) {
        return Err(ReferenceError::Percent);
    }
    let text = percent_decode_str(text).decode_utf8().map_err(|_| ReferenceError::NotUtf8)?;
    Ok(text.into_owned())
}

pub(super) fn write(written: &Written<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Reference { target, part, region, role, fallback, .. } = written.reference;
    match target {
        ReferenceTarget::Secret { id, .. } => write!(f, "{SECRET}{}", written.secret(id))?,
        ReferenceTarget::Parameter { name, .. } => {
            write!(f, "{PARAMETER}{}", written.parameter(name))?;
        }
    }
    match part {
        Part::Whole => {}
        Part::AllMembers => f.write_str("#*")?,
        Part::Member(key) | Part::Path(key) => {
            write!(f, "#{}", encoded(written, key))?;
        }
    }
    let mut options: Vec<(&str, Option<String>)> = Vec::new();
    match target {
        ReferenceTarget::Secret { version: SecretVersionSelector { stage, id }, .. } => {
            options.extend(stage.as_ref().map(|it| ("stage", Some(encoded(written, it)))));
            options.extend(id.as_ref().map(|it| ("version", Some(encoded(written, it)))));
        }
        ReferenceTarget::Parameter { version: ParameterVersion::Latest, .. } => {}
        ReferenceTarget::Parameter { version: ParameterVersion::Number(number), .. } => {
            options.push(("version", Some(number.to_string())));
        }
        ReferenceTarget::Parameter { version: ParameterVersion::Label(label), .. } => {
            options.push(("label", Some(encoded(written, label))));
        }
    }
    options.extend(region.as_ref().map(|region| ("region", Some(region.to_string()))));
    options.extend(role.as_ref().map(|role| ("role", Some(written.word(role).to_owned()))));
    match fallback {
        Fallback::Absent => options.push(("optional", None)),
        Fallback::Text(text) if !written.is_for_message => {
            options.push(("default", Some(encoded(written, text.expose()))));
        }
        Fallback::None | Fallback::Text(_) => {}
    }
    for (at, (name, value)) in options.into_iter().enumerate() {
        write!(f, "{}{name}", if at == 0 { '?' } else { '&' })?;
        if let Some(value) = value {
            write!(f, "={value}")?;
        }
    }
    Ok(())
}

fn encoded(written: &Written<'_>, text: &str) -> String {
    match written.word(text) {
        shown if written.is_for_message => shown.to_owned(),
        text => encoded_text(text),
    }
}

/// Returns a text as it stands in a key or in the value of an option.
pub(super) fn encoded_text(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}
