//! Reads parameters of the Parameter Store of AWS Systems Manager with a session.

use crate::aws::endpoint::RegionalEndpoint;
use crate::aws::get_parameter;
use crate::aws::get_parameters::{self, FoundParameters};
use crate::aws::get_parameters_by_path::{self, PathRequest};
use crate::aws::json_protocol::JsonResponseError;
use crate::aws::parameter::{Decryption, Parameter, ParameterRequest};
use crate::credentials::Session;
use crate::diagnosis::{ParameterCause, ParameterSubject, missing_parameter};
use crate::ports::Ports;
use crate::provider::RolesAnywhere;
use crate::provider::service_call::{Pages, ServiceCall, Subject};
use crate::time::Deadline;

pub use crate::provider::service_call::ServiceCallError;

/// The Parameter Store in a Region. Each call is signed with the session that it is given.
#[derive(Clone, Copy, Debug)]
pub struct ParameterStore<'a> {
    /// The endpoint of the Parameter Store, with its Region.
    pub at: &'a RegionalEndpoint,
    /// Where the sessions are from; causes of refusals name their role and their Region.
    pub provider: &'a RolesAnywhere,
    /// Whether SecureStrings are decrypted.
    pub decryption: Decryption,
}

impl<'a> ParameterStore<'a> {
    /// Returns a version of a parameter.
    pub async fn get_parameter(
        &self,
        parameter: &ParameterRequest,
        session: &Session,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<Parameter, ServiceCallError> {
        let call = self.call(ParameterSubject::One(parameter), session);
        let request = get_parameter::to_http(parameter, self.decryption, self.at);
        let answer = call.send(&request, ports, deadline).await?;
        Ok(get_parameter::parse(&answer.response)?)
    }

    /// Returns 1 to 10 parameters in their order, each if it exists.
    ///
    /// The whole call is refused if one of them may not be read.
    pub async fn get_parameters(
        &self,
        parameters: &[ParameterRequest],
        session: &Session,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<Vec<Result<Parameter, Box<MissingParameter>>>, ServiceCallError> {
        let call = self.call(ParameterSubject::Several(parameters), session);
        let request = get_parameters::to_http(parameters, self.decryption, self.at);
        let answer = call.send(&request, ports, deadline).await?;
        let FoundParameters { parameters: found, invalid } =
            get_parameters::parse(&answer.response)?;
        let result = |request: &ParameterRequest| {
            if let Some(parameter) = found.iter().find(|it| request.is_for(it)) {
                return Ok(Ok(parameter.clone()));
            }
            if !invalid.contains(&request.to_string()) {
                return Err(JsonResponseError::LeftOut(call.operation()).into());
            }
            let cause = missing_parameter(request, call.evidence(answer.received));
            Ok(Err(Box::new(MissingParameter { request: request.clone(), cause })))
        };
        parameters.iter().map(result).collect()
    }

    /// Returns the parameters below a path, from every page, sorted by name.
    pub async fn get_parameters_by_path(
        &self,
        request: &PathRequest,
        session: &Session,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<Vec<Parameter>, ServiceCallError> {
        let call = self.call(ParameterSubject::Path(&request.path), session);
        let mut pages = Pages::of(call.operation());
        let mut parameters = Vec::new();
        loop {
            let request = request.to_http(self.decryption, pages.token(), self.at);
            let answer = call.send(&request, ports, deadline).await?;
            let page = get_parameters_by_path::parse(&answer.response)?;
            parameters.extend(page.parameters);
            if !pages.go_on(page.next_page)? {
                break;
            }
        }
        parameters.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(parameters)
    }

    fn call<'b>(&'b self, subject: ParameterSubject<'b>, session: &'b Session) -> ServiceCall<'b> {
        let (at, provider) = (self.at, self.provider);
        ServiceCall { subject: Subject::Parameters(subject), at, provider, session }
    }
}

/// A parameter that is not among the results, as it does not exist.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("AWS has no parameter `{}`", .request.shown())]
pub struct MissingParameter {
    /// What was requested.
    pub request: ParameterRequest,
    /// The likely cause.
    pub cause: ParameterCause,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::get_parameters_by_path::PathDepth;
    use crate::aws::json_protocol::JsonOperation;
    use crate::diagnosis::Cause;
    use crate::test_support::service_fixture::ServiceFixture;
    use crate::test_support::transport::Reply;

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
    }

    fn request(text: &str) -> ParameterRequest {
        ParameterRequest::parse(text).unwrap()
    }

    impl ServiceFixture {
        fn parameters(&self, decryption: Decryption) -> ParameterStore<'_> {
            ParameterStore { at: &self.at, provider: &self.provider, decryption }
        }

        fn get_parameter(&self, text: &str) -> Result<Parameter, ServiceCallError> {
            let (store, ports) = (self.parameters(Decryption::Decrypted), self.ports.ports());
            block_on(store.get_parameter(&request(text), &self.session, &ports, self.deadline))
        }

        fn get_parameters(
            &self,
            names: &[&str],
        ) -> Result<Vec<Result<Parameter, Box<MissingParameter>>>, ServiceCallError> {
            let requests: Vec<_> = names.iter().map(|name| request(name)).collect();
            let (store, ports) = (self.parameters(Decryption::Encrypted), self.ports.ports());
            block_on(store.get_parameters(&requests, &self.session, &ports, self.deadline))
        }
    }

    #[test]
    fn reads_a_version_of_a_parameter() {
        let body = r#"{"Parameter":{"Name":"/prod/url","Type":"SecureString","Value":"v","Version":3,
            "Selector":":3","LastModifiedDate":1.5234E9,"ARN":"a","DataType":"text"}}"#;
        let service = ServiceFixture::replies([Reply::status(200, body)]);
        let parameter = service.get_parameter("/prod/url:3").unwrap();
        assert_eq!((parameter.value.expose(), parameter.version), ("v", Some(3)));
        assert_eq!(parameter.last_modified, Some(1_523_400_000_000_000));
        assert_eq!(service.bodies(), [r#"{"Name":"/prod/url:3","WithDecryption":true}"#]);
        let headers = &service.ports.transport.requests()[0].headers;
        assert!(headers.iter().any(|(_, value)| value == "AmazonSSM.GetParameter"), "{headers:?}");
        let scope = "/us-east-1/ssm/aws4_request";
        assert!(headers.iter().any(|(_, value)| value.contains(scope)), "{headers:?}");
    }

    #[test]
    fn returns_parameters_in_the_order_of_the_request() {
        let body = r#"{"Parameters":[{"Name":"a","Type":"String","Value":"1","Version":1},
            {"Name":"b","Type":"String","Value":"2","Version":7,"Selector":":7"}],
            "InvalidParameters":["gone","c:old"]}"#;
        let service = ServiceFixture::replies([Reply::status(200, body)]);
        let results = service.get_parameters(&["b:7", "c:old", "a", "gone"]).unwrap();
        let values: Vec<_> =
            results.iter().map(|it| it.as_ref().ok().map(|it| it.value.expose())).collect();
        assert_eq!(values, [Some("2"), None, Some("1"), None]);
        let cause = |at: usize| &results[at].as_ref().unwrap_err().cause;
        assert!(matches!(cause(1), ParameterCause::NoSuchVersion { .. }));
        assert!(matches!(cause(3), ParameterCause::NoSuchParameter { .. }));
        assert_eq!(
            service.bodies(),
            [r#"{"Names":["b:7","c:old","a","gone"],"WithDecryption":false}"#]
        );
    }

    #[test]
    fn follows_every_page_even_after_an_empty_one() {
        let page = |names: &[&str], next: &str| {
            let members = names
                .iter()
                .map(|name| format!(r#"{{"Name":"{name}","Type":"String","Value":"v"}}"#));
            let members = members.collect::<Vec<_>>().join(",");
            Reply::status(200, &format!(r#"{{"Parameters":[{members}]{next}}}"#))
        };
        let service = ServiceFixture::replies([
            page(&["/p/b"], r#","NextToken":"1""#),
            page(&[], r#","NextToken":"2""#),
            page(&["/p/a"], r#","NextToken":"""#),
        ]);
        let request = PathRequest { path: "/p".to_owned(), depth: PathDepth::AllLevels };
        let (store, ports) = (service.parameters(Decryption::Decrypted), service.ports.ports());
        let call =
            store.get_parameters_by_path(&request, &service.session, &ports, service.deadline);
        let names: Vec<_> = block_on(call).unwrap().into_iter().map(|it| it.name).collect();
        assert_eq!(names, ["/p/a", "/p/b"]);
        let start = r#"{"Path":"/p","Recursive":true,"WithDecryption":true,"MaxResults":10"#;
        let expected = ["", r#","NextToken":"1""#, r#","NextToken":"2""#];
        assert_eq!(service.bodies(), expected.map(|next| format!("{start}{next}}}")));
    }

    #[test]
    fn a_refusal_has_its_cause_and_a_name_left_out_is_an_error() {
        let refused = Reply::status(400, r#"{"__type":"ParameterNotFound"}"#);
        let ServiceCallError::Refused(refusal) =
            ServiceFixture::replies([refused]).get_parameter("/prod/url").unwrap_err()
        else {
            panic!("the parameter does not exist")
        };
        assert_eq!(refusal.to_string(), "AWS refused GetParameter: 400 ParameterNotFound");
        let cause = &refusal.causes[0];
        assert!(matches!(cause, Cause::Parameter(ParameterCause::NoSuchParameter { .. })));
        let left_out = ServiceFixture::replies([Reply::status(200, "{}")]).get_parameters(&["a"]);
        let expected = JsonResponseError::LeftOut(JsonOperation::GetParameters);
        assert!(matches!(left_out, Err(ServiceCallError::Response(error)) if error == expected));
    }
}
