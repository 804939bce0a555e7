//! Where the own words of a command line end, and what its parser takes them for.

use super::*;
use crate::command::ALL;
use crate::options::arguments::all_typed;
use crate::options::table::program::COMMAND;

fn words(text: &[&str]) -> Vec<String> {
    ["roles-anywhere", "exec"].iter().chain(text).map(|word| (*word).to_owned()).collect()
}

fn exec() -> CommandSpec {
    let specs = ALL.iter().map(|command| *command.spec());
    specs.into_iter().find(|spec| spec.name[0].0 == "exec").unwrap()
}

#[test]
fn own_words_end_before_the_program() {
    let exec = exec();
    for (own, program) in [
        (&[][..], &["sh", "--static"][..]),
        (&["--static"], &["sh", "-c", "x"]),
        (&["--static", "--role", "--"], &["--", "sh"]),
        (&["--role=a", "--role", "b"], &["sh", "--role", "c"]),
        (&["--debug", "-h"], &["-", "--static"]),
        (&["--nested"], &["--"]),
        (&["--role"], &[]),
        (&[], &["", "--static"]),
    ] {
        let words = words(&[own, program].concat());
        let found = own_words(exec.name, exec.option_groups, &words);
        assert_eq!(found, &words[..2 + own.len()], "{words:?}");
    }
    let get = words(&["--role", "a"]);
    assert_eq!(own_words(&[("version", "")], &[], &get), get, "no program");
}

/// The parser takes all that is not ours as the program, in whatever order the words are.
#[test]
fn own_words_are_those_of_the_parser() {
    const WORDS: [&str; 8] = ["--static", "--role", "--role=a", "--", "-", "sh", "", "--help"];
    let exec = exec();
    let lines = WORDS.iter().flat_map(|one| {
        WORDS.iter().flat_map(move |two| WORDS.iter().map(move |three| [*one, *two, *three]))
    });
    let mut parsed = 0;
    for line in lines {
        let words = words(&line);
        let Ok((_, typed)) = parse(&[exec], &words) else { continue };
        parsed += 1;
        let own = own_words(exec.name, exec.option_groups, &words).len();
        let rest = &words[own..];
        let rest = if rest.first().is_some_and(|word| word == "--") { &rest[1..] } else { rest };
        assert!(all_typed(&typed, &COMMAND).eq(rest), "{line:?}");
    }
    assert!(parsed > 200, "{parsed}");
}
