//! The parser: recursive descent over tokens, with recovery at statements, so that one run reports every mistake.
//!
//! A function that fails has already pushed its diagnostic; its caller skips to the end of the statement and goes on.
//! Recursion is bounded by [`DEPTH_MAX`] and [`OPERATORS_MAX`], for this and for every later walk over the tree.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "tokens are letters: a place in the grammar names the few that it takes"
)]

mod block;
mod claim;
mod expression;
mod item;
mod recover;
mod statement;
mod step;
mod trivia;

use super::lex::{Lexed, lex};
use super::syntax::{At, Comment, File, Name, Number};
use super::token::{Token, TokenKind};
use crate::sim::diagnostic::{Code, Diagnostic, Span};

/// How deep blocks and expressions may nest.
pub(super) const DEPTH_MAX: u32 = 64;

/// How many operators one expression may have.
pub(super) const OPERATORS_MAX: u32 = 256;

/// How many bytes a file may have.
const SOURCE_BYTES_MAX: usize = 1 << 20;

/// Repetitions follow closely, and a file may have very many mistakes.
const DUPLICATES_SEARCHED: usize = 16;

/// A failure whose diagnostic has been pushed.
#[derive(Debug)]
struct Failed;

type Parse<T> = Result<T, Failed>;

/// Parses a scenario file.
///
/// # Errors
///
/// Every mistake of the text, in the order of the file.
pub fn parse(source: &str) -> Result<File, Vec<Diagnostic>> {
    if source.len() > SOURCE_BYTES_MAX {
        let message = format!("this file has {} bytes", source.len());
        let limit = format!("a scenario may have {SOURCE_BYTES_MAX} bytes");
        return Err(vec![
            Diagnostic::error(Code::S008, message, Span::default(), "").note(limit),
        ]);
    }
    let mut parser = Parser::new(source);
    let file = parser.file();
    if parser.diagnostics.is_empty() {
        return Ok(file);
    }
    // The lexer's findings come first in the list, wherever they stand.
    parser
        .diagnostics
        .sort_by_key(|diagnostic| diagnostic.primary.span);
    Err(parser.diagnostics)
}

struct Parser<'source> {
    source: &'source str,
    tokens: Vec<Token>,
    position: usize,
    comments: std::iter::Peekable<std::vec::IntoIter<Comment>>,
    diagnostics: Vec<Diagnostic>,
    depth: u32,
    operators: u32,
    /// Set once an unclosed block is reported: the blocks around it end at the same place.
    unclosed: bool,
    /// Where the last consumed token ends.
    consumed: u32,
}

impl<'source> Parser<'source> {
    fn new(source: &'source str) -> Self {
        let Lexed {
            tokens,
            comments,
            diagnostics,
        } = lex(source);
        Self {
            source,
            tokens,
            position: 0,
            comments: comments.into_iter().peekable(),
            diagnostics,
            depth: 0,
            operators: 0,
            unclosed: false,
            consumed: 0,
        }
    }

    fn peek(&self) -> Token {
        self.ahead(0)
    }

    fn kind(&self) -> TokenKind {
        self.peek().kind
    }

    /// The token `distance` places ahead; the end of the file repeats.
    fn ahead(&self, distance: usize) -> Token {
        let last = self.tokens.len() - 1;
        self.tokens[(self.position + distance).min(last)]
    }

    fn advance(&mut self) -> Token {
        let token = self.peek();
        if token.kind != TokenKind::End {
            self.position += 1;
        }
        self.consumed = token.span.end;
        token
    }

    fn eat(&mut self, kind: TokenKind) -> Option<Token> {
        (self.kind() == kind).then(|| self.advance())
    }

    fn text_of(&self, token: Token) -> &'source str {
        token.span.text(self.source)
    }

    /// The text of the next token if it is a name.
    fn word(&self) -> Option<&'source str> {
        self.word_ahead(0)
    }

    fn word_ahead(&self, distance: usize) -> Option<&'source str> {
        let token = self.ahead(distance);
        (token.kind == TokenKind::Name).then(|| self.text_of(token))
    }

    fn eat_word(&mut self, word: &str) -> Option<Token> {
        (self.word() == Some(word)).then(|| self.advance())
    }

    fn expect(&mut self, kind: TokenKind, purpose: &str) -> Parse<Token> {
        self.eat(kind)
            .ok_or(())
            .or_else(|()| self.unexpected(&format!("{}{purpose}", kind.describe())))
    }

    /// A name; `purpose` is what it names: "the name of a thread".
    fn name(&mut self, purpose: &str) -> Parse<Name> {
        match self.eat(TokenKind::Name) {
            Some(token) => Ok(self.name_of(token)),
            None => self.unexpected(purpose),
        }
    }

    fn name_of(&self, token: Token) -> Name {
        Name {
            text: self.text_of(token).into(),
            at: At(token.span),
        }
    }

    fn number(&mut self, purpose: &str) -> Parse<Number> {
        let negative = self.eat(TokenKind::Minus);
        let Some(token) = self.eat(TokenKind::Number) else {
            return self.unexpected(purpose);
        };
        let digits = self.text_of(token);
        let span = negative.map_or(token.span, |minus| minus.span.to(token.span));
        let Some(magnitude) = parse_number(digits) else {
            let message = format!("`{digits}` is no number");
            return self.fail(Diagnostic::error(Code::S005, message, token.span, ""));
        };
        let sign = if negative.is_some() { "-" } else { "" };
        Ok(Number {
            text: format!("{sign}{digits}").into(),
            value: if negative.is_some() {
                -magnitude
            } else {
                magnitude
            },
            at: At(span),
        })
    }

    fn fail<T>(&mut self, diagnostic: Diagnostic) -> Parse<T> {
        // Two rules may fail at the same place; the first one says more.
        let known = |old: &Diagnostic| old.primary.span == diagnostic.primary.span;
        if !self
            .diagnostics
            .iter()
            .rev()
            .take(DUPLICATES_SEARCHED)
            .any(known)
        {
            self.diagnostics.push(diagnostic);
        }
        Err(Failed)
    }

    /// Reports that something else was expected than the next token.
    fn unexpected<T>(&mut self, expected: &str) -> Parse<T> {
        let token = self.peek();
        let found = match token.kind {
            TokenKind::Name | TokenKind::Number => format!("`{}`", self.text_of(token)),
            kind => kind.describe().to_owned(),
        };
        let message = format!("expected {expected}, found {found}");
        let span = match token.kind {
            // A line end has no text to point at, and may stand for several.
            TokenKind::LineEnd => Span::new(token.span.start, token.span.start),
            _ => token.span,
        };
        self.fail(Diagnostic::error(Code::S003, message, span, ""))
    }

    fn skip_line_ends(&mut self) {
        while self.kind() == TokenKind::LineEnd {
            self.position += 1;
        }
    }

    /// Runs `parse` one level deeper, or reports that the nesting is too deep.
    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        if self.depth >= DEPTH_MAX {
            let span = self.peek().span;
            let message = format!("this is nested more than {DEPTH_MAX} levels deep");
            return self.fail(Diagnostic::error(Code::S007, message, span, ""));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    fn since(&self, start: Span) -> At {
        At(Span::new(start.start, self.consumed.max(start.start)))
    }
}

/// The value of a decimal or hexadecimal number with `_`.
fn parse_number(text: &str) -> Option<i64> {
    let digits = text.replace('_', "");
    match digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
    {
        Some(hexadecimal) => i64::from_str_radix(hexadecimal, 16).ok(),
        None => digits.parse().ok(),
    }
}
