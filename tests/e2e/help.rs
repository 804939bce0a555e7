//! The words of `--help`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use roles_anywhere::command::{ALL, CommandEntry};
use roles_anywhere::options::command_line::CommandSpec;
use roles_anywhere::options::help::{HelpLayout, pages, text};
use roles_anywhere::options::table::program::EXEC_ROLE_VARIABLE;
use roles_anywhere::options::table::{OptionSpec, PREFIX};

use crate::environment::TestEnvironment;

/// Widths of terminals.
const WIDTHS: [usize; 2] = [80, 120];

fn all_specs() -> Vec<CommandSpec> {
    ALL.iter().map(|command| *command.spec()).collect()
}

/// In `help/`, a file for each command and width.
#[test]
fn pages_are_the_recorded_ones() {
    let specs = all_specs();
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for page in pages(&specs) {
        for width in WIDTHS {
            let text = text(&specs, "roles-anywhere", page, HelpLayout { width, coloured: false });
            for line in text.lines() {
                assert!(line.chars().count() <= width || is_unbreakable(line), "{width}: {line}");
                assert_eq!(line, line.trim_end());
            }
            let words = page.words();
            let mut name = vec!["roles-anywhere"];
            name.extend(&words[..words.len() - 1]);
            let file = files.entry(format!("{}-{width}", name.join("-"))).or_default();
            file.push_str(&format!("$ roles-anywhere {}\n{text}\n", words.join(" ")));
        }
    }
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path("help");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, text) in &files {
            assert_snapshot!(name.as_str(), text);
        }
    });
    assert_eq!(recorded_files(), files.keys().map(|name| format!("{name}.snap")).collect());
}

/// Returns whether a line may be longer than the terminal is wide: it ends in an ARN, or is the line
/// of a configuration file.
fn is_unbreakable(line: &str) -> bool {
    let line = line.trim_start();
    let words = line.trim_end_matches(" \\").split(' ').count();
    match line.starts_with("credential_process = ") {
        true => true,
        // An option of an example may be before it.
        false => line.contains("arn:aws:") && words <= 2,
    }
}

/// Returns the names of the recorded pages. Those of a command that is gone are to be removed.
fn recorded_files() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/help");
    let names = fs::read_dir(folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    // Beside those that insta writes for a failed test.
    names.filter(|name| name.ends_with(".snap")).collect()
}

#[test]
fn the_program_prints_the_page_in_the_width_of_the_terminal() {
    let specs = all_specs();
    for (page, width) in pages(&specs).zip(WIDTHS.into_iter().cycle()) {
        let env = TestEnvironment::offline().var("COLUMNS", width.to_string());
        let output = env.run_args(&page.words());
        let expected = text(&specs, "roles-anywhere", page, HelpLayout { width, coloured: false });
        assert_eq!((output.text(), output.code), (expected, 0), "{page:?}");
    }
}

#[test]
fn a_command_line_without_a_command_prints_the_help_and_fails() {
    let env = TestEnvironment::offline();
    for (line, usage) in [("", "roles-anywhere"), ("secret", "roles-anywhere secret")] {
        let output = env.fails(line);
        assert_eq!(output.code, 2);
        let usage = format!("\n\nUsage: {usage} <COMMAND>\n");
        assert!(output.stderr.contains(&usage), "{output}");
    }
}

/// In prose, examples and the first inputs of the fuzz targets.
#[test]
fn documents_name_options_that_exist() {
    let rows: Vec<_> = ALL.iter().flat_map(CommandEntry::options).collect();
    let of_others = [
        "--example",
        "--help",
        "--locked",
        "--path",
        "--query",
        "--root",
        PREFIX,
        EXEC_ROLE_VARIABLE,
    ];
    let mut count = 0;
    let mut unknown = BTreeSet::new();
    for document in ["README.md", "SECURITY.md", "fuzz/seeds.py", "scripts/tour"] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(root.join(document)).unwrap();
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        for word in text.split(|c| !is_name(c)) {
            let flag = word.starts_with("--") && word.len() > 3 && !word.starts_with("---");
            let variable = word.starts_with(PREFIX);
            let is_known =
                |row: &&'static OptionSpec| row.name == word || row.own_variable() == Some(word);
            count += usize::from(flag || variable);
            if (flag || variable) && !rows.iter().any(is_known) && !of_others.contains(&word) {
                unknown.insert(format!("{document}: {word}"));
            }
        }
    }
    assert!(count > 60, "{count} options");
    assert_eq!(unknown, BTreeSet::new());
}
