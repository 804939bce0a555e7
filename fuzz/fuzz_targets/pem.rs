//! PEM, and what tells it from DER: `pem::open`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roles_anywhere_client::encoding::{PemOrDer, open};
use roles_anywhere_client::identity::IdentityError;
use roles_anywhere_client::identity::bundle::BundleError;
use roles_anywhere_client::input_source::InputSource;
use roles_anywhere_fuzz::{check_error, check_line};

fuzz_target!(|data: &[u8]| {
    match open(data) {
        Ok(PemOrDer::Pem(blocks)) => {
            assert!(!blocks.sound.is_empty());
            let sound = blocks.sound.iter();
            let decoded: usize = sound.map(|block| block.contents.expose().len()).sum();
            assert!(decoded <= data.len());
            for damage in blocks.damaged {
                check_line(&damage.to_string());
            }
        }
        Ok(PemOrDer::Der(encoding, contents)) => {
            assert!(!encoding.to_string().is_empty());
            assert!(contents.expose().len() <= data.len());
        }
        Err(error) => check_error(IdentityError::Bundle {
            place: InputSource::parse("-").name(true),
            source: BundleError::Encoding(error),
        }),
    }
});
