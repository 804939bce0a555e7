//! The rows of the table, one against the other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use syn::visit::Visit;

use crate::command::{ALL, specs};
use crate::options::command_line::{Texts, describe, options, options_of_called};
use crate::options::table::{
    Help, OptionSpec, PREFIX, Syntax, VARIABLES, ValueType, identity, session, transport,
};
use roles_anywhere_client::text::disclosure::Sensitivity;

/// Returns each option of the commands once.
fn rows() -> impl Iterator<Item = &'static OptionSpec> {
    let mut seen = Vec::new();
    let all: Vec<_> = options(&specs(ALL)).collect();
    all.into_iter().filter(move |row| {
        let is_new = !seen.contains(row);
        seen.push(*row);
        is_new
    })
}

#[test]
fn variables_are_made_from_flags() {
    let variables: Vec<_> = transport::CA_BUNDLE.variables().collect();
    assert_eq!(variables, ["ROLES_ANYWHERE_CA_BUNDLE", "AWS_CA_BUNDLE", "SSL_CERT_FILE"]);
    let secret = rows().find(|row| row.name == "NAME|ARN").unwrap();
    assert_eq!(secret.variables().next(), None);
    for row in rows() {
        let Some(variable) = row.own_variable() else { continue };
        let flag = variable.replace(PREFIX, "--").replace('_', "-").to_ascii_lowercase();
        assert_eq!(flag, row.name);
    }
}

/// But for `--output`, `--format`, `--from`, `--prefix`, `--file`, `--key` and `--force`, which mean something
/// else in each of their commands, and for `--log-format` of a command that is no daemon, all without a
/// variable there; for `--out`, whose files have other modes in `render`; and for `--role`,
/// which may be repeated in `serve` and has another default in `update`; and for `--secrets-token-file`, which
/// `serve` writes and its clients read.
#[test]
fn a_flag_or_a_variable_is_of_one_row() {
    let is_argument = |row: &&OptionSpec| matches!(row.syntax, Syntax::Positional { .. });
    let twice = |names: Vec<&'static str>| {
        let mut seen = BTreeSet::new();
        names.into_iter().filter(|name| !seen.insert(*name)).collect::<Vec<_>>()
    };
    assert_eq!(
        twice(rows().filter(|row| !is_argument(row)).map(|row| row.name).collect()),
        [
            "--secrets-token-file",
            "--role",
            "--role",
            "--prefix",
            "--output",
            "--output",
            "--force",
            "--key",
            "--log-format",
            "--output",
            "--output",
            "--format",
            "--out",
            "--output",
            "--output",
            "--format",
            "--output",
            "--output",
            "--output",
            "--from",
            "--file",
            "--output"
        ]
    );
    assert!(rows().filter(is_argument).all(|row| row.variables().next().is_none()));
    let variables = rows().flat_map(|row| row.variables()).collect();
    assert_eq!(twice(variables), ["ROLES_ANYWHERE_ROLE"; 2]);
    let names = ["--out", "--output", "--format", "--from", "--prefix", "--file"];
    for row in rows().filter(|row| names.contains(&row.name)) {
        assert_eq!(row.own_variable(), None);
    }
}

#[test]
fn an_option_is_found_in_its_command() {
    let of = |words: &[&str]| {
        options_of_called(&specs(ALL), &super::line(words))?.find(|row| row.name == "--output")
    };
    let (view, form) =
        (of(&["read-certificate-data"]).unwrap(), of(&["secret", "get", "a"]).unwrap());
    assert_ne!(view, form);
    assert_eq!(of(&["serve"]), None);
    assert_eq!(of(&["secret"]), None);
}

#[test]
fn what_is_hidden_does_not_work_yet() {
    let hidden: Vec<_> = rows().filter(|row| row.help == Help::Hidden).collect();
    assert_eq!(hidden, identity::NOT_YET);
    assert!(hidden.iter().all(|row| row.variables().next().is_none()));
    assert!(rows().all(|row| row.help != Help::None));
}

/// An option whose value names a password, is one, or may hold one.
#[test]
fn passwords_are_sensitive() {
    for row in rows() {
        let of_password = row.name.contains("password") && row.value_type != ValueType::Boolean;
        let of_password = of_password && row.name != "--password-length";
        let of_password = of_password || row.value_type == ValueType::Assignment;
        assert_eq!(row.sensitivity == Sensitivity::Password, of_password, "{row}");
        let sensitive = matches!(row.value_type, ValueType::Source | ValueType::Url)
            || row == &session::EXTERNAL_ID
            // A command for a shell may hold one.
            || ["--create", "--exec", "--on-change", "--on-rotate", "--set", "--test"]
                .contains(&row.name);
        assert_eq!(row.sensitivity == Sensitivity::Sensitive, sensitive, "{row}");
    }
}

#[test]
fn clap_is_told_of_each_option_once_in_a_command() {
    let mut root = describe(&specs(ALL), Texts::None);
    root.build();
    let mut described = BTreeSet::new();
    let mut pending = vec![&root];
    while let Some(command) = pending.pop() {
        pending.extend(command.get_subcommands().filter(|command| command.get_name() != "help"));
        let ids: Vec<_> = command.get_arguments().map(|arg| arg.get_id().as_str()).collect();
        let unique: BTreeSet<_> = ids.iter().copied().collect();
        assert_eq!(ids.len(), unique.len(), "{}", command.get_name());
        described.extend(ids.into_iter().map(str::to_owned));
    }
    // `--version` is an option of the program, and another one of a command.
    described.remove("help");
    assert_eq!(described, rows().map(|row| row.id().to_owned()).collect());
}

/// The rows that are written in the sources: by a flag, a placeholder or the first variable.
#[derive(Default)]
struct WrittenRows(Vec<String>);

impl<'ast> Visit<'ast> for WrittenRows {
    /// A call such as `OptionSpec::new("--flag", …)`; the name of an argument without a flag comes second.
    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        syn::visit::visit_expr_call(self, call);
        let syn::Expr::Path(function) = &*call.func else { return };
        let path: Vec<_> = function.path.segments.iter().map(|it| it.ident.to_string()).collect();
        let [row, constructor] = path.as_slice() else { return };
        // The keys of the configuration file that no option stands for are in no command.
        if row == "OptionSpec" && constructor != "file_key" {
            let has_id = ["positional", "trailing"].contains(&constructor.as_str());
            let name = &call.args[usize::from(has_id)];
            self.0.push(first_text(name).expect("the name of a row is a literal"));
        }
    }
}

fn first_text(expression: &syn::Expr) -> Option<String> {
    match expression {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
        syn::Expr::Reference(reference) => first_text(&reference.expr),
        syn::Expr::Array(array) => first_text(array.elems.first()?),
        _ => None,
    }
}

#[expect(clippy::disallowed_methods, reason = "it reads our sources, no file of a user")]
fn visit_sources(path: &Path, rows: &mut WrittenRows) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            visit_sources(&entry.unwrap().path(), rows);
        }
    } else if path.extension().is_some_and(|it| it == "rs") {
        let text = fs::read_to_string(path).unwrap();
        rows.visit_file(&syn::parse_file(&text).unwrap());
    }
}

/// A row that is in no group is never described to clap, and reading it ends the program.
#[test]
fn each_row_of_the_sources_is_in_a_group() {
    let mut written = WrittenRows::default();
    for folder in ["src/options/table", "src/command"] {
        visit_sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut written);
    }
    let mut in_groups: Vec<_> =
        rows().chain(VARIABLES.iter().copied()).map(|row| row.name.to_owned()).collect();
    written.0.sort();
    in_groups.sort();
    assert_eq!(written.0, in_groups);
}
