//! The `Authorization` header of Signature Version 4, with either kind of signature.
//!
//! `ALGORITHM Credential=ID/DATE/REGION/SERVICE/aws4_request, SignedHeaders=a;b, Signature=HEX`

use thiserror::Error;

/// The parts of the header; none of them is checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authorization {
    pub(crate) algorithm: String,
    pub(crate) credential: Credential,
    /// In the order of the header.
    pub(crate) signed_headers: Vec<String>,
    pub(crate) signature: Vec<u8>,
}

/// Who signed, and for what: five parts and no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credential {
    /// An access key id, or the decimal serial number of a certificate.
    pub(crate) id: String,
    pub(crate) date: String,
    pub(crate) region: String,
    pub(crate) service: String,
    pub(crate) terminator: String,
}

impl Credential {
    /// Returns `DATE/REGION/SERVICE/aws4_request`, the third line of a string to sign.
    pub(crate) fn scope(&self) -> String {
        format!("{}/{}/{}/{}", self.date, self.region, self.service, self.terminator)
    }
}

/// Why an `Authorization` header cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum AuthorizationError {
    /// There is no algorithm, or nothing behind it.
    #[error("no algorithm")]
    Algorithm,
    /// A part is missing, is there twice or is none of the three.
    #[error("not exactly Credential, SignedHeaders and Signature")]
    Parts,
    /// The credential has not five parts.
    #[error("the credential is not ID/DATE/REGION/SERVICE/aws4_request")]
    Credential,
    /// The list of headers is empty, or not sorted, or not in lower case, or names one twice.
    #[error("the signed headers are not a sorted list in lower case")]
    SignedHeaders,
    /// The signature is not lower-case hex.
    #[error("the signature is not lower-case hex")]
    Signature,
}

/// Splits the header.
pub(crate) fn parse(header: &str) -> Result<Authorization, AuthorizationError> {
    let (algorithm, rest) = header.trim().split_once(' ').ok_or(AuthorizationError::Algorithm)?;
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for part in rest.split(',') {
        let (name, value) = part.trim().split_once('=').ok_or(AuthorizationError::Parts)?;
        let slot = match name {
            "Credential" => &mut credential,
            "SignedHeaders" => &mut signed_headers,
            "Signature" => &mut signature,
            _ => return Err(AuthorizationError::Parts),
        };
        if slot.replace(value).is_some() {
            return Err(AuthorizationError::Parts);
        }
    }
    let (Some(credential), Some(signed_headers), Some(signature)) =
        (credential, signed_headers, signature)
    else {
        return Err(AuthorizationError::Parts);
    };
    Ok(Authorization {
        algorithm: algorithm.to_owned(),
        credential: parse_credential(credential)?,
        signed_headers: parse_signed_headers(signed_headers)?,
        signature: decode_hex(signature).ok_or(AuthorizationError::Signature)?,
    })
}

/// Returns the credential of a header that need not be well-formed otherwise.
pub(crate) fn credential(header: &str) -> Option<&str> {
    let (_, credential) = header.split_once("Credential=")?;
    credential.split([',', ' ']).next()
}

fn parse_credential(credential: &str) -> Result<Credential, AuthorizationError> {
    let parts: Vec<_> = credential.split('/').collect();
    let [id, date, region, service, terminator] = parts[..] else {
        return Err(AuthorizationError::Credential);
    };
    Ok(Credential {
        id: id.to_owned(),
        date: date.to_owned(),
        region: region.to_owned(),
        service: service.to_owned(),
        terminator: terminator.to_owned(),
    })
}

fn parse_signed_headers(list: &str) -> Result<Vec<String>, AuthorizationError> {
    let names: Vec<_> = list.split(';').map(str::to_owned).collect();
    let well_formed = names.iter().all(|name| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase())
    });
    if well_formed && names.is_sorted_by(|a, b| a < b) {
        Ok(names)
    } else {
        Err(AuthorizationError::SignedHeaders)
    }
}

/// Returns the bytes of lower-case hex.
pub(crate) fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let nibble = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.is_empty() || !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?)).collect()
}

/// Returns the bytes in lower-case hex.
pub(crate) fn encode_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|nibble| char::from(DIGITS[usize::from(nibble)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "AWS4-X509-RSA-SHA256 Credential=291/20260301/us-east-1/rolesanywhere/aws4_request, \
                        SignedHeaders=host;x-amz-date, Signature=00ff";

    #[test]
    fn splits_a_header() {
        let authorization = parse(GOOD).unwrap();
        assert_eq!(authorization.algorithm, "AWS4-X509-RSA-SHA256");
        assert_eq!(authorization.credential.id, "291");
        assert_eq!(
            authorization.credential.scope(),
            "20260301/us-east-1/rolesanywhere/aws4_request"
        );
        assert_eq!(authorization.signed_headers, ["host", "x-amz-date"]);
        assert_eq!(authorization.signature, [0, 255]);
    }

    #[test]
    fn takes_commas_without_spaces() {
        assert_eq!(parse(&GOOD.replace(", ", ",")), parse(GOOD));
    }

    #[test]
    fn refuses_what_is_malformed() {
        let cases = [
            ("", AuthorizationError::Algorithm),
            ("AWS4-X509-RSA-SHA256", AuthorizationError::Algorithm),
            ("AWS4 Credential=a/b/c/d/e", AuthorizationError::Parts),
            (&GOOD.replace("Signature", "signature"), AuthorizationError::Parts),
            (&GOOD.replace("Signature=", "Signature"), AuthorizationError::Parts),
            (&format!("{GOOD}, Signature=00"), AuthorizationError::Parts),
            (&GOOD.replace("/us-east-1", ""), AuthorizationError::Credential),
            (&GOOD.replace("291/", "29/1/"), AuthorizationError::Credential),
            (
                &GOOD.replace("host;x-amz-date", "x-amz-date;host"),
                AuthorizationError::SignedHeaders,
            ),
            (&GOOD.replace("host;", "host;host;"), AuthorizationError::SignedHeaders),
            (&GOOD.replace("host;", "Host;"), AuthorizationError::SignedHeaders),
            (&GOOD.replace("host;x-amz-date", ""), AuthorizationError::SignedHeaders),
            (&GOOD.replace("00ff", "00FF"), AuthorizationError::Signature),
            (&GOOD.replace("00ff", "0ff"), AuthorizationError::Signature),
            (&GOOD.replace("00ff", ""), AuthorizationError::Signature),
        ];
        for (header, error) in cases {
            assert_eq!(parse(header), Err(error), "{header}");
        }
    }
}
