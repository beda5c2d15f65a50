//! Threads: made, joined, ended by the library, parked by it.

use super::real::real;
use crate::schedule::{
    self, SlotId, Waits, block, enter, finish, is_ours, is_scheduled, make_slot, me, own, step,
};
use libc::{EAGAIN, ESRCH, c_int, c_void, pthread_attr_t, pthread_key_t, pthread_t};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use tstate::sync::Branch;

type Function = extern "C" fn(*mut c_void) -> *mut c_void;

/// What a new thread is handed.
struct Start {
    slot: SlotId,
    turn: &'static AtomicU32,
    run: Run,
}

/// What a new thread of the run does.
enum Run {
    /// What the library asked for.
    Library(Function, *mut c_void),
    /// The body of this lane.
    Lane(u8),
}

/// What the parent of a fork that is driven gets as its child's number, which has ended by then.
const PARENT: libc::pid_t = libc::pid_t::MAX;

thread_local! {
    /// The lane of the thread that this thread creates next.
    static NEXT_LANE: Cell<Option<u8>> = const { Cell::new(None) };
}

/// Whether the next thread that the library asks for is refused.
static FAILS_NEXT: AtomicBool = AtomicBool::new(false);

/// The next thread that the calling thread has the library create is this lane; none in particular.
pub fn names_next(lane: Option<u8>) {
    NEXT_LANE.set(lane);
}

/// No thread can be made the next time that the library asks for one.
pub fn fail_next_thread() {
    FAILS_NEXT.store(true, Ordering::Relaxed);
}

/// The calling thread is the first of the run.
pub fn main_begins() {
    let (slot, turn) = make_slot(Some(0));
    // SAFETY: has no precondition.
    own(|schedule| schedule.slots[slot].thread = unsafe { libc::pthread_self() });
    enter(slot, false, Some(turn));
}

/// Starts a thread of the scenario, which gets its turn when it is chosen.
pub fn launch(lane: u8) {
    let (slot, turn) = make_slot(Some(lane));
    let start = Start {
        slot,
        turn,
        run: Run::Lane(lane),
    };
    let mut thread = 0;
    // SAFETY: no attributes are allowed, and `thread` is a place for the result.
    let error = unsafe { spawn(&mut thread, std::ptr::null(), start) };
    assert!(error == 0, "the machine has no room for one more thread");
    step();
}

/// # Safety
///
/// As `pthread_create`.
unsafe fn spawn(thread: *mut pthread_t, attributes: *const pthread_attr_t, start: Start) -> c_int {
    let slot = start.slot;
    let argument = Box::into_raw(Box::new(start)).cast::<c_void>();
    let real = real!(c"pthread_create" => fn(*mut pthread_t, *const pthread_attr_t, Function, *mut c_void) -> c_int);
    // SAFETY: the caller's thread and attributes; the argument is the new thread's to take.
    let error = unsafe { real(thread, attributes, begin, argument) };
    if error == 0 {
        // SAFETY: the real function succeeded, so it wrote the thread.
        own(|schedule| schedule.slots[slot].thread = unsafe { *thread });
    } else {
        own(|schedule| schedule.slots[slot].waits = Waits::Ended);
    }
    error
}

/// The first function of every thread of the run. It never returns: the real end of a thread runs code without a turn.
extern "C" fn begin(argument: *mut c_void) -> *mut c_void {
    // SAFETY: `spawn` made it for this thread alone.
    let start = unsafe { Box::from_raw(argument.cast::<Start>()) };
    let Start { slot, turn, run } = *start;
    enter(slot, true, Some(turn));
    crate::sight::arriving();
    let result = match run {
        Run::Lane(lane) => {
            crate::child::run_lane(lane);
            0
        }
        Run::Library(function, argument) => {
            crate::child::run_library_thread(&mut || function(argument) as usize)
        }
    };
    own(|schedule| schedule.slots[slot].result = result);
    finish(Waits::Ended)
}

/// A point at which others may run: what creates a key in two threads at once is a race.
///
/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_key_create(
    key: *mut pthread_key_t,
    destructor: Option<unsafe extern "C" fn(*mut c_void)>,
) -> c_int {
    if is_scheduled() {
        step();
    }
    let real = real!(c"pthread_key_create" => fn(*mut pthread_key_t, Option<unsafe extern "C" fn(*mut c_void)>) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(key, destructor) }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_create(
    thread: *mut pthread_t,
    attributes: *const pthread_attr_t,
    function: Function,
    argument: *mut c_void,
) -> c_int {
    if is_ours() {
        let lane = NEXT_LANE.take();
        if FAILS_NEXT.swap(false, Ordering::Relaxed) {
            return EAGAIN;
        }
        let (slot, turn) = make_slot(lane);
        let start = Start {
            slot,
            turn,
            run: Run::Library(function, argument),
        };
        if let Some(lane) = lane {
            crate::left::starts(lane);
        }
        // SAFETY: passed on as it came.
        let error = unsafe { spawn(thread, attributes, start) };
        step();
        return if error == 0 { 0 } else { EAGAIN };
    }
    let real = real!(c"pthread_create" => fn(*mut pthread_t, *const pthread_attr_t, Function, *mut c_void) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(thread, attributes, function, argument) }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_join(thread: pthread_t, result: *mut *mut c_void) -> c_int {
    if is_ours() {
        step();
        let find = |schedule: &mut schedule::Schedule| {
            let slots = &schedule.slots;
            slots.iter().position(|slot| slot.thread == thread)
        };
        let Some(slot) = own(find) else { return ESRCH };
        block(Waits::Join(slot));
        if !result.is_null() {
            // SAFETY: the caller's place for the result.
            unsafe { *result = own(|schedule| schedule.slots[slot].result) as *mut c_void };
        }
        return 0;
    }
    let real = real!(c"pthread_join" => fn(pthread_t, *mut *mut c_void) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(thread, result) }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_detach(thread: pthread_t) -> c_int {
    let real = real!(c"pthread_detach" => fn(pthread_t) -> c_int);
    // SAFETY: passed on as it came; a thread of the run never ends, so that it can be detached at any time.
    unsafe { real(thread) }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_exit(result: *mut c_void) -> ! {
    if is_ours() {
        step();
        own(|schedule| schedule.slots[me()].result = result as usize);
        let exited = crate::child::thread_exits();
        finish(if exited { Waits::Exited } else { Waits::Ended });
    }
    let real = real!(c"pthread_exit" => fn(*mut c_void));
    // SAFETY: passed on as it came.
    unsafe { real(result) };
    unreachable!("the C library's function does not return")
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fork() -> libc::pid_t {
    if is_ours() && crate::child::is_running() {
        return match crate::child::fork() {
            Branch::Child => 0,
            Branch::Parent => PARENT,
        };
    }
    crate::fork::real_fork()
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pause() -> c_int {
    if is_ours() {
        step();
        finish(Waits::Hung);
    }
    let real = real!(c"pause" => fn() -> c_int);
    // SAFETY: has no precondition.
    unsafe { real() }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn exit(status: c_int) -> ! {
    if is_ours() && crate::child::is_running() {
        crate::child::stands_before_the_end();
        crate::left::exits();
    }
    let real = real!(c"exit" => fn(c_int));
    // SAFETY: passed on as it came.
    unsafe { real(status) };
    unreachable!("the C library's function does not return")
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn abort() -> ! {
    if is_ours() {
        crate::record::note_rests();
    }
    let real = real!(c"abort" => fn());
    // SAFETY: has no precondition.
    unsafe { real() };
    unreachable!("the C library's function does not return")
}
