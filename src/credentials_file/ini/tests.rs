//! Edits of a credentials file: tables of examples, and random files.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use roles_anywhere_client::credentials::AccessKey;
use roles_anywhere_client::secret::Secret;

const NEW: [&str; 3] = ["ASIANEW", "new/secret+key=", "new-token=="];

fn credentials(values: [&str; 3]) -> ProfileCredentials {
    let key = AccessKey {
        id: values[0].to_owned(),
        secret: Secret::new(values[1].to_owned()),
        session_token: Some(Secret::new(values[2].to_owned())),
    };
    ProfileCredentials { key, secret_arn: None }
}

const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/legacy-AbCdEf";

/// Returns the long-term key `id` of a secret.
fn of_secret(id: &str, secret: &str) -> ProfileCredentials {
    let key = AccessKey {
        id: id.to_owned(),
        secret: Secret::new(secret.to_owned()),
        session_token: None,
    };
    ProfileCredentials { key, secret_arn: Some(ARN.to_owned()) }
}

fn name(name: &str) -> ProfileName {
    name.parse().unwrap()
}

fn edit(text: &[u8]) -> Vec<u8> {
    replace(text, &name("a"), &credentials(NEW)).unwrap().expose().to_vec()
}

/// Edits the profile `a`; `ID`, `SECRET` and `TOKEN` in the outcome stand for the lines of the keys.
#[track_caller]
fn becomes(before: &str, after: &str) {
    let lines = ["ID", "SECRET", "TOKEN"].into_iter().zip(KEYS).zip(NEW);
    let wanted = lines.fold(after.to_owned(), |text, ((short, key), value)| {
        text.replace(short, &format!("{key} = {value}"))
    });
    let edited = edit(before.as_bytes());
    assert_eq!(String::from_utf8_lossy(&edited), wanted);
    assert_eq!(edit(&edited), edited, "a second edit changes something");
}

#[test]
fn adds_a_section_at_the_end() {
    becomes("", "[a]\nID\nSECRET\nTOKEN\n");
    becomes("[b]\nx = 1\n", "[b]\nx = 1\n\n[a]\nID\nSECRET\nTOKEN\n");
    becomes("[b]\nx = 1", "[b]\nx = 1\n\n[a]\nID\nSECRET\nTOKEN\n");
    becomes("[b]\nx = 1\n\n", "[b]\nx = 1\n\n[a]\nID\nSECRET\nTOKEN\n");
    becomes("# mine", "# mine\n\n[a]\nID\nSECRET\nTOKEN\n");
    becomes("[b]\r\nx = 1", "[b]\r\nx = 1\r\n\r\n[a]\r\nID\r\nSECRET\r\nTOKEN\r\n");
}

#[test]
fn the_key_of_a_secret_has_a_comment_and_no_token() {
    let comment = |id: &str| KeyComment { key_id: id, secret_arn: ARN }.to_string();
    let (new, old) = (comment("AKIANEW"), comment("AKIAOLD"));
    let id = "aws_access_key_id = AKIANEW\n";
    let keys = format!("{id}aws_secret_access_key = s\n");
    let rows = [
        (String::new(), format!("[a]\n{new}\n{keys}")),
        ("[a]".to_owned(), format!("[a]\n{new}\n{keys}")),
        ("[a]\r\n".to_owned(), format!("[a]\r\n{new}\r\n{}", keys.replace('\n', "\r\n"))),
        // A session was written before.
        (
            "[a]\n# mine\naws_session_token = t\n  u\nregion = r\n[b]\n".to_owned(),
            format!("[a]\n{new}\n# mine\n{keys}region = r\n[b]\n"),
        ),
        (
            format!("[a]\nregion = r\n{id}aws_secret_access_key = s\naws_session_token = t"),
            format!("[a]\n{new}\nregion = r\n{keys}"),
        ),
        // The key before it, with other blanks.
        (
            format!("[a]\n  {old}\naws_access_key_id=AKIAOLD\naws_secret_access_key=o\n"),
            format!("[a]\n{new}\n{keys}"),
        ),
        (format!("[b]\n{old}\n"), format!("[b]\n{old}\n\n[a]\n{new}\n{keys}")),
        // A comment that was moved stays.
        (format!("[a]\n{keys}\n{new}\n"), format!("[a]\n{keys}\n{new}\n")),
        ("[ a ]\nx=1\n".to_owned(), format!("[ a ]\n{new}\n{keys}x=1\n\n[a]\n{new}\n{keys}")),
    ];
    for (before, after) in rows {
        let edit = |text: &[u8]| replace(text, &name("a"), &of_secret("AKIANEW", "s")).unwrap();
        let edited = edit(before.as_bytes());
        assert_eq!(String::from_utf8_lossy(edited.expose()), after, "{before}");
        assert_eq!(edit(edited.expose()).expose(), edited.expose(), "{before}");
    }
    // Credentials of a session are of no secret.
    let of_session = edit(format!("[a]\n{new}\n{keys}").as_bytes());
    assert!(!String::from_utf8(of_session).unwrap().contains("is the access key"));
}

#[test]
fn refuses_what_a_secret_holds_that_would_be_read_as_something_else() {
    for (id, secret, part) in
        [("AKIA;", "s", "aws_access_key_id"), ("AKIA", "a#b", "aws_secret_access_key")]
    {
        let error = replace(b"", &name("a"), &of_secret(id, secret)).unwrap_err();
        assert_eq!(error, ProfileError::OfSecret(part));
    }
    let foreign =
        ProfileCredentials { secret_arn: Some("x\n[b]".to_owned()), ..of_secret("A", "s") };
    assert_eq!(replace(b"", &name("a"), &foreign).unwrap_err(), ProfileError::OfSecret("ARN"));
}

#[test]
fn replaces_values_in_place() {
    becomes(
        "[a]\naws_session_token = t\nregion = r\naws_access_key_id=i\n# c\naws_secret_access_key : s\n",
        "[a]\nTOKEN\nregion = r\nID\n# c\nSECRET\n",
    );
}

#[test]
fn adds_missing_settings_after_existing_ones() {
    becomes("[a]\n\n# c\n[b]\n", "[a]\nID\nSECRET\nTOKEN\n\n# c\n[b]\n");
    becomes("[a]", "[a]\nID\nSECRET\nTOKEN\n");
    becomes("[a]\nregion = r\n", "[a]\nID\nSECRET\nTOKEN\nregion = r\n");
    becomes(
        "[a]\naws_access_key_id = i\naws_secret_access_key = s\nregion = r\n",
        "[a]\nID\nSECRET\nTOKEN\nregion = r\n",
    );
    becomes("[a]\nregion = r\naws_access_key_id = i", "[a]\nregion = r\nID\nSECRET\nTOKEN\n");
}

#[test]
fn keeps_a_missing_final_newline() {
    let before = "[a]\naws_access_key_id=i\naws_secret_access_key=s\naws_session_token=t";
    becomes(before, "[a]\nID\nSECRET\nTOKEN");
}

#[test]
fn keeps_line_endings() {
    becomes(
        "[a]\r\naws_access_key_id=i\r\nregion=r\n[b]\n",
        "[a]\r\nID\r\nSECRET\r\nTOKEN\r\nregion=r\n[b]\n",
    );
    becomes("[b]\nx=1\n[a]\r\n", "[b]\nx=1\n[a]\r\nID\r\nSECRET\r\nTOKEN\r\n");
    becomes("[a]\rx=1\r", "[a]\rID\rSECRET\rTOKEN\rx=1\r");
}

#[test]
fn finds_a_heading_with_blanks_or_a_comment() {
    for heading in ["[a]  # c", "[a];c", "[a]\t", "[a] x"] {
        becomes(&format!("{heading}\n"), &format!("{heading}\nID\nSECRET\nTOKEN\n"));
    }
}

#[test]
fn serves_each_sdk_if_they_disagree_about_the_name() {
    for heading in ["[ a ]", "[a ]  # c", "[a] # see [b]", "[a];]"] {
        let edited = format!("{heading}\nID\nSECRET\nTOKEN\n");
        let added = "[a]\nID\nSECRET\nTOKEN\n";
        becomes(&format!("{heading}\nx=1\n"), &format!("{edited}x=1\n\n{added}"));
        becomes(&format!("[a]\n{heading}\n"), &format!("{added}{edited}"));
    }
}

#[test]
fn leaves_other_sections_alone() {
    for heading in ["[A]", "[ab]", "[profile a]", "#[a]", "x = [a]", "[a]]", "[a] [b]"] {
        let before = format!("[z]\n{heading}\n");
        becomes(&before, &format!("{before}\n[a]\nID\nSECRET\nTOKEN\n"));
    }
}

#[test]
fn removes_repetitions_of_its_keys() {
    becomes(
        "[a]\naws_access_key_id=i\nregion=r\nAWS_ACCESS_KEY_ID=j\n  k\nx=1\n",
        "[a]\nID\nSECRET\nTOKEN\nregion=r\nx=1\n",
    );
}

#[test]
fn leaves_nested_settings_and_comments_alone() {
    let nested = "s3 =\n  aws_access_key_id = n\n  # c\n\n  aws_session_token = n\n";
    let comments = "# aws_access_key_id = c\n;aws_secret_access_key=c\n  # aws_session_token = c\n";
    becomes(
        &format!("[a]\n{nested}{comments}"),
        &format!("[a]\nID\nSECRET\nTOKEN\n{nested}{comments}"),
    );
}

#[test]
fn replaces_a_value_of_several_lines() {
    becomes(
        "[a]\naws_session_token =\n  t\n# c\n\n  u\nregion = r\n",
        "[a]\nTOKEN\nID\nSECRET\n# c\n\nregion = r\n",
    );
}

/// A line that is indented further than the one above would be read as a part of its value.
#[test]
fn indents_added_lines_like_their_neighbour() {
    becomes(
        "[a]\n  region = r\n  x = 1\n",
        "[a]\n  ID\n  SECRET\n  TOKEN\n  region = r\n  x = 1\n",
    );
    becomes("[a]\n  [b]\n", "[a]\n  ID\n  SECRET\n  TOKEN\n  [b]\n");
    becomes("[a]\n\tAWS_Session_Token = t\n", "[a]\n\tTOKEN\n\tID\n\tSECRET\n");
}

#[test]
fn changes_nothing_if_nothing_is_new() {
    let [id, secret, token] = NEW;
    let text = format!(
        "[a] # c\nAWS_SESSION_TOKEN:{token}  \n  \nx=1\naws_access_key_id={id}\r\naws_secret_access_key =\t{secret}"
    );
    assert_eq!(edit(text.as_bytes()), text.as_bytes());
}

/// botocore was seen to read or refuse each in the same way: `tests/interop/test_random_profiles.py`.
#[test]
fn refuses_a_file_that_the_aws_cli_cannot_parse() {
    use SyntaxError::*;
    let rows: &[(&[u8], SyntaxError)] = &[
        (b"[b]\nx = 1\n[c]\n[b]\n", SectionTwice { line: 4, first: 1 }),
        (b"[a]\n[b]\n  [a]\n", SectionTwice { line: 3, first: 1 }),
        (b"\nregion = r\n[b]\n", NoSection { line: 2 }),
        (b"[]\n", NoSection { line: 1 }),
        (b"[b]\nx\n", NoSetting { line: 2 }),
        (b"[b]\n= 1\n", NoSetting { line: 2 }),
        (b"[b]\n[a\n", NoSetting { line: 2 }),
        (b"[b]\nx = 1\ny = 1\nX : 2\n", SettingTwice { line: 4, first: 2 }),
        // The Kelvin sign is a `k` in lower case.
        ("[b]\nk = 1\n\u{212a} = 2\n".as_bytes(), SettingTwice { line: 3, first: 2 }),
        (b"[DEFAULT]\nx = 1\n[b]\n[DEFAULT]\nx = 1\n", SettingTwice { line: 5, first: 2 }),
        (b"[b]\ns3 =\n  x = 1\n\n  y : 2\n", Nested { line: 2 }),
        ("[b]\ns3 =\n  x = 1\u{2028}y\n".as_bytes(), Nested { line: 2 }),
        (b"[b]\n# \xff\n", Encoding { line: 2 }),
        (b"[b]\nx = \xe4\n", Encoding { line: 2 }),
        ("\u{feff}[b]\n".as_bytes(), ByteOrderMark),
        ("\u{feff}# c\n[b]\n".as_bytes(), ByteOrderMark),
        ("\u{a0}[b]\n".as_bytes(), Indent { line: 1 }),
        ("[b]\nx =\n\u{a0}[c]\n".as_bytes(), Nested { line: 2 }),
        ("[b]\nx = 1\n\u{a0}[c]\n".as_bytes(), Indent { line: 3 }),
    ];
    for (text, error) in rows {
        let refused = replace(text, &name("a"), &credentials(NEW)).unwrap_err();
        assert_eq!(refused, ProfileError::Syntax(*error), "{}", String::from_utf8_lossy(text));
        assert!(!error.to_string().is_empty());
    }
    becomes(
        "[b]\ns3 =\n  x = 1\n  # c\n\n\n",
        "[b]\ns3 =\n  x = 1\n  # c\n\n\n[a]\nID\nSECRET\nTOKEN\n",
    );
}

/// Python has more blanks than ASCII.
#[test]
fn trims_as_python_does() {
    for blank in ["\u{a0}", "\u{1c}", "\u{85}", "\u{2028}", "\u{3000}", "\u{b}", "\u{c}"] {
        let text = format!("[a]\naws_access_key_id{blank}={blank}{}{blank}\n", NEW[0]);
        let edited = String::from_utf8(edit(text.as_bytes())).unwrap();
        assert!(edited.starts_with(&text), "{edited:?}");
        assert_eq!(edited.matches("aws_access_key_id").count(), 1, "{edited:?}");
    }
    // Not a blank to Python.
    becomes("[a]\nx\u{200b} = 1\n", "[a]\nID\nSECRET\nTOKEN\nx\u{200b} = 1\n");
}

#[test]
fn refuses_utf_16() {
    let text = b"\xff\xfe[\0a\0]\0";
    let error = replace(text, &name("a"), &credentials(NEW)).unwrap_err();
    assert_eq!(error, ProfileError::Utf16);
}

#[test]
fn refuses_values_that_would_be_read_as_something_else() {
    let values =
        ["", "a b", "a\n[b]", "a\r", "a\0", "a#b", "a;b", " a", "ä", "\u{2028}", "a\tb", "a\u{7f}"];
    for value in values {
        for at in 0..3 {
            let mut set = NEW;
            set[at] = value;
            let error = replace(b"", &name("a"), &credentials(set)).unwrap_err();
            assert_eq!(error, ProfileError::Value(KEYS[at]), "{value:?}");
        }
    }
}

#[test]
fn refuses_names_that_would_be_read_as_something_else() {
    for text in ["default", "a b", "team/prod@eu", "ä", "a[b", "a#1", "profile a", "DEFAULTS"] {
        assert_eq!(text.parse::<ProfileName>().unwrap().to_string(), text);
    }
    let rows = [
        ("", ProfileNameError::Empty),
        ("a]", ProfileNameError::Character(']')),
        ("a\nb", ProfileNameError::Character('\n')),
        ("a\0", ProfileNameError::Character('\0')),
        ("a\u{85}b", ProfileNameError::Character('\u{85}')),
        ("a\u{2028}b", ProfileNameError::Character('\u{2028}')),
        (" a", ProfileNameError::Blanks),
        ("a\u{a0}", ProfileNameError::Blanks),
        ("DEFAULT", ProfileNameError::Defaults),
    ];
    for (text, error) in rows {
        assert_eq!(text.parse::<ProfileName>(), Err(error), "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn every_reader_finds_the_new_values_and_the_rest_as_it_was(text in file()) {
        let Ok(edited) = replace(&text, &name("a"), &credentials(NEW)) else { return Ok(()) };
        let edited = edited.expose().to_vec();
        prop_assert_eq!(&edit(&edited), &edited);

        let (before, after) = (Reader::read(&text), Reader::read(&edited));
        let to_python = |(heading, _): &(String, ParsedSettings)| is_ours_to_python(heading);
        prop_assert!(after.sections.iter().any(to_python));
        for (_, settings) in after.sections.iter().filter(|(heading, _)| is_ours(heading)) {
            for (key, value) in KEYS.into_iter().zip(NEW) {
                prop_assert_eq!(&settings[key], &[value]);
            }
        }

        let mut others = before.without_keys();
        let is_there = before.sections.iter().any(to_python);
        if !is_there {
            others.push(("[a]".to_owned(), ParsedSettings::new()));
        }
        prop_assert_eq!(after.without_keys(), others);

        let added = after.rest.strip_prefix(before.rest.as_slice());
        let added = added.map(|added| String::from_utf8_lossy(added).replace(['\r', '\n'], ""));
        let wanted = if is_there { "" } else { "[a]" };
        prop_assert_eq!(added.as_deref(), Some(wanted));
    }
}

/// Random files of all kinds of lines; few of them are refused.
fn file() -> impl Strategy<Value = Vec<u8>> {
    let aside = || prop::option::weighted(0.2, prop::sample::select(ASIDES));
    let setting = (
        prop::sample::select(INDENTS),
        prop::sample::select(SEPARATORS),
        prop::sample::select(VALUES),
        aside(),
    );
    let settings = (
        prop::sample::subsequence(SETTINGS, 0..=SETTINGS.len()).prop_shuffle(),
        prop::collection::vec(setting, SETTINGS.len()),
    )
        .prop_map(|(keys, rest)| {
            let lines = keys.into_iter().zip(rest);
            lines
                .flat_map(|(key, (indent, separator, value, aside))| {
                    let setting = format!("{indent}{key}{separator}{value}");
                    [Some(setting), aside.map(str::to_owned)].into_iter().flatten()
                })
                .collect::<Vec<_>>()
        });
    let sections = (
        prop::sample::subsequence(HEADINGS, 0..=HEADINGS.len()).prop_shuffle(),
        prop::collection::vec(settings, HEADINGS.len()),
    );
    // CR ends either all lines or none: a CR before an LF would not be a separate line.
    let is_cr = prop::bool::weighted(0.1);
    let endings = prop::collection::vec(any::<bool>(), 1..9);
    (aside(), sections, is_cr, endings, any::<bool>()).prop_map(
        |(aside, (headings, bodies), is_cr, endings, is_cut)| {
            let sections = headings.into_iter().zip(bodies);
            let lines = sections
                .flat_map(|(heading, body)| std::iter::once(heading.to_owned()).chain(body));
            let mut text = Vec::new();
            let mut endings = endings.into_iter().cycle();
            for line in aside.map(str::to_owned).into_iter().chain(lines) {
                text.extend(line.bytes());
                let ending = match (is_cr, endings.next()) {
                    (true, _) => "\r",
                    (false, Some(true)) => "\r\n",
                    (false, _) => "\n",
                };
                text.extend(ending.bytes());
            }
            let end = text.trim_ascii_end().len();
            text.truncate(if is_cut { end } else { text.len() });
            text
        },
    )
}

const HEADINGS: &[&str] =
    &["[a]", "[ a ] # c", "[a] # [1]", "  [b]", "[c]", "[d];c", "[A]", "[profile a]"];
const INDENTS: &[&str] = &["", "", "", " ", "  ", "\t"];
const SETTINGS: &[&str] = &[
    "aws_access_key_id",
    "aws_secret_access_key",
    "Aws_Session_Token",
    "aws_session_tokens",
    "region",
    "s3",
    "ä",
];
const SEPARATORS: &[&str] = &[" = ", "=", ":", " : ", " =", "\t=\t"];
const VALUES: &[&str] = &["", "old", "old # c", "old;c", "a=b:c", "ä", "ASIANEW", "new-token==  "];
const ASIDES: &[&str] = &["", "  ", "# c", "; c", "  # aws_session_token = c", "#[a]", "# ä"];

type ParsedSettings = BTreeMap<String, Vec<String>>;

/// Reads a credentials file in another way than the code under test.
#[derive(Default)]
struct Reader {
    /// The headings in their order, each with its settings and their values, line by line.
    sections: Vec<(String, ParsedSettings)>,
    /// The text without the three keys of the profile.
    rest: Vec<u8>,
}

impl Reader {
    fn read(text: &[u8]) -> Self {
        let mut reader = Self::default();
        let mut open: Option<(usize, String)> = None;
        for whole in lines(text) {
            let line = String::from_utf8_lossy(whole);
            let content = line.trim();
            let indent = line.len() - line.trim_start().len();
            if content.is_empty() || content.starts_with(['#', ';']) {
                reader.rest.extend(whole);
                continue;
            }
            if let Some((_, key)) = open.as_ref().filter(|(level, _)| indent > *level) {
                let key = key.clone();
                reader.add(&key, content, whole);
            } else if content.starts_with('[') && content.contains(']') {
                reader.sections.push((content.to_owned(), ParsedSettings::new()));
                reader.rest.extend(whole);
                open = None;
            } else {
                let (key, value) = content.split_once(['=', ':']).unwrap_or((content, ""));
                let key = key.trim().to_lowercase();
                reader.add(&key, value.trim(), whole);
                open = Some((indent, key));
            }
        }
        reader
    }

    fn add(&mut self, key: &str, value: &str, whole: &[u8]) {
        let section = self.sections.last_mut();
        if !(section.as_ref().is_some_and(|(heading, _)| is_ours(heading)) && KEYS.contains(&key)) {
            self.rest.extend(whole);
        }
        if let Some((_, settings)) = section {
            settings.entry(key.to_owned()).or_default().push(value.to_owned());
        }
    }

    fn without_keys(&self) -> Vec<(String, ParsedSettings)> {
        let mut sections = self.sections.clone();
        for (_, settings) in sections.iter_mut().filter(|(heading, _)| is_ours(heading)) {
            settings.retain(|key, _| !KEYS.contains(&key.as_str()));
        }
        sections
    }
}

fn is_ours(heading: &str) -> bool {
    let bare = heading.split(['#', ';']).next().unwrap().trim_end();
    let bare = bare.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    is_ours_to_python(heading) || bare.is_some_and(|name| name.trim() == "a")
}

fn is_ours_to_python(heading: &str) -> bool {
    heading.strip_prefix("[a]").is_some_and(|behind| !behind.contains(']'))
}

/// Splits after LF, CRLF and CR.
fn lines(text: &[u8]) -> Vec<&[u8]> {
    let is_end = |at: usize| match text[at] {
        b'\n' => true,
        b'\r' => text.get(at + 1) != Some(&b'\n'),
        _ => false,
    };
    let mut start = 0;
    let mut lines = Vec::new();
    for at in 0..text.len() {
        if is_end(at) {
            lines.push(&text[start..=at]);
            start = at + 1;
        }
    }
    lines.push(&text[start..]);
    lines
}
