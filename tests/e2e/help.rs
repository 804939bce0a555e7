//! The words of `--help`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use roles_anywhere::command::{ALL, CommandEntry};
use roles_anywhere::options::table::{OptionSpec, PREFIX};

use crate::environment::TestEnvironment;

#[test]
fn describes_the_program() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.run("--help"), @"
    $ roles-anywhere --help
    exit code: 0
    ----- stdout -----
    Trades an X.509 certificate for temporary AWS credentials, and reads secrets with them.

    Usage: roles-anywhere <COMMAND>

    Commands:
      credential-process     Print temporary credentials for AWS SDKs and the AWS CLI, and exit
      update                 Keep a profile of the shared credentials file fresh
      serve                  Serve credentials to the SDKs of this machine, as EC2 and ECS do
      secret                 Read secrets of AWS Secrets Manager
      sign-string            Sign a fixed string with the private key, to try it out
      read-certificate-data  Show a certificate, and what AWS will make of it
      cache                  Look at the cached credentials of this user, or forget them
      version                Print the version
      completion             Print a completion script
      help                   Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Exit codes:
       0  success
       2  usage: a flag, an environment variable or their combination
       3  identity: the certificate or the key is missing, wrong, locked or out of date
       4  refused by AWS: CreateSession or the secret
       5  unreachable: network, TLS, proxy, deadline, throttled or failing after three tries, an answer
          that makes no sense
       6  local input or output: files, standard output
      70  internal: a defect of this program

    Each option of identity, session and way can also be given as an environment variable, e.g.
    ROLES_ANYWHERE_ROLE_ARN.
    ----- stderr -----
    ");
}

#[test]
fn describes_credential_process() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.run("credential-process --help"), @"
    $ roles-anywhere credential-process --help
    exit code: 0
    ----- stdout -----
    Print temporary credentials for AWS SDKs and the AWS CLI, and exit

    Usage: roles-anywhere credential-process [OPTIONS]

    Options:
          --certificate <SOURCE>         The certificate, alone or with its chain and key: PEM, DER or PKCS#12 (a path, `-`, `fd:N`, `env:NAME`)
          --private-key <SOURCE>         Its private key: RSA, P-256, P-384, P-521 or ML-DSA [default: in the certificate's file]
          --key-password-file <FILE>     The password of an encrypted key or PKCS#12, in a file
          --key-password-env <NAME>      The same, in an environment variable of that name
          --key-password-fd <N>          The same, on an open file descriptor
          --pkcs8-password <PASSWORD>    The same, itself: every user of this machine can see it
          --strict-permissions[=<BOOL>]  Refuse a key file that others than its owner can read
          --intermediates <SOURCE>       CA certificates between the certificate and the trust anchor: PEM, DER or PKCS#7, in any order
          --trust-anchor-arn <ARN>       The trust anchor
          --profile-arn <ARN>            The profile
          --role-arn <ARN>               The role to assume
          --role-session-name <NAME>     The name of the session, where the profile accepts one [default: the serial number]
          --session-duration <SECONDS>   How long the session lives: seconds, 900 to 43200, or `profile` [default: 3600]
          --region <REGION>              The Region [default: the trust anchor's; for a secret, that of its ARN first]
          --endpoint <URL>               Where IAM Roles Anywhere is [default: by Region; also AWS_ENDPOINT_URL_ROLESANYWHERE]
          --no-verify-ssl[=<BOOL>]       Believe any TLS certificate: for tests alone
          --with-proxy[=<BOOL>]          Use the proxy of the environment; that is so without this flag too
          --debug[=<BOOL>]               Show on stderr what is signed, sent and answered; never a secret
          --ca-bundle <FILE>             CA certificates to believe instead of the system's, PEM [also AWS_CA_BUNDLE, SSL_CERT_FILE]
          --proxy <URL>                  An HTTP or SOCKS5 proxy, or `none` [default: HTTPS_PROXY, NO_PROXY]
          --timeout <SECONDS>            How long the whole may take, in seconds, 1 to 600 [default: 20]
          --fips[=<BOOL>]                Use FIPS endpoints [also AWS_USE_FIPS_ENDPOINT]
          --dual-stack[=<BOOL>]          Use endpoints of IPv4 and IPv6 [also AWS_USE_DUALSTACK_ENDPOINT]
          --no-cache[=<BOOL>]            Make a session each time, and keep none
          --cache-dir <DIR>              The cache's directory [default: in $RUNTIME_DIRECTORY or $XDG_RUNTIME_DIR]
      -h, --help                         Print help

    Example, in ~/.aws/config:
      [profile plant]
      credential_process = roles-anywhere credential-process --certificate /etc/pki/host.pem --private-key /etc/pki/host.key --trust-anchor-arn arn:… --profile-arn arn:… --role-arn arn:…
    ----- stderr -----
    ");
}

#[test]
fn describes_secret_get() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.run("secret get --help"), @"
    $ roles-anywhere secret get --help
    exit code: 0
    ----- stdout -----
    Print a secret, or one member of it

    Usage: roles-anywhere secret get [OPTIONS] <NAME|ARN>

    Arguments:
      <NAME|ARN>  The secret's name, or its ARN

    Options:
          --version-id <ID>              A version by its id
          --version-stage <LABEL>        A version by its staging label [default: AWSCURRENT]
          --key <JSON-KEY>               One member of a secret that is a JSON object
          --output <FORMAT>              `text`: the value alone; `json`: all that the AWS CLI shows [default: text]
          --out <FILE>                   Write to a file of mode 0600, whole or not at all, instead of standard output
          --secrets-endpoint <URL>       Where Secrets Manager is [default: by Region; also AWS_ENDPOINT_URL_SECRETS_MANAGER]
          --certificate <SOURCE>         The certificate, alone or with its chain and key: PEM, DER or PKCS#12 (a path, `-`, `fd:N`, `env:NAME`)
          --private-key <SOURCE>         Its private key: RSA, P-256, P-384, P-521 or ML-DSA [default: in the certificate's file]
          --key-password-file <FILE>     The password of an encrypted key or PKCS#12, in a file
          --key-password-env <NAME>      The same, in an environment variable of that name
          --key-password-fd <N>          The same, on an open file descriptor
          --pkcs8-password <PASSWORD>    The same, itself: every user of this machine can see it
          --strict-permissions[=<BOOL>]  Refuse a key file that others than its owner can read
          --intermediates <SOURCE>       CA certificates between the certificate and the trust anchor: PEM, DER or PKCS#7, in any order
          --trust-anchor-arn <ARN>       The trust anchor
          --profile-arn <ARN>            The profile
          --role-arn <ARN>               The role to assume
          --role-session-name <NAME>     The name of the session, where the profile accepts one [default: the serial number]
          --session-duration <SECONDS>   How long the session lives: seconds, 900 to 43200, or `profile` [default: 3600]
          --region <REGION>              The Region [default: the trust anchor's; for a secret, that of its ARN first]
          --endpoint <URL>               Where IAM Roles Anywhere is [default: by Region; also AWS_ENDPOINT_URL_ROLESANYWHERE]
          --no-verify-ssl[=<BOOL>]       Believe any TLS certificate: for tests alone
          --with-proxy[=<BOOL>]          Use the proxy of the environment; that is so without this flag too
          --debug[=<BOOL>]               Show on stderr what is signed, sent and answered; never a secret
          --ca-bundle <FILE>             CA certificates to believe instead of the system's, PEM [also AWS_CA_BUNDLE, SSL_CERT_FILE]
          --proxy <URL>                  An HTTP or SOCKS5 proxy, or `none` [default: HTTPS_PROXY, NO_PROXY]
          --timeout <SECONDS>            How long the whole may take, in seconds, 1 to 600 [default: 20]
          --fips[=<BOOL>]                Use FIPS endpoints [also AWS_USE_FIPS_ENDPOINT]
          --dual-stack[=<BOOL>]          Use endpoints of IPv4 and IPv6 [also AWS_USE_DUALSTACK_ENDPOINT]
          --no-cache[=<BOOL>]            Make a session each time, and keep none
          --cache-dir <DIR>              The cache's directory [default: in $RUNTIME_DIRECTORY or $XDG_RUNTIME_DIR]
      -h, --help                         Print help

    Examples:
      roles-anywhere secret get prod/db-credentials --key password
      roles-anywhere secret get prod/keystore --out keystore.jks
    ----- stderr -----
    ");
}

#[test]
fn describes_update() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.run("update --help"), @"
    $ roles-anywhere update --help
    exit code: 0
    ----- stdout -----
    Keep a profile of the shared credentials file fresh

    Usage: roles-anywhere update [OPTIONS]

    Options:
          --profile <NAME>               The profile to write [default: default]
          --once[=<BOOL>]                Write it once, and exit
          --force[=<BOOL>]               Replace a long-lived access key in the profile
          --quiet[=<BOOL>]               Print nothing on success (with `--once`)
          --credentials-file <FILE>      The shared credentials file [default: ~/.aws/credentials; also AWS_SHARED_CREDENTIALS_FILE]
          --fail-fast[=<BOOL>]           Exit if the first try fails, instead of retrying
          --log-format <FORMAT>          `text` or `json`, to stderr [default: text]
          --certificate <SOURCE>         The certificate, alone or with its chain and key: PEM, DER or PKCS#12 (a path, `-`, `fd:N`, `env:NAME`)
          --private-key <SOURCE>         Its private key: RSA, P-256, P-384, P-521 or ML-DSA [default: in the certificate's file]
          --key-password-file <FILE>     The password of an encrypted key or PKCS#12, in a file
          --key-password-env <NAME>      The same, in an environment variable of that name
          --key-password-fd <N>          The same, on an open file descriptor
          --pkcs8-password <PASSWORD>    The same, itself: every user of this machine can see it
          --strict-permissions[=<BOOL>]  Refuse a key file that others than its owner can read
          --intermediates <SOURCE>       CA certificates between the certificate and the trust anchor: PEM, DER or PKCS#7, in any order
          --trust-anchor-arn <ARN>       The trust anchor
          --profile-arn <ARN>            The profile
          --role-arn <ARN>               The role to assume
          --role-session-name <NAME>     The name of the session, where the profile accepts one [default: the serial number]
          --session-duration <SECONDS>   How long the session lives: seconds, 900 to 43200, or `profile` [default: 3600]
          --region <REGION>              The Region [default: the trust anchor's; for a secret, that of its ARN first]
          --endpoint <URL>               Where IAM Roles Anywhere is [default: by Region; also AWS_ENDPOINT_URL_ROLESANYWHERE]
          --no-verify-ssl[=<BOOL>]       Believe any TLS certificate: for tests alone
          --with-proxy[=<BOOL>]          Use the proxy of the environment; that is so without this flag too
          --debug[=<BOOL>]               Show on stderr what is signed, sent and answered; never a secret
          --ca-bundle <FILE>             CA certificates to believe instead of the system's, PEM [also AWS_CA_BUNDLE, SSL_CERT_FILE]
          --proxy <URL>                  An HTTP or SOCKS5 proxy, or `none` [default: HTTPS_PROXY, NO_PROXY]
          --timeout <SECONDS>            How long the whole may take, in seconds, 1 to 600 [default: 20]
          --fips[=<BOOL>]                Use FIPS endpoints [also AWS_USE_FIPS_ENDPOINT]
          --dual-stack[=<BOOL>]          Use endpoints of IPv4 and IPv6 [also AWS_USE_DUALSTACK_ENDPOINT]
      -h, --help                         Print help

    Example:
      roles-anywhere update --profile plant --certificate /etc/pki/host.pem --private-key /etc/pki/host.key --trust-anchor-arn arn:… --profile-arn arn:… --role-arn arn:…
    ----- stderr -----
    ");
}

#[test]
fn describes_serve() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.run("serve --help"), @"
    $ roles-anywhere serve --help
    exit code: 0
    ----- stdout -----
    Serve credentials to the SDKs of this machine, as EC2 and ECS do

    Usage: roles-anywhere serve [OPTIONS]

    Options:
          --port <PORT>                  The port on 127.0.0.1; 0 for a free one [default: 9911]
          --listen <ADDR:PORT>           An address to listen on instead, IPv4 or IPv6; may be repeated
          --allow-remote[=<WHAT>]        Let other machines in: `container` (with its token), or `imds` too [default, without it: none]
          --allow-host <NAME[:PORT]>     A host that requests may be for, beside this machine: a service's name, a translated address; may be repeated
          --no-imds[=<BOOL>]             Serve container credentials only, no instance metadata
          --no-container[=<BOOL>]        Serve instance metadata only, no container credentials
          --require-audit[=<BOOL>]       Refuse credentials while the log does not take the line of a vend
          --hop-limit <HOPS>             The IP time to live of replies, 1 to 255 [default: 64; 1 where other machines are let in]
          --token-file <FILE>            Where the token of the container route is kept [default: in $RUNTIME_DIRECTORY or $XDG_RUNTIME_DIR]
          --print-env[=<BOOL>]           Print what SDKs need in their environment, then serve
          --fail-fast[=<BOOL>]           Exit if the first try fails, instead of retrying
          --log-format <FORMAT>          `text` or `json`, to stderr [default: text]
          --certificate <SOURCE>         The certificate, alone or with its chain and key: PEM, DER or PKCS#12 (a path, `-`, `fd:N`, `env:NAME`)
          --private-key <SOURCE>         Its private key: RSA, P-256, P-384, P-521 or ML-DSA [default: in the certificate's file]
          --key-password-file <FILE>     The password of an encrypted key or PKCS#12, in a file
          --key-password-env <NAME>      The same, in an environment variable of that name
          --key-password-fd <N>          The same, on an open file descriptor
          --pkcs8-password <PASSWORD>    The same, itself: every user of this machine can see it
          --strict-permissions[=<BOOL>]  Refuse a key file that others than its owner can read
          --intermediates <SOURCE>       CA certificates between the certificate and the trust anchor: PEM, DER or PKCS#7, in any order
          --trust-anchor-arn <ARN>       The trust anchor
          --profile-arn <ARN>            The profile
          --role-arn <ARN>               The role to assume
          --role-session-name <NAME>     The name of the session, where the profile accepts one [default: the serial number]
          --session-duration <SECONDS>   How long the session lives: seconds, 900 to 43200, or `profile` [default: 3600]
          --region <REGION>              The Region [default: the trust anchor's; for a secret, that of its ARN first]
          --endpoint <URL>               Where IAM Roles Anywhere is [default: by Region; also AWS_ENDPOINT_URL_ROLESANYWHERE]
          --no-verify-ssl[=<BOOL>]       Believe any TLS certificate: for tests alone
          --with-proxy[=<BOOL>]          Use the proxy of the environment; that is so without this flag too
          --debug[=<BOOL>]               Show on stderr what is signed, sent and answered; never a secret
          --ca-bundle <FILE>             CA certificates to believe instead of the system's, PEM [also AWS_CA_BUNDLE, SSL_CERT_FILE]
          --proxy <URL>                  An HTTP or SOCKS5 proxy, or `none` [default: HTTPS_PROXY, NO_PROXY]
          --timeout <SECONDS>            How long the whole may take, in seconds, 1 to 600 [default: 20]
          --fips[=<BOOL>]                Use FIPS endpoints [also AWS_USE_FIPS_ENDPOINT]
          --dual-stack[=<BOOL>]          Use endpoints of IPv4 and IPv6 [also AWS_USE_DUALSTACK_ENDPOINT]
      -h, --help                         Print help

    Examples:
      roles-anywhere serve --print-env --certificate /etc/pki/host.pem --private-key /etc/pki/host.key --trust-anchor-arn arn:… --profile-arn arn:… --role-arn arn:…
      AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:PORT aws sts get-caller-identity
    ----- stderr -----
    ");
}

#[test]
fn describes_cache() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.run("cache --help"), @"
    $ roles-anywhere cache --help
    exit code: 0
    ----- stdout -----
    Look at the cached credentials of this user, or forget them

    Usage: roles-anywhere cache <COMMAND>

    Commands:
      show   List the cached sessions: role, name, access key id, time left; no secret
      clear  Remove the cached sessions
      help   Print this message or the help of the given subcommand(s)

    Options:
      -h, --help  Print help
    ----- stderr -----
    ");
}

/// In prose, examples and the first inputs of the fuzz targets.
#[test]
fn documents_name_options_that_exist() {
    let rows: Vec<_> = ALL.iter().flat_map(CommandEntry::options).collect();
    let of_others = ["--help", "--locked", "--path", "--query", "--root", PREFIX];
    let mut count = 0;
    let mut unknown = BTreeSet::new();
    for document in ["README.md", "SECURITY.md", "fuzz/seeds.py", "scripts/tour"] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(root.join(document)).unwrap();
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        for word in text.split(|c| !is_name(c)) {
            let flag = word.starts_with("--") && word.len() > 3 && !word.starts_with("---");
            let variable = word.starts_with(PREFIX);
            let is_known =
                |row: &&'static OptionSpec| row.name == word || row.own_variable() == Some(word);
            count += usize::from(flag || variable);
            if (flag || variable) && !rows.iter().any(is_known) && !of_others.contains(&word) {
                unknown.insert(format!("{document}: {word}"));
            }
        }
    }
    assert!(count > 60, "{count} options");
    assert_eq!(unknown, BTreeSet::new());
}
