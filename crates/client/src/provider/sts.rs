//! Asks STS who an access key belongs to.

use crate::aws::endpoint::RegionalEndpoint;
use crate::aws::get_caller_identity::{self, CallerIdentity};
use crate::aws::query_protocol::QueryOperation;
use crate::credentials::AccessKey;
use crate::ports::Ports;
use crate::provider::query_call::{Caller, QueryCall};
use crate::provider::service_call::ServiceCallError;
use crate::time::Deadline;

/// Returns who `key` belongs to, by STS `at` a Region: AWS accepts the key if there is an answer.
///
/// A new key may be refused for a while: the cause is [`crate::diagnosis::AccessKeyCause::NotAccepted`].
pub async fn get_caller_identity(
    at: &RegionalEndpoint,
    key: &AccessKey,
    ports: &Ports,
    deadline: Deadline,
) -> Result<CallerIdentity, ServiceCallError> {
    let (operation, caller) = (QueryOperation::GetCallerIdentity, Caller::Key(key));
    let call = QueryCall { operation, at, caller, user: None, key: None };
    let request = get_caller_identity::to_http(at);
    call.send(&request, get_caller_identity::parse, ports, deadline).await
}

#[cfg(test)]
mod tests;
