//! Pending calls and what makes the eval loop look up.

use super::Difference;
use crate::runtime::profile::Profile;

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

/// What the last argument of `_PyEval_AddPendingCall` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PendingFlags {
    /// It has none.
    None,
    /// Anything but 0: the main queue.
    MainThread,
    /// One bit for the main queue, one for an argument that is freed.
    Bits,
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

    /// Calls of an interpreter's own queue that one pass makes; of the main queue it is all that it holds, up to 3.12 one more.
    /// Source: contract 1.6 (`maxloop`), gh-117474 (3.13).
    #[must_use]
    pub fn pending_pass_of_interpreter(self) -> usize {
        if self.when(Difference::PendingPassOfInterpreter, self.minor() >= 13) {
            100
        } else {
            32
        }
    }

    /// What the last argument of `_PyEval_AddPendingCall` says. Source: contract 1.6; its declarations in
    /// `Include/internal/pycore_ceval.h` (gh-104812: 3.12; gh-110310: 3.13).
    #[must_use]
    pub fn pending_flags(self) -> PendingFlags {
        if self.when(Difference::PendingFlags, self.minor() >= 13) {
            PendingFlags::Bits
        } else if self.minor() >= 12 {
            PendingFlags::MainThread
        } else {
            PendingFlags::None
        }
    }

    /// Whether `PyErr_CheckSignals` raises an async exception too. Source: contract V24, gh-144748 (3.15).
    #[must_use]
    pub fn check_raises_async_exceptions(self) -> bool {
        self.when(Difference::CheckRaisesAsyncExceptions, self.minor() >= 15)
    }
}
