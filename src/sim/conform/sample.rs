//! A run of the model, seen from outside.

use super::follow::Ending;
use crate::runtime::{Profile, Runtime};
use crate::sim::driver::Machine;
use crate::sim::events::{End, Event, Events, Observed, Witness};
use crate::sim::explorer::Limits;
use crate::sim::judge::Notes;
use crate::sim::noted::Noted;
use crate::sim::replay::Stage;
use crate::sim::scenario::program::Program;
use crate::sim::verdict::Outcome;
use crate::sim::world::Tuning;
use crate::sync::{ThreadIndex, pause_point};
use oorandom::Rand64;
use std::sync::Arc;

#[derive(Debug, Default)]
struct Ear(Noted<Vec<Event>>);

impl Witness<Runtime> for Arc<Ear> {
    fn stands_before(&self, _: ThreadIndex) {
        pause_point();
    }

    fn happens(&self, _: &Machine, event: Event) {
        self.0.with(|events| events.push(event));
    }
}

/// One run of the model, chosen by `seed`, as it is seen from outside; cut after `steps` steps.
#[must_use]
pub fn sample(program: &Arc<Program>, profile: Profile, seed: u64, steps: usize) -> Observed {
    sample_with_outcome(program, profile, seed, steps).0
}

/// The same run, and its outcome if no claim on states is looked at; `Inconclusive` if it was cut.
#[must_use]
pub fn sample_with_outcome(
    program: &Arc<Program>,
    profile: Profile,
    seed: u64,
    steps: usize,
) -> (Observed, Outcome) {
    // What is claimed of a run does not end it, in a real process neither.
    let program = &Arc::new(Program {
        claims: Vec::new(),
        ..Program::clone(program)
    });
    let notes = Notes::default();
    let ear = Arc::new(Ear::default());
    let listener = Arc::new(Events(Arc::clone(&ear)));
    let stage = Stage::listening(program, profile, &notes, Tuning::default(), listener);
    let mut random = Rand64::new(u128::from(seed));
    let mut choices = Vec::new();
    let (end, threads, outcome) = stage.play(|walk| {
        let mut look = walk.settle();
        let mut end = None;
        for _ in 0..steps {
            choices.clear();
            if !look.over {
                let _ = walk.choices(&Limits::default(), &mut choices);
            }
            if choices.is_empty() || stage.judge.is_stuck_for_good(&stage.world) {
                end = Some(stage.judge.end().unwrap_or(End::Stuck));
                break;
            }
            let choice = choices[random.rand_range(0..choices.len() as u64) as usize];
            look = walk.step(choice);
        }
        let outcome = match end {
            Some(_) => stage.judge.name(&stage.world),
            None => Outcome::Inconclusive,
        };
        let end = end.unwrap_or_else(|| End::Cut(format!("{steps} steps")));
        (end, stage.judge.rests(&stage.world), outcome)
    });
    let observed = Observed {
        events: ear.0.take(),
        end,
        threads,
    };
    (observed, outcome)
}
