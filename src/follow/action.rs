//! What is done about a change.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::options::table::PREFIX;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::text::path;

/// The time after which a command is ended.
pub const COMMAND_LIMIT: Duration = Duration::from_secs(300);

/// Returns whether a variable of this process is of no use to a command, or none of its business: ours, which may be
/// passwords, and those by which systemd talks to this process.
pub fn is_withheld(name: &OsStr) -> bool {
    const OF_SYSTEMD: [&str; 7] = [
        "NOTIFY_SOCKET",
        "WATCHDOG_PID",
        "WATCHDOG_USEC",
        "LISTEN_PID",
        "LISTEN_FDS",
        "LISTEN_FDNAMES",
        "CREDENTIALS_DIRECTORY",
    ];
    name.as_encoded_bytes().starts_with(PREFIX.as_bytes())
        || OF_SYSTEMD.iter().any(|it| name == *it)
}

/// What is done about a change of rendered files.
#[derive(Clone, Debug)]
pub enum ChangeAction {
    /// A signal for the process whose number is in a file.
    Signal {
        /// The signal.
        signal: SignalName,
        /// The file.
        pid_file: PathBuf,
    },
    /// A unit of systemd reads its files again.
    Reload {
        /// The name of the unit.
        unit: String,
    },
    /// A command of a shell, which may hold a password.
    Command(Secret),
}

impl ChangeAction {
    /// What [`ChangeAction::parse`] takes.
    pub const EXPECTED: &'static str =
        "`signal:NAME:PIDFILE`, `systemctl-reload:UNIT`, `command:CMD`, or a command";

    /// Parses an action. The error is what is expected in its place.
    ///
    /// A text that begins as an action is none of the commands that need no `command:`, so that a mistake is found
    /// before the first change.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let command = match text.split_once(':') {
            Some(("signal", rest)) => return Self::parse_signal(rest),
            Some(("systemctl-reload", unit)) if is_unit(unit) => {
                return Ok(Self::Reload { unit: unit.to_owned() });
            }
            Some(("systemctl-reload", _)) => {
                return Err("the name of a unit in `systemctl-reload:UNIT`");
            }
            Some(("command", command)) => command,
            Some((word, _)) if is_word(word) => return Err(Self::EXPECTED),
            None if OTHER_ACTIONS.contains(&text.trim()) => return Err(Self::EXPECTED),
            _ => text,
        };
        match command.trim().is_empty() {
            true => Err(Self::EXPECTED),
            false => Ok(Self::Command(Secret::new(command.to_owned()))),
        }
    }

    fn parse_signal(text: &str) -> Result<Self, &'static str> {
        let (name, file) = text.split_once(':').unwrap_or((text, ""));
        let signal = SignalName::parse(name).ok_or(SignalName::EXPECTED)?;
        let pid_file = path::path(file);
        // The directory that it would be relative to is seldom the one that is meant.
        match pid_file.is_absolute() {
            true => Ok(Self::Signal { signal, pid_file }),
            false => Err("the absolute path of a PID file in `signal:NAME:PIDFILE`"),
        }
    }
}

/// Words that are taken for actions, and that a shell would not run as what is meant.
const OTHER_ACTIONS: [&str; 7] =
    ["command", "exit", "reload", "restart", "signal", "systemctl-reload", "systemctl-restart"];

/// Returns whether a text can be the name of an action.
fn is_word(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphabetic() || byte == b'-';
    !text.is_empty() && text.bytes().all(is_allowed)
}

/// As an event of the log names it: a command without its text.
impl fmt::Display for ChangeAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal { signal, .. } => write!(f, "signal:{signal}"),
            Self::Reload { unit } => write!(f, "systemctl-reload:{unit}"),
            Self::Command(_) => f.write_str("command"),
        }
    }
}

/// Returns whether a text can be the name of a unit: its characters are those of systemd.unit(5).
fn is_unit(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
    !text.is_empty() && text.len() <= 255 && !text.starts_with('-') && text.bytes().all(is_allowed)
}

/// A signal that programs have a use of their own for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SignalName {
    /// SIGHUP.
    Hup,
    /// SIGINT.
    Int,
    /// SIGQUIT.
    Quit,
    /// SIGTERM.
    Term,
    /// SIGUSR1.
    Usr1,
    /// SIGUSR2.
    Usr2,
    /// SIGWINCH.
    Winch,
}

impl SignalName {
    /// What [`SignalName::parse`] takes.
    pub const EXPECTED: &'static str =
        "one of the signals HUP, INT, QUIT, TERM, USR1, USR2 and WINCH";

    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Hup, Self::Int, Self::Quit, Self::Term, Self::Usr1, Self::Usr2, Self::Winch];

    /// Parses a name, with or without `SIG`.
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.strip_prefix("SIG").unwrap_or(text);
        Self::ALL.into_iter().find(|signal| signal.as_str() == name)
    }

    /// Returns its name without `SIG`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hup => "HUP",
            Self::Int => "INT",
            Self::Quit => "QUIT",
            Self::Term => "TERM",
            Self::Usr1 => "USR1",
            Self::Usr2 => "USR2",
            Self::Winch => "WINCH",
        }
    }
}

impl fmt::Display for SignalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_told_apart_by_their_beginning() {
        const ANY: &str = ChangeAction::EXPECTED;
        const FILE: &str = "the absolute path of a PID file in `signal:NAME:PIDFILE`";
        const UNIT: &str = "the name of a unit in `systemctl-reload:UNIT`";
        let rows = [
            ("signal:HUP:/run/nginx.pid", Ok("signal:HUP")),
            ("signal:SIGUSR1:/run/a:b.pid", Ok("signal:USR1")),
            ("systemctl-reload:nginx.service", Ok("systemctl-reload:nginx.service")),
            ("systemctl-reload:db@main-1.service", Ok("systemctl-reload:db@main-1.service")),
            ("systemctl reload nginx", Ok("command")),
            ("signal nginx", Ok("command")),
            ("command:true", Ok("command")),
            ("command:restart", Ok("command")),
            ("curl http://localhost/reload", Ok("command")),
            ("A=a:b touch /tmp/x", Ok("command")),
            (": > /tmp/x", Ok("command")),
            ("signal:HUP", Err(FILE)),
            ("signal:HUP:", Err(FILE)),
            ("signal:HUP:nginx.pid", Err(FILE)),
            ("signal:HUP:$PWD/nginx.pid", Err(FILE)),
            ("signal:hup:/run/nginx.pid", Err(SignalName::EXPECTED)),
            ("signal:KILL:/run/nginx.pid", Err(SignalName::EXPECTED)),
            ("signal:1:/run/nginx.pid", Err(SignalName::EXPECTED)),
            ("systemctl-reload:", Err(UNIT)),
            ("systemctl-reload:--force", Err(UNIT)),
            ("systemctl-reload:a'b", Err(UNIT)),
            ("systemctl-reload:a b", Err(UNIT)),
            ("systemctl-restart:nginx", Err(ANY)),
            ("Signal:HUP:/run/nginx.pid", Err(ANY)),
            ("restart", Err(ANY)),
            ("exit", Err(ANY)),
            ("command:", Err(ANY)),
            (" ", Err(ANY)),
            ("", Err(ANY)),
        ];
        for (text, expected) in rows {
            let action = ChangeAction::parse(text).map(|action| action.to_string());
            assert_eq!(action, expected.map(str::to_owned), "{text}");
        }
        let listed = SignalName::ALL.map(SignalName::as_str);
        assert!(listed.iter().all(|name| SignalName::EXPECTED.contains(name)));
    }

    #[test]
    fn debug_output_hides_a_command() {
        let action = ChangeAction::parse("psql --password=hunter2");
        assert!(!format!("{action:?}").contains("hunter2"));
    }
}
