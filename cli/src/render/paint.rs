//! Colour, width and safety of text.
//!
//! Text is always made with colours; the writer takes them out where they are not wanted.

use clap::builder::styling::{AnsiColor, Style};
use unicode_width::UnicodeWidthChar;

/// What a piece of text is, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// A claim was met.
    Good,
    /// A failure.
    Bad,
    /// Undecided, or odd.
    Odd,
    /// A heading.
    Strong,
    /// Advice.
    Help,
    /// Lines and marks around the text.
    Frame,
    /// Of less weight.
    Faint,
}

impl Paint {
    /// The text in its colour.
    #[must_use]
    pub fn on(self, text: &str) -> String {
        let style = self.style();
        format!("{style}{text}{style:#}")
    }

    fn style(self) -> Style {
        let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        match self {
            Self::Good => colour(AnsiColor::Green),
            Self::Bad => colour(AnsiColor::BrightRed).bold(),
            Self::Odd => colour(AnsiColor::Yellow),
            Self::Strong => Style::new().bold(),
            Self::Help => colour(AnsiColor::BrightCyan).bold(),
            Self::Frame => colour(AnsiColor::BrightBlue).bold(),
            Self::Faint => Style::new().dimmed(),
        }
    }
}

/// The text with control characters made visible, so that no file and no name can steer a terminal.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control()
            || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            safe.extend(letter.escape_default());
        } else {
            safe.push(letter);
        }
    }
    safe
}

/// Columns that the text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.chars().map(letter_width).sum()
}

/// The text with spaces after it, so that it takes `columns`.
#[must_use]
pub fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Breaks the text into lines of at most `columns`: at spaces, else after punctuation, else anywhere.
#[must_use]
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    wrap_after(text, columns, columns)
}

/// Breaks the text into a line of at most `first` columns and lines of at most `columns`.
#[must_use]
pub fn wrap_after(text: &str, first: usize, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text;
    let mut room = first.max(1);
    while width(rest) > room {
        let (fits, after) = rest.split_at(break_at(rest, room));
        lines.push(fits.trim_end().to_owned());
        rest = after.trim_start();
        room = columns.max(1);
    }
    if !rest.is_empty() || lines.is_empty() {
        lines.push(rest.to_owned());
    }
    lines
}

/// A number with commas between groups of three digits.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The text with commas in its numbers.
#[must_use]
pub fn regrouped(text: &str) -> String {
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let words = text.split(' ').map(|word| match word.parse() {
        Ok(number) if is_number(word) => grouped(number),
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// `1 step`, `2 steps`, `1,000 steps`.
#[must_use]
pub fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

fn letter_width(letter: char) -> usize {
    letter.width().unwrap_or(0)
}

/// The byte offset at which a line of at most `columns` ends; never 0.
fn break_at(text: &str, columns: usize) -> usize {
    let mut used = 0;
    let mut end = 0;
    let mut space = None;
    let mut mark = None;
    for (at, letter) in text.char_indices() {
        if letter == ' ' {
            space = Some(at);
        }
        used += letter_width(letter);
        if used > columns {
            break;
        }
        end = at + letter.len_utf8();
        if matches!(letter, ',' | ';' | '(' | ')' | '_' | '-' | '/' | '.') {
            mark = Some(end);
        }
    }
    // A break at the very start would not get on; a single letter may be wider than the column.
    let first = text.chars().next().map_or(0, char::len_utf8);
    // A line that would be less than a third full is worse than a break within a word.
    let space = space.filter(|at| *at > 0 && (mark.is_none() || at * 3 >= end));
    let found = space.or(mark).unwrap_or(end);
    found.max(first)
}
