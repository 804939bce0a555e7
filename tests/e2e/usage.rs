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
    error: `--role-arn` is not usable: `arn:aws:rolesanywhere:us-east-1:123456789012:profile/66666666-7777-4888-8999-000000000000`
      caused by: the ARN of rolesanywhere profile/66666666-7777-4888-8999-000000000000, not of a role (iam role/…)
      hint: the ARNs of trust anchor, profile and role are easily swapped
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
    error: `--trust-anchor-arn` is not usable: `trust-anchor/1`
      caused by: not an ARN: `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE` is wanted
      hint: copy the ARN as the AWS console or CLI shows it
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
    error: `--role-arn` is not usable: `arn:azure:iam::123456789012:role/R`
      caused by: `azure` is not a partition of AWS
      hint: the second part of the ARN is its partition, such as `aws` or `aws-cn`
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
    error: `--role-arn` is not usable: `arn:aws:iam::1234:role/R`
      caused by: `1234` is not an account of twelve digits
      hint: copy the ARN as the AWS console or CLI shows it
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
    error: `--trust-anchor-arn` is in the Region us-east-1, and `--profile-arn` in eu-west-1
      hint: a session is made in the Region of its trust anchor: take all of them from one Region
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
    error: `--trust-anchor-arn` is in the partition aws, and `--role-arn` in aws-cn
      hint: take all of them from one partition
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
    error: `--trust-anchor-arn` is in the Region us-east-1, and `--region` in eu-west-1
      hint: a session is made in the Region of its trust anchor: take all of them from one Region
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
    error: `--region` is `Frankfurt`, and a Region such as `eu-central-1` is wanted
      hint: see `--help`
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
    error: `--endpoint` is not usable
      caused by: plain `http` to another machine would show the credentials to the network
      hint: write it as `https://HOST[:PORT]`; `http://` works for this machine alone
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
    error: `--endpoint` is not usable
      caused by: a path or a query stands behind the host
      hint: write it as `https://HOST[:PORT]`; `http://` works for this machine alone
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
    error: `--endpoint` and `--fips` exclude each other
      hint: an endpoint of your own is what it is; leave one of them out
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
    error: `--session-duration` is `60`, and 900 to 43200 seconds, or `profile`, is wanted
      hint: see `--help`
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
    error: `--role-session-name` is `no spaces`, and a name of 2 to 64 letters, digits and `_+=,.@-` is wanted
      hint: see `--help`
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
    error: `--timeout` is `forever`, and 1 to 600 seconds is wanted
      hint: see `--help`
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
    error: `--debug` is not usable: expected `true` or `false`
      hint: see `--help`
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
    error: `--proxy` is not usable
      caused by: proxies of the scheme `socks4` are not supported, only `http`, `https`, `socks5` and `socks5h`
      hint: write it as `http://HOST:PORT`, or pass `--proxy none`; a user name and a password belong in HTTPS_PROXY, where no other user sees them
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
    error: `--with-proxy` and `--proxy none` exclude each other
      hint: leave one of them out
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
    error: `--certificate` has the flag `--private-key` for its value
      hint: give it a value; a shell variable in this place may be empty
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
    error: the `~` that `--cache-dir` begins with was not expanded
      hint: write the path in full, or as `./NAME` if the name begins so: a shell expands `~` at the start of a word only, and other programs do not at all
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
    error: `--cert-selector` of the official helper does not work in roles-anywhere yet
      hint: pass the key by `--private-key` and its certificate by `--certificate`
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
    error: `--certificate pkcs11:…` of the official helper does not work in roles-anywhere yet
      hint: pass the path of a file
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
    error: `--private-key handle:…` of the official helper does not work in roles-anywhere yet
      hint: pass the path of a file
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
    error: `--role-arn` is missing
      hint: pass `--role-arn`, or set ROLES_ANYWHERE_ROLE_ARN
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
    error: `ROLES_ANYWHERE_FIPS` is not usable: expected `true` or `false`
      hint: see `--help`
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
    error: `NAME|ARN` is in the Region us-west-2, and `--region` in us-east-1
      hint: the ARN says where the secret is; leave `--region` out
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
    error: `--key` and `--output json` exclude each other
      hint: a member is printed as text; leave one of them out
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
    error: unrecognized subcommand 'credentials'

      tip: a similar subcommand exists: 'credential-process'

    Usage: roles-anywhere <COMMAND>

    For more information, try '--help'.
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
    error: unexpected argument '--certificat' found

      tip: a similar argument exists: '--certificate'

    Usage: roles-anywhere credential-process --certificate <SOURCE>

    For more information, try '--help'.
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
    error: unexpected argument, which is not shown
      hint: see `--help`; a value with a blank in it has to be in quotes
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
    error: a value is required for '--region <REGION>' but none was supplied

    For more information, try '--help'.
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
    error: the following required arguments were not provided:
      <NAME|ARN>

    Usage: roles-anywhere secret get <NAME|ARN>

    For more information, try '--help'.
    ");
}
