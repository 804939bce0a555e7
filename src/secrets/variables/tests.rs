//! Which variables a program gets, and all mistakes at once.

use std::path::Path;
use std::sync::Arc;

use insta::assert_snapshot;

use super::*;
use crate::options::table::KeyLocation;
use crate::options::table::program_variables::FILE;
use crate::options::table::transport::TIMEOUT;
use crate::output::error::Error;
use crate::secrets::value::ResolvedValue;

/// The options take the place of those that only commands have.
static ENV: OptionSpec =
    OptionSpec::new("--env", "NAME=VALUE", crate::options::table::ValueType::Text);

fn file(line: u32) -> VariableOrigin {
    let file: Arc<Path> = Path::new("/etc/c.toml").into();
    let location = KeyLocation { file, table: "exec.web".into(), key: "env", line, column: 1 };
    VariableOrigin::ConfigFile(Arc::new(location))
}

fn given(origin: VariableOrigin, name: &str, value: GivenValue) -> GivenVariable {
    GivenVariable { origin, name: Secret::new(name.to_owned()), value }
}

fn text(text: &str) -> GivenValue {
    GivenValue::Text(Secret::new(text.to_owned()))
}

/// Returns the result, one variable a line.
fn shown(given: GivenVariables) -> String {
    match given.wanted() {
        Ok(wanted) => {
            let variables =
                wanted.variables.iter().map(|(name, WantedVariable { origin, value })| {
                    let value = match value {
                        WantedValue::Kept => "kept".to_owned(),
                        WantedValue::File(reference) => format!("file {reference}"),
                        WantedValue::Pieces(pieces) => pieces.iter().map(piece).collect(),
                    };
                    format!("{}={value} ({origin})\n", name.as_str())
                });
            let from = wanted.expansions.iter();
            let from = from.map(|it| format!("{}* from {}\n", it.prefix, it.reference));
            variables.chain(from).collect()
        }
        Err(mistakes) => Error::from(mistakes).to_string() + "\n",
    }
}

fn piece(piece: &ValuePiece) -> String {
    match piece {
        ValuePiece::Text(text) => format!("[{}]", text.expose()),
        ValuePiece::Reference(reference) => format!("<{reference}>"),
    }
}

#[test]
fn a_source_replaces_those_below_it() {
    let mut variables = GivenVariables::default();
    variables.add_inherited(
        [("A", "sm://inherited"), ("B", "sm://b"), ("C", "sm://c"), ("D", "sm://d")].into_iter(),
    );
    let task = r#"[{"name":"x","environment":[{"name":"B","value":"sm://literal"},{"name":"C","value":""},{"name":"E","value":"1"}],
                    "secrets":[{"name":"F","valueFrom":"plain"}]}]"#;
    variables.add_task_definition("`task.json`", &SecretBytes::new(task.into()), None);
    variables.variables.push(given(file(3), "C", text("file")));
    variables.variables.push(given(
        file(4),
        "E",
        GivenValue::File(Secret::new("sm://e".to_owned())),
    ));
    variables.add_env_file("`a.env`", &SecretBytes::new(b"E=2\nG\nH=h\n".to_vec()));
    variables.add_assignment(&ENV, "H=sm://h?optional", GivenValue::Text);
    variables.add_assignment(&TIMEOUT, "F=sm://f#k", GivenValue::File);
    assert_snapshot!(shown(variables), @r"
    A=<sm://inherited> (the environment)
    B=[sm://literal] (`environment.B` in `task.json`)
    C=[file] (`exec.web.env` in /etc/c.toml:3)
    D=<sm://d> (the environment)
    E=[2] (line 1 of `a.env`)
    F=file sm://f#k (`--timeout`)
    G=kept (line 2 of `a.env`)
    H=<sm://h?optional> (`--env`)
    ");
}

#[test]
fn values_hold_references_and_text() {
    let rows = [
        ("", "[]"),
        ("plain text", "[plain text]"),
        ("sm://a#b", "<sm://a#b>"),
        ("prism://a", "[prism://a]"),
        (
            "arn:aws:ssm:eu-west-1:123456789012:parameter/a",
            "<arn:aws:ssm:eu-west-1:123456789012:parameter/a>",
        ),
        (
            "u:{{resolve:ssm:p}}@{{resolve:ssm:h:3}}",
            "[u:]<{{resolve:ssm:p}}>[@]<{{resolve:ssm:h:3}}>",
        ),
    ];
    for (value, expected) in rows {
        let mut variables = GivenVariables::default();
        variables.add_assignment(&ENV, &format!("A={value}"), GivenValue::Text);
        assert_eq!(shown(variables), format!("A={expected} (`--env`)\n"), "{value}");
    }
}

/// The program would get the text in the place of the secret.
#[test]
fn values_that_are_meant_as_references_are_refused() {
    let mut variables = GivenVariables::default();
    for text in [
        "A=sm:/db",
        "B=SSM:///a",
        "C=\"sm://db\"",
        "D=u:sm://db@h",
        "E={{ resolve:ssm:a }}",
        "F=u:{{reslove:ssm:a}}",
        "G=sm",
        "H={{ x }}",
    ] {
        variables.add_assignment(&ENV, text, GivenValue::Text);
    }
    let caller = [("I", "ssm:/a"), ("J", "u:sm://db@h")];
    variables.add_inherited(caller.into_iter());
    variables.add_arguments(["SM://a", "--a=sm://a", "echo sm://a", "a=sm://a"].into_iter());
    assert_snapshot!(shown(variables), @r"
    error: the variables have 9 mistakes
      argument 1: invalid reference: expected `sm://` or `ssm://`, in lower case and with nothing before it
      argument 2: invalid reference: `sm://` and `ssm://` must be the whole value: inside a text, use `{{resolve:…}}`
      `A` in `--env`: invalid reference: expected `sm://` or `ssm://`, in lower case and with nothing before it
      `B` in `--env`: invalid reference: expected `sm://` or `ssm://`, in lower case and with nothing before it
      `C` in `--env`: invalid reference: expected `sm://` or `ssm://`, in lower case and with nothing before it
      `D` in `--env`: invalid reference: `sm://` and `ssm://` must be the whole value: inside a text, use `{{resolve:…}}`
      `E` in `--env`: invalid reference: expected `{{resolve:SERVICE:NAME}}`, in lower case and without spaces, with SERVICE `secretsmanager`, `ssm` or `ssm-secure`
      `F` in `--env`: invalid reference: expected `{{resolve:SERVICE:NAME}}`, in lower case and without spaces, with SERVICE `secretsmanager`, `ssm` or `ssm-secure`
      `I` in the environment: invalid reference: expected `sm://` or `ssm://`, in lower case and with nothing before it
    ");
}

/// A secret in the place of something else is in no text.
#[test]
fn all_mistakes_are_listed_at_once() {
    let secret = "hunter2-9x!Tr0ub4dor&3";
    let mut variables = GivenVariables::default();
    for text in [
        secret.to_owned(),
        format!("{secret}=1"),
        "1A=x".to_owned(),
        "A=1".to_owned(),
        format!("A={secret}"),
        "B=sm://".to_owned(),
        "C=x {{resolve:ssm:a b}} y".to_owned(),
        "D=sm://a#*".to_owned(),
        "E=a\0b".to_owned(),
        "ROLES_ANYWHERE_EXEC=x".to_owned(),
        "F=arn:aws:secretsmanager:x".to_owned(),
    ] {
        variables.add_assignment(&ENV, &text, GivenValue::Text);
    }
    variables.add_assignment(&TIMEOUT, &format!("G={secret}"), GivenValue::File);
    variables.add_env_file(
        "`a.env`",
        &SecretBytes::new(format!("H = {secret}\nI='{secret}\nJ=1\nJ=2").into()),
    );
    let task = r#"{"containerDefinitions":[{"name":"web"},{"name":"side"}]}"#;
    variables.add_task_definition("`task.json`", &SecretBytes::new(task.into()), None);
    variables.variables.push(given(file(7), "K", text("1")));
    variables.variables.push(given(file(9), "K", text("1")));
    let text = shown(variables);
    assert!(!text.contains("hunter") && !text.contains("Tr0ub"), "{text}");
    assert_snapshot!(text, @r"
    error: the variables have 15 mistakes
      invalid value for `--env`: expected NAME=VALUE
      line 1 of `a.env`: remove the space before `=`
      line 2 of `a.env`: the quote at the start of the value is not closed
      `task.json`: it has several containers: pass `--container` with `web` or `side`
      invalid variable name in `--env`: expected a letter or `_`, then letters, digits, `_`, `.` and `-`
      invalid variable name `1A` in `--env`: expected a letter or `_`, then letters, digits, `_`, `.` and `-`
      `A` is given twice in `--env`
      `B` in `--env`: invalid reference: the name is missing
      `C` in `--env`: invalid reference: `{{resolve:…}}` cannot contain spaces
      `D` in `--env`: `#*` stands for several values: use `--from` for all members
      `E` in `--env`: the value contains a NUL byte, which no program can get
      `ROLES_ANYWHERE_EXEC` in `--env`: the variable is set by `exec`
      `G` in `--timeout`: expected `sm://…`, `ssm://…`, `{{resolve:…}}`, or the ARN of a secret or a parameter
      `J` is given twice: in line 3 of `a.env` and in line 4 of `a.env`
      `K` is given twice: in `exec.web.env` in /etc/c.toml:7 and in `exec.web.env` in /etc/c.toml:9
    ");
}

#[test]
fn inherited_arns_are_not_references() {
    let mut variables = GivenVariables::default();
    variables.add_inherited(
        [
            ("ARN", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-AbCdEf"),
            ("TEXT", "x"),
            ("HOST", "{{resolve:ssm:/h}}"),
            ("BUCKET", "arn:aws:s3:::{{resolve:ssm:/b}}"),
        ]
        .into_iter(),
    );
    assert_snapshot!(shown(variables), @r"
    BUCKET=[arn:aws:s3:::]<{{resolve:ssm:/b}}> (the environment)
    HOST=<{{resolve:ssm:/h}}> (the environment)
    ");
}

/// The caller's value of a name without one is what it stands for.
#[test]
fn a_name_without_a_value_has_what_the_references_of_the_caller_stand_for() {
    let inherited = || [("A", "sm://a")].into_iter();
    let file = SecretBytes::new(b"A\nB\n".to_vec());
    let expected = "A=<sm://a> (the environment)\nB=kept (line 2 of `a.env`)\n";
    let mut variables = GivenVariables::default();
    variables.add_inherited(inherited());
    variables.add_env_file("`a.env`", &file);
    assert_eq!(shown(variables), expected);
    let mut variables = GivenVariables::default();
    variables.add_env_file("`a.env`", &file);
    variables.add_inherited(inherited());
    assert_eq!(shown(variables), expected);
}

/// A file in S3 is not read: its copy must be passed.
#[test]
fn environment_files_of_a_container_need_copies() {
    let task = SecretBytes::new(
        r#"[{"name":"a","environmentFiles":[{"value":"arn:aws:s3:::b/a.env","type":"s3"}]}]"#
            .into(),
    );
    let mut variables = GivenVariables::default();
    variables.add_task_definition("`task.json`", &task, Some("a"));
    assert_snapshot!(shown(variables), @"error: `task.json`: the container has `environmentFiles` in S3, which are not read: pass copies of them with `--env-file`");
    let mut variables = GivenVariables::default();
    variables.add_env_file("`a.env`", &SecretBytes::new(b"A=1".to_vec()));
    variables.add_task_definition("`task.json`", &task, Some("a"));
    assert_eq!(shown(variables), "A=[1] (line 1 of `a.env`)\n");
}

#[test]
fn a_prefix_belongs_to_the_reference_before_it() {
    let shown = |words: &[(&str, &str)]| {
        let at = |name: &str| {
            let all = words.iter().enumerate().filter(move |(_, (flag, _))| *flag == name);
            all.map(|(index, (_, value))| (index, *value)).collect::<Vec<_>>()
        };
        let from: Vec<_> = at("--from")
            .into_iter()
            .map(|(index, reference)| GivenExpansion { index, reference })
            .collect();
        let prefixes: Vec<_> = at("--prefix")
            .into_iter()
            .map(|(index, prefix)| GivenPrefix { index, prefix })
            .collect();
        let (expansions, mistakes) = expansions(&from, &prefixes);
        shown(GivenVariables { expansions, mistakes, ..GivenVariables::default() })
    };
    let (from, prefix) = (|text| ("--from", text), |text| ("--prefix", text));
    assert_eq!(
        shown(&[from("sm://a"), prefix("A_"), from("sm://b"), from("sm://c?optional"), prefix("")]),
        "A_* from sm://a#*\n* from sm://b#*\n* from sm://c#*?optional\n"
    );
    assert_snapshot!(
            shown(&[
            prefix("A_"),
            from("sm://a"),
            prefix("B_"),
            prefix("C_"),
            from("x"),
            prefix("1"),
            from("sm://c#d"),
            from("sm://c?default=d"),
        ])
    ,
            @r"
    error: the variables have 6 mistakes
      `--prefix` has no `--from` before it
      `--prefix` is given twice for one `--from`
      invalid value for `--prefix`: expected a letter or `_`, then letters, digits, `_`, `.` and `-`
      invalid value for `--from`: expected `sm://…`, `ssm://…`, `{{resolve:…}}`, or the ARN of a secret or a parameter
      `--from` takes all members: use `--env NAME=REF` for one of them
      invalid value for `--from`: invalid reference: `default` cannot be used with `#*`: one text does not stand for all members
    "
        );
}

/// Returns what a program gets, one variable a line, with `values` for the references.
fn assigned(given: GivenVariables, values: Vec<ResolvedValue>) -> String {
    let wanted = given.wanted().unwrap();
    assert_eq!(wanted.references().len(), values.len());
    let limits =
        VariableLimits { length: Some(20), reserved: vec!["AWS_PROFILE"], starts_program: true };
    match wanted.assigned(values, &limits) {
        Ok(AssignedVariables { set, removed, files, arguments }) => {
            let line = |kind: &str, (name, value): &(EnvName, SecretBytes)| {
                format!("{kind} {}={}\n", name.as_str(), value.expose().escape_ascii())
            };
            let set = set.iter().map(|variable| line("set", variable));
            let files = files.iter().map(|file| line("file", file));
            let removed = removed.iter().map(|name| format!("removed {}\n", name.as_str()));
            let arguments = arguments.iter().map(|(index, value)| {
                format!("argument {index}: {}\n", value.expose().escape_ascii())
            });
            set.chain(files).chain(removed).chain(arguments).collect()
        }
        Err(mistakes) => Error::from(mistakes).to_string() + "\n",
    }
}

fn value(text: &str) -> ResolvedValue {
    ResolvedValue::Text(Secret::new(text.to_owned()))
}

fn members(members: &[(&str, &str)]) -> ResolvedValue {
    let secret = |(key, text): &(&str, &str)| ((*key).to_owned(), Secret::new((*text).to_owned()));
    ResolvedValue::Members(members.iter().map(secret).collect())
}

fn from(words: &[(&str, &str)]) -> Vec<Expansion> {
    let expansion = |(reference, prefix): &(&str, &str)| {
        let reference = Reference::parse(reference).unwrap();
        Expansion { reference, prefix: (*prefix).to_owned() }
    };
    words.iter().map(expansion).collect()
}

/// A value with `sm://` in it is not searched for references again.
#[test]
fn values_take_the_places_of_references() {
    let mut variables = GivenVariables {
        expansions: from(&[("sm://db", "DB_"), ("sm://e", "")]),
        ..Default::default()
    };
    for text in [
        "B=x{{resolve:ssm:b}}y{{resolve:ssm:c}}",
        "A=sm://a",
        "C=sm://c?optional",
        "DB_USER=own",
        "KEPT=1",
    ] {
        variables.add_assignment(&ENV, text, GivenValue::Text);
    }
    variables.add_assignment(&TIMEOUT, "F=sm://f", GivenValue::File);
    let values = vec![
        value("sm://x"),
        value("1"),
        value("2"),
        ResolvedValue::Absent,
        ResolvedValue::Binary(SecretBytes::new(vec![0, 255])),
        members(&[("user", "u"), ("pass-word", "p")]),
        members(&[("port", "5432")]),
    ];
    assert_snapshot!(assigned(variables, values), @r"
    set A=sm://x
    set B=x1y2
    set DB_PASS_WORD=p
    set DB_USER=own
    set KEPT=1
    set PORT=5432
    file F=\x00\xff
    removed C
    ");
}

#[test]
fn values_that_no_program_can_get_are_listed_at_once() {
    let mut variables = GivenVariables {
        expansions: from(&[("sm://db", ""), ("sm://e", "")]),
        ..Default::default()
    };
    for text in
        ["A=sm://a", "B=sm://b", "AWS_PROFILE=x", "L=123456789012345678", "M=12345678901234567"]
    {
        variables.add_assignment(&ENV, text, GivenValue::Text);
    }
    let values = vec![
        ResolvedValue::Binary(SecretBytes::new(b"a\0b".to_vec())),
        value("1"),
        members(&[("user", "u"), ("1", "x"), ("a-b", "1"), ("a_b", "2"), ("n", "\0"), ("b", "\0")]),
        members(&[("USER", "v")]),
    ];
    assert_snapshot!(assigned(variables, values), @r"
    error: the variables have 7 mistakes
      `A` in `--env`: the value contains a NUL byte, which no program can get
      `AWS_PROFILE` in `--env`: the variable cannot be set together with credentials: remove it, or do not pass `--credentials` or `--static`
      `L` in `--env`: 21 bytes with the name are too long for a variable: use `--file`
      member `1` of `sm://db` makes no variable name: pass `--prefix` after `--from`
      `A_B` is given twice: in member `a-b` of `sm://db` and in member `a_b` of `sm://db`
      `N` in member `n` of `sm://db`: the value contains a NUL byte, which no program can get
      `USER` is given twice: in member `user` of `sm://db` and in member `USER` of `sm://e`
    ");
}

/// Who writes a secret does not choose by its members what runs.
#[test]
fn members_do_not_become_variables_that_choose_code() {
    let object = || members(&[("ld_preload", "/x.so"), ("path", "/x"), ("port", "1")]);
    let mut variables =
        GivenVariables { expansions: from(&[("sm://db", "")]), ..Default::default() };
    variables.add_assignment(&ENV, "PATH=/bin", GivenValue::Text);
    assert_snapshot!(assigned(variables, vec![object()]), @"error: `LD_PRELOAD` in member `ld_preload` of `sm://db`: programs run or load what this variable says: pass `--prefix`, or name it with `--env NAME=REF`");
    let expansions = from(&[("sm://db", "DB_")]);
    let variables = GivenVariables { expansions, ..Default::default() };
    assert_snapshot!(assigned(variables, vec![object()]), @r"
    set DB_LD_PRELOAD=/x.so
    set DB_PATH=/x
    set DB_PORT=1
    ");
}

#[test]
fn arguments_hold_references_too() {
    let mut variables = GivenVariables::default();
    variables.add_arguments(
        [
            "-u",
            "sm://user",
            "--url=x{{resolve:ssm:u}}y",
            "arn:aws:secretsmanager:a",
            "sm://o?optional",
            "arn:aws:s3:::{{resolve:ssm:b}}",
        ]
        .into_iter(),
    );
    let values = vec![value("me"), value("host"), ResolvedValue::Absent, value("b")];
    assert_eq!(
        assigned(variables, values),
        "argument 1: me\nargument 2: --url=xhosty\nargument 4: \nargument 5: arn:aws:s3:::b\n"
    );
    let mut variables = GivenVariables::default();
    variables.add_arguments(["x", "sm://", "sm://a#*"].into_iter());
    assert_snapshot!(shown(variables), @r"
    error: the variables have 2 mistakes
      argument 2: invalid reference: the name is missing
      argument 3: `#*` stands for several values: use `--from` for all members
    ");
}

#[test]
fn each_difference_is_one_to_a_program() {
    let name = |name: &str| EnvName::parse(name).unwrap();
    let bytes = |text: &str| SecretBytes::new(text.as_bytes().to_vec());
    let same = || AssignedVariables {
        set: vec![(name("A"), bytes("1"))],
        removed: vec![name("B")],
        files: vec![(name("F"), bytes("2"))],
        arguments: vec![(1, bytes("3"))],
    };
    assert!(same().is_same(&same()));
    let differences: [fn(&mut AssignedVariables); 8] = [
        |it| it.set[0].1 = SecretBytes::new(b"other".to_vec()),
        |it| it.set[0].0 = EnvName::parse("C").unwrap(),
        |it| drop(it.set.pop()),
        |it| it.set.push((EnvName::parse("C").unwrap(), SecretBytes::default())),
        |it| drop(it.removed.pop()),
        |it| it.files[0].1 = SecretBytes::default(),
        |it| drop(it.files.pop()),
        |it| it.arguments[0].1 = SecretBytes::default(),
    ];
    for (at, change) in differences.iter().enumerate() {
        let mut other = same();
        change(&mut other);
        assert!(!same().is_same(&other) && !other.is_same(&same()), "{at}");
    }
    let names: Vec<_> = same().names().map(EnvName::as_str).map(str::to_owned).collect();
    assert_eq!(names, ["A", "F", "B"]);
}

#[test]
fn what_holds_values_is_told_from_what_holds_paths() {
    let of = |option, text: &str, value: fn(Secret) -> GivenValue| {
        let mut given = GivenVariables::default();
        given.add_assignment(option, text, value);
        let wanted = given.wanted().unwrap();
        (wanted.has_values(), wanted.has_files())
    };
    assert_eq!(of(&ENV, "A=text", GivenValue::Text), (false, false));
    assert_eq!(of(&ENV, "A=sm://db", GivenValue::Text), (true, false));
    assert_eq!(of(&FILE, "A=sm://db", GivenValue::File), (false, true));
    let given = GivenVariables { expansions: from(&[("sm://db", "")]), ..Default::default() };
    assert!(given.wanted().unwrap().has_values());
    let mut given = GivenVariables::default();
    given.add_arguments(["sm://db"].into_iter());
    assert!(given.wanted().unwrap().has_values());
}
