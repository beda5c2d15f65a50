//! Threads made by `threading`.

use super::Difference;
use crate::runtime::profile::Profile;

/// From when on Python refuses to start a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StartRefused {
    /// It starts any.
    Never,
    /// From the first act of finalization on.
    Announced,
    /// From the finalizing mark on, when all threads that are waited for have ended.
    Marked,
}

/// When those who wait for a thread made by `threading` go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ThreadEnd {
    /// When its thread state is deleted.
    StateDeleted,
    /// When its thread state is cleared.
    StateCleared,
    /// When the OS thread is on its way out.
    ThreadExits,
}

impl Profile {
    /// Whether `threading._shutdown` waits for the thread that imported `threading`, unless that thread finalizes: its own
    /// lock is among those of the threads to join. Source: contract V45, N18, P59.
    #[must_use]
    pub fn importer_is_joined(self) -> bool {
        self.when(
            Difference::ImporterIsJoined,
            (9..=12).contains(&self.minor()),
        )
    }

    /// Whether `threading.Thread.join` raises once the runtime is finalizing. Source: contract V39, gh-123940.
    #[must_use]
    pub fn join_refused_at_finalization(self) -> bool {
        self.when(Difference::JoinRefusedAtFinalization, self.minor() >= 14)
    }

    /// From when on Python refuses to start a thread. Source: contract V38, gh-104690 (3.12), gh-113964 (3.12.3 and 3.13);
    /// observed: 3.11.7 starts one in module teardown, 3.12.1 refuses one while it joins threads.
    #[must_use]
    pub fn start_refused(self) -> StartRefused {
        if !self.when(Difference::StartRefused, self.minor() >= 12) {
            StartRefused::Never
        } else if self.since(12, 3) || self.minor() < 12 {
            StartRefused::Marked
        } else {
            StartRefused::Announced
        }
    }

    /// Whether a new thread asks whether it must exit before it touches its thread state, which finalization may have freed.
    /// Source: gh-108987 (3.11.6, 3.12.1); observed: `thread_run` of 3.11.7 and 3.12.1 asks, that of 3.10.13 does not.
    #[must_use]
    pub fn new_thread_asks_whether_it_is_late(self) -> bool {
        let repaired = if self.minor() == 11 {
            self.since(11, 6)
        } else {
            self.since(12, 1)
        };
        self.when(Difference::NewThreadAsksWhetherItIsLate, repaired)
    }

    /// When those who wait for a thread made by `threading` go on. Source: contract V25, V40; observed: a join of a daemon
    /// thread in module teardown waits for ever in 3.8.18, returns from 3.9.18 to 3.12.1, waits for ever in 3.13.0.
    #[must_use]
    pub fn thread_end(self) -> ThreadEnd {
        if self.when(Difference::ThreadEnd, self.minor() >= 13) {
            ThreadEnd::ThreadExits
        } else if self.minor() == 8 {
            ThreadEnd::StateDeleted
        } else {
            ThreadEnd::StateCleared
        }
    }

    /// Whether the handler of a signal ends the wait for a bucket of the parking lot, so that the semaphore of the waiter may be
    /// gone when it is posted. Source: gh-148820 (3.13.14, 3.14.5, 3.15), R38.
    #[must_use]
    pub fn raw_mutex_accepts_interrupt(self) -> bool {
        let repaired = match self.minor() {
            13 => self.since(13, 14),
            14 => self.since(14, 5),
            _ => true,
        };
        self.when(Difference::RawMutexAcceptsInterrupt, !repaired)
    }
}
