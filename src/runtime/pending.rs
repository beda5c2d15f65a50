//! Pending calls: functions that another thread asks the main thread to run at a check point.
//!
//! CPython: `Python/ceval_gil.c` (`_PyEval_AddPendingCall`, `make_pending_calls`, `_Py_FinishPendingCalls`), up to 3.11
//! `Python/ceval.c`.
//!
//! # States
//!
//! [`super::pending_queue`].
//!
//! # Protocol
//!
//! There are two kinds of queue. The main one is run by the main OS thread in the main interpreter, an interpreter's own by any
//! thread attached to it.
//!
//! Add: Q1 lock · Q2 full, or put last · Q3 unlock · Q4 set `CALLS_TO_DO`, also when full: for the main queue on the main
//! thread state; for another under the GIL's mutex on the last holder, if it holds the GIL and is of that interpreter. Whoever
//! takes the GIL next looks at both queues under the same mutex (§GIL T12), so nobody of the interpreter misses the call.
//! Make: M1 if someone handles calls already, the bit is passed to it · M2 clear the bit before the calls, so that one
//! added meanwhile sets it again · M3 as often as a pass may: take the oldest under the lock, run it without · M4 more left:
//! set the bit · M5 the main queue, on the main thread · M6 done. Finish: until both queues are empty.
//!
//! M1 passes the bit from one thread state to another, and takes it from its own last: who handles calls and reaches a check
//! point inside one of them passes the bit to itself, and loses it. What was added meanwhile runs in the pass all the same,
//! unless it went to the interpreter's own queue while the pass is at the main one: then it waits for the next thread that
//! takes the GIL. So does a call whose bit is passed to a thread that never checks again.
//!
//! Up to 3.12, in the same steps:
//!
//! * which queue: 3.8 the runtime's; 3.9 to 3.11 that of the interpreter of the caller's thread state; 3.12 the main
//!   queue. The lock is a native one: waiting for it does not detach. It goes with its interpreter (F30), and a thread
//!   that adds a call afterwards uses it all the same;
//! * Q4 the queue's `calls_to_do`, then the eval breaker of the interpreter: stored in 3.8, computed from 3.9 on, where it
//!   comes out 0 if the adding thread could not run the call itself (gh-95820); the next computation on the main thread
//!   repairs that;
//! * M1 one flag: `busy`, static up to 3.11, in the interpreter's queue in 3.12. Up to 3.11 a thread that is not the main
//!   one goes home before it. Nothing is passed on;
//! * M4 is not there: what is left was added after M2, and set the flag;
//! * Finish: one round; what it leaves is dropped, and a call that fails ends it (gh-118297). In 3.8 the queue refuses
//!   calls from there on, and prints an error in the name of whatever thread state is current.
//!
//! # Invariants
//!
//! S43 PendingAtMostOnce, S44 PendingFifo, S45 PendingBound, S46 PendingFullClean, S47 PendingRightThread,
//! S48 PendingNonReentrant, S49 HandlerLive (violated in a forked child), S50 SignalCoversWork (violated from 3.9 to 3.12, and since
//! 3.13 for what a call of the main queue queues for the interpreter).
//!
//! # Outcomes
//!
//! Livelock of Finish (P25); lost calls; a crash before initialization (P23), of a call that is added while the next life of
//! the runtime begins, and up to 3.12 after finalization.
//!
//! # Checked by
//!
//! `tests/loom/pending.rs`, `tests/runtime.rs`.

use super::callback::Callback;
use super::differences::{PendingCallsOf, PendingFinish, PendingFlags};
use super::eval_breaker::Bit;
use super::handle::{InterpreterHandle, ThreadStateHandle};
use super::interpreter::Interpreter;
use super::outcome::{Crash, Limit, Step};
use super::pending_queue::{Added, PendingQueue, QueueLife};
use super::state::Caller;
use crate::sync::{Ordering, Plain, current_thread, scope};

/// `_Py_PENDING_MAINTHREADONLY`: the main queue.
pub const PENDING_MAINTHREADONLY: i32 = 1;

/// How a pass over a queue ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Pass {
    /// Nothing is left.
    Empty,
    /// The pass was long enough; more may be left.
    More,
    /// A call raised an exception.
    Raised,
}

/// Sets a flag; whether it was set.
fn replace(flag: &Plain<bool>) -> bool {
    let was = flag.read();
    flag.write(true);
    was
}

impl<'a> Caller<'a> {
    /// `_Py_IsMainThread`.
    pub(super) fn on_main_thread(&self) -> bool {
        self.runtime.main_thread.read() == current_thread()
    }

    /// Whether this thread runs the main queue's calls while attached to `interpreter`.
    fn runs_main_queue(&self, interpreter: InterpreterHandle) -> bool {
        interpreter == InterpreterHandle::MAIN && self.on_main_thread()
    }

    /// Runs `work` under the queue's lock; a crash if a native lock is not there.
    fn with_queue<T>(&self, queue: &PendingQueue, work: impl FnOnce() -> T) -> Step<T> {
        if self.runtime.profile.runtime_locks_detach() {
            self.lock(&queue.mutex)?;
            let result = work();
            self.unlock(&queue.mutex)?;
            return Ok(result);
        }
        let life = queue.lock.lock();
        if *life == QueueLife::Closed {
            return Err(self.crash(Crash::Other));
        }
        Ok(work())
    }

    /// The queue's lock comes into being, up to 3.12.
    pub(super) fn open_queue(&self, queue: &PendingQueue) {
        if !self.runtime.profile.runtime_locks_detach() {
            queue.set_life(QueueLife::Open);
        }
    }

    /// The queue's lock is freed, up to 3.12; 3.8 keeps it.
    pub(super) fn close_queue(&self, queue: &PendingQueue) {
        let profile = self.runtime.profile;
        if !profile.runtime_locks_detach() && profile.pending_finish() != PendingFinish::Refusing {
            queue.set_life(QueueLife::Closed);
        }
    }

    /// The queue of `Py_AddPendingCall` for who is, or was, attached to `interpreter`.
    fn public_queue(&self, interpreter: InterpreterHandle) -> Step<&'a PendingQueue> {
        match self.runtime.profile.pending_calls_of() {
            PendingCallsOf::Runtime | PendingCallsOf::MainThread => Ok(&self.runtime.pending_main),
            PendingCallsOf::Interpreter => Ok(&self.interpreter(interpreter)?.pending),
        }
    }

    /// Up to 3.12, in the computation of the eval breaker: whether this thread sees calls that it would run.
    pub(super) fn pending_calls_seen(&self, interpreter: InterpreterHandle) -> Step<bool> {
        if self.runtime.profile.pending_calls_of() == PendingCallsOf::MainThread {
            return self.pending_calls_asked(interpreter);
        }
        let computed = self.runtime.profile.pending_signal_is_computed();
        let asked = self.pending_calls_asked(interpreter)?;
        Ok(asked && (!computed || self.on_main_thread()))
    }

    /// Up to 3.12, at a check point: whether there are calls to do.
    pub(super) fn pending_calls_asked(&self, interpreter: InterpreterHandle) -> Step<bool> {
        let asked = |queue: &PendingQueue| queue.calls_to_do.load(Ordering::Relaxed);
        if self.runtime.profile.pending_calls_of() != PendingCallsOf::MainThread {
            return Ok(asked(self.public_queue(interpreter)?));
        }
        Ok(asked(&self.interpreter(interpreter)?.pending)
            || (self.runs_main_queue(interpreter) && asked(&self.runtime.pending_main)))
    }

    /// Q4 up to 3.12, `SIGNAL_PENDING_CALLS`.
    fn signal_pending_calls(
        &self,
        interpreter: InterpreterHandle,
        queue: &PendingQueue,
    ) -> Step<()> {
        queue.calls_to_do.store(true, Ordering::Relaxed);
        if self.runtime.profile.pending_signal_is_computed() {
            self.compute_eval_breaker(interpreter)
        } else {
            self.force_eval_breaker(interpreter)
        }
    }

    /// §PENDING M1 to M6; -1 if a call raised an exception.
    pub(super) fn pending_calls_make(&self, current: ThreadStateHandle) -> Step<i32> {
        let scope = scope();
        let handle = self.interpreter_of(current)?;
        let result = if self.runtime.profile.pending_calls_are_passed_on() {
            self.make_handling(current, handle)?
        } else {
            self.make_busy(handle)?
        };
        scope.end(&result);
        Ok(result)
    }

    /// M1 to M6 since 3.13.
    fn make_handling(&self, current: ThreadStateHandle, handle: InterpreterHandle) -> Step<i32> {
        let interpreter = self.interpreter(handle)?;
        let pending = &interpreter.pending;
        self.lock(&pending.mutex)?;
        let handling = pending.handling_thread.read();
        if !handling.is_null() {
            self.storage(handling)?.eval_breaker.set(Bit::CallsToDo);
            self.live(handling)?;
            self.storage(current)?.eval_breaker.clear(Bit::CallsToDo);
            self.live(current)?;
            self.unlock(&pending.mutex)?;
            return Ok(0);
        }
        pending.handling_thread.write(current);
        self.unlock(&pending.mutex)?;
        self.storage(current)?.eval_breaker.clear(Bit::CallsToDo);
        self.live(current)?;
        let result = self.make_both(current, handle, interpreter)?;
        pending.handling_thread.write(ThreadStateHandle::NULL);
        if result != 0 {
            self.storage(current)?.eval_breaker.set(Bit::CallsToDo);
            self.live(current)?;
        }
        Ok(result)
    }

    /// M3 to M5 since 3.13.
    fn make_both(
        &self,
        current: ThreadStateHandle,
        handle: InterpreterHandle,
        interpreter: &Interpreter,
    ) -> Step<i32> {
        let main = self
            .runs_main_queue(handle)
            .then_some(&self.runtime.pending_main);
        for queue in [Some(&interpreter.pending), main].into_iter().flatten() {
            match self.make_pass(queue)? {
                Pass::Empty => {}
                Pass::Raised => return Ok(-1),
                Pass::More => {
                    self.storage(current)?.eval_breaker.set(Bit::CallsToDo);
                    self.live(current)?;
                }
            }
        }
        Ok(0)
    }

    /// M1 to M6 up to 3.12.
    fn make_busy(&self, handle: InterpreterHandle) -> Step<i32> {
        let own = &self.interpreter(handle)?.pending;
        let of_main_thread = self.runtime.profile.pending_calls_of() == PendingCallsOf::MainThread;
        if !of_main_thread && !self.on_main_thread() {
            return Ok(0);
        }
        let (busy, queues) = if of_main_thread {
            let main = &self.runtime.pending_main;
            let main = self.runs_main_queue(handle).then_some(main);
            (&own.busy, [Some(own), main])
        } else {
            // A static variable of the function: no life of the runtime resets it.
            (
                &self.runtime.pending_busy,
                [Some(self.public_queue(handle)?), None],
            )
        };
        let was_busy = if of_main_thread {
            self.with_queue(own, || replace(busy))?
        } else {
            replace(busy)
        };
        if was_busy {
            return Ok(0);
        }
        self.unsignal_pending_calls(handle, queues)?;
        for queue in queues.into_iter().flatten() {
            if self.make_pass(queue)? == Pass::Raised {
                busy.write(false);
                self.signal_pending_calls(handle, queue)?;
                return Ok(-1);
            }
        }
        busy.write(false);
        Ok(0)
    }

    /// M2 up to 3.12, `UNSIGNAL_PENDING_CALLS`: the main queue's flag first.
    fn unsignal_pending_calls(
        &self,
        handle: InterpreterHandle,
        queues: [Option<&PendingQueue>; 2],
    ) -> Step<()> {
        for queue in queues.into_iter().flatten().rev() {
            queue.calls_to_do.store(false, Ordering::Relaxed);
        }
        self.compute_eval_breaker(handle)
    }

    /// M3: as many calls as a pass makes.
    fn make_pass(&self, queue: &PendingQueue) -> Step<Pass> {
        let scope = scope();
        let mut left = 0;
        for done in 0..queue.per_pass {
            scope.again(&done);
            let (next, count) = self.with_queue(queue, || (queue.pop(), queue.count.read()))?;
            left = count;
            let Some(call) = next else { break };
            if self.run(call)? != 0 {
                scope.end(&Pass::Raised);
                return Ok(Pass::Raised);
            }
        }
        let pass = if left > 0 { Pass::More } else { Pass::Empty };
        scope.end(&pass);
        Ok(pass)
    }

    /// §PENDING Finish; exceptions are printed.
    pub(super) fn pending_calls_finish(&self, current: ThreadStateHandle) -> Step<()> {
        let handle = self.interpreter_of(current)?;
        match self.runtime.profile.pending_finish() {
            PendingFinish::UntilEmpty => return self.finish_until_empty(current),
            PendingFinish::Refusing => {
                let queue = self.public_queue(handle)?;
                queue.set_life(QueueLife::Finishing);
                if !self.pending_calls_asked(handle)? {
                    return Ok(());
                }
            }
            PendingFinish::IfAsked if !self.pending_calls_asked(handle)? => return Ok(()),
            PendingFinish::IfAsked | PendingFinish::Once => {}
        }
        let _printed = self.pending_calls_make(current)?;
        Ok(())
    }

    /// Until nothing is left.
    fn finish_until_empty(&self, current: ThreadStateHandle) -> Step<()> {
        let scope = scope();
        loop {
            scope.again(&());
            let _printed = self.pending_calls_make(current)?;
            let handle = self.interpreter_of(current)?;
            let mut left = self.interpreter(handle)?.pending.waiting(Ordering::Relaxed);
            if self.runs_main_queue(handle) {
                left += self.runtime.pending_main.waiting(Ordering::Relaxed);
            }
            if left == 0 {
                break;
            }
        }
        scope.end(&());
        Ok(())
    }

    /// Asks the main thread to run a function; 0, or -1 if the queue is full.
    ///
    /// Needs no attached thread state; detaches one while it waits for the queue, since 3.13.
    ///
    /// # Errors
    ///
    /// A crash before initialization (P23), and up to 3.12 after finalization; in 3.8 a crash while finalization refuses
    /// calls, unless the caller is attached. Source: contract 2.11, §PENDING.
    #[doc(alias = "Py_AddPendingCall")]
    pub fn add_pending_call(&self, call: Callback) -> Step<i32> {
        if !self.runtime.profile.pending_calls_are_passed_on() {
            return self.add_pending_call_signalling(call);
        }
        self.add_to_main_queue(call)
    }

    /// Queues a call for an interpreter: any of its threads runs it, up to 3.11 the main one only. With
    /// [`PENDING_MAINTHREADONLY`] it is the main queue; up to 3.11 there are no flags, and in 3.12 any flag is that one. The
    /// other flag, `_Py_PENDING_RAWFREE`, frees what the argument points to after the call: the model has no memory there.
    /// 0, or -1 if the queue is full.
    ///
    /// Needs no attached thread state; detaches one while it waits for the queue, since 3.13.
    ///
    /// # Errors
    ///
    /// A crash for an interpreter that is null, freed or without a GIL. Source: contract 1.6, §PENDING, V20 to V22.
    #[doc(alias = "_PyEval_AddPendingCall")]
    pub fn eval_add_pending_call(
        &self,
        interpreter: InterpreterHandle,
        call: Callback,
        flags: i32,
    ) -> Step<i32> {
        let owner = self.interpreter(interpreter)?;
        let profile = self.runtime.profile;
        let queue = &owner.pending;
        match profile.pending_flags() {
            PendingFlags::None => {
                let queue = self.public_queue(interpreter)?;
                self.add_signalling(interpreter, queue, call)
            }
            PendingFlags::MainThread if flags != 0 => {
                self.add_signalling(interpreter, &self.runtime.pending_main, call)
            }
            PendingFlags::MainThread => self.add_signalling(interpreter, queue, call),
            PendingFlags::Bits => {
                if flags & PENDING_MAINTHREADONLY != 0 {
                    return self.add_to_main_queue(call);
                }
                let added = self.with_queue(queue, || queue.push(call))?;
                if added == Added::Emptied {
                    return self.result_of(added);
                }
                self.signal_active_thread(interpreter)?;
                self.result_of(added)
            }
        }
    }

    /// Q1 to Q4 of the main queue since 3.13.
    fn add_to_main_queue(&self, call: Callback) -> Step<i32> {
        let queue = &self.runtime.pending_main;
        let added = self.with_queue(queue, || queue.push(call))?;
        if added == Added::Emptied {
            return self.result_of(added);
        }
        let main = self.runtime.main_thread_state.read();
        if main.is_null() {
            return Err(self.crash(Crash::Other));
        }
        // The storage of the main thread state is static: written to also when it holds nothing.
        self.storage(main)?.eval_breaker.set(Bit::CallsToDo);
        self.result_of(added)
    }

    fn result_of(&self, added: Added) -> Step<i32> {
        match added {
            Added::Yes => Ok(0),
            Added::Full => Ok(-1),
            Added::NoPlace => Err(self.limit(Limit::PendingCalls)),
            Added::Emptied => Err(self.crash(Crash::Other)),
        }
    }

    /// Q1 to Q4 up to 3.12.
    fn add_pending_call_signalling(&self, call: Callback) -> Step<i32> {
        let interpreter = self.interpreter_to_add_to()?;
        let queue = self.public_queue(interpreter)?;
        self.add_signalling(interpreter, queue, call)
    }

    fn add_signalling(
        &self,
        interpreter: InterpreterHandle,
        queue: &PendingQueue,
        call: Callback,
    ) -> Step<i32> {
        let life = queue.lock.lock();
        let added = match *life {
            QueueLife::Closed => return Err(self.crash(Crash::Other)),
            QueueLife::Finishing => {
                drop(life);
                return self.refuse_pending_call();
            }
            QueueLife::Open => queue.push(call),
        };
        drop(life);
        if added == Added::Emptied {
            return self.result_of(added);
        }
        self.signal_pending_calls(interpreter, queue)?;
        self.result_of(added)
    }

    /// Where `Py_AddPendingCall` queues, up to 3.12: 3.9 to 3.11 the interpreter of the current thread state, else of the
    /// GILState one, else, and in 3.12 at once, the main interpreter.
    fn interpreter_to_add_to(&self) -> Step<InterpreterHandle> {
        match self.runtime.profile.pending_calls_of() {
            PendingCallsOf::Runtime => return Ok(InterpreterHandle::MAIN),
            PendingCallsOf::Interpreter => {
                let mut caller = self.current();
                if caller.is_null() {
                    caller = self.gil_state_get_this_thread_state()?;
                }
                if !caller.is_null() {
                    return self.interpreter_of(caller);
                }
            }
            PendingCallsOf::MainThread => {}
        }
        let main = self.runtime.lists.lock().main();
        if main.is_null() {
            Err(self.crash(Crash::Other))
        } else {
            Ok(main)
        }
    }

    /// 3.8 prints an error, in Python code, with the current thread state, whoever attached it.
    fn refuse_pending_call(&self) -> Step<i32> {
        if self.current().is_null() {
            return Err(self.crash(Crash::NoThreadState));
        }
        if self.runtime.current.read().is_null() {
            return Err(self.crash(Crash::TwoHolders));
        }
        let current = self.attached_or_crash()?;
        self.live(current)?;
        Ok(-1)
    }

    /// Handles signals, then runs pending calls, on the main thread with the main interpreter, up to 3.11 with any; elsewhere
    /// nothing. 0, or -1 with an exception.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state; what ended the thread in a call. Source: contract 2.11.
    #[doc(alias = "Py_MakePendingCalls")]
    pub fn make_pending_calls(&self) -> Step<i32> {
        let current = self.attached_or_crash()?;
        let interpreter = self.interpreter_of(current)?;
        let of_main_thread = self.runtime.profile.pending_calls_of() == PendingCallsOf::MainThread;
        if of_main_thread && !self.runs_main_queue(interpreter) {
            return Ok(0);
        }
        if self.handle_signals_now(current, interpreter)? != 0 {
            return Ok(-1);
        }
        self.pending_calls_make(current)
    }
}
