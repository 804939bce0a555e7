//! The metrics of this process in the text format of Prometheus.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use hyper::StatusCode;

use super::served_roles::ServedRoles;
use roles_anywhere_client::refresh::clock_reading::ClockReading;
use roles_anywhere_client::refresh::status::Status;

/// The responses, counted by route, role in the path, and status. None of them is a client's choice, so
/// the map stays small.
#[derive(Debug, Default)]
pub(super) struct RequestCounters(RefCell<BTreeMap<RequestKind, u64>>);

/// Route, role in the path, and status.
type RequestKind = (&'static str, Option<String>, u16);

impl RequestCounters {
    /// Counts a response.
    pub(super) fn count(&self, route: &'static str, role: Option<&str>, status: StatusCode) {
        let role = role.map(str::to_owned);
        *self.0.borrow_mut().entry((route, role, status.as_u16())).or_default() += 1;
    }
}

/// Renders all metrics. Those of a role with a name have its label.
pub(super) fn render(
    roles: &ServedRoles,
    requests: &RequestCounters,
    unlogged: u64,
    now: ClockReading,
) -> String {
    let roles: Vec<_> =
        roles.all.iter().map(|role| (role.name.as_deref(), role.channel.status())).collect();
    let of_each = |value: &dyn Fn(&Status) -> Option<i64>| {
        let values = roles.iter().map(|(name, status)| (*name, value(status)));
        values.filter_map(|(name, value)| Some((name, value?))).collect::<Vec<_>>()
    };
    let mut page = MetricsText(String::with_capacity(4_096));
    page.gauges(
        "credentials_expiry_seconds",
        "Seconds until the current credentials expire; 0 if there are none.",
        &of_each(&|status| Some(status.seconds_left(now))),
    );
    session_info(&mut page, &roles);
    page.gauges(
        "certificate_expiry_seconds",
        "Seconds until the current certificate expires; negative after that.",
        &of_each(&|status| {
            let end = status.certificate_end?;
            Some(now.wall.after(status.clock_offset).seconds_until(end))
        }),
    );
    page.gauges(
        "clock_offset_seconds",
        "Seconds by which this machine's clock is behind AWS's; negative if it is ahead.",
        &of_each(&|status| Some(status.clock_offset)),
    );
    page.head("refreshes_total", "counter", "Refreshes of the credentials, by outcome.");
    for (name, status) in &roles {
        let refreshes = status.refreshes;
        for (result, count) in [
            ("succeeded", refreshes.succeeded),
            ("refused", refreshes.refused),
            ("unreachable", refreshes.unreachable),
            ("identity", refreshes.identity),
            ("local", refreshes.local),
        ] {
            page.line("refreshes_total", &[("role", *name), ("result", Some(result))], count);
        }
    }
    page.head(
        "unlogged_vends_total",
        "counter",
        "Responses with credentials that could not be logged.",
    );
    page.line("unlogged_vends_total", &[], unlogged);
    page.requests("requests_total", "Responses, by route and status.", requests);
    page.0
}

/// Writes which Region's trust anchor made the last session of each role.
fn session_info(page: &mut MetricsText, roles: &[(Option<&str>, Arc<Status>)]) {
    let made = || roles.iter().filter_map(|(role, status)| Some((*role, status.made_by.as_ref()?)));
    if made().next().is_some() {
        let help = "Always 1: the Region of the trust anchor that made the last session, and whether that is a fallback.";
        page.head("session_info", "gauge", help);
    }
    for (role, made_by) in made() {
        let region = made_by.trust_anchor().region().as_str();
        let fallback = if made_by.is_fallback() { "true" } else { "false" };
        let labels = [("role", role), ("region", Some(region)), ("fallback", Some(fallback))];
        page.line("session_info", &labels, 1);
    }
}

/// A page of metrics.
pub(super) struct MetricsText(pub(super) String);

impl MetricsText {
    /// Writes the counters of responses.
    pub(super) fn requests(&mut self, name: &str, help: &str, requests: &RequestCounters) {
        self.head(name, "counter", help);
        for ((route, role, status), count) in requests.0.borrow().iter() {
            let status = status.to_string();
            let labels =
                [("role", role.as_deref()), ("route", Some(*route)), ("status", Some(&*status))];
            self.line(name, &labels, count);
        }
    }

    /// Writes a gauge of each role; nothing if there is no value.
    fn gauges(&mut self, name: &str, help: &str, values: &[(Option<&str>, i64)]) {
        if !values.is_empty() {
            self.head(name, "gauge", help);
        }
        for (role, value) in values {
            self.line(name, &[("role", *role)], value);
        }
    }

    /// Writes what is before the lines of a metric.
    pub(super) fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP roles_anywhere_{name} {help}");
        let _ = writeln!(self.0, "# TYPE roles_anywhere_{name} {kind}");
    }

    /// Writes a line with those of the labels that have a value. No value needs an escape: they are
    /// names of ours, of Regions and of roles, which are letters, digits and `_.-`.
    pub(super) fn line(
        &mut self,
        name: &str,
        labels: &[(&str, Option<&str>)],
        value: impl fmt::Display,
    ) {
        let _ = write!(self.0, "roles_anywhere_{name}");
        let mut separator = '{';
        for (label, value) in labels {
            if let Some(value) = value {
                let _ = write!(self.0, "{separator}{label}=\"{value}\"");
                separator = ',';
            }
        }
        if separator == ',' {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }
}
