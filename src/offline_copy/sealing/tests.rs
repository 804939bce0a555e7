//! Copies that are encrypted and read again, and files that were changed in every way.

use std::rc::Rc;

use super::*;
use crate::secrets_cache::{CallScope, ReadItem, ReadingRole};
use roles_anywhere_client::aws::get_secret_value::{SecretRequest, SecretValue, SecretVersion};
use roles_anywhere_client::aws::parameter::{Decryption, Parameter, ParameterRequest};
use roles_anywhere_client::region::Region;
use roles_anywhere_client::secret::{Secret, SecretBytes};
use roles_anywhere_client::time::Timestamp;
use roles_anywhere_test_support::entropy::SequenceEntropy;

const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-AbCdEf";

fn key(byte: u8) -> CopyKey {
    CopyKey::new(&[byte; 32]).unwrap()
}

fn scope() -> CallScope {
    let region = Region::parse("us-east-1").unwrap();
    let role = ReadingRole {
        id: "app".into(),
        arn: "arn:aws:iam::123456789012:role/app".into(),
        account: "123456789012".into(),
        region: region.clone(),
    };
    CallScope { role: Rc::new(role), region }
}

fn secret_item(stage: Option<&str>) -> ReadItem {
    let request = SecretRequest::current("prod/db".parse().unwrap());
    ReadItem::Secret(SecretRequest { version_stage: stage.map(str::to_owned), ..request })
}

fn record(item: &ReadItem, value: FetchedValue) -> CopyRecord {
    let identity = CopyIdentity::of(&scope(), item, &value);
    CopyRecord { identity, confirmed: Timestamp::from_unix(1_800_000_000), value }
}

fn secret(value: SecretValue) -> CopyRecord {
    let version = SecretVersion {
        arn: ARN.to_owned(),
        name: "prod/db".to_owned(),
        version_id: Some("v1".to_owned()),
        version_stages: vec!["AWSCURRENT".to_owned(), "blue".to_owned()],
        created: Some(-1_500_000),
        value,
    };
    record(&secret_item(None), FetchedValue::Secret(version))
}

fn text(text: &str) -> CopyRecord {
    secret(SecretValue::Text(Secret::new(text.to_owned())))
}

fn parameter() -> CopyRecord {
    let parameter = Parameter {
        name: "/prod/url".to_owned(),
        kind: "SecureString".to_owned(),
        value: Secret::new("https://a.example".to_owned()),
        version: Some(3),
        selector: Some(":3".to_owned()),
        source_result: Some(Secret::new("{}".to_owned())),
        last_modified: None,
        arn: None,
        data_type: Some("text".to_owned()),
    };
    let item =
        ReadItem::Parameter(ParameterRequest::parse("/prod/url:3").unwrap(), Decryption::Decrypted);
    record(&item, FetchedValue::Parameter(parameter))
}

/// Returns all that a record holds, which its `Debug` does not show.
fn bytes(record: &CopyRecord) -> Vec<u8> {
    let mut all = Vec::new();
    record.write(&mut |bytes| all.extend(bytes));
    all
}

fn entropy() -> SequenceEntropy {
    SequenceEntropy::pseudo_random(7)
}

#[test]
fn what_was_sealed_is_opened_again() {
    let binary = SecretBytes::new((0..=255).collect());
    let records = [text("hunter2"), text(""), secret(SecretValue::Binary(binary)), parameter()];
    for record in records {
        let sealed = key(1).seal(&record, &entropy());
        assert!(is_copy_name(&sealed.name), "{}", sealed.name);
        let opened = key(1).open(&sealed.name, &sealed.contents).unwrap();
        assert_eq!(bytes(&opened), bytes(&record));
        assert_eq!(opened.identity, record.identity);
        assert!(sealed.contents.len() as u64 <= MAX_FILE_SIZE);
    }
    let largest = "x".repeat(65_536);
    assert!(key(1).seal(&text(&largest), &entropy()).contents.len() as u64 <= MAX_FILE_SIZE);
}

#[test]
fn a_file_shows_nothing_of_the_copy_and_each_write_is_another_one() {
    let entropy = entropy();
    let record = text("hunter2-hunter2");
    let one = key(1).seal(&record, &entropy);
    let other = key(1).seal(&record, &entropy);
    assert_eq!(one.name, other.name);
    let start = FORMAT.len() + 8;
    assert_eq!(one.contents[..start], other.contents[..start]);
    assert_ne!(one.contents[start..start + 12], other.contents[start..start + 12]);
    assert_ne!(one.contents[start + 12..], other.contents[start + 12..]);
    let file = [one.name.as_bytes(), &one.contents].concat();
    for hidden in ["hunter2", "prod/db", "123456789012", "AWSCURRENT"] {
        assert!(!file.windows(hidden.len()).any(|part| part == hidden.as_bytes()), "{hidden}");
    }
    // Another key names the same copy otherwise.
    assert_ne!(key(2).seal(&record, &entropy).name, one.name);
}

#[test]
fn a_changed_file_is_refused_wherever_it_was_changed() {
    let sealed = key(1).seal(&text("hunter2"), &entropy());
    let name = &sealed.name;
    for at in 0..sealed.contents.len() {
        let mut changed = sealed.contents.clone();
        changed[at] ^= 1;
        let error = key(1).open(name, &changed).unwrap_err();
        let expected = match at.checked_sub(FORMAT.len()) {
            None => SealingError::OtherFormat,
            Some(..8) => SealingError::OtherKey,
            Some(_) => SealingError::NotAuthentic,
        };
        assert_eq!(error, expected, "byte {at}");
        let error = key(1).open(name, &sealed.contents[..at]).unwrap_err();
        let is_cut =
            [SealingError::OtherFormat, SealingError::Truncated, SealingError::NotAuthentic];
        assert!(is_cut.contains(&error), "{at} bytes: {error}");
    }
    let longer = [&sealed.contents[..], b"x"].concat();
    assert_eq!(key(1).open(name, &longer).unwrap_err(), SealingError::NotAuthentic);
    assert_eq!(key(1).open(name, b"").unwrap_err(), SealingError::OtherFormat);
    assert_eq!(key(2).open(name, &sealed.contents).unwrap_err(), SealingError::OtherKey);
}

#[test]
fn a_file_that_was_moved_to_another_name_is_refused() {
    let one = key(1).seal(&text("hunter2"), &entropy());
    let FetchedValue::Secret(version) = text("x").value else { unreachable!() };
    let others = [
        record(&secret_item(Some("AWSPREVIOUS")), FetchedValue::Secret(version.clone())),
        record(
            &secret_item(None),
            FetchedValue::Secret(SecretVersion {
                name: "prod/other".to_owned(),
                ..version.clone()
            }),
        ),
        record(
            &secret_item(None),
            FetchedValue::Secret(SecretVersion {
                arn: ARN.replace("123456789012", "210987654321"),
                ..version.clone()
            }),
        ),
        record(
            &secret_item(None),
            FetchedValue::Secret(SecretVersion { arn: ARN.replace("us-", "eu-"), ..version }),
        ),
    ];
    for other in others {
        let name = key(1).file_name(&other.identity);
        assert_ne!(name, one.name, "{:?}", other.identity);
        assert_eq!(key(1).open(&name, &one.contents).unwrap_err(), SealingError::NotAuthentic);
    }
    let mut other_role = text("x").identity;
    other_role.role.push('2');
    assert_ne!(key(1).file_name(&other_role), one.name);
    // A secret that was made again has the same file: its copy replaces the earlier one.
    let mut again = text("x");
    let FetchedValue::Secret(version) = &mut again.value else { unreachable!() };
    version.arn = ARN.replace("AbCdEf", "GhIjKl");
    assert_eq!(
        key(1).file_name(&CopyIdentity::of(&scope(), &secret_item(None), &again.value)),
        one.name
    );
}

#[test]
fn authentic_bytes_that_are_no_record_are_refused() {
    let record = bytes(&text("hunter2"));
    assert!(CopyRecord::read(&record).is_some());
    for length in 0..record.len() {
        assert!(CopyRecord::read(&record[..length]).is_none(), "{length} bytes");
    }
    assert!(CopyRecord::read(&[&record[..], b"x"].concat()).is_none());
    assert!(CopyRecord::read(&[0xff; 64]).is_none());
}

#[test]
fn the_current_version_is_one_copy_however_it_is_asked_for() {
    let FetchedValue::Secret(version) = text("x").value else { unreachable!() };
    let value = FetchedValue::Secret(version);
    let of = |item: &ReadItem| CopyIdentity::of(&scope(), item, &value);
    let by_arn = |arn: &str| ReadItem::Secret(SecretRequest::current(arn.parse().unwrap()));
    let current = of(&secret_item(None));
    let same = [
        secret_item(Some("AWSCURRENT")),
        by_arn(ARN),
        by_arn("arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db"),
    ];
    for item in same {
        assert_eq!(of(&item), current);
        assert!(current.is_of(&scope(), &item, Some(ARN)));
    }
    let others = [
        secret_item(Some("AWSPREVIOUS")),
        by_arn("arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-GhIjKl"),
        by_arn("arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf"),
        ReadItem::Secret(SecretRequest::current("prod/d".parse().unwrap())),
        ReadItem::Parameter(ParameterRequest::parse("prod/db").unwrap(), Decryption::Decrypted),
    ];
    for item in others {
        assert!(!current.is_of(&scope(), &item, Some(ARN)), "{item:?}");
    }
    assert!(current.is_about(&scope(), &secret_item(Some("AWSPREVIOUS")), Some(ARN)));
    let region = Region::parse("eu-west-1").unwrap();
    assert!(!current.is_of(&CallScope { region, ..scope() }, &secret_item(None), Some(ARN)));
    let role =
        ReadingRole { arn: "arn:aws:iam::123456789012:role/b".into(), ..(*scope().role).clone() };
    let other_role = CallScope { role: Rc::new(role), ..scope() };
    assert!(!current.is_of(&other_role, &secret_item(None), Some(ARN)));
}
