//! Why a secret is not rotated.

use std::io;
use std::time::Duration;

use super::identity::now;
use super::{Page, variants};
use crate::output::error::Error;
use crate::output::rotation::{
    CommandFailure, KeptKey, OtherRotation, RotatedValueError, RotationError, RotationStep,
    RotationStrategy, StopSignal,
};

variants!(RotationError:
    InProgress MayFinish TakenOver OtherPending RotatedElsewhere OtherStrategy OldKeyKept NoCurrentValue Value PendingValue
    CurrentChanged NoUser NotOfUser TwoKeys OtherUser NoNewValue OutOfTime Stopped Command
);
variants!(OtherRotation: Scheduled Service);
variants!(RotatedValueError:
    Binary NotAnObject NoKeyId NoSecretKey SessionToken Ambiguous NotText WholeObject NoMember
);
variants!(KeptKey: Replaced Deactivated Reactivated Unknown Named);
variants!(CommandFailure: Exit Signal TimedOut Stopped NotStarted NotRead);
variants!(StopSignal: Hangup Interrupt Terminate);
variants!(RotationStep: Claim Create Set Test Finish Retire Abort);

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const VERSION: &str = "01234567-89ab-4def-8123-456789abcdef";

#[test]
fn rotations_that_fail_have_these_texts() {
    let mut page = Page::default();
    let of_step = |error: RotationError| {
        let step = step(&error);
        Error::from(error).of_rotation(step, "prod/key")
    };
    page.add_all(RotationStep::ALL.to_vec(), |step| {
        Error::from(RotationError::NoCurrentValue).of_rotation(step, "prod/key")
    });
    page.add_all(other_rotations(), |other| of_step(RotationError::RotatedElsewhere(other)));
    page.add_all(values(), |problem| of_step(RotationError::Value(problem)));
    page.add_all(kept_keys(), |reason| {
        of_step(RotationError::TwoKeys { name: Some("app".to_owned()), id: KEY.to_owned(), reason })
    });
    page.add_all(failures(), |failure| {
        of_step(RotationError::Command { option: "--set", failure })
    });
    page.add_all(errors(), of_step);
    page.compare("rotations");
}

fn step(error: &RotationError) -> RotationStep {
    match error {
        RotationError::Command { option: "--create", .. } => RotationStep::Create,
        RotationError::Command { .. } => RotationStep::Set,
        RotationError::NoNewValue(_) => RotationStep::Create,
        RotationError::PendingValue(_) | RotationError::OtherUser { .. } => RotationStep::Test,
        RotationError::CurrentChanged { .. } => RotationStep::Finish,
        _ => RotationStep::Claim,
    }
}

fn other_rotations() -> Vec<OtherRotation> {
    vec![OtherRotation::Scheduled, OtherRotation::Service("rds".to_owned())]
}

fn values() -> Vec<RotatedValueError> {
    vec![
        RotatedValueError::Binary,
        RotatedValueError::NotAnObject,
        RotatedValueError::NoKeyId,
        RotatedValueError::NoSecretKey,
        RotatedValueError::SessionToken,
        RotatedValueError::Ambiguous,
        RotatedValueError::NotText,
        RotatedValueError::WholeObject,
        RotatedValueError::NoMember { count: 3 },
    ]
}

fn kept_keys() -> Vec<KeptKey> {
    vec![
        KeptKey::Replaced { until: now() },
        KeptKey::Deactivated { until: now() },
        KeptKey::Reactivated,
        KeptKey::Unknown,
        KeptKey::Named,
    ]
}

fn failures() -> Vec<CommandFailure> {
    vec![
        CommandFailure::Exit(7),
        CommandFailure::Signal(9),
        CommandFailure::TimedOut(Duration::from_secs(42)),
        CommandFailure::Stopped(StopSignal::Interrupt),
        CommandFailure::NotStarted(io::ErrorKind::NotFound),
        CommandFailure::NotRead(io::ErrorKind::FileTooLarge),
    ]
}

fn errors() -> Vec<RotationError> {
    let version = || VERSION.to_owned();
    vec![
        RotationError::InProgress { started: now(), until: now().after(300) },
        RotationError::MayFinish { until: now().after(300) },
        RotationError::TakenOver,
        RotationError::OtherPending { version: version(), is_empty: true },
        RotationError::OtherPending { version: version(), is_empty: false },
        RotationError::RotatedElsewhere(OtherRotation::Scheduled),
        RotationError::OtherStrategy { pending: RotationStrategy::IamAccessKey },
        RotationError::OldKeyKept { id: KEY.to_owned() },
        RotationError::NoCurrentValue,
        RotationError::Value(RotatedValueError::NotAnObject),
        RotationError::PendingValue(RotatedValueError::NoKeyId),
        RotationError::CurrentChanged { version: version() },
        RotationError::NoUser,
        RotationError::NotOfUser { id: KEY.to_owned(), name: Some("app".to_owned()) },
        RotationError::NotOfUser { id: KEY.to_owned(), name: None },
        RotationError::TwoKeys { name: None, id: KEY.to_owned(), reason: KeptKey::Unknown },
        RotationError::OtherUser { arn: "arn:aws:iam::123456789012:user/other".to_owned() },
        RotationError::NoNewValue("nothing"),
        RotationError::OutOfTime { limit: Duration::from_secs(300) },
        RotationError::Stopped { signal: StopSignal::Hangup },
        RotationError::Stopped { signal: StopSignal::Interrupt },
        RotationError::Stopped { signal: StopSignal::Terminate },
        RotationError::Command { option: "--test", failure: CommandFailure::Exit(1) },
        RotationError::Command { option: "--create", failure: CommandFailure::Exit(1) },
    ]
}
