//! The operation of a request, by its path, its target, its action and the scope of its signature.

use super::json_service::JsonService;
use super::services;
use crate::authorization;
use crate::message::Request;
use crate::refusal::{Protocol, Refusal};
use crate::{iam, sts};

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    CreateSession,
    Sts(sts::Action),
    Iam(iam::IamAction),
    /// An operation of a service that speaks AWS JSON.
    Json(JsonService, &'static str),
    /// An operation that this emulator does not have, with the error in the client's protocol.
    Absent(Protocol, Refusal),
}

const CREATE_SESSION: &str = "CreateSession";
const UNKNOWN: &str = "Unknown";

/// Returns what an operation may be called in the log and in a fault.
pub(crate) fn operations() -> impl Iterator<Item = &'static str> {
    [CREATE_SESSION]
        .into_iter()
        .chain(sts::Action::ALL.map(sts::Action::name))
        .chain(iam::IamAction::ALL.map(iam::IamAction::name))
        .chain(JsonService::ALL.into_iter().flat_map(JsonService::operations))
        .chain([UNKNOWN])
}

impl Operation {
    /// Returns what a request asks for.
    ///
    /// For the services of this emulator, path and headers decide before the scope does: AWS
    /// distinguishes services by host, and then refuses a wrong scope.
    pub(super) fn of(request: &Request) -> Self {
        let scope = signed_for(request);
        let ours = scope.as_deref().is_none_or(is_ours);
        if ours && request.method == "POST" && request.path == "/sessions" {
            return Self::CreateSession;
        }
        if let Some(operation) = json_operation(request) {
            return operation;
        }
        let is_root = request.path == "/" && ["POST", "GET"].contains(&&*request.method);
        if is_root && let Some(operation) = query_operation(request, ours) {
            return operation;
        }
        let protocol = protocol(request, scope.as_deref());
        let operation = operation_name(request);
        let refusal = match scope.as_deref().filter(|scope| is_ours(scope)) {
            Some(scope) => {
                unknown_operation(protocol, format!("this emulator has no {scope}:{operation}"))
            }
            None => {
                let message = services::absence(request, scope.as_deref(), &operation);
                Refusal { reason: "service", ..unknown_operation(protocol, message) }
            }
        };
        Self::Absent(protocol, refusal)
    }

    /// Returns what it is called in the log and in a fault.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::CreateSession => CREATE_SESSION,
            Self::Sts(action) => action.name(),
            Self::Iam(action) => action.name(),
            Self::Json(_, name) => name,
            Self::Absent(..) => UNKNOWN,
        }
    }

    /// Returns how its answer is written.
    pub(super) fn protocol(&self) -> Protocol {
        match self {
            Self::CreateSession => Protocol::RestJson,
            Self::Sts(_) => Protocol::Query,
            Self::Iam(_) => Protocol::Iam,
            Self::Json(..) => Protocol::Json11,
            Self::Absent(protocol, _) => *protocol,
        }
    }
}

fn is_ours(scope: &str) -> bool {
    let json = JsonService::ALL.map(JsonService::signing_name);
    json.contains(&scope) || ["rolesanywhere", "sts", "iam"].contains(&scope)
}

/// Returns the action of STS or IAM that a form in the query or the body names; `None` if the request
/// is for another service.
///
/// Each has one version. A request without it is for one of them if it is not signed for another
/// service (`signed_for_ours`). Of two values the first counts, as at AWS.
fn query_operation(request: &Request, signed_for_ours: bool) -> Option<Operation> {
    let first = |name| request.form_parameters(name).into_iter().next();
    let name = first("Action")?;
    let version = first("Version").unwrap_or_else(|| "NO_VERSION_SPECIFIED".to_owned());
    let operation = match &*version {
        sts::VERSION => sts::action(&name).map(Operation::Sts),
        iam::VERSION => iam::action(&name).map(Operation::Iam),
        _ if signed_for_ours => {
            Err(format!("Could not find operation {name} for version {version}"))
        }
        _ => return None,
    };
    let absent =
        |message| Operation::Absent(Protocol::Query, unknown_operation(Protocol::Query, message));
    Some(operation.unwrap_or_else(absent))
}

/// Returns the operation of a target of Secrets Manager or Parameter Store.
fn json_operation(request: &Request) -> Option<Operation> {
    let target = request.header("x-amz-target")?;
    let (service, name) = JsonService::ALL
        .into_iter()
        .find_map(|service| Some((service, target.strip_prefix(service.target_prefix())?)))?;
    let known = service.operations().into_iter().find(|known| *known == name);
    let refusal = match known {
        Some(name) if speaks_json(request) && request.path == "/" => {
            return Some(Operation::Json(service, name));
        }
        Some(_) => Refusal::unknown_operation()
            .explained("not a POST to `/` with the content type application/x-amz-json-1.1"),
        None => {
            let message = format!("this emulator has no {}:{name}", service.signing_name());
            Refusal { message, ..Refusal::unknown_operation() }
        }
    };
    Some(Operation::Absent(Protocol::Json11, refusal))
}

/// Whether a request is one of the JSON protocol, which its content type decides.
fn speaks_json(request: &Request) -> bool {
    let known = ["application/x-amz-json-1.1", "application/x-amz-json-1.0"];
    request.method == "POST" && known.contains(&&*request.media_type())
}

/// Returns the error of an operation that there is not, as each protocol's front end has it.
fn unknown_operation(protocol: Protocol, message: impl Into<String>) -> Refusal {
    let (status, code) = match protocol {
        Protocol::Query | Protocol::Iam | Protocol::Ec2 => (400, "InvalidAction"),
        Protocol::S3 => (501, "NotImplemented"),
        _ => (404, "UnknownOperationException"),
    };
    Refusal::new(status, code, message, "operation")
}

/// Returns the service that a request is signed for, in a header or in the query.
fn signed_for(request: &Request) -> Option<String> {
    let in_query = request.parameters("X-Amz-Credential").pop();
    let credential = match request.header("authorization") {
        Some(header) => authorization::credential(header)?.to_owned(),
        None => in_query?,
    };
    // Without a Region in the scope of AWS4-ECDSA-P256-SHA256, so it is counted from the end.
    let mut parts = credential.rsplit('/');
    (parts.next() == Some("aws4_request")).then_some(())?;
    parts.next().map(str::to_owned)
}

/// Returns the protocol in which the client of a service reads an error.
fn protocol(request: &Request, scope: Option<&str>) -> Protocol {
    if request.header("smithy-protocol") == Some("rpc-v2-cbor") {
        Protocol::Cbor
    } else if request.header("x-amz-target").is_some() {
        match &*request.media_type() {
            "application/x-amz-json-1.0" => Protocol::Json10,
            _ => Protocol::Json11,
        }
    } else if !request.form_parameters("Action").is_empty() {
        if scope == Some("ec2") { Protocol::Ec2 } else { Protocol::Query }
    } else {
        match scope {
            // S3 Control, whose paths these are, writes errors as the Query protocol does.
            Some("s3" | "s3express") if !request.path.starts_with("/v20180820/") => Protocol::S3,
            Some("s3" | "route53" | "cloudfront") => Protocol::Query,
            _ => Protocol::RestJson,
        }
    }
}

/// Returns what the client calls the operation, or its method and path.
fn operation_name(request: &Request) -> String {
    let target = request.header("x-amz-target").and_then(|target| target.rsplit('.').next());
    let action = request.form_parameters("Action").into_iter().next();
    let path = &request.path;
    let rpc = path.strip_prefix("/service/").and_then(|path| path.split("/operation/").nth(1));
    match target.map(str::to_owned).or(action).or_else(|| rpc.map(str::to_owned)) {
        Some(name) => name,
        None => format!("{} {path}", request.method),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(method: &str, target: &str, headers: &[(&str, &str)]) -> Operation {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Operation::of(&Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            body: Vec::new(),
            ..Request::default()
        })
    }

    /// Returns protocol, status and message of what is absent.
    fn absent(
        method: &str,
        target: &str,
        scope: &str,
        headers: &[(&str, &str)],
    ) -> (Protocol, u16, String) {
        let value = format!(
            "AWS4-HMAC-SHA256 Credential=AKIA/20260301/us-east-1/{scope}/aws4_request, \
             SignedHeaders=host, Signature=00"
        );
        let mut headers = headers.to_vec();
        headers.push(("authorization", &value));
        match operation(method, target, &headers) {
            Operation::Absent(protocol, refusal) => (protocol, refusal.status, refusal.message),
            other => panic!("{target}: {other:?}"),
        }
    }

    #[test]
    fn method_path_target_and_content_type_make_the_operation() {
        const TARGET: (&str, &str) = ("x-amz-target", "secretsmanager.GetSecretValue");
        let json = |kind| [TARGET, ("content-type", kind)];
        let secret = Operation::Json(JsonService::SecretsManager, "GetSecretValue");
        assert_eq!(operation("POST", "/", &json("application/x-amz-json-1.1")), secret);
        assert_eq!(operation("POST", "/", &json("application/x-amz-json-1.0")), secret);
        let is_unknown = |operation: &Operation| operation.name() == UNKNOWN;
        assert!(is_unknown(&operation("POST", "/", &json("application/json"))));
        assert!(is_unknown(&operation("GET", "/", &json("application/x-amz-json-1.1"))));
        assert!(is_unknown(&operation("POST", "/x", &json("application/x-amz-json-1.1"))));
        assert!(is_unknown(&operation("POST", "/", &[("x-amz-target", "secretsmanager.X")])));
        assert_eq!(operation("POST", "/sessions", &[]), Operation::CreateSession);
        for (method, path) in
            [("GET", "/sessions"), ("POST", "/sessions/"), ("POST", "//sessions"), ("GET", "/")]
        {
            let unknown = operation(method, path, &[]);
            assert!(is_unknown(&unknown) && unknown.protocol() == Protocol::RestJson, "{path}");
        }
        let sts = sts::Action::ALL.map(|it| (it.name(), sts::VERSION, Operation::Sts(it)));
        let iam = iam::IamAction::ALL.map(|it| (it.name(), iam::VERSION, Operation::Iam(it)));
        for (name, version, expected) in sts.into_iter().chain(iam) {
            let query = format!("/?Action={name}&Version={version}");
            assert_eq!(operation("GET", &query, &[]), expected);
            assert_eq!(operation("POST", &query, &[]), expected);
        }
    }

    #[test]
    fn actions_are_read_from_form_or_query() {
        const GOOD: &str = "Action=GetCallerIdentity&Version=2011-06-15";
        const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
        let read = |content_type: &str, query: &str, body: &str, ours| {
            let headers = vec![("content-type".to_owned(), content_type.to_owned())];
            let (query, body) = (query.to_owned(), body.as_bytes().to_vec());
            query_operation(&Request { query, headers, body, ..Request::default() }, ours)
        };
        let known = Some(Operation::Sts(sts::Action::GetCallerIdentity));
        assert_eq!(read(FORM, "", GOOD, true), known);
        assert_eq!(read("", GOOD, "", true), known);
        assert_eq!(read("", GOOD, "", false), known);
        assert_eq!(read("application/json", "", GOOD, true), None);
        assert_eq!(read(FORM, "", "Version=2011-06-15", true), None);
        assert_eq!(read(FORM, "", &format!("{GOOD}&Action=AssumeRole"), true), known);
        for (form, message) in [
            (
                "Action=GetCallerIdentity",
                "Could not find operation GetCallerIdentity for version NO_VERSION_SPECIFIED",
            ),
            ("Action=X&Version=2011-06-15", "Could not find operation X for version 2011-06-15"),
            (
                "Action=AssumeRoleWithSAML&Version=2011-06-15",
                "this emulator has no sts:AssumeRoleWithSAML",
            ),
            (
                "Action=ListRoles&Version=2010-05-08",
                "this emulator has no iam:ListRoles; set AWS_ENDPOINT_URL_IAM to an endpoint that \
                 has it",
            ),
        ] {
            let Some(Operation::Absent(Protocol::Query, refusal)) = read(FORM, "", form, true)
            else {
                panic!("{form} is answered");
            };
            assert_eq!((&*refusal.message, refusal.reason), (message, "operation"));
        }
        assert_eq!(read(FORM, "", "Action=RunInstances&Version=2016-11-15", false), None);
    }

    #[test]
    fn unknown_operations_are_refused_in_their_protocol() {
        const METRICS: &str = "/service/GraniteServiceVersion20100801/operation/ListMetrics";
        for (scope, path, (protocol, status), words) in [
            ("ec2", "/?Action=X&Version=2016-11-15", (Protocol::Ec2, 400), "no EC2; set"),
            ("iam", "/?Action=X&Version=2010-05-08", (Protocol::Query, 400), "_URL_IAM "),
            (
                "sts",
                "/?Action=GetSessionToken&Version=2011-06-15",
                (Protocol::Query, 400),
                "this emulator has no sts:GetSessionToken",
            ),
            ("s3", "/bucket", (Protocol::S3, 501), "_URL_S3 "),
            ("s3", "/sessions", (Protocol::S3, 501), "_URL_S3 "),
            ("route53", "/2013-04-01/hostedzone", (Protocol::Query, 400), "_URL_ROUTE_53 "),
            ("lambda", "/2015-03-31/functions/", (Protocol::RestJson, 404), "_URL_LAMBDA "),
            ("rolesanywhere", "/profiles", (Protocol::RestJson, 404), "anywhere:POST /profiles"),
        ] {
            let (found, found_status, message) = absent("POST", path, scope, &[]);
            assert_eq!((found, found_status), (protocol, status), "{scope} {path}");
            assert!(message.contains(words), "{message}");
        }
        let json = [
            ("x-amz-target", "DynamoDB_20120810.ListTables"),
            ("content-type", "application/x-amz-json-1.0"),
        ];
        assert_eq!(absent("POST", "/", "dynamodb", &json).0, Protocol::Json10);
        let target = [("x-amz-target", "secretsmanager.RotateSecret")];
        let (protocol, _, message) = absent("POST", "/", "secretsmanager", &target);
        assert_eq!(protocol, Protocol::Json11);
        assert_eq!(message, "this emulator has no secretsmanager:RotateSecret");
        let cbor = [("smithy-protocol", "rpc-v2-cbor")];
        assert_eq!(absent("POST", METRICS, "monitoring", &cbor).0, Protocol::Cbor);
    }

    #[test]
    fn a_presigned_request_names_its_service_too() {
        let query = "/b/k?X-Amz-Credential=AKIA%2F20260301%2Fus-east-1%2Fs3%2Faws4_request";
        assert_eq!(operation("GET", query, &[]).protocol(), Protocol::S3);
    }
}
