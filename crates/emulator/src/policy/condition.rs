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
    /// As the policy spells it.
    pub(super) name: String,
    pub(super) operator: Operator,
    pub(super) key: String,
    pub(super) operands: Vec<Operand>,
}

impl Condition {
    /// Returns whether the request context meets the condition.
    pub(super) fn holds(&self, context: &Context) -> bool {
        let Operator { comparison, negated, quantifier, if_exists } = self.operator;
        let values = context.values(&self.key);
        let meets = |value: &str| {
            let mut operands = self.operands.iter();
            operands.any(|operand| operand.equals(comparison, value, context)) != negated
        };
        // For these three, IAM counts an empty value as none.
        let is_null = values.iter().all(String::is_empty);
        match quantifier {
            _ if comparison == Comparison::Null => meets(if is_null { "true" } else { "false" }),
            Quantifier::ForAllValues => is_null || values.iter().all(|value| meets(value)),
            // IAM resolves it before `IfExists`, which therefore does nothing.
            Quantifier::ForAnyValue => !is_null && values.iter().any(|value| meets(value)),
            Quantifier::Single if values.is_empty() => if_exists || negated,
            Quantifier::Single if negated => values.iter().all(|value| meets(value)),
            Quantifier::Single => values.iter().any(|value| meets(value)),
        }
    }
}
