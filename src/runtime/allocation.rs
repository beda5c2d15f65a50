//! Who looks on while memory is taken: an allocator of the program's own, and tracemalloc.
//!
//! CPython: `PyMem_SetAllocator` (`Objects/obmalloc.c`), `Modules/_tracemalloc.c` (`tracemalloc_raw_alloc`),
//! `Python/tracemalloc.c`; 3.8 to 3.15.
//!
//! # Protocol
//!
//! An allocation is that of a thread state that is not embedded, of a sub-interpreter, or of an object. The program's hook runs in
//! it, on the thread that allocates, but not in the allocations of its own. A sub-interpreter is allocated under HEAD_LOCK since
//! 3.11: a hook that takes it waits for itself.
//!
//! While tracemalloc traces, up to 3.14, an allocation that needs no GIL takes it: Ensure, the trace is added, Release. So
//! `PyThreadState_New` waits for whoever is attached, and a thread that had no thread state has one meanwhile. In 3.11 and 3.12 an
//! interpreter's lock is allocated before HEAD_LOCK is taken for the interpreter.
//!
//! The tables of tracemalloc hold names of files. One that was made in an interpreter with memory of its own goes with that interpreter: who
//! clears the tables after its end, finalization or `tracemalloc.stop()`, frees what is gone (3.12, 3.14). Each such interpreter that is made
//! while tracing leaves a name. Differs: one that was made before, and evaluates while tracing, leaves none; names that are made at run time are
//! not looked at, which 3.13 frees too; in 3.12.1 `stop()` in another interpreter crashes also while that one lives.
//!
//! Differs: locks, names, tables, guards, views and keys are not looked at; the main interpreter and its first thread state are there before anybody
//! looks on.
//!
//! # Invariants
//!
//! S17 HeadLockLeaf: violated by a hook, and by tracemalloc in a thread that makes an interpreter without being attached.
//!
//! # Memory order
//!
//! `tracing` is relaxed, where C has a plain flag: who allocates without the GIL may see either.
//!
//! # Outcomes
//!
//! Deadlock on HEAD_LOCK or with the holder of the GIL; use after free of names; whatever Ensure comes to while finalization is under way.
//!
//! # Checked by
//!
//! `scenarios/hooks`.

use super::callback::Callback;
use super::interpreter::Interpreter;
use super::outcome::{Crash, Step};
use super::state::Caller;
use crate::sync::{AtomicBool, AtomicU64, Local, Ordering, Plain, Word};

/// Who looks on.
#[derive(Debug)]
pub(super) struct Allocations {
    /// The program's hook as a word. Sequentially consistent: it is the program's own.
    hook: AtomicU64,
    /// `tracemalloc_config.tracing`.
    tracing: AtomicBool,
    /// The tables hold names whose memory is gone. Rule: the tables' own lock.
    dangling: Plain<bool>,
    /// Whether the thread is inside one that is looked at: `reentrant`.
    inside: Local<bool>,
}

impl Allocations {
    pub(super) fn new() -> Self {
        Self {
            hook: AtomicU64::new("allocation.hook", Callback::NONE.to_word()),
            tracing: AtomicBool::new("tracemalloc.tracing", false),
            dangling: Plain::new("tracemalloc.dangling", false),
            inside: Local::new("allocation.inside", false),
        }
    }
}

/// Which memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Memory {
    /// `PYMEM_DOMAIN_RAW`: no GIL is needed.
    Raw,
    /// `PYMEM_DOMAIN_OBJ`.
    Object,
}

impl Caller<'_> {
    /// `callback` runs in every allocation from here on; null: none does.
    ///
    /// # Errors
    ///
    /// None. Source: language `alloc_hook(f)`.
    #[doc(alias = "PyMem_SetAllocator")]
    pub fn alloc_hook(&self, callback: Callback) -> Step<()> {
        let hook = &self.runtime.allocations.hook;
        hook.store(callback.to_word(), Ordering::SeqCst);
        Ok(())
    }

    /// Python's `tracemalloc.start()`: 0, or -1 if an exception ended it.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state; as [`Caller::evaluate`]. Source: language `tracemalloc.start()`.
    #[doc(alias = "tracemalloc.start")]
    pub fn tracemalloc_start(&self) -> Step<i32> {
        self.switch_tracemalloc(true)
    }

    /// Python's `tracemalloc.stop()`: 0, or -1 if an exception ended it.
    ///
    /// # Errors
    ///
    /// As [`Caller::tracemalloc_start`].
    #[doc(alias = "tracemalloc.stop")]
    pub fn tracemalloc_stop(&self) -> Step<i32> {
        self.switch_tracemalloc(false)
    }

    fn switch_tracemalloc(&self, on: bool) -> Step<i32> {
        self.run_frame(|current| {
            self.call_native(current, || {
                if on {
                    let tracing = &self.runtime.allocations.tracing;
                    tracing.store(true, Ordering::Relaxed);
                } else {
                    self.end_tracemalloc()?;
                }
                Ok(true)
            })
        })
    }

    /// §FINAL F20: the tables are cleared, if it traces.
    pub(super) fn end_tracemalloc(&self) -> Step<()> {
        let allocations = &self.runtime.allocations;
        if !self.runtime.hooks_used.peek() {
            return Ok(());
        }
        allocations.tracing.store(false, Ordering::Relaxed);
        if self.runtime.profile.tracemalloc_holds_names() {
            if allocations.dangling.read() {
                return Err(self.crash(Crash::UseAfterFree));
            }
            for interpreter in &self.runtime.interpreters {
                interpreter.names_are_traced.write(false);
            }
        }
        Ok(())
    }

    /// The interpreter was made, with memory of its own or without.
    pub(super) fn note_names(&self, interpreter: &Interpreter, own_memory: bool) {
        let holds = self.runtime.profile.tracemalloc_holds_names();
        if self.runtime.hooks_used.peek() && own_memory && holds {
            let tracing = self.runtime.allocations.tracing.load(Ordering::Relaxed);
            interpreter.names_are_traced.write(tracing);
        }
    }

    /// The interpreter is freed, and its memory with it.
    pub(super) fn lose_names(&self, interpreter: &Interpreter) {
        if self.runtime.hooks_used.peek() && interpreter.names_are_traced.read() {
            interpreter.names_are_traced.write(false);
            self.runtime.allocations.dangling.write(true);
        }
    }

    /// Memory is taken: who looks on is told.
    pub(super) fn allocate(&self, memory: Memory) -> Step<()> {
        let allocations = &self.runtime.allocations;
        if !self.runtime.hooks_used.peek() || allocations.inside.read() {
            return Ok(());
        }
        let hook = Callback::from_word(allocations.hook.load(Ordering::SeqCst));
        if hook.id().is_some() {
            allocations.inside.write(true);
            let _ignored = self.run(hook)?;
            allocations.inside.write(false);
        }
        match memory {
            Memory::Raw => self.trace_raw_allocation(),
            Memory::Object => Ok(()),
        }
    }

    /// Memory that needs no GIL is taken, for one of the runtime's own locks perhaps: tracemalloc alone is told.
    pub(super) fn trace_raw_allocation(&self) -> Step<()> {
        let allocations = &self.runtime.allocations;
        let takes_gil = self.runtime.profile.tracemalloc_takes_the_gil();
        if !self.runtime.hooks_used.peek() || allocations.inside.read() || !takes_gil {
            return Ok(());
        }
        if allocations.tracing.load(Ordering::Relaxed) {
            allocations.inside.write(true);
            let before = self.gil_state_ensure()?;
            self.gil_state_release(before)?;
            allocations.inside.write(false);
        }
        Ok(())
    }
}
