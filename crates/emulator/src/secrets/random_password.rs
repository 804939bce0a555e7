//! GetRandomPassword: a password of the kinds of characters that the request leaves in.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html>. What
//! is refused, and in which words, was measured by others and is not documented.

use std::ops::RangeInclusive;

use serde_json::{Value, json};

use super::input::SecretInput;
use crate::account::Resources;
use crate::json_call::JsonCall;
use crate::os;
use crate::refusal::Refusal;

const LENGTHS: RangeInclusive<u64> = 1..=4096;
const USUAL_LENGTH: u64 = 32;
/// The most characters that can be excluded by name.
const MOST_EXCLUDED: usize = 4096;

/// The kinds of characters, each with the member that excludes it.
const KINDS: [(&str, &str); 4] = [
    ("ExcludeLowercase", "abcdefghijklmnopqrstuvwxyz"),
    ("ExcludeUppercase", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    ("ExcludeNumbers", "0123456789"),
    ("ExcludePunctuation", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
];

pub(super) fn get_random_password(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    input: &SecretInput,
) -> Result<Value, Refusal> {
    call.check_service(resources, "secretsmanager:GetRandomPassword")?;
    let rules = PasswordRules::read(input)?;
    Ok(json!({ "RandomPassword": rules.password(&mut random_below) }))
}

/// What a password is made of.
#[derive(Debug, PartialEq, Eq)]
struct PasswordRules {
    length: usize,
    /// The characters of each kind that must be in it.
    required: Vec<Vec<u8>>,
    /// All characters that may be in it; not empty.
    allowed: Vec<u8>,
}

impl PasswordRules {
    fn read(input: &SecretInput) -> Result<Self, Refusal> {
        let members = input.members();
        let length = members.number("PasswordLength", LENGTHS)?.unwrap_or(USUAL_LENGTH);
        let excluded = members.text("ExcludeCharacters", 0..=MOST_EXCLUDED)?.unwrap_or_default();
        let allowed = |kind: &str| {
            kind.chars().filter(|c| !excluded.contains(*c)).collect::<String>().into_bytes()
        };
        let mut kinds = Vec::new();
        for (switch, kind) in KINDS {
            if !members.flag(switch)? {
                kinds.push(allowed(kind));
            }
        }
        let mut all = kinds.concat();
        // A space may be in the password and need not be.
        if members.flag("IncludeSpace")? {
            all.append(&mut allowed(" "));
        }
        if all.is_empty() {
            return Err(refused("All characters have been excluded from selection."));
        }
        let required =
            if members.flag_or("RequireEachIncludedType", true)? { kinds } else { vec![] };
        if required.iter().any(Vec::is_empty) {
            return Err(refused("All characters of the desired type have been excluded."));
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length < required.len() {
            return Err(refused("Password length is too short based on the required types."));
        }
        Ok(Self { length, required, allowed: all })
    }

    /// Returns a password; `below` returns a random number that is less than another.
    fn password(&self, below: &mut impl FnMut(usize) -> usize) -> String {
        let mut pick = |from: &[u8]| from[below(from.len())];
        let mut password: Vec<u8> = self.required.iter().map(|kind| pick(kind)).collect();
        password.resize_with(self.length, || pick(&self.allowed));
        // Those that must be in it are at random places.
        for last in (1..password.len()).rev() {
            password.swap(last, below(last + 1));
        }
        password.into_iter().map(char::from).collect()
    }
}

fn refused(message: &str) -> Refusal {
    Refusal::new(400, "InvalidParameterException", message, "password-rules")
}

/// Returns a random number below another; each is as likely.
fn random_below(bound: usize) -> usize {
    let bound = u32::try_from(bound).unwrap_or(u32::MAX);
    // The numbers from here on would make the lowest ones more likely.
    let end = u32::MAX - u32::MAX % bound;
    loop {
        let number = u32::from_le_bytes(os::random());
        if number < end {
            return usize::try_from(number % bound).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::message::Request;

    fn read(input: &Value) -> Result<PasswordRules, Refusal> {
        let request = Request { body: input.to_string().into_bytes(), ..Request::default() };
        PasswordRules::read(&SecretInput::parse(&request).unwrap())
    }

    fn password(input: &Value) -> String {
        read(input).unwrap().password(&mut random_below)
    }

    fn message(input: &Value) -> String {
        let refusal = read(input).unwrap_err();
        assert_eq!((refusal.status, refusal.code.contains("Exception")), (400, true));
        refusal.message
    }

    /// Returns which kinds of characters are in a text, and whether a space is.
    fn kinds(text: &str) -> [bool; 5] {
        let has = |kind: &str| text.chars().any(|c| kind.contains(c));
        [has(KINDS[0].1), has(KINDS[1].1), has(KINDS[2].1), has(KINDS[3].1), has(" ")]
    }

    #[test]
    fn each_kind_is_in_every_password() {
        assert!(KINDS.iter().map(|(_, kind)| kind.len()).eq([26, 26, 10, 32]));
        for _ in 0..200 {
            assert_eq!(
                kinds(&password(&json!({ "PasswordLength": 4 }))),
                [true, true, true, true, false]
            );
        }
        assert_eq!(password(&json!({})).len(), 32);
        assert_eq!(password(&json!({ "PasswordLength": 4096 })).len(), 4096);
    }

    #[test]
    fn kinds_are_excluded_and_a_space_is_included() {
        for (index, (switch, _)) in KINDS.into_iter().enumerate() {
            let mut expected = [true, true, true, true, false];
            expected[index] = false;
            let rules = json!({ "PasswordLength": 1000, switch: true });
            assert_eq!(kinds(&password(&rules)), expected, "{switch}");
        }
        let long = json!({ "PasswordLength": 4096, "IncludeSpace": true });
        assert_eq!(kinds(&password(&long)), [true; 5]);
        let only = json!({
            "PasswordLength": 8, "IncludeSpace": true, "ExcludeLowercase": true,
            "ExcludeUppercase": true, "ExcludeNumbers": true, "ExcludePunctuation": true,
        });
        assert_eq!(password(&only), " ".repeat(8));
        let no_space =
            json!({ "PasswordLength": 4096, "IncludeSpace": true, "ExcludeCharacters": " 0O" });
        assert!(!password(&no_space).contains([' ', '0', 'O']));
    }

    #[test]
    fn a_kind_need_not_be_in_it_if_the_request_says_so() {
        let one = json!({ "PasswordLength": 1, "RequireEachIncludedType": false });
        assert_eq!(password(&one).len(), 1);
        let none = json!({ "ExcludeCharacters": "0123456789", "RequireEachIncludedType": false });
        assert!(!kinds(&password(&none))[2]);
    }

    #[test]
    fn rules_that_no_password_meets_are_refused() {
        let short = "Password length is too short based on the required types.";
        assert_eq!(message(&json!({ "PasswordLength": 3 })), short);
        assert!(read(&json!({ "PasswordLength": 3, "ExcludeNumbers": true })).is_ok());
        assert_eq!(
            message(&json!({ "ExcludeCharacters": "0123456789" })),
            "All characters of the desired type have been excluded."
        );
        let nothing = json!({
            "ExcludeLowercase": true, "ExcludeUppercase": true, "ExcludeNumbers": true,
            "ExcludePunctuation": true,
        });
        assert_eq!(message(&nothing), "All characters have been excluded from selection.");
        for length in [json!(0), json!(4097), json!("8")] {
            assert!(message(&json!({ "PasswordLength": length })).contains("PasswordLength"));
        }
    }

    #[test]
    fn every_character_and_place_is_possible() {
        let all: String = KINDS.iter().map(|(_, kind)| *kind).collect();
        let seen: BTreeSet<char> = (0..20)
            .flat_map(|_| password(&json!({ "PasswordLength": 4096 })).chars().collect::<Vec<_>>())
            .collect();
        assert_eq!(seen, all.chars().collect());
        let rules = json!({ "ExcludeCharacters": "123456789", "PasswordLength": 4 });
        let places: BTreeSet<_> = (0..500).map(|_| password(&rules).find('0')).collect();
        assert_eq!(places, (0..4).map(Some).collect());
    }
}
