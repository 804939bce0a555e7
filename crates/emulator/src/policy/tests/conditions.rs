//! Condition operators, by the examples of IAM's page.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>

use super::super::*;
use super::session;
use crate::policy::evaluation::{Evaluation, evaluate};

/// Returns whether a session meets conditions, in a policy of this version. The examples of IAM's
/// page are about a user, `david`, so that is its `aws:username`.
pub(super) fn holds_in(version: &str, conditions: &str, context: &Context) -> bool {
    let json = format!(
        r#"{{"Version":"{version}","Statement":{{"Effect":"Allow","Action":"*","Resource":"*",
           "Condition":{{{conditions}}}}}}}"#
    );
    let policy =
        Policy::parse(PolicyKind::Identity, &json).unwrap_or_else(|errors| panic!("{errors}"));
    let caller = session();
    let mut context = context.clone();
    context.set_default("aws:username", "david");
    let request = AccessRequest::new(&caller, "a:b", "*", context);
    matches!(evaluate(&[("policy", &policy)], &request), Evaluation::Allowed { .. })
}

/// Checks rows of an operator, the JSON that it compares with, the values that the request has, and
/// whether the condition holds.
pub(super) fn check(key: &str, table: &[(&str, &str, &[&str], bool)]) {
    for (operator, operands, values, expected) in table {
        let condition = format!(r#""{operator}":{{"{key}":{operands}}}"#);
        let context = Context::default().with_all(key, values.iter().copied());
        let holds = holds_in("2012-10-17", &condition, &context);
        assert_eq!(holds, *expected, "{condition} with {values:?}");
    }
}

#[test]
fn strings() {
    check(
        "aws:PrincipalTag/job-category",
        &[
            ("StringEquals", r#""iamuser-admin""#, &["iamuser-admin"], true),
            ("StringEquals", r#""iamuser-admin""#, &["IamUser-Admin"], false),
            ("StringEquals", r#""iamuser-admin""#, &[], false),
            ("StringEquals", r#"["a","iamuser-admin"]"#, &["iamuser-admin"], true),
            ("StringEquals", r#""iamuser-*""#, &["iamuser-admin"], false),
            ("StringEquals", r#""iamuser-*""#, &["iamuser-*"], true),
            ("StringEquals", "true", &["true"], true),
            ("StringEquals", "12", &["12"], true),
            ("StringEquals", r#""""#, &[""], true),
            ("StringNotEquals", r#""iamuser-admin""#, &["iamuser-admin"], false),
            ("StringNotEquals", r#""iamuser-admin""#, &["other"], true),
            ("StringNotEquals", r#""iamuser-admin""#, &[], true),
            ("StringNotEquals", r#"["a","b"]"#, &["b"], false),
            ("StringNotEquals", r#"["a","b"]"#, &["c"], true),
            ("StringEqualsIgnoreCase", r#""iamuser-ADMIN""#, &["IamUser-Admin"], true),
            ("StringEqualsIgnoreCase", r#""ÄΣ""#, &["äς"], false),
            ("StringEqualsIgnoreCase", r#""ÄΣ""#, &["äσ"], true),
            ("StringNotEqualsIgnoreCase", r#""A""#, &["a"], false),
            ("StringNotEqualsIgnoreCase", r#""A""#, &["b"], true),
            ("StringLike", r#""iamuser-*""#, &["iamuser-admin"], true),
            ("StringLike", r#""iamuser-?dmin""#, &["iamuser-admin"], true),
            ("StringLike", r#""iamuser-?admin""#, &["iamuser-admin"], false),
            ("StringLike", r#""Iamuser-*""#, &["iamuser-admin"], false),
            ("StringLike", r#""*a*:*""#, &["x:a:y"], true),
            ("StringNotLike", r#""iamuser-*""#, &["iamuser-admin"], false),
            ("StringNotLike", r#""iamuser-*""#, &["admin"], true),
            ("StringNotLike", r#""iamuser-*""#, &[], true),
        ],
    );
}

#[test]
fn numbers() {
    check(
        "s3:max-keys",
        &[
            ("NumericLessThanEquals", r#""10""#, &["9"], true),
            ("NumericLessThanEquals", "10", &["10"], true),
            ("NumericLessThanEquals", r#""10""#, &["11"], false),
            ("NumericLessThanEquals", r#""10""#, &[], false),
            ("NumericLessThanEquals", r#""10""#, &["few"], false),
            ("NumericLessThan", r#""10""#, &["9.5"], true),
            ("NumericLessThan", r#""10""#, &["10"], false),
            ("NumericGreaterThan", "2.5", &["10"], true),
            ("NumericGreaterThan", "10", &["10"], false),
            ("NumericGreaterThanEquals", "10", &["10.0"], true),
            ("NumericGreaterThanEquals", "-1", &["-2"], false),
            ("NumericEquals", "[1, 2]", &["2.0"], true),
            ("NumericEquals", "[1, 2]", &["3"], false),
            ("NumericNotEquals", "[1, 2]", &["2"], false),
            ("NumericNotEquals", "[1, 2]", &["3"], true),
            ("NumericNotEquals", "1", &[], true),
            ("NumericNotEquals", "1", &["few"], true),
        ],
    );
}

#[test]
fn dates() {
    let at = "2020-01-01T00:00:01Z";
    check(
        "aws:TokenIssueTime",
        &[
            ("DateGreaterThan", r#""2020-01-01T00:00:01Z""#, &["2020-01-01T00:00:02Z"], true),
            ("DateGreaterThan", r#""2020-01-01T00:00:01Z""#, &[at], false),
            ("DateGreaterThan", r#""2020-01-01T00:00:01Z""#, &[], false),
            ("DateGreaterThanEquals", r#""2020-01-01T00:00:01Z""#, &[at], true),
            ("DateGreaterThanEquals", r#""2020-01-01T01:00:01.5+01:00""#, &[at], false),
            ("DateLessThan", r#""2020-01-01T01:00+01:00""#, &["2019-12-31T23:59:59Z"], true),
            ("DateLessThan", r#""2020-01-01""#, &["2019-12-31T23:59:59.999Z"], true),
            ("DateLessThanEquals", r#""2020-01-01""#, &["2020-01-01T00:00:00Z"], true),
            ("DateLessThanEquals", r#""2020-01-01""#, &[at], false),
            ("DateEquals", "1577836801", &[at], true),
            ("DateEquals", r#""1577836801""#, &["1577836801"], true),
            ("DateEquals", r#""2020-01-01""#, &["soon"], false),
            ("DateNotEquals", r#""2020-01-01""#, &[at], true),
            ("DateNotEquals", r#""2020-01-01T00:00:01Z""#, &["1577836801"], false),
            ("DateNotEquals", r#""2020-01-01""#, &[], true),
        ],
    );
}

#[test]
fn booleans_bytes_and_absence() {
    check(
        "aws:SecureTransport",
        &[
            ("Bool", r#""false""#, &["false"], true),
            ("Bool", "false", &["true"], false),
            ("Bool", r#""True""#, &["true"], true),
            ("Bool", "false", &[], false),
            ("BoolIfExists", "false", &[], true),
            ("BoolIfExists", "false", &["true"], false),
        ],
    );
    let bytes = r#""QmluYXJ5VmFsdWVJbkJhc2U2NA==""#;
    check(
        "a:key",
        &[
            ("BinaryEquals", bytes, &["QmluYXJ5VmFsdWVJbkJhc2U2NA=="], true),
            ("BinaryEquals", bytes, &["QmluYXJ5VmFsdWVJbkJhc2U2NB=="], false),
            ("BinaryEquals", bytes, &[], false),
        ],
    );
    check(
        "aws:TokenIssueTime",
        &[
            ("Null", r#""true""#, &[], true),
            ("Null", "true", &["2020-01-01T00:00:00Z"], false),
            ("Null", r#""false""#, &["2020-01-01T00:00:00Z"], true),
            ("Null", r#""false""#, &[], false),
            ("Null", r#""false""#, &[""], false),
            ("Null", r#"["true","false"]"#, &[], true),
        ],
    );
}

#[test]
fn ip_addresses() {
    let both = r#"["203.0.113.0/24","2001:DB8:1234:5678::/64"]"#;
    check(
        "aws:SourceIp",
        &[
            ("IpAddress", both, &["203.0.113.0"], true),
            ("IpAddress", both, &["203.0.113.255"], true),
            ("IpAddress", both, &["203.0.114.0"], false),
            ("IpAddress", both, &["2001:db8:1234:5678::1"], true),
            ("IpAddress", both, &["2001:db8:1234:5679::1"], false),
            ("IpAddress", both, &[], false),
            ("IpAddress", r#""127.0.0.1""#, &["127.0.0.1"], true),
            ("IpAddress", r#""127.0.0.1""#, &["127.0.0.2"], false),
            ("IpAddress", r#""0.0.0.0/0""#, &["::1"], false),
            ("IpAddress", r#""203.0.113.9/24""#, &["203.0.113.1"], true),
            ("IpAddress", r#""0.0.0.0/0""#, &["localhost"], false),
            ("NotIpAddress", both, &["203.0.113.7"], false),
            ("NotIpAddress", both, &["198.51.100.1"], true),
            ("NotIpAddress", both, &[], true),
            ("NotIpAddressIfExists", both, &["203.0.113.7"], false),
        ],
    );
}

#[test]
fn arns() {
    let pattern = r#""arn:aws:someservice:*:111122223333:finance/*""#;
    let longer = "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/x.txt";
    let anchors = r#""arn:aws:rolesanywhere:*:123456789012:trust-anchor/????""#;
    check(
        "aws:SourceArn",
        &[
            ("StringLike", pattern, &[longer], true),
            ("ArnLike", pattern, &[longer], false),
            ("ArnEquals", pattern, &[longer], false),
            ("ArnNotLike", pattern, &[longer], true),
            ("ArnLike", pattern, &["arn:aws:someservice:a:111122223333:finance/a/b:c"], true),
            (
                "ArnEquals",
                anchors,
                &["arn:aws:rolesanywhere:x:123456789012:trust-anchor/1234"],
                true,
            ),
            (
                "ArnLike",
                anchors,
                &["arn:aws:rolesanywhere:x:123456789012:trust-anchor/12345"],
                false,
            ),
            (
                "ArnLike",
                anchors,
                &["arn:aws:rolesanywhere:x:123456789012:Trust-anchor/1234"],
                false,
            ),
            ("ArnLike", anchors, &["1234"], false),
            ("ArnLike", anchors, &[], false),
            ("ArnNotEquals", anchors, &["arn:aws:rolesanywhere:x:1:trust-anchor/1234"], true),
            ("ArnNotEquals", anchors, &[], true),
            ("ArnEqualsIfExists", anchors, &[], true),
            ("ArnLike", r#""arn:*:*:*:*:*""#, &[longer], true),
            ("ArnEquals", r#""arn:aws:s:r:1:secret:d?""#, &["arn:aws:s:r:1:secret:db"], true),
            ("ArnEquals", r#""arn:aws:s:r:1:*:db""#, &["arn:aws:s:r:1:secret:prod:db"], true),
        ],
    );
}

#[test]
fn if_exists_holds_without_the_key() {
    let types = r#"["t1.*","t2.*","m3.*"]"#;
    check(
        "ec2:InstanceType",
        &[
            ("StringLike", types, &[], false),
            ("StringLikeIfExists", types, &[], true),
            ("StringLikeIfExists", types, &["t1.micro"], true),
            ("StringLikeIfExists", types, &["t3.micro"], false),
            ("StringNotEqualsIfExists", r#""t1.micro""#, &[], true),
            ("NumericEqualsIfExists", "1", &[], true),
            ("DateEqualsIfExists", "1", &[], true),
            ("BinaryEqualsIfExists", r#""AA==""#, &[], true),
        ],
    );
}
