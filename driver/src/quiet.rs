//! Points of a thread between which only code of ours runs, so that it makes no difference at which of the two others go on.
//!
//! | first point | next point |
//! | --- | --- |
//! | the beginning of `lock`, `wait`, `set`, `clear`, `spin until` | its operation |
//! | the beginning of `assert`, `if`, `repeat` | what it reads of others, else the next event |
//! | after the operation of `post` and `unlock` | the statement's end |
//! | a statement's end | the beginning of the next one of its block; the end of an `if`, `repeat` or `choose` around it |
//!
//! Nothing of the library runs in between, nothing is read that another thread writes, and nothing is written that one reads.
//! So a run in which others go on at the first point ends as the one in which the thread comes to the next point before they
//! do, and that one takes the turn no more often. The first point is told without what else could have been decided.
//!
//! A program with signals is left as it is: the first thread looks for them between statements.

use crate::record::tell_no_others;
use crate::schedule::{me, own};
use std::cell::Cell;
use tstate::sim::events::EventKind;
use tstate::sim::scenario::program::{
    Block, Program, Reads, Statement, StatementId, StatementKind, Step,
};

thread_local! {
    /// The last event of the thread, and its point.
    static LAST: Cell<Option<(EventKind, u32)>> = const { Cell::new(None) };
    /// The thread's first point before the event under way.
    static STANDS: Cell<u32> = const { Cell::new(0) };
}

/// What is known of a statement.
#[derive(Clone, Copy, Debug, Default)]
struct About {
    /// What follows it in its block.
    next: Option<StatementId>,
    /// It begins with an operation of ours.
    begins: bool,
    /// It ends with an operation of ours.
    ends: bool,
    /// Only code of ours runs up to the next event, if there is one.
    reads: bool,
    /// It ends when a block in it has ended.
    is_around: bool,
}

/// The statements of a program.
#[derive(Debug)]
pub struct Quiet {
    about: Vec<About>,
    signals: bool,
}

impl Quiet {
    /// Of this program.
    pub fn of(program: &Program) -> Self {
        let mut all = Self {
            about: vec![About::default(); program.statements.len()],
            signals: Reads::of(program).signals,
        };
        let bodies = program.bodies.iter();
        bodies.for_each(|body| all.block(&body.block));
        all
    }

    fn block(&mut self, block: &Block) {
        for pair in block.windows(2) {
            self.about[pair[0].id.index()].next = Some(pair[1].id);
        }
        for statement in block {
            self.statement(statement);
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "of other statements nothing is known"
    )]
    fn statement(&mut self, statement: &Statement) {
        let about = &mut self.about[statement.id.index()];
        match &statement.kind {
            StatementKind::Lock(_)
            | StatementKind::Wait(_)
            | StatementKind::Set(_)
            | StatementKind::Clear(_)
            | StatementKind::SpinUntil(_) => about.begins = true,
            StatementKind::Assert { .. } => about.reads = true,
            StatementKind::Post(_) | StatementKind::Unlock(_) => about.ends = true,
            StatementKind::AllowThreads { block, .. }
            | StatementKind::CriticalSection { block, .. } => self.block(block),
            StatementKind::Repeat { block, .. } => {
                (about.reads, about.is_around) = (true, true);
                self.block(block);
            }
            StatementKind::If {
                then, otherwise, ..
            } => {
                (about.reads, about.is_around) = (true, true);
                self.block(then);
                self.block(otherwise);
            }
            StatementKind::Choose(blocks) => {
                about.is_around = true;
                blocks.iter().for_each(|block| self.block(block));
            }
            StatementKind::Fork { child, parent }
            | StatementKind::Step {
                step: Step::OsFork { child, parent },
                ..
            } => {
                self.block(child);
                self.block(parent);
            }
            _ => {}
        }
    }

    /// The calling thread is about to stand before an event.
    pub fn stands() {
        STANDS.set(own(|schedule| schedule.point(me())));
    }

    /// The event happened: of a point that the next one stands for, nothing else is told that could have been decided.
    pub fn happened(&self, event: EventKind) {
        let Some(point) = own(|schedule| schedule.point(me())).checked_sub(1) else {
            return;
        };
        let last = LAST.replace(Some((event, point)));
        if self.signals {
            return;
        }
        if let Some((last, before)) = last
            && self.follows(last, event)
        {
            tell_no_others(me(), before);
        }
        match event {
            EventKind::Begins(statement) if self.of_statement(statement).begins => {
                tell_no_others(me(), point);
            }
            EventKind::Ends(statement, _) if self.of_statement(statement).ends => {
                tell_no_others(me(), STANDS.get().saturating_sub(1));
            }
            EventKind::Begins(_)
            | EventKind::Ends(..)
            | EventKind::Enters(_)
            | EventKind::Leaves
            | EventKind::Forks(_) => {}
        }
    }

    fn of_statement(&self, statement: StatementId) -> About {
        self.about[statement.index()]
    }

    /// Whether between the thread's last event and this one only code of ours ran.
    fn follows(&self, last: EventKind, event: EventKind) -> bool {
        match (last, event) {
            (EventKind::Begins(last), _) => self.of_statement(last).reads,
            (EventKind::Ends(last, _), EventKind::Begins(statement)) => {
                self.of_statement(last).next == Some(statement)
            }
            (EventKind::Ends(..), EventKind::Ends(around, _)) => {
                self.of_statement(around).is_around
            }
            (
                EventKind::Ends(..)
                | EventKind::Enters(_)
                | EventKind::Leaves
                | EventKind::Forks(_),
                _,
            ) => false,
        }
    }
}
