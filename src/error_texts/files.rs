//! Files that an option names: certificates and keys to read, and files to write.

use std::io;

use rustix::io::Errno;

use super::identity::{certificate, named};
use super::{Page, variants};
use crate::output::error::Error;
use roles_anywhere_client::identity::IdentityError;
use roles_anywhere_client::input_source::{
    Action, FileError, InputSource, InputSourceKind, InputSourceName,
};
use roles_anywhere_client::text::disclosure::Sensitivity;

variants!(Action: Read Write Remove);
variants!(InputSourceKind: File Stdin Descriptor Variable);

/// Adds the error of an action on a file.
fn add(page: &mut Page, action: Action, place: InputSourceName, source: io::Error) {
    let heading = format!("{}, {:?}", page.see(&action), source.kind());
    let error = FileError { action, place, source };
    let error = match action {
        Action::Read => IdentityError::from(error).into(),
        Action::Write | Action::Remove => Error::from(error),
    };
    page.add(&heading, &error);
}

#[test]
fn errors_of_files_have_these_texts() {
    let mut page = Page::default();
    let told = |kind, text: &str| io::Error::new(kind, text.to_owned());
    let read = [
        Errno::NOENT.into(),
        Errno::ACCESS.into(),
        Errno::IO.into(),
        told(io::ErrorKind::FileTooLarge, "it is larger than 1048576 bytes"),
        told(io::ErrorKind::TimedOut, "no process finished writing to it within 10 s"),
        told(io::ErrorKind::Unsupported, "it is a directory"),
        told(
            io::ErrorKind::PermissionDenied,
            "permission denied: it belongs to uid 0 (mode 0600), and this process runs as uid 1000",
        ),
    ];
    for source in read {
        add(&mut page, Action::Read, certificate(), source);
    }
    let write = [
        told(io::ErrorKind::AlreadyExists, "the file contains something other than a token"),
        told(io::ErrorKind::Unsupported, "it is not a regular file"),
        told(io::ErrorKind::Unsupported, "it is a socket"),
        told(io::ErrorKind::IsADirectory, "is a directory"),
        told(io::ErrorKind::NotADirectory, "there is no directory `/run/roles-anywhere`"),
        told(io::ErrorKind::NotFound, "it is a dangling symbolic link"),
        told(io::ErrorKind::TimedOut, "no process read it within 10 s"),
        told(
            io::ErrorKind::PermissionDenied,
            "permission denied: the directory `/run` belongs to uid 0 (mode 0755), and this process runs as uid 1000",
        ),
        Errno::NOSPC.into(),
    ];
    for source in write {
        let place = InputSource::parse("/run/roles-anywhere/token");
        let place = place.named_by("--token-file", Sensitivity::Public).name(true);
        add(&mut page, Action::Write, place, source);
    }
    add(
        &mut page,
        Action::Remove,
        named("/run/roles-anywhere/token", "--token-file"),
        Errno::IO.into(),
    );
    page.check_has_all::<Action>();
    page.compare("files");
}

#[test]
fn sources_without_contents_have_these_texts() {
    let mut page = Page::default();
    let by = |text: &str, option: &str, sensitivity| {
        InputSource::parse(text).named_by(option, sensitivity).name(false)
    };
    let key = Sensitivity::Sensitive;
    let rows = [
        (by("client.pem", "--certificate", key), "No such file or directory (os error 2)"),
        (by("hunter2", "--private-key", key), "No such file or directory (os error 2)"),
        (by("~/client.pem", "--certificate", key), "No such file or directory (os error 2)"),
        (by("-", "--certificate", key), "Input/output error (os error 5)"),
        (by("fd:3", "--private-key", key), "Bad file descriptor (os error 9)"),
        (by("fd:1234", "--key-password-fd", Sensitivity::Password), "it is not open"),
        (by("env:KEY", "--private-key", key), "it is unset or empty"),
        (by("env:PIN", "--key-password-env", Sensitivity::Password), "it is unset or empty"),
    ];
    for (place, text) in rows {
        let heading = page.see(&place.kind);
        let source = io::Error::new(io::ErrorKind::NotFound, text);
        let error = FileError { action: Action::Read, place, source };
        page.add(&heading, &IdentityError::from(error).into());
    }
    page.check_has_all::<InputSourceKind>();
    page.compare("sources");
}
