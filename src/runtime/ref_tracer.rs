//! The reference tracer: one function of the process that is told of every object that is made or dies.
//!
//! CPython: `Objects/object.c` (`PyRefTracer_SetTracer`, `PyRefTracer_GetTracer`, `_Py_NewReference`, `_Py_Dealloc`); 3.13 to
//! 3.15.
//!
//! # States
//!
//! Two words, for all interpreters and threads: the function and what it is given. Neither is reset by finalization; the next
//! initialization empties both.
//!
//! # Protocol
//!
//! Set: since 3.15 the old function is told that it is replaced, and stops that by failing; then the function is stored, then
//! its data. Tell: read the function; none: done; read the data; call. Nothing makes the two words one: with one GIL only who
//! holds it comes here, and nobody comes between. Threads of interpreters with own GILs do: one tells with the new function
//! and the old data, or with the old function and the new data (R41, gh-137992; the pause that was put there for free-threaded
//! builds stops nobody in the default build).
//!
//! An object is told of as made once it is alive, and as dying before its finalizer runs; a cyclic one after it, since a
//! collection finalizes before it frees.
//!
//! # Invariants
//!
//! *TracerWhole*: a function is called with the data that it was set with. Violated between own GILs.
//!
//! # Memory order
//!
//! Relaxed, where C has plain words: they order nothing, and a thread with another GIL sees either in any state.
//!
//! # Outcomes
//!
//! None of its own: what a function does with data that is not its own.
//!
//! # Checked by
//!
//! `tests/loom/tracing.rs`, `scenarios/hooks`.

use super::callback::CallbackId;
use super::object::ObjectId;
use super::outcome::Step;
use super::state::Caller;
use crate::sync::{AtomicU64, Ordering};

/// What a reference tracer is told: the values of C's constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefEvent {
    /// `PyRefTracer_CREATE`
    Create = 0,
    /// `PyRefTracer_DESTROY`
    Destroy = 1,
    /// `PyRefTracer_TRACKER_REMOVED`
    Removed = 2,
}

/// `_PyRuntime.ref_tracer`.
#[derive(Debug)]
pub(super) struct RefTracer {
    /// The function's number plus one, or 0 for the null pointer.
    function: AtomicU64,
    data: AtomicU64,
}

impl RefTracer {
    pub(super) fn new() -> Self {
        Self {
            function: AtomicU64::new("ref_tracer.function", 0),
            data: AtomicU64::new("ref_tracer.data", 0),
        }
    }

    fn function(&self) -> Option<CallbackId> {
        let word = self.function.load(Ordering::Relaxed);
        word.checked_sub(1).map(|id| CallbackId(id as u16))
    }
}

impl Caller<'_> {
    /// Replaces the reference tracer, in all interpreters; 0, or -1 if the old one keeps that from happening, since 3.15.
    /// `data` is a word of the host's.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state, where the old one is told; what ended the thread in it. Source: contract 2.13,
    /// V44; observed: 3.13.0 to 3.15.2.
    #[doc(alias = "PyRefTracer_SetTracer")]
    pub fn ref_tracer_set_tracer(&self, function: Option<CallbackId>, data: u64) -> Step<i32> {
        let tracer = &self.runtime.ref_tracer;
        if self.runtime.profile.replaced_tracer_is_told()
            && let Some(replaced) = tracer.function()
        {
            let data = tracer.data.load(Ordering::Relaxed);
            let told = self
                .host
                .trace_reference(self, replaced, None, RefEvent::Removed, data)?;
            if told == -1 {
                return Ok(-1);
            }
        }
        let word = function.map_or(0, |CallbackId(id)| u64::from(id) + 1);
        tracer.function.store(word, Ordering::Relaxed);
        tracer.data.store(data, Ordering::Relaxed);
        Ok(0)
    }

    /// The reference tracer and its data.
    ///
    /// # Errors
    ///
    /// None. Source: contract 2.13.
    #[doc(alias = "PyRefTracer_GetTracer")]
    pub fn ref_tracer_get_tracer(&self) -> Step<(Option<CallbackId>, u64)> {
        let tracer = &self.runtime.ref_tracer;
        let data = tracer.data.load(Ordering::Relaxed);
        Ok((tracer.function(), data))
    }

    /// `_Py_NewReference`, `_Py_Dealloc`. What the tracer returns nobody asks.
    pub(super) fn trace_reference(&self, object: ObjectId, event: RefEvent) -> Step<()> {
        if !self.runtime.hooks_used.peek() {
            return Ok(());
        }
        let tracer = &self.runtime.ref_tracer;
        let Some(function) = tracer.function() else {
            return Ok(());
        };
        let data = tracer.data.load(Ordering::Relaxed);
        let _ignored = self
            .host
            .trace_reference(self, function, Some(object), event, data)?;
        Ok(())
    }

    /// §INIT I1: the runtime as it was before it was ever used.
    pub(super) fn forget_ref_tracer(&self) {
        if self.runtime.hooks_used.peek() {
            self.runtime.ref_tracer.function.store(0, Ordering::Relaxed);
            self.runtime.ref_tracer.data.store(0, Ordering::Relaxed);
        }
    }
}
