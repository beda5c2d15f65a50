//! What stands in the cells of a counterexample: who acts, who is inside a call, who waits.

use super::paint::{Paint, escape};
use tstate::sim::report::{Mark, Row, Trace, TraceThread};

/// The marks of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// The thread does nothing in this row.
    pub idle: &'static str,
    /// A statement of the thread is under way.
    pub under_way: &'static str,
    /// The statement belongs to a callback inside the one above.
    pub callback: &'static str,
    /// The thread waits.
    pub waits: &'static str,
    /// The thread hangs for good.
    pub hangs: &'static str,
    /// The thread ended.
    pub ended: &'static str,
    /// Nobody.
    pub nobody: &'static str,
    /// What a call returned.
    pub arrow: &'static str,
}

impl Marks {
    /// The marks for any terminal that has a Unicode font.
    pub const UNICODE: Self = Self {
        idle: "·",
        under_way: "│",
        callback: "└",
        waits: "⏸",
        hangs: "∞",
        ended: "■",
        nobody: "–",
        arrow: "→",
    };

    /// The marks for everything else.
    pub const ASCII: Self = Self {
        idle: ".",
        under_way: "|",
        callback: "`-",
        waits: "[waits]",
        hangs: "[hangs]",
        ended: "[ended]",
        nobody: "-",
        arrow: "->",
    };
}

/// A cell of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// What stands before the text, in its first line.
    pub lead: String,
    /// What stands there in the lines after.
    pub rest: String,
    /// The text.
    pub text: String,
    /// Its colour.
    pub paint: Option<Paint>,
}

impl Cell {
    /// A cell with a plain text.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    fn faint(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            paint: Some(Paint::Faint),
            ..Self::default()
        }
    }
}

/// The heading of a thread's column: `main`, `worker (foreign)`.
#[must_use]
pub fn heading(thread: &TraceThread) -> String {
    if thread.kind == "main" {
        escape(&thread.name)
    } else {
        format!("{} ({})", escape(&thread.name), thread.kind)
    }
}

/// For each row of the trace, one cell for each thread.
#[must_use]
pub fn rows(trace: &Trace, marks: &Marks) -> Vec<Vec<Cell>> {
    let mut threads = vec![Standing::default(); trace.threads.len()];
    let mut table = Vec::new();
    for row in &trace.rows {
        let mut cells: Vec<Cell> = threads
            .iter_mut()
            .map(|standing| standing.watch(marks))
            .collect();
        if let (Some(cell), Some(standing)) =
            (cells.get_mut(row.thread), threads.get_mut(row.thread))
        {
            *cell = standing.act(row, marks);
        }
        table.push(cells);
    }
    table
}

/// What the rows so far leave of a thread.
#[derive(Clone, Debug, Default)]
struct Standing {
    /// Depths of the statements under way.
    open: Vec<u32>,
    /// How its last row ended.
    last: Option<Mark>,
}

impl Standing {
    /// The cell of a row in which another thread acts. What the thread stands in is shown once; below it only a line.
    fn watch(&mut self, marks: &Marks) -> Cell {
        match self.last {
            Some(Mark::Ends) => Cell::default(),
            Some(Mark::Blocks) => Cell::faint(marks.waits),
            Some(Mark::Hangs) => Cell::faint(marks.hangs),
            None | Some(Mark::Whole | Mark::Begins | Mark::Continues | Mark::Returns) => {
                let under_way = !self.open.is_empty();
                let text = if under_way {
                    marks.under_way
                } else {
                    marks.idle
                };
                Cell {
                    rest: if under_way {
                        marks.under_way.to_owned()
                    } else {
                        String::new()
                    },
                    ..Cell::faint(text)
                }
            }
        }
    }

    /// The cell of a row in which the thread acts.
    fn act(&mut self, row: &Row, marks: &Marks) -> Cell {
        let goes_on = self.open.contains(&row.depth);
        let bar = format!("{} ", marks.under_way);
        let (lead, rest) = match row.depth.checked_sub(1) {
            Some(outer) => {
                let bars = bar.repeat(outer as usize);
                (format!("{bars}{} ", marks.callback), format!("{bars}    "))
            }
            None if goes_on => (bar.clone(), format!("{bar}  ")),
            None => (String::new(), "  ".to_owned()),
        };
        self.open.retain(|depth| *depth < row.depth);
        match row.mark {
            Mark::Begins | Mark::Continues | Mark::Blocks | Mark::Hangs => {
                self.open.push(row.depth)
            }
            Mark::Whole | Mark::Returns | Mark::Ends => {}
        }
        self.last = Some(row.mark);
        Cell {
            lead,
            rest,
            text: text(row, marks),
            paint: None,
        }
    }
}

fn text(row: &Row, marks: &Marks) -> String {
    let mut text = escape(&row.text);
    let mut add = |word: &str| {
        if !text.is_empty() {
            text.push(' ');
        }
        text += word;
    };
    match &row.result {
        Some(result) => add(&format!("{} {}", marks.arrow, escape(result))),
        None if row.mark == Mark::Returns => add("returns"),
        None => {}
    }
    match row.mark {
        Mark::Blocks => add(marks.waits),
        Mark::Hangs => add(marks.hangs),
        Mark::Ends => add(marks.ended),
        Mark::Whole | Mark::Begins | Mark::Continues | Mark::Returns => {}
    }
    text
}
