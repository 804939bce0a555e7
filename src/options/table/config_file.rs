//! The keys of the configuration file that are no flag of a command.
#![expect(missing_docs, reason = "the help of a row says what it is")]

use super::{OptionSpec, ValueType};

/// The directory for the configuration files of this user.
pub static XDG_CONFIG_HOME: OptionSpec =
    OptionSpec::of_variables(&["XDG_CONFIG_HOME"], ValueType::SystemPath);

/// The keys above the first table.
pub static ROOT: &[&OptionSpec] = &[&DEFAULT_ROLE];

/// The keys of `[exec.NAME]`.
pub static EXEC: &[&OptionSpec] = &[&EXEC_COMMAND, &EXEC_ROLE, &EXEC_ENV, &EXEC_FILES];

/// The keys of one hop of `assume`.
pub static HOP: &[&OptionSpec] = &[
    &HOP_ROLE_ARN,
    &HOP_EXTERNAL_ID,
    &HOP_ROLE_SESSION_NAME,
    &HOP_SESSION_DURATION,
    &HOP_TAGS,
    &HOP_TRANSITIVE_TAGS,
    &HOP_POLICY,
];

pub static DEFAULT_ROLE: OptionSpec = OptionSpec::file_key("default-role", ValueType::Text)
    .help("Role that is used if none is named")
    .details("The role that is used if `--role` is not given. Without it, a file with one role uses that.");

pub static IDENTITY_NAME: OptionSpec = OptionSpec::file_key("identity", ValueType::Text)
    .described_default("the only identity of the file")
    .help("Identity that the role uses")
    .details("The identity that the role uses: the NAME of an `[identity.NAME]`.");

pub static ROLE_AWS_PROFILE: OptionSpec = OptionSpec::file_key("aws-profile", ValueType::Text)
    .help("Profile that `update` writes")
    .details(
        "The profile of the shared credentials file that `update` writes for this role. Without \
         `--role` and `--profile`, `update` keeps the profiles of all roles fresh that have one.",
    );

pub static ASSUME: OptionSpec = OptionSpec::file_key("assume", ValueType::Text)
    .help("Further roles to assume, one after the other")
    .details(
        "The roles that are assumed with AWS STS after the role of the session, one after the \
         other. The credentials are those of the last one.",
    );

pub static FALLBACK: OptionSpec = OptionSpec::file_key("fallback", ValueType::Text)
    .help("Trust anchors and profiles in other Regions")
    .details(
        "Trust anchors and profiles in other Regions, which are tried in this order if the first \
         Region cannot be reached, fails or throttles. They are not tried if it refuses.",
    );

pub static HOP_ROLE_ARN: OptionSpec = OptionSpec::file_key("role-arn", ValueType::Arn)
    .help("ARN of the role to assume")
    .details("ARN of the role to assume, for example arn:aws:iam::210987654321:role/Reader");

pub static HOP_EXTERNAL_ID: OptionSpec = OptionSpec::file_key("external-id", ValueType::Text)
    .help("External ID that the trust policy of the role requires")
    .details("The external ID that the trust policy of the role requires.");

pub static HOP_ROLE_SESSION_NAME: OptionSpec =
    OptionSpec::file_key("role-session-name", ValueType::Text)
        .described_default("the name of the session before it")
        .help("Name of the session")
        .details("Name of the session: 2 to 64 letters, digits and `_+=,.@-`.");

pub static HOP_SESSION_DURATION: OptionSpec = OptionSpec::file_key(
    "session-duration",
    ValueType::Text,
)
.default_value("3600")
.help("Lifetime of the session")
.details(
    "Lifetime of the session in seconds, 900 to 3600. AWS allows no more for a role that is \
             assumed with the session of another.",
);

pub static HOP_TAGS: OptionSpec = OptionSpec::file_key("tags", ValueType::Text)
    .help("Session tags")
    .details("The tags of the session, as `{ NAME = \"VALUE\" }`.");

pub static HOP_TRANSITIVE_TAGS: OptionSpec =
    OptionSpec::file_key("transitive-tags", ValueType::Text)
        .help("Tags that further sessions inherit")
        .details("The names of the tags that the sessions of further roles inherit.");

pub static HOP_POLICY: OptionSpec = OptionSpec::file_key("policy", ValueType::Text)
    .help("Session policy, in JSON")
    .details("A session policy in JSON, which limits what the session may do.");

pub static EXEC_COMMAND: OptionSpec = OptionSpec::file_key("command", ValueType::Text)
    .help("Program to run and its arguments, unless the command line has a program")
    .details(
        "The program to run and its arguments, as `[\"PROGRAM\", \"ARGUMENT\"]`. A program on the \
         command line takes its place.",
    );

pub static EXEC_ROLE: OptionSpec = OptionSpec::file_key("role", ValueType::Text)
    .described_default("`default-role`, else the only role of the file")
    .help("Role that is used, unless the command line names one")
    .details(
        "The role that is used, unless the command line names one: the NAME of a `[role.NAME]`.",
    );

pub static EXEC_ENV: OptionSpec = OptionSpec::file_key("env", ValueType::Text)
    .help("Variables of the program: texts or references")
    .details(
        "The variables of the program, as `{ NAME = \"VALUE\" }`. A value is a text, or a reference \
         to a secret or a parameter such as `sm://prod/db#password`.",
    );

pub static EXEC_FILES: OptionSpec = OptionSpec::file_key("files", ValueType::Text)
    .help("Files for the program, by the variables that hold their paths: references")
    .details(
        "Files for the program, as `{ NAME = \"REFERENCE\" }`: the value of the reference is in a \
         private file, and the variable holds its path.",
    );
