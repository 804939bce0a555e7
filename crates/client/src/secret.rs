//! Values that must not be printed, logged or left in memory, and the port for random numbers.

use std::fmt;

use zeroize::Zeroizing;

/// A secret string: wiped on drop, and `<redacted>` to every formatter.
///
/// It can be read from JSON. There is deliberately no `Display`, `Serialize`, `PartialEq` or
/// `Deref`.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes ownership of `value`.
    pub fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// Returns the secret, for code that signs with it or emits it on purpose.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// Bytes that are secret or may hold a secret: a key file, a response body, the output on stdout.
///
/// They are wiped on drop, and `Debug` shows only their length.
#[derive(Clone, Default)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes ownership of `bytes`.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Returns no bytes, with room for some.
    pub fn with_capacity(capacity: usize) -> Self {
        Self::new(Vec::with_capacity(capacity))
    }

    /// Adds bytes. What was there is wiped if it has to be moved, which a vector that grows does not do.
    pub fn extend(&mut self, bytes: &[u8]) {
        let (length, capacity) = (self.0.len() + bytes.len(), self.0.capacity());
        if length > capacity {
            let mut larger = Self::with_capacity(length.max(2 * capacity));
            larger.0.extend_from_slice(&self.0);
            *self = larger;
        }
        self.0.extend_from_slice(bytes);
    }

    /// Returns the bytes, for code that parses them or emits them on purpose.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes redacted>", self.0.len())
    }
}

/// A source of unpredictable numbers.
pub trait Entropy: Send + Sync {
    /// Returns 64 bits from a cryptographic generator.
    fn bits(&self) -> u64;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_no_secret_to_a_debugger() {
        assert_eq!(format!("{:?}", Secret::new("hunter2".to_owned())), "<redacted>");
        assert_eq!(format!("{:?}", SecretBytes::new(vec![1, 2])), "<2 bytes redacted>");
    }

    #[test]
    fn bytes_are_added_with_and_without_room() {
        let mut bytes = SecretBytes::with_capacity(4);
        for chunk in [&b"ab"[..], b"", b"cd", b"e", &[b'f'; 100]] {
            bytes.extend(chunk);
        }
        assert_eq!(bytes.expose(), [&b"abcde"[..], &[b'f'; 100]].concat());
    }
}
