//! `parameter get`: reads a parameter of the Parameter Store with a certificate.

use crate::app::App;
use crate::app::session::SessionClient;
use crate::app::value_output::LineBreak;
use crate::command::{Command, PARAMETER, Plan};
use crate::options::arguments::OptionGroups;
use crate::options::command_line::Word;
use crate::options::roles::RoleUse;
use crate::options::secret_output::{ValueDestination, ValueSelection, destination, selection};
use crate::options::services;
use crate::options::session::{self, SessionOptions};
use crate::options::session_plan::SessionPlan;
use crate::options::settings::Settings;
use crate::options::table::secrets::{KEY, NO_DECRYPT, OUT, PARAMETERS_ENDPOINT};
use crate::options::table::session::required_with;
use crate::options::table::{self, Heading, OptionSpec, Origin, ValueType};
use crate::output::Outcome;
use crate::output::aws_document;
use crate::output::error::Error;
use crate::output::usage::UsageError;
use crate::secrets::selected_member::selected_member;
use roles_anywhere_client::aws::endpoint::RegionalEndpoint;
use roles_anywhere_client::aws::parameter::{
    Decryption, Parameter, ParameterRequest, ParameterSelector,
};
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::provider::parameter_store::ParameterStore;
use roles_anywhere_client::secret::SecretBytes;

static PARAMETER_ID: OptionSpec =
    OptionSpec::positional("parameter", "NAME|ARN", ValueType::ParameterId)
        .refuse_empty("the name or the ARN of a parameter")
        .help("Name or ARN of the parameter")
        .details(
            "Name or ARN of the parameter, for example /prod/api-url or \
             arn:aws:ssm:eu-central-1:123456789012:parameter/prod/api-url",
        );

static VERSION: OptionSpec = OptionSpec::new("--version", "N", ValueType::Text)
    .without_variable()
    .refuse_empty("the number of a version")
    .described_default("the latest version")
    .under(Heading::Parameter)
    .help("Read the version with this number");

static LABEL: OptionSpec = OptionSpec::new("--label", "LABEL", ValueType::Text)
    .without_variable()
    .refuse_empty("a value")
    .under(Heading::Parameter)
    .help("Read the version with this label");

static OUTPUT: OptionSpec = OptionSpec::new("--output", "FORMAT", ValueType::Text)
    .without_variable()
    .refuse_empty("`text` or `json`")
    .default_value("text")
    .under(Heading::Output)
    .choices(&[
        ("text", "The value only"),
        ("json", "All of the response, as the AWS CLI prints it"),
    ])
    .help("Format: text or json")
    .details("What to print.");

/// Most have no variable, for the same reasons as those of a secret.
static PARAMETER_GET: &[&OptionSpec] =
    &[&PARAMETER_ID, &VERSION, &LABEL, &KEY, &NO_DECRYPT, &OUTPUT, &OUT, &PARAMETERS_ENDPOINT];

/// The plan of `parameter get`.
#[derive(Clone, Debug)]
pub struct ParameterGetPlan {
    /// The session.
    pub session: SessionPlan,
    /// Where the Parameter Store is.
    pub at: RegionalEndpoint,
    /// The parameter.
    pub get: ParameterGet,
}

/// The parameter to read and its destination.
#[derive(Clone, Debug)]
pub struct ParameterGet {
    /// The parameter and its version.
    pub request: ParameterRequest,
    /// Whether a SecureString is decrypted.
    pub decryption: Decryption,
    /// The part of it to output.
    pub selection: ValueSelection,
    /// Where to write it.
    pub destination: ValueDestination,
}

impl Command for ParameterGetPlan {
    const NAME: &'static [Word] =
        &[PARAMETER, ("get", "Print a parameter, or one member of a JSON value")];
    const DETAILS: &'static str = "\
Reads a parameter from the Parameter Store of AWS Systems Manager with the credentials of a session. The role must allow ssm:GetParameter, and kms:Decrypt for a SecureString.";
    const EXAMPLES: &'static str = "\
# With the certificate and the ARNs in ROLES_ANYWHERE_* variables:
roles-anywhere parameter get /prod/api-url
roles-anywhere parameter get /prod/db --version 3 --key password";
    const DOCS: &'static [&'static str] = &["parameters.md", "cache.md", "errors.md"];
    const OPTIONS: &'static OptionGroups = &[PARAMETER_GET, table::session_groups::ONE_SESSION];
    const REQUIRED: &'static [&'static OptionSpec] = &required_with(&PARAMETER_ID);
    const ROLES: RoleUse = RoleUse::One;

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let call = |session: &SessionOptions| get(settings, session);
        let (session, at, get) = services::session_and_call(settings, Self::REQUIRED, call)?;
        Ok(Self { session, at, get })
    }
}

fn get(
    settings: &Settings<'_>,
    session: &SessionOptions,
) -> Result<(RegionalEndpoint, ParameterGet), UsageError> {
    let request = request(settings)?;
    let region = services::region((&PARAMETER_ID, request.parameter.region()), settings, session)?;
    let at = services::parameter_store(settings, session, region)?;
    let get = ParameterGet {
        request,
        decryption: services::decryption(settings)?,
        selection: selection(settings, &OUTPUT)?,
        destination: destination(settings)?,
    };
    Ok((at, get))
}

/// Returns the parameter and its version, which one of two options gives, or the name.
fn request(settings: &Settings<'_>) -> Result<ParameterRequest, UsageError> {
    let request: ParameterRequest = session::arn(settings.flag_or_default(&PARAMETER_ID)?)?;
    let (version, label) = (settings.text(&VERSION)?, settings.text(&LABEL)?);
    let of_name = request.selector.is_some().then_some(&PARAMETER_ID);
    let given = [of_name, version.as_ref().map(|_| &VERSION), label.as_ref().map(|_| &LABEL)];
    if let [first, second, ..] = given.into_iter().flatten().collect::<Vec<_>>()[..] {
        return Err(UsageError::Conflict {
            first: Origin::Flag(first).into(),
            second: Origin::Flag(second).into(),
            why: "remove one of them: each selects a version",
        });
    }
    let number = version.map(|it| match it.value.parse() {
        Ok(number) if number > 0 => Ok(ParameterSelector::Version(number)),
        _ => Err(it.refuse("the number of a version, from 1")),
    });
    // AWS reads a selector of digits as the number of a version.
    let label = label.map(|it| match it.value.starts_with(|c: char| c.is_ascii_digit()) {
        false => Ok(ParameterSelector::Label(it.value.to_owned())),
        true => Err(it.refuse("a label, which does not start with a digit")),
    });
    let selector = number.or(label).transpose()?.or(request.selector);
    Ok(ParameterRequest { selector, ..request })
}

impl Plan for ParameterGetPlan {
    fn run(&self, app: &App) -> Result<Outcome, Error> {
        let ParameterGet { request, decryption, selection, destination } = &self.get;
        let client = SessionClient::open(app, &self.session);
        let sessions = client.sessions();
        let output = client.block_on(async |ports, deadline| {
            let (at, provider) = (&self.at, sessions.provider());
            let store = ParameterStore { at, provider, decryption: *decryption };
            let get = async |session: &Session| {
                store.get_parameter(request, session, ports, deadline).await
            };
            let parameter = sessions.call(ports, deadline, get).await?;
            app.deliver(selected(&parameter, selection)?, destination, ports, deadline)
        })?;
        Ok(output.into())
    }
}

fn selected(
    parameter: &Parameter,
    selection: &ValueSelection,
) -> Result<(SecretBytes, LineBreak), Error> {
    let value = &parameter.value;
    Ok(match selection {
        ValueSelection::Document => (aws_document::parameter::one(parameter), LineBreak::Never),
        ValueSelection::Member(key) => (selected_member(value, key)?, LineBreak::OnTerminal),
        ValueSelection::Value => {
            (SecretBytes::new(value.expose().as_bytes().to_vec()), LineBreak::OnTerminal)
        }
    })
}
