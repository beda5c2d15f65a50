//! What listeners note of a run: it outlives the run, it is not undone with it, and no engine needs to see it.

#![expect(
    clippy::disallowed_types,
    reason = "a listener may be called from any thread of a machine, and no engine needs to see it"
)]

use std::sync::{Mutex, PoisonError};

/// A value that listeners write and the harness reads.
#[derive(Debug, Default)]
pub(super) struct Noted<T>(Mutex<T>);

impl<T> Noted<T> {
    /// Reads or writes what is noted. Nobody may note inside.
    pub(super) fn with<R>(&self, body: impl FnOnce(&mut T) -> R) -> R {
        body(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes what is noted, and leaves nothing.
    pub(super) fn take(&self) -> T
    where
        T: Default,
    {
        self.with(std::mem::take)
    }
}
