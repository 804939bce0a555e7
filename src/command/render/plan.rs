//! The options of `render`.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::command::render::{RenderInput, RenderOutput, RenderPlan, RenderWatch, TemplateFile};
use crate::daemon::Daemon;
use crate::follow::action::ChangeAction;
use crate::options::arguments::{all_typed, typed};
use crate::options::daemon::log_format;
use crate::options::follow;
use crate::options::program_variables::shared_sources;
use crate::options::reference_reader::{ReferenceReader, is_through_serve};
use crate::options::settings::{Setting, Settings};
use crate::options::table::daemon::LOG_FORMAT;
use crate::options::table::follow::FRESHNESS;
use crate::options::table::identity::CERTIFICATE;
use crate::options::table::program_variables::{ENV, SOURCES};
use crate::options::table::secrets::{PARAMETERS_ENDPOINT, SECRETS_ENDPOINT};
use crate::options::table::session::{PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN};
use crate::options::table::{Heading, OptionSpec, Origin, ValueType};
use crate::output::formats::VariableFormat;
use crate::output::usage::UsageError;
use crate::secrets::rendered::{FileAccess, FileMode, OnDifference, OwnerName};
use crate::secrets::template::TemplateSyntax;
use roles_anywhere_client::input_source::{InputSource, Location};
use roles_anywhere_client::text::disclosure::Sensitivity;
use roles_anywhere_client::text::path;

/// The options of `render` alone. None has a variable: one would redirect the secrets of another command
/// line.
pub(super) static RENDER: &[&OptionSpec] = &[
    &TEMPLATE,
    &SYNTAX,
    &FORMAT,
    &OUT,
    &OUT_DIR,
    &MODE,
    &OWNER,
    &CHECK,
    &WATCH,
    &ON_CHANGE,
    &LOG_FORMAT,
    &SECRETS_ENDPOINT,
    &PARAMETERS_ENDPOINT,
];

/// The options without which no template is rendered.
static OF_TEMPLATES: &[&OptionSpec] =
    &[&TEMPLATE, &CERTIFICATE, &TRUST_ANCHOR_ARN, &PROFILE_ARN, &ROLE_ARN];

static TEMPLATE: OptionSpec = OptionSpec::positional("template", "TEMPLATE", ValueType::File)
    .repeated()
    .refuse_empty("the path of a file")
    .help("Template, or `-` for standard input");

static SYNTAX: OptionSpec = OptionSpec::new("--syntax", "SYNTAX", ValueType::Text)
    .without_variable()
    .refuse_empty(SYNTAXES)
    .described_default("jinja for files named `.j2` or `.jinja`, else cloudformation")
    .choices(&[
        (
            "cloudformation",
            "{{resolve:secretsmanager:NAME}}, {{resolve:ssm:NAME}}; all else is text",
        ),
        ("jinja", "{{ secret(\"NAME\").KEY }}, {{ parameter(\"NAME\") }}, conditions, loops"),
    ])
    .help("Syntax of the templates")
    .details("How references are written in the templates.");

const SYNTAXES: &str = "`cloudformation` or `jinja`";

static FORMAT: OptionSpec = OptionSpec::new("--format", "FORMAT", ValueType::Text)
    .without_variable()
    .refuse_empty(FORMATS)
    .under(Heading::Variables)
    .choices(&[
        ("dotenv", "A .env file"),
        ("json", "A JSON object"),
        ("properties", "A .properties file of Java and Spring"),
    ])
    .help("Write variables in this format, without a template")
    .details(
        "Write the variables that `--env`, `--env-file` and `--from` give, in this format, without \
         a template.",
    );

const FORMATS: &str = "`dotenv`, `json` or `properties`";

static OUT: OptionSpec = OptionSpec::new("--out", "FILE", ValueType::File)
    .without_variable()
    .refuse_empty("the path of a file")
    .under(Heading::Output)
    .help("Write to a file instead of standard output")
    .details(
        "Write to this file instead of standard output. The file is replaced as a whole, and only \
         if it changes.",
    );

static OUT_DIR: OptionSpec = OptionSpec::new("--out-dir", "DIR", ValueType::Directory)
    .without_variable()
    .refuse_empty("the path of a directory")
    .under(Heading::Output)
    .help("Write a file for each template, all at once")
    .details(
        "Write a file for each template into this directory: `app.conf.tmpl` becomes `app.conf`. \
         The files are links into a directory that is replaced as a whole, as Kubernetes does it \
         with `..data`, so that they change together.",
    );

static MODE: OptionSpec = OptionSpec::new("--mode", "MODE", ValueType::Text)
    .without_variable()
    .refuse_empty(FileMode::EXPECTED)
    .default_value("0400")
    .under(Heading::Output)
    .help("Mode of the files");

static OWNER: OptionSpec = OptionSpec::new("--owner", "USER[:GROUP]", ValueType::Text)
    .without_variable()
    .refuse_empty(OwnerName::EXPECTED)
    .described_default("this user")
    .under(Heading::Output)
    .help("Owner of the files")
    .details(
        "Owner of the files; without GROUP, their group is that of the user. Only root can give \
         files to another user.",
    );

static CHECK: OptionSpec = OptionSpec::switch("--check")
    .without_variable()
    .under(Heading::Output)
    .help("Write nothing; exit with 1 if a file would change")
    .details(
        "Write nothing. If a file would change, print its name and what differs, without values, \
         and exit with 1.",
    );

static WATCH: OptionSpec = OptionSpec::switch("--watch")
    .without_variable()
    .under(Heading::Changes)
    .help("Write the files again when secrets change")
    .details(
        "Go on until this process is stopped, and write the files again when a secret or a parameter \
         changes. On SIGHUP, the templates are read again.",
    );

static ON_CHANGE: OptionSpec = OptionSpec::new("--on-change", "ACTION", ValueType::Text)
    .without_variable()
    .refuse_empty(ChangeAction::EXPECTED)
    .sensitivity(Sensitivity::Sensitive)
    .under(Heading::Changes)
    .help("What to do after the files have changed")
    .details(
        "What to do after the files have changed: `signal:NAME:PIDFILE` signals the process whose number \
         is in a file, `systemctl-reload:UNIT` has systemd reload a unit, and anything else is a command \
         for `sh`.",
    );

/// The endings that the name of a template loses.
const ENDINGS: [&str; 5] = ["tmpl", "tpl", "template", "j2", "jinja"];

/// The endings of templates of Jinja.
const JINJA: [&str; 2] = ["j2", "jinja"];

/// Returns the plan.
pub(super) fn plan(settings: &Settings<'_>) -> Result<RenderPlan, UsageError> {
    let format = format(settings)?;
    plan_of(settings, format).map_err(|error| match error {
        // A template is named with the options of the session.
        UsageError::Missing { options, .. }
            if format.is_none()
                && OF_TEMPLATES.contains(&options[0])
                && !is_through_serve(settings) =>
        {
            settings.missing(OF_TEMPLATES)
        }
        error => error,
    })
}

fn plan_of(
    settings: &Settings<'_>,
    format: Option<VariableFormat>,
) -> Result<RenderPlan, UsageError> {
    let reader = ReferenceReader::plan(settings, FRESHNESS)?;
    // What is wrong with a value matters more than what is missing beside it.
    let (syntax, access) = (syntax(settings)?, access(settings)?);
    let on_difference = match settings.is_on(&CHECK)? {
        true => OnDifference::Report,
        false => OnDifference::Write,
    };
    let input = match format {
        Some(format) => variables(settings, format)?,
        None => RenderInput::Templates(templates(settings, syntax)?),
    };
    let output = output(settings, &input, access)?;
    let watch = watch(settings)?;
    if let (OnDifference::Report, RenderOutput::Stdout) = (on_difference, &output) {
        return Err(settings.missing(&[&OUT]));
    }
    match (&watch, on_difference, &output) {
        (Some(_), OnDifference::Report, _) => {
            Err(conflict(&WATCH, &CHECK, "remove one of them: `--check` writes nothing"))
        }
        (Some(_), _, RenderOutput::Stdout) => {
            Err(UsageError::Dependent { option: &WATCH, required: &OUT })
        }
        (Some(RenderWatch { on_change: Some(_), .. }), OnDifference::Write, _) => {
            let on_difference = OnDifference::WriteAndMark;
            Ok(RenderPlan { reader, input, output, on_difference, watch })
        }
        _ => Ok(RenderPlan { reader, input, output, on_difference, watch }),
    }
}

/// Returns how changes are followed, if they are.
fn watch(settings: &Settings<'_>) -> Result<Option<RenderWatch>, UsageError> {
    let on_change = settings.flag(&ON_CHANGE)?.map(|setting| {
        ChangeAction::parse(setting.value).map_err(|expected| setting.refuse(expected))
    });
    let on_change = on_change.transpose()?;
    let timing = follow::timing(settings, on_change.is_some())?;
    let cache = follow::freshness(settings)?;
    let log_format = log_format(&settings.required(&LOG_FORMAT)?)?;
    if !settings.is_on(&WATCH)? {
        return follow::refuse_without(settings, &WATCH, &[&ON_CHANGE, &LOG_FORMAT]).map(|()| None);
    }
    let daemon = Daemon { log_format, ..Daemon::default() };
    Ok(Some(RenderWatch { on_change, timing, cache, daemon }))
}

fn format(settings: &Settings<'_>) -> Result<Option<VariableFormat>, UsageError> {
    let Some(setting) = settings.flag(&FORMAT)? else { return Ok(None) };
    match setting.value {
        "dotenv" => Ok(Some(VariableFormat::Dotenv)),
        "json" => Ok(Some(VariableFormat::Json)),
        "properties" => Ok(Some(VariableFormat::Properties)),
        _ => Err(setting.refuse(FORMATS)),
    }
}

/// Returns the variables that are rendered without a template.
fn variables(settings: &Settings<'_>, format: VariableFormat) -> Result<RenderInput, UsageError> {
    let of_templates = [
        (&TEMPLATE, "remove one of them: `--format` writes variables without a template"),
        (&SYNTAX, "remove one of them: only a template has a syntax"),
        (&OUT_DIR, "pass `--out`: variables are written to one file"),
    ];
    for (option, why) in of_templates {
        if typed(settings.typed, option).is_some() {
            return Err(conflict(option, &FORMAT, why));
        }
    }
    let sources = shared_sources(settings)?;
    match sources.is_empty() {
        true => Err(settings.missing(&[&ENV])),
        false => Ok(RenderInput::Variables { sources, format }),
    }
}

fn conflict(
    first: &'static OptionSpec,
    second: &'static OptionSpec,
    why: &'static str,
) -> UsageError {
    let [first, second] = [first, second].map(|option| Origin::Flag(option).into());
    UsageError::Conflict { first, second, why }
}

/// Returns the error for an output that is one of the templates.
pub(super) fn template_is_output(output: &RenderOutput) -> UsageError {
    match output {
        RenderOutput::Dir { .. } => conflict(
            &TEMPLATE,
            &OUT_DIR,
            "pass another directory: the output is the template itself",
        ),
        _ => conflict(&TEMPLATE, &OUT, "pass another file: the output is the template itself"),
    }
}

/// Returns the error for an output that is not a regular file, if changes are followed.
pub(super) fn output_is_special() -> UsageError {
    let why = "pass a regular file: a pipe or a device cannot be compared with what is rendered";
    conflict(&WATCH, &OUT, why)
}

fn templates(
    settings: &Settings<'_>,
    syntax: Option<TemplateSyntax>,
) -> Result<Vec<TemplateFile>, UsageError> {
    let files = all_typed(settings.typed, &TEMPLATE).map(|value| {
        let file = template(settings.setting(Origin::Flag(&TEMPLATE), value)?)?;
        let syntax = syntax.unwrap_or_else(|| syntax_of(&file));
        Ok(TemplateFile { file, syntax })
    });
    let files: Vec<TemplateFile> = files.collect::<Result<_, _>>()?;
    if let Some(source) = SOURCES.iter().find(|source| typed(settings.typed, source).is_some()) {
        return Err(match files.is_empty() {
            true => settings.missing(&[&FORMAT]),
            false => conflict(
                &TEMPLATE,
                source,
                "pass `--format` in place of a template: a template has references of its own",
            ),
        });
    }
    if files.is_empty() { Err(settings.missing(&[&TEMPLATE])) } else { Ok(files) }
}

fn template(setting: Setting<'_>) -> Result<InputSource, UsageError> {
    let setting = setting.expanded()?;
    let source = match setting.value {
        "" => return Err(setting.refuse("the path of a file")),
        "-" => Location::Stdin.into(),
        value => InputSource::file(path::path(value)),
    };
    Ok(source.named_by(TEMPLATE.name, Sensitivity::Public))
}

fn syntax(settings: &Settings<'_>) -> Result<Option<TemplateSyntax>, UsageError> {
    let Some(setting) = settings.flag(&SYNTAX)? else { return Ok(None) };
    match setting.value {
        "cloudformation" => Ok(Some(TemplateSyntax::CloudFormation)),
        "jinja" => Ok(Some(TemplateSyntax::Jinja)),
        _ => Err(setting.refuse(SYNTAXES)),
    }
}

/// Returns the syntax of a template by the ending of its name.
fn syntax_of(file: &InputSource) -> TemplateSyntax {
    let ending = match &file.location {
        Location::File(path) => path.extension().and_then(OsStr::to_str),
        _ => None,
    };
    match ending.is_some_and(|ending| JINJA.contains(&ending)) {
        true => TemplateSyntax::Jinja,
        false => TemplateSyntax::CloudFormation,
    }
}

fn output(
    settings: &Settings<'_>,
    input: &RenderInput,
    access: FileAccess,
) -> Result<RenderOutput, UsageError> {
    let files = match input {
        RenderInput::Templates(files) => &files[..],
        RenderInput::Variables { .. } => &[],
    };
    let out = settings.flag(&OUT)?.filter(|setting| setting.value != "-");
    match (out, settings.flag(&OUT_DIR)?) {
        (Some(_), Some(_)) => Err(conflict(
            &OUT,
            &OUT_DIR,
            "pass `--out` for one file, or `--out-dir` for a directory of files",
        )),
        (_, None) if files.len() > 1 => Err(settings.missing(&[&OUT_DIR])),
        (None, None) => match [&MODE, &OWNER].map(|option| settings.flag(option)) {
            [Ok(None), Ok(None)] => Ok(RenderOutput::Stdout),
            [mode, owner] => {
                mode?;
                owner?;
                Err(settings.missing(&[&OUT]))
            }
        },
        (Some(out), None) => {
            let path = path::path(out.creatable_file()?.value);
            Ok(RenderOutput::File { path, access })
        }
        (None, Some(dir)) => {
            let names = names(files, &dir)?;
            let path = path::path(dir.creatable()?.value);
            Ok(RenderOutput::Dir { path, names, access })
        }
    }
}

fn access(settings: &Settings<'_>) -> Result<FileAccess, UsageError> {
    let mode = settings.flag_or_default(&MODE)?;
    let mode = FileMode::parse(mode.value).ok_or_else(|| mode.refuse(FileMode::EXPECTED))?;
    let owner = settings.flag(&OWNER)?.map(|owner| {
        OwnerName::parse(owner.value).ok_or_else(|| owner.refuse(OwnerName::EXPECTED))
    });
    Ok(FileAccess { mode, owner: owner.transpose()? })
}

/// Returns the names of the files of templates.
fn names(files: &[TemplateFile], dir: &Setting<'_>) -> Result<Vec<OsString>, UsageError> {
    let conflict = |why| UsageError::Conflict {
        first: Origin::Flag(&TEMPLATE).into(),
        second: dir.origin.clone().into(),
        why,
    };
    let mut names = Vec::new();
    for TemplateFile { file, .. } in files {
        let name = match &file.location {
            Location::File(path) => name(path),
            _ => None,
        };
        let name = name.ok_or_else(|| {
            conflict("the name of a file in the directory comes from the name of its template")
        })?;
        if names.contains(&name) {
            return Err(conflict("two templates have the same name: rename one of them"));
        }
        names.push(name);
    }
    Ok(names)
}

/// Returns the name of the file of a template; `None` if it has none that a file can have.
fn name(template: &Path) -> Option<OsString> {
    let name = template.file_name()?;
    let name = Path::new(name);
    let ending = name.extension().and_then(OsStr::to_str);
    let name = match ending.is_some_and(|ending| ENDINGS.contains(&ending)) {
        true => name.file_stem()?,
        false => name.as_os_str(),
    };
    // Names of this kind are those of the directory itself.
    (!name.as_encoded_bytes().starts_with(b"..")).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_the_ending_of_templates() {
        let rows = [
            ("app.conf.tmpl", Some("app.conf")),
            ("/etc/t/pgpass.j2", Some("pgpass")),
            ("my.cnf", Some("my.cnf")),
            (".env.jinja", Some(".env")),
            ("a.tpl.template", Some("a.tpl")),
            (".tmpl", Some(".tmpl")),
            ("..data", None),
            ("...tmpl", None),
            ("/", None),
        ];
        for (template, expected) in rows {
            assert_eq!(name(Path::new(template)), expected.map(OsString::from), "{template}");
        }
    }
}
