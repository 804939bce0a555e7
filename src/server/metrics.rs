//! The metrics of this process in the text format of Prometheus.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use hyper::StatusCode;

use roles_anywhere_client::refresh::clock_reading::ClockReading;
use roles_anywhere_client::refresh::status::Status;

/// The responses, counted by route and status. Neither is a client's choice, so the map stays small.
#[derive(Debug, Default)]
pub(super) struct RequestCounters(RefCell<BTreeMap<(&'static str, u16), u64>>);

impl RequestCounters {
    /// Counts a response.
    pub(super) fn count(&self, route: &'static str, status: StatusCode) {
        *self.0.borrow_mut().entry((route, status.as_u16())).or_default() += 1;
    }
}

/// Renders all metrics.
pub(super) fn render(
    status: &Status,
    requests: &RequestCounters,
    unlogged: u64,
    now: ClockReading,
) -> String {
    let mut page = MetricsText(String::with_capacity(4_096));
    page.gauge(
        "credentials_expiry_seconds",
        "Seconds until the current credentials expire; 0 if there are none.",
        status.seconds_left(now),
    );
    if let Some(end) = status.certificate_end {
        page.gauge(
            "certificate_expiry_seconds",
            "Seconds until the current certificate expires; negative after that.",
            now.wall.after(status.clock_offset).seconds_until(end),
        );
    }
    page.gauge(
        "clock_offset_seconds",
        "Seconds by which this machine's clock is behind AWS's; negative if it is ahead.",
        status.clock_offset,
    );
    page.head("refreshes_total", "counter", "Refreshes of the credentials, by outcome.");
    let refreshes = status.refreshes;
    for (result, count) in [
        ("succeeded", refreshes.succeeded),
        ("refused", refreshes.refused),
        ("unreachable", refreshes.unreachable),
        ("identity", refreshes.identity),
        ("local", refreshes.local),
    ] {
        page.line("refreshes_total", format_args!("{{result=\"{result}\"}}"), count);
    }
    page.head(
        "unlogged_vends_total",
        "counter",
        "Responses with credentials that could not be logged.",
    );
    page.line("unlogged_vends_total", format_args!(""), unlogged);
    page.head("requests_total", "counter", "Responses, by route and status.");
    for ((route, status), count) in requests.0.borrow().iter() {
        let labels = format_args!("{{route=\"{route}\",status=\"{status}\"}}");
        page.line("requests_total", labels, count);
    }
    page.0
}

struct MetricsText(String);

impl MetricsText {
    fn gauge(&mut self, name: &str, help: &str, value: impl fmt::Display) {
        self.head(name, "gauge", help);
        self.line(name, format_args!(""), value);
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP roles_anywhere_{name} {help}");
        let _ = writeln!(self.0, "# TYPE roles_anywhere_{name} {kind}");
    }

    fn line(&mut self, name: &str, labels: fmt::Arguments<'_>, value: impl fmt::Display) {
        let _ = writeln!(self.0, "roles_anywhere_{name}{labels} {value}");
    }
}
