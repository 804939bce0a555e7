//! The argument of `completion`.
#![expect(missing_docs, reason = "the help of a row says what it is")]

use super::{OptionSpec, ValueType};

/// The argument of `completion`.
pub static COMPLETION: [&OptionSpec; 1] = [&SHELL];

pub static SHELL: OptionSpec = OptionSpec::positional("shell", "SHELL", ValueType::Text)
    .choices(&["bash", "elvish", "fish", "powershell", "zsh"])
    .help("The shell");
