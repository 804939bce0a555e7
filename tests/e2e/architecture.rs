//! The layering of ARCHITECTURE.md, enforced: by crates where that is possible, here elsewhere.
//!
//! Files are parsed whole, so that code behind a test module counts too. What is compiled for tests
//! only may import anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

/// The modules of `roles-anywhere-client`, bottom first: a module imports from rows above its own.
const CLIENT: &[&[&str]] = &[
    &["hex", "secret", "text", "time", "region"],
    &["arn", "credentials", "encoding", "http", "input_source", "x509"],
    &["password"],
    &["key"],
    &["identity"],
    &["ports", "sigv4", "https"],
    &["aws"],
    &["diagnosis"],
    &["provider"],
    &["refresh"],
    &["test_support"],
];

/// The modules of the program, in the same way; `a::b` is a file of `a` that is a row of its own.
const PROGRAM: &[&[&str]] = &[
    &["output::log"],
    &["credentials_file", "private_dir"],
    &["output"],
    &["daemon", "server", "session_cache"],
    &["command"],
    &["options", "os"],
    &["main"],
];

#[test]
fn modules_import_downwards_only() {
    let mut offences = BTreeSet::new();
    for (krate, layers) in [("crates/client/src", CLIENT), ("src", PROGRAM)] {
        for file in files(krate) {
            let own = level(layers, &file.path)
                .unwrap_or_else(|| panic!("{} has no layer; add it to the list", file.path));
            for target in imports(&file.syntax, &["crate", "roles_anywhere"]) {
                let is_own = top(&target) == top(&file.path) && !is_listed(layers, &target);
                if !is_own && level(layers, &target).is_none_or(|layer| layer > own) {
                    offences.insert(format!("{} -> {target}", file.path));
                }
            }
        }
    }
    assert_eq!(offences, BTreeSet::new());
}

/// Modules of one row do not know each other.
#[test]
fn modules_of_one_row_are_independent() {
    let mut offences = BTreeSet::new();
    for (krate, layers) in [("crates/client/src", CLIENT), ("src", PROGRAM)] {
        for file in files(krate) {
            for target in imports(&file.syntax, &["crate"]) {
                let same = level(layers, &target) == level(layers, &file.path);
                if same && top(&target) != top(&file.path) {
                    offences.insert(format!("{} -> {target}", file.path));
                }
            }
        }
    }
    assert_eq!(offences, BTreeSet::new());
}

/// A command that needs another one shares a module with it instead; so do the dialects of `serve`.
#[test]
fn commands_and_dialects_do_not_import_each_other() {
    let mut offences = BTreeSet::new();
    for parent in ["command", "server::api"] {
        let prefix = format!("{parent}::");
        let child = |path: &str| {
            let rest = path.strip_prefix(&prefix)?;
            rest.split("::").next().map(str::to_owned)
        };
        for file in files("src") {
            let Some(own) = child(&file.path) else { continue };
            for target in imports(&file.syntax, &["crate"]) {
                if child(&target).is_some_and(|other| other != own) {
                    offences.insert(format!("{} -> {target}", file.path));
                }
            }
        }
    }
    assert_eq!(offences, BTreeSet::new());
}

/// The rest of the HTTP machinery of `serve` does not know what clients ask for.
#[test]
fn only_the_router_and_the_bodies_name_the_apis() {
    let allowed = ["server", "server::router", "server::bodies"];
    let machinery = files("src").into_iter().filter(|file| {
        top(&file.path) == "server"
            && !file.path.starts_with("server::api")
            && !allowed.contains(&&*file.path)
    });
    let mut offences = BTreeSet::new();
    let mut count = 0;
    for file in machinery {
        count += 1;
        let named = paths(&file.syntax);
        let named = named.iter().filter(|path| path.split("::").any(|name| name == "api"));
        offences.extend(named.map(|path| format!("{} -> {path}", file.path)));
    }
    assert!(count > 5, "{count} files");
    assert_eq!(offences, BTreeSet::new());
}

/// The client does not know the program, the emulator knows neither, and the fakes are for tests.
#[test]
fn crates_are_what_they_say() {
    let own = |manifest: &str| {
        let names = manifest.lines().filter_map(|line| line.split(" = ").next());
        let own = names.filter(|name| name.starts_with("roles-anywhere"));
        own.map(str::to_owned).collect::<Vec<_>>()
    };
    let dependencies = |krate: &str| {
        let manifest = read(&format!("{krate}/Cargo.toml"));
        let (shipped, of_tests) = manifest.split_once("\n[dev-dependencies]").unwrap();
        (own(shipped), own(of_tests))
    };
    assert_eq!(
        dependencies("crates/client"),
        (vec![], vec!["roles-anywhere-test-support".to_owned()])
    );
    assert_eq!(dependencies("crates/emulator"), (vec![], vec![]));
    assert_eq!(dependencies(".").0, ["roles-anywhere-client"]);
    assert_eq!(own(&read("crates/test-support/Cargo.toml")), ["roles-anywhere-client"]);
    let client = read("crates/client/Cargo.toml");
    for of_the_terminal in ["clap", "rpassword", "signal-hook"] {
        assert!(!client.contains(&format!("\n{of_the_terminal} =")), "{of_the_terminal}");
    }
}

/// What reaches outside the process, by path: the program does it in `os` and `main`, the client in
/// `https`. Constants of the compiler and what waits without a runtime are harmless.
#[test]
fn only_the_edge_touches_the_system() {
    let system = [
        "std::fs",
        "std::env",
        "std::io::stdout",
        "std::net::TcpStream",
        "std::net::TcpListener",
        "std::net::UdpSocket",
        "std::net::ToSocketAddrs",
        "tokio",
        "reqwest",
        "rustix",
    ];
    let harmless = ["std::env::consts", "tokio::sync", "tokio::select"];
    let mut offences = BTreeSet::new();
    for (krate, edge) in
        [("crates/client/src", &["https", "test_support"][..]), ("src", &["os", "main"])]
    {
        for file in files(krate) {
            if edge.contains(&top(&file.path)) {
                continue;
            }
            for path in paths(&file.syntax) {
                let begins = |with: &&str| path == **with || path.starts_with(&format!("{with}::"));
                if system.iter().any(begins) && !harmless.iter().any(begins) {
                    offences.insert(format!("{}: {path}", file.path));
                }
            }
        }
    }
    assert_eq!(offences, BTreeSet::new());
}

/// Two things of one name make a reader open both. Code for tests only is excepted, and so are types
/// behind a `cfg` attribute: twins for different systems, of which each build has one.
#[test]
fn no_type_name_is_defined_twice_in_a_crate() {
    let mut twice = Vec::new();
    for krate in ["crates/client/src", "src", "crates/emulator/src"] {
        let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for file in files(krate).into_iter().filter(|file| top(&file.path) != "test_support") {
            let mut types = Types::default();
            types.visit_file(&file.syntax);
            for name in types.0 {
                places.entry(name).or_default().push(file.path.clone());
            }
        }
        assert!(places.len() > 60, "{krate}: {} types", places.len());
        twice.extend(places.into_iter().filter(|(_, files)| files.len() > 1));
    }
    assert_eq!(twice, []);
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut silent = BTreeSet::new();
    for krate in ["src", "crates/client/src", "crates/emulator/src"] {
        for path in rust_files(&root().join(krate)) {
            if !fs::read_to_string(&path).unwrap().starts_with("//! ") {
                silent.insert(path.display().to_string());
            }
        }
    }
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

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// A file that is not of tests only: its module's path, without the crate, and what is in it.
struct File {
    path: String,
    syntax: syn::File,
}

/// Returns the files of a crate; `mod x;` behind `#[cfg(test)]` takes `x.rs` and `x/` out.
fn files(krate: &str) -> Vec<File> {
    let source = root().join(krate);
    let parsed = rust_files(&source).into_iter().map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        let inside = path.strip_prefix(&source).unwrap().with_extension("");
        let path = inside.iter().map(|name| name.to_str().unwrap()).collect::<Vec<_>>().join("::");
        File { path, syntax: syn::parse_file(&text).unwrap() }
    });
    let mut files: Vec<File> = parsed.collect();
    let of_tests: Vec<String> = files.iter().flat_map(modules_of_tests).collect();
    let is_inside =
        |path: &str, module: &String| path == module || path.starts_with(&format!("{module}::"));
    files.retain(|file| {
        file.path != "lib" && !of_tests.iter().any(|module| is_inside(&file.path, module))
    });
    assert!(files.len() > 40, "{krate}: {} files", files.len());
    files
}

pub(crate) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn modules_of_tests(file: &File) -> Vec<String> {
    // What other crates get by a feature, the fakes of the client, has a row of its own.
    let is_public = |item: &syn::ItemMod| matches!(item.vis, syn::Visibility::Public(_));
    let modules = file.syntax.items.iter().filter_map(|item| match item {
        syn::Item::Mod(module) if is_of_tests(&module.attrs) => {
            (!is_public(module)).then_some(&module.ident)
        }
        _ => None,
    });
    let is_root = file.path == "lib";
    let path = |name: &syn::Ident| match is_root {
        true => name.to_string(),
        false => format!("{}::{name}", file.path),
    };
    modules.map(path).collect()
}

/// Tells whether an item is compiled for tests only: its condition names `test`.
fn is_of_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string();
            !condition.starts_with("not")
                && condition.split(|c: char| !c.is_alphanumeric()).any(|word| word == "test")
        }
        _ => false,
    })
}

/// Returns the paths of modules that are imported or named, from behind the name of the crate on.
fn imports(file: &syn::File, crates: &[&str]) -> BTreeSet<String> {
    let named = paths(file).into_iter().filter_map(|path| {
        let (krate, rest) = path.split_once("::")?;
        crates.contains(&krate).then(|| rest.to_owned())
    });
    named.collect()
}

/// Returns every path in a file that is not of tests only, also in macros.
fn paths(file: &syn::File) -> BTreeSet<String> {
    let mut paths = Paths::default();
    paths.visit_file(file);
    paths.0
}

#[derive(Default)]
struct Paths(BTreeSet<String>);

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = match item {
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            syn::Item::Const(item) => &item.attrs,
            syn::Item::Struct(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !is_of_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(String::new(), &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        self.0.insert(names.join("::"));
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let text = call.tokens.to_string().replace(" :: ", "::");
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        let words = text.split(|c| !is_part(c)).filter(|word| word.contains("::"));
        self.0.extend(words.map(str::to_owned));
        visit::visit_macro(self, call);
    }
}

impl Paths {
    fn tree(&mut self, before: String, tree: &syn::UseTree) {
        let joined = |name: &syn::Ident| match before.as_str() {
            "" => name.to_string(),
            before => format!("{before}::{name}"),
        };
        match tree {
            syn::UseTree::Path(path) => self.tree(joined(&path.ident), &path.tree),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.tree(before.clone(), tree));
            }
            syn::UseTree::Name(name) if name.ident == "self" => drop(self.0.insert(before)),
            syn::UseTree::Name(name) => drop(self.0.insert(joined(&name.ident))),
            syn::UseTree::Rename(name) => drop(self.0.insert(joined(&name.ident))),
            syn::UseTree::Glob(_) => drop(self.0.insert(before)),
        }
    }
}

/// The names of the types that a file defines, also inside modules and functions.
#[derive(Default)]
struct Types(Vec<String>);

impl<'ast> Visit<'ast> for Types {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let (attributes, name) = match item {
            syn::Item::Struct(item) => (&item.attrs, Some(&item.ident)),
            syn::Item::Enum(item) => (&item.attrs, Some(&item.ident)),
            syn::Item::Union(item) => (&item.attrs, Some(&item.ident)),
            syn::Item::Trait(item) => (&item.attrs, Some(&item.ident)),
            syn::Item::Type(item) => (&item.attrs, Some(&item.ident)),
            syn::Item::Mod(item) => (&item.attrs, None),
            syn::Item::Fn(item) => (&item.attrs, None),
            syn::Item::Impl(item) => (&item.attrs, None),
            _ => return visit::visit_item(self, item),
        };
        if is_of_tests(attributes) {
            return;
        }
        // A twin for another system, or a module of twins.
        if attributes.iter().any(|attribute| attribute.path().is_ident("cfg")) {
            return;
        }
        self.0.extend(name.map(ToString::to_string));
        visit::visit_item(self, item);
    }
}

fn top(path: &str) -> &str {
    path.split("::").next().unwrap_or(path)
}

fn is_listed(layers: &[&[&str]], path: &str) -> bool {
    let is_file = |name: &&str| name.contains("::") && path.starts_with(name);
    layers.iter().flat_map(|row| row.iter()).any(is_file)
}

/// Returns the row of the longest listed name that `path` begins with.
fn level(layers: &[&[&str]], path: &str) -> Option<usize> {
    let begins = |name: &&&str| path == **name || path.starts_with(&format!("{name}::"));
    let rows = layers.iter().enumerate();
    let found =
        rows.flat_map(|(at, row)| row.iter().filter(begins).map(move |name| (name.len(), at)));
    found.max().map(|(_, at)| at)
}
