//! Decides by a plan: by default, where the plan does not depart and chance says nothing else.
//!
//! What a decision is, and what is decided by default, is said in [`tstate_driver::Plan`]'s module.
//!
//! # What makes it deterministic
//!
//! A decision depends on the threads, what they wait for, and the plan. All that departs is noted, decisions of chance
//! included, so that the list alone makes the same run.

use super::legs::Legs;
use super::{End, Schedule, Slot, SlotId, Waits};
use crate::record::{self, At, Noted};
use oorandom::Rand64;
use std::collections::{BTreeMap, BTreeSet};
use tstate::sync::Branch;
use tstate_driver::{Chance, Choice, Plan};

/// Threads that can be named in the other choices of a decision.
const THREADS_TOLD: usize = 16;
/// Operations between two turns late in the run.
const QUANTUM: u64 = 64;
/// One of so many decisions by chance lets a wait time out.
const TIME_OUTS: u64 = 16;

/// What decides a run.
#[derive(Debug)]
pub struct Planner {
    departures: BTreeMap<(u8, u32), Choice>,
    chance: Option<Fate>,
    /// Points of each thread so far.
    points: Vec<u32>,
    /// Decisions so far that could have been others.
    decisions: u32,
    /// Late in the run: who has the turn, and since which operation.
    turn: (SlotId, u64),
}

/// What decides where the plan says nothing.
#[derive(Debug)]
enum Fate {
    Dice(Dice),
    Legs(Legs),
}

/// Chance.
#[derive(Debug)]
struct Dice {
    random: Rand64,
    /// The order of threads, if there is one.
    order: Option<Order>,
}

/// Priorities: the higher goes on.
#[derive(Debug)]
struct Order {
    of: Vec<u64>,
    /// Decisions at which it changes.
    changes: BTreeSet<u32>,
    /// The lowest so far.
    lowest: u64,
}

/// Where priorities begin: far above those that changes give.
const FIRST: u64 = 1 << 32;

impl Planner {
    pub(super) fn new(plan: &Plan) -> Self {
        let departures = plan.departures.0.iter();
        Self {
            departures: departures
                .map(|departure| ((departure.thread, departure.point), departure.choice))
                .collect(),
            chance: plan.chance.as_ref().map(Fate::new),
            points: Vec::new(),
            decisions: 0,
            turn: (0, 0),
        }
    }

    /// The number of the thread's next point.
    fn point(&mut self, me: SlotId) -> u32 {
        if self.points.len() <= me {
            self.points.resize(me + 1, 0);
        }
        self.points[me] += 1;
        self.points[me] - 1
    }
}

impl Fate {
    fn new(chance: &Chance) -> Self {
        match *chance {
            Chance::Random { seed } => Self::Dice(Dice {
                random: Rand64::new(u128::from(seed)),
                order: None,
            }),
            Chance::Pct {
                seed,
                depth,
                decisions,
            } => Self::Dice(Dice::with_priorities(seed, depth, decisions)),
            Chance::Legs {
                seed,
                ref legs,
                decisions,
            } => Self::Legs(Legs::new(seed, legs, decisions)),
        }
    }

    fn pick(&mut self, count: u16) -> u16 {
        match self {
            Self::Dice(dice) => dice.random.rand_range(0..u64::from(count)) as u16,
            Self::Legs(legs) => legs.pick(count),
        }
    }
}

impl Dice {
    fn with_priorities(seed: u64, depth: u32, decisions: u32) -> Self {
        let mut random = Rand64::new(u128::from(seed));
        let bound = u64::from(decisions.max(1));
        let changes = (1..depth).map(|_| random.rand_range(0..bound) as u32);
        let changes = changes.collect();
        Self {
            random,
            order: Some(Order {
                of: Vec::new(),
                changes,
                lowest: FIRST,
            }),
        }
    }

    fn one_of<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let count = from.len() as u64;
        (count > 0).then(|| from[self.random.rand_range(0..count) as usize])
    }

    /// Somebody of those who can go on, or whose wait can time out.
    fn choose(&mut self, options: &Options, decision: u32) -> Option<Choice> {
        let Some(order) = &mut self.order else {
            let times_out = options.able.is_empty() || self.random.rand_range(0..TIME_OUTS) == 0;
            if times_out && let Some(slot) = self.one_of(&options.timed) {
                return Some(Choice::TimeOut(slot as u8));
            }
            return self
                .one_of(&options.able)
                .map(|slot| Choice::Run(slot as u8));
        };
        let last = options.able.iter().chain(&options.timed).max();
        while order.of.len() <= last.copied().unwrap_or(0) {
            order.of.push(FIRST + self.random.rand_range(0..FIRST));
        }
        let first = |of: &[u64]| {
            let brisk = options.brisk.iter().copied();
            brisk.max_by_key(|slot| of[*slot])
        };
        if order.changes.remove(&decision) {
            if !options.timed.is_empty() && self.random.rand_range(0..2) == 0 {
                return self
                    .one_of(&options.timed)
                    .map(|slot| Choice::TimeOut(slot as u8));
            }
            if let Some(slot) = first(&order.of) {
                order.lowest -= 1;
                order.of[slot] = order.lowest;
            }
        }
        first(&order.of).map(|slot| Choice::Run(slot as u8))
    }
}

/// What can be decided.
#[derive(Debug, Default)]
struct Options {
    /// Who can go on.
    able: Vec<SlotId>,
    /// Who of them does not just pass time.
    brisk: Vec<SlotId>,
    /// Whose wait can time out.
    timed: Vec<SlotId>,
}

/// As bits.
fn bits(slots: &[SlotId]) -> u16 {
    let told = slots.iter().filter(|slot| **slot < THREADS_TOLD);
    told.fold(0, |bits, slot| bits | 1 << slot)
}

impl Slot {
    /// Where this thread decides, at this point of its.
    fn at(&self, me: SlotId, point: u32) -> At {
        At {
            thread: me as u8,
            point,
            lane: self.lane,
            events: self.events,
            place: self.place,
            phase: self.phase,
        }
    }
}

impl Schedule {
    /// Whether the run goes by a plan.
    pub fn is_planned(&self) -> bool {
        self.planner.is_some()
    }

    /// The number of the thread's next point; 0 in a run without a plan.
    pub fn point(&self, me: SlotId) -> u32 {
        let points = self
            .planner
            .as_ref()
            .and_then(|planner| planner.points.get(me));
        points.copied().unwrap_or(0)
    }

    /// Who goes on.
    pub(super) fn planned_next(
        &mut self,
        planner: &mut Planner,
        me: SlotId,
    ) -> Result<SlotId, End> {
        loop {
            let options = self.options();
            if options.able.is_empty() && options.timed.is_empty() {
                return Err(End::Stuck);
            }
            match self.decide(planner, me, &options) {
                Choice::Run(slot) => {
                    let slot = SlotId::from(slot);
                    self.went_on(slot);
                    return Ok(slot);
                }
                Choice::TimeOut(slot) => self.time_out(SlotId::from(slot)),
                Choice::Pick(_) => unreachable!("only threads are chosen among"),
            }
        }
    }

    fn options(&self) -> Options {
        let mut options = Options::default();
        for slot in 0..self.slots.len() {
            if self.goes_on(slot) {
                options.able.push(slot);
                if self.is_brisk(slot) {
                    options.brisk.push(slot);
                }
            }
            if self.may_time_out(slot) {
                options.timed.push(slot);
            }
        }
        options
    }

    fn decide(&mut self, planner: &mut Planner, me: SlotId, options: &Options) -> Choice {
        let point = planner.point(me);
        self.visit(me);
        if self.is_late() {
            return self.fair(planner, options);
        }
        let default = self.default_of(me, options);
        let is_possible = |choice: &Choice| match *choice {
            Choice::Run(slot) => options.able.contains(&SlotId::from(slot)),
            Choice::TimeOut(slot) => options.timed.contains(&SlotId::from(slot)),
            Choice::Pick(_) => false,
        };
        let others = Noted::Threads(self.others(me, options, default));
        let planned = planner.departures.get(&(me as u8, point)).copied();
        let decision = planner.decisions;
        let chosen = match (planned.filter(is_possible), planner.chance.as_mut()) {
            (Some(choice), _) => Some(choice),
            (None, Some(Fate::Dice(dice))) => dice.choose(options, decision),
            (None, Some(Fate::Legs(legs))) => self.by_legs(legs, &options.able, &options.timed),
            (None, None) => None,
        };
        let chosen = chosen.unwrap_or(default);
        planner.note(self.slots[me].at(me, point), chosen, default, others);
        chosen
    }

    /// What is decided where nothing departs.
    fn default_of(&self, me: SlotId, options: &Options) -> Choice {
        let stays = options.able.contains(&me) && self.keeps_the_turn(me);
        if stays {
            return Choice::Run(me as u8);
        }
        if let Some(slot) = options.brisk.first() {
            return Choice::Run(*slot as u8);
        }
        if let Some(slot) = options.timed.first() {
            return Choice::TimeOut(*slot as u8);
        }
        let patient = options.able.iter().copied();
        let slot = patient.min_by_key(|slot| self.slots[*slot].yields);
        Choice::Run(slot.unwrap_or(me) as u8)
    }

    /// What else could be decided: who else could go on, and whose wait time out, for nothing or at a cost.
    fn others(&self, me: SlotId, options: &Options, default: Choice) -> [u16; 4] {
        let is_default = |choice: Choice| choice == default;
        let run = |slot: &SlotId| !is_default(Choice::Run(*slot as u8));
        let time_out = |slot: &SlotId| !is_default(Choice::TimeOut(*slot as u8));
        let brisk: Vec<SlotId> = options.brisk.iter().copied().filter(run).collect();
        let timed: Vec<SlotId> = options.timed.iter().copied().filter(time_out).collect();
        let (brisk, timed) = (bits(&brisk), bits(&timed));
        let preempts = options.brisk.contains(&me);
        let (free_runs, costly_runs) = if preempts { (0, brisk) } else { (brisk, 0) };
        if matches!(default, Choice::TimeOut(_)) {
            [free_runs, costly_runs, timed, 0]
        } else {
            [free_runs, costly_runs, 0, timed]
        }
    }

    /// Whether the share of the run in which it may depart is used up.
    fn is_late(&self) -> bool {
        let half = |used: u64, bound: u64| bound > 0 && used > bound / 2;
        half(self.operations, self.rules.operations_max)
            || half(u64::from(self.events), u64::from(self.rules.events_max))
    }

    /// Late in the run: threads take turns, and whose wait can time out gets a time-out for a turn.
    fn fair(&self, planner: &mut Planner, options: &Options) -> Choice {
        let (slot, since) = planner.turn;
        let is_up = self.operations >= since + QUANTUM;
        if !is_up && options.brisk.contains(&slot) {
            return Choice::Run(slot as u8);
        }
        let count = self.slots.len();
        let turns = (1..=count).map(|after| (slot + after) % count);
        let next = turns.clone().find_map(|slot| {
            if options.timed.contains(&slot) {
                Some(Choice::TimeOut(slot as u8))
            } else {
                let goes = options.brisk.contains(&slot);
                goes.then_some(Choice::Run(slot as u8))
            }
        });
        let mut turns = turns;
        let idle = turns.find(|slot| options.able.contains(slot));
        let next = next.unwrap_or(Choice::Run(idle.unwrap_or(slot) as u8));
        if let Choice::Run(slot) | Choice::TimeOut(slot) = next {
            planner.turn = (SlotId::from(slot), self.operations);
        }
        next
    }

    /// Notes who goes on late in the run.
    fn went_on(&self, slot: SlotId) {
        if self.is_late()
            && let Some(lane) = self.slots[slot].lane
        {
            record::note_busy(lane);
        }
    }

    /// Which of so many alternatives is taken, where the run goes by a plan.
    pub(super) fn planned_pick(&mut self, me: SlotId, count: u16) -> Option<u16> {
        let late = self.is_late();
        let planner = self.planner.as_mut()?;
        let point = planner.point(me);
        let planned = planner.departures.get(&(me as u8, point)).copied();
        let picked = |choice| match choice {
            Choice::Pick(pick) => Some(pick),
            Choice::Run(_) | Choice::TimeOut(_) => None,
        };
        let planned = planned
            .and_then(picked)
            .filter(|pick| *pick < count && !late);
        let chance = planner.chance.as_mut().filter(|_| !late && count > 0);
        let pick = planned.or_else(|| chance.map(|fate| fate.pick(count)));
        let pick = pick.unwrap_or(0);
        if !late && count > 1 {
            let others = Noted::Picks(count);
            let at = self.slots[me].at(me, point);
            planner.note(at, Choice::Pick(pick), Choice::Pick(0), others);
        }
        Some(pick)
    }

    /// Which process a run by a plan goes on as.
    pub(super) fn planned_branch(&mut self, me: SlotId) -> Option<Branch> {
        let as_child = self.planned_pick(me, 2)? == 1;
        Some(if as_child {
            Branch::Child
        } else {
            Branch::Parent
        })
    }

    /// The thread of the program that the slot waits for, if that can be known.
    pub fn waits_for(&self, slot: SlotId, holder: Option<SlotId>) -> Option<SlotId> {
        match self.slots[slot].waits {
            Waits::Join(other) => Some(other),
            // Who goes round waits for what it looks at with the mutex.
            Waits::Mutex(_) if self.goes_round(slot) => holder,
            Waits::Mutex(address) => {
                let mutex = self.mutexes.get(&address);
                mutex.and_then(|mutex| mutex.owner)
            }
            // What waits with a limit and is not attached waits for the GIL.
            Waits::Condition { timed: true, .. } => holder,
            Waits::Condition { timed: false, .. }
            | Waits::Semaphore { .. }
            | Waits::Cell(_)
            | Waits::Reading(_)
            | Waits::Library
            | Waits::Nothing
            | Waits::Event
            | Waits::Others
            | Waits::Ended
            | Waits::Exited
            | Waits::Hung
            | Waits::Gone => None,
        }
    }
}

impl Planner {
    /// A decision is made: notes it if it could have been another.
    fn note(&mut self, at: At, chosen: Choice, default: Choice, others: Noted) {
        if chosen != default || !others.is_empty() {
            self.decisions += 1;
            record::note_decision(at, chosen, default, others);
        }
    }
}
