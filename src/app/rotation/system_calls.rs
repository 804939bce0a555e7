//! The calls of a rotation, on the real system.

use std::cell::RefCell;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select;

use super::RotatedSecret;
use super::failure::failure;
use crate::os::log::StderrLog;
use crate::os::shell_command::{self, CommandLine, ShellCommand};
use crate::os::stop_signals::StopSignals;
use crate::output::error::Error;
use crate::output::log::events::LogEvent;
use crate::output::log::{Field, Log as _, LogFormat};
use crate::output::rotation::{RotationError, StopSignal};
use crate::output::run::RunError;
use crate::rotation::{FailureKind, IamUser, RotationCallError, RotationCalls, RunCommand};
use crate::session_cache::SessionCache;
use roles_anywhere_client::aws::get_access_key_last_used::LastUsed;
use roles_anywhere_client::aws::get_caller_identity::CallerIdentity;
use roles_anywhere_client::aws::get_random_password::PasswordRules;
use roles_anywhere_client::aws::get_secret_value::{SecretRequest, SecretValue, SecretVersion};
use roles_anywhere_client::aws::list_access_keys::{AccessKeyMetadata, KeyStatus};
use roles_anywhere_client::aws::put_secret_value::PutSecretValue;
use roles_anywhere_client::aws::secret_description::SecretDescription;
use roles_anywhere_client::aws::update_secret_version_stage::MoveStage;
use roles_anywhere_client::credentials::{AccessKey, Session};
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::provider::iam::{Caller, Iam};
use roles_anywhere_client::provider::secrets_manager::{SecretsManager, ServiceCallError};
use roles_anywhere_client::provider::sts;
use roles_anywhere_client::secret::{Secret, SecretBytes};
use roles_anywhere_client::time::{Deadline, Timestamp};

/// The seconds before its expiration at which a session is replaced.
const LEAST_LIFETIME: i64 = 60;

/// The calls, on the real system. They share a session, and each has the time limit of the plan.
pub(super) struct SystemCalls<'a> {
    secret: &'a RotatedSecret,
    sessions: &'a SessionCache<'a>,
    ports: &'a Ports,
    timeout: Duration,
    session: RefCell<Session>,
    log: StderrLog,
    stop: StopSignals,
}

impl<'a> SystemCalls<'a> {
    /// Opens the session.
    pub(super) async fn open(
        (secret, sessions): (&'a RotatedSecret, &'a SessionCache<'a>),
        ports: &'a Ports,
        deadline: Deadline,
        log_format: LogFormat,
    ) -> Result<Self, Error> {
        // The session says how far this clock is from AWS's.
        let session = sessions.session(ports, deadline).await?.session;
        let (timeout, session) = (deadline.limit(), RefCell::new(session));
        let log = StderrLog::new(log_format, Arc::clone(&ports.clock));
        let stop = StopSignals::default();
        Ok(Self { secret, sessions, ports, timeout, session, log, stop })
    }

    /// Returns them for a run that signals stop in an orderly way.
    pub(super) fn stopped_by_signals(self) -> Result<Self, Error> {
        Ok(Self { stop: StopSignals::listen().map_err(RunError::System)?, ..self })
    }

    fn deadline(&self) -> Deadline {
        Deadline::new(self.ports.clock.uptime(), self.timeout)
    }

    /// Makes a call with the session, which is replaced if it is about to expire or AWS refuses it.
    async fn call<T>(
        &self,
        call: impl AsyncFn(&Session, Deadline) -> Result<T, ServiceCallError>,
    ) -> Result<T, RotationCallError> {
        let deadline = self.deadline();
        let mut session = self.session.borrow().clone();
        if self.now().seconds_until(session.credentials.expiration) < LEAST_LIFETIME {
            session = self.renewed(&session, deadline).await?;
        }
        match call(&session, deadline).await {
            Err(ServiceCallError::SessionRefused(_)) => {
                let session = self.renewed(&session, deadline).await?;
                call(&session, self.deadline()).await.map_err(failure)
            }
            outcome => outcome.map_err(failure),
        }
    }

    async fn renewed(
        &self,
        old: &Session,
        deadline: Deadline,
    ) -> Result<Session, RotationCallError> {
        let replaced = self.sessions.replace(old, self.ports, deadline).await;
        let new = replaced
            .map_err(|error| RotationCallError { kind: FailureKind::Other, error })?
            .session;
        self.session.replace(new.clone());
        Ok(new)
    }

    fn secrets_manager(&self) -> SecretsManager<'_> {
        SecretsManager { at: &self.secret.secrets_manager, provider: self.sessions.provider() }
    }

    /// Calls IAM with the key of the user, or with the session.
    async fn iam<T>(
        &self,
        user: IamUser<'_>,
        call: impl AsyncFn(Iam<'_>, Deadline) -> Result<T, ServiceCallError>,
    ) -> Result<T, RotationCallError> {
        let at = &self.secret.iam;
        if let Some(key) = user.caller {
            let iam = Iam { at, caller: Caller::Key(key) };
            return call(iam, self.deadline()).await.map_err(failure);
        }
        let provider = self.sessions.provider();
        self.call(async |session, deadline| {
            call(Iam { at, caller: Caller::Session { provider, session } }, deadline).await
        })
        .await
    }
}

impl RotationCalls for SystemCalls<'_> {
    fn now(&self) -> Timestamp {
        self.ports.clock.now().after(self.session.borrow().clock_offset)
    }

    fn random(&self) -> u64 {
        self.ports.entropy.bits()
    }

    async fn sleep(&self, duration: Duration) {
        select(self.ports.timer.sleep(duration), pin!(self.stop.next())).await;
    }

    fn stop_signal(&self) -> Option<StopSignal> {
        self.stop.received()
    }

    fn report(&self, event: &'static LogEvent, fields: &[Field<'_>]) {
        if self.log.record(event, fields).is_err() {
            // It is written with the next one, or at the end.
            self.log.event(event, fields);
        }
    }

    async fn describe(&self) -> Result<SecretDescription, RotationCallError> {
        let (secret, ports) = (&self.secret.secret, self.ports);
        self.call(async |session, deadline| {
            self.secrets_manager().describe_secret(secret, session, ports, deadline).await
        })
        .await
    }

    async fn version(&self, id: &str) -> Result<SecretVersion, RotationCallError> {
        let (secret, version_id) = (self.secret.secret.clone(), Some(id.to_owned()));
        let request = &SecretRequest { secret, version_id, version_stage: None };
        self.call(async |session, deadline| {
            self.secrets_manager().get_secret_value(request, session, self.ports, deadline).await
        })
        .await
    }

    async fn put(
        &self,
        id: &str,
        value: &SecretValue,
        label: &str,
    ) -> Result<(), RotationCallError> {
        let (secret, version_id) = (self.secret.secret.clone(), id.to_owned());
        let (value, stages) = (value.clone(), vec![label.to_owned()]);
        let request = &PutSecretValue { secret, version_id, value, stages };
        self.call(async |session, deadline| {
            self.secrets_manager().put_secret_value(request, session, self.ports, deadline).await
        })
        .await
        .map(drop)
    }

    async fn move_label(
        &self,
        label: &str,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<(), RotationCallError> {
        let (from, to) = (from.map(str::to_owned), to.map(str::to_owned));
        let (secret, stage) = (self.secret.secret.clone(), label.to_owned());
        let request = &MoveStage { secret, stage, to, from };
        let ports = self.ports;
        self.call(async |session, deadline| {
            let secrets = self.secrets_manager();
            secrets.update_secret_version_stage(request, session, ports, deadline).await
        })
        .await
    }

    async fn random_password(&self, rules: &PasswordRules) -> Result<Secret, RotationCallError> {
        self.call(async |session, deadline| {
            self.secrets_manager().get_random_password(rules, session, self.ports, deadline).await
        })
        .await
    }

    async fn list_access_keys(
        &self,
        user: IamUser<'_>,
    ) -> Result<Vec<AccessKeyMetadata>, RotationCallError> {
        let call = async |iam: Iam<'_>, deadline| {
            iam.list_access_keys(user.name, self.ports, deadline).await
        };
        self.iam(user, call).await
    }

    async fn create_access_key(&self, user: IamUser<'_>) -> Result<AccessKey, RotationCallError> {
        let call = async |iam: Iam<'_>, deadline| {
            iam.create_access_key(user.name, self.ports, deadline).await
        };
        self.iam(user, call).await.map(|created| created.key)
    }

    async fn deactivate_access_key(
        &self,
        user: IamUser<'_>,
        id: &str,
    ) -> Result<(), RotationCallError> {
        let (key, status) = ((user.name, id), KeyStatus::Inactive);
        let call = async |iam: Iam<'_>, deadline| {
            iam.update_access_key(key, status, self.ports, deadline).await
        };
        self.iam(user, call).await
    }

    async fn delete_access_key(
        &self,
        user: IamUser<'_>,
        id: &str,
    ) -> Result<(), RotationCallError> {
        let key = (user.name, id);
        let call =
            async |iam: Iam<'_>, deadline| iam.delete_access_key(key, self.ports, deadline).await;
        self.iam(user, call).await
    }

    async fn last_used(&self, user: IamUser<'_>, id: &str) -> Result<LastUsed, RotationCallError> {
        let call = async |iam: Iam<'_>, deadline| {
            iam.get_access_key_last_used(id, self.ports, deadline).await
        };
        self.iam(user, call).await
    }

    async fn caller_identity(&self, key: &AccessKey) -> Result<CallerIdentity, RotationCallError> {
        let (at, deadline) = (&self.secret.sts, self.deadline());
        sts::get_caller_identity(at, key, self.ports, deadline).await.map_err(failure)
    }

    async fn run_command(&self, command: &RunCommand<'_>) -> Result<SecretBytes, Error> {
        let RunCommand { option, command, input, has_output, limit } = *command;
        let command = CommandLine::Shell(command);
        let command = ShellCommand { command, input, has_output, limit };
        let ran = shell_command::run(&command, self.stop.next()).await;
        ran.map_err(|failure| RotationError::Command { option, failure }.into())
    }
}
