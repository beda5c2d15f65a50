//! The thread that imported `threading`: the "main thread" of that module, which others wait for by mistake.
//!
//! CPython: `Lib/threading.py` (`_MainThread`, `_shutdown`), `Modules/_threadmodule.c` (`_set_sentinel`); 3.9 to 3.12.
//!
//! # Protocol
//!
//! Up to 3.12 the module keeps a lock for each thread that is not a daemon, and `_shutdown` acquires them all. The
//! importing thread has one too, which the clearing of its thread state releases. If the importer finalizes, `_shutdown`
//! releases that lock itself; another thread acquires it like the others, and waits until the importer's state is
//! cleared: for ever, if that is the initial one (P59). 3.8 releases it whoever calls; 3.13 has handles, and marks the
//! importer's done.
//!
//! # Invariants
//!
//! L11 JoinEnds, violated.
//!
//! # Lock order
//!
//! The mutex is a leaf; the GIL is given up before it is taken.

use super::handle::{InterpreterHandle, ThreadStateHandle};
use super::outcome::{Ended, Step};
use super::state::Caller;
use crate::sync::{Condvar, Mutex, Plain, current_thread, scope};
use std::hash::Hash;

/// Who imported `threading` in one interpreter.
#[derive(Debug)]
pub(super) struct Importer {
    /// The thread, plus one; 0 if nobody did. Rule: the GIL.
    thread: Plain<u8>,
    /// Its thread state. Rule: the GIL.
    thread_state: Plain<ThreadStateHandle>,
    /// `_tstate_lock` of `_main_thread`: whether it is taken.
    taken: Mutex<bool>,
    released: Condvar,
}

impl Importer {
    pub(super) fn new(slot: usize) -> Self {
        Self {
            thread: Plain::new(("interpreter.importer", slot), 0),
            thread_state: Plain::new(
                ("interpreter.importer_tstate", slot),
                ThreadStateHandle::NULL,
            ),
            taken: Mutex::new(("interpreter.importer_lock", slot), false),
            released: Condvar::new(("interpreter.importer_released", slot)),
        }
    }

    /// As in a new life of the interpreter.
    pub(super) fn reset(&self) {
        if self.thread.read() != 0 {
            self.thread.write(0);
            self.thread_state.write(ThreadStateHandle::NULL);
            *self.taken.lock() = false;
        }
    }

    /// In a forked child: what the lock is made of is free.
    pub(super) fn renew(&self) {
        self.taken.renew(|taken| taken);
        self.released.renew();
    }

    /// `import threading`, the first time.
    pub(super) fn note(&self, current: ThreadStateHandle) {
        self.thread.write(current_thread().index() as u8 + 1);
        self.thread_state.write(current);
        *self.taken.lock() = true;
    }

    fn release(&self) {
        let mut taken = self.taken.lock();
        *taken = false;
        self.released.notify_all();
    }

    /// The process is over: who waits finds that out.
    pub(super) fn wake_all(&self) {
        let taken = self.taken.lock();
        self.released.notify_all();
        drop(taken);
    }
}

impl Caller<'_> {
    /// `release_sentinel`: the thread state that imported `threading` is cleared.
    pub(super) fn release_importer(&self, cleared: ThreadStateHandle) -> Step<()> {
        if self.runtime.profile.importer_is_joined() {
            let interpreter = self.interpreter_of(cleared)?;
            let importer = &self.interpreter(interpreter)?.importer;
            if importer.thread_state.read() == cleared {
                importer.thread_state.write(ThreadStateHandle::NULL);
                importer.release();
            }
        }
        Ok(())
    }

    /// The end of `threading._shutdown`, in a thread other than the importer.
    pub(super) fn join_importer(&self, interpreter: InterpreterHandle) -> Step<()> {
        if !self.runtime.profile.importer_is_joined() {
            return Ok(());
        }
        let importer = &self.interpreter(interpreter)?.importer;
        if importer.thread.read() == current_thread().index() as u8 + 1 {
            return Ok(());
        }
        // As any lock of Python's: the GIL is given up only to wait.
        if !*importer.taken.lock() {
            return Ok(());
        }
        let current = self.attached_or_crash()?;
        self.detach(current)?;
        self.wait_until_free(&importer.taken, &importer.released, |taken| !taken)?;
        self.attach(current)
    }

    /// Waits with nothing attached, as for any native lock of Python's, until `is_free` holds or the process is over.
    pub(super) fn wait_until_free<T: Hash + Copy + 'static>(
        &self,
        mutex: &Mutex<T>,
        freed: &Condvar,
        is_free: impl Fn(&T) -> bool,
    ) -> Step<()> {
        let mut state = mutex.lock();
        let scope = scope();
        loop {
            scope.again(&());
            if self.runtime.over().is_some() {
                return Err(Ended::ProcessOver);
            }
            if is_free(&state) {
                break;
            }
            freed.wait(&mut state);
        }
        scope.end(&());
        drop(state);
        Ok(())
    }
}
