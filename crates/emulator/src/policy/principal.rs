//! The caller of a request, and the `Principal` element of a policy.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>

/// The caller of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Principal {
    /// A service of AWS, such as `rolesanywhere.amazonaws.com`.
    Service(String),
    /// A session of a role.
    AssumedRole {
        /// The account of the role.
        account: String,
        /// `arn:aws:iam::ACCOUNT:role/PATH/NAME`, with the path.
        role_arn: String,
        /// `arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION`, without the path.
        session_arn: String,
    },
    /// An IAM user.
    User {
        account: String,
        /// `arn:aws:iam::ACCOUNT:user/PATH/NAME`
        arn: String,
        name: String,
    },
}

impl Principal {
    /// Returns the account of the caller; a service has none.
    pub(crate) fn account(&self) -> Option<&str> {
        match self {
            Self::Service(_) => None,
            Self::AssumedRole { account, .. } | Self::User { account, .. } => Some(account),
        }
    }

    /// Returns the name that AWS's messages have behind `User:`.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Service(name) => name,
            Self::AssumedRole { session_arn, .. } => session_arn,
            Self::User { arn, .. } => arn,
        }
    }
}

/// One entry of a `Principal` element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PrincipalPattern {
    /// `"*"`
    Anyone,
    /// An account, by its number or by the ARN of its root.
    Account(String),
    /// A role, a user or a session, by ARN.
    Arn(String),
    Service(String),
    /// `Federated`, `CanonicalUser`: no caller of this emulator is one.
    Foreign,
}

/// The way an entry names a caller. A later variant grants more than the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NamedAs {
    /// By the account, which leaves it to the account's own policies.
    Account,
    /// By the role, whose sessions a session policy still limits.
    Role,
    /// By the caller itself, or as anyone.
    Caller,
}

impl PrincipalPattern {
    /// Returns how the entry names a caller, if it does.
    pub(super) fn names(&self, principal: &Principal) -> Option<NamedAs> {
        match (self, principal) {
            (Self::Anyone, _) => Some(NamedAs::Caller),
            (Self::Service(name), Principal::Service(caller)) if name == caller => {
                Some(NamedAs::Caller)
            }
            (Self::Account(account), _) if principal.account() == Some(account) => {
                Some(NamedAs::Account)
            }
            (Self::Arn(arn), Principal::AssumedRole { role_arn, .. }) if arn == role_arn => {
                Some(NamedAs::Role)
            }
            (Self::Arn(arn), Principal::AssumedRole { session_arn, .. }) if arn == session_arn => {
                Some(NamedAs::Caller)
            }
            (Self::Arn(arn), Principal::User { arn: caller, .. }) if arn == caller => {
                Some(NamedAs::Caller)
            }
            _ => None,
        }
    }
}

/// Returns whether `NotPrincipal` leaves a caller out.
///
/// IAM asks for a caller's account beside the caller itself: "Otherwise, the policy might deny
/// access to the entire account containing the principal". Here it always does.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html>
pub(super) fn exempt(entries: &[PrincipalPattern], principal: &Principal) -> bool {
    let named: Vec<NamedAs> = entries.iter().filter_map(|entry| entry.names(principal)).collect();
    let by_name = named.iter().any(|named| *named > NamedAs::Account);
    let whole =
        matches!(principal, Principal::Service(_)) || entries.contains(&PrincipalPattern::Anyone);
    by_name && (whole || named.contains(&NamedAs::Account))
}
