//! The parking lot: where a thread sleeps until the word it waits on is given to it.
//!
//! CPython: `Python/parking_lot.c` (`_PyParkingLot_Park`, `_PyParkingLot_Unpark`); 3.13 and newer.
//!
//! # States
//!
//! | state of a wait entry | meaning | who owns the data in it |
//! | --- | --- | --- |
//! | absent | the thread is not parked | its thread |
//! | queued in a bucket | the thread waits, or is about to | the holder of the bucket |
//! | taken out | an unparker has it; the semaphore is or will be posted | the unparker until it posts |
//!
//! # Protocol
//!
//! Park: lock the bucket · if the word is not what was expected, come back at once · queue · unlock · detach, if
//! attached · wait for the semaphore · attach again. Unpark: lock the bucket · take the oldest entry out, or all · decide while
//! the bucket is locked · unlock · post.
//!
//! Differs: a bucket for each mutex instead of 257 for all, so `has_more_waiters` is never true because of another
//! address; a thread's wait entry stands in the runtime and not on its stack.
//!
//! # Invariants
//!
//! S54 HandoffOwner, S55 ParkedBit, S57 ParkAtomic.
//!
//! # Memory order
//!
//! The semaphore orders what the unparker wrote into the entry before what the waiter reads.
//!
//! # Lock order
//!
//! A bucket's lock is a leaf.

use crate::sync::{Plain, Semaphore, THREADS_MAX, ThreadIndex, current_thread};

/// The wait entries of all threads.
#[derive(Debug)]
pub(super) struct Parking {
    semaphores: [Semaphore; THREADS_MAX],
    /// Whether the lock was handed over. Rule: the unparker until it posts, then the waiter.
    handed_off: [Plain<bool>; THREADS_MAX],
    /// Whether the thread waits. Rule: the thread's own.
    parked: [Plain<bool>; THREADS_MAX],
}

impl Parking {
    pub(super) fn new() -> Self {
        Self {
            semaphores: std::array::from_fn(|thread| {
                Semaphore::new(("parking.semaphore", thread), 0)
            }),
            handed_off: std::array::from_fn(|thread| {
                Plain::new(("parking.handed_off", thread), false)
            }),
            parked: std::array::from_fn(|thread| Plain::new(("parking.parked", thread), false)),
        }
    }

    /// Waits until unparked; whether the lock was handed over.
    pub(super) fn wait(&self) -> bool {
        let thread = current_thread().index();
        self.parked[thread].write(true);
        self.semaphores[thread].acquire();
        self.parked[thread].write(false);
        self.handed_off[thread].read()
    }

    /// Wakes a thread whose entry was taken out.
    pub(super) fn post(&self, thread: ThreadIndex) {
        self.semaphores[thread.index()].post();
    }

    /// The unparker's decision, before it posts.
    pub(super) fn hand_off(&self, thread: ThreadIndex, handed_off: bool) {
        self.handed_off[thread.index()].write(handed_off);
    }

    /// Whether a thread waits, for an observer.
    #[cfg(feature = "sim")]
    pub(super) fn peek(&self, thread: ThreadIndex) -> bool {
        self.parked[thread.index()].peek()
    }
}

/// Who waits for one address, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Waiters {
    threads: [Option<ThreadIndex>; THREADS_MAX],
}

impl Waiters {
    pub(super) const NONE: Self = Self {
        threads: [None; THREADS_MAX],
    };

    /// Queues a thread.
    pub(super) fn push(&mut self, thread: ThreadIndex) {
        let place = self.threads.iter().position(Option::is_none);
        debug_assert!(
            !self.threads.contains(&Some(thread)),
            "S55: a thread waits in one place at a time"
        );
        if let Some(place) = place {
            self.threads[place] = Some(thread);
        }
    }

    /// Takes the oldest out.
    pub(super) fn pop(&mut self) -> Option<ThreadIndex> {
        let oldest = self.threads[0];
        self.threads.rotate_left(1);
        self.threads[THREADS_MAX - 1] = None;
        oldest
    }

    pub(super) fn is_empty(&self) -> bool {
        self.threads[0].is_none()
    }

    /// The waiting threads, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = ThreadIndex> + '_ {
        self.threads.iter().copied().map_while(|thread| thread)
    }
}
