//! The emulator as a library: started in one call, stopped when dropped.

mod directory;

use std::ffi::{OsStr, OsString};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::aws_files::AwsFiles;
use crate::clock::Clock;
use crate::environment::{ClientEnvironment, ClientSettings};
use crate::error::Error;
use crate::guard::Guard;
use crate::log::RequestObserver;
use crate::network::{Network, TlsMode};
use crate::os;
use crate::pki::Pki;
use crate::server::{self, Listeners};
use crate::state::{Shared, State, Strictness};
use crate::x509::Certificate;
use directory::Directory;

/// How an emulator behaves and where it is. The default is strict, on free ports of loopback, in a
/// directory of its own.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// As production is: notes what the documentation forbids and production lets through.
    pub lenient: bool,
    /// What AWS holds. The default is what is built in.
    pub aws: AwsFiles,
    /// Secrets to add: name → string | object | `{"SecretBinary": base64}`.
    pub secrets: Option<Value>,
    /// Faults to begin with, as `POST /faults` takes them.
    pub faults: Option<Value>,
    /// Ends every session so many seconds after it was vended.
    pub session_seconds: Option<u64>,
    /// The tool that the AWS configuration names; by default `roles-anywhere` on `PATH`.
    pub tool: Option<PathBuf>,
    /// Where to write everything, and leave it; by default a private temporary directory. It is
    /// empty or not there yet, or an emulator's from before.
    pub directory: Option<PathBuf>,
    /// Takes a line for each request.
    pub observer: Option<RequestObserver>,
    /// Where to listen, and by which names clients reach it.
    pub network: Network,
}

/// A running emulator. Dropping it stops its servers and removes its directory.
#[derive(Debug)]
pub struct Emulator {
    endpoint: String,
    sdk_endpoint: String,
    control_url: String,
    client: ClientSettings,
    warnings: Vec<String>,
    shared: Shared,
    server: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    // Last, so that it is removed after the servers have stopped.
    directory: Directory,
}

impl Emulator {
    /// Makes the PKI (once a process), writes the directory, and serves on a thread of its own.
    pub fn start(options: Options) -> Result<Self, Error> {
        let pki = Pki::shared()?;
        let directory = Directory::create(options.directory)?;
        let tls = pki.tls(options.network.certificate_names())?;
        pki.write(directory.path(), &tls)?;
        let strictness = if options.lenient { Strictness::Lenient } else { Strictness::Documented };
        let now = Clock::default().now();
        let loaded = options.aws.load(&pki, now)?;
        let warnings = loaded.warnings.iter().map(ToString::to_string).collect();
        let client = ClientSettings::new(&loaded.value, options.aws.config.is_none());
        let mut state = State::new(loaded.value, strictness);
        if let Some(file) = options.secrets {
            let home = state.resources.home.clone();
            state.resources.secrets.seed(&home, &file, now)?;
        }
        if let Some(faults) = options.faults {
            state.faults.add(faults)?;
        }
        state.end_after_seconds = options.session_seconds;
        state.log.observe(options.observer);
        let network = options.network;
        let (aws, aws_address) = listen("--listen", network.listen)?;
        let (control, control_address) = listen("--control-listen", network.control_listen)?;
        let endpoint = format!("https://{}", network.aws_host(aws_address));
        let sdk_endpoint = match network.tls {
            TlsMode::Required => endpoint.clone(),
            TlsMode::Optional => format!("http://{}", network.aws_host(aws_address)),
        };
        let control_url = format!("http://{}", network.control_host(control_address));
        let tool = options.tool.unwrap_or_else(|| PathBuf::from("roles-anywhere"));
        directory.write_configuration(&client, &endpoint, &tool)?;
        let listeners = Listeners {
            aws,
            tls_mode: network.tls,
            tls: server::tls(tls.certificate(), tls.key())?,
            control,
            guard: Guard::new(&network, control_address),
        };
        let shared = Shared::new(state);
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("emulator".to_owned())
            .spawn({
                let shared = shared.clone();
                // Only the runtime can fail here; connections are refused from then on.
                move || drop(server::serve(listeners, &shared, stopped))
            })
            .map_err(|source| Error::Process("start a thread", source))?;
        Ok(Self {
            endpoint,
            sdk_endpoint,
            control_url,
            shared,
            client,
            warnings,
            server: Some((stop, thread)),
            directory,
        })
    }

    /// Returns `https://HOST:PORT`, where all of AWS is.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns `http://HOST:PORT`, where the control API is.
    pub fn control_url(&self) -> &str {
        &self.control_url
    }

    /// Returns the directory with the PKI, the AWS configuration and a private `run/`.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Returns what in the configuration has no effect, a line each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Returns whether a command keeps a variable that it inherits.
    #[cfg(unix)]
    pub(crate) fn inherits(&self, name: &OsStr) -> bool {
        self.client.inherits(name)
    }

    /// Returns what a command is to have in its environment, but for `PATH`.
    pub fn environment(&self) -> Vec<(String, OsString)> {
        let environment = ClientEnvironment {
            settings: &self.client,
            directory: self.directory.path(),
            endpoint: &self.endpoint,
            sdk_endpoint: &self.sdk_endpoint,
            control_url: &self.control_url,
        };
        environment.variables()
    }

    /// Injects a fault or an array of them, as `POST /faults` does.
    ///
    /// # Panics
    ///
    /// If it is not one: a test whose fault is misspelt must not pass for want of it.
    #[expect(clippy::needless_pass_by_value, reason = "written as fault(json!({…}))")]
    pub fn fault(&self, fault: Value) {
        let added = self.shared.lock().faults.add(fault.clone());
        assert!(added.is_ok(), "not a fault: {fault}");
    }

    /// Takes back the faults that are left.
    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear();
    }

    /// Moves the clock on, or back by a negative number.
    pub fn advance(&self, seconds: i64) {
        self.shared.lock().clock.advance(seconds);
    }

    /// Ends later sessions so many seconds after they are vended; `None` undoes it.
    pub fn end_sessions_after(&self, seconds: Option<u64>) {
        self.shared.lock().end_after_seconds = seconds;
    }

    /// Has access keys that are created later accepted after so many seconds.
    pub fn delay_keys(&self, seconds: u32) {
        let delay = time::Duration::seconds(seconds.into());
        self.shared.lock().resources.users.key_propagation = delay;
    }

    /// Enables or disables a profile.
    pub fn enable_profile(&self, arn: &str, enabled: bool) {
        self.shared.lock().enable_profile(arn, enabled);
    }

    /// Enables or disables a trust anchor.
    pub fn enable_trust_anchor(&self, arn: &str, enabled: bool) {
        self.shared.lock().enable_trust_anchor(arn, enabled);
    }

    /// Gives a trust anchor another certificate, in PEM.
    ///
    /// # Panics
    ///
    /// If it is not one certificate, or if there is no trust anchor of that ARN.
    pub fn replace_trust_anchor(&self, arn: &str, certificate: &str) {
        let block = pem::parse(certificate).ok();
        let der = block.map(pem::Pem::into_contents).filter(|der| Certificate::parse(der).is_ok());
        let replaced = der.is_some_and(|der| self.shared.lock().replace_trust_anchor(arn, der));
        assert!(replaced, "not a certificate, or no trust anchor {arn}");
    }

    /// Revokes the certificate of a serial number in decimal.
    pub fn revoke(&self, serial: &str) {
        self.shared.lock().revoked.insert(serial.to_owned());
    }

    /// Returns the log of requests, as `GET /requests` does.
    pub fn requests(&self) -> Vec<Value> {
        self.shared.lock().log.iter().map(|entry| json!(entry)).collect()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.server.take() {
            drop(stop);
            let _ = thread.join();
        }
    }
}

fn listen(option: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    os::listen(address).map_err(|source| Error::Listen { option, address, source })
}
