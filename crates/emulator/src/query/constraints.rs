//! What is wrong with the shape of a request, all of it at once, as AWS's services word it.

use std::fmt::Display;
use std::ops::RangeInclusive;

use crate::refusal::Refusal;

/// The violations that were found so far.
#[derive(Debug, Default)]
pub(crate) struct Constraints {
    violations: Vec<String>,
}

/// A pattern: as messages have it, and the characters beside letters, digits and `_` of ASCII.
pub(crate) struct Pattern {
    pub(crate) expression: &'static str,
    pub(crate) punctuation: &'static str,
}

impl Constraints {
    /// Notes a violation; a value of `None` is `null`.
    pub(crate) fn violate(&mut self, value: Option<&str>, member: &str, constraint: &str) {
        let value = value.map_or_else(|| "null".to_owned(), |value| format!("'{value}'"));
        self.violations.push(format!(
            "Value {value} at '{member}' failed to satisfy constraint: Member must {constraint}"
        ));
    }

    /// Checks a member that must be there.
    pub(crate) fn required(&mut self, value: Option<&str>, member: &str) {
        if value.is_none() {
            self.violate(None, member, "not be null");
        }
    }

    /// Checks how many characters a value has, if it is there.
    pub(crate) fn length(
        &mut self,
        value: Option<&str>,
        member: &str,
        allowed: RangeInclusive<usize>,
    ) {
        if let Some(text) = value {
            self.bounds(text, ("length", text.chars().count()), member, &allowed);
        }
    }

    /// Checks how many entries a list has.
    pub(crate) fn entries(&mut self, count: usize, member: &str, most: usize) {
        self.bounds("[…]", ("length", count), member, &(0..=most));
    }

    /// Checks the characters of a value, if it is there.
    pub(crate) fn pattern(&mut self, value: Option<&str>, member: &str, pattern: &Pattern) {
        let fits =
            |c: char| c.is_ascii_alphanumeric() || c == '_' || pattern.punctuation.contains(c);
        self.characters(value, member, pattern.expression, fits);
    }

    /// Checks the characters of a value, if it is there, against an expression.
    pub(crate) fn characters(
        &mut self,
        value: Option<&str>,
        member: &str,
        expression: &str,
        fits: impl Fn(char) -> bool,
    ) {
        if let Some(text) = value.filter(|text| !text.chars().all(fits)) {
            let constraint = format!("satisfy regular expression pattern: {expression}");
            self.violate(Some(text), member, &constraint);
        }
    }

    /// Checks a number, if it is there.
    pub(crate) fn range(&mut self, value: Option<i32>, member: &str, allowed: RangeInclusive<i32>) {
        if let Some(number) = value {
            self.bounds(&number.to_string(), ("value", number), member, &allowed);
        }
    }

    /// Checks what is measured of a value, its `length` or its `value`.
    fn bounds<T: PartialOrd + Display>(
        &mut self,
        value: &str,
        (what, found): (&str, T),
        member: &str,
        allowed: &RangeInclusive<T>,
    ) {
        let (bound, limit) = if found < *allowed.start() {
            ("greater", allowed.start())
        } else if found > *allowed.end() {
            ("less", allowed.end())
        } else {
            return;
        };
        self.violate(Some(value), member, &format!("have {what} {bound} than or equal to {limit}"));
    }

    /// Returns the refusal of what was found.
    pub(crate) fn check(self) -> Result<(), Refusal> {
        let count = self.violations.len();
        if count == 0 {
            return Ok(());
        }
        let errors = if count == 1 { "error" } else { "errors" };
        let violations = self.violations.join("; ");
        let message = format!("{count} validation {errors} detected: {violations}");
        Err(Refusal::new(400, "ValidationError", message, "parameter"))
    }
}
