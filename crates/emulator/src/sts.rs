//! STS as far as `GetCallerIdentity` goes: the Query protocol, answered in XML.
//!
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>

use crate::message::{Reply, Request, form_values};
use crate::refusal::escape_xml;
use crate::session::Session;

/// The one version that STS ever had.
const VERSION: &str = "2011-06-15";

/// Returns whether `Action=GetCallerIdentity&Version=2011-06-15` is asked for, in the query or in a
/// body that says it is a form; what STS says of any other action, `None` where there is none.
///
/// An action of another version, or one that is named twice, is one that is not known.
pub(crate) fn action(request: &Request) -> Option<Result<(), String>> {
    let mut actions = parameter(request, "Action");
    let action = actions.pop()?;
    let mut versions = parameter(request, "Version");
    let version = versions.pop().unwrap_or_else(|| "NO_VERSION_SPECIFIED".to_owned());
    let once = actions.is_empty() && versions.is_empty();
    if once && action == "GetCallerIdentity" && version == VERSION {
        return Some(Ok(()));
    }
    Some(Err(format!("Could not find operation {action} for version {version}")))
}

fn parameter(request: &Request, name: &str) -> Vec<String> {
    let mut values = request.parameters(name);
    if request.media_type() == "application/x-www-form-urlencoded" {
        values.extend(form_values(&String::from_utf8_lossy(&request.body), name));
    }
    values
}

/// Returns who the session is.
pub(crate) fn caller_identity(session: &Session, request_id: &str) -> Reply {
    let body = format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  \
         <GetCallerIdentityResult>\n    <Arn>{}</Arn>\n    <UserId>{}</UserId>\n    \
         <Account>{}</Account>\n  </GetCallerIdentityResult>\n  <ResponseMetadata>\n    \
         <RequestId>{request_id}</RequestId>\n  </ResponseMetadata>\n</GetCallerIdentityResponse>\n",
        escape_xml(&session.assumed_role_arn()),
        escape_xml(&session.assumed_role_id()),
        session.role_arn.account(),
    );
    Reply::new(200, "text/xml", body).with("x-amzn-requestid", request_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(content_type: &str, query: &str, body: &str) -> Request {
        Request {
            query: query.to_owned(),
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.as_bytes().to_vec(),
            ..Request::default()
        }
    }

    #[test]
    fn an_action_stands_in_a_form_or_in_the_query_with_its_version() {
        const GOOD: &str = "Action=GetCallerIdentity&Version=2011-06-15";
        const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
        let known = Some(Ok(()));
        assert_eq!(action(&request(FORM, "", GOOD)), known);
        assert_eq!(action(&request("", GOOD, "")), known);
        assert_eq!(action(&request("application/json", "", GOOD)), None);
        assert_eq!(action(&request(FORM, "", "Version=2011-06-15")), None);
        assert_eq!(
            action(&request(FORM, "", "Action=GetCallerIdentity")),
            Some(Err(
                "Could not find operation GetCallerIdentity for version NO_VERSION_SPECIFIED"
                    .to_owned()
            ))
        );
        let twice = request(FORM, "Action=GetCallerIdentity", GOOD);
        assert!(matches!(action(&twice), Some(Err(_))));
    }
}
