//! PEM, and what tells it from DER: `pem::open`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roles_anywhere_client::encoding::{Container, open};
use roles_anywhere_client::identity::IdentityError;
use roles_anywhere_client::identity::bundle::BundleError;
use roles_anywhere_client::input_source::Source;
use roles_anywhere_fuzz::{check_error, check_line};

fuzz_target!(|data: &[u8]| {
    match open(data) {
        Ok(Container::Pem(blocks)) => {
            assert!(!blocks.sound.is_empty());
            let sound = blocks.sound.iter();
            let decoded: usize = sound.map(|block| block.contents.expose().len()).sum();
            assert!(decoded <= data.len());
            for damage in blocks.damaged {
                check_line(&damage.to_string());
            }
        }
        Ok(Container::Der(form, contents)) => {
            assert!(!form.to_string().is_empty());
            assert!(contents.expose().len() <= data.len());
        }
        Err(error) => check_error(IdentityError::Bundle {
            place: Source::parse("-").name(true),
            source: BundleError::Form(error),
        }),
    }
});
