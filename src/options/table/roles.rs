//! The options of the configuration file and its roles.
#![expect(missing_docs, reason = "the help of a row says what it is")]

use super::config_file::XDG_CONFIG_HOME;
use super::{Heading, OptionSpec, ValueType};

/// The options of a command that uses one role.
pub static ONE: &[&OptionSpec] = &[&ROLE, &CONFIG];

/// The options of a command that uses several roles.
pub static SEVERAL: &[&OptionSpec] = &[&ROLES, &CONFIG];

/// The options of a command that uses the roles that have a profile.
pub static WITH_PROFILE: &[&OptionSpec] = &[&ROLE_WITH_PROFILE, &CONFIG];

pub static ROLE: OptionSpec = OptionSpec::new("--role", "NAME", ValueType::Text)
    .once()
    .refuse_empty("the name of a role")
    .described_default("`default-role`, else the only role of the file")
    .under(Heading::Configuration)
    .help("Role of the configuration file")
    .details(
        "Role of the configuration file: its identity, ARNs and settings are used, except for \
         those that options give.",
    );

/// `--role` of a command that uses the roles that have a profile.
pub static ROLE_WITH_PROFILE: OptionSpec = OptionSpec::new("--role", "NAME", ValueType::Text)
    .once()
    .refuse_empty("the name of a role")
    .described_default(
        "all roles with `aws-profile`; with `--profile`, `default-role`, else the only role of \
         the file",
    )
    .under(Heading::Configuration)
    .help("Role of the configuration file")
    .details(
        "Role of the configuration file: its identity, ARNs and settings are used, except for \
         those that options give.",
    );

/// `--role` of a command that uses several roles.
pub static ROLES: OptionSpec = OptionSpec::new("--role", "NAME", ValueType::Text)
    .repeated()
    .refuse_empty("the name of a role")
    .described_default("all roles of the file")
    .under(Heading::Configuration)
    .help("Role of the configuration file; repeatable")
    .details(
        "Role of the configuration file. May be repeated; in the variable, names are separated by \
         spaces.",
    );

pub static CONFIG: OptionSpec = OptionSpec::new("--config", "FILE", ValueType::File)
    .refuse_empty("the path of a file")
    .described_default(
        "$XDG_CONFIG_HOME/roles-anywhere/config.toml, by default in ~/.config, else \
         /etc/roles-anywhere/config.toml",
    )
    .fallbacks(&[&XDG_CONFIG_HOME])
    .under(Heading::Configuration)
    .help("Configuration file")
    .details(
        "Configuration file with identities and roles. If no role is selected, and options or \
         variables give a certificate, a key or an ARN, a file is used only if this option names \
         it.",
    );
