//! Which file and which role each command line uses.

use std::any::Any;

use crate::command::credential_process::CredentialProcess;
use crate::command::{ALL, CommandLineError, PlanInputs, plan};
use crate::options::session_plan::SessionPlan;
use crate::test_support::FakeConfigFiles;
use roles_anywhere_client::ports::Environment;

const USUAL: &str = "/home/u/.config/roles-anywhere/config.toml";
const GIVEN: &str = "/given.toml";

/// Returns a file of two roles whose sessions are of `duration` seconds, of which the second one is the
/// default.
fn text(duration: u32) -> String {
    format!(
        r#"
        default-role = "two"
        [identity.host]
        certificate = "/file.pem"
        [defaults]
        trust-anchor-arn = "{}"
        profile-arn = "{}"
        session-duration = {duration}
        [role.one]
        role-arn = "{}"
        [role.two]
        role-arn = "{}"
        "#,
        anchor("File"),
        profile("File"),
        role("One"),
        role("Two"),
    )
}

fn anchor(id: &str) -> String {
    format!("arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/{id}")
}

fn profile(id: &str) -> String {
    format!("arn:aws:rolesanywhere:eu-central-1:123456789012:profile/{id}")
}

fn role(id: &str) -> String {
    format!("arn:aws:iam::123456789012:role/{id}")
}

/// Returns the flags of a command line from before there was a file.
fn full(id: &str) -> Vec<(&'static str, String)> {
    vec![
        ("certificate", format!("/{id}.pem")),
        ("trust-anchor-arn", anchor(id)),
        ("profile-arn", profile(id)),
        ("role-arn", role(id)),
    ]
}

fn as_flags(options: &[(&str, String)]) -> Vec<String> {
    options.iter().map(|(name, value)| format!("--{name}={value}")).collect()
}

fn as_variables(options: &[(&str, String)]) -> Vec<(String, String)> {
    let name = |name: &str| format!("ROLES_ANYWHERE_{}", name.to_uppercase().replace('-', "_"));
    options.iter().map(|(option, value)| (name(option), value.clone())).collect()
}

fn planned(
    words: &[String],
    variables: &[(String, String)],
    files: &FakeConfigFiles,
) -> Result<SessionPlan, String> {
    let home = ("HOME".to_owned(), "/home/u".to_owned());
    let environment = Environment::new(variables.iter().cloned().chain([home]));
    let line = ["roles-anywhere", "credential-process"].map(str::to_owned);
    let line: Vec<String> = line.into_iter().chain(words.iter().cloned()).collect();
    let inputs = PlanInputs { config_files: files, ..PlanInputs::of(&environment) };
    let plan: Box<dyn Any> = plan(ALL, &line, &inputs).map_err(|error| error.to_string())?;
    Ok(plan.downcast::<CredentialProcess>().expect("it is the plan of this command").session)
}

/// Returns the role and the duration of a plan, and which file was read, if one was.
fn outcome(words: &[String], variables: &[(String, String)], files: &FakeConfigFiles) -> String {
    let plan = planned(words, variables, files);
    let asked: Vec<String> =
        files.asked.take().iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let file = match asked.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => "",
        [USUAL] => " of the usual file",
        [GIVEN] => " of the given file",
        _ => " of other files",
    };
    match plan {
        Ok(plan) => {
            let session = plan.provider.session;
            let arn = session.role.to_string();
            let role = arn.rsplit('/').next().unwrap_or_default();
            format!("{role} {}{file}", session.duration.seconds().unwrap_or_default())
        }
        Err(error) if error.contains("cannot be used together") && asked.is_empty() => {
            "refused".to_owned()
        }
        Err(error) => format!("{error}{file}"),
    }
}

/// Rows: whether flags, and whether variables give identity and ARNs; whether `--role one` is given;
/// whether the variable names `two`. Columns: no file, `--config`, the variable for the file.
#[test]
fn every_combination_of_flags_variables_role_and_file() {
    const LINE: [&str; 3] = ["Flag 3600", "Flag 902 of the given file", "Flag 3600"];
    const ONE: [&str; 3] =
        ["One 901 of the usual file", "One 902 of the given file", "One 902 of the given file"];
    const TWO: [&str; 3] =
        ["Two 901 of the usual file", "Two 902 of the given file", "Two 902 of the given file"];
    const FLAGS_OF_ONE: [&str; 3] =
        ["Flag 901 of the usual file", "Flag 902 of the given file", "Flag 902 of the given file"];
    const REFUSED: [&str; 3] = ["refused"; 3];
    let rows = [
        // flags, variables, --role, the variable for the role
        ([false, false, false, false], TWO),
        ([false, false, false, true], TWO),
        ([false, false, true, false], ONE),
        ([false, false, true, true], ONE),
        (
            [false, true, false, false],
            ["Variable 3600", "Variable 902 of the given file", "Variable 3600"],
        ),
        ([false, true, false, true], REFUSED),
        ([false, true, true, false], REFUSED),
        ([false, true, true, true], REFUSED),
        ([true, false, false, false], LINE),
        ([true, false, false, true], LINE),
        ([true, false, true, false], FLAGS_OF_ONE),
        ([true, false, true, true], FLAGS_OF_ONE),
        ([true, true, false, false], LINE),
        ([true, true, false, true], LINE),
        ([true, true, true, false], REFUSED),
        ([true, true, true, true], REFUSED),
    ];
    let files = FakeConfigFiles::of(&[(USUAL, &text(901)), (GIVEN, &text(902))]);
    let config = || vec![("config", GIVEN.to_owned())];
    for ([flags, variables, role, role_variable], expected) in rows {
        for (column, expected) in expected.into_iter().enumerate() {
            let mut words = if flags { as_flags(&full("Flag")) } else { Vec::new() };
            let mut environment =
                if variables { as_variables(&full("Variable")) } else { Vec::new() };
            if role {
                words.push("--role=one".to_owned());
            }
            if role_variable {
                environment.extend(as_variables(&[("role", "two".to_owned())]));
            }
            match column {
                1 => words.extend(as_flags(&config())),
                2 => environment.extend(as_variables(&config())),
                _ => {}
            }
            let row = [flags, variables, role, role_variable];
            assert_eq!(outcome(&words, &environment, &files), expected, "{row:?} {column}");
        }
    }
}

/// One of them is enough: the line may get the others from variables.
#[test]
fn each_option_of_an_identity_or_an_arn_keeps_the_file_closed() {
    let options = [
        "certificate",
        "private-key",
        "intermediates",
        "trust-anchor-arn",
        "profile-arn",
        "role-arn",
    ];
    let files = FakeConfigFiles::one(USUAL, "not even TOML");
    for option in options {
        let given = [(option, "/x".to_owned())];
        for (words, variables) in
            [(as_flags(&given), Vec::new()), (Vec::new(), as_variables(&given))]
        {
            files.asked.take();
            planned(&words, &variables, &files).unwrap_err();
            assert_eq!(files.asked.take().len(), 0, "{words:?} {variables:?}");
        }
        // Refused by the file, not by the choice.
        let role = [as_flags(&given), vec!["--role=one".to_owned()]].concat();
        let error = planned(&role, &[], &files).unwrap_err();
        assert!(error.contains("configuration file"), "{error}");
        let words = ["--role=one".to_owned()];
        let error = planned(&words, &as_variables(&given), &files).unwrap_err();
        assert!(error.contains("cannot be used together"), "{error}");
    }
}

#[test]
fn all_variables_beside_a_role_are_named_at_once() {
    let variables = [
        as_variables(&full("Variable")),
        as_variables(&[
            ("role-session-name", "me".to_owned()),
            ("session-duration", "900".to_owned()),
            ("key-password-file", "/p".to_owned()),
            // These are of no role.
            ("strict-permissions", "true".to_owned()),
            ("timeout", "5".to_owned()),
            ("debug", "false".to_owned()),
        ]),
    ]
    .concat();
    let error = planned(&["--role=one".to_owned()], &variables, &FakeConfigFiles::default());
    assert_eq!(
        error.unwrap_err(),
        "`--role` and the variables `ROLES_ANYWHERE_CERTIFICATE`, \
         `ROLES_ANYWHERE_KEY_PASSWORD_FILE`, `ROLES_ANYWHERE_TRUST_ANCHOR_ARN`, \
         `ROLES_ANYWHERE_PROFILE_ARN`, `ROLES_ANYWHERE_ROLE_ARN`, \
         `ROLES_ANYWHERE_ROLE_SESSION_NAME`, `ROLES_ANYWHERE_SESSION_DURATION` cannot be used \
         together"
    );
}

/// Rows: the flags of a line with several roles, and those that are refused.
#[test]
fn flags_of_one_role_are_refused_with_several() {
    const OF_ONE_ROLE: &[&str] = &[
        "--certificate=/x.pem",
        "--private-key=/x.key",
        "--intermediates=/x.pem",
        "--key-password-file=/p",
        "--key-password-env=P",
        "--key-password-fd=3",
        "--pkcs8-password=p",
        "--trust-anchor-arn=arn",
        "--profile-arn=arn",
        "--role-arn=arn",
        "--role-session-name=me",
        "--assume-role-arn=arn",
        "--external-id=x",
    ];
    const SHARED: &[&str] = &[
        "--session-duration=1000",
        "--region=eu-central-1",
        "--endpoint=https://example.com",
        "--timeout=5",
        "--proxy=none",
        "--strict-permissions",
        "--role-arn=",
    ];
    let with_profile = |text: &str, role: &str| {
        let heading = format!("[role.{role}]");
        text.replace(&heading, &format!("{heading}\naws-profile = \"{role}\""))
    };
    let text = with_profile(&with_profile(&text(901), "one"), "two");
    let files = FakeConfigFiles::of(&[(USUAL, &text), (GIVEN, &text)]);
    let environment = Environment::new([("HOME".to_owned(), "/home/u".to_owned())]);
    let error = |line: &[&str]| {
        let line: Vec<String> =
            ["roles-anywhere"].iter().chain(line).map(|word| (*word).to_owned()).collect();
        let inputs = PlanInputs { config_files: &files, ..PlanInputs::of(&environment) };
        plan(ALL, &line, &inputs).err().map(|error| error.to_string())
    };
    let given = format!("--config={GIVEN}");
    for line in [
        &["serve", &given][..],
        &["serve", "--role=one", "--role=two"],
        &["update", &given],
        &["config", "show", &given],
    ] {
        for flag in OF_ONE_ROLE {
            let name = flag.split('=').next().unwrap();
            let expected = format!("several roles and the option `{name}` cannot be used together");
            assert_eq!(error(&[line, &[*flag]].concat()), Some(expected), "{line:?}");
        }
        for flag in SHARED {
            assert_eq!(error(&[line, &[*flag]].concat()), None, "{line:?} {flag}");
        }
        assert_eq!(
            error(&[line, &["--role-arn=arn", "--certificate=/x.pem"]].concat()).unwrap(),
            "several roles and the options `--certificate`, `--role-arn` cannot be used together"
        );
    }
    // With one role, such a flag replaces the value of the role.
    for line in [&["serve", "--role=one"][..], &["update", "--role=one"]] {
        assert_eq!(error(&[line, &["--role-session-name=me"]].concat()), None, "{line:?}");
    }
}

#[test]
fn second_role_is_refused_by_a_command_of_one_role() {
    let files = FakeConfigFiles::of(&[(GIVEN, &text(901))]);
    let environment = Environment::new([("HOME".to_owned(), "/home/u".to_owned())]);
    let error = |line: &str| {
        let line = format!("roles-anywhere {line}");
        let line: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let inputs = PlanInputs { config_files: &files, ..PlanInputs::of(&environment) };
        match plan(ALL, &line, &inputs).err()? {
            CommandLineError::Usage(error) => Some(error.to_string()),
            error => panic!("not a usage error: {error}"),
        }
    };
    let refused = Some("`--role` is given more than once".to_owned());
    for command in ["credential-process", "secret get db", "read-certificate-data", "update"] {
        for roles in ["--role one --role two", "--role=two --role=two"] {
            let line = format!("{command} --config {GIVEN} {roles}");
            assert_eq!(error(&line), refused, "{line}");
        }
        // The last one of other options counts.
        assert_eq!(error(&format!("{command} --role two --config /no --config {GIVEN}")), None);
    }
    for command in ["serve", "roles", "config show"] {
        let line = format!("{command} --config {GIVEN} --role one --role two");
        assert_eq!(error(&line), None, "{line}");
    }
}

#[test]
fn a_value_is_of_the_flag_then_the_variable_then_the_role_then_the_defaults() {
    let text = format!("{}\nsession-duration = 1200\n", text(901));
    let files = FakeConfigFiles::one(USUAL, &text);
    let duration = |words: &[&str], variables: &[(String, String)]| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        planned(&words, variables, &files).unwrap().provider.session.duration.seconds().unwrap()
    };
    let variable = as_variables(&[("session-duration", "1100".to_owned())]);
    assert_eq!(duration(&["--session-duration=1000"], &variable), 1000);
    assert_eq!(duration(&[], &variable), 1100);
    assert_eq!(duration(&[], &[]), 1200);
    assert_eq!(duration(&["--role=one"], &[]), 901);
    assert_eq!(duration(&["--role=one", "--session-duration="], &[]), 901);
}

#[test]
fn the_first_of_the_usual_files_that_exists_is_used() {
    let (xdg, etc) = ("/xdg/roles-anywhere/config.toml", "/etc/roles-anywhere/config.toml");
    let read = |variables: &[(&str, &str)], existing: &[&str]| {
        let text = text(901);
        let all: Vec<(&str, &str)> = existing.iter().map(|file| (*file, text.as_str())).collect();
        let files = FakeConfigFiles::of(&all);
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables: Vec<_> = variables.iter().map(owned).collect();
        let is_planned = planned(&["--role=one".to_owned()], &variables, &files).is_ok();
        let asked = files.asked.take();
        (is_planned, asked.last().map(|path| path.to_string_lossy().into_owned()))
    };
    let found = |path: &str| (true, Some(path.to_owned()));
    let home = [("XDG_CONFIG_HOME", "/xdg")];
    assert_eq!(read(&home, &[xdg, USUAL, etc]), found(xdg));
    assert_eq!(read(&home, &[USUAL, etc]), found(etc));
    assert_eq!(read(&[], &[USUAL, etc]), found(USUAL));
    assert_eq!(read(&[("XDG_CONFIG_HOME", "relative")], &[USUAL, etc]), found(USUAL));
    assert_eq!(read(&[("HOME", "")], &[etc]), found(etc));
    assert!(!read(&[], &[]).0);
}

/// A command line that was an error stays that error.
#[test]
fn without_a_file_nothing_changes() {
    let files = FakeConfigFiles::default();
    assert_eq!(
        planned(&[], &[], &files).unwrap_err(),
        "missing required options `--certificate`, `--trust-anchor-arn`, `--profile-arn`, `--role-arn`"
    );
}

#[test]
fn a_role_that_cannot_be_found_is_reported_with_those_that_there_are() {
    let error = |words: &[&str], text: Option<&str>| {
        let files = text.map(|text| FakeConfigFiles::one(USUAL, text)).unwrap_or_default();
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        planned(&words, &[], &files).unwrap_err()
    };
    let many = text(901).replace("default-role", "# ");
    assert_eq!(error(&["--role", "oen"], Some(&many)), "unknown role `oen` for `--role`");
    assert_eq!(
        error(&[], Some(&many)),
        format!("the configuration file `{USUAL}` has several roles, and no `default-role`")
    );
    assert_eq!(error(&[], Some("")), format!("the configuration file `{USUAL}` has no roles"));
    assert_eq!(error(&["--role=one"], None), "there is no configuration file for `--role`");
    assert_eq!(
        error(&["--config=/no"], None),
        "the configuration file `/no` of `--config` does not exist"
    );
    assert_eq!(error(&["--role="], None), "`--role` is empty: expected the name of a role");
    assert_eq!(error(&["--config="], None), "`--config` is empty: expected the path of a file");
}
