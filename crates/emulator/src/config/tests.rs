//! Tests of the file for `--config`: the resources that it makes, and its errors.

use std::collections::BTreeMap;

use time::macros::datetime;

use super::*;
use crate::x509::tags::NameMapping;

const NOW: OffsetDateTime = datetime!(2026-11-26 00:00 UTC);

/// A configuration and the files beside it.
struct Fixture {
    files: BTreeMap<String, Vec<u8>>,
}

impl Fixture {
    /// Returns the files that a good configuration names.
    fn new() -> Self {
        let pki = Pki::shared().unwrap();
        let pem = |label: &str, path: &str| {
            pem::encode(&pem::Pem::new(label, pki.der(path).unwrap())).into_bytes()
        };
        let trust = include_bytes!("built_in/roles-anywhere.json");
        let secrets = include_bytes!("built_in/secrets.json");
        let files = [
            ("ca.pem", pem("CERTIFICATE", "anchor/root.pem")),
            ("issuer.pem", pem("CERTIFICATE", "anchor/intermediate.pem")),
            ("leaf.pem", pem("CERTIFICATE", "leaf/p256.pem")),
            ("ca.crl", pem("X509 CRL", "anchor/crl.pem")),
            ("ca.der", pki.der("anchor/root.pem").unwrap()),
            ("trust.json", trust.to_vec()),
            ("secrets.json", secrets.to_vec()),
            ("db.json", b"{\"password\":\"hush\"}\n".to_vec()),
            ("keystore", vec![0xff, 0x00]),
        ];
        Self { files: files.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect() }
    }

    fn with(mut self, name: &str, text: &str) -> Self {
        self.files.insert(name.to_owned(), text.as_bytes().to_vec());
        self
    }

    fn load(&self, text: &str) -> Result<Loaded<Resources>, ConfigErrors> {
        let read_file = |path: &Path| {
            let name = path.strip_prefix("dir").ok().and_then(Path::to_str).unwrap_or_default();
            self.files.get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
        };
        let pki = Pki::shared().unwrap();
        let path = Path::new("dir/emulator.toml");
        let source = Source { path, text, read_file: &read_file, pki: &pki, now: NOW };
        load(&source, TrustAnchors::Required)
    }

    /// Returns what is reported, the hints included.
    fn complaints(&self, text: &str) -> String {
        let errors = self.load(text).expect_err("it has mistakes");
        let hints = errors.hints().iter().map(|hint| format!("\nhint: {hint}"));
        format!("{errors}{}", hints.collect::<String>())
    }
}

/// One of each, and nothing that need not be there.
const LEAST: &str = "
[trust-anchor.plant]
certificate = 'ca.pem'
[profile.plant]
roles = ['Workload']
[role.Workload]
trust-policy-file = 'trust.json'
";

#[test]
fn what_is_built_in_has_the_arns_of_the_constants() {
    let resources = built_in(&Pki::shared().unwrap(), NOW).unwrap();
    let anchors: Vec<_> = resources.trust_anchors.iter().map(|it| it.arn.as_str()).collect();
    let profiles: Vec<_> = resources.profiles.iter().map(|it| it.arn.as_str()).collect();
    let roles: Vec<_> = resources.roles.iter().map(|it| it.arn.as_str()).collect();
    use crate::account::*;
    assert_eq!(anchors, [TRUST_ANCHOR_ARN, INTERMEDIATE_ANCHOR_ARN]);
    assert_eq!(profiles, [PROFILE_ARN, SHORT_PROFILE_ARN]);
    let of_profiles =
        [ROLE_ARN, DEEP_ROLE_ARN, NO_TRUST_ROLE_ARN, SHORT_LIVED_ROLE_ARN, NO_SECRETS_ROLE_ARN];
    assert_eq!(roles[..5], of_profiles);
    assert_eq!(roles[5..], [SECOND_ROLE_ARN]);
    assert_eq!(resources.exports.role.unwrap().as_str(), ROLE_ARN);
    assert!(resources.trust_anchors.iter().all(|anchor| anchor.crls.len() == 1));
}

#[test]
fn the_least_configuration_has_one_of_each_and_exports_it() {
    let resources = Fixture::new().load(LEAST).unwrap().value;
    let exports = &resources.exports;
    assert_eq!(exports.role.as_ref().unwrap().as_str(), "arn:aws:iam::123456789012:role/Workload");
    let anchor = &resources.trust_anchors[0];
    assert_eq!(exports.trust_anchor.as_ref(), Some(&anchor.arn));
    assert_eq!(exports.profile.as_ref(), Some(&resources.profiles[0].arn));
    assert_eq!((anchor.enabled, anchor.certificates.len(), anchor.is_built_in), (true, 1, false));
    let profile = &resources.profiles[0];
    assert_eq!((profile.duration_seconds, profile.accept_role_session_name), (3600, false));
    assert_eq!(resources.roles[0].max_session_seconds, 3600);
    let again = Fixture::new().load(LEAST).unwrap().value;
    assert_eq!(again.trust_anchors[0].arn, anchor.arn);
}

/// Every key there is.
const MOST: &str = r#"
account = "111122223333"
region = "eu-central-1"
regions = ["us-east-1"]

[exports]
trust-anchor = "plant"

[trust-anchor.plant]
description = "The CA of the plant"
certificate = "issuer.pem"
crls = ["ca.crl"]

[trust-anchor.own]
built-in-ca = "intermediate"
region = "eu-west-1"
enabled = false

[profile."arn:aws:rolesanywhere:eu-central-1:111122223333:profile/9a1bd6b5-5c2f-4f0a-8f0c-000000000001"]
roles = ["Workload", "arn:aws:iam::111122223333:role/service/Batch"]
accept-role-session-name = true
session-duration = 900
session-policy = { Statement = [{ Effect = "Allow", Action = "secretsmanager:*", Resource = "*" }] }
managed-policies = ["arn:aws:iam::aws:policy/ReadOnlyAccess", "Own"]
attribute-mappings = { x509Subject = ["CN", "OU"], x509SAN = ["DNS", "Name/O"] }
enabled = false

[managed-policy."arn:aws:iam::aws:policy/ReadOnlyAccess"]
policy = '{"Statement":{"Effect":"Allow","Action":"*:Get*","Resource":"*"}}'

[managed-policy.Own]
policy-file = "secrets.json"

[role.Workload]
trust-policy-file = "trust.json"
permissions-files = ["secrets.json"]
managed-policies = ["Own"]
max-session-duration = 43200

[role.Workload.permissions]
Statement = { Effect = "Deny", Action = "secretsmanager:PutSecretValue", Resource = "*" }

[role.Batch]
path = "/service/"
trust-policy = '''
{"Statement": {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"}}
'''

[role."arn:aws:iam::999988887777:role/Other"]
trust-policy-file = "trust.json"

[secret."prod/db"]
description = "The database"
value-file = "db.json"
resource-policy = '{"Statement":{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}}'

[secret."arn:aws:secretsmanager:ap-south-1:999988887777:secret:shared/key-AbC123"]
binary-file = "keystore"

[secret.broken]
binary = "AAE="
failure = "broken-key"

[secret.rotated]
value = "hush"
kms-key = "alias/plant"
tags = { Team = "plant" }
replicas = { eu-west-1 = "InSync", eu-west-2 = "Failed" }
owning-service = "rds"
rotation = { automatically-after-days = 30, last-rotated = 2026-01-01T00:00:00Z, next-rotation = 2026-02-01T02:00:00+02:00 }

[parameter."/prod/db"]
description = "The database"
type = "SecureString"
value-file = "db.json"
kms-key = "1234abcd"
tags = { Team = "plant" }
labels = ["live"]
earlier-values = ["hush", "hush-hush"]
resource-policy = '{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}'

[parameter."arn:aws:ssm:eu-west-3:999988887777:parameter/shared/key"]
value = "a,b"
type = "StringList"
failure = "kms-denied"

[parameter.plain]
value = "one"
account = "999988887777"
"#;

#[test]
fn every_key_has_its_effect() {
    let loaded = Fixture::new().load(MOST).unwrap();
    assert_eq!(loaded.warnings, []);
    let resources = loaded.value;
    let regions: Vec<_> = resources.regions.iter().map(String::as_str).collect();
    assert_eq!(regions, ["ap-south-1", "eu-central-1", "eu-west-1", "eu-west-3", "us-east-1"]);
    let [plant, own] = &resources.trust_anchors[..] else { panic!("two") };
    assert_eq!(plant.description.as_deref(), Some("The CA of the plant"));
    assert_eq!((plant.crls.len(), own.is_built_in, own.enabled), (1, true, false));
    assert_eq!(own.arn.location().region, "eu-west-1");
    let profile = &resources.profiles[0];
    let roles: Vec<_> = profile.role_arns.iter().map(Arn::as_str).collect();
    let expected =
        ["arn:aws:iam::111122223333:role/Workload", "arn:aws:iam::111122223333:role/service/Batch"];
    assert_eq!(roles, expected);
    assert_eq!((profile.session_policies.len(), profile.enabled), (3, false));
    let mappings = &profile.attribute_mappings;
    assert_eq!(mappings.subject, NameMapping::Only(["CN", "OU"].into()));
    assert_eq!(mappings.issuer, NameMapping::All);
    assert!(mappings.alternative_name.dns && !mappings.alternative_name.uri);
    assert_eq!(mappings.alternative_name.directory_name, NameMapping::Only(["O"].into()));
    let workload = &resources.roles[0];
    assert_eq!((workload.permissions.len(), workload.max_session_seconds), (3, 43_200));
    assert_eq!(workload.trust_policy.name, "dir/trust.json");
    assert_eq!(resources.roles[1].trust_policy.name, "the trust policy of role Batch");
    assert_eq!(resources.exports.trust_anchor.as_ref(), Some(&plant.arn));
    assert_eq!(resources.exports.role, None);
    let secrets: Vec<_> = resources.secrets.iter().map(|it| it.arn.as_str()).collect();
    assert!(
        secrets[0].starts_with("arn:aws:secretsmanager:eu-central-1:111122223333:secret:broken-")
    );
    assert_eq!(resources.secrets.iter().filter(|it| it.resource_policy.is_some()).count(), 1);
    let shared = resources.secrets.iter().last().unwrap();
    assert_eq!(shared.name, "shared/key");
}

#[test]
fn every_key_of_secrets_and_parameters_has_its_effect() {
    let resources = Fixture::new().load(MOST).unwrap().value;
    let rotated = resources.secrets.iter().find(|secret| secret.name == "rotated").unwrap();
    let key = rotated.kms_key().unwrap();
    assert_eq!(key.as_str(), "arn:aws:kms:eu-central-1:111122223333:alias/plant");
    assert_eq!(rotated.tags["Team"], "plant");
    assert_eq!(rotated.replicas.keys().collect::<Vec<_>>(), ["eu-west-1", "eu-west-2"]);
    assert_eq!(rotated.owning_service.as_deref(), Some("rds"));
    let rotation = rotated.rotation.as_ref().unwrap();
    assert_eq!((rotation.enabled, rotation.rules.automatically_after_days), (true, Some(30)));
    assert_eq!(rotation.next_rotation(), Some(datetime!(2026-02-01 00:00 UTC)));
    let [plain, db, shared] = &resources.parameters.iter().collect::<Vec<_>>()[..] else {
        panic!("three parameters")
    };
    assert_eq!(
        [plain, db, shared].map(|parameter| (parameter.name.as_str(), parameter.arn.as_str())),
        [
            ("/prod/db", "arn:aws:ssm:eu-central-1:111122223333:parameter/prod/db"),
            ("plain", "arn:aws:ssm:eu-central-1:999988887777:parameter/plain"),
            ("/shared/key", "arn:aws:ssm:eu-west-3:999988887777:parameter/shared/key"),
        ]
    );
}

#[test]
fn mistakes_of_secrets_and_parameters_are_reported_without_values() {
    let text = format!(
        "{LEAST}
[secret.a]
value = 'hush'
tags = {{ Team = 1 }}
replicas = {{ eu-west-1 = 'hush' }}
rotation = {{ automatically-after-days = 0, next-rotation = 'tomorrow', next = 1 }}

[parameter.'a b']
value = 'hush'

[parameter.'prod/db']
value = 'hush'

[parameter.b]
type = 'Secret'
value = ''
labels = ['2nd']

[parameter.c]

[parameter.d]
value = 'hush'
value-file = 'db.json'
"
    );
    insta::assert_snapshot!(Fixture::new().complaints(&text), @r"
    `dir/emulator.toml` has 12 mistakes
    dir/emulator.toml:11:17: `tags`: expected a string, not an integer
    dir/emulator.toml:12:26: invalid value for `replicas`: expected `InSync` or `InProgress` or `Failed`
    dir/emulator.toml:13:41: invalid value `0` for `automatically-after-days`: expected 1 to 1000 (days)
    dir/emulator.toml:13:60: `next-rotation`: expected a date such as 2026-12-01T00:00:00Z, not a string
    dir/emulator.toml:13:72: unknown key `next`
    dir/emulator.toml:15:12: `a b` is not a valid name of a parameter
    dir/emulator.toml:18:12: `prod/db` is not a valid name of a parameter
    dir/emulator.toml:22:8: invalid value for `type`: expected `String` or `StringList` or `SecureString`
    dir/emulator.toml:23:9: the value has 0 bytes; a parameter has 1 to 8192
    dir/emulator.toml:24:11: `2nd` is not a valid label
    dir/emulator.toml:26:12: `[parameter.c]` lacks `value` or `value-file`
    dir/emulator.toml:30:14: `value` and `value-file` cannot be used together
    ");
}

#[test]
fn a_user_has_permissions_and_keys() {
    let text = format!(
        "{LEAST}
[user.legacy]
description = 'Old'
path = '/plant/'
permissions = {{ Version = '2012-10-17', Statement = {{ Effect = 'Allow', Action = '*', Resource = '*' }} }}
permissions-files = ['secrets.json']

[user.legacy.access-key.AKIAIOSFODNN7EXAMPLE]
secret = 'hush'

[user.legacy.access-key.AKIAI44QH8DHBEXAMPLE]
secret = 'hush too'
status = 'Inactive'
created = 2026-01-01T00:00:00Z

[user.'arn:aws:iam::999988887777:user/legacy']

[key-propagation]
delay = 5
"
    );
    let users = Fixture::new().load(&text).unwrap().value.users;
    assert_eq!(users.key_propagation, time::Duration::seconds(5));
    let user = users.find("123456789012", "legacy").unwrap();
    assert_eq!(user.arn.as_str(), "arn:aws:iam::123456789012:user/plant/legacy");
    let names: Vec<_> = user.permissions.iter().map(|policy| policy.name.as_str()).collect();
    assert_eq!(names, ["the permissions of user legacy", "dir/secrets.json"]);
    let keys: Vec<_> =
        user.keys.iter().map(|key| (&*key.id, &*key.secret, key.status, key.created)).collect();
    let earlier = datetime!(2026-01-01 00:00 UTC);
    use crate::iam::users::KeyStatus::{Active, Inactive};
    assert_eq!(
        keys,
        [
            ("AKIAI44QH8DHBEXAMPLE", "hush too", Inactive, earlier),
            ("AKIAIOSFODNN7EXAMPLE", "hush", Active, NOW),
        ]
    );
    // Known at once: the delay is for keys that are created later.
    assert!(user.keys.iter().all(|key| key.known_from <= NOW));
    assert!(users.find("999988887777", "legacy").is_some());
}

#[test]
fn mistakes_of_users_are_reported_without_secrets() {
    let text = format!(
        "{LEAST}
[user.'a b']

[user.a]
path = 'plant'
trust-policy = 1
[user.a.access-key.AKIA]
secret = 'hush'
[user.a.access-key.AKIAIOSFODNN7EXAMPLE]
secret = ''
status = 'hush'
created = 'hush'
[user.a.access-key.AKIAI44QH8DHBEXAMPLE]

[user.b.access-key]
AKIAIOSFODNN7EXAMPLE = 'hush'
AKIAI44QH8DHBEXAMPLE = {{ secret = 'hush' }}

[user.'arn:aws:iam::123456789012:user/path/b']

[key-propagation]
delay = 3601
"
    );
    insta::assert_snapshot!(Fixture::new().complaints(&text), @"
    `dir/emulator.toml` has 13 mistakes
    dir/emulator.toml:9:7: `a b` is not a valid name of a user
    dir/emulator.toml:12:8: invalid path `plant`: expected `/` at its beginning and its end
    dir/emulator.toml:13:1: unknown key `trust-policy`
    dir/emulator.toml:14:20: invalid access key id `AKIA`: expected 16 to 128 letters and digits, such as AKIAIOSFODNN7EXAMPLE
    dir/emulator.toml:17:10: invalid value for `secret`: expected 1 to 128 characters
    dir/emulator.toml:18:10: invalid value for `status`: expected `Active` or `Inactive` or `Expired`
    dir/emulator.toml:19:11: `created`: expected a date such as 2026-12-01T00:00:00Z, not a string
    dir/emulator.toml:20:20: `[user.a.access-key.AKIAI44QH8DHBEXAMPLE]` lacks `secret`
    dir/emulator.toml:20:20: a user has at most 2 access keys
    dir/emulator.toml:23:1: expected a table `[access-key.AKIAIOSFODNN7EXAMPLE]`
    dir/emulator.toml:24:1: the access key `AKIAI44QH8DHBEXAMPLE` already exists
    dir/emulator.toml:26:7: a user `b` already exists in that account
    dir/emulator.toml:29:9: invalid value `3601` for `delay`: expected 0 to 3600 (seconds)
    ");
}

#[test]
fn all_mistakes_are_reported_at_once_where_they_are() {
    let text = r#"acount = "123456789012"
region = "frankfurt"

[trust-anchor.plant]
certificate = "missing.pem"
crls = ["ca.pem"]

[trust-anchor.leaf]
certificate = "leaf.pem"
enabled = "yes"

[trust-anchor.der]
certificate = "ca.der"
built-in-ca = "root"

[profile.plant]
roles = ["Worklaod"]
session-duration = 60
attribute-mapings = {}

[role.Workload]
trust-policy-file = "trust.json"
max-session-duration = "1h"

[secret.db]
valeu = "hunter2"

[secret.token]
value = 1234
"#;
    insta::assert_snapshot!(Fixture::new().complaints(text), @r#"
    `dir/emulator.toml` has 14 mistakes
    dir/emulator.toml:1:1: unknown key `acount`; did you mean `account`?
    dir/emulator.toml:2:10: invalid Region `frankfurt`: expected a name such as `eu-central-1`
    dir/emulator.toml:5:15: cannot read `dir/missing.pem`: entity not found
    dir/emulator.toml:6:9: `dir/ca.pem` has no PEM block `X509 CRL`
    dir/emulator.toml:9:15: `dir/leaf.pem` `C=US, O=Example, CN=p256` is not a CA: its basicConstraints lack CA:TRUE
    dir/emulator.toml:10:11: `enabled`: expected `true` or `false`, not a string
    dir/emulator.toml:14:15: `certificate` and `built-in-ca` cannot be used together
    dir/emulator.toml:17:10: there is no `[role.NAME]` for `Worklaod`; did you mean `Workload`?
    dir/emulator.toml:18:20: invalid value `60` for `session-duration`: expected 900 to 43200 (seconds)
    dir/emulator.toml:19:1: unknown key `attribute-mapings`; did you mean `attribute-mappings`?
    dir/emulator.toml:23:24: `max-session-duration`: expected 3600 to 43200 (seconds), not a string
    dir/emulator.toml:25:9: `[secret.db]` lacks `value` or `value-file` or `binary` or `binary-file`
    dir/emulator.toml:26:1: unknown key `valeu`; did you mean `value`?
    dir/emulator.toml:29:9: `value`: expected a string, not an integer
    "#);
}

#[test]
fn names_are_looked_up_and_the_nearest_is_named() {
    let text = r#"
[exports]
role = "Worklod"

[trust-anchor.plant]
certificate = "ca.pem"

[profile.plant]
roles = ["Worklod", "Foreign", "Name"]
managed-policies = ["ReadOnlyAcces"]
attribute-mappings = { x509Subject = ["cn"], x509SAN = ["*", "Name/XX"] }

[managed-policy.ReadOnlyAccess]
policy = { Statement = [] }

[role.Workload]
arn = "arn:aws:iam::123456789012:role/Workload"
path = "/x/"
account = "1234"
trust-policy-file = "trust.json"
trust-policy = ""

[role.Foreign]
account = "999988887777"
trust-policy-file = "trust.json"

[role."arn:aws:iam::999988887777:role/Foreign"]
trust-policy-file = "trust.json"

[role."arn:aws:iam::123456789012:role/by/Name"]
trust-policy-file = "trust.json"

[role."not valid"]
path = "x"

[secret."arn:aws:secretsmanager:eu-central-1:123456789012:secret:db"]
value = "hush"
binary = "hush"

[secret.one]
binary = "hush!"
failure = "kms"

[secret."arn:aws:secretsmanager:eu-central-1:123456789012:secret:two-AbC123"]
value = "hush"

[secret."arn:aws:secretsmanager:eu-central-1:123456789012:secret:two-AbC124"]
value = "hush"
"#;
    insta::assert_snapshot!(Fixture::new().complaints(text), @r#"
    `dir/emulator.toml` has 18 mistakes
    dir/emulator.toml:3:8: there is no `[role.NAME]` for `Worklod`; did you mean `Workload`?
    dir/emulator.toml:9:10: there is no `[role.NAME]` for `Worklod`; did you mean `Workload`?
    dir/emulator.toml:9:21: the role `Foreign` is in another account (999988887777) than the profile
    dir/emulator.toml:10:21: the document of the managed policy `ReadOnlyAcces` is missing: expected `[managed-policy.ReadOnlyAcces]`; did you mean `ReadOnlyAccess`?
    dir/emulator.toml:11:39: invalid specifier `cn`: expected `*` or one of `CN`, `C`, `L`, `ST`, `O`, `OU`
    dir/emulator.toml:11:57: invalid specifier `*`: expected `DNS`, `URI`, `Name/*` or `Name/` with an attribute
    dir/emulator.toml:11:62: invalid specifier `Name/XX`: expected `*` or one of `CN`, `C`, `L`, `ST`, `O`, `OU`
    dir/emulator.toml:14:24: `policy`: Statement: is empty
    dir/emulator.toml:18:8: `path`: the ARN already contains it
    dir/emulator.toml:21:16: `trust-policy`: not valid JSON: EOF while parsing a value
    dir/emulator.toml:27:7: `Foreign` has the same ARN
    dir/emulator.toml:33:7: `[role."not valid"]` lacks `trust-policy` or `trust-policy-file`
    dir/emulator.toml:34:8: invalid path `x`: expected `/` at its beginning and its end
    dir/emulator.toml:36:9: invalid ARN `arn:aws:secretsmanager:eu-central-1:123456789012:secret:db`: expected a hyphen and six letters or digits after the name
    dir/emulator.toml:38:10: `value` and `binary` cannot be used together
    dir/emulator.toml:41:10: `binary` is not base64
    dir/emulator.toml:42:11: invalid value for `failure`: expected `deleted` or `kms-denied` or `broken-key`
    dir/emulator.toml:47:9: a secret `two` already exists in that account and Region
    "#);
}

#[test]
fn a_list_that_the_trust_anchor_has_not_signed_is_warned_of() {
    let crls = |certificate: &str| {
        let certificate = format!("certificate = '{certificate}'\ncrls = ['ca.crl']");
        let text = LEAST.replace("certificate = 'ca.pem'", &certificate);
        let warnings = Fixture::new().load(&text).unwrap().warnings;
        warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(crls("issuer.pem"), [""; 0]);
    assert_eq!(
        crls("ca.pem"),
        ["dir/emulator.toml:4:9: `dir/ca.crl` is not signed by this trust anchor: it can only \
          revoke what an intermediate CA has issued"]
    );
}

#[test]
fn values_beyond_the_limits_of_aws_are_mistakes() {
    let fixture = Fixture::new();
    let file = |name: &str| String::from_utf8(fixture.files[name].clone()).unwrap();
    let fixture = Fixture::new()
        .with("three.pem", &file("ca.pem").repeat(3))
        .with("two.crl", &file("ca.crl").repeat(2))
        .with("long.pem", &format!("{}{}", "#".repeat(16_000), file("ca.pem")))
        .with("large", &"x".repeat(65_537))
        .with("largest", &"x".repeat(65_536));
    let text = r#"
[trust-anchor.three]
certificate = "three.pem"
crls = ["two.crl", "ca.pem", "ca.crl"]

[trust-anchor.der]
certificate = "ca.der"
[trust-anchor.leaf]
certificate = "leaf.pem"
[trust-anchor.long]
certificate = "long.pem"

[profile.plant]
roles = ["Workload"]
[role.Workload]
trust-policy-file = "trust.json"

[secret.large]
value-file = "large"
[secret.largest]
binary-file = "largest"
"#;
    let length = format!("has {} characters", fixture.files["long.pem"].len());
    let complaints = fixture.complaints(text).replace(&length, "has N characters");
    insta::assert_snapshot!(complaints, @r#"
    `dir/emulator.toml` has 8 mistakes
    dir/emulator.toml:3:15: `dir/three.pem` has 3 certificates; a trust anchor has at most 2
    dir/emulator.toml:4:9: `dir/two.crl` has more than one CRL
    dir/emulator.toml:4:20: `dir/ca.pem` has no PEM block `X509 CRL`
    dir/emulator.toml:4:30: a trust anchor has at most 2 CRLs
    dir/emulator.toml:7:15: `dir/ca.der` is DER, expected PEM
    dir/emulator.toml:9:15: `dir/leaf.pem` `C=US, O=Example, CN=p256` is not a CA: its basicConstraints lack CA:TRUE
    dir/emulator.toml:11:15: `dir/long.pem` has N characters; AWS takes at most 16000
    dir/emulator.toml:19:14: the value has 65537 bytes; a secret has at most 65536
    "#);
}

#[test]
fn partitions_are_not_mixed() {
    let anchor = "arn:aws:rolesanywhere:cn-north-1:123456789012:trust-anchor/plant";
    let role = "arn:aws-cn:iam::123456789012:role/Workload";
    let text = LEAST.replace("plant]\ncert", &format!("plant]\narn = '{anchor}'\ncert"));
    let text = text.replace("Workload]", &format!("Workload]\narn = '{role}'"));
    insta::assert_snapshot!(Fixture::new().complaints(&text), @r#"
    `dir/emulator.toml` has 2 mistakes
    dir/emulator.toml:3:7: invalid ARN `arn:aws:rolesanywhere:cn-north-1:123456789012:trust-anchor/plant`: the Region cn-north-1 is in the partition aws-cn
    dir/emulator.toml:6:10: the role `Workload` is in another partition (aws-cn) than the profile
    "#);
    let chinese = |text: &str| text.replace("arn:aws:", "arn:aws-cn:");
    let text = format!("region = 'cn-north-1'\n{}", chinese(&text));
    let resources = Fixture::new().load(&text).unwrap().value;
    assert_eq!(resources.profiles[0].role_arns[0].as_str(), role);
}

#[test]
fn mistakes_of_policies_are_where_they_are_written() {
    let text = r#"
[trust-anchor.plant]
certificate = "ca.pem"

[profile.plant]
roles = ["Table", "Text", "File", "Escaped"]

[role.Table.trust-policy]
Version = "2012-10-17"
[[role.Table.trust-policy.Statement]]
Effect = "Alow"
Principal = { Service = "rolesanywhere.amazonaws.com" }
Action = ["sts:AssumeRole", 7]
Resource = "*"
Condition = { StringEqual = { "aws:SourceArn" = "x" } }

[role.Text]
trust-policy = '''
{
  "Statement": {
    "Effect": "Permit"
  }
}'''

[role.Escaped]
trust-policy = "{\"Statement\": {\"Effect\": \"Permit\"}}"

[role.File]
trust-policy-file = "bad.json"
"#;
    let bad = "{\n  \"Statement\": {\"Effect\": \"Allow\", \"Acton\": \"*\"}\n}\n";
    let fixture = Fixture::new().with("bad.json", bad);
    insta::assert_snapshot!(fixture.complaints(text), @r#"
    `dir/emulator.toml` has 13 mistakes
    dir/emulator.toml:11:10: `trust-policy`: Statement[0].Effect: invalid value `Alow`: expected `Allow` or `Deny`
    dir/emulator.toml:13:29: `trust-policy`: Statement[0].Action[1]: expected a string, not a number
    dir/emulator.toml:14:12: `trust-policy`: Statement[0].Resource: not allowed in a trust policy
    dir/emulator.toml:15:15: `trust-policy`: Statement[0].Condition.StringEqual: unknown condition operator; did you mean `StringEquals`?
    dir/emulator.toml:20:3: `trust-policy`: Statement: `Principal` is missing
    dir/emulator.toml:20:3: `trust-policy`: Statement: `Action` is missing
    dir/emulator.toml:21:5: `trust-policy`: Statement.Effect: invalid value `Permit`: expected `Allow` or `Deny`
    dir/emulator.toml:26:16: `trust-policy`: Statement: `Principal` is missing (at 1:2 in it)
    dir/emulator.toml:26:16: `trust-policy`: Statement: `Action` is missing (at 1:2 in it)
    dir/emulator.toml:26:16: `trust-policy`: Statement.Effect: invalid value `Permit`: expected `Allow` or `Deny` (at 1:16 in it)
    dir/bad.json:2:3: Statement: `Principal` is missing
    dir/bad.json:2:3: Statement: `Action` is missing
    dir/bad.json:2:36: Statement.Acton: unknown element; did you mean `Action`?
    "#);
}

#[test]
fn keys_of_conditions_that_are_never_set_are_warned_of() {
    let text = format!(
        "{LEAST}
[role.Other]
trust-policy-file = 'other.json'
[role.Table.trust-policy.Statement]
Effect = 'Allow'
Principal = '*'
Action = 'sts:AssumeRole'
Condition.StringEquals.'aws:SourceVpc' = 'vpc-1'
"
    );
    let other = r#"{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole",
  "Condition": {"StringEquals": {"aws:PrincipleTag/x509Subject/CN": "a"}}}}"#;
    let loaded = Fixture::new().with("other.json", other).load(&text).unwrap();
    let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(warnings.join("\n"), @r#"
    dir/emulator.toml:15:42: Statement.Condition.StringEquals.aws:SourceVpc: the emulator never sets the condition key `aws:SourceVpc` where this statement applies, so it counts as absent
    dir/other.json:2:34: Statement.Condition.StringEquals.aws:PrincipleTag/x509Subject/CN: the emulator never sets the condition key `aws:PrincipleTag/x509Subject/CN` where this statement applies, so it counts as absent; did you mean `aws:PrincipalTag/x509Subject/CN`?
    "#);
}

#[test]
fn a_file_without_session_resources_has_a_hint() {
    insta::assert_snapshot!(Fixture::new().complaints("# nothing\n"), @r#"
    `dir/emulator.toml` has 3 mistakes
    dir/emulator.toml: describes no trust anchor
    dir/emulator.toml: describes no profile
    dir/emulator.toml: describes no role
    hint: add `[trust-anchor.NAME]` with `certificate = "ca.pem"`, or pass `--trust-anchor ca.pem`
    hint: add `[profile.NAME]` with `roles = ["ROLE"]`
    hint: add `[role.NAME]` with `trust-policy-file = "trust.json"`
    "#);
}

#[test]
fn mistakes_of_toml_are_reported_without_the_line() {
    let text =
        "[secret.db]\nvalue = \"hunter2\n[secret.db]\nvalue = hunter3\nvalue = 'a' 'hunter4'\n";
    let complaints = Fixture::new().complaints(text);
    assert!(!complaints.contains("hunter"), "{complaints}");
    insta::assert_snapshot!(complaints, @r#"
    `dir/emulator.toml` has 6 mistakes
    dir/emulator.toml:2:17: invalid basic string, expected `"`
    dir/emulator.toml:3:9: duplicate key
    dir/emulator.toml:4:1: duplicate key
    dir/emulator.toml:4:9: string values must be quoted, expected literal string
    dir/emulator.toml:5:1: duplicate key
    dir/emulator.toml:5:13: unexpected key or value, expected newline, `#`
    "#);
}

/// A secret that is given in a wrong way is in no message.
#[test]
fn no_message_shows_the_value_of_a_secret() {
    for value in ["value = ['hunter2']", "value = { x = 'hunter2' }", "binary = 'hunter2'"] {
        let complaints = Fixture::new().complaints(&format!("{LEAST}[secret.db]\n{value}\n"));
        assert!(!complaints.contains("hunter2"), "{complaints}");
    }
    let two = format!("{LEAST}[secret.db]\nvalue = 'hunter2'\nvalue-file = 'hunter2'\n");
    assert!(!Fixture::new().complaints(&two).contains("hunter2"));
}

/// The keys that are read are those that the schema has.
#[test]
fn the_schema_has_the_keys_that_are_read() {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    let known = |read: &dyn Fn(&mut TableReader<'_, '_>)| {
        let (table, problems) = (DeTable::new(), Problems::new(Path::new(""), ""));
        let mut reader = TableReader::new(&table, &problems);
        read(&mut reader);
        let mut known: Vec<_> = reader.known().iter().map(|key| (*key).to_owned()).collect();
        known.sort();
        known
    };
    let described = |table: &Value| {
        let mut keys: Vec<_> = table["properties"].as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys
    };
    let table = |name: &str| described(&schema["$defs"][name]);
    use file::*;
    assert_eq!(known(&|table| drop(ConfigFile::read(table))), described(&schema));
    assert_eq!(known(&|table| drop(ExportsTable::read(table))), table("ExportsTable"));
    assert_eq!(known(&|table| drop(TrustAnchorTable::read(table))), table("TrustAnchorTable"));
    assert_eq!(known(&|table| drop(ProfileTable::read(table))), table("ProfileTable"));
    assert_eq!(known(&|table| drop(RoleTable::read(table))), table("RoleTable"));
    assert_eq!(known(&|table| drop(ManagedPolicyTable::read(table))), table("ManagedPolicyTable"));
    assert_eq!(known(&|table| drop(SecretTable::read(table))), table("SecretTable"));
    assert_eq!(known(&|table| drop(UserTable::read(table))), table("UserTable"));
    let mappings = table("AttributeMappingsTable");
    assert_eq!(known(&|table| drop(AttributeMappingsTable::read(table))), mappings);
}

#[test]
fn the_schema_in_the_documentation_is_the_current_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/emulator-config.schema.json");
    let written = crate::os::read_text(&path).unwrap();
    assert_eq!(written, schema(), "run `roles-anywhere-emulator schema > {}`", path.display());
}
