//! The causes of refusals, as data: facts, without wording and without advice.

mod access_key;
mod secret_change;

use crate::arn::{ProfileArn, RoleArn, TrustAnchorArn};
use crate::aws::create_session::SessionDuration;
use crate::aws::get_secret_value::SecretId;
use crate::aws::json_protocol::JsonOperation;
use crate::aws::parameter::ParameterId;
use crate::region::Region;
use crate::time::Timestamp;
use crate::x509::requirements::Violation;
use crate::x509::{DistinguishedName, LeftOut};
pub use access_key::{AccessKeyCause, KeyCaller};
pub use secret_change::SecretChangeCause;

/// A likely cause of a refusal, or a fact that helps to find it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Cause {
    /// AWS limits how often it is called.
    Throttled,
    /// Another server than AWS answered: the response has no error code.
    AnotherServer,
    /// The service failed.
    ServiceFailure,
    /// This machine's clock and AWS's differ by more than a minute.
    ClockOffset {
        /// The seconds that this machine's clock is behind; negative if it is ahead.
        seconds_behind: i64,
        /// The time of this machine.
        local: Timestamp,
        /// The time of AWS.
        aws: Timestamp,
    },
    /// A proxy changed the request, or the endpoint is in another Region than the signature.
    AlteredRequest {
        /// The Region of the signature.
        region: Region,
        /// The result of comparing the clocks.
        clocks: ClockComparison,
    },
    /// The request breaks a rule of the service, which AWS's message names.
    InvalidRequest,
    /// The certificate, or its chain.
    Certificate(CertificateCause),
    /// The trust anchor, the profile or the role.
    Configuration(ConfigurationCause),
    /// The secret, or the permission for it.
    Secret(SecretCause),
    /// The secret, or a process that changed it at the same time.
    SecretChange(SecretChangeCause),
    /// The parameter, or the permission to read it.
    Parameter(ParameterCause),
    /// The service of a call does not accept the session.
    SessionNotAccepted {
        /// The Region of the session.
        session: Region,
        /// The Region of the call.
        call: Region,
    },
    /// The role of a hop, or the permission to assume it.
    Hop(HopCause),
    /// The access key of a user, or the permission for it.
    AccessKey(AccessKeyCause),
    /// AWS's message is not known here.
    Unknown,
}

impl Cause {
    /// Returns whether a refusal may have another reason than the certificate, the trust anchor, the profile
    /// and the role: this machine's clock, a proxy, an expired certificate or session, or AWS itself.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Throttled
            | Self::ServiceFailure
            | Self::AnotherServer
            | Self::AlteredRequest { .. }
            | Self::ClockOffset { .. }
            | Self::SessionNotAccepted { .. }
            | Self::Hop(HopCause::SessionNotAccepted { .. })
            | Self::Certificate(CertificateCause::IntermediateOutOfDate { .. }) => true,
            Self::InvalidRequest
            | Self::Certificate(_)
            | Self::Configuration(_)
            | Self::Secret(_)
            | Self::SecretChange(_)
            | Self::Parameter(_)
            | Self::AccessKey(_)
            | Self::Hop(_)
            | Self::Unknown => false,
        }
    }
}

/// A cause in the certificate or its chain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CertificateCause {
    /// The certificate is on a certificate revocation list.
    Revoked {
        /// The serial number of the certificate, in decimal.
        serial: String,
        /// The trust anchor that the list was imported for.
        trust_anchor: TrustAnchorArn,
    },
    /// The certificate does not meet requirements of the service; at least one.
    Violations(Vec<Violation>),
    /// The certificate meets all documented requirements, so a CA above it may not.
    NoViolation,
    /// An intermediate that was sent is not a CA for AWS.
    NotACa {
        /// The subject of the intermediate.
        subject: DistinguishedName,
        /// What it lacks.
        lacks: CaExtensions,
    },
    /// An intermediate that was sent is not valid at the time of the response.
    IntermediateOutOfDate {
        /// Its subject.
        subject: DistinguishedName,
        /// Start of its validity (inclusive).
        not_before: Timestamp,
        /// End of its validity (inclusive).
        not_after: Timestamp,
    },
    /// The issuer of the certificate is not among the given certificates.
    IssuerNotGiven {
        /// The issuer.
        issuer: DistinguishedName,
        /// The trust anchor, whose certificate would have to be the issuer's.
        trust_anchor: TrustAnchorArn,
    },
    /// The certificates that were sent lead to CAs of which none is the trust anchor.
    PathEnds {
        /// The number of intermediates that were sent.
        sent: usize,
        /// The CAs at which the paths end; at least one, each once.
        issuers: Vec<DistinguishedName>,
        /// The trust anchor.
        trust_anchor: TrustAnchorArn,
    },
    /// The given certificates that were sent with the certificate and those that were left out; at
    /// least one.
    ChainSent {
        /// The subjects of the intermediates that were sent.
        sent: Vec<DistinguishedName>,
        /// The subjects of the others.
        left_out: Vec<(DistinguishedName, LeftOut)>,
    },
}

/// A cause in the trust anchor, the profile or the role.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ConfigurationCause {
    /// Trust anchor, profile and role are in different accounts.
    ///
    /// AWS may allow it one day, so no request is refused for it here.
    DifferentAccounts {
        /// The account of the trust anchor.
        trust_anchor: String,
        /// The account of the profile.
        profile: String,
        /// The account of the role.
        role: String,
    },
    /// The trust anchor does not exist.
    NoSuchTrustAnchor {
        /// The trust anchor.
        trust_anchor: TrustAnchorArn,
        /// The Region of the request.
        region: Region,
    },
    /// The trust anchor is disabled.
    TrustAnchorDisabled(TrustAnchorArn),
    /// The profile does not exist.
    NoSuchProfile {
        /// The profile.
        profile: ProfileArn,
        /// The Region of the request.
        region: Region,
    },
    /// The profile is disabled.
    ProfileDisabled(ProfileArn),
    /// The profile does not list the role.
    RoleNotInProfile {
        /// The role.
        role: RoleArn,
        /// The profile.
        profile: ProfileArn,
        /// The Region of the profile.
        region: Region,
    },
    /// The profile accepts no session name.
    SessionNameNotAccepted(ProfileArn),
    /// The requested lifetime is longer than the role allows.
    DurationTooLong {
        /// The requested lifetime.
        requested: SessionDuration,
        /// The role.
        role: RoleArn,
    },
    /// The role's trust policy does not allow the session.
    TrustPolicy {
        /// The role.
        role: RoleArn,
        /// The trust anchor, which a condition may name.
        trust_anchor: TrustAnchorArn,
        /// The session tag `x509Subject/CN`, which a condition may name, if the session has it.
        common_name: Option<String>,
    },
    /// The attributes that AWS's message names have characters that no session tag may have.
    UnmappedAttributes,
    /// Trust anchor, profile or role does not exist; AWS does not say which.
    NoSuchResource {
        /// The Region of the request.
        region: Region,
    },
}

/// A cause in the secret or the permission to read or write it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SecretCause {
    /// The secret does not exist.
    NoSuchSecret {
        /// The secret.
        secret: SecretId,
        /// The Region of the request.
        region: Region,
        /// The account that was searched.
        account: String,
    },
    /// The secret has no such version, or does not exist.
    NoSuchVersion {
        /// The secret.
        secret: SecretId,
        /// The Region of the request.
        region: Region,
    },
    /// A policy does not allow the role an operation on the secret.
    Denied {
        /// What is not allowed.
        operation: JsonOperation,
        /// The role.
        role: RoleArn,
        /// The secret.
        secret: SecretId,
        /// The Region of the request.
        region: Region,
    },
    /// A policy does not allow the role an operation that is of no secret: to list them, to read
    /// several at once, or to make a password.
    OperationDenied {
        /// The operation.
        operation: JsonOperation,
        /// The role.
        role: RoleArn,
    },
    /// The role may not use the KMS key of the secret, or the key is disabled.
    KmsKeyDenied {
        /// For what.
        operation: JsonOperation,
        /// The role.
        role: RoleArn,
        /// The secret.
        secret: SecretId,
        /// The ARN of the key, if AWS's message has it.
        key: Option<String>,
    },
    /// The secret is scheduled for deletion.
    ScheduledForDeletion {
        /// The secret.
        secret: SecretId,
        /// The Region of the request.
        region: Region,
    },
    /// The secret is in rotation, or has no value yet.
    NotReadable,
    /// The id and the staging label are of different versions.
    VersionsDiffer,
}

/// A cause in a parameter or the permission to read it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ParameterCause {
    /// The parameter does not exist.
    NoSuchParameter {
        /// The parameter.
        parameter: ParameterId,
        /// The Region of the request.
        region: Region,
        /// The account that was searched.
        account: String,
    },
    /// The parameter has no such version.
    NoSuchVersion {
        /// The parameter.
        parameter: ParameterId,
        /// The Region of the request.
        region: Region,
    },
    /// A policy does not allow the role to read a parameter or a path.
    Denied {
        /// The operation.
        operation: JsonOperation,
        /// The role.
        role: RoleArn,
        /// The ARNs of what was requested; one, if AWS's message names it.
        resources: Vec<String>,
        /// Whether a parameter that was requested refers to a secret of Secrets Manager.
        of_secret: bool,
    },
    /// The role may not use the KMS key of a parameter, or the key is disabled or deleted.
    KmsKeyDenied {
        /// The role.
        role: RoleArn,
        /// The parameter; `None` if it is one of several.
        parameter: Option<ParameterId>,
        /// The ARN of the key, if AWS's message has it.
        key: Option<String>,
    },
}

/// A cause in the role of a hop, or the permission to assume it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HopCause {
    /// No policy allows it, a condition does not match, or the role does not exist; AWS does not say
    /// which.
    Denied {
        /// What is not allowed.
        action: DeniedAction,
        /// The role.
        role: RoleArn,
        /// The role of the session that assumes it.
        caller: RoleArn,
        /// Whether the request has an external id.
        has_external_id: bool,
    },
    /// The requested lifetime is longer than the role allows.
    DurationTooLong {
        /// The role.
        role: RoleArn,
        /// The requested seconds.
        seconds: u32,
    },
    /// A tag of the request has the key of one that the session before passes on.
    InheritedTag,
    /// AWS does not accept the session policy, or it is too large together with the tags.
    Policy,
    /// STS is not active in the Region for the account of the role.
    RegionDisabled {
        /// The Region.
        region: Region,
        /// The account.
        account: String,
    },
    /// AWS does not accept the session before the hop.
    SessionNotAccepted {
        /// The role of that session.
        caller: RoleArn,
    },
}

/// An action that a hop needs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DeniedAction {
    /// `sts:AssumeRole`.
    AssumeRole,
    /// `sts:SetSourceIdentity`, as Roles Anywhere sets a source identity.
    SetSourceIdentity,
    /// `sts:TagSession`, for tags of the request and for inherited ones.
    TagSession,
}

impl DeniedAction {
    /// Returns the action as policies name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AssumeRole => "sts:AssumeRole",
            Self::SetSourceIdentity => "sts:SetSourceIdentity",
            Self::TagSession => "sts:TagSession",
        }
    }
}

/// The result of comparing this machine's clock with AWS's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ClockComparison {
    /// They agree to a minute.
    Agree,
    /// They differ by more than a minute, which another cause reports.
    Differ,
    /// The response has no date.
    NotPossible,
}

/// The extensions that AWS requires of a CA.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CaExtensions {
    /// `basicConstraints` with `CA:TRUE`.
    BasicConstraints,
    /// `keyUsage` with `keyCertSign`.
    KeyCertSign,
    /// Both.
    Both,
}
