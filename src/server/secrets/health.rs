//! Health and metrics on the secrets port: the same pages as on the credentials port, which may be off.

use super::route::HealthPage;
use super::{SecretsEndpoint, metrics};
use crate::server::Response;
use crate::server::response;

impl SecretsEndpoint {
    /// Returns a page about this process.
    pub(super) fn health(&self, page: HealthPage) -> Response {
        match page {
            HealthPage::Alive => response::text("alive\n"),
            HealthPage::Ready => self.credentials.readiness(),
            HealthPage::Metrics => {
                let page = self.credentials.metrics();
                let statistics = self.cache.statistics();
                let own = metrics::EndpointStatistics {
                    requests: &self.requests,
                    denied: &self.denied,
                    waiting: self.limit.waiting(),
                    unlogged: self.audit.unlogged(),
                };
                response::metrics(metrics::render(page, &statistics, own))
            }
        }
    }
}
