//! `PyThreadState_Ensure` and `PyThreadState_Release`: a thread state of a chosen interpreter for whoever asks.
//!
//! CPython: `Python/pystate.c` (`PyThreadState_Ensure`, `PyThreadState_EnsureFromView`, `PyThreadState_Release`); PEP 788, 3.15. The order
//! of the steps is that of the machine code of 3.15.2.
//!
//! # States
//!
//! | of a thread state | meaning | who may change it |
//! | --- | --- | --- |
//! | `ensure.counter` | Ensures that are open; 0 at first, whoever made it | the thread that runs with it |
//! | `ensure.delete_on_release` | an Ensure made it, so the last Release deletes it | the Ensure that made it |
//! | `ensure.owned_guard` | the guard of the first `EnsureFromView` that found none here | that call; the last Release |
//!
//! | token | meaning |
//! | --- | --- |
//! | a thread state | it was attached before, maybe the same one: Release attaches it again |
//! | *none* ([`Token::NoState`]) | nothing was attached: Release detaches |
//! | null | there was no thread state to be had, nothing is to be released |
//!
//! # Protocol
//!
//! Ensure: read the guard's interpreter · the attached thread state is of it: count it · else the thread's slot is of it: count, then attach that · else make one, bound
//! to the thread, counted once, and swap it in. Nothing asks whether the interpreter is finalizing: an open guard is what
//! keeps it from that, and the caller has it.
//!
//! `EnsureFromView`: open a guard · Ensure · the thread state, now attached, keeps the guard, unless it has one or there was none to be had: then close it.
//!
//! Release: count down, below 0 is fatal · not 0: detach if the token is *none*, else stay attached · 0: take the guard out, and of a thread
//! state that is to be deleted also clear it, counted, so that destructors may nest; swap the token's in, which gives the GIL up even if it is
//! the same one; delete; close the guard last.
//!
//! A guard that `EnsureFromView` puts there while the last Release clears is not looked at again: it stays open for good (observed: 3.15.2).
//!
//! The counter is another one than `PyGILState_Ensure`'s. Each deletes what it made itself, so the two must nest.
//!
//! # Invariants
//!
//! S74 EnsureCounter, S72 GuardBlocks, S25 TssCoherent.
//!
//! # Outcomes
//!
//! Fatal *called more times than*, and without an attached thread state; hang at finalization without an open guard; use after
//! free.
//!
//! # Checked by
//!
//! `tests/loom/guard.rs`, `scenarios/guard`.

use super::arena::Whence;
use super::guard::Opened;
use super::handle::{GuardHandle, ThreadStateHandle, ViewHandle};
use super::outcome::{Fatal, Step};
use super::state::Caller;

/// What an Ensure found: `PyThreadStateToken *`.
#[doc(alias = "PyThreadStateToken")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Token {
    /// The null pointer: it did not work.
    Null,
    /// No thread state was attached.
    NoState,
    /// The thread state that was attached.
    State(ThreadStateHandle),
}

impl Caller<'_> {
    /// Attaches a thread state of the guarded interpreter: the attached one, the thread's last one, or a new one; null if
    /// none could be made.
    ///
    /// Blocks while another thread holds the GIL.
    ///
    /// # Errors
    ///
    /// A crash for null and for a guard that was closed; hang at finalization, if the guard was closed meanwhile; fatal if the
    /// thread's slot is of the interpreter and another thread state is attached. Source: contract 2.19, §GUARD, P34; observed:
    /// 3.15.2.
    #[doc(alias = "PyThreadState_Ensure")]
    pub fn thread_state_ensure(&self, guard: GuardHandle) -> Step<Token> {
        let interpreter = self.guarded(guard)?;
        let current = self.current();
        if !current.is_null() && self.interpreter_of(current)? == interpreter {
            self.count_ensure(current)?;
            return Ok(Token::State(current));
        }
        let last = self.tss_own().read();
        if !last.is_null() && self.interpreter_of(last)? == interpreter {
            self.count_ensure(last)?;
            self.attach(last)?;
            return Ok(Token::NoState);
        }
        let made = self.create_thread_state(interpreter, Whence::GilState)?;
        if made.is_null() {
            return Ok(Token::Null);
        }
        self.bind_listed(made)?;
        self.count_ensure(made)?;
        self.thread_state(made)?.deleted_on_release.write(true);
        if current.is_null() {
            self.attach(made)?;
            return Ok(Token::NoState);
        }
        self.thread_state_swap(made).map(Token::State)
    }

    fn count_ensure(&self, handle: ThreadStateHandle) -> Step<()> {
        let counter = &self.thread_state(handle)?.ensure_counter;
        let count = counter.read();
        debug_assert!(
            !self.runtime.sane() || count >= 0,
            "S74: the counter is not negative"
        );
        counter.write(count + 1);
        Ok(())
    }

    /// As [`Caller::thread_state_ensure`], with a guard of its own on the view's interpreter; null too if that cannot be had.
    ///
    /// # Errors
    ///
    /// A crash for null and for a view that was closed. Source: contract 2.19, §GUARD, P32b.
    #[doc(alias = "PyThreadState_EnsureFromView")]
    pub fn thread_state_ensure_from_view(&self, view: ViewHandle) -> Step<Token> {
        let guard = self.guard_from_view(view, Opened::Ensure)?;
        if guard.is_null() {
            return Ok(Token::Null);
        }
        let token = self.thread_state_ensure(guard)?;
        if token != Token::Null {
            let owned = &self.thread_state(self.current())?.owned_guard;
            if owned.read().is_null() {
                owned.write(guard);
                return Ok(token);
            }
        }
        self.interpreter_guard_close(guard)?;
        Ok(token)
    }

    /// Undoes one Ensure.
    ///
    /// Blocks while another thread holds the GIL of the thread state that it attaches again.
    ///
    /// # Errors
    ///
    /// Fatal without an attached thread state, and for one that no Ensure counts any more; hang at finalization; what ended
    /// the thread in a destructor; use after free. Source: contract 2.19, §GUARD, P34; observed: 3.15.2.
    #[doc(alias = "PyThreadState_Release")]
    pub fn thread_state_release(&self, token: Token) -> Step<()> {
        let current = self.current();
        if current.is_null() {
            return Err(self.fatal(Fatal::EnsuredReleaseNull));
        }
        let tstate = self.thread_state(current)?;
        let count = tstate.ensure_counter.read() - 1;
        tstate.ensure_counter.write(count);
        if count < 0 {
            return Err(self.fatal(Fatal::ReleasedTooOften));
        }
        if count == 0 {
            return self.release_last(current, token);
        }
        if token == Token::NoState {
            self.thread_state_swap(ThreadStateHandle::NULL)?;
        }
        Ok(())
    }

    /// The Release that nobody counts after.
    fn release_last(&self, current: ThreadStateHandle, token: Token) -> Step<()> {
        let tstate = self.thread_state(current)?;
        let is_deleted = tstate.deleted_on_release.read();
        // Read before the clearing, as in C: what that puts there is not seen.
        let guard = tstate.owned_guard.read();
        if is_deleted {
            tstate.ensure_counter.write(1);
            self.thread_state_clear(current)?;
            let counter = &self.thread_state(current)?.ensure_counter;
            counter.write(counter.read() - 1);
        }
        if !guard.is_null() {
            self.thread_state(current)?
                .owned_guard
                .write(GuardHandle::NULL);
        }
        let before = match token {
            Token::State(before) => before,
            Token::Null | Token::NoState => ThreadStateHandle::NULL,
        };
        self.thread_state_swap(before)?;
        if is_deleted {
            self.thread_state_delete(current)?;
        }
        if guard.is_null() {
            Ok(())
        } else {
            self.interpreter_guard_close(guard)
        }
    }
}
