//! The metrics of secrets, after those of the credentials.

use super::denied::DenialCounters;
use crate::secrets_cache::CacheStatistics;
use crate::server::metrics::{MetricsText, RequestCounters};

/// What the endpoint itself counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct EndpointStatistics<'a> {
    /// The responses.
    pub(super) requests: &'a RequestCounters,
    /// The requests that were denied.
    pub(super) denied: &'a DenialCounters,
    /// The requests that wait for a change.
    pub(super) waiting: usize,
    /// The reads that are not in the log.
    pub(super) unlogged: u64,
}

/// Adds the metrics of the cache and of the endpoint to a page.
pub(super) fn render(
    page: String,
    cache: &CacheStatistics,
    endpoint: EndpointStatistics<'_>,
) -> String {
    let mut page = MetricsText(page);
    page.head("secret_reads_total", "counter", "Reads of secrets and parameters, by result.");
    for (result, count) in &cache.reads {
        page.line("secret_reads_total", &[("result", Some(*result))], count);
    }
    page.head("secret_calls_total", "counter", "Calls of AWS for them, by operation and result.");
    for ((operation, result), count) in &cache.calls {
        let labels = [("operation", Some(*operation)), ("result", Some(*result))];
        page.line("secret_calls_total", &labels, count);
    }
    for (name, help, value) in [
        ("secret_cache_entries", "Values in the cache.", cache.entries.to_string()),
        ("secret_cache_bytes", "Bytes of the values in the cache.", cache.bytes.to_string()),
        (
            "secret_cache_expired_entries",
            "Values in the cache that are older than their TTL.",
            cache.expired_entries.to_string(),
        ),
        (
            "secret_staleness_seconds",
            "Seconds by which the stalest value that is in use is older than its TTL.",
            cache.longest_past_ttl.as_secs().to_string(),
        ),
        (
            "secret_waiting_requests",
            "Requests that wait for a change.",
            endpoint.waiting.to_string(),
        ),
    ] {
        page.head(name, "gauge", help);
        page.line(name, &[], value);
    }
    if let Some(seconds) = cache.seconds_to_next_rotation {
        let name = "secret_next_rotation_seconds";
        page.head(name, "gauge", "Seconds to the next rotation; negative if it is late.");
        page.line(name, &[], seconds);
    }
    offline_copies(&mut page, cache);
    page.head("secret_unlogged_reads_total", "counter", "Reads that could not be logged.");
    page.line("secret_unlogged_reads_total", &[], endpoint.unlogged);
    let help = "Requests that were denied: by AWS, by the rules of the endpoint, or without a valid token.";
    page.head("secret_denied_requests_total", "counter", help);
    for (by, count) in endpoint.denied.counts() {
        page.line("secret_denied_requests_total", &[("by", Some(by))], count);
    }
    let help = "Responses on the port of secrets, by route and status.";
    page.requests("secret_requests_total", help, endpoint.requests);
    page.0
}

fn offline_copies(page: &mut MetricsText, cache: &CacheStatistics) {
    let Some(offline) = cache.offline else { return };
    page.head("secret_offline_copies", "gauge", "Copies of values on disk.");
    page.line("secret_offline_copies", &[], offline.copies);
    let name = "secret_offline_copy_failures_total";
    page.head(name, "counter", "Copies that could not be read, written or removed.");
    page.line(name, &[], offline.failures);
}
