//! One identity, one request and one answer.

use std::path::Path;

use crate::aws::create_session::{SessionDuration, SessionRequest};
use crate::credentials::RoleSessionName;
use crate::http::Endpoint;
use crate::identity::{Identity, IdentitySource, Permissions};
use crate::input_source::{InputSource, Location};
use crate::region::Region;
use crate::test_support::files::FakeFiles;
use crate::test_support::password::FixedPassword;
use crate::time::Timestamp;

/// Returns a request that asks for everything that can be asked for.
pub fn request() -> SessionRequest {
    let anchor = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/a";
    let profile = "arn:aws:rolesanywhere:us-east-1:123456789012:profile/p";
    SessionRequest {
        trust_anchor: anchor.parse().unwrap(),
        profile: profile.parse().unwrap(),
        role: "arn:aws:iam::123456789012:role/path/R".parse().unwrap(),
        duration: SessionDuration::Seconds(3_600),
        role_session_name: RoleSessionName::parse("me@host"),
        endpoint: Endpoint::parse("https://rolesanywhere.us-east-1.amazonaws.com").unwrap(),
        region: Region::parse("us-east-1").unwrap(),
    }
}

/// Answers [`request`] with a session that ends at 12:36 on 30 August 2015.
pub const ANSWER: &str = r#"{"credentialSet":[{"assumedRoleUser":{"arn":"arn:aws:sts::123456789012:assumed-role/R/me@host","assumedRoleId":"i"},
    "credentials":{"accessKeyId":"ASIAEXAMPLEEXAMPLE00","secretAccessKey":"s3","sessionToken":"t0",
    "expiration":"2015-08-30T12:36:00Z"},"packedPolicySize":1,
    "roleArn":"arn:aws:iam::123456789012:role/path/R","sourceIdentity":"CN=a"}],
    "subjectArn":"x"}"#;

/// Returns the sources of [`identity`].
pub fn source() -> IdentitySource {
    let place = |name: &str| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        InputSource::file(root.join("../../certs/leaf").join(name))
    };
    IdentitySource {
        certificate: place("p256.pem"),
        private_key: place("p256.key.pem").into(),
        intermediates: None,
        permissions: Permissions::Lenient,
    }
}

/// Returns the sources of an identity in environment variables.
pub fn variables() -> IdentitySource {
    let place = |name: &str| InputSource::from(Location::Variable(name.to_owned()));
    IdentitySource {
        certificate: place("certificate"),
        private_key: place("key").into(),
        intermediates: None,
        permissions: Permissions::Lenient,
    }
}

/// Returns an identity that is valid from 2026 to 2046.
pub fn identity() -> Identity {
    let now = Timestamp::from_unix(1_780_000_000);
    source().open(&FakeFiles::of_repository(""), &FixedPassword::unused(), now).unwrap()
}
