//! A call of Secrets Manager or of the Parameter Store with a session.

use crate::aws::endpoint::RegionalEndpoint;
use crate::aws::error_response::ServiceError;
use crate::aws::json_protocol::{JsonOperation, JsonResponseError};
use crate::aws::query_protocol::{QueryOperation, QueryResponseError};
use crate::aws::retry::{self, Repeatable, RequestError, TimedResponse};
use crate::credentials::{AccessKey, Credentials, Session};
use crate::diagnosis::{
    self, CallEvidence, Cause, Operation, ParameterSubject, Refusal, SecretSubject,
};
use crate::http::Request;
use crate::ports::Ports;
use crate::provider::RolesAnywhere;
use crate::sigv4::access_key;
use crate::time::{Deadline, Timestamp};

/// A call that is signed with a session of a provider.
#[derive(Clone, Copy)]
pub(super) struct ServiceCall<'a> {
    pub(super) subject: Subject<'a>,
    /// Where it is sent.
    pub(super) at: &'a RegionalEndpoint,
    /// Where the session is from; causes of refusals name its role and its Region.
    pub(super) provider: &'a RolesAnywhere,
    pub(super) session: &'a Session,
}

/// What a call asks for.
#[derive(Clone, Copy)]
pub(super) enum Subject<'a> {
    Secrets(SecretSubject<'a>),
    Parameters(ParameterSubject<'a>),
}

impl ServiceCall<'_> {
    pub(super) fn operation(&self) -> JsonOperation {
        match &self.subject {
            Subject::Secrets(subject) => subject.operation(),
            Subject::Parameters(subject) => subject.operation(),
        }
    }

    /// Sends the request, signed by AWS's clock, and returns the 2xx response.
    pub(super) async fn send(
        &self,
        request: &Request,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<TimedResponse, ServiceCallError> {
        let (RegionalEndpoint { region, .. }, session) = (self.at, self.session);
        let subject = match &self.subject {
            Subject::Secrets(subject) => subject.shown(),
            Subject::Parameters(subject) => subject.shown(),
        };
        ports.trace.show(format_args!("{} of {subject} in {region}", self.operation()));
        let service = self.operation().service().name();
        let key = AccessKey::from(&session.credentials);
        let answer = retry::send(ports, deadline, Repeatable::Yes, |now| {
            let now = now.after(session.clock_offset);
            access_key::sign(request.clone(), region, service, now, &key)
        })
        .await?;
        match answer.response.is_success() {
            true => Ok(answer),
            false => Err(self.refused(&answer)),
        }
    }

    /// Returns the error of AWS with our secrets removed: if a signature does not match, AWS repeats
    /// the canonical request, which holds the session token.
    fn refused(&self, answer: &TimedResponse) -> ServiceCallError {
        let service_error = ServiceError::parse(&answer.response, &self.secrets());
        let cause = match self.subject {
            Subject::Secrets(subject) => {
                diagnosis::secrets_manager(&service_error, subject, self.evidence(answer.received))
            }
            Subject::Parameters(subject) => {
                diagnosis::parameter_store(&service_error, subject, self.evidence(answer.received))
            }
        };
        let refusal = Box::new(self.refusal(service_error, cause));
        // Read without removing secrets, as one may be part of a word of the message.
        let whole = ServiceError::parse(&answer.response, &[]);
        if whole.is_about_credentials() || whole.is_about_signature() {
            ServiceCallError::SessionRefused(refusal)
        } else {
            ServiceCallError::Refused(refusal)
        }
    }

    /// Returns the refusal of the call, or of a part of it.
    pub(super) fn refusal(&self, service_error: ServiceError, cause: Cause) -> Refusal {
        let operation = Operation::Json(self.operation());
        Refusal { operation, service_error, causes: vec![cause] }
    }

    /// Returns the values that AWS's texts must not repeat.
    pub(super) fn secrets(&self) -> Vec<&str> {
        let mut secrets = match &self.subject {
            Subject::Secrets(subject) => subject.hidden(),
            Subject::Parameters(subject) => subject.hidden(),
        };
        let Credentials { secret_access_key, session_token, .. } = &self.session.credentials;
        secrets.extend([secret_access_key.expose(), session_token.expose()]);
        secrets
    }

    /// Returns what is known about a call that was answered at `received`.
    pub(super) fn evidence(&self, received: Timestamp) -> CallEvidence<'_> {
        CallEvidence {
            role: self.provider.role(),
            session_region: &self.provider.session.region,
            region: &self.at.region,
            received,
        }
    }
}

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub enum ServiceCallError {
    /// AWS was not reached, or the request could not be signed.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// AWS refused the session: it has expired, or a clock was set since it was fetched. A new one may
    /// be accepted.
    #[error(transparent)]
    SessionRefused(Box<Refusal>),
    /// AWS answered and refused the request, or failed.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// AWS's response cannot be used.
    #[error(transparent)]
    Response(#[from] JsonResponseError),
    /// The response of IAM or STS cannot be used.
    #[error(transparent)]
    QueryResponse(#[from] QueryResponseError),
    /// An operation that must not be repeated was requested, and AWS may have carried it out.
    #[error("the outcome of {operation} is unknown: AWS may have carried it out")]
    OutcomeUnknown {
        /// The operation.
        operation: QueryOperation,
        /// Why it is not known.
        source: Box<Self>,
    },
}

impl ServiceCallError {
    /// Returns whether AWS may have carried out the call.
    pub fn may_have_been_carried_out(&self) -> bool {
        match self {
            Self::Request(error) => error.may_have_been_carried_out(),
            Self::SessionRefused(refusal) | Self::Refused(refusal) => {
                let error = &refusal.service_error;
                error.is_failure_of_service() && !error.is_throttle()
            }
            Self::Response(_) | Self::QueryResponse(_) | Self::OutcomeUnknown { .. } => true,
        }
    }

    /// Returns the refusal, if AWS refused the call.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::SessionRefused(refusal) | Self::Refused(refusal) => Some(refusal),
            Self::OutcomeUnknown { source, .. } => source.refusal(),
            Self::Request(_) | Self::Response(_) | Self::QueryResponse(_) => None,
        }
    }
}

/// The pages of a response. A page without results can be followed by another one.
#[derive(Debug)]
pub(super) struct Pages {
    operation: JsonOperation,
    token: Option<String>,
}

impl Pages {
    pub(super) fn of(operation: JsonOperation) -> Self {
        Self { operation, token: None }
    }

    /// Returns the `NextToken` of the page before the current one.
    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Goes on to the page of `next`; returns whether there is one.
    pub(super) fn go_on(&mut self, next: Option<String>) -> Result<bool, JsonResponseError> {
        // An empty token is that of no page, as for the AWS CLI.
        let next = next.filter(|token| !token.is_empty());
        if next.is_some() && next == self.token {
            // It would be requested until the deadline.
            return Err(JsonResponseError::RepeatedPage(self.operation));
        }
        self.token = next;
        Ok(self.token.is_some())
    }
}
