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
    /// Parses an action. The error is what is expected in its place; `None` if it is not an action at all.
    pub fn parse(text: &str) -> Result<Self, Option<&'static str>> {
        match text.split_once(':') {
            None if text == "restart" => Ok(Self::Restart),
            None if text == "exit" => Ok(Self::Exit),
            Some(("signal", name)) => {
                let signal = SignalName::parse(name).map(Self::Signal);
                signal.ok_or(Some(SignalName::EXPECTED))
            }
            Some(("command", command)) if !command.trim().is_empty() => {
                Ok(Self::Command(Secret::new(command.to_owned())))
            }
            _ => Err(None),
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
            ("restart", Ok("restart")),
            ("exit", Ok("exit")),
            ("signal:HUP", Ok("signal:HUP")),
            ("signal:SIGUSR2", Ok("signal:USR2")),
            ("command:psql -c 'select 1:2'", Ok("command")),
            ("", Err(None)),
            ("Restart", Err(None)),
            ("restart:", Err(None)),
            ("exit:1", Err(None)),
            ("signal", Err(None)),
            ("signal:", Err(Some(SignalName::EXPECTED))),
            ("signal:KILL", Err(Some(SignalName::EXPECTED))),
            ("signal:HUP:/run/app.pid", Err(Some(SignalName::EXPECTED))),
            ("command", Err(None)),
            ("command: ", Err(None)),
            ("touch /tmp/x", Err(None)),
        ];
        for (text, expected) in rows {
            let action = ProgramAction::parse(text).map(|action| action.to_string());
            assert_eq!(action, expected.map(str::to_owned), "{text}");
        }
        let command = ProgramAction::parse("command:psql --password=hunter2");
        assert!(!format!("{command:?}").contains("hunter2"));
    }
}
