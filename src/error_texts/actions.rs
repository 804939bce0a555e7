//! What is done about changes of secrets.

use std::io;

use super::{Page, variants};
use crate::output::error::Error;
use crate::output::follow::{ActionError, PidFileProblem};
use crate::output::rotation::CommandFailure;

variants!(ActionError: Command Reload Signal);
variants!(PidFileProblem:
    NotRead NotRegular Writable NoNumber ForeignFile NoProcess OtherUser NoSignals
);

#[test]
fn errors_of_actions_have_these_texts() {
    let mut page = Page::default();
    page.add_all(errors(), Error::from);
    page.add_all(problems(), |problem| {
        ActionError::Signal { file: "`/run/nginx.pid`".to_owned(), problem }.into()
    });
    page.compare("actions");
}

fn errors() -> Vec<ActionError> {
    let reload = |failure| ActionError::Reload { unit: "nginx.service".to_owned(), failure };
    vec![
        ActionError::Command(CommandFailure::Exit(7)),
        ActionError::Command(CommandFailure::TimedOut),
        reload(CommandFailure::Exit(1)),
        reload(CommandFailure::Exit(127)),
        reload(CommandFailure::TimedOut),
        ActionError::Signal {
            file: "`/run/nginx.pid`".to_owned(),
            problem: PidFileProblem::NoProcess(4_711),
        },
    ]
}

fn problems() -> Vec<PidFileProblem> {
    vec![
        PidFileProblem::NotRead(io::ErrorKind::NotFound),
        PidFileProblem::NotRegular,
        PidFileProblem::Writable { mode: 0o664 },
        PidFileProblem::NoNumber,
        PidFileProblem::ForeignFile { owner: 1_000 },
        PidFileProblem::NoProcess(4_711),
        PidFileProblem::OtherUser(4_711),
        PidFileProblem::NoSignals,
    ]
}
