//! The options of the command that runs another program.
#![expect(missing_docs, reason = "the help of a row says what it is")]

use super::masking::{MASK, MASK_SHORT};
use super::{Heading, OptionSpec, ValueType};

/// The variable that `exec` sets for its program: the name of the role.
pub const EXEC_ROLE_VARIABLE: &str = "ROLES_ANYWHERE_EXEC";

/// The options of a command that runs a program with credentials.
pub static PROGRAM: &[&OptionSpec] =
    &[&COMMAND, &STATIC, &KEEP_AWS_FILES, &NESTED, &MASK, &MASK_SHORT];

/// The program and its arguments.
pub static COMMAND: OptionSpec = OptionSpec::trailing("program", "CMD", ValueType::Text)
    .described_default("an interactive shell: $SHELL, else /bin/sh")
    .help("Program to run, and its arguments")
    .details("Program to run. All words after its name are its arguments.");

pub static STATIC: OptionSpec = OptionSpec::switch("--static")
    .without_variable()
    .under(Heading::Program)
    .help("Pass the credentials themselves, which are not renewed")
    .details(
        "Pass the credentials themselves in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and \
         AWS_SESSION_TOKEN, for programs that do not support container credentials. They are not \
         renewed: a note on standard error says when they expire. Without this option the program gets the \
         address of an endpoint that renews them.",
    );

pub static KEEP_AWS_FILES: OptionSpec = OptionSpec::switch("--keep-aws-files")
    .without_variable()
    .under(Heading::Program)
    .help("Let the program read ~/.aws as it is")
    .details(
        "Let the program read ~/.aws/config and ~/.aws/credentials. Most SDKs prefer the \
         credentials of a profile in there. Without this option the program has no credentials \
         file, and a copy of the configuration file without credentials.",
    );

pub static NESTED: OptionSpec = OptionSpec::switch("--nested")
    .without_variable()
    .under(Heading::Program)
    .help("Allow `exec` in a program that `exec` runs")
    .details(
        "Allow `exec` in a program that `exec` runs, which is an error without this option. The \
         inner program gets the credentials of the inner `exec`.",
    );
