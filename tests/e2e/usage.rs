//! Command lines and variables that are refused before anything is opened: exit code 2.

use insta::assert_snapshot;
use roles_anywhere_emulator::{PROFILE_ARN, ROLE_ARN};

use crate::environment::TestEnvironment;

#[test]
fn refuses_swapped_arns() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails(&format!("credential-process --role-arn {PROFILE_ARN}")), @"
    $ roles-anywhere credential-process --role-arn arn:aws:rolesanywhere:us-east-1:123456789012:profile/66666666-7777-4888-8999-000000000000
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value `arn:aws:rolesanywhere:us-east-1:123456789012:profile/66666666-7777-4888-8999-000000000000` for `--role-arn`
      caused by: expected the ARN of a role (`iam role/…`), got that of `rolesanywhere profile/66666666-7777-4888-8999-000000000000`
      hint: check that the ARNs of the trust anchor, the profile and the role are not swapped
    ");
}

#[test]
fn refuses_a_malformed_arn() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credential-process --trust-anchor-arn trust-anchor/1"), @"
    $ roles-anywhere credential-process --trust-anchor-arn trust-anchor/1
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value `trust-anchor/1` for `--trust-anchor-arn`
      caused by: not an ARN: expected `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`
      hint: copy the ARN from the AWS console or the AWS CLI
    ");
}

#[test]
fn refuses_an_unknown_partition() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credential-process --role-arn arn:azure:iam::123456789012:role/R"), @"
    $ roles-anywhere credential-process --role-arn arn:azure:iam::123456789012:role/R
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value `arn:azure:iam::123456789012:role/R` for `--role-arn`
      caused by: `azure` is not an AWS partition
      hint: correct the second part of the ARN, its partition, such as `aws` or `aws-cn`
    ");
}

#[test]
fn refuses_a_malformed_account() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credential-process --role-arn arn:aws:iam::1234:role/R"), @"
    $ roles-anywhere credential-process --role-arn arn:aws:iam::1234:role/R
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value `arn:aws:iam::1234:role/R` for `--role-arn`
      caused by: `1234` is not an account ID of 12 digits
      hint: copy the ARN from the AWS console or the AWS CLI
    ");
}

#[test]
fn refuses_arns_of_two_regions() {
    let profile = PROFILE_ARN.replace("us-east-1", "eu-west-1");
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails(&format!("credential-process --profile-arn {profile}")), @"
    $ roles-anywhere credential-process --profile-arn arn:aws:rolesanywhere:eu-west-1:123456789012:profile/66666666-7777-4888-8999-000000000000
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `--trust-anchor-arn` is in the Region us-east-1, but `--profile-arn` is in eu-west-1
      hint: use one Region for all of them: a session is created in the Region of its trust anchor
    ");
}

#[test]
fn refuses_arns_of_two_partitions() {
    let role = ROLE_ARN.replace("arn:aws:", "arn:aws-cn:");
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails(&format!("credential-process --role-arn {role}")), @"
    $ roles-anywhere credential-process --role-arn arn:aws-cn:iam::123456789012:role/Workload
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `--trust-anchor-arn` is in the partition aws, but `--role-arn` is in aws-cn
      hint: use ARNs and Regions of one partition
    ");
}

#[test]
fn refuses_the_region_of_another_anchor() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credential-process --region eu-west-1"), @"
    $ roles-anywhere credential-process --region eu-west-1
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `--trust-anchor-arn` is in the Region us-east-1, but `--region` is in eu-west-1
      hint: use one Region for all of them: a session is created in the Region of its trust anchor
    ");
}

#[test]
fn refuses_a_malformed_region() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credential-process --region Frankfurt"), @"
    $ roles-anywhere credential-process --region Frankfurt
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value `Frankfurt` for `--region`: expected a Region such as `eu-central-1`
    ");
}

#[test]
fn refuses_plain_http() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credential-process --endpoint http://aws.example"), @"
    $ roles-anywhere credential-process --endpoint http://aws.example
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value for `--endpoint`
      caused by: `http` to another machine would send the credentials unencrypted
      hint: write it as `https://HOST[:PORT]`; `http://` is accepted for a loopback address only
    ");
}

#[test]
fn refuses_an_endpoint_with_a_path() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credential-process --endpoint https://aws.example/base"), @"
    $ roles-anywhere credential-process --endpoint https://aws.example/base
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value for `--endpoint`
      caused by: a path or query is not allowed after the host
      hint: write it as `https://HOST[:PORT]`; `http://` is accepted for a loopback address only
    ");
}

#[test]
fn refuses_an_endpoint_beside_fips() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credential-process --endpoint https://aws.example --fips"), @"
    $ roles-anywhere credential-process --endpoint https://aws.example --fips
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `--endpoint` and `--fips` cannot be used together
      hint: remove one of them: a given endpoint has no FIPS or dual-stack variant
    ");
}

#[test]
fn refuses_a_duration_out_of_range() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credential-process --session-duration 60"), @"
    $ roles-anywhere credential-process --session-duration 60
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value `60` for `--session-duration`: expected 900 to 43200 (seconds), or `profile`
    ");
}

#[test]
fn refuses_a_session_name_with_blanks() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails_args(&["credential-process", "--role-session-name", "no spaces"]), @"
    $ roles-anywhere credential-process --role-session-name 'no spaces'
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value `no spaces` for `--role-session-name`: expected 2 to 64 characters, each a letter, a digit or one of `_+=,.@-`
    ");
}

#[test]
fn refuses_a_timeout_in_words() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credential-process --timeout forever"), @"
    $ roles-anywhere credential-process --timeout forever
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value `forever` for `--timeout`: expected 1 to 600 (seconds)
    ");
}

#[test]
fn refuses_a_malformed_boolean() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credential-process --debug=maybe"), @"
    $ roles-anywhere credential-process --debug=maybe
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value for `--debug`: expected `true` or `false`
    ");
}

#[test]
fn refuses_an_unknown_proxy_scheme() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credential-process --proxy socks4://me:hunter2@proxy:1080"), @"
    $ roles-anywhere credential-process --proxy socks4://me:hunter2@proxy:1080
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value for `--proxy`
      caused by: the proxy scheme is `socks4`, expected `http`, `https`, `socks5` or `socks5h`
      hint: write it as `http://HOST:PORT`, or pass `--proxy none`; set a user name and password in `HTTPS_PROXY`, which other users cannot see
    ");
}

#[test]
fn refuses_with_proxy_beside_no_proxy() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credential-process --with-proxy --proxy none"), @"
    $ roles-anywhere credential-process --with-proxy --proxy none
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `--with-proxy` and `--proxy none` cannot be used together
      hint: remove one of them
    ");
}

#[test]
fn refuses_a_flag_as_a_value() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credential-process --certificate --private-key"), @"
    $ roles-anywhere credential-process --certificate --private-key
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `--certificate` has no value: the next argument is `--private-key`
      hint: pass a value; if the value is a shell variable, check that it is not empty
    ");
}

#[test]
fn refuses_an_unexpanded_tilde() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credential-process --cache-dir=~/sessions"), @"
    $ roles-anywhere credential-process '--cache-dir=~/sessions'
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value for `--cache-dir`: the `~` at its start was not expanded
      hint: write the full path: a shell expands `~` only at the start of a word, and other programs do not expand it; if the name really begins with this character, write it as `./NAME`
    ");
}

#[test]
fn refuses_a_certificate_selector() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credential-process --cert-selector Key=x509Subject,Value=CN=a"), @"
    $ roles-anywhere credential-process --cert-selector Key=x509Subject,Value=CN=a
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `--cert-selector` of `aws_signing_helper` is not supported yet
      hint: pass the key with `--private-key` and its certificate with `--certificate`
    ");
}

#[test]
fn refuses_pkcs11() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credential-process --certificate pkcs11:token=t;pin-value=hunter2"), @"
    $ roles-anywhere credential-process --certificate 'pkcs11:token=t;pin-value=hunter2'
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `--certificate pkcs11:…` of `aws_signing_helper` is not supported yet
      hint: pass the path of a file in PEM, DER or PKCS#12
    ");
}

#[test]
fn refuses_a_tpm_handle() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credential-process --private-key handle:0x81000001"), @"
    $ roles-anywhere credential-process --private-key handle:0x81000001
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `--private-key handle:…` of `aws_signing_helper` is not supported yet
      hint: pass the path of a file in PEM, DER or PKCS#12
    ");
}

#[test]
fn refuses_a_missing_role() {
    let env = TestEnvironment::offline().without("ROLES_ANYWHERE_ROLE_ARN");
    assert_snapshot!(env.fails("credential-process"), @"
    $ env -u ROLES_ANYWHERE_ROLE_ARN roles-anywhere credential-process
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: missing required option `--role-arn`
      hint: pass `--role-arn`, or set `ROLES_ANYWHERE_ROLE_ARN`
    ");
}

#[test]
fn refuses_a_malformed_boolean_variable() {
    let env = TestEnvironment::offline().var("ROLES_ANYWHERE_FIPS", "yes");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_FIPS=yes roles-anywhere credential-process
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value for `ROLES_ANYWHERE_FIPS`: expected `true` or `false`
    ");
}

#[test]
fn refuses_a_secret_of_another_region() {
    let arn = "arn:aws:secretsmanager:us-west-2:123456789012:secret:n-AbCdEf";
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails(&format!("secret get {arn} --region us-east-1")), @"
    $ roles-anywhere secret get arn:aws:secretsmanager:us-west-2:123456789012:secret:n-AbCdEf --region us-east-1
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `NAME|ARN` is in the Region us-west-2, but `--region` is in us-east-1
      hint: remove `--region`: the ARN contains the Region
    ");
}

#[test]
fn refuses_a_key_of_a_whole_document() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("secret get n --key k --output json"), @"
    $ roles-anywhere secret get n --key k --output json
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `--key` and `--output json` cannot be used together
      hint: remove one of them: `--key` prints one member as text
    ");
}

#[test]
fn refuses_an_unknown_command() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credentials"), @"
    $ roles-anywhere credentials
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: unknown command `credentials`
      hint: did you mean `credential-process`?
    ");
}

#[test]
fn refuses_an_unknown_flag() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credential-process --certificat x"), @"
    $ roles-anywhere credential-process --certificat x
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: unexpected argument `--certificat`
      hint: did you mean `--certificate`?
    ");
}

#[test]
fn refuses_a_stray_argument() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credential-process x"), @"
    $ roles-anywhere credential-process x
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: unexpected argument (not shown, as it may be a secret)
      hint: if a value contains spaces, put it in quotes
    ");
}

#[test]
fn refuses_a_flag_without_its_value() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credential-process --region"), @"
    $ roles-anywhere credential-process --region
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `--region` has no value
      hint: pass a value: `--region VALUE`
    ");
}

#[test]
fn refuses_a_secret_without_a_name() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("secret get"), @"
    $ roles-anywhere secret get
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: missing required argument `NAME|ARN`
      hint: pass `NAME|ARN` after the command
    ");
}

#[test]
fn name_of_a_secret_is_missing_with_all_else() {
    let env = TestEnvironment::offline();
    let env = ["CERTIFICATE", "ROLE_ARN"]
        .into_iter()
        .fold(env, |env, name| env.without(&format!("ROLES_ANYWHERE_{name}")));
    assert_snapshot!(env.fails("secret get"), @"
    $ env -u ROLES_ANYWHERE_CERTIFICATE -u ROLES_ANYWHERE_ROLE_ARN roles-anywhere secret get
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: missing required arguments `NAME|ARN`, `--certificate`, `--role-arn`
      hint: pass `NAME|ARN` after the command; pass the others, or set `ROLES_ANYWHERE_CERTIFICATE`, `ROLES_ANYWHERE_ROLE_ARN`
    ");
}
