//! The options of the certificate, the key and its password.

use crate::options::arguments::typed;
use crate::options::settings::{Setting, Settings};
use crate::options::table::Origin;
use crate::options::table::identity::{
    CERTIFICATE, CREDENTIALS_DIRECTORY, KEY_PASSWORD_ENV, KEY_PASSWORD_FD, KEY_PASSWORD_FILE,
    NOT_YET, PKCS8_PASSWORD, PRIVATE_KEY, STRICT_PERMISSIONS,
};
use crate::options::table::session::INTERMEDIATES;
use crate::output::usage::{NamedValue, UsageError};
use roles_anywhere_client::identity::{IdentitySource, KeySource, Permissions};
use roles_anywhere_client::input_source::{InputSource, Location};
use roles_anywhere_client::password::PasswordSource;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::text::path;

/// Returns the sources of the identity. Without `--private-key`, the key is in the certificate file.
pub fn source(settings: &Settings<'_>) -> Result<IdentitySource, UsageError> {
    let certificate = certificate(settings)?;
    let key = settings.text(&PRIVATE_KEY)?;
    let intermediates = settings.text(&INTERMEDIATES)?;
    Ok(IdentitySource {
        private_key: match &key {
            Some(key) => place(key)?.into(),
            None => certificate.clone().into(),
        },
        intermediates: intermediates.as_ref().map(place).transpose()?,
        permissions: permissions(settings)?,
        certificate,
    })
}

/// Returns the certificate, which is required.
pub fn certificate(settings: &Settings<'_>) -> Result<InputSource, UsageError> {
    refuse_what_does_not_work_yet(settings)?;
    place(&settings.required(&CERTIFICATE)?)
}

/// Returns the key; by default the certificate file.
pub fn private_key(settings: &Settings<'_>) -> Result<KeySource, UsageError> {
    refuse_what_does_not_work_yet(settings)?;
    let certificate = settings.text(&CERTIFICATE)?;
    let key = settings.text(&PRIVATE_KEY)?.or(certificate);
    let key = key.ok_or_else(|| settings.missing(&[&PRIVATE_KEY]))?;
    place(&key).map(KeySource::File)
}

/// Returns what to do about a key file that other users can read.
pub fn permissions(settings: &Settings<'_>) -> Result<Permissions, UsageError> {
    let strict = settings.is_on(&STRICT_PERMISSIONS)?;
    Ok(if strict { Permissions::Strict } else { Permissions::Lenient })
}

/// Returns the values of the options for the password that count, each in the place of its option:
/// [`KEY_PASSWORD_FILE`], [`KEY_PASSWORD_ENV`], [`KEY_PASSWORD_FD`], [`PKCS8_PASSWORD`].
pub(super) fn password_settings<'a>(
    settings: &Settings<'a>,
) -> Result<[Option<Setting<'a>>; 4], UsageError> {
    let file = settings.text(&KEY_PASSWORD_FILE)?;
    let variable = settings.text(&KEY_PASSWORD_ENV)?;
    let descriptor = settings.text(&KEY_PASSWORD_FD)?;
    let given = settings.text(&PKCS8_PASSWORD)?;
    let mut all = [file, variable, descriptor, given];
    // A source that is given elsewhere replaces that of the file, of whatever kind it is.
    let is_of_file = |setting: &Setting<'_>| matches!(setting.origin, Origin::File(..));
    if all.iter().flatten().any(|setting| !is_of_file(setting)) {
        all.iter_mut().for_each(|setting| drop(setting.take_if(|setting| is_of_file(setting))));
    }
    Ok(all)
}

/// Returns the source of the password; at most one may be given.
pub fn password(settings: &Settings<'_>) -> Result<PasswordSource, UsageError> {
    let [file, variable, descriptor, given] = password_settings(settings)?;
    let all: Vec<&Setting<'_>> =
        [&file, &variable, &descriptor, &given].into_iter().flatten().collect();
    if let [first, second, ..] = all.as_slice() {
        return Err(UsageError::Conflict {
            first: (&first.origin).into(),
            second: (&second.origin).into(),
            why: "pass the password in one way only",
        });
    }
    if let Some(setting) = given {
        let password = Secret::new(setting.value.to_owned());
        return Ok(PasswordSource::Inline { password, origin: PKCS8_PASSWORD.name.to_owned() });
    }
    if let Some(setting) = file {
        let path = path::path(setting.value);
        return Ok(PasswordSource::From(named(InputSource::file(path), &setting.origin)));
    }
    if let Some(setting) = variable {
        let place = InputSource::from(Location::Variable(setting.value.to_owned()));
        return Ok(PasswordSource::From(named(place, &setting.origin)));
    }
    if let Some(setting) = descriptor {
        return match setting.value.parse() {
            Ok(number) => {
                let place = InputSource::from(Location::Descriptor(number));
                Ok(PasswordSource::From(named(place, &setting.origin)))
            }
            Err(_) => Err(setting.refuse_hidden("the number of an open file descriptor")),
        };
    }
    let credential = settings.environment.get(CREDENTIALS_DIRECTORY.name).map(|folder| {
        let path = path::path(folder).join("roles-anywhere-key-password");
        InputSource::file(path)
            .named_by(CREDENTIALS_DIRECTORY.name, CREDENTIALS_DIRECTORY.sensitivity)
    });
    Ok(PasswordSource::Default { credential })
}

/// Returns an input source. Refuses values that mean something else to the official helper.
fn place(setting: &Setting<'_>) -> Result<InputSource, UsageError> {
    let foreign = ["pkcs11:", "handle:"].iter().any(|scheme| setting.value.starts_with(scheme));
    if foreign {
        // A PKCS#11 URI may hold a PIN: only its scheme is repeated.
        let scheme = setting.value.split(':').next().unwrap_or_default();
        let what = NamedValue::new(setting.origin.clone(), format!("{scheme}:…"));
        return Err(UsageError::NotYet {
            what,
            instead: "pass the path of a file in PEM, DER or PKCS#12",
        });
    }
    Ok(named(InputSource::parse(setting.value), &setting.origin))
}

fn named(place: InputSource, origin: &Origin) -> InputSource {
    place.named_by(origin.name(), origin.option().sensitivity)
}

fn refuse_what_does_not_work_yet(settings: &Settings<'_>) -> Result<(), UsageError> {
    let is_off = |value: &str| ["", "false", "f", "0"].contains(&&*value.to_ascii_lowercase());
    let is_given = |option| typed(settings.typed, option).is_some_and(|value| !is_off(value));
    match NOT_YET.iter().copied().find(|option| is_given(option)) {
        None => Ok(()),
        Some(option) => Err(UsageError::NotYet {
            what: Origin::Flag(option).into(),
            instead: "pass the key with `--private-key` and its certificate with `--certificate`",
        }),
    }
}
