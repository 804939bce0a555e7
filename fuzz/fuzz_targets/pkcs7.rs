//! PKCS#7 bundles of certificates: `pkcs7::certificates`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roles_anywhere_client::x509::Certificate;
use roles_anywhere_test_support::parsers::pkcs7_certificates;

fuzz_target!(|data: &[u8]| {
    let found = pkcs7_certificates(data).unwrap_or_default();
    // A length that was not said beforehand may be longer once it is.
    assert!(found.iter().map(Vec::len).sum::<usize>() <= 2 * data.len() + 16);
    for der in found {
        let _ = Certificate::from_der(&der);
    }
});
