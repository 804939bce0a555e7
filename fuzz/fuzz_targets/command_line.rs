//! The command line and the environment: words and `NAME=value` pairs, each ended by a NUL.
//!
//! They stand for the lines of `~/.aws/config` that have the tool started.

#![no_main]

use std::any::Any;

use libfuzzer_sys::fuzz_target;
use roles_anywhere::command::credential_process::CredentialProcess;
use roles_anywhere::command::{ALL, CommandLineError, PlanInputs, plan};
use roles_anywhere::options::arguments::all_typed;
use roles_anywhere::options::command_line::{own_words, parse};
use roles_anywhere::options::table::program::COMMAND;
use roles_anywhere_client::ports::Environment;
use roles_anywhere_fuzz::check_error;

fuzz_target!(|text: &str| {
    let is_variable = |word: &&str| {
        let name = word.split_once('=').map(|(name, _)| name);
        name.is_some_and(|name| !name.is_empty() && !name.starts_with('-'))
    };
    let (variables, words): (Vec<&str>, Vec<&str>) = text.split('\0').partition(is_variable);
    let words: Vec<String> = ["roles-anywhere"].iter().chain(&words).map(|word| (*word).to_owned()).collect();
    check_own_words(&words);
    let pairs = variables.iter().filter_map(|pair| pair.split_once('='));
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    match plan(ALL, &words, &PlanInputs::of(&Environment::new(pairs))) {
        Ok(plan) => {
            let plan: Box<dyn Any> = plan;
            if let Ok(plan) = plan.downcast::<CredentialProcess>() {
                let session = &plan.session.provider.session;
                assert_eq!(session.role.partition(), session.trust_anchor.partition());
                assert!(!session.to_http().body.is_empty());
            }
        }
        Err(CommandLineError::Usage(error)) => check_error(error),
        Err(_) => {}
    }
});

/// What is not ours is the program to clap's parser too.
fn check_own_words(words: &[String]) {
    let specs: Vec<_> = ALL.iter().map(|command| *command.spec()).collect();
    let Ok((index, typed)) = parse(&specs, words) else { return };
    let spec = &specs[index];
    if !spec.options().any(|option| std::ptr::eq(option, &COMMAND)) {
        return;
    }
    let rest = &words[own_words(spec.name, spec.option_groups, words).len()..];
    let rest = if rest.first().is_some_and(|word| word == "--") { &rest[1..] } else { rest };
    assert!(all_typed(&typed, &COMMAND).eq(rest), "{words:?}");
}
