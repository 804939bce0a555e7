//! Hexadecimal encoding in lower case, as SigV4, serial numbers and fingerprints are written.

/// Returns two digits for each byte.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let bytes = bytes.as_ref();
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_two_lower_case_digits() {
        assert_eq!(encode([]), "");
        for byte in 0..=u8::MAX {
            assert_eq!(encode([byte, 0xa0]), format!("{byte:02x}a0"));
        }
    }
}
