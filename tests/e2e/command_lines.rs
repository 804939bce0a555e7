//! The outputs of 10,000 command lines are those of the program of commit 31bd6db.
//!
//! They hold the syntax of the official helper (`--debug=false`, repeated flags, empty values), the
//! help texts, and the texts for wrong options and variables. `recorded.txt` has a line for each: its
//! digest, the exit code, the digests of standard output (`*` for a signature) and standard error. A
//! mismatch is printed with the line, its variables and today's output. What another binary prints:
//!
//! ```text
//! ROLES_ANYWHERE_TOOL=BINARY ROLES_ANYWHERE_LINES=17,4711 cargo test --test e2e command_lines -- --nocapture
//! ```
//!
//! If a text is changed on purpose, record the outputs again, and read the changes of `samples.txt`,
//! which shows one line in fifty. This takes a minute, and builds what it needs:
//!
//! ```text
//! ROLES_ANYWHERE_RECORD=1 cargo test --test e2e command_lines::outputs
//! ```
//!
//! With ROLES_ANYWHERE_TOOL, the outputs of that binary are recorded; with ROLES_ANYWHERE_LINES, only
//! those lines. A new command or option is a row of `additions.rs`; that is a commit of its own,
//! recorded with the program from before it or of it. If a rebase stops at a conflict in the
//! recorded files, take either version (`git checkout --ours tests/e2e/command_lines/*.txt`) and
//! record again: nothing is read from files that are recorded whole.

mod additions;
mod generator;
mod kind;
mod line;
mod options;
mod output;
mod random;
mod run;
mod values;
mod verb;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use generator::command_line;
use output::LineOutput;
use run::run_all;

use crate::environment::program;
use crate::{leak, machine};

const COUNT: usize = 10_000;

/// Of a program that is not optimized, one line in so many is run.
const SAMPLE_OF_DEBUG_BUILD: usize = 10;

/// One line in so many is in `samples.txt`.
const SAMPLE_IN_FULL: usize = 50;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/command_lines").join(name)
}

/// Returns the recorded line for each number.
fn recorded() -> Vec<String> {
    let text = fs::read_to_string(data("recorded.txt")).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
#[expect(clippy::print_stdout, reason = "shows the outputs that were asked for")]
fn outputs_are_the_recorded_ones() {
    let chosen = std::env::var("ROLES_ANYWHERE_LINES").ok();
    let chosen: Option<Vec<usize>> =
        chosen.map(|list| list.split(',').map(|number| number.parse().unwrap()).collect());
    if std::env::var_os("ROLES_ANYWHERE_RECORD").is_some() {
        return record(&program(), chosen);
    }
    let _busy = machine::busy();
    let numbers: Vec<usize> = match &chosen {
        Some(list) => list.clone(),
        None if std::env::var_os("ROLES_ANYWHERE_TOOL").is_some() => (0..COUNT).collect(),
        None => (0..COUNT).step_by(SAMPLE_OF_DEBUG_BUILD).collect(),
    };
    let expected = recorded();
    let outputs = run_all(&program(), &numbers);
    let mut mismatches = Vec::new();
    for (number, output) in numbers.iter().zip(&outputs) {
        leak::check(&output.stdout);
        leak::check(output.stderr.as_bytes());
        let line = command_line(*number);
        if chosen.is_some() {
            println!("{number}: {}\n{output}\n", line.shown());
        }
        if !output.agrees_with(&expected[*number], &line) {
            mismatches.push(*number);
        }
    }
    assert!(mismatches.is_empty(), "{}", report(&mismatches, &numbers, &outputs));
}

/// Describes the first mismatches.
fn report(mismatches: &[usize], numbers: &[usize], outputs: &[LineOutput]) -> String {
    const SHOWN: usize = 8;
    let (count, all) = (mismatches.len(), numbers.len());
    let mut text = format!("{count} of {all} command lines have another output than recorded\n");
    for number in mismatches.iter().take(SHOWN) {
        let at = numbers.iter().position(|own| own == number).unwrap();
        let (line, output) = (command_line(*number).shown(), &outputs[at]);
        let expected = &recorded()[*number];
        write!(text, "\nline {number}: {line}\nrecorded: {expected}\n{output}\n").unwrap();
    }
    let list: Vec<String> = mismatches.iter().take(SHOWN).map(ToString::to_string).collect();
    let list = list.join(",");
    write!(
        text,
        "\nTo see what an older binary prints:\n  ROLES_ANYWHERE_TOOL=BINARY \
         ROLES_ANYWHERE_LINES={list} cargo test --test e2e command_lines -- --nocapture\n"
    )
    .unwrap();
    text
}

/// Records the outputs of `binary` for these lines, or for all. Runs each twice of which the output
/// is not the recorded one: an output that differs then is refused.
fn record(binary: &Path, chosen: Option<Vec<usize>>) {
    let mut lines = recorded();
    lines.resize(COUNT, String::new());
    let mut samples = if chosen.is_some() { samples() } else { BTreeMap::new() };
    let numbers = chosen.unwrap_or_else(|| (0..COUNT).collect());
    let outputs = run_all(binary, &numbers);
    let mut changed = Vec::new();
    for (number, output) in numbers.into_iter().zip(outputs) {
        let line = command_line(number);
        if !output.agrees_with(&lines[number], &line) {
            lines[number] = output.record(&line);
            changed.push(number);
        }
        if number % SAMPLE_IN_FULL == 0 {
            let output = output.excerpt(&line);
            samples.insert(number, format!("# {number}\n{}\n{output}\n\n", line.shown()));
        }
    }
    for (number, output) in changed.iter().zip(run_all(binary, &changed)) {
        let line = command_line(*number);
        assert_eq!(output.record(&line), lines[*number], "{number}: {}", line.shown());
    }
    fs::write(data("recorded.txt"), lines.join("\n") + "\n").unwrap();
    fs::write(data("samples.txt"), samples.into_values().collect::<String>()).unwrap();
}

/// Returns the recorded samples by their numbers.
fn samples() -> BTreeMap<usize, String> {
    let text = fs::read_to_string(data("samples.txt")).unwrap();
    // A blank line may be within a sample, so it is the heading that ends one.
    let starts = text.match_indices("# ").map(|(at, _)| at);
    let starts: Vec<usize> =
        starts.filter(|at| *at == 0 || text[..*at].ends_with("\n\n")).collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let number = |sample: &str| sample[2..].lines().next().and_then(|it| it.parse::<usize>().ok());
    let samples = starts.iter().zip(ends).map(|(start, end)| &text[*start..end]);
    samples.filter_map(|sample| Some((number(sample)?, sample.to_owned()))).collect()
}

/// The lines would prove little if most ended in the same error.
#[test]
fn recorded_lines_end_in_many_ways() {
    let recorded = recorded();
    assert_eq!(recorded.len(), COUNT);
    let mut codes: BTreeMap<&str, usize> = BTreeMap::new();
    let mut outputs: BTreeMap<&str, usize> = BTreeMap::new();
    for line in &recorded {
        let (_, outcome) = line.split_once(' ').unwrap();
        *codes.entry(outcome.split(' ').next().unwrap()).or_default() += 1;
        *outputs.entry(outcome).or_default() += 1;
    }
    assert!(outputs.len() > 1_500, "{} distinct outputs", outputs.len());
    for (code, least) in [("0", 1_000), ("2", 3_000), ("3", 2_000), ("6", 300)] {
        assert!(codes.get(code).is_some_and(|count| *count >= least), "{codes:?}");
    }
    let most = outputs.values().max().unwrap();
    assert!(*most < COUNT / 10, "one output is that of {most} lines");
}
