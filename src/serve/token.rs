//! The tokens of both ways in: 256 bits each, compared in constant time.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::header::HeaderValue;
use zeroize::Zeroizing;

use crate::secret::{Entropy, Secret};

/// How many tokens may be alive at once.
const CAPACITY: usize = 1_024;
/// Bytes of what finds a token, which is no secret.
const NAME: usize = 8;
/// Bytes of what proves it.
const PROOF: usize = 32;
/// Characters of both in base64.
const LENGTH: usize = 54;

/// The IMDSv2 tokens that are alive. Time is the process's own: a clock that is set changes nothing.
#[derive(Default)]
pub(super) struct Tokens(HashMap<[u8; NAME], Token>);

struct Token {
    proof: Zeroizing<[u8; PROOF]>,
    ends: Duration,
}

impl Tokens {
    /// Makes a token that is alive for `seconds`. Where there are too many, the first to end goes.
    pub(super) fn issue(
        &mut self,
        entropy: &dyn Entropy,
        seconds: u32,
        uptime: Duration,
    ) -> Secret {
        if self.0.len() >= CAPACITY {
            self.0.retain(|_, token| token.ends > uptime);
        }
        if self.0.len() >= CAPACITY
            && let Some(name) = self.0.iter().min_by_key(|(_, token)| token.ends).map(|it| *it.0)
        {
            self.0.remove(&name);
        }
        let name = dice(entropy);
        let proof = Zeroizing::new(dice(entropy));
        let mut bytes = Zeroizing::new([0; NAME + PROOF]);
        bytes[..NAME].copy_from_slice(&name);
        bytes[NAME..].copy_from_slice(&*proof);
        let ends = uptime + Duration::from_secs(seconds.into());
        self.0.insert(name, Token { proof, ends });
        Secret::new(URL_SAFE_NO_PAD.encode(*bytes))
    }

    /// Returns the seconds that a token is still alive for, rounded up; `None` where it is not.
    pub(super) fn left(&self, token: &[u8], uptime: Duration) -> Option<u64> {
        if token.len() != LENGTH {
            return None;
        }
        let mut bytes = Zeroizing::new([0; NAME + PROOF]);
        URL_SAFE_NO_PAD.decode_slice(token, &mut *bytes).ok()?;
        let (name, proof) = bytes.split_first_chunk::<NAME>()?;
        let known = self.0.get(name)?;
        verify_slices_are_equal(&*known.proof, proof).ok()?;
        let left = known.ends.checked_sub(uptime).filter(|left| !left.is_zero())?;
        Some(left.as_secs() + u64::from(left.subsec_nanos() > 0))
    }

    /// Counts those that are alive.
    pub(super) fn count(&self, uptime: Duration) -> usize {
        self.0.values().filter(|token| token.ends > uptime).count()
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} tokens>", self.0.len())
    }
}

/// The token of container credentials, and the one before it.
#[derive(Debug)]
pub(super) struct ContainerToken {
    current: Secret,
    previous: Option<Secret>,
}

impl ContainerToken {
    /// Returns a new token that goes into a header as it is.
    pub(super) fn make(entropy: &dyn Entropy) -> Secret {
        Secret::new(URL_SAFE_NO_PAD.encode(*Zeroizing::new(dice::<PROOF>(entropy))))
    }

    /// Takes `current` into use; `before` is accepted still.
    pub(super) fn new(current: Secret, before: Option<Self>) -> Self {
        Self { current, previous: before.map(|before| before.current) }
    }

    /// Returns the newer of the two.
    pub(super) fn current(&self) -> &Secret {
        &self.current
    }

    /// Tells whether `token` is one of the two.
    pub(super) fn accepts(&self, token: &[u8]) -> bool {
        let is = |known: &Secret| verify_slices_are_equal(known.expose().as_bytes(), token).is_ok();
        is(&self.current) || self.previous.as_ref().is_some_and(is)
    }
}

/// Tells whether a file of `contents` holds a token of container credentials, of whichever process.
pub fn is_container_token(contents: &[u8]) -> bool {
    URL_SAFE_NO_PAD.decode(contents).is_ok_and(|bytes| Zeroizing::new(bytes).len() == PROOF)
}

/// Reads how many seconds a token of instance metadata is to live: 1 to 21600.
pub(super) fn seconds(value: &HeaderValue) -> Option<u32> {
    let text = value.to_str().ok()?;
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse().ok().filter(|_| digits)?;
    (1..=21_600).contains(&seconds).then_some(seconds)
}

fn dice<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&entropy.bits().to_le_bytes()[..chunk.len()]);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[derive(Default)]
    struct Counter(AtomicU64);

    impl Entropy for Counter {
        fn bits(&self) -> u64 {
            self.0.fetch_add(1, Ordering::Relaxed)
        }
    }

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_token_lives_as_long_as_it_was_made_for() {
        let mut tokens = Tokens::default();
        let token = tokens.issue(&Counter::default(), 60, at(100));
        let left = |uptime| tokens.left(token.expose().as_bytes(), uptime);
        assert_eq!(token.expose().len(), LENGTH);
        assert_eq!(left(at(100)), Some(60));
        assert_eq!(left(at(159)), Some(1));
        assert_eq!(left(Duration::from_millis(159_999)), Some(1));
        assert_eq!(left(at(160)), None);
        assert_eq!((tokens.count(at(159)), tokens.count(at(160))), (1, 0));
    }

    #[test]
    fn every_bit_of_a_token_counts() {
        let mut tokens = Tokens::default();
        let token = tokens.issue(&Counter::default(), 60, at(0));
        let bytes = URL_SAFE_NO_PAD.decode(token.expose()).unwrap();
        assert_eq!(bytes.len(), 40);
        for bit in 0..bytes.len() * 8 {
            let mut other = bytes.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            let other = URL_SAFE_NO_PAD.encode(other);
            assert_eq!(tokens.left(other.as_bytes(), at(0)), None, "{bit}");
        }
        for other in ["", "x", &token.expose()[1..], &format!("{}=", token.expose())] {
            assert_eq!(tokens.left(other.as_bytes(), at(0)), None, "{other}");
        }
    }

    #[test]
    fn the_first_to_end_makes_room() {
        let (mut tokens, dice) = (Tokens::default(), Counter::default());
        let long: Vec<_> = (0..CAPACITY - 1).map(|_| tokens.issue(&dice, 100, at(0))).collect();
        let short = tokens.issue(&dice, 50, at(0));
        assert_eq!(tokens.count(at(1)), CAPACITY);
        let last = tokens.issue(&dice, 10, at(1));
        assert_eq!(tokens.count(at(1)), CAPACITY);
        assert_eq!(tokens.left(short.expose().as_bytes(), at(1)), None);
        for token in long.iter().chain([&last]) {
            assert!(tokens.left(token.expose().as_bytes(), at(1)).is_some());
        }
    }

    #[test]
    fn those_that_ended_make_room_before_others() {
        let (mut tokens, dice) = (Tokens::default(), Counter::default());
        let ended: Vec<_> = (0..CAPACITY).map(|_| tokens.issue(&dice, 10, at(0))).collect();
        let _ = tokens.issue(&dice, 10, at(10));
        assert_eq!(tokens.0.len(), 1);
        assert_eq!(tokens.left(ended[0].expose().as_bytes(), at(10)), None);
    }

    #[test]
    fn the_container_token_before_is_accepted_until_the_next() {
        let dice = Counter::default();
        let [one, two, three] = [(); 3].map(|()| ContainerToken::make(&dice));
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
