//! The members of a Parameter Store request.

use super::name::{NameError, check_name};
use super::selector::{ParameterSelector, Target};
use crate::json_members::JsonMembers;
use crate::message::Request;
use crate::paging::Page;
use crate::refusal::Refusal;

/// The members of a request.
#[derive(Debug)]
pub(super) struct ParameterInput(JsonMembers);

impl ParameterInput {
    /// Reads the body.
    pub(super) fn parse(request: &Request) -> Result<Self, Refusal> {
        JsonMembers::parse(request).map(Self)
    }

    /// Returns the members, for those of one operation.
    pub(super) fn members(&self) -> &JsonMembers {
        &self.0
    }

    /// Returns the parameter that is named, and which version of it.
    pub(super) fn selector(&self) -> Result<ParameterSelector, Refusal> {
        parse_selector(self.0.required_text("Name", 1..=2048)?)
    }

    /// Returns the name of a parameter that is written to; an ARN is not one.
    pub(super) fn name(&self) -> Result<&str, Refusal> {
        let name = self.0.required_text("Name", 1..=2048)?.trim();
        if parse_selector(name)?.target == Target::Name(name.to_owned()) {
            return Ok(name);
        }
        let message = format!("Invalid parameter name: {name}. Expected a name, not an ARN.");
        Err(Refusal::new(400, "ValidationException", message, "name"))
    }

    /// Returns the name of a parameter that may be new.
    pub(super) fn new_name(&self) -> Result<&str, Refusal> {
        let name = self.0.required_text("Name", 1..=2048)?.trim();
        check_name(name).map_err(|error| {
            let code = match error {
                NameError::Levels => "HierarchyLevelLimitExceededException",
                NameError::Reserved => "AccessDeniedException",
                _ => "ValidationException",
            };
            Refusal::new(400, code, error.to_string(), "name")
        })?;
        Ok(name)
    }

    /// Returns the parameters that are named, each once.
    pub(super) fn selectors(&self) -> Result<Vec<ParameterSelector>, Refusal> {
        let names = self.0.texts("Names", 1..=10, 1..=2048)?;
        let names = names.ok_or_else(|| self.0.missing("Names"))?;
        let mut selectors = Vec::<ParameterSelector>::new();
        for name in names {
            let selector = parse_selector(name)?;
            if !selectors.contains(&selector) {
                selectors.push(selector);
            }
        }
        Ok(selectors)
    }

    pub(super) fn with_decryption(&self) -> Result<bool, Refusal> {
        self.0.flag("WithDecryption")
    }

    /// Returns the page that is asked for, of at most ten entries.
    pub(super) fn page(&self) -> Result<Page, Refusal> {
        let size = self.0.number("MaxResults", 1..=10)?;
        let size = size.and_then(|size| usize::try_from(size).ok()).unwrap_or(10);
        Page::new(self.0.text("NextToken", 0..=4096)?, size).map_err(|_| {
            Refusal::new(400, "InvalidNextToken", "The specified token is not valid.", "next-token")
        })
    }
}

fn parse_selector(text: &str) -> Result<ParameterSelector, Refusal> {
    ParameterSelector::parse(text).map_err(|_| {
        let message = "Parameter name: can't be prefixed with \"aws\" or \"ssm\" \
                       (case-insensitive). If formed as a path, it can consist of sub-paths \
                       divided by slash symbol; each sub-path can be formed as a mix of letters, \
                       numbers and the following 3 symbols .-_";
        Refusal::new(400, "ValidationException", message, "name")
    })
}
