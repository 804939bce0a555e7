//! The real system. A command builds only the parts that it uses, each when it is first needed.

mod access_key;
pub mod actions;
pub mod credentials_endpoint;
pub mod daemon;
pub mod followed_references;
mod key_passwords;
mod masked;
pub mod offline_copies;
mod offline_lookups;
pub mod reference_reader;
pub mod references;
mod rendered;
pub mod rotation;
pub mod secrets_upstream;
mod serve;
pub mod session;
pub mod value_output;

use std::any::Any;
use std::cell::OnceCell;
use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use crate::app::key_passwords::KeyPasswords;
use crate::offline_copy::CopiesOnDisk;
use crate::os::config_file::SystemConfigFiles;
use crate::os::credentials_file::CredentialsFile;
use crate::os::files::SystemFiles;
use crate::os::password::KeyPassword;
use crate::os::private_dir::PrivateDir;
use crate::os::program::ProgramStreams;
use crate::os::{child, environment, process, program, stdio};
use crate::output::Stdout;
use crate::output::error::Error;
use crate::private_dir::ConfiguredDir;
use roles_anywhere_client::password::PasswordSource;
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::system::{SystemClock, SystemEntropy};
use roles_anywhere_client::text::disclosure::PathExists;
use roles_anywhere_client::text::path;

/// The real system, as commands see it.
#[expect(missing_debug_implementations, reason = "holds a port")]
pub struct App {
    clock: SystemClock,
    environment: OnceCell<Arc<Environment>>,
    files: OnceCell<Arc<SystemFiles>>,
    replan: OnceCell<Replan>,
    key_passwords: KeyPasswords,
    offline_copies: OnceCell<Option<Rc<CopiesOnDisk>>>,
}

/// Plans the command line of the process again, with the files as they are then; on any thread.
pub type Replan = Arc<dyn Fn() -> Result<Box<dyn Any + Send>, Error> + Send + Sync>;

impl App {
    /// Returns the system; the uptime counts from now, and nothing else is read or opened.
    pub fn start() -> Self {
        let clock = SystemClock::start();
        let (environment, files, replan) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        let key_passwords = KeyPasswords::default();
        let offline_copies = OnceCell::new();
        Self { clock, environment, files, replan, key_passwords, offline_copies }
    }

    /// Returns the system with other environment variables.
    pub fn in_environment(environment: Environment) -> Self {
        Self { environment: OnceCell::from(Arc::new(environment)), ..Self::start() }
    }

    /// Returns the system with these files, some of which are read already.
    pub(crate) fn with_files(files: Arc<SystemFiles>) -> Self {
        Self { files: OnceCell::from(files), ..Self::start() }
    }

    /// Returns the clock.
    pub fn clock(&self) -> &SystemClock {
        &self.clock
    }

    /// Returns the random numbers.
    pub fn entropy(&self) -> SystemEntropy {
        SystemEntropy
    }

    /// Returns the environment variables, which are read once.
    pub fn environment(&self) -> &Arc<Environment> {
        self.environment.get_or_init(|| Arc::new(environment::read()))
    }

    /// Sets what plans the command line again.
    pub fn set_replan(&self, replan: Replan) {
        // It is set once.
        let _ = self.replan.set(replan);
    }

    /// Returns what plans the command line again, if there is something.
    pub fn replan(&self) -> Option<&Replan> {
        self.replan.get()
    }

    /// Returns the files. They are one port, as standard input can be read only once.
    pub fn files(&self) -> &Arc<SystemFiles> {
        self.files.get_or_init(|| Arc::new(SystemFiles::new(Arc::clone(self.environment()))))
    }

    /// Returns the password of an encrypted key, which is read when it is needed.
    pub fn passwords(&self, source: &PasswordSource) -> KeyPassword {
        KeyPassword::new(source.clone(), Arc::clone(self.files()) as _)
    }

    /// Returns the passwords of keys that are typed, each once.
    fn key_passwords(&self) -> &KeyPasswords {
        &self.key_passwords
    }

    /// Returns a private directory of this user.
    pub fn private_dir(&self, dir: &ConfiguredDir) -> PrivateDir {
        PrivateDir::new(dir)
    }

    /// Returns the configuration files.
    pub fn config_files(&self) -> &SystemConfigFiles {
        &SystemConfigFiles
    }

    /// Returns the command line.
    pub fn arguments(&self) -> Vec<String> {
        environment::arguments().collect()
    }

    /// Returns the environment variables as they are, in order.
    pub fn variables(&self) -> Vec<(OsString, OsString)> {
        environment::variables()
    }

    /// Returns the most bytes of a variable with its name, if there is such a limit.
    pub fn longest_variable(&self) -> Option<usize> {
        process::longest_variable()
    }

    /// Returns the path of another program, as a shell finds it by name.
    pub fn find_program(&self, name: &OsStr) -> Result<PathBuf, Error> {
        let environment = self.environment();
        // An empty one is the current directory.
        let empty = || environment.is_empty("PATH").then_some("");
        let path = environment.get("PATH").or_else(empty).map(path::path);
        Ok(program::find(name, path.as_deref().map(Path::as_os_str))?)
    }

    /// Returns why a program that was found cannot be started with these arguments and variables, as far as that
    /// is known before.
    pub fn check_start(
        &self,
        path: &Path,
        arguments: &[OsString],
        variables: &[(OsString, OsString)],
    ) -> Result<(), Error> {
        match process::longest_start() {
            Some(limit) => Ok(program::check_length(path, arguments, variables, limit)?),
            None => Ok(()),
        }
    }

    /// Returns why a program that was found before cannot be executed now.
    pub fn check_program(&self, path: &Path) -> Result<(), Error> {
        Ok(program::find(path.as_os_str(), None).map(drop)?)
    }

    /// Replaces this process by a program, with the signals and the limits of the caller. Returns only if
    /// that fails.
    pub fn become_program(
        &self,
        path: &Path,
        arguments: Vec<OsString>,
        variables: Vec<(OsString, OsString)>,
    ) -> Result<Infallible, Error> {
        Ok(process::with_inherited(|| program::replace_process(path, arguments, variables))?)
    }

    /// Starts a program as a child of this process, for [`App::supervise`], and returns its number.
    pub fn start_program(
        &self,
        path: &Path,
        arguments: &[OsString],
        variables: &[(OsString, OsString)],
    ) -> Result<i32, Error> {
        let is_separate = child::is_init() && child::separates_program();
        let streams = ProgramStreams { is_separate, ..ProgramStreams::default() };
        let (arguments, variables) = (arguments.to_vec(), variables.to_vec());
        let spawned =
            process::with_inherited(|| program::spawn(path, arguments, variables, &streams));
        Ok(spawned?)
    }

    /// Returns the absolute path of this program as it was called.
    pub fn own_executable(&self) -> io::Result<PathBuf> {
        environment::own_executable(self.environment())
    }

    /// Returns an absolute path, without resolving links.
    pub fn absolute(&self, path: &Path) -> io::Result<PathBuf> {
        environment::absolute(path)
    }

    /// Returns the credentials files.
    pub fn credentials_file(&self) -> CredentialsFile {
        CredentialsFile
    }

    /// Returns what tells whether a path exists.
    pub fn paths(&self) -> PathExists<'static> {
        PathExists(&|path| path.exists())
    }

    /// Returns the kind of standard output.
    pub fn stdout(&self) -> Stdout {
        stdio::stdout_kind()
    }

    /// Returns whether standard error is a terminal.
    pub fn stderr_is_terminal(&self) -> bool {
        stdio::stderr_is_terminal()
    }

    /// Returns the columns of the terminal, if there is one.
    pub fn terminal_width(&self) -> Option<u16> {
        stdio::terminal_width()
    }

    /// Writes all of `bytes` to standard output.
    pub fn print(&self, bytes: &[u8]) -> Result<(), Error> {
        stdio::print(bytes)
    }

    /// Writes a message and a newline to standard error.
    pub fn report(&self, message: &str) {
        stdio::write_stderr(message);
    }
}
