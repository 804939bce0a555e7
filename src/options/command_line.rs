//! The command line: its description for clap, and what was typed.

use clap::error::ErrorKind;
use clap::{ArgMatches, Command};

use crate::options::arguments::OptionGroups;
use crate::options::table::OptionSpec;

/// A word of the name of a command, and its line of `--help`.
pub type Word = (&'static str, &'static str);

/// The description of a command.
#[derive(Clone, Copy, Debug)]
pub struct CommandSpec {
    /// The words of its name, e.g. `secret` and `get`.
    pub name: &'static [Word],
    /// The end of its `--help`; may be empty.
    pub after_help: &'static str,
    /// Its options, in the order of `--help`.
    pub options: &'static OptionGroups,
    /// Adds its options to its description. Called only if the command is used: describing all would
    /// take a fifth of the instructions of a cache hit.
    pub describe: fn(Command) -> Command,
}

impl CommandSpec {
    /// Returns its name, e.g. `secret get`.
    pub fn full_name(&self) -> String {
        self.name.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(" ")
    }
}

/// Parses the words of a command line, of which the first is the program. Returns the index of the
/// command among `commands`, and what was typed for it.
pub fn parse(
    commands: &[CommandSpec],
    words: &[String],
) -> Result<(usize, ArgMatches), clap::Error> {
    let mut root = describe(commands);
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

/// Returns the command that `words` call, if they do; the first word is the program.
pub fn called<'a>(commands: &'a [CommandSpec], words: &[String]) -> Option<&'a CommandSpec> {
    let words = words.get(1..)?;
    let is_called = |command: &&CommandSpec| {
        words.len() >= command.name.len()
            && command.name.iter().zip(words).all(|((word, _), typed)| word == typed)
    };
    commands.iter().find(is_called)
}

/// Returns the options of the command that `words` call, if they do; the first word is the program.
pub fn options_of_called(
    commands: &[CommandSpec],
    words: &[String],
) -> Option<impl Iterator<Item = &'static OptionSpec>> {
    let command = called(commands, words)?;
    Some(command.options.iter().copied().flatten().copied())
}

/// Returns the options of all commands; an option of several commands is repeated.
pub fn options(commands: &[CommandSpec]) -> impl Iterator<Item = &'static OptionSpec> {
    commands.iter().flat_map(|command| command.options).copied().flatten().copied()
}

/// Returns the description of all commands. Commands of one group must be neighbours.
pub fn describe(commands: &[CommandSpec]) -> Command {
    let root = Command::new("roles-anywhere")
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .after_help(EXIT_CODES)
        .args_override_self(true)
        .subcommand_required(true)
        .arg_required_else_help(true);
    commands.iter().fold(root, |root, command| with_command(root, command.name, command))
}

/// Adds a command to its parent; `name` is the rest of its name.
fn with_command(parent: Command, name: &[Word], command: &CommandSpec) -> Command {
    match name {
        [] => parent,
        [(word, about)] => {
            let described = Command::new(*word).about(*about).args_override_self(true);
            let described = described.defer(command.describe);
            parent.subcommand(match command.after_help {
                "" => described,
                after_help => described.after_help(after_help),
            })
        }
        [(word, _), rest @ ..] if parent.find_subcommand(word).is_some() => {
            parent.mut_subcommand(*word, |group| with_command(group, rest, command))
        }
        [(word, about), rest @ ..] => {
            let group = Command::new(*word).about(*about);
            let group = group.subcommand_required(true).arg_required_else_help(true);
            parent.subcommand(with_command(group, rest, command))
        }
    }
}

const ABOUT: &str =
    "Trades an X.509 certificate for temporary AWS credentials, and reads secrets with them.";

const EXIT_CODES: &str = "\
Exit codes:
   0  success
   2  usage: a flag, an environment variable or their combination
   3  identity: the certificate or the key is missing, wrong, locked or out of date
   4  refused by AWS: CreateSession or the secret
   5  unreachable: network, TLS, proxy, deadline, throttled or failing after three tries, an answer
      that makes no sense
   6  local input or output: files, standard output
  70  internal: a defect of this program

Each option of identity, session and way can also be given as an environment variable, e.g.
ROLES_ANYWHERE_ROLE_ARN.";
