//! How a call can end other than by returning: the thread is over, or the process is.
//!
//! # Protocol
//!
//! Every call returns [`Step`]. An [`Ended`] goes up with `?` to the root of the thread, which takes no further step.
//! Nothing panics and nothing is cleaned up on the way, as nothing is in C; locks of the facade that a function holds
//! are released as it returns.
//!
//! # Invariants
//!
//! *FirstCause*: why the process is over is noted ([`Over`]) in the step that found it, and the first cause stays.

use super::differences::Texts;
use super::profile::Profile;
use super::stage::Stage;
use crate::sync::Word;

/// What a call gives, unless it ends the thread or the process.
pub type Step<T> = Result<T, Ended>;

/// Why a thread takes no further step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    /// Parked for good by finalization. The root of the thread calls [`crate::sync::hang_forever`].
    Hung,
    /// Ended by finalization, its native frames unwound (`pthread_exit`): releases before 3.13.8.
    Exited,
    /// The process is over: see [`super::Runtime::over`].
    ProcessOver,
}

/// Why the process is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Over {
    /// CPython reported a fatal error and aborted.
    Fatal(Fatal),
    /// What C leaves undefined.
    Crash(Crash),
    /// A status that is an error ended it with status 1 (`Py_ExitStatusException`).
    Status(StatusError),
    /// The process ended with this status (`Py_Exit`, `exit`).
    Exit(i32),
    /// Nothing of CPython: the runtime has no room for what the program does next, so how it goes on is not known.
    Limit(Limit),
}

/// What the runtime has no room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// One more pending call that is not like the one before it, in one queue.
    PendingCalls,
}

super::handle::word_for_enum!(Limit { PendingCalls });

impl Limit {
    /// What there is too much of.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PendingCalls => "different pending calls in one queue",
        }
    }
}

/// Why no interpreter was made: an error in a `PyStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatusError {
    /// *Py_Initialize must be called first*
    InitializeFirst,
    /// *per-interpreter obmalloc does not support single-phase init extension modules*
    Obmalloc,
    /// *invalid interpreter config 'gil' value*
    Gil,
    /// *initialization config is NULL*
    NoConfig,
    /// *failed to read thread state*
    NoThreadState,
    /// *preinitialization config is NULL*
    NoPreConfig,
    /// *sys.audit failed*
    Audit,
    /// *interpreter already initialized*
    Initialized,
    /// A stage failed.
    Stage(Stage),
}

impl StatusError {
    /// The text that CPython of this profile prints when the status ends the process.
    #[must_use]
    pub fn message(self, profile: Profile) -> &'static str {
        match self {
            Self::InitializeFirst => Fatal::InitializeFirst.message(profile),
            Self::Obmalloc => {
                "init_interp_settings: per-interpreter obmalloc does not support single-phase init extension modules"
            }
            Self::Gil => "init_interp_settings: invalid interpreter config 'gil' value",
            Self::NoConfig => "Py_InitializeFromConfig: initialization config is NULL",
            Self::NoPreConfig => "_Py_PreInitializeFromPyArgv: preinitialization config is NULL",
            Self::NoThreadState => "pyinit_core_reconfigure: failed to read thread state",
            Self::Audit => "_PyInterpreterState_New: sys.audit failed",
            Self::Initialized => "init_interpreter: interpreter already initialized",
            Self::Stage(stage) => profile.stage_text(stage),
        }
    }
}

/// Ahead of stages in the words of errors.
const STAGES_FROM: u64 = 16;

impl Word for StatusError {
    fn to_word(self) -> u64 {
        match self {
            Self::InitializeFirst => 0,
            Self::Obmalloc => 1,
            Self::Gil => 2,
            Self::NoConfig => 3,
            Self::NoThreadState => 4,
            Self::Audit => 5,
            Self::Initialized => 6,
            Self::NoPreConfig => 7,
            Self::Stage(stage) => STAGES_FROM + stage.to_word(),
        }
    }

    fn from_word(word: u64) -> Self {
        match word {
            0 => Self::InitializeFirst,
            1 => Self::Obmalloc,
            2 => Self::Gil,
            3 => Self::NoConfig,
            4 => Self::NoThreadState,
            5 => Self::Audit,
            6 => Self::Initialized,
            7 => Self::NoPreConfig,
            stage => Self::Stage(Stage::from_word(stage - STAGES_FROM)),
        }
    }
}

/// What C leaves undefined: the kind of misuse. A real library may survive it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Crash {
    /// A thread state, interpreter or object was used after it was freed (S18, S19).
    UseAfterFree,
    /// A call that needs an attached thread state was made without one.
    NoThreadState,
    /// An object was used in another interpreter than its own.
    WrongInterpreter,
    /// Two threads ran as holders of one GIL.
    TwoHolders,
    /// Anything else, such as a null pointer that is read through.
    Other,
}

super::handle::word_for_enum!(Crash {
    UseAfterFree,
    NoThreadState,
    WrongInterpreter,
    TwoHolders,
    Other
});

impl Crash {
    /// The name that claims use: `use_after_free` of `crash(use_after_free)`; empty for any other crash.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::UseAfterFree => "use_after_free",
            Self::NoThreadState => "no_thread_state",
            Self::WrongInterpreter => "wrong_interpreter",
            Self::TwoHolders => "two_holders",
            Self::Other => "",
        }
    }
}

macro_rules! fatal_errors {
    ($($(#[$doc:meta])* $name:ident => $text:expr,)+) => {
        /// A fatal error of CPython. Where the text has a pointer, `%p` stands for it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fatal {
            $($(#[$doc])* $name,)+
        }

        super::handle::word_for_enum!(Fatal { $($name),+ });

        impl Fatal {
            fn newest(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

macro_rules! gil_released {
    ($function:literal) => {
        concat!(
            $function,
            ": the function must be called with the GIL held, but the GIL is released (the current Python thread state \
             is NULL)"
        )
    };
}

macro_rules! null_thread_state {
    ($function:literal) => {
        concat!(
            $function,
            ": the function must be called with the GIL held, after Python initialization and before Python \
             finalization, but the GIL is released (the current Python thread state is NULL)"
        )
    };
}

fatal_errors! {
    /// `PyThreadState_Get` without an attached thread state.
    GetNull => null_thread_state!("PyThreadState_Get"),
    /// `PyInterpreterState_Get` without an attached thread state.
    InterpreterGetNull => null_thread_state!("PyInterpreterState_Get"),
    /// `PyEval_SaveThread` without an attached thread state, up to 3.12.
    SaveNull => null_thread_state!("PyEval_SaveThread"),
    /// `PyEval_RestoreThread(NULL)`.
    RestoreNull => null_thread_state!("PyEval_RestoreThread"),
    /// `PyEval_AcquireThread(NULL)`.
    AcquireNull => null_thread_state!("PyEval_AcquireThread"),
    /// `PyEval_ReleaseThread(NULL)`, up to 3.12.
    ReleaseNull => null_thread_state!("PyEval_ReleaseThread"),
    /// `PyThreadState_Delete(NULL)`.
    DeleteNull => null_thread_state!("PyThreadState_Delete"),
    /// `PyThreadState_DeleteCurrent` without an attached thread state.
    DeleteCurrentNull => null_thread_state!("_PyThreadState_DeleteCurrent"),
    /// `PyUnstable_AtExit` without an attached thread state.
    AtExitNull => null_thread_state!("PyUnstable_AtExit"),
    /// Attaching in a thread that is attached (S10).
    AttachedAlready => "_PyThreadState_Attach: non-NULL old thread state",
    /// `PyEval_AcquireThread` found a current thread state once the GIL was taken, up to 3.12.
    AcquireAttached => "PyEval_AcquireThread: non-NULL old thread state",
    /// `PyEval_ReleaseThread` of a thread state that is not the current one, up to 3.12.
    WrongThreadState => "PyEval_ReleaseThread: wrong thread state",
    /// Dropping a GIL that nobody holds.
    GilNotLocked => "drop_gil: drop_gil: GIL is not locked",
    /// `PyThreadState_Delete` of the caller's current thread state.
    StillCurrent => "PyThreadState_Delete: tstate %p is still current",
    /// An interpreter's first thread state is made again, 3.11 and 3.12.
    AlreadyInitialized => "init_threadstate: thread state already initialized",
    /// `PyGILState_Ensure` could not make a thread state.
    EnsureFailed => "PyGILState_Ensure: Couldn't create thread-state for new thread",
    /// `PyGILState_Release` in a thread that has no thread state.
    ReleaseWithoutState => {
        "PyGILState_Release: auto-releasing thread-state, but no thread-state for this thread"
    },
    /// `PyGILState_Release` while the thread's state is not attached.
    ReleaseNotCurrent => "PyGILState_Release: thread state %p must be current when releasing",
    /// `PyThreadState_Release` without an attached thread state.
    EnsuredReleaseNull => null_thread_state!("PyThreadState_Release"),
    /// `PyThreadState_Release` of a thread state that no Ensure counts any more (S74).
    ReleasedTooOften => {
        "PyThreadState_Release: PyThreadState_Release() called more times than PyThreadState_Ensure()"
    },
    /// `PyMutex_Unlock` of a free mutex (S56).
    UnlockUnlocked => "PyMutex_Unlock: unlocking mutex that is not locked",
    /// Finalization found a thread state in an interpreter that it deletes.
    RemainingThreads => "PyInterpreterState_Delete: remaining threads",
    /// Finalization found an interpreter besides the main one.
    RemainingInterpreters => "PyInterpreterState_Delete: remaining subinterpreters",
    /// `Py_NewInterpreter` before initialization.
    InitializeFirst => "new_interpreter: Py_Initialize must be called first",
    /// Finalization could not make a thread state for a sub-interpreter that is left.
    ThreadStateAllocation => "_PyThreadState_NewBound: thread state allocation failed",
    /// `Py_EndInterpreter` of a thread state that is not the current one.
    EndNotCurrent => "Py_EndInterpreter: thread is not current",
    /// `Py_ExitStatusException` of a status that is no exception.
    StatusIsSuccess => "Py_ExitStatusException() must not be called on success",
    /// `Py_EndInterpreter` in what a frame of the thread state calls.
    StillHasFrame => "Py_EndInterpreter: thread still has a frame",
    /// `Py_EndInterpreter` of an interpreter with other thread states, up to 3.13.
    NotTheLastThread => "Py_EndInterpreter: not the last thread",
    /// `Py_Initialize` in a callback of `Py_AtExit`, since 3.11.
    InterpreterInitialized => "init_interpreter: interpreter already initialized",
    /// `Py_Initialize` while the main interpreter is torn down, since 3.13.
    ImportStateInitialized => "_PyImport_Init: global import state already initialized",
    /// `Py_Initialize` after a finalization that left the main interpreter, in 3.12.
    Importlib => "_PyImport_InitCore: failed to initialize importlib",
    /// `PyOS_AfterFork_Parent` in a thread that does not have the import lock.
    ForkImportLock => "PyOS_AfterFork_Parent: failed releasing import lock after fork",
    /// `PyOS_AfterFork_Child` without a current thread state.
    AfterForkNull => null_thread_state!("PyOS_AfterFork_Child"),
    /// `PyOS_AfterFork_Child` with the thread state of a sub-interpreter.
    NotMainInterpreter => "_PyInterpreterState_DeleteExceptMain: not main interpreter",
    /// The interpreter to delete is in no list.
    NullInterpreter => "PyInterpreterState_Delete: NULL interpreter",
}

impl Fatal {
    /// The message as CPython of this profile prints it after `Fatal Python error: `.
    #[must_use]
    pub fn message(self, profile: Profile) -> &'static str {
        let older = match profile.texts() {
            Texts::LifecycleInterpreter => (self == Self::InterpreterGetNull)
                .then_some("PyInterpreterState_Get: no current interpreter"),
            Texts::Lifecycle => None,
            Texts::Gil => self.in_gil_words(),
            Texts::Short => self.in_short(),
        };
        older.unwrap_or_else(|| self.newest())
    }

    /// 3.9 to 3.11, where they differ from 3.12.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the others are worded alike"
    )]
    fn in_gil_words(self) -> Option<&'static str> {
        Some(match self {
            Self::GetNull => gil_released!("PyThreadState_Get"),
            Self::InterpreterGetNull => gil_released!("PyInterpreterState_Get"),
            Self::SaveNull => gil_released!("PyEval_SaveThread"),
            Self::RestoreNull => gil_released!("PyEval_RestoreThread"),
            Self::AcquireNull => gil_released!("PyEval_AcquireThread"),
            Self::ReleaseNull => gil_released!("PyEval_ReleaseThread"),
            Self::DeleteNull => gil_released!("PyThreadState_Delete"),
            Self::DeleteCurrentNull => gil_released!("_PyThreadState_DeleteCurrent"),
            Self::AfterForkNull => gil_released!("PyOS_AfterFork_Child"),
            Self::StillCurrent => "_PyThreadState_Delete: tstate %p is still current",
            _ => return None,
        })
    }

    /// 3.8, where they differ from 3.12.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the others are worded alike"
    )]
    fn in_short(self) -> Option<&'static str> {
        Some(match self {
            Self::GetNull => "PyThreadState_Get: no current thread",
            Self::SaveNull => "PyEval_SaveThread: NULL tstate",
            Self::RestoreNull => "PyEval_RestoreThread: NULL tstate",
            Self::AcquireNull => "PyEval_AcquireThread: NULL new thread state",
            Self::ReleaseNull => "PyEval_ReleaseThread: NULL thread state",
            Self::DeleteNull => "PyThreadState_Delete: NULL tstate",
            Self::DeleteCurrentNull => "PyThreadState_DeleteCurrent: no current tstate",
            Self::GilNotLocked => "drop_gil: GIL is not locked",
            Self::StillCurrent => "PyThreadState_Delete: tstate is still current",
            Self::EnsureFailed => "Couldn't create thread-state for new thread",
            Self::ReleaseWithoutState => {
                "auto-releasing thread-state, but no thread-state for this thread"
            }
            Self::ForkImportLock => "failed releasing import lock after fork",
            Self::AfterForkNull => "take_gil: NULL tstate",
            Self::NotMainInterpreter => "PyInterpreterState_DeleteExceptMain: not main interpreter",
            Self::ReleaseNotCurrent => "This thread state must be current when releasing",
            _ => return None,
        })
    }
}

/// A cell's form of `Option<Over>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct OverCell(pub(super) Option<Over>);

impl Word for OverCell {
    fn to_word(self) -> u64 {
        match self.0 {
            None => 0,
            Some(Over::Fatal(fatal)) => 1 << 32 | fatal.to_word(),
            Some(Over::Crash(crash)) => 2 << 32 | crash.to_word(),
            Some(Over::Exit(status)) => 3 << 32 | u64::from(status.cast_unsigned()),
            Some(Over::Status(error)) => 4 << 32 | error.to_word(),
            Some(Over::Limit(limit)) => 5 << 32 | limit.to_word(),
        }
    }

    fn from_word(word: u64) -> Self {
        let low = word & u64::from(u32::MAX);
        Self(match word >> 32 {
            1 => Some(Over::Fatal(Fatal::from_word(low))),
            2 => Some(Over::Crash(Crash::from_word(low))),
            3 => Some(Over::Exit((low as u32).cast_signed())),
            4 => Some(Over::Status(StatusError::from_word(low))),
            5 => Some(Over::Limit(Limit::from_word(low))),
            _ => None,
        })
    }
}
