//! The call-level state graph of a scenario: its states as far as events tell them apart.
//!
//! A state is the latest event of every thread; a transition is the next event. The graph is that of all interleavings:
//! while it is explored, other threads may go on before every event. Guides are chosen from it so that together they
//! take every transition; which of them a real run took is read off its events ([`Transitions`]).

use super::{Guide, Turn};
use crate::runtime::{Profile, Runtime};
use crate::sim::driver::Machine;
use crate::sim::events::{Event, Events, Observed, Witness};
use crate::sim::explorer::{Limits, Look, Program as Explored, Run, Settings, explore_with};
use crate::sim::judge::{Judge, Notes};
use crate::sim::noted::Noted;
use crate::sim::scenario::program::Program;
use crate::sim::world::{Tuning, World};
use crate::sync::hook::digest;
use crate::sync::{Epoch, Plain, ThreadIndex, pause_point};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Transitions of a call-level graph, by digest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transitions(BTreeSet<u64>);

impl Transitions {
    /// How many.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// How many of these are among `others`.
    #[must_use]
    pub fn count_among(&self, others: &Self) -> usize {
        self.0.intersection(&others.0).count()
    }

    /// Adds those that an observed run takes.
    pub fn take(&mut self, observed: &Observed) {
        let mut latest = vec![0; observed.threads.len()];
        for event in &observed.events {
            self.0.insert(transition(&latest, event));
            latest[event.thread.index()] = digest(event) as u64;
        }
    }
}

/// A state, which is the digest of each thread's latest event, and the event that leaves it.
fn transition(latest: &[u64], event: &Event) -> u64 {
    digest(&(latest, event)) as u64
}

/// A run of the model from its start up to a transition that is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// What happens, and what is seen then.
    pub events: Vec<Event>,
    /// The transition that the last event takes.
    target: u64,
}

impl Way {
    /// Its guide.
    #[must_use]
    pub fn guide(&self) -> Guide {
        Guide(self.events.iter().map(Turn::of).collect())
    }

    /// Whether the transition that it leads to is among these.
    #[must_use]
    pub fn is_among(&self, taken: &Transitions) -> bool {
        taken.0.contains(&self.target)
    }
}

/// What a scenario's calls can show, and how to see all of it.
#[derive(Clone, Debug, Default)]
pub struct CallGraph {
    /// All transitions that were found.
    pub transitions: Transitions,
    /// Ways that together take all of them.
    pub ways: Vec<Way>,
    /// Whether a bound kept the search from finding all transitions.
    pub cut: bool,
}

/// An event on some run, and the one before it.
#[derive(Clone, Copy, Debug)]
struct Step {
    before: usize,
    event: Event,
    transition: u64,
    /// Events up to this one.
    depth: usize,
}

/// What all runs together showed.
#[derive(Debug, Default)]
struct Ways {
    transitions: Transitions,
    /// Every first taking of a transition, with the way to it; the transition is new where the flag is set.
    steps: Vec<(Step, bool)>,
    /// The steps of the current run.
    path: Vec<usize>,
}

/// No step.
const START: usize = usize::MAX;

#[derive(Debug)]
struct Recorder {
    /// Digest of the thread's latest event. Rule: the thread's own.
    latest: Vec<Plain<u64>>,
    /// Events that happened in this run; not part of the state.
    depth: Epoch,
    noted: Arc<Noted<Ways>>,
}

impl Witness<Runtime> for Recorder {
    fn stands_before(&self, _: ThreadIndex) {
        pause_point();
    }

    fn happens(&self, _: &Machine, event: Event) {
        let latest: Vec<u64> = self.latest.iter().map(Plain::peek).collect();
        let depth = self.depth.peek() as usize;
        self.depth.advance();
        self.latest[event.thread.index()].write(digest(&event) as u64);
        self.noted.with(|ways| {
            ways.path.truncate(depth);
            let transition = transition(&latest, &event);
            let new = ways.transitions.0.insert(transition);
            let step = Step {
                before: ways.path.last().copied().unwrap_or(START),
                event,
                transition,
                depth,
            };
            ways.path.push(ways.steps.len());
            ways.steps.push((step, new));
        });
    }
}

struct Case<'a> {
    program: &'a Arc<Program>,
    profile: Profile,
    noted: Arc<Noted<Ways>>,
    notes: Notes,
}

struct Recording<'a>(Judge<'a>);

impl Explored for Case<'_> {
    fn threads(&self) -> usize {
        self.program.threads.len()
    }

    fn forks(&self) -> bool {
        self.program.forks()
    }

    fn sends_signals(&self) -> bool {
        self.program.sends_signals()
    }

    fn make(&self) -> Box<dyn Run + '_> {
        // The search starts again when it learns of a point: so does what it noted.
        self.noted.take();
        let listener = Arc::new(Events(Recorder {
            latest: (0..self.program.threads.len())
                .map(|thread| Plain::new(("recorder.latest", thread), 0))
                .collect(),
            depth: Epoch::new("recorder.depth"),
            noted: Arc::clone(&self.noted),
        }));
        let machine = Machine::new(self.program, self.profile, Some(listener));
        Box::new(Recording(Judge::new(machine, self.profile, &self.notes)))
    }
}

impl Run for Recording<'_> {
    fn body(&self, thread: ThreadIndex) {
        self.0.body(thread);
    }

    fn interrupt(&self, signal: u8) -> bool {
        self.0.interrupt(signal)
    }

    fn look(&self, _: &World) -> Look {
        let machine = self.0.machine();
        Look {
            over: machine.process_ended()
                || machine.runtime.over().is_some()
                || machine.failed().is_some(),
            seen: 0,
            generation: machine.generation(),
        }
    }

    fn outcome(&self, _: &World) -> u16 {
        0
    }

    fn stuck(&self, _: &World) -> Option<u16> {
        None
    }

    fn label(&self, _: &World) -> String {
        String::new()
    }
}

/// Explores the call-level graph of `program`, looking at no more than `states` states.
#[must_use]
pub fn call_graph(program: &Arc<Program>, profile: Profile, states: u64) -> CallGraph {
    let case = Case {
        program,
        profile,
        noted: Arc::default(),
        notes: Notes::default(),
    };
    let settings = Settings {
        tuning: Tuning::default(),
        limits: Limits {
            states: Some(states),
            ..Limits::default()
        },
        ..Settings::default()
    };
    let explored = explore_with(&case, &settings, &mut |_| true);
    let ways = case.noted.take();
    CallGraph {
        ways: ways_to_all(&ways),
        transitions: ways.transitions,
        cut: !explored.cut.is_empty(),
    }
}

/// The ways to all new transitions, without those that lie on others.
fn ways_to_all(ways: &Ways) -> Vec<Way> {
    let mut taken = vec![false; ways.steps.len()];
    let mut found = Vec::new();
    // A later step is never on the way to an earlier one.
    for (last, &(step, new)) in ways.steps.iter().enumerate().rev() {
        if !new || taken[last] {
            continue;
        }
        let mut events = Vec::with_capacity(step.depth + 1);
        let mut next = last;
        while next != START {
            taken[next] = true;
            let (step, _) = ways.steps[next];
            events.push(step.event);
            next = step.before;
        }
        events.reverse();
        found.push(Way {
            events,
            target: step.transition,
        });
    }
    found.reverse();
    found
}
