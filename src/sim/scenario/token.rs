//! Tokens of a scenario file.

use super::syntax::CommentKind;
use crate::sim::diagnostic::Span;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name as in C, or a word of the language.
    Name,
    /// A number or a release: `200_000`, `0x10`, `3.13.8`, `3.14t`.
    Number,
    /// A string with its quotation marks.
    Text,
    /// A string whose line ends before it does.
    TextOpen,
    /// One or more line ends.
    LineEnd,
    /// `{`
    BraceOpen,
    /// `}`
    BraceClose,
    /// `(`
    ParenOpen,
    /// `)`
    ParenClose,
    /// `[`
    BracketOpen,
    /// `]`
    BracketClose,
    /// `;`
    Semicolon,
    /// `,`
    Comma,
    /// `.`
    Dot,
    /// `..`
    Range,
    /// `->`
    Arrow,
    /// `=`
    Assign,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `&&`
    And,
    /// `||`
    Or,
    /// `!`
    Not,
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `*`
    Star,
    /// `&`
    Ampersand,
    /// A comment; the parser never sees it.
    Comment(CommentKind),
    /// A block comment that does not end.
    CommentOpen,
    /// A character that the language does not use.
    Unknown,
    /// The end of the file.
    End,
}

impl TokenKind {
    /// How a message names the token.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Name => "a name",
            Self::Number => "a number",
            Self::Text | Self::TextOpen => "a string",
            Self::LineEnd => "the end of the line",
            Self::BraceOpen => "`{`",
            Self::BraceClose => "`}`",
            Self::ParenOpen => "`(`",
            Self::ParenClose => "`)`",
            Self::BracketOpen => "`[`",
            Self::BracketClose => "`]`",
            Self::Semicolon => "`;`",
            Self::Comma => "`,`",
            Self::Dot => "`.`",
            Self::Range => "`..`",
            Self::Arrow => "`->`",
            Self::Assign => "`=`",
            Self::Equal => "`==`",
            Self::NotEqual => "`!=`",
            Self::Less => "`<`",
            Self::LessEqual => "`<=`",
            Self::Greater => "`>`",
            Self::GreaterEqual => "`>=`",
            Self::And => "`&&`",
            Self::Or => "`||`",
            Self::Not => "`!`",
            Self::Plus => "`+`",
            Self::Minus => "`-`",
            Self::Star => "`*`",
            Self::Ampersand => "`&`",
            Self::Comment(_) | Self::CommentOpen => "a comment",
            Self::Unknown => "this character",
            Self::End => "the end of the file",
        }
    }
}

/// A token and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}
