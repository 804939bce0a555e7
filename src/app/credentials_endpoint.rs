//! The private credentials endpoint of a program that `exec` runs: it is on loopback, requires a token
//! that only the program has, and ends with the program.

mod detached;
mod handover;
mod init;
mod serving;

use crate::app::App;
use crate::app::session::SessionClient;
use crate::options::runtime_dir::{runtime_dir, shared_memory_dir, temporary_dir};
use crate::os::child_dir;
pub use crate::os::child_dir::ChildDir;
use crate::os::init as os_init;
use crate::os::process;
use crate::output::error::Error;
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::secret::Secret;

pub use detached::{DetachStep, DetachedTask, run};

/// What an endpoint serves, and for how long.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct EndpointRequest<'a> {
    /// The words of the command line without the program and its arguments. The endpoint makes its plan of
    /// them again, see [`Plan::session`](crate::command::Plan::session).
    pub words: &'a [String],
    /// What made the session, and has the password if it was typed.
    pub client: &'a SessionClient<'a>,
    /// The first session.
    pub session: &'a Session,
    /// The directory of the program, which is removed when the program has ended.
    pub directory: Option<&'a ChildDir>,
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
    /// Makes a private directory for the program, in memory if there is one, and removes those of programs
    /// that have ended. The error is that of the first place.
    pub fn child_dir(&self) -> Result<ChildDir, Error> {
        let (environment, uid) = (self.environment(), process::user_id());
        let own = runtime_dir(environment);
        let others = [Some(shared_memory_dir(uid)), temporary_dir(environment, uid)];
        let mut parents = own.into_iter().chain(others.into_iter().flatten());
        let first = parents.next().unwrap_or_else(|| shared_memory_dir(uid));
        // The variable of the first may be inherited from another user or name what no longer exists, and
        // only Linux has the second.
        parents.fold(ChildDir::create(&first), |made, parent| {
            made.or_else(|error| ChildDir::create(&parent).map_err(|_| error))
        })
    }

    /// As [`App::child_dir`], for secrets: refuses a file system on a disk.
    pub fn child_dir_in_memory(&self) -> Result<ChildDir, Error> {
        let own = runtime_dir(self.environment());
        let own = own.map(|parent| ChildDir::create_in_memory(&parent));
        if let Some(Ok(dir)) = own {
            return Ok(dir);
        }
        ChildDir::create_in_memory(&shared_memory_dir(process::user_id()))
    }

    /// Removes the directories of programs that have ended.
    pub fn remove_child_dirs(&self) {
        let (environment, uid) = (self.environment(), process::user_id());
        let shared = Some(shared_memory_dir(uid));
        let parents = [runtime_dir(environment), shared, temporary_dir(environment, uid)];
        for parent in parents.into_iter().flatten() {
            child_dir::sweep(&parent.path);
        }
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
    pub fn keep_directory(&self, directory: &ChildDir) -> Result<(), Error> {
        detached::keep(self, directory)
    }

    /// Lets signals end this process until the program runs, also as the first process of a PID namespace.
    pub fn end_by_signals(&self) {
        os_init::end_by_signals();
    }

    /// Returns whether this process must run the program as a child: it is the first one of a PID namespace.
    pub fn must_supervise(&self) -> bool {
        os_init::is_init()
    }

    /// Runs a program as a child, with an endpoint in this process if there is a request for one. Passes
    /// signals on to it, reaps orphans, and returns its exit code as a shell has it.
    ///
    /// `start` starts the program, by [`App::start_program`].
    pub fn supervise(
        &self,
        request: Option<&EndpointRequest<'_>>,
        start: impl FnOnce(Option<&StartedEndpoint>) -> Result<i32, Error>,
    ) -> Result<u8, Error> {
        init::supervise(self, request, start)
    }
}
