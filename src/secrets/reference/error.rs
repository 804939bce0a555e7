//! What can be wrong with a reference. No error quotes a default, or what may be a secret value.

use super::uri::OPTIONS;
use crate::options::suggestion::nearest;
use roles_anywhere_client::arn::ArnError;
use roles_anywhere_client::region::Region;
use roles_anywhere_client::text::disclosure::{Sensitivity, quoted};
use roles_anywhere_client::text::escape;

/// A text is not a valid reference.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReferenceError {
    /// It is in none of the notations.
    #[error(
        "expected `sm://…`, `ssm://…`, `{{{{resolve:…}}}}`, or the ARN of a secret or a parameter"
    )]
    NoReference,
    /// It begins like `sm://` or `ssm://`.
    #[error("expected `sm://` or `ssm://`, in lower case and with nothing before it")]
    Scheme,
    /// `sm://` or `ssm://` inside a text.
    #[error("`sm://` and `ssm://` must be the whole value: inside a text, use `{{{{resolve:…}}}}`")]
    InText,
    /// It begins like `{{resolve:`.
    #[error(
        "expected `{{{{resolve:SERVICE:NAME}}}}`, in lower case and without spaces, with SERVICE \
         `secretsmanager`, `ssm` or `ssm-secure`"
    )]
    Resolve,
    /// The name is missing.
    #[error("the name is missing")]
    NoName,
    /// A character that no name has.
    #[error("the name cannot contain {}", escape::character(*.0))]
    NameCharacter(char),
    /// The name is too long.
    #[error("the name is longer than {limit} characters")]
    LongName {
        /// The most that it may have.
        limit: usize,
    },
    /// The name of a parameter has a slash, but not at its beginning.
    #[error(
        "the name of a parameter with a slash begins with one, for example `ssm:///prod/api-url`"
    )]
    RelativePath,
    /// The ARN is not valid.
    #[error("the ARN is not valid")]
    Arn(#[source] ArnError),
    /// The ARN is not valid, and is not shown.
    #[error("the ARN is not valid")]
    NoArn,
    /// Something follows the name in an ARN.
    #[error("the ARN has too many parts: expected `#KEY` and `?OPTION` after the name")]
    ArnParts,
    /// An option names another Region than the ARN.
    #[error("`region` is `{option}`, but the ARN is of `{arn}`")]
    RegionOfArn {
        /// The Region of the ARN.
        arn: Region,
        /// That of the option.
        option: Region,
    },
    /// Nothing follows `#`.
    #[error("the key after `#` is missing")]
    NoKey,
    /// A `#` follows the options.
    #[error("`#KEY` stands before `?`, and a `#` in an option is written `%23`")]
    KeyAfterOptions,
    /// There is no such option.
    #[error("{option} is not an option{}", suggestion(*nearest))]
    UnknownOption {
        /// It, in backticks, or what stands for it.
        option: String,
        /// The option that was probably meant.
        nearest: Option<&'static str>,
    },
    /// Nothing stands behind `?` or `&`.
    #[error("the option after `?` or `&` is missing")]
    NoOption,
    /// A default is followed by something else than an option, which may be a part of the default.
    #[error("what follows the default is not an option: `&` in a default is written `%26`")]
    AfterDefault,
    /// An option is given twice.
    #[error("the option `{0}` is given twice")]
    Repeated(&'static str),
    /// An option is of the other service.
    #[error("`{option}` is not an option of {}", other_service(option))]
    OtherService {
        /// The option.
        option: &'static str,
    },
    /// An option has no value.
    #[error("the option `{0}` has no value: expected `{0}=VALUE`")]
    EmptyOption(&'static str),
    /// A value is longer than AWS takes.
    #[error("the value of `{0}` is longer than 256 characters")]
    LongOption(&'static str),
    /// A character that a label or an id cannot have.
    #[error("the value of `{option}` cannot contain {}", escape::character(*character))]
    OptionCharacter {
        /// The option.
        option: &'static str,
        /// The character.
        character: char,
    },
    /// `optional` has a value.
    #[error("the option `optional` takes no value")]
    ValueOfOptional,
    /// Two options that do not go together.
    #[error("`{0}` and `{1}` cannot be used together")]
    Exclusive(&'static str, &'static str),
    /// A default for all members.
    #[error("`default` cannot be used with `#*`: one text does not stand for all members")]
    DefaultOfAll,
    /// A default with a NUL byte.
    #[error("the default contains a NUL byte")]
    NulInDefault,
    /// A `%` that encodes nothing.
    #[error("`%` is not followed by two hexadecimal digits: a percent sign is written `%25`")]
    Percent,
    /// Encoded bytes are not UTF-8.
    #[error("the percent-encoded bytes are not UTF-8")]
    NotUtf8,
    /// A control character.
    #[error("it contains {}, which must be percent-encoded", escape::character(*.0))]
    Control(char),
    /// The number of a version is not a number.
    #[error(
        "the version of a parameter is a number from 1, and a label is given with `label=LABEL`"
    )]
    Version,
    /// The Region is not one.
    #[error("the value of `region` is not a Region: expected one such as `eu-central-1`")]
    Region,
    /// The name of a role is not one.
    #[error("the value of `role` is not the name of a role of the configuration file")]
    Role,
    /// `{{resolve:` without an end.
    #[error("`{{{{resolve:` is not closed by `}}}}` on its line")]
    Unclosed,
    /// A space.
    #[error("`{{{{resolve:…}}}}` cannot contain spaces")]
    Space,
    /// A brace or a control character.
    #[error("`{{{{resolve:…}}}}` cannot contain {}", escape::character(*.0))]
    ResolveCharacter(char),
    /// A backslash at the end.
    #[error("`{{{{resolve:…}}}}` cannot end in a backslash")]
    Backslash,
    /// Not one of the three services.
    #[error("expected `secretsmanager`, `ssm` or `ssm-secure` after `{{{{resolve:`")]
    Service,
    /// Too few or too many parts.
    #[error("expected `{{{{resolve:secretsmanager:NAME-OR-ARN:SecretString:KEY:STAGE:VERSION}}}}`")]
    SecretParts,
    /// Something else in the place of `SecretString`.
    #[error("expected `SecretString` after the name or the ARN of the secret")]
    NotSecretString,
    /// Too many parts.
    #[error("expected `{{{{resolve:ssm:NAME:VERSION}}}}`")]
    ParameterParts,
    /// An ARN, which CloudFormation does not take there.
    #[error("`{{{{resolve:ssm:…}}}}` takes the name of a parameter, not an ARN: use `ssm://ARN`")]
    ParameterArn,
    /// Neither two nor five parts behind the account.
    #[error("expected `arn:…:secret:NAME` or `arn:…:secret:NAME:KEY:STAGE:VERSION`")]
    ValueFromParts,
}

impl ReferenceError {
    pub(super) fn unknown_option(typed: &str) -> Self {
        let option = quoted(typed, Sensitivity::Public, "it");
        let nearest = nearest(typed, OPTIONS.into_iter());
        Self::UnknownOption { option, nearest }
    }
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!("; did you mean `{nearest}`?"))
}

/// Returns the notation that an option is not for.
fn other_service(option: &str) -> &'static str {
    match option {
        "stage" => "`ssm://`: the label of a parameter is given with `label=LABEL`",
        _ => "`sm://`: a staging label is given with `stage=LABEL`",
    }
}
