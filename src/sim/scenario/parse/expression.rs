//! Expressions, with C's precedence.

use super::super::calls;
use super::super::syntax::{
    At, BinaryOperator, Expression, ExpressionKind, Field, Name, UnaryOperator,
};
use super::super::token::TokenKind;
use super::{OPERATORS_MAX, Parse, Parser};
use crate::sim::diagnostic::{Code, Diagnostic};

impl Parser<'_> {
    /// A condition or a value.
    pub(super) fn expression(&mut self) -> Parse<Expression> {
        let outer = std::mem::take(&mut self.operators);
        let result = self.deeper(|parser| parser.binary(0));
        self.operators = outer;
        result
    }

    /// The right side of a comparison in a claim: no comparison and no logic of its own.
    pub(super) fn operand(&mut self) -> Parse<Expression> {
        self.skip_line_ends();
        let operand = binding_power(BinaryOperator::Add);
        self.deeper(|parser| parser.binary(operand))
    }

    /// An expression or a structure written in place.
    pub(super) fn argument(&mut self) -> Parse<Expression> {
        if self.kind() == TokenKind::BraceOpen {
            return self.deeper(Self::structure);
        }
        self.expression()
    }

    /// Operators that bind at least as tightly as `power`.
    fn binary(&mut self, power: u8) -> Parse<Expression> {
        let mut left = self.unary()?;
        loop {
            let Some((operator, distance)) = self.binary_operator() else {
                return Ok(left);
            };
            let own = binding_power(operator);
            if own < power {
                return Ok(left);
            }
            self.count_operator()?;
            self.position += distance;
            self.advance();
            self.skip_line_ends();
            let right = self.deeper(|parser| parser.binary(own + 1))?;
            left = Expression {
                at: At(left.at.0.to(right.at.0)),
                kind: ExpressionKind::Binary(operator, Box::new(left), Box::new(right)),
            };
        }
    }

    pub(super) fn count_operator(&mut self) -> Parse<()> {
        self.operators += 1;
        if self.operators <= OPERATORS_MAX {
            return Ok(());
        }
        let span = self.peek().span;
        let message = format!("this expression has more than {OPERATORS_MAX} operators");
        self.fail(Diagnostic::error(Code::S007, message, span, ""))
    }

    /// The operator at hand; `&&` and `||` may stand on the next line.
    fn binary_operator(&self) -> Option<(BinaryOperator, usize)> {
        let mut distance = 0;
        while self.ahead(distance).kind == TokenKind::LineEnd {
            distance += 1;
        }
        let kind = self.ahead(distance).kind;
        let operator = operator_of(kind)?;
        let leads_line = matches!(operator, BinaryOperator::And | BinaryOperator::Or);
        (distance == 0 || leads_line).then_some((operator, distance))
    }

    /// The comparison at hand.
    pub(super) fn comparison(&self) -> Option<BinaryOperator> {
        let operator = operator_of(self.kind())?;
        let comparison = binding_power(BinaryOperator::Equal)..=binding_power(BinaryOperator::Less);
        comparison
            .contains(&binding_power(operator))
            .then_some(operator)
    }

    fn unary(&mut self) -> Parse<Expression> {
        let operator = match self.kind() {
            TokenKind::Not => UnaryOperator::Not,
            TokenKind::Minus => UnaryOperator::Negate,
            TokenKind::Plus => UnaryOperator::Plus,
            _ => return self.postfix(),
        };
        let start = self.advance().span;
        let operand = self.deeper(Self::unary)?;
        Ok(Expression {
            at: At(start.to(operand.at.0)),
            kind: ExpressionKind::Unary(operator, Box::new(operand)),
        })
    }

    /// A primary and the `->field`s behind it.
    pub(super) fn postfix(&mut self) -> Parse<Expression> {
        let mut base = self.primary()?;
        while self.eat(TokenKind::Arrow).is_some() {
            self.count_operator()?;
            let field = self.name("a field")?;
            base = Expression {
                at: At(base.at.0.to(field.at.0)),
                kind: ExpressionKind::Arrow {
                    base: Box::new(base),
                    field,
                },
            };
        }
        Ok(base)
    }

    fn primary(&mut self) -> Parse<Expression> {
        let start = self.peek().span;
        let kind = match self.kind() {
            TokenKind::Number => ExpressionKind::Number(self.number("a number")?),
            TokenKind::Text => ExpressionKind::Text(self.text("a string")?),
            TokenKind::TextOpen => {
                // The lexer has reported it.
                self.advance();
                return Err(super::Failed);
            }
            TokenKind::Name => self.named()?,
            TokenKind::Ampersand => {
                self.advance();
                ExpressionKind::Address(self.name("what to take the address of")?)
            }
            TokenKind::ParenOpen => {
                self.advance();
                self.skip_line_ends();
                let inner = self.expression()?;
                self.skip_line_ends();
                self.expect(TokenKind::ParenClose, "")?;
                ExpressionKind::Group(Box::new(inner))
            }
            _ => return self.unexpected("a value"),
        };
        Ok(Expression {
            kind,
            at: self.since(start),
        })
    }

    fn named(&mut self) -> Parse<ExpressionKind> {
        match self.ahead(1).kind {
            TokenKind::ParenOpen => {
                let function = self.name("a function")?;
                self.call(function)
            }
            TokenKind::Dot => self.dotted(),
            TokenKind::BracketOpen => self.indexed(),
            _ => {
                let name = self.name("a name")?;
                // A function is never a value, so its name alone is a call written without parentheses.
                if calls::find(&name.text).is_some() {
                    return Ok(ExpressionKind::Call {
                        function: name,
                        arguments: Vec::new(),
                    });
                }
                Ok(ExpressionKind::Name(name))
            }
        }
    }

    fn call(&mut self, function: Name) -> Parse<ExpressionKind> {
        self.expect(TokenKind::ParenOpen, "")?;
        let arguments = self.deeper(Self::arguments)?;
        Ok(ExpressionKind::Call {
            function,
            arguments,
        })
    }

    /// Arguments up to and with the closing parenthesis.
    pub(super) fn arguments(&mut self) -> Parse<Vec<Expression>> {
        let mut arguments = Vec::new();
        self.skip_line_ends();
        while self.kind() != TokenKind::ParenClose {
            arguments.push(self.argument()?);
            self.skip_line_ends();
            if self.eat(TokenKind::Comma).is_none() {
                break;
            }
            self.skip_line_ends();
        }
        self.expect(TokenKind::ParenClose, " or `,` behind the argument")?;
        Ok(arguments)
    }

    /// `worker.g`, `sys._current_frames()`.
    fn dotted(&mut self) -> Parse<ExpressionKind> {
        let base = self.name("a name")?;
        self.advance();
        let field = self.name("a name behind the `.`")?;
        if self.kind() == TokenKind::ParenOpen {
            return self.call(Name {
                text: format!("{}.{}", base.text, field.text).into(),
                at: At(base.at.0.to(field.at.0)),
            });
        }
        let thread = super::super::syntax::ThreadName {
            name: base,
            instance: None,
        };
        Ok(ExpressionKind::Member { thread, field })
    }

    /// `worker[1]`, `worker[1].g`.
    fn indexed(&mut self) -> Parse<ExpressionKind> {
        let thread = self.thread_name()?;
        if self.eat(TokenKind::Dot).is_none() {
            return Ok(ExpressionKind::Indexed(thread));
        }
        let field = self.name("a name behind the `.`")?;
        Ok(ExpressionKind::Member { thread, field })
    }

    /// `{ .gil = OWN_GIL }`, `{0}`.
    fn structure(&mut self) -> Parse<Expression> {
        let start = self.peek().span;
        self.advance();
        let mut fields = Vec::new();
        self.skip_line_ends();
        while self.kind() != TokenKind::BraceClose {
            fields.push(self.field()?);
            self.skip_line_ends();
            if self.eat(TokenKind::Comma).is_none() {
                break;
            }
            self.skip_line_ends();
        }
        self.expect(TokenKind::BraceClose, " or `,` behind the field")?;
        Ok(Expression {
            kind: ExpressionKind::Structure(fields),
            at: self.since(start),
        })
    }

    fn field(&mut self) -> Parse<Field> {
        let name = match self.eat(TokenKind::Dot) {
            Some(_) => {
                let name = self.name("a field")?;
                self.expect(TokenKind::Assign, " and the field's value")?;
                Some(name)
            }
            None => None,
        };
        Ok(Field {
            name,
            value: self.expression()?,
        })
    }
}

fn operator_of(kind: TokenKind) -> Option<BinaryOperator> {
    Some(match kind {
        TokenKind::Or => BinaryOperator::Or,
        TokenKind::And => BinaryOperator::And,
        TokenKind::Equal => BinaryOperator::Equal,
        TokenKind::NotEqual => BinaryOperator::NotEqual,
        TokenKind::Less => BinaryOperator::Less,
        TokenKind::LessEqual => BinaryOperator::LessEqual,
        TokenKind::Greater => BinaryOperator::Greater,
        TokenKind::GreaterEqual => BinaryOperator::GreaterEqual,
        TokenKind::Plus => BinaryOperator::Add,
        TokenKind::Minus => BinaryOperator::Subtract,
        _ => return None,
    })
}

/// C's precedence: the larger, the tighter.
pub(super) fn binding_power(operator: BinaryOperator) -> u8 {
    match operator {
        BinaryOperator::Or => 1,
        BinaryOperator::And => 2,
        BinaryOperator::Equal | BinaryOperator::NotEqual => 3,
        BinaryOperator::Less
        | BinaryOperator::LessEqual
        | BinaryOperator::Greater
        | BinaryOperator::GreaterEqual => 4,
        BinaryOperator::Add | BinaryOperator::Subtract => 5,
    }
}
