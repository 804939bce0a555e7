//! What the command line says: errors with hints, completions, the version.

use std::net::TcpListener;

use crate::program::program;

/// Runs the program, which fails, and returns its exit code and what it says.
fn failure(arguments: &[&str]) -> (Option<i32>, String) {
    let output = program(arguments).output().unwrap();
    assert!(output.stdout.is_empty(), "{arguments:?}");
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

fn run(arguments: &[&str]) -> String {
    let (code, text) = failure(&[&["run", "--tool", "/bin/true"], arguments].concat());
    format!("{}\n{text}", code.unwrap())
}

#[test]
#[cfg(target_os = "linux")] // whose numbers the errors have
fn an_address_that_cannot_be_used_has_a_hint() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap();
    let port = taken.port().to_string();
    assert_eq!(
        run(&["--port", &port, "true"]),
        format!(
            "125
error: cannot listen on {taken}
  caused by: Address already in use (os error 98)
  hint: stop the program that uses the port, or choose another port with `--listen` (0: any free port)
"
        )
    );
    let control = run(&["--control-port", &port, "true"]);
    assert!(control.contains("choose another port with `--control-listen` (0: any"), "{control}");
    assert_eq!(
        run(&["--listen", "192.0.2.1:0", "true"]),
        "125
warning: other machines may reach AWS at 192.0.2.1:0: use keys and secrets for tests only
error: cannot listen on 192.0.2.1:0
  caused by: Cannot assign requested address (os error 99)
  hint: pass an address of this machine to `--listen`; 0.0.0.0 and [::] are all of them
"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_command_that_cannot_be_run_has_a_hint() {
    assert_eq!(
        run(&["--", "no-such-command"]),
        "127
error: cannot run `no-such-command`
  caused by: No such file or directory (os error 2)
  hint: check the name of the command, and PATH
"
    );
    assert_eq!(
        run(&["--", "aws sts get-caller-identity"]),
        "127
error: cannot run `aws sts get-caller-identity`
  caused by: No such file or directory (os error 2)
  hint: pass the command and its arguments as separate words; `sh -c` takes one line
"
    );
    assert_eq!(
        failure(&["run", "--tool", "/no/such/tool", "true"]).1,
        "error: there is no program `/no/such/tool` (from `--tool`)
  hint: correct the path, or leave out `--tool` to use the one in the directory of this program
"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_or_directory_that_cannot_be_used_has_a_hint() {
    let directory = tempfile::tempdir().unwrap();
    let json = directory.path().join("faults.json");
    std::fs::write(&json, "[\n  {\"status\": 503]\n").unwrap();
    let (json, directory) = (json.to_str().unwrap(), directory.path().to_str().unwrap());
    assert_eq!(
        run(&["--faults", json, "true"]),
        format!(
            "125
error: `{json}` is not valid JSON
  caused by: expected `,` or `}}` at line 2 column 17
  hint: correct the file at that line and column
"
        )
    );
    assert_eq!(
        run(&["--secrets", "no-such-file", "true"]),
        "125
error: cannot read `no-such-file`
  caused by: No such file or directory (os error 2)
  hint: check the path; it is relative to the current directory
"
    );
    assert_eq!(
        failure(&["pki", directory]).1,
        format!(
            "error: the directory `{directory}` is not empty
  hint: pass `--force` to write into it, or name another directory
"
        )
    );
    assert_eq!(
        failure(&["serve", "--dir", directory]).1,
        format!(
            "error: the directory `{directory}` has files that are not from `serve`
  hint: name a new or empty directory with `--dir`
"
        )
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_ready_file_that_cannot_be_written_is_told_before_anything_is_printed() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("no/ready");
    let (code, text) = failure(&["serve", "--ready-file", missing.to_str().unwrap()]);
    assert_eq!(code, Some(125));
    assert!(text.starts_with("error: cannot write `"), "{text}");
    let key = directory.path().join("key.pem");
    std::fs::write(&key, "a key").unwrap();
    let key = key.to_str().unwrap();
    assert_eq!(
        failure(&["serve", "--ready-file", key]).1,
        format!(
            "error: the file `{key}` is not from `serve --ready-file`
  hint: name another file with `--ready-file`, or remove this one
"
        )
    );
    assert_eq!(std::fs::read_to_string(key).unwrap(), "a key");
}

#[test]
fn addresses_and_names_are_checked_before_anything_starts() {
    for (arguments, expected) in [
        (["--listen", "8443"], "expected an IP address and a port, e.g. 0.0.0.0:8443"),
        (["--control-listen", "localhost:1"], "expected an IP address and a port"),
        (["--name", "aws.test:8443"], "expected a host name or an IP address, without a port"),
        (["--name", "*.aws.test"], "expected a host name or an IP address"),
    ] {
        let (code, text) = failure(&["serve", arguments[0], arguments[1]]);
        assert_eq!(code, Some(125), "{text}");
        assert!(text.starts_with("error: invalid value ") && text.contains(expected), "{text}");
    }
    let both = failure(&["serve", "--listen", "127.0.0.1:0", "--port", "1"]);
    let expected =
        "error: `--listen` and `--port` cannot be used together\n  hint: remove one of them\n";
    assert_eq!(both, (Some(125), expected.to_owned()));
}

#[test]
fn prints_completions_and_the_version() {
    let output = program(&["version"]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), concat!(env!("CARGO_PKG_VERSION"), "\n"));
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = program(&["completion", shell]).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(script.contains("control-listen") && script.contains("no-rsa8192"), "{script}");
    }
    assert_eq!(failure(&["completion", "tcsh"]).0, Some(125));
}

#[test]
fn help_fits_a_terminal() {
    let overview = program(&["-h"]).output().unwrap();
    let overview = String::from_utf8(overview.stdout).unwrap();
    let commands = overview.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands = commands.take_while(|line| !line.is_empty());
    let mut pages: Vec<_> =
        commands.map(|line| line.split_whitespace().take(1).collect()).collect();
    pages.push(Vec::new());
    pages.retain(|page| *page != ["help"]);
    assert!(pages.len() > 5, "{overview}");
    for page in pages {
        for (flag, width) in [("-h", 80), ("--help", 80), ("--help", 120)] {
            let mut command = program(&page);
            let output = command.arg(flag).env("COLUMNS", width.to_string()).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(text.contains("Usage: "), "{page:?} {flag}: {text}");
            let long: Vec<_> =
                text.lines().filter(|line| line.trim_end().chars().count() > width).collect();
            assert_eq!(long, [""; 0], "{page:?} {flag}");
        }
    }
}
