//! What can be wrong with the choice of a role in the configuration file.

use std::path::Path;
use std::sync::Arc;

use super::{MAX_NAMES, quoted_list, shown_name};
use crate::options::table::roles::ROLE_WITH_PROFILE;
use crate::options::table::{FileName, OptionSpec, Origin};
use roles_anywhere_client::text::disclosure::DisplayValue;

/// No role of the configuration file can be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RoleError {
    /// Variables for the identity, the ARNs or the session are set beside a role.
    #[error("{} and {} cannot be used together", role_given(role.as_ref()), variables(names))]
    Variables {
        /// Where the role is named; `None` if several are used, and none is named.
        role: Option<Origin>,
        /// The variables, at least one.
        names: Vec<&'static str>,
    },
    /// Flags for the identity, the ARNs or the session name are given with several roles.
    #[error("several roles and {} cannot be used together", options(names))]
    Flags {
        /// The flags, at least one.
        names: Vec<&'static str>,
    },
    /// A command that uses one role is given several.
    #[error("`{}` is given more than once", option.name)]
    Several {
        /// `--role` of the command.
        option: &'static OptionSpec,
    },
    /// No role has the name.
    #[error("unknown role{} for {}", shown_name(name), origin.quoted())]
    Unknown {
        /// The flag or variable.
        origin: Origin,
        /// The name.
        name: DisplayValue,
        /// The file.
        file: Arc<Path>,
        /// The names of the roles that may be shown.
        names: Vec<Box<str>>,
        /// The one that was probably meant.
        nearest: Option<Box<str>>,
    },
    /// No program has the name.
    #[error("unknown program{} for `--app`", shown_name(name))]
    UnknownApp {
        /// The name.
        name: DisplayValue,
        /// The file.
        file: Arc<Path>,
        /// The names of the programs that may be shown.
        names: Vec<Box<str>>,
        /// The one that was probably meant.
        nearest: Option<Box<str>>,
    },
    /// The file has several roles, and it is not clear which one is meant.
    #[error("the configuration file `{}` has several roles, and no `default-role`", FileName(file))]
    Ambiguous {
        /// The file.
        file: Arc<Path>,
        /// The names of the roles that may be shown.
        names: Vec<Box<str>>,
    },
    /// The file has no roles.
    #[error("the configuration file `{}` has no roles", FileName(file))]
    None {
        /// The file.
        file: Arc<Path>,
    },
    /// No role of the file has a profile.
    #[error("no role of the configuration file `{}` has `aws-profile`", FileName(file))]
    NoProfile {
        /// The file.
        file: Arc<Path>,
    },
    /// The file that is named does not exist.
    #[error("the configuration file{} of {} does not exist", shown_name(path), origin.quoted())]
    NoSuchFile {
        /// The flag or variable.
        origin: Origin,
        /// The path.
        path: DisplayValue,
    },
    /// There is no file, and it is needed.
    #[error("there is no configuration file{}", for_role(role.as_ref()))]
    NoFile {
        /// Where a role is named; `None` if the file itself is what the command reads.
        role: Option<Origin>,
        /// The files that would have been used.
        usual: Vec<Arc<Path>>,
    },
}

impl RoleError {
    /// Returns what to do.
    pub(super) fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Variables { .. } => "unset the variables: the role sets these values".to_owned(),
            Self::Flags { .. } => {
                "pass `--role` with one role, or set the values in the roles of the configuration file"
                    .to_owned()
            }
            Self::Several { option } if **option == ROLE_WITH_PROFILE => {
                "leave `--role` out and set `aws-profile` in the roles, or run the command once for each role"
                    .to_owned()
            }
            Self::Several { .. } => "pass `--role` once".to_owned(),
            Self::Unknown { name, .. }
                if name.value().is_some_and(|name| name.starts_with("arn:")) =>
            {
                "pass the ARN with `--role-arn`; `--role` is the name of a role of the file".to_owned()
            }
            Self::Unknown { nearest: Some(nearest), .. }
            | Self::UnknownApp { nearest: Some(nearest), .. } => format!("did you mean `{nearest}`?"),
            Self::Unknown { names, file, .. } if names.is_empty() => {
                format!("add `[role.NAME]` to `{}`", FileName(file))
            }
            Self::Unknown { names, file, .. } => {
                format!("the roles of `{}` are {}", FileName(file), list(names))
            }
            Self::UnknownApp { names, file, .. } if names.is_empty() => {
                format!("add `[exec.NAME]` to `{}`", FileName(file))
            }
            Self::UnknownApp { names, file, .. } => {
                format!("the programs of `{}` are {}", FileName(file), list(names))
            }
            Self::Ambiguous { names, .. } => {
                format!(
                    "pass `--role` with one of {}, or set `default-role` in the file",
                    list(names)
                )
            }
            Self::None { .. } => "add `[role.NAME]` to the file".to_owned(),
            Self::NoProfile { .. } => {
                "pass `--role` or `--profile`, or set `aws-profile` in the roles".to_owned()
            }
            Self::NoSuchFile { .. } => "check the path".to_owned(),
            Self::NoFile { usual, .. } if usual.is_empty() => {
                "pass `--config` with the path of the file".to_owned()
            }
            Self::NoFile { usual, .. } => {
                let usual = usual.iter().map(|file| format!("`{}`", FileName(file)));
                format!("write {}, or pass `--config`", usual.collect::<Vec<_>>().join(" or "))
            }
        };
        vec![hint]
    }
}

/// Returns the first names; the command `roles` lists all.
fn list(names: &[Box<str>]) -> String {
    let more = if names.len() > MAX_NAMES { ", …" } else { "" };
    quoted_list(names.iter().take(MAX_NAMES).map(AsRef::as_ref)) + more
}

fn role_given(role: Option<&Origin>) -> String {
    role.map_or_else(|| "several roles".to_owned(), |role| role.quoted().to_string())
}

fn for_role(role: Option<&Origin>) -> String {
    role.map(|role| format!(" for {}", role.quoted())).unwrap_or_default()
}

fn variables(names: &[&'static str]) -> String {
    let noun = if names.len() == 1 { "variable" } else { "variables" };
    format!("the {noun} {}", quoted_list(names.iter().copied()))
}

fn options(names: &[&'static str]) -> String {
    let noun = if names.len() == 1 { "the option" } else { "the options" };
    format!("{noun} {}", quoted_list(names.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_six_names_are_listed() {
        let names: Vec<Box<str>> = ["a", "b", "c", "d", "e", "f", "g"].map(Into::into).into();
        assert_eq!(list(&names[..6]), "`a`, `b`, `c`, `d`, `e`, `f`");
        assert_eq!(list(&names), "`a`, `b`, `c`, `d`, `e`, `f`, …");
    }
}
