//! Mistakes in the variables and files of a program.

use std::path::Path;
use std::sync::Arc;

use super::{Page, variants};
use crate::options::table::KeyLocation;
use crate::options::table::program_variables::{ENV, FILE};
use crate::output::error::Error;
use crate::secrets::reference::Reference;
use crate::secrets::variables::{
    EnvFileMistake, EnvName, FromProblem, TaskDefinitionMistake, ValueProblem, VariableMistake,
    VariableMistakes, VariableOrigin,
};

variants!(VariableMistake:
    Assignment Name Value Argument Collision EnvFile TaskDefinition EnvironmentFiles MemberName From
);
variants!(VariableOrigin: Flag EnvFile ConfigFile TaskDefinition Member Inherited);
variants!(ValueProblem: Reference AllMembers Nul TooLong Reserved Credentials ChoosesCode);
variants!(FromProblem: Reference Key NoFrom SecondPrefix Prefix);
variants!(EnvFileMistake: NotUtf8 SpaceBeforeEquals Name Unclosed AfterQuote);
variants!(TaskDefinitionMistake: Syntax NoContainers Several Unknown Member);

#[test]
fn mistakes_in_variables_have_these_texts() {
    let mut page = Page::default();
    page.add_all(mistakes(), one);
    page.add_all(origins(), |origin| {
        one(VariableMistake::Value { name: name(), origin, problem: ValueProblem::Nul })
    });
    page.add_all(problems(), |problem| {
        one(VariableMistake::Value { name: name(), origin: VariableOrigin::Flag(&ENV), problem })
    });
    page.add_all(
        vec![
            FromProblem::Reference(Reference::parse("db").unwrap_err()),
            FromProblem::Key,
            FromProblem::NoFrom,
            FromProblem::SecondPrefix,
            FromProblem::Prefix,
        ],
        |problem| one(VariableMistake::From(problem)),
    );
    page.add_all(
        vec![
            EnvFileMistake::NotUtf8,
            EnvFileMistake::SpaceBeforeEquals,
            EnvFileMistake::Name,
            EnvFileMistake::Unclosed,
            EnvFileMistake::AfterQuote,
        ],
        |mistake| one(VariableMistake::EnvFile { file: "`app.env`".into(), line: 3, mistake }),
    );
    let names = || vec!["web".to_owned(), "side".to_owned()];
    page.add_all(
        vec![
            TaskDefinitionMistake::Syntax { line: 2, column: 9 },
            TaskDefinitionMistake::NoContainers,
            TaskDefinitionMistake::Several { names: names() },
            TaskDefinitionMistake::Unknown { names: names() },
            TaskDefinitionMistake::Member {
                path: "secrets[2].valueFrom".to_owned(),
                expected: "a string",
            },
        ],
        |mistake| one(VariableMistake::TaskDefinition { file: "`task.json`".into(), mistake }),
    );
    let all = VariableMistakes::new(mistakes());
    page.add("VariableMistakes", &all.unwrap().into());
    page.compare("variables");
}

fn name() -> EnvName {
    EnvName::parse("DB_PASSWORD").unwrap()
}

fn one(mistake: VariableMistake) -> Error {
    VariableMistakes::new(vec![mistake]).unwrap().into()
}

fn mistakes() -> Vec<VariableMistake> {
    let [_, of_line, of_table, of_task, of_member, _] = origins().try_into().unwrap();
    vec![
        VariableMistake::Assignment { option: &ENV },
        VariableMistake::Name { origin: VariableOrigin::Flag(&FILE), name: None },
        VariableMistake::Name { origin: of_table.clone(), name: Some("DB PASSWORD".to_owned()) },
        VariableMistake::Value {
            name: name(),
            origin: VariableOrigin::Flag(&FILE),
            problem: ValueProblem::Reference(Reference::parse("/etc/hosts").unwrap_err()),
        },
        VariableMistake::Argument { index: 0, problem: ValueProblem::AllMembers },
        VariableMistake::Collision {
            name: name(),
            first: VariableOrigin::Flag(&ENV),
            second: VariableOrigin::Flag(&FILE),
        },
        VariableMistake::Collision { name: name(), first: of_line, second: of_task },
        VariableMistake::EnvFile {
            file: "`app.env`".into(),
            line: 3,
            mistake: EnvFileMistake::Name,
        },
        VariableMistake::TaskDefinition {
            file: "`task.json`".into(),
            mistake: TaskDefinitionMistake::NoContainers,
        },
        VariableMistake::EnvironmentFiles { file: "`task.json`".into() },
        VariableMistake::MemberName { origin: of_member },
        VariableMistake::From(FromProblem::NoFrom),
    ]
}

fn origins() -> Vec<VariableOrigin> {
    let file: Arc<Path> = Path::new("/etc/roles-anywhere/config.toml").into();
    let location = KeyLocation { file, table: "exec.web".into(), key: "env", line: 12, column: 1 };
    vec![
        VariableOrigin::Flag(&ENV),
        VariableOrigin::EnvFile { file: "`app.env`".into(), line: 3 },
        VariableOrigin::ConfigFile(Arc::new(location)),
        VariableOrigin::TaskDefinition {
            element: "secrets.DB_PASSWORD".into(),
            file: "`task.json`".into(),
        },
        VariableOrigin::Member { reference: "sm://prod/db".into(), key: "`password`".into() },
        VariableOrigin::Inherited,
    ]
}

fn problems() -> Vec<ValueProblem> {
    vec![
        ValueProblem::Reference(Reference::parse("sm://prod/db#").unwrap_err()),
        ValueProblem::AllMembers,
        ValueProblem::Nul,
        ValueProblem::TooLong { length: 200_000 },
        ValueProblem::Reserved,
        ValueProblem::Credentials,
        ValueProblem::ChoosesCode,
    ]
}
