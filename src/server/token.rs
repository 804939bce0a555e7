//! The tokens of instance metadata and of container credentials. Both hold 256 random or keyed bits,
//! and are compared in constant time.

use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::header::HeaderValue;
use zeroize::Zeroizing;

use roles_anywhere_client::secret::{Entropy, Secret};

/// Bytes of a container token.
const CONTAINER_TOKEN: usize = 32;
/// Bytes of an instance metadata token before its MAC: nanoseconds at which it was issued, seconds
/// that it is valid for, both big-endian.
const CLAIM: usize = 8 + 4;
/// Bytes of HMAC-SHA256.
const MAC: usize = 32;
/// Characters of claim and MAC in base64.
const LENGTH: usize = 59;

/// Issues and verifies IMDSv2 tokens without storing any.
///
/// Each token holds the time of issue, how long it is valid, and a MAC over both with a key of this
/// process. A table of tokens would need a limit, and then one client could push out the tokens of
/// others. Times are by the monotonic clock, so setting the wall clock changes nothing.
pub(super) struct ImdsTokens {
    key: hmac::Key,
    /// The last token that was verified, and when it expires. Clients send the same token many times,
    /// and this saves the MAC.
    last: RefCell<(Zeroizing<[u8; LENGTH]>, Duration)>,
}

impl ImdsTokens {
    /// Makes the key of the MAC.
    pub(super) fn new(entropy: &dyn Entropy) -> Self {
        let key = Zeroizing::new(random_bytes::<MAC>(entropy));
        let last = RefCell::new((Zeroizing::new([0; LENGTH]), Duration::ZERO));
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &*key), last }
    }

    /// Returns a token that is valid for `seconds` from `uptime` on.
    pub(super) fn issue(&self, seconds: u32, uptime: Duration) -> Secret {
        let issued = u64::try_from(uptime.as_nanos()).unwrap_or(u64::MAX);
        let mut bytes = Zeroizing::new([0; CLAIM + MAC]);
        let (claim, mac) = bytes.split_at_mut(CLAIM);
        claim[..8].copy_from_slice(&issued.to_be_bytes());
        claim[8..].copy_from_slice(&seconds.to_be_bytes());
        mac.copy_from_slice(hmac::sign(&self.key, claim).as_ref());
        Secret::new(URL_SAFE_NO_PAD.encode(*bytes))
    }

    /// Returns the remaining seconds of a token, rounded up; `None` if it is not valid.
    pub(super) fn seconds_left(&self, token: &[u8], uptime: Duration) -> Option<u64> {
        let token: &[u8; LENGTH] = token.try_into().ok()?;
        let remaining = self.expiry(token)?.checked_sub(uptime).filter(|rest| !rest.is_zero())?;
        Some(remaining.as_secs() + u64::from(remaining.subsec_nanos() > 0))
    }

    /// Returns when a genuine token expires; compares in constant time.
    fn expiry(&self, token: &[u8; LENGTH]) -> Option<Duration> {
        let mut last = self.last.borrow_mut();
        if verify_slices_are_equal(&*last.0, token).is_ok() {
            return Some(last.1);
        }
        let mut bytes = Zeroizing::new([0; CLAIM + MAC]);
        let length = URL_SAFE_NO_PAD.decode_slice(token, &mut *bytes).ok()?;
        let (claim, mac) = bytes[..length].split_at_checked(CLAIM)?;
        hmac::verify(&self.key, claim, mac).ok()?;
        let (issued, seconds) = claim.split_first_chunk::<8>()?;
        let issued = Duration::from_nanos(u64::from_be_bytes(*issued));
        let seconds = u32::from_be_bytes(seconds.try_into().ok()?);
        let expiry = issued + Duration::from_secs(seconds.into());
        *last = (Zeroizing::new(*token), expiry);
        Some(expiry)
    }
}

impl fmt::Debug for ImdsTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<the key of tokens>")
    }
}

/// The token of container credentials, and the one before it.
#[derive(Debug)]
pub(super) struct ContainerToken {
    current: Secret,
    previous: Option<Secret>,
}

impl ContainerToken {
    /// Returns a new token, in characters that a header may hold.
    pub(super) fn make(entropy: &dyn Entropy) -> Secret {
        Secret::new(
            URL_SAFE_NO_PAD.encode(*Zeroizing::new(random_bytes::<CONTAINER_TOKEN>(entropy))),
        )
    }

    /// Makes `current` the token; the current token of `previous` is still accepted.
    pub(super) fn new(current: Secret, previous: Option<Self>) -> Self {
        Self { current, previous: previous.map(|previous| previous.current) }
    }

    /// Returns the newer of the two.
    pub(super) fn current(&self) -> &Secret {
        &self.current
    }

    /// Returns whether `token` is one of the two.
    pub(super) fn accepts(&self, token: &[u8]) -> bool {
        let is = |known: &Secret| verify_slices_are_equal(known.expose().as_bytes(), token).is_ok();
        is(&self.current) || self.previous.as_ref().is_some_and(is)
    }
}

/// Returns whether `contents` are a container token of this or another process.
pub fn is_container_token(contents: &[u8]) -> bool {
    URL_SAFE_NO_PAD
        .decode(contents)
        .is_ok_and(|bytes| Zeroizing::new(bytes).len() == CONTAINER_TOKEN)
}

/// Returns how many seconds a client asks a token of instance metadata to be valid for: 1 to 21600.
pub(super) fn ttl_seconds(value: &HeaderValue) -> Option<u32> {
    let text = value.to_str().ok()?;
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse().ok().filter(|_| digits)?;
    (1..=21_600).contains(&seconds).then_some(seconds)
}

fn random_bytes<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&entropy.bits().to_le_bytes()[..chunk.len()]);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use roles_anywhere_test_support::entropy::SequenceEntropy;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_token_is_valid_for_as_long_as_it_was_issued_for() {
        let tokens = ImdsTokens::new(&SequenceEntropy::counting());
        let token = tokens.issue(60, at(100));
        let left = |uptime| tokens.seconds_left(token.expose().as_bytes(), uptime);
        assert_eq!(token.expose().len(), LENGTH);
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        assert!(token.expose().chars().all(plain));
        assert_eq!(left(at(100)), Some(60));
        assert_eq!(left(at(159)), Some(1));
        assert_eq!(left(Duration::from_millis(159_999)), Some(1));
        assert_eq!(left(at(160)), None);
        assert_eq!(left(at(u64::MAX)), None);
    }

    #[test]
    fn every_bit_of_a_token_counts() {
        let tokens = ImdsTokens::new(&SequenceEntropy::counting());
        let token = tokens.issue(60, at(0));
        let bytes = URL_SAFE_NO_PAD.decode(token.expose()).unwrap();
        assert_eq!(bytes.len(), CLAIM + MAC);
        for bit in 0..bytes.len() * 8 {
            let mut other = bytes.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            let other = URL_SAFE_NO_PAD.encode(other);
            assert_eq!(tokens.seconds_left(other.as_bytes(), at(0)), None, "{bit}");
        }
        let mut last = token.expose().as_bytes().to_vec();
        // The bits of the last character that stand for nothing.
        *last.last_mut().unwrap() += 1;
        assert_eq!(tokens.seconds_left(&last, at(0)), None);
        for other in ["", "x", &token.expose()[1..], &format!("{}=", token.expose())] {
            assert_eq!(tokens.seconds_left(other.as_bytes(), at(0)), None, "{other}");
        }
    }

    #[test]
    fn no_token_makes_another_invalid() {
        let tokens = ImdsTokens::new(&SequenceEntropy::counting());
        let first = tokens.issue(300, at(0));
        for second in 0..100_000 {
            let _ = tokens.issue(21_600, Duration::from_micros(second));
        }
        assert_eq!(tokens.seconds_left(first.expose().as_bytes(), at(1)), Some(299));
    }

    #[test]
    fn alternating_tokens_keep_their_own_times() {
        let tokens = ImdsTokens::new(&SequenceEntropy::counting());
        let issued = [(60, 0), (300, 5)].map(|(life, now)| tokens.issue(life, at(now)));
        let left = |token: &Secret, now| tokens.seconds_left(token.expose().as_bytes(), at(now));
        for _ in 0..3 {
            assert_eq!(issued.each_ref().map(|token| left(token, 10)), [Some(50), Some(295)]);
        }
        assert_eq!(issued.each_ref().map(|token| left(token, 60)), [None, Some(245)]);
        assert_eq!((left(&issued[0], 60), left(&issued[0], 60)), (None, None));
        let nothing = [0; LENGTH];
        assert_eq!(tokens.seconds_left(&nothing, at(0)), None);
        assert_eq!(
            ImdsTokens::new(&SequenceEntropy::counting()).seconds_left(&nothing, at(0)),
            None
        );
    }

    #[test]
    fn a_token_of_another_process_is_not_valid() {
        let entropy = SequenceEntropy::counting();
        let [one, other] = [(); 2].map(|()| ImdsTokens::new(&entropy));
        let token = one.issue(60, at(0));
        assert_eq!(one.seconds_left(token.expose().as_bytes(), at(0)), Some(60));
        assert_eq!(other.seconds_left(token.expose().as_bytes(), at(0)), None);
    }

    #[test]
    fn the_previous_container_token_is_accepted_until_the_next() {
        let entropy = SequenceEntropy::counting();
        let [one, two, three] = [(); 3].map(|()| ContainerToken::make(&entropy));
        let accepts = |token: &ContainerToken| {
            [&one, &two, &three].map(|secret| token.accepts(secret.expose().as_bytes()))
        };
        let token = ContainerToken::new(one.clone(), None);
        assert_eq!(accepts(&token), [true, false, false]);
        let token = ContainerToken::new(two.clone(), Some(token));
        assert_eq!(accepts(&token), [true, true, false]);
        let token = ContainerToken::new(three.clone(), Some(token));
        assert_eq!(accepts(&token), [false, true, true]);
        assert!(!token.accepts(b"") && !token.accepts(&three.expose().as_bytes()[1..]));
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        assert!(three.expose().len() == 43 && three.expose().chars().all(plain));
    }
}
