//! Steps and events of a run in words, from the scenario's own text.

use tstate::sim::diagnostic::LineIndex;
use tstate::sim::events::{Event, EventKind, Place, Seen, Shown};
use tstate::sim::scenario::program::{BodyId, Program, StatementId};
use tstate::sync::Branch;

/// What a program is made of, as written.
#[derive(Debug)]
pub(super) struct Words<'a> {
    program: &'a Program,
    source: &'a str,
    lines: LineIndex,
}

impl<'a> Words<'a> {
    pub(super) fn new(program: &'a Program, source: &'a str) -> Self {
        Self {
            program,
            source,
            lines: LineIndex::new(source),
        }
    }

    /// Which step it is, without what came of it: `worker: g = PyGILState_Ensure()`.
    pub(super) fn step(&self, event: &Event) -> String {
        let what = match event.kind {
            EventKind::Begins(id) => format!("{} begins", self.statement(id)),
            EventKind::Ends(id, _) => self.statement(id),
            EventKind::Enters(body) => format!("{} is entered", self.body(body)),
            EventKind::Leaves => "its callback is left".to_owned(),
            EventKind::Forks(Branch::Parent) => "forks, and the parent is followed".to_owned(),
            EventKind::Forks(Branch::Child) => "forks, and the child is followed".to_owned(),
        };
        format!("{}: {what}", self.thread(event))
    }

    /// The line of the step's statement.
    pub(super) fn line(&self, event: &Event) -> Option<u32> {
        let (EventKind::Begins(id) | EventKind::Ends(id, _)) = event.kind else {
            return None;
        };
        let span = self.program.statements.get(id.index())?.span;
        Some(self.lines.line_column(self.source, span.start).0)
    }

    /// The step, what came of it, and what its thread sees.
    pub(super) fn event(&self, event: &Event) -> String {
        let result = match event.kind {
            EventKind::Ends(_, Some(shown)) => format!(" = {}", self::shown(shown)),
            EventKind::Begins(_)
            | EventKind::Ends(_, None)
            | EventKind::Enters(_)
            | EventKind::Leaves
            | EventKind::Forks(_) => String::new(),
        };
        format!("{}{result} [{}]", self.step(event), seen(&event.seen))
    }

    /// What the model said, in words if it is an event.
    pub(super) fn model(&self, text: &str) -> String {
        match text.parse::<Event>() {
            Ok(event) => self.event(&event),
            Err(_) => text.to_owned(),
        }
    }

    fn thread(&self, event: &Event) -> &'a str {
        let thread = self.program.threads.get(event.thread.index());
        thread.map_or("?", |thread| &thread.name)
    }

    fn body(&self, id: BodyId) -> &'a str {
        let body = self.program.bodies.get(id.index());
        body.map_or("?", |body| &body.name)
    }

    /// The statement as written, of a block its first line.
    fn statement(&self, id: StatementId) -> String {
        let info = self.program.statements.get(id.index());
        let text = info.and_then(|info| {
            let range = info.span.start as usize..info.span.end as usize;
            self.source.get(range)
        });
        let first = text.unwrap_or("?").lines().next().unwrap_or("?");
        let code = first.split("//").next().unwrap_or(first);
        code.trim().trim_end_matches(';').to_owned()
    }
}

fn shown(shown: Shown) -> String {
    match shown {
        Shown::Number(number) => number.to_string(),
        Shown::ThreadState(place) => format!("thread state {}", self::place(place)),
        Shown::Interpreter => "an interpreter".to_owned(),
        Shown::Other => "something".to_owned(),
    }
}

fn seen(seen: &Seen) -> String {
    let mut words = Vec::new();
    words.push(match (seen.initialized, seen.finalizing) {
        (true, true) => "initialized, finalizing".to_owned(),
        (true, false) => "initialized".to_owned(),
        (false, true) => "finalizing".to_owned(),
        (false, false) => "not initialized".to_owned(),
    });
    words.push(match seen.listed {
        1 => "1 thread state".to_owned(),
        listed => format!("{listed} thread states"),
    });
    words.push(format!("current {}", place(seen.current)));
    if seen.checks {
        words.push("PyGILState_Check".to_owned());
    }
    words.join(", ")
}

fn place(place: Place) -> String {
    match place {
        Place::Null => "NULL".to_owned(),
        Place::Listed(number) => format!("#{number}"),
        Place::Unlisted => "unlisted".to_owned(),
    }
}
