//! UUIDs: of requests, and of resources whose id is one.

use crate::authorization::encode_hex;
use crate::os;

/// Returns a random UUID.
pub(crate) fn random() -> String {
    from_octets(os::random())
}

/// Returns 16 octets in the form of a UUID of version 4.
pub(crate) fn from_octets(mut octets: [u8; 16]) -> String {
    octets[6] = octets[6] & 0x0f | 0x40;
    octets[8] = octets[8] & 0x3f | 0x80;
    let hex = encode_hex(&octets);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_bits_of_version_4() {
        assert_eq!(from_octets([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(from_octets([0; 16]), "00000000-0000-4000-8000-000000000000");
    }
}
