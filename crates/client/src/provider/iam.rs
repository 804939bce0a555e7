//! Manages the access keys of users with IAM.

use crate::aws::create_access_key::{self, CreatedAccessKey};
use crate::aws::delete_access_key;
use crate::aws::endpoint::RegionalEndpoint;
use crate::aws::get_access_key_last_used::{self, LastUsed};
use crate::aws::list_access_keys::{self, AccessKeyMetadata, KeyStatus};
use crate::aws::query_protocol::{QueryOperation, QueryResponseError};
use crate::aws::update_access_key;
use crate::ports::Ports;
use crate::provider::query_call::QueryCall;
use crate::time::Deadline;

pub use crate::provider::query_call::Caller;
pub use crate::provider::service_call::ServiceCallError;

/// IAM of a partition.
///
/// The user of a call is `None` for the caller's own: only a [`Caller::Key`] has one, so a
/// [`Caller::Session`] has to name it.
#[derive(Clone, Copy, Debug)]
pub struct Iam<'a> {
    /// The endpoint of IAM, with the Region that its partition signs for.
    pub at: &'a RegionalEndpoint,
    /// Who calls it.
    pub caller: Caller<'a>,
}

impl<'a> Iam<'a> {
    /// Creates an access key of `user`.
    ///
    /// The request is never sent again if AWS may have carried it out, as the key of the first one would
    /// remain: then the error is [`ServiceCallError::OutcomeUnknown`].
    pub async fn create_access_key(
        &self,
        user: Option<&str>,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<CreatedAccessKey, ServiceCallError> {
        let call = self.call(QueryOperation::CreateAccessKey, user, None);
        let request = create_access_key::to_http(user, self.at);
        call.send(&request, create_access_key::parse, ports, deadline).await
    }

    /// Returns the access keys of `user`, from every page.
    pub async fn list_access_keys(
        &self,
        user: Option<&str>,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<Vec<AccessKeyMetadata>, ServiceCallError> {
        let call = self.call(QueryOperation::ListAccessKeys, user, None);
        let (mut keys, mut marker) = (Vec::new(), None::<String>);
        loop {
            let request = list_access_keys::to_http(user, marker.as_deref(), self.at);
            let page = call.send(&request, list_access_keys::parse, ports, deadline).await?;
            keys.extend(page.keys);
            let Some(next) = page.next_page else { return Ok(keys) };
            if marker.as_ref() == Some(&next) {
                // It would be requested until the deadline.
                return Err(QueryResponseError::RepeatedPage { operation: call.operation }.into());
            }
            marker = Some(next);
        }
    }

    /// Activates or deactivates the access key `id` of `user`.
    pub async fn update_access_key(
        &self,
        (user, id): (Option<&str>, &str),
        status: KeyStatus,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<(), ServiceCallError> {
        let call = self.call(QueryOperation::UpdateAccessKey, user, Some(id));
        let request = update_access_key::to_http(user, id, status, self.at);
        call.send(&request, update_access_key::parse, ports, deadline).await
    }

    /// Deletes the access key `id` of `user`.
    ///
    /// If the answer to the first attempt was lost, a repeated one is refused with `NoSuchEntity` although
    /// the key was deleted.
    pub async fn delete_access_key(
        &self,
        (user, id): (Option<&str>, &str),
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<(), ServiceCallError> {
        let call = self.call(QueryOperation::DeleteAccessKey, user, Some(id));
        let request = delete_access_key::to_http(user, id, self.at);
        call.send(&request, delete_access_key::parse, ports, deadline).await
    }

    /// Returns when the access key `id` was last used.
    pub async fn get_access_key_last_used(
        &self,
        id: &str,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<LastUsed, ServiceCallError> {
        let call = self.call(QueryOperation::GetAccessKeyLastUsed, None, Some(id));
        let request = get_access_key_last_used::to_http(id, self.at);
        call.send(&request, get_access_key_last_used::parse, ports, deadline).await
    }

    fn call<'b>(
        &'b self,
        operation: QueryOperation,
        user: Option<&'b str>,
        key: Option<&'b str>,
    ) -> QueryCall<'b> {
        QueryCall { operation, at: self.at, caller: self.caller, user, key }
    }
}

#[cfg(test)]
mod tests;
