//! What the help says, against what the commands do.

use std::collections::BTreeSet;

use super::{base, line};
use crate::command::{ALL, PlanInputs, plan, specs};
use crate::options::arguments;
use crate::options::command_line::{CommandSpec, parse, program};
use crate::options::help::{HelpLayout, HelpLength, HelpPage, describe, pages, requested, text};
use crate::options::table::{Help, OptionSpec, Syntax, identity, session};
use crate::output::Stdout;
use roles_anywhere_client::arn::{
    ArnError, ParameterArn, ProfileArn, RoleArn, SecretArn, TrustAnchorArn,
};
use roles_anywhere_client::ports::Environment;

const LAYOUT: HelpLayout = HelpLayout { width: 80, coloured: false };

fn page_text(page: HelpPage) -> String {
    text(&specs(ALL), "roles-anywhere", page, LAYOUT)
}

#[test]
fn each_page_is_found_by_the_words_that_request_it() {
    let specs = specs(ALL);
    let requested = |words: &[&str]| {
        assert!(parse(&specs, &line(words)).is_err());
        requested(&specs, &line(words))
    };
    let mut count = 0;
    for page in pages(&specs) {
        count += 1;
        let words = page.words();
        assert_eq!(requested(&words), page);
        if page.length == HelpLength::Long {
            assert_eq!(requested(&[&["help"], &words[..words.len() - 1]].concat()), page);
        }
    }
    assert_eq!(count, 2 * (1 + 26 + 4), "the first page, the commands and the groups");
    assert_eq!(requested(&["serve", "--no-imds=true", "-vh"]), requested(&["serve", "-h"]));
    assert_eq!(requested(&["help", "help"]), requested(&["--help"]));
    assert_eq!(requested(&["secret"]), requested(&["secret", "-h"]));
}

#[test]
fn people_are_told_of_the_options_that_the_parser_takes() {
    let of = |command: &CommandSpec| {
        let shown = command.options().filter(|row| row.help != Help::Hidden).map(|row| row.id());
        shown.chain(["help"]).collect::<BTreeSet<_>>()
    };
    let mut root = describe(&specs(ALL), "roles-anywhere");
    root.build();
    for spec in specs(ALL) {
        let command = spec.name.iter().fold(&root, |command, (word, _)| {
            command.find_subcommand(word).expect("each command is described")
        });
        let described = command.get_arguments().map(|arg| arg.get_id().as_str());
        assert_eq!(described.collect::<BTreeSet<_>>(), of(&spec), "{:?}", spec.name);
    }
}

/// The parser's description of all commands has no texts: only those that are printed cost anything.
#[test]
fn the_parser_is_told_of_no_texts() {
    for spec in specs(ALL) {
        let command = arguments::describe(clap::Command::new("test"), spec.option_groups);
        assert!(command.get_arguments().all(|arg| arg.get_help().is_none()));
    }
}

#[test]
fn a_short_page_has_one_line_for_each_option() {
    for page in pages(&specs(ALL)).filter(|page| page.length == HelpLength::Short) {
        let text = page_text(page);
        let lines = text.split("\nExamples:").next().unwrap().lines().skip(1);
        let lines: Vec<&str> = lines.take_while(|line| !line.starts_with("Doc")).collect();
        let options = lines.iter().filter(|line| line.starts_with(' '));
        for option in options {
            let starts =
                ["  -", "      --", "  <", "  ["].iter().any(|start| option.starts_with(start));
            let words = option.trim_start().split("  ").filter(|part| !part.is_empty()).count();
            let is_command = option[2..].starts_with(|c: char| c.is_ascii_lowercase());
            assert!((starts || is_command) && words == 2, "{option}");
        }
    }
}

/// Returns the plan of a command with these settings of its options, or the message of its error.
fn planned(
    spec: &CommandSpec,
    given: &[(&'static OptionSpec, &str)],
    variables: &[(&str, &str)],
) -> Result<(), String> {
    let mut words: Vec<String> = spec.name.iter().map(|(word, _)| (*word).to_owned()).collect();
    for (row, value) in given {
        words.push(match row.syntax {
            Syntax::Positional { .. } => (*value).to_owned(),
            _ => format!("{}={value}", row.name),
        });
    }
    // What else `render` needs depends on its options.
    if spec.name[0].0 == "render" {
        let is_format = given.iter().any(|(row, _)| row.name == "--format");
        words.push(if is_format { "--env=A=b" } else { "a.tmpl" }.to_owned());
    }
    if spec.name.last().is_some_and(|(word, _)| *word == "rotate") {
        words.extend(rotated(given).iter().map(|word| (*word).to_owned()));
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let environment = Environment::new(variables.iter().map(owned));
    match plan(ALL, &line(&words), &PlanInputs::of(&environment)) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// Returns what else `secret rotate` needs with these settings.
fn rotated(given: &[(&'static OptionSpec, &str)]) -> &'static [&'static str] {
    let value = |name| given.iter().find(|(row, _)| row.name == name).map(|(_, value)| *value);
    match (value("--strategy"), value("--iam-with")) {
        (Some("iam-access-key"), _) => &["--iam-with=role"],
        (Some("random-password"), _) => &["--only-store"],
        (Some(_), _) => &["--set=a", "--test=a"],
        (None, Some(_)) => &["--strategy=iam-access-key"],
        (None, None) => &["--strategy=random-password", "--only-store"],
    }
}

/// Returns a value that an option takes.
fn value_of(row: &OptionSpec) -> &'static str {
    match row.name {
        "--trust-anchor-arn" => super::ANCHOR,
        "--profile-arn" => super::PROFILE,
        "--role-arn" => super::ROLE,
        "SHELL" => "bash",
        "--path" => "/prod/",
        "REF" | "--secret" => "sm://prod/db",
        _ => "name",
    }
}

#[test]
fn a_command_runs_with_what_is_required_and_not_without() {
    let home = [("HOME", "/home/user")];
    for spec in specs(ALL) {
        let given = |but: Option<&OptionSpec>| {
            let rows = spec.required.iter().copied().filter(|row| but != Some(row));
            rows.map(|row| (row, value_of(row))).collect::<Vec<_>>()
        };
        assert_eq!(planned(&spec, &given(None), &home), Ok(()), "{:?}", spec.name);
        for row in spec.required {
            let error = planned(&spec, &given(Some(row)), &home).unwrap_err();
            assert!(error.contains(row.name), "{row}: {error}");
        }
    }
}

#[test]
fn each_choice_is_taken_and_another_is_not() {
    let mut count = 0;
    for spec in specs(ALL) {
        for row in spec.options().filter(|row| !row.choices.is_empty()) {
            count += 1;
            let planned = |value| {
                let required = spec.required.iter().filter(|required| **required != row);
                let required = required.map(|row| (*row, value_of(row)));
                let given: Vec<_> = required.chain([(row, value)]).collect();
                planned(
                    &spec,
                    &given,
                    &[
                        ("HOME", "/home/user"),
                        ("XDG_RUNTIME_DIR", "/run"),
                        ("GITHUB_ENV", "/run/env"),
                    ],
                )
            };
            for (value, _) in row.choices {
                match planned(value) {
                    // Only with another option, which is not among those that are required.
                    Err(error) if error.starts_with(&format!("`{row}` needs `--")) => {
                        assert_eq!(row.name, "--log-format", "{error}");
                    }
                    planned => assert_eq!(planned, Ok(()), "{row} {value}"),
                }
            }
            assert!(planned("nonsense").is_err(), "{row}");
        }
    }
    assert_eq!(count, 51, "options with choices");
}

#[test]
fn arns_in_the_help_are_valid() {
    let valid = |arn: &str| -> Result<(), ArnError> {
        match arn {
            arn if arn.contains(":trust-anchor/") => arn.parse::<TrustAnchorArn>().map(drop),
            arn if arn.contains(":profile/") => arn.parse::<ProfileArn>().map(drop),
            arn if arn.contains(":secret:") => arn.parse::<SecretArn>().map(drop),
            arn if arn.contains(":parameter/") => arn.parse::<ParameterArn>().map(drop),
            arn => arn.parse::<RoleArn>().map(drop),
        }
    };
    let mut kinds = BTreeSet::new();
    for page in pages(&specs(ALL)) {
        for arn in page_text(page).split_whitespace().filter(|word| word.starts_with("arn:")) {
            assert_eq!(valid(arn), Ok(()), "{arn}");
            kinds.insert(arn.rsplit(':').next().unwrap().split('/').next().unwrap().to_owned());
        }
    }
    assert!(["trust-anchor", "profile", "role"].iter().all(|kind| kinds.contains(*kind)));
    // An option that takes one shows one.
    for row in [&session::TRUST_ANCHOR_ARN, &session::PROFILE_ARN, &session::ROLE_ARN] {
        assert!(matches!(row.help, Help::Shown { details, .. } if details.contains("arn:aws:")));
    }
}

#[test]
fn a_page_names_variables_and_shows_no_values() {
    let variables = [("ROLES_ANYWHERE_PKCS8_PASSWORD", "hunter2")];
    let environment: Vec<_> = base().into_iter().chain(variables).collect();
    let owned = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let layout = HelpLayout::new(&Environment::new(owned), Stdout::Stream, None);
    let serve = pages(&specs(ALL)).find(|page| page.words() == ["serve", "--help"]).unwrap();
    let text = text(&specs(ALL), "roles-anywhere", serve, layout);
    for row in identity::KEY_ACCESS {
        assert!(text.contains(&format!("[env: {}]", row.own_variable().unwrap())), "{row}");
    }
    assert!(!text.contains("hunter2") && !text.contains("cert.pem"));
}

#[test]
fn the_layout_is_that_of_the_terminal() {
    let layout = |variables: &[(&str, &str)], stdout, width| {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let layout = HelpLayout::new(&Environment::new(variables.iter().map(owned)), stdout, width);
        (layout.width, layout.coloured)
    };
    let xterm = ("TERM", "xterm");
    let rows: [(&[(&str, &str)], _, _, _); 9] = [
        (&[], Stdout::Stream, None, (100, false)),
        (&[xterm], Stdout::Stream, Some(80), (80, false)),
        (&[xterm], Stdout::Terminal, Some(80), (80, true)),
        (&[xterm, ("NO_COLOR", "1")], Stdout::Terminal, Some(80), (80, false)),
        (&[("TERM", "dumb")], Stdout::Terminal, Some(80), (80, false)),
        (&[], Stdout::Terminal, Some(300), (120, false)),
        (&[("COLUMNS", "90")], Stdout::Stream, Some(80), (90, false)),
        (&[("COLUMNS", "wide")], Stdout::Stream, Some(10), (40, false)),
        (&[("COLUMNS", "0")], Stdout::Stream, None, (100, false)),
    ];
    for (variables, stdout, width, expected) in rows {
        assert_eq!(layout(variables, stdout, width), expected, "{variables:?}");
    }
}

#[test]
fn colours_change_no_text() {
    for page in pages(&specs(ALL)) {
        let coloured = HelpLayout { coloured: true, ..LAYOUT };
        let coloured = text(&specs(ALL), "roles-anywhere", page, coloured);
        assert!(coloured.contains("\u{1b}[1m\u{1b}[32mUsage:\u{1b}[0m"), "{coloured:?}");
        let mut plain = String::new();
        for part in coloured.split('\u{1b}') {
            plain.push_str(part.strip_prefix('[').map_or(part, |it| it.split_once('m').unwrap().1));
        }
        let trimmed: String = plain.lines().map(|line| format!("{}\n", line.trim_end())).collect();
        assert_eq!(trimmed, page_text(page));
    }
}

#[test]
fn usage_begins_with_the_name_that_the_program_is_called_by() {
    let rows = [
        ("/usr/local/bin/aws_signing_helper", "aws_signing_helper"),
        (r"C:\bin\roles-anywhere.exe", "roles-anywhere"),
        ("./roles-anywhere-1.0", "roles-anywhere-1.0"),
        ("a b", "roles-anywhere"),
        ("-login", "roles-anywhere"),
        ("$(id)", "roles-anywhere"),
        ("", "roles-anywhere"),
    ];
    for (path, name) in rows {
        assert_eq!(program(&[path.to_owned()]), name);
    }
    assert_eq!(program(&[]), "roles-anywhere");
    let serve = pages(&specs(ALL)).find(|page| page.words() == ["serve", "-h"]).unwrap();
    let text = text(&specs(ALL), "aws_signing_helper", serve, LAYOUT);
    assert!(text.contains("Usage: aws_signing_helper serve [OPTIONS]"), "{text}");
}

#[test]
fn documents_in_the_help_exist() {
    let mut count = 0;
    for spec in specs(ALL) {
        for file in spec.texts.docs {
            let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
            assert!(std::fs::metadata(root.join("docs").join(file)).is_ok(), "{file}");
            count += 1;
        }
    }
    assert!(count > 10, "{count} documents");
}
