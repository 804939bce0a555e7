//! PKCS#12 files, with a password at hand and without: `pkcs12::open`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roles_anywhere_client::identity::IdentityError;
use roles_anywhere_client::identity::bundle::BundleError;
use roles_anywhere_client::input_source::InputSource;
use roles_anywhere_fuzz::{KNOWN, check_error, is_affordable_der};
use roles_anywhere_test_support::parsers::pkcs12_certificates;
use roles_anywhere_test_support::password::FixedPassword;

fuzz_target!(|data: &[u8]| {
    if !is_affordable_der(data) {
        return;
    }
    // One byte of the input decides, so that the corpus holds both.
    let known = data.last().is_some_and(|byte| byte & 7 != 0);
    let password = if known { KNOWN } else { FixedPassword::none() };
    match pkcs12_certificates(data, "it", &password) {
        Ok(certificates) => {
            let certificates: usize = certificates.iter().map(Vec::len).sum();
            assert!(certificates <= 2 * data.len() + 16);
        }
        Err(error) => check_error(IdentityError::Bundle {
            place: InputSource::parse("-").name(true),
            source: BundleError::Pkcs12(error),
        }),
    }
});
