//! The profile of a role for the AWS CLI's configuration file.

use std::io;
use std::path::Path;

use crate::app::App;
use crate::config::TableName;
use crate::config::import::shell_word;
use roles_anywhere_client::text::path;

/// Returns the profile that runs this program with a role, and the configuration file if one is given.
pub(super) fn of(name: &TableName, config: Option<&Path>, app: &App) -> io::Result<String> {
    let own_executable = app.own_executable()?;
    let config = config.map(|file| app.absolute(file)).transpose()?;
    let word = |file: &Path| shell_word(&path::text(file.as_os_str().to_owned()));
    let config = match config.as_deref().map(word) {
        None => Some(String::new()),
        Some(word) => word.map(|word| format!(" --config {word}")),
    };
    let (Some(program), Some(config)) = (word(&own_executable), config) else {
        let text = "a path with a control character or invalid UTF-8 cannot be in ~/.aws/config";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    };
    let name = name.as_str();
    let heading = if name == "default" { "default".to_owned() } else { format!("profile {name}") };
    Ok(format!(
        "[{heading}]\ncredential_process = {program} credential-process --role {name}{config}\n"
    ))
}
