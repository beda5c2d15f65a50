//! `_PyRawMutex`: the lock of the parking lot's own buckets, whose waiters stand on the stacks of their threads.
//!
//! CPython: `Python/lock.c` (`_PyRawMutex_LockSlow`, `_PyRawMutex_UnlockSlow`); 3.13 and newer.
//!
//! # States
//!
//! | word | meaning | who owns what it protects |
//! | --- | --- | --- |
//! | 0 | free | nobody |
//! | locked | locked | the thread that locked it |
//! | locked, and a waiter | locked, and the newest waiter's entry leads to the older ones | the thread that locked it |
//! | a waiter | free; those still in the list have not been woken | whoever locks it next |
//!
//! A waiter's entry is its semaphore and the waiter that came before it. It lives as long as its thread is inside the call.
//!
//! # Transitions
//!
//! | from → to | operation | who may take it |
//! | --- | --- | --- |
//! | free → locked | lock; waiters stay in the list | any thread |
//! | locked → locked, and a waiter | a waiter puts itself in front | any thread |
//! | locked → 0 | unlock without waiters | the owner |
//! | locked, and a waiter → the waiters before it | unlock: the newest is taken out, then woken | the owner |
//!
//! # Protocol
//!
//! Nothing is handed over: who was woken tries again. The unlocker takes the waiter out of the list and *then* posts its
//! semaphore. Until the post the waiter must stay where it is: what ends its wait has to be that post.
//!
//! # The race, told (R38, gh-148820)
//!
//! A signal ends the main thread's wait early. It finds the mutex free, as the unlocker has already given it up, takes it,
//! and leaves the call; its entry is gone. Now the unlocker posts the semaphore of that entry: use after free. Later
//! releases wait again until they were woken ([`Profile::raw_mutex_accepts_interrupt`](super::profile::Profile)).
//!
//! # Invariants
//!
//! *WokenByTheUnlocker*: a thread leaves the list only by its unlocker's hand, and its call only after that one's post.
//!
//! # Memory order
//!
//! All operations on the word are sequentially consistent read-modify-writes: what the owner wrote happens before what the
//! next one reads, and a waiter's entry is written before the word leads to it. The semaphore orders the rest.
//!
//! # Lock order
//!
//! A leaf: nothing that can block happens while it is held.

use super::outcome::{Crash, Fatal, Step};
use super::state::Caller;
use crate::sync::{
    AtomicU8, Name, Ordering, Plain, Semaphore, THREADS_MAX, ThreadIndex, Word, current_thread,
    scope,
};

const LOCKED: u8 = 1;
/// The newest waiter, counted from 1, stands above the bit.
const WAITER_FROM: u32 = 1;

/// A mutex and what it protects.
#[derive(Debug)]
pub(super) struct RawMutex<T> {
    word: AtomicU8,
    /// Rule: the owner's.
    value: Plain<T>,
}

/// What threads that wait for a [`RawMutex`] have on their stacks.
#[derive(Debug)]
pub(super) struct RawEntries {
    semaphores: [Semaphore; THREADS_MAX],
    /// Who came before, counted from 1, or 0. Rule: the waiter until the word leads to it, then the owner of the mutex.
    before: [Plain<u8>; THREADS_MAX],
}

impl RawEntries {
    pub(super) fn new() -> Self {
        Self {
            semaphores: std::array::from_fn(|thread| {
                Semaphore::destroyed(("raw_mutex.semaphore", thread))
            }),
            before: std::array::from_fn(|thread| Plain::new(("raw_mutex.before", thread), 0)),
        }
    }
}

impl<T: Word> RawMutex<T> {
    pub(super) fn new(name: impl Into<Name>, value: T) -> Self {
        let name = name.into();
        Self {
            word: AtomicU8::new(name, 0),
            value: Plain::new(name, value),
        }
    }

    /// What it protects. The caller owns it.
    pub(super) fn read(&self) -> T {
        self.value.read()
    }

    /// Changes what it protects. The caller owns it.
    pub(super) fn write(&self, value: T) {
        self.value.write(value);
    }

    /// In a forked child: free, whoever had it or waited for it.
    pub(super) fn renew(&self, value: T) {
        self.word.init(0);
        self.value.write(value);
    }

    /// A thread that is gone has it.
    pub(super) fn keep(&self) {
        self.word.init(LOCKED);
    }

    /// What it protects, for an observer.
    #[cfg(feature = "sim")]
    pub(super) fn peek(&self) -> T {
        self.value.peek()
    }

    fn exchange(&self, from: u8, to: u8) -> Result<u8, u8> {
        self.word
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst)
    }
}

impl Caller<'_> {
    /// `_PyRawMutex_Lock`. Blocks, attached or not.
    pub(super) fn lock_raw<T: Word>(&self, mutex: &RawMutex<T>) {
        if mutex.exchange(0, LOCKED).is_err() {
            self.lock_raw_slowly(mutex);
        }
    }

    fn lock_raw_slowly<T: Word>(&self, mutex: &RawMutex<T>) {
        let thread = current_thread();
        let entries = &self.runtime.raw_entries;
        let semaphore = &entries.semaphores[thread.index()];
        semaphore.init(0);
        let scope = scope();
        let mut word = mutex.word.load(Ordering::SeqCst);
        loop {
            scope.again(&word);
            if word & LOCKED == 0 {
                match mutex.exchange(word, word | LOCKED) {
                    Ok(_) => break,
                    Err(now) => word = now,
                }
                continue;
            }
            entries.before[thread.index()].write(word >> WAITER_FROM);
            let me = (thread.index() as u8 + 1) << WAITER_FROM;
            if let Err(now) = mutex.exchange(word, me | LOCKED) {
                word = now;
                continue;
            }
            // The word as it was is compared with next, as in C.
            while !semaphore.acquire_unless_interrupted() {
                if self.runtime.profile.raw_mutex_accepts_interrupt() {
                    break;
                }
            }
        }
        entries.before[thread.index()].write(0);
        semaphore.destroy();
        scope.end(&());
    }

    /// `_PyRawMutex_Unlock`.
    ///
    /// # Errors
    ///
    /// A crash if the entry of the waiter that is to be woken is gone (R38).
    pub(super) fn unlock_raw<T: Word>(&self, mutex: &RawMutex<T>) -> Step<()> {
        if mutex.exchange(LOCKED, 0).is_ok() {
            Ok(())
        } else {
            self.unlock_raw_slowly(mutex)
        }
    }

    fn unlock_raw_slowly<T: Word>(&self, mutex: &RawMutex<T>) -> Step<()> {
        let entries = &self.runtime.raw_entries;
        let scope = scope();
        let mut word = mutex.word.load(Ordering::SeqCst);
        let waiter = loop {
            scope.again(&word);
            if word & LOCKED == 0 {
                return Err(self.fatal(Fatal::UnlockUnlocked));
            }
            let newest = (word >> WAITER_FROM).checked_sub(1).map(usize::from);
            let rest = newest.map_or(0, |newest| entries.before[newest].read());
            match mutex.exchange(word, rest << WAITER_FROM) {
                Ok(_) => break newest.map(ThreadIndex::new),
                Err(now) => word = now,
            }
        };
        scope.end(&waiter.map(ThreadIndex::index));
        if let Some(waiter) = waiter
            && !entries.semaphores[waiter.index()].post_unless_destroyed()
        {
            return Err(self.crash(Crash::UseAfterFree));
        }
        Ok(())
    }
}
