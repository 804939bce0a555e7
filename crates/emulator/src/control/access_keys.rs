//! How long a new access key takes to be known.

use serde_json::{Value, json};
use time::Duration;

use super::error::ControlError;
use super::fields;
use crate::message::Request;
use crate::state::State;

/// The longest delay, in seconds.
const LONGEST: u64 = 3600;

/// Returns the delay.
pub(super) fn key_propagation(state: &mut State, _: &Request) -> Result<Value, ControlError> {
    let delay = state.resources.users.key_propagation;
    Ok(json!({ "delay_seconds": delay.whole_seconds() }))
}

/// Sets the delay of access keys that are created from now on.
pub(super) fn delay_keys(state: &mut State, request: &Request) -> Result<Value, ControlError> {
    let fields = fields(request, &["delay_seconds"])?;
    let expected = "a whole number of seconds from 0 to 3600";
    let seconds = fields.required("delay_seconds", expected, |value| {
        value.as_u64().filter(|seconds| *seconds <= LONGEST)?.try_into().ok()
    })?;
    state.resources.users.key_propagation = Duration::seconds(seconds);
    key_propagation(state, request)
}
