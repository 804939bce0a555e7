//! The text of `~/.aws/config` without credentials: Regions, endpoints and formats stay.

use crate::credentials_file::line::{self, Line, LineKind, trim};

/// Settings that are about credentials; any in which one of [`PARTS`] occurs are, too.
const NAMES: &[&str] =
    &["role_arn", "role_session_name", "source_profile", "external_id", "duration_seconds"];
const PARTS: &[&str] = &["credential", "secret", "token", "password", "login_session"];
/// The prefixes of such settings: keys and accounts, IAM Identity Center, multi-factor authentication.
const PREFIXES: &[&str] = &["aws_", "sso_", "mfa_"];

/// Returns the text without the settings that give credentials, without sections of IAM Identity Center,
/// and without comments, which may hold old keys. It is empty if no section is left.
///
/// A line that is indented is a part of the setting above it, or a setting of its own: SDKs disagree.
/// So it is left out in either case.
pub fn without_credentials(text: &str) -> String {
    let (mut kept, mut keeps_section, mut keeps_setting) = (String::new(), false, false);
    for Line { whole, indent, kind, .. } in line::split(text) {
        match kind {
            LineKind::BlankOrComment => continue,
            LineKind::Heading { python, others } => {
                keeps_section = ![python, others].iter().any(|name| is_of_sso(name));
                keeps_setting = keeps_section;
            }
            LineKind::Setting { key, value } => {
                keeps_setting = keeps_section && value.is_some() && !is_of_credentials(key);
            }
            LineKind::Continuation => {
                let key = whole[indent.len()..].split(['=', ':']).next().unwrap_or_default();
                if is_of_credentials(trim(key)) {
                    continue;
                }
            }
        }
        if keeps_setting {
            kept.push_str(whole);
        }
    }
    kept
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

#[cfg(test)]
mod tests {
    use super::*;

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
[profile admin]
output = json
cli_pager =
[profile sso]
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
        ] {
            let kept = without_credentials(text);
            assert!(!kept.contains("hunter2"), "{text}: {kept}");
        }
        assert_eq!(without_credentials("# a\n\nregion = a\n"), "");
    }
}
