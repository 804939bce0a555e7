//! The help: which page is requested, and what is on it.
//!
//! The parser is told of no texts, so that a run that needs none does not pay for them. If clap
//! prints its help, the words are parsed again, with a mark in place of the help of each command, by
//! which the page is found. The page is made from a second description, as are manual pages and
//! completion scripts: with headings, and with switches that show no value, though they take `=true`
//! and `=false`.

mod arguments;
mod texts;

use clap::{Arg, ArgAction, Command};

use crate::options::command_line::{
    CommandSpec, PROGRAM, Texts, Word, describe as describe_for_parser, last_word, with_command,
};
use crate::options::table::Heading;
use crate::output::Stdout;
use arguments::arguments;
use roles_anywhere_client::ports::Environment;
use texts::{ABOUT, FIRST_EXAMPLE, MORE, STYLES, examples, section};
pub use texts::{ENVIRONMENT, EXIT_CODES, docs};

/// A page of the help.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HelpPage {
    /// The name of the command, or of a group; no word for the first page.
    pub command: &'static [Word],
    /// How much it says.
    pub length: HelpLength,
}

/// How much a page of the help says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HelpLength {
    /// A line for each option: `-h`.
    Short,
    /// All of it: `--help`.
    Long,
}

/// How a page is laid out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HelpLayout {
    /// The columns of the terminal.
    pub width: usize,
    /// Whether it has colours, as ANSI escape sequences.
    pub coloured: bool,
}

impl HelpLayout {
    /// The columns if no one says how many there are.
    const DEFAULT_WIDTH: usize = 100;
    /// Longer lines are hard to read.
    const MAX_WIDTH: usize = 120;
    /// Clap needs some columns for the text beside the options.
    const MIN_WIDTH: usize = 40;

    /// Returns the layout for standard output; `width` are the columns of the terminal, if there is
    /// one. There are colours on a terminal only, unless the environment refuses them.
    pub fn new(environment: &Environment, stdout: Stdout, width: Option<u16>) -> Self {
        let columns = environment.get("COLUMNS").and_then(|columns| columns.parse().ok());
        let width = columns.filter(|columns| *columns > 0).or(width);
        let width = width.map_or(Self::DEFAULT_WIDTH, usize::from);
        let takes_colours = environment.get("TERM").is_some_and(|term| term != "dumb");
        Self {
            width: width.clamp(Self::MIN_WIDTH, Self::MAX_WIDTH),
            coloured: stdout == Stdout::Terminal
                && takes_colours
                && environment.get("NO_COLOR").is_none(),
        }
    }
}

/// Lets clap print the mark of a command in place of its help.
pub(super) fn mark(command: Command, name: &'static [Word]) -> Command {
    let of = |length| HelpPage { command: name, length }.mark();
    let command = command.help_template("{about}");
    command.about(of(HelpLength::Short)).long_about(of(HelpLength::Long))
}

impl HelpPage {
    /// Returns the words that request it, e.g. `secret`, `get` and `-h`.
    pub fn words(&self) -> Vec<&'static str> {
        let flag = match self.length {
            HelpLength::Short => "-h",
            HelpLength::Long => "--help",
        };
        self.command.iter().map(|(word, _)| *word).chain([flag]).collect()
    }

    fn mark(&self) -> String {
        self.words().join(" ")
    }
}

/// Returns all pages.
pub fn pages(commands: &[CommandSpec]) -> impl Iterator<Item = HelpPage> {
    let mut names: Vec<&'static [Word]> = vec![&[]];
    for command in commands {
        // Of a group, the page is in front of those of its commands.
        let new = (1..=command.name.len()).map(|length| &command.name[..length]);
        let new: Vec<_> = new.filter(|name| !names.contains(name)).collect();
        names.extend(new);
    }
    names.into_iter().flat_map(|command| {
        [HelpLength::Short, HelpLength::Long].map(|length| HelpPage { command, length })
    })
}

/// Returns the page that is requested by a command line that clap answers by its help. The help of
/// the command `help`, which has no mark, is the first page.
pub fn requested(commands: &[CommandSpec], words: &[String]) -> HelpPage {
    let printed = describe_for_parser(commands, Texts::Marks).try_get_matches_from(words);
    let text = printed.map_or_else(|error| error.render().to_string(), |_| String::new());
    let first = HelpPage { command: &[], length: HelpLength::Long };
    pages(commands).find(|page| page.mark() == text.trim_end()).unwrap_or(first)
}

/// Returns the text of a page. `program` is the name that the program is called by.
pub fn text(commands: &[CommandSpec], program: &str, page: HelpPage, layout: HelpLayout) -> String {
    let mut root = describe(commands, program).term_width(layout.width);
    root.build();
    let find = |command: Command, word: &str| command.find_subcommand(word).cloned();
    let found = page.command.iter().try_fold(root, |command, (word, _)| find(command, word));
    let Some(mut command) = found else { return String::new() };
    let text = match page.length {
        // The line of an option names its values.
        HelpLength::Short => command.mut_args(|arg| arg.hide_possible_values(true)).render_help(),
        HelpLength::Long => command.render_long_help(),
    };
    let text = if layout.coloured { text.ansi().to_string() } else { text.to_string() };
    texts::finished(text.trim_end())
}

/// Returns the description of all commands for people. Commands of one group must be neighbours.
pub fn describe(commands: &[CommandSpec], program: &str) -> Command {
    let version = Arg::new("version").short('V').long("version").action(ArgAction::Version);
    let root = base((PROGRAM, ABOUT))
        .bin_name(program)
        .styles(STYLES)
        .version(env!("CARGO_PKG_VERSION"))
        .disable_version_flag(true)
        .subcommand_required(true)
        .arg(help_flag())
        .arg(version.help("Print the version"))
        .after_help([examples(FIRST_EXAMPLE), MORE.to_owned()].join("\n\n"))
        .after_long_help(
            [
                examples(FIRST_EXAMPLE),
                section("Environment", ENVIRONMENT),
                section("Exit codes", EXIT_CODES),
                MORE.to_owned(),
            ]
            .join("\n\n"),
        );
    let new = |name, spec: Option<&CommandSpec>| match spec {
        Some(spec) => described(last_word(name), spec),
        None => base(last_word(name)).subcommand_required(true).arg(help_flag()),
    };
    let root = commands.iter().fold(root, |root, command| with_command(root, 0, command, &new));
    root.subcommand(help_command(commands))
}

fn described(word: Word, spec: &CommandSpec) -> Command {
    let (command, about) = (base(word), word.1);
    let texts = spec.texts;
    let end = [examples(texts.examples), docs(texts.docs)];
    let end: Vec<String> = end.into_iter().filter(|part| !part.is_empty()).collect();
    let command = match texts.details {
        "" => command,
        details => command.long_about(format!("{about}\n\n{details}")),
    };
    let arguments: Vec<Arg> = arguments(spec).collect();
    let heading = arguments.iter().any(|arg| arg.get_help_heading().is_some());
    let heading = heading.then(|| Heading::Output.as_str());
    command.args(arguments).arg(help_flag().help_heading(heading)).after_help(end.join("\n\n"))
}

fn base((name, about): Word) -> Command {
    Command::new(name).about(about).disable_help_flag(true).disable_help_subcommand(true)
}

fn help_flag() -> Arg {
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help);
    help.help("Print a summary; --help prints more")
        .long_help("Print this help; -h prints a summary")
}

/// Returns the command `help`, whose arguments are the other commands.
fn help_command(commands: &[CommandSpec]) -> Command {
    let mut names: Vec<_> = commands.iter().filter_map(|command| command.name.first()).collect();
    names.dedup();
    let names: Vec<_> = names.into_iter().map(|(word, _)| *word).collect();
    let command = Arg::new("command").value_name("COMMAND").value_parser(names);
    base(("help", "Print the help of a command")).arg(command.help("Command")).arg(help_flag())
}
