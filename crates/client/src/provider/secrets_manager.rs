//! Reads a secret of AWS Secrets Manager with a session.

use crate::aws::endpoint::Service;
use crate::aws::error_response::ServiceError;
use crate::aws::get_secret_value::{self, SecretRequest, SecretResponseError, SecretVersion};
use crate::aws::retry::{self, RequestError, TimedResponse};
use crate::credentials::{Credentials, Session};
use crate::diagnosis::{self, Operation, Refusal};
use crate::ports::Ports;
use crate::provider::RolesAnywhere;
use crate::sigv4::access_key;
use crate::time::Deadline;

/// Reads one secret.
#[derive(Clone, Copy, Debug)]
pub struct SecretsManager<'a> {
    /// The requested secret.
    pub request: &'a SecretRequest,
    /// Where the sessions are from; causes of refusals name their role and their Region.
    pub provider: &'a RolesAnywhere,
}

impl SecretsManager<'_> {
    /// Returns the secret. The request is signed with `session`, by AWS's clock.
    pub async fn get(
        &self,
        session: &Session,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<SecretVersion, GetSecretError> {
        let answer = self.call(session, ports, deadline).await?;
        if !answer.response.is_success() {
            return Err(self.refusal(&answer, session));
        }
        Ok(get_secret_value::parse(&answer.response)?)
    }

    async fn call(
        &self,
        session: &Session,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<TimedResponse, RequestError> {
        let SecretRequest { region, secret, .. } = self.request;
        let service = Service::SecretsManager.name();
        ports.trace.show(format_args!("GetSecretValue of {} in {region}", secret.shown()));
        retry::send(ports, deadline, |now| {
            let now = now.after(session.clock_offset);
            access_key::sign(self.request.to_http(), region, service, now, &session.credentials)
        })
        .await
    }

    /// Returns the error of AWS with our secrets removed: if a signature does not match, AWS repeats
    /// the canonical request, which holds the session token.
    fn refusal(&self, answer: &TimedResponse, session: &Session) -> GetSecretError {
        let Credentials { secret_access_key, session_token, .. } = &session.credentials;
        let mut secrets = self.request.hidden();
        secrets.extend([secret_access_key.expose(), session_token.expose()]);
        let service_error = ServiceError::parse(&answer.response, &secrets);
        let cause = diagnosis::get_secret_value(
            &service_error,
            self.request,
            self.provider.role(),
            &self.provider.session.region,
            answer.received,
        );
        let refusal = Box::new(Refusal {
            operation: Operation::GetSecretValue,
            service_error,
            causes: vec![cause],
        });
        // Read without removing secrets, as one may be part of a word of the message.
        let whole = ServiceError::parse(&answer.response, &[]);
        if whole.is_about_credentials() || whole.is_about_signature() {
            GetSecretError::SessionRefused(refusal)
        } else {
            GetSecretError::Refused(refusal)
        }
    }
}

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum GetSecretError {
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
    /// AWS's response holds no secret.
    #[error(transparent)]
    Response(#[from] SecretResponseError),
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::aws::get_secret_value::{SecretId, SecretValue};
    use crate::http::Endpoint;
    use crate::region::Region;
    use crate::secret::Secret;
    use crate::test_support::clock::START;
    use crate::test_support::ports::FakePorts;
    use crate::test_support::session;
    use crate::test_support::transport::{Reply, ScriptedTransport};

    const TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLETOKEN";

    /// Reads a secret from a service that gives this reply, with a clock an hour behind AWS's.
    fn get(reply: Reply) -> (Result<SecretVersion, GetSecretError>, FakePorts) {
        let request = SecretRequest {
            secret: SecretId::Name("prod/db".to_owned()),
            version_id: None,
            version_stage: None,
            endpoint: Endpoint::parse("https://a.example").unwrap(),
            region: Region::parse("us-east-1").unwrap(),
        };
        let session = Session {
            credentials: Credentials {
                access_key_id: "ASIAEXAMPLEEXAMPLE00".to_owned(),
                secret_access_key: Secret::new("wJalrXUtnFEMIEXAMPLEKEY".to_owned()),
                session_token: Secret::new(TOKEN.to_owned()),
                expiration: START.after(7_200),
                account_id: "123456789012".to_owned(),
                role_session_name: None,
            },
            received: START,
            lifetime_seconds: 3_600,
            clock_offset: 3_600,
        };
        let transport = ScriptedTransport::replies([reply]);
        let ports = FakePorts { transport, ..FakePorts::default() };
        let provider = RolesAnywhere::new(session::source(), session::request());
        let secrets = SecretsManager { request: &request, provider: &provider };
        let deadline = Deadline::new(Duration::ZERO, Duration::from_secs(20));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let got = runtime.block_on(secrets.get(&session, &ports.ports(), deadline));
        (got, ports)
    }

    #[test]
    fn signs_by_the_clock_of_aws_and_reads_the_secret() {
        let (got, ports) =
            get(Reply::status(200, r#"{"ARN":"a","Name":"prod/db","SecretString":"s"}"#));
        assert!(matches!(got.unwrap().value, SecretValue::Text(text) if text.expose() == "s"));
        let headers = &ports.transport.requests()[0].headers;
        let date = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-amz-date"));
        assert_eq!(date.unwrap().1, START.after(3_600).to_string().replace(['-', ':'], ""));
    }

    #[test]
    fn removes_the_session_token_from_the_text_of_aws() {
        let message = format!("The canonical string was x-amz-security-token:{TOKEN}");
        let body = format!(r#"{{"__type":"InvalidSignatureException","message":"{message}"}}"#);
        let GetSecretError::SessionRefused(refusal) = get(Reply::status(403, &body)).0.unwrap_err()
        else {
            panic!("a signature was refused")
        };
        assert!(
            refusal.service_error.message.starts_with("The canonical string was"),
            "{refusal:?}"
        );
        assert!(!format!("{refusal:?}").contains(TOKEN), "{refusal:?}");
    }

    #[test]
    fn tells_a_refused_session_from_a_refused_request() {
        let rows = [
            ("ExpiredTokenException", true),
            ("UnrecognizedClientException", true),
            ("InvalidSignatureException", true),
            ("AccessDeniedException", false),
            ("ResourceNotFoundException", false),
        ];
        for (code, of_session) in rows {
            let error =
                get(Reply::status(400, &format!(r#"{{"__type":"{code}"}}"#))).0.unwrap_err();
            match error {
                GetSecretError::SessionRefused(_) => assert!(of_session, "{code}"),
                GetSecretError::Refused(_) => assert!(!of_session, "{code}"),
                other => panic!("{code}: {other}"),
            }
        }
        let nothing = get(Reply::status(200, "{}")).0;
        assert!(matches!(nothing, Err(GetSecretError::Response(SecretResponseError::Malformed))));
    }
}
