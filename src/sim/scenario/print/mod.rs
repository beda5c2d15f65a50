//! The canonical form of a scenario file.
//!
//! Printing keeps every comment and single empty lines, and says nothing else than the tree: parsing the printed text
//! gives an equal tree, so printing it again gives the same text.

mod expression;
mod item;
mod statement;

use super::syntax::{Comment, File, Trivia};
use crate::sim::diagnostic::Diagnostic;

/// A block goes on one line if the line is not longer.
const LINE_MAX: usize = 80;

/// One level of indentation.
const INDENT: &str = "    ";

/// Formats a scenario file.
///
/// # Errors
///
/// Every mistake of the text: what does not parse is not formatted.
pub fn format(source: &str) -> Result<String, Vec<Diagnostic>> {
    super::parse(source).map(|file| print(&file))
}

/// The canonical text of a syntax tree.
#[must_use]
pub fn print(file: &File) -> String {
    let mut printer = Printer::default();
    printer.file(file);
    printer.text
}

#[derive(Debug, Default)]
struct Printer {
    text: String,
    depth: usize,
}

impl Printer {
    fn indent(&mut self) {
        for _ in 0..self.depth {
            self.text.push_str(INDENT);
        }
    }

    fn blank_line(&mut self) {
        // The first line of a file or of a block has no empty line before it.
        if !self.text.is_empty() && !self.text.ends_with("{\n") {
            self.text.push('\n');
        }
    }

    /// Comments on lines of their own.
    fn comments(&mut self, comments: &[Comment]) {
        for comment in comments {
            if comment.blank_before {
                self.blank_line();
            }
            self.indent();
            self.text.push_str(&comment.text);
            self.text.push('\n');
        }
    }

    /// Comments behind what stands on the line.
    fn behind(&mut self, comments: &[Comment]) {
        for (place, comment) in comments.iter().enumerate() {
            self.text.push_str(if place == 0 { "  " } else { " " });
            self.text.push_str(&comment.text);
        }
    }

    /// A whole line or several: leading comments, the indentation, what `write` writes, trailing comments.
    fn line(&mut self, trivia: &Trivia, write: impl FnOnce(&mut Self)) {
        self.comments(&trivia.leading);
        if trivia.blank_before {
            self.blank_line();
        }
        self.indent();
        write(self);
        self.behind(&trivia.trailing);
        self.text.push('\n');
    }

    /// Lines between braces; the caller has written what stands before the brace.
    fn braces(&mut self, opening: &[Comment], closing: &[Comment], write: impl FnOnce(&mut Self)) {
        self.text.push('{');
        self.behind(opening);
        self.text.push('\n');
        self.depth += 1;
        write(self);
        self.comments(closing);
        self.depth -= 1;
        self.indent();
        self.text.push('}');
    }

    /// The length of the line that is being written.
    fn column(&self) -> usize {
        let start = self.text.rfind('\n').map_or(0, |end| end + 1);
        self.text[start..].chars().count()
    }

    fn words(&mut self, words: impl IntoIterator<Item = impl AsRef<str>>, separator: &str) {
        for (place, word) in words.into_iter().enumerate() {
            if place > 0 {
                self.text.push_str(separator);
            }
            self.text.push_str(word.as_ref());
        }
    }
}
