//! `parameter get`: reads a parameter of the Parameter Store with a certificate.

use crate::app::App;
use crate::app::session::SessionClient;
use crate::app::value_output::LineBreak;
use crate::command::{Command, PARAMETER, Plan};
use crate::options::arguments::OptionGroups;
use crate::options::cache::cache;
use crate::options::command_line::Word;
use crate::options::roles::RoleUse;
use crate::options::secret_output::{ValueDestination, ValueSelection, destination, selection};
use crate::options::services;
use crate::options::session::{self, SessionOptions};
use crate::options::session_plan::SessionPlan;
use crate::options::settings::Settings;
use crate::options::table::identity::CERTIFICATE;
use crate::options::table::secrets::{KEY, NO_DECRYPT, OUT, PARAMETERS_ENDPOINT};
use crate::options::table::session::{PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN};
use crate::options::table::{self, Heading, OptionSpec, Origin, ValueType};
use crate::output::Outcome;
use crate::output::aws_document;
use crate::output::error::Error;
use crate::output::usage::UsageError;
use crate::secrets::selected_member::selected_member;
use crate::session_cache::SessionCache;
use roles_anywhere_client::aws::endpoint::RegionalEndpoint;
use roles_anywhere_client::aws::parameter::{
    Decryption, Parameter, ParameterId, ParameterRequest, ParameterSelector,
};
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::provider::parameter_store::ParameterStore;
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::time::Deadline;

static PARAMETER_NAME: OptionSpec =
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
    &[&PARAMETER_NAME, &VERSION, &LABEL, &KEY, &NO_DECRYPT, &OUTPUT, &OUT, &PARAMETERS_ENDPOINT];

/// The plan of `parameter get`.
#[derive(Clone, Debug)]
pub struct ParameterGetPlan {
    /// The session.
    pub session: SessionPlan,
    /// The parameter.
    pub get: ParameterGet,
}

/// The parameter to read and its destination.
#[derive(Clone, Debug)]
pub struct ParameterGet {
    /// The parameter and its version.
    pub request: ParameterRequest,
    /// Where the Parameter Store is.
    pub at: RegionalEndpoint,
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
    const OPTIONS: &'static OptionGroups = &[
        PARAMETER_GET,
        table::roles::ONE,
        table::identity::IDENTITY,
        table::session::CHAIN,
        table::identity::KEY_ACCESS,
        table::identity::NOT_YET,
        table::session::SESSION,
        table::session::ASSUME,
        table::transport::TRANSPORT,
        table::cache::CACHE,
        table::errors::ERRORS,
    ];
    const REQUIRED: &'static [&'static OptionSpec] =
        &[&PARAMETER_NAME, &CERTIFICATE, &TRUST_ANCHOR_ARN, &PROFILE_ARN, &ROLE_ARN];
    const ROLES: RoleUse = RoleUse::One;

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let given = SessionOptions::resolve(settings)
            .and_then(|session| Ok((get(settings, &session)?, session)));
        let (get, session) = given.map_err(|error| match error {
            // The name of the parameter is named with the options of the session.
            UsageError::Missing { .. } => settings.missing(Self::REQUIRED),
            error => error,
        })?;
        let endpoint = Some(get.at.endpoint.clone());
        let session = SessionPlan::new(settings, session, endpoint, cache(settings)?)?;
        Ok(Self { session: session.with_waiting_line(settings)?, get })
    }
}

fn get(settings: &Settings<'_>, session: &SessionOptions) -> Result<ParameterGet, UsageError> {
    let request = request(settings)?;
    let of_arn = match &request.parameter {
        ParameterId::Arn(arn) => Some(arn.region()),
        ParameterId::Name(_) => None,
    };
    let region = services::region((&PARAMETER_NAME, of_arn), settings, session)?;
    Ok(ParameterGet {
        at: services::parameter_store(settings, session, region)?,
        request,
        decryption: services::decryption(settings)?,
        selection: selection(settings, &OUTPUT)?,
        destination: destination(settings)?,
    })
}

/// Returns the parameter and its version, which one of two options gives, or the name.
fn request(settings: &Settings<'_>) -> Result<ParameterRequest, UsageError> {
    let name = settings.flag(&PARAMETER_NAME)?;
    let name = name.ok_or_else(|| settings.missing(&[&PARAMETER_NAME]))?;
    let request: ParameterRequest = session::arn(name)?;
    let (version, label) = (settings.text(&VERSION)?, settings.text(&LABEL)?);
    let of_name = request.selector.is_some().then_some(&PARAMETER_NAME);
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
        let client = SessionClient::open(app, &self.session);
        let sessions = client.sessions();
        let output = client.block_on(async |ports, deadline| {
            run(&sessions, &self.get, deadline, ports, app).await
        })?;
        Ok(output.into())
    }
}

/// Returns the output; nothing if the parameter was written to a file.
async fn run(
    sessions: &SessionCache<'_>,
    plan: &ParameterGet,
    deadline: Deadline,
    ports: &Ports,
    app: &App,
) -> Result<SecretBytes, Error> {
    let ParameterGet { request, at, decryption, .. } = plan;
    let store = ParameterStore { at, provider: sessions.provider(), decryption: *decryption };
    let get =
        async |session: &Session| store.get_parameter(request, session, ports, deadline).await;
    let parameter = sessions.call(ports, deadline, get).await?;
    app.deliver(selected(&parameter, &plan.selection)?, &plan.destination, ports, deadline)
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
