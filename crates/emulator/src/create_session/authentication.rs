//! Who signed a CreateSession request: certificate, scope, date, signed headers and signature.
//!
//! <https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-sign-process.html>
//!
//! The service words nearly all of this `Invalid signature`; that it says so of a header that is
//! missing or malformed too is our guess. The reasons in the log tell them apart.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;

use crate::authorization::{self, Authorization};
use crate::canonical::{Equals, canonical_request, declares_another_body, string_to_sign};
use crate::date::{self, Skew};
use crate::message::Request;
use crate::refusal::Refusal;
use crate::signature::{Algorithm, verify};
use crate::state::{State, Strictness};
use crate::x509::Certificate;

/// The most certificates that a chain may have.
const MOST_CHAIN: usize = 5;

/// The holder of a key, not yet trusted.
#[derive(Debug)]
pub(super) struct Authenticated {
    pub(super) leaf: Certificate,
    pub(super) chain: Vec<CertificateDer<'static>>,
    /// The Region that the request is signed for, and hence where it is.
    pub(super) region: String,
    /// What production notes and lets through.
    pub(super) tolerated: Vec<&'static str>,
}

/// Verifies the signature with the key of the certificate that came with it.
pub(super) fn authenticate(
    state: &State,
    request: &Request,
    now: OffsetDateTime,
) -> Result<Authenticated, Refusal> {
    let leaf = leaf(request)?;
    let chain = chain(request)?;
    let header = request.header("authorization").ok_or_else(|| invalid("authorization-missing"))?;
    let authorization =
        authorization::parse(header).map_err(|_| invalid("authorization-malformed"))?;
    let mut tolerated = Vec::new();
    let mut tolerate = |reason| match state.strictness {
        Strictness::Documented => Err(invalid(reason)),
        Strictness::Lenient => {
            tolerated.push(reason);
            Ok(())
        }
    };
    let algorithm =
        Algorithm::from_name(&authorization.algorithm).ok_or_else(|| invalid("algorithm"))?;
    match Algorithm::of_key(&leaf.public_key) {
        None => return Err(invalid("key-type")),
        Some(of_key) if of_key != algorithm => tolerate("algorithm-key-mismatch")?,
        Some(_) => {}
    }
    check_scope(state, &authorization, &leaf)?;
    let date = request.header("x-amz-date").ok_or_else(|| invalid("date-missing"))?;
    check_date(&authorization, date, now)?;
    if unsigned_header(&authorization, request) {
        tolerate("unsigned-header")?;
    }
    if declares_another_body(request) {
        return Err(invalid("content-sha256"));
    }
    check_signature(request, &authorization, date, &leaf)?;
    let region = authorization.credential.region;
    Ok(Authenticated { leaf, chain, region, tolerated })
}

fn leaf(request: &Request) -> Result<Certificate, Refusal> {
    let value = request.header("x-amz-x509").ok_or_else(|| invalid("x509-missing"))?;
    let der = STANDARD.decode(value).map_err(|_| invalid("x509-malformed"))?;
    Certificate::parse(&der).map_err(|_| invalid("x509-malformed"))
}

/// An empty header is refused as the service refuses it; five certificates are the most.
fn chain(request: &Request) -> Result<Vec<CertificateDer<'static>>, Refusal> {
    let Some(value) = request.header("x-amz-x509-chain") else { return Ok(Vec::new()) };
    if value.is_empty() {
        return Err(invalid("chain-empty"));
    }
    let chain: Option<Vec<_>> = value
        .split(',')
        .map(|certificate| {
            let der = STANDARD.decode(certificate).ok()?;
            Certificate::parse(&der).ok()?;
            Some(CertificateDer::from(der))
        })
        .collect();
    let chain = chain.ok_or_else(|| invalid("chain-malformed"))?;
    if chain.len() > MOST_CHAIN {
        return Err(Refusal::denied("Untrusted signing certificate", "chain-too-long"));
    }
    Ok(chain)
}

fn check_scope(
    state: &State,
    authorization: &Authorization,
    leaf: &Certificate,
) -> Result<(), Refusal> {
    let credential = &authorization.credential;
    if credential.id != leaf.serial_decimal {
        return Err(invalid("serial"));
    }
    if !state.resources.regions.contains(&credential.region) {
        return Err(invalid("scope-region"));
    }
    if credential.service != "rolesanywhere" {
        return Err(invalid("scope-service"));
    }
    if credential.terminator != "aws4_request" {
        return Err(invalid("scope-terminator"));
    }
    Ok(())
}

fn check_date(
    authorization: &Authorization,
    date: &str,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let signed = date::parse_amz(date).ok_or_else(|| invalid("date-malformed"))?;
    if date.split('T').next() != Some(authorization.credential.date.as_str()) {
        return Err(invalid("scope-date"));
    }
    if date::skew(signed, now) == Skew::Within { Ok(()) } else { Err(invalid("date-skew")) }
}

/// Whether a header is left unsigned that must be signed.
fn unsigned_header(authorization: &Authorization, request: &Request) -> bool {
    let signed = |name: &str| authorization.signed_headers.iter().any(|header| header == name);
    ["host", "x-amz-date", "x-amz-x509"].iter().any(|name| !signed(name))
        || (request.header("x-amz-x509-chain").is_some() && !signed("x-amz-x509-chain"))
}

/// Tries both readings of an `=` in the query: the documentation's and everyone else's.
fn check_signature(
    request: &Request,
    authorization: &Authorization,
    date: &str,
    leaf: &Certificate,
) -> Result<(), Refusal> {
    for equals in [Equals::Encoded, Equals::DoubleEncoded] {
        let canonical = canonical_request(request, &authorization.signed_headers, equals)
            .map_err(|_| invalid("signed-header-missing"))?;
        let text = string_to_sign(authorization, date, &canonical);
        if verify(&leaf.public_key, text.as_bytes(), &authorization.signature) {
            return Ok(());
        }
        if !request.query.contains('=') {
            break;
        }
    }
    Err(invalid("signature"))
}

fn invalid(reason: &'static str) -> Refusal {
    Refusal::denied("Invalid signature", reason)
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE;

    use super::*;
    use crate::pki::Pki;

    fn request(name: &str, value: &str) -> Request {
        Request { headers: vec![(name.to_owned(), value.to_owned())], ..Request::default() }
    }

    /// Returns a certificate whose base64 has padding, and bits behind its last octet.
    fn padded() -> (Vec<u8>, String) {
        let pki = Pki::shared().unwrap();
        let ders = ["leaf/p256", "leaf/p384", "leaf/p521", "anchor/root", "broken/ca", "tls"];
        ders.iter()
            .map(|name| pki.der(&format!("{name}.pem")).unwrap())
            .map(|der| (der.clone(), STANDARD.encode(der)))
            .find(|(_, text)| text.ends_with('='))
            .expect("one of six has a length that is no multiple of three")
    }

    #[test]
    fn only_canonical_base64_of_a_certificate_is_accepted() {
        let (der, text) = padded();
        assert_eq!(leaf(&request("x-amz-x509", &text)).unwrap().der, der);
        let digits = text.trim_end_matches('=');
        let last = digits.chars().last().unwrap();
        // The next letter has the same bits but for those behind the last octet.
        let stray = char::from(u8::try_from(last).unwrap() + 1);
        let stray = format!("{}{stray}{}", &digits[..digits.len() - 1], &text[digits.len()..]);
        let armour = pem::encode(&pem::Pem::new("CERTIFICATE", der.clone()));
        let mut trailing = der.clone();
        trailing.push(0);
        for (wrong, how) in [
            (digits, "no padding"),
            (&format!("{text}="), "too much padding"),
            (&stray, "bits behind the last octet"),
            (&format!("{} {}", &text[..64], &text[64..]), "a space"),
            (&format!("{}\t{}", &text[..64], &text[64..]), "a tab"),
            (&STANDARD.encode(&armour), "PEM within"),
            (armour.trim(), "PEM"),
            (&STANDARD.encode(&trailing), "a byte behind the certificate"),
            (&format!("{text},{text}"), "two"),
            ("", "nothing"),
        ] {
            let reason = leaf(&request("x-amz-x509", wrong)).unwrap_err().reason;
            assert_eq!(reason, "x509-malformed", "{how}");
            let reason = chain(&request("x-amz-x509-chain", &format!("{text},{wrong}")));
            if how != "two" {
                assert_eq!(reason.unwrap_err().reason, "chain-malformed", "{how}");
            }
        }
        let safe = URL_SAFE.encode(&der);
        assert_eq!(leaf(&request("x-amz-x509", &safe)).is_err(), safe != text);
        assert!(chain(&request("x-amz-x509-chain", &format!("{text}, {text}"))).is_err());
        assert!(chain(&request("x-amz-x509-chain", &format!("{text},"))).is_err());
    }

    #[test]
    fn five_certificates_are_the_most() {
        let (_, text) = padded();
        let of = |count: usize| request("x-amz-x509-chain", &vec![text.as_str(); count].join(","));
        assert_eq!(chain(&of(5)).unwrap().len(), 5);
        assert_eq!(chain(&of(6)).unwrap_err().reason, "chain-too-long");
    }
}
