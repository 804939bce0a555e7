//! The endpoint in the first process of a PID namespace, which runs the program as its child.

use std::sync::Arc;

use crate::app::App;
use crate::app::credentials_endpoint::detached::with_typed_password;
use crate::app::credentials_endpoint::serving::CredentialsEndpoint;
use crate::app::credentials_endpoint::{EndpointRequest, StartedEndpoint};
use crate::app::session;
use crate::os::init::InitSignals;
use crate::output::error::Error;
use crate::output::run::RunError;

/// Runs the program that `start` starts, and returns its exit code.
pub(super) fn supervise(
    app: &App,
    request: Option<&EndpointRequest<'_>>,
    start: impl FnOnce(Option<&StartedEndpoint>) -> Result<i32, Error>,
) -> Result<u8, Error> {
    session::block_on(async {
        let signals = InitSignals::listen().map_err(RunError::System)?;
        let endpoint = request.map(|request| open(app, request)).transpose()?;
        let started = endpoint.as_ref().map(CredentialsEndpoint::started);
        let program = signals.with_inherited_mask(|| start(started.as_ref()))?;
        let program = signals.run(program).map_err(RunError::System)?;
        let code = match endpoint {
            Some(endpoint) => endpoint.serve_until(program.ended()).await,
            None => program.ended().await,
        };
        Ok(code)
    })
}

fn open(app: &App, request: &EndpointRequest<'_>) -> Result<CredentialsEndpoint, Error> {
    let EndpointRequest { client, session, .. } = request;
    client.ask_for_password()?;
    let plan = with_typed_password(client.plan.clone(), client.typed_password());
    CredentialsEndpoint::listen(plan, Arc::clone(app.files()), (*session).clone())
}
