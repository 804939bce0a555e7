//! What is shown, and that it is all that makes a plan.

use std::any::Any;

use proptest::prelude::*;
use serde_json::Value;

use super::{ConfigShow, document, text};
use crate::command::credential_process::CredentialProcess;
use crate::command::{ALL, Plan, PlanInputs, plan};
use crate::config::TableKind;
use crate::options::session_plan::SessionPlan;
use crate::test_support::FakeConfigFiles;
use roles_anywhere_client::ports::Environment;

const FILE: &str = "/etc/roles-anywhere/config.toml";

fn planned<P: Plan>(line: &str, file: &str, variables: &[(&str, &str)]) -> Result<P, String> {
    let words: Vec<String> = ["roles-anywhere"]
        .into_iter()
        .chain(line.split_whitespace())
        .chain(["--config", FILE])
        .map(str::to_owned)
        .collect();
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let environment = Environment::new(variables.iter().map(owned));
    let files = FakeConfigFiles::one(FILE, file);
    let inputs = PlanInputs { config_files: &files, ..PlanInputs::of(&environment) };
    let plan: Box<dyn Any> = plan(ALL, &words, &inputs).map_err(|error| error.to_string())?;
    Ok(*plan.downcast().expect("it is the plan of this command"))
}

fn shown(line: &str, file: &str, variables: &[(&str, &str)]) -> ConfigShow {
    planned(&format!("config show {line}"), file, variables).unwrap()
}

fn json(show: &ConfigShow) -> Value {
    serde_json::from_str(&document::render(show)).unwrap()
}

fn session(file: &str) -> Result<SessionPlan, String> {
    planned::<CredentialProcess>("credential-process --role r", file, &[]).map(|it| it.session)
}

/// Returns the file that the values of the only role are read back from.
fn read_back(document: &Value) -> String {
    let values = document["roles"][0]["values"].as_object().unwrap();
    let of = |kind: TableKind| {
        let keys = kind.keys().filter_map(|row| Some((row.id(), toml(values.get(row.id())?)?)));
        keys.map(|(key, value)| format!("{key} = {value}\n")).collect::<String>()
    };
    let role = of(TableKind::Role).replace("identity = \"host\"\n", "");
    format!("[identity.host]\n{}[role.r]\n{role}", of(TableKind::Identity))
}

/// Returns a value of the document as TOML; `None` if it is the description of a default.
fn toml(value: &Value) -> Option<String> {
    let table = |all: Vec<String>| format!("{{ {} }}", all.join(", "));
    if let Value::Array(tables) = value {
        let tables = tables.iter().map(|values| {
            let values = values.as_object().unwrap().iter();
            table(values.filter_map(|(key, it)| Some(format!("{key} = {}", toml(it)?))).collect())
        });
        return Some(format!("[{}]", tables.collect::<Vec<_>>().join(", ")));
    }
    assert!(value.get("hidden").is_none(), "{value}");
    match &value["value"] {
        Value::Null => None,
        Value::Object(texts) => {
            Some(table(texts.iter().map(|(key, text)| format!("{key:?} = {text}")).collect()))
        }
        plain => Some(plain.to_string()),
    }
}

/// Returns the values of a document without their origins.
fn values(document: &Value) -> Vec<(String, Option<String>)> {
    let values = document["roles"][0]["values"].as_object().unwrap();
    values.iter().map(|(key, value)| (key.clone(), toml(value))).collect()
}

/// Returns one of some lines of TOML, or none of them.
fn line(lines: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), prop::sample::select(lines).prop_map(|it| format!("{it}\n"))]
}

fn arns(region: &str, id: &str) -> String {
    let of = |kind| format!("arn:aws:rolesanywhere:{region}:123456789012:{kind}/{id}");
    format!("trust-anchor-arn = \"{}\", profile-arn = \"{}\"", of("trust-anchor"), of("profile"))
}

fn fallbacks() -> impl Strategy<Value = String> {
    let regions = prop::sample::subsequence(&["eu-west-1", "us-east-1", "eu-north-1"][..], 0..=2);
    let endpoint = prop_oneof![Just(""), Just(", endpoint = \"https://b.example.com\"")];
    (regions, endpoint).prop_map(|(regions, endpoint)| {
        let tables = regions.iter().map(|region| format!("{{ {}{endpoint} }}", arns(region, "f")));
        format!("fallback = [{}]\n", tables.collect::<Vec<_>>().join(", "))
    })
}

prop_compose! {
    fn hop()(
        name in "[A-Z][a-z]{1,12}",
        external in prop_oneof![Just(String::new()), "[a-z]{2,9}-[0-9]{1,4}"],
        session in prop_oneof![Just(String::new()), "[a-z]{2,9}"],
        duration in prop_oneof![Just(String::new()), (900..=3600_u32).prop_map(|it| format!(", session-duration = {it}"))],
        more in prop_oneof![
            Just(""),
            Just(r#", tags = { Team = "ops", "Cost Center" = "7" }, transitive-tags = ["Team"]"#),
            Just(r#", policy = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\"}]}""#),
        ],
    ) -> String {
        let text = |key: &str, value: &str| match value {
            "" => String::new(),
            value => format!(", {key} = \"{value}\""),
        };
        let (external, session) = (text("external-id", &external), text("role-session-name", &session));
        let role = format!("role-arn = \"arn:aws:iam::210987654321:role/{name}\"");
        format!("{{ {role}{external}{session}{duration}{more} }}")
    }
}

prop_compose! {
    /// Returns a file with one role; each line of a role may be in the defaults as well.
    fn file()(
        identity in (
            prop::sample::select(&["\"/etc/pki/host.pem\"", "\"./host.pem\"", "\"env:CERT\"", "\"fd:3\""][..]),
            line(&["private-key = \"/etc/pki/host.key\"", "private-key = \"./keys/host.key\""]),
            line(&["intermediates = \"/etc/pki/chain.pem\""]),
            line(&["key-password-file = \"/run/secrets/password\"", "key-password-fd = 4"]),
            line(&["strict-permissions = true", "strict-permissions = false"]),
        ),
        lines in (
            line(&["role-session-name = \"plant-7\"", "role-session-name = \"me@example\""]),
            line(&["session-duration = 900", "session-duration = 43200", "session-duration = \"profile\""]),
            line(&["region = \"eu-central-1\""]),
            line(&["endpoint = \"https://vpce-1.example.com\"", "fips = true", "dual-stack = true", "fips = false"]),
            line(&["proxy = \"http://proxy.example.com:3128\"", "proxy = \"none\"", "with-proxy = false"]),
            line(&["ca-bundle = \"/etc/pki/ca.pem\"", "no-verify-ssl = true", "ca-bundle = \"./ca.pem\""]),
            line(&["timeout = 1", "timeout = 600"]),
            fallbacks(),
        ),
        in_defaults in prop::collection::vec(any::<bool>(), 8),
        hops in prop::collection::vec(hop(), 0..3),
    ) -> String {
        let (certificate, key, intermediates, password, strict) = identity;
        let (name, duration, region, endpoint, proxy, trust, timeout, fallbacks) = lines;
        let lines = [name, duration, region, endpoint, proxy, trust, timeout, fallbacks];
        let of = |is_default| lines.iter().zip(&in_defaults).filter(move |(_, at)| **at == is_default)
            .map(|(line, _)| line.as_str()).collect::<String>();
        format!(
            "[identity.host]\ncertificate = {certificate}\n{key}{intermediates}{password}{strict}\
             [defaults]\n{}\n{}[role.r]\nrole-arn = \"arn:aws:iam::123456789012:role/R\"\n{}assume = [{}]\n",
            arns("eu-central-1", "a").replace(", ", "\n"), of(true), of(false), hops.join(", "),
        )
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_shown_makes_the_same_plan(file in file()) {
        // A fallback's endpoint has no FIPS or dual-stack variant.
        prop_assume!(!(file.contains("b.example.com") && ["fips = true", "dual-stack"].iter().any(|it| file.contains(it))));
        let plan = session(&file).unwrap();
        let document = json(&shown("--output json", &file, &[]));
        let again = read_back(&document);
        let read = session(&again).map_err(|error| format!("{error}\n{again}")).unwrap();
        prop_assert!(plan.makes_the_sessions_of(&read), "{file}\n{again}");
        // With the hops and fallbacks.
        prop_assert_eq!(values(&document), values(&json(&shown("--output json", &again, &[]))));
    }
}

const SECRETS: &str = r#"
    [identity.host]
    certificate = "/etc/pki/host.pem"
    key-password-env = "hunter2"
    [role.r]
    role-arn = "arn:aws:iam::123456789012:role/R"
    endpoint = "https://me:hunter2@vpce.example.com"
    proxy = "http://hunter2@proxy:3128"
    assume = [{ role-arn = "arn:aws:iam::210987654321:role/Reader", policy = "hunter2hunter2hunter2hunter2hunter2" }]
"#;

#[test]
fn what_may_be_a_secret_is_not_shown() {
    let variables =
        [("AWS_ENDPOINT_URL", "https://me:hunter2@a.example"), ("HTTPS_PROXY", "hunter2")];
    for variables in [&[][..], &variables] {
        let show = shown("", SECRETS, variables);
        let texts = [text::render(&show), document::render(&show), format!("{show:?}")];
        for text in texts {
            assert!(!text.contains("hunter2"), "{text}");
        }
        let values = &json(&show)["roles"][0]["values"];
        for key in ["key-password-env", "endpoint", "proxy"] {
            assert_eq!(values[key]["hidden"], true, "{key}");
        }
        assert_eq!(values["assume"][0]["policy"]["hidden"], true);
    }
}

#[test]
fn password_of_a_flag_is_not_shown_and_replaces_that_of_the_file() {
    let show = shown("--role r --pkcs8-password hunter2", SECRETS, &[]);
    let document = document::render(&show);
    assert!(!document.contains("hunter2"));
    let values = &json(&show)["roles"][0]["values"];
    assert_eq!(values["pkcs8-password"]["option"], "--pkcs8-password");
    assert!(values.get("key-password-env").is_none());
}

/// The order is that of a session: option, variable, role, identity, defaults.
#[test]
fn each_value_has_its_origin() {
    let show = shown("--role r --timeout 7", SECRETS, &[("AWS_USE_FIPS_ENDPOINT", "true")]);
    let values = &json(&show)["roles"][0]["values"];
    let origin = |key: &str| {
        let value = &values[key];
        let at = ["option", "variable", "table"].into_iter().find_map(|it| value[it].as_str());
        (value["origin"].as_str().unwrap().to_owned(), at.unwrap_or_default().to_owned())
    };
    let rows = [
        ("timeout", "option", "--timeout"),
        ("fips", "variable", "AWS_USE_FIPS_ENDPOINT"),
        ("certificate", "file", "identity.host"),
        ("role-arn", "file", "role.r"),
        ("session-duration", "default", ""),
    ];
    for (key, kind, at) in rows {
        assert_eq!(origin(key), (kind.to_owned(), at.to_owned()), "{key}");
    }
    let variable = shown("", SECRETS, &[("AWS_ENDPOINT_URL", "https://a.example.com")]);
    let endpoint = &json(&variable)["roles"][0]["values"]["endpoint"];
    assert_eq!(endpoint["variable"], "AWS_ENDPOINT_URL");
    assert_eq!(endpoint["value"], "https://a.example.com");
}

const PROGRAMS: &str = r#"
default-role = "a"
[identity.host]
certificate = "/etc/pki/host.pem"
[role.a]
role-arn = "arn:aws:iam::123456789012:role/A"
[role.b]
role-arn = "arn:aws:iam::123456789012:role/B"
[exec.web]
command = ["./server", "--port", "8080", "--token=hunter2", "-phunter2", "--key", "sm://prod/web#key"]
role = "b"
env.DB_PASSWORD = "sm://prod/db#password?default=hunter2"
env.DB_URL = "postgres://hunter2:{{resolve:secretsmanager:prod/db:SecretString:password}}@hunter2/"
env.PIN = "hunter2"
files = { TLS_KEY = "sm://prod/tls#key" }
[exec.job]
env.MODE = "hunter2"
files.TLS_KEY = "sm://prod/tls?hunter2=hunter2"
"#;

#[test]
fn programs_are_shown_without_what_may_be_a_secret() {
    let show = shown("", PROGRAMS, &[]);
    let at = "/etc/roles-anywhere/config.toml";
    let table = text::render(&show);
    let programs = &table[table.find("exec web").unwrap()..];
    insta::assert_snapshot!(programs, @"
    exec web (/etc/roles-anywhere/config.toml:9)
      command          ./server, --port, 8080, (not shown), (not shown), --key, sm://prod/web#key  /etc/roles-anywhere/config.toml:10 [exec.web]
      role             b                                                           /etc/roles-anywhere/config.toml:11 [exec.web]
      env.DB_PASSWORD  sm://prod/db#password?default=…                             /etc/roles-anywhere/config.toml:12 [exec.web]
      env.DB_URL       …{{resolve:secretsmanager:prod/db:SecretString:password}}…  /etc/roles-anywhere/config.toml:13 [exec.web]
      env.PIN          (not shown)                                                 /etc/roles-anywhere/config.toml:14 [exec.web]
      files.TLS_KEY    sm://prod/tls#key                                           /etc/roles-anywhere/config.toml:15 [exec.web]

    exec job (/etc/roles-anywhere/config.toml:16)
      role           a            default
      env.MODE       (not shown)  /etc/roles-anywhere/config.toml:17 [exec.job]
      files.TLS_KEY  (not shown)  /etc/roles-anywhere/config.toml:18 [exec.job]
    ");
    let document = document::render(&show);
    for text in [text::render(&show), document, format!("{show:?}")] {
        assert!(!text.contains("hunter2"), "{text}");
    }
    let programs = &json(&show)["programs"];
    assert_eq!(programs[0]["name"], "web");
    let values = &programs[0]["values"];
    assert_eq!(values["role"]["value"], "b");
    assert_eq!(values["command"]["value"][1], "--port");
    assert_eq!(values["command"]["value"][3], Value::Null);
    let tls = serde_json::json!({
        "value": "sm://prod/tls#key", "origin": "file", "file": at, "table": "exec.web", "line": 15,
        "column": 11,
    });
    assert_eq!(values["files"]["TLS_KEY"], tls);
    assert_eq!(values["env"]["PIN"]["hidden"], true);
    assert_eq!(programs[1]["values"]["role"]["origin"], "default");
}

#[test]
fn names_of_variables_that_may_be_secrets_hide_them_all() {
    let file = PROGRAMS.to_owned() + "env.h4Xz9QmP2vL8nR5tY7wK = \"x\"\n";
    let show = shown("", &file, &[]);
    assert!(!document::render(&show).contains("h4Xz9QmP2vL8nR5tY7wK"));
    assert_eq!(json(&show)["programs"][1]["values"]["env"]["hidden"], true);
}

#[test]
fn only_programs_of_the_named_roles_are_shown() {
    let rows = [
        ("", &["web", "job"][..]),
        ("--role a", &["job"]),
        ("--role b", &["web"]),
        ("--role a --role b", &["web", "job"]),
    ];
    for (line, expected) in rows {
        let show = shown(line, PROGRAMS, &[]);
        let names: Vec<&str> = show.programs.iter().map(|program| program.name.as_str()).collect();
        assert_eq!(names, expected, "{line}");
    }
}

const SECRETS_TABLE: &str = r#"
[identity.host]
certificate = "/etc/pki/host.pem"
[role.r]
role-arn = "arn:aws:iam::123456789012:role/R"
[secrets]
allow = ["prod/*"]
ttl = 60
allowed-roles = []
prefetch = [{ path = "/prod/", role = "r" }, { secret = "prod/db" }]
[secrets.token.web]
file = "/run/tokens/web"
deny = ["prod/root", "prod/admin"]
"#;

#[test]
fn secrets_are_shown_with_their_defaults() {
    let show = shown("", SECRETS_TABLE, &[]);
    let table = text::render(&show);
    let secrets = &table[table.find("\nsecrets (").unwrap()..];
    insta::assert_snapshot!(secrets, @r"
    secrets (/etc/roles-anywhere/config.toml:6)
      allow               prod/*                                               /etc/roles-anywhere/config.toml:7 [secrets]
      prefetch[0].path    /prod/                                               /etc/roles-anywhere/config.toml:10 [secrets.prefetch[0]]
      prefetch[0].role    r                                                    /etc/roles-anywhere/config.toml:10 [secrets.prefetch[0]]
      prefetch[1].secret  prod/db                                              /etc/roles-anywhere/config.toml:10 [secrets.prefetch[1]]
      ttl                 60                                                   /etc/roles-anywhere/config.toml:8 [secrets]
      max-stale           86400                                                default
      cache-size          1000                                                 default
      port                2773                                                 default
      path-prefix         /v1/                                                 default
      max-connections     800                                                  default
      allowed-roles       (none)                                               /etc/roles-anywhere/config.toml:9 [secrets]
      token-file          (in $RUNTIME_DIRECTORY or $XDG_RUNTIME_DIR)          default
      token-headers       (`X-Aws-Parameters-Secrets-Token`, `X-Vault-Token`)  default
      token-variables     (`AWS_TOKEN`, `AWS_SESSION_TOKEN`, `AWS_CONTAINER_AUTHORIZATION_TOKEN`; none beside `[secrets.token.NAME]`)  default

    secrets.token web (/etc/roles-anywhere/config.toml:11)
      file  /run/tokens/web        /etc/roles-anywhere/config.toml:12 [secrets.token.web]
      deny  prod/root, prod/admin  /etc/roles-anywhere/config.toml:13 [secrets.token.web]
    ");
    let document = json(&show);
    assert_eq!(document["secrets"]["values"]["ttl"]["value"], 60);
    assert_eq!(document["secrets"]["values"]["port"]["origin"], "default");
    assert_eq!(document["secrets"]["values"]["prefetch"][0]["path"]["value"], "/prod/");
    assert_eq!(document["secrets"]["tokens"][0]["name"], "web");
    let denied = &document["secrets"]["tokens"][0]["values"]["deny"]["value"];
    assert_eq!(*denied, serde_json::json!(["prod/root", "prod/admin"]));
    assert!(json(&shown("", SECRETS, &[]))["secrets"].is_null());
}
