//! The words of the reference: calls, replies, ends, and deliberate mistakes.

/// A thread state, by order of creation over all lives of the runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct State(pub usize);

/// An interpreter: the main one of every life is 0, the others count from 1 over all lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Home(pub usize);

/// What can be queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Function {
    /// Does nothing.
    Plain,
    /// Does nothing either: tells orders apart.
    Other,
    /// Raises an exception.
    Raises,
    /// Queues `Plain`.
    Adds,
    /// Runs one bytecode boundary.
    Evals,
}

impl Function {
    pub(crate) const ALL: [Self; 5] = [
        Self::Plain,
        Self::Other,
        Self::Raises,
        Self::Adds,
        Self::Evals,
    ];

    /// Its name in scenarios.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Other => "other",
            Self::Raises => "raises",
            Self::Adds => "adds",
            Self::Evals => "evals",
        }
    }
}

/// A call with its operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Initialize,
    Finalize,
    IsInitialized,
    IsFinalizing,
    Save,
    Restore(Option<State>),
    Acquire(Option<State>),
    ReleaseThread(Option<State>),
    Get,
    GetUnchecked,
    Swap(Option<State>),
    /// `PyThreadState_New` of the main interpreter, or of the one that a thread state is in.
    New(Option<State>),
    /// Whether it asks for a GIL of its own.
    NewInterpreter(bool),
    EndInterpreter(Option<State>),
    Clear(Option<State>),
    Delete(Option<State>),
    DeleteCurrent,
    GetId(Option<State>),
    GetInterpreter(Option<State>),
    Next(Option<State>),
    Ensure,
    /// Whether the state that Ensure returned was `PyGILState_LOCKED`.
    Release(bool),
    GetThis,
    Check,
    InterpreterGet,
    InterpreterHead,
    InterpreterMain,
    InterpreterNext(Option<State>),
    ThreadHead(Option<State>),
    AddPending(Function),
    MakePending,
    Eval,
}

/// What a call returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Nothing,
    Number(i64),
    State(Option<State>),
    Interpreter(Option<Home>),
}

/// Why no further call follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The message, or how it begins.
    Fatal(&'static str),
    /// The kind as claims name it, empty for any other.
    Crash(&'static str),
    /// Parked for good by finalization.
    Hang,
    /// Waits for the GIL, and nobody goes on.
    Blocks,
    /// The contract does not say.
    Undefined,
}

/// Deliberate mistakes: the properties must notice each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    SlotStays,
    CapacityOneLess,
    ReleaseKeepsState,
    TailInsertion,
    EnsureAlwaysUnlocked,
    SwapReturnsNew,
    LastInFirstOut,
    DeleteClearsOwnersSlot,
    NewCountsZero,
    IdsGoOn,
    FinalizingForgotten,
    AttachTwiceIsFine,
    SaveNullReturns,
    RaisingGoesOn,
    LateThreadAttaches,
    FinalizerNotSwappedIn,
    CheckIgnoresSlot,
    FullQueueIsSilent,
    AttachForgetsCalls,
    StaleIsFine,
    QueueSurvives,
    SwapToSelfWaits,
    DeleteCurrentStays,
    /// A GIL of its own is the main one's.
    OneGil,
    /// A new interpreter does not visit the main one.
    NoVisit,
    /// The thread states of an interpreter that ends are not marked.
    EndForgetsOthers,
    /// A sub-interpreter leaves `PyGILState_Check` on.
    CheckStaysOn,
    /// A new interpreter is at the tail of the list.
    InterpretersAtTail,
    /// Finalization leaves sub-interpreters.
    SubsStay,
    /// Main-thread calls run in any interpreter.
    CallsRunAnywhere,
}

impl Mistake {
    pub(crate) const ALL: [Self; 30] = [
        Self::SlotStays,
        Self::CapacityOneLess,
        Self::ReleaseKeepsState,
        Self::TailInsertion,
        Self::EnsureAlwaysUnlocked,
        Self::SwapReturnsNew,
        Self::LastInFirstOut,
        Self::DeleteClearsOwnersSlot,
        Self::NewCountsZero,
        Self::IdsGoOn,
        Self::FinalizingForgotten,
        Self::AttachTwiceIsFine,
        Self::SaveNullReturns,
        Self::RaisingGoesOn,
        Self::LateThreadAttaches,
        Self::FinalizerNotSwappedIn,
        Self::CheckIgnoresSlot,
        Self::FullQueueIsSilent,
        Self::AttachForgetsCalls,
        Self::StaleIsFine,
        Self::QueueSurvives,
        Self::SwapToSelfWaits,
        Self::DeleteCurrentStays,
        Self::OneGil,
        Self::NoVisit,
        Self::EndForgetsOthers,
        Self::CheckStaysOn,
        Self::InterpretersAtTail,
        Self::SubsStay,
        Self::CallsRunAnywhere,
    ];
}
