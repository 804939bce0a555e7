//! A configuration file from that of another program: the `credential_process` lines of the AWS CLI, or
//! AWS's agent for secrets.

mod agent;
mod command_line;
mod shell_words;
mod writer;

use crate::credentials_file::values::values;
pub use agent::{AgentImport, AgentMistake, from_agent_config};
use command_line::{ImportedLine, Refused};
pub use shell_words::shell_word;
use writer::ConfigWriter;

/// A configuration file that was made, and what could not be imported.
#[derive(Debug)]
pub struct Import {
    /// The file.
    pub toml: String,
    /// What was not imported, each in one line without values.
    pub notes: Vec<String>,
    /// How many roles there are.
    pub roles: usize,
}

/// Returns the configuration file of a text of `~/.aws/config`: a role for each profile that runs this
/// program or the official helper, and an identity for each certificate.
pub fn from_aws_config(text: &str) -> Import {
    let mut writer = ConfigWriter::default();
    for line in values(text, "credential_process") {
        let profile = line.section.strip_prefix("profile").unwrap_or(line.section).trim();
        let profile = profile.trim_matches(['"', '\'']);
        match ImportedLine::parse(&line.value) {
            Ok(imported) => writer.role(profile, imported),
            Err(Refused::OtherProgram) => {}
            Err(refused) => writer.note(profile, refused.as_str()),
        }
    }
    writer.finish()
}

#[cfg(test)]
mod tests;
