//! Requests to a running `serve`.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use serde::Serialize;
use tokio::sync::oneshot;

use super::answer::{self, Failures};
use crate::follow::source::FollowedValue;
use crate::output::error::Error;
use crate::output::served::{ServeError, ServedRefusal};
use crate::secrets::reference::{NamedReference, Notation, Reference};
use roles_anywhere_client::http::{Endpoint, Request, Response, TransportError};
use roles_anywhere_client::input_source::{FileError, InputSource};
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::secret::{Secret, SecretBytes};

/// How a running `serve` is asked.
#[derive(Clone, Debug)]
pub struct ServeAccess {
    /// Where it listens, on this machine.
    pub endpoint: Endpoint,
    /// The token.
    pub token: ServeToken,
    /// The time limit of a request, beside the time that it asks to wait.
    pub timeout: Duration,
    /// Whether to show requests and answers without their contents.
    pub debug: bool,
}

/// Where the token for a running `serve` is.
#[derive(Clone, Debug)]
pub enum ServeToken {
    /// In a variable.
    Variable {
        /// Its name.
        name: &'static str,
        /// The token.
        value: Secret,
    },
    /// In a file, which is read for each request.
    File(InputSource),
}

/// A client of a running `serve`.
pub(super) struct ServeClient {
    access: ServeAccess,
    pub(super) ports: Ports,
}

/// Why there is no answer with values.
#[derive(Debug)]
pub(super) enum AskFailure {
    /// There is none, or it refuses all.
    Whole {
        /// The error.
        error: Error,
        /// Whether to ask again soon.
        pause: Pause,
    },
    /// These references have no values, by their indices.
    References(Vec<(usize, ServedRefusal)>),
}

/// How long to wait before the next request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Pause {
    /// `serve` may be starting.
    Short,
    /// It has answered, and will answer the same for a while.
    Long,
}

/// What is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownVersions<'a> {
    /// The versions that are known, in the order of the references.
    pub(super) versions: &'a [Option<String>],
    /// The time to wait, in whole seconds.
    pub(super) wait: Duration,
}

const PATH: &str = "/roles-anywhere/resolve";
const TOKEN: &str = "x-aws-parameters-secrets-token";

#[derive(Serialize)]
struct RequestDocument<'a> {
    references: Vec<&'a str>,
    #[serde(rename = "if-not-versions", skip_serializing_if = "Option::is_none")]
    versions: Option<Vec<Option<&'a str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wait: Option<String>,
}

impl ServeClient {
    pub(super) fn new(access: ServeAccess, ports: Ports) -> Self {
        Self { access, ports }
    }

    /// Returns the values of `references`, or `None` if none has another version after the time to wait.
    pub(super) async fn ask(
        &self,
        references: &[NamedReference],
        condition: Option<KnownVersions<'_>>,
    ) -> Result<Option<Vec<FollowedValue>>, AskFailure> {
        let wait = condition.map_or(Duration::ZERO, |condition| condition.wait);
        let limit = wait + self.access.timeout;
        let work = pin!(self.exchange(references, condition));
        match select(work, self.ports.timer.sleep(limit)).await {
            Either::Left((answered, _)) => answered,
            Either::Right(_) => Err(ServeError::TimedOut { url: self.url(), limit }.into()),
        }
    }

    async fn exchange(
        &self,
        references: &[NamedReference],
        condition: Option<KnownVersions<'_>>,
    ) -> Result<Option<Vec<FollowedValue>>, AskFailure> {
        let sent: Vec<Secret> = references.iter().map(|it| sent_text(&it.reference)).collect();
        let request = self.request(&sent, condition).await?;
        let trace = &*self.ports.trace;
        let (url, count) = (self.url(), sent.len());
        match condition {
            None => trace.show(format_args!("serve: POST {url}{PATH}, {count} references")),
            Some(KnownVersions { wait, .. }) => trace.show(format_args!(
                "serve: POST {url}{PATH}, {count} references, wait {} s",
                wait.as_secs()
            )),
        }
        let bytes = request.body.len();
        let response = self.ports.transport.send(&request).await;
        let response = response.map_err(|error| self.unreachable(error))?;
        trace.show(format_args!("serve: HTTP status {}", response.status));
        // Without versions to compare with, this would be no values for all references.
        if response.status == 304 && condition.is_some() {
            return Ok(None);
        }
        self.read(&response, (references, &sent), bytes).map(Some)
    }

    async fn request(
        &self,
        sent: &[Secret],
        condition: Option<KnownVersions<'_>>,
    ) -> Result<Request, AskFailure> {
        let versions = condition.map(|condition| condition.versions.iter());
        let document = RequestDocument {
            references: sent.iter().map(Secret::expose).collect(),
            versions: versions.map(|versions| versions.map(Option::as_deref).collect()),
            wait: condition.map(|condition| format!("{}s", condition.wait.as_secs())),
        };
        // A buffer that grows would not be wiped, and a default may be secret.
        let size = sent.iter().map(|text| 128 + 6 * text.expose().len()).sum::<usize>();
        let mut body = Vec::with_capacity(256 + size);
        serde_json::to_writer(&mut body, &document).expect("strings serialize");
        let token = self.token().await?;
        let headers = [
            // One that is kept may be closed by `serve` when it is used again.
            ("connection", "close"),
            ("content-type", "application/json"),
            ("host", &self.access.endpoint.authority()),
            (TOKEN, token.expose()),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let endpoint = self.access.endpoint.clone();
        Ok(Request { method: "POST", endpoint, path: PATH, query: String::new(), headers, body })
    }

    /// Returns the token, as its file has it now.
    async fn token(&self) -> Result<Secret, AskFailure> {
        let token = match &self.access.token {
            ServeToken::Variable { value, .. } => value.expose().trim_ascii().to_owned(),
            ServeToken::File(file) => {
                let contents = self.contents(file).await.map_err(|error| AskFailure::Whole {
                    error: error.into(),
                    pause: Pause::Short,
                })?;
                String::from_utf8_lossy(contents.expose().trim_ascii()).into_owned()
            }
        };
        let token = Secret::new(token);
        let is_legal = token.expose().bytes().all(|b| b == b' ' || b.is_ascii_graphic());
        match token.expose() {
            text if text.is_empty() || !is_legal => {
                let (token, is_empty) = (self.token_name(), text.is_empty());
                Err(ServeError::UnusableToken { token, is_empty }.into())
            }
            _ => Ok(token),
        }
    }

    /// Reads a file on another thread: a file system may hang.
    async fn contents(&self, file: &InputSource) -> Result<SecretBytes, FileError> {
        let (sender, read) = oneshot::channel();
        let (files, file) = (Arc::clone(&self.ports.files), file.clone());
        self.ports.blocking.run(Box::new(move || drop(sender.send(files.read(&file)))));
        match read.await {
            Ok(read) => read,
            // This process ends, or the time limit does.
            Err(_) => pending().await,
        }
    }

    /// Returns what the answer says.
    fn read(
        &self,
        response: &Response,
        (references, sent): (&[NamedReference], &[Secret]),
        bytes: usize,
    ) -> Result<Vec<FollowedValue>, AskFailure> {
        let (url, status) = (self.url(), response.status);
        let unexpected = || ServeError::Unexpected { url: url.clone(), status };
        match status {
            200 => match answer::values(response, references) {
                Some(values) => Ok(values),
                None => Err(unexpected().into()),
            },
            403 if response.body.expose() == BAD_TOKEN => {
                Err(ServeError::Token { url, token: self.token_name() }.into())
            }
            413 => Err(ServeError::TooLong { url, token: self.token_name(), bytes }.into()),
            429 => Err(ServeError::TooMany { url }.into()),
            _ => match answer::failures(response, sent) {
                Some(Failures::Of(failures)) => Err(AskFailure::References(failures)),
                Some(Failures::Whole(refusal)) => {
                    Err(AskFailure::Whole { error: refusal.into(), pause: Pause::Long })
                }
                None => Err(unexpected().into()),
            },
        }
    }

    fn unreachable(&self, source: TransportError) -> AskFailure {
        let url = self.url();
        match source {
            TransportError::Connect { .. } => ServeError::Connect { url, source }.into(),
            TransportError::TooLarge { .. } => ServeError::TooLarge { url, source }.into(),
            source => ServeError::Interrupted { url, source }.into(),
        }
    }

    fn url(&self) -> String {
        self.access.endpoint.to_string()
    }

    /// Returns where the token is, as a message may say it.
    fn token_name(&self) -> String {
        match &self.access.token {
            ServeToken::Variable { name, .. } => format!("`{name}`"),
            ServeToken::File(file) => file.name(true).to_string(),
        }
    }
}

/// What `serve` answers to a token that it does not know.
const BAD_TOKEN: &[u8] = b"Bad Token";

impl From<ServeError> for AskFailure {
    fn from(error: ServeError) -> Self {
        let pause = match error {
            ServeError::TooMany { .. } | ServeError::TooLarge { .. } => Pause::Long,
            _ => Pause::Short,
        };
        Self::Whole { error: error.into(), pause }
    }
}

/// Returns a reference as `serve` reads it, which knows no bare names of parameters.
pub(super) fn sent_text(reference: &Reference) -> Secret {
    let text = Secret::new(reference.to_string());
    match reference.notation() {
        Notation::Ecs if !text.expose().starts_with("arn:") => {
            Secret::new(format!("ssm://{}", text.expose()))
        }
        _ => text,
    }
}
