//! What a mistyped name was probably meant to be.

/// How similar two names must be, from 0 to 1. `--role` is similar to `--role-arn` (0.9), and `--key` is
/// not to `--key-password-env` (0.8).
const SIMILAR: f64 = 0.87;

/// Returns the name that is the most similar to `typed`, if one is similar.
pub fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |name: &str| name.trim_start_matches("--").to_ascii_lowercase().replace('_', "-");
    let typed = plain(typed);
    names
        .map(|name| (strsim::jaro_winkler(&typed, &plain(name)), name))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_similar_name_is_suggested() {
        let names = ["--role-arn", "--profile-arn", "--region", "--no-cache", "--key-password-env"];
        let rows = [
            ("--regoin", Some("--region")),
            ("--REGION", Some("--region")),
            ("--role", Some("--role-arn")),
            ("--profile_arn", Some("--profile-arn")),
            ("--no-proxy", None),
            ("--key", None),
            ("--verbose", None),
            ("--", None),
        ];
        for (typed, expected) in rows {
            assert_eq!(nearest(typed, names.into_iter()), expected, "{typed}");
        }
    }
}
