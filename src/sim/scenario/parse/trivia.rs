//! Where comments and empty lines go: each comment is kept by exactly one node.

use super::super::syntax::{At, Comment, CommentKind, Trivia};
use super::super::token::TokenKind;
use super::Parser;

impl Parser<'_> {
    /// The comments on the lines before the next token.
    pub(super) fn leading(&mut self) -> Trivia {
        let start = self.peek().span.start;
        let mut leading = self.comments_before(start);
        for comment in &mut leading {
            comment.blank_before = self.blank_before(comment.at.0.start);
        }
        Trivia {
            leading,
            blank_before: self.blank_before(start),
            trailing: Vec::new(),
        }
    }

    /// Completes the trivia of a statement that has been parsed, and takes the `;` behind it.
    pub(super) fn trailing(&mut self, trivia: &mut Trivia) {
        let inside = self.comments_before(self.consumed);
        trivia.leading.extend(inside);
        let mut behind = self.comments_before(self.peek().span.start);
        while self.eat(TokenKind::Semicolon).is_some() {
            behind.extend(self.comments_before(self.peek().span.start));
        }
        trivia.trailing = on_one_line(behind);
    }

    /// The comments behind an opening brace on its line.
    pub(super) fn opening(&mut self) -> Vec<Comment> {
        on_one_line(self.comments_before(self.peek().span.start))
    }

    /// The comments before a closing brace.
    pub(super) fn closing(&mut self) -> Vec<Comment> {
        self.leading().leading
    }

    fn comments_before(&mut self, position: u32) -> Vec<Comment> {
        let mut taken = Vec::new();
        while let Some(comment) = self
            .comments
            .next_if(|comment| comment.at.0.start < position)
        {
            taken.push(comment);
        }
        taken
    }

    /// Whether an empty line stands before a position. The first line of a block or of the file has none before it.
    fn blank_before(&self, position: u32) -> bool {
        let before = &self.source.as_bytes()[..position as usize];
        let mut line_ends = 0;
        for byte in before.iter().rev() {
            match byte {
                b'\n' => line_ends += 1,
                b' ' | b'\t' | b'\r' | b';' => {}
                b'{' => return false,
                _ => return line_ends >= 2,
            }
        }
        false
    }
}

/// Makes comments fit on one line: a line comment that another one follows becomes a block comment.
fn on_one_line(mut comments: Vec<Comment>) -> Vec<Comment> {
    let Some((_, others)) = comments.split_last_mut() else {
        return comments;
    };
    for comment in others.iter_mut() {
        if comment.kind != CommentKind::Block {
            let text = comment
                .text
                .trim_start_matches('/')
                .trim()
                .replace("*/", "* /");
            *comment = Comment {
                kind: CommentKind::Block,
                text: format!("/* {text} */").into(),
                blank_before: false,
                at: At(comment.at.0),
            };
        }
    }
    comments
}
