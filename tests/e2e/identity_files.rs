//! The committed identity, which the emulator is made to trust, in files that a test may replace by
//! other sources.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use roles_anywhere_emulator::TRUST_ANCHOR_ARN;
use tempfile::TempDir;

use crate::environment::{CommandOutput, Program, TestEnvironment, committed, form};

/// The longest time that a refusal may take; a costly key derivation takes minutes.
const LIMIT: Duration = Duration::from_secs(30);

/// The password of every encrypted file of `certs/forms`.
pub(crate) const PASSWORD: &str = "hunter2";

/// Moves standard input to file descriptor 7, and runs the program.
pub(crate) const STDIN_AS_FD_7: &[&str] = &["sh", "-c", r#"exec "$@" 7<&0 </dev/null"#, "sh"];

/// What an identity consists of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    Certificate,
    PrivateKey,
    Intermediates,
}

pub(crate) const PARTS: [Part; 3] = [Part::Certificate, Part::PrivateKey, Part::Intermediates];

impl Part {
    pub(crate) fn flag(self) -> &'static str {
        match self {
            Self::Certificate => "--certificate",
            Self::PrivateKey => "--private-key",
            Self::Intermediates => "--intermediates",
        }
    }

    pub(crate) fn variable(self) -> &'static str {
        match self {
            Self::Certificate => "ROLES_ANYWHERE_CERTIFICATE",
            Self::PrivateKey => "ROLES_ANYWHERE_PRIVATE_KEY",
            Self::Intermediates => "ROLES_ANYWHERE_INTERMEDIATES",
        }
    }

    /// Returns the committed file.
    pub(crate) fn contents(self) -> Vec<u8> {
        let name = match self {
            Self::Certificate => "leaf/p256.pem",
            Self::PrivateKey => "leaf/p256.key.pem",
            Self::Intermediates => "anchor/intermediate.pem",
        };
        fs::read(committed(name)).unwrap()
    }
}

/// Makes the tests `NAME::certificate`, `NAME::private_key` and `NAME::intermediates` of a function
/// that takes a [`Part`].
macro_rules! each_part {
    ($($name:ident)*) => { $(
        mod $name {
            use crate::identity_files::Part;

            #[test]
            fn certificate() {
                super::$name(Part::Certificate);
            }

            #[test]
            fn private_key() {
                super::$name(Part::PrivateKey);
            }

            #[test]
            fn intermediates() {
                super::$name(Part::Intermediates);
            }
        }
    )* };
}
pub(crate) use each_part;

/// An open file that a program gets from the process that starts it.
#[derive(Clone)]
pub(crate) enum Given {
    Stdin(Arc<OwnedFd>),
    /// As file descriptor 7.
    Descriptor(Arc<OwnedFd>),
}

impl Given {
    pub(crate) fn stdin(file: impl Into<OwnedFd>) -> Self {
        Self::Stdin(Arc::new(file.into()))
    }

    pub(crate) fn descriptor(file: impl Into<OwnedFd>) -> Self {
        Self::Descriptor(Arc::new(file.into()))
    }

    /// Returns the source as an option names it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Stdin(_) => "-",
            Self::Descriptor(_) => "fd:7",
        }
    }

    /// Returns the source as an error names it.
    pub(crate) fn shown(&self) -> &'static str {
        match self {
            Self::Stdin(_) => "standard input",
            Self::Descriptor(_) => "file descriptor 7",
        }
    }

    pub(crate) fn to(&self, program: &Program) -> Program {
        match self {
            Self::Stdin(file) => program.clone().stdin_open(file),
            Self::Descriptor(file) => program.clone().stdin_open(file).launched_by(STDIN_AS_FD_7),
        }
    }
}

/// Returns the reading end of a pipe that a thread writes to.
pub(crate) fn pipe(contents: impl Into<Vec<u8>>) -> OwnedFd {
    pipe_in_steps(contents, 4_096)
}

/// As [`pipe`], with so many bytes at a time.
pub(crate) fn pipe_in_steps(contents: impl Into<Vec<u8>>, step: usize) -> OwnedFd {
    let contents = contents.into();
    let (reader, mut writer) = std::io::pipe().unwrap();
    // The program may end before it has read it all.
    thread::spawn(move || contents.chunks(step).try_for_each(|chunk| writer.write_all(chunk)));
    reader.into()
}

/// Returns one end of a pair of sockets, of which the other has sent this.
pub(crate) fn socket(contents: &[u8]) -> OwnedFd {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    ours.write_all(contents).unwrap();
    ours.shutdown(Shutdown::Write).unwrap();
    theirs.into()
}

/// An emulator that trusts the committed identity, and the sources of that identity: files at first,
/// which only their owner can read.
pub(crate) struct IdentityFiles {
    pub(crate) env: TestEnvironment,
    pub(crate) program: Program,
    pub(crate) folder: TempDir,
    command: &'static [&'static str],
    sources: Vec<(Part, String)>,
    given: Option<Given>,
}

impl IdentityFiles {
    pub(crate) fn new() -> Self {
        let env = TestEnvironment::new();
        let root = fs::read_to_string(committed("anchor/root.pem")).unwrap();
        env.emulator().replace_trust_anchor(TRUST_ANCHOR_ARN, &root);
        let mut program = env.program().clone();
        let folder = tempfile::tempdir().unwrap();
        let mut sources = Vec::new();
        for part in PARTS {
            program = program.unset(part.variable());
            let path = folder.path().join(format!("{part:?}.pem"));
            fs::write(&path, part.contents()).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            sources.push((part, path.to_str().unwrap().to_owned()));
        }
        Self { env, program, folder, command: &["credential-process"], sources, given: None }
    }

    /// Returns the same with an encrypted key.
    pub(crate) fn encrypted() -> Self {
        let files = Self::new();
        let key = fs::read(form("pbes2-hmacWithSHA256-aes256.key.pem")).unwrap();
        fs::write(files.path(Part::PrivateKey), key).unwrap();
        files
    }

    /// Returns the same with another identity: a leaf of the emulator.
    pub(crate) fn of_emulator(self, leaf: &str) -> Self {
        let anchor = self.env.read("anchor/root.pem");
        self.env.emulator().replace_trust_anchor(TRUST_ANCHOR_ARN, &anchor);
        let names = [format!("leaf/{leaf}.pem"), format!("leaf/{leaf}.key.pem")];
        let [certificate, key] = names.map(|name| self.env.read(&name));
        let parts = [certificate, key, self.env.read("anchor/intermediate.pem")];
        for (part, text) in PARTS.into_iter().zip(parts) {
            fs::write(self.path(part), text).unwrap();
        }
        self
    }

    /// Returns the file of a part.
    pub(crate) fn path(&self, part: Part) -> PathBuf {
        self.folder.path().join(format!("{part:?}.pem"))
    }

    pub(crate) fn set_mode(&self, part: Part, mode: u32) {
        fs::set_permissions(self.path(part), Permissions::from_mode(mode)).unwrap();
    }

    /// Names another source for a part.
    pub(crate) fn with(mut self, part: Part, source: impl AsRef<Path>) -> Self {
        self = self.without(part);
        self.sources.push((part, source.as_ref().to_str().unwrap().to_owned()));
        self
    }

    /// Names no source for a part.
    pub(crate) fn without(mut self, part: Part) -> Self {
        self.sources.retain(|(own, _)| *own != part);
        self
    }

    /// Names these sources and no others.
    pub(crate) fn only(mut self, sources: &[(Part, &str)]) -> Self {
        self.sources = sources.iter().map(|(part, it)| (*part, (*it).to_owned())).collect();
        self
    }

    /// Has an open file read for a part.
    pub(crate) fn reading(self, part: Part, given: Given) -> Self {
        let name = given.name();
        self.with(part, name).giving(given)
    }

    /// Gives an open file to the program.
    pub(crate) fn giving(mut self, given: Given) -> Self {
        self.given = Some(given);
        self
    }

    /// Sets a variable.
    pub(crate) fn var(self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.map(|program| program.set(name, value))
    }

    pub(crate) fn map(mut self, change: impl FnOnce(Program) -> Program) -> Self {
        self.program = change(self.program);
        self
    }

    /// Has another command run than `credential-process`.
    pub(crate) fn command(mut self, command: &'static [&'static str]) -> Self {
        self.command = command;
        self
    }

    /// Returns the command with a flag for each source.
    pub(crate) fn arguments(&self) -> Vec<&str> {
        let flags = self.sources.iter().flat_map(|(part, source)| [part.flag(), source]);
        self.command.iter().copied().chain(flags).collect()
    }

    pub(crate) fn run(&self, more: &[&str]) -> CommandOutput {
        let program = self.given.as_ref().map(|given| given.to(&self.program));
        let program = program.as_ref().unwrap_or(&self.program);
        program.run(&[&self.arguments(), more].concat())
    }

    /// Expects credentials, and nothing on standard error.
    #[track_caller]
    pub(crate) fn vends(&self, more: &[&str]) {
        assert_vends(&self.run(more));
    }

    /// Expects an error, at once and on standard error only; returns it.
    #[track_caller]
    pub(crate) fn refuses(&self, code: i32, more: &[&str]) -> String {
        let begin = Instant::now();
        let outcome = self.run(more);
        assert!(begin.elapsed() < LIMIT, "{:?}: {outcome}", begin.elapsed());
        assert_eq!((outcome.code, outcome.text().as_str()), (code, ""), "{outcome}");
        assert!(outcome.stderr.starts_with("error: "), "{outcome}");
        outcome.stderr
    }
}

/// Expects credentials, and nothing on standard error.
#[track_caller]
pub(crate) fn assert_vends(outcome: &CommandOutput) {
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome}");
    let document = outcome.json();
    let key = document["AccessKeyId"].as_str().unwrap();
    assert!(key.starts_with("ASIA"), "{document}");
}
