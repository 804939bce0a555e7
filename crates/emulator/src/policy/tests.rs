//! Whole policies: a trust policy on a certificate's subject, and mistakes with their places.

use super::*;

const TRUST: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [{
    "Effect": "Allow",
    "Principal": {"Service": "rolesanywhere.amazonaws.com"},
    "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
    "Condition": {
      "StringEquals": {"aws:PrincipalTag/x509Subject/CN": "plant-7"},
      "ArnEquals": {"aws:SourceArn": "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a"}
    }
  }]
}"#;
const ROLE: &str = "arn:aws:iam::123456789012:role/Workload";
const ANCHOR: &str = "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a";

#[test]
fn a_trust_policy_on_the_subject_lets_that_certificate_in_only() {
    let policy = Policy::parse(PolicyKind::Trust, TRUST).unwrap();
    let named = [("trust policy of Workload", &policy)];
    let service = Principal::Service("rolesanywhere.amazonaws.com".to_owned());
    let evaluation = |name: &str, action: &str| {
        let context = Context::default()
            .with("aws:PrincipalTag/x509Subject/CN", name)
            .with("aws:SourceArn", ANCHOR);
        evaluate(&named, &AccessRequest::new(&service, action, ROLE, context))
    };
    assert!(matches!(evaluation("plant-7", "sts:AssumeRole"), Evaluation::Allowed(_)));
    assert!(matches!(evaluation("plant-7", "STS:tagsession"), Evaluation::Allowed(_)));
    assert_eq!(evaluation("plant-8", "sts:AssumeRole"), Evaluation::NoMatch);
    assert_eq!(evaluation("plant-7", "sts:AssumeRoleWithSAML"), Evaluation::NoMatch);
}

#[test]
fn reports_every_mistake_with_its_place() {
    let json = r#"{
  "version": "2012-10-17",
  "Statement": {"Effect": "allow", "Resource": "*", "Action": [],
    "Condition": {"StringEqual": {"a:b": "c"}, "Bool": {"aws:SecureTransport": 1}}}
}"#;
    let errors = Policy::parse(PolicyKind::Trust, json).unwrap_err();
    assert_eq!(
        errors.to_string().lines().collect::<Vec<_>>(),
        [
            "2:3: version: unknown element; did you mean `Version`?",
            "3:3: Statement: `Principal` is missing",
            "3:17: Statement.Effect: invalid value `allow`: expected `Allow` or `Deny`",
            "3:36: Statement.Resource: not allowed in a trust policy",
            "3:53: Statement.Action: is empty",
            "4:19: Statement.Condition.StringEqual: unknown condition operator; did you mean \
             `StringEquals`?",
            "4:57: Statement.Condition.Bool.aws:SecureTransport: invalid value `1`: expected true or \
             false",
        ]
    );
}
