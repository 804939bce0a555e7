//! The line by a manual clock: when it is written, and what a terminal is sent.

use std::task::{Context, Poll, Waker};

use super::*;
use roles_anywhere_client::http::Endpoint;
use roles_anywhere_test_support::clock::ManualClock;
use roles_anywhere_test_support::password::FixedPassword;
use roles_anywhere_test_support::transport::{Reply, ScriptedTransport};

const SECRETS: &str = "secretsmanager.eu-central-1.amazonaws.com";
const SESSIONS: &str = "rolesanywhere.eu-central-1.amazonaws.com";

/// A terminal that keeps what was written to it, and when.
#[derive(Clone)]
struct FakeTerminal {
    clock: ManualClock,
    columns: Arc<Mutex<Option<u16>>>,
    written: Arc<Mutex<Vec<(f32, String)>>>,
}

impl LineTerminal for FakeTerminal {
    fn columns(&self) -> Option<u16> {
        *self.columns.lock().unwrap()
    }

    fn write(&self, text: &str) {
        let now = self.clock.uptime().as_secs_f32();
        self.written.lock().unwrap().push((now, text.to_owned()));
    }
}

/// A line on a terminal of 80 columns, and a service that answers after some time.
struct Fixture {
    clock: ManualClock,
    terminal: FakeTerminal,
    line: Arc<WaitingLine>,
    transport: WaitingTransport,
}

impl Fixture {
    /// Returns a service with these replies, each after so many milliseconds.
    fn new(replies: Vec<(u64, Reply)>) -> Self {
        let clock = ManualClock::default();
        let terminal = FakeTerminal {
            clock: clock.clone(),
            columns: Arc::new(Mutex::new(Some(80))),
            written: Arc::default(),
        };
        let (delays, replies): (Vec<_>, Vec<_>) = replies.into_iter().unzip();
        let delays = delays.into_iter().map(Duration::from_millis).collect();
        let transport = ScriptedTransport::replies(replies).with_delays(&clock, delays);
        let (time, timer) = (Arc::new(clock.clone()), Arc::new(clock.clone()));
        let line = Arc::new(WaitingLine::new(time, timer, Box::new(terminal.clone())));
        let transport = Arc::new(transport) as _;
        Self {
            transport: WaitingTransport { transport, line: Arc::clone(&line) },
            clock,
            terminal,
            line,
        }
    }

    async fn send(&self, host: &str) {
        let request = Request {
            method: "POST",
            endpoint: Endpoint::parse(&format!("https://{host}")).unwrap(),
            path: "/",
            query: String::new(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        drop(self.transport.send(&request).await);
    }

    /// Runs `work` beside the line to its end, and returns what was written, and at which second.
    fn run(&self, work: impl Future<Output = ()>) -> Vec<(f32, String)> {
        let mut work = pin!(self.line.beside(work));
        let mut context = Context::from_waker(Waker::noop());
        while work.as_mut().poll(&mut context) == Poll::Pending {
            self.clock.advance_to_next_wake();
        }
        self.terminal.written.lock().unwrap().clone()
    }
}

fn shown(second: f32, host: &str, seconds: u64) -> (f32, String) {
    (second, format!("\rwaiting for {host}, {seconds} s\x1b[K"))
}

fn erased(second: f32) -> (f32, String) {
    (second, ERASE.to_owned())
}

fn ok() -> Reply {
    Reply::status(201, "")
}

#[test]
fn each_second_is_shown_once_from_the_second_on() {
    let fixture = Fixture::new(vec![(4_500, ok())]);
    let written = fixture.run(fixture.send(SESSIONS));
    assert_eq!(
        written,
        [shown(2.0, SESSIONS, 2), shown(3.0, SESSIONS, 3), shown(4.0, SESSIONS, 4), erased(4.5)]
    );
}

#[test]
fn short_waits_show_nothing() {
    let fixture = Fixture::new(vec![(1_999, ok()), (1_999, ok())]);
    let written = fixture.run(async {
        fixture.send(SESSIONS).await;
        fixture.send(SECRETS).await;
        // Nothing is waited for here.
        fixture.clock.sleep(Duration::from_secs(60)).await;
    });
    assert_eq!(written, []);
}

#[test]
fn second_host_follows_the_first() {
    let fixture = Fixture::new(vec![(2_500, ok()), (3_200, ok())]);
    let written = fixture.run(async {
        fixture.send(SESSIONS).await;
        fixture.send(SECRETS).await;
    });
    assert_eq!(
        written,
        [
            shown(2.0, SESSIONS, 2),
            erased(2.5),
            shown(4.5, SECRETS, 2),
            shown(5.5, SECRETS, 3),
            erased(5.7)
        ]
    );
}

#[test]
fn host_that_failed_is_replaced_by_the_next() {
    let fixture = Fixture::new(vec![(2_000, Reply::lost()), (2_100, ok())]);
    let written = fixture.run(async {
        fixture.send(SECRETS).await;
        fixture.send(SESSIONS).await;
    });
    assert_eq!(written.last(), Some(&erased(4.1)));
    assert!(written.contains(&shown(4.0, SESSIONS, 2)), "{written:?}");
}

#[test]
fn pause_before_another_attempt_is_part_of_the_wait() {
    for failure in [Reply::lost(), Reply::status(503, ""), Reply::status(429, "")] {
        let fixture = Fixture::new(vec![(500, failure), (700, ok())]);
        let written = fixture.run(async {
            fixture.send(SESSIONS).await;
            fixture.clock.sleep(Duration::from_millis(2_000)).await;
            fixture.send(SESSIONS).await;
        });
        let expected = [shown(2.0, SESSIONS, 2), shown(3.0, SESSIONS, 3), erased(3.2)];
        assert_eq!(written, expected);
    }
}

#[test]
fn refusal_ends_the_wait() {
    let fixture = Fixture::new(vec![(2_500, Reply::status(403, ""))]);
    let written = fixture.run(async {
        fixture.send(SECRETS).await;
        fixture.clock.sleep(Duration::from_secs(5)).await;
    });
    assert_eq!(written, [shown(2.0, SECRETS, 2), erased(2.5)]);
}

#[test]
fn line_is_erased_before_a_password_is_asked_for() {
    let fixture = Fixture::new(vec![(2_500, Reply::lost())]);
    let passwords = LineErasingPasswords {
        passwords: Arc::new(FixedPassword::known("a")),
        line: Arc::clone(&fixture.line),
    };
    let written = fixture.run(async {
        fixture.send(SECRETS).await;
        assert!(fixture.terminal.written.lock().unwrap().last() != Some(&erased(2.5)));
        passwords.password("client.key").unwrap();
        assert_eq!(fixture.terminal.written.lock().unwrap().last(), Some(&erased(2.5)));
        fixture.clock.sleep(Duration::from_secs(5)).await;
    });
    assert_eq!(written, [shown(2.0, SECRETS, 2), erased(2.5)]);
}

#[test]
fn nothing_is_written_in_the_background() {
    let fixture = Fixture::new(vec![(4_500, ok())]);
    let written = fixture.run(async {
        let foreground = fixture.terminal.columns.lock().unwrap().take();
        let changes = async {
            fixture.clock.sleep(Duration::from_millis(2_500)).await;
            *fixture.terminal.columns.lock().unwrap() = foreground;
            fixture.clock.sleep(Duration::from_millis(1_000)).await;
            *fixture.terminal.columns.lock().unwrap() = None;
        };
        futures_util::future::join(fixture.send(SESSIONS), changes).await;
    });
    assert_eq!(written, [shown(3.0, SESSIONS, 3)]);
}

#[test]
fn line_fits_the_terminal() {
    let rows = [
        (80, "waiting for rolesanywhere.eu-central-1.amazonaws.com, 12 s"),
        (59, "waiting for rolesanywhere.eu-central-1.amazonaws.com, 12 s"),
        (58, "waiting for rolesanywhere.eu-central-1.amazonaws..., 12 s"),
        (30, "waiting for rolesany..., 12 s"),
        (20, "waiting for ..., 12"),
        (1, ""),
        (0, ""),
    ];
    for (columns, expected) in rows {
        assert_eq!(line(SESSIONS, 12, columns), expected, "{columns}");
    }
}
