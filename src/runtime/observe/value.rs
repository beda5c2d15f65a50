//! The runtime as one plain ordered value: what invariants read, snapshots hold and graphs draw.
//!
//! An [`Observation`] has no counters that only grow, unless the program reads ids.

use crate::runtime::arena::{AttachState, Whence};
use crate::runtime::callback::Callback;
use crate::runtime::eval_breaker::Bit;
use crate::runtime::finalize::Phase;
use crate::runtime::gil::Locked;
use crate::runtime::guard::Opened;
use crate::runtime::handle::{GuardHandle, InterpreterHandle, ThreadStateHandle};
use crate::runtime::outcome::Over;
use crate::runtime::stage::Stage;
use crate::runtime::threading::HandleState;
use crate::sync::ThreadIndex;

/// A thread of the program, as far as the runtime knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThreadObservation {
    /// Which thread.
    pub thread: ThreadIndex,
    /// *cur*: the attached thread state.
    pub current: ThreadStateHandle,
    /// *tss*: the GILState thread state.
    pub tss: ThreadStateHandle,
    /// Inside §GIL T3 to T9.
    pub waits_for_gil: bool,
    /// Waits in the parking lot.
    pub parked: bool,
    /// Parked for good by finalization.
    pub hung: bool,
    /// The handle of a thread made by `threading`.
    pub handle: HandleState,
}

/// A thread state in a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThreadStateObservation {
    /// Which one.
    pub handle: ThreadStateHandle,
    /// The attach state.
    pub state: AttachState,
    /// Who made it.
    pub whence: Whence,
    /// The thread that bound it.
    pub thread: Option<ThreadIndex>,
    /// Whether it holds the GIL.
    pub holds_gil: bool,
    /// The GILState counter.
    pub gilstate_counter: i32,
    /// The counter of `PyThreadState_Ensure`.
    pub ensure_counter: i32,
    /// The guard that it owns.
    pub owned_guard: GuardHandle,
    /// References.
    pub references: u32,
    /// Whether it was cleared.
    pub cleared: bool,
    /// The eval breaker.
    pub eval_breaker: Vec<Bit>,
    /// Its id, if the program reads ids.
    pub id: Option<u64>,
}

/// A GIL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GilObservation {
    /// Whether it is taken.
    pub locked: Locked,
    /// By which thread.
    pub holder: Option<ThreadIndex>,
    /// The thread state that held it last.
    pub last_holder: ThreadStateHandle,
}

/// An open guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GuardObservation {
    /// The thread that opened it.
    pub thread: ThreadIndex,
    /// Which one; null for that of `PyGILState_Ensure`.
    pub handle: GuardHandle,
    /// What it guards.
    pub interpreter: InterpreterHandle,
    /// By which call it was opened.
    pub opened: Opened,
}

/// A queue of pending calls.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PendingObservation {
    /// Oldest first.
    pub calls: Vec<Callback>,
    /// Who runs calls.
    pub handling_thread: ThreadStateHandle,
}

/// An interpreter in the list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterpreterObservation {
    /// Which one.
    pub handle: InterpreterHandle,
    /// Newest first.
    pub thread_states: Vec<ThreadStateObservation>,
    /// The GIL in its storage.
    pub gil: GilObservation,
    /// Its queue.
    pub pending: PendingObservation,
    /// Finalization has been announced.
    pub finalizing: bool,
    /// The finalizing thread state.
    pub finalizer: ThreadStateHandle,
    /// Python's atexit callbacks, oldest first.
    pub exit_callbacks: Vec<Callback>,
    /// Callbacks of `PyUnstable_AtExit`, oldest first.
    pub exit_callbacks_native: Vec<Callback>,
    /// Its id, if the program reads ids.
    pub id: Option<i64>,
}

/// The whole runtime.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Observation {
    /// Why the process is over.
    pub over: Option<Over>,
    /// How far initialization came.
    pub stage: Stage,
    /// How far finalization came.
    pub phase: Phase,
    /// `initialized`.
    pub initialized: bool,
    /// The finalizing mark.
    pub finalizing: ThreadStateHandle,
    /// Newest first.
    pub interpreters: Vec<InterpreterObservation>,
    /// Thread states in no list that someone still refers to.
    pub unlisted: Vec<ThreadStateObservation>,
    /// The main queue.
    pub pending_main: PendingObservation,
    /// Callbacks of `Py_AtExit`, oldest first.
    pub at_exit: Vec<Callback>,
    /// The user's mutexes that are not as at first: number, bits, waiting threads.
    pub mutexes: Vec<(usize, u8, Vec<ThreadIndex>)>,
    /// The open guards.
    pub guards: Vec<GuardObservation>,
    /// The threads that the runtime has something of.
    pub threads: Vec<ThreadObservation>,
}
