//! The words of `--help` and of clap's own refusals.

use crate::environment::{Program, emulator, steady};

#[test]
fn help_and_usage() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    let rows: [(&str, &[&str]); 11] = [
        ("help", &["--help"]),
        ("help_credential_process", &["credential-process", "--help"]),
        ("help_secret_get", &["secret", "get", "--help"]),
        ("help_update", &["update", "--help"]),
        ("help_serve", &["serve", "--help"]),
        ("help_cache", &["cache", "--help"]),
        ("usage_unknown_command", &["credentials"]),
        ("usage_unknown_flag", &["credential-process", "--certificat", "x"]),
        ("usage_stray_argument", &["credential-process", "x"]),
        ("usage_value_missing", &["credential-process", "--region"]),
        ("usage_no_secret", &["secret", "get"]),
    ];
    steady(|| {
        for (name, arguments) in rows {
            insta::assert_snapshot!(name, tool.run(arguments).plain());
        }
    });
}
