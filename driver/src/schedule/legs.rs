//! A run by legs: which thread goes on up to which of its events, and by chance how far into the call after it.
//!
//! A real library has more points inside a call than the model has steps: two or a thousand. How many a leg has there is by
//! chance: first the number's size, then the number, so that near places are tried as often as far ones. Where the model's leg
//! has few steps, places far away are tried less.
//!
//! Some of what the model has inside a call lies in none: where no lock is asked for, a library does it in one step. So a leg
//! may end before its last event too.
//!
//! Where other runs have shown what places of the library a call comes by, every other leg ends at one of these instead
//! ([`Leg::places`]). So what is rare in a call, such as giving the GIL up, is tried as often as a lock that it takes a
//! hundred times.
//!
//! A thread that waits where its leg begins, or before its last event, gets its turn as soon as others inside calls have let it
//! go on, the one before it first; if that does not help its wait times out, and then others take their events.

use super::{Schedule, SlotId, Waits};
use oorandom::Rand64;
use tstate_driver::{Choice, Leg, Phase, Visits};

/// Bits that a number of points has at most.
const BITS: u64 = 10;
/// One of so many numbers is of any size.
const ANY_SIZE: u64 = 4;
/// And one of so many of these is anywhere in the run.
const ANYWHERE: u64 = 2;
/// One of so many legs ends before its last event.
const EARLY: u64 = 4;
/// One of so many legs ends at a known place, if there are any.
const PLACES: u64 = 2;

/// Where a run by legs is.
#[derive(Debug)]
pub(super) struct Legs {
    random: Rand64,
    legs: Vec<Leg>,
    /// About how many decisions the run has.
    decisions: u64,
    /// The leg under way.
    at: usize,
    /// How often its thread was given a turn in it.
    turns: u32,
    /// Its thread's events when it ends: those of the model, or more if the thread was ahead.
    events: u32,
    /// Points that its thread takes after the last of them.
    points: u32,
    /// It ends before that event.
    early: bool,
    /// It ends at this place, when its thread is there for that often since its last event.
    until: Option<((Phase, u32), u32)>,
}

impl Legs {
    pub(super) fn new(seed: u64, legs: &[Leg], decisions: u32) -> Self {
        let mut new = Self {
            random: Rand64::new(u128::from(seed)),
            legs: legs.to_vec(),
            decisions: decisions.max(1).into(),
            at: 0,
            turns: 0,
            events: 0,
            points: 0,
            early: false,
            until: None,
        };
        new.draw();
        new
    }

    /// How far the leg under way goes on after its last event.
    fn draw(&mut self) {
        let steps = self.legs.get(self.at).map_or(0, |leg| leg.inside);
        self.early = self.random.rand_range(0..EARLY) == 0;
        self.until = self.place();
        if steps == 0 {
            self.points = 0;
            return;
        }
        let near = (2 + 2 * u64::from(steps.ilog2())).min(BITS);
        let is_any = self.random.rand_range(0..ANY_SIZE) == 0;
        if is_any && self.random.rand_range(0..ANYWHERE) == 0 {
            self.points = self.random.rand_range(0..self.decisions) as u32;
            return;
        }
        let size = self.random.rand_range(0..if is_any { BITS } else { near });
        // It is at the first place of the call without any.
        self.points = self.random.rand_range(1 << size..2 << size) as u32 - 1;
    }

    /// One of the places that are known of the leg under way, every other time.
    fn place(&mut self) -> Option<((Phase, u32), u32)> {
        let places = &self.legs.get(self.at)?.places;
        if places.is_empty() || self.random.rand_range(0..PLACES) != 0 {
            return None;
        }
        let at = self.random.rand_range(0..places.len() as u64) as usize;
        let Visits {
            place,
            phase,
            times,
        } = places[at];
        let nth = self.random.rand_range(0..u64::from(times.max(1))) as u32;
        Some(((phase, place), nth + 1))
    }

    fn leave(&mut self) {
        self.at += 1;
        self.turns = 0;
        self.draw();
    }

    pub(super) fn pick(&mut self, count: u16) -> u16 {
        self.random.rand_range(0..u64::from(count)) as u16
    }
}

impl Schedule {
    /// What the legs want next of those that can go on and those whose wait can time out; nothing if they are at their end, or
    /// a thread is not there yet.
    pub(super) fn by_legs(
        &mut self,
        legs: &mut Legs,
        able: &[SlotId],
        timed: &[SlotId],
    ) -> Option<Choice> {
        while let Some(leg) = legs.legs.get(legs.at) {
            let slot = self.slot_of(leg.thread)?;
            let times_out = leg.times_out;
            if legs.turns == 0 {
                self.slots[slot].points = 0;
                legs.events = leg.events.max(self.slots[slot].events);
                if times_out && timed.contains(&slot) {
                    legs.turns = 1;
                    return Some(Choice::TimeOut(slot as u8));
                }
            }
            if self.is_done(slot, legs) {
                legs.leave();
            } else if able.contains(&slot) {
                // A thread that is to time out goes on until it waits.
                legs.turns += u32::from(!times_out || legs.turns > 0);
                self.slots[slot].points += 1;
                return Some(Choice::Run(slot as u8));
            } else if legs.turns > 0 && self.slots[slot].events == legs.events {
                legs.leave();
            } else {
                let before = legs.at.checked_sub(1).map(|at| legs.legs[at].thread);
                let before = before.and_then(|lane| self.slot_of(lane));
                let is_inside = |other: &SlotId| {
                    able.contains(other)
                        && self.is_brisk(*other)
                        && self.slots[*other].waits != Waits::Event
                };
                let mut others = before.into_iter().chain(able.iter().copied());
                if let Some(other) = others.find(is_inside) {
                    return Some(Choice::Run(other as u8));
                }
                if timed.contains(&slot) {
                    return Some(Choice::TimeOut(slot as u8));
                }
                if let Some(other) = able.iter().find(|other| self.is_brisk(**other)) {
                    return Some(Choice::Run(*other as u8));
                }
                legs.leave();
            }
        }
        None
    }

    /// The thread is at a point: it is at that place once more.
    pub(super) fn visit(&mut self, me: SlotId) {
        let slot = &mut self.slots[me];
        *slot.visits.entry((slot.phase, slot.place)).or_default() += 1;
    }

    /// Whether the thread has come to where its leg ends.
    fn is_done(&self, slot: SlotId, legs: &Legs) -> bool {
        let slot = &self.slots[slot];
        let stands = slot.waits == Waits::Event;
        let is_far = match legs.until {
            Some((place, nth)) => slot.visits.get(&place).is_some_and(|times| *times >= nth),
            None => slot.points >= legs.points,
        };
        slot.events > legs.events
            || slot.events == legs.events && (stands || is_far)
            || legs.early && slot.events + 1 == legs.events && stands
    }
}
