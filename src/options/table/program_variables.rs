//! The options for variables and files of another program, and of what is rendered.
#![expect(missing_docs, reason = "the help of a row says what it is")]

use super::secrets::{PARAMETERS_ENDPOINT, SECRETS_ENDPOINT};
use super::{Heading, OptionSpec, ValueType};
use roles_anywhere_client::text::disclosure::Sensitivity;

/// The sources of variables that every command has which makes some.
pub static SOURCES: &[&OptionSpec] = &[&ENV, &ENV_FILE, &FROM, &PREFIX];

/// The further options of `exec`.
pub static OF_EXEC: &[&OptionSpec] = &[
    &FILE,
    &APP,
    &ECS,
    &CONTAINER,
    &RESOLVE_ENV,
    &ALLOW_ARGS,
    &CREDENTIALS,
    &SECRETS_ENDPOINT,
    &PARAMETERS_ENDPOINT,
];

pub static ENV: OptionSpec = OptionSpec::new("--env", "NAME=VALUE", ValueType::Assignment)
    .repeated()
    .without_variable()
    .sensitivity(Sensitivity::Password)
    .under(Heading::Variables)
    .help("Set a variable: a text, or a reference to a secret")
    .details(
        "Set a variable. VALUE is a text, or a reference to a secret or a parameter, for example \
         `sm://prod/db#password`. It takes the place of the values of all other sources.",
    );

pub static ENV_FILE: OptionSpec = OptionSpec::new("--env-file", "FILE", ValueType::File)
    .repeated()
    .without_variable()
    .under(Heading::Variables)
    .help("Set the variables of a file, one NAME=VALUE a line")
    .details(
        "Set the variables of a file, one NAME=VALUE a line, as for `docker run --env-file`. \
         Values in quotes can have several lines. References are resolved.",
    );

pub static FROM: OptionSpec = OptionSpec::new("--from", "REF", ValueType::Text)
    .repeated()
    .without_variable()
    .under(Heading::Variables)
    .help("Set a variable for each member of a JSON secret")
    .details(
        "Set a variable for each member of the JSON object that REF refers to. Its name is the \
         prefix and the name of the member in upper case; other characters than letters and \
         digits become `_`.",
    );

pub static PREFIX: OptionSpec = OptionSpec::new("--prefix", "PREFIX", ValueType::Text)
    .repeated()
    .without_variable()
    .under(Heading::Variables)
    .help("Prefix of the variables of the `--from` before it");

pub static FILE: OptionSpec = OptionSpec::new("--file", "NAME=REF", ValueType::Assignment)
    .repeated()
    .without_variable()
    .sensitivity(Sensitivity::Password)
    .under(Heading::Variables)
    .help("Put a secret into a file, and its path into a variable")
    .details(
        "Put the value of a reference into a file of mode 0400 in a private directory in memory, \
         and its path into the variable NAME. The directory is removed when the program ends.",
    );

pub static APP: OptionSpec = OptionSpec::new("--app", "NAME", ValueType::Text)
    .without_variable()
    .refuse_empty("the NAME of an `[exec.NAME]` of the configuration file")
    .under(Heading::Variables)
    .help("Use a program of the configuration file")
    .details(
        "Use `[exec.NAME]` of the configuration file: its variables, its files, its role and its \
         program.",
    );

pub static ECS: OptionSpec = OptionSpec::new("--ecs", "FILE", ValueType::File)
    .without_variable()
    .refuse_empty("the path of a file")
    .under(Heading::Variables)
    .help("Set the variables of a task definition of Amazon ECS")
    .details(
        "Set the variables that a container of a task definition of Amazon ECS gets: its \
         `environment` and its `secrets`.",
    );

pub static CONTAINER: OptionSpec = OptionSpec::new("--container", "NAME", ValueType::Text)
    .without_variable()
    .refuse_empty("the name of a container")
    .described_default("the only container")
    .under(Heading::Variables)
    .help("Container of the task definition");

pub static RESOLVE_ENV: OptionSpec = OptionSpec::switch("--resolve-env")
    .without_variable()
    .under(Heading::Variables)
    .help("Resolve references in the variables of the caller")
    .details(
        "Resolve references in the variables of the caller: `sm://NAME`, \
         `ssm://NAME` and `{{resolve:SERVICE:NAME}}`. An ARN stays as it is.",
    );

pub static ALLOW_ARGS: OptionSpec = OptionSpec::switch("--allow-args")
    .without_variable()
    .under(Heading::Variables)
    .help("Resolve references in the arguments of the program")
    .details(
        "Resolve references in the arguments of the program. Every user of the machine can see \
         the values in the list of processes.",
    );

pub static CREDENTIALS: OptionSpec = OptionSpec::switch("--credentials")
    .without_variable()
    .under(Heading::Program)
    .help("Pass credentials too, beside secrets and parameters")
    .details(
        "Pass credentials too, if a secret or a parameter is asked for. Without this option and \
         `--static` the program gets only the values then, and keeps the AWS variables of the \
         caller.",
    );
