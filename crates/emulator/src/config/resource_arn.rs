//! From the key of a table to an ARN, and from a name to the table that it means.

use sha2::{Digest as _, Sha256};

use super::file::CommonKeys;
use super::problem::Problems;
use super::reader::{At, TableKey};
use crate::arn::{Arn, Location, is_account, partition};
use crate::nearest::{did_you_mean, nearest};
use crate::uuid;

/// What a table of the file describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    TrustAnchor,
    Profile,
    Role,
    User,
    ManagedPolicy,
    Secret,
    Parameter,
}

impl Kind {
    /// Returns the heading of its tables.
    pub(super) const fn table(self) -> &'static str {
        match self {
            Self::TrustAnchor => "trust-anchor",
            Self::Profile => "profile",
            Self::Role => "role",
            Self::User => "user",
            Self::ManagedPolicy => "managed-policy",
            Self::Secret => "secret",
            Self::Parameter => "parameter",
        }
    }

    const fn service(self) -> &'static str {
        match self {
            Self::TrustAnchor | Self::Profile => "rolesanywhere",
            Self::Role | Self::User | Self::ManagedPolicy => "iam",
            Self::Secret => "secretsmanager",
            Self::Parameter => "ssm",
        }
    }

    /// Returns how the last part of an ARN begins.
    const fn prefix(self) -> &'static str {
        match self {
            Self::TrustAnchor => "trust-anchor/",
            Self::Profile => "profile/",
            Self::Role => "role/",
            Self::User => "user/",
            Self::ManagedPolicy => "policy/",
            Self::Secret => "secret:",
            Self::Parameter => "parameter/",
        }
    }

    /// IAM is in no Region.
    const fn is_regional(self) -> bool {
        !matches!(self, Self::Role | Self::User | Self::ManagedPolicy)
    }

    fn example(self) -> String {
        let region = if self.is_regional() { "REGION" } else { "" };
        format!("arn:aws:{}:{region}:ACCOUNT:{}…", self.service(), self.prefix())
    }
}

/// A table, and what its ARN is made from.
#[derive(Debug, Clone, Copy)]
pub(super) struct ArnSource<'a> {
    pub(super) kind: Kind,
    pub(super) key: &'a TableKey,
    pub(super) keys: &'a CommonKeys,
    /// The path of a role or a user.
    pub(super) path: &'a str,
}

impl ArnSource<'_> {
    /// Returns the ARN of the table: its key, its `arn`, or one that is made from its key.
    pub(super) fn arn(&self, problems: &Problems<'_>, home: &Location) -> Option<Arn> {
        let ArnSource { kind, key, keys, path } = *self;
        let key = &key.name;
        let whole = if key.value.starts_with("arn:") { Some(key) } else { keys.arn.as_ref() };
        if let Some(whole) = whole {
            for (name, extra) in [("account", &keys.account), ("region", &keys.region)] {
                if let Some(extra) = extra {
                    problems.add(&extra.span, format!("`{name}`: the ARN already contains it"));
                }
            }
            return checked(problems, kind, whole);
        }
        let account = match &keys.account {
            Some(account) => checked_account(problems, account)?,
            None => home.account.clone(),
        };
        let region = match &keys.region {
            Some(region) => checked_region(problems, region)?,
            None => home.region.clone(),
        };
        if !is_name(kind, &key.value) {
            let message = format!("`{}` is not a valid name of a {}", key.value, kind.table());
            problems.add(&key.span, message);
            return None;
        }
        Some(made(kind, &Location { account, region }, path, &key.value))
    }
}

/// Returns the ARN of a name.
fn made(kind: Kind, location: &Location, path: &str, name: &str) -> Arn {
    match kind {
        // AWS makes them up; here they are the same in every run.
        Kind::TrustAnchor | Kind::Profile => {
            let resource = format!("{}{}", kind.prefix(), stable_uuid(kind, name.as_bytes()));
            Arn::new(kind.service(), location, &resource)
        }
        Kind::Role | Kind::User | Kind::ManagedPolicy => {
            let partition = partition(&location.region);
            let (account, prefix) = (&location.account, kind.prefix());
            let path = path.trim_start_matches('/');
            let text = format!("arn:{partition}:iam::{account}:{prefix}{path}{name}");
            Arn::parse(&text).expect("none of its parts is empty")
        }
        Kind::Secret => crate::secrets::store::arn(location, name),
        Kind::Parameter => crate::parameters::selector::arn(location, name),
    }
}

/// Returns a UUID that is the same for the same name or certificate.
pub(super) fn stable_uuid(kind: Kind, bytes: &[u8]) -> String {
    let digest = Sha256::new().chain_update(kind.table()).chain_update([0]).chain_update(bytes);
    let mut octets = [0; 16];
    octets.copy_from_slice(&digest.finalize()[..16]);
    uuid::from_octets(octets)
}

fn checked(problems: &Problems<'_>, kind: Kind, text: &At<String>) -> Option<Arn> {
    let arn = Arn::parse(&text.value).ok().filter(|arn| {
        let Location { account, region } = arn.location();
        let name = arn.resource().strip_prefix(kind.prefix()).unwrap_or_default();
        let in_region = if kind.is_regional() { is_region(&region) } else { region.is_empty() };
        let in_account = is_account(&account) || kind == Kind::ManagedPolicy && account == "aws";
        arn.service() == kind.service() && in_region && in_account && !name.is_empty()
    });
    let Some(arn) = arn else {
        let message = format!("invalid ARN `{}`: expected {}", text.value, kind.example());
        problems.add(&text.span, message);
        return None;
    };
    if kind.is_regional() {
        let region = arn.location().region;
        let expected = partition(&region);
        if arn.partition() != expected {
            let message =
                format!("invalid ARN `{arn}`: the Region {region} is in the partition {expected}");
            problems.add(&text.span, message);
            return None;
        }
    }
    Some(arn)
}

pub(super) fn checked_account(problems: &Problems<'_>, account: &At<String>) -> Option<String> {
    if is_account(&account.value) {
        return Some(account.value.clone());
    }
    let message = format!("invalid account `{}`: expected 12 digits", account.value);
    problems.add(&account.span, message);
    None
}

pub(super) fn checked_region(problems: &Problems<'_>, region: &At<String>) -> Option<String> {
    if is_region(&region.value) {
        return Some(region.value.clone());
    }
    let message =
        format!("invalid Region `{}`: expected a name such as `eu-central-1`", region.value);
    problems.add(&region.span, message);
    None
}

/// `us-east-1`, `us-gov-west-1`, `eusc-de-east-1`.
fn is_region(text: &str) -> bool {
    let mut parts = text.split('-').rev();
    let number = parts.next().unwrap_or_default();
    let words: Vec<_> = parts.collect();
    !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && (2..=4).contains(&words.len())
        && words
            .iter()
            .all(|word| word.len() >= 2 && word.bytes().all(|byte| byte.is_ascii_lowercase()))
}

fn is_name(kind: Kind, name: &str) -> bool {
    let length = name.chars().count();
    match kind {
        Kind::TrustAnchor | Kind::Profile => (1..=255).contains(&length),
        Kind::Role | Kind::User | Kind::ManagedPolicy => {
            let most = if kind == Kind::ManagedPolicy { 128 } else { 64 };
            (1..=most).contains(&length)
                && name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c))
        }
        Kind::Secret => {
            (1..=512).contains(&length)
                && name.chars().all(|c| c.is_ascii_alphanumeric() || "/_+=.@-!".contains(c))
        }
        Kind::Parameter => crate::parameters::name::check_name(name).is_ok(),
    }
}

/// The tables of one kind, by key. What is wrong with one of them is reported once and not again
/// wherever it is named.
#[derive(Debug)]
pub(super) struct Names {
    kind: Kind,
    tables: Vec<(String, Option<Arn>)>,
}

impl Names {
    pub(super) const fn new(kind: Kind) -> Self {
        Self { kind, tables: Vec::new() }
    }

    /// Adds a table; one of the same ARN is a mistake.
    pub(super) fn add(
        &mut self,
        problems: &Problems<'_>,
        key: &TableKey,
        arn: Option<Arn>,
    ) -> Option<Arn> {
        let key = &key.name;
        let known = self.tables.iter().find(|(_, known)| arn.is_some() && *known == arn);
        let duplicate = known.map(|(name, _)| format!("`{name}` has the same ARN"));
        self.tables.push((key.value.clone(), arn.clone()));
        match duplicate {
            Some(message) => {
                problems.add(&key.span, message);
                None
            }
            None => arn,
        }
    }

    /// Returns the ARN of a name or an ARN, and reports one that no table has.
    pub(super) fn find(&self, problems: &Problems<'_>, name: &At<String>) -> Option<Arn> {
        let is_meant = |key: &str, arn: &Option<Arn>| {
            key == name.value || arn.as_ref().is_some_and(|arn| arn.as_str() == name.value)
        };
        if let Some((_, arn)) = self.tables.iter().find(|(key, arn)| is_meant(key, arn)) {
            return arn.clone();
        }
        // The name of a role whose table has an ARN for its key, if there is one in one account.
        let arns = self.tables.iter().filter_map(|(_, arn)| arn.as_ref());
        let mut named = arns.filter(|arn| arn.name() == name.value);
        if let (Some(arn), None) = (named.next(), named.next()) {
            return Some(arn.clone());
        }
        let table = self.kind.table();
        let suggestion =
            did_you_mean(nearest(&name.value, self.tables.iter().map(|(key, _)| key.as_str())));
        let message = format!("there is no `[{table}.NAME]` for `{}`{suggestion}", name.value);
        problems.add(&name.span, message);
        None
    }

    /// Returns the one ARN that there is, if there is just one.
    pub(super) fn only(&self) -> Option<Arn> {
        match &self.tables[..] {
            [(_, arn)] => arn.clone(),
            _ => None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }
}
