//! Private keys in DER: a first byte that says of what kind, then the key. One that opens signs.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roles_anywhere_client::identity::IdentityError;
use roles_anywhere_client::input_source::InputSource;
use roles_anywhere_client::key::KeyMaterial;
use roles_anywhere_client::key::signer::Digest;
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_fuzz::{KNOWN, check_error, is_affordable_der};

fuzz_target!(|data: &[u8]| {
    let Some((kind, der)) = data.split_first() else { return };
    let secret = |der: &[u8]| SecretBytes::new(der.to_vec());
    let key = match kind {
        b'8' => KeyMaterial::Pkcs8(secret(der)),
        b'1' => KeyMaterial::Pkcs1(secret(der)),
        b's' => KeyMaterial::Sec1(secret(der), None),
        // The parameters as long as they are for a curve that is named.
        b'p' if der.len() > 10 => KeyMaterial::Sec1(secret(&der[10..]), Some(secret(&der[..10]))),
        b'e' if is_affordable_der(der) => KeyMaterial::EncryptedPkcs8(secret(der)),
        _ => return,
    };
    match key.open("", &KNOWN) {
        Ok(signer) => {
            assert!(!signer.public_key().0.is_empty());
            // A key that contradicts itself may refuse to.
            let _ = signer.sign_with(Digest::Sha256, b"message");
        }
        Err(error) => {
            check_error(IdentityError::Key { place: InputSource::parse("-").name(true), source: error })
        }
    }
});
