//! The commands: each file is one, with its plan and how it is run.

pub mod cache;
pub mod completion;
pub mod credential_process;
pub mod read_certificate_data;
pub mod secret_get;
pub mod serve;
pub mod sign_string;
pub mod update;
pub mod version;

use std::any::Any;

use crate::app::App;
use crate::output::error::Error;
use crate::output::log::LogFormat;
use roles_anywhere_client::secret::SecretBytes;

/// A command whose options were validated.
pub trait Plan: Any {
    /// Runs the command, and returns its output.
    fn run(&self, app: &App) -> Result<SecretBytes, Error>;

    /// Returns the format of the error that ends the run.
    fn log_format(&self) -> LogFormat {
        LogFormat::Text
    }
}
