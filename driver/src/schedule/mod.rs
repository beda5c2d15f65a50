//! One thread at a time: who has the turn, what the others wait for, and who goes on.
//!
//! # Protocol
//!
//! 1. The threads of a run are numbered slots. Exactly one slot has the turn; its thread alone touches [`Schedule`] and
//!    alone executes code of the library or of the scenario. That is the whole of the mutual exclusion.
//! 2. A thread that cannot go on notes what it waits for ([`Waits`]) and asks [`Schedule::next`]; if another slot is
//!    chosen, it sets that slot's word, wakes it and sleeps on its own word. Waits are predicates that are looked at
//!    when somebody chooses, so nobody has to be told that a wait is over.
//! 3. If nobody can go on, timed waits time out, each thread at most `ticks` times in a statement. Whoever has used
//!    these up (a plan or chance may do so early, before what the waiter is to see has happened) gets as many again from
//!    the last event of the run on, in turn. If nothing comes of these either, the run is stuck, which is a result.
//!
//! # What makes it deterministic
//!
//! Slots are numbered by whoever creates them, while it has the turn. Every choice depends on the slots, the guide (or the
//! plan) and the seed only. The library's clock is ours as well (see `layer::time`): it moves with calls and with time-outs.

mod choose;
mod legs;
mod planned;
mod push;
pub mod sampled;
mod turn;

pub use turn::{
    block, enter, finish, is_ours, is_scheduled, leave, make_slot, me, own, pass, relax,
    signal_all, signal_one, step, step_at, step_to_wait,
};

use oorandom::Rand64;
use planned::Planner;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicU32;
use tstate::sim::events::Seen;
use tstate::sync::{Branch, Name};
use tstate_driver::{Phase, Plan, Push};

/// The number of a thread of the run, in order of creation.
pub type SlotId = usize;

/// What a thread waits for before it can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// Nothing.
    Nothing,
    /// To be allowed to do its next event.
    Event,
    /// It gave its turn away of its own accord: others first.
    Others,
    /// A mutex of the library.
    Mutex(usize),
    /// A condition variable of the library: to be woken.
    Condition {
        /// Which, by its number; an address may be used again.
        condition: u64,
        /// Whether the wait has a limit.
        timed: bool,
        /// What it must own again before it goes on.
        mutex: usize,
    },
    /// A semaphore of the library.
    Semaphore {
        /// Its address.
        semaphore: usize,
        /// Whether the wait has a limit.
        timed: bool,
    },
    /// Another thread's end.
    Join(SlotId),
    /// A semaphore of the scenario above 0, or an event of it set: a cell.
    Cell(u16),
    /// A condition of the scenario, read in vain when the run had got this far.
    Reading(u64),
    /// Something of the library, in sampled mode.
    Library,
    /// It has ended.
    Ended,
    /// The library ended it (`pthread_exit`).
    Exited,
    /// The library parked it for good (`pause`).
    Hung,
    /// It is not in the forked process that the run went on as.
    Gone,
}

impl Waits {
    /// Whether the thread takes no further step.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Ended | Self::Exited | Self::Hung | Self::Gone)
    }

    /// Whether a time-out would end the wait.
    pub fn is_timed(self) -> bool {
        matches!(
            self,
            Self::Condition { timed: true, .. } | Self::Semaphore { timed: true, .. }
        )
    }
}

/// A thread of the run.
#[derive(Debug)]
pub struct Slot {
    /// Which thread of the scenario it is, if it is one.
    pub lane: Option<u8>,
    /// What it waits for.
    pub waits: Waits,
    /// Its last timed wait timed out.
    pub timed_out: bool,
    /// Its last operation is a timed wait on a condition variable, done or about to be.
    pub rounds: bool,
    /// The real thread.
    pub thread: libc::pthread_t,
    /// What its function returned.
    pub result: usize,
    /// Its current thread state, as it saw it when it last gave the turn away.
    pub current: usize,
    /// It timed out ahead of others since it last waited for anything but the GIL.
    pub asked: bool,
    /// In sampled mode: the kernel's number for the thread, 0 before it runs.
    pub number: libc::pid_t,
    /// In sampled mode: how far the run had got when the thread began to wait.
    since: u64,
    turn: &'static AtomicU32,
    ticks: u32,
    /// Time-outs beyond those, as nobody could go on, since the last event of the run.
    spare: u32,
    yields: u32,
    /// Its events.
    events: u32,
    /// Points that legs gave to it since its last event, or since the leg began.
    points: u32,
    /// Where in the library it is at its point: what the address of an object or an instruction ends in, or 0.
    place: u32,
    /// How far the runtime's life was then, as it saw it.
    phase: Phase,
    /// How often it was at each place, in each phase, since its last event.
    visits: BTreeMap<(Phase, u32), u32>,
}

/// A mutex of the library.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mutex {
    /// Who owns it.
    pub owner: Option<SlotId>,
    /// How often, if it is recursive.
    pub count: u32,
}

/// What bounds a run and decides its choices.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Whose event comes next, by lanes; the highest bit is set where the run goes on as the child of a fork.
    pub guide: Vec<u8>,
    /// How far others go on before events of the guide.
    pub pushes: Vec<Push>,
    /// What the guide's events are to see.
    pub aims: Vec<Seen>,
    /// Those inside calls are tried from the last to the first.
    pub aims_backwards: bool,
    /// What each `choose` takes, in order; 0 (or chance) when there is no more.
    pub choices: Vec<u16>,
    /// Chance at every point.
    pub seed: Option<u64>,
    /// What decides instead of all of these.
    pub plan: Option<Plan>,
    /// In sampled mode: nobody stands before events.
    pub free: bool,
    /// The guide's thread times out before others move for it, so that they are asked to hand over.
    pub hasty: bool,
    /// Time-outs that one thread gets in one statement.
    pub ticks: u32,
    /// Events of a run.
    pub events_max: u32,
    /// Operations of a run.
    pub operations_max: u64,
}

/// How the run ended, as far as a scheduler can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Nobody can go on.
    Stuck,
    /// Nobody is left, the first thread included (`pthread_exit`): the C library ends the process.
    Over,
    /// A bound of the run was reached.
    Cut(&'static str),
}

/// The state of a run. Touched by the thread that has the turn, and by nobody else.
#[derive(Debug)]
pub struct Schedule {
    /// The threads.
    pub slots: Vec<Slot>,
    /// The mutexes of the library that were used, by address.
    pub mutexes: BTreeMap<usize, Mutex>,
    /// The numbers of the condition variables of the library, by address.
    pub conditions: BTreeMap<usize, u64>,
    /// The semaphores of the library that were initialized, by address.
    pub semaphores: BTreeMap<usize, u64>,
    /// The words of the scenario.
    pub cells: Vec<u64>,
    /// What they are called.
    pub cell_names: Vec<Name>,
    /// The library's clock, in nanoseconds.
    pub clock: u64,
    /// Events done.
    pub events: u32,
    /// The part of the guide that was followed.
    pub guided: usize,
    /// Where the guide was given up.
    pub guide_left_at: Option<usize>,
    /// What aims came to so far.
    pub pushed: Vec<Push>,
    /// The first event that did not see what was aimed at.
    pub missed_at: Option<usize>,
    /// Who goes on by one operation, though the guide wants another.
    pushing: Option<SlotId>,
    /// In sampled mode: who may go on from where it stood, and is not done with it.
    pub granted: Option<SlotId>,
    chosen: usize,
    rules: Rules,
    random: Option<Rand64>,
    planner: Option<Planner>,
    conditions_made: u64,
    operations: u64,
    version: u64,
}

/// The bit of a guide's turn with which the run goes on as the child of a fork.
const AS_CHILD: u8 = 1 << 7;
/// The clock's first reading: any time long after the machine's start.
const CLOCK_FIRST: u64 = 1_000_000_000_000;

impl Schedule {
    /// A run in which nothing has happened.
    pub fn new() -> Self {
        Self {
            slots: Vec::new(),
            mutexes: BTreeMap::new(),
            conditions: BTreeMap::new(),
            semaphores: BTreeMap::new(),
            cells: Vec::new(),
            cell_names: Vec::new(),
            clock: CLOCK_FIRST,
            events: 0,
            guided: 0,
            guide_left_at: None,
            pushed: Vec::new(),
            missed_at: None,
            pushing: None,
            granted: None,
            chosen: 0,
            rules: Rules::default(),
            random: None,
            planner: None,
            conditions_made: 0,
            operations: 0,
            version: 0,
        }
    }

    /// From here on the run goes by these rules.
    pub fn begin(&mut self, rules: Rules) {
        self.random = rules.seed.map(|seed| Rand64::new(u128::from(seed)));
        self.planner = rules.plan.as_ref().map(Planner::new);
        self.rules = rules;
        self.operations = 0;
    }

    /// A new number for the condition variable at this address.
    pub fn make_condition(&mut self, address: usize) -> u64 {
        self.conditions_made += 1;
        self.conditions.insert(address, self.conditions_made);
        self.conditions_made
    }

    /// The number of the condition variable at this address.
    pub fn condition(&mut self, address: usize) -> u64 {
        match self.conditions.get(&address) {
            Some(number) => *number,
            None => self.make_condition(address),
        }
    }

    /// The state of a mutex; one that was never initialized is free.
    pub fn mutex(&mut self, address: usize) -> &mut Mutex {
        self.mutexes.entry(address).or_default()
    }

    /// Something happened that may end another thread's wait.
    pub fn moved(&mut self) {
        self.version += 1;
        sampled::changed();
    }

    /// How often something happened.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Counts an operation; `Err` if the run has had its share of them.
    pub fn count(&mut self) -> Result<(), End> {
        self.operations += 1;
        self.version += 1;
        self.clock += 1_000;
        let bound = self.rules.operations_max;
        if bound > 0 && self.operations > bound {
            return Err(End::Cut("operations"));
        }
        Ok(())
    }

    /// Events of the run.
    pub fn events_so_far(&self) -> u32 {
        self.events
    }

    /// Counts an event of the thread; `Err` if the run has had its share of them.
    pub fn count_event(&mut self, slot: SlotId) -> Result<(), End> {
        self.events += 1;
        self.slots.iter_mut().for_each(|slot| slot.spare = 0);
        self.slots[slot].ticks = 0;
        self.slots[slot].yields = 0;
        self.slots[slot].events += 1;
        self.slots[slot].points = 0;
        self.slots[slot].place = 0;
        self.slots[slot].visits.clear();
        if self.rules.events_max > 0 && self.events > self.rules.events_max {
            return Err(End::Cut("events"));
        }
        if self.wanted().is_some() && self.wanted() == self.slots[slot].lane {
            self.guided += 1;
        }
        Ok(())
    }

    /// The lane whose event comes next, while there is a guide to follow.
    pub fn wanted(&self) -> Option<u8> {
        if self.guide_left_at.is_some() {
            return None;
        }
        self.rules
            .guide
            .get(self.guided)
            .map(|turn| turn & !AS_CHILD)
    }

    /// Which process the run goes on as, where the thread is about to fork: by the guide, by chance, else the parent.
    pub fn branch(&mut self, slot: SlotId) -> Branch {
        if let Some(branch) = self.planned_branch(slot) {
            return branch;
        }
        let turn = self.rules.guide.get(self.guided).copied();
        let lane = self.slots[slot].lane;
        let turn =
            turn.filter(|turn| self.guide_left_at.is_none() && lane == Some(turn & !AS_CHILD));
        let as_child = match turn {
            Some(turn) => turn & AS_CHILD != 0,
            None => self.draw(2) == 1,
        };
        if as_child {
            Branch::Child
        } else {
            Branch::Parent
        }
    }

    /// Which of so many alternatives the scenario takes, on the thread `me`.
    pub fn alternative(&mut self, me: SlotId, alternatives: u16) -> u16 {
        if let Some(pick) = self.planned_pick(me, alternatives) {
            return pick;
        }
        let chosen = self.rules.choices.get(self.chosen).copied();
        self.chosen += 1;
        chosen
            .unwrap_or_else(|| self.draw(u64::from(alternatives)) as u16)
            .min(alternatives.saturating_sub(1))
    }

    /// Whether more than one thread has not ended.
    pub fn has_others(&self) -> bool {
        let left = self.slots.iter().filter(|slot| !slot.waits.is_over());
        left.count() > 1
    }

    /// Whether the thread goes round in timed waits on a condition variable, as who waits for the GIL does: it waits, needs
    /// the mutex to look whether to wait on, or is about to wait again.
    pub fn goes_round(&self, slot: SlotId) -> bool {
        let slot = &self.slots[slot];
        let is_inside = matches!(
            slot.waits,
            Waits::Condition { .. } | Waits::Mutex(_) | Waits::Nothing
        );
        slot.rounds && is_inside
    }

    /// The slot of a lane; of a thread not started yet, nothing.
    pub fn slot_of(&self, lane: u8) -> Option<SlotId> {
        self.slots.iter().position(|slot| slot.lane == Some(lane))
    }
}
