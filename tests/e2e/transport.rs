//! The way to AWS: trust, proxies, connections that fail.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use crate::environment::{CommandOutput, Program, emulator, steady};

fn process(tool: &Program, arguments: &[&str]) -> CommandOutput {
    tool.run(&[&["credential-process"], arguments].concat())
}

fn snapshot(name: &str, outcome: &CommandOutput) {
    assert_eq!(outcome.stdout, b"", "{name}");
    steady(|| insta::assert_snapshot!(name, outcome.plain()));
}

#[test]
fn names_who_presented_an_untrusted_certificate() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    let other = emulator.directory().join("anchor/root.pem");
    snapshot("unreachable_untrusted", &process(&tool, &["--ca-bundle", other.to_str().unwrap()]));
    let outcome = process(&tool, &["--ca-bundle", other.to_str().unwrap(), "--no-verify-ssl"]);
    assert_eq!(outcome.code, 0, "{outcome}");
}

#[test]
fn names_the_bundle_that_cannot_be_read() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    let key = emulator.directory().join("leaf/p256.key.pem");
    let absent = emulator.directory().join("absent.pem");
    snapshot("trust_absent", &process(&tool, &["--ca-bundle", absent.to_str().unwrap()]));
    let tool = tool.set("AWS_CA_BUNDLE", key);
    snapshot("trust_without_certificates", &process(&tool, &[]));
}

#[test]
fn trusts_the_first_bundle_alone() {
    let emulator = emulator();
    let stranger = emulator.directory().join("anchor/root.pem");
    let own = emulator.directory().join("tls-ca.pem");
    let tool = Program::new(&emulator).set("SSL_CERT_FILE", &own).set("AWS_CA_BUNDLE", &stranger);
    assert_eq!(process(&tool, &[]).code, 5);
    assert_eq!(process(&tool, &["--ca-bundle", own.to_str().unwrap()]).code, 0);
    assert_eq!(process(&tool.unset("AWS_CA_BUNDLE"), &[]).code, 0);
}

#[test]
fn tries_a_dead_port_three_times() {
    let emulator = emulator();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let endpoint = format!("https://127.0.0.1:{port}");
    snapshot("unreachable_refused", &process(&Program::new(&emulator), &["--endpoint", &endpoint]));
}

/// A name server could send plain HTTP, and with it the signature, to another machine.
#[test]
fn a_name_below_localhost_is_this_machine_and_looked_up_nowhere() {
    let emulator = emulator();
    for name in ["aws.localhost", "a.b.localhost."] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut bytes = [0; 4_096];
            let count = stream.read(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes[..count]).to_lowercase()
        });
        let endpoint = format!("http://{name}:{port}");
        let outcome =
            process(&Program::new(&emulator), &["--endpoint", &endpoint, "--timeout", "3"]);
        assert_eq!(outcome.code, 5, "{outcome}");
        assert!(!outcome.stderr.contains("address of"), "{outcome}");
        let asked = asked.join().unwrap();
        assert!(asked.contains(&format!("host: {name}:{port}\r\n")), "{asked}");
    }
}

#[test]
fn gives_up_in_time_where_nothing_answers() {
    let emulator = emulator();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let arguments = ["--endpoint", &endpoint, "--timeout", "1"];
    snapshot("unreachable_timeout", &process(&Program::new(&emulator), &arguments));
}

#[test]
#[cfg(target_os = "linux")]
fn leaves_no_core_dump() {
    use std::os::unix::fs::MetadataExt;
    let emulator = emulator();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let read = |name: &str| std::fs::read(emulator.directory().join(name)).unwrap();
    let text = |name: &str| String::from_utf8(read(name)).unwrap();
    // Whoever is not root is seen to be so; root runs it as nobody, who cannot read the directory.
    let tool = Program::new(&emulator)
        .unset("ROLES_ANYWHERE_INTERMEDIATES")
        .set("CERTIFICATE", text("leaf/p256.pem"))
        .set("KEY", text("leaf/p256.key.pem"))
        .set("ROLES_ANYWHERE_CERTIFICATE", "env:CERTIFICATE")
        .set("ROLES_ANYWHERE_PRIVATE_KEY", "env:KEY");
    let (mut child, _folder) =
        tool.spawn_as_nobody(&["credential-process", "--endpoint", &endpoint]);
    // Once it has connected, it has read its key.
    let connection = listener.accept().unwrap();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    // With a program for a `core_pattern` the limit does not count, but what is not dumpable belongs
    // to root, which is seen where the process itself does not.
    let memory = std::fs::metadata(format!("/proc/{}/mem", child.id())).unwrap();
    assert_eq!(memory.uid(), 0, "the process is dumpable");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
    child.kill().unwrap();
    child.wait().unwrap();
    drop(connection);
}

#[test]
fn says_what_a_server_without_tls_is() {
    let emulator = emulator();
    let address = serve(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    });
    let endpoint = format!("https://{address}");
    let outcome = process(&Program::new(&emulator), &["--endpoint", &endpoint]);
    snapshot("unreachable_no_tls", &outcome);
}

/// No packet leaves this machine: the proxy is on it and refuses.
const ELSEWHERE: &str = "https://rolesanywhere.us-east-1.amazonaws.com";

#[test]
fn names_the_status_line_of_a_proxy_that_refuses() {
    let emulator = emulator();
    let proxy = serve(|mut stream| {
        let head = read_head(&mut stream);
        let authorized = head.contains("proxy-authorization: Basic bWU6aHVudGVyMg==");
        let line = if authorized { "403 Forbidden by policy" } else { "407 Who are you" };
        let _ =
            stream.write_all(format!("HTTP/1.1 {line}\r\ncontent-length: 0\r\n\r\n").as_bytes());
    });
    let tool = Program::new(&emulator).set("HTTPS_PROXY", format!("http://{proxy}"));
    let arguments = ["--endpoint", ELSEWHERE];
    snapshot("unreachable_proxy_407", &process(&tool, &arguments));
    let tool = tool.set("HTTPS_PROXY", format!("http://me:hunter2@{proxy}"));
    snapshot("unreachable_proxy_403", &process(&tool, &arguments));
    let debug = process(&tool, &["--endpoint", ELSEWHERE, "--debug"]).stderr;
    assert!(debug.contains(&format!("proxy: http://{proxy} (from HTTPS_PROXY)")), "{debug}");
    assert!(!debug.contains("hunter2") && !debug.contains("bWU6"), "{debug}");
}

#[test]
fn names_a_proxy_that_is_not_there() {
    let emulator = emulator();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let tool = Program::new(&emulator).set("HTTPS_PROXY", format!("http://127.0.0.1:{port}"));
    snapshot("unreachable_proxy_dead", &process(&tool, &["--endpoint", ELSEWHERE]));
}

#[test]
fn goes_through_a_proxy_that_agrees() {
    let emulator = emulator();
    let target = emulator.endpoint().trim_start_matches("https://").to_owned();
    let proxy = serve(move |mut stream| {
        let head = read_head(&mut stream);
        assert!(head.starts_with("CONNECT rolesanywhere.us-east-1.amazonaws.com:443 "), "{head}");
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        tunnel(stream, TcpStream::connect(&target).unwrap());
    });
    let tool = Program::new(&emulator).set("HTTPS_PROXY", format!("http://{proxy}"));
    // The emulator's certificate is not for that name: the tunnel stands, and the name is refused.
    let outcome = process(&tool, &["--endpoint", ELSEWHERE]);
    assert_eq!(outcome.code, 5, "{outcome}");
    assert!(outcome.stderr.contains("could not trust the TLS certificate"), "{outcome}");
    let arguments = ["--endpoint", ELSEWHERE, "--no-verify-ssl"];
    let outcome = process(&tool, &arguments);
    assert_eq!(outcome.code, 0, "{outcome}");
}

#[test]
fn goes_through_a_socks_proxy() {
    let emulator = emulator();
    let target = emulator.endpoint().trim_start_matches("https://").to_owned();
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let told = std::sync::Arc::clone(&asked);
    let proxy = serve(move |mut stream| {
        let request = accept_socks(&mut stream);
        told.lock().unwrap().push(request);
        tunnel(stream, TcpStream::connect(&target).unwrap());
    });
    // With `socks5h` the proxy looks the name up.
    let rows = [
        ("socks5h", ELSEWHERE, "rolesanywhere.us-east-1.amazonaws.com:443"),
        ("socks5", "https://192.0.2.1", "192.0.2.1:443"),
    ];
    for (scheme, endpoint, peer) in rows {
        let url = format!("{scheme}://me:hunter2@{proxy}");
        let tool = Program::new(&emulator).set("HTTPS_PROXY", url);
        let outcome = process(&tool, &["--endpoint", endpoint, "--no-verify-ssl"]);
        assert_eq!(outcome.code, 0, "{outcome}");
        assert_eq!(asked.lock().unwrap().pop().unwrap(), format!("me:hunter2 {peer}"));
    }
}

#[test]
fn names_a_socks_proxy_that_refuses() {
    let emulator = emulator();
    let proxy = serve(|mut stream| {
        let mut greeting = [0; 3];
        let _ = stream.read_exact(&mut greeting);
        let _ = stream.write_all(&[5, 0xff]);
    });
    let tool = Program::new(&emulator).set("HTTPS_PROXY", format!("socks5h://{proxy}"));
    let outcome = process(&tool, &["--endpoint", ELSEWHERE]);
    assert_eq!(outcome.code, 5, "{outcome}");
    assert!(outcome.stderr.contains(&format!("the proxy {proxy}")), "{outcome}");
}

#[test]
fn names_a_socks_proxy_that_is_not_there() {
    let emulator = emulator();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let tool = Program::new(&emulator).set("HTTPS_PROXY", format!("socks5h://127.0.0.1:{port}"));
    let outcome = process(&tool, &["--endpoint", ELSEWHERE]);
    let words = format!("could not connect to the proxy 127.0.0.1:{port}, tried 3 times");
    assert!(outcome.code == 5 && outcome.stderr.contains(&words), "{outcome}");
}

#[test]
fn names_a_host_that_is_not_found_before_a_socks_proxy_is_asked_for_it() {
    let emulator = emulator();
    let proxy = serve(|mut stream| {
        let _ = stream.read(&mut [0; 3]);
    });
    let tool = Program::new(&emulator).set("HTTPS_PROXY", format!("socks5://{proxy}"));
    let outcome = process(&tool, &["--endpoint", "https://aws.invalid"]);
    assert_eq!(outcome.code, 5, "{outcome}");
    for words in ["could not find the address of aws.invalid", "`socks5h://`"] {
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
    let emulator = emulator();
    let tool = Program::new(&emulator).set("HTTPS_PROXY", "http://127.0.0.1:1");
    tool.set("ALL_PROXY", "http://127.0.0.1:1").vend(&[]);
}

/// Answers connections on a free port, each by `answer`, and returns the address.
fn serve(answer: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
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

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn tunnel(mut near: TcpStream, mut far: TcpStream) {
    let (mut near_in, mut far_out) = (near.try_clone().unwrap(), far.try_clone().unwrap());
    thread::spawn(move || {
        let _ = std::io::copy(&mut near_in, &mut far_out);
        let _ = far_out.shutdown(std::net::Shutdown::Write);
    });
    let _ = std::io::copy(&mut far, &mut near);
    let _ = near.shutdown(std::net::Shutdown::Both);
}
