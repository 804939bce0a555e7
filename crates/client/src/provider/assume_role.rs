//! A hop of a chain of roles: the session of one role assumes the next one with STS.

use crate::arn::RoleArn;
use crate::aws::assume_role::AssumeRole;
use crate::aws::create_session::SessionResponseError;
use crate::aws::endpoint::Service;
use crate::aws::error_response::ServiceError;
use crate::aws::retry::{self, Repeatable, RequestError, TimedResponse};
use crate::credentials::{AccessKey, Credentials, RoleSessionName, Session};
use crate::diagnosis::{self, HopEvidence, Operation, Refusal};
use crate::ports::Ports;
use crate::provider::clock;
use crate::provider::exchange::read;
use crate::provider::fallback::MadeBy;
use crate::provider::{ProviderError, RolesAnywhere};
use crate::sigv4::access_key;
use crate::time::Deadline;

impl RolesAnywhere {
    /// Continues from `previous`, the session before the hop with this index (from 0), which signs the
    /// request by AWS's clock; `made_by` is the trust anchor of the first session of the chain, whose
    /// Region is called. If AWS refuses the signature and the clocks differ by four minutes or
    /// more, it is signed again with AWS's time.
    ///
    /// # Panics
    ///
    /// If there is no such hop.
    pub async fn assume(
        &self,
        index: usize,
        (previous, made_by): (&Session, &MadeBy),
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<Session, ProviderError> {
        let before = index.checked_sub(1).map(|before| &self.hops[before]);
        let hop = Hop {
            request: &self.hops[index].in_region(made_by.trust_anchor().region()),
            number: index + 1,
            hops: self.hops.len(),
            caller: before.map_or(&self.session.role, |before| &before.role),
            previous,
            ports,
            deadline,
        };
        hop.fetch().await
    }
}

impl ProviderError {
    /// Returns whether AWS refused the session before a hop, not the hop: it has expired, or its role
    /// was deleted since. A new one may be accepted. So may one in place of a session whose name is not
    /// known, as an earlier version of a program stored it.
    pub fn refuses_previous_session(&self) -> bool {
        match self {
            Self::Refused { source, .. } => {
                matches!(source.operation, Operation::AssumeRole { .. })
                    && source.service_error.is_about_credentials()
            }
            Self::Response(SessionResponseError::Blank(member)) => *member == USER,
            _ => false,
        }
    }
}

/// The member of CreateSession's response that holds the name of the session.
const USER: &str = "assumedRoleUser";

/// One hop, and what it is made with.
struct Hop<'a> {
    request: &'a AssumeRole,
    /// Its number from 1, of so many.
    number: usize,
    hops: usize,
    /// The role of the session before it.
    caller: &'a RoleArn,
    previous: &'a Session,
    ports: &'a Ports,
    deadline: Deadline,
}

impl Hop<'_> {
    async fn fetch(&self) -> Result<Session, ProviderError> {
        let Self { request, previous, ports, .. } = *self;
        let name = request.session_name.as_ref();
        let name = name.or(previous.credentials.role_session_name.as_ref());
        // Roles Anywhere always tells it.
        let name = name.ok_or(SessionResponseError::Blank(USER))?;
        ports.trace.show(format_args!(
            "AssumeRole of {} in {}, hop {} of {}",
            request.role, request.sts.region, self.number, self.hops
        ));
        let mut offset = previous.clock_offset;
        let mut answer = self.call(name, offset).await?;
        if let Some(found) = clock::correction(&answer, offset, ports) {
            offset = found;
            answer = self.call(name, offset).await?;
        }
        if !answer.response.is_success() {
            return Err(self.refusal(&answer));
        }
        let session = read(&answer, offset, |response, now| request.parse(response, now))?;
        let Credentials { access_key_id, expiration, .. } = &session.credentials;
        ports.trace.show(format_args!(
            "session of {}: access key {access_key_id}, until {expiration}",
            request.role
        ));
        Ok(session)
    }

    async fn call(
        &self,
        name: &RoleSessionName,
        clock_offset: i64,
    ) -> Result<TimedResponse, RequestError> {
        let Self { request, previous, ports, deadline, .. } = *self;
        let (region, service) = (&request.sts.region, Service::Sts.name());
        let key = AccessKey::from(&previous.credentials);
        retry::send(ports, deadline, Repeatable::Yes, |now| {
            let now = now.after(clock_offset);
            access_key::sign(request.to_http(name), region, service, now, &key)
        })
        .await
    }

    /// Returns the error of AWS with our secrets removed: if a signature does not match, AWS repeats
    /// the canonical request, which holds the session token.
    fn refusal(&self, answer: &TimedResponse) -> ProviderError {
        let Self { request, previous, caller, number, hops, .. } = *self;
        let Credentials { secret_access_key, session_token, .. } = &previous.credentials;
        let mut secrets = request.hidden();
        secrets.extend([secret_access_key.expose(), session_token.expose()]);
        let service_error = ServiceError::parse(&answer.response, &secrets);
        let region = &request.sts.region;
        let evidence = HopEvidence { request, region, caller, received: answer.received };
        let causes = diagnosis::assume_role(&service_error, &evidence);
        let operation = Operation::AssumeRole { hop: number, hops, role: request.role.clone() };
        ProviderError::Refused {
            source: Box::new(Refusal { operation, service_error, causes }),
            retry_after: answer.retry_after(),
        }
    }
}

#[cfg(test)]
mod tests;
