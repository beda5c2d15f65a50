//! Judges states and runs of a scenario while it is explored.
//!
//! The judge looks at every state (claims `always`, `cover`, `eventually`) and names the outcome of every run: the
//! worst that applies, in the order of [`Outcome`].
//!
//! # Deadlock
//!
//! Threads that wait in a cycle never go on, whatever the others do: each waits for a mutex, the GIL or the end of a
//! thread that only another of them can give. Where nobody can go on, all threads that have not ended are in it, the
//! ones that finalization parked included. A thread that goes round in the GIL's timed wait counts as waiting.
//!
//! # Fork
//!
//! A run follows one process. States of a forked one are judged by the claims of `in child`, and its outcome is
//! [`Outcome::Child`]; threads that are not in it are in no deadlock, and wait for nobody.

use super::driver::{Machine, Reader, index_of};
use super::explorer::{Look, Program as Explored, Run};
use super::scenario::program::{BodyId, Claim, ClaimKind, Program, ThreadId};
use super::verdict::{Outcome, Threads};
use super::world::{Standing, Waits, World};
use crate::runtime::profile::Profile;
use crate::runtime::{Over, Phase};
use crate::sync::ThreadIndex;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The outcomes met so far, numbered, and what was seen on the way.
#[derive(Debug, Default)]
pub struct Notes {
    outcomes: RefCell<Vec<Outcome>>,
    /// The runtime at the ends of runs, as text, where kept.
    ends: Option<RefCell<BTreeMap<Outcome, BTreeSet<String>>>>,
    covered: RefCell<BTreeSet<usize>>,
}

impl Notes {
    /// Notes that keep what the runtime is at the end of every run.
    #[must_use]
    pub fn with_ends() -> Self {
        Self {
            ends: Some(RefCell::default()),
            ..Self::default()
        }
    }

    /// What the runtime was at the ends of runs, by outcome, where kept.
    #[must_use]
    pub fn ends(&self) -> BTreeMap<Outcome, BTreeSet<String>> {
        self.ends
            .as_ref()
            .map(|ends| ends.borrow().clone())
            .unwrap_or_default()
    }

    /// The outcome with this number.
    #[must_use]
    pub fn outcome(&self, number: u16) -> Outcome {
        self.outcomes.borrow()[usize::from(number)].clone()
    }

    /// The `cover` claims, by index, whose condition held in some state.
    #[must_use]
    pub fn covered(&self) -> BTreeSet<usize> {
        self.covered.borrow().clone()
    }

    /// The outcome's number.
    pub fn number(&self, outcome: Outcome) -> u16 {
        let mut outcomes = self.outcomes.borrow_mut();
        let known = outcomes.iter().position(|known| *known == outcome);
        known.unwrap_or_else(|| {
            outcomes.push(outcome);
            outcomes.len() - 1
        }) as u16
    }
}

/// A scenario under one profile, as a program to explore.
#[derive(Debug)]
pub struct Case<'a> {
    /// The scenario.
    pub program: &'a Arc<Program>,
    /// The profile.
    pub profile: Profile,
    /// What is noted.
    pub notes: &'a Notes,
}

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
        let machine = Machine::new(self.program, self.profile, None);
        Box::new(Judge::new(machine, self.profile, self.notes))
    }
}

/// Watches one machine.
#[derive(Debug)]
pub struct Judge<'a> {
    machine: Arc<Machine>,
    notes: &'a Notes,
    /// What is claimed of the process that forks.
    of_parent: Bound,
    /// What is claimed of a forked one.
    of_child: Bound,
    eventually: Vec<usize>,
}

/// Claims on states of one process, by index.
#[derive(Debug, Default)]
struct Bound {
    always: Vec<usize>,
    finally: Vec<usize>,
    cover: Vec<usize>,
}

impl Bound {
    fn add(&mut self, index: usize, kind: &ClaimKind) {
        match kind {
            ClaimKind::Always(_) => self.always.push(index),
            ClaimKind::Finally(_) => self.finally.push(index),
            ClaimKind::Cover(_) => self.cover.push(index),
            ClaimKind::Allow(_)
            | ClaimKind::Reach(_)
            | ClaimKind::Never(_)
            | ClaimKind::Eventually(_) => {}
        }
    }
}

impl<'a> Judge<'a> {
    /// A judge of what `machine` does, by the claims that bind under `profile`.
    #[must_use]
    pub fn new(machine: Arc<Machine>, profile: Profile, notes: &'a Notes) -> Self {
        let (mut of_parent, mut of_child) = (Bound::default(), Bound::default());
        let mut eventually = Vec::new();
        for (index, claim) in machine.program().claims.iter().enumerate() {
            if !claim.binds(profile, None) {
                continue;
            }
            if matches!(claim.kind, ClaimKind::Eventually(_)) {
                eventually.push(index);
            }
            let process = if claim.in_child {
                &mut of_child
            } else {
                &mut of_parent
            };
            process.add(index, &claim.kind);
        }
        Self {
            of_parent,
            of_child,
            eventually,
            machine,
            notes,
        }
    }

    /// What is claimed of the process that the run goes on as.
    fn bound(&self) -> &Bound {
        if self.machine.generation() == 0 {
            &self.of_parent
        } else {
            &self.of_child
        }
    }

    /// The machine.
    #[must_use]
    pub fn machine(&self) -> &Arc<Machine> {
        &self.machine
    }

    /// The `eventually` claims, by index into the claims, in order of their bits.
    #[must_use]
    pub fn eventually(&self) -> &[usize] {
        &self.eventually
    }

    /// Whether the condition of a claim holds now; one that reads an unbound name does not.
    fn holds(&self, index: usize) -> bool {
        let Claim { kind, .. } = &self.machine.program().claims[index];
        let (ClaimKind::Always(condition)
        | ClaimKind::Finally(condition)
        | ClaimKind::Cover(condition)
        | ClaimKind::Eventually(condition)) = kind
        else {
            unreachable!("only claims with a condition are asked")
        };
        Reader::claim(&self.machine)
            .holds(condition)
            .unwrap_or(false)
    }

    /// The first `always` claim, by index, that does not hold now.
    #[must_use]
    pub fn violated(&self) -> Option<usize> {
        let mut always = self.bound().always.iter();
        always.find(|index| !self.holds(**index)).copied()
    }

    fn threads(&self) -> impl Iterator<Item = ThreadIndex> {
        (0..self.machine.program().threads.len()).map(|thread| index_of(ThreadId(thread as u8)))
    }

    /// Whether the thread waits for a GIL, and does not run the handler of a signal meanwhile.
    fn waits_for_gil(&self, world: &World, thread: ThreadIndex) -> bool {
        self.machine.runtime.waits_for_gil(thread) && !world.is_interrupted(thread)
    }

    /// Whom the thread waits for, if a thread can be named.
    #[must_use]
    pub fn waits_for(&self, world: &World, thread: ThreadIndex) -> Option<ThreadIndex> {
        if self.machine.is_gone(thread) {
            return None;
        }
        // A thread that owns the GIL's mutex is between two waits and about to give it up.
        if self.waits_for_gil(world, thread) && !world.owns(thread, "gil.mutex") {
            return self.machine.runtime.holder_waited_for(thread);
        }
        let Standing::Blocked(waits) = world.standing(thread) else {
            return None;
        };
        match waits {
            Waits::Mutex(mutex) => world.owner(mutex),
            Waits::Semaphore(cell) | Waits::Event(cell) => {
                let name = world.info(cell).name;
                let index = usize::from(name.index?);
                match name.what {
                    "mutex" => self.machine.mutexes()[index].owner(),
                    "ended" | "thread_handle.exiting" => Some(ThreadIndex::new(index)),
                    _ => None,
                }
            }
            Waits::Condvar { .. } | Waits::Condition => None,
        }
    }

    /// The threads that wait in a cycle.
    #[must_use]
    pub fn cycle(&self, world: &World) -> Threads {
        let mut cycle = 0;
        for start in self.threads() {
            let mut seen = 0_u16;
            let mut next = Some(start);
            while let Some(thread) = next
                && seen & 1 << thread.index() == 0
            {
                seen |= 1 << thread.index();
                next = self.waits_for(world, thread);
            }
            if next == Some(start) {
                cycle |= seen;
            }
        }
        Threads(cycle)
    }

    fn threads_where(&self, holds: impl Fn(ThreadIndex) -> bool) -> Threads {
        Threads(
            self.threads()
                .filter(|thread| !self.machine.is_gone(*thread) && holds(*thread))
                .fold(0, |bits, thread| bits | 1 << thread.index()),
        )
    }

    /// The started threads that have not ended.
    #[must_use]
    pub fn unfinished(&self, world: &World) -> Threads {
        self.threads_where(|thread| {
            !matches!(
                world.standing(thread),
                Standing::NotStarted | Standing::Ended | Standing::Gone
            )
        })
    }

    /// What happened in a process of real threads, by what can be read while some of them still run: no cycle of waits,
    /// no claim on a state and no leak.
    #[must_use]
    pub fn of_real_process(&self) -> Outcome {
        if let Some(outcome) = self.first_fault() {
            return outcome;
        }
        self.of_calls().unwrap_or_else(|| self.of_threads())
    }

    /// What ended the process at once.
    fn first_fault(&self) -> Option<Outcome> {
        match self.machine.runtime.over() {
            Some(Over::Fatal(fatal)) => {
                return Some(Outcome::Fatal(
                    fatal.message(self.machine.runtime.profile()),
                ));
            }
            Some(Over::Status(error)) => {
                return Some(Outcome::Fatal(
                    error.message(self.machine.runtime.profile()),
                ));
            }
            Some(Over::Crash(crash)) => return Some(Outcome::Crash(crash.name())),
            Some(Over::Limit(_)) => return Some(Outcome::Inconclusive),
            Some(Over::Exit(_)) | None => {}
        }
        self.machine.failed().map(Outcome::Assertion)
    }

    /// Pending calls, and handlers of signals, that ran too often or never.
    fn of_calls(&self) -> Option<Outcome> {
        let bodies = 0..self.machine.program().bodies.len();
        let callbacks = || bodies.clone().map(|body| BodyId(body as u8));
        let repeated = callbacks()
            .find(|body| self.machine.owed(*body) < 0 || self.machine.ran_unasked(*body));
        let unheard = self.machine.runtime.unheard_signal();
        let is_unheard = |body: &BodyId| unheard.is_some_and(|id| id.0 == u16::from(body.0));
        let lost = || callbacks().find(|body| self.machine.owed(*body) > 0 || is_unheard(body));
        repeated
            .map(Outcome::Repeated)
            .or_else(|| lost().map(Outcome::Lost))
    }

    /// Threads that finalization ended or parked.
    fn of_threads(&self) -> Outcome {
        let exited = self.threads_where(|thread| self.machine.exited(thread));
        if exited != Threads(0) {
            return Outcome::Exit(exited);
        }
        let runtime = &self.machine.runtime;
        let hung =
            self.threads_where(|thread| runtime.hung(thread) || runtime.waits_for_dead_gil(thread));
        if hung == Threads(0) {
            Outcome::Ok
        } else {
            Outcome::Hang(hung)
        }
    }

    /// The outcome of a process that has ended.
    fn of_ended(&self, world: &World) -> Outcome {
        let cycle = self.cycle(world);
        if cycle != Threads(0) {
            return Outcome::Deadlock(cycle);
        }
        let finally = &self.bound().finally;
        if let Some(index) = finally.iter().find(|index| !self.holds(**index)) {
            return Outcome::Assertion(super::driver::Site::Claim(*index as u16));
        }
        if let Some(outcome) = self.of_calls() {
            return outcome;
        }
        // The end of the process's first thread is the end of the process: until then it could refer to its own.
        let first = self.machine.first();
        // What a thread had begun to make that is not in the process is nobody's fault.
        let gone =
            |thread| thread != first && !self.machine.is_gone(thread) && self.machine.ended(thread);
        if self.machine.runtime.leaked(gone) {
            return Outcome::Leak;
        }
        self.of_threads()
    }

    /// The outcome now, if the run ends here.
    #[must_use]
    pub fn name(&self, world: &World) -> Outcome {
        let outcome = self.of_process(world);
        outcome.in_child(self.machine.generation())
    }

    /// The outcome of the process that the run went on as.
    fn of_process(&self, world: &World) -> Outcome {
        if let Some(outcome) = self.first_fault() {
            return outcome;
        }
        if self.machine.process_ended() || self.machine.runtime.over().is_some() {
            self.of_ended(world)
        } else {
            Outcome::Deadlock(self.unfinished(world))
        }
    }

    /// Whether nobody can ever go on, time-outs or not: the threads that move only go round in waits for a GIL, each of
    /// which is held by a thread that is blocked or goes round too. One of them that owns a GIL's mutex is between two waits
    /// and about to give it up, and the holder may be blocked by just that. While the runtime is finalizing, one may find
    /// that it is too late, and go: then nothing is said.
    #[must_use]
    pub fn is_stuck_for_good(&self, world: &World) -> bool {
        let runtime = &self.machine.runtime;
        let moves = |thread: &ThreadIndex| matches!(world.standing(*thread), Standing::Enabled);
        let is_held_up = |thread| {
            let holder = runtime.holder_waited_for(thread);
            holder.is_some_and(|holder| self.waits_for_gil(world, holder) || !moves(&holder))
        };
        self.is_stuck(world)
            && !self.may_leave()
            && !self
                .threads()
                .any(|thread| !self.machine.is_gone(thread) && world.owns(thread, "gil.mutex"))
            && self.threads().filter(moves).all(is_held_up)
    }

    /// Whether a thread that waits for the GIL may be told by finalization to go.
    fn may_leave(&self) -> bool {
        let runtime = &self.machine.runtime;
        let waits = |thread| runtime.waits_for_gil(thread) && !runtime.waits_for_dead_gil(thread);
        runtime.finalizing() && self.threads().any(waits)
    }

    /// Whether every thread that has not ended is blocked or goes round in a wait.
    #[must_use]
    pub fn is_stuck(&self, world: &World) -> bool {
        self.threads().all(|thread| match world.standing(thread) {
            Standing::Enabled => self.waits_for_gil(world, thread) && world.signals(thread) == 0,
            Standing::NotStarted
            | Standing::Blocked(_)
            | Standing::Hung
            | Standing::Ended
            | Standing::Gone => true,
        })
    }
}

impl Run for Judge<'_> {
    fn body(&self, thread: ThreadIndex) {
        self.machine.run_thread(thread);
    }

    fn interrupt(&self, signal: u8) -> bool {
        self.machine.interrupt(signal)
    }

    fn look(&self, _: &World) -> Look {
        let over = self.machine.runtime.over().is_some() || self.machine.process_ended();
        let generation = self.machine.generation();
        let bound = self.bound();
        if !over && let Some(index) = self.violated() {
            self.machine.fail_claim(index);
            return Look {
                over: true,
                seen: 0,
                generation,
            };
        }
        for index in &bound.cover {
            if !self.notes.covered.borrow().contains(index) && self.holds(*index) {
                self.notes.covered.borrow_mut().insert(*index);
            }
        }
        let bits = self
            .eventually
            .iter()
            .enumerate()
            .filter(|(_, index)| {
                self.machine.program().claims[**index].in_child == (generation > 0)
            })
            .filter(|(_, index)| self.holds(**index));
        let seen = bits.fold(0, |seen, (bit, _)| seen | 1 << bit);
        Look {
            over: over || self.machine.failed().is_some(),
            seen,
            generation,
        }
    }

    fn outcome(&self, world: &World) -> u16 {
        let outcome = self.name(world);
        if let Some(ends) = &self.notes.ends {
            let end = self.machine.runtime.observe().to_string();
            ends.borrow_mut()
                .entry(outcome.clone())
                .or_default()
                .insert(end);
        }
        self.notes.number(outcome)
    }

    fn label(&self, world: &World) -> String {
        let runtime = &self.machine.runtime;
        let program = self.machine.program();
        let name = |thread: ThreadIndex| &*program.threads[thread.index()].name;
        let mut lines = Vec::new();
        for thread in self.threads() {
            let how = match world.standing(thread) {
                Standing::NotStarted => continue,
                Standing::Ended => "ended".to_owned(),
                Standing::Hung => "hangs".to_owned(),
                Standing::Gone => continue,
                standing @ (Standing::Enabled | Standing::Blocked(_)) => {
                    let place = self
                        .machine
                        .at(thread)
                        .map_or(0, |id| program.statements[id.index()].span.start);
                    let blocked = matches!(standing, Standing::Blocked(_));
                    let waits = if runtime.waits_for_gil(thread) {
                        ", waits for the GIL"
                    } else if blocked {
                        ", blocked"
                    } else {
                        ""
                    };
                    let attached = if runtime.attached(thread) {
                        ", attached"
                    } else {
                        ""
                    };
                    format!("@{place}{attached}{waits}")
                }
            };
            lines.push(format!("{}: {how}", name(thread)));
        }
        let gil = runtime.gil_holder().map_or("free", name);
        let phase = Some(runtime.phase()).filter(|phase| *phase != Phase::NotStarted);
        let phase = phase.map_or_else(String::new, |phase| format!("; finalization: {phase:?}"));
        lines.push(format!("GIL: {gil}{phase}"));
        lines.join("\n")
    }

    fn stuck(&self, world: &World) -> Option<u16> {
        let stuck = self.is_stuck(world) && !self.machine.process_ended();
        let outcome = || Outcome::Deadlock(self.unfinished(world));
        stuck.then(|| {
            let outcome = outcome().in_child(self.machine.generation());
            self.notes.number(outcome)
        })
    }
}
