//! Masking of what this process reads, or what its program writes.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::app::App;
use crate::app::session;
use crate::os::child::{self, ChildProgram, ChildRole, ProgramEnd, ProgramSignals, TerminalStop};
use crate::os::masked::{self, MaskedStreams, PumpError, TerminalProgram, TerminalStep};
use crate::os::program::ProgramStreams;
use crate::os::{environment, process, program};
use crate::output::error::Error;
use crate::output::masking::too_short_note;
use crate::output::run::RunError;
use crate::secrets::masking::Masks;

impl App {
    /// Copies standard input to standard output, masked. If no one reads that any more, this process is to end
    /// as any filter does.
    pub fn mask_input(&self, masks: &Masks) -> Result<ProgramEnd, Error> {
        match masked::copy_input(masks, self.clock()) {
            Ok(()) => Ok(ProgramEnd::Exited(0)),
            Err(PumpError::Write(error)) => {
                child::end_of_filter(&error).ok_or_else(|| pump_failed(PumpError::Write(error)))
            }
            Err(error) => Err(pump_failed(error)),
        }
    }

    /// Says which values are too short to be masked.
    pub fn report_short(&self, masks: &Masks) {
        if let Some(note) = too_short_note(masks.too_short()) {
            self.report(&note);
        }
    }

    /// Starts a program as a child of this process, with `streams` in the place of ours, and returns its number.
    pub fn start_masked_program(
        &self,
        path: &Path,
        arguments: &[OsString],
        variables: &[(OsString, OsString)],
        streams: &MaskedStreams,
    ) -> Result<i32, Error> {
        let (variables, streams_of_program) = (variables.to_vec(), streams.of_program());
        if !streams.has_session() {
            let is_separate = child::is_init() && child::separates_program();
            let streams = ProgramStreams { is_separate, replaced: streams_of_program };
            let arguments = arguments.to_vec();
            return Ok(process::with_inherited(|| {
                program::spawn(path, arguments, variables, &streams)
            })?);
        }
        let own = self.own_executable().map_err(RunError::System)?;
        let words = TerminalStep::Session.words(own.as_os_str(), path.as_os_str(), arguments);
        let streams = ProgramStreams { is_separate: false, replaced: streams_of_program };
        let file = process::own_file(&own);
        Ok(process::with_inherited(|| program::spawn(file, words, variables, &streams))?)
    }

    /// Does what a process of ours does for a program on a terminal, if the command line `words` is that of one.
    /// Returns the exit code then.
    pub fn run_on_terminal(&self, words: &[String]) -> Option<Result<u8, Error>> {
        let program = TerminalProgram::of(words)?;
        let run = || {
            let TerminalProgram { step, path, arguments } = program.map_err(RunError::System)?;
            match step {
                TerminalStep::Session => self.lead_session(&path, &arguments),
                TerminalStep::Program => {
                    match self.become_program(path.as_ref(), arguments, environment::variables())? {}
                }
            }
        };
        Some(run())
    }

    /// Leads the session of a program's terminal until the program ends.
    fn lead_session(&self, path: &OsStr, arguments: &[OsString]) -> Result<u8, Error> {
        let own = self.own_executable().map_err(RunError::System)?;
        let words = TerminalStep::Program.words(own.as_os_str(), path, arguments);
        let end = session::block_on(async {
            let signals = ProgramSignals::listen(TerminalStop::PassedOn);
            let signals = signals.map_err(RunError::System)?;
            let variables = environment::variables();
            let streams = ProgramStreams { is_separate: true, ..ProgramStreams::default() };
            let pid = signals.with_inherited_mask(|| {
                let file = process::own_file(&own);
                process::with_inherited(|| program::spawn(file, words, variables, &streams))
            })?;
            let program = ChildProgram::run(signals, pid, ChildRole::InSession);
            Ok(program.map_err(RunError::System)?.ended().await)
        })?;
        Ok(self.end_as(end))
    }

    /// Ends this process by the signal that has ended its program, if one has; else returns the exit code.
    pub fn end_as(&self, end: ProgramEnd) -> u8 {
        if let ProgramEnd::Signaled(signal) = end {
            child::end_by(signal);
        }
        end.exit_code()
    }
}

/// Returns the error of a stream that cannot be copied.
pub(super) fn pump_failed(error: PumpError) -> Error {
    match error {
        PumpError::Read(error) => RunError::Stdin(error).into(),
        PumpError::Write(error) => RunError::Stdout(error).into(),
    }
}
