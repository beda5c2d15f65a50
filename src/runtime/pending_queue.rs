//! The queues of pending calls: what they hold, and who may touch it.
//!
//! CPython: `struct _pending_calls` (`Include/internal/pycore_ceval_state.h`), `_push_pending_call` and `_pop_pending_call` of
//! `Python/ceval_gil.c`; 3.8 to 3.15. What is done with them is in [`super::pending`].
//!
//! # States
//!
//! | state of a queue | meaning | who owns the data in it |
//! | --- | --- | --- |
//! | `handling_thread` null, `busy` clear | nobody runs calls of this interpreter | the holder of `mutex` |
//! | `handling_thread` set, `busy` set | a thread is between M1 and M6 | the holder of `mutex` |
//!
//! Differs: the queue is kept packed, oldest first, where CPython keeps a ring: equal queues are equal states. Calls that
//! follow each other and are the same share a place. 300 calls fit one of 32 places, or a few of them; a run that has more
//! than 32 of them different from their neighbours in one queue ends as inconclusive ([`super::outcome::Limit`]).
//!
//! # Invariants
//!
//! S44 PendingFifo, S45 PendingBound, S46 PendingFullClean.
//!
//! # Memory order
//!
//! `npending` is added to sequentially consistently under the mutex and read relaxed without it: a reader that misses
//! an addition is told by the bit, which is set after it. `calls_to_do` is relaxed, and set after the lock is given up.
//!
//! # Lock order
//!
//! The queue's mutex is taken attached or detached and held over no call.
//!
//! # Checked by
//!
//! `tests/loom/pending.rs`, `tests/runtime.rs`.

use super::callback::Callback;
use super::handle::ThreadStateHandle;
use super::mutex::PyMutex;
use super::profile::Profile;
use crate::sync::{AtomicBool, AtomicU32, Mutex, Ordering, Plain};

/// Calls that the main queue holds, and the places of every queue: equal neighbours share one.
pub const PENDING_MAX: usize = 32;

/// What the cells of a queue are called.
#[derive(Debug)]
pub(super) struct QueueNames {
    mutex: &'static str,
    bucket: &'static str,
    calls: &'static str,
    times: &'static str,
    count: &'static str,
    npending: &'static str,
    handling_thread: &'static str,
    lock: &'static str,
    calls_to_do: &'static str,
    busy: &'static str,
}

/// `ceval.pending_mainthread`.
pub(super) const PENDING_MAIN: QueueNames = QueueNames {
    mutex: "pending_main.mutex",
    bucket: "pending_main.bucket",
    calls: "pending_main.calls",
    times: "pending_main.times",
    count: "pending_main.count",
    npending: "pending_main.npending",
    handling_thread: "pending_main.handling_thread",
    lock: "pending_main.lock",
    calls_to_do: "pending_main.calls_to_do",
    busy: "pending_main.busy",
};

/// `interp->ceval.pending`.
pub(super) const PENDING_INTERPRETER: QueueNames = QueueNames {
    mutex: "pending.mutex",
    bucket: "pending.bucket",
    calls: "pending.calls",
    times: "pending.times",
    count: "pending.count",
    npending: "pending.npending",
    handling_thread: "pending.handling_thread",
    lock: "pending.lock",
    calls_to_do: "pending.calls_to_do",
    busy: "pending.busy",
};

/// What `finishing` and the lock itself say, up to 3.12.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum QueueLife {
    /// The lock is not there: not yet, or not any more.
    Closed,
    /// Calls are accepted.
    Open,
    /// `finishing`: they are refused.
    Finishing,
}

/// A place of a queue.
#[derive(Debug)]
struct Place {
    call: Plain<Callback>,
    /// How often it is queued in a row; 0 in a free place.
    times: Plain<usize>,
}

impl Place {
    fn read(&self) -> (Callback, usize) {
        (self.call.read(), self.times.read())
    }

    fn write(&self, (call, times): (Callback, usize)) {
        self.call.write(call);
        self.times.write(times);
    }

    fn clear(&self) {
        self.write((Callback::NONE, 0));
    }
}

/// How an addition to a queue ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Added {
    Yes,
    /// `_Py_ADD_PENDING_FULL`
    Full,
    /// No place is left for one more that is not like its neighbour.
    NoPlace,
    /// A life of the runtime began meanwhile, which empties the queue without asking who is at it.
    Emptied,
}

/// A queue of pending calls.
#[derive(Debug)]
pub(super) struct PendingQueue {
    pub(super) mutex: PyMutex,
    /// Oldest first. Rule: `mutex`.
    places: [Place; PENDING_MAX],
    /// How many calls. Rule: `mutex`.
    pub(super) count: Plain<usize>,
    /// The same, for readers without the mutex.
    npending: AtomicU32,
    /// Rule: the GIL.
    pub(super) handling_thread: Plain<ThreadStateHandle>,
    /// `lock`, up to 3.12, with whether it is there.
    pub(super) lock: Mutex<QueueLife>,
    /// Up to 3.12.
    pub(super) calls_to_do: AtomicBool,
    /// Up to 3.12. Rule: the GIL.
    pub(super) busy: Plain<bool>,
    /// `max`
    capacity: usize,
    /// `maxloop`
    pub(super) per_pass: usize,
}

/// How much fits a queue, and how many calls a pass over it makes.
#[derive(Clone, Copy, Debug)]
pub(super) struct QueueSize {
    capacity: usize,
    per_pass: usize,
}

impl QueueSize {
    pub(super) fn of_main(profile: Profile) -> Self {
        Self {
            capacity: profile.pending_main_capacity(),
            per_pass: PENDING_MAX,
        }
    }

    pub(super) fn of_interpreter(profile: Profile) -> Self {
        Self {
            capacity: profile.pending_interpreter_capacity(),
            per_pass: profile.pending_pass_of_interpreter(),
        }
    }
}

impl PendingQueue {
    pub(super) fn new(names: &QueueNames, size: QueueSize) -> Self {
        Self {
            mutex: PyMutex::new(names.mutex, names.bucket),
            places: std::array::from_fn(|place| Place {
                call: Plain::new((names.calls, place), Callback::NONE),
                times: Plain::new((names.times, place), 0),
            }),
            count: Plain::new(names.count, 0),
            npending: AtomicU32::new(names.npending, 0),
            handling_thread: Plain::new(names.handling_thread, ThreadStateHandle::NULL),
            lock: Mutex::new(names.lock, QueueLife::Closed),
            calls_to_do: AtomicBool::new(names.calls_to_do, false),
            busy: Plain::new(names.busy, false),
            capacity: size.capacity,
            per_pass: size.per_pass,
        }
    }

    pub(super) fn mutex(&self) -> &PyMutex {
        &self.mutex
    }

    /// `npending`, without the mutex.
    pub(super) fn waiting(&self, order: Ordering) -> u32 {
        self.npending.load(order)
    }

    /// How many calls wait, for an observer.
    #[cfg(feature = "sim")]
    pub(super) fn peek(&self) -> usize {
        self.count.peek()
    }

    /// The calls, oldest first, for an observer.
    #[cfg(feature = "sim")]
    pub(super) fn peek_calls(&self) -> impl Iterator<Item = Callback> + '_ {
        let calls = |place: &Place| std::iter::repeat_n(place.call.peek(), place.times.peek());
        self.places.iter().flat_map(calls)
    }

    #[cfg(feature = "sim")]
    pub(super) fn peek_handling_thread(&self) -> ThreadStateHandle {
        self.handling_thread.peek()
    }

    /// As in a new life of the runtime.
    pub(super) fn reset(&self) {
        if self.count.read() > 0 {
            for place in &self.places[..self.places_taken()] {
                place.clear();
            }
        }
        self.count.write(0);
        self.npending.init(0);
        self.handling_thread.write(ThreadStateHandle::NULL);
        self.calls_to_do.init(false);
        self.busy.write(false);
    }

    /// In a forked child: a free lock, whoever had it. What is queued stays.
    pub(super) fn renew_lock(&self) {
        self.mutex.renew();
        self.lock.renew(|life| life);
    }

    /// A thread that is gone has the lock of either age.
    pub(super) fn keep_lock(&self) {
        self.mutex.keep();
        self.lock.hold();
    }

    /// The lock comes, or goes with its owner: up to 3.12, where somebody who uses it then reads through null.
    pub(super) fn set_life(&self, life: QueueLife) {
        *self.lock.lock() = life;
    }

    /// The places that hold something.
    fn places_taken(&self) -> usize {
        let mut places = self.places.iter();
        let free = places.position(|place| place.times.read() == 0);
        free.unwrap_or(PENDING_MAX)
    }

    /// Q2, holding the mutex.
    pub(super) fn push(&self, new: Callback) -> Added {
        let count = self.count.read();
        if count >= self.capacity {
            return Added::Full;
        }
        let taken = self.places_taken();
        let newest = taken.checked_sub(1).map(|place| &self.places[place]);
        if let Some(newest) = newest.filter(|newest| newest.call.read() == new) {
            newest.times.write(newest.times.read() + 1);
        } else if let Some(place) = self.places.get(taken) {
            place.write((new, 1));
        } else {
            return Added::NoPlace;
        }
        self.count.write(count + 1);
        let before = self.npending.fetch_add(1, Ordering::SeqCst);
        // S45: npending counts the calls.
        if before as usize == count && self.count.read() == count + 1 {
            Added::Yes
        } else {
            Added::Emptied
        }
    }

    /// M3, holding the mutex: the oldest call.
    pub(super) fn pop(&self) -> Option<Callback> {
        let left = self.count.read().checked_sub(1)?;
        let (oldest, times) = self.places[0].read();
        if times > 1 {
            self.places[0].times.write(times - 1);
        } else {
            let last = self.places_taken() - 1;
            for place in 0..last {
                self.places[place].write(self.places[place + 1].read());
            }
            self.places[last].clear();
        }
        self.count.write(left);
        self.npending.fetch_sub(1, Ordering::SeqCst);
        Some(oldest)
    }
}
