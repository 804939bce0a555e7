//! The program as a child of this process, with its endpoint in this process.

use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};

use crate::app::App;
use crate::app::credentials_endpoint::serving::CredentialsEndpoint;
use crate::app::credentials_endpoint::{EndpointRequest, StartedEndpoint};
use crate::app::masked::pump_failed;
use crate::app::session::{self, with_typed_password};
use crate::os::child::{
    ChildProgram, ChildRole, ProgramEnd, ProgramSignals, TerminalStop, is_init,
};
use crate::os::masked::{MaskedStreams, OtherTerminals, ProgramTerminal};
use crate::output::error::Error;
use crate::output::run::RunError;
use crate::secrets::masking::{Masks, MasksRequest};
use roles_anywhere_client::time::Clock;

/// Runs the program that `start` starts, and returns how it ended.
pub(super) fn supervise(
    app: &App,
    request: Option<&EndpointRequest<'_>>,
    start: impl FnOnce(Option<&StartedEndpoint>) -> Result<i32, Error>,
) -> Result<ProgramEnd, Error> {
    session::block_on(async {
        let signals = ProgramSignals::listen(TerminalStop::PassedOn).map_err(RunError::System)?;
        let endpoint = request.map(|request| open(app, request)).transpose()?;
        let started = endpoint.as_ref().map(CredentialsEndpoint::started);
        let program = signals.with_inherited_mask(|| start(started.as_ref()))?;
        let mut program =
            ChildProgram::run(signals, program, ChildRole::OfInit).map_err(RunError::System)?;
        Ok(serve_until_end(endpoint, &mut program).await)
    })
}

/// As [`supervise`], and masks what the program writes.
pub(super) fn supervise_masked(
    app: &App,
    request: Option<&EndpointRequest<'_>>,
    mut masks: MasksRequest,
    start: impl FnOnce(Option<&StartedEndpoint>, &MaskedStreams) -> Result<i32, Error>,
) -> Result<ProgramEnd, Error> {
    let streams = MaskedStreams::open().map_err(RunError::MaskedStreams)?;
    session::block_on(async {
        let signals = ProgramSignals::listen(TerminalStop::Default).map_err(RunError::System)?;
        let endpoint = request.map(|request| open(app, request)).transpose()?;
        let started = endpoint.as_ref().map(CredentialsEndpoint::started);
        if let Some(StartedEndpoint { token, .. }) = &started {
            masks.add("AWS_CONTAINER_AUTHORIZATION_TOKEN".to_owned(), token);
        }
        let masks = Masks::new(&masks);
        app.report_short(&masks);
        let program = signals.with_inherited_mask(|| start(started.as_ref(), &streams))?;
        let clock: Arc<dyn Clock> = Arc::new(*app.clock());
        let (pumps, terminal, others) =
            streams.run(&masks, &clock).map_err(RunError::MaskedStreams)?;
        let mut program = ChildProgram::run(signals, program, role(terminal, others))
            .map_err(RunError::System)?;
        let end = serve_until_end(endpoint, &mut program).await;
        // A reader that has stopped reading does not keep this process from being ended.
        match select(pin!(pumps.finish()), pin!(program.asked_to_end())).await {
            Either::Left((copied, _)) => copied.map_err(pump_failed)?,
            Either::Right(_) => {}
        }
        Ok(end)
    })
}

fn role(terminal: Option<ProgramTerminal>, others: OtherTerminals) -> ChildRole {
    match terminal {
        Some(terminal) => ChildRole::OnTerminal(terminal),
        None if is_init() => ChildRole::OfInit,
        None => ChildRole::InGroup(others),
    }
}

async fn serve_until_end(
    endpoint: Option<CredentialsEndpoint>,
    program: &mut ChildProgram,
) -> ProgramEnd {
    match endpoint {
        Some(endpoint) => endpoint.serve_until(program.ended()).await,
        None => program.ended().await,
    }
}

/// Returns the endpoint of a request, which listens.
pub(super) fn open(app: &App, request: &EndpointRequest<'_>) -> Result<CredentialsEndpoint, Error> {
    let EndpointRequest { client, session, .. } = request;
    client.ask_for_password()?;
    let plan = with_typed_password(client.plan.clone(), client.typed_password());
    CredentialsEndpoint::listen(plan, Arc::clone(app.files()), (*session).clone())
}
