//! The configuration file, and its documentation.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use roles_anywhere::config::{KeyType, TableKind};
use roles_anywhere::options::table::OptionSpec;

use crate::environment::TestEnvironment;

/// The reference of `docs/configuration.md` is between these lines.
const BEGIN: &str = "configuration`. -->\n";
const END: &str = "<!-- end -->\n";

/// To write it again: `ROLES_ANYWHERE_WRITE_DOCS=1 cargo test --test e2e configuration`.
#[test]
fn the_reference_is_made_from_the_table_of_options() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    if std::env::var_os("ROLES_ANYWHERE_WRITE_DOCS").is_some() {
        fs::write(path, format!("{before}{BEGIN}{}{END}{after}", reference())).unwrap();
    } else {
        assert_eq!(written, reference());
    }
}

fn reference() -> String {
    let mut text = String::from("\n");
    for table in TableKind::ALL {
        let heading = match table {
            TableKind::Root => "Above the first table",
            TableKind::Hop => "An entry of `assume`",
            TableKind::Fallback => "An entry of `fallback`",
            named => named.as_str(),
        };
        writeln!(text, "### {heading}\n\n| key | value | meaning |\n| --- | --- | --- |").unwrap();
        for row in table.keys() {
            let value = KeyType::of(row).expected();
            writeln!(text, "| `{}` | {value} | {} |", row.id(), meaning(row, *table)).unwrap();
        }
        text.push('\n');
    }
    text
}

fn meaning(row: &'static OptionSpec, table: TableKind) -> String {
    let summary = row.summary(roles_anywhere::options::table::Necessity::Optional);
    let summary = summary.split(" [default").next().unwrap();
    match (row.default_words(), table.required().contains(&row)) {
        (_, true) => format!("{summary}; required"),
        (Some(default), _) => format!("{summary}; by default {default}"),
        (None, _) => summary.to_owned(),
    }
}

#[test]
fn the_schema_names_every_table() {
    let env = TestEnvironment::new();
    let schema = env.run("config schema").json();
    assert_eq!(schema["properties"]["role"]["additionalProperties"]["$ref"], "#/$defs/role");
}

#[test]
fn import_reads_the_file_of_the_aws_cli() {
    let env = TestEnvironment::new();
    let file = env.write(
        "aws-config",
        "[profile a]\ncredential_process = aws_signing_helper credential-process --certificate /host.pem \
         --pkcs8-password hunter2 --debug\n",
    );
    let env = env.var("AWS_CONFIG_FILE", file);
    assert_snapshot!(env.run("config import --from aws"), @r#"
    $ AWS_CONFIG_FILE=DIR/aws-config roles-anywhere config import --from aws
    exit code: 0
    ----- stdout -----
    [identity.host]
    certificate = "/host.pem"
    # the line holds the password itself: write it to a file that only you can read
    key-password-file = "./FILE_TO_FILL_IN"

    [role.a]
    identity = "host"
    # not taken over: `--debug`
    ----- stderr -----
    warning: profile `a`: not taken over: `--debug`
    warning: profile `a`: fill in `key-password-file`
    "#);
    assert_snapshot!(env.fails("config import --from azure"), @r"
    $ AWS_CONFIG_FILE=DIR/aws-config roles-anywhere config import --from azure
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value `azure` for `--from`: expected `aws`
    ");
    let absent = env.var("AWS_CONFIG_FILE", "absent");
    assert_snapshot!(absent.fails("config import --from aws"), @r"
    $ AWS_CONFIG_FILE=absent roles-anywhere config import --from aws
    exit code: 6
    ----- stdout -----
    ----- stderr -----
    error: cannot read `absent` (from AWS_CONFIG_FILE)
      caused by: No such file or directory (os error 2)
      hint: check the path
    ");
}
