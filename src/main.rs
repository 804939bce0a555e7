//! The entry point: runs the command line on the real system, prints the output or the error, and
//! returns the exit code.

use std::process::ExitCode;

use roles_anywhere::app::App;
use roles_anywhere::command;
use roles_anywhere::os::{environment, process};

fn main() -> ExitCode {
    let app = App::start();
    process::report_panics();
    process::keep_memory_private();
    process::survive_file_size_limit();
    let words: Vec<String> = environment::arguments().collect();
    match command::run(command::ALL, &words, &app).and_then(|output| app.finish(&output)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            app.report(&failure.report);
            ExitCode::from(failure.kind.exit_code())
        }
    }
}
