//! The variables that Kubernetes sets in every pod for a Service named `roles-anywhere`: they look
//! like our options and are not.

use std::borrow::Cow;

use crate::options::table::PREFIX;
use roles_anywhere_client::ports::Environment;

/// Returns the environment without the variables of a Service, and the names of those.
pub fn without_service(environment: &Environment) -> (Cow<'_, Environment>, Vec<String>) {
    let names: Vec<String> = environment
        .with_prefix(PREFIX)
        .filter(|(name, value)| is_of_a_service(&name[PREFIX.len()..], value))
        .map(|(name, _)| name.to_owned())
        .collect();
    match names.is_empty() {
        true => (Cow::Borrowed(environment), names),
        false => (Cow::Owned(environment.without(&names)), names),
    }
}

/// Returns whether a variable is that of a Service; `name` is without the prefix. `PORT` is an option
/// too, and is distinguished by its value.
fn is_of_a_service(name: &str, value: &str) -> bool {
    let is_url = || ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    match name {
        "SERVICE_HOST" | "SERVICE_PORT" => true,
        "PORT" => is_url(),
        _ if name.starts_with("SERVICE_PORT_") => true,
        _ => name.strip_prefix("PORT_").is_some_and(is_of_a_port),
    }
}

/// Returns whether a name continues as in `PORT_9911_TCP` or `PORT_9911_TCP_ADDR`.
fn is_of_a_port(rest: &str) -> bool {
    let mut parts = rest.splitn(3, '_');
    let number = parts.next().is_some_and(|part| part.parse::<u16>().is_ok());
    let protocol = matches!(parts.next(), Some("TCP" | "UDP" | "SCTP"));
    number && protocol && matches!(parts.next(), None | Some("ADDR" | "PORT" | "PROTO"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_variables_of_a_service_from_options() {
        let url = "tcp://10.96.0.7:9911";
        let of_a_service = [
            ("ROLES_ANYWHERE_PORT", url),
            ("ROLES_ANYWHERE_PORT_9911_TCP", url),
            ("ROLES_ANYWHERE_PORT_9911_TCP_ADDR", "10.96.0.7"),
            ("ROLES_ANYWHERE_PORT_9911_TCP_PORT", "9911"),
            ("ROLES_ANYWHERE_PORT_9911_TCP_PROTO", "tcp"),
            ("ROLES_ANYWHERE_PORT_53_UDP", "udp://10.96.0.7:53"),
            ("ROLES_ANYWHERE_SERVICE_HOST", "10.96.0.7"),
            ("ROLES_ANYWHERE_SERVICE_PORT", "9911"),
            ("ROLES_ANYWHERE_SERVICE_PORT_HTTP", "9911"),
        ];
        let options = [
            ("ROLES_ANYWHERE_LISTEN", url),
            ("ROLES_ANYWHERE_PORT_X", "1"),
            ("ROLES_ANYWHERE_PORT_9911_TCP_X", "1"),
            ("ROLES_ANYWHERE_SERVICE", "1"),
            ("PORT", url),
        ];
        let all = of_a_service.iter().chain(&options);
        let owned = all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment = Environment::new(owned);
        let (rest, names) = without_service(&environment);
        let mut expected = of_a_service.map(|(name, _)| name);
        expected.sort_unstable();
        assert_eq!(names, expected);
        for (name, value) in options {
            assert_eq!(rest.get(name), Some(value));
        }
        for name in expected {
            assert_eq!(rest.get(name), None);
        }
        let port = ("ROLES_ANYWHERE_PORT".to_owned(), "9912".to_owned());
        assert_eq!(without_service(&Environment::new([port])).1, [""; 0]);
    }
}
