//! Secrets that cannot be handed out as access keys.

use super::{Page, variants};
use crate::output::access_key::{AccessKeyPart, KeyOfSecretError, UnusableAccessKey};
use roles_anywhere_client::time::Timestamp;

variants!(UnusableAccessKey:
    Binary NotAnObject NoMember Ambiguous Invalid NoSessionToken Expired
);

#[test]
fn errors_of_keys_of_secrets_have_these_texts() {
    let mut page = Page::default();
    let invalid =
        |part, member: &str| UnusableAccessKey::Invalid { part, member: member.to_owned() };
    let members = vec!["AccessKeyId".to_owned(), "aws_access_key_id".to_owned()];
    let examples = vec![
        UnusableAccessKey::Binary,
        UnusableAccessKey::NotAnObject,
        UnusableAccessKey::NoMember(AccessKeyPart::Id),
        UnusableAccessKey::NoMember(AccessKeyPart::Secret),
        UnusableAccessKey::Ambiguous { part: AccessKeyPart::Id, members },
        invalid(AccessKeyPart::Id, "aws_access_key_id"),
        invalid(AccessKeyPart::SessionToken, "aws_session_token"),
        invalid(AccessKeyPart::Expiration, "expiration"),
        invalid(AccessKeyPart::AccountId, "account_id"),
        UnusableAccessKey::NoSessionToken,
        UnusableAccessKey::Expired(Timestamp::from_unix(1_893_456_000)),
    ];
    page.add_all(examples, |why| KeyOfSecretError { secret: "prod/legacy".to_owned(), why }.into());
    page.compare("keys_of_secrets");
}
