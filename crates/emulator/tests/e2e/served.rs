//! `serve`: what it exports, what its options do, its control API, and its end.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use roles_anywhere_emulator::ROLE_ARN;
use serde_json::{Value, json};

use crate::client::Place;
use crate::program::{kill, program};
use crate::secrets::{get, vend};
use crate::signer::Request;

/// A `serve` that runs until it is dropped or stopped.
struct Served {
    child: Child,
    exports: String,
    endpoint: String,
    directory: PathBuf,
    control: String,
}

impl Served {
    fn start(arguments: &[&str]) -> Self {
        Self::of(program(&["serve", "--tool", "/bin/true"]).args(arguments))
    }

    fn of(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        let mut exports = String::new();
        while !exports.contains("export EMULATOR_DIR=") {
            assert_ne!(reader.read_line(&mut exports).unwrap(), 0, "{exports}");
        }
        let variable = |name: &str| in_shell(&exports, name);
        Self {
            endpoint: variable("AWS_ENDPOINT_URL"),
            directory: variable("EMULATOR_DIR").into(),
            control: variable("EMULATOR_CONTROL"),
            child,
            exports,
        }
    }

    /// Calls the control API and returns status and JSON.
    fn control(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let host = self.control.trim_start_matches("http://");
        self.control_as(&format!("Host: {host}"), method, path, body)
    }

    fn control_as(&self, header: &str, method: &str, path: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.control.trim_start_matches("http://")).unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\n{header}\r\nConnection: close\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap())
    }

    fn requests(&self) -> Value {
        self.control("GET", "/requests", "").1
    }

    /// Sends a signal and returns the exit code.
    fn stop(&mut self, signal: &str) -> Option<i32> {
        kill(signal, self.child.id());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Served {
    /// Not by SIGKILL, after which its directory would stay.
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            kill("TERM", self.child.id());
            let _ = self.child.wait();
        }
    }
}

impl Place for Served {
    fn endpoint(&self) -> &str {
        &self.endpoint
    }

    fn directory(&self) -> &Path {
        &self.directory
    }
}

/// Returns what a shell makes of a variable.
fn in_shell(exports: &str, name: &str) -> String {
    let script = format!("{exports}\nprintf %s \"${name}\"");
    let output = Command::new("sh").args(["-euc", &script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Returns a port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn file(directory: &Path, name: &str, contents: &Value) -> String {
    let path = directory.join(name);
    std::fs::write(&path, contents.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn ports_and_directory_are_those_that_were_named() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().canonicalize().unwrap().join("it's a directory");
    let (port, control_port) = (free_port(), free_port());
    let arguments = [
        "--dir",
        directory.to_str().unwrap(),
        "--port",
        &port.to_string(),
        "--control-port",
        &control_port.to_string(),
    ];
    let mut served = Served::start(&arguments);
    assert_eq!(served.endpoint, format!("https://127.0.0.1:{port}"));
    assert_eq!(served.control, format!("http://127.0.0.1:{control_port}"));
    assert_eq!(served.directory, directory);
    // Set, and empty: no pager.
    assert!(served.exports.contains("\nexport AWS_PAGER=''\n"));
    let certificate = in_shell(&served.exports, "ROLES_ANYWHERE_CERTIFICATE");
    assert_eq!(Path::new(&certificate), directory.join("leaf/p256.pem"));
    assert_eq!(Request::new("leaf/p256").send(&served).status, 201);
    assert_eq!(served.stop("TERM"), Some(0));
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    assert!(TcpStream::connect(("127.0.0.1", control_port)).is_err());
    // What was asked for by name stays, and serves again.
    assert!(directory.join("config").exists());
    let mut served = Served::start(&["--dir", directory.to_str().unwrap()]);
    assert_eq!(Request::new("leaf/p256").send(&served).status, 201);
    assert_eq!(served.stop("INT"), Some(0));
}

#[test]
fn a_ready_file_is_there_as_long_as_it_serves() {
    let directory = tempfile::tempdir().unwrap();
    let shell = directory.path().join("aws.env");
    let json = directory.path().join("aws.json");
    let left = "export EMULATOR_DIR='/left by a killed one'\n";
    std::fs::write(&shell, left).unwrap();
    for path in [&shell, &json] {
        let mut child = program(&["serve", "--tool", "/bin/true", "--ready-file"])
            .arg(path)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // No other file than a whole one has ever that name.
        let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
        let text = loop {
            match std::fs::read_to_string(path) {
                Ok(text) if text != left => break text,
                _ => assert!(std::time::Instant::now() < until, "not ready"),
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        };
        let endpoint = match serde_json::from_str::<Value>(&text) {
            Ok(variables) => variables["AWS_ENDPOINT_URL"].as_str().unwrap().to_owned(),
            Err(_) => in_shell(&text, "AWS_ENDPOINT_URL"),
        };
        assert_eq!(text.starts_with('{'), path == &json, "{text}");
        assert!(TcpStream::connect(endpoint.trim_start_matches("https://")).is_ok());
        kill("TERM", child.id());
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert!(!path.exists());
    }
}

#[test]
fn verbose_prints_a_line_for_each_request() {
    for (variable, has_colours) in [("NO_COLOR", false), ("CLICOLOR_FORCE", true)] {
        let mut command = program(&["serve", "--tool", "/bin/true", "-v"]);
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").env(variable, "1");
        let mut served = Served::of(command.stderr(Stdio::piped()));
        let credentials = vend(&served, ROLE_ARN);
        assert_eq!(get(&served, &credentials, "prod/plain").status, 200);
        assert_eq!(Request::new("broken/expired").send(&served).status, 403);
        let mut stderr = served.child.stderr.take().unwrap();
        assert_eq!(served.stop("TERM"), Some(0));
        let mut text = String::new();
        stderr.read_to_string(&mut text).unwrap();
        assert_eq!(text.contains('\u{1b}'), has_colours, "{text}");
        let words = anstream::adapter::strip_str(&text).to_string();
        let lines: Vec<_> =
            words.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert_eq!(lines[0][1..4], ["CreateSession", "201", "accepted"]);
        assert_eq!(lines[1][1..4], ["GetSecretValue", "200", "accepted"]);
        assert!(lines[1][4].starts_with("Workload/"), "{text}");
        assert_eq!(lines[2][1..6], ["CreateSession", "403", "refused", "-", "expired:"]);
        assert!(
            !text.contains("s3cr3t") && !text.contains(credentials.session_token().unwrap()),
            "{text}"
        );
    }
}

#[test]
fn verbose_does_not_block_without_a_reader() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let stderr = writer.try_clone().unwrap();
    // Blocks once the pipe is full.
    let filler = std::thread::spawn(move || writer.write_all(&[b'\n'; 1 << 20]));
    let mut served = Served::of(program(&["serve", "--tool", "/bin/true", "-v"]).stderr(stderr));
    // A test that fails closes it before it ends the program, which may wait for it.
    let reader = reader;
    for _ in 0..2 {
        assert_eq!(Request::new("broken/expired").send(&served).status, 403);
    }
    assert_eq!(served.requests().as_array().unwrap().len(), 2);
    assert_eq!(served.stop("TERM"), Some(0));
    drop(reader);
    filler.join().unwrap().unwrap_err();
}

#[test]
fn a_directory_of_another_user_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let refused = || {
        let output = program(&["serve", "--tool", "/bin/true", "--dir", path]).output().unwrap();
        assert_eq!(output.status.code(), Some(125));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains("has files that are not from `serve`"), "{stderr}");
    };
    std::fs::write(directory.path().join("config"), "mine").unwrap();
    refused();
    assert_eq!(std::fs::read_to_string(directory.path().join("config")).unwrap(), "mine");
    assert_eq!(directory.path().read_dir().unwrap().count(), 1);
    // Nor is a PKI that was written to stay.
    std::fs::remove_file(directory.path().join("config")).unwrap();
    std::fs::create_dir(directory.path().join("anchor")).unwrap();
    std::fs::write(directory.path().join("anchor/root.pem"), "").unwrap();
    std::fs::write(directory.path().join("tls-ca.pem"), "").unwrap();
    refused();
}

#[test]
fn faults_and_secrets_come_from_files() {
    let files = tempfile::tempdir().unwrap();
    let faults = json!([
        { "operation": "CreateSession", "status": 503 },
        { "operation": "GetSecretValue", "status": 400, "code": "ThrottlingException",
          "headers": { "retry-after": "1" } },
        { "operation": "GetSecretValue", "times": 2, "cut_after": 5 },
    ]);
    let secrets = json!({
        "mine/text": "t", "mine/json": { "b": 1, "a": 2 }, "mine/bytes": { "SecretBinary": "AAE=" },
        "prod/plain": "another",
    });
    let faults = file(files.path(), "faults.json", &faults);
    let secrets = file(files.path(), "secrets.json", &secrets);
    let served = Served::start(&["--faults", &faults, "--secrets", &secrets]);
    assert_eq!(served.control("GET", "/faults", "").1.as_array().unwrap().len(), 3);
    assert_eq!(Request::new("leaf/p256").send(&served).status, 503);
    let credentials = vend(&served, ROLE_ARN);
    let throttled = get(&served, &credentials, "mine/text");
    assert_eq!((throttled.status, throttled.header("retry-after")), (400, Some("1")));
    for _ in 0..2 {
        assert_eq!(get(&served, &credentials, "mine/text").body.len(), 5);
    }
    let read = |name: &str| get(&served, &credentials, name).json();
    assert_eq!(read("mine/text")["SecretString"], "t");
    let object: Value =
        serde_json::from_str(read("mine/json")["SecretString"].as_str().unwrap()).unwrap();
    assert_eq!(object, json!({ "a": 2, "b": 1 }));
    assert_eq!(read("mine/bytes")["SecretBinary"], "AAE=");
    assert_eq!(read("prod/plain")["SecretString"], "another");
    assert!(read("prod/db-credentials")["SecretString"].is_string());
    assert_eq!(served.control("GET", "/faults", ""), (200, json!([])));
    let log = served.requests();
    assert_eq!([&log[0]["verdict"], &log[1]["verdict"]], ["fault", "accepted"]);
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let files = tempfile::tempdir().unwrap();
    let misspelt = file(files.path(), "faults.json", &json!([{ "stauts": 503 }]));
    let number = file(files.path(), "secrets.json", &json!({ "a": 1 }));
    let text = files.path().join("text.json");
    std::fs::write(&text, "{").unwrap();
    for (arguments, word) in [
        (["--faults", &misspelt], "stauts"),
        (["--secrets", &number], "the secret `a`"),
        (["--secrets", text.to_str().unwrap()], "is not valid JSON"),
        (["--faults", "/no/such/file"], "/no/such/file"),
    ] {
        let output =
            program(&["run", "--tool", "/bin/true"]).args(arguments).arg("true").output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(125), "{stderr}");
        assert!(stderr.contains(word), "{stderr}");
    }
}

#[test]
fn lenient_accepts_what_aws_accepts() {
    let unsigned = Request { unsigned: vec!["x-amz-x509-chain"], ..Request::new("leaf/p256") };
    let strict = Served::start(&[]);
    assert_eq!(unsigned.send(&strict).status, 403);
    assert_eq!(strict.requests()[0]["reason"], "unsigned-header");
    let lenient = Served::start(&["--lenient"]);
    assert_eq!(unsigned.send(&lenient).status, 201);
    assert_eq!(lenient.requests()[0]["tolerated"], json!(["unsigned-header"]));
    assert_eq!(Request::new("broken/server-auth-only").send(&lenient).status, 201);
    // What it does not tolerate either.
    for wrong in ["broken/expired", "broken/other-ca", "broken/no-digital-signature"] {
        assert_eq!(Request::new(wrong).send(&lenient).status, 403, "{wrong}");
    }
}

#[test]
fn sessions_expire_as_configured() {
    let served = Served::start(&["--session-seconds", "60"]);
    let credentials = vend(&served, ROLE_ARN);
    assert_eq!(get(&served, &credentials, "prod/plain").status, 200);
    served.control("POST", "/clock", r#"{"advance_seconds": 60}"#);
    let answer = get(&served, &credentials, "prod/plain");
    assert_eq!(answer.json()["__type"], "ExpiredTokenException");
}

#[test]
fn the_control_api_is_for_this_machine() {
    let served = Served::start(&[]);
    let fault = r#"{"status": 503}"#;
    let foreign = served.control_as("Host: evil.example", "POST", "/faults", fault);
    assert_eq!(foreign.0, 403, "{}", foreign.1);
    let page = "Host: localhost\r\nOrigin: https://evil.example";
    assert_eq!(served.control_as(page, "POST", "/faults", fault).0, 403);
    assert_eq!(served.control("GET", "/faults", ""), (200, json!([])));
    assert_eq!(served.control_as("Host: localhost:1", "POST", "/faults", fault).0, 200);
    let large = " ".repeat((1 << 20) + 1);
    let head = format!("Host: localhost\r\nContent-Length: {}", large.len());
    let mut stream = TcpStream::connect(served.control.trim_start_matches("http://")).unwrap();
    write!(stream, "POST /faults HTTP/1.1\r\n{head}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}
