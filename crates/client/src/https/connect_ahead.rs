//! Connects to a host before there is a request to it, through reqwest's own connector: the same
//! addresses, proxy, TLS and timeout.
//!
//! reqwest has no call that only connects. So [`begin`] sends a request with a connector that keeps the
//! connection and returns an error instead, before a byte of the request is written. The next request
//! that connects takes it; from then on it is in reqwest's pool as any other.

#[cfg(test)]
mod tests;

use std::error::Error;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_util::future::BoxFuture;
use hyper::rt::{Read, ReadBuf, Write};
use reqwest::{Client, ClientBuilder};
use tokio::sync::Mutex;
use tower_layer::layer_fn;
use tower_service::Service;

use crate::http::Endpoint;

tokio::task_local! {
    /// Set while a request is sent that is to connect only. reqwest calls the connector in the task of
    /// the request.
    static CONNECT_ONLY: ();
}

/// Begins to connect to `endpoint`, in the background. `client` is one of [`layered`], and for this
/// endpoint only.
pub(super) fn begin(client: &Client, endpoint: &Endpoint) {
    let request = client.get(endpoint.url("/", "")).send();
    // The request always fails, as its connector does. A failure to connect is that of the next
    // request, which connects again.
    tokio::spawn(CONNECT_ONLY.scope((), async { drop(request.await) }));
}

/// Returns the options of a client with a connector that can keep a connection.
pub(super) fn layered(builder: ClientBuilder) -> ClientBuilder {
    builder.connector_layer(layer_fn(|connector| Keeping { connector, kept: Arc::default() }))
}

/// A connector to one host that keeps the connection of [`begin`] for the next request. `C` is the
/// connection.
struct Keeping<S, C: Connection> {
    connector: S,
    /// Locked while the connection is made, so that a request waits for it.
    kept: Arc<Mutex<Option<Unused<C>>>>,
}

impl<S: Clone, C: Connection> Clone for Keeping<S, C> {
    fn clone(&self) -> Self {
        Self { connector: self.connector.clone(), kept: Arc::clone(&self.kept) }
    }
}

type BoxError = Box<dyn Error + Send + Sync>;

impl<S, R, C> Service<R> for Keeping<S, C>
where
    S: Service<R, Response = C, Error = BoxError>,
    S::Future: Send + 'static,
    C: Connection,
{
    type Response = C;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<C, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(context)
    }

    fn call(&mut self, host: R) -> Self::Future {
        // Nothing is opened before it is polled.
        let connecting = self.connector.call(host);
        let kept = Arc::clone(&self.kept);
        if CONNECT_ONLY.try_with(|()| ()).is_ok() {
            return Box::pin(async move {
                let mut kept = kept.lock().await;
                *kept = Some(Unused(Some(connecting.await?)));
                Err("the connection is kept for the next request".into())
            });
        }
        Box::pin(async move {
            let taken = kept.lock().await.take();
            if let Some(mut unused) = taken
                && poll_fn(|context| Poll::Ready(unused.is_open(context))).await
                && let Some(connection) = unused.0.take()
            {
                return Ok(connection);
            }
            connecting.await
        })
    }
}

trait Connection: Read + Write + Send + Unpin + 'static {}

impl<C: Read + Write + Send + Unpin + 'static> Connection for C {}

/// A connection on which no request was sent. It is `None` once it is taken.
struct Unused<C: Connection>(Option<C>);

impl<C: Connection> Unused<C> {
    /// Returns whether the server has neither closed the connection nor sent a response without a request.
    /// Reads what TLS sends after the handshake.
    fn is_open(&mut self, context: &mut Context<'_>) -> bool {
        let Some(connection) = &mut self.0 else { return false };
        let mut byte = [0];
        Pin::new(connection).poll_read(context, ReadBuf::new(&mut byte).unfilled()).is_pending()
    }
}

/// Ends TLS, if the system takes the few bytes at once. Whatever was received is read first, or the
/// system would reset the connection.
impl<C: Connection> Drop for Unused<C> {
    fn drop(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        if self.is_open(&mut context)
            && let Some(connection) = &mut self.0
        {
            // There is no one to tell of an error.
            let _ = Pin::new(connection).poll_shutdown(&mut context);
        }
    }
}
