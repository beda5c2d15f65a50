//! Who goes on: by the guide, by the plan, by chance, or the running thread as long as it can.

use super::{End, Schedule, Slot, SlotId, Waits};

/// How often a thread that gives its turn away gets it back before the others, in one statement.
const YIELDS_FIRST: u32 = 2;
/// How often it does while a guide waits for it.
const YIELDS_MAX: u32 = 2_000;
/// By how much the library's clock moves when a wait times out: more than any interval that the library looks at.
const TICK: u64 = 6_000_000;

impl Schedule {
    /// Who has the turn next, if anybody can go on.
    pub fn next(&mut self, me: SlotId) -> Result<SlotId, End> {
        if let Some(lane) = self.wanted() {
            match self.guided_next(lane) {
                Some(slot) => return Ok(slot),
                None => self.guide_left_at = Some(self.guided),
            }
        }
        let mut next = self.unguided_next(me);
        while next == Err(End::Stuck)
            && let Some(slot) = self.last_timed()
        {
            self.time_out(slot);
            self.slots[slot].spare += 1;
            next = self.unguided_next(me);
        }
        let is_left =
            |slot: &Slot| !matches!(slot.waits, Waits::Ended | Waits::Exited | Waits::Gone);
        match next {
            Err(End::Stuck) if !self.slots.iter().any(is_left) => Err(End::Over),
            next => next,
        }
    }

    fn unguided_next(&mut self, me: SlotId) -> Result<SlotId, End> {
        if let Some(mut planner) = self.planner.take() {
            let next = self.planned_next(&mut planner, me);
            self.planner = Some(planner);
            next
        } else if self.random.is_some() {
            self.random_next()
        } else {
            self.default_next(me)
        }
    }

    /// The choice that lets the thread `lane` come to its event: itself; else whoever is inside a call; else a time-out.
    fn guided_next(&mut self, lane: u8) -> Option<SlotId> {
        if let Some(slot) = self.pushing.take().filter(|slot| self.goes_on(*slot)) {
            return Some(slot);
        }
        let wanted = self.slot_of(lane);
        if let Some(slot) = wanted
            && self.goes_on(slot)
            && self.keeps_the_turn(slot)
        {
            return Some(slot);
        }
        let slots = 0..self.slots.len();
        let inside = slots.filter(|slot| {
            Some(*slot) != wanted && self.goes_on(*slot) && self.slots[*slot].waits != Waits::Event
        });
        let inside: Vec<SlotId> = inside.collect();
        if self.rules.hasty
            && let Some(slot) = wanted
            && matches!(self.slots[slot].waits, Waits::Condition { timed: true, .. })
            && !self.slots[slot].asked
        {
            self.time_out(slot);
            self.slots[slot].ticks -= 1;
            self.slots[slot].asked = true;
            return self.guided_next(lane);
        }
        if let Some(slot) = inside.iter().find(|slot| self.is_brisk(**slot)) {
            return Some(*slot);
        }
        let timed = wanted.into_iter().chain(0..self.slots.len());
        if let Some(slot) = self.first_timed(timed) {
            self.time_out(slot);
            return self.guided_next(lane);
        }
        let yielding = wanted.into_iter().filter(|slot| self.goes_on(*slot));
        let mut yielding = yielding.chain(inside);
        yielding.find(|slot| self.slots[*slot].yields < YIELDS_MAX)
    }

    /// The running thread as long as it can, then the first that can.
    fn default_next(&mut self, me: SlotId) -> Result<SlotId, End> {
        if self.goes_on(me) && self.keeps_the_turn(me) {
            return Ok(me);
        }
        let slots = 0..self.slots.len();
        if let Some(slot) = slots
            .clone()
            .find(|slot| self.goes_on(*slot) && self.is_brisk(*slot))
        {
            return Ok(slot);
        }
        if let Some(slot) = self.first_timed(slots.clone()) {
            self.time_out(slot);
            return self.default_next(me);
        }
        slots
            .filter(|slot| self.goes_on(*slot))
            .min_by_key(|slot| self.slots[*slot].yields)
            .ok_or(End::Stuck)
    }

    fn random_next(&mut self) -> Result<SlotId, End> {
        let slots = 0..self.slots.len();
        let able: Vec<SlotId> = slots.clone().filter(|slot| self.goes_on(*slot)).collect();
        let timed: Vec<SlotId> = slots.filter(|slot| self.may_time_out(*slot)).collect();
        let times_out = !timed.is_empty() && (able.is_empty() || self.draw(16) == 0);
        let from = if times_out { &timed } else { &able };
        if from.is_empty() {
            return Err(End::Stuck);
        }
        let slot = from[self.draw(from.len() as u64) as usize];
        if times_out {
            self.time_out(slot);
            return self.random_next();
        }
        Ok(slot)
    }

    /// A number below `bound`: by chance, or 0 in a run without.
    pub fn draw(&mut self, bound: u64) -> u64 {
        self.random
            .as_mut()
            .map_or(0, |random| random.rand_range(0..bound))
    }

    /// Whether somebody else should go on now: by chance, or because the guide's thread can at last.
    pub fn is_interrupted(&mut self, me: SlotId) -> bool {
        match self.wanted().map(|lane| self.slot_of(lane)) {
            Some(Some(slot)) => slot != me && self.goes_on(slot) && self.is_brisk(slot),
            Some(None) => false,
            None => self.random.is_some() || self.is_planned(),
        }
    }

    /// Whether the thread could take a step now.
    pub fn goes_on(&self, slot: SlotId) -> bool {
        let slot = &self.slots[slot];
        match slot.waits {
            Waits::Nothing | Waits::Event | Waits::Others => true,
            Waits::Mutex(address) => self
                .mutexes
                .get(&address)
                .is_none_or(|mutex| mutex.owner.is_none()),
            Waits::Semaphore { semaphore, .. } => {
                slot.timed_out
                    || self
                        .semaphores
                        .get(&semaphore)
                        .is_some_and(|count| *count > 0)
            }
            Waits::Join(other) => {
                matches!(self.slots[other].waits, Waits::Ended | Waits::Exited)
            }
            Waits::Cell(cell) => self.cells[usize::from(cell)] > 0,
            Waits::Reading(version) => self.version != version,
            Waits::Condition { .. }
            | Waits::Library
            | Waits::Ended
            | Waits::Exited
            | Waits::Hung
            | Waits::Gone => false,
        }
    }

    /// Whether a thread that can go on goes on before others: it does something, or has not passed time for long.
    pub(super) fn keeps_the_turn(&self, slot: SlotId) -> bool {
        self.is_brisk(slot) || self.slots[slot].yields <= YIELDS_FIRST
    }

    /// Whether the thread is not just passing time.
    pub(super) fn is_brisk(&self, slot: SlotId) -> bool {
        self.slots[slot].waits != Waits::Others
    }

    pub(super) fn may_time_out(&self, slot: SlotId) -> bool {
        let slot = &self.slots[slot];
        slot.waits.is_timed() && !slot.timed_out && slot.ticks < self.rules.ticks
    }

    fn first_timed(&self, mut slots: impl Iterator<Item = SlotId>) -> Option<SlotId> {
        slots.find(|slot| self.may_time_out(*slot))
    }

    /// Where nobody can go on: whose wait times out beyond its share, first who did so least. What the others have done since
    /// its last time-out may be what it waits to see.
    fn last_timed(&self) -> Option<SlotId> {
        let may = |slot: &SlotId| {
            let slot = &self.slots[*slot];
            slot.waits.is_timed() && !slot.timed_out && slot.spare < self.rules.ticks
        };
        let slots = (0..self.slots.len()).filter(may);
        slots.min_by_key(|slot| self.slots[*slot].spare)
    }

    /// The thread's wait times out: it may go on, or as soon as it has its mutex again.
    pub(super) fn time_out(&mut self, slot: SlotId) {
        self.clock += TICK;
        self.moved();
        let waiter = &mut self.slots[slot];
        waiter.ticks += 1;
        waiter.timed_out = true;
        if let Waits::Condition { mutex, .. } = waiter.waits {
            waiter.waits = Waits::Mutex(mutex);
        }
    }
}
