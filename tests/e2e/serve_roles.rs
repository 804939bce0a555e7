//! `serve` with several roles of a configuration file, and the reload of the file.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use roles_anywhere_emulator::{Emulator, PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN};
use rustix::process::Signal;
use serde_json::Value;

use crate::client::{Client, ROLE, SetOnDrop};
use crate::daemon::Daemon;
use crate::environment::{Program, emulator, host_identity};
use crate::fault::vended;

/// A configuration file, the emulator and a token file.
pub(crate) struct Fixture {
    pub(crate) emulator: Emulator,
    folder: tempfile::TempDir,
}

impl Fixture {
    /// Returns a file of these roles and the lines of each.
    pub(crate) fn with(roles: &[(&str, &str)]) -> Self {
        let fixture = Self { emulator: emulator(), folder: tempfile::tempdir().unwrap() };
        fixture.configure_with(roles);
        fixture
    }

    fn new(roles: &[(&'static str, u32)]) -> Self {
        let fixture = Self { emulator: emulator(), folder: tempfile::tempdir().unwrap() };
        fixture.configure(roles);
        fixture
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the file with these roles and the durations of their sessions; `a` is the default role.
    fn configure(&self, roles: &[(&'static str, u32)]) {
        let lines = |(name, duration): &(&'static str, u32)| {
            (*name, format!("session-duration = {duration}"))
        };
        let roles: Vec<_> = roles.iter().map(lines).collect();
        let roles: Vec<_> = roles.iter().map(|(name, lines)| (*name, lines.as_str())).collect();
        self.configure_with(&roles);
    }

    /// Writes the file with these roles and the lines of each.
    pub(crate) fn configure_with(&self, roles: &[(&str, &str)]) {
        let mut text = format!(
            "default-role = \"a\"\n\n[defaults]\ntrust-anchor-arn = \"{TRUST_ANCHOR_ARN}\"\n\
             profile-arn = \"{PROFILE_ARN}\"\n\n"
        );
        text.push_str(&host_identity(&self.emulator));
        for (name, lines) in roles {
            text.push_str(&format!("\n[role.{name}]\nrole-arn = \"{ROLE_ARN}\"\n{lines}\n"));
        }
        self.write(&text);
    }

    /// Replaces the file, as an editor does.
    fn write(&self, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        let new = self.path("new");
        fs::write(&new, text).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).unwrap();
        fs::rename(new, self.path("config.toml")).unwrap();
    }

    /// Returns the program without variables for an identity or an ARN.
    pub(crate) fn tool(&self) -> Program {
        let own = |name: &&String| name.starts_with("ROLES_ANYWHERE_");
        let variables = self.emulator.environment();
        let names = variables.iter().map(|(name, _)| name).filter(own);
        names.fold(Program::new(&self.emulator), |tool, name| tool.unset(name))
    }

    /// Starts `serve` with these arguments.
    fn start(&self, arguments: &[&str]) -> Daemon {
        self.start_as(&self.tool(), arguments)
    }

    fn start_as(&self, tool: &Program, arguments: &[&str]) -> Daemon {
        let (config, token) = (self.path("config.toml"), self.path("token"));
        let (config, token) = (config.to_str().unwrap(), token.to_str().unwrap());
        let line = ["serve", "--port", "0", "--config", config, "--token-file", token];
        Daemon::start(tool, &[&line, arguments].concat())
    }

    fn connect(&self, daemon: &Daemon) -> Client {
        let address = daemon.wait_for("listening")["address"].as_str().unwrap().to_owned();
        Client::connect(address.parse().unwrap(), &self.path("token"))
    }

    /// Returns the access key at a path with the token of a role, or the status.
    fn key(&self, client: &mut Client, path: &str, token: &str) -> Result<String, u16> {
        let response = client.container_at(path, &self.path(token));
        if response.status != 200 {
            return Err(response.status);
        }
        let document: Value = serde_json::from_str(&response.body).unwrap();
        Ok(document["AccessKeyId"].as_str().unwrap().to_owned())
    }

    /// Returns the number of sessions that AWS gave.
    pub(crate) fn sessions(&self) -> usize {
        vended(&self.emulator).len()
    }
}

/// Waits until so many sessions were received.
fn wait_for_sessions(daemon: &Daemon, count: usize) {
    daemon.wait_for_nth("session_received", count);
}

#[test]
fn three_roles_are_served_each_with_its_token() {
    let fixture = Fixture::new(&[("a", 3_600), ("b", 3_600), ("c", 3_600)]);
    let daemon = fixture.start(&[]);
    let mut client = fixture.connect(&daemon);
    wait_for_sessions(&daemon, 3);
    let names = ["a", "b", "c"];
    let keys = names.map(|name| {
        let (path, token) = (format!("/credentials/{name}"), format!("token-{name}"));
        fixture.key(&mut client, &path, &token).unwrap()
    });
    assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2], "{keys:?}");
    assert_eq!(fixture.key(&mut client, "/credentials", "token"), Ok(keys[0].clone()));
    for (path, token) in [
        ("/credentials/b", "token-a"),
        ("/credentials/b", "token"),
        ("/credentials", "token-a"),
        ("/credentials/c", "token-b"),
    ] {
        assert_eq!(fixture.key(&mut client, path, token), Err(401), "{path} {token}");
    }
    assert_eq!(fixture.key(&mut client, "/credentials/d", "token-a"), Err(404));
    // Without `--role`, instance metadata is the default role's.
    let token = client.token();
    let role = client.metadata(ROLE, &token).body;
    let document = client.metadata(&format!("{ROLE}{role}"), &token).body;
    assert!(document.contains(&keys[0]), "{document}");
    let vend = daemon.wait_for("credentials_vended");
    assert_eq!((vend["role"].as_str(), vend["role_name"].as_str()), (Some(ROLE_ARN), Some("a")));
    assert!(client.get("/metrics").body.contains("credentials_expiry_seconds{role=\"c\"}"));
    assert_eq!(daemon.stop(), Some(0));
    let left = fixture.folder.path().read_dir().unwrap().flatten();
    let left: Vec<_> = left.map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["config.toml"], "token files stay");
}

#[test]
fn named_roles_are_served_and_the_first_is_instance_metadata() {
    let fixture = Fixture::new(&[("a", 3_600), ("b", 3_600), ("c", 3_600)]);
    let daemon = fixture.start(&["--role", "c", "--role", "b"]);
    let mut client = fixture.connect(&daemon);
    wait_for_sessions(&daemon, 2);
    let c = fixture.key(&mut client, "/credentials/c", "token-c").unwrap();
    // The default role is not served: `/credentials` is of the first that is named.
    assert_eq!(fixture.key(&mut client, "/credentials", "token"), Ok(c.clone()));
    assert_eq!(fixture.key(&mut client, "/credentials/a", "token-b"), Err(404));
    assert!(!fixture.path("token-a").exists());
    let token = client.token();
    let role = client.metadata(ROLE, &token).body;
    assert!(client.metadata(&format!("{ROLE}{role}"), &token).body.contains(&c));
    assert_eq!(daemon.stop(), Some(0));
}

/// Asks again and again, until `over` is set, and counts the responses. Each must be a success.
fn ask(fixture: &Fixture, client: &mut Client, over: &AtomicBool, count: &AtomicUsize) {
    while !over.load(Ordering::Relaxed) {
        for (path, token) in [
            ("/credentials", "token"),
            ("/credentials/a", "token-a"),
            ("/credentials/b", "token-b"),
        ] {
            assert!(fixture.key(client, path, token).is_ok(), "{path}");
            count.fetch_add(1, Ordering::Relaxed);
        }
        // Leaves the server some of this machine.
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn reload_under_load_fails_no_request() {
    let fixture = Fixture::new(&[("a", 3_600), ("b", 3_600), ("c", 3_600)]);
    let daemon = fixture.start(&[]);
    let mut client = fixture.connect(&daemon);
    wait_for_sessions(&daemon, 3);
    let mut reader = fixture.connect(&daemon);
    let (over, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let end = SetOnDrop(&over);
        let asking = scope.spawn(|| {
            let _end = SetOnDrop(&over);
            ask(&fixture, &mut client, &over, &count);
        });
        let a = fixture.key(&mut reader, "/credentials/a", "token-a").unwrap();
        // Only the lines of the roles move.
        fixture.configure(&[("x", 900), ("a", 3_600), ("b", 3_600), ("c", 3_600)]);
        daemon.signal(Signal::HUP);
        daemon.wait_for("config_reloaded");
        wait_for_sessions(&daemon, 4);
        assert_eq!(fixture.sessions(), 4, "only the added role asks for a session");
        assert!(fixture.key(&mut reader, "/credentials/x", "token-x").is_ok());
        // `b` changes, `c` and `x` are removed.
        fixture.configure(&[("a", 3_600), ("b", 1_800)]);
        daemon.signal(Signal::HUP);
        let reloaded = daemon.wait_for_nth("config_reloaded", 2);
        assert_eq!(
            (reloaded["changed"].as_str(), reloaded["removed"].as_str()),
            (Some("b"), Some("x c"))
        );
        wait_for_sessions(&daemon, 5);
        assert_eq!(fixture.sessions(), 5, "only the changed role asks for a session");
        assert_eq!(fixture.key(&mut reader, "/credentials/a", "token-a"), Ok(a.clone()));
        assert_eq!(fixture.key(&mut reader, "/credentials/c", "token-a"), Err(404));
        assert!(!fixture.path("token-c").exists() && !fixture.path("token-x").exists());
        let asked = count.load(Ordering::Relaxed);
        assert!(asked > 0 && !asking.is_finished());
        drop(end);
        asking.join().unwrap();
    });
    assert_eq!(daemon.stop(), Some(0));
}

/// The first refresh of the role of the start never ends.
#[test]
fn reload_before_the_first_refresh_makes_the_daemon_ready() {
    const ENDPOINT: &str = "AWS_ENDPOINT_URL_ROLESANYWHERE";
    let fixture = Fixture::with(&[]);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = |url: &str| format!("endpoint = \"{url}\"");
    let url = format!("http://{}", silent.local_addr().unwrap());
    fixture.configure_with(&[("a", &endpoint(&url))]);
    let variables = fixture.emulator.environment();
    let (_, url) = variables.iter().find(|(name, _)| name == ENDPOINT).unwrap();
    let tool = fixture.tool().unset(ENDPOINT).unset("AWS_ENDPOINT_URL");
    let daemon = fixture.start_as(&tool, &["--fail-fast"]);
    let (_silent, _) = silent.accept().unwrap();
    assert!(!daemon.has_told("READY=1"));
    fixture.configure_with(&[("a", &endpoint(url.to_str().unwrap()))]);
    daemon.signal(Signal::HUP);
    daemon.wait_for("session_received");
    daemon.wait_until_told("READY=1");
    assert_eq!((daemon.stop(), fixture.sessions()), (Some(0), 1));
}

#[test]
fn reload_without_a_default_role_is_logged_once() {
    let fixture = Fixture::new(&[("a", 3_600), ("b", 3_600)]);
    let daemon = fixture.start(&[]);
    let mut client = fixture.connect(&daemon);
    wait_for_sessions(&daemon, 2);
    let good = fs::read_to_string(fixture.path("config.toml")).unwrap();
    let logged = || {
        let events = ["instance_metadata_disabled", "default_credentials_disabled"];
        events.map(|event| daemon.count(event))
    };
    assert_eq!(logged(), [0, 0]);
    let mut reload = |round: usize, text: &str| {
        fixture.write(text);
        daemon.signal(Signal::HUP);
        daemon.wait_for_nth("config_reloaded", round);
        // The token of `a` opens no other route: 401 if there is one, else 404.
        fixture.key(&mut client, "/credentials", "token-a").unwrap_err() == 401
    };
    let without = good.replace("default-role = \"a\"\n", "");
    assert!(!reload(1, &without));
    assert_eq!(logged(), [1, 1]);
    assert!(!reload(2, &without.replace("3600", "1800")));
    assert_eq!(logged(), [1, 1], "nothing ended at this reload");
    assert!(reload(3, &good) && !reload(4, &without));
    assert_eq!(logged(), [2, 2]);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn refused_file_leaves_the_previous_roles() {
    let fixture = Fixture::new(&[("a", 3_600), ("b", 3_600)]);
    let daemon = fixture.start(&[]);
    let mut client = fixture.connect(&daemon);
    wait_for_sessions(&daemon, 2);
    let good = fs::read_to_string(fixture.path("config.toml")).unwrap();
    let (unknown, cut) = (format!("{good}\nrol-arn = 1\n"), &good[..good.len() - 20]);
    let wrong = good.replace("session-duration = 3600", "session-duration = 1");
    for (round, text) in [&unknown, cut, &wrong].into_iter().enumerate() {
        fixture.write(text);
        daemon.signal(Signal::HUP);
        let refused = daemon.wait_for_nth("config_reload_failed", round + 1);
        assert!(refused["reason"].as_str().is_some_and(|it| !it.is_empty()), "{refused}");
        daemon.wait_until_told("STATUS=the changed configuration file is refused");
        daemon.forget_what_was_told();
        for name in ["a", "b"] {
            let (path, token) = (format!("/credentials/{name}"), format!("token-{name}"));
            assert!(fixture.key(&mut client, &path, &token).is_ok(), "{name}");
        }
    }
    fixture.write(&good);
    daemon.signal(Signal::HUP);
    let reloaded = daemon.wait_for("config_reloaded");
    assert!(reloaded.get("added").is_none() && reloaded.get("removed").is_none(), "{reloaded}");
    assert_eq!((fixture.sessions(), daemon.count("config_reloaded")), (2, 1));
    assert_eq!(daemon.stop(), Some(0));
}
