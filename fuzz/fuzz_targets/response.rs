//! Responses of AWS, or of a server in its place, to CreateSession, AssumeRole, and
//! operations of Secrets Manager, of the Parameter Store, of IAM and of STS.
//!
//! Responses ended by a NUL, each a status, header lines, an empty line and a body. They are read one
//! by one, and then by a whole `secret get`, with its tries, its diagnosis and what it prints.

#![no_main]

use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use roles_anywhere::app::App;
use roles_anywhere::command::credential_process::document::to_json;
use roles_anywhere::command::secret_get::{self, SecretGet, SecretOutput};
use roles_anywhere::options::secret_output::{ValueDestination, ValueSelection};
use roles_anywhere::output::Stdout;
use roles_anywhere::secrets::endpoints::ServiceEndpoints;
use roles_anywhere::secrets::resolver::RoleAccess;
use roles_anywhere::session_cache::SessionCache;
use roles_anywhere_client::aws::assume_role::AssumeRole;
use roles_anywhere_client::aws::create_session::{SessionResponseError, SessionDuration, SessionRequest};
use roles_anywhere_client::aws::error_response::ServiceError;
use roles_anywhere_client::aws::{
    batch_get_secret_value, create_access_key, delete_access_key, describe_secret,
    get_access_key_last_used, get_caller_identity, get_parameter, get_parameters,
    get_parameters_by_path, get_random_password, list_access_keys, list_secrets, put_secret_value,
    update_access_key, update_secret_version_stage,
};
use roles_anywhere_client::aws::get_secret_value::{self, SecretId, SecretRequest};
use roles_anywhere_client::credentials::AccessKey;
use roles_anywhere_client::time::Deadline;
use roles_anywhere_client::http::{Endpoint, Response};
use roles_anywhere_client::identity::{IdentitySource, Permissions};
use roles_anywhere_client::input_source::InputSource;
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::provider::{ProviderError, RolesAnywhere};
use roles_anywhere_client::region::Region;
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_fuzz::{NOW, check_error};
use roles_anywhere_test_support::clock::ManualClock;
use roles_anywhere_test_support::entropy::SequenceEntropy;
use roles_anywhere_test_support::files::FakeFiles;
use roles_anywhere_test_support::ports::FakePorts;
use roles_anywhere_test_support::transport::{Reply, ScriptedTransport};

/// A leaf, its chain and its key.
const IDENTITY: &str = include_str!("../../certs/forms/combined.pem");

static SESSION: LazyLock<SessionRequest> = LazyLock::new(|| SessionRequest {
    trust_anchor: "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a".parse().unwrap(),
    profile: "arn:aws:rolesanywhere:eu-central-1:123456789012:profile/p".parse().unwrap(),
    role: "arn:aws:iam::123456789012:role/r".parse().unwrap(),
    duration: SessionDuration::OfProfile,
    role_session_name: None,
    endpoint: Endpoint::parse("https://a.example").unwrap(),
    region: Region::parse("eu-central-1").unwrap(),
});

fuzz_target!(|data: &[u8]| {
    let answers: Vec<Response> = data.split(|byte| *byte == 0).take(4).map(response).collect();
    for answer in &answers {
        read(answer);
    }
    let selections = [
        ValueSelection::Value,
        ValueSelection::Member("password".to_owned()),
        ValueSelection::Document,
    ];
    let random = data.iter().fold(0_usize, |sum, byte| sum.wrapping_add(usize::from(*byte)));
    get(answers, selections[random % 3].clone());
});

/// Makes an answer of its text.
fn response(text: &[u8]) -> Response {
    let split = text.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = split.map_or((text, &[][..]), |at| (&text[..at], &text[at + 2..]));
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.parse().ok()).unwrap_or(200);
    let pairs = lines.filter_map(|line| line.split_once(": "));
    let headers = pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    Response { status, headers: headers.collect(), body: SecretBytes::new(body.to_vec()) }
}

fn read(answer: &Response) {
    match SESSION.parse(answer, NOW) {
        Ok(credentials) => {
            assert!(credentials.expiration > NOW);
            let json = to_json(&AccessKey::from(&credentials), credentials.expiration, Some(&credentials.account_id));
            assert!(serde_json::from_slice::<serde_json::Value>(json.expose()).is_ok());
        }
        Err(error) => {
            assert!(
                !matches!(&error, SessionResponseError::Expired { expiration, .. } if *expiration > NOW)
            );
            check_error(ProviderError::from(error));
        }
    }
    let hop = AssumeRole::new(SESSION.role.clone(), SESSION.region.clone());
    match hop.parse(answer, NOW) {
        Ok(credentials) => {
            assert!(credentials.expiration > NOW && credentials.role_session_name.is_some());
            let json = to_json(&AccessKey::from(&credentials), credentials.expiration, Some(&credentials.account_id));
            assert!(serde_json::from_slice::<serde_json::Value>(json.expose()).is_ok());
        }
        Err(error) => check_error(ProviderError::from(error)),
    }
    if let Err(error) = get_secret_value::parse(answer) {
        check_error(error);
    }
    if let Err(error) = batch_get_secret_value::parse(answer, &[]) {
        check_error(error);
    }
    if let Err(error) = get_parameter::parse(answer) {
        check_error(error);
    }
    if let Err(error) = get_parameters::parse(answer) {
        check_error(error);
    }
    if let Err(error) = get_parameters_by_path::parse(answer) {
        check_error(error);
    }
    if let Err(error) = describe_secret::parse(answer) {
        check_error(error);
    }
    if let Err(error) = list_secrets::parse(answer) {
        check_error(error);
    }
    if let Err(error) = put_secret_value::parse(answer) {
        check_error(error);
    }
    if let Err(error) = update_secret_version_stage::parse(answer) {
        check_error(error);
    }
    match get_random_password::parse(answer) {
        Ok(password) => assert!(!password.expose().is_empty()),
        Err(error) => check_error(error),
    }
    read_xml(answer);
    let service_error = ServiceError::parse(answer, &[]);
    assert!(service_error.message.chars().count() <= 1_000);
}

/// Reads an answer of IAM and of STS.
fn read_xml(answer: &Response) {
    match create_access_key::parse(answer) {
        Ok(created) => {
            assert!((16..=128).contains(&created.key.id.len()));
            let secret = created.key.secret.expose();
            assert!(!secret.is_empty() && !format!("{created:?}").contains("secret: \""));
        }
        Err(error) => check_error(error),
    }
    match list_access_keys::parse(answer) {
        Ok(page) => assert!(page.next_page.is_none_or(|marker| !marker.is_empty())),
        Err(error) => check_error(error),
    }
    match get_caller_identity::parse(answer) {
        Ok(identity) => assert!(identity.account.len() == 12 && identity.arn.starts_with("arn:")),
        Err(error) => check_error(error),
    }
    if let Err(error) = get_access_key_last_used::parse(answer) {
        check_error(error);
    }
    if let Err(error) = update_access_key::parse(answer) {
        check_error(error);
    }
    if let Err(error) = delete_access_key::parse(answer) {
        check_error(error);
    }
}

/// Runs `secret get` against the answers.
fn get(answers: Vec<Response>, selection: ValueSelection) {
    let source = IdentitySource {
        certificate: InputSource::parse("-"),
        private_key: InputSource::parse("-").into(),
        intermediates: None,
        permissions: Permissions::Lenient,
    };
    let provider = RolesAnywhere::new(source, SESSION.clone());
    let get = SecretGet {
        requests: vec![SecretRequest::current(SecretId::Name("name".to_owned()))],
        destination: ValueDestination::Stdout(Stdout::Terminal),
        output: SecretOutput::Part(selection.clone()),
    };
    let clock = ManualClock::at(NOW);
    clock.pass_sleeps(Duration::MAX);
    let transport = ScriptedTransport::new(move |_, number| {
        assert!(number <= 6, "three tries a call");
        answers.get(number - 1).cloned().map_or_else(Reply::lost, Reply::Response)
    });
    let ports = FakePorts {
        clock,
        entropy: SequenceEntropy::constant(0),
        files: FakeFiles::holding(IDENTITY),
        transport,
        ..FakePorts::default()
    };
    let ports = ports.ports();
    let deadline = Deadline::new(Duration::ZERO, Duration::from_secs(20));
    let sessions = SessionCache::disabled(&provider);
    let endpoints = ServiceEndpoints {
        secrets_manager: Some(SESSION.endpoint.clone()),
        ..ServiceEndpoints::default()
    };
    let access =
        RoleAccess { role: None, sessions: &sessions, endpoints: &endpoints, ports: &ports, deadline };
    // It is printed, so nothing is written.
    let app = App::in_environment(Environment::default());
    let running = pin!(secret_get::run(&get, &SESSION.region, &access, &app));
    match running.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Pending => panic!("nothing here has to be waited for"),
        Poll::Ready(Err(error)) => check_error(error),
        Poll::Ready(Ok(printed)) if selection == ValueSelection::Document => {
            assert!(serde_json::from_slice::<serde_json::Value>(printed.expose()).is_ok());
        }
        Poll::Ready(Ok(_)) => {}
    }
}
