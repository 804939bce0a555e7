//! Configuration files that cannot be used, and mistakes in them.

use std::io;
use std::path::PathBuf;

use super::{CONFIG_FILE, bare};
use crate::config::files::{ConfigFileError, ConfigFileReason};
use crate::config::import::{AgentMistake, from_agent_config};
use crate::config::{Mistake, MistakeKind, Mistakes, PathReason, SyntaxReason};
use crate::error_texts::{Page, variants};
use crate::options::config_file::ConfigError;
use crate::output::error::Error;

variants!(ConfigFileReason: Unreadable Untrusted NotRegular ForeignOwner Writable NotUtf8 TooLarge);
variants!(MistakeKind:
    Syntax UnknownKey Misplaced InlinePassword Empty Type Name Dangling Missing OneOf Path Variable
    Agent Value
);
variants!(AgentMistake: Unknown NoCounterpart Value Missing BothForms);
variants!(SyntaxReason: Duplicate Quotes Unclosed NoAssignment Escape Key Depth Other);
variants!(PathReason: Unset VariableName OtherHome MayBeSecret);

#[test]
fn wrong_configuration_files_have_these_texts() {
    let mut page = Page::default();
    page.add_all(unusable(), |source| {
        Error::from(ConfigFileError { path: PathBuf::from(CONFIG_FILE), source })
    });
    for text in TEXTS {
        add_mistakes(&mut page, text);
    }
    for text in VALUES {
        let role = format!("[role.a]\n{ARNS}\n{text}");
        add_mistakes(&mut page, &role);
    }
    let nested = format!("[role.a]\nassume = {}", "[".repeat(200));
    add_mistakes(&mut page, &nested);
    for text in AGENT {
        let file = std::sync::Arc::from(std::path::Path::new("/etc/agent.toml"));
        let mistakes = from_agent_config(&file, text).unwrap_err();
        for mistake in mistakes.all() {
            see(&mut page, mistake);
        }
        page.add(&text.replace('\n', " | "), &Error::from(mistakes));
    }
    page.check_has_all::<AgentMistake>();
    page.check_has_all::<MistakeKind>();
    page.check_has_all::<SyntaxReason>();
    page.check_has_all::<PathReason>();
    page.compare("config_file");
}

fn unusable() -> Vec<ConfigFileReason> {
    let denied = io::Error::from_raw_os_error(13);
    let failed = io::Error::from_raw_os_error(5);
    vec![
        ConfigFileReason::Unreadable(denied),
        ConfigFileReason::Unreadable(failed),
        ConfigFileReason::Untrusted(io::Error::other("it is a socket")),
        ConfigFileReason::NotRegular,
        ConfigFileReason::ForeignOwner { owner: 1001, mode: 0o644, user: 0 },
        ConfigFileReason::ForeignOwner { owner: 1001, mode: 0o644, user: 1000 },
        ConfigFileReason::Writable { owner: 0, mode: 0o664 },
        ConfigFileReason::NotUtf8 { line: 3 },
        ConfigFileReason::TooLarge { limit: 1024 * 1024 },
    ]
}

const ARNS: &str = r#"role-arn = "arn:aws:iam::123456789012:role/A"
trust-anchor-arn = "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a"
profile-arn = "arn:aws:rolesanywhere:eu-central-1:123456789012:profile/p""#;

/// Files with one mistake each.
const TEXTS: &[&str] = &[
    // Not TOML.
    "[role.a]\nrole-arn = arn:aws",
    "[role.a]\nrole-arn =",
    "[role.a]\nrole-arn",
    "[role.a]\nrole-arn: 'a'",
    "[role.a]\nassume = [{ role-arn }]",
    "[role.a]\nassume = [{ role-arn = , external-id = 'a' }]",
    "[role.a]\nrole-arn = 'a'\nrole-arn = 'b'",
    "[role.a]\n[role.a]",
    "[role.a",
    "[role.a]\nrole-arn = \"a",
    "[identity.a]\ncertificate = \"C:\\pki\\host.pem\"",
    "a$b = 1",
    "[role.a]\nrole-arn = '''a",
    // Keys and tables.
    "[role.a]\nrole-arm = 'a'",
    "[role.a]\nzzz = 'a'",
    "[role.a]\nwJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY = 'a'",
    "[rolle.a]",
    "[role.a]\ncertificate = 'a'",
    "[role.a]\ndefault-role = 'a'",
    "[identity.a]\npkcs8-password = 'a'",
    "[role.a]\nproxy = 'http://me:a@proxy:3128'",
    "[role.a]\nprofile-arn = ''",
    "[role.a]\nsession-duration = '3600'",
    "[role.a]\nfips = 1",
    "[role.a]\nassume = { role-arn = 'a' }",
    "role = 'a'",
    "[role.'a b']",
    "[identity.'']",
    "default-role = 'bakcup'\n[role.backup]",
    "default-role = 'zzz'\n[role.backup]",
    "[identity.a]\n[identity.b]\n[role.a]\nidentity = 'zzz'",
    "[identity.a]\n[identity.b]\n[role.a]",
    "[role.a]\nassume = [{ external-id = 'a' }]",
    "[role.a]\nfallback = [{ }]",
    "[exec.a]\nrole = 'zzz'\n[role.a]",
    "[exec.a]\ncommand = []",
    "[exec.a]\ncommand = 'server'",
    "[exec.a.env]\nPORT = 80",
    // What of secrets is served.
    "secrets = 'a'",
    "[secrets]\nttl = '300'",
    "[secrets]\nallow = []",
    "[secrets]\nallow = 'prod/*'",
    "[secrets]\ntoken = 'a'",
    "[secrets.token.web]",
    "[secrets.token.web]\nfile = '/a'\nenv = 'A'",
    "[secrets.token.web]\nvalue = 'a'",
    "[secrets]\nprefetch = [{}]",
    "[secrets]\nprefetch = [{ secret = 'a', path = '/b/' }]",
    "[secrets]\nprefetch = [{ path = '/b/', tag-value = 'a' }]",
    "[secrets]\nprefetch = [{ secret = 'a', role = 'zzz' }]\n[role.a]",
    "[secrets]\nallowed-roles = ['zzz']\n[role.a]",
];

/// Configurations of AWS's agent with one mistake each.
const AGENT: &[&str] = &[
    "ttl_second = 3",
    "zzz = 3",
    "Hunter2 = 3",
    "max_roles = 3",
    "log_level = 'DEBUG'",
    "[capabilities.acm]\nenabled = true",
    "max_conn = 0",
    "ttl_seconds = 3\n[logging]\nlog_level = 'info'",
    "[[prefetch.secrets]]\nrole_arn = 'arn:aws:iam::123456789012:role/A'",
];

/// Files of a complete role `a` with a mistake in a value.
const VALUES: &[&str] = &[
    "[identity.a]\ncertificate = '${PKI}/host.pem'",
    "[identity.a]\ncertificate = '${pki}/host.pem'",
    "[identity.a]\ncertificate = '${host.pem'",
    "[identity.a]\ncertificate = '~alice/host.pem'",
    "[identity.a]\ncertificate = 'wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY'",
    // The page `roles` has more values that options refuse.
    "[defaults]\ntimeout = 0",
    "[exec.a]\nenv = { DB = 'sm://db#' }",
];

/// Adds the error of a file.
fn add_mistakes(page: &mut Page, text: &str) {
    let mistakes = mistakes(text);
    for mistake in mistakes.all() {
        see(page, mistake);
    }
    let lines = text.replace(ARNS, "…");
    let lines = lines.lines().map(|line| line.chars().take(60).collect());
    let heading = lines.collect::<Vec<String>>().join(" | ");
    page.add(&heading, &Error::from(mistakes));
}

fn mistakes(text: &str) -> Mistakes {
    let example = bare("credential-process --role a").with_config(text);
    match example.refused() {
        Some(Err(ConfigError::Mistakes(mistakes))) => mistakes,
        other => panic!("{text}: {other:?}"),
    }
}

fn see(page: &mut Page, mistake: &Mistake) {
    page.see(&mistake.kind);
    match &mistake.kind {
        MistakeKind::Syntax(reason) => _ = page.see(reason),
        MistakeKind::Path { reason, .. } => _ = page.see(reason),
        MistakeKind::Agent(mistake) => _ = page.see(mistake),
        _ => {}
    }
}
