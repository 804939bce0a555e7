//! `render --watch`: writes the files again when what the references stand for changes.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::path::PathBuf;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{LocalBoxFuture, select};
use tokio::sync::Notify;

use crate::app::App;
use crate::app::actions::{self, beside};
use crate::app::daemon::{self, SystemDaemon};
use crate::app::reference_reader::FollowedReferences;
use crate::command::render::source::RenderSource;
use crate::command::render::{RenderPlan, RenderWatch};
use crate::daemon::{RefresherSet, supervise};
use crate::follow::follower::{Consumer, FollowPorts, follow};
use crate::follow::source::{FollowedValues, ReferenceSource};
use crate::output::Outcome;
use crate::output::error::Error;
use crate::output::follow::NothingToFollow;
use crate::output::log::events::{FILES_WRITTEN, TEMPLATES_RELOAD_FAILED, TEMPLATES_RELOADED};
use crate::output::log::{Field, Log};
use crate::secrets::rendered::FileState;
use crate::secrets::value::Resolved;
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::text::disclosure::path_name;

/// Writes the files as a run without `--watch` does, then again whenever they change, until it is stopped.
pub(super) fn run(
    plan: &RenderPlan,
    watch: &RenderWatch,
    source: RenderSource,
    app: &App,
) -> Result<Outcome, Error> {
    let references = source.references();
    if references.is_empty() {
        return Err(NothingToFollow.into());
    }
    let followed = app.followed_references(&plan.reader, &references, watch.cache)?;
    let rendered = source.render(&app.read_references(&plan.reader, &references)?)?;
    let written = WrittenFiles::new(&plan.write_files(&rendered, app)?, plan, app);
    followed.ask_for_passwords()?;
    let role = plan.reader.role();
    daemon::run(app, ("render", watch.daemon), role.as_slice(), async |system| {
        let inputs = RenderInputs { source, followed };
        let renderer = FileRenderer {
            plan,
            watch,
            system,
            inputs: RefCell::new(Rc::new(inputs)),
            generation: Cell::default(),
            next_inputs: RefCell::default(),
            is_reloaded: Notify::new(),
            rendered: RefCell::new(rendered),
        };
        let reconfigure = || -> LocalBoxFuture<'_, ()> { Box::pin(renderer.reload()) };
        let start = async { Ok(renderer.run(written)) };
        let (refreshers, timer) = (RefresherSet::default(), &*system.ports.timer);
        supervise(&refreshers, &system.context, timer, &reconfigure, start).await
    })?;
    Ok(Outcome::default())
}

/// Files as they are after they were written.
struct WrittenFiles {
    /// Those that were changed, as the log shows them.
    changed: Vec<String>,
    /// Whether nothing was done about this change, or an earlier one.
    is_marked: bool,
}

impl WrittenFiles {
    fn new(states: &[(PathBuf, FileState)], plan: &RenderPlan, app: &App) -> Self {
        let changed = states.iter().filter(|(_, state)| *state != FileState::Unchanged);
        Self {
            changed: changed.map(|(path, _)| path_name(path, true).to_string()).collect(),
            is_marked: plan.rendered_path().is_some_and(|path| app.is_marked(path)),
        }
    }
}

/// What is rendered, and where its values come from.
struct RenderInputs<'a> {
    source: RenderSource,
    followed: FollowedReferences<'a>,
}

/// The files of a running `render --watch`.
struct FileRenderer<'a> {
    plan: &'a RenderPlan,
    watch: &'a RenderWatch,
    system: &'a SystemDaemon<'a>,
    inputs: RefCell<Rc<RenderInputs<'a>>>,
    /// How often these were replaced.
    generation: Cell<u64>,
    /// What replaces them at the next read: the templates were read again.
    next_inputs: RefCell<Option<RenderInputs<'a>>>,
    is_reloaded: Notify,
    /// What was written last.
    rendered: RefCell<Vec<SecretBytes>>,
}

impl FileRenderer<'_> {
    /// Follows the references, after what is to be done about what the first run has `written`.
    async fn run(&self, written: WrittenFiles) -> Infallible {
        let first = Rc::clone(&self.inputs.borrow());
        let following = async {
            self.written(&written).await;
            follow(self, self, self.watch.timing, self.ports()).await
        };
        first.followed.keep_current(&self.system.context.log, following).await
    }

    fn ports(&self) -> FollowPorts<'_> {
        let ports = &self.system.ports;
        FollowPorts { clock: &*ports.clock, entropy: &*ports.entropy, log: self.log() }
    }

    fn log(&self) -> &dyn Log {
        &*self.system.context.log
    }

    /// Reads the templates again. If they have mistakes, all stays as it is.
    async fn reload(&self) {
        let app = self.system.app;
        let input = self.plan.input.clone();
        let (files, caller) = (Arc::clone(app.files()), Arc::clone(app.environment()));
        let read = move || RenderSource::read(&input, &*files, &caller);
        let Some(read) = beside(&*self.system.ports.blocking, read).await else { return };
        let inputs = read.and_then(|source| {
            let current = Rc::clone(&self.inputs.borrow());
            let followed = current.followed.other(&self.plan.reader, &source.references())?;
            Ok(RenderInputs { source, followed })
        });
        match inputs {
            Ok(inputs) => {
                self.next_inputs.replace(Some(inputs));
                self.log().event(&TEMPLATES_RELOADED, &[]);
                self.is_reloaded.notify_one();
            }
            Err(error) => self.reload_failed(&error),
        }
    }

    /// Writes the files, and acts. If it fails, it is done again after `retry_in`.
    async fn write(&self, rendered: Vec<SecretBytes>, retry_in: Duration) {
        let (files, plan) = (Arc::clone(self.system.app.files()), self.plan.clone());
        // Another process may hold the lock, and a file system may hang.
        let write = move || {
            let app = App::with_files(files);
            let written = plan.write_files(&rendered, &app);
            let written = written.map(|states| WrittenFiles::new(&states, &plan, &app));
            (rendered, written)
        };
        let Some((rendered, written)) = beside(&*self.system.ports.blocking, write).await else {
            return;
        };
        match written {
            Ok(written) => {
                self.rendered.replace(rendered);
                self.written(&written).await;
            }
            Err(error) => actions::log_write_failed(&error, retry_in, self.log()),
        }
    }

    /// Acts if files were changed, or if nothing was done about an earlier change.
    async fn written(&self, written: &WrittenFiles) {
        let WrittenFiles { changed, is_marked } = written;
        if !changed.is_empty() {
            self.log().event(&FILES_WRITTEN, &[("files", &changed.join(" "))]);
        }
        let Some(action) = &self.watch.on_change else { return };
        if changed.is_empty() && !is_marked {
            return;
        }
        let blocking = &*self.system.ports.blocking;
        actions::act_on_change(action, blocking, self.log()).await;
        let (files, plan) = (Arc::clone(self.system.app.files()), self.plan.clone());
        let unmark = move || {
            let app = App::with_files(files);
            plan.rendered_path().map(|path| app.unmark(path))
        };
        beside(blocking, unmark).await;
    }

    fn reload_failed(&self, error: &Error) {
        let (reason, hint) = error.log_fields();
        let fields: [Field<'_>; 2] = [("reason", &reason), ("hint", &hint)];
        self.log().event(&TEMPLATES_RELOAD_FAILED, &fields);
    }
}

impl FileRenderer<'_> {
    fn render(&self, values: &FollowedValues) -> Result<Vec<SecretBytes>, Error> {
        let values: Vec<Resolved> = values.values.iter().map(|it| it.resolved.clone()).collect();
        self.inputs.borrow().source.render(&values)
    }

    /// Reads the references of the templates that were read last.
    async fn read_values(&self) -> Result<FollowedValues, Error> {
        if let Some(next) = self.next_inputs.take() {
            self.inputs.replace(Rc::new(next));
            self.generation.set(self.generation.get() + 1);
        }
        let inputs = Rc::clone(&self.inputs.borrow());
        inputs.followed.read().await
    }

    async fn wait_for_change(&self, limit: Duration) {
        let inputs = Rc::clone(&self.inputs.borrow());
        let changed = inputs.followed.changed(limit);
        select(changed, pin!(self.is_reloaded.notified())).await;
    }
}

/// The references of the templates, of which other ones take effect between actions only.
impl ReferenceSource for FileRenderer<'_> {
    fn read(&self) -> LocalBoxFuture<'_, Result<FollowedValues, Error>> {
        Box::pin(self.read_values())
    }

    fn changed(&self, limit: Duration) -> LocalBoxFuture<'_, ()> {
        Box::pin(self.wait_for_change(limit))
    }

    fn generation(&self) -> u64 {
        self.generation.get()
    }
}

/// The files as what consumes the values.
impl Consumer for FileRenderer<'_> {
    /// The rendered files.
    type Change = Vec<SecretBytes>;

    fn change(&self, values: &FollowedValues) -> Result<Option<Vec<SecretBytes>>, Error> {
        let new = self.render(values)?;
        let old = self.rendered.borrow();
        let is_same = |(new, old): (&SecretBytes, &SecretBytes)| new.expose() == old.expose();
        let is_same = new.len() == old.len() && new.iter().zip(&*old).all(is_same);
        Ok((!is_same).then_some(new))
    }

    async fn act(&self, rendered: Vec<SecretBytes>, retry_in: Duration) {
        self.write(rendered, retry_in).await;
    }
}
