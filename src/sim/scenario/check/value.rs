//! Constants: numbers known before the scenario runs, and the fields of structures.

use super::super::calls::Type;
use super::super::names;
use super::super::program::{Expression, Operator};
use super::super::syntax::{self, ExpressionKind, Field, UnaryOperator};
use super::Checker;
use crate::sim::diagnostic::{Code, Diagnostic};

impl<'file> Checker<'file> {
    /// The value of an expression that has to be constant.
    pub(super) fn constant(&mut self, expression: &syntax::Expression) -> Option<i64> {
        let value = constant_value(expression);
        if value.is_none() {
            let message = "this has to be a constant number";
            self.error(Code::S303, message, expression.at.0);
        }
        value
    }

    /// The fields of a structure written in place.
    pub(super) fn fields(&mut self, fields: &[Field], kind: Type) -> Box<[(usize, i64)]> {
        let mut values = Vec::new();
        for field in fields {
            let value = self.constant(&field.value).unwrap_or(0);
            let Some(name) = &field.name else {
                if value != 0 || fields.len() > 1 {
                    let message = "fields are written by name: `.gil = OWN_GIL`";
                    self.error(Code::S011, message, field.value.at.0);
                }
                continue;
            };
            match names::fields(kind).position(|known| *known == *name.text) {
                Some(place) => values.push((place, value)),
                None => self.unknown_field(name, kind),
            }
        }
        values.into()
    }

    fn unknown_field(&mut self, name: &syntax::Name, kind: Type) {
        let message = format!(
            "`{}` has no field `{}`",
            kind.c_name().trim_end_matches(" *"),
            name.text
        );
        let mut diagnostic = Diagnostic::error(Code::S108, message, name.at.0, "");
        if let Some(similar) = names::similar(&name.text, names::fields(kind)) {
            diagnostic = diagnostic.patch(format!("did you mean `{similar}`?"), name.at.0, similar);
        }
        self.push(diagnostic);
    }
}

fn constant_value(expression: &syntax::Expression) -> Option<i64> {
    match &expression.kind {
        ExpressionKind::Number(number) => Some(number.value),
        ExpressionKind::Name(name) => names::constant(&name.text).map(|(value, _)| value),
        ExpressionKind::Group(inner) => constant_value(inner),
        ExpressionKind::Unary(operator, operand) => {
            let value = constant_value(operand)?;
            Some(match operator {
                UnaryOperator::Not => i64::from(value == 0),
                UnaryOperator::Negate => value.wrapping_neg(),
                UnaryOperator::Plus => value,
            })
        }
        ExpressionKind::Text(_)
        | ExpressionKind::Indexed(_)
        | ExpressionKind::Member { .. }
        | ExpressionKind::Arrow { .. }
        | ExpressionKind::Call { .. }
        | ExpressionKind::Address(_)
        | ExpressionKind::Structure(_)
        | ExpressionKind::Binary(..) => None,
    }
}

/// `left OP right`, computed if both are known.
pub(super) fn fold(operator: Operator, left: Expression, right: Expression) -> Expression {
    let (Expression::Number(a), Expression::Number(b)) = (&left, &right) else {
        return Expression::Binary(operator, Box::new(left), Box::new(right));
    };
    Expression::Number(match operator {
        Operator::Or => i64::from(*a != 0 || *b != 0),
        Operator::And => i64::from(*a != 0 && *b != 0),
        Operator::Add => a.wrapping_add(*b),
        Operator::Subtract => a.wrapping_sub(*b),
        Operator::Compare(comparison) => i64::from(comparison.admits(a.cmp(b))),
    })
}
