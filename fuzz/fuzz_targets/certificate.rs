//! Certificates: DER ones in a row, the first of which is the leaf and all others its pool.
//!
//! What is read of each, what AWS would make of it, the three views of it, and the chain.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roles_anywhere::command::read_certificate_data::{CertificateFormat, ReadCertificateData, run};
use roles_anywhere::output::error::Error;
use roles_anywhere_client::password::PasswordSource;
use roles_anywhere_client::input_source::InputSource;
use roles_anywhere_client::x509::Certificate;
use roles_anywhere_client::x509::{Chain, MAX_CHAIN_LENGTH};
use roles_anywhere_client::x509::session_attributes::{SessionAttributes, TagStatus};
use roles_anywhere_fuzz::{NOW, check_error, check_line};
use roles_anywhere_test_support::files::FakeFiles;
use roles_anywhere_test_support::password::FixedPassword;

fuzz_target!(|data: &[u8]| {
    let mut certificates = Vec::new();
    for der in elements(data) {
        match Certificate::from_der(der) {
            Ok(certificate) => certificates.push(certificate),
            Err(error) => {
                check_error(Error::new(roles_anywhere_client::provider::ErrorKind::Identity, error))
            }
        }
        look(der);
    }
    for certificate in &certificates {
        assert!(certificate.serial().bytes().all(|digit| digit.is_ascii_digit()));
        let attributes = SessionAttributes::of(certificate, NOW);
        let kept = attributes.tags.iter().filter(|tag| tag.status == TagStatus::Kept);
        assert!(kept.clone().count() <= 50);
        assert!(kept.into_iter().all(|tag| tag.value.chars().count() <= 256));
    }
    if let Some((leaf, pool)) = certificates.split_first() {
        let chain = Chain::new(leaf, pool.to_vec(), NOW);
        assert!(chain.intermediates.len() <= MAX_CHAIN_LENGTH);
        assert!(chain.intermediates.len() + chain.left_out.len() <= pool.len());
    }
});

/// Cuts `data` where the headers of DER say that an element ends.
fn elements(mut data: &[u8]) -> Vec<&[u8]> {
    let mut elements = Vec::new();
    while !data.is_empty() && elements.len() < 16 {
        let length = match *data {
            [_, length @ 0..=0x7f, ..] => 2 + usize::from(length),
            [_, 0x81, a, ..] => 3 + usize::from(a),
            [_, 0x82, a, b, ..] => 4 + usize::from(u16::from_be_bytes([a, b])),
            _ => data.len(),
        };
        let (element, rest) = data.split_at(length.min(data.len()));
        elements.push(element);
        data = rest;
    }
    elements
}

/// Shows a certificate in every view.
fn look(der: &[u8]) {
    for output in [CertificateFormat::Official, CertificateFormat::Text, CertificateFormat::Full] {
        let plan = ReadCertificateData { certificate: InputSource::parse("-"), output, password: PasswordSource::Default { credential: None } };
        match run(&plan, &FakeFiles::holding(der), &FixedPassword::none(), NOW) {
            Err(error) => check_error(error),
            Ok(shown) => {
                let text = std::str::from_utf8(shown.expose()).expect("it is UTF-8");
                match output {
                    CertificateFormat::Text => text.split('\n').for_each(check_line),
                    _ => drop(serde_json::from_str::<serde_json::Value>(text).expect("JSON")),
                }
            }
        }
    }
}
