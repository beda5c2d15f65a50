//! The turn: who has it, how it is handed over, and the state that comes with it.

use super::{End, Schedule, Slot, SlotId, Waits, sampled};
use std::cell::{Cell, UnsafeCell};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use tstate_driver::Phase;

/// The state of the process's run.
struct Shared(UnsafeCell<Option<Schedule>>);

// SAFETY: only the thread that has the turn reaches the contents (`own`), and handing the turn over is a release and an
// acquire of the slot's word.
unsafe impl Sync for Shared {}

static SHARED: Shared = Shared(UnsafeCell::new(None));

/// No slot: a thread that is not of the run.
const NOBODY: usize = usize::MAX;

thread_local! {
    static ME: Cell<usize> = const { Cell::new(NOBODY) };
}

/// Whether the calling thread is one of the run.
#[inline]
pub fn is_ours() -> bool {
    ME.get() != NOBODY
}

/// Whether the calling thread is one of the run, and what it waits for is for the schedule to say.
#[inline]
pub fn is_scheduled() -> bool {
    is_ours() && !sampled::is_on()
}

/// The calling thread's slot.
pub fn me() -> SlotId {
    debug_assert!(is_ours(), "only threads of the run have a slot");
    ME.get()
}

/// The calling thread is this slot from now on; if it was not created with the turn, it waits for it.
pub fn enter(slot: SlotId, waits: bool, word: Option<&'static AtomicU32>) {
    if waits
        && !sampled::is_on()
        && let Some(word) = word
    {
        sleep_on(word);
    }
    ME.set(slot);
    if sampled::is_on() {
        // SAFETY: has no precondition.
        let number = unsafe { libc::gettid() };
        own(|schedule| schedule.slots[slot].number = number);
    }
}

/// The calling thread is none of the run from now on; nobody else must be.
pub fn leave() {
    ME.set(NOBODY);
}

/// Makes a thread of the run, in state `Nothing`; the first is made before the run and has the turn.
pub fn make_slot(lane: Option<u8>) -> (SlotId, &'static AtomicU32) {
    let turn: &'static AtomicU32 = Box::leak(Box::new(AtomicU32::new(0)));
    let slot = own(|schedule| {
        schedule.slots.push(Slot {
            lane,
            waits: Waits::Nothing,
            timed_out: false,
            rounds: false,
            thread: 0,
            result: 0,
            current: 0,
            asked: false,
            number: 0,
            since: 0,
            turn,
            ticks: 0,
            spare: 0,
            yields: 0,
            events: 0,
            points: 0,
            place: 0,
            phase: Phase::default(),
            visits: BTreeMap::new(),
        });
        schedule.slots.len() - 1
    });
    (slot, turn)
}

/// Reads or changes the run's state. Not to be called inside itself.
pub fn own<R>(change: impl FnOnce(&mut Schedule) -> R) -> R {
    let _held = sampled::hold();
    // SAFETY: the caller has the turn, or in sampled mode the lock, so no other thread is in here; `change` does not call
    // back into this module.
    let shared = unsafe { &mut *SHARED.0.get() };
    change(shared.get_or_insert_with(Schedule::new))
}

/// An operation of the scenario that others can see: counted, and a point where chance may switch.
pub fn step() {
    step_at(0);
}

/// An operation of the library that others can see: of an object, or in an instruction, at this address.
pub fn step_at(address: usize) {
    step_to_wait(address, false);
}

/// The same, before a wait on a condition variable: timed, or not.
pub fn step_to_wait(address: usize, timed: bool) {
    if sampled::is_on() {
        return;
    }
    let me = me();
    own(|schedule| {
        let slot = &mut schedule.slots[me];
        slot.rounds = timed;
        slot.place = address as u32;
    });
    match own(Schedule::count) {
        Ok(()) => {}
        Err(end) => run_over(end),
    }
    if own(|schedule| schedule.is_interrupted(me)) {
        pass();
    }
}

/// Waits for this, which may be fulfilled already; whether the wait timed out.
pub fn block(waits: Waits) -> bool {
    let me = me();
    if sampled::is_on() {
        sampled::block(me, waits);
        return false;
    }
    own(|schedule| {
        schedule.slots[me].waits = waits;
        if waits == Waits::Event {
            schedule.slots[me].place = 0;
        }
        schedule.slots[me].timed_out = false;
        schedule.slots[me].asked &= matches!(waits, Waits::Condition { .. } | Waits::Mutex(_));
    });
    pass();
    own(|schedule| {
        let slot = &mut schedule.slots[me];
        slot.waits = Waits::Nothing;
        std::mem::take(&mut slot.timed_out)
    })
}

/// The calling thread has nothing to do but to let time pass.
pub fn relax() {
    if sampled::is_on() {
        std::thread::yield_now();
        return;
    }
    step();
    let me = me();
    own(|schedule| schedule.slots[me].yields += 1);
    block(Waits::Others);
}

/// The calling thread takes no further step.
pub fn finish(waits: Waits) -> ! {
    assert!(waits.is_over(), "a thread finishes in a final state");
    let me = me();
    own(|schedule| {
        schedule.slots[me].waits = waits;
        schedule.moved();
        if waits == Waits::Hung
            && let Some(lane) = schedule.slots[me].lane
        {
            crate::record::note_hung(lane, schedule.events_so_far());
        }
    });
    if sampled::is_on() {
        sampled::rest(me);
    }
    pass();
    unreachable!("nobody chooses a thread that is over");
}

/// Chooses who goes on, and returns when that is the calling thread. In sampled mode: its event is written down.
pub fn pass() {
    let me = me();
    if sampled::is_on() {
        sampled::happened(me);
        return;
    }
    crate::sight::passing();
    if own(|schedule| schedule.is_planned()) {
        let phase = crate::sight::phase();
        own(|schedule| schedule.slots[me].phase = phase);
    }
    let next = match own(|schedule| schedule.next(me)) {
        Ok(next) => next,
        Err(end) => run_over(end),
    };
    crate::record::note_rests();
    if next == me {
        return;
    }
    let current = crate::sight::leaving();
    own(|schedule| schedule.slots[me].current = current);
    let (other, mine) = own(|schedule| (schedule.slots[next].turn, schedule.slots[me].turn));
    wake_slot(other);
    sleep_on(mine);
    crate::sight::arriving();
}

/// The run is over: tells the process's reporter, which ends the process.
pub fn run_over(end: End) -> ! {
    crate::record::end_of_run(end)
}

/// Wakes one waiter of a condition variable: the one that the guide or the plan wants, else the first, or any by chance.
pub fn signal_one(schedule: &mut Schedule, condition: u64) {
    wake_one(schedule, condition, false);
}

/// Wakes all waiters of a condition variable.
pub fn signal_all(schedule: &mut Schedule, condition: u64) {
    for _ in 0..schedule.slots.len() {
        wake_one(schedule, condition, true);
    }
}

/// Wakes a waiter. Where all are woken, a plan does not choose among them.
fn wake_one(schedule: &mut Schedule, condition: u64, all: bool) {
    let waits = |slot: &SlotId| matches!(schedule.slots[*slot].waits, Waits::Condition { condition: at, .. } if at == condition);
    let waiters: Vec<SlotId> = (0..schedule.slots.len()).filter(waits).collect();
    let wanted = schedule.wanted().and_then(|lane| schedule.slot_of(lane));
    let chosen = match wanted.filter(|slot| waiters.contains(slot)) {
        Some(slot) => slot,
        None if waiters.is_empty() => return,
        None if schedule.is_planned() && (all || waiters.len() == 1) => waiters[0],
        None => {
            let count = waiters.len() as u16;
            let picked = schedule.planned_pick(me(), count).map(usize::from);
            let drawn = picked.unwrap_or_else(|| schedule.draw(u64::from(count)) as usize);
            waiters[drawn]
        }
    };
    if let Waits::Condition { mutex, .. } = schedule.slots[chosen].waits {
        schedule.slots[chosen].waits = Waits::Mutex(mutex);
    }
}

/// Sleeps until the word is set, and clears it.
pub(super) fn sleep_on(word: &AtomicU32) {
    while word
        .compare_exchange(1, 0, Ordering::Acquire, Ordering::Relaxed)
        .is_err()
    {
        wait_while(word, 0);
    }
}

/// Sets the word that a slot sleeps on, and wakes it.
pub(super) fn wake_slot(word: &AtomicU32) {
    word.store(1, Ordering::Release);
    wake(word, 1);
}

/// Wakes all that sleep on the word.
pub(super) fn wake_all(word: &AtomicU32) {
    wake(word, i32::MAX);
}

/// Sleeps as long as the word has this value; may return early.
///
/// `errno` stays as it is: the functions that this stands behind do not touch it, and CPython reads a directory with the GIL
/// given up between `errno = 0` and the question whether that is still so.
pub(super) fn wait_while(word: &AtomicU32, value: u32) {
    // SAFETY: the word lives as long as the call, which only reads it; `errno` is the calling thread's.
    unsafe {
        let errno = *libc::__errno_location();
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
            value,
            std::ptr::null::<libc::timespec>(),
        );
        *libc::__errno_location() = errno;
    }
}

fn wake(word: &AtomicU32, count: libc::c_int) {
    // SAFETY: waking reads no memory of ours.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
            count,
        );
    }
}
