//! References in all notations: tables of what they mean, and that what is printed is read again as it was.

use proptest::prelude::*;
use proptest::string::string_regex;

use super::*;

const SECRET: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/db-AbCdEf";
const PARAMETER: &str = "arn:aws:ssm:us-east-1:123456789012:parameter/prod/api-url";

fn parsed(text: &str) -> Reference {
    Reference::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str) -> ReferenceError {
    match Reference::parse(text) {
        Ok(reference) => panic!("{text} is {reference:?}"),
        Err(error) => error,
    }
}

/// Returns in words what a reference means.
fn meaning(reference: &Reference) -> String {
    let mut words = match reference.target() {
        ReferenceTarget::Secret { id, version: SecretVersionSelector { stage, id: version } } => {
            let mut words = vec![format!("secret {id}")];
            words.extend(stage.as_ref().map(|stage| format!("stage {stage}")));
            words.extend(version.as_ref().map(|version| format!("version {version}")));
            words
        }
        ReferenceTarget::Parameter { name, version, types } => {
            let mut words = vec![format!("parameter {name}")];
            match version {
                ParameterVersion::Latest => {}
                ParameterVersion::Number(number) => words.push(format!("version {number}")),
                ParameterVersion::Label(label) => words.push(format!("label {label}")),
            }
            match types {
                ParameterTypes::Any => {}
                types => words.push(format!("{types:?}")),
            }
            words
        }
    };
    match reference.part() {
        Part::Whole => {}
        Part::AllMembers => words.push("all members".to_owned()),
        Part::Member(key) => words.push(format!("member {key}")),
        Part::Path(key) => words.push(format!("path {key}")),
    }
    words.extend(reference.region().map(|region| format!("in {region}")));
    words.extend(reference.role().map(|role| format!("role {role}")));
    match reference.fallback() {
        Fallback::None => {}
        Fallback::Absent => words.push("optional".to_owned()),
        Fallback::Text(text) => words.push(format!("default {:?}", text.expose())),
    }
    words.join(", ")
}

#[test]
fn our_own_references_are_read() {
    let rows = [
        ("sm://db", "secret db"),
        ("sm:///prod/db", "secret /prod/db"),
        ("sm://a/b_c+d=e.f@g-h", "secret a/b_c+d=e.f@g-h"),
        ("sm://prod/db#password", "secret prod/db, path password"),
        ("sm://db#spring.datasource.url", "secret db, path spring.datasource.url"),
        ("sm://db#*", "secret db, all members"),
        ("sm://db#%2A", "secret db, path *"),
        ("sm://db#**", "secret db, path **"),
        ("sm://db#a%20b%3F%23%26%25", "secret db, path a b?#&%"),
        ("sm://db#a b+c#d=é", "secret db, path a b+c#d=é"),
        ("sm://db?stage=AWSPREVIOUS", "secret db, stage AWSPREVIOUS"),
        ("sm://db?stage=AWSCURRENT", "secret db"),
        ("sm://db?version=v-1", "secret db, version v-1"),
        ("sm://db#k?region=eu-west-1&role=ops", "secret db, path k, in eu-west-1, role ops"),
        ("sm://db?optional", "secret db, optional"),
        ("sm://db?default=", "secret db, default \"\""),
        ("sm://db?default=a=b+c%26d%0A", "secret db, default \"a=b+c&d\\n\""),
        ("sm://db#*?optional", "secret db, all members, optional"),
        ("ssm://name", "parameter name"),
        ("ssm:///path/name", "parameter /path/name"),
        ("ssm:///path/name#key?optional", "parameter /path/name, path key, optional"),
        ("ssm:///p?version=007", "parameter /p, version 7"),
        ("ssm:///p?label=blue&role=a.b", "parameter /p, label blue, role a.b"),
        (
            "ssm:///aws/reference/secretsmanager/a+b@c?label=AWSPREVIOUS",
            "parameter /aws/reference/secretsmanager/a+b@c, label AWSPREVIOUS",
        ),
    ];
    for (text, expected) in rows {
        assert_eq!(meaning(&parsed(text)), expected, "{text}");
    }
    let in_arn = format!("secret {SECRET}, path k, in eu-central-1");
    assert_eq!(meaning(&parsed(&format!("sm://{SECRET}#k"))), in_arn);
    assert_eq!(meaning(&parsed(&format!("sm://{SECRET}#k?region=eu-central-1"))), in_arn);
    let in_arn = format!("parameter {PARAMETER}, version 3, in us-east-1");
    assert_eq!(meaning(&parsed(&format!("ssm://{PARAMETER}?version=3"))), in_arn);
}

/// The examples of CloudFormation's documentation, and what cfn-lint accepts.
#[test]
fn dynamic_references_are_read_as_cloudformation_reads_them() {
    let arn = "arn:aws:secretsmanager:us-west-2:123456789012:secret:MySecret-a1b2c3";
    let rows = [
        ("secretsmanager:MySecret", "secret MySecret"),
        ("secretsmanager:MySecret::::", "secret MySecret"),
        ("secretsmanager:MySecret:SecretString", "secret MySecret"),
        ("secretsmanager:MySecret:SecretString:password", "secret MySecret, member password"),
        ("secretsmanager:MySecret::password", "secret MySecret, member password"),
        (
            "secretsmanager:MySecret:SecretString:password:AWSPREVIOUS",
            "secret MySecret, stage AWSPREVIOUS, member password",
        ),
        ("secretsmanager:MySecret:SecretString:a.b:AWSCURRENT:", "secret MySecret, member a.b"),
        (
            "secretsmanager:MySecret:SecretString:password::EXAMPLE1-90ab-cdef-fedc-ba987EXAMPLE",
            "secret MySecret, version EXAMPLE1-90ab-cdef-fedc-ba987EXAMPLE, member password",
        ),
        (&format!("secretsmanager:{arn}"), &format!("secret {arn}, in us-west-2")),
        (
            &format!("secretsmanager:{arn}:SecretString:password"),
            &format!("secret {arn}, member password, in us-west-2"),
        ),
        (
            &format!("secretsmanager:{arn}:SecretString:password:AWSPENDING:"),
            &format!("secret {arn}, stage AWSPENDING, member password, in us-west-2"),
        ),
        ("ssm:S3AccessControl:2", "parameter S3AccessControl, version 2, Plain"),
        ("ssm:/prod/url", "parameter /prod/url, Plain"),
        ("ssm-secure:IAMUserPassword:10", "parameter IAMUserPassword, version 10, Secure"),
        ("ssm-secure:IAMUserPassword", "parameter IAMUserPassword, Secure"),
    ];
    for (text, expected) in rows {
        let text = format!("{{{{resolve:{text}}}}}");
        assert_eq!(meaning(&parsed(&text)), expected, "{text}");
    }
}

/// The examples of ECS's documentation.
#[test]
fn value_from_is_read_as_the_ecs_agent_reads_it() {
    let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:appauthexample-AbCdEf";
    let version = "9d4cb84b-ad69-40c0-a0ab-cead36b967e8";
    let secret = format!("secret {arn}");
    let rows = [
        (arn.to_owned(), secret.clone()),
        (format!("{arn}:username1::"), format!("{secret}, member username1")),
        (format!("{arn}::AWSPREVIOUS:"), format!("{secret}, stage AWSPREVIOUS")),
        (format!("{arn}:::{version}"), format!("{secret}, version {version}")),
        (
            format!("{arn}:user.name:AWSPREVIOUS:"),
            format!("{secret}, stage AWSPREVIOUS, member user.name"),
        ),
        // Both are sent, and AWS refuses them unless they are of one version.
        (
            format!("{arn}::AWSCURRENT:{version}"),
            format!("{secret}, stage AWSCURRENT, version {version}"),
        ),
        (format!("{arn}:::"), secret),
        (PARAMETER.to_owned(), format!("parameter {PARAMETER}")),
    ];
    for (text, expected) in rows {
        let expected = format!("{expected}, in us-east-1");
        assert_eq!(meaning(&parsed(&text)), expected, "{text}");
        assert_eq!(meaning(&Reference::parse_value_from(&text).unwrap()), expected, "{text}");
    }
    for name in ["parameter_name", "/prod/api-url"] {
        let reference = Reference::parse_value_from(name).unwrap();
        assert_eq!(meaning(&reference), format!("parameter {name}"));
        assert_eq!(refused(name), ReferenceError::NoReference);
    }
}

use ReferenceError as E;

fn assert_refused<'a>(rows: impl IntoIterator<Item = (&'a str, ReferenceError)>) {
    for (text, expected) in rows {
        assert_eq!(refused(text), expected, "{text}");
    }
}

#[test]
fn wrong_names_and_keys_are_refused() {
    assert_refused([
        ("hunter2", E::NoReference),
        ("SM://db", E::Scheme),
        ("sm:/db", E::Scheme),
        ("\"sm://db\"", E::Scheme),
        ("u:sm://db@h", E::InText),
        ("{{ resolve:ssm:a }}", E::Resolve),
        ("arn:aws:iam::123456789012:role/r", E::NoReference),
        ("sm://", E::NoName),
        ("sm://#key", E::NoName),
        ("sm://d b", E::NameCharacter(' ')),
        ("sm://db%2Fa", E::NameCharacter('%')),
        ("sm://db:key", E::NameCharacter(':')),
        (&format!("sm://{}", "a".repeat(513)), E::LongName { limit: 512 }),
        ("sm://db#", E::NoKey),
        ("sm://db#?optional", E::NoKey),
        ("sm://db?stage=A#key", E::KeyAfterOptions),
        ("sm://db#%", E::Percent),
        ("sm://db#%2", E::Percent),
        ("sm://db#%+1", E::Percent),
        ("sm://db#%ff", E::NotUtf8),
        ("sm://db#a\nb", E::Control('\n')),
        ("ssm://", E::NoName),
        ("ssm://prod/url", E::RelativePath),
        ("ssm://a+b", E::NameCharacter('+')),
        ("ssm://a:3", E::NameCharacter(':')),
        (&format!("ssm://{PARAMETER}:3"), E::ArnParts),
        (&format!("sm://{SECRET}:key::"), E::ArnParts),
    ]);
    assert!(matches!(refused("sm://arn:aws:secretsmanager:x:1:secret:a"), E::Arn(_)));
}

#[test]
fn wrong_options_are_refused() {
    let unknown = |option: &str, nearest| E::UnknownOption { option: option.to_owned(), nearest };
    assert_refused([
        ("sm://db?", E::NoOption),
        ("sm://db?default=p&Passw0rd-Tail", E::AfterDefault),
        ("sm://db?default=p&=", E::AfterDefault),
        ("sm://db?stag=A", unknown("`stag`", Some("stage"))),
        ("sm://db?as=file", unknown("`as`", None)),
        ("sm://db?stage", E::EmptyOption("stage")),
        ("sm://db?stage=", E::EmptyOption("stage")),
        ("sm://db?stage=a:b", E::OptionCharacter { option: "stage", character: ':' }),
        (&format!("sm://db?stage={}", "a".repeat(257)), E::LongOption("stage")),
        ("sm://db?stage=a&stage=a", E::Repeated("stage")),
        ("sm://db?stage=a&version=b", E::Exclusive("stage", "version")),
        ("sm://db?optional&default=b", E::Exclusive("optional", "default")),
        ("sm://db?optional=true", E::ValueOfOptional),
        ("sm://db?default", E::EmptyOption("default")),
        ("sm://db#*?default=a", E::DefaultOfAll),
        ("sm://db?default=%00", E::NulInDefault),
        ("sm://db?label=a", E::OtherService { option: "label" }),
        ("sm://db?region=Frankfurt", E::Region),
        ("sm://db?region=fips-us-east-1", E::Region),
        ("sm://db?role=arn:aws:iam::123456789012:role/r", E::Role),
        ("ssm://a?version=0", E::Version),
        ("ssm://a?version=+1", E::Version),
        ("ssm://a?version=blue", E::Version),
        ("ssm://a?version=18446744073709551616", E::Version),
        ("ssm://a?version=1&label=b", E::Exclusive("label", "version")),
        ("ssm://a?stage=b", E::OtherService { option: "stage" }),
    ]);
    let regions = refused(&format!("sm://{SECRET}?region=us-east-1")).to_string();
    assert_eq!(regions, "`region` is `us-east-1`, but the ARN is of `eu-central-1`");
}

#[test]
fn what_aws_refuses_is_refused() {
    let resolve = |rest: &str| format!("{{{{resolve:{rest}}}}}");
    assert_refused([
        (&*resolve("secretsmanager"), E::SecretParts),
        (&resolve("secretsmanager:"), E::NoName),
        (&resolve("secretsmanager:a:SecretString:k:s:v:x"), E::SecretParts),
        (&resolve("secretsmanager:a:SecretBinary"), E::NotSecretString),
        // As ECS has it: one position too early.
        (&resolve("secretsmanager:a:password::"), E::NotSecretString),
        (&resolve("secretsmanager:a:SecretString:k:s:v"), E::Exclusive("stage", "version")),
        (&resolve("secretsmanager:arn:aws:secretsmanager"), E::SecretParts),
        (&resolve("secretsmanager:a:SecretString:pass word"), E::Space),
        (&resolve("secretsmanager:a:SecretString:k\\"), E::Backslash),
        (&resolve("secretsmanager:a:SecretString:{k}"), E::ResolveCharacter('{')),
        (&resolve("ssm:a:b:3"), E::ParameterParts),
        (&resolve("ssm:a:blue"), E::Version),
        (&resolve("ssm:prod/a"), E::RelativePath),
        (&resolve(&format!("ssm:{PARAMETER}")), E::ParameterArn),
        (&resolve("s3:a"), E::Service),
        ("{{resolve:ssm:a}", E::Unclosed),
        ("{{resolve:ssm:a}} ", E::Unclosed),
        (&format!("{SECRET}:key"), E::ValueFromParts),
        (&format!("{SECRET}:key:stage"), E::ValueFromParts),
        (&format!("{SECRET}:SecretString:key:stage:version"), E::ValueFromParts),
    ]);
}

#[test]
fn value_from_is_nothing_but_arns_and_names() {
    for text in ["sm://db", "ssm://a", "{{resolve:ssm:a}}", "", "a b", "a:3", "arn:aws:iam::1:r"] {
        assert!(Reference::parse_value_from(text).is_err(), "{text}");
    }
}

#[test]
fn references_are_found_in_text() {
    let found = |text: &'static str| -> Vec<(&str, bool)> {
        let found = dynamic_references(text).into_iter();
        found.map(|found| (&text[found.range], found.reference.is_ok())).collect()
    };
    assert_eq!(
        found("postgres://{{resolve:ssm:user}}:{{resolve:ssm-secure:pw}}@h/{{resolve:x:y}}"),
        [
            ("{{resolve:ssm:user}}", true),
            ("{{resolve:ssm-secure:pw}}", true),
            ("{{resolve:x:y}}", false)
        ]
    );
    assert_eq!(found("{{ resolve }} {{other:ssm}} {resolve:a} }}"), []);
    assert_eq!(found("{{ resolve:ssm:a }} {{reslove:ssm:a}}"), [("{{", false), ("{{", false)]);
    assert_eq!(found("é{{resolve:ssm:a\n}}"), [("{{resolve:ssm:a", false)]);
    assert_eq!(found("{{resolve:ssm:a}b}}"), [("{{resolve:ssm:a", false)]);
    // The inner one is a reference of its own, and the outer one is refused.
    assert_eq!(
        found("{{resolve:ssm:{{resolve:ssm:a}}}}"),
        [("{{resolve:ssm:", false), ("{{resolve:ssm:a}}", true)]
    );
    assert_eq!(found("{{{resolve:ssm:a}}}"), [("{{resolve:ssm:a}}", true)]);
}

#[test]
fn a_value_is_a_reference_or_holds_some() {
    let count = |text: &str| Reference::find_in_value(text).len();
    for text in ["sm://db", "ssm://prod/url", SECRET, PARAMETER, "a{{resolve:ssm:a}}", "sm:/db"] {
        assert_eq!(count(text), 1, "{text}");
    }
    for text in ["", "text", "a sm://db", "arn:aws:iam::123456789012:role/r"] {
        assert_eq!(count(text), 0, "{text}");
    }
    let wrong = Reference::find_in_value("sm://d{{resolve:ssm:a}}");
    assert_eq!((wrong.len(), wrong[0].range.clone()), (1, 0..23));
    assert!(wrong[0].reference.is_err());
}

#[test]
fn messages_and_debuggers_see_no_secret() {
    let text = "sm://prod/db#pass%20word?default=hunter2&stage=AWSPREVIOUS";
    let reference = parsed(text);
    assert!(!format!("{reference:?}").contains("hunter2"));
    assert_eq!(reference.shown(), "sm://prod/db#pass word?stage=AWSPREVIOUS&default=…");
    assert_eq!(shown_text(text), "sm://prod/db#pass%20word?…");
    let random = "sm://kXp2s5v8yBEHMcQfTjWnZr4u7xADGJNdRgUk#kXp2s5v8yBEHMcQfTjWnZr4u7xADG";
    assert_eq!(parsed(random).shown(), "sm://…#…");
    assert_eq!(shown_text(random), "sm://…#…");
    assert_eq!(shown_text("{{resolve:ssm:prod api}}"), "{{resolve:ssm:prod api}}");
    assert_eq!(parsed(SECRET).shown(), SECRET);
    let error = refused("sm://db?kXp2s5v8yBEHMcQfTjWnZr4u7xADGJNdRgUk");
    assert_eq!(error.to_string(), "it is not an option");
}

#[test]
fn the_shortest_form_is_printed() {
    let rows = [
        ("sm://db?stage=AWSCURRENT", "sm://db"),
        ("sm://db#a%62c", "sm://db#abc"),
        ("sm://db#a b", "sm://db#a%20b"),
        (
            "sm://db?optional&version=x&region=eu-west-1",
            "sm://db?version=x&region=eu-west-1&optional",
        ),
        ("ssm://a?version=03", "ssm://a?version=3"),
        ("{{resolve:secretsmanager:a::::}}", "{{resolve:secretsmanager:a}}"),
        ("{{resolve:secretsmanager:a::k}}", "{{resolve:secretsmanager:a:SecretString:k}}"),
        (
            "{{resolve:secretsmanager:a:SecretString:::v}}",
            "{{resolve:secretsmanager:a:SecretString:::v}}",
        ),
        ("{{resolve:ssm:a:02}}", "{{resolve:ssm:a:2}}"),
        (&format!("{SECRET}:::"), SECRET),
        (&format!("{SECRET}::AWSCURRENT:"), SECRET),
        (&format!("{SECRET}:k::"), &format!("{SECRET}:k::")),
    ];
    for (text, expected) in rows {
        assert_eq!(parsed(text).to_string(), expected);
    }
}

/// Whether two references mean the same and are written in the same notation.
fn is_same(one: &Reference, other: &Reference) -> bool {
    meaning(one) == meaning(other)
        && one.part() == other.part()
        && one.target() == other.target()
        && one.notation() == other.notation()
}

fn text(pattern: &str) -> impl Strategy<Value = String> {
    string_regex(pattern).unwrap()
}

/// References in all notations, with options in any order and what may be encoded or not.
fn written() -> impl Strategy<Value = String> {
    let key = prop_oneof![text("[a-z.]{1,8}"), Just("*".to_owned()), text("\\PC{1,8}")];
    let encoded = key.prop_map(|key| {
        let raw: String = key.chars().filter(|c| !"?%#".contains(*c)).collect();
        if raw == key { raw } else { uri::encoded_text(&key) }
    });
    let name = prop_oneof![text("[A-Za-z0-9/_+=.@!-]{1,20}"), Just(SECRET.to_owned())];
    let parameter = prop_oneof![
        text("[A-Za-z0-9_.-]{1,9}"),
        text("(/[a-z.-]{1,5}){1,3}"),
        Just(PARAMETER.to_owned())
    ];
    let fallback = prop_oneof![
        Just(None),
        Just(Some("optional".to_owned())),
        any::<String>()
            .prop_map(|it| Some("default=".to_owned() + &uri::encoded_text(&it.replace('\0', "")))),
    ];
    let role = proptest::option::of(text("role=[A-Za-z0-9_.-]{1,9}"));
    let of_secret = proptest::option::of(text("(stage|version)=[A-Za-z0-9_-]{1,9}"));
    let of_parameter =
        proptest::option::of(text("(version=0{0,2}[1-9][0-9]{0,3}|label=[a-z]{1,5})"));
    let scheme = prop_oneof![
        (Just("sm://"), name, of_secret.boxed()),
        (Just("ssm://"), parameter, of_parameter.boxed()),
    ];
    let uri = (scheme, proptest::option::of(encoded), fallback, role).prop_shuffle_options();
    let resolve = text(
        "\\{\\{resolve:(secretsmanager:[a-z/!]{1,5}(:(SecretString)?(:[a-z.é*?#%]{0,4}(:[A-Z]{0,3})?)?)?|ssm(-secure)?:[a-z]{1,3}(:[1-9])?)\\}\\}",
    );
    let ecs =
        text(":[a-z.é*?#%]{0,4}:[A-Z]{0,3}:[a-z]{0,3}").prop_map(|rest| SECRET.to_owned() + &rest);
    prop_oneof![uri, resolve, ecs, Just(PARAMETER.to_owned())]
}

/// Joins the parts of a reference.
trait JoinedReference: Strategy {
    fn prop_shuffle_options(self) -> BoxedStrategy<String>;
}

type Parts =
    ((&'static str, String, Option<String>), Option<String>, Option<String>, Option<String>);

impl<S: Strategy<Value = Parts> + 'static> JoinedReference for S {
    fn prop_shuffle_options(self) -> BoxedStrategy<String> {
        let options = self.prop_flat_map(|((scheme, name, version), key, fallback, role)| {
            let fallback = fallback.filter(|it| key.as_deref() != Some("*") || it == "optional");
            let options: Vec<String> = [version, fallback, role].into_iter().flatten().collect();
            (Just((scheme, name, key)), Just(options).prop_shuffle())
        });
        let joined = options.prop_map(|((scheme, name, key), options)| {
            let key = key.map_or_else(String::new, |key| format!("#{key}"));
            let options =
                if options.is_empty() { String::new() } else { format!("?{}", options.join("&")) };
            [scheme, &name, &key, &options].concat()
        });
        joined.boxed()
    }
}

proptest! {
    #[test]
    fn a_printed_reference_is_read_as_it_was(text in written()) {
        let reference = Reference::parse(&text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        let printed = reference.to_string();
        let again = Reference::parse(&printed).map_err(|error| TestCaseError::fail(format!("{text} as {printed}: {error}")))?;
        prop_assert!(is_same(&reference, &again), "{text} as {printed}");
        prop_assert_eq!(again.to_string(), printed);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(sm://|ssm://|\\{\\{resolve:|arn:aws:ssm:|)\\PC{0,40}") {
        if let Ok(reference) = Reference::parse(&text) {
            let again = Reference::parse(&reference.to_string()).unwrap();
            prop_assert!(is_same(&reference, &again), "{text}");
        }
        for found in Reference::find_in_value(&text) {
            prop_assert!(text.is_char_boundary(found.range.start) && text.is_char_boundary(found.range.end));
        }
        let _ = (shown_text(&text), Reference::parse_value_from(&text).map(|it| it.shown()));
    }
}
