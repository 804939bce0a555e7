//! The environment of a test: an emulator of AWS, files, and the built program to run in it.
//!
//! ```ignore
//! #[test]
//! fn malformed_region_is_refused() {
//!     let env = TestEnvironment::offline();
//!     assert_snapshot!(env.fails("credential-process --region Frankfurt"), @"…");
//! }
//! ```

mod control;
mod program;

pub(crate) use control::control;

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use insta::Settings;
#[cfg(test)]
use insta::assert_snapshot;
use insta::internals::SettingsBindDropGuard;
use roles_anywhere_emulator::{Emulator, PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) use program::{
    CommandOutput, Program, Running, copy_program, emulator, filters, host_identity, program,
};

/// The program and what surrounds it in one test. Snapshots are filtered as long as it exists.
pub(crate) struct TestEnvironment {
    program: Program,
    world: World,
    /// One for all tests, and one for each [`TestEnvironment::filter`]; the last one is dropped first.
    filters: Vec<SettingsBindDropGuard>,
}

impl Drop for TestEnvironment {
    fn drop(&mut self) {
        while self.filters.pop().is_some() {}
    }
}

/// What answers the program.
enum World {
    Emulated(Box<Emulator>),
    /// Nothing does: there is a directory only.
    Offline(TempDir),
}

impl TestEnvironment {
    /// Starts an emulator, and prepares the program to be run against it as the emulator says.
    pub(crate) fn new() -> Self {
        let emulator = emulator();
        Self::with(Program::new(&emulator), World::Emulated(Box::new(emulator)))
    }

    /// Prepares the program with the committed identity and no AWS to reach, which is cheaper: for
    /// help, usage errors, and all else that ends before a request.
    pub(crate) fn offline() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certs = Path::new(env!("CARGO_MANIFEST_DIR")).join("certs");
        let program = Program::offline(&certs)
            .base("XDG_RUNTIME_DIR", folder.path().join("run"))
            .base("AWS_SHARED_CREDENTIALS_FILE", folder.path().join("credentials"))
            .base("AWS_REGION", "us-east-1")
            .base("AWS_CA_BUNDLE", certs.join("tls-ca.pem"))
            // No one listens on the port of `tcpmux`.
            .base("AWS_ENDPOINT_URL", "https://127.0.0.1:1")
            .base("ROLES_ANYWHERE_CERTIFICATE", certs.join("leaf/p256.pem"))
            .base("ROLES_ANYWHERE_PRIVATE_KEY", certs.join("leaf/p256.key.pem"))
            .base("ROLES_ANYWHERE_INTERMEDIATES", certs.join("anchor/intermediate.pem"))
            .base("ROLES_ANYWHERE_TRUST_ANCHOR_ARN", TRUST_ANCHOR_ARN)
            .base("ROLES_ANYWHERE_PROFILE_ARN", PROFILE_ARN)
            .base("ROLES_ANYWHERE_ROLE_ARN", ROLE_ARN);
        Self::with(program, World::Offline(folder))
    }

    fn with(program: Program, world: World) -> Self {
        Self { program, world, filters: vec![filters().bind_to_scope()] }
    }

    /// Returns the emulator, which an offline environment does not have.
    pub(crate) fn emulator(&self) -> &Emulator {
        match &self.world {
            World::Emulated(emulator) => emulator,
            World::Offline(_) => unreachable!("an offline environment has no emulator"),
        }
    }

    /// Returns the operations that the emulator was asked for, in their order.
    pub(crate) fn operations(&self) -> Vec<String> {
        let requests = self.emulator().requests();
        requests.iter().map(|it| it["operation"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Returns the program with all that was set so far: to vary it, or to send it to a thread.
    pub(crate) fn program(&self) -> &Program {
        &self.program
    }

    /// Changes the program by a builder method of [`Program`] that is not repeated here.
    pub(crate) fn map(mut self, change: impl FnOnce(Program) -> Program) -> Self {
        self.program = change(self.program.clone());
        self
    }

    /// Returns the path of a file in the directory of this environment.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        match &self.world {
            World::Emulated(emulator) => emulator.directory().join(name),
            World::Offline(folder) => folder.path().join(name),
        }
    }

    /// Returns the text of a file in the directory of this environment.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Writes a file in the directory of this environment and returns its path.
    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, contents).unwrap();
        path
    }

    /// Writes a configuration file that only its owner can write, and returns its path.
    pub(crate) fn write_config(&self, name: &str, text: &str) -> PathBuf {
        let path = self.write(name, text);
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// Writes the configuration file that the program reads.
    pub(crate) fn config(self, text: &str) -> Self {
        let path = self.write_config("config.toml", text);
        self.var("ROLES_ANYWHERE_CONFIG", path)
    }

    /// Removes the variables of an identity and of ARNs: a role has its own.
    pub(crate) fn without_role_variables(self) -> Self {
        let names = [
            "CERTIFICATE",
            "PRIVATE_KEY",
            "INTERMEDIATES",
            "TRUST_ANCHOR_ARN",
            "PROFILE_ARN",
            "ROLE_ARN",
        ];
        names.iter().fold(self, |env, name| env.without(&format!("ROLES_ANYWHERE_{name}")))
    }

    /// As [`TestEnvironment::write`].
    pub(crate) fn file(self, name: &str, contents: impl AsRef<[u8]>) -> Self {
        self.write(name, contents);
        self
    }

    /// Replaces what else differs from run to run in snapshots.
    pub(crate) fn filter(mut self, regex: &str, replacement: &'static str) -> Self {
        let mut settings = Settings::clone_current();
        settings.add_filter(regex, replacement);
        self.filters.push(settings.bind_to_scope());
        self
    }

    /// Injects a fault into the emulator.
    pub(crate) fn fault(self, fault: Value) -> Self {
        self.emulator().fault(fault);
        self
    }

    /// Sets a variable; the snapshot shows it before the command.
    pub(crate) fn var(self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.map(|program| program.set(name, value))
    }

    /// Removes a variable; the snapshot shows that, too.
    pub(crate) fn without(self, name: &str) -> Self {
        self.map(|program| program.unset(name))
    }

    /// Sets certificate and key: `leaf/p256` and the like.
    pub(crate) fn identity(self, name: &str) -> Self {
        self.map(|program| program.identity(name))
    }

    /// Sets the certificate; a relative path is one of this environment.
    pub(crate) fn certificate(self, path: impl AsRef<Path>) -> Self {
        let path = self.path(path);
        self.var("ROLES_ANYWHERE_CERTIFICATE", path)
    }

    /// Sets the private key; a relative path is one of this environment.
    pub(crate) fn key(self, path: impl AsRef<Path>) -> Self {
        let path = self.path(path);
        self.var("ROLES_ANYWHERE_PRIVATE_KEY", path)
    }

    /// Keeps sessions on disk, as the program does by default.
    pub(crate) fn cached(self) -> Self {
        self.map(Program::cached)
    }

    /// Runs the program without a terminal.
    pub(crate) fn detached(self) -> Self {
        self.map(Program::detached)
    }

    /// Runs the program as the user nobody if the tests run as root.
    pub(crate) fn for_nobody(self) -> Self {
        self.map(Program::for_nobody)
    }

    /// Pipes these bytes to standard input, which is `/dev/null` otherwise.
    pub(crate) fn stdin(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.map(|program| program.stdin(bytes))
    }

    /// Opens a file of this environment as standard input.
    pub(crate) fn stdin_file(self, name: &str) -> Self {
        let path = self.path(name);
        self.map(|program| program.stdin_file(&path))
    }

    /// Runs the program with arguments that are separated by blanks.
    pub(crate) fn run(&self, arguments: &str) -> CommandOutput {
        self.run_args(&arguments.split_whitespace().collect::<Vec<_>>())
    }

    /// Runs the program.
    pub(crate) fn run_args(&self, arguments: &[&str]) -> CommandOutput {
        self.program.run(arguments)
    }

    /// Runs `credential-process` with these options, which has to succeed without a byte on standard
    /// error, and returns its document.
    #[track_caller]
    pub(crate) fn vend(&self, options: &str) -> Value {
        self.program.vend(&options.split_whitespace().collect::<Vec<_>>())
    }

    /// As [`TestEnvironment::run`], and requires what holds for every failure.
    #[track_caller]
    pub(crate) fn fails(&self, arguments: &str) -> CommandOutput {
        self.run(arguments).failed()
    }

    /// As [`TestEnvironment::run_args`], and requires what holds for every failure.
    #[track_caller]
    pub(crate) fn fails_args(&self, arguments: &[&str]) -> CommandOutput {
        self.run_args(arguments).failed()
    }
}

/// Returns the path of a file of `certs`.
pub(crate) fn committed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("certs").join(name)
}

/// Returns the path of a file of `certs/forms`.
pub(crate) fn form(name: &str) -> PathBuf {
    committed("forms").join(name)
}

#[test]
fn output_begins_with_the_command() {
    let env = TestEnvironment::offline()
        .var("ROLES_ANYWHERE_REGION", "Frank furt")
        .without("ROLES_ANYWHERE_ROLE_ARN");
    assert_snapshot!(env.fails("credential-process"), @r"
    $ env -u ROLES_ANYWHERE_ROLE_ARN ROLES_ANYWHERE_REGION='Frank furt' roles-anywhere credential-process
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: missing required option `--role-arn`
      hint: pass `--role-arn`, or set `ROLES_ANYWHERE_ROLE_ARN`
    ");
}

#[test]
fn standard_input_is_a_pipe_or_a_file() {
    let env = TestEnvironment::new();
    let key = env.read("leaf/p256.key.pem");
    let piped = env.stdin(key).run("credential-process --private-key -");
    assert_eq!(piped.code, 0, "{piped}");
    let env = TestEnvironment::new().stdin_file("leaf/p256.key.pem");
    let opened = env.run("credential-process --private-key -");
    assert_eq!(opened.code, 0, "{opened}");
}
