//! Converts BER (X.690) to DER: NSS, Firefox, Bouncy Castle and EJBCA write PKCS#12 and PKCS#7 with
//! indefinite lengths and constructed octet strings.
//!
//! Our parsers read only DER. The `ber` feature of `der` supports one level of indefinite length, but
//! neither values nested in an `ANY` nor constructed strings of definite length.

use zeroize::Zeroizing;

/// The deepest nesting; a PKCS#12 of NSS has 12 levels.
const MAX_DEPTH: usize = 32;

/// Returns the first value of `bytes` in DER, if only white space and zeros follow it.
pub(crate) fn to_der(bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut rest = bytes;
    let mut der = Zeroizing::new(Vec::with_capacity(bytes.len() + 16));
    copy(&mut rest, &mut der, MAX_DEPTH)?;
    is_padding(rest).then_some(der)
}

/// Returns `bytes` without the white space and zeros that follow its first value.
pub(crate) fn trimmed(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    match Header::read(&mut rest) {
        Some(Header { length: Some(length), .. }) if rest.len() > length => {
            let (value, padding) = bytes.split_at(bytes.len() - rest.len() + length);
            if is_padding(padding) { value } else { bytes }
        }
        _ => bytes,
    }
}

/// One value in DER.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tlv<'a> {
    /// The first byte of its tag.
    pub(crate) tag: u8,
    /// The bytes after its length.
    pub(crate) contents: &'a [u8],
    /// The bytes of the whole value.
    pub(crate) whole: &'a [u8],
}

/// Returns the first value in `bytes`, which is DER, and advances `bytes` past it.
pub(crate) fn next<'a>(bytes: &mut &'a [u8]) -> Option<Tlv<'a>> {
    let mut rest = *bytes;
    let Header { tag, length } = Header::read(&mut rest)?;
    let (contents, rest) = rest.split_at_checked(length?)?;
    let whole = &bytes[..bytes.len() - rest.len()];
    *bytes = rest;
    Some(Tlv { tag: *tag.first()?, contents, whole })
}

fn is_padding(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0 || byte.is_ascii_whitespace())
}

/// The tag and the length of a value.
struct Header<'a> {
    tag: &'a [u8],
    /// `None` if indefinite.
    length: Option<usize>,
}

impl<'a> Header<'a> {
    fn read(bytes: &mut &'a [u8]) -> Option<Self> {
        let start = *bytes;
        let first = *start.first()?;
        let tag = match first & 0x1f {
            // Tags from 31 on take several bytes; all but the last have the highest bit set.
            0x1f => 2 + start[1..].iter().position(|octet| octet & 0x80 == 0)?,
            _ => 1,
        };
        let (tag, rest) = start.split_at_checked(tag)?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0x80 => (None, rest),
            0x81..=0x84 => {
                let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let length = octets.iter().fold(0, |all, octet| all << 8 | usize::from(*octet));
                (Some(length), rest)
            }
            0x85.. => return None,
            short => (Some(usize::from(*short)), rest),
        };
        *bytes = rest;
        Some(Self { tag, length })
    }

    fn is_constructed(&self) -> bool {
        self.tag[0] & 0x20 != 0
    }

    /// Whether the value is a constructed octet string.
    fn is_constructed_string(&self) -> bool {
        self.tag == [0x24]
    }
}

/// Copies one value from `bytes` to `der`.
fn copy(bytes: &mut &[u8], der: &mut Vec<u8>, depth: usize) -> Option<()> {
    let header = Header::read(bytes)?;
    let mut contents = Zeroizing::new(Vec::new());
    let tag = match header.is_constructed() {
        false => {
            let (value, rest) = bytes.split_at_checked(header.length?)?;
            *bytes = rest;
            return write(der, header.tag, value);
        }
        true if header.is_constructed_string() => &[0x04],
        true => header.tag,
    };
    let depth = depth.checked_sub(1)?;
    // Not `bytes.len()` if the length is indefinite: many such values would each reserve, and wipe, the
    // rest of the file.
    contents.reserve(header.length.unwrap_or(0).min(bytes.len()));
    match header.length {
        Some(length) => {
            let (mut inside, rest) = bytes.split_at_checked(length)?;
            *bytes = rest;
            while !inside.is_empty() {
                part(&header, &mut inside, &mut contents, depth)?;
            }
        }
        None => {
            while !bytes.starts_with(&[0, 0]) {
                part(&header, bytes, &mut contents, depth)?;
            }
            *bytes = &bytes[2..];
        }
    }
    write(der, tag, &contents)
}

/// Copies one value inside of another; for a constructed octet string, only its contents.
fn part(outer: &Header<'_>, bytes: &mut &[u8], der: &mut Vec<u8>, depth: usize) -> Option<()> {
    if !outer.is_constructed_string() {
        return copy(bytes, der, depth);
    }
    let mut piece = Zeroizing::new(Vec::new());
    copy(bytes, &mut piece, depth)?;
    let octets = next(&mut piece.as_slice()).filter(|piece| piece.tag == 0x04)?.contents;
    der.extend_from_slice(octets);
    Some(())
}

fn write(der: &mut Vec<u8>, tag: &[u8], contents: &[u8]) -> Option<()> {
    der.extend_from_slice(tag);
    let length = u32::try_from(contents.len()).ok()?;
    match length {
        0..0x80 => der.push(length as u8),
        _ => {
            let octets = length.to_be_bytes();
            let octets = &octets[length.leading_zeros() as usize / 8..];
            der.push(0x80 | octets.len() as u8);
            der.extend_from_slice(octets);
        }
    }
    der.extend_from_slice(contents);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(bytes: &[u8]) -> Option<Vec<u8>> {
        to_der(bytes).map(|der| der.to_vec())
    }

    #[test]
    fn der_is_unchanged() {
        for value in [b"\x30\x03\x02\x01\x05".as_slice(), b"\x04\x02ab", b"\x30\x00", b"\x05\x00"] {
            assert_eq!(der(value).as_deref(), Some(value));
        }
        let long = [&[0x04, 0x81, 0x80], [7; 0x80].as_slice()].concat();
        assert_eq!(der(&long), Some(long));
    }

    #[test]
    fn indefinite_lengths_and_constructed_strings_become_der() {
        let value = b"\x30\x80\x24\x80\x04\x01a\x24\x80\x04\x01b\x00\x00\x04\x01c\x00\x00\x00\x00";
        assert_eq!(der(value).unwrap(), b"\x30\x05\x04\x03abc");
        assert_eq!(der(b"\x24\x06\x04\x01a\x04\x01b\n").unwrap(), b"\x04\x02ab");
        assert_eq!(der(b"\x30\x82\x00\x03\x02\x01\x05").unwrap(), b"\x30\x03\x02\x01\x05");
        assert_eq!(der(b"\xbf\x87\x01\x80\x05\x00\0\0").unwrap(), b"\xbf\x87\x01\x02\x05\x00");
    }

    #[test]
    fn truncated_nested_or_trailing_bytes_are_refused() {
        for value in [
            b"\x30\x80\x05\x00".as_slice(),
            b"\x30\x05\x05\x00",
            b"\x04\x80\x00\x00",
            b"\x24\x02\x05\x00",
            b"\x05\x00more",
            b"\x30\x85\x00\x00\x00\x00\x00",
            b"\x1f\x80",
            b"",
        ] {
            assert_eq!(der(value), None, "{value:02x?}");
        }
        let nested = |depth| [[0x30, 0x80].repeat(depth), [0, 0].repeat(depth)].concat();
        assert!(der(&nested(32)).is_some());
        assert_eq!(der(&nested(33)), None);
        assert_eq!(der(&nested(100_000)), None);
        // The time is linear in the size: with quadratic time, this would take a minute.
        let many = [b"\x30\x80".as_slice(), &b"\x30\x80\0\0".repeat(200_000), b"\0\0"].concat();
        assert_eq!(der(&many).unwrap().len(), 400_005);
    }

    #[test]
    fn only_padding_is_trimmed() {
        assert_eq!(trimmed(b"\x04\x01a\r\n\0\0"), b"\x04\x01a");
        for kept in
            [b"\x04\x01ab".as_slice(), b"\x30\x80\x05\x00\0\0", b"\x04\x09a\0", b"", b"\x04"]
        {
            assert_eq!(trimmed(kept), kept);
        }
    }
}
