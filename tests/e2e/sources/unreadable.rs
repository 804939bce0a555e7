//! Sources that hold nothing, hold too much, or cannot be read.

use std::fs::{self, File};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::make_fifo;
use crate::identity_files::{Given, IdentityFiles, Part, each_part, pipe};

use Part::{Certificate, PrivateKey};

const TEN_MEGABYTES: usize = 10 << 20;

each_part! {
    closed_descriptor_is_refused
    unset_variable_is_refused
    descriptor_for_writing_is_refused
    directory_is_refused
    ten_megabytes_are_refused
}

#[test]
fn empty_stdin_is_refused() {
    let text = IdentityFiles::new().reading(Certificate, Given::stdin(pipe([]))).refuses(3, &[]);
    assert!(text.contains("standard input") && text.contains("empty"), "{text}");
}

#[test]
fn closed_stdin_is_refused() {
    let launcher = &["bash", "-c", r#"exec "$@" <&-"#, "bash"];
    let files = IdentityFiles::new().map(|program| program.launched_by(launcher));
    let text = files.with(Certificate, "-").refuses(3, &[]);
    assert!(text.contains("standard input"), "{text}");
}

fn closed_descriptor_is_refused(part: Part) {
    let text = IdentityFiles::new().with(part, "fd:77").refuses(3, &[]);
    assert!(text.contains("cannot read file descriptor 77"), "{text}");
}

fn unset_variable_is_refused(part: Part) {
    let text = IdentityFiles::new().with(part, "env:MATERIAL").refuses(3, &[]);
    assert!(text.contains("cannot read the environment variable `MATERIAL`"), "{text}");
}

fn descriptor_for_writing_is_refused(part: Part) {
    let files = IdentityFiles::new();
    let file = File::create(files.folder.path().join("out")).unwrap();
    let text = files.reading(part, Given::descriptor(file)).refuses(3, &[]);
    assert!(text.contains("file descriptor 7"), "{text}");
}

fn directory_is_refused(part: Part) {
    let folder = tempfile::tempdir().unwrap();
    let text = IdentityFiles::new().with(part, folder.path()).refuses(3, &[]);
    assert!(text.contains(&format!("`{}`", folder.path().display())), "{text}");
    assert!(text.to_lowercase().contains("directory"), "{text}");
}

fn ten_megabytes_are_refused(part: Part) {
    let files = IdentityFiles::new();
    let large = files.folder.path().join("zeros");
    fs::write(&large, vec![0; TEN_MEGABYTES]).unwrap();
    let text = files.with(part, &large).refuses(3, &[]);
    assert!(text.contains(&format!("cannot read `{}`", large.display())), "{text}");
    assert!(text.contains("larger than"), "{text}");
}

fn ten_megabytes_of_a_stream_are_refused(given: Given) {
    let text = IdentityFiles::new().reading(PrivateKey, given).refuses(3, &[]);
    assert!(text.contains("larger than"), "{text}");
}

#[test]
fn ten_megabytes_on_stdin_are_refused() {
    ten_megabytes_of_a_stream_are_refused(Given::stdin(pipe(vec![0; TEN_MEGABYTES])));
}

#[test]
fn ten_megabytes_on_a_descriptor_are_refused() {
    ten_megabytes_of_a_stream_are_refused(Given::descriptor(pipe(vec![0; TEN_MEGABYTES])));
}

fn device_is_refused(device: &str) {
    let text = IdentityFiles::new().with(Certificate, device).refuses(3, &[]);
    assert!(text.contains(device), "{text}");
}

#[test]
fn dev_zero_is_refused() {
    device_is_refused("/dev/zero");
}

#[test]
fn dev_null_is_refused() {
    device_is_refused("/dev/null");
}

/// Ten seconds are waited for a writer. One fifo has none, and the writer of the other writes
/// nothing; both are read at the same time, so that the test does not take twice as long.
#[test]
fn fifo_without_a_writer_is_given_up_after_ten_seconds() {
    let files = IdentityFiles::new();
    let fifos = ["alone", "held"].map(|name| files.folder.path().join(name));
    fifos.iter().for_each(|fifo| make_fifo(fifo));
    let held = File::options().read(true).write(true).open(&fifos[1]).unwrap();
    let (program, arguments) = (&files.program, files.arguments());
    let begin = Instant::now();
    let read = |fifo: &Path| {
        let key = ["--private-key", fifo.to_str().unwrap()];
        program.run(&[&arguments[..], &key].concat())
    };
    let outcomes = thread::scope(|scope| {
        let runs = fifos.each_ref().map(|fifo| scope.spawn(|| read(fifo)));
        runs.map(|run| run.join().unwrap())
    });
    let took = begin.elapsed();
    drop(held);
    assert!((Duration::from_secs(9)..Duration::from_secs(15)).contains(&took), "{took:?}");
    for (fifo, outcome) in fifos.iter().zip(outcomes) {
        assert_eq!((outcome.code, outcome.text().as_str()), (3, ""), "{outcome}");
        assert!(outcome.stderr.contains(&format!("cannot read `{}`", fifo.display())));
        assert!(outcome.stderr.contains("within 10 s"), "{outcome}");
    }
}
