//! Going on after a mistake.

use super::super::token::TokenKind;
use super::{Failed, Parse, Parser};
use crate::sim::diagnostic::{Code, Diagnostic, Span};

/// C's statements and what to write instead.
const C_FLOW: [(&str, &str); 6] = [
    ("for", "write `repeat N { ... }`"),
    (
        "while",
        "write `repeat until COND { ... }`, or `eval until COND` to run bytecode meanwhile",
    ),
    ("do", "write `repeat until COND { ... }`"),
    (
        "switch",
        "write `if COND { ... } else { ... }`, or `choose { either { ... } or { ... } }`",
    ),
    ("goto", "write the path with `if COND { ... }`"),
    (
        "else",
        "write `else` directly behind the `}` of an `if COND { ... }`",
    ),
];

impl Parser<'_> {
    /// Skips to the end of the statement. A block on the way is parsed for its own mistakes.
    pub(super) fn recover(&mut self) {
        while !self.unclosed {
            match self.kind() {
                TokenKind::LineEnd
                | TokenKind::Semicolon
                | TokenKind::BraceClose
                | TokenKind::End => return,
                TokenKind::BraceOpen if self.structure_follows() => self.skip_braces(),
                TokenKind::BraceOpen => {
                    let skipped = self.block("");
                    if skipped.is_err() && self.kind() == TokenKind::BraceOpen {
                        self.skip_braces();
                    }
                }
                _ => {
                    self.advance();
                }
            }
        }
    }

    /// Whether the brace at hand opens a structure or a set of values rather than a block.
    fn structure_follows(&self) -> bool {
        matches!(
            self.ahead(1).kind,
            TokenKind::Dot | TokenKind::Number | TokenKind::Minus
        )
    }

    /// Skips braces and all that is between them.
    pub(super) fn skip_braces(&mut self) {
        let mut open = 0_u32;
        loop {
            match self.advance().kind {
                TokenKind::BraceOpen => open += 1,
                TokenKind::BraceClose => open = open.saturating_sub(1),
                TokenKind::End => return,
                _ => {}
            }
            if open == 0 {
                return;
            }
        }
    }

    /// Reports a block that does not end.
    pub(super) fn unclosed(&mut self, open: Span) -> Parse<()> {
        if self.unclosed {
            return Err(Failed);
        }
        self.unclosed = true;
        let next = self.peek();
        let (span, text) = if next.kind == TokenKind::End {
            (next.span, "the file ends here")
        } else {
            (next.span, "a new item starts here")
        };
        let diagnostic =
            Diagnostic::error(Code::S002, "this block is not closed", open, "opened here");
        self.fail(diagnostic.label(span, text))
    }

    /// Reports C control flow, if the next token is a word of it.
    pub(super) fn refuse_c_flow(&mut self) -> Parse<()> {
        let Some(word) = self.word() else {
            return Ok(());
        };
        let Some((_, instead)) = C_FLOW.iter().find(|(flow, _)| *flow == word) else {
            return Ok(());
        };
        let span = self.peek().span;
        let message = format!("`{word}` is C control flow, which scenarios do not have");
        let failed = self.fail(Diagnostic::error(Code::S004, message, span, "").help(*instead));
        // The `;` inside `for ( ... )` ends no statement.
        self.advance();
        self.skip_parentheses();
        failed
    }

    fn skip_parentheses(&mut self) {
        let mut open = 0_u32;
        loop {
            match self.kind() {
                TokenKind::ParenOpen => open += 1,
                TokenKind::ParenClose => open = open.saturating_sub(1),
                TokenKind::LineEnd | TokenKind::End | TokenKind::BraceOpen => return,
                _ if open == 0 => return,
                _ => {}
            }
            self.advance();
        }
    }

    /// Whether an item starts here although a block is still open.
    pub(super) fn item_starts(&self) -> bool {
        let Some(word) = self.word() else {
            return false;
        };
        let next = self.word_ahead(1);
        match word {
            "thread" | "callback" | "object" | "native" => next.is_some(),
            "foreign" | "python" | "daemon" => next == Some("thread"),
            "expect" | "bound" => self.ahead(1).kind == TokenKind::BraceOpen,
            "scenario" => self.ahead(1).kind == TokenKind::Text,
            _ => false,
        }
    }
}
