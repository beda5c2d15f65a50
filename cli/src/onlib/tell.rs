//! A run of a libpython as a table: its events by thread, as far as they carry.

use super::library::Ran;
use tstate::sim::diagnostic::LineIndex;
use tstate::sim::events::{End, Event, EventKind, Place, Rest, Seen, Shown};
use tstate::sim::report::{Mark, Row, Trace, TraceThread};
use tstate::sim::scenario::program::{BodyKind, Program, StatementId};
use tstate::sim::verdict::Threads;
use tstate::sync::Branch;
use tstate_driver::TIMED;

/// Makes the rows.
struct Teller<'a> {
    program: &'a Program,
    source: &'a str,
    lines: LineIndex,
    rows: Vec<Row>,
    /// Of each thread: how deep it is in callbacks, and its statements under way.
    depths: Vec<u32>,
    open: Vec<Vec<(StatementId, u32)>>,
    /// The last row of each thread.
    last: Vec<Option<usize>>,
    /// Who holds the GIL, as far as events tell.
    gil: Option<usize>,
    seen: Option<Seen>,
}

/// Tells a run that ended so.
#[must_use]
pub fn tell(program: &Program, source: &str, ran: &Ran, outcome: &str) -> Trace {
    let threads = program.threads.len();
    let mut teller = Teller {
        program,
        source,
        lines: LineIndex::new(source),
        rows: Vec::new(),
        depths: vec![0; threads],
        open: vec![Vec::new(); threads],
        last: vec![None; threads],
        gil: None,
        seen: None,
    };
    for event in &ran.sight.observed.events {
        teller.add(event);
    }
    let rests = &ran.sight.observed.threads;
    for (thread, rest) in rests.iter().enumerate() {
        teller.rest(thread, *rest);
    }
    let standing = (0..threads).filter_map(|thread| teller.standing(thread, ran));
    let standing = standing.collect();
    Trace {
        threads: teller.threads(),
        rows: teller.rows,
        outcome: outcome.to_owned(),
        explanation: explanation(program, ran),
        standing,
        // Who could give what is waited for is not seen from outside.
        waits: Vec::new(),
    }
}

/// How the process ended, and what it left.
fn explanation(program: &Program, ran: &Ran) -> Vec<String> {
    let ending = ending(&ran.sight.observed.end);
    let left = ran.sight.left.into_iter().flat_map(Threads::indexes);
    let left = left.map(|thread| {
        let name = &program.threads[thread].name;
        format!(
            "Finalization is over, and a thread state of {name}, which has ended, was never freed."
        )
    });
    std::iter::once(ending).chain(left).collect()
}

/// How the process ended.
fn ending(end: &End) -> String {
    match end {
        End::Exit(status) => format!("The process ended with status {status}."),
        End::Assertion(_) => "What a statement claims did not hold.".to_owned(),
        End::Fatal(text) => format!("CPython aborted: {text}."),
        End::Crash(signal) => format!("Signal {signal} killed the process."),
        End::Freed => "A thread used memory that had been freed.".to_owned(),
        End::Stuck => "Nobody who has not ended goes on.".to_owned(),
        End::Cut(bound) => format!(
            "The run was cut by a bound ({bound}), when threads had taken turns for half of it."
        ),
    }
}

impl Teller<'_> {
    fn threads(&self) -> Vec<TraceThread> {
        let threads = self.program.threads.iter();
        let kind = |kind: BodyKind| match kind {
            BodyKind::Main => "main",
            BodyKind::Foreign => "foreign",
            BodyKind::Python => "python",
            BodyKind::Daemon => "daemon",
            BodyKind::Callback => "callback",
        };
        let thread = |thread: &tstate::sim::scenario::program::Thread| TraceThread {
            name: thread.name.to_string(),
            kind: kind(self.program.bodies[thread.body.index()].kind),
        };
        threads.map(thread).collect()
    }

    fn add(&mut self, event: &Event) {
        let thread = event.thread.index();
        if thread >= self.open.len() {
            return;
        }
        match event.kind {
            EventKind::Begins(statement) => {
                let depth = self.depths[thread];
                self.open[thread].push((statement, depth));
                self.show(thread, statement, depth, Mark::Begins);
            }
            EventKind::Ends(statement, shown) => self.end(thread, statement, shown),
            EventKind::Enters(_) => self.depths[thread] += 1,
            EventKind::Leaves => self.depths[thread] = self.depths[thread].saturating_sub(1),
            EventKind::Forks(branch) => {
                if let Some((statement, depth)) = self.open[thread].last().copied() {
                    self.show(thread, statement, depth, Mark::Continues);
                }
                let says = match branch {
                    Branch::Parent => "forked: the run goes on as the parent",
                    Branch::Child => "forked: the run goes on as the child",
                };
                self.change(says.to_owned());
            }
        }
        self.look(thread, event.seen);
    }

    /// What the event's thread sees, in the newest row.
    fn look(&mut self, thread: usize, seen: Seen) {
        let before = self.seen.replace(seen);
        if seen.checks && seen.current != Place::Null {
            self.gil = Some(thread);
        } else if self.gil == Some(thread) {
            self.gil = None;
        }
        let gil = self
            .gil
            .map(|thread| self.program.threads[thread].name.to_string());
        if let Some(row) = self.rows.last_mut() {
            row.gil = gil;
        }
        let Some(before) = before else { return };
        if seen.initialized != before.initialized {
            let not = if seen.initialized { "" } else { "not " };
            self.change(format!("{not}initialized"));
        }
        if seen.finalizing && !before.finalizing {
            self.change("finalizing".to_owned());
        }
        if seen.listed != before.listed {
            let noun = if seen.listed == 1 { "state" } else { "states" };
            self.change(format!("{} thread {noun}", seen.listed));
        }
    }

    fn change(&mut self, what: String) {
        if let Some(row) = self.rows.last_mut() {
            row.changes.push(what);
        }
    }

    fn end(&mut self, thread: usize, statement: StatementId, shown: Option<Shown>) {
        let stack = &mut self.open[thread];
        let mut depth = self.depths[thread];
        while let Some((open, at)) = stack.pop() {
            if open == statement {
                depth = at;
                break;
            }
        }
        let newest = self.rows.len().checked_sub(1);
        let line = self.line(statement);
        let begun = newest.filter(|row| {
            let row = &self.rows[*row];
            row.thread == thread && row.line == line && row.mark == Mark::Begins
        });
        match begun {
            Some(row) => self.rows[row].mark = Mark::Whole,
            None => self.show(thread, statement, depth, Mark::Returns),
        }
        if let Some(row) = self.rows.last_mut() {
            row.result = shown.and_then(result);
        }
    }

    fn line(&self, statement: StatementId) -> u32 {
        let span = self.program.statements[statement.index()].span;
        self.lines.line_column(self.source, span.start).0
    }

    fn text(&self, statement: StatementId) -> String {
        let span = self.program.statements[statement.index()].span;
        let text = self.source.get(span.start as usize..span.end as usize);
        let first = text.unwrap_or_default().lines().next().unwrap_or_default();
        let code = first.split("//").next().unwrap_or_default();
        code.trim_end_matches([' ', '{', ';']).trim().to_owned()
    }

    fn show(&mut self, thread: usize, statement: StatementId, depth: u32, mark: Mark) {
        self.last[thread] = Some(self.rows.len());
        self.rows.push(Row {
            number: self.rows.len() as u32 + 1,
            thread,
            text: self.text(statement),
            line: self.line(statement),
            depth,
            mark,
            result: None,
            gil: None,
            changes: Vec::new(),
        });
    }

    /// Marks the last row of a thread by where it is at the end.
    fn rest(&mut self, thread: usize, rest: Rest) {
        let Some(row) = self.last.get(thread).copied().flatten() else {
            return;
        };
        let row = &mut self.rows[row];
        let under_way = !self.open[thread].is_empty();
        match rest {
            Rest::Blocked if under_way => row.mark = Mark::Blocks,
            Rest::Hung => row.mark = Mark::Hangs,
            Rest::Ended | Rest::Exited => row.mark = Mark::Ends,
            Rest::Blocked | Rest::NotStarted | Rest::Gone | Rest::Running => {}
        }
    }

    /// What a thread does that has not ended.
    fn standing(&self, thread: usize, ran: &Ran) -> Option<String> {
        let name = &self.program.threads[thread].name;
        let place = self.open[thread]
            .last()
            .map_or_else(String::new, |(statement, _)| {
                format!(
                    ", in line {} ({}),",
                    self.line(*statement),
                    self.text(*statement)
                )
            });
        let does = match ran.sight.observed.threads.get(thread)? {
            Rest::Blocked => {
                let waits = ran.waits.get(thread).cloned().flatten();
                let what = waits.unwrap_or_else(|| "something of the library".to_owned());
                let whom = ran.sight.waits_for.get(thread).copied().flatten();
                let whom = whom.and_then(|other| self.program.threads.get(usize::from(other)));
                let by =
                    whom.map_or_else(String::new, |other| format!(", and so for {}", other.name));
                format!("waits for {what}{by}")
            }
            Rest::Hung => "was parked for good by the library".to_owned(),
            Rest::Exited => "was ended by the library".to_owned(),
            Rest::Running => {
                let waits = ran.waits.get(thread)?.as_deref();
                let timed = waits.filter(|waits| *waits == TIMED)?;
                format!("is between two waits for {timed}")
            }
            Rest::NotStarted | Rest::Ended | Rest::Gone => return None,
        };
        Some(format!("{name}{place} {does}."))
    }
}

/// What a call returned, if that says something.
fn result(shown: Shown) -> Option<String> {
    Some(match shown {
        Shown::Number(number) => number.to_string(),
        Shown::ThreadState(Place::Listed(place)) => format!("thread state {place}"),
        Shown::ThreadState(Place::Null | Place::Unlisted) => "thread state".to_owned(),
        Shown::Interpreter => "interpreter".to_owned(),
        Shown::Other => return None,
    })
}
