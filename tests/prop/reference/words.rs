//! The words of the reference: calls, replies, ends, and deliberate mistakes.

use super::{Configure, Look, Rule};

/// A thread state, by order of creation over all lives of the runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct State(pub usize);

/// An interpreter: the main one of every life is 0, the others count from 1 over all lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Home(pub usize);

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident $text:literal $body:literal,)*) => {
        /// What can be queued, or handle a signal.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Function {
            $($(#[$doc])* $name,)*
        }

        impl Function {
            /// In order of declaration.
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name in scenarios.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What it does there.
            pub(crate) fn body(self) -> &'static str {
                match self { $(Self::$name => $body,)* }
            }
        }
    };
}

functions! {
    /// Does nothing.
    Plain "plain" "",
    /// Does nothing either: tells orders apart.
    Other "other" "",
    /// Raises an exception.
    Raises "raises" "    return -1\n",
    /// Queues `Plain`.
    Adds "adds" "    Py_AddPendingCall(plain, NULL)\n",
    /// Runs one bytecode boundary.
    Evals "evals" "    eval\n",
    /// Queues itself.
    Again "again" "    Py_AddPendingCall(again, NULL)\n",
    /// Queues `Plain` for the main interpreter.
    AddsOwn "adds_own" "    _PyEval_AddPendingCall(PyInterpreterState_Main(), plain, NULL, 0)\n",
    /// Has the thread traced that runs it.
    SetsTrace "sets_trace" "    PyEval_SetTrace(traces, NULL)\n",
    /// Handles a signal.
    Heard "heard" "",
    /// Raises an exception when a signal comes.
    Refuses "refuses" "    return -1\n",
}

impl Function {
    /// What is queued with `Py_AddPendingCall`.
    pub(crate) const QUEUED: [Self; 13] = [
        Self::Plain,
        Self::Other,
        Self::Raises,
        Self::Adds,
        Self::Evals,
        Self::Plain,
        Self::Other,
        Self::Raises,
        Self::Adds,
        Self::Evals,
        Self::AddsOwn,
        Self::Again,
        Self::SetsTrace,
    ];
    /// What is queued for an interpreter.
    pub(crate) const OWN: [Self; 4] = [Self::Plain, Self::Other, Self::Raises, Self::Evals];
    /// What handles signals.
    pub(crate) const HANDLERS: [Self; 6] = [
        Self::Heard,
        Self::Refuses,
        Self::Heard,
        Self::Adds,
        Self::Evals,
        Self::Heard,
    ];
}

/// A call with its operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// `_PyEval_AddPendingCall` of the main interpreter, or of the one that a thread state is in, so often; with flags.
    AddOwn(Option<State>, Function, u8, u8),
    MakePending,
    /// `PyThreadState_SetAsyncExc` to a thread; whether it is an exception, or null.
    SetAsync(usize, bool),
    AtSignal(Function),
    /// The signal, sent by the thread that gets it.
    Signal,
    CheckSignals,
    /// Who looks on.
    Look(Look),
    Configure(Configure),
    Eval,
    BeforeFork,
    /// The native `fork()`, of which the sequence follows the child or the parent.
    Fork(Side),
    AfterForkParent,
    AfterForkChild,
    TssCreate,
    TssDelete,
    TssIsCreated,
    /// A value that is not null.
    TssSet(i64),
    TssGet,
    /// `PyInterpreterGuard_FromCurrent`, and so on: 3.15.
    GuardOfCurrent,
    GuardClose(Option<Guard>),
    ThreadEnsure(Option<Guard>),
    /// With a view of the main interpreter.
    ThreadEnsureFromView,
    ThreadRelease(Token),
}

/// A guard, by order of opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Guard(pub usize);

/// What `PyThreadState_Ensure` returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Token {
    /// It could not be had.
    Null,
    /// The thread had no thread state.
    NoState,
    /// The one that it had.
    State(State),
}

/// A process after a fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    Parent,
    Child,
}

/// What a call returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reply {
    /// It is a statement without a result.
    Silent,
    Nothing,
    Number(i64),
    /// What is said of the result, for the scenario to check.
    Said(&'static str),
    State(Option<State>),
    Interpreter(Option<Home>),
    /// A thread's value under a key.
    Word(i64),
    Guard(Option<Guard>),
    Token(Token),
}

/// Why no further call follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum End {
    /// The message, or how it begins.
    Fatal(&'static str),
    /// The kind as claims name it, empty for any other.
    Crash(&'static str),
    /// Parked for good by finalization.
    Hang,
    /// Ended by finalization.
    Exit,
    /// Waits for the GIL, and nobody goes on.
    Blocks,
    /// Goes on for ever.
    Spins,
    /// A signal that nobody handles ends the process.
    Killed,
    /// The contract does not say.
    Undefined,
}

/// Declares [`Mistake`] and the list of those that are about no rule.
macro_rules! mistakes {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Deliberate mistakes: the properties must notice each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Mistake {
            /// The rule holds where it does not, and the other way round.
            About(Rule),
            $($(#[$doc])* $name,)*
        }

        impl Mistake {
            const OF_EVERY_RELEASE: &[Self] = &[$(Self::$name,)*];
        }
    };
}

mistakes! {
    SlotStays,
    ReleaseKeepsState,
    TailInsertion,
    EnsureAlwaysUnlocked,
    SwapReturnsNew,
    LastInFirstOut,
    DeleteClearsOwnersSlot,
    NewCountsZero,
    IdsGoOn,
    FinalizingForgotten,
    RaisingGoesOn,
    LateThreadAttaches,
    CheckIgnoresSlot,
    FullQueueIsSilent,
    AttachForgetsCalls,
    StaleIsFine,
    QueueSurvives,
    SwapToSelfWaits,
    DeleteCurrentStays,
    /// A GIL of its own is the main one's.
    OneGil,
    /// The thread states of an interpreter that ends are not marked.
    EndForgetsOthers,
    /// A sub-interpreter leaves `PyGILState_Check` on.
    CheckStaysOn,
    /// A new interpreter is at the tail of the list.
    InterpretersAtTail,
    /// Fork by itself does what the child's hook does to the other thread states.
    ForkDeletesOthers,
    /// Fork by itself frees the GIL.
    ForkFreesTheGil,
    /// The child's hook leaves the other thread states.
    ChildKeepsOthers,
    /// The child's hook leaves the main thread as it was.
    ChildIsNotMain,
    /// The child begins with an empty queue.
    ChildForgetsCalls,
    /// The child owes the calls that it was forked with.
    ChildOwesCalls,
    /// The child's first thread state is the forking thread's (S65).
    ChildHasNewFirst,
    /// The child's hook empties the forking thread's slot.
    ChildForgetsSlot,
    /// The child's hook leaves the import lock, and HEAD_LOCK with it.
    ChildKeepsLocks,
    /// The child's hook takes any interpreter for the main one.
    ChildMayBeSub,
    /// The parent's hook deletes the other thread states.
    ParentDeletesOthers,
    /// Values outlive the deletion of their key.
    KeyForgetsNothing,
    /// A key is forgotten with the runtime.
    KeyGoesWithTheRuntime,
    /// Threads share one value.
    OneValueForAll,
    /// Finalization waits for no guard.
    GuardsAreIgnored,
    /// The last Release leaves the thread state that Ensure made.
    EnsuredStateStays,
    /// Release brings no thread state back.
    TokenIsForgotten,
    /// The guard of a view is never closed.
    OwnedGuardStays,
    /// Ensure makes a thread state of its own for every thread that is not attached.
    EnsureLooksAtNoSlot,
    /// An exception goes to a thread's oldest thread state.
    OldestRaises,
    /// It finds the thread in whatever interpreter it is.
    RaisesAnywhere,
    /// Null takes no exception back.
    NullTakesNothingBack,
    /// An exception is raised again and again.
    RaisesTwice,
    /// A thread state keeps its exception when it is cleared.
    ClearKeepsException,
    /// Taking the GIL tells nobody of an exception, up to 3.12.
    AttachForgetsException,
    /// Any thread runs Python's handler.
    AnyThreadHandles,
    /// The main thread runs Python's handler in any interpreter.
    AnyInterpreterHandles,
    /// Signals that come together are several.
    SignalsAddUp,
    /// What handled signals before gets one that came before.
    SignalWaitsForTheNext,
    /// `Py_MakePendingCalls` looks for no signal.
    CallsComeAlone,
    /// A handler that raises leaves nothing behind.
    RaisingHandlerIsDone,
    /// Finalization leaves the handler.
    HandlerOutlives,
    /// The child owes its handler to a signal that the parent got.
    ChildOwesSignals,
    /// The child handles the parent's signals.
    ChildHearsSignals,
    /// Only the main thread runs calls of an interpreter's own queue.
    OwnCallsOfMainThread,
    /// The main thread's calls come before the interpreter's own.
    MainComesFirst,
    /// Who holds the GIL is not told of a call for its interpreter.
    HolderIsNotTold,
    /// Who takes the GIL does not look at the interpreter's own queue.
    AttachForgetsOwnCalls,
    /// A call for one interpreter is queued with the main one.
    OwnGoesToMain,
    /// Finalization leaves the interpreters' own queues.
    FinishLeavesOwnCalls,
    /// A tracer is set for every thread state of the interpreter.
    OneIsAllThreads,
    /// A tracer for all threads is the caller's alone.
    AllThreadsAreOne,
    /// A tracer for all threads is that of every interpreter.
    AllThreadsAnywhere,
    /// A thread state that is cleared is traced all the same.
    ClearKeepsTracers,
    /// The profiler is told before the tracer.
    ProfilerIsToldFirst,
    /// The profiler is told of lines.
    ProfilerSeesLines,
    /// `PyThreadState_EnterTracing` changes nothing.
    TracingGoesOn,
    /// A tracer that a hook refuses is set.
    RefusedTracerIsSet,
    /// A hook that a hook refuses is added.
    RefusedHookIsAdded,
    /// The newest hook is told first.
    NewestHookFirst,
    /// All hooks are told, also once one has refused.
    EveryHookIsTold,
    /// Hooks outlive the runtime.
    HooksOutlive,
    /// Hooks are told of what a detached thread does.
    HooksHearDetached,
    /// The clearing of an interpreter is told to nobody.
    ClearingIsSilent,
    /// A function that evaluates is that of every interpreter.
    EvaluatorOfAll,
    /// It outlives its interpreter.
    EvaluatorOutlives,
    /// Objects take no memory.
    ObjectsTakeNoMemory,
    /// Interpreters take no memory.
    InterpretersTakeNoMemory,
    /// A reference tracer outlives the runtime.
    RefTracerOutlives,
    /// What dies with the runtime is told to nobody.
    TeardownIsSilent,
    /// A reference tracer cannot keep from being replaced.
    TracerKeepsNothing,
    /// Finalization puts the flags back.
    FlagsGoWithTheRuntime,
    /// A configuration of the program's reads the flags too.
    ConfigReadsFlags,
    /// What is counted is written back as on or off.
    CountsAreSwitches,
    /// The thread that initializes is the main one, whoever pre-initialized.
    InitializerIsMain,
    /// Without its main part the runtime counts as initialized.
    CoreIsAll,
    /// A configuration installs no handlers of signals.
    ConfigInstallsNothing,
    /// Who initializes where the core is there needs no thread state.
    ConfigNeedsNoState,
    /// A configuration does not tell the flags.
    FlagsAreNotWritten,
    /// Isolation switches nothing else.
    IsolationIsAlone,
    /// Nobody is told that a C function was called.
    NativeCallsAreSilent,
}

impl Mistake {
    /// All of them.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let of_rules = Rule::ALL.iter().map(|rule| Self::About(*rule));
        Self::OF_EVERY_RELEASE.iter().copied().chain(of_rules)
    }

    /// Whether it is looked for in 3.`minor`: one about a rule where the rule holds.
    pub(crate) fn shows_in(self, minor: u8) -> bool {
        if let Self::About(rule) = self {
            rule.holds(minor)
        } else {
            true
        }
    }
}
