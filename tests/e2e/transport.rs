//! The connection to AWS: trust, proxies, and failures of the network.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

use insta::assert_snapshot;

use crate::environment::TestEnvironment;

#[test]
fn names_the_issuer_of_an_untrusted_certificate() {
    let env = TestEnvironment::new();
    let other = env.path("anchor/root.pem");
    let command = format!("credential-process --ca-bundle {}", other.display());
    assert_snapshot!(env.fails(&command), @"
    $ roles-anywhere credential-process --ca-bundle DIR/anchor/root.pem
    exit code: 5
    ----- stdout -----
    ----- stderr -----
    error: the TLS certificate of 127.0.0.1 is not trusted
      caused by: it was not issued by a trusted CA
      hint: its subject is `C=US, O=Example, CN=localhost`, its issuer is `C=US, O=Example, CN=Emulator TLS CA`; if that is your own TLS inspection or endpoint, pass its CA with `--ca-bundle FILE` or `AWS_CA_BUNDLE`
    ");
}

#[test]
fn no_verify_ssl_accepts_any_certificate() {
    let env = TestEnvironment::new();
    let other = env.path("anchor/root.pem");
    let command = format!("credential-process --no-verify-ssl --ca-bundle {}", other.display());
    let outcome = env.run(&command);
    assert_eq!(outcome.code, 0, "{outcome}");
}

#[test]
fn names_a_bundle_that_is_missing() {
    let env = TestEnvironment::new();
    let absent = env.path("absent.pem");
    let command = format!("credential-process --ca-bundle {}", absent.display());
    assert_snapshot!(env.fails(&command), @"
    $ roles-anywhere credential-process --ca-bundle DIR/absent.pem
    exit code: 6
    ----- stdout -----
    ----- stderr -----
    error: cannot read the CA certificates of `DIR/absent.pem` (from --ca-bundle)
      caused by: No such file or directory (os error 2)
      hint: pass a PEM file with at least one CA certificate, with `--ca-bundle FILE` or `AWS_CA_BUNDLE`
    ");
}

#[test]
fn names_a_bundle_without_certificates() {
    let env = TestEnvironment::new();
    let key = env.path("leaf/p256.key.pem");
    let env = env.var("AWS_CA_BUNDLE", key);
    assert_snapshot!(env.fails("credential-process"), @"
    $ AWS_CA_BUNDLE=DIR/leaf/p256.key.pem roles-anywhere credential-process
    exit code: 6
    ----- stdout -----
    ----- stderr -----
    error: cannot read the CA certificates of `DIR/leaf/p256.key.pem` (from AWS_CA_BUNDLE)
      caused by: no CA certificates were found
      hint: pass a PEM file with at least one CA certificate, with `--ca-bundle FILE` or `AWS_CA_BUNDLE`
    ");
}

/// Returns an environment with the CA of the emulator in `SSL_CERT_FILE` and another one in
/// `AWS_CA_BUNDLE`.
fn two_bundles() -> TestEnvironment {
    let env = TestEnvironment::new();
    let (own, other) = (env.path("tls-ca.pem"), env.path("anchor/root.pem"));
    env.var("SSL_CERT_FILE", own).var("AWS_CA_BUNDLE", other)
}

#[test]
fn aws_ca_bundle_comes_before_ssl_cert_file() {
    assert_eq!(two_bundles().run("credential-process").code, 5);
}

#[test]
fn ca_bundle_comes_before_variables() {
    let env = two_bundles();
    let own = env.path("tls-ca.pem");
    let outcome = env.run(&format!("credential-process --ca-bundle {}", own.display()));
    assert_eq!(outcome.code, 0, "{outcome}");
}

#[test]
fn ssl_cert_file_is_trusted_without_aws_ca_bundle() {
    let outcome = two_bundles().without("AWS_CA_BUNDLE").run("credential-process");
    assert_eq!(outcome.code, 0, "{outcome}");
}

/// Returns a port on which nothing listens.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn tries_a_closed_port_three_times() {
    let env = TestEnvironment::offline();
    let endpoint = format!("https://127.0.0.1:{}", closed_port());
    assert_snapshot!(env.fails(&format!("credential-process --endpoint {endpoint}")), @"
    $ roles-anywhere credential-process --endpoint https://127.0.0.1:PORT
    exit code: 5
    ----- stdout -----
    ----- stderr -----
    error: cannot connect to 127.0.0.1:PORT, tried 3 times
      caused by: Connection refused (os error 111)
      hint: check the network, the firewall and `HTTPS_PROXY`; `--debug` shows the endpoint and the proxy
      hint: check `--endpoint`, which gives the endpoint `https://127.0.0.1:PORT`
    ");
}

/// A name server could send plain HTTP, and with it the signature, to another machine.
fn is_this_machine(name: &str) {
    let env = TestEnvironment::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = [0; 4_096];
        let count = stream.read(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..count]).to_lowercase()
    });
    let endpoint = format!("http://{name}:{port}");
    let outcome = env.run(&format!("credential-process --endpoint {endpoint} --timeout 3"));
    assert_eq!(outcome.code, 5, "{outcome}");
    assert!(!outcome.stderr.contains("address of"), "{outcome}");
    let asked = asked.join().unwrap();
    assert!(asked.contains(&format!("host: {name}:{port}\r\n")), "{asked}");
}

#[test]
fn a_name_below_localhost_is_looked_up_nowhere() {
    is_this_machine("aws.localhost");
}

#[test]
fn a_name_below_localhost_with_a_dot_is_looked_up_nowhere() {
    is_this_machine("a.b.localhost.");
}

#[test]
fn gives_up_in_time_if_nothing_answers() {
    let env = TestEnvironment::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let command = format!("credential-process --endpoint {endpoint} --timeout 1");
    assert_snapshot!(env.fails(&command), @"
    $ roles-anywhere credential-process --endpoint http://127.0.0.1:PORT --timeout 1
    exit code: 5
    ----- stdout -----
    ----- stderr -----
    error: no response from 127.0.0.1 within 1 s
      hint: check the network and any proxy, or allow more time with `--timeout SECONDS`
    ");
}

#[test]
#[cfg(target_os = "linux")]
fn leaves_no_core_dump() {
    use std::os::unix::fs::MetadataExt;
    let env = TestEnvironment::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (certificate, key) = (env.read("leaf/p256.pem"), env.read("leaf/p256.key.pem"));
    // The core dump of root is owned by root in any case; nobody cannot read the directory.
    let env = env
        .without("ROLES_ANYWHERE_INTERMEDIATES")
        .var("CERTIFICATE", certificate)
        .var("KEY", key)
        .var("ROLES_ANYWHERE_CERTIFICATE", "env:CERTIFICATE")
        .var("ROLES_ANYWHERE_PRIVATE_KEY", "env:KEY");
    let command = ["credential-process", "--endpoint", &endpoint];
    let (mut child, _folder) = env.program().clone().spawn_as_nobody(&command);
    // Once it has connected, it has read its key.
    let connection = listener.accept().unwrap();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    // With a program for a `core_pattern` the limit does not count, but what is not dumpable belongs
    // to root, which is seen where the process itself does not.
    let memory = std::fs::metadata(format!("/proc/{}/mem", child.id())).unwrap();
    assert_eq!(memory.uid(), 0, "the process is dumpable");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    // The hard limit stays, as the program of `exec` gets the limits of the caller.
    assert_eq!(core.split_whitespace().nth(4), Some("0"));
    child.kill().unwrap();
    child.wait().unwrap();
    drop(connection);
}

#[test]
fn names_a_server_without_tls() {
    let env = TestEnvironment::new();
    let address = serve(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    });
    assert_snapshot!(env.fails(&format!("credential-process --endpoint https://{address}")), @"
    $ roles-anywhere credential-process --endpoint https://127.0.0.1:PORT
    exit code: 5
    ----- stdout -----
    ----- stderr -----
    error: the TLS handshake with 127.0.0.1 failed, tried 3 times
      caused by: the server's response is not TLS
      hint: check the endpoint and its port: the server must support TLS 1.2 or 1.3
    ");
}

/// No packet leaves this machine: the proxy is on it and refuses.
pub(crate) const ELSEWHERE: &str = "https://rolesanywhere.us-east-1.amazonaws.com";

/// Starts a proxy that asks for the login of `me`, and then refuses all the same.
fn refusing_proxy() -> String {
    serve(|mut stream| {
        let head = read_head(&mut stream);
        let authorized = head.contains("proxy-authorization: Basic bWU6aHVudGVyMg==");
        let line = if authorized { "403 Forbidden by policy" } else { "407 Who are you" };
        let _ =
            stream.write_all(format!("HTTP/1.1 {line}\r\ncontent-length: 0\r\n\r\n").as_bytes());
    })
}

#[test]
fn names_the_status_line_of_a_proxy_that_asks_for_a_login() {
    let env = TestEnvironment::new().var("HTTPS_PROXY", format!("http://{}", refusing_proxy()));
    assert_snapshot!(env.fails(&format!("credential-process --endpoint {ELSEWHERE}")), @"
    $ HTTPS_PROXY=http://127.0.0.1:PORT roles-anywhere credential-process --endpoint https://rolesanywhere.us-east-1.amazonaws.com
    exit code: 5
    ----- stdout -----
    ----- stderr -----
    error: the proxy 127.0.0.1:PORT did not connect to rolesanywhere.us-east-1.amazonaws.com:443
      caused by: HTTP/1.1 407 Who are you
      hint: set `HTTPS_PROXY` to `http://USER:PASSWORD@HOST:PORT`: the proxy requires authentication
    ");
}

#[test]
fn names_the_status_line_of_a_proxy_that_refuses() {
    let proxy = format!("http://me:hunter2@{}", refusing_proxy());
    let env = TestEnvironment::new().var("HTTPS_PROXY", proxy);
    assert_snapshot!(env.fails(&format!("credential-process --endpoint {ELSEWHERE}")), @"
    $ HTTPS_PROXY=http://me:hunter2@127.0.0.1:PORT roles-anywhere credential-process --endpoint https://rolesanywhere.us-east-1.amazonaws.com
    exit code: 5
    ----- stdout -----
    ----- stderr -----
    error: the proxy 127.0.0.1:PORT did not connect to rolesanywhere.us-east-1.amazonaws.com:443
      caused by: HTTP/1.1 403 Forbidden by policy
      hint: let the proxy allow CONNECT to that host and port, pass another one with `--proxy URL`, or use none with `--proxy none`
    ");
}

#[test]
fn logs_a_proxy_without_its_login() {
    let proxy = refusing_proxy();
    let env = TestEnvironment::new().var("HTTPS_PROXY", format!("http://me:hunter2@{proxy}"));
    let debug = env.run(&format!("credential-process --endpoint {ELSEWHERE} --debug")).stderr;
    assert!(debug.contains(&format!("proxy: http://{proxy} (from HTTPS_PROXY)")), "{debug}");
    assert!(!debug.contains("hunter2") && !debug.contains("bWU6"), "{debug}");
}

#[test]
fn names_a_proxy_that_does_not_listen() {
    let proxy = format!("http://127.0.0.1:{}", closed_port());
    let env = TestEnvironment::new().var("HTTPS_PROXY", proxy);
    assert_snapshot!(env.fails(&format!("credential-process --endpoint {ELSEWHERE}")), @"
    $ HTTPS_PROXY=http://127.0.0.1:PORT roles-anywhere credential-process --endpoint https://rolesanywhere.us-east-1.amazonaws.com
    exit code: 5
    ----- stdout -----
    ----- stderr -----
    error: cannot connect to the proxy 127.0.0.1:PORT, tried 3 times
      caused by: Connection refused (os error 111)
      hint: check the network, the firewall and `HTTPS_PROXY`; `--debug` shows the endpoint and the proxy
    ");
}

#[test]
fn goes_through_a_proxy_that_agrees() {
    let env = TestEnvironment::new();
    let target = env.emulator().endpoint().trim_start_matches("https://").to_owned();
    let proxy = serve(move |mut stream| {
        let head = read_head(&mut stream);
        assert!(head.starts_with("CONNECT rolesanywhere.us-east-1.amazonaws.com:443 "), "{head}");
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        tunnel(stream, TcpStream::connect(&target).unwrap());
    });
    let env = env.var("HTTPS_PROXY", format!("http://{proxy}"));
    // The emulator's certificate is not for that name: the tunnel works, and the name is refused.
    let outcome = env.run(&format!("credential-process --endpoint {ELSEWHERE}"));
    assert_eq!(outcome.code, 5, "{outcome}");
    assert!(outcome.stderr.contains("is not trusted"), "{outcome}");
    let outcome = env.run(&format!("credential-process --endpoint {ELSEWHERE} --no-verify-ssl"));
    assert_eq!(outcome.code, 0, "{outcome}");
}

/// Requests a session from `endpoint` through a SOCKS proxy, and returns what the proxy was asked.
fn asked_of_socks_proxy(scheme: &str, endpoint: &str) -> String {
    let env = TestEnvironment::new();
    let target = env.emulator().endpoint().trim_start_matches("https://").to_owned();
    let (sender, asked) = mpsc::channel();
    let proxy = serve(move |mut stream| {
        sender.send(accept_socks(&mut stream)).unwrap();
        tunnel(stream, TcpStream::connect(&target).unwrap());
    });
    let env = env.var("HTTPS_PROXY", format!("{scheme}://me:hunter2@{proxy}"));
    let outcome = env.run(&format!("credential-process --endpoint {endpoint} --no-verify-ssl"));
    assert_eq!(outcome.code, 0, "{outcome}");
    asked.try_iter().last().unwrap()
}

#[test]
fn a_socks5h_proxy_looks_the_name_up() {
    let asked = asked_of_socks_proxy("socks5h", ELSEWHERE);
    assert_eq!(asked, "me:hunter2 rolesanywhere.us-east-1.amazonaws.com:443");
}

#[test]
fn a_socks5_proxy_is_asked_for_an_address() {
    let asked = asked_of_socks_proxy("socks5", "https://192.0.2.1");
    assert_eq!(asked, "me:hunter2 192.0.2.1:443");
}

#[test]
fn names_a_socks_proxy_that_refuses() {
    let proxy = serve(|mut stream| {
        let mut greeting = [0; 3];
        let _ = stream.read_exact(&mut greeting);
        let _ = stream.write_all(&[5, 0xff]);
    });
    let env = TestEnvironment::new().var("HTTPS_PROXY", format!("socks5h://{proxy}"));
    let outcome = env.run(&format!("credential-process --endpoint {ELSEWHERE}"));
    assert_eq!(outcome.code, 5, "{outcome}");
    assert!(outcome.stderr.contains(&format!("the proxy {proxy}")), "{outcome}");
}

#[test]
fn names_a_socks_proxy_that_does_not_listen() {
    let port = closed_port();
    let env = TestEnvironment::new().var("HTTPS_PROXY", format!("socks5h://127.0.0.1:{port}"));
    let outcome = env.run(&format!("credential-process --endpoint {ELSEWHERE}"));
    let words = format!("cannot connect to the proxy 127.0.0.1:{port}, tried 3 times");
    assert!(outcome.code == 5 && outcome.stderr.contains(&words), "{outcome}");
}

#[test]
fn names_a_host_that_is_not_found_before_a_socks_proxy_is_asked_for_it() {
    let proxy = serve(|mut stream| {
        let _ = stream.read(&mut [0; 3]);
    });
    let env = TestEnvironment::new().var("HTTPS_PROXY", format!("socks5://{proxy}"));
    let outcome = env.run("credential-process --endpoint https://aws.invalid");
    assert_eq!(outcome.code, 5, "{outcome}");
    for words in ["cannot resolve the host name aws.invalid", "`socks5h://`"] {
        assert!(outcome.stderr.contains(words), "{words}: {outcome}");
    }
}

/// Takes a SOCKS5 request with a login (RFC 1928, RFC 1929), and returns `USER:PASSWORD HOST:PORT`.
fn accept_socks(stream: &mut TcpStream) -> String {
    let octets = |stream: &mut TcpStream, count: usize| {
        let mut octets = vec![0; count];
        stream.read_exact(&mut octets).unwrap();
        octets
    };
    let text = |stream: &mut TcpStream| {
        let length = octets(stream, 1)[0];
        String::from_utf8(octets(stream, length.into())).unwrap()
    };
    let greeting = octets(stream, 2);
    octets(stream, greeting[1].into());
    stream.write_all(&[5, 2]).unwrap();
    octets(stream, 1);
    let login = format!("{}:{}", text(stream), text(stream));
    stream.write_all(&[1, 0]).unwrap();
    let host = match octets(stream, 4)[3] {
        1 => {
            let [a, b, c, d] = octets(stream, 4).try_into().unwrap();
            std::net::Ipv4Addr::new(a, b, c, d).to_string()
        }
        _ => text(stream),
    };
    let port = u16::from_be_bytes(octets(stream, 2).try_into().unwrap());
    stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
    format!("{login} {host}:{port}")
}

#[test]
fn never_asks_a_proxy_for_this_machine() {
    let env = TestEnvironment::new()
        .var("HTTPS_PROXY", "http://127.0.0.1:1")
        .var("ALL_PROXY", "http://127.0.0.1:1");
    env.program().vend(&[]);
}

/// Answers connections on a free port, each by `answer`, and returns the address.
pub(crate) fn serve(answer: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let answer = std::sync::Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            thread::spawn(move || answer(stream));
        }
    });
    address
}

pub(crate) fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Copies what each side sends to the other one, until both have ended.
pub(crate) fn tunnel(mut near: TcpStream, mut far: TcpStream) {
    let (mut near_in, mut far_out) = (near.try_clone().unwrap(), far.try_clone().unwrap());
    thread::spawn(move || {
        let _ = std::io::copy(&mut near_in, &mut far_out);
        let _ = far_out.shutdown(std::net::Shutdown::Write);
    });
    let _ = std::io::copy(&mut far, &mut near);
    let _ = near.shutdown(std::net::Shutdown::Both);
}
