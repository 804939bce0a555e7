//! The tests of policies: documents, conditions, decisions, and properties of all of them.

mod conditions;
mod decisions;
mod denials;
mod documents;
mod properties;
mod statements;
mod values;

use super::*;

const ACCOUNT: &str = "123456789012";
const ROLE: &str = "arn:aws:iam::123456789012:role/plant/Workload";
const SESSION: &str = "arn:aws:sts::123456789012:assumed-role/Workload/robot-7";
const USER: &str = "arn:aws:iam::123456789012:user/plant/legacy";
const SECRET: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/db-AbCdEf";
const ACTION: &str = "secretsmanager:GetSecretValue";

/// Returns a session of [`ROLE`].
fn session() -> Principal {
    Principal::AssumedRole {
        account: ACCOUNT.to_owned(),
        role_arn: ROLE.to_owned(),
        session_arn: SESSION.to_owned(),
    }
}

/// Returns the user of [`USER`].
fn user() -> Principal {
    let name = "legacy".to_owned();
    Principal::User { account: ACCOUNT.to_owned(), arn: USER.to_owned(), name }
}

/// Reads a policy of these statements.
fn policy(kind: PolicyKind, statements: &str) -> Policy {
    let json = format!(r#"{{"Version":"2012-10-17","Statement":{statements}}}"#);
    Policy::parse(kind, &json).unwrap_or_else(|errors| panic!("{json}\n{errors}"))
}
