//! Failures that a program asks for: the next run of a stage, the next allocation, the next start of a thread.
//!
//! # Protocol
//!
//! Each is noted once and used up by the first step that it meets. Nothing is looked at unless the program announced that
//! it asks for failures ([`super::Runtime::observe_failures`]).
//!
//! An allocation is that of an interpreter, of a thread state that is not embedded, of a guard or a view that a program asks for, or of a
//! key (`PyThread_tss_alloc`). A start is one of `threading`.
//!
//! # Invariants
//!
//! *StrikesOnce*: who finds a failure asked for takes it away in the same step.
//!
//! # Memory order
//!
//! Sequentially consistent: they stand for the environment.

use super::outcome::Step;
use super::stage::Stage;
use super::state::Caller;
use crate::sync::{AtomicBool, AtomicU64, Ordering, Plain, Word};

/// What is to fail next.
#[derive(Debug)]
pub(super) struct Failures {
    /// Whether the program asks for failures. Rule: its set-up.
    asked_for: Plain<bool>,
    /// The stage, or [`Stage::NotStarted`].
    stage: AtomicU64,
    allocation: AtomicBool,
    thread_start: AtomicBool,
}

impl Failures {
    pub(super) fn new() -> Self {
        Self {
            asked_for: Plain::new("failures.asked_for", false),
            stage: AtomicU64::new("failures.stage", Stage::NotStarted.to_word()),
            allocation: AtomicBool::new("failures.allocation", false),
            thread_start: AtomicBool::new("failures.thread_start", false),
        }
    }

    pub(super) fn ask(&self) {
        self.asked_for.write(true);
    }

    fn take(&self, failure: &AtomicBool) -> bool {
        self.asked_for.peek() && failure.swap(false, Ordering::SeqCst)
    }

    /// Whether this allocation fails.
    pub(super) fn takes_allocation(&self) -> bool {
        self.take(&self.allocation)
    }

    /// Whether this start of a thread fails.
    pub(super) fn takes_thread_start(&self) -> bool {
        self.take(&self.thread_start)
    }

    /// Whether this run of a stage fails.
    pub(super) fn takes_stage(&self, stage: Stage) -> bool {
        if !self.asked_for.peek()
            || stage == Stage::NotStarted
            || self.stage.load(Ordering::SeqCst) != stage.to_word()
        {
            return false;
        }
        self.stage
            .store(Stage::NotStarted.to_word(), Ordering::SeqCst);
        true
    }
}

impl Caller<'_> {
    /// The next run of `stage` fails.
    ///
    /// # Errors
    ///
    /// None.
    pub fn fail_stage(&self, stage: Stage) -> Step<()> {
        let next = &self.runtime.failures.stage;
        next.store(stage.to_word(), Ordering::SeqCst);
        Ok(())
    }

    /// The next allocation of an interpreter or a thread state fails.
    ///
    /// # Errors
    ///
    /// None.
    pub fn fail_allocation(&self) -> Step<()> {
        let next = &self.runtime.failures.allocation;
        next.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// The next start of a thread of `threading` fails.
    ///
    /// # Errors
    ///
    /// None.
    pub fn fail_thread_start(&self) -> Step<()> {
        let next = &self.runtime.failures.thread_start;
        next.store(true, Ordering::SeqCst);
        Ok(())
    }
}
