//! The scenario's text with line numbers.

use super::markup::escaped;

/// The lines, each with a target of its own (`#L12`) and a place for marks.
#[must_use]
pub(super) fn listing(source: &str) -> String {
    let lines = source.lines().enumerate().map(|(at, line)| {
        let number = at + 1;
        let (code, comment) = line.split_at(comment_at(line));
        let comment = if comment.is_empty() {
            String::new()
        } else {
            format!("<span class=\"comment\">{}</span>", escaped(comment))
        };
        // A tab would be shown as an escape; the parser counts it as one column.
        let code = escaped(&code.replace('\t', "    "));
        format!(
            "<li id=\"L{number}\"><a class=\"number\" href=\"#L{number}\" aria-label=\"line {number}\">{number}</a>\
             <span class=\"marks\"></span><code>{code}{comment}</code></li>\n"
        )
    });
    let lines: String = lines.collect();
    format!("<ol class=\"listing\">\n{lines}</ol>\n")
}

/// The line of a byte offset, from 1.
#[must_use]
pub(super) fn line(source: &str, offset: u32) -> usize {
    let before = source.bytes().take(offset as usize);
    before.filter(|byte| *byte == b'\n').count() + 1
}

/// Where the comment of a line begins, outside of strings; the length if there is none.
fn comment_at(line: &str) -> usize {
    let mut in_string = false;
    let mut last = ' ';
    for (at, letter) in line.char_indices() {
        match letter {
            '"' if last != '\\' => in_string = !in_string,
            '/' if last == '/' && !in_string => return at - 1,
            _ => {}
        }
        last = letter;
    }
    line.len()
}

#[cfg(test)]
mod tests {
    use super::{comment_at, listing};

    #[test]
    fn a_comment_begins_outside_of_strings() {
        assert_eq!(comment_at("f(\"a//b\") // c"), 10);
        assert_eq!(comment_at("f(\"a//b\")"), 9);
    }

    #[test]
    fn every_line_is_escaped() {
        let text = listing("a < b // <script>\n");
        assert!(text.contains("a &lt; b <span class=\"comment\">// &lt;script&gt;</span>"));
    }
}
