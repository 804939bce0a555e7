//! The rows of the table, one against the other.

use std::collections::BTreeSet;

use crate::command::{ALL, specs};
use crate::options::command_line::{describe, options};
use crate::options::table::{Help, OptionSpec, PREFIX, ValueType, identity, transport};
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

/// But for `--output`, which is a view of a certificate and a form of a secret, and has no variable.
#[test]
fn a_flag_or_a_variable_is_of_one_row() {
    let twice = |names: Vec<&'static str>| {
        let mut seen = BTreeSet::new();
        names.into_iter().filter(|name| !seen.insert(*name)).collect::<Vec<_>>()
    };
    assert_eq!(twice(rows().map(|row| row.name).collect()), ["--output"]);
    assert_eq!(twice(rows().flat_map(|row| row.variables()).collect()), [""; 0]);
    for row in rows().filter(|row| row.name == "--output") {
        assert_eq!(row.own_variable(), None);
    }
}

#[test]
fn what_is_hidden_does_not_work_yet() {
    let hidden: Vec<_> = rows().filter(|row| matches!(row.help, Help::Hidden(_))).collect();
    assert_eq!(hidden, identity::NOT_YET);
    assert!(hidden.iter().all(|row| row.variables().next().is_none()));
    assert!(rows().all(|row| row.help != Help::None));
}

/// An option whose value names a password, or is one.
#[test]
fn passwords_are_sensitive() {
    for row in rows() {
        let of_password = row.name.contains("password") && row.value_type != ValueType::Boolean;
        assert_eq!(row.sensitivity == Sensitivity::Password, of_password, "{row}");
        let sensitive = matches!(row.value_type, ValueType::Source | ValueType::Url);
        assert_eq!(row.sensitivity == Sensitivity::Sensitive, sensitive, "{row}");
    }
}

#[test]
fn each_row_is_an_option_of_a_command() {
    let mut root = describe(&specs(ALL));
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
    described.retain(|id| !["help", "version"].contains(&id.as_str()));
    assert_eq!(described, rows().map(|row| row.id().to_owned()).collect());
}
