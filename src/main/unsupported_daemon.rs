//! Replaces `daemon` on systems without Unix signals, which long-running commands do not support yet.

use roles_anywhere::command::serve::Serve;
use roles_anywhere::command::update::Update;
use roles_anywhere::options::resolve::Exchange;
use roles_anywhere::os::clock::SystemClock;
use roles_anywhere::output::error::{Error, Kind};
use roles_anywhere_client::ports::World;

/// Returns that the command does not run on this system.
pub(crate) async fn update(
    _plan: &Update,
    _exchange: &Exchange,
    _clock: SystemClock,
    _world: World<'_>,
) -> Result<(), Error> {
    Err(missing("update"))
}

/// Returns that the command does not run on this system.
pub(crate) async fn serve(
    _plan: &Serve,
    _exchange: &Exchange,
    _clock: SystemClock,
    _world: World<'_>,
) -> Result<(), Error> {
    Err(missing("serve"))
}

fn missing(command: &str) -> Error {
    let words = format!("`{command}` does not run on {} yet", std::env::consts::OS);
    Error::new(Kind::Local, std::io::Error::new(std::io::ErrorKind::Unsupported, words))
        .hint("`credential-process` does: name it in ~/.aws/config")
}
