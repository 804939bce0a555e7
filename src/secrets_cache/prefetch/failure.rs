//! What was not read at the start, and whether it is tried again.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::PrefetchItems;
use crate::secrets_cache::read::{OutageReason, ReadFailure};
use crate::secrets_cache::upstream::{CallScope, ReadingRole, UpstreamFailure};
use roles_anywhere_client::region::Region;

/// What was not read at the start.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PrefetchFailure {
    /// The role, as in `Prefetch`.
    pub role: Option<Arc<str>>,
    /// What was to be read. In an outage, more than this may fail.
    pub items: PrefetchItems,
    /// How many more were to be read by the same call.
    pub others: usize,
    /// Why it is tried again; `None` if it is not.
    pub outage: Option<OutageReason>,
    /// How the call failed.
    pub failure: ReadFailure,
}

/// Takes what was not read at the start. An outage is reported once, whatever fails in it.
pub type ReportPrefetchFailure<'a> = &'a dyn Fn(&PrefetchFailure);

/// The outages that were reported, by the role.
pub(super) type ReportedOutages = RefCell<Vec<(Option<Arc<str>>, OutageReason)>>;

/// A role of a prefetch, and what takes its failures.
pub(super) struct PrefetchOfRole<'a> {
    pub(super) name: Option<Arc<str>>,
    pub(super) role: Rc<ReadingRole>,
    pub(super) reported: &'a ReportedOutages,
    pub(super) report: ReportPrefetchFailure<'a>,
}

impl PrefetchOfRole<'_> {
    pub(super) fn scope(&self, region: &Region) -> CallScope {
        CallScope { role: Rc::clone(&self.role), region: region.clone() }
    }

    /// Reports that `items` were not read. Returns them if they are to be tried again.
    pub(super) fn failed(
        &self,
        items: PrefetchItems,
        failure: UpstreamFailure,
    ) -> Option<PrefetchItems> {
        self.all_failed(vec![items], failure).pop()
    }

    /// Reports that all `items` of a call were not read. Returns those that are to be tried again.
    pub(super) fn all_failed(
        &self,
        items: Vec<PrefetchItems>,
        failure: UpstreamFailure,
    ) -> Vec<PrefetchItems> {
        let (outage, failure) = match failure {
            UpstreamFailure::Outage(reason, failure) if reason.concerns_all() => {
                (Some(reason), failure)
            }
            UpstreamFailure::Outage(_, failure)
            | UpstreamFailure::Refused(failure)
            | UpstreamFailure::NoVersion(failure) => (None, failure),
        };
        let mut reported = self.reported.borrow_mut();
        let of_role = outage.map(|reason| (self.name.clone(), reason));
        if let Some(first) = items.first()
            && !of_role.as_ref().is_some_and(|outage| reported.contains(outage))
        {
            reported.extend(of_role);
            let (role, others) = (self.name.clone(), items.len() - 1);
            let items = first.clone();
            (self.report)(&PrefetchFailure { role, items, others, outage, failure });
        }
        if outage.is_some() { items } else { Vec::new() }
    }
}
