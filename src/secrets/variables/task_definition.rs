//! Task definitions of ECS: the variables of a container.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html>

use serde_json::Value;

use roles_anywhere_client::secret::Secret;

/// The variables of a container.
#[derive(Debug, Default)]
pub(super) struct ContainerVariables {
    /// `environment`: names and values.
    pub environment: Vec<(String, Secret)>,
    /// `secrets`: names and `valueFrom`.
    pub secrets: Vec<(String, String)>,
    /// Whether it has files of variables in S3.
    pub has_environment_files: bool,
}

/// Why the variables of a container cannot be read. Nothing of a value is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TaskDefinitionMistake {
    /// It is not JSON.
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// There is no container definition.
    NoContainers,
    /// There are several, and none is named.
    Several {
        /// Their names.
        names: Vec<String>,
    },
    /// There is none of that name.
    Unknown {
        /// The names that there are.
        names: Vec<String>,
    },
    /// A member is missing, or of another type.
    Member {
        /// The path to it: `secrets[2].valueFrom`.
        path: String,
        /// Its type.
        expected: &'static str,
    },
}

/// Returns the variables of a container of a task definition: that with the name, else the only one.
///
/// The text is what `register-task-definition` takes, what `describe-task-definition` prints, a list of
/// container definitions, or one of them.
pub(super) fn container(
    text: &[u8],
    name: Option<&str>,
) -> Result<ContainerVariables, Vec<TaskDefinitionMistake>> {
    let document: Value = serde_json::from_slice(text).map_err(|error| {
        vec![TaskDefinitionMistake::Syntax { line: error.line(), column: error.column() }]
    })?;
    let containers =
        containers(&document).ok_or_else(|| vec![TaskDefinitionMistake::NoContainers])?;
    let container = selected(containers, name).map_err(|mistake| vec![mistake])?;
    let mut mistakes = Vec::new();
    let environment = pairs(container, "environment", "value", &mut mistakes);
    let secrets = pairs(container, "secrets", "valueFrom", &mut mistakes);
    let files = container.get("environmentFiles").and_then(Value::as_array);
    match mistakes.is_empty() {
        true => Ok(ContainerVariables {
            environment: environment
                .into_iter()
                .map(|(name, it)| (name, Secret::new(it)))
                .collect(),
            secrets,
            has_environment_files: files.is_some_and(|files| !files.is_empty()),
        }),
        false => Err(mistakes),
    }
}

fn containers(document: &Value) -> Option<&[Value]> {
    let task = document.get("taskDefinition").unwrap_or(document);
    let list = match task.get("containerDefinitions").unwrap_or(task) {
        Value::Array(list) => list.as_slice(),
        one @ Value::Object(members) if members.contains_key("name") => std::slice::from_ref(one),
        _ => return None,
    };
    (!list.is_empty()).then_some(list)
}

fn selected<'a>(
    containers: &'a [Value],
    name: Option<&str>,
) -> Result<&'a Value, TaskDefinitionMistake> {
    let name_of = |container: &'a Value| container.get("name").and_then(Value::as_str);
    let names = || containers.iter().filter_map(name_of).map(str::to_owned).collect();
    match (name, containers) {
        (Some(_), _) => {
            let found = containers.iter().find(|container| name_of(container) == name);
            found.ok_or_else(|| TaskDefinitionMistake::Unknown { names: names() })
        }
        (None, [only]) => Ok(only),
        (None, _) => Err(TaskDefinitionMistake::Several { names: names() }),
    }
}

/// Returns the names and the texts of a list of objects. Without the list there are none.
fn pairs(
    container: &Value,
    list: &'static str,
    text: &'static str,
    mistakes: &mut Vec<TaskDefinitionMistake>,
) -> Vec<(String, String)> {
    let elements = match container.get(list) {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::Array(elements)) => elements,
        Some(_) => {
            let (path, expected) = (list.to_owned(), "an array");
            mistakes.push(TaskDefinitionMistake::Member { path, expected });
            return Vec::new();
        }
    };
    let mut pairs = Vec::new();
    for (at, element) in elements.iter().enumerate() {
        let [name, value] = ["name", text].map(|member| {
            let text = element.get(member).and_then(Value::as_str);
            if text.is_none() {
                let path = format!("{list}[{at}].{member}");
                mistakes.push(TaskDefinitionMistake::Member { path, expected: "a string" });
            }
            text
        });
        if let (Some(name), Some(value)) = (name, value) {
            pairs.push((name.to_owned(), value.to_owned()));
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTAINERS: &str = r#"[
        {"name": "web", "environment": [{"name": "A", "value": "sm://a"}],
         "secrets": [{"name": "B", "valueFrom": "/b"}],
         "environmentFiles": [{"value": "arn:aws:s3:::b/a.env", "type": "s3"}]},
        {"name": "side"}
    ]"#;

    fn read(text: &str, name: Option<&str>) -> String {
        match container(text.as_bytes(), name) {
            Ok(ContainerVariables { environment, secrets, has_environment_files }) => {
                let environment: Vec<_> =
                    environment.iter().map(|(name, value)| (name, value.expose())).collect();
                format!("{environment:?} {secrets:?} {has_environment_files}")
            }
            Err(mistakes) => format!("{mistakes:?}"),
        }
    }

    #[test]
    fn reads_every_form_of_a_task_definition() {
        let web = r#"[("A", "sm://a")] [("B", "/b")] true"#;
        let registered = format!(r#"{{"family": "f", "containerDefinitions": {CONTAINERS}}}"#);
        let described = format!(r#"{{"taskDefinition": {registered}, "tags": []}}"#);
        for text in [CONTAINERS, &registered, &described] {
            assert_eq!(read(text, Some("web")), web);
            assert_eq!(read(text, Some("side")), "[] [] false");
        }
        let one = r#"{"name": "only", "secrets": [{"name": "B", "valueFrom": "x"}]}"#;
        assert_eq!(read(one, None), r#"[] [("B", "x")] false"#);
    }

    #[test]
    fn a_container_is_named_if_there_are_several() {
        let names = r#"names: ["web", "side"]"#;
        assert_eq!(read(CONTAINERS, None), format!("[Several {{ {names} }}]"));
        assert_eq!(read(CONTAINERS, Some("db")), format!("[Unknown {{ {names} }}]"));
        for text in ["[]", "{}", "1", r#"{"containerDefinitions": []}"#] {
            assert_eq!(read(text, None), "[NoContainers]", "{text}");
        }
    }

    #[test]
    fn all_mistakes_are_found_and_no_value_is_kept() {
        let text = r#"[{"name": "a", "environment": [{"name": "A", "value": 12345}, {"value": "hunter2"}],
                        "secrets": {"B": "hunter2"}}]"#;
        assert_eq!(
            read(text, None),
            "[Member { path: \"environment[0].value\", expected: \"a string\" }, \
             Member { path: \"environment[1].name\", expected: \"a string\" }, \
             Member { path: \"secrets\", expected: \"an array\" }]"
        );
        assert_eq!(read("{\n \"hunter2", None), "[Syntax { line: 2, column: 9 }]");
    }
}
