//! Runs in which a thread takes its next event only when all others are still.
//!
//! A program that forces the order of calls on a real CPython cannot do more: before each event it waits until every other
//! thread sleeps, or waits for its turn. So a run of the model that is held to an order the same way shows what such a program
//! may see, and an order is worth forcing if all of them end alike.
//!
//! # Rules
//!
//! 1. Threads inside calls go on, in any order, until none of them can.
//! 2. Then each timed wait times out once: the program waits longer than the GIL's interval.
//! 3. What the library decides by time goes as in a program that gives it time: a `PyMutex` is handed over to who waits.
//! 4. Then the next event happens. A thread that goes on for ever inside a call does not keep others from theirs.
//!
//! # What it does not do
//!
//! The choices under the first rule are drawn at random, with fixed seeds: that all runs end alike is a matter of their
//! number.

use super::follow::Ending as _;
use super::order::{Ordered, ordered};
use crate::runtime::{Profile, Runtime};
use crate::sim::driver::Machine;
use crate::sim::events::{Event, EventKind, Events, Rest, Witness};
use crate::sim::explorer::Limits;
use crate::sim::graph::{Choice, Move};
use crate::sim::judge::Notes;
use crate::sim::names::outcome_text;
use crate::sim::replay::Stage;
use crate::sim::scenario::program::Program;
use crate::sim::verdict::{Outcome, Threads};
use crate::sim::walk::Walk;
use crate::sim::world::{Pending, Tuning, World};
use crate::sync::{Branch, Plain, ThreadIndex, pause_point, wait_until};
use oorandom::Rand64;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// Runs that are held to one order.
const RUNS: u64 = 48;
/// Runs that look for another order.
const SEARCHED_MAX: usize = 1_500;
/// Steps of one run.
const STEPS_MAX: usize = 4_000;
/// Steps without an event, after which a thread is taken to go on for ever.
const BUSY: usize = 300;

/// What the order of a run's calls decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forced {
    /// Every run of that order ends so.
    Yes,
    /// Runs of that order end also so.
    No(Vec<String>),
}

/// Holds threads before their events.
#[derive(Debug)]
struct Gate {
    /// The order to keep; any, if there is none.
    order: Option<Vec<(ThreadIndex, EventKind)>>,
    /// Events that happened.
    at: Plain<u64>,
    /// The run did something else than the order says.
    left: Plain<bool>,
    /// Which threads stand before an event. Rule: the thread's own.
    standing: Vec<Plain<bool>>,
}

/// What an event is, without its result.
fn kind_of(event: &Event) -> EventKind {
    match event.kind {
        EventKind::Ends(id, _) => EventKind::Ends(id, None),
        other @ (EventKind::Begins(_)
        | EventKind::Enters(_)
        | EventKind::Leaves
        | EventKind::Forks(_)) => other,
    }
}

impl Gate {
    fn new(threads: usize, order: Option<&[Event]>) -> Self {
        let kinds = |events: &[Event]| {
            let all = events.iter();
            all.map(|event| (event.thread, kind_of(event))).collect()
        };
        Self {
            order: order.map(kinds),
            at: Plain::new("settled.at", 0),
            left: Plain::new("settled.left", false),
            standing: (0..threads)
                .map(|thread| Plain::new(("settled.standing", thread), false))
                .collect(),
        }
    }

    fn next(&self) -> Option<(ThreadIndex, EventKind)> {
        let order = self.order.as_ref()?;
        order.get(self.at.peek() as usize).copied()
    }
}

impl Witness<Runtime> for Arc<Gate> {
    fn stands_before(&self, thread: ThreadIndex) {
        let standing = &self.standing[thread.index()];
        let stood = standing.read();
        standing.write(true);
        if self.order.is_some() {
            wait_until(&|| self.next().is_some_and(|(next, _)| next == thread));
        } else {
            pause_point();
        }
        standing.write(stood);
    }

    fn happens(&self, _: &Machine, event: Event) {
        if let Some((thread, kind)) = self.next()
            && (thread != event.thread || kind != kind_of(&event))
        {
            self.left.write(true);
        }
        self.at.write(self.at.peek() + 1);
    }
}

/// One run: what it came to, and the choices that it stands for where nobody holds threads.
struct Settled {
    outcome: Outcome,
    choices: Vec<Choice>,
    kept: bool,
    /// It goes no further, but a thread waits for its turn: what keeps the others may be that.
    held: bool,
    /// The run came to a `choose`, in which an order may be left by chance.
    chose: bool,
    /// How many threads could have taken each event.
    decisions: Vec<usize>,
}

/// Who takes the next event.
enum Chooser<'a> {
    /// As the plan says, by places of decisions; else who took the last one, or the first that can.
    Plan(&'a [(usize, usize)]),
    /// There is no choice.
    Order,
}

struct Sim<'a, 'b> {
    gate: &'a Gate,
    walk: &'a mut Walk<'b>,
    world: &'a World,
    random: Rand64,
    child: bool,
    forked: bool,
    choices: Vec<Choice>,
    decisions: Vec<usize>,
    last: usize,
}

impl Sim<'_, '_> {
    fn stands(&self, thread: usize) -> bool {
        self.gate.standing[thread].peek()
    }

    /// The next choice; `None` if there is none. Whether it is an event is noted by `stands` before.
    fn next(
        &mut self,
        chooser: &Chooser<'_>,
        timed_out: &mut BTreeSet<usize>,
        silent: usize,
    ) -> Option<Choice> {
        let mut now = Vec::new();
        let _ = self.walk.choices(&Limits::default(), &mut now);
        let signal = now
            .iter()
            .find(|choice| matches!(choice.action(), Move::Signal(_)));
        if let Some(signal) = signal {
            return Some(*signal);
        }
        let goes = |choice: &&Choice| {
            let action = choice.action();
            let branch = if self.child && !self.forked {
                Branch::Child
            } else {
                Branch::Parent
            };
            match action {
                Move::Run => true,
                Move::Pick(way) => {
                    let pending = self.world.pending(ThreadIndex::new(choice.thread()));
                    !matches!(pending, Pending::Choose(_, Some(usual)) if usual != way)
                }
                Move::Fork(wanted) => wanted == branch,
                Move::TimeOut | Move::Spurious | Move::Signal(_) => false,
            }
        };
        let able = now.iter().filter(goes).copied();
        let (events, inside): (Vec<Choice>, Vec<Choice>) =
            able.partition(|choice| self.stands(choice.thread()));
        if !inside.is_empty() && (silent < BUSY || events.is_empty()) {
            let place = self.random.rand_range(0..inside.len() as u64) as usize;
            return Some(inside[place]);
        }
        let late = now.iter().find(|choice| {
            choice.action() == Move::TimeOut && !timed_out.contains(&choice.thread())
        });
        if let Some(late) = late {
            timed_out.insert(late.thread());
            return Some(*late);
        }
        if events.is_empty() {
            return None;
        }
        let number = self.decisions.len();
        self.decisions.push(events.len());
        let place = match chooser {
            Chooser::Order => 0,
            Chooser::Plan(plan) => {
                let usual = events
                    .iter()
                    .position(|choice| choice.thread() == self.last)
                    .unwrap_or(0);
                let other = plan.iter().find(|(place, _)| *place == number);
                other.map_or(usual, |(_, shift)| (usual + shift) % events.len())
            }
        };
        Some(events[place])
    }
}

fn settled(
    program: &Arc<Program>,
    profile: Profile,
    order: Option<&[Event]>,
    chooser: &Chooser<'_>,
    seed: u64,
    child: bool,
) -> Settled {
    let notes = Notes::default();
    let mut made = None;
    let stage = Stage::listening_in(program, profile, &notes, Tuning::default(), || {
        let gate = Arc::new(Gate::new(program.threads.len(), order));
        made = Some(Arc::clone(&gate));
        Arc::new(Events(gate))
    });
    let gate = made.expect("a stage makes its listener");
    stage.play(|walk| {
        let mut look = walk.settle();
        let mut sim = Sim {
            gate: &gate,
            walk,
            world: &stage.world,
            random: Rand64::new(u128::from(seed)),
            child,
            forked: false,
            choices: Vec::new(),
            decisions: Vec::new(),
            last: 0,
        };
        let (mut timed_out, mut silent, mut chose) = (BTreeSet::new(), 0, false);
        for _ in 0..STEPS_MAX {
            if look.over || gate.left.peek() {
                break;
            }
            let Some(choice) = sim.next(chooser, &mut timed_out, silent) else {
                break;
            };
            let thread = choice.thread();
            let is_event = sim.stands(thread) && choice.action() == Move::Run;
            if is_event {
                sim.last = thread;
                timed_out.clear();
                silent = 0;
            } else {
                sim.choices.push(choice);
                silent += 1;
            }
            sim.forked |= matches!(choice.action(), Move::Fork(_));
            let pending = stage.world.pending(ThreadIndex::new(thread));
            chose |= matches!(pending, Pending::Choose(_, None));
            look = sim.walk.step(choice);
        }
        let (choices, decisions) = (sim.choices, sim.decisions);
        let outcome = stage.outcome(walk, look);
        let kept =
            !gate.left.peek() && order.is_none_or(|order| gate.at.peek() as usize >= order.len());
        let rests = stage.judge.rests(&stage.world);
        let standing = (0..program.threads.len())
            .filter(|thread| gate.standing[*thread].peek() && rests[*thread] != Rest::Gone)
            .fold(0, |mask, thread| mask | 1 << thread);
        Settled {
            held: standing != 0 && matches!(outcome.process().0, Outcome::Deadlock(_)),
            outcome: without(outcome, standing),
            choices,
            kept,
            chose,
            decisions,
        }
    })
}

/// The outcome without threads that only wait for a turn that does not come.
fn without(outcome: Outcome, standing: u16) -> Outcome {
    match outcome {
        Outcome::Deadlock(Threads(mask)) => Outcome::Deadlock(Threads(mask & !standing)),
        Outcome::Livelock(Threads(mask)) => Outcome::Livelock(Threads(mask & !standing)),
        Outcome::Child(inner) => Outcome::Child(Box::new(without(*inner, standing))),
        other @ (Outcome::Ok
        | Outcome::Hang(_)
        | Outcome::Exit(_)
        | Outcome::Leak
        | Outcome::Lost(_)
        | Outcome::Repeated(_)
        | Outcome::Assertion(_)
        | Outcome::Fatal(_)
        | Outcome::Crash(_)
        | Outcome::Inconclusive) => other,
    }
}

/// Whether a run came to what is wanted: of threads that wait, the wanted ones must be among those that do.
fn is_alike(wanted: &Outcome, got: &Outcome) -> bool {
    match (wanted, got) {
        (Outcome::Deadlock(Threads(wanted)), Outcome::Deadlock(Threads(got))) => {
            wanted & got == *wanted
        }
        (Outcome::Livelock(_), Outcome::Livelock(_)) => true,
        (Outcome::Child(wanted), Outcome::Child(got)) => is_alike(wanted, got),
        (wanted, got) => wanted == got,
    }
}

/// Whether the order of these events decides that a run ends in `wanted`.
#[must_use]
pub fn forced(
    program: &Arc<Program>,
    profile: Profile,
    events: &[Event],
    wanted: &Outcome,
) -> Forced {
    let child = wanted.process().1 > 0;
    let (mut others, mut count) = (BTreeSet::new(), 0);
    for seed in 0..RUNS {
        let run = settled(program, profile, Some(events), &Chooser::Order, seed, child);
        if !run.kept && run.chose {
            continue;
        }
        count += 1;
        if run.held {
            others.insert("a thread that others wait for while it waits for its turn".to_owned());
        } else if !run.kept && !is_alike(wanted, &run.outcome) {
            others.insert(format!(
                "{} by another order",
                outcome_text(program, &run.outcome)
            ));
        } else if !is_alike(wanted, &run.outcome) {
            others.insert(outcome_text(program, &run.outcome));
        }
    }
    if others.is_empty() && count > 0 {
        Forced::Yes
    } else {
        Forced::No(others.into_iter().collect())
    }
}

/// A run to `wanted` whose order of events decides that it ends so: its choices, and the run.
#[must_use]
pub fn forcing(
    program: &Arc<Program>,
    profile: Profile,
    wanted: &Outcome,
) -> Option<(Vec<Choice>, Ordered)> {
    let child = wanted.process().1 > 0;
    let mut plans: VecDeque<Vec<(usize, usize)>> = VecDeque::from([Vec::new()]);
    let mut tried = BTreeSet::new();
    for _ in 0..SEARCHED_MAX {
        let plan = plans.pop_front()?;
        let run = settled(program, profile, None, &Chooser::Plan(&plan), 0, child);
        if is_alike(wanted, &run.outcome) && tried.insert(run.choices.clone()) {
            let found = ordered(program, profile, &run.choices);
            if is_alike(wanted, &found.outcome)
                && forced(program, profile, &found.events, wanted) == Forced::Yes
            {
                return Some((run.choices, found));
            }
        }
        let from = plan.last().map_or(0, |(place, _)| place + 1);
        for (place, alternatives) in run.decisions.iter().enumerate().skip(from) {
            for shift in 1..*alternatives {
                let mut next = plan.clone();
                next.push((place, shift));
                plans.push_back(next);
            }
        }
    }
    None
}
