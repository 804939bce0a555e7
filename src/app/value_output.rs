//! What commands share that print a secret or a parameter, or write it to a file.

use crate::app::App;
use crate::options::secret_output::ValueDestination;
use crate::output::Stdout;
use crate::output::error::Error;
use roles_anywhere_client::input_source::FileError;
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::time::Deadline;

/// Whether a line break may be added to a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LineBreak {
    /// On a terminal, if the value does not end with one.
    OnTerminal,
    /// Never: the value is binary, or ends with one.
    Never,
}

impl App {
    /// Returns what to print of `value`; nothing if it was written to a file.
    pub fn deliver(
        &self,
        (value, line_break): (SecretBytes, LineBreak),
        destination: &ValueDestination,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<SecretBytes, Error> {
        match destination {
            ValueDestination::File(path) => {
                let left = deadline.remaining(ports.clock.uptime());
                let written = self.files().write(path, value.expose(), left);
                written
                    .map_err(|error| FileError { place: error.place.named_by("--out"), ..error })?;
                Ok(SecretBytes::default())
            }
            ValueDestination::Stdout(stdout) => Ok(ended(value, line_break, *stdout)),
        }
    }
}

fn ended(value: SecretBytes, line_break: LineBreak, stdout: Stdout) -> SecretBytes {
    if stdout == Stdout::Stream || line_break == LineBreak::Never || value.expose().ends_with(b"\n")
    {
        return value;
    }
    SecretBytes::new([value.expose(), b"\n"].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_text_in_a_newline_on_a_terminal_only() {
        let end = |value: &str, line_break, stdout| {
            let bytes = SecretBytes::new(value.as_bytes().to_vec());
            String::from_utf8(ended(bytes, line_break, stdout).expose().to_vec()).unwrap()
        };
        assert_eq!(end("s", LineBreak::OnTerminal, Stdout::Terminal), "s\n");
        assert_eq!(end("s\n", LineBreak::OnTerminal, Stdout::Terminal), "s\n");
        assert_eq!(end("s", LineBreak::OnTerminal, Stdout::Stream), "s");
        assert_eq!(end("s", LineBreak::Never, Stdout::Terminal), "s");
    }
}
