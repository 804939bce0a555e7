//! `update --once` and the shared credentials file: what it writes, and what it leaves alone.

mod files;
mod races;

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use roles_anywhere_emulator::Emulator;
use serde_json::json;

use crate::environment::{CommandOutput, Program, emulator};

const KEYS: [&str; 3] = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];

/// An emulator, and a credentials file in a directory of its own.
struct UpdateFixture {
    emulator: Emulator,
    folder: tempfile::TempDir,
    file: PathBuf,
}

impl UpdateFixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("credentials");
        Self { emulator: emulator(), folder, file }
    }

    fn with(text: &str) -> Self {
        let fixture = Self::new();
        fs::write(&fixture.file, text).unwrap();
        fixture.settle();
        fixture
    }

    /// Makes the file one that has not been written for hours.
    fn settle(&self) {
        settle(&self.file);
    }

    fn tool(&self) -> Program {
        Program::new(&self.emulator).set("AWS_SHARED_CREDENTIALS_FILE", &self.file)
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.file).unwrap()
    }

    fn temporary(&self) -> PathBuf {
        self.folder.path().join(".credentials.roles-anywhere.tmp")
    }

    fn names(&self) -> Vec<String> {
        let entries = self.folder.path().read_dir().unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// Returns the identifiers of all the keys that were vended.
    fn vended(&self) -> Vec<String> {
        let requests = self.emulator.requests();
        let ids =
            requests.iter().filter_map(|request| request["session"]["access_key_id"].as_str());
        ids.map(str::to_owned).collect()
    }
}

/// Makes a file one that has not been written for hours.
fn settle(file: &Path) {
    let file = fs::File::options().write(true).open(file).unwrap();
    file.set_modified(std::time::SystemTime::now() - Duration::from_secs(10_000)).unwrap();
}

fn once(tool: &Program, profile: &str) -> CommandOutput {
    tool.run(&["update", "--once", "--profile", profile])
}

#[track_caller]
fn succeeds(outcome: &CommandOutput) {
    assert_eq!((outcome.code, outcome.stdout.as_slice()), (0, &b""[..]), "{outcome}");
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().mode() & 0o7777
}

/// Returns the settings of each section of a file as this test writes it.
fn read(text: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut sections: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut name = String::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            name = heading.to_owned();
            assert!(sections.insert(name.clone(), BTreeMap::new()).is_none(), "twice: {name}");
        } else if let Some((key, value)) = line.split_once(" = ").filter(|_| !line.starts_with('#'))
        {
            sections.get_mut(&name).unwrap().insert(key.to_owned(), value.to_owned());
        }
    }
    sections
}

/// Returns a text without the values of the three keys.
fn shape(text: &str) -> String {
    let blind = |line: &str| match line.split_once(" = ") {
        Some((key, value)) if KEYS.contains(&key) && !value.is_empty() => format!("{key} = *\n"),
        _ => line.to_owned(),
    };
    text.split_inclusive('\n').map(blind).collect()
}

#[test]
fn writes_three_keys_of_one_profile() {
    let before = "# mine\n[b]\naws_access_key_id = b\n\n[a]\nregion = r\naws_access_key_id = a\naws_session_token = t\n";
    let fixture = UpdateFixture::with(before);
    fs::set_permissions(&fixture.file, Permissions::from_mode(0o640)).unwrap();
    succeeds(&once(&fixture.tool(), "a"));
    let wanted = before.replace(
        "aws_access_key_id = a\naws_session_token = t\n",
        "aws_access_key_id = *\naws_session_token = *\naws_secret_access_key = *\n",
    );
    assert_eq!(shape(&fixture.text()), shape(&wanted));
    let sections = read(&fixture.text());
    assert_eq!(sections["b"]["aws_access_key_id"], "b");
    assert_eq!(fixture.vended(), [sections["a"]["aws_access_key_id"].clone()]);
    assert_eq!(sections["a"]["aws_secret_access_key"].len(), 40);
    assert_eq!((mode(&fixture.file), fixture.names()), (0o640, vec!["credentials".to_owned()]));
}

/// Returns a file that others may read, with a setting that hides the session token.
fn to_be_mended() -> UpdateFixture {
    let fixture = UpdateFixture::with("[a]\naws_security_token = old\n");
    fs::set_permissions(&fixture.file, Permissions::from_mode(0o644)).unwrap();
    fixture
}

#[test]
fn warns_of_what_it_does_not_mend() {
    let fixture = to_be_mended();
    let outcome = once(&fixture.tool(), "a");
    succeeds(&outcome);
    let lines: Vec<_> = outcome.stderr.lines().collect();
    let readable = "warning: the credentials file is readable by other users (mode 0644): run `chmod go= FILE`";
    assert_eq!((lines.len(), lines[0]), (3, readable), "{outcome}");
    assert!(lines[1].contains("`aws_security_token` instead of the session token"), "{outcome}");
    assert!(lines[2].starts_with("wrote profile `a` to `"), "{outcome}");
    assert_eq!(mode(&fixture.file), 0o644);
    assert!(fixture.text().contains("\naws_security_token = old\n"), "{}", fixture.text());
}

#[test]
fn warns_in_json() {
    let fixture = to_be_mended();
    let json = fixture.tool().run(&["update", "--once", "--profile", "a", "--log-format", "json"]);
    let levels: Vec<_> = json
        .stderr
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["level"].clone())
        .collect();
    assert_eq!(levels, ["warning", "warning", "info"], "{json}");
    assert_eq!(mode(&fixture.file), 0o644);
}

/// Another profile has no such setting, and the file is of its owner only.
#[test]
fn warns_of_nothing_in_a_file_that_is_as_it_should_be() {
    let fixture = to_be_mended();
    fs::set_permissions(&fixture.file, Permissions::from_mode(0o600)).unwrap();
    let outcome = fixture.tool().run(&["update", "--once", "--profile", "b", "--quiet"]);
    succeeds(&outcome);
    assert_eq!(outcome.stderr, "");
}

#[test]
fn says_in_one_line_what_was_written_and_until_when_it_is_valid() {
    let fixture = UpdateFixture::new();
    let outcome = once(&fixture.tool().unset("AWS_PROFILE"), "a");
    succeeds(&outcome);
    let line = format!("wrote profile `a` to `{}`, valid until ", fixture.file.display());
    let until = outcome.stderr.strip_prefix(&line).and_then(|until| until.strip_suffix("Z\n"));
    let until = until.unwrap_or_else(|| panic!("{outcome}"));
    // An hour from now, which no test knows.
    assert_eq!((until.len(), outcome.stderr.lines().count()), (19, 1), "{outcome}");
}

/// Updates with `AWS_PROFILE=prod` and these options.
#[track_caller]
fn update_in_prod(options: &[&str]) -> CommandOutput {
    let fixture = UpdateFixture::new();
    let tool = fixture.tool().set("AWS_PROFILE", "prod");
    let outcome = tool.run(&[&["update", "--once"], options].concat());
    succeeds(&outcome);
    outcome
}

#[test]
fn says_that_aws_profile_selects_another_profile() {
    let outcome = update_in_prod(&[]);
    let line = "wrote profile `default` to ";
    assert!(outcome.stderr.starts_with(line) && outcome.stderr.lines().count() == 1, "{outcome}");
    assert!(outcome.stderr.contains("AWS_PROFILE selects another profile, `prod`"), "{outcome}");
}

#[test]
fn says_nothing_of_aws_profile_if_it_selects_the_same_profile() {
    let outcome = update_in_prod(&["--profile=prod"]);
    assert!(!outcome.stderr.contains("AWS_PROFILE"), "{outcome}");
}

#[test]
fn says_in_json_what_was_written() {
    let outcome = update_in_prod(&["--log-format=json"]);
    let event: serde_json::Value = serde_json::from_str(&outcome.stderr).unwrap();
    assert_eq!((&event["aws_profile"], &event["profile"]), (&json!("prod"), &json!("default")));
    assert!(event["valid_until"].is_string(), "{outcome}");
}

const LONG_LIVED: &str =
    "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = s\n";

/// Checks that a long-lived key is not replaced, under this name of the program.
#[track_caller]
fn keeps_a_long_lived_key(program: &str, arguments: &[&str]) {
    let fixture = UpdateFixture::with(LONG_LIVED);
    let link = fixture.folder.path().join(program);
    symlink(env!("CARGO_BIN_EXE_roles-anywhere"), &link).unwrap();
    let outcome = fixture.tool().called(&link).run(arguments);
    assert_eq!((outcome.code, outcome.stdout.len()), (6, 0), "{outcome}");
    for words in ["profile `default`", "`AKIAIOSFODNN7EXAMPLE`", "`--force`"] {
        assert!(outcome.stderr.contains(words), "{outcome}");
    }
    assert_eq!((fixture.vended(), fixture.text().as_str()), (Vec::new(), LONG_LIVED));
}

#[test]
fn once_keeps_a_long_lived_key() {
    keeps_a_long_lived_key("roles-anywhere", &["update", "--once"]);
}

#[test]
fn the_daemon_keeps_a_long_lived_key() {
    keeps_a_long_lived_key("roles-anywhere", &["update"]);
}

#[test]
fn once_keeps_a_long_lived_key_under_the_official_name() {
    keeps_a_long_lived_key("aws_signing_helper", &["update", "--once"]);
}

#[test]
fn the_daemon_keeps_a_long_lived_key_under_the_official_name() {
    keeps_a_long_lived_key("aws_signing_helper", &["update"]);
}

#[test]
fn force_replaces_a_long_lived_key() {
    let fixture = UpdateFixture::with(LONG_LIVED);
    succeeds(&fixture.tool().run(&["update", "--once", "--force"]));
    assert_eq!(read(&fixture.text())["default"]["aws_access_key_id"], fixture.vended()[0]);
}

#[test]
fn replaces_a_temporary_key_without_force() {
    let fixture = UpdateFixture::with("");
    succeeds(&fixture.tool().run(&["update", "--once"]));
    succeeds(&fixture.tool().run(&["update", "--once"]));
    assert_eq!(read(&fixture.text())["default"]["aws_access_key_id"], fixture.vended()[1]);
}

#[test]
fn warns_of_what_is_used_instead_of_the_keys() {
    let fixture = UpdateFixture::with("[a]\nrole_arn = r\ncredential_process = p\n[profile a]\n");
    let outcome = once(&fixture.tool(), "a");
    succeeds(&outcome);
    for words in ["the profile's `role_arn`", "the profile's `credential_process`", "`[profile a]`"]
    {
        let line = outcome.stderr.lines().find(|line| line.contains(words));
        assert!(line.is_some_and(|line| line.starts_with("warning: ")), "{words}: {outcome}");
    }
    assert_eq!(read(&fixture.text())["a"]["aws_access_key_id"], fixture.vended()[0]);
}

#[test]
fn makes_the_file_at_home() {
    let fixture = UpdateFixture::new();
    let tool =
        fixture.tool().unset("AWS_SHARED_CREDENTIALS_FILE").set("HOME", fixture.folder.path());
    succeeds(&tool.run(&["update", "--once"]));
    let folder = fixture.folder.path().join(".aws");
    let file = folder.join("credentials");
    assert!(read(&fs::read_to_string(&file).unwrap()).contains_key("default"));
    assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
    assert_eq!(folder.read_dir().unwrap().count(), 1);
}

#[test]
fn touches_nothing_if_aws_refuses() {
    let fixture = UpdateFixture::with("[a]\nregion = r\n");
    fixture.emulator.fault(
        json!({"status": 403, "code": "AccessDeniedException", "message": "no", "times": 0}),
    );
    let stamp = |path: &Path| {
        let metadata = path.metadata().unwrap();
        (metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
    };
    let before = (stamp(&fixture.file), stamp(fixture.folder.path()));
    let outcome = once(&fixture.tool(), "a");
    assert_eq!(outcome.code, 4, "{outcome}");
    assert_eq!((stamp(&fixture.file), stamp(fixture.folder.path())), before);
}

#[track_caller]
fn refuses_profile(name: &str) {
    let fixture = UpdateFixture::new();
    let outcome = once(&fixture.tool(), name);
    assert_eq!(outcome.code, 2, "{outcome}");
    assert_eq!((fixture.vended(), fixture.names()), (Vec::new(), Vec::<String>::new()));
}

#[test]
fn refuses_a_profile_with_a_bracket() {
    refuses_profile("a]");
}

#[test]
fn refuses_a_profile_with_a_line_break() {
    refuses_profile("a\nb");
}

#[test]
fn refuses_a_profile_with_a_leading_blank() {
    refuses_profile(" a");
}

#[test]
fn refuses_the_profile_of_defaults() {
    refuses_profile("DEFAULT");
}

#[test]
fn refuses_a_credentials_file_that_ends_with_a_slash() {
    let fixture = UpdateFixture::new();
    let slash = format!("{}/", fixture.file.display());
    let outcome = fixture.tool().run(&["update", "--once", "--credentials-file", &slash]);
    assert_eq!(outcome.code, 2, "{outcome}");
    assert_eq!((fixture.vended(), fixture.names()), (Vec::new(), Vec::<String>::new()));
}

#[test]
fn names_a_temporary_key_that_lacks_its_token() {
    let fixture = UpdateFixture::with(
        "[a]\naws_access_key_id = ASIAIOSFODNN7EXAMPLE\naws_secret_access_key = s\n",
    );
    let outcome = once(&fixture.tool(), "a");
    assert_eq!((outcome.code, outcome.stdout.len()), (6, 0), "{outcome}");
    let words = "the temporary access key `ASIAIOSFODNN7EXAMPLE` without its session token";
    assert!(outcome.stderr.contains(words) && outcome.stderr.contains("`--force`"), "{outcome}");
    assert!(!outcome.stderr.contains("long-lived"), "{outcome}");
}
