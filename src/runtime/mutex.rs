//! `PyMutex`: one byte, a parking lot, and a hand-over after a long wait.
//!
//! CPython: `Python/lock.c` (`_PyMutex_LockTimed`, `mutex_unpark`, `PyMutex_Unlock`); 3.14.
//!
//! # States
//!
//! | bits | meaning | who owns what it protects |
//! | --- | --- | --- |
//! | 0 | free | nobody |
//! | 1 `LOCKED` | locked | the thread that locked it |
//! | 2 `HAS_PARKED` | free, and someone waits | whoever locks it next |
//! | 3 | locked, and someone waits | the thread that locked it, or that it was handed to |
//!
//! # Transitions
//!
//! | from → to | operation | who may take it | holding |
//! | --- | --- | --- | --- |
//! | 0 → 1, 2 → 3 | lock | any thread | – |
//! | 1 → 3 | first waiter announces itself | any thread | – |
//! | 1 → 0 | unlock without waiters | any thread | – |
//! | 3 → 0, 2 | unlock, the oldest waiter is woken and tries again | any thread | the bucket |
//! | 3 → 1, 3 | unlock, the oldest waiter owns it now | any thread | the bucket |
//!
//! # Protocol
//!
//! The hand-over happens when the oldest waiter has waited for more than 1 ms: a choice of the scheduler here
//! ([`choose_usually`]), never a clock. A waiter parks *detached* and is attached again before it looks at its entry: at
//! finalization it can hang there and own the mutex for good (P57).
//!
//! # Invariants
//!
//! S53 MutexExclusive, S54 HandoffOwner, S55 ParkedBit, S56 UnlockUnlockedFatal, S57 ParkAtomic.
//!
//! # Memory order
//!
//! Locking and unlocking are sequentially consistent read-modify-writes of one word, or a store under the bucket's
//! lock: what the owner wrote happens before what the next one reads. Re-reads are relaxed and only choose a way.
//!
//! # Lock order
//!
//! The bucket's lock is a leaf; the GIL is given up before the wait and taken after it.
//!
//! # Outcomes
//!
//! Deadlock; hang at finalization, also as the owner; fatal *unlocking mutex that is not locked*.

use super::handle::ThreadStateHandle;
use super::outcome::{Ended, Fatal, Step};
use super::parking::{Bucket, Waiters};
use super::raw_mutex::RawMutex;
use super::state::Caller;
use crate::sync::{AtomicU8, Name, Ordering, choose_usually, current_thread, scope};

/// `PyMutex` objects that one program has.
pub const USER_MUTEXES_MAX: usize = 8;

pub(super) const MUTEX_SLOTS_MAX: usize = USER_MUTEXES_MAX;

const LOCKED: u8 = 1;
const HAS_PARKED: u8 = 2;

/// The name of a user's `PyMutex`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MutexSlot(u8);

impl MutexSlot {
    /// The mutex with this number.
    ///
    /// # Panics
    ///
    /// If `slot` is not below [`USER_MUTEXES_MAX`]: the number is checked where programs are accepted.
    #[must_use]
    pub const fn new(slot: usize) -> Self {
        assert!(
            slot < USER_MUTEXES_MAX,
            "more mutexes than USER_MUTEXES_MAX"
        );
        Self(slot as u8)
    }

    /// The number.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A mutex and its bucket of the parking lot.
#[derive(Debug)]
pub(super) struct PyMutex {
    bits: AtomicU8,
    bucket: Bucket,
}

impl PyMutex {
    pub(super) fn new(bits: impl Into<Name>, bucket: impl Into<Name>) -> Self {
        Self {
            bits: AtomicU8::new(bits, 0),
            bucket: RawMutex::new(bucket, Waiters::NONE),
        }
    }

    /// In a forked child: the parking lot is emptied. The bits stay.
    pub(super) fn forget_waiters(&self) {
        self.bucket.renew(Waiters::NONE);
    }

    /// A thread that is gone has it.
    pub(super) fn keep(&self) {
        self.bits.init(LOCKED);
    }

    /// A thread that is gone has its bucket.
    pub(super) fn keep_bucket(&self) {
        self.bucket.keep();
    }

    /// In a forked child: any → 0.
    pub(super) fn renew(&self) {
        self.forget_waiters();
        self.bits.init(0);
    }

    /// Whether it is locked, for an observer.
    pub(super) fn peek(&self) -> bool {
        self.bits.peek() & LOCKED != 0
    }

    /// The bits as they are in memory, for an observer.
    #[cfg(feature = "sim")]
    pub(super) fn peek_bits(&self) -> u8 {
        self.bits.peek()
    }

    #[cfg(feature = "sim")]
    pub(super) fn peek_waiters(&self) -> Waiters {
        self.bucket.peek()
    }

    fn exchange(&self, from: u8, to: u8) -> Result<u8, u8> {
        self.bits
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst)
    }
}

impl Caller<'_> {
    /// Locks: 0 → 1, or waits its turn, detached.
    pub(super) fn lock(&self, mutex: &PyMutex) -> Step<()> {
        if mutex.exchange(0, LOCKED).is_ok() {
            Ok(())
        } else {
            self.lock_slowly(mutex)
        }
    }

    fn lock_slowly(&self, mutex: &PyMutex) -> Step<()> {
        let scope = scope();
        let mut bits = mutex.bits.load(Ordering::Relaxed);
        loop {
            scope.again(&bits);
            if bits & LOCKED == 0 {
                match mutex.exchange(bits, bits | LOCKED) {
                    Ok(_) => break,
                    Err(now) => bits = now,
                }
                continue;
            }
            if bits & HAS_PARKED == 0
                && let Err(now) = mutex.exchange(bits, bits | HAS_PARKED)
            {
                bits = now;
                continue;
            }
            if self.park(mutex, LOCKED | HAS_PARKED)? {
                break;
            }
            bits = mutex.bits.load(Ordering::Relaxed);
        }
        scope.end(&());
        Ok(())
    }

    /// Waits while the bits are `expected`; whether the mutex was handed over.
    fn park(&self, mutex: &PyMutex, expected: u8) -> Step<bool> {
        let is_expected = || mutex.bits.load(Ordering::SeqCst) == expected;
        let handed_off = self.park_at(&mutex.bucket, is_expected)?;
        debug_assert!(
            !handed_off || mutex.peek(),
            "S54: a mutex that was handed over is locked"
        );
        Ok(handed_off)
    }

    /// `_PyParkingLot_Park`, detached: at once back unless the word is what was expected; whether something was handed
    /// over.
    pub(super) fn park_at(&self, bucket: &Bucket, is_expected: impl Fn() -> bool) -> Step<bool> {
        self.lock_raw(bucket);
        if !is_expected() {
            self.unlock_raw(bucket)?;
            return Ok(false);
        }
        let mut waiters = bucket.read();
        waiters.push(current_thread());
        bucket.write(waiters);
        self.unlock_raw(bucket)?;
        if !self.wait_detached()? {
            if self.withdraw(bucket)? {
                return Ok(false);
            }
            while !self.wait_detached()? {}
        }
        Ok(self.runtime.parking.is_handed_off())
    }

    /// Waits to be unparked, detached; whether it was.
    fn wait_detached(&self) -> Step<bool> {
        let current = self.current();
        if current != ThreadStateHandle::NULL {
            self.detach(current)?;
        }
        let woken = self.runtime.parking.wait_unless_interrupted();
        if self.runtime.over().is_some() {
            return Err(Ended::ProcessOver);
        }
        if current != ThreadStateHandle::NULL {
            self.attach(current)?;
        }
        Ok(woken)
    }

    /// After a wait that a signal ended: takes the thread out of the bucket; whether it was still there.
    fn withdraw(&self, bucket: &Bucket) -> Step<bool> {
        self.lock_raw(bucket);
        let mut waiters = bucket.read();
        let was_there = waiters.remove(current_thread());
        bucket.write(waiters);
        self.unlock_raw(bucket)?;
        Ok(was_there)
    }

    /// Unlocks: 1 → 0, or wakes the oldest waiter.
    pub(super) fn unlock(&self, mutex: &PyMutex) -> Step<()> {
        if mutex.exchange(LOCKED, 0).is_ok() {
            Ok(())
        } else {
            self.unlock_slowly(mutex)
        }
    }

    fn unlock_slowly(&self, mutex: &PyMutex) -> Step<()> {
        let scope = scope();
        let mut bits = mutex.bits.load(Ordering::SeqCst);
        loop {
            scope.again(&bits);
            if bits & LOCKED == 0 {
                return Err(self.fatal(Fatal::UnlockUnlocked));
            }
            if bits & HAS_PARKED != 0 {
                self.unpark(mutex)?;
                break;
            }
            match mutex.exchange(bits, 0) {
                Ok(_) => break,
                Err(now) => bits = now,
            }
        }
        scope.end(&());
        Ok(())
    }

    /// Wakes the oldest waiter and decides whether it owns the mutex: 3 → 0, 1, 2 or 3.
    fn unpark(&self, mutex: &PyMutex) -> Step<()> {
        self.lock_raw(&mutex.bucket);
        let mut waiters = mutex.bucket.read();
        let oldest = waiters.pop();
        mutex.bucket.write(waiters);
        let handed_off = oldest.is_some() && choose_usually(2, 1) == 1;
        let parked = if oldest.is_some() && !waiters.is_empty() {
            HAS_PARKED
        } else {
            0
        };
        mutex.bits.store(
            if handed_off { LOCKED | parked } else { parked },
            Ordering::SeqCst,
        );
        if let Some(thread) = oldest {
            self.runtime.parking.hand_off(thread, handed_off);
        }
        self.unlock_raw(&mutex.bucket)?;
        if let Some(thread) = oldest {
            self.runtime.parking.post(thread);
        }
        Ok(())
    }

    /// Locks a mutex; while it waits the attached thread state, if any, is detached.
    ///
    /// # Errors
    ///
    /// Hang at finalization, also as the owner. Source: contract 2.16, §LOCK.
    #[doc(alias = "PyMutex_Lock")]
    pub fn mutex_lock(&self, mutex: MutexSlot) -> Step<()> {
        self.lock(&self.runtime.mutexes[mutex.index()])
    }

    /// Unlocks a mutex, whoever locked it.
    ///
    /// # Errors
    ///
    /// Fatal if it is free. Source: contract 2.16, §LOCK.
    #[doc(alias = "PyMutex_Unlock")]
    pub fn mutex_unlock(&self, mutex: MutexSlot) -> Step<()> {
        self.unlock(&self.runtime.mutexes[mutex.index()])
    }

    /// Whether a mutex is locked: stale at once. Source: contract 2.16.
    ///
    /// # Errors
    ///
    /// None.
    #[doc(alias = "PyMutex_IsLocked")]
    pub fn mutex_is_locked(&self, mutex: MutexSlot) -> Step<i32> {
        let bits = self.runtime.mutexes[mutex.index()]
            .bits
            .load(Ordering::SeqCst);
        Ok(i32::from(bits & LOCKED != 0))
    }
}
