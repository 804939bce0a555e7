//! What to do about calls of AWS services with a session or an access key.

use super::refusals::{endpoint_option, refusal_hints};
use super::transport::request_hint;
use crate::output::error::Error;
use roles_anywhere_client::aws::endpoint::Service;
use roles_anywhere_client::aws::json_protocol::JsonResponseError;
use roles_anywhere_client::aws::query_protocol::QueryResponseError;
use roles_anywhere_client::provider::secrets_manager::ServiceCallError;
use roles_anywhere_client::provider::{ErrorKind, ProviderError};

impl From<ServiceCallError> for Error {
    fn from(error: ServiceCallError) -> Self {
        match error {
            ServiceCallError::Request(error) => error.into(),
            ServiceCallError::SessionRefused(source) | ServiceCallError::Refused(source) => {
                ProviderError::Refused { source, retry_after: None }.into()
            }
            ServiceCallError::Response(error) => error.into(),
            ServiceCallError::QueryResponse(error) => error.into(),
            ServiceCallError::OutcomeUnknown { ref source, .. } => {
                let (kind, hints) = (kind(source), hints(source));
                let request_id =
                    source.refusal().and_then(|it| it.service_error.request_id.clone());
                let error = Self::new(kind, error).hint(LOST_KEY).with_request_id(request_id);
                hints.into_iter().fold(error, Self::hint)
            }
        }
    }
}

const LOST_KEY: &str = "list the access keys of the user with `aws iam list-access-keys`: if there is a new one, delete it, as its secret is lost";

fn kind(error: &ServiceCallError) -> ErrorKind {
    match error {
        ServiceCallError::Request(error) => error.kind(),
        ServiceCallError::SessionRefused(refusal) | ServiceCallError::Refused(refusal) => {
            refusal.kind()
        }
        ServiceCallError::Response(_) | ServiceCallError::QueryResponse(_) => {
            ErrorKind::Unreachable
        }
        ServiceCallError::OutcomeUnknown { source, .. } => kind(source),
    }
}

fn hints(error: &ServiceCallError) -> Vec<String> {
    match error {
        ServiceCallError::Request(error) => vec![request_hint(error)],
        ServiceCallError::SessionRefused(refusal) | ServiceCallError::Refused(refusal) => {
            refusal_hints(refusal)
        }
        ServiceCallError::Response(error) => vec![response_hint(error.service())],
        ServiceCallError::QueryResponse(error) => {
            vec![response_hint(error.operation().service())]
        }
        ServiceCallError::OutcomeUnknown { source, .. } => hints(source),
    }
}

impl From<JsonResponseError> for Error {
    fn from(error: JsonResponseError) -> Self {
        Self::new(ErrorKind::Unreachable, error).hint(response_hint(error.service()))
    }
}

impl From<QueryResponseError> for Error {
    fn from(error: QueryResponseError) -> Self {
        Self::new(ErrorKind::Unreachable, error).hint(response_hint(error.operation().service()))
    }
}

fn response_hint(service: Service) -> String {
    let option = endpoint_option(service);
    format!("the endpoint may not be AWS: check `{option}` and any proxy")
}
