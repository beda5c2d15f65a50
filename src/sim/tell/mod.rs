//! Tells a run: from steps to rows that a reader follows.
//!
//! Steps of one thread within one statement make one row. Statements that touch nothing a reader would look at (a whole
//! call between two steps of the same thread) make a row of their own all the same: the table has every statement.

mod explain;
mod guards;
mod sight;
mod waits;

use super::driver::{Listener, Machine, Value};
use super::explorer::Run as _;
use super::graph::{Choice, Move};
use super::noted::Noted;
use super::replay::Stage;
use super::report::{Account, Mark, Row, Trace, TraceThread};
use super::scenario::program::{BodyId, BodyKind, Program, StatementId};
use super::verdict::Outcome;
use super::world::Standing;
use crate::runtime::Phase;
use crate::sync::{Branch, ThreadIndex};
use explain::Explainer;
use guards::{GuardLines, guards_of};
use sight::{Sight, Stands};

/// What happened, in order, each with what the state looked like then.
#[derive(Clone, Copy, Debug)]
enum Event {
    Begins(ThreadIndex, StatementId, u32),
    Ends(ThreadIndex, StatementId, Option<Value>),
    /// A step was taken.
    Step(ThreadIndex, Option<Move>, u16),
}

/// What a reader is told of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Glance {
    gil: Option<ThreadIndex>,
    attached: u16,
    wants_gil: u16,
    hung: u16,
    ended: u16,
    requested: u16,
    owners: [u8; 16],
    guards: u128,
    finalizing: bool,
    initialized: bool,
    pending: usize,
    phase: Phase,
}

/// An event, what the state looked like after it, and what else there was to see if all is to be told.
#[derive(Debug)]
struct Noting {
    event: Event,
    glance: Glance,
    sight: Option<Box<Sight>>,
}

#[derive(Debug, Default)]
struct Told {
    events: Vec<Noting>,
    depths: [u32; 16],
    /// How the threads stood after the last step.
    stands: Vec<Stands>,
    /// What the state looked like after each step, where all is to be told.
    looks: Vec<String>,
}

/// Listens to a run.
#[derive(Debug, Default)]
pub(super) struct Teller {
    told: Noted<Told>,
    /// Whether all that can be seen of the states is to be told.
    in_detail: bool,
    /// The steps after which every thread's turn has a row of its own, if there is such a part.
    round: Option<u32>,
}

impl Teller {
    /// One that tells all that can be seen; after `round` steps, if given, also the turns in which nothing changes.
    pub(super) fn in_detail(round: Option<u32>) -> Self {
        Self {
            in_detail: true,
            round,
            ..Self::default()
        }
    }

    fn tell(&self, machine: &Machine, event: impl FnOnce(&Told) -> Event) {
        self.told.with(|told| {
            let event = event(told);
            let sight = self
                .in_detail
                .then(|| Box::new(Sight::of(machine, &told.stands)));
            told.events.push(Noting {
                event,
                glance: glance(machine),
                sight,
            });
        });
    }

    pub(super) fn step(&self, stage: &Stage<'_>, choice: Option<Choice>) {
        let machine = stage.judge.machine();
        let thread = choice.map_or(ThreadIndex::FIRST, |choice| {
            ThreadIndex::new(choice.thread())
        });
        let blocked = bits(machine, |thread| {
            matches!(stage.world.standing(thread), Standing::Blocked(_))
        });
        if self.in_detail {
            self.told.with(|told| {
                told.stands = Stands::all(stage);
                told.looks.push(stage.judge.label(&stage.world));
            });
        }
        self.tell(machine, |_| {
            Event::Step(thread, choice.map(Choice::action), blocked)
        });
    }

    fn deeper(&self, thread: ThreadIndex, by: i32) {
        self.told.with(|told| {
            let depth = &mut told.depths[thread.index()];
            *depth = depth.saturating_add_signed(by);
        });
    }
}

impl Listener for Teller {
    fn begins(&self, machine: &Machine, thread: ThreadIndex, statement: StatementId) {
        self.tell(machine, |told| {
            Event::Begins(thread, statement, told.depths[thread.index()])
        });
    }

    fn ends(
        &self,
        machine: &Machine,
        thread: ThreadIndex,
        statement: StatementId,
        result: Option<Value>,
    ) {
        self.tell(machine, |_| Event::Ends(thread, statement, result));
    }

    fn enters(&self, _: &Machine, thread: ThreadIndex, _: BodyId) {
        self.deeper(thread, 1);
    }

    fn leaves(&self, _: &Machine, thread: ThreadIndex) {
        self.deeper(thread, -1);
    }
}

/// The threads of which this holds, as bits.
fn bits(machine: &Machine, holds: impl Fn(ThreadIndex) -> bool) -> u16 {
    let threads = (0..machine.program().threads.len()).map(ThreadIndex::new);
    threads
        .filter(|thread| !machine.is_gone(*thread) && holds(*thread))
        .fold(0, |bits, thread| bits | 1 << thread.index())
}

fn glance(machine: &Machine) -> Glance {
    let runtime = &machine.runtime;
    let mut owners = [0; 16];
    for (owner, mutex) in owners.iter_mut().zip(machine.mutexes()) {
        *owner = mutex.owner().map_or(0, |thread| thread.index() as u8 + 1);
    }
    Glance {
        gil: runtime.gil_holder(),
        attached: bits(machine, |thread| runtime.attached(thread)),
        wants_gil: bits(machine, |thread| runtime.waits_for_gil(thread)),
        hung: bits(machine, |thread| runtime.hung(thread)),
        ended: bits(machine, |thread| machine.ended(thread)),
        requested: bits(machine, |thread| runtime.drop_requested(thread)),
        owners,
        guards: guards_of(machine),
        finalizing: runtime.finalizing(),
        initialized: runtime.initialized(),
        pending: runtime.pending(),
        phase: runtime.phase(),
    }
}

/// The story of the run that `teller` listened to.
pub(super) fn tell(teller: &Teller, stage: &Stage<'_>, source: &str, outcome: &Outcome) -> Account {
    let told = teller.told.take();
    let program = stage.judge.machine().program();
    let mut rows = Rows::new(program, source);
    rows.round = teller.round;
    for (number, noting) in told.events.iter().enumerate() {
        rows.add(number, noting.event, &noting.glance);
    }
    rows.close(outcome);
    let (mut trace, stamps) = rows.finish();
    trace.threads = program
        .threads
        .iter()
        .map(|thread| TraceThread {
            name: thread.name.to_string(),
            kind: match program.bodies[thread.body.index()].kind {
                BodyKind::Main => "main",
                BodyKind::Foreign => "foreign",
                BodyKind::Python => "python",
                BodyKind::Daemon => "daemon",
                BodyKind::Callback => "callback",
            },
        })
        .collect();
    trace.outcome = super::names::outcome_text(program, outcome);
    let explainer = Explainer {
        judge: &stage.judge,
        world: &stage.world,
        lines: &rows.lines,
        open: &rows.open,
        since: rows.since,
        guards: &rows.guards,
    };
    trace.standing = explainer.standing();
    trace.explanation = explainer.explain(outcome);
    trace.waits = explainer.all_waits();
    let seen = stamps
        .iter()
        .filter_map(|stamp| told.events.get(stamp.event)?.sight.as_deref());
    Account {
        states: seen.map(|sight| sight.state(program)).collect(),
        steps: stamps.iter().map(|stamp| stamp.steps).collect(),
        looks: told.looks,
        trace,
    }
}

/// Line starts of the scenario's text.
struct Lines<'a> {
    source: &'a str,
}

impl Lines<'_> {
    fn line(&self, offset: u32) -> u32 {
        self.source.as_bytes()[..(offset as usize).min(self.source.len())]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count() as u32
            + 1
    }

    /// The text of a statement, its first line, without a trailing brace or comment.
    fn text(&self, start: u32, end: u32) -> String {
        let text = self
            .source
            .get(start as usize..end as usize)
            .unwrap_or_default();
        let first = text.lines().next().unwrap_or_default();
        first
            .split("//")
            .next()
            .unwrap_or_default()
            .trim_end_matches([' ', '{', ';'])
            .trim()
            .to_owned()
    }
}

/// A statement under way.
#[derive(Clone, Copy, Debug)]
struct Open {
    statement: StatementId,
    depth: u32,
}

/// The lines since which things are held.
#[derive(Clone, Copy, Debug, Default)]
struct Since {
    gil: u32,
    mutexes: [u32; 16],
}

impl Since {
    fn note(&mut self, before: &Glance, after: &Glance, line: u32) {
        if before.gil != after.gil {
            self.gil = line;
        }
        for (since, (was, is)) in self
            .mutexes
            .iter_mut()
            .zip(before.owners.iter().zip(after.owners))
        {
            if *was != is {
                *since = line;
            }
        }
    }
}

/// Where in the run a row ends.
#[derive(Clone, Copy, Debug, Default)]
struct Stamp {
    /// The number of the last event that belongs to it.
    event: usize,
    /// The steps taken up to there.
    steps: u32,
}

struct Rows<'a> {
    program: &'a Program,
    lines: Lines<'a>,
    rows: Vec<Row>,
    /// Where each row ends so far.
    stamps: Vec<Stamp>,
    /// The event under way.
    now: Stamp,
    /// The number of the last step's event.
    step: usize,
    /// The steps after which every turn has a row.
    round: Option<u32>,
    /// The statements under way, innermost last, for each thread.
    open: Vec<Vec<Open>>,
    /// The threads that have begun a statement, as bits.
    begun: u16,
    since: Since,
    /// The lines in which guards were opened.
    guards: GuardLines,
    before: Option<Glance>,
    /// The thread of the last event in the step under way.
    acting: Option<ThreadIndex>,
    /// The thread that took the last step.
    stepped: Option<ThreadIndex>,
    /// The row that the last event belongs to.
    last_row: Option<usize>,
}

impl<'a> Rows<'a> {
    fn new(program: &'a Program, source: &'a str) -> Self {
        Self {
            program,
            lines: Lines { source },
            rows: Vec::new(),
            stamps: Vec::new(),
            now: Stamp::default(),
            step: 0,
            round: None,
            open: vec![Vec::new(); program.threads.len()],
            begun: 0,
            since: Since::default(),
            guards: GuardLines::default(),
            before: None,
            acting: None,
            stepped: None,
            last_row: None,
        }
    }

    fn add(&mut self, number: usize, event: Event, glance: &Glance) {
        self.now.event = number;
        match event {
            Event::Begins(thread, statement, depth) => {
                self.note(thread, glance);
                self.begun |= 1 << thread.index();
                self.open[thread.index()].push(Open { statement, depth });
                self.show(thread, Mark::Begins);
            }
            Event::Ends(thread, statement, result) => {
                self.note(thread, glance);
                self.end(thread, statement, result);
            }
            Event::Step(thread, action, blocked) => {
                self.now.steps += u32::from(action.is_some());
                self.note(thread, glance);
                self.stepped = Some(thread);
                self.acting = None;
                if let Some(Move::Fork(branch)) = action {
                    self.fork(thread, branch);
                }
                if action == Some(Move::TimeOut) && self.is_round_told() {
                    self.say(thread, "its wait times out");
                }
                self.stand(thread, action, blocked, glance);
                self.step = number;
            }
        }
    }

    /// Notes what changed since the last event, in the row of the thread that did it: the one that steps, or the one
    /// whose step let `thread` begin.
    fn note(&mut self, thread: ThreadIndex, glance: &Glance) {
        let thread = self.acting.replace(thread).unwrap_or(thread);
        let Some(before) = self.before.replace(*glance) else {
            return;
        };
        let changes = self.changes(&before, glance);
        let in_round = self.round.is_some_and(|from| self.now.steps > from);
        if !self.in_row(thread) || (in_round && !self.is_round_told()) {
            if changes.is_empty() && !in_round {
                return;
            }
            self.show(thread, Mark::Continues);
        }
        let gil = self.holder(glance);
        if let Some(row) = self.rows.last_mut() {
            row.gil = gil;
            row.changes.extend(changes);
            self.since.note(&before, glance, row.line);
            self.guards.note(before.guards, glance.guards, row.line);
        }
        self.stamp();
    }

    /// Whether the last row is of the part in which every turn has one.
    fn is_round_told(&self) -> bool {
        let last = self.stamps.last().map_or(0, |stamp| stamp.steps);
        self.round.is_some_and(|from| last > from)
    }

    /// Notes that the last row goes as far as the event under way.
    fn stamp(&mut self) {
        if let Some(stamp) = self.stamps.last_mut() {
            *stamp = self.now;
        }
    }

    /// Who holds the GIL, by name.
    fn holder(&self, glance: &Glance) -> Option<String> {
        glance
            .gil
            .map(|holder| self.program.threads[holder.index()].name.to_string())
    }

    /// Whether the last row is the thread's.
    fn in_row(&self, thread: ThreadIndex) -> bool {
        self.last_row
            .is_some_and(|row| self.rows[row].thread == thread.index())
    }

    /// The thread's row, if it is the last one or another thread began only in the step that this one has just taken.
    fn row_of_step(&self, thread: ThreadIndex) -> Option<usize> {
        let own = self
            .rows
            .iter()
            .rposition(|row| row.thread == thread.index())?;
        let is_of_step = self.stamps[own].event > self.step;
        (is_of_step || self.in_row(thread)).then_some(own)
    }

    /// Says which process the run goes on as.
    fn fork(&mut self, thread: ThreadIndex, branch: Branch) {
        self.say(
            thread,
            match branch {
                Branch::Parent => "forked: the run goes on as the parent",
                Branch::Child => "forked: the run goes on as the child",
            },
        );
    }

    /// Adds to what changed in the thread's row.
    fn say(&mut self, thread: ThreadIndex, change: &str) {
        if !self.in_row(thread) {
            self.show(thread, Mark::Continues);
        }
        if let Some(row) = self.rows.last_mut() {
            row.changes.push(change.to_owned());
        }
    }

    /// Marks how the thread stands after its step.
    fn stand(&mut self, thread: ThreadIndex, action: Option<Move>, blocked: u16, glance: &Glance) {
        let bit = 1 << thread.index();
        let Some(at) = self.row_of_step(thread).filter(|_| action.is_some()) else {
            return;
        };
        self.stamps[at] = self.now;
        let row = &mut self.rows[at];
        if glance.hung & bit != 0 {
            row.mark = Mark::Hangs;
        } else if blocked & bit != 0 {
            row.mark = Mark::Blocks;
        }
    }

    /// Says in a last row what the run came to, where one thread's step made it so.
    fn close(&mut self, outcome: &Outcome) {
        let Some(thread) = self.stepped else { return };
        if !matches!(
            outcome.process().0,
            Outcome::Fatal(_) | Outcome::Crash(_) | Outcome::Assertion(_)
        ) {
            return;
        }
        if !self.in_row(thread) {
            self.show(thread, Mark::Continues);
        }
        let text = super::names::outcome_text(self.program, outcome);
        if let Some(row) = self.rows.last_mut() {
            row.changes.push(text);
        }
    }

    /// Shows the innermost statement of the thread in a new row; a thread that is in none is starting or ending.
    fn show(&mut self, thread: ThreadIndex, mark: Mark) {
        let (text, line, depth) = match self.open[thread.index()].last() {
            Some(open) => {
                let span = self.program.statements[open.statement.index()].span;
                (
                    self.lines.text(span.start, span.end),
                    self.lines.line(span.start),
                    open.depth,
                )
            }
            None => {
                let body = &self.program.bodies[self.program.threads[thread.index()].body.index()];
                let text = if self.begun & 1 << thread.index() == 0 {
                    "(starts)"
                } else {
                    "(ends)"
                };
                (text.to_owned(), self.lines.line(body.span.start), 0)
            }
        };
        let number = self.rows.len() as u32 + 1;
        let thread = thread.index();
        self.rows.push(Row {
            number,
            thread,
            text,
            line,
            depth,
            mark,
            result: None,
            gil: self.before.and_then(|glance| self.holder(&glance)),
            changes: Vec::new(),
        });
        self.stamps.push(self.now);
        self.last_row = Some(self.rows.len() - 1);
    }

    fn end(&mut self, thread: ThreadIndex, statement: StatementId, result: Option<Value>) {
        let stack = &mut self.open[thread.index()];
        while let Some(open) = stack.pop() {
            if open.statement == statement {
                break;
            }
        }
        let line = self
            .lines
            .line(self.program.statements[statement.index()].span.start);
        let same = self
            .last_row
            .filter(|row| self.rows[*row].thread == thread.index() && self.rows[*row].line == line);
        if let Some(row) = same {
            let row = &mut self.rows[row];
            row.mark = match row.mark {
                Mark::Begins | Mark::Whole => Mark::Whole,
                Mark::Continues | Mark::Returns | Mark::Blocks | Mark::Hangs | Mark::Ends => {
                    Mark::Returns
                }
            };
            row.result = result.and_then(result_text);
        }
    }

    fn changes(&self, before: &Glance, after: &Glance) -> Vec<String> {
        let name = |thread: usize| &*self.program.threads[thread].name;
        let mut changes = Vec::new();
        let mut say = |was: u16, is: u16, text: &dyn Fn(&str) -> String| {
            for thread in
                (0..self.program.threads.len()).filter(|thread| is & !was & 1 << thread != 0)
            {
                changes.push(text(name(thread)));
            }
        };
        say(before.attached, after.attached, &|name| {
            format!("{name} attached")
        });
        say(after.attached, before.attached, &|name| {
            format!("{name} detached")
        });
        say(before.wants_gil, after.wants_gil, &|name| {
            format!("{name} waits for the GIL")
        });
        say(before.requested, after.requested, &|name| {
            format!("{name} is asked to drop the GIL")
        });
        say(before.ended, after.ended, &|name| format!("{name} ends"));
        say(before.hung, after.hung, &|name| {
            format!("{name} hangs for good")
        });
        if !before.initialized && after.initialized {
            changes.push("initialized".to_owned());
        }
        if !before.finalizing && after.finalizing {
            changes.push("finalizing".to_owned());
        }
        if let Some(open) = guards::change(before.guards, after.guards) {
            changes.push(open);
        }
        if before.pending != after.pending {
            changes.push(format!("{} pending", after.pending));
        }
        for (index, mutex) in self.program.mutexes.iter().enumerate().take(16) {
            match (before.owners[index], after.owners[index]) {
                (old, new) if old == new => {}
                (_, 0) => changes.push(format!("{} free", mutex.name)),
                (_, owner) => {
                    changes.push(format!("{}: {}", mutex.name, name(usize::from(owner) - 1)))
                }
            }
        }
        changes
    }

    fn finish(&mut self) -> (Trace, Vec<Stamp>) {
        let mut rows: Vec<Row> = Vec::new();
        let mut stamps: Vec<Stamp> = Vec::new();
        let mut again = 0_u32;
        let told = std::mem::take(&mut self.rows).into_iter();
        for (mut row, stamp) in told.zip(std::mem::take(&mut self.stamps)) {
            forget_short_waits(&mut row);
            if let [.., last] = rows.as_slice()
                && same(last, &row)
            {
                again += 1;
                stamps.pop();
                stamps.push(stamp);
                continue;
            }
            close_repeats(&mut rows, &mut again);
            rows.push(row);
            stamps.push(stamp);
        }
        close_repeats(&mut rows, &mut again);
        for (number, row) in rows.iter_mut().enumerate() {
            row.number = number as u32 + 1;
        }
        let trace = Trace {
            rows,
            ..Trace::default()
        };
        (trace, stamps)
    }
}

/// A wait for the GIL that ended in the same row is not worth a word.
fn forget_short_waits(row: &mut Row) {
    let attached: Vec<String> = row
        .changes
        .iter()
        .filter_map(|change| change.strip_suffix(" attached"))
        .map(str::to_owned)
        .collect();
    row.changes.retain(|change| {
        change
            .strip_suffix(" waits for the GIL")
            .is_none_or(|name| !attached.iter().any(|attached| attached == name))
    });
}

/// Whether two rows say the same but for their numbers.
fn same(one: &Row, other: &Row) -> bool {
    Row {
        number: other.number,
        ..one.clone()
    } == *other
}

/// Says how often the last row was left out.
fn close_repeats(rows: &mut [Row], again: &mut u32) {
    if let Some(last) = rows.last_mut()
        && *again > 0
    {
        last.changes.push(format!("{again} more times"));
    }
    *again = 0;
}

fn result_text(value: Value) -> Option<String> {
    let Value::Number(number) = value else {
        return None;
    };
    (number != 0).then(|| number.to_string())
}
