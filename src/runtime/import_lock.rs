//! The import lock: recursive, taken by a thread that is attached and gives the GIL up while it waits.
//!
//! CPython: `Python/import.c` (`_PyImport_AcquireLock`, `_PyImport_ReleaseLock`, `_PyImport_ReInitLock`); 3.8 to 3.15.
//!
//! # States
//!
//! | owner | level | meaning |
//! | --- | --- | --- |
//! | nobody | 0 | free |
//! | a thread | n > 0 | that thread took it n times more than it gave it back |
//!
//! # Protocol
//!
//! Acquire: the owner counts · try · else detach, wait, attach again. Release: the owner counts down, and frees it with the
//! last count. Up to 3.12 the lock is a native one, and who waited owns it while it waits for the GIL; since 3.13 it is a
//! `PyMutex` ([`super::mutex`]). Up to 3.11 there is one lock for all interpreters.
//!
//! After a fork, in the child: free, or the forking thread's, which gives one count back, the one of
//! `PyOS_BeforeFork` ([`super::fork`]). Up to 3.12 it is made anew, since a thread that is gone may have it; since 3.13 the
//! forking thread must own it.
//!
//! # Invariants
//!
//! *OwnerCounts*: only the owner changes level and owner.
//!
//! # Lock order
//!
//! Taken attached, before the world is stopped and before HEAD_LOCK; the GIL is given up before the wait and taken after it.
//!
//! # Outcomes
//!
//! Deadlock; hang at finalization, up to 3.12 also as the owner.
//!
//! # Checked by
//!
//! `tests/loom/fork.rs`, `scenarios/fork`.

use super::handle::InterpreterHandle;
use super::mutex::PyMutex;
use super::outcome::{Ended, Fatal, Step};
use super::state::Caller;
use crate::sync::{Condvar, Mutex, Plain, current_thread, scope};

/// The import lock of one interpreter, or of the process.
#[derive(Debug)]
pub(super) struct ImportLock {
    /// Since 3.13.
    mutex: PyMutex,
    /// Up to 3.12: whether it is taken.
    taken: Mutex<bool>,
    freed: Condvar,
    /// The owner, plus one. Rule: the owner writes it; anybody else only learns that it is not itself.
    owner: Plain<u8>,
    /// Rule: the owner.
    level: Plain<u32>,
}

impl ImportLock {
    pub(super) fn new(slot: usize) -> Self {
        Self {
            mutex: PyMutex::new(("import_lock.mutex", slot), ("import_lock.bucket", slot)),
            taken: Mutex::new(("import_lock", slot), false),
            freed: Condvar::new(("import_lock.freed", slot)),
            owner: Plain::new(("import_lock.owner", slot), 0),
            level: Plain::new(("import_lock.level", slot), 0),
        }
    }

    fn is_owner(&self) -> bool {
        self.owner.peek() == current_thread().index() as u8 + 1
    }

    /// A thread that is gone has it, in releases in which a fork makes it anew.
    pub(super) fn keep(&self) {
        *self.taken.lock() = true;
    }

    /// In a forked child, since 3.13.
    pub(super) fn forget_waiters(&self) {
        self.mutex.forget_waiters();
    }

    /// In a forked child, up to 3.12: a lock that is free, or the forking thread's once less than whoever had it.
    fn renew(&self) {
        let level = self.level.read().saturating_sub(1);
        self.level.write(level);
        self.taken.renew(|_| level > 0);
        self.freed.renew();
        self.owner.write(if level > 0 {
            current_thread().index() as u8 + 1
        } else {
            0
        });
    }

    /// The process is over: who waits finds that out.
    pub(super) fn wake_all(&self) {
        let taken = self.taken.lock();
        self.freed.notify_all();
        drop(taken);
    }
}

impl<'a> Caller<'a> {
    /// The lock that imports in this interpreter take.
    pub(super) fn import_lock(&self, interpreter: InterpreterHandle) -> Step<&'a ImportLock> {
        let owner = if self.runtime.profile.import_lock_of_interpreter() {
            interpreter
        } else {
            InterpreterHandle::MAIN
        };
        Ok(&self.interpreter(owner)?.import_lock)
    }

    /// `_PyImport_AcquireLock`, attached.
    pub(super) fn acquire_import_lock(&self, interpreter: InterpreterHandle) -> Step<()> {
        let lock = self.import_lock(interpreter)?;
        if !lock.is_owner() {
            if self.runtime.profile.runtime_locks_detach() {
                self.lock(&lock.mutex)?;
            } else {
                self.take_import_lock(lock)?;
            }
            lock.owner.write(current_thread().index() as u8 + 1);
        }
        lock.level.write(lock.level.read() + 1);
        Ok(())
    }

    /// Up to 3.12: the GIL is given up only to wait.
    fn take_import_lock(&self, lock: &ImportLock) -> Step<()> {
        let mut taken = lock.taken.lock();
        if !*taken {
            *taken = true;
            return Ok(());
        }
        drop(taken);
        let current = self.attached_or_crash()?;
        self.detach(current)?;
        let scope = scope();
        let mut taken = lock.taken.lock();
        loop {
            scope.again(&());
            if self.runtime.over().is_some() {
                return Err(Ended::ProcessOver);
            }
            if !*taken {
                break;
            }
            lock.freed.wait(&mut taken);
        }
        *taken = true;
        drop(taken);
        scope.end(&());
        self.attach(current)
    }

    /// `_PyImport_ReleaseLock`: whether the caller owned it.
    pub(super) fn release_import_lock(&self, interpreter: InterpreterHandle) -> Step<bool> {
        let lock = self.import_lock(interpreter)?;
        if !lock.is_owner() {
            return Ok(false);
        }
        let level = lock.level.read() - 1;
        lock.level.write(level);
        if level == 0 {
            lock.owner.write(0);
            if self.runtime.profile.runtime_locks_detach() {
                self.unlock(&lock.mutex)?;
            } else {
                let mut taken = lock.taken.lock();
                *taken = false;
                lock.freed.notify_one();
                drop(taken);
            }
        }
        Ok(true)
    }

    /// In a forked child, `_PyImport_ReInitLock`. Since 3.13 it is the forking thread's, whoever had it, which gives it up once:
    /// fatal if it is free.
    pub(super) fn renew_import_lock(&self, interpreter: InterpreterHandle) -> Step<()> {
        let lock = self.import_lock(interpreter)?;
        if !self.runtime.profile.runtime_locks_detach() {
            lock.renew();
            return Ok(());
        }
        lock.owner.write(current_thread().index() as u8 + 1);
        if lock.level.read() == 0 {
            return Err(self.fatal(Fatal::UnlockUnlocked));
        }
        self.release_import_lock(interpreter)?;
        Ok(())
    }
}
