//! PEM, and what tells it from DER: `pem::open`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roles_anywhere::bundle::BundleError;
use roles_anywhere::files::Source;
use roles_anywhere::identity::IdentityError;
use roles_anywhere::pem::{Container, open};
use roles_anywhere_fuzz::check_error;

fuzz_target!(|data: &[u8]| {
    match open(data) {
        Ok(Container::Pem(blocks)) => {
            assert!(!blocks.is_empty());
            let decoded: usize = blocks.iter().map(|block| block.contents.expose().len()).sum();
            assert!(decoded <= data.len());
        }
        Ok(Container::Der(form)) => assert!(!form.to_string().is_empty()),
        Err(error) => check_error(IdentityError::Bundle {
            place: Source::Stdin,
            source: BundleError::Form(error),
        }),
    }
});
