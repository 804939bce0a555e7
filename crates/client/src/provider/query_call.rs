//! A call of IAM or of STS, signed with a session or with an access key.

use crate::aws::endpoint::RegionalEndpoint;
use crate::aws::error_response::ServiceError;
use crate::aws::query_protocol::{QueryOperation, QueryResponseError};
use crate::aws::retry::{self, Repeatable, RequestError, TimedResponse};
use crate::credentials::{AccessKey, Session};
use crate::diagnosis::{self, IamEvidence, IamSigner, Operation, Refusal};
use crate::http::{Request, Response};
use crate::ports::Ports;
use crate::provider::RolesAnywhere;
use crate::provider::clock;
use crate::provider::service_call::ServiceCallError;
use crate::sigv4::access_key;
use crate::text::disclosure::may_be_repeated;
use crate::time::{Deadline, Timestamp};

/// The identity that signs a call.
#[derive(Clone, Copy, Debug)]
pub enum Caller<'a> {
    /// The role of a session.
    Session {
        /// Where the session is from; causes of refusals name its role and its Region.
        provider: &'a RolesAnywhere,
        /// The session.
        session: &'a Session,
    },
    /// The user of an access key.
    Key(&'a AccessKey),
}

impl Caller<'_> {
    fn key(&self) -> AccessKey {
        match self {
            Self::Session { session, .. } => AccessKey::from(&session.credentials),
            Self::Key(key) => (*key).clone(),
        }
    }

    /// Returns the number of seconds that this machine's clock is behind AWS's, if it is known.
    fn clock_offset(&self) -> i64 {
        match self {
            Self::Session { session, .. } => session.clock_offset,
            Self::Key(_) => 0,
        }
    }

    fn signer(&self) -> IamSigner<'_> {
        match self {
            Self::Session { provider, .. } => {
                IamSigner::Session { role: provider.role(), region: &provider.session.region }
            }
            Self::Key(key) => IamSigner::Key(&key.id),
        }
    }
}

/// A call, and what it is about.
#[derive(Clone, Copy)]
pub(super) struct QueryCall<'a> {
    pub(super) operation: QueryOperation,
    /// The endpoint.
    pub(super) at: &'a RegionalEndpoint,
    pub(super) caller: Caller<'a>,
    /// The user that it is about.
    pub(super) user: Option<&'a str>,
    /// The id of the access key that it is about.
    pub(super) key: Option<&'a str>,
}

impl QueryCall<'_> {
    /// Sends the request, and returns what `parse` reads in the 2xx response. If AWS refuses the signature
    /// and the clocks differ by four minutes or more, the request is signed again with AWS's time.
    pub(super) async fn send<T>(
        &self,
        request: &Request,
        parse: impl FnOnce(&Response) -> Result<T, QueryResponseError>,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<T, ServiceCallError> {
        let outcome = self.exchange(request, ports, deadline).await;
        let outcome = outcome.and_then(|answer| Ok(parse(&answer.response)?));
        outcome.map_err(|error| match self.operation.repeatable() {
            Repeatable::No if error.may_have_been_carried_out() => {
                ServiceCallError::OutcomeUnknown {
                    operation: self.operation,
                    source: Box::new(error),
                }
            }
            _ => error,
        })
    }

    async fn exchange(
        &self,
        request: &Request,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<TimedResponse, ServiceCallError> {
        let Self { operation, at, .. } = self;
        ports.trace.show(format_args!("{operation} in {}", at.region));
        let (key, offset) = (self.caller.key(), self.caller.clock_offset());
        let mut answer = self.attempt(request, (&key, offset), ports, deadline).await?;
        if let Some(found) = clock::correction(&answer, offset, ports) {
            answer = self.attempt(request, (&key, found), ports, deadline).await?;
        }
        match answer.response.is_success() {
            true => Ok(answer),
            false => Err(self.refused(&answer, &key)),
        }
    }

    async fn attempt(
        &self,
        request: &Request,
        (key, clock_offset): (&AccessKey, i64),
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<TimedResponse, RequestError> {
        let (region, service) = (&self.at.region, self.operation.service().name());
        retry::send(ports, deadline, self.operation.repeatable(), |now| {
            access_key::sign(request.clone(), region, service, now.after(clock_offset), key)
        })
        .await
    }

    /// Returns the error of AWS with our secrets removed: if a signature does not match, AWS repeats
    /// the canonical request, which holds the session token.
    fn refused(&self, answer: &TimedResponse, key: &AccessKey) -> ServiceCallError {
        let service_error = ServiceError::parse(&answer.response, &self.secrets(key));
        let causes = diagnosis::iam(&service_error, &self.evidence(answer.received));
        let operation = Operation::Query(self.operation);
        let refusal = Box::new(Refusal { operation, service_error, causes });
        // Read without removing secrets, as one may be part of a word of the message.
        let whole = ServiceError::parse(&answer.response, &[]);
        let of_signer = whole.is_about_credentials() || whole.is_about_signature();
        match self.caller {
            Caller::Session { .. } if of_signer => ServiceCallError::SessionRefused(refusal),
            _ => ServiceCallError::Refused(refusal),
        }
    }

    /// Returns the values that AWS's texts must not repeat.
    fn secrets<'b>(&'b self, key: &'b AccessKey) -> Vec<&'b str> {
        let token = key.session_token.as_ref().map(|token| token.expose());
        let names = [self.user, self.key].into_iter().flatten().filter(|it| !may_be_repeated(it));
        [key.secret.expose()].into_iter().chain(token).chain(names).collect()
    }

    fn evidence(&self, received: Timestamp) -> IamEvidence<'_> {
        let Self { operation, at, ref caller, user, key } = *self;
        let signer = caller.signer();
        IamEvidence { operation, user, key, signer, region: &at.region, received }
    }
}
