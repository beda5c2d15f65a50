//! The lexer: cuts a source into tokens and keeps the comments apart.
//!
//! It never fails. What it cannot read becomes a diagnostic and is left out, so that the parser can go on.

use winnow::Parser;
use winnow::ascii::till_line_ending;
use winnow::combinator::{alt, dispatch, empty, fail, opt, peek, repeat};
use winnow::stream::{LocatingSlice, Stream};
use winnow::token::{any, one_of, take_until, take_while};

use super::syntax::{At, Comment, CommentKind};
use super::token::{Token, TokenKind};
use crate::sim::diagnostic::{Code, Diagnostic, Span};

type Input<'source> = LocatingSlice<&'source str>;

/// The tokens of a source, its comments in order, and what could not be read.
#[derive(Debug)]
pub(super) struct Lexed {
    pub(super) tokens: Vec<Token>,
    pub(super) comments: Vec<Comment>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// Cuts `source` into tokens; the last one is the end of the file.
pub(super) fn lex(source: &str) -> Lexed {
    let mut lexed = Lexed {
        tokens: Vec::new(),
        comments: Vec::new(),
        diagnostics: Vec::new(),
    };
    let mut input = LocatingSlice::new(source);
    loop {
        skip_blanks(&mut input);
        let start = offset(source, &input);
        // Every character starts a token, so this fails at the end of the file only.
        let Ok(kind) = token(&mut input) else { break };
        let span = Span::new(start, offset(source, &input));
        lexed.take(source, Token { kind, span });
    }
    let end = offset(source, &input);
    lexed.tokens.push(Token {
        kind: TokenKind::End,
        span: Span::new(end, end),
    });
    lexed
}

impl Lexed {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "whatever is not named here goes to the parser"
    )]
    fn take(&mut self, source: &str, token: Token) {
        let previous = self.tokens.last().map(|token| token.kind);
        match token.kind {
            TokenKind::Comment(kind) => self.comments.push(Comment {
                kind,
                text: token.span.text(source).trim_end().into(),
                blank_before: false,
                at: At(token.span),
            }),
            TokenKind::LineEnd if previous == Some(TokenKind::LineEnd) => {}
            TokenKind::CommentOpen => self.diagnostics.push(Diagnostic::error(
                Code::S006,
                "this comment is not closed",
                Span::new(token.span.start, token.span.start + 2),
                "opened here",
            )),
            TokenKind::TextOpen => {
                self.diagnostics.push(Diagnostic::error(
                    Code::S006,
                    "this string is not closed",
                    token.span,
                    "a string ends on its line",
                ));
                self.tokens.push(token);
            }
            TokenKind::Unknown => self.diagnostics.push(Diagnostic::error(
                Code::S001,
                format!(
                    "`{}` means nothing here",
                    token.span.text(source).escape_debug()
                ),
                token.span,
                "",
            )),
            _ => self.tokens.push(token),
        }
    }
}

fn offset(source: &str, input: &Input<'_>) -> u32 {
    u32::try_from(source.len() - input.eof_offset()).unwrap_or(u32::MAX)
}

fn skip_blanks(input: &mut Input<'_>) {
    let blanks: winnow::Result<&str> =
        take_while(0.., [' ', '\t', '\r', '\u{c}', '\u{feff}']).parse_next(input);
    debug_assert!(blanks.is_ok(), "zero blanks are fine");
}

fn token(input: &mut Input<'_>) -> winnow::Result<TokenKind> {
    dispatch! { peek(any);
        '\n' => any.value(TokenKind::LineEnd),
        'a'..='z' | 'A'..='Z' | '_' => word.value(TokenKind::Name),
        '0'..='9' => number,
        '"' => text,
        '/' => comment,
        _ => alt((punctuation_long, punctuation_short, any.value(TokenKind::Unknown))),
    }
    .parse_next(input)
}

fn word<'source>(input: &mut Input<'source>) -> winnow::Result<&'source str> {
    take_while(1.., ('a'..='z', 'A'..='Z', '0'..='9', '_')).parse_next(input)
}

/// A number, and releases: a dot belongs to it if a digit follows, so that `3.9..3.12` is a range.
fn number(input: &mut Input<'_>) -> winnow::Result<TokenKind> {
    word.parse_next(input)?;
    loop {
        let start = input.checkpoint();
        let next: winnow::Result<_> = ('.', peek(one_of('0'..='9')), word).parse_next(input);
        if next.is_err() {
            input.reset(&start);
            return Ok(TokenKind::Number);
        }
    }
}

fn text(input: &mut Input<'_>) -> winnow::Result<TokenKind> {
    let character = alt((
        ('\\', one_of(|c: char| c != '\n')).void(),
        one_of(|c: char| c != '"' && c != '\n' && c != '\\').void(),
    ));
    let inside = repeat::<_, _, (), _, _>(0.., character);
    let closed = ('"', inside, opt('"')).map(|(_, (), end)| end.is_some());
    closed
        .map(|closed| {
            if closed {
                TokenKind::Text
            } else {
                TokenKind::TextOpen
            }
        })
        .parse_next(input)
}

fn comment(input: &mut Input<'_>) -> winnow::Result<TokenKind> {
    let line = ("//", till_line_ending)
        .take()
        .map(|text: &str| match text.strip_prefix("///") {
            Some(rest) if !rest.starts_with('/') => TokenKind::Comment(CommentKind::Doc),
            Some(_) | None => TokenKind::Comment(CommentKind::Line),
        });
    let block = ("/*", take_until(0.., "*/"), "*/").value(TokenKind::Comment(CommentKind::Block));
    let open = ("/*", winnow::token::rest).value(TokenKind::CommentOpen);
    alt((line, block, open, any.value(TokenKind::Unknown))).parse_next(input)
}

fn punctuation_long(input: &mut Input<'_>) -> winnow::Result<TokenKind> {
    alt((
        "==".value(TokenKind::Equal),
        "!=".value(TokenKind::NotEqual),
        "<=".value(TokenKind::LessEqual),
        ">=".value(TokenKind::GreaterEqual),
        "&&".value(TokenKind::And),
        "||".value(TokenKind::Or),
        "->".value(TokenKind::Arrow),
        "..".value(TokenKind::Range),
    ))
    .parse_next(input)
}

fn punctuation_short(input: &mut Input<'_>) -> winnow::Result<TokenKind> {
    dispatch! { any;
        '{' => empty.value(TokenKind::BraceOpen),
        '}' => empty.value(TokenKind::BraceClose),
        '(' => empty.value(TokenKind::ParenOpen),
        ')' => empty.value(TokenKind::ParenClose),
        '[' => empty.value(TokenKind::BracketOpen),
        ']' => empty.value(TokenKind::BracketClose),
        ';' => empty.value(TokenKind::Semicolon),
        ',' => empty.value(TokenKind::Comma),
        '.' => empty.value(TokenKind::Dot),
        '=' => empty.value(TokenKind::Assign),
        '<' => empty.value(TokenKind::Less),
        '>' => empty.value(TokenKind::Greater),
        '!' => empty.value(TokenKind::Not),
        '+' => empty.value(TokenKind::Plus),
        '-' => empty.value(TokenKind::Minus),
        '*' => empty.value(TokenKind::Star),
        '&' => empty.value(TokenKind::Ampersand),
        _ => fail,
    }
    .parse_next(input)
}
