//! The variables and files of another program: what the command line and the configuration file give.

use crate::config::{Config, ExecTable};
use crate::options::arguments::{all_typed, all_typed_with_indices, typed};
use crate::options::settings::{Setting, Settings};
use crate::options::suggestion::nearest;
use crate::options::table::program_variables::{
    APP, CONTAINER, ECS, ENV, ENV_FILE, FILE, FROM, PREFIX, RESOLVE_ENV,
};
use crate::options::table::{OptionSpec, Origin};
use crate::output::usage::{RoleError, UsageError};
use crate::secrets::variables::{
    GivenExpansion, GivenPrefix, GivenValue, GivenVariables, TaskDefinitionFile, VariableSources,
    expansions,
};
use roles_anywhere_client::input_source::InputSource;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::text::disclosure::{Sensitivity, may_be_repeated};
use roles_anywhere_client::text::path;

/// Returns the sources that every command has which makes variables: `--env`, `--env-file` and `--from`.
pub fn shared_sources(settings: &Settings<'_>) -> Result<VariableSources, UsageError> {
    let from = texts(settings, &FROM)?;
    let from: Vec<_> = from
        .iter()
        .map(|(index, text)| GivenExpansion { index: *index, reference: text })
        .collect();
    let prefixes = texts(settings, &PREFIX)?;
    let prefixes: Vec<_> =
        prefixes.iter().map(|(index, text)| GivenPrefix { index: *index, prefix: text }).collect();
    let (expansions, mistakes) = expansions(&from, &prefixes);
    let mut given = GivenVariables { expansions, mistakes, ..GivenVariables::default() };
    add_assignments(&mut given, settings, &ENV, GivenValue::Text)?;
    let env_files = all_typed(settings.typed, &ENV_FILE)
        .map(|value| file(settings.setting(Origin::Flag(&ENV_FILE), value)?));
    let env_files = env_files.collect::<Result<_, _>>()?;
    Ok(VariableSources { given, env_files, ..VariableSources::default() })
}

/// Returns the sources of `exec`; `app` is the table of the configuration file that it uses.
pub fn exec_sources(
    settings: &Settings<'_>,
    app: Option<&ExecTable>,
) -> Result<VariableSources, UsageError> {
    let mut sources = shared_sources(settings)?;
    add_assignments(&mut sources.given, settings, &FILE, GivenValue::File)?;
    if let Some(app) = app {
        sources.given.add_exec_table(app);
    }
    sources.resolves_inherited = settings.is_on(&RESOLVE_ENV)?;
    let container = settings.flag(&CONTAINER)?;
    sources.task_definition = match (settings.flag(&ECS)?, container) {
        (Some(ecs), container) => Some(TaskDefinitionFile {
            file: file(ecs)?,
            container: container.map(|setting| setting.value.to_owned()),
        }),
        (None, Some(_)) => return Err(settings.missing(&[&ECS])),
        (None, None) => None,
    };
    Ok(sources)
}

/// Returns the table of the configuration file that `--app` names; `None` without that option.
pub fn app<'a>(
    settings: &Settings<'_>,
    config: &'a Config,
) -> Result<Option<&'a ExecTable>, UsageError> {
    let Some(name) = settings.flag(&APP)? else { return Ok(None) };
    let found = config.execs().find(|exec| exec.name().as_str() == name.value);
    found.map(Some).ok_or_else(|| {
        let names = config.execs().map(|exec| exec.name().as_str());
        let names: Vec<Box<str>> =
            names.filter(|name| may_be_repeated(name)).map(Into::into).collect();
        let nearest = nearest(name.value, names.iter().map(AsRef::as_ref)).map(Into::into);
        let (name, file) = (name.shown(), config.file().clone());
        UsageError::Role(Box::new(RoleError::UnknownApp { name, file, names, nearest }))
    })
}

/// Returns whether `--app` is given, for a command that may not have it.
pub fn has_app(settings: &Settings<'_>, options: &[&'static OptionSpec]) -> bool {
    options.contains(&&APP) && typed(settings.typed, &APP).is_some_and(|name| !name.is_empty())
}

fn add_assignments(
    given: &mut GivenVariables,
    settings: &Settings<'_>,
    option: &'static OptionSpec,
    value: fn(Secret) -> GivenValue,
) -> Result<(), UsageError> {
    for (_, text) in texts(settings, option)? {
        given.add_assignment(option, text, value);
    }
    Ok(())
}

/// Returns the values of an option that may be repeated, each with its place on the command line.
fn texts<'a>(
    settings: &Settings<'a>,
    option: &'static OptionSpec,
) -> Result<Vec<(usize, &'a str)>, UsageError> {
    let all = all_typed_with_indices(settings.typed, option);
    all.map(|(index, value)| Ok((index, settings.setting(Origin::Flag(option), value)?.value)))
        .collect()
}

fn file(setting: Setting<'_>) -> Result<InputSource, UsageError> {
    let setting = setting.expanded()?;
    let source = InputSource::file(path::path(setting.value));
    Ok(source.named_by(setting.origin.name(), Sensitivity::Public))
}
