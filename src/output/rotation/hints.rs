//! What to do about a secret that is not rotated.

use super::{CommandFailure, KeptKey, OtherRotation, RotatedValueError, RotationError};
use crate::output::error::Error;

impl From<RotationError> for Error {
    fn from(error: RotationError) -> Self {
        let hint = hint(&error);
        Self::new(error.kind(), error).hint(hint)
    }
}

fn hint(error: &RotationError) -> String {
    let fixed = match error {
        RotationError::InProgress { until, .. } => {
            return format!(
                "run it again after {until}; if that run is known to be dead, pass `--force`"
            );
        }
        RotationError::MayFinish { until } => {
            return format!(
                "run it again after {until}: `--abort` deletes that key; `--force` without `--abort` continues the rotation now"
            );
        }
        RotationError::OtherPending { .. } => {
            "let the other program finish its rotation; if it never will, `secret rotate NAME --abort --force` takes AWSPENDING off that version"
        }
        RotationError::RotatedElsewhere(OtherRotation::Scheduled) => {
            "turn that rotation off (`aws secretsmanager cancel-rotate-secret`), or pass `--force` to rotate beside it"
        }
        RotationError::RotatedElsewhere(OtherRotation::Service(_)) => {
            "let that service rotate it; `--force` tries it nevertheless"
        }
        RotationError::OtherStrategy { pending } => {
            return format!(
                "pass `--strategy {0}` to finish it, or `--strategy {0} --abort` to clean it up",
                pending.as_str()
            );
        }
        RotationError::TwoKeys { reason, .. } => kept(*reason),
        RotationError::Value(problem) | RotationError::PendingValue(problem) => value(*problem),
        RotationError::Command { option: "--create", failure: CommandFailure::Exit(_) }
        | RotationError::Command { option: "--create", failure: CommandFailure::Signal(_) } => {
            "its messages are above; run it again once that is fixed: it is continued, or `--abort` ends it"
        }
        RotationError::Command { failure, .. } => command(*failure),
        other => fixed_hint(other),
    };
    fixed.to_owned()
}

fn fixed_hint(error: &RotationError) -> &'static str {
    match error {
        RotationError::NoCurrentValue => {
            "store a first value with `aws secretsmanager put-secret-value`"
        }
        RotationError::CurrentChanged { .. } => {
            "clean the pending version up with `--abort`, and rotate again"
        }
        RotationError::OldKeyKept { .. } => {
            "pass `--strategy iam-access-key` until its runs have deactivated and deleted that key; `--force` leaves the key as it is"
        }
        RotationError::NoUser => "add the member `UserName` to the secret",
        RotationError::NotOfUser { .. } => {
            "check that the key still exists, the member `UserName` of the secret, and that the caller of IAM is in the account of the user"
        }
        RotationError::OtherUser { .. } => {
            "check the member `UserName` of the secret; `--abort` deletes the new key"
        }
        RotationError::NoNewValue(_) => {
            "`--create` prints the new value, in UTF-8, to standard output; a line break at its end is dropped"
        }
        RotationError::OutOfTime { .. } => {
            "run it again: it is continued; `--run-limit` allows more time"
        }
        RotationError::Stopped { .. } => "run it again: it is continued at once",
        _ => "run it again, which continues the rotation after that run has ended",
    }
}

fn kept(reason: KeptKey) -> &'static str {
    match reason {
        KeptKey::Replaced { .. } | KeptKey::Deactivated { .. } => {
            "run it again after that time; rotations are at least twice `--keep-old` apart"
        }
        KeptKey::Reactivated => {
            "find out what still uses it, then delete it with `aws iam delete-access-key`"
        }
        KeptKey::Unknown | KeptKey::Named => {
            "it is never touched: find out what uses it, then delete it with `aws iam delete-access-key`"
        }
    }
}

fn value(problem: RotatedValueError) -> &'static str {
    match problem {
        RotatedValueError::Binary => "only text secrets can be rotated",
        RotatedValueError::NotAnObject => {
            "the secret must be a JSON object: with `AccessKeyId`, `SecretAccessKey` and `UserName` for an access key, with the member of `--key` for a password"
        }
        RotatedValueError::NoKeyId
        | RotatedValueError::NoSecretKey
        | RotatedValueError::SessionToken
        | RotatedValueError::Ambiguous => {
            "the secret must be a JSON object with `AccessKeyId`, `SecretAccessKey` and `UserName`, or other usual names of them"
        }
        RotatedValueError::WholeObject => "pass `--key` with the member that is the password",
        RotatedValueError::NotText => {
            "each part of an access key, and the member of `--key`, must be a string"
        }
        RotatedValueError::NoMember { .. } => {
            "check `--key`: it is the name of a member, or its path with dots"
        }
    }
}

fn command(failure: CommandFailure) -> &'static str {
    match failure {
        CommandFailure::TimedOut(_) => {
            "run it again: it is continued; `--run-limit` allows more time"
        }
        CommandFailure::Stopped(_) => "run it again: it is continued at once",
        CommandFailure::NotStarted(_) => "check that `sh` is in PATH and may be executed",
        CommandFailure::NotRead(_) => "a value has at most 64 KiB; check what the command prints",
        CommandFailure::Exit(_) | CommandFailure::Signal(_) => {
            "its messages are above; run it again once that is fixed: the same pending value is used, or `--abort` removes it"
        }
    }
}
