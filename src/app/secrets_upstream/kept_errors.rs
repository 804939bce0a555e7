//! The whole errors of reads, of which the cache keeps what it serves.

use std::rc::Rc;
use std::sync::Arc;

use crate::output::error::Error;
use crate::secrets_cache::{CallScope, ReadFailure, ReadItem};
use roles_anywhere_client::region::Region;

/// The last error of each item that was not read. There must be few items.
#[derive(Default)]
pub(super) struct KeptErrors(Vec<KeptError>);

struct KeptError {
    role_id: Rc<str>,
    region: Region,
    item: ReadItem,
    failure: ReadFailure,
    error: Arc<Error>,
}

impl KeptErrors {
    /// Keeps the error of an item, which the cache knows as `failure`.
    pub(super) fn keep(
        &mut self,
        (scope, item): (&CallScope, &ReadItem),
        failure: &ReadFailure,
        error: Error,
    ) {
        let (role_id, region) = (Rc::clone(&scope.role.id), scope.region.clone());
        self.0.retain(|known| !known.is_of(&role_id, &region, item));
        let (item, failure, error) = (item.clone(), failure.clone(), Arc::new(error));
        self.0.push(KeptError { role_id, region, item, failure, error });
    }

    /// Returns the error of an item, if the cache knows it as `failure`.
    pub(super) fn find(
        &self,
        (role_id, region, item): (&str, &Region, &ReadItem),
        failure: &ReadFailure,
    ) -> Option<Arc<Error>> {
        let known = self.0.iter().find(|known| known.is_of(role_id, region, item))?;
        (known.failure == *failure).then(|| Arc::clone(&known.error))
    }
}

impl KeptError {
    fn is_of(&self, role_id: &str, region: &Region, item: &ReadItem) -> bool {
        (&*self.role_id, &self.region, &self.item) == (role_id, region, item)
    }
}
