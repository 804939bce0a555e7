//! Edits many credentials files at once, for `tests/interop/test_random_profiles.py`: each `N.ini`
//! of a directory becomes `N.new`, or `N.refused` with the reason.

#![expect(clippy::disallowed_methods, reason = "reads and writes the files of a test")]

use std::error::Error;
use std::path::PathBuf;

use roles_anywhere::credentials_file::conflicts::{conflicts, long_lived_key};
use roles_anywhere::credentials_file::{ProfileName, replace};
use roles_anywhere_client::credentials::Credentials;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::time::Timestamp;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("usage: edit_profiles DIR PROFILE")?);
    let profile: ProfileName = arguments.next().ok_or("no profile")?.parse()?;
    let credentials = Credentials {
        access_key_id: "ASIANEW".to_owned(),
        secret_access_key: Secret::new("new/secret+key=".to_owned()),
        session_token: Secret::new("new-token==".to_owned()),
        expiration: Timestamp::from_unix(1_800_000_000),
        account_id: "123456789012".to_owned(),
        role_session_name: None,
    };
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "ini") {
            continue;
        }
        let text = std::fs::read(&path)?;
        if let Some(key) = long_lived_key(&text, &profile, &|_| false) {
            std::fs::write(path.with_extension("long-lived"), key.to_string())?;
        }
        match replace(&text, &profile, &(&credentials).into()) {
            Ok(new) => {
                std::fs::write(path.with_extension("new"), new.expose())?;
                let warnings = conflicts(new.expose(), &profile);
                let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
                std::fs::write(path.with_extension("warnings"), warnings.join("\n"))?;
            }
            Err(error) => {
                let cause = error.source().map_or_else(String::new, |cause| format!(": {cause}"));
                std::fs::write(path.with_extension("refused"), format!("{error}{cause}"))?;
            }
        }
    }
    Ok(())
}
