//! What references mean and need, as it is printed.

use std::fmt::Write as _;

use serde::Serialize;

use crate::app::App;
use crate::command::resolve::{ReferenceFormat, Resolve};
use crate::options::reference_roles::ReferenceRoles;
use crate::output::json::pretty_text;
use crate::output::references::ResolveErrors;
use crate::secrets::explain::{
    ExplainedCall, ExplainedReference, Explanation, RolePermissions, explain,
};
use roles_anywhere_client::text::escape;

/// Returns the explanation.
pub(super) fn render(
    resolve: &Resolve,
    roles: &ReferenceRoles,
    app: &App,
) -> Result<String, ResolveErrors> {
    let references = &resolve.references;
    let named = roles.named(references, app.environment(), app.paths());
    let plan = named.lookups(references)?;
    let role = |name: Option<&str>| {
        let role = named.role(name).unwrap_or_else(|_| roles.own());
        role.session.provider.role()
    };
    let explanation = explain(references, &plan, role);
    Ok(match resolve.format {
        ReferenceFormat::Text => text(&explanation),
        ReferenceFormat::Json => json(&explanation),
    })
}

fn text(explanation: &Explanation) -> String {
    let mut text = String::new();
    for ExplainedReference { reference, meaning, call } in &explanation.references {
        let reference = escape::line(reference);
        let _ = writeln!(text, "{reference}\n  {}\n  call {call}\n", escape::line(meaning));
    }
    let _ = writeln!(text, "Calls:");
    for (at, ExplainedCall { action, region, role, names }) in explanation.calls.iter().enumerate()
    {
        let role = role.as_ref().map(|role| format!(" as {role}")).unwrap_or_default();
        let names = names.join(", ");
        let _ =
            writeln!(text, "  {}. {action} in {region}{role}: {}", at + 1, escape::line(&names));
    }
    for RolePermissions { role, actions } in &explanation.permissions {
        let _ = writeln!(text, "\nPermissions of {role}:");
        for (action, resources) in actions {
            let _ = writeln!(text, "  {action}");
            for resource in resources {
                let _ = writeln!(text, "    {resource}");
            }
        }
        let _ = writeln!(text, "  kms:Decrypt\n    {CUSTOMER_KEY}");
    }
    text
}

/// The resource of `kms:Decrypt`, which no reference names.
const CUSTOMER_KEY: &str = "the customer managed key, if one of these is encrypted with one";

fn json(explanation: &Explanation) -> String {
    let references = explanation.references.iter().map(|it| JsonReference {
        reference: &it.reference,
        meaning: &it.meaning,
        call: it.call,
    });
    let calls = explanation.calls.iter().map(|it| JsonCall {
        action: &it.action,
        region: &it.region,
        role: it.role.as_deref(),
        names: &it.names,
    });
    let policies = explanation.permissions.iter().map(|it| RolePolicy {
        role: &it.role,
        policy: Policy {
            version: "2012-10-17",
            statement: it.actions.iter().map(Statement::from).collect(),
        },
    });
    let printed = JsonExplanation {
        references: references.collect(),
        calls: calls.collect(),
        policies: policies.collect(),
    };
    pretty_text(&printed)
}

#[derive(Serialize)]
struct JsonExplanation<'a> {
    references: Vec<JsonReference<'a>>,
    calls: Vec<JsonCall<'a>>,
    policies: Vec<RolePolicy<'a>>,
}

#[derive(Serialize)]
struct JsonReference<'a> {
    reference: &'a str,
    meaning: &'a str,
    call: usize,
}

#[derive(Serialize)]
struct JsonCall<'a> {
    action: &'a str,
    region: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    names: &'a [String],
}

#[derive(Serialize)]
struct RolePolicy<'a> {
    role: &'a str,
    policy: Policy<'a>,
}

/// A policy of IAM.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Policy<'a> {
    version: &'static str,
    statement: Vec<Statement<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement<'a> {
    effect: &'static str,
    action: &'a str,
    resource: &'a [String],
}

impl<'a> From<(&'a String, &'a Vec<String>)> for Statement<'a> {
    fn from((action, resource): (&'a String, &'a Vec<String>)) -> Self {
        Self { effect: "Allow", action, resource }
    }
}
