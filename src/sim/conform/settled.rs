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
//! # All of them, or a sample
//!
//! What is left open is the order of threads inside calls. All such orders are gone through where their states are few
//! ([`STATES_MAX`](super::exhaust)); else runs are drawn at random, with fixed seeds.

use super::exhaust::{Everything, all_ends};
use super::follow::Ending as _;
use super::order::{Ordered, ordered};
use crate::runtime::{Profile, Runtime};
use crate::sim::driver::Machine;
use crate::sim::events::{Event, EventKind, Events, Rest, Witness};
use crate::sim::explorer::{Limits, Look};
use crate::sim::graph::{Choice, Move};
use crate::sim::judge::Notes;
use crate::sim::names::outcome_text;
use crate::sim::replay::Stage;
use crate::sim::scenario::program::Program;
use crate::sim::verdict::{Outcome, Threads};
use crate::sim::walk::Walk;
use crate::sim::world::{Pending, Points, Tuning};
use crate::sync::{Branch, Plain, ThreadIndex, pause_point, wait_until};
use oorandom::Rand64;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// Runs that are held to one order where they are too many to go through.
const RUNS: u64 = 192;
/// Runs that are drawn before all are gone through.
const FEW: u64 = 12;
/// Runs that look for another order.
const SEARCHED_MAX: usize = 1_500;
/// Steps of one run.
const STEPS_MAX: usize = 4_000;
/// Events of an order that stands for one without an end: the run was left after so many steps.
const ENDLESS: usize = 200;
/// Steps without an event, after which a thread is taken to go on for ever.
pub(super) const BUSY: usize = 300;

/// What the order of a run's calls decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forced {
    /// Every run of that order ends so.
    Yes,
    /// All that were drawn of too many did, so many.
    Sampled(u64),
    /// Runs of that order end also so.
    No(Vec<String>),
}

impl Forced {
    /// Whether nothing was found that ends otherwise.
    #[must_use]
    pub fn is_forced(&self) -> bool {
        !matches!(self, Self::No(_))
    }
}

/// Holds threads before their events.
#[derive(Debug)]
pub(super) struct Gate {
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
    pub(super) fn new(threads: usize, order: Option<&[Event]>) -> Self {
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

    /// Whether the run did something else than the order says.
    pub(super) fn is_left(&self) -> bool {
        self.left.peek()
    }

    /// Whether nearly all of an order happened that is so long that it stands for one without an end.
    pub(super) fn goes_on(&self) -> bool {
        let at = self.at.peek() as usize;
        let order = self.order.as_ref().map_or(0, Vec::len);
        order > ENDLESS && at + ENDLESS / 2 > order
    }

    /// Whether all of the order happened.
    fn is_done(&self) -> bool {
        let at = self.at.peek() as usize;
        !self.is_left() && self.order.as_ref().is_none_or(|order| at >= order.len())
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

/// How a run ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    pub(super) kept: bool,
    /// It goes no further, but a thread waits for its turn: what keeps the others may be that.
    pub(super) held: bool,
    /// The run came to a `choose`, in which an order may be left by chance.
    pub(super) chose: bool,
}

/// One run that was looked for: the choices that it stands for where nobody holds threads.
struct Settled {
    outcome: Outcome,
    choices: Vec<Choice>,
    /// How many threads could have taken each event.
    decisions: Vec<usize>,
}

/// What a run remembers beside the world.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memory {
    /// Threads whose timed waits timed out since the last event.
    pub(super) timed_out: u16,
    /// Steps since the last event.
    pub(super) silent: usize,
    /// Who took the last event.
    last: usize,
    pub(super) forked: bool,
    pub(super) chose: bool,
}

/// What may come next.
pub(super) enum Options {
    /// One of these, in any order.
    Inside(Vec<Choice>),
    /// This, by the rules.
    Next(Choice),
    /// Another event, if any.
    Events(Vec<Choice>),
}

pub(super) struct Sim<'a, 'b> {
    pub(super) gate: &'a Gate,
    pub(super) walk: &'a mut Walk<'b>,
    pub(super) stage: &'a Stage<'a>,
    pub(super) child: bool,
    pub(super) memory: Memory,
}

impl Sim<'_, '_> {
    fn stands(&self, thread: usize) -> bool {
        self.gate.standing[thread].peek()
    }

    /// What may come next by the rules.
    pub(super) fn options(&self) -> Options {
        let mut now = Vec::new();
        let _ = self.walk.choices(&Limits::default(), &mut now);
        let signal = now
            .iter()
            .find(|choice| matches!(choice.action(), Move::Signal(_)));
        if let Some(signal) = signal {
            return Options::Next(*signal);
        }
        let goes = |choice: &&Choice| {
            let action = choice.action();
            let branch = if self.child && !self.memory.forked {
                Branch::Child
            } else {
                Branch::Parent
            };
            match action {
                Move::Run => true,
                Move::Pick(way) => {
                    let thread = ThreadIndex::new(choice.thread());
                    let pending = self.stage.world.pending(thread);
                    !matches!(pending, Pending::Choose(_, Some(usual)) if usual != way)
                }
                Move::Fork(wanted) => wanted == branch,
                Move::TimeOut | Move::Spurious | Move::Signal(_) => false,
            }
        };
        let able = now.iter().filter(goes).copied();
        let (events, inside): (Vec<Choice>, Vec<Choice>) =
            able.partition(|choice| self.stands(choice.thread()));
        if !inside.is_empty() && (self.memory.silent < BUSY || events.is_empty()) {
            return Options::Inside(inside);
        }
        let late = now.iter().find(|choice| {
            choice.action() == Move::TimeOut && self.memory.timed_out & choice.mover() == 0
        });
        late.map_or(Options::Events(events), |late| Options::Next(*late))
    }

    /// Whether a choice is an event.
    fn is_event(&self, choice: Choice) -> bool {
        self.stands(choice.thread()) && choice.action() == Move::Run
    }

    pub(super) fn take(&mut self, choice: Choice) -> Look {
        let is_event = self.is_event(choice);
        let memory = &mut self.memory;
        if is_event {
            memory.last = choice.thread();
            memory.timed_out = 0;
            memory.silent = 0;
        } else {
            memory.silent += 1;
        }
        if choice.action() == Move::TimeOut {
            memory.timed_out |= choice.mover();
        }
        memory.forked |= matches!(choice.action(), Move::Fork(_));
        let pending = self.stage.world.pending(ThreadIndex::new(choice.thread()));
        memory.chose |= matches!(pending, Pending::Choose(_, None));
        self.walk.step(choice)
    }

    /// What a run that goes no further here came to.
    pub(super) fn ended(&self, look: Look) -> Ended {
        let outcome = self.stage.outcome(self.walk, look);
        let rests = self.stage.judge.rests(&self.stage.world);
        let standing = (0..rests.len())
            .filter(|thread| self.stands(*thread) && rests[*thread] != Rest::Gone)
            .fold(0, |mask, thread| mask | 1 << thread);
        Ended {
            held: standing != 0 && matches!(outcome.process().0, Outcome::Deadlock(_)),
            outcome: without(outcome, standing),
            kept: self.gate.is_done(),
            chose: self.memory.chose,
        }
    }
}

/// The thread that takes the next event: as the plan says, by places of decisions; else who took the last one, or the first
/// that can.
fn planned(
    plan: &[(usize, usize)],
    number: usize,
    events: &[Choice],
    last: usize,
) -> Option<Choice> {
    let usual = events.iter().position(|choice| choice.thread() == last);
    let usual = usual.unwrap_or(0);
    let other = plan.iter().find(|(place, _)| *place == number);
    let place = other.map_or(usual, |(_, shift)| (usual + shift) % events.len().max(1));
    events.get(place).copied()
}

/// Plays one run from its beginning with `play`, held to an order if there is one.
pub(super) fn staged<R>(
    program: &Arc<Program>,
    profile: Profile,
    order: Option<&[Event]>,
    (tuning, points): (Tuning, Option<&Points>),
    child: bool,
    play: impl FnOnce(&mut Sim<'_, '_>) -> R,
) -> R {
    let notes = Notes::default();
    let mut made = None;
    let stage = Stage::listening_in(program, profile, &notes, (tuning, points), || {
        let gate = Arc::new(Gate::new(program.threads.len(), order));
        made = Some(Arc::clone(&gate));
        Arc::new(Events(gate))
    });
    let gate = made.expect("a stage makes its listener");
    stage.play(|walk| {
        play(&mut Sim {
            gate: &gate,
            walk,
            stage: &stage,
            child,
            memory: Memory::default(),
        })
    })
}

/// One run in which events follow each other as `choose` says, drawn inside calls; `taken` is told of each choice.
fn drawn(
    sim: &mut Sim<'_, '_>,
    seed: u64,
    mut choose: impl FnMut(&[Choice], usize) -> Option<Choice>,
    mut taken: impl FnMut(Choice, bool),
) -> Ended {
    let mut random = Rand64::new(u128::from(seed));
    let mut look = sim.walk.settle();
    for _ in 0..STEPS_MAX {
        if look.over || sim.gate.is_left() {
            break;
        }
        let choice = match sim.options() {
            Options::Inside(inside) => {
                Some(inside[random.rand_range(0..inside.len() as u64) as usize])
            }
            Options::Next(choice) => Some(choice),
            Options::Events(events) => choose(&events, sim.memory.last),
        };
        let Some(choice) = choice else { break };
        taken(choice, sim.is_event(choice));
        look = sim.take(choice);
    }
    sim.ended(look)
}

/// A run that is held to no order.
fn settled(
    program: &Arc<Program>,
    profile: Profile,
    plan: &[(usize, usize)],
    child: bool,
) -> Settled {
    let mut choices = Vec::new();
    let mut decisions: Vec<usize> = Vec::new();
    let all_points = (Tuning::default(), None);
    let ended = staged(program, profile, None, all_points, child, |sim| {
        let choose = |events: &[Choice], last| {
            let choice = planned(plan, decisions.len(), events, last);
            decisions.extend(choice.map(|_| events.len()));
            choice
        };
        drawn(sim, 0, choose, |choice, is_event| {
            if !is_event {
                choices.push(choice);
            }
        })
    });
    Settled {
        outcome: ended.outcome,
        choices,
        decisions,
    }
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

/// What runs of one order came to.
struct Tally<'a> {
    program: &'a Program,
    wanted: &'a Outcome,
    others: BTreeSet<String>,
    count: u64,
}

impl Tally<'_> {
    fn note(&mut self, run: &Ended) {
        if !run.kept && run.chose {
            return;
        }
        self.count += 1;
        if run.held {
            let why = "a thread that others wait for while it waits for its turn";
            self.others.insert(why.to_owned());
        } else if !is_alike(self.wanted, &run.outcome) {
            let mut text = outcome_text(self.program, &run.outcome);
            if !run.kept {
                text += " by another order";
            }
            self.others.insert(text);
        }
    }

    fn forced(self, otherwise: Forced) -> Forced {
        if self.others.is_empty() && self.count > 0 {
            otherwise
        } else {
            Forced::No(self.others.into_iter().collect())
        }
    }
}

/// One run that is held to an order, drawn inside calls.
pub(super) fn draw(
    program: &Arc<Program>,
    profile: Profile,
    events: &[Event],
    seed: u64,
    child: bool,
) -> Ended {
    let all_points = (Tuning::default(), None);
    staged(program, profile, Some(events), all_points, child, |sim| {
        let first = |events: &[Choice], _| events.first().copied();
        drawn(sim, seed, first, |_, _| ())
    })
}

/// Whether the order of these events decides that a run ends in `wanted`, and if not, all that was found to come of it.
#[must_use]
pub fn forced(
    program: &Arc<Program>,
    profile: Profile,
    events: &[Event],
    wanted: &Outcome,
) -> Forced {
    decide(program, profile, events, wanted, false)
}

/// With `soon`, one other end is enough for an answer.
fn decide(
    program: &Arc<Program>,
    profile: Profile,
    events: &[Event],
    wanted: &Outcome,
    soon: bool,
) -> Forced {
    let (inner, generation) = wanted.process();
    let child = generation > 0;
    let endless = matches!(inner, Outcome::Livelock(_));
    let mut tally = Tally {
        program,
        wanted,
        others: BTreeSet::new(),
        count: 0,
    };
    // Most orders that decide nothing show it at once.
    for seed in 0..FEW {
        tally.note(&draw(program, profile, events, seed, child));
    }
    if soon && !tally.others.is_empty() {
        return tally.forced(Forced::Yes);
    }
    if let Everything::Ends(ends) = all_ends(program, profile, events, (child, endless)) {
        ends.iter().for_each(|end| tally.note(end));
        return tally.forced(Forced::Yes);
    }
    for seed in FEW..RUNS {
        tally.note(&draw(program, profile, events, seed, child));
    }
    let count = tally.count;
    tally.forced(Forced::Sampled(count))
}

/// A run to `wanted` whose order of events decides that it ends so: its choices, the run, and how sure that is.
#[must_use]
pub fn forcing(
    program: &Arc<Program>,
    profile: Profile,
    wanted: &Outcome,
) -> Option<(Vec<Choice>, Ordered, Forced)> {
    let child = wanted.process().1 > 0;
    let mut plans: VecDeque<Vec<(usize, usize)>> = VecDeque::from([Vec::new()]);
    let mut tried = BTreeSet::new();
    for _ in 0..SEARCHED_MAX {
        let plan = plans.pop_front()?;
        let run = settled(program, profile, &plan, child);
        if is_alike(wanted, &run.outcome) && tried.insert(run.choices.clone()) {
            let found = ordered(program, profile, &run.choices);
            if is_alike(wanted, &found.outcome) {
                let forced = decide(program, profile, &found.events, wanted, true);
                if forced.is_forced() {
                    return Some((run.choices, found, forced));
                }
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
