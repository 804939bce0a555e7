//! The secrets endpoint of a running `serve`: its sockets, its tokens and its cache.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::{Either, pending, select};

use crate::app::App;
use crate::app::daemon::SystemDaemon;
use crate::app::offline_copies;
use crate::app::secrets_upstream::{SecretsUpstream, UpstreamRole};
use crate::app::session::SessionClient;
use crate::command::serve::Serve;
use crate::command::serve::print_env::{PrintedSecrets, PrintedSecretsToken};
use crate::command::serve::roles::RunningRoles;
use crate::config::TableKind;
use crate::offline_copy::CopiesOnDisk;
use crate::options::session_plan::CalledServices;
use crate::options::table::secrets_endpoint::{MAX_CONNECTIONS, PORT, TOKEN_FILE};
use crate::output::error::Error;
use crate::output::log::events::{SECRET_PREFETCH_FAILED, SECRETS_LISTENING};
use crate::output::log::{Field, Log};
use crate::private_dir::ConfiguredDir;
use crate::secrets_cache::{PrefetchFailure, PrefetchItems, ReadFailure, SecretsCache};
use crate::server::secrets::{
    OfflineKey, OfflinePlan, PlannedToken, SecretsEndpoint, SecretsPlan, SecretsToken,
    SecretsTokens, TokenSource,
};
use crate::server::{Endpoints, Listener, OpenTokenFile, RouteToken};
use roles_anywhere_client::input_source::{InputSource, Location};

/// The endpoint, bound and not served yet.
pub(super) struct SecretsService {
    listener: Box<dyn Listener<SecretsEndpoint>>,
    running: RunningSecrets,
    tokens: Vec<PrintedSecretsToken>,
    log: Arc<dyn Log>,
}

/// Handles through which a reload changes the running endpoint.
#[derive(Clone)]
pub(super) struct RunningSecrets {
    endpoint: Rc<SecretsEndpoint>,
    upstream: Rc<SecretsUpstream>,
    cache: Rc<SecretsCache>,
    /// The copies on disk, if some are kept.
    copies: Option<Rc<CopiesOnDisk>>,
    endpoints: Rc<Endpoints>,
    /// What needs a restart to change.
    fixed: FixedAtStart,
    /// The addresses, after which a token file is named.
    addresses: Rc<[SocketAddr]>,
    /// The most requests at a time that the sockets allow.
    most_requests: usize,
}

/// What of a plan needs a restart to change.
#[derive(Clone)]
struct FixedAtStart {
    port: u16,
    connections: usize,
    token_path: Option<PathBuf>,
    /// The key and the directory of the copies on disk.
    copies: Option<(OfflineKey, ConfiguredDir)>,
}

impl FixedAtStart {
    fn of(plan: &SecretsPlan, addresses: &[SocketAddr]) -> Self {
        let token_path = plan.own_token.path(addresses, None);
        let copies = plan.offline.as_ref().map(place_of_copies);
        Self { port: plan.port, connections: plan.policy.connections, token_path, copies }
    }
}

impl RunningSecrets {
    /// Reads with other roles from now on, with the first one if none is named.
    pub(super) fn replace_roles(&self, roles: &RunningRoles<'_>, app: &App) {
        let roles = roles.by_default().into_iter().filter_map(|(role, channel)| {
            let ports = SessionClient::open(app, &role.plan).ports();
            let CalledServices { endpoints, region } = role.plan.services?;
            let services = (endpoints, region);
            Some(UpstreamRole::new(role.name, role.plan.provider, channel, services, ports))
        });
        self.upstream.replace_roles(roles.collect());
    }

    /// Opens what a plan needs that was made again, and returns the tokens. An error if one cannot be used.
    pub(super) async fn open_tokens(
        &self,
        plan: &SecretsPlan,
        app: &App,
    ) -> Result<Vec<Rc<SecretsToken>>, Error> {
        let mut tokens = self.endpoint.open_tokens(&plan.tokens).await?;
        match self.endpoint.own_token() {
            Some(own) if plan.tokens.is_empty() => tokens.push(own),
            _ => {
                let own = open_own_token(plan, &self.addresses, &self.endpoints, app)?;
                tokens.extend(own.map(|(own, _)| Rc::new(own)));
            }
        }
        Ok(tokens)
    }

    /// Returns what of a plan that was made again needs a restart.
    pub(super) fn needs_restart(&self, plan: &SecretsPlan) -> Vec<&'static str> {
        let FixedAtStart { port, connections, token_path, copies } = &self.fixed;
        let own = self.endpoint.own_token().filter(|_| plan.tokens.is_empty());
        let path = own.and_then(|_| plan.own_token.path(&self.addresses, None));
        let place = plan.offline.as_ref().map(place_of_copies);
        let changes = [
            (plan.port != *port, PORT.id()),
            (plan.policy.connections > *connections, MAX_CONNECTIONS.id()),
            (path.is_some() && path != *token_path, TOKEN_FILE.id()),
            (place.is_some() && place != *copies, TableKind::SecretsOffline.name()),
        ];
        changes.iter().filter(|(is_changed, _)| *is_changed).map(|(_, key)| *key).collect()
    }

    /// Goes on by a plan that was made again. Its port stays as it is.
    pub(super) fn replace(&self, plan: SecretsPlan, tokens: Vec<Rc<SecretsToken>>) {
        let SecretsPlan { mut policy, cache, prefetch, offline, .. } = plan;
        policy.connections = policy.connections.min(self.most_requests);
        self.cache.replace(cache, prefetch);
        if let Some(copies) = &self.copies {
            // Without the table, nothing is kept any more.
            copies.replace_rules(offline.as_ref().map(offline_copies::rules).unwrap_or_default());
        }
        self.endpoint.replace(policy, tokens);
    }

    /// Ends the token of this process, and the log, after the last changes of the copies.
    pub(super) fn end(&self) {
        if let Some(copies) = &self.copies {
            copies.flush();
        }
        self.endpoint.end();
    }
}

impl SecretsService {
    /// Listens, and opens the tokens. `endpoints` have the sessions.
    pub(super) fn open(
        (serve, plan): (&Serve, &SecretsPlan),
        endpoints: &Rc<Endpoints>,
        system: &SystemDaemon<'_>,
    ) -> Result<Self, Error> {
        let SystemDaemon { app, context, ports, .. } = system;
        let others = !serve.listen.is_empty();
        let requests = plan.policy.connections;
        let (listener, requests) = app.listen_for_secrets(plan.port, requests, others)?;
        let addresses = listener.addresses();
        let open = |planned| SecretsToken::open(planned, &*ports.files);
        let mut tokens: Vec<_> =
            plan.tokens.iter().cloned().map(open).collect::<Result<_, Error>>()?;
        let mut printed: Vec<_> =
            plan.tokens.iter().map(|token| printed_token(token, app)).collect();
        let mut place = plan.tokens.first().map(|token| token.name.clone());
        if let Some((token, path)) = open_own_token(plan, &addresses, endpoints, app)? {
            tokens.push(token);
            place = Some(path.display().to_string());
            printed.push(PrintedSecretsToken {
                name: None,
                path: Some(app.absolute(&path).unwrap_or(path)),
            });
        }
        let upstream = Rc::new(SecretsUpstream::default());
        let calls = Rc::clone(&upstream) as _;
        let cache = SecretsCache::new(calls, ports.clone(), plan.cache, plan.prefetch.clone());
        let cache = Rc::new(cache);
        let open = |plan| app.open_offline_copies(plan, ports, Arc::clone(&context.log));
        let copies = plan.offline.as_ref().map(open).transpose()?.map(Rc::new);
        cache.keep_copies(copies.clone().map(|copies| copies as _));
        let mut policy = plan.policy.clone();
        policy.connections = requests;
        let endpoint = SecretsEndpoint::new(
            policy,
            (Rc::clone(&cache) as _, SecretsTokens::new(tokens)),
            Rc::clone(endpoints),
            ports.clone(),
            Arc::clone(&context.log),
        );
        for address in &addresses {
            let place = place.iter().map(|place| -> Field<'_> { ("token", place) });
            let fields: Vec<_> = [("address", address as _)].into_iter().chain(place).collect();
            context.log.event(&SECRETS_LISTENING, &fields);
        }
        let running = RunningSecrets {
            endpoint: Rc::new(endpoint),
            upstream,
            cache,
            copies,
            endpoints: Rc::clone(endpoints),
            fixed: FixedAtStart::of(plan, &addresses),
            addresses: addresses.into(),
            most_requests: requests,
        };
        let log = Arc::clone(&context.log);
        Ok(Self { listener: Box::new(listener), running, tokens: printed, log })
    }

    /// Returns what `--print-env` tells of it; `None` if it has no address.
    pub(super) fn printed(&self) -> Option<PrintedSecrets> {
        let address = *self.running.addresses.first()?;
        Some(PrintedSecrets { address, tokens: self.tokens.clone() })
    }

    /// Returns what is told of changes.
    pub(super) fn running(&self) -> RunningSecrets {
        self.running.clone()
    }

    /// Serves until `stop` completes and the running requests are answered.
    pub(super) async fn serve(self, stop: Pin<Box<dyn Future<Output = ()>>>) -> Result<(), Error> {
        let Self { listener, running, log, .. } = self;
        let RunningSecrets { endpoint, cache, copies, .. } = running;
        let serving = listener.serve(Rc::clone(&endpoint), stop);
        let report = |failure: &PrefetchFailure| log_prefetch(&*log, failure);
        let copies = pin!(async {
            match copies {
                Some(copies) => copies.keep().await,
                None => pending().await,
            }
        });
        let (endpoint, cache) = (pin!(endpoint.keep()), pin!(cache.keep_fresh(&report)));
        match select(serving, select(endpoint, select(cache, copies))).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right((Either::Left((never, _)), _)) => match never {},
            Either::Right((Either::Right((either, _)), _)) => match either {
                Either::Left((never, _)) | Either::Right((never, _)) => match never {},
            },
        }
    }
}

/// Returns what of the copies on disk needs a restart to change.
fn place_of_copies(plan: &OfflinePlan) -> (OfflineKey, ConfiguredDir) {
    (plan.key.clone(), plan.directory.clone())
}

/// Logs what was not read at the start.
fn log_prefetch(log: &dyn Log, failed: &PrefetchFailure) {
    let PrefetchFailure { role, items, others, outage, failure } = failed;
    let (kind, name) = match items {
        PrefetchItems::Secret(id) => ("secret", id.shown()),
        PrefetchItems::Parameter(id) => ("parameter", id.shown()),
        PrefetchItems::Tag { key, .. } => ("tag", key.clone()),
        PrefetchItems::Path(path) => ("path", path.clone()),
    };
    let reason = match (outage, failure) {
        (Some(outage), _) => outage.name().to_owned(),
        (None, ReadFailure::Service { code, message, .. }) => format!("{code}: {message}"),
        (None, failure) => failure.name().to_owned(),
    };
    let role = role.as_deref();
    let mut fields: Vec<Field<'_>> = vec![(kind, &name), ("reason", &reason)];
    fields.extend((*others > 0).then_some(("others", others as _)));
    fields.extend(role.as_ref().map(|role| -> Field<'_> { ("role_name", role) }));
    log.event(&SECRET_PREFETCH_FAILED, &fields);
}

/// Clients may have another working directory, so paths are printed as absolute ones.
fn printed_token(token: &PlannedToken, app: &App) -> PrintedSecretsToken {
    let path = match &token.source {
        TokenSource::File(InputSource { location: Location::File(path), .. }) => {
            Some(app.absolute(path).unwrap_or_else(|_| path.clone()))
        }
        TokenSource::File(_) | TokenSource::Value(_) => None,
    };
    PrintedSecretsToken { name: Some(token.name.clone()), path }
}

/// Opens the file for a token of this process, if the plan needs one, and makes the token.
fn open_own_token(
    plan: &SecretsPlan,
    addresses: &[SocketAddr],
    endpoints: &Endpoints,
    app: &App,
) -> Result<Option<(SecretsToken, PathBuf)>, Error> {
    let Some(file) = app.token_file(&plan.own_token, addresses, None)? else { return Ok(None) };
    let OpenTokenFile { path, store } = file;
    let token = RouteToken::new(None, store);
    endpoints.renew_token(&token)?;
    Ok(Some((SecretsToken::own(token), path)))
}
