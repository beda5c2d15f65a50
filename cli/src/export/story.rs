//! A run as one list of statements for each thread and callback, with the turns by which they follow one another.
//!
//! A turn is a stretch of events of one thread. Statements that do nothing of their own in C (loops, branches, `return`)
//! have none: what they led to stands in their place.

use std::collections::BTreeMap;
use tstate::sim::conform::Ordered;
use tstate::sim::events::{Event, EventKind, Rest};
use tstate::sim::scenario::program::{
    Block, BodyId, Program, Statement, StatementId, StatementKind, Step, ThreadId,
};
use tstate::sync::Branch;

/// What a thread or a callback does, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// Waits for this turn.
    Turn(usize),
    /// Gives this turn to that thread.
    Pass(usize, usize),
    /// Enters a statement.
    Begins(StatementId),
    /// Has left it.
    Ends(StatementId),
    /// The process ends with this thread.
    Finish,
}

/// One run of a body.
#[derive(Clone, Debug)]
pub(super) struct Activation {
    /// The thread that runs it.
    pub(super) thread: usize,
    /// The body.
    pub(super) body: BodyId,
    /// What it does.
    pub(super) items: Vec<Item>,
    /// It ran up to its end.
    pub(super) left: bool,
    /// The `return` that it came to.
    pub(super) returns: Option<StatementId>,
}

/// A fork of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Forked {
    /// The turn that the fork waits for; 0 if none.
    pub(super) turn: usize,
    /// The run goes on as the child.
    pub(super) as_child: bool,
    /// The turn given on after it, and to whom.
    pub(super) pass: Option<(usize, usize)>,
}

/// The whole run.
#[derive(Clone, Debug, Default)]
pub(super) struct Story {
    /// All runs of bodies, in the order in which they began.
    pub(super) activations: Vec<Activation>,
    /// The forks in order.
    pub(super) forks: Vec<Forked>,
    /// The last turn.
    pub(super) last_turn: usize,
}

/// The statements of a program by their numbers.
pub(super) type Statements<'a> = BTreeMap<u16, &'a Statement>;

/// Finds all statements.
pub(super) fn statements(program: &Program) -> Statements<'_> {
    let mut found = BTreeMap::new();
    for body in &program.bodies {
        collect(&body.block, &mut found);
    }
    found
}

fn collect<'a>(block: &'a Block, found: &mut Statements<'a>) {
    for statement in block {
        found.insert(statement.id.0, statement);
        for inner in blocks_of(statement) {
            collect(inner, found);
        }
    }
}

fn blocks_of(statement: &Statement) -> Vec<&Block> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the other kinds have no blocks"
    )]
    match &statement.kind {
        StatementKind::AllowThreads { block, .. }
        | StatementKind::CriticalSection { block, .. }
        | StatementKind::Repeat { block, .. } => vec![block],
        StatementKind::If {
            then, otherwise, ..
        } => vec![then, otherwise],
        StatementKind::Fork { child, parent }
        | StatementKind::Step {
            step: Step::OsFork { child, parent },
            ..
        } => vec![child, parent],
        StatementKind::Choose(blocks) => blocks.iter().collect(),
        _ => Vec::new(),
    }
}

/// Whether a statement is none in C: what it led to stands for it.
fn is_silent(statement: &Statement) -> bool {
    matches!(
        statement.kind,
        StatementKind::Repeat { .. }
            | StatementKind::If { .. }
            | StatementKind::Choose(_)
            | StatementKind::CriticalSection { .. }
            | StatementKind::Return(_)
    )
}

#[derive(Clone, Copy)]
enum Moment {
    Event(Event),
    Finish,
}

impl Story {
    /// The story of a run.
    pub(super) fn of(program: &Program, ordered: &Ordered) -> Self {
        let statements = statements(program);
        let mut teller = Teller {
            program,
            story: Self::default(),
            stacks: vec![Vec::new(); program.threads.len()],
        };
        let is_told = |event: &Event| match event.kind {
            EventKind::Begins(id) | EventKind::Ends(id, _) => {
                statements.get(&id.0).is_none_or(|found| !is_silent(found))
            }
            EventKind::Enters(_) | EventKind::Leaves | EventKind::Forks(_) => true,
        };
        // A `return` is none, but says what is returned.
        let mut moments = Vec::new();
        for event in &ordered.events {
            if is_told(event) {
                moments.push((event.thread.index(), Moment::Event(*event)));
            } else if let EventKind::Begins(id) = event.kind
                && let Some(StatementKind::Return(_)) =
                    statements.get(&id.0).map(|found| &found.kind)
            {
                moments.push((event.thread.index(), Moment::Event(*event)));
            }
        }
        // One that finalization ends does so inside a statement.
        if let Some(first) = ordered.ended_by
            && ordered.rests.get(first.index()) != Some(&Rest::Exited)
        {
            moments.push((first.index(), Moment::Finish));
        }
        let mut turn = 0;
        for (place, &(thread, moment)) in moments.iter().enumerate() {
            let before = place.checked_sub(1).map(|before| moments[before].0);
            let after = moments.get(place + 1).map(|(after, _)| *after);
            let starts = before.is_some_and(|before| before != thread);
            if starts {
                turn += 1;
            }
            let waits = starts.then_some(turn);
            let pass = after
                .filter(|after| *after != thread)
                .map(|after| (turn + 1, after));
            teller.moment(&statements, thread, moment, waits, pass);
        }
        teller.story.last_turn = turn;
        teller.story
    }
}

struct Teller<'a> {
    program: &'a Program,
    story: Story,
    stacks: Vec<Vec<usize>>,
}

impl Teller<'_> {
    fn moment(
        &mut self,
        statements: &Statements<'_>,
        thread: usize,
        moment: Moment,
        waits: Option<usize>,
        pass: Option<(usize, usize)>,
    ) {
        if let Moment::Event(Event {
            kind: EventKind::Forks(branch),
            ..
        }) = moment
        {
            self.story.forks.push(Forked {
                turn: waits.unwrap_or(0),
                as_child: branch == Branch::Child,
                pass,
            });
            return;
        }
        let mut leaves = false;
        let item = match moment {
            Moment::Finish => Some(Item::Finish),
            Moment::Event(event) => match event.kind {
                EventKind::Begins(id) => match statements.get(&id.0).map(|found| &found.kind) {
                    Some(StatementKind::Return(_)) => {
                        let top = self.top(thread);
                        self.story.activations[top].returns = Some(id);
                        None
                    }
                    _ => Some(Item::Begins(id)),
                },
                EventKind::Ends(id, _) => Some(Item::Ends(id)),
                EventKind::Enters(body) => {
                    self.enter(thread, body);
                    None
                }
                EventKind::Leaves => {
                    leaves = true;
                    None
                }
                EventKind::Forks(_) => None,
            },
        };
        let top = self.top(thread);
        let activation = &mut self.story.activations[top];
        activation.items.extend(waits.map(Item::Turn));
        activation.items.extend(item);
        let pass = pass.map(|(turn, to)| Item::Pass(turn, to));
        activation.items.extend(pass);
        if leaves {
            activation.left = true;
            self.stacks[thread].pop();
        }
    }

    fn enter(&mut self, thread: usize, body: BodyId) {
        self.stacks[thread].push(self.story.activations.len());
        self.story.activations.push(Activation {
            thread,
            body,
            items: Vec::new(),
            left: false,
            returns: None,
        });
    }

    /// The innermost run of a body on this thread; its own, if there is none yet.
    fn top(&mut self, thread: usize) -> usize {
        if let Some(top) = self.stacks[thread].last() {
            return *top;
        }
        let body = self.program.threads[ThreadId(thread as u8).index()].body;
        self.enter(thread, body);
        self.story.activations.len() - 1
    }
}
