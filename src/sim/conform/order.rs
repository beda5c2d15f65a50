//! The call-level order of a run that a schedule names, and what it came to.

use super::follow::Ending as _;
use crate::runtime::{Profile, Runtime};
use crate::sim::driver::Machine;
use crate::sim::events::{Event, Events, Rest, Witness};
use crate::sim::graph::Choice;
use crate::sim::judge::Notes;
use crate::sim::names::outcome_text;
use crate::sim::noted::Noted;
use crate::sim::replay::Stage;
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
    /// The process ended by the end of its first thread, which this is.
    pub ended_by: Option<ThreadIndex>,
    /// How many forks the run followed into the child.
    pub generation: u8,
}

#[derive(Debug, Default)]
struct Ear(Noted<Vec<Event>>);

impl Witness<Runtime> for Arc<Ear> {
    fn stands_before(&self, _: ThreadIndex) {}

    fn happens(&self, _: &Machine, event: Event) {
        self.0.with(|events| events.push(event));
    }
}

/// The run that `choices` stand for, which must be possible.
#[must_use]
pub fn ordered(program: &Arc<Program>, profile: Profile, choices: &[Choice]) -> Ordered {
    let notes = Notes::default();
    let ear = Arc::new(Ear::default());
    let listener = Arc::new(Events(Arc::clone(&ear)));
    let stage = Stage::listening(program, profile, &notes, Tuning::default(), listener);
    let (outcome, rests, ended_by, generation) = stage.play(|walk| {
        let mut look = walk.settle();
        for choice in choices {
            if look.over {
                break;
            }
            look = walk.step(*choice);
        }
        let machine = stage.judge.machine();
        let ended = machine.process_ended() && machine.runtime.over().is_none();
        (
            stage.outcome(walk, look),
            stage.judge.rests(&stage.world),
            ended.then(|| machine.first()),
            machine.generation(),
        )
    });
    Ordered {
        events: ear.0.take(),
        text: outcome_text(program, &outcome),
        outcome,
        rests,
        ended_by,
        generation,
    }
}
