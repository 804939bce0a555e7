//! A reload while requests are answered.

use futures_util::FutureExt as _;
use roles_anywhere_client::input_source::InputSource;
use roles_anywhere_test_support::files::FakeFiles;
use roles_anywhere_test_support::ports::FakePorts;

use super::fake::VERSION;
use super::*;

fn token(name: &str, value: &str) -> PlannedToken {
    planned(name, TokenSource::Value(Secret::new(value.to_owned())))
}

fn deny(pattern: &str) -> SecretsPolicy {
    let access = AccessRules { allow: Vec::new(), deny: vec![pattern.parse().unwrap()] };
    SecretsPolicy { access, ..SecretsPolicy::default() }
}

/// Reloads as the daemon does.
fn reload(fixture: &Fixture, policy: SecretsPolicy, tokens: &[PlannedToken]) {
    let tokens = fixture.endpoint.open_tokens(tokens).now_or_never().unwrap().unwrap();
    fixture.endpoint.replace(policy, tokens);
}

#[test]
fn next_request_is_answered_by_the_new_rules() {
    let fixture = Fixture::new();
    assert_eq!(fixture.get("/v1/a").status(), 200);
    let policy = SecretsPolicy { path_prefix: "/v2/".to_owned(), ..deny("b") };
    reload(&fixture, policy, &[token("web", "another-token")]);
    let ask = |target: &str, token: &str| {
        fixture.ask("GET", target, &[(HEADER, token)]).status().as_u16()
    };
    assert_eq!(ask("/v2/a", TOKEN), 403);
    assert_eq!(ask("/v2/a", "another-token"), 200);
    assert_eq!(ask("/v2/b", "another-token"), 400);
    assert_eq!(ask("/v1/a", "another-token"), 404);
}

#[test]
fn fewer_connections_count_at_once() {
    let fixture = Fixture::new();
    reload(&fixture, SecretsPolicy { connections: 0, ..SecretsPolicy::default() }, &[]);
    assert_eq!(fixture.get("/v1/a").status(), 429);
}

/// A client that waits for a change learns of the new rules when it is answered.
#[test]
fn waiting_client_is_answered_by_the_new_rules() {
    let target =
        format!("/roles-anywhere/resolve?reference=sm://a&if-not-version={VERSION}&wait=60s");
    let kept = [token("AWS_TOKEN", TOKEN)];
    for (policy, tokens, expected) in
        [(deny("a"), &kept[..], 400), (SecretsPolicy::default(), &[], 403)]
    {
        let fixture = Fixture::new();
        let request = request("GET", &target, &[(HEADER, TOKEN)], RequestBody::Empty);
        let peer = peer();
        let mut waiting = fixture.begin(&request, &peer);
        assert!(poll(&mut waiting).is_pending());
        reload(&fixture, policy, tokens);
        fixture.cache.rotate();
        let Poll::Ready(response) = poll(&mut waiting) else { panic!("not woken") };
        assert_eq!(response.status(), expected);
    }
}

/// So is one that waits for AWS.
#[test]
fn slow_read_is_answered_by_the_new_rules() {
    let kept = [token("AWS_TOKEN", TOKEN)];
    for (policy, tokens, expected) in [
        (deny("a"), &kept[..], 400),
        (SecretsPolicy::default(), &[], 400),
        (deny("b"), &kept[..], 200),
    ] {
        let fixture = Fixture::new();
        fixture.cache.hangs.set(true);
        let request = request("GET", "/v1/a", &[(HEADER, TOKEN)], RequestBody::Empty);
        let peer = peer();
        let mut waiting = fixture.begin(&request, &peer);
        assert!(poll(&mut waiting).is_pending());
        reload(&fixture, policy, tokens);
        fixture.cache.hangs.set(false);
        let Poll::Ready(response) = poll(&mut waiting) else { panic!("not answered") };
        assert_eq!(response.status(), expected);
    }
}

#[test]
fn file_that_did_not_change_is_not_read_again() {
    let files = FakeFiles::empty();
    files.put("/run/token", "a-token-in-a-file");
    files.put("/run/empty", "\n");
    let ports = FakePorts { files: files.clone(), ..FakePorts::default() }.ports();
    let of_file = |path: &str| planned("web", TokenSource::File(InputSource::file(path)));
    let fixture = Fixture::on(SecretsPolicy::default(), Vec::new(), ports);
    let open = |token: &PlannedToken| {
        let tokens = fixture.endpoint.open_tokens(std::slice::from_ref(token));
        tokens.now_or_never().unwrap().map_err(|error| error.to_string())
    };
    let one = of_file("/run/token");
    let first = open(&one).unwrap();
    fixture.endpoint.replace(SecretsPolicy::default(), first.clone());
    assert_eq!(files.reads().len(), 1);
    assert!(Rc::ptr_eq(&first[0], &open(&one).unwrap()[0]));
    assert_eq!(files.reads().len(), 1);
    // With other rules, it is another token.
    let other = PlannedToken { access: deny("a").access, ..one };
    assert!(!Rc::ptr_eq(&first[0], &open(&other).unwrap()[0]));
    for (path, expected) in [("/run/absent", "/run/absent"), ("/run/empty", "empty")] {
        let error = open(&of_file(path)).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    // The tokens stay as they are.
    let with_token = [(HEADER, "a-token-in-a-file")];
    assert_eq!(fixture.ask("GET", "/v1/a", &with_token).status(), 200);
}
