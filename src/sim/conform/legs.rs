//! Legs: a run of the model as far as another implementation can be made to repeat it.
//!
//! A run of the model is a list of steps of its threads. Between two events what a thread does inside a call is not the same
//! in a real library: it has more steps, and others. What is kept is which thread goes on, up to which of its events, whether
//! it then goes on into the call that the event begins, how far the runtime's life is then, and where a leg begins with a
//! wait that times out.

use crate::runtime::{Profile, Runtime};
use crate::sim::driver::Machine;
use crate::sim::events::{Event, Events, Witness};
use crate::sim::graph::{Choice, Move};
use crate::sim::judge::Notes;
use crate::sim::noted::Noted;
use crate::sim::replay::Stage;
use crate::sim::scenario::program::Program;
use crate::sim::world::Tuning;
use crate::sync::{THREADS_MAX, ThreadIndex};
use std::sync::Arc;

/// Steps of one thread with none of another's between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Leg {
    /// The thread.
    pub thread: ThreadIndex,
    /// A timed wait of the thread times out first.
    pub times_out: bool,
    /// Events of this thread that have happened when the leg ends, those of its legs before included.
    pub events: u32,
    /// Steps that the thread takes in this leg after the last of its events.
    pub inside: u32,
    /// How far the runtime's life is when it ends.
    pub phase: Phase,
}

/// How far the runtime's life is, as a thread sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phase {
    /// `Py_IsInitialized()`
    pub initialized: bool,
    /// `Py_IsFinalizing()`
    pub finalizing: bool,
    /// The thread is attached.
    pub attached: bool,
}

/// Counts the events of each thread.
#[derive(Debug)]
struct Counts(Noted<[u32; THREADS_MAX]>);

impl Witness<Runtime> for Arc<Counts> {
    fn stands_before(&self, _: ThreadIndex) {}

    fn happens(&self, _: &Machine, event: Event) {
        self.0.with(|counts| counts[event.thread.index()] += 1);
    }
}

/// The legs of the run that a schedule of the model names, such as a counterexample's.
#[must_use]
pub fn legs_of(program: &Arc<Program>, profile: Profile, choices: &[Choice]) -> Vec<Leg> {
    let notes = Notes::default();
    let counts = Arc::new(Counts(Noted::default()));
    let listener = Arc::new(Events(Arc::clone(&counts)));
    let stage = Stage::listening(program, profile, &notes, Tuning::default(), listener);
    let mut legs: Vec<Leg> = Vec::new();
    stage.play(|walk| {
        let mut look = walk.settle();
        for choice in choices {
            if look.over {
                break;
            }
            let thread = ThreadIndex::new(choice.thread());
            let times_out = choice.action() == Move::TimeOut;
            let before = counts.0.with(|counts| counts[thread.index()]);
            look = walk.step(*choice);
            let events = counts.0.with(|counts| counts[thread.index()]);
            let goes_on = |leg: &&mut Leg| leg.thread == thread && !times_out;
            let steps = u32::from(events == before);
            let runtime = &stage.judge.machine().runtime;
            let phase = Phase {
                initialized: runtime.initialized(),
                finalizing: runtime.finalizing(),
                attached: runtime.attached(thread),
            };
            match legs.last_mut().filter(goes_on) {
                Some(leg) => {
                    leg.inside = steps * (leg.inside + steps);
                    leg.events = events;
                    leg.phase = phase;
                }
                None => legs.push(Leg {
                    thread,
                    times_out,
                    events,
                    inside: steps,
                    phase,
                }),
            }
        }
    });
    legs
}
