//! The command line: its description for clap, and what was typed.

use clap::error::ErrorKind;
use clap::{ArgMatches, Command};

use crate::options::arguments::OptionGroups;
use crate::options::help;
use crate::options::table::{OptionSpec, Syntax};

/// The name of the program, unless it is called by another one.
pub const PROGRAM: &str = "roles-anywhere";

/// A word of the name of a command, and its line in the list of commands.
pub type Word = (&'static str, &'static str);

/// The description of a command.
#[derive(Clone, Copy, Debug)]
pub struct CommandSpec {
    /// The words of its name, e.g. `secret` and `get`.
    pub name: &'static [Word],
    /// What its help says.
    pub texts: CommandTexts,
    /// Its options, in the order of the help within each heading.
    pub option_groups: &'static OptionGroups,
    /// The options without which it does not run.
    pub required: &'static [&'static OptionSpec],
    /// Adds its options to its description. Called only if the command is used: describing all would
    /// take a fifth of the instructions of a cache hit.
    pub describe: fn(Command) -> Command,
}

impl CommandSpec {
    /// Returns its name, e.g. `secret get`.
    pub fn full_name(&self) -> String {
        self.name.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(" ")
    }

    /// Returns its options.
    pub fn options(&self) -> impl Iterator<Item = &'static OptionSpec> + use<> {
        self.option_groups.iter().copied().flatten().copied()
    }
}

/// What the help of a command says, beside its line.
#[derive(Clone, Copy, Debug)]
pub struct CommandTexts {
    /// Paragraphs of `--help`; may be empty.
    pub details: &'static str,
    /// Lines that can be copied; may be empty.
    pub examples: &'static str,
    /// Its files in `docs/`, without the folder.
    pub docs: &'static [&'static str],
}

/// Parses the words of a command line, of which the first is the program. Returns the index of the
/// command among `commands`, and what was typed for it.
pub fn parse(
    commands: &[CommandSpec],
    words: &[String],
) -> Result<(usize, ArgMatches), clap::Error> {
    // The others matter only if none of them is called: to describe all takes twice as long.
    let described = called(commands, words).map_or(commands, std::slice::from_ref);
    let mut root = describe(described, Texts::None);
    let mut typed = root.try_get_matches_from_mut(words)?;
    let mut name = Vec::new();
    while let Some((word, inner)) = typed.remove_subcommand() {
        name.push(word);
        typed = inner;
    }
    let is_called = |command: &CommandSpec| command.name.iter().map(|(word, _)| *word).eq(&name);
    match commands.iter().position(is_called) {
        Some(index) => Ok((index, typed)),
        // Clap refuses any other.
        None => Err(root.error(ErrorKind::InvalidSubcommand, "no command")),
    }
}

/// Returns the name that the program is called by, if it can be a name in a shell.
pub fn program(words: &[String]) -> &str {
    let path = words.first().map_or(PROGRAM, String::as_str);
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = name.strip_suffix(".exe").unwrap_or(name);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(is_plain) {
        true => name,
        false => PROGRAM,
    }
}

/// Returns the command that `words` call, if they do; the first word is the program.
pub fn called<'a>(commands: &'a [CommandSpec], words: &[String]) -> Option<&'a CommandSpec> {
    let words = words.get(1..)?;
    let is_called = |command: &&CommandSpec| {
        words.len() >= command.name.len()
            && command.name.iter().zip(words).all(|((word, _), typed)| word == typed)
    };
    commands.iter().find(is_called)
}

/// Returns the words up to another program that the command `name` runs: that and its arguments may be
/// anything. The first word is the program.
pub fn own_words<'a>(name: &[Word], options: &OptionGroups, words: &'a [String]) -> &'a [String] {
    let all = || options.iter().copied().flatten();
    if !all().any(|option| matches!(option.syntax, Syntax::Trailing { .. })) {
        return words;
    }
    let takes_next = |word: &str| {
        let flag = word.strip_prefix("--").unwrap_or_default();
        all().any(|option| {
            let is_called = word == option.name || option.aliases.contains(&flag);
            is_called && matches!(option.syntax, Syntax::Value | Syntax::Once | Syntax::Repeated)
        })
    };
    let mut end = 1 + name.len();
    while let Some(word) = words.get(end).filter(|word| word.starts_with('-') && word.len() > 1) {
        match word.as_str() {
            "--" => break,
            word if takes_next(word) => end += 2,
            _ => end += 1,
        }
    }
    &words[..end.min(words.len())]
}

/// Returns the options of the command that `words` call, if they do; the first word is the program.
pub fn options_of_called(
    commands: &[CommandSpec],
    words: &[String],
) -> Option<impl Iterator<Item = &'static OptionSpec>> {
    Some(called(commands, words)?.options())
}

/// Returns the options of all commands; an option of several commands is repeated.
pub fn options(commands: &[CommandSpec]) -> impl Iterator<Item = &'static OptionSpec> {
    commands.iter().flat_map(CommandSpec::options)
}

/// What clap prints for the help of a command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Texts {
    /// Nothing of use.
    None,
    /// The mark of its page.
    Marks,
}

/// Returns the description of all commands for the parser. Commands of one group must be neighbours.
pub fn describe(commands: &[CommandSpec], texts: Texts) -> Command {
    let root = named(&[], texts)
        // Nothing is wrapped, so the terminal is not measured.
        .term_width(0)
        .version(env!("CARGO_PKG_VERSION"))
        .args_override_self(true)
        .subcommand_required(true)
        .arg_required_else_help(true);
    let new = |name, spec: Option<&CommandSpec>| match spec {
        Some(spec) => named(name, texts).args_override_self(true).defer(spec.describe),
        None => named(name, texts).subcommand_required(true).arg_required_else_help(true),
    };
    commands.iter().fold(root, |root, command| with_command(root, 0, command, &new))
}

fn named(name: &'static [Word], texts: Texts) -> Command {
    let command = Command::new(last_word(name).0);
    match texts {
        Texts::None => command,
        Texts::Marks => help::mark(command, name),
    }
}

/// Returns the last word of the name of a command; the program for no word.
pub(super) fn last_word(name: &[Word]) -> Word {
    name.last().copied().unwrap_or((PROGRAM, ""))
}

/// Adds a command to its parent, whose name is the first `depth` words. `new` returns the description
/// for a name, without commands below it: that of a command, or of a group.
pub(super) fn with_command(
    parent: Command,
    depth: usize,
    command: &CommandSpec,
    new: &impl Fn(&'static [Word], Option<&CommandSpec>) -> Command,
) -> Command {
    let Some((word, _)) = command.name.get(depth) else { return parent };
    let name = &command.name[..=depth];
    if name.len() == command.name.len() {
        return parent.subcommand(new(name, Some(command)));
    }
    if parent.find_subcommand(word).is_some() {
        return parent.mut_subcommand(*word, |group| with_command(group, depth + 1, command, new));
    }
    parent.subcommand(with_command(new(name, None), depth + 1, command, new))
}

#[cfg(test)]
mod tests;
