//! Fakes of the program's own ports, for its unit tests.
//!
//! Those of the client's ports are in `roles-anywhere-test-support`. These cannot be there: a crate
//! that implements a port of this library would, in its unit tests, be built against a second copy.

mod config_files;
mod credentials_file;
mod daemon;
mod events;
mod log;
mod store;
mod supervisor;
mod token_store;

pub(crate) use config_files::FakeConfigFiles;
pub(crate) use credentials_file::FakeCredentialsFile;
pub(crate) use daemon::DaemonRecorder;
pub(crate) use events::FakeEvents;
pub(crate) use log::RecordingLog;
pub(crate) use store::{FakeStore, StoreAction};
pub(crate) use supervisor::{Notice, RecordingSupervisor};
pub(crate) use token_store::FakeTokenStore;
