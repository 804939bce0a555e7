//! How clients reach the emulator: addresses, names, protocols, and its health.

use std::io;
use std::net::TcpStream;

use roles_anywhere_emulator::{Emulator, Network, Options, TlsMode};
use serde_json::json;

use crate::client::connect_as;

fn emulator(network: Network) -> Emulator {
    Emulator::start(Options { network, ..Options::default() }).unwrap()
}

fn variable(emulator: &Emulator, name: &str) -> String {
    let value = emulator.environment().into_iter().find(|(known, _)| known == name);
    value.unwrap().1.into_string().unwrap()
}

fn port(url: &str) -> &str {
    url.rsplit(':').next().unwrap()
}

/// Sends `GET PATH` and returns all that is answered.
fn get(mut stream: impl io::Read + io::Write, path: &str, host: &str) -> io::Result<String> {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Returns the answer to a health check over TLS, from a server that is to have a name.
fn health_as(emulator: &Emulator, address: &str, name: &str) -> io::Result<String> {
    get(connect_as(&emulator.directory().join("tls-ca.pem"), address, name), "/healthz", name)
}

#[test]
fn endpoints_have_the_first_name_and_the_certificate_all_of_them() {
    let names = ["aws.test", "192.0.2.1"].map(|name| name.try_into().unwrap()).to_vec();
    let emulator = emulator(Network { names, ..Network::default() });
    let endpoint = emulator.endpoint();
    assert!(endpoint.starts_with("https://aws.test:"), "{endpoint}");
    assert_eq!(variable(&emulator, "AWS_ENDPOINT_URL"), endpoint);
    let config = std::fs::read_to_string(emulator.directory().join("config")).unwrap();
    assert!(config.contains(&format!("--endpoint {endpoint}\n")), "{config}");
    assert!(emulator.control_url().starts_with("http://127.0.0.1:"));
    let address = format!("127.0.0.1:{}", port(endpoint));
    for name in ["aws.test", "192.0.2.1", "localhost", "127.0.0.1", "::1"] {
        let answer = health_as(&emulator, &address, name).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{name}: {answer}");
    }
    for name in ["other.test", "sub.aws.test", "192.0.2.2"] {
        let error = health_as(&emulator, &address, name).unwrap_err();
        assert!(error.to_string().contains("certificate"), "{name}: {error}");
    }
}

#[test]
fn the_certificate_is_valid_for_the_address_that_is_listened_on() {
    for (address, url) in [("127.0.0.2:0", "https://127.0.0.2:"), ("[::1]:0", "https://[::1]:")] {
        let network = Network { listen: address.parse().unwrap(), ..Network::default() };
        // A machine may have no IPv6.
        if address.starts_with('[') && std::net::TcpListener::bind(address).is_err() {
            continue;
        }
        let emulator = emulator(network);
        assert!(emulator.endpoint().starts_with(url), "{}", emulator.endpoint());
        let address = emulator.endpoint().trim_start_matches("https://");
        let name = address.rsplit_once(':').unwrap().0.trim_matches(['[', ']']);
        assert!(health_as(&emulator, address, name).unwrap().starts_with("HTTP/1.1 200 "));
    }
}

#[test]
fn a_client_without_the_ca_uses_http_on_the_same_port() {
    let emulator = emulator(Network { tls: TlsMode::Optional, ..Network::default() });
    let https = emulator.endpoint();
    let http = https.replace("https://", "http://");
    for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_SECRETS_MANAGER"] {
        assert_eq!(variable(&emulator, name), http, "{name}");
    }
    for name in ["AWS_ENDPOINT_URL_ROLESANYWHERE", "ROLES_ANYWHERE_SECRETS_ENDPOINT"] {
        assert_eq!(variable(&emulator, name), https, "{name}");
    }
    let address = https.trim_start_matches("https://");
    let plain = || TcpStream::connect(address).unwrap();
    let answer = get(plain(), "/?Action=GetCallerIdentity&Version=2011-06-15", address).unwrap();
    assert!(answer.contains("<Code>MissingAuthenticationToken</Code>"), "{answer}");
    assert_eq!(emulator.requests().len(), 1);
    assert!(get(plain(), "/healthz", address).unwrap().starts_with("HTTP/1.1 200 "));
    assert!(health_as(&emulator, address, "localhost").unwrap().starts_with("HTTP/1.1 200 "));
}

#[test]
fn http_is_refused_with_the_reason() {
    let emulator = emulator(Network::default());
    let address = emulator.endpoint().trim_start_matches("https://");
    let answer = get(TcpStream::connect(address).unwrap(), "/", address).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("https://"), "{answer}");
    assert!(emulator.requests().is_empty());
}

#[test]
fn health_is_answered_on_both_ports_whatever_the_faults_and_the_host() {
    let emulator = emulator(Network::default());
    emulator.fault(json!({ "operation": "*", "times": 0, "status": 503 }));
    let address = emulator.endpoint().trim_start_matches("https://");
    let control = emulator.control_url().trim_start_matches("http://");
    for answer in [
        health_as(&emulator, address, "127.0.0.1").unwrap(),
        get(TcpStream::connect(control).unwrap(), "/healthz", "10.0.0.1:1").unwrap(),
    ] {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("application/json"), "{head}");
        assert_eq!(body, "{\"status\":\"ok\"}\n");
    }
    assert!(emulator.requests().is_empty());
}
