//! Diagnostics as text, in the form of rustc's.

use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Patch, Renderer, Snippet};
use tstate::sim::diagnostic::{Diagnostic, Help, Label, Severity, Span};

/// The text of a diagnostic about `source`, which stands at `path`. Without colour it is the same on every terminal.
#[must_use]
pub fn render(diagnostic: &Diagnostic, path: &str, source: &str, color: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let primary = annotation(AnnotationKind::Primary, &diagnostic.primary, source);
    let secondary = diagnostic
        .secondary
        .iter()
        .map(|label| annotation(AnnotationKind::Context, label, source));
    let snippet = Snippet::source(source)
        .path(path)
        .annotation(primary)
        .annotations(secondary);
    let title = level
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.code.name());
    let mut first = title.element(snippet);
    for note in &diagnostic.notes {
        first = first.element(Level::NOTE.message(note.as_str()));
    }
    for help in diagnostic.help.iter().filter(|help| help.patch.is_none()) {
        first = first.element(Level::HELP.message(help.text.as_str()));
    }
    let mut report = vec![first];
    report.extend(
        diagnostic
            .help
            .iter()
            .filter_map(|help| suggestion(help, path, source)),
    );
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    renderer.render(&report)
}

fn suggestion<'a>(help: &'a Help, path: &'a str, source: &'a str) -> Option<Group<'a>> {
    let (span, replacement) = help.patch.as_ref()?;
    let patch = Patch::new(range(*span, source), replacement.as_str());
    let snippet = Snippet::source(source).path(path).patch(patch);
    Some(
        Level::HELP
            .secondary_title(help.text.as_str())
            .element(snippet),
    )
}

fn annotation<'a>(kind: AnnotationKind, label: &'a Label, source: &str) -> Annotation<'a> {
    let annotation = kind.span(range(label.span, source));
    if label.text.is_empty() {
        annotation
    } else {
        annotation.label(label.text.as_str())
    }
}

/// The range of a span inside of `source`, widened to whole characters: the renderer takes no other.
fn range(span: Span, source: &str) -> Range<usize> {
    let inside = |offset: u32| (offset as usize).min(source.len());
    let start = source.floor_char_boundary(inside(span.start));
    let end = source.ceil_char_boundary(inside(span.end)).max(start);
    start..end
}
