//! The options of `serve`.
#![expect(missing_docs, reason = "the help of a row says what it is")]

use super::{OptionSpec, ValueType};

/// The options of `serve` alone.
pub static SERVE: [&OptionSpec; 10] = [
    &PORT,
    &LISTEN,
    &ALLOW_REMOTE,
    &ALLOW_HOST,
    &NO_IMDS,
    &NO_CONTAINER,
    &REQUIRE_AUDIT,
    &HOP_LIMIT,
    &TOKEN_FILE,
    &PRINT_ENV,
];

pub static PORT: OptionSpec = OptionSpec::new("--port", "PORT", ValueType::Text)
    .default_value("9911")
    .help("The port on 127.0.0.1; 0 for a free one");

pub static LISTEN: OptionSpec = OptionSpec::new("--listen", "ADDR:PORT", ValueType::Text)
    .repeated()
    .help("An address to listen on instead, IPv4 or IPv6; may be repeated");

pub static ALLOW_REMOTE: OptionSpec = OptionSpec::new("--allow-remote", "WHAT", ValueType::Text)
    .optional("container")
    .help("Let other machines in: `container` (with its token), or `imds` too [default, without it: none]");

pub static ALLOW_HOST: OptionSpec = OptionSpec::new("--allow-host", "NAME[:PORT]", ValueType::Text)
    .repeated()
    .help("A host that requests may be for, beside this machine: a service's name, a translated address; may be repeated");

pub static NO_IMDS: OptionSpec =
    OptionSpec::switch("--no-imds").help("Serve container credentials only, no instance metadata");

pub static NO_CONTAINER: OptionSpec = OptionSpec::switch("--no-container")
    .help("Serve instance metadata only, no container credentials");

pub static REQUIRE_AUDIT: OptionSpec = OptionSpec::switch("--require-audit")
    .help("Refuse credentials while the log does not take the line of a vend");

pub static HOP_LIMIT: OptionSpec = OptionSpec::new("--hop-limit", "HOPS", ValueType::Text)
    .described_default("64; 1 where other machines are let in")
    .help("The IP time to live of replies, 1 to 255");

pub static TOKEN_FILE: OptionSpec = OptionSpec::new("--token-file", "FILE", ValueType::File)
    .described_default("in $RUNTIME_DIRECTORY or $XDG_RUNTIME_DIR")
    .help("Where the token of the container route is kept");

pub static PRINT_ENV: OptionSpec =
    OptionSpec::switch("--print-env").help("Print what SDKs need in their environment, then serve");
