//! Where certificates, keys and passwords are read from: files, streams, file descriptors, variables.

mod nobody;
mod password;
mod permissions;
mod unreadable;

use std::fs::{self, File};

use crate::environment::form;
use crate::identity_files::{
    Given, IdentityFiles, PARTS, PASSWORD, Part, assert_vends, each_part, pipe, pipe_in_steps,
    socket,
};

use Part::{Certificate, Intermediates, PrivateKey};

each_part! {
    stdin_as_a_pipe_is_read
    stdin_as_a_file_is_read
    stdin_written_slowly_is_read
    descriptor_of_a_pipe_is_read
    descriptor_of_a_file_is_read
    descriptor_of_an_unlinked_file_is_read
    descriptor_of_a_socket_is_read
    variable_is_read
    source_named_by_a_variable_is_read
}

fn stdin_as_a_pipe_is_read(part: Part) {
    IdentityFiles::new().reading(part, Given::stdin(pipe(part.contents()))).vends(&[]);
}

fn stdin_as_a_file_is_read(part: Part) {
    let files = IdentityFiles::new();
    let file = File::open(files.path(part)).unwrap();
    files.reading(part, Given::stdin(file)).vends(&[]);
}

fn stdin_written_slowly_is_read(part: Part) {
    let slow = pipe_in_steps(part.contents(), 50);
    IdentityFiles::new().reading(part, Given::stdin(slow)).vends(&[]);
}

fn descriptor_of_a_pipe_is_read(part: Part) {
    IdentityFiles::new().reading(part, Given::descriptor(pipe(part.contents()))).vends(&[]);
}

fn descriptor_of_a_file_is_read(part: Part) {
    let files = IdentityFiles::new();
    let file = File::open(files.path(part)).unwrap();
    files.reading(part, Given::descriptor(file)).vends(&[]);
}

/// A file in memory, or one that was removed: what a supervisor passes on.
fn descriptor_of_an_unlinked_file_is_read(part: Part) {
    let files = IdentityFiles::new();
    let file = File::open(files.path(part)).unwrap();
    fs::remove_file(files.path(part)).unwrap();
    files.reading(part, Given::descriptor(file)).vends(&[]);
}

fn descriptor_of_a_socket_is_read(part: Part) {
    IdentityFiles::new().reading(part, Given::descriptor(socket(&part.contents()))).vends(&[]);
}

#[test]
fn stdin_as_a_socket_is_read() {
    let socket = Given::stdin(socket(&Certificate.contents()));
    IdentityFiles::new().reading(Certificate, socket).vends(&[]);
}

fn text(part: Part) -> String {
    String::from_utf8(part.contents()).unwrap()
}

fn variable_is_read(part: Part) {
    IdentityFiles::new().var("MATERIAL", text(part)).with(part, "env:MATERIAL").vends(&[]);
}

fn source_named_by_a_variable_is_read(part: Part) {
    let files = IdentityFiles::new().var("MATERIAL", text(part));
    files.var(part.variable(), "env:MATERIAL").without(part).vends(&[]);
}

#[test]
fn three_parts_of_three_sources_are_read() {
    let launcher = &["bash", "-c", r#"exec "$@" 7< <(printf %s "$KEY")"#, "bash"];
    IdentityFiles::new()
        .var("MATERIAL", text(Intermediates))
        .var("KEY", text(PrivateKey))
        .with(PrivateKey, "fd:7")
        .with(Intermediates, "env:MATERIAL")
        .reading(Certificate, Given::stdin(pipe(Certificate.contents())))
        .map(|program| program.launched_by(launcher))
        .vends(&[]);
}

const KEY_FIRST: [Part; 3] = [PrivateKey, Certificate, Intermediates];
const KEY_LAST: [Part; 3] = [Certificate, PrivateKey, Intermediates];

fn joined(parts: &[Part]) -> Vec<u8> {
    parts.iter().flat_map(|part| part.contents()).collect()
}

/// Has certificate and key read from one source.
fn both_from(given: Given) -> IdentityFiles {
    let name = given.name();
    IdentityFiles::new().only(&[(Certificate, name), (PrivateKey, name)]).giving(given)
}

#[test]
fn one_stdin_holds_key_then_certificate() {
    both_from(Given::stdin(pipe(joined(&KEY_FIRST)))).vends(&[]);
}

#[test]
fn one_stdin_holds_certificate_then_key() {
    both_from(Given::stdin(pipe(joined(&KEY_LAST)))).vends(&[]);
}

#[test]
fn one_descriptor_holds_key_then_certificate() {
    both_from(Given::descriptor(pipe(joined(&KEY_FIRST)))).vends(&[]);
}

#[test]
fn one_descriptor_holds_certificate_then_key() {
    both_from(Given::descriptor(pipe(joined(&KEY_LAST)))).vends(&[]);
}

fn both_from_a_variable(parts: &[Part]) {
    IdentityFiles::new()
        .var("MATERIAL", String::from_utf8(joined(parts)).unwrap())
        .only(&[(Certificate, "env:MATERIAL"), (PrivateKey, "env:MATERIAL")])
        .vends(&[]);
}

#[test]
fn one_variable_holds_key_then_certificate() {
    both_from_a_variable(&KEY_FIRST);
}

#[test]
fn one_variable_holds_certificate_then_key() {
    both_from_a_variable(&KEY_LAST);
}

#[test]
fn one_stdin_holds_all_three() {
    let sources = PARTS.map(|part| (part, "-"));
    IdentityFiles::new().only(&sources).giving(Given::stdin(pipe(joined(&PARTS)))).vends(&[]);
}

#[test]
fn one_stdin_holds_a_key_that_is_not_named() {
    let sources = [(Certificate, "-")];
    IdentityFiles::new().only(&sources).giving(Given::stdin(pipe(joined(&PARTS)))).vends(&[]);
}

#[track_caller]
fn misses(given: Given, missed: &str) {
    let place = given.shown();
    let text = both_from(given).refuses(3, &[]);
    assert!(text.contains(&format!("error: {place} ")), "{text}");
    assert!(text.contains(&format!("contains no {missed}")), "{text}");
}

#[test]
fn one_stdin_without_a_key_is_refused() {
    misses(Given::stdin(pipe(Certificate.contents())), "private key");
}

#[test]
fn one_stdin_without_a_certificate_is_refused() {
    misses(Given::stdin(pipe(PrivateKey.contents())), "certificate");
}

#[test]
fn one_descriptor_without_a_key_is_refused() {
    misses(Given::descriptor(pipe(Certificate.contents())), "private key");
}

#[test]
fn one_descriptor_without_a_certificate_is_refused() {
    misses(Given::descriptor(pipe(PrivateKey.contents())), "certificate");
}

#[test]
fn pkcs12_on_stdin_is_read() {
    let store = Given::stdin(pipe(fs::read(form("modern.p12")).unwrap()));
    let files = IdentityFiles::new().only(&[(Certificate, "-")]).giving(store);
    files.vends(&["--pkcs8-password", PASSWORD]);
}

/// As bash substitutes processes: `/dev/fd/63`, a pipe that another process writes to.
pub(crate) const SUBSTITUTED: &[&str] = &[
    "bash",
    "-c",
    r#"exec "$1" credential-process --certificate <(cat "$2") --private-key <(cat "$3") \
       --intermediates <(cat "$4")"#,
    "bash",
];

/// As [`SUBSTITUTED`], with a key that is late.
const SUBSTITUTED_LATE: &[&str] = &[
    "bash",
    "-c",
    r#"exec "$1" credential-process --certificate <(cat "$2") \
       --private-key <(sleep 0.5; cat "$3") --intermediates <(cat "$4")"#,
    "bash",
];

fn substituted(launcher: &'static [&'static str]) {
    let files = IdentityFiles::new();
    let paths = PARTS.map(|part| files.path(part).to_str().unwrap().to_owned());
    let program = files.program.clone().launched_by(launcher);
    assert_vends(&program.run(&paths.each_ref().map(String::as_str)));
}

#[test]
fn process_substitution_is_read() {
    substituted(SUBSTITUTED);
}

#[test]
fn process_substitution_that_is_late_is_read() {
    substituted(SUBSTITUTED_LATE);
}

#[test]
fn fifo_with_a_writer_is_read() {
    let files = IdentityFiles::new();
    let fifo = files.folder.path().join("fifo");
    make_fifo(&fifo);
    let path = fifo.clone();
    // It waits until the program opens the fifo, too.
    let writer = std::thread::spawn(move || fs::write(path, PrivateKey.contents()).unwrap());
    files.with(PrivateKey, &fifo).vends(&[]);
    writer.join().unwrap();
}

fn make_fifo(path: &std::path::Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}
