//! What is done about a change.

use std::fmt;
use std::path::PathBuf;

use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::text::path;

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
        "`signal:NAME:PIDFILE` with a signal such as HUP, `systemctl-reload:UNIT`, or a command";

    /// Parses an action; `None` if it is empty, or begins as one that it is not.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix("signal:") {
            let (signal, file) = rest.split_once(':')?;
            let signal = SignalName::parse(signal)?;
            return (!file.is_empty()).then(|| Self::Signal { signal, pid_file: path::path(file) });
        }
        if let Some(unit) = text.strip_prefix("systemctl-reload:") {
            return is_unit(unit).then(|| Self::Reload { unit: unit.to_owned() });
        }
        (!text.trim().is_empty()).then(|| Self::Command(Secret::new(text.to_owned())))
    }
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
        let rows = [
            ("signal:HUP:/run/nginx.pid", Some("signal:HUP")),
            ("signal:SIGUSR1:/run/a:b.pid", Some("signal:USR1")),
            ("systemctl-reload:nginx.service", Some("systemctl-reload:nginx.service")),
            ("systemctl-reload:db@main-1.service", Some("systemctl-reload:db@main-1.service")),
            ("systemctl reload nginx", Some("command")),
            ("signal nginx", Some("command")),
            ("signal:HUP", None),
            ("signal:HUP:", None),
            ("signal:hup:/run/nginx.pid", None),
            ("signal:KILL:/run/nginx.pid", None),
            ("signal:1:/run/nginx.pid", None),
            ("systemctl-reload:", None),
            ("systemctl-reload:--force", None),
            ("systemctl-reload:a'b", None),
            ("systemctl-reload:a b", None),
            (" ", None),
            ("", None),
        ];
        for (text, expected) in rows {
            let action = ChangeAction::parse(text);
            assert_eq!(action.map(|action| action.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn debug_output_hides_a_command() {
        let action = ChangeAction::parse("psql --password=hunter2");
        assert!(!format!("{action:?}").contains("hunter2"));
    }
}
