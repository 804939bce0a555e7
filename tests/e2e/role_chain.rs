//! Roles that are assumed one after the other, into another account.

use std::fmt::Write as _;
use std::thread;

use insta::assert_snapshot;
use roles_anywhere_emulator::{
    AwsFiles, Emulator, Options, PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN,
};

use crate::client::{Client, ROLE};
use crate::daemon::Daemon;
use crate::environment::{CommandOutput, Program, filters};
use crate::{leak, machine};

const SECOND: &str = "arn:aws:iam::123456789012:role/team/Second";
const READER: &str = "arn:aws:iam::210987654321:role/Reader";
const WRITER: &str = "arn:aws:iam::210987654321:role/Writer";
const ALL: [&str; 3] = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"];

/// Two accounts and a configuration file.
struct Accounts {
    emulator: Emulator,
    folder: tempfile::TempDir,
}

impl Accounts {
    /// Returns accounts in which the trust policy of `Reader` allows these actions, to callers with the
    /// external id `plant-7`.
    fn new(actions: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut text = format!(
            r#"
            account = "123456789012"
            region = "us-east-1"
            [trust-anchor.root]
            arn = "{TRUST_ANCHOR_ARN}"
            built-in-ca = "root"
            [profile.all]
            arn = "{PROFILE_ARN}"
            roles = ["Workload"]
            [role.Workload]
            permissions = {{ Version = "2012-10-17", Statement = {{ Effect = "Allow", Action = "sts:*", Resource = "*" }} }}
            [role.Workload.trust-policy]
            Version = "2012-10-17"
            Statement = {{ Effect = "Allow", Principal = {{ Service = "rolesanywhere.amazonaws.com" }}, Action = {ALL:?} }}
            "#
        );
        let mut role = |arn: &str, caller: &str, actions: &[&str], condition: &str| {
            writeln!(
                text,
                r#"
                [role."{arn}"]
                permissions = {{ Version = "2012-10-17", Statement = {{ Effect = "Allow", Action = "sts:*", Resource = "*" }} }}
                [role."{arn}".trust-policy]
                Version = "2012-10-17"
                Statement = {{ Effect = "Allow", Principal = {{ AWS = "{caller}" }}, Action = {actions:?}{condition} }}
                "#
            )
            .unwrap();
        };
        let condition = r#", Condition = { StringEquals = { "sts:ExternalId" = "plant-7" } }"#;
        role(SECOND, ROLE_ARN, &ALL, "");
        role(READER, SECOND, actions, condition);
        role(WRITER, SECOND, &ALL, "");
        let config = folder.path().join("emulator.toml");
        std::fs::write(&config, text).unwrap();
        let aws = AwsFiles { config: Some(config), ..AwsFiles::default() };
        let emulator = Emulator::start(Options { aws, ..Options::default() }).unwrap();
        leak::learn(emulator.directory());
        Self { emulator, folder }
    }

    /// Returns the program with a configuration file whose role `reader` assumes `Second` and then
    /// `Reader`, with `keys` for the last hop; `writer` goes from `Second` to `Writer`.
    fn program(&self, keys: &str) -> Program {
        let directory = self.emulator.directory().display();
        let endpoint = self.emulator.endpoint();
        let text = format!(
            r#"
            [defaults]
            trust-anchor-arn = "{TRUST_ANCHOR_ARN}"
            profile-arn = "{PROFILE_ARN}"
            ca-bundle = "{directory}/tls-ca.pem"
            endpoint = "{endpoint}"
            [role.reader]
            role-arn = "{ROLE_ARN}"
            assume = [{{ role-arn = "{SECOND}" }}, {{ role-arn = "{READER}", {keys} }}]
            [role.writer]
            role-arn = "{ROLE_ARN}"
            assume = [{{ role-arn = "{SECOND}" }}, {{ role-arn = "{WRITER}", role-session-name = "own" }}]
            [role.first]
            role-arn = "{ROLE_ARN}"
            "#
        );
        Program::with_config(&self.emulator, self.folder.path(), &text)
            .base("AWS_ENDPOINT_URL_STS", endpoint)
            .base("XDG_RUNTIME_DIR", self.folder.path())
    }

    /// Returns the operations that were requested, with their roles.
    fn operations(&self) -> Vec<String> {
        let name = |request: &serde_json::Value| {
            let session = &request["session"]["role_arn"];
            let role = session.as_str().and_then(|arn| arn.rsplit('/').next()).unwrap_or("-");
            format!("{} {role}", request["operation"].as_str().unwrap_or("-"))
        };
        self.emulator.requests().iter().map(name).collect()
    }
}

const EXTERNAL_ID: &str = r#"external-id = "plant-7""#;
const READ: [&str; 3] = ["credential-process", "--role", "reader"];

#[test]
fn two_hops_reach_another_account() {
    let accounts = Accounts::new(&ALL);
    let keys = format!(
        r#"{EXTERNAL_ID}, session-duration = 900, tags = {{ Team = "ops" }}, transitive-tags = ["Team"], policy = '''{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}}}'''"#
    );
    let document = accounts.program(&keys).run(&READ);
    assert_eq!((document.code, document.stderr.as_str()), (0, ""), "{document}");
    assert_eq!(document.json()["AccountId"], "210987654321");
    assert_eq!(
        accounts.operations(),
        ["CreateSession Workload", "AssumeRole Second", "AssumeRole Reader"]
    );
    let sessions: Vec<_> =
        accounts.emulator.requests().iter().map(|request| request["session"].clone()).collect();
    for session in &sessions {
        assert_eq!(session["source_identity"], "CN=p256");
        assert_eq!(session["role_session_name"], sessions[0]["role_session_name"]);
    }
    assert_eq!(sessions[1]["duration_seconds"], 3_600);
    assert_eq!(sessions[2]["duration_seconds"], 900);
    assert_eq!(sessions[2]["tags"]["Team"], "ops");
}

/// Returns the error if the trust policy allows all actions but one.
fn refused_without(action: &str) -> String {
    let actions: Vec<&str> = ALL.into_iter().filter(|it| *it != action).collect();
    let accounts = Accounts::new(&actions);
    let keys = format!(r#"{EXTERNAL_ID}, tags = {{ Team = "ops" }}"#);
    let output = accounts.program(&keys).run(&READ);
    assert_eq!((output.code, output.stdout.len()), (4, 0), "{output}");
    assert_eq!(accounts.operations()[..2], ["CreateSession Workload", "AssumeRole Second"]);
    shown(&output)
}

fn shown(output: &CommandOutput) -> String {
    assert!(!output.stderr.contains("plant-"), "{output}");
    output.stderr.clone()
}

#[test]
fn each_action_of_the_trust_policy_is_needed() {
    let _filters = filters().bind_to_scope();
    assert_snapshot!(refused_without("sts:AssumeRole"), @r"
    error: AWS refused AssumeRole (hop 2 of 2: arn:aws:iam::210987654321:role/Reader): 403 AccessDenied
      caused by: User: arn:aws:sts::123456789012:assumed-role/Second/SERIAL is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::210987654321:role/Reader (request id UUID)
      hint: check that arn:aws:iam::210987654321:role/Reader exists, as AWS gives the same answer if it does not; allow sts:AssumeRole and sts:SetSourceIdentity for arn:aws:iam::123456789012:role/team/Second in its trust policy, and allow the same in a policy of arn:aws:iam::123456789012:role/team/Second, which is in another account; its `sts:ExternalId` must be the external ID that was passed
      hint: this hop is `role.reader.assume[1]` in DIR/config.toml:13
    ");
    assert_snapshot!(refused_without("sts:SetSourceIdentity"), @r"
    error: AWS refused AssumeRole (hop 2 of 2: arn:aws:iam::210987654321:role/Reader): 403 AccessDenied
      caused by: User: arn:aws:sts::123456789012:assumed-role/Second/SERIAL is not authorized to perform: sts:SetSourceIdentity on resource: arn:aws:iam::210987654321:role/Reader (request id UUID)
      hint: add sts:SetSourceIdentity beside sts:AssumeRole in the trust policy of arn:aws:iam::210987654321:role/Reader, and allow the same in a policy of arn:aws:iam::123456789012:role/team/Second, which is in another account: Roles Anywhere always sets a source identity, which the next session inherits
    ");
    assert_snapshot!(refused_without("sts:TagSession"), @r"
    error: AWS refused AssumeRole (hop 2 of 2: arn:aws:iam::210987654321:role/Reader): 403 AccessDenied
      caused by: User: arn:aws:sts::123456789012:assumed-role/Second/SERIAL is not authorized to perform: sts:TagSession on resource: arn:aws:iam::210987654321:role/Reader (request id UUID)
      hint: add sts:TagSession beside sts:AssumeRole in the trust policy of arn:aws:iam::210987654321:role/Reader, and allow the same in a policy of arn:aws:iam::123456789012:role/team/Second, which is in another account: the session passes tags, or inherits transitive ones
      hint: this hop is `role.reader.assume[1]` in DIR/config.toml:13
    ");
}

#[test]
fn serve_names_the_role_of_the_last_hop() {
    let accounts = Accounts::new(&ALL);
    let token = accounts.folder.path().join("token");
    let line = ["serve", "--port", "0", "--role", "reader", "--token-file"];
    let line = [&line[..], &[token.to_str().unwrap()]].concat();
    let daemon = Daemon::start(&accounts.program(EXTERNAL_ID), &line);
    let address = daemon.wait_for("listening")["address"].as_str().unwrap().to_owned();
    let mut client = Client::connect(address.parse().unwrap(), &token);
    daemon.wait_for("session_received");
    let imds = client.token();
    assert_eq!(client.metadata(ROLE, &imds).body, "Reader");
    let instance = client.metadata("/latest/dynamic/instance-identity/document", &imds).body;
    assert!(instance.contains("\"210987654321\""), "{instance}");
    assert_eq!(client.metadata(&format!("{ROLE}Reader"), &imds).status, 200);
    let document = client.container_at("/credentials", &token).body;
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["RoleArn"], READER);
    assert_eq!(daemon.wait_for("credentials_vended")["role"], READER);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn external_id_is_checked_by_the_role() {
    let _filters = filters().bind_to_scope();
    let accounts = Accounts::new(&ALL);
    let wrong = accounts.program(r#"external-id = "plant-8""#).run(&READ);
    assert_eq!(wrong.code, 4, "{wrong}");
    assert_snapshot!(shown(&wrong), @r"
    error: AWS refused AssumeRole (hop 2 of 2: arn:aws:iam::210987654321:role/Reader): 403 AccessDenied
      caused by: User: arn:aws:sts::123456789012:assumed-role/Second/SERIAL is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::210987654321:role/Reader (request id UUID)
      hint: check that arn:aws:iam::210987654321:role/Reader exists, as AWS gives the same answer if it does not; allow sts:AssumeRole and sts:SetSourceIdentity for arn:aws:iam::123456789012:role/team/Second in its trust policy, and allow the same in a policy of arn:aws:iam::123456789012:role/team/Second, which is in another account; its `sts:ExternalId` must be the external ID that was passed
      hint: this hop is `role.reader.assume[1]` in DIR/config.toml:13
    ");
    let debug = accounts.program(r#"external-id = "plant-8""#);
    let debug = debug.run(&["credential-process", "--role", "reader", "--debug"]);
    shown(&debug);
    let without = accounts.program("").run(&READ);
    assert_eq!(without.code, 4, "{without}");
    assert!(without.stderr.contains("or set `external-id` of this hop"), "{without}");
    assert!(without.stderr.contains("hint: this hop is `role.reader.assume[1]` in "), "{without}");
}

#[test]
fn wrong_hops_are_refused_before_anything_is_opened() {
    let accounts = Accounts::new(&ALL);
    let rows = [
        ("session-duration = 3601", "expected 900 to 3600 (seconds)"),
        ("external-id = 'a b'", "expected 2 to 1224 characters"),
        ("role-session-name = 'a b'", "expected 2 to 64 characters"),
        ("policy = '{'", "expected a JSON object of at most 2048 characters"),
        ("tags = { 'a*' = '' }", "expected a name of 1 to 128 letters"),
        ("transitive-tags = ['a']", "expected the name of one of the `tags`"),
    ];
    for (keys, expected) in rows {
        let output = accounts.program(keys).run(&READ);
        assert_eq!((output.code, output.stdout.len()), (2, 0), "{output}");
        assert!(output.stderr.contains(expected), "{output}");
    }
    assert_eq!(accounts.operations(), Vec::<String>::new());
}

#[test]
fn options_add_one_hop_to_a_role() {
    let accounts = Accounts::new(&ALL);
    let line = ["credential-process", "--role", "first", "--assume-role-arn", SECOND];
    let document = accounts.program(EXTERNAL_ID).run(&line).json();
    assert_eq!(document["AccountId"], "123456789012");
    assert_eq!(accounts.operations(), ["CreateSession Workload", "AssumeRole Second"]);
}

#[test]
fn chains_share_the_sessions_of_their_first_hops() {
    let accounts = Accounts::new(&ALL);
    let program = accounts.program(EXTERNAL_ID).cached();
    let first = program.vend(&["--role", "reader"]);
    assert_eq!(program.vend(&["--role", "reader"]), first);
    assert_eq!(program.vend(&["--role", "writer"])["AccountId"], "210987654321");
    assert_eq!(program.vend(&["--role", "first"])["AccountId"], "123456789012");
    assert_eq!(
        accounts.operations(),
        ["CreateSession Workload", "AssumeRole Second", "AssumeRole Reader", "AssumeRole Writer"]
    );
}

#[test]
fn twenty_at_once_make_one_session_of_each_hop() {
    let accounts = Accounts::new(&ALL);
    let delay = serde_json::json!({"operation": "AssumeRole", "delay_ms": 300, "times": 0});
    accounts.emulator.fault(delay);
    let program = accounts.program(EXTERNAL_ID).cached();
    let _timed = machine::timed();
    let ids: Vec<_> = thread::scope(|scope| {
        let run = || program.run(&READ).json()["AccessKeyId"].clone();
        let runs: Vec<_> = (0..20).map(|_| scope.spawn(run)).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(
        accounts.operations(),
        ["CreateSession Workload", "AssumeRole Second", "AssumeRole Reader"]
    );
}
