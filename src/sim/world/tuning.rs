//! How a world treats operations and keys.

/// How the world treats operations, for the explorer and for the tests that silence it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tuning {
    /// Only cells where threads were seen to meet are scheduling points.
    pub few_points: bool,
    /// Histories that never forget are kept beside the ones that merge: the audit's mode.
    pub audit: bool,
    /// Steps note which cells they touch: for sleep sets.
    pub footprints: bool,
    /// The program forks. A thread then stands still with every lock that it takes, and the locks that threads have in common
    /// do not keep them apart: a child finds what a gone thread had begun under a lock that is free now.
    pub forks: bool,
    /// Threads of the program may be interrupted by signals. Then every operation is a scheduling point, and giving a lock up is
    /// one on the thread that gets signals: a handler has what that thread has, and finds what it had begun.
    pub signals: bool,
    /// A kind of hook or part of the key that is left out, to prove that this is noticed.
    pub silence: Option<Silence>,
}

impl Tuning {
    /// For a program that may fork, or have signals.
    pub(in crate::sim) fn of(self, forks: bool, signals: bool) -> Self {
        Self {
            forks,
            signals,
            few_points: self.few_points && !signals,
            ..self
        }
    }
}

/// What can be silenced. For tests only: each must be noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Silence {
    /// No scheduling point before a lock.
    LockPoint,
    /// No scheduling point before the lock is taken again after a wait: the first thread that can goes on.
    RelockPoint,
    /// No scheduling point before a load.
    LoadPoint,
    /// No scheduling point before a store.
    StorePoint,
    /// No scheduling point before a read-modify-write.
    ModifyPoint,
    /// No scheduling point before a semaphore is taken.
    AcquirePoint,
    /// No scheduling point before a semaphore is given.
    PostPoint,
    /// No scheduling point at a pause.
    PausePoint,
    /// The first of several waiters always wakes.
    WakeChoice,
    /// Timed waits never time out.
    TimeOut,
    /// Owners of mutexes are not in the key.
    KeyOwner,
    /// Contents of mutexes are not in the key.
    KeyContents,
    /// Values of words are not in the key.
    KeyWord,
    /// Histories are not in the key.
    KeyHistory,
    /// What a thread is about to do is not in the key.
    KeyPending,
    /// Whether a remembered epoch changed is not in the key.
    KeyEpoch,
    /// Contents of held locks do not enter a history where a scope forgets.
    ScopeHeld,
    /// Live locals do not enter a history where a scope forgets.
    ScopeLive,
}
