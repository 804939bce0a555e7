//! What references mean, which calls they cost, and which IAM actions and resources those need. Pure:
//! nothing is read.

use std::collections::BTreeMap;

use super::lookup::{Call, Lookup, LookupItem, LookupPlan};
use super::reference::{
    Fallback, NamedReference, ParameterTypes, ParameterVersion, Part, ReferenceTarget,
    SecretVersionSelector, shown_word,
};
use roles_anywhere_client::arn::RoleArn;
use roles_anywhere_client::aws::get_secret_value::SecretId;
use roles_anywhere_client::aws::json_protocol::JsonOperation;
use roles_anywhere_client::aws::parameter::{ParameterId, SECRET_REFERENCE};

/// The explanation of a list of references.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Explanation {
    /// Each reference, in their order.
    pub references: Vec<ExplainedReference>,
    /// The calls.
    pub calls: Vec<ExplainedCall>,
    /// What each role must be allowed, by its ARN.
    pub permissions: Vec<RolePermissions>,
}

/// What a reference means.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExplainedReference {
    /// The reference, as it may be shown.
    pub reference: String,
    /// What it means.
    pub meaning: String,
    /// The number of its call, from 1.
    pub call: usize,
}

/// A call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExplainedCall {
    /// The action, e.g. `ssm:GetParameters`.
    pub action: String,
    /// The Region.
    pub region: String,
    /// The role of the configuration file; `None` for that of the command.
    pub role: Option<String>,
    /// What it reads.
    pub names: Vec<String>,
}

/// What a role must be allowed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RolePermissions {
    /// The role.
    pub role: String,
    /// The resources of each action.
    pub actions: BTreeMap<String, Vec<String>>,
}

/// Explains `references`, whose calls are `plan`; `role` returns the IAM role that a name means.
pub fn explain<'a>(
    references: &[NamedReference],
    plan: &LookupPlan,
    role: impl Fn(Option<&str>) -> &'a RoleArn,
) -> Explanation {
    let call_of = |lookup: usize| {
        let call = plan.calls().iter().position(|call| call.lookups.contains(&lookup));
        call.map_or(0, |index| index + 1)
    };
    let explained = references.iter().enumerate().map(|(index, named)| ExplainedReference {
        reference: named.reference.shown(),
        meaning: meaning(named, &plan.lookups()[plan.lookup_of(index)]),
        call: call_of(plan.lookup_of(index)),
    });
    let mut permissions: Vec<RolePermissions> = Vec::new();
    for call in plan.calls() {
        let arn = role(call.scope.role.as_deref());
        let name = arn.to_string();
        let at = permissions.iter().position(|known| known.role == name).unwrap_or_else(|| {
            permissions.push(RolePermissions { role: name, actions: BTreeMap::new() });
            permissions.len() - 1
        });
        for (action, resource) in resources(call, plan, arn) {
            let resources = permissions[at].actions.entry(action).or_default();
            if !resources.contains(&resource) {
                resources.push(resource);
            }
        }
    }
    Explanation {
        references: explained.collect(),
        calls: plan.calls().iter().map(|call| explained_call(call, plan)).collect(),
        permissions,
    }
}

fn meaning(named: &NamedReference, lookup: &Lookup) -> String {
    let reference = &named.reference;
    let part = match reference.part() {
        Part::Whole => String::new(),
        Part::AllMembers => "all members of ".to_owned(),
        Part::Member(key) | Part::Path(key) => format!("member `{}` of ", shown_word(key)),
    };
    let target = match reference.target() {
        ReferenceTarget::Secret { id, version } => {
            let SecretVersionSelector { stage, id: version } = version;
            let stage = stage.as_deref().map(|stage| format!(", stage {}", shown_word(stage)));
            let version = version.as_deref().map(|id| format!(", version {}", shown_word(id)));
            format!(
                "secret {}{}{}",
                secret_name(id),
                stage.unwrap_or_default(),
                version.unwrap_or_default()
            )
        }
        ReferenceTarget::Parameter { name, version, types } => {
            let version = match version {
                ParameterVersion::Latest => String::new(),
                ParameterVersion::Number(number) => format!(", version {number}"),
                ParameterVersion::Label(label) => format!(", label {}", shown_word(label)),
            };
            let types = match types {
                ParameterTypes::Any => "",
                ParameterTypes::Plain => ", String or StringList",
                ParameterTypes::Secure => ", SecureString",
            };
            format!("parameter {}{version}{types}", parameter_name(name))
        }
    };
    let role = lookup.scope.role.as_deref().map(|role| format!(", as {}", shown_word(role)));
    let fallback = match reference.fallback() {
        Fallback::None => "",
        Fallback::Absent => "; nothing if it does not exist",
        Fallback::Text(_) => "; the default if it does not exist",
    };
    format!("{part}{target} in {}{}{fallback}", lookup.scope.region, role.unwrap_or_default())
}

fn explained_call(call: &Call, plan: &LookupPlan) -> ExplainedCall {
    let name = |index: &usize| match &plan.lookups()[*index].item {
        LookupItem::Secret(request) => secret_name(&request.secret),
        LookupItem::Parameter(request) => match &request.selector {
            Some(selector) => {
                let selector = selector.to_string();
                format!("{}:{}", parameter_name(&request.parameter), shown_word(&selector))
            }
            None => parameter_name(&request.parameter),
        },
    };
    ExplainedCall {
        action: call.operation.action(),
        region: call.scope.region.to_string(),
        role: call.scope.role.as_deref().map(|role| shown_word(role).to_owned()),
        names: call.lookups.iter().map(name).collect(),
    }
}

fn secret_name(id: &SecretId) -> String {
    match id {
        SecretId::Arn(arn) => arn.to_string(),
        SecretId::Name(name) => shown_word(name).to_owned(),
    }
}

fn parameter_name(id: &ParameterId) -> String {
    match id {
        ParameterId::Arn(arn) => arn.to_string(),
        ParameterId::Name(name) => shown_word(name).to_owned(),
    }
}

/// Returns the actions of a call, each with a resource.
fn resources(call: &Call, plan: &LookupPlan, role: &RoleArn) -> Vec<(String, String)> {
    let mut needed = Vec::new();
    if call.operation == JsonOperation::BatchGetSecretValue {
        // It takes no other resource.
        needed.push((call.operation.action(), "*".to_owned()));
    }
    let prefix = |service: &str| {
        let (partition, region) = (role.partition().as_str(), &call.scope.region);
        format!("arn:{partition}:{service}:{region}:{}", role.account())
    };
    let secret = |name: &str| {
        let resource = format!("{}:secret:{}-??????", prefix("secretsmanager"), shown_word(name));
        (JsonOperation::GetSecretValue.action(), resource)
    };
    for index in &call.lookups {
        match &plan.lookups()[*index].item {
            LookupItem::Secret(request) => needed.push(match &request.secret {
                SecretId::Name(name) => secret(name),
                SecretId::Arn(arn) => {
                    (JsonOperation::GetSecretValue.action(), whole_arn(&arn.to_string()))
                }
            }),
            LookupItem::Parameter(request) => {
                let resource = match &request.parameter {
                    ParameterId::Name(name) => {
                        let name = shown_word(name).trim_start_matches('/');
                        format!("{}:parameter/{name}", prefix("ssm"))
                    }
                    ParameterId::Arn(arn) => arn.to_string(),
                };
                needed.push((call.operation.action(), resource));
                if let ParameterId::Name(name) = &request.parameter
                    && let Some(name) = name.strip_prefix(SECRET_REFERENCE)
                {
                    needed.push(secret(name));
                }
            }
        }
    }
    needed
}

/// Returns the ARN of a secret with a pattern for its six random characters, if they are left out.
fn whole_arn(arn: &str) -> String {
    let is_whole = arn.rsplit_once('-').is_some_and(|(_, suffix)| {
        suffix.len() == 6 && suffix.bytes().all(|b| b.is_ascii_alphanumeric())
    });
    if is_whole { arn.to_owned() } else { format!("{arn}-??????") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::lookup::Scope;
    use crate::secrets::reference::Reference;
    use roles_anywhere_client::region::Region;

    fn explained(texts: &[&str]) -> Explanation {
        let reference = |text: &&str| Reference::parse(text).unwrap();
        let named = |text| NamedReference { name: None, reference: reference(text) };
        let references: Vec<_> = texts.iter().map(named).collect();
        let plan = LookupPlan::new(references.iter().map(|it| &it.reference), |role| Scope {
            role: role.map(Into::into),
            region: Region::parse("eu-west-1").unwrap(),
        });
        let own = "arn:aws:iam::123456789012:role/app".parse().unwrap();
        let other = "arn:aws:iam::210987654321:role/ops".parse().unwrap();
        explain(&references, &plan, |role| if role.is_some() { &other } else { &own })
    }

    #[test]
    fn a_reference_is_told_in_words() {
        let rows = [
            ("sm://prod/db#password", "member `password` of secret prod/db in eu-west-1"),
            (
                "sm://db#*?optional",
                "all members of secret db in eu-west-1; nothing if it does not exist",
            ),
            (
                "sm://db?stage=AWSPREVIOUS&role=ops&default=hunter2",
                "secret db, stage AWSPREVIOUS in eu-west-1, as ops; the default if it does not exist",
            ),
            ("ssm:///a?version=3", "parameter /a, version 3 in eu-west-1"),
            ("{{resolve:ssm-secure:a}}", "parameter a, SecureString in eu-west-1"),
        ];
        for (text, expected) in rows {
            let Explanation { references, .. } = explained(&[text]);
            assert_eq!(references[0].meaning, expected);
            assert!(!format!("{references:?}").contains("hunter2"));
        }
    }

    #[test]
    fn permissions_name_actions_and_resources_of_each_role() {
        let Explanation { permissions, calls, references } = explained(&[
            "sm://db#user",
            "sm://db#password",
            "sm://arn:aws:secretsmanager:us-east-1:123456789012:secret:x-AbCdEf",
            "sm://arn:aws:secretsmanager:us-east-1:123456789012:secret:y",
            "ssm:///prod/url",
            "ssm:///aws/reference/secretsmanager/z",
            "sm://db?role=ops&region=us-east-1",
        ]);
        let own = BTreeMap::from([
            ("secretsmanager:BatchGetSecretValue".to_owned(), vec!["*".to_owned()]),
            (
                "secretsmanager:GetSecretValue".to_owned(),
                vec![
                    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-??????".to_owned(),
                    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:z-??????".to_owned(),
                    "arn:aws:secretsmanager:us-east-1:123456789012:secret:x-AbCdEf".to_owned(),
                    "arn:aws:secretsmanager:us-east-1:123456789012:secret:y-??????".to_owned(),
                ],
            ),
            (
                "ssm:GetParameters".to_owned(),
                vec![
                    "arn:aws:ssm:eu-west-1:123456789012:parameter/prod/url".to_owned(),
                    "arn:aws:ssm:eu-west-1:123456789012:parameter/aws/reference/secretsmanager/z"
                        .to_owned(),
                ],
            ),
        ]);
        assert_eq!(permissions[0].actions, own);
        assert_eq!(permissions[1].role, "arn:aws:iam::210987654321:role/ops");
        let of_ops = "arn:aws:secretsmanager:us-east-1:210987654321:secret:db-??????";
        assert_eq!(permissions[1].actions["secretsmanager:GetSecretValue"], [of_ops]);
        let numbers: Vec<usize> = references.iter().map(|reference| reference.call).collect();
        assert_eq!((numbers, calls.len()), (vec![1, 1, 3, 3, 2, 2, 4], 4));
        assert_eq!(calls[1].names, ["/prod/url", "/aws/reference/secretsmanager/z"]);
    }
}
