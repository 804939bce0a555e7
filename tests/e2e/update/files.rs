//! Credentials files that are refused, or written in place.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use super::{UpdateFixture, once, succeeds};
use crate::environment::copy_program;

/// Checks that a file that the AWS CLI cannot parse is refused, and left as it is.
#[track_caller]
fn refuses_to_parse(text: &[u8], words: &str) {
    let fixture = UpdateFixture::new();
    fs::write(&fixture.file, text).unwrap();
    fixture.settle();
    let outcome = once(&fixture.tool(), "a");
    assert_eq!((outcome.code, outcome.stdout.len()), (6, 0), "{outcome}");
    let file = fixture.file.display().to_string();
    for words in [words, &file, "the AWS CLI cannot parse the file", "hint: "] {
        assert!(outcome.stderr.contains(words), "{words}: {outcome}");
    }
    assert_eq!((fixture.vended(), fs::read(&fixture.file).unwrap()), (Vec::new(), text.to_vec()));
}

#[test]
fn refuses_a_section_that_is_there_twice() {
    refuses_to_parse(
        b"[b]\n[c]\nx = 1\n[b]\n",
        "line 4 begins a section that already exists in line 1",
    );
}

#[test]
fn refuses_a_setting_outside_of_a_section() {
    refuses_to_parse(b"region = r\n[b]\n", "line 1 is before the first `[section]`");
}

#[test]
fn refuses_what_is_not_utf_8() {
    refuses_to_parse(b"[b]\nx = \xff\n", "line 2 is not UTF-8");
}

#[test]
fn refuses_a_heading_behind_a_foreign_blank() {
    refuses_to_parse(b"[b]\nx = 1\n\xc2\xa0[c]\n", "the heading in line 3");
}

#[test]
fn refuses_a_byte_order_mark() {
    refuses_to_parse(b"\xef\xbb\xbf[b]\n", "a byte-order mark");
}

#[test]
fn refuses_a_file_of_another_user() {
    let fixture = UpdateFixture::with("[b]\nx = 1\n");
    fs::set_permissions(&fixture.file, Permissions::from_mode(0o666)).unwrap();
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
fn names_a_limit_of_file_sizes() {
    let fixture = UpdateFixture::with("[b]\nx = 1\n");
    let limited = |script: &str, arguments: &[&str]| {
        let script = format!("ulimit -f 0; {script}");
        let sh = fixture.tool().called(Path::new("/bin/sh"));
        sh.run(&[&["-c", &script, env!("CARGO_BIN_EXE_roles-anywhere")], arguments].concat())
    };
    let outcome = limited("exec \"$0\" \"$@\"", &["update", "--once", "--profile", "a"]);
    assert_eq!(outcome.code, 6, "{outcome}");
    assert!(outcome.stderr.contains("cannot write") && outcome.stderr.contains("File too large"));
    assert_eq!((fixture.text().as_str(), fixture.names().len()), ("[b]\nx = 1\n", 1));
    let out = fixture.folder.path().join("out");
    let script = format!("exec \"$0\" \"$@\" > '{}'", out.display());
    let outcome = limited(&script, &["credential-process"]);
    assert_eq!((outcome.code, out.metadata().unwrap().len()), (6, 0), "{outcome}");
    assert!(outcome.stderr.contains("cannot write to standard output"), "{outcome}");
}

#[track_caller]
fn refuses_file(fixture: &UpdateFixture, file: &Path, words: &str) {
    let outcome = once(&fixture.tool().set("AWS_SHARED_CREDENTIALS_FILE", file), "a");
    assert_eq!(outcome.code, 6, "{outcome}");
    assert!(outcome.stderr.contains(words) && outcome.stderr.contains("hint: "), "{outcome}");
}

#[test]
fn refuses_a_directory_in_place_of_the_file() {
    let fixture = UpdateFixture::new();
    refuses_file(&fixture, fixture.folder.path(), "is not a regular file");
}

/// Returns an environment whose credentials file is a link to nothing.
fn dangling() -> (UpdateFixture, PathBuf) {
    let fixture = UpdateFixture::new();
    let nowhere = fixture.folder.path().join("nowhere");
    symlink(&nowhere, &fixture.file).unwrap();
    (fixture, nowhere)
}

#[test]
fn refuses_a_link_to_nothing() {
    let (fixture, _) = dangling();
    refuses_file(&fixture, &fixture.file, "is a dangling symbolic link");
}

#[test]
fn refuses_a_file_in_a_directory_that_cannot_be_made() {
    let (fixture, nowhere) = dangling();
    let homeless = nowhere.join(".aws/credentials");
    refuses_file(&fixture, &homeless, "cannot create the directory");
}

/// Only root can give a link away.
#[test]
fn refuses_the_link_of_another_user() {
    let fixture = UpdateFixture::new();
    let at = |name: &str| fixture.folder.path().join(name);
    fs::write(at("target"), "").unwrap();
    symlink(at("target"), at("foreign")).unwrap();
    if std::os::unix::fs::lchown(at("foreign"), Some(65_534), None).is_ok() {
        refuses_file(&fixture, &at("foreign"), "is a symbolic link of another user (uid 65534)");
    }
}

#[test]
fn writes_no_credentials_to_an_open_descriptor() {
    let fixture = UpdateFixture::new();
    let own = format!("/proc/{}/fd/1", std::process::id());
    let link = fixture.folder.path().join("link");
    symlink("/dev/stdout", &link).unwrap();
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
fn writes_in_place_if_the_directory_is_read_only() {
    let fixture = UpdateFixture::with("[b]\nx = 1\n");
    for name in ["leaf/p256.pem", "leaf/p256.key.pem", "anchor/intermediate.pem", "tls-ca.pem"] {
        let text = fs::read(fixture.emulator.directory().join(name)).unwrap();
        let copy = fixture.folder.path().join(name.replace('/', "-"));
        fs::write(&copy, text).unwrap();
        fs::set_permissions(&copy, Permissions::from_mode(0o644)).unwrap();
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
    fs::set_permissions(&fixture.file, Permissions::from_mode(0o666)).unwrap();
    fs::set_permissions(fixture.folder.path(), Permissions::from_mode(0o555)).unwrap();
    let inode = fixture.file.metadata().unwrap().ino();
    let outcome = tool.for_nobody().run(&["update", "--once", "--profile", "a"]);
    fs::set_permissions(fixture.folder.path(), Permissions::from_mode(0o755)).unwrap();
    succeeds(&outcome);
    assert!(outcome.stderr.contains("its directory cannot be written to"), "{outcome}");
    assert!(fixture.text().starts_with("[b]\nx = 1\n\n[a]\n"));
    assert_eq!(fixture.file.metadata().unwrap().ino(), inode);
}

#[test]
fn writes_in_place_if_the_file_is_a_mount() {
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
    fs::set_permissions(&text, Permissions::from_mode(0o755)).unwrap();
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
    assert!(outcome.stderr.contains("the file is a mount point"), "{outcome}");
    assert!(fixture.text().starts_with("[b]\nx = 1\n\n[a]\naws_access_key_id = "));
    let names = fixture.names();
    assert!(!names.iter().any(|name| name.ends_with(".tmp")), "{names:?}");
}

/// A limit or a quota may end a write in its middle.
#[test]
fn restores_a_file_that_cannot_be_written_to_its_end() {
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
