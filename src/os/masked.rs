//! What a program writes, masked: in pipes, and on a terminal of its own where ours is one.
//!
//! If standard output is the terminal of this process, the program gets another one (a pseudo-terminal) with a
//! session of its own, in which another process of ours does what a shell does for a job: so the program can be
//! stopped and interrupted, and can have jobs itself. What is typed is passed on to it. Else the program stays
//! in the process group and the session of this process, where what is beside it in a pipeline, such as a
//! pager, uses the terminal too; standard error may be a terminal for it that only passes on what is written.

mod keyboard;
mod pump;
mod session;
mod terminal;

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::fstat;
use rustix::stdio::{stderr, stdin, stdout};
use rustix::termios::{isatty, tcgetpgrp};
use tokio::sync::oneshot;

use crate::secrets::masking::{Masker, Masks};
pub use pump::PumpError;
use pump::pump;
use roles_anywhere_client::time::Clock;
pub use session::{TerminalProgram, TerminalStep};
pub use terminal::{OtherTerminals, ProgramTerminal};

/// Copies standard input to standard output, masked.
pub fn copy_input(masks: &Masks, clock: &dyn Clock) -> Result<(), PumpError> {
    pump(&stdin(), &stdout(), Masker::new(masks), clock, None)
}

/// The streams of a program that is to be masked.
#[derive(Debug)]
pub struct MaskedStreams {
    /// Standard input, output and error of the program; `None` for ours.
    program: [Option<OwnedFd>; 3],
    /// The other ends of its output.
    sources: Vec<(OwnedFd, OutputStream)>,
    terminal: Option<ProgramTerminal>,
    others: OtherTerminals,
}

/// Where a stream goes.
#[derive(Clone, Copy, Debug)]
enum OutputStream {
    Stdout,
    Stderr,
}

impl OutputStream {
    fn descriptor(self) -> BorrowedFd<'static> {
        match self {
            Self::Stdout => stdout(),
            Self::Stderr => stderr(),
        }
    }
}

/// What copies the streams of a program.
#[derive(Debug)]
pub struct Pumps {
    /// Closed when the program has ended.
    running: io::PipeWriter,
    results: Vec<oneshot::Receiver<Result<(), PumpError>>>,
}

impl MaskedStreams {
    /// Opens what a program needs in the place of our standard streams.
    pub fn open() -> io::Result<Self> {
        let mut streams = Self {
            program: [None, None, None],
            sources: Vec::new(),
            terminal: None,
            others: OtherTerminals::default(),
        };
        let is_ours = |stream: BorrowedFd<'_>| tcgetpgrp(stream).is_ok();
        let device = File::options().read(true).write(true).open("/dev/tty");
        match device {
            Ok(device) if is_ours(stdout()) => {
                let (terminal, theirs) = ProgramTerminal::open(device)?;
                streams.sources.push((terminal.output()?, OutputStream::Stdout));
                streams.terminal = Some(terminal);
                for (index, stream) in [stdin(), stdout(), stderr()].into_iter().enumerate() {
                    if is_ours(stream) {
                        streams.program[index] = Some(theirs.try_clone()?);
                    }
                }
            }
            _ => streams.add(OutputStream::Stdout)?,
        }
        match &streams.program {
            [_, _, Some(_)] => {}
            [_, Some(output), None] if is_same_file(stdout(), stderr()) => {
                // In one stream, what is written to both keeps its order.
                streams.program[2] = Some(output.try_clone()?);
            }
            _ => streams.add(OutputStream::Stderr)?,
        }
        Ok(streams)
    }

    /// Adds a pipe, or a terminal that only passes on what is written.
    fn add(&mut self, target: OutputStream) -> io::Result<()> {
        let stream = target.descriptor();
        let (source, theirs) = match isatty(stream) {
            true => self.others.add(stream)?,
            false => {
                let (reader, writer) = io::pipe()?;
                (reader.into(), writer.into())
            }
        };
        self.sources.push((source, target));
        self.program[target as usize + 1] = Some(theirs);
        Ok(())
    }

    /// Returns whether the program gets a terminal with a session.
    pub fn has_session(&self) -> bool {
        self.terminal.is_some()
    }

    /// Returns the standard streams of the program; `None` for ours.
    pub fn of_program(&self) -> [Option<BorrowedFd<'_>>; 3] {
        self.program.each_ref().map(|stream| stream.as_ref().map(AsFd::as_fd))
    }

    /// Copies the streams of the program, which runs.
    pub fn run(
        self,
        masks: &Masks,
        clock: &Arc<dyn Clock>,
    ) -> io::Result<(Pumps, Option<ProgramTerminal>, OtherTerminals)> {
        let Self { program, sources, terminal, others } = self;
        // Only the program has these ends from here on: that nothing has them is how the other ends know.
        drop(program);
        // What the program writes has the carriage returns that ours would add.
        terminal.iter().for_each(ProgramTerminal::take);
        let (ended, running) = io::pipe()?;
        let mut results = Vec::new();
        for (source, target) in sources {
            let (sender, result) = oneshot::channel();
            let (masker, clock, ended) =
                (Masker::new(masks), Arc::clone(clock), ended.try_clone()?);
            std::thread::Builder::new().spawn(move || {
                let ended = Some(&ended);
                let result = pump(&source, &target.descriptor(), masker, &*clock, ended);
                // A program that writes on gets the same error as from ours.
                drop(source);
                let _ = sender.send(result);
            })?;
            results.push(result);
        }
        if let Some(terminal) = &terminal {
            terminal.read_keyboard()?;
        }
        Ok((Pumps { running, results }, terminal, others))
    }
}

impl Pumps {
    /// Copies what the ended program has written. The error is that of a stream which could not be copied;
    /// that no one reads it is none.
    pub async fn finish(self) -> Result<(), PumpError> {
        let Self { running, results } = self;
        drop(running);
        let mut failed = Ok(());
        for result in results {
            match result.await {
                Ok(Err(PumpError::Write(error))) if error.kind() == io::ErrorKind::BrokenPipe => {}
                Ok(Err(error)) => failed = Err(error),
                Ok(Ok(())) | Err(_) => {}
            }
        }
        failed
    }
}

/// Returns whether two descriptors are of the same file, pipe or socket.
fn is_same_file(first: BorrowedFd<'_>, second: BorrowedFd<'_>) -> bool {
    match (fstat(first), fstat(second)) {
        (Ok(first), Ok(second)) => {
            (first.st_dev, first.st_ino, first.st_rdev)
                == (second.st_dev, second.st_ino, second.st_rdev)
        }
        _ => false,
    }
}
