//! Explores every interleaving of a program.
//!
//! Depth first over the state graph. At each state in which two threads could go on, or one in several ways, the
//! explorer tries every choice; a state it has seen before it does not enter again. It goes back to a state by undoing
//! what was done since (`world/trail.rs`): cells, contents of locks and stacks of fibers are put back as bytes.
//!
//! # What is explored
//!
//! All interleavings at scheduling points (lock, re-lock, atomic access, semaphore, pause, condition), all choices of
//! the waiter that wakes, all time-outs of timed waits and all choices of the program, under sequential consistency.
//! Equal states, by a 128-bit key, merge. If [`Exploration::cut`] is `None` the graph is complete up to a collision of
//! keys, whose probability [`Exploration::omission`] bounds.
//!
//! # Invariants
//!
//! * *OnceEach*: every choice of every node is taken exactly once.
//! * *Undone*: after an undo the key is what it was at the mark (checked in debug builds).

use super::graph::{Choice, Edge, Graph, Move, NodeId};
use super::labels::Labels;
use super::scout::scout;
use super::walk::{Used, Walk};
use super::world::{Mark, Points, Silence, Tuning, World};
use crate::sync::ThreadIndex;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// A program that can be explored.
pub trait Program {
    /// How many threads it has, the first included.
    fn threads(&self) -> usize;
    /// The threads that run from the start: the first one, unless said otherwise.
    fn started(&self) -> Vec<ThreadIndex> {
        vec![ThreadIndex::FIRST]
    }
    /// Whether it may fork.
    fn forks(&self) -> bool {
        false
    }
    /// Whether a thread of it may be interrupted by a signal.
    fn sends_signals(&self) -> bool {
        false
    }
    /// Makes the program's state, and with it all its cells, on the calling thread.
    fn make(&self) -> Box<dyn Run + '_>;
}

/// The state of one program.
pub trait Run {
    /// The body of a thread.
    fn body(&self, thread: ThreadIndex);
    /// The handler of a signal, on the thread that it interrupts; whether that one goes on.
    fn interrupt(&self, signal: u8) -> bool {
        let _ = signal;
        true
    }
    /// Looks at the state between two steps.
    fn look(&self, world: &World) -> Look;
    /// Names the outcome of a run that is over, or in which nobody can go on.
    fn outcome(&self, world: &World) -> u16;
    /// If every thread that has not ended is blocked or goes round in a wait: the outcome if that goes on for ever.
    fn stuck(&self, world: &World) -> Option<u16>;
    /// The state in a few lines, for who draws the graph.
    fn label(&self, world: &World) -> String;
}

/// What was seen between two steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The run is over: the process ended, or a claim failed for good.
    pub over: bool,
    /// Conditions of `eventually` claims that hold, as bits.
    pub seen: u8,
    /// How many forks the run followed into the child.
    pub generation: u8,
}

/// Limits of an exploration. Each is a limit of its claim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Stop after this many states.
    pub states: Option<u64>,
    /// Stop when the exploration takes this many bytes.
    pub bytes: Option<usize>,
    /// Steps in one run; for programs that do not end.
    pub steps: Option<u32>,
    /// Forced preemptions in one run.
    pub preemptions: Option<u32>,
    /// Time-outs in one run.
    pub timeouts: Option<u32>,
    /// Spurious wake-ups in one run; none unless given.
    pub spurious: u32,
}

/// How to explore.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Scheduling points and keys.
    pub tuning: Tuning,
    /// Where to stop.
    pub limits: Limits,
    /// Never merge equal states; go through one execution of each equivalence class (sleep sets).
    pub unmerged: bool,
    /// Keep the set of keys, for comparison.
    pub keep_keys: bool,
    /// Keep a label of every state.
    pub keep_labels: bool,
    /// Make a node of every state, those included in which there is nothing to choose.
    pub every_state: bool,
}

/// Why an exploration is not complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cut {
    /// The bound on states.
    States(u64),
    /// The bound on memory, in bytes.
    Bytes(usize),
    /// The bound on steps of a run.
    Steps(u32),
    /// The bound on preemptions.
    Preemptions(u32),
    /// The bound on time-outs.
    Timeouts(u32),
    /// The number of runs of a random walk.
    Runs(u64),
}

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::States(bound) => write!(f, "{bound} states"),
            Self::Bytes(bound) => write!(f, "{} MiB of memory", bound >> 20),
            Self::Steps(bound) => write!(f, "{bound} steps in one run"),
            Self::Preemptions(bound) => write!(f, "{bound} preemptions in one run"),
            Self::Timeouts(bound) => write!(f, "{bound} time-outs in one run"),
            Self::Runs(bound) => write!(f, "{bound} runs"),
        }
    }
}

/// What an exploration found.
#[derive(Debug, Default)]
pub struct Exploration {
    /// The state graph.
    pub graph: Graph,
    /// States in which two or more threads could go on.
    pub branching: u64,
    /// Runs from a choice to a known state or an end.
    pub executions: u64,
    /// Steps taken in all.
    pub steps: u64,
    /// Steps of all executions, each counted from the first state: what a search that replays would take.
    pub steps_in_full: u64,
    /// Conditions of `eventually` claims that hold in some state up to the first node, as bits.
    pub seen_first: u8,
    /// The bounds that cut the search, none if it is complete.
    pub cut: Vec<Cut>,
    /// How often the search started again because it learned of a scheduling point.
    pub restarts: u32,
    /// The keys of all states, where kept.
    pub keys: BTreeSet<u128>,
    /// The labels of the graph's nodes, where kept.
    pub labels: Labels,
    /// The cells that are scheduling points, in the mode with few.
    pub points: Points,
}

impl Exploration {
    /// The probability that a collision of keys hid a state is at most this: pairs of states over 2^128.
    #[must_use]
    pub fn omission(&self) -> f64 {
        let states = self.graph.nodes().len() as f64;
        states * states / 2.0 / 2.0_f64.powi(128)
    }
}

/// A search that learned of a point and has more states than this sends scouts before it starts again.
const STATES_WITHOUT_SCOUTS: usize = 4096;

/// Explores `program`.
pub fn explore(program: &dyn Program, settings: &Settings) -> Exploration {
    explore_with(program, settings, &mut |_| true)
}

/// Explores `program`; `progress` sees the exploration now and then and may stop it by returning false.
pub fn explore_with(
    program: &dyn Program,
    settings: &Settings,
    progress: &mut dyn FnMut(&Exploration) -> bool,
) -> Exploration {
    let tuning = settings.tuning.of(program.forks(), program.sends_signals());
    let mut world = World::new(program.threads(), tuning);
    let mut restarts = 0;
    let (mut scouts, mut scouted) = (false, false);
    loop {
        let run = world.enter(|| program.make());
        let root = |thread| run.body(thread);
        let handler = |signal| run.interrupt(signal);
        // The fibers end with `clear` below, before the run and the world that they borrow.
        #[expect(unsafe_code, reason = "fibers borrow the run and the world")]
        // SAFETY: `clear` drops the fibers while both are alive.
        unsafe {
            world.populate(&root, &handler, &program.started());
        }
        if scouts {
            world.enter(|| scout(&world, &*run, &settings.limits));
        }
        let mut search = Search::new(&world, &*run, settings);
        let complete = !scouts && world.enter(|| search.all(progress));
        let mut found = search.found;
        found.restarts = restarts;
        found.points = world.known_points();
        world.clear();
        if complete {
            return found;
        }
        scouts = !scouted && found.graph.nodes().len() > STATES_WITHOUT_SCOUTS;
        scouted |= scouts;
        restarts += 1;
        let fresh = World::new(program.threads(), tuning);
        fresh.adopt_points(&found.points);
        drop(run);
        world = fresh;
    }
}

/// A node on the path from the first state to the current one.
struct Frame {
    node: NodeId,
    mark: Mark,
    first_choice: usize,
    choices: usize,
    next: usize,
    used: Used,
    last: usize,
    sleep: Vec<Sleeper>,
}

/// A choice that an earlier sibling's subtree has covered until something that depends on it happens.
#[derive(Clone)]
struct Sleeper {
    choice: Choice,
    touched: Vec<(u16, bool)>,
}

struct Search<'a> {
    world: &'a World,
    run: &'a dyn Run,
    settings: &'a Settings,
    found: Exploration,
    ids: FxHashMap<u128, NodeId>,
    stack: Vec<Frame>,
    /// The choices of all frames, last frame last.
    choices: Vec<Choice>,
    walk: Walk<'a>,
}

/// Where a run from one choice stopped.
struct Arrival {
    steps: u32,
    movers: u16,
    seen: u8,
    generation: u8,
    over: bool,
    choices: usize,
}

/// Steps with one choice after which a node is made all the same, so that a lone endless loop closes.
const LONE_STEPS_MAX: u32 = 32;

/// Whether the only choice, `steps` steps after the last node, is taken without making a node.
pub(super) fn is_lone(choice: Choice, steps: u32) -> bool {
    steps < LONE_STEPS_MAX && choice.action() != Move::TimeOut
}

impl<'a> Search<'a> {
    fn new(world: &'a World, run: &'a dyn Run, settings: &'a Settings) -> Self {
        Self {
            world,
            run,
            settings,
            found: Exploration::default(),
            ids: FxHashMap::default(),
            stack: Vec::new(),
            choices: Vec::new(),
            walk: Walk::new(world, run),
        }
    }

    /// Whether the search went to its end (or to a bound); false if it has to start again.
    fn all(&mut self, progress: &mut dyn FnMut(&Exploration) -> bool) -> bool {
        let first = self.walk.settle();
        let arrival = self.go_on(0, 0, first);
        self.found.seen_first = arrival.seen;
        let _ = self.arrive(&arrival, Vec::new());
        if self.must_start_again() {
            return false;
        }
        let mut ticks = 0_u32;
        while let Some(frame) = self.stack.last_mut() {
            if frame.next == frame.choices {
                self.choices.truncate(frame.first_choice);
                self.stack.pop();
                continue;
            }
            let index = frame.next;
            frame.next += 1;
            let choice = self.choices[frame.first_choice + index];
            if index > 0 {
                self.world.undo(&frame.mark);
                self.walk.used = frame.used;
                self.walk.last = frame.last;
            }
            self.take(choice);
            if self.must_start_again() {
                return false;
            }
            ticks += 1;
            if self.over_budget() || (ticks.is_multiple_of(1 << 14) && !progress(&self.found)) {
                return true;
            }
        }
        true
    }

    /// Whether a cell turned out to be a scheduling point that was none until now.
    fn must_start_again(&self) -> bool {
        self.world.has_few_points() && self.world.learned_of_point()
    }

    /// Takes one choice at the top frame, up to the next node.
    fn take(&mut self, choice: Choice) {
        let frame = self.stack.last().expect("a choice belongs to a frame");
        let (from, sleep) = (frame.node, frame.sleep.clone());
        if sleep.iter().any(|sleeper| sleeper.choice == choice) {
            return;
        }
        self.choices.truncate(frame.first_choice + frame.choices);
        let preempts = self.walk.preempts(choice);
        self.world.start_footprint();
        let look = self.step(choice);
        let arrival = self.go_on(1, choice.mover(), look);
        let touched = self.world.footprint();
        let asleep = sleep
            .into_iter()
            .filter(|sleeper| independent(&sleeper.touched, &touched))
            .collect();
        let to = self.arrive(&arrival, asleep);
        let Arrival {
            steps,
            movers,
            seen,
            ..
        } = arrival;
        self.found.graph.add_edge(
            from,
            Edge {
                to,
                movers,
                steps,
                seen,
                preempts,
                ..Edge::new(choice)
            },
        );
        if self.settings.unmerged {
            let depth = self
                .stack
                .iter()
                .rposition(|frame| frame.node == from)
                .expect("the frame is on the stack");
            self.stack[depth].sleep.push(Sleeper { choice, touched });
        }
    }

    fn step(&mut self, choice: Choice) -> Look {
        self.found.steps += 1;
        self.walk.step(choice)
    }

    /// Goes on while there is one choice only.
    fn go_on(&mut self, mut steps: u32, mut movers: u16, mut look: Look) -> Arrival {
        let mut seen = look.seen;
        loop {
            let first = self.choices.len();
            if !look.over {
                self.collect();
            }
            let choices = self.choices.len() - first;
            let may_pass = !self.settings.unmerged && !self.settings.every_state;
            let lone = choices == 1 && may_pass && is_lone(self.choices[first], steps);
            if look.over || !lone {
                return Arrival {
                    steps,
                    movers,
                    seen,
                    generation: look.generation,
                    over: look.over || choices == 0,
                    choices,
                };
            }
            let choice = self.choices.pop().expect("one choice");
            movers |= choice.mover();
            look = self.step(choice);
            steps += 1;
            seen |= look.seen;
        }
    }

    fn cut(&mut self, cut: Cut) {
        if !self.found.cut.contains(&cut) {
            self.found.cut.push(cut);
        }
    }

    /// Collects the choices that there are now, threads in order.
    fn collect(&mut self) {
        let cuts = self.walk.choices(&self.settings.limits, &mut self.choices);
        cuts.into_iter().for_each(|cut| self.cut(cut));
    }

    /// The node for the current state, with a frame on the stack if it is new and there is something to choose.
    fn arrive(&mut self, arrival: &Arrival, sleep: Vec<Sleeper>) -> NodeId {
        let first_choice = self.choices.len() - arrival.choices;
        let owed = self.choices[first_choice..]
            .iter()
            .filter(|choice| choice.action() != Move::Spurious);
        let enabled = owed.fold(0_u16, |bits, choice| bits | choice.mover());
        let waiters = self.world.waiters_of_wake();
        let inside_step = waiters != 0;
        let keyed = !inside_step && !self.settings.unmerged;
        let key = if keyed || self.settings.keep_keys {
            self.key(arrival)
        } else {
            0
        };
        if self.settings.keep_keys && !inside_step {
            self.found.keys.insert(self.merging_key(arrival));
        }
        if keyed && let Some(known) = self.ids.get(&key) {
            self.found.executions += 1;
            self.found.steps_in_full += u64::from(self.walk.used.steps);
            self.choices.truncate(first_choice);
            return *known;
        }
        let node = self
            .found
            .graph
            .add_node(enabled, waiters, arrival.generation);
        if self.settings.keep_labels {
            self.found.labels.add(self.run.label(self.world));
        }
        if keyed {
            self.ids.insert(key, node);
        }
        self.found.branching += u64::from(enabled.count_ones() > 1);
        if arrival.over {
            self.found.executions += 1;
            self.found.steps_in_full += u64::from(self.walk.used.steps);
            let outcome = self.run.outcome(self.world);
            self.found.graph.set_outcome(node, outcome, true);
            return node;
        }
        if !inside_step && let Some(outcome) = self.run.stuck(self.world) {
            self.found.graph.set_outcome(node, outcome, false);
        }
        let mark = self.world.mark();
        let (choices, used, last) = (arrival.choices, self.walk.used, self.walk.last);
        self.stack.push(Frame {
            node,
            mark,
            first_choice,
            choices,
            next: 0,
            used,
            last,
            sleep,
        });
        node
    }

    /// What merges: the state, and what of the bounded resources is used up.
    fn merging_key(&self, arrival: &Arrival) -> u128 {
        let limits = &self.settings.limits;
        let mut key = crate::sync::hook::fold(self.world.key(), u64::from(arrival.over), 0);
        if limits.preemptions.is_some() {
            let value = u128::from(self.walk.used.preemptions) << 8 | self.walk.last as u128;
            key = crate::sync::hook::fold(key, 1, value);
        }
        if limits.timeouts.is_some() {
            key = crate::sync::hook::fold(key, 2, u128::from(self.walk.used.timeouts));
        }
        if limits.spurious > 0 {
            key = crate::sync::hook::fold(key, 3, u128::from(self.walk.used.spurious));
        }
        if limits.steps.is_some() {
            key = crate::sync::hook::fold(key, 4, u128::from(self.walk.used.steps));
        }
        key
    }

    fn key(&self, arrival: &Arrival) -> u128 {
        let key = self.merging_key(arrival);
        if self.settings.tuning.audit {
            crate::sync::hook::fold(key, 5, self.world.full_key())
        } else {
            key
        }
    }

    fn over_budget(&mut self) -> bool {
        let limits = self.settings.limits;
        let states = self.found.graph.nodes().len() as u64;
        if let Some(bound) = limits.states
            && states >= bound
        {
            self.cut(Cut::States(bound));
            return true;
        }
        if let Some(bound) = limits.bytes
            && states.is_multiple_of(1024)
            && self.bytes() > bound
        {
            self.cut(Cut::Bytes(bound));
            return true;
        }
        false
    }

    fn bytes(&self) -> usize {
        let ids = self.ids.capacity() * size_of::<(u128, NodeId)>();
        self.found.graph.bytes() + ids + self.world.trail_bytes()
    }
}

/// Whether two steps commute: no cell that both touch and one writes.
fn independent(one: &[(u16, bool)], other: &[(u16, bool)]) -> bool {
    one.iter().all(|(cell, writes)| {
        other
            .iter()
            .all(|(touched, wrote)| cell != touched || !(*writes || *wrote))
    })
}

/// Every kind of silence, for the looped test.
pub const SILENCES: [Silence; 18] = [
    Silence::LockPoint,
    Silence::RelockPoint,
    Silence::LoadPoint,
    Silence::StorePoint,
    Silence::ModifyPoint,
    Silence::AcquirePoint,
    Silence::PostPoint,
    Silence::PausePoint,
    Silence::WakeChoice,
    Silence::TimeOut,
    Silence::KeyOwner,
    Silence::KeyContents,
    Silence::KeyWord,
    Silence::KeyHistory,
    Silence::KeyPending,
    Silence::KeyEpoch,
    Silence::ScopeHeld,
    Silence::ScopeLive,
];
