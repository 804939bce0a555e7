//! What is done about changes of secrets.

use std::io;

use super::{Page, variants};
use crate::follow::action::COMMAND_LIMIT;
use crate::output::error::Error;
use crate::output::follow::{ActionError, NothingToFollow, PidFileProblem};
use crate::output::rotation::CommandFailure;

variants!(ActionError: Command Reload Signal);
variants!(PidFileProblem:
    NotRead ForeignLink NotRegular Writable NoNumber ForeignFile ForeignDirectory StartedLater NoProcess OtherUser NoSignals
);

#[test]
fn errors_of_actions_have_these_texts() {
    let mut page = Page::default();
    page.add_all(errors(), Error::from);
    page.add_all(problems(), |problem| {
        ActionError::Signal { file: "`/run/nginx.pid`".to_owned(), problem }.into()
    });
    page.add("NothingToFollow", &NothingToFollow.into());
    page.compare("actions");
}

fn errors() -> Vec<ActionError> {
    let reload = |failure| ActionError::Reload { unit: "nginx.service".to_owned(), failure };
    vec![
        ActionError::Command(CommandFailure::Exit(7)),
        ActionError::Command(CommandFailure::TimedOut(COMMAND_LIMIT)),
        reload(CommandFailure::Exit(1)),
        reload(CommandFailure::NotStarted(io::ErrorKind::NotFound)),
        reload(CommandFailure::TimedOut(COMMAND_LIMIT)),
        ActionError::Signal {
            file: "`/run/nginx.pid`".to_owned(),
            problem: PidFileProblem::NoProcess(4_711),
        },
    ]
}

fn problems() -> Vec<PidFileProblem> {
    vec![
        PidFileProblem::NotRead("No such file or directory (os error 2)".to_owned()),
        PidFileProblem::ForeignLink(
            "the link `/run/nginx.pid` belongs to another user (uid 1000)".to_owned(),
        ),
        PidFileProblem::NotRegular,
        PidFileProblem::Writable { mode: 0o664 },
        PidFileProblem::NoNumber,
        PidFileProblem::ForeignFile { owner: 1_000 },
        PidFileProblem::ForeignDirectory { owner: 1_000 },
        PidFileProblem::StartedLater(4_711),
        PidFileProblem::NoProcess(4_711),
        PidFileProblem::OtherUser(4_711),
        PidFileProblem::NoSignals,
    ]
}
