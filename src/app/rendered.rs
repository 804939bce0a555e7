//! Rendered files on the real file system.

use std::path::Path;
use std::time::Duration;

use crate::app::App;
use crate::os::rendered::{self, NamedContents};
use crate::secrets::rendered::{FileAccess, FileState, OnDifference, RenderedPath};
use roles_anywhere_client::input_source::{Action, FileError, InputSourceName};

impl App {
    /// Returns whether two paths lead to the same file, which exists.
    pub fn is_same_file(&self, path: &Path, other: &Path) -> bool {
        rendered::is_same_file(path, other)
    }

    /// Returns whether a path leads to a pipe, a device or a descriptor.
    pub fn is_special(&self, path: &Path) -> bool {
        rendered::is_special(path)
    }

    /// Returns whether nothing was done yet about files that were replaced with a mark.
    pub fn is_marked(&self, rendered: RenderedPath<'_>) -> bool {
        rendered::is_marked(rendered)
    }

    /// Removes the mark of files about which something was done.
    pub fn unmark(&self, rendered: RenderedPath<'_>) {
        rendered::unmark(rendered);
    }

    /// Writes a file if it differs, or only says how it does. A pipe is written to for `limit` at most.
    pub fn render_file(
        &self,
        (path, limit): (&Path, Duration),
        contents: &[u8],
        access: &FileAccess,
        on_difference: OnDifference,
    ) -> Result<FileState, FileError> {
        let rendered = rendered::render_file(path, contents, access, on_difference, limit);
        rendered.map_err(|error| file_error(path, "--out", on_difference, error))
    }

    /// Writes the files of a directory, all at once, if one of them differs; or only says how they do. The
    /// states are those of `files`, and one for each other file that was rendered before. Other processes
    /// that write them are waited for for `limit` at most.
    pub fn render_dir(
        &self,
        (path, limit): (&Path, Duration),
        files: &[NamedContents<'_>],
        access: &FileAccess,
        on_difference: OnDifference,
    ) -> Result<Vec<FileState>, FileError> {
        let rendered = rendered::render_dir((path, limit), files, access, on_difference);
        rendered.map_err(|error| file_error(path, "--out-dir", on_difference, error))
    }
}

fn file_error(
    path: &Path,
    option: &str,
    on_difference: OnDifference,
    source: std::io::Error,
) -> FileError {
    let action = match on_difference {
        OnDifference::Write | OnDifference::WriteAndMark => Action::Write,
        OnDifference::Report => Action::Read,
    };
    let place = InputSourceName::of_path(path, path.exists()).named_by(option);
    FileError { action, place, source }
}
