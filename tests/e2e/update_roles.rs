//! `update` with several roles of a configuration file, and the reload of the file.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use roles_anywhere_emulator::TRUST_ANCHOR_ARN;
use rustix::process::Signal;
use serde_json::Value;

use crate::daemon::Daemon;
use crate::environment::CommandOutput;
use crate::serve_roles::Fixture;

const A: (&str, &str) = ("a", "aws-profile = \"one\"");
const B: (&str, &str) = ("b", "aws-profile = \"two\"");
const C: (&str, &str) = ("c", "aws-profile = \"three\"");

impl Fixture {
    /// Returns the words of an `update` with these arguments.
    fn update_line(&self, arguments: &[&str]) -> Vec<String> {
        let config = self.path("config.toml").to_str().unwrap().to_owned();
        let file = self.path("credentials").to_str().unwrap().to_owned();
        let line = ["update", "--config", &config, "--credentials-file", &file];
        line.iter().chain(arguments).map(|word| (*word).to_owned()).collect()
    }

    fn update(&self, arguments: &[&str]) -> CommandOutput {
        let line = self.update_line(arguments);
        self.tool().run(&line.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn start_update(&self, arguments: &[&str]) -> Daemon {
        let line = self.update_line(arguments);
        Daemon::start(&self.tool(), &line.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Writes a credentials file that only its owner can read.
    fn write_credentials(&self, text: &str) {
        fs::write(self.path("credentials"), text).unwrap();
        fs::set_permissions(self.path("credentials"), Permissions::from_mode(0o600)).unwrap();
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path("credentials")).unwrap_or_default()
    }

    /// Returns the access key of a profile.
    fn key_of(&self, profile: &str) -> Option<String> {
        let text = self.text();
        let section = text.split_once(&format!("[{profile}]\n"))?.1;
        let section = section.split("\n[").next()?;
        let line = section.lines().find_map(|line| line.strip_prefix("aws_access_key_id = "));
        line.map(str::to_owned)
    }

    /// Waits until each of these profiles has a key, and returns the keys.
    #[track_caller]
    fn wait_for_keys<const N: usize>(&self, profiles: [&str; N]) -> [String; N] {
        let end = Instant::now() + Duration::from_secs(60);
        while Instant::now() < end {
            let keys = profiles.map(|profile| self.key_of(profile));
            if keys.iter().all(Option::is_some) {
                return keys.map(Option::unwrap);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        unreachable!("no keys of {profiles:?} in {}", self.text());
    }
}

/// Returns the fields of a reload.
fn changes(reloaded: &Value) -> [Option<&str>; 3] {
    ["added", "changed", "removed"].map(|name| reloaded[name].as_str())
}

#[test]
fn three_profiles_are_kept_fresh_beside_another_writer() {
    let fixture = Fixture::with(&[A, B, C, ("d", "")]);
    let other = "# mine\n[other]\nregion = eu-west-1\n";
    fs::write(fixture.path("credentials"), other).unwrap();
    let daemon = fixture.start_update(&[]);
    let keys = fixture.wait_for_keys(["one", "two", "three"]);
    assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2], "{keys:?}");
    assert_eq!(fixture.sessions(), 3, "a role without a profile asks for none");
    assert!(fixture.text().starts_with(other), "{}", fixture.text());
    // As `aws configure set` does: it writes the file in place, from a copy that lacks two of ours.
    let text = format!("{other}[more]\nregion = eu-north-1\n");
    fs::write(fixture.path("credentials"), &text).unwrap();
    assert_eq!(fixture.wait_for_keys(["one", "two", "three"]), keys);
    assert!(fixture.text().starts_with(&text), "{}", fixture.text());
    let written = daemon.wait_for("profile_written");
    assert!(written["role_name"].is_string() && written["profile"].is_string(), "{written}");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn reload_adds_and_removes_roles() {
    let fixture = Fixture::with(&[A, B]);
    let daemon = fixture.start_update(&[]);
    let [one, two] = fixture.wait_for_keys(["one", "two"]);
    fixture.configure_with(&[C, A]);
    daemon.signal(Signal::HUP);
    let reloaded = daemon.wait_for("config_reloaded");
    assert_eq!(changes(&reloaded), [Some("c"), None, Some("b")]);
    let [three] = fixture.wait_for_keys(["three"]);
    // What is in the profile of a role that was removed stays there.
    assert_eq!(fixture.wait_for_keys(["one", "two"]), [one.clone(), two.clone()]);
    assert_eq!(fixture.sessions(), 3, "only the added role asks for a session");
    // It is not restored any more, and the others are.
    fs::write(fixture.path("credentials"), "").unwrap();
    assert_eq!(fixture.wait_for_keys(["three", "one"]), [three, one]);
    assert_eq!(fixture.key_of("two"), None);
    // A wrong file, one without profiles too, leaves all as it is.
    for (round, roles) in
        [[A, ("b", "aws-profile = \"one\"")], [("a", ""), ("b", "")]].iter().enumerate()
    {
        fixture.configure_with(roles);
        daemon.signal(Signal::HUP);
        let refused = daemon.wait_for_nth("config_reload_failed", round + 1);
        let reason = refused["reason"].as_str().unwrap();
        assert!(reason.contains("aws-profile"), "{reason}");
    }
    daemon.wait_until_told("STATUS=the changed configuration file is refused");
    assert_eq!((daemon.stop(), fixture.sessions()), (Some(0), 3));
}

#[test]
fn once_writes_what_it_can_and_reports_each_failure() {
    let (region, _) = TRUST_ANCHOR_ARN.rsplit_once('/').unwrap();
    let unknown = "00000000-1111-2222-3333-444444444444";
    let refused = format!("aws-profile = \"two\"\ntrust-anchor-arn = \"{region}/{unknown}\"");
    let fixture = Fixture::with(&[A, ("b", &refused), C]);
    let long_lived = "[three]\naws_access_key_id = AKIA1\naws_secret_access_key = s\n";
    fixture.write_credentials(long_lived);
    let outcome = fixture.update(&["--once"]);
    assert_eq!(outcome.code, 4, "{outcome}");
    let lines: Vec<_> = outcome.stderr.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(lines.len(), 4, "{outcome}");
    for (line, start) in lines.iter().zip([
        "wrote profile `one` of role `a` to `",
        "error: role `b`: AWS refused CreateSession",
        "error: role `c`: cannot edit `",
        "error: cannot write 2 of 3 profiles",
    ]) {
        assert!(line.starts_with(start), "{line}: {outcome}");
    }
    assert!(fixture.key_of("one").is_some() && fixture.key_of("two").is_none());
    assert_eq!(fixture.key_of("three").as_deref(), Some("AKIA1"));
    assert_eq!(fixture.sessions(), 1);
    let json = fixture.update(&["--once", "--error-format", "json", "--quiet"]);
    let failures: Vec<Value> =
        json.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let codes: Vec<_> = failures.iter().map(|it| it["exit_code"].as_u64().unwrap()).collect();
    assert_eq!((json.code, codes), (4, vec![4, 6, 4]), "{json}");
}

#[test]
fn once_writes_all_profiles_or_the_one_that_is_asked_for() {
    let fixture = Fixture::with(&[A, B, ("d", "")]);
    for (arguments, profiles) in [
        (&["--role", "b"][..], &["two"][..]),
        (&["--role", "d"], &["default"]),
        (&["--role", "b", "--profile", "x"], &["x"]),
        // The default role.
        (&["--profile", "y"], &["y"]),
        (&[], &["one", "two"]),
    ] {
        fixture.write_credentials("");
        let outcome = fixture.update(&[arguments, &["--once"]].concat());
        assert_eq!(outcome.code, 0, "{outcome}");
        assert_eq!(outcome.stderr.lines().count(), profiles.len(), "{outcome}");
        let text = fixture.text();
        let headings = text.lines().filter(|line| line.starts_with('['));
        let expected: Vec<_> = profiles.iter().map(|profile| format!("[{profile}]")).collect();
        assert_eq!(headings.collect::<Vec<_>>(), expected, "{arguments:?}");
    }
}

#[test]
fn one_profile_of_two_roles_is_refused() {
    let fixture = Fixture::with(&[A, ("b", "aws-profile = \"one\"")]);
    let outcome = fixture.update(&["--once"]);
    assert_eq!((outcome.code, fixture.sessions()), (2, 0), "{outcome}");
    for name in ["`role.a.aws-profile`", "`role.b.aws-profile`"] {
        assert!(outcome.stderr.contains(name), "{outcome}");
    }
    assert_eq!(fixture.update(&["--once", "--role", "b"]).code, 0);
}
