//! The events of the log: their names, which are stable, levels, messages and fields. `docs/logs.md`
//! lists them.

use super::Level;

/// An event of the log. Another name or field is a breaking change for those who read the log by
/// program; the message may change.
#[derive(Debug)]
pub struct LogEvent {
    /// Its name, in snake case.
    pub name: &'static str,
    /// How much it matters.
    pub level: Level,
    /// What happened, in words.
    pub message: &'static str,
    /// The names of its fields.
    pub fields: &'static [&'static str],
    /// The names of the events that report a problem which no longer exists when this event occurs.
    pub ends: &'static [&'static str],
}

/// Declares the events, and [`ALL`], the list of them.
macro_rules! events {
    ($(
        $constant:ident = $name:literal $level:ident $message:literal [$($field:literal)*]
            $(ends [$($ended:ident)*])?;
    )*) => {
        $(
            #[doc = $message]
            pub static $constant: LogEvent = LogEvent {
                name: $name,
                level: Level::$level,
                message: $message,
                fields: &[$($field),*],
                ends: &[$($($ended.name),*)?],
            };
        )*

        /// All events.
        pub static ALL: &[&LogEvent] = &[$(&$constant),*];
    };
}

events! {
    STARTED = "started" Info "started" ["command" "version"];
    STOPPING = "stopping" Info "stopping" [];
    FAILED = "failed" Error "stopped by an error" ["reason" "hint" "exit_code"];
    RELOAD_REQUESTED = "reload_requested" Info "reading the files again" [];
    CONFIG_RELOADED = "config_reloaded" Info
        "the configuration file was read again" ["added" "changed" "removed"]
        ends [CONFIG_RELOAD_FAILED];
    CONFIG_RELOAD_FAILED = "config_reload_failed" Warning
        "the changed configuration file is refused; the previous one stays in use"
        ["reason" "hint"];
    INSTANCE_METADATA_DISABLED = "instance_metadata_disabled" Warning
        "instance metadata is not served: pass `--role`, or set `default-role` in the configuration file"
        [];
    DEFAULT_CREDENTIALS_DISABLED = "default_credentials_disabled" Warning
        "`/credentials` is not served: pass `--role`, or set `default-role` in the configuration file"
        [];
    KUBERNETES_VARIABLES_IGNORED = "kubernetes_variables_ignored" Info
        "the variables of a Kubernetes Service are ignored" ["names"];
    UNKNOWN_VARIABLE = "unknown_variable" Warning
        "unknown environment variable" ["name" "nearest"];
    LOG_EVENTS_DROPPED = "log_events_dropped" Warning
        "events were dropped because the log was not read" ["events"];

    IDENTITY_LOADED = "identity_loaded" Info "identity loaded"
        ["serial" "subject" "not_after" "role_name"]
        ends [IDENTITY_LOAD_FAILED IDENTITY_RELOAD_FAILED IDENTITY_RELOAD_SLOW];
    IDENTITY_LOAD_FAILED = "identity_load_failed" Warning
        "cannot load the identity" ["reason" "hint" "role_name"];
    IDENTITY_RELOAD_FAILED = "identity_reload_failed" Warning
        "cannot load the changed identity; the current one stays in use" ["reason" "hint" "role_name"];
    IDENTITY_RELOAD_SLOW = "identity_reload_slow" Warning
        "reading the identity's files takes too long; the current identity stays in use"
        ["reason" "hint" "role_name"];
    IDENTITY_RELOAD_RECOVERED = "identity_reload_recovered" Info
        "the current identity can be loaded again" ["role_name"]
        ends [IDENTITY_RELOAD_FAILED IDENTITY_RELOAD_SLOW];
    CERTIFICATE_EXPIRES_SOON = "certificate_expires_soon" Warning
        "the certificate expires soon: renew it" ["not_after" "days_left" "role_name"];
    PASSWORD_UNUSED = "password_unused" Info
        "the password was not needed to open the private key" ["option" "role_name"];

    SESSION_RECEIVED = "session_received" Info
        "session received" ["access_key_id" "expiration" "lifetime_seconds" "role_name"];
    SESSION_REJECTED = "session_rejected" Warning
        "AWS does not accept the session; another one is fetched"
        ["access_key_id" "retry_in_seconds" "role_name"];
    REGION_FALLBACK = "region_fallback" Warning
        "the Region of the primary trust anchor does not answer; using a fallback"
        ["trust_anchor" "region" "reason" "role_name"];
    REGION_RESTORED = "region_restored" Info
        "using the primary trust anchor again" ["trust_anchor" "region" "role_name"]
        ends [REGION_FALLBACK];
    REFRESH_FAILED = "refresh_failed" Warning
        "cannot refresh the credentials; the current ones are still valid"
        ["reason" "hint" "retry_in_seconds" "role_name"];
    CREDENTIALS_UNAVAILABLE = "credentials_unavailable" Error
        "cannot refresh the credentials, and there are no valid ones"
        ["reason" "hint" "retry_in_seconds" "role_name"];
    REFRESH_RECOVERED = "refresh_recovered" Info
        "the credentials can be refreshed again" ["failures" "role_name"]
        ends [REFRESH_FAILED CREDENTIALS_UNAVAILABLE];
    CLOCK_OFFSET_FOUND = "clock_offset_found" Warning
        "this machine's clock differs from AWS's: set it, and keep it set by NTP"
        ["seconds_behind" "seconds_ahead" "role_name"];
    CLOCK_OFFSET_RESOLVED = "clock_offset_resolved" Info
        "this machine's clock agrees with AWS's again" ["role_name"]
        ends [CLOCK_OFFSET_FOUND];

    ACCESS_KEY_READ = "access_key_read" Info
        "access key read from the secret" ["access_key_id" "role_name"]
        ends [ACCESS_KEY_READ_FAILED];
    ACCESS_KEY_READ_FAILED = "access_key_read_failed" Warning
        "cannot read the access key from the secret; the profile keeps the one that it has"
        ["reason" "hint" "role_name"];

    PROFILE_WRITTEN = "profile_written" Info
        "profile written"
        ["file" "profile" "valid_until" "access_key_id" "aws_profile" "role_name"];
    PROFILE_WRITTEN_IN_PLACE = "profile_written_in_place" Warning
        "profile written in place: a reader may see a part of it"
        ["file" "profile" "reason" "role_name"];
    PROFILE_WARNING = "profile_warning" Warning
        "the credentials file needs attention" ["file" "profile" "reason" "role_name"];
    PROFILE_WRITE_FAILED = "profile_write_failed" Error
        "cannot write the profile" ["reason" "hint" "role_name"];
    PROFILE_WRITE_RECOVERED = "profile_write_recovered" Info
        "the profile can be written again" ["file" "profile" "role_name"]
        ends [PROFILE_WRITE_FAILED];

    LISTENING = "listening" Info "listening" ["address"];
    CREDENTIALS_VENDED = "credentials_vended" Info
        "credentials vended" ["route" "peer" "uid" "role" "access_key_id" "expiration" "role_name"];
    CREDENTIALS_VENDED_UNLOGGED = "credentials_vended_unlogged" Warning
        "credentials were vended while the log could not be written" ["uid" "count"];
    REQUEST_REFUSED = "request_refused" Warning
        "request refused" ["route" "status" "reason" "host" "peer" "suppressed" "role_name"];
    CONTAINER_CREDENTIALS_DISABLED = "container_credentials_disabled" Warning
        "container credentials are not served: pass `--token-file` to store their token" ["role_name"];
    CONTAINER_TOKEN_RENEWED = "container_token_renewed" Info "container token renewed" ["role_name"]
        ends [CONTAINER_TOKEN_RENEWAL_FAILED];
    CONTAINER_TOKEN_RENEWAL_FAILED = "container_token_renewal_failed" Warning
        "cannot renew the container token: a current one stays valid; without one, no route"
        ["reason" "role_name"];
    CONTAINER_TOKEN_RESTORED = "container_token_restored" Warning
        "the token file was missing or changed, and was written again" ["found" "role_name"]
        ends [CONTAINER_TOKEN_LOST];
    CONTAINER_TOKEN_LOST = "container_token_lost" Warning
        "the token file is missing or changed, and cannot be written" ["found" "reason" "role_name"];
    CONTAINER_TOKEN_NOT_REMOVED = "container_token_not_removed" Warning
        "cannot remove the token file" ["reason" "role_name"];

    ROTATION_STARTED = "rotation_started" Info
        "the rotation of the secret has started" ["secret" "strategy" "run"];
    ROTATION_CONTINUED = "rotation_continued" Info
        "the interrupted rotation of the secret is continued" ["secret" "strategy" "run"];
    ROTATION_NOT_DUE = "rotation_not_due" Info
        "the secret is not old enough to be rotated" ["secret" "due"];
    ACCESS_KEY_CREATED = "access_key_created" Info
        "access key created" ["secret" "access_key_id"];
    ROTATION_VALUE_STORED = "rotation_value_stored" Info
        "the new value is stored as the pending version" ["secret" "version_id"];
    ROTATION_VALUE_SET = "rotation_value_set" Info "the pending value is set" ["secret"];
    ACCESS_KEY_AWAITED = "access_key_awaited" Info
        "waiting until AWS accepts the new access key" ["secret" "access_key_id"];
    ROTATION_VALUE_TESTED = "rotation_value_tested" Info "the pending value works" ["secret"];
    ROTATION_FINISHED = "rotation_finished" Info
        "the pending version is the current one now" ["secret" "version_id" "previous_version_id"];
    ROTATION_ABORTED = "rotation_aborted" Info
        "the pending version was removed" ["secret" "version_id"];
    ACCESS_KEY_DEACTIVATED = "access_key_deactivated" Info
        "replaced access key deactivated" ["secret" "access_key_id"];
    ACCESS_KEY_DELETED = "access_key_deleted" Info
        "access key deleted" ["secret" "access_key_id" "reason"];
    SECRETS_LISTENING = "secrets_listening" Info
        "listening for readers of secrets" ["address" "token"];
    SECRET_READ = "secret_read" Info
        "read"
        ["route" "peer" "uid" "token" "secret" "parameter" "version" "value" "stale_seconds" "reason"
        "role" "role_name"];
    SECRET_READ_FAILED = "secret_read_failed" Warning
        "secret not read"
        ["route" "peer" "uid" "token" "secret" "parameter" "status" "reason" "by" "role" "role_name"];
    SECRET_READ_UNLOGGED = "secret_read_unlogged" Warning
        "secrets were read while the log could not be written" ["uid" "count"];
    SECRET_PREFETCH_FAILED = "secret_prefetch_failed" Warning
        "not read in advance"
        ["secret" "parameter" "tag" "path" "others" "reason" "role_name"];
    SECRETS_RESTART_NEEDED = "secrets_restart_needed" Warning
        "a change of the configuration file takes effect after a restart" ["key"];
    SECRETS_TOKEN_RENEWED = "secrets_token_renewed" Info "token for secrets renewed" ["token"]
        ends [SECRETS_TOKEN_RENEWAL_FAILED];
    SECRETS_TOKEN_RENEWAL_FAILED = "secrets_token_renewal_failed" Warning
        "cannot read or write the token for secrets; the current one stays valid" ["reason" "token"];
    SECRETS_TOKEN_RESTORED = "secrets_token_restored" Warning
        "the file of the token for secrets was missing or changed, and was written again" ["found"]
        ends [SECRETS_TOKEN_LOST];
    SECRETS_TOKEN_LOST = "secrets_token_lost" Warning
        "the file of the token for secrets is missing or changed, and cannot be written"
        ["found" "reason"];
    SECRETS_TOKEN_NOT_REMOVED = "secrets_token_not_removed" Warning
        "cannot remove the file of the token for secrets" ["reason"];

    REFERENCES_CHANGED = "references_changed" Info
        "followed secrets or parameters have changed" ["names"];
    FOLLOWED_READ_FAILED = "followed_read_failed" Warning
        "cannot read the followed secrets or parameters; the previous values stay in use"
        ["reason" "hint"];
    FOLLOWED_READ_RECOVERED = "followed_read_recovered" Info
        "the followed secrets and parameters can be read again" []
        ends [FOLLOWED_READ_FAILED];
    VALUES_STALE = "values_stale" Warning
        "AWS does not confirm followed values in time; they stay in use" ["names" "reason" "hint"];
    VALUES_CONFIRMED = "values_confirmed" Info "AWS confirms the followed values again" []
        ends [VALUES_STALE];
    VALUES_UNUSABLE = "values_unusable" Warning
        "the new values cannot be used; the previous ones stay in use" ["reason" "hint"];
    VALUES_USABLE = "values_usable" Info "the values can be used again" []
        ends [VALUES_UNUSABLE];
    FILES_WRITTEN = "files_written" Info "files written" ["files"]
        ends [FILES_WRITE_FAILED];
    FILES_WRITE_FAILED = "files_write_failed" Warning
        "cannot write the files; they stay as they are" ["reason" "hint" "retry_in_seconds"];
    TEMPLATES_RELOADED = "templates_reloaded" Info "the templates were read again" []
        ends [TEMPLATES_RELOAD_FAILED];
    TEMPLATES_RELOAD_FAILED = "templates_reload_failed" Warning
        "the templates cannot be used; the previous ones stay in use" ["reason" "hint"];
    ACTION_DELAYED = "action_delayed" Info
        "the action is delayed because the previous one was recent" ["seconds"];
    ACTION_STARTED = "action_started" Info "action started" ["action"];
    ACTION_ENDED = "action_ended" Info "the action has ended" ["action"]
        ends [ACTION_FAILED];
    ACTION_FAILED = "action_failed" Warning
        "the action has failed; it is not repeated" ["action" "reason" "hint"];
    PROGRAM_STARTED = "program_started" Info "program started" ["pid"]
        ends [PROGRAM_UNAVAILABLE];
    PROGRAM_ENDED = "program_ended" Info "program ended" ["exit_code" "signal"];
    PROGRAM_UNAVAILABLE = "program_unavailable" Warning
        "the program cannot be started again; it runs on, and the action is repeated"
        ["reason" "hint"];
    PROGRAM_KILLED = "program_killed" Warning
        "the program did not end in time, and was killed" ["seconds"];
    VARIABLES_KEPT = "variables_kept" Warning
        "the program keeps its variables and arguments; only its files are updated" [];
    OFFLINE_COPIES_OPENED = "offline_copies_opened" Info
        "offline copies of secrets and parameters read" ["copies"];
    OFFLINE_COPY_IGNORED = "offline_copy_ignored" Warning
        "an offline copy cannot be used" ["file" "reason"];
    OFFLINE_COPY_REMOVED = "offline_copy_removed" Info
        "offline copy removed" ["secret" "parameter" "file" "reason"];
    OFFLINE_COPY_FAILED = "offline_copy_failed" Warning
        "cannot write or remove an offline copy" ["action" "secret" "parameter" "file" "reason"];
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Returns the rows of the table in `docs/logs.md`: level, message and fields by name.
    fn documented() -> BTreeMap<String, String> {
        let page = include_str!("../../../docs/logs.md");
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
        rows.map(|row| {
            let (name, rest) = row.split_once("` | ").expect("a row has a name");
            (name.to_owned(), rest.trim_end_matches([' ', '|']).to_owned())
        })
        .collect()
    }

    #[test]
    fn documented_events_are_those_of_the_code() {
        let row = |event: &&LogEvent| {
            let fields: Vec<_> = event.fields.iter().map(|field| format!("`{field}`")).collect();
            let row =
                format!("{} | {} | {}", event.level.as_str(), event.message, fields.join(", "));
            (event.name.to_owned(), row.trim_end_matches([' ', '|']).to_owned())
        };
        let events: BTreeMap<_, _> = ALL.iter().map(row).collect();
        assert_eq!(events.len(), ALL.len(), "two events have one name");
        assert_eq!(documented(), events);
    }

    #[test]
    fn every_problem_that_has_an_end_is_ended() {
        // Each of these is reported for itself, and nothing says later that it is gone.
        let without_end = [
            "failed",
            "kubernetes_variables_ignored",
            "unknown_variable",
            "instance_metadata_disabled",
            "default_credentials_disabled",
            "log_events_dropped",
            "certificate_expires_soon",
            "session_rejected",
            "profile_written_in_place",
            "profile_warning",
            "credentials_vended_unlogged",
            "request_refused",
            "container_credentials_disabled",
            "container_token_restored",
            "container_token_not_removed",
            "secret_read_unlogged",
            "secret_read_failed",
            "secrets_restart_needed",
            "secret_prefetch_failed",
            "secrets_token_restored",
            "secrets_token_not_removed",
            "program_killed",
            "variables_kept",
            "offline_copy_ignored",
            "offline_copy_failed",
        ];
        let ended: Vec<&str> = ALL.iter().flat_map(|event| event.ends).copied().collect();
        for event in ALL {
            let is_ended = ended.contains(&event.name);
            let has_end = event.level != Level::Info && !without_end.contains(&event.name);
            assert_eq!(is_ended, has_end, "{}", event.name);
        }
    }

    #[test]
    fn names_are_in_snake_case() {
        for name in ALL.iter().flat_map(|event| event.fields.iter().chain([&event.name])) {
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
        }
    }
}
