//! The condition operators, by name.

use std::cmp::Ordering;

use crate::nearest::nearest;

/// A condition operator, such as `ForAnyValue:StringNotLikeIfExists`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) struct Operator {
    pub(in crate::policy) comparison: Comparison,
    /// Holds if no value of the policy equals; also if the key is absent.
    pub(in crate::policy) negated: bool,
    pub(in crate::policy) quantifier: Quantifier,
    /// Holds if the key is absent.
    pub(in crate::policy) if_exists: bool,
}

/// The values of a key that must meet the condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) enum Quantifier {
    /// The key has one value.
    Single,
    /// Each of them; holds if there is none.
    ForAllValues,
    /// At least one of them.
    ForAnyValue,
}

/// The comparison of a value of the request with one of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) enum Comparison {
    String,
    StringIgnoreCase,
    StringLike,
    Arn,
    Numeric(Order),
    Date(Order),
    Bool,
    Binary,
    IpAddress,
    /// Whether the key is absent.
    Null,
}

/// The order that the request's value must have to the policy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    /// Returns whether an ordering of request and policy value is this one.
    pub(super) fn admits(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

/// The names, with what they compare and whether they negate it.
const OPERATORS: [(&str, Comparison, bool); 27] = [
    ("StringEquals", Comparison::String, false),
    ("StringNotEquals", Comparison::String, true),
    ("StringEqualsIgnoreCase", Comparison::StringIgnoreCase, false),
    ("StringNotEqualsIgnoreCase", Comparison::StringIgnoreCase, true),
    ("StringLike", Comparison::StringLike, false),
    ("StringNotLike", Comparison::StringLike, true),
    // IAM compares the same way for both names.
    ("ArnEquals", Comparison::Arn, false),
    ("ArnNotEquals", Comparison::Arn, true),
    ("ArnLike", Comparison::Arn, false),
    ("ArnNotLike", Comparison::Arn, true),
    ("NumericEquals", Comparison::Numeric(Order::Equal), false),
    ("NumericNotEquals", Comparison::Numeric(Order::Equal), true),
    ("NumericLessThan", Comparison::Numeric(Order::Less), false),
    ("NumericLessThanEquals", Comparison::Numeric(Order::LessOrEqual), false),
    ("NumericGreaterThan", Comparison::Numeric(Order::Greater), false),
    ("NumericGreaterThanEquals", Comparison::Numeric(Order::GreaterOrEqual), false),
    ("DateEquals", Comparison::Date(Order::Equal), false),
    ("DateNotEquals", Comparison::Date(Order::Equal), true),
    ("DateLessThan", Comparison::Date(Order::Less), false),
    ("DateLessThanEquals", Comparison::Date(Order::LessOrEqual), false),
    ("DateGreaterThan", Comparison::Date(Order::Greater), false),
    ("DateGreaterThanEquals", Comparison::Date(Order::GreaterOrEqual), false),
    ("Bool", Comparison::Bool, false),
    ("BinaryEquals", Comparison::Binary, false),
    ("IpAddress", Comparison::IpAddress, false),
    ("NotIpAddress", Comparison::IpAddress, true),
    ("Null", Comparison::Null, false),
];

impl Operator {
    /// Returns the operator of a name.
    pub(in crate::policy) fn parse(name: &str) -> Option<Self> {
        let (quantifier, rest) = if let Some(rest) = name.strip_prefix("ForAllValues:") {
            (Quantifier::ForAllValues, rest)
        } else if let Some(rest) = name.strip_prefix("ForAnyValue:") {
            (Quantifier::ForAnyValue, rest)
        } else {
            (Quantifier::Single, name)
        };
        let (base, if_exists) = match rest.strip_suffix("IfExists") {
            Some(base) => (base, true),
            None => (rest, false),
        };
        let (_, comparison, negated) = OPERATORS.into_iter().find(|(name, ..)| *name == base)?;
        // `Null` asks whether the key exists: neither a quantifier nor `IfExists` goes with it.
        if comparison == Comparison::Null && base != name {
            return None;
        }
        Some(Self { comparison, negated, quantifier, if_exists })
    }

    /// Returns the name of the operator that was probably meant.
    pub(in crate::policy) fn nearest(name: &str) -> Option<String> {
        let mut names = Vec::new();
        for prefix in ["", "ForAllValues:", "ForAnyValue:"] {
            for suffix in ["", "IfExists"] {
                names.extend(OPERATORS.map(|(name, ..)| format!("{prefix}{name}{suffix}")));
            }
        }
        names.retain(|name| Self::parse(name).is_some());
        nearest(name, names.iter().map(String::as_str)).map(str::to_owned)
    }
}
