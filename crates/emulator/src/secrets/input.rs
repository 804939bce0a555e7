//! The members of a Secrets Manager request.

use std::collections::BTreeMap;

use super::versions::{CURRENT, MOST_BYTES, MOST_STAGES, Material};
use crate::json_members::JsonMembers;
use crate::message::Request;
use crate::paging::Page;
use crate::refusal::Refusal;

/// The most tags of a secret.
pub(super) const MOST_TAGS: usize = 50;

/// The members of a request.
#[derive(Debug)]
pub(super) struct SecretInput(JsonMembers);

impl SecretInput {
    /// Reads the body.
    pub(super) fn parse(request: &Request) -> Result<Self, Refusal> {
        JsonMembers::parse(request).map(Self)
    }

    /// Returns the members, for those of one operation.
    pub(super) fn members(&self) -> &JsonMembers {
        &self.0
    }

    pub(super) fn secret_id(&self) -> Result<&str, Refusal> {
        self.0.required_text("SecretId", 1..=2048)
    }

    /// Returns the name of a secret to be created.
    pub(super) fn name(&self) -> Result<&str, Refusal> {
        let name = self.0.required_text("Name", 1..=512)?;
        if name.chars().all(|c| c.is_ascii_alphanumeric() || "/_+=.@-!".contains(c)) {
            return Ok(name);
        }
        let message = "Invalid name. Must be a valid name containing alphanumeric characters, or \
                       any of the following: -/_+=.@!";
        Err(Refusal::new(400, "ValidationException", message, "name"))
    }

    pub(super) fn version_id(&self) -> Result<Option<&str>, Refusal> {
        self.0.text("VersionId", 32..=64)
    }

    pub(super) fn version_stage(&self) -> Result<Option<&str>, Refusal> {
        self.0.text("VersionStage", 1..=256)
    }

    pub(super) fn description(&self) -> Result<Option<&str>, Refusal> {
        self.0.text("Description", 0..=2048)
    }

    /// Returns the labels for a new version, `AWSCURRENT` where none are given.
    pub(super) fn version_stages(&self) -> Result<Vec<String>, Refusal> {
        let stages = self.0.texts("VersionStages", 1..=MOST_STAGES, 1..=256)?;
        Ok(stages.unwrap_or_else(|| vec![CURRENT]).into_iter().map(str::to_owned).collect())
    }

    /// Returns the id of a new version. SDKs and the AWS CLI generate one; a client
    /// without an SDK must send it.
    pub(super) fn client_request_token(&self) -> Result<&str, Refusal> {
        self.0.text("ClientRequestToken", 32..=64)?.ok_or_else(|| {
            let message = "You must provide a ClientRequestToken value. We recommend a UUID-type \
                           value.";
            Refusal::new(400, "InvalidRequestException", message, "token-missing")
        })
    }

    /// Returns the value of a new version, text or bytes and not both.
    pub(super) fn material(&self) -> Result<Option<Material>, Refusal> {
        let text = self.0.text("SecretString", 0..=MOST_BYTES)?;
        let binary = self.0.bytes("SecretBinary", MOST_BYTES)?;
        match (text, binary) {
            (None, None) => Ok(None),
            (Some(text), None) => Ok(Some(Material::Text(text.to_owned()))),
            (None, Some(bytes)) => Ok(Some(Material::Binary(bytes))),
            (Some(_), Some(_)) => {
                let message = "You can't specify both a binary secret value and a string secret \
                               value in the same secret.";
                Err(Refusal::new(400, "InvalidParameterException", message, "two-values"))
            }
        }
    }

    pub(super) fn kms_key_id(&self) -> Result<Option<&str>, Refusal> {
        self.0.text("KmsKeyId", 0..=2048)
    }

    /// Returns the tags to set, by key; none if the request has no such member.
    pub(super) fn tags(&self) -> Result<Option<BTreeMap<String, String>>, Refusal> {
        let Some(tags) = self.0.objects("Tags", 0..=MOST_TAGS)? else { return Ok(None) };
        let tag = |tag: &JsonMembers| {
            let key = tag.required_text("Key", 1..=128)?;
            if key.to_ascii_lowercase().starts_with("aws:") {
                let message = "Tag keys can't start with aws:.";
                return Err(Refusal::new(400, "InvalidParameterException", message, "tags"));
            }
            let value = tag.text("Value", 0..=256)?.unwrap_or_default();
            Ok((key.to_owned(), value.to_owned()))
        };
        tags.iter().map(tag).collect::<Result<_, _>>().map(Some)
    }

    /// Returns the page that is asked for, of at most `most` entries.
    pub(super) fn page(&self, most: usize) -> Result<Page, Refusal> {
        let size = self.0.number("MaxResults", 1..=most as u64)?;
        let size = size.and_then(|size| usize::try_from(size).ok()).unwrap_or(most);
        Page::new(self.0.text("NextToken", 1..=4096)?, size).map_err(|_| {
            let message = "Invalid pagination token";
            Refusal::new(400, "InvalidNextTokenException", message, "next-token")
        })
    }
}
