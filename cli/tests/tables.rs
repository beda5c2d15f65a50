//! What counterexamples, verdicts and graphs look like, from hand-made values.

mod made;
mod recorded;

use made::{daemon_mutex, plain, thread};
use recorded::snapshot;
use tstate::sim::report::{Mark, Row, Trace};
use tstate_cli::render::trace::{self, Style};

#[test]
fn a_counterexample_has_a_column_for_each_thread() {
    snapshot!(
        "table",
        plain(&trace::render(&daemon_mutex(), Style::default()))
    );
}

#[test]
fn a_counterexample_can_be_drawn_in_ascii() {
    let text = plain(&trace::render(
        &daemon_mutex(),
        Style {
            ascii: true,
            ..Style::default()
        },
    ));
    assert!(text.is_ascii(), "not ASCII: {text}");
    snapshot!("table-ascii", text);
}

#[test]
fn a_narrow_page_wraps_cells() {
    let text = plain(&trace::render(
        &daemon_mutex(),
        Style {
            columns: 72,
            ascii: false,
        },
    ));
    assert!(
        text.lines().all(|line| line.chars().count() <= 72),
        "too wide: {text}"
    );
    snapshot!("table-narrow", text);
}

#[test]
fn more_threads_than_fit_are_named_in_each_row() {
    snapshot!(
        "table-many",
        plain(&trace::render(&many_threads(12), Style::default()))
    );
}

#[test]
fn every_width_draws_without_a_panic() {
    for columns in 0..140 {
        for trace in [daemon_mutex(), many_threads(3), many_threads(16)] {
            assert!(
                !trace::render(
                    &trace,
                    Style {
                        columns,
                        ascii: false
                    }
                )
                .is_empty()
            );
        }
    }
}

/// Threads one after another, each of which ends.
fn many_threads(count: usize) -> Trace {
    let row = |thread: usize| Row {
        number: thread as u32 + 1,
        thread,
        text: "PyGILState_Release(PyGILState_Ensure())".to_owned(),
        line: 4,
        depth: 0,
        mark: if thread == 0 { Mark::Whole } else { Mark::Ends },
        result: None,
        gil: Some(format!("worker[{thread}]")),
        changes: vec!["a\u{1b}[31m change that is rather long".to_owned()],
    };
    Trace {
        threads: (0..count)
            .map(|index| thread(&format!("worker[{index}]"), "foreign"))
            .collect(),
        rows: (0..count).map(row).collect(),
        outcome: "ok".to_owned(),
        ..Trace::default()
    }
}
