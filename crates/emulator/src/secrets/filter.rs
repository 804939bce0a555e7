//! The filters of ListSecrets and BatchGetSecretValue: all of them must match, each by one of its
//! values.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/userguide/manage_search-secret.html>

use super::input::SecretInput;
use super::store::Secret;
use crate::refusal::Refusal;

/// Filters, of which each must match.
#[derive(Debug)]
pub(super) struct Filters(Vec<Filter>);

#[derive(Debug)]
struct Filter {
    attribute: Attribute,
    values: Vec<String>,
}

/// What a filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attribute {
    All,
    Description,
    Name,
    OwningService,
    PrimaryRegion,
    TagKey,
    TagValue,
}

const KEYS: [(&str, Attribute); 7] = [
    ("all", Attribute::All),
    ("description", Attribute::Description),
    ("name", Attribute::Name),
    ("owning-service", Attribute::OwningService),
    ("primary-region", Attribute::PrimaryRegion),
    ("tag-key", Attribute::TagKey),
    ("tag-value", Attribute::TagValue),
];

impl Filters {
    /// Reads the filters of a request; `None` if it has none.
    pub(super) fn parse(input: &SecretInput) -> Result<Option<Self>, Refusal> {
        let Some(objects) = input.members().objects("Filters", 0..=10)? else { return Ok(None) };
        let filter = |object: &crate::json_members::JsonMembers| {
            let attribute = object.choice("Key", &KEYS)?.ok_or_else(|| object.missing("Key"))?;
            let values = object.texts("Values", 1..=10, 1..=512)?;
            let values = values.ok_or_else(|| object.missing("Values"))?;
            Ok(Filter { attribute, values: values.into_iter().map(str::to_owned).collect() })
        };
        objects.iter().map(filter).collect::<Result<_, _>>().map(|filters| Some(Self(filters)))
    }

    /// Returns whether a secret matches every filter.
    pub(super) fn match_secret(&self, secret: &Secret) -> bool {
        self.0
            .iter()
            .all(|filter| filter.values.iter().any(|value| filter.attribute.matches(value, secret)))
    }
}

impl Attribute {
    /// Returns whether a secret matches a value, or does not match one that has a `!` in front.
    fn matches(self, value: &str, secret: &Secret) -> bool {
        match value.strip_prefix('!') {
            Some(value) => !self.has(value, secret),
            None => self.has(value, secret),
        }
    }

    fn has(self, value: &str, secret: &Secret) -> bool {
        let begins = |text: &str| text.starts_with(value);
        match self {
            Self::Name => begins(&secret.name),
            Self::TagKey => secret.tags.keys().any(|key| begins(key)),
            Self::TagValue => secret.tags.values().any(|value| begins(value)),
            Self::PrimaryRegion => begins(&secret.arn.location().region),
            Self::OwningService => secret.owning_service.as_deref().is_some_and(begins),
            Self::Description => {
                let description = secret.description.as_deref().unwrap_or_default();
                description.to_lowercase().starts_with(&value.to_lowercase())
            }
            Self::All => {
                let words = |text: &str| -> Vec<String> {
                    let words = text.split(|c: char| !c.is_alphanumeric());
                    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
                };
                let tags = secret.tags.iter().flat_map(|(key, value)| [key.as_str(), value]);
                let attributes =
                    [secret.name.as_str(), secret.description.as_deref().unwrap_or("")];
                let known: Vec<_> = attributes.into_iter().chain(tags).flat_map(words).collect();
                let begins = |word: &String| known.iter().any(|known| known.starts_with(word));
                words(value).iter().any(begins)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::arn::Location;
    use crate::message::Request;

    fn secret() -> Secret {
        let here = Location { account: "123456789012".into(), region: "eu-central-1".into() };
        let mut secret = Secret::new(&here, "prod/Db", OffsetDateTime::UNIX_EPOCH);
        secret.description = Some("The Password of the plant".to_owned());
        secret.tags = [("Team".to_owned(), "Plant".to_owned())].into();
        secret.owning_service = Some("rds".to_owned());
        secret
    }

    fn filters(json: &serde_json::Value) -> Result<Option<Filters>, Refusal> {
        let body = serde_json::json!({ "Filters": json }).to_string().into_bytes();
        Filters::parse(&SecretInput::parse(&Request { body, ..Request::default() })?)
    }

    fn matches(json: &serde_json::Value) -> bool {
        filters(json).unwrap().unwrap().match_secret(&secret())
    }

    #[test]
    fn a_filter_compares_the_beginning_as_its_key_says() {
        for (key, value, expected) in [
            ("name", "prod/", true),
            ("name", "Prod/", false),
            ("name", "Db", false),
            ("name", "!prod/", false),
            ("name", "!test/", true),
            ("tag-key", "Te", true),
            ("tag-key", "te", false),
            ("tag-value", "Plant", true),
            ("primary-region", "eu-", true),
            ("primary-region", "us-", false),
            ("owning-service", "rds", true),
            ("description", "the password", true),
            ("description", "password", false),
            ("all", "PLANT", true),
            ("all", "unknown pass", true),
            ("all", "db", true),
            ("all", "lant", false),
            ("all", "!plant", false),
        ] {
            let filter = serde_json::json!([{ "Key": key, "Values": [value] }]);
            assert_eq!(matches(&filter), expected, "{key} {value}");
        }
    }

    #[test]
    fn values_are_alternatives_and_filters_are_not() {
        let of = |key: &str, values: &[&str]| serde_json::json!({ "Key": key, "Values": values });
        assert!(matches(&serde_json::json!([of("name", &["x", "prod"])])));
        assert!(matches(&serde_json::json!([of("name", &["prod"]), of("tag-key", &["Team"])])));
        assert!(!matches(&serde_json::json!([of("name", &["prod"]), of("tag-key", &["Owner"])])));
        assert!(matches(&serde_json::json!([])));
    }

    #[test]
    fn refuses_a_filter_that_is_not_one() {
        for wrong in [
            serde_json::json!([{ "Key": "Name", "Values": ["x"] }]),
            serde_json::json!([{ "Values": ["x"] }]),
            serde_json::json!([{ "Key": "name", "Values": [] }]),
            serde_json::json!([{ "Key": "name" }]),
            serde_json::json!(["name"]),
        ] {
            assert_eq!(filters(&wrong).unwrap_err().code, "ValidationException", "{wrong}");
        }
    }
}
