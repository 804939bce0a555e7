//! Reads and writes secrets of AWS Secrets Manager with a session.

use crate::aws::batch_get_secret_value::{self, SecretBatch};
use crate::aws::describe_secret;
use crate::aws::endpoint::RegionalEndpoint;
use crate::aws::get_random_password::{self, PasswordRules};
use crate::aws::get_secret_value::{self, SecretId, SecretRequest, SecretVersion};
use crate::aws::json_protocol::JsonResponseError;
use crate::aws::list_secrets;
use crate::aws::put_secret_value::{self, PutSecretValue, StoredVersion};
use crate::aws::secret_description::SecretDescription;
use crate::aws::update_secret_version_stage::{self, MoveStage};
use crate::credentials::Session;
use crate::diagnosis::{self, Refusal, SecretSubject};
use crate::ports::Ports;
use crate::provider::RolesAnywhere;
use crate::provider::service_call::{Pages, ServiceCall, Subject};
use crate::secret::Secret;
use crate::time::Deadline;

pub use crate::provider::service_call::ServiceCallError;

/// Secrets Manager in a Region. Each call is signed with the session that it is given.
#[derive(Clone, Copy, Debug)]
pub struct SecretsManager<'a> {
    /// The endpoint of Secrets Manager, with its Region.
    pub at: &'a RegionalEndpoint,
    /// Where the sessions are from; causes of refusals name their role and their Region.
    pub provider: &'a RolesAnywhere,
}

impl<'a> SecretsManager<'a> {
    /// Returns a version of a secret.
    pub async fn get_secret_value(
        &self,
        request: &SecretRequest,
        session: &Session,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<SecretVersion, ServiceCallError> {
        let call = self.call(SecretSubject::Value(request), session);
        let answer = call.send(&request.to_http(self.at), ports, deadline).await?;
        Ok(get_secret_value::parse(&answer.response)?)
    }

    /// Returns the current versions of 1 to 20 secrets in their order, each or why it was refused.
    ///
    /// A secret whose error may pass is read again by itself, with retries, as there are none within a
    /// batch.
    ///
    /// Needs `secretsmanager:BatchGetSecretValue` beside `secretsmanager:GetSecretValue` on each secret;
    /// without the former, the whole call is refused.
    pub async fn batch_get_secret_value(
        &self,
        secrets: &[SecretId],
        session: &Session,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<Vec<Result<SecretVersion, Box<Refusal>>>, ServiceCallError> {
        let call = self.call(SecretSubject::Batch(secrets), session);
        let mut pages = Pages::of(call.operation());
        let (mut versions, mut errors) = (Vec::new(), Vec::new());
        let received = loop {
            let request = batch_get_secret_value::to_http(secrets, pages.token(), self.at);
            let answer = call.send(&request, ports, deadline).await?;
            let page = batch_get_secret_value::parse(&answer.response, &call.secrets())?;
            let SecretBatch { versions: of_page, errors: not_read, next_page } = page;
            versions.extend(of_page);
            errors.extend(not_read);
            if !pages.go_on(next_page)? {
                break answer.received;
            }
        };
        let mut results = Vec::with_capacity(secrets.len());
        for secret in secrets {
            if let Some(version) = versions.iter().find(|it| secret.is_of(&it.arn, &it.name)) {
                results.push(Ok(version.clone()));
                continue;
            }
            let error = errors.iter().find(|it| it.secret_id == secret.to_string());
            let error = &error.ok_or_else(|| JsonResponseError::LeftOut(call.operation()))?.error;
            if error.is_transient() {
                let request = SecretRequest::current(secret.clone());
                results.push(
                    match self.get_secret_value(&request, session, ports, deadline).await {
                        Err(ServiceCallError::Refused(refusal)) => Err(refusal),
                        outcome => Ok(outcome?),
                    },
                );
                continue;
            }
            let subject = SecretSubject::InBatch(secret);
            let cause = diagnosis::secrets_manager(error, subject, call.evidence(received));
            results.push(Err(Box::new(call.refusal(error.clone(), cause))));
        }
        Ok(results)
    }

    /// Returns all about a secret but its value.
    pub async fn describe_secret(
        &self,
        secret: &SecretId,
        session: &Session,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<SecretDescription, ServiceCallError> {
        let call = self.call(SecretSubject::Description(secret), session);
        let answer = call.send(&describe_secret::to_http(secret, self.at), ports, deadline).await?;
        Ok(describe_secret::parse(&answer.response)?)
    }

    /// Returns the secrets whose names start with `prefix`, or all, from every page, sorted by name.
    pub async fn list_secrets(
        &self,
        prefix: Option<&str>,
        session: &Session,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<Vec<SecretDescription>, ServiceCallError> {
        let call = self.call(SecretSubject::List(prefix), session);
        let mut pages = Pages::of(call.operation());
        let mut secrets = Vec::new();
        loop {
            let request = list_secrets::to_http(prefix, pages.token(), self.at);
            let answer = call.send(&request, ports, deadline).await?;
            let page = list_secrets::parse(&answer.response)?;
            secrets.extend(page.secrets);
            if !pages.go_on(page.next_page)? {
                break;
            }
        }
        // A filter that begins with `!` is negated by AWS. No name begins with it.
        secrets.retain(|secret| prefix.is_none_or(|prefix| secret.name.starts_with(prefix)));
        secrets.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(secrets)
    }

    /// Adds a version to a secret.
    pub async fn put_secret_value(
        &self,
        request: &PutSecretValue,
        session: &Session,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<StoredVersion, ServiceCallError> {
        let call = self.call(SecretSubject::Put(request), session);
        let answer = call.send(&request.to_http(self.at), ports, deadline).await?;
        Ok(put_secret_value::parse(&answer.response)?)
    }

    /// Moves a staging label.
    ///
    /// If the answer to the first attempt was lost, a repeated one is refused although the label was moved:
    /// DescribeSecret tells.
    pub async fn update_secret_version_stage(
        &self,
        request: &MoveStage,
        session: &Session,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<(), ServiceCallError> {
        let call = self.call(SecretSubject::Move(request), session);
        let answer = call.send(&request.to_http(self.at), ports, deadline).await?;
        Ok(update_secret_version_stage::parse(&answer.response)?)
    }

    /// Returns a random password.
    pub async fn get_random_password(
        &self,
        rules: &PasswordRules,
        session: &Session,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<Secret, ServiceCallError> {
        let call = self.call(SecretSubject::Password, session);
        let answer = call.send(&rules.to_http(self.at), ports, deadline).await?;
        Ok(get_random_password::parse(&answer.response)?)
    }

    fn call<'b>(&'b self, subject: SecretSubject<'b>, session: &'b Session) -> ServiceCall<'b> {
        let (at, provider) = (self.at, self.provider);
        ServiceCall { subject: Subject::Secrets(subject), at, provider, session }
    }
}

#[cfg(test)]
mod tests;
