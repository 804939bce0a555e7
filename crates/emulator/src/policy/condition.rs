//! The `Condition` element: an operator, a key and the values that it is compared with.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>

mod operand;
mod operator;

pub(super) use operand::Operand;
pub(super) use operator::{Comparison, Operator, Quantifier};

use super::context::Context;

/// One key of one operator. All conditions of a statement must hold.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Condition {
    pub(super) operator: Operator,
    pub(super) key: String,
    pub(super) operands: Vec<Operand>,
}

impl Condition {
    /// Returns whether the request context meets the condition.
    pub(super) fn holds(&self, context: &Context) -> bool {
        let Operator { comparison, negated, quantifier, if_exists } = self.operator;
        let values = context.values(&self.key);
        let equals = |value: &str| {
            self.operands.iter().any(|operand| operand.equals(comparison, value, context))
        };
        if comparison == Comparison::Null {
            return equals(if values.is_empty() { "true" } else { "false" });
        }
        if values.is_empty() {
            return match quantifier {
                Quantifier::ForAllValues => true,
                Quantifier::ForAnyValue => if_exists,
                Quantifier::Single => if_exists || negated,
            };
        }
        let mut values = values.iter().map(String::as_str);
        match quantifier {
            Quantifier::ForAllValues => values.all(|value| equals(value) != negated),
            Quantifier::ForAnyValue => values.any(|value| equals(value) != negated),
            Quantifier::Single => values.any(equals) != negated,
        }
    }
}
