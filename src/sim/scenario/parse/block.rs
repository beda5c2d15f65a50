//! Blocks: between braces, and between an opening and a closing macro.

use super::super::syntax::{At, Block, Branch, Name, Statement};
use super::super::token::TokenKind;
use super::{Failed, Parse, Parser};
use crate::sim::diagnostic::{Code, Diagnostic, Span};

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
        let kind = self.statement_kind()?;
        let at = At(self.first_line(self.since(start).0));
        self.end_of_statement()?;
        self.trailing(&mut trivia);
        Ok(Statement { trivia, at, kind })
    }

    /// The first line of a span.
    fn first_line(&self, span: Span) -> Span {
        let line = span.text(self.source).lines().next().unwrap_or("");
        let length = u32::try_from(line.trim_end().len()).unwrap_or(u32::MAX);
        Span::new(span.start, span.start.saturating_add(length))
    }

    pub(super) fn end_of_statement(&mut self) -> Parse<()> {
        match self.kind() {
            TokenKind::LineEnd | TokenKind::Semicolon | TokenKind::BraceClose | TokenKind::End => {
                Ok(())
            }
            _ => self.unexpected("the end of the statement"),
        }
    }

    /// The block between an opening macro, which `head` parses, and the closing one that belongs to it.
    pub(super) fn macro_block(
        &mut self,
        head: impl FnOnce(&mut Self) -> Parse<()>,
    ) -> Parse<Block> {
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
                parser.bare_word()?;
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

    /// A word and a block inside `choose` or `fork`.
    pub(super) fn branch(&mut self, words: &[&str]) -> Parse<(Name, Branch)> {
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
}

fn closing_macro(opening: &str) -> &'static str {
    match opening {
        "Py_BEGIN_ALLOW_THREADS" => "Py_END_ALLOW_THREADS",
        _ if opening.starts_with("Py_BEGIN_CRITICAL_SECTION2") => "Py_END_CRITICAL_SECTION2",
        _ => "Py_END_CRITICAL_SECTION",
    }
}
