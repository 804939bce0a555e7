//! `[secrets]` of the configuration file, and its reload.

use std::fs;

use rustix::process::Signal;

use crate::daemon::Daemon;
use crate::serve_roles::Fixture;
use crate::serve_secrets::{address, get_with};

const DB: &str = "/secretsmanager/get?secretId=prod/db-credentials";
const URL: &str = "/systemsmanager/parameters/get?name=/prod/api-url";

/// Returns a file of one role, and `[secrets]` with these lines.
fn fixture(secrets: &str) -> Fixture {
    let fixture = Fixture::with(&[("a", "")]);
    for (name, token) in [("web", "token-of-the-web-app"), ("batch", "token-of-the-batch-job")] {
        fs::write(fixture.path(name), token).unwrap();
    }
    write(&fixture, secrets);
    fixture
}

fn write(fixture: &Fixture, secrets: &str) {
    fixture.configure_with(&[("a", secrets)]);
}

fn start(fixture: &Fixture) -> Daemon {
    let config = fixture.path("config.toml");
    let line = ["serve", "--no-imds", "--no-container", "--config", config.to_str().unwrap()];
    let tool = fixture.tool().unset("AWS_TOKEN").unset("AWS_SESSION_TOKEN");
    Daemon::start(&tool, &line)
}

const WEB: &str = "[secrets]\nport = 0\nprefetch = [{ secret = 'prod/db-credentials' }]\n\
                   [secrets.token.web]\nfile = './web'\nallow = ['prod/*']\n";

#[test]
fn reload_changes_tokens_and_rules_without_a_restart() {
    let fixture = fixture(WEB);
    let daemon = start(&fixture);
    let address = address(&daemon);
    let status = |target: &str, token: &str| get_with(address, target, token).status;
    assert_eq!(status(DB, "token-of-the-web-app"), 200);
    assert_eq!(daemon.wait_for("secret_read")["token"], "web");
    assert_eq!(status(URL, "token-of-the-web-app"), 400);
    assert_eq!(status(DB, "token-of-the-batch-job"), 403);
    let both = format!(
        "{}[secrets.token.batch]\nfile = './batch'\nallow = ['/prod/*']\n",
        WEB.replace("prod/*", "/prod/*").replace("port = 0", "port = 0\nttl = 7")
    );
    write(&fixture, &both);
    daemon.signal(Signal::HUP);
    daemon.wait_for("config_reloaded");
    for token in ["token-of-the-web-app", "token-of-the-batch-job"] {
        assert_eq!((status(DB, token), status(URL, token)), (400, 200), "{token}");
    }
    write(
        &fixture,
        &both.replace("[secrets.token.web]\nfile = './web'\nallow = ['/prod/*']\n", ""),
    );
    daemon.signal(Signal::HUP);
    daemon.wait_for_nth("config_reloaded", 2);
    assert_eq!(status(URL, "token-of-the-web-app"), 403);
    assert_eq!(status(URL, "token-of-the-batch-job"), 200);
    assert_eq!(daemon.count("secrets_restart_needed"), 0);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn refused_table_or_token_leaves_all_as_it_is() {
    let fixture = fixture(WEB);
    let daemon = start(&fixture);
    let address = address(&daemon);
    let wrong = [WEB.replace("'./web'", "'./absent'"), WEB.replace("prod/*", "a b")];
    for (round, text) in wrong.iter().enumerate() {
        write(&fixture, text);
        daemon.signal(Signal::HUP);
        let refused = daemon.wait_for_nth("config_reload_failed", round + 1);
        assert!(refused["reason"].as_str().is_some_and(|it| !it.is_empty()), "{refused}");
        assert_eq!(get_with(address, DB, "token-of-the-web-app").status, 200);
    }
    // Other sockets need a restart.
    write(&fixture, &WEB.replace("port = 0", "port = 2773\nmax-connections = 1000"));
    daemon.signal(Signal::HUP);
    daemon.wait_for("config_reloaded");
    for (nth, key) in [(1, "port"), (2, "max-connections")] {
        assert_eq!(daemon.wait_for_nth("secrets_restart_needed", nth)["key"], key);
    }
    assert_eq!(get_with(address, DB, "token-of-the-web-app").status, 200);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn prefetch_is_read_before_a_client_asks() {
    let fixture = fixture(WEB);
    let daemon = start(&fixture);
    let address = address(&daemon);
    let called = || {
        let requests = fixture.emulator.requests();
        requests.iter().filter(|request| request["operation"] == "GetSecretValue").count()
    };
    crate::daemon::until(|| (called() == 1).then_some(())).unwrap();
    assert_eq!(get_with(address, DB, "token-of-the-web-app").status, 200);
    assert_eq!(called(), 1);
    assert_eq!(daemon.stop(), Some(0));
}
