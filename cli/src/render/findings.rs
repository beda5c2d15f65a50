//! Diagnostics about a file, for people.

use super::diagnostic;
use super::paint::{counted, escape};
use tstate::sim::diagnostic::{Diagnostic, Severity};

/// The text of `diagnostics` about the file at `path`, in their order, each followed by an empty line.
#[must_use]
pub fn render(path: &str, source: &str, diagnostics: &[Diagnostic]) -> String {
    let texts = diagnostics
        .iter()
        .map(|found| diagnostic::render(found, &escape(path), source, true));
    texts
        .map(|text| text.trim_end().to_owned() + "\n\n")
        .collect()
}

/// `2 errors`, `1 error, 1 warning`.
#[must_use]
pub fn tally(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .count();
    let parts = [(errors, "error"), (diagnostics.len() - errors, "warning")];
    let parts = parts.iter().filter(|(number, _)| *number > 0);
    let parts: Vec<String> = parts
        .map(|(number, noun)| counted(*number as u64, noun))
        .collect();
    if parts.is_empty() {
        "no findings".to_owned()
    } else {
        parts.join(", ")
    }
}

/// Whether the file cannot be used.
#[must_use]
pub fn are_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error)
}
