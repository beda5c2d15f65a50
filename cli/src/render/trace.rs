//! A run as a table: a column for each thread, time downwards, and below it why it ended so.

use super::cells::{self, Cell, Marks};
use super::paint::{Paint, escape, wrap};
use super::table;
use tstate::sim::report::{Row, Trace};

/// The width of reports that do not go to a terminal, so that they are the same everywhere.
pub const COLUMNS: usize = 100;

/// How to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Columns of the page.
    pub columns: usize,
    /// Draw with ASCII only.
    pub ascii: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            columns: COLUMNS,
            ascii: false,
        }
    }
}

impl Style {
    /// The marks of tables.
    #[must_use]
    pub fn marks(self) -> Marks {
        if self.ascii {
            Marks::ASCII
        } else {
            Marks::UNICODE
        }
    }
}

/// The table, the meaning of the marks in it, and the sentences below it.
#[must_use]
pub fn render(trace: &Trace, style: Style) -> String {
    let mut parts = Vec::new();
    if !trace.rows.is_empty() {
        let table = rows(trace, style);
        let legend = legend(&table, &style.marks());
        parts.push(table);
        if !legend.is_empty() {
            parts.push(format!("  {}\n", Paint::Faint.on(&legend)));
        }
    }
    let columns = style.columns.saturating_sub(4);
    let sentences = trace.explanation.iter().chain(&trace.standing);
    let lines = sentences.flat_map(|sentence| wrap(&escape(sentence), columns));
    let lines: String = lines.map(|line| format!("  {line}\n")).collect();
    if !lines.is_empty() {
        parts.push(lines);
    }
    parts.join("\n")
}

fn rows(trace: &Trace, style: Style) -> String {
    let marks = style.marks();
    let threads = cells::rows(trace, &marks);
    let rows = trace.rows.iter().zip(threads);
    let wide: Vec<Vec<Cell>> = rows.map(|(row, cells)| line(row, cells, &marks)).collect();
    let names = trace.threads.iter().map(cells::heading).collect();
    table::fitting(&headings(names), &wide, style.columns).unwrap_or_else(|| {
        // Too many threads for a column each: say in each row whose it is.
        let rows = trace.rows.iter().zip(wide);
        let narrow = rows.map(|(row, cells)| fold(trace, row.thread, cells));
        let narrow: Vec<Vec<Cell>> = narrow.collect();
        let names = vec!["thread".to_owned(), "step".to_owned()];
        table::forced(&headings(names), &narrow, style.columns)
    })
}

/// A row with its number before the cells of the threads, and what came of it behind them.
fn line(row: &Row, cells: Vec<Cell>, marks: &Marks) -> Vec<Cell> {
    let holder = row.gil.as_deref();
    let holder = holder.map_or_else(|| marks.nobody.to_owned(), escape);
    let number = Cell::plain(format!("{:>3}", row.number));
    let changes = Cell::plain(escape(&row.changes.join("; ")));
    let first = std::iter::once(number).chain(cells);
    first.chain([Cell::plain(holder), changes]).collect()
}

fn headings(columns: Vec<String>) -> Vec<String> {
    let ends = ["GIL".to_owned(), "what changed".to_owned()];
    let first = std::iter::once("  #".to_owned()).chain(columns);
    first.chain(ends).collect()
}

/// Keeps, of the cells of all threads, the one of the thread that acts.
fn fold(trace: &Trace, thread: usize, mut cells: Vec<Cell>) -> Vec<Cell> {
    let ends = cells.split_off(trace.threads.len() + 1);
    let name = trace
        .threads
        .get(thread)
        .map_or_else(String::new, |thread| escape(&thread.name));
    let step = cells.get(thread + 1).cloned().unwrap_or_default();
    let number = cells.swap_remove(0);
    [number, Cell::plain(name), step]
        .into_iter()
        .chain(ends)
        .collect()
}

/// What the marks mean that the table has.
fn legend(table: &str, marks: &Marks) -> String {
    let meanings = [
        (marks.under_way, "inside the call above"),
        (marks.callback, "in a callback"),
        (marks.waits, "waits"),
        (marks.hangs, "hangs for good"),
        (marks.ended, "ended"),
    ];
    // The ASCII marks of waiting, hanging and ending are words.
    let used = |mark: &str| table.contains(mark) && !mark.starts_with('[');
    let shown = meanings.iter().filter(|(mark, _)| used(mark));
    let shown: Vec<String> = shown
        .map(|(mark, meaning)| format!("{mark} {meaning}"))
        .collect();
    shown.join("   ")
}
