//! The configuration file, and `~/.aws/config`, of which one is made: `Config::parse`,
//! `import::from_aws_config`.
//!
//! Two bytes say where a password is written into the text; no message may show a part of it.

#![no_main]

use std::path::Path;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use roles_anywhere::config::import::from_aws_config;
use roles_anywhere::config::{Config, ConfigText, Mistakes};
use roles_anywhere::output::error::Error;
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::text::disclosure::PathExists;

const SECRET: &str = "9x!Tr0ub4dor&3-c0rrect-H0rse-b4ttery-St4ple";
/// A part of it that is as long is not in a message by chance.
const PART: usize = 7;

fuzz_target!(|data: &[u8]| {
    let [high, low, text @ ..] = data else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    read(text);
    let at = usize::from(u16::from_be_bytes([*high, *low])) % (text.len() + 1);
    let (before, after) = text.split_at(text.floor_char_boundary(at));
    read(&format!("{before}{SECRET}{after}"));
    let import = from_aws_config(&format!("{before}{SECRET}{after}"));
    import.notes.iter().for_each(|note| check(note));
    assert!(parse(&import.toml).is_ok(), "{}", import.toml);
});

fn parse(text: &str) -> Result<Config, Mistakes> {
    let environment = &Environment::new([("HOME".to_owned(), "/home/a".to_owned())]);
    let (file, paths) = (&Arc::from(Path::new("/etc/c.toml")), PathExists(&|_| false));
    Config::parse(&ConfigText { file, text, environment, paths })
}

/// Reads a file, and checks all that is shown of it.
fn read(text: &str) {
    match parse(text) {
        Ok(config) => {
            check(&format!("{config:?} {:?}", config.identities().collect::<Vec<_>>()));
            for role in config.roles() {
                check(&format!("{role:?} {:?} {:?}", role.hops(), role.fallbacks()));
                if let Err(mistakes) = config.layers(role) {
                    report(mistakes);
                }
            }
        }
        Err(mistakes) => report(mistakes),
    }
}

fn report(mistakes: Mistakes) {
    let last = mistakes.all().last().expect("there is a mistake");
    assert!(last.line >= 1 && last.column >= 1);
    check(&format!("{mistakes:?}"));
    let error = Error::from(mistakes).unabridged();
    check(&format!("{error:?}"));
    error.reasons().iter().for_each(|line| check(line));
    let printed = error.to_string();
    assert!(!printed.contains(|c: char| c != '\n' && c.is_control()), "{printed}");
    check(&printed);
}

fn check(shown: &str) {
    for at in 0..=SECRET.len() - PART {
        let part = &SECRET[at..at + PART];
        assert!(!shown.contains(part), "{part} is in: {shown}");
    }
}
