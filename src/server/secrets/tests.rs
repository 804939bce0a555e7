//! Requests in, responses out.

mod agent;
mod fake;
mod ours;
mod reload;
mod rules;
mod waiting;

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use hyper::body::Bytes;

use super::*;
use crate::server::{Exposure, ServePolicy, ServedRoles};
use crate::test_support::RecordingLog;
use fake::FakeCache;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_test_support::ports::FakePorts;

const TOKEN: &str = "4f1c1d9a7b0e5d3c";
const HEADER: &str = "x-aws-parameters-secrets-token";

struct Fixture {
    cache: Rc<FakeCache>,
    log: RecordingLog,
    endpoint: SecretsEndpoint,
}

impl Fixture {
    fn new() -> Self {
        Self::with(SecretsPolicy::default())
    }

    fn with(policy: SecretsPolicy) -> Self {
        let source = TokenSource::Value(Secret::new(TOKEN.to_owned()));
        Self::of(policy, vec![planned("AWS_TOKEN", source)])
    }

    fn of(policy: SecretsPolicy, tokens: Vec<PlannedToken>) -> Self {
        Self::on(policy, tokens, FakePorts::default().ports())
    }

    fn on(policy: SecretsPolicy, tokens: Vec<PlannedToken>, ports: Ports) -> Self {
        let (log, cache) = (RecordingLog::default(), FakeCache::new());
        let open = |planned| SecretsToken::open(planned, &*ports.files).unwrap();
        let tokens = SecretsTokens::new(tokens.into_iter().map(open).collect());
        let credentials = Endpoints::new(
            ServedRoles::default(),
            ServePolicy::default(),
            ports.clone(),
            Arc::new(log.clone()),
        );
        let read: Rc<dyn ReadSecrets> = Rc::clone(&cache) as _;
        let endpoint = SecretsEndpoint::new(
            policy,
            (read, tokens),
            Rc::new(credentials),
            ports,
            Arc::new(log.clone()),
        );
        Self { cache, log, endpoint }
    }

    fn get(&self, target: &str) -> Response {
        self.ask("GET", target, &[(HEADER, TOKEN)])
    }

    fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Response {
        self.send(&request(method, target, headers, RequestBody::Empty))
    }

    fn post(&self, target: &str, body: &str) -> Response {
        let body = RequestBody::Received(Bytes::copy_from_slice(body.as_bytes()));
        self.send(&request("POST", target, &[(HEADER, TOKEN)], body))
    }

    fn send(&self, request: &Request<RequestBody>) -> Response {
        let peer = peer();
        let mut answer = self.begin(request, &peer);
        match poll(&mut answer) {
            Poll::Ready(response) => response,
            Poll::Pending => panic!("no answer: {}", request.uri()),
        }
    }

    fn begin<'a>(
        &'a self,
        request: &'a Request<RequestBody>,
        peer: &'a Peer,
    ) -> Pin<Box<dyn Future<Output = Response> + 'a>> {
        Box::pin(self.endpoint.answer(request, peer))
    }
}

fn planned(name: &str, source: TokenSource) -> PlannedToken {
    PlannedToken { name: name.to_owned(), source, access: AccessRules::default() }
}

fn peer() -> Peer {
    let end = |text: &str| text.parse::<SocketAddr>().unwrap();
    let (peer, local) = (end("127.0.0.1:5000"), end("127.0.0.1:2773"));
    Peer::new(peer, local, Exposure::Everything, |_, _| Some(1_000))
}

fn request(
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: RequestBody,
) -> Request<RequestBody> {
    let mut request = Request::builder().method(method).uri(target);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "localhost:2773");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).unwrap()
}

fn poll(answer: &mut Pin<Box<dyn Future<Output = Response> + '_>>) -> Poll<Response> {
    answer.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

fn text(response: &Response) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

fn json(response: &Response) -> serde_json::Value {
    serde_json::from_slice(response.body()).unwrap()
}

/// Returns status and body.
fn answer(response: &Response) -> (u16, &str) {
    (response.status().as_u16(), text(response))
}
