//! Keys with several values, and policy variables, by the examples of IAM's pages.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html>
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>

use super::conditions::{check, holds_in};
use crate::policy::Context;

#[test]
fn keys_with_several_values() {
    let named = r#"["PostDateTime","Message","Tags"]"#;
    let tags = r#"["DataClass","Owner"]"#;
    check(
        "aws:TagKeys",
        &[
            ("ForAllValues:StringLike", named, &["PostDateTime", "Message"], true),
            ("ForAllValues:StringLike", named, &["PostDateTime", "UserName"], false),
            ("ForAnyValue:StringLike", r#"["ID","PostDateTime"]"#, &["UserName", "Message"], false),
            ("ForAnyValue:StringLike", r#"["ID","PostDateTime"]"#, &["x", "PostDateTime"], true),
            ("ForAllValues:StringEquals", tags, &["DataClass"], true),
            ("ForAllValues:StringEquals", tags, &["DataClass", "Owner", "Team"], false),
            ("ForAnyValue:StringEquals", tags, &["DataClass", "Team"], true),
            ("ForAnyValue:StringEquals", tags, &["Team"], false),
            ("ForAllValues:StringNotEquals", tags, &["Team", "Cost"], true),
            ("ForAllValues:StringNotEquals", tags, &["Team", "Owner"], false),
            ("ForAnyValue:StringNotEquals", tags, &["Team", "Owner"], true),
            ("ForAnyValue:StringNotEquals", tags, &["DataClass", "Owner"], false),
        ],
    );
}

/// Without the key, or with an empty value, `ForAllValues` holds whatever it compares with, and
/// `ForAnyValue` never does: IAM resolves both before negation and `IfExists`.
#[test]
fn for_all_values_holds_without_values() {
    let table: [(&str, bool); 6] = [
        ("ForAllValues:StringEquals", true),
        ("ForAllValues:StringNotEquals", true),
        ("ForAllValues:StringEqualsIfExists", true),
        ("ForAnyValue:StringEquals", false),
        ("ForAnyValue:StringNotEquals", false),
        ("ForAnyValue:StringEqualsIfExists", false),
    ];
    for (operator, expected) in table {
        check(
            "aws:TagKeys",
            &[(operator, r#""key1""#, &[], expected), (operator, r#""key1""#, &[""], expected)],
        );
    }
    // IAM's recommendation against it.
    let conditions = r#""Null":{"aws:TagKeys":"false"},"ForAllValues:StringLike":{"aws:TagKeys":["key1*","key2*"]}"#;
    for (values, expected) in
        [(&[][..], false), (&[""], false), (&["key1a"], true), (&["key1a", "x"], false)]
    {
        let context = Context::default().with_all("aws:TagKeys", values.iter().copied());
        assert_eq!(holds_in("2012-10-17", conditions, &context), expected, "{values:?}");
    }
}

#[test]
fn variables_are_replaced() {
    let context = Context::default()
        .with("aws:PrincipalTag/x509Subject/CN", "plant-7")
        .with("aws:PrincipalTag/star", "*")
        .with("aws:PrincipalTag/none", "")
        .with("aws:PrincipalTag/anchor", "arn:aws:rolesanywhere:x:123456789012:trust-anchor/1")
        .with("aws:SourceArn", "arn:aws:rolesanywhere:x:123456789012:trust-anchor/1");
    let table = [
        ("StringLike", "home/${aws:username}/", "home/david/", true),
        ("StringLike", "home/${aws:username}/", "home/anna/", false),
        ("StringEquals", "${AWS:UserName}", "david", true),
        ("StringEquals", "${aws:PrincipalTag/x509Subject/CN}.example", "plant-7.example", true),
        ("StringEqualsIgnoreCase", "${aws:username}", "DAVID", true),
        // The value of a variable is literal.
        ("StringLike", "${aws:PrincipalTag/star}", "anything", false),
        ("StringLike", "${aws:PrincipalTag/star}", "*", true),
        // The three characters that are special otherwise.
        ("StringLike", "a${*}b${?}c${$}{d}", "a*b?c${d}", true),
        ("StringLike", "a${*}b", "aXb", false),
        ("StringEquals", "$aws:username {}", "$aws:username {}", true),
        // Defaults.
        ("StringEquals", "${aws:userid, 'anonymous'}", "anonymous", true),
        ("StringEquals", "${aws:username,'anonymous'}", "david", true),
        ("StringEquals", "${aws:userid, 'x y'}", "x y", true),
        ("StringEquals", "x${aws:userid, ''}", "x", true),
        ("StringEquals", "x${aws:PrincipalTag/none}", "x", true),
        // Nothing equals a variable without a value: the negation holds.
        ("StringEquals", "${aws:userid}", "", false),
        ("StringLike", "${aws:userid}*", "david", false),
        ("StringNotEquals", "${aws:userid}", "david", true),
        ("StringNotLike", "${aws:userid}*", "david", true),
        ("StringNotEqualsIfExists", "${aws:userid}", "david", true),
    ];
    for (operator, operand, value, expected) in table {
        let condition = format!(r#""{operator}":{{"aws:RequestTag/k":"{operand}"}}"#);
        let context = context.clone().with("aws:RequestTag/k", value);
        assert_eq!(holds_in("2012-10-17", &condition, &context), expected, "{condition} {value}");
    }
    let condition = r#""ArnEquals":{"aws:SourceArn":"${aws:PrincipalTag/anchor}"}"#;
    assert!(holds_in("2012-10-17", condition, &context));
    // A value that needs no variable is still compared.
    let condition = r#""StringEquals":{"aws:username":["${aws:userid}","david"]}"#;
    assert!(holds_in("2012-10-17", condition, &context));
    // Without the key, what it is compared with does not matter.
    let condition = r#""StringEqualsIfExists":{"aws:RequestTag/k":"${aws:userid}"}"#;
    assert!(holds_in("2012-10-17", condition, &context));
}

#[test]
fn the_older_version_has_no_variables() {
    let condition = r#""StringLike":{"aws:RequestTag/k":"${aws:username}*"}"#;
    let context = Context::default().with("aws:RequestTag/k", "${aws:username}/");
    assert!(holds_in("2008-10-17", condition, &context));
    assert!(!holds_in("2012-10-17", condition, &context));
}

#[test]
fn all_conditions_must_hold() {
    let conditions = r#""StringEquals":{"aws:username":"david","aws:RequestTag/k":"v"},
        "Bool":{"aws:SecureTransport":"true"}"#;
    let complete =
        Context::default().with("aws:RequestTag/k", "v").with("aws:SecureTransport", "true");
    assert!(holds_in("2012-10-17", conditions, &complete));
    for (key, value) in
        [("aws:RequestTag/k", "w"), ("aws:SecureTransport", "false"), ("aws:username", "x")]
    {
        assert!(!holds_in("2012-10-17", conditions, &complete.clone().with(key, value)), "{key}");
    }
}
