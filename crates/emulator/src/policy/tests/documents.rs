//! Mistakes in documents, with their positions.

use super::super::*;

fn errors(kind: PolicyKind, json: &str) -> Vec<String> {
    match Policy::parse(kind, json) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn every_mistake_is_reported_with_its_place() {
    let json = r#"{
  "version": "2012-10-17",
  "Statement": {"Effect": "allow", "Resource": "*", "Action": [],
    "Condition": {"StringEqual": {"a:b": "c"}, "Bool": {"aws:SecureTransport": 1}}}
}"#;
    assert_eq!(
        errors(PolicyKind::Trust, json),
        [
            "2:3: version: unknown element; did you mean `Version`?",
            "3:3: Statement: `Principal` is missing",
            "3:17: Statement.Effect: invalid value `allow`: expected `Allow` or `Deny`",
            "3:36: Statement.Resource: not allowed in a trust policy",
            "3:53: Statement.Action: is empty",
            "4:19: Statement.Condition.StringEqual: unknown condition operator; did you mean \
             `StringEquals`?",
            "4:57: Statement.Condition.Bool.aws:SecureTransport: invalid value `1`: expected \
             `true` or `false`",
        ]
    );
}

#[test]
fn text_that_is_not_json_is_reported_with_its_place() {
    assert_eq!(
        errors(PolicyKind::Identity, "{\n  \"Statement\": [}"),
        ["2:17: not valid JSON: expected value"]
    );
    assert_eq!(errors(PolicyKind::Identity, "{} {}"), ["1:4: not valid JSON: trailing characters"]);
    assert_eq!(errors(PolicyKind::Identity, "[]"), ["1:1: expected an object, not a list"]);
    assert_eq!(errors(PolicyKind::Identity, "{}"), ["1:1: is empty"]);
}

#[test]
fn columns_are_counted_in_characters() {
    let json = "{\"Id\": \"Größe\", \"Statement\": 1}";
    assert_eq!(
        errors(PolicyKind::Identity, json),
        ["1:17: Statement: expected an object, not a number"]
    );
}

#[test]
fn a_value_without_text_has_paths_and_no_positions() {
    let value = serde_json::json!({
        "Statement": [{ "Effect": "Allow", "Action": "a:b", "Resource": ["*", 1] }]
    });
    let errors = Policy::from_value(PolicyKind::Identity, &value).unwrap_err();
    assert_eq!(errors.to_string(), "Statement[0].Resource[1]: expected a string, not a number");
    let value = serde_json::json!({ "Statement": {
        "Effect": "Allow", "Action": "a:b", "Resource": "*",
        "Condition": { "StringEquals": { "aws:PrincipleArn": "a" } },
    }});
    let policy = Policy::from_value(PolicyKind::Identity, &value).unwrap();
    assert_eq!(policy.warnings()[0].position, None);
}

/// Identity policies: the mistake, and what is in one statement beside Effect, Action and Resource.
#[test]
fn unknown_elements_and_values_are_errors() {
    let table = [
        (r#""Action": "a:b", "NotAction": "a:c", "Resource": "*""#, "cannot be used together"),
        (r#""Action": "a:b", "Resource": "*", "NotResource": "*""#, "cannot be used together"),
        (r#""Resource": "*""#, "`Action` is missing"),
        (r#""Action": "a:b""#, "`Resource` is missing"),
        (r#""Action": "a:b", "Resource": "*", "Resource": "*""#, "already used"),
        (r#""Action": "a:b", "Resource": "*", "Principal": "*""#, "not allowed in an identity"),
        (r#""Action": "a:b", "Resource": "*", "NotPrincipal": "*""#, "not allowed in an identity"),
        (r#""Action": "a:b", "Resource": "*", "condition": {}"#, "did you mean `Condition`?"),
        (r#""Action": "a:b", "Resource": "*", "Condition": {}"#, "Condition: is empty"),
        (r#""Action": "a:b", "Resource": "*", "Condition": []"#, "expected an object, not a list"),
        (r#""Action": "a:b", "Resource": "*", "Condition": null"#, "expected an object, not null"),
        (r#""Action": {}, "Resource": "*""#, "expected a string, not an object"),
        (r#""Action": true, "Resource": "*""#, "expected a string, not a boolean"),
        (r#""Action": "GetSecretValue", "Resource": "*""#, "an action such as"),
        (r#""Action": "secrets*:Get", "Resource": "*""#, "an action such as"),
        (r#""Action": "a:b:c", "Resource": "*""#, "an action such as"),
        (r#""Action": "", "Resource": "*""#, "an action such as"),
        (r#""Action": "a:b", "Resource": "secret""#, "or an ARN"),
        (r#""Action": "a:b", "Resource": """#, "or an ARN"),
        (r#""Action": "a:b", "Resource": "arn:aws:iam::123456789012""#, "or an ARN"),
        (r#""Action": "a:b", "Resource": "arn:aws:*:::x""#, "or an ARN"),
        (r#""Action": "a:b", "Resource": "arn:aws:s3::${aws:userid}:x""#, "after the fifth colon"),
        (r#""Action": "a:b", "Resource": "arn:aws:s3:::${aws:userid""#, "a `}` at the end"),
        (r#""Action": "a:b", "Resource": "arn:aws:s3:::${}""#, "a variable such as"),
        (r#""Action": "a:b", "Resource": "arn:aws:s3:::${ aws:userid }""#, "a variable such as"),
        (r#""Action": "a:b", "Resource": "arn:aws:s3:::${aws:userid, x}""#, "in single quotes"),
        (r#""Sid": "a b", "Action": "a:b", "Resource": "*""#, "letters and digits"),
        (r#""Action": "a:b", "Resource": "\ud800""#, "half a surrogate pair"),
    ];
    for (elements, expected) in table {
        let json =
            format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow",{elements}}}}}"#);
        let errors = errors(PolicyKind::Identity, &json);
        assert!(errors.len() == 1 && errors[0].contains(expected), "{elements}: {errors:?}");
    }
}

#[test]
fn unknown_conditions_are_errors() {
    let table = [
        (r#""StringEqualss": {"aws:userid": "a"}"#, "did you mean `StringEquals`?"),
        (r#""stringequals": {"aws:userid": "a"}"#, "did you mean `StringEquals`?"),
        (
            r#""ForAnyValue:StringsLike": {"aws:userid": "a"}"#,
            "did you mean `ForAnyValue:StringLike`?",
        ),
        (r#""NullIfExists": {"aws:userid": "true"}"#, "unknown condition operator"),
        (r#""ForAnyValue:Null": {"aws:userid": "true"}"#, "unknown condition operator"),
        (r#""ForSomeValues:Bool": {"aws:userid": "true"}"#, "unknown condition operator"),
        (r#""StringEquals": {"aws:userid": []}"#, "is empty"),
        (r#""StringEquals": {"aws:userid": {}}"#, "expected a string, a number or a boolean"),
        (r#""StringEquals": {"aws:userid": "a", "AWS:UserId": "b"}"#, "already used"),
        (r#""StringEquals": {"aws:userid": "${aws:userid"}"#, "a `}` at the end"),
        (r#""StringEquals": {"aws:userid": "${aws:TagKeys}"}"#, "variable that has several values"),
        (r#""StringEquals": {"userid": "a"}"#, "a condition key such as"),
        (r#""StringEquals": {"aws:PrincipalTag/": "a"}"#, "a condition key such as"),
        (r#""StringEquals": {"aws:TagKeys": "a"}"#, "use `ForAnyValue:` or `ForAllValues:`"),
        (r#""NumericEquals": {"aws:EpochTime": "ten"}"#, "expected a number"),
        (r#""NumericEquals": {"aws:EpochTime": "inf"}"#, "expected a number"),
        (r#""NumericEquals": {"aws:EpochTime": "${aws:EpochTime}"}"#, "expected a number"),
        (r#""DateLessThan": {"aws:CurrentTime": "tomorrow"}"#, "expected a date"),
        (r#""DateLessThan": {"aws:CurrentTime": "2026-W05-1"}"#, "expected a date"),
        (r#""DateLessThan": {"aws:CurrentTime": "2026-02-31"}"#, "expected a date"),
        (r#""DateLessThan": {"aws:CurrentTime": "2026-01-31T00:00:00"}"#, "expected a date"),
        (r#""Bool": {"aws:SecureTransport": "yes"}"#, "expected `true` or `false`"),
        (r#""Null": {"aws:userid": ""}"#, "expected `true` or `false`"),
        (r#""BinaryEquals": {"a:b": "%"}"#, "expected base64"),
        (r#""IpAddress": {"aws:SourceIp": "10.0.0.0/33"}"#, "expected an IP address"),
        (r#""IpAddress": {"aws:SourceIp": "10.0.0.*"}"#, "expected an IP address"),
        (r#""ArnLike": {"aws:SourceArn": "*"}"#, "an ARN with its six parts"),
    ];
    for (conditions, expected) in table {
        let json = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"a:b",
               "Resource":"*","Condition":{{{conditions}}}}}}}"#
        );
        let errors = errors(PolicyKind::Identity, &json);
        assert!(errors.len() == 1 && errors[0].contains(expected), "{conditions}: {errors:?}");
    }
}

#[test]
fn unknown_principals_are_errors() {
    let table = [
        (r#""Principal": "123456789012""#, "expected `*`, or an object"),
        (r#""Principal": {}"#, "is empty"),
        (r#""Principal": {"AWS": []}"#, "is empty"),
        (r#""Principal": {"Aws": "*"}"#, "did you mean `AWS`?"),
        (r#""Principal": {"AWS": "12345"}"#, "without wildcards"),
        (r#""Principal": {"AWS": "arn:aws:iam::123456789012:role/*"}"#, "without wildcards"),
        (r#""Principal": {"AWS": "arn:aws:iam::123456789012:group/g"}"#, "without wildcards"),
        (r#""Principal": {"AWS": "arn:aws:iam::1234:root"}"#, "without wildcards"),
        (r#""Principal": {"Service": "rolesanywhere"}"#, "a service such as"),
        (r#""Principal": {"Service": "*.amazonaws.com"}"#, "a service such as"),
        (r#""Principal": "*", "NotPrincipal": "*""#, "cannot be used together"),
        (r#""NotPrincipal": {"AWS": "123456789012"}"#, "not allowed in a trust policy"),
        (r#""Resource": "*", "Principal": "*""#, "not allowed in a trust policy"),
    ];
    for (elements, expected) in table {
        let json =
            format!(r#"{{"Statement":{{"Effect":"Allow","Action":"sts:AssumeRole",{elements}}}}}"#);
        let errors = errors(PolicyKind::Trust, &json);
        assert!(errors.len() == 1 && errors[0].contains(expected), "{elements}: {errors:?}");
    }
    let json = r#"{"Statement":{"Effect":"Allow","Action":"s3:Get","Principal":"*"}}"#;
    assert!(errors(PolicyKind::Trust, json)[0].contains("an action of STS"));
    let json = r#"{"Statement":{"Effect":"Allow","Action":"a:b","Resource":"*",
        "NotPrincipal":{"AWS":"123456789012"}}}"#;
    assert!(errors(PolicyKind::Resource, json)[0].contains("can be used with `Deny` only"));
}

#[test]
fn sids_are_unique() {
    let json = r#"{"Statement":[
        {"Sid":"A","Effect":"Allow","Action":"a:b","Resource":"*"},
        {"Sid":"","Effect":"Allow","Action":"a:b","Resource":"*"},
        {"Sid":"","Effect":"Allow","Action":"a:b","Resource":"*"},
        {"Sid":"A","Effect":"Deny","Action":"a:b","Resource":"*"}]}"#;
    assert_eq!(
        errors(PolicyKind::Identity, json),
        ["5:10: Statement[3].Sid: another statement has the same Sid"]
    );
}

#[test]
fn versions_are_the_two_that_exist() {
    let json =
        r#"{"Version":"2012-10-18","Statement":{"Effect":"Allow","Action":"a:b","Resource":"*"}}"#;
    assert_eq!(
        errors(PolicyKind::Identity, json),
        ["1:2: Version: invalid value `2012-10-18`: expected `2012-10-17` or `2008-10-17`"]
    );
}

#[test]
fn condition_keys_without_effect_are_warnings() {
    let conditions = [
        ("aws:SourceVpc", None),
        ("iam:ResourceTag/team", None),
        ("s3:prefix", None),
        ("aws:SourceAm", Some("aws:SourceArn")),
        ("aws:SourceArns", Some("aws:SourceArn")),
        ("aws:PrincipalTag", Some("aws:PrincipalTag/")),
        ("aws:PrincipleTag/x509Subject/CN", Some("aws:PrincipalTag/x509Subject/CN")),
        ("sts:SourceIdentiy", Some("sts:SourceIdentity")),
    ];
    for (key, nearest) in conditions {
        let json = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"a:b",
"Resource":"arn:aws:s3:::${{{key}}}/*","Condition":{{"StringLike":{{"{key}":"${{{key}}}"}}}}}}]}}"#
        );
        let policy = Policy::parse(PolicyKind::Identity, &json).unwrap();
        let found: Vec<_> = policy
            .warnings()
            .iter()
            .map(|warning| (&*warning.key, warning.nearest.as_deref(), &*warning.path))
            .collect();
        let path = format!("Statement[0].Condition.StringLike.{key}");
        let resource = (key, nearest, "Statement[0].Resource");
        assert_eq!(found, [resource, (key, nearest, &path), (key, nearest, &path)]);
        assert_eq!(policy.warnings()[0].position, Some(Position { line: 2, column: 1 }));
    }
}

/// Returns the warnings of a statement with a condition on a key.
fn warnings(kind: PolicyKind, elements: &str, key: &str) -> usize {
    let json = format!(
        r#"{{"Statement":{{"Effect":"Allow",{elements},"Condition":{{"StringLike":{{"{key}":"*"}}}}}}}}"#
    );
    let policy = Policy::parse(kind, &json).unwrap();
    assert!(
        policy.warnings().iter().all(|warning| warning.key == key && warning.nearest.is_none())
    );
    policy.warnings().len()
}

#[test]
fn a_warning_depends_on_the_requests_that_a_statement_is_about() {
    const IDENTITY: &str = r#""Action":"a:b","Resource":"*""#;
    const RESOURCE: &str = r#""Action":"a:b","Resource":"*","Principal":"*""#;
    let trust = |principal: &str| format!(r#""Action":"sts:*","Principal":{principal}"#);
    let service = trust(r#"{"Service":"rolesanywhere.amazonaws.com"}"#);
    let account = trust(r#"{"AWS":"123456789012"}"#);
    let both = trust(r#"{"AWS":"123456789012","Service":"rolesanywhere.amazonaws.com"}"#);
    // Those of a permission, a resource's policy, and a trust policy for a service, an account, both.
    let table = [
        ("AWS:PrincipalTag/x509Subject/CN", [0, 0, 0, 0, 0]),
        ("aws:CurrentTime", [0, 0, 0, 0, 0]),
        ("aws:sourcearn", [1, 1, 0, 1, 0]),
        ("aws:SourceAccount", [1, 1, 0, 1, 0]),
        ("aws:SourceIp", [0, 0, 1, 0, 0]),
        ("sts:ExternalId", [0, 1, 1, 0, 0]),
        ("sts:SourceIdentity", [0, 1, 0, 0, 0]),
        ("aws:RequestTag/a", [0, 0, 0, 0, 0]),
        ("secretsmanager:VersionStage", [0, 0, 1, 1, 1]),
        ("ssm:resourceTag/a", [0, 0, 1, 1, 1]),
        ("aws:username", [0, 0, 1, 0, 0]),
        ("aws:SourceVpc", [1, 1, 1, 1, 1]),
    ];
    for (key, expected) in table {
        let found = [
            warnings(PolicyKind::Identity, IDENTITY, key),
            warnings(PolicyKind::Resource, RESOURCE, key),
            warnings(PolicyKind::Trust, &service, key),
            warnings(PolicyKind::Trust, &account, key),
            warnings(PolicyKind::Trust, &both, key),
        ];
        assert_eq!(found, expected, "{key}");
        assert_eq!(warnings(PolicyKind::Trust, &trust(r#""*""#), key), expected[4], "{key}");
    }
}
