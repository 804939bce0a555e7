//! The `credential_process` line that an SDK runs for a program.

use std::io;
use std::path::Path;

use crate::app::App;
use crate::config::import::shell_word;
use crate::options::process_command::{ProcessCommand, ProcessWord};
use crate::output::error::Error;
use crate::output::run::RunError;
use roles_anywhere_client::text::path;

/// Returns the line that runs this program with a command, in any directory.
pub(super) fn of(command: &ProcessCommand, app: &App) -> Result<String, Error> {
    let unwritable = |source| Error::from(RunError::ProcessLine { source });
    let program = app.own_executable().map_err(unwritable)?;
    let mut words = vec![text(&program), "credential-process".to_owned()];
    for word in &command.0 {
        words.push(match word {
            ProcessWord::Text(text) => text.clone(),
            ProcessWord::Path(path) => text(&app.absolute(path).map_err(unwritable)?),
        });
    }
    let line = words.iter().map(|word| shell_word(word)).collect::<Option<Vec<String>>>();
    let line = line.map(|words| words.join(" "));
    // Some SDKs end a value at a comment, also in quotes.
    line.filter(|line| !line.contains(" #") && !line.contains(" ;")).ok_or_else(|| {
        let text =
            "a word of it has a control character, invalid UTF-8, or `#` or `;` after a space";
        unwritable(io::Error::new(io::ErrorKind::InvalidInput, text))
    })
}

fn text(file: &Path) -> String {
    path::text(file.as_os_str().to_owned())
}
