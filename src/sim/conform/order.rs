//! The call-level order of a run that a schedule names, and what it came to.

use super::follow::Ending as _;
use crate::runtime::{Over, Profile, Runtime};
use crate::sim::driver::Machine;
use crate::sim::events::{Event, EventKind, Events, Rest, Witness};
use crate::sim::graph::Choice;
use crate::sim::judge::Notes;
use crate::sim::names::outcome_text;
use crate::sim::noted::Noted;
use crate::sim::replay::{GENEROUS, Stage};
use crate::sim::scenario::program::Program;
use crate::sim::verdict::Outcome;
use crate::sim::world::Tuning;
use crate::sync::ThreadIndex;
use std::sync::Arc;

/// A run as its calls follow one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ordered {
    /// The beginnings and ends of statements and callbacks, in order.
    pub events: Vec<Event>,
    /// What it came to.
    pub outcome: Outcome,
    /// That in the scenario language's words.
    pub text: String,
    /// Where each thread is then.
    pub rests: Vec<Rest>,
    /// The process ended by what this thread did last: it was the first, or a child's own.
    pub ended_by: Option<ThreadIndex>,
    /// How many forks the run followed into the child.
    pub generation: u8,
}

/// The events as they are told: a statement begins as late as its first step allows, and one that takes none does not
/// begin, unless its thread waits in it at the end. So nothing is said to be under way that has done nothing.
struct Told {
    events: Vec<Event>,
    /// The statement that each thread stands before.
    delayed: Vec<Option<Event>>,
}

impl Told {
    fn new(threads: usize) -> Self {
        Self {
            events: Vec::new(),
            delayed: vec![None; threads],
        }
    }

    /// The thread goes on.
    fn moves(&mut self, thread: usize) {
        self.events.extend(self.delayed[thread].take());
    }

    /// What happened in one step.
    fn step(&mut self, events: Vec<Event>) {
        for event in events {
            let thread = event.thread.index();
            self.moves(thread);
            if matches!(event.kind, EventKind::Begins(_)) {
                self.delayed[thread] = Some(event);
            } else {
                self.events.push(event);
            }
        }
    }

    fn over(mut self, outcome: &Outcome, rests: &[Rest]) -> Vec<Event> {
        let goes_on = matches!(outcome.process().0, Outcome::Livelock(_));
        for (thread, rest) in rests.iter().enumerate() {
            if *rest != Rest::Running || goes_on {
                self.moves(thread);
            }
        }
        self.events
    }
}

#[derive(Debug, Default)]
struct Ear(Noted<Vec<Event>>);

impl Witness<Runtime> for Arc<Ear> {
    fn stands_before(&self, _: ThreadIndex) {}

    fn happens(&self, _: &Machine, event: Event) {
        self.0.with(|events| events.push(event));
    }
}

/// The run that `choices` stand for; `None` if one of them is not possible.
#[must_use]
pub fn ordered(program: &Arc<Program>, profile: Profile, choices: &[Choice]) -> Option<Ordered> {
    let notes = Notes::default();
    let ear = Arc::new(Ear::default());
    let listener = Arc::new(Events(Arc::clone(&ear)));
    let stage = Stage::listening(program, profile, &notes, Tuning::default(), listener);
    let mut told = Told::new(program.threads.len());
    let (outcome, rests, ended_by, generation) = stage.play(|walk| {
        let mut now = Vec::new();
        let mut look = walk.settle();
        told.step(ear.0.take());
        for choice in choices {
            if look.over {
                break;
            }
            now.clear();
            let _ = walk.choices(&GENEROUS, &mut now);
            if !now.contains(choice) {
                return None;
            }
            told.moves(choice.thread());
            look = walk.step(*choice);
            told.step(ear.0.take());
        }
        let machine = stage.judge.machine();
        let ended = match machine.runtime.over() {
            None => machine.process_ended().then(|| machine.first()),
            // A child of `os.fork` ends where its block does, on the only thread that it has.
            Some(Over::Exit(0)) if machine.generation() > 0 && machine.failed().is_none() => {
                Some(ThreadIndex::new(walk.last))
            }
            Some(_) => None,
        };
        Some((
            stage.outcome(walk, look),
            stage.judge.rests(&stage.world),
            ended,
            machine.generation(),
        ))
    })?;
    Some(Ordered {
        events: told.over(&outcome, &rests),
        text: outcome_text(program, &outcome),
        outcome,
        rests,
        ended_by,
        generation,
    })
}
