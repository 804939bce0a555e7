//! The names and ARNs of secrets and parameters, as requests give them and as AWS returns them.

use std::borrow::Cow;

use super::ItemKind;
use crate::secrets_cache::{FetchedValue, ReadItem};
use roles_anywhere_client::aws::get_secret_value::SecretId;
use roles_anywhere_client::aws::parameter::{
    Parameter, ParameterId, ParameterRequest, SECRET_REFERENCE,
};

/// Kind, and name or ARN.
pub(super) type ItemName<'a> = (ItemKind, Cow<'a, str>);

/// What a secret or a parameter is called.
#[derive(Debug, Default)]
pub(super) struct ItemNames<'a> {
    /// Its names and its ARN.
    pub(super) own: Vec<ItemName<'a>>,
    /// Other names that a rule of `deny` may be about: a secret that the Parameter Store returns is a
    /// parameter too.
    pub(super) other: Vec<ItemName<'a>>,
    /// What else it may be called, which is known once it is read: names, and ARNs as patterns.
    pub(super) possible: Vec<ItemName<'a>>,
}

/// In a possible ARN, a part that is not known: any characters but a colon.
const PART: u8 = 1;

/// The longest ARN of AWS.
const LONGEST: usize = 2_048;

impl<'a> ItemNames<'a> {
    /// Returns what is known of what is requested.
    pub(super) fn requested(item: &'a ReadItem) -> Self {
        match item {
            ReadItem::Secret(request) => match &request.secret {
                SecretId::Name(name) => Self::of_secret(name.into()),
                SecretId::Arn(arn) => Self::of_secret(arn.to_string().into()),
            },
            ReadItem::Parameter(request, _) => match (reference(request), &request.parameter) {
                (Some(secret), parameter) => {
                    let names = Self::of_secret(secret.into());
                    let parameter = parameter.to_string();
                    Self { other: vec![(ItemKind::Parameter, parameter.into())], ..names }
                }
                (None, ParameterId::Name(name)) => Self::of_parameter(name),
                (None, ParameterId::Arn(arn)) => Self::of_parameter_arn(arn.to_string()),
            },
        }
    }

    /// Returns what was found.
    pub(super) fn found(found: &'a FetchedValue) -> Self {
        let parameter = match found {
            FetchedValue::Secret(secret) => {
                let names = [secret.name.as_str().into(), secret.arn.as_str().into()];
                let own = names.map(|name| (ItemKind::Secret, name)).into();
                return Self { own, ..Self::default() };
            }
            FetchedValue::Parameter(parameter) => parameter,
        };
        let Parameter { name, arn, .. } = parameter;
        let texts = [Some(name.as_str()), arn.as_deref()].into_iter().flatten();
        let of_parameter = texts.map(|text| (ItemKind::Parameter, text.into())).collect();
        let secret_arn = arn.as_deref().filter(|arn| name_of_secret(arn).is_some());
        let referred = [Some(name.as_str()), arn.as_deref()].into_iter().flatten();
        let referred = referred.filter_map(referred_secret).next();
        match (secret_arn, referred) {
            (Some(arn), referred) => {
                // The name in the ARN is the secret's; that of the parameter is what was asked for.
                let referred = referred.map(|id| (ItemKind::Secret, id.into()));
                let other = [of_parameter, referred.into_iter().collect()].concat();
                Self { other, possible: Vec::new(), ..Self::of_secret(arn.into()) }
            }
            (None, Some(id)) => {
                Self { other: of_parameter, possible: Vec::new(), ..Self::of_secret(id.into()) }
            }
            (None, None) => Self { own: of_parameter, ..Self::default() },
        }
    }

    fn of_secret(id: Cow<'a, str>) -> Self {
        let Some(name) = name_of_secret(&id) else {
            let arn = pattern("secretsmanager", &format!("secret:{id}-??????"));
            let own = vec![(ItemKind::Secret, id)];
            return Self { own, possible: of_kind(ItemKind::Secret, [arn]), ..Self::default() };
        };
        // Without its suffix, an ARN is that of the secret too; then what looks like it is of the name.
        let whole = without_suffix(name).unwrap_or(name).to_owned();
        let possible = [name.to_owned(), format!("{id}-??????")];
        let own = vec![(ItemKind::Secret, id), (ItemKind::Secret, whole.into())];
        Self { own, possible: of_kind(ItemKind::Secret, possible), ..Self::default() }
    }

    fn of_parameter(name: &'a str) -> Self {
        let arn = pattern("ssm", &format!("parameter/{}", name.trim_start_matches('/')));
        Self {
            own: vec![(ItemKind::Parameter, name.into())],
            possible: of_kind(ItemKind::Parameter, [arn]),
            ..Self::default()
        }
    }

    fn of_parameter_arn(arn: String) -> Self {
        // A name without another slash has none at its begin, or has: the ARN is the same.
        let path = parameter_path(&arn).unwrap_or_default();
        let names = [path.to_owned(), path.trim_start_matches('/').to_owned(), arn];
        Self { own: of_kind(ItemKind::Parameter, names), ..Self::default() }
    }
}

fn of_kind<'a, const N: usize>(kind: ItemKind, texts: [String; N]) -> Vec<ItemName<'a>> {
    texts.map(|text| (kind, text.into())).into()
}

fn pattern(service: &str, resource: &str) -> String {
    let part = char::from(PART);
    format!("arn:{part}:{service}:{part}:{part}:{resource}")
}

/// Returns the id of the secret that a parameter refers to.
fn reference(request: &ParameterRequest) -> Option<String> {
    // An ARN after the prefix was read as a label.
    let whole = request.to_string();
    let id = referred_secret(&whole)?;
    match id.starts_with("arn:") {
        true => Some(id.to_owned()),
        false => referred_secret(&request.parameter.to_string()).map(str::to_owned),
    }
}

/// Returns the id of the secret that a parameter with a name or an ARN refers to.
fn referred_secret(parameter: &str) -> Option<&str> {
    parameter_path(parameter).unwrap_or(parameter).strip_prefix(SECRET_REFERENCE)
}

/// Returns the name with its suffix in the ARN of a secret.
fn name_of_secret(arn: &str) -> Option<&str> {
    resource_of(arn, "secretsmanager")?.strip_prefix("secret:")
}

/// Returns the name in the ARN of a parameter, with a slash before it.
fn parameter_path(arn: &str) -> Option<&str> {
    resource_of(arn, "ssm")?.strip_prefix("parameter")
}

fn resource_of<'a>(arn: &'a str, service: &str) -> Option<&'a str> {
    let mut parts = arn.splitn(6, ':');
    let is_of = parts.next() == Some("arn") && parts.nth(1) == Some(service);
    parts.nth(2).filter(|_| is_of)
}

/// Returns the name without the hyphen and the six characters that end the ARN of a secret.
fn without_suffix(name: &str) -> Option<&str> {
    let (name, suffix) = name.rsplit_once('-')?;
    let is_suffix = suffix.len() == 6 && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_suffix.then_some(name)
}

/// Returns whether `pattern` matches a text that `name`, which may be a pattern too, stands for. A text that
/// is too long for AWS is none.
pub(super) fn intersect(pattern: &str, name: &str) -> bool {
    let (one, other) = (pattern.as_bytes(), name.as_bytes());
    if one.len().max(other.len()) > LONGEST {
        return false;
    }
    // For each rest of `other`, whether a text matches it and the rest of `one`.
    let mut below: Vec<bool> = Vec::new();
    for at in (0..=one.len()).rev() {
        let mut row = vec![false; other.len() + 1];
        for to in (0..=other.len()).rev() {
            let (left, right) = (one.get(at), other.get(to));
            let skip_left = |row: &[bool]| at < one.len() && row[to];
            let skip_right = |row: &[bool]| to < other.len() && row[to + 1];
            row[to] = match (left, right) {
                (None, None) => true,
                (Some(b'*'), _) | (_, Some(b'*')) => skip_left(&below) || skip_right(&row),
                (Some(b':'), Some(&PART)) => skip_right(&row),
                (_, Some(&PART)) => skip_left(&below) || skip_right(&row),
                (Some(left), Some(right)) => {
                    (left == right || *left == b'?' || *right == b'?') && below[to + 1]
                }
                _ => false,
            };
        }
        below = row;
    }
    below.first().copied().unwrap_or_default()
}
