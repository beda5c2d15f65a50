//! Async exceptions: an exception that one thread raises in another one of its interpreter.
//!
//! CPython: `Python/pystate.c` (`PyThreadState_SetAsyncExc`), `Python/ceval_gil.c` (`_Py_HandlePending`); up to 3.12
//! `Python/ceval.c`, `Python/ceval_gil.c` (`SIGNAL_ASYNC_EXC`).
//!
//! # States
//!
//! | `async_exc` of a thread state | meaning | who may change it |
//! | --- | --- | --- |
//! | null | nothing is to be raised | who sets one |
//! | an exception | the thread that is attached with it raises it at its next check point | it, and who sets another |
//!
//! # Protocol
//!
//! Set: X1 under HEAD_LOCK the newest thread state of the caller's interpreter whose `thread_id` is the ident, whether or not a
//! thread runs with it · X2 put the exception there · X3 drop what was there · X4 tell it, also where null was put there.
//! Raise (E8): forget that it was told, take the exception out; null raises nothing.
//!
//! `thread_id` is the thread that bound the thread state: who made it, for `PyThreadState_New`. So one that is made and never
//! runs takes what was meant for the older one that does (P53).
//!
//! Since 3.13 X2 is an exchange and X4 a bit of the thread state's own, both after HEAD_LOCK: the GIL keeps the thread state
//! where it is, unless the thread that deletes it needs none.
//!
//! Up to 3.12 X2 is a plain store under HEAD_LOCK, and X4 one flag for all thread states of the interpreter, in 3.8 of the
//! process, and their eval breaker. Whoever raises clears the flag and computes the eval breaker, whoever else has an exception:
//! taking the GIL sets both again for a thread state that has one. Where the target never runs, the flag stays, and the eval
//! loops of all others look up at every check point.
//!
//! Differs: an ident is the number of a thread, which no other thread ever has; the C library gives a thread's ident away
//! again when it has ended. Which exception it was is forgotten when it is raised.
//!
//! # Invariants
//!
//! S51 AsyncAtMostOnce, S52 AsyncTarget, L5 AsyncEventually, S22 BindOnce.
//!
//! # Memory order
//!
//! `async_exc` is exchanged sequentially consistently since 3.13. Up to 3.12 it is plain, and the GIL orders it.
//!
//! # Lock order
//!
//! HEAD_LOCK is taken inside; nothing is taken inside it.
//!
//! # Outcomes
//!
//! A crash without an attached thread state; use after free of a target that is deleted between X1 and X2.
//!
//! # Checked by
//!
//! `tests/loom/signals.rs`, `scenarios/signals`.

use super::differences::EvalBreakerOf;
use super::eval_breaker::Bit;
use super::handle::{InterpreterHandle, ThreadStateHandle};
use super::outcome::Step;
use super::state::Caller;
use crate::sync::{Ordering, ThreadIndex, current_thread};

/// An exception as a number; 0 is null.
pub type Exception = u32;

/// The ident of a thread.
fn ident_of(thread: ThreadIndex) -> i64 {
    thread.index() as i64 + 1
}

impl Caller<'_> {
    /// The calling OS thread's ident: a number that no other thread has.
    ///
    /// # Errors
    ///
    /// None.
    #[doc(alias = "PyThread_get_thread_ident")]
    pub fn thread_get_ident(&self) -> Step<i64> {
        Ok(ident_of(current_thread()))
    }

    /// Raises an exception in the thread of that ident, in the caller's interpreter; 0 takes back what was to be raised. How many
    /// thread states were changed: 0 or 1.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state; use after free. Source: contract 2.9, §ASYNC.
    #[doc(alias = "PyThreadState_SetAsyncExc")]
    pub fn thread_state_set_async_exc(&self, ident: i64, exception: Exception) -> Step<i32> {
        let interpreter = self.interpreter_of(self.attached_or_crash()?)?;
        let is_own = self.breaker_is_own();
        let lists = self.runtime.lists.lock();
        let mut target = lists.threads_head(interpreter);
        while !target.is_null() {
            let bound = self.thread_state(target)?.thread.read();
            if bound != 0 && i64::from(bound) == ident {
                break;
            }
            target = lists.next_thread_state(target);
        }
        if target.is_null() {
            return Ok(0);
        }
        if is_own {
            drop(lists);
            let tstate = self.storage(target)?;
            tstate.async_exc.swap(exception, Ordering::SeqCst);
            self.live(target)?;
            tstate.eval_breaker.set(Bit::AsyncException);
            self.live(target)?;
        } else {
            self.thread_state(target)?
                .async_exc
                .store(exception, Ordering::Relaxed);
            drop(lists);
            if self.runtime.profile.eval_breaker_of() == EvalBreakerOf::Interpreter {
                // It is `target` that says which interpreter is to look up.
                self.touch(target)?;
            }
            self.signal_async_exception(interpreter)?;
        }
        Ok(1)
    }

    /// E8 since 3.13, and `PyErr_CheckSignals` of 3.15: the bit was set. Whether an exception is raised.
    pub(super) fn raise_async_exception(&self, current: ThreadStateHandle) -> Step<bool> {
        let tstate = self.thread_state(current)?;
        tstate.eval_breaker.clear(Bit::AsyncException);
        self.live(current)?;
        let raised = tstate.async_exc.swap(0, Ordering::SeqCst);
        self.live(current)?;
        Ok(raised != 0)
    }

    /// §GIL T12 up to 3.12: the taker's own exception tells it to look up.
    pub(super) fn signal_own_async_exception(
        &self,
        interpreter: InterpreterHandle,
        handle: ThreadStateHandle,
    ) -> Step<()> {
        if !self.runtime.signals.is_used() {
            return Ok(());
        }
        let raises = self.thread_state(handle)?.async_exc.load(Ordering::Relaxed);
        if raises == 0 {
            return Ok(());
        }
        self.signal_async_exception(interpreter)
    }

    /// E8 up to 3.12. Nothing is looked at unless the program sets one.
    pub(super) fn raise_async_exception_shared(
        &self,
        current: ThreadStateHandle,
        interpreter: InterpreterHandle,
    ) -> Step<bool> {
        if !self.runtime.signals.is_used() {
            return Ok(false);
        }
        let tstate = self.thread_state(current)?;
        if tstate.async_exc.load(Ordering::Relaxed) == 0 {
            return Ok(false);
        }
        tstate.async_exc.store(0, Ordering::Relaxed);
        self.unsignal_async_exception(interpreter)?;
        Ok(true)
    }
}
