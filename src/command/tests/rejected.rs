//! What is shown of a command line that clap rejects.

use crate::command::{ALL, specs};
use crate::options::clap_error::message;
use crate::options::command_line::parse;
use roles_anywhere_client::text::disclosure::PathExists;

const KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2";

fn rejected(words: &[&str]) -> String {
    let line: Vec<String> =
        [&["roles-anywhere"], words].concat().into_iter().map(str::to_owned).collect();
    let commands = specs(ALL);
    let error = parse(&commands, &line).unwrap_err();
    message(&error, &line, &commands, PathExists(&|_| false))
}

#[test]
fn keeps_the_words_of_clap_for_what_may_be_shown() {
    let text = rejected(&["credential-process", "--certificat", "x"]);
    assert!(text.starts_with("error: unexpected argument '--certificat' found"), "{text}");
    assert!(text.contains("'--certificate'"), "{text}");
    assert!(rejected(&["credentials"]).contains("'credential-process'"));
    assert!(rejected(&["completion", "basch"]).contains("'basch'"));
    assert!(rejected(&["secret", "get"]).contains("NAME|ARN"));
}

#[test]
fn tells_of_a_value_that_belongs_behind_an_equals_sign() {
    let rows: [(&[&str], &str); 5] = [
        (&["serve", "--allow-remote", "imds"], "`--allow-remote=imds`"),
        (&["serve", "--allow-remote", "hunter2"], "`--allow-remote=VALUE`"),
        (&["serve", "--no-imds", "false", "--port", "0"], "`--no-imds=false`"),
        (&["update", "--once", "true"], "`--once=true`"),
        (&["secret", "get", "n", "--no-cache", "true"], "`--no-cache=true`"),
    ];
    for (line, hint) in rows {
        let text = rejected(line);
        let hint = format!("\n  hint: write {hint}, without a blank");
        assert!(text.ends_with(&hint) && !text.contains("hunter2"), "{line:?}: {text}");
    }
    for line in [&["serve", "imds"][..], &["serve", "--port", "0", "imds"]] {
        assert!(!rejected(line).contains("without a blank"));
    }
    let text = rejected(&["update", "--pkcs8-password=hunter2", "horse"]);
    assert_eq!(text.lines().next(), Some("error: unexpected argument, which is not shown"));
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn repeats_no_key_and_no_word_that_may_be_a_password() {
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{KEY}\n-----END PRIVATE KEY-----\n");
    let unknown = format!("--regoin={KEY}");
    let value = format!("--help={KEY}");
    let lines: [&[&str]; 10] = [
        &["--private-key", KEY],
        &[&pem],
        &[KEY],
        &["credential-process", KEY],
        &["credential-process", &pem],
        &["credential-process", &unknown],
        &["credential-process", &value],
        &["completion", KEY],
        &["completion", &pem],
        &["update", "--pkcs8-password", "correct", "horse"],
    ];
    for line in lines {
        let text = rejected(line);
        assert!(text.starts_with("error: "), "{text}");
        assert!(!text.contains(&KEY[..14]) && !text.contains("horse"), "{text}");
    }
    let text = rejected(&["completion", KEY]);
    assert!(text.starts_with("error: `<SHELL>` holds a private key\n  hint: "), "{text}");
}
