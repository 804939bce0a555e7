//! The line that names the host that the program waits for, on a real terminal.

use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::environment::CommandOutput;
use crate::identity_files::{IdentityFiles, assert_vends};
use crate::terminal::{STDERR, Session, TIMEOUT};
use crate::transport::tunnel;

const ERASE: &str = "\r\x1b[K";
/// What begins each of the lines, and what follows the number of seconds.
const LINE: [&str; 2] = ["\rwaiting for 127.0.0.1, ", " s\x1b[K"];

/// The program on a terminal, and an AWS that accepts connections and does not answer yet.
struct Held {
    session: Session,
    aws: TcpListener,
}

impl Held {
    fn start(command: &'static [&'static str], options: &[&str]) -> Self {
        let aws = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = aws.local_addr().unwrap();
        let files = IdentityFiles::new().command(command);
        let endpoint = format!("https://{address}");
        let files = files.var("AWS_ENDPOINT_URL_ROLESANYWHERE", endpoint);
        Self { session: Session::start(files, STDERR, options), aws }
    }

    /// Waits until the terminal shows the line.
    #[track_caller]
    fn wait_for_line(&mut self) {
        let start = Instant::now();
        while !self.session.shown().ends_with(LINE[1]) {
            let is_closed = !self.session.read(Duration::from_secs(1)) && self.session.has_ended();
            assert!(!is_closed && start.elapsed() < TIMEOUT, "{:?}", self.session.shown());
        }
    }

    /// Lets AWS answer, and waits for the end. Returns what the terminal has shown, too.
    #[track_caller]
    fn answer(mut self) -> (CommandOutput, String) {
        let emulator = self.session.files.env.emulator().endpoint();
        let address = emulator.strip_prefix("https://").unwrap().to_owned();
        thread::spawn(move || {
            for near in self.aws.incoming().flatten() {
                let far = TcpStream::connect(&address).unwrap();
                thread::spawn(move || tunnel(near, far));
            }
        });
        self.session.wait();
        let shown = self.session.shown();
        (CommandOutput::of(self.session.child), shown)
    }
}

/// Returns what the terminal shows at the end: what was not erased.
#[track_caller]
fn without_line(shown: &str) -> &str {
    let (lines, rest) = shown.rsplit_once(ERASE).expect("the line is erased");
    // One wait follows another if both servers are slow.
    let waits: Vec<&str> = lines.split(ERASE).filter(|wait| !wait.is_empty()).collect();
    assert!(!waits.is_empty(), "{shown:?}");
    for wait in waits {
        let mut seconds = Vec::new();
        for line in wait.split_inclusive(LINE[1]) {
            let second = line.strip_prefix(LINE[0]).and_then(|line| line.strip_suffix(LINE[1]));
            seconds.push(second.and_then(|it| it.parse::<u64>().ok()).expect("only lines"));
        }
        assert!(seconds.first() >= Some(&2) && seconds.is_sorted(), "{shown:?}");
    }
    rest
}

#[test]
fn secret_get_names_the_host_and_erases_the_line() {
    let mut held = Held::start(&["secret", "get", "prod/plain"], &[]);
    held.wait_for_line();
    let (output, shown) = held.answer();
    assert_eq!((output.code, without_line(&shown)), (0, ""), "{shown:?}");
    assert!(!output.stdout.is_empty() && !output.text().contains("waiting"));
}

#[test]
fn update_once_erases_the_line_before_its_own() {
    let file = tempfile::tempdir().unwrap();
    let file = file.path().join("credentials");
    let options = ["--once", "--credentials-file", file.to_str().unwrap()];
    let mut held = Held::start(&["update"], &options);
    held.wait_for_line();
    let (output, shown) = held.answer();
    let rest = without_line(&shown);
    assert_eq!(output.code, 0, "{shown:?}");
    assert!(rest.contains("valid until") && rest.lines().count() == 1, "{shown:?}");
}

#[test]
fn error_follows_the_erased_line() {
    let mut held = Held::start(&["secret", "get", "prod/absent"], &[]);
    held.wait_for_line();
    let (output, shown) = held.answer();
    assert_eq!(output.code, 4, "{shown:?}");
    assert!(without_line(&shown).starts_with("error: "), "{shown:?}");
}

/// An AWS SDK runs it, and shows its standard error to a user who did not call it.
#[test]
fn credential_process_shows_no_line() {
    let mut held = Held::start(&["credential-process"], &[]);
    let (aborted, _) = held.aws.accept().unwrap();
    assert!(!held.session.read(Duration::from_secs(3)), "{:?}", held.session.shown());
    drop(aborted);
    let (output, shown) = held.answer();
    assert_vends(&output);
    assert_eq!(shown, "");
}
