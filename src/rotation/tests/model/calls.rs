//! What the account answers.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{ARN, Account, Interruption, Key, Process, USER, key};
use crate::output::error::Error;
use crate::output::log::Field;
use crate::output::log::events::LogEvent;
use crate::output::rotation::{CommandFailure, RotationError, StopSignal};
use crate::rotation::calls::{FailureKind, IamUser, RotationCallError, RotationCalls, RunCommand};
use roles_anywhere_client::aws::get_access_key_last_used::LastUsed;
use roles_anywhere_client::aws::get_caller_identity::CallerIdentity;
use roles_anywhere_client::aws::get_random_password::PasswordRules;
use roles_anywhere_client::aws::get_secret_value::{SecretValue, SecretVersion};
use roles_anywhere_client::aws::list_access_keys::{AccessKeyMetadata, KeyStatus};
use roles_anywhere_client::aws::secret_description::SecretDescription;
use roles_anywhere_client::credentials::AccessKey;
use roles_anywhere_client::secret::{Secret, SecretBytes};
use roles_anywhere_client::time::Timestamp;

fn metadata(key: &Key) -> AccessKeyMetadata {
    AccessKeyMetadata {
        id: key.id.clone(),
        status: if key.is_active { KeyStatus::Active } else { KeyStatus::Inactive },
        created: Timestamp::from_unix(key.created),
    }
}

/// Refuses what IAM would refuse: a caller whose key it does not accept, a session that names no user.
fn authorize(account: &Account, user: IamUser<'_>) -> Result<(), FailureKind> {
    match user.caller {
        None if user.name == Some(USER) => Ok(()),
        None => Err(FailureKind::NotFound),
        Some(caller) => {
            let is_accepted = |key: &&Key| {
                key.id == caller.id && key.secret == caller.secret.expose() && key.is_active
            };
            let found = account.keys.iter().find(is_accepted);
            found.map(drop).ok_or(FailureKind::KeyNotAccepted)
        }
    }
}

impl RotationCalls for Process<'_> {
    fn now(&self) -> Timestamp {
        let account = self.account.borrow();
        Timestamp::from_unix(account.now + account.clock_error)
    }

    fn random(&self) -> u64 {
        let mut account = self.account.borrow_mut();
        account.numbers += 1;
        account.numbers.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    async fn sleep(&self, duration: Duration) {
        self.account.borrow_mut().now += i64::try_from(duration.as_secs()).unwrap();
    }

    fn stop_signal(&self) -> Option<StopSignal> {
        match self.interruption {
            Interruption::Stop(when) if self.calls.get() >= when => Some(StopSignal::Terminate),
            _ => None,
        }
    }

    fn report(&self, event: &'static LogEvent, _: &[Field<'_>]) {
        self.account.borrow_mut().events.push(event.name.to_owned());
    }

    async fn describe(&self) -> Result<SecretDescription, RotationCallError> {
        self.call(|account| {
            let mut stages: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for (label, version) in &account.labels {
                stages.entry(version).or_default().push(label);
            }
            let json = serde_json::json!({
                "ARN": ARN,
                "Name": "prod/key",
                "RotationEnabled": account.rotation_enabled,
                "VersionIdsToStages": stages,
            });
            Ok(serde_json::from_value(json).unwrap())
        })
        .await
    }

    async fn version(&self, id: &str) -> Result<SecretVersion, RotationCallError> {
        self.call(|account| {
            let (text, created) = account.versions.get(id).ok_or(FailureKind::NotFound)?;
            Ok(SecretVersion {
                arn: ARN.to_owned(),
                name: "prod/key".to_owned(),
                version_id: Some(id.to_owned()),
                version_stages: Vec::new(),
                created: Some(created * 1_000_000),
                value: SecretValue::Text(Secret::new(text.clone())),
            })
        })
        .await
    }

    async fn put(
        &self,
        id: &str,
        value: &SecretValue,
        label: &str,
    ) -> Result<(), RotationCallError> {
        self.change(|account| {
            let SecretValue::Text(text) = value else { return Err(FailureKind::Other) };
            let now = account.now;
            let stored = account.versions.entry(id.to_owned());
            let stored = stored.or_insert_with(|| (text.expose().to_owned(), now));
            if stored.0 != text.expose() {
                return Err(FailureKind::Other);
            }
            account.labels.insert(label.to_owned(), id.to_owned());
            if text.expose().contains("keys_before") {
                account.made_values += 1;
            }
            Ok(())
        })
        .await
    }

    async fn move_label(
        &self,
        label: &str,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<(), RotationCallError> {
        self.change(|account| {
            if account.labels.get(label).map(String::as_str) != from {
                return Err(FailureKind::LabelElsewhere);
            }
            if to.is_some_and(|to| !account.versions.contains_key(to)) {
                return Err(FailureKind::NotFound);
            }
            match to {
                Some(to) => account.labels.insert(label.to_owned(), to.to_owned()),
                None => account.labels.remove(label),
            };
            if let (true, Some(from)) = (label == "AWSCURRENT", from) {
                account.labels.insert("AWSPREVIOUS".to_owned(), from.to_owned());
            }
            Ok(())
        })
        .await
    }

    async fn random_password(&self, _: &PasswordRules) -> Result<Secret, RotationCallError> {
        self.change(|account| {
            account.numbers += 1;
            account.made_values += 1;
            Ok(Secret::new(format!("password-{}", account.numbers)))
        })
        .await
    }

    async fn list_access_keys(
        &self,
        user: IamUser<'_>,
    ) -> Result<Vec<AccessKeyMetadata>, RotationCallError> {
        self.call(|account| {
            authorize(account, user)?;
            Ok(account.keys.iter().map(metadata).collect())
        })
        .await
    }

    async fn create_access_key(&self, user: IamUser<'_>) -> Result<AccessKey, RotationCallError> {
        self.change(|account| {
            authorize(account, user)?;
            if account.is_create_denied {
                return Err(FailureKind::Refused);
            }
            if account.keys.len() == 2 {
                return Err(FailureKind::TooManyKeys);
            }
            account.created_keys += 1;
            account.made_values += 1;
            let new = key(account.created_keys, account.now);
            account.keys.push(new.clone());
            let secret = Secret::new(new.secret);
            Ok(AccessKey { id: new.id, secret, session_token: None })
        })
        .await
    }

    async fn deactivate_access_key(
        &self,
        user: IamUser<'_>,
        id: &str,
    ) -> Result<(), RotationCallError> {
        self.change(|account| {
            authorize(account, user)?;
            let key = account.keys.iter_mut().find(|key| key.id == id);
            key.ok_or(FailureKind::NotFound)?.is_active = false;
            Ok(())
        })
        .await
    }

    async fn delete_access_key(
        &self,
        user: IamUser<'_>,
        id: &str,
    ) -> Result<(), RotationCallError> {
        self.change(|account| {
            authorize(account, user)?;
            let count = account.keys.len();
            account.keys.retain(|key| key.id != id);
            if account.keys.len() == count { Err(FailureKind::NotFound) } else { Ok(()) }
        })
        .await
    }

    async fn last_used(&self, user: IamUser<'_>, id: &str) -> Result<LastUsed, RotationCallError> {
        self.call(|account| {
            if user.caller.is_some() {
                authorize(account, user)?;
            }
            let key = account.keys.iter().find(|key| key.id == id);
            let last_used = key.ok_or(FailureKind::NotFound)?.last_used;
            let last_used = last_used.map(Timestamp::from_unix);
            Ok(LastUsed { user_name: Some(USER.to_owned()), last_used })
        })
        .await
    }

    async fn caller_identity(&self, key: &AccessKey) -> Result<CallerIdentity, RotationCallError> {
        self.call(|account| {
            let caller = IamUser { caller: Some(key), name: None };
            authorize(account, caller)?;
            let found = account.keys.iter().find(|it| it.id == key.id).unwrap();
            if found.created + account.propagation > account.now || account.is_test_failing {
                return Err(FailureKind::KeyNotAccepted);
            }
            Ok(CallerIdentity {
                account: "123456789012".to_owned(),
                arn: format!("arn:aws:iam::123456789012:user/{USER}"),
                user_id: "AIDA".to_owned(),
            })
        })
        .await
    }

    async fn run_command(&self, command: &RunCommand<'_>) -> Result<SecretBytes, Error> {
        let input: serde_json::Value = serde_json::from_slice(command.input.expose()).unwrap();
        let outcome = self.change(|account| match command.option {
            "--create" => {
                account.numbers += 1;
                account.made_values += 1;
                Ok(format!("{{\"password\":\"created-{}\"}}\n", account.numbers))
            }
            "--set" => {
                account.database.push(input["pending"]["password"].as_str().unwrap().to_owned());
                Ok(String::new())
            }
            _ => {
                let password = input["pending"]["password"].as_str();
                let works = account.database.last().map(String::as_str) == password;
                let works = works && !account.is_test_failing;
                if works { Ok(String::new()) } else { Err(FailureKind::Other) }
            }
        });
        let refused = |_| {
            let (option, failure) = (command.option, CommandFailure::Exit(1));
            Error::from(RotationError::Command { option, failure })
        };
        let output = outcome.await.map_err(refused)?;
        Ok(SecretBytes::new(output.into_bytes()))
    }
}
