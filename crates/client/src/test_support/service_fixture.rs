//! A service of AWS that answers by a script, and a session to call it with.

use std::time::Duration;

use crate::aws::endpoint::RegionalEndpoint;
use crate::credentials::{Credentials, Session};
use crate::http::Endpoint;
use crate::provider::RolesAnywhere;
use crate::region::Region;
use crate::secret::Secret;
use crate::test_support::clock::START;
use crate::test_support::ports::FakePorts;
use crate::test_support::session;
use crate::test_support::transport::{Reply, ScriptedTransport};
use crate::time::Deadline;

/// The session token of [`ServiceFixture::session`].
pub const TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLETOKEN";

/// A service, and what is needed to call it.
#[derive(Debug)]
pub struct ServiceFixture {
    /// Where the service is.
    pub at: RegionalEndpoint,
    /// Where the session is from.
    pub provider: RolesAnywhere,
    /// A session, received by a clock an hour behind AWS's.
    pub session: Session,
    /// The ports, with the service as their network.
    pub ports: FakePorts,
    /// The time limit of a call.
    pub deadline: Deadline,
}

impl ServiceFixture {
    /// Returns one that gives these replies in their order.
    pub fn replies(replies: impl IntoIterator<Item = Reply>) -> Self {
        let endpoint = Endpoint::parse("https://a.example").unwrap();
        let credentials = Credentials {
            access_key_id: "ASIAEXAMPLEEXAMPLE00".to_owned(),
            secret_access_key: Secret::new("wJalrXUtnFEMIEXAMPLEKEY".to_owned()),
            session_token: Secret::new(TOKEN.to_owned()),
            expiration: START.after(7_200),
            account_id: "123456789012".to_owned(),
            role_session_name: None,
        };
        Self {
            at: RegionalEndpoint { endpoint, region: Region::parse("us-east-1").unwrap() },
            provider: RolesAnywhere::new(session::source(), session::request()),
            session: Session {
                credentials,
                received: START,
                lifetime_seconds: 3_600,
                clock_offset: 3_600,
            },
            ports: FakePorts {
                transport: ScriptedTransport::replies(replies),
                ..FakePorts::default()
            },
            deadline: Deadline::new(Duration::ZERO, Duration::from_secs(20)),
        }
    }

    /// Returns the bodies of the requests that were sent, in that order.
    pub fn bodies(&self) -> Vec<String> {
        let requests = self.ports.transport.requests();
        requests.iter().map(|it| String::from_utf8_lossy(&it.body).into_owned()).collect()
    }
}
