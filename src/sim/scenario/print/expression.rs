//! Expressions, outcomes and restrictions.

use super::super::syntax::{
    BinaryOperator, Expression, ExpressionKind, Field, Outcome, OutcomeArgument, ProfileRange,
    Restriction, RestrictionKind, ThreadName, UnaryOperator,
};
use super::Printer;

impl Printer {
    pub(super) fn expression(&mut self, expression: &Expression) {
        match &expression.kind {
            ExpressionKind::Number(number) => self.text.push_str(&number.text),
            ExpressionKind::Text(text) => self.text.push_str(&text.raw),
            ExpressionKind::Name(name) => self.text.push_str(&name.text),
            ExpressionKind::Indexed(thread) => self.thread(thread),
            ExpressionKind::Member { thread, field } => {
                self.thread(thread);
                self.text.push('.');
                self.text.push_str(&field.text);
            }
            ExpressionKind::Arrow { base, field } => {
                self.expression(base);
                self.text.push_str("->");
                self.text.push_str(&field.text);
            }
            ExpressionKind::Call {
                function,
                arguments,
            } => {
                self.text.push_str(&function.text);
                self.arguments(arguments);
            }
            ExpressionKind::Address(name) => {
                self.text.push('&');
                self.text.push_str(&name.text);
            }
            ExpressionKind::Structure(fields) => self.structure(fields),
            ExpressionKind::Group(inner) => {
                self.text.push('(');
                self.expression(inner);
                self.text.push(')');
            }
            ExpressionKind::Unary(operator, operand) => {
                self.text.push_str(match operator {
                    UnaryOperator::Not => "!",
                    UnaryOperator::Negate => "-",
                    UnaryOperator::Plus => "+",
                });
                self.expression(operand);
            }
            ExpressionKind::Binary(operator, left, right) => {
                self.expression(left);
                self.text.push(' ');
                self.text.push_str(operator_text(*operator));
                self.text.push(' ');
                self.expression(right);
            }
        }
    }

    pub(super) fn arguments(&mut self, arguments: &[Expression]) {
        self.text.push('(');
        self.list(arguments);
        self.text.push(')');
    }

    pub(super) fn list(&mut self, expressions: &[Expression]) {
        for (place, expression) in expressions.iter().enumerate() {
            if place > 0 {
                self.text.push_str(", ");
            }
            self.expression(expression);
        }
    }

    fn structure(&mut self, fields: &[Field]) {
        let plain = fields.iter().all(|field| field.name.is_none());
        // C programmers write `{0}` close and designated fields wide.
        self.text.push_str(if plain { "{" } else { "{ " });
        for (place, field) in fields.iter().enumerate() {
            if place > 0 {
                self.text.push_str(", ");
            }
            if let Some(name) = &field.name {
                self.text.push('.');
                self.text.push_str(&name.text);
                self.text.push_str(" = ");
            }
            self.expression(&field.value);
        }
        self.text.push_str(if plain { "}" } else { " }" });
    }

    pub(super) fn thread(&mut self, thread: &ThreadName) {
        self.text.push_str(&thread.name.text);
        if let Some(instance) = &thread.instance {
            self.text.push('[');
            self.text.push_str(&instance.text);
            self.text.push(']');
        }
    }

    pub(super) fn outcomes(&mut self, outcomes: &[Outcome]) {
        for (place, outcome) in outcomes.iter().enumerate() {
            if place > 0 {
                self.text.push_str(", ");
            }
            self.outcome(outcome);
        }
    }

    fn outcome(&mut self, outcome: &Outcome) {
        self.text.push_str(&outcome.name.text);
        if outcome.arguments.is_empty() {
            return;
        }
        self.text.push('(');
        for (place, argument) in outcome.arguments.iter().enumerate() {
            if place > 0 {
                self.text.push_str(", ");
            }
            match argument {
                OutcomeArgument::Name(name) => self.thread(name),
                OutcomeArgument::Text(text) => self.text.push_str(&text.raw),
                OutcomeArgument::Outcome(inner) => self.outcome(inner),
            }
        }
        self.text.push(')');
    }

    /// ` for …`, if there is one.
    pub(super) fn optional_restriction(&mut self, restriction: Option<&Restriction>) {
        if let Some(restriction) = restriction {
            self.text.push_str(" for ");
            self.restriction(restriction);
        }
    }

    fn restriction(&mut self, restriction: &Restriction) {
        match &restriction.kind {
            RestrictionKind::Python(operator, name) => {
                self.text.push_str("python ");
                self.text.push_str(operator_text(*operator));
                self.text.push(' ');
                self.text.push_str(&name.text);
            }
            RestrictionKind::PythonIn(ranges) => {
                self.text.push_str("python in ");
                self.ranges(ranges);
            }
            RestrictionKind::Word(name) => self.text.push_str(&name.text),
            RestrictionKind::Group(inner) => {
                self.text.push('(');
                self.restriction(inner);
                self.text.push(')');
            }
            RestrictionKind::Not(inner) => {
                self.text.push('!');
                self.restriction(inner);
            }
            RestrictionKind::And(left, right) => {
                self.restriction(left);
                self.text.push_str(" && ");
                self.restriction(right);
            }
            RestrictionKind::Or(left, right) => {
                self.restriction(left);
                self.text.push_str(" || ");
                self.restriction(right);
            }
        }
    }

    pub(super) fn ranges(&mut self, ranges: &[ProfileRange]) {
        let words = ranges.iter().map(|range| match &range.last {
            Some(last) => format!("{} .. {}", range.first.text, last.text),
            None => range.first.text.to_string(),
        });
        self.words(words, ", ");
    }
}

pub(super) fn operator_text(operator: BinaryOperator) -> &'static str {
    match operator {
        BinaryOperator::Or => "||",
        BinaryOperator::And => "&&",
        BinaryOperator::Equal => "==",
        BinaryOperator::NotEqual => "!=",
        BinaryOperator::Less => "<",
        BinaryOperator::LessEqual => "<=",
        BinaryOperator::Greater => ">",
        BinaryOperator::GreaterEqual => ">=",
        BinaryOperator::Add => "+",
        BinaryOperator::Subtract => "-",
    }
}
