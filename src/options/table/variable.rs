//! The names of our variables, made from flags when the program is compiled.

use super::PREFIX;

/// The name of a variable.
pub(super) struct VariableName {
    bytes: [u8; Self::CAPACITY],
    length: usize,
}

impl VariableName {
    /// A flag with a longer variable does not compile, nor does one that is not ASCII.
    const CAPACITY: usize = 48;

    /// Returns the variable of a flag: `ROLES_ANYWHERE_ROLE_ARN` for `--role-arn`.
    pub(super) const fn of(flag: &str) -> Self {
        let (prefix, flag) = (PREFIX.as_bytes(), flag.as_bytes());
        let mut name = Self { bytes: [0; Self::CAPACITY], length: 0 };
        while name.length < prefix.len() {
            name.bytes[name.length] = prefix[name.length];
            name.length += 1;
        }
        let mut at = "--".len();
        while at < flag.len() {
            name.bytes[name.length] = match flag[at] {
                b'-' => b'_',
                letter => letter.to_ascii_uppercase(),
            };
            name.length += 1;
            at += 1;
        }
        assert!(flag.is_ascii(), "a flag is ASCII");
        name
    }

    #[expect(clippy::panic, reason = "`of` refuses what is not ASCII when it is compiled")]
    pub(super) fn as_str(&self) -> &str {
        match str::from_utf8(&self.bytes[..self.length]) {
            Ok(name) => name,
            Err(_) => panic!("a flag is ASCII"),
        }
    }
}
