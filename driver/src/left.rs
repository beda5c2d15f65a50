//! Thread states that a run leaves behind when its process ends: those that were never freed, of threads that have ended.
//!
//! A thread state is known by its address once it was in an interpreter's list at an event, or was a thread's current one or
//! the one in its slot of `PyGILState` where it gave the turn away. It counts if it is a block of the C library's behind the
//! fence, which never uses memory again: the address stands for that thread state alone. One that lies in its interpreter is
//! none. Whose it is says the thread's identity in it, which is written when a thread state is bound to its thread.
//!
//! # When
//!
//! As the model asks it (`Runtime::leaked`): the process ends, finalization has come to its end, and no life of the runtime began since.
//! The first thread's are its own until the end; so are those of a thread that hangs, waits or runs, and those of threads that
//! are not in a forked process are nobody's fault.

use crate::layer::fence;
use crate::python::api;
use crate::schedule::own;
use crate::{child, record};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Thread states of a run that are kept in mind.
const STATES_MAX: usize = 256;

static STATES: [AtomicUsize; STATES_MAX] = [const { AtomicUsize::new(0) }; STATES_MAX];
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
    for place in &STATES {
        let words = fence::words_of(place.load(Ordering::Relaxed));
        if let Some(lane) = owner(words).filter(|lane| child::is_over(*lane)) {
            record::line(&format!("left {lane}"));
        }
    }
}

/// The thread of the program whose identity is in the thread state.
fn owner(words: &[usize]) -> Option<u8> {
    own(|schedule| {
        let threads = || schedule.slots.iter().filter(|slot| slot.thread != 0);
        let of = |word: &usize| threads().find(|slot| slot.thread as usize == *word);
        words.iter().find_map(of)?.lane
    })
}
