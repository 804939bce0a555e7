//! Builds [`Resources`] from the file: makes ARNs, looks up names, reads other files.

mod attribute_mappings;
pub(super) mod certificates;
mod parameters;
mod policies;
mod profiles;
mod roles;
mod secrets;
mod trust_anchors;
mod users;

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::file::{CommonKeys, ConfigFile, ExportsTable};
use super::problem::Problems;
use super::reader::{At, TableKey, quoted};
use super::resource_arn::{self, ArnSource, Kind, Names};
use super::{Source, TrustAnchors};
use crate::account::{ACCOUNT, Exports, REGION, Resources};
use crate::arn::{Arn, Location};

/// A key that may be given, and its value if it is.
type Given<'a, T> = (&'static str, Option<(&'a Range<usize>, T)>);

/// Makes what a file describes, and reports what cannot be made.
pub(super) struct Builder<'a> {
    source: &'a Source<'a>,
    problems: &'a Problems<'a>,
    home: Location,
}

impl<'a> Builder<'a> {
    pub(super) fn new(source: &'a Source<'a>, problems: &'a Problems<'a>) -> Self {
        let home = Location { account: ACCOUNT.to_owned(), region: REGION.to_owned() };
        Self { source, problems, home }
    }

    /// Makes everything. What has a mistake is left out, and the mistake is reported.
    pub(super) fn resources(mut self, file: &ConfigFile, trust_anchors: TrustAnchors) -> Resources {
        let account = file.account.as_ref();
        if let Some(account) =
            account.and_then(|it| resource_arn::checked_account(self.problems, it))
        {
            self.home.account = account;
        }
        let region = file.region.as_ref();
        if let Some(region) = region.and_then(|it| resource_arn::checked_region(self.problems, it))
        {
            self.home.region = region;
        }
        let managed = self.managed_policies(&file.managed_policy);
        let (roles, role_names) = self.roles(&file.role, &managed);
        let users = self.users(file, &managed);
        let (profiles, profile_names) = self.profiles(&file.profile, &role_names, &managed);
        let (anchors, anchor_names) = self.trust_anchors(&file.trust_anchor);
        let secrets = self.secrets(&file.secret);
        let parameters = self.parameters(&file.parameter);
        self.check_enough(&anchor_names, &profile_names, &role_names, trust_anchors);
        let exports = self.exports(&file.exports, [&anchor_names, &profile_names, &role_names]);
        let regions = self.regions(
            &file.regions,
            anchors
                .iter()
                .map(|anchor| &anchor.arn)
                .chain(profiles.iter().map(|profile| &profile.arn))
                .chain(secrets.iter().map(|secret| &secret.arn))
                .chain(parameters.iter().map(|parameter| &parameter.arn)),
        );
        let home = self.home;
        Resources {
            home,
            regions,
            trust_anchors: anchors,
            profiles,
            roles,
            users,
            managed_policies: managed.into_iter().filter_map(|(arn, p)| Some((arn, p?))).collect(),
            secrets,
            parameters,
            exports,
        }
    }

    fn exports(&self, table: &Option<ExportsTable>, names: [&Names; 3]) -> Exports {
        let [anchors, profiles, roles] = names;
        let pick = |name: Option<&At<String>>, names: &Names| match name {
            Some(name) => names.find(self.problems, name),
            None => names.only(),
        };
        let of = |get: fn(&ExportsTable) -> &Option<At<String>>| {
            table.as_ref().and_then(|table| get(table).as_ref())
        };
        Exports {
            trust_anchor: pick(of(|table| &table.trust_anchor), anchors),
            profile: pick(of(|table| &table.profile), profiles),
            role: pick(of(|table| &table.role), roles),
        }
    }

    /// Every Region that a resource is in, and those that are listed.
    fn regions<'r>(
        &self,
        listed: &[At<String>],
        arns: impl Iterator<Item = &'r Arn>,
    ) -> BTreeSet<String> {
        let listed = listed.iter().filter_map(|at| resource_arn::checked_region(self.problems, at));
        let regions = arns.map(|arn| arn.location().region);
        listed.chain(regions).chain([self.home.region.clone()]).collect()
    }

    /// Without one of each, no session can be created.
    fn check_enough(
        &self,
        anchors: &Names,
        profiles: &Names,
        roles: &Names,
        trust_anchors: TrustAnchors,
    ) {
        let missing = |what: &str, hint: &str| {
            self.problems.add_missing(&format!("describes no {what}"), hint);
        };
        if anchors.is_empty() && trust_anchors == TrustAnchors::Required {
            missing(
                "trust anchor",
                "add `[trust-anchor.NAME]` with `certificate = \"ca.pem\"`, or pass \
                 `--trust-anchor ca.pem`",
            );
        }
        if profiles.is_empty() {
            missing("profile", "add `[profile.NAME]` with `roles = [\"ROLE\"]`");
        }
        if roles.is_empty() {
            missing("role", "add `[role.NAME]` with `trust-policy-file = \"trust.json\"`");
        }
    }

    /// Returns the ARN of a table.
    fn arn(&self, place: &ArnSource<'_>) -> Option<Arn> {
        place.arn(self.problems, &self.home)
    }

    /// Reads a file that the configuration names, relative to its own directory.
    fn read(&self, path: &At<String>) -> Option<(PathBuf, Vec<u8>)> {
        let directory = self.source.path.parent().unwrap_or_else(|| Path::new(""));
        let file = directory.join(&path.value);
        let read = (self.source.read_file)(&file);
        match read {
            Ok(bytes) => Some((file, bytes)),
            Err(error) => {
                let message = format!("cannot read `{}`: {error}", file.display());
                self.problems.add(&path.span, message);
                None
            }
        }
    }

    /// Reports what is wrong with a file where it is named.
    fn report<T>(&self, at: &At<String>, file: &Path, result: Result<T, String>) -> Option<T> {
        result
            .map_err(|message| {
                self.problems.add(&at.span, format!("`{}` {message}", file.display()));
            })
            .ok()
    }

    /// Returns the one key of several that is there; none or more than one is a mistake.
    fn one_of<T, const N: usize>(
        &self,
        kind: Kind,
        key: &TableKey,
        given: [Given<'_, T>; N],
    ) -> Option<T> {
        let names = given.each_ref().map(|(name, _)| *name);
        let mut found = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let Some((first, (_, value))) = found.next() else {
            if names.iter().any(|name| key.misread.contains(name)) {
                return None;
            }
            let names = names.map(|name| format!("`{name}`"));
            let message = format!(
                "`[{}.{}]` lacks {}",
                kind.table(),
                quoted(&key.name.value),
                names.join(" or ")
            );
            self.problems.add(&key.name.span, message);
            return None;
        };
        if let Some((second, (span, _))) = found.next() {
            self.problems.add(span, format!("`{first}` and `{second}` cannot be used together"));
            return None;
        }
        Some(value)
    }
}

/// Returns what a table is for; without a description, which table it is, as an ARN that was made
/// from its name does not say.
fn description(kind: Kind, key: &TableKey, keys: &CommonKeys) -> Option<String> {
    let name = &key.name.value;
    let table =
        || (!name.starts_with("arn:")).then(|| format!("[{}.{}]", kind.table(), quoted(name)));
    keys.description.as_ref().map(|description| description.value.clone()).or_else(table)
}
