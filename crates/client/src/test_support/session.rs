//! One identity, one request and one answer.

use std::path::Path;
use std::time::Duration;

use crate::aws::create_session::{RoleSessionName, SessionDuration, SessionRequest};
use crate::http::Endpoint;
use crate::identity::{Identity, IdentitySource, Permissions};
use crate::input_source::{FileError, Files, Location, Source};
use crate::region::Region;
use crate::secret::SecretBytes;
use crate::test_support::offline::Offline;
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
pub const ANSWER: &str = r#"{"credentialSet":[{"assumedRoleUser":{"arn":"a","assumedRoleId":"i"},
    "credentials":{"accessKeyId":"ASIAEXAMPLEEXAMPLE00","secretAccessKey":"s3","sessionToken":"t0",
    "expiration":"2015-08-30T12:36:00Z"},"packedPolicySize":1,
    "roleArn":"arn:aws:iam::123456789012:role/path/R","sourceIdentity":"CN=a"}],
    "subjectArn":"x"}"#;

/// Returns where the identity of [`identity`] is.
pub fn source() -> IdentitySource {
    let place = |name: &str| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        Source::file(root.join("../../certs/leaf").join(name))
    };
    IdentitySource {
        certificate: place("p256.pem"),
        private_key: place("p256.key.pem"),
        intermediates: None,
        permissions: Permissions::Lenient,
    }
}

/// Returns an identity that is valid from 2026 to 2046.
pub fn identity() -> Identity {
    let now = Timestamp::from_unix(1_780_000_000);
    source().open(&Committed, &Offline::default(), now).unwrap()
}

/// Reads the files of this repository, and nothing else.
struct Committed;

impl Files for Committed {
    fn read(&self, source: &Source) -> Result<SecretBytes, FileError> {
        let Location::File(path) = &source.location else { unreachable!("it is a file") };
        #[expect(clippy::disallowed_methods, reason = "a test reads a committed file")]
        Ok(SecretBytes::new(std::fs::read(path).unwrap()))
    }

    fn readable_by_others(&self, _source: &Source) -> Option<u32> {
        None
    }

    fn write(&self, _path: &Path, _contents: &[u8], _limit: Duration) -> Result<(), FileError> {
        unreachable!("an identity is not written")
    }
}
