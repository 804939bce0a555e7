//! The text of `~/.aws/config` without credentials: Regions, endpoints and formats stay.

use crate::credentials_file::line::{self, Line, LineKind, trim};

/// Settings that are about credentials; any in which one of [`PARTS`] occurs are, too.
const NAMES: &[&str] =
    &["role_arn", "role_session_name", "source_profile", "external_id", "duration_seconds"];
const PARTS: &[&str] = &["credential", "secret", "token", "password", "login_session"];
/// The prefixes of such settings: keys and accounts, IAM Identity Center, multi-factor authentication.
const PREFIXES: &[&str] = &["aws_", "sso_", "mfa_"];
/// A part of the names of settings that may hold a key of another service.
const KEY: &str = "key";

/// Returns the text without the settings that give credentials, without sections of IAM Identity Center,
/// and without comments, which may hold old keys. It is empty if no section is left.
///
/// A profile that has such settings is left out as a whole, unless it is `default`: a program that names it
/// must not get the credentials of another role without a word. Other settings that may be secret are left
/// out by themselves.
///
/// A line that is indented is a part of the setting above it, or a setting of its own: SDKs disagree.
/// So it is left out in either case.
pub fn without_credentials(text: &str) -> String {
    let (mut kept, mut section) = (String::new(), CopiedSection::default());
    let mut keeps_setting = false;
    for Line { whole, indent, kind, .. } in line::split(text) {
        let (is_kept, gives_credentials) = match kind {
            LineKind::BlankOrComment => continue,
            LineKind::Heading { python, others } => {
                section.end(&mut kept);
                section = CopiedSection::new([python, others]);
                keeps_setting = true;
                (true, false)
            }
            LineKind::Setting { key, value } => {
                let gives_credentials = is_of_credentials(key);
                keeps_setting = value.is_some() && !gives_credentials && !may_be_secret(key, whole);
                (keeps_setting, gives_credentials)
            }
            LineKind::Continuation => {
                let key = trim(whole[indent.len()..].split(['=', ':']).next().unwrap_or_default());
                let gives_credentials = is_of_credentials(key);
                let is_kept = keeps_setting && !gives_credentials && !may_be_secret(key, whole);
                (is_kept, gives_credentials)
            }
        };
        section.gives_credentials |= gives_credentials;
        if is_kept {
            section.kept.push_str(whole);
        }
    }
    section.end(&mut kept);
    kept
}

/// Returns the text with a `credential_process` in each profile, and with a profile `default`. `text` is one
/// without settings that give credentials.
pub fn with_credential_process(text: &str, command: &str) -> String {
    let setting = format!("credential_process = {command}\n");
    let (mut new, mut has_default) = (String::new(), false);
    let lines = line::split(text);
    for (at, Line { whole, ending, kind, .. }) in lines.iter().enumerate() {
        new.push_str(whole);
        let LineKind::Heading { python, others } = kind else { continue };
        let headings = [*python, *others];
        has_default |= is_default(headings);
        if is_default(headings) || headings.into_iter().any(is_profile) {
            // The last line of a file may have no ending.
            new.push_str(if ending.is_empty() { "\n" } else { "" });
            // A line that is indented further would continue the value.
            new.push_str(lines.get(at + 1).map_or("", |next| next.indent));
            new.push_str(&setting);
        }
    }
    if !has_default {
        let is_ended = new.is_empty() || new.ends_with(['\n', '\r']);
        new.push_str(if is_ended { "" } else { "\n" });
        new.push_str("[default]\n");
        new.push_str(&setting);
    }
    new
}

/// Returns whether a heading is that of a profile with a name.
fn is_profile(heading: &str) -> bool {
    heading.strip_prefix("profile").is_some_and(|name| name.starts_with(char::is_whitespace))
}

/// Returns whether a heading is that of the profile `default`, in one of the ways that it may be read.
fn is_default(headings: [&str; 2]) -> bool {
    headings.iter().any(|name| {
        let words: Vec<&str> = name.split_whitespace().collect();
        matches!(words[..], ["default"] | ["profile", "default"])
    })
}

/// A section, and what is kept of it. Before the first heading there is none.
#[derive(Default)]
struct CopiedSection {
    kept: String,
    is_kept: bool,
    is_default: bool,
    gives_credentials: bool,
}

impl CopiedSection {
    /// A heading may be read in two ways.
    fn new(headings: [&str; 2]) -> Self {
        let is_default = is_default(headings);
        Self { is_kept: !headings.into_iter().any(is_of_sso), is_default, ..Self::default() }
    }

    fn end(&self, kept: &mut String) {
        if self.is_kept && (self.is_default || !self.gives_credentials) {
            kept.push_str(&self.kept);
        }
    }
}

fn is_of_sso(heading: &str) -> bool {
    trim(heading).to_lowercase().starts_with("sso-session")
}

fn is_of_credentials(key: &str) -> bool {
    let key = key.to_lowercase();
    NAMES.contains(&&*key)
        || PARTS.iter().any(|part| key.contains(part))
        || PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

/// Returns whether a setting may hold a secret that is no credential of AWS: a key, or a URL with a password.
fn may_be_secret(key: &str, line: &str) -> bool {
    let has_user = |rest: &str| {
        let authority = rest.split(['/', '?', '#', ' ', '\t', '\r', '\n']).next();
        authority.is_some_and(|authority| authority.contains('@'))
    };
    key.to_lowercase().contains(KEY) || line.split("://").skip(1).any(has_user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_profile_gets_a_credential_process() {
        let rows = [
            ("", "[default]\nP"),
            ("[default]\nregion = r\n", "[default]\nPregion = r\n"),
            ("[profile default]", "[profile default]\nP"),
            ("[profile a]\nregion = r", "[profile a]\nPregion = r\n[default]\nP"),
            ("[ default ]\n[services s]\ns3 =\n", "[ default ]\nP[services s]\ns3 =\n"),
            ("[default]\n  a = 1\n  b = 2\n", "[default]\n  P  a = 1\n  b = 2\n"),
            ("[profile\ta]\n[default]\n\ta = 1\n", "[profile\ta]\nP[default]\n\tP\ta = 1\n"),
            ("[profiles a]\n[default]\n", "[profiles a]\n[default]\nP"),
        ];
        for (text, expected) in rows {
            let expected = expected.replace('P', "credential_process = /opt/x y\n");
            assert_eq!(with_credential_process(text, "/opt/x y"), expected, "{text}");
        }
    }

    #[test]
    fn regions_and_formats_stay() {
        let text = "\
# aws_secret_access_key = old
[default]
region = eu-central-1
aws_access_key_id = AKIA
AWS_SECRET_ACCESS_KEY: hunter2
s3 =
    max_concurrent_requests = 20

[profile admin]
role_arn = arn:aws:iam::123456789012:role/Admin
source_profile = default
mfa_serial = arn:aws:iam::123456789012:mfa/me
output = json
credential_process =
    /opt/vend
    --secret hunter2
cli_pager =

[profile plain]
output = json
endpoint_url = https://user:hunter2@h/a@b
api_key = hunter2
[profile sso]
sso_session = corp
sso_account_id = 123456789012
[sso-session corp]
sso_start_url = https://corp.awsapps.com/start
region = us-east-1
[ sso-session other ] # [x]
region = us-east-1
[services local]
dynamodb =
  endpoint_url = http://127.0.0.1:8000
";
        assert_eq!(
            without_credentials(text),
            "\
[default]
region = eu-central-1
s3 =
    max_concurrent_requests = 20
[profile plain]
output = json
[services local]
dynamodb =
  endpoint_url = http://127.0.0.1:8000
"
        );
    }

    #[test]
    fn no_key_stays_however_it_is_written() {
        for text in [
            "aws_access_key_id = hunter2\n",
            "[default]\n  aws_secret_access_key = hunter2\n",
            "[default]\nregion = a\n  aws_session_token = hunter2\n",
            "[default]\ns3 =\n  x = 1\n  aws_session_token=hunter2\r\n",
            "[default]\raws_session_token=hunter2",
            "[default]\nhunter2\n",
            "[default]\n; hunter2\n",
            "[default]\ncredential_process = a\n\n  hunter2\n",
            "[default]\nCredential_Process = hunter2",
            "[default]\nx_proxy_password = hunter2",
            "[default]\nendpoint_url = https://user:hunter2@host",
            "[services a]\ns3 =\n  endpoint_url = https://hunter2@host/",
            "[default]\napi_key = hunter2",
        ] {
            let kept = without_credentials(text);
            assert!(!kept.contains("hunter2"), "{text}: {kept}");
        }
        assert_eq!(without_credentials("# a\n\nregion = a\n"), "");
        let url = "[default]\nendpoint_url = https://host/a@b\n";
        assert_eq!(without_credentials(url), url);
    }

    #[test]
    fn other_profiles_with_credentials_are_left_out() {
        for text in ["role_arn = a", "credential_process = a", "s3 =\n  sso_session = a"] {
            let of =
                |profile: &str| without_credentials(&format!("[{profile}]\nregion = a\n{text}\n"));
            assert_eq!(of("profile plant"), "", "{text}");
            assert!(of("default").starts_with("[default]\nregion = a\n"), "{text}");
            assert!(of("profile default").starts_with("[profile default]\n"), "{text}");
        }
        assert_eq!(without_credentials("[profile a]\nregion = b\n"), "[profile a]\nregion = b\n");
    }
}
