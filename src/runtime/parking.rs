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
//! The handler of a signal ends a wait. Then: lock the bucket · take the own entry out and go back, or, where an unparker has
//! it already, wait for the semaphore once more. An unparker thus never posts a semaphore that is gone.
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
//! A bucket's lock ([`RawMutex`]) is a leaf.

use super::raw_mutex::RawMutex;
use crate::sync::{Plain, Semaphore, THREADS_MAX, ThreadIndex, Word, current_thread};

/// A bucket: a lock, and who waits there.
pub(super) type Bucket = RawMutex<Waiters>;

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

    /// Waits until unparked, or until the handler of a signal has run meanwhile; whether it was unparked.
    pub(super) fn wait_unless_interrupted(&self) -> bool {
        let thread = current_thread().index();
        self.parked[thread].write(true);
        let woken = self.semaphores[thread].acquire_unless_interrupted();
        self.parked[thread].write(false);
        woken
    }

    /// What the unparker decided.
    pub(super) fn is_handed_off(&self) -> bool {
        self.handed_off[current_thread().index()].read()
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

/// Who waits for one address, oldest first: four bits each, and above them how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Waiters(u64);

/// Bits for one waiter.
const WAITER: u32 = 4;
/// From here on stands how many there are: one thread of the sixteen does not wait.
const COUNT_FROM: u32 = 60;

const _: () = assert!(THREADS_MAX <= 1 << WAITER, "a waiter fits its bits");

impl Word for Waiters {
    fn to_word(self) -> u64 {
        self.0
    }

    fn from_word(word: u64) -> Self {
        Self(word)
    }
}

impl FromIterator<ThreadIndex> for Waiters {
    fn from_iter<I: IntoIterator<Item = ThreadIndex>>(threads: I) -> Self {
        let mut waiters = Self::NONE;
        for thread in threads {
            waiters.push(thread);
        }
        waiters
    }
}

impl Waiters {
    pub(super) const NONE: Self = Self(0);

    fn count(self) -> u32 {
        (self.0 >> COUNT_FROM) as u32
    }

    /// Queues a thread.
    pub(super) fn push(&mut self, thread: ThreadIndex) {
        debug_assert!(
            self.iter().all(|waiter| waiter != thread),
            "S55: a thread waits in one place at a time"
        );
        let count = self.count();
        if WAITER * count < COUNT_FROM {
            self.0 |= (thread.index() as u64) << (WAITER * count);
            self.0 += 1 << COUNT_FROM;
        }
    }

    /// Takes the oldest out.
    pub(super) fn pop(&mut self) -> Option<ThreadIndex> {
        let oldest = self.iter().next();
        *self = self.iter().skip(1).collect();
        oldest
    }

    /// Takes a thread out; whether it was there.
    pub(super) fn remove(&mut self, thread: ThreadIndex) -> bool {
        let before = self.count();
        *self = self.iter().filter(|waiter| *waiter != thread).collect();
        self.count() < before
    }

    pub(super) fn is_empty(self) -> bool {
        self.count() == 0
    }

    /// The waiting threads, oldest first.
    pub(super) fn iter(self) -> impl Iterator<Item = ThreadIndex> {
        (0..self.count()).map(move |place| {
            let waiter = self.0 >> (WAITER * place) & ((1 << WAITER) - 1);
            ThreadIndex::new(waiter as usize)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Waiters;
    use crate::sync::{THREADS_MAX, ThreadIndex};

    #[test]
    fn waiters_leave_oldest_first_or_from_the_middle() {
        let mut waiters = Waiters::NONE;
        let all = (1..THREADS_MAX).map(ThreadIndex::new);
        all.clone().for_each(|thread| waiters.push(thread));
        assert!(waiters.iter().eq(all));
        assert!(waiters.remove(ThreadIndex::new(7)));
        assert!(!waiters.remove(ThreadIndex::new(7)));
        let mut left = Vec::new();
        while let Some(thread) = waiters.pop() {
            left.push(thread.index());
        }
        assert_eq!(left, [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15]);
        assert!(waiters.is_empty());
    }
}
