//! Pending calls: functions that another thread asks the main thread to run at a check point.
//!
//! CPython: `Python/ceval_gil.c` (`_PyEval_AddPendingCall`, `make_pending_calls`, `_Py_FinishPendingCalls`); 3.14.
//!
//! # States
//!
//! | state of a queue | meaning | who owns the data in it |
//! | --- | --- | --- |
//! | `handling_thread` null | nobody runs calls of this interpreter | the holder of `mutex` |
//! | `handling_thread` set | that thread state is between M1 and M6 | the holder of `mutex` |
//!
//! # Protocol
//!
//! Add: Q1 lock · Q2 full, or put last · Q3 unlock · Q4 set `CALLS_TO_DO` on the main thread state, also when full.
//! Make: M1 if someone handles calls already, the bit is passed to it · M2 clear the bit before the calls, so that one
//! added meanwhile sets it again · M3 up to 32 times: take the oldest under the lock, run it without · M4 more left:
//! set the bit · M5 the main queue, on the main thread · M6 done. Finish: until both queues are empty.
//!
//! Differs: the queue is kept packed, oldest first, where CPython keeps a ring: equal queues are equal states. Nothing
//! can be added to an interpreter's own queue yet, so its calls have no storage of their own beyond these.
//!
//! # Invariants
//!
//! S43 PendingAtMostOnce, S44 PendingFifo, S45 PendingBound, S46 PendingFullClean, S47 PendingRightThread,
//! S48 PendingNonReentrant, S49 HandlerLive, S50 SignalCoversWork.
//!
//! # Memory order
//!
//! `npending` is added to sequentially consistently under the mutex and read relaxed without it: a reader that misses
//! an addition is told by the bit, which is set after it.
//!
//! # Lock order
//!
//! The queue's mutex is taken attached or detached and held over no call.
//!
//! # Outcomes
//!
//! Livelock of Finish (P25); lost calls; a crash before initialization (P23).
//!
//! # Checked by
//!
//! `tests/loom/pending.rs`, `tests/runtime.rs`.

use super::callback::Callback;
use super::eval_breaker::Bit;
use super::handle::{InterpreterHandle, ThreadStateHandle};
use super::interpreter::Interpreter;
use super::mutex::PyMutex;
use super::outcome::{Crash, Step};
use super::state::Caller;
use crate::sync::{AtomicU32, Ordering, Plain, current_thread, scope};

/// The storage of a queue.
pub const PENDING_MAX: usize = 32;

/// What the cells of a queue are called.
#[derive(Debug)]
pub(super) struct QueueNames {
    mutex: &'static str,
    bucket: &'static str,
    calls: &'static str,
    count: &'static str,
    npending: &'static str,
    handling_thread: &'static str,
}

/// `ceval.pending_mainthread`.
pub(super) const PENDING_MAIN: QueueNames = QueueNames {
    mutex: "pending_main.mutex",
    bucket: "pending_main.bucket",
    calls: "pending_main.calls",
    count: "pending_main.count",
    npending: "pending_main.npending",
    handling_thread: "pending_main.handling_thread",
};

/// `interp->ceval.pending`.
pub(super) const PENDING_INTERPRETER: QueueNames = QueueNames {
    mutex: "pending.mutex",
    bucket: "pending.bucket",
    calls: "pending.calls",
    count: "pending.count",
    npending: "pending.npending",
    handling_thread: "pending.handling_thread",
};

/// A queue of pending calls.
#[derive(Debug)]
pub(super) struct PendingQueue {
    mutex: PyMutex,
    /// Oldest first. Rule: `mutex`.
    calls: [Plain<Callback>; PENDING_MAX],
    /// How many. Rule: `mutex`.
    count: Plain<usize>,
    /// The same, for readers without the mutex.
    npending: AtomicU32,
    /// Rule: the GIL.
    handling_thread: Plain<ThreadStateHandle>,
    capacity: usize,
}

impl PendingQueue {
    pub(super) fn new(names: &QueueNames, capacity: usize) -> Self {
        Self {
            mutex: PyMutex::new(names.mutex, names.bucket),
            calls: std::array::from_fn(|place| Plain::new((names.calls, place), Callback::NONE)),
            count: Plain::new(names.count, 0),
            npending: AtomicU32::new(names.npending, 0),
            handling_thread: Plain::new(names.handling_thread, ThreadStateHandle::NULL),
            capacity: capacity.min(PENDING_MAX),
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
        self.calls[..self.count.peek()].iter().map(Plain::peek)
    }

    #[cfg(feature = "sim")]
    pub(super) fn peek_handling_thread(&self) -> ThreadStateHandle {
        self.handling_thread.peek()
    }

    /// As in a new life of the runtime.
    pub(super) fn reset(&self) {
        for call in &self.calls[..self.count.read()] {
            call.write(Callback::NONE);
        }
        self.count.write(0);
        self.npending.init(0);
        self.handling_thread.write(ThreadStateHandle::NULL);
    }

    /// Q2, holding the mutex: whether there was room.
    fn push(&self, call: Callback) -> bool {
        let count = self.count.read();
        if count >= self.capacity {
            return false;
        }
        self.calls[count].write(call);
        self.count.write(count + 1);
        let before = self.npending.fetch_add(1, Ordering::SeqCst);
        debug_assert_eq!(before as usize, count, "S45: npending counts the calls");
        true
    }

    /// M3, holding the mutex: the oldest call.
    fn pop(&self) -> Option<Callback> {
        let last = self.count.read().checked_sub(1)?;
        let oldest = self.calls[0].read();
        for place in 0..last {
            self.calls[place].write(self.calls[place + 1].read());
        }
        self.calls[last].write(Callback::NONE);
        self.count.write(last);
        self.npending.fetch_sub(1, Ordering::SeqCst);
        Some(oldest)
    }
}

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

impl Caller<'_> {
    /// `_Py_IsMainThread`.
    pub(super) fn on_main_thread(&self) -> bool {
        self.runtime.main_thread.read() == current_thread()
    }

    /// Whether this thread runs the main queue's calls while attached to `interpreter`.
    fn runs_main_queue(&self, interpreter: InterpreterHandle) -> bool {
        interpreter == InterpreterHandle::MAIN && self.on_main_thread()
    }

    /// §PENDING M1 to M6; -1 if a call raised an exception.
    pub(super) fn pending_calls_make(&self, current: ThreadStateHandle) -> Step<i32> {
        let scope = scope();
        let handle = self.interpreter_of(current)?;
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
            scope.end(&());
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
        scope.end(&result);
        Ok(result)
    }

    /// M3 to M5.
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

    /// M3: up to `capacity` calls.
    fn make_pass(&self, queue: &PendingQueue) -> Step<Pass> {
        let scope = scope();
        let mut left = 0;
        for done in 0..queue.capacity {
            scope.again(&done);
            self.lock(&queue.mutex)?;
            let call = queue.pop();
            left = queue.count.read();
            self.unlock(&queue.mutex)?;
            let Some(call) = call else { break };
            if self.run(call)? != 0 {
                scope.end(&Pass::Raised);
                return Ok(Pass::Raised);
            }
        }
        let pass = if left > 0 { Pass::More } else { Pass::Empty };
        scope.end(&pass);
        Ok(pass)
    }

    /// §PENDING Finish: until nothing is left; exceptions are printed.
    pub(super) fn pending_calls_finish(&self, current: ThreadStateHandle) -> Step<()> {
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
    /// Needs no attached thread state; detaches one while it waits for the queue.
    ///
    /// # Errors
    ///
    /// A crash before initialization (P23). Source: contract 2.11, §PENDING.
    #[doc(alias = "Py_AddPendingCall")]
    pub fn add_pending_call(&self, call: Callback) -> Step<i32> {
        let queue = &self.runtime.pending_main;
        self.lock(&queue.mutex)?;
        let added = queue.push(call);
        self.unlock(&queue.mutex)?;
        let main = self.runtime.main_thread_state.read();
        if main.is_null() {
            return Err(self.crash(Crash::Other));
        }
        // The storage of the main thread state is static: written to also when it holds nothing.
        self.storage(main)?.eval_breaker.set(Bit::CallsToDo);
        Ok(if added { 0 } else { -1 })
    }

    /// Runs pending calls, on the main thread with the main interpreter; elsewhere nothing. 0, or -1 with an exception.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state; what ended the thread in a call. Source: contract 2.11.
    #[doc(alias = "Py_MakePendingCalls")]
    pub fn make_pending_calls(&self) -> Step<i32> {
        let current = self.attached_or_crash()?;
        let interpreter = self.interpreter_of(current)?;
        if self.runs_main_queue(interpreter) {
            self.pending_calls_make(current)
        } else {
            Ok(0)
        }
    }
}
