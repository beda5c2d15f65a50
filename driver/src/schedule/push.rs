//! Threads inside calls go on before an event of the guide, one operation at a time.
//!
//! A guide says in which order events happen. How far the calls under way have got by then is what the event's thread
//! sees: which thread states are listed, which is current, whether finalization began. Either a request says how far
//! ([`Push`]), or it says what is to be seen and the threads go on until it is.

use super::{Schedule, SlotId, Waits};
use tstate::sim::events::Seen;
use tstate_driver::Push;

/// Operations by which others go on before one event.
const PUSHES_MAX: u32 = 5_000;

impl Schedule {
    /// What the slot's next event is to see, if anything is aimed at.
    pub fn aim(&self, me: SlotId) -> Option<Seen> {
        let is_aimed = self.rules.pushes.is_empty() && self.missed_at.is_none();
        let is_mine = self.wanted().is_some() && self.wanted() == self.slots[me].lane;
        let aim = self.rules.aims.get(self.guided).copied();
        aim.filter(|_| is_aimed && is_mine)
    }

    /// The slot's next event does not come to see what it is to see.
    pub fn miss(&mut self) {
        self.missed_at = Some(self.guided);
        crate::record::note_miss(self.guided);
    }

    /// Somebody goes on by one operation before the slot's next event, because the request says so: whether somebody does.
    pub fn push_as_asked(&mut self, me: SlotId) -> bool {
        if self.wanted().is_none() || self.wanted() != self.slots[me].lane {
            return false;
        }
        let event = self.guided as u32;
        while let Some(push) = self.rules.pushes.first_mut() {
            if push.event > event {
                return false;
            }
            let slot = SlotId::from(push.thread);
            if push.event < event || push.operations == 0 {
                self.rules.pushes.remove(0);
                continue;
            }
            push.operations -= 1;
            if slot < self.slots.len() && self.is_pushable(me, slot) {
                self.pushing = Some(slot);
                return true;
            }
        }
        false
    }

    /// Somebody who is inside a call goes on by one operation before the slot's next event: whether somebody can.
    pub fn push_one(&mut self, me: SlotId) -> bool {
        let event = self.guided as u32;
        let before = self.pushed.iter().rev();
        let before = before.take_while(|push| push.event == event);
        if before.map(|push| push.operations).sum::<u32>() >= PUSHES_MAX {
            return false;
        }
        let mut slots = (0..self.slots.len()).filter(|slot| self.is_pushable(me, *slot));
        let found = if self.rules.aims_backwards {
            slots.next_back()
        } else {
            slots.next()
        };
        let Some(slot) = found else { return false };
        let thread = slot as u8;
        match self.pushed.last_mut() {
            Some(push) if push.event == event && push.thread == thread => push.operations += 1,
            Some(_) | None => self.pushed.push(Push {
                event,
                thread,
                operations: 1,
            }),
        }
        crate::record::note_push(&self.pushed);
        self.pushing = Some(slot);
        true
    }

    /// Whether the slot is inside a call and could go on.
    fn is_pushable(&self, me: SlotId, slot: SlotId) -> bool {
        slot != me
            && self.goes_on(slot)
            && self.is_brisk(slot)
            && self.slots[slot].waits != Waits::Event
    }
}
