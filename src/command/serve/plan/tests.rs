//! What the options of `serve` mean together.

use std::any::Any;

use super::*;
use crate::command::serve::{Serve, ServePlan};
use crate::command::{ALL, PlanInputs, plan};
use crate::server::ServePolicy;
use crate::server::secrets::{PlannedToken, SecretsPlan, TokenSource};
use roles_anywhere_client::ports::Environment;

const BASE: [(&str, &str); 5] = [
    ("ROLES_ANYWHERE_CERTIFICATE", "cert.pem"),
    (
        "ROLES_ANYWHERE_TRUST_ANCHOR_ARN",
        "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a",
    ),
    ("ROLES_ANYWHERE_PROFILE_ARN", "arn:aws:rolesanywhere:eu-central-1:123456789012:profile/p"),
    ("ROLES_ANYWHERE_ROLE_ARN", "arn:aws:iam::123456789012:role/R"),
    ("XDG_RUNTIME_DIR", "/run/user/1"),
];

fn planned(words: &[&str], variables: &[(&str, &str)]) -> Result<(Serve, Vec<String>), String> {
    let line = ["roles-anywhere", "serve"].iter().chain(words);
    let line: Vec<String> = line.map(|word| (*word).to_owned()).collect();
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let environment = Environment::new(BASE.iter().chain(variables).map(owned));
    let inputs = PlanInputs::of(&environment);
    let plan = plan(ALL, &line, &inputs).map_err(|error| error.to_string())?;
    let plan: Box<dyn Any> = plan;
    let plan = plan.downcast::<ServePlan>().expect("it is the plan of `serve`");
    Ok((plan.serve, plan.roles.roles[0].plan.ignored.clone()))
}

fn policy(words: &[&str], variables: &[(&str, &str)]) -> Result<ServePolicy, String> {
    planned(words, variables).map(|(serve, _)| serve.policy)
}

#[test]
fn takes_hosts_from_flags_else_from_their_variable() {
    let hosts =
        |words: &[&str], variables: &[(&str, &str)]| policy(words, variables).map(|it| it.hosts);
    let of = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
    let variable = ("ROLES_ANYWHERE_ALLOW_HOST", " b  c:80\n");
    assert_eq!(hosts(&[], &[]).unwrap(), of(&[]));
    let twice = ["--allow-host", "a", "--allow-host=10.96.0.7:9911"];
    assert_eq!(hosts(&twice, &[variable]).unwrap(), of(&["a", "10.96.0.7:9911"]));
    assert_eq!(hosts(&["--allow-host", ""], &[variable]).unwrap(), of(&["b", "c:80"]));
    for wrong in ["*", "http://a", "a/b", "--port"] {
        let error = hosts(&["--allow-host", wrong], &[]).unwrap_err();
        assert!(error.contains("--allow-host"), "{error}");
        assert!(hosts(&[], &[("ROLES_ANYWHERE_ALLOW_HOST", wrong)]).is_err(), "{wrong}");
    }
}

#[test]
fn offers_both_routes_or_the_one_that_is_left() {
    let offer =
        |words: &[&str], variables: &[(&str, &str)]| policy(words, variables).map(|it| it.offer);
    assert_eq!(offer(&[], &[]).unwrap(), Offer::Both);
    assert_eq!(offer(&["--no-imds"], &[]).unwrap(), Offer::Container);
    assert_eq!(offer(&["--no-container"], &[]).unwrap(), Offer::Imds);
    assert_eq!(offer(&["--no-imds=false", "--no-container"], &[]).unwrap(), Offer::Imds);
    let variable = ("ROLES_ANYWHERE_NO_IMDS", "1");
    assert_eq!(offer(&[], &[variable]).unwrap(), Offer::Container);
    assert_eq!(offer(&["--no-imds=0"], &[variable]).unwrap(), Offer::Both);
    for words in [
        &["--no-imds", "--no-container"][..],
        &["--no-imds", "--allow-remote=imds"],
        &["--no-container", "--allow-remote"],
        &["--no-container", "--token-file", "t"],
        &["--no-imds=perhaps"],
    ] {
        let error = offer(words, &[]).unwrap_err();
        assert!(error.contains("--no-"), "{words:?}: {error}");
    }
    assert!(offer(&["--no-container"], &[variable]).is_err());
    let remote = ["--no-container", "--allow-remote=imds", "--listen", "0.0.0.0:1"];
    assert_eq!(offer(&remote, &[]).unwrap(), Offer::Imds);
}

#[test]
fn keeps_a_token_only_if_there_are_container_credentials() {
    let file = |words: &[&str], variables: &[(&str, &str)]| {
        planned(words, variables).map(|(serve, _)| serve.token_file)
    };
    let variable = ("ROLES_ANYWHERE_TOKEN_FILE", "/t");
    let from_variable = TokenFile::At { path: "/t".into(), origin: Origin::variable(&TOKEN_FILE) };
    assert_eq!(file(&["--no-container"], &[variable]).unwrap(), TokenFile::Disabled);
    assert_eq!(file(&["--no-imds"], &[variable]).unwrap(), from_variable);
    assert!(matches!(file(&["--no-imds"], &[]).unwrap(), TokenFile::In(_)));
    // Nothing would be served.
    let nowhere = ("XDG_RUNTIME_DIR", "");
    assert_eq!(file(&[], &[nowhere]).unwrap(), TokenFile::Disabled);
    assert_eq!(
        file(&["--no-imds"], &[nowhere]).unwrap_err(),
        "missing required option `--token-file`"
    );
}

#[test]
fn requires_an_audit_line_if_told_to() {
    let audit = |words: &[&str]| policy(words, &[]).map(|it| it.audit);
    assert_eq!(audit(&[]).unwrap(), AuditPolicy::Counted);
    assert_eq!(audit(&["--require-audit"]).unwrap(), AuditPolicy::Required);
    assert_eq!(audit(&["--require-audit=false"]).unwrap(), AuditPolicy::Counted);
}

#[test]
fn is_not_stopped_by_the_variables_of_a_kubernetes_service() {
    let service = [
        ("ROLES_ANYWHERE_PORT", "tcp://10.96.0.7:9911"),
        ("ROLES_ANYWHERE_PORT_9911_TCP_ADDR", "10.96.0.7"),
        ("ROLES_ANYWHERE_SERVICE_HOST", "10.96.0.7"),
    ];
    let (serve, ignored) = planned(&[], &service).unwrap();
    assert_eq!(serve.listen, [loopback(9911)]);
    assert_eq!(ignored, service.map(|(name, _)| name));
    let listen = ["--listen", "127.0.0.1:1"];
    assert_eq!(planned(&listen, &service).unwrap().0.listen, [loopback(1)]);
    let port = [("ROLES_ANYWHERE_PORT", "tcp")];
    assert!(planned(&[], &port).unwrap_err().contains("ROLES_ANYWHERE_PORT"));
}

#[test]
fn secrets_are_served_on_request() {
    let secrets = |words: &[&str], variables: &[(&str, &str)]| {
        planned(words, variables).map(|(serve, _)| serve.secrets)
    };
    assert!(secrets(&[], &[("AWS_TOKEN", "t")]).unwrap().is_none());
    assert!(secrets(&[], &[("ROLES_ANYWHERE_SECRETS_PORT", "1")]).unwrap().is_none());
    assert_eq!(secrets(&["--secrets"], &[]).unwrap().unwrap().port, 2_773);
    let variables = [("ROLES_ANYWHERE_SECRETS", "true"), ("ROLES_ANYWHERE_SECRETS_PORT", "0")];
    assert_eq!(secrets(&[], &variables).unwrap().unwrap().port, 0);
    let error = secrets(&["--secrets-port", "1"], &[]).unwrap_err();
    assert!(error.contains("`--secrets`"), "{error}");
    let error = secrets(&["--secrets", "--secrets-port", "65536"], &[]).unwrap_err();
    assert!(error.contains("--secrets-port") && error.contains("0 to 65535"), "{error}");
    let policy = secrets(&["--secrets", "--allow-host=a", "--require-audit"], &[]);
    let policy = policy.unwrap().unwrap().policy;
    assert_eq!((policy.hosts.len(), policy.audit), (1, AuditPolicy::Required));
}

#[test]
fn token_for_secrets_is_that_of_the_first_variable() {
    let plan = |variables: &[(&str, &str)]| {
        planned(&["--secrets"], variables).map(|(serve, _)| serve.secrets.unwrap())
    };
    let token = |variables: &[(&str, &str)]| {
        let SecretsPlan { tokens, own_token, .. } = plan(variables).unwrap();
        assert_eq!(own_token, TokenFile::Disabled);
        let [PlannedToken { name, source, access }] = &tokens[..] else { panic!("{tokens:?}") };
        assert!(access.is_unlimited());
        let source = match source {
            TokenSource::Value(value) => value.expose().to_owned(),
            TokenSource::File(source) => format!("{:?}", source.location),
        };
        (name.clone(), source)
    };
    let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let all = [
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "c"),
        ("AWS_SESSION_TOKEN", "b"),
        ("AWS_TOKEN", "a"),
    ];
    assert_eq!(token(&all), named("AWS_TOKEN", "a"));
    assert_eq!(token(&all[..2]), named("AWS_SESSION_TOKEN", "b"));
    assert_eq!(token(&all[..1]), named("AWS_CONTAINER_AUTHORIZATION_TOKEN", "c"));
    // One that is empty is not set.
    let empty = [("AWS_TOKEN", ""), ("AWS_SESSION_TOKEN", "b")];
    assert_eq!(token(&empty), named("AWS_SESSION_TOKEN", "b"));
    let file = token(&[("AWS_TOKEN", "file:///run/token")]);
    assert_eq!(file, named("AWS_TOKEN", "`/run/token`"));
    let own = plan(&[]).unwrap();
    assert!(own.tokens.is_empty());
    let address = ["127.0.0.1:2773".parse().unwrap()];
    let path = own.own_token.path(&address, None).unwrap();
    assert_eq!(path.to_str(), Some("/run/user/1/roles-anywhere/secrets-token-127.0.0.1-2773"));
    let error = plan(&[("XDG_RUNTIME_DIR", "")]).unwrap_err();
    assert!(error.contains("AWS_TOKEN"), "{error}");
}

#[test]
fn secrets_alone_leave_the_port_of_credentials_unbound() {
    let alone = ["--secrets", "--no-imds", "--no-container"];
    let (serve, _) = planned(&alone, &[]).unwrap();
    assert_eq!((serve.policy.offer, serve.listen.len()), (Offer::Nothing, 0));
    assert_eq!(serve.token_file, TokenFile::Disabled);
    for flag in ["--port=1", "--listen=[::1]:1", "--allow-remote", "--token-file=t"] {
        let error = planned(&[&alone[..], &[flag]].concat(), &[]).unwrap_err();
        assert!(error.contains(flag.split('=').next().unwrap()), "{error}");
    }
    // A variable may be set for other commands.
    assert!(planned(&alone, &[("ROLES_ANYWHERE_PORT", "1")]).is_ok());
    assert!(planned(&["--no-imds", "--no-container"], &[]).is_err());
}
