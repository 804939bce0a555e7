//! `parameter list`: lists the parameters below a path, with or without their values.

mod table;

use crate::app::App;
use crate::app::session::SessionClient;
use crate::app::value_output::LineBreak;
use crate::command::{Command, PARAMETER, Plan};
use crate::options::arguments::OptionGroups;
use crate::options::cache::cache;
use crate::options::command_line::Word;
use crate::options::roles::RoleUse;
use crate::options::secret_output::{ValueDestination, destination};
use crate::options::services;
use crate::options::session::SessionOptions;
use crate::options::session_plan::SessionPlan;
use crate::options::settings::Settings;
use crate::options::table::identity::CERTIFICATE;
use crate::options::table::secrets::{NO_DECRYPT, OUT, PARAMETERS_ENDPOINT};
use crate::options::table::session::{PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN};
use crate::options::table::{self as rows, Heading, OptionSpec, ValueType};
use crate::output::Outcome;
use crate::output::aws_document;
use crate::output::error::Error;
use crate::output::formats::{self, VariableFormat};
use crate::output::usage::UsageError;
use crate::secrets::variable_names::variable_names;
use crate::session_cache::SessionCache;
use roles_anywhere_client::aws::endpoint::RegionalEndpoint;
use roles_anywhere_client::aws::get_parameters_by_path::{PathDepth, PathRequest};
use roles_anywhere_client::aws::parameter::{Decryption, Parameter};
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::provider::parameter_store::ParameterStore;
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::time::Deadline;

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
    /// The parameters.
    pub list: ParameterList,
}

/// The parameters to list, and how.
#[derive(Clone, Debug)]
pub struct ParameterList {
    /// The path.
    pub request: PathRequest,
    /// Where the Parameter Store is.
    pub at: RegionalEndpoint,
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
    /// They are.
    Shown,
    /// They are not.
    Left,
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
    const OPTIONS: &'static OptionGroups = &[
        PARAMETER_LIST,
        rows::roles::ONE,
        rows::identity::IDENTITY,
        rows::session::CHAIN,
        rows::identity::KEY_ACCESS,
        rows::identity::NOT_YET,
        rows::session::SESSION,
        rows::session::ASSUME,
        rows::transport::TRANSPORT,
        rows::cache::CACHE,
        rows::errors::ERRORS,
    ];
    const REQUIRED: &'static [&'static OptionSpec] =
        &[&PATH, &CERTIFICATE, &TRUST_ANCHOR_ARN, &PROFILE_ARN, &ROLE_ARN];
    const ROLES: RoleUse = RoleUse::One;

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let given = SessionOptions::resolve(settings)
            .and_then(|session| Ok((list(settings, &session)?, session)));
        let (list, session) = given.map_err(|error| match error {
            UsageError::Missing { .. } => settings.missing(Self::REQUIRED),
            error => error,
        })?;
        let endpoint = Some(list.at.endpoint.clone());
        let session = SessionPlan::new(settings, session, endpoint, cache(settings)?)?;
        Ok(Self { session: session.with_waiting_line(settings)?, list })
    }
}

fn list(settings: &Settings<'_>, session: &SessionOptions) -> Result<ParameterList, UsageError> {
    let path = settings.required(&PATH)?;
    if !path.value.starts_with('/') {
        return Err(path.refuse("a path that starts with `/`"));
    }
    let values = match settings.is_on(&VALUES)? {
        true => ValueColumn::Shown,
        false => ValueColumn::Left,
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
    let region = services::region((&PATH, None), settings, session)?;
    Ok(ParameterList {
        request: PathRequest { path: path.value.to_owned(), depth },
        at: services::parameter_store(settings, session, region)?,
        decryption: match format {
            // The role needs no key if no value is printed.
            ListFormat::Table(ValueColumn::Left) | ListFormat::Json(ValueColumn::Left) => {
                Decryption::Encrypted
            }
            _ => services::decryption(settings)?,
        },
        format,
        destination: destination(settings)?,
    })
}

impl Plan for ParameterListPlan {
    fn run(&self, app: &App) -> Result<Outcome, Error> {
        let client = SessionClient::open(app, &self.session);
        let sessions = client.sessions();
        let output = client.block_on(async |ports, deadline| {
            run(&sessions, &self.list, deadline, ports, app).await
        })?;
        Ok(output.into())
    }
}

async fn run(
    sessions: &SessionCache<'_>,
    plan: &ParameterList,
    deadline: Deadline,
    ports: &Ports,
    app: &App,
) -> Result<SecretBytes, Error> {
    let ParameterList { request, at, decryption, .. } = plan;
    let store = ParameterStore { at, provider: sessions.provider(), decryption: *decryption };
    let list = async |session: &Session| {
        store.get_parameters_by_path(request, session, ports, deadline).await
    };
    let parameters = sessions.call(ports, deadline, list).await?;
    let output = match plan.format {
        ListFormat::Table(values) => table::render(&parameters, values),
        ListFormat::Json(values) => {
            aws_document::parameter::list(&parameters, values == ValueColumn::Shown)
        }
        ListFormat::Dotenv => variables(&parameters, &request.path)?,
    };
    app.deliver((output, LineBreak::Never), &plan.destination, ports, deadline)
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
            text(ValueColumn::Left),
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
