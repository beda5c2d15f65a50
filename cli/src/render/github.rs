//! Annotations of a GitHub workflow: `::error file=…,line=…::message`.

use crate::record::{Finding, Place, Weight};

/// How much an annotation weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The check fails.
    Error,
    /// Worth a look.
    Warning,
}

/// One annotation, with its line end.
#[must_use]
pub fn annotation(level: Level, file: &str, place: Place, title: &str, message: &str) -> String {
    let word = match level {
        Level::Error => "error",
        Level::Warning => "warning",
    };
    let columns = if place.line == place.end_line {
        format!(",col={},endColumn={}", place.column, place.end_column)
    } else {
        format!(",endLine={}", place.end_line)
    };
    let (file, title) = (property(file), property(title));
    format!(
        "::{word} file={file},line={}{columns},title={title}::{}\n",
        place.line,
        data(message)
    )
}

/// The annotation of a finding about a scenario file.
#[must_use]
pub fn finding(finding: &Finding) -> String {
    let level = match finding.severity {
        Weight::Error => Level::Error,
        Weight::Warning => Level::Warning,
    };
    let mut message = finding.message.clone();
    for help in &finding.help {
        message += &format!("\nhelp: {}", help.message);
    }
    annotation(level, &finding.file, finding.place, &finding.code, &message)
}

/// The text as the message of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The text as the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
