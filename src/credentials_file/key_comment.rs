//! The comment in a profile that says which secret its access key is of.
//!
//! A key with it can be had again from the secret, so a later key of the same secret may take its place. It
//! names the key, too: one that someone else has put below the comment since is not replaced.

use std::fmt;

use crate::credentials_file::line::{Line, LineKind, trim};

/// The comment in a profile that says which secret its access key is of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeyComment<'a> {
    /// The identifier of the key.
    pub key_id: &'a str,
    /// The ARN of the secret.
    pub secret_arn: &'a str,
}

const BEGINNING: &str = "# ";
const MIDDLE: &str = " is the access key of the secret ";
const END: &str = ", written by roles-anywhere update --from-secret";

impl fmt::Display for KeyComment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{BEGINNING}{}{MIDDLE}{}{END}", self.key_id, self.secret_arn)
    }
}

impl<'a> KeyComment<'a> {
    /// Returns the comment that a line is, if it is such a one.
    pub(super) fn of_line(line: &Line<'a>) -> Option<Self> {
        if !matches!(line.kind, LineKind::BlankOrComment) {
            return None;
        }
        let text = trim(line.whole).strip_prefix(BEGINNING)?.strip_suffix(END)?;
        let (key_id, secret_arn) = text.split_once(MIDDLE)?;
        Some(Self { key_id, secret_arn })
    }

    /// Returns the name of the secret: what its ARN ends with, without the random characters.
    pub fn secret_name(&self) -> &'a str {
        let name = self.secret_arn.split_once(":secret:").map_or("", |(_, name)| name);
        match name.len().checked_sub(7).and_then(|at| name.split_at_checked(at)) {
            Some((name, suffix)) if suffix.starts_with('-') => name,
            _ => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials_file::line;

    const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/legacy-AbCdEf";

    #[test]
    fn what_is_written_is_read_again() {
        let comment = KeyComment { key_id: "AKIA1", secret_arn: ARN };
        for text in [format!("{comment}\n"), format!("  {comment}\r\n"), comment.to_string()] {
            assert_eq!(KeyComment::of_line(&line::split(&text)[0]), Some(comment), "{text}");
        }
        assert_eq!(comment.secret_name(), "prod/legacy");
    }

    #[test]
    fn other_lines_are_not_such_comments() {
        let comment = KeyComment { key_id: "AKIA1", secret_arn: ARN }.to_string();
        for text in ["# mine", "[a]", "x = 1", "", &comment[1..], &comment[..comment.len() - 1]] {
            let lines = line::split(text);
            let found = lines.first().and_then(KeyComment::of_line);
            assert_eq!(found, None, "{text}");
        }
    }

    #[test]
    fn a_name_has_no_random_characters() {
        for (arn, name) in [
            ("arn:aws:secretsmanager:r:1:secret:a-b-AbCdEf", "a-b"),
            ("arn:aws:secretsmanager:r:1:secret:short", "short"),
            ("arn:aws:secretsmanager:r:1:secret:noneofthem", "noneofthem"),
            ("prod", ""),
        ] {
            assert_eq!(KeyComment { key_id: "", secret_arn: arn }.secret_name(), name, "{arn}");
        }
    }
}
