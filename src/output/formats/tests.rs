//! Each format as it is written, and what it refuses.

use super::*;
use VariableFormat::{Cmd, Docker, Dotenv, Fish, Json, PowerShell, Properties, Sh, Systemd};
use roles_anywhere_client::test_support::entropy::SequenceEntropy;

const ALL: [VariableFormat; 9] =
    [Sh, Fish, PowerShell, Cmd, Dotenv, Docker, Systemd, Json, Properties];

/// Returns one variable in a format, or why it is refused.
fn written(format: VariableFormat, value: &str) -> String {
    match render(format, &[("N", &Secret::new(value.to_owned()))]) {
        Ok(text) => String::from_utf8(text.expose().to_vec()).unwrap(),
        Err(error) => {
            assert_eq!(error.format, format.name());
            format!("refused: {}\n", error.refused[0].why)
        }
    }
}

/// Returns a value in every format.
fn in_all(value: &str) -> String {
    let of = |format: VariableFormat| {
        let text = written(format, value).replace('\r', "<CR>").replace('\u{1b}', "<ESC>");
        format!("{}: {text}", format.name())
    };
    ALL.map(of).concat()
}

#[test]
fn a_plain_value_needs_no_quotes_in_files() {
    insta::assert_snapshot!(in_all("wJalrXUtnFEMI/K7MDENG+b="), @r#"
    sh: export N='wJalrXUtnFEMI/K7MDENG+b='
    fish: set -gx N 'wJalrXUtnFEMI/K7MDENG+b='
    powershell: $Env:N = 'wJalrXUtnFEMI/K7MDENG+b='
    cmd: set "N=wJalrXUtnFEMI/K7MDENG+b="<CR>
    dotenv: N=wJalrXUtnFEMI/K7MDENG+b=
    docker: N=wJalrXUtnFEMI/K7MDENG+b=
    systemd: N="wJalrXUtnFEMI/K7MDENG+b="
    json: {
      "N": "wJalrXUtnFEMI/K7MDENG+b="
    }
    properties: N=wJalrXUtnFEMI/K7MDENG+b=
    "#);
}

#[test]
fn quotes_and_backslashes() {
    insta::assert_snapshot!(in_all(r#"it's "a\b""#), @r#"
    sh: export N='it'\''s "a\b"'
    fish: set -gx N 'it\'s "a\\b"'
    powershell: $Env:N = 'it''s "a\b"'
    cmd: refused: its value has a double quote
    dotenv: refused: programs read its value in different ways
    docker: N=it's "a\b"
    systemd: N="it's \"a\\b\""
    json: {
      "N": "it's \"a\\b\""
    }
    properties: N=it's "a\\b"
    "#);
}

#[test]
fn characters_that_some_readers_expand() {
    insta::assert_snapshot!(in_all(" $A %B% #c !d "), @r#"
    sh: export N=' $A %B% #c !d '
    fish: set -gx N ' $A %B% #c !d '
    powershell: $Env:N = ' $A %B% #c !d '
    cmd: refused: its value has a percent sign
    dotenv: N=' $A %B% #c !d '
    docker: N= $A %B% #c !d 
    systemd: N=" \$A %B% #c !d "
    json: {
      "N": " $A %B% #c !d "
    }
    properties: N=\ $A %B% #c !d
    "#);
}

#[test]
fn line_breaks() {
    insta::assert_snapshot!(in_all("\na\r\n\nb"), @r#"
    sh: export N='
    a<CR>

    b'
    fish: set -gx N '
    a<CR>

    b'
    powershell: $Env:N = "`n" + 'a' + "`r" + "`n" + "`n" + 'b'
    cmd: refused: its value has a line break
    dotenv: refused: its value has a carriage return
    docker: refused: its value has a line break
    systemd: refused: its value has a control character
    json: {
      "N": "\na\r\n\nb"
    }
    properties: N=\na\r\n\nb
    "#);
}

#[test]
fn typographic_quotes_and_other_scripts() {
    insta::assert_snapshot!(in_all("\u{2018}é\u{201b}\u{1f511}"), @r#"
    sh: export N='‘é‛🔑'
    fish: set -gx N '‘é‛🔑'
    powershell: $Env:N = '‘‘é‛‛🔑'
    cmd: refused: its value has a character that is not ASCII
    dotenv: N='‘é‛🔑'
    docker: N=‘é‛🔑
    systemd: N="‘é‛🔑"
    json: {
      "N": "‘é‛🔑"
    }
    properties: N=\u2018\u00E9\u201B\uD83D\uDD11
    "#);
}

#[test]
fn an_empty_value() {
    insta::assert_snapshot!(in_all(""), @r#"
    sh: export N=''
    fish: set -gx N ''
    powershell: refused: its value is empty
    cmd: refused: its value is empty
    dotenv: N=
    docker: N=
    systemd: N=""
    json: {
      "N": ""
    }
    properties: N=
    "#);
}

#[test]
fn a_null_character_and_other_control_characters() {
    insta::assert_snapshot!(in_all("a\0b"), @r#"
    sh: refused: its value has a NUL character
    fish: refused: its value has a NUL character
    powershell: refused: its value has a NUL character
    cmd: refused: its value has a NUL character
    dotenv: refused: its value has a NUL character
    docker: refused: its value has a NUL character
    systemd: refused: its value has a NUL character
    json: {
      "N": "a\u0000b"
    }
    properties: N=a\u0000b
    "#);
    insta::assert_snapshot!(in_all("\u{1b}"), @r#"
    sh: export N='<ESC>'
    fish: set -gx N '<ESC>'
    powershell: $Env:N = '<ESC>'
    cmd: refused: its value has a control character
    dotenv: N='<ESC>'
    docker: N=<ESC>
    systemd: refused: its value has a control character
    json: {
      "N": "\u001b"
    }
    properties: N=\u001B
    "#);
}

#[test]
fn lines_have_a_limit() {
    let longest = |limit: usize, around: &str| "x".repeat(limit - around.len());
    let docker = longest(65_535, "N=");
    assert_eq!(written(Docker, &docker).len(), 65_536);
    assert!(written(Docker, &format!("{docker}x")).contains("longer than 65535"));
    let cmd = longest(8_191, "set \"N=\"");
    assert_eq!(written(Cmd, &cmd).len(), 8_193);
    assert!(written(Cmd, &format!("{cmd}x")).contains("longer than 8191"));
}

#[test]
fn dotenv_is_refused_if_its_readers_disagree() {
    for value in ["it's $5", r"it's\", "it's \"a\"", "${HOME}", r"a\\b", r"c:\", "a'`b`", "a\rb"] {
        assert!(written(Dotenv, value).starts_with("refused: "), "{value}");
    }
    for (value, line) in [
        ("$HOME", "'$HOME'"),
        (r"a\n", r"'a\n'"),
        ("it's #1", "\"it's #1\""),
        ("`id`", "'`id`'"),
        ("{\"a\": \"$b\"}", "'{\"a\": \"$b\"}'"),
    ] {
        assert_eq!(written(Dotenv, value), format!("N={line}\n"));
    }
}

#[test]
fn an_error_names_every_variable_and_no_value() {
    let secret = |value: &str| Secret::new(value.to_owned());
    let (bad, good) = (secret("hunter\n2"), secret("hunter2"));
    let error = render(Docker, &[("A", &bad), ("B", &good), ("C-D", &good)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the format `docker` cannot hold `A` (its value has a line break), `C-D` (its name may have only letters, digits and `_`)"
    );
    let many: Vec<String> = (0..9).map(|at| format!("V{at}")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), &bad)).collect();
    let text = render(Cmd, &many).unwrap_err().to_string();
    assert!(text.ends_with("`V5` (its value has a line break) and 3 more"), "{text}");
    assert!(!text.contains("hunter"));
}

#[test]
fn several_variables_keep_their_order() {
    let (one, two) = (Secret::new("1".to_owned()), Secret::new("2".to_owned()));
    let text = |format| {
        let text = render(format, &[("B", &one), ("A", &two)]).unwrap();
        String::from_utf8(text.expose().to_vec()).unwrap()
    };
    assert_eq!(text(Sh), "export B='1'\nexport A='2'\n");
    assert_eq!(text(Json), "{\n  \"B\": \"1\",\n  \"A\": \"2\"\n}\n");
    assert_eq!(render(Json, &[]).unwrap().expose(), b"{\n}\n");
}

#[test]
fn names_of_json_and_properties_are_free() {
    let value = Secret::new("v".to_owned());
    let text = |format| {
        let text = render(format, &[("a.b c=\n", &value)]).unwrap();
        String::from_utf8(text.expose().to_vec()).unwrap()
    };
    assert_eq!(text(Json), "{\n  \"a.b c=\\n\": \"v\"\n}\n");
    assert_eq!(text(Properties), "a.b\\ c\\=\\n=v\n");
    for format in ALL.into_iter().filter(|format| ![Json, Properties].contains(format)) {
        for name in ["", "1A", "a-b", "a b", "é", "a=b", "a;id"] {
            let error = render(format, &[(name, &value)]).unwrap_err();
            assert_eq!(error.refused[0].why, Unwritable::Name, "{name}");
        }
    }
}

#[test]
fn only_shells_unset_variables() {
    let unset = |format| unset(format, &["A", "B"]);
    assert_eq!(unset(Sh).unwrap(), "unset A\nunset B\n");
    assert_eq!(unset(Fish).unwrap(), "set -e A\nset -e B\n");
    assert_eq!(unset(PowerShell).unwrap(), "$Env:A = $null\n$Env:B = $null\n");
    assert_eq!(unset(Cmd).unwrap(), "set \"A=\"\r\nset \"B=\"\r\n");
    for format in [Dotenv, Docker, Systemd, Json, Properties] {
        assert_eq!(unset(format), None);
    }
}

#[test]
fn no_buffer_grows() {
    for value in ["", "'", "\n\r\n", "\u{1b}", "\u{2019}", "\u{10ffff}", "\\"] {
        let secret = Secret::new(value.repeat(1_000));
        let variables = [("N", &secret)];
        let capacity = buffer(&variables).capacity();
        for format in ALL {
            let mut text = buffer(&variables);
            let _ = format.write(&mut text, "N", secret.expose());
            assert_eq!(text.capacity(), capacity, "{format:?} {value:?}");
        }
    }
}

#[test]
fn github_values_end_at_a_random_delimiter() {
    let (one, two) = (Secret::new("a\nb".to_owned()), Secret::new(String::new()));
    let entropy = SequenceEntropy::counting();
    let text = github::render(&[("A", &one), ("B", &two)], &entropy).unwrap();
    insta::assert_snapshot!(String::from_utf8_lossy(text.expose()), @r"
    A<<ghadelimiter_00000000000000000000000000000001
    a
    b
    ghadelimiter_00000000000000000000000000000001
    B<<ghadelimiter_00000000000000020000000000000003

    ghadelimiter_00000000000000020000000000000003
    ");
}

#[test]
fn github_refuses_names_of_the_runner() {
    let value = Secret::new("v".to_owned());
    let refused = |name: &str| {
        let entropy = SequenceEntropy::counting();
        github::render(&[(name, &value)], &entropy).unwrap_err().refused[0].why
    };
    for name in ["NODE_OPTIONS", "GITHUB_TOKEN", "RUNNER_TEMP", "github_x"] {
        assert_eq!(refused(name), Unwritable::ReservedName, "{name}");
    }
    assert_eq!(refused("A B"), Unwritable::Name);
    let value = Secret::new("v\r".to_owned());
    let entropy = SequenceEntropy::counting();
    assert!(github::render(&[("A", &value)], &entropy).is_err());
}

#[test]
fn masks_hide_each_line_and_no_short_text() {
    let secret = |value: &str| Secret::new(value.to_owned());
    let long = secret("first line 100%\r\n  second line\n}\n");
    let masks = github::masks(&[&secret("short"), &secret("        "), &long]);
    assert!(masks.expose().starts_with(b"\n::add-mask::"), "they need a line of their own");
    insta::assert_snapshot!(String::from_utf8_lossy(masks.expose()), @r"
    ::add-mask::first line 100%25%0D%0A  second line%0A}%0A
    ::add-mask::first line 100%25
    ::add-mask::second line
    ");
}
