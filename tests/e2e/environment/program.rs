//! The built program, run as a user runs it, and its output.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::ops::{Deref, DerefMut};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;

use roles_anywhere_emulator::{Emulator, Options};

use crate::leak;

/// Starts an emulator for one test.
pub(crate) fn emulator() -> Emulator {
    let emulator = Emulator::start(Options::default()).unwrap();
    leak::learn(emulator.directory());
    emulator
}

/// The program and the variables that it is run with, and no others.
#[derive(Clone)]
pub(crate) struct Program {
    program: PathBuf,
    launcher: &'static [&'static str],
    user: Option<u32>,
    /// Where certificates and keys are.
    directory: PathBuf,
    variables: Vec<(String, OsString)>,
    /// What a test set, or removed, beyond the variables of its environment.
    changes: Vec<(String, Option<OsString>)>,
    stdin: StdinSource,
}

/// What standard input is.
#[derive(Clone)]
enum StdinSource {
    Null,
    Pipe(Vec<u8>),
    File(PathBuf),
    Open(Arc<OwnedFd>),
}

/// Returns the program: the one that ROLES_ANYWHERE_TOOL names, such as the release build, or the one
/// of this build.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("ROLES_ANYWHERE_TOOL")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_roles-anywhere")), PathBuf::from)
}

/// Returns the table `[identity.host]` with the identity that an emulator writes.
pub(crate) fn host_identity(emulator: &Emulator) -> String {
    let directory = emulator.directory().display();
    format!(
        "[identity.host]\n\
         certificate = \"{directory}/leaf/p256.pem\"\n\
         private-key = \"{directory}/leaf/p256.key.pem\"\n\
         intermediates = \"{directory}/anchor/intermediate.pem\"\n"
    )
}

impl Program {
    pub(crate) fn new(emulator: &Emulator) -> Self {
        let mut program = Self::offline(emulator.directory());
        program.variables.extend(emulator.environment());
        program
    }

    /// Returns the program without any variable but the one that keeps it from caching.
    pub(crate) fn offline(directory: &Path) -> Self {
        Self {
            program: program(),
            launcher: &[],
            user: None,
            directory: directory.to_owned(),
            variables: Vec::new(),
            changes: Vec::new(),
            stdin: StdinSource::Null,
        }
        .base("ROLES_ANYWHERE_NO_CACHE", "1")
    }

    /// Writes a configuration file of the identity `host` and these tables into `folder`, and returns
    /// the program that reads it, without other variables.
    pub(crate) fn with_config(emulator: &Emulator, folder: &Path, tables: &str) -> Self {
        let file = folder.join("config.toml");
        fs::write(&file, host_identity(emulator) + tables).unwrap();
        Self::offline(emulator.directory()).base("ROLES_ANYWHERE_CONFIG", file)
    }

    /// Sets a variable that every command of the environment has: no snapshot shows it.
    pub(crate) fn base(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Keeps sessions on disk, as the program does by default.
    pub(crate) fn cached(mut self) -> Self {
        self.variables.retain(|(name, _)| name != "ROLES_ANYWHERE_NO_CACHE");
        self
    }

    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = StdinSource::Pipe(bytes.into());
        self
    }

    pub(crate) fn stdin_file(mut self, path: &Path) -> Self {
        self.stdin = StdinSource::File(path.to_owned());
        self
    }

    /// Has an open file as standard input.
    pub(crate) fn stdin_open(mut self, file: &Arc<OwnedFd>) -> Self {
        self.stdin = StdinSource::Open(Arc::clone(file));
        self
    }

    /// Runs the binary by another command, which is given its path and its arguments.
    pub(crate) fn launched_by(mut self, launcher: &'static [&'static str]) -> Self {
        self.launcher = launcher;
        self
    }

    /// Runs the binary under another name.
    pub(crate) fn called(mut self, program: &Path) -> Self {
        self.program = program.to_owned();
        self
    }

    /// Runs the binary as the user nobody if the tests run as root.
    pub(crate) fn for_nobody(mut self) -> Self {
        use std::os::unix::fs::MetadataExt;
        let root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
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

    pub(crate) fn set(self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.change(name, Some(value.as_ref().to_owned()))
    }

    pub(crate) fn unset(self, name: &str) -> Self {
        self.change(name, None)
    }

    fn change(mut self, name: &str, value: Option<OsString>) -> Self {
        self.variables.retain(|(own, _)| own != name);
        self.changes.retain(|(own, _)| own != name);
        self.variables.extend(value.clone().map(|value| (name.to_owned(), value)));
        self.changes.push((name.to_owned(), value));
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

    pub(crate) fn run(&self, arguments: &[&str]) -> CommandOutput {
        self.run_into(arguments, Stdio::piped())
    }

    pub(crate) fn run_into(&self, arguments: &[&str], stdout: Stdio) -> CommandOutput {
        let mut command = self.command(arguments);
        let mut child = command.stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
        let feeder = self.feed(&mut child);
        let output = CommandOutput::of(Running(child)).to(self.shown(arguments));
        if let Some(feeder) = feeder {
            feeder.join().unwrap();
        }
        output
    }

    /// Writes what goes to standard input, if it is a pipe, beside what reads the output.
    fn feed(&self, child: &mut Child) -> Option<thread::JoinHandle<()>> {
        let (StdinSource::Pipe(bytes), Some(mut pipe)) = (&self.stdin, child.stdin.take()) else {
            return None;
        };
        let bytes = bytes.clone();
        // The program may end before it has read it all.
        Some(thread::spawn(move || drop(pipe.write_all(&bytes))))
    }

    /// Returns the command as a shell would be given it.
    fn shown(&self, arguments: &[&str]) -> String {
        let removed = self.changes.iter().filter(|(_, value)| value.is_none());
        let mut words: Vec<String> = removed.map(|(name, _)| format!("-u {name}")).collect();
        if !words.is_empty() {
            words.insert(0, "env".to_owned());
        }
        let set = self.changes.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        words.extend(set.map(|(name, value)| format!("{name}={}", quoted(value))));
        words.push("roles-anywhere".to_owned());
        words.extend(arguments.iter().map(|argument| quoted(OsStr::new(argument))));
        match &self.stdin {
            StdinSource::Null => {}
            StdinSource::Pipe(bytes) => words.push(format!("< (pipe of {} bytes)", bytes.len())),
            StdinSource::File(path) => words.push(format!("< {}", path.display())),
            StdinSource::Open(_) => words.push("< (an open file)".to_owned()),
        }
        format!("$ {}", words.join(" "))
    }

    /// Starts the binary and lets it run, for the test to wait for or to kill.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Running {
        self.spawn_into(arguments, Stdio::piped())
    }

    /// As [`Program::spawn`], with another standard error.
    pub(crate) fn spawn_into(&self, arguments: &[&str], stderr: impl Into<Stdio>) -> Running {
        Running(self.command(arguments).stdout(Stdio::piped()).stderr(stderr).spawn().unwrap())
    }

    /// Starts the binary and lets it run, as the user nobody if the tests run as root, from a copy in
    /// a folder that this user can reach. The folder has to outlive the process.
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
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(folder.path(), open).unwrap();
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
            .stdin(match &self.stdin {
                StdinSource::Null => Stdio::null(),
                StdinSource::Pipe(_) => Stdio::piped(),
                StdinSource::File(path) => File::open(path).unwrap().into(),
                StdinSource::Open(file) => file.try_clone().unwrap().into(),
            });
        command
    }

    /// Vends, which has to succeed without a byte on stderr, and returns the document.
    #[track_caller]
    pub(crate) fn vend(&self, arguments: &[&str]) -> serde_json::Value {
        let outcome = self.run(&[&["credential-process"], arguments].concat());
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome}");
        outcome.json()
    }
}

/// A process that may still run. When it has ended, output that no test read is searched for secrets.
pub(crate) struct Running(Child);

impl Running {
    /// Waits for the end and returns the whole output.
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

/// Quotes a word for a shell if that is needed. Of one that is long, which is most likely a key of
/// this run, only the beginning is shown.
fn quoted(word: &OsStr) -> String {
    const LONGEST: usize = 200;
    let word = word.to_string_lossy();
    let (word, rest) = match word.char_indices().nth(24) {
        Some((end, _)) if word.len() > LONGEST => (&word[..end], "…"),
        _ => (&*word, ""),
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=+:,./@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return format!("{word}{rest}");
    }
    format!("'{}{rest}'", word.replace('\'', r"'\''"))
}

/// The output and exit code of a run. Its `Display` is what snapshots hold.
pub(crate) struct CommandOutput {
    /// What was run, with its prompt; empty of a run that was spawned.
    command: String,
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl CommandOutput {
    /// Waits for the end of a run.
    pub(crate) fn of(mut run: Running) -> Self {
        let (stdout, stderr) = run.output();
        leak::check(&stdout);
        leak::check(&stderr);
        let code = run.wait().unwrap().code().unwrap_or(-1);
        Self { command: String::new(), code, stdout, stderr: String::from_utf8(stderr).unwrap() }
    }

    fn to(self, command: String) -> Self {
        Self { command, ..self }
    }

    /// Requires what holds for every failure: nothing on standard output, and a text that can be
    /// read on one screen.
    #[track_caller]
    pub(crate) fn failed(self) -> Self {
        assert_eq!(self.stdout, b"", "a failure prints nothing on stdout");
        assert_ne!(self.code, 0, "{self}");
        assert!(self.stderr.len() < 4_096, "{self}");
        self
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout).unwrap()
    }
}

impl fmt::Display for CommandOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stdout = String::from_utf8_lossy(&self.stdout);
        let mut lines = vec![self.command.clone(), format!("exit code: {}", self.code)];
        lines.extend(["----- stdout -----", stdout.trim_end()].map(str::to_owned));
        lines.extend(["----- stderr -----", self.stderr.trim_end()].map(str::to_owned));
        lines.retain(|line| !line.is_empty());
        f.write_str(&lines.join("\n"))
    }
}

/// Returns the settings by which snapshots do not hold what differs from run to run.
pub(crate) fn filters() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(env!("CARGO_MANIFEST_DIR"), "REPO");
    settings.add_filter(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT");
    settings.add_filter(r"/[^\s`]*/(roles-anywhere-emulator|\.tmp)[^/`\s]*", "DIR");
    settings.add_filter(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\)", "UUID)");
    settings.add_filter(r"it is now \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "it is now NOW");
    settings.add_filter(
        r"\d+ (d|h|min) \d+ (h|min|s) (behind|ahead of) AWS's \(\S+ here, \S+ at AWS\)",
        "SPAN $3 AWS's (NOW here, NOW at AWS)",
    );
    settings.add_filter(r"serial \d{10,}", "serial SERIAL");
    settings.add_filter(r"assumed-role/(\w+)/[0-9a-f]+", "assumed-role/$1/SERIAL");
    settings
}

/// Copies a program by a separate process: if this process had the copy open to write it, a child of
/// another test could have inherited the descriptor, and the copy could not be run yet.
pub(crate) fn copy_program(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-p").args([from, to]).status().unwrap().success());
}
