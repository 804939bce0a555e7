//! The text of the manual pages, from the description that the help is made from.

use std::io;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use roles_anywhere::command::ALL;
use roles_anywhere::options::command_line::{CommandSpec, PROGRAM};
use roles_anywhere::options::help::{ENVIRONMENT, EXIT_CODES, HelpLength, describe, docs, pages};

/// Returns the pages with the names of their files: one for the program, each command and each group.
pub(crate) fn all() -> io::Result<Vec<(String, Vec<u8>)>> {
    let specs: Vec<CommandSpec> = ALL.iter().map(|command| *command.spec()).collect();
    // The command `help` has no page.
    let mut root = describe(&specs, PROGRAM).mut_subcommand("help", |help| help.hide(true));
    root.build();
    let long = pages(&specs).filter(|page| page.length == HelpLength::Long);
    long.filter_map(|page| {
        let mut words = page.command.iter();
        let command = words.try_fold(&root, |command, (word, _)| command.find_subcommand(word))?;
        let spec = specs.iter().find(|spec| spec.name == page.command);
        Some(text(command.clone(), spec, page.command.is_empty()))
    })
    .collect()
}

fn text(
    command: Command,
    spec: Option<&CommandSpec>,
    is_root: bool,
) -> io::Result<(String, Vec<u8>)> {
    let subcommands: Vec<String> = command
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
        .map(|command| command.get_display_name().unwrap_or_default().to_owned())
        .collect();
    let man = Man::new(command).source(format!("{PROGRAM} {}", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    // Long names are neither stretched nor hyphenated.
    text.extend(b".ad l\n.nh\n");
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if !subcommands.is_empty() {
        man.render_subcommands_section(&mut text)?;
    }
    let mut rest = Roff::new();
    if let Some(examples) = spec.map(|spec| spec.texts.examples).filter(|it| !it.is_empty()) {
        verbatim(&mut rest, "EXAMPLES", examples);
    }
    if is_root {
        rest.control("SH", ["ENVIRONMENT"]).text([roman(ENVIRONMENT)]);
        verbatim(&mut rest, "EXIT STATUS", EXIT_CODES);
    }
    see_also(&mut rest, spec, &subcommands);
    text.extend(rest.render().into_bytes());
    Ok((man.get_filename(), text))
}

fn verbatim(roff: &mut Roff, heading: &str, lines: &str) {
    roff.control("SH", [heading]).control("nf", []);
    for line in lines.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
}

fn see_also(roff: &mut Roff, spec: Option<&CommandSpec>, subcommands: &[String]) {
    let pages = match subcommands {
        [] => vec![format!("{PROGRAM}(1)")],
        names => names.iter().map(|name| format!("{name}(1)")).collect(),
    };
    roff.control("SH", ["SEE ALSO"]).text([roman(pages.join(", "))]);
    let docs = docs(spec.map_or(&[], |spec| spec.texts.docs));
    if !docs.is_empty() {
        roff.control("PP", []).text([roman(docs)]);
    }
}
