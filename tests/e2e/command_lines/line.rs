//! A command line with its variables, and how it is shown.

/// What a process is started with. Bytes, since not all are UTF-8.
#[derive(Debug, Default)]
pub(super) struct CommandLine {
    pub(super) variables: Vec<(String, Vec<u8>)>,
    pub(super) arguments: Vec<Vec<u8>>,
}

impl CommandLine {
    /// Returns the line as a shell takes it.
    pub(super) fn shown(&self) -> String {
        let variables =
            self.variables.iter().map(|(name, value)| format!("{name}={}", quoted(value)));
        let arguments = self.arguments.iter().map(|word| quoted(word));
        let words: Vec<String> =
            variables.chain(["roles-anywhere".to_owned()]).chain(arguments).collect();
        format!("$ env -i {}", words.join(" "))
    }

    /// Returns all of it, each word ended by a zero byte.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let variables = self.variables.iter();
        let variables = variables.flat_map(|(name, value)| [name.as_bytes(), b"=", value, b"\0"]);
        let arguments = self.arguments.iter().flat_map(|word| [&**word, b"\0"]);
        variables.chain(arguments).flatten().copied().collect()
    }

    /// Returns whether it is of the command that prints a signature.
    pub(super) fn signs(&self) -> bool {
        self.arguments.iter().any(|word| word == b"sign-string")
    }
}

/// Quotes a word for bash if that is needed.
fn quoted(word: &[u8]) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_=+:,./@%".contains(byte);
    if !word.is_empty() && word.iter().all(is_plain) {
        return String::from_utf8_lossy(word).into_owned();
    }
    match word.iter().all(|byte| matches!(byte, b' '..=b'~')) && !word.contains(&b'\'') {
        true => format!("'{}'", String::from_utf8_lossy(word)),
        false => format!("$'{}'", word.escape_ascii()),
    }
}
