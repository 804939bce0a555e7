//! The entry point: parses the command line, runs the command on the real system, prints its output,
//! and returns the exit code.

use std::process::ExitCode;

use clap::error::ErrorKind;
use roles_anywhere::app::App;
use roles_anywhere::options::resolve::resolve;
use roles_anywhere::options::{CommandLine, clap_error};
use roles_anywhere::os::{environment, process, stdio};
use roles_anywhere::output::error::{Error, Kind};
use roles_anywhere::output::log::LogFormat;
use roles_anywhere::output::report;
use roles_anywhere_client::provider;
use roles_anywhere_client::text::disclosure::PathExists;
use roles_anywhere_client::time::Clock as _;

fn main() -> ExitCode {
    let app = App::start();
    report_panics();
    process::keep_memory_private();
    process::survive_file_size_limit();
    match run(&app) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            app.report(&failure.report);
            ExitCode::from(failure.kind.exit_code())
        }
    }
}

/// Why a run failed, as it is reported.
struct Failure {
    report: String,
    kind: Kind,
}

impl Failure {
    fn new(error: &Error, format: LogFormat, app: &App) -> Self {
        Self { report: report::failure(error, format, app.clock().now()), kind: error.kind() }
    }
}

fn run(app: &App) -> Result<(), Failure> {
    let text = |error: Error| Failure::new(&error, LogFormat::Text, app);
    let paths = PathExists(&|path| path.exists());
    let line = match CommandLine::try_parse_from(environment::arguments()) {
        Ok(line) => line,
        Err(error) => {
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                    app.print(error.render().to_string().as_bytes()).map_err(text)
                }
                _ => {
                    let arguments: Vec<String> = environment::arguments().collect();
                    let report = clap_error::message(&error, &arguments, paths);
                    Err(Failure { report, kind: Kind::Usage })
                }
            };
        }
    };
    let plan = resolve(&line, app.environment(), app.stdout(), paths);
    let plan = plan.map_err(|error| text(error.into()))?;
    let output = plan.run(app).map_err(|error| Failure::new(&error, plan.log_format(), app))?;
    app.print(output.expose()).map_err(text)
}

/// Makes a panic end like any other error: one message, and a documented exit code.
fn report_panics() {
    #[expect(
        clippy::exit,
        clippy::disallowed_methods,
        reason = "the process aborts behind this hook, and main chooses the exit code"
    )]
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, |at| format!(" at {at}"));
        let defect = Error::new(provider::ErrorKind::Internal, InternalError(place))
            .hint("please report this line and the command, without secrets");
        stdio::write_stderr(&defect.to_string());
        std::process::exit(i32::from(defect.kind().exit_code()));
    }));
}

#[derive(Debug, thiserror::Error)]
#[error("roles-anywhere met a defect of its own{0}")]
struct InternalError(String);
