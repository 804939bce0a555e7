//! What to do about a wrong flag or variable.

use super::{UsageError, quoted_list, wrong_reference};
use crate::credentials_file::ProfileNameError;
use crate::options::table::{
    OptionSpec, Syntax, ValueType, identity, other_programs, program, session, transport,
};
use roles_anywhere_client::arn::ArnError;
use roles_anywhere_client::text::disclosure::{KeyMaterialKind, Sensitivity};

impl UsageError {
    /// Returns what to do.
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Missing { options, empty, role } => {
                return missing_hints(options, empty, role.is_some());
            }
            // The message says what is expected.
            Self::Value { origin, .. } if origin.option().sensitivity != Sensitivity::Password => {
                return Vec::new();
            }
            Self::Value { .. } => {
                "pass the number, such as `3` with `3< FILE` in a shell, or write the password to a file and pass its path with `--key-password-file`"
            }
            Self::KeyMaterial { origin, contents } => {
                return vec![contents_hint(origin.option(), *contents)];
            }
            Self::KeyMaterialForName { origin, .. } => return vec![name_hint(origin.option())],
            Self::Arn { source, .. } => arn_hint(source),
            Self::Endpoint { .. } => {
                "write it as `https://HOST[:PORT]`; `http://` is accepted for a loopback address only"
            }
            Self::Proxy { .. } => {
                "write it as `http://HOST:PORT`, or pass `--proxy none`; set a user name and password in `HTTPS_PROXY`, which other users cannot see"
            }
            Self::Profile { source: ProfileNameError::Defaults, .. } => {
                "pass `default`, in lower case, for the default profile"
            }
            Self::Profile { .. } => "pass the name that is in the brackets of the credentials file",
            Self::NoSuchPath { .. } => {
                "if it is the name of a new file or directory, write it as `./NAME`"
            }
            Self::Unexpanded { .. } => {
                "write the full path: a shell expands `~` only at the start of a word, and other programs do not expand it; if the name really begins with this character, write it as `./NAME`"
            }
            Self::NotUtf8(_) => "set it to UTF-8 text, or remove it",
            Self::FlagAsValue { .. } => {
                "pass a value; if the value is a shell variable, check that it is not empty"
            }
            Self::Argument(error) => return error.hints(),
            Self::Role(error) => return error.hints(),
            Self::References(_) => wrong_reference::HINT,
            Self::Partitions { .. } => "use ARNs and Regions of one partition",
            Self::Regions { why, .. }
            | Self::Conflict { why, .. }
            | Self::NoVariable { why, .. } => why,
            Self::Dependent { required, .. } if *required == &program::COMMAND => {
                "name the program after `--`: without one, `exec` starts a shell, which would be ended"
            }
            Self::Dependent { option, required } => {
                return vec![format!("pass `{}`, or remove `{}`", required.name, option.name)];
            }
            Self::NotYet { instead, .. } => instead,
            Self::Nested { .. } => {
                "pass `--nested` to use other credentials inside it, or exit that shell first"
            }
        };
        vec![hint.to_owned()]
    }
}

fn name_hint(option: &OptionSpec) -> String {
    format!(
        "`env:` expects the name of a variable, not its value: export it as NAME, and pass `{option} env:NAME`"
    )
}

fn missing_hints(
    options: &[&'static OptionSpec],
    empty: &[&'static str],
    has_role: bool,
) -> Vec<String> {
    let is_argument = |option: &&&OptionSpec| matches!(option.syntax, Syntax::Positional { .. });
    let argument = options.iter().find(is_argument);
    let variables = quoted_list(options.iter().filter_map(|option| option.variables().next()));
    let mut hints = vec![match (options, argument) {
        _ if has_role => missing_in_role(options).to_owned(),
        ([_], Some(argument)) => format!("pass `{argument}` after the command"),
        ([option], None) if *option == &other_programs::AGENT_TOKEN => {
            "set `AWS_TOKEN` to a token, or to `file://PATH` for one in a file; or pass `--secrets-token-file` for the file of a token that `serve` makes".to_owned()
        }
        ([OptionSpec { if_missing: Some(hint), .. }], None) => (*hint).to_owned(),
        ([option], None) if variables.is_empty() => format!("pass `{option}`"),
        ([option], None) => format!("pass `{option}`, or set {variables}"),
        (_, Some(argument)) => {
            format!("pass `{argument}` after the command; pass the others, or set {variables}")
        }
        (_, None) if variables.is_empty() => "pass them".to_owned(),
        (_, None) => format!("pass them, or set {variables}"),
    }];
    if !has_role && session::REQUIRED.iter().all(|option| options.contains(option)) {
        hints.push(
            "set them in a configuration file instead: `--config` in `--help` says where it is"
                .to_owned(),
        );
    }
    if !empty.is_empty() {
        let verb = if empty.len() == 1 { "is" } else { "are" };
        let names = quoted_list(empty.iter().copied());
        hints.push(format!("give a value: {names} {verb} empty, which counts as not given"));
    }
    hints
}

fn missing_in_role(options: &[&'static OptionSpec]) -> &'static str {
    match options {
        [option] if *option == &identity::CERTIFICATE => {
            "set `certificate` in the identity of the role, or pass `--certificate`"
        }
        [_] => "set it in the role or in `[defaults]`, or pass it",
        _ if options.contains(&&identity::CERTIFICATE) => {
            "set `certificate` in the identity of the role, and the others in the role or in `[defaults]`, or pass them"
        }
        _ => "set them in the role or in `[defaults]`, or pass them",
    }
}

fn contents_hint(option: &OptionSpec, contents: KeyMaterialKind) -> String {
    let is_swapped = match contents {
        KeyMaterialKind::PrivateKey => option == &identity::CERTIFICATE,
        KeyMaterialKind::Certificate => option == &identity::PRIVATE_KEY,
        KeyMaterialKind::Encoded => false,
    };
    if is_swapped {
        return "check that `--certificate` and `--private-key` are not swapped; each expects a path or `env:NAME`"
            .to_owned();
    }
    match contents {
        KeyMaterialKind::PrivateKey if option == &session::INTERMEDIATES => {
            "pass CA certificates here, and the key with `--private-key`".to_owned()
        }
        contents if option.value_type == ValueType::Source => {
            let noun = match contents {
                KeyMaterialKind::PrivateKey => "the key",
                KeyMaterialKind::Certificate => "the certificate",
                KeyMaterialKind::Encoded => "it",
            };
            format!("write {noun} to a file and pass its path, or pass `{option} env:NAME`")
        }
        KeyMaterialKind::Certificate | KeyMaterialKind::Encoded
            if option == &transport::CA_BUNDLE =>
        {
            "write the CA certificates to a file, and pass its path".to_owned()
        }
        _ if option.sensitivity == Sensitivity::Password => {
            "pass the key with `--private-key`, and the file of its password with `--key-password-file`"
                .to_owned()
        }
        KeyMaterialKind::PrivateKey => {
            "pass a key with `--private-key`, as a path or as `env:NAME`".to_owned()
        }
        KeyMaterialKind::Certificate | KeyMaterialKind::Encoded => {
            "pass certificates with `--certificate` and `--intermediates`, as a path or as `env:NAME`"
                .to_owned()
        }
    }
}

fn arn_hint(error: &ArnError) -> &'static str {
    match error {
        ArnError::Kind { .. } => {
            "check that the ARNs of the trust anchor, the profile and the role are not swapped"
        }
        ArnError::Partition(_) => {
            "correct the second part of the ARN, its partition, such as `aws` or `aws-cn`"
        }
        ArnError::RegionPartition { .. } => {
            "correct the Region, or the second part of the ARN, its partition, such as `aws` or `aws-cn`"
        }
        _ => "copy the ARN from the AWS console or the AWS CLI",
    }
}
