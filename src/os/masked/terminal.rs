//! The terminals of a program whose output is masked.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, open};
use rustix::process::getpgrp;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    OptionalActions, OutputModes, Termios, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr,
    tcsetwinsize,
};

use super::keyboard::Keyboard;

/// The terminal that a program has instead of ours, and ours, of which the keys are passed on as they are typed.
#[derive(Debug)]
pub struct ProgramTerminal {
    ours: File,
    /// How ours is set at the beginning.
    settings: Termios,
    /// The end of the other one that is on our side.
    master: OwnedFd,
    keyboard: Arc<Keyboard>,
}

impl ProgramTerminal {
    /// Opens one that is set as ours is, and has its size. Returns the end of the program, too.
    pub(super) fn open(ours: File) -> io::Result<(Self, OwnedFd)> {
        let settings = tcgetattr(&ours)?;
        let (master, theirs) = open_pair()?;
        tcsetattr(&theirs, OptionalActions::Now, &settings)?;
        let terminal = Self { ours, settings, master, keyboard: Arc::default() };
        terminal.resize();
        Ok((terminal, theirs))
    }

    /// Returns a descriptor on which what the program writes is read.
    pub(super) fn output(&self) -> io::Result<OwnedFd> {
        self.master.try_clone()
    }

    /// Passes on what is typed while our terminal is taken.
    pub(super) fn read_keyboard(&self) -> io::Result<()> {
        let (ours, master) = (self.ours.try_clone()?, self.master.try_clone()?);
        let keyboard = Arc::clone(&self.keyboard);
        std::thread::Builder::new().spawn(move || keyboard.pass_on(&ours, &master))?;
        Ok(())
    }

    /// Returns whether the keys of our terminal go to the program.
    pub(in crate::os) fn is_taken(&self) -> bool {
        self.keyboard.is_taken()
    }

    /// Takes our terminal, if this process is in its foreground: keys have no meaning there from then on, but for
    /// the program.
    pub(in crate::os) fn take(&self) {
        if !self.is_foreground() {
            return self.keyboard.set_taken(false);
        }
        let mut raw = self.settings.clone();
        raw.make_raw();
        if tcsetattr(&self.ours, OptionalActions::Now, &raw).is_ok() {
            self.resize();
            self.keyboard.set_taken(true);
        }
    }

    /// Sets our terminal as it was.
    pub(in crate::os) fn give_back(&self) {
        if self.is_taken() && self.is_foreground() {
            let _ = tcsetattr(&self.ours, OptionalActions::Now, &self.settings);
        }
        self.keyboard.set_taken(false);
    }

    /// Gives the other one the size of ours. Its programs are told by the kernel if it changes.
    pub(in crate::os) fn resize(&self) {
        copy_size(self.ours.as_fd(), self.master.as_fd());
    }

    fn is_foreground(&self) -> bool {
        tcgetpgrp(&self.ours) == Ok(getpgrp())
    }
}

impl Drop for ProgramTerminal {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// Terminals in the place of standard streams that are terminals, too. A program can write to them only.
#[derive(Debug, Default)]
pub struct OtherTerminals(Vec<(OwnedFd, OwnedFd)>);

impl OtherTerminals {
    /// Opens one in the place of `ours`, and returns where what is written is read, and the end of the program.
    pub(super) fn add(&mut self, ours: BorrowedFd<'_>) -> io::Result<(OwnedFd, OwnedFd)> {
        let (master, theirs) = open_pair()?;
        let mut settings = tcgetattr(ours)?;
        // Ours adds the carriage returns.
        settings.output_modes.remove(OutputModes::OPOST);
        tcsetattr(&theirs, OptionalActions::Now, &settings)?;
        copy_size(ours, master.as_fd());
        self.0.push((ours.try_clone_to_owned()?, master.try_clone()?));
        Ok((master, theirs))
    }

    /// Gives them the size of ours.
    pub(in crate::os) fn resize(&self) {
        self.0.iter().for_each(|(ours, master)| copy_size(ours.as_fd(), master.as_fd()));
    }
}

fn copy_size(from: BorrowedFd<'_>, to: BorrowedFd<'_>) {
    if let Ok(size) = tcgetwinsize(from) {
        // The same size is no change for a program.
        let _ = tcsetwinsize(to, size);
    }
}

/// Opens both ends of a terminal that is not that of this process.
fn open_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let theirs = open(ptsname(&master, Vec::new())?, flags, Mode::empty())?;
    Ok((master, theirs))
}
