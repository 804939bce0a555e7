//! A file of whatever form, as it is opened for its certificates and keys: `Bundle::open`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roles_anywhere_client::identity::bundle::Bundle;
use roles_anywhere_client::identity::{IdentityError, IdentitySource, Permissions};
use roles_anywhere_client::input_source::InputSource;
use roles_anywhere_fuzz::{KNOWN, NOW, check_error, is_affordable};
use roles_anywhere_test_support::files::FakeFiles;
use roles_anywhere_test_support::password::FixedPassword;

fuzz_target!(|data: &[u8]| {
    if !is_affordable(data) {
        return;
    }
    let passwords = KNOWN;
    match Bundle::open(data, "it", &passwords) {
        Ok(bundle) => {
            for key in &bundle.keys {
                if let Err(source) = key.open("it", &passwords) {
                    check_error(IdentityError::Key {
                        place: InputSource::parse("-").name(true),
                        source,
                    });
                }
            }
        }
        Err(source) => {
            check_error(IdentityError::Bundle { place: InputSource::parse("-").name(true), source })
        }
    }
    // All of it in one file: leaf, key and chain.
    let source = IdentitySource {
        certificate: InputSource::parse("-"),
        private_key: InputSource::parse("-").into(),
        intermediates: Some(InputSource::parse("-")),
        permissions: Permissions::Strict,
    };
    match source.open(&FakeFiles::holding(data), &FixedPassword::none(), NOW) {
        Ok(identity) => {
            assert_eq!(identity.certificate().public_key(), identity.signer().public_key());
        }
        Err(error) => check_error(error),
    }
});
