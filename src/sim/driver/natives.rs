//! What a scenario has beside CPython: native mutexes.

use crate::sync::{Plain, Semaphore, ThreadIndex};

/// A native mutex (`pthread_mutex_t`): not recursive, unlocked by its owner.
#[derive(Debug)]
pub struct NativeMutex {
    free: Semaphore,
    /// Its owner plus one. Rule: whoever holds the mutex.
    owner: Plain<u8>,
}

impl NativeMutex {
    pub(super) fn new(index: usize) -> Self {
        Self {
            free: Semaphore::new(("mutex", index), 1),
            owner: Plain::new(("mutex owner", index), 0),
        }
    }

    pub(super) fn lock(&self, thread: ThreadIndex) {
        self.free.acquire();
        self.owner.write(thread.index() as u8 + 1);
    }

    /// Whether the thread owned the mutex, as it must.
    #[must_use]
    pub(super) fn unlock(&self, thread: ThreadIndex) -> bool {
        if self.owner.read() != thread.index() as u8 + 1 {
            return false;
        }
        self.owner.write(0);
        self.free.post();
        true
    }

    /// Who holds it, for an observer.
    #[must_use]
    pub fn owner(&self) -> Option<ThreadIndex> {
        self.owner
            .peek()
            .checked_sub(1)
            .map(|thread| ThreadIndex::new(usize::from(thread)))
    }

    /// Whether somebody holds it, for an observer.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.free.peek() == 0
    }

    /// The semaphore under it, for who matches waits with mutexes.
    #[must_use]
    pub fn semaphore(&self) -> &Semaphore {
        &self.free
    }
}
