//! What a reload of the configuration file changes while requests are answered: what may be read, by whom,
//! and how.

use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::sync::oneshot;

use super::tokens::{SecretsToken, SecretsTokens};
use super::{PlannedToken, SecretsEndpoint, SecretsPolicy, TokenSource};
use crate::output::error::Error;
use roles_anywhere_client::input_source::{Action, FileError, InputSource};
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::secret::SecretBytes;

/// The policy and the tokens. A request sees one version of both.
#[derive(Debug)]
pub(super) struct EndpointRules {
    pub(super) policy: SecretsPolicy,
    pub(super) tokens: SecretsTokens,
}

/// How long the file of a new token is read: a file system may hang.
const OPEN_LIMIT: Duration = Duration::from_secs(5);

impl SecretsEndpoint {
    /// Returns the policy and the tokens as they are now.
    pub(super) fn rules(&self) -> Rc<EndpointRules> {
        Rc::clone(&self.rules.borrow())
    }

    /// Opens tokens beside the current ones; those that did not change stay. An error if the file of one
    /// cannot be read, or if one is empty.
    pub async fn open_tokens(
        &self,
        planned: &[PlannedToken],
    ) -> Result<Vec<Rc<SecretsToken>>, Error> {
        let rules = self.rules();
        let mut tokens = Vec::with_capacity(planned.len());
        for planned in planned {
            let token = match (rules.tokens.unchanged(planned), &planned.source) {
                (Some(token), _) => token,
                (None, TokenSource::Value(_)) => {
                    Rc::new(SecretsToken::open(planned.clone(), &*self.ports.files)?)
                }
                (None, TokenSource::File(source)) => {
                    let contents = read(source, &self.ports).await?;
                    Rc::new(SecretsToken::of_file(planned, source, &contents)?)
                }
            };
            tokens.push(token);
        }
        Ok(tokens)
    }

    /// Returns the token that this process made, if it made one.
    pub fn own_token(&self) -> Option<Rc<SecretsToken>> {
        self.rules().tokens.own()
    }

    /// Answers the next requests by `policy` and to the holders of `tokens`. A token of this process that
    /// is not among them ends.
    pub fn replace(&self, policy: SecretsPolicy, tokens: Vec<Rc<SecretsToken>>) {
        self.limit.set(policy.connections);
        let own = self.own_token().filter(|own| !tokens.iter().any(|it| Rc::ptr_eq(it, own)));
        if let Some(own) = own {
            own.withdraw(&self.audit);
        }
        let tokens = SecretsTokens::of(tokens);
        self.rules.replace(Rc::new(EndpointRules { policy, tokens }));
    }
}

/// Reads a file on another thread.
async fn read(source: &InputSource, ports: &Ports) -> Result<SecretBytes, FileError> {
    let (sender, read) = oneshot::channel();
    let (files, of_thread) = (Arc::clone(&ports.files), source.clone());
    ports.blocking.run(Box::new(move || drop(sender.send(files.read(&of_thread)))));
    let late = || {
        let (place, error) = (source.name(false), io::ErrorKind::TimedOut);
        FileError { action: Action::Read, place, source: error.into() }
    };
    match select(pin!(read), ports.timer.sleep(OPEN_LIMIT)).await {
        Either::Left((read, _)) => read.unwrap_or_else(|_| Err(late())),
        Either::Right(_) => Err(late()),
    }
}
