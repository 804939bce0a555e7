//! The manual pages: which there are, and that they can be read.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

#[path = "../../examples/man_pages/page.rs"]
mod page;

fn pages() -> BTreeMap<String, String> {
    let pages = page::all().unwrap().into_iter();
    pages.map(|(name, text)| (name, String::from_utf8(text).unwrap())).collect()
}

#[test]
fn each_command_has_a_page() {
    let names: Vec<String> = pages().into_keys().collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "roles-anywhere-cache-clear.1",
            "roles-anywhere-cache-show.1",
            "roles-anywhere-cache.1",
            "roles-anywhere-completion.1",
            "roles-anywhere-config-check.1",
            "roles-anywhere-config-import.1",
            "roles-anywhere-config-schema.1",
            "roles-anywhere-config-show.1",
            "roles-anywhere-config.1",
            "roles-anywhere-credential-process.1",
            "roles-anywhere-exec.1",
            "roles-anywhere-export.1",
            "roles-anywhere-mask.1",
            "roles-anywhere-parameter-get.1",
            "roles-anywhere-parameter-list.1",
            "roles-anywhere-parameter.1",
            "roles-anywhere-read-certificate-data.1",
            "roles-anywhere-render.1",
            "roles-anywhere-resolve.1",
            "roles-anywhere-roles.1",
            "roles-anywhere-secret-describe.1",
            "roles-anywhere-secret-get.1",
            "roles-anywhere-secret-list.1",
            "roles-anywhere-secret-rotate.1",
            "roles-anywhere-secret.1",
            "roles-anywhere-serve.1",
            "roles-anywhere-sign-string.1",
            "roles-anywhere-update.1",
            "roles-anywhere-version.1",
            "roles-anywhere-watch.1",
            "roles-anywhere.1",
        ]
    );
}

#[test]
fn a_page_has_the_sections_of_the_help() {
    let pages = pages();
    let sections = |name: &str| -> Vec<String> {
        let lines = pages[name].lines().filter_map(|line| line.strip_prefix(".SH "));
        lines.map(|heading| heading.trim_matches('"').to_owned()).collect()
    };
    assert_eq!(
        sections("roles-anywhere-serve.1"),
        [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "SERVER",
            "SECRET",
            "PARAMETER",
            "CONFIGURATION",
            "IDENTITY",
            "SESSION",
            "NETWORK",
            "DAEMON",
            "OUTPUT",
            "EXAMPLES",
            "SEE ALSO",
        ]
    );
    assert_eq!(
        sections("roles-anywhere.1"),
        [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "OPTIONS",
            "SUBCOMMANDS",
            "ENVIRONMENT",
            "EXIT STATUS",
            "SEE ALSO",
        ]
    );
    for text in pages.values() {
        assert!(!text.contains(['\u{1b}', '\u{a0}']), "{text}");
    }
}

/// By groff, if it is there; the sections above hold without it. A line takes an ARN.
#[test]
fn groff_renders_the_pages_without_a_warning() {
    for (name, text) in pages() {
        let started = Command::new("groff")
            .args(["-ww", "-z", "-man", "-Tutf8", "-rLL=130n"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut child) = started else { return };
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{name}");
        assert!(output.status.success(), "{name}");
    }
}
