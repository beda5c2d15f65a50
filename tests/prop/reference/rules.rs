//! What releases do differently, as far as a sequence of calls can see it.
//!
//! A rule holds in a range of releases, each in its newest patch. The ranges are those of the contract, read once more for
//! this table: nothing here knows how the runtime decides. Every rule can be made wrong, see [`super::Mistake::About`].

/// Declares [`Rule`], in which releases each holds, and the list of all.
macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident $releases:pat,)*) => {
        /// What some releases do and others do not.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Rule {
            $($(#[$doc])* $name,)*
        }

        impl Rule {
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];

            /// Whether it holds in 3.`minor`.
            pub(crate) fn holds(self, minor: u8) -> bool {
                match self {
                    $(Self::$name => matches!(minor, $releases),)*
                }
            }
        }
    };
}

rules! {
    /// V1, V3: there is one current thread state for the process, that of the holder of the one GIL.
    OneCurrent 8..=11,
    /// V5: `PyThreadState_Swap` writes that pointer and leaves the GIL alone.
    SwapIsAPointer 8..=11,
    /// V4: the GILState slot follows each attach; before, it keeps the thread's first thread state.
    SlotFollows 12..=15,
    /// N4: deleting a thread state that is in any slot empties the deleter's; before, only if it is in that one.
    DeleteEmptiesSlot 12..=15,
    /// V4, P30: a thread keeps its slot when the runtime ends, and `PyGILState_Check` looks at it.
    SlotOutlives 15..=15,
    /// V6: attaching while attached is fatal; before, the thread waits for its own GIL.
    AttachTwiceIsFatal 13..=15,
    /// V7: `PyEval_SaveThread` without a thread state is fatal; then a crash.
    SaveOfNoneIsFatal 8..=12,
    /// V8: `PyEval_ReleaseThread` of another thread state is fatal; then undefined.
    ReleaseOfAnotherIsFatal 8..=12,
    /// V10: who attaches too late is ended; then parked for good.
    LateThreadExits 8..=12,
    /// V12: who is not the finalizer is late; then who is marked.
    LateByFinalizer 8..=13,
    /// V12: that is asked with the GIL taken, which finalization keeps.
    LateOnceItHasTheGil 8..=8,
    /// V12: the OS thread that finalized is never late.
    FinalizingThreadIsExempt 12..=15,
    /// V15: `Py_FinalizeEx` on the main thread swaps the first thread state in; before, the caller's is the finalizer.
    FinalizerIsSwappedIn 13..=15,
    /// V14: the other thread states are freed with the runtime; then they are marked and wait for their threads.
    OthersAreFreed 8..=13,
    /// V19, and c1 and c2 of the observations: nobody drops the GIL at the end of an interpreter or of the runtime.
    EndKeepsTheGil 8..=11,
    /// V16: finalization ends sub-interpreters before its mark.
    SubsEndBeforeTheMark 14..=15,
    /// V16: it ends them after the modules, in place of their newest thread states. In other releases it does not.
    SubsEndAfterModules 13..=13,
    /// V18: `Py_EndInterpreter` is fatal while there are other thread states.
    OthersAreFatalAtEnd 8..=13,
    /// R17: `Py_EndInterpreter` drops the interpreter's pending calls; then it runs them.
    EndDropsCalls 8..=11,
    /// V20: `Py_AddPendingCall` queues with the interpreter of the caller's thread state.
    QueueOfInterpreter 9..=11,
    /// V21: pending calls run in whichever interpreter the main thread is in; then in the main one.
    CallsRunAnywhere 8..=11,
    /// V22: the queue has 31 places; then 32.
    OnePlaceIsWasted 8..=12,
    /// V9: what asks for pending calls is a bit of the first thread state, and of who takes the GIL.
    BitOfThreadState 13..=15,
    /// V9, R15: what asks is a word of each interpreter, computed by who adds, for itself, and by who takes the GIL.
    WordIsComputed 9..=12,
    /// R18: finalization runs pending calls until none is left; before, one round.
    FinishGoesOn 13..=15,
    /// Observed: the queue refuses calls from the last round on.
    FinishRefuses 8..=8,
    /// e5 of the observations: adding a call to a runtime that is finalized crashes.
    AddAfterTheEndCrashes 8..=12,
    /// V13: Ensure hangs where there is no main interpreter; before, it crashes.
    EnsureHangs 15..=15,
    /// U15: an interpreter's first thread state cannot be made again, once all are gone.
    FirstStateOnce 11..=12,
    /// gh-117953: a new interpreter visits the main one, with a thread state made for that.
    NewVisitsMain 13..=15,
    /// V26: HEAD_LOCK stays taken from `PyOS_BeforeFork` on.
    ForkKeepsHeadLock 13..=15,
    /// V27: the child of a process with sub-interpreters waits for itself.
    SubsHangTheChild 8..=12,
    /// V27: it dies of a fatal error; then of a null pointer.
    SubsAreFatalInTheChild 13..=13,
    /// Section 2, head: one short text for each function.
    TextsAreShort 8..=8,
    /// P20e: the public name stands before the text of deleting the current thread state.
    DeleteIsPublic 12..=15,
    /// g14 of the observations: `PyInterpreterState_Get` speaks of interpreters.
    TextOfNoInterpreter 15..=15,
    /// V24, gh-144748: `PyErr_CheckSignals` raises an async exception too.
    CheckRaisesExceptions 15,
    /// Contract 1.6, gh-104812: interpreters have queues of their own beside that of the main thread.
    OwnQueues 12..=15,
    /// gh-110310: of what is queued for an interpreter one bit names the main thread; before, anything but 0.
    FlagsAreBits 13..=15,
    /// Contract 1.6: an interpreter's own queue has 300 places, and a pass takes 100.
    OwnQueueIsLong 13..=15,
    /// Observed with a pending call and a tracer: a frame is told of before it checks; in others after.
    CallIsToldFirst 8..=10 | 12,
    /// Observed: a frame that is told of checks before and after that.
    ChecksTwice 11,
    /// Observed: a function of tracing that fails leaves the frame at once where it begins, and spares nobody where it ends.
    FailureLeaves 8..=10,
    /// PEP 669, observed: one that fails where a frame ends is an exception in it.
    FailureAtReturnUnwinds 12..=15,
    /// gh-137400: hooks are asked for each thread state of which the tracer is set; then once.
    HooksAreAskedForEach 12,
    /// V32: who is refused an interpreter gets null; then it is fatal.
    RefusalIsNull 8..=12,
    /// Observed: the null function evaluates as CPython's own.
    NullEvaluates 11..=15,
    /// V2: a thread state takes memory also where it is embedded afterwards.
    EveryStateTakesMemory 8..=12,
    /// V44: a reference tracer is told that it is replaced.
    ReplacedTracerIsTold 15,
    /// Observed: the slots come with the main interpreter; then with the runtime.
    KeyComesWithMain 8..=11,
    /// Observed: `Py_EncodeLocale` crashes in a thread that is not attached.
    EncodingReadsTheState 12..=15,
    /// Observed: `PyEval_ThreadsInitialized` says whether there is a GIL; before, 1.
    ThreadsNeedTheGil 12..=15,
}
