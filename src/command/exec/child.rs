//! A program that is run as a child of this process.

use std::ffi::OsString;
use std::path::Path;

use crate::app::App;
use crate::app::credentials_endpoint::{EndpointRequest, ProgramEnd, StartedEndpoint};
use crate::command::exec::environment::ProgramVariables;
use crate::output::Outcome;
use crate::output::error::Error;
use crate::secrets::masking::MasksRequest;

/// A program that is run as a child of this process, which serves it.
pub(super) struct ChildCommand<'a> {
    pub(super) path: &'a Path,
    pub(super) arguments: &'a [OsString],
    pub(super) variables: ProgramVariables,
}

impl ChildCommand<'_> {
    pub(super) fn run(
        self,
        app: &App,
        request: Option<&EndpointRequest<'_>>,
    ) -> Result<Outcome, Error> {
        let end = app.supervise(request, |endpoint| {
            let Self { path, arguments, variables } = self.with_endpoint(endpoint);
            app.start_program(path, arguments, &variables.into_vec())
        })?;
        Ok(Outcome { exit_code: end.exit_code(), ..Outcome::default() })
    }

    /// As [`Self::run`], and masks what it writes. Returns how it ended.
    pub(super) fn run_masked(
        self,
        app: &App,
        request: Option<&EndpointRequest<'_>>,
        masks: MasksRequest,
    ) -> Result<ProgramEnd, Error> {
        app.supervise_masked(request, masks, |endpoint, streams| {
            let Self { path, arguments, variables } = self.with_endpoint(endpoint);
            app.start_masked_program(path, arguments, &variables.into_vec(), streams)
        })
    }

    fn with_endpoint(mut self, endpoint: Option<&StartedEndpoint>) -> Self {
        if let Some(StartedEndpoint { url, token }) = endpoint {
            self.variables.set_endpoint(url, token);
        }
        self
    }
}
