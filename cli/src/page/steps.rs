//! A run as a table that steps: a column for each thread, time downwards.

use super::markup::{colour, escaped};
use super::runs::Run;
use crate::render::cells::{self, Cell, Marks};
use tstate::sim::report::{Mark, Row, Trace};

/// Marks that no scenario has in its text: they become words in a frame.
const MARKS: Marks = Marks {
    waits: "\u{e000}",
    hangs: "\u{e001}",
    ended: "\u{e002}",
    ..Marks::UNICODE
};

/// The table. A row has in `data-line` the line of its statement, in `data-at` where the threads stand (`THREAD:LINE`),
/// in `data-node` the node of the graph.
#[must_use]
pub(super) fn table(run: &Run<'_>) -> String {
    let trace = &run.shown.account.trace;
    let threads = trace.threads.iter().enumerate().map(|(at, thread)| {
        let name = cells::heading(thread);
        format!(
            "<th scope=\"col\" class=\"{}\">{}</th>",
            colour(at),
            escaped(&name)
        )
    });
    let threads: String = threads.collect();
    let cells = cells::rows(trace, &MARKS);
    let mut text = format!(
        "<table class=\"steps\" role=\"grid\" aria-label=\"Steps of the run\">\n<thead><tr>\
         <th scope=\"col\"><abbr title=\"step\">#</abbr></th>{threads}\
         <th scope=\"col\">GIL</th><th scope=\"col\">what changed</th></tr></thead>\n<tbody>\n"
    );
    for (at, row) in trace.rows.iter().enumerate() {
        if run.shown.round == Some(at) {
            let columns = trace.threads.len() + 3;
            let what = if run.shown.round_is_cut {
                "the beginning of a long round"
            } else {
                "one round"
            };
            text += &format!(
                "<tr class=\"round\"><td colspan=\"{columns}\">from here on it goes round for ever; \
                 {what} is shown</td></tr>\n"
            );
        }
        let cells = cells.get(at).map_or(&[][..], Vec::as_slice);
        text += &line(run, at, row, cells);
    }
    text + "</tbody></table>\n"
}

/// A row.
fn line(run: &Run<'_>, at: usize, row: &Row, cells: &[Cell]) -> String {
    let trace = &run.shown.account.trace;
    let columns = cells.iter().enumerate().map(|(thread, cell)| {
        let acts = if thread == row.thread { "acts " } else { "" };
        format!(
            "<td class=\"{acts}{}\">{}</td>",
            colour(thread),
            content(cell)
        )
    });
    let columns: String = columns.collect();
    let node = run
        .shown
        .nodes
        .get(at)
        .map_or_else(String::new, |node| format!(" data-node=\"{node}\""));
    let holder = row.gil.as_deref().map_or_else(
        || "<span class=\"idle\">–</span>".to_owned(),
        |holder| {
            let thread = trace
                .threads
                .iter()
                .position(|thread| thread.name == holder);
            let class = thread.map_or_else(String::new, colour);
            format!("<span class=\"name {class}\">{}</span>", escaped(holder))
        },
    );
    format!(
        "<tr id=\"run-{}-step-{}\" data-line=\"{}\" data-at=\"{}\"{node}>\
         <th scope=\"row\">{}</th>{columns}<td>{holder}</td><td>{}</td></tr>\n",
        run.number,
        row.number,
        row.line,
        places(trace, at),
        row.number,
        escaped(&row.changes.join("; "))
    )
}

fn content(cell: &Cell) -> String {
    let lead = if cell.lead.is_empty() {
        String::new()
    } else {
        format!(
            "<span class=\"lead\" aria-hidden=\"true\">{}</span>",
            escaped(&cell.lead)
        )
    };
    let is_idle = matches!(cell.text.as_str(), "·" | "│");
    let text = if is_idle {
        format!(
            "<span class=\"idle\" aria-hidden=\"true\">{}</span>",
            cell.text
        )
    } else {
        breakable(&escaped(&cell.text))
    };
    let tag = |word: &str| format!("<span class=\"tag {word}\">{word}</span>");
    let text = text.replace(MARKS.waits, &tag("waits"));
    let text = text.replace(MARKS.hangs, &tag("hangs"));
    lead + &text.replace(MARKS.ended, &tag("ended"))
}

/// Names may be broken after their parts.
fn breakable(text: &str) -> String {
    let text = text.replace('_', "_<wbr>").replace('(', "(<wbr>");
    text.replace("(<wbr>)", "()")
}

/// The lines at which threads stand after a row, inside of a statement: `0:12 1:20`.
fn places(trace: &Trace, at: usize) -> String {
    let mut places = Vec::new();
    for thread in 0..trace.threads.len() {
        let rows = trace.rows.iter().take(at + 1).rev();
        let last = rows
            .filter(|row| row.thread == thread)
            .map(|row| (row.mark, row.line))
            .next();
        if let Some((Mark::Begins | Mark::Continues | Mark::Blocks | Mark::Hangs, line)) = last {
            places.push(format!("{thread}:{line}"));
        }
    }
    places.join(" ")
}
