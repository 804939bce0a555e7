//! What the process that becomes a program and the detached process that serves it tell each other.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::app::credentials_endpoint::StartedEndpoint;
use crate::output::error::Error;
use crate::output::run::RunError;
use roles_anywhere_client::credentials::{Credentials, RoleSessionName, Session};
use roles_anywhere_client::input_source::Location;
use roles_anywhere_client::provider::ErrorKind;
use roles_anywhere_client::secret::{Secret, SecretBytes};
use roles_anywhere_client::text::path;
use roles_anywhere_client::time::Timestamp;

/// What the detached process is told.
#[derive(Debug)]
pub(super) struct Handover {
    /// The command line, without the program that it runs.
    pub(super) words: Vec<String>,
    /// The first session.
    pub(super) session: Session,
    /// The password of the private key, if it was typed.
    pub(super) password: Option<Secret>,
    /// The inputs that can be read only once, and their contents.
    pub(super) inputs: BTreeMap<Location, SecretBytes>,
    /// The directory to remove at the end.
    pub(super) directory: Option<PathBuf>,
}

impl Handover {
    /// Returns the message.
    pub(super) fn render(&self) -> SecretBytes {
        let Self { words, session, password, inputs, directory } = self;
        let inputs: Vec<(InputName, Secret)> = inputs
            .iter()
            .filter_map(|(location, bytes)| {
                Some((InputName::of(location)?, Secret::new(STANDARD.encode(bytes.expose()))))
            })
            .collect();
        let Session { credentials, received, lifetime_seconds, clock_offset } = session;
        let message = HandoverJson {
            words: words.iter().map(String::as_str).collect(),
            session: SessionJson {
                access_key_id: credentials.access_key_id.as_str(),
                secret_access_key: credentials.secret_access_key.expose(),
                session_token: credentials.session_token.expose(),
                expiration: credentials.expiration.unix(),
                account_id: &credentials.account_id,
                session_name: credentials.role_session_name.as_ref().map(RoleSessionName::as_str),
                received: received.unix(),
                lifetime_seconds: *lifetime_seconds,
                clock_offset: *clock_offset,
            },
            password: password.as_ref().map(Secret::expose),
            inputs: inputs.iter().map(|(name, bytes)| (name.clone(), bytes.expose())).collect(),
            directory: directory.clone().map(|path| path::text(path.into_os_string())),
        };
        json(&message)
    }

    /// Parses the message.
    pub(super) fn parse(message: &SecretBytes) -> Option<Self> {
        let message: HandoverJson<String, Secret> =
            serde_json::from_slice(message.expose()).ok()?;
        let session = message.session;
        let inputs = message.inputs.into_iter().map(|(name, bytes)| {
            Some((name.into(), SecretBytes::new(STANDARD.decode(bytes.expose()).ok()?)))
        });
        Some(Self {
            words: message.words,
            session: Session {
                credentials: Credentials {
                    access_key_id: session.access_key_id,
                    secret_access_key: session.secret_access_key,
                    session_token: session.session_token,
                    expiration: Timestamp::from_unix(session.expiration),
                    account_id: session.account_id,
                    role_session_name: match session.session_name {
                        Some(name) => Some(RoleSessionName::parse(&name)?),
                        None => None,
                    },
                },
                received: Timestamp::from_unix(session.received),
                lifetime_seconds: session.lifetime_seconds,
                clock_offset: session.clock_offset,
            },
            password: message.password,
            inputs: inputs.collect::<Option<_>>()?,
            directory: message.directory.map(|text| path::path(&text)),
        })
    }
}

/// Returns the answer of the detached process: where it serves, or why it does not.
pub(super) fn answer(started: Result<StartedEndpoint, &Error>) -> SecretBytes {
    match started {
        Ok(StartedEndpoint { url, token }) => json(&Answer::Ready { url, token: token.expose() }),
        Err(error) => json(&Answer::<&str>::Failed {
            kind: error.kind().name().to_owned(),
            reason: error.reasons().join(": "),
            hints: error.hints().to_vec(),
        }),
    }
}

/// Parses the answer of the detached process.
pub(super) fn parse_answer(answer: &SecretBytes) -> Result<StartedEndpoint, Error> {
    match serde_json::from_slice(answer.expose()) {
        Ok(Answer::Ready { url, token }) => Ok(StartedEndpoint { url, token }),
        Ok(Answer::<Secret>::Failed { kind, reason, hints }) => {
            let kinds = [ErrorKind::Identity, ErrorKind::Refused, ErrorKind::Unreachable];
            let known = kinds.into_iter().find(|known| known.name() == kind);
            let kind = known.unwrap_or(ErrorKind::Local);
            Err(RunError::CredentialsEndpoint { kind, reason, hints }.into())
        }
        Err(_) => {
            let reason = "it ended before it was ready".to_owned();
            let (kind, hints) = (ErrorKind::Internal, Vec::new());
            Err(RunError::CredentialsEndpoint { kind, reason, hints }.into())
        }
    }
}

/// Renders a message. Its buffer does not grow: a smaller one that it leaves behind would not be wiped.
fn json(message: &impl Serialize) -> SecretBytes {
    let mut length = CountedBytes(0);
    serde_json::to_writer(&mut length, message).expect("strings and numbers serialize");
    let mut bytes = Vec::with_capacity(length.0);
    serde_json::to_writer(&mut bytes, message).expect("strings and numbers serialize");
    SecretBytes::new(bytes)
}

/// Counts what is written to it.
struct CountedBytes(usize);

impl std::io::Write for CountedBytes {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct HandoverJson<T, S> {
    words: Vec<T>,
    session: SessionJson<T, S>,
    password: Option<S>,
    inputs: Vec<(InputName, S)>,
    directory: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SessionJson<T, S> {
    access_key_id: T,
    secret_access_key: S,
    session_token: S,
    expiration: i64,
    account_id: T,
    session_name: Option<T>,
    received: i64,
    lifetime_seconds: i64,
    clock_offset: i64,
}

/// An input that can be read only once.
#[derive(Clone, Deserialize, Serialize)]
enum InputName {
    Stdin,
    Descriptor(u32),
    /// A pipe that has a name.
    File(String),
}

impl InputName {
    fn of(location: &Location) -> Option<Self> {
        Some(match location {
            Location::Stdin => Self::Stdin,
            Location::Descriptor(number) => Self::Descriptor(*number),
            Location::File(path) => Self::File(path::text(path.clone().into_os_string())),
            // The detached process has the same variables.
            Location::Variable(_) => return None,
        })
    }
}

impl From<InputName> for Location {
    fn from(name: InputName) -> Self {
        match name {
            InputName::Stdin => Self::Stdin,
            InputName::Descriptor(number) => Self::Descriptor(number),
            InputName::File(text) => Self::File(path::path(&text)),
        }
    }
}

#[derive(Deserialize, Serialize)]
enum Answer<S> {
    Ready { url: String, token: S },
    Failed { kind: String, reason: String, hints: Vec<String> },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handover() -> Handover {
        let received = Timestamp::from_unix(1_440_938_160);
        let texts = [(Location::Stdin, vec![0, 255]), (Location::Descriptor(7), b"key".to_vec())];
        let pipe = Location::File(path::path("/dev/fd/\u{10ff80}63"));
        let texts = texts.into_iter().chain([(pipe, Vec::new())]);
        Handover {
            words: vec!["roles-anywhere".to_owned(), "exec".to_owned(), "\u{10ff80}\n".to_owned()],
            session: Session {
                credentials: Credentials {
                    access_key_id: "ASIAEXAMPLE".to_owned(),
                    secret_access_key: Secret::new("a/secret+".to_owned()),
                    session_token: Secret::new("token".to_owned()),
                    expiration: received.after(3_600),
                    account_id: "123456789012".to_owned(),
                    role_session_name: RoleSessionName::parse("plant"),
                },
                received,
                lifetime_seconds: 3_600,
                clock_offset: -7,
            },
            password: Some(Secret::new("hunter\"2".to_owned())),
            inputs: texts.map(|(at, bytes)| (at, SecretBytes::new(bytes))).collect(),
            directory: Some(path::path("/run/\u{10ff80}")),
        }
    }

    #[test]
    fn a_message_is_read_as_it_was_written() {
        let written = handover();
        let read = Handover::parse(&written.render()).unwrap();
        // Debug output hides the secrets.
        assert_eq!(format!("{read:?}"), format!("{written:?}"));
        let secrets = |it: &Handover| {
            let Credentials { secret_access_key, session_token, .. } = &it.session.credentials;
            let secrets = [Some(secret_access_key), Some(session_token), it.password.as_ref()];
            secrets.map(|secret| secret.map(|secret| secret.expose().to_owned()))
        };
        assert_eq!(secrets(&read), secrets(&written));
        let inputs = |it: &Handover| {
            let inputs = it.inputs.iter();
            inputs.map(|(at, bytes)| (at.clone(), bytes.expose().to_vec())).collect::<Vec<_>>()
        };
        assert_eq!(inputs(&read), inputs(&written));
    }

    #[test]
    fn a_damaged_message_is_refused() {
        let message = handover().render();
        for length in 0..message.expose().len() {
            let cut = SecretBytes::new(message.expose()[..length].to_vec());
            assert!(Handover::parse(&cut).is_none(), "{length}");
        }
    }

    #[test]
    fn an_answer_says_where_it_serves_or_why_not() {
        let started = StartedEndpoint {
            url: "http://127.0.0.1:1/credentials".to_owned(),
            token: Secret::new("t".to_owned()),
        };
        let read = parse_answer(&answer(Ok(started.clone()))).unwrap();
        assert_eq!((read.url, read.token.expose()), (started.url, "t"));
        let failed: Error = RunError::WaitTimedOut { limit: std::time::Duration::ZERO }.into();
        let read = parse_answer(&answer(Err(&failed))).unwrap_err();
        assert_eq!((read.kind(), read.hints()), (failed.kind(), failed.hints()));
        assert!(read.summary().ends_with(&failed.summary()), "{}", read.summary());
        let nothing = parse_answer(&SecretBytes::default()).unwrap_err();
        assert!(nothing.summary().ends_with("it ended before it was ready"));
    }
}
