//! Text as HTML.

use crate::render::paint::escape;

/// The text as content, or as the value of an attribute in double quotes. Control characters are made visible.
#[must_use]
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in escape(text).chars() {
        match letter {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            '\'' => safe += "&#39;",
            letter => safe.push(letter),
        }
    }
    safe
}

/// The class that gives a thread its colour.
#[must_use]
pub(super) fn colour(thread: usize) -> String {
    format!("t{}", thread % 6)
}

/// A number of an SVG, with at most one digit behind the point.
#[must_use]
pub(super) fn number(number: f64) -> String {
    let text = format!("{number:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    (if text == "-0" { "0" } else { text }).to_owned()
}

/// The class of an outcome: `good`, or `bad` if it is none to wish for.
#[must_use]
pub(super) fn kind(outcome: &str) -> &'static str {
    if matches!(outcome, "ok" | "child(ok)") {
        "good"
    } else {
        "bad"
    }
}
