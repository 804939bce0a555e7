//! Errors of templates.

use super::{Page, variants};
use crate::output::error::Error;
use crate::secrets::reference::ReferenceError;
use crate::secrets::template::{
    RenderError, RenderProblem, TemplateMistake, TemplateMistakes, TemplateProblem,
};

variants!(TemplateProblem:
    Reference Uri NotCloudFormation NotJinja NotUtf8 Syntax NotLiteral AllMembers Function Filter Test
);
variants!(RenderProblem: Undefined Binary Operation);

fn mistake(problem: TemplateProblem) -> TemplateMistake {
    TemplateMistake { file: "`app.conf.j2`".to_owned(), line: 3, problem }
}

#[test]
fn templates() {
    let mut page = Page::default();
    let problems = vec![
        TemplateProblem::Reference(ReferenceError::Unclosed),
        TemplateProblem::Uri("{{resolve:…}}"),
        TemplateProblem::NotCloudFormation,
        TemplateProblem::NotJinja,
        TemplateProblem::NotUtf8,
        TemplateProblem::Syntax("unexpected end of input, expected end of block".to_owned()),
        TemplateProblem::NotLiteral("secret"),
        TemplateProblem::AllMembers,
        TemplateProblem::Function("`env`".to_owned()),
        TemplateProblem::Filter("`upper`".to_owned()),
        TemplateProblem::Test("`odd`".to_owned()),
    ];
    page.add_all(problems.clone(), |problem| TemplateMistakes(vec![mistake(problem)]).into());
    let several = problems.into_iter().take(2).map(mistake).collect();
    page.add("several", &Error::from(TemplateMistakes(several)));
    let problems = vec![
        RenderProblem::Undefined,
        RenderProblem::Binary,
        RenderProblem::Operation("a value does not fit the operation"),
    ];
    page.add_all(problems, |problem| {
        RenderError { file: "`app.conf.j2`".to_owned(), line: 3, problem }.into()
    });
    page.compare("templates");
}
