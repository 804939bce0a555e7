//! The refusals of the Parameter Store.

use super::cause::{Cause, ParameterCause};
use super::{CallEvidence, general, kms_key};
use crate::arn::{ParameterArn, RoleArn};
use crate::aws::error_response::ServiceError;
use crate::aws::json_protocol::JsonOperation;
use crate::aws::parameter::{ParameterId, ParameterRequest};
use crate::region::Region;
use crate::text::disclosure::may_be_repeated;

/// What a refused call asked for.
#[derive(Clone, Copy, Debug)]
pub enum ParameterSubject<'a> {
    /// A parameter.
    One(&'a ParameterRequest),
    /// Several parameters.
    Several(&'a [ParameterRequest]),
    /// The parameters below a path.
    Path(&'a str),
}

impl ParameterSubject<'_> {
    /// Returns the operation that is called for it.
    pub fn operation(self) -> JsonOperation {
        match self {
            Self::One(_) => JsonOperation::GetParameter,
            Self::Several(_) => JsonOperation::GetParameters,
            Self::Path(_) => JsonOperation::GetParametersByPath,
        }
    }

    /// Returns the values that must not be shown, even if AWS repeats them.
    pub fn hidden(&self) -> Vec<&str> {
        match self {
            Self::Path(path) => Some(*path).into_iter().filter(|it| !may_be_repeated(it)).collect(),
            Self::One(_) | Self::Several(_) => {
                self.requests().iter().flat_map(ParameterRequest::hidden).collect()
            }
        }
    }

    /// Returns what it asks for, for messages.
    pub fn shown(&self) -> String {
        match self {
            Self::One(request) => request.shown(),
            Self::Several(requests) => format!("{} parameters", requests.len()),
            Self::Path(path) => shown_path(path),
        }
    }

    fn requests(&self) -> &[ParameterRequest] {
        match self {
            Self::One(request) => std::slice::from_ref(*request),
            Self::Several(requests) => requests,
            Self::Path(_) => &[],
        }
    }

    /// Returns the ARNs by which policies name what was requested.
    fn resources(&self, role: &RoleArn, region: &Region) -> Vec<String> {
        match self {
            Self::Path(path) => vec![resource(&shown_path(path), role, region)],
            Self::One(_) | Self::Several(_) => {
                let ids = self.requests().iter().map(|request| &request.parameter);
                ids.map(|id| match id {
                    ParameterId::Arn(arn) => arn.to_string(),
                    ParameterId::Name(_) => resource(&id.shown(), role, region),
                })
                .collect()
            }
        }
    }
}

/// Returns a path for messages, or `PATH` if it may not be shown.
fn shown_path(path: &str) -> String {
    if may_be_repeated(path) { path.to_owned() } else { "PATH".to_owned() }
}

/// Returns the ARN of a parameter in the account of `role`: its first slash is not written twice.
fn resource(name: &str, role: &RoleArn, region: &Region) -> String {
    let (partition, account) = (role.partition().as_str(), role.account());
    let name = name.strip_prefix('/').unwrap_or(name);
    format!("arn:{partition}:ssm:{region}:{account}:parameter/{name}")
}

/// Returns the most likely cause of `service_error`.
pub fn parameter_store(
    service_error: &ServiceError,
    subject: ParameterSubject<'_>,
    evidence: CallEvidence<'_>,
) -> Cause {
    let session = || evidence.session_not_accepted(service_error);
    if let Some(cause) = general(service_error).or_else(session) {
        return cause;
    }
    let CallEvidence { role, region, .. } = evidence;
    let parameter = match subject.requests() {
        [request] => Some(request.parameter.clone()),
        _ => None,
    };
    let message = service_error.message.to_ascii_lowercase();
    let of_key = ["kms", "ciphertext"].iter().any(|word| message.contains(word));
    let code = service_error.code.as_deref().unwrap_or_default();
    Cause::Parameter(match (code, parameter) {
        ("ParameterNotFound", Some(parameter)) => not_found(parameter, role, region),
        ("ParameterVersionNotFound" | "ParameterVersionLabelNotFound", Some(parameter)) => {
            ParameterCause::NoSuchVersion { parameter, region: region.clone() }
        }
        ("InvalidKeyId", parameter) => key_denied(service_error, role, parameter),
        ("AccessDeniedException", parameter) if of_key => {
            key_denied(service_error, role, parameter)
        }
        ("AccessDeniedException", _) => {
            let named = named_resource(&service_error.message);
            ParameterCause::Denied {
                operation: subject.operation(),
                role: role.clone(),
                resources: named.map_or_else(|| subject.resources(role, region), |it| vec![it]),
                of_secret: subject.requests().iter().any(|it| it.parameter.is_secret_reference()),
            }
        }
        ("ValidationException", _) => return Cause::InvalidRequest,
        _ => return Cause::Unknown,
    })
}

/// Returns the cause of a parameter that is not among the results, or whose version is not.
pub fn missing_parameter(
    request: &ParameterRequest,
    CallEvidence { role, region, .. }: CallEvidence<'_>,
) -> ParameterCause {
    let parameter = request.parameter.clone();
    match request.selector {
        Some(_) => ParameterCause::NoSuchVersion { parameter, region: region.clone() },
        None => not_found(parameter, role, region),
    }
}

fn not_found(parameter: ParameterId, role: &RoleArn, region: &Region) -> ParameterCause {
    let account = match &parameter {
        ParameterId::Arn(arn) => arn.account(),
        ParameterId::Name(_) => role.account(),
    };
    let account = account.to_owned();
    ParameterCause::NoSuchParameter { parameter, region: region.clone(), account }
}

fn key_denied(
    service_error: &ServiceError,
    role: &RoleArn,
    parameter: Option<ParameterId>,
) -> ParameterCause {
    ParameterCause::KmsKeyDenied { role: role.clone(), parameter, key: kms_key(service_error) }
}

/// Returns the resource of a denial: `… on resource: ARN because …`.
fn named_resource(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("on resource: ")?;
    let arn: ParameterArn = rest.split_whitespace().next()?.parse().ok()?;
    Some(arn.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::create_session::SessionRequest;
    use crate::test_support::session;
    use crate::time::Timestamp;

    const ARN: &str = "arn:aws:ssm:eu-west-1:999999999999:parameter/shared/url";
    const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn request(text: &str) -> ParameterRequest {
        ParameterRequest::parse(text).unwrap()
    }

    fn cause(code: &str, message: &str, subject: ParameterSubject<'_>) -> Cause {
        let (code, message) = (Some(code.to_owned()), message.to_owned());
        let service_error =
            ServiceError { status: 400, code, message, request_id: None, date: None };
        let SessionRequest { role, region: session_region, .. } = session::request();
        let (role, session_region, region) =
            (&role, &session_region, &Region::parse("eu-west-1").unwrap());
        let received = Timestamp::from_unix(1_780_000_000);
        let evidence = CallEvidence { role, session_region, region, received };
        parameter_store(&service_error, subject, evidence)
    }

    fn denied(message: &str, subject: ParameterSubject<'_>) -> (JsonOperation, Vec<String>, bool) {
        match cause("AccessDeniedException", message, subject) {
            Cause::Parameter(ParameterCause::Denied {
                operation, resources, of_secret, ..
            }) => (operation, resources, of_secret),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_missing_parameter_is_looked_for_in_the_account_of_its_arn_or_the_role() {
        for (text, account) in [("/prod/url", "123456789012"), (ARN, "999999999999")] {
            let request = request(text);
            let found = cause("ParameterNotFound", "", ParameterSubject::One(&request));
            let Cause::Parameter(ParameterCause::NoSuchParameter { account: searched, .. }) = found
            else {
                panic!("{found:?}")
            };
            assert_eq!(searched, account);
            let found = cause("ParameterVersionNotFound", "", ParameterSubject::One(&request));
            assert!(
                matches!(found, Cause::Parameter(ParameterCause::NoSuchVersion { .. })),
                "{found:?}"
            );
        }
    }

    #[test]
    fn a_denial_names_the_resource_of_the_message_or_all_that_were_requested() {
        let requests = [request("/prod/url"), request("flag:3"), request(ARN)];
        let of_role = |name: &str| format!("arn:aws:ssm:eu-west-1:123456789012:parameter/{name}");
        let resources = vec![of_role("prod/url"), of_role("flag"), ARN.to_owned()];
        let several = ParameterSubject::Several(&requests);
        assert_eq!(denied("", several), (JsonOperation::GetParameters, resources, false));
        let message = format!(
            "User: a is not authorized to perform: ssm:GetParameters on resource: {} because no policy allows it",
            of_role("flag")
        );
        assert_eq!(denied(&message, several).1, [of_role("flag")]);
        let path = denied("", ParameterSubject::Path("/prod/"));
        let expected = (JsonOperation::GetParametersByPath, vec![of_role("prod/")], false);
        assert_eq!(path, expected);
        let secret = request("/aws/reference/secretsmanager/db");
        assert!(denied("", ParameterSubject::One(&secret)).2);
    }

    #[test]
    fn a_key_that_may_not_be_used_is_named() {
        let request = request("/prod/key");
        let one = ParameterSubject::One(&request);
        let message =
            format!("User: a is not authorized to perform: kms:Decrypt on resource: {KEY} because");
        let rows = [
            ("AccessDeniedException", &*message, Some(KEY)),
            (
                "AccessDeniedException",
                "The ciphertext refers to a customer master key that does not exist",
                None,
            ),
            ("InvalidKeyId", "", None),
        ];
        for (code, message, key) in rows {
            let expected = ParameterCause::KmsKeyDenied {
                role: session::request().role,
                parameter: Some(request.parameter.clone()),
                key: key.map(str::to_owned),
            };
            assert_eq!(cause(code, message, one), Cause::Parameter(expected), "{code}");
        }
    }

    #[test]
    fn other_refusals_are_of_the_request_or_the_service() {
        let one = request("/prod/url");
        let found = |code| cause(code, "", ParameterSubject::One(&one));
        assert_eq!(found("ThrottlingException"), Cause::Throttled);
        assert_eq!(found("ValidationException"), Cause::InvalidRequest);
        assert_eq!(found("SomethingElse"), Cause::Unknown);
        assert!(matches!(found("ExpiredTokenException"), Cause::SessionNotAccepted { .. }));
    }
}
