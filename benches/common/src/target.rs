//! How a target and what became of it is shown.

/// Says whether a target is met.
pub fn line(name: &str, value: &str, limit: &str, met: Option<bool>) -> String {
    let verdict = match met {
        Some(true) => "met",
        Some(false) => "MISSED",
        None => "not measured",
    };
    format!("  {name:<22} {value:>14}, {limit:<30} {verdict}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_whether_a_target_is_met() {
        assert!(line("size", "5 KB", "at most 6 KB", Some(true)).ends_with("met"));
        assert!(line("size", "7 KB", "at most 6 KB", Some(false)).ends_with("MISSED"));
        assert!(line("size", "-", "at most 6 KB", None).ends_with("not measured"));
    }
}
