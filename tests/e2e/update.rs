//! `update --once` and the shared credentials file: what it writes, and what it leaves alone.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::mem::MaybeUninit;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::SetOnDrop;
use crate::environment::{CommandOutput, Program, copy_program, emulator};
use crate::machine;
use roles_anywhere_emulator::Emulator;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use serde_json::json;

/// What takes longer will never end: a lock is broken.
const DEADLINE: Duration = Duration::from_secs(300);
/// How often the file is checked for the moment to kill at: it is written in some milliseconds.
const POLL: Duration = Duration::from_micros(100);
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
    fs::set_permissions(&fixture.file, fs::Permissions::from_mode(0o640)).unwrap();
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

#[test]
fn says_what_its_owner_should_mend_and_leaves_it() {
    let fixture = UpdateFixture::with("[a]\naws_security_token = old\n");
    fs::set_permissions(&fixture.file, fs::Permissions::from_mode(0o644)).unwrap();
    let outcome = once(&fixture.tool(), "a");
    succeeds(&outcome);
    let lines: Vec<_> = outcome.stderr.lines().collect();
    let readable = "warning: the credentials file can be read by others (mode 0644)";
    assert_eq!((lines.len(), lines[0]), (3, readable), "{outcome}");
    assert!(lines[1].contains("`aws_security_token` before the session token"), "{outcome}");
    assert!(lines[2].starts_with("wrote profile `a` to `"), "{outcome}");
    let json = fixture.tool().run(&["update", "--once", "--profile", "a", "--log-format", "json"]);
    let levels: Vec<_> = json
        .stderr
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["level"].clone())
        .collect();
    assert_eq!(levels, ["warning", "warning", "info"], "{json}");
    assert_eq!(mode(&fixture.file), 0o644);
    assert!(fixture.text().contains("\naws_security_token = old\n"), "{}", fixture.text());
    // Another profile has none, and a file of its owner alone is as it should be.
    fs::set_permissions(&fixture.file, fs::Permissions::from_mode(0o600)).unwrap();
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

    let tool = fixture.tool().set("AWS_PROFILE", "prod");
    let outcome = tool.run(&["update", "--once"]);
    let line = "wrote profile `default` to ";
    assert!(outcome.stderr.starts_with(line) && outcome.stderr.lines().count() == 1, "{outcome}");
    assert!(outcome.stderr.contains("AWS_PROFILE selects another profile, `prod`"), "{outcome}");
    let outcome = tool.run(&["update", "--once", "--profile=prod"]);
    assert!(!outcome.stderr.contains("AWS_PROFILE"), "{outcome}");
    let outcome = tool.run(&["update", "--once", "--log-format=json"]);
    let event: serde_json::Value = serde_json::from_str(&outcome.stderr).unwrap();
    assert_eq!((&event["aws_profile"], &event["profile"]), (&json!("prod"), &json!("default")));
    assert!(event["valid_until"].is_string(), "{outcome}");
}

#[test]
fn refuses_to_replace_a_long_lived_key_before_aws_is_asked() {
    let text = "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = s\n";
    let fixture = UpdateFixture::with(text);
    let helper = fixture.folder.path().join("aws_signing_helper");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_roles-anywhere"), &helper).unwrap();
    for tool in [fixture.tool(), fixture.tool().called(&helper)] {
        for arguments in [&["update", "--once"][..], &["update"]] {
            let outcome = tool.run(arguments);
            assert_eq!((outcome.code, outcome.stdout.len()), (6, 0), "{outcome}");
            for words in ["profile `default`", "`AKIAIOSFODNN7EXAMPLE`", "`--force`"] {
                assert!(outcome.stderr.contains(words), "{outcome}");
            }
        }
    }
    assert_eq!((fixture.vended(), fixture.text().as_str()), (Vec::new(), text));
    succeeds(&fixture.tool().run(&["update", "--once", "--force"]));
    assert_eq!(read(&fixture.text())["default"]["aws_access_key_id"], fixture.vended()[0]);
    // Temporary ones are replaced without a word.
    succeeds(&fixture.tool().run(&["update", "--once"]));
}

#[test]
fn refuses_what_the_aws_cli_cannot_parse_before_aws_is_asked() {
    for (text, words) in [
        (&b"[b]\n[c]\nx = 1\n[b]\n"[..], "line 4 begins a section that line 1 began already"),
        (b"region = r\n[b]\n", "line 1 stands before the first `[section]`"),
        (b"[b]\nx = \xff\n", "line 2 is not UTF-8"),
        (b"[b]\nx = 1\n\xc2\xa0[c]\n", "the heading of line 3"),
        (b"\xef\xbb\xbf[b]\n", "a byte-order mark"),
    ] {
        let fixture = UpdateFixture::new();
        fs::write(&fixture.file, text).unwrap();
        fixture.settle();
        let outcome = once(&fixture.tool(), "a");
        assert_eq!((outcome.code, outcome.stdout.len()), (6, 0), "{outcome}");
        let file = fixture.file.display().to_string();
        for words in [words, &file, "the AWS CLI cannot parse it", "hint: "] {
            assert!(outcome.stderr.contains(words), "{words}: {outcome}");
        }
        assert_eq!(
            (fixture.vended(), fs::read(&fixture.file).unwrap()),
            (Vec::new(), text.to_vec())
        );
    }
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
fn refuses_a_file_of_another_user() {
    let fixture = UpdateFixture::with("[b]\nx = 1\n");
    fs::set_permissions(&fixture.file, fs::Permissions::from_mode(0o666)).unwrap();
    if std::os::unix::fs::chown(&fixture.file, Some(65_534), None).is_err() {
        return;
    }
    let outcome = once(&fixture.tool(), "a");
    assert_eq!(outcome.code, 6, "{outcome}");
    assert!(outcome.stderr.contains("belongs to another user (uid 65534)"), "{outcome}");
    assert_eq!((fixture.vended(), fixture.text().as_str()), (Vec::new(), "[b]\nx = 1\n"));
    std::os::unix::fs::chown(fixture.folder.path(), Some(65_534), None).unwrap();
    succeeds(&once(&fixture.tool(), "a"));
}

#[test]
fn a_limit_of_file_sizes_is_an_error_like_any_other() {
    let fixture = UpdateFixture::with("[b]\nx = 1\n");
    let limited = |script: &str, arguments: &[&str]| {
        let script = format!("ulimit -f 0; {script}");
        let sh = fixture.tool().called(Path::new("/bin/sh"));
        sh.run(&[&["-c", &script, env!("CARGO_BIN_EXE_roles-anywhere")], arguments].concat())
    };
    let outcome = limited("exec \"$0\" \"$@\"", &["update", "--once", "--profile", "a"]);
    assert_eq!(outcome.code, 6, "{outcome}");
    assert!(
        outcome.stderr.contains("could not write") && outcome.stderr.contains("File too large")
    );
    assert_eq!((fixture.text().as_str(), fixture.names().len()), ("[b]\nx = 1\n", 1));
    let out = fixture.folder.path().join("out");
    let script = format!("exec \"$0\" \"$@\" > '{}'", out.display());
    let outcome = limited(&script, &["credential-process"]);
    assert_eq!((outcome.code, out.metadata().unwrap().len()), (6, 0), "{outcome}");
    assert!(outcome.stderr.contains("could not write to standard output"), "{outcome}");
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
fn touches_nothing_where_aws_refuses() {
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

#[test]
fn refuses_what_cannot_be_the_name_of_a_profile() {
    let fixture = UpdateFixture::new();
    let slash = format!("{}/", fixture.file.display());
    let outcome = fixture.tool().run(&["update", "--once", "--credentials-file", &slash]);
    assert_eq!(outcome.code, 2, "{outcome}");
    for name in ["a]", "a\nb", " a", "DEFAULT"] {
        let outcome = once(&fixture.tool(), name);
        assert_eq!(outcome.code, 2, "{name:?}: {outcome}");
    }
    assert_eq!((fixture.vended(), fixture.names()), (Vec::new(), Vec::<String>::new()));
}

#[test]
fn says_what_is_wrong_with_the_file() {
    let fixture = UpdateFixture::new();
    let nowhere = fixture.folder.path().join("nowhere");
    std::os::unix::fs::symlink(&nowhere, &fixture.file).unwrap();
    let homeless = nowhere.join(".aws/credentials");
    let (foreign, target) =
        (fixture.folder.path().join("foreign"), fixture.folder.path().join("target"));
    fs::write(&target, "").unwrap();
    std::os::unix::fs::symlink(&target, &foreign).unwrap();
    let mut rows = vec![
        (fixture.folder.path(), "is not a regular file"),
        (fixture.file.as_path(), "is a link that leads nowhere"),
        (homeless.as_path(), "could not make the directory"),
    ];
    // Root alone can give a link away.
    if std::os::unix::fs::lchown(&foreign, Some(65_534), None).is_ok() {
        rows.push((foreign.as_path(), "is a link of another user (uid 65534)"));
    }
    for (file, words) in rows {
        let outcome = once(&fixture.tool().set("AWS_SHARED_CREDENTIALS_FILE", file), "a");
        assert_eq!(outcome.code, 6, "{outcome}");
        assert!(outcome.stderr.contains(words) && outcome.stderr.contains("hint: "), "{outcome}");
    }
}

#[test]
fn writes_no_credentials_to_an_open_descriptor() {
    let fixture = UpdateFixture::new();
    let own = format!("/proc/{}/fd/1", std::process::id());
    let link = fixture.folder.path().join("link");
    std::os::unix::fs::symlink("/dev/stdout", &link).unwrap();
    let places = ["/dev/stdout", "/dev/stderr", "/dev/fd/1", "/dev/fd/77", "/proc/self/fd/1"];
    for place in places.into_iter().chain([own.as_str(), link.to_str().unwrap(), "/dev/null"]) {
        for mode in [&["update", "--once"][..], &["update"]] {
            let arguments = [mode, &["--credentials-file", place]].concat();
            fs::write(&fixture.file, "").unwrap();
            let stdout = fs::File::options().write(true).open(&fixture.file).unwrap();
            let outcome = fixture.tool().run_into(&arguments, stdout.into());
            assert_eq!((outcome.code, fixture.text().as_str()), (6, ""), "{place}: {outcome}");
            let words = "is not a regular file";
            assert!(outcome.stderr.contains(words), "{place}: {outcome}");
        }
    }
    assert_eq!(fixture.vended(), Vec::<String>::new());
}

#[test]
fn calls_a_temporary_key_without_its_token_by_its_name() {
    let fixture = UpdateFixture::with(
        "[a]\naws_access_key_id = ASIAIOSFODNN7EXAMPLE\naws_secret_access_key = s\n",
    );
    let outcome = once(&fixture.tool(), "a");
    assert_eq!((outcome.code, outcome.stdout.len()), (6, 0), "{outcome}");
    let words = "the temporary access key `ASIAIOSFODNN7EXAMPLE` without its session token";
    assert!(outcome.stderr.contains(words) && outcome.stderr.contains("`--force`"), "{outcome}");
    assert!(!outcome.stderr.contains("long-lived"), "{outcome}");
}

#[test]
fn waits_for_another_process() {
    let fixture = UpdateFixture::with("");
    let file = fs::File::create(fixture.temporary()).unwrap();
    file.lock().unwrap();
    let tries = inotify::init(CreateFlags::NONBLOCK).unwrap();
    inotify::add_watch(&tries, fixture.temporary(), WatchFlags::OPEN).unwrap();
    let mut child = fixture.tool().spawn(&["update", "--once", "--profile", "a"]);
    let mut buffer = [MaybeUninit::uninit(); 4_096];
    let mut tries = inotify::Reader::new(&tries, &mut buffer);
    // It comes, finds the file of the other locked, and goes, again and again.
    for _ in 0..3 {
        while tries.next().is_err() {
            assert!(child.try_wait().unwrap().is_none(), "{}", CommandOutput::of(child));
            thread::yield_now();
        }
    }
    assert_eq!(fixture.text(), "");
    drop(file);
    succeeds(&CommandOutput::of(child));
    assert!(read(&fixture.text()).contains_key("a"));
}

#[test]
fn is_not_held_up_by_who_locks_the_file_that_they_may_read() {
    let fixture = UpdateFixture::with("");
    let file = fs::File::open(&fixture.file).unwrap();
    file.lock().unwrap();
    succeeds(&once(&fixture.tool(), "a"));
    assert!(read(&fixture.text()).contains_key("a"));
}

#[test]
fn writes_in_place_and_says_so_where_the_directory_cannot_be_written_to() {
    let fixture = UpdateFixture::with("[b]\nx = 1\n");
    for name in ["leaf/p256.pem", "leaf/p256.key.pem", "anchor/intermediate.pem", "tls-ca.pem"] {
        let text = fs::read(fixture.emulator.directory().join(name)).unwrap();
        let copy = fixture.folder.path().join(name.replace('/', "-"));
        fs::write(&copy, text).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o644)).unwrap();
    }
    let at = |name: &str| fixture.folder.path().join(name);
    let (tool, _reachable) = fixture
        .tool()
        .set("ROLES_ANYWHERE_CERTIFICATE", at("leaf-p256.pem"))
        .set("ROLES_ANYWHERE_PRIVATE_KEY", at("leaf-p256.key.pem"))
        .set("ROLES_ANYWHERE_INTERMEDIATES", at("anchor-intermediate.pem"))
        .set("AWS_CA_BUNDLE", at("tls-ca.pem"))
        .set("SSL_CERT_FILE", at("tls-ca.pem"))
        .reachable();
    fs::set_permissions(&fixture.file, fs::Permissions::from_mode(0o666)).unwrap();
    fs::set_permissions(fixture.folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let inode = fixture.file.metadata().unwrap().ino();
    let outcome = tool.for_nobody().run(&["update", "--once", "--profile", "a"]);
    fs::set_permissions(fixture.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    succeeds(&outcome);
    assert!(outcome.stderr.contains("its directory cannot be written to"), "{outcome}");
    assert!(fixture.text().starts_with("[b]\nx = 1\n\n[a]\n"));
    assert_eq!(fixture.file.metadata().unwrap().ino(), inode);
}

#[test]
fn writes_in_place_where_the_file_is_a_mount_of_its_own() {
    let fixture = UpdateFixture::with("[b]\nx = 1\n");
    let mounted = fixture.folder.path().join("mounted");
    fs::write(&mounted, "").unwrap();
    let program = fixture.folder.path().join("in-a-container");
    let script = format!(
        "#!/bin/sh\nset -e\nmount --bind '{}' '{}'\nexec '{}' \"$@\"\n",
        fixture.file.display(),
        mounted.display(),
        env!("CARGO_BIN_EXE_roles-anywhere"),
    );
    let text = fixture.folder.path().join("script");
    fs::write(&text, script).unwrap();
    fs::set_permissions(&text, fs::Permissions::from_mode(0o755)).unwrap();
    copy_program(&text, &program);
    let may = std::process::Command::new("unshare").args(["--mount", "true"]).output();
    if !may.is_ok_and(|output| output.status.success()) {
        // Not by `println!`, which is shown of tests that fail alone.
        writeln!(std::io::stderr(), "skipped: a file mounted by itself, as no mount can be made")
            .unwrap();
        return;
    }
    let tool =
        fixture.tool().set("AWS_SHARED_CREDENTIALS_FILE", &mounted).set("PATH", "/usr/bin:/bin");
    let tool = tool.called(Path::new("unshare"));
    let program = program.to_str().unwrap();
    let outcome = tool.run(&["--mount", program, "update", "--once", "--profile", "a"]);
    succeeds(&outcome);
    assert!(outcome.stderr.contains("the file is a mount of its own"), "{outcome}");
    assert!(fixture.text().starts_with("[b]\nx = 1\n\n[a]\naws_access_key_id = "));
    let names = fixture.names();
    assert!(!names.iter().any(|name| name.ends_with(".tmp")), "{names:?}");
}

/// Twenty profiles, each with settings and comments of its own.
fn twenty_profiles() -> String {
    let profile = |n: usize| {
        format!(
            "# the {n}th\n[p{n}]\nregion = r{n}\naws_access_key_id = old\n\
             aws_secret_access_key = old\naws_session_token = old\n; end\n\n"
        )
    };
    (0..20).map(profile).collect()
}

/// Six files, or thirty, each with ten pairs one after another.
#[test]
fn pairs_at_once_lose_nothing() {
    let _busy = machine::busy();
    let files = machine::rounds(6, 30);
    let fixture = UpdateFixture::new();
    thread::scope(|scope| {
        for number in 0..files {
            let file = fixture.folder.path().join(number.to_string());
            let tool = fixture.tool().set("AWS_SHARED_CREDENTIALS_FILE", &file);
            scope.spawn(move || {
                // Not all at once: so many starting processes would mostly wait for a core.
                thread::sleep(Duration::from_millis(70 * number as u64));
                ten_pairs(&tool, &file, number);
            });
        }
    });
    let vended = fixture.vended();
    let mut names = fixture.names();
    names.sort_by_key(|name| name.parse::<usize>().unwrap());
    let expected = (0..files).map(|number| number.to_string()).collect();
    assert_eq!((vended.len(), names), (20 * files, expected));
    for number in 0..files {
        let text = fs::read_to_string(fixture.folder.path().join(number.to_string())).unwrap();
        let keys = read(&text);
        let of = |name: &String| vended.contains(&keys[name]["aws_access_key_id"]);
        assert_eq!(keys.keys().filter(|name| of(name)).count(), 20, "{text}");
    }
}

fn ten_pairs(tool: &Program, file: &Path, number: usize) {
    fs::write(file, twenty_profiles()).unwrap();
    settle(file);
    let text = || fs::read_to_string(file).unwrap();
    let wanted = shape(&text());
    let over = AtomicBool::new(false);
    let deadline = Instant::now() + DEADLINE;
    let mut last = read(&text());
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !over.load(Ordering::Relaxed) && Instant::now() < deadline {
                assert_eq!(shape(&text()), wanted);
                reads += 1;
                thread::sleep(Duration::from_millis(5));
            }
            reads
        });
        // If a pair fails, too: the reader would go on until the deadline.
        let end = SetOnDrop(&over);
        for turn in 0..10 {
            assert!(Instant::now() < deadline, "turn {turn}");
            let pair = [turn * 2, (turn * 2 + 1 + number * 2) % 20].map(|n| format!("p{n}"));
            let runs = pair
                .each_ref()
                .map(|name| tool.spawn(&["update", "--once", "--profile", name.as_str()]));
            runs.into_iter().for_each(|run| succeeds(&CommandOutput::of(run)));
            let now = read(&text());
            for (name, settings) in &now {
                let is_new = settings["aws_access_key_id"] != last[name]["aws_access_key_id"];
                assert_eq!(is_new, pair.contains(name), "turn {turn}, {name}");
            }
            last = now;
            if reader.is_finished() {
                break;
            }
        }
        drop(end);
        assert!(reader.join().unwrap() > 100);
    });
}

#[test]
fn a_kill_at_any_moment_leaves_the_old_file_or_the_new() {
    let _busy = machine::busy();
    // Large, so that it takes a while to write.
    let fixture = UpdateFixture::with(&(twenty_profiles() + &"# ballast\n".repeat(10_000)));
    let (wanted, tool) = (shape(&fixture.text()), fixture.tool());
    let temporary = fixture.temporary();
    let stamp =
        || temporary.metadata().ok().map(|left| (left.len(), left.mtime(), left.mtime_nsec()));
    let started = Instant::now();
    let mut run = tool.spawn(&["update", "--once", "--profile", "p0"]);
    while !temporary.exists() {
        thread::sleep(POLL);
    }
    let exchange = started.elapsed();
    // It then watches the file for a second.
    while temporary.exists() {
        thread::sleep(POLL);
    }
    let (whole, writing) = (started.elapsed(), started.elapsed() - exchange);
    assert!(run.wait().unwrap().success());
    let (mut before, mut left, mut written) = (fixture.text(), 0, 0);
    for turn in 0..u32::try_from(machine::rounds(40, 200)).unwrap() {
        let name = format!("p{}", turn % 20);
        fixture.settle();
        let (moment, found) = (whole * (turn * 37 % 100) / 100, stamp());
        let inode = || fixture.file.metadata().unwrap().ino();
        let replaced = inode();
        // Half while it starts and talks to AWS, or as soon as the new file is there; half while it writes.
        let mut run = tool.spawn(&["update", "--once", "--profile", &name]);
        let started = Instant::now();
        let is_time = || match turn % 4 {
            0 => started.elapsed() >= moment,
            2 => inode() != replaced,
            _ => stamp() != found || inode() != replaced,
        };
        while !is_time() && run.try_wait().unwrap().is_none() {
            thread::sleep(POLL);
        }
        if turn % 2 == 1 {
            thread::sleep(writing * (turn * 61 % 100) / 100);
        }
        // What has ended by itself cannot be killed.
        let _ = run.kill();
        run.wait().unwrap();
        left += u32::from(stamp() != found && temporary.exists());

        let after = fixture.text();
        assert_eq!(shape(&after), wanted, "turn {turn}");
        written += u32::from(after != before);
        let (old, new) = (read(&before), read(&after));
        for (profile, settings) in &new {
            let changed = KEYS.iter().filter(|key| settings[**key] != old[profile][**key]).count();
            let may = if *profile == name { [0, 3] } else { [0, 0] };
            assert!(may.contains(&changed), "turn {turn}, {profile}: {changed} keys are new");
        }
        before = after;
        if turn % 20 == 19 {
            succeeds(&once(&tool, &name));
            assert_eq!(fixture.names(), ["credentials"], "turn {turn}");
            before = fixture.text();
        }
    }
    // Else the kills would have come too early or too late to prove anything.
    assert!(
        left > 0 && written > 0,
        "{left} temporary files were left, {written} runs came to write"
    );
}

/// A limit or a quota may end a write in its middle.
#[test]
fn a_file_that_cannot_be_written_in_place_to_its_end_is_as_it_was() {
    let keys = "aws_access_key_id = ASIA1\naws_secret_access_key = s\naws_session_token = t\n";
    let text = format!("[a]\n{keys}[b]\nregion = eu-central-1\n");
    let fixture = UpdateFixture::with(&text);
    fs::hard_link(&fixture.file, fixture.folder.path().join("other")).unwrap();
    fixture.settle();
    let outcome = once(&fixture.tool().with_small_files(), "a");
    assert_eq!(outcome.code, 6, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("File too large"), "{}", outcome.stderr);
    assert_eq!(fixture.text(), text);
}
