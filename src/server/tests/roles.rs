//! Several roles at one server.

use super::*;

/// The roles `a`, `b` and `c`, each with a session and a token; `a` is the one of `/credentials`, and
/// `b` that of instance metadata.
struct Roles {
    endpoints: Endpoints,
    log: RecordingLog,
    served: Vec<Rc<ServedRole>>,
    /// The token files of `/credentials` and of the roles.
    files: Vec<(Option<&'static str>, FakeTokenStore)>,
}

const NAMES: [&str; 3] = ["a", "b", "c"];

impl Roles {
    fn new() -> Self {
        let served = NAMES.map(|name| served_role(name, name));
        let files = [None].into_iter().chain(NAMES.map(Some));
        let files: Vec<_> = files.map(|name| (name, FakeTokenStore::default())).collect();
        let log = RecordingLog::default();
        let (clock, entropy) = (ManualClock::at(NOW), SequenceEntropy::counting());
        let ports = FakePorts { clock, entropy, ..FakePorts::default() }.ports();
        let policy = ServePolicy::default();
        let lines = Arc::new(log.clone());
        let endpoints = Endpoints::new(ServedRoles::default(), policy, ports, lines);
        let routes = files.iter().map(|(name, file)| {
            let role = served.iter().find(|role| role.name() == Some(name.unwrap_or("a"))).unwrap();
            let token = RouteToken::new(name.map(Into::into), Box::new(file.clone()));
            endpoints.renew_token(&token).unwrap();
            ContainerRoute { role: Rc::clone(role), token: Rc::new(token) }
        });
        let container = routes.collect();
        let imds = Some(Rc::clone(&served[1]));
        endpoints.replace_roles(ServedRoles { all: served.to_vec(), imds, container });
        Self { endpoints, log, served: served.to_vec(), files }
    }

    fn token(&self, name: Option<&str>) -> String {
        let (_, file) = self.files.iter().find(|(known, _)| *known == name).unwrap();
        String::from_utf8(file.contents().unwrap()).unwrap()
    }

    fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let end = |text: &str| text.parse().unwrap();
        let (peer, local) = (end("127.0.0.1:5000"), end("127.0.0.1:9911"));
        let peer = Peer::new(peer, local, Exposure::Everything, |_, _| Some(1_000));
        let mut request = Request::builder().uri(path).header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        let mut answer = std::pin::pin!(self.endpoints.answer(&request, &peer));
        match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(response) => response,
            Poll::Pending => panic!("no answer: {path}"),
        }
    }

    /// Returns the access key at a path with the token of a role, or the status of the refusal.
    fn vended(&self, path: &str, token: Option<&str>) -> Result<String, u16> {
        let response = self.get(path, &[("authorization", &self.token(token))]);
        let key = |response| json(&response)["AccessKeyId"].as_str().unwrap().to_owned();
        if response.status() == 200 { Ok(key(response)) } else { Err(response.status().into()) }
    }

    /// Replaces the roles by those of the names, without the default ones.
    fn keep(&self, names: &[&str]) {
        let is_kept = |role: &Rc<ServedRole>| names.contains(&role.name().unwrap());
        let all = self.served.iter().filter(|role| is_kept(role)).cloned().collect();
        let routes = self.endpoints.roles().container.clone().into_iter();
        let container = routes.filter(|it| it.token.name().is_some_and(|it| names.contains(&it)));
        let container = container.collect();
        self.endpoints.replace_roles(ServedRoles { all, container, imds: None });
    }
}

/// Returns a role with a session whose access key ends with `key`.
fn served_role(name: &'static str, key: &str) -> Rc<ServedRole> {
    served_role_of(&format!("arn:aws:iam::123456789012:role/{name}"), name, key)
}

fn served_role_of(arn: &str, name: &'static str, key: &str) -> Rc<ServedRole> {
    let arn = arn.parse().unwrap();
    let channel = Arc::new(StatusChannel::default());
    let mut status = session_status(3_600);
    let (session, reading) = status.session.take().unwrap();
    let mut session = Session::clone(&session);
    session.credentials.access_key_id = format!("ASIA{key}");
    status.session = Some((Arc::new(session), reading));
    channel.publish(status);
    let region = Region::parse("eu-central-1").unwrap();
    Rc::new(ServedRole::new(Some(name.into()), (&arn, &region), channel))
}

#[test]
fn each_role_has_its_route_and_its_token() {
    let roles = Roles::new();
    let routes = [None, Some("a"), Some("b"), Some("c")];
    let path = |name: Option<&str>| match name {
        None => CONTAINER_PATH.to_owned(),
        Some(name) => format!("{CONTAINER_PATH}/{name}"),
    };
    for route in routes {
        for token in routes {
            let expected = match route == token {
                true => Ok(format!("ASIA{}", route.unwrap_or("a"))),
                false => Err(401),
            };
            assert_eq!(roles.vended(&path(route), token), expected, "{route:?} {token:?}");
        }
    }
    assert_eq!(roles.vended("/credentials/d", Some("a")), Err(404));
    let lines = roles.log.lines();
    let vended = |line: &&String| line.contains("credentials_vended") && line.contains("/c");
    let line = lines.iter().find(vended).unwrap();
    assert!(line.ends_with("role=arn:aws:iam::123456789012:role/c access_key_id=ASIAc expiration=2015-08-30T13:36:00Z role_name=c"), "{line}");
    let refused = lines.iter().find(|line| line.contains("request_refused")).unwrap();
    assert!(!refused.contains("role_name="), "the route without a name: {refused}");
}

#[test]
fn instance_metadata_is_of_one_role_only() {
    let roles = Roles::new();
    let get = |path: &str| {
        let token = roles.endpoints.tokens.issue(60, Duration::ZERO);
        roles.get(path, &[(TOKEN, token.expose())])
    };
    let listed = get("/latest/meta-data/iam/security-credentials/");
    assert_eq!(text(&listed), "b");
    let of = |name: &str| get(&format!("/latest/meta-data/iam/security-credentials/{name}"));
    assert_eq!(json(&of("b"))["AccessKeyId"], "ASIAb");
    assert_eq!(of("a").status(), 404);
    roles.keep(&NAMES);
    assert_eq!(get("/latest/meta-data/").status(), 404, "no role is the default one");
}

#[test]
fn removed_role_is_not_found_and_the_others_stay() {
    let roles = Roles::new();
    roles.keep(&["a", "c"]);
    assert_eq!(roles.vended("/credentials/b", Some("b")), Err(401), "its token has ended");
    assert_eq!(roles.vended("/credentials/b", Some("a")), Err(404));
    assert_eq!(roles.vended("/credentials/c", Some("c")), Ok("ASIAc".to_owned()));
    assert_eq!(roles.vended(CONTAINER_PATH, None), Err(404), "it has no default role");
}

#[test]
fn client_without_a_token_does_not_learn_the_names_of_roles() {
    let roles = Roles::new();
    let ask = |path: &str, headers: &[(&str, &str)]| {
        let response = roles.get(path, headers);
        (response.status(), text(&response).replace(path, ""))
    };
    for headers in [&[][..], &[("authorization", "guess")]] {
        let known = ask("/credentials/b", headers);
        assert_eq!(known.0, 401);
        assert_eq!(ask("/credentials/d", headers), known);
    }
}

#[test]
fn request_is_answered_by_the_roles_of_its_start() {
    let roles = Roles::new();
    roles.served[1].channel().publish(Status { in_flight: true, ..Status::default() });
    let end = |text: &str| text.parse().unwrap();
    let (peer, local) = (end("127.0.0.1:5000"), end("127.0.0.1:9911"));
    let peer = Peer::new(peer, local, Exposure::Everything, |_, _| Some(1_000));
    let request = Request::builder().uri("/credentials/b").header("host", "localhost");
    let request = request.header("authorization", roles.token(Some("b")));
    let request = request.body(Empty::<Bytes>::new()).unwrap();
    let mut answer = std::pin::pin!(roles.endpoints.answer(&request, &peer));
    let mut context = Context::from_waker(Waker::noop());
    assert!(answer.as_mut().poll(&mut context).is_pending(), "it waits for a session");
    roles.keep(&["a"]);
    roles.served[1].channel().publish(session_status(3_600));
    match answer.as_mut().poll(&mut context) {
        Poll::Ready(response) => assert_eq!(response.status(), 200),
        Poll::Pending => panic!("no answer"),
    }
}

/// What happened to a changed role since a reload, and the access key or the status that clients get.
type AfterReload = (fn(&mut Refreshes), Result<&'static str, u16>);

#[test]
fn changed_role_hands_out_its_previous_session_until_aws_has_answered() {
    let roles = Roles::new();
    let rows: [AfterReload; 6] = [
        (|_| {}, Ok("ASIAb")),
        (|refreshes| refreshes.unreachable = 3, Ok("ASIAb")),
        (|refreshes| refreshes.identity = 1, Ok("ASIAb")),
        (|refreshes| refreshes.local = 1, Ok("ASIAb")),
        (|refreshes| refreshes.refused = 1, Err(503)),
        (|refreshes| refreshes.succeeded = 1, Ok("ASIAnew")),
    ];
    for (change, expected) in rows {
        let new = Rc::into_inner(served_role("b", "new")).unwrap();
        let mut status = Status::clone(&new.channel().status());
        status.refreshes = Refreshes::default();
        change(&mut status.refreshes);
        if status.refreshes.succeeded == 0 {
            status.session = None;
        }
        new.channel().publish(Status { in_flight: false, ..status });
        let new = Rc::new(new.added(Some(&roles.served[1])));
        let mut replaced = ServedRoles::clone(&roles.endpoints.roles());
        let before = roles.endpoints.roles();
        let route = replaced.container.iter_mut().find(|it| it.token.name() == Some("b")).unwrap();
        route.role = Rc::clone(&new);
        replaced.all = vec![new];
        roles.endpoints.replace_roles(replaced);
        let ready = if expected.is_ok() { 200 } else { 503 };
        assert_eq!(roles.get("/readyz", &[]).status(), ready, "{expected:?}");
        if expected != Err(503) {
            let key = roles.vended("/credentials/b", Some("b"));
            assert_eq!(key, expected.map(str::to_owned), "{expected:?}");
        }
        roles.endpoints.replace_roles(ServedRoles::clone(&before));
    }
}

#[test]
fn role_of_another_arn_does_not_hand_out_the_previous_session() {
    let roles = Roles::new();
    let after_reload = |arn: &str| {
        let new = Rc::into_inner(served_role_of(arn, "b", "new")).unwrap();
        new.channel().publish(Status::default());
        let new = new.added(Some(&roles.served[1]));
        new.previous_bodies(ClockReading::of(&ManualClock::at(NOW))).is_some()
    };
    assert!(after_reload("arn:aws:iam::123456789012:role/b"));
    assert!(!after_reload("arn:aws:iam::123456789012:role/other"));
    assert!(!after_reload("arn:aws:iam::210987654321:role/b"));
}

#[test]
fn it_is_ready_when_all_roles_have_sessions() {
    let roles = Roles::new();
    assert_eq!(roles.get("/readyz", &[]).status(), 200);
    roles.served[2].channel().publish(failed_status());
    let response = roles.get("/readyz", &[]);
    assert_eq!(
        (response.status().as_u16(), json(&response)["kind"].as_str()),
        (503, Some("refused"))
    );
    assert_eq!(roles.get("/healthz", &[]).status(), 200);
    roles.keep(&["a", "b"]);
    assert_eq!(roles.get("/readyz", &[]).status(), 200);
}

#[test]
fn metrics_of_roles_are_labelled() {
    let roles = Roles::new();
    roles.keep(&["a", "b"]);
    roles.vended("/credentials/b", Some("b")).unwrap();
    roles.vended("/credentials/b", Some("a")).unwrap_err();
    let page = text(&roles.get("/metrics", &[]));
    let is_shown =
        |line: &&str| !line.starts_with('#') && !line.contains("refreshes_total{role=\"a\"");
    let lines: Vec<_> = page.lines().filter(is_shown).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    roles_anywhere_credentials_expiry_seconds{role="a"} 3600
    roles_anywhere_credentials_expiry_seconds{role="b"} 3600
    roles_anywhere_session_info{role="a",region="eu-west-1",fallback="true"} 1
    roles_anywhere_session_info{role="b",region="eu-west-1",fallback="true"} 1
    roles_anywhere_certificate_expiry_seconds{role="a"} 86700
    roles_anywhere_certificate_expiry_seconds{role="b"} 86700
    roles_anywhere_clock_offset_seconds{role="a"} -300
    roles_anywhere_clock_offset_seconds{role="b"} -300
    roles_anywhere_refreshes_total{role="b",result="succeeded"} 3
    roles_anywhere_refreshes_total{role="b",result="refused"} 2
    roles_anywhere_refreshes_total{role="b",result="unreachable"} 0
    roles_anywhere_refreshes_total{role="b",result="identity"} 0
    roles_anywhere_refreshes_total{role="b",result="local"} 0
    roles_anywhere_unlogged_vends_total 0
    roles_anywhere_requests_total{role="b",route="container",status="200"} 1
    roles_anywhere_requests_total{role="b",route="container",status="401"} 1
    "#);
}
