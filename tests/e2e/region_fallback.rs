//! A role that falls back to a trust anchor in another Region, against two emulators.

use std::net::TcpListener;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use roles_anywhere_emulator::{
    AwsFiles, Emulator, Options, PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN,
};
use serde_json::{Value, json};

use crate::client::Client;
use crate::daemon::Daemon;
use crate::environment::{Program, emulator, filters};
use crate::leak;

/// Port 1 is `tcpmux`, on which no one listens.
const DEAD: &str = "https://127.0.0.1:1";

/// The two Regions, and a configuration file that names them.
struct Regions {
    primary: Emulator,
    fallback: Emulator,
    folder: tempfile::TempDir,
}

impl Regions {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("emulator.toml");
        let arn = |of: &str| of.replace("us-east-1", "eu-west-1");
        let text = format!(
            r#"
            account = "123456789012"
            region = "eu-west-1"
            [trust-anchor.root]
            arn = "{}"
            built-in-ca = "root"
            [profile.eu]
            arn = "{}"
            roles = ["Workload"]
            [role.Workload.trust-policy]
            Version = "2012-10-17"
            [role.Workload.trust-policy.Statement]
            Effect = "Allow"
            Principal = {{ Service = "rolesanywhere.amazonaws.com" }}
            Action = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
            "#,
            arn(TRUST_ANCHOR_ARN),
            arn(PROFILE_ARN),
        );
        std::fs::write(&config, text).unwrap();
        let aws = AwsFiles { config: Some(config), ..AwsFiles::default() };
        let fallback = Emulator::start(Options { aws, ..Options::default() }).unwrap();
        leak::learn(fallback.directory());
        Self { primary: emulator(), fallback, folder }
    }

    /// Returns the program with a role whose own endpoint is `primary`.
    fn program(&self, primary: &str, timeout: u64) -> Program {
        self.program_with(primary, self.fallback.endpoint(), timeout)
    }

    fn program_with(&self, primary: &str, fallback: &str, timeout: u64) -> Program {
        let directory = self.primary.directory().display();
        let arn = |of: &str| of.replace("us-east-1", "eu-west-1");
        let text = format!(
            r#"
            [role.backup]
            trust-anchor-arn = "{TRUST_ANCHOR_ARN}"
            profile-arn = "{PROFILE_ARN}"
            role-arn = "{ROLE_ARN}"
            endpoint = "{primary}"
            ca-bundle = "{directory}/tls-ca.pem"
            timeout = {timeout}
            fallback = [{{ trust-anchor-arn = "{}", profile-arn = "{}", endpoint = "{fallback}" }}]
            "#,
            arn(TRUST_ANCHOR_ARN),
            arn(PROFILE_ARN),
        );
        Program::with_config(&self.primary, self.folder.path(), &text)
    }
}

/// Returns how many sessions an emulator made, and how many requests it got.
fn made(emulator: &Emulator) -> (usize, usize) {
    let requests = emulator.requests();
    let sessions = requests.iter().filter(|request| request["session"].is_object()).count();
    (sessions, requests.len())
}

fn throttle(emulator: &Emulator) {
    emulator.fault(json!({"operation": "CreateSession", "status": 429, "times": 0}));
}

fn vend(program: &Program) -> Value {
    program.vend(&["--role", "backup"])
}

#[test]
fn region_that_refuses_connections_is_replaced() {
    let regions = Regions::new();
    let program = regions.program(DEAD, 20);
    assert_eq!(vend(&program)["AccountId"], "123456789012");
    let session = regions.fallback.requests().pop().unwrap()["session"].clone();
    assert_eq!(session["source_identity"], "CN=p256");
    // Without a cache, the order is tried each time.
    let output = program.run(&["credential-process", "--role", "backup", "--debug"]);
    let debug = output.stderr.clone();
    assert!(debug.contains("attempt 3: POST https://127.0.0.1:1/sessions"), "{debug}");
    assert!(debug.contains("made by the fallback arn:aws:rolesanywhere:eu-west-1:"), "{debug}");
    assert_eq!(made(&regions.fallback), (2, 2));
}

#[test]
fn region_that_hangs_is_replaced_within_the_timeout() {
    let regions = Regions::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("https://{}", silent.local_addr().unwrap());
    vend(&regions.program(&endpoint, 4));
    assert_eq!(made(&regions.fallback), (1, 1));
}

#[test]
fn refusal_asks_no_other_region() {
    let regions = Regions::new();
    regions.primary.enable_profile(PROFILE_ARN, false);
    let program = regions.program(regions.primary.endpoint(), 20);
    let output = program.run(&["credential-process", "--role", "backup"]).failed();
    assert_eq!(output.code, 4);
    assert_eq!(made(&regions.primary), (0, 1));
    assert_eq!(made(&regions.fallback), (0, 0));
}

#[test]
fn error_names_each_region() {
    let regions = Regions::new();
    let _filters = filters().bind_to_scope();
    regions.fallback.enable_profile(&PROFILE_ARN.replace("us-east-1", "eu-west-1"), false);
    let program = regions.program(DEAD, 20);
    assert_snapshot!(program.run(&["credential-process", "--role", "backup"]).failed(), @r"
    $ roles-anywhere credential-process --role backup
    exit code: 5
    ----- stdout -----
    ----- stderr -----
    error: cannot connect to 127.0.0.1:PORT, tried 3 times
      caused by: Connection refused (os error 111)
      caused by: fallback eu-west-1: AWS refused CreateSession: 403 AccessDeniedException: Profile is disabled (request id UUID)
      hint: check the network, the firewall and `HTTPS_PROXY`; `--debug` shows the endpoint and the proxy
      hint: fallback eu-west-1: enable the profile: `aws rolesanywhere enable-profile --region eu-west-1 --profile-id 66666666-7777-4888-8999-000000000000`
      hint: check `role.backup.endpoint` in DIR/config.toml:10, which gives the endpoint `https://127.0.0.1:PORT`
    ");
}

/// The backoff ends 15 to 30 seconds after the failure, which a test of the real program has to wait for.
#[test]
fn throttled_region_is_replaced_and_taken_back() {
    let regions = Regions::new();
    throttle(&regions.primary);
    let program = regions.program(regions.primary.endpoint(), 20);
    let daemon = Daemon::start(&program, &["serve", "--role", "backup", "--port", "0"]);
    let event = daemon.wait_for("region_fallback");
    assert_eq!(event["region"], "eu-west-1");
    assert!(event["trust_anchor"].as_str().unwrap().contains(":eu-west-1:"), "{event}");
    assert!(event["reason"].as_str().unwrap().contains("429"), "{event}");
    daemon.wait_until_told("(fallback eu-west-1)");
    let address = daemon.wait_for("listening")["address"].as_str().unwrap().parse().unwrap();
    let metrics = || Client::connect(address, Path::new("")).get("/metrics").body;
    assert!(
        metrics().contains(r#"session_info{role="backup",region="eu-west-1",fallback="true"} 1"#)
    );

    let cache = regions.folder.path().join("cache");
    let cached = program.clone().cached().base("ROLES_ANYWHERE_CACHE_DIR", cache);
    let first = vend(&cached);
    let calls = made(&regions.primary).1;
    // The entry is used, and the primary Region is left alone.
    assert_eq!(vend(&cached)["AccessKeyId"], first["AccessKeyId"]);
    assert_eq!(made(&regions.primary).1, calls);

    let start = Instant::now();
    regions.primary.clear_faults();
    let event = daemon.wait_for("region_restored");
    assert_eq!(event["region"], "us-east-1");
    assert!(metrics().contains(r#"region="us-east-1",fallback="false"} 1"#));
    assert_eq!(daemon.count("region_fallback"), 1);
    assert_eq!(daemon.count("refresh_failed"), 0);
    assert_eq!(daemon.stop(), Some(0));

    thread::sleep(Duration::from_secs(31).saturating_sub(start.elapsed()));
    let back = vend(&cached);
    assert_ne!(back["AccessKeyId"], first["AccessKeyId"]);
    assert_eq!(vend(&cached)["AccessKeyId"], back["AccessKeyId"]);
    let last = regions.primary.requests().pop().unwrap();
    assert_eq!(last["session"]["access_key_id"], back["AccessKeyId"]);
}
