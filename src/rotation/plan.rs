//! What a run would do, and what policies have to allow for it. Nothing is changed.

use super::access_keys::{self, Due, ReplacedKey};
use super::calls::RotationCalls;
use super::decision::retire::named;
use super::decision::{NextStep, next_step};
use super::reading::read;
use super::run::Run;
use super::snapshot::Snapshot;
use super::value::KeyInSecret;
use super::{AccessKeyRotation, Creation, Goal, IamWith, Password, RotationSettings, Strategy};
use crate::output::error::Error;
use crate::output::rotation::{Ending, PlannedStep, RotationStep, plan};

/// Returns what [`super::rotate`] would do with a secret, in words.
pub async fn dry_run(
    calls: &impl RotationCalls,
    settings: &RotationSettings,
) -> Result<String, Error> {
    let mut run = Run::start(calls, settings);
    let mut snapshot = read(calls, &mut run).await?;
    let due = due_keys(&snapshot, settings);
    let mut steps: Vec<PlannedStep> = due.iter().filter_map(retirement).collect();
    // It is decided as if what is due for old keys was done.
    if let Some(keys) = &mut snapshot.keys {
        keys.keys.retain(|key| !due.contains(&(key.id.clone(), Due::Delete)));
        run.memory.retired = keys.keys.iter().map(|key| key.id.clone()).collect();
    }
    if let Some((_, record)) = snapshot.record() {
        run.memory.retired.extend(named(&snapshot, record).into_iter().map(str::to_owned));
    }
    let step = next_step(&snapshot, &run)
        .map_err(|error| Error::from(error).of_rotation(run.first_step(), &settings.secret))?;
    steps.extend(planned(&step, begin(&snapshot), settings));
    let strategy = settings.strategy.as_ref().map(Strategy::name);
    Ok(plan(&settings.secret, strategy, &steps, &actions(&snapshot, settings)))
}

/// Returns what a run finds that begins.
fn begin(snapshot: &Snapshot) -> Begin {
    let Some(active) = snapshot.active() else { return Begin::NoRotation };
    match snapshot.has_value_of(active.document) {
        true => Begin::Stored,
        false => Begin::Interrupted,
    }
}

/// What a run finds that begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Begin {
    /// No rotation.
    NoRotation,
    /// An interrupted rotation that has stored no value.
    Interrupted,
    /// An interrupted rotation that has stored its value.
    Stored,
}

/// Returns what is due for the old keys. A run that continues a rotation, or aborts one, leaves them to the next.
fn due_keys(snapshot: &Snapshot, settings: &RotationSettings) -> Vec<(String, Due)> {
    let (Some(Strategy::IamAccessKey(rotation)), Some(keys), None, Goal::Rotate) =
        (&settings.strategy, &snapshot.keys, snapshot.active(), settings.goal)
    else {
        return Vec::new();
    };
    let old = access_keys::replaced_keys(snapshot, keys);
    let due = |old: &ReplacedKey<'_>| old.due(snapshot.now, rotation.keep_old);
    old.iter().map(|old| (old.key.id.clone(), due(old))).collect()
}

/// Returns what is done with an old key, in words.
fn retirement((id, due): &(String, Due)) -> Option<PlannedStep> {
    let words = match due {
        Due::Record => format!("note the time for the access key {id}"),
        Due::Deactivate => format!("deactivate the access key {id}"),
        Due::Delete => format!("delete the access key {id}"),
        Due::Nothing(_) => return None,
    };
    Some((RotationStep::Retire, words))
}

/// Returns the steps from the one that comes next.
fn planned(step: &NextStep, begin: Begin, settings: &RotationSettings) -> Vec<PlannedStep> {
    let mut steps: Vec<PlannedStep> = Vec::new();
    let mut add = |step, words: &str| steps.push((step, words.to_owned()));
    match step {
        NextStep::End(Ending::HeldBack { due, .. }) => {
            add(RotationStep::Claim, &format!("nothing before {due}"));
        }
        NextStep::End(_) => {}
        NextStep::Release { why: RotationStep::Finish, .. } | NextStep::RemoveNewLabel { .. } => {
            add(RotationStep::Finish, "tidy up after an interrupted run that has rotated it");
        }
        NextStep::Release { .. } => add(RotationStep::Abort, "take AWSPENDING off its version"),
        NextStep::Claim { document, .. } | NextStep::Record { document, .. }
            if document.is_aborted =>
        {
            add(RotationStep::Abort, "delete what the pending version holds, and remove it");
        }
        _ => {
            match begin {
                Begin::NoRotation => {
                    add(RotationStep::Claim, "put AWSPENDING on a version of this run");
                }
                Begin::Interrupted | Begin::Stored => {
                    add(RotationStep::Claim, "continue the interrupted rotation");
                }
            }
            if let Some(strategy) = &settings.strategy {
                of_strategy(strategy, begin, &mut add);
            }
            add(RotationStep::Finish, "move AWSCURRENT to the pending version");
            if let Some(Strategy::IamAccessKey(AccessKeyRotation { keep_old, .. })) =
                &settings.strategy
            {
                let hours = keep_old.as_secs() / 3_600;
                let later = format!(
                    "later runs: deactivate the old key after {hours} h, delete it after {hours} h more"
                );
                add(RotationStep::Retire, &later);
            }
        }
    }
    steps
}

fn of_strategy(strategy: &Strategy, begin: Begin, add: &mut impl FnMut(RotationStep, &str)) {
    let of_password = |Password { key, .. }: &Password| match key {
        Some(_) => "make a random password for the member of `--key`",
        None => "make a random password, which replaces the whole secret",
    };
    let create = match strategy {
        _ if begin == Begin::Stored => "use the value that the interrupted run has stored",
        Strategy::IamAccessKey(_) => "create an access key of the user, and store it",
        Strategy::RandomPassword { password, .. }
        | Strategy::Command { create: Creation::Password(password), .. } => of_password(password),
        Strategy::Command { create: Creation::Command(_), .. } => {
            "run the command of `--create`, and store its output"
        }
    };
    add(RotationStep::Create, create);
    if let Strategy::IamAccessKey(_) = strategy {
        add(RotationStep::Test, "call GetCallerIdentity with it, until AWS accepts it");
    }
    if strategy.commands().is_some() {
        add(RotationStep::Set, "run the command of `--set`");
        add(RotationStep::Test, "run the command of `--test`");
    }
}

/// Returns the actions that policies have to allow, each with its resource.
fn actions(snapshot: &Snapshot, settings: &RotationSettings) -> Vec<(String, String)> {
    let arn = &snapshot.arn;
    let mut actions: Vec<(String, String)> =
        ["DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"]
            .map(|action| (format!("secretsmanager:{action}"), arn.clone()))
            .into();
    if let Some(key) = &snapshot.kms_key {
        actions
            .extend(["kms:Decrypt", "kms:GenerateDataKey"].map(|it| (it.to_owned(), key.clone())));
    }
    match &settings.strategy {
        Some(Strategy::IamAccessKey(rotation)) => {
            let user = user_arn(snapshot, *rotation);
            let of_user = [
                "ListAccessKeys",
                "CreateAccessKey",
                "UpdateAccessKey",
                "DeleteAccessKey",
                "GetAccessKeyLastUsed",
            ];
            actions.extend(of_user.map(|action| (format!("iam:{action}"), user.clone())));
        }
        Some(
            Strategy::RandomPassword { .. }
            | Strategy::Command { create: Creation::Password(_), .. },
        ) => actions.push(("secretsmanager:GetRandomPassword".to_owned(), "*".to_owned())),
        Some(Strategy::Command { .. }) | None => {}
    }
    actions
}

/// Returns the ARN of the user, and who needs the permissions.
fn user_arn(snapshot: &Snapshot, rotation: AccessKeyRotation) -> String {
    let mut parts = snapshot.arn.split(':').skip(1);
    let partition = parts.next().unwrap_or("aws");
    let account = parts.nth(2).unwrap_or("*");
    let named = snapshot.keys.as_ref().and_then(|keys| keys.name.clone());
    let in_secret = || {
        let (_, value, _) = snapshot.current().ok()?;
        KeyInSecret::parse(value).ok()?.user
    };
    let user = named.or_else(in_secret).unwrap_or_else(|| "NAME".to_owned());
    let caller = match rotation.iam_with {
        IamWith::Role => "",
        IamWith::Secret => " (for that user itself)",
    };
    format!("arn:{partition}:iam::{account}:user/{user}{caller}")
}
