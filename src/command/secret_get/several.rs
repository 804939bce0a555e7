//! Several secrets in one command.

use super::SecretGet;
use crate::output::error::{Detail, Error, one_line};
use crate::output::formats::{self, VariableFormat};
use crate::output::run::{NotVariables, VariablesError};
use crate::secrets::selected_member::all_members;
use crate::secrets::variable_names::variable_names;
use crate::session_cache::SessionCache;
use roles_anywhere_client::aws::batch_get_secret_value::MAX_SECRETS;
use roles_anywhere_client::aws::get_secret_value::{
    SecretId, SecretRequest, SecretValue, SecretVersion,
};
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::diagnosis::{Cause, Refusal, SecretCause};
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::provider::secrets_manager::{SecretsManager, ServiceCallError};
use roles_anywhere_client::secret::{Secret, SecretBytes};
use roles_anywhere_client::time::Deadline;

/// The versions of some secrets, in their order, or why AWS refused them.
type ReadSecrets = Vec<Result<SecretVersion, Box<Refusal>>>;

/// Reads the secrets of a plan: 20 at once, or one by one if the role may not do that, or a version other
/// than the current one is requested. The error has all that were refused.
pub(super) async fn read(
    plan: &SecretGet,
    sessions: &SessionCache<'_>,
    ports: &Ports,
    deadline: Deadline,
) -> Result<Vec<SecretVersion>, Error> {
    let secrets = SecretsManager { at: &plan.at, provider: sessions.provider() };
    let mut results = ReadSecrets::new();
    for requests in plan.requests.chunks(MAX_SECRETS) {
        let read = async |session: &Session| {
            let one_by_one = one_by_one(secrets, requests, session, ports, deadline);
            if requests.len() == 1 || requests.iter().any(|it| it.version_stage.is_some()) {
                return one_by_one.await;
            }
            let ids: Vec<SecretId> = requests.iter().map(|it| it.secret.clone()).collect();
            match secrets.batch_get_secret_value(&ids, session, ports, deadline).await {
                Err(ServiceCallError::Refused(refusal)) if is_batch_denied(&refusal) => {
                    ports.trace.show(format_args!("BatchGetSecretValue is not allowed"));
                    one_by_one.await
                }
                results => results,
            }
        };
        results.extend(sessions.call(ports, deadline, read).await?);
    }
    all_or_none(&plan.requests, results)
}

async fn one_by_one(
    secrets: SecretsManager<'_>,
    requests: &[SecretRequest],
    session: &Session,
    ports: &Ports,
    deadline: Deadline,
) -> Result<ReadSecrets, ServiceCallError> {
    let mut results = ReadSecrets::new();
    for request in requests {
        match secrets.get_secret_value(request, session, ports, deadline).await {
            Ok(version) => results.push(Ok(version)),
            Err(ServiceCallError::Refused(refusal)) => results.push(Err(refusal)),
            Err(error) => return Err(error),
        }
    }
    Ok(results)
}

fn is_batch_denied(refusal: &Refusal) -> bool {
    let is_denial =
        |cause: &Cause| matches!(cause, Cause::Secret(SecretCause::OperationDenied { .. }));
    refusal.causes.iter().any(is_denial)
}

fn all_or_none(
    requests: &[SecretRequest],
    results: ReadSecrets,
) -> Result<Vec<SecretVersion>, Error> {
    let (mut versions, mut details, mut kind) = (Vec::new(), Vec::new(), None);
    for (request, result) in requests.iter().zip(results) {
        match result {
            Ok(version) => versions.push(version),
            Err(refusal) => {
                let error = Error::from(ServiceCallError::Refused(refusal));
                kind.get_or_insert_with(|| error.kind());
                details.push(detail(&request.secret.shown(), &error));
            }
        }
    }
    let Some(kind) = kind else { return Ok(versions) };
    let message = format!("{} of {} secrets cannot be read", details.len(), requests.len());
    Err(Error::detailed(kind, message, details, 0))
}

fn detail(secret: &str, error: &Error) -> Detail {
    let (secret, reasons) = (one_line(&format!("`{secret}`")), error.reasons());
    let line = format!("{secret}: {}", reasons.join(": "));
    let causes = reasons.iter().map(|reason| format!("\n  caused by: {reason}"));
    let hints = error.printed_hints().into_iter().map(|hint| format!("\n  hint: {hint}"));
    Detail { block: secret + &causes.chain(hints).collect::<String>(), line }
}

/// Returns the members of all secrets as variables.
pub(super) fn variables(
    requests: &[SecretRequest],
    versions: &[SecretVersion],
) -> Result<SecretBytes, Error> {
    let mut members: Vec<(String, Secret)> = Vec::new();
    for (request, version) in requests.iter().zip(versions) {
        let of_secret = match &version.value {
            SecretValue::Text(text) => all_members(text),
            SecretValue::Binary(_) => Err(NotVariables::Binary),
        };
        members.extend(
            of_secret.map_err(|why| VariablesError { secret: request.secret.shown(), why })?,
        );
    }
    let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    let names = variable_names(&names)?;
    let variables = names.iter().zip(&members).map(|(name, (_, value))| (name.as_str(), value));
    Ok(formats::render(VariableFormat::Dotenv, &variables.collect::<Vec<_>>())?)
}
