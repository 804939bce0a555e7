//! Private keys and their passwords.

use super::identity::private_key;
use super::{Page, variants};
use crate::output::error::Error;
use roles_anywhere_client::identity::IdentityError;
use roles_anywhere_client::input_source::{Action, FileError, InputSource, InputSourceName};
use roles_anywhere_client::key::KeyError;
use roles_anywhere_client::password::PasswordError;
use roles_anywhere_client::text::disclosure::Sensitivity;

variants!(KeyError:
    OpenSsh Label Damaged Algorithm Curve ExplicitCurve NoCurve Rsa Tpm LegacyEncryption Encryption
    TooCostly Password WrongPassword
);
variants!(PasswordError: NoTerminal Background NotRequested NoAnswer Unreadable NotText);

#[test]
fn errors_of_keys_have_these_texts() {
    let mut page = Page::default();
    let key = |source| Error::from(IdentityError::Key { place: private_key(), source });
    page.add_all(key_errors(), key);
    page.add_all(password_errors(), |error| key(error.into()));
    page.compare("keys");
}

fn key_errors() -> Vec<KeyError> {
    vec![
        KeyError::OpenSsh,
        KeyError::Label("PGP PRIVATE KEY BLOCK".to_owned()),
        KeyError::Damaged,
        KeyError::Algorithm("DSA".to_owned()),
        KeyError::Curve("secp256k1".to_owned()),
        KeyError::ExplicitCurve,
        KeyError::NoCurve,
        KeyError::Rsa("1024 bits, expected 2048 to 8192".to_owned()),
        KeyError::Tpm,
        KeyError::LegacyEncryption,
        KeyError::Encryption("DES-CBC".to_owned()),
        KeyError::TooCostly { cost: "20000000 iterations".to_owned(), cap: "10000000 iterations" },
        KeyError::Password(PasswordError::NoTerminal),
        KeyError::WrongPassword,
    ]
}

fn password_errors() -> Vec<PasswordError> {
    let file = || -> InputSourceName {
        let path = InputSource::parse("/etc/pki/password");
        path.named_by("--key-password-file", Sensitivity::Password).name(true)
    };
    let denied = std::io::Error::from(rustix::io::Errno::ACCESS);
    let hung_up = std::io::Error::from(rustix::io::Errno::IO);
    vec![
        PasswordError::NoTerminal,
        PasswordError::Background,
        PasswordError::NotRequested,
        PasswordError::NoAnswer(hung_up),
        FileError { action: Action::Read, place: file(), source: denied }.into(),
        PasswordError::NotText(file()),
    ]
}
