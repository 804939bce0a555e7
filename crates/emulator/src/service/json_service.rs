//! The services that speak AWS JSON 1.1: by the prefix of their targets.

use serde_json::Value;

use crate::account::Resources;
use crate::json_call::JsonCall;
use crate::refusal::Refusal;
use crate::{parameters, secrets};

/// A service that speaks AWS JSON 1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JsonService {
    SecretsManager,
    ParameterStore,
}

impl JsonService {
    pub(super) const ALL: [Self; 2] = [Self::SecretsManager, Self::ParameterStore];

    /// Returns what `X-Amz-Target` has before the operation.
    pub(super) const fn target_prefix(self) -> &'static str {
        match self {
            Self::SecretsManager => "secretsmanager.",
            Self::ParameterStore => "AmazonSSM.",
        }
    }

    /// Returns the name that requests are signed for.
    pub(super) const fn signing_name(self) -> &'static str {
        match self {
            Self::SecretsManager => "secretsmanager",
            Self::ParameterStore => "ssm",
        }
    }

    /// Returns the names of the operations.
    pub(super) fn operations(self) -> Vec<&'static str> {
        match self {
            Self::SecretsManager => secrets::operations().collect(),
            Self::ParameterStore => parameters::operations().collect(),
        }
    }

    /// Performs an operation.
    pub(super) fn perform(
        self,
        resources: &mut Resources,
        operation: &str,
        call: &JsonCall<'_>,
    ) -> Result<Value, Refusal> {
        match self {
            Self::SecretsManager => secrets::perform(resources, operation, call),
            Self::ParameterStore => parameters::perform(resources, operation, call),
        }
    }
}
