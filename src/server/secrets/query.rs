//! The path and the query of a request, as AWS's agent reads them.

use percent_encoding::percent_decode_str;

use crate::secrets_cache::RequestedFreshness;
use roles_anywhere_client::aws::get_secret_value::{SecretId, SecretRequest};

/// A request that is not valid: the text of the response, whose status is 400.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct InvalidQuery(pub(super) String);

impl From<&str> for InvalidQuery {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// The parameters that all dialects have.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct CommonParameters {
    /// Whether AWS is asked in any case.
    pub(super) refresh_now: bool,
    /// The ARN of a role.
    pub(super) role_arn: Option<String>,
}

impl CommonParameters {
    /// Takes one of them. Of a repeated one, the last counts.
    pub(super) fn take(&mut self, name: &str, value: &str) -> Result<(), InvalidQuery> {
        match name {
            "refreshNow" => {
                let refresh = flag(value).ok_or("invalid refreshNow value")?;
                self.refresh_now = refresh;
            }
            "roleArn" => self.role_arn = Some(value.to_owned()),
            _ => return Err(InvalidQuery(format!("unknown parameter: {name}"))),
        }
        Ok(())
    }

    /// Refuses what can be checked only once all parameters are known.
    pub(super) fn check(&self) -> Result<(), InvalidQuery> {
        match &self.role_arn {
            Some(arn) if !is_role_arn(arn) => {
                Err("invalid roleArn format, expected arn:<partition>:iam::<account>:role/<name>"
                    .into())
            }
            _ => Ok(()),
        }
    }

    /// Returns how fresh the value must be.
    pub(super) fn freshness(&self) -> RequestedFreshness {
        if self.refresh_now { RequestedFreshness::Now } else { RequestedFreshness::Cached }
    }
}

/// Returns what the text of a boolean parameter means.
pub(super) fn flag(value: &str) -> Option<bool> {
    match value {
        "1" => Some(true),
        "0" => Some(false),
        _ if value.eq_ignore_ascii_case("true") => Some(true),
        _ if value.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A request for a secret in the agent's dialect.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct SecretQuery {
    pub(super) secret: SecretRequest,
    pub(super) common: CommonParameters,
}

impl SecretQuery {
    /// Reads `/secretsmanager/get?secretId=…`.
    pub(super) fn of_query(query: &str) -> Result<Self, InvalidQuery> {
        let mut secret_id = String::new();
        let rest = Self::of_pairs(query, |name, value| {
            let is_id = name == "secretId";
            if is_id {
                value.clone_into(&mut secret_id);
            }
            is_id
        })?;
        match secret_id.is_empty() {
            true => Err("missing parameter secretId".into()),
            false => rest.of(&secret_id),
        }
    }

    /// Reads `PREFIX{ID}?…`; `path` has the prefix.
    pub(super) fn of_path(path: &str, prefix: &str, query: &str) -> Result<Self, InvalidQuery> {
        match secret_id(path, prefix) {
            Some(id) if !id.is_empty() => Self::of_pairs(query, |_, _| false)?.of(&id),
            _ => Err("missing secret ID".into()),
        }
    }

    fn of_pairs(
        query: &str,
        mut take: impl FnMut(&str, &str) -> bool,
    ) -> Result<SecretParameters, InvalidQuery> {
        let mut parameters = SecretParameters::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "versionId" => parameters.version_id = Some(value.into_owned()),
                "versionStage" => parameters.version_stage = Some(value.into_owned()),
                _ if take(&name, &value) => {}
                _ => parameters.common.take(&name, &value)?,
            }
        }
        Ok(parameters)
    }
}

#[derive(Debug, Default)]
struct SecretParameters {
    version_id: Option<String>,
    version_stage: Option<String>,
    common: CommonParameters,
}

impl SecretParameters {
    fn of(self, id: &str) -> Result<SecretQuery, InvalidQuery> {
        self.common.check()?;
        let Self { version_id, version_stage, common } = self;
        // What is no valid ARN is refused by AWS, in its words.
        let secret = id.parse().unwrap_or_else(|_| SecretId::Name(id.to_owned()));
        Ok(SecretQuery { secret: SecretRequest { secret, version_id, version_stage }, common })
    }
}

/// Returns the secret id in a path: percent-decoded, with dot segments removed as in a URL.
fn secret_id(path: &str, prefix: &str) -> Option<String> {
    let rest = path.get(prefix.len()..)?;
    let is_plain = !rest.contains(['%', '\\']) && !rest.contains("/.") && !rest.starts_with('.');
    if is_plain {
        return Some(rest.to_owned());
    }
    let path = without_dot_segments(path);
    let rest = path.get(prefix.len()..).filter(|_| path.starts_with(prefix))?;
    match percent_decode_str(rest).decode_utf8() {
        Ok(id) => Some(id.into_owned()),
        Err(_) => Some(rest.to_owned()),
    }
}

/// Removes `.` and `..` from a path that begins with a slash, as the URL Standard does.
fn without_dot_segments(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split(['/', '\\']).skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        let dots = segment.replace("%2e", ".").replace("%2E", ".");
        match &*dots {
            "." => {}
            ".." => {
                kept.pop();
            }
            _ => {
                kept.push(segment);
                continue;
            }
        }
        if is_last {
            kept.push("");
        }
    }
    kept.iter().flat_map(|segment| ["/", segment]).collect()
}

/// Returns whether the text is `arn:<partition>:iam::<account>:role/<name>`.
fn is_role_arn(text: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let parse = || {
        let (partition, rest) = text.strip_prefix("arn:")?.split_once(':')?;
        let (account, name) = rest.strip_prefix("iam::")?.split_once(":role/")?;
        let name_character = |c: char| word(c) || "+=,.@/-".contains(c);
        let is_valid = !partition.is_empty()
            && partition.chars().all(|c| word(c) || c == '-')
            && account.len() == 12
            && account.bytes().all(|byte| byte.is_ascii_digit())
            && !name.is_empty()
            && name.chars().all(name_character);
        is_valid.then_some(())
    };
    parse().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_in_a_path_is_decoded_and_dot_segments_are_removed() {
        for (path, id) in [
            ("/v1/my/sec", Some("my/sec")),
            ("/v1//lead", Some("/lead")),
            ("/v1/trail/", Some("trail/")),
            ("/v1/x/../y", Some("y")),
            ("/v1/x/./y", Some("x/y")),
            ("/v1/x/%2e%2E/y", Some("y")),
            ("/v1/x/..", Some("")),
            ("/v1/..", None),
            ("/v1/../secretsmanager/get", None),
            ("/v1/..x/.y", Some("..x/.y")),
            ("/v1/my%2Bsec", Some("my+sec")),
            ("/v1/my+sec", Some("my+sec")),
            ("/v1/a%2Fb", Some("a/b")),
            ("/v1/a%2F..%2Fb", Some("a/../b")),
            ("/v1/%C3%A4", Some("ä")),
            ("/v1/%ff", Some("%ff")),
            ("/v1/a\\b", Some("a/b")),
            ("/v1/", Some("")),
        ] {
            assert_eq!(secret_id(path, "/v1/").as_deref(), id, "{path}");
        }
    }

    #[test]
    fn role_arns_are_checked_as_the_agent_does() {
        for arn in [
            "arn:aws:iam::123456789012:role/Reader",
            "arn:aws-cn:iam::123456789012:role/path/to/a+b=c,d.e@f-g_h",
        ] {
            assert!(is_role_arn(arn), "{arn}");
        }
        for arn in [
            "",
            "x",
            "arn::iam::123456789012:role/Reader",
            "arn:aws:iam::12345678901:role/Reader",
            "arn:aws:iam::12345678901a:role/Reader",
            "arn:aws:iam:us-east-1:123456789012:role/Reader",
            "arn:aws:sts::123456789012:role/Reader",
            "arn:aws:iam::123456789012:user/Reader",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role/a b",
            "arn:aws:iam::123456789012:role/a\"b",
            "arn:aws:iam::123456789012:role/a\n",
        ] {
            assert!(!is_role_arn(arn), "{arn}");
        }
    }
}
