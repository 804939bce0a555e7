//! Which calls read what references stand for: as few as possible.
//!
//! The same version of a secret or a parameter is read once for all references to it, so that a user name
//! and a password are of one version. Current versions of secrets are read 20 at a time, parameters 10 at a
//! time; other versions of secrets are read one by one, as a batch has no versions.

use std::collections::BTreeSet;

use super::reference::{ParameterVersion, Reference, ReferenceTarget};
use crate::secrets_cache::ReadItem;
use roles_anywhere_client::aws::batch_get_secret_value::MAX_SECRETS;
use roles_anywhere_client::aws::get_parameters::MAX_PARAMETERS;
use roles_anywhere_client::aws::get_secret_value::SecretRequest;
use roles_anywhere_client::aws::json_protocol::JsonOperation;
use roles_anywhere_client::aws::parameter::{Decryption, ParameterRequest, ParameterSelector};
use roles_anywhere_client::region::Region;

/// The calls for a list of references.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LookupPlan {
    lookups: Vec<Lookup>,
    calls: Vec<Call>,
    /// The lookup of each reference.
    of_references: Vec<usize>,
}

/// A version of a secret or a parameter that is read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lookup {
    /// The role and the Region.
    pub scope: Scope,
    /// What is read.
    pub item: LookupItem,
}

/// The role that reads something, and the Region that holds it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Scope {
    /// A role of the configuration file; `None` for that of the command.
    pub role: Option<Box<str>>,
    /// The Region.
    pub region: Region,
}

/// A version of a secret or a parameter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LookupItem {
    /// A secret.
    Secret(SecretRequest),
    /// A parameter.
    Parameter(ParameterRequest),
}

/// A call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Call {
    /// The role and the Region.
    pub scope: Scope,
    /// The operation.
    pub operation: JsonOperation,
    /// The indices of what it reads.
    pub lookups: Vec<usize>,
}

impl LookupPlan {
    /// Returns the calls for `references`; `scope` returns the role that a name means, with the Region of
    /// references without one.
    pub fn new<'a>(
        references: impl IntoIterator<Item = &'a Reference>,
        scope: impl Fn(Option<&str>) -> Scope,
    ) -> Self {
        let (mut lookups, mut of_references): (Vec<Lookup>, Vec<usize>) = (Vec::new(), Vec::new());
        for reference in references {
            let mut scope = scope(reference.role());
            if let Some(region) = reference.region() {
                scope.region = region.clone();
            }
            let lookup = Lookup { scope, item: LookupItem::of(reference) };
            let known = lookups.iter().position(|other| *other == lookup);
            of_references.push(known.unwrap_or(lookups.len()));
            if known.is_none() {
                lookups.push(lookup);
            }
        }
        let calls = calls(&lookups);
        Self { lookups, calls, of_references }
    }

    /// Returns the calls for `secrets`, each another one, in a Region: with the role of the command.
    pub fn of_secrets(secrets: &[SecretRequest], region: &Region) -> Self {
        let of = |secret: &SecretRequest| Lookup {
            scope: Scope { role: None, region: region.clone() },
            item: LookupItem::Secret(secret.clone()),
        };
        let lookups: Vec<Lookup> = secrets.iter().map(of).collect();
        let (calls, of_references) = (calls(&lookups), (0..lookups.len()).collect());
        Self { lookups, calls, of_references }
    }

    /// Returns what is read.
    pub fn lookups(&self) -> &[Lookup] {
        &self.lookups
    }

    /// Returns the calls.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// Returns the index of what the reference at `index` needs.
    pub fn lookup_of(&self, index: usize) -> usize {
        self.of_references[index]
    }

    /// Returns the roles that are used, sorted; `None` is the command's own.
    pub fn roles(&self) -> BTreeSet<Option<&str>> {
        self.lookups.iter().map(|lookup| lookup.scope.role.as_deref()).collect()
    }
}

impl LookupItem {
    /// Returns what is read for a reference.
    pub fn of(reference: &Reference) -> Self {
        match reference.target() {
            ReferenceTarget::Secret { id, version } => Self::Secret(SecretRequest {
                secret: id.clone(),
                version_id: version.id.clone(),
                version_stage: version.stage.clone(),
            }),
            ReferenceTarget::Parameter { name, version, .. } => Self::Parameter(ParameterRequest {
                parameter: name.clone(),
                selector: match version {
                    ParameterVersion::Latest => None,
                    ParameterVersion::Number(number) => {
                        Some(ParameterSelector::Version(number.get()))
                    }
                    ParameterVersion::Label(label) => Some(ParameterSelector::Label(label.clone())),
                },
            }),
        }
    }

    /// Returns it as the cache reads it: a parameter as plaintext.
    pub fn into_read(self) -> ReadItem {
        match self {
            Self::Secret(request) => ReadItem::Secret(request),
            Self::Parameter(request) => ReadItem::Parameter(request, Decryption::Decrypted),
        }
    }

    /// Returns whether a batch can read it.
    fn is_of_batch(&self) -> bool {
        matches!(self, Self::Secret(SecretRequest { version_id: None, version_stage: None, .. }))
    }
}

fn calls(lookups: &[Lookup]) -> Vec<Call> {
    let mut scopes: Vec<&Scope> = Vec::new();
    for Lookup { scope, .. } in lookups {
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    scopes.into_iter().flat_map(|scope| calls_in(scope, lookups)).collect()
}

fn calls_in(scope: &Scope, lookups: &[Lookup]) -> Vec<Call> {
    let of_scope = lookups.iter().enumerate().filter(|(_, lookup)| lookup.scope == *scope);
    let (mut current, mut versions, mut parameters) = (Vec::new(), Vec::new(), Vec::new());
    for (index, lookup) in of_scope {
        match &lookup.item {
            item if item.is_of_batch() => current.push(index),
            LookupItem::Secret(_) => versions.push(index),
            LookupItem::Parameter(_) => parameters.push(index),
        }
    }
    let call = |operation, lookups: &[usize]| Call {
        scope: scope.clone(),
        operation,
        lookups: lookups.to_vec(),
    };
    let current = current.chunks(MAX_SECRETS).map(|secrets| match secrets {
        // One by itself needs no permission for batches.
        [_] => call(JsonOperation::GetSecretValue, secrets),
        _ => call(JsonOperation::BatchGetSecretValue, secrets),
    });
    let versions = versions.chunks(1).map(|secret| call(JsonOperation::GetSecretValue, secret));
    let parameters = parameters.chunks(MAX_PARAMETERS);
    let parameters = parameters.map(|names| call(JsonOperation::GetParameters, names));
    current.chain(versions).chain(parameters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns each call as its operation, its role and Region, and the number of what it reads.
    fn calls_of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let references: Vec<_> =
            texts.into_iter().map(|text| Reference::parse(text).unwrap()).collect();
        let plan = LookupPlan::new(&references, |role| {
            let region = if role.is_some() { "eu-west-1" } else { "us-east-1" };
            Scope { role: role.map(Into::into), region: Region::parse(region).unwrap() }
        });
        let calls = plan.calls().iter().map(|Call { scope: Scope { role, region }, .. }| {
            role.as_ref().map_or_else(|| region.to_string(), |role| format!("{region} as {role}"))
        });
        let counts = plan.calls().iter().map(|call| (call.operation, call.lookups.len()));
        calls.zip(counts).map(|(scope, (call, n))| format!("{call} {n} in {scope}")).collect()
    }

    #[test]
    fn all_references_to_a_secret_share_one_call() {
        let texts = [
            "sm://prod/db#user",
            "sm://prod/db#password?stage=AWSCURRENT",
            "sm://prod/db?optional",
            "{{resolve:secretsmanager:prod/db:SecretString:password}}",
        ];
        assert_eq!(calls_of(texts), ["GetSecretValue 1 in us-east-1"]);
    }

    #[test]
    fn secrets_are_read_by_20_and_parameters_by_10() {
        let texts = |of: fn(usize) -> String, n: usize| (0..n).map(of).collect::<Vec<_>>();
        let secrets = |n| {
            let texts = texts(|n| format!("sm://s{n}#key"), n);
            calls_of(texts.iter().map(String::as_str))
        };
        assert_eq!(secrets(20), ["BatchGetSecretValue 20 in us-east-1"]);
        let last = ["BatchGetSecretValue 20 in us-east-1", "GetSecretValue 1 in us-east-1"];
        assert_eq!(secrets(21), last);
        let parameters = texts(|n| format!("ssm:///p/{n}"), 11);
        assert_eq!(
            calls_of(parameters.iter().map(String::as_str)),
            ["GetParameters 10 in us-east-1", "GetParameters 1 in us-east-1"]
        );
    }

    #[test]
    fn versions_are_read_one_by_one() {
        let texts =
            ["sm://a", "sm://a?stage=AWSPREVIOUS", "sm://b?version=x", "sm://b", "sm://a#k"];
        assert_eq!(
            calls_of(texts),
            [
                "BatchGetSecretValue 2 in us-east-1",
                "GetSecretValue 1 in us-east-1",
                "GetSecretValue 1 in us-east-1"
            ]
        );
        let parameters = ["ssm://a", "ssm://a?version=1", "ssm://a?label=b", "{{resolve:ssm:a:1}}"];
        assert_eq!(calls_of(parameters), ["GetParameters 3 in us-east-1"]);
    }

    #[test]
    fn each_role_and_region_has_calls_of_its_own() {
        let texts = [
            "sm://a",
            "sm://a?region=eu-west-1",
            "sm://a?role=ops",
            "sm://b?role=ops",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:c-AbCdEf",
            "ssm://a?region=us-east-1",
        ];
        assert_eq!(
            calls_of(texts),
            [
                "BatchGetSecretValue 2 in us-east-1",
                "GetParameters 1 in us-east-1",
                "GetSecretValue 1 in eu-west-1",
                "BatchGetSecretValue 2 in eu-west-1 as ops"
            ]
        );
        assert_eq!(calls_of([]), [""; 0]);
    }
}
