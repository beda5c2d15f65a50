//! Which lock may be taken while which is held, as data.
//!
//! # Lock order
//!
//! A lock may be taken while another is held only if [`Lock::inside`] says so. Leaves are never held over a visible
//! operation that can block, over a callback, or over an attach or detach (S17, S35).

/// A lock of the runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lock {
    /// A user's `PyMutex`.
    UserMutex,
    /// The mutex of a queue of pending calls.
    PendingQueue,
    /// A GIL.
    Gil,
    /// A GIL's `mutex`.
    GilMutex,
    /// A GIL's `switch_mutex`.
    GilSwitchMutex,
    /// The import lock.
    ImportLock,
    /// HEAD_LOCK. A thread that forks keeps it, and the import lock, from one call to another.
    HeadLock,
    /// A bucket of the parking lot.
    Bucket,
    /// The mutex of `Py_AtExit`.
    AtExit,
    /// The mutex of audit hooks.
    AuditHooks,
}

impl Lock {
    /// Every lock, outermost first.
    pub const ALL: &'static [Self] = &[
        Self::UserMutex,
        Self::ImportLock,
        Self::PendingQueue,
        Self::Gil,
        Self::GilMutex,
        Self::GilSwitchMutex,
        Self::HeadLock,
        Self::Bucket,
        Self::AtExit,
        Self::AuditHooks,
    ];

    /// The locks that may be taken while this one is held. A GIL is given up before any wait for a mutex, so the pair
    /// of them has no order.
    #[must_use]
    pub fn inside(self) -> &'static [Self] {
        match self {
            Self::UserMutex | Self::ImportLock => Self::ALL,
            Self::Gil => &[
                Self::UserMutex,
                Self::ImportLock,
                Self::PendingQueue,
                Self::GilMutex,
                Self::GilSwitchMutex,
                Self::HeadLock,
                Self::Bucket,
                Self::AtExit,
                Self::AuditHooks,
            ],
            Self::PendingQueue => &[
                Self::Gil,
                Self::GilMutex,
                Self::GilSwitchMutex,
                Self::Bucket,
            ],
            Self::GilMutex => &[Self::GilSwitchMutex],
            Self::GilSwitchMutex
            | Self::HeadLock
            | Self::Bucket
            | Self::AtExit
            | Self::AuditHooks => &[],
        }
    }
}
