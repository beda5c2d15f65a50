//! The scenario's native primitives under the run's scheduler: the same as those of the library, see [`crate::schedule`].
//!
//! What the explorer needs to recognise a state (histories, digests, frames) does nothing here: a run is not searched.

use crate::layer::launch;
use crate::record;
use crate::schedule::{Waits, block, finish, me, own, relax, step};
use tstate::sync::hook::{Around, CellId, CellKind, Contents, Controller};
use tstate::sync::{Branch, Name, ThreadIndex, WaitResult};

/// The controller of every thread of the run.
#[derive(Debug)]
pub struct Native;

/// What a scenario's machine does not have: its own locks are semaphores.
fn unknown(what: &str) -> ! {
    record::cut(&format!("internal: a scenario has no {what}"))
}

fn value(cell: CellId) -> u64 {
    own(|schedule| schedule.cells[usize::from(cell.0)])
}

fn change(cell: CellId, change: &dyn Fn(u64) -> u64) -> u64 {
    own(|schedule| {
        let word = &mut schedule.cells[usize::from(cell.0)];
        let before = *word;
        *word = change(before);
        schedule.moved();
        before
    })
}

/// Takes one of a semaphore if there is one.
fn take(cell: CellId) -> bool {
    own(|schedule| {
        let count = &mut schedule.cells[usize::from(cell.0)];
        let taken = *count > 0;
        *count -= u64::from(taken);
        if taken {
            schedule.moved();
        }
        taken
    })
}

impl Controller for Native {
    fn register(&self, _kind: CellKind, name: Name, initial: u128) -> CellId {
        own(|schedule| {
            schedule.cell_names.push(name);
            schedule.cells.push(initial as u64);
            CellId(schedule.cells.len() as u16 - 1)
        })
    }

    fn value(&self, cell: CellId) -> u64 {
        value(cell)
    }

    fn lock(&self, _mutex: CellId, _contents: &(dyn Contents + 'static)) {
        unknown("mutex")
    }
    fn try_lock(&self, _mutex: CellId, _contents: &(dyn Contents + 'static)) -> bool {
        unknown("mutex")
    }
    fn will_change(&self, _mutex: CellId) {}
    fn unlock(&self, _mutex: CellId) {
        unknown("mutex")
    }
    fn wait(&self, _condvar: CellId, _mutex: CellId, _timed: bool) -> WaitResult {
        unknown("condition variable")
    }
    fn notify(&self, _condvar: CellId, _all: bool) {
        unknown("condition variable")
    }

    fn load(&self, cell: CellId) -> u64 {
        step();
        value(cell)
    }
    fn store(&self, cell: CellId, new: u64) {
        step();
        change(cell, &|_| new);
    }
    fn modify(&self, cell: CellId, function: &dyn Fn(u64) -> u64) -> u64 {
        step();
        change(cell, function)
    }

    fn acquire(&self, semaphore: CellId) {
        step();
        while !take(semaphore) {
            block(Waits::Cell(semaphore.0));
        }
    }
    fn acquire_unless_interrupted(&self, semaphore: CellId) -> bool {
        self.acquire(semaphore);
        true
    }
    fn post(&self, semaphore: CellId) {
        change(semaphore, &|count| count + 1);
        step();
    }
    fn post_unless_destroyed(&self, semaphore: CellId) -> bool {
        self.post(semaphore);
        true
    }

    fn wait_event(&self, event: CellId) {
        step();
        while value(event) == 0 {
            block(Waits::Cell(event.0));
        }
    }
    fn set_event(&self, event: CellId) {
        change(event, &|_| 1);
    }

    fn read_plain(&self, cell: CellId) -> u64 {
        value(cell)
    }
    fn write_plain(&self, cell: CellId, new: u64) {
        change(cell, &|_| new);
    }

    fn advance(&self, _epoch: CellId) {
        unknown("epoch")
    }
    fn remember(&self, _epoch: CellId) -> u64 {
        unknown("epoch")
    }
    fn changed(&self, _epoch: CellId, _value: u64) -> bool {
        unknown("epoch")
    }
    fn forget(&self, _epoch: CellId) {}

    fn history(&self) -> u128 {
        0
    }
    fn forget_since(&self, _at_scope: u128, _digest: u128) {}
    fn statement(&self, _position: u128) {}
    fn enter_frame(&self) -> Around {
        Around {
            history: 0,
            base: 0,
        }
    }
    fn leave_frame(&self, _around: Around, _result: u64) {}
    fn learned(&self, _value: u64) {}
    fn observing(&self, _on: bool) {}

    fn wait_until(&self, condition: &dyn Fn() -> bool) {
        step();
        loop {
            let version = own(|schedule| schedule.version());
            if condition() {
                return;
            }
            block(Waits::Reading(version));
        }
    }

    fn pause_point(&self) {
        relax();
    }

    fn choose(&self, alternatives: u16) -> u16 {
        let me = me();
        own(|schedule| schedule.alternative(me, alternatives))
    }

    fn spawn(&self, thread: ThreadIndex) {
        launch(thread.index() as u8);
    }

    fn fork(&self) -> Branch {
        crate::fork::fork()
    }
    fn renew(&self, _mutex: CellId, _contents: &(dyn Contents + 'static)) {
        unknown("mutex")
    }

    fn hang(&self) -> ! {
        finish(Waits::Hung)
    }
}
