//! Statements that have a result: declarations, bindings, calls and the claims on them.

use super::super::names;
use super::super::syntax::{
    Declaration, Expression, ExpressionKind, Name, ResultClaim, ResultClaimKind, StatementKind,
    Step, ThreadName,
};
use super::super::token::TokenKind;
use super::{Parse, Parser};
use crate::sim::diagnostic::{Code, Diagnostic};

impl Parser<'_> {
    pub(super) fn step_statement(&mut self) -> Parse<StatementKind> {
        self.refuse_field_assignment()?;
        if self.ahead(1).kind == TokenKind::Assign {
            let name = self.name("a name")?;
            self.advance();
            let value = self.step()?;
            return Ok(StatementKind::Bind { name, value });
        }
        if self.declaration_follows()? {
            return self.declaration().map(StatementKind::Declare);
        }
        let step = self.claimed_step()?;
        let claim = self.result_claim()?;
        Ok(StatementKind::Step { step, claim })
    }

    /// `config.gil = 2` and `ts->interp = x`.
    fn refuse_field_assignment(&mut self) -> Parse<()> {
        let field = matches!(self.ahead(1).kind, TokenKind::Dot | TokenKind::Arrow)
            && self.ahead(2).kind == TokenKind::Name
            && self.ahead(3).kind == TokenKind::Assign;
        let star = self.kind() == TokenKind::Star;
        if !field && !star {
            return Ok(());
        }
        let span = self.peek().span.to(self.ahead(2).span);
        let diagnostic = Diagnostic::error(
            Code::S011,
            "structures are not filled field by field here",
            span,
            "",
        );
        self.fail(diagnostic.help(
            "write the fields where the structure is declared: `PyInterpreterConfig own = { .gil = OWN_GIL }`",
        ))
    }

    /// Whether a C declaration starts here: words, perhaps `*`, and a name.
    fn declaration_follows(&mut self) -> Parse<bool> {
        let Some(word) = self.word() else {
            return Ok(false);
        };
        if matches!(word, "start" | "eval") {
            return Ok(false);
        }
        let next = self.ahead(1).kind;
        let starred = next == TokenKind::Star
            && matches!(self.ahead(2).kind, TokenKind::Name | TokenKind::Star);
        if starred || names::c_type(word).is_some() && next == TokenKind::Name {
            return Ok(true);
        }
        if next != TokenKind::Name && next != TokenKind::Number {
            return Ok(false);
        }
        let span = self.peek().span;
        let message = format!("`{word}` begins no statement");
        let mut diagnostic = Diagnostic::error(Code::S003, message, span, "");
        if let Some(similar) = Self::similar_statement(word) {
            diagnostic = diagnostic.patch(format!("did you mean `{similar}`?"), span, similar);
        }
        self.fail(diagnostic)
    }

    pub(super) fn declaration(&mut self) -> Parse<Declaration> {
        let (type_name, pointers) = self.type_name()?;
        let name = self.name("the name that is declared")?;
        if self.kind() == TokenKind::BracketOpen {
            let span = self.peek().span;
            return self.fail(Diagnostic::error(
                Code::S011,
                "scenarios have no arrays",
                span,
                "",
            ));
        }
        let value = match self.eat(TokenKind::Assign) {
            Some(_) => Some(self.step()?),
            None => None,
        };
        Ok(Declaration {
            type_name,
            pointers,
            name,
            value,
        })
    }

    /// The words of a type and the number of its `*`: all names but the last before something else.
    pub(super) fn type_name(&mut self) -> Parse<(Name, u8)> {
        let start = self.peek().span;
        let mut words = vec![self.name("a type")?.text];
        while self.kind() == TokenKind::Name
            && (self.ahead(1).kind == TokenKind::Name || self.ahead(1).kind == TokenKind::Star)
        {
            words.push(self.name("a type")?.text);
        }
        let at = self.since(start);
        let mut pointers = 0_u8;
        while self.eat(TokenKind::Star).is_some() {
            pointers = pointers.saturating_add(1);
        }
        let text = words.join(" ").into();
        Ok((Name { text, at }, pointers))
    }

    /// A step that is bound: the whole right side.
    fn step(&mut self) -> Parse<Step> {
        match self.word_step()? {
            Some(step) => Ok(step),
            None => self.argument().map(Step::Expression),
        }
    }

    /// A step as a statement, before the claim on its result.
    fn claimed_step(&mut self) -> Parse<Step> {
        if let Some(step) = self.word_step()? {
            return Ok(step);
        }
        if self.kind() != TokenKind::Name {
            return self.unexpected("a statement");
        }
        let expression = self.postfix()?;
        Ok(Step::Expression(call_without_parentheses(expression)))
    }

    /// `start`, `eval`, `T.join()` and `os.fork`.
    fn word_step(&mut self) -> Parse<Option<Step>> {
        let start = self.peek().span;
        let next = self.ahead(1).kind;
        match self.word() {
            Some("start") if next == TokenKind::Name => {
                self.advance();
                let thread = self.name("the thread to start")?;
                let count = match self.eat(TokenKind::Star) {
                    Some(_) => Some(self.number("how many of it")?),
                    None => None,
                };
                let at = self.since(start);
                Ok(Some(Step::Start { thread, count, at }))
            }
            Some("eval") if next != TokenKind::ParenOpen => {
                self.advance();
                let bare = !matches!(
                    self.kind(),
                    TokenKind::Number | TokenKind::Minus | TokenKind::Name
                ) || matches!(self.word(), Some("in" | "for"));
                let limit = match bare {
                    true => None,
                    false => Some(self.limit("how often: `eval N` or `eval until COND`")?),
                };
                let at = self.since(start);
                Ok(Some(Step::Eval { limit, at }))
            }
            Some("os") if next == TokenKind::Dot && self.word_ahead(2) == Some("fork") => {
                self.position += 3;
                if self.eat(TokenKind::ParenOpen).is_some() {
                    self.expect(TokenKind::ParenClose, "")?;
                }
                let at = self.since(start);
                let blocks = Box::new(self.fork_block()?);
                Ok(Some(Step::OsFork { blocks, at }))
            }
            Some(_) => self.python_join(),
            None => Ok(None),
        }
    }

    fn python_join(&mut self) -> Parse<Option<Step>> {
        let indexed = self.ahead(1).kind == TokenKind::BracketOpen;
        let dot = if indexed { 4 } else { 1 };
        let join = self.ahead(dot).kind == TokenKind::Dot
            && self.word_ahead(dot + 1) == Some("join")
            && self.ahead(dot + 2).kind == TokenKind::ParenOpen;
        if !join {
            return Ok(None);
        }
        let start = self.peek().span;
        let thread = self.thread_name()?;
        self.advance();
        self.advance();
        self.advance();
        self.expect(TokenKind::ParenClose, ": `join()` takes no arguments")?;
        let at = self.since(start);
        Ok(Some(Step::PythonJoin { thread, at }))
    }

    /// `worker` or `worker[1]`.
    pub(super) fn thread_name(&mut self) -> Parse<ThreadName> {
        let name = self.name("the name of a thread")?;
        let instance = match self.eat(TokenKind::BracketOpen) {
            Some(_) => {
                let number = self.number("which start of the thread: a number from 0")?;
                self.expect(TokenKind::BracketClose, "")?;
                Some(number)
            }
            None => None,
        };
        Ok(ThreadName { name, instance })
    }

    fn result_claim(&mut self) -> Parse<Option<ResultClaim>> {
        let start = self.peek().span;
        let kind = if self.eat_word("in").is_some() {
            ResultClaimKind::OneOf(self.values()?)
        } else if let Some(comparison) = self.comparison() {
            self.advance();
            ResultClaimKind::Compare(comparison, self.operand()?)
        } else {
            return Ok(None);
        };
        let restriction = self.restriction()?;
        Ok(Some(ResultClaim {
            kind,
            restriction,
            at: self.since(start),
        }))
    }

    /// `{ 0, -1 }`
    fn values(&mut self) -> Parse<Vec<Expression>> {
        self.expect(TokenKind::BraceOpen, " with values: `in { 0, -1 }`")?;
        let mut values = Vec::new();
        self.skip_line_ends();
        while self.kind() != TokenKind::BraceClose {
            values.push(self.expression()?);
            self.skip_line_ends();
            if self.eat(TokenKind::Comma).is_none() {
                break;
            }
            self.skip_line_ends();
        }
        self.expect(TokenKind::BraceClose, " or `,`")?;
        Ok(values)
    }
}

/// `PyEval_SaveThread` alone is a call: a name by itself does nothing.
fn call_without_parentheses(expression: Expression) -> Expression {
    match expression.kind {
        ExpressionKind::Name(function) => Expression {
            at: expression.at,
            kind: ExpressionKind::Call {
                function,
                arguments: Vec::new(),
            },
        },
        _ => expression,
    }
}
