//! The report of `update --once`: what was written, and what the owner of the file should fix.

use crate::command::update::{ProfilePlan, Update, UpdateOutcome, WrittenCredentials};
use crate::credentials_file::port::WriteMethod;
use crate::daemon::Role;
use crate::output::error::one_line;
use crate::output::log::events::{PROFILE_WARNING, PROFILE_WRITTEN};
use crate::output::log::{Field, LogFormat};
use crate::output::report::json;
use roles_anywhere_client::text::disclosure::{field, path_name, profile_field, profile_name};
use roles_anywhere_client::time::Timestamp;

/// Returns the lines of the report, as text or JSON.
pub(super) fn lines(
    role: &Role<ProfilePlan>,
    outcome: &UpdateOutcome,
    now: Timestamp,
) -> Vec<String> {
    let (plan, role) = (&role.plan.update, role.name.as_deref());
    let format = plan.daemon.log_format;
    let warning = |words: String| match format {
        LogFormat::Text | LogFormat::Terminal => one_line(&format!("warning: {words}")),
        LogFormat::Json => json(now, &PROFILE_WARNING, &[("reason", &words)]),
    };
    let file = path_name(&plan.file, true);
    let mut lines = Vec::new();
    if let WriteMethod::InPlace(obstacle) = outcome.written {
        lines.push(warning(format!("{file} was written in place: {obstacle}")));
    }
    lines.extend(outcome.warnings.iter().map(|found| warning(found.to_string())));
    if !plan.quiet {
        lines.push(match format {
            LogFormat::Text | LogFormat::Terminal => {
                written_text((plan, role), &file, &outcome.credentials)
            }
            LogFormat::Json => written_json((plan, role), &outcome.credentials, now),
        });
    }
    lines
}

fn written_text(
    (plan, role): (&Update, Option<&str>),
    file: &str,
    credentials: &WrittenCredentials,
) -> String {
    let selected = plan.selected.as_ref().map_or_else(String::new, |selected| {
        format!("; AWS_PROFILE selects another profile, {}", profile_name(selected))
    });
    let profile = profile_name(&plan.profile.to_string());
    let role = role.map_or_else(String::new, |role| format!(" of role `{role}`"));
    let what = match credentials {
        WrittenCredentials::Session { expiration } => format!("valid until {expiration}"),
        WrittenCredentials::AccessKey { id, secret, expiration } => {
            let end = expiration.map_or_else(String::new, |end| format!(", valid until {end}"));
            format!("with the access key `{id}` of the secret `{secret}`{end}")
        }
    };
    one_line(&format!("wrote profile {profile}{role} to {file}, {what}{selected}"))
}

fn written_json(
    (plan, role): (&Update, Option<&str>),
    credentials: &WrittenCredentials,
    now: Timestamp,
) -> String {
    let file = field(&plan.file.to_string_lossy(), true);
    let profile = profile_field(&plan.profile.to_string());
    let mut fields: Vec<Field<'_>> = vec![("file", &file), ("profile", &profile)];
    match credentials {
        WrittenCredentials::Session { expiration } => fields.push(("valid_until", expiration)),
        WrittenCredentials::AccessKey { id, expiration, .. } => {
            fields.extend(expiration.iter().map(|end| -> Field<'_> { ("valid_until", end) }));
            fields.push(("access_key_id", id));
        }
    }
    let selected = plan.selected.as_ref().map(|selected| profile_field(selected));
    fields.extend(selected.as_ref().map(|name| -> Field<'_> { ("aws_profile", name) }));
    fields.extend(role.as_ref().map(|role| -> Field<'_> { ("role_name", role) }));
    json(now, &PROFILE_WRITTEN, &fields)
}
