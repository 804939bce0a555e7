//! The entry point: runs the command line on the real system, prints the output or the error, and
//! returns the exit code.

use std::process::ExitCode;

use roles_anywhere::app::App;
use roles_anywhere::app::credentials_endpoint::{self, DetachStep};
use roles_anywhere::command;
use roles_anywhere::os::{environment, process};
use roles_anywhere::output::Outcome;
use roles_anywhere::output::error::Error;
use roles_anywhere::output::report::{ErrorFormat, Failure};

fn main() -> ExitCode {
    let app = App::start();
    process::report_panics(panicked);
    process::keep_memory_private();
    process::survive_file_size_limit();
    let words: Vec<String> = environment::arguments().collect();
    if let Some(step) = DetachStep::of(&words) {
        let plan = |words: &[String], app: &App| command::session_plan(command::ALL, words, app);
        return credentials_endpoint::run(step, &app, &plan);
    }
    let ended = |result: Result<ExitCode, Failure>| match result {
        Ok(exit_code) => exit_code,
        Err(failure) => {
            app.report(&failure.report);
            ExitCode::from(failure.kind.exit_code())
        }
    };
    if let Some(ran) = app.run_on_terminal(&words) {
        let failure = |error| Failure::new(&error, ErrorFormat::Text);
        return ended(ran.map(ExitCode::from).map_err(failure));
    }
    let print = |Outcome { output, exit_code }: Outcome| match app.print(output.expose()) {
        Ok(()) => Ok(ExitCode::from(exit_code)),
        Err(error) => Err(command::failure(&error, command::ALL, &words, &app)),
    };
    ended(command::run(command::ALL, &words, &app).and_then(print))
}

/// Returns the report of a panic.
fn panicked(defect: &Error) -> String {
    let words: Vec<String> = environment::arguments().collect();
    command::failure(defect, command::ALL, &words, &App::start()).report
}
