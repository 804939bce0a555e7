//! ARNs of all four kinds, and the Regions in them.

#![no_main]

use std::fmt::Display;
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use roles_anywhere::options::table::Origin;
use roles_anywhere::options::table::session::ROLE_ARN;
use roles_anywhere::output::usage::UsageError;
use roles_anywhere_client::arn::{ArnError, ProfileArn, RoleArn, SecretArn, TrustAnchorArn};
use roles_anywhere_client::region::Region;
use roles_anywhere_fuzz::check_error;

fuzz_target!(|text: &str| {
    if let Some(anchor) = parsed::<TrustAnchorArn>(text) {
        check_region(anchor.region());
        assert_eq!(anchor.region().partition(), anchor.partition());
    }
    if let Some(profile) = parsed::<ProfileArn>(text) {
        check_region(profile.region());
        assert_eq!(profile.region().partition(), profile.partition());
    }
    if let Some(role) = parsed::<RoleArn>(text) {
        assert_eq!(role.account().len(), 12);
    }
    if let Some(secret) = parsed::<SecretArn>(text) {
        check_region(secret.region());
        assert_eq!(secret.account().len(), 12);
    }
    if let Some(region) = Region::parse(text) {
        assert_eq!(region.as_str(), text);
        check_region(&region);
    }
});

fn parsed<T: FromStr<Err = ArnError> + Display>(text: &str) -> Option<T> {
    match text.parse::<T>() {
        Ok(arn) => {
            assert_eq!(arn.to_string(), text);
            assert!(text.is_ascii() && text.len() <= 1_011);
            Some(arn)
        }
        Err(source) => {
            let (origin, value) = (Origin::Flag(&ROLE_ARN), text.to_owned());
            check_error(UsageError::Arn { origin, value, source });
            None
        }
    }
}

/// A Region gets into host names.
fn check_region(region: &Region) {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    assert!(region.as_str().bytes().all(legal) && region.as_str().len() <= 63);
    if let Some(plain) = region.without_fips() {
        assert!(plain.as_str().len() < region.as_str().len());
    }
}
