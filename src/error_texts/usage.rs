//! Wrong command lines and variables. Each line of the lists below is an example, printed above its
//! error. A value that an option refuses needs no line: all options are given a wrong value.

mod config_file;

use std::collections::BTreeSet;

use super::{Page, variants};
use crate::command::{ALL, CommandEntry, CommandLineError, PlanInputs, plan};
use crate::credentials_file::ProfileNameError;
use crate::options::clap_error::argument_error;
use crate::options::command_line::CommandSpec;
use crate::options::config_file::{ConfigError, no_file};
use crate::options::table::identity::NOT_YET;
use crate::options::table::{OptionSpec, Syntax};
use crate::output::error::Error;
use crate::output::usage::{ArgumentError, CommandLinePart, Meant, RoleError, UsageError};
use crate::test_support::FakeConfigFiles;
use roles_anywhere_client::arn::ArnError;
use roles_anywhere_client::http::EndpointError;
use roles_anywhere_client::http::proxy::ProxyError;
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::text::disclosure::{KeyMaterialKind, PathExists};

variants!(UsageError:
    Missing KeyMaterial KeyMaterialForName Arn Endpoint Proxy Profile Value NoSuchPath Unexpanded NotUtf8
    FlagAsValue Argument Role Regions Partitions Conflict Dependent Nested NoVariable NotYet References
);
variants!(RoleError:
    Variables Flags Several Unknown UnknownApp Ambiguous None NoProfile NoSuchFile NoFile
);
variants!(ArgumentError:
    Unexpected UnknownCommand Missing NoValue Choice Detached Hidden UnexpectedValue
);
variants!(Meant: Option AfterCommand OptionOf PartOfValue NoneOf NoCommand NoLetterOf);
variants!(CommandLinePart: Argument Command Value);
variants!(ArnError:
    Malformed TooLong Partition Kind NoResource Account Region RegionPartition GlobalResource Character
);
variants!(EndpointError: Malformed Scheme Plain UserInformation Path Host);
variants!(ProxyError: Malformed Scheme Host);
variants!(ProfileNameError: Empty Character Blanks Defaults);
variants!(KeyMaterialKind: PrivateKey Certificate Encoded);

/// Variables that make every command complete.
const COMPLETE: &[(&str, &str)] = &[
    ("ROLES_ANYWHERE_CERTIFICATE", "cert.pem"),
    ("ROLES_ANYWHERE_PRIVATE_KEY", "key.pem"),
    (
        "ROLES_ANYWHERE_TRUST_ANCHOR_ARN",
        "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a",
    ),
    ("ROLES_ANYWHERE_PROFILE_ARN", "arn:aws:rolesanywhere:eu-central-1:123456789012:profile/p"),
    ("ROLES_ANYWHERE_ROLE_ARN", "arn:aws:iam::123456789012:role/R"),
];

const KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2";
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";

/// The configuration file of the examples.
const CONFIG_FILE: &str = "/etc/roles-anywhere/config.toml";

/// A command line with variables.
struct Example {
    words: Vec<String>,
    variables: Vec<(String, String)>,
    /// The configuration file, if there is one.
    config: Option<String>,
}

/// Returns a command line with the variables of [`COMPLETE`].
fn example(line: &str) -> Example {
    Example { variables: owned(COMPLETE), ..bare(line) }
}

/// Returns a command line without any variable.
fn bare(line: &str) -> Example {
    let words = line.split(' ').filter(|word| !word.is_empty());
    // A word without letters cannot be written in the list.
    let words = words.map(|word| word.replace("EMPTY", "").replace("KEY", KEY));
    Example { words: words.collect(), variables: Vec::new(), config: None }
}

fn owned(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

impl Example {
    /// Sets a variable.
    fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a configuration file.
    fn with_config(self, config: &str) -> Self {
        Self { config: Some(config.to_owned()), ..self }
    }

    /// Adds an argument.
    fn and(mut self, word: &str) -> Self {
        self.words.push(word.to_owned());
        self
    }

    /// Returns the error, if it is one. It is not about the configuration file.
    fn error(&self) -> Option<UsageError> {
        self.refused().map(|error| error.unwrap_or_else(|error| panic!("there is a file: {error}")))
    }

    /// Returns the error, if it is one: of the command line, else of the configuration file.
    fn refused(&self) -> Option<Result<UsageError, ConfigError>> {
        let paths = PathExists(&|_| false);
        let program = "roles-anywhere".to_owned();
        let words: Vec<String> = [program].into_iter().chain(self.words.clone()).collect();
        let environment = Environment::new(self.variables.clone());
        let file = self.config.as_deref().map(|text| FakeConfigFiles::one(CONFIG_FILE, text));
        let inputs =
            PlanInputs { config_files: &file.unwrap_or_default(), ..PlanInputs::of(&environment) };
        match plan(ALL, &words, &inputs) {
            Ok(_) => None,
            Err(CommandLineError::Usage(error)) => Some(Ok(error)),
            Err(CommandLineError::Config(error)) => Some(Err(error)),
            Err(CommandLineError::Clap(error)) => {
                Some(Ok(UsageError::Argument(argument_error(&error, &words, &specs(), paths))))
            }
        }
    }

    /// Returns the command line, as it is typed in a shell.
    fn shown(&self) -> String {
        let own = self
            .variables
            .iter()
            .filter(|(name, value)| !COMPLETE.contains(&(name.as_str(), value.as_str())));
        let own = own.map(|(name, value)| format!("{name}={}", quoted(value)));
        let words = self.words.iter().map(|word| quoted(word));
        let program = "roles-anywhere".to_owned();
        own.chain([program]).chain(words).collect::<Vec<_>>().join(" ")
    }
}

/// Returns a word as it is typed in a shell, cut if it is long.
fn quoted(word: &str) -> String {
    let short: String = word.chars().take(100).collect();
    let short = if short == word { short } else { format!("{short}…") };
    let is_plain = |c: char| c.is_alphanumeric() || "-_=:/.,@…".contains(c);
    if !short.is_empty() && short.chars().all(is_plain) { short } else { format!("'{short}'") }
}

fn specs() -> Vec<CommandSpec> {
    ALL.iter().map(|command| *command.spec()).collect()
}

/// Adds the error of a command line, and notes what is an example of what.
fn add(page: &mut Page, example: &Example) {
    let error = example.refused().unwrap_or_else(|| panic!("no error: {}", example.shown()));
    let printed = match error {
        Ok(error) => {
            see(page, &error);
            Error::from(error)
        }
        Err(error) => Error::from(error),
    };
    page.add(&example.shown(), &printed);
}

fn see(page: &mut Page, error: &UsageError) {
    page.see(error);
    match error {
        UsageError::Arn { source, .. } => _ = page.see(source),
        UsageError::Endpoint { source, .. } => _ = page.see(source),
        UsageError::Proxy { source, .. } => _ = page.see(source),
        UsageError::Profile { source, .. } => _ = page.see(source),
        UsageError::KeyMaterial { contents, .. } => _ = page.see(contents),
        UsageError::Role(error) => _ = page.see(&**error),
        UsageError::Argument(error) => {
            page.see(error);
            match error {
                ArgumentError::Unexpected { meant, .. } => _ = page.see(meant),
                ArgumentError::Hidden { part, .. } => _ = page.see(part),
                _ => {}
            }
        }
        _ => {}
    }
}

#[test]
fn wrong_command_lines_have_these_texts() {
    let pages = [
        ("arguments", arguments()),
        ("combinations", combinations()),
        ("roles", roles()),
        ("values", values()),
        ("contents", contents()),
        ("key_material", key_material()),
    ];
    let mut all = Page::default();
    for (_, page) in &pages {
        all.seen.extend(&page.seen);
    }
    all.check_has_all::<UsageError>();
    all.check_has_all::<RoleError>();
    for (name, page) in &pages {
        page.compare(name);
    }
}

/// What clap rejects.
fn arguments() -> Page {
    let mut page = Page::default();
    let lines = [
        "credential-process --certificat x",
        "credential-process --out=a",
        "--debug serve",
        "cache clear --frobnicate",
        "--frobnicate",
        "serve -q",
        "serve --help=1",
        "serve x",
        "serve ./x",
        "serve KEY",
        "credentials",
        "zzz",
        "KEY",
        "completion",
        "completion basch",
        "completion KEY",
        "serve --region",
        "serve --allow-remote imds",
        "serve --allow-remote hunter2",
    ];
    for line in lines {
        add(&mut page, &example(line));
    }
    page.check_has_all::<ArgumentError>();
    page.check_has_all::<Meant>();
    page.check_has_all::<CommandLinePart>();
    page
}

/// Options that are missing, and options that do not go together.
fn combinations() -> Page {
    let mut page = Page::default();
    let frankfurt = "arn:aws:rolesanywhere:us-east-1:123456789012:profile/p";
    let chinese = "arn:aws-cn:iam::123456789012:role/R";
    let secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-a1b2c3";
    let examples = [
        bare("credential-process"),
        bare("credential-process --certificate EMPTY").with("ROLES_ANYWHERE_ROLE_ARN", ""),
        bare("secret get"),
        example("secret get"),
        example("credential-process").with("ROLES_ANYWHERE_ROLE_ARN", ""),
        bare("read-certificate-data"),
        bare("sign-string"),
        example("credential-process --certificate --private-key --debug"),
        example("credential-process --region us-east-1"),
        example("credential-process").with("ROLES_ANYWHERE_PROFILE_ARN", frankfurt),
        example("credential-process").with("ROLES_ANYWHERE_ROLE_ARN", chinese),
        example("secret get db --region cn-north-1"),
        example("secret get --region us-east-1").and(secret),
        example("secret get db --key a --output json"),
        example("resolve prod/db#password"),
        example("resolve"),
        example("credential-process --fips --endpoint https://a.example"),
        example("credential-process --region eu-central-1-fips --endpoint https://a.example"),
        example("credential-process --proxy none --with-proxy"),
        example("credential-process --key-password-env A --key-password-fd 3"),
        example("credential-process --no-cache --cache-dir /tmp/a"),
        example("credential-process --private-key pkcs11:object=a"),
        example("render a b"),
        example("render a --check"),
        example("render a --out b --out-dir c"),
        example("render a/x b/x --out-dir c"),
        example("render a --format json --env A=b"),
        example("render a --env A=b"),
        example("render --env A=b"),
        example("render --format json"),
        example("render --format json --env A=b --out-dir c"),
        example("render --format json --env A=b --syntax jinja"),
        example("export --format github"),
        bare("export --format dotenv --unset"),
        example("serve --port 1 --listen 127.0.0.1:1"),
        example("serve --no-imds --no-container"),
        example("serve --secrets"),
        example("serve --secrets --no-imds --no-container --port 1"),
        example("serve --allow-remote=imds --no-imds"),
        example("serve --allow-remote --no-container"),
        example("serve --token-file a --no-container"),
        example("exec a").with("ROLES_ANYWHERE_EXEC", "backup"),
    ];
    for example in examples.into_iter().chain(through_serve()) {
        add(&mut page, &example);
    }
    not_supported_yet(&mut page);
    page
}

fn not_supported_yet(page: &mut Page) {
    for option in NOT_YET {
        let word = match option.syntax {
            Syntax::Value => format!("{}=1", option.name),
            _ => option.name.to_owned(),
        };
        add(page, &example("credential-process").and(&word));
    }
}

/// Roles of the configuration file that cannot be used, and wrong values of the file.
fn roles() -> Page {
    const TWO: &str = r#"
[identity.host]
certificate = "host.pem"

[role.backup]
role-arn = "arn:aws:iam::123456789012:role/Backup"
trust-anchor-arn = "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a"
profile-arn = "arn:aws:rolesanywhere:us-east-1:123456789012:profile/p"
session-duration = 1

[role.reader]
role-arn = "arn:aws-cn:iam::123456789012:role/Reader"
trust-anchor-arn = "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a"
profile-arn = "arn:aws:rolesanywhere:eu-central-1:123456789012:profile/p"
"#;
    let mut page = Page::default();
    let process = |options: &str| bare(&format!("credential-process {options}"));
    let examples = [
        process("--role backup").with("ROLES_ANYWHERE_ROLE_ARN", "arn"),
        example("credential-process").with("ROLES_ANYWHERE_ROLE", "backup"),
        process("--role backup"),
        process("--role backup").with("HOME", "/root"),
        process("--config a.toml"),
        process("").with("ROLES_ANYWHERE_CONFIG", "a.toml"),
        bare("serve --role backup --role reader --role-arn arn").with_config(TWO),
        bare("serve --role backup --role reader --role-arn arn --certificate a.pem")
            .with_config(TWO),
        process("--role backup --role reader").with_config(TWO),
        bare("update --role backup --role reader").with_config(TWO),
        process("--role bakcup").with_config(TWO),
        process("--role zzz").with_config(TWO),
        process("--role zzz").with_config(""),
        process("").with_config(TWO),
        process("").with_config(""),
        process("--role backup").with_config(TWO),
        process("--role backup --session-duration 900").with_config(TWO),
        process("--role reader").with_config(TWO),
        process("--role reader").with_config("[role.reader]"),
        bare("update").with_config(TWO),
        bare("exec --app wbe").with_config(&format!("{TWO}[exec.web]\nrole = 'reader'\n")),
        bare("exec --app zzz").with_config(&format!("{TWO}[exec.web]\n")),
        bare("exec --app zzz").with_config(TWO),
        bare("exec --app web"),
    ];
    for example in examples {
        add(&mut page, &example);
    }
    // These commands look for the file when they run.
    let environment = Environment::new([("HOME".to_owned(), "/root".to_owned())]);
    for command in ["config check", "roles"] {
        page.add(
            &format!("HOME=/root roles-anywhere {command}"),
            &no_file(&environment, None).into(),
        );
    }
    page
}

/// Command lines that read through a running `serve`, or do not quite.
fn through_serve() -> Vec<Example> {
    const URL: &str = "--secrets-url http://127.0.0.1:2773";
    let with_token = |line: &str| bare(&format!("{line} {URL}")).with("AWS_TOKEN", "token");
    vec![
        bare(&format!("watch sm://a {URL}")),
        bare("watch sm://a --secrets-token-file /run/token"),
        with_token("watch"),
        with_token("render"),
        with_token("watch sm://a --role app"),
        with_token("watch sm://a --secrets-ttl 1m"),
        with_token("resolve sm://a --region eu-central-1"),
        with_token("resolve sm://a --explain"),
        with_token("exec --env A=sm://a --credentials"),
        with_token("exec --app web"),
        with_token("exec"),
    ]
}

/// What each option says of a wrong value and of an empty one.
fn values() -> Page {
    let mut page = Page::default();
    let mut done = BTreeSet::new();
    for command in ALL {
        for option in command.options().filter(|option| option.name.starts_with("--")) {
            // Those that do not work yet are on the page of combinations.
            if NOT_YET.contains(&option)
                || !done.insert((
                    (option.name, option.own_variable()),
                    option.choices,
                    option.value_name(),
                ))
            {
                continue;
            }
            let wrong = ["forever", "~/a"].map(|value| with_value(command, option, value));
            let wrong = wrong.into_iter().find(|example| example.error().is_some());
            let empty = with_value(command, option, "");
            let empty = Some(empty).filter(|example| example.error().is_some());
            for example in wrong.into_iter().chain(empty) {
                add(&mut page, &example);
            }
        }
    }
    page
}

/// Returns a command line with a value for an option, complete but for that.
fn with_value(command: &CommandEntry, option: &OptionSpec, value: &str) -> Example {
    let name = command.spec().full_name();
    // The variables of `example` cannot be used beside `--role`.
    let mut line = if option.name == "--role" { bare(&name) } else { example(&name) };
    match name.as_str() {
        "config import" if option.name != "--file" => line = line.and("--file=config"),
        "secret get" | "secret describe" => line = line.and("db"),
        "parameter get" => line = line.and("/prod/db"),
        "parameter list" if option.name != "--path" => line = line.and("--path=/prod/"),
        "render" => line = line.and("app.conf.tmpl"),
        "watch" => line = line.and("sm://prod/db"),
        "update" if option.name != "--credentials-file" => line = line.and("--credentials-file=c"),
        _ => {}
    }
    line.and(&format!("{}={value}", option.name))
}

/// Wrong ARNs, URLs, profiles and keys in the place of their names.
fn contents() -> Page {
    let mut page = Page::default();
    let role = "ROLES_ANYWHERE_ROLE_ARN";
    let anchor = "ROLES_ANYWHERE_TRUST_ANCHOR_ARN";
    let process = || example("credential-process");
    for value in [
        "my-role",
        "arn:aws:iam:eu-central-1:123456789012:role/R",
        "arn:aws:iam::1234:role/R",
        "arn:amazon:iam::123456789012:role/R",
        "arn:aws:iam::123456789012:user/me",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:iam::123456789012:role/a\"b",
        &format!("arn:aws:iam::123456789012:role/{}", "a".repeat(1_011)),
    ] {
        add(&mut page, &process().with(role, value));
    }
    for value in [
        "arn:aws:rolesanywhere:nowhere:123456789012:trust-anchor/a",
        "arn:aws-cn:rolesanywhere:eu-central-1:123456789012:trust-anchor/a",
        "arn:aws:rolesanywhere:eu-central-1:123456789012:profile/p",
    ] {
        add(&mut page, &process().with(anchor, value));
    }
    page.check_has_all::<ArnError>();
    let urls = [
        "https://[a",
        "ftp://a.example",
        "http://a.example",
        "https://me:hunter2@a.example",
        "https://a.example/b",
        "https://a$b",
    ];
    for url in urls {
        add(&mut page, &process().and("--endpoint").and(url));
    }
    page.check_has_all::<EndpointError>();
    for url in ["http://[a", "ftp://a.example", "socks5://"] {
        add(&mut page, &process().and("--proxy").and(url));
    }
    page.check_has_all::<ProxyError>();
    for profile in ["a]b", " a", "DEFAULT"] {
        let example = example("update --credentials-file c --profile").and(profile);
        add(&mut page, &example);
        if let Some(UsageError::Profile { origin, .. }) = example.error() {
            // An empty value counts as not given, before it gets there.
            let error = UsageError::Profile { origin, source: ProfileNameError::Empty };
            see(&mut page, &error);
        }
    }
    page.check_has_all::<ProfileNameError>();
    page
}

/// Keys and certificates where a name is expected, and what is not text.
fn key_material() -> Page {
    let mut page = Page::default();
    for option in
        ["--certificate", "--private-key", "--intermediates", "--ca-bundle", "--cache-dir"]
    {
        for contents in [KEY, CERTIFICATE, "-----BEGIN X509 CRL-----"] {
            add(&mut page, &example("credential-process").and(option).and(contents));
        }
    }
    for option in ["--key-password-env", "--key-password-fd", "--key-password-file", "--region"] {
        add(&mut page, &example("credential-process").and(option).and(KEY));
    }
    add(&mut page, &example("credential-process --private-key env:KEY"));
    add(&mut page, &example("secret get KEY"));
    add(&mut page, &example("secret get db --out KEY"));
    // Too short to be recognized as a key, and too random to be shown.
    let random = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY";
    add(&mut page, &example("secret get db --out").and(random));
    add(&mut page, &example("version").with("HTTPS_PROXY", "http://\u{10fffc}"));
    page.check_has_all::<KeyMaterialKind>();
    page
}
