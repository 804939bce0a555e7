//! A service that answers by a script.

use futures_util::future::BoxFuture;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::http::{Request, Response, SourceMessage, Transport, TransportError};
use crate::secret::SecretBytes;
use crate::test_support::clock::ManualClock;
use crate::time::Timer as _;

/// How one request ends.
#[derive(Debug)]
pub enum Reply {
    /// With a response.
    Response(Response),
    /// Without a response.
    Error(TransportError),
    /// Never.
    Silence,
}

impl Reply {
    /// Returns a response of this status and body.
    pub fn status(status: u16, body: &str) -> Self {
        let body = SecretBytes::new(body.as_bytes().to_vec());
        Self::Response(Response { status, headers: Vec::new(), body })
    }

    /// Adds a header, its name in lower case, to a response.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        if let Self::Response(response) = &mut self {
            response.headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Returns a connection that is lost before the response is complete.
    pub fn lost() -> Self {
        Self::Error(TransportError::Interrupted {
            host: "a.example".to_owned(),
            plain: false,
            source: SourceMessage("gone".to_owned()),
        })
    }
}

/// Answers requests by a script, and keeps them. Copies share their state.
#[derive(Clone)]
pub struct ScriptedTransport {
    script: Arc<Script>,
    delays: Option<(ManualClock, Vec<Duration>)>,
    requests: Arc<Mutex<Vec<Request>>>,
}

/// Returns the reply to a request; the first one has the number 1.
type Script = dyn Fn(&Request, usize) -> Reply + Send + Sync;

impl ScriptedTransport {
    /// Answers each request by `script`, which also receives its number, counted from 1.
    pub fn new(script: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self { script: Arc::new(script), delays: None, requests: Arc::default() }
    }

    /// Gives these replies in their order, and panics if there is a request beyond them.
    pub fn replies(replies: impl IntoIterator<Item = Reply>) -> Self {
        let replies: Vec<_> = replies.into_iter().map(Some).collect();
        let replies = Mutex::new(replies);
        Self::new(move |_, number| {
            let reply = replies.lock().unwrap().get_mut(number - 1).and_then(Option::take);
            reply.expect("the script has a reply to each request")
        })
    }

    /// Panics if it is used.
    pub fn unused() -> Self {
        Self::new(|request, _| unreachable!("nothing may be sent here: {request:?}"))
    }

    /// Delays each reply on `clock`; the last delay is used for all further replies.
    #[must_use]
    pub fn with_delays(self, clock: &ManualClock, delays: Vec<Duration>) -> Self {
        Self { delays: Some((clock.clone(), delays)), ..self }
    }

    /// Returns the requests that were sent, in that order.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl fmt::Debug for ScriptedTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ScriptedTransport").field(&self.requests).finish()
    }
}

impl Transport for ScriptedTransport {
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Response, TransportError>> {
        Box::pin(async move {
            let number = {
                let mut requests = self.requests.lock().unwrap();
                requests.push(request.clone());
                requests.len()
            };
            if let Some((clock, delays)) = &self.delays {
                let delay = delays.get(number - 1).or_else(|| delays.last()).unwrap();
                clock.sleep(*delay).await;
            }
            match (self.script)(request, number) {
                Reply::Response(response) => Ok(response),
                Reply::Error(error) => Err(error),
                Reply::Silence => std::future::pending().await,
            }
        })
    }
}
