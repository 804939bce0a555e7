//! What AWS holds, as data: trust anchors, profiles, roles and secrets, of any account and Region.
//!
//! The constants name what is built in; nothing else here depends on them.

use std::collections::BTreeSet;

use time::OffsetDateTime;

use crate::arn::{Arn, Location};
use crate::pki::{Pki, PkiError};
use crate::secrets::store::Secrets;

/// The Region of what is built in.
pub const REGION: &str = "us-east-1";
/// The account of what is built in.
pub const ACCOUNT: &str = "123456789012";
/// The trust anchor whose certificate is the root, `anchor/root.pem`.
pub const TRUST_ANCHOR_ARN: &str = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555";
/// The trust anchor whose certificate is the intermediate, `anchor/intermediate.pem`.
pub const INTERMEDIATE_ANCHOR_ARN: &str = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/99999999-2222-4333-8444-555555555555";
/// The profile that allows twelve hours and a role session name.
pub const PROFILE_ARN: &str =
    "arn:aws:rolesanywhere:us-east-1:123456789012:profile/66666666-7777-4888-8999-000000000000";
/// The profile that allows fifteen minutes and no role session name.
pub const SHORT_PROFILE_ARN: &str =
    "arn:aws:rolesanywhere:us-east-1:123456789012:profile/77777777-7777-4888-8999-000000000000";
/// The role for everything ordinary.
pub const ROLE_ARN: &str = "arn:aws:iam::123456789012:role/Workload";
/// A role with a path.
pub const DEEP_ROLE_ARN: &str = "arn:aws:iam::123456789012:role/path/Deep";
/// A role whose trust policy does not allow Roles Anywhere.
pub const NO_TRUST_ROLE_ARN: &str = "arn:aws:iam::123456789012:role/NoTrust";
/// A role whose sessions last an hour at most.
pub const SHORT_LIVED_ROLE_ARN: &str = "arn:aws:iam::123456789012:role/ShortLived";
/// A role that may not call Secrets Manager.
pub const NO_SECRETS_ROLE_ARN: &str = "arn:aws:iam::123456789012:role/NoSecrets";

/// Everything that AWS holds.
#[derive(Debug)]
pub(crate) struct Resources {
    /// The account and the Region of what names none.
    pub(crate) home: Location,
    /// The Regions that a request may be signed for.
    pub(crate) regions: BTreeSet<String>,
    pub(crate) trust_anchors: Vec<TrustAnchor>,
    pub(crate) profiles: Vec<Profile>,
    pub(crate) roles: Vec<Role>,
    pub(crate) secrets: Secrets,
}

/// A trust anchor of Roles Anywhere.
#[derive(Debug, Clone)]
pub(crate) struct TrustAnchor {
    pub(crate) arn: Arn,
    pub(crate) enabled: bool,
    /// In DER; a path to any of them will do.
    pub(crate) certificates: Vec<Vec<u8>>,
    /// Imported CRLs, in DER.
    pub(crate) crls: Vec<Vec<u8>>,
}

/// A profile of Roles Anywhere.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub(crate) arn: Arn,
    pub(crate) enabled: bool,
    pub(crate) duration_seconds: u32,
    pub(crate) accept_role_session_name: bool,
    pub(crate) role_arns: Vec<Arn>,
}

/// What a role's policies come to.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) arn: Arn,
    pub(crate) max_session_seconds: u32,
    pub(crate) trusts_roles_anywhere: bool,
    pub(crate) may_read_secrets: bool,
}

impl Resources {
    /// Returns the role of an ARN.
    pub(crate) fn role(&self, arn: &Arn) -> Option<&Role> {
        self.roles.iter().find(|role| role.arn == *arn)
    }

    /// Returns what is built in, with the certificates of a PKI.
    pub(crate) fn built_in(pki: &Pki, now: OffsetDateTime) -> Result<Self, PkiError> {
        let home = Location { account: ACCOUNT.to_owned(), region: REGION.to_owned() };
        let arn = |text: &str| Arn::parse(text).expect("the constants are ARNs");
        let crls = vec![pki.der("anchor/crl.pem")?];
        let anchor = |text: &str, path: &str| {
            let (arn, crls) = (arn(text), crls.clone());
            let certificates = vec![pki.der(path)?];
            Ok::<_, PkiError>(TrustAnchor { arn, enabled: true, certificates, crls })
        };
        let workload = Role {
            arn: arn(ROLE_ARN),
            max_session_seconds: 43_200,
            trusts_roles_anywhere: true,
            may_read_secrets: true,
        };
        let named = |text: &str| Role { arn: arn(text), ..workload.clone() };
        let roles = vec![
            workload.clone(),
            named(DEEP_ROLE_ARN),
            Role { trusts_roles_anywhere: false, ..named(NO_TRUST_ROLE_ARN) },
            Role { max_session_seconds: 3_600, ..named(SHORT_LIVED_ROLE_ARN) },
            Role { may_read_secrets: false, ..named(NO_SECRETS_ROLE_ARN) },
        ];
        let profile = |text: &str, duration_seconds, accept_role_session_name| Profile {
            arn: arn(text),
            enabled: true,
            duration_seconds,
            accept_role_session_name,
            role_arns: roles.iter().map(|role| role.arn.clone()).collect(),
        };
        Ok(Self {
            secrets: Secrets::seeded(&home, now),
            home,
            regions: BTreeSet::from([REGION.to_owned()]),
            trust_anchors: vec![
                anchor(TRUST_ANCHOR_ARN, "anchor/root.pem")?,
                anchor(INTERMEDIATE_ANCHOR_ARN, "anchor/intermediate.pem")?,
            ],
            profiles: vec![
                profile(PROFILE_ARN, 43_200, true),
                profile(SHORT_PROFILE_ARN, 900, false),
            ],
            roles,
        })
    }
}
