//! What is shown of a command line that clap rejects.

use crate::command::{ALL, specs};
use crate::options::clap_error::argument_error;
use crate::options::command_line::parse;
use crate::output::error::Error;
use crate::output::usage::UsageError;
use roles_anywhere_client::text::disclosure::PathExists;

const KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2";

fn rejected(words: &[&str]) -> String {
    let line: Vec<String> =
        [&["roles-anywhere"], words].concat().into_iter().map(str::to_owned).collect();
    let commands = specs(ALL);
    let error = parse(&commands, &line).unwrap_err();
    let error = argument_error(&error, &line, &commands, PathExists(&|_| false));
    Error::from(UsageError::Argument(error)).to_string()
}

#[test]
fn each_rejected_argument_has_its_text() {
    let rows: &[(&[&str], &str)] = &[
        (
            &["credential-process", "--certificat", "x"],
            "error: unexpected argument `--certificat`\n  hint: did you mean `--certificate`?",
        ),
        (
            &["credential-process", "--out=a"],
            "error: unexpected argument `--out`\n  hint: remove it: `--out` is an option of `secret get`",
        ),
        (
            &["--debug", "serve"],
            "error: unexpected argument `--debug`\n  hint: pass `--debug` after the command",
        ),
        (
            &["cache", "clear", "--frobnicate"],
            "error: unexpected argument `--frobnicate`\n  hint: the options of this command are `--cache-dir`, `--error-format`, `--help`",
        ),
        (
            &["--frobnicate"],
            "error: unexpected argument `--frobnicate`\n  hint: pass one of these commands first: `credential-process`, `exec`, `export`, `serve`, `update`, `secret get`, `secret list`, `secret describe`, `secret rotate`, `parameter get`, `parameter list`, `render`, `resolve`, `watch`, `mask`, `read-certificate-data`, `sign-string`, `cache show`, `cache clear`, `roles`, `config check`, `config show`, `config schema`, `config import`, `completion`, `version`",
        ),
        (
            &["serve", "-q"],
            "error: unexpected argument `-q`\n  hint: write the name of the option in full; options of one letter are `-v`, `-h`",
        ),
        (&["serve", "--help=1"], "error: `--help` takes no value\n  hint: write `--help` only"),
        (
            &["serve", "x"],
            "error: unexpected argument (not shown, as it may be a secret)\n  hint: if a value contains spaces, put it in quotes",
        ),
        (
            &["credentials"],
            "error: unknown command `credentials`\n  hint: did you mean `credential-process`?",
        ),
        (
            &["zzz"],
            "error: unknown command `zzz`\n  hint: use one of `credential-process`, `exec`, `export`, `serve`, `update`, `secret get`, `secret list`, `secret describe`, `secret rotate`, `parameter get`, `parameter list`, `render`, `resolve`, `watch`, `mask`, `read-certificate-data`, `sign-string`, `cache show`, `cache clear`, `roles`, `config check`, `config show`, `config schema`, `config import`, `completion`, `version`",
        ),
        (
            &["completion", "basch"],
            "error: invalid value `basch` for `SHELL`: expected `bash`, `elvish`, `fish`, `powershell` or `zsh`",
        ),
        (
            &["serve", "--region"],
            "error: `--region` has no value\n  hint: pass a value: `--region VALUE`",
        ),
        (
            &["serve", "--port", "1", "--port"],
            "error: `--port` has no value\n  hint: pass a value: `--port VALUE`",
        ),
    ];
    for (line, text) in rows {
        assert_eq!(rejected(line), *text, "{line:?}");
    }
}

#[test]
fn a_mistyped_command_is_suggested_by_its_whole_name() {
    let rows: [(&[&str], &str); 4] = [
        (&["rotate"], "secret rotate"),
        (&["secret", "rotat"], "secret rotate"),
        (&["cache", "shwo"], "cache show"),
        (&["secrt", "get"], "secret"),
    ];
    for (line, name) in rows {
        let text = rejected(line);
        assert!(text.ends_with(&format!("\n  hint: did you mean `{name}`?")), "{line:?}: {text}");
    }
}

#[test]
fn tells_of_a_value_that_belongs_behind_an_equals_sign() {
    let rows: [(&[&str], &str); 5] = [
        (&["serve", "--allow-remote", "imds"], "`--allow-remote=imds`"),
        (&["serve", "--allow-remote", "hunter2"], "`--allow-remote=VALUE`"),
        (&["serve", "--no-imds", "false", "--port", "0"], "`--no-imds=false`"),
        (&["update", "--once", "true"], "`--once=true`"),
        (&["secret", "list", "--no-cache", "true"], "`--no-cache=true`"),
    ];
    for (line, hint) in rows {
        let text = rejected(line);
        let hint = format!("\n  hint: write {hint}, without a space");
        assert!(text.ends_with(&hint) && !text.contains("hunter2"), "{line:?}: {text}");
    }
    for line in [&["serve", "imds"][..], &["serve", "--port", "0", "imds"]] {
        assert!(!rejected(line).contains("without a space"));
    }
    let text = rejected(&["update", "--pkcs8-password=hunter2", "horse"]);
    assert_eq!(
        text.lines().next(),
        Some("error: unexpected argument (not shown, as it may be a secret)")
    );
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
    assert!(
        text.starts_with("error: invalid value for `SHELL`: it is a private key\n  hint: "),
        "{text}"
    );
}

#[test]
fn the_list_of_options_is_printed_whole() {
    for command in [&["credential-process"][..], &["serve"], &["update"], &["secret", "get"]] {
        let text = rejected(&[command, &["--frobnicate"]].concat());
        assert!(text.ends_with("`, `--help`"), "{command:?}: {text}");
    }
}
