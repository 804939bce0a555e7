//! The built binary, run as a user runs it, in the world of an emulator.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::Read;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use roles_anywhere_emulator::{Emulator, Options};

use crate::leak;

/// Starts an emulator of its own for one test.
pub(crate) fn emulator() -> Emulator {
    let emulator = Emulator::start(Options::default()).unwrap();
    leak::learn(emulator.directory());
    emulator
}

/// The binary and the variables that it is run with: the emulator's, and no others.
#[derive(Clone)]
pub(crate) struct Tool {
    program: PathBuf,
    launcher: &'static [&'static str],
    user: Option<u32>,
    directory: PathBuf,
    variables: Vec<(String, OsString)>,
}

impl Tool {
    pub(crate) fn new(emulator: &Emulator) -> Self {
        Self {
            program: PathBuf::from(env!("CARGO_BIN_EXE_roles-anywhere")),
            launcher: &[],
            user: None,
            directory: emulator.directory().to_owned(),
            variables: emulator.environment(),
        }
        .set("ROLES_ANYWHERE_NO_CACHE", "1")
    }

    /// Keeps sessions in the emulator's directory, as the tool does by default.
    pub(crate) fn cached(self) -> Self {
        self.unset("ROLES_ANYWHERE_NO_CACHE")
    }

    /// Runs the binary under another name.
    pub(crate) fn called(mut self, program: &Path) -> Self {
        self.program = program.to_owned();
        self
    }

    /// Runs the binary as the user nobody where the tests run as root.
    pub(crate) fn for_nobody(mut self) -> Self {
        use std::os::unix::fs::MetadataExt;
        let root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
        self.user = root.then_some(65_534);
        self
    }

    /// Runs the binary without a terminal, as a service has none.
    pub(crate) fn detached(mut self) -> Self {
        self.launcher = &["setsid", "--wait"];
        self
    }

    /// Runs the binary for a minute at most: it should end by itself.
    pub(crate) fn for_a_minute(mut self) -> Self {
        self.launcher = &["timeout", "60"];
        self
    }

    /// Runs the binary with at most 20 file descriptors.
    pub(crate) fn with_few_descriptors(mut self) -> Self {
        self.launcher = &["prlimit", "--nofile=20:20"];
        self
    }

    /// Runs the binary so that it can write the first 200 bytes of a file only.
    pub(crate) fn with_small_files(mut self) -> Self {
        self.launcher = &["prlimit", "--fsize=200:200"];
        self
    }

    pub(crate) fn set(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self = self.unset(name);
        self.variables.push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    pub(crate) fn unset(mut self, name: &str) -> Self {
        self.variables.retain(|(own, _)| own != name);
        self
    }

    /// Takes certificate and key of the emulator's directory: `leaf/p256` and the like.
    pub(crate) fn identity(self, name: &str) -> Self {
        let path = |ending: &str| self.directory.join(format!("{name}{ending}"));
        let (certificate, key) = (path(".pem"), path(".key.pem"));
        self.set("ROLES_ANYWHERE_CERTIFICATE", certificate).set("ROLES_ANYWHERE_PRIVATE_KEY", key)
    }

    pub(crate) fn certificate(self, path: impl AsRef<Path>) -> Self {
        let path = self.directory.join(path);
        self.set("ROLES_ANYWHERE_CERTIFICATE", path)
    }

    pub(crate) fn key(self, path: impl AsRef<Path>) -> Self {
        let path = self.directory.join(path);
        self.set("ROLES_ANYWHERE_PRIVATE_KEY", path)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_into(arguments, Stdio::piped())
    }

    pub(crate) fn run_into(&self, arguments: &[&str], stdout: Stdio) -> Outcome {
        let child = self.command(arguments).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
        Outcome::of(Running(child))
    }

    /// Starts the binary and lets it run, for the test to wait for or to kill.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Running {
        self.spawn_into(arguments, Stdio::piped())
    }

    /// As [`Tool::spawn`], with a standard error of the test's own.
    pub(crate) fn spawn_into(&self, arguments: &[&str], stderr: impl Into<Stdio>) -> Running {
        Running(self.command(arguments).stdout(Stdio::piped()).stderr(stderr).spawn().unwrap())
    }

    /// Starts the binary and lets it run; as the user nobody where the tests run as root,
    /// from a copy that nobody can reach. The folder of the copy has to outlive the process.
    #[cfg(target_os = "linux")]
    pub(crate) fn spawn_as_nobody(self, arguments: &[&str]) -> (Running, tempfile::TempDir) {
        let (tool, folder) = self.reachable();
        let mut command = tool.for_nobody().command(arguments);
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        (Running(child), folder)
    }

    /// Copies the binary to a folder that every user can reach.
    pub(crate) fn reachable(self) -> (Self, tempfile::TempDir) {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).unwrap();
        let copy = folder.path().join("roles-anywhere");
        copy_program(&self.program, &copy);
        (self.called(&copy), folder)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        // A test may have made the key of this run.
        let values = self.variables.iter().map(|(_, value)| Path::new(value));
        values.chain(arguments.iter().map(Path::new)).for_each(leak::learn_file);
        let mut command = match self.launcher {
            [launcher, options @ ..] => {
                let mut command = Command::new(launcher);
                command.args(options).arg(&self.program);
                command
            }
            [] => Command::new(&self.program),
        };
        if let Some(user) = self.user {
            use std::os::unix::process::CommandExt;
            command.uid(user);
        }
        command
            .args(arguments)
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Vends, which has to succeed without a byte on stderr, and returns the document.
    pub(crate) fn vend(&self, arguments: &[&str]) -> serde_json::Value {
        let outcome = self.run(&[&["credential-process"], arguments].concat());
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome}");
        outcome.json()
    }
}

/// A run that has not ended; what it said and no test read is searched for secrets once it has.
pub(crate) struct Running(Child);

impl Running {
    /// Waits for the end and returns all that it said.
    fn output(&mut self) -> (Vec<u8>, Vec<u8>) {
        let (stdout, stderr) = (self.0.stdout.take(), self.0.stderr.take());
        let stderr = thread::spawn(|| read(stderr));
        (read(stdout), stderr.join().unwrap())
    }
}

impl Deref for Running {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !thread::panicking() && self.0.try_wait().is_ok_and(|status| status.is_some()) {
            let (stdout, stderr) = self.output();
            leak::check(&stdout);
            leak::check(&stderr);
        }
    }
}

fn read(stream: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        stream.read_to_end(&mut bytes).unwrap();
    }
    bytes
}

/// What came of a run. Its `Display` is what snapshots hold.
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Waits for the end of a run.
    pub(crate) fn of(mut run: Running) -> Self {
        let (stdout, stderr) = run.output();
        leak::check(&stdout);
        leak::check(&stderr);
        let code = run.wait().unwrap().code().unwrap_or(-1);
        Self { code, stdout, stderr: String::from_utf8(stderr).unwrap() }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout).unwrap()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stdout = String::from_utf8_lossy(&self.stdout);
        let stdout = if stdout.is_empty() { "(nothing)" } else { stdout.trim_end() };
        write!(f, "exit {}\nstdout: {stdout}\n{}", self.code, self.stderr.trim_end())
    }
}

/// Runs `check` with what differs from run to run replaced in snapshots.
pub(crate) fn steady(check: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.add_filter(env!("CARGO_MANIFEST_DIR"), "REPO");
    settings.add_filter(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT");
    settings.add_filter(r"/[^\s`]*/(roles-anywhere-emulator|\.tmp)[^/`\s]*", "DIR");
    settings.add_filter(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\)", "UUID)");
    settings.add_filter(r"it is \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ now", "it is NOW now");
    settings.add_filter(
        r"\d+ (d|h|min) \d+ (h|min|s) (behind|ahead of) AWS's \(\S+ here, \S+ there\)",
        "SPAN $3 AWS's (NOW here, NOW there)",
    );
    settings.add_filter(r"serial \d{10,}", "serial SERIAL");
    settings.add_filter(r"assumed-role/(\w+)/[0-9a-f]+", "assumed-role/$1/SERIAL");
    settings.bind(check);
}

/// Copies a program by a process of its own: where this one had the copy open to write it, a child
/// of another test may have it still, and it could not be run yet.
pub(crate) fn copy_program(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-p").args([from, to]).status().unwrap().success());
}
