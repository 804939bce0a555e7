//! Calls of Secrets Manager against a service that answers by a script.

use super::*;
use crate::aws::get_secret_value::SecretValue;
use crate::aws::json_protocol::JsonOperation;
use crate::diagnosis::{Cause, SecretCause, SecretChangeCause};
use crate::test_support::clock::START;
use crate::test_support::service_fixture::{ServiceFixture, TOKEN};
use crate::test_support::transport::Reply;

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

fn named(name: &str) -> SecretId {
    SecretId::Name(name.to_owned())
}

impl ServiceFixture {
    fn secrets(&self) -> SecretsManager<'_> {
        SecretsManager { at: &self.at, provider: &self.provider }
    }

    fn get(&self) -> Result<SecretVersion, ServiceCallError> {
        let request = SecretRequest::current(named("prod/db"));
        let ports = self.ports.ports();
        block_on(self.secrets().get_secret_value(&request, &self.session, &ports, self.deadline))
    }

    fn batch(
        &self,
        ids: &[SecretId],
    ) -> Result<Vec<Result<SecretVersion, Box<Refusal>>>, ServiceCallError> {
        let ports = self.ports.ports();
        block_on(self.secrets().batch_get_secret_value(ids, &self.session, &ports, self.deadline))
    }
}

#[test]
fn signs_by_the_clock_of_aws_and_reads_the_secret() {
    let reply = Reply::status(200, r#"{"ARN":"a","Name":"prod/db","SecretString":"s"}"#);
    let service = ServiceFixture::replies([reply]);
    let got = service.get();
    assert!(matches!(got.unwrap().value, SecretValue::Text(text) if text.expose() == "s"));
    let headers = &service.ports.transport.requests()[0].headers;
    let date = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-amz-date"));
    assert_eq!(date.unwrap().1, START.after(3_600).to_string().replace(['-', ':'], ""));
}

#[test]
fn removes_the_session_token_from_the_text_of_aws() {
    let message = format!("The canonical string was x-amz-security-token:{TOKEN}");
    let body = format!(r#"{{"__type":"InvalidSignatureException","message":"{message}"}}"#);
    let service = ServiceFixture::replies([Reply::status(403, &body)]);
    let ServiceCallError::SessionRefused(refusal) = service.get().unwrap_err() else {
        panic!("a signature was refused")
    };
    assert!(refusal.service_error.message.starts_with("The canonical string was"), "{refusal:?}");
    assert!(!format!("{refusal:?}").contains(TOKEN), "{refusal:?}");
}

#[test]
fn tells_a_refused_session_from_a_refused_request() {
    let rows = [
        ("ExpiredTokenException", true),
        ("UnrecognizedClientException", true),
        ("InvalidSignatureException", true),
        ("AccessDeniedException", false),
        ("ResourceNotFoundException", false),
    ];
    for (code, of_session) in rows {
        let reply = Reply::status(400, &format!(r#"{{"__type":"{code}"}}"#));
        match ServiceFixture::replies([reply]).get().unwrap_err() {
            ServiceCallError::SessionRefused(_) => assert!(of_session, "{code}"),
            ServiceCallError::Refused(_) => assert!(!of_session, "{code}"),
            other => panic!("{code}: {other}"),
        }
    }
    let nothing = ServiceFixture::replies([Reply::status(200, "{}")]).get();
    let malformed = JsonResponseError::Malformed(JsonOperation::GetSecretValue);
    assert!(matches!(nothing, Err(ServiceCallError::Response(error)) if error == malformed));
}

const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-a1b2c3";

/// A page with one version and, if given, the token of the next page.
fn page(next: Option<&str>) -> Reply {
    let next = next.map(|it| format!(r#","NextToken":"{it}""#)).unwrap_or_default();
    let body = format!(
        r#"{{"SecretValues":[{{"ARN":"{ARN}","Name":"prod/db","SecretString":"s"}}]{next}}}"#
    );
    Reply::status(200, &body)
}

#[test]
fn a_batch_has_a_result_for_each_secret_in_its_order() {
    let errors = r#"{"SecretValues":[],"Errors":[
        {"SecretId":"gone","ErrorCode":"ResourceNotFoundException","Message":"no"},
        {"SecretId":"closed","ErrorCode":"AccessDeniedException","Message":"no"}],"NextToken":"2"}"#;
    let service = ServiceFixture::replies([Reply::status(200, errors), page(None)]);
    let by_arn = SecretId::Arn(ARN[..ARN.len() - 7].parse().unwrap());
    let ids = [named("closed"), by_arn, named("gone"), named("prod/db")];
    let results = service.batch(&ids).unwrap();
    let causes = results.iter().map(|it| it.as_ref().err().map(|refusal| &refusal.causes[0]));
    let causes: Vec<_> = causes.collect();
    assert!(
        matches!(
            causes[..],
            [
                Some(Cause::Secret(SecretCause::Denied {
                    operation: JsonOperation::GetSecretValue,
                    ..
                })),
                None,
                Some(Cause::Secret(SecretCause::NoSuchSecret { .. })),
                None
            ]
        ),
        "{causes:?}"
    );
    let refusal = results[0].as_ref().unwrap_err();
    assert_eq!(refusal.to_string(), "AWS refused BatchGetSecretValue: AccessDeniedException");
    assert_eq!(
        service.bodies()[1],
        format!(
            r#"{{"SecretIdList":["closed","{}","gone","prod/db"],"NextToken":"2"}}"#,
            &ARN[..ARN.len() - 7]
        )
    );
}

/// The status of the response is 200, so only the codes of its entries say that they may pass.
#[test]
fn what_is_throttled_or_fails_within_a_batch_is_read_again() {
    let errors = r#"{"SecretValues":null,"Errors":[
        {"SecretId":"slow","ErrorCode":"ThrottlingException","Message":"no"},
        {"SecretId":"gone","ErrorCode":"ResourceNotFoundException","Message":"no"},
        {"SecretId":"broken","ErrorCode":"InternalServiceError","Message":"no"}]}"#;
    let denied = Reply::status(400, r#"{"__type":"AccessDeniedException"}"#);
    let value = Reply::status(200, r#"{"ARN":"a","Name":"slow","SecretString":"s"}"#);
    let replies = [Reply::status(200, errors), value, denied];
    let service = ServiceFixture::replies(replies);
    let results = service.batch(&["slow", "gone", "broken"].map(named)).unwrap();
    assert!(matches!(&results[0], Ok(version) if version.name == "slow"));
    let cause = |at: usize| &results[at].as_ref().unwrap_err().causes[0];
    assert!(matches!(cause(1), Cause::Secret(SecretCause::NoSuchSecret { .. })));
    assert!(matches!(cause(2), Cause::Secret(SecretCause::Denied { .. })));
    assert_eq!(service.bodies()[1..], [r#"{"SecretId":"slow"}"#, r#"{"SecretId":"broken"}"#]);
}

#[test]
fn a_batch_without_permission_is_refused_as_a_whole() {
    let service =
        ServiceFixture::replies([Reply::status(400, r#"{"__type":"AccessDeniedException"}"#)]);
    let ServiceCallError::Refused(refusal) = service.batch(&[named("prod/db")]).unwrap_err() else {
        panic!("the batch was denied")
    };
    let cause = &refusal.causes[0];
    let operation = JsonOperation::BatchGetSecretValue;
    assert!(
        matches!(cause, Cause::Secret(SecretCause::OperationDenied { operation: denied, .. })
            if *denied == operation),
        "{cause:?}"
    );
}

#[test]
fn a_batch_that_leaves_a_secret_out_or_repeats_a_page_is_an_error() {
    let operation = JsonOperation::BatchGetSecretValue;
    let left_out = ServiceFixture::replies([page(None)]).batch(&[named("other")]);
    let expected = JsonResponseError::LeftOut(operation);
    assert!(matches!(left_out, Err(ServiceCallError::Response(error)) if error == expected));
    let repeated = ServiceFixture::replies([page(Some("1")), page(Some("1"))]);
    let expected = JsonResponseError::RepeatedPage(operation);
    assert!(
        matches!(repeated.batch(&[named("prod/db")]), Err(ServiceCallError::Response(error)) if error == expected)
    );
}

#[test]
fn lists_every_page_sorted_by_name_and_only_names_with_the_prefix() {
    let page = |names: &[&str], next: &str| {
        let members =
            names.iter().map(|name| format!(r#"{{"ARN":"a","Name":"{name}","Tags":[]}}"#));
        let members = members.collect::<Vec<_>>().join(",");
        Reply::status(200, &format!(r#"{{"SecretList":[{members}]{next}}}"#))
    };
    let service = ServiceFixture::replies([
        page(&["prod/b", "other"], r#","NextToken":"1""#),
        page(&[], r#","NextToken":"2""#),
        page(&["prod/a"], ""),
    ]);
    let ports = service.ports.ports();
    let (secrets, session) = (service.secrets(), &service.session);
    let listed =
        block_on(secrets.list_secrets(Some("prod/"), session, &ports, service.deadline)).unwrap();
    let names: Vec<_> = listed.into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["prod/a", "prod/b"]);
    let filter = r#"{"Filters":[{"Key":"name","Values":["prod/"]}],"MaxResults":100"#;
    assert_eq!(service.bodies()[2], format!(r#"{filter},"NextToken":"2"}}"#));
}

#[test]
fn reads_all_about_a_secret() {
    let body = r#"{"ARN":"a","Name":"prod/db","KmsKeyId":"k","RotationEnabled":true,
        "RotationLambdaARN":"f","RotationRules":{"AutomaticallyAfterDays":30,"Duration":"3h"},
        "NextRotationDate":1.5E9,"LastRotatedDate":null,"Tags":[{"Key":"team","Value":"web"}],
        "VersionIdsToStages":{"v1":["AWSPREVIOUS"],"v2":["AWSCURRENT"]},
        "ReplicationStatus":[{"Region":"eu-west-1","Status":"InSync"}]}"#;
    let service = ServiceFixture::replies([Reply::status(200, body)]);
    let (id, ports) = (named("prod/db"), service.ports.ports());
    let secrets = service.secrets();
    let call = secrets.describe_secret(&id, &service.session, &ports, service.deadline);
    let description = block_on(call).unwrap();
    assert_eq!(description.next_rotation_date, Some(1_500_000_000_000_000));
    assert_eq!(description.last_rotated_date, None);
    assert_eq!(description.rotation_rules.unwrap().automatically_after_days, Some(30));
    assert_eq!(description.version_ids_to_stages["v2"], ["AWSCURRENT"]);
    assert_eq!(description.replication_status[0].region, "eu-west-1");
    assert_eq!(service.bodies(), [r#"{"SecretId":"prod/db"}"#]);
    let nulls = r#"{"ARN":"a","Name":"n","Tags":null,"VersionIdsToStages":null,"SecretVersionsToStages":{},"ReplicationStatus":null}"#;
    let service = ServiceFixture::replies([Reply::status(200, nulls)]);
    let (secrets, ports) = (service.secrets(), service.ports.ports());
    let call = secrets.describe_secret(&id, &service.session, &ports, service.deadline);
    assert!(block_on(call).unwrap().tags.is_empty());
}

#[test]
fn a_version_is_put_and_its_value_not_repeated() {
    let value = "a secret of many octets";
    let refused = format!(r#"{{"__type":"InvalidParameterException","message":"not: {value}"}}"#);
    let stored = r#"{"ARN":"a","Name":"n","VersionId":"v","VersionStages":["AWSPENDING"]}"#;
    // The version has an id, so the request can be repeated.
    let replies = [Reply::lost(), Reply::status(200, stored), Reply::status(400, &refused)];
    let service = ServiceFixture::replies(replies);
    service.ports.clock.pass_sleeps(std::time::Duration::MAX);
    let put = PutSecretValue {
        secret: named("prod/db"),
        version_id: "01234567-89ab-4def-8123-456789abcdef".to_owned(),
        value: SecretValue::Text(Secret::new(value.to_owned())),
        stages: vec!["AWSPENDING".to_owned()],
    };
    let (secrets, ports) = (service.secrets(), service.ports.ports());
    let put =
        || block_on(secrets.put_secret_value(&put, &service.session, &ports, service.deadline));
    assert_eq!(put().unwrap().version_id, "v");
    assert_eq!(service.bodies().len(), 2);
    let error = put().unwrap_err();
    assert_eq!(error.refusal().unwrap().service_error.message, "not: (not shown)");
    assert!(!format!("{error:?}").contains(value));
}

#[test]
fn a_label_that_another_process_moved_is_not_moved() {
    let attached = r#"{"__type":"InvalidParameterException","message":"The parameter RemoveFromVersionId can't be empty. Staging label AWSPENDING is currently attached to version b"}"#;
    let moved = r#"{"ARN":"a","Name":"n"}"#;
    let service =
        ServiceFixture::replies([Reply::status(200, moved), Reply::status(400, attached)]);
    let claim = MoveStage {
        secret: named("prod/db"),
        stage: "AWSPENDING".to_owned(),
        to: Some("01234567-89ab-4def-8123-456789abcdef".to_owned()),
        from: None,
    };
    let (secrets, ports) = (service.secrets(), service.ports.ports());
    let (session, deadline) = (&service.session, service.deadline);
    let claim = || block_on(secrets.update_secret_version_stage(&claim, session, &ports, deadline));
    claim().unwrap();
    let error = claim().unwrap_err();
    let causes = &error.refusal().unwrap().causes;
    let elsewhere = |cause: &Cause| {
        matches!(cause, Cause::SecretChange(SecretChangeCause::StageElsewhere { .. }))
    };
    assert!(matches!(&causes[..], [cause] if elsewhere(cause)), "{causes:?}");
}

#[test]
fn a_password_is_made_by_its_rules() {
    let service = ServiceFixture::replies([Reply::status(200, r#"{"RandomPassword":"p"}"#)]);
    let rules = PasswordRules { length: Some(1), ..PasswordRules::default() };
    let (secrets, ports) = (service.secrets(), service.ports.ports());
    let call = secrets.get_random_password(&rules, &service.session, &ports, service.deadline);
    assert_eq!(block_on(call).unwrap().expose(), "p");
    assert_eq!(service.bodies(), [r#"{"PasswordLength":1}"#]);
}
