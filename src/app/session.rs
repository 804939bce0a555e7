//! What the commands share that make a session: the cache, and, only when AWS is called, the network.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::app::App;
use crate::options::session_plan::SessionPlan;
use crate::options::variables::UnknownVariable;
use crate::os::files::{self, SystemFiles};
use crate::os::password::{self, KeyPassword};
use crate::os::private_dir::PrivateDir;
use crate::os::process;
use crate::os::stdio::{StderrTerminal, StderrTrace};
use crate::output::error::Error;
use crate::output::run::RunError;
use crate::output::waiting::{LineErasingPasswords, WaitDisplay, WaitingLine, WaitingTransport};
use crate::session_cache::{self, CacheLocation, SessionCache};
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::http::{Endpoint, TransportOptions};
use roles_anywhere_client::https::Https;
use roles_anywhere_client::input_source::Files;
use roles_anywhere_client::input_source::snapshot::Snapshot;
use roles_anywhere_client::password::{PasswordSource, Passwords as _};
use roles_anywhere_client::ports::{NoTrace, Ports, Trace};
use roles_anywhere_client::provider::ProviderError;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::system::{BlockingThread, SystemEntropy, SystemTimer};
use roles_anywhere_client::text::disclosure::path_name;
use roles_anywhere_client::time::{Deadline, Timestamp};

/// Makes the session of a plan.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct SessionClient<'a> {
    app: &'a App,
    pub(super) plan: &'a SessionPlan,
    /// The endpoints that are called with the session.
    called: Vec<Endpoint>,
    trace: Arc<dyn Trace>,
    store: Option<PrivateDir>,
    /// The files of the identity, if its sessions are cached.
    identity: Option<Arc<Snapshot>>,
    passwords: Arc<KeyPassword>,
    waiting: Option<Arc<WaitingLine>>,
}

impl<'a> SessionClient<'a> {
    /// Opens the cache, and reads the files of the identity for it; neither parses the key nor
    /// prepares the network.
    pub fn open(app: &'a App, plan: &'a SessionPlan) -> Self {
        let trace: Arc<dyn Trace> =
            if plan.debug { Arc::new(StderrTrace::new(*app.clock())) } else { Arc::new(NoTrace) };
        let (mut store, mut identity) = (None, None);
        if let CacheLocation::Dir(directory) = &plan.cache {
            store = Some(app.private_dir(directory));
            // The name is made for the trace only, so that a cache hit does not pay for it.
            if plan.debug {
                let (path, origin) = (path_name(&directory.path, false), &directory.origin);
                trace.show(format_args!("cache: in {path} (from {origin})"));
            }
            let files = Arc::clone(app.files()) as _;
            identity =
                session_cache::snapshot_identity(&plan.provider.source, &files).map(Arc::new);
        }
        let passwords = Arc::new(app.passwords(&plan.password));
        let waiting = waiting_line(app, plan.waiting);
        let called = plan.called.clone();
        Self { app, plan, called, trace, store, identity, passwords, waiting }
    }

    /// Returns it for calls of `endpoints` with the session: they are connected to while it is made.
    pub(super) fn calling(self, endpoints: Vec<Endpoint>) -> Self {
        Self { called: endpoints, ..self }
    }

    /// Returns the sessions, which come from the cache or from AWS.
    pub fn sessions(&self) -> SessionCache<'_> {
        let provider = &self.plan.provider;
        match (&self.store, &self.identity) {
            (Some(store), Some(identity)) => {
                SessionCache::new(provider, identity, &self.plan.transport.trust, store)
            }
            _ => SessionCache::disabled(provider),
        }
    }

    /// Returns the output of `--debug`.
    pub fn trace(&self) -> &dyn Trace {
        &*self.trace
    }

    /// Returns a session. A cached one takes neither TLS nor a runtime.
    pub fn session(&self) -> Result<Session, Error> {
        let sessions = self.sessions();
        if let Some(session) = sessions.ready(self.app.clock(), self.trace()) {
            return Ok(session);
        }
        let made = self.block_on(async |ports, deadline| sessions.session(ports, deadline).await);
        Ok(made?.session)
    }

    /// Prepares the network, and runs `work`. The deadline counts from the start of the process.
    pub fn block_on<T>(
        &self,
        work: impl AsyncFnOnce(&Ports, Deadline) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.block_on_several(work).map_err(|error| self.plan.with_origins(error))
    }

    /// As [`SessionClient::block_on`], for `work` that makes the sessions of other clients too, and adds to
    /// each error where the values are given that it is about.
    pub(super) fn block_on_several<T>(
        &self,
        work: impl AsyncFnOnce(&Ports, Deadline) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.trace_network();
        let ports = self.ports();
        let deadline = Deadline::new(Duration::ZERO, self.plan.timeout);
        // The network is closed on the event loop: with what TLS sends at its end.
        let work = async move { work(&ports, deadline).await };
        let outcome = match &self.waiting {
            Some(line) => block_on(line.beside(work)),
            None => block_on(work),
        };
        password::abandon_prompt();
        outcome
    }

    /// Runs `work` on the event loop of another client, which abandons a prompt at its end. The deadline
    /// counts from now.
    pub async fn run_beside<T>(
        &self,
        work: impl AsyncFnOnce(&Ports, Deadline) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.trace_network();
        let ports = self.ports();
        work(&ports, Deadline::new(ports.clock.uptime(), self.plan.timeout)).await
    }

    /// Asks for the password of the key if it is encrypted and a person has to type it: a process that
    /// refreshes the session later has no terminal to ask on. An identity that cannot be used for another
    /// reason is no error here: its files may be replaced before that.
    pub(super) fn ask_for_password(&self) -> Result<(), Error> {
        if let PasswordSource::From(input) = &self.plan.password {
            // If it can be read only once, it is kept; if it cannot be read, the session will tell.
            let _ = self.app.files().read(input);
        }
        if !self.passwords.prompts() || self.passwords.typed().is_some() {
            return Ok(());
        }
        let (source, ports) = (&self.plan.provider.source, self.ports());
        match source.open(&*ports.files, &*ports.passwords, ports.clock.now()) {
            Err(error) if self.passwords.was_asked() => Err(ProviderError::from(error).into()),
            _ => Ok(()),
        }
    }

    /// Returns it with `passwords` for its key.
    pub(super) fn with_passwords(self, passwords: Arc<KeyPassword>) -> Self {
        Self { passwords, ..self }
    }

    /// Returns the password of its key, if it was typed.
    pub(super) fn typed_password(&self) -> Option<Secret> {
        self.passwords.typed()
    }

    /// Returns the passwords of its key.
    pub(super) fn passwords(&self) -> &Arc<KeyPassword> {
        &self.passwords
    }

    /// Returns the ports of the real system. Opens nothing.
    pub fn ports(&self) -> Ports {
        let files: Arc<dyn Files> = match &self.identity {
            Some(identity) => Arc::clone(identity) as _,
            None => Arc::clone(self.app.files()) as _,
        };
        let transport = Https::new(self.plan.transport.clone(), files::read);
        let transport = transport.connecting_ahead(self.next_endpoints());
        let ports = Ports {
            clock: Arc::new(*self.app.clock()),
            timer: Arc::new(SystemTimer),
            entropy: Arc::new(SystemEntropy),
            files,
            passwords: Arc::clone(&self.passwords) as _,
            transport: Arc::new(transport),
            trace: Arc::clone(&self.trace),
            blocking: Arc::new(BlockingThread),
        };
        let Some(line) = &self.waiting else { return ports };
        let Ports { transport, passwords, .. } = ports;
        Ports {
            transport: Arc::new(WaitingTransport { transport, line: Arc::clone(line) }),
            passwords: Arc::new(LineErasingPasswords { passwords, line: Arc::clone(line) }),
            ..ports
        }
    }

    /// Returns the endpoints that are connected to while the first session is made: those that are called
    /// with one. A command that only makes a session connects to none.
    fn next_endpoints(&self) -> Vec<Endpoint> {
        if self.called.is_empty() {
            return Vec::new();
        }
        let sts = self.plan.provider.hops.first().map(|hop| &hop.sts.endpoint);
        sts.into_iter().chain(&self.called).cloned().collect()
    }

    /// Shows how AWS is reached, for `--debug`.
    pub(super) fn trace_network(&self) {
        let trace = &*self.trace;
        if !self.plan.ignored.is_empty() {
            let names = self.plan.ignored.join(" ");
            trace.show(format_args!("ignored: variables of a Kubernetes Service: {names}"));
        }
        for UnknownVariable { name, nearest } in &self.plan.unknown {
            match nearest {
                Some(nearest) => {
                    trace.show(format_args!("unknown variable: {name}; did you mean {nearest}?"));
                }
                None => trace.show(format_args!("unknown variable: {name}")),
            }
        }
        let TransportOptions { trust, proxy, .. } = &self.plan.transport;
        trace.show(format_args!("trust: {trust}"));
        for endpoint in self.plan.endpoints.iter().chain(&self.called) {
            match proxy.as_ref().filter(|proxy| proxy.serves(endpoint)) {
                Some(proxy) => trace.show(format_args!("endpoint: {endpoint}, proxy: {proxy}")),
                None => trace.show(format_args!("endpoint: {endpoint}, proxy: none")),
            }
        }
    }
}

/// Returns the line for a user who waits, if standard error is a terminal.
fn waiting_line(app: &App, display: WaitDisplay) -> Option<Arc<WaitingLine>> {
    if display == WaitDisplay::Nothing || !app.stderr_is_terminal() {
        return None;
    }
    let (clock, timer) = (Arc::new(*app.clock()), Arc::new(SystemTimer));
    Some(Arc::new(WaitingLine::new(clock, timer, Box::new(StderrTerminal))))
}

/// Makes the next session as a run of `credential-process` does, through the cache, on another thread:
/// requests are answered meanwhile, and the memory that it takes is given back.
pub(super) async fn renewed(
    plan: &Arc<SessionPlan>,
    files: &Arc<SystemFiles>,
    ports: &Ports,
) -> Result<Session, Error> {
    let (plan, files) = (Arc::clone(plan), Arc::clone(files));
    let (sender, fetched) = oneshot::channel();
    ports.blocking.run(Box::new(move || {
        let app = App::with_files(files);
        let client = SessionClient::open(&app, &plan);
        let sessions = client.sessions();
        let served =
            client.block_on(async |ports, deadline| sessions.session(ports, deadline).await);
        // The receiver is gone only if the program has ended.
        let _ = sender.send(served.map(|served| served.session));
    }));
    let lost = |_| Error::from(RunError::Internal { what: "the thread of the renewal has ended" });
    fetched.await.unwrap_or_else(|error| Err(lost(error)))
}

/// Returns from when until when the certificate of a plan is valid; `None` if it cannot be read, or only with a
/// password that a person types.
pub(super) async fn certificate_validity(
    plan: &Arc<SessionPlan>,
    files: &Arc<SystemFiles>,
    ports: &Ports,
) -> Option<(Timestamp, Timestamp)> {
    let (plan, files) = (Arc::clone(plan), Arc::clone(files));
    let (sender, found) = oneshot::channel();
    ports.blocking.run(Box::new(move || {
        let app = App::with_files(files);
        let client = SessionClient::open(&app, &plan);
        let read = || {
            let ports = (!client.passwords.prompts()).then(|| client.ports())?;
            let source = &plan.provider.source;
            let identity = source.open(&*ports.files, &*ports.passwords, ports.clock.now()).ok()?;
            let certificate = identity.certificate();
            Some((certificate.not_before(), certificate.not_after()))
        };
        // The receiver is gone only if the program has ended.
        let _ = sender.send(read());
    }));
    found.await.ok().flatten()
}

/// Returns the plan with the password of its key, if one was typed.
pub(in crate::app) fn with_typed_password(
    plan: SessionPlan,
    password: Option<Secret>,
) -> SessionPlan {
    let Some(password) = password else { return plan };
    let origin = "the prompt".to_owned();
    SessionPlan { password: PasswordSource::Inline { password, origin }, ..plan }
}

/// The file descriptors of an event loop, of which tokio panics without some, and of a connection.
const DESCRIPTORS: usize = 6;

/// Runs `work` on an event loop of this thread.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    process::require_descriptors(DESCRIPTORS).map_err(RunError::System)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(RunError::System)?;
    let outcome = runtime.block_on(work);
    // A host name lookup may hang for longer than the deadline. Do not wait for it.
    runtime.shutdown_background();
    outcome
}
