//! Statements and blocks.

use super::super::names;
use super::super::syntax::{
    At, Block, Branch, Else, ForkBlock, If, Limit, Name, Statement, StatementKind, Verb,
};
use super::super::token::TokenKind;
use super::{Failed, Parse, Parser};
use crate::sim::diagnostic::{Code, Diagnostic, Span};

/// The words that begin a statement.
pub(super) const STATEMENT_WORDS: [&str; 28] = [
    "start", "join", "lock", "unlock", "post", "wait", "set", "clear", "spin", "sleep", "eval",
    "new", "touch", "drop", "collect", "import", "signal", "fork", "repeat", "if", "choose",
    "fail", "assert", "return", "exit", "either", "or", "os.fork",
];

impl Parser<'_> {
    pub(super) fn open_brace(&mut self, purpose: &str) -> Parse<Span> {
        // C allows the brace on the next line.
        let mut distance = 0;
        while self.ahead(distance).kind == TokenKind::LineEnd {
            distance += 1;
        }
        if self.ahead(distance).kind == TokenKind::BraceOpen {
            self.skip_line_ends();
        }
        let token = self.expect(TokenKind::BraceOpen, purpose)?;
        Ok(token.span)
    }

    pub(super) fn close_brace(&mut self, open: Span) -> Parse<()> {
        match self.eat(TokenKind::BraceClose) {
            Some(_) => Ok(()),
            None => self.unclosed(open),
        }
    }

    /// Skips line ends; whether the block ends here, closed or not.
    pub(super) fn block_ends(&mut self) -> bool {
        while matches!(self.kind(), TokenKind::LineEnd | TokenKind::Semicolon) {
            self.advance();
        }
        self.unclosed
            || matches!(self.kind(), TokenKind::BraceClose | TokenKind::End)
            || self.item_starts()
    }

    /// Skips to the end of a statement that failed; an unclosed block ends all blocks around it.
    pub(super) fn recover_in_block(&mut self) {
        if !self.unclosed {
            self.recover();
        }
    }

    /// A block in braces; `purpose` completes "expected `{`".
    pub(super) fn block(&mut self, purpose: &str) -> Parse<Block> {
        self.deeper(|parser| {
            let open = parser.open_brace(purpose)?;
            let opening = parser.opening();
            let statements = parser.statements(None);
            let closing = parser.closing();
            parser.close_brace(open)?;
            Ok(Block {
                opening,
                statements,
                closing,
                open: At(open),
            })
        })
    }

    /// Statements up to a brace, or up to the macro that closes the block.
    fn statements(&mut self, closing_macro: Option<&str>) -> Vec<Statement> {
        let mut statements = Vec::new();
        while !self.block_ends() && (closing_macro.is_none() || self.word() != closing_macro) {
            match self.statement() {
                Ok(statement) => statements.push(statement),
                Err(Failed) => self.recover_in_block(),
            }
        }
        statements
    }

    fn statement(&mut self) -> Parse<Statement> {
        let mut trivia = self.leading();
        let start = self.peek().span;
        let line = self.line_span();
        let kind = self.statement_kind()?;
        let whole = self.since(start).0;
        let at = At(Span::new(
            whole.start,
            whole.end.min(line.end.max(whole.start)),
        ));
        self.end_of_statement()?;
        self.trailing(&mut trivia);
        Ok(Statement { trivia, at, kind })
    }

    /// From the next token to the end of its line.
    fn line_span(&self) -> Span {
        let start = self.peek().span;
        let rest = &self.source[start.start as usize..];
        let length = rest.find('\n').unwrap_or(rest.len());
        let text = rest[..length].trim_end();
        Span::new(
            start.start,
            start.start + u32::try_from(text.len()).unwrap_or(u32::MAX),
        )
    }

    pub(super) fn end_of_statement(&mut self) -> Parse<()> {
        match self.kind() {
            TokenKind::LineEnd | TokenKind::Semicolon | TokenKind::BraceClose | TokenKind::End => {
                Ok(())
            }
            _ => self.unexpected("the end of the statement"),
        }
    }

    fn statement_kind(&mut self) -> Parse<StatementKind> {
        self.refuse_c_flow()?;
        let Some(word) = self.word() else {
            return self.unexpected("a statement");
        };
        // A word of the language that is assigned to is a name after all.
        if self.ahead(1).kind == TokenKind::Assign {
            return self.step_statement();
        }
        if let Some(verb) = verb(word)
            && self.word_ahead(1).is_some()
        {
            self.advance();
            let target = self.name("a name")?;
            return Ok(StatementKind::Verb { verb, target });
        }
        match word {
            _ if closes_macro(word) => self.stray_macro(word),
            "Py_BEGIN_ALLOW_THREADS" => self.allow_threads(),
            "Py_BLOCK_THREADS" => self.bare_macro(StatementKind::BlockThreads),
            "Py_UNBLOCK_THREADS" => self.bare_macro(StatementKind::UnblockThreads),
            _ if word.starts_with("Py_BEGIN_CRITICAL_SECTION") => self.critical_section(),
            "repeat" | "if" | "choose" | "fork" => self.block_statement(word),
            _ => self.plain_statement(word),
        }
    }

    fn block_statement(&mut self, word: &str) -> Parse<StatementKind> {
        self.advance();
        match word {
            "repeat" => Ok(StatementKind::Repeat {
                limit: self.limit("how often: `repeat N` or `repeat until COND`")?,
                block: self.block(" with what to repeat")?,
            }),
            "if" => self.if_statement().map(StatementKind::If),
            "choose" => self.choose(),
            _ => self.fork_block().map(StatementKind::Fork),
        }
    }

    fn plain_statement(&mut self, word: &str) -> Parse<StatementKind> {
        let next = self.ahead(1).kind;
        match word {
            "join" if next == TokenKind::Name => {
                self.advance();
                self.thread_name().map(StatementKind::Join)
            }
            "spin" => {
                self.advance();
                if self.eat_word("until").is_none() {
                    return self.unexpected("`until` and a condition");
                }
                self.expression().map(StatementKind::SpinUntil)
            }
            "sleep" => self.bare_macro(StatementKind::Sleep),
            "collect" => self.bare_macro(StatementKind::Collect),
            "import" => self.import(),
            "signal" => {
                self.advance();
                let handler = self.eat(TokenKind::Name).map(|token| self.name_of(token));
                Ok(StatementKind::Signal(handler))
            }
            "fail" => self.fail_statement(),
            "assert" => {
                self.advance();
                Ok(StatementKind::Assert {
                    condition: self.expression()?,
                    restriction: self.restriction()?,
                })
            }
            "return" => {
                self.advance();
                self.optional_value().map(StatementKind::Return)
            }
            "exit" => {
                self.advance();
                self.optional_value().map(StatementKind::Exit)
            }
            _ => self.step_statement(),
        }
    }

    /// A word alone; C's parentheses behind it are fine.
    fn bare_macro(&mut self, kind: StatementKind) -> Parse<StatementKind> {
        self.advance();
        if self.eat(TokenKind::ParenOpen).is_some() {
            self.expect(TokenKind::ParenClose, "")?;
        }
        Ok(kind)
    }

    fn optional_value(&mut self) -> Parse<Option<super::super::syntax::Expression>> {
        if self.end_of_statement_follows() {
            return Ok(None);
        }
        self.expression().map(Some)
    }

    pub(super) fn end_of_statement_follows(&self) -> bool {
        matches!(
            self.kind(),
            TokenKind::LineEnd | TokenKind::Semicolon | TokenKind::BraceClose | TokenKind::End
        )
    }

    fn allow_threads(&mut self) -> Parse<StatementKind> {
        let block = self.macro_block(|parser| parser.bare_macro(StatementKind::Sleep).map(drop))?;
        Ok(StatementKind::AllowThreads(block))
    }

    fn critical_section(&mut self) -> Parse<StatementKind> {
        let token = self.peek();
        let macro_name = self.name_of(token);
        let mut arguments = Vec::new();
        let block = self.macro_block(|parser| {
            parser.advance();
            if parser.eat(TokenKind::ParenOpen).is_some() {
                arguments = parser.arguments()?;
            }
            Ok(())
        })?;
        Ok(StatementKind::CriticalSection {
            macro_name,
            arguments,
            block,
        })
    }

    /// The block between an opening macro, which `head` parses, and the closing one that belongs to it.
    fn macro_block(&mut self, head: impl FnOnce(&mut Self) -> Parse<()>) -> Parse<Block> {
        let open = self.peek();
        let closing_macro = closing_macro(self.text_of(open));
        head(self)?;
        self.deeper(|parser| {
            let mut opening = parser.opening();
            while parser.eat(TokenKind::Semicolon).is_some() {
                opening.extend(parser.opening());
            }
            let statements = parser.statements(Some(closing_macro));
            let closing = parser.closing();
            if parser.word() == Some(closing_macro) {
                parser.bare_macro(StatementKind::Sleep)?;
            } else {
                parser.macro_not_closed(open.span, closing_macro)?;
            }
            Ok(Block {
                opening,
                statements,
                closing,
                open: At(open.span),
            })
        })
    }

    fn macro_not_closed(&mut self, open: Span, closing_macro: &str) -> Parse<()> {
        if self.unclosed {
            return Err(Failed);
        }
        let span = self.peek().span;
        let text = match self.kind() {
            TokenKind::BraceClose => "the block around it ends here",
            TokenKind::End => "the file ends here",
            _ => "this ends another block",
        };
        let diagnostic = Diagnostic::error(
            Code::S002,
            format!("this has no `{closing_macro}`"),
            open,
            "opened here",
        );
        // The block around it goes on, so it is not unclosed itself.
        self.fail(diagnostic.label(span, text))
    }

    pub(super) fn limit(&mut self, purpose: &str) -> Parse<Limit> {
        if self.eat_word("until").is_some() {
            return self.expression().map(Limit::Until);
        }
        self.number(purpose).map(Limit::Times)
    }

    fn if_statement(&mut self) -> Parse<If> {
        self.deeper(|parser| {
            let condition = parser.expression()?;
            let then = parser.block(" with what to do then")?;
            let otherwise = parser.else_branch()?;
            Ok(If {
                condition,
                then,
                otherwise,
            })
        })
    }

    fn else_branch(&mut self) -> Parse<Option<Box<Else>>> {
        let mut distance = 0;
        while self.ahead(distance).kind == TokenKind::LineEnd {
            distance += 1;
        }
        if self.word_ahead(distance) != Some("else") {
            return Ok(None);
        }
        self.skip_line_ends();
        self.advance();
        let branch = if self.eat_word("if").is_some() {
            Else::If(self.if_statement()?)
        } else {
            Else::Block(self.block(" with what to do otherwise")?)
        };
        Ok(Some(Box::new(branch)))
    }

    /// A word and a block inside `choose` or `fork`.
    fn branch(&mut self, words: &[&str]) -> Parse<(Name, Branch)> {
        let mut trivia = self.leading();
        if !self.word().is_some_and(|word| words.contains(&word)) {
            let expected = words.iter().map(|word| format!("`{word} {{ ... }}`"));
            return self.unexpected(&expected.collect::<Vec<_>>().join(" or "));
        }
        let word = self.advance();
        let block = self.block("")?;
        self.trailing(&mut trivia);
        Ok((self.name_of(word), Branch { trivia, block }))
    }

    fn choose(&mut self) -> Parse<StatementKind> {
        self.deeper(|parser| {
            let open =
                parser.open_brace(" with alternatives: `choose { either { ... } or { ... } }`")?;
            let opening = parser.opening();
            let mut alternatives = Vec::new();
            while !parser.block_ends() {
                let words: &[&str] = if alternatives.is_empty() {
                    &["either"]
                } else {
                    &["or"]
                };
                match parser.branch(words) {
                    Ok((_, branch)) => alternatives.push(branch),
                    Err(Failed) => parser.recover_in_block(),
                }
            }
            let closing = parser.closing();
            parser.close_brace(open)?;
            Ok(StatementKind::Choose {
                opening,
                alternatives,
                closing,
            })
        })
    }

    pub(super) fn fork_block(&mut self) -> Parse<ForkBlock> {
        self.deeper(|parser| {
            let open = parser.open_brace(
                " with what each process does: `fork { child { ... } parent { ... } }`",
            )?;
            let opening = parser.opening();
            let mut child = None;
            let mut parent = None;
            while !parser.block_ends() {
                let mut words = vec!["child", "parent"];
                words.retain(|word| {
                    if *word == "child" {
                        child.is_none()
                    } else {
                        parent.is_none()
                    }
                });
                if words.is_empty() {
                    let failed: Parse<()> = parser.unexpected("`}`");
                    debug_assert!(failed.is_err(), "it always fails");
                    parser.recover_in_block();
                    continue;
                }
                match parser.branch(&words) {
                    Ok((word, branch)) if &*word.text == "child" => child = Some(branch),
                    Ok((_, branch)) => parent = Some(branch),
                    Err(Failed) => parser.recover_in_block(),
                }
            }
            let closing = parser.closing();
            parser.close_brace(open)?;
            Ok(ForkBlock {
                opening,
                child,
                parent,
                closing,
            })
        })
    }

    fn import(&mut self) -> Parse<StatementKind> {
        self.advance();
        let mut module = self.name("the name of a module")?;
        while self.kind() == TokenKind::Dot {
            self.advance();
            let part = self.name("the name of a module")?;
            module = Name {
                text: format!("{}.{}", module.text, part.text).into(),
                at: At(module.at.0.to(part.at.0)),
            };
        }
        let gil = self.eat(TokenKind::Name).map(|token| self.name_of(token));
        Ok(StatementKind::Import { module, gil })
    }

    fn fail_statement(&mut self) -> Parse<StatementKind> {
        self.advance();
        let what = self.name("`thread_start`, `alloc` or `stage NAME`")?;
        match &*what.text {
            "thread_start" | "alloc" => Ok(StatementKind::Fail { what, stage: None }),
            "stage" => Ok(StatementKind::Fail {
                what,
                stage: Some(self.name("the name of a stage")?),
            }),
            other => {
                let message = format!("nothing named `{other}` can be made to fail");
                let diagnostic = Diagnostic::error(Code::S003, message, what.at.0, "");
                self.fail(
                    diagnostic
                        .help("`fail thread_start`, `fail alloc` and `fail stage NAME` exist"),
                )
            }
        }
    }

    /// A closing macro that closes nothing.
    pub(super) fn stray_macro<T>(&mut self, word: &str) -> Parse<T> {
        let span = self.peek().span;
        let opening = word.replacen("Py_END", "Py_BEGIN", 1);
        let message = format!("`{word}` closes nothing here");
        let diagnostic = Diagnostic::error(Code::S009, message, span, "").help(format!(
            "it ends the block that `{opening}` opened, in the same block"
        ));
        self.fail(diagnostic)
    }

    /// The words that are similar to a misspelt statement.
    pub(super) fn similar_statement(word: &str) -> Option<&'static str> {
        names::similar(word, STATEMENT_WORDS.iter().copied())
    }
}

fn verb(word: &str) -> Option<Verb> {
    Some(match word {
        "lock" => Verb::Lock,
        "unlock" => Verb::Unlock,
        "post" => Verb::Post,
        "wait" => Verb::Wait,
        "set" => Verb::Set,
        "clear" => Verb::Clear,
        "new" => Verb::New,
        "touch" => Verb::Touch,
        "drop" => Verb::Drop,
        _ => return None,
    })
}

fn closes_macro(word: &str) -> bool {
    matches!(
        word,
        "Py_END_ALLOW_THREADS" | "Py_END_CRITICAL_SECTION" | "Py_END_CRITICAL_SECTION2"
    )
}

fn closing_macro(opening: &str) -> &'static str {
    match opening {
        "Py_BEGIN_ALLOW_THREADS" => "Py_END_ALLOW_THREADS",
        _ if opening.starts_with("Py_BEGIN_CRITICAL_SECTION2") => "Py_END_CRITICAL_SECTION2",
        _ => "Py_END_CRITICAL_SECTION",
    }
}
