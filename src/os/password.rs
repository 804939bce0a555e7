//! The password of an encrypted key: from the configured source, from systemd, or from a prompt.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use roles_anywhere_client::input_source::{Files, InputSource};
use roles_anywhere_client::password::{PasswordError, PasswordSource, Passwords};
use roles_anywhere_client::secret::Secret;

/// Reads the password. One that was typed is kept; a file is read each time, as it may hold another
/// password after a rotation.
#[expect(missing_debug_implementations, reason = "holds a port and a secret")]
pub struct KeyPassword {
    source: PasswordSource,
    files: Arc<dyn Files>,
    kept: Mutex<Option<Secret>>,
    asked: AtomicBool,
}

impl KeyPassword {
    /// Returns the port; nothing is read until a password is needed.
    pub fn new(source: PasswordSource, files: Arc<dyn Files>) -> Self {
        Self { source, files, kept: Mutex::default(), asked: AtomicBool::default() }
    }

    /// Returns the password, if one was typed.
    pub fn typed(&self) -> Option<Secret> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns whether a password was needed since [`Passwords::unused`] was last called.
    pub fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    fn ask_once(&self, file_name: &str) -> Result<Secret, PasswordError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(password) = &*kept {
            return Ok(password.clone());
        }
        let password = PROMPT.ask(file_name)?;
        *kept = Some(password.clone());
        Ok(password)
    }

    fn read(&self, place: &InputSource) -> Result<Secret, PasswordError> {
        let bytes = self.files.read(place)?;
        let text = std::str::from_utf8(bytes.expose());
        let text = text.map_err(|_| PasswordError::NotText(place.name(true)))?;
        let line = text.strip_suffix('\n').unwrap_or(text);
        Ok(Secret::new(line.strip_suffix('\r').unwrap_or(line).to_owned()))
    }
}

impl Passwords for KeyPassword {
    fn password(&self, file_name: &str) -> Result<Secret, PasswordError> {
        self.asked.store(true, Ordering::Relaxed);
        match &self.source {
            PasswordSource::Inline { password, .. } => Ok(password.clone()),
            PasswordSource::From(place) => self.read(place),
            PasswordSource::Default { credential: Some(place) } => match self.read(place) {
                Err(PasswordError::Unreadable(error))
                    if error.source.kind() == std::io::ErrorKind::NotFound =>
                {
                    self.ask_once(file_name)
                }
                answer => answer,
            },
            PasswordSource::Default { credential: None } => self.ask_once(file_name),
        }
    }

    fn prompts(&self) -> bool {
        matches!(self.source, PasswordSource::Default { .. })
    }

    fn unused(&self) -> Option<String> {
        let asked = self.asked.swap(false, Ordering::Relaxed);
        match &self.source {
            _ if asked => None,
            PasswordSource::Inline { origin, .. } => Some(origin.clone()),
            PasswordSource::From(place) => place.origin.clone(),
            // The credential of a unit that also runs on machines whose key is encrypted.
            PasswordSource::Default { .. } => None,
        }
    }
}

/// The prompt on the terminal of this process.
static PROMPT: Prompt = Prompt { turn: Mutex::new(()), before: Mutex::new(None) };

/// Makes the terminal echo again if the process ends while a prompt is open.
pub fn abandon_prompt() {
    if let Some(settings) = PROMPT.set_before(None) {
        settings.restore();
    }
}

/// A prompt that asks for one password at a time: the keys of several roles are opened by several
/// threads, and a second prompt would find the terminal without echo and leave it so.
struct Prompt {
    turn: Mutex<()>,
    /// The terminal as it was before the prompt that is open.
    before: Mutex<Option<terminal::Settings>>,
}

impl Prompt {
    fn ask(&self, file_name: &str) -> Result<Secret, PasswordError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        terminal::check_foreground()?;
        self.set_before(terminal::Settings::read());
        let answer = terminal::ask(file_name);
        self.set_before(None);
        answer
    }

    fn set_before(&self, settings: Option<terminal::Settings>) -> Option<terminal::Settings> {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *before, settings)
    }
}

mod terminal {
    //! Asks on the terminal device, even if standard input and output are redirected.

    use super::PasswordError;
    use roles_anywhere_client::secret::Secret;
    use roles_anywhere_client::text::escape;

    pub(super) fn ask(file_name: &str) -> Result<Secret, PasswordError> {
        rpassword::prompt_password(format!("Password of {}: ", escape::line(file_name)))
            .map(Secret::new)
            .map_err(PasswordError::NoAnswer)
    }

    /// Fails without a terminal, and in the background, where reading from it would stop the process.
    #[cfg(unix)]
    pub(super) fn check_foreground() -> Result<(), PasswordError> {
        let device = open().map_err(|_| PasswordError::NoTerminal)?;
        let foreground = rustix::termios::tcgetpgrp(&device);
        match foreground {
            Ok(group) if group == rustix::process::getpgrp() => Ok(()),
            Ok(_) => Err(PasswordError::Background),
            Err(_) => Err(PasswordError::NoTerminal),
        }
    }

    #[cfg(unix)]
    fn open() -> std::io::Result<std::fs::File> {
        std::fs::File::options().read(true).write(true).open("/dev/tty")
    }

    /// The settings of the terminal, of which a prompt changes the echo.
    #[cfg(unix)]
    pub(super) struct Settings(rustix::termios::Termios);

    #[cfg(unix)]
    impl Settings {
        pub(super) fn read() -> Option<Self> {
            rustix::termios::tcgetattr(open().ok()?).ok().map(Self)
        }

        pub(super) fn restore(&self) {
            if let Ok(device) = open() {
                let now = rustix::termios::OptionalActions::Now;
                let _ = rustix::termios::tcsetattr(device, now, &self.0);
            }
        }
    }

    /// Not known on this system.
    #[cfg(not(unix))]
    pub(super) struct Settings;

    #[cfg(not(unix))]
    impl Settings {
        pub(super) fn read() -> Option<Self> {
            None
        }

        pub(super) fn restore(&self) {}
    }

    #[cfg(not(unix))]
    pub(super) fn check_foreground() -> Result<(), PasswordError> {
        Ok(())
    }
}
