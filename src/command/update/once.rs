//! `update --once`: writes the profiles, and reports what was written and what failed.

use crate::app::App;
use crate::app::session::SessionClient;
use crate::command::Plan as _;
use crate::command::update::settle_watch::{NextAction, SettleWatch};
use crate::command::update::{FileWarning, POLL_INTERVAL, ProfilePlan, Update, UpdatePlan, report};
use crate::credentials_file::port::{ProfileFileError, SharedCredentialsFile, WriteMethod};
use crate::credentials_file::reconcile::{NotSettled, ReconcileStep, Reconciler};
use crate::credentials_file::{ProfileCredentials, ProfileError};
use crate::daemon::Role;
use crate::output::error::{Error, Kind};
use crate::output::report::{ErrorFormat, Failure};
use crate::output::run::RunError;
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::provider::ErrorKind;
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::time::{Clock, Deadline, Timer, Timestamp};

/// The outcome of `update --once` for a profile.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UpdateOutcome {
    /// How it was written.
    pub written: WriteMethod,
    /// What was written.
    pub credentials: WrittenCredentials,
    /// Problems that the owner of the file should fix.
    pub warnings: Vec<FileWarning>,
}

/// The credentials that a profile has now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum WrittenCredentials {
    /// Those of a session.
    Session {
        /// When they expire.
        expiration: Timestamp,
    },
    /// The access key of a secret.
    AccessKey {
        /// Its identifier, as a message may show it.
        id: String,
        /// The secret, as a message may show it.
        secret: String,
        /// When it expires, if the secret says so.
        expiration: Option<Timestamp>,
    },
}

/// The profiles that were written, and what failed, each with the index of its role. An error without one
/// is of the file.
#[derive(Default)]
struct Outcomes {
    written: Vec<(usize, UpdateOutcome)>,
    failed: Vec<(Option<usize>, Error)>,
}

/// Writes the profiles once. Of several, all are tried: those that can be are written, each failure is
/// printed, and the kind of the error is that of the first.
pub(super) fn run(app: &App, plan: &UpdatePlan) -> Result<(), Error> {
    let clients = plan.roles.iter().map(|role| SessionClient::open(app, &role.plan.session));
    let clients: Vec<_> = clients.collect();
    let Some((first, others)) = clients.split_first() else { return Ok(()) };
    let file = app.credentials_file();
    let outcomes = first.block_on(async |ports, deadline| {
        Ok(once(&plan.roles, (others, ports, deadline), &file).await)
    })?;
    report_all(app, plan, outcomes)
}

/// Prints the lines of what was written and the errors of several roles.
fn report_all(app: &App, plan: &UpdatePlan, outcomes: Outcomes) -> Result<(), Error> {
    let Outcomes { written, mut failed } = outcomes;
    let now = app.clock().now();
    let mut lines: Vec<String> = Vec::new();
    for (role, outcome) in &written {
        // Most warnings are of the file, and those of several profiles are the same.
        let new = report::lines(&plan.roles[*role], outcome, now).into_iter();
        lines.extend(new.filter(|line| !lines.contains(line)).collect::<Vec<_>>());
    }
    lines.iter().for_each(|line| app.report(line));
    failed.sort_by_key(|(role, _)| role.unwrap_or(usize::MAX));
    let kind = match &failed[..] {
        [] => return Ok(()),
        [_] if plan.roles.len() == 1 => {
            return failed.pop().map_or(Ok(()), |(_, error)| Err(error));
        }
        [(_, first), ..] => match first.kind() {
            Kind::Run(kind) => kind,
            // Options are refused before anything is written, and no program is run.
            Kind::Usage => ErrorKind::Local,
            Kind::Rotation(_) | Kind::RotationBusy | Kind::Stopped(_) => ErrorKind::Local,
            Kind::ProgramNotExecutable | Kind::ProgramNotFound => ErrorKind::Local,
        },
    };
    for (role, error) in failed {
        let error = match role.and_then(|role| plan.roles[role].name.as_deref()) {
            Some(role) => error.of_role(role),
            None => error,
        };
        let failure = match plan.error_format {
            ErrorFormat::Json => Failure::new(&error, ErrorFormat::Json),
            ErrorFormat::Text => Failure::logged(&error, plan.log_format(), now),
        };
        app.report(&failure.report);
    }
    let (count, total) = (plan.roles.len() - written.len(), plan.roles.len());
    Err(RunError::ProfilesNotWritten { count, total, kind }.into())
}

/// Writes the profiles of the roles: checks the file, makes the sessions one after the other, as each may
/// ask for a password, and writes all that there are.
async fn once(
    roles: &[Role<ProfilePlan>],
    (others, ports, deadline): (&[SessionClient<'_>], &Ports, Deadline),
    file: &dyn SharedCredentialsFile,
) -> Outcomes {
    let (clock, timer) = (&*ports.clock, &*ports.timer);
    let mut outcomes = Outcomes::default();
    let mut checked = Vec::new();
    for (at, role) in roles.iter().enumerate() {
        let update = &role.plan.update;
        match update.check(file, clock, timer).await {
            Ok(()) => checked.push((at, &role.plan)),
            Err(error) => {
                let is_of_profile = error.is_of_profile();
                outcomes.failed.push((is_of_profile.then_some(at), update.failed(error)));
                if !is_of_profile {
                    return outcomes;
                }
            }
        }
    }
    let mut fetched = Vec::new();
    for (at, plan) in checked {
        let fetch = async |ports: &Ports, deadline: Deadline| fetch(plan, ports, deadline).await;
        let outcome = match at.checked_sub(1).and_then(|at| others.get(at)) {
            None => fetch(ports, deadline).await,
            Some(client) => client.run_beside(fetch).await,
        };
        match outcome {
            Ok(credentials) => fetched.push((at, &plan.update, credentials)),
            Err(error) => outcomes.failed.push((Some(at), plan.session.with_origins(error))),
        }
    }
    let is_only = roles.len() == 1;
    let edits = fetched.into_iter().map(|(role, update, (credentials, written))| ProfileEdit {
        role,
        update,
        credentials,
        written,
        is_only,
        refused: None,
    });
    write_all(edits.collect(), file, (clock, timer), &mut outcomes).await;
    outcomes
}

/// Makes the session of a profile, and reads the key of its secret if it gets one.
async fn fetch(
    ProfilePlan { session, update }: &ProfilePlan,
    ports: &Ports,
    deadline: Deadline,
) -> Result<(ProfileCredentials, WrittenCredentials), Error> {
    let provider = &session.provider;
    let session = provider.fetch(0, ports, deadline).await?;
    let Some(secret) = &update.from_secret else {
        let credentials = &session.credentials;
        let written = WrittenCredentials::Session { expiration: credentials.expiration };
        return Ok((credentials.into(), written));
    };
    let found = secret.read(provider, &session, ports, deadline).await?;
    let written = WrittenCredentials::AccessKey {
        id: found.shown_id(),
        secret: secret.id.shown(),
        expiration: found.expiration,
    };
    Ok(((&found).into(), written))
}

/// Writes the profiles, and adds what became of them.
async fn write_all(
    mut edits: Vec<ProfileEdit<'_>>,
    file: &dyn SharedCredentialsFile,
    (clock, timer): (&dyn Clock, &dyn Timer),
    outcomes: &mut Outcomes,
) {
    let Some(first) = edits.first().map(|edit| edit.update) else { return };
    let (written, unfinished) = match write(first, &mut edits, file, (clock, timer)).await {
        Ok(written) => written,
        Err(error) => return outcomes.failed.push((None, error)),
    };
    for ProfileEdit { role, update, written: credentials, refused, .. } in edits {
        if let Some(source) = refused {
            let error = ProfileFileError::Text { path: update.file.clone(), source };
            outcomes.failed.push((Some(role), update.failed(error)));
            continue;
        }
        let mut warnings = update.warnings(file);
        warnings.extend(unfinished.map(FileWarning::Unfinished));
        outcomes.written.push((role, UpdateOutcome { written, credentials, warnings }));
    }
}

/// A profile that is written once.
struct ProfileEdit<'a> {
    /// The index of its role.
    role: usize,
    update: &'a Update,
    credentials: ProfileCredentials,
    written: WrittenCredentials,
    is_only: bool,
    /// Why it was left as it is, beside other profiles.
    refused: Option<ProfileError>,
}

/// Writes the profiles, then watches the file until the concurrent writes of other programs are in it
/// too. Returns a program that may still write to the replaced file, if there is one.
async fn write(
    plan: &Update,
    edits: &mut [ProfileEdit<'_>],
    file: &dyn SharedCredentialsFile,
    (clock, timer): (&dyn Clock, &dyn Timer),
) -> Result<(WriteMethod, Option<NotSettled>), Error> {
    let mut reconciler = Reconciler::new(file, &plan.file);
    let mut watch = SettleWatch::default();
    let mut written = WriteMethod::Unchanged;
    loop {
        let now = clock.uptime();
        // `--force` covers a long-lived key that is there now, not one that appears later.
        let force = plan.force && watch.written.is_none();
        let step = reconciler.advance(&mut |text| edit_all(text, edits, force), now);
        let step = step.map_err(|error| plan.failed(error))?;
        if let ReconcileStep::Written(how) = step {
            written = how;
        }
        let is_unfinished = now < reconciler.unfinished_until();
        match watch.after(step, now, is_unfinished, || reconciler.writer()) {
            NextAction::Wait => timer.sleep(POLL_INTERVAL).await,
            NextAction::End(unfinished) => return Ok((written, unfinished)),
            NextAction::GiveUp(source) => {
                let path = plan.file.clone();
                return Err(plan.failed(ProfileFileError::NotSettled { path, source }));
            }
        }
    }
}

/// Returns the text with all credentials in their profiles. A profile that must not be written keeps no
/// other one from being written.
fn edit_all(
    text: &[u8],
    edits: &mut [ProfileEdit<'_>],
    force: bool,
) -> Result<SecretBytes, ProfileError> {
    let mut edited = SecretBytes::new(text.to_vec());
    for edit in edits {
        edit.refused = None;
        match edit.update.edit(edited.expose(), &edit.credentials, force) {
            Ok(text) => edited = text,
            Err(error @ ProfileError::LongLived(_)) if !edit.is_only => edit.refused = Some(error),
            Err(error) => return Err(error),
        }
    }
    Ok(edited)
}
