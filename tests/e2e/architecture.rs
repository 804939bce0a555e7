//! The layering of ARCHITECTURE.md, enforced.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Top-level modules from the ground up; a module may import only from rows above its own.
const LAYERS: &[&[&str]] = &[
    &["native", "encoding"],
    &["secret", "time", "region", "legible", "redact", "reveal"],
    &["ber"],
    &["http", "files", "pem", "log", "refresh"],
    &["password"],
    &["arn", "certificate", "credentials"],
    &["profile"],
    &["signer", "usage"],
    &["key"],
    &["pkcs12", "pkcs7"],
    &["bundle"],
    &["identity"],
    &["sigv4", "aws", "world"],
    &["call", "diagnosis"],
    &["error"],
    &["board", "provider"],
    &["cache", "engine", "serve"],
    &["generation"],
    &["command"],
    &["cli", "os"],
    &["main", "lib"],
];

#[test]
fn modules_import_downwards_only() {
    let mut offences = BTreeSet::new();
    each_file(&mut |file, module| {
        let own =
            level(module).unwrap_or_else(|| panic!("`{module}` has no layer; add it to LAYERS"));
        for target in imports(&code_of(file)) {
            if target != module && level(&target).is_none_or(|layer| layer >= own) {
                offences.insert(format!("{module} -> {target}"));
            }
        }
    });
    assert_eq!(offences, BTreeSet::new());
}

/// The layers above are read from paths that begin with `crate::NAME`.
#[test]
fn imports_name_their_module_at_once() {
    let mut offences = BTreeSet::new();
    each_file(&mut |file, _| {
        if code_of(file).contains("crate::{") {
            offences.insert(file.display().to_string());
        }
    });
    assert_eq!(offences, BTreeSet::new());
}

#[test]
fn only_os_touches_the_world() {
    // Of the network the sockets: an address is a value.
    let doors = [
        "std::fs",
        "TcpListener",
        "TcpStream",
        "ToSocketAddrs",
        "UdpSocket",
        "std::env::",
        "std::io::stdout",
        "tokio::",
        "SystemTime::now",
    ];
    // Constants of the compiler, not the environment of the process; what waits without a runtime.
    let harmless = ["std::env::consts", "tokio::sync"];
    let mut offences = BTreeSet::new();
    each_file(&mut |file, module| {
        if matches!(module, "os" | "main") {
            return;
        }
        let mut code = code_of(file);
        for word in harmless {
            code = code.replace(word, "");
        }
        for door in doors.iter().filter(|door| code.contains(**door)) {
            offences.insert(format!("{module}: {door}"));
        }
    });
    assert_eq!(offences, BTreeSet::new());
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut silent = BTreeSet::new();
    each_file(&mut |file, _| {
        if !fs::read_to_string(file).unwrap().starts_with("//! ") {
            silent.insert(file.display().to_string());
        }
    });
    assert_eq!(silent, BTreeSet::new());
}

/// What SECURITY.md lists as a parser of foreign bytes checks arithmetic in release builds, and so
/// does our own code.
#[test]
fn parsers_of_foreign_bytes_check_for_overflow() {
    let read =
        |name: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    let (security, manifest, lock) = (read("SECURITY.md"), read("Cargo.toml"), read("Cargo.lock"));
    let section = security.split("## Parsers of foreign bytes").nth(1).unwrap();
    let rows = section.split("\n## ").next().unwrap().lines().filter(|line| line.starts_with('|'));
    let readers = rows.filter_map(|row| row.split('|').nth(3));
    let listed: BTreeSet<&str> =
        readers.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert!(listed.len() > 20, "{listed:?}");
    let is_checked = |package: &str| {
        let block = manifest.split(&format!("[profile.release{package}]\n")).nth(1);
        let block = block.map(|rest| rest.split("\n[").next().unwrap());
        block.is_some_and(|block| block.contains("overflow-checks = true"))
    };
    assert!(is_checked(""));
    // With a table of its own, Cargo forgets `strip` for the program.
    assert!(!manifest.contains("[profile.release.package.roles-anywhere"));
    for name in &listed {
        assert!(lock.contains(&format!("name = \"{name}\"\n")), "{name} is not a dependency");
        assert!(is_checked(&format!(".package.{name}")), "{name}");
    }
    assert_eq!(manifest.matches("\noverflow-checks = true").count(), listed.len() + 1);
}

/// A pre-release may change under a caret requirement, and is maintained by its next one only.
#[test]
fn no_dependency_is_a_pre_release() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock");
    let lock = fs::read_to_string(path).unwrap();
    let versions = lock.lines().filter_map(|line| line.strip_prefix("version = \""));
    // What stands behind a plus is no part of the order of versions.
    let pre_releases: Vec<&str> = versions
        .filter(|version| version.split('+').next().is_some_and(|version| version.contains('-')))
        .collect();
    assert_eq!(pre_releases, [""; 0]);
}

/// Returns a file without its tests.
fn code_of(file: &Path) -> String {
    if file.ends_with("tests.rs") {
        return String::new();
    }
    let text = fs::read_to_string(file).unwrap();
    text.split("#[cfg(test)]").next().unwrap_or("").to_owned()
}

fn level(module: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&module))
}

fn imports(code: &str) -> Vec<String> {
    let prefixes = ["crate::", "roles_anywhere::"];
    let targets = |prefix: &'static str| {
        code.match_indices(prefix).filter_map(move |(at, _)| {
            let rest = &code[at + prefix.len()..];
            rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned)
        })
    };
    prefixes.into_iter().flat_map(targets).filter(|target| !target.is_empty()).collect()
}

fn each_file(check: &mut impl FnMut(&Path, &str)) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let inside = path.strip_prefix(&root).unwrap().with_extension("");
            let module = inside.iter().next().unwrap().to_str().unwrap().to_owned();
            check(&path, &module);
        }
    }
}
