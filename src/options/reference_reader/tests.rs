//! What `--secrets-url` goes with, and where the token is.

use std::any::Any;

use super::*;
use crate::command::exec::{ExecPlan, ExecRoles};
use crate::command::render::RenderPlan;
use crate::command::watch::WatchPlan;
use crate::command::{ALL, PlanInputs, plan};
use roles_anywhere_client::ports::Environment;

const URL: &str = "--secrets-url http://127.0.0.1:2773";

fn planned(words: &str, variables: &[(&str, &str)]) -> Result<Box<dyn Any>, String> {
    let line = ["roles-anywhere"].into_iter().chain(words.split_whitespace());
    let line: Vec<String> = line.map(str::to_owned).collect();
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let environment = Environment::new(variables.iter().map(owned));
    let plan = plan(ALL, &line, &PlanInputs::of(&environment));
    plan.map(|plan| plan as Box<dyn Any>).map_err(|error| error.to_string())
}

fn access(reader: ReferenceReader) -> ServeAccess {
    let ReferenceReader::Serve(access) = reader else { panic!("{reader:?}") };
    *access
}

fn watched(words: &str, variables: &[(&str, &str)]) -> Result<ServeAccess, String> {
    let plan = planned(&format!("watch sm://a {words}"), variables)?;
    let plan: Box<WatchPlan> = plan.downcast().expect("it is the plan of `watch`");
    Ok(access(plan.reader))
}

#[test]
fn the_token_is_in_a_file_or_where_the_clients_of_the_agent_find_it() {
    let file = |token: ServeToken| match token {
        ServeToken::File(file) => file.name(true).to_string(),
        ServeToken::Variable { name, value } => format!("{name}={}", value.expose()),
    };
    let of = |words: &str, variables: &[(&str, &str)]| {
        watched(&format!("{URL} {words}"), variables).map(|access| file(access.token))
    };
    let in_variable = [("AWS_TOKEN", "file:///run/token"), ("ROLES_ANYWHERE_ROLE", "app")];
    assert_eq!(of("", &in_variable).unwrap(), "`/run/token` (from AWS_TOKEN)");
    assert_eq!(of("", &[("AWS_TOKEN", "abc")]).unwrap(), "AWS_TOKEN=abc");
    let by_flag = of("--secrets-token-file /run/t", &in_variable).unwrap();
    assert_eq!(by_flag, "`/run/t` (from --secrets-token-file)");
    // A session token is for AWS only.
    let missing = of("", &[("AWS_SESSION_TOKEN", "IQoJb3JpZ2lu")]).unwrap_err();
    assert_eq!(missing, "missing required option `--secrets-token-file`");
    let alone = planned("watch sm://a --secrets-token-file /run/t", &[]).unwrap_err();
    assert_eq!(alone, "missing required option `--secrets-url`");
    let access = watched(&format!("{URL} --timeout 3"), &in_variable).unwrap();
    assert_eq!(access.timeout, Duration::from_secs(3));
}

#[test]
fn serve_is_on_this_machine_and_has_no_tls() {
    let token = [("AWS_TOKEN", "abc")];
    for url in ["http://127.0.0.1:2773", "http://[::1]:80/", "http://localhost:1"] {
        assert!(watched(&format!("--secrets-url {url}"), &token).is_ok(), "{url}");
    }
    for url in [
        "https://127.0.0.1:2773",
        "http://192.0.2.1:2773",
        "http://user:hunter2@127.0.0.1:2773",
        "http://127.0.0.1:2773/v1",
        "127.0.0.1:2773",
        "2773",
    ] {
        let error = watched(&format!("--secrets-url {url}"), &token).unwrap_err();
        assert!(error.contains("expected the URL of a `serve` on this machine"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

/// No certificate, no role and no configuration file is needed, and none is accepted.
#[test]
fn options_of_a_session_do_not_go_with_it() {
    let token = [("AWS_TOKEN", "abc")];
    for (command, excluded) in [
        ("watch sm://a", "--secrets-ttl 5s"),
        ("resolve sm://a", "--role app"),
        ("resolve sm://a", "--config /etc/c.toml"),
        ("resolve sm://a", "--explain"),
        ("render a.tmpl", "--certificate /c.pem"),
        ("render a.tmpl", "--region eu-central-1"),
        ("render a.tmpl", "--proxy none"),
        ("render a.tmpl", "--no-cache"),
        ("exec --env A=sm://a", "--secrets-endpoint https://a.example"),
        ("exec --env A=sm://a", "--credentials"),
        ("exec --env A=sm://a", "--static"),
        ("exec --env A=sm://a", "--from-secret b"),
        ("exec", "--app web"),
    ] {
        let error = planned(&format!("{command} {URL} {excluded}"), &token).err();
        let error = error.unwrap_or_else(|| panic!("{command} {excluded}"));
        let option = excluded.split(' ').next().unwrap();
        let expected = format!("`--secrets-url` and `{option}` cannot be used together");
        assert_eq!(error, expected, "{command}");
    }
    let plan = planned(&format!("render a.tmpl {URL}"), &token).unwrap();
    let plan: Box<RenderPlan> = plan.downcast().expect("it is the plan of `render`");
    assert_eq!(access(plan.reader).timeout, Duration::from_secs(20));
    let plan = planned(&format!("exec --env A=sm://a {URL} -- true"), &token).unwrap();
    let plan: Box<ExecPlan> = plan.downcast().expect("it is the plan of `exec`");
    assert!(plan.roles.session().is_none() && plan.role.is_none());
    assert!(matches!(plan.roles, ExecRoles::Several(_)));
    let nothing = planned(&format!("exec {URL} -- true"), &token).err().unwrap();
    assert_eq!(nothing, "missing required option `--env`");
    let nothing = planned(&format!("watch {URL}"), &token).err().unwrap();
    assert_eq!(nothing, "missing required argument `REF`");
    let nothing = planned(&format!("render {URL}"), &token).err().unwrap();
    assert_eq!(nothing, "missing required argument `TEMPLATE`");
}
