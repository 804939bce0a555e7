//! The `credential-process` that another program runs later: with the settings of this command line, in an
//! environment without our variables and in any directory.

use std::path::PathBuf;

use crate::options::access_key::refresh_after;
use crate::options::identity;
use crate::options::session_plan::SessionPlan;
use crate::options::settings::{Setting, Settings};
use crate::options::table::access_key::{FROM_SECRET, REFRESH_AFTER};
use crate::options::table::identity::{CERTIFICATE, PRIVATE_KEY};
use crate::options::table::roles::{CONFIG, ROLE};
use crate::options::table::session::INTERMEDIATES;
use crate::options::table::session_groups::EVERY_SESSION;
use crate::options::table::transport::DEBUG;
use crate::options::table::{OptionSpec, Origin, PREFIX, Syntax, ValueType, cache, secrets};
use crate::output::usage::UsageError;
use crate::secrets::access_key::AccessKeySecret;
use roles_anywhere_client::identity::{IdentitySource, KeySource};
use roles_anywhere_client::input_source::{InputSource, Location};
use roles_anywhere_client::password::PasswordSource;
use roles_anywhere_client::text::path;

/// The options of a `credential-process` that prints the access key of a secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProcessCommand(pub Vec<ProcessWord>);

/// A word of a command line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ProcessWord {
    /// A text.
    Text(String),
    /// A path, which may be relative to the current directory.
    Path(PathBuf),
}

impl ProcessCommand {
    /// Returns the command of these settings, with the session of `plan`, which reads `secret`. Refuses a
    /// source that the later command cannot read, and passwords, which every user would see.
    pub fn of(
        settings: &Settings<'_>,
        plan: &SessionPlan,
        secret: &AccessKeySecret,
    ) -> Result<Self, UsageError> {
        refuse_sources(settings, &plan.provider.source)?;
        refuse_password(settings, &plan.password)?;
        let mut command = Self(Vec::new());
        if let Some((layers, config)) = settings.layers.zip(settings.config) {
            command.add(&ROLE, layers.role().name().as_str());
            let file = ProcessWord::Path(config.file().to_path_buf());
            command.0.extend([ProcessWord::Text(CONFIG.name.to_owned()), file]);
        }
        let options = EVERY_SESSION.iter().chain(cache::CACHE).copied();
        for option in options.chain([&secrets::SECRETS_ENDPOINT]) {
            let Some(setting) = settings.typed_or_variable(option)? else { continue };
            // The program has the variables of others; SDKs may read standard error as a part of the output.
            if *option == DEBUG
                || matches!(setting.origin, Origin::Variable(_, name) if !name.starts_with(PREFIX))
            {
                continue;
            }
            if option.value_type == ValueType::Url && setting.value.contains('@') {
                return Err(refused(settings, setting.origin, IN_URL));
            }
            command.add(option, setting.value);
        }
        command.add(&FROM_SECRET, &secret.id.to_string());
        let seconds = refresh_after(settings)?.as_secs();
        command.add(&REFRESH_AFTER, &format!("{seconds}s"));
        Ok(command)
    }

    fn add(&mut self, option: &OptionSpec, value: &str) {
        if let Syntax::OptionalValue { .. } = option.syntax {
            return self.0.push(ProcessWord::Text(format!("{}={value}", option.name)));
        }
        self.0.push(ProcessWord::Text(option.name.to_owned()));
        let is_path = match option.value_type {
            ValueType::Source => {
                matches!(InputSource::parse(value).location, Location::File(_))
            }
            other => other.is_path(),
        };
        self.0.push(match is_path {
            true => ProcessWord::Path(path::path(value)),
            false => ProcessWord::Text(value.to_owned()),
        });
    }
}

const IN_URL: &str =
    "every user would see a password in the URL: set `HTTPS_PROXY` instead, or pass `--static`";
const ONCE: &str = "the program reads it again for each new key, and it can be read only once: pass the path of a file, or `--static`";
const OUR_VARIABLE: &str =
    "the program does not get `ROLES_ANYWHERE_…` variables: pass the path of a file, or `--static`";
const PASSWORD: &str = "every user would see the password: write it to a file and pass its path with `--key-password-file`, or pass `--static`";

/// Refuses certificates and keys that the later command cannot read.
fn refuse_sources(settings: &Settings<'_>, source: &IdentitySource) -> Result<(), UsageError> {
    let KeySource::File(key) = &source.private_key;
    let all = [
        (&CERTIFICATE, Some(&source.certificate)),
        (&PRIVATE_KEY, Some(key)),
        (&INTERMEDIATES, source.intermediates.as_ref()),
    ];
    for (option, source) in all {
        if let Some(why) = source.and_then(unreadable_later) {
            return Err(refused(settings, origin(settings, option)?, why));
        }
    }
    Ok(())
}

fn refuse_password(settings: &Settings<'_>, password: &PasswordSource) -> Result<(), UsageError> {
    let why = match password {
        PasswordSource::Inline { .. } => Some(PASSWORD),
        PasswordSource::From(input) => unreadable_later(input),
        PasswordSource::Default { .. } => None,
    };
    let Some(why) = why else { return Ok(()) };
    let given = identity::password_settings(settings)?.into_iter().flatten().next();
    let origin = given.map_or(Origin::Flag(&PRIVATE_KEY), |setting: Setting<'_>| setting.origin);
    Err(refused(settings, origin, why))
}

/// Returns why a later process cannot read an input, if so.
fn unreadable_later(input: &InputSource) -> Option<&'static str> {
    match &input.location {
        Location::Stdin | Location::Descriptor(_) => Some(ONCE),
        Location::Variable(name) if name.starts_with(PREFIX) => Some(OUR_VARIABLE),
        Location::Variable(_) => None,
        Location::File(path) => {
            let of_process = ["/dev/fd/", "/dev/stdin", "/proc/self/"];
            let path = path.to_string_lossy();
            of_process.iter().any(|it| path.starts_with(it)).then_some(ONCE)
        }
    }
}

/// Returns where an option is given.
fn origin(settings: &Settings<'_>, option: &'static OptionSpec) -> Result<Origin, UsageError> {
    Ok(settings.text(option)?.map_or(Origin::Flag(option), |setting| setting.origin))
}

fn refused(settings: &Settings<'_>, origin: Origin, why: &'static str) -> UsageError {
    UsageError::Conflict { first: settings.origin(&FROM_SECRET).into(), second: origin.into(), why }
}

#[cfg(test)]
mod tests;
