//! `render`: templates with secrets and parameters in the place of references, and files of variables.

mod plan;
mod source;
mod watch;

use std::ffi::OsString;
use std::path::PathBuf;

use crate::app::App;
use crate::command::{Command, Plan};
use crate::daemon::Daemon;
use crate::follow::action::ChangeAction;
use crate::follow::schedule::Timing;
use crate::options::arguments::OptionGroups;
use crate::options::command_line::Word;
use crate::options::reference_reader::ReferenceReader;
use crate::options::roles::RoleUse;
use crate::options::settings::Settings;
use crate::options::table::{self, OptionSpec};
use crate::output::Outcome;
use crate::output::error::Error;
use crate::output::formats::VariableFormat;
use crate::output::log::LogFormat;
use crate::output::usage::UsageError;
use crate::secrets::rendered::{FileAccess, FileState, OnDifference, RenderedPath};
use crate::secrets::template::TemplateSyntax;
use crate::secrets::variables::VariableSources;
use crate::secrets_cache::CachePolicy;
use roles_anywhere_client::input_source::{InputSource, Location};
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::text::disclosure::path_name;
use source::RenderSource;

/// The plan of `render`.
#[derive(Clone, Debug)]
pub struct RenderPlan {
    /// How the references are read.
    pub reader: ReferenceReader,
    /// What is rendered.
    pub input: RenderInput,
    /// Where it is written.
    pub output: RenderOutput,
    /// Whether it is written.
    pub on_difference: OnDifference,
    /// How changes are followed, if they are.
    pub watch: Option<RenderWatch>,
}

/// How `render` follows changes.
#[derive(Clone, Debug)]
pub struct RenderWatch {
    /// What is done after the files have changed.
    pub on_change: Option<ChangeAction>,
    /// When.
    pub timing: Timing,
    /// For how long a value is used without asking AWS.
    pub cache: CachePolicy,
    /// How it runs.
    pub daemon: Daemon,
}

/// What is rendered.
#[derive(Clone, Debug)]
pub enum RenderInput {
    /// Templates, at least one.
    Templates(Vec<TemplateFile>),
    /// Variables.
    Variables {
        /// What gives them.
        sources: VariableSources,
        /// How they are written.
        format: VariableFormat,
    },
}

/// A template that is not read yet.
#[derive(Clone, Debug)]
pub struct TemplateFile {
    /// The file.
    pub file: InputSource,
    /// How its references are written.
    pub syntax: TemplateSyntax,
}

/// Where it is written.
#[derive(Clone, Debug)]
pub enum RenderOutput {
    /// To standard output.
    Stdout,
    /// To one file.
    File {
        /// The file.
        path: PathBuf,
        /// Who may read it.
        access: FileAccess,
    },
    /// To one file for each template, which change together.
    Dir {
        /// The directory.
        path: PathBuf,
        /// The names of the files, in the order of the templates.
        names: Vec<OsString>,
        /// Who may read them.
        access: FileAccess,
    },
}

impl Command for RenderPlan {
    const NAME: &'static [Word] =
        &[("render", "Write configuration files with secrets and parameters")];
    const DETAILS: &'static str = "\
Replaces the references in templates by secrets of AWS Secrets Manager and parameters of the AWS Systems Manager Parameter Store: {{resolve:secretsmanager:NAME}} and {{resolve:ssm:NAME}} of CloudFormation in any text, or expressions of Jinja in files named `.j2` or `.jinja`.

Without a template, `--format` writes the variables that `--env`, `--env-file` and `--from` give.

All references are resolved before anything is written. A file is replaced as a whole, and only if it changes.

With `--watch`, it goes on, and writes the files again when a secret or a parameter changes.";
    const EXAMPLES: &'static str = "\
roles-anywhere render app.conf.tmpl --role app --out /run/app/app.conf
roles-anywhere render a.conf.j2 b.conf.j2 --role app --out-dir /run/app
roles-anywhere render app.conf.tmpl --role app --out /run/app/app.conf --check
roles-anywhere render app.conf.tmpl --role app --out /run/app/app.conf --watch
roles-anywhere render --format dotenv --from sm://prod/db --out app.env";
    const DOCS: &'static [&'static str] = &["render.md", "follow.md", "secrets.md", "errors.md"];
    const OPTIONS: &'static OptionGroups = &[
        plan::RENDER,
        table::follow::TIMING,
        table::follow::FRESHNESS,
        table::served::SERVED,
        table::program_variables::SOURCES,
        table::session_groups::ONE_SESSION,
    ];
    const REQUIRED: &'static [&'static OptionSpec] = table::session::REQUIRED;
    const ROLES: RoleUse = RoleUse::OneUnlessGiven { option: &table::served::SECRETS_URL };

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        plan::plan(settings)
    }
}

impl Plan for RenderPlan {
    fn run(&self, app: &App) -> Result<Outcome, Error> {
        self.refuse_template_as_output(app)?;
        if let (Some(_), RenderOutput::File { path, .. }) = (&self.watch, &self.output)
            && app.is_special(path)
        {
            return Err(plan::output_is_special().into());
        }
        let source = RenderSource::read(&self.input, &**app.files(), app.environment())?;
        if let Some(watch) = &self.watch {
            return watch::run(self, watch, source, app);
        }
        let values = app.read_references(&self.reader, &source.references())?;
        self.write(&source.render(&values)?, app)
    }

    fn is_daemon(&self) -> bool {
        self.watch.is_some()
    }

    fn log_format(&self) -> LogFormat {
        self.watch.as_ref().map_or(LogFormat::Terminal, |watch| watch.daemon.log_format)
    }
}

impl RenderPlan {
    /// Refuses to replace a template by what is made of it: the next run would have no references.
    fn refuse_template_as_output(&self, app: &App) -> Result<(), UsageError> {
        let outputs = match &self.output {
            RenderOutput::Stdout => Vec::new(),
            RenderOutput::File { path, .. } => vec![path.clone()],
            RenderOutput::Dir { path, names, .. } => {
                names.iter().map(|name| path.join(name)).collect()
            }
        };
        let RenderInput::Templates(files) = &self.input else { return Ok(()) };
        let is_output = |TemplateFile { file, .. }: &TemplateFile| match &file.location {
            Location::File(file) => outputs.iter().any(|path| app.is_same_file(file, path)),
            _ => false,
        };
        match files.iter().any(is_output) {
            true => Err(plan::template_is_output(&self.output)),
            false => Ok(()),
        }
    }

    /// Writes the texts, or returns how the files differ from them.
    fn write_files(
        &self,
        rendered: &[SecretBytes],
        app: &App,
    ) -> Result<Vec<(PathBuf, FileState)>, Error> {
        match &self.output {
            RenderOutput::Stdout => Ok(Vec::new()),
            RenderOutput::File { path, access } => {
                let contents = rendered.first().map(SecretBytes::expose).unwrap_or_default();
                let limit = self.reader.timeout();
                let state = app.render_file((path, limit), contents, access, self.on_difference)?;
                Ok(vec![(path.clone(), state)])
            }
            RenderOutput::Dir { path, names, access } => {
                let place = (&**path, self.reader.timeout());
                let contents = rendered.iter().map(SecretBytes::expose);
                let files: Vec<_> = names.iter().map(OsString::as_os_str).zip(contents).collect();
                let states = app.render_dir(place, &files, access, self.on_difference)?;
                // What is in the directory beside the files comes after them.
                let paths = names.iter().map(|name| path.join(name));
                Ok(paths.chain(std::iter::repeat(path.clone())).zip(states).collect())
            }
        }
    }

    /// Returns where the files are; `None` if standard output takes them.
    fn rendered_path(&self) -> Option<RenderedPath<'_>> {
        match &self.output {
            RenderOutput::Stdout => None,
            RenderOutput::File { path, .. } => Some(RenderedPath::File(path)),
            RenderOutput::Dir { path, .. } => Some(RenderedPath::Dir(path)),
        }
    }

    /// Writes the texts, or says how the files differ from them.
    fn write(&self, rendered: &[SecretBytes], app: &App) -> Result<Outcome, Error> {
        if let RenderOutput::Stdout = self.output {
            let all: Vec<&[u8]> = rendered.iter().map(SecretBytes::expose).collect();
            return Ok(SecretBytes::new(all.concat()).into());
        }
        let states = self.write_files(rendered, app)?;
        match self.on_difference {
            OnDifference::Write | OnDifference::WriteAndMark => Ok(SecretBytes::default().into()),
            OnDifference::Report => Ok(report(&states, self.output.access())),
        }
    }
}

impl RenderOutput {
    fn access(&self) -> Option<&FileAccess> {
        match self {
            Self::Stdout => None,
            Self::File { access, .. } | Self::Dir { access, .. } => Some(access),
        }
    }
}

/// Returns a line for each difference, and exit code 1 if there is one.
fn report(states: &[(PathBuf, FileState)], access: Option<&FileAccess>) -> Outcome {
    let mut text = String::new();
    for (path, state) in states {
        let difference = match state {
            FileState::Unchanged => continue,
            FileState::Missing => "does not exist".to_owned(),
            FileState::Contents => "the contents differ".to_owned(),
            FileState::Mode(mode) => {
                let expected = access.map(|access| format!(", expected {}", access.mode));
                format!("the mode is {mode:04o}{}", expected.unwrap_or_default())
            }
            FileState::Owner => "the owner differs".to_owned(),
            FileState::Extra => "has a file that is not rendered".to_owned(),
        };
        text.push_str(&format!("{}: {difference}\n", path_name(path, true)));
    }
    let exit_code = u8::from(!text.is_empty());
    Outcome { exit_code, ..text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::rendered::FileMode;

    #[test]
    fn a_check_names_files_and_never_values() {
        let access = FileAccess { mode: FileMode::READ_ONLY, owner: None };
        let states = [
            FileState::Unchanged,
            FileState::Missing,
            FileState::Contents,
            FileState::Mode(0o644),
            FileState::Owner,
            FileState::Extra,
        ];
        let states = states.map(|state| (PathBuf::from("/run/a.conf"), state));
        let outcome = report(&states, Some(&access));
        assert_eq!(outcome.exit_code, 1);
        insta::assert_snapshot!(String::from_utf8_lossy(outcome.output.expose()), @"
        `/run/a.conf`: does not exist
        `/run/a.conf`: the contents differ
        `/run/a.conf`: the mode is 0644, expected 0400
        `/run/a.conf`: the owner differs
        `/run/a.conf`: has a file that is not rendered
        ");
        assert_eq!(report(&states[..1], Some(&access)).exit_code, 0);
    }
}
