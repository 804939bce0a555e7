//! Runs lines, each in a directory of its own, on every core.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::generator::command_line;
use super::line::CommandLine;
use super::output::LineOutput;
use crate::environment::committed;

/// A line that has not ended by then does not end.
const LONGEST: Duration = Duration::from_secs(60);

/// What the lines name below `pki/`, where it is from, and its mode.
const MATERIAL: [(&str, &str, u32); 24] = [
    ("p521.pem", "leaf/p521.pem", 0o644),
    ("rsa2048.key.pem", "leaf/rsa2048.key.pem", 0o600),
    ("rsa2048.pkcs1.pem", "leaf/rsa2048.pkcs1.pem", 0o600),
    ("rsa2048.pkcs1.der", "forms/rsa2048.pkcs1.der", 0o600),
    ("rsa2048.chain.pem", "leaf/rsa2048.chain.pem", 0o644),
    ("p256.key.pem", "leaf/p256.key.pem", 0o600),
    ("p384.key.pem", "leaf/p384.key.pem", 0o600),
    ("open.key.pem", "leaf/rsa2048.key.pem", 0o644),
    ("p256.der", "forms/p256.der", 0o644),
    ("combined.pem", "forms/combined.pem", 0o600),
    ("encrypted.key.pem", "forms/pbes2-hmacWithSHA256-aes256.key.pem", 0o600),
    ("encrypted-costly.key.pem", "forms/costly-pbkdf2.key.pem", 0o600),
    ("encrypted.p12", "forms/modern.p12", 0o600),
    ("chain.p7b", "forms/chain.p7b", 0o644),
    ("no-key-usage.pem", "broken/no-key-usage.pem", 0o644),
    ("no-subject.pem", "broken/no-subject.pem", 0o644),
    ("ca.pem", "broken/ca.pem", 0o644),
    ("sha1.pem", "broken/sha1.pem", 0o644),
    ("v1.pem", "broken/v1.pem", 0o644),
    ("intermediate.pem", "anchor/intermediate.pem", 0o644),
    ("tls-ca.pem", "tls-ca.pem", 0o644),
    ("rsa3072.pem", "leaf/rsa3072.pem", 0o644),
    ("p384.pem", "leaf/p384.pem", 0o644),
    ("explicit.key.pem", "forms/explicit.key.pem", 0o600),
];

/// Other files below `pki/`.
const TEXTS: [(&str, &str); 5] = [
    ("empty.pem", ""),
    ("garbage.pem", "neither a certificate nor a key\n"),
    ("wrong-password", "letmein-42\n"),
    ("credentials/roles-anywhere-key-password", "hunter2\n"),
    ("wrong-credentials/roles-anywhere-key-password", "letmein-42\n"),
];

/// Makes a directory with `pki/`, whose modes are not those of the checkout.
fn material() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let pki = directory.path().join("pki");
    for folder in ["credentials", "wrong-credentials"] {
        fs::create_dir_all(pki.join(folder)).unwrap();
    }
    for (name, from, mode) in MATERIAL {
        fs::copy(committed(from), pki.join(name)).unwrap();
        fs::set_permissions(pki.join(name), Permissions::from_mode(mode)).unwrap();
    }
    for (name, text) in TEXTS {
        fs::write(pki.join(name), text).unwrap();
        fs::set_permissions(pki.join(name), Permissions::from_mode(0o600)).unwrap();
    }
    let config = directory.path().join(HOSTILE).join("roles-anywhere");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("config.toml"), "hunter2 = [\n").unwrap();
    fs::set_permissions(config.join("config.toml"), Permissions::from_mode(0o666)).unwrap();
    directory
}

/// The directory of a configuration file that is not TOML, and that others can write.
const HOSTILE: &str = "hostile";

/// Runs the lines of these numbers, and returns their outputs in the same order.
pub(super) fn run_all(binary: &Path, numbers: &[usize]) -> Vec<LineOutput> {
    let material = material();
    let next = AtomicUsize::new(0);
    let outputs: Vec<Mutex<Option<LineOutput>>> =
        numbers.iter().map(|_| Mutex::default()).collect();
    // Most of the time of a process is spent in the kernel, which starts it and ends it.
    let workers = thread::available_parallelism().map_or(2, |cores| cores.get() * 2);
    let slots: Vec<Slot> = (0..workers).map(|_| Slot::default()).collect();
    thread::scope(|scope| {
        for slot in &slots {
            scope.spawn(|| {
                let _closed = CloseOnDrop(slot);
                while let Some(at) = claim(&next, numbers.len()) {
                    let output = slot.run(binary, material.path(), numbers[at]);
                    *outputs[at].lock().unwrap() = Some(output);
                }
            });
        }
        scope.spawn(|| {
            while !slots.iter().all(Slot::is_closed) {
                slots.iter().for_each(Slot::kill_if_late);
                thread::sleep(Duration::from_millis(50));
            }
        });
    });
    outputs.into_iter().map(|output| output.into_inner().unwrap().unwrap()).collect()
}

fn claim(next: &AtomicUsize, count: usize) -> Option<usize> {
    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|at| *at < count)
}

/// The process of one worker, for another thread to kill if it does not end.
#[derive(Default)]
struct Slot(Mutex<Process>);

#[derive(Default)]
enum Process {
    #[default]
    None,
    Running(Child, Instant),
    Closed,
}

impl Slot {
    fn run(&self, binary: &Path, material: &Path, number: usize) -> LineOutput {
        let line = command_line(number);
        let directory = material.join(number.to_string());
        fs::create_dir(&directory).unwrap();
        symlink("../pki", directory.join("pki")).unwrap();
        let mut child = line.command(binary, &directory).spawn().unwrap();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        *self.0.lock().unwrap() = Process::Running(child, Instant::now());
        // Standard error is short, so the program does not wait for it to be read.
        let (stdout, stderr) = (read(stdout), read(stderr));
        let process = std::mem::take(&mut *self.0.lock().unwrap());
        let Process::Running(mut child, _) = process else { unreachable!("it was started here") };
        let code = child.wait().unwrap().code().unwrap_or(-1);
        fs::remove_dir_all(&directory).unwrap();
        LineOutput::new(code, stdout, &stderr)
    }

    fn kill_if_late(&self) {
        if let Process::Running(child, start) = &mut *self.0.lock().unwrap()
            && start.elapsed() > LONGEST
        {
            child.kill().unwrap();
        }
    }

    fn is_closed(&self) -> bool {
        matches!(*self.0.lock().unwrap(), Process::Closed)
    }
}

/// Closes the slot of a worker that has ended, also by a panic: else the watching thread would not end.
struct CloseOnDrop<'a>(&'a Slot);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        *self.0.0.lock().unwrap() = Process::Closed;
    }
}

fn read(mut stream: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    bytes
}

impl CommandLine {
    /// Returns whether it reads no configuration file, as it gives a certificate, and names neither a file
    /// nor a role.
    fn reads_no_config(&self) -> bool {
        let is_role = |word: &Vec<u8>| {
            let name = word.split(|byte| *byte == b'=').next();
            name.is_some_and(|name| name == b"--role" || name == b"--config")
        };
        if self.arguments.iter().any(is_role) {
            return false;
        }
        let is_flag = |word: &Vec<u8>| word.starts_with(b"--certificate");
        let is_empty = |words: &[Vec<u8>]| {
            words[0] == b"--certificate=" || words[0] == b"--certificate" && words[1].is_empty()
        };
        let by_variable = self
            .variables
            .iter()
            .any(|(name, value)| name == "ROLES_ANYWHERE_CERTIFICATE" && !value.is_empty());
        let by_flag = self.arguments.iter().any(is_flag)
            && !self.arguments.windows(2).any(is_empty)
            && !self.arguments.last().is_some_and(|word| word.ends_with(b"="));
        by_flag || by_variable
    }

    fn command(&self, binary: &Path, directory: &Path) -> Command {
        let mut command = Command::new(binary);
        command
            // Usage lines begin with the name that the program is called by.
            .arg0("roles-anywhere")
            .args(self.arguments.iter().map(|word| OsStr::from_bytes(word)))
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, OsStr::from_bytes(value))))
            .current_dir(directory)
            .envs(
                self.reads_no_config()
                    .then(|| ("XDG_CONFIG_HOME", directory.with_file_name(HOSTILE))),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}
