//! The options of the certificate, the key and its password.

use super::setting::{Setting, Settings};
use crate::options::IdentityArgs;
use crate::output::usage::UsageError;
use roles_anywhere_client::identity::{IdentitySource, KeySource, Permissions};
use roles_anywhere_client::input_source::{InputSource, Location};
use roles_anywhere_client::password::PasswordSource;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::text::path;

/// Returns the sources of the identity. Without `--private-key`, the key is in the certificate file.
pub(super) fn source(settings: &Settings<'_>) -> Result<IdentitySource, UsageError> {
    let certificate = certificate(settings)?;
    let key = settings.text("private-key", |args| &args.identity.private_key)?;
    let intermediates = settings.text("intermediates", |args| &args.intermediates)?;
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
pub(super) fn certificate(settings: &Settings<'_>) -> Result<InputSource, UsageError> {
    refuse_what_does_not_work_yet(&settings.args.identity)?;
    place(&settings.required("--certificate", |args| &args.identity.certificate)?)
}

/// Returns the key; by default the certificate file.
pub(super) fn private_key(settings: &Settings<'_>) -> Result<KeySource, UsageError> {
    refuse_what_does_not_work_yet(&settings.args.identity)?;
    let certificate = settings.text("certificate", |args| &args.identity.certificate)?;
    let key = match (settings.text("private-key", |args| &args.identity.private_key)?, certificate)
    {
        (Some(key), _) => key,
        (None, Some(certificate)) => certificate,
        (None, None) => settings.required("--private-key", |args| &args.identity.private_key)?,
    };
    place(&key).map(KeySource::File)
}

pub(super) fn permissions(settings: &Settings<'_>) -> Result<Permissions, UsageError> {
    let strict = settings.flag("strict-permissions", |args| &args.identity.strict_permissions)?;
    Ok(if strict { Permissions::Strict } else { Permissions::Lenient })
}

/// Returns the source of the password; at most one may be given.
pub(super) fn password(settings: &Settings<'_>) -> Result<PasswordSource, UsageError> {
    let file = settings.text("key-password-file", |args| &args.identity.key_password_file)?;
    let variable = settings.text("key-password-env", |args| &args.identity.key_password_env)?;
    let descriptor = settings.text("key-password-fd", |args| &args.identity.key_password_fd)?;
    let given = settings.text("pkcs8-password", |args| &args.identity.pkcs8_password)?;
    let all: Vec<&Setting<'_>> =
        [&file, &variable, &descriptor, &given].into_iter().flatten().collect();
    if let [first, second, ..] = all.as_slice() {
        return Err(UsageError::Conflict {
            first: first.origin.clone(),
            second: second.origin.clone(),
            why: "the password is in one place; leave one of them out",
        });
    }
    if let Some(setting) = given {
        return Ok(PasswordSource::Inline(Secret::new(setting.value)));
    }
    if let Some(setting) = file {
        let path = path::path(&setting.value);
        return Ok(PasswordSource::From(InputSource::file(path).named_by(setting.origin)));
    }
    if let Some(setting) = variable {
        let place = InputSource::from(Location::Variable(setting.value));
        return Ok(PasswordSource::From(place.named_by(setting.origin)));
    }
    if let Some(setting) = descriptor {
        return match setting.value.parse() {
            Ok(number) => {
                let place = InputSource::from(Location::Descriptor(number));
                Ok(PasswordSource::From(place.named_by(setting.origin)))
            }
            Err(_) => Err(setting.refuse_hidden("the number of an open file descriptor")),
        };
    }
    let credential = settings.environment.get("CREDENTIALS_DIRECTORY").map(|folder| {
        let path = path::path(folder).join("roles-anywhere-key-password");
        InputSource::file(path).named_by("CREDENTIALS_DIRECTORY")
    });
    Ok(PasswordSource::Default { credential })
}

/// Returns an input source. Refuses values that mean something else to the official helper.
fn place(setting: &Setting<'_>) -> Result<InputSource, UsageError> {
    let foreign = ["pkcs11:", "handle:"].iter().any(|scheme| setting.value.starts_with(scheme));
    if foreign {
        // A PKCS#11 URI may hold a PIN: only its scheme is repeated.
        let scheme = setting.value.split(':').next().unwrap_or_default();
        let what = format!("{} {scheme}:…", setting.origin);
        return Err(UsageError::NotYet { what, instead: "pass the path of a file" });
    }
    Ok(InputSource::parse(&setting.value).named_by(&setting.origin))
}

fn refuse_what_does_not_work_yet(args: &IdentityArgs) -> Result<(), UsageError> {
    let flags = &args.not_yet;
    let rows = [
        ("--cert-selector", &flags.cert_selector),
        ("--system-store-name", &flags.system_store_name),
        ("--use-latest-expiring-certificate", &flags.use_latest_expiring_certificate),
        ("--pkcs11-lib", &flags.pkcs11_lib),
        ("--reuse-pin", &flags.reuse_pin),
        ("--tpm-key-password", &flags.tpm_key_password),
        ("--no-tpm-key-password", &flags.no_tpm_key_password),
    ];
    let off = |value: &str| ["", "false", "f", "0"].contains(&&*value.to_ascii_lowercase());
    let given = rows.into_iter().find(|(_, value)| value.as_deref().is_some_and(|v| !off(v)));
    match given {
        None => Ok(()),
        Some((flag, _)) => Err(UsageError::NotYet {
            what: flag.to_owned(),
            instead: "pass the key by `--private-key` and its certificate by `--certificate`",
        }),
    }
}
