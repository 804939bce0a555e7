//! References that are wrong, and what keeps references from being resolved.

use super::{Page, variants};
use crate::output::error::Error;
use crate::output::references::{PrintedLineError, ValueError};
use crate::output::usage::{ReferenceRoleError, UnusableRole, UsageError, WrongReference};
use crate::secrets::reference::{Reference, ReferenceError, shown_text};
use crate::secrets_cache::ReadFailure;

variants!(ReferenceError:
    NoReference Scheme InText Resolve NoName NameCharacter LongName RelativePath Arn NoArn ArnParts
    RegionOfArn NoKey KeyAfterOptions UnknownOption NoOption AfterDefault Repeated OtherService
    EmptyOption LongOption OptionCharacter ValueOfOptional Exclusive DefaultOfAll NulInDefault Percent NotUtf8 Control
    Version Region Role Unclosed Space ResolveCharacter Backslash Service SecretParts NotSecretString ParameterParts
    ParameterArn ValueFromParts
);
variants!(ValueError:
    Binary NotAnObject NoMember NoMembers Empty EmptyMembers Nul NulInMembers NotUnicode SecureString
    NotSecureString
);
variants!(ReferenceRoleError: NoFile Unknown Unusable Partition);
variants!(ReadFailure:
    Service Timeout Unreachable Interrupted Unreadable NoSession UnknownRole Inconsistent
    TooManyReads Internal
);
variants!(PrintedLineError: SeveralLines Binary);

const SECRET: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf";

#[test]
fn errors_of_references_have_these_texts() {
    let mut page = Page::default();
    let errors = wrong_references().into_iter().map(|text| {
        let error = Reference::parse(&text).expect_err("a wrong reference");
        (text, error)
    });
    let errors: Vec<(String, ReferenceError)> = errors.collect();
    for (text, source) in &errors {
        let heading = page.see(source);
        let wrong = WrongReference { shown: shown_text(text), source: source.clone() };
        page.add(&heading, &UsageError::References(vec![wrong]).into());
    }
    page.check_has_all::<ReferenceError>();
    let several = errors.into_iter().take(3);
    let several = several.map(|(text, source)| WrongReference { shown: shown_text(&text), source });
    page.add("several", &UsageError::References(several.collect()).into());
    let reference = |text| Reference::parse(text).unwrap();
    page.add_all(values(), |error| error.of(&reference("sm://prod/db#password")));
    let empty = || ValueError::EmptyMembers(vec!["user".to_owned()]);
    for error in [ValueError::NotAnObject, ValueError::NoMembers, empty()] {
        page.add("ValueError of `#*`", &error.of(&reference("sm://prod/db#*")));
    }
    let no_member = ValueError::NoMember { key: "password".to_owned(), count: 3 };
    for error in [no_member, ValueError::Empty] {
        let of = reference("{{resolve:secretsmanager:prod/db:SecretString:password}}");
        page.add("ValueError of CloudFormation", &error.of(&of));
    }
    let name = || "ops".to_owned();
    let roles = vec![
        ReferenceRoleError::NoFile { name: name() },
        ReferenceRoleError::Unknown { name: name(), nearest: None },
        ReferenceRoleError::Unknown { name: name(), nearest: Some("oops".to_owned()) },
        ReferenceRoleError::Unusable { name: name(), reason: UnusableRole::Tables },
        ReferenceRoleError::Unusable {
            name: name(),
            reason: UnusableRole::Options(Box::new(UsageError::NotUtf8("--role-arn".to_owned()))),
        },
        ReferenceRoleError::Partition {
            region: "cn-north-1".to_owned(),
            partition: "aws-cn",
            of_role: "aws",
        },
    ];
    page.add_all(roles, Error::from);
    let reference = || "sm://prod/tls#key".to_owned();
    let lines = vec![
        PrintedLineError::SeveralLines { reference: reference() },
        PrintedLineError::Binary { reference: reference() },
    ];
    page.add_all(lines, Error::from);
    page.add_all(read_failures(), Error::from);
    page.compare("references");
}

fn read_failures() -> Vec<ReadFailure> {
    let (code, message) = ("AccessDeniedException".into(), "not authorized".into());
    vec![
        ReadFailure::Service { status: 400, code, message },
        ReadFailure::Timeout,
        ReadFailure::Unreachable,
        ReadFailure::Interrupted,
        ReadFailure::Unreadable,
        ReadFailure::NoSession { code: "expired" },
        ReadFailure::UnknownRole,
        ReadFailure::Inconsistent,
        ReadFailure::TooManyReads,
        ReadFailure::Internal,
    ]
}

fn wrong_references() -> Vec<String> {
    let texts = [
        "prod/db#password",
        "sm:/prod/db#password",
        "postgres://app:sm://prod/db#password@db.internal/",
        "{{ resolve:ssm:/prod/api-url }}",
        "sm://#password",
        "sm://prod db",
        &format!("sm://{}", "a".repeat(600)),
        "ssm://prod/api-url",
        "sm://arn:aws:secretsmanager:Frankfurt:123456789012:secret:db",
        "sm://arn:aws:secretsmanager:Frankfurt:123456789012:secret: kXp2s5v8yBEHMcQfTjWnZr4u7xADGJNdRgUk",
        &format!("sm://{SECRET}:password::"),
        &format!("sm://{SECRET}?region=eu-west-1"),
        "sm://db#",
        "sm://db?stage=AWSPREVIOUS#password",
        "sm://db?stagee=AWSPREVIOUS",
        "sm://db?",
        "sm://db?default=hunter2&swordfish",
        "sm://db?optional&optional",
        "sm://db?label=blue",
        "ssm:///db?stage=AWSPREVIOUS",
        "sm://db?stage=",
        &format!("sm://db?stage={}", "a".repeat(300)),
        "sm://db?version=a:b",
        "sm://db?optional=true",
        "sm://db?optional&default=hunter2",
        "sm://db#*?default=hunter2",
        "sm://db?default=hunter2%00",
        "sm://db#100%",
        "sm://db#%ff",
        "sm://db#pass\tword",
        "ssm:///db?version=blue",
        "sm://db?region=Frankfurt",
        "sm://db?role=arn:aws:iam::123456789012:role/ops",
        "{{resolve:ssm:a}",
        "{{resolve:ssm: a}}",
        "{{resolve:ssm:{a}}}",
        "{{resolve:secretsmanager:db:SecretString:password\\}}",
        "{{resolve:s3:a}}",
        "{{resolve:secretsmanager:db:SecretString:a:b:c:d}}",
        "{{resolve:secretsmanager:db:password::}}",
        "{{resolve:ssm:a:1:2}}",
        "{{resolve:ssm:arn:aws:ssm:us-east-1:123456789012:parameter/a}}",
        &format!("{SECRET}:password"),
    ];
    texts.map(str::to_owned).to_vec()
}

fn values() -> Vec<ValueError> {
    let names = || vec!["user".to_owned(), "password".to_owned()];
    vec![
        ValueError::Binary,
        ValueError::NotAnObject,
        ValueError::NoMember { key: "password".to_owned(), count: 3 },
        ValueError::NoMembers,
        ValueError::Empty,
        ValueError::EmptyMembers(names()),
        ValueError::Nul,
        ValueError::NulInMembers(vec!["password".to_owned()]),
        ValueError::NotUnicode(names()),
        ValueError::SecureString,
        ValueError::NotSecureString,
    ]
}
