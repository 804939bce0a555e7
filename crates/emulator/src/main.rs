//! The program: parses the arguments, performs the command and returns its exit code.

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    program::main()
}

#[cfg(not(unix))]
fn main() -> std::process::ExitCode {
    use std::io::Write as _;
    let _ = std::io::stderr().write_all(b"error: the program is for Unix; the library is not\n");
    std::process::ExitCode::from(125)
}

#[cfg(unix)]
mod program {
    use std::error::Error as _;
    use std::fmt::Write as _;
    use std::io::{self, Write as _};
    use std::process::ExitCode;

    use clap::Parser as _;
    use roles_anywhere_emulator::cli::{Arguments, usage_error};
    use roles_anywhere_emulator::{Error, command};

    pub(super) fn main() -> ExitCode {
        let arguments = match Arguments::try_parse() {
            Ok(arguments) => arguments,
            Err(error) => {
                let _ = match usage_error(&error) {
                    Some(text) => io::stderr().write_all(text.as_bytes()),
                    None => error.print(),
                };
                // `--help` and `--version` are no failures.
                return ExitCode::from(if error.use_stderr() { 125 } else { 0 });
            }
        };
        match command::perform(arguments) {
            Ok(code) => ExitCode::from(code),
            Err(error) => {
                let _ = io::stderr().write_all(report(&error).as_bytes());
                ExitCode::from(command::exit_code(&error))
            }
        }
    }

    /// Returns the error, its causes and its hint, a line each.
    fn report(error: &Error) -> String {
        let mut report = format!("error: {error}\n");
        let mut cause = error.source();
        while let Some(error) = cause {
            let _ = writeln!(report, "  caused by: {error}");
            cause = error.source();
        }
        if let Some(hint) = error.hint() {
            let _ = writeln!(report, "  hint: {hint}");
        }
        report
    }
}
