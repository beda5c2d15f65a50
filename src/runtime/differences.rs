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
    /// [`Profile::eval_breaker_of`]: an interpreter's where it is a thread state's, and the other way round.
    EvalBreakerOf,
    /// [`Profile::taking_the_gil_computes`].
    TakingTheGilComputes,
    /// [`Profile::runtime_locks_detach`].
    RuntimeLocksDetach,
    /// [`Profile::pending_calls_of`]: the main thread's where they are an interpreter's, and the other way round.
    PendingCallsOf,
    /// [`Profile::pending_signal_is_computed`].
    PendingSignalIsComputed,
    /// [`Profile::pending_finish`]: one round where it goes on, and the other way round.
    PendingFinish,
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
        Self::EvalBreakerOf,
        Self::TakingTheGilComputes,
        Self::RuntimeLocksDetach,
        Self::PendingCallsOf,
        Self::PendingSignalIsComputed,
        Self::PendingFinish,
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

/// Whose word it is that makes the eval loop look up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EvalBreakerOf {
    /// One for the process.
    Runtime,
    /// One for all threads of an interpreter.
    Interpreter,
    /// Each thread state's own.
    ThreadState,
}

/// Where `Py_AddPendingCall` queues, and who runs the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PendingCallsOf {
    /// One queue for the process: the main OS thread runs it, in whatever interpreter it is.
    Runtime,
    /// A queue for each interpreter: the main OS thread runs it while it is in that interpreter.
    Interpreter,
    /// The main interpreter's main thread; the queues of interpreters are internal.
    MainThread,
}

/// How finalization runs what is queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PendingFinish {
    /// One round if it is asked for; from here on the queue refuses calls.
    Refusing,
    /// One round if it is asked for.
    IfAsked,
    /// One round.
    Once,
    /// Rounds until nothing is left.
    UntilEmpty,
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

    /// Whose word it is that makes the eval loop look up. Source: contract V9, gh-112175 (3.13), bpo-39984 (3.9).
    #[must_use]
    pub fn eval_breaker_of(self) -> EvalBreakerOf {
        if self.when(Difference::EvalBreakerOf, self.minor() >= 13) {
            EvalBreakerOf::ThreadState
        } else if self.minor() >= 9 {
            EvalBreakerOf::Interpreter
        } else {
            EvalBreakerOf::Runtime
        }
    }

    /// Whether taking the GIL computes the shared eval breaker, also without a request to drop it. Source: bpo-40010.
    #[must_use]
    pub fn taking_the_gil_computes(self) -> bool {
        self.when(Difference::TakingTheGilComputes, self.minor() >= 9)
    }

    /// Whether the runtime's own locks are `PyMutex`, which detach who waits for them, and never go away. Source: contract
    /// V34; observed: e5, 3.8.18 to 3.12.1 crash, 3.13.0 and newer accept the call.
    #[must_use]
    pub fn runtime_locks_detach(self) -> bool {
        self.when(Difference::RuntimeLocksDetach, self.minor() >= 13)
    }

    /// Where `Py_AddPendingCall` queues, and who runs the calls. Source: contract V20, V21, P10; bpo-39984 (3.9),
    /// gh-104812 (3.12).
    #[must_use]
    pub fn pending_calls_of(self) -> PendingCallsOf {
        if self.when(Difference::PendingCallsOf, self.minor() >= 12) {
            PendingCallsOf::MainThread
        } else if self.minor() >= 9 {
            PendingCallsOf::Interpreter
        } else {
            PendingCallsOf::Runtime
        }
    }

    /// Whether the thread that adds a pending call computes the shared eval breaker for itself, instead of setting it.
    /// Source: R15, gh-95820, introduced by bpo-40010; observed: e1, 3.9.18 to 3.12.1.
    #[must_use]
    pub fn pending_signal_is_computed(self) -> bool {
        self.when(Difference::PendingSignalIsComputed, self.minor() >= 9)
    }

    /// Whether a thread that finds pending calls handled by another passes its request on to that one, by its thread
    /// state. Follows from the eval breaker. Source: contract V23.
    #[must_use]
    pub fn pending_calls_are_passed_on(self) -> bool {
        self.eval_breaker_of() == EvalBreakerOf::ThreadState
    }

    /// How finalization runs what is queued. Source: R18, gh-118297; observed: `_Py_FinishPendingCalls` of 3.8.18 sets
    /// `finishing`.
    #[must_use]
    pub fn pending_finish(self) -> PendingFinish {
        match self.minor() {
            _ if self.when(Difference::PendingFinish, self.minor() >= 13) => {
                PendingFinish::UntilEmpty
            }
            8 => PendingFinish::Refusing,
            9..=11 => PendingFinish::IfAsked,
            _ => PendingFinish::Once,
        }
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

    /// Calls that an interpreter's own queue holds. Source: contract 1.6, P11.
    #[must_use]
    pub fn pending_interpreter_capacity(self) -> usize {
        if self.when(Difference::PendingMainCapacity, self.minor() >= 13) {
            300
        } else {
            31
        }
    }

    /// Whether `threading.Thread.join` raises once the runtime is finalizing. Source: contract V39, gh-123940.
    #[must_use]
    pub fn join_refused_at_finalization(self) -> bool {
        self.when(Difference::JoinRefusedAtFinalization, self.minor() >= 14)
    }
}
