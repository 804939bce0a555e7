//! The cached sessions as JSON for programs, without secrets. The member names are stable.

use serde::Serialize;

use super::Listed;
use crate::private_dir::ConfiguredDir;
use roles_anywhere_client::credentials::RoleSessionName;
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::text::disclosure::field;
use roles_anywhere_client::text::escape;
use roles_anywhere_client::time::Timestamp;

/// Renders the sessions of the cache in `dir` as one object, indented, with a newline. `dir` is `None` if
/// there is no cache.
pub(super) fn to_json(
    dir: Option<&ConfiguredDir>,
    entries: &[Listed],
    now: Timestamp,
) -> SecretBytes {
    let document = CacheDocument {
        directory: dir.map(|dir| field(&dir.path.to_string_lossy(), false)),
        sessions: entries.iter().map(|entry| FileView::of(entry, now)).collect(),
    };
    let json = serde_json::to_string_pretty(&document).expect("strings and numbers serialize");
    SecretBytes::new((escape::json(&json).into_owned() + "\n").into_bytes())
}

#[derive(Serialize)]
struct CacheDocument {
    directory: Option<String>,
    sessions: Vec<FileView>,
}

#[derive(Serialize)]
struct FileView {
    file: String,
    /// `None` if the file is damaged, or not this user's.
    #[serde(flatten)]
    session: Option<SessionView>,
}

#[derive(Serialize)]
struct SessionView {
    role_arn: String,
    profile_arn: String,
    trust_anchor_arn: String,
    role_session_name: Option<String>,
    access_key_id: String,
    expiration: String,
    seconds_left: i64,
}

impl FileView {
    fn of((file, entry): &Listed, now: Timestamp) -> Self {
        let session = entry.as_ref().map(|entry| SessionView {
            role_arn: entry.role.to_string(),
            profile_arn: entry.profile.to_string(),
            trust_anchor_arn: entry.trust_anchor.to_string(),
            role_session_name: entry
                .role_session_name
                .as_ref()
                .map(|name| RoleSessionName::as_str(name).to_owned()),
            access_key_id: entry.session.credentials.access_key_id.clone(),
            expiration: entry.session.credentials.expiration.to_string(),
            seconds_left: entry.session.seconds_left(now),
        });
        Self { file: file.to_string(), session }
    }
}
