//! What the failure of a call means for a rotation.

use crate::rotation::{FailureKind, RotationCallError};
use roles_anywhere_client::diagnosis::{AccessKeyCause, Cause, SecretCause, SecretChangeCause};
use roles_anywhere_client::provider::secrets_manager::ServiceCallError;

/// Returns what the failure of a call means for a rotation.
pub(super) fn failure(error: ServiceCallError) -> RotationCallError {
    let refusal = error.refusal();
    let causes = refusal.map(|refusal| &refusal.causes[..]).unwrap_or_default();
    let kind = match (&error, causes.first()) {
        (ServiceCallError::OutcomeUnknown { .. }, _) => FailureKind::OutcomeUnknown,
        (_, Some(Cause::SecretChange(SecretChangeCause::StageElsewhere { .. }))) => {
            FailureKind::LabelElsewhere
        }
        (_, Some(Cause::Secret(SecretCause::NoSuchVersion { .. }))) => FailureKind::NotFound,
        (_, Some(Cause::AccessKey(cause))) => match cause {
            AccessKeyCause::NoSuchEntity { .. } => FailureKind::NotFound,
            AccessKeyCause::LimitExceeded { .. } => FailureKind::TooManyKeys,
            AccessKeyCause::NotAccepted { .. } => FailureKind::KeyNotAccepted,
            AccessKeyCause::Denied { .. } | AccessKeyCause::WrongSecret { .. } => {
                FailureKind::Refused
            }
        },
        _ if refusal.is_some() => FailureKind::Refused,
        _ => FailureKind::Other,
    };
    RotationCallError { kind, error: error.into() }
}
