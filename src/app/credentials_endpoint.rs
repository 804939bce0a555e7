//! The private credentials endpoint of a program that `exec` runs: it is on loopback, requires a token
//! that only the program has, and ends with the program.

mod detached;
mod followed;
mod handover;
mod serving;
mod supervised;

use std::io;
use std::path::PathBuf;

use crate::app::App;
use crate::app::session::SessionClient;
use crate::options::runtime_dir::{runtime_dir, shared_memory_dir};
use crate::os::child;
pub use crate::os::child::ProgramEnd;
pub use crate::os::log::StderrLog;
use crate::os::masked::MaskedStreams;
use crate::os::process;
use crate::os::program_dir;
pub use crate::os::program_dir::ProgramDir;
use crate::output::error::Error;
use crate::output::run::RunError;
use crate::secrets::masking::MasksRequest;
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::text::path;

pub use detached::{DetachStep, DetachedTask, run};
pub use followed::{FollowedEnd, ProgramControl, ProgramSupervision};

/// Where Linux has files in memory.
const SHARED_MEMORY: &str = "/dev/shm";

/// What an endpoint serves, and for how long.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct EndpointRequest<'a> {
    /// The words of the command line without the program and its arguments. The endpoint makes its plan of
    /// them again, see [`Plan::session_plan`](crate::command::Plan::session_plan).
    pub words: &'a [String],
    /// What made the session, and has the password if it was typed.
    pub client: &'a SessionClient<'a>,
    /// The first session.
    pub session: &'a Session,
    /// The directory of the program, which is removed when the program has ended.
    pub directory: Option<&'a ProgramDir>,
}

/// An endpoint that serves.
#[derive(Clone, Debug)]
pub struct StartedEndpoint {
    /// The value of `AWS_CONTAINER_CREDENTIALS_FULL_URI`.
    pub url: String,
    /// The value of `AWS_CONTAINER_AUTHORIZATION_TOKEN`.
    pub token: Secret,
}

impl App {
    /// Makes a private directory for the program, in memory if there is such a place. The error is that of
    /// the first place.
    pub fn program_dir(&self) -> Result<ProgramDir, Error> {
        let shared = shared_memory_dir(process::user_id());
        // The variable of the first may be inherited from another user, or name what no longer exists.
        // Another user can take the name of the second, and only Linux has it.
        let parents = runtime_dir(self.environment()).into_iter().chain([shared]);
        let made = parents.map(|parent| ProgramDir::create(&parent));
        let temporary = self.environment().get("TMPDIR").map_or_else(|| "/tmp".into(), path::path);
        let among_others = [PathBuf::from(SHARED_MEMORY), temporary];
        let mut first = None;
        for made in made.chain(among_others.iter().map(|it| ProgramDir::create_among_others(it))) {
            match made {
                Ok(made) => return Ok(made),
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(first.unwrap_or_else(|| RunError::System(io::ErrorKind::Unsupported.into()).into()))
    }

    /// As [`App::program_dir`], for secrets: refuses a file system on a disk.
    pub fn program_dir_in_memory(&self) -> Result<ProgramDir, Error> {
        let own = runtime_dir(self.environment());
        let own = own.map(|parent| ProgramDir::create_in_memory(&parent));
        if let Some(Ok(dir)) = own {
            return Ok(dir);
        }
        ProgramDir::create_in_memory(&shared_memory_dir(process::user_id()))
    }

    /// Removes the directories of programs that have ended.
    pub fn remove_program_dirs(&self) {
        let parents = runtime_dir(self.environment()).into_iter();
        for parent in parents.chain([shared_memory_dir(process::user_id())]) {
            program_dir::sweep(&parent.path);
        }
        program_dir::sweep_among_others(SHARED_MEMORY.as_ref());
    }

    /// Starts the detached process of the endpoint, which ends when this process has ended, whatever
    /// program it has become by then. When this returns, the endpoint serves, and this process has no
    /// child of it.
    pub fn start_credentials_endpoint(
        &self,
        request: &EndpointRequest<'_>,
    ) -> Result<StartedEndpoint, Error> {
        detached::start(self, request)
    }

    /// Starts a detached process that only removes the directory of the program when that has ended.
    pub fn keep_directory(&self, directory: &ProgramDir) -> Result<(), Error> {
        detached::keep(self, directory)
    }

    /// Lets signals end this process until the program runs, also as the first process of a PID namespace.
    pub fn end_by_signals(&self) {
        child::end_by_signals();
    }

    /// Returns whether this process must run the program as a child: it is the first one of a PID namespace.
    pub fn must_supervise(&self) -> bool {
        child::is_init()
    }

    /// Runs a program as a child, with an endpoint in this process if there is a request for one. Passes
    /// signals on to it, reaps orphans, and returns how it ended.
    ///
    /// `start` starts the program, by [`App::start_program`].
    pub fn supervise(
        &self,
        request: Option<&EndpointRequest<'_>>,
        start: impl FnOnce(Option<&StartedEndpoint>) -> Result<i32, Error>,
    ) -> Result<ProgramEnd, Error> {
        supervised::supervise(self, request, start)
    }

    /// As [`App::supervise`], and masks what the program writes. `start` starts it by
    /// [`App::start_masked_program`].
    pub fn supervise_masked(
        &self,
        request: Option<&EndpointRequest<'_>>,
        masks: MasksRequest,
        start: impl FnOnce(Option<&StartedEndpoint>, &MaskedStreams) -> Result<i32, Error>,
    ) -> Result<ProgramEnd, Error> {
        supervised::supervise_masked(self, request, masks, start)
    }
}
