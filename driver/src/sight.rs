//! What a thread of the run has as its current thread state, and which thread is attached.
//!
//! Only one thread runs, so what each saw when it gave the turn away still holds. Up to 3.11 the current thread state is
//! the process's: it belongs to the thread in whose turn it became what it is. Who gives it away while it is another's, who took the
//! GIL for it, gives the GIL away from under the holder: then two have it. `PyThreadState_Swap` takes no GIL, and gives none away.

use crate::left;
use crate::python::{api, release};
use crate::record;
use crate::schedule::{SlotId, is_ours, me, own, sampled};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tstate_driver::Phase;

/// Nobody's.
const NOBODY: usize = usize::MAX;

static ON: AtomicBool = AtomicBool::new(false);
/// Up to 3.11: the thread that is attached.
static OWNER: AtomicUsize = AtomicUsize::new(NOBODY);
/// Up to 3.11: it was swapped in, without the GIL being taken for it.
static SWAPPED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The current thread state when this thread got the turn.
    static BEFORE: Cell<usize> = const { Cell::new(0) };
}

/// From here on a library is open.
pub fn begin() {
    ON.store(true, Ordering::Relaxed);
    OWNER.store(NOBODY, Ordering::Relaxed);
    if current() != 0 && is_ours() {
        OWNER.store(me(), Ordering::Relaxed);
    }
    arriving();
}

/// The calling thread's current thread state, as it reads it.
pub fn current() -> usize {
    api::thread_state_unchecked() as usize
}

fn is_of_process() -> bool {
    release().minor <= 11
}

/// Whose the process's current thread state is now.
fn owner() -> usize {
    let now = current();
    if now == 0 {
        NOBODY
    } else if now == BEFORE.get() {
        OWNER.load(Ordering::Relaxed)
    } else {
        me()
    }
}

/// The calling thread gives the turn away: its current thread state.
pub fn leaving() -> usize {
    if !ON.load(Ordering::Relaxed) {
        return 0;
    }
    left::note_own();
    if is_of_process() {
        OWNER.store(owner(), Ordering::Relaxed);
        if current() != BEFORE.get() {
            SWAPPED.store(false, Ordering::Relaxed);
        }
    }
    current()
}

/// The calling thread comes to a point: notes it if it has given away what another has attached.
pub fn passing() {
    if !ON.load(Ordering::Relaxed) || !is_of_process() || BEFORE.get() == 0 {
        return;
    }
    let owner = OWNER.load(Ordering::Relaxed);
    let is_anothers = owner != NOBODY && owner != me() && !SWAPPED.load(Ordering::Relaxed);
    if is_anothers && current() == 0 {
        record::note_two_holders();
    }
}

/// The calling thread has swapped thread states, and has the same GIL as before, or none.
pub fn swapped() {
    if ON.load(Ordering::Relaxed) && is_of_process() {
        OWNER.store(owner(), Ordering::Relaxed);
        SWAPPED.store(true, Ordering::Relaxed);
        arriving();
    }
}

/// The calling thread has the turn.
pub fn arriving() {
    if ON.load(Ordering::Relaxed) {
        BEFORE.set(current());
    }
}

/// How far the runtime's life is, as the calling thread sees it.
pub fn phase() -> Phase {
    if !ON.load(Ordering::Relaxed) {
        return Phase::default();
    }
    Phase {
        initialized: api::is_initialized() != 0,
        finalizing: api::is_finalizing() != 0,
        attached: attached(me()) != 0,
    }
}

/// The thread state that the thread has attached, or 0.
pub fn attached(slot: SlotId) -> usize {
    if sampled::is_on() {
        return attached_in_sample(slot);
    }
    if is_of_process() {
        return if owner() == slot { current() } else { 0 };
    }
    seen(slot)
}

/// In sampled mode: where a thread stands it had this state when it came there, and one that waits inside the library
/// has none.
fn attached_in_sample(slot: SlotId) -> usize {
    if is_of_process() {
        record::refuse("who is attached cannot be seen in sampled mode (before 3.12)");
    }
    if slot == me() {
        return current();
    }
    match sampled::inside(slot) {
        Some(_) => 0,
        None => own(|schedule| schedule.slots[slot].current),
    }
}

/// Whether the thread waits inside the library, with a limit: for the GIL.
pub fn waits_limited(slot: SlotId) -> bool {
    if sampled::is_on() {
        return sampled::inside(slot).is_some_and(|wait| wait.limited);
    }
    own(|schedule| schedule.goes_round(slot))
}

/// What the thread reads as its current thread state.
pub fn seen(slot: SlotId) -> usize {
    if is_of_process() || slot == me() {
        current()
    } else {
        own(|schedule| schedule.slots[slot].current)
    }
}
