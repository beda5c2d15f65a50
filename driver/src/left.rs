//! Thread states that a run leaves behind when its process ends: those that were never freed, of threads that have ended.
//!
//! A thread state is known by its address once it was in an interpreter's list at an event, or was a thread's current one or
//! the one in its slot of `PyGILState` where it gave the turn away. It counts if it is a block of the C library's behind the
//! fence, which never uses memory again: the address stands for that thread state alone. One that lies in its interpreter is
//! none. Whose it is says the thread's identity in it, which is written when a thread state is bound to its thread. One that is
//! not bound yet is of the thread that was started with it.
//!
//! # When
//!
//! As the model asks it (`Runtime::leaked`): the process ends, finalization has come to its end, and no life of the runtime began since.
//! The first thread's are its own until the end; so are those of a thread that hangs, waits or runs, and those of threads that
//! are not in a forked process are nobody's fault.

use crate::layer::fence;
use crate::python::api;
use crate::schedule::{Slot, SlotId, own};
use crate::{child, record};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Thread states of a run that are kept in mind.
const STATES_MAX: usize = 256;

static STATES: [AtomicUsize; STATES_MAX] = [const { AtomicUsize::new(0) }; STATES_MAX];
/// Of each of them: the thread of the program that was started with it, plus one.
static STARTED: [AtomicUsize; STATES_MAX] = [const { AtomicUsize::new(0) }; STATES_MAX];
/// How many finalizations are under way.
static ENDING: AtomicUsize = AtomicUsize::new(0);
/// A finalization has come to its end, and no life of the runtime began since.
static OVER: AtomicBool = AtomicBool::new(false);

/// What lies there is a thread state. Nothing is done if it is none of the heap.
pub fn note(state: usize) {
    let Some(block) = fence::block_at(state) else {
        return;
    };
    for place in &STATES {
        match place.load(Ordering::Relaxed) {
            0 => {
                place.store(block, Ordering::Relaxed);
                return;
            }
            known if known == block => return,
            _ => {}
        }
    }
    record::cut("thread states");
}

/// The calling thread gives the turn away: its thread states are noted.
pub fn note_own() {
    if fence::is_on() {
        note(api::thread_state_unchecked() as usize);
        note(api::gil_state_this() as usize);
    }
}

/// The library starts this thread of the program: with the one thread state, if it is one, that is neither bound nor another's.
pub fn starts(lane: u8) {
    if !fence::is_on() {
        return;
    }
    child::note_listed();
    let mut free = STATES.iter().zip(&STARTED).filter(|(state, started)| {
        let words = fence::words_of(state.load(Ordering::Relaxed));
        started.load(Ordering::Relaxed) == 0 && !words.is_empty() && bound_to(words).is_none()
    });
    if let (Some((_, started)), None) = (free.next(), free.next()) {
        started.store(usize::from(lane) + 1, Ordering::Relaxed);
    }
}

/// A life of the runtime begins.
pub fn begins() {
    OVER.store(false, Ordering::Relaxed);
}

/// Makes a call in which the runtime may come to its end.
pub fn ends<R>(call: impl FnOnce() -> R) -> R {
    ENDING.fetch_add(1, Ordering::Relaxed);
    let result = call();
    if ENDING.fetch_sub(1, Ordering::Relaxed) == 1 && api::is_initialized() == 0 {
        OVER.store(true, Ordering::Relaxed);
    }
    result
}

/// The process is about to end by `exit`, on the calling thread: finalization is over, if this thread alone was at it.
pub fn exits() {
    if ENDING.load(Ordering::Relaxed) == 1 && api::is_initialized() == 0 {
        OVER.store(true, Ordering::Relaxed);
    }
    tell();
}

/// The run ends by itself: tells whose thread states are left.
pub fn tell() {
    let is_over = OVER.load(Ordering::Relaxed) && api::is_initialized() == 0;
    if !fence::is_on() || !is_over {
        return;
    }
    for (state, started) in STATES.iter().zip(&STARTED) {
        let words = fence::words_of(state.load(Ordering::Relaxed));
        let owner = match bound_to(words) {
            Some(slot) => own(|schedule| schedule.slots[slot].lane),
            None if words.is_empty() => None,
            None => started
                .load(Ordering::Relaxed)
                .checked_sub(1)
                .map(|lane| lane as u8),
        };
        if let Some(lane) = owner.filter(|lane| child::is_over(*lane)) {
            record::line(&format!("left {lane}"));
        }
    }
}

/// The thread whose identity is in the thread state.
fn bound_to(words: &[usize]) -> Option<SlotId> {
    own(|schedule| {
        let slot = |word: &usize| {
            let is_its = |slot: &Slot| slot.thread as usize == *word;
            let mut threads = schedule.slots.iter();
            threads.position(is_its).filter(|_| *word != 0)
        };
        words.iter().find_map(slot)
    })
}
