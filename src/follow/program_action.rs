//! What is done with a program when what it gets has changed.

use std::fmt;

use super::action::SignalName;
use roles_anywhere_client::secret::Secret;

/// What is done with a program when what it gets has changed.
#[derive(Clone, Debug)]
pub enum ProgramAction {
    /// It is ended and started again.
    Restart,
    /// It gets a signal.
    Signal(SignalName),
    /// A command of a shell is run, which may hold a password.
    Command(Secret),
    /// It is ended, and so is this process.
    Exit,
}

impl ProgramAction {
    /// Parses an action; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "restart" => Some(Self::Restart),
            None if text == "exit" => Some(Self::Exit),
            Some(("signal", name)) => SignalName::parse(name).map(Self::Signal),
            Some(("command", command)) if !command.trim().is_empty() => {
                Some(Self::Command(Secret::new(command.to_owned())))
            }
            _ => None,
        }
    }

    /// Returns whether the program goes on as it was started: only its files change.
    pub fn keeps_program(&self) -> bool {
        matches!(self, Self::Signal(_) | Self::Command(_))
    }
}

/// As an event of the log names it: a command without its text.
impl fmt::Display for ProgramAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Restart => f.write_str("restart"),
            Self::Signal(signal) => write!(f, "signal:{signal}"),
            Self::Command(_) => f.write_str("command"),
            Self::Exit => f.write_str("exit"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_have_these_names() {
        let rows = [
            ("restart", Some("restart")),
            ("exit", Some("exit")),
            ("signal:HUP", Some("signal:HUP")),
            ("signal:SIGUSR2", Some("signal:USR2")),
            ("command:psql -c 'select 1:2'", Some("command")),
            ("", None),
            ("Restart", None),
            ("restart:", None),
            ("exit:1", None),
            ("signal", None),
            ("signal:", None),
            ("signal:KILL", None),
            ("signal:HUP:/run/app.pid", None),
            ("command", None),
            ("command: ", None),
            ("touch /tmp/x", None),
        ];
        for (text, expected) in rows {
            let action = ProgramAction::parse(text);
            assert_eq!(action.map(|action| action.to_string()).as_deref(), expected, "{text}");
        }
        let command = ProgramAction::parse("command:psql --password=hunter2");
        assert!(!format!("{command:?}").contains("hunter2"));
    }
}
