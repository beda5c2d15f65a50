//! The eval breaker: the bits that make the eval loop stop at its next check point, and the check point itself.
//!
//! CPython: `Python/ceval_gil.c` (`_Py_HandlePending`), `Include/internal/pycore_ceval.h`; one word a thread state since
//! 3.13.
//!
//! # Transitions
//!
//! | bit | 0 → 1 | 1 → 0 |
//! | --- | --- | --- |
//! | `GIL_DROP_REQUEST` | who waits for the GIL, on its last holder (§GIL T4c) | the taker (T11); who waits for a switch (D6); a waiter that hangs (T4c) |
//! | `CALLS_TO_DO` | who adds a pending call, on the main thread state; the taker (T12) | who makes pending calls (M2) |
//!
//! # Protocol
//!
//! §CHECK: the word is read once; then E2, E3, E5, E7, E8 in this order, each if its bit was in what was read. In the
//! default build E1, E4 and E6 are never asked for. Bits that are set after the read wait for the next check point. An
//! error skips the rest, whose bits stay set.
//!
//! # Memory order
//!
//! Bits are set and cleared by sequentially consistent read-modify-writes, so there is one order of them; the check
//! point's load is relaxed: a bit that it misses is found at the next one.
//!
//! # Invariants
//!
//! S9 DropRequestConsumed, S50 SignalCoversWork.

use super::outcome::Step;
use super::state::Caller;
use crate::sync::{AtomicU32, Ordering};

/// One bit of the eval breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bit {
    /// `_PY_GIL_DROP_REQUEST_BIT`.
    GilDropRequest,
    /// `_PY_SIGNALS_PENDING_BIT`.
    SignalsPending,
    /// `_PY_CALLS_TO_DO_BIT`.
    CallsToDo,
    /// `_PY_ASYNC_EXCEPTION_BIT`.
    AsyncException,
    /// `_PY_GC_SCHEDULED_BIT`.
    GcScheduled,
}

super::handle::word_for_enum!(Bit {
    GilDropRequest,
    SignalsPending,
    CallsToDo,
    AsyncException,
    GcScheduled
});

impl Bit {
    fn mask(self) -> u32 {
        1 << self as u32
    }
}

/// A thread state's bits.
#[derive(Debug)]
pub(super) struct EvalBreaker(AtomicU32);

impl EvalBreaker {
    pub(super) fn new(slot: usize) -> Self {
        Self(AtomicU32::new(("tstate.eval_breaker", slot), 0))
    }

    /// Of a new thread state.
    pub(super) fn init(&self) {
        self.0.init(0);
    }

    /// Sets a bit.
    pub(super) fn set(&self, bit: Bit) {
        self.0.fetch_or(bit.mask(), Ordering::SeqCst);
    }

    /// Clears a bit.
    pub(super) fn clear(&self, bit: Bit) {
        self.0.fetch_and(!bit.mask(), Ordering::SeqCst);
    }

    /// Whether a bit is set.
    pub(super) fn has(&self, bit: Bit) -> bool {
        self.0.load(Ordering::Relaxed) & bit.mask() != 0
    }

    /// All bits at once.
    fn read(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// §FINAL F23: all bits are cleared.
    pub(super) fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Whether a bit is set, for an observer.
    #[cfg(feature = "sim")]
    pub(super) fn peek(&self, bit: Bit) -> bool {
        self.0.peek() & bit.mask() != 0
    }
}

impl Caller<'_> {
    /// One bytecode boundary: the check point. 0, or -1 if an exception ended it.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state; hang at finalization; what ended the thread in a callback. Source:
    /// contract §CHECK.
    pub fn eval(&self) -> Step<i32> {
        let current = self.attached_or_crash()?;
        let bits = self.thread_state(current)?.eval_breaker.read();
        self.live(current)?;
        let asked = |bit: Bit| bits & bit.mask() != 0;
        if asked(Bit::CallsToDo) && self.pending_calls_make(current)? != 0 {
            return Ok(-1);
        }
        if asked(Bit::GilDropRequest) {
            self.detach(current)?;
            self.attach(current)?;
        }
        Ok(0)
    }
}
