//! A key or a password in any place of the file is in no message and in no `Debug`.

use super::*;
use crate::command::{ALL, CommandLineError, PlanInputs, plan};
use crate::output::error::Error;
use crate::test_support::FakeConfigFiles;

const SECRETS: [&str; 3] = [
    "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg7kX9aQ2vR4LmZtY5\n\
     -----END PRIVATE KEY-----\n",
    "9x!Tr0ub4dor&3-correct-Horse-battery-Staple",
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\",\"x\":\"MKBCTNIc\"}",
];

/// A file with `@` in every place where a person could write something.
const PLACES: &str = r#"
default-role = @
@ = 1
[defaults]
identity = @
timeout = @
ca-bundle = @
fallback = [@, { trust-anchor-arn = @, @ = @, endpoint = @ }]
[defaults.@]
[identity.host]
certificate = @
private-key = @
intermediates = @
key-password-file = @
key-password-env = @
key-password-fd = @
pkcs8-password = @
strict-permissions = @
certficate = @
[identity.@]
certificate = @
[role.a]
identity = @
trust-anchor-arn = @
profile-arn = @
role-arn = @
role-session-name = @
session-duration = @
region = @
endpoint = @
proxy = @
fips = @
aws-profile = @
assume = [@, { role-arn = @, external-id = @, session-duration = @, tags = { @ = @, Team = [@] }, transitive-tags = [@, 1], policy = @, @ = @ }]
@.@ = @
[role.@]
identity = "host"
private-key = @
[@]
[[role.b.assume]]
@ = { @ = @ }
"#;

/// Returns the text with only some of its places filled; the others are harmless or left out.
fn with_place(number: usize, written: &str) -> String {
    let mut count = 0;
    let mut text = String::new();
    for part in PLACES.split_inclusive('@') {
        let Some(part) = part.strip_suffix('@') else {
            text.push_str(part);
            continue;
        };
        let filler = format!("\"z{count}\"");
        text.push_str(part);
        text.push_str(if count == number { written } else { &filler });
        count += 1;
    }
    text
}

/// Fails if a part of a secret is in a text.
fn assert_hidden(secret: &str, shown: &str, context: &str) {
    let words = secret.split(|c: char| c.is_whitespace() || "\"{}:,".contains(c));
    for word in words.filter(|word| word.len() >= 6) {
        for at in (0..=word.len() - 6).step_by(4) {
            let part = word.get(at..at + 6).unwrap_or_default();
            let is_common =
                ["-----B", "PRIVAT", "RIVATE", "-----E"].contains(&part) || part.starts_with('-');
            assert!(is_common || !shown.contains(part), "{part} in {shown}\n{context}");
        }
    }
}

/// Returns all that is shown of a file.
fn shown(text: &str) -> String {
    match parse(text) {
        Ok(config) => {
            let layers = config.roles().map(|role| {
                let layers = config.layers(role);
                let reported = layers.as_ref().map_or_else(
                    |it| Error::from(it.clone()).unabridged().to_string(),
                    |_| String::new(),
                );
                format!("{role:?} {layers:?} {:?} {:?} {reported}", role.hops(), role.fallbacks())
            });
            format!(
                "{config:?} {} {:?}",
                layers.collect::<String>(),
                config.identities().collect::<Vec<_>>()
            )
        }
        Err(mistakes) => {
            let debug = format!("{mistakes:?} {}", mistakes.lines().collect::<Vec<_>>().join("\n"));
            let error = Error::from(mistakes).unabridged();
            format!("{debug} {error} {error:?} {:?}", error.reasons())
        }
    }
}

#[test]
fn no_secret_is_shown_wherever_it_is() {
    let places = PLACES.matches('@').count();
    assert!(places > 50, "{places}");
    for secret in SECRETS {
        let basic = serde_json::Value::from(secret).to_string();
        let written = [basic, format!("'''{secret}'''"), secret.to_owned(), format!("\"{secret}")];
        for written in &written {
            for place in 0..places {
                let text = with_place(place, written);
                assert_hidden(secret, &shown(&text), &text);
            }
        }
        // Alone in a good file, so that it is read.
        for key in
            ["certificate", "private-key", "key-password-file", "intermediates", "key-password-env"]
        {
            for written in &written[..2] {
                let text = format!("[role.a]\n[identity.b]\n{key} = {written}\n");
                assert_hidden(secret, &shown(&text), &text);
            }
        }
        assert_hidden(secret, &shown(secret), secret);
    }
}

/// The test above finds a secret.
#[test]
#[should_panic(expected = "Tr0ub4")]
fn a_shown_secret_is_found() {
    assert_hidden(SECRETS[1], "unknown key `9x!Tr0ub4`", "");
}

/// Returns good identities and a good role, whose first hop and fallback follow.
fn with_lists(hop: &str, fallback: &str) -> String {
    format!(
        r#"[identity.b]
certificate = "/site.pem"
[role.a]
trust-anchor-arn = "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a"
profile-arn = "arn:aws:rolesanywhere:eu-central-1:123456789012:profile/b"
role-arn = "arn:aws:iam::123456789012:role/Backup"
[[role.a.assume]]
role-arn = ""
{hop}
[[role.a.fallback]]
trust-anchor-arn = "a"
profile-arn = "p"
{fallback}
"#
    )
}

/// Values of hops and of fallbacks, beside others that are wrong.
#[test]
fn no_secret_is_shown_when_lists_are_read() {
    let line = ["roles-anywhere", "credential-process", "--role", "a"].map(str::to_owned);
    for secret in SECRETS {
        let value = serde_json::Value::from(secret);
        let texts = [
            with_lists("", "").replace("role-arn = \"\"", &format!("role-arn = {value}")),
            with_lists(&format!("external-id = {value}"), ""),
            with_lists(&format!("role-session-name = {value}"), ""),
            with_lists(&format!("policy = {value}"), ""),
            with_lists(&format!("tags = {{ Team = {value} }}"), ""),
            with_lists(&format!("tags = {{ {value} = \"ops\" }}"), ""),
            with_lists(&format!("transitive-tags = [{value}]"), ""),
            with_lists("", "").replace("anchor-arn = \"a\"", &format!("anchor-arn = {value}")),
            with_lists("", "").replace("\"p\"", &value.to_string()),
            with_lists("", &format!("endpoint = {value}")),
        ];
        for text in texts {
            assert!(text.contains(&value.to_string()), "{text}");
            let files = &FakeConfigFiles::one("/etc/roles-anywhere/config.toml", &text);
            let environment = &Environment::default();
            let inputs = PlanInputs { config_files: files, ..PlanInputs::of(environment) };
            let Err(CommandLineError::Config(error)) = plan(ALL, &line, &inputs) else {
                panic!("{text}");
            };
            let error = Error::from(error).unabridged();
            assert_hidden(secret, &format!("{error} {error:?} {:?}", error.reasons()), &text);
        }
    }
}

/// Beyond the structure: what the readers of the options say of each value.
#[test]
fn no_secret_is_shown_when_values_are_read() {
    let line = ["roles-anywhere", "credential-process", "--role", "a"].map(str::to_owned);
    let mut refused = 0;
    for secret in SECRETS {
        for (table, key) in [TableKind::Identity, TableKind::Role]
            .into_iter()
            .flat_map(|table| table.keys().map(move |row| (table, row)))
            .filter(|(_, row)| KeyType::of(row) == KeyType::Text)
        {
            let value = serde_json::Value::from(secret);
            let (identity, role) = match table {
                TableKind::Identity => (format!("{} = {value}\n", key.id()), String::new()),
                _ => (String::new(), format!("{} = {value}\n", key.id())),
            };
            let text = format!("[identity.b]\n{identity}[role.a]\n{role}");
            let files = &FakeConfigFiles::one("/etc/roles-anywhere/config.toml", &text);
            let environment = &Environment::default();
            let inputs = PlanInputs { config_files: files, ..PlanInputs::of(environment) };
            let error = match plan(ALL, &line, &inputs) {
                Ok(_) => panic!("{text}"),
                Err(CommandLineError::Config(error)) => Error::from(error),
                Err(CommandLineError::Usage(error)) => Error::from(error),
                Err(CommandLineError::Clap(error)) => panic!("{error}"),
            };
            refused += usize::from(error.to_string().contains(key.id()));
            let reasons = error.reasons();
            assert_hidden(secret, &format!("{error} {error:?} {reasons:?}"), &text);
        }
    }
    assert!(refused > 20, "{refused}");
}
