//! The differences between releases that the runtime asks about: one method each.
//!
//! Nothing else in the runtime compares releases.
//!
//! Every method asks its [`Difference`] by [`Profile::when`], so that a test can make one of them wrong
//! ([`Profile::mistaken_about`]) and see that something notices.

use super::profile::Profile;

/// A difference between releases, by the name of the method that answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Difference {
    /// [`Profile::attach_while_attached`].
    AttachWhileAttached,
    /// [`Profile::save_without_thread_state`].
    SaveWithoutThreadState,
    /// [`Profile::release_of_another_is_fatal`].
    ReleaseOfAnotherIsFatal,
    /// [`Profile::late_thread`].
    LateThread,
    /// [`Profile::finalizer_is_swapped_in`].
    FinalizerIsSwappedIn,
    /// [`Profile::pending_main_capacity`].
    PendingMainCapacity,
    /// [`Profile::join_refused_at_finalization`].
    JoinRefusedAtFinalization,
}

impl Difference {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::AttachWhileAttached,
        Self::SaveWithoutThreadState,
        Self::ReleaseOfAnotherIsFatal,
        Self::LateThread,
        Self::FinalizerIsSwappedIn,
        Self::PendingMainCapacity,
        Self::JoinRefusedAtFinalization,
    ];
}

/// What attaching does in a thread that is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attached {
    /// A fatal error.
    Fatal,
    /// It waits for the GIL that the thread itself holds.
    Waits,
}

/// What a call that needs an attached thread state does without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Detached {
    /// A fatal error.
    Fatal,
    /// It reads through the null pointer.
    Crash,
}

/// What finalization does with a thread that attaches too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LateThread {
    /// It is parked for good.
    Hangs,
    /// It is ended and its native frames are unwound.
    Exits,
}

impl Profile {
    /// What attaching does in a thread that is attached. Source: contract V6, P20c.
    #[must_use]
    pub fn attach_while_attached(self) -> Attached {
        if self.when(Difference::AttachWhileAttached, self.minor() >= 13) {
            Attached::Fatal
        } else {
            Attached::Waits
        }
    }

    /// What `PyEval_SaveThread` does without an attached thread state. Source: contract V7, P20.
    #[must_use]
    pub fn save_without_thread_state(self) -> Detached {
        if self.when(Difference::SaveWithoutThreadState, self.minor() >= 13) {
            Detached::Crash
        } else {
            Detached::Fatal
        }
    }

    /// Whether `PyEval_ReleaseThread` finds out that the thread state is not the attached one. Source: contract V8, P19.
    #[must_use]
    pub fn release_of_another_is_fatal(self) -> bool {
        self.when(Difference::ReleaseOfAnotherIsFatal, self.minor() <= 12)
    }

    /// What becomes of a thread that attaches after the finalizing mark. Source: contract V10, gh-87135.
    #[must_use]
    pub fn late_thread(self) -> LateThread {
        if self.when(Difference::LateThread, self.since(13, 8)) {
            LateThread::Hangs
        } else {
            LateThread::Exits
        }
    }

    /// Whether `Py_FinalizeEx` on the main thread swaps `main_tstate` in. Source: contract V15, gh-120838.
    #[must_use]
    pub fn finalizer_is_swapped_in(self) -> bool {
        self.when(Difference::FinalizerIsSwappedIn, self.minor() >= 13)
    }

    /// Calls that the main queue really holds. Source: contract V22, P11.
    #[must_use]
    pub fn pending_main_capacity(self) -> usize {
        if self.when(Difference::PendingMainCapacity, self.minor() >= 13) {
            32
        } else {
            31
        }
    }

    /// Calls that an interpreter's own queue holds. Source: contract 1.6.
    #[must_use]
    pub fn pending_interpreter_capacity(self) -> usize {
        300
    }

    /// Whether `threading.Thread.join` raises once the runtime is finalizing. Source: contract V39, gh-123940.
    #[must_use]
    pub fn join_refused_at_finalization(self) -> bool {
        self.when(Difference::JoinRefusedAtFinalization, self.minor() >= 14)
    }
}
