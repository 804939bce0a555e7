//! The layering of ARCHITECTURE.md, enforced: by crates where that is possible, here elsewhere.
//!
//! Files are parsed whole, so that code behind a test module counts too. What is compiled for tests
//! only may import anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

/// The modules of `roles-anywhere-client`, bottom first: a module imports only from rows listed before its own.
const CLIENT: &[&[&str]] = &[
    &["hex", "secret", "text", "time", "region"],
    &["arn", "credentials", "encoding", "http", "input_source", "x509"],
    &["password"],
    &["key"],
    &["identity"],
    &["ports", "sigv4", "https"],
    &["aws", "system"],
    &["diagnosis"],
    &["provider"],
    &["refresh"],
    &["test_support"],
];

/// The public modules of `roles-anywhere-client`, without the fakes: a further one is a decision.
const EXPOSED: &[&str] = &[
    "arn",
    "aws",
    "aws::assume_role",
    "aws::batch_get_secret_value",
    "aws::create_access_key",
    "aws::create_session",
    "aws::delete_access_key",
    "aws::describe_secret",
    "aws::endpoint",
    "aws::error_response",
    "aws::get_access_key_last_used",
    "aws::get_caller_identity",
    "aws::get_parameter",
    "aws::get_parameters",
    "aws::get_parameters_by_path",
    "aws::get_random_password",
    "aws::get_secret_value",
    "aws::json_protocol",
    "aws::list_access_keys",
    "aws::list_secrets",
    "aws::parameter",
    "aws::put_secret_value",
    "aws::query_protocol",
    "aws::retry",
    "aws::secret_description",
    "aws::update_access_key",
    "aws::update_secret_version_stage",
    "credentials",
    "credentials::access_key_id",
    "diagnosis",
    "encoding",
    "hex",
    "http",
    "http::proxy",
    "https",
    "identity",
    "identity::bundle",
    "input_source",
    "input_source::snapshot",
    "key",
    "key::signer",
    "password",
    "ports",
    "provider",
    "provider::assume_role",
    "provider::earlier_hops",
    "provider::fallback",
    "provider::iam",
    "provider::parameter_store",
    "provider::secrets_manager",
    "provider::sts",
    "refresh",
    "refresh::clock_reading",
    "refresh::handle",
    "refresh::observer",
    "refresh::refresher",
    "refresh::reloading_identity",
    "refresh::session_source",
    "refresh::status",
    "region",
    "secret",
    "sigv4",
    "sigv4::access_key",
    "system",
    "text",
    "text::disclosure",
    "text::escape",
    "text::path",
    "time",
    "x509",
    "x509::details",
    "x509::requirements",
    "x509::session_attributes",
];

/// The modules of the program, in the same way; `a::b` is a file of `a` that is a row of its own.
const PROGRAM: &[&[&str]] = &[
    &["options::suggestion", "options::table", "output::log"],
    &["credentials_file", "private_dir", "secrets::reference", "secrets_cache"],
    &["output"],
    &["config"],
    &["daemon", "server", "session_cache"],
    &["secrets"],
    &["follow", "rotation", "server::secrets"],
    &["offline_copy"],
    &["options"],
    &["os"],
    &["app"],
    &["command"],
    &["main"],
];

#[test]
fn documented_layers_are_those_that_are_checked() {
    let document = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/ARCHITECTURE.md"));
    let document = document.unwrap();
    for (name, layers) in [("client", CLIENT), ("program", PROGRAM)] {
        let rows = document.lines().find_map(|line| line.strip_prefix(&format!("* {name}: ")));
        let rows = rows.unwrap().split(" · ").map(|row| row.replace('`', ""));
        let checked = layers.iter().map(|row| row.join(" ")).filter(|row| row != "test_support");
        assert_eq!(rows.collect::<Vec<_>>(), checked.collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn modules_import_downwards_only() {
    let mut offences = BTreeSet::new();
    for (krate, layers) in [("crates/client/src", CLIENT), ("src", PROGRAM)] {
        for file in files(krate) {
            let own = level(layers, &file.path)
                .unwrap_or_else(|| panic!("{} has no layer; add it to the list", file.path));
            for target in imports(&file, &["crate", "roles_anywhere"]) {
                if level(layers, &target).is_none_or(|layer| layer > own) {
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
            for target in imports(&file, &["crate"]) {
                let same = level(layers, &target) == level(layers, &file.path);
                if same && top(&target) != top(&file.path) {
                    offences.insert(format!("{} -> {target}", file.path));
                }
            }
        }
    }
    assert_eq!(offences, BTreeSet::new());
}

/// Commands take the system from `app`.
#[test]
fn only_app_and_main_name_the_system() {
    let mut named = BTreeSet::new();
    for file in files("src") {
        let names_os =
            imports(&file, &["crate", "roles_anywhere"]).iter().any(|it| top(it) == "os");
        if names_os && !["os", "app", "main"].contains(&top(&file.path)) {
            named.insert(file.path);
        }
    }
    assert_eq!(named, BTreeSet::new());
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
        let files = files("src");
        // Not the items of the parent itself, which its modules may import.
        let modules: BTreeSet<String> = files.iter().filter_map(|file| child(&file.path)).collect();
        assert!(modules.len() > 2, "{parent}: {modules:?}");
        for file in files {
            let Some(own) = child(&file.path) else { continue };
            for target in imports(&file, &["crate"]) {
                if child(&target).is_some_and(|other| other != own && modules.contains(&other)) {
                    offences.insert(format!("{} -> {target}", file.path));
                }
            }
        }
    }
    assert_eq!(offences, BTreeSet::new());
}

/// The rest of the HTTP machinery of `serve` does not know what clients ask for.
#[test]
fn only_the_router_the_roles_and_the_bodies_name_the_apis() {
    let allowed = ["server", "server::router", "server::served_roles", "server::bodies"];
    let machinery = files("src").into_iter().filter(|file| {
        top(&file.path) == "server"
            && !file.path.starts_with("server::api")
            && !allowed.contains(&&*file.path)
    });
    let mut offences = BTreeSet::new();
    let mut count = 0;
    for file in machinery {
        count += 1;
        let named = paths(&file);
        let named = named.iter().filter(|path| path.split("::").any(|name| name == "api"));
        offences.extend(named.map(|path| format!("{} -> {path}", file.path)));
    }
    assert!(count > 5, "{count} files");
    assert_eq!(offences, BTreeSet::new());
}

/// The client does not know the program, the emulator knows neither, and the fakes are for tests.
#[test]
fn crates_are_what_they_say() {
    let own = |package: &str| {
        let mut names = dependencies(package);
        names.retain(|(_, name)| name.starts_with("roles-anywhere"));
        names.into_iter().map(|(kind, name)| format!("{kind} {name}")).collect::<Vec<_>>()
    };
    // Itself with the feature `system`, for its example.
    assert_eq!(
        own("roles-anywhere-client"),
        [
            "dev roles-anywhere-client",
            "dev roles-anywhere-emulator",
            "dev roles-anywhere-test-support"
        ]
    );
    assert_eq!(own("roles-anywhere-emulator"), [""; 0]);
    assert_eq!(
        own("roles-anywhere"),
        [
            "dev roles-anywhere-emulator",
            "dev roles-anywhere-test-support",
            "normal roles-anywhere-client",
            "normal roles-anywhere-inherited-signals",
            "normal roles-anywhere-pow"
        ]
    );
    assert_eq!(own("roles-anywhere-inherited-signals"), [""; 0]);
    assert_eq!(own("roles-anywhere-pow"), [""; 0]);
    assert_eq!(own("roles-anywhere-test-support"), ["normal roles-anywhere-client"]);
    let client = dependencies("roles-anywhere-client");
    for of_the_terminal in ["clap", "rpassword", "signal-hook"] {
        assert!(client.iter().all(|(_, name)| name != of_the_terminal), "{of_the_terminal}");
    }
}

#[test]
fn two_crates_may_use_unsafe() {
    const EXCEPTIONS: [&str; 2] = ["crates/inherited-signals", "crates/pow"];
    let manifest =
        |folder: &str| fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
    let workspace = manifest("");
    let members = workspace.lines().find(|line| line.starts_with("members = ")).unwrap();
    for member in members.split('"').skip(1).step_by(2).chain([""]) {
        let inherits = manifest(member).contains("\n[lints]\nworkspace = true\n");
        assert_eq!(inherits, !EXCEPTIONS.contains(&member), "{member}");
    }
    let table = |text: &str, name: &str| {
        let (_, after) = text.split_once(&format!("[{name}]\n")).unwrap();
        after.split("\n\n").next().unwrap().to_owned()
    };
    for (own, name) in
        EXCEPTIONS.into_iter().flat_map(|own| [(own, "lints.rust"), (own, "lints.clippy")])
    {
        let expected = table(&workspace, &format!("workspace.{name}"));
        let expected = expected.replace("unsafe_code = \"forbid\"", "unsafe_code = \"deny\"");
        assert_eq!(table(&manifest(own), name), expected, "{own}: {name}");
    }
}

/// Returns kind (`normal`, `dev`, `build`) and name of what a package depends on, on any system.
fn dependencies(package: &str) -> BTreeSet<(String, String)> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = std::process::Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut packages = metadata["packages"].as_array().unwrap().iter();
    let package = packages.find(|found| found["name"] == package).unwrap();
    let dependencies = package["dependencies"].as_array().unwrap().iter();
    let found = dependencies.map(|dependency| {
        let kind = dependency["kind"].as_str().unwrap_or("normal");
        (kind.to_owned(), dependency["name"].as_str().unwrap().to_owned())
    });
    found.collect()
}

/// Returns the paths of all documents, in the root and in `docs/`.
pub(crate) fn documents() -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["", "docs/"] {
        let entries = fs::read_dir(root().join(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        found.extend(
            names.filter(|name| name.ends_with(".md")).map(|name| folder.to_owned() + &name),
        );
    }
    found.sort();
    assert!(found.len() > 15, "{found:?}");
    found
}

/// Each file and directory that the documents name in backticks. What is written in capitals stands
/// for any name.
#[test]
fn paths_named_in_the_documents_exist() {
    let made_by_cargo = "target/";
    let bases = ["", "src/", "crates/emulator/src/"];
    let mut dead = Vec::new();
    let mut count = 0;
    for document in documents() {
        let text = read(&document);
        let spans = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
        for span in spans.filter(|span| span.ends_with(".rs") || span.ends_with('/')) {
            if span.contains("://") || span.contains([' ', '~']) || span == made_by_cargo {
                continue;
            }
            count += 1;
            let is_placeholder = |part: &&str| {
                let name = part.strip_suffix(".rs").unwrap_or(part);
                !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase())
            };
            let parts = span.split('/').take_while(|part| !is_placeholder(part));
            let path = parts.collect::<Vec<_>>().join("/");
            let exists = match path.strip_prefix("client/") {
                Some(rest) => root().join("crates/client/src").join(rest).exists(),
                None => bases.iter().any(|base| root().join(base).join(&path).exists()),
            };
            if !exists {
                dead.push(format!("{document}: {span}"));
            }
        }
    }
    assert!(count > 80, "{count} paths");
    assert_eq!(dead, [""; 0]);
}

#[test]
fn client_exposes_these_modules() {
    let source = root().join("crates/client/src");
    let mut public = Vec::new();
    let mut pending = vec![String::new()];
    while let Some(parent) = pending.pop() {
        let file = if parent.is_empty() { "lib".to_owned() } else { parent.replace("::", "/") };
        let text = fs::read_to_string(source.join(file).with_extension("rs")).unwrap();
        for item in syn::parse_file(&text).unwrap().items {
            let syn::Item::Mod(module) = item else { continue };
            let is_public = matches!(module.vis, syn::Visibility::Public(_));
            if is_public && !is_of_tests(&module.attrs) {
                let path = format!("{parent}::{}", module.ident);
                public.push(path.trim_start_matches("::").to_owned());
                pending.extend(public.last().cloned());
            }
        }
    }
    public.sort();
    assert_eq!(public, EXPOSED);
}

/// What reaches outside the process, by path: the program does it in `os`, `app` and `main`, the client in
/// `https` and `system`. Constants of the compiler and what waits without a runtime are harmless.
#[test]
fn only_the_edge_touches_the_system() {
    let system = [
        "std::fs",
        "std::env",
        "std::io::stdin",
        "std::io::stdout",
        "std::io::stderr",
        "std::net::TcpStream",
        "std::net::TcpListener",
        "std::net::UdpSocket",
        "std::net::ToSocketAddrs",
        "std::os::unix::net",
        "std::process::Command",
        "std::thread",
        "aws_lc_rs::rand",
        "tokio",
        "reqwest",
        "rustix",
    ];
    let harmless = ["std::env::consts", "tokio::sync"];
    // aws-lc takes the nonce of a signature only from its own source; a test verifies the signature
    // with the public key instead of comparing it.
    let allowed = |file: &str, path: &str| {
        file.starts_with("key::software") && path.starts_with("aws_lc_rs::rand::")
    };
    let mut offences = BTreeSet::new();
    for (krate, edge) in [
        ("crates/client/src", &["https", "system", "test_support"][..]),
        ("src", &["os", "app", "main"]),
    ] {
        for file in files(krate) {
            if edge.contains(&top(&file.path)) {
                continue;
            }
            for path in paths(&file) {
                let begins = |with: &&str| path == **with || path.starts_with(&format!("{with}::"));
                let is_system = system.iter().any(begins) && !harmless.iter().any(begins);
                if is_system && !allowed(&file.path, &path) {
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

/// The client is a library: it returns what happened, and the program knows its options.
#[test]
fn client_names_no_option_of_the_program() {
    let source = root().join("crates/client/src");
    let is_flag = |word: &str| {
        let name = word.strip_prefix("--").unwrap_or_default();
        name.starts_with(|first: char| first.is_ascii_lowercase())
    };
    let mut named = Vec::new();
    for path in rust_files(&source) {
        let inside = path.strip_prefix(&source).unwrap();
        if inside.starts_with("test_support") || inside.ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]\nmod ").next().unwrap();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_');
        let words = words.filter(|word| is_flag(word) || word.starts_with("ROLES_ANYWHERE_"));
        named.extend(words.map(|word| format!("{}: {word}", inside.display())));
    }
    assert_eq!(named, [""; 0]);
}

/// The rest of the program returns what failed, as data.
#[test]
fn only_output_decides_kinds_and_hints() {
    let source = root().join("src");
    let mut offences = Vec::new();
    for path in rust_files(&source) {
        let inside = path.strip_prefix(&source).unwrap();
        if inside.starts_with("output") || inside.ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]\n").next().unwrap();
        let is_ours = |before: &str| !before.ends_with(|c: char| c == ':' || c.is_alphanumeric());
        let made = text.match_indices("Error::new(").any(|(at, _)| is_ours(&text[..at]));
        if made || text.contains(".hint(") {
            offences.push(inside.display().to_string());
        }
    }
    assert_eq!(offences, [""; 0]);
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
    assert!(!manifest.contains("[profile.release.package.roles-anywhere]"));
    // That of the library is for its speed only.
    let own = manifest.split("[profile.release.package.roles-anywhere").skip(1);
    assert!(own.map(|rest| rest.split("\n[").next()).all(|it| !it.unwrap().contains("checks")));
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
fn imports(file: &File, crates: &[&str]) -> BTreeSet<String> {
    let named = paths(file).into_iter().filter_map(|path| {
        let (krate, rest) = path.split_once("::")?;
        crates.contains(&krate).then(|| rest.to_owned())
    });
    named.collect()
}

/// Returns every path in a file that is not of tests only, also in macros. `super`, `self` and names
/// that the file imports are resolved.
fn paths(file: &File) -> BTreeSet<String> {
    let module = file.path.split("::").map(str::to_owned).collect();
    let mut paths = Paths { module, found: BTreeSet::new(), imported: Vec::new() };
    paths.visit_file(&file.syntax);
    let resolved = paths.found.iter().flat_map(|path| {
        let (first, rest) = path.split_once("::").unwrap_or((path, ""));
        let is_it = move |(name, _): &&(String, String)| name == first && !rest.is_empty();
        paths.imported.iter().filter(is_it).map(move |(_, whole)| format!("{whole}::{rest}"))
    });
    let resolved: Vec<String> = resolved.collect();
    paths.found.extend(resolved);
    paths.found
}

#[test]
fn resolves_relative_and_imported_paths() {
    let text = "
        use super::neighbour::Thing;
        use self::child::*;
        use std::{io, thread as threads};
        fn f() { super::super::top::g(); io::stdin(); threads::spawn(h); println!(super::x::Y); }
        mod inner { use super::child; use super::super::other::{self, C}; }
        #[cfg(test)]
        mod tests { use super::super::unseen::X; }
        impl T { fn m(self) { self::n(); self.k() } }
    ";
    let file = File { path: "a::b".to_owned(), syntax: syn::parse_str(text).unwrap() };
    let found = imports(&file, &["crate"]);
    let expected = [
        "a::b::child",
        "a::b::child::*",
        "a::b::n",
        "a::neighbour::Thing",
        "a::other",
        "a::other::C",
        "a::x::Y",
        "top::g",
    ];
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    let all = paths(&file);
    assert!(all.contains("std::io::stdin") && all.contains("std::thread::spawn"), "{all:?}");
}

/// The paths of a file.
struct Paths {
    /// The module that is visited: that of the file, and the inline ones around.
    module: Vec<String>,
    found: BTreeSet<String>,
    /// The names that `use` defines, each with what it stands for.
    imported: Vec<(String, String)>,
}

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

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree("", &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        self.insert(&names.join("::"));
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let text = call.tokens.to_string().replace(" :: ", "::");
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        let words = text.split(|c| !is_part(c)).filter(|word| word.contains("::"));
        words.for_each(|word| drop(self.insert(word)));
        visit::visit_macro(self, call);
    }
}

impl Paths {
    /// Inserts a path, and returns it as it is seen from the crate's root.
    fn insert(&mut self, path: &str) -> String {
        let path = self.absolute(path);
        self.found.insert(path.clone());
        path
    }

    /// Replaces `super` and `self` at the beginning of a path of more than one name.
    fn absolute(&self, path: &str) -> String {
        let mut module = self.module.clone();
        let mut rest = path;
        while let Some((first, after)) = rest.split_once("::") {
            match first {
                "self" => {}
                "super" => drop(module.pop()),
                _ => break,
            }
            rest = after;
        }
        if rest.len() == path.len() {
            return path.to_owned();
        }
        let names = ["crate"].into_iter().chain(module.iter().map(String::as_str)).chain([rest]);
        names.collect::<Vec<_>>().join("::")
    }

    fn import(&mut self, name: &syn::Ident, path: &str) {
        let whole = self.insert(path);
        self.imported.push((name.to_string(), whole));
    }

    fn tree(&mut self, before: &str, tree: &syn::UseTree) {
        let joined = |name: &str| match before {
            "" => name.to_owned(),
            before => format!("{before}::{name}"),
        };
        match tree {
            syn::UseTree::Path(path) => self.tree(&joined(&path.ident.to_string()), &path.tree),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.tree(before, tree));
            }
            syn::UseTree::Name(name) if name.ident == "self" => {
                let whole = self.insert(before);
                let name = whole.rsplit("::").next().unwrap_or_default().to_owned();
                self.imported.push((name, whole));
            }
            syn::UseTree::Name(name) => self.import(&name.ident, &joined(&name.ident.to_string())),
            syn::UseTree::Rename(name) if name.ident == "self" => {
                self.import(&name.rename, before);
            }
            syn::UseTree::Rename(name) => {
                self.import(&name.rename, &joined(&name.ident.to_string()));
            }
            syn::UseTree::Glob(_) => drop(self.insert(&joined("*"))),
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

/// Returns the row of the longest listed name that `path` begins with.
fn level(layers: &[&[&str]], path: &str) -> Option<usize> {
    let begins = |name: &&&str| path == **name || path.starts_with(&format!("{name}::"));
    let rows = layers.iter().enumerate();
    let found =
        rows.flat_map(|(at, row)| row.iter().filter(begins).map(move |name| (name.len(), at)));
    found.max().map(|(_, at)| at)
}
