//! What a program finds of the AWS files of the user: `~/.aws/config` without credentials, and nothing else.

use std::io;
use std::path::PathBuf;

use crate::app::App;
use crate::command::exec::environment::ProgramVariables;
use crate::credentials_file::config_copy::{with_credential_process, without_credentials};
use crate::output::error::Error;
use crate::output::program::unreadable_aws_config;
use roles_anywhere_client::input_source::{Files as _, InputSource};

/// The variables that say where the files are.
pub(super) const VARIABLES: &[&str] =
    &["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", CREDENTIALS_OF_JAVA_1];
/// The credentials file of version 1 of the SDK for Java, which reads it before it asks an endpoint.
const CREDENTIALS_OF_JAVA_1: &str = "AWS_CREDENTIAL_PROFILES_FILE";
/// A file that is empty for every SDK.
const EMPTY: &str = "/dev/null";
/// The name of the copy in the directory of the program.
const NAME: &str = "aws-config";

/// Where the AWS files of the user are.
#[derive(Clone, Debug)]
pub struct AwsFiles {
    /// The configuration file; `None` if nothing says where it is.
    pub config: Option<InputSource>,
    /// The files of boto 2 that botocore reads, too.
    pub boto: Vec<PathBuf>,
}

/// What a program gets in their place.
#[derive(Clone, Debug)]
pub struct ProgramAwsFiles {
    /// The text of the configuration file; empty if there is none.
    pub config: String,
    /// Whether botocore would read a file of boto 2.
    has_boto: bool,
}

impl AwsFiles {
    /// Reads the files. A configuration file that does not exist counts as empty.
    pub fn read(&self, app: &App) -> Result<ProgramAwsFiles, Error> {
        let config = match self.config.as_ref().map(|file| app.files().read(file)).transpose() {
            Ok(bytes) => bytes.unwrap_or_default(),
            Err(error) if is_missing(&error.source) => Default::default(),
            Err(error) => return Err(unreadable_aws_config(error)),
        };
        let config = without_credentials(&String::from_utf8_lossy(config.expose()));
        let has_boto = self.boto.iter().any(|path| app.paths().0(path));
        Ok(ProgramAwsFiles { config, has_boto })
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

impl ProgramAwsFiles {
    /// Returns it with a `credential_process` in each profile of the configuration file.
    #[must_use]
    pub fn with_credential_process(self, command: &str) -> Self {
        Self { config: with_credential_process(&self.config, command), ..self }
    }

    /// Returns the name and the text of the copy, if the program needs one.
    pub fn copy(&self) -> Option<(&'static str, &str)> {
        (!self.config.is_empty()).then_some((NAME, &self.config))
    }

    /// Sets the variables of the program; `copy` is the path of the copy.
    pub fn set(&self, variables: &mut ProgramVariables, copy: Option<PathBuf>) {
        variables.set("AWS_CONFIG_FILE", copy.unwrap_or_else(|| EMPTY.into()));
        variables.set("AWS_SHARED_CREDENTIALS_FILE", EMPTY);
        variables.set(CREDENTIALS_OF_JAVA_1, EMPTY);
        if self.has_boto {
            // Without the variable, botocore reads these files before it asks an endpoint.
            variables.set("BOTO_CONFIG", EMPTY);
        }
    }
}
