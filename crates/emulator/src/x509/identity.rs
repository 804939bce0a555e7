//! The role session name and the source identity of a session, from the certificate.
//!
//! <https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html>

use super::Certificate;

/// Returns the role session name where the request gives none: the serial number in hex.
pub(crate) fn role_session_name(certificate: &Certificate) -> String {
    certificate.serial_hex()
}

/// Returns the source identity: `CN=` and the common name, the bare name where it is too long for
/// the prefix, or `ID=` and the serial number where there is none.
pub(crate) fn source_identity(certificate: &Certificate) -> String {
    match certificate.subject.common_name() {
        Some(name) if name.chars().count() <= 61 => format!("CN={name}"),
        Some(name) => name.chars().take(64).collect(),
        None => format!("ID={}", certificate.serial_hex()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::Name;

    fn certificate(serial: &[u8], common_name: Option<&str>) -> Certificate {
        let pki = crate::pki::Pki::shared().unwrap();
        let mut certificate = Certificate::parse(&pki.leaf("p256").unwrap()).unwrap();
        certificate.serial = serial.to_vec();
        certificate.subject = Name {
            attributes: common_name
                .map(|cn| ("CN".to_owned(), cn.to_owned()))
                .into_iter()
                .collect(),
            empty: false,
        };
        certificate
    }

    #[test]
    fn the_session_name_is_the_serial_in_hex_of_even_length() {
        assert_eq!(role_session_name(&certificate(&[0x10, 0x00], None)), "1000");
        assert_eq!(role_session_name(&certificate(&[0x01, 0x23], None)), "0123");
        assert_eq!(role_session_name(&certificate(&[], None)), "00");
    }

    #[test]
    fn the_source_identity_follows_the_length_of_the_common_name() {
        for (length, prefix) in [(1, "CN="), (61, "CN="), (62, ""), (64, "")] {
            let name = "n".repeat(length);
            assert_eq!(source_identity(&certificate(&[1], Some(&name))), format!("{prefix}{name}"));
        }
    }

    #[test]
    fn source_identity_is_the_serial_without_a_common_name() {
        assert_eq!(source_identity(&certificate(&[0x01, 0x23], None)), "ID=0123");
        assert_eq!(source_identity(&certificate(&[0x45, 0x67], None)), "ID=4567");
    }

    #[test]
    fn the_serial_of_a_certificate_loses_its_leading_zero_octet_only() {
        let pki = crate::pki::Pki::shared().unwrap();
        for (name, first) in [("p256", "0"), ("rsa4096", "f")] {
            let certificate = Certificate::parse(&pki.leaf(name).unwrap()).unwrap();
            let session = role_session_name(&certificate);
            assert!(session.len().is_multiple_of(2) && session.starts_with(first), "{session}");
        }
    }
}
