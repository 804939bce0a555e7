//! The configuration file, and what one is made of, `~/.aws/config` and the configuration of AWS's agent:
//! `Config::parse`, `import::from_aws_config`, `import::from_agent_config`.
//!
//! Two bytes say where a password is written into the text; no message may show a part of it.

#![no_main]

use std::path::Path;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use roles_anywhere::config::import::{from_agent_config, from_aws_config};
use roles_anywhere::config::{Config, ConfigText, Mistakes};
use roles_anywhere::output::error::Error;
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::text::disclosure::PathExists;
use roles_anywhere_fuzz::{HIDDEN, check_hidden};

fuzz_target!(|data: &[u8]| {
    let [high, low, text @ ..] = data else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    read(text);
    let at = usize::from(u16::from_be_bytes([*high, *low])) % (text.len() + 1);
    let (before, after) = text.split_at(text.floor_char_boundary(at));
    read(&format!("{before}{HIDDEN}{after}"));
    let import = from_aws_config(&format!("{before}{HIDDEN}{after}"));
    import.notes.iter().for_each(|note| check_hidden(note));
    assert!(parse(&import.toml).is_ok(), "{}", import.toml);
    import_agent(text);
    import_agent(&format!("{before}{HIDDEN}{after}"));
});

fn parse(text: &str) -> Result<Config, Mistakes> {
    let environment = &Environment::new([("HOME".to_owned(), "/home/a".to_owned())]);
    let (file, paths) = (&Arc::from(Path::new("/etc/c.toml")), PathExists(&|_| false));
    Config::parse(&ConfigText { file, text, environment, paths })
}

/// Imports the configuration of AWS's agent, and checks what is made of it.
fn import_agent(text: &str) {
    match from_agent_config(&Arc::from(Path::new("/etc/agent.toml")), text) {
        Ok(import) => {
            let roles = import.roles.iter().enumerate();
            let roles: String = roles.map(|(at, _)| format!("[role.r{at}]\n")).collect();
            let toml = format!("{roles}{}", import.toml);
            assert!(parse(&toml).is_ok(), "{toml}");
        }
        Err(mistakes) => report(mistakes),
    }
}

/// Reads a file, and checks all that is shown of it.
fn read(text: &str) {
    match parse(text) {
        Ok(config) => {
            check_hidden(&format!("{config:?} {:?}", config.identities().collect::<Vec<_>>()));
            if let Some(secrets) = config.secrets() {
                check_hidden(&format!("{secrets:?} {:?}", secrets.tokens()));
                if let Err(mistakes) = config.check_secrets_paths() {
                    report(mistakes);
                }
            }
            for role in config.roles() {
                check_hidden(&format!("{role:?} {:?} {:?}", role.hops(), role.fallbacks()));
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
    check_hidden(&format!("{mistakes:?}"));
    let error = Error::from(mistakes).unabridged();
    check_hidden(&format!("{error:?}"));
    error.reasons().iter().for_each(|line| check_hidden(line));
    let printed = error.to_string();
    assert!(!printed.contains(|c: char| c != '\n' && c.is_control()), "{printed}");
    check_hidden(&printed);
}
