//! What an endpoint does while it serves: it answers requests, and keeps its session current.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::{Either, select};

use crate::app::App;
use crate::app::credentials_endpoint::StartedEndpoint;
use crate::app::session::{SessionClient, renewed};
use crate::options::session_plan::SessionPlan;
use crate::os::files::SystemFiles;
use crate::os::listener::{HttpListener, Limits};
use crate::os::process;
use crate::output::error::Error;
use crate::output::log::events::LogEvent;
use crate::output::log::{Field, Log, LogNotWritten};
use crate::output::waiting::WaitDisplay;
use crate::server::{
    CONTAINER_PATH, ContainerRoute, Endpoints, Listener as _, Offer, RemoteAccess, RouteToken,
    ServePolicy, ServedRole, ServedRoles,
};
use crate::session_cache::CacheLocation;
use crate::session_cache::renewal::Renewal;
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::refresh::status::StatusChannel;
use roles_anywhere_client::secret::Secret;

/// An endpoint that is bound. Clients can connect, and wait until it serves.
pub(super) struct CredentialsEndpoint {
    plan: Arc<SessionPlan>,
    files: Arc<SystemFiles>,
    session: Session,
    ports: Ports,
    listener: HttpListener,
    address: SocketAddr,
    endpoints: Rc<Endpoints>,
    channel: Arc<StatusChannel>,
    token: Secret,
}

impl CredentialsEndpoint {
    /// Listens on a free port for the sessions of `plan`, of which `session` is the first. `files` hold the
    /// inputs that can be read only once.
    pub(super) fn listen(
        plan: SessionPlan,
        files: Arc<SystemFiles>,
        session: Session,
    ) -> Result<Self, Error> {
        // Its standard streams are the null device, so there are no debug lines and no line about waiting.
        let plan = SessionPlan { debug: false, waiting: WaitDisplay::Nothing, ..plan };
        let app = App::with_files(Arc::clone(&files));
        // What serves does not read the cache itself.
        let serving = SessionPlan { cache: CacheLocation::Disabled, ..plan.clone() };
        let ports = SessionClient::open(&app, &serving).ports();
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let limits = Limits::within(process::free_descriptors());
        let listener = HttpListener::bind(&[any_port], RemoteAccess::Refused, None, limits)?;
        let address = listener.addresses().first().copied().unwrap_or(any_port);
        let channel = Arc::new(StatusChannel::default());
        let names = (plan.provider.role(), &plan.provider.session.region);
        let role = Rc::new(ServedRole::new(None, names, Arc::clone(&channel)));
        let (route_token, token) = RouteToken::of_program(&*ports.entropy);
        let route = ContainerRoute { role: Rc::clone(&role), token: Rc::new(route_token) };
        let roles = ServedRoles { all: vec![role], imds: None, container: vec![route] };
        let policy = ServePolicy { offer: Offer::OneProgram, ..ServePolicy::default() };
        let endpoints = Rc::new(Endpoints::new(roles, policy, ports.clone(), Arc::new(NoLog)));
        let plan = Arc::new(plan);
        Ok(Self { plan, files, session, ports, listener, address, endpoints, channel, token })
    }

    /// Returns what the program is told.
    pub(super) fn started(&self) -> StartedEndpoint {
        let url = format!("http://{}{CONTAINER_PATH}", self.address);
        StartedEndpoint { url, token: self.token.clone() }
    }

    /// Serves until `ended` completes, and returns its result.
    pub(super) async fn serve_until<T>(self, ended: impl Future<Output = T>) -> T {
        let Self { plan, files, session, ports, listener, endpoints, channel, .. } = self;
        let (clock, timer) = (&*ports.clock, &*ports.timer);
        let renewal = Renewal { channel: &channel, clock, timer, attempted: &|_, _| {} };
        let renewing = renewal.run(Some(session), async || renewed(&plan, &files, &ports).await);
        // A request that is being answered when the program has ended has no reader.
        let serving = Box::new(listener).serve(endpoints, Box::pin(std::future::pending()));
        match select(pin!(ended), select(pin!(renewing), serving)).await {
            Either::Left((ended, _)) => ended,
            Either::Right((Either::Left((never, _)), _)) => match never {},
            // The sockets cannot be used: the program runs on, and its end is still waited for.
            Either::Right((Either::Right(_), ended)) => ended.await,
        }
    }
}

/// The log of an endpoint: its standard error is the null device.
struct NoLog;

impl Log for NoLog {
    fn event(&self, _event: &'static LogEvent, _fields: &[Field<'_>]) {}

    fn record(
        &self,
        _event: &'static LogEvent,
        _fields: &[Field<'_>],
    ) -> Result<(), LogNotWritten> {
        Ok(())
    }
}
