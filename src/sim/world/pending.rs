//! What a suspended thread is about to do.

use crate::sync::ThreadIndex;
use crate::sync::hook::CellId;

/// How an atomic access touches its cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads.
    Load,
    /// Writes without reading.
    Store,
    /// Reads and writes in one step.
    Modify,
}

/// A condition on observed state, as a pointer to a closure on the waiting fiber's own stack.
#[derive(Clone, Copy, Debug)]
pub struct Condition(*const (dyn Fn() -> bool + 'static));

impl Condition {
    #[expect(
        unsafe_code,
        reason = "the closure lives on the stack of the fiber that waits for it"
    )]
    pub(super) fn new(condition: &dyn Fn() -> bool) -> Self {
        // SAFETY: only the lifetime changes; `holds` says why it is not outlived.
        Self(unsafe {
            std::mem::transmute::<&dyn Fn() -> bool, &'static dyn Fn() -> bool>(condition)
        })
    }

    /// Whether the condition holds now.
    #[expect(
        unsafe_code,
        reason = "the closure lives on the stack of the fiber that waits for it"
    )]
    pub(super) fn holds(self) -> bool {
        // SAFETY: the pointer is part of the pending operation of a fiber suspended inside `wait_until`, whose frame
        // holds the closure; both are saved and restored together, and stacks do not move.
        unsafe { (*self.0)() }
    }
}

/// What a suspended thread is about to do: its next visible operation.
#[derive(Clone, Copy, Debug)]
pub enum Pending {
    /// It was not started.
    NotStarted,
    /// It begins: runs to its first visible operation without a scheduling point.
    Start,
    /// Takes a mutex.
    Lock(CellId),
    /// Takes a mutex if it is free.
    TryLock(CellId),
    /// Waits on a condition variable for a notification.
    Waiting {
        /// The condition variable.
        condvar: CellId,
        /// The mutex to take again.
        mutex: CellId,
        /// Whether a time-out may end the wait.
        timed: bool,
    },
    /// Takes a mutex again after a wait.
    Relock {
        /// The mutex.
        mutex: CellId,
        /// How the wait ended.
        timed_out: bool,
    },
    /// Accesses an atomic word.
    Access(CellId, Access),
    /// Takes one from a semaphore.
    Acquire(CellId),
    /// Takes one from a semaphore, unless the handler of a signal runs while it waits.
    AcquireUnlessInterrupted(CellId),
    /// Goes on without one from the semaphore: the handler of a signal ran while it waited.
    Interrupted(CellId),
    /// Gives one to a semaphore.
    Post(CellId),
    /// Waits for an event; goes on without a scheduling point once it is set.
    Event(CellId),
    /// Lets others run.
    Pause,
    /// Goes on in one of several ways; which is the usual one, if there is one.
    Choose(u16, Option<u16>),
    /// Wakes one of the waiters of a condition variable: a choice inside a step, at which no state lies.
    Wake(CellId),
    /// Waits for a condition on observed state.
    Until(Condition),
    /// Gives a mutex up: a point in programs that fork, since a fork may find it held.
    Unlock(CellId),
    /// Forks: the run goes on as the parent or as the child.
    Fork,
    /// Is not in the forked process that the run went on as.
    Gone,
    /// Runs the handler of this signal: it was interrupted, before it did what is beneath.
    Handles(u8),
    /// Never runs again.
    Hung,
    /// Its body ended.
    Ended,
}

/// What a blocked thread waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// A mutex.
    Mutex(CellId),
    /// A condition variable; `timed` if a time-out may end it.
    Condvar {
        /// Which.
        condvar: CellId,
        /// Whether a time-out may end the wait.
        timed: bool,
    },
    /// A semaphore.
    Semaphore(CellId),
    /// An event.
    Event(CellId),
    /// A condition on observed state.
    Condition,
}

impl Pending {
    /// A number for the key: which operation, on which cell.
    pub(super) const fn code(self) -> u64 {
        const fn pair(tag: u64, cell: CellId) -> u64 {
            tag << 32 | cell.0 as u64
        }
        match self {
            Self::NotStarted => 1,
            Self::Start => 2,
            Self::Hung => 3,
            Self::Ended => 4,
            Self::Pause => 5,
            Self::Until(_) => 6,
            Self::Choose(alternatives, _) => 7 << 32 | alternatives as u64,
            Self::Wake(condvar) => pair(20, condvar),
            Self::Lock(cell) => pair(8, cell),
            Self::TryLock(cell) => pair(9, cell),
            Self::Waiting {
                condvar,
                timed: false,
                ..
            } => pair(10, condvar),
            Self::Waiting {
                condvar,
                timed: true,
                ..
            } => pair(11, condvar),
            Self::Relock {
                mutex,
                timed_out: false,
            } => pair(12, mutex),
            Self::Relock {
                mutex,
                timed_out: true,
            } => pair(13, mutex),
            Self::Access(cell, Access::Load) => pair(14, cell),
            Self::Access(cell, Access::Store) => pair(15, cell),
            Self::Access(cell, Access::Modify) => pair(16, cell),
            Self::Acquire(cell) => pair(17, cell),
            Self::AcquireUnlessInterrupted(cell) => pair(25, cell),
            Self::Interrupted(cell) => pair(26, cell),
            Self::Post(cell) => pair(18, cell),
            Self::Event(cell) => pair(19, cell),
            Self::Unlock(cell) => pair(21, cell),
            Self::Fork => 22,
            Self::Gone => 23,
            Self::Handles(signal) => 24 << 32 | signal as u64,
        }
    }

    /// What the thread waits for if it cannot do this now.
    pub(super) const fn waits(self) -> Option<Waits> {
        match self {
            Self::Lock(mutex) | Self::Relock { mutex, .. } => Some(Waits::Mutex(mutex)),
            Self::Waiting { condvar, timed, .. } => Some(Waits::Condvar { condvar, timed }),
            Self::Acquire(semaphore) | Self::AcquireUnlessInterrupted(semaphore) => {
                Some(Waits::Semaphore(semaphore))
            }
            Self::Event(event) => Some(Waits::Event(event)),
            Self::Until(_) => Some(Waits::Condition),
            Self::NotStarted
            | Self::Start
            | Self::TryLock(_)
            | Self::Access(..)
            | Self::Interrupted(_)
            | Self::Post(_)
            | Self::Pause
            | Self::Choose(..)
            | Self::Wake(_)
            | Self::Unlock(_)
            | Self::Fork
            | Self::Handles(_)
            | Self::Gone
            | Self::Hung
            | Self::Ended => None,
        }
    }

    /// The semaphore that a thread takes one from.
    pub(super) const fn acquires(self) -> Option<CellId> {
        match self.waits() {
            Some(Waits::Semaphore(semaphore)) => Some(semaphore),
            Some(Waits::Mutex(_) | Waits::Condvar { .. } | Waits::Event(_) | Waits::Condition)
            | None => None,
        }
    }

    /// Whether a thread that is about to do this can be interrupted.
    pub(super) const fn is_interruptible(self) -> bool {
        match self {
            Self::NotStarted
            | Self::Start
            | Self::Wake(_)
            | Self::Handles(_)
            | Self::Gone
            | Self::Hung
            | Self::Ended => false,
            Self::Lock(_)
            | Self::TryLock(_)
            | Self::Waiting { .. }
            | Self::Relock { .. }
            | Self::Access(..)
            | Self::Acquire(_)
            | Self::AcquireUnlessInterrupted(_)
            | Self::Interrupted(_)
            | Self::Post(_)
            | Self::Event(_)
            | Self::Pause
            | Self::Choose(..)
            | Self::Until(_)
            | Self::Unlock(_)
            | Self::Fork => true,
        }
    }

    /// Whether the thread takes further steps.
    pub(super) const fn lives(self) -> bool {
        !matches!(
            self,
            Self::NotStarted | Self::Gone | Self::Hung | Self::Ended
        )
    }
}

/// Which threads, as bits.
pub(super) const fn bit(thread: ThreadIndex) -> u16 {
    1 << thread.index()
}
