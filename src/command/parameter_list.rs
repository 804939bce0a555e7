//! `parameter list`: lists the parameters below a path, with or without their values.

mod table;

use crate::app::App;
use crate::app::session::SessionClient;
use crate::app::value_output::LineBreak;
use crate::command::{Command, PARAMETER, Plan};
use crate::options::arguments::OptionGroups;
use crate::options::command_line::Word;
use crate::options::roles::RoleUse;
use crate::options::secret_output::{ValueDestination, destination};
use crate::options::services;
use crate::options::session::SessionOptions;
use crate::options::session_plan::SessionPlan;
use crate::options::settings::Settings;
use crate::options::table::secrets::{NO_DECRYPT, OUT, PARAMETERS_ENDPOINT};
use crate::options::table::session::required_with;
use crate::options::table::{self as rows, Heading, OptionSpec, ValueType};
use crate::output::Outcome;
use crate::output::aws_document;
use crate::output::empty_list::{EmptyListError, ListedEntries};
use crate::output::error::Error;
use crate::output::formats::{self, VariableFormat};
use crate::output::usage::UsageError;
use crate::secrets::variable_names::variable_names;
use roles_anywhere_client::aws::endpoint::RegionalEndpoint;
use roles_anywhere_client::aws::get_parameters_by_path::{PathDepth, PathRequest};
use roles_anywhere_client::aws::parameter::{Decryption, Parameter};
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::provider::parameter_store::ParameterStore;
use roles_anywhere_client::secret::SecretBytes;

static PATH: OptionSpec = OptionSpec::new("--path", "PATH", ValueType::Text)
    .without_variable()
    .refuse_empty("a path that starts with `/`")
    .under(Heading::Parameter)
    .help("Path above the parameters");

static RECURSIVE: OptionSpec = OptionSpec::switch("--recursive")
    .without_variable()
    .under(Heading::Parameter)
    .help("List all levels below the path");

static VALUES: OptionSpec = OptionSpec::switch("--values")
    .without_variable()
    .under(Heading::Parameter)
    .help("Print the values too")
    .details("Print the values too. `--output dotenv` always does.");

static OUTPUT: OptionSpec = OptionSpec::new("--output", "FORMAT", ValueType::Text)
    .without_variable()
    .refuse_empty("`table`, `json` or `dotenv`")
    .default_value("table")
    .under(Heading::Output)
    .choices(&[
        ("table", "A table"),
        ("json", "JSON, as the AWS CLI prints it"),
        ("dotenv", "Variables for a `.env` file, with the values"),
    ])
    .help("Format: table, json or dotenv")
    .details(
        "What to print. A variable is named by what follows the path, in upper case and with `_` \
         for other characters: /prod/db/url of --path /prod/ is DB_URL.",
    );

static PARAMETER_LIST: &[&OptionSpec] =
    &[&PATH, &RECURSIVE, &VALUES, &NO_DECRYPT, &OUTPUT, &OUT, &PARAMETERS_ENDPOINT];

/// The plan of `parameter list`.
#[derive(Clone, Debug)]
pub struct ParameterListPlan {
    /// The session.
    pub session: SessionPlan,
    /// Where the Parameter Store is.
    pub at: RegionalEndpoint,
    /// The parameters.
    pub list: ParameterList,
}

/// The parameters to list, and how.
#[derive(Clone, Debug)]
pub struct ParameterList {
    /// The path that is listed, and what below it.
    pub request: PathRequest,
    /// Whether SecureStrings are decrypted.
    pub decryption: Decryption,
    /// The output format.
    pub format: ListFormat,
    /// Where to write it.
    pub destination: ValueDestination,
}

/// The output format of a list of parameters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ListFormat {
    /// A table for people, with or without values.
    Table(ValueColumn),
    /// JSON for programs, with or without values.
    Json(ValueColumn),
    /// Variables.
    Dotenv,
}

/// Whether values are printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ValueColumn {
    /// Values are printed.
    Shown,
    /// Values are not printed.
    Hidden,
}

impl Command for ParameterListPlan {
    const NAME: &'static [Word] = &[PARAMETER, ("list", "List the parameters below a path")];
    const DETAILS: &'static str = "\
Lists names, types and versions of the parameters below a path of the Parameter Store, from all pages, and their values with --values. \
The role must allow ssm:GetParametersByPath on the path; it sees all below it.";
    const EXAMPLES: &'static str = "\
roles-anywhere parameter list --path /prod/ --recursive
roles-anywhere parameter list --path /prod/ --output dotenv --out .env";
    const DOCS: &'static [&'static str] = &["parameters.md", "cache.md", "errors.md"];
    const OPTIONS: &'static OptionGroups = &[PARAMETER_LIST, rows::session_groups::ONE_SESSION];
    const REQUIRED: &'static [&'static OptionSpec] = &required_with(&PATH);
    const ROLES: RoleUse = RoleUse::One;

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let call = |session: &SessionOptions| list(settings, session);
        let (session, at, list) = services::session_and_call(settings, Self::REQUIRED, call)?;
        Ok(Self { session, at, list })
    }
}

fn list(
    settings: &Settings<'_>,
    session: &SessionOptions,
) -> Result<(RegionalEndpoint, ParameterList), UsageError> {
    let path = settings.required(&PATH)?;
    if !path.value.starts_with('/') {
        return Err(path.refuse("a path that starts with `/`"));
    }
    let values = match settings.is_on(&VALUES)? {
        true => ValueColumn::Shown,
        false => ValueColumn::Hidden,
    };
    let output = settings.required(&OUTPUT)?;
    let format = match output.value {
        "table" => ListFormat::Table(values),
        "json" => ListFormat::Json(values),
        "dotenv" => ListFormat::Dotenv,
        _ => return Err(output.refuse("`table`, `json` or `dotenv`")),
    };
    let depth = match settings.is_on(&RECURSIVE)? {
        true => PathDepth::AllLevels,
        false => PathDepth::OneLevel,
    };
    let region = services::default_region(settings, session)?;
    let at = services::parameter_store(settings, session, region)?;
    let list = ParameterList {
        request: PathRequest { path: path.value.to_owned(), depth },
        decryption: match format {
            // The role needs no key if no value is printed.
            ListFormat::Table(ValueColumn::Hidden) | ListFormat::Json(ValueColumn::Hidden) => {
                Decryption::Encrypted
            }
            _ => services::decryption(settings)?,
        },
        format,
        destination: destination(settings)?,
    };
    Ok((at, list))
}

impl Plan for ParameterListPlan {
    fn run(&self, app: &App) -> Result<Outcome, Error> {
        let ParameterList { request, decryption, format, destination } = &self.list;
        let client = SessionClient::open(app, &self.session);
        let sessions = client.sessions();
        let output = client.block_on(async |ports, deadline| {
            let (at, provider) = (&self.at, sessions.provider());
            let store = ParameterStore { at, provider, decryption: *decryption };
            let list = async |session: &Session| {
                store.get_parameters_by_path(request, session, ports, deadline).await
            };
            let parameters = sessions.call(ports, deadline, list).await?;
            if parameters.is_empty() {
                match format {
                    // An empty file would replace one with all variables.
                    ListFormat::Dotenv => return Err(self.empty().into()),
                    ListFormat::Table(_) => app.report(&self.empty().note()),
                    ListFormat::Json(_) => {}
                }
            }
            let output = match format {
                ListFormat::Table(values) => table::render(&parameters, *values),
                ListFormat::Json(values) => {
                    aws_document::parameter::list(&parameters, *values == ValueColumn::Shown)
                }
                ListFormat::Dotenv => variables(&parameters, &request.path)?,
            };
            app.deliver((output, LineBreak::Never), destination, ports, deadline)
        })?;
        Ok(output.into())
    }
}

impl ParameterListPlan {
    fn empty(&self) -> EmptyListError {
        let PathRequest { path, depth } = self.list.request.clone();
        let entries = ListedEntries::Parameters { path, depth };
        EmptyListError { entries, region: self.at.region.clone() }
    }
}

/// Returns the parameters as variables, each named by what follows `path`.
fn variables(parameters: &[Parameter], path: &str) -> Result<SecretBytes, Error> {
    let below = |parameter: &'_ Parameter| -> String {
        let rest = parameter.name.strip_prefix(path).unwrap_or(&parameter.name);
        rest.trim_start_matches('/').to_owned()
    };
    let names: Vec<String> = parameters.iter().map(below).collect();
    let names = variable_names(&names.iter().map(String::as_str).collect::<Vec<_>>())?;
    let variables: Vec<_> =
        names.iter().zip(parameters).map(|(name, it)| (name.as_str(), &it.value)).collect();
    Ok(formats::render(VariableFormat::Dotenv, &variables)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use roles_anywhere_client::secret::Secret;

    fn parameter(name: &str, value: &str) -> Parameter {
        Parameter {
            name: name.to_owned(),
            kind: "SecureString".to_owned(),
            value: Secret::new(value.to_owned()),
            version: Some(3),
            selector: None,
            source_result: None,
            last_modified: Some(1_440_938_160_000_000),
            arn: None,
            data_type: Some("text".to_owned()),
        }
    }

    #[test]
    fn variables_are_named_by_what_follows_the_path() {
        let parameters = [parameter("/prod/db/url", "u"), parameter("/prod/flag", "f")];
        for path in ["/prod", "/prod/"] {
            let output = variables(&parameters, path).unwrap();
            assert_eq!(std::str::from_utf8(output.expose()).unwrap(), "DB_URL=u\nFLAG=f\n");
        }
    }

    #[test]
    fn values_are_in_the_table_only_if_they_are_requested() {
        let parameters = [parameter("/prod/flag", "a\nb")];
        let text = |values| {
            String::from_utf8(table::render(&parameters, values).expose().to_vec()).unwrap()
        };
        assert_eq!(
            text(ValueColumn::Hidden),
            "NAME        TYPE          VERSION  MODIFIED\n\
             /prod/flag  SecureString  3        2015-08-30T12:36:00Z\n"
        );
        assert!(text(ValueColumn::Shown).ends_with("Z  a\\nb\n"), "{}", text(ValueColumn::Shown));
    }

    #[test]
    fn json_without_values_has_none() {
        let parameters = [parameter("/prod/flag", "hunter2")];
        let json = |with_values| {
            let output = aws_document::parameter::list(&parameters, with_values);
            String::from_utf8(output.expose().to_vec()).unwrap()
        };
        assert!(!json(false).contains("Value") && json(false).contains(r#""Version": 3"#));
        assert!(json(true).contains(r#""Value": "hunter2""#));
    }
}
