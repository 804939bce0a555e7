//! What to change so that the access keys of a user can be managed, or one be used.

use roles_anywhere_client::diagnosis::{AccessKeyCause as Cause, KeyCaller};

/// Returns a cause in words, with what to do.
pub(super) fn hint(cause: &Cause) -> String {
    match cause {
        Cause::NoSuchEntity { user, key: Some(key) } => format!(
            "{} has no access key {key}, or does not exist: check the user name, and whether the key was deleted",
            subject(user.as_deref())
        ),
        Cause::NoSuchEntity { user, key: None } => format!(
            "check the user name: {} does not exist in the account of the caller",
            subject(user.as_deref())
        ),
        Cause::LimitExceeded { user } => format!(
            "delete an access key of {} that is not used any more: a user can have two, and inactive ones count; `aws iam list-access-keys{}` lists them",
            subject(user.as_deref()),
            user.as_ref().map_or_else(String::new, |user| format!(" --user-name {user}"))
        ),
        Cause::Denied { operation, caller, user } => {
            let (who, limit) = match caller {
                KeyCaller::Role(role) => {
                    (role.to_string(), ", and the profile's session policy must not deny it")
                }
                KeyCaller::Key(key) => (format!("the user of {}", named(key.as_deref())), ""),
            };
            let user = match (user, caller) {
                (None, KeyCaller::Key(_)) => "that user itself".to_owned(),
                (user, _) => subject(user.as_deref()),
            };
            format!("a policy of {who} must allow {} on {user}{limit}", operation.action())
        }
        Cause::NotAccepted { key } => format!(
            "check that {} exists and is active; a new one is refused for some seconds, until all of AWS knows it",
            named(key.as_deref())
        ),
        Cause::WrongSecret { key } => format!(
            "check that the secret access key is that of {}, and that no proxy or gateway changes the request",
            named(key.as_deref())
        ),
    }
}

fn subject(user: Option<&str>) -> String {
    user.map_or_else(|| "the user".to_owned(), |user| format!("the user `{user}`"))
}

fn named(key: Option<&str>) -> String {
    key.map_or_else(|| "the access key".to_owned(), |key| format!("the access key {key}"))
}
