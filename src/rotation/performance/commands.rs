//! The commands of a rotation.

use super::StepFailure;
use crate::output::rotation::{RotationError, RotationStep};
use crate::rotation::calls::{RotationCalls, RunCommand};
use crate::rotation::run::Run;
use crate::rotation::snapshot::Snapshot;
use crate::rotation::value::command_input;
use crate::rotation::{Commands, Strategy};
use roles_anywhere_client::secret::{Secret, SecretBytes};

/// Runs the command of a step.
pub(super) async fn command(
    calls: &impl RotationCalls,
    run: &Run<'_>,
    snapshot: &Snapshot,
    step: RotationStep,
) -> Result<(), StepFailure> {
    let Some(Commands { set, test }) = run.settings.strategy.as_ref().and_then(Strategy::commands)
    else {
        return Ok(());
    };
    let of_step = match step {
        RotationStep::Set => ("--set", set.as_str()),
        _ => ("--test", test.as_str()),
    };
    run_command(calls, run, snapshot, of_step).await.map(drop)
}

pub(super) async fn run_command(
    calls: &impl RotationCalls,
    run: &Run<'_>,
    snapshot: &Snapshot,
    (option, command): (&'static str, &str),
) -> Result<SecretBytes, StepFailure> {
    let active = snapshot.active().ok_or(RotationError::TakenOver)?;
    let (_, current, _) = snapshot.current()?;
    let version = active.document.value_version.as_deref().unwrap_or(active.pending);
    let mut values = vec![("current", current)];
    values.extend(snapshot.value(version).map(|pending| ("pending", pending)));
    let step = option.trim_start_matches('-');
    let input = command_input(step, (&snapshot.arn, version), &values);
    let input = &input.map_err(RotationError::Value)?;
    let (has_output, limit) = (option == "--create", run.remaining(calls.now()));
    let command = RunCommand { option, command, input, has_output, limit };
    calls.run_command(&command).await.map_err(StepFailure::Final)
}

/// Returns what `--create` printed, without a line break at its end.
pub(super) fn printed(output: &SecretBytes) -> Result<Secret, RotationError> {
    let text = std::str::from_utf8(output.expose());
    let text = text.map_err(|_| RotationError::NoNewValue("what is not UTF-8"))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    match text.is_empty() {
        true => Err(RotationError::NoNewValue("nothing")),
        false => Ok(Secret::new(text.to_owned())),
    }
}
