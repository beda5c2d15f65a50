//! Words of a command line that a reader can paste.

/// The text as one word for a POSIX shell.
#[must_use]
pub fn quote(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./=:@%+".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    if text.chars().any(char::is_control) {
        // The only form that can hold every character and stays on one line.
        let bytes: String = text
            .bytes()
            .map(|byte| byte.escape_ascii().to_string())
            .collect();
        return format!("$'{bytes}'");
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
