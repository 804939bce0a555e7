//! The options of the command line and the environment, and the plan that they make.

pub mod arguments;
pub mod clap_error;
mod command_line;
pub mod resolve;
pub mod settings;
pub mod table;

pub use clap_complete::Shell;
pub use command_line::{CommandLine, CommandName};
