//! Lines of `~/.aws/config`, and what is made of them.

use insta::assert_snapshot;

use super::*;
use crate::config::tests::parse;

/// Imports a text, and reads the result with our own parser.
fn import(text: &str) -> Import {
    let import = from_aws_config(text);
    let config = parse(&import.toml)
        .unwrap_or_else(|it| panic!("{:?}\n{}", it.lines().collect::<Vec<_>>(), import.toml));
    assert_eq!(config.roles().count(), import.roles);
    import
}

const TWO_PROFILES: &str = "\
[default]
region = eu-central-1

[profile backup]
credential_process = /usr/local/bin/aws_signing_helper credential-process --certificate /etc/pki/host.pem \
--private-key /etc/pki/host.key --trust-anchor-arn arn:ta --profile-arn arn:p --role-arn arn:r --session-duration 900

[profile backup old]
credential_process = roles-anywhere credential-process --cert=/etc/pki/host.pem --private-key '/etc/pki/host.key'
    --trust-anchor-arn arn:ta --profile-arn arn:p2 --role-arn \"arn:r2\" --intermediates ''
    --with-proxy --fips=T

[profile other]
credential_process = /opt/vendor/helper --password hunter2
";

#[test]
fn equal_identities_are_merged() {
    let import = import(TWO_PROFILES);
    assert!(import.notes.is_empty(), "{:?}", import.notes);
    assert_snapshot!(import.toml, @r#"
    [identity.host]
    certificate = "/etc/pki/host.pem"
    private-key = "/etc/pki/host.key"

    [role.backup]
    identity = "host"
    trust-anchor-arn = "arn:ta"
    profile-arn = "arn:p"
    role-arn = "arn:r"
    session-duration = 900

    # from the profile backup old
    [role.backup-old]
    identity = "host"
    trust-anchor-arn = "arn:ta"
    profile-arn = "arn:p2"
    role-arn = "arn:r2"
    with-proxy = true
    fips = true
    "#);
}

#[test]
fn passwords_become_placeholders() {
    let import = import(
        "[default]\ncredential_process = aws_signing_helper credential-process --certificate pki/host.pem \
         --pkcs8-password 'hunter2 #1' --proxy http://me:hunter2@proxy:3128 --debug --cache-dir /hunter2 \
         --trust-anchor-arn a --session-duration hunter2 hunter2 --Hunter2 x\n\
         [profile a]\ncredential_process = aws_signing_helper credential-process 'hunter2\n\
         [profile b]\ncredential_process = roles-anywhere update --profile hunter2\n\
         [profile c]\ncredential_process = roles-anywhere credential-process --role x\n\
         [profile d]\ncredential_process = roles-anywhere.exe credential-process --certificate \
         MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n",
    );
    assert!(!import.toml.contains("unter2"), "{}", import.toml);
    assert!(!import.toml.contains("MII"), "{}", import.toml);
    assert_snapshot!(import.toml, @r#"
    [identity.host]
    # relative to this file; it was relative to the working directory
    certificate = "./pki/host.pem"
    # the line holds the password itself: write it to a file that only you can read
    key-password-file = "./FILE_TO_FILL_IN"

    [identity.identity]
    # the line holds a key or a certificate: write it to a file
    certificate = "./FILE_TO_FILL_IN"

    [role.default]
    identity = "host"
    trust-anchor-arn = "a"
    # not imported: `--proxy`, as it may hold a password
    # not imported: `--debug`
    # not imported: `--cache-dir`
    # not imported: `--session-duration`, as its value is not valid
    # not imported: an argument without a flag
    # not imported: an unknown option

    [role.d]
    identity = "identity"

    # profile `a`: not imported, as a quote in its `credential_process` is not closed
    # profile `b`: not imported, as its `credential_process` runs another command
    # profile `c`: not imported, as it uses `--role` already
    "#);
    assert_snapshot!(import.notes.join("\n"), @r"
    profile `default`: not imported: `--proxy`, as it may hold a password
    profile `default`: not imported: `--debug`
    profile `default`: not imported: `--cache-dir`
    profile `default`: not imported: `--session-duration`, as its value is not valid
    profile `default`: not imported: an argument without a flag
    profile `default`: not imported: an unknown option
    profile `default`: fill in `key-password-file`
    profile `a`: not imported, as a quote in its `credential_process` is not closed
    profile `b`: not imported, as its `credential_process` runs another command
    profile `c`: not imported, as it uses `--role` already
    profile `d`: fill in `certificate`
    ");
}

#[test]
fn further_role_becomes_assume() {
    let import = import(
        "[profile a]\ncredential_process = roles-anywhere credential-process --certificate /host.pem \
         --role-arn arn:r --external-id 'x\\\"y' --assume-role-arn=arn:r2\n\
         [profile b]\ncredential_process = roles-anywhere credential-process --certificate /host.pem \
         --role-arn arn:r --external-id hunter2\n",
    );
    assert!(!import.toml.contains("hunter2"), "{}", import.toml);
    assert_snapshot!(import.toml, @r#"
    [identity.host]
    certificate = "/host.pem"

    [role.a]
    identity = "host"
    role-arn = "arn:r"
    assume = [{ external-id = "x\\\"y", role-arn = "arn:r2" }]

    [role.b]
    identity = "host"
    role-arn = "arn:r"
    # not imported: `--external-id`, as there is no `--assume-role-arn`
    "#);
    assert_eq!(
        import.notes,
        ["profile `b`: not imported: `--external-id`, as there is no `--assume-role-arn`"]
    );
}

#[test]
fn line_that_begins_with_a_shell_is_noted() {
    let import = import(
        "[profile a]\ncredential_process = sh -c \"aws_signing_helper credential-process --pkcs8-password hunter2\"\n\
         [profile b]\ncredential_process = env AWS_CA_BUNDLE=/ca.pem roles-anywhere credential-process\n\
         [profile c]\ncredential_process = sh -c \"vendor hunter2\"\n",
    );
    assert_eq!(import.roles, 0);
    let note = |profile: &str| {
        format!(
            "profile `{profile}`: not imported, as its `credential_process` begins with another program, such as a shell"
        )
    };
    assert_eq!(import.notes, ["a", "b"].map(note));
    assert!(!import.toml.contains("hunter2"), "{}", import.toml);
}

#[test]
fn nothing_to_import_is_an_empty_file() {
    let import = import("[default]\nregion = eu-central-1\n");
    assert_eq!((import.toml.as_str(), import.roles), ("\n", 0));
}
