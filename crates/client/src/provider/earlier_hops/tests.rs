//! Chains of two hops of a process that runs for hours.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::aws::assume_role::{AssumeRole, HopDuration};
use crate::http::Request;
use crate::provider::ErrorKind;
use crate::region::Region;
use crate::test_support::clock::ManualClock;
use crate::test_support::ports::FakePorts;
use crate::test_support::session::{self, ANSWER};
use crate::test_support::transport::{Reply, ScriptedTransport};

const START: Timestamp = Timestamp::from_unix(1_780_000_000);

/// A chain of `R`, `Second` and `Third`, against a service that makes sessions of an hour of the first
/// two roles, and of 900 s of the last one.
struct Fixture {
    ports: FakePorts,
    provider: RolesAnywhere,
    previous: EarlierHops,
    /// What is refused: the role, and the code.
    refused: Arc<Mutex<Option<(&'static str, &'static str)>>>,
    /// The role whose requests are not answered.
    hangs: Arc<Mutex<Option<&'static str>>>,
    seen: usize,
}

impl Fixture {
    fn new() -> Self {
        let region = Region::parse("us-east-1").unwrap();
        let hop = |name: &str| {
            let role = format!("arn:aws:iam::123456789012:role/{name}").parse().unwrap();
            AssumeRole::new(role, region.clone())
        };
        let short = HopDuration::from_seconds(900).unwrap();
        let third = AssumeRole { duration: short, ..hop("Third") };
        let provider = RolesAnywhere {
            hops: vec![hop("Second"), third],
            ..RolesAnywhere::new(session::source(), session::request())
        };
        let clock = ManualClock::at(START);
        let refused = Arc::<Mutex<Option<(&'static str, &'static str)>>>::default();
        let hangs = Arc::<Mutex<Option<&'static str>>>::default();
        let transport = {
            let (clock, refused, hangs) = (clock.clone(), Arc::clone(&refused), Arc::clone(&hangs));
            ScriptedTransport::new(move |request, _| {
                let role = role(request);
                let now = crate::time::Clock::now(&clock);
                if *hangs.lock().unwrap() == Some(role) {
                    return Reply::Silence;
                }
                match *refused.lock().unwrap() {
                    Some((of, code)) if of == role => Reply::status(
                        403,
                        &format!(
                            "<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>"
                        ),
                    ),
                    _ => reply(role, now),
                }
            })
        };
        let ports = FakePorts { clock, transport, ..FakePorts::default() };
        Self { ports, provider, previous: EarlierHops::default(), refused, hangs, seen: 0 }
    }

    /// Fetches after so many seconds, and returns the roles whose sessions were requested.
    fn fetch_after(&mut self, seconds: u64) -> (Result<Session, ProviderError>, Vec<&'static str>) {
        let (fetched, roles) = self.fetched_after(seconds);
        (fetched.map(|fetched| fetched.session), roles)
    }

    /// Returns why an earlier session could not be renewed.
    fn renewal_error_after(&mut self, seconds: u64) -> Option<ErrorKind> {
        let (fetched, _) = self.fetched_after(seconds);
        fetched.unwrap().renewal_error.map(|error| error.kind())
    }

    fn fetched_after(
        &mut self,
        seconds: u64,
    ) -> (Result<Fetched, ProviderError>, Vec<&'static str>) {
        self.ports.clock.advance(Duration::from_secs(seconds));
        let identity = session::identity();
        let now = crate::time::Clock::uptime(&self.ports.clock);
        let deadline = Deadline::new(now, Duration::from_secs(20));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let ports = self.ports.ports();
        let fetched = runtime.block_on(self.provider.fetch_chain(
            &mut self.previous,
            (&identity, Order::PrimaryFirst, 0),
            &ports,
            deadline,
        ));
        let requests = self.ports.transport.requests();
        let new = requests[self.seen..].iter().map(role).collect();
        self.seen = requests.len();
        (fetched, new)
    }

    fn refuse(&self, role: &'static str, code: &'static str) {
        *self.refused.lock().unwrap() = Some((role, code));
    }
}

/// Returns the role of a request.
fn role(request: &Request) -> &'static str {
    let body = String::from_utf8_lossy(&request.body);
    match () {
        () if body.contains("%2FSecond&") => "Second",
        () if body.contains("%2FThird&") => "Third",
        () => "R",
    }
}

fn reply(role: &str, now: Timestamp) -> Reply {
    let end = now.after(if role == "Third" { 900 } else { 3_600 });
    if role == "R" {
        return Reply::status(201, &ANSWER.replace("2015-08-30T12:36:00Z", &end.to_string()));
    }
    let body = format!(
        "<AssumeRoleResponse><AssumeRoleResult><AssumedRoleUser>\
         <Arn>arn:aws:sts::123456789012:assumed-role/{role}/me@host</Arn></AssumedRoleUser>\
         <Credentials><AccessKeyId>ASIAEXAMPLEEXAMPLE01</AccessKeyId>\
         <SecretAccessKey>s1</SecretAccessKey><SessionToken>t1</SessionToken>\
         <Expiration>{end}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    );
    Reply::status(200, &body)
}

#[test]
fn hop_is_refreshed_while_the_sessions_before_it_stay() {
    let mut chain = Fixture::new();
    let (first, roles) = chain.fetch_after(0);
    assert_eq!(roles, ["R", "Second", "Third"]);
    assert_eq!(first.unwrap().lifetime_seconds, 899);
    assert_eq!(chain.fetch_after(600).1, ["Third"]);
    assert_eq!(chain.fetch_after(1_700).1, ["Third"]);
    // 20 minutes before their end.
    assert_eq!(chain.fetch_after(200).1, ["R", "Second", "Third"]);
    assert_eq!(chain.fetch_after(600).1, ["Third"]);
}

#[test]
fn session_that_cannot_be_renewed_is_used_until_it_expires() {
    let mut chain = Fixture::new();
    assert!(chain.fetch_after(0).0.is_ok());
    chain.refuse("R", "AccessDeniedException");
    let (third, roles) = chain.fetch_after(2_500);
    assert_eq!(roles, ["R", "Second", "Third"]);
    assert!(third.is_ok());
    // Now `R` has expired, and `Second` was renewed with it.
    let (third, roles) = chain.fetch_after(1_200);
    assert_eq!((third.is_ok(), roles), (true, vec!["Third"]));
    let (third, roles) = chain.fetch_after(2_500);
    assert_eq!(roles, ["R"]);
    assert!(third.is_err());
}

#[test]
fn session_of_a_chain_says_that_an_earlier_one_was_not_renewed() {
    let mut chain = Fixture::new();
    assert_eq!(chain.renewal_error_after(0), None);
    chain.refuse("R", "AccessDeniedException");
    assert_eq!(chain.renewal_error_after(2_500), Some(ErrorKind::Refused));
    // `Second` is not due, and was made with the session of `R` that was not renewed.
    assert_eq!(chain.renewal_error_after(600), Some(ErrorKind::Refused));
    chain.refuse("none", "");
    assert_eq!(chain.renewal_error_after(2_000), None);
}

#[test]
fn renewal_that_hangs_leaves_time_for_the_hop() {
    let mut chain = Fixture::new();
    assert!(chain.fetch_after(0).0.is_ok());
    chain.ports.clock.pass_sleeps(Duration::MAX);
    *chain.hangs.lock().unwrap() = Some("R");
    let (third, roles) = chain.fetch_after(2_500);
    assert_eq!(roles.last(), Some(&"Third"), "{roles:?}");
    assert!(third.is_ok());
}

#[test]
fn chain_starts_again_if_a_kept_session_is_not_accepted() {
    let mut chain = Fixture::new();
    assert!(chain.fetch_after(0).0.is_ok());
    chain.refuse("Third", "InvalidClientTokenId");
    let (third, roles) = chain.fetch_after(600);
    assert_eq!(roles, ["Third", "R", "Second", "Third"]);
    assert!(third.unwrap_err().refuses_previous_session());
    // A refusal of the role itself does not.
    chain.refuse("Third", "AccessDenied");
    let (third, roles) = chain.fetch_after(600);
    assert_eq!(roles, ["Third"]);
    assert!(third.is_err());
}

#[test]
fn primary_trust_anchor_alone_makes_a_new_chain_or_changes_nothing() {
    let mut chain = Fixture::new();
    assert!(chain.fetch_after(0).0.is_ok());
    let identity = session::identity();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let probe = |chain: &mut Fixture| {
        let deadline = Deadline::new(Duration::ZERO, Duration::from_secs(20));
        let ports = chain.ports.ports();
        let fetched = runtime.block_on(chain.provider.fetch_chain(
            &mut chain.previous,
            (&identity, Order::PrimaryOnly, 0),
            &ports,
            deadline,
        ));
        let requests = chain.ports.transport.requests();
        let new: Vec<_> = requests[chain.seen..].iter().map(role).collect();
        chain.seen = requests.len();
        (fetched.is_ok(), new)
    };
    assert_eq!(probe(&mut chain), (true, vec!["R", "Second", "Third"]));
    chain.refuse("R", "AccessDeniedException");
    assert_eq!(probe(&mut chain), (false, vec!["R"]));
    assert_eq!(chain.fetch_after(600).1, ["Third"]);
}
