//! The likely causes of AWS's refusals in words, each with what to do.

mod access_key;
mod certificate;
mod configuration;
mod hop;
pub(super) mod parameter;
mod secret;
mod secret_change;

use crate::options::table::secrets::{PARAMETERS_ENDPOINT, SECRETS_ENDPOINT};
use crate::options::table::session::{AWS_ENDPOINT_URL_IAM, AWS_ENDPOINT_URL_STS, ENDPOINT};
use roles_anywhere_client::aws::endpoint::Service;
use roles_anywhere_client::diagnosis::{Cause, ClockComparison, Operation, Refusal};
use roles_anywhere_client::region::Region;
use roles_anywhere_client::time::Timestamp;

/// Returns the hints about a refusal: its causes in their order.
pub(super) fn refusal_hints(refusal: &Refusal) -> Vec<String> {
    refusal.causes.iter().map(|cause| hint(cause, &refusal.operation)).collect()
}

fn hint(cause: &Cause, operation: &Operation) -> String {
    match (cause, operation) {
        (Cause::Certificate(cause), _) => certificate::hint(cause),
        (Cause::Configuration(cause), _) => configuration::hint(cause),
        (Cause::Secret(cause), _) => secret::hint(cause),
        (Cause::SecretChange(cause), _) => secret_change::hint(cause),
        (Cause::Parameter(cause), _) => parameter::hint(cause),
        (Cause::Hop(cause), _) => hop::hint(cause),
        (Cause::AccessKey(cause), _) => access_key::hint(cause),
        (Cause::SessionNotAccepted { session, call }, operation) => format!(
            "check that `{}` belongs to AWS, and that no proxy changes headers: a new session from {session} was not accepted in {call}",
            endpoint_option(service(operation))
        ),
        (Cause::ClockOffset { seconds_behind, local, aws }, _) => {
            clock_offset(*seconds_behind, *local, *aws)
        }
        (Cause::AlteredRequest { region, clocks }, _) => altered_request(region, *clocks),
        (Cause::Throttled, Operation::CreateSession | Operation::AssumeRole { .. }) => {
            "call AWS less often: leave the session cache on, let processes share one `serve`, or request a higher quota".to_owned()
        }
        (Cause::Throttled, _) => {
            "call AWS less often, or request a higher quota".to_owned()
        }
        (Cause::AnotherServer, operation) => format!(
            "the response may not be from AWS: check `{}`, and any proxy or gateway between this machine and AWS",
            endpoint_option(service(operation))
        ),
        (Cause::ServiceFailure, _) => {
            "try again later, and check the AWS Health Dashboard: the failure is on AWS's side".to_owned()
        }
        (Cause::InvalidRequest, _) => {
            "correct the value that AWS's message above names: the request breaks a rule of the service".to_owned()
        }
        (Cause::Unknown, Operation::CreateSession) => {
            "run the command again with `--debug`, and compare the request with the trust anchor, the profile and the role".to_owned()
        }
        (
            Cause::Unknown,
            Operation::Json(_) | Operation::Query(_) | Operation::AssumeRole { .. },
        ) => {
            "run the command again with `--debug` to see the request; the message above is from AWS".to_owned()
        }
    }
}

fn service(operation: &Operation) -> Service {
    match operation {
        Operation::CreateSession => Service::RolesAnywhere,
        Operation::Json(operation) => operation.service(),
        Operation::Query(operation) => operation.service(),
        Operation::AssumeRole { .. } => Service::Sts,
    }
}

/// Returns the option or the variable that gives the endpoint of a service.
pub(super) fn endpoint_option(service: Service) -> &'static str {
    match service {
        Service::Iam => AWS_ENDPOINT_URL_IAM.name,
        Service::RolesAnywhere => ENDPOINT.name,
        Service::SecretsManager => SECRETS_ENDPOINT.name,
        Service::Ssm => PARAMETERS_ENDPOINT.name,
        Service::Sts => AWS_ENDPOINT_URL_STS.name,
    }
}

fn clock_offset(seconds_behind: i64, local: Timestamp, aws: Timestamp) -> String {
    let direction = if seconds_behind > 0 { "behind" } else { "ahead of" };
    let amount = span(seconds_behind.unsigned_abs());
    format!(
        "this machine's clock is {amount} {direction} AWS's ({local} here, {aws} at AWS): set the clock, and keep it correct with NTP"
    )
}

/// Renders seconds as people say them, in two units.
fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

fn altered_request(region: &Region, clocks: ClockComparison) -> String {
    let clocks = match clocks {
        ClockComparison::Agree => "this machine's clock is within a minute of AWS's; ",
        ClockComparison::Differ => "",
        ClockComparison::NotPossible => "the response has no date to compare the clock with; ",
    };
    format!(
        "{clocks}check for a proxy or gateway that changes the request's headers or body, and for an endpoint of another Region than {region}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use roles_anywhere_client::aws::json_protocol::JsonOperation;

    #[test]
    fn spans_are_rendered_in_two_units() {
        let rows = [
            (5, "5 s"),
            (61, "1 min 1 s"),
            (1_860, "31 min 0 s"),
            (5_400, "1 h 30 min"),
            (90_000, "1 d 1 h"),
        ];
        for (seconds, text) in rows {
            assert_eq!(span(seconds), text);
        }
    }

    #[test]
    fn clocks_are_told_with_both_times() {
        let local = Timestamp::from_unix(1_440_938_160);
        let offset = |seconds_behind| Cause::ClockOffset {
            seconds_behind,
            local,
            aws: local.after(seconds_behind),
        };
        let region = Region::parse("us-east-1").unwrap();
        let altered = |clocks| Cause::AlteredRequest { region: region.clone(), clocks };
        let rows = [
            (
                offset(7_200),
                "this machine's clock is 2 h 0 min behind AWS's (2015-08-30T12:36:00Z here, 2015-08-30T14:36:00Z at AWS): set the clock, and keep it correct with NTP",
            ),
            (
                offset(-61),
                "this machine's clock is 1 min 1 s ahead of AWS's (2015-08-30T12:36:00Z here, 2015-08-30T12:34:59Z at AWS): set the clock, and keep it correct with NTP",
            ),
            (
                altered(ClockComparison::Differ),
                "check for a proxy or gateway that changes the request's headers or body, and for an endpoint of another Region than us-east-1",
            ),
            (
                altered(ClockComparison::Agree),
                "this machine's clock is within a minute of AWS's; check for a proxy or gateway that changes the request's headers or body, and for an endpoint of another Region than us-east-1",
            ),
            (
                altered(ClockComparison::NotPossible),
                "the response has no date to compare the clock with; check for a proxy or gateway that changes the request's headers or body, and for an endpoint of another Region than us-east-1",
            ),
        ];
        for (cause, text) in rows {
            assert_eq!(hint(&cause, &Operation::CreateSession), text);
        }
    }

    #[test]
    fn an_unknown_cause_is_told_by_the_operation() {
        let session = hint(&Cause::Unknown, &Operation::CreateSession);
        assert!(
            session.starts_with("run the command again with `--debug`, and compare"),
            "{session}"
        );
        let secret = hint(&Cause::Unknown, &Operation::Json(JsonOperation::GetSecretValue));
        assert_eq!(
            secret,
            "run the command again with `--debug` to see the request; the message above is from AWS"
        );
    }
}
