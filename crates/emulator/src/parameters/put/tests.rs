//! Tests of new versions of parameters.

use super::*;

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

fn parameter(kind: ParameterType) -> Parameter {
    let here = Location { account: "123456789012".into(), region: "eu-central-1".into() };
    let first = ParameterVersion::first(kind, "a", NOW);
    Parameter::of_versions(arn(&here, "/a"), "/a", vec![first])
}

fn new(length: usize) -> NewValue {
    NewValue {
        value: ParameterValue("x".repeat(length)),
        kind: None,
        tier: None,
        key_id: None,
        description: None,
        data_type: None,
    }
}

#[test]
fn a_version_more_keeps_what_is_not_given() {
    let mut known = parameter(ParameterType::SecureString);
    known.versions[0].key_id = Some("alias/plant".to_owned());
    known.versions[0].labels = ["live".to_owned()].into();
    known.description = Some("first".to_owned());
    let parameter = known.with_version(new(1), NOW).unwrap();
    assert_eq!(parameter.description.as_deref(), Some("first"));
    let [first, second] = &parameter.versions[..] else { panic!("two versions") };
    assert_eq!((second.number, second.kind), (2, ParameterType::SecureString));
    assert_eq!(second.key_id.as_deref(), Some("alias/plant"));
    assert!(first.labels.contains("live") && second.labels.is_empty());
}

#[test]
fn the_type_of_a_parameter_does_not_change() {
    let value = NewValue { kind: Some(ParameterType::String), ..new(1) };
    let known = parameter(ParameterType::SecureString);
    assert_eq!(known.with_version(value, NOW).unwrap_err(), ParameterError::OtherType);
}

#[test]
fn the_tier_decides_how_long_a_value_is_and_never_falls() {
    let put = |known: Parameter, tier: Option<TierChoice>, length| {
        known.with_version(NewValue { tier, ..new(length) }, NOW)
    };
    let standard = || parameter(ParameterType::String);
    let advanced = || {
        let tier = Some(TierChoice::Fixed(Tier::Advanced));
        let parameter = put(standard(), tier, 1).unwrap();
        assert_eq!(parameter.tier, Tier::Advanced);
        parameter
    };
    let intelligent = Some(TierChoice::Intelligent);
    assert_eq!(put(standard(), None, 4096).unwrap().tier, Tier::Standard);
    assert_eq!(put(standard(), None, 4097).unwrap_err(), ParameterError::Large(Tier::Standard));
    assert_eq!(put(standard(), intelligent, 4096).unwrap().tier, Tier::Standard);
    assert_eq!(put(standard(), intelligent, 4097).unwrap().tier, Tier::Advanced);
    assert_eq!(put(advanced(), None, 8192).unwrap().tier, Tier::Advanced);
    assert_eq!(put(advanced(), None, 8193).unwrap_err(), ParameterError::Large(Tier::Advanced));
    assert_eq!(put(advanced(), intelligent, 1).unwrap().tier, Tier::Advanced);
    let down = Some(TierChoice::Fixed(Tier::Standard));
    assert_eq!(put(advanced(), down, 1).unwrap_err(), ParameterError::Downgraded);
}

#[test]
fn a_hundred_versions_are_kept_unless_the_oldest_has_a_label() {
    let mut known = parameter(ParameterType::String);
    for _ in 0..MOST_VERSIONS {
        known = known.with_version(new(1), NOW).unwrap();
    }
    let numbers = known.versions.iter().map(|version| version.number);
    assert!(numbers.eq(2..=101));
    known.versions[0].labels.insert("live".to_owned());
    let error = known.with_version(new(1), NOW).unwrap_err();
    assert_eq!(error, ParameterError::OldestLabelled { name: "/a".to_owned(), version: 2 });
}
