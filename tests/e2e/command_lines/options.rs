//! The options of every command.
//!
//! It is written by hand and imports nothing of the program: a table of options that lost one has to
//! differ from this list.

use super::kind::Kind::{self, *};

/// An option and the kind of its value.
pub(super) type Opt = (&'static str, Kind);

/// The options of an identity.
pub(super) const IDENTITY: &[Opt] = &[
    ("certificate", Certificate),
    ("private-key", PrivateKey),
    ("key-password-file", PasswordFile),
    ("key-password-env", VariableName),
    ("key-password-fd", Descriptor),
    ("pkcs8-password", Password),
    ("strict-permissions", Switch),
];

/// Options of the official helper that do not work yet; no help shows them.
pub(super) const NOT_YET: &[Opt] = &[
    ("cert-selector", Text),
    ("system-store-name", Text),
    ("use-latest-expiring-certificate", Switch),
    ("pkcs11-lib", NewFile),
    ("reuse-pin", Switch),
    ("tpm-key-password", Password),
    ("no-tpm-key-password", Switch),
];

/// The options of a session beside those of its identity.
pub(super) const SESSION: &[Opt] = &[
    ("intermediates", Intermediates),
    ("trust-anchor-arn", TrustAnchor),
    ("profile-arn", Profile),
    ("role-arn", Role),
    ("role-session-name", SessionName),
    ("session-duration", Duration),
    ("region", Region),
    ("endpoint", Url),
    ("no-verify-ssl", Switch),
    ("with-proxy", Switch),
    ("debug", Switch),
    ("ca-bundle", CaBundle),
    ("proxy", Proxy),
    ("timeout", Seconds),
    ("fips", Switch),
    ("dual-stack", Switch),
];

pub(super) const CACHE: &[Opt] = &[("no-cache", Switch), ("cache-dir", Directory)];
pub(super) const CACHE_DIRECTORY: &[Opt] = &[("cache-dir", Directory)];

pub(super) const EXEC: &[Opt] =
    &[("static", Switch), ("keep-aws-files", Switch), ("nested", Switch)];

pub(super) const EXPORT: &[Opt] = &[("format", ExportFormat), ("unset", Switch)];

pub(super) const UPDATE: &[Opt] = &[
    ("profile", ProfileName),
    ("once", Switch),
    ("force", Switch),
    ("quiet", Switch),
    ("credentials-file", NewFile),
    ("fail-fast", Switch),
    ("log-format", LogFormat),
];

pub(super) const SERVE: &[Opt] = &[
    ("port", Port),
    ("listen", Listen),
    ("allow-remote", AllowRemote),
    ("allow-host", Host),
    ("no-imds", Switch),
    ("no-container", Switch),
    ("require-audit", Switch),
    ("hop-limit", Hops),
    ("token-file", NewFile),
    ("print-env", Switch),
    ("fail-fast", Switch),
    ("log-format", LogFormat),
];

pub(super) const SECRET_GET: &[Opt] = &[
    ("version-id", Text),
    ("version-stage", Text),
    ("key", Text),
    ("output", SecretFormat),
    ("out", NewFile),
    ("secrets-endpoint", Url),
];

pub(super) const SECRET_LIST: &[Opt] =
    &[("prefix", Text), ("output", TableFormat), ("secrets-endpoint", Url)];

pub(super) const SECRET_DESCRIBE: &[Opt] = &[("output", Format), ("secrets-endpoint", Url)];

pub(super) const PARAMETER_GET: &[Opt] = &[
    ("version", Version),
    ("label", Text),
    ("key", Text),
    ("no-decrypt", Switch),
    ("output", SecretFormat),
    ("out", NewFile),
    ("parameters-endpoint", Url),
];

pub(super) const PARAMETER_LIST: &[Opt] = &[
    ("recursive", Switch),
    ("values", Switch),
    ("no-decrypt", Switch),
    ("output", TableFormat),
    ("parameters-endpoint", Url),
];

pub(super) const RENDER: &[Opt] = &[
    ("syntax", TemplateSyntax),
    ("out", NewFile),
    ("out-dir", Directory),
    ("mode", FileMode),
    ("owner", Owner),
    ("check", Switch),
    ("secrets-endpoint", Url),
];

pub(super) const RESOLVE: &[Opt] = &[
    ("explain", Switch),
    ("output", SecretFormat),
    ("secrets-endpoint", Url),
    ("parameters-endpoint", Url),
];

pub(super) const MASK: &[Opt] =
    &[("mask-short", Switch), ("secrets-endpoint", Url), ("parameters-endpoint", Url)];

pub(super) const SIGN_STRING: &[Opt] = &[("format", SignatureFormat), ("digest", Digest)];
pub(super) const READ_CERTIFICATE_DATA: &[Opt] = &[("output", CertificateFormat)];
