//! Standard output, sockets, the cache, other processes.

use std::io;
use std::time::Duration;

use rustix::io::Errno;

use super::{Page, variants};
use crate::output::empty_list::{EmptyListError, ListedEntries};
use crate::output::error::Error;
use crate::output::formats::{FormatError, RefusedVariable, Unwritable};
use crate::output::references::ValueError;
use crate::output::run::{KeyOptionError, RunError, VariablesError};
use roles_anywhere_client::aws::get_parameters_by_path::PathDepth;
use roles_anywhere_client::provider::ErrorKind;
use roles_anywhere_client::region::Region;

variants!(RunError:
    Stdin Stdout MaskedStreams Listen TokenFileInUse EmptyToken ReadCache ClearCache InAnotherProcess UnsupportedSystem System Defect Internal
    OfflineCopies OfflineKeyLength OfflineKeyMode OfflineKeyOwner
    ProfilesNotWritten WaitTimedOut CredentialsEndpoint ProgramDir ProcessLine NotInMemory
);
variants!(ListedEntries: Parameters Secrets);
variants!(Unwritable: Name ReservedName Empty Character Ambiguous TooLong);

#[test]
fn errors_of_a_run_have_these_texts() {
    let mut page = Page::default();
    page.add_all(run_errors(), Error::from);
    // The other texts of `ValueError` are on the page of references.
    let no_member = || ValueError::NoMember { key: "password".to_owned(), count: 3 };
    for why in [ValueError::Binary, no_member()] {
        page.add("KeyOptionError", &KeyOptionError(why).into());
    }
    for why in [ValueError::Binary, ValueError::EmptyMembers(vec!["password".to_owned()])] {
        let error = VariablesError { secret: "prod/db".to_owned(), why };
        page.add("VariablesError", &error.into());
    }
    page.add_all(empty_lists(), |entries| {
        EmptyListError { entries, region: Region::parse("eu-central-1").unwrap() }.into()
    });
    page.add_all(unwritable(), |why| {
        let format = if why == Unwritable::ReservedName { "github" } else { "cmd" };
        let refused = vec![RefusedVariable { name: "DB_PASSWORD".to_owned(), why }];
        FormatError { format, refused }.into()
    });
    page.compare("run");
}

fn empty_lists() -> Vec<ListedEntries> {
    let parameters = |path: &str, depth| ListedEntries::Parameters { path: path.to_owned(), depth };
    vec![
        parameters("/prod", PathDepth::OneLevel),
        parameters("/prod", PathDepth::AllLevels),
        ListedEntries::Secrets { prefix: Some("prod/".to_owned()) },
        ListedEntries::Secrets {
            prefix: Some("A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8S9t0".to_owned()),
        },
        ListedEntries::Secrets { prefix: None },
    ]
}

fn unwritable() -> Vec<Unwritable> {
    vec![
        Unwritable::Name,
        Unwritable::ReservedName,
        Unwritable::Empty,
        Unwritable::Character("a line break"),
        Unwritable::Ambiguous,
        Unwritable::TooLong { limit: 8_191 },
    ]
}

fn control_character() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "a word of it has a control character")
}

fn run_errors() -> Vec<RunError> {
    let listen = |errno: Errno, address: &str| RunError::Listen {
        address: address.parse().unwrap(),
        source: errno.into(),
    };
    let cache = || "`/run/user/1000/roles-anywhere` (from XDG_RUNTIME_DIR)".to_owned();
    let foreign = || {
        let text = "it belongs to uid 0 (mode 0700), and this process runs as uid 1000";
        io::Error::new(io::ErrorKind::PermissionDenied, text)
    };
    let refused = "AWS refused CreateSession: 403 AccessDeniedException";
    let offline_key =
        || "`/etc/roles-anywhere/offline-key` (from secrets.offline.key-file)".to_owned();
    vec![
        RunError::Stdin(Errno::IO.into()),
        RunError::Stdout(Errno::PIPE.into()),
        RunError::MaskedStreams(Errno::MFILE.into()),
        listen(Errno::ADDRINUSE, "127.0.0.1:9911"),
        listen(Errno::ACCESS, "127.0.0.1:80"),
        listen(Errno::ADDRNOTAVAIL, "192.0.2.1:9911"),
        listen(Errno::NETDOWN, "192.0.2.1:9911"),
        RunError::TokenFileInUse("`/run/roles-anywhere/token`".to_owned()),
        RunError::EmptyToken("`AWS_TOKEN`".to_owned()),
        RunError::ReadCache { dir: cache(), source: foreign() },
        RunError::ClearCache { dir: cache(), source: foreign() },
        RunError::OfflineCopies {
            dir: "`/var/lib/roles-anywhere/offline` (from STATE_DIRECTORY)".to_owned(),
            source: foreign(),
        },
        RunError::OfflineKeyLength { file: offline_key(), length: 33 },
        RunError::OfflineKeyMode { file: offline_key(), mode: 0o640 },
        RunError::OfflineKeyOwner { file: offline_key(), owner: 1000 },
        RunError::InAnotherProcess {
            kind: ErrorKind::Refused,
            reason: refused.to_owned(),
            hints: vec!["check `--profile-arn`".to_owned()],
        },
        RunError::CredentialsEndpoint {
            kind: ErrorKind::Local,
            reason: "cannot listen on 127.0.0.1:0: Address not available".to_owned(),
            hints: vec!["pass an address of this machine".to_owned()],
        },
        RunError::ProgramDir {
            path: "/run/user/1000/roles-anywhere".into(),
            source: Errno::NOSPC.into(),
        },
        RunError::ProcessLine { source: control_character() },
        RunError::NotInMemory { path: "/dev/shm/roles-anywhere-1000".into() },
        RunError::UnsupportedSystem { command: "serve".to_owned(), system: "windows" },
        RunError::System(Errno::MFILE.into()),
        RunError::Defect { at: " at src/main.rs:1".to_owned() },
        RunError::Internal { what: "the message to the endpoint is damaged" },
        RunError::ProfilesNotWritten { count: 2, total: 3, kind: ErrorKind::Refused },
        RunError::WaitTimedOut { limit: Duration::from_secs(20) },
    ]
}
