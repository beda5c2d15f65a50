//! Frames: who evaluates them, which thread states have any, and who looks at other threads' frames.
//!
//! CPython: `Python/pystate.c` (`_PyInterpreterState_SetEvalFrameFunc`, `_PyThread_CurrentFrames`), `Python/pylifecycle.c`
//! (`Py_EndInterpreter`); 3.8 to 3.15.
//!
//! # States
//!
//! | field | meaning | who owns the data in it |
//! | --- | --- | --- |
//! | `frames` of a thread state | how many frames it evaluates, one inside the other: `current_frame` | its thread |
//! | `frames_seen` of a thread state | the same, as other threads read it | its thread writes; whoever walks reads |
//! | `evaluator` of an interpreter | `eval_frame` | the GIL of who sets it |
//!
//! # Protocol
//!
//! A frame is evaluated by the interpreter's evaluator, which always ends with CPython's own: only there is the frame the
//! current one.
//!
//! `sys._current_frames()`: audit; HEAD_LOCK; for each thread state of each interpreter its current frame is read, and then read
//! through; HEAD_LOCK given up. Nobody else evaluates meanwhile who needs the same GIL. A thread with a GIL of its own may leave
//! the frame between the two: the pause that 3.13 puts around the walk stops nobody in the default build.
//!
//! Frames are counted only for programs that announced that they look on ([`super::Runtime::observe_hooks`]).
//!
//! # Invariants
//!
//! S17 HeadLockLeaf: the walk calls nothing under HEAD_LOCK.
//!
//! # Lock order
//!
//! HEAD_LOCK is a leaf.
//!
//! # Outcomes
//!
//! Use after free of another thread's frame; a crash where a null evaluator is called (3.9, 3.10); fatal *thread still has a
//! frame*.
//!
//! # Checked by
//!
//! `scenarios/hooks`.

use super::audit::AuditEvent;
use super::callback::CallbackId;
use super::handle::{InterpreterHandle, ThreadStateHandle};
use super::interpreter::INTERPRETERS_MAX;
use super::outcome::{Crash, Step};
use super::state::Caller;
use crate::sync::{AtomicU32, AtomicU64, Ordering, Plain, Word};

/// A function that evaluates frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Evaluator {
    /// The null pointer.
    Null,
    /// `_PyEval_EvalFrameDefault`.
    Default,
    /// A function of the program, which ends with the default one.
    Own(CallbackId),
}

impl Word for Evaluator {
    fn to_word(self) -> u64 {
        match self {
            Self::Null => 1,
            Self::Default => 0,
            Self::Own(CallbackId(id)) => u64::from(id) + 2,
        }
    }

    fn from_word(word: u64) -> Self {
        match word {
            0 => Self::Default,
            1 => Self::Null,
            id => Self::Own(CallbackId((id - 2) as u16)),
        }
    }
}

/// The frames of a thread state.
#[derive(Debug)]
pub(super) struct Frames {
    /// Rule: its thread.
    count: Plain<u32>,
    /// Relaxed: C has a plain pointer, which nothing orders for who has another GIL.
    seen: AtomicU32,
}

impl Frames {
    pub(super) fn new(slot: usize) -> Self {
        Self {
            count: Plain::new(("tstate.frames", slot), 0),
            seen: AtomicU32::new(("tstate.current_frame", slot), 0),
        }
    }

    /// Of a new thread state.
    pub(super) fn init(&self) {
        self.count.write(0);
        self.seen.init(0);
    }
}

/// `eval_frame` of an interpreter. Relaxed: C has a plain pointer.
#[derive(Debug)]
pub(super) struct EvalFrame(AtomicU64);

impl EvalFrame {
    pub(super) fn new(slot: usize) -> Self {
        Self(AtomicU64::new(("interpreter.eval_frame", slot), 0))
    }

    /// Of a new interpreter.
    pub(super) fn init(&self) {
        self.0.init(Evaluator::Default.to_word());
    }
}

impl Caller<'_> {
    /// Replaces the function that evaluates an interpreter's frames.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state and for null; use after free. Source: contract 2.7.
    #[doc(alias = "_PyInterpreterState_SetEvalFrameFunc")]
    pub fn interpreter_state_set_eval_frame_func(
        &self,
        interpreter: InterpreterHandle,
        evaluator: Evaluator,
    ) -> Step<()> {
        self.attached_or_crash()?;
        let null_is_default = self.runtime.profile.null_evaluator_is_the_default();
        let stored = match evaluator {
            Evaluator::Null if null_is_default => Evaluator::Default,
            Evaluator::Null | Evaluator::Default | Evaluator::Own(_) => evaluator,
        };
        let place = &self.interpreter(interpreter)?.eval_frame;
        place.0.store(stored.to_word(), Ordering::Relaxed);
        self.interpreter(interpreter).map(drop)
    }

    /// The function that evaluates an interpreter's frames.
    ///
    /// # Errors
    ///
    /// A crash for null; use after free. Source: contract 2.7.
    #[doc(alias = "_PyInterpreterState_GetEvalFrameFunc")]
    pub fn interpreter_state_get_eval_frame_func(
        &self,
        interpreter: InterpreterHandle,
    ) -> Step<Evaluator> {
        let place = &self.interpreter(interpreter)?.eval_frame;
        let word = place.0.load(Ordering::Relaxed);
        self.interpreter(interpreter)?;
        Ok(Evaluator::from_word(word))
    }

    /// `_PyEval_EvalFrame` up to where CPython's own function begins.
    pub(super) fn call_evaluator(&self, current: ThreadStateHandle) -> Step<()> {
        let interpreter = self.interpreter_of(current)?;
        match self.interpreter_state_get_eval_frame_func(interpreter)? {
            Evaluator::Null => Err(self.crash(Crash::Other)),
            Evaluator::Default => Ok(()),
            Evaluator::Own(function) => self.host.evaluate(self, function, current),
        }
    }

    pub(super) fn push_frame(&self, current: ThreadStateHandle) -> Step<()> {
        let count = self.thread_state(current)?.frames.count.read() + 1;
        self.count_frames(current, count)
    }

    pub(super) fn pop_frame(&self, current: ThreadStateHandle) -> Step<()> {
        let count = self.thread_state(current)?.frames.count.read();
        debug_assert!(
            !self.runtime.sane() || count > 0,
            "FramesNested: a frame is left once"
        );
        self.count_frames(current, count.saturating_sub(1))
    }

    fn count_frames(&self, current: ThreadStateHandle, count: u32) -> Step<()> {
        let frames = &self.thread_state(current)?.frames;
        frames.count.write(count);
        if self.runtime.frames_observed.peek() {
            frames.seen.store(count, Ordering::Relaxed);
            self.live(current)?;
        }
        Ok(())
    }

    /// Whether a thread state evaluates a frame: *thread still has a frame*.
    pub(super) fn has_frame(&self, handle: ThreadStateHandle) -> Step<bool> {
        Ok(self.thread_state(handle)?.frames.count.read() > 0)
    }

    /// Whether the caller evaluates a frame: the function gives the innermost one, or null.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state. Source: contract 2.8.
    #[doc(alias = "PyEval_GetFrame")]
    pub fn eval_frame(&self) -> Step<bool> {
        let current = self.attached_or_crash()?;
        self.has_frame(current)
    }

    /// Whether a thread state evaluates a frame; since 3.9.
    ///
    /// # Errors
    ///
    /// Use after free; a crash for null. Source: contract 2.8.
    #[doc(alias = "PyThreadState_GetFrame")]
    pub fn thread_state_get_frame(&self, handle: ThreadStateHandle) -> Step<bool> {
        self.has_frame(handle)
    }

    /// Python's `sys._current_frames()`: 0, or -1 if it raises.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state; use after free of a frame of a thread with a GIL of its own; what ended the
    /// thread in a function that is told. Source: language `sys._current_frames()`.
    #[doc(alias = "sys._current_frames")]
    pub fn current_frames(&self) -> Step<i32> {
        self.run_frame(|current| self.call_native(current, || self.walk_frames()))
    }

    /// `_PyThread_CurrentFrames`; whether no hook refused.
    fn walk_frames(&self) -> Step<bool> {
        if !self.audit(AuditEvent::CurrentFrames)? {
            return Ok(false);
        }
        let lists = self.runtime.lists.lock();
        let mut interpreter = lists.head();
        for _ in 0..INTERPRETERS_MAX {
            let mut listed = lists.threads_head(interpreter);
            while !listed.is_null() {
                let frames = &self.storage(listed)?.frames.seen;
                let frame = frames.load(Ordering::Relaxed);
                if frame > 0 && frames.load(Ordering::Relaxed) < frame {
                    drop(lists);
                    return Err(self.crash(Crash::UseAfterFree));
                }
                listed = lists.next_thread_state(listed);
            }
            interpreter = lists.next_interpreter(interpreter);
        }
        drop(lists);
        Ok(true)
    }
}
