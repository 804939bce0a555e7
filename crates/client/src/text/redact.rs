//! Removes our secrets from a text of AWS that repeats them.
//!
//! AWS answers a wrong signature with the canonical request, which contains the session token, and
//! quotes the parameters that it refuses.

use std::borrow::Cow;
use std::collections::HashSet;

/// The shortest run of bytes that counts as a part of a secret: shorter runs occur in common words.
const SHORTEST: usize = 14;

const INSTEAD: &str = "(not shown)";

/// Returns `text` with each run of 14 octets or more that one of `secrets` has too as
/// `(not shown)`. The cost grows with the sum of the lengths, not with their product.
pub(crate) fn redacted<'a>(text: &'a str, secrets: &[&str]) -> Cow<'a, str> {
    let parts: HashSet<&[u8]> =
        secrets.iter().flat_map(|secret| secret.as_bytes().windows(SHORTEST)).collect();
    if parts.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut redacted = String::new();
    // What of `text` was taken over, and up to where the current run goes.
    let (mut done, mut run) = (0, None::<(usize, usize)>);
    let found = text.as_bytes().windows(SHORTEST).enumerate();
    for (at, _) in found.filter(|(_, window)| parts.contains(window)) {
        run = match run {
            Some((start, end)) if at <= end => Some((start, at + SHORTEST)),
            before => {
                done = cut(text, &mut redacted, done, before);
                Some((at, at + SHORTEST))
            }
        };
    }
    if run.is_none() {
        return Cow::Borrowed(text);
    }
    done = cut(text, &mut redacted, done, run);
    redacted.push_str(&text[done..]);
    Cow::Owned(redacted)
}

/// Adds what is before a run, and what is shown for the run; returns where it ends.
fn cut(text: &str, redacted: &mut String, done: usize, run: Option<(usize, usize)>) -> usize {
    let Some((start, end)) = run else { return done };
    // A run may begin or end within a character.
    let (start, end) = (text.floor_char_boundary(start), text.ceil_char_boundary(end));
    redacted.push_str(text.get(done..start).unwrap_or_default());
    redacted.push_str(INSTEAD);
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLWVhc3QtMSJHMEUCIQDq";

    #[test]
    fn takes_out_each_run_of_a_secret() {
        let text = format!("x-amz-security-token:{TOKEN}\nhost:{}, {}", &TOKEN[20..40], TOKEN);
        assert_eq!(
            redacted(&text, &["another secret, unused", TOKEN]),
            "x-amz-security-token:(not shown)\nhost:(not shown), (not shown)"
        );
        assert_eq!(redacted(TOKEN, &[TOKEN]), "(not shown)");
        let both = format!("{TOKEN}{TOKEN}");
        assert_eq!(redacted(&both, &[TOKEN]), "(not shown)");
    }

    #[test]
    fn leaves_shorter_runs_and_other_words() {
        for text in ["", "Invalid signature", &TOKEN[..13], &format!("a{}", &TOKEN[7..20])] {
            assert!(matches!(redacted(text, &[TOKEN]), Cow::Borrowed(same) if same == text));
        }
        assert!(matches!(redacted(TOKEN, &[]), Cow::Borrowed(_)));
        assert!(matches!(redacted(TOKEN, &["short"]), Cow::Borrowed(_)));
        assert_eq!(redacted(&format!("a{}", &TOKEN[..14]), &[TOKEN]), "a(not shown)");
    }

    #[test]
    fn cuts_between_characters() {
        let secret = "ä€ein geheimes Wort€ä";
        let text = format!("ü{secret}ß, öe{}€", &secret[2..22]);
        assert_eq!(redacted(&text, &[secret]), "ü(not shown)ß, öe(not shown)");
        // Two characters begin with the same byte.
        assert_eq!(redacted("Äfourteen octetsÖ", &["äfourteen octetsö"]), "Ä(not shown)");
    }

    #[test]
    fn long_texts_take_no_long_time() {
        let text = "a".repeat(1 << 20);
        assert_eq!(redacted(&text, &[&"a".repeat(1 << 16)]), "(not shown)");
    }
}
