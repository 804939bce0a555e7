//! Reads and follows references: in this process, with the sessions of roles, or through a running `serve`.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, LocalBoxFuture, select};

use crate::app::App;
use crate::app::followed_references::FollowedWithRoles;
use crate::app::session;
use crate::follow::cached_references::shown_name;
use crate::follow::served_references::{LONGEST_ANSWER, ServeAccess, ServedReferences};
use crate::follow::source::{FollowedValues, ReferenceSource};
use crate::options::reference_reader::ReferenceReader;
use crate::os::files;
use crate::os::stdio::StderrTrace;
use crate::output::error::Error;
use crate::output::follow::StaleText;
use crate::output::log::Log;
use crate::output::run::RunError;
use crate::secrets::reference::NamedReference;
use crate::secrets::value::Resolved;
use crate::secrets_cache::CachePolicy;
use roles_anywhere_client::http::TransportOptions;
use roles_anywhere_client::https::Https;
use roles_anywhere_client::ports::{NoTrace, Ports, Trace};
use roles_anywhere_client::system::{BlockingThread, NoPasswords, SystemEntropy, SystemTimer};

/// References that are followed. Their values are kept current during [`FollowedReferences::keep_current`].
#[expect(missing_debug_implementations, reason = "holds ports")]
pub enum FollowedReferences<'a> {
    /// In this process.
    WithRoles(Box<FollowedWithRoles<'a>>),
    /// Through a running `serve`.
    Served(Box<ServedReferences>),
}

impl App {
    /// Returns what `references` stand for, in their order. Without references, nothing is opened.
    pub fn read_references(
        &self,
        reader: &ReferenceReader,
        references: &[NamedReference],
    ) -> Result<Vec<Resolved>, Error> {
        let access = match reader {
            ReferenceReader::Roles(roles) => return self.resolve_references(roles, references),
            ReferenceReader::Serve(access) => access,
        };
        if references.is_empty() {
            return Ok(Vec::new());
        }
        let values =
            session::block_on(async { self.served_references(access, references).read().await })?;
        self.warn_of_stale(references, &values);
        Ok(values.values.into_iter().map(|value| value.resolved).collect())
    }

    /// Says which secrets and parameters AWS has not confirmed in time.
    fn warn_of_stale(&self, references: &[NamedReference], values: &FollowedValues) {
        let pairs = references.iter().zip(&values.values);
        let stale = pairs.filter_map(|(it, value)| Some((shown_name(&it.reference), value.stale?)));
        for (name, reason) in stale.collect::<BTreeMap<_, _>>() {
            self.report(&StaleText::warning(&name, reason));
        }
    }

    /// Returns `references`, to be followed. In this process, the cache has `policy`. Calls nothing, and opens
    /// nothing but the offline copies. What is made before the first read of the references shares the passwords of
    /// keys that are typed for that.
    pub fn followed_references<'a>(
        &'a self,
        reader: &ReferenceReader,
        references: &[NamedReference],
        policy: CachePolicy,
    ) -> Result<FollowedReferences<'a>, Error> {
        match reader {
            ReferenceReader::Roles(roles) => {
                let followed = self.followed_with_roles(roles, references, policy)?;
                Ok(FollowedReferences::WithRoles(Box::new(followed)))
            }
            ReferenceReader::Serve(access) => {
                let served = self.served_references(access, references);
                Ok(FollowedReferences::Served(Box::new(served)))
            }
        }
    }

    fn served_references(
        &self,
        access: &ServeAccess,
        references: &[NamedReference],
    ) -> ServedReferences {
        let options =
            TransportOptions { longest_response: LONGEST_ANSWER, ..TransportOptions::default() };
        let transport = Arc::new(Https::new(options, files::read));
        let ports = Ports { transport, ..self.ports(access.debug) };
        ServedReferences::new(references, access.clone(), ports)
    }

    /// Returns the ports of the real system for what has no role: without a proxy, and without passwords.
    pub(super) fn ports(&self, debug: bool) -> Ports {
        let trace: Arc<dyn Trace> =
            if debug { Arc::new(StderrTrace::new(*self.clock())) } else { Arc::new(NoTrace) };
        Ports {
            clock: Arc::new(*self.clock()),
            timer: Arc::new(SystemTimer),
            entropy: Arc::new(SystemEntropy),
            files: Arc::clone(self.files()) as _,
            passwords: Arc::new(NoPasswords),
            transport: Arc::new(Https::new(TransportOptions::default(), files::read)),
            trace,
            blocking: Arc::new(BlockingThread),
        }
    }
}

impl<'a> FollowedReferences<'a> {
    /// Returns other references, with the sessions and values of these. `reader` is that of these.
    pub fn other(
        &self,
        reader: &ReferenceReader,
        references: &[NamedReference],
    ) -> Result<Self, Error> {
        match self {
            Self::WithRoles(followed) => {
                let none = RunError::Internal { what: "the references have no roles" };
                let other = followed.other(reader.roles().ok_or(none)?, references)?;
                Ok(Self::WithRoles(Box::new(other)))
            }
            Self::Served(served) => Ok(Self::Served(Box::new(served.other(references)))),
        }
    }

    /// Asks for the passwords of keys that have not been needed yet, and that a person has to type.
    pub fn ask_for_passwords(&self) -> Result<(), Error> {
        match self {
            Self::WithRoles(followed) => followed.ask_for_passwords(),
            Self::Served(_) => Ok(()),
        }
    }

    /// Does `work`, and meanwhile keeps sessions and values current, and the copies of these; also those of
    /// [`FollowedReferences::other`]. Logs what keeps it from that.
    pub async fn keep_current<T>(&self, log: &Arc<dyn Log>, work: impl Future<Output = T>) -> T {
        let followed = match self {
            Self::WithRoles(followed) => followed,
            // `serve` keeps them.
            Self::Served(_) => return work.await,
        };
        match select(pin!(work), pin!(followed.run(log))).await {
            Either::Left((done, _)) => done,
            Either::Right((never, _)) => match never {},
        }
    }

    fn source(&self) -> &dyn ReferenceSource {
        match self {
            Self::WithRoles(followed) => &**followed,
            Self::Served(served) => &**served,
        }
    }
}

impl ReferenceSource for FollowedReferences<'_> {
    fn read(&self) -> LocalBoxFuture<'_, Result<FollowedValues, Error>> {
        self.source().read()
    }

    fn changed(&self, limit: Duration) -> LocalBoxFuture<'_, ()> {
        self.source().changed(limit)
    }
}
