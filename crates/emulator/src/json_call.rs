//! A call to Secrets Manager or Parameter Store, which both speak AWS JSON 1.1.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use crate::account::Resources;
use crate::arn::Location;
use crate::caller::Caller;
use crate::message::Request;
use crate::policy::Context;
use crate::refusal::Refusal;
use crate::resource_access::ResourceAccess;

/// A request, and who has signed it.
#[derive(Debug)]
pub(crate) struct JsonCall<'a> {
    pub(crate) caller: &'a Caller,
    /// The account of the caller, and the Region that the request is signed for.
    pub(crate) location: Location,
    pub(crate) request: &'a Request,
    pub(crate) now: OffsetDateTime,
}

impl JsonCall<'_> {
    /// Returns the condition keys that every call has.
    pub(crate) fn context(&self) -> Context {
        self.caller.request_context(self.request, &self.location.region, self.now)
    }

    /// Returns those keys, and the ones of tags that the request sets.
    pub(crate) fn with_request_tags(&self, tags: &BTreeMap<String, String>) -> Context {
        let context = self.context().with_all("aws:TagKeys", tags.keys().cloned());
        tags.iter().fold(context, |context, (key, value)| {
            context.with(&format!("aws:RequestTag/{key}"), value.as_str())
        })
    }

    /// Refuses an operation that is about no single resource if the caller may not call it.
    pub(crate) fn check_service(&self, resources: &Resources, action: &str) -> Result<(), Refusal> {
        ResourceAccess {
            caller: self.caller,
            action,
            resource: "*",
            account: &self.location.account,
            called: "*",
            policy: None,
            context: self.context(),
        }
        .check(resources)
    }
}
